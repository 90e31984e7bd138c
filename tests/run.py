#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds with gcc, clang and sanitizers, runs every test, and counts: the last line reads "N passed, N failed, N skipped".

Groups run two at a time, since the machine of the tests has two cores.  A group's output is shown when it fails.
  tests/run.py [--full] [GROUP...]       groups by name, as printed
"""
import atexit
import concurrent.futures
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
os.chdir(ROOT)
FULL = "--full" in sys.argv
ONLY = [a for a in sys.argv[1:] if not a.startswith("-")]
FUZZ_SECONDS = "12"
SANITIZERS = {"ASAN_OPTIONS": "detect_leaks=1:strict_string_checks=1", "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
              "LSAN_OPTIONS": "suppressions=%s/tests/lsan.supp:print_suppressions=0" % ROOT}
# The analyser looks a fifth as far as it would; make check-full lets it.
ANALYSIS = " ".join("--extra-arg=-Xclang --extra-arg=%s" % word for word in ("-analyzer-config", "max-nodes=40000"))
GLIB = subprocess.run(["pkg-config", "--cflags", "--libs", "glib-2.0", "yyjson", "zlib", "libfyaml"], stdout=subprocess.PIPE, encoding="utf-8").stdout.split()
passed = failed = skipped = 0


def execute(command, env=None, timeout=1500):
    started = time.time()
    try:
        done = subprocess.run(command, env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout)
        return done.returncode, done.stdout.decode("utf-8", "replace"), time.time() - started
    except OSError as problem:
        return 127, str(problem), time.time() - started
    except subprocess.TimeoutExpired as late:
        return 124, (late.stdout or b"").decode("utf-8", "replace") + "\ntimed out", time.time() - started


def report(name, code, output, seconds, counted):
    """counted: the program prints ok / not ok lines; else it is one test by its exit code."""
    global passed, failed, skipped
    good = len(re.findall(r"^ok ", output, re.M)) if counted else int(code == 0)
    bad = len(re.findall(r"^not ok ", output, re.M)) if counted else int(code != 0)
    skipped_here = len(re.findall(r"^skip ", output, re.M)) if counted else 0
    if counted and code != 0 and not bad:
        bad = 1
    if counted and not good and not bad:
        bad = 1
    passed, failed, skipped = passed + good, failed + bad, skipped + skipped_here
    print("%-34s %3d passed, %d failed  %6.1f s" % (name, good, bad, seconds), flush=True)
    if bad:
        lines = [line for line in output.split("\n") if counted is False or not line.startswith("ok ")]
        print("\n".join("    " + line[:300] for line in lines[-60:]), flush=True)


def shell(text):
    return ["sh", "-c", text]


def build(folder, compiler, *options):
    if not os.path.exists(os.path.join(folder, "build.ninja")):
        code, output, seconds = execute(["meson", "setup", folder, *options], {"CC": compiler})
        if code:
            return code, output, seconds
    return execute(["ninja", "-C", folder, "--quiet"])


def wanted(name):
    return not ONLY or any(part in name for part in ONLY)


def together(groups):
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        running = [(name, counted, pool.submit(execute, command, env)) for name, counted, command, env in groups if wanted(name)]
        for name, counted, future in running:
            report(name, *future.result(), counted)


SPLIT = sorted(glob.glob("tests/data/split/*.sql"))
ROUNDTRIP = sorted(glob.glob("tests/data/roundtrip/*.sql")) + ["examples/shop/01_schema.sql"]


def fuzzer(target, define, seeds):
    sources = glob.glob("src/base/*.c") + glob.glob("src/sql/*.c") + glob.glob("src/schema/*.c") + glob.glob("src/survey/*.c")
    corpus = "build-fuzz/%s" % target
    compile_it = ("mkdir -p %s && clang-19 -std=gnu17 -g -O1 -D_GNU_SOURCE -D%s -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -Isrc -isystem /usr/include/pg_query "
                  "-isystem /usr/include/pg_query/postgres tests/fuzz/fuzz.c %s -o build-fuzz/fuzz-%s -Wl,-Bstatic -lpg_query -Wl,-Bdynamic %s -lm -lpthread"
                  % (corpus, define, " ".join(sources), target, " ".join(GLIB)))
    return shell("%s && build-fuzz/fuzz-%s -max_total_time=%s -rss_limit_mb=4096 -timeout=10 -max_len=65536 -verbosity=0 -print_final_stats=1 -artifact_prefix=build-fuzz/ %s %s"
                 % (compile_it, target, "600" if FULL else FUZZ_SECONDS, corpus, seeds))


own_caches = []
atexit.register(lambda: [shutil.rmtree(folder, ignore_errors=True) for folder in own_caches])


def own_cache():
    """A cache that shares nothing but the servers' programs; in memory where there is plenty, since labs are thousands of small files."""
    roomy = os.path.isdir("/dev/shm") and shutil.disk_usage("/dev/shm").free > 12 << 30
    folder = tempfile.mkdtemp(prefix="dbarch-cache-", dir="/dev/shm" if roomy else None)
    os.chmod(folder, 0o755)
    shared = os.environ.get("DBARCH_CACHE") or ("/var/cache/dbarch" if os.geteuid() == 0 else os.path.expanduser("~/.cache/dbarch"))
    os.symlink(os.path.join(shared, "runtime"), os.path.join(folder, "runtime"))
    own_caches.append(folder)
    return folder


began = time.time()
report("build: gcc", *build("build", "gcc"), False)
if failed:
    print("%d passed, %d failed, %d skipped" % (passed, failed, skipped))
    sys.exit(1)
if wanted("build"):
    report("build: clang", *build("build-clang", "clang-19"), False)
if wanted("build") or wanted("sanitizers"):
    report("build: sanitizers", *build("build-asan", "clang-19", "-Db_sanitize=address,undefined", "-Db_lundef=false"), False)
together([
    ("order of the house", False, ["python3", "tools/house.py"], None),
    ("format", False, shell("clang-format-19 --dry-run -Werror src/*/*.c src/*/*.h tests/*/*.c tests/*.h"), None),
    ("cppcheck", False, shell("cppcheck --quiet --error-exitcode=1 --enable=warning,portability --inline-suppr --std=c11 -Isrc -D__GNUC__ '-DG_DEFINE_AUTOPTR_CLEANUP_FUNC(a,b)=' '-DG_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(a,b)=' -Dg_autofree= '-Dg_autoptr(t)=t*' '-Dg_auto(t)=t' '-DG_GINT64_FORMAT=\"ld\"' '-DG_GUINT64_FORMAT=\"lu\"' --suppressions-list=tests/cppcheck.supp src"), None),
    ("clang-tidy", False, shell("ls src/*/*.c | xargs -P2 -n6 clang-tidy-19 -p build --quiet %s 2>/dev/null" % ("" if FULL else ANALYSIS)), None),
    ("unit: base", True, ["build/tests/test-base"], None),
    ("unit: sql", True, ["build/tests/test-sql", *SPLIT], None),
    ("quality: statements", True, ["python3", "tests/quality/statements.py"], {"TEST_PG_MAJOR": "17"}),
    ("unit: permutations", True, ["build/tests/test-shuffle"], None),
    ("unit: base, valgrind", True, ["valgrind", "-q", "--error-exitcode=9", "--leak-check=full", "--errors-for-leak-kinds=definite", "build/tests/test-base"], {"G_SLICE": "always-malloc"}),
    ("unit: base, sanitizers", True, ["build-asan/tests/test-base"], SANITIZERS),
    ("unit: sql, sanitizers", True, ["build-asan/tests/test-sql", *SPLIT], SANITIZERS),
    ("unit: permutations, sanitizers", True, ["build-asan/tests/test-shuffle"], SANITIZERS),
    ("live: round trip on 17", True, ["build/tests/roundtrip", *ROUNDTRIP], {"TEST_PG_MAJOR": "17"}),
    ("live: round trip on 15", True, ["build/tests/roundtrip", *ROUNDTRIP], {"TEST_PG_MAJOR": "15"}),
    ("live: round trip on 18", True, ["build/tests/roundtrip", *ROUNDTRIP], {"TEST_PG_MAJOR": "18"}),
    ("live: round trip, sanitizers", True, ["build-asan/tests/roundtrip", *ROUNDTRIP], {"TEST_PG_MAJOR": "17", **SANITIZERS}),
    ("live: what-if on 17", True, ["build/tests/what-if"], {"TEST_PG_MAJOR": "17"}),
    ("live: what-if on 15", True, ["build/tests/what-if"], {"TEST_PG_MAJOR": "15"}),
    ("live: what-if on 18", True, ["build/tests/what-if"], {"TEST_PG_MAJOR": "18"}),
    ("live: what-if, sanitizers", True, ["build-asan/tests/what-if"], {"TEST_PG_MAJOR": "17", "TEST_MODULES": "build-asan/pgmodule", **SANITIZERS}),
    ("fuzz: splitter", False, fuzzer("split", "FUZZ_SPLIT", "tests/data/split"), None),
    ("fuzz: survey reader", False, fuzzer("survey", "FUZZ_SURVEY", "tests/fuzz/seeds/survey"), None),
])
# Timing-sensitive groups have the machine to themselves; those that count labs have a cache of their own.
for groups in [[
    ("live: migrate on 17", True, ["python3", "tests/live/migrate.py"], {"TEST_PG_MAJOR": "17", "DBARCH_CACHE": own_cache()}),
    ("quality: rules", True, ["python3", "tests/quality/rules.py"], {"DBARCH_CACHE": own_cache()}),
], [
    ("live: program, on 17, other half", True, ["python3", "tests/live/e2e.py"], {"TEST_PG_MAJOR": "17", "TEST_HALF": "2", "DBARCH_CACHE": own_cache()}),
    ("live: program, on 17, one half", True, ["python3", "tests/live/e2e.py"], {"TEST_PG_MAJOR": "17", "TEST_HALF": "1", "DBARCH_CACHE": own_cache()}),
    ("live: program, sanitizers", True, ["python3", "tests/live/e2e.py", "lab run", "hostile", "review of a live", "survey", "redaction", "bad input", "cycles", "SIGINT", "yaml", "what-if", "load: clients", "sample", "planned", "password", "object"],
     {"TEST_PG_MAJOR": "17", "DBARCH_BUILD": os.path.join(ROOT, "build-asan"), "DBARCH_CACHE": own_cache(), **SANITIZERS}),
    ("live: program, on 15", True, ["python3", "tests/live/e2e.py"] + ([] if FULL else ["lab run", "lab extensions", "hostile", "live database", "survey:", "pg_dump", "locked", "invalid"]), {"TEST_PG_MAJOR": "15", "DBARCH_CACHE": own_cache()}),
    ("quality: real schemas", True, ["python3", "tests/quality/real.py"], {"DBARCH_CACHE": own_cache()}),
    ("live: running migrations on 17", True, ["python3", "tests/live/run.py"], {"TEST_PG_MAJOR": "17", "DBARCH_CACHE": own_cache()}),
    ("live: running migrations, sanitizers", True, ["python3", "tests/live/run.py", "plain", "copied", "refused", "own", "invalid", "taken", "killed"], {"TEST_PG_MAJOR": "17", "DBARCH_BUILD": os.path.join(ROOT, "build-asan"), "DBARCH_CACHE": own_cache(), **SANITIZERS}),
    ("live: rehearsals on 17", True, ["python3", "tests/live/rehearse.py"], {"TEST_PG_MAJOR": "17", "DBARCH_CACHE": own_cache()}),
    ("live: backfills on 17", True, ["python3", "tests/live/backfill.py"], {"TEST_PG_MAJOR": "17", "DBARCH_CACHE": own_cache()}),
    ("live: fixes on 17", True, ["python3", "tests/live/fixes.py"] + (["--full"] if FULL else []), {"TEST_PG_MAJOR": "17", "DBARCH_CACHE": own_cache()}),
    ("live: fixes, sanitizers", True, ["python3", "tests/live/fixes.py", "unique key", "column, not null", "rows"], {"TEST_PG_MAJOR": "17", "DBARCH_BUILD": os.path.join(ROOT, "build-asan"), "DBARCH_CACHE": own_cache(), **SANITIZERS}),
    ("live: drift on 17", True, ["python3", "tests/live/drift.py"] + (["--full"] if FULL else []), {"TEST_PG_MAJOR": "17", "DBARCH_CACHE": own_cache()}),
    ("live: rehearsals, sanitizers", True, ["python3", "tests/live/rehearse.py", "errors", "destroyed", "ledger", "secrets"], {"TEST_PG_MAJOR": "17", "DBARCH_BUILD": os.path.join(ROOT, "build-asan"), "DBARCH_CACHE": own_cache(), **SANITIZERS}),
    ("live: migrate, sanitizers", True, ["python3", "tests/live/migrate.py", "--part"], {"TEST_PG_MAJOR": "17", "DBARCH_BUILD": os.path.join(ROOT, "build-asan"), "DBARCH_CACHE": own_cache(), **SANITIZERS}),
    ("quality: planted faults on 17", True, ["python3", "tests/quality/faults.py"], {"TEST_PG_MAJOR": "17", "DBARCH_CACHE": own_cache()}),
    ("quality: lint on 17", True, ["python3", "tests/quality/lint.py"], {"TEST_PG_MAJOR": "17", "DBARCH_CACHE": own_cache()}),
    ("quality: histories", True, ["python3", "tests/quality/history.py"] + (["--full"] if FULL else []), {"TEST_PG_MAJOR": "17", "DBARCH_CACHE": own_cache()}),
    ("quality: twin on 17", True, ["python3", "tests/quality/twin.py"], {"TEST_PG_MAJOR": "17", "DBARCH_CACHE": own_cache()}),
    ("quality: twin on 15", True, ["python3", "tests/quality/twin.py", *(() if FULL else ("--live",))], {"TEST_PG_MAJOR": "15", "DBARCH_CACHE": own_cache()}),
    ("quality: twin on 18", True, ["python3", "tests/quality/twin.py", *(() if FULL else ("--live",))], {"TEST_PG_MAJOR": "18", "DBARCH_CACHE": own_cache()}),
    ("quality: stand-in, sanitizers", True, ["python3", "tests/quality/standin.py", "--people"], {"TEST_PG_MAJOR": "17", "DBARCH_BUILD": os.path.join(ROOT, "build-asan"), "DBARCH_CACHE": own_cache(), **SANITIZERS}),
    ("live: index on 17", True, ["python3", "tests/live/index.py"], {"TEST_PG_MAJOR": "17", "DBARCH_CACHE": own_cache()}),
    ("live: index, sanitizers", True, ["python3", "tests/live/index.py", "the"], {"TEST_PG_MAJOR": "17", "DBARCH_BUILD": os.path.join(ROOT, "build-asan"), "DBARCH_CACHE": own_cache(), **SANITIZERS}),
    ("quality: index on TPC-H", True, ["python3", "bench/index.py", "1" if FULL else "0.1", "--check"], {"DBARCH_CACHE": own_cache()}),
    ("quality: what statements want", True, ["python3", "tests/quality/wants.py"], {"DBARCH_CACHE": own_cache()}),
    ("quality: index", True, ["python3", "tests/quality/index.py"], {"DBARCH_CACHE": own_cache()}),
    ("quality: what-if on 17", True, ["python3", "tests/quality/whatif.py"], {"TEST_PG_MAJOR": "17", "DBARCH_CACHE": own_cache()}),
    ("quality: stand-in on 17", True, ["python3", "tests/quality/standin.py"], {"TEST_PG_MAJOR": "17", "DBARCH_CACHE": own_cache()}),
    ("quality: growth", True, ["python3", "tests/quality/growth.py"] + (["--full"] if FULL else []), {"TEST_PG_MAJOR": "17", "DBARCH_CACHE": own_cache()}),
    ("quality: redaction", True, ["python3", "tests/quality/redact.py"] + (["--full"] if FULL else []), {"TEST_PG_MAJOR": "17", "DBARCH_CACHE": own_cache()}),
    ("quality: TPC-H and pgbench", True, ["python3", "tests/quality/standard.py", "1" if FULL else "0.05"], {"TEST_PG_MAJOR": "17", "DBARCH_CACHE": own_cache()}),
] + [test for major in ("15", "18") if FULL for test in (
    ("quality: planted faults on " + major, True, ["python3", "tests/quality/faults.py"], {"TEST_PG_MAJOR": major, "DBARCH_CACHE": own_cache()}),
    ("quality: lint on " + major, True, ["python3", "tests/quality/lint.py"], {"TEST_PG_MAJOR": major, "DBARCH_CACHE": own_cache()}),
    ("quality: what-if on " + major, True, ["python3", "tests/quality/whatif.py"], {"TEST_PG_MAJOR": major, "DBARCH_CACHE": own_cache()}),
    ("quality: stand-in on " + major, True, ["python3", "tests/quality/standin.py"], {"TEST_PG_MAJOR": major, "DBARCH_CACHE": own_cache()}),
)], [
    ("quality: durations on 17", True, ["python3", "tests/quality/durations.py"] + (["--full"] if FULL else []), {"TEST_PG_MAJOR": "17", "DBARCH_CACHE": own_cache()}),
], [
    ("live: limits and speed", True, ["python3", "bench/bench.py", "--check"] + (["--full"] if FULL else []), None),
]]:
    together(groups)
print("in %.0f s" % (time.time() - began))
print("%d passed, %d failed, %d skipped" % (passed, failed, skipped))
sys.exit(1 if failed else 0)

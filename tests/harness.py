# SPDX-License-Identifier: Apache-2.0
"""What the Python tests share: running dbarch, a lab of the test's own, printing "ok" and "not ok"."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ.get("DBARCH_BUILD", os.path.join(ROOT, "build"))
DBARCH = os.path.join(BUILD, "src", "dbarch")
WORK = tempfile.mkdtemp(prefix="dbarch-test-")
os.chmod(WORK, 0o755)
failed = 0


def clean_env(**more):
    env = {k: v for k, v in os.environ.items() if not k.startswith("PG") and k not in ("CI", "NO_COLOR")}
    env.update(more)
    return env


def run(*args, env=None, cwd=WORK, timeout=300, stdin=subprocess.DEVNULL):
    return subprocess.run([DBARCH, *args], env=env or clean_env(), cwd=cwd, timeout=timeout, stdin=stdin,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", errors="replace")


def test(name, function):
    global failed
    began = time.time()
    try:
        function()
        print("ok %s [%.1f s]" % (name, time.time() - began), flush=True)
    except Exception as error:  # a test must not end the others
        failed += 1
        where = traceback.extract_tb(error.__traceback__)[-1]
        for line in str(error).split("\n")[:20]:
            print("#", line)
        print("not ok %s (%s:%d)" % (name, os.path.basename(where.filename), where.lineno), flush=True)


def equal(actual, expected):
    if actual != expected:
        raise AssertionError("%r is not %r" % (actual, expected))


def contains(text, part):
    if part not in text:
        raise AssertionError("%r is not in %r" % (part, text[:2000]))


def write(name, text):
    path = os.path.join(WORK, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)
    return path


def review(subject, *options, out=None, env=None):
    """Reviews and returns (process, findings.json or None)."""
    out = out or tempfile.mkdtemp(prefix="out-", dir=WORK)
    process = run("review", subject, "-q", "--out", out, *options, env=env)
    path = os.path.join(out, "findings.json")
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            return process, json.load(file)
    return process, None


def finish():
    shutil.rmtree(WORK, ignore_errors=True)
    sys.exit(1 if failed else 0)

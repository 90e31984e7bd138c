#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""make bench-migrate: running migrations, with dbmate (npm) beside it: one project's real history from nothing, 200 small ones, and a run with nothing to do.

Both run the same statements on the same private server, each on a database of its own, in turns.  dbmate's schema dump is turned off.
"""
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "tests"))
from harness import DBARCH, clean_env  # noqa: E402
from target import Target  # noqa: E402
import fetching  # noqa: E402

RUNS = 5


def pairs_of(folder):
    names = sorted(name for name in os.listdir(folder) if name.endswith(".up.sql"))
    for name in names:
        texts = []
        for path in (name, name.replace(".up.sql", ".down.sql")):
            with open(os.path.join(folder, path), encoding="utf-8") as file:
                texts.append(file.read())
        yield name[:-len(".up.sql")], texts[0], texts[1]


def write_dbmate(pairs, folder):
    os.makedirs(folder)
    for name, up, down in pairs:
        up, down = (re.sub(r"(?mi)^\s*(begin|commit|start transaction)\s*;\s*$", "", text) for text in (up, down))
        with open(os.path.join(folder, name + ".sql"), "w", encoding="utf-8") as out:
            out.write("-- migrate:up\n%s\n-- migrate:down\n%s\n" % (up, down))


def timed(command, cwd):
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", env=clean_env(), check=False)
    wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, (command, done.stdout[-800:], done.stderr[-800:])
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def median(numbers):
    return sorted(numbers)[len(numbers) // 2]


def main():
    dbmate = fetching.npm("@dbmate/linux-x64", "2.36.0", "bin/dbmate")
    work, target = tempfile.mkdtemp(prefix="dbarch-bench-"), Target()
    module, below = fetching.HISTORIES[0]
    history = list(pairs_of(os.path.join(fetching.go(module), below)))
    small = [("%04d_t" % n, "create table t%d (id int primary key, a text);\n" % n, "drop table t%d;\n" % n) for n in range(1, 201)]
    good = True
    print("%-44s %10s %10s %10s %10s" % ("", "wall ms", "CPU ms", "again ms", "again CPU"))
    try:
        for title, pairs in (("200 small migrations", small), ("%s: %d migrations" % (module.split("@")[0], len(history)), history)):
            ours, theirs = os.path.join(work, "ours%d" % len(pairs)), os.path.join(work, "theirs%d" % len(pairs))
            os.makedirs(ours)
            for name, up, down in pairs:
                for suffix, text in ((".up.sql", up), (".down.sql", down)):
                    with open(os.path.join(ours, name + suffix), "w", encoding="utf-8") as out:
                        out.write(text)
            write_dbmate(pairs, theirs)
            rows = {"dbarch migrate up": [], "dbmate up": []}
            for _ in range(RUNS):
                for name, times in rows.items():
                    database = target.database()
                    url = "postgres://dbarch@/%s?socket=%s" % (database, target.host)
                    command = ([DBARCH, "migrate", "up", ours, "-d", target.conninfo(database), "-q", "--override", "undo=a bench"] if name.startswith("dbarch") else
                               [dbmate, "--no-dump-schema", "--migrations-dir", theirs, "--url", url, "up"])
                    times.append((*timed(command, work), *timed(command, work)))
                    target.psql("postgres", "drop database %s" % database)
            print(title)
            for name, times in rows.items():
                print("  %-42s %10.0f %10.0f %10.0f %10.0f" % (name, *(1e3 * median([t[i] for t in times]) for i in range(4))))
            a, b = (median([t[0] for t in rows[name]]) for name in rows)
            good &= a < 1.2 * b
    finally:
        target.stop()
        shutil.rmtree(work, ignore_errors=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())

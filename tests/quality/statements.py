#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Locks, scans and rewrites of over 200 statements: what is told from their text against what a server does.

tests/data/lint/schema.sql is what they are about, statements.sql has one to a line.  The truth is psql's: each statement runs in a transaction that is
rolled back, and pg_locks, relfilenodes and pg_stat_get_xact_numscans() are read before that.  What runs outside of a transaction only is made to wait for
a lock, and the lock that it waits for is looked at.  statements.py --truth SCHEMA STATEMENTS is its own part, run inside of `dbarch lab run`.
"""
import json
import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import BUILD, DBARCH, ROOT, clean_env, finish, test  # noqa: E402

MODES = ["AccessShareLock", "RowShareLock", "RowExclusiveLock", "ShareUpdateExclusiveLock", "ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock"]
NODES = ("select 'node', c.oid, format('%I.%I', n.nspname, c.relname), c.relfilenode, pg_stat_get_xact_numscans(c.oid) from pg_class c join pg_namespace n on n.oid = c.relnamespace"
         " where c.relkind in ('r', 'p', 'm', 'v') and c.oid >= 16384")
HELD = "select 'lock', relation, mode from pg_locks where locktype = 'relation' and relation >= 16384 and pid = %s"
OUTSIDE = re.compile(r"^(create index concurrently|drop index concurrently|reindex.*concurrently|vacuum)", re.I)


def psql(database, sql):
    return subprocess.run(["psql", "-XAtq", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-d", database], input=sql, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          encoding="utf-8", check=False)


def rows(text, word):
    return [line.split("\t")[1:] for line in text.split("\n") if line.startswith(word + "\t")]


def verdict(before, after, locks):
    names = {oid: name for oid, name, _, _ in before}
    held = {}
    for oid, mode in locks:
        if oid in names:
            held[names[oid]] = max(held.get(names[oid], 0), MODES.index(mode) + 1)
    now = {oid: (node, scans) for oid, _, node, scans in after}
    return {"held": held, "rewrites": sorted(name for oid, name, node, _ in before if oid in now and now[oid][0] != node),
            "scans": sorted(name for oid, name, _, scans in before if oid in now and int(now[oid][1] or 0) > int(scans or 0))}


def inside(statement):
    script = "begin;\n%s;\n\\echo HERE\n%s;\n%s\n%s;\n%s;\n" % (NODES, statement, "\\.\n" if "from stdin" in statement else "", HELD % "pg_backend_pid()", NODES)
    done = psql("base", script)
    if done.returncode:
        return {"error": done.stderr.strip().split("\n")[0]}
    before, _, after = done.stdout.partition("HERE\n")
    return verdict(rows(before, "node"), rows(after, "node"), rows(after, "lock"))


def outside(statement):
    psql("postgres", "drop database if exists copy with (force); create database copy template base strategy file_copy;")
    before = psql("copy", NODES + ";").stdout
    table = "t"
    blocker = subprocess.Popen(["psql", "-XAtq", "-d", "copy"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8")
    blocker.stdin.write("begin; lock table %s in share update exclusive mode; select 'held';\n" % table)
    blocker.stdin.flush()
    blocker.stdout.readline()
    runner = subprocess.Popen(["psql", "-XAtq", "-d", "copy", "-c", statement], stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8")
    locks = []
    for _ in range(200):
        waiting = "(select pid from pg_stat_activity where datname = 'copy' and wait_event_type = 'Lock' limit 1)"
        locks = rows(psql("copy", HELD % waiting + ";").stdout, "lock")
        if locks:
            break
        time.sleep(0.02)
    blocker.stdin.write("commit;\n")
    blocker.communicate()
    runner.communicate()
    return dict(verdict(rows(before, "node"), rows(psql("copy", NODES + ";").stdout, "node"), locks), outside=True) if locks else {"error": "it waited for nothing"}


def truth(schema, statements):
    psql("postgres", "create database base")
    with open(schema, encoding="utf-8") as file:
        done = psql("base", file.read())
    assert done.returncode == 0, done.stderr
    out = []
    with open(statements, encoding="utf-8") as file:
        for line in file:
            line = line.rstrip("\n")
            if line:
                out.append(dict(outside(line) if OUTSIDE.match(line) else inside(line), sql=line))
    print(json.dumps(out))


def told(schema, statements):
    done = subprocess.run([os.path.join(BUILD, "tests", "test-effects"), schema, statements], stdout=subprocess.PIPE, encoding="utf-8", check=True)
    out = {}
    for line in done.stdout.rstrip("\n").split("\n"):
        sql, *effects = line.split("\t")
        out[sql] = {}
        for effect in effects:
            name, word = effect.rsplit(" ", 1)
            out[sql][name] = (int(re.match(r"\d+", word).group(0)), "s" in word, "w" in word)
    return out


SEEN = []
SCHEMA, STATEMENTS = os.path.join(ROOT, "tests", "data", "lint", "schema.sql"), os.path.join(ROOT, "tests", "data", "lint", "statements.sql")
ROW_SHARE, UPDATE_EXCLUSIVE = 2, 4


def differences(fact, guess):
    """What of a statement is told wrongly."""
    problems = []
    held = {name: mode for name, mode in fact["held"].items() if mode >= ROW_SHARE}
    said = {name: effect[0] for name, effect in guess.items() if effect[0] >= ROW_SHARE}
    for name in sorted(set(held) | set(said)):
        if held.get(name, 0) != said.get(name, 0):
            problems.append("lock on %s is %d, told %d" % (name, held.get(name, 0), said.get(name, 0)))
    rewritten = {name for name in fact["rewrites"] if not fact["sql"].startswith("truncate")}
    if rewritten != {name for name, effect in guess.items() if effect[2]}:
        problems.append("rewrites %s, told %s" % (sorted(rewritten), sorted(name for name, effect in guess.items() if effect[2])))
    if fact.get("outside") or fact["sql"].startswith("truncate"):
        return problems
    strong = {name for name, mode in held.items() if mode >= UPDATE_EXCLUSIVE}
    scanned = {name for name in fact["scans"] if name in strong and name not in rewritten}
    guessed = {name for name, effect in guess.items() if effect[1] and not effect[2] and name in strong}
    if scanned != guessed:
        problems.append("scans %s, told %s" % (sorted(scanned), sorted(guessed)))
    return problems


def statements():
    asked = subprocess.run([DBARCH, "lab", "run", "--", sys.executable, os.path.abspath(__file__), "--truth", SCHEMA, STATEMENTS],
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", env=clean_env(), check=False)
    assert asked.returncode == 0, asked.stdout + asked.stderr
    facts = json.loads(asked.stdout.strip().split("\n")[-1])
    guesses = told(SCHEMA, STATEMENTS)
    usable = [fact for fact in facts if "error" not in fact]
    wrong = []
    for fact in usable:
        problems = differences(fact, guesses[fact["sql"]])
        if problems:
            wrong.append("%s: %s" % (fact["sql"], "; ".join(problems)))
    print("    %d statements on a live server, %d told rightly from their text (%.1f %%); %d that the server refuses" %
          (len(usable), len(usable) - len(wrong), 100 * (1 - len(wrong) / len(usable)), len(facts) - len(usable)))
    for line in wrong:
        print("    " + line)
    assert len(usable) >= 120 and len(wrong) <= 0.01 * len(usable), "%d of %d" % (len(wrong), len(usable))


if "--truth" in sys.argv:
    truth(sys.argv[2], sys.argv[3])
    sys.exit(0)
test("statements against a server", statements)
finish()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Backfills as steps of their own: every row once, whatever cuts them; others get their turn; what is wrong with a directive is told."""
import os
import random
import re
import signal
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import DBARCH, WORK, clean_env, contains, equal, finish, run, test, write  # noqa: E402
from target import MAJOR, Target  # noqa: E402

TARGET = Target()
OVERRIDE = ("--override", "rehearsal=a test")
LET_GO = ("--no-lab", "--confirm", "public.t.n", "--confirm", "public.t.other", "--override", "backup=a test")  # what is written over is asked for, and looked at in a lab


class Project:
    def __init__(self, name, up, down="-- dbarch: backfill table=t set=\"n = n - 1\"\n", rows=20000, key="id int primary key"):
        self.folder = os.path.join(WORK, name)
        shutil.rmtree(self.folder, ignore_errors=True)
        write(name + "/migrations/001_fill.up.sql", up)
        write(name + "/migrations/001_fill.down.sql", down)
        self.database = TARGET.database()
        TARGET.psql(self.database, "set search_path = public; create table t (%s, n int not null default 0, other int); insert into t (id) select i from generate_series(1, %d) i; analyze t;" % (key, rows))

    def migrate(self, word, *options, **more):
        return run("migrate", word, "-d", TARGET.conninfo(self.database), *options, cwd=self.folder, **more)

    def up(self, *options):
        return self.migrate("up", *OVERRIDE, *options)

    def psql(self, sql):
        return TARGET.psql(self.database, "set search_path = public; " + sql)


def plain():
    project = Project("plain", "-- dbarch: backfill table=t set=\"n = n + 1\" batch=1000 pause=0s\n")
    done = project.up(*LET_GO)
    equal(done.returncode, 0)
    contains(done.stderr, "filled t: 20 k rows changed")
    equal(project.psql("select min(n), max(n), count(*) from t"), "1|1|20000")
    equal(project.psql("select state, done, rows from dbarch.migrations"), "applied|0|")
    equal(project.psql("select count(distinct xmin::text) between 20 and 22, max(n) <= 1000 from (select xmin, count(*) over (partition by xmin::text) n from t) x"), "t|t")
    equal(project.migrate("down", *LET_GO).returncode, 0)
    equal(project.psql("select min(n), max(n), count(*) from t"), "0|0|20000")


def with_where():
    """Bare values, several in one file, a key of two columns, quotes in names."""
    project = Project("where", "-- dbarch: backfill table=public.t set=n = 5, other = id * 2 where=id %% 2 = 0 and n <> 5 batch=700 pause=1ms\n"
                      "-- dbarch: backfill table=\"\\\"Two keys\\\"\" set=\"v = 'it''s \\\"x\\\"'\" where=\"v is null\"\n".replace("%%", "%"))
    project.psql('create table "Two keys" (a text, "B b" int, v text, primary key ("B b", a)); insert into "Two keys" select chr(65 + i % 26) || i, i / 7, null from generate_series(1, 9000) i')
    refused = project.up()
    contains(refused.stderr, "writes over values of public.t.n\n")
    assert "Two keys" not in refused.stderr, refused.stderr
    done = project.up(*LET_GO)
    equal((done.returncode, done.stderr if done.returncode else ""), (0, ""))
    equal(project.psql("select count(*) filter (where n = 5 and other = id * 2), count(*) filter (where n = 0) from t"), "10000|10000")
    equal(project.psql('select count(*) from "Two keys" where v = \'it\'\'s "x"\''), "9000")


def killed():
    """kill -9 at many moments: each row is changed once."""
    project = Project("killed", "-- dbarch: backfill table=t set=\"n = n + 1\" batch=400 pause=2ms\n-- dbarch: backfill table=t set=\"other = coalesce(other, 0) + 1\" batch=300 pause=1ms\n", rows=60000)
    dice, seen, cuts = random.Random(7), set(), 0
    while True:
        process = subprocess.Popen([DBARCH, "migrate", "up", "-d", TARGET.conninfo(project.database), *OVERRIDE, *LET_GO, "-q"], cwd=project.folder, env=clean_env(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(dice.uniform(0.02, 0.25))
            break
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            cuts += 1
        status = project.migrate("status").stdout
        seen.update(re.findall(r"its backfill came to \{(\d+)\}", status))
    equal(process.returncode, 0)
    equal(project.psql("select min(n), max(n), min(other), max(other), count(*) from t"), "1|1|1|1|60000")
    print("    %d cuts, at %d places" % (cuts, len(seen)))
    assert cuts > 3 and len(seen) > 2


def interrupted():
    project = Project("interrupted", "-- dbarch: backfill table=t set=\"n = n + 1\" batch=100 pause=50ms\n")
    process = subprocess.Popen([DBARCH, "migrate", "up", "-d", TARGET.conninfo(project.database), *OVERRIDE, *LET_GO, "-q"], cwd=project.folder, env=clean_env(), stderr=subprocess.PIPE, encoding="utf-8")
    time.sleep(0.7)
    contains(project.migrate("status").stdout, "is at work on it: ")
    process.send_signal(signal.SIGINT)
    contains(process.communicate(timeout=10)[1], "interrupted")
    equal(process.returncode, 130)
    contains(project.migrate("status").stdout, "migrate up goes on from there")
    write("interrupted/migrations/001_fill.up.sql", "-- dbarch: backfill table=t set=\"n = n + 1\" batch=100 pause=0ms\n")  # its text may change how fast it goes
    refused = project.up()
    equal(refused.returncode, 6)
    contains(refused.stderr, "stopped half way, and was edited since")
    out = project.up(*LET_GO, "--override", "edited=only the pace is another")
    equal((out.returncode, out.stderr if out.returncode else ""), (0, ""))
    equal(project.psql("select min(n), max(n) from t"), "1|1")


def others_get_their_turn():
    """A row that a client holds delays one batch, which is tried again; a client's update never waits for long."""
    project = Project("turns", "-- dbarch: backfill table=t set=\"n = n + 1\" batch=2000\n", rows=40000)
    session = TARGET.session(project.database)
    session.stdin.write("set search_path = public; begin; update t set other = 1 where id = 30000;\n")
    session.stdin.flush()
    time.sleep(0.3)
    process = subprocess.Popen([DBARCH, "migrate", "up", "-d", TARGET.conninfo(project.database), *OVERRIDE, *LET_GO, "--lock-timeout", "100ms"], cwd=project.folder, env=clean_env(), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, encoding="utf-8")
    worst, began = 0, time.time()
    while time.time() - began < 1.5:
        from_ = time.time()
        project.psql("update t set other = 2 where id = 100")
        worst = max(worst, time.time() - from_)
    session.stdin.write("commit;\n\\q\n")
    session.stdin.flush()
    _, said = process.communicate(timeout=30)
    equal(process.returncode, 0)
    contains(said, "a lock was not to be had")
    equal(project.psql("select min(n), max(n) from t"), "1|1")
    assert worst < 0.5, worst


def wrong():
    for text, part in (("table=t", "it needs table= and set="), ("set=\"n = 1\"", "it needs table= and set="), ("tabel=t set=\"n = 1\"", "did you mean table?"), ("table=t set=\"n = 1\" batch=0", "say 1 to 1000000"),
                       ("table=t set=\"n = 1\" pause=soon", "is no time"), ("table=t set=\"n = 1; drop table t\"", "do not make one UPDATE"), ("table=t set=\"n = \"", "do not make one UPDATE"),
                       ("table=t set=\"\"", "has no value")):
        project = Project("wrong", "-- dbarch: backfill %s\n" % text, rows=10)
        out = project.up(*LET_GO)
        equal(out.returncode, 3)
        contains(out.stderr, "001_fill.up.sql:1:1: backfill: ")
        contains(out.stderr, part)
    project = Project("wrong", "select 1;\n-- dbarch: backfill table=t set=\"n = 1\"\n", rows=10)
    contains(project.up(*LET_GO).stderr, "a backfill is a step of its own")
    project = Project("wrong", "-- dbarch: backfill table=t set=\"n = 1\"\n", rows=10, key="id int")
    contains(project.up(*LET_GO).stderr, "t has no primary key to go along by")
    project = Project("wrong", "-- dbarch: backfill table=t set=\"n = 1 / (id - 5)\"\n", rows=10)
    out = project.up(*LET_GO)
    equal(out.returncode, 3)
    contains(out.stderr, "001_fill.up.sql:1: backfill: division by zero")
    contains(project.migrate("status").stdout, "stopped")
    project = Project("wrong", "-- dbarch: backfill table=t set=\"n = 1, id = id + 100000\"\n", rows=10)
    contains(project.up(*LET_GO, "--confirm", "public.t.id").stderr, "id is a column of the key that t is gone along by: it cannot be set")
    project = Project("wrong", "/*\n-- dbarch: backfill table=t set=\"n = 99\"\n*/\nselect 1;\n", rows=10)
    equal((project.up(*LET_GO).returncode, project.psql("select max(n) from t")), (0, "0"))  # a comment is none
    project = Project("wrong", "-- dbarch: backfill table=none set=\"n = 1\"\n", rows=10)
    contains(project.up(*LET_GO).stderr, 'relation "none" does not exist')


def verified_and_rehearsed():
    project = Project("tried", "-- dbarch: backfill table=t set=\"n = id\" where=\"n = 0\" batch=500\n", down="-- dbarch: backfill table=t set=\"n = 0\"\n")
    write("tried/migrations/000_t.up.sql", "create table t (id int primary key, n int not null default 0, other int);\n")
    write("tried/migrations/000_t.down.sql", "drop table t;\n")
    project.migrate("baseline", "--to", "000")
    contains(run("migrate", "verify", cwd=project.folder).stdout, "2 migrations")
    done = run("migrate", "lint", "--json", cwd=project.folder)
    equal([f for f in __import__("json").loads(done.stdout).get("findings", []) if "001" in f["object"]], [])
    rehearsed = project.migrate("rehearse", "--time", "1", "-q", "--pg-major", MAJOR)
    contains(rehearsed.stdout, "1 of 1 passed")
    contains(rehearsed.stdout, "update t set n = id where n = 0")
    equal(project.migrate("up", *LET_GO).returncode, 0)
    equal(project.psql("select count(*) from t where n = id"), "20000")


for name, function in list(globals().items()):
    if callable(function) and getattr(function, "__module__", "") == "__main__" and name != "Project" and (not sys.argv[1:] or any(word in name for word in sys.argv[1:])):
        test("backfill: " + name.replace("_", " "), function)
TARGET.stop()
finish()

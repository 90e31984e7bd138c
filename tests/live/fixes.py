#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""dbarch migrate lint --fix: what makes others wait is written anew as migrations that do not; pg_dump, which knows nothing of dbarch, says that the same schema comes
of them, the rows are the same, and every new undo undoes."""
import functools
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import WORK, clean_env, contains, equal, finish, run, test, write  # noqa: E402
from target import BIN, MAJOR, Target  # noqa: E402

TARGET = Target()
BASE = """create table parent (id int, k int not null, primary key (id));
create table t (id int primary key, a int, b text, c varchar(10), p int, "Odd name" int, n int not null default 0);
insert into parent select i, i from generate_series(1, 50) i;
insert into t select i, i, 'b' || i, 'c' || i, 1 + i % 50, i, 0 from generate_series(1, 400) i;
"""
# What is written anew, and into how many.
CASES = {
    "an index": ("create index t_a on t (a);", 1),
    "an index without a name": ("create index on t (a, lower(b));", 1),
    "an index if it is not there": ("create unique index if not exists t_b on t using btree (b desc) where a > 5;", 1),
    "an index in the middle": ("alter table t add x int;\ncreate index t_x on t (x);\ncomment on index t_x is 'x';", 3),
    "a reindex": ("reindex table t;", 1),
    "a check": ("alter table t add constraint a_there check (a > 0);", 2),
    "a foreign key": ("alter table t add constraint t_p foreign key (p) references parent (id) on delete cascade;", 2),
    "a foreign key without a name": ("alter table t add foreign key (p) references parent;", 2),
    "not null": ("alter table t alter a set not null;", 3),
    "not null, a name in quotes": ('alter table t alter column "Odd name" set not null;', 3),
    "a unique key": ("alter table t add constraint t_c unique (c, a);", 2),
    "a unique key without a name": ("alter table t add unique nulls not distinct (c) include (b);", 2),
    "a primary key": ("alter table t drop constraint t_pkey;\nalter table t add primary key (a, id);", 4),
    "a computed column": ("alter table t add column r text default clock_timestamp()::text;", 2),
    "a computed column, not null": ("alter table t add r float8 default random() not null;", 5),
    "a computed column, not null before": ("alter table t add r float8 not null default random();", 5),
    "all rows": ("update t set n = n + 1;", 1),
    "rows and a comment": ("-- why\nupdate t set n = 5, b = 'x;y';\n-- then\nalter table t add y int;", 2),
    "a view": ("create materialized view m as select a, b from t;\ncreate unique index on m (a);\nrefresh materialized view m;", 0),
}
# What is left as it is.
LEFT = {
    "two in one": "alter table t alter a set not null, add constraint c1 check (a > 0);",
    "a type": "alter table t alter c type text using c || 'x';",
    "an index on a partitioned table": "create table q (id int) partition by range (id);\ncreate table q1 partition of q for values from (0) to (9);\ncreate index on q (id);",
    "identity": "alter table t add i int generated always as identity;",
    "stored": "alter table t add g int generated always as (a + 1) stored;",
    "an exclusion": "alter table t add constraint e exclude (a with =);",
    "settings": "set lock_timeout = '1s';\ncreate index t_a on t (a);",
}


def folder(name, up):
    path = os.path.join(WORK, name)
    shutil.rmtree(path, ignore_errors=True)
    write(name + "/001_base.up.sql", BASE)
    write(name + "/001_base.down.sql", "drop table t, parent;\n")
    write(name + "/002_change.up.sql", up + "\n")
    return path


def built(path):
    database = TARGET.database()
    out = run("migrate", "up", path, "-d", TARGET.conninfo(database), "--confirm", "public.t", "--override", "undo=a test")
    assert out.returncode == 0, out.stderr
    done = subprocess.run([os.path.join(BIN, "pg_dump"), "-s", "-N", "dbarch", "-d", TARGET.conninfo(database)], check=True, env=clean_env(), stdout=subprocess.PIPE, encoding="utf-8")
    rows = TARGET.psql(database, "set search_path = public; select md5(string_agg((to_jsonb(t) - 'r')::text, ',' order by id)) from t; select count(*) from t t where to_jsonb(t) ? 'r' and to_jsonb(t)->>'r' is null")
    return re.sub(r"\\(un)?restrict \S+", "", done.stdout), rows


def written(name, up, parts):
    name = "fix-" + name.replace(" ", "-").replace(",", "")
    path, original = folder(name, up), folder(name + "-original", up)
    lint = ("migrate", "lint", path, "--from", "002", "-q", "--pg-major", MAJOR)
    first = run(*lint, "--fix")
    equal(first.returncode, 0)
    ups = sorted(file for file in os.listdir(path) if file.endswith(".up.sql"))
    equal(len(ups), 1 + max(parts, 1))
    if not parts:
        contains(first.stderr, "there was nothing to write")
        return
    assert "without waiting" in first.stdout or "every row" in first.stdout, first.stdout
    again = run(*lint)
    assert not re.search(r"-blocks-|all-rows-at-once", again.stdout), again.stdout
    equal(built(path), built(original))
    verify = run("migrate", "verify", path, "--from", "002", "-q", "--pg-major", MAJOR)
    assert not re.search(r"undo-(fails|differs|missing|does-nothing)|up-fails", verify.stdout), verify.stdout


def left(name, up):
    path = folder("left-" + name.replace(" ", "-"), up)
    out = run("migrate", "lint", path, "--from", "002", "--fix", "-q", "--pg-major", MAJOR)
    equal(out.returncode, 0)
    contains(out.stderr, "there was nothing to write")
    with open(os.path.join(path, "002_change.up.sql"), encoding="utf-8") as file:
        equal(file.read(), up + "\n")


def room():
    """Those behind are numbered on, where nobody can have run them."""
    path = folder("room", "create index t_a on t (a);\nalter table t alter a set not null;")
    write("room/003_next.up.sql", "alter table t add z int;\n")
    write("room/003_next.down.sql", "alter table t drop z;\n")
    out = run("migrate", "lint", path, "--fix", "-q", "--pg-major", MAJOR)
    contains(out.stderr, "002_change is left as it is: others follow it, and may have been run")
    out = run("migrate", "lint", path, "--fix", "--from", "002", "-q", "--pg-major", MAJOR)
    equal(out.returncode, 0)
    ups = sorted(file for file in os.listdir(path) if file.endswith(".up.sql"))
    equal(ups, ["001_base.up.sql", "002_change.up.sql", "003_change_2.up.sql", "004_change_3.up.sql", "005_change_4.up.sql", "006_next.up.sql"])
    contains(run("migrate", "verify", path, "-q", "--pg-major", MAJOR).stdout, "6 exact")
    times = os.path.join(WORK, "times")
    shutil.rmtree(times, ignore_errors=True)
    for version, up in (("20260101120000_base", BASE), ("20260102120000_a", "alter table t alter a set not null;\n"), ("20260103120000_b", "select 1;\n")):
        write("times/%s.up.sql" % version, up)
        write("times/%s.down.sql" % version, "select 1;\n")
    run("migrate", "lint", times, "--fix", "-q", "--pg-major", MAJOR)
    equal([f for f in sorted(os.listdir(times)) if "_a" in f and "up" in f], ["20260102120000_a.up.sql", "20260102120001_a_2.up.sql", "20260102120002_a_3.up.sql"])
    goose = write("goose/001_a.sql", "-- +goose Up\ncreate table t (a int);\n-- +goose Down\ndrop table t;\n")
    write("goose/002_b.sql", "-- +goose Up\ncreate index on t (a);\n-- +goose Down\ndrop index t_a_idx;\n")
    contains(run("migrate", "lint", os.path.dirname(goose), "--fix", "-q", "--pg-major", MAJOR).stderr, "only pairs are written anew")


CHOSEN, FULL = [word for word in sys.argv[1:] if word != "--full"], "--full" in sys.argv
SAME = ("an index", "a check", "a foreign key", "a unique key", "a computed column, not null before")  # as others, but for the words
for name, (up, parts) in CASES.items():
    if (not CHOSEN and (FULL or name not in SAME)) or (CHOSEN and any(word in name for word in CHOSEN)):
        test("fix: " + name, functools.partial(written, name, up, parts))
for name, up in LEFT.items():
    if not CHOSEN or any(word in name for word in CHOSEN):
        test("left: " + name, functools.partial(left, name, up))
if not CHOSEN or "room" in CHOSEN:
    test("fix: room", room)
TARGET.stop()
finish()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Does a twin plan as the loaded original?  Each query's EXPLAIN on both, node by node: shape, cost, rows, width.

tests/data/twin/NAME.sql is the subject, NAME.queries the statements; the shop comes with them.
"""
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
sys.path.insert(0, os.path.dirname(__file__))
import harness  # noqa: E402
from harness import ROOT, WORK, clean_env, contains, equal, finish, run, test, write  # noqa: E402
from twins import MAJOR, Original, compare, explain, psql, twin_of  # noqa: E402

SAME = {"shop": 1.0, "kinds": 1.0 if int(MAJOR) > 16 else 0.95}  # before 17 pg_stats hides the statistics of ranges; thresholds only go up

SPARSE = {"shop": (0.4, 0.95), "kinds": (0.3, 0.95)}  # equal in every number, and in shape, without the module


def read_queries(path):
    with open(path, encoding="utf-8") as file:
        return [query.strip() for query in file.read().split(";\n") if query.strip()]


def subject(name, files, queries):
    original = Original(files)
    try:
        for query in read_queries(queries):  # as production has: the planner looks up ends in indexes, which puts them into use
            explain(original.url, query)
        lab, url, out = twin_of(original.url)
        try:
            equal(psql(url, "-c", "select count(*) from pg_catalog.pg_class c where relkind = 'r' and relnamespace = 'public'::regnamespace and pg_relation_size(oid) > 16384").strip(), "0")
            equal(run("lab", "psql", lab, "-XAtc", "select current_user, current_database()").stdout.strip(), "dbarch_subject|twin")
            equal(run("lab", "url", lab).stdout.strip(), url)
            contains(run("lab", "psql", lab, "-c", "analyze").stderr, "a twin has no rows")
            compare(name, original.url, url, read_queries(queries), SAME[name])
            if "--live" in sys.argv:
                return
            # The same through a file, which is the twin of tomorrow.
            survey = os.path.join(WORK, name + ".json")
            equal(run("survey", original.url, "--with-values", "-o", survey).returncode, 0)
            other, other_url, _ = twin_of(survey)
            try:
                compare(name + ", from a file", original.url, other_url, read_queries(queries), SAME[name])
            finally:
                run("lab", "stop", other)
        finally:
            run("lab", "stop", lab)
    finally:
        original.stop()


def bare_program():
    """A program whose folder of modules is empty."""
    bare = os.path.join(WORK, "bare", "bin", "dbarch")
    os.makedirs(os.path.dirname(bare), exist_ok=True)
    shutil.copy(harness.DBARCH, bare)
    return bare


def without_module(name, files, queries):
    """Sparse files stand in for the module."""
    original = Original(files)
    try:
        usual, harness.DBARCH = harness.DBARCH, bare_program()
        lab, url, out = twin_of(original.url)
        try:
            contains(out.stderr, "planner module: PostgreSQL %s has none here" % MAJOR)
            compare(name + ", without the module", original.url, url, read_queries(queries), SPARSE[name][0], SPARSE[name][1])
            refused = run("lab", "what-if", original.url, "create index on pg_class (relname)", "--pg-major", MAJOR)
            equal(refused.returncode, 5)
            contains(refused.stderr, "was not built")
        finally:
            run("lab", "stop", lab)
            harness.DBARCH = usual
    finally:
        original.stop()


def large_without_module():
    """A survey that claims 1 TB in one table: a thousand files that take no place; what no disk holds is refused."""
    survey, large = os.path.join(WORK, "bare.json"), os.path.join(WORK, "large.json")
    equal(run("survey", os.path.join(ROOT, "examples/shop"), "--with-values", "-o", survey).returncode, 0)
    with open(survey, encoding="utf-8") as file:
        told = json.load(file)

    def claim(terabytes):
        for relation in told["schema"]["relations"]:
            if relation["name"] in terabytes:
                relation.update(size_bytes=terabytes[relation["name"]] << 40, pages=terabytes[relation["name"]] << 27, rows=1e10)
        with open(large, "w", encoding="utf-8") as file:
            json.dump(told, file)

    usual, harness.DBARCH = harness.DBARCH, bare_program()
    try:
        claim({"orders": 1})
        lab, url, _ = twin_of(large)
        try:
            first = explain(url, "select * from shop.orders where note is null")[0]
            assert first[1][1] > 1 << 27, first
            status = run("lab", "status").stdout
            assert float(re.search(r"%s .* ([0-9.]+) MB" % lab, status).group(1)) < 60, status
        finally:
            run("lab", "stop", lab)
        claim({"orders": 32, "customers": 32, "products": 32})  # a relation ends at 32 TB
        refused = run("lab", "twin", large, "--pg-major", MAJOR)
        equal(refused.returncode, 5)
        contains(refused.stderr, "64 TB")
        equal(run("lab", "status").stdout.count("in use"), 0)
    finally:
        harness.DBARCH = usual


def types_have_no_power():
    """A domain's check and a type's comparison are the subject's code: a twin must not run them with its own rights."""
    mark = os.path.join(tempfile.gettempdir(), "dbarch-twin-%d" % os.getpid())
    original = Original([write("trap.sql", """
create function trap(int) returns boolean language plpgsql as $f$ begin
  if current_setting('is_superuser') = 'on' or session_user = current_user then
    begin execute $q$copy (select 1) to program 'touch %s'$q$; exception when others then null; end;
  end if; return true; end $f$;
create domain d as int check (trap(value));
create type mood as enum ('low', 'high');
create function told(m mood) returns text language plpgsql as $f$ begin perform public.trap(1); return 'x'; end $f$;
create cast (mood as text) with function told(mood) as assignment;
create table moods (m mood); insert into moods select (array['low', 'high']::mood[])[1 + i %% 2] from generate_series(1, 500) i; create index on moods (m);
set enable_seqscan = off; set enable_sort = off; select * from moods order by m limit 1;
create table t (id d primary key, e d); insert into t select i, i %% 7 from generate_series(1, 500) i;
""" % mark)])
    try:
        os.unlink(mark)  # loading the original, as its superuser, has sprung the trap
        usual = harness.DBARCH
        for program in (usual, bare_program()):
            harness.DBARCH = program
            lab, url, out = twin_of(original.url)
            try:
                equal(os.path.exists(mark), False)
                compare("types", original.url, url, ["select * from t where e = 3", "select * from t where id between 5 and 40"], 1.0 if program == usual else 0.5)
            finally:
                run("lab", "stop", lab)
                harness.DBARCH = usual
    finally:
        original.stop()


def without_values():
    path = write("plain.sql", "create table t (id int primary key); insert into t select generate_series(1, 1000);")
    survey = os.path.join(WORK, "plain.json")
    equal(run("survey", path, "--no-values", "-o", survey).returncode, 0)
    lab, _, out = twin_of(survey)
    run("lab", "stop", lab)
    contains(out.stderr, "without values")


SHOP = [os.path.join(ROOT, "examples/shop", name) for name in ("01_schema.sql", "02_rows.sql")]
test("twin of the shop", lambda: subject("shop", SHOP, os.path.join(ROOT, "tests/data/twin/shop.queries")))
for schema in sorted(glob.glob(os.path.join(ROOT, "tests/data/twin/*.sql"))):
    test("twin of %s" % os.path.basename(schema), lambda path=schema: subject(os.path.basename(path)[:-4], [path], path[:-4] + ".queries"))
test("types of the subject's own have no power", types_have_no_power)
test("a survey without values says so", without_values)
if MAJOR != "17" and "--live" in sys.argv:
    finish()
test("twin of the shop without the module", lambda: without_module("shop", SHOP, os.path.join(ROOT, "tests/data/twin/shop.queries")))
KINDS = os.path.join(ROOT, "tests/data/twin/kinds")
test("twin of kinds.sql without the module", lambda: without_module("kinds", [KINDS + ".sql"], KINDS + ".queries"))
test("1 TB without the module", large_without_module)
finish()

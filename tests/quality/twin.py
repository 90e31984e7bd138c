#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Does a twin plan as the loaded original?  Each query's EXPLAIN on both, node by node: shape, cost, rows, width.

tests/data/twin/NAME.sql is the subject, NAME.queries the statements; the shop comes with them.
"""
import glob
import json
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
sys.path.insert(0, os.path.dirname(__file__))
from harness import ROOT, WORK, clean_env, contains, equal, finish, run, test, write  # noqa: E402
from twins import MAJOR, Original, compare, explain, psql, twin_of  # noqa: E402

SAME = {"shop": 1.0, "kinds": 1.0 if int(MAJOR) > 16 else 0.95}  # before 17 pg_stats hides the statistics of ranges; thresholds only go up


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


def types_have_no_power():
    """A domain's check and a type's comparison are the subject's code: a twin must not run them with its own rights."""
    mark = os.path.join(tempfile.gettempdir(), "dbarch-twin-%d" % os.getpid())
    original = Original([write("trap.sql", """
create function trap(int) returns boolean language plpgsql as $f$ begin
  if current_setting('is_superuser') = 'on' or session_user = current_user then
    begin execute $q$copy (select 1) to program 'touch %s'$q$; exception when others then null; end;
  end if; return true; end $f$;
create domain d as int check (trap(value));
create table t (id d primary key, e d); insert into t select i, i %% 7 from generate_series(1, 500) i;
""" % mark)])
    try:
        os.unlink(mark)  # loading the original, as its superuser, has sprung the trap
        lab, url, out = twin_of(original.url)
        try:
            equal(os.path.exists(mark), False)
            compare("shop", original.url, url, ["select * from t where e = 3", "select * from t where id between 5 and 40"], 1.0)
        finally:
            run("lab", "stop", lab)
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
finish()

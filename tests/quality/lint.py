#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Migrations that make others wait (tests/data/lint/cases.txt): each is told by its rule, near misses are left alone, in the lab and from the text; and sizes
of a survey decide what matters."""
import functools
import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import ROOT, WORK, contains, equal, finish, run, test, write  # noqa: E402

MAJOR = os.environ.get("TEST_PG_MAJOR", "17")
COUNTS = {"wanted": 0, "found": 0, "alarms": 0, "quiet": 0}


def read_cases(path):
    cases = []
    with open(path, encoding="utf-8") as file:
        for block in re.split(r"^=== ", file.read(), flags=re.M)[1:]:
            name, _, body = block.partition("\n")
            parts = dict(re.findall(r"^--- (before|up)\n(.*?)(?=^--- )", body, flags=re.M | re.S))
            marks = {kind: re.findall(r"^--- %s (.*)$" % kind, body, flags=re.M) for kind in ("expect", "text", "also")}
            cases.append((name.strip(), parts["before"], parts["up"], marks))
    return cases


def lint(name, before, up, *options):
    folder = "lint-" + re.sub(r"\W+", "-", name)
    write(folder + "/001_before.up.sql", before)
    write(folder + "/001_before.down.sql", "select 1;\n")
    write(folder + "/002_up.up.sql", up)
    write(folder + "/002_up.down.sql", "select 1;\n")
    process = run("migrate", "lint", os.path.join(WORK, folder), "--from", "002", "--json", "-q", "--pg-major", MAJOR, *options)
    assert process.returncode == 0, process.stderr
    return [f for f in json.loads(process.stdout).get("findings", []) if not f.get("suppressed")]


CLEAN = """do $$
declare o record;
begin
  for o in select nspname from pg_namespace where nspname !~ '^(pg_|information_schema)' and nspname <> 'public' loop execute format('drop schema %I cascade', o.nspname); end loop;
  for o in select format('%I.%I', 'public', c.relname) as name, case c.relkind when 'v' then 'view' when 'm' then 'materialized view' when 'S' then 'sequence' when 'f' then 'foreign table' else 'table' end as kind
             from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'S', 'f') loop
    if to_regclass(o.name) is not null then execute format('drop %s if exists %s cascade', o.kind, o.name); end if;
  end loop;
  for o in select p.oid::regprocedure::text as name from pg_proc p where p.pronamespace = 'public'::regnamespace loop execute format('drop routine if exists %s cascade', o.name); end loop;
  for o in select format('%I.%I', 'public', t.typname) as name from pg_type t where t.typnamespace = 'public'::regnamespace and t.typtype in ('e', 'd', 'c', 'r') and t.typelem = 0 loop
    execute format('drop type if exists %s cascade', o.name);
  end loop;
end $$;
"""
IN_ONE = {}


def lint_in_one_lab(cases):
    """All cases as one history: each behind a migration that clears away what the one before left."""
    for number, (_, before, up, _) in enumerate(cases):
        for place, (word, text) in enumerate((("before", before), ("up", up), ("clean", CLEAN))):
            write("in-one/%04d_%s.up.sql" % (3 * number + place + 1, word), text)
            write("in-one/%04d_%s.down.sql" % (3 * number + place + 1, word), "select 1;\n")
    process = run("migrate", "lint", os.path.join(WORK, "in-one"), "--json", "-q", "--pg-major", MAJOR)
    assert process.returncode == 0, process.stderr
    found = [f for f in json.loads(process.stdout).get("findings", []) if not f.get("suppressed")]
    for number, case in enumerate(cases):
        IN_ONE[case[0]] = [f for f in found if f["object"].startswith("%04d_up" % (3 * number + 2))]
    stopped = [f for f in found if f["rule"] == "up-fails"]
    assert not stopped, stopped


def judge(name, before, up, marks, text):
    expected = marks["text"] if text and marks["text"] else marks["expect"]
    also = [line.split(" ")[0] for line in marks["also"]]
    got = IN_ONE[name] if name in IN_ONE and not text else lint(name, before, up, *(["--no-lab"] if text else []))
    told = "\n".join("%s: %s" % (f["rule"], f["what"]) for f in got)
    left = [f for f in got if f["rule"] not in also]
    if expected == ["nothing"]:
        COUNTS["quiet"] += 1
        COUNTS["alarms"] += bool(left)
        assert not left, told
        return
    for line in expected:
        rule, _, part = line.partition(" ")
        COUNTS["wanted"] += 1
        hit = [f for f in left if f["rule"] == rule and part in f["what"]]
        COUNTS["found"] += bool(hit)
        assert hit, "wanted %s\ngot %s" % (line, told)
        assert text or hit[0]["proof"] == "proven" or "up-fails" in also, hit[0]["proof"]
        left = [f for f in left if f not in hit]
    assert not left, told


def sizes():
    """A survey of production says which tables are large."""
    write("production.sql", "create table small (id int primary key, a int);\ncreate table large (id int primary key, a int, filler text);\n"
          "insert into small select i, i from generate_series(1, 200) i;\ninsert into large select i, i, repeat('x', 200) from generate_series(1, 90000) i;\nanalyze;\n")
    survey = os.path.join(WORK, "production.json")
    process = run("survey", os.path.join(WORK, "production.sql"), "-o", survey, "-q", "--force")
    equal(process.returncode, 0)
    before = "create table small (id int primary key, a int); create table large (id int primary key, a int, filler text);\n"
    for options in ((), ("--no-lab",)):
        got = lint("sizes", before, "create index small_a on small (a);\ncreate index large_a on large (a);\n", "--survey", survey, *options)
        equal([(f["rule"], f["line"]) for f in got], [("index-blocks-writes", 2)])
        contains(got[0]["what"], "public.large (90 k rows, ")


def time_zone():
    """Production's, of the survey: only in UTC is a timestamp of the other kind the same on disk."""
    write("zone.sql", "create table t (id int primary key, a timestamptz);\ninsert into t select i, now() from generate_series(1, 90000) i;\n")
    survey = os.path.join(WORK, "zone.json")
    equal(run("survey", os.path.join(WORK, "zone.sql"), "-o", survey, "-q", "--force", "--with-values").returncode, 0)
    with open(survey, encoding="utf-8") as file:
        document = json.load(file)
    for zone, rules in (("Europe/Berlin", ["rewrite-blocks-all"]), ("UTC", [])):
        document["settings"] = [{"name": "TimeZone", "value": zone, "source": "configuration file"}]
        path = write("zone-%s.json" % zone.replace("/", "-"), json.dumps(document))
        got = lint("zone", "create table t (id int primary key, a timestamptz);\n", "alter table t alter a type timestamp;\n", "--survey", path)
        equal([f["rule"] for f in got], rules)


CASES = [case for case in read_cases(os.path.join(ROOT, "tests", "data", "lint", "cases.txt")) if not sys.argv[1:] or any(word in case[0] for word in sys.argv[1:])]
test("in one lab", lambda: lint_in_one_lab([case for case in CASES if not any(line.startswith("up-fails") for line in case[3]["also"] + case[3]["expect"])]))
for case in CASES:
    test("text: " + case[0], functools.partial(judge, *case, True))
    test("lab: " + case[0], functools.partial(judge, *case, False))
def advisors():
    """What they say of the schema after a migration, and did not before."""
    before = "create table p (id int primary key);\ncreate table old (id int primary key, p int references p);\n"
    up = "select 1;\ncreate table t (id int primary key, p_id int references p, a int);\ncreate index t_a on t (a);\ncreate index t_a2 on t (a);\n"
    got = lint("advisors", before, up)
    equal(sorted((f["rule"], f["object"], f["line"]) for f in got), [("fk-without-index", "002_up", 2), ("redundant-index", "002_up", 2)])
    contains(got[0]["what"] + got[1]["what"], "after it, public.t(p_id): ")
    got = lint("advisors", before, "-- dbarch: allow fk-without-index nothing is deleted\n" + up.replace("create index t_a2 on t (a);\n", ""))
    equal(got, [])
    equal(lint("advisors", before, "alter table old add b int;\n"), [])  # what was there before is not its own


test("sizes", sizes)
test("advisors", advisors)
test("time zone", time_zone)


def numbers():
    print("    %(found)d of %(wanted)d told, %(alarms)d alarms in %(quiet)d near misses" % COUNTS)
    equal((COUNTS["found"], COUNTS["alarms"]), (COUNTS["wanted"], 0))


test("numbers", numbers)
finish()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Undos with planted faults (tests/data/migrate/faults.txt): each fault is found and named, and right undos are left alone.

All cases are one history, in schemas of their own, so that one lab runs them all: a migration that makes what the case starts from, and the one
that is judged.  faults.py NAME ...: only cases whose names hold one of the words.
"""
import functools
import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import ROOT, WORK, finish, run, test, write  # noqa: E402


def read_cases(path):
    cases = []
    with open(path, encoding="utf-8") as file:
        for block in re.split(r"^=== ", file.read(), flags=re.M)[1:]:
            name, _, body = block.partition("\n")
            parts = dict(re.findall(r"^--- (setup|up|down)\n(.*?)(?=^--- )", body, flags=re.M | re.S))
            rule, _, text = re.search(r"^--- expect (.*)$", body, flags=re.M).group(1).partition(" ")
            cases.append((name.strip(), parts, rule, text))
    return cases


def in_schema(text, schema):
    return re.sub(r"\bS(?=[._ ;)]|_more|$)", schema, text, flags=re.M)


MAJOR = os.environ.get("TEST_PG_MAJOR", "17")
CASES = [case for case in read_cases(os.path.join(ROOT, "tests", "data", "migrate", "faults.txt"))
         if not sys.argv[1:] or any(word in case[0] for word in sys.argv[1:])]


def verify():
    for i, (name, parts, rule, text) in enumerate(CASES, 1):
        schema = "c%03d" % i
        base = "faults/%04d_" % (2 * i - 1)
        write(base + "setup.up.sql", "create schema %s;\n" % schema + in_schema(parts["setup"], schema))
        write(base + "setup.down.sql", "drop schema %s cascade;\n" % schema)
        base = "faults/%04d_" % (2 * i)
        write(base + "case.up.sql", in_schema(parts["up"], schema))
        write(base + "case.down.sql", in_schema(parts["down"], schema))
    process = run("migrate", "verify", os.path.join(WORK, "faults"), "--json", "-q", "--pg-major", MAJOR)
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout)


RESULT = verify()
MIGRATIONS = {m["migration"]: m for m in RESULT["migrations"]}
found = wanted = alarms = right = 0
WRONG = ("undo-missing", "undo-does-nothing", "undo-fails", "undo-differs")
unproposed, proposed = [], 0


def judge(i, rule, text):
    global found, wanted, alarms, right, proposed
    schema = "c%03d" % i
    label = "%04d_case" % (2 * i)
    assert label in MIGRATIONS, "was not run"
    got = [f for f in RESULT.get("findings", []) if f["object"] == label]
    setup = [f for f in RESULT.get("findings", []) if f["object"] == "%04d_setup" % (2 * i - 1)]
    told = "\n".join("%s: %s" % (f["rule"], f["what"]) for f in got)
    if rule == "nothing":
        right += 1
        serious = [f for f in got if f["severity"] in ("must-fix", "worth-it")]
        alarms += bool(serious) and "refused" not in CASES[i - 1][0]
        assert not serious, told
    else:
        wanted += 1
        want = in_schema(text, schema)
        hit = [f for f in got if f["rule"] == rule and (want in f["what"] or (want.endswith("$") and f["what"].endswith(want[:-1])))]
        found += bool(hit)
        wrong = [f for f in got if f["rule"] in WRONG]
        if wrong and any(f.get("change", {}).get("undo_proven") for f in wrong):
            proposed += 1
        elif wrong:
            unproposed.append(CASES[i - 1][0])
        assert hit, "wanted %s: %s\ngot %s" % (rule, want, told)
    assert not setup, "the setup is judged: %s" % setup[0]["what"]


for number, (name, parts, rule, text) in enumerate(CASES, 1):
    test(name, functools.partial(judge, number, rule, text))


def numbers():
    print("    %d of %d planted faults found, %d of %d right undos left alone" % (found, wanted, right - alarms, right))
    print("    undos found by running: %d of %d; none for: %s" % (proposed, proposed + len(unproposed), "; ".join(unproposed)))
    assert found == wanted and not alarms
    assert len(unproposed) <= 0.1 * (proposed + len(unproposed)), unproposed
    assert wanted >= 60 or sys.argv[1:], wanted


test("planted faults", numbers)
finish()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Hypothetical indexes of a twin against the same indexes really built, with hypopg beside it.

tests/data/whatif/subject.sql is the subject, indexes holds an index and a statement a line.  Compared: the cost of the
statement's plan with the index, and the index's pages.
"""
import json
import os
import re
import statistics
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
sys.path.insert(0, os.path.dirname(__file__))
from harness import ROOT, clean_env, contains, equal, finish, run, test  # noqa: E402
from twins import MAJOR, PSQL, Original, twin_of  # noqa: E402

SHOW = "--show" in sys.argv
DATA = os.path.join(ROOT, "tests/data/whatif")
TREES = ("gin", "gist", "spgist")


class Session:
    """One psql that stays, so that what a session registers stays too."""

    def __init__(self, url):
        self.psql = subprocess.Popen([PSQL, "-XAtq", "-d", url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", env=clean_env())

    def ask(self, sql, check=True):
        self.psql.stdin.write(sql.strip().rstrip(";") + ";\n\\echo ==end==\n")
        self.psql.stdin.flush()
        lines = []
        for line in self.psql.stdout:
            if line == "==end==\n":
                break
            lines.append(line)
        text = "".join(lines).rstrip("\n")
        if check and re.search(r"^(ERROR|FATAL|PANIC):", text, re.M):
            raise AssertionError("%s: %s" % (sql, text))
        return text

    def explain(self, query):
        return json.loads(self.ask("explain (format json, verbose) " + query))[0]["Plan"]

    def close(self):
        self.psql.stdin.close()
        self.psql.wait()


def index_names(plan):
    found = {plan["Index Name"]} if "Index Name" in plan else set()
    for child in plan.get("Plans", []):
        found |= index_names(child)
    return found


def cases():
    with open(os.path.join(DATA, "indexes"), encoding="utf-8") as file:
        for line in file:
            if line.strip() and line[0] != "#":
                yield [part.strip() for part in line.split(" | ")]


def really(session, definition, query):
    """Cost and pages with the index built; rolled back."""
    table = re.search(r" on (\w+)", definition).group(1)
    named = re.sub(r" on ", " real_index on ", definition, count=1)
    session.ask("begin")
    try:
        session.ask(named)
        if "(" in definition.split(" on ")[1].split(" where ")[0].split(" with ")[0].split(" include ")[0].split("(", 1)[1]:
            session.ask("analyze " + table)  # an expression has statistics now
        plan = session.explain(query)
        leaves = session.ask("select c.oid, c.relname, pg_relation_size(c.oid) / 8192 from pg_class c where relkind = 'i' and (oid = 'real_index'::regclass or oid in (select relid from pg_partition_tree('real_index')))")
        leaves = [row.split("|") for row in leaves.split("\n")]
        return plan["Total Cost"], sum(int(row[2]) for row in leaves), bool(index_names(plan) & {row[1] for row in leaves})
    finally:
        session.ask("rollback")


def supposed(session, definition, query):
    rows = [row.split("|") for row in session.ask("select * from dbarch_twin.hypothetical_index($q$%s$q$)" % definition).split("\n")]
    session.ask("select dbarch_twin.use_hypothetical(array[%s])" % rows[0][0])
    plan = session.explain(query)
    session.ask("select dbarch_twin.use_hypothetical('{}')")
    return plan["Total Cost"], sum(float(row[5]) for row in rows), bool(index_names(plan) & {row[1] for row in rows})


def with_hypopg(session, definition, query):
    answer = session.ask("select indexrelid, indexname, hypopg_relation_size(indexrelid) / 8192 from hypopg_create_index($q$%s$q$)" % definition, check=False)
    if "ERROR" in answer:
        return None
    rows = [row.split("|") for row in answer.split("\n")]
    plan = session.explain(query)
    session.ask("select hypopg_reset()")
    return plan["Total Cost"], sum(float(row[2]) for row in rows), bool(index_names(plan) & {row[1] for row in rows})


def relative(a, b):
    return (a - b) / b if b else 0.0


def accuracy():
    original = Original([os.path.join(DATA, "subject.sql")])
    try:
        real = Session(original.url)
        for table, column in (("customer", "id"), ("purchase", "id"), ("reading", "sensor")):  # CREATE INDEX counts rows anew, in place
            real.ask("create index settle on %s (%s)" % (table, column))
            real.ask("drop index settle")
        lab, url, out = twin_of(original.url)
        try:
            twin = Session(url)
            have_hypopg = real.ask("select count(*) from pg_available_extensions where name = 'hypopg'") == "1"
            for session in (real, twin):
                session.ask("set enable_seqscan = off")
            if have_hypopg:
                real.ask("create extension hypopg")
            costs, sizes, tree_sizes, theirs = [], [], [], []
            for definition, query in cases():
                try:
                    a, b = really(real, definition, query), supposed(twin, definition, query)
                    c = with_hypopg(real, definition, query) if have_hypopg else None
                except AssertionError as problem:
                    if "access method" in str(problem) or "does not exist" in str(problem):
                        raise
                    raise
                cost, size = relative(b[0], a[0]), relative(b[1], a[1])
                costs.append(abs(cost))
                (tree_sizes if re.search(r"using (gin|gist|spgist)", definition) else sizes).append(abs(size))
                if c:
                    theirs.append((abs(relative(c[0], a[0])), abs(relative(c[1], a[1]))))
                if SHOW:
                    print("# %-75s cost %10.2f %+7.2f%%  pages %6d %+7.2f%%  %s%s" % (definition, a[0], cost * 100, a[1], size * 100, "" if a[2] else "not used " if not b[2] else "ONLY SUPPOSED ",
                          "hypopg %+.1f%% %+.1f%%" % (relative(c[0], a[0]) * 100, relative(c[1], a[1]) * 100) if c else "hypopg refused" if have_hypopg else ""), flush=True)
                assert a[2] == b[2], "%s: used %s when built, %s when supposed" % (definition, a[2], b[2])
            good = sum(c <= 0.01 for c in costs) / len(costs)
            print("# %d indexes: cost within 1%% on %.0f%%, worst %.1f%%; pages of btree, hash and BRIN median %.1f%%, worst %.1f%%; GIN, GiST and SP-GiST median %.1f%%, worst %.1f%%"
                  % (len(costs), good * 100, max(costs) * 100, statistics.median(sizes) * 100, max(sizes) * 100, statistics.median(tree_sizes) * 100, max(tree_sizes) * 100))
            if theirs:
                print("# hypopg: %d of them taken; cost worst %.1f%%, pages median %.1f%%, worst %.1f%%" % (len(theirs), max(t[0] for t in theirs) * 100, statistics.median(t[1] for t in theirs) * 100, max(t[1] for t in theirs) * 100))
            assert good >= 0.9, good
            assert statistics.median(sizes) <= 0.05 and max(sizes) <= 0.2, sizes
            twin.close()
        finally:
            run("lab", "stop", lab)
        real.close()
    finally:
        original.stop()


test("hypothetical indexes against built ones", accuracy)
finish()

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
from harness import ROOT, clean_env, contains, equal, finish, run, test, write  # noqa: E402
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
    return plan["Total Cost"], sum(float(row[5]) for row in rows), bool(index_names(plan) & {row[1] for row in rows}), rows[0][8] == "t"


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
            costs, sizes, rough_sizes, tree_sizes, theirs = [], [], [], [], []
            for definition, query in cases():
                if "date_trunc" in definition and int(MAJOR) < 16:
                    continue  # not immutable there
                a, b = really(real, definition, query), supposed(twin, definition, query)
                c = with_hypopg(real, definition, query) if have_hypopg else None
                cost, size = relative(b[0], a[0]), relative(b[1], a[1])
                costs.append(abs(cost))
                (tree_sizes if re.search(r"using (gin|gist|spgist)", definition) else rough_sizes if b[3] else sizes).append(abs(size))
                if c:
                    theirs.append((abs(relative(c[0], a[0])), abs(relative(c[1], a[1]))))
                if SHOW:
                    print("# %-75s cost %10.2f %+7.2f%%  pages %6d %+7.2f%%  %s%s" % (definition, a[0], cost * 100, a[1], size * 100, ("about " if b[3] else "") + "" if a[2] else "not used " if not b[2] else "ONLY SUPPOSED ",
                          "hypopg %+.1f%% %+.1f%%" % (relative(c[0], a[0]) * 100, relative(c[1], a[1]) * 100) if c else "hypopg refused" if have_hypopg else ""), flush=True)
                assert a[2] == b[2], "%s: used %s when built, %s when supposed" % (definition, a[2], b[2])
            good = sum(c <= 0.01 for c in costs) / len(costs)
            print("# %d indexes: cost within 1%% on %.0f%%, worst %.1f%%; pages of btree, hash and BRIN median %.1f%%, worst %.1f%%; GIN, GiST and SP-GiST median %.1f%%, worst %.1f%%"
                  % (len(costs), good * 100, max(costs) * 100, statistics.median(sizes) * 100, max(sizes) * 100, statistics.median(tree_sizes) * 100, max(tree_sizes) * 100))
            if theirs:
                print("# hypopg: %d of them taken; cost worst %.1f%%, pages median %.1f%%, worst %.1f%%" % (len(theirs), max(t[0] for t in theirs) * 100, statistics.median(t[1] for t in theirs) * 100, max(t[1] for t in theirs) * 100))
            print("# rough by its own word, beside GIN, GiST and SP-GiST: %s" % ", ".join("%.0f%%" % (r * 100) for r in rough_sizes))
            assert good >= 0.9, good
            assert len(rough_sizes) <= 3, rough_sizes
            assert statistics.median(sizes) <= 0.05 and max(sizes) <= 0.2, sizes
            assert statistics.median(tree_sizes) <= 0.2 and max(tree_sizes) <= 0.6, tree_sizes
            twin.close()
        finally:
            run("lab", "stop", lab)
        real.close()
    finally:
        original.stop()


def hostile():
    """What a client may send wrongly; the session answers with an error and goes on, others do not notice."""
    path = write("t.sql", "create table t (id int primary key, a int, b text, c int); insert into t select i, i % 50, 'b' || i, i % 7 from generate_series(1, 20000) i;"
                 "create table p (a int, at date) partition by range (at); create table p1 partition of p for values from ('2024-01-01') to ('2025-01-01'); insert into p select i, '2024-03-01' from generate_series(1, 5000) i;"
                 "create view v as select * from t;")
    lab, url, _ = twin_of(path)
    try:
        session, owner = Session(url), Session(url)

        def refused(sql, message):
            contains(session.ask(sql, check=False), message)
            equal(session.ask("select 1"), "1")

        suppose = "select * from dbarch_twin.hypothetical_index($q$%s$q$)"
        refused(suppose % "create index on nothing (a)", 'relation "nothing" does not exist')
        refused(suppose % "create index on t (nothing)", 'column "nothing" does not exist')
        refused(suppose % "create index on v (a)", "cannot create index on relation")
        refused(suppose % "create index on t (a); drop table t", "one CREATE INDEX statement")
        refused(suppose % "drop table t", "one CREATE INDEX statement")
        refused(suppose % "create index on t using nonsense (a)", "does not exist")
        refused(suppose % "create unique index on t (a)", "cannot be unique")
        refused(suppose % "create index on pg_class (relname)", "must be owner")
        refused(suppose % "create index on only p (a)", "no partition")
        refused("select dbarch_twin.hypothetical_drop('t')", "is no index")
        refused("select dbarch_twin.use_hypothetical(array[1, null])", "must not be null")
        for ids in ("99", "-1", "0", "2147483647"):
            refused("select dbarch_twin.use_hypothetical(array[%s])" % ids, "there is no hypothetical index")
        refused("select dbarch_twin.keep_statement('vacuum t')", "without a plan")
        refused("select dbarch_twin.keep_statement('select 1; select 2')", "one statement")
        refused("select dbarch_twin.keep_statement('select nothing from t')", "does not exist")
        one = int(session.ask(suppose % "create index on t (a)").split("|")[0])
        other = int(session.ask(suppose % "create index on t (b)").split("|")[0])
        query = session.ask("select dbarch_twin.keep_statement('select * from t where a = 7 and id < 9000')")
        for requests, message in (("%s, 5, %d" % (query, one), "the list ends"), (query, "the list ends"), ("%s, -3" % query, "the list ends"), ("77, 0", "no statement 77"),
                                  ("%s, 1, 4711" % query, "no hypothetical index 4711"), ("%s, 2147483647, 1" % query, "the list ends"), ("null", "must not be null")):
            refused("select * from dbarch_twin.plan_costs(array[%s]::int[])" % requests, message)
        costs = [row.split("|") for row in session.ask("select * from dbarch_twin.plan_costs(array[%s, 0, %s, 2, %d, %d])" % (query, query, one, other)).split("\n")]
        assert float(costs[1][0]) < float(costs[0][0]) and costs[1][1] == "{%d}" % one, costs
        # A plan with a hypothetical index is not run; the table's owner changes it meanwhile.
        session.ask("select dbarch_twin.use_hypothetical(array[%d])" % one)
        contains(session.ask("explain select * from t where a = 7"), "t_a_idx")
        refused("explain analyze select * from t where a = 7", "could not open relation")
        session.ask("prepare q as select * from t where a = 7; explain execute q")
        session.ask("select dbarch_twin.use_hypothetical('{}')")
        equal("t_a_idx" in session.ask("explain execute q"), False)
        owner.ask("alter table t drop column a cascade")
        refused("select * from dbarch_twin.plan_costs(array[%s, 1, %d])" % (query, one), "")
        refused("select dbarch_twin.use_hypothetical(array[%d])" % one, "its table has changed")
        refused("select * from dbarch_twin.plan_costs(array[%s, 0])" % query, 'column "a" does not exist')
        equal(session.ask("select cost > 0 from dbarch_twin.plan_costs(array[dbarch_twin.keep_statement('select * from t where b = $1'), 1, %d])" % other), "t")
        # An aborted transaction takes the donors of meta pages with it.
        brin = session.ask("begin; " + suppose % "create index on t using brin (id)").split("|")[0]
        session.ask("rollback")
        refused("select dbarch_twin.use_hypothetical(array[%s])" % brin, "is gone")
        session.ask("select dbarch_twin.forget_hypothetical()")
        refused("select dbarch_twin.use_hypothetical(array[%d])" % other, "there is no hypothetical index")
        # Nothing was left behind for others.
        equal(owner.ask("select count(*) from pg_index i join pg_class c on c.oid = i.indexrelid where c.relnamespace = 'public'::regnamespace"), "1")
        session.close()
        owner.close()
    finally:
        run("lab", "stop", lab)


def remembered():
    """Costs that are remembered are those of planning anew, for sets that hide, are unique, partial and of expressions."""
    path = write("r.sql", "create table c (id int primary key, email text, k int); create table o (id int primary key, c int references c, s text, n numeric, at timestamptz);"
                 "insert into c select i, 'e' || i, i % 9 from generate_series(1, 5000) i; insert into o select i, 1 + i % 5000, (array['a', 'b', 'c'])[1 + i % 3], i, now() + i * interval '1 s' from generate_series(1, 40000) i;"
                 "create index o_c on o (c); create index c_k on c (k);")
    lab, url, _ = twin_of(path)
    try:
        session = Session(url)
        ids = [session.ask("select id from dbarch_twin.hypothetical_index($q$create %s$q$)" % d) for d in (
            "index on o (s)", "index on o (at)", "index on o (s, at)", "index on o (n) where s = 'a'", "index on c (lower(email))", "unique index on c (email)", "index on o using brin (at)",
            "index on o (c) include (n)", "index on c (k, id)", "index on o using hash (c)")]
        ids += [session.ask("select dbarch_twin.hypothetical_drop('%s')" % name) for name in ("o_c", "c_pkey", "c_k", "o_pkey")]
        statements = [session.ask("select dbarch_twin.keep_statement($q$%s$q$)" % q) for q in (
            "select * from o where s = 'a' order by at limit 5", "select o.* from o left join c on c.id = o.c where o.s = 'b'", "select c.email, sum(n) from c join o on o.c = c.id where c.k = 3 group by 1",
            "select * from c where lower(email) = 'e17'", "select o.id from o left join c on c.email = o.s", "update o set n = n + 1 where c = 17", "select max(at) from o", "select count(*) from o where n < 20 and s = 'a'")]
        requests = []
        seed = 7
        for _ in range(600):
            seed = seed * 1103515245 + 12345 & 0x7fffffff
            chosen = [i for k, i in enumerate(ids) if seed >> (8 + k) & 1]
            requests.append("%s,%d%s" % (statements[seed % len(statements)], len(chosen), "".join("," + c for c in chosen)))
        ask = "select * from dbarch_twin.plan_costs(array[%s])" % ",".join(requests)
        first, again = session.ask(ask), session.ask(ask)
        session.ask("set dbarch_twin.remember_plans = off")
        plain = session.ask(ask)
        equal(first, plain)
        equal(again, plain)
        session.ask("set dbarch_twin.remember_plans = on; set enable_indexscan = off; set enable_bitmapscan = off; set enable_indexonlyscan = off")
        assert session.ask(ask) != plain  # a setting makes it think again
        session.close()
    finally:
        run("lab", "stop", lab)


if "--hostile" not in sys.argv:
    test("hypothetical indexes against built ones", accuracy)
test("hostile calls", hostile)
test("remembered costs", remembered)
finish()

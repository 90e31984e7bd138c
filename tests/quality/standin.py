#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Is a stand-in like its original?  Every column, every foreign key, the plans of the test's queries.

Tolerances are absolute, and up to one row of a small table: nulls and each most common value 1 point, different values 10 %,
distance of the distributions (Kolmogorov-Smirnov) 0.03, order on disk 0.05, width 5 %, children to a parent 5 %.
"""
import glob
import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
sys.path.insert(0, os.path.dirname(__file__))
from harness import ROOT, WORK, contains, equal, finish, run, test, write  # noqa: E402
from twins import MAJOR, Original, psql  # noqa: E402

SHOW = "--show" in sys.argv
NUMBERS = ("int2", "int4", "int8", "float4", "float8", "numeric", "date", "timestamp", "timestamptz")
GOOD = {"shop": 0.97, "people": 0.97, "related": 0.97}  # share of what is checked that is within its tolerance; thresholds only go up


def stand_in_of(subject, *options):
    out = run("lab", "stand-in", subject, "--pg-major", MAJOR, *options)
    assert out.returncode == 0, out.stderr
    return re.search(r"^lab (\S+):", out.stdout).group(1), out.stdout.strip().split("\n")[-1], out


def ask(url, sql):
    text = psql(url, "-F", "\x1f", "-c", sql)
    return [row.split("\x1f") for row in text[:-1].split("\n")] if text else []


def one(url, sql):
    return ask(url, sql)[0]


def columns(url):
    return ask(url, """select quote_ident(n.nspname) || '.' || quote_ident(c.relname), quote_ident(a.attname), (select quote_ident(typnamespace::regnamespace::text) || '.' || quote_ident(typname) from pg_type b where b.oid = t.oid),
        (select typname from pg_type b where b.oid = coalesce(nullif(t.typbasetype, 0), t.oid)), c.reltuples, s.correlation, s.avg_width, s.most_common_vals is not null, s.n_distinct
        from pg_stats s join pg_namespace n on n.nspname = s.schemaname join pg_class c on c.relnamespace = n.oid and c.relname = s.tablename and c.relkind = 'r'
        join pg_attribute a on a.attrelid = c.oid and a.attname = s.attname join pg_type t on t.oid = a.atttypid
        where n.nspname not in ('pg_catalog', 'information_schema', 'dbarch') and not s.inherited and c.reltuples > 0 order by 1, 2""")


class Tally:
    def __init__(self):
        self.good = self.all = 0
        self.misses = []

    def check(self, what, a, b, within):
        self.all += 1
        if within:
            self.good += 1
        else:
            self.misses.append("%s: %s in the original, %s in the stand-in" % (what, a, b))


def compare_column(tally, original, stand_in, table, column, full_type, type_name, rows, correlation, width, has_common, n_distinct):
    name, one_row = "%s.%s" % (table, column), 1.5 / rows
    facts = "select (count(*) - count(%s))::float8 / greatest(count(*), 1), coalesce(avg(pg_column_size(%s)), 0), count(*) from %s" % (column, column, table)
    a, b = one(original, facts), one(stand_in, facts)
    tally.check(name + " nulls", a[0], b[0], abs(float(a[0]) - float(b[0])) <= max(0.01, one_row))
    tally.check(name + " width", a[1], b[1], abs(float(a[1]) - float(b[1])) <= max(0.05 * float(a[1]), 0.5))
    if type_name not in ("json", "point", "xml"):
        distinct = "select count(distinct %s) from %s" % (column, table)
        x, y = float(one(original, distinct)[0]), float(one(stand_in, distinct)[0])
        tally.check(name + " different values", x, y, abs(x - y) <= max(0.1 * x, 1))
    if has_common and not type_name.startswith("_"):
        shares = ("select v.v::text, (select count(*) from {t} where {c} = v.v)::float8 / {n} from (select unnest(most_common_vals::text::{y}[]) as v from pg_stats "
                  "where quote_ident(schemaname) || '.' || quote_ident(tablename) = '{t}' and quote_ident(attname) = '{c}' and not inherited) v limit 40")
        values = ask(original, shares.format(t=table, c=column, n=a[2], y=full_type))
        for value, share in values:
            other = float(one(stand_in, "select (select count(*) from {t} where {c} = $q${v}$q$)::float8 / {n}".format(t=table, c=column, v=value, n=b[2]))[0])
            tally.check("%s = %s" % (name, value), share, other, abs(float(share) - other) <= max(0.01, one_row))
    if type_name in NUMBERS and float(a[2]) >= 100:
        number = "extract(epoch from %s)" % column if type_name in ("date", "timestamp", "timestamptz") else column
        points = "select percentile_disc(array(select i / 50.0 from generate_series(1, 49) i)) within group (order by %s)::text from %s" % (number, table)
        at = one(original, points)[0].strip("{}")
        if at and at != "NULL":
            cdf = "select array(select (select count(*) from %s where %s <= p)::float8 from unnest(array[%s]::numeric[]) p), count(%s) from %s" % (table, number, at, column, table)
            (x, n), (y, m) = one(original, cdf), one(stand_in, cdf)
            distance = max(abs(float(i) / max(float(n), 1) - float(j) / max(float(m), 1)) for i, j in zip(x.strip("{}").split(","), y.strip("{}").split(",")))
            tally.check(name + " distribution", 0, "%.3f" % distance, distance <= max(0.03, one_row))
    theirs = one(stand_in, "select correlation from pg_stats where quote_ident(schemaname) || '.' || quote_ident(tablename) = '%s' and quote_ident(attname) = '%s' and not inherited union all select null" % (table, column))[0]
    if correlation and theirs and float(a[2]) >= 1000 and float(n_distinct) != 1:
        tally.check(name + " order", correlation, theirs, abs(float(correlation) - float(theirs)) <= 0.05)


def compare_keys(tally, original, stand_in):
    keys = ask(original, """select conrelid::regclass, conname, array_to_string(array(select quote_ident(attname) from pg_attribute where attrelid = conrelid and attnum = any (conkey)), ', ')
        from pg_constraint where contype = 'f' and conparentid = 0 and connamespace::regnamespace::text not in ('pg_catalog', 'information_schema') order by 1, 2""")
    for table, name, key in keys:
        found = one(stand_in, "select count(*) from pg_constraint where conname = '%s' and convalidated and conparentid = 0" % name)[0]
        tally.check("foreign key %s of %s" % (name, table), 1, found, found == "1")
        fan = "select avg(n), percentile_disc(0.99) within group (order by n), sum(n) from (select count(*) as n from %s where (%s) is not null group by %s) x" % (table, key, key)
        a, b = one(original, fan), one(stand_in, fan)
        if a[0] and b[0]:
            tally.check("%s to a parent by %s" % (table, key), a[0], b[0], abs(float(a[0]) - float(b[0])) <= 0.05 * float(a[0]))
            if table == "line":  # whose numbers tell how many each parent has
                tally.check("%s to a parent by %s, 99th percentile" % (table, key), a[1], b[1], abs(float(a[1]) - float(b[1])) <= 0.05 * float(a[1]))
                parts = "select array_agg(n order by n) from (select count(*) as n from (select count(*) as c from line group by order_id) x group by c) y"
                x, y = (list(map(int, one(url, parts)[0].strip("{}").split(","))) for url in (original, stand_in))
                tally.check("orders by their lines", x, y, len(x) == len(y) and all(abs(i - j) <= 0.1 * max(x) for i, j in zip(x, y)))
    wanted = "select count(*), count(*) filter (where contype in ('p', 'u')), count(*) filter (where contype = 'c') from pg_constraint where connamespace::regnamespace::text not in ('pg_catalog', 'information_schema', 'dbarch')"
    tally.check("constraints", one(original, wanted), one(stand_in, wanted), one(original, wanted) == one(stand_in, wanted))


def compare_together(tally, original, stand_in):
    """Dependencies within 0.1, combinations within a tenth, common combinations within a point; and what the planner makes of them."""
    for name, dependencies, distinct in ask(original, "select statistics_name, dependencies::text, n_distinct::text from pg_stats_ext order by 1"):
        other = one(stand_in, "select dependencies::text, n_distinct::text from pg_stats_ext where statistics_name = '%s'" % name)
        theirs = json.loads(other[0] or "{}")
        for key, degree in json.loads(dependencies or "{}").items():
            tally.check("%s: %s" % (name, key), degree, theirs.get(key), abs(theirs.get(key, 0) - degree) <= 0.1)
        theirs = json.loads(other[1] or "{}")
        for key, count in json.loads(distinct or "{}").items():
            tally.check("%s: combinations of %s" % (name, key), count, theirs.get(key), abs(theirs.get(key, 0) - count) <= max(1, 0.1 * count))
        common = "select m.values::text, m.frequency from pg_statistic_ext s join pg_statistic_ext_data d on d.stxoid = s.oid, pg_mcv_list_items(d.stxdmcv) m where s.stxname = '%s'" % name
        b = dict(ask(stand_in, common))
        for value, share in ask(original, common)[:40]:
            tally.check("%s: %s" % (name, value), share, b.get(value), abs(float(share) - float(b.get(value, 0))) <= 0.01)


def compare_estimates(tally, original, stand_in, queries):
    for query in queries:
        a, b = (json.loads(psql(url, "-c", "explain (format json) " + query))[0]["Plan"] for url in (original, stand_in))
        while "Plans" in a and "Plans" in b and a["Node Type"] == b["Node Type"] and a["Node Type"] in ("Aggregate", "Limit", "Sort"):
            a, b = a["Plans"][0], b["Plans"][0]
        tally.check("rows of " + query, a["Plan Rows"], b["Plan Rows"], max(a["Plan Rows"], 20) <= 1.5 * max(b["Plan Rows"], 20) and max(b["Plan Rows"], 20) <= 1.5 * max(a["Plan Rows"], 20))


def shape(url, query):
    def nodes(plan, depth=0):
        yield depth, plan["Node Type"], plan.get("Index Name"), plan.get("Relation Name"), plan.get("Join Type"), plan.get("Strategy")
        for child in plan.get("Plans", []):
            yield from nodes(child, depth + 1)
    return list(nodes(json.loads(psql(url, "-c", "explain (format json) " + query))[0]["Plan"]))


def subject(name, files, queries):
    original = Original(files)
    try:
        lab, url, out = stand_in_of(original.url)
        try:
            tally = Tally()
            for table, column, full_type, type_name, rows, correlation, width, has_common, n_distinct in columns(original.url):
                compare_column(tally, original.url, url, table, column, full_type, type_name, float(rows), correlation, width, has_common == "t", n_distinct)
            compare_keys(tally, original.url, url)
            together = Tally()
            compare_together(together, original.url, url.replace("dbarch_subject@", "dbarch@"))
            if name == "related":
                compare_estimates(together, original.url, url, queries)
                assert together.all > 50, together.all
            tally.good, tally.all, tally.misses = tally.good + together.good, tally.all + together.all, tally.misses + together.misses
            same = [(shape(original.url, q) == shape(url, q), q) for q in queries]
            if SHOW:
                for miss in tally.misses:
                    print("#   " + miss)
                for _, query in (s for s in same if not s[0]):
                    print("#   another plan: " + query[:120])
                    print("#     " + psql(original.url, "-c", "explain " + query).replace("\n", "\n#     "))
                    print("#     " + psql(url, "-c", "explain " + query).replace("\n", "\n#     "))
                print("#   " + out.stderr.replace("\n", "\n#   "))
            print("# %s: %d of %d within their tolerances; %d of %d plans of the same shape" % (name, tally.good, tally.all, sum(s for s, _ in same), len(same)))
            assert together.good == together.all, "\n".join(together.misses[:20])  # what extended statistics tell is held exactly
            assert tally.good >= GOOD[name] * tally.all, "\n".join(tally.misses[:20])
            assert sum(s for s, _ in same) >= 0.9 * len(same), [q for s, q in same if not s]
        finally:
            run("lab", "stop", lab)
    finally:
        original.stop()


def read_queries(path):
    with open(path, encoding="utf-8") as file:
        return [line.strip().rstrip(";") for line in file if line.strip() and not line.startswith("--")]


SHOP = [os.path.join(ROOT, "examples/shop", name) for name in ("01_schema.sql", "02_rows.sql")]
ONLY = [a[2:] for a in sys.argv[1:] if a in ("--people", "--related")]
if not ONLY:
    test("stand-in of the shop", lambda: subject("shop", SHOP, read_queries(os.path.join(ROOT, "tests/data/twin/shop.queries"))))
for schema in sorted(glob.glob(os.path.join(ROOT, "tests/data/stand-in/%s.sql" % (ONLY[0] if ONLY else "*")))):
    test("stand-in of %s" % os.path.basename(schema), lambda path=schema: subject(os.path.basename(path)[:-4], [path], read_queries(path[:-4] + ".queries")))
finish()

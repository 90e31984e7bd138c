#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Transfer: is what a change gains on a stand-in what it gains on the original?

Planted changes with a statement each, measured by `dbarch lab measure` on the loaded original and on the stand-in that is made from
its statistics alone.  What is gained: milliseconds that one run takes less.  Counted beside it: factors, and buffers, which no machine disturbs.

  bench/transfer.py            all changes, TPC-H at 0.1
  bench/transfer.py --check    every third, as tests with their limits (ok / not ok); with --full all
  bench/transfer.py WORD       those whose text holds the word
"""
import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "tests"))
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "tests", "quality"))
import tpch  # noqa: E402
from harness import ROOT, finish, run, test  # noqa: E402
from twins import MAJOR, PSQL, Original, psql  # noqa: E402

CHECK, FULL = "--check" in sys.argv, "--full" in sys.argv
WORDS = [a for a in sys.argv[1:] if not a.startswith("-")]
Q17 = ("select sum(l_extendedprice) / 7.0 from lineitem, part where p_partkey = l_partkey and p_brand = 'Brand#23' and p_container = 'MED BOX' "
       "and l_quantity < (select 0.2 * avg(l_quantity) from lineitem where l_partkey = p_partkey)")
# A change, and the statement that it helps, hurts or leaves alone.
TPCH = [
    ("create index on lineitem (l_suppkey)", "select sum(l_quantity) from lineitem where l_suppkey = 77"),
    ("create index on lineitem (l_receiptdate) include (l_extendedprice)", "select sum(l_extendedprice) from lineitem where l_receiptdate between '1994-03-01' and '1994-03-31'"),
    ("create index on lineitem (l_shipmode, l_receiptdate)", "select count(*) from lineitem where l_shipmode = 'RAIL' and l_receiptdate between '1995-01-01' and '1995-01-14' and l_quantity > 20"),
    ("create index on lineitem (l_commitdate)", "select avg(l_discount) from lineitem where l_commitdate = '1996-07-04'"),
    ("create index on orders (o_clerk)", "select * from orders where o_clerk = 'Clerk#000000050'"),
    ("create index on orders using hash (o_clerk)", "select count(*) from orders where o_clerk = 'Clerk#000000050'"),
    ("create index on orders (o_totalprice desc)", "select o_orderkey, o_totalprice from orders order by o_totalprice desc limit 10"),
    ("create index on orders (o_orderdate) where o_orderstatus = 'P'", "select count(*) from orders where o_orderstatus = 'P' and o_orderdate < '1995-06-01'"),
    ("create index on customer (c_mktsegment, c_acctbal)", "select count(*), avg(c_acctbal) from customer where c_mktsegment = 'BUILDING' and c_acctbal > 9000"),
    ("create index on customer (c_phone bpchar_pattern_ops)", "select count(*) from customer where c_phone like '13-1%'"),
    ("create index on part (p_brand, p_container)", Q17),
    ("drop index lineitem_l_partkey_idx", "select count(*), sum(l_tax) from lineitem where l_partkey = 1234"),
    ("drop index lineitem_l_shipdate_idx", "select count(*) from lineitem where l_shipdate = '1997-02-03'"),
    ("create index on orders (o_orderpriority, o_orderdate)", "insert into orders select o_orderkey + 10000000, o_custkey, o_orderstatus, o_totalprice, o_orderdate, o_orderpriority, o_clerk, "
     "o_shippriority, o_comment from orders where o_orderkey < 4000"),
    ("create index on partsupp (ps_availqty)", "select count(*) from partsupp where ps_availqty < 50"),
    ("create index on lineitem (l_returnflag)", "select count(*) from lineitem where l_returnflag = 'N' and l_tax > 0.07"),
]
SHOP = [
    ("create index on shop.order_items (product_id)", "select sum(qty) from shop.order_items where product_id = 17"),
    ("create index on shop.orders (address_id)", "delete from shop.addresses where id = 12777"),
    ("create index on shop.orders (placed_at)", "select id, total from shop.orders order by placed_at desc limit 10"),
    ("create index on shop.orders (placed_at) where status = 'new'", "select id from shop.orders where status = 'new' and placed_at > '2024-06-01'"),
    ("create index on shop.orders (status)", "select count(*) from shop.orders where status = 'delivered' and total > 250"),
    ("create index on shop.payments (method, amount)", "select count(*) from shop.payments where method = 'card' and amount > 480"),
    ("create index on shop.shipments (weight_grams)", "select count(*), sum(id) from shop.shipments where weight_grams between 5000 and 5100"),
    ("create index on shop.customers (lower(email))", "select id from shop.customers where lower(email) = 'customer500@example.com'"),
    ("create index on shop.products ((specs ->> 'color'))", "select count(*) from shop.products where specs ->> 'color' = 'red'"),
    ("drop index shop.products_sku_idx", "insert into shop.products (category_id, sku, title, price) select category_id, 'x' || sku, title, price from shop.products where id <= 1000"),
    ("drop index shop.payments_order_idx", "select amount from shop.payments where order_id = 4711"),
    ("create index on shop.audit_log using brin (at)", "select count(*) from shop.audit_log where at < '2024-01-05'"),
]
PEOPLE = [
    ("create index on person using gin (settings jsonb_path_ops)", "select count(*) from person where settings @> '{\"size\": 7}'"),
    ("create index on membership (role, since)", "select count(*) from membership where role = 'owner' and since > '2022-06-01'"),
    ("create index on event (amount)", "select count(*) from event where amount > 480"),
    ("create index on person (level)", "select avg(height) from person where level between 990 and 1000"),
    ("create index on person (height)", "select count(*) from person where height > 205"),
    ("drop index event_kind_at_idx", "select count(*) from event where kind = 'k6' and at < '2025-01-10'"),
    ("create index on person (id) where seen is null", "select count(*) from person where seen is null"),
    ("cluster membership using membership_person_idx", "select count(*), min(since) from membership where person < '10000000-0000-0000-0000-000000000000'"),
]


def measure(lab, change, statement):
    out = run("lab", "measure", lab, "-q", "--json", "--pg-major", MAJOR, change, statement)
    assert out.returncode == 0, out.stderr
    measured = json.loads(out.stdout)["statements"][0]
    return {r["quantity"]: r for r in measured["receipts"]}, measured


def gain(receipt):
    return receipt["before"] - receipt["after"]


def near(a, b):
    """The second gain is within a quarter of the first, or nearer to it than a twentieth of what was there before: less is noise."""
    return abs(gain(b) - gain(a)) <= max(0.25 * abs(gain(a)), 0.05 * a["before"])


def same_sign(a, b):
    """Neither gains what the other loses, and none does nothing where the other does much; within a tenth is nothing."""
    x, y = sorted((a["ratio"], b["ratio"]))
    return not (x < 0.9 and y > 1.1) and not (x < 0.75 and y > 0.9) and not (y > 1.33 and x < 1.1)


def shape(plan):
    return re.sub(r"\n\s+(Index Cond|Filter|Recheck Cond|Sort Key|Join Filter|Hash Cond).*", "", plan)


def one(original, stand_in, change, statement, rows):
    tries = []
    while len(tries) < 3 and not (tries and near(tries[-1][0]["time"], tries[-1][1]["time"])):  # a machine that is disturbed: the median of three
        (here, mine), (there, other) = measure(original, change, statement), measure(stand_in, change, statement)
        tries.append((here, there))
    here, there = sorted(tries, key=lambda t: gain(t[1]["time"]) - gain(t[0]["time"]))[len(tries) // 2] if len(tries) == 3 else tries[-1]
    a, b = here["time"], there["time"]
    row = {"change": change, "near": near(a, b), "sign": same_sign(a, b), "buffers": near(here["buffers"], there["buffers"]),
           "factor": abs(b["ratio"] / a["ratio"] - 1) <= 0.25 if a["ratio"] and b["ratio"] else a["ratio"] == b["ratio"]}
    rows.append(row)
    difference = "%+4.0f %%" % (100 * (gain(b) / gain(a) - 1)) if abs(gain(a)) > 0.1 * a["before"] else "nothing"
    print("%s%-74s %8.3f -> %8.3f ms   %8.3f -> %8.3f ms   %s%s%s%s%s" % (
        "# " if CHECK else "", change[:74], a["before"], a["after"], b["before"], b["after"], difference, "" if row["near"] else "  OFF", "" if row["sign"] else "  OTHER SIGN",
        "" if shape(mine["plan_before"] + mine["plan_after"]) == shape(other["plan_before"] + other["plan_after"]) else ", other plan", ", measured %d times" % len(tries) if len(tries) > 1 else ""), flush=True)


def subject(name, load, changes, rows):
    changes = [c for c in changes if all(w in " ".join(c) for w in WORDS)][::3 if CHECK and not FULL else 1]
    if not changes:
        return
    original = Original([])
    stand_in = None
    try:
        load(original.url)
        psql(original.url, "-c", "vacuum analyze")
        out = run("lab", "stand-in", original.url, "-q", "--pg-major", MAJOR, timeout=1200)
        assert out.returncode == 0, out.stderr
        stand_in = re.search(r"^lab (\S+):", out.stdout).group(1)
        print("%s %s: the original, and its stand-in" % ("#" if CHECK else "\n", name))
        for change, statement in changes:
            one(original.name, stand_in, change, statement, rows)
    finally:
        original.stop()
        if stand_in:
            run("lab", "stop", stand_in)


def transfer():
    rows = []
    subject("TPC-H at 0.1", lambda url: tpch.load(PSQL, url, "0.1"), TPCH, rows)
    for name, files, changes in (("shop", ["examples/shop/01_schema.sql", "examples/shop/02_rows.sql"], SHOP), ("people", ["tests/data/stand-in/people.sql"], PEOPLE)):
        subject(name, lambda url, files=files: [psql(url, "-f", os.path.join(ROOT, f)) for f in files], changes, rows)
    count = {what: sum(r[what] for r in rows) for what in ("near", "buffers", "factor", "sign")}
    print("%s%d changes: gains in ms within 25 %% on %d (%.0f %%), in buffers on %d, factors on %d; of the right sign on %d (%.0f %%)" % (
        "# " if CHECK else "\n", len(rows), count["near"], 100 * count["near"] / len(rows), count["buffers"], count["factor"], count["sign"], 100 * count["sign"] / len(rows)))
    assert count["near"] >= 0.9 * len(rows) and count["sign"] >= 0.99 * len(rows), [r["change"] for r in rows if not r["near"] or not r["sign"]]


if CHECK:
    test("gains on a stand-in are those of the original", transfer)
    finish()
else:
    try:
        transfer()
    except AssertionError as missed:
        print("MISSED: %s" % missed)

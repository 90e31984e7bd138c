#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""TPC-H and pgbench: does the twin plan as the loaded original, node by node, and is a stand-in's plan of the same shape?

  tests/quality/standard.py [SCALE]      0.05 when left out; `make check-full` runs 1
"""
import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
sys.path.insert(0, os.path.dirname(__file__))
import tpch  # noqa: E402
from harness import clean_env, finish, run, test  # noqa: E402
from twins import MAJOR, PSQL, Original, compare, explain, psql, twin_of  # noqa: E402

SCALE = sys.argv[1] if len(sys.argv) > 1 else "0.05"
BIN = os.path.dirname(PSQL)


def settle(original):
    psql(original.url, "-c", "vacuum analyze")


def statements():
    for number, query in enumerate(tpch.queries(), 1):
        yield "Q%d" % number, query


def stand_in_shapes(original, queries):
    """Plans of the same shape: the median of three, with new samples each, since ANALYZE's sample decides between plans that cost the same."""
    out = run("lab", "stand-in", original.url, "-q", "--pg-major", MAJOR, timeout=1200)
    assert out.returncode == 0, out.stderr
    name, url = re.search(r"^lab (\S+):", out.stdout).group(1), out.stdout.strip().split("\n")[-1]
    print("# " + out.stdout.split("\n")[0])
    print("".join("#   %s\n" % line for line in out.stderr.strip().split("\n") if line), end="")
    counts = []
    try:
        for sample in range(3):
            if sample:
                psql(original.url, "-c", "analyze")
                psql(url, "-c", "analyze")
            other = [i + 1 for i, q in enumerate(queries) if [n[0] for n in explain(original.url, q)] != [n[0] for n in explain(url, q)]]
            counts.append(len(queries) - len(other))
            print("# stand-in: %d of %d plans of the same shape%s" % (counts[-1], len(queries), ", not query " + ", ".join(map(str, other)) if other else ""))
        return sorted(counts)[1]
    finally:
        run("lab", "stop", name)


def compare_twin(original, queries, name):
    for query in queries:  # the planner looks up ends in indexes, which puts them into use
        explain(original.url, query)
    lab, url, _ = twin_of(original.url)
    try:
        compare(name, original.url, url, queries, 0.95)
    finally:
        run("lab", "stop", lab)


def tpc_h():
    original = Original([])
    try:
        tpch.load(PSQL, original.url, SCALE)
        settle(original)
        queries = [query for _, query in statements()]
        compare_twin(original, queries, "TPC-H at %s" % SCALE)
        same = stand_in_shapes(original, queries)
        assert same >= (0.9 if float(SCALE) >= 1 else 0.85) * len(queries), same  # small tables' plans cost nearly the same
    finally:
        original.stop()


def pgbench():
    original = Original([])
    try:
        subprocess.run([os.path.join(BIN, "pgbench"), "-i", "-q", "-s", "10" if float(SCALE) >= 1 else "2", original.url], check=True, env=clean_env(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        settle(original)
        queries = ["update pgbench_accounts set abalance = abalance + 5 where aid = 4711", "select abalance from pgbench_accounts where aid = 4711",
                   "update pgbench_tellers set tbalance = tbalance + 5 where tid = 7", "update pgbench_branches set bbalance = bbalance + 5 where bid = 1",
                   "select bid, sum(abalance) from pgbench_accounts group by bid", "select * from pgbench_accounts a join pgbench_branches b using (bid) where a.aid between 100 and 900",
                   "select t.tid, count(*) from pgbench_tellers t join pgbench_accounts a using (bid) group by t.tid", "select max(aid) from pgbench_accounts"]
        compare_twin(original, queries, "pgbench")
        assert stand_in_shapes(original, queries) >= 0.9 * len(queries)
    finally:
        original.stop()


test("TPC-H at %s" % SCALE, tpc_h)
test("pgbench", pgbench)
finish()

# SPDX-License-Identifier: Apache-2.0
"""A loaded original and its twin, for the tests that hold one against the other."""
import glob
import json
import os
import re
import subprocess

from harness import clean_env, run

MAJOR = os.environ.get("TEST_PG_MAJOR", "17")
CACHE = os.environ.get("DBARCH_CACHE") or ("/var/cache/dbarch" if os.geteuid() == 0 else os.path.expanduser("~/.cache/dbarch"))
PSQL = glob.glob(os.path.join(CACHE, "runtime", MAJOR, "usr/lib/postgresql", MAJOR, "bin/psql"))[0]


def psql(url, *words, stdin=None, check=True):
    done = subprocess.run([PSQL, "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", url, *words], input=stdin, encoding="utf-8", stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_env(), timeout=300)
    if check:
        assert done.returncode == 0, done.stderr
    return done.stdout


class Original:
    """A lab that holds a loaded subject, analysed."""

    def __init__(self, files):
        out = run("lab", "start", "--pg-major", MAJOR)
        assert out.returncode == 0, out.stderr
        self.name, self.url = re.search(r"^lab (\S+):", out.stdout).group(1), out.stdout.strip().split("\n")[-1]
        for file in files:
            psql(self.url, "-f", file)
        psql(self.url, "-c", "vacuum analyze")  # all-visible pages and sizes are settled

    def stop(self):
        run("lab", "stop", self.name)


def twin_of(subject):
    out = run("lab", "twin", subject, "--pg-major", MAJOR)
    assert out.returncode == 0, out.stderr
    return re.search(r"^lab (\S+):", out.stdout).group(1), out.stdout.strip().split("\n")[-1], out


def nodes(plan, depth=0):
    yield ((depth, plan["Node Type"], plan.get("Index Name"), plan.get("Relation Name"), plan.get("Join Type"), plan.get("Strategy")),
           (plan["Startup Cost"], plan["Total Cost"], plan["Plan Rows"], plan["Plan Width"]))
    for child in plan.get("Plans", []):
        yield from nodes(child, depth + 1)


def explain(url, query):
    return list(nodes(json.loads(psql(url, "-c", "explain (format json, verbose) " + query))[0]["Plan"]))


def compare(name, original, twin, queries, least, least_shape=1.0):
    """Every node's cost, rows and width of each query on both; the least shares of the same shape, and equal."""
    same = shape = 0
    for query in queries:
        a, b = explain(original, query), explain(twin, query)
        shapes, numbers = [n[0] for n in a] == [n[0] for n in b], a == b
        same, shape = same + numbers, shape + shapes
        if not numbers:
            first = next(((x, y) for x, y in zip(a, b) if x != y), None)
            print("#   %s: %s\n#     %s\n#     %s" % ("other numbers" if shapes else "OTHER SHAPE", query.replace("\n", " ")[:100], first and first[0], first and first[1]))
    print("# %s: %d of %d queries equal in every number, %d in shape" % (name, same, len(queries), shape))
    assert same >= least * len(queries) and shape >= least_shape * len(queries), "%d and %d of %d" % (same, shape, len(queries))

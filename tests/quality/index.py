#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Planted workloads: of each it is known which indexes are right, and which of those that are there may go.  All must be found, and none extra.

  tests/quality/index.py [NAME ...]
"""
import glob
import json
import os
import re
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import finish, run, test  # noqa: E402

CASES = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "data", "index")


def advise(schema, workload, *words):
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        paths = [os.path.join(folder, name) for name in ("schema.sql", "statements.sql")]
        for path, text in zip(paths, (schema, workload)):
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        out = run("index", paths[0], "--workload", paths[1], "--json", "-q", *words)
    assert out.returncode == 0, out.stderr
    return json.loads(out.stdout)


def told(candidate):
    """As the cases write it: the method only where it is no btree."""
    text = re.sub(r"^CREATE INDEX ON ", "", candidate["definition"])
    return text.replace(" USING btree", "")


def outcome(answer, point):
    chosen = [answer["candidates"][i] for i in point.get("chosen", [])]
    new = sorted(told(c) for c in chosen if "existing" not in c)
    kept = {i for i in point.get("chosen", [])}
    gone = sorted(c["existing"] for i, c in enumerate(answer["candidates"]) if "existing" in c and not c.get("kept") and i not in kept)
    return new, gone


def case(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    schema, workload = text.split("-- workload\n")
    wanted = sorted(re.findall(r"^-- new: (.*)$", schema, re.M)), sorted(re.findall(r"^-- drop: (.*)$", schema, re.M))
    answer = advise(schema, workload)
    assert not answer.get("refused"), answer["refused"]
    found = outcome(answer, answer["advised"])
    assert found == wanted, "wanted %s, found %s" % (wanted, found)


names = sys.argv[1:]
for path in sorted(glob.glob(os.path.join(CASES, "*.sql"))):
    name = os.path.basename(path)[:-4]
    if not names or name in names:
        test(name, lambda path=path: case(path))
finish()

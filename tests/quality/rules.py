#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every rule on its planted cases: tests/data/rules/RULE.sql says in its head what must be found, and nothing else may be.

  -- expect: OBJECT SEVERITY PROOF     found, with that severity, and a proof that starts so
  -- suppressed: OBJECT                found and allowed by a comment
  -- options: WORD ...                 of review
  -- workload: STATEMENT               that runs on it
Recall and precision over all rules are printed; both must be 1.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import ROOT, finish, review, test, write  # noqa: E402

SEVERITIES = ("must-fix", "worth-it", "question", "note")
wanted = found = both = 0


def expectations(path):
    expected, suppressed = {}, set()
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.startswith("-- expect: "):
                body = line[len("-- expect: "):].strip()
                for severity in SEVERITIES:
                    head, _, proof = body.partition(" %s " % severity)
                    if proof:
                        expected[head] = (severity, proof)
            elif line.startswith("-- suppressed: "):
                suppressed.add(line[len("-- suppressed: "):].strip())
    return expected, suppressed


def options(rule, path):
    words, statements = [], []
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.startswith("-- options: "):
                words += line[len("-- options: "):].split()
            elif line.startswith("-- workload: "):
                statements.append(line[len("-- workload: "):])
    if statements:
        words += ["--workload", write(rule + "-workload.sql", "".join(statements))]
    return words


def judge(rule, path):
    global wanted, found, both
    expected, suppressed = expectations(path)
    process, report = review(path, "--rule", rule, *options(rule, path))
    assert report, process.stderr
    got = {f["object"]: f for f in report.get("findings", []) if not f.get("suppressed")}
    allowed = {f["object"] for f in report.get("findings", []) if f.get("suppressed")}
    wanted += len(expected)
    found += len(got)
    both += len(set(expected) & set(got))
    problems = ["missed " + o for o in sorted(set(expected) - set(got))] + ["false alarm " + o for o in sorted(set(got) - set(expected))]
    if allowed != suppressed:
        problems.append("suppressed %s, expected %s" % (sorted(allowed), sorted(suppressed)))
    for name, (severity, proof) in expected.items():
        finding = got.get(name)
        if not finding:
            continue
        if finding["severity"] != severity:
            problems.append("%s is %s, expected %s" % (name, finding["severity"], severity))
        if not finding["proof"].startswith(proof):
            problems.append("%s: %s, expected %s" % (name, finding["proof"], proof))
        if proof == "proven" and finding.get("change"):
            if not finding["change"].get("undo_proven"):
                problems.append("%s: the undo is not proven" % name)
            if not finding.get("migration"):
                problems.append("%s: no migration" % name)
    assert not problems, "\n".join(problems)


folder = os.path.join(ROOT, "tests", "data", "rules")
only = sys.argv[1:]
for name in sorted(os.listdir(folder)):
    rule = name[:-len(".sql")]
    if not only or rule in only:
        test("rule " + rule, lambda: judge(rule, os.path.join(folder, name)))
print("# recall %.3f, precision %.3f over %d planted objects" % (both / max(wanted, 1), both / max(found, 1), wanted))
finish()

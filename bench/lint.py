#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""make bench-lint: linting real migrations, with squawk-cli (PyPI) beside it.

The truth is what a lab saw: the statements of each migration that hold a lock others wait for while they, or what follows them in the transaction, read or write
a table that was there before.  Recall: of those, how many a linter warns of.  Alarms: warnings about locks on statements that make nobody wait.
"""
import json
import os
import resource
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "tests"))
from harness import DBARCH, clean_env  # noqa: E402
import fetching  # noqa: E402

WAITS = {"index-blocks-writes", "index-blocks-all", "check-blocks-writes", "check-blocks-all", "rewrite-blocks-all", "lock-held-through-work", "not-null-without-default"}
# squawk's rules about locks; the others are about style, compatibility and timeouts.
LOCKS = {"require-concurrent-index-creation", "changing-column-type", "constraint-missing-not-valid", "adding-foreign-key-constraint", "adding-not-nullable-field",
         "disallowed-unique-constraint", "adding-field-with-default", "adding-serial-primary-key-field", "adding-required-field", "require-concurrent-reindex",
         "require-concurrent-partition-detach", "prefer-repack", "require-concurrent-index-deletion"}
RUNS = 9


def timed(command):
    """The result, and the least of the wall and CPU seconds of several runs."""
    best, out = (1e9, 1e9), None
    for _ in range(RUNS):
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        out = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", env=clean_env(), check=False)
        wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        best = min(best, (wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime))
    return out, best


def findings(process):
    return [f for f in json.loads(process.stdout).get("findings", []) if not f.get("suppressed")]


def places(found):
    return {(os.path.basename(f["file"]), f["line"]) for f in found if f["rule"] in WAITS}


def matched(truth, warned):
    """Warnings are ranges of lines."""
    hit = {place for place in truth if any(name == place[0] and first <= place[1] <= last for name, first, last in warned)}
    false = sum(1 for name, first, last in warned if not any(name == place[0] and first <= place[1] <= last for place in truth))
    return len(hit), false


def main():
    squawk = fetching.pypi("squawk-cli", "2.70.0", "squawk")
    print("%-52s %9s %9s %8s %8s %8s %8s" % ("", "wall ms", "CPU ms", "warnings", "of locks", "recall", "alarms"))
    good = True
    for module, below in fetching.HISTORIES[:2]:
        folder = os.path.join(fetching.go(module), below)
        files = sorted(os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".up.sql"))
        seen = findings(subprocess.run([DBARCH, "migrate", "lint", folder, "--json", "-q"], stdout=subprocess.PIPE, encoding="utf-8", env=clean_env(), check=True))
        truth = places(seen)
        text, text_time = timed([DBARCH, "migrate", "lint", folder, "--json", "-q", "--no-lab"])
        other, other_time = timed([squawk, "--reporter", "json", *files])
        ours = findings(text)
        warned = {(os.path.basename(f["file"]), f["line"], f["line"]) for f in ours if f["rule"] in WAITS}
        theirs = json.loads(other.stdout)
        their_warned = {(os.path.basename(f["file"]), f["line"] + 1, f.get("line_end", f["line"]) + 1) for f in theirs if f["rule_name"] in LOCKS}
        print("%s: %d migrations, %d statements that make others wait" % (module, len(files), len(truth)))
        rates = []
        for name, seconds, all_of_them, locks in (("dbarch migrate lint --no-lab", text_time, len(ours), warned), ("squawk 2.70.0", other_time, len(theirs), their_warned)):
            hit, false = matched(truth, locks)
            rates.append((hit / len(truth), all_of_them, seconds[0]))
            print("  %-50s %9.0f %9.0f %8d %8d %7.0f%% %7.0f%%" % (name, seconds[0] * 1e3, seconds[1] * 1e3, all_of_them, len(locks), 100 * hit / len(truth),
                                                                   100 * false / max(len(locks), 1)))
        print("  %-50s %9s %9s %8d %8d %7.0f%% %7.0f%%" % ("dbarch migrate lint", "", "", len(seen), len(truth), 100, 0))
        good &= rates[0][0] > rates[1][0] and rates[0][1] * 2 <= rates[1][1] and len(seen) * 2 <= rates[1][1]
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())

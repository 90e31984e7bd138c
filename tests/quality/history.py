#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Histories of real projects, fetched as Go modules, verified, and held against pg_dump.

The oracle knows nothing of dbarch: a copy of the database before a migration is dumped, the migration and its undo run by psql, and the copy is
dumped again.  Where the two dumps are equal nothing may be said against the undo; where they differ something must.  history.py --full asks it
about every migration, else about some.  history.py --oracle FOLDER STEP LABELS is its own part, run inside of `dbarch lab run`.
"""
import functools
import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import fetching  # noqa: E402
from harness import DBARCH, clean_env, equal, finish, run, test  # noqa: E402

# Migrations in each history, and faults that were found in them by hand.
KNOWN = [
    (343, {"000018_provisioner_job_type_dry_run": "undo-fails", "000035_linked_user_id": "undo-differs", "000051_comment_on_api_key_secret": "undo-does-nothing"}),
    (81, {"000075_alter_upload_sessions_index": "undo-differs", "000010_create_group_channels": "undo-does-nothing"}),
    (6, {}),
    (8, {"004_pending_and_more": "undo-differs"}),
]
AGAINST = ("undo-fails", "undo-differs", "undo-does-nothing", "undo-moves-columns")
FULL = "--full" in sys.argv


# ---- the oracle -----------------------------------------------------------------------------------------------------

def psql(database, *arguments):
    return subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", database, *arguments], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, encoding="utf-8", check=False)


def dump(database):
    text = subprocess.run(["pg_dump", "-s", "-d", database], stdout=subprocess.PIPE, encoding="utf-8", check=True).stdout
    return re.sub(r"^\\(un)?restrict .*$|^--.*$", "", text, flags=re.M)


def oracle(folder, step, always):
    verdicts = {}
    psql("postgres", "-c", "create database history")
    labels = sorted(name[:-len(".up.sql")] for name in os.listdir(folder) if name.endswith(".up.sql"))
    for number, label in enumerate(labels):
        up, down = os.path.join(folder, label + ".up.sql"), os.path.join(folder, label + ".down.sql")
        if number % step == step // 2 or label in always:
            psql("postgres", "-c", "drop database if exists copy", "-c", "create database copy template history strategy file_copy")
            before = dump("copy")
            if psql("copy", "-1", "-f", up).returncode == 0:
                verdicts[label] = "wrong" if psql("copy", "-1", "-f", down).returncode else "right" if dump("copy") == before else "wrong"
        done = psql("history", "-1", "-f", up)
        if done.returncode:
            break
    print(json.dumps(verdicts))


# ---- the tests ------------------------------------------------------------------------------------------------------

def project(module, below, count, known):
    folder = os.path.join(fetching.go(module), below)
    part = count > 100 and not FULL
    labels = sorted(name.split("_")[0] for name in os.listdir(folder) if re.match(r"^\d+_.*\.sql$", name) and ".down." not in name)
    count = count // 10 if part else count
    began = os.times()
    process = run("migrate", "verify", folder, "--json", "-q", *(["--from", labels[-count]] if part else []), timeout=600)
    ended = os.times()
    cpu = ended.children_user + ended.children_system - began.children_user - began.children_system
    equal(process.returncode, 0)
    result = json.loads(process.stdout)
    equal(len(result["migrations"]), count)
    equal(result.get("not_run", 0), 0)
    said = {}
    for finding in result.get("findings", []):
        said.setdefault(finding["object"], []).append(finding["rule"])
    for label, rule in known.items():
        assert label not in {m["migration"] for m in result["migrations"]} or rule in said.get(label, []), "%s: %s" % (label, said.get(label))
    print("    %s: %d migrations in %.1f CPU seconds, %d with something to say" % (module.split("/")[2], count, cpu, len(said)))
    assert count < 100 or cpu < 60 * count / 300, "%.1f CPU seconds" % cpu
    if not os.path.exists(os.path.join(folder, result["migrations"][0]["migration"] + ".up.sql")):
        return
    step = 1 if FULL else 7
    asked = subprocess.run([DBARCH, "lab", "run", "--", sys.executable, os.path.abspath(__file__), "--oracle", folder, str(step), ",".join(label for label in said if set(said[label]) & set(AGAINST))],
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", env=clean_env(), check=False)
    judged = {m["migration"] for m in result["migrations"]}
    verdicts = json.loads(asked.stdout.strip().splitlines()[-1]) if asked.returncode == 0 else None
    assert verdicts, asked.stdout + asked.stderr
    verdicts = {label: verdict for label, verdict in verdicts.items() if label in judged}
    against = {label: [rule for rule in rules if rule in AGAINST] for label, rules in said.items()}
    missed = [label for label, verdict in verdicts.items() if verdict == "wrong" and not against.get(label)]
    alarms = [label for label, verdict in verdicts.items() if verdict == "right" and against.get(label)]
    wrong = sum(verdict == "wrong" for verdict in verdicts.values())
    print("    pg_dump: of %d, %d right, %d wrong; missed %s, false alarms %s" % (len(verdicts), len(verdicts) - wrong, wrong, missed, alarms))
    assert not missed and len(alarms) <= 0.01 * (len(verdicts) - wrong), (missed, alarms)


if "--oracle" in sys.argv:
    oracle(sys.argv[2], int(sys.argv[3]), sys.argv[4].split(","))
    sys.exit(0)
for (module, below), (count, known) in zip(fetching.HISTORIES, KNOWN):
    test("history of " + module, functools.partial(project, module, below, count, known))
finish()

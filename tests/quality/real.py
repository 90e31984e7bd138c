#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reviews of real schemas that nobody here wrote: Zabbix and MediaWiki, out of their Debian packages.

They are fetched with apt into a folder outside the repository, reviewed, and what a person checked by hand is held
against the report: foreign keys that have an index, tables that have a key, proofs that ran.
"""
import glob
import gzip
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import ROOT, WORK, contains, equal, finish, review, test  # noqa: E402

CACHE = os.environ.get("DBARCH_CACHE") or ("/var/cache/dbarch" if os.geteuid() == 0 else os.path.expanduser("~/.cache/dbarch"))
FETCHED = os.path.join(CACHE, "test-schemas")


def fetch(package):
    folder = os.path.join(FETCHED, package)
    if not os.path.isdir(os.path.join(folder, "root")):
        os.makedirs(folder, exist_ok=True)
        done = subprocess.run([os.path.join(ROOT, "tools", "private-apt.sh"), "bookworm", folder, "--no-deps", package], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8")
        assert done.returncode == 0, done.stdout
        subprocess.run(["dpkg-deb", "-x", glob.glob(os.path.join(folder, "archives", package + "_*.deb"))[0], os.path.join(folder, "new")], check=True)
        os.rename(os.path.join(folder, "new"), os.path.join(folder, "root"))
    return os.path.join(folder, "root")


def place(name, files):
    """A folder of the test's own with the files in the order they are to be loaded."""
    folder = os.path.join(WORK, name)
    os.makedirs(folder)
    for number, path in enumerate(files):
        opener = gzip.open if path.endswith(".gz") else open
        with opener(path, "rt", encoding="utf-8") as source, open(os.path.join(folder, "%d.sql" % number), "w", encoding="utf-8") as out:
            out.write(source.read())
    return folder


def by_rule(report, rule, **facts):
    return [f for f in report.get("findings", []) if f["rule"] == rule and all(f.get(k) == v for k, v in facts.items())]


def zabbix():
    share = os.path.join(fetch("zabbix-server-pgsql"), "usr/share/zabbix-server-pgsql")
    folder = place("zabbix", [os.path.join(share, name) for name in ("schema.sql.gz", "images.sql.gz", "data.sql.gz")])
    process, report = review(folder)
    equal(process.returncode, 0)
    equal(report.get("notes", []), [])
    checked = {c["rule"]: c for c in report["checked"]}
    assert checked["fk-without-index"]["looked_at"] > 200, checked["fk-without-index"]
    # Zabbix itself indexes nearly all its foreign keys; c_hosts_3 (templateid) is one that it does not.
    names = {f["object"] for f in by_rule(report, "fk-without-index")}
    assert "public.hosts(templateid)" in names, sorted(names)
    assert "public.items(hostid)" not in names and "public.hosts_groups(hostid)" not in names, sorted(names)
    assert not by_rule(report, "redundant-index", severity="must-fix")
    for finding in report["findings"]:
        assert finding["severity"] == "note" or not finding["proof"].startswith("unproven"), (finding["object"], finding["proof"])
        if finding["proof"] == "proven" and finding.get("change"):
            assert finding["change"]["undo_proven"] and finding["migration"], finding["object"]
        for receipt in finding.get("receipts", []):
            assert receipt["rows_origin"] in ("generated", "the subject's own files")
    assert any(f.get("rejected") for f in report["findings"])  # tables of a few rows gain nothing, and that is said


def mediawiki():
    folder = os.path.join(fetch("mediawiki"), "usr/share/mediawiki/maintenance/postgres")
    process, report = review(place("mediawiki", [os.path.join(folder, "tables-generated.sql"), os.path.join(folder, "tables.sql")]))
    equal(process.returncode, 0)
    without_key = {f["object"] for f in by_rule(report, "no-primary-key")}
    for table in ("public.querycache", "public.oldimage", "public.searchindex"):
        assert table in without_key, sorted(without_key)
    for table in ("public.page", "public.revision", "public.actor"):
        assert table not in without_key, table
    search = next(f for f in by_rule(report, "no-primary-key") if f["object"] == "public.searchindex")
    contains(json.dumps(search["options"]), "si_page")
    assert not by_rule(report, "fk-without-index") and not [f for f in report["findings"] if f["severity"] == "must-fix"]


test("Zabbix", zabbix)
test("MediaWiki", mediawiki)
finish()

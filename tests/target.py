# SPDX-License-Identifier: Apache-2.0
"""A lab that stands for somebody's server: the target of migrations in tests."""
import glob
import os
import re
import subprocess

from harness import clean_env, run

MAJOR = os.environ.get("TEST_PG_MAJOR", "17")
CACHE = os.environ.get("DBARCH_CACHE") or ("/var/cache/dbarch" if os.geteuid() == 0 else os.path.expanduser("~/.cache/dbarch"))
BIN = glob.glob(os.path.join(CACHE, "runtime", MAJOR, "usr/lib/postgresql", MAJOR, "bin"))[0]


class Target:
    """A kept lab, and databases in it."""

    def __init__(self):
        out = run("lab", "start", "--pg-major", MAJOR)
        assert out.returncode == 0, out.stderr
        self.name = re.search(r"^lab (\S+):", out.stdout).group(1)
        self.host = re.search(r"host=([^&]+)", out.stdout.strip().split("\n")[-1]).group(1).replace("%2F", "/")
        self.count = 0

    def conninfo(self, database, user="dbarch"):
        return "host=%s port=5432 user=%s dbname=%s" % (self.host, user, database)

    def psql(self, database, sql, check=True, user="dbarch"):
        done = subprocess.run([os.path.join(BIN, "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", self.conninfo(database, user), "-f", "-"], input=sql, encoding="utf-8",
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_env(), timeout=120, check=False)
        assert not check or done.returncode == 0, done.stderr
        return done.stdout.strip()

    def session(self, database):
        return subprocess.Popen([os.path.join(BIN, "psql"), "-XAtq", "-d", self.conninfo(database)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                encoding="utf-8", env=clean_env())

    def database(self):
        self.count += 1
        name = "t%d" % self.count
        self.psql("postgres", "create database %s" % name)
        return name

    def stop(self):
        run("lab", "stop", self.name)

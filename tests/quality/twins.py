# SPDX-License-Identifier: Apache-2.0
"""A loaded original and its twin, for the tests that hold one against the other."""
import glob
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

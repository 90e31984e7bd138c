# SPDX-License-Identifier: Apache-2.0
"""What tests and benches take from package registries, kept outside of the repository."""
import json
import os
import shutil
import subprocess
import sys

CACHE = os.environ.get("DBARCH_CACHE") or ("/var/cache/dbarch" if os.geteuid() == 0 else os.path.expanduser("~/.cache/dbarch"))
# Real histories of migrations: Go modules, and where they are in them.
HISTORIES = [
    ("github.com/coder/coder/v2@v2.24.0", "coderd/database/migrations"),
    ("github.com/mattermost/mattermost-server/v6@v6.7.2", "db/migrations/postgres"),
    ("github.com/openfga/openfga@v1.22.1", "assets/migrations/postgres"),
    ("github.com/riverqueue/river/riverdriver/riverpgxv5@v0.51.2", "migration/main"),
]


def place(name):
    path = os.path.join(os.path.realpath(os.path.join(CACHE, "runtime")), "..", name)
    os.makedirs(path, exist_ok=True)
    return os.path.realpath(path)


def go(module):
    """The folder of a Go module."""
    program = shutil.which("go") or "/usr/local/go/bin/go"
    done = subprocess.run([program, "mod", "download", "-json", module], stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", cwd="/",
                          env=dict(os.environ, GOFLAGS="-mod=mod"), check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)["Dir"]


def pypi(package, version, program):
    """The path of a program that a package of PyPI installs."""
    folder = place("peers-" + package)
    path = os.path.join(folder, version, "bin", program)
    if not os.path.exists(path):
        shutil.rmtree(os.path.join(folder, version), ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", os.path.join(folder, version)], check=True)
        done = subprocess.run([os.path.join(folder, version, "bin", "pip"), "install", "-q", "%s==%s" % (package, version)], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, encoding="utf-8", check=False)
        assert done.returncode == 0, done.stdout
    return path


def library(package, version, module):
    """Makes a Python package of PyPI importable."""
    folder = os.path.join(place("peers-python"), "%s-%s" % (package, version))
    if not os.path.isdir(os.path.join(folder, module)):
        done = subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--target", folder, "%s==%s" % (package, version)], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, encoding="utf-8", check=False)
        assert done.returncode == 0, done.stdout
    sys.path.insert(0, folder)


def crate_file(crate, version, path):
    """The text of one file of a crate."""
    folder = os.path.join(place("peers-crates"), "%s-%s" % (crate, version))
    kept = os.path.join(folder, os.path.basename(path))
    if not os.path.exists(kept):
        cargo = shutil.which("cargo") or os.path.expanduser("~/.cargo/bin/cargo")
        os.makedirs(os.path.join(folder, "src"), exist_ok=True)
        for name, text in (("Cargo.toml", '[package]\nname = "x"\nversion = "0.1.0"\nedition = "2021"\n[dependencies]\n%s = "=%s"\n' % (crate, version)),
                           ("src/main.rs", "fn main() {}\n")):
            with open(os.path.join(folder, name), "w", encoding="utf-8") as out:
                out.write(text)
        done = subprocess.run([cargo, "vendor", "-q", "vendor"], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, encoding="utf-8", check=False)
        assert done.returncode == 0, done.stderr
        shutil.copy(os.path.join(folder, "vendor", crate, path), kept)
        shutil.rmtree(os.path.join(folder, "vendor"))
    with open(kept, encoding="utf-8") as file:
        return file.read()


def npm(package, version, program):
    """The path of a program in a package of npm."""
    folder = os.path.join(place("peers-npm"), "%s-%s" % (package.replace("/", "-").lstrip("@"), version))
    path = os.path.join(folder, "package", program)
    if not os.path.exists(path):
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        done = subprocess.run(["npm", "pack", "--silent", "%s@%s" % (package, version)], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        subprocess.run(["tar", "xzf", done.stdout.strip().split("\n")[-1]], cwd=folder, check=True)
    return path

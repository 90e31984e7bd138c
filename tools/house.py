#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the order of the house: a folder of src/ includes only folders that stand above it, and third-party headers stay
behind their one door.  Prints a line for each breach; exits 1 when there is one."""
import os
import re
import sys

ORDER = ["base", "sql", "schema", "survey", "finding", "server", "lab", "data", "normal", "ledger", "migrate", "index", "advise", "design", "report", "verb", "mcp", "cli"]
DOORS = {"coin/": "index", "pg_query": "sql", "libpq-fe.h": "server", "postgres.h": "sql", "yyjson.h": "base", "zlib.h": "base", "libfyaml.h": "base"}
LONGEST = 1200
root = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "src")
breaches = 0


def breach(path, line, text):
    global breaches
    breaches += 1
    print("%s:%d: %s" % (os.path.relpath(path, os.path.dirname(root)), line, text))


for folder in sorted(os.listdir(root)):
    if not os.path.isdir(os.path.join(root, folder)):
        continue
    if folder not in ORDER:
        breach(os.path.join(root, folder), 0, "is no folder of the house")
        continue
    for name in sorted(os.listdir(os.path.join(root, folder))):
        path = os.path.join(root, folder, name)
        if not name.endswith((".c", ".h")):
            continue
        with open(path, encoding="utf-8") as file:
            lines = file.read().split("\n")
        if not lines[0].startswith("// SPDX-License-Identifier: Apache-2.0"):
            breach(path, 1, "has no licence line")
        if len(lines) > LONGEST:
            breach(path, len(lines), "is longer than %d lines" % LONGEST)
        for number, line in enumerate(lines, 1):
            own = re.match(r'#include "([a-z]+)/', line)
            if own and own.group(1) in ORDER and ORDER.index(own.group(1)) > ORDER.index(folder):
                breach(path, number, "%s stands above %s" % (folder, own.group(1)))
            for header, door in DOORS.items():
                if line.startswith("#include") and header in line and folder != door:
                    breach(path, number, "%s belongs to %s/ alone" % (header, door))
            if re.search(r"\b(strcpy|strcat|sprintf|gets|strtok|atoi|atof)\s*\(", line):
                breach(path, number, "a banned call")
            if folder != "cli" and re.search(r"\b(printf|puts|getenv|g_getenv|exit)\s*\(", line):
                breach(path, number, "only cli/ prints, exits or reads the environment")
sys.exit(1 if breaches else 0)

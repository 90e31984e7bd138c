#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns text files into a C table: embed.py NAME OUTPUT FILE...  Entry names are file names without their ending;
dba_embedded_NAME(entry) gives the text, and NULL when there is no such entry."""
import os
import sys

name, output, files = sys.argv[1], sys.argv[2], sorted(sys.argv[3:])
with open(output, "w", encoding="utf-8") as out:
    out.write("// Made by tools/embed.py.\n#pragma once\n#include <stddef.h>\n#include <string.h>\n\n")
    out.write("static const struct {\n  const char *name, *text;\n} dba_embedded_%s_table[] = {\n" % name)
    for path in files:
        out.write('    {"%s",\n' % os.path.splitext(os.path.basename(path))[0])
        with open(path, encoding="utf-8") as source:
            for line in source:
                line = line.rstrip("\n").replace("\\", "\\\\").replace('"', '\\"')
                out.write('     "%s\\n"\n' % line)
        out.write("    },\n")
    out.write("};\n\nstatic inline const char *dba_embedded_%s(const char *name) {\n" % name)
    out.write("  for (size_t i = 0; i < sizeof dba_embedded_%s_table / sizeof *dba_embedded_%s_table; i++)\n" % (name, name))
    out.write("    if (!strcmp(dba_embedded_%s_table[i].name, name))\n      return dba_embedded_%s_table[i].text;\n" % (name, name))
    out.write("  return NULL;\n}\n")

// SPDX-License-Identifier: Apache-2.0
// Values that say nothing: for parameters of which nothing is known, and for literals that must not be told.
#include "sql/sql.h"

#include <string.h>

// By pg_type.typname, and as format_type() has it.
static const struct {
  const char *type, *formatted, *text;
} plain_values[] = {
    {"bool", "boolean", "false"},
    {"uuid", NULL, "00000000-0000-4000-8000-000000000000"},
    {"date", NULL, "2000-01-01"},
    {"time", "time without time zone", "10:00:00"},
    {"timetz", "time with time zone", "10:00:00+00"},
    {"timestamp", "timestamp without time zone", "2000-01-01 00:00:00"},
    {"timestamptz", "timestamp with time zone", "2000-01-01 00:00:00+00"},
    {"interval", NULL, "1 day"},
    {"inet", NULL, "10.0.0.1"},
    {"cidr", NULL, "10.0.0.0/8"},
    {"json", NULL, "{}"},
    {"jsonb", NULL, "{}"},
    {"array", NULL, "{}"},
    {"bytea", NULL, "\\x00"},
    {"money", NULL, "1"},
    {"int2", "smallint", "1"},
    {"int4", "integer", "1"},
    {"int8", "bigint", "1"},
    {"numeric", NULL, "1"},
    {"float4", "real", "1"},
    {"float8", "double precision", "1"},
    {"oid", NULL, "1"},
    {"point", NULL, "(0,0)"},
    {"box", NULL, "(1,1),(0,0)"},
    {"circle", NULL, "<(0,0),1>"},
    {"line", NULL, "{1,0,0}"},
    {"lseg", NULL, "[(0,0),(1,1)]"},
    {"path", NULL, "[(0,0),(1,1)]"},
    {"polygon", NULL, "((0,0),(1,1),(1,0))"},
    {"macaddr", NULL, "00:00:00:00:00:00"},
    {"macaddr8", NULL, "00:00:00:00:00:00:00:00"},
    {"pg_lsn", NULL, "0/0"},
    {"tid", NULL, "(0,1)"},
    {"txid_snapshot", NULL, "1:1:"},
    {"pg_snapshot", NULL, "1:1:"},
    {"jsonpath", NULL, "$"},
    {"xml", NULL, "<x/>"},
    {"bit", NULL, "0"},
    {"varbit", "bit varying", "0"},
    {"hstore", NULL, ""},
    {"ltree", NULL, "x"},
    {"int4range", NULL, "empty"},
    {"int8range", NULL, "empty"},
    {"numrange", NULL, "empty"},
    {"daterange", NULL, "empty"},
    {"tsrange", NULL, "empty"},
    {"tstzrange", NULL, "empty"},
};

const char *dba_sql_plain_value(const char *type) {
  for (size_t i = 0; type && i < G_N_ELEMENTS(plain_values); i++)
    if (!strcmp(type, plain_values[i].type) || !g_strcmp0(type, plain_values[i].formatted))
      return plain_values[i].text;
  return type && (*type == '_' || g_str_has_suffix(type, "[]")) ? "{}" : NULL;
}

// SPDX-License-Identifier: Apache-2.0
// Quoting of identifiers and literals.
//
// The keyword table is the parser's own, so that "user" is quoted and "name" is not, as PostgreSQL 17 does it.
#include "sql/sql.h"

#include <pg_query.h>

#include "postgres.h"

#include "common/keywords.h"

static bool needs_quotes(const char *name) {
  if (!((*name >= 'a' && *name <= 'z') || *name == '_'))
    return true;
  for (const char *p = name; *p; p++)
    if (!((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') || *p == '_'))
      return true;
  int keyword = ScanKeywordLookup(name, &ScanKeywords);
  return keyword >= 0 && ScanKeywordCategories[keyword] != UNRESERVED_KEYWORD;
}

void dba_sql_append_identifier(GString *sql, const char *name) {
  if (!needs_quotes(name)) {
    g_string_append(sql, name);
    return;
  }
  g_string_append_c(sql, '"');
  for (const char *p = name; *p; p++) {
    if (*p == '"')
      g_string_append_c(sql, '"');
    g_string_append_c(sql, *p);
  }
  g_string_append_c(sql, '"');
}

void dba_sql_append_name(GString *sql, const char *schema, const char *name) {
  if (schema) {
    dba_sql_append_identifier(sql, schema);
    g_string_append_c(sql, '.');
  }
  dba_sql_append_identifier(sql, name);
}

char *dba_sql_name(const char *schema, const char *name) {
  GString *sql = g_string_new(NULL);
  dba_sql_append_name(sql, schema, name);
  return g_string_free(sql, FALSE);
}

void dba_sql_append_literal(GString *sql, const char *text) {
  bool backslash = strchr(text, '\\') != NULL;
  g_string_append(sql, backslash ? "E'" : "'");
  for (const char *p = text; *p; p++) {
    if (*p == '\'' || *p == '\\')
      g_string_append_c(sql, *p);
    g_string_append_c(sql, *p);
  }
  g_string_append_c(sql, '\'');
}

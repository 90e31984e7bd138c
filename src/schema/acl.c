// SPDX-License-Identifier: Apache-2.0
// Access privileges: aclitem texts to GRANT and REVOKE.
//
// An acl is stored only where it differs from the owner's default, so the statements written are the difference from
// that default: what the default has and the acl lacks is revoked, what the acl has more is granted.
#include "schema/schema-int.h"

#include "sql/sql.h"

#include <string.h>

static const struct {
  char letter;
  const char *word;
} privileges[] = {
    {'r', "SELECT"},     {'a', "INSERT"},  {'w', "UPDATE"},    {'d', "DELETE"},  {'D', "TRUNCATE"},
    {'x', "REFERENCES"}, {'t', "TRIGGER"}, {'m', "MAINTAIN"},  {'X', "EXECUTE"}, {'U', "USAGE"},
    {'C', "CREATE"},     {'c', "CONNECT"}, {'T', "TEMPORARY"}, {'s', "SET"},     {'A', "ALTER SYSTEM"},
};

// "grantee=privileges/grantor"; the grantee is quoted as an identifier where it needs to be, and empty for PUBLIC.
static char *split_item(const char *item, const char **ret_privileges) {
  GString *grantee = g_string_new(NULL);
  const char *p = item;
  if (*p == '"') {
    for (p++; *p && (*p != '"' || p[1] == '"'); p++) {
      p += *p == '"';
      g_string_append_c(grantee, *p);
    }
    p += *p == '"';
  } else {
    for (; *p && *p != '='; p++)
      g_string_append_c(grantee, *p);
  }
  *ret_privileges = *p == '=' ? p + 1 : p;
  return g_string_free(grantee, FALSE);
}

// 0 none, 1 held, 2 with grant option.
static unsigned level(const DbaList *acl, const char *grantee, char letter) {
  unsigned found = 0;
  for (DBA_EACH_TEXT(item, acl)) {
    const char *held;
    g_autofree char *name = split_item(*item, &held);
    if (strcmp(name, grantee))
      continue;
    for (; *held && *held != '/'; held++)
      if (*held == letter)
        found = MAX(found, held[1] == '*' ? 2U : 1U);
  }
  return found;
}

static void write_items(GString *sql, const char *prefix, const char *object, const char *column, const DbaList *from, const DbaList *to,
                        bool grant) {
  g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  for (DBA_EACH_TEXT(item, to)) {
    const char *held;
    g_autofree char *grantee = split_item(*item, &held);
    if (!g_hash_table_add(seen, g_strdup(grantee)))
      continue;
    for (unsigned wanted = 1; wanted <= (grant ? 2U : 1U); wanted++) {
      g_autoptr(GString) words = g_string_new(NULL);
      for (size_t i = 0; i < G_N_ELEMENTS(privileges); i++) {
        unsigned now = level(to, grantee, privileges[i].letter), before = level(from, grantee, privileges[i].letter);
        if (grant ? now == wanted && before < now : now && !before)
          g_string_append_printf(words, "%s%s%s%s%s", words->len ? ", " : "", privileges[i].word, column ? " (" : "", column ? column : "",
                                 column ? ")" : "");
      }
      if (!words->len)
        continue;
      g_string_append_printf(sql, "%s%s %s ON %s %s ", prefix, grant ? "GRANT" : "REVOKE", words->str, object, grant ? "TO" : "FROM");
      if (*grantee)
        dba_sql_append_identifier(sql, grantee);
      else
        g_string_append(sql, "PUBLIC");
      g_string_append(sql, wanted == 2 ? " WITH GRANT OPTION;\n" : ";\n");
    }
  }
}

void dba_schema_write_grants(GString *sql, const char *prefix, const char *object, const char *column, const DbaList *acl,
                             const DbaList *acl_default) {
  if (!acl->n && !acl_default->n)
    return;
  write_items(sql, prefix, object, column, acl, acl_default, false);
  write_items(sql, prefix, object, column, acl_default, acl, true);
}

void dba_schema_acl_roles(const DbaList *acl, GHashTable *roles) {
  for (DBA_EACH_TEXT(item, acl)) {
    const char *held;
    g_autofree char *name = split_item(*item, &held);
    if (*name)
      g_hash_table_add(roles, g_steal_pointer(&name));
  }
}

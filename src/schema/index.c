// SPDX-License-Identifier: Apache-2.0
// Facts about an index: what it covers, and the SQL that makes it again.
#include "schema/schema.h"

#include "sql/sql.h"

#include <string.h>

uint32_t dba_index_n_keys(const DbaIndex *index) {
  uint32_t n = 0;
  for (DBA_EACH(DbaIndexKey, key, &index->keys))
    n += !key->included;
  return n;
}

// A predicate that holds wherever the key is not null: "(column IS NOT NULL)", or several of these joined by AND.
static bool predicate_is_not_null(const char *predicate, const DbaList *columns) {
  g_autofree char *bare = g_strdup(predicate);
  char *to = bare;
  for (const char *p = predicate; *p; p++)
    if (*p != '(' && *p != ')')
      *to++ = *p;
  *to = '\0';
  g_auto(GStrv) terms = g_strsplit(bare, " AND ", -1);
  for (char **term = terms; *term; term++) {
    bool implied = false;
    for (uint32_t i = 0; i < columns->n && !implied; i++) {
      g_autofree char *name = dba_sql_name(NULL, dba_list_text(columns, i)), *wanted = g_strdup_printf("%s IS NOT NULL", name);
      implied = !strcmp(g_strstrip(*term), wanted);
    }
    if (!implied)
      return false;
  }
  return true;
}

bool dba_index_covers_key(const DbaIndex *index, const DbaList *columns) {
  uint32_t n = dba_index_n_keys(index);
  if (index->invalid || index->not_ready || n < columns->n || (index->predicate && !predicate_is_not_null(index->predicate, columns)))
    return false;
  if (!strcmp(index->method, "hash"))
    return columns->n == 1 && !g_strcmp0(dba_list_at(DbaIndexKey, &index->keys, 0)->column, dba_list_text(columns, 0));
  if (strcmp(index->method, "btree"))
    return false;
  for (uint32_t i = 0; i < columns->n; i++) {
    const char *column = dba_list_at(DbaIndexKey, &index->keys, i)->column;
    if (!column || !dba_list_has_text(columns, column))
      return false;
  }
  return true;
}

const char *dba_index_create_sql(DbaArena *arena, const DbaRelation *relation, const DbaIndex *index, bool concurrently) {
  const char *rest = index->definition ? strstr(index->definition, "INDEX ") : NULL;
  g_autoptr(GString) sql = g_string_new(NULL);
  if (!rest)
    return NULL;
  rest += strlen("INDEX ");
  g_string_append_len(sql, index->definition, rest - index->definition);
  g_string_append_printf(sql, "%s%s", concurrently ? "CONCURRENTLY " : "", rest);
  if (index->tablespace) {
    const char *where = strstr(sql->str, " WHERE ");
    g_autofree char *space = dba_sql_name(NULL, index->tablespace), *clause = g_strdup_printf(" TABLESPACE %s", space);
    g_string_insert(sql, where ? where - sql->str : -1, clause);
  }
  g_string_append(sql, ";\n");
  g_autofree char *name = dba_sql_name(relation->schema, index->name);
  if (index->comment) {
    g_string_append_printf(sql, "COMMENT ON INDEX %s IS ", name);
    dba_sql_append_literal(sql, index->comment);
    g_string_append(sql, ";\n");
  }
  int number = 0;
  for (DBA_EACH(DbaIndexKey, key, &index->keys)) {
    number++;
    if (key->statistics_target)
      g_string_append_printf(sql, "ALTER INDEX %s ALTER COLUMN %d SET STATISTICS %" G_GINT64_FORMAT ";\n", name, number,
                             key->statistics_target);
  }
  return dba_arena_text(arena, sql->str);
}

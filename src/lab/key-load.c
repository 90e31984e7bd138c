// SPDX-License-Identifier: Apache-2.0
// A workload for subjects that tell none: reads and writes by primary key.
#include "lab/driving.h"

#include "sql/sql.h"

#include <string.h>

enum { MOST_TABLES = 20, READS = 4, WRITES = 1 }; // weights: most applications read more than they write

static int by_size(const void *a, const void *b) {
  const DbaRelation *x = *(const DbaRelation *const *)a, *y = *(const DbaRelation *const *)b;
  int order = x->size_bytes < y->size_bytes ? 1 : x->size_bytes > y->size_bytes ? -1 : strcmp(x->schema, y->schema);
  return order ? order : strcmp(x->name, y->name);
}

static const DbaConstraint *primary_key(const DbaRelation *relation) {
  for (DBA_EACH(DbaConstraint, constraint, &relation->constraints))
    if (!strcmp(constraint->kind, "primary key"))
      return constraint;
  return NULL;
}

// A column that may be written as it is: not of the key, so that the weaker row lock is taken, as most updates do.
static const char *written_column(const DbaRelation *relation, const DbaConstraint *key) {
  for (DBA_EACH(DbaColumn, column, &relation->columns))
    if (!column->generated && g_strcmp0(column->identity, "always") && !dba_list_has_text(&key->columns, column->name))
      return column->name;
  return NULL;
}

static void add(DbaArena *arena, DbaList *statements, const char *sql, double weight) {
  *(DbaDriveStatement *)dba_list_add(arena, statements, sizeof(DbaDriveStatement)) =
      (DbaDriveStatement){dba_arena_text(arena, sql), weight};
}

static void add_table(DbaArena *arena, const DbaRelation *relation, DbaList *statements) {
  const DbaConstraint *key = primary_key(relation);
  const char *column = written_column(relation, key);
  g_autoptr(GString) where = g_string_new(" where "), read = g_string_new("select * from "), write = g_string_new("update ");
  unsigned n = 0;
  for (DBA_EACH_TEXT(name, &key->columns)) {
    g_string_append(where, n ? " and " : "");
    dba_sql_append_identifier(where, *name);
    g_string_append_printf(where, " = $%u", ++n);
  }
  dba_sql_append_name(read, relation->schema, relation->name);
  g_string_append(read, where->str);
  add(arena, statements, read->str, READS);
  if (!column)
    return;
  dba_sql_append_name(write, relation->schema, relation->name);
  g_string_append(write, " set ");
  dba_sql_append_identifier(write, column);
  g_string_append(write, " = ");
  dba_sql_append_identifier(write, column);
  g_string_append(write, where->str);
  add(arena, statements, write->str, WRITES);
}

void dba_drive_by_keys(const DbaSchema *schema, DbaArena *arena, DbaList *ret_statements) {
  g_autoptr(GPtrArray) tables = g_ptr_array_new();
  for (DBA_EACH(DbaRelation, relation, &schema->relations))
    if (dba_relation_is_table(relation) && strcmp(relation->schema, "dbarch") && primary_key(relation) &&
        (relation->rows > 0 || relation->live_rows > 0))
      g_ptr_array_add(tables, relation);
  g_ptr_array_sort(tables, by_size);
  for (guint i = 0; i < MIN(tables->len, MOST_TABLES); i++)
    add_table(arena, tables->pdata[i], ret_statements);
}

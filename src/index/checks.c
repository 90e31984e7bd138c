// SPDX-License-Identifier: Apache-2.0
// Statements that nobody writes: what the server runs for foreign keys when rows that they refer to go or change.
//
// A delete of a parent looks for children by the foreign key's columns, and deletes or changes them where the key says so (ri_triggers.c).  Without an index that
// is a scan of the child table for each row.  What a cascade deletes has children in turn.
#include "index/index-int.h"

#include <string.h>

static const char FOR_KEY[] = ": foreign key "; // between whose id it is and the key's name

static bool changes(const DbaIndexWrite *write, const DbaConstraint *key) {
  if (!strcmp(write->kind, "delete"))
    return true;
  for (DBA_EACH_TEXT(column, &key->ref_columns)) {
    g_autofree char *name = dba_sql_name(NULL, *column);
    if (!strcmp(write->kind, "update") && dba_list_has_text(&write->updated, name))
      return true;
  }
  return false;
}

static void append_where(GString *sql, const DbaConstraint *key) {
  for (uint32_t i = 0; i < key->columns.n; i++) {
    g_string_append_printf(sql, "%s$%u = ", i ? " AND " : " WHERE ", i + 1);
    dba_sql_append_identifier(sql, dba_list_text(&key->columns, i));
  }
}

static const char *check_text(const DbaRelation *child, const DbaConstraint *key, bool deletes, DbaArena *arena) {
  const char *action = deletes ? key->on_delete : key->on_update;
  const char *only = !strcmp(child->kind, "partitioned table") ? "" : "ONLY ";
  g_autofree char *table = dba_sql_name(child->schema, child->name);
  g_autoptr(GString) sql = g_string_new(NULL);
  if (!g_strcmp0(action, "cascade") && deletes)
    g_string_append_printf(sql, "DELETE FROM %s%s", only, table);
  else if (!g_strcmp0(action, "set null") || !g_strcmp0(action, "set default")) {
    g_string_append_printf(sql, "UPDATE %s%s SET ", only, table);
    for (uint32_t i = 0; i < key->columns.n; i++) {
      g_string_append(sql, i ? ", " : "");
      dba_sql_append_identifier(sql, dba_list_text(&key->columns, i));
      g_string_append(sql, !strcmp(action, "set null") ? " = NULL" : " = DEFAULT");
    }
  } else
    g_string_append_printf(sql, "SELECT 1 FROM %s%s x", only, table);
  append_where(sql, key);
  if (g_str_has_prefix(sql->str, "SELECT"))
    g_string_append(sql, " FOR KEY SHARE OF x");
  return dba_arena_text(arena, sql->str);
}

// Rows of the child for one of the parent, on average: what a cascade writes.
static double children_of(const DbaRelation *parent, const DbaRelation *child) {
  return parent->rows > 0 && child->rows > parent->rows ? child->rows / parent->rows : 1;
}

char *dba_index_statement_shown(const DbaIndexStatement *statement) {
  const char *key = statement->implied ? g_strrstr(statement->id, FOR_KEY) : NULL;
  g_autofree char *sql = dba_text_one_line(statement->text);
  return key ? g_strdup_printf("%s: %s", key + strlen(": "), sql) : g_steal_pointer(&sql);
}

void dba_index_add_checks(const DbaSurvey *survey, const DbaIndexWrite *write, const DbaIndexStatement *by, DbaArena *arena,
                          DbaList *ret_statements) {
  if (!write->relation)
    return;
  for (DBA_EACH(DbaRelation, child, &survey->schema.relations))
    for (DBA_EACH(DbaConstraint, key, &child->constraints)) {
      if (strcmp(key->kind, "foreign key") || key->parent_constraint || strcmp(key->ref_table, write->relation->name) ||
          strcmp(key->ref_schema, write->relation->schema) || !changes(write, key))
        continue;
      DbaIndexStatement *check = dba_list_add(arena, ret_statements, sizeof *check);
      *check = (DbaIndexStatement){.id = dba_arena_format(arena, "%s%s%s", by->id, FOR_KEY, key->name),
                                   .text = check_text(child, key, !strcmp(write->kind, "delete"), arena),
                                   .weight = by->weight * (by->rows > 0 ? by->rows : 1),
                                   .rows = children_of(write->relation, child),
                                   .implied = true};
    }
}

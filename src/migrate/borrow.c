// SPDX-License-Identifier: Apache-2.0
// Foreign keys that migrations add, met by rows that are made before.
//
// Rows made from a survey know nothing of keys that production will have only after the migration, though production's own rows meet them.  So the
// stand-in is made with those keys, and they go again before the migrations run.
#include "migrate/migrate-int.h"

#include <string.h>

static bool has_constraint(const DbaRelation *relation, const char *name) {
  for (DBA_EACH(DbaConstraint, constraint, &relation->constraints))
    if (!strcmp(constraint->name, name))
      return true;
  return false;
}

static const char *copy_key(DbaRelation *relation, const DbaConstraint *key, DbaArena *arena) {
  DbaConstraint *copy = dba_list_add(arena, &relation->constraints, sizeof *copy);
  *copy = (DbaConstraint){.name = dba_arena_text(arena, key->name),
                          .kind = "foreign key",
                          .definition = dba_arena_text(arena, key->definition),
                          .ref_schema = dba_arena_text(arena, key->ref_schema),
                          .ref_table = dba_arena_text(arena, key->ref_table),
                          .on_update = "no action",
                          .on_delete = "no action",
                          .match = "simple",
                          .local = true};
  for (DBA_EACH_TEXT(column, &key->columns))
    dba_list_add_text(arena, &copy->columns, *column);
  for (DBA_EACH_TEXT(column, &key->ref_columns))
    dba_list_add_text(arena, &copy->ref_columns, *column);
  return copy->name;
}

static bool has_columns(const DbaRelation *relation, const DbaList *names) {
  for (DBA_EACH_TEXT(name, names))
    if (!dba_relation_column(relation, *name))
      return false;
  return true;
}

static void borrow(DbaSurvey *survey, const DbaSurvey *made, GArray *borrowed) {
  for (DBA_EACH(DbaRelation, relation, &made->schema.relations)) {
    DbaRelation *target = (DbaRelation *)(uintptr_t)dba_schema_relation(&survey->schema, relation->schema, relation->name);
    for (DBA_EACH(DbaConstraint, key, target ? &relation->constraints : &(DbaList){0})) {
      const DbaRelation *parent = key->ref_table ? dba_schema_relation(&survey->schema, key->ref_schema, key->ref_table) : NULL;
      if (!parent || key->inherited || has_constraint(target, key->name) || !has_columns(target, &key->columns) ||
          !has_columns(parent, &key->ref_columns))
        continue;
      DbaBorrowedKey one = {target->schema, target->name, copy_key(target, key, survey->arena)};
      g_array_append_val(borrowed, one);
    }
  }
}

static bool adds_keys(const DbaMigration *migration) {
  g_autofree char *text = g_ascii_strdown(migration->up->text, -1);
  return strstr(text, "references") != NULL;
}

static bool look(const DbaLab *lab, const char *database, DbaSurvey *survey, GArray *borrowed, GError **error) {
  g_autoptr(DbaServer) server = dba_lab_connect(lab, DBA_LAB_SUPERUSER, database, error);
  g_autoptr(DbaSurvey) made = server ? dba_server_survey(server, database, DBA_SURVEY_NUMBERS, error) : NULL;
  if (made)
    borrow(survey, made, borrowed);
  return made != NULL;
}

bool dba_keys_borrow(const DbaLab *lab, const DbaMigrations *migrations, const GPtrArray *pending, DbaSurvey *survey, GArray *borrowed,
                     GError **error) {
  static const char SHAPE[] = "shape";
  g_autoptr(DbaLoad) load = dba_load_new();
  g_autoptr(GPtrArray) no_rows = g_ptr_array_new();
  DbaStandIn options = {.percent = 100, .seed = 1, .relations = no_rows};
  double scale;
  bool any = false, ok = true;
  for (guint i = 0; i < pending->len; i++)
    any = any || adds_keys(pending->pdata[i]);
  if (!any)
    return true;
  if (!dba_lab_create_stand_in(lab, SHAPE, survey, &options, load, &scale, error))
    return false;
  g_autoptr(DbaLabSession) session = dba_lab_session_open(lab, SHAPE, migrations->folder, load, error);
  if (!session)
    return false;
  for (guint i = 0; ok && i < pending->len; i++) {
    const DbaMigration *migration = pending->pdata[i];
    g_autoptr(GError) problem = NULL;
    if (!dba_script_run(session, migration->up, NULL, &problem))
      break; // which the rehearsal tells
    ok = !adds_keys(migration) || look(lab, SHAPE, survey, borrowed, error);
  }
  dba_lab_session_close(g_steal_pointer(&session));
  return ok && dba_lab_drop_database(lab, SHAPE, error);
}

bool dba_keys_drop_borrowed(DbaServer *server, const GArray *borrowed, GError **error) {
  for (guint i = 0; i < borrowed->len; i++) {
    const DbaBorrowedKey *key = &g_array_index(borrowed, DbaBorrowedKey, i);
    g_autoptr(GString) sql = g_string_new("alter table ");
    dba_sql_append_name(sql, key->schema, key->table);
    g_string_append(sql, " drop constraint if exists ");
    dba_sql_append_identifier(sql, key->name);
    if (!dba_server_exec(server, sql->str, error))
      return false;
  }
  return true;
}

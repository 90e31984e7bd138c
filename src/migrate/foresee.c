// SPDX-License-Identifier: Apache-2.0
// What migrations would destroy, seen: they run in a lab, on the target's schema with a few made rows, and what was there before is looked for after.
//
// Tables and columns are followed by their numbers, so that renaming, swapping and moving hides nothing; what functions, triggers and EXECUTE do is seen as
// what they do. Rows that are fewer count as destroyed; values that are written over do not.
#include "migrate/migrate-int.h"

#include "migrate-sql.h"

#include <string.h>

static const char FORESEEN[] = "foreseen";
enum { ROWS = 5 };

// A table of the target, or one of its columns, as it was at first.
typedef struct Thing {
  const char *oid, *number, *table, *column; // number, column: NULL: the table
  int64_t rows;
  bool gone;
} Thing;

static bool read_things(DbaServer *server, DbaArena *arena, DbaList *things, GError **error) {
  g_autoptr(DbaResult) rows = dba_server_query(server, dba_embedded_migrate_sql("foresee_things"), NULL, error);
  for (int i = 0; rows && i < dba_result_rows(rows); i++)
    *(Thing *)dba_list_add(arena, things, sizeof(Thing)) = (Thing){.oid = dba_arena_text(arena, dba_result_text(rows, i, 0)),
                                                                   .number = dba_arena_text(arena, dba_result_text(rows, i, 1)),
                                                                   .table = dba_arena_text(arena, dba_result_text(rows, i, 2)),
                                                                   .column = dba_arena_text(arena, dba_result_text(rows, i, 3))};
  return rows != NULL;
}

static const Thing *find(const DbaList *things, const Thing *old) {
  for (DBA_EACH(Thing, thing, things))
    if (!strcmp(thing->oid, old->oid) && !g_strcmp0(thing->number, old->number))
      return thing;
  return NULL;
}

// -1: they cannot be counted.
static int64_t count(DbaServer *server, const char *table) {
  g_autoptr(GError) ignored = NULL;
  g_autofree char *sql = g_strdup_printf("select pg_catalog.count(*) from only %s", table);
  g_autoptr(DbaResult) row = dba_server_query(server, sql, NULL, &ignored);
  return row ? dba_result_int(row, 0, 0) : -1;
}

static void destroy(DbaArena *arena, DbaList *destroyed, const DbaMigration *migration, const DbaScript *script, const Thing *thing) {
  *(DbaDestroyed *)dba_list_add(arena, destroyed, sizeof(DbaDestroyed)) =
      (DbaDestroyed){.migration = migration->label,
                     .object = thing->column ? dba_arena_format(arena, "%s.%s", thing->table, thing->column) : thing->table,
                     .table = thing->table,
                     .file = script->path,
                     .line = 0};
}

// What is not there any more, or holds fewer rows, since the last look.
static bool compare(DbaServer *server, DbaArena *arena, DbaList *things, const DbaMigration *migration, const DbaScript *script,
                    DbaList *destroyed, GError **error) {
  DbaList now = {0};
  const char *whole = ""; // the table that went with all its columns
  if (!read_things(server, arena, &now, error))
    return false;
  for (DBA_EACH(Thing, thing, things)) {
    const Thing *still = thing->gone ? NULL : find(&now, thing);
    int64_t rows = still && !thing->column ? count(server, still->table) : thing->rows;
    bool fewer = rows >= 0 && rows < thing->rows;
    if (thing->gone || (still && !fewer))
      continue;
    if (!thing->column)
      whole = thing->table;
    if (!thing->column || strcmp(whole, thing->table))
      destroy(arena, destroyed, migration, script, thing);
    thing->gone = !still;
    thing->rows = MAX(rows, 0);
  }
  return true;
}

static bool make_rows(const DbaLab *lab, gint64 deadline_us, GError **error) {
  g_autoptr(DbaServer) owner = dba_lab_connect(lab, DBA_LAB_SUPERUSER, FORESEEN, error);
  g_autoptr(DbaSurvey) survey = owner ? dba_server_survey(owner, FORESEEN, DBA_SURVEY_NUMBERS, error) : NULL;
  g_autoptr(DbaServer) server = survey ? dba_lab_connect(lab, DBA_LAB_SUBJECT_ROLE, FORESEEN, error) : NULL;
  g_autoptr(GPtrArray) tables = g_ptr_array_new();
  g_autoptr(GHashTable) filled = g_hash_table_new(NULL, NULL);
  g_autoptr(DbaLoad) load = dba_load_new();
  if (!server)
    return false;
  for (DBA_EACH(DbaRelation, relation, &survey->schema.relations))
    if (dba_relation_is_table(relation))
      g_ptr_array_add(tables, relation);
  return dba_lab_generate_rows(server, &survey->schema, tables, ROWS, deadline_us, load, filled, error);
}

static bool is_lab_error(const GError *problem) {
  return !g_error_matches(problem, DBA_ERROR, DBA_ERROR_DATABASE) && !g_error_matches(problem, DBA_ERROR, DBA_ERROR_INPUT) &&
         !g_error_matches(problem, DBA_ERROR, DBA_ERROR_REFUSED);
}

bool dba_migrations_foresee(const DbaLab *lab, const char *live_sql, const DbaMigrations *migrations, const GPtrArray *order, bool down,
                            DbaArena *arena, DbaList *ret_destroyed, const char **ret_unseen, GError **error) {
  g_autoptr(DbaLoad) load = dba_load_new(), notes = dba_load_new();
  gint64 deadline_us = g_get_monotonic_time() + (gint64)60 * G_USEC_PER_SEC;
  DbaList things = {0}, destroyed = {0};
  *ret_unseen = NULL;
  if (!dba_lab_create_database(lab, FORESEEN, NULL, error) ||
      !dba_lab_load_text(lab, FORESEEN, "the target", live_sql, true, load, error) || !make_rows(lab, deadline_us, error))
    return false;
  g_autoptr(DbaServer) looking = dba_lab_connect(lab, DBA_LAB_SUBJECT_ROLE, FORESEEN, error);
  g_autoptr(DbaLabSession) session = looking ? dba_lab_session_open(lab, FORESEEN, migrations->folder, notes, error) : NULL;
  if (!session || !read_things(looking, arena, &things, error))
    return false;
  dba_server_set_deadline(dba_lab_session_server(session), deadline_us);
  for (DBA_EACH(Thing, thing, &things))
    thing->rows = thing->column ? 0 : MAX(count(looking, thing->table), 0);
  for (guint i = 0; i < order->len && !*ret_unseen; i++) {
    const DbaMigration *migration = order->pdata[i];
    const DbaScript *script = down ? migration->down : migration->up;
    g_autoptr(GError) problem = NULL;
    if (!dba_script_run(session, script, NULL, &problem)) {
      if (is_lab_error(problem))
        return g_propagate_error(error, g_steal_pointer(&problem)), false;
      const char *newline = strchr(problem->message, '\n');
      *ret_unseen = dba_arena_format(arena, "%s: %.*s", migration->label,
                                     (int)(newline ? newline - problem->message : (long)strlen(problem->message)), problem->message);
    }
    if (!compare(looking, arena, &things, migration, script, &destroyed, error))
      return false;
  }
  *ret_destroyed = destroyed;
  return true;
}

// SPDX-License-Identifier: Apache-2.0
// What migrations would destroy, seen: they run in a lab, on the target's schema with a few made rows, and what was there before is looked for after.
//
// Tables and columns are followed by their numbers, so that renaming, swapping and moving hides nothing; what functions, triggers and EXECUTE do is seen as
// what they do.  Rows that are fewer count as destroyed, and so do values that are in no row any more.  That nothing is seen here is no proof: the
// rows are made, and few; what the text tells stands.
#include "migrate/migrate-int.h"

#include "migrate-sql.h"

#include <string.h>

static const char FORESEEN[] = "foreseen";
enum { ROWS = 12 };

// A table of the target, or one of its columns, as it was at the last look.
typedef struct Thing {
  const char *oid, *number, *table, *column, *type; // number, column: NULL: the table
  const char *was_table, *was_column;               // the names that the target has
  int64_t rows;
  const char *values; // of a column: hashes of what is not null, in order; NULL: not known
  bool gone;
} Thing;

typedef struct Foreseeing {
  DbaServer *looking;
  DbaLabSession *session;
  DbaArena *arena;
  const DbaMigration *migration;
  const DbaScript *script;
  DbaList things;    // Thing
  DbaList destroyed; // DbaDestroyed
} Foreseeing;

// ---- a look ---------------------------------------------------------------------------------------------------------

// Rows of a table and values of its columns, which stand behind it; what cannot be read is not known.
static void read_values(DbaServer *server, DbaArena *arena, Thing *table, const Thing *end) {
  g_autoptr(GError) ignored = NULL;
  g_autoptr(GString) sql = g_string_new("select pg_catalog.count(*)");
  for (const Thing *column = table + 1; column < end && column->column; column++)
    g_string_append_printf(sql,
                           ", pg_catalog.string_agg(pg_catalog.hashtextextended(%s::pg_catalog.text, 0)::pg_catalog.text, ' ' "
                           "order by pg_catalog.hashtextextended(%s::pg_catalog.text, 0))",
                           column->column, column->column);
  g_string_append_printf(sql, " from only %s", table->table);
  g_autoptr(DbaResult) row = dba_server_query(server, sql->str, NULL, &ignored);
  table->rows = row ? dba_result_int(row, 0, 0) : -1;
  int field = 1;
  for (Thing *column = table + 1; row && column < end && column->column; column++, field++)
    column->values = dba_result_text(row, 0, field) ? dba_arena_text(arena, dba_result_text(row, 0, field)) : "";
}

static bool look(DbaServer *server, DbaArena *arena, DbaList *things, GError **error) {
  g_autoptr(DbaResult) rows = dba_server_query(server, dba_embedded_migrate_sql("foresee_things"), NULL, error);
  for (int i = 0; rows && i < dba_result_rows(rows); i++) {
    Thing *thing = dba_list_add(arena, things, sizeof *thing);
    *thing = (Thing){.oid = dba_arena_text(arena, dba_result_text(rows, i, 0)),
                     .number = dba_arena_text(arena, dba_result_text(rows, i, 1)),
                     .table = dba_arena_text(arena, dba_result_text(rows, i, 2)),
                     .column = dba_arena_text(arena, dba_result_text(rows, i, 3)),
                     .type = dba_arena_text(arena, dba_result_text(rows, i, 4))};
    thing->was_table = thing->table;
    thing->was_column = thing->column;
  }
  const Thing *end = things->n ? dba_list_at(Thing, things, 0) + things->n : NULL;
  for (DBA_EACH(Thing, thing, things))
    if (!thing->column)
      read_values(server, arena, thing, end);
  return rows != NULL;
}

// Both are in one order: it is looked for from behind the last one that was found, at *at.
static const Thing *find(const DbaList *things, const Thing *old, uint32_t *at) {
  for (uint32_t i = 0; i < things->n; i++) {
    uint32_t k = (*at + i) % things->n;
    const Thing *thing = dba_list_at(Thing, things, k);
    if (strcmp(thing->oid, old->oid) != 0 || g_strcmp0(thing->number, old->number) != 0)
      continue;
    *at = k + 1;
    return thing;
  }
  return NULL;
}

// ---- what is not there any more -------------------------------------------------------------------------------------

// Is each value of the one, as often as it stands there, in the other?  Both are in order.
static bool holds_all(const char *before, const char *after) {
  while (*before) {
    char *next, *other;
    gint64 value = g_ascii_strtoll(before, &next, 10), found;
    do {
      if (!*after)
        return false;
      found = g_ascii_strtoll(after, &other, 10);
      after = other + (*other == ' ');
    } while (found < value);
    if (found != value)
      return false;
    before = next + (*next == ' ');
  }
  return true;
}

// "numeric(10,2)": 10 and 2.
static bool read_modifiers(const char *type, const char *name, gint64 *ret_first, gint64 *ret_second) {
  size_t length = strlen(name);
  char *end;
  if (strncmp(type, name, length) != 0 || type[length] != '(')
    return false;
  *ret_first = g_ascii_strtoll(type + length + 1, &end, 10);
  *ret_second = *end == ',' ? g_ascii_strtoll(end + 1, NULL, 10) : 0;
  return true;
}

// Does every value of the one type fit the other?  Made rows cannot tell: theirs are short and small.
static bool fits(const char *from, const char *to) {
  static const char *const wider[][7] = {{"smallint", "integer", "bigint", "numeric", "double precision", "real"},
                                         {"integer", "bigint", "numeric", "double precision"},
                                         {"bigint", "numeric"},
                                         {"real", "double precision"},
                                         {"date", "timestamp without time zone", "timestamp with time zone"},
                                         {"timestamp without time zone", "timestamp with time zone"},
                                         {"timestamp with time zone", "timestamp without time zone"},
                                         {"json", "jsonb"},
                                         {"jsonb", "json"},
                                         {"character varying", "citext"},
                                         {"text", "citext", "character varying"}};
  static const char text[] = "character varying";
  gint64 length, other, scale, other_scale;
  if (!strcmp(to, "text") || !strcmp(to, text))
    return !g_str_has_prefix(from, "character(");
  if (read_modifiers(from, text, &length, &scale) && read_modifiers(to, text, &other, &scale))
    return other >= length;
  if (read_modifiers(from, "numeric", &length, &scale))
    return !strcmp(to, "numeric") ||
           (read_modifiers(to, "numeric", &other, &other_scale) && other_scale >= scale && other - other_scale >= length - scale);
  for (size_t i = 0; i < G_N_ELEMENTS(wider); i++)
    if (!strcmp(wider[i][0], from))
      for (size_t k = 1; k < G_N_ELEMENTS(wider[i]) && wider[i][k]; k++)
        if (!strcmp(wider[i][k], to))
          return true;
  return false;
}

// A value of another type is the same when it can be had again: 5.00 of 5.000.
static bool holds_all_as_it_was(DbaServer *server, const Thing *before, const Thing *after) {
  if (holds_all(before->values, after->values))
    return true;
  if (!g_strcmp0(before->type, after->type))
    return false;
  g_autoptr(GError) ignored = NULL;
  g_autofree char *sql =
      g_strdup_printf("select pg_catalog.string_agg(h::pg_catalog.text, ' ' order by h) from "
                      "(select pg_catalog.hashtextextended(%s::%s::pg_catalog.text, 0) as h from only %s where %s is not null) x",
                      after->column, before->type, after->table, after->column);
  g_autoptr(DbaResult) row = dba_server_query(server, sql, NULL, &ignored);
  return row && dba_result_text(row, 0, 0) && holds_all(before->values, dba_result_text(row, 0, 0));
}

static void tell(Foreseeing *f, const Thing *thing, bool overwritten) {
  const char *column = thing->was_column ? dba_arena_format(f->arena, "%s.%s", thing->was_table, thing->was_column) : NULL;
  *(DbaDestroyed *)dba_list_add(f->arena, &f->destroyed, sizeof(DbaDestroyed)) =
      (DbaDestroyed){.migration = f->migration->label,
                     .object = column ? column : thing->was_table,
                     .table = thing->was_table,
                     .file = f->script->path,
                     .overwritten = overwritten};
}

static void compare_column(Foreseeing *f, const Thing *before, const Thing *after) {
  bool same_type = !g_strcmp0(before->type, after->type), known = before->values && after->values,
       fit = same_type || (before->type && after->type && fits(before->type, after->type));
  if (!fit || (known && !holds_all_as_it_was(f->looking, before, after)))
    tell(f, before, true);
}

// What is not there any more, holds fewer rows, or other values, since the last look.
static bool compare(Foreseeing *f, GError **error) {
  DbaList now = {0};
  const char *whole = "", *emptied = ""; // the table that went with its columns; the one whose rows are fewer, and so its values
  uint32_t at = 0;
  if (!look(f->looking, f->arena, &now, error))
    return false;
  for (DBA_EACH(Thing, thing, &f->things)) {
    const Thing *still = thing->gone ? NULL : find(&now, thing, &at);
    if (thing->gone)
      continue;
    if (!thing->column && !still)
      whole = thing->oid;
    if (!thing->column && still && still->rows >= 0 && still->rows < thing->rows)
      emptied = thing->oid;
    bool with_table = !strcmp(whole, thing->oid) || !strcmp(emptied, thing->oid);
    if (thing->column ? !still && !with_table : with_table)
      tell(f, thing, false);
    else if (thing->column && still && !with_table)
      compare_column(f, thing, still);
    thing->gone = !still;
    if (!still)
      continue;
    thing->table = still->table;
    thing->column = still->column;
    thing->type = still->type;
    thing->rows = MAX(still->rows, 0);
    thing->values = still->values;
  }
  return true;
}

// ---- the whole ------------------------------------------------------------------------------------------------------

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
  return dba_lab_generate_rows(server, &survey->schema, tables, ROWS, deadline_us, load, filled, error) &&
         dba_rows_roughen(owner, filled, error) && dba_server_exec(owner, dba_embedded_migrate_sql("foresee_numbers"), error);
}

static bool is_lab_error(const GError *problem) {
  return !g_error_matches(problem, DBA_ERROR, DBA_ERROR_DATABASE) && !g_error_matches(problem, DBA_ERROR, DBA_ERROR_INPUT) &&
         !g_error_matches(problem, DBA_ERROR, DBA_ERROR_REFUSED);
}

// What nobody can see is not let pass as nothing.
static void tell_unseen(Foreseeing *f, const char *message) {
  size_t length = strcspn(message, "\n");
  *(DbaDestroyed *)dba_list_add(f->arena, &f->destroyed, sizeof(DbaDestroyed)) =
      (DbaDestroyed){.migration = f->migration->label,
                     .object = f->migration->label,
                     .file = f->script->path,
                     .why = dba_arena_format(f->arena, "does not run in a lab, and what it destroys is told from its text alone (%.*s)",
                                             (int)length, message)};
}

static bool run_script(Foreseeing *f, const DbaScript *script, bool *ret_ran, GError **error) {
  g_autoptr(GError) problem = NULL;
  f->script = script;
  *ret_ran = dba_script_run(f->session, script, NULL, &problem);
  if (!*ret_ran && is_lab_error(problem))
    return g_propagate_error(error, g_steal_pointer(&problem)), false;
  if (!*ret_ran)
    tell_unseen(f, problem->message);
  return true;
}

bool dba_migrations_foresee(const DbaLab *lab, const char *live_sql, const DbaMigrations *migrations, const GPtrArray *order, DbaWay way,
                            DbaArena *arena, DbaList *ret_destroyed, GError **error) {
  g_autoptr(DbaLoad) load = dba_load_new(), notes = dba_load_new();
  gint64 deadline_us = g_get_monotonic_time() + (gint64)60 * G_USEC_PER_SEC;
  Foreseeing f = {.arena = arena};
  bool ran = true;
  if (!dba_lab_create_database(lab, FORESEEN, NULL, error) ||
      !dba_lab_load_text(lab, FORESEEN, "the target", live_sql, true, load, error) || !make_rows(lab, deadline_us, error))
    return false;
  g_autoptr(DbaServer) looking = dba_lab_connect(lab, DBA_LAB_SUBJECT_ROLE, FORESEEN, error);
  g_autoptr(DbaLabSession) session = looking ? dba_lab_session_open(lab, FORESEEN, migrations->folder, notes, error) : NULL;
  f.looking = looking;
  f.session = session;
  if (!session)
    return false;
  dba_server_set_deadline(dba_lab_session_server(session), deadline_us);
  for (guint i = 0; i < order->len && ran && way == DBA_WAY_UP_AGAIN; i++) { // what the undo destroys was asked for on its own
    f.migration = order->pdata[i];
    if (f.migration->down && !run_script(&f, f.migration->down, &ran, error))
      return false;
  }
  if (!look(looking, arena, &f.things, error))
    return false;
  for (guint i = 0; i < order->len && ran; i++) {
    f.migration = order->pdata[i];
    if (!run_script(&f, way == DBA_WAY_DOWN ? f.migration->down : f.migration->up, &ran, error) || !compare(&f, error))
      return false;
  }
  *ret_destroyed = f.destroyed;
  return true;
}

// SPDX-License-Identifier: Apache-2.0
// What must be there before a migration touches a target: an undo, a rehearsal, a word for each thing that is destroyed, and a backup of it.
//
// Each can be overridden, with a reason; whoever looks on writes that down.  What holds no values cannot be destroyed: a column of a table without rows, a
// table that this run has made.
#include "migrate/run-int.h"

#include "migrate-sql.h"

#include <string.h>

static bool is_up_to(const DbaRunner *runner, const DbaStatusRow *row) {
  return runner->options->to && !strcmp(row->label, runner->options->to);
}

static void append_label(GString *labels, const char *label) { g_string_append_printf(labels, "%s%s", labels->len ? ", " : "", label); }

// ---- iron law 1: an undo --------------------------------------------------------------------------------------------

static bool has_undo(const DbaMigration *migration) { return migration->repeatable || (migration->down && migration->down->items.n); }

bool dba_gate_undos(DbaRunner *runner, const DbaList *rows, GError **error) {
  g_autoptr(GString) labels = g_string_new(NULL);
  for (DBA_EACH(DbaStatusRow, row, rows)) {
    if (dba_row_is_pending(row) && !has_undo(row->migration)) {
      if (!runner->options->undo)
        return dba_fail(
            error, DBA_ERROR_REFUSED,
            "%s has no undo (hint: dbarch migrate verify --fix finds and tries one; --override undo=\"reason\" runs it without)",
            row->label);
      append_label(labels, row->label);
    }
    if (is_up_to(runner, row))
      break;
  }
  runner->without_undo = dba_arena_text(runner->arena, labels->str);
  return true;
}

// ---- iron law 4: a rehearsal ----------------------------------------------------------------------------------------

// Why one may not run; or what lets it.
static bool look_up_rehearsal(const DbaRunner *runner, DbaStatusRow *row, int64_t target_bytes, const char **ret_why, GError **error) {
  const DbaRunOptions *options = runner->options;
  DbaRehearsal *rehearsal = NULL;
  if (options->rehearsals && !dba_rehearsal_read(options->rehearsals, row->migration, runner->arena, &rehearsal, error))
    return false;
  *ret_why = dba_rehearsal_refusal(rehearsal, row->migration, options->survey_age_seconds, target_bytes, runner->arena);
  if (!*ret_why)
    row->ledger = dba_arena_format(runner->arena, "rehearsals/%s.json", row->label);
  return true;
}

bool dba_gate_rehearsals(DbaRunner *runner, const DbaList *rows, GError **error) {
  enum { MOST_TOLD = 12 };
  const DbaRunOptions *options = runner->options;
  g_autoptr(GString) refused = g_string_new(NULL), labels = g_string_new(NULL);
  g_autoptr(DbaResult) there = dba_server_query(runner->server, dba_embedded_migrate_sql("run_is_empty"), NULL, error);
  unsigned n = 0;
  if (!there)
    return false;
  runner->was_empty = *dba_result_text(there, 0, 0) == 't';
  if (runner->was_empty) // nothing of anybody's can be held up or lost
    return true;
  for (DBA_EACH(DbaStatusRow, row, rows)) {
    const char *why = NULL;
    bool goes_on = row->state == DBA_STATE_STOPPED && row->applied; // by what let it begin
    if (goes_on) {
      row->override = row->applied->override;
      row->ledger = row->applied->ledger;
    }
    if (dba_row_is_pending(row) && !goes_on && !look_up_rehearsal(runner, row, dba_result_int(there, 0, 1), &why, error))
      return false;
    if (why && n == MOST_TOLD)
      g_string_append(refused, "\n  ...");
    if (why) {
      if (n < MOST_TOLD)
        g_string_append_printf(refused, "%s%s: %s", n ? "\n  " : "", row->label, why);
      n++;
      append_label(labels, row->label);
      row->override = options->rehearsal;
    }
    if (is_up_to(runner, row))
      break;
  }
  if (n && !options->rehearsal)
    return dba_fail(
        error, DBA_ERROR_REFUSED,
        "%s%s\n(hint: %sdbarch migrate rehearse does it; --override rehearsal=\"reason\" runs %s all the same, and the reason is "
        "kept)",
        n > 1 ? "no migration runs on a target without a rehearsal (iron law 4):\n  " : "", refused->str,
        runner->history.applied.n ? "" : "the target has tables and no history: dbarch migrate baseline --to says up to where it is; ",
        n == 1 ? "it" : "them");
  runner->without_rehearsal = dba_arena_text(runner->arena, labels->str);
  return true;
}

// ---- what is destroyed ----------------------------------------------------------------------------------------------

typedef struct Gathering {
  DbaRunner *runner;
  const DbaMigration *migration;
  const DbaScript *script;
  DbaSqlWorld *world;
  DbaList *destroyed; // DbaDestroyed
  DbaList *renamed;   // DbaSqlRenamed, of all that came before
  bool look;          // the text does not tell all: calls, dynamic SQL, cascades, other names, what UPDATE finds
  bool goes_on;       // it began with a word for what it writes over, and with a look
  bool overwritten;   // what is under way
  bool moves;         // tables went to other schemas in this run
} Gathering;

// By the text, each place on its own; what a lab saw, once.
static bool is_told(const Gathering *gathering, const char *object, uint32_t line) {
  for (DBA_EACH(DbaDestroyed, destroyed, gathering->destroyed))
    if (!strcmp(destroyed->object, object) && !strcmp(destroyed->migration, gathering->migration->label) &&
        (!line || destroyed->line == line))
      return true;
  return false;
}

// What the target calls it still: the newest renaming first.
static const char *name_there(const Gathering *gathering, const char *table, const char *name) {
  for (uint32_t i = gathering->renamed->n; name && i-- > 0;) {
    const DbaSqlRenamed *renamed = dba_list_at(DbaSqlRenamed, gathering->renamed, i);
    if (!strcmp(renamed->to, name) && (table ? renamed->table && !strcmp(renamed->table, table) : !renamed->table))
      name = renamed->from;
  }
  return name;
}

// One that holds rows, or may: where policies hide them from this role too.
static bool add_object(Gathering *gathering, const char *table, const char *column, bool hides, uint32_t line, GError **error) {
  DbaRunner *runner = gathering->runner;
  const char *name[] = {table, NULL};
  g_autofree char *sql =
                      g_strdup_printf("select exists (select from %s), pg_catalog.to_regclass($1)::pg_catalog.oid::pg_catalog.text", table),
                  *object = column ? g_strdup_printf("%s.%s", table, column) : g_strdup(table);
  g_autoptr(DbaResult) rows = dba_server_query(runner->server, sql, name, error);
  if (!rows)
    return false;
  if ((*dba_result_text(rows, 0, 0) == 't' || hides) && !is_told(gathering, object, line))
    *(DbaDestroyed *)dba_list_add(runner->arena, gathering->destroyed, sizeof(DbaDestroyed)) =
        (DbaDestroyed){.migration = gathering->migration->label,
                       .object = dba_arena_text(runner->arena, object),
                       .table = dba_arena_text(runner->arena, table),
                       .oid = dba_arena_text(runner->arena, dba_result_text(rows, 0, 1)),
                       .file = gathering->script->path,
                       .line = line,
                       .overwritten = gathering->overwritten};
  return true;
}

static bool add_columns_of_type(Gathering *gathering, const DbaSqlDestroyed *what, uint32_t line, GError **error) {
  const char *parameters[] = {what->schema ? what->schema : "", what->table, what->kind == DBA_SQL_DESTROYED_EXTENSION ? "t" : "f", NULL};
  g_autoptr(DbaResult) columns =
      dba_server_query(gathering->runner->server, dba_embedded_migrate_sql("run_destroyed_type"), parameters, error);
  for (int i = 0; columns && i < dba_result_rows(columns); i++)
    if (!add_object(gathering, dba_result_text(columns, i, 0), dba_result_text(columns, i, 1), *dba_result_text(columns, i, 2) == 't', line,
                    error))
      return false;
  return columns != NULL;
}

// `schema`: "": in any.
static bool add_named(Gathering *gathering, const DbaSqlDestroyed *what, const char *schema, uint32_t line, bool *ret_any, GError **error) {
  const char *table = name_there(gathering, NULL, what->table), *column = name_there(gathering, what->table, what->column);
  const char *parameters[] = {schema, table ? table : "", column ? column : "", what->referring ? "t" : "f", NULL};
  g_autofree char *quoted = column ? dba_sql_name(NULL, column) : NULL;
  g_autoptr(DbaResult) tables = dba_server_query(gathering->runner->server, dba_embedded_migrate_sql("run_destroyed"), parameters, error);
  for (int i = 0; tables && i < dba_result_rows(tables); i++)
    if (!add_object(gathering, dba_result_text(tables, i, 0), quoted, *dba_result_text(tables, i, 1) == 't', line, error))
      return false;
  *ret_any = tables && dba_result_rows(tables) > 0;
  return tables != NULL;
}

static bool add_tables(Gathering *gathering, const DbaSqlDestroyed *what, uint32_t line, GError **error) {
  bool any;
  if (what->kind != DBA_SQL_DESTROYED_TABLE)
    return add_columns_of_type(gathering, what, line, error);
  return add_named(gathering, what, what->schema ? what->schema : "", line, &any, error) &&
         (any || !what->schema || !gathering->moves || !what->table || add_named(gathering, what, "", line, &any, error));
}

// What a lab saw beyond what the text told.
static bool add_seen(DbaRunner *runner, const GPtrArray *order, DbaWay way, Gathering *gathering, GError **error) {
  const DbaRunOptions *options = runner->options;
  DbaList seen = {0};
  g_autoptr(GError) problem = NULL;
  if (!gathering->look || !options->foresee)
    return true;
  if (!options->foresee(options->data, order, way, runner->arena, &seen, &problem)) {
    if (problem)
      return g_propagate_error(error, g_steal_pointer(&problem)), false;
    return true;
  }
  for (DBA_EACH(DbaDestroyed, each, &seen)) {
    const char *there[] = {each->table ? each->table : "", NULL};
    const DbaApplied *applied = dba_history_applied(&runner->history, dba_migrations_find(runner->migrations, each->migration));
    if (!each->table && applied && (applied->running || applied->undoing)) { // half of it is there already; it was looked at when it began
      dba_runner_say(runner, true, "%s %s", each->object, each->why);
      continue;
    }
    if (!each->table) {
      *(DbaDestroyed *)dba_list_add(runner->arena, gathering->destroyed, sizeof *each) = *each;
      continue;
    }
    gathering->migration = dba_migrations_find(runner->migrations, each->migration);
    gathering->script = way == DBA_WAY_DOWN ? gathering->migration->down : gathering->migration->up;
    gathering->overwritten = each->overwritten;
    const char *column = strcmp(each->object, each->table) ? each->object + strlen(each->table) + 1 : NULL;
    g_autoptr(DbaResult) found = dba_server_query(runner->server, "select pg_catalog.to_regclass($1) is not null", there, error);
    if (!found || (*dba_result_text(found, 0, 0) == 't' && !add_object(gathering, each->table, column, false, 0, error)))
      return false;
  }
  return true;
}

static bool raises(const DbaScript *script) {
  for (DBA_EACH(DbaSqlStatement, item, &script->items)) {
    g_autofree char *text = g_ascii_strdown(item->item.text, (gssize)item->item.length);
    if (g_str_has_prefix(text, "do") && strstr(text, "raise exception"))
      return true;
  }
  return false;
}

// Does it write to a table that these migrations have made?  The first is what it names.
static bool is_young(const DbaSqlVerdict *verdict) { return verdict->effects.n && dba_list_at(DbaSqlEffect, &verdict->effects, 0)->young; }

// What a statement by itself throws away or writes over; `line`: its place.
static bool gather_one(Gathering *gathering, const char *sql, uint32_t line, DbaSqlVerdict *verdict, GError **error) {
  if (!dba_sql_world_read(gathering->world, sql, gathering->runner->arena, verdict, error))
    return false;
  for (DBA_EACH(DbaSqlDestroyed, what, &verdict->destroyed)) {
    gathering->overwritten = what->overwritten;
    uint32_t before = gathering->destroyed->n;
    if (!(what->overwritten && gathering->goes_on) && !add_tables(gathering, what, line, error))
      return false;
    gathering->look = gathering->look || !what->overwritten || gathering->destroyed->n > before || !is_young(verdict);
  }
  return true;
}

// Reads on in the order of running, so that what an earlier one makes is known.
static bool gather(Gathering *gathering, GError **error) {
  DbaRunner *runner = gathering->runner;
  dba_sql_world_begin(gathering->world);
  for (DBA_EACH(DbaSqlStatement, item, &gathering->script->items)) {
    DbaSqlVerdict verdict = {0};
    g_autofree char *sql = g_strndup(item->item.text, item->item.length);
    if (item->item.kind != DBA_SQL_STATEMENT)
      continue;
    if (!gather_one(gathering, sql, item->item.place.line, &verdict, error))
      return false;
    gathering->moves = gathering->moves || verdict.moves;
    bool unclear = item->facts.tag == DBA_SQL_OTHER || item->facts.tag == DBA_SQL_DELETE || item->facts.tag == DBA_SQL_MERGE;
    gathering->look = gathering->look || unclear || verdict.opaque || verdict.retypes || verdict.renamed.n;
    for (DBA_EACH(DbaSqlRenamed, renamed, &verdict.renamed))
      *(DbaSqlRenamed *)dba_list_add(runner->arena, gathering->renamed, sizeof *renamed) = *renamed;
  }
  return true;
}

// One before it is about the same, in the same migration.
static bool is_asked(const DbaList *destroyed, const DbaDestroyed *of) {
  for (DBA_EACH(DbaDestroyed, each, destroyed)) {
    if (each == of)
      return false;
    if (!strcmp(each->object, of->object) && !strcmp(each->migration, of->migration) && each->overwritten == of->overwritten &&
        !each->table == !of->table)
      return true;
  }
  return false;
}

// Asks for each, then for a backup of all.
static bool let_go(DbaRunner *runner, const DbaList *destroyed, GError **error) {
  const DbaRunOptions *options = runner->options;
  g_autoptr(GString) labels = g_string_new(NULL), refused = g_string_new(NULL), hint = g_string_new(NULL);
  DbaList asked = {0};
  runner->destroyed = (DbaList){0};
  for (DBA_EACH(DbaDestroyed, each, destroyed)) {
    const char *verb = each->overwritten ? "writes over" : "destroys";
    g_autofree char *what = !each->table ? g_strdup_printf("%s %s", each->object, each->why)
                            : each->line ? g_strdup_printf("%s:%u %s values of %s", each->file, each->line, verb, each->object)
                                         : g_strdup_printf("%s %s values of %s, as a lab saw", each->file, verb, each->object);
    *(DbaDestroyed *)dba_list_add(runner->arena, &runner->destroyed, sizeof *each) = *each;
    if (is_asked(destroyed, each))
      continue;
    if (each->table)
      append_label(labels, each->object);
    if (options->confirm && options->confirm(options->data, each->object, what))
      continue;
    g_autofree char *quoted = g_shell_quote(each->object),
                    *word = g_strdup_printf(" --confirm %s", strpbrk(each->object, "\" '$`\\") ? quoted : each->object);
    g_string_append_printf(refused, "%s%s", refused->len ? "\n  " : "", what);
    if (!dba_list_has_text(&asked, each->object))
      g_string_append(hint, word);
    dba_list_add_text(runner->arena, &asked, each->object);
  }
  if (refused->len)
    return dba_fail(error, DBA_ERROR_REFUSED, "%s\n(hint: that it may be so, say with%s)", refused->str, hint->str);
  if (!labels->len)
    return true;
  if (!options->backup) // made right before each; now only: can it be?
    return !options->back_up || options->back_up(options->data, &runner->destroyed, true, runner->arena, &(DbaBackup){0}, error);
  runner->without_backup = dba_arena_text(runner->arena, labels->str);
  return true;
}

bool dba_gate_back_up(DbaRunner *runner, const DbaMigration *migration, DbaBackup *ret_backup, GError **error) {
  const DbaRunOptions *options = runner->options;
  DbaList own = {0};
  for (DBA_EACH(DbaDestroyed, each, &runner->destroyed))
    if (each->table && !strcmp(each->migration, migration->label))
      *(DbaDestroyed *)dba_list_add(runner->arena, &own, sizeof *each) = *each;
  return !own.n || options->backup || !options->back_up || options->back_up(options->data, &own, false, runner->arena, ret_backup, error);
}

bool dba_gate_destroyed(DbaRunner *runner, const DbaList *rows, GError **error) {
  g_autoptr(DbaSqlWorld) world = dba_sql_world_new();
  DbaList destroyed = {0}, renamed = {0};
  g_autoptr(GPtrArray) order = g_ptr_array_new();
  Gathering gathering = {.runner = runner, .world = world, .destroyed = &destroyed, .renamed = &renamed};
  if (runner->options->session || runner->was_empty) // a rehearsal; nothing is there
    return true;
  for (DBA_EACH(DbaStatusRow, row, rows)) {
    gathering.migration = dba_row_is_pending(row) ? row->migration : NULL;
    gathering.script = gathering.migration ? gathering.migration->up : NULL;
    gathering.goes_on = gathering.script && row->state == DBA_STATE_STOPPED && row->applied &&
                        !g_strcmp0(row->applied->checksum, gathering.script->checksum);
    if (gathering.script && !gather(&gathering, error))
      return false;
    if (gathering.script)
      g_ptr_array_add(order, (DbaMigration *)(uintptr_t)gathering.migration);
    if (gathering.script && gathering.migration->down && raises(gathering.migration->down))
      *(DbaDestroyed *)dba_list_add(runner->arena, &destroyed, sizeof(DbaDestroyed)) =
          (DbaDestroyed){.migration = row->label,
                         .object = row->label,
                         .why = "cannot be undone: its undo raises",
                         .file = gathering.migration->down->path};
    if (is_up_to(runner, row))
      break;
  }
  return add_seen(runner, order, runner->again ? DBA_WAY_UP_AGAIN : DBA_WAY_UP, &gathering, error) && let_go(runner, &destroyed, error);
}

bool dba_gate_destroyed_by_undos(DbaRunner *runner, const GPtrArray *undos, GError **error) {
  g_autoptr(DbaSqlWorld) world = dba_sql_world_new();
  DbaList destroyed = {0}, renamed = {0};
  Gathering gathering = {.runner = runner, .world = world, .destroyed = &destroyed, .renamed = &renamed};
  for (guint i = 0; i < undos->len && !runner->options->session; i++) {
    gathering.migration = undos->pdata[i];
    gathering.script = gathering.migration->down;
    if (!gather(&gathering, error))
      return false;
  }
  return add_seen(runner, undos, DBA_WAY_DOWN, &gathering, error) && let_go(runner, &destroyed, error);
}

// ---- what was overridden --------------------------------------------------------------------------------------------

bool dba_gate_write_down(DbaRunner *runner, const DbaList *rows, GError **error) {
  const DbaRunOptions *options = runner->options;
  const struct {
    const char *what, *reason, *labels;
  } laws[] = {{"undo", options->undo, runner->without_undo},
              {"rehearsal", options->rehearsal, runner->without_rehearsal},
              {"backup", options->backup, runner->without_backup}};
  for (size_t i = 0; i < G_N_ELEMENTS(laws); i++) {
    if (!laws[i].labels || !*laws[i].labels || !options->overridden)
      continue;
    const char *entry = options->overridden(options->data, laws[i].what, laws[i].reason, laws[i].labels, error);
    if (!entry)
      return false;
    bool is_rehearsal = !strcmp(laws[i].what, "rehearsal");
    for (DBA_EACH(DbaStatusRow, row, rows))
      if (is_rehearsal && row->override && !row->ledger)
        row->ledger = entry;
  }
  return true;
}

const char *dba_migrate_partitions_sql(void) { return dba_embedded_migrate_sql("run_partitions"); }

// SPDX-License-Identifier: Apache-2.0
// Migrations run on a target: the only place where dbarch changes a database that is not its own.
//
// What was done is written down with it.  A migration that is one transaction writes its row in that transaction.  One that runs statement by statement has a row before
// its first statement; each statement that a transaction takes is in one with the row's next number, and of one that no transaction takes the row
// says first that it begins and then that it ended, so that whoever finds the row knows where to go on.  What was cut in between is looked for: an index that is there and invalid
// is dropped first, one that is valid is done.
#include "migrate/run-int.h"

#include "migrate-sql.h"

#include <string.h>

void dba_runner_say(const DbaRunner *runner, bool stays, const char *format, ...) {
  va_list args;
  va_start(args, format);
  g_autofree char *line = g_strdup_vprintf(format, args);
  va_end(args);
  void (*tell)(void *data, const char *line) = stays ? runner->options->announce : runner->options->progress;
  if (tell)
    tell(runner->options->data, line);
}

bool dba_runner_pause(const DbaRunner *runner, double seconds, GError **error) {
  for (gint64 until = g_get_monotonic_time() + (gint64)(seconds * G_USEC_PER_SEC); g_get_monotonic_time() < until;) {
    if (runner->options->interrupt && *runner->options->interrupt)
      return dba_fail(error, DBA_ERROR_INTERRUPTED, "interrupted");
    g_usleep(20000);
  }
  return true;
}

// ---- one session, one runner ----------------------------------------------------------------------------------------

static bool set_up_session(DbaRunner *runner, GError **error) {
  g_autofree char *lock = g_strdup_printf("%.0fms", runner->options->lock_timeout_seconds * 1e3),
                  *statement = g_strdup_printf("%.0fms", runner->options->statement_timeout_seconds * 1e3);
  const char *parameters[] = {lock, statement, NULL};
  g_autoptr(DbaResult) set = dba_server_query(runner->server, dba_embedded_migrate_sql("run_session"), parameters, error);
  return set != NULL;
}

static bool take_lock(DbaRunner *runner, GError **error) {
  gint64 until = g_get_monotonic_time() + (gint64)(runner->options->wait_seconds * G_USEC_PER_SEC);
  for (;;) {
    g_autoptr(DbaResult) got = dba_server_query(runner->server, dba_embedded_migrate_sql("run_lock"), NULL, error);
    if (!got)
      return false;
    if (*dba_result_text(got, 0, 0) == 't')
      return true;
    int64_t pid;
    if (!dba_history_runner(runner->server, &pid, error))
      return false;
    g_autofree char *who = pid ? g_strdup_printf("process %" G_GINT64_FORMAT, pid) : g_strdup("one that has just ended");
    if (g_get_monotonic_time() >= until)
      return dba_fail(error, DBA_ERROR_REFUSED, "another runner is at work on this database (%s): it did not end within %.0f s", who,
                      runner->options->wait_seconds);
    dba_runner_say(runner, false, "another runner is at work (%s): waiting", who);
    if (!dba_runner_pause(runner, 0.25, error))
      return false;
  }
}

static bool tell_long_transactions(DbaRunner *runner, GError **error) {
  g_autoptr(DbaResult) rows = dba_server_query(runner->server, dba_embedded_migrate_sql("run_long_transactions"), NULL, error);
  for (int i = 0; rows && i < dba_result_rows(rows); i++)
    dba_runner_say(runner, true, "process %s (%s, %s) has had a transaction open for %s s: locks may be long in coming",
                   dba_result_text(rows, i, 0), dba_result_text(rows, i, 3), dba_result_text(rows, i, 2), dba_result_text(rows, i, 1));
  return rows != NULL;
}

// ---- migrations -----------------------------------------------------------------------------------------------------

// Can it have changed the session?  What only makes things cannot.
static bool may_set(const DbaScript *script) {
  static const DbaSqlTag harmless[] = {DBA_SQL_CREATE_TABLE, DBA_SQL_CREATE_INDEX,   DBA_SQL_CREATE_VIEW,     DBA_SQL_CREATE_FUNCTION,
                                       DBA_SQL_CREATE_TYPE,  DBA_SQL_CREATE_TRIGGER, DBA_SQL_CREATE_SEQUENCE, DBA_SQL_COMMENT,
                                       DBA_SQL_GRANT,        DBA_SQL_DROP_INDEX};
  for (DBA_EACH(DbaSqlStatement, item, &script->items)) {
    bool is_harmless = false;
    for (size_t i = 0; i < G_N_ELEMENTS(harmless); i++)
      is_harmless = is_harmless || item->facts.tag == harmless[i];
    if (!is_harmless)
      return true;
  }
  return false;
}

static bool run_job(DbaJob *job, GError **error) {
  DbaRunner *runner = job->runner;
  const DbaApplied *applied = dba_history_applied(&runner->history, job->migration);
  bool goes_on = applied && (job->down ? applied->undoing : applied->running);
  gint64 begin = g_get_monotonic_time();
  job->begin_us = begin;
  if (goes_on) {
    job->begun = applied->begun;
    job->done = applied->done;
  }
  if (!dba_job_run(job, goes_on, error)) {
    g_prefix_error(error, "%s of %s: ", job->down ? "undo" : "up", job->migration->label);
    return false;
  }
  dba_history_mark(&runner->history, job->migration, job->down);
  if (may_set(job->script) && (!dba_server_exec(runner->server, "reset role; reset all", error) || !set_up_session(runner, error)))
    return false;
  g_autofree char *duration = dba_text_duration((double)(g_get_monotonic_time() - begin) / 1e3);
  dba_runner_say(runner, true, "%s %s%s (%s)", job->down ? "undone " : "applied", job->migration->label, goes_on ? ", gone on with" : "",
                 duration);
  return true;
}

// What can be known to be wrong before anything runs.
static bool check_script(const DbaMigration *migration, const DbaScript *script, GError **error) {
  if (script->problem)
    return dba_fail(error, DBA_ERROR_INPUT, "%s", script->problem);
  for (DBA_EACH(DbaSqlStatement, item, &script->items)) {
    if (item->item.kind == DBA_SQL_META)
      return dba_fail(error, DBA_ERROR_INPUT,
                      "%s:%u: a command of psql itself: %s is run without psql (hint: say it in SQL, or import the folder)", script->path,
                      item->item.place.line, migration->label);
    if (item->facts.tag == DBA_SQL_CREATE_INDEX && item->facts.concurrently && !item->facts.name)
      return dba_fail(error, DBA_ERROR_INPUT, "%s:%u: give the index a name: without one it could not be found again if this was cut",
                      script->path, item->item.place.line);
    if (item->facts.tag == DBA_SQL_DATABASE)
      return dba_fail(error, DBA_ERROR_INPUT, "%s:%u: a statement about databases cannot be undone with the others", script->path,
                      item->item.place.line);
  }
  return true;
}

static bool check_up(const DbaStatusRow *row, GError **error) {
  const DbaMigration *migration = row->migration;
  if (!migration->up)
    return dba_fail(error, DBA_ERROR_INPUT, "%s has no up", migration->label);
  return check_script(migration, migration->up, error);
}

static bool check_folder(const DbaRunner *runner, const DbaList *rows, GError **error) {
  for (DBA_EACH(DbaFileProblem, problem, &runner->migrations->problems))
    if (problem->fatal)
      return dba_fail(error, DBA_ERROR_REFUSED, "%s: %s", problem->file, problem->text);
  for (DBA_EACH(DbaStatusRow, row, rows)) {
    if (row->state == DBA_STATE_EDITED)
      return dba_fail(error, DBA_ERROR_REFUSED,
                      "%s was edited after it was run here: what it says now is not what was done (hint: put the file back, and change "
                      "more in a new migration)",
                      row->label);
    if (row->state == DBA_STATE_STOPPED && row->applied->running && row->migration && row->migration->up &&
        strcmp(row->applied->checksum, row->migration->up->checksum) && !runner->options->edited)
      return dba_fail(
          error, DBA_ERROR_REFUSED,
          "%s stopped half way, and was edited since: what it did stays as the earlier text had it (hint: put the file back; or --override "
          "edited=\"reason\" goes on with this text)",
          row->label);
    if (row->state == DBA_STATE_MISSING)
      dba_runner_say(runner, true, "%s was run here, and its file is not in %s", row->label, runner->migrations->folder);
  }
  return true;
}

static bool begin(DbaRunner *runner, bool writes, GError **error) {
  return set_up_session(runner, error) && take_lock(runner, error) &&
         dba_history_read(runner->server, runner->migrations, runner->arena, &runner->history, error) &&
         (!writes || dba_history_create(runner->server, runner->migrations, &runner->history, error)) &&
         tell_long_transactions(runner, error);
}

bool dba_row_is_pending(const DbaStatusRow *row) {
  return row->migration &&
         (row->state == DBA_STATE_PENDING || row->state == DBA_STATE_LATE || (row->state == DBA_STATE_STOPPED && row->applied->running));
}

// With a backup right before it of what it destroys; made anew where others have written meanwhile.
static bool run_saved(DbaJob *job, GError **error) {
  enum { BACKUPS = 3 };
  for (int n = 1;; n++) {
    DbaBackup backup = {0};
    g_autoptr(GError) problem = NULL;
    job->runner->late = false;
    if (!dba_gate_back_up(job->runner, job->migration, &backup, error))
      return false;
    dba_runner_say(job->runner, false, "%s %s", job->down ? "undoing" : "running", job->migration->label);
    g_autoptr(GString) own = g_string_new(NULL);
    job->backup = &backup;
    job->own = own;
    bool ok = run_job(job, &problem);
    job->backup = NULL;
    if (ok)
      return true;
    if (!job->runner->late || n == BACKUPS || job->script->mode != DBA_SCRIPT_ONE_TRANSACTION)
      return g_propagate_error(error, g_steal_pointer(&problem)), false;
    dba_runner_roll_back(job->runner);
    dba_runner_say(job->runner, true, "%s; it is made again", problem->message);
  }
}

static bool up(DbaRunner *runner, unsigned *ret_run, GError **error) {
  DbaList rows = {0};
  bool behind = false;
  if (!begin(runner, true, error))
    return false;
  dba_history_status(runner->migrations, &runner->history, runner->arena, &rows);
  if (!check_folder(runner, &rows, error))
    return false;
  unsigned n = 0;
  for (DBA_EACH(DbaStatusRow, row, &rows)) {
    if (row->applied && row->applied->undoing)
      return dba_fail(error, DBA_ERROR_REFUSED, "the undo of %s did not end (hint: dbarch migrate down goes on with it)", row->label);
    if (dba_row_is_pending(row) && !behind && !check_up(row, error))
      return false;
    n += dba_row_is_pending(row) && !behind;
    behind = behind || (runner->options->to && !strcmp(row->label, runner->options->to));
  }
  if (n && (!dba_gate_undos(runner, &rows, error) || !dba_gate_rehearsals(runner, &rows, error) ||
            !dba_gate_destroyed(runner, &rows, error) || !dba_gate_write_down(runner, &rows, error)))
    return false;
  behind = false;
  for (DBA_EACH(DbaStatusRow, row, &rows)) {
    if (behind || !dba_row_is_pending(row)) {
      behind = behind || (runner->options->to && !strcmp(row->label, runner->options->to));
      continue;
    }
    if (row->state == DBA_STATE_LATE)
      dba_runner_say(runner, true, "%s is older than what was run here already: another branch had it; it runs now", row->label);
    DbaJob job = {
        .runner = runner, .migration = row->migration, .script = row->migration->up, .override = row->override, .ledger = row->ledger};
    if (!run_saved(&job, error))
      return false;
    ++*ret_run;
    behind = runner->options->to && !strcmp(row->label, runner->options->to);
  }
  return true;
}

// What is undone, the newest first; all of it is known to be possible before any of it is.
// `groups`: with the rest of its group, where the newest has one.
static bool find_undos(DbaRunner *runner, bool groups, GPtrArray *undos, GError **error) {
  const DbaList *applied = &runner->history.applied;
  for (uint32_t i = applied->n; i-- > 0;) {
    const DbaApplied *each = dba_list_at(DbaApplied, applied, i);
    DbaMigration *migration = (DbaMigration *)(uintptr_t)dba_migrations_find(runner->migrations, each->label);
    const DbaMigration *newest = undos->len ? undos->pdata[0] : NULL;
    bool together = groups && newest && newest->group && migration && !g_strcmp0(newest->group, migration->group);
    if (runner->options->to ? !strcmp(each->label, runner->options->to) : newest && !together)
      break;
    if (!migration)
      return dba_fail(error, DBA_ERROR_REFUSED, "%s was run here, and its file is not in %s: its undo is not known", each->label,
                      runner->migrations->folder);
    if (!migration->down)
      return dba_fail(error, DBA_ERROR_REFUSED, "%s has no undo (hint: dbarch migrate verify --fix finds and tries one)", migration->label);
    if (each->running && migration->up->mode != DBA_SCRIPT_ONE_TRANSACTION)
      dba_runner_say(runner, true, "%s did not end when it ran: its undo undoes what there is of it, if it can", migration->label);
    if (!check_script(migration, migration->down, error))
      return false;
    g_ptr_array_add(undos, migration);
  }
  return true;
}

static bool down(DbaRunner *runner, unsigned *ret_run, GError **error) {
  g_autoptr(GPtrArray) undos = g_ptr_array_new();
  if (!begin(runner, true, error) || !find_undos(runner, true, undos, error) || !dba_gate_destroyed_by_undos(runner, undos, error) ||
      !dba_gate_write_down(runner, &(DbaList){0}, error))
    return false;
  for (guint i = 0; i < undos->len; i++) {
    const DbaMigration *migration = undos->pdata[i];
    DbaJob job = {.runner = runner, .migration = migration, .script = migration->down, .down = true};
    if (!run_saved(&job, error))
      return false;
    ++*ret_run;
  }
  return true;
}

static bool baseline(DbaRunner *runner, unsigned *ret_run, GError **error) {
  if (!begin(runner, true, error))
    return false;
  if (runner->history.applied.n) { // then what is pending before it was never run
    for (DBA_EACH(DbaMigration, migration, &runner->migrations->migrations)) {
      if (!strcmp(migration->label, runner->options->to))
        break;
      if (migration->up && !dba_history_applied(&runner->history, migration))
        return dba_fail(error, DBA_ERROR_REFUSED,
                        "%s is pending before it: it would be written down as run, and was not (hint: dbarch migrate up --to)",
                        migration->label);
    }
  }
  if (!dba_server_exec(runner->server, "begin", error))
    return false;
  for (DBA_EACH(DbaMigration, migration, &runner->migrations->migrations)) {
    if (!dba_history_applied(&runner->history, migration) && migration->up) {
      if (!dba_history_add(runner->server, migration, "applied", &(DbaHistoryNote){.taken_from = "baseline"}, 0, error))
        return false;
      dba_runner_say(runner, true, "written down as run: %s", migration->label);
      ++*ret_run;
    }
    if (!strcmp(migration->label, runner->options->to))
      break;
  }
  return dba_server_exec(runner->server, "commit", error);
}

static bool redo(DbaRunner *runner, unsigned *ret_run, GError **error) {
  g_autoptr(GPtrArray) undos = g_ptr_array_new();
  DbaList rows = {0};
  if (!begin(runner, true, error) || !find_undos(runner, false, undos, error))
    return false;
  if (!undos->len)
    return true;
  DbaMigration *migration = undos->pdata[0];
  DbaStatusRow *row = dba_list_add(runner->arena, &rows, sizeof *row);
  *row = (DbaStatusRow){.migration = migration, .label = migration->label, .state = DBA_STATE_PENDING};
  if (!check_up(row, error) || !dba_gate_rehearsals(runner, &rows, error) || !dba_gate_destroyed_by_undos(runner, undos, error))
    return false;
  DbaList by_undo = runner->destroyed;
  runner->again = true;
  if (!dba_gate_destroyed(runner, &rows, error) || !dba_gate_write_down(runner, &rows, error))
    return false;
  for (DBA_EACH(DbaDestroyed, each, &by_undo))
    *(DbaDestroyed *)dba_list_add(runner->arena, &runner->destroyed, sizeof *each) = *each;
  DbaJob undo = {.runner = runner, .migration = migration, .script = migration->down, .down = true},
         again = {.runner = runner, .migration = migration, .script = migration->up, .override = row->override, .ledger = row->ledger};
  if (!run_saved(&undo, error))
    return false;
  *ret_run = 1;
  return run_saved(&again, error);
}

static bool run(DbaServer *server, const DbaMigrations *migrations, const DbaRunOptions *options,
                bool (*what)(DbaRunner *, unsigned *, GError **), unsigned *ret_run, GError **error) {
  DbaRunner runner = {.server = server, .migrations = migrations, .options = options, .arena = dba_arena_new()};
  *ret_run = 0;
  bool ok = what(&runner, ret_run, error);
  if (!ok)
    dba_runner_roll_back(&runner);
  dba_arena_free(runner.arena);
  return ok;
}

bool dba_migrations_up(DbaServer *server, const DbaMigrations *migrations, const DbaRunOptions *options, unsigned *ret_run,
                       GError **error) {
  return run(server, migrations, options, up, ret_run, error);
}

bool dba_migrations_down(DbaServer *server, const DbaMigrations *migrations, const DbaRunOptions *options, unsigned *ret_run,
                         GError **error) {
  return run(server, migrations, options, down, ret_run, error);
}

bool dba_migrations_redo(DbaServer *server, const DbaMigrations *migrations, const DbaRunOptions *options, unsigned *ret_run,
                         GError **error) {
  return run(server, migrations, options, redo, ret_run, error);
}

bool dba_migrations_baseline(DbaServer *server, const DbaMigrations *migrations, const DbaRunOptions *options, unsigned *ret_run,
                             GError **error) {
  return run(server, migrations, options, baseline, ret_run, error);
}

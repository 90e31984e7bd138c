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

typedef struct Runner {
  DbaServer *server;
  const DbaMigrations *migrations;
  const DbaRunOptions *options;
  DbaHistory history;
  DbaArena *arena;
} Runner;

// One script of one migration, under way.
typedef struct Job {
  Runner *runner;
  const DbaMigration *migration;
  const DbaScript *script;
  bool down;
  uint32_t begun, done; // from the history, when it is gone on with
} Job;

static void say(const Runner *runner, bool stays, const char *format, ...) DBA_PRINTF(3, 4);
static void say(const Runner *runner, bool stays, const char *format, ...) {
  va_list args;
  va_start(args, format);
  g_autofree char *line = g_strdup_vprintf(format, args);
  va_end(args);
  void (*tell)(void *data, const char *line) = stays ? runner->options->announce : runner->options->progress;
  if (tell)
    tell(runner->options->data, line);
}

static bool pause_for(const Runner *runner, double seconds, GError **error) {
  for (gint64 until = g_get_monotonic_time() + (gint64)(seconds * G_USEC_PER_SEC); g_get_monotonic_time() < until;) {
    if (runner->options->interrupt && *runner->options->interrupt)
      return dba_fail(error, DBA_ERROR_INTERRUPTED, "interrupted");
    g_usleep(20000);
  }
  return true;
}

// ---- one session, one runner ----------------------------------------------------------------------------------------

static bool set_up_session(Runner *runner, GError **error) {
  g_autofree char *lock = g_strdup_printf("%.0fms", runner->options->lock_timeout_seconds * 1e3),
                  *statement = g_strdup_printf("%.0fms", runner->options->statement_timeout_seconds * 1e3);
  const char *parameters[] = {lock, statement, NULL};
  g_autoptr(DbaResult) set = dba_server_query(runner->server, dba_embedded_migrate_sql("run_session"), parameters, error);
  return set != NULL;
}

static bool take_lock(Runner *runner, GError **error) {
  gint64 until = g_get_monotonic_time() + (gint64)(runner->options->wait_seconds * G_USEC_PER_SEC);
  for (;;) {
    g_autoptr(DbaResult) got = dba_server_query(runner->server, dba_embedded_migrate_sql("run_lock"), NULL, error);
    if (!got)
      return false;
    if (*dba_result_text(got, 0, 0) == 't')
      return true;
    const char *pid = dba_result_text(got, 0, 1);
    if (g_get_monotonic_time() >= until)
      return dba_fail(error, DBA_ERROR_REFUSED, "another runner is at work on this database (process %s): it did not end within %.0f s",
                      pid ? pid : "?", runner->options->wait_seconds);
    say(runner, false, "another runner is at work (process %s): waiting", pid ? pid : "?");
    if (!pause_for(runner, 0.25, error))
      return false;
  }
}

static bool tell_long_transactions(Runner *runner, GError **error) {
  g_autoptr(DbaResult) rows = dba_server_query(runner->server, dba_embedded_migrate_sql("run_long_transactions"), NULL, error);
  for (int i = 0; rows && i < dba_result_rows(rows); i++)
    say(runner, true, "process %s (%s, %s) has had a transaction open for %s s: locks may be long in coming", dba_result_text(rows, i, 0),
        dba_result_text(rows, i, 3), dba_result_text(rows, i, 2), dba_result_text(rows, i, 1));
  return rows != NULL;
}

// ---- statements -----------------------------------------------------------------------------------------------------

static bool fail_statement(const Runner *runner, const DbaSqlItem *item, const GError *problem, GError **error) {
  if (!g_error_matches(problem, DBA_ERROR, DBA_ERROR_DATABASE))
    return g_propagate_error(error, g_error_copy(problem)), false;
  size_t offset = dba_text_character_offset(item->text, item->length, dba_server_error_position(runner->server));
  g_autofree char *caret =
      dba_text_caret_within(item->place.file, item->place.line, item->place.column, item->text, item->length, offset, problem->message);
  return dba_fail(error, DBA_ERROR_INPUT, "%s", caret); // the file is wrong, for this target
}

// A lock that was not to be had, a deadlock: others were in the way, and will not be for ever.
static bool may_be_tried_again(const Runner *runner) {
  const char *state = dba_server_sqlstate(runner->server);
  return !strcmp(state, "55P03") || !strcmp(state, "40P01") || !strcmp(state, "40001");
}

static bool run_item(Runner *runner, const DbaSqlStatement *item, GError **error) {
  g_autoptr(GError) problem = NULL;
  g_autofree char *sql = g_strndup(item->item.text, item->item.length);
  bool ok = true;
  switch (item->item.kind) {
  case DBA_SQL_STATEMENT:
    ok = item->facts.tag == DBA_SQL_COPY_FROM_STDIN ? dba_server_copy_begin(runner->server, sql, &problem)
                                                    : dba_server_exec(runner->server, sql, &problem);
    break;
  case DBA_SQL_COPY_DATA: ok = dba_server_copy_data(runner->server, item->item.text, item->item.length, &problem); break;
  case DBA_SQL_COPY_END: ok = dba_server_copy_end(runner->server, &problem); break;
  case DBA_SQL_META: break; // refused before anything ran
  }
  return ok || fail_statement(runner, &item->item, problem, error);
}

// After a failure whose error stays the one to tell; the state that it had too.
static void roll_back(Runner *runner) {
  g_autoptr(GError) ignored = NULL;
  g_autofree char *state = g_strdup(dba_server_sqlstate(runner->server));
  if (dba_server_in_transaction(runner->server) && !dba_server_exec(runner->server, "rollback", &ignored))
    return;
  dba_server_set_sqlstate(runner->server, state);
}

// ---- the history, as part of the work -------------------------------------------------------------------------------

static const char *newest_but(const Runner *runner, const DbaMigration *without) {
  const char *newest = NULL;
  for (DBA_EACH(DbaMigration, migration, &runner->migrations->migrations))
    if (migration != without && migration->version && dba_history_applied(&runner->history, migration))
      newest = migration->version;
  return newest;
}

static bool write_end(const Job *job, double ms, GError **error) {
  Runner *runner = job->runner;
  const char *label[] = {job->migration->label, NULL};
  bool row_there =
      job->down || dba_history_applied(&runner->history, job->migration) != NULL || job->script->mode != DBA_SCRIPT_ONE_TRANSACTION;
  if (row_there) { // a repeatable one that runs again, or one that ran statement by statement
    g_autoptr(DbaResult) removed = dba_server_query(runner->server, dba_embedded_migrate_sql("history_remove"), label, error);
    if (!removed)
      return false;
  }
  if (!job->down && !dba_history_add(runner->server, job->migration, "applied", NULL, runner->options->rehearsal, ms, error))
    return false;
  return dba_history_tell_foreign(runner->server, &runner->history, job->migration, job->down,
                                  job->down ? newest_but(runner, job->migration) : NULL, error);
}

static bool write_step(const Job *job, uint32_t begun, uint32_t done, GError **error) {
  g_autofree char *b = g_strdup_printf("%u", begun), *d = g_strdup_printf("%u", done);
  const char *parameters[] = {job->migration->label, job->down ? "undoing" : "running", b, d, "", NULL};
  g_autoptr(DbaResult) written = dba_server_query(job->runner->server, dba_embedded_migrate_sql("history_step"), parameters, error);
  if (written && !dba_result_rows(written))
    return dba_fail(error, DBA_ERROR_REFUSED, "the row of %s is gone from dbarch.migrations: somebody else is at work",
                    job->migration->label);
  return written != NULL;
}

// ---- one transaction ------------------------------------------------------------------------------------------------

static bool run_once(const Job *job, GError **error) {
  Runner *runner = job->runner;
  gint64 begin = g_get_monotonic_time();
  if (!dba_server_exec(runner->server, "begin", error))
    return false;
  for (DBA_EACH(DbaSqlStatement, item, &job->script->items))
    if (!run_item(runner, item, error))
      return false;
  return write_end(job, (double)(g_get_monotonic_time() - begin) / 1e3, error) && dba_server_exec(runner->server, "commit", error);
}

// Again and again while others are in the way, each time after a longer pause, with chance in it so that two that met do not meet again.
static bool with_tries(const Job *job, bool (*once)(const Job *job, GError **error), GError **error) {
  Runner *runner = job->runner;
  for (unsigned attempt = 1;; attempt++) {
    g_autoptr(GError) problem = NULL;
    if (once(job, &problem))
      return true;
    roll_back(runner);
    if (!may_be_tried_again(runner) || attempt >= runner->options->tries)
      return g_propagate_error(error, g_steal_pointer(&problem)), false;
    double seconds = MIN(0.1 * (double)(1u << MIN(attempt, 6)), 5) * (0.5 + g_random_double());
    say(runner, false, "%s: %s; try %u of %u in %.1f s", job->migration->label,
        strcmp(dba_server_sqlstate(runner->server), "55P03") ? "a deadlock" : "a lock was not to be had", attempt + 1,
        runner->options->tries, seconds);
    if (!pause_for(runner, seconds, error))
      return false;
  }
}

// ---- statement by statement -----------------------------------------------------------------------------------------

// What a statement that was cut has left: true with *ret_over set when nothing is left to do.
static bool settle(Runner *runner, const DbaSqlStatement *item, bool *ret_over, GError **error) {
  const DbaSqlFacts *facts = &item->facts;
  *ret_over = false;
  if (!facts->concurrently || !facts->name || (facts->tag != DBA_SQL_CREATE_INDEX && facts->tag != DBA_SQL_DROP_INDEX))
    return true;
  const char *parameters[] = {facts->schema ? facts->schema : "", facts->name, NULL};
  g_autoptr(DbaResult) found = dba_server_query(runner->server, dba_embedded_migrate_sql("run_find_index"), parameters, error);
  if (!found)
    return false;
  bool there = dba_result_rows(found) > 0, valid = there && *dba_result_text(found, 0, 1) == 't';
  if (facts->tag == DBA_SQL_DROP_INDEX || !there || valid) {
    *ret_over = facts->tag == DBA_SQL_DROP_INDEX ? !there : valid;
    return true;
  }
  g_autofree char *drop = g_strdup_printf("drop index concurrently %s", dba_result_text(found, 0, 0));
  say(runner, true, "index %s was left invalid by what was cut: it is dropped and made again", dba_result_text(found, 0, 0));
  return dba_server_exec(runner->server, drop, error);
}

typedef struct StepJob {
  Job job;                            // first
  const DbaSqlStatement *first, *end; // the statement with the data of its COPY
  uint32_t number;
  bool cut; // it was begun before
} StepJob;

// One that no transaction takes.
static bool run_outside(const Job *job, GError **error) {
  StepJob *step = (StepJob *)(uintptr_t)job;
  bool over = false;
  if (!write_step(job, step->number, step->number - 1, error) || (step->cut && !settle(job->runner, step->first, &over, error)))
    return false;
  step->cut = true; // from here on
  return (over || run_item(job->runner, step->first, error)) && write_step(job, step->number, step->number, error);
}

static bool run_inside(const Job *job, GError **error) {
  const StepJob *step = (const StepJob *)job;
  if (!dba_server_exec(job->runner->server, "begin", error))
    return false;
  for (const DbaSqlStatement *item = step->first; item < step->end; item++)
    if (!run_item(job->runner, item, error))
      return false;
  return write_step(job, step->number, step->number, error) && dba_server_exec(job->runner->server, "commit", error);
}

static bool is_word(const DbaSqlStatement *item, const char *word) {
  return item->facts.tag == DBA_SQL_TRANSACTION && !strcmp(item->facts.name, word);
}

// The statements from BEGIN to COMMIT, or one alone; a whole transaction is one step.
static const DbaSqlStatement *end_of_step(const DbaScript *script, const DbaSqlStatement *first) {
  const DbaSqlStatement *end = dba_list_at(DbaSqlStatement, &script->items, script->items.n), *item = first + 1;
  if (is_word(first, "begin")) {
    while (item < end && !is_word(item, "commit") && !is_word(item, "rollback"))
      item++;
    item = MIN(item + 1, end);
  }
  while (item < end && item->item.kind != DBA_SQL_STATEMENT)
    item++;
  return item;
}

static bool write_beginning(const Job *job, GError **error) {
  return job->down ? write_step(job, 0, 0, error)
                   : dba_history_add(job->runner->server, job->migration, "running", NULL, job->runner->options->rehearsal, 0, error);
}

static bool write_whole_end(const Job *job, GError **error) {
  return dba_server_exec(job->runner->server, "begin", error) && write_end(job, 0, error) &&
         dba_server_exec(job->runner->server, "commit", error);
}

static bool run_steps(const Job *job, bool goes_on, GError **error) {
  if (!goes_on && !write_beginning(job, error))
    return false;
  const DbaSqlStatement *end = job->script->items.n ? dba_list_at(DbaSqlStatement, &job->script->items, job->script->items.n) : NULL;
  uint32_t number = 0;
  for (const DbaSqlStatement *item = job->script->items.items; item && item < end;) {
    number++;
    StepJob step = {
        .job = *job, .first = item, .end = end_of_step(job->script, item), .number = number, .cut = goes_on && number == job->begun};
    bool outside = item->facts.outside_transaction;
    item = step.end;
    if (number <= job->done)
      continue;
    if (is_word(step.first, "begin")) { // ours takes its place
      step.first++;
      if (step.end > step.first && is_word(step.end - 1, "rollback"))
        step.end = step.first; // nothing is left of it
      step.end -= step.end > step.first && is_word(step.end - 1, "commit");
    }
    if (!with_tries(&step.job, outside ? run_outside : run_inside, error))
      return false;
  }
  return with_tries(job, write_whole_end, error);
}

// ---- migrations -----------------------------------------------------------------------------------------------------

static bool run_job(Job *job, GError **error) {
  Runner *runner = job->runner;
  const DbaApplied *applied = dba_history_applied(&runner->history, job->migration);
  bool goes_on = applied && (job->down ? applied->undoing : applied->running);
  gint64 begin = g_get_monotonic_time();
  if (goes_on) {
    job->begun = applied->begun;
    job->done = applied->done;
  }
  if (!(job->script->mode == DBA_SCRIPT_ONE_TRANSACTION && !goes_on ? with_tries(job, run_once, error) : run_steps(job, goes_on, error))) {
    g_prefix_error(error, "%s of %s: ", job->down ? "undo" : "up", job->migration->label);
    return false;
  }
  if (!dba_server_exec(runner->server, "reset role; reset all", error) || !set_up_session(runner, error)) // what the script has set
    return false;
  g_autofree char *duration = dba_text_duration((double)(g_get_monotonic_time() - begin) / 1e3);
  say(runner, true, "%s %s%s (%s)", job->down ? "undone " : "applied", job->migration->label, goes_on ? ", gone on with" : "", duration);
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

static bool check_up(const Runner *runner, const DbaStatusRow *row, GError **error) {
  const DbaMigration *migration = row->migration;
  if (!migration->up)
    return dba_fail(error, DBA_ERROR_INPUT, "%s has no up", migration->label);
  if ((!migration->down || !migration->down->items.n) && !migration->repeatable && !runner->options->undo)
    return dba_fail(error, DBA_ERROR_REFUSED,
                    "%s has no undo (hint: dbarch migrate verify --fix finds and tries one; --override undo=\"reason\" runs it without)",
                    migration->label);
  return check_script(migration, migration->up, error);
}

static bool check_folder(const Runner *runner, const DbaList *rows, GError **error) {
  for (DBA_EACH(DbaFileProblem, problem, &runner->migrations->problems))
    if (problem->fatal)
      return dba_fail(error, DBA_ERROR_REFUSED, "%s: %s", problem->file, problem->text);
  for (DBA_EACH(DbaStatusRow, row, rows)) {
    if (row->state == DBA_STATE_EDITED)
      return dba_fail(error, DBA_ERROR_REFUSED,
                      "%s was edited after it was run here: what it says now is not what was done (hint: put the file back, and change "
                      "more in a new migration)",
                      row->label);
    if (row->state == DBA_STATE_MISSING)
      say(runner, true, "%s was run here, and its file is not in %s", row->label, runner->migrations->folder);
  }
  return true;
}

static bool begin(Runner *runner, bool writes, GError **error) {
  return set_up_session(runner, error) && take_lock(runner, error) &&
         dba_history_read(runner->server, runner->migrations, runner->arena, &runner->history, error) &&
         (!writes || dba_history_create(runner->server, runner->migrations, &runner->history, error)) &&
         tell_long_transactions(runner, error);
}

static bool reread(Runner *runner, GError **error) {
  return dba_history_read(runner->server, runner->migrations, runner->arena, &runner->history, error);
}

static bool is_pending(const DbaStatusRow *row) {
  return row->migration &&
         (row->state == DBA_STATE_PENDING || row->state == DBA_STATE_LATE || (row->state == DBA_STATE_STOPPED && row->applied->running));
}

static bool up(Runner *runner, unsigned *ret_run, GError **error) {
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
    if (is_pending(row) && !behind && !check_up(runner, row, error))
      return false;
    n += is_pending(row) && !behind;
    behind = behind || (runner->options->to && !strcmp(row->label, runner->options->to));
  }
  if (n && !runner->options->rehearsal)
    return dba_fail(error, DBA_ERROR_REFUSED,
                    "%u migration%s not rehearsed on production-like data (hint: --override rehearsal=\"reason\" runs %s all the same, and "
                    "the reason is kept)",
                    n, n == 1 ? " was" : "s were", n == 1 ? "it" : "them");
  behind = false;
  for (DBA_EACH(DbaStatusRow, row, &rows)) {
    if (behind || !is_pending(row)) {
      behind = behind || (runner->options->to && !strcmp(row->label, runner->options->to));
      continue;
    }
    if (row->state == DBA_STATE_LATE)
      say(runner, true, "%s is older than what was run here already: another branch had it; it runs now", row->label);
    Job job = {.runner = runner, .migration = row->migration, .script = row->migration->up};
    say(runner, false, "running %s", row->label);
    if (!run_job(&job, error) || !reread(runner, error))
      return false;
    ++*ret_run;
    behind = runner->options->to && !strcmp(row->label, runner->options->to);
  }
  return true;
}

static bool down(Runner *runner, unsigned *ret_run, GError **error) {
  if (!begin(runner, true, error))
    return false;
  for (;;) {
    const DbaApplied *applied = NULL;
    for (DBA_EACH(DbaApplied, each, &runner->history.applied))
      applied = each; // the last that was run
    const DbaMigration *migration = applied ? dba_migrations_find(runner->migrations, applied->label) : NULL;
    if (!applied || (runner->options->to && !strcmp(applied->label, runner->options->to)) || (!runner->options->to && *ret_run == 1))
      return true;
    if (!migration)
      return dba_fail(error, DBA_ERROR_REFUSED, "%s was run here, and its file is not in %s: its undo is not known", applied->label,
                      runner->migrations->folder);
    if (!migration->down)
      return dba_fail(error, DBA_ERROR_REFUSED, "%s has no undo (hint: dbarch migrate verify --fix finds and tries one)", migration->label);
    if (applied->running && migration->up->mode != DBA_SCRIPT_ONE_TRANSACTION)
      say(runner, true, "%s did not end when it ran: its undo undoes what there is of it, if it can", migration->label);
    if (!check_script(migration, migration->down, error))
      return false;
    Job job = {.runner = runner, .migration = migration, .script = migration->down, .down = true};
    say(runner, false, "undoing %s", migration->label);
    if (!run_job(&job, error) || !reread(runner, error))
      return false;
    ++*ret_run;
  }
}

static bool baseline(Runner *runner, unsigned *ret_run, GError **error) {
  if (!begin(runner, true, error))
    return false;
  if (!dba_server_exec(runner->server, "begin", error))
    return false;
  for (DBA_EACH(DbaMigration, migration, &runner->migrations->migrations)) {
    if (!dba_history_applied(&runner->history, migration) && migration->up) {
      if (!dba_history_add(runner->server, migration, "applied", "baseline", NULL, 0, error))
        return false;
      say(runner, true, "written down as run: %s", migration->label);
      ++*ret_run;
    }
    if (!strcmp(migration->label, runner->options->to))
      break;
  }
  return dba_server_exec(runner->server, "commit", error);
}

static bool run(DbaServer *server, const DbaMigrations *migrations, const DbaRunOptions *options,
                bool (*what)(Runner *, unsigned *, GError **), unsigned *ret_run, GError **error) {
  Runner runner = {.server = server, .migrations = migrations, .options = options, .arena = dba_arena_new()};
  *ret_run = 0;
  bool ok = what(&runner, ret_run, error);
  if (!ok)
    roll_back(&runner);
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

bool dba_migrations_baseline(DbaServer *server, const DbaMigrations *migrations, const DbaRunOptions *options, unsigned *ret_run,
                             GError **error) {
  return run(server, migrations, options, baseline, ret_run, error);
}

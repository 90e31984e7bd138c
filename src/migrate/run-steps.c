// SPDX-License-Identifier: Apache-2.0
// How the runner runs a script: in one transaction, or statement by statement with each step written down; tried again while others are in
// the way.
#include "migrate/run-int.h"

#include "migrate-sql.h"

#include <string.h>

// ---- statements -----------------------------------------------------------------------------------------------------

static bool fail_statement(const DbaRunner *runner, const DbaSqlItem *item, const GError *problem, GError **error) {
  if (!g_error_matches(problem, DBA_ERROR, DBA_ERROR_DATABASE))
    return g_propagate_error(error, g_error_copy(problem)), false;
  size_t offset = dba_text_character_offset(item->text, item->length, dba_server_error_position(runner->server));
  g_autofree char *caret =
      dba_text_caret_within(item->place.file, item->place.line, item->place.column, item->text, item->length, offset, problem->message);
  return dba_fail(error, DBA_ERROR_INPUT, "%s", caret); // the file is wrong, for this target
}

// A lock that was not to be had, a deadlock: others were in the way, and will not be for ever.
static bool may_be_tried_again(const DbaRunner *runner) {
  const char *state = dba_server_sqlstate(runner->server);
  return !strcmp(state, "55P03") || !strcmp(state, "40P01") || !strcmp(state, "40001");
}

static bool send_item(DbaRunner *runner, const DbaSqlStatement *item, GError **error) {
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

// The same, or through a lab's session; with who looks on told.
static bool run_item(DbaRunner *runner, const DbaSqlStatement *item, GError **error) {
  const DbaRunOptions *options = runner->options;
  gint64 from = g_get_monotonic_time();
  bool ok = options->session ? dba_lab_session_run(options->session, item, error) : send_item(runner, item, error);
  if (options->ran && item->item.kind == DBA_SQL_STATEMENT)
    options->ran(options->data, item, from, g_get_monotonic_time(), ok);
  return ok;
}

void dba_runner_roll_back(DbaRunner *runner) {
  g_autoptr(GError) ignored = NULL;
  g_autofree char *state = g_strdup(dba_server_sqlstate(runner->server));
  if (dba_server_in_transaction(runner->server) && !dba_server_exec(runner->server, "rollback", &ignored))
    return;
  dba_server_set_sqlstate(runner->server, state);
}

// ---- the history, as part of the work -------------------------------------------------------------------------------

static const char *newest_but(const DbaRunner *runner, const DbaMigration *without) {
  const char *newest = NULL;
  for (DBA_EACH(DbaMigration, migration, &runner->migrations->migrations))
    if (migration != without && migration->version && dba_history_applied(&runner->history, migration))
      newest = migration->version;
  return newest;
}

static bool write_end(const DbaJob *job, double ms, GError **error) {
  DbaRunner *runner = job->runner;
  const char *label[] = {job->migration->label, NULL};
  DbaHistoryNote note = {.override = job->override, .ledger = job->ledger};
  bool row_there =
      job->down || dba_history_applied(&runner->history, job->migration) != NULL || job->script->mode != DBA_SCRIPT_ONE_TRANSACTION;
  if (row_there) { // a repeatable one that runs again, or one that ran statement by statement
    g_autoptr(DbaResult) removed = dba_server_query(runner->server, dba_embedded_migrate_sql("history_remove"), label, error);
    if (!removed)
      return false;
  }
  if (!job->down && !dba_history_add(runner->server, job->migration, "applied", &note, ms, error))
    return false;
  return dba_history_tell_foreign(runner->server, &runner->history, job->migration, job->down,
                                  job->down ? newest_but(runner, job->migration) : NULL, error);
}

static bool write_step(const DbaJob *job, uint32_t begun, uint32_t done, GError **error) {
  g_autofree char *b = g_strdup_printf("%u", begun), *d = g_strdup_printf("%u", done);
  const char *parameters[] = {job->migration->label, job->down ? "undoing" : "running", b, d, "", NULL};
  g_autoptr(DbaResult) written = dba_server_query(job->runner->server, dba_embedded_migrate_sql("history_step"), parameters, error);
  if (written && !dba_result_rows(written))
    return dba_fail(error, DBA_ERROR_REFUSED, "the row of %s is gone from dbarch.migrations: somebody else is at work",
                    job->migration->label);
  return written != NULL;
}

// ---- one transaction ------------------------------------------------------------------------------------------------

// What is looked at before values go must be what is there then, also where another level is the default.
static bool begin(const DbaJob *job, GError **error) {
  return dba_server_exec(job->runner->server, dba_job_is_saved(job) ? "begin isolation level read committed" : "begin", error);
}

static bool run_once(const DbaJob *job, GError **error) {
  DbaRunner *runner = job->runner;
  gint64 begun = g_get_monotonic_time();
  if (!begin(job, error) || !dba_job_check_saved(job, 0, UINT32_MAX, error))
    return false;
  for (DBA_EACH(DbaSqlStatement, item, &job->script->items))
    if (!run_item(runner, item, error))
      return false;
  return write_end(job, (double)(g_get_monotonic_time() - begun) / 1e3, error) && dba_server_exec(runner->server, "commit", error);
}

// Again and again while others are in the way, each time after a longer pause, with chance in it so that two that met do not meet again.
bool dba_job_try(const DbaJob *job, bool (*once)(const DbaJob *job, GError **error), GError **error) {
  DbaRunner *runner = job->runner;
  for (unsigned attempt = 1;; attempt++) {
    g_autoptr(GError) problem = NULL;
    if (once(job, &problem))
      return true;
    dba_runner_roll_back(runner);
    if (!may_be_tried_again(runner) || attempt >= runner->options->tries)
      return g_propagate_error(error, g_steal_pointer(&problem)), false;
    double seconds = MIN(0.1 * (double)(1u << MIN(attempt, 6)), 5) * (0.5 + g_random_double());
    dba_runner_say(runner, false, "%s: %s; try %u of %u in %.1f s", job->migration->label,
                   strcmp(dba_server_sqlstate(runner->server), "55P03") ? "a deadlock" : "a lock was not to be had", attempt + 1,
                   runner->options->tries, seconds);
    if (!dba_runner_pause(runner, seconds, error))
      return false;
  }
}

// ---- statement by statement -----------------------------------------------------------------------------------------

// What a statement that was cut has left: true with *ret_over set when nothing is left to do.
static bool settle(DbaRunner *runner, const DbaSqlStatement *item, bool *ret_over, GError **error) {
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
  dba_runner_say(runner, true, "index %s was left invalid by what was cut: it is dropped and made again", dba_result_text(found, 0, 0));
  return dba_server_exec(runner->server, drop, error);
}

typedef struct StepJob {
  DbaJob job;                         // first
  const DbaSqlStatement *first, *end; // the statement with the data of its COPY
  uint32_t number;
  bool cut; // it was begun before
} StepJob;

// One that no transaction takes.
static bool run_outside(const DbaJob *job, GError **error) {
  StepJob *step = (StepJob *)(uintptr_t)job;
  bool over = false;
  if (!write_step(job, step->number, step->number - 1, error) || (step->cut && !settle(job->runner, step->first, &over, error)))
    return false;
  step->cut = true; // from here on
  return (over || run_item(job->runner, step->first, error)) && write_step(job, step->number, step->number, error);
}

static bool run_inside(const DbaJob *job, GError **error) {
  const StepJob *step = (const StepJob *)job;
  bool any = step->first < step->end;
  if (!begin(job, error) || (any && !dba_job_check_saved(job, step->first->item.place.line, (step->end - 1)->item.place.line + 1, error)))
    return false;
  for (const DbaSqlStatement *item = step->first; item < step->end; item++)
    if (!run_item(job->runner, item, error))
      return false;
  return dba_job_note_own(job, error) && write_step(job, step->number, step->number, error) &&
         dba_server_exec(job->runner->server, "commit", error);
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

static bool write_beginning(const DbaJob *job, GError **error) {
  return job->down ? write_step(job, 0, 0, error)
                   : dba_history_add(job->runner->server, job->migration, "running",
                                     &(DbaHistoryNote){.override = job->override, .ledger = job->ledger}, 0, error);
}

static bool write_whole_end(const DbaJob *job, GError **error) {
  return dba_server_exec(job->runner->server, "begin", error) &&
         write_end(job, (double)(g_get_monotonic_time() - job->begin_us) / 1e3, error) &&
         dba_server_exec(job->runner->server, "commit", error);
}

static bool run_steps(const DbaJob *job, bool goes_on, GError **error) {
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
    if (!dba_job_try(&step.job, outside ? run_outside : run_inside, error))
      return false;
  }
  return dba_job_try(job, write_whole_end, error);
}

static bool run_backfills(DbaJob *job, bool goes_on, GError **error) {
  const DbaApplied *applied = goes_on ? dba_history_applied(&job->runner->history, job->migration) : NULL;
  return (goes_on || write_beginning(job, error)) && dba_job_run_backfills(job, applied, error) && dba_job_try(job, write_whole_end, error);
}

bool dba_job_run(DbaJob *job, bool goes_on, GError **error) {
  if (job->script->backfills.n)
    return run_backfills(job, goes_on, error);
  return job->script->mode == DBA_SCRIPT_ONE_TRANSACTION && !goes_on ? dba_job_try(job, run_once, error) : run_steps(job, goes_on, error);
}

// SPDX-License-Identifier: Apache-2.0
// A migration rehearsed: run by the runner itself, on rows like production's, while clients run production's workload.
//
// What clients feel is measured where they are: how long their statements took before and meanwhile, which of them waited for a lock that the
// migration held or asked for, which failed.  What it costs the server is the difference of two looks at WAL and disk.  Where the stand-in is
// smaller than production, a wait is also judged as if it grew in proportion: what passes only because it is small has not passed.
#include "migrate/rehearse-int.h"

#include "migrate/verify-int.h"

#include <math.h>
#include <string.h>

// One migration under rehearsal.
typedef struct Stage {
  const DbaMigrations *migrations;
  const DbaMigration *migration;
  const DbaRehearseOptions *options;
  DbaLabSession *session;
  DbaServer *looking;
  DbaArena *arena;
  DbaRehearsal *rehearsal;
  DbaList held; // DbaHeldLock
  gint64 begin_us;
  GError *problem; // the migration's own
} Stage;

static void progress(const DbaRehearseOptions *options, const char *format, ...) DBA_PRINTF(2, 3);
static void progress(const DbaRehearseOptions *options, const char *format, ...) {
  va_list args;
  va_start(args, format);
  g_autofree char *line = g_strdup_vprintf(format, args);
  va_end(args);
  if (options->progress)
    options->progress(options->progress_data, line);
}

// ---- running it -----------------------------------------------------------------------------------------------------

static void note_statement(void *data, const DbaSqlStatement *item, gint64 from_us, gint64 to_us, bool ok) {
  Stage *stage = data;
  DbaRehearsedStatement *found = NULL;
  unsigned number = 0;
  (void)ok;
  const char *sql = dba_arena_text_n(stage->arena, item->item.text, item->item.length);
  for (DBA_EACH(DbaRehearsedStatement, statement, &stage->rehearsal->statements))
    if (statement->line == item->item.place.line && !strcmp(statement->sql, sql)) {
      found = statement; // another try of the same
      number = (unsigned)(statement - dba_list_at(DbaRehearsedStatement, &stage->rehearsal->statements, 0));
    }
  if (!found) {
    number = stage->rehearsal->statements.n;
    found = dba_list_add(stage->arena, &stage->rehearsal->statements, sizeof *found);
    *found = (DbaRehearsedStatement){.sql = sql, .line = item->item.place.line};
  }
  found->tries++;
  found->begin_ms = (double)(from_us - stage->begin_us) / 1e3;
  found->ms = (double)(to_us - from_us) / 1e3;
  dba_rehearsal_look_at_locks(stage->looking, dba_server_pid(dba_lab_session_server(stage->session)), stage->arena, number, found->begin_ms,
                              &stage->held);
}

static void tell_line(void *data, const char *line) {
  const Stage *stage = data;
  progress(stage->options, "%s", line);
}

// A failure of the migration is kept; one of the lab, or the user's, ends the drive.
static bool run_it(void *data, GError **error) {
  Stage *stage = data;
  const DbaRehearseOptions *options = stage->options;
  g_autoptr(GError) problem = NULL;
  unsigned n;
  DbaRunOptions run = {.to = stage->migration->label,
                       .rehearsal = "this is it",
                       .undo = "this is a rehearsal",
                       .lock_timeout_seconds = options->lock_timeout_seconds,
                       .statement_timeout_seconds = options->statement_timeout_seconds,
                       .wait_seconds = 10,
                       .tries = options->tries,
                       .interrupt = options->interrupt,
                       .progress = tell_line,
                       .ran = note_statement,
                       .data = stage,
                       .session = stage->session};
  stage->begin_us = g_get_monotonic_time();
  if (dba_migrations_up(dba_lab_session_server(stage->session), stage->migrations, &run, &n, &problem))
    return true;
  if (g_error_matches(problem, DBA_ERROR, DBA_ERROR_INTERRUPTED) || g_error_matches(problem, DBA_ERROR, DBA_ERROR_LAB) ||
      g_error_matches(problem, DBA_ERROR, DBA_ERROR_CONNECT)) {
    g_propagate_error(error, g_steal_pointer(&problem));
    return false;
  }
  stage->problem = g_steal_pointer(&problem);
  return true;
}

// ---- what came of it ------------------------------------------------------------------------------------------------

// Without those that there would have been anyway: as many for each run as before, and some more by chance.
static int64_t new_errors(const DbaDriven *driven) {
  double rate = driven->before_runs ? (double)driven->before_errors / (double)driven->before_runs : 0,
         usual = rate * (double)driven->since_runs;
  int64_t chance = driven->before_errors ? (int64_t)ceil(usual + 3 * sqrt(usual) + 1) : 0;
  return MAX(0, driven->during_errors - chance);
}

static void take_clients(DbaArena *arena, const DbaDriveResult *result, DbaRehearsal *rehearsal) {
  for (DBA_EACH(DbaDriven, driven, &result->driven)) {
    DbaRehearsedClient *client = dba_list_add(arena, &rehearsal->workload, sizeof *client);
    *client = (DbaRehearsedClient){.sql = dba_rehearsal_without_literals(arena, driven->sql),
                                   .text = driven->sql,
                                   .runs = driven->runs,
                                   .during_runs = driven->during_runs,
                                   .before_p50_ms = driven->before_p50_ms,
                                   .before_p99_ms = driven->before_p99_ms,
                                   .before_worst_ms = driven->before_worst_ms,
                                   .during_p95_ms = driven->during_p95_ms,
                                   .during_p99_ms = driven->during_p99_ms,
                                   .during_worst_ms = driven->during_ms,
                                   .before_errors = driven->before_errors,
                                   .during_errors = driven->during_errors,
                                   .prepared_again = driven->prepared_again,
                                   .error = driven->error ? dba_rehearsal_without_values(arena, driven->error) : NULL};
    rehearsal->client_errors += new_errors(driven);
  }
}

static void find(DbaFindings *findings, Stage *stage) {
  const DbaRehearsal *rehearsal = stage->rehearsal;
  if (stage->problem) {
    g_autofree char *message = g_strdup(stage->problem->message), *label = g_strdup_printf("up of %s: ", stage->migration->label);
    DbaOutcome outcome = {.message = g_str_has_prefix(message, label) ? message + strlen(label) : message};
    (void)dba_judge_failure(findings, "rehearsal-fails", stage->migration, stage->migration->up, "it fails on rows like production's",
                            &outcome);
    return;
  }
  for (DBA_EACH_TEXT(problem, &rehearsal->problems)) {
    DbaFinding *finding = dba_judge_add(findings, "rehearsal-over-limit", stage->migration, stage->migration->up, "%s", *problem);
    const DbaRehearsedStatement *worst = dba_rehearsal_worst(rehearsal);
    if (worst)
      finding->line = worst->line;
    finding->risk.duration_ms = rehearsal->longest_wait_ms;
  }
}

// ---- one after another ----------------------------------------------------------------------------------------------

// What clients wrote while it ran: as much for each run as before.
static int64_t clients_wal(const DbaDriveResult *result) {
  double before = 0, during = 0;
  for (DBA_EACH(DbaDriven, driven, &result->driven)) {
    before += (double)driven->before_runs;
    during += (double)driven->during_runs;
  }
  return before > 0 ? (int64_t)((double)result->wal_before_bytes / before * during) : 0;
}

// What could not be run, or not be seen: the latter is no proof.
static void take_refused(DbaArena *arena, const DbaDriveResult *result, DbaRehearsal *rehearsal) {
  for (DBA_EACH_TEXT(line, &result->refused)) {
    dba_list_add_text(arena, &rehearsal->not_run, dba_rehearsal_without_values(arena, *line));
  }
  if (result->waits_missed)
    dba_list_add_text(arena, &rehearsal->problems, "waits for locks were seen only in part");
}

static bool rehearse_one(Stage *stage, DbaFindings *findings, GError **error) {
  const DbaRehearseOptions *options = stage->options;
  g_autoptr(DbaServer) looking = dba_lab_connect(options->lab, DBA_LAB_SUPERUSER, options->database, error);
  g_autoptr(DbaSurvey) now = looking ? dba_server_survey(looking, options->database, DBA_SURVEY_NUMBERS, error) : NULL;
  if (!now || !dba_server_exec(looking, "checkpoint", error))
    return false;
  g_autoptr(DbaLoad) load = dba_load_new();
  g_autoptr(DbaLabSession) session = dba_lab_session_open(options->lab, options->database, NULL, load, error);
  if (!session)
    return false;
  stage->session = session;
  stage->looking = looking;
  DbaDriveResult result = {.arena = stage->arena, .lag_seconds = -1};
  DbaDrive drive = {.lab = options->lab,
                    .database = options->database,
                    .role = DBA_LAB_SUBJECT_ROLE,
                    .survey = now,
                    .statements = options->statements,
                    .instead = options->instead,
                    .clients = options->clients,
                    .rate = options->rate,
                    .seconds = options->before_seconds,
                    .tail_seconds = options->after_seconds,
                    .seed = options->seed,
                    .timeout_ms = 60000,
                    .work = run_it,
                    .work_data = stage,
                    .work_pid = dba_server_pid(dba_lab_session_server(session)),
                    .interrupt = options->interrupt,
                    .progress = options->progress,
                    .progress_data = options->progress_data};
  progress(options, "%s: %u clients, then the migration", stage->migration->label, options->clients);
  if (!dba_lab_drive(&drive, &result, error))
    return false;
  DbaRehearsal *rehearsal = stage->rehearsal;
  take_clients(stage->arena, &result, rehearsal);
  dba_rehearsal_take_waits(stage->arena, &result, &stage->held, rehearsal);
  take_refused(stage->arena, &result, rehearsal);
  rehearsal->load = result.took_instead ? DBA_LOAD_BY_KEYS : options->load;
  rehearsal->duration_ms = result.work_ms;
  rehearsal->lag_seconds = result.lag_seconds;
  rehearsal->disk_bytes = result.disk_peak_bytes - result.disk_before_bytes;
  rehearsal->wal_bytes = MAX(0, result.wal_bytes - clients_wal(&result));
  dba_rehearsal_judge(stage->arena, rehearsal);
  if (stage->problem) {
    rehearsal->passed = false;
    dba_list_add_text(stage->arena, &rehearsal->problems, dba_rehearsal_without_values(stage->arena, stage->problem->message));
  }
  find(findings, stage);
  return true;
}

bool dba_migrations_rehearse(const DbaMigrations *migrations, const GPtrArray *pending, const DbaRehearseOptions *options,
                             DbaFindings *findings, DbaArena *arena, DbaList *ret_rehearsals, GError **error) {
  bool ok = true, failed = false;
  for (guint i = 0; ok && !failed && i < pending->len; i++) {
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();
    g_autofree char *at = g_date_time_format(now, "%Y-%m-%d %H:%M:%S");
    const DbaMigration *migration = pending->pdata[i];
    DbaRehearsal rehearsal = {.migration = migration->label,
                              .checksum = migration->up->checksum,
                              .rehearsed_at = dba_arena_text(arena, at),
                              .subject = dba_arena_text(arena, options->subject->subject),
                              .survey_taken_at = dba_arena_text(arena, options->subject->server.taken_at),
                              .server = dba_arena_format(arena, "PostgreSQL %s (%s), fsync on", dba_lab_version(options->lab),
                                                         dba_lab_binaries(options->lab)->origin),
                              .rows = options->rows,
                              .subject_bytes = options->subject->server.size_bytes,
                              .percent = options->percent,
                              .clients = options->clients,
                              .rate = options->rate,
                              .limits = *options->limits,
                              .again = options->again};
    Stage stage = {.migrations = migrations, .migration = migration, .options = options, .arena = arena, .rehearsal = &rehearsal};
    ok = rehearse_one(&stage, findings, error);
    failed = stage.problem != NULL;
    g_clear_error(&stage.problem);
    if (ok)
      *(DbaRehearsal *)dba_list_add(arena, ret_rehearsals, sizeof rehearsal) = rehearsal;
  }
  return ok;
}

// ---- the stand-in's history -----------------------------------------------------------------------------------------

bool dba_rehearsal_prepare(const DbaLab *lab, const char *database, const DbaMigrations *migrations, const GPtrArray *pending,
                           GError **error) {
  g_autoptr(DbaServer) server = dba_lab_connect_as_person(lab, DBA_LAB_SUBJECT_ROLE, database, error);
  g_autoptr(DbaArena) arena = dba_arena_new();
  DbaHistory history;
  if (!server || !dba_server_exec(server, "drop schema if exists dbarch cascade", error) ||
      !dba_history_read(server, migrations, arena, &history, error))
    return false;
  if (history.foreign) { // its rows were made up, as all rows here
    g_autofree char *drop = g_strdup_printf("drop table %s cascade", history.foreign_table);
    if (!dba_server_exec(server, drop, error))
      return false;
  }
  history = (DbaHistory){.arena = arena};
  if (!dba_history_create(server, migrations, &history, error))
    return false;
  for (DBA_EACH(DbaMigration, migration, &migrations->migrations))
    if (migration->up && !g_ptr_array_find((GPtrArray *)(uintptr_t)pending, migration, NULL) &&
        !dba_history_add(server, migration, "applied", &(DbaHistoryNote){.taken_from = "baseline"}, 0, error))
      return false;
  return true;
}

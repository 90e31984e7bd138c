// SPDX-License-Identifier: Apache-2.0
// A migration rehearsed: run by the runner itself, on rows like production's, while clients run production's workload.
//
// What clients feel is measured where they are: how long their statements took before and meanwhile, which of them waited for a lock that the
// migration held or asked for, which failed.  What it costs the server is the difference of two looks at WAL and disk.  Where the stand-in is
// smaller than production, a wait is also judged as if it grew in proportion: what passes only because it is small has not passed.
#include "migrate/run-int.h"

#include "lab/driving.h"
#include "migrate/verify-int.h"

#include <math.h>
#include <string.h>

enum { INSTANT_MS = 25 }; // two looks of the watcher: nothing that grows

#define F(member, kind) DBA_FIELD(T, member, kind, 0)
#define T DbaRehearsedStatement
static const DbaField statement_fields[] = {
    F(sql, TEXT),    F(line, INT), F(tries, INT), F(begin_ms, REAL), F(ms, REAL), F(longest_wait_ms, REAL), F(waits, INT), F(held, TEXT),
    F(waiter, TEXT), {0}};
static const DbaRecord statement_record = {"statement", sizeof(T), statement_fields};
#undef T
#define T DbaRehearsedClient
static const DbaField client_fields[] = {F(sql, TEXT),           F(runs, INT),           F(during_runs, INT),
                                         F(before_p50_ms, REAL), F(before_p99_ms, REAL), F(before_worst_ms, REAL),
                                         F(during_p95_ms, REAL), F(during_p99_ms, REAL), F(during_worst_ms, REAL),
                                         F(waited_ms, REAL),     F(before_errors, INT),  F(during_errors, INT),
                                         F(prepared_again, INT), F(error, TEXT),         {0}};
static const DbaRecord client_record = {"statement of the workload", sizeof(T), client_fields};
#undef T
#define T DbaLimits
static const DbaField limit_fields[] = {F(client_wait_ms, REAL),     F(client_errors, INT),
                                        F(duration_seconds, REAL),   F(disk_bytes, INT),
                                        F(wal_bytes, INT),           F(replication_lag_seconds, REAL),
                                        F(survey_age_seconds, REAL), {0}};
static const DbaRecord limits_record = {"limits", sizeof(T), limit_fields};
#undef T
#define T DbaRehearsal
static const DbaField rehearsal_fields[] = {F(migration, TEXT),
                                            F(checksum, TEXT),
                                            F(passed, BOOL),
                                            F(problems, TEXTS),
                                            F(rehearsed_at, TEXT),
                                            F(subject, TEXT),
                                            F(survey_taken_at, TEXT),
                                            F(server, TEXT),
                                            F(rows, TEXT),
                                            F(subject_bytes, INT),
                                            F(percent, REAL),
                                            F(clients, INT),
                                            F(rate, REAL),
                                            F(not_run, TEXTS),
                                            DBA_FIELD_IN(T, limits, limits_record, 0),
                                            F(duration_ms, REAL),
                                            F(longest_wait_ms, REAL),
                                            F(waits, INT),
                                            F(client_errors, INT),
                                            F(wal_bytes, INT),
                                            F(disk_bytes, INT),
                                            F(lag_seconds, REAL),
                                            DBA_FIELD_OF(T, statements, statement_record, 0),
                                            DBA_FIELD_OF(T, workload, client_record, 0),
                                            F(again, TEXT),
                                            {0}};
const DbaRecord dba_rehearsal_record = {"rehearsal", sizeof(T), rehearsal_fields};
#undef T
#undef F

// One migration under rehearsal.
typedef struct Stage {
  const DbaMigrations *migrations;
  const DbaMigration *migration;
  const DbaRehearseOptions *options;
  DbaLabSession *session;
  DbaArena *arena;
  DbaRehearsal *rehearsal;
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
  (void)ok;
  const char *sql = dba_arena_text_n(stage->arena, item->item.text, item->item.length);
  for (DBA_EACH(DbaRehearsedStatement, statement, &stage->rehearsal->statements))
    if (statement->line == item->item.place.line && !strcmp(statement->sql, sql))
      found = statement; // another try of the same
  if (!found) {
    found = dba_list_add(stage->arena, &stage->rehearsal->statements, sizeof *found);
    *found = (DbaRehearsedStatement){.sql = sql, .line = item->item.place.line};
  }
  found->tries++;
  found->begin_ms = (double)(from_us - stage->begin_us) / 1e3;
  found->ms = (double)(to_us - from_us) / 1e3;
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
                       .tries = 10,
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

// The statement of the migration that most of a wait lies in; a wait after the last, for its commit, is the last one's.
static DbaRehearsedStatement *statement_of(DbaRehearsal *rehearsal, double from_ms, double to_ms) {
  DbaRehearsedStatement *best = NULL;
  double most = -1;
  for (DBA_EACH(DbaRehearsedStatement, statement, &rehearsal->statements)) {
    double shared = fmin(to_ms, statement->begin_ms + statement->ms) - fmax(from_ms, statement->begin_ms);
    if (!best || shared > most || (shared <= 0 && most <= 0 && statement->begin_ms <= from_ms)) {
      best = statement;
      most = shared;
    }
  }
  return best;
}

// A receipt is committed: keys and rows that the server quotes stay out, and so do literals.
static const char *without_values(DbaArena *arena, const char *message) {
  static const char *const quotes[] = {"; Key (", "; Failing row", "\nDETAIL"};
  size_t length = strlen(message);
  for (size_t i = 0; i < G_N_ELEMENTS(quotes); i++) {
    const char *found = strstr(message, quotes[i]);
    length = found ? MIN(length, (size_t)(found - message)) : length;
  }
  return dba_arena_text_n(arena, message, length);
}

static const char *without_literals(DbaArena *arena, const char *sql) {
  DbaList tokens = {0};
  g_autoptr(GString) out = g_string_new(NULL);
  size_t at = 0;
  dba_sql_read_tokens(sql, arena, &tokens);
  for (DBA_EACH(DbaSqlToken, token, &tokens)) {
    if (token->kind == DBA_SQL_A_COMMENT)
      continue;
    g_string_append_len(out, sql + at, (gssize)(token->offset - at));
    g_string_append_c(out, '?');
    at = token->offset + token->length;
  }
  g_string_append(out, sql + at);
  return dba_arena_text(arena, out->str);
}

static void take_waits(DbaArena *arena, const DbaDriveResult *result, DbaRehearsal *rehearsal) {
  for (DBA_EACH(DbaWait, wait, &result->waits)) {
    if (!wait->for_work)
      continue;
    double from = wait->begin_ms - result->work_begin_ms;
    rehearsal->waits++;
    rehearsal->longest_wait_ms = fmax(rehearsal->longest_wait_ms, wait->ms);
    DbaRehearsedStatement *statement = statement_of(rehearsal, from, from + wait->ms);
    if (statement) {
      statement->waits++;
      if (wait->ms > statement->longest_wait_ms) {
        statement->longest_wait_ms = wait->ms;
        statement->held =
            !wait->relation ? "a row" : dba_arena_format(arena, "%s on %s", wait->held ? wait->held : wait->mode, wait->relation);
        statement->waiter = without_literals(arena, wait->waiter);
      }
    }
    for (DBA_EACH(DbaRehearsedClient, client, &rehearsal->workload))
      if (*wait->waiter && g_str_has_prefix(client->text, wait->waiter)) // the server shows the first 1,024 bytes
        client->waited_ms = fmax(client->waited_ms, wait->ms);
  }
}

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
    *client = (DbaRehearsedClient){.sql = without_literals(arena, driven->sql),
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
                                   .error = driven->error ? without_values(arena, driven->error) : NULL};
    rehearsal->client_errors += new_errors(driven);
  }
}

// ---- the verdict ----------------------------------------------------------------------------------------------------

static const char *clip(DbaArena *arena, const char *sql) {
  enum { SHOWN = 100 };
  g_autofree char *line = dba_text_printable(sql, false);
  if (g_utf8_strlen(line, -1) <= SHOWN)
    return dba_arena_text(arena, line);
  g_autofree char *cut = g_utf8_substring(line, 0, SHOWN);
  return dba_arena_format(arena, "%s ...", cut);
}

static void fail(DbaArena *arena, DbaRehearsal *rehearsal, const char *format, ...) DBA_PRINTF(3, 4);
static void fail(DbaArena *arena, DbaRehearsal *rehearsal, const char *format, ...) {
  va_list args;
  va_start(args, format);
  g_autofree char *text = g_strdup_vprintf(format, args);
  va_end(args);
  dba_list_add_text(arena, &rehearsal->problems, text);
}

static void judge_waits(DbaArena *arena, DbaRehearsal *rehearsal) {
  double limit = rehearsal->limits.client_wait_ms, share = rehearsal->percent / 100;
  const DbaRehearsedStatement *worst = NULL;
  for (DBA_EACH(DbaRehearsedStatement, statement, &rehearsal->statements))
    if (!worst || statement->longest_wait_ms > worst->longest_wait_ms)
      worst = statement;
  g_autofree char *allowed = dba_text_duration(limit), *waited = dba_text_duration(rehearsal->longest_wait_ms),
                  *grown = dba_text_duration(rehearsal->longest_wait_ms / share);
  const char *where = worst && worst->waits ? dba_arena_format(arena, ", for line %d: %s", (int)worst->line, clip(arena, worst->sql)) : "";
  if (limit <= 0)
    return;
  if (rehearsal->longest_wait_ms > limit)
    fail(arena, rehearsal, "clients waited up to %s for it (limit %s)%s", waited, allowed, where);
  else if (share < 1 && rehearsal->longest_wait_ms > INSTANT_MS && rehearsal->longest_wait_ms / share > limit)
    fail(
        arena, rehearsal,
        "clients waited up to %s for it on %.3g %% of the rows: on all of them that may be %s (limit %s)%s (hint: rehearse with more rows)",
        waited, rehearsal->percent, grown, allowed, where);
  for (DBA_EACH(DbaRehearsedClient, client, &rehearsal->workload)) {
    if (client->during_worst_ms - client->before_worst_ms <= limit || client->waited_ms > limit)
      continue;
    g_autofree char *during = dba_text_duration(client->during_worst_ms), *before = dba_text_duration(client->before_worst_ms);
    fail(arena, rehearsal, "a client's statement took up to %s meanwhile, %s before (limit %s more): %s", during, before, allowed,
         clip(arena, client->sql));
    break; // the rest is of the same kind, and in the list
  }
}

static void judge(DbaArena *arena, DbaRehearsal *rehearsal) {
  const DbaLimits *limits = &rehearsal->limits;
  double share = rehearsal->percent / 100, duration_ms = rehearsal->duration_ms / share;
  judge_waits(arena, rehearsal);
  if (rehearsal->client_errors > limits->client_errors) {
    const DbaRehearsedClient *first = NULL;
    for (DBA_EACH(DbaRehearsedClient, client, &rehearsal->workload))
      if (client->during_errors && (!first || client->during_errors > first->during_errors))
        first = client;
    fail(arena, rehearsal, "clients saw %d errors since it began (limit %d): %s: %s", (int)rehearsal->client_errors,
         (int)limits->client_errors, first ? clip(arena, first->sql) : "?", first && first->error ? first->error : "?");
  }
  if (limits->duration_seconds > 0 && duration_ms > limits->duration_seconds * 1e3) {
    g_autofree char *took = dba_text_duration(duration_ms), *allowed = dba_text_duration(limits->duration_seconds * 1e3);
    fail(arena, rehearsal, "it takes %s%s (limit %s)", took, share < 1 ? " on all rows, by proportion" : "", allowed);
  }
  const struct {
    const char *what;
    int64_t bytes, limit;
  } sizes[] = {{"of disk more while it runs", rehearsal->disk_bytes, limits->disk_bytes},
               {"of WAL", rehearsal->wal_bytes, limits->wal_bytes}};
  for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
    int64_t bytes = (int64_t)((double)sizes[i].bytes / share);
    if (sizes[i].limit <= 0 || bytes <= sizes[i].limit)
      continue;
    g_autofree char *needs = dba_text_bytes(bytes), *allowed = dba_text_bytes(sizes[i].limit);
    fail(arena, rehearsal, "it needs %s %s%s (limit %s)", needs, sizes[i].what, share < 1 ? ", by proportion" : "", allowed);
  }
  if (limits->replication_lag_seconds > 0 && rehearsal->lag_seconds > limits->replication_lag_seconds)
    fail(arena, rehearsal, "a replica fell behind by %.1f s (limit %.1f s)", rehearsal->lag_seconds, limits->replication_lag_seconds);
  rehearsal->passed = !rehearsal->problems.n;
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
    const DbaRehearsedStatement *worst = NULL;
    for (DBA_EACH(DbaRehearsedStatement, statement, &rehearsal->statements))
      if (!worst || statement->longest_wait_ms > worst->longest_wait_ms)
        worst = statement;
    if (worst && worst->waits)
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
    dba_list_add_text(arena, &rehearsal->not_run, without_values(arena, *line));
    if (g_str_has_prefix(*line, "waits for locks were seen only in part"))
      dba_list_add_text(arena, &rehearsal->problems, *line);
  }
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
  DbaDriveResult result = {.arena = stage->arena, .lag_seconds = -1};
  DbaDrive drive = {.lab = options->lab,
                    .database = options->database,
                    .role = DBA_LAB_SUBJECT_ROLE,
                    .survey = now,
                    .statements = options->statements,
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
  take_waits(stage->arena, &result, rehearsal);
  take_refused(stage->arena, &result, rehearsal);
  rehearsal->duration_ms = result.work_ms;
  rehearsal->lag_seconds = result.lag_seconds;
  rehearsal->disk_bytes = result.disk_peak_bytes - result.disk_before_bytes;
  rehearsal->wal_bytes = MAX(0, result.wal_bytes - clients_wal(&result));
  judge(stage->arena, rehearsal);
  if (stage->problem) {
    rehearsal->passed = false;
    dba_list_add_text(stage->arena, &rehearsal->problems, without_values(stage->arena, stage->problem->message));
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

// ---- receipts -------------------------------------------------------------------------------------------------------

static char *receipt_path(const char *folder, const char *label) {
  g_autofree char *name = g_strdelimit(g_strconcat(label, ".json", NULL), "/", '-');
  return g_build_filename(folder, name, NULL);
}

bool dba_rehearsal_write(const char *folder, const DbaRehearsal *rehearsal, GError **error) {
  g_autofree char *path = receipt_path(folder, rehearsal->migration);
  g_autoptr(DbaJson) json = dba_json_new();
  dba_json_put(json, "rehearsal", &dba_rehearsal_record, rehearsal, 0);
  g_autofree char *text = dba_json_text(json);
  return dba_file_write(path, text, strlen(text), error);
}

typedef struct Receipt {
  DbaRehearsal rehearsal;
} Receipt;
static const DbaField receipt_fields[] = {DBA_FIELD_IN(Receipt, rehearsal, dba_rehearsal_record, 0), {0}};
static const DbaRecord receipt_record = {"receipt", sizeof(Receipt), receipt_fields};

bool dba_rehearsal_read(const char *folder, const DbaMigration *migration, DbaArena *arena, DbaRehearsal **ret_rehearsal, GError **error) {
  g_autofree char *path = receipt_path(folder, migration->label), *text = NULL;
  size_t length;
  *ret_rehearsal = NULL;
  if (!g_file_test(path, G_FILE_TEST_EXISTS))
    return true;
  Receipt *receipt = dba_arena_new0(arena, Receipt);
  if (!dba_file_read(path, &text, &length, error) || !dba_json_read(arena, path, text, length, &receipt_record, receipt, error))
    return false;
  *ret_rehearsal = &receipt->rehearsal;
  return true;
}

// Seconds since a survey was taken; negative where that is not known.
static double age_of(const char *taken_at) {
  g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
  g_autoptr(GDateTime) then = taken_at ? g_date_time_new_from_iso8601(taken_at, utc) : NULL, now = g_date_time_new_now_utc();
  return then ? (double)g_date_time_difference(now, then) / G_USEC_PER_SEC : -1;
}

const char *dba_rehearsal_refusal(const DbaRehearsal *rehearsal, const DbaMigration *migration, double survey_age_seconds,
                                  int64_t target_bytes, DbaArena *arena) {
  enum { SMALL_BYTES = 256 << 20 };
  if (!rehearsal)
    return "it was not rehearsed on production-like data";
  if (g_strcmp0(rehearsal->checksum, migration->up->checksum))
    return dba_arena_format(arena, "another text of it was rehearsed on %.10s: it was edited since",
                            rehearsal->rehearsed_at ? rehearsal->rehearsed_at : "?");
  if (!rehearsal->passed)
    return dba_arena_format(arena, "its rehearsal on %.10s did not pass: %s", rehearsal->rehearsed_at ? rehearsal->rehearsed_at : "?",
                            rehearsal->problems.n ? dba_list_text(&rehearsal->problems, 0) : "?");
  if (rehearsal->subject_bytes > 0 && target_bytes > 4 * rehearsal->subject_bytes && target_bytes > SMALL_BYTES) {
    g_autofree char *was = dba_text_bytes(rehearsal->subject_bytes), *is = dba_text_bytes(target_bytes);
    return dba_arena_format(arena, "it was rehearsed for a database of %s, and this one has %s", was, is);
  }
  double age = age_of(rehearsal->survey_taken_at);
  if (survey_age_seconds > 0 && (age < 0 || age > survey_age_seconds)) {
    g_autofree char *old = dba_text_duration(age * 1e3), *allowed = dba_text_duration(survey_age_seconds * 1e3);
    return age < 0 ? "nobody knows when the survey was taken that its rehearsal stood on"
                   : dba_arena_format(arena, "the survey that its rehearsal stood on is %s old (limit %s)", old, allowed);
  }
  return NULL;
}

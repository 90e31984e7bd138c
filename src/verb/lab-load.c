// SPDX-License-Identifier: Apache-2.0
// dbarch lab load: clients that run a workload, and what a change does to them meanwhile.
//
// Statements come from the command line, --workload, or the subject's own pg_stat_statements, each as often as it was called there; all
// else on the command line is the change, which begins when a third of the time is over.
#include "verb/verb.h"

#include "lab/driving.h"

#include <string.h>

enum { MOST_STATEMENTS = 100, SHOWN_WAITS = 10 };

static bool choose_statements(const DbaRequest *request, const DbaLabRows *rows, const DbaLabSql *sql, DbaArena *arena, DbaAnswer *answer,
                              DbaList *ret_statements, GError **error) {
  g_autoptr(DbaSurvey) own = NULL;
  const DbaSurvey *survey = rows->survey;
  uint32_t left_out = 0;
  for (DBA_EACH(DbaLabStatement, statement, &sql->statements))
    *(DbaDriveStatement *)dba_list_add(arena, ret_statements, sizeof(DbaDriveStatement)) = (DbaDriveStatement){statement->sql, 1};
  if (request->workload) { // then nothing else
    own = dba_survey_new();
    if (!dba_subject_read_workload(own, request->workload, error))
      return false;
    survey = own;
  }
  for (DBA_EACH(DbaWorkloadStatement, statement, survey && (own || !ret_statements->n) ? &survey->workload : &(DbaList){0}))
    if (statement->text && ret_statements->n >= MOST_STATEMENTS)
      left_out++;
    else if (statement->text)
      *(DbaDriveStatement *)dba_list_add(arena, ret_statements, sizeof(DbaDriveStatement)) =
          (DbaDriveStatement){dba_arena_text(arena, statement->text), statement->calls > 0 ? (double)statement->calls : 1};
  if (left_out)
    g_ptr_array_add(answer->warnings,
                    g_strdup_printf("%u more statements of the workload are not run: %d at most", left_out, MOST_STATEMENTS));
  return ret_statements->n ||
         dba_fail(error, DBA_ERROR_USAGE,
                  "lab load: nothing to run: the subject tells no workload (hint: --workload FILE, or statements on the command line)");
}

// ---- the answer -----------------------------------------------------------------------------------------------------

static void print_ms(GString *out, double ms) {
  g_autofree char *text = dba_text_duration(ms);
  g_string_append_printf(out, "%10s", ms > 0 ? text : "-");
}

static void print(const DbaDriveResult *result, const DbaLabRows *rows, unsigned clients, GString *out) {
  g_autofree char *runs = dba_text_count((double)result->runs);
  g_string_append_printf(
      out, "%u clients for %.1f s on %s (rows %s; PostgreSQL %s): %s runs, %.0f a second, %" G_GINT64_FORMAT " errors\n\n", clients,
      result->seconds, rows->subject, rows->rows, dba_lab_version(rows->lab), runs, (double)result->runs / result->seconds, result->errors);
  g_string_append_printf(out, "%8s%10s%10s%10s%10s%10s%8s\n", "runs", "median", "95 %", "99 %", "worst",
                         result->changes.n ? "meanwhile" : "", "errors");
  for (DBA_EACH(DbaDriven, driven, &result->driven)) {
    g_autofree char *count = dba_text_count((double)driven->runs), *sql = dba_text_printable(driven->sql, false);
    g_string_append_printf(out, "%8s", count);
    print_ms(out, driven->p50_ms);
    print_ms(out, driven->p95_ms);
    print_ms(out, driven->p99_ms);
    print_ms(out, driven->worst_ms);
    if (result->changes.n)
      print_ms(out, driven->during_ms);
    else
      g_string_append_printf(out, "%10s", "");
    g_string_append_printf(out, "%8" G_GINT64_FORMAT "  %.100s\n", driven->errors, sql);
    if (driven->prepared_again)
      g_string_append_printf(out, "%8s  prepared anew by %" G_GINT64_FORMAT " clients: cached plan must not change result type\n", "",
                             driven->prepared_again);
    if (driven->error) {
      g_autofree char *problem = dba_text_printable(driven->error, false);
      g_string_append_printf(out, "%8s  %.150s\n", "", problem);
    }
  }
  for (DBA_EACH(DbaDriveChange, change, &result->changes)) {
    g_autofree char *took = dba_text_duration(change->ms), *sql = dba_text_printable(change->sql, false);
    g_string_append_printf(out, "\nchange at %.1f s, took %s: %.200s\n%s%s%s", change->begin_ms / 1e3, took, sql,
                           change->error ? "  failed: " : "", change->error ? change->error : "", change->error ? "\n" : "");
  }
  g_string_append_printf(out, "\n%u waits for locks were seen%s\n", result->waits.n, result->waits.n ? ", the longest first" : "");
  uint32_t shown = 0;
  for (DBA_EACH(DbaWait, wait, &result->waits)) {
    g_autofree char *length = dba_text_duration(wait->ms), *waiter = dba_text_printable(wait->waiter ? wait->waiter : "?", false),
                    *holder = dba_text_printable(wait->holder ? wait->holder : "?", false);
    if (shown++ == SHOWN_WAITS)
      break;
    const char *row = wait->relation ? "" : ", of a row that another transaction has changed";
    g_string_append_printf(out, "%10s  for %s%s%s%s\n            waits  %.100s\n            holds  %.100s%s%s%s\n", length, wait->mode,
                           wait->relation ? " on " : "", wait->relation ? wait->relation : "", row, waiter, holder, wait->held ? " (" : "",
                           wait->held ? wait->held : "", wait->held ? ")" : "");
  }
}

static char *as_json(const DbaDriveResult *result, const DbaLabRows *rows, unsigned clients) {
  g_autoptr(DbaJson) json = dba_json_new();
  dba_json_put_text(json, "format", "dbarch-load");
  dba_json_put_int(json, "format_version", 1);
  dba_json_put_text(json, "subject", rows->subject);
  dba_json_put_text(json, "rows", rows->rows);
  dba_json_put_text(json, "server", dba_lab_version(rows->lab));
  dba_json_put_int(json, "clients", clients);
  dba_json_put_int(json, "runs", result->runs);
  dba_json_put_int(json, "errors", result->errors);
  dba_json_put_int(json, "ms", (int64_t)(result->seconds * 1e3));
  dba_json_put_list(json, "statements", &dba_driven_record, &result->driven, 0);
  dba_json_put_list(json, "changes", &dba_drive_change_record, &result->changes, 0);
  dba_json_put_list(json, "waits", &dba_wait_record, &result->waits, 0);
  return dba_json_text(json);
}

static void tell_progress(void *data, const char *line) { dba_request_progress(data, "changing: %.60s", line); }

static bool run(const DbaRequest *request, const DbaLabSql *sql, DbaLabRows *rows, DbaArena *arena, DbaAnswer *answer, GError **error) {
  DbaList statements = {0};
  g_autoptr(GPtrArray) changes = g_ptr_array_new();
  if (!dba_lab_rows_open(request, arena, answer, rows, error) || !choose_statements(request, rows, sql, arena, answer, &statements, error))
    return false;
  for (DBA_EACH_TEXT(change, &sql->changes))
    g_ptr_array_add(changes, (char *)(uintptr_t)*change);
  g_autoptr(DbaServer) server = dba_lab_connect(rows->lab, DBA_LAB_SUPERUSER, rows->database, error);
  g_autoptr(DbaSurvey) survey = server ? dba_server_survey(server, rows->subject, DBA_SURVEY_NUMBERS, error) : NULL;
  if (!survey || (rows->ours && !dba_lab_set_fsync(rows->lab, true, error)))
    return false;
  DbaRequest told = *request;
  DbaDriveResult result = {.arena = arena};
  DbaDrive drive = {.lab = rows->lab,
                    .database = rows->database,
                    .role = rows->role,
                    .survey = survey,
                    .statements = &statements,
                    .clients = request->clients,
                    .seconds = request->time_seconds,
                    .rate = request->rate,
                    .seed = request->seed,
                    .timeout_ms = 60000,
                    .changes = changes->len ? changes : NULL,
                    .interrupt = request->interrupt,
                    .progress = tell_progress,
                    .progress_data = &told};
  dba_request_progress(request, "%u clients", request->clients);
  if (!dba_lab_drive(&drive, &result, error))
    return false;
  for (DBA_EACH_TEXT(line, &result.refused))
    g_ptr_array_add(answer->warnings, g_strdup_printf("not run: %s", *line));
  g_autofree char *json = request->format == DBA_FORMAT_JSON ? as_json(&result, rows, request->clients) : NULL;
  if (json)
    g_string_append(answer->text, json);
  else
    print(&result, rows, request->clients, answer->text);
  return true;
}

bool dba_verb_lab_load(const DbaRequest *request, DbaAnswer *answer, GError **error) {
  g_autoptr(DbaArena) arena = dba_arena_new();
  DbaLabSql sql = {.arena = arena, .command = "lab load"};
  DbaLabRows rows = {0};
  bool ok = dba_lab_sql_read(request, &sql, error) && run(request, &sql, &rows, arena, answer, error);
  dba_lab_rows_clear(&rows);
  return ok;
}

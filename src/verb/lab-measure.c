// SPDX-License-Identifier: Apache-2.0
// dbarch lab measure: what a change gains, in numbers, on rows.
//
// What stands in the words is SQL: statements that read or write rows are measured, all else is the change.  Two clones of one
// database, the change made in one of them, runs interleaved (lab/measuring.h).  Rows are those of a running lab, of SQL
// files, or of a stand-in made for the occasion.
#include "verb/verb.h"

#include "lab/measuring.h"

#include <string.h>

static const char BEFORE[] = "measure_before", AFTER[] = "measure_after";

typedef struct Measured {
  const char *sql;
  bool writes;
  const char *plan_before, *plan_after;
  const char *machine;
  DbaList receipts; // DbaReceipt
} Measured;

typedef struct Change {
  const char *sql;
  double ms;
} Change;

typedef struct Work {
  const DbaRequest *request;
  DbaArena *arena;
  DbaList changes;    // Change
  DbaList statements; // Measured
  DbaLabRows on;      // its database is the template of both clones
  const char *settings, *locale;
  gint64 deadline_us;
} Work;

#define F(type, member, kind) DBA_FIELD(type, member, kind, 0)
static const DbaField measured_fields[] = {F(Measured, sql, TEXT),
                                           F(Measured, plan_before, TEXT),
                                           F(Measured, plan_after, TEXT),
                                           F(Measured, machine, TEXT),
                                           DBA_FIELD_OF(Measured, receipts, dba_receipt_record, 0),
                                           {0}};
static const DbaField change_fields[] = {F(Change, sql, TEXT), F(Change, ms, REAL), {0}};
#undef F
static const DbaRecord measured_record = {"statement", sizeof(Measured), measured_fields};
static const DbaRecord change_record = {"change", sizeof(Change), change_fields};

// ---- the change -------------------------------------------------------------------------------------------------------

// What the server refuses of the user's own SQL is wrong input; always false.
static bool blame(const char *sql, GError **error) {
  if (error && g_error_matches(*error, DBA_ERROR, DBA_ERROR_DATABASE))
    (*error)->code = DBA_ERROR_INPUT;
  g_prefix_error(error, "%.80s: ", sql);
  return false;
}

static DbaServer *open_side(const Work *work, const char *database, GError **error) {
  DbaServer *server = dba_lab_connect_as_person(work->on.lab, work->on.role, database, error);
  if (server)
    dba_server_set_deadline(server, work->deadline_us);
  return server;
}

static bool make_change(const Work *work, DbaServer *server, GError **error) {
  for (DBA_EACH(Change, change, &work->changes)) {
    gint64 begin = g_get_monotonic_time();
    if (!dba_server_exec(server, change->sql, error))
      return blame(change->sql, error);
    change->ms = (double)(g_get_monotonic_time() - begin) / 1e3;
  }
  g_autoptr(DbaServer) owner = dba_lab_connect(work->on.lab, DBA_LAB_SUPERUSER, AFTER, error);
  return owner && dba_lab_analyze_new(owner, error);
}

static bool read_plan(const Work *work, DbaServer *server, const char *sql, const char **ret_plan, GError **error) {
  g_autofree char *explain = g_strconcat("explain (costs off) ", sql, NULL);
  g_autoptr(DbaResult) plan = dba_server_query(server, explain, NULL, error);
  if (!plan)
    return blame(sql, error);
  g_autoptr(GString) text = g_string_new(NULL);
  for (int row = 0; row < dba_result_rows(plan); row++)
    g_string_append_printf(text, "%s%s", row ? "\n" : "", dba_result_text(plan, row, 0));
  *ret_plan = dba_arena_text(work->arena, text->str);
  return true;
}

// ---- the measuring ----------------------------------------------------------------------------------------------------

static bool same_text(int round, void *data, GString *prepare, GString *sql, GError **error) {
  (void)round, (void)prepare, (void)error;
  g_string_append(sql, data);
  return true;
}

static char *command(const Work *work) {
  GString *text = g_string_new("dbarch lab measure");
  for (const char *const *word = work->request->words + 1; *word; word++) {
    g_autofree char *hidden = dba_text_hide_password(*word), *quoted = g_shell_quote(hidden);
    g_string_append_printf(text, " %s", quoted);
  }
  return g_string_free(text, FALSE);
}

static bool measure(Work *work, Measured *measured, DbaServer *admin, DbaServer *before, DbaServer *after, GError **error) {
  enum { LEAST = 9, MOST = 25, PATIENCE_MS = 10000, COLD_PATIENCE_MS = 30000 };
  bool cold = work->request->cold;
  if (!read_plan(work, before, measured->sql, &measured->plan_before, error) ||
      !read_plan(work, after, measured->sql, &measured->plan_after, error))
    return false;
  g_auto(DbaComparison) comparison = {.lab = work->on.lab,
                                      .admin = admin,
                                      .before = before,
                                      .after = after,
                                      .before_name = BEFORE,
                                      .after_name = AFTER,
                                      .text = same_text,
                                      .data = (void *)(uintptr_t)measured->sql,
                                      .least = LEAST,
                                      .most = MOST,
                                      .patience_ms = cold ? COLD_PATIENCE_MS : PATIENCE_MS,
                                      .modules = work->request->home.modules,
                                      .cold = cold};
  if (!dba_compare(&comparison, error))
    return blame(measured->sql, error);
  g_autofree char *again = command(work), *machine = dba_comparison_machine(&comparison);
  measured->machine = dba_arena_text(work->arena, machine);
  DbaReceipt frame = {.method = dba_arena_format(work->arena, "the statement, %u runs each, interleaved, caches %s%s", comparison.n,
                                                 cold ? "cold" : "warm", measured->writes ? ", rolled back" : ""),
                      .server = dba_arena_format(work->arena, "PostgreSQL %s", dba_lab_version(work->on.lab)),
                      .locale = work->locale,
                      .settings = work->settings,
                      .rows_origin = work->on.rows,
                      .rows = work->on.subject,
                      .repeat = dba_arena_text(work->arena, again),
                      .seed = (int64_t)work->request->seed};
  (void)dba_comparison_receipts(&comparison, &frame, measured->writes, work->arena, &measured->receipts);
  return true;
}

static bool measure_all(Work *work, GError **error) {
  g_autoptr(DbaServer) admin = dba_lab_connect(work->on.lab, DBA_LAB_SUPERUSER, "postgres", error);
  g_autoptr(DbaServer) before = admin ? open_side(work, BEFORE, error) : NULL;
  g_autoptr(DbaServer) after = before ? open_side(work, AFTER, error) : NULL;
  if (!after || !dba_lab_describe(admin, work->arena, &work->settings, &work->locale, error))
    return false;
  dba_request_progress(work->request, "making the change");
  if (!make_change(work, after, error))
    return false;
  unsigned done = 0;
  for (DBA_EACH(Measured, measured, &work->statements)) {
    dba_request_progress(work->request, "measuring %u of %u", ++done, work->statements.n);
    if (!measure(work, measured, admin, before, after, error))
      return false;
  }
  return true;
}

static bool run(Work *work, GError **error) {
  if (work->on.ours && !dba_lab_set_fsync(work->on.lab, true, error))
    return false;
  dba_request_progress(work->request, "cloning the rows");
  bool ok = dba_lab_drop_database(work->on.lab, BEFORE, error) && dba_lab_drop_database(work->on.lab, AFTER, error) &&
            dba_lab_create_database(work->on.lab, BEFORE, work->on.database, error) &&
            dba_lab_create_database(work->on.lab, AFTER, work->on.database, error) && measure_all(work, error);
  if (!work->on.ours) { // nothing is left behind
    g_autoptr(GError) problem = NULL;
    if (!dba_lab_drop_database(work->on.lab, BEFORE, &problem) || !dba_lab_drop_database(work->on.lab, AFTER, &problem)) {
      if (ok)
        g_propagate_error(error, g_steal_pointer(&problem));
      ok = false;
    }
  }
  return ok;
}

// ---- the answer -------------------------------------------------------------------------------------------------------

static void print_plan(const char *label, const char *plan, GString *out) {
  g_auto(GStrv) lines = g_strsplit(plan, "\n", -1);
  for (char **line = lines; *line; line++) {
    g_autofree char *safe = dba_text_printable(*line, false);
    g_string_append_printf(out, "  %-8s %s\n", line == lines ? label : "", safe);
  }
}

static void print(const Work *work, GString *out) {
  g_string_append_printf(out, "%s: rows %s; PostgreSQL %s, %s\n", work->on.subject, work->on.rows, dba_lab_version(work->on.lab),
                         work->settings);
  for (DBA_EACH(Change, change, &work->changes)) {
    g_autofree char *sql = dba_text_printable(change->sql, false), *took = dba_text_duration(change->ms);
    g_string_append_printf(out, "change   %.200s  (%s)\n", sql, took);
  }
  if (!work->changes.n)
    g_string_append(out, "no change: both sides are alike, and what differs is the noise\n");
  for (DBA_EACH(Measured, measured, &work->statements)) {
    g_autofree char *sql = dba_text_printable(measured->sql, false);
    g_string_append_printf(out, "\n%.200s\n", sql);
    for (DBA_EACH(DbaReceipt, receipt, &measured->receipts)) {
      g_autofree char *line = dba_report_receipt(receipt);
      g_string_append_printf(out, "  %s\n", line);
    }
    if (strcmp(measured->machine, "steady"))
      g_string_append_printf(out, "  machine  %s\n", measured->machine);
    if (!strcmp(measured->plan_before, measured->plan_after)) {
      print_plan("plan", measured->plan_before, out);
      continue;
    }
    print_plan("before", measured->plan_before, out);
    print_plan("after", measured->plan_after, out);
  }
}

static char *as_json(const Work *work) {
  g_autoptr(DbaJson) json = dba_json_new();
  dba_json_put_text(json, "format", "dbarch-measure");
  dba_json_put_int(json, "format_version", 1);
  dba_json_put_text(json, "subject", work->on.subject);
  dba_json_put_list(json, "change", &change_record, &work->changes, 0);
  dba_json_put_list(json, "statements", &measured_record, &work->statements, 0);
  return dba_json_text(json);
}

bool dba_verb_lab_measure(const DbaRequest *request, DbaAnswer *answer, GError **error) {
  g_autoptr(DbaArena) arena = dba_arena_new();
  Work work = {.request = request, .arena = arena};
  DbaLabSql sql = {.arena = arena, .command = "lab measure"};
  work.deadline_us = g_get_monotonic_time() + (gint64)(request->budget_seconds * G_USEC_PER_SEC);
  bool ok = dba_lab_sql_read(request, &sql, error);
  if (ok && !sql.statements.n)
    ok = dba_fail(
        error, DBA_ERROR_USAGE,
        "lab measure: name a statement to measure (hint: dbarch lab measure SUBJECT 'create index on orders (status)' 'select ...')");
  for (DBA_EACH(DbaLabStatement, statement, &sql.statements))
    *(Measured *)dba_list_add(arena, &work.statements, sizeof(Measured)) = (Measured){.sql = statement->sql, .writes = statement->writes};
  for (DBA_EACH_TEXT(change, &sql.changes))
    ((Change *)dba_list_add(arena, &work.changes, sizeof(Change)))->sql = *change;
  ok = ok && dba_lab_rows_open(request, arena, answer, &work.on, error) && run(&work, error);
  if (ok) {
    g_autofree char *json = request->format == DBA_FORMAT_JSON ? as_json(&work) : NULL;
    if (json)
      g_string_append(answer->text, json);
    else
      print(&work, answer->text);
  }
  dba_lab_rows_clear(&work.on);
  return ok;
}

// SPDX-License-Identifier: Apache-2.0
// dbarch migrate rehearse: what is pending, run on a stand-in of production while clients run its workload.
//
// Production is a survey of it, or the target itself, which is then read once.  What is pending is what the target's history says, or all from --from on.
// Each migration gets a receipt in the ledger, which `up` asks for.
#include "verb/verb.h"

#include "lab/driving.h"

#include <string.h>

enum { MOST_STATEMENTS = 100, AFTER_S = 1, SHOWN = 8 };

typedef struct Rehearsal {
  DbaArena *arena;
  DbaProject project;
  DbaMigrations *migrations;
  GPtrArray *pending; // const DbaMigration *
  GArray *borrowed;   // DbaBorrowedKey
  DbaLabRows rows;
  DbaList statements, by_keys; // DbaDriveStatement
  DbaFindings *findings;
  DbaList rehearsals; // DbaRehearsal
  const char *load;   // what clients run
} Rehearsal;

static void rehearsal_clear(Rehearsal *r) {
  g_clear_pointer(&r->pending, g_ptr_array_unref);
  g_clear_pointer(&r->borrowed, g_array_unref);
  g_clear_pointer(&r->migrations, dba_migrations_free);
  g_clear_pointer(&r->findings, dba_findings_free);
  dba_lab_rows_clear(&r->rows);
  dba_project_clear(&r->project);
  g_clear_pointer(&r->arena, dba_arena_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Rehearsal, rehearsal_clear)

// ---- what, on what --------------------------------------------------------------------------------------------------

static bool find_pending(const DbaRequest *request, Rehearsal *r, GError **error) {
  g_autoptr(DbaServer) target = NULL;
  g_autofree char *shown = NULL;
  const char *from, *to;
  bool from_file = request->survey && request->from && !request->subject_conninfo; // then what dbarch.yaml or PG* name is not asked
  if ((!from_file && !dba_migrate_connect(request, &target, &shown, error)) ||
      !(r->migrations = dba_migrate_read(request, 1, target ? dba_server_major(target) : 17, error)) ||
      !dba_migrate_find("from", request->from, r->migrations, &from, error) ||
      !dba_migrate_find("to", request->to, r->migrations, &to, error))
    return false;
  if (!target && !from)
    return dba_fail(error, DBA_ERROR_USAGE,
                    "migrate rehearse: what is pending?  name the target, whose history says it (-d), or the first with --from");
  if (!target && !request->survey)
    return dba_fail(error, DBA_ERROR_USAGE, "migrate rehearse: name production: --survey shop.json.gz, or -d");
  if (request->survey && !g_file_test(request->survey, G_FILE_TEST_IS_REGULAR))
    return dba_fail(error, DBA_ERROR_USAGE, "--survey %s: is no file", request->survey);
  DbaHistory history = {0};
  if (target && (!dba_migrate_only_read(target, error) || !dba_history_read(target, r->migrations, r->arena, &history, error)))
    return false;
  DbaList states = {0};
  bool judged = !from;
  dba_history_status(r->migrations, &history, r->arena, &states);
  for (DBA_EACH(DbaStatusRow, row, &states)) {
    judged = judged || !g_strcmp0(row->label, from);
    bool pending = row->state == DBA_STATE_PENDING || row->state == DBA_STATE_LATE;
    if (row->state == DBA_STATE_STOPPED)
      return dba_fail(error, DBA_ERROR_REFUSED,
                      "%s stopped half way on the target: its end is not rehearsed (hint: dbarch migrate up goes on with it)", row->label);
    if (!judged && target && pending)
      return dba_fail(error, DBA_ERROR_USAGE, "--from %s: %s before it is pending too", from, row->label);
    if (judged && pending && row->migration && row->migration->up)
      g_ptr_array_add(r->pending, (DbaMigration *)(uintptr_t)row->migration);
    if (to && !strcmp(row->label, to))
      break;
  }
  for (guint i = 0; i < r->pending->len; i++) {
    const DbaMigration *migration = r->pending->pdata[i];
    if (migration->up->problem)
      return dba_fail(error, DBA_ERROR_INPUT, "%s", migration->up->problem);
  }
  return true;
}

static bool choose_workload(Rehearsal *r, DbaAnswer *answer) {
  for (DBA_EACH(DbaWorkloadStatement, statement, &r->rows.survey->workload))
    if (statement->text && r->statements.n < MOST_STATEMENTS)
      *(DbaDriveStatement *)dba_list_add(r->arena, &r->statements, sizeof(DbaDriveStatement)) =
          (DbaDriveStatement){statement->text, statement->calls > 0 ? (double)statement->calls : 1};
  dba_drive_by_keys(&r->rows.survey->schema, r->arena, &r->by_keys);
  r->load = "its workload";
  if (r->statements.n)
    return true;
  r->statements = r->by_keys;
  r->load = DBA_LOAD_BY_KEYS;
  g_ptr_array_add(
      answer->warnings,
      g_strdup("production tells no workload: clients read and write its largest tables by primary key (hint: --workload FILE, or "
               "pg_stat_statements there)"));
  return r->statements.n > 0;
}

// Our own table is made anew, with what the rehearsal takes as run.
static void leave_out_history(DbaSchema *schema) {
  uint32_t kept = 0;
  for (DBA_EACH(DbaRelation, relation, &schema->relations))
    if (strcmp(relation->schema, "dbarch") != 0)
      *dba_list_at(DbaRelation, &schema->relations, kept++) = *relation;
  schema->relations.n = kept;
}

static bool prepare_survey(void *data, const DbaLab *lab, DbaSurvey *survey, GError **error) {
  Rehearsal *r = data;
  leave_out_history(&survey->schema);
  return dba_keys_borrow(lab, r->migrations, r->pending, survey, r->borrowed, error);
}

static bool drop_borrowed(const Rehearsal *r, GError **error) {
  g_autoptr(DbaServer) server = dba_lab_connect(r->rows.lab, DBA_LAB_SUPERUSER, r->rows.database, error);
  return server && dba_keys_drop_borrowed(server, r->borrowed, error);
}

static bool make_stand_in(const DbaRequest *request, Rehearsal *r, DbaAnswer *answer, GError **error) {
  const char *words[] = {"rehearse", request->survey, NULL};
  DbaRequest inner = *request;
  inner.words = words;
  inner.subject_conninfo = request->survey ? NULL : request->subject_conninfo;
  r->rows.before_rows = prepare_survey;
  r->rows.data = r;
  if (!dba_lab_rows_open(&inner, r->arena, answer, &r->rows, error) || !drop_borrowed(r, error) ||
      !dba_lab_set_time_zone(r->rows.lab, r->rows.database, r->rows.survey, error) ||
      !dba_rehearsal_prepare(r->rows.lab, r->rows.database, r->migrations, r->pending, error))
    return false;
  if (!choose_workload(r, answer))
    return dba_fail(error, DBA_ERROR_INPUT,
                    "migrate rehearse: %s has no table with rows and a primary key, and tells no workload: there is nobody to hold up",
                    r->rows.subject);
  dba_request_progress(request, "restarting the lab as production writes");
  return dba_lab_be_durable(r->rows.lab, &request->home, r->rows.survey, request->replica, error);
}

// ---- the answer -----------------------------------------------------------------------------------------------------

static void append_ms(GString *out, double ms) {
  g_autofree char *text = dba_text_duration(ms);
  g_string_append_printf(out, "%10s", ms > 0 ? text : "-");
}

static int by_during(const void *a, const void *b) {
  const DbaRehearsedClient *x = *(const DbaRehearsedClient *const *)a, *y = *(const DbaRehearsedClient *const *)b;
  return x->during_worst_ms < y->during_worst_ms ? 1 : x->during_worst_ms > y->during_worst_ms ? -1 : strcmp(x->sql, y->sql);
}

static void print_clients(GString *out, const DbaRehearsal *rehearsal, unsigned width) {
  g_autoptr(GPtrArray) clients = g_ptr_array_new();
  for (DBA_EACH(DbaRehearsedClient, client, &rehearsal->workload))
    g_ptr_array_add(clients, client);
  g_ptr_array_sort(clients, by_during);
  g_string_append_printf(out, "  %20s%30s\n", "before", "meanwhile");
  g_string_append_printf(out, "  %10s%10s%10s%10s%10s%8s\n", "median", "99 %", "99 %", "worst", "waited", "errors");
  for (guint i = 0; i < MIN(clients->len, SHOWN); i++) {
    const DbaRehearsedClient *client = clients->pdata[i];
    g_autofree char *sql = dba_text_printable(client->sql, false);
    g_string_append(out, "  ");
    append_ms(out, client->before_p50_ms);
    append_ms(out, client->before_p99_ms);
    append_ms(out, client->during_p99_ms);
    append_ms(out, client->during_worst_ms);
    append_ms(out, client->waited_ms);
    g_string_append_printf(out, "%8" G_GINT64_FORMAT "  %.*s\n", client->during_errors, (int)MAX(30, (int)width - 62), sql);
    if (client->prepared_again)
      g_string_append_printf(out, "  %58s  prepared anew by %" G_GINT64_FORMAT " clients: its result has another type\n", "",
                             client->prepared_again);
    if (client->during_errors && client->error) {
      g_autofree char *problem = dba_text_printable(client->error, false);
      g_string_append_printf(out, "  %58s  %s%.120s\n", "", client->before_errors ? "(before too) " : "", problem);
    }
  }
  if (clients->len > SHOWN)
    g_string_append_printf(out, "  and %u more statements, none of them slower\n", clients->len - SHOWN);
}

static void print_statements(GString *out, const DbaRehearsal *rehearsal, unsigned width) {
  for (DBA_EACH(DbaRehearsedStatement, statement, &rehearsal->statements)) {
    g_autofree char *sql = dba_text_printable(statement->sql, false), *wait = dba_text_duration(statement->longest_wait_ms),
                    *own = dba_text_duration(statement->waited_ms),
                    *till = statement->held_to_line ? g_strdup_printf(", held to the end of line %d", (int)statement->held_to_line)
                                                    : g_strdup("");
    g_string_append_printf(out, "  line %-4d", (int)statement->line);
    append_ms(out, statement->ms);
    g_string_append_printf(out, "  %.*s\n", (int)MAX(30, (int)width - 24), sql);
    if (statement->tries > 1)
      g_string_append_printf(out, "  %19s  tried %d times\n", "", (int)statement->tries);
    if (statement->waits)
      g_string_append_printf(out, "  %19s  %d wait%s, the longest %s: %s%s\n", "", (int)statement->waits, statement->waits == 1 ? "" : "s",
                             wait, statement->held, till);
    if (statement->waited_ms > 0)
      g_string_append_printf(out, "  %19s  waited %s for clients itself\n", "", own);
  }
}

static void print(GString *out, const DbaRehearsal *rehearsal, const char *load, bool color, unsigned width) {
  g_autofree char *duration = dba_text_duration(rehearsal->duration_ms), *wait = dba_text_duration(rehearsal->longest_wait_ms),
                  *wal = dba_text_bytes(rehearsal->wal_bytes), *disk = dba_text_bytes(rehearsal->disk_bytes);
  g_string_append_printf(out, "%s%s%s  %s\n",
                         !color              ? ""
                         : rehearsal->passed ? "\033[1;32m"
                                             : "\033[1;31m",
                         rehearsal->passed ? "passed" : "FAILED", color ? "\033[0m" : "", rehearsal->migration);
  for (DBA_EACH_TEXT(problem, &rehearsal->problems)) {
    g_string_append(out, "  ");
    dba_text_append_wrapped(out, *problem, width > 10 ? width : 100, 2);
    g_string_append_c(out, '\n');
  }
  g_string_append_printf(out, "  %s; the longest wait of a client %s, %d errors; %s of WAL, %s of disk more", duration,
                         rehearsal->waits ? wait : "none that was seen", (int)rehearsal->client_errors, wal, disk);
  if (rehearsal->lag_seconds >= 0)
    g_string_append_printf(out, "; the replica at most %.1f s behind", rehearsal->lag_seconds);
  g_string_append_c(out, '\n');
  for (DBA_EACH_TEXT(line, &rehearsal->near_limits)) {
    g_string_append(out, "  ");
    dba_text_append_wrapped(out, *line, width > 10 ? width : 100, 2);
    g_string_append_c(out, '\n');
  }
  for (DBA_EACH_TEXT(line, &rehearsal->not_run)) {
    g_autofree char *text = dba_text_printable(*line, false);
    g_string_append_printf(out, "  not run: %s\n", text);
  }
  if (strcmp(rehearsal->load, load) != 0)
    g_string_append_printf(out, "  clients ran %s: no statement of the workload can be run\n", rehearsal->load);
  print_statements(out, rehearsal, width);
  print_clients(out, rehearsal, width);
  g_string_append_c(out, '\n');
}

static char *as_json(const Rehearsal *r) {
  g_autoptr(DbaJson) json = dba_json_new();
  dba_json_put_text(json, "format", "dbarch-rehearsals");
  dba_json_put_int(json, "format_version", 1);
  dba_json_put_list(json, "rehearsals", &dba_rehearsal_record, &r->rehearsals, 0);
  dba_json_put_list(json, "findings", &dba_finding_record, &r->findings->findings, 0);
  return dba_json_text(json);
}

static void give_answer(const DbaRequest *request, const Rehearsal *r, const char *folder, DbaAnswer *answer) {
  DbaList passed = {0};
  unsigned good = 0;
  for (DBA_EACH(DbaRehearsal, rehearsal, &r->rehearsals)) {
    good += rehearsal->passed;
    if (rehearsal->passed)
      dba_list_add_text(r->arena, &passed, rehearsal->migration);
  }
  for (int i = 0; i < DBA_N_SEVERITIES; i++)
    answer->counts[i] = dba_findings_count(r->findings, (DbaSeverity)i);
  if (request->format != DBA_FORMAT_TTY) {
    g_autofree char *text =
        request->format == DBA_FORMAT_JSON ? as_json(r) : dba_migrate_told(request, r->findings, "rehearse", r->migrations, &passed);
    g_string_append(answer->text, text);
    return;
  }
  g_string_append_printf(answer->text, "%u client%s with %s on %s (rows %s; PostgreSQL %s, fsync on)\n\n", request->clients,
                         request->clients == 1 ? "" : "s", r->load, r->rows.subject, r->rows.rows, dba_lab_version(r->rows.lab));
  for (DBA_EACH(DbaRehearsal, rehearsal, &r->rehearsals))
    print(answer->text, rehearsal, r->load, request->color, request->width);
  g_string_append_printf(answer->text, "%u of %u passed", good, r->rehearsals.n);
  if (r->rehearsals.n < r->pending->len)
    g_string_append_printf(answer->text, ", %u behind the one that cannot run were not tried", r->pending->len - r->rehearsals.n);
  g_string_append_printf(answer->text, "; receipts are in %s/\n", folder);
}

static void tell(void *data, const char *line) { dba_request_progress(data, "%s", line); }

static void add_word(GString *out, const char *option, const char *value) {
  g_autofree char *quoted = value ? g_shell_quote(value) : NULL;
  if (value)
    g_string_append_printf(out, " --%s %s", option, strpbrk(value, " '\"$\\`*?&;|<>()") ? quoted : value);
}

// The command, but for a connection string, which a password may be in.
static const char *again(const DbaRequest *request, const Rehearsal *r) {
  g_autoptr(GString) out = g_string_new("dbarch migrate rehearse ");
  g_string_append(out, r->migrations->folder);
  add_word(out, "survey", request->survey);
  add_word(out, "from", request->from);
  add_word(out, "to", request->to);
  add_word(out, "workload", request->workload);
  g_string_append_printf(out, " --clients %u --time %g --seed %" G_GUINT64_FORMAT, request->clients, request->time_seconds, request->seed);
  if (request->percent > 0)
    g_string_append_printf(out, " --rows %g%%", request->percent);
  if (request->size_bytes > 0)
    g_string_append_printf(out, " --size %" G_GINT64_FORMAT, request->size_bytes);
  if (request->rate > 0)
    g_string_append_printf(out, " --rate %g", request->rate);
  g_string_append(out, request->replica ? " --replica" : "");
  return dba_arena_text(r->arena, out->str);
}

// What the owner accepted passes: the problem stays in the receipt, and is told with the reason.
static void settle(Rehearsal *r) {
  g_autofree const char **rules = dba_migrate_rule_names();
  DbaList allowed = {0};
  dba_project_suppressions(&r->project, rules, r->arena, &allowed);
  dba_migrations_settle(r->findings, r->migrations);
  dba_migrations_allow(r->findings, r->migrations, &allowed);
  for (DBA_EACH(DbaRehearsal, rehearsal, &r->rehearsals)) {
    bool open = false;
    const char *why = NULL;
    for (DBA_EACH(DbaFinding, finding, &r->findings->findings))
      if (!strcmp(finding->object, rehearsal->migration)) {
        open = open || !finding->suppressed;
        why = finding->suppressed_by ? finding->suppressed_by : why;
      }
    if (!rehearsal->passed && !open && why) {
      rehearsal->passed = true;
      dba_list_add_text(r->arena, &rehearsal->problems, dba_arena_format(r->arena, "allowed: %s", why));
    }
  }
}

bool dba_verb_migrate_rehearse(const DbaRequest *request, DbaAnswer *answer, GError **error) {
  g_auto(Rehearsal) r = {.arena = dba_arena_new(),
                         .pending = g_ptr_array_new(),
                         .borrowed = g_array_new(FALSE, FALSE, sizeof(DbaBorrowedKey)),
                         .findings = dba_findings_new()};
  if (!dba_project_read(request, &r.project, error) || !find_pending(request, &r, error))
    return false;
  if (!r.pending->len) {
    g_string_append(answer->text, "nothing is pending.\n");
    return true;
  }
  if (!make_stand_in(request, &r, answer, error))
    return false;
  DbaRequest told = *request;
  g_autofree char *folder = g_build_filename(r.project.ledger->folder, "rehearsals", NULL);
  DbaRehearseOptions options = {.lab = r.rows.lab,
                                .database = r.rows.database,
                                .subject = r.rows.survey,
                                .rows = r.rows.rows,
                                .again = again(request, &r),
                                .percent = r.rows.share * 100,
                                .statements = &r.statements,
                                .instead = !strcmp(r.load, DBA_LOAD_BY_KEYS) ? NULL : &r.by_keys,
                                .load = r.load,
                                .limits = &r.project.config.limits,
                                .clients = request->clients,
                                .rate = request->rate,
                                .before_seconds = request->time_seconds,
                                .after_seconds = AFTER_S,
                                .seed = request->seed,
                                .lock_timeout_seconds = request->lock_timeout_seconds,
                                .statement_timeout_seconds = request->statement_timeout_seconds,
                                .tries = request->tries,
                                .interrupt = request->interrupt,
                                .progress = tell,
                                .progress_data = &told};
  if (!dba_migrations_rehearse(r.migrations, r.pending, &options, r.findings, r.arena, &r.rehearsals, error))
    return false;
  settle(&r);
  for (DBA_EACH(DbaRehearsal, rehearsal, &r.rehearsals))
    if (!dba_rehearsal_write(folder, rehearsal, error))
      return false;
  give_answer(request, &r, folder, answer);
  g_autofree char *page = request->out ? dba_report_rehearsals_html(&r.rehearsals, r.rows.subject, r.pending->len - r.rehearsals.n) : NULL;
  if (page && !dba_migrate_write_page(request, page, answer, error))
    return false;
  answer->proof_failed = answer->counts[DBA_MUST_FIX] > 0;
  return true;
}

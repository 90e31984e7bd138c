// SPDX-License-Identifier: Apache-2.0
// Trials: what a finding proposes is run in clones of the subject's database, measured, undone and compared.
//
// Two clones stand side by side, "before" and "after"; the change is made in "after", undone, compared with the original
// catalog, and made again.  Then both are measured in turn, run by run, so that a machine that slows down slows both.
// Time, buffers and WAL are the server's own (pg_stat_statements), not the client's clock.  A difference counts only when
// the slowest run after is faster than the fastest before.
#include "lab/trial-int.h"

#include "sql/sql.h"

#include "lab-sql.h"

bool dba_trial_unproven(DbaTrial *trial, const char *format, ...) {
  va_list args;
  va_start(args, format);
  g_autofree char *why = g_strdup_vprintf(format, args);
  va_end(args);
  trial->finding->proof = dba_arena_format(trial->setup->arena, "unproven: %s", why);
  return true;
}

bool dba_trial_outcome(DbaTrial *trial, GError **problem, const char *doing, GError **error) {
  if (!g_error_matches(*problem, DBA_ERROR, DBA_ERROR_DATABASE)) {
    g_propagate_error(error, g_steal_pointer(problem));
    return false;
  }
  if (!strcmp((*problem)->message, DBA_SERVER_TIME_IS_UP)) { // what was running is still being ended: new clones for the next
    trial->setup->before_ready = trial->setup->after_ready = false;
    return dba_trial_unproven(trial, DBA_TRIAL_TIME_IS_UP);
  }
  return dba_trial_unproven(trial, "%s failed in the lab: %s", doing, (*problem)->message);
}

// ---- the change -----------------------------------------------------------------------------------------------------

typedef struct Runner {
  DbaServer *server;
} Runner;

static bool run_one(const DbaSqlStatement *statement, void *data, GError **error) {
  Runner *runner = data;
  g_autofree char *sql = g_strndup(statement->item.text, statement->item.length);
  return statement->item.kind != DBA_SQL_STATEMENT || dba_server_exec(runner->server, sql, error);
}

static void roll_back(DbaServer *server) { // after a failure whose error is the one to tell
  g_autoptr(GError) ignored = NULL;
  if (!dba_server_exec(server, "rollback", &ignored))
    return;
}

static bool run_change(DbaServer *server, const char *sql, bool no_transaction, GError **error) {
  Runner runner = {server};
  g_autoptr(DbaSqlReader) reader = dba_sql_reader_text("change", sql, strlen(sql));
  if (!no_transaction && !dba_server_exec(server, "begin", error))
    return false;
  bool ok = dba_sql_visit(reader, run_one, &runner, error);
  if (!no_transaction && ok)
    return dba_server_exec(server, "commit", error);
  if (!no_transaction)
    roll_back(server);
  return ok;
}

// Lock modes from weakest to strongest, with whom they block (documentation, "Table-Level Locks").
static const struct {
  const char *mode, *name, *blocks;
} locks[] = {
    {"AccessShareLock", "ACCESS SHARE", "nothing"},
    {"RowShareLock", "ROW SHARE", "nothing"},
    {"RowExclusiveLock", "ROW EXCLUSIVE", "nothing"},
    {"ShareUpdateExclusiveLock", "SHARE UPDATE EXCLUSIVE", "nothing but other schema changes and vacuum"},
    {"ShareLock", "SHARE", "writes"},
    {"ShareRowExclusiveLock", "SHARE ROW EXCLUSIVE", "writes"},
    {"ExclusiveLock", "EXCLUSIVE", "writes"},
    {"AccessExclusiveLock", "ACCESS EXCLUSIVE", "reads and writes"},
};

static size_t lock_rank(const char *mode) {
  for (size_t i = 0; i < G_N_ELEMENTS(locks); i++)
    if (!strcmp(locks[i].mode, mode))
      return i;
  return 0;
}

typedef struct Watch {
  DbaTrial *trial;
  DbaServer *watcher; // sees what the change has committed, and its locks
  size_t strongest;
  bool any;
} Watch;

// Takes the locks that the trial's open transaction holds on what others can see.
static bool take_locks(Watch *watch, GError **error) {
  DbaRisk *risk = &watch->trial->finding->risk;
  g_autoptr(DbaResult) held = dba_server_query(watch->watcher, dba_embedded_lab_sql("held_locks"), NULL, error);
  if (!held)
    return false;
  for (int row = 0; row < dba_result_rows(held); row++) {
    size_t rank = lock_rank(dba_result_text(held, row, 0));
    if (!watch->any || rank > watch->strongest)
      risk->tables.n = 0;
    if (!watch->any || rank >= watch->strongest) {
      watch->strongest = rank;
      watch->any = true;
      if (!dba_list_has_text(&risk->tables, dba_result_text(held, row, 1)))
        dba_list_add_text(watch->trial->setup->arena, &risk->tables, dba_result_text(held, row, 1));
    }
  }
  return true;
}

// One statement of a change that has no transaction around it.  What builds CONCURRENTLY cannot be held open to look at:
// its lock is the documentation's.
static bool watch_one(const DbaSqlStatement *statement, void *data, GError **error) {
  Watch *watch = data;
  DbaServer *server = watch->trial->after;
  g_autofree char *sql = g_strndup(statement->item.text, statement->item.length);
  if (statement->item.kind != DBA_SQL_STATEMENT)
    return true;
  if (statement->facts.concurrently) {
    size_t rank = lock_rank("ShareUpdateExclusiveLock");
    if (!watch->any || rank > watch->strongest)
      watch->trial->finding->risk.tables.n = 0;
    watch->strongest = MAX(watch->strongest, rank);
    watch->any = true;
    return dba_server_exec(server, sql, error);
  }
  if (!dba_server_exec(server, "begin", error))
    return false;
  if (dba_server_exec(server, sql, error) && take_locks(watch, error))
    return dba_server_exec(server, "commit", error);
  roll_back(server);
  return false;
}

// Relations by oid: their file, as text.
static DbaResult *filenodes(DbaTrial *trial, GError **error) {
  return dba_server_query(trial->after, dba_embedded_lab_sql("filenodes"), NULL, error);
}

// Which relations have another file now; the note on the duration says how large they are.
static bool take_rewrites(DbaTrial *trial, const DbaResult *before, GError **error) {
  DbaRisk *risk = &trial->finding->risk;
  g_autoptr(DbaResult) after = filenodes(trial, error);
  if (!after)
    return false;
  g_autoptr(GHashTable) old = g_hash_table_new(g_str_hash, g_str_equal);
  for (int row = 0; row < dba_result_rows(before); row++)
    g_hash_table_insert(old, (char *)(uintptr_t)dba_result_text(before, row, 0), (char *)(uintptr_t)dba_result_text(before, row, 1));
  g_autoptr(GString) note = g_string_new(NULL);
  for (int row = 0; row < dba_result_rows(after); row++) {
    const char *was = g_hash_table_lookup(old, dba_result_text(after, row, 0));
    if (!was || !strcmp(was, dba_result_text(after, row, 1)))
      continue;
    dba_list_add_text(trial->setup->arena, &risk->rewritten, dba_result_text(after, row, 2));
    g_autofree char *size = NULL;
    if (!dba_trial_rows_of(trial, dba_result_text(after, row, 2), &size, error))
      return false;
    g_string_append_printf(note, "%s%s", note->len ? "; " : "", size);
  }
  risk->duration_note = dba_arena_text(trial->setup->arena, note->len ? note->str : trial->rows);
  return true;
}

// Makes the change once, watching its locks on what was there before, what it rewrites, and how long it takes.
static bool watched_up(DbaTrial *trial, GError **error) {
  DbaRisk *risk = &trial->finding->risk;
  const DbaChange *change = &trial->finding->change;
  g_autoptr(DbaResult) nodes = filenodes(trial, error);
  g_autoptr(DbaServer) watcher = nodes ? dba_lab_connect(trial->setup->lab, DBA_LAB_SUPERUSER, DBA_TRIAL_AFTER, error) : NULL;
  if (!watcher)
    return false;
  Watch watch = {.trial = trial, .watcher = watcher};
  g_autoptr(DbaSqlReader) reader = dba_sql_reader_text("change", change->up, strlen(change->up));
  gint64 begin = g_get_monotonic_time();
  if (change->no_transaction) {
    if (!dba_sql_visit(reader, watch_one, &watch, error))
      return false;
    risk->duration_ms = (double)(g_get_monotonic_time() - begin) / 1e3;
  } else {
    Runner runner = {trial->after};
    if (!dba_server_exec(trial->after, "begin", error))
      return false;
    if (!dba_sql_visit(reader, run_one, &runner, error)) {
      roll_back(trial->after);
      return false;
    }
    risk->duration_ms = (double)(g_get_monotonic_time() - begin) / 1e3;
    if (!take_locks(&watch, error) || !dba_server_exec(trial->after, "commit", error))
      return false;
  }
  risk->lock = locks[watch.strongest].name;
  risk->blocks = locks[watch.strongest].blocks;
  return take_rewrites(trial, nodes, error);
}

// Up, down, up; false with *ret_go false when the trial has its outcome already.
static bool prove_undo(DbaTrial *trial, bool *ret_go, GError **error) {
  g_autoptr(GError) problem = NULL;
  DbaChange *change = &trial->finding->change;
  g_autoptr(DbaSchema) original = dba_schema_new(), changed = dba_schema_new(), undone = dba_schema_new();
  *ret_go = false;
  if (!dba_server_read_schema(trial->after, original, error))
    return false;
  if (!watched_up(trial, &problem))
    return dba_trial_outcome(trial, &problem, "the change", error);
  if (!dba_server_read_schema(trial->after, changed, error))
    return false;
  g_autoptr(GPtrArray) done = dba_schema_compare(original, changed);
  if (!done->len)
    return dba_trial_unproven(trial, "the change changes nothing in the catalog");
  if (!run_change(trial->after, change->down, change->no_transaction, &problem))
    return dba_trial_outcome(trial, &problem, "the undo", error);
  if (!dba_server_read_schema(trial->after, undone, error))
    return false;
  g_autoptr(GPtrArray) left = dba_schema_compare(original, undone);
  if (left->len && strcmp(change->undo_class, DBA_UNDO_NOT_NEEDED))
    return dba_trial_unproven(trial, "the undo leaves another schema: %s", (const char *)left->pdata[0]);
  if (left->len == 0 && !run_change(trial->after, change->up, change->no_transaction, &problem))
    return dba_trial_outcome(trial, &problem, "the change, made a second time,", error);
  change->undo_proven = true;
  trial->made = true;
  *ret_go = true;
  return true;
}

// ---- the frame ------------------------------------------------------------------------------------------------------

static bool make_clone(DbaTrial *trial, const char *name, bool *ready, GError **error) {
  if (*ready)
    return true;
  // The copy is made without waiting for the disk; what is measured afterwards is not.
  if (!dba_lab_drop_database(trial->setup->lab, name, error) ||
      !dba_lab_create_database(trial->setup->lab, name, trial->setup->database, error))
    return false;
  *ready = true;
  return true;
}

static bool run(DbaTrial *trial, GError **error) {
  const DbaLab *lab = trial->setup->lab;
  if (!make_clone(trial, DBA_TRIAL_BEFORE, &trial->setup->before_ready, error) ||
      !make_clone(trial, DBA_TRIAL_AFTER, &trial->setup->after_ready, error))
    return false;
  trial->admin = dba_lab_connect(lab, DBA_LAB_SUPERUSER, "postgres", error);
  trial->before = trial->admin ? dba_lab_connect(lab, DBA_LAB_SUBJECT_ROLE, DBA_TRIAL_BEFORE, error) : NULL;
  trial->after = trial->before ? dba_lab_connect(lab, DBA_LAB_SUBJECT_ROLE, DBA_TRIAL_AFTER, error) : NULL;
  if (!trial->after)
    return false;
  dba_server_set_deadline(trial->before, trial->setup->deadline_us);
  dba_server_set_deadline(trial->after, trial->setup->deadline_us);
  if (!dba_trial_describe(trial, error))
    return false;
  if (trial->finding->has_change) {
    bool go;
    trial->setup->after_ready = false; // until the undo has run
    if (!prove_undo(trial, &go, error) || !go)
      return !error || !*error;
    g_autofree char *analyze = g_strdup_printf("analyze %s", trial->table);
    if (!dba_server_exec(trial->after, analyze, error))
      return false;
    trial->setup->after_ready = true;
  }
  return dba_trial_measure(trial, error);
}

// Takes the change back, so that the clones serve the next trial; one that resists is thrown away.
static void take_back(DbaTrial *trial) {
  g_autoptr(GError) problem = NULL;
  if (trial->finding->receipts.n > 1) // rolled-back rows would make the next trial's tables larger
    dba_trial_vacuum(trial);
  if (!trial->made || !trial->setup->after_ready)
    return;
  if (!strcmp(trial->finding->change.undo_class, DBA_UNDO_NOT_NEEDED) || trial->finding->risk.rewritten.n ||
      !run_change(trial->after, trial->finding->change.down, trial->finding->change.no_transaction, &problem))
    trial->setup->after_ready = false;
}

bool dba_trial_run(DbaTrialSetup *setup, const DbaSchema *schema, DbaFinding *finding, GError **error) {
  if (finding->trial == DBA_TRIAL_NONE) {
    finding->proof = "not needed";
    return true;
  }
  DbaTrial trial = {
      .setup = setup, .schema = schema, .finding = finding, .relation = dba_schema_relation(schema, finding->schema, finding->table)};
  if (g_get_monotonic_time() > setup->deadline_us)
    return dba_trial_unproven(&trial, DBA_TRIAL_TIME_IS_UP);
  if (!trial.relation)
    return dba_trial_unproven(&trial, "the table is not in the lab");
  trial.table = dba_sql_name(finding->schema, finding->table);
  g_autoptr(GError) problem = NULL;
  bool ok = run(&trial, &problem);
  if (!ok && g_error_matches(problem, DBA_ERROR, DBA_ERROR_DATABASE))
    ok = dba_trial_outcome(&trial, &problem, "the trial", error);
  else if (!ok)
    g_propagate_error(error, g_steal_pointer(&problem));
  if (ok)
    take_back(&trial);
  else
    setup->before_ready = setup->after_ready = false;
  dba_server_close(trial.admin);
  dba_server_close(trial.before);
  dba_server_close(trial.after);
  g_free(trial.table);
  g_free(trial.settings);
  g_free(trial.rows);
  g_free(trial.locale);
  g_free(trial.isolate);
  return ok;
}

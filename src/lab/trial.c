// SPDX-License-Identifier: Apache-2.0
// Trials: what a finding proposes is run in clones of the subject's database, measured, undone and compared.
//
// Two clones stand side by side, "before" and "after"; the change is made in "after", undone, compared with the original
// catalog, and made again.  Then both are measured in turn, run by run, so that a machine that slows down slows both.
// Time, buffers and WAL are the server's own (pg_stat_statements), not the client's clock.  A difference counts only when
// the slowest run after is faster than the fastest before.
#include "lab/lab-int.h"

#include "sql/sql.h"

#include <string.h>

enum { RUNS = 7, SAMPLE_ROWS = 1000 };
static const char BEFORE[] = "trial_before", AFTER[] = "trial_after";

typedef struct DbaTrial {
  DbaTrialSetup *setup;
  const DbaSchema *schema;
  DbaFinding *finding;
  const DbaRelation *relation;
  DbaServer *admin, *before, *after; // superuser in "postgres"; the subject role in the two clones
  char *table;                       // quoted
  char *settings, *rows, *locale;
  char *isolate; // SQL that takes other foreign keys out of the way; inside a transaction
  bool made;     // the change stands in "after"
} DbaTrial;

typedef struct Measure {
  double ms, buffers, wal_bytes;
} Measure;

static bool unproven(DbaTrial *trial, const char *format, ...) DBA_PRINTF(2, 3);
static bool unproven(DbaTrial *trial, const char *format, ...) {
  va_list args;
  va_start(args, format);
  g_autofree char *why = g_strdup_vprintf(format, args);
  va_end(args);
  trial->finding->proof = dba_arena_format(trial->setup->arena, "unproven: %s", why);
  return true;
}

// A database error in a trial is an outcome; anything else ends the work.
static bool outcome(DbaTrial *trial, GError **problem, const char *doing, GError **error) {
  if (!g_error_matches(*problem, DBA_ERROR, DBA_ERROR_DATABASE)) {
    g_propagate_error(error, g_steal_pointer(problem));
    return false;
  }
  return unproven(trial, "%s failed in the lab: %s", doing, (*problem)->message);
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

static bool filenode(DbaTrial *trial, int64_t *ret_node, GError **error) {
  g_autoptr(GString) sql = g_string_new("select relfilenode from pg_class where oid = to_regclass(");
  dba_sql_append_literal(sql, trial->table);
  g_string_append_c(sql, ')');
  g_autoptr(DbaResult) result = dba_server_query(trial->after, sql->str, NULL, error);
  if (!result)
    return false;
  *ret_node = dba_result_rows(result) ? dba_result_int(result, 0, 0) : 0;
  return true;
}

// Makes the change once, watching its strongest lock on an existing table, whether it rewrites, and how long it takes.
static bool watched_up(DbaTrial *trial, GError **error) {
  DbaFinding *finding = trial->finding;
  const DbaChange *change = &finding->change;
  int64_t node_before = 0, node_after = 0;
  if (!filenode(trial, &node_before, error))
    return false;
  gint64 begin = g_get_monotonic_time();
  if (change->no_transaction) {
    if (!run_change(trial->after, change->up, true, error))
      return false;
    finding->risk.duration_ms = (double)(g_get_monotonic_time() - begin) / 1e3;
    finding->risk.lock = locks[3].name; // CREATE and DROP INDEX CONCURRENTLY: it cannot be held open to look at
    finding->risk.blocks = locks[3].blocks;
  } else {
    g_autoptr(DbaServer) watcher = dba_lab_connect(trial->setup->lab, DBA_LAB_SUPERUSER, AFTER, error);
    if (!watcher || !dba_server_exec(trial->after, "begin", error))
      return false;
    Runner runner = {trial->after};
    g_autoptr(DbaSqlReader) reader = dba_sql_reader_text("change", change->up, strlen(change->up));
    if (!dba_sql_visit(reader, run_one, &runner, error)) {
      roll_back(trial->after);
      return false;
    }
    finding->risk.duration_ms = (double)(g_get_monotonic_time() - begin) / 1e3;
    // Only relations that another session can see: what the change itself made blocks nobody.
    g_autoptr(DbaResult) held = dba_server_query(
        watcher,
        "select distinct l.mode from pg_locks l join pg_class c on c.oid = l.relation join pg_namespace n on n.oid = c.relnamespace "
        "where l.granted and l.pid <> pg_backend_pid() and l.database = (select oid from pg_database where datname = current_database()) "
        "and c.relkind in ('r', 'p', 'm') and n.nspname !~ '^pg_'",
        NULL, error);
    if (!held || !dba_server_exec(trial->after, "commit", error))
      return false;
    size_t strongest = 0;
    for (int row = 0; row < dba_result_rows(held); row++)
      for (size_t i = strongest; i < G_N_ELEMENTS(locks); i++)
        if (!strcmp(locks[i].mode, dba_result_text(held, row, 0)))
          strongest = i;
    finding->risk.lock = locks[strongest].name;
    finding->risk.blocks = locks[strongest].blocks;
  }
  if (!filenode(trial, &node_after, error))
    return false;
  finding->risk.rewrites = node_before != node_after;
  finding->risk.duration_note = dba_arena_text(trial->setup->arena, trial->rows);
  return true;
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
    return outcome(trial, &problem, "the change", error);
  if (!dba_server_read_schema(trial->after, changed, error))
    return false;
  g_autoptr(GPtrArray) done = dba_schema_compare(original, changed);
  if (!done->len)
    return unproven(trial, "the change changes nothing in the catalog");
  if (!run_change(trial->after, change->down, change->no_transaction, &problem))
    return outcome(trial, &problem, "the undo", error);
  if (!dba_server_read_schema(trial->after, undone, error))
    return false;
  g_autoptr(GPtrArray) left = dba_schema_compare(original, undone);
  if (left->len && strcmp(change->undo_class, DBA_UNDO_NOT_NEEDED))
    return unproven(trial, "the undo leaves another schema: %s", (const char *)left->pdata[0]);
  if (left->len == 0 && !run_change(trial->after, change->up, change->no_transaction, &problem))
    return outcome(trial, &problem, "the change, made a second time,", error);
  change->undo_proven = true;
  trial->made = true;
  *ret_go = true;
  return true;
}

// ---- measuring ------------------------------------------------------------------------------------------------------

static bool measure(DbaTrial *trial, DbaServer *server, const char *database, const char *sql, Measure *ret_measure, GError **error) {
  const char *parameters[] = {database, NULL};
  g_autoptr(DbaResult) reset = dba_server_query(trial->admin, "select pg_stat_statements_reset()", NULL, error);
  if (!reset || !dba_server_exec(server, sql, error))
    return false;
  g_autoptr(DbaResult) result = dba_server_query(
      trial->admin,
      "select coalesce(sum(total_exec_time), 0), coalesce(sum(shared_blks_hit + shared_blks_read), 0), coalesce(sum(wal_bytes), 0) "
      "from pg_stat_statements where toplevel and dbid = (select oid from pg_database where datname = $1)",
      parameters, error);
  if (!result)
    return false;
  *ret_measure = (Measure){dba_result_real(result, 0, 0), dba_result_real(result, 0, 1), dba_result_real(result, 0, 2)};
  return true;
}

static int compare_real(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

static void add_receipt(DbaTrial *trial, const char *method, const char *quantity, const char *unit, double *before, double *after,
                        size_t n) {
  DbaArena *arena = trial->setup->arena;
  qsort(before, n, sizeof *before, compare_real);
  qsort(after, n, sizeof *after, compare_real);
  DbaReceipt *receipt = dba_list_add(arena, &trial->finding->receipts, sizeof *receipt);
  g_autofree char *quoted_subject = g_shell_quote(trial->setup->subject), *quoted_object = g_shell_quote(trial->finding->object);
  *receipt = (DbaReceipt){
      .method = dba_arena_text(arena, method),
      .quantity = quantity,
      .unit = unit,
      .before = before[n / 2],
      .before_low = before[0],
      .before_high = before[n - 1],
      .after = after[n / 2],
      .after_low = after[0],
      .after_high = after[n - 1],
      .n = (int64_t)n,
      .claimed = after[n - 1] < before[0],
      .server = dba_arena_format(arena, "PostgreSQL %s", dba_lab_version(trial->setup->lab)),
      .locale = dba_arena_text(arena, trial->locale),
      .settings = dba_arena_text(arena, trial->settings),
      .rows_origin = trial->setup->generated && g_hash_table_contains(trial->setup->generated, trial->relation) ? "generated"
                                                                                                                : trial->setup->rows_origin,
      .rows = dba_arena_text(arena, trial->rows),
      .repeat = dba_arena_format(arena, "dbarch review %s --rule %s --object %s", quoted_subject, trial->finding->rule, quoted_object)};
}

static void add_receipts(DbaTrial *trial, const char *method, const Measure *before, const Measure *after, bool with_wal) {
  double b[RUNS], a[RUNS];
  for (size_t i = 0; i < RUNS; i++) {
    b[i] = before[i].ms;
    a[i] = after[i].ms;
  }
  add_receipt(trial, method, "time", "ms", b, a, RUNS);
  for (size_t i = 0; i < RUNS; i++) {
    b[i] = before[i].buffers;
    a[i] = after[i].buffers;
  }
  add_receipt(trial, method, "buffers", "pages", b, a, RUNS);
  if (!with_wal)
    return;
  for (size_t i = 0; i < RUNS; i++) {
    b[i] = before[i].wal_bytes;
    a[i] = after[i].wal_bytes;
  }
  add_receipt(trial, method, "WAL", "bytes", b, a, RUNS);
}

// Proven when one of the promised quantities is better beyond its spread; with `all`, every one of them.
static void verdict(DbaTrial *trial, bool all) {
  unsigned claimed = 0;
  for (DBA_EACH(DbaReceipt, receipt, &trial->finding->receipts))
    claimed += receipt->claimed;
  if (all ? claimed == trial->finding->receipts.n : claimed > 0) {
    trial->finding->proof = "proven";
    return;
  }
  trial->finding->proof = dba_arena_format(trial->setup->arena, "tried and rejected: no gain beyond the spread at %s", trial->rows);
  trial->finding->rejected = true;
}

// One pair of runs: `prepare` (NULL: nothing) unmeasured, `sql` measured, everything rolled back.
static bool measured_run(DbaTrial *trial, DbaServer *server, const char *database, const char *prepare, const char *sql,
                         Measure *ret_measure, GError **error) {
  if (!dba_server_exec(server, "begin", error))
    return false;
  bool ok = (!prepare || dba_server_exec(server, prepare, error)) && measure(trial, server, database, sql, ret_measure, error);
  return dba_server_exec(server, "rollback", ok ? error : NULL) && ok;
}

static void append_columns(GString *sql, const char *prefix, const DbaList *columns) {
  for (uint32_t i = 0; i < columns->n; i++) {
    g_string_append_printf(sql, "%s%s", i ? ", " : "", prefix);
    dba_sql_append_identifier(sql, dba_list_text(columns, i));
  }
}

// Every other foreign key on the parent is dropped inside the measured transactions, so that one alone is measured.
static char *isolation(const DbaTrial *trial, const DbaConstraint *key) {
  GString *sql = g_string_new(NULL);
  for (DBA_EACH(DbaRelation, relation, &trial->schema->relations))
    for (DBA_EACH(DbaConstraint, other, &relation->constraints)) {
      if (strcmp(other->kind, "foreign key") || g_strcmp0(other->ref_table, key->ref_table) ||
          g_strcmp0(other->ref_schema, key->ref_schema) || other->parent_constraint)
        continue;
      if (relation == trial->relation && !strcmp(other->name, key->name))
        continue;
      g_autofree char *table = dba_sql_name(relation->schema, relation->name), *name = dba_sql_name(NULL, other->name);
      g_string_append_printf(sql, "alter table %s drop constraint if exists %s; ", table, name);
    }
  return g_string_free(sql, FALSE);
}

static bool trial_parent_delete(DbaTrial *trial, GError **error) {
  g_autoptr(GError) problem = NULL;
  const DbaConstraint *key = dba_relation_constraint(trial->relation, trial->finding->constraint);
  g_assert(key && key->ref_columns.n == key->columns.n);
  g_autofree char *parent = dba_sql_name(key->ref_schema, key->ref_table);
  trial->isolate = isolation(trial, key);
  g_autofree char *any = g_strdup_printf("select 1 from %s limit 1", trial->table);
  g_autoptr(DbaResult) child = dba_server_query(trial->before, any, NULL, &problem);
  if (!child)
    return outcome(trial, &problem, "looking for rows", error);
  if (!dba_result_rows(child))
    return unproven(trial, "%s has no rows, and none could be generated", trial->table);
  g_autoptr(GString) pick = g_string_new("select ");
  append_columns(pick, "p.", &key->ref_columns);
  g_string_append_printf(pick, " from (select *, row_number() over (order by ");
  append_columns(pick, "", &key->ref_columns);
  g_string_append_printf(pick, ") as dbarch_n, count(*) over () as dbarch_all from %s where (", parent);
  append_columns(pick, "", &key->ref_columns); // a row of all columns: IS NOT NULL holds when each is not null
  g_string_append_printf(pick, ") is not null) p where dbarch_n %% greatest(dbarch_all / %d, 1) = 0 order by dbarch_n limit %d", RUNS,
                         RUNS);
  g_autoptr(DbaResult) keys = dba_server_query(trial->before, pick->str, NULL, &problem);
  if (!keys)
    return outcome(trial, &problem, "choosing parent rows", error);
  int n_keys = dba_result_rows(keys);
  if (!n_keys)
    return unproven(trial, "%s has no rows to delete", parent);
  Measure before[RUNS], after[RUNS];
  for (int run = -1; run < RUNS; run++) { // run -1 warms both up
    int row = MAX(run, 0) % n_keys;
    g_autoptr(GString) condition = g_string_new(NULL), children = g_string_new(NULL);
    for (uint32_t i = 0; i < key->columns.n; i++) {
      g_string_append(condition, i ? " and " : "");
      dba_sql_append_identifier(condition, dba_list_text(&key->ref_columns, i));
      g_string_append(condition, " = ");
      dba_sql_append_literal(condition, dba_result_text(keys, row, (int)i));
      g_string_append(children, i ? " and " : "");
      dba_sql_append_identifier(children, dba_list_text(&key->columns, i));
      g_string_append(children, " = ");
      dba_sql_append_literal(children, dba_result_text(keys, row, (int)i));
    }
    g_autofree char *clear = g_strdup_printf(
        "%sset local session_replication_role = replica; delete from %s where %s; set local session_replication_role = origin",
        trial->isolate, trial->table, children->str);
    g_autofree char *sql = g_strdup_printf("delete from %s where %s", parent, condition->str);
    Measure b, a;
    if (!measured_run(trial, trial->before, BEFORE, clear, sql, &b, &problem) ||
        !measured_run(trial, trial->after, AFTER, clear, sql, &a, &problem))
      return outcome(trial, &problem, "deleting a parent row", error);
    if (run >= 0) {
      before[run] = b;
      after[run] = a;
    }
  }
  g_autofree char *method =
      g_strdup_printf("delete one row of %s.%s that nothing refers to any more, %d runs each, interleaved, rolled back", key->ref_schema,
                      key->ref_table, RUNS);
  add_receipts(trial, method, before, after, false);
  verdict(trial, true);
  return true;
}

static bool size_of(DbaServer *server, const char *relation, const char *function, double *ret_bytes, GError **error) {
  g_autofree char *sql = g_strdup_printf("select coalesce(%s(to_regclass($1)), 0)", function);
  const char *parameters[] = {relation, NULL};
  g_autoptr(DbaResult) result = dba_server_query(server, sql, parameters, error);
  if (!result)
    return false;
  *ret_bytes = dba_result_real(result, 0, 0);
  return true;
}

static bool trial_reinsert(DbaTrial *trial, bool checked, GError **error) {
  g_autoptr(GError) problem = NULL;
  double size_before, size_after;
  if (!size_of(trial->before, trial->table, "pg_indexes_size", &size_before, error) ||
      !size_of(trial->after, trial->table, "pg_indexes_size", &size_after, error))
    return false;
  if (!checked)
    add_receipt(trial, "all indexes of the table, on disk", "size", "bytes", &size_before, &size_after, 1);
  g_autoptr(GString) columns = g_string_new(NULL);
  for (DBA_EACH(DbaColumn, column, &trial->relation->columns))
    if (!column->generated) {
      g_string_append(columns, columns->len ? ", " : "");
      dba_sql_append_identifier(columns, column->name);
    }
  g_autofree char *take =
      g_strdup_printf("set local session_replication_role = replica; create temporary table dbarch_rows on commit drop as "
                      "select t.tableoid as dbarch_table, t.ctid as dbarch_row, t.* from %s t limit %d; "
                      "delete from %s t using dbarch_rows r where t.tableoid = r.dbarch_table and t.ctid = r.dbarch_row%s",
                      trial->table, SAMPLE_ROWS, trial->table, checked ? "; set local session_replication_role = origin" : "");
  g_autofree char *sql =
      g_strdup_printf("insert into %s (%s) overriding system value select %s from dbarch_rows", trial->table, columns->str, columns->str);
  Measure before[RUNS], after[RUNS];
  for (int run = -1; run < RUNS; run++) {
    Measure b, a;
    if (!measured_run(trial, trial->before, BEFORE, take, sql, &b, &problem) ||
        !measured_run(trial, trial->after, AFTER, take, sql, &a, &problem))
      return outcome(trial, &problem, "inserting rows again", error);
    if (run >= 0) {
      before[run] = b;
      after[run] = a;
    }
  }
  g_autofree char *method = g_strdup_printf("insert up to %d rows of %s.%s again, %d runs each, interleaved, rolled back", SAMPLE_ROWS,
                                            trial->relation->schema, trial->relation->name, RUNS);
  if (trial->relation->columns.n)
    add_receipts(trial, method, before, after, true);
  verdict(trial, false);
  return true;
}

// A copy of the table in its present order and one in the proposed order: sizes of both.
static bool trial_column_order(DbaTrial *trial, GError **error) {
  g_autoptr(GError) problem = NULL;
  g_autoptr(GString) now = g_string_new(NULL), proposed = g_string_new(NULL);
  for (DBA_EACH(DbaColumn, column, &trial->relation->columns)) {
    g_string_append(now, now->len ? ", " : "");
    dba_sql_append_identifier(now, column->name);
  }
  append_columns(proposed, "", &trial->finding->columns);
  g_autofree char *sql =
      g_strdup_printf("create table public.dbarch_now as select %s from %s; create table public.dbarch_proposed as select %s from %s",
                      now->str, trial->table, proposed->str, trial->table);
  double size_now, size_proposed;
  trial->setup->after_ready = false; // the copies stay in it
  if (!dba_server_exec(trial->after, sql, &problem) ||
      !size_of(trial->after, "public.dbarch_now", "pg_relation_size", &size_now, &problem) ||
      !size_of(trial->after, "public.dbarch_proposed", "pg_relation_size", &size_proposed, &problem))
    return outcome(trial, &problem, "copying the table", error);
  if (size_now <= 0)
    return unproven(trial, "the table has no rows here");
  add_receipt(trial, "a fresh copy of the table in each order", "size", "bytes", &size_now, &size_proposed, 1);
  verdict(trial, false);
  return true;
}

static bool trial_up_down(DbaTrial *trial, GError **error) {
  double before, after;
  trial->finding->proof = "proven";
  if (!trial->finding->risk.rewrites) // the size is the same
    return true;
  g_autoptr(DbaServer) owner = dba_lab_connect(trial->setup->lab, DBA_LAB_SUPERUSER, BEFORE, error);
  trial->setup->before_ready = trial->setup->after_ready = false;             // rewritten tables would favour one side in later trials
  g_autofree char *compact = g_strdup_printf("vacuum full %s", trial->table); // a rewrite compacts: compare like with like
  if (!owner || !dba_server_exec(owner, compact, error) ||
      !size_of(trial->before, trial->table, "pg_total_relation_size", &before, error) ||
      !size_of(trial->after, trial->table, "pg_total_relation_size", &after, error))
    return false;
  add_receipt(trial, "the table with its indexes, on disk, freshly rewritten", "size", "bytes", &before, &after, 1);
  return true;
}

// ---- the frame ------------------------------------------------------------------------------------------------------

static bool describe(DbaTrial *trial, GError **error) {
  g_autoptr(GString) sql = g_string_new("select count(*), pg_size_pretty(pg_table_size(to_regclass(");
  dba_sql_append_literal(sql, trial->table);
  g_string_append_printf(sql, "))) from %s", trial->table);
  g_autoptr(DbaResult) size = dba_server_query(trial->before, sql->str, NULL, error);
  g_autoptr(DbaResult) settings =
      size ? dba_server_query(trial->admin,
                              "select format('fsync=%s, shared_buffers=%s, jit=%s, autovacuum=%s', current_setting('fsync'), "
                              "current_setting('shared_buffers'), "
                              "current_setting('jit'), current_setting('autovacuum')), "
                              "(select datcollate || ' (' || case datlocprovider when 'b' then 'builtin' when 'i' then 'icu' else 'libc' "
                              "end || ')' from pg_database where datname = 'postgres')",
                              NULL, error)
           : NULL;
  if (!settings)
    return false;
  g_autofree char *rows = dba_text_count(dba_result_real(size, 0, 0));
  trial->rows = g_strdup_printf("%s.%s: %s rows, %s", trial->relation->schema, trial->relation->name, rows, dba_result_text(size, 0, 1));
  trial->settings = g_strdup(dba_result_text(settings, 0, 0));
  trial->locale = g_strdup(dba_result_text(settings, 0, 1));
  return true;
}

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
  if (!make_clone(trial, BEFORE, &trial->setup->before_ready, error) || !make_clone(trial, AFTER, &trial->setup->after_ready, error))
    return false;
  trial->admin = dba_lab_connect(lab, DBA_LAB_SUPERUSER, "postgres", error);
  trial->before = trial->admin ? dba_lab_connect(lab, DBA_LAB_SUBJECT_ROLE, BEFORE, error) : NULL;
  trial->after = trial->before ? dba_lab_connect(lab, DBA_LAB_SUBJECT_ROLE, AFTER, error) : NULL;
  if (!trial->after || !describe(trial, error))
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
  switch ((DbaTrialKind)trial->finding->trial) {
  case DBA_TRIAL_NONE: return true;
  case DBA_TRIAL_UP_DOWN: return trial_up_down(trial, error);
  case DBA_TRIAL_PARENT_DELETE: return trial_parent_delete(trial, error);
  case DBA_TRIAL_REINSERT: return trial_reinsert(trial, false, error);
  case DBA_TRIAL_REINSERT_CHECKED: return trial_reinsert(trial, true, error);
  case DBA_TRIAL_COLUMN_ORDER: return trial_column_order(trial, error);
  }
  return true;
}

// Takes the change back, so that the clone serves the next trial; one that resists is thrown away.
static void take_back(DbaTrial *trial) {
  g_autoptr(GError) problem = NULL;
  if (!trial->made || !trial->setup->after_ready)
    return;
  if (!strcmp(trial->finding->change.undo_class, DBA_UNDO_NOT_NEEDED) ||
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
    return unproven(&trial, "the time of --budget was used up");
  if (!trial.relation)
    return unproven(&trial, "the table is not in the lab");
  trial.table = dba_sql_name(finding->schema, finding->table);
  g_autoptr(GError) problem = NULL;
  bool ok = run(&trial, &problem);
  if (!ok && g_error_matches(problem, DBA_ERROR, DBA_ERROR_DATABASE))
    ok = outcome(&trial, &problem, "the trial", error);
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

// The first failure of a sequence: a database error is its outcome, anything else ends the work.
static bool sequence_failed(GError **problem, const char *doing, const DbaFinding *finding, char **ret_problem, GError **error) {
  if (!g_error_matches(*problem, DBA_ERROR, DBA_ERROR_DATABASE)) {
    g_propagate_error(error, g_steal_pointer(problem));
    return false;
  }
  *ret_problem = g_strdup_printf("all migrations in turn: %s of %s failed: %s", doing, finding->object, (*problem)->message);
  return true;
}

bool dba_trial_sequence(DbaTrialSetup *setup, const GPtrArray *findings, char **ret_problem, GError **error) {
  DbaTrial trial = {.setup = setup};
  *ret_problem = NULL;
  setup->after_ready = false;
  if (!make_clone(&trial, AFTER, &setup->after_ready, error))
    return false;
  setup->after_ready = false; // whatever happens, it is not to be used again
  g_autoptr(DbaServer) server = dba_lab_connect(setup->lab, DBA_LAB_SUBJECT_ROLE, AFTER, error);
  g_autoptr(DbaSchema) original = dba_schema_new(), undone = dba_schema_new();
  if (!server)
    return false;
  // What is repaired for good comes first and is part of the state that the undo must lead back to.
  for (int pass = 0; pass < 3; pass++) {
    if (pass == 1 && !dba_server_read_schema(server, original, error))
      return false;
    for (guint k = 0; k < findings->len; k++) {
      const DbaFinding *finding = findings->pdata[pass == 2 ? findings->len - 1 - k : k];
      const DbaChange *change = &finding->change;
      g_autoptr(GError) problem = NULL;
      if (!strcmp(change->undo_class, DBA_UNDO_NOT_NEEDED) == (pass == 0) &&
          !run_change(server, pass == 2 ? change->down : change->up, change->no_transaction, &problem))
        return sequence_failed(&problem, pass == 2 ? "the undo" : "the change", finding, ret_problem, error);
    }
  }
  if (!dba_server_read_schema(server, undone, error))
    return false;
  g_autoptr(GPtrArray) left = dba_schema_compare(original, undone);
  if (left->len)
    *ret_problem = g_strdup_printf("all migrations in turn: their undo leaves another schema: %s", (const char *)left->pdata[0]);
  return true;
}

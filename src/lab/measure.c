// SPDX-License-Identifier: Apache-2.0
// What a change gains, measured in the two clones of a trial.
//
// Both are measured in turn, run by run, so that a machine that slows down slows both.  Time, buffers and WAL are the
// server's own (pg_stat_statements), not the client's clock.  A difference counts only when the slowest run after is
// faster than the fastest before.
#include "lab/trial-int.h"

#include "sql/sql.h"

#include "lab-sql.h"

enum { RUNS = 7, SAMPLE_ROWS = 1000 };

typedef enum Size { TABLE_BYTES, INDEX_BYTES, TOTAL_BYTES } Size; // columns of relation_sizes.sql

typedef struct Measure {
  double ms, buffers, wal_bytes, rows;
} Measure;

bool dba_trial_rows_of(DbaTrial *trial, const char *table, char **ret_text, GError **error) {
  g_autoptr(DbaServer) original = dba_lab_connect(trial->setup->lab, DBA_LAB_SUBJECT_ROLE, trial->setup->database, error);
  if (original)
    dba_server_set_deadline(original, trial->setup->deadline_us);
  g_autofree char *sql = g_strdup_printf("select count(*) from %s", table);
  g_autoptr(DbaResult) count = original ? dba_server_query(original, sql, NULL, error) : NULL;
  const char *parameters[] = {table, NULL};
  g_autoptr(DbaResult) size = count ? dba_server_query(original, dba_embedded_lab_sql("relation_sizes"), parameters, error) : NULL;
  if (!size)
    return false;
  g_autofree char *rows = dba_text_count(dba_result_real(count, 0, 0)), *bytes = dba_text_bytes(dba_result_int(size, 0, TABLE_BYTES));
  *ret_text = g_strdup_printf("%s: %s rows, %s", table, rows, bytes);
  return true;
}

bool dba_trial_describe(DbaTrial *trial, GError **error) {
  g_autoptr(DbaResult) facts = dba_server_query(trial->admin, dba_embedded_lab_sql("lab_facts"), NULL, error);
  if (!facts || !dba_trial_rows_of(trial, trial->table, &trial->rows, error))
    return false;
  trial->settings = g_strdup(dba_result_text(facts, 0, 0));
  trial->locale = g_strdup(dba_result_text(facts, 0, 1));
  return true;
}

void dba_trial_vacuum(DbaTrial *trial) {
  static const char *const clones[] = {DBA_TRIAL_BEFORE, DBA_TRIAL_AFTER};
  g_autofree char *sql = g_strdup_printf("vacuum %s", trial->table);
  for (size_t i = 0; i < G_N_ELEMENTS(clones); i++) {
    g_autoptr(DbaServer) owner = dba_lab_connect(trial->setup->lab, DBA_LAB_SUPERUSER, clones[i], NULL);
    if (owner)
      dba_server_set_deadline(owner, trial->setup->deadline_us);
    if (!owner || !dba_server_exec(owner, sql, NULL)) // then the next trial starts from new clones
      trial->setup->before_ready = trial->setup->after_ready = false;
  }
}

static bool measure(DbaTrial *trial, DbaServer *server, const char *database, const char *sql, Measure *ret_measure, GError **error) {
  const char *parameters[] = {database, NULL};
  g_autoptr(DbaResult) reset = dba_server_query(trial->admin, dba_embedded_lab_sql("reset_statements"), NULL, error);
  if (!reset || !dba_server_exec(server, sql, error))
    return false;
  g_autoptr(DbaResult) result = dba_server_query(trial->admin, dba_embedded_lab_sql("statement_totals"), parameters, error);
  if (!result)
    return false;
  *ret_measure =
      (Measure){dba_result_real(result, 0, 0), dba_result_real(result, 0, 1), dba_result_real(result, 0, 2), dba_result_real(result, 0, 3)};
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
  g_autofree char *quoted_subject = trial->setup->subject ? g_shell_quote(trial->setup->subject) : g_strdup(""),
                  *quoted_object = g_shell_quote(trial->finding->object);
  *receipt = (DbaReceipt){.method = dba_arena_text(arena, method),
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
                          .rows_origin = trial->setup->generated && g_hash_table_contains(trial->setup->generated, trial->relation)
                                             ? trial->setup->generated_origin
                                             : trial->setup->rows_origin,
                          .rows = dba_arena_text(arena, trial->rows),
                          .repeat = dba_arena_format(arena, "dbarch review %s%s--rule %s --object %s", quoted_subject,
                                                     *quoted_subject ? " " : "", trial->finding->rule, quoted_object)};
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
  bool spread = false;
  for (DBA_EACH(DbaReceipt, receipt, &trial->finding->receipts))
    spread |= receipt->n > 1;
  trial->finding->proof =
      dba_arena_format(trial->setup->arena, "tried and rejected: no gain%s at %s", spread ? " beyond the spread" : "", trial->rows);
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
    return dba_trial_outcome(trial, &problem, "looking for rows", error);
  if (!dba_result_rows(child))
    return dba_trial_unproven(trial, "%s has no rows, and none could be generated", trial->table);
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
    return dba_trial_outcome(trial, &problem, "choosing parent rows", error);
  int n_keys = dba_result_rows(keys);
  if (!n_keys)
    return dba_trial_unproven(trial, "%s has no rows to delete", parent);
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
    // A row that refers to itself stays: it is the parent.  A deferred check is made at once, inside the measured statement.
    bool own = !strcmp(parent, trial->table);
    g_autofree char *clear =
        g_strdup_printf("%sset constraints all immediate; set local session_replication_role = replica; "
                        "delete from %s where %s%s%s%s; set local session_replication_role = origin",
                        trial->isolate, trial->table, children->str, own ? " and not (" : "", own ? condition->str : "", own ? ")" : "");
    g_autofree char *sql = g_strdup_printf("delete from %s where %s", parent, condition->str);
    Measure b, a;
    if (!measured_run(trial, trial->before, DBA_TRIAL_BEFORE, clear, sql, &b, &problem) ||
        !measured_run(trial, trial->after, DBA_TRIAL_AFTER, clear, sql, &a, &problem))
      return dba_trial_outcome(trial, &problem, "deleting a parent row", error);
    if (b.rows < 1 || a.rows < 1)
      return dba_trial_unproven(trial, "a trigger or a rule kept the row of %s from being deleted", parent);
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

static bool size_of(DbaServer *server, const char *relation, Size size, double *ret_bytes, GError **error) {
  const char *parameters[] = {relation, NULL};
  g_autoptr(DbaResult) result = dba_server_query(server, dba_embedded_lab_sql("relation_sizes"), parameters, error);
  if (!result)
    return false;
  *ret_bytes = dba_result_real(result, 0, (int)size);
  return true;
}

static bool trial_reinsert(DbaTrial *trial, bool checked, GError **error) {
  g_autoptr(GError) problem = NULL;
  double size_before, size_after;
  if (!size_of(trial->before, trial->table, INDEX_BYTES, &size_before, error) ||
      !size_of(trial->after, trial->table, INDEX_BYTES, &size_after, error))
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
    if (!measured_run(trial, trial->before, DBA_TRIAL_BEFORE, take, sql, &b, &problem) ||
        !measured_run(trial, trial->after, DBA_TRIAL_AFTER, take, sql, &a, &problem))
      return dba_trial_outcome(trial, &problem, "inserting rows again", error);
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

// A table that was just written is extended by up to 64 pages at a time (hio.c, RelationAddBlocks); VACUUM FULL leaves
// what the rows need.  Both sides get it, so that like is compared with like.
static bool compact(DbaTrial *trial, const char *database, const char *table, GError **error) {
  g_autoptr(DbaServer) owner = dba_lab_connect(trial->setup->lab, DBA_LAB_SUPERUSER, database, error);
  g_autofree char *sql = g_strdup_printf("vacuum full %s", table);
  if (owner)
    dba_server_set_deadline(owner, trial->setup->deadline_us);
  return owner && dba_server_exec(owner, sql, error);
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
  if (!dba_server_exec(trial->after, sql, &problem) || !compact(trial, DBA_TRIAL_AFTER, "public.dbarch_now", &problem) ||
      !compact(trial, DBA_TRIAL_AFTER, "public.dbarch_proposed", &problem) ||
      !size_of(trial->after, "public.dbarch_now", TABLE_BYTES, &size_now, &problem) ||
      !size_of(trial->after, "public.dbarch_proposed", TABLE_BYTES, &size_proposed, &problem))
    return dba_trial_outcome(trial, &problem, "copying the table", error);
  if (size_now <= 0)
    return dba_trial_unproven(trial, "the table has no rows here");
  add_receipt(trial, "a fresh copy of the table in each order, VACUUM FULL", "size", "bytes", &size_now, &size_proposed, 1);
  DbaReceipt *receipt = dba_list_at(DbaReceipt, &trial->finding->receipts, trial->finding->receipts.n - 1);
  receipt->claimed = size_now - size_proposed >= size_now / 100; // less is not worth a word
  verdict(trial, false);
  return true;
}

static bool trial_up_down(DbaTrial *trial, GError **error) {
  double before, after;
  trial->finding->proof = "proven";
  if (!trial->finding->risk.rewritten.n) // the size is the same
    return true;
  trial->setup->before_ready = trial->setup->after_ready = false; // rewritten tables would favour one side in later trials
  if (!compact(trial, DBA_TRIAL_BEFORE, trial->table, error) || !compact(trial, DBA_TRIAL_AFTER, trial->table, error) ||
      !size_of(trial->before, trial->table, TOTAL_BYTES, &before, error) ||
      !size_of(trial->after, trial->table, TOTAL_BYTES, &after, error))
    return false;
  add_receipt(trial, "the table with its indexes, on disk, VACUUM FULL on both sides", "size", "bytes", &before, &after, 1);
  return true;
}

bool dba_trial_measure(DbaTrial *trial, GError **error) {
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

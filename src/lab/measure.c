// SPDX-License-Identifier: Apache-2.0
// What a change gains, measured in the two clones of a trial.
//
// Here stands what each kind of trial runs and measures; how runs are taken is measuring.h's.
#include "lab/measuring.h"
#include "lab/trial-int.h"

#include "sql/sql.h"

#include "lab-sql.h"

enum { LEAST_ROUNDS = 9, MOST_ROUNDS = 25, PATIENCE_MS = 1500, SAMPLE_ROWS = 1000 };

typedef enum Size { TABLE_BYTES, INDEX_BYTES, TOTAL_BYTES } Size; // columns of relation_sizes.sql

bool dba_lab_rows_of(DbaServer *server, const char *table, char **ret_text, GError **error) {
  g_autofree char *sql = g_strdup_printf("select count(*) from %s", table);
  g_autoptr(DbaResult) count = dba_server_query(server, sql, NULL, error);
  const char *parameters[] = {table, NULL};
  g_autoptr(DbaResult) size = count ? dba_server_query(server, dba_embedded_lab_sql("relation_sizes"), parameters, error) : NULL;
  if (!size)
    return false;
  g_autofree char *rows = dba_text_count(dba_result_real(count, 0, 0)), *bytes = dba_text_bytes(dba_result_int(size, 0, TABLE_BYTES));
  *ret_text = g_strdup_printf("%s: %s rows, %s", table, rows, bytes);
  return true;
}

bool dba_trial_rows_of(DbaTrial *trial, const char *table, char **ret_text, GError **error) {
  g_autoptr(DbaServer) original = dba_lab_connect(trial->setup->lab, DBA_LAB_SUBJECT_ROLE, trial->setup->database, error);
  if (original)
    dba_server_set_deadline(original, trial->setup->deadline_us);
  return original && dba_lab_rows_of(original, table, ret_text, error);
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

// What all receipts of the trial have in common.
static DbaReceipt frame_of(const DbaTrial *trial, const char *method) {
  DbaArena *arena = trial->setup->arena;
  g_autofree char *quoted_subject = trial->setup->subject ? g_shell_quote(trial->setup->subject) : g_strdup(""),
                  *quoted_object = g_shell_quote(trial->finding->object);
  bool made = trial->setup->generated && g_hash_table_contains(trial->setup->generated, trial->relation);
  return (DbaReceipt){.method = dba_arena_text(arena, method),
                      .server = dba_arena_format(arena, "PostgreSQL %s", dba_lab_version(trial->setup->lab)),
                      .locale = dba_arena_text(arena, trial->locale),
                      .settings = dba_arena_text(arena, trial->settings),
                      .rows_origin = made ? trial->setup->generated_origin : trial->setup->rows_origin,
                      .rows = dba_arena_text(arena, trial->rows),
                      .repeat = dba_arena_format(arena, "dbarch review %s%s--rule %s --object %s", quoted_subject,
                                                 *quoted_subject ? " " : "", trial->finding->rule, quoted_object)};
}

// Sizes do not vary from run to run.
static void add_size(DbaTrial *trial, const char *method, double before, double after) {
  DbaReceipt *receipt = dba_list_add(trial->setup->arena, &trial->finding->receipts, sizeof *receipt);
  *receipt = frame_of(trial, method);
  receipt->quantity = "size";
  receipt->unit = "bytes";
  receipt->before = receipt->before_low = receipt->before_high = before;
  receipt->after = receipt->after_low = receipt->after_high = after;
  receipt->n = 1;
  receipt->claimed = after < before;
}

// Proven when one of the promised quantities gains what its interval carries; with `all`, every one.  CPU is a witness only.
static void verdict(DbaTrial *trial, bool all) {
  unsigned claimed = 0, promised = 0;
  bool noise = false;
  for (DBA_EACH(DbaReceipt, receipt, &trial->finding->receipts)) {
    noise |= receipt->n > 1;
    if (!strcmp(receipt->quantity, "CPU"))
      continue;
    claimed += receipt->claimed;
    promised++;
  }
  if (all ? claimed == promised : claimed > 0) {
    trial->finding->proof = "proven";
    return;
  }
  trial->finding->proof =
      dba_arena_format(trial->setup->arena, "tried and rejected: no gain%s at %s", noise ? " beyond the noise" : "", trial->rows);
  trial->finding->rejected = true;
}

// The rounds of a trial, with their receipts.  *ret_go is false when the trial has its outcome: a database error, or rounds that touch no
// row where `idle` says what that means; with NULL they just give no receipts, unless `even_idle`.
static bool run_rounds(DbaTrial *trial, DbaRoundText text, void *data, const char *what, bool with_wal, const char *doing, const char *idle,
                       bool even_idle, bool *ret_go, DbaComparison *comparison, GError **error) {
  g_autoptr(GError) problem = NULL;
  *comparison = (DbaComparison){.lab = trial->setup->lab,
                                .admin = trial->admin,
                                .before = trial->before,
                                .after = trial->after,
                                .before_name = DBA_TRIAL_BEFORE,
                                .after_name = DBA_TRIAL_AFTER,
                                .text = text,
                                .data = data,
                                .least = LEAST_ROUNDS,
                                .most = MOST_ROUNDS,
                                .patience_ms = PATIENCE_MS,
                                .modules = trial->setup->modules,
                                .cold = trial->setup->cold};
  *ret_go = false;
  if (!dba_compare(comparison, &problem))
    return dba_trial_outcome(trial, &problem, doing, error);
  for (unsigned i = 0; i < comparison->n; i++)
    if (!even_idle && (comparison->runs[0][i].rows < 1 || comparison->runs[1][i].rows < 1)) {
      *ret_go = !idle;
      return !idle || dba_trial_unproven(trial, "%s", idle);
    }
  g_autofree char *method =
      g_strdup_printf("%s, %u runs each, interleaved%s, rolled back", what, comparison->n, trial->setup->cold ? ", caches cold" : "");
  DbaReceipt frame = frame_of(trial, method);
  (void)dba_comparison_receipts(comparison, &frame, with_wal, trial->setup->arena, &trial->finding->receipts);
  *ret_go = true;
  return true;
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

// Which parent row a round deletes.
typedef struct ParentDelete {
  const DbaTrial *trial;
  const DbaConstraint *key;
  const char *parent; // quoted
  const DbaResult *keys;
} ParentDelete;

static void append_equal(GString *sql, const DbaList *columns, const DbaResult *keys, int row) {
  for (uint32_t i = 0; i < columns->n; i++) {
    g_string_append(sql, i ? " and " : "");
    dba_sql_append_identifier(sql, dba_list_text(columns, i));
    g_string_append(sql, " = ");
    dba_sql_append_literal(sql, dba_result_text(keys, row, (int)i));
  }
}

static bool delete_text(int round, void *data, GString *prepare, GString *sql, GError **error) {
  (void)error;
  const ParentDelete *x = data;
  int row = MAX(round, 0) % dba_result_rows(x->keys);
  // A row that refers to itself stays: it is the parent.  A deferred check is made at once, inside the measured statement.
  bool own = !strcmp(x->parent, x->trial->table);
  g_string_append_printf(prepare, "%sset constraints all immediate; set local session_replication_role = replica; delete from %s where ",
                         x->trial->isolate, x->trial->table);
  append_equal(prepare, &x->key->columns, x->keys, row);
  if (own) {
    g_string_append(prepare, " and not (");
    append_equal(prepare, &x->key->ref_columns, x->keys, row);
    g_string_append_c(prepare, ')');
  }
  g_string_append(prepare, "; set local session_replication_role = origin");
  g_string_append_printf(sql, "delete from %s where ", x->parent);
  append_equal(sql, &x->key->ref_columns, x->keys, row);
  return true;
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
  g_string_append_printf(pick, ") is not null) p where dbarch_n %% greatest(dbarch_all / %d, 1) = 0 order by dbarch_n limit %d",
                         MOST_ROUNDS, MOST_ROUNDS);
  g_autoptr(DbaResult) keys = dba_server_query(trial->before, pick->str, NULL, &problem);
  if (!keys)
    return dba_trial_outcome(trial, &problem, "choosing parent rows", error);
  if (!dba_result_rows(keys))
    return dba_trial_unproven(trial, "%s has no rows to delete", parent);
  ParentDelete x = {trial, key, parent, keys};
  g_auto(DbaComparison) comparison = {0};
  g_autofree char *what = g_strdup_printf("delete one row of %s.%s that nothing refers to any more", key->ref_schema, key->ref_table);
  g_autofree char *idle = g_strdup_printf("a trigger or a rule kept the row of %s from being deleted", parent);
  bool go;
  if (!run_rounds(trial, delete_text, &x, what, false, "deleting a parent row", idle, false, &go, &comparison, error))
    return false;
  if (go)
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

typedef struct Texts {
  const char *prepare, *sql;
} Texts;

static bool same_text(int round, void *data, GString *prepare, GString *sql, GError **error) {
  (void)round, (void)error;
  const Texts *texts = data;
  g_string_append(prepare, texts->prepare);
  g_string_append(sql, texts->sql);
  return true;
}

static bool trial_reinsert(DbaTrial *trial, bool checked, GError **error) {
  double size_before, size_after;
  if (!size_of(trial->before, trial->table, INDEX_BYTES, &size_before, error) ||
      !size_of(trial->after, trial->table, INDEX_BYTES, &size_after, error))
    return false;
  if (!checked)
    add_size(trial, "all indexes of the table, on disk", size_before, size_after);
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
  Texts texts = {take, sql};
  g_auto(DbaComparison) comparison = {0};
  g_autofree char *what =
      g_strdup_printf("insert up to %d rows of %s.%s again", SAMPLE_ROWS, trial->relation->schema, trial->relation->name);
  bool go = true;
  if (trial->relation->columns.n &&
      !run_rounds(trial, same_text, &texts, what, true, "inserting rows again", NULL, false, &go, &comparison, error))
    return false;
  if (go)
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
  add_size(trial, "a fresh copy of the table in each order, VACUUM FULL", size_now, size_proposed);
  DbaReceipt *receipt = dba_list_at(DbaReceipt, &trial->finding->receipts, trial->finding->receipts.n - 1);
  receipt->claimed = size_now - size_proposed >= size_now / 100; // less is not worth a word
  verdict(trial, false);
  return true;
}

static bool trial_statement(DbaTrial *trial, GError **error) {
  Texts texts = {trial->finding->prepare ? trial->finding->prepare : "", trial->finding->sql};
  g_auto(DbaComparison) comparison = {0};
  bool go;
  dba_trial_vacuum(trial); // an index is read without its table where pages are known to be visible, as they are in production
  if (!run_rounds(trial, same_text, &texts, "the statement that gains most", false, "running the statement", NULL, true, &go, &comparison,
                  error))
    return false;
  if (go)
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
  add_size(trial, "the table with its indexes, on disk, VACUUM FULL on both sides", before, after);
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
  case DBA_TRIAL_STATEMENT: return trial_statement(trial, error);
  }
  return true;
}

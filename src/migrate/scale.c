// SPDX-License-Identifier: Apache-2.0
// How long a statement takes at production's size: measured at three sizes, fitted, extrapolated, and the fit shown.
//
// The sizes are stand-ins of the tables that the migrations name, made from the survey, the largest of which takes a second or so to work through.  What limits
// a statement at full size must limit it here too: maintenance_work_mem is scaled with the rows, so that a sort that would spill spills, and writes go to
// disk.  Building an index sorts: its time is fitted to n log n, anything else to n, each with a constant for what does not grow.
#include "migrate/verify-int.h"

#include <math.h>
#include <string.h>

enum { SIZES = 3, RUNS = 3, LARGEST_BYTES = 96 << 20, STEP = 3, FEWEST_ROWS = 2000, MOST_ROWS = 600000 };
enum { FULL_MEMORY_KB = 64 * 1024, LEAST_MEMORY_KB = 1024 };

// One statement that a finding is about.
typedef struct Measured {
  DbaFinding *finding;
  const DbaMigration *migration;
  const DbaRelation *relation; // of the survey
  bool sorts;
  double rows[SIZES], ms[SIZES];
} Measured;

typedef struct Scaling {
  const DbaLab *lab;
  const DbaMigrations *migrations;
  const char *from;
  const DbaScaleOptions *options;
  DbaFindings *findings;
  GArray *measured; // Measured
  GPtrArray *relations;
  GArray *borrowed;             // Borrowed
  double full_bytes, full_rows; // of them; rows of the largest
  int size;                     // under way
  double scale;
  DbaList *notes;
} Scaling;

static void note(const Scaling *scaling, const char *format, ...) DBA_PRINTF(2, 3);
static void note(const Scaling *scaling, const char *format, ...) {
  va_list args;
  va_start(args, format);
  g_autofree char *text = g_strdup_vprintf(format, args);
  va_end(args);
  dba_list_add_text(scaling->findings->arena, scaling->notes, text);
}

// ---- what is measured -----------------------------------------------------------------------------------------------

static double rows_of(const DbaRelation *relation) { return relation->rows > 0 ? relation->rows : (double)relation->live_rows; }

static const DbaRelation *find_relation(const DbaSurvey *survey, const char *name) {
  for (DBA_EACH(DbaRelation, relation, &survey->schema.relations)) {
    g_autofree char *quoted = dba_sql_name(relation->schema, relation->name);
    if (!strcmp(quoted, name))
      return relation;
  }
  return NULL;
}

static bool waits_for_work(const DbaFinding *finding) {
  static const char *const rules[] = {"index-blocks-writes", "index-blocks-all",       "check-blocks-writes", "check-blocks-all",
                                      "rewrite-blocks-all",  "lock-held-through-work", "all-rows-at-once",    NULL};
  return !finding->suppressed && g_strv_contains(rules, finding->rule);
}

// The table that the work grows with: what the finding names; else, for a change of all rows, what the statement names.
static const DbaRelation *relation_of(const Scaling *scaling, const DbaFinding *finding, const DbaSqlStatement *item) {
  for (DBA_EACH_TEXT(name, &finding->risk.tables)) {
    const DbaRelation *relation = find_relation(scaling->options->survey, *name);
    if (relation)
      return relation;
  }
  for (DBA_EACH(DbaRelation, relation, &scaling->options->survey->schema.relations))
    if (item->facts.name && !strcmp(item->facts.name, relation->name) &&
        (!item->facts.schema || !strcmp(item->facts.schema, relation->schema)))
      return relation;
  return NULL;
}

static const DbaSqlStatement *statement_of(const DbaMigration *migration, int64_t line) {
  for (DBA_EACH(DbaSqlStatement, item, &migration->up->items))
    if (item->item.kind == DBA_SQL_STATEMENT && item->item.place.line == line)
      return item;
  return NULL;
}

static void find_measured(Scaling *scaling) {
  for (DBA_EACH(DbaFinding, finding, &scaling->findings->findings)) {
    const DbaMigration *migration = waits_for_work(finding) ? dba_migrations_find(scaling->migrations, finding->object) : NULL;
    const DbaSqlStatement *item = migration ? statement_of(migration, finding->line) : NULL;
    Measured measured = {.finding = finding,
                         .migration = migration,
                         .relation = item ? relation_of(scaling, finding, item) : NULL,
                         .sorts = g_str_has_prefix(finding->rule, "index-")};
    if (measured.relation && rows_of(measured.relation) > 0)
      g_array_append_val(scaling->measured, measured);
  }
}

static void add_relation(Scaling *scaling, const DbaRelation *relation) {
  if (!relation || g_ptr_array_find(scaling->relations, relation, NULL))
    return;
  g_ptr_array_add(scaling->relations, (DbaRelation *)(uintptr_t)relation);
  const DbaSchema *schema = &scaling->options->survey->schema;
  for (DBA_EACH(DbaConstraint, key, &relation->constraints)) // what its rows refer to
    if (key->ref_table)
      add_relation(scaling, dba_schema_relation(schema, key->ref_schema, key->ref_table));
  for (DBA_EACH(DbaRelation, child, &schema->relations)) // where its rows lie
    if (child->partition_of && !strcmp(child->partition_of, relation->name) && !g_strcmp0(child->partition_of_schema, relation->schema))
      add_relation(scaling, child);
}

// Is it a word of the text?
static bool names(const char *text, const char *word) {
  size_t length = strlen(word);
  for (const char *at = text; (at = strstr(at, word)); at += length)
    if ((at == text || !(g_ascii_isalnum(at[-1]) || at[-1] == '_')) && !(g_ascii_isalnum(at[length]) || at[length] == '_'))
      return true;
  return false;
}

static bool is_judged(const Scaling *scaling, const DbaMigration *migration, bool *begun) {
  *begun = *begun || !scaling->from || !strcmp(migration->label, scaling->from);
  return *begun && migration->up;
}

// Also as it stands in quotes.
static bool is_named(const char *text, const DbaRelation *relation) {
  g_autofree char *quoted = dba_sql_name(NULL, relation->name);
  return names(text, relation->name) || (*quoted == '"' && strstr(text, quoted));
}

static void find_relations(Scaling *scaling) {
  bool begun = false;
  for (DBA_EACH(DbaMigration, migration, &scaling->migrations->migrations))
    for (DBA_EACH(DbaRelation, relation,
                  is_judged(scaling, migration, &begun) ? &scaling->options->survey->schema.relations : &(DbaList){0}))
      if (is_named(migration->up->text, relation))
        add_relation(scaling, relation);
  for (guint i = 0; i < scaling->relations->len; i++) {
    const DbaRelation *relation = scaling->relations->pdata[i];
    scaling->full_bytes += (double)relation->size_bytes;
    scaling->full_rows = fmax(scaling->full_rows, rows_of(relation));
  }
}

// ---- at one size ----------------------------------------------------------------------------------------------------

static void keep(Scaling *scaling, const DbaMigration *migration, const DbaSqlStatement *item, double ms) {
  for (guint i = 0; i < scaling->measured->len; i++) {
    Measured *measured = &g_array_index(scaling->measured, Measured, i);
    if (measured->migration != migration || measured->finding->line != item->item.place.line)
      continue;
    double *slot = &measured->ms[scaling->size];
    *slot = *slot > 0 ? fmin(*slot, ms) : ms;
    measured->rows[scaling->size] = rows_of(measured->relation) * scaling->scale;
  }
}

// In a transaction that is rolled back, but for the last time.
static bool run_once(Scaling *scaling, DbaLabSession *session, const DbaMigration *migration, bool stays, GError **error) {
  DbaServer *server = dba_lab_session_server(session);
  bool one = migration->up->mode == DBA_SCRIPT_ONE_TRANSACTION;
  if (one && !dba_server_exec(server, "begin", error))
    return false;
  for (DBA_EACH(DbaSqlStatement, item, &migration->up->items)) {
    gint64 from = g_get_monotonic_time();
    if (!dba_lab_session_run(session, item, error))
      return false;
    keep(scaling, migration, item, (double)(g_get_monotonic_time() - from) / 1e3);
  }
  return !one || dba_server_exec(server, stays ? "commit" : "rollback", error);
}

static bool is_flagged(const Scaling *scaling, const DbaMigration *migration) {
  for (guint i = 0; i < scaling->measured->len; i++)
    if (g_array_index(scaling->measured, Measured, i).migration == migration)
      return true;
  return false;
}

// What fails on rows like production's is said once, and passed over.
static void tell_failure(const Scaling *scaling, const DbaMigration *migration, const GError *problem) {
  const char *newline = strchr(problem->message, '\n');
  g_autofree char *first = g_strndup(problem->message, newline ? (size_t)(newline - problem->message) : strlen(problem->message));
  if (scaling->size == 0)
    note(scaling, "not measured at production's size: %s does not run on the schema and rows of the survey: %s%s", migration->label, first,
         scaling->from ? "" : " (hint: --from names the first that production has not run)");
}

static bool run_one(Scaling *scaling, DbaLabSession *session, const DbaMigration *migration, GError **error) {
  DbaServer *server = dba_lab_session_server(session);
  bool repeats = is_flagged(scaling, migration) && migration->up->mode == DBA_SCRIPT_ONE_TRANSACTION, ok = true;
  g_autoptr(GError) problem = NULL;
  for (int run = 0; ok && run < (repeats ? RUNS : 1); run++)
    ok = run_once(scaling, session, migration, run + 1 == (repeats ? RUNS : 1), &problem);
  if (ok)
    return true;
  if (!g_error_matches(problem, DBA_ERROR, DBA_ERROR_DATABASE) && !g_error_matches(problem, DBA_ERROR, DBA_ERROR_INPUT) &&
      !g_error_matches(problem, DBA_ERROR, DBA_ERROR_REFUSED))
    return g_propagate_error(error, g_steal_pointer(&problem)), false;
  tell_failure(scaling, migration, problem);
  return !dba_server_in_transaction(server) || dba_server_exec(server, "rollback", error);
}

static bool run_migrations(Scaling *scaling, const char *database, GError **error) {
  g_autoptr(DbaLoad) load = dba_load_new();
  load->deadline_us = scaling->options->deadline_us;
  g_autoptr(DbaLabSession) session = dba_lab_session_open(scaling->lab, database, scaling->migrations->folder, load, error);
  double memory_kb = CLAMP(FULL_MEMORY_KB * scaling->scale, LEAST_MEMORY_KB, FULL_MEMORY_KB);
  g_autofree char *memory = g_strdup_printf("set maintenance_work_mem = %.0f", memory_kb);
  bool begun = false;
  if (!session || !dba_server_exec(dba_lab_session_server(session), memory, error))
    return false;
  for (DBA_EACH(DbaMigration, migration, &scaling->migrations->migrations))
    if (is_judged(scaling, migration, &begun) && !run_one(scaling, session, migration, error))
      return false;
  return true;
}

static bool run_size(Scaling *scaling, double share, GError **error) {
  g_autoptr(DbaLoad) load = dba_load_new();
  g_autofree char *database = g_strdup_printf("size%d", scaling->size);
  DbaStandIn options = {
      .percent = fmin(share * 100, 100), .seed = 1, .relations = scaling->relations, .deadline_us = scaling->options->deadline_us};
  if (scaling->options->progress) {
    g_autofree char *line = g_strdup_printf("durations: %.3g %% of production's rows", options.percent);
    scaling->options->progress(scaling->options->progress_data, line);
  }
  if (!dba_lab_create_stand_in(scaling->lab, database, scaling->options->survey, &options, load, &scaling->scale, error))
    return false;
  if (!dba_lab_set_time_zone(scaling->lab, database, scaling->options->survey, error))
    return false;
  g_autoptr(DbaServer) settling = dba_lab_connect(scaling->lab, DBA_LAB_SUPERUSER, database, error);
  if (!settling || !dba_keys_drop_borrowed(settling, scaling->borrowed, error) || !dba_server_exec(settling, "checkpoint", error))
    return false;
  dba_server_close(g_steal_pointer(&settling));
  return run_migrations(scaling, database, error) && dba_lab_drop_database(scaling->lab, database, error);
}

// ---- the fit --------------------------------------------------------------------------------------------------------

static double grown(double rows, bool sorts) { return sorts ? rows * log2(fmax(rows, 2)) : rows; }

// t = a + b f(n), by least squares of relative errors, neither below zero.
typedef struct Fit {
  bool sorts;
  double a, b, worst; // worst: relative error at the sizes
} Fit;

static Fit fit(const Measured *measured, bool sorts) {
  double w = 0, x = 0, y = 0, xx = 0, xy = 0;
  Fit fit = {.sorts = sorts};
  for (int i = 0; i < SIZES; i++) {
    double f = grown(measured->rows[i], sorts), weight = 1 / (measured->ms[i] * measured->ms[i]);
    w += weight;
    x += weight * f;
    y += weight * measured->ms[i];
    xx += weight * f * f;
    xy += weight * f * measured->ms[i];
  }
  double d = w * xx - x * x;
  fit.b = d > 0 ? (w * xy - x * y) / d : 0;
  fit.a = (y - fit.b * x) / w;
  if (fit.a < 0) {
    fit.a = 0;
    fit.b = xy / xx;
  }
  if (fit.b < 0) {
    fit.b = 0;
    fit.a = y / w;
  }
  for (int i = 0; i < SIZES; i++)
    fit.worst = fmax(fit.worst, fabs((fit.a + fit.b * grown(measured->rows[i], sorts)) / measured->ms[i] - 1));
  return fit;
}

// Building an index sorts; what writes a table anew builds its indexes too, and the measurements say which of both takes longer.
static Fit best_fit(const Measured *measured) {
  Fit sorts = fit(measured, true), linear = fit(measured, false);
  return measured->sorts || sorts.worst < 0.7 * linear.worst ? sorts : linear;
}

// How bad a wait is, its length says; a fit is good to a factor of 2.
static void weigh(const Scaling *scaling, DbaFinding *finding, double ms) {
  double limit = scaling->options->wait_limit_ms;
  g_autofree char *told = dba_text_duration(ms), *allowed = dba_text_duration(limit);
  if (limit > 0)
    finding->severity = ms > 2 * limit ? DBA_MUST_FIX : ms > limit / 2 ? DBA_WORTH_IT : DBA_NOTE;
  finding->severity_name = dba_severity_name((DbaSeverity)finding->severity);
  finding->what = dba_arena_format(scaling->findings->arena, "%s At production's size that is about %s%s%s.", finding->what, told,
                                   limit > 0 ? "; clients may wait " : "", limit > 0 ? allowed : "");
}

static void tell(const Scaling *scaling, const Measured *measured) {
  DbaArena *arena = scaling->findings->arena;
  DbaFinding *finding = measured->finding;
  double full = rows_of(measured->relation);
  g_autoptr(GString) points = g_string_new(NULL);
  if (!g_ptr_array_find(scaling->relations, measured->relation, NULL)) // it had no rows here
    return;
  for (int i = 0; i < SIZES; i++) {
    g_autofree char *ms = dba_text_duration(measured->ms[i]), *rows = dba_text_count(measured->rows[i]);
    if (measured->ms[i] <= 0)
      return;
    g_string_append_printf(points, "%s%s at %s rows", i ? ", " : "", ms, rows);
  }
  Fit best = best_fit(measured);
  bool whole = measured->rows[SIZES - 1] >= 0.99 * full; // then nothing needs to be foretold
  double ms = whole ? measured->ms[SIZES - 1] : best.a + best.b * grown(full, best.sorts);
  g_autofree char *told = dba_text_duration(ms), *rows = dba_text_count(full), *bytes = dba_text_bytes(measured->relation->size_bytes);
  finding->risk.duration_ms = ms;
  weigh(scaling, finding, ms);
  finding->risk.duration_note =
      whole ? dba_arena_format(arena, "%s at all %s rows (%s), measured", told, rows, bytes)
            : dba_arena_format(arena, "about %s at %s rows (%s): %s; %s, within %.0f %% of those", told, rows, bytes, points->str,
                               best.b <= 0  ? "the same at all sizes"
                               : best.sorts ? "fitted to n log n"
                                            : "fitted to n",
                               best.worst * 100);
}

// ---- the whole ------------------------------------------------------------------------------------------------------

bool dba_migrations_measure(const DbaLab *lab, const DbaMigrations *migrations, const char *from, const DbaScaleOptions *options,
                            DbaFindings *findings, DbaList *notes, GError **error) {
  g_autoptr(GArray) measured = g_array_new(FALSE, FALSE, sizeof(Measured)), borrowed = g_array_new(FALSE, FALSE, sizeof(DbaBorrowedKey));
  g_autoptr(GPtrArray) relations = g_ptr_array_new();
  Scaling scaling = {.lab = lab,
                     .migrations = migrations,
                     .from = from,
                     .options = options,
                     .findings = findings,
                     .measured = measured,
                     .relations = relations,
                     .borrowed = borrowed,
                     .notes = notes};
  find_measured(&scaling);
  if (!measured->len)
    return true;
  g_autoptr(GPtrArray) judged = g_ptr_array_new();
  bool begun = false;
  for (DBA_EACH(DbaMigration, migration, &migrations->migrations))
    if (is_judged(&scaling, migration, &begun))
      g_ptr_array_add(judged, migration);
  if (!dba_keys_borrow(lab, migrations, judged, options->survey, borrowed, error))
    return false;
  find_relations(&scaling);
  double largest = fmin(1, fmin(LARGEST_BYTES / fmax(scaling.full_bytes, 1), MOST_ROWS / fmax(scaling.full_rows, 1)));
  largest = fmin(1, fmax(largest, FEWEST_ROWS * STEP * STEP / fmax(scaling.full_rows, 1)));
  if (options->percent > 0)
    largest = fmin(1, options->percent / 100);
  for (scaling.size = 0; scaling.size < SIZES; scaling.size++)
    if (!run_size(&scaling, largest / pow(STEP, SIZES - 1 - scaling.size), error))
      return false;
  for (guint i = 0; i < measured->len; i++)
    tell(&scaling, &g_array_index(measured, Measured, i));
  return true;
}

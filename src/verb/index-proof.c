// SPDX-License-Identifier: Apache-2.0
// The proof of a set: it is built on rows, and every statement of the workload runs with and without it.
//
// Rows are the subject's own where it is SQL files, else a stand-in's.  Two clones stand side by side; in one the set is made of what is there.  Runs alternate
// (lab/compare.c), and those of statements that write are rolled back.  An index that no statement is measurably quicker with is not worth its keep,
// whatever was planned; a statement that is slower by more than a tenth is told.
#include "verb/index-run.h"

#include "lab/measuring.h"
#include "sql/sql.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char BEFORE[] = "index_before", AFTER[] = "index_after";
enum { LEAST_RUNS = 5, MOST_RUNS = 11, PATIENCE_MS = 1500 };
enum { LEAST_MS = 100, MOST_MS = 60000 };           // of a run
static const int64_t MOST_BYTES = (int64_t)1 << 30; // of a stand-in, unless --rows says otherwise
static const double SLOWER = 1.1;

typedef struct Prover {
  DbaIndexRun *run;
  const DbaIndexPoint *point;
  const DbaSurvey *survey;
  DbaLabRows on;
  DbaServer *admin, *before, *after;
  gint64 deadline_us;
} Prover;

static const DbaIndexCandidate *candidate_at(const Prover *prover, int64_t id) {
  return dba_list_at(DbaIndexCandidate, &prover->run->advice.candidates, id);
}

// ---- building -------------------------------------------------------------------------------------------------------

static bool build(Prover *prover, int64_t id, GError **error) {
  const DbaIndexCandidate *candidate = candidate_at(prover, id);
  g_autofree char *name = g_strdup_printf("dbarch_%" G_GINT64_FORMAT, id), *full = dba_sql_name(candidate->schema, name);
  const char *rest = candidate->definition + strlen("CREATE INDEX ");
  const DbaRelation *relation = dba_schema_relation(&prover->survey->schema, candidate->schema, candidate->table);
  bool parted = relation && !strcmp(relation->kind, "partitioned table"); // there CONCURRENTLY is refused
  g_autofree char *sql = g_strdup_printf("CREATE INDEX %s%s %s", parted ? "" : "CONCURRENTLY ", name, rest);
  g_autofree char *table = dba_sql_name(candidate->schema, candidate->table), *rows = NULL;
  gint64 begin = g_get_monotonic_time();
  g_autoptr(GError) problem = NULL;
  DbaIndexBuilt *built = dba_list_add(prover->run->arena, &prover->run->proof.built, sizeof *built);
  *built = (DbaIndexBuilt){.candidate = id, .predicted_bytes = prover->on.share >= 1 ? candidate->bytes : 0};
  if (!dba_server_exec(prover->after, sql, &problem)) {
    if (!g_error_matches(problem, DBA_ERROR, DBA_ERROR_DATABASE)) {
      g_propagate_error(error, g_steal_pointer(&problem));
      return false;
    }
    built->problem = dba_arena_text(prover->run->arena, problem->message);
    return true;
  }
  built->ms = (double)(g_get_monotonic_time() - begin) / 1e3;
  if (!parted && !dba_lab_rows_of(prover->after, table, &rows, error))
    return false;
  built->rows = rows ? dba_arena_text(prover->run->arena, rows) : NULL;
  return dba_lab_index_bytes(prover->after, full, &built->bytes, error);
}

static bool make_set(Prover *prover, GError **error) {
  for (uint32_t id = 0; id < prover->run->advice.candidates.n; id++) {
    const DbaIndexCandidate *candidate = candidate_at(prover, id);
    bool chosen = dba_list_has_int(&prover->point->chosen, id);
    if (candidate->existing ? candidate->kept || chosen : !chosen)
      continue;
    if (!candidate->existing) {
      if (!build(prover, id, error))
        return false;
      continue;
    }
    g_autofree char *name = dba_sql_name(candidate->schema, candidate->existing), *sql = g_strdup_printf("DROP INDEX %s", name);
    if (!dba_server_exec(prover->after, sql, error))
      return false;
  }
  g_autoptr(DbaServer) owner = dba_lab_connect(prover->on.lab, DBA_LAB_SUPERUSER, AFTER, error);
  return owner && dba_lab_analyze_new(owner, error);
}

// ---- running --------------------------------------------------------------------------------------------------------

static bool statement_text(int round, void *data, GString *prepare, GString *sql, GError **error) {
  (void)round, (void)error;
  dba_index_statement_sql(data, prepare, sql);
  return true;
}

// No run may take what is left of the time from the others: each gets a part of it.
static bool limit(const Prover *prover, GError **error) {
  gint64 left_ms = (prover->deadline_us - g_get_monotonic_time()) / 1000 / (2 * (LEAST_RUNS + 1));
  g_autofree char *sql = g_strdup_printf("set statement_timeout = %" G_GINT64_FORMAT, CLAMP(left_ms, LEAST_MS, MOST_MS));
  return dba_server_exec(prover->before, sql, error) && dba_server_exec(prover->after, sql, error);
}

static bool measure(Prover *prover, const DbaIndexStatement *statement, DbaIndexProof *proof, GError **error) {
  DbaEffect time, buffers, wal;
  g_auto(DbaComparison) comparison = {.lab = prover->on.lab,
                                      .admin = prover->admin,
                                      .before = prover->before,
                                      .after = prover->after,
                                      .before_name = BEFORE,
                                      .after_name = AFTER,
                                      .text = statement_text,
                                      .data = (void *)(uintptr_t)statement,
                                      .least = LEAST_RUNS,
                                      .most = MOST_RUNS,
                                      .patience_ms = PATIENCE_MS,
                                      .modules = prover->run->request->home.modules};
  g_autoptr(GError) problem = NULL;
  if (!limit(prover, error))
    return false;
  if (!dba_compare(&comparison, &problem)) {
    if (!g_error_matches(problem, DBA_ERROR, DBA_ERROR_DATABASE)) {
      g_propagate_error(error, g_steal_pointer(&problem));
      return false;
    }
    proof->problem = dba_arena_text(prover->run->arena, problem->message);
    return dba_server_exec(prover->before, "rollback", error) && dba_server_exec(prover->after, "rollback", error);
  }
  if (dba_comparison_effect(&comparison, DBA_QUANTITY_TIME, &time))
    *proof = (DbaIndexProof){.statement = proof->statement,
                             .runs = time.n,
                             .before_ms = time.before,
                             .after_ms = time.after,
                             .ratio = time.ratio,
                             .ratio_low = time.ratio_low,
                             .ratio_high = time.ratio_high};
  if (dba_comparison_effect(&comparison, DBA_QUANTITY_BUFFERS, &buffers)) {
    proof->before_buffers = buffers.before;
    proof->after_buffers = buffers.after;
  }
  if (dba_comparison_effect(&comparison, DBA_QUANTITY_WAL, &wal)) {
    proof->before_wal = wal.before;
    proof->after_wal = wal.after;
  }
  proof->slower = proof->ratio_low > SLOWER;
  proof->quicker = proof->runs > 0 && proof->ratio_high < 1;
  return true;
}

static bool measure_all(Prover *prover, GError **error) {
  DbaIndexRun *run = prover->run;
  for (DBA_EACH(DbaIndexServed, served, &prover->point->served)) {
    const DbaIndexStatement *statement = dba_list_at(DbaIndexStatement, &run->advice.statements, served->statement);
    DbaIndexProof *proof = dba_list_add(run->arena, &run->proof.statements, sizeof *proof);
    proof->statement = served->statement;
    if (!g_strcmp0(statement->origin, "a generic plan"))
      proof->problem = "its parameters have no values that are known";
    else if (g_get_monotonic_time() > prover->deadline_us)
      proof->problem = "the time of --budget was used up";
    else {
      dba_request_progress(run->request, "measuring %u of %u", run->proof.statements.n, run->advice.statements.n);
      if (!measure(prover, statement, proof, error))
        return false;
    }
  }
  return true;
}

// ---- what it says ---------------------------------------------------------------------------------------------------

// Those whose gain does not show: no statement that uses it got measurably quicker, and one that does was measured.
static void find_vain(DbaIndexRun *run, const DbaIndexPoint *point) {
  for (DBA_EACH(DbaIndexBuilt, built, &run->proof.built)) {
    bool measured = false, shown = false;
    for (DBA_EACH(DbaIndexServed, served, &point->served))
      for (uint32_t i = 0; i < served->by.n; i++) {
        if (dba_list_int(&served->by, i) != built->candidate)
          continue;
        for (DBA_EACH(DbaIndexProof, proof, &run->proof.statements)) {
          measured |= proof->statement == served->statement && proof->runs > 0;
          shown |= proof->statement == served->statement &&
                   (proof->quicker || (proof->runs > 0 && proof->after_buffers < proof->before_buffers * 0.9));
        }
      }
    built->vain = measured && !shown && !built->problem;
  }
}

static bool is_vain(const DbaIndexRun *run, int64_t candidate) {
  for (DBA_EACH(DbaIndexBuilt, built, &run->proof.built))
    if (built->candidate == candidate && built->vain)
      return true;
  return false;
}

// The migrations leave them out: what used one is measured as it will be.
static bool measure_without_vain(Prover *prover, GError **error) {
  DbaIndexRun *run = prover->run;
  for (DBA_EACH(DbaIndexBuilt, built, &run->proof.built)) {
    g_autofree char *name = g_strdup_printf("dbarch_%" G_GINT64_FORMAT, built->candidate),
                    *full = dba_sql_name(candidate_at(prover, built->candidate)->schema, name),
                    *sql = g_strdup_printf("DROP INDEX %s", full);
    g_autoptr(DbaServer) owner = built->vain ? dba_lab_connect(prover->on.lab, DBA_LAB_SUPERUSER, AFTER, error) : NULL;
    if (built->vain && (!owner || !dba_server_exec(owner, sql, error)))
      return false;
  }
  for (DBA_EACH(DbaIndexProof, proof, &run->proof.statements))
    for (DBA_EACH(DbaIndexServed, served, &prover->point->served)) {
      bool uses = false;
      for (uint32_t i = 0; i < served->by.n; i++)
        uses |= is_vain(run, dba_list_int(&served->by, i));
      if (served->statement != proof->statement || !uses || !proof->runs || g_get_monotonic_time() > prover->deadline_us)
        continue;
      dba_request_progress(run->request, "measuring without what is in vain");
      if (!measure(prover, dba_list_at(DbaIndexStatement, &run->advice.statements, proof->statement), proof, error))
        return false;
    }
  return true;
}

static int compare_real(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

static double rank_of(const double *sorted, unsigned n, double value) {
  unsigned below = 0, same = 0;
  for (unsigned i = 0; i < n; i++) {
    below += sorted[i] < value;
    same += sorted[i] <= value && sorted[i] >= value;
  }
  return below + (same + 1) / 2.0;
}

// Spearman's: of promised and measured ratios, ties at their mean rank.  NaN with fewer than three statements.
static double correlate(const DbaIndexRun *run, const DbaIndexPoint *point) {
  g_autofree double *promised = g_new(double, run->proof.statements.n + 1), *measured = g_new(double, run->proof.statements.n + 1);
  unsigned n = 0;
  for (DBA_EACH(DbaIndexProof, proof, &run->proof.statements))
    for (DBA_EACH(DbaIndexServed, served, &point->served))
      if (served->statement == proof->statement && proof->runs > 0 && served->before > 0) {
        promised[n] = served->after / served->before;
        measured[n++] = proof->ratio;
      }
  if (n < 3)
    return NAN;
  g_autofree double *p = g_memdup2(promised, n * sizeof *p), *m = g_memdup2(measured, n * sizeof *m);
  qsort(p, n, sizeof *p, compare_real);
  qsort(m, n, sizeof *m, compare_real);
  double mean = (n + 1) / 2.0, both = 0, of_p = 0, of_m = 0;
  for (unsigned i = 0; i < n; i++) {
    double x = rank_of(p, n, promised[i]) - mean, y = rank_of(m, n, measured[i]) - mean;
    both += x * y;
    of_p += x * x;
    of_m += y * y;
  }
  return of_p > 0 && of_m > 0 ? both / sqrt(of_p * of_m) : NAN;
}

static bool prove(Prover *prover, GError **error) {
  DbaLabRows *on = &prover->on;
  if (on->ours && !dba_lab_set_fsync(on->lab, true, error))
    return false;
  g_autoptr(DbaServer) owner = dba_lab_connect(on->lab, DBA_LAB_SUPERUSER, on->database, error);
  if (!owner || !dba_server_exec(owner, "vacuum analyze", error))
    return false;
  g_clear_pointer(&owner, dba_server_close);
  dba_request_progress(prover->run->request, "cloning the rows");
  if (!dba_lab_create_database(on->lab, BEFORE, on->database, error) || !dba_lab_create_database(on->lab, AFTER, on->database, error))
    return false;
  prover->admin = dba_lab_connect(on->lab, DBA_LAB_SUPERUSER, "postgres", error);
  prover->before = prover->admin ? dba_lab_connect_as_person(on->lab, on->role, BEFORE, error) : NULL;
  prover->after = prover->before ? dba_lab_connect_as_person(on->lab, on->role, AFTER, error) : NULL;
  if (!prover->after || !dba_server_exec(prover->before, "set plan_cache_mode = force_custom_plan", error) ||
      !dba_server_exec(prover->after, "set plan_cache_mode = force_custom_plan", error))
    return false;
  dba_request_progress(prover->run->request, "building the set");
  if (!make_set(prover, error) || !measure_all(prover, error))
    return false;
  find_vain(prover->run, prover->point);
  if (!measure_without_vain(prover, error))
    return false;
  prover->run->proof.correlation = correlate(prover->run, prover->point);
  prover->run->proof.rows = dba_arena_text(prover->run->arena, on->rows);
  return dba_lab_describe(prover->admin, prover->run->arena, &prover->run->proof.settings, &prover->run->proof.locale, error);
}

bool dba_index_run_prove(DbaIndexRun *run, const DbaSurvey *survey, GError **error) {
  DbaRequest inner = *run->request;
  const char *words[] = {"index", run->request->words[0], NULL};
  Prover prover = {.run = run, .survey = survey, .point = dba_index_run_answer(run)};
  prover.deadline_us = g_get_monotonic_time() + (gint64)(run->request->budget_seconds * G_USEC_PER_SEC);
  inner.words = words;
  inner.workload = NULL;
  inner.size_bytes = run->request->percent > 0 ? 0 : MOST_BYTES;
  bool ok = dba_lab_rows_open(&inner, run->arena, run->answer, &prover.on, error) && prove(&prover, error);
  dba_server_close(prover.admin);
  dba_server_close(prover.before);
  dba_server_close(prover.after);
  dba_lab_rows_clear(&prover.on);
  return ok;
}

// SPDX-License-Identifier: Apache-2.0
// The optimum of a program: its relaxation by Clp, what is left of it by Cbc.
//
// Between the relaxation and a set that is known lies little, and what a column would add to the relaxation is told by its reduced
// cost: one that would add more than lies between is in no better set.  So most columns go before the search begins
// (reduced-cost fixing; Nemhauser and Wolsey 1988, II.5.2).  The relaxations of one program follow each other from budget to budget by a few steps of
// the dual simplex.  This is the one file that includes Clp and Cbc.
#include "index/program.h"

#include <coin/Cbc_C_Interface.h>
#include <coin/Clp_C_Interface.h>

#include <math.h>
#include <string.h>

enum { MOST_NODES = 200 };

void dba_index_program_forget(DbaIndexProgram *program) {
  if (program->relaxation)
    Clp_deleteModel(program->relaxation);
  program->relaxation = NULL;
}

static double budget_mb(int64_t bytes) { return bytes < 0 ? 1e9 : (double)bytes / 1048576; }

// The relaxation within the budget.
static Clp_Simplex *relax(DbaIndexProgram *program, int64_t budget_bytes) {
  Clp_Simplex *clp = program->relaxation;
  g_array_index(program->row_upper, double, DBA_INDEX_BUDGET_ROW) = budget_mb(budget_bytes);
  if (clp) {
    Clp_rowUpper(clp)[DBA_INDEX_BUDGET_ROW] = budget_mb(budget_bytes);
    Clp_dual(clp, 0);
    return clp;
  }
  g_autofree double *lower = g_new0(double, program->n_columns + 1), *upper = g_new(double, program->n_columns + 1),
                    *row_lower = g_new(double, program->n_rows + 1);
  for (int i = 0; i < program->n_columns; i++)
    upper[i] = 1;
  for (int i = 0; i < program->n_rows; i++)
    row_lower[i] = -1e30;
  clp = program->relaxation = Clp_newModel();
  Clp_setLogLevel(clp, 0);
  Clp_loadProblem(clp, program->n_columns, program->n_rows, (int *)(void *)program->starts->data, (int *)(void *)program->rows->data,
                  (double *)(void *)program->values->data, lower, upper, (double *)(void *)program->objective->data, row_lower,
                  (double *)(void *)program->row_upper->data);
  Clp_dual(clp, 0);
  return clp;
}

// In the program's unit.
static double value_of(const DbaIndexProgram *program, const bool *chosen) {
  return (dba_index_model_cost(program->model, chosen) - program->all) * program->scale;
}

// A plan goes with an index that it uses: the rows of its column, but for that of its statement, are those of its indexes.
static void drop_unbound(const DbaIndexProgram *program, bool *kept) {
  g_autofree bool *row_kept = g_new0(bool, program->n_rows + 1);
  for (int i = 0; i < program->n_x; i++)
    for (int at = g_array_index(program->starts, int, i); kept[i] && at < g_array_index(program->starts, int, i + 1); at++)
      row_kept[g_array_index(program->rows, int, at)] = true;
  for (int i = program->n_x; i < program->n_plans; i++)
    for (int at = g_array_index(program->starts, int, i) + 1; kept[i] && at < g_array_index(program->starts, int, i + 1); at++)
      kept[i] = row_kept[g_array_index(program->rows, int, at)];
}

// The columns that could be in a set that is better than one that is known, of that value.
static bool *promising_columns(const DbaIndexProgram *program, Clp_Simplex *clp, double known) {
  const double *reduced = Clp_dualColumnSolution(clp), *solution = Clp_primalColumnSolution(clp);
  double room = known - Clp_objectiveValue(clp) + 1e-3;
  bool *kept = g_new0(bool, program->n_columns + 1);
  for (int i = 0; i < program->n_columns; i++)
    kept[i] = i >= program->n_plans || solution[i] > 1e-9 || reduced[i] <= room;
  drop_unbound(program, kept);
  return kept;
}

void dba_index_round(DbaIndexProgram *program, int64_t budget_bytes, bool *chosen) {
  memset(chosen, 0, program->model->n_candidates * sizeof *chosen);
  if (!program->n_x)
    return;
  const double *solution = Clp_primalColumnSolution(relax(program, budget_bytes));
  for (int i = 0; i < program->n_x; i++)
    chosen[program->of[i]] = solution[i] > 1 - 1e-6;
}

void dba_index_promising(DbaIndexProgram *program, int64_t budget_bytes, const bool *chosen, double more, bool *ret_flags) {
  if (!program->n_x)
    return;
  Clp_Simplex *clp = relax(program, budget_bytes);
  double known = value_of(program, chosen);
  g_autofree bool *kept = promising_columns(program, clp, known + more);
  for (int i = 0; i < program->n_x; i++)
    ret_flags[program->of[i]] |= kept[i];
}

// ---- what is left ---------------------------------------------------------------------------------------------------

typedef struct Rest {
  GArray *starts, *rows, *values, *objective;
  int *of; // columns of the program
  int n_x, n;
} Rest;

static void take_columns(const DbaIndexProgram *program, const bool *kept, Rest *rest) {
  int zero = 0;
  g_array_append_val(rest->starts, zero);
  for (int i = 0; i < program->n_columns; i++) {
    if (!kept[i])
      continue;
    int from = g_array_index(program->starts, int, i), to = g_array_index(program->starts, int, i + 1);
    g_array_append_vals(rest->rows, &g_array_index(program->rows, int, from), (guint)(to - from));
    g_array_append_vals(rest->values, &g_array_index(program->values, double, from), (guint)(to - from));
    g_array_append_val(rest->objective, g_array_index(program->objective, double, i));
    int at = (int)rest->rows->len;
    g_array_append_val(rest->starts, at);
    rest->of[rest->n++] = i;
    rest->n_x += i < program->n_x;
  }
}

static void search(const DbaIndexProgram *program, const Rest *rest, double close, gint64 deadline_us, const bool *from, bool *chosen,
                   double *ret_bound) {
  g_autofree double *lower = g_new0(double, rest->n + 1), *upper = g_new(double, rest->n + 1),
                    *row_lower = g_new(double, program->n_rows + 1), *start = g_new0(double, rest->n_x + 1);
  g_autofree int *places = g_new(int, rest->n_x + 1);
  g_autofree char *nodes = g_strdup_printf("%d", MOST_NODES), *gap = g_strdup_printf("%.3f", close);
  for (int i = 0; i < rest->n; i++)
    upper[i] = 1;
  for (int i = 0; i < program->n_rows; i++)
    row_lower[i] = -1e30;
  Cbc_Model *cbc = Cbc_newModel();
  Cbc_loadProblem(cbc, rest->n, program->n_rows, (int *)(void *)rest->starts->data, (int *)(void *)rest->rows->data,
                  (double *)(void *)rest->values->data, lower, upper, (double *)(void *)rest->objective->data, row_lower,
                  (double *)(void *)program->row_upper->data);
  for (int i = 0; i < rest->n_x; i++) {
    Cbc_setInteger(cbc, i);
    places[i] = i;
    start[i] = from[program->of[rest->of[i]]];
  }
  Cbc_setMIPStartI(cbc, rest->n_x, places, start);
  Cbc_setParameter(cbc, "log", "0");
  Cbc_setParameter(cbc, "allow", gap);
  Cbc_setParameter(cbc, "maxN", nodes);
  if (deadline_us) {
    g_autofree char *seconds = g_strdup_printf("%.2f", MAX(0.05, (double)(deadline_us - g_get_monotonic_time()) / 1e6));
    Cbc_setParameter(cbc, "sec", seconds);
  }
  Cbc_solve(cbc);
  const double *solution = Cbc_isProvenInfeasible(cbc) ? NULL : Cbc_getColSolution(cbc);
  for (int i = 0; solution && i < rest->n_x; i++)
    chosen[program->of[rest->of[i]]] = solution[i] > 0.5;
  *ret_bound = Cbc_getBestPossibleObjValue(cbc);
  Cbc_deleteModel(cbc);
}

bool dba_index_solve(DbaIndexProgram *program, int64_t budget_bytes, double close, gint64 deadline_us, bool *chosen, double *ret_bound,
                     GError **error) {
  *ret_bound = program->all;
  if (!program->n_x)
    return true;
  Clp_Simplex *clp = relax(program, budget_bytes);
  if (Clp_status(clp) != 0)
    return dba_fail(error, DBA_ERROR_BUG, "the program of the index advisor has no relaxation: status %d", Clp_status(clp));
  double relaxed = Clp_objectiveValue(clp), known = value_of(program, chosen), bound = relaxed;
  if (known - relaxed > close && !(deadline_us && g_get_monotonic_time() > deadline_us)) {
    g_autofree bool *kept = promising_columns(program, clp, known), *found = g_new0(bool, program->model->n_candidates + 1);
    Rest rest = {.starts = g_array_new(FALSE, FALSE, sizeof(int)),
                 .rows = g_array_new(FALSE, FALSE, sizeof(int)),
                 .values = g_array_new(FALSE, FALSE, sizeof(double)),
                 .objective = g_array_new(FALSE, FALSE, sizeof(double)),
                 .of = g_new(int, program->n_columns + 1)};
    take_columns(program, kept, &rest);
    search(program, &rest, close, deadline_us, chosen, found, &bound);
    bound = fmax(fmin(bound, known), relaxed);
    if (value_of(program, found) < known)
      memcpy(chosen, found, program->model->n_candidates * sizeof *found);
    g_array_unref(rest.starts);
    g_array_unref(rest.rows);
    g_array_unref(rest.values);
    g_array_unref(rest.objective);
    g_free(rest.of);
  }
  *ret_bound = program->all + bound / program->scale;
  return true;
}

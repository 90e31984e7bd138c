// SPDX-License-Identifier: Apache-2.0
// The optimum by the model: a mixed-integer program, solved by Cbc.
//
//   x(i) in {0,1}: the index is there.  y(q,k) in [0,1]: statement q is planned by its configuration k.
//   minimise   sum w(q) (cost(q,k) - base(q)) y(q,k)
//   with       sum over k of y(q,k) <= 1                        a statement has one plan
//              sum over k that use i of y(q,k) <= x(i)          and nothing that is not there
//              sum bytes(i) x(i) <= budget
//
// Only x must be whole; y follows.  Work is bounded by nodes, so that two runs give the same.  This is the one file that includes Cbc.
#include "index/index-int.h"

#include <coin/Cbc_C_Interface.h>
#include <string.h>

enum { MOST_NODES = 300 };
static const char RATIO[] = "0.0005"; // of the gain that may be missing

typedef struct Program {
  const DbaIndexModel *model;
  int *column;  // of candidates; -1: none
  uint32_t *of; // candidates, by column
  int n_x, n_y, n_rows;
  GArray *starts, *rows, *values; // of the columns, one after another
  GArray *objective, *row_upper;
  double scale; // of the objective
} Program;

static void add_entry(Program *program, int row, double value) {
  g_array_append_val(program->rows, row);
  g_array_append_val(program->values, value);
}

static void end_column(Program *program, double objective) {
  g_array_append_val(program->objective, objective);
  int at = (int)program->rows->len;
  g_array_append_val(program->starts, at);
}

static int add_row(Program *program, double upper) {
  g_array_append_val(program->row_upper, upper);
  return program->n_rows++;
}

static const DbaIndexCandidate *candidate_at(const Program *program, uint32_t id) {
  return dba_list_at(DbaIndexCandidate, &program->model->answer->candidates, id);
}

// Rows that bind a statement's plans to an index, numbered before the columns are written.
typedef struct Binding {
  uint32_t statement, id;
  int row;
} Binding;

static int compare_bindings(const void *a, const void *b) {
  const Binding *x = a, *y = b;
  return x->id != y->id ? (x->id < y->id ? -1 : 1) : x->statement < y->statement ? -1 : x->statement > y->statement;
}

static GArray *bind(Program *program) {
  const DbaIndexModel *model = program->model;
  GArray *bindings = g_array_new(FALSE, FALSE, sizeof(Binding));
  g_autofree uint32_t *seen = g_new0(uint32_t, model->n_candidates + 1); // 1 + the last statement
  for (uint32_t q = 0; q < model->n_statements; q++)
    for (DBA_EACH(DbaIndexConfiguration, configuration, &model->configurations[q]))
      for (uint32_t i = 0; i < configuration->set.n; i++) {
        uint32_t id = configuration->set.ids[i];
        if (seen[id] == q + 1)
          continue;
        seen[id] = q + 1;
        Binding binding = {q, id, 0};
        g_array_append_val(bindings, binding);
      }
  g_array_sort(bindings, compare_bindings);
  for (guint i = 0; i < bindings->len; i++)
    g_array_index(bindings, Binding, i).row = add_row(program, 0);
  return bindings;
}

static int row_of(const GArray *bindings, uint32_t statement, uint32_t id) {
  Binding key = {statement, id, 0};
  const Binding *found = bsearch(&key, bindings->data, bindings->len, sizeof key, compare_bindings);
  return found->row;
}

static void write_columns(Program *program, const GArray *bindings, int budget_row, const int *table_rows) {
  const DbaIndexModel *model = program->model;
  int zero = 0;
  g_array_append_val(program->starts, zero);
  for (guint i = 0; i < bindings->len;) {
    uint32_t id = g_array_index(bindings, Binding, i).id;
    program->column[id] = program->n_x;
    program->of[program->n_x++] = id;
    for (; i < bindings->len && g_array_index(bindings, Binding, i).id == id; i++)
      add_entry(program, g_array_index(bindings, Binding, i).row, -1);
    if (budget_row >= 0)
      add_entry(program, budget_row, (double)candidate_at(program, id)->bytes / 1048576);
    if (table_rows && table_rows[id] >= 0)
      add_entry(program, table_rows[id], 1);
    end_column(program, (double)candidate_at(program, id)->bytes * 1e-16); // of two that do the same, the smaller
  }
  for (uint32_t q = 0; q < model->n_statements; q++) {
    if (!model->configurations[q].n)
      continue;
    int one_plan = add_row(program, 1);
    for (DBA_EACH(DbaIndexConfiguration, configuration, &model->configurations[q])) {
      add_entry(program, one_plan, 1);
      for (uint32_t i = 0; i < configuration->set.n; i++)
        add_entry(program, row_of(bindings, q, configuration->set.ids[i]), 1);
      end_column(program, model->weight[q] * (configuration->cost - model->base[q]) * program->scale);
      program->n_y++;
    }
  }
}

// A row for each table, where their indexes are counted.
static int *count_tables(Program *program, unsigned most) {
  uint32_t n = program->model->n_candidates;
  int *rows = g_new(int, n + 1);
  g_autoptr(GHashTable) tables = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  for (uint32_t id = 0; id < n; id++) {
    const DbaIndexCandidate *candidate = candidate_at(program, id);
    char *name = dba_sql_name(candidate->schema, candidate->table);
    gpointer row;
    rows[id] = -1;
    if (candidate->kept) {
      g_free(name);
      continue;
    }
    if (g_hash_table_lookup_extended(tables, name, NULL, &row)) {
      rows[id] = GPOINTER_TO_INT(row);
      g_free(name);
    } else
      g_hash_table_insert(tables, name, GINT_TO_POINTER(rows[id] = add_row(program, most)));
  }
  return rows;
}

static void start_from(const Program *program, Cbc_Model *cbc, const bool *chosen) {
  g_autofree int *places = g_new(int, program->n_x + 1);
  g_autofree double *ones = g_new(double, program->n_x + 1);
  for (int i = 0; i < program->n_x; i++) {
    places[i] = i;
    ones[i] = chosen[program->of[i]];
  }
  Cbc_setMIPStartI(cbc, program->n_x, places, ones);
}

static bool run(Program *program, gint64 deadline_us, bool *chosen, double *ret_bound, GError **error) {
  int n = program->n_x + program->n_y;
  g_autofree double *lower = g_new0(double, n + 1), *upper = g_new(double, n + 1), *row_lower = g_new(double, program->n_rows + 1);
  g_autofree char *nodes = g_strdup_printf("%d", MOST_NODES);
  for (int i = 0; i < n; i++)
    upper[i] = 1;
  for (int i = 0; i < program->n_rows; i++)
    row_lower[i] = -1e30;
  Cbc_Model *cbc = Cbc_newModel();
  Cbc_loadProblem(cbc, n, program->n_rows, (int *)(void *)program->starts->data, (int *)(void *)program->rows->data,
                  (double *)(void *)program->values->data, lower, upper, (double *)(void *)program->objective->data, row_lower,
                  (double *)(void *)program->row_upper->data);
  for (int i = 0; i < program->n_x; i++)
    Cbc_setInteger(cbc, i);
  Cbc_setParameter(cbc, "log", "0");
  Cbc_setParameter(cbc, "ratio", RATIO);
  Cbc_setParameter(cbc, "maxN", nodes);
  Cbc_setParameter(cbc, "heur", "off");
  if (deadline_us) {
    g_autofree char *seconds = g_strdup_printf("%.2f", MAX(0.05, (double)(deadline_us - g_get_monotonic_time()) / 1e6));
    Cbc_setParameter(cbc, "sec", seconds);
  }
  start_from(program, cbc, chosen);
  Cbc_solve(cbc);
  const double *solution = Cbc_isProvenInfeasible(cbc) ? NULL : Cbc_getColSolution(cbc);
  for (int i = 0; solution && i < program->n_x; i++)
    chosen[program->of[i]] = solution[i] > 0.5;
  *ret_bound = Cbc_getBestPossibleObjValue(cbc);
  Cbc_deleteModel(cbc);
  return solution || dba_fail(error, DBA_ERROR_BUG, "the program of the index advisor has no solution");
}

bool dba_index_solve(const DbaIndexModel *model, const DbaIndexLimits *limits, gint64 deadline_us, bool *chosen, double *ret_bound,
                     GError **error) {
  double all = 0;
  for (uint32_t q = 0; q < model->n_statements; q++)
    all += model->base[q] * model->weight[q];
  Program program = {.model = model,
                     .column = g_new0(int, model->n_candidates + 1),
                     .of = g_new0(uint32_t, model->n_candidates + 1),
                     .starts = g_array_new(FALSE, FALSE, sizeof(int)),
                     .rows = g_array_new(FALSE, FALSE, sizeof(int)),
                     .values = g_array_new(FALSE, FALSE, sizeof(double)),
                     .objective = g_array_new(FALSE, FALSE, sizeof(double)),
                     .row_upper = g_array_new(FALSE, FALSE, sizeof(double)),
                     .scale = all > 0 ? 100 / all : 1};
  g_autoptr(GArray) bindings = bind(&program);
  int budget_row = limits->budget_bytes < 0 ? -1 : add_row(&program, (double)limits->budget_bytes / 1048576);
  g_autofree int *table_rows = limits->most_per_table ? count_tables(&program, limits->most_per_table) : NULL;
  double bound = 0;
  write_columns(&program, bindings, budget_row, table_rows);
  bool ok = program.n_x == 0 || run(&program, deadline_us, chosen, &bound, error);
  *ret_bound = all + bound / program.scale;
  g_free(program.column);
  g_free(program.of);
  g_array_unref(program.starts);
  g_array_unref(program.rows);
  g_array_unref(program.values);
  g_array_unref(program.objective);
  g_array_unref(program.row_upper);
  return ok;
}

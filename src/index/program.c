// SPDX-License-Identifier: Apache-2.0
// The mixed-integer program of a model, as columns and rows.
//
//   x(i) in {0,1}: the index is there.  y(q,k) in [0,1]: statement q is planned by its configuration k.
//   minimise   sum w(q) (cost(q,k) - base(q)) y(q,k)
//   with       sum over k of y(q,k) <= 1                        a statement has one plan
//              sum over k that use i of y(q,k) <= x(i)          and nothing that is not there
//              sum bytes(i) x(i) <= budget
//
// Only x must be whole; y follows.  An index costs its entries; and where updates are HOT until an index touches what they change, there is a
// column for that they are not: lost >= x(i) of all that touch, and for each other index a column for what it pays then, >= x(i) + lost - 1.
#include "index/program.h"

#include <string.h>

static const double A_BYTE = 1e-16; // of two sets that do the same, the smaller

static void add_entry(DbaIndexProgram *program, int row, double value) {
  g_array_append_val(program->rows, row);
  g_array_append_val(program->values, value);
}

static void end_column(DbaIndexProgram *program, double objective) {
  g_array_append_val(program->objective, objective);
  int at = (int)program->rows->len;
  g_array_append_val(program->starts, at);
}

static int add_row(DbaIndexProgram *program, double upper) {
  g_array_append_val(program->row_upper, upper);
  return program->n_rows++;
}

static const DbaIndexCandidate *candidate_at(const DbaIndexProgram *program, uint32_t id) {
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

static GArray *bind(DbaIndexProgram *program) {
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

// An entry of an index's column in a row of the losses.
typedef struct Extra {
  uint32_t id;
  int row;
} Extra;

typedef struct Losses {
  DbaIndexProgram *program;
  GArray *extras;  // Extra, by candidate
  GArray *columns; // LossColumn
} Losses;

// lost: the rows of all that touch have it with -1; those of the others that pay then with 1, beside the column of what they pay.
typedef struct LossColumn {
  GArray *rows, *values;
  double objective;
} LossColumn;

static LossColumn *add_loss_column(Losses *losses, double objective) {
  LossColumn column = {g_array_new(FALSE, FALSE, sizeof(int)), g_array_new(FALSE, FALSE, sizeof(double)), objective};
  g_array_append_val(losses->columns, column);
  return &g_array_index(losses->columns, LossColumn, losses->columns->len - 1);
}

static void add_loss_entry(LossColumn *column, int row, double value) {
  g_array_append_val(column->rows, row);
  g_array_append_val(column->values, value);
}

static void add_loss(const DbaIndexLoss *loss, const double *price, void *data) {
  Losses *losses = data;
  DbaIndexProgram *program = losses->program;
  bool any = false;
  for (uint32_t i = 0; i < loss->n; i++)
    any |= loss->touches[i] && program->is_used[loss->ids[i]];
  if (!any)
    return;
  guint lost = losses->columns->len;
  add_loss_column(losses, loss->rows * loss->kept_price * program->scale);
  for (uint32_t i = 0; i < loss->n; i++) {
    if (!program->is_used[loss->ids[i]])
      continue;
    Extra extra = {loss->ids[i], add_row(program, loss->touches[i] ? 0 : 1)};
    g_array_append_val(losses->extras, extra);
    add_loss_entry(&g_array_index(losses->columns, LossColumn, lost), extra.row, loss->touches[i] ? -1 : 1);
    if (!loss->touches[i])
      add_loss_entry(add_loss_column(losses, loss->rows * price[loss->ids[i]] * program->scale), extra.row, -1);
  }
}

static int compare_extras(const void *a, const void *b) {
  const Extra *x = a, *y = b;
  return x->id != y->id ? (x->id < y->id ? -1 : 1) : x->row - y->row;
}

static void write_losses(DbaIndexProgram *program, Losses *losses) {
  for (guint i = 0; i < losses->columns->len; i++) {
    LossColumn *column = &g_array_index(losses->columns, LossColumn, i);
    for (guint k = 0; k < column->rows->len; k++)
      add_entry(program, g_array_index(column->rows, int, k), g_array_index(column->values, double, k));
    end_column(program, column->objective);
    g_array_unref(column->rows);
    g_array_unref(column->values);
  }
}

static void write_columns(DbaIndexProgram *program, const GArray *bindings, const int *table_rows, const GArray *extras) {
  const DbaIndexModel *model = program->model;
  guint extra = 0;
  for (guint i = 0; i < bindings->len;) {
    uint32_t id = g_array_index(bindings, Binding, i).id;
    program->of[program->n_x++] = id;
    for (; i < bindings->len && g_array_index(bindings, Binding, i).id == id; i++)
      add_entry(program, g_array_index(bindings, Binding, i).row, -1);
    add_entry(program, DBA_INDEX_BUDGET_ROW, (double)candidate_at(program, id)->bytes / 1048576);
    if (table_rows && table_rows[id] >= 0)
      add_entry(program, table_rows[id], 1);
    for (; extra < extras->len && g_array_index(extras, Extra, extra).id == id; extra++)
      add_entry(program, g_array_index(extras, Extra, extra).row, 1);
    end_column(program, dba_index_writes_least(model->writes, id) * program->scale + (double)candidate_at(program, id)->bytes * A_BYTE);
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
    }
  }
}

// A row for each table, where their indexes are counted; its row for each candidate, -1: none.
static int *count_tables(DbaIndexProgram *program, unsigned most) {
  uint32_t n = program->model->n_candidates;
  int *rows = g_new(int, n + 1);
  g_autoptr(GHashTable) tables = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  for (uint32_t id = 0; id < n; id++) {
    const DbaIndexCandidate *candidate = candidate_at(program, id);
    char *name = dba_sql_name(candidate->schema, candidate->table);
    gpointer row;
    rows[id] = -1;
    if (!candidate->kept && !g_hash_table_lookup_extended(tables, name, NULL, &row))
      g_hash_table_insert(tables, g_strdup(name), row = GINT_TO_POINTER(add_row(program, most)));
    if (!candidate->kept)
      rows[id] = GPOINTER_TO_INT(row);
    g_free(name);
  }
  return rows;
}

DbaIndexProgram *dba_index_program_new(const DbaIndexModel *model, unsigned most_per_table) {
  DbaIndexProgram *program = g_new0(DbaIndexProgram, 1);
  int zero = 0;
  *program = (DbaIndexProgram){.model = model,
                               .of = g_new0(uint32_t, model->n_candidates + 1),
                               .is_used = g_new0(bool, model->n_candidates + 1),
                               .starts = g_array_new(FALSE, FALSE, sizeof(int)),
                               .rows = g_array_new(FALSE, FALSE, sizeof(int)),
                               .values = g_array_new(FALSE, FALSE, sizeof(double)),
                               .objective = g_array_new(FALSE, FALSE, sizeof(double)),
                               .row_upper = g_array_new(FALSE, FALSE, sizeof(double))};
  g_autofree bool *none = g_new0(bool, model->n_candidates + 1);
  program->all = dba_index_model_cost(model, none);
  program->scale = program->all > 0 ? 100 / program->all : 1;
  g_array_append_val(program->starts, zero);
  add_row(program, G_MAXINT); // the budget's
  g_autoptr(GArray) bindings = bind(program);
  g_autofree int *table_rows = most_per_table ? count_tables(program, most_per_table) : NULL;
  Losses losses = {program, g_array_new(FALSE, FALSE, sizeof(Extra)), g_array_new(FALSE, FALSE, sizeof(LossColumn))};
  for (guint i = 0; i < bindings->len; i++)
    program->is_used[g_array_index(bindings, Binding, i).id] = true;
  dba_index_writes_each_loss(model->writes, add_loss, &losses);
  g_array_sort(losses.extras, compare_extras);
  write_columns(program, bindings, table_rows, losses.extras);
  program->n_plans = (int)program->objective->len;
  write_losses(program, &losses);
  g_array_unref(losses.extras);
  g_array_unref(losses.columns);
  program->n_columns = (int)program->objective->len;
  return program;
}

void dba_index_program_free(DbaIndexProgram *program) {
  if (!program)
    return;
  dba_index_program_forget(program);
  g_free(program->of);
  g_free(program->is_used);
  g_array_unref(program->starts);
  g_array_unref(program->rows);
  g_array_unref(program->values);
  g_array_unref(program->objective);
  g_array_unref(program->row_upper);
  g_free(program);
}

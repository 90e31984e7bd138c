// SPDX-License-Identifier: Apache-2.0
// The model: what each statement costs with which sets, as far as plans have told.
//
// A plan that uses U at cost c tells that every set that holds U costs c at most.  So a statement's cost with a set is that of the
// cheapest configuration in it.  A configuration that gains next to nothing over a part of it is left out.
#include "index/index-int.h"

#include <string.h>

static guint hash_set(gconstpointer key) {
  const DbaIndexKnown *known = key;
  guint hash = known->statement * 2654435761U;
  for (uint32_t i = 0; i < known->used.n; i++)
    hash = (hash ^ known->used.ids[i]) * 16777619U;
  return hash;
}

static gboolean same_set(gconstpointer a, gconstpointer b) {
  const DbaIndexKnown *x = a, *y = b;
  return x->statement == y->statement && x->used.n == y->used.n &&
         (!x->used.n || !memcmp(x->used.ids, y->used.ids, x->used.n * sizeof *x->used.ids));
}

DbaIndexModel *dba_index_model_new(const DbaIndexAnswer *answer, const DbaIndexWrites *writes) {
  DbaIndexModel *model = g_new0(DbaIndexModel, 1);
  model->arena = dba_arena_new();
  model->answer = answer;
  model->writes = writes;
  model->n_statements = answer->statements.n;
  model->n_candidates = answer->candidates.n;
  model->configurations = g_new0(DbaList, model->n_statements + 1);
  model->base = g_new0(double, model->n_statements + 1);
  model->weight = g_new0(double, model->n_statements + 1);
  model->used = g_new0(bool, (size_t)model->n_statements * model->n_candidates + 1);
  model->known = g_hash_table_new(hash_set, same_set);
  for (unsigned i = 0; i < model->n_statements; i++)
    model->weight[i] = dba_list_at(DbaIndexStatement, &answer->statements, i)->weight;
  return model;
}

void dba_index_model_free(DbaIndexModel *model) {
  if (!model)
    return;
  g_hash_table_unref(model->known);
  g_free(model->configurations);
  g_free(model->used);
  g_free(model->base);
  g_free(model->weight);
  dba_arena_free(model->arena);
  g_free(model);
}

void dba_index_model_set_base(DbaIndexModel *model, const double *costs) {
  double all = 0;
  for (unsigned i = 0; i < model->n_statements; i++) {
    model->base[i] = costs[i];
    all += costs[i] * model->weight[i];
  }
  model->least = all * 2e-4;
}

bool dba_index_model_learn(DbaIndexModel *model, const DbaIndexKnown *known) {
  uint32_t q = known->statement;
  for (uint32_t i = 0; i < known->used.n; i++)
    model->used[(size_t)q * model->n_candidates + known->used.ids[i]] = true;
  if (!known->used.n || known->cost < 0 || (model->base[q] - known->cost) * model->weight[q] < model->least)
    return false;
  const DbaIndexKnown *before = g_hash_table_lookup(model->known, known);
  if (before && before->cost <= known->cost)
    return false;
  g_hash_table_replace(model->known, (void *)(uintptr_t)known, (void *)(uintptr_t)known);
  *(DbaIndexConfiguration *)dba_list_add(model->arena, &model->configurations[q], sizeof(DbaIndexConfiguration)) =
      (DbaIndexConfiguration){known->used, known->cost};
  return true;
}

static int compare_configurations(const void *a, const void *b) {
  const DbaIndexConfiguration *x = a, *y = b;
  if (x->cost != y->cost)
    return x->cost < y->cost ? -1 : 1;
  if (x->set.n != y->set.n)
    return x->set.n < y->set.n ? -1 : 1;
  return memcmp(x->set.ids, y->set.ids, x->set.n * sizeof *x->set.ids);
}

static int compare_sizes(const void *a, const void *b) {
  const DbaIndexConfiguration *x = a, *y = b;
  return x->set.n != y->set.n ? (x->set.n < y->set.n ? -1 : 1) : compare_configurations(a, b);
}

static bool is_within(const DbaIndexSet *a, const DbaIndexSet *b) {
  for (uint32_t i = 0; i < a->n; i++)
    if (!dba_index_set_has(b, a->ids[i]))
      return false;
  return true;
}

void dba_index_model_settle(DbaIndexModel *model) {
  for (unsigned q = 0; q < model->n_statements; q++) {
    DbaList *list = &model->configurations[q];
    DbaIndexConfiguration *all = list->items;
    double slack = model->weight[q] > 0 ? model->least / 4 / model->weight[q] : 0;
    uint32_t kept = 0;
    if (list->n)
      qsort(all, list->n, sizeof *all, compare_sizes);
    for (uint32_t i = 0; i < list->n; i++) {
      bool better = true;
      for (uint32_t k = 0; k < kept && better; k++)
        better = !(all[k].cost <= all[i].cost + slack && is_within(&all[k].set, &all[i].set));
      if (better)
        all[kept++] = all[i];
    }
    list->n = kept;
    if (kept)
      qsort(all, kept, sizeof *all, compare_configurations);
  }
}

double dba_index_model_statement(const DbaIndexModel *model, uint32_t statement, const bool *chosen) {
  for (DBA_EACH(DbaIndexConfiguration, configuration, &model->configurations[statement])) { // the cheapest first
    bool there = true;
    for (uint32_t i = 0; i < configuration->set.n && there; i++)
      there = chosen[configuration->set.ids[i]];
    if (there)
      return configuration->cost;
  }
  return model->base[statement];
}

double dba_index_model_cost(const DbaIndexModel *model, const bool *chosen) {
  double cost = dba_index_writes_cost(model->writes, chosen);
  for (unsigned q = 0; q < model->n_statements; q++)
    cost += model->weight[q] * dba_index_model_statement(model, q, chosen);
  return cost;
}

uint32_t dba_index_model_size(const DbaIndexModel *model) {
  uint32_t n = 0;
  for (unsigned q = 0; q < model->n_statements; q++)
    n += model->configurations[q].n;
  return n;
}

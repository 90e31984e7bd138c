// SPDX-License-Identifier: Apache-2.0
// Choice by gain for a byte: where the optimum is looked for from.
//
// A move adds what a configuration still lacks, so that indexes that help only together come together.  Gains are looked at again
// only when a move comes to the front: they mostly fall as others are made (lazy greedy: Minoux 1978).  At the end, what pays no more goes, and each
// index in turn gives its place up to see whether others fill it better.
#include "index/index-int.h"

#include <string.h>

enum { MOST_SWAPS = 20 };
static const double TRIFLE = 0.05, TRIFLE_BESIDE = 0.35; // of what its statements cost: for less nobody should have to keep an index

typedef struct Move {
  DbaIndexSet set;
  double worth; // gain for a byte when it was last looked at
} Move;

typedef struct Chooser {
  const DbaIndexModel *model;
  const DbaIndexLimits *limits;
  const bool *promising; // moves of these alone; NULL: of all
  GArray *moves;         // Move
  GArray **statements;   // by candidate: uint32_t, those that have a configuration with it
  bool *chosen;
  double *cost;       // of each statement now
  double *write_cost; // of each table now
  int64_t bytes;
  GHashTable *in_table; // how many are chosen
} Chooser;

static const DbaIndexCandidate *candidate_at(const Chooser *chooser, uint32_t id) {
  return dba_list_at(DbaIndexCandidate, &chooser->model->answer->candidates, id);
}

static guint hash_ids(gconstpointer key) {
  const DbaIndexSet *set = key;
  guint hash = 2166136261U;
  for (uint32_t i = 0; i < set->n; i++)
    hash = (hash ^ set->ids[i]) * 16777619U;
  return hash;
}

static gboolean equal_ids(gconstpointer a, gconstpointer b) {
  const DbaIndexSet *x = a, *y = b;
  return x->n == y->n && !memcmp(x->ids, y->ids, x->n * sizeof *x->ids);
}

static void collect(Chooser *chooser) {
  const DbaIndexModel *model = chooser->model;
  g_autoptr(GHashTable) sets = g_hash_table_new(hash_ids, equal_ids);
  for (uint32_t q = 0; q < model->n_statements; q++)
    for (DBA_EACH(DbaIndexConfiguration, configuration, &model->configurations[q])) {
      for (uint32_t i = 0; i < configuration->set.n; i++) {
        GArray **list = &chooser->statements[configuration->set.ids[i]];
        if (!*list)
          *list = g_array_new(FALSE, FALSE, sizeof(uint32_t));
        if (!(*list)->len || g_array_index(*list, uint32_t, (*list)->len - 1) != q)
          g_array_append_val(*list, q);
      }
      bool allowed = true;
      for (uint32_t i = 0; i < configuration->set.n && chooser->promising; i++)
        allowed &= chooser->promising[configuration->set.ids[i]] || chooser->chosen[configuration->set.ids[i]];
      if (!allowed || !g_hash_table_add(sets, &configuration->set))
        continue;
      Move move = {configuration->set, G_MAXDOUBLE};
      g_array_append_val(chooser->moves, move);
    }
}

static bool fits(const Chooser *chooser, const DbaIndexSet *set, int64_t *ret_bytes) {
  *ret_bytes = 0;
  for (uint32_t i = 0; i < set->n; i++) {
    const DbaIndexCandidate *candidate = candidate_at(chooser, set->ids[i]);
    if (chooser->chosen[set->ids[i]])
      continue;
    *ret_bytes += candidate->bytes;
    if (!chooser->limits->most_per_table)
      continue;
    unsigned more = 1;
    for (uint32_t k = 0; k < i; k++)
      more += !chooser->chosen[set->ids[k]] && !strcmp(candidate_at(chooser, set->ids[k])->table, candidate->table) &&
              !strcmp(candidate_at(chooser, set->ids[k])->schema, candidate->schema);
    for (uint32_t k = 0; k < chooser->model->n_candidates; k++)
      more += chooser->chosen[k] && !candidate_at(chooser, k)->kept && !strcmp(candidate_at(chooser, k)->table, candidate->table) &&
              !strcmp(candidate_at(chooser, k)->schema, candidate->schema);
    if (more > chooser->limits->most_per_table)
      return false;
  }
  return chooser->limits->budget_bytes < 0 || chooser->bytes + *ret_bytes <= chooser->limits->budget_bytes;
}

// What those who write pay for what was added.
static double write_price(const Chooser *chooser, const uint32_t *added, uint32_t n) {
  const DbaIndexWrites *writes = chooser->model->writes;
  double price = 0;
  for (uint32_t i = 0; i < n; i++) {
    int table = dba_index_writes_table_of(writes, added[i]);
    bool counted = table < 0;
    for (uint32_t k = 0; k < i && !counted; k++)
      counted = dba_index_writes_table_of(writes, added[k]) == table;
    if (!counted)
      price += dba_index_writes_of_table(writes, (uint32_t)table, chooser->chosen) - chooser->write_cost[table];
  }
  return price;
}

// What the workload would gain; 0: nothing new in it.
static double gain_of(Chooser *chooser, const DbaIndexSet *set) {
  double gain = 0;
  uint32_t added[64], n = 0;
  for (uint32_t i = 0; i < set->n && n < G_N_ELEMENTS(added); i++)
    if (!chooser->chosen[set->ids[i]])
      chooser->chosen[added[n++] = set->ids[i]] = true;
  for (uint32_t i = 0; i < n; i++)
    for (guint k = 0; k < chooser->statements[added[i]]->len; k++) {
      uint32_t q = g_array_index(chooser->statements[added[i]], uint32_t, k);
      bool counted = false;
      for (uint32_t j = 0; j < i && !counted; j++)
        for (guint m = 0; m < chooser->statements[added[j]]->len && !counted; m++)
          counted = g_array_index(chooser->statements[added[j]], uint32_t, m) == q;
      if (!counted)
        gain += chooser->model->weight[q] * (chooser->cost[q] - dba_index_model_statement(chooser->model, q, chooser->chosen));
    }
  gain -= write_price(chooser, added, n);
  for (uint32_t i = 0; i < n; i++)
    chooser->chosen[added[i]] = false;
  return gain;
}

static void recount(Chooser *chooser) {
  chooser->bytes = 0;
  for (uint32_t i = 0; i < chooser->model->n_candidates; i++)
    if (chooser->chosen[i] && !candidate_at(chooser, i)->kept)
      chooser->bytes += candidate_at(chooser, i)->bytes;
  for (uint32_t q = 0; q < chooser->model->n_statements; q++)
    chooser->cost[q] = dba_index_model_statement(chooser->model, q, chooser->chosen);
  for (uint32_t t = 0; t < dba_index_writes_tables(chooser->model->writes); t++)
    chooser->write_cost[t] = dba_index_writes_of_table(chooser->model->writes, t, chooser->chosen);
}

static void make(Chooser *chooser, const DbaIndexSet *set) {
  for (uint32_t i = 0; i < set->n; i++)
    chooser->chosen[set->ids[i]] = true;
  recount(chooser);
}

// Adds what is best for its bytes until nothing fits or gains.
static void fill(Chooser *chooser) {
  for (guint i = 0; i < chooser->moves->len; i++)
    g_array_index(chooser->moves, Move, i).worth = G_MAXDOUBLE;
  for (;;) {
    Move *best = NULL;
    double second = 0;
    for (guint i = 0; i < chooser->moves->len; i++) {
      Move *move = &g_array_index(chooser->moves, Move, i);
      if (!best || move->worth > best->worth) {
        second = best ? best->worth : 0;
        best = move;
      } else if (move->worth > second)
        second = move->worth;
    }
    if (!best || best->worth <= 0)
      return;
    int64_t bytes;
    double gain = fits(chooser, &best->set, &bytes) ? gain_of(chooser, &best->set) : 0;
    best->worth = gain > chooser->model->least / 8 ? gain / (double)MAX(bytes, 8192) : 0;
    if (best->worth > 0 && best->worth >= second) {
      make(chooser, &best->set);
      best->worth = 0;
    }
  }
}

static double total(const Chooser *chooser) {
  double cost = 0;
  for (uint32_t q = 0; q < chooser->model->n_statements; q++)
    cost += chooser->model->weight[q] * chooser->cost[q];
  for (uint32_t t = 0; t < dba_index_writes_tables(chooser->model->writes); t++)
    cost += chooser->write_cost[t];
  return cost;
}

// Takes out what the workload does not miss.
static void prune(Chooser *chooser) {
  for (uint32_t i = 0; i < chooser->model->n_candidates; i++) {
    if (!chooser->chosen[i] || candidate_at(chooser, i)->kept)
      continue;
    double before = total(chooser);
    chooser->chosen[i] = false;
    recount(chooser);
    if (total(chooser) > before + chooser->model->least / 1000) {
      chooser->chosen[i] = true;
      recount(chooser);
    }
  }
}

// The best that can come in the place of one that goes; false: nothing that gains.
static bool swap_one(Chooser *chooser) {
  const DbaIndexModel *model = chooser->model;
  double before = total(chooser), best = model->least / 8;
  const Move *best_move = NULL;
  uint32_t best_out = 0;
  for (uint32_t out = 0; out < model->n_candidates; out++) {
    if (!chooser->chosen[out] || candidate_at(chooser, out)->kept)
      continue;
    chooser->chosen[out] = false;
    recount(chooser);
    double loss = total(chooser) - before;
    for (guint i = 0; i < chooser->moves->len; i++) {
      const Move *move = &g_array_index(chooser->moves, Move, i);
      int64_t bytes;
      if (dba_index_set_has(&move->set, out) || !fits(chooser, &move->set, &bytes) || !bytes)
        continue;
      double gain = gain_of(chooser, &move->set) - loss;
      if (gain > best) {
        best = gain;
        best_move = move;
        best_out = out;
      }
    }
    chooser->chosen[out] = true;
  }
  recount(chooser);
  if (!best_move)
    return false;
  chooser->chosen[best_out] = false;
  make(chooser, &best_move->set);
  return true;
}

static Chooser start(const DbaIndexModel *model, const DbaIndexLimits *limits, const bool *promising, bool *chosen) {
  Chooser chooser = {.model = model,
                     .limits = limits,
                     .promising = promising,
                     .moves = g_array_new(FALSE, FALSE, sizeof(Move)),
                     .statements = g_new0(GArray *, model->n_candidates + 1),
                     .chosen = chosen,
                     .cost = g_new0(double, model->n_statements + 1),
                     .write_cost = g_new0(double, dba_index_writes_tables(model->writes) + 1)};
  collect(&chooser);
  recount(&chooser);
  return chooser;
}

static void end(Chooser *chooser) {
  for (uint32_t i = 0; i < chooser->model->n_candidates; i++)
    if (chooser->statements[i])
      g_array_unref(chooser->statements[i]);
  g_free(chooser->statements);
  g_free(chooser->cost);
  g_free(chooser->write_cost);
  g_array_unref(chooser->moves);
}

void dba_index_choose_greedily(const DbaIndexModel *model, const DbaIndexLimits *limits, bool *chosen) {
  Chooser chooser = start(model, limits, NULL, chosen);
  fill(&chooser);
  prune(&chooser);
  fill(&chooser);
  end(&chooser);
}

void dba_index_swap(const DbaIndexModel *model, const DbaIndexLimits *limits, const bool *promising, bool *chosen) {
  Chooser chooser = start(model, limits, promising, chosen);
  for (int i = 0; i < MOST_SWAPS && swap_one(&chooser); i++)
    fill(&chooser);
  prune(&chooser);
  end(&chooser);
}

// What the workload loses without it, as a share of what the statements that it serves cost then.
static double part_of(const DbaIndexModel *model, uint32_t id, bool *chosen) {
  double loss = dba_index_model_cost(model, chosen), served = 0;
  g_autofree double *with = g_new(double, model->n_statements + 1);
  for (uint32_t q = 0; q < model->n_statements; q++)
    with[q] = dba_index_model_statement(model, q, chosen);
  chosen[id] = false;
  loss = dba_index_model_cost(model, chosen) - loss;
  for (uint32_t q = 0; q < model->n_statements; q++) {
    double without = dba_index_model_statement(model, q, chosen);
    if (without > with[q])
      served += model->weight[q] * without;
  }
  chosen[id] = true;
  return served > 0 ? loss / served : 0;
}

// Is there one whose keys begin with its own, or its own with that one's?
static bool has_sibling(const DbaIndexModel *model, uint32_t id, const bool *chosen) {
  for (uint32_t other = 0; other < model->n_candidates; other++)
    if ((chosen[other] || dba_list_at(DbaIndexCandidate, &model->answer->candidates, other)->kept) && other != id &&
        (dba_index_set_has(&model->wider[id], other) || dba_index_set_has(&model->wider[other], id)))
      return true;
  return false;
}

// Of two that are there and do the same the first by name stays.
static void settle_twins(const DbaIndexModel *model, bool *chosen) {
  for (uint32_t id = 0; id < model->n_candidates; id++) {
    const DbaIndexCandidate *candidate = dba_list_at(DbaIndexCandidate, &model->answer->candidates, id);
    for (uint32_t i = 0; chosen[id] && candidate->existing && i < model->wider[id].n; i++) {
      uint32_t other = model->wider[id].ids[i];
      const DbaIndexCandidate *twin = dba_list_at(DbaIndexCandidate, &model->answer->candidates, other);
      if (other < id && twin->existing && !twin->kept && !chosen[other] && dba_index_set_has(&model->wider[other], id)) {
        chosen[id] = false;
        chosen[other] = true;
      }
    }
  }
}

// The one that is least worth it of those that would be new, or of those that are there; false: all are.
static bool drop_one(const DbaIndexModel *model, bool existing, bool *chosen) {
  uint32_t least = model->n_candidates;
  double least_part = 1;
  for (uint32_t id = 0; id < model->n_candidates; id++) {
    const DbaIndexCandidate *candidate = dba_list_at(DbaIndexCandidate, &model->answer->candidates, id);
    if (!chosen[id] || candidate->kept || existing != (candidate->existing != NULL))
      continue;
    double part = part_of(model, id, chosen), bar = existing ? 1e-9 : has_sibling(model, id, chosen) ? TRIFLE_BESIDE : TRIFLE;
    if (part < bar && part / bar < least_part) {
      least = id;
      least_part = part / bar;
    }
  }
  if (least < model->n_candidates)
    chosen[least] = false;
  return least < model->n_candidates;
}

// New ones first, beside all that is there: what would only take the place of one that is there has to be worth it, too.
void dba_index_drop_trifles(const DbaIndexModel *model, bool *chosen) {
  for (int existing = 0; existing <= 1; existing++)
    while (drop_one(model, existing, chosen))
      ;
  settle_twins(model, chosen);
}

// SPDX-License-Identifier: Apache-2.0
// Advice for a workload: from statements to needs, candidates, costs, configurations, and a set for each budget.
//
// What is asked of the planner, in this order: each statement with nothing, with each candidate that bears on it, with all of them; with
// the best of each table in all combinations of tables; with pairs; then around sets that are chosen, one index more and one less.  After each of these
// the model knows more configurations.  A set is the answer when the planner, asked for the whole set, says what the model said.
#include "index/index-int.h"

#include <string.h>

enum {
  MOST_TABLES = 6, // of a statement, of which all combinations are tried
  MOST_BEST = 16,  // candidates of a statement that stand for the others
  CURVE_POINTS = 16,
  ROUNDS = 4,        // of solving and asking again
  AROUND_POINTS = 6, // of the curve, around whose sets is looked
};

typedef struct Advisor {
  const DbaIndexOptions *options;
  DbaIndexAnswer *answer;
  DbaArena *arena;
  DbaIndexCosts *costs;
  DbaIndexModel *model;
  DbaList needs, shapes;
  DbaIndexSet *bears; // by statement
  DbaIndexSet *best;  // by statement: candidates that stand for the others
  GArray *asks;       // DbaIndexAsk
  uint32_t n_statements, n_candidates;
} Advisor;

static const DbaIndexCandidate *candidate_at(const Advisor *advisor, uint32_t id) {
  return dba_list_at(DbaIndexCandidate, &advisor->answer->candidates, id);
}

static void tell(const Advisor *advisor, const char *line) {
  if (advisor->options->progress)
    advisor->options->progress(advisor->options->progress_data, line);
}

static bool is_over(Advisor *advisor) {
  if (advisor->options->deadline_us && g_get_monotonic_time() > advisor->options->deadline_us)
    advisor->answer->cut = true;
  return advisor->answer->cut;
}

// ---- asking ---------------------------------------------------------------------------------------------------------

static void add_ask(Advisor *advisor, uint32_t statement, DbaIndexSet set) {
  DbaIndexAsk ask = {statement, set, NULL};
  g_array_append_val(advisor->asks, ask);
}

// Asks for all that was added; what plans used is learned.  In pieces, so that the time is looked at.
static bool ask_added(Advisor *advisor, GError **error) {
  enum { PIECE = 1024 };
  DbaIndexAsk *asks = (DbaIndexAsk *)(void *)advisor->asks->data;
  for (guint done = 0; done < advisor->asks->len; done += PIECE) {
    guint some = MIN(PIECE, advisor->asks->len - done);
    if (is_over(advisor))
      break;
    if (advisor->options->interrupt && *advisor->options->interrupt)
      return dba_fail(error, DBA_ERROR_INTERRUPTED, "interrupted");
    if (!dba_index_costs_ask(advisor->costs, asks + done, some, error))
      return false;
    for (guint i = done; i < done + some; i++)
      dba_index_model_learn(advisor->model, asks[i].known);
  }
  g_array_set_size(advisor->asks, 0);
  return true;
}

static DbaIndexSet set_of(Advisor *advisor, const bool *flags) {
  uint32_t n = 0, *ids;
  for (uint32_t i = 0; i < advisor->n_candidates; i++)
    n += flags[i];
  ids = dba_arena_alloc(advisor->arena, (n + 1) * sizeof *ids);
  n = 0;
  for (uint32_t i = 0; i < advisor->n_candidates; i++)
    if (flags[i])
      ids[n++] = i;
  return (DbaIndexSet){n, ids};
}

static DbaIndexSet set_of_ids(Advisor *advisor, const uint32_t *ids, uint32_t n) {
  uint32_t *own = dba_arena_alloc(advisor->arena, (n + 1) * sizeof *own), count = 0;
  for (uint32_t i = 0; i < n; i++) { // few: sorted as they come
    uint32_t at = count;
    while (at > 0 && own[at - 1] > ids[i])
      at--;
    if (at > 0 && own[at - 1] == ids[i])
      continue;
    memmove(own + at + 1, own + at, (count - at) * sizeof *own);
    own[at] = ids[i];
    count++;
  }
  return (DbaIndexSet){count, own};
}

// ---- what bears on what ---------------------------------------------------------------------------------------------

static void find_bearing(Advisor *advisor) {
  g_autofree bool *flags = g_new0(bool, advisor->n_candidates + 1);
  advisor->bears = dba_arena_alloc(advisor->arena, (advisor->n_statements + 1) * sizeof *advisor->bears);
  uint32_t at = 0;
  for (uint32_t q = 0; q < advisor->n_statements; q++) {
    memset(flags, 0, advisor->n_candidates * sizeof *flags);
    for (; at < advisor->needs.n; at++) { // in the order of statements
      const DbaIndexNeed *need = dba_list_at(DbaIndexNeed, &advisor->needs, at);
      if (need->statement != q)
        break;
      for (uint32_t i = 0; i < advisor->n_candidates; i++)
        if (!candidate_at(advisor, i)->kept)
          flags[i] |= dba_index_bears_on(candidate_at(advisor, i), dba_list_at(DbaIndexShape, &advisor->shapes, i), need);
    }
    advisor->bears[q] = set_of(advisor, flags);
    for (uint32_t i = 0; i < advisor->bears[q].n; i++)
      dba_list_at(DbaIndexCandidate, &advisor->answer->candidates, advisor->bears[q].ids[i])->serves++;
  }
}

// ---- what plans make of them ----------------------------------------------------------------------------------------

// The workload with a set: by the planner.
static bool ask_whole(Advisor *advisor, DbaIndexSet set, double *costs, DbaIndexSet *used, GError **error) {
  g_autofree DbaIndexAsk *asks = g_new0(DbaIndexAsk, advisor->n_statements + 1);
  for (uint32_t q = 0; q < advisor->n_statements; q++)
    asks[q] = (DbaIndexAsk){q, set, NULL};
  if (!dba_index_costs_ask(advisor->costs, asks, advisor->n_statements, error))
    return false;
  for (uint32_t q = 0; q < advisor->n_statements; q++) {
    costs[q] = asks[q].known->cost;
    if (used)
      used[q] = asks[q].known->used;
    if (advisor->model->least > 0)
      dba_index_model_learn(advisor->model, asks[q].known);
  }
  return true;
}

static double sum(const Advisor *advisor, const double *costs) {
  double all = 0;
  for (uint32_t q = 0; q < advisor->n_statements; q++)
    all += advisor->model->weight[q] * costs[q];
  return all;
}

typedef struct Rated {
  uint32_t id;
  double cost;
  int64_t bytes;
} Rated;

static int compare_rated(const void *a, const void *b) {
  const Rated *x = a, *y = b;
  if (x->bytes != y->bytes)
    return x->bytes < y->bytes ? -1 : 1;
  return x->cost != y->cost ? (x->cost < y->cost ? -1 : 1) : x->id < y->id ? -1 : 1;
}

static bool same_table(const Advisor *advisor, uint32_t a, uint32_t b) {
  return !strcmp(candidate_at(advisor, a)->table, candidate_at(advisor, b)->table) &&
         !strcmp(candidate_at(advisor, a)->schema, candidate_at(advisor, b)->schema);
}

// Of each table those that no smaller one does better than, alone.
static DbaIndexSet best_of(Advisor *advisor, uint32_t q, const DbaIndexAsk *asks) {
  const DbaIndexSet *bears = &advisor->bears[q];
  g_autofree Rated *rated = g_new(Rated, bears->n + 1);
  g_autofree uint32_t *ids = g_new(uint32_t, bears->n + 1);
  double least = advisor->model->least / 4 / advisor->model->weight[q];
  uint32_t n = 0;
  for (uint32_t i = 0; i < bears->n; i++)
    rated[i] = (Rated){bears->ids[i], asks[i].known->cost, candidate_at(advisor, bears->ids[i])->bytes};
  qsort(rated, bears->n, sizeof *rated, compare_rated);
  for (uint32_t i = 0; i < bears->n && n < MOST_BEST; i++) {
    double bar = advisor->model->base[q] - least;
    for (uint32_t k = 0; k < i; k++)
      if (same_table(advisor, rated[k].id, rated[i].id))
        bar = MIN(bar, rated[k].cost - least);
    if (rated[i].cost >= 0 && rated[i].cost < bar)
      ids[n++] = rated[i].id;
  }
  return set_of_ids(advisor, ids, n);
}

static bool ask_singles(Advisor *advisor, GError **error) {
  advisor->best = dba_arena_alloc(advisor->arena, (advisor->n_statements + 1) * sizeof *advisor->best);
  for (uint32_t q = 0; q < advisor->n_statements; q++)
    for (uint32_t i = 0; i < advisor->bears[q].n; i++)
      add_ask(advisor, q, (DbaIndexSet){1, &advisor->bears[q].ids[i]});
  g_autoptr(GArray) singles = g_array_copy(advisor->asks);
  if (!dba_index_costs_ask(advisor->costs, (DbaIndexAsk *)(void *)singles->data, singles->len, error))
    return false;
  g_array_set_size(advisor->asks, 0);
  const DbaIndexAsk *asks = (const DbaIndexAsk *)(void *)singles->data;
  for (uint32_t q = 0; q < advisor->n_statements; q++) {
    for (uint32_t i = 0; i < advisor->bears[q].n; i++)
      dba_index_model_learn(advisor->model, asks[i].known);
    advisor->best[q] = best_of(advisor, q, asks);
    asks += advisor->bears[q].n;
  }
  return true;
}

// The tables of the set, as the first candidate of each.
static uint32_t tables_of(const Advisor *advisor, const DbaIndexSet *set, uint32_t *ret_tables, uint32_t most) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < set->n; i++) {
    bool seen = false;
    for (uint32_t k = 0; k < n && !seen; k++)
      seen = same_table(advisor, ret_tables[k], set->ids[i]);
    if (!seen && n < most)
      ret_tables[n++] = set->ids[i];
  }
  return n;
}

static void add_combinations(Advisor *advisor, uint32_t q) {
  uint32_t tables[MOST_TABLES], n = tables_of(advisor, &advisor->best[q], tables, MOST_TABLES);
  g_autofree uint32_t *ids = g_new(uint32_t, advisor->best[q].n + 1);
  add_ask(advisor, q, advisor->bears[q]);
  for (unsigned combination = 1; combination < 1U << n; combination++) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < advisor->best[q].n; i++)
      for (uint32_t t = 0; t < n; t++)
        if (combination >> t & 1 && same_table(advisor, tables[t], advisor->best[q].ids[i]))
          ids[count++] = advisor->best[q].ids[i];
    add_ask(advisor, q, set_of_ids(advisor, ids, count));
  }
  for (uint32_t i = 0; i < advisor->best[q].n; i++)
    for (uint32_t k = i + 1; k < advisor->best[q].n; k++)
      add_ask(advisor, q, set_of_ids(advisor, (uint32_t[]){advisor->best[q].ids[i], advisor->best[q].ids[k]}, 2));
}

// Of what plans used: without each of it, and with another of that table in its place.
static void add_replacements(Advisor *advisor, uint32_t q) {
  const DbaIndexSet *best = &advisor->best[q];
  uint32_t n_configurations = advisor->model->configurations[q].n;
  for (uint32_t c = 0; c < n_configurations; c++) {
    DbaIndexSet set = dba_list_at(DbaIndexConfiguration, &advisor->model->configurations[q], c)->set;
    g_autofree uint32_t *ids = g_new(uint32_t, set.n + 1);
    for (uint32_t i = 0; i < set.n && set.n > 1; i++) {
      memcpy(ids, set.ids, set.n * sizeof *ids);
      ids[i] = set.ids[set.n - 1];
      add_ask(advisor, q, set_of_ids(advisor, ids, set.n - 1));
      memcpy(ids, set.ids, set.n * sizeof *ids);
      for (uint32_t k = 0; k < best->n; k++)
        if (same_table(advisor, best->ids[k], set.ids[i]) && !dba_index_set_has(&set, best->ids[k])) {
          ids[i] = best->ids[k];
          add_ask(advisor, q, set_of_ids(advisor, ids, set.n));
        }
    }
  }
}

static bool learn_configurations(Advisor *advisor, GError **error) {
  if (!ask_singles(advisor, error))
    return false;
  tell(advisor, "planning combinations");
  for (uint32_t q = 0; q < advisor->n_statements; q++)
    add_combinations(advisor, q);
  if (!ask_added(advisor, error))
    return false;
  for (uint32_t q = 0; q < advisor->n_statements; q++)
    add_replacements(advisor, q);
  return ask_added(advisor, error);
}

// One index more, of those that any configuration has, and one less.
static bool look_around(Advisor *advisor, const bool *chosen, GError **error) {
  g_autofree bool *useful = g_new0(bool, advisor->n_candidates + 1);
  DbaIndexSet set = set_of(advisor, chosen);
  for (uint32_t q = 0; q < advisor->n_statements; q++)
    for (DBA_EACH(DbaIndexConfiguration, configuration, &advisor->model->configurations[q]))
      for (uint32_t i = 0; i < configuration->set.n; i++)
        useful[configuration->set.ids[i]] = true;
  g_autofree uint32_t *ids = g_new(uint32_t, set.n + 2);
  for (uint32_t q = 0; q < advisor->n_statements; q++) {
    DbaIndexSet part = dba_index_costs_part(advisor->costs, q, &set, advisor->arena);
    for (uint32_t i = 0; i < advisor->bears[q].n; i++) {
      uint32_t id = advisor->bears[q].ids[i], n = 0;
      if (!useful[id])
        continue;
      for (uint32_t k = 0; k < part.n; k++)
        if (part.ids[k] != id)
          ids[n++] = part.ids[k];
      if (!chosen[id])
        ids[n++] = id;
      add_ask(advisor, q, set_of_ids(advisor, ids, n));
    }
  }
  return ask_added(advisor, error);
}

// ---- the curve ------------------------------------------------------------------------------------------------------

static int64_t bytes_of(const Advisor *advisor, const bool *chosen) {
  int64_t bytes = 0;
  for (uint32_t i = 0; i < advisor->n_candidates; i++)
    if (chosen[i] && !candidate_at(advisor, i)->kept)
      bytes += candidate_at(advisor, i)->bytes;
  return bytes;
}

static int compare_points(const void *a, const void *b) {
  const DbaIndexPoint *x = a, *y = b;
  uint64_t of_x = (uint64_t)x->budget_bytes, of_y = (uint64_t)y->budget_bytes; // -1, no limit, is the last
  return of_x < of_y ? -1 : of_x > of_y;
}

// Budgets in equal ratios up to what all of use takes, those that were asked for, and none.
static void lay_points(Advisor *advisor, int64_t most) {
  DbaIndexAnswer *answer = advisor->answer;
  for (unsigned i = 0; i < advisor->options->n_budgets; i++)
    *(DbaIndexPoint *)dba_list_add(answer->arena, &answer->curve, sizeof(DbaIndexPoint)) =
        (DbaIndexPoint){.budget_bytes = advisor->options->budgets_bytes[i], .asked = true};
  double budget = (double)most;
  for (unsigned i = 0; i < CURVE_POINTS && budget >= 16384; i++, budget /= 1.5)
    *(DbaIndexPoint *)dba_list_add(answer->arena, &answer->curve, sizeof(DbaIndexPoint)) =
        (DbaIndexPoint){.budget_bytes = i ? (int64_t)budget : -1};
  qsort(answer->curve.items, answer->curve.n, sizeof(DbaIndexPoint), compare_points);
}

static void choose(const Advisor *advisor, int64_t budget, bool *chosen) {
  DbaIndexLimits limits = {budget, advisor->options->most_per_table};
  dba_index_choose_greedily(advisor->model, &limits, chosen);
}

// Solves, asks the planner for the whole set, and again while the planner tells something new.
static bool find_point(Advisor *advisor, DbaIndexPoint *point, bool *chosen, GError **error) {
  DbaIndexLimits limits = {point->budget_bytes, advisor->options->most_per_table};
  g_autofree double *costs = g_new(double, advisor->n_statements + 1);
  for (int round = 0; round < ROUNDS; round++) {
    double bound;
    if (!dba_index_solve(advisor->model, &limits, advisor->options->deadline_us, chosen, &bound, error))
      return false;
    advisor->answer->solved++;
    choose(advisor, point->budget_bytes, chosen); // what the solver left in for nothing goes
    DbaIndexSet set = set_of(advisor, chosen);
    double model = dba_index_model_cost(advisor->model, chosen);
    if (!ask_whole(advisor, set, costs, NULL, error))
      return false;
    point->cost = sum(advisor, costs);
    point->bound = MIN(bound, point->cost);
    point->bytes = bytes_of(advisor, chosen);
    point->chosen = (DbaList){0};
    for (uint32_t i = 0; i < set.n; i++)
      dba_list_add_int(advisor->answer->arena, &point->chosen, set.ids[i]);
    dba_index_model_settle(advisor->model);
    if (ABS(model - point->cost) < advisor->model->least || is_over(advisor))
      break;
  }
  return true;
}

static bool draw_curve(Advisor *advisor, GError **error) {
  g_autofree bool *chosen = g_new0(bool, advisor->n_candidates + 1);
  dba_index_model_settle(advisor->model);
  choose(advisor, -1, chosen);
  lay_points(advisor, bytes_of(advisor, chosen));
  DbaList *curve = &advisor->answer->curve;
  tell(advisor, "looking around the best sets");
  for (unsigned i = 0; i < AROUND_POINTS && curve->n && !is_over(advisor); i++) {
    const DbaIndexPoint *point = dba_list_at(DbaIndexPoint, curve, (curve->n - 1) * i / (AROUND_POINTS - 1));
    memset(chosen, 0, advisor->n_candidates * sizeof *chosen);
    choose(advisor, point->budget_bytes, chosen);
    if (!look_around(advisor, chosen, error))
      return false;
    dba_index_model_settle(advisor->model);
  }
  tell(advisor, "solving");
  memset(chosen, 0, advisor->n_candidates * sizeof *chosen);
  for (DBA_EACH(DbaIndexPoint, point, curve)) {
    choose(advisor, point->budget_bytes, chosen);
    if (!find_point(advisor, point, chosen, error))
      return false;
  }
  return true;
}

// ---- the answer -----------------------------------------------------------------------------------------------------

static bool set_out(Advisor *advisor, GError **error) {
  g_autofree double *costs = g_new(double, advisor->n_statements + 1);
  g_autofree bool *there = g_new0(bool, advisor->n_candidates + 1);
  if (!ask_whole(advisor, (DbaIndexSet){0}, costs, NULL, error))
    return false;
  dba_index_model_set_base(advisor->model, costs);
  advisor->answer->cost_none = sum(advisor, costs);
  for (uint32_t i = 0; i < advisor->n_candidates; i++)
    there[i] = candidate_at(advisor, i)->existing && !candidate_at(advisor, i)->kept;
  advisor->answer->bytes_now = bytes_of(advisor, there);
  if (!ask_whole(advisor, set_of(advisor, there), costs, NULL, error))
    return false;
  advisor->answer->cost_now = sum(advisor, costs);
  return true;
}

static bool advise(Advisor *advisor, GError **error) {
  tell(advisor, "reading what statements want");
  if (!dba_index_costs_needs(advisor->costs, &advisor->needs, error))
    return false;
  dba_index_make_candidates(advisor->options, &advisor->needs, advisor->answer->arena, &advisor->answer->candidates, &advisor->shapes);
  advisor->n_candidates = advisor->answer->candidates.n;
  find_bearing(advisor);
  tell(advisor, "supposing indexes");
  if (!dba_index_costs_suppose(advisor->costs, advisor->bears, error))
    return false;
  advisor->model = dba_index_model_new(advisor->answer);
  tell(advisor, "planning");
  bool ok = set_out(advisor, error) && learn_configurations(advisor, error) && draw_curve(advisor, error);
  advisor->answer->configurations = dba_index_model_size(advisor->model);
  return ok;
}

bool dba_index_advise(const DbaIndexOptions *options, DbaIndexAnswer *ret_answer, GError **error) {
  if (!options->statements->n)
    return dba_fail(error, DBA_ERROR_USAGE,
                    "the workload is empty: without statements nothing says which indexes pay (hint: --workload FILE.sql, or "
                    "pg_stat_statements on the subject)");
  g_autoptr(DbaIndexCosts) costs = dba_index_costs_open(options, ret_answer, error);
  if (!costs)
    return false;
  Advisor advisor = {.options = options,
                     .answer = ret_answer,
                     .arena = dba_arena_new(),
                     .costs = costs,
                     .asks = g_array_new(FALSE, FALSE, sizeof(DbaIndexAsk)),
                     .n_statements = ret_answer->statements.n};
  bool ok = advise(&advisor, error);
  dba_index_model_free(advisor.model);
  g_array_unref(advisor.asks);
  dba_arena_free(advisor.arena);
  return ok;
}

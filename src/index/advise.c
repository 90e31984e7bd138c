// SPDX-License-Identifier: Apache-2.0
// Advice for a workload: from statements to needs, candidates, costs, configurations, and a set for each budget.
//
// What is asked of the planner, in this order: each statement with nothing, with each candidate that bears on it, with all of them; with
// the best of each table in all combinations of tables; with pairs; then around sets that are chosen, one index more and one less.  After each of these
// the model knows more configurations.  A set is the answer when the planner, asked for the whole set, says what the model said.
#include "index/advisor.h"

#include <string.h>

enum {
  MOST_TABLES = 6, // of a statement, of which all combinations are tried
  MOST_BEST = 16,  // candidates of a statement that stand for the others
};

static const double WORTH_OF_BYTES = 0.1; // share of the workload that indexes as large as all tables must save

const DbaIndexCandidate *dba_index_candidate_at(const DbaIndexAdvisor *advisor, uint32_t id) {
  return dba_list_at(DbaIndexCandidate, &advisor->answer->candidates, id);
}

void dba_index_tell(const DbaIndexAdvisor *advisor, const char *line) {
  if (advisor->options->progress)
    advisor->options->progress(advisor->options->progress_data, line);
}

bool dba_index_is_over(DbaIndexAdvisor *advisor) {
  bool over = advisor->options->deadline_us && g_get_monotonic_time() > advisor->options->deadline_us;
  advisor->answer->cut |= over;
  return over;
}

// ---- asking ---------------------------------------------------------------------------------------------------------

void dba_index_add_ask(DbaIndexAdvisor *advisor, uint32_t statement, DbaIndexSet set) {
  DbaIndexAsk ask = {statement, set, NULL};
  g_array_append_val(advisor->asks, ask);
}

// Asks for all that was added; what plans used is learned.  In pieces, so that the time is looked at.
bool dba_index_ask_added(DbaIndexAdvisor *advisor, GError **error) {
  enum { PIECE = 256 };
  DbaIndexAsk *asks = (DbaIndexAsk *)(void *)advisor->asks->data;
  for (guint done = 0; done < advisor->asks->len; done += PIECE) {
    guint some = MIN(PIECE, advisor->asks->len - done);
    if (dba_index_is_over(advisor))
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

DbaIndexSet dba_index_set_of(DbaIndexAdvisor *advisor, const bool *flags) {
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

DbaIndexSet dba_index_set_of_ids(DbaIndexAdvisor *advisor, const uint32_t *ids, uint32_t n) {
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

static void find_bearing(DbaIndexAdvisor *advisor) {
  g_autofree bool *flags = g_new0(bool, advisor->n_candidates + 1);
  advisor->bears = dba_arena_alloc(advisor->arena, (advisor->n_statements + 1) * sizeof *advisor->bears);
  advisor->all_bears = dba_arena_alloc(advisor->arena, (advisor->n_statements + 1) * sizeof *advisor->bears);
  uint32_t at = 0;
  for (uint32_t q = 0; q < advisor->n_statements; q++) {
    memset(flags, 0, advisor->n_candidates * sizeof *flags);
    for (; at < advisor->needs.n; at++) { // in the order of statements
      const DbaIndexNeed *need = dba_list_at(DbaIndexNeed, &advisor->needs, at);
      if (need->statement != q)
        break;
      for (uint32_t i = 0; i < advisor->n_candidates; i++)
        if (!dba_index_candidate_at(advisor, i)->kept)
          flags[i] |= dba_index_bears_on(dba_index_candidate_at(advisor, i), dba_list_at(DbaIndexShape, &advisor->shapes, i), need);
    }
    advisor->all_bears[q] = dba_index_set_of(advisor, flags);
    for (uint32_t i = 0; i < advisor->n_candidates; i++) {
      dba_list_at(DbaIndexCandidate, &advisor->answer->candidates, i)->serves += flags[i];
      flags[i] &= !dba_index_candidate_at(advisor, i)->question;
    }
    advisor->bears[q] = dba_index_set_of(advisor, flags);
  }
}

// ---- what plans make of them ----------------------------------------------------------------------------------------

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

static bool same_table(const DbaIndexAdvisor *advisor, uint32_t a, uint32_t b) {
  return !strcmp(dba_index_candidate_at(advisor, a)->table, dba_index_candidate_at(advisor, b)->table) &&
         !strcmp(dba_index_candidate_at(advisor, a)->schema, dba_index_candidate_at(advisor, b)->schema);
}

// Of each table those that no smaller one does better than, alone.
static DbaIndexSet best_of(DbaIndexAdvisor *advisor, uint32_t q, const DbaIndexAsk *asks) {
  const DbaIndexSet *bears = &advisor->bears[q];
  g_autofree Rated *rated = g_new(Rated, bears->n + 1);
  g_autofree uint32_t *ids = g_new(uint32_t, bears->n + 1);
  double least = advisor->model->weight[q] > 0 ? advisor->model->least / 4 / advisor->model->weight[q] : G_MAXDOUBLE;
  uint32_t n = 0;
  for (uint32_t i = 0; i < bears->n; i++)
    rated[i] = (Rated){bears->ids[i], asks[i].known->cost, dba_index_candidate_at(advisor, bears->ids[i])->bytes};
  qsort(rated, bears->n, sizeof *rated, compare_rated);
  for (uint32_t i = 0; i < bears->n && n < MOST_BEST; i++) {
    double bar = advisor->model->base[q] - least;
    for (uint32_t k = 0; k < i; k++)
      if (same_table(advisor, rated[k].id, rated[i].id))
        bar = MIN(bar, rated[k].cost - least);
    if (rated[i].cost >= 0 && rated[i].cost < bar)
      ids[n++] = rated[i].id;
  }
  return dba_index_set_of_ids(advisor, ids, n);
}

static bool ask_singles(DbaIndexAdvisor *advisor, GError **error) {
  enum { PIECE = 512 };
  advisor->best = dba_arena_alloc(advisor->arena, (advisor->n_statements + 1) * sizeof *advisor->best);
  memset(advisor->best, 0, (advisor->n_statements + 1) * sizeof *advisor->best);
  for (uint32_t first = 0, q = 0; q < advisor->n_statements; q++) { // some statements at a time
    for (uint32_t i = 0; i < advisor->bears[q].n; i++)
      dba_index_add_ask(advisor, q, (DbaIndexSet){1, &advisor->bears[q].ids[i]});
    if (advisor->asks->len < PIECE && q + 1 < advisor->n_statements)
      continue;
    g_autoptr(GArray) singles = g_array_copy(advisor->asks);
    if (dba_index_is_over(advisor))
      break;
    if (!dba_index_ask_added(advisor, error) || // in pieces; what it asked is remembered
        !dba_index_costs_ask(advisor->costs, (DbaIndexAsk *)(void *)singles->data, singles->len, error))
      return false;
    for (guint at = 0; first <= q; at += advisor->bears[first++].n)
      if (advisor->bears[first].n)
        advisor->best[first] = best_of(advisor, first, &g_array_index(singles, DbaIndexAsk, at));
  }
  g_array_set_size(advisor->asks, 0);
  return true;
}

// The tables of the set, as the first candidate of each.
static uint32_t tables_of(const DbaIndexAdvisor *advisor, const DbaIndexSet *set, uint32_t *ret_tables, uint32_t most) {
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

static void add_combinations(DbaIndexAdvisor *advisor, uint32_t q) {
  uint32_t tables[MOST_TABLES], n = tables_of(advisor, &advisor->best[q], tables, MOST_TABLES);
  g_autofree uint32_t *ids = g_new(uint32_t, advisor->best[q].n + 1);
  dba_index_add_ask(advisor, q, advisor->bears[q]);
  for (unsigned combination = 1; combination < 1U << n; combination++) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < advisor->best[q].n; i++)
      for (uint32_t t = 0; t < n; t++)
        if (combination >> t & 1 && same_table(advisor, tables[t], advisor->best[q].ids[i]))
          ids[count++] = advisor->best[q].ids[i];
    dba_index_add_ask(advisor, q, dba_index_set_of_ids(advisor, ids, count));
  }
  for (uint32_t i = 0; i < advisor->best[q].n; i++)
    for (uint32_t k = i + 1; k < advisor->best[q].n; k++)
      dba_index_add_ask(advisor, q, dba_index_set_of_ids(advisor, (uint32_t[]){advisor->best[q].ids[i], advisor->best[q].ids[k]}, 2));
}

// Of what plans used: without each of it, and with another of that table in its place.
static void add_replacements(DbaIndexAdvisor *advisor, uint32_t q) {
  const DbaIndexSet *best = &advisor->best[q];
  uint32_t n_configurations = advisor->model->configurations[q].n;
  for (uint32_t c = 0; c < n_configurations; c++) {
    DbaIndexSet set = dba_list_at(DbaIndexConfiguration, &advisor->model->configurations[q], c)->set;
    g_autofree uint32_t *ids = g_new(uint32_t, set.n + 1);
    for (uint32_t i = 0; i < set.n && set.n > 1; i++) {
      memcpy(ids, set.ids, set.n * sizeof *ids);
      ids[i] = set.ids[set.n - 1];
      dba_index_add_ask(advisor, q, dba_index_set_of_ids(advisor, ids, set.n - 1));
      memcpy(ids, set.ids, set.n * sizeof *ids);
      for (uint32_t k = 0; k < best->n; k++)
        if (same_table(advisor, best->ids[k], set.ids[i]) && !dba_index_set_has(&set, best->ids[k])) {
          ids[i] = best->ids[k];
          dba_index_add_ask(advisor, q, dba_index_set_of_ids(advisor, ids, set.n));
        }
    }
  }
}

static bool learn_configurations(DbaIndexAdvisor *advisor, GError **error) {
  if (!ask_singles(advisor, error))
    return false;
  dba_index_tell(advisor, "planning combinations");
  for (uint32_t q = 0; q < advisor->n_statements; q++)
    add_combinations(advisor, q);
  if (!dba_index_ask_added(advisor, error))
    return false;
  for (uint32_t q = 0; q < advisor->n_statements; q++)
    add_replacements(advisor, q);
  return dba_index_ask_added(advisor, error);
}

int64_t dba_index_bytes_of(const DbaIndexAdvisor *advisor, const bool *chosen) {
  int64_t bytes = 0;
  for (uint32_t i = 0; i < advisor->n_candidates; i++)
    if (chosen[i] && !dba_index_candidate_at(advisor, i)->kept)
      bytes += dba_index_candidate_at(advisor, i)->bytes;
  return bytes;
}

// ---- the answer -----------------------------------------------------------------------------------------------------

bool dba_index_ask_whole(DbaIndexAdvisor *advisor, DbaIndexSet set, const DbaIndexKnown **ret_known, double *ret_cost, GError **error) {
  g_autofree DbaIndexAsk *asks = g_new0(DbaIndexAsk, advisor->n_statements + 1);
  g_autofree bool *chosen = g_new0(bool, advisor->n_candidates + 1);
  for (uint32_t q = 0; q < advisor->n_statements; q++)
    asks[q] = (DbaIndexAsk){q, set, NULL};
  if (!dba_index_costs_ask(advisor->costs, asks, advisor->n_statements, error))
    return false;
  for (uint32_t i = 0; i < set.n; i++)
    chosen[set.ids[i]] = true;
  *ret_cost = dba_index_writes_cost(advisor->writes, chosen);
  for (uint32_t q = 0; q < advisor->n_statements; q++) {
    ret_known[q] = asks[q].known;
    *ret_cost += advisor->model->weight[q] * asks[q].known->cost;
  }
  return true;
}

// Today's plans, with all that is there, and those with nothing that could go.  What others use stays.
static bool set_out(DbaIndexAdvisor *advisor, GError **error) {
  DbaIndexAnswer *answer = advisor->answer;
  g_autofree const DbaIndexKnown **known = g_new0(const DbaIndexKnown *, advisor->n_statements + 1);
  g_autofree double *costs = g_new(double, advisor->n_statements + 1);
  g_autofree bool *there = g_new0(bool, advisor->n_candidates + 1), *used = g_new0(bool, advisor->n_candidates + 1);
  for (uint32_t i = 0; i < advisor->n_candidates; i++)
    there[i] = dba_index_candidate_at(advisor, i)->existing && !dba_index_candidate_at(advisor, i)->kept;
  if (!dba_index_ask_whole(advisor, dba_index_set_of(advisor, there), known, &answer->cost_now, error))
    return false;
  for (uint32_t q = 0; q < advisor->n_statements; q++) {
    dba_list_at(DbaIndexStatement, &answer->statements, q)->cost_now = known[q]->cost;
    for (uint32_t i = 0; i < known[q]->used.n; i++)
      used[known[q]->used.ids[i]] = true;
  }
  if (dba_index_keep_scanned(advisor->options->survey, advisor->model->wider, answer->arena, used, &answer->candidates))
    dba_index_costs_forget(advisor->costs);
  for (uint32_t i = 0; i < advisor->n_candidates; i++)
    there[i] = there[i] && !dba_index_candidate_at(advisor, i)->kept;
  answer->bytes_now = dba_index_bytes_of(advisor, there);
  if (!dba_index_ask_whole(advisor, (DbaIndexSet){0}, known, &answer->cost_none, error))
    return false;
  for (uint32_t q = 0; q < advisor->n_statements; q++)
    costs[q] = known[q]->cost;
  dba_index_model_set_base(advisor->model, costs);
  return true;
}

static DbaIndexSet set_of_point(DbaIndexAdvisor *advisor, const DbaIndexPoint *point) {
  uint32_t *ids = dba_arena_alloc(advisor->arena, (point->chosen.n + 1) * sizeof *ids);
  for (uint32_t i = 0; i < point->chosen.n; i++)
    ids[i] = (uint32_t)dba_list_int(&point->chosen, i);
  return (DbaIndexSet){point->chosen.n, ids};
}

// The statements of the points that will be shown.
static bool tell_served(DbaIndexAdvisor *advisor, DbaIndexPoint *point, GError **error) {
  g_autofree const DbaIndexKnown **known = g_new0(const DbaIndexKnown *, advisor->n_statements + 1);
  double cost;
  if (!dba_index_ask_whole(advisor, set_of_point(advisor, point), known, &cost, error))
    return false;
  for (uint32_t q = 0; q < advisor->n_statements; q++) {
    DbaIndexServed *served = dba_list_add(advisor->answer->arena, &point->served, sizeof *served);
    *served = (DbaIndexServed){
        .statement = q, .before = dba_list_at(DbaIndexStatement, &advisor->answer->statements, q)->cost_now, .after = known[q]->cost};
    for (uint32_t i = 0; i < known[q]->used.n; i++)
      dba_list_add_int(advisor->answer->arena, &served->by, known[q]->used.ids[i]);
  }
  return true;
}

// Bytes of the tables: what those of indexes are held against.
static double bytes_of_tables(const DbaSurvey *survey) {
  double bytes = 0;
  for (DBA_EACH(DbaRelation, relation, &survey->schema.relations))
    bytes += (double)relation->pages * 8192;
  return bytes;
}

// Beyond the knee indexes of a tenth of the tables' size save less than a hundredth of the workload.
static DbaIndexPoint *find_knee(const DbaIndexAdvisor *advisor) {
  DbaIndexAnswer *answer = advisor->answer;
  DbaIndexPoint *knee = dba_list_at(DbaIndexPoint, &answer->curve, answer->curve.n - 1); // the one without a limit is always there
  double best = G_MAXDOUBLE, tables = bytes_of_tables(advisor->options->survey);
  for (DBA_EACH(DbaIndexPoint, point, &answer->curve)) {
    double price = point->cost / answer->cost_none + (tables > 0 ? WORTH_OF_BYTES * (double)point->bytes / tables : 0);
    if (price < best) {
      best = price;
      knee = point;
    }
  }
  knee->knee = true;
  return knee;
}

// What is there and saves anything is not taken away for the sake of the knee.
static bool make_advice(DbaIndexAdvisor *advisor, const DbaIndexPoint *knee, GError **error) {
  DbaIndexAnswer *answer = advisor->answer;
  DbaIndexPoint *point = &answer->advised;
  g_autofree bool *chosen = g_new0(bool, advisor->n_candidates + 1);
  g_autofree const DbaIndexKnown **known = g_new0(const DbaIndexKnown *, advisor->n_statements + 1);
  for (uint32_t i = 0; i < advisor->n_candidates; i++)
    chosen[i] = dba_index_candidate_at(advisor, i)->existing && !dba_index_candidate_at(advisor, i)->kept;
  for (uint32_t i = 0; i < knee->chosen.n; i++)
    chosen[dba_list_int(&knee->chosen, i)] = true;
  dba_index_drop_trifles(advisor->model, chosen);
  dba_index_repair_doubted(&answer->candidates, advisor->model->wider, chosen);
  dba_index_repair_keys(advisor->options->survey, &answer->candidates, &advisor->shapes, chosen);
  dba_index_name_heirs(advisor->model->wider, chosen, &answer->candidates);
  DbaIndexSet set = dba_index_set_of(advisor, chosen);
  if (!dba_index_ask_whole(advisor, set, known, &point->cost, error))
    return false;
  point->budget_bytes = knee->budget_bytes;
  point->bytes = dba_index_bytes_of(advisor, chosen);
  point->write_cost = dba_index_writes_cost(advisor->writes, chosen);
  for (uint32_t i = 0; i < set.n; i++)
    dba_list_add_int(answer->arena, &point->chosen, set.ids[i]);
  return tell_served(advisor, point, error);
}

static bool show(DbaIndexAdvisor *advisor, GError **error) {
  DbaIndexAnswer *answer = advisor->answer;
  const DbaIndexPoint *answered = &answer->advised;
  if (!make_advice(advisor, find_knee(advisor), error))
    return false;
  for (DBA_EACH(DbaIndexPoint, point, &answer->curve)) {
    if (point->asked && !tell_served(advisor, point, error))
      return false;
    if (point->asked && answered == &answer->advised)
      answered = point;
  }
  return !advisor->options->questions || dba_index_give_reasons(advisor, answered, error);
}

static void name_tables(DbaIndexAdvisor *advisor) {
  DbaArena *arena = advisor->answer->arena;
  for (DBA_EACH(DbaIndexNeed, need, &advisor->needs)) {
    DbaIndexStatement *statement = dba_list_at(DbaIndexStatement, &advisor->answer->statements, need->statement);
    const char *name = need->relation ? dba_arena_format(arena, "%s.%s", need->relation->schema, need->relation->name) : NULL;
    if (name && !dba_list_has_text(&statement->tables, name))
      dba_list_add_text(arena, &statement->tables, name);
  }
}

static bool reads_tables(const DbaIndexAdvisor *advisor, uint32_t statement) {
  for (DBA_EACH(DbaIndexNeed, need, &advisor->needs))
    if (need->statement == statement && need->relation)
      return true;
  return false;
}

static bool advise(DbaIndexAdvisor *advisor, GError **error) {
  DbaList writes = {0};
  dba_index_tell(advisor, "reading what statements want");
  if (!dba_index_costs_needs(advisor->costs, &advisor->needs, &writes, error))
    return false;
  advisor->n_statements = advisor->answer->statements.n;
  dba_index_make_candidates(advisor->options, &advisor->needs, advisor->answer->arena, &advisor->answer->candidates, &advisor->shapes);
  advisor->n_candidates = advisor->answer->candidates.n;
  find_bearing(advisor);
  dba_index_tell(advisor, "supposing indexes");
  if (!dba_index_costs_suppose(advisor->costs, advisor->all_bears, error))
    return false;
  advisor->writes = dba_index_writes_new(advisor->answer, &writes, advisor->options->prices);
  advisor->model = dba_index_model_new(advisor->answer, advisor->writes);
  advisor->model->wider = dba_index_find_wider(&advisor->answer->candidates, &advisor->shapes, advisor->arena);
  name_tables(advisor);
  for (uint32_t q = 0; q < advisor->n_statements; q++)
    if (!reads_tables(advisor, q)) // of the system's catalogs, or of none: indexes have nothing to do with it
      advisor->model->weight[q] = 0;
  dba_index_tell(advisor, "planning");
  bool ok = set_out(advisor, error) && learn_configurations(advisor, error) && dba_index_draw_curve(advisor, error) && show(advisor, error);
  advisor->answer->configurations = dba_index_model_size(advisor->model);
  return ok;
}

bool dba_index_advise(const DbaIndexOptions *options, DbaIndexAnswer *ret_answer, GError **error) {
  if (!options->statements->n)
    return dba_fail(error, DBA_ERROR_USAGE,
                    "the workload is empty: without statements nothing says which indexes pay (hint: --workload FILE.sql, or "
                    "pg_stat_statements on the subject)");
  if (!dba_index_check_names(options, error))
    return false;
  g_autoptr(DbaIndexCosts) costs = dba_index_costs_open(options, ret_answer, error);
  if (!costs)
    return false;
  if (!ret_answer->statements.n)
    return dba_fail(error, DBA_ERROR_INPUT, "no statement of the workload can be planned: %s", dba_list_text(&ret_answer->refused, 0));
  DbaIndexAdvisor advisor = {.options = options,
                             .answer = ret_answer,
                             .arena = dba_arena_new(),
                             .costs = costs,
                             .asks = g_array_new(FALSE, FALSE, sizeof(DbaIndexAsk)),
                             .n_statements = ret_answer->statements.n};
  bool ok = advise(&advisor, error);
  dba_index_model_free(advisor.model);
  dba_index_writes_free(advisor.writes);
  g_array_unref(advisor.asks);
  dba_arena_free(advisor.arena);
  return ok;
}

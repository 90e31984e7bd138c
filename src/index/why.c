// SPDX-License-Identifier: Apache-2.0
// Why, and why not: what there is to say about one index that a person named.
//
// The planner is asked for the workload with nothing but that index, and with it beside the set that is answered with.  What it says decides the
// verdict, in this order: it cannot be made; it is there, or chosen, already; nothing could use it; no plan does; others do the same; writing
// costs more than it gains; it does not fit; it does little.
#include "index/advisor.h"

#include <string.h>

static const double WORTH = 0.05; // of what its statements cost

// The keys and all behind them: "(status)include(total)where...".
static char *tail_of(const DbaIndexCandidate *candidate) {
  g_autoptr(GString) text = g_string_new(NULL);
  if (candidate->question) {
    const char *open = strchr(candidate->definition, '(');
    return dba_index_squeezed(open ? open : "");
  }
  g_string_append_printf(text, "(%s)", candidate->keys);
  if (candidate->included)
    g_string_append_printf(text, "include(%s)", candidate->included);
  if (candidate->predicate)
    g_string_append_printf(text, "where%s", candidate->predicate);
  return dba_index_squeezed(text->str);
}

static const char *method_of(const DbaIndexCandidate *candidate) {
  static const char *const methods[] = {"hash", "gin", "gist", "spgist", "brin", "hnsw", "ivfflat"};
  if (*candidate->method)
    return candidate->method;
  g_autofree char *text = dba_index_squeezed(candidate->definition);
  for (size_t i = 0; i < G_N_ELEMENTS(methods); i++) {
    g_autofree char *wanted = g_strdup_printf("using%s(", methods[i]);
    if (strstr(text, wanted))
      return methods[i];
  }
  return "btree";
}

static int64_t find_same(const DbaIndexAdvisor *advisor, uint32_t id) {
  const DbaIndexCandidate *asked = dba_index_candidate_at(advisor, id);
  g_autofree char *tail = tail_of(asked);
  for (uint32_t i = 0; i < advisor->n_candidates; i++) {
    const DbaIndexCandidate *other = dba_index_candidate_at(advisor, i);
    if (other->question || strcmp(other->table, asked->table) || strcmp(other->schema, asked->schema) ||
        strcmp(method_of(other), method_of(asked)))
      continue;
    g_autofree char *of_other = tail_of(other);
    if (!strcmp(tail, of_other))
      return i;
  }
  return -1;
}

// What the set has on that table that serves the same statements.
static const char *others(const DbaIndexAdvisor *advisor, const DbaIndexPoint *point, const DbaIndexReason *reason) {
  g_autoptr(GString) text = g_string_new(NULL);
  for (uint32_t i = 0; i < point->chosen.n; i++) {
    const DbaIndexCandidate *candidate = dba_index_candidate_at(advisor, (uint32_t)dba_list_int(&point->chosen, i));
    const DbaIndexCandidate *asked = dba_index_candidate_at(advisor, (uint32_t)reason->candidate);
    bool serves = false;
    for (DBA_EACH(DbaIndexServed, served, &reason->served))
      for (DBA_EACH(DbaIndexServed, there, &point->served))
        for (uint32_t k = 0; there->statement == served->statement && k < there->by.n; k++)
          serves |= dba_list_int(&there->by, k) == dba_list_int(&point->chosen, i);
    if (!serves || strcmp(candidate->table, asked->table))
      continue;
    g_string_append_printf(text, "%s%s", text->len ? ", " : "", candidate->existing ? candidate->existing : candidate->keys);
  }
  return text->len ? dba_arena_text(advisor->answer->arena, text->str) : NULL;
}

static const char *judge(DbaIndexAdvisor *advisor, const DbaIndexPoint *point, const DbaIndexReason *reason) {
  DbaArena *arena = advisor->answer->arena;
  const DbaIndexCandidate *asked = dba_index_candidate_at(advisor, (uint32_t)reason->candidate);
  const DbaIndexCandidate *same = reason->same >= 0 ? dba_index_candidate_at(advisor, (uint32_t)reason->same) : NULL;
  double saved = point->cost - reason->beside, all = advisor->answer->cost_none, served = 0;
  for (DBA_EACH(DbaIndexServed, x, &reason->served))
    served += advisor->model->weight[x->statement] * x->before;
  g_autofree char *bytes = dba_text_bytes(asked->bytes);
  if (asked->why)
    return dba_arena_format(arena, "it cannot be made: %s", asked->why);
  if (same && same->existing)
    return dba_arena_format(arena, "it is there: %s%s%s", same->existing,
                            same->kept                                       ? "; it stays: "
                            : dba_list_has_int(&point->chosen, reason->same) ? "; it stays"
                                                                             : "; the set does without it",
                            same->kept ? same->why : "");
  if (same && dba_list_has_int(&point->chosen, reason->same))
    return "it is chosen";
  if (!asked->serves)
    return dba_arena_format(arena, "no statement of the workload reads %s.%s", asked->schema, asked->table);
  if (!reason->served.n)
    return "no plan uses it, even alone: what the statements ask is found as cheaply without it";
  const char *instead = others(advisor, point, reason);
  if (saved + reason->write_cost <= all * 1e-6)
    return instead ? dba_arena_format(arena, "the set serves its statements already, by %s", instead) : "beside the set no plan uses it";
  if (saved <= 0)
    return dba_arena_format(arena, "its entries cost those who write more than its statements gain (%.3g%% of the workload against %.3g%%)",
                            100 * reason->write_cost / all, 100 * (saved + reason->write_cost) / all);
  if (point->budget_bytes >= 0 && point->bytes + asked->bytes > point->budget_bytes)
    return dba_arena_format(arena,
                            "its %s do not fit beside the set, which does better with them; it would save %.3g%% of the workload more",
                            bytes, 100 * saved / all);
  if (saved < WORTH * served)
    return dba_arena_format(arena, "beside the set it saves %.2g%% of what its statements cost: too little for an index%s%s",
                            100 * saved / served, instead ? "; they are served by " : "", instead ? instead : "");
  return dba_arena_format(arena, "it would save %.3g%% of the workload for %s more: a larger budget has it or a better one",
                          100 * saved / all, bytes);
}

static bool give_reason(DbaIndexAdvisor *advisor, const DbaIndexPoint *point, uint32_t id, DbaIndexReason *reason, GError **error) {
  DbaArena *arena = advisor->answer->arena;
  g_autofree const DbaIndexKnown **with = g_new0(const DbaIndexKnown *, advisor->n_statements + 1);
  g_autofree uint32_t *ids = g_new(uint32_t, point->chosen.n + 1);
  g_autofree bool *chosen = g_new0(bool, advisor->n_candidates + 1);
  reason->candidate = id;
  reason->same = find_same(advisor, id);
  if (!dba_index_candidate_at(advisor, id)->why) {
    for (uint32_t i = 0; i < point->chosen.n; i++)
      chosen[ids[i] = (uint32_t)dba_list_int(&point->chosen, i)] = true;
    ids[point->chosen.n] = id;
    double before = dba_index_writes_cost(advisor->writes, chosen);
    chosen[id] = true;
    reason->write_cost = dba_index_writes_cost(advisor->writes, chosen) - before;
    if (!dba_index_ask_whole(advisor, dba_index_set_of_ids(advisor, ids, point->chosen.n + 1), with, &reason->beside, error) ||
        !dba_index_ask_whole(advisor, dba_index_set_of_ids(advisor, &id, 1), with, &reason->alone, error))
      return false;
    for (uint32_t q = 0; q < advisor->n_statements; q++)
      if (dba_index_set_has(&with[q]->used, id) && with[q]->cost < advisor->model->base[q])
        *(DbaIndexServed *)dba_list_add(arena, &reason->served, sizeof(DbaIndexServed)) =
            (DbaIndexServed){.statement = q, .before = advisor->model->base[q], .after = with[q]->cost};
  }
  reason->verdict = judge(advisor, point, reason);
  return true;
}

bool dba_index_give_reasons(DbaIndexAdvisor *advisor, const DbaIndexPoint *point, GError **error) {
  DbaIndexAnswer *answer = advisor->answer;
  const char *const *question = advisor->options->questions;
  for (uint32_t id = 0; id < advisor->n_candidates; id++) {
    if (!dba_index_candidate_at(advisor, id)->question)
      continue;
    DbaIndexReason *reason = dba_list_add(answer->arena, &answer->reasons, sizeof *reason);
    reason->question = *question++;
    if (!give_reason(advisor, point, id, reason, error))
      return false;
  }
  return true;
}

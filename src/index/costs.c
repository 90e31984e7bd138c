// SPDX-License-Identifier: Apache-2.0
// Costs of statements with sets of indexes: asked of two sessions in the twin at once, and remembered.
//
// Each statement has a home: one session plans it always, so that each learns of its own statements and answers do not hang on who was
// quicker.  Of a set only what bears on a statement is asked and remembered.  An index that is there and is not in the set
// is hidden.
#include "index/index-int.h"

#include <string.h>

enum { SESSIONS = 2 };
enum { MOST_LEVELS = 4 }; // of cascades: a self-reference has no end

typedef struct Session {
  DbaIndexCosts *costs;
  DbaWhatIf *what_if;
  DbaArena *arena;
  int *statements; // numbers, by statement; 0: not its own
  int *numbers;    // of candidates, by candidate; of those that are there the number that hides them; 0: none
  int64_t *bytes;  // of candidates
  double *rows;
  bool *rough;
  const char **refused; // of candidates: why
  GArray *candidates;   // uint32_t by number: the candidate
  GHashTable *names;    // of existing indexes as the twin prints them: 1 + candidate
  GPtrArray *pending;   // DbaIndexKnown *: to be planned
  bool cut;             // there was no time for all candidates
  GError *error;
} Session;

struct DbaIndexCosts {
  const DbaIndexOptions *options;
  DbaIndexAnswer *answer;
  DbaArena *arena;
  Session sessions[SESSIONS];
  uint32_t n_statements, n_candidates;
  const DbaIndexSet *bears; // by statement
  GHashTable *known;        // DbaIndexKnown *
  gint64 supposed_until;    // 0: as long as it takes
};

static const int SHARE_OF_SUPPOSING = 3; // a third of the time: the rest is for planning with them

static bool is_interrupted(const DbaIndexCosts *costs, GError **error) {
  return costs->options->interrupt && *costs->options->interrupt && !dba_fail(error, DBA_ERROR_INTERRUPTED, "interrupted");
}

static bool is_over(gint64 deadline) { return deadline && g_get_monotonic_time() > deadline; }

// ---- what is known --------------------------------------------------------------------------------------------------

static guint hash_known(gconstpointer key) {
  const DbaIndexKnown *known = key;
  guint hash = known->statement * 2654435761U;
  for (uint32_t i = 0; i < known->set.n; i++)
    hash = (hash ^ known->set.ids[i]) * 16777619U;
  return hash;
}

static gboolean equal_known(gconstpointer a, gconstpointer b) {
  const DbaIndexKnown *x = a, *y = b;
  return x->statement == y->statement && x->set.n == y->set.n &&
         (!x->set.n || !memcmp(x->set.ids, y->set.ids, x->set.n * sizeof *x->set.ids));
}

const DbaIndexSet *dba_index_costs_bears(const DbaIndexCosts *costs, uint32_t statement) { return &costs->bears[statement]; }

DbaIndexSet dba_index_costs_part(const DbaIndexCosts *costs, uint32_t statement, const DbaIndexSet *set, DbaArena *arena) {
  const DbaIndexSet *bears = &costs->bears[statement];
  uint32_t *ids = dba_arena_alloc(arena, (MIN(set->n, bears->n) + 1) * sizeof *ids), n = 0;
  for (uint32_t i = 0, k = 0; i < set->n && k < bears->n;) { // both are in order
    if (set->ids[i] == bears->ids[k]) {
      ids[n++] = set->ids[i++];
      k++;
    } else if (set->ids[i] < bears->ids[k])
      i++;
    else
      k++;
  }
  return (DbaIndexSet){n, ids};
}

// ---- a session ------------------------------------------------------------------------------------------------------

static Session *home_of(DbaIndexCosts *costs, uint32_t statement) { return &costs->sessions[statement % SESSIONS]; }

static const DbaIndexCandidate *candidate_at(const DbaIndexCosts *costs, uint32_t id) {
  return dba_list_at(DbaIndexCandidate, &costs->answer->candidates, id);
}

// What is sent for a set: those of it that are new, and the hiding of those that are there and not in it.
static DbaWhatIfRequest request_of(Session *session, const DbaIndexKnown *known) {
  const DbaIndexSet *bears = &session->costs->bears[known->statement];
  int *numbers = dba_arena_alloc(session->arena, (bears->n + 1) * sizeof *numbers);
  unsigned n = 0;
  for (uint32_t i = 0, k = 0; i < bears->n; i++) {
    uint32_t id = bears->ids[i];
    bool in = k < known->set.n && known->set.ids[k] == id;
    k += in;
    const DbaIndexCandidate *candidate = candidate_at(session->costs, id);
    if (session->numbers[id] && !candidate->kept && (candidate->existing ? !in : in))
      numbers[n++] = session->numbers[id];
  }
  return (DbaWhatIfRequest){session->statements[known->statement], numbers, n};
}

static int compare_ids(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return x < y ? -1 : x > y;
}

static void take_cost(Session *session, DbaIndexKnown *known, const DbaWhatIfCost *cost) {
  uint32_t *ids = dba_arena_alloc(session->arena, (cost->used.n + cost->existing.n + 1) * sizeof *ids), n = 0;
  for (uint32_t i = 0; i < cost->used.n; i++)
    ids[n++] = g_array_index(session->candidates, uint32_t, dba_list_int(&cost->used, i));
  for (DBA_EACH_TEXT(name, &cost->existing)) {
    guint id = GPOINTER_TO_UINT(g_hash_table_lookup(session->names, *name));
    if (id && !candidate_at(session->costs, id - 1)->kept)
      ids[n++] = id - 1;
  }
  qsort(ids, n, sizeof *ids, compare_ids);
  known->used = (DbaIndexSet){n, ids};
  known->cost = cost->cost;
}

static gpointer plan_pending(gpointer data) {
  Session *session = data;
  unsigned n = session->pending->len;
  g_autofree DbaWhatIfRequest *requests = g_new0(DbaWhatIfRequest, n + 1);
  g_autofree DbaWhatIfCost *costs = g_new0(DbaWhatIfCost, n + 1);
  for (unsigned i = 0; i < n; i++)
    requests[i] = request_of(session, session->pending->pdata[i]);
  if (dba_what_if_costs_of_each(session->what_if, requests, n, session->arena, costs, &session->error))
    for (unsigned i = 0; i < n; i++)
      take_cost(session, session->pending->pdata[i], &costs[i]);
  return NULL;
}

// Runs the job of all sessions at once; the first error is told.
static bool together(DbaIndexCosts *costs, GThreadFunc job, GError **error) {
  GThread *threads[SESSIONS] = {0};
  for (unsigned i = 1; i < SESSIONS; i++)
    threads[i] = g_thread_new("dbarch-plan", job, &costs->sessions[i]);
  job(&costs->sessions[0]);
  for (unsigned i = 1; i < SESSIONS; i++)
    g_thread_join(threads[i]);
  for (unsigned i = 0; i < SESSIONS; i++)
    if (costs->sessions[i].error) {
      g_propagate_error(error, g_steal_pointer(&costs->sessions[i].error));
      return false;
    }
  return true;
}

bool dba_index_costs_ask(DbaIndexCosts *costs, DbaIndexAsk *asks, unsigned n, GError **error) {
  if (is_interrupted(costs, error))
    return false;
  for (unsigned i = 0; i < SESSIONS; i++)
    g_ptr_array_set_size(costs->sessions[i].pending, 0);
  for (unsigned i = 0; i < n; i++) {
    DbaIndexKnown key = {.statement = asks[i].statement, .set = dba_index_costs_part(costs, asks[i].statement, &asks[i].set, costs->arena)};
    DbaIndexKnown *known = g_hash_table_lookup(costs->known, &key);
    if (known)
      costs->answer->remembered++;
    else {
      known = dba_arena_new0(costs->arena, DbaIndexKnown);
      *known = key;
      g_hash_table_add(costs->known, known);
      g_ptr_array_add(home_of(costs, key.statement)->pending, known);
      costs->answer->planned++;
    }
    asks[i].known = known;
  }
  return together(costs, plan_pending, error);
}

// ---- statements -----------------------------------------------------------------------------------------------------

static void refuse(DbaIndexCosts *costs, const DbaIndexStatement *statement, const char *why) {
  g_autofree char *shown = dba_text_printable(statement->text, false);
  dba_list_add_text(costs->answer->arena, &costs->answer->refused, dba_arena_format(costs->answer->arena, "%.100s: %s", shown, why));
}

// Keeps the statement in its home; false with *error set only when the twin is gone.
static bool keep_statement(DbaIndexCosts *costs, const DbaIndexStatement *statement, GError **error) {
  uint32_t place = costs->answer->statements.n;
  Session *session = home_of(costs, place);
  g_autoptr(GError) problem = NULL;
  int number = 0;
  if (!dba_what_if_statement_with(session->what_if, statement->text, statement->values, &number, &problem)) {
    if (!g_error_matches(problem, DBA_ERROR, DBA_ERROR_DATABASE)) {
      g_propagate_error(error, g_steal_pointer(&problem));
      return false;
    }
    refuse(costs, statement, problem->message);
    return true;
  }
  session->statements[place] = number;
  *(DbaIndexStatement *)dba_list_add(costs->answer->arena, &costs->answer->statements, sizeof *statement) = *statement;
  return true;
}

DbaIndexCosts *dba_index_costs_open(const DbaIndexOptions *options, DbaIndexAnswer *answer, GError **error) {
  g_autoptr(DbaIndexCosts) costs = g_new0(DbaIndexCosts, 1);
  costs->options = options;
  costs->answer = answer;
  costs->arena = dba_arena_new();
  costs->known = g_hash_table_new(hash_known, equal_known);
  for (unsigned i = 0; i < SESSIONS; i++) {
    Session *session = &costs->sessions[i];
    *session = (Session){.costs = costs,
                         .arena = dba_arena_new(),
                         .pending = g_ptr_array_new(),
                         .candidates = g_array_new(FALSE, TRUE, sizeof(uint32_t)),
                         .statements = g_new0(int, options->statements->n + 1)};
    if (!(session->what_if = dba_what_if_open(options->lab, options->database, error)))
      return NULL;
  }
  for (DBA_EACH(DbaIndexStatement, statement, options->statements))
    if (!keep_statement(costs, statement, error))
      return NULL;
  costs->n_statements = answer->statements.n;
  return g_steal_pointer(&costs);
}

void dba_index_costs_close(DbaIndexCosts *costs) {
  if (!costs)
    return;
  for (unsigned i = 0; i < SESSIONS; i++) {
    Session *session = &costs->sessions[i];
    if (!session->costs)
      continue;
    dba_what_if_close(session->what_if);
    dba_arena_free(session->arena);
    g_ptr_array_unref(session->pending);
    g_array_unref(session->candidates);
    g_clear_pointer(&session->names, g_hash_table_unref);
    g_free(session->statements);
    g_free(session->numbers);
    g_free(session->bytes);
    g_free(session->rows);
    g_free(session->rough);
    g_free(session->refused);
  }
  g_hash_table_unref(costs->known);
  dba_arena_free(costs->arena);
  g_free(costs);
}

// What is known of a statement; nothing of one that cannot be planned: it counts for nothing.
static bool read_facts(DbaIndexCosts *costs, uint32_t statement, DbaList *ret_facts, GError **error) {
  Session *session = home_of(costs, statement);
  g_autoptr(GError) problem = NULL;
  DbaIndexStatement *of = dba_list_at(DbaIndexStatement, &costs->answer->statements, statement);
  if (is_interrupted(costs, error))
    return false;
  if (of->weight <= 0 || is_over(costs->options->deadline_us)) {
    costs->answer->cut |= of->weight > 0;
    return true;
  }
  if (dba_what_if_facts(session->what_if, session->statements[statement], costs->arena, ret_facts, &problem))
    return true;
  if (!g_error_matches(problem, DBA_ERROR, DBA_ERROR_DATABASE)) {
    g_propagate_error(error, g_steal_pointer(&problem));
    return false;
  }
  refuse(costs, of, problem->message);
  of->weight = 0;
  return true;
}

// What it wants and writes.
static bool read_needs(DbaIndexCosts *costs, uint32_t statement, DbaList *ret_needs, DbaList *ret_writes, GError **error) {
  DbaList facts = {0};
  if (!read_facts(costs, statement, &facts, error))
    return false;
  dba_index_read_needs(costs->options->survey, statement, &facts, costs->arena, ret_needs);
  dba_index_read_writes(costs->options->survey, statement, &facts, costs->arena, ret_writes);
  return true;
}

static void make_room(DbaIndexCosts *costs, uint32_t more) {
  for (int i = 0; i < SESSIONS; i++) {
    costs->sessions[i].statements = g_renew(int, costs->sessions[i].statements, costs->n_statements + more + 1);
    memset(costs->sessions[i].statements + costs->n_statements, 0, (more + 1) * sizeof(int));
  }
}

// Statements with parameters are planned with values from here on; the first of them takes the place of the generic one.
static bool take_samples(DbaIndexCosts *costs, uint32_t from, GError **error) {
  DbaList more = {0};
  for (uint32_t i = from; i < costs->n_statements; i++) {
    DbaIndexStatement *statement = dba_list_at(DbaIndexStatement, &costs->answer->statements, i);
    DbaList facts = {0}, samples = {0};
    if (!read_facts(costs, i, &facts, error))
      return false;
    dba_index_sample(costs->options->survey, home_of(costs, i)->what_if, statement, &facts, costs->answer->arena, &samples);
    const DbaIndexStatement *first = samples.n ? dba_list_at(DbaIndexStatement, &samples, 0) : NULL;
    g_autoptr(GError) problem = NULL;
    int number = 0;
    if (first && !dba_what_if_statement_with(home_of(costs, i)->what_if, first->text, first->values, &number, &problem)) {
      if (g_error_matches(problem, DBA_ERROR, DBA_ERROR_DATABASE)) { // values that its types do not take
        statement->origin = "a generic plan";
        continue;
      }
      g_propagate_error(error, g_steal_pointer(&problem));
      return false;
    }
    if (!first) {
      statement->origin = statement->origin ? statement->origin : dba_index_has_parameters(&facts) ? "a generic plan" : NULL;
      continue;
    }
    home_of(costs, i)->statements[i] = number;
    *statement = *first;
    for (uint32_t k = 1; k < samples.n; k++)
      *(DbaIndexStatement *)dba_list_add(costs->arena, &more, sizeof *first) = *dba_list_at(DbaIndexStatement, &samples, k);
  }
  make_room(costs, more.n);
  for (DBA_EACH(DbaIndexStatement, sample, &more))
    if (!keep_statement(costs, sample, error))
      return false;
  costs->n_statements = costs->answer->statements.n;
  return true;
}

// Of those from a place on.
static bool add_checks(DbaIndexCosts *costs, const DbaList *writes, uint32_t from, GError **error) {
  DbaList checks = {0};
  for (uint32_t i = from; i < writes->n; i++) {
    const DbaIndexWrite *write = dba_list_at(DbaIndexWrite, writes, i);
    dba_index_add_checks(costs->options->survey, write, dba_list_at(DbaIndexStatement, &costs->answer->statements, write->statement),
                         costs->answer->arena, &checks);
  }
  make_room(costs, checks.n);
  for (DBA_EACH(DbaIndexStatement, check, &checks))
    if (!keep_statement(costs, check, error))
      return false;
  costs->n_statements = costs->answer->statements.n;
  return true;
}

bool dba_index_costs_needs(DbaIndexCosts *costs, DbaList *ret_needs, DbaList *ret_writes, GError **error) {
  if (!take_samples(costs, 0, error))
    return false;
  uint32_t from = 0, seen = 0; // statements whose needs are known; writes whose checks are
  for (int level = 0; level <= MOST_LEVELS && from < costs->n_statements; level++) {
    uint32_t to = costs->n_statements;
    for (; from < to; from++)
      if (!read_needs(costs, from, ret_needs, ret_writes, error))
        return false;
    if (level < MOST_LEVELS && (!add_checks(costs, ret_writes, seen, error) || !take_samples(costs, to, error)))
      return false;
    seen = ret_writes->n;
  }
  return true;
}

// ---- candidates -----------------------------------------------------------------------------------------------------

static bool suppose(Session *session, uint32_t id) {
  const DbaIndexCandidate *candidate = candidate_at(session->costs, id);
  g_autoptr(GError) problem = NULL;
  int number = 0;
  DbaList made = {0};
  g_autofree char *name = candidate->existing ? dba_sql_name(candidate->schema, candidate->existing) : NULL;
  if (name ? !dba_what_if_drop(session->what_if, name, &number, &problem)
           : !dba_what_if_index(session->what_if, candidate->definition, session->arena, &made, &number, &problem)) {
    if (!g_error_matches(problem, DBA_ERROR, DBA_ERROR_DATABASE)) {
      session->error = g_steal_pointer(&problem);
      return false;
    }
    session->refused[id] = dba_arena_text(session->arena, problem->message);
    return true;
  }
  session->numbers[id] = number;
  if (session->candidates->len <= (guint)number)
    g_array_set_size(session->candidates, (guint)number + 1);
  g_array_index(session->candidates, uint32_t, number) = id;
  for (DBA_EACH(DbaWhatIfIndex, index, &made)) {
    session->bytes[id] += index->pages * 8192;
    session->rows[id] += index->rows;
    session->rough[id] |= index->rough;
  }
  const DbaIndexSize *told =
      !name && session->costs->options->sizes ? g_hash_table_lookup(session->costs->options->sizes, candidate->definition) : NULL;
  if (told) {
    session->bytes[id] = told->bytes;
    session->rough[id] = false;
    return dba_what_if_resize(session->what_if, number, MAX(1, told->bytes / 8192), told->height, &session->error);
  }
  return true;
}

// The first candidates of all statements before the second of any: that each has some when the time is over.
static gpointer suppose_all(gpointer data) {
  Session *session = data;
  DbaIndexCosts *costs = session->costs;
  bool more = true;
  for (uint32_t k = 0; more; k++) {
    more = false;
    for (uint32_t i = 0; i < costs->n_statements; i++) {
      if (home_of(costs, i) != session || k >= costs->bears[i].n)
        continue;
      uint32_t id = costs->bears[i].ids[k];
      more = true;
      if (session->numbers[id] || session->refused[id] || candidate_at(costs, id)->kept)
        continue;
      session->cut = session->cut || is_over(costs->supposed_until);
      if (session->cut && !candidate_at(costs, id)->existing)
        continue;
      if (is_interrupted(costs, &session->error) || !suppose(session, id))
        return NULL;
    }
  }
  return NULL;
}

// Those that somebody asks about and that bear on nothing: the twin says whether they could be made.
static bool suppose_questions(DbaIndexCosts *costs, GError **error) {
  Session *session = &costs->sessions[0];
  for (uint32_t id = 0; id < costs->n_candidates; id++)
    if (candidate_at(costs, id)->question && !session->numbers[id] && !session->refused[id] && !suppose(session, id)) {
      g_propagate_error(error, g_steal_pointer(&session->error));
      return false;
    }
  return true;
}

static void take_sizes(DbaIndexCosts *costs) {
  for (uint32_t id = 0; id < costs->n_candidates; id++) {
    DbaIndexCandidate *candidate = dba_list_at(DbaIndexCandidate, &costs->answer->candidates, id);
    for (unsigned i = 0; i < SESSIONS; i++) {
      const Session *session = &costs->sessions[i];
      if (session->refused[id] && !candidate->kept)
        candidate->why = dba_arena_text(costs->answer->arena, session->refused[id]);
      else if (session->numbers[id] && !candidate->existing) {
        const DbaRelation *relation = dba_schema_relation(&costs->options->survey->schema, candidate->schema, candidate->table);
        candidate->bytes = session->bytes[id];
        candidate->share = relation && relation->rows > 0 ? MIN(1, session->rows[id] / relation->rows) : 1;
        candidate->rough = session->rough[id];
      }
    }
  }
}

bool dba_index_costs_suppose(DbaIndexCosts *costs, const DbaIndexSet *bears, GError **error) {
  costs->bears = bears;
  costs->n_candidates = costs->answer->candidates.n;
  for (unsigned i = 0; i < SESSIONS; i++) {
    Session *session = &costs->sessions[i];
    session->numbers = g_new0(int, costs->n_candidates + 1);
    session->bytes = g_new0(int64_t, costs->n_candidates + 1);
    session->rows = g_new0(double, costs->n_candidates + 1);
    session->rough = g_new0(bool, costs->n_candidates + 1);
    session->refused = g_new0(const char *, costs->n_candidates + 1);
    session->names = dba_index_names(costs->options->survey, &costs->answer->candidates);
  }
  gint64 now = g_get_monotonic_time(), deadline = costs->options->deadline_us;
  costs->supposed_until = deadline ? now + MAX(deadline - now, 0) / SHARE_OF_SUPPOSING : 0;
  if (!together(costs, suppose_all, error) || !suppose_questions(costs, error))
    return false;
  for (unsigned i = 0; i < SESSIONS; i++)
    costs->answer->cut |= costs->sessions[i].cut;
  take_sizes(costs);
  return true;
}

void dba_index_costs_forget(DbaIndexCosts *costs) { g_hash_table_remove_all(costs->known); }

// SPDX-License-Identifier: Apache-2.0
// What the parts of the index advisor tell each other.
#pragma once

#include "index/index.h"

// A set of candidates: their places, in order, without repetition.
typedef struct DbaIndexSet {
  uint32_t n;
  const uint32_t *ids;
} DbaIndexSet;

static inline bool dba_index_set_has(const DbaIndexSet *set, uint32_t id) {
  for (uint32_t i = 0; i < set->n; i++)
    if (set->ids[i] == id)
      return true;
  return false;
}

// ---- what statements want (needs.c) ---------------------------------------------------------------------------------

// A key in an order: "desc", "nulls first" ... as CREATE INDEX takes it.
typedef struct DbaIndexOrderKey {
  const char *key, *direction;
} DbaIndexOrderKey;

typedef struct DbaIndexPredicate {
  const char *text;
  double share;
} DbaIndexPredicate;

// What a method other than btree could serve.
typedef struct DbaIndexMatch {
  const char *key, *method, *operators; // operators: the class, NULL: the default one
} DbaIndexMatch;

// One table's part in one statement.
typedef struct DbaIndexNeed {
  uint32_t statement;
  const DbaRelation *relation; // NULL: the survey does not know it
  DbaList equal;               // texts: keys compared for equality, the most selective first
  DbaList ranges;              // texts
  DbaList patterns;            // texts: keys of LIKE and its kin
  DbaList orders;              // DbaList of DbaIndexOrderKey
  DbaList needed;              // texts: columns that are read
  DbaList unlike;     // texts: those of them whose equal values a btree does not store once (no equal image: nbtree README, deduplication)
  bool whole;         // of the row, or none that an index could hold
  DbaList predicates; // DbaIndexPredicate
  DbaList matches;    // DbaIndexMatch
} DbaIndexNeed;

// By its name as the twin prints it: qualified, where another or none of that name is on the search path, and quoted where it must be.
const DbaRelation *dba_index_find_relation(const DbaSurvey *survey, const char *table);

// Facts of one statement as needs, appended.
void dba_index_read_needs(const DbaSurvey *survey, uint32_t statement, const DbaList *facts, DbaArena *arena, DbaList *ret_needs);

// What a statement does to a table's rows.
typedef struct DbaIndexWrite {
  uint32_t statement;
  const DbaRelation *relation;
  const char *kind; // "insert", "update", "delete"
  DbaList updated;  // texts: columns
} DbaIndexWrite;
void dba_index_read_writes(const DbaSurvey *survey, uint32_t statement, const DbaList *facts, DbaArena *arena, DbaList *ret_writes);

// The statements that the server runs for foreign keys when `by` does that (checks.c): DbaIndexStatement, appended.
void dba_index_add_checks(const DbaSurvey *survey, const DbaIndexWrite *write, const DbaIndexStatement *by, DbaArena *arena,
                          DbaList *ret_statements);

bool dba_index_has_parameters(const DbaList *facts);
// The statement with values for its parameters (samples.c), as one or two DbaIndexStatement, appended; none: it has no parameters, or nothing is known
// of them.
void dba_index_sample(const DbaSurvey *survey, DbaWhatIf *what_if, const DbaIndexStatement *statement, const DbaList *facts,
                      DbaArena *arena, DbaList *ret_statements);

// ---- candidates (candidates.c) --------------------------------------------------------------------------------------

typedef struct DbaIndexShape { // of a candidate, for its maker and for who asks what it bears on
  const DbaRelation *relation;
  const char *method;
  DbaList keys;     // texts, without directions
  DbaList written;  // texts: keys as CREATE INDEX takes them
  DbaList included; // texts
  const char *predicate;
} DbaIndexShape;

// All candidates for the needs, and the indexes that are there: appended to `ret_candidates` (DbaIndexCandidate) and, in the same order, to
// `ret_shapes` (DbaIndexShape).
void dba_index_make_candidates(const DbaIndexOptions *options, const DbaList *needs, DbaArena *arena, DbaList *ret_candidates,
                               DbaList *ret_shapes);
const char *dba_index_joined(DbaArena *arena, const DbaList *texts); // with commas; NULL: there are none
char *dba_index_squeezed(const char *text);                          // lower case without blanks: two ways to write one definition
// Could the planner make use of it for that need?
bool dba_index_bears_on(const DbaIndexCandidate *candidate, const DbaIndexShape *shape, const DbaIndexNeed *need);

// ---- indexes that are there (existing.c) -----------------------------------------------------------------------------

// What is to be kept must be there, and a table with forbidden indexes: a name that is not would protect nothing.
bool dba_index_check_names(const DbaIndexOptions *options, GError **error) DBA_CHECKED;
// As candidates, appended; those of a partition that belong to one of its parent are that one.
void dba_index_take_existing(const DbaIndexOptions *options, DbaArena *arena, DbaList *ret_candidates, DbaList *ret_shapes);
// The names under which plans tell of existing candidates: 1 + the candidate's place, by name, qualified and bare.  Free with g_hash_table_unref.
GHashTable *dba_index_names(const DbaSurvey *survey, const DbaList *candidates);
// Those that the counters have seen scanned, though no plan of the workload uses them, stay: others use them.  Unless another that is there does
// the same, and stays.  `used`: a flag for each candidate.  True when one stays that could go before.
bool dba_index_keep_scanned(const DbaSurvey *survey, const DbaIndexSet *wider, DbaArena *arena, const bool *used, DbaList *candidates);
// Those of which that is so only as long as another is there: where that one goes, they stay.
void dba_index_repair_doubted(const DbaList *candidates, const DbaIndexSet *wider, bool *chosen);
// Those that go because another that stays does the same say which.
void dba_index_name_heirs(const DbaIndexSet *wider, const bool *chosen, DbaList *candidates);
// Foreign keys that an index serves today, and none of those that are chosen: the smallest that does comes back.
void dba_index_repair_keys(const DbaSurvey *survey, const DbaList *candidates, const DbaList *shapes, bool *chosen);

// For each candidate those on its table that do all that it does: btrees whose keys begin with its own, over the same rows and with all that it
// includes, and of other methods its equals; in `arena`.
const DbaIndexSet *dba_index_find_wider(const DbaList *candidates, const DbaList *shapes, DbaArena *arena);

// ---- costs (costs.c) ------------------------------------------------------------------------------------------------

// What is known of a statement with a set: of that set only those that bear on it.
typedef struct DbaIndexKnown {
  uint32_t statement;
  DbaIndexSet set, used;
  double cost; // of one execution
} DbaIndexKnown;

typedef struct DbaIndexAsk {
  uint32_t statement;
  DbaIndexSet set;
  const DbaIndexKnown *known; // the answer
} DbaIndexAsk;

typedef struct DbaIndexCosts DbaIndexCosts;
// Two sessions in the twin; statements that cannot be planned go to answer->refused and out of answer->statements.
DbaIndexCosts *dba_index_costs_open(const DbaIndexOptions *options, DbaIndexAnswer *answer, GError **error) DBA_CHECKED;
void dba_index_costs_close(DbaIndexCosts *costs);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DbaIndexCosts, dba_index_costs_close)
bool dba_index_costs_needs(DbaIndexCosts *costs, DbaList *ret_needs, DbaList *ret_writes, GError **error) DBA_CHECKED;
// Makes the candidates known to the sessions; their sizes come back in them, those that the server refuses say why.
// `bears`: for each statement, the candidates that bear on it.
bool dba_index_costs_suppose(DbaIndexCosts *costs, const DbaIndexSet *bears, GError **error) DBA_CHECKED;
bool dba_index_costs_ask(DbaIndexCosts *costs, DbaIndexAsk *asks, unsigned n, GError **error) DBA_CHECKED;
// What is known is asked anew: other candidates stay now.
void dba_index_costs_forget(DbaIndexCosts *costs);
// The part of the set that bears on the statement, in `arena`.
DbaIndexSet dba_index_costs_part(const DbaIndexCosts *costs, uint32_t statement, const DbaIndexSet *set, DbaArena *arena);
const DbaIndexSet *dba_index_costs_bears(const DbaIndexCosts *costs, uint32_t statement);

// ---- writes (writes.c) ----------------------------------------------------------------------------------------------

typedef struct DbaIndexWrites DbaIndexWrites;
// `list`: DbaIndexWrite.  Without prices nothing costs anything.
DbaIndexWrites *dba_index_writes_new(const DbaIndexAnswer *answer, const DbaList *list, const DbaWritePrices *prices);
void dba_index_writes_free(DbaIndexWrites *writes);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DbaIndexWrites, dba_index_writes_free)
// Tables that are written to, by number.
uint32_t dba_index_writes_tables(const DbaIndexWrites *writes);
int dba_index_writes_table_of(const DbaIndexWrites *writes, uint32_t id); // of a candidate; -1: nobody writes
double dba_index_writes_of_table(const DbaIndexWrites *writes, uint32_t number, const bool *chosen);
double dba_index_writes_cost(const DbaIndexWrites *writes, const bool *chosen);
// What the candidate costs whatever else there is.
double dba_index_writes_least(const DbaIndexWrites *writes, uint32_t id);
// Updates that are HOT until one of the candidates that touch them is there: then the others pay too.  Those that are lost to one that stays are not told.
typedef struct DbaIndexLoss {
  const uint32_t *ids; // candidates of the table
  uint32_t n;
  const bool *touches;
  double rows;
  double kept_price; // of an entry in each of those that stay
} DbaIndexLoss;
typedef void (*DbaIndexLossVisit)(const DbaIndexLoss *loss, const double *price, void *data); // price: of an entry, by candidate
void dba_index_writes_each_loss(const DbaIndexWrites *writes, DbaIndexLossVisit visit, void *data);

// ---- the model (model.c) --------------------------------------------------------------------------------------------

typedef struct DbaIndexConfiguration {
  DbaIndexSet set;
  double cost; // of one execution
} DbaIndexConfiguration;

typedef struct DbaIndexModel {
  DbaArena *arena;
  const DbaIndexAnswer *answer;
  const DbaIndexWrites *writes;
  unsigned n_statements, n_candidates;
  DbaList *configurations; // of each statement: DbaIndexConfiguration
  double *base;            // of each statement: with no candidate
  double *weight;
  const DbaIndexSet *wider; // by candidate: btrees that do what it does: their keys begin with its keys
  bool *used;               // statement by candidate: any plan did use it
  double least;             // gains below are none; of the whole workload
  GHashTable *known;        // of sets of a statement
} DbaIndexModel;

DbaIndexModel *dba_index_model_new(const DbaIndexAnswer *answer, const DbaIndexWrites *writes);
void dba_index_model_free(DbaIndexModel *model);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DbaIndexModel, dba_index_model_free)
// `costs`: of each statement without any candidate.
void dba_index_model_set_base(DbaIndexModel *model, const double *costs);
// Learns what a plan used; true when that was new.
bool dba_index_model_learn(DbaIndexModel *model, const DbaIndexKnown *known);
// Leaves out configurations that gain nothing over a part of them; puts the cheapest first.  Before costs are asked for.
void dba_index_model_settle(DbaIndexModel *model);
// By the model; `chosen`: a flag for each candidate.
double dba_index_model_statement(const DbaIndexModel *model, uint32_t statement, const bool *chosen);
double dba_index_model_cost(const DbaIndexModel *model, const bool *chosen);
uint32_t dba_index_model_size(const DbaIndexModel *model);

// ---- choice (choose.c; program.h) -------------------------------------------------------------------------------------

typedef struct DbaIndexLimits {
  int64_t budget_bytes; // -1: none
  unsigned most_per_table;
} DbaIndexLimits;

// By gain for a byte, configuration by configuration; then what pays no more goes, and what fits comes.  `chosen` is where it starts.
void dba_index_choose_greedily(const DbaIndexModel *model, const DbaIndexLimits *limits, bool *chosen);
// While one can go for others that do better, it does; of candidates that are `promising`.
void dba_index_swap(const DbaIndexModel *model, const DbaIndexLimits *limits, const bool *promising, bool *chosen);
// New ones that save less than a twentieth of what the statements cost that they serve go, the least first; a third where one is there whose keys begin alike.  Those
// that are there already go only where they save nothing.
void dba_index_drop_trifles(const DbaIndexModel *model, bool *chosen);

// SPDX-License-Identifier: Apache-2.0
// The index advisor: which indexes a whole workload wants, at every budget, and how far from the optimum that can be.
//
// Statements are planned in a twin, with sets of indexes that are not there and without those that are.  What a statement costs
// with a set is known by its *configurations*: the indexes that a plan of it uses, and what that costs (atomic configurations: Finkelstein,
// Schkolnick, Tiberio, TODS 1988).  One mixed-integer program over them (as CoPhy has it: Dash, Polyzotis, Ailamaki, VLDB 2011) serves
// all budgets; what it chooses is planned whole, and what the planner makes of that becomes a configuration, until both agree.
//
// All sizes are bytes after CREATE INDEX, all costs the planner's unit times executions.
#pragma once

#include "lab/lab.h"
#include "lab/write-prices.h"

// ---- what comes in --------------------------------------------------------------------------------------------------

typedef struct DbaIndexStatement {
  const char *id;        // of the workload, or its number
  const char *text;      // one statement, $n allowed
  double weight;         // executions
  double rows;           // written by one execution; 0: not known, one
  const DbaList *values; // of its parameters, texts or NULL; NULL: it is planned generically
  const char *origin;    // where the values come from: "literals", "common values", "rare values", "a generic plan"
  DbaList tables;        // texts, "schema.table": that it reads; filled in
  bool implied;          // the server runs it, for a foreign key
  double cost_now;       // of one execution, with the indexes that are there; filled in
} DbaIndexStatement;

typedef struct DbaIndexSize {
  int64_t bytes;
  int height; // of a btree, 0 when the root is the only leaf; -1: not known to the planner; -2: as predicted
} DbaIndexSize;

typedef struct DbaIndexOptions {
  const DbaLab *lab;
  const char *database; // a twin of the survey
  const DbaSurvey *survey;
  const DbaList *statements;    // DbaIndexStatement
  const int64_t *budgets_bytes; // besides those of the curve; NULL: none
  unsigned n_budgets;
  GHashTable *sizes;                       // DbaIndexSize by definition: to reckon with instead of what is predicted; or NULL
  const DbaWritePrices *prices;            // NULL: writes cost nothing
  unsigned most_per_table;                 // of indexes that are chosen; 0: no limit
  const char *const *questions;            // --why: "orders(status)" or CREATE INDEX ..., NULL-terminated or NULL
  const char *const *keep, *const *forbid; // existing names; tables, or "table(keys)".  Qualified or not; NULL-terminated or NULL
  DbaInterrupt *interrupt;
  gint64 deadline_us;                             // monotonic; what is known by then is what there is; 0: none
  void (*progress)(void *data, const char *line); // may be NULL
  void *progress_data;
} DbaIndexOptions;

// ---- what comes out -------------------------------------------------------------------------------------------------

#define DBA_INDEX_OF_A_CONSTRAINT "it carries a constraint" // `why` of those

typedef struct DbaIndexCandidate {
  const char *definition; // CREATE INDEX ON ..., without a name
  const char *schema, *table;
  const char *method;
  const char *keys;      // "status, created_at DESC"
  const char *included;  // "total", or NULL
  const char *predicate; // or NULL
  const char *existing;  // the name of the index that is there; NULL: it would be new
  int64_t bytes;
  double share;      // of the table's rows that are in it
  bool rough;        // the size is a guess
  bool kept;         // it cannot go: `why` tells
  const char *why;   // why it is none any more, or was not chosen
  int64_t serves;    // statements that it could bear on
  bool question;     // somebody asked about it: it is not for choice
  bool invalid;      // it is there, and serves nothing
  const char *doubt; // why it is not known to be of no use, though no plan uses it; NULL: it is known, or used
  int64_t heir;      // 1 + the place of one that does the same and stays in the advised set; 0: none, or it stays itself
} DbaIndexCandidate;

// A statement at one point of the curve.
typedef struct DbaIndexServed {
  int64_t statement;    // its place
  double before, after; // cost of one execution: with the indexes that are there, and with the set
  DbaList by;           // ints: candidates that its plan uses
} DbaIndexServed;

typedef struct DbaIndexPoint {
  int64_t budget_bytes; // -1: no limit
  int64_t bytes;        // of the set
  double cost;          // of the workload, planned with this set
  double write_cost;    // of it, what entries in indexes cost those who write
  double bound;         // no set within the budget costs less, by all configurations that are known
  bool asked, knee;
  DbaList chosen; // ints: candidates
  DbaList served; // DbaIndexServed, for points that were asked for and the knee
} DbaIndexPoint;

// What there is to say about one index that a person named.
typedef struct DbaIndexReason {
  const char *question;
  int64_t candidate;    // its place; -1: the server would not make it
  int64_t same;         // the candidate or existing index that it is, or -1
  double alone, beside; // the workload with nothing but it; with it beside the set
  double write_cost;    // what it costs those who write
  const char *verdict;  // one sentence
  DbaList served;       // DbaIndexServed: statements that it alone makes cheaper: without, with it
} DbaIndexReason;

typedef struct DbaIndexAnswer {
  DbaArena *arena;
  DbaList statements;             // DbaIndexStatement: those that could be planned
  DbaList refused;                // texts: statements that could not, and why
  DbaList candidates;             // DbaIndexCandidate
  DbaList curve;                  // DbaIndexPoint, by budget
  DbaList reasons;                // DbaIndexReason, in the order of the questions
  DbaIndexPoint advised;          // the knee's set, with those that are there and save anything beside it
  double cost_none;               // with none of the indexes that could go
  double cost_now;                // with those that are there
  int64_t bytes_now;              // of those that could go
  int64_t planned, remembered;    // what-if requests that were planned; that were known already
  int64_t configurations, solved; // of the model; programs that were solved
  bool cut;                       // the time was over
} DbaIndexAnswer;

// ---- what came of it on rows; filled in by who runs it ---------------------------------------------------------------

// A statement that ran with and without the set: medians.
typedef struct DbaIndexProof {
  int64_t statement, runs;
  double before_ms, after_ms, ratio, ratio_low, ratio_high, before_buffers, after_buffers;
  double before_wal, after_wal; // bytes of one execution
  bool slower, quicker;         // by more than a tenth; by more than the noise
  const char *problem;          // why it was not measured
} DbaIndexProof;

// An index of the set that was built.
typedef struct DbaIndexBuilt {
  int64_t candidate, bytes, predicted_bytes; // 0: the rows are not all
  double ms;
  const char *rows; // of the table that it was built on: "shop.orders: 50 k rows, 6.2 MB"; concurrently, unless that is partitioned
  bool vain;        // no statement is measurably quicker with it
  const char *problem;
} DbaIndexBuilt;

typedef struct DbaIndexTrial {
  DbaList statements; // DbaIndexProof
  DbaList built;      // DbaIndexBuilt
  double correlation; // of promised and measured ratios, by rank; NaN: too few statements
  const char *rows;   // where they come from; NULL: nothing was run
  const char *settings, *locale;
} DbaIndexTrial;

// `ret_answer` comes zeroed with an arena of the caller's.  An empty workload is DBA_ERROR_USAGE.
bool dba_index_advise(const DbaIndexOptions *options, DbaIndexAnswer *ret_answer, GError **error) DBA_CHECKED;
// The statement with its values, as an application sends it: prepared, then executed.  Both texts are appended to.
void dba_index_statement_sql(const DbaIndexStatement *statement, GString *prepare, GString *sql);
// The existing index, or the keys of the new one, that does at this point what a candidate that goes does; NULL: none.
const char *dba_index_heir(const DbaIndexAnswer *answer, const DbaIndexPoint *point, const DbaIndexCandidate *candidate);
// One line for people; of those that the server runs, for which foreign key.  Free it.
char *dba_index_statement_shown(const DbaIndexStatement *statement) DBA_CHECKED;
// Its definition: `how` is "", or "CONCURRENTLY "; without a name the server gives one; `on`: the quoted table, maybe after "ONLY ".
void dba_index_append_create(GString *sql, const char *how, const char *name, const char *on, const DbaIndexCandidate *candidate);
// The words of keys, as names of indexes are made of them: of "(lower(email)), created_at desc" lower, email, created_at.  Four at most.
void dba_index_key_words(DbaArena *arena, const char *keys, DbaList *ret_words);

extern const DbaRecord dba_index_statement_record, dba_index_candidate_record, dba_index_served_record, dba_index_point_record,
    dba_index_reason_record, dba_index_answer_record;

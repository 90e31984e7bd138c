// SPDX-License-Identifier: Apache-2.0
// Shared by the parts of the stand-in: permutations, models of columns, values.
//
// Rows are functions of their number.  A column's values stand in a line, ordered as the type orders them; a value's place in
// it is its rank, from 0 to the rows that are not null.  A permutation that keeps as much of the order as the column's
// correlation says gives the rank of a row.  So every value can be had without those before it, a foreign key can name its
// parent's, and memory does not grow with rows.
#pragma once

#include "lab/lab-int.h"

// A count out of a survey, which may hold anything.
uint64_t dba_count(double x);

// A permutation of 0 .. n-1 whose rank correlation with the identity is about `correlation`.
typedef struct DbaShuffle {
  uint64_t n, key;
  double correlation;
  uint64_t block; // of rows that are mixed among themselves; 0: no blocks
} DbaShuffle;
uint64_t dba_mix(uint64_t x); // a hash of 64 bits
uint64_t dba_times_modulo(uint64_t x, uint64_t times, uint64_t modulus);
uint64_t dba_proportion(uint64_t x, uint64_t of, uint64_t to); // x of `of` is that of `to`, rounded down: x * to / of
DbaShuffle dba_shuffle(uint64_t n, double correlation, uint64_t seed);
uint64_t dba_shuffle_at(const DbaShuffle *shuffle, uint64_t i);

// A value that the statistics name, in COPY's text format.
typedef struct DbaKnot {
  const char *text;
  double number; // where the type is a line: days, seconds, the number itself
  bool has_number;
  bool common; // a most common value, with its share of all rows
  double share;
} DbaKnot;

// Some of the ranks: of one common value, or of `distinct` values between two knots.
typedef struct DbaSegment {
  uint64_t from, to;  // ranks
  uint64_t first;     // place of its first value among the column's different values
  uint64_t distinct;  // of a point: 1
  const DbaKnot *low; // NULL: nothing is known, values are numbers
  const DbaKnot *high;
  bool point, open; // open: low is a common value itself and not in here
  bool last;        // its last value is high
} DbaSegment;

typedef struct DbaTableModel DbaTableModel;
typedef struct DbaColumnModel {
  const DbaColumn *column;
  const DbaColumnStatistics *statistics; // or NULL
  const struct DbaMaker *maker;
  DbaKnot *knots;
  unsigned n_knots;
  DbaSegment *segments;
  unsigned n_segments;
  uint64_t rows; // not null
  uint64_t distinct;
  uint64_t null_rows;
  double null_share;
  DbaShuffle shuffle, nulls;
  bool unique, exact; // exact: no values but those that the statistics name
  double step;        // what all numbers are multiples of
  int scale;          // digits behind the point
  uint64_t limit;     // characters; 0: none
  uint64_t width;     // average bytes, 0: not known
  uint64_t salt;
  // Whole numbers of a unique column in one line: least, and how far apart; stride 0: by segments.
  double line_from, stride;
  const DbaTableModel *parent; // of a foreign key of this column alone
  unsigned parent_column;
  bool settled;
  int group;             // number of its group; -1: none
  int goes_with;         // the column that tells its value; -1: none
  double degree;         // the share of the rows of which that holds
  bool decimal;          // texts end in figures
  const DbaList *labels; // of an enum without statistics
  // Of arrays and tsvector.
  const char **elements;
  double *element_sums; // cumulative
  unsigned n_elements;
  const double *counts; // of elements to a row, of equal parts of the rows; arrays only
  unsigned n_counts;
  double elements_to_row;
} DbaColumnModel;

typedef struct DbaCompositeKey {
  const DbaTableModel *parent;
  unsigned n, columns[32], parent_columns[32];
} DbaCompositeKey;

// Columns that go together: common combinations of their values, from extended statistics.
typedef struct DbaCombination {
  const char *const *texts; // in COPY's format; NULL for NULL
  uint64_t to;              // of the rows in the group's own order: those below, and above the combination before
} DbaCombination;
typedef struct DbaGroup {
  unsigned n, columns[8];
  DbaCombination *items;
  unsigned n_items;
  uint64_t rows; // that have a combination; the others have values by themselves
  DbaShuffle order;
} DbaGroup;

// How many rows each value of a key's leader has, where the values of its follower count them (line numbers): blocks of leaders that are
// all alike, so that the place of any row can be computed.
typedef struct DbaFanOut {
  unsigned n;      // leaders to a block
  unsigned *first; // of each, the rows of the block before it; n + 1 of them
} DbaFanOut;

struct DbaTableModel {
  const DbaRelation *relation;
  uint64_t rows;
  DbaColumnModel *columns; // one for each of the relation's
  unsigned n_columns;
  DbaCompositeKey *composites;
  unsigned n_composites;
  // A unique key of several columns: the ordinal among the rows of one value of the leader tells the others' values.
  int leader; // -1: none
  unsigned n_followers, followers[31];
  DbaFanOut *fan_out; // of leader and follower; NULL: each value of the leader has as many
  DbaGroup *groups;
  unsigned n_groups;
};

// The model of one column.  `server` sorts what the statistics name, as the role without power.
bool dba_column_model(DbaServer *server, const DbaSchema *schema, DbaArena *arena, const DbaTableModel *table, unsigned column,
                      double scale, uint64_t seed, GError **error) DBA_CHECKED;
// Takes out of the column what combinations hold: so many rows of which so many are null, and of its common values what `taken` says (of
// all rows, in the order of the knots).
void dba_column_take_out(DbaColumnModel *model, uint64_t rows, uint64_t null_rows, const double *taken, uint64_t table_rows);
// Reads the table's extended statistics; between the models of its columns and their settling.
void dba_table_groups(const DbaSchema *schema, DbaArena *arena, DbaTableModel *table, uint64_t seed);
// After parents are known: how many different values, where they lie.
void dba_column_settle(DbaColumnModel *model, DbaArena *arena);
// At least so many different values, all with as many rows: for a key whose rows others must tell apart.
void dba_column_even_out(DbaColumnModel *model, uint64_t distinct);
// Do its values number the rows of each of the leader's: each a common value, the k-th no more often than the one before, the first about as
// often as the leader has different values?
bool dba_column_counts(const DbaColumnModel *number, const DbaColumnModel *leader);
// Reads the fan-out from the follower's shares, where these count rows; after every column is settled.
void dba_table_fan_out(DbaTableModel *table, DbaArena *arena);
// Which of the leader's values the row has, and how many of its rows come before.
uint64_t dba_fan_out_at(const DbaTableModel *table, uint64_t row, uint64_t *ret_ordinal);
// Appends the value of that rank, or the one at that place among the different values.
void dba_column_value(const DbaColumnModel *model, uint64_t rank, GString *out);
void dba_column_nth(const DbaColumnModel *model, uint64_t index, GString *out);
// Likewise, and no two places have one value: a foreign key's are parents one to one, wherever its statistics say they lie.
void dba_column_nth_apart(const DbaColumnModel *model, uint64_t index, GString *out);
// Place among the different values, the ordinal among the ranks that share it, and how many these are.
uint64_t dba_column_index(const DbaColumnModel *model, uint64_t rank, uint64_t *ret_ordinal, uint64_t *ret_sharers);
// The rank of the value nearest to a number, in a column whose values lie on a line.
uint64_t dba_column_rank_of(const DbaColumnModel *model, double number);
bool dba_column_on_a_line(const DbaColumnModel *model);
// The largest share of the rows that one value has.
double dba_column_largest(const DbaColumnModel *model);

// ---- what rows need behind them (settle.c) --------------------------------------------------------------------------

typedef struct DbaCheckAside {
  const DbaRelation *relation;
  const DbaConstraint *check;
} DbaCheckAside;
// Drops the check that the last statement violated, of the table or of what it is a partition of, and appends it; false: it was no check, or
// it cannot be dropped.
bool dba_check_set_aside(DbaServer *server, const DbaSchema *schema, const DbaRelation *relation, GArray *aside);
// Puts them back: valid where few rows broke them and a null repairs these, else NOT VALID; what was done is noted.
bool dba_checks_put_back(DbaServer *server, const GArray *aside, DbaLoad *load, GError **error) DBA_CHECKED;
// Sequences go on behind their columns' values, and not before their own last value.
bool dba_sequences_go_on(DbaServer *server, const DbaSchema *schema, GError **error) DBA_CHECKED;

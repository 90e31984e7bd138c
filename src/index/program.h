// SPDX-License-Identifier: Apache-2.0
// The program that program.c writes and solve.c solves.
#pragma once

#include "index/index-int.h"

enum { DBA_INDEX_BUDGET_ROW = 0 };

typedef struct DbaIndexProgram {
  const DbaIndexModel *model;
  uint32_t *of;                           // candidates, by column
  bool *is_used;                          // candidates: any configuration has it
  int n_x, n_plans, n_columns, n_rows;    // the first n_x columns are those of indexes; up to n_plans those of plans; then losses
  GArray *starts, *rows;                  // int: of the columns, one after another
  GArray *values, *objective, *row_upper; // double; a row has no lower bound
  double all;                             // the workload without any candidate
  double scale;                           // of the objective: percent of `all`
  void *relaxation;                       // solve.c's
} DbaIndexProgram;

DbaIndexProgram *dba_index_program_new(const DbaIndexModel *model, unsigned most_per_table);
void dba_index_program_forget(DbaIndexProgram *program); // what solve.c keeps in it
void dba_index_program_free(DbaIndexProgram *program);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DbaIndexProgram, dba_index_program_free)

// The optimum within the budget (-1: none), to within `close` percent of the workload, and not worse than `chosen`, a flag for each candidate.  *ret_bound: none costs less by the model.
// Work is bounded by nodes, so that two runs give the same; `deadline_us` cuts it all the same; 0: none.  When it is over the bound is the relaxation's.
bool dba_index_solve(DbaIndexProgram *program, int64_t budget_bytes, double close, gint64 deadline_us, bool *chosen, double *ret_bound,
                     GError **error) DBA_CHECKED;
// Sets the flags of candidates that could be in a set that is better than `chosen`, or worse by less than `more`, in percent of the workload, by
// the model.
void dba_index_promising(DbaIndexProgram *program, int64_t budget_bytes, const bool *chosen, double more, bool *ret_flags);
// What the relaxation within the budget has whole: a part of a good set.
void dba_index_round(DbaIndexProgram *program, int64_t budget_bytes, bool *chosen);

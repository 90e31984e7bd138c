// SPDX-License-Identifier: Apache-2.0
// One run of `dbarch index`: what its files share.
#pragma once

#include "verb/verb.h"

#include "index/index.h"

enum { DBA_INDEX_MOST_BUDGETS = 16 };

typedef struct DbaIndexRun {
  const DbaRequest *request;
  DbaAnswer *answer;
  DbaArena *arena;
  DbaIndexAnswer advice;
  DbaList statements; // DbaIndexStatement
  int64_t budgets[DBA_INDEX_MOST_BUDGETS];
  unsigned n_budgets;
  const char *horizon; // what --grow or --at made of the tables; NULL: nothing was asked for
  const char *subject, *server;
  double seconds; // from the twin on
  DbaIndexTrial proof;
} DbaIndexRun;

// The survey's workload, appended: DbaIndexStatement, in `arena`.
void dba_index_take_workload(const DbaSurvey *survey, DbaArena *arena, DbaList *ret_statements);
// Only where a statement writes are entries measured, once for each server version; else *ret_writes is false.
bool dba_index_find_prices(const DbaRequest *request, const DbaLab *lab, const DbaList *statements, DbaArena *arena,
                           DbaWritePrices *ret_prices, bool *ret_writes, GError **error) DBA_CHECKED;
char *dba_index_run_text(const DbaIndexRun *run) DBA_CHECKED;
char *dba_index_run_json(const DbaIndexRun *run) DBA_CHECKED;
// The set that is answered with: of the first size that was asked for, else the advised one.
const DbaIndexPoint *dba_index_run_answer(const DbaIndexRun *run);
// Migrations of that set, tried in the lab, and index.json into --out.
bool dba_index_run_write(const DbaIndexRun *run, const DbaSurvey *survey, const DbaLab *lab, GError **error) DBA_CHECKED;
// Builds the set on rows and runs the workload with and without it, within --budget.
bool dba_index_run_prove(DbaIndexRun *run, const DbaSurvey *survey, GError **error) DBA_CHECKED;

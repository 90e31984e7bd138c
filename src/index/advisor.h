// SPDX-License-Identifier: Apache-2.0
// The advisor at work: what advise.c and curve.c share.
#pragma once

#include "index/program.h"

typedef struct DbaIndexAdvisor {
  const DbaIndexOptions *options;
  DbaIndexAnswer *answer;
  DbaArena *arena;
  DbaIndexCosts *costs;
  DbaIndexWrites *writes;
  DbaIndexModel *model;
  DbaList needs, shapes;
  DbaIndexSet *bears;     // by statement
  DbaIndexSet *all_bears; // with those that somebody asks about
  DbaIndexSet *best;      // by statement: candidates that stand for the others
  GArray *asks;           // DbaIndexAsk
  uint32_t n_statements, n_candidates;
} DbaIndexAdvisor;

const DbaIndexCandidate *dba_index_candidate_at(const DbaIndexAdvisor *advisor, uint32_t id);
void dba_index_tell(const DbaIndexAdvisor *advisor, const char *line);
bool dba_index_is_over(DbaIndexAdvisor *advisor); // the time; then the answer says so
// Sets live in the advisor's arena; of flags, and of ids in any order, repeated ones once.
DbaIndexSet dba_index_set_of(DbaIndexAdvisor *advisor, const bool *flags);
DbaIndexSet dba_index_set_of_ids(DbaIndexAdvisor *advisor, const uint32_t *ids, uint32_t n);
int64_t dba_index_bytes_of(const DbaIndexAdvisor *advisor, const bool *chosen);
void dba_index_add_ask(DbaIndexAdvisor *advisor, uint32_t statement, DbaIndexSet set);
// Asks for all that was added; what plans used is learned.
bool dba_index_ask_added(DbaIndexAdvisor *advisor, GError **error) DBA_CHECKED;
// What there is to say about those that somebody asked about; `set`: the one that is answered with.
bool dba_index_give_reasons(DbaIndexAdvisor *advisor, const DbaIndexPoint *point, GError **error) DBA_CHECKED;
// Plans with the set, by statement; and what it costs the workload.
bool dba_index_ask_whole(DbaIndexAdvisor *advisor, DbaIndexSet set, const DbaIndexKnown **ret_known, double *ret_cost,
                         GError **error) DBA_CHECKED;
// The curve, from what the model knows by then.
bool dba_index_draw_curve(DbaIndexAdvisor *advisor, GError **error) DBA_CHECKED;

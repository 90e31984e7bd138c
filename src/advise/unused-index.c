// SPDX-License-Identifier: Apache-2.0
// Indexes that nothing has read while the counters ran.
#include "advise/advise.h"

#include <string.h>

static bool has_duty(const DbaRelation *relation, const DbaIndex *index) {
  if (index->unique || index->primary || index->constraint || index->replica_identity || index->clustered || index->invalid ||
      index->parent_index || index->on_partitioned)
    return true;
  for (DBA_EACH(DbaConstraint, key, &relation->constraints)) {
    if (strcmp(key->kind, "foreign key") || !dba_index_covers_key(index, &key->columns))
      continue;
    bool other_covers = false;
    for (DBA_EACH(DbaIndex, other, &relation->indexes))
      other_covers |= other != index && dba_index_covers_key(other, &key->columns);
    if (!other_covers) // a delete in the parent may be rare and still need it
      return true;
  }
  return false;
}

void dba_advise_unused_index(DbaAdvice *advice) {
  double days = dba_advice_counter_days(advice);
  if (days < 0) {
    dba_advice_unjudged(advice, "all indexes", "files have no usage counters", "review the live database");
    return;
  }
  if (days < DBA_ADVICE_ENOUGH_DAYS) {
    dba_advice_unjudged(advice, "all indexes",
                        dba_arena_format(advice->arena, "the usage counters are known to cover %.1f days only; %d are needed", days,
                                         DBA_ADVICE_ENOUGH_DAYS),
                        "review again later, or before the counters are reset");
    return;
  }
  for (DBA_EACH(DbaRelation, relation, &advice->schema->relations))
    for (DBA_EACH(DbaIndex, index, &relation->indexes)) {
      advice->looked_at++;
      if (index->scans > 0 || has_duty(relation, index))
        continue;
      g_autofree char *size = dba_text_bytes(index->size_bytes);
      DbaFinding *finding =
          dba_advice_find(advice, DBA_QUESTION, relation, dba_arena_format(advice->arena, "%s.%s", relation->schema, index->name));
      finding->index = index->name;
      finding->stake = (double)index->size_bytes;
      finding->what = dba_arena_format(advice->arena, "Index %s on %s.%s (%s) was not read once in %.0f days.", index->name,
                                       relation->schema, relation->name, size, days);
      finding->why = "It costs a part of every insert and of every update that is not HOT, and its space; the counters of standbys are not "
                     "in this survey.";
      finding->question = "Does a standby, or a job that runs less often than these counters cover, read this index?";
      dba_advice_option(advice, finding, "no: drop it");
      dba_advice_option(advice, finding, "yes: allow it in dbarch.yaml, with the reason");
    }
}

// SPDX-License-Identifier: Apache-2.0
// Tables without a primary key, with the candidates that can be seen.
#include "advise/advise.h"

#include <string.h>

static bool all_not_null(const DbaRelation *relation, const DbaIndex *index) {
  for (DBA_EACH(DbaIndexKey, key, &index->keys)) {
    const DbaColumn *column = !key->included && key->column ? dba_relation_column(relation, key->column) : NULL;
    if (!key->included && (!column || !column->not_null))
      return false;
  }
  return true;
}

static const char *key_columns(DbaAdvice *advice, const DbaIndex *index) {
  DbaList columns = {0};
  for (DBA_EACH(DbaIndexKey, key, &index->keys))
    if (!key->included)
      dba_list_add_text(advice->arena, &columns, key->column ? key->column : key->expression);
  return dba_advice_columns(advice, &columns);
}

void dba_advise_no_primary_key(DbaAdvice *advice) {
  for (DBA_EACH(DbaRelation, relation, &advice->schema->relations)) {
    if (!dba_advice_is_root_table(relation) || relation->inherits.n)
      continue;
    advice->looked_at++;
    bool keyed = false;
    for (DBA_EACH(DbaConstraint, constraint, &relation->constraints))
      keyed |= !strcmp(constraint->kind, "primary key");
    if (keyed)
      continue;
    DbaFinding *finding =
        dba_advice_find(advice, DBA_QUESTION, relation, dba_arena_format(advice->arena, "%s.%s", relation->schema, relation->name));
    finding->what = dba_arena_format(advice->arena, "Table %s.%s has no primary key.", relation->schema, relation->name);
    finding->why =
        "A row cannot be named: duplicates cannot be told apart, logical replication cannot update or delete it, tools cannot edit it.";
    finding->question = "Which columns name a row?";
    for (DBA_EACH(DbaIndex, index, &relation->indexes))
      if (index->unique && !index->predicate && !index->invalid)
        dba_advice_option(
            advice, finding,
            dba_arena_format(advice->arena, "(%s): unique already by %s%s", key_columns(advice, index), index->name,
                             all_not_null(relation, index) ? ", and never null" : ", but it may be null: SET NOT NULL first"));
    for (DBA_EACH(DbaColumnStatistics, statistics, &relation->statistics))
      if (strcmp(relation->kind, "partitioned table") && statistics->distinct <= -0.9999 && statistics->null_fraction <= 0 &&
          relation->rows >= 100)
        dba_advice_option(
            advice, finding,
            dba_arena_format(advice->arena, "(%s): every sampled value is different, which may be chance", statistics->column));
    dba_advice_option(advice, finding, "a new identity column");
    if (!relation->columns.n)
      dba_advice_option(advice, finding, "none: the table has no columns");
    else
      dba_advice_option(advice, finding, "none, it is a log or a staging table: allow it, with the reason");
  }
}

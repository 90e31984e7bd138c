// SPDX-License-Identifier: Apache-2.0
// Indexes that another index of the table makes superfluous.
//
// A is superfluous beside B when B's leading keys are A's keys, comparing operator class, collation and direction, over the
// same rows, and nothing else depends on A.  A unique A is superfluous only beside an equal unique B.
#include "advise/advise.h"

#include "sql/sql.h"

#include <string.h>

static bool same_key(const DbaIndexKey *a, const DbaIndexKey *b, bool reversed) {
  return !g_strcmp0(a->column, b->column) && !g_strcmp0(a->expression, b->expression) && !g_strcmp0(a->opclass, b->opclass) &&
         !g_strcmp0(a->opfamily, b->opfamily) && !g_strcmp0(a->collation, b->collation) && (a->descending == b->descending) != reversed &&
         (a->nulls_first == b->nulls_first) != reversed;
}

static bool leads(const DbaIndex *a, const DbaIndex *b) {
  uint32_t n = dba_index_n_keys(a);
  if (n > dba_index_n_keys(b))
    return false;
  bool forward = true, backward = true; // a btree is read in both directions
  for (uint32_t i = 0; i < n; i++) {
    const DbaIndexKey *x = dba_list_at(DbaIndexKey, &a->keys, i), *y = dba_list_at(DbaIndexKey, &b->keys, i);
    forward &= same_key(x, y, false);
    backward &= same_key(x, y, true);
  }
  if (!forward && !backward)
    return false;
  for (uint32_t i = n; i < a->keys.n; i++) { // what A includes, B must hold too
    bool held = false;
    for (DBA_EACH(DbaIndexKey, key, &b->keys))
      held |= !g_strcmp0(key->column, dba_list_at(DbaIndexKey, &a->keys, i)->column);
    if (!held)
      return false;
  }
  return true;
}

static bool is_target(const DbaSchema *schema, const DbaRelation *relation, const DbaIndex *index) {
  for (DBA_EACH(DbaRelation, other, &schema->relations))
    for (DBA_EACH(DbaConstraint, key, &other->constraints))
      if (!strcmp(key->kind, "foreign key") && !g_strcmp0(key->ref_index, index->name) && !g_strcmp0(key->ref_table, relation->name) &&
          !g_strcmp0(key->ref_schema, relation->schema))
        return true;
  return false;
}

static bool droppable(const DbaSchema *schema, const DbaRelation *relation, const DbaIndex *index) {
  return !index->constraint && !index->primary && !index->replica_identity && !index->clustered && !index->invalid &&
         !index->parent_index && !index->on_partitioned && !(index->unique && is_target(schema, relation, index));
}

// Does B make A superfluous?
static bool supersedes(const DbaSchema *schema, const DbaRelation *relation, const DbaIndex *b, const DbaIndex *a) {
  if (a == b || b->invalid || b->not_ready || strcmp(a->method, b->method) || g_strcmp0(a->predicate, b->predicate))
    return false;
  bool equal = dba_index_n_keys(a) == dba_index_n_keys(b) && a->keys.n == b->keys.n;
  if (strcmp(a->method, "btree") && !equal) // only a btree serves by its leading keys alone
    return false;
  if (!leads(a, b))
    return false;
  if (a->unique &&
      !(b->unique && dba_index_n_keys(a) == dba_index_n_keys(b) && a->nulls_not_distinct == b->nulls_not_distinct && !b->not_immediate))
    return false;
  if (equal && a->unique == b->unique && droppable(schema, relation, b)) // twins: the later name goes
    return strcmp(b->name, a->name) < 0;
  return true;
}

// The index that makes `index` superfluous and is not superfluous itself; NULL: none.
static const DbaIndex *survivor(const DbaSchema *schema, const DbaRelation *relation, const DbaIndex *index) {
  const DbaIndex *better = NULL;
  for (bool found = true; found && (!better || droppable(schema, relation, better));) {
    const DbaIndex *below = better ? better : index;
    found = false;
    for (DBA_EACH(DbaIndex, other, &relation->indexes))
      if (!found && supersedes(schema, relation, other, below)) {
        better = other;
        found = true;
      }
  }
  return better;
}

void dba_advise_redundant_index(DbaAdvice *advice) {
  for (DBA_EACH(DbaRelation, relation, &advice->schema->relations))
    for (DBA_EACH(DbaIndex, index, &relation->indexes)) {
      advice->looked_at++;
      if (!droppable(advice->schema, relation, index))
        continue;
      const DbaIndex *better = survivor(advice->schema, relation, index);
      const char *create = better ? dba_index_create_sql(advice->arena, relation, index, true) : NULL;
      if (!create)
        continue;
      const char *object = dba_arena_format(advice->arena, "%s.%s", relation->schema, index->name);
      DbaFinding *finding = dba_advice_find(advice, DBA_WORTH_IT, relation, object);
      g_autofree char *size = dba_text_bytes(index->size_bytes), *name = dba_sql_name(relation->schema, index->name);
      finding->index = index->name;
      finding->stake = (double)index->size_bytes;
      finding->what = dba_arena_format(advice->arena, "Index %s on %s.%s is covered by %s.", index->name, relation->schema, relation->name,
                                       better->name);
      finding->why = dba_arena_format(
          advice->arena, "Whatever it serves, %s serves too; it costs %s and a part of every insert and of every update that is not HOT.",
          better->name, size);
      finding->trial = DBA_TRIAL_REINSERT;
      finding->has_change = true;
      finding->change = (DbaChange){.name = dba_advice_file_name(advice, dba_arena_format(advice->arena, "drop_%s", index->name)),
                                    .up = dba_arena_format(advice->arena, "DROP INDEX CONCURRENTLY %s;\n", name),
                                    .down = create,
                                    .undo_class = DBA_UNDO_EXACT,
                                    .no_transaction = true};
    }
}

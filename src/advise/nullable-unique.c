// SPDX-License-Identifier: Apache-2.0
// Unique keys over several columns of which one may be null.
#include "advise/advise.h"

#include <string.h>

// A key that holds all columns of another key which is never null cannot have two rows that agree in the rest.
static bool holds_another_key(const DbaRelation *relation, const DbaIndex *index, const DbaList *columns) {
  for (DBA_EACH(DbaIndex, other, &relation->indexes)) {
    bool held = other != index && other->unique && !other->predicate && !other->invalid;
    for (DBA_EACH(DbaIndexKey, key, &other->keys)) {
      const DbaColumn *column = key->column ? dba_relation_column(relation, key->column) : NULL;
      held = held && (key->included || (column && column->not_null && dba_list_has_text(columns, column->name)));
    }
    if (held)
      return true;
  }
  return false;
}

// A nullable moment such as deleted_at: the mark of rows that are removed but kept.
static const DbaColumn *removal_mark(const DbaRelation *relation, const DbaList *nullable) {
  static const char *const moments[] = {"timestamptz", "timestamp", "date", NULL};
  for (DBA_EACH_TEXT(name, nullable)) {
    const DbaColumn *column = dba_relation_column(relation, *name);
    if (column && column->type_name && g_strv_contains(moments, column->type_name))
      return column;
  }
  return NULL;
}

static bool has_primary_key(const DbaRelation *relation) {
  for (DBA_EACH(DbaConstraint, constraint, &relation->constraints))
    if (!strcmp(constraint->kind, "primary key"))
      return true;
  return false;
}

void dba_advise_nullable_unique(DbaAdvice *advice) {
  for (DBA_EACH(DbaRelation, relation, &advice->schema->relations))
    for (DBA_EACH(DbaIndex, index, &relation->indexes)) {
      if (!index->unique || index->primary || index->parent_index)
        continue;
      advice->looked_at++;
      if (dba_index_n_keys(index) < 2 || index->nulls_not_distinct || index->predicate)
        continue;
      DbaList columns = {0}, nullable = {0};
      for (DBA_EACH(DbaIndexKey, key, &index->keys)) {
        const DbaColumn *column = key->column && !key->included ? dba_relation_column(relation, key->column) : NULL;
        if (key->included)
          continue;
        dba_list_add_text(advice->arena, &columns, key->column ? key->column : key->expression);
        if (column && !column->not_null)
          dba_list_add_text(advice->arena, &nullable, column->name);
      }
      if (nullable.n == columns.n && !has_primary_key(relation)) // no-primary-key asks about it
        continue;
      if (!nullable.n || holds_another_key(relation, index, &columns))
        continue;
      const char *names = dba_advice_columns(advice, &nullable);
      DbaFinding *finding = dba_advice_find(advice, DBA_QUESTION, relation, dba_advice_object(advice, relation, &columns));
      finding->index = index->name;
      finding->what = dba_arena_format(advice->arena, "Unique key %s of %s.%s has a nullable column: %s.", index->name, relation->schema,
                                       relation->name, names);
      finding->why = dba_arena_format(
          advice->arena, "No null equals another: where %s is null, rows that agree in all the rest are accepted again and again.", names);
      finding->question =
          dba_arena_format(advice->arena, "May two rows agree in (%s) where %s is null?", dba_advice_columns(advice, &columns), names);
      const DbaColumn *mark = columns.n > nullable.n ? removal_mark(relation, &nullable) : NULL;
      if (mark) {
        DbaList rest = {0};
        for (DBA_EACH_TEXT(name, &columns))
          if (strcmp(*name, mark->name))
            dba_list_add_text(advice->arena, &rest, *name);
        dba_advice_option(
            advice, finding,
            dba_arena_format(advice->arena,
                             "no, %s marks removed rows and the living must differ: CREATE UNIQUE INDEX ON %s.%s (%s) WHERE %s IS NULL",
                             mark->name, relation->schema, relation->name, dba_advice_columns(advice, &rest), mark->name));
      }
      dba_advice_option(advice, finding, "yes: allow it, with the reason");
      dba_advice_option(advice, finding, "no: NULLS NOT DISTINCT (PostgreSQL 15 and later)");
      if (!mark)
        dba_advice_option(advice, finding, dba_arena_format(advice->arena, "no: %s SET NOT NULL", names));
    }
}

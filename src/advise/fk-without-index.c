// SPDX-License-Identifier: Apache-2.0
// Foreign keys without an index that the referential-integrity checks can use.
//
// PostgreSQL indexes the referenced side only.  Deleting a parent row (or changing its key) runs a query on the child by
// the key columns (RI_FKey_noaction_upd and its siblings, ri_triggers.c); without an index that is a sequential scan.
#include "advise/advise.h"

#include "sql/sql.h"

#include <string.h>

enum { LARGE_ROWS = 10000 };

static double null_fraction(const DbaRelation *relation, const char *column) {
  for (DBA_EACH(DbaColumnStatistics, statistics, &relation->statistics))
    if (!strcmp(statistics->column, column))
      return statistics->null_fraction;
  return 0;
}

static void propose(DbaAdvice *advice, DbaFinding *finding, const DbaRelation *relation, const DbaConstraint *key) {
  bool partitioned = !strcmp(relation->kind, "partitioned table");
  bool sparse = key->columns.n == 1 && null_fraction(relation, dba_list_text(&key->columns, 0)) >= 0.5;
  const char *name = dba_advice_free_name(advice, relation, &key->columns, "idx");
  g_autofree char *table = dba_sql_name(relation->schema, relation->name), *index = dba_sql_name(NULL, name),
                  *qualified = dba_sql_name(relation->schema, name);
  g_autoptr(GString) up = g_string_new(NULL);
  g_string_append_printf(up, "CREATE INDEX %s%s ON %s (", partitioned ? "" : "CONCURRENTLY ", index, table);
  for (uint32_t i = 0; i < key->columns.n; i++) {
    g_string_append(up, i ? ", " : "");
    dba_sql_append_identifier(up, dba_list_text(&key->columns, i));
  }
  g_string_append_c(up, ')');
  if (sparse) {
    g_string_append(up, " WHERE ");
    dba_sql_append_identifier(up, dba_list_text(&key->columns, 0));
    g_string_append(up, " IS NOT NULL");
    dba_advice_alternative(advice, finding, "an index over all rows",
                           "most rows have no value here; the partial index serves the checks as well and is smaller");
  }
  g_string_append(up, ";\n");
  finding->index = name;
  finding->trial = DBA_TRIAL_PARENT_DELETE;
  finding->has_change = true;
  finding->change =
      (DbaChange){.name = dba_advice_file_name(
                      advice, dba_arena_format(advice->arena, "index_%s_%s", relation->name, dba_advice_columns(advice, &key->columns))),
                  .up = dba_arena_text(advice->arena, up->str),
                  .down = dba_arena_format(advice->arena, "DROP INDEX %s%s;\n", partitioned ? "" : "CONCURRENTLY ", qualified),
                  .undo_class = DBA_UNDO_EXACT,
                  .no_transaction = !partitioned};
  if (key->columns.n == 1)
    dba_advice_alternative(advice, finding, "a hash index",
                           "serves the check too, but neither ORDER BY nor ranges, and is no smaller on few distinct values");
}

void dba_advise_fk_without_index(DbaAdvice *advice) {
  for (DBA_EACH(DbaRelation, relation, &advice->schema->relations)) {
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    for (DBA_EACH(DbaConstraint, key, &relation->constraints)) {
      if (strcmp(key->kind, "foreign key") || key->parent_constraint || !dba_relation_is_table(relation))
        continue;
      advice->looked_at++;
      bool covered = false;
      for (DBA_EACH(DbaIndex, index, &relation->indexes))
        covered |= dba_index_covers_key(index, &key->columns);
      const char *object = dba_advice_object(advice, relation, &key->columns);
      if (covered || !g_hash_table_add(seen, (char *)(uintptr_t)object)) // two foreign keys on the same columns need one index
        continue;
      double rows = dba_advice_rows(relation);
      const DbaRelation *parent = dba_schema_relation(advice->schema, key->ref_schema, key->ref_table);
      bool deleted_from = parent && parent->deleted > 0;
      bool acts = !g_strcmp0(key->on_delete, "cascade") || !g_strcmp0(key->on_delete, "set null");
      DbaFinding *finding = dba_advice_find(
          advice, rows >= LARGE_ROWS && (deleted_from || acts || !advice->survey->has_statistics) ? DBA_MUST_FIX : DBA_WORTH_IT, relation,
          object);
      g_autofree char *count = dba_text_count(rows);
      finding->constraint = key->name;
      finding->what = dba_arena_format(advice->arena, "Foreign key %s (%s) to %s.%s has no index that its checks can use.", key->name,
                                       dba_advice_columns(advice, &key->columns), key->ref_schema, key->ref_table);
      finding->why = dba_arena_format(
          advice->arena, "Every delete in %s.%s, and every change of its key, reads all of %s.%s (%s rows) and holds its locks that long.",
          key->ref_schema, key->ref_table, relation->schema, relation->name, rows > 0 ? count : "an unknown number of");
      propose(advice, finding, relation, key);
    }
  }
}

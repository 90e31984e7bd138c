// SPDX-License-Identifier: Apache-2.0
// Foreign keys without an index that the referential-integrity checks can use.
//
// PostgreSQL indexes the referenced side only.  Deleting a parent row (or changing its key) runs a query on the child by
// the key columns (RI_FKey_noaction_upd and its siblings, ri_triggers.c); without an index that is a sequential scan.
#include "advise/advise.h"

#include "sql/sql.h"

#include <string.h>

enum { LARGE_ROWS = 10000, HUGE_ROWS = 100000 };

static double null_fraction(const DbaRelation *relation, const char *column) {
  for (DBA_EACH(DbaColumnStatistics, statistics, &relation->statistics))
    if (!strcmp(statistics->column, column))
      return statistics->null_fraction;
  return 0;
}

// "(a, b)" or "(a) WHERE a IS NOT NULL"
static char *index_body(const DbaConstraint *key, bool sparse) {
  GString *sql = g_string_new("(");
  for (uint32_t i = 0; i < key->columns.n; i++) {
    g_string_append(sql, i ? ", " : "");
    dba_sql_append_identifier(sql, dba_list_text(&key->columns, i));
  }
  g_string_append_c(sql, ')');
  if (sparse) {
    g_string_append(sql, " WHERE ");
    dba_sql_append_identifier(sql, dba_list_text(&key->columns, 0));
    g_string_append(sql, " IS NOT NULL");
  }
  return g_string_free(sql, FALSE);
}

static bool is_part_of(const DbaRelation *part, const DbaRelation *relation) {
  return !g_strcmp0(part->partition_of, relation->name) && !g_strcmp0(part->partition_of_schema, relation->schema);
}

// A foreign table has no index of ours, and a partitioned index without all its parts stays invalid.
static bool can_build_by_parts(const DbaSchema *schema, const DbaRelation *relation) {
  bool any = false;
  for (DBA_EACH(DbaRelation, part, &schema->relations)) {
    if (!is_part_of(part, relation))
      continue;
    any = true;
    if (!dba_relation_is_table(part) || (!strcmp(part->kind, "partitioned table") && !can_build_by_parts(schema, part)))
      return false;
  }
  return any;
}

// On a partitioned table: an empty index on the parent, one CONCURRENTLY on each partition, attached one by one; the parent
// is blocked for instants only (documentation, "Table Partitioning", 5.12.2.2).
static void build_by_parts(DbaAdvice *advice, GString *up, const DbaRelation *relation, const DbaConstraint *key, const char *body,
                           const char *index_name) {
  g_autofree char *table = dba_sql_name(relation->schema, relation->name), *index = dba_sql_name(NULL, index_name),
                  *qualified = dba_sql_name(relation->schema, index_name);
  g_string_append_printf(up, "CREATE INDEX %s ON ONLY %s %s;\n", index, table, body);
  for (DBA_EACH(DbaRelation, part, &advice->schema->relations)) {
    if (!is_part_of(part, relation))
      continue;
    const char *part_name = dba_advice_free_name(advice, part, &key->columns, "idx");
    g_autofree char *part_table = dba_sql_name(part->schema, part->name), *part_index = dba_sql_name(NULL, part_name),
                    *part_qualified = dba_sql_name(part->schema, part_name);
    if (!strcmp(part->kind, "partitioned table"))
      build_by_parts(advice, up, part, key, body, part_name);
    else
      g_string_append_printf(up, "CREATE INDEX CONCURRENTLY %s ON %s %s;\n", part_index, part_table, body);
    g_string_append_printf(up, "ALTER INDEX %s ATTACH PARTITION %s;\n", qualified, part_qualified);
  }
}

static void propose(DbaAdvice *advice, DbaFinding *finding, const DbaRelation *relation, const DbaConstraint *key) {
  bool partitioned = !strcmp(relation->kind, "partitioned table"), by_parts = partitioned && can_build_by_parts(advice->schema, relation);
  bool sparse = key->columns.n == 1 && null_fraction(relation, dba_list_text(&key->columns, 0)) >= 0.5;
  const char *name = dba_advice_free_name(advice, relation, &key->columns, "idx");
  g_autofree char *table = dba_sql_name(relation->schema, relation->name), *index = dba_sql_name(NULL, name),
                  *qualified = dba_sql_name(relation->schema, name), *body = index_body(key, sparse);
  g_autoptr(GString) up = g_string_new(NULL);
  if (by_parts)
    build_by_parts(advice, up, relation, key, body, name);
  else
    g_string_append_printf(up, "CREATE INDEX %s%s ON %s %s;\n", partitioned ? "" : "CONCURRENTLY ", index, table, body);
  if (sparse)
    dba_advice_alternative(advice, finding, "an index over all rows",
                           "most rows have no value here; the partial index serves the checks as well and is smaller");
  if (by_parts)
    dba_advice_alternative(advice, finding, "one CREATE INDEX on the parent", "it blocks writes to all partitions until all are built");
  finding->index = name;
  finding->trial = DBA_TRIAL_PARENT_DELETE;
  finding->has_change = true;
  finding->change =
      (DbaChange){.name = dba_advice_file_name(
                      advice, dba_arena_format(advice->arena, "index_%s_%s", relation->name, dba_advice_columns(advice, &key->columns))),
                  .up = dba_arena_text(advice->arena, up->str),
                  .down = dba_arena_format(advice->arena, "DROP INDEX %s%s;\n", partitioned ? "" : "CONCURRENTLY ", qualified),
                  .undo_class = DBA_UNDO_EXACT,
                  .no_transaction = !partitioned || by_parts};
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
      for (DBA_EACH(DbaIndex, index, &relation->indexes)) {
        DbaIndex repaired = *index; // an invalid one is invalid-object's to repair: no second one beside it
        repaired.invalid = repaired.not_ready = false;
        covered |= dba_index_covers_key(&repaired, &key->columns);
      }
      const char *object = dba_advice_object(advice, relation, &key->columns);
      if (covered || !g_hash_table_add(seen, (char *)(uintptr_t)object)) // two foreign keys on the same columns need one index
        continue;
      double rows = dba_advice_rows(relation);
      const DbaRelation *parent = dba_schema_relation(advice->schema, key->ref_schema, key->ref_table);
      double days = dba_advice_counter_days(advice);
      int64_t deletes = parent ? parent->deleted : 0;
      bool known = days >= DBA_ADVICE_ENOUGH_DAYS;
      DbaFinding *finding = dba_advice_find(
          advice, (deletes > 0 && rows >= LARGE_ROWS) || (!known && rows >= HUGE_ROWS) ? DBA_MUST_FIX : DBA_WORTH_IT, relation, object);
      g_autofree char *count = dba_text_count(rows);
      finding->constraint = key->name;
      finding->what = dba_arena_format(advice->arena, "Foreign key %s (%s) to %s.%s has no index that its checks can use.", key->name,
                                       dba_advice_columns(advice, &key->columns), key->ref_schema, key->ref_table);
      finding->why = dba_arena_format(
          advice->arena, "Every delete in %s.%s, and every change of its key, reads all of %s.%s (%s rows) and holds its locks that long.",
          key->ref_schema, key->ref_table, relation->schema, relation->name, rows > 0 ? count : "an unknown number of");
      g_autofree char *deleted = dba_text_count((double)deletes);
      if (deletes > 0)
        finding->why = dba_arena_format(advice->arena, "%s  %s rows were deleted there while the counters ran.", finding->why, deleted);
      else if (days < 0)
        finding->why = dba_arena_format(advice->arena, "%s  Whether rows are deleted there, files do not tell.", finding->why);
      else if (!known)
        finding->why = dba_arena_format(advice->arena, "%s  Whether rows are deleted there is not known: the counters cover %.1f days.",
                                        finding->why, days);
      else
        finding->why = dba_arena_format(advice->arena, "%s  None was deleted in the %.0f days of the counters.", finding->why, days);
      propose(advice, finding, relation, key);
    }
  }
}

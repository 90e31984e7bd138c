// SPDX-License-Identifier: Apache-2.0
// Invalid indexes and constraints that were never validated.
#include "advise/advise.h"

#include "sql/sql.h"

#include <string.h>

static const char nothing[] = "-- Nothing to undo: what was repaired is not broken again.\nSELECT 1;\n";

static void invalid_index(DbaAdvice *advice, const DbaRelation *relation, const DbaIndex *index) {
  DbaFinding *finding =
      dba_advice_find(advice, DBA_MUST_FIX, relation, dba_arena_format(advice->arena, "%s.%s", relation->schema, index->name));
  g_autofree char *name = dba_sql_name(relation->schema, index->name), *table = dba_sql_name(relation->schema, relation->name),
                  *size = dba_text_bytes(index->size_bytes);
  g_autoptr(GString) keys = g_string_new(NULL);
  for (DBA_EACH(DbaIndexKey, key, &index->keys)) {
    if (key->included)
      continue;
    g_string_append(keys, keys->len ? ", " : "");
    if (key->column)
      dba_sql_append_identifier(keys, key->column);
    else
      g_string_append(keys, key->expression);
  }
  finding->index = index->name;
  finding->what = dba_arena_format(advice->arena, "Index %s on %s.%s is invalid.", index->name, relation->schema, relation->name);
  finding->why = dba_arena_format(advice->arena,
                                  "A CREATE or REINDEX CONCURRENTLY failed half-way: it serves no query, enforces nothing, and still costs "
                                  "%s and a part of every write.",
                                  size);
  if (strstr(index->name, "_ccnew") || strstr(index->name, "_ccold")) { // what REINDEX CONCURRENTLY leaves: a copy (documentation, REINDEX)
    finding->what = dba_arena_format(advice->arena, "Index %s on %s.%s is left over from a REINDEX CONCURRENTLY.", index->name,
                                     relation->schema, relation->name);
    finding->question = dba_arena_format(advice->arena, "Is no REINDEX at work on it now?  Then: DROP INDEX CONCURRENTLY %s;", name);
    finding->severity = DBA_QUESTION;
    finding->severity_name = dba_severity_name(DBA_QUESTION);
    return;
  }
  if (index->unique)
    finding->why =
        dba_arena_format(advice->arena,
                         "%s  It is unique: when rows break it by now, rebuilding fails and leaves it as it is; look for them first "
                         "(SELECT %s, count(*) FROM %s GROUP BY %s HAVING count(*) > 1).",
                         finding->why, keys->str, table, keys->str);
  finding->trial = DBA_TRIAL_UP_DOWN;
  finding->has_change = true;
  finding->change = (DbaChange){.name = dba_advice_file_name(advice, dba_arena_format(advice->arena, "rebuild_%s", index->name)),
                                .up = dba_arena_format(advice->arena, "REINDEX INDEX CONCURRENTLY %s;\n", name),
                                .down = nothing,
                                .undo_class = DBA_UNDO_NOT_NEEDED,
                                .no_transaction = true};
  dba_advice_alternative(advice, finding, dba_arena_format(advice->arena, "DROP INDEX CONCURRENTLY %s", name),
                         "right when nobody misses it; it was wanted once");
}

// An index on a partitioned table is valid once every partition has attached its part.
static void incomplete_index(DbaAdvice *advice, const DbaRelation *relation, const DbaIndex *index) {
  g_autofree char *name = dba_sql_name(relation->schema, index->name);
  g_autoptr(GString) lacking = g_string_new(NULL);
  unsigned parts = 0, without = 0;
  for (DBA_EACH(DbaRelation, part, &advice->schema->relations)) {
    if (g_strcmp0(part->partition_of, relation->name) || g_strcmp0(part->partition_of_schema, relation->schema))
      continue;
    bool attached = false;
    for (DBA_EACH(DbaIndex, of_part, &part->indexes))
      attached |= !g_strcmp0(of_part->parent_index, name) && !of_part->invalid;
    parts++;
    if (!attached && without++ < 5)
      g_string_append_printf(lacking, "%s%s.%s", lacking->len ? ", " : "", part->schema, part->name);
  }
  DbaFinding *finding =
      dba_advice_find(advice, DBA_WORTH_IT, relation, dba_arena_format(advice->arena, "%s.%s", relation->schema, index->name));
  finding->index = index->name;
  finding->what = dba_arena_format(
      advice->arena, "Index %s on the partitioned table %s.%s is invalid: %u of %u partitions lack their part%s%s%s.", index->name,
      relation->schema, relation->name, without, parts, lacking->len ? " (" : "", lacking->str, lacking->len ? ")" : "");
  finding->why =
      "New partitions get it, the ones named do not, and a unique one is not enforced across them.  CREATE INDEX CONCURRENTLY on each, "
      "then ALTER INDEX ... ATTACH PARTITION: with the last one it becomes valid.";
}

static void not_valid(DbaAdvice *advice, const DbaRelation *relation, const DbaConstraint *constraint) {
  DbaFinding *finding = dba_advice_find(advice, DBA_WORTH_IT, relation,
                                        dba_arena_format(advice->arena, "%s.%s.%s", relation->schema, relation->name, constraint->name));
  g_autofree char *table = dba_sql_name(relation->schema, relation->name), *name = dba_sql_name(NULL, constraint->name);
  finding->constraint = constraint->name;
  finding->what =
      dba_arena_format(advice->arena, "Constraint %s of %s.%s was never validated.", constraint->name, relation->schema, relation->name);
  finding->why = "It holds for rows written since; older rows may break it, and the planner does not use it.";
  finding->trial = DBA_TRIAL_UP_DOWN;
  finding->has_change = true;
  finding->change = (DbaChange){.name = dba_advice_file_name(advice, dba_arena_format(advice->arena, "validate_%s", constraint->name)),
                                .up = dba_arena_format(advice->arena, "ALTER TABLE %s VALIDATE CONSTRAINT %s;\n", table, name),
                                .down = nothing,
                                .undo_class = DBA_UNDO_NOT_NEEDED};
}

void dba_advise_invalid_object(DbaAdvice *advice) {
  for (DBA_EACH(DbaRelation, relation, &advice->schema->relations)) {
    for (DBA_EACH(DbaIndex, index, &relation->indexes)) {
      advice->looked_at++;
      if (index->invalid && !index->on_partitioned && index->being_built)
        dba_advice_unjudged(advice, dba_arena_format(advice->arena, "%s.%s", relation->schema, index->name),
                            "the index is invalid, and a session holds the lock under which one is built CONCURRENTLY",
                            "review again when that session is done");
      else if (index->invalid && index->on_partitioned && !index->parent_index)
        incomplete_index(advice, relation, index);
      else if (index->invalid && !index->on_partitioned)
        invalid_index(advice, relation, index);
    }
    for (DBA_EACH(DbaConstraint, constraint, &relation->constraints)) {
      advice->looked_at++;
      if (constraint->not_valid && !constraint->parent_constraint && (constraint->local || !constraint->inherited))
        not_valid(advice, relation, constraint);
    }
  }
}

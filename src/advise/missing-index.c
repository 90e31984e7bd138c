// SPDX-License-Identifier: Apache-2.0
// Indexes that the workload wants.
//
// Which these are is planned before, in a twin of the subject (verb/review-index.c, index/); here they become findings, unless another rule proposes an index that
// begins alike.  The statement that gains most is run with and without it.
#include "advise/advise.h"

#include "sql/sql.h"

#include <string.h>

// Does a finding of another rule propose one on that table whose keys begin with the same column?
static bool is_proposed(const DbaAdvice *advice, const DbaWantedIndex *wanted) {
  g_autofree char *table = dba_sql_name(wanted->schema, wanted->table),
                  *beginning = g_strdup_printf("ON %s (%.*s", table, (int)strcspn(wanted->keys, ", "), wanted->keys);
  for (DBA_EACH(DbaFinding, other, &advice->findings->findings)) {
    const char *found = other->has_change ? strstr(other->change.up, beginning) : NULL;
    if (found && strchr(",)", found[strlen(beginning)]))
      return true;
  }
  return false;
}

static const char *create_text(DbaAdvice *advice, const DbaWantedIndex *wanted, const char *name) {
  g_autofree char *quoted = dba_sql_name(NULL, name);
  return dba_arena_format(advice->arena, "CREATE INDEX CONCURRENTLY %s %s;\n", quoted, wanted->definition + strlen("CREATE INDEX "));
}

static void find(DbaAdvice *advice, const DbaWantedIndex *wanted, const DbaRelation *relation) {
  DbaArena *arena = advice->arena;
  bool parted = !strcmp(relation->kind, "partitioned table");
  const char *object = dba_arena_format(arena, "%s.%s(%s)", wanted->schema, wanted->table, wanted->keys);
  const char *name = dba_advice_free_name(advice, relation, &wanted->words, "idx");
  g_autofree char *bytes = dba_text_bytes(wanted->bytes), *before = dba_text_count(wanted->before), *after = dba_text_count(wanted->after),
                  *text = dba_text_one_line(wanted->text);
  g_autofree char *quoted = dba_sql_name(wanted->schema, name);
  DbaFinding *finding = dba_advice_find(advice, DBA_WORTH_IT, relation, object);
  finding->what = dba_arena_format(arena, "The workload wants an index of %s (%s)%s%s%s, about %s.", wanted->table, wanted->keys,
                                   wanted->predicate ? " where " : "", wanted->predicate ? wanted->predicate : "",
                                   strcmp(wanted->method, "btree") ? dba_arena_format(arena, ", by %s", wanted->method) : "", bytes);
  finding->why = dba_arena_format(
      arena,
      "Plans of %" G_GINT64_FORMAT
      " statement%s use it; with all that the workload wants these cost %s instead of %s, as planned in a twin. Most gains: %.160s",
      wanted->statements, wanted->statements == 1 ? "" : "s", after, before, text);
  finding->stake = wanted->before - wanted->after;
  finding->prepare = wanted->prepare;
  finding->sql = wanted->sql;
  finding->tables = wanted->tables;
  finding->index = name;
  dba_advice_alternative(advice, finding, "other sets of indexes",
                         "dbarch index shows the best set at each budget, and --why INDEX why not another");
  if (parted || !wanted->sql) // the parts of a partitioned table are made one by one: dbarch index --out writes that
    return;
  finding->trial = DBA_TRIAL_STATEMENT;
  finding->has_change = true;
  finding->change = (DbaChange){.name = dba_advice_file_name(advice, dba_arena_format(arena, "index_%s", name)),
                                .up = create_text(advice, wanted, name),
                                .down = dba_arena_format(arena, "DROP INDEX CONCURRENTLY %s;\n", quoted),
                                .undo_class = DBA_UNDO_EXACT,
                                .no_transaction = true};
}

void dba_advise_missing_index(DbaAdvice *advice) {
  if (!advice->survey->wanted_known)
    return;
  advice->looked_at = advice->survey->workload.n;
  for (DBA_EACH(DbaWantedIndex, wanted, &advice->survey->wanted)) {
    const DbaRelation *relation = dba_schema_relation(advice->schema, wanted->schema, wanted->table);
    if (relation && !is_proposed(advice, wanted))
      find(advice, wanted, relation);
  }
}

// SPDX-License-Identifier: Apache-2.0
// Foreign keys that say the same twice.
#include "advise/advise.h"

#include "sql/sql.h"

#include <string.h>

static bool same_columns(const DbaConstraint *a, const DbaConstraint *b) {
  if (a->columns.n != b->columns.n)
    return false;
  for (uint32_t i = 0; i < a->columns.n; i++) { // in any order, but paired alike
    bool paired = false;
    for (uint32_t j = 0; j < b->columns.n; j++)
      paired |= !strcmp(dba_list_text(&a->columns, i), dba_list_text(&b->columns, j)) &&
                !strcmp(dba_list_text(&a->ref_columns, i), dba_list_text(&b->ref_columns, j));
    if (!paired)
      return false;
  }
  return true;
}

static bool same_behaviour(const DbaConstraint *a, const DbaConstraint *b) {
  return !g_strcmp0(a->on_delete, b->on_delete) && !g_strcmp0(a->on_update, b->on_update) && !g_strcmp0(a->match, b->match) &&
         a->deferrable == b->deferrable && a->deferred == b->deferred;
}

static void judge(DbaAdvice *advice, const DbaRelation *relation, const DbaConstraint *kept, const DbaConstraint *extra) {
  bool same = same_behaviour(kept, extra);
  DbaFinding *finding = dba_advice_find(advice, same ? DBA_WORTH_IT : DBA_QUESTION, relation,
                                        dba_arena_format(advice->arena, "%s.%s.%s", relation->schema, relation->name, extra->name));
  finding->constraint = extra->name;
  finding->what = dba_arena_format(advice->arena, "Foreign keys %s and %s of %s.%s are over the same columns to the same target.",
                                   kept->name, extra->name, relation->schema, relation->name);
  finding->why = "Every insert, and every delete in the parent, is checked twice.";
  if (!same) {
    finding->question = "They act differently on delete or update: which is meant?";
    dba_advice_option(advice, finding,
                      dba_arena_format(advice->arena, "%s (on delete %s, on update %s)", kept->name, kept->on_delete, kept->on_update));
    dba_advice_option(advice, finding,
                      dba_arena_format(advice->arena, "%s (on delete %s, on update %s)", extra->name, extra->on_delete, extra->on_update));
    return;
  }
  g_autofree char *table = dba_sql_name(relation->schema, relation->name), *name = dba_sql_name(NULL, extra->name);
  finding->trial = DBA_TRIAL_REINSERT_CHECKED;
  finding->has_change = true;
  g_autoptr(GString) down = g_string_new(NULL);
  g_string_append_printf(down, "ALTER TABLE %s ADD CONSTRAINT %s %s;\n", table, name, extra->definition);
  if (extra->comment) {
    g_string_append_printf(down, "COMMENT ON CONSTRAINT %s ON %s IS ", name, table);
    dba_sql_append_literal(down, extra->comment);
    g_string_append(down, ";\n");
  }
  finding->change = (DbaChange){.name = dba_advice_file_name(advice, dba_arena_format(advice->arena, "drop_%s", extra->name)),
                                .up = dba_arena_format(advice->arena, "ALTER TABLE %s DROP CONSTRAINT %s;\n", table, name),
                                .down = dba_arena_text(advice->arena, down->str),
                                .undo_class = DBA_UNDO_EXACT};
}

void dba_advise_duplicate_foreign_key(DbaAdvice *advice) {
  for (DBA_EACH(DbaRelation, relation, &advice->schema->relations))
    for (uint32_t i = 0; i < relation->constraints.n; i++) {
      const DbaConstraint *a = dba_list_at(DbaConstraint, &relation->constraints, i);
      if (strcmp(a->kind, "foreign key") || a->parent_constraint)
        continue;
      advice->looked_at++;
      for (uint32_t j = 0; j < i; j++) {
        const DbaConstraint *b = dba_list_at(DbaConstraint, &relation->constraints, j);
        if (strcmp(b->kind, "foreign key") || b->parent_constraint || g_strcmp0(a->ref_table, b->ref_table) ||
            g_strcmp0(a->ref_schema, b->ref_schema) || !same_columns(a, b))
          continue;
        // The validated one is kept; among equals the one with PostgreSQL's own kind of name.
        bool keep_a =
            a->not_valid != b->not_valid ? b->not_valid : g_str_has_suffix(a->name, "_fkey") && !g_str_has_suffix(b->name, "_fkey");
        judge(advice, relation, keep_a ? a : b, keep_a ? b : a);
        break;
      }
    }
}

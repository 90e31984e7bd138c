// SPDX-License-Identifier: Apache-2.0
// Foreign keys whose column has another type than its target.
#include "advise/advise.h"

#include "sql/sql.h"

#include <string.h>

// Types that compare by one operator are no mismatch: varchar and text.
static const char *family(const DbaColumn *column) {
  const char *name = column->type_name ? column->type_name : column->type;
  return !strcmp(name, "varchar") ? "text" : name;
}

static int integer_width(const DbaColumn *column) {
  static const char *const names[] = {"int2", "int4", "int8"};
  for (int i = 0; i < 3; i++)
    if (!g_strcmp0(column->type_name, names[i]))
      return i + 1;
  return 0;
}

static void judge(DbaAdvice *advice, const DbaRelation *relation, const DbaConstraint *key, const DbaColumn *column,
                  const DbaColumn *target) {
  bool widening = integer_width(column) && integer_width(target) && integer_width(column) < integer_width(target);
  bool integers = integer_width(column) && integer_width(target);
  DbaFinding *finding = dba_advice_find(advice, integers ? DBA_WORTH_IT : DBA_MUST_FIX, relation,
                                        dba_arena_format(advice->arena, "%s.%s(%s)", relation->schema, relation->name, column->name));
  finding->constraint = key->name;
  finding->what = dba_arena_format(advice->arena, "%s.%s.%s is %s, but %s.%s.%s, which it refers to, is %s.", relation->schema,
                                   relation->name, column->name, column->type, key->ref_schema, key->ref_table, target->name, target->type);
  finding->why = widening   ? "A parent beyond the narrower type cannot be referred to: inserts fail on that day."
                 : integers ? "The wider column is space that its parent can never fill."
                            : "Each comparison casts one side, and an index on that side cannot be used.";
  if (!widening) {
    finding->question = "Which of the two types is right?";
    dba_advice_option(advice, finding, dba_arena_format(advice->arena, "%s: change %s.%s", target->type, relation->name, column->name));
    dba_advice_option(advice, finding, dba_arena_format(advice->arena, "%s: change %s.%s", column->type, key->ref_table, target->name));
    finding->severity = DBA_QUESTION;
    finding->severity_name = dba_severity_name(DBA_QUESTION);
    return;
  }
  g_autofree char *table = dba_sql_name(relation->schema, relation->name), *name = dba_sql_name(NULL, column->name);
  finding->trial = DBA_TRIAL_UP_DOWN;
  finding->has_change = true;
  finding->change =
      (DbaChange){.name = dba_advice_file_name(advice, dba_arena_format(advice->arena, "widen_%s_%s", relation->name, column->name)),
                  .up = dba_arena_format(advice->arena, "ALTER TABLE %s ALTER COLUMN %s TYPE %s;\n", table, name, target->type),
                  .down = dba_arena_format(advice->arena, "ALTER TABLE %s ALTER COLUMN %s TYPE %s;\n", table, name, column->type),
                  .undo_class = DBA_UNDO_EXACT};
}

void dba_advise_fk_type_mismatch(DbaAdvice *advice) {
  for (DBA_EACH(DbaRelation, relation, &advice->schema->relations))
    for (DBA_EACH(DbaConstraint, key, &relation->constraints)) {
      if (strcmp(key->kind, "foreign key") || key->parent_constraint)
        continue;
      advice->looked_at++;
      const DbaRelation *parent = dba_schema_relation(advice->schema, key->ref_schema, key->ref_table);
      for (uint32_t i = 0; parent && i < MIN(key->columns.n, key->ref_columns.n); i++) {
        const DbaColumn *column = dba_relation_column(relation, dba_list_text(&key->columns, i)),
                        *target = dba_relation_column(parent, dba_list_text(&key->ref_columns, i));
        if (column && target && strcmp(family(column), family(target)))
          judge(advice, relation, key, column, target);
      }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Types that the manual itself warns of: money, json, char(n), and binary fractions for money.
#include "advise/advise.h"

#include "sql/sql.h"

#include <string.h>

static const struct {
  const char *type_name, *to, *using_up, *using_down;
  DbaSeverity severity;
  const char *why, *undo_class;
} types[] = {
    {"money", "numeric(19,2)", "::numeric(19,2)", "::money", DBA_WORTH_IT,
     "Its decimals and its text depend on lc_monetary of whoever loads or reads it; numeric does not (documentation, \"Monetary Types\").",
     DBA_UNDO_EXACT},
    {"json", "jsonb", "::jsonb", "::json", DBA_WORTH_IT,
     "It is kept as text: every operator parses it anew, it cannot be compared, grouped or indexed by content (documentation, \"JSON "
     "Types\").  The undo gives json back, "
     "without the blanks and duplicate keys that jsonb drops: save the texts first if they matter.",
     DBA_UNDO_EXACT_BUT_TEXT},
    {"bpchar", NULL, "", "", DBA_NOTE,
     "It is padded with blanks on disk and on the wire, compares without them, and is no faster than varchar (documentation, \"Character "
     "Types\").",
     DBA_UNDO_EXACT},
};

static const char *target(DbaAdvice *advice, const DbaColumn *column, const char *to) {
  if (to)
    return to;
  const char *open = strchr(column->type, '(');
  return open ? dba_arena_format(advice->arena, "character varying%s", open) : "text";
}

// Binary fractions cannot hold most decimal ones: sums of money drift.
static void judge_float(DbaAdvice *advice, const DbaRelation *relation, const DbaColumn *column) {
  static const char *const words[] = {"price", "amount", "balance", "total", "cost", "salary", "fee", "money", "revenue", "payment", NULL};
  g_autofree char *lower = g_ascii_strdown(column->name, -1);
  g_auto(GStrv) parts = g_strsplit(lower, "_", -1);
  bool named = false;
  for (char **part = parts; *part; part++)
    named |= g_strv_contains(words, *part);
  if (!named)
    return;
  DbaFinding *finding = dba_advice_find(advice, DBA_QUESTION, relation,
                                        dba_arena_format(advice->arena, "%s.%s(%s)", relation->schema, relation->name, column->name));
  finding->what = dba_arena_format(advice->arena, "%s.%s.%s is %s, and its name speaks of money.", relation->schema, relation->name,
                                   column->name, column->type);
  finding->why = "0.1 has no exact binary form: sums drift and comparisons with = fail (documentation, \"Floating-Point Types\").";
  finding->question = "Does it hold amounts of money?";
  dba_advice_option(advice, finding, "yes: numeric with the decimals of the currency");
  dba_advice_option(advice, finding, "no: allow it, with the reason");
}

static void judge(DbaAdvice *advice, const DbaRelation *relation, const DbaColumn *column) {
  if (!g_strcmp0(column->type_name, "float8") || !g_strcmp0(column->type_name, "float4"))
    judge_float(advice, relation, column);
  for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
    if (g_strcmp0(column->type_name, types[i].type_name) || !g_strcmp0(column->type_class, "d"))
      continue;
    DbaFinding *finding = dba_advice_find(advice, types[i].severity, relation,
                                          dba_arena_format(advice->arena, "%s.%s(%s)", relation->schema, relation->name, column->name));
    const char *to = target(advice, column, types[i].to);
    g_autofree char *table = dba_sql_name(relation->schema, relation->name), *name = dba_sql_name(NULL, column->name);
    finding->what = dba_arena_format(advice->arena, "%s.%s.%s is %s; %s does the same without the trap.", relation->schema, relation->name,
                                     column->name, column->type, to);
    finding->why = types[i].why;
    if (types[i].severity == DBA_NOTE || column->generated)
      return; // not worth a rewrite of an existing table
    g_autoptr(GString) up = g_string_new(NULL), down = g_string_new(NULL);
    g_autofree char *alter = g_strdup_printf("ALTER TABLE %s ALTER COLUMN %s", table, name);
    if (column->default_expr) {
      g_string_append_printf(up, "%s DROP DEFAULT;\n", alter);
      g_string_append_printf(down, "%s DROP DEFAULT;\n", alter);
    }
    g_string_append_printf(up, "%s TYPE %s USING %s%s;\n", alter, to, name, types[i].using_up);
    g_string_append_printf(down, "%s TYPE %s USING %s%s;\n", alter, column->type, name, types[i].using_down);
    if (column->default_expr) {
      g_string_append_printf(up, "%s SET DEFAULT (%s)%s;\n", alter, column->default_expr, types[i].using_up);
      g_string_append_printf(down, "%s SET DEFAULT %s;\n", alter, column->default_expr);
    }
    finding->trial = DBA_TRIAL_UP_DOWN;
    finding->has_change = true;
    finding->change =
        (DbaChange){.name = dba_advice_file_name(advice, dba_arena_format(advice->arena, "retype_%s_%s", relation->name, column->name)),
                    .up = dba_arena_text(advice->arena, up->str),
                    .down = dba_arena_text(advice->arena, down->str),
                    .undo_class = types[i].undo_class};
  }
}

void dba_advise_unfit_type(DbaAdvice *advice) {
  for (DBA_EACH(DbaRelation, relation, &advice->schema->relations)) {
    if (!dba_advice_is_root_table(relation))
      continue;
    for (DBA_EACH(DbaColumn, column, &relation->columns)) {
      advice->looked_at++;
      if (column->local || !column->inherited)
        judge(advice, relation, column);
    }
  }
}

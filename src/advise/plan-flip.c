// SPDX-License-Identifier: Apache-2.0
// Statements whose plan is another one when the tables have grown.
//
// Both plans come from twins (verb/horizon.c); here they are only read.  A plan that turns and costs no more than the growth explains is a
// note; one that becomes dearer than that is worth a look before the day comes.
#include "advise/advise.h"

#include "sql/sql.h"

#include <math.h>
#include <string.h>

static const double DEARER = 1.5; // than by the growth of the table that grows most of those that the plan reads

// One node of a plan's text, without arrow and numbers: "Seq Scan on orders o".
static const char *node_of(DbaAdvice *advice, const char *line) {
  const char *cost = strstr(line, "  (cost=");
  if (!cost)
    return NULL;
  while (line < cost && strchr(" ->", *line))
    line++;
  return dba_arena_text_n(advice->arena, line, (size_t)(cost - line));
}

// The table that a node reads.  Plans name it without its schema: of several of one name it is the one that the statement names with its
// schema, else that of public, else the first.
static const DbaRelation *table_of(DbaAdvice *advice, const DbaHorizonPlan *plan, const char *node) {
  static const char *const others[] = {"Bitmap Index Scan", "CTE Scan", "Subquery Scan", "Function Scan", "Values Scan",
                                       "WorkTable Scan",    NULL};
  const char *on = strstr(node, " on ");
  for (const char *const *other = others; *other; other++)
    if (g_str_has_prefix(node, *other) || g_str_has_prefix(node, "Named Tuplestore"))
      return NULL;
  if (!on)
    return NULL;
  on += strlen(" on ");
  bool quoted = *on == '"';
  g_autofree char *name = g_strndup(on + quoted, strcspn(on + quoted, quoted ? "\"" : " "));
  const DbaRelation *best = NULL;
  for (DBA_EACH(DbaRelation, relation, &advice->schema->relations)) {
    if (strcmp(relation->name, name))
      continue;
    g_autofree char *full = dba_sql_name(relation->schema, relation->name);
    if (strstr(plan->text, full))
      return relation;
    if (!best || !strcmp(relation->schema, "public"))
      best = relation;
  }
  return best;
}

typedef struct Turn {
  const char *from, *to; // nodes
  const DbaRelation *relation;
} Turn;

static GPtrArray *nodes_of(DbaAdvice *advice, const char *plan) {
  GPtrArray *nodes = g_ptr_array_new();
  g_auto(GStrv) lines = g_strsplit(plan, "\n", -1);
  for (char **line = lines; *line; line++) {
    const char *node = node_of(advice, *line);
    if (node)
      g_ptr_array_add(nodes, (char *)(uintptr_t)node);
  }
  return nodes;
}

// The first table that is read in another way, else the first node that is another.
static Turn turn_of(DbaAdvice *advice, const DbaHorizonPlan *plan) {
  g_autoptr(GPtrArray) now = nodes_of(advice, plan->plan_now), then = nodes_of(advice, plan->plan_then);
  Turn turn = {0};
  for (guint i = 0; i < now->len; i++) {
    const DbaRelation *relation = table_of(advice, plan, now->pdata[i]);
    const char *other = NULL;
    bool same = false;
    for (guint k = 0; relation && k < then->len; k++) {
      same |= !strcmp(now->pdata[i], then->pdata[k]);
      if (!other && table_of(advice, plan, then->pdata[k]) == relation)
        other = then->pdata[k];
    }
    if (relation && !same && other)
      return (Turn){now->pdata[i], other, relation};
    if (!turn.relation)
      turn.relation = relation;
  }
  for (guint i = 0; i < MAX(now->len, then->len) && !turn.from; i++) {
    const char *from = i < now->len ? now->pdata[i] : "nothing", *to = i < then->len ? then->pdata[i] : "nothing";
    if (strcmp(from, to)) {
      turn.from = from;
      turn.to = to;
    }
  }
  return turn;
}

// How many times as many rows the table has that grows most of those that the plan reads.
static double factor_of(DbaAdvice *advice, const DbaHorizonPlan *plan) {
  g_autoptr(GPtrArray) nodes = nodes_of(advice, plan->plan_then);
  double factor = 1;
  for (guint i = 0; i < nodes->len; i++) {
    const DbaRelation *relation = table_of(advice, plan, nodes->pdata[i]);
    double rows = relation ? dba_advice_rows(relation) : 0;
    if (rows > 0)
      factor = fmax(factor, advice->survey->horizon.rows[relation - (const DbaRelation *)advice->schema->relations.items] / rows);
  }
  return factor;
}

// False: the plan reads no table that is known.
static bool tell(DbaAdvice *advice, const DbaHorizonPlan *plan, unsigned number) {
  const DbaHorizon *horizon = &advice->survey->horizon;
  Turn turn = turn_of(advice, plan);
  if (!turn.relation || !turn.from)
    return false;
  bool dearer = plan->then > plan->now * factor_of(advice, plan) * DEARER;
  g_autofree char *id = plan->id ? g_strdup(plan->id) : g_strdup_printf("%u", number);
  g_autofree char *sql = dba_text_printable(plan->text, false);
  DbaFinding *finding =
      dba_advice_find(advice, dearer ? DBA_WORTH_IT : DBA_NOTE, turn.relation,
                      dba_arena_format(advice->arena, "%s.%s: statement %s", turn.relation->schema, turn.relation->name, id));
  finding->stake = fmax(plan->then - plan->now, 0) * (double)MAX(plan->calls, 1);
  double then = horizon->rows[turn.relation - (const DbaRelation *)advice->schema->relations.items];
  g_autofree char *rows_now = dba_text_count(dba_advice_rows(turn.relation)), *rows_then = dba_text_count(then);
  finding->what = dba_arena_format(advice->arena, "The plan of \"%.160s%s\" turns: %s becomes %s.", sql, strlen(sql) > 160 ? "..." : "",
                                   turn.from, turn.to);
  finding->why = dba_arena_format(advice->arena, "%s.%s goes from %s to %s rows, the statement's cost from %.2f to %.2f%s.",
                                  turn.relation->schema, turn.relation->name, rows_now, rows_then, plan->now, plan->then,
                                  dearer                   ? ": more than the growth explains, look at it before it is slow"
                                  : plan->then > plan->now ? ", which the growth explains"
                                                           : "");
  DbaReceipt *receipt = dba_list_add(advice->arena, &finding->planned, sizeof *receipt);
  *receipt = (DbaReceipt){.method = "the statement, today and at the horizon",
                          .quantity = "cost",
                          .unit = "planner's units",
                          .before = plan->now,
                          .before_low = plan->now,
                          .before_high = plan->now,
                          .after = plan->then,
                          .after_low = plan->then,
                          .after_high = plan->then,
                          .n = 1,
                          .server = horizon->server,
                          .locale = horizon->locale,
                          .settings = "planned with the subject's settings, not run",
                          .rows_origin = "none: twins with the subject's statistics",
                          .rows = horizon->text,
                          .repeat = horizon->repeat};
  return true;
}

void dba_advise_plan_flip(DbaAdvice *advice) {
  const DbaHorizon *horizon = &advice->survey->horizon;
  int64_t unknown = 0;
  unsigned number = 0;
  if (!horizon->text) // nobody asked
    return;
  for (DBA_EACH(DbaHorizonPlan, plan, &horizon->plans)) {
    number++;
    if (plan->problem || !plan->plan_now || !plan->plan_then || (plan->flips && !tell(advice, plan, number)))
      unknown++;
    else
      advice->looked_at++;
  }
  if (unknown)
    dba_advice_unjudged(advice, dba_arena_format(advice->arena, "%" G_GINT64_FORMAT " statement%s", unknown, unknown == 1 ? "" : "s"),
                        "not planned, or the plan not shown (parameters, before PostgreSQL 16)",
                        "dbarch lab what-if says why; --pg-major 17 shows plans with parameters");
  if (!horizon->plans.n)
    dba_advice_unjudged(advice, "the workload", "no statement is known", "--workload FILE, or pg_stat_statements");
}

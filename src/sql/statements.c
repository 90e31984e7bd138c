// SPDX-License-Identifier: Apache-2.0
// The clauses of statements: which of their expressions are predicates, which numbers are no values, what is inserted where.
#include "sql/values-int.h"

static void visit_list(List *list, DbaSqlReading *reading) {
  for (int i = 0; i < list_length(list); i++)
    dba_values_visit(list_nth(list, i), reading);
}

void dba_values_visit_predicate(Node *node, DbaSqlReading *reading) {
  bool before = reading->predicate;
  reading->predicate = true;
  dba_values_visit(node, reading);
  reading->predicate = before;
}

// A constant that is no value; anything else is looked at as what it is.
void dba_values_visit_structural(Node *node, DbaSqlReading *reading) {
  Node *value = dba_values_strip(node);
  bool before = reading->structural;
  reading->structural = value && (IsA(value, A_Const) || IsA(value, ParamRef));
  dba_values_visit(node, reading);
  reading->structural = before;
}

void dba_values_visit_list_structural(List *list, DbaSqlReading *reading) {
  for (int i = 0; i < list_length(list); i++)
    dba_values_visit_structural(list_nth(list, i), reading);
}

// A number in ORDER BY or GROUP BY is a position; anything else is an expression.
static void visit_order(List *list, DbaSqlReading *reading) {
  for (int i = 0; i < list_length(list); i++) {
    Node *node = list_nth(list, i), *value = IsA(node, SortBy) ? ((SortBy *)node)->node : node;
    dba_values_visit_structural(value, reading);
  }
}

static void visit_with(WithClause *with, DbaSqlScope *scope, DbaSqlReading *reading) {
  for (int i = 0; with && i < list_length(with->ctes); i++) {
    CommonTableExpr *cte = list_nth(with->ctes, i);
    DbaSqlFromItem item = {cte->ctename, NULL, NULL,
                           IsA(cte->ctequery, SelectStmt) && !cte->aliascolnames ? (SelectStmt *)cte->ctequery : NULL};
    if (with->recursive)
      g_array_append_val(scope->ctes, item);
    dba_values_visit(cte->ctequery, reading);
    if (!with->recursive)
      g_array_append_val(scope->ctes, item);
  }
}

void dba_values_visit_select(SelectStmt *select, DbaSqlReading *reading) {
  g_autoptr(GArray) items = g_array_new(FALSE, FALSE, sizeof(DbaSqlFromItem)), ctes = g_array_new(FALSE, FALSE, sizeof(DbaSqlFromItem));
  DbaSqlScope scope = {reading->scope, items, ctes};
  bool predicate = reading->predicate, told = reading->told_opaque;
  reading->scope = &scope;
  reading->predicate = reading->told_opaque = false;
  visit_with(select->withClause, &scope, reading);
  if (select->larg) {
    SelectStmt *first = select->larg;
    while (first->larg)
      first = first->larg;
    dba_values_visit_select(select->larg, reading);
    dba_values_visit_select(select->rarg, reading);
    for (int i = 0; i < list_length(first->targetList); i++) { // columns of both sides are one
      DbaSqlColumn a;
      if (dba_values_target_of(reading, (Node *)select->larg, i, &a))
        dba_values_pair_target(reading, (Node *)select->rarg, i, &a);
    }
  }
  for (int i = 0; i < list_length(select->fromClause); i++)
    dba_values_add_from(&scope, list_nth(select->fromClause, i));
  visit_list(select->fromClause, reading);
  visit_list(select->distinctClause, reading);
  bool looked_at = reading->looked_at;
  reading->looked_at = scope.outer->outer != NULL; // what a subquery gives is looked at by the one around it
  visit_list(select->targetList, reading);
  visit_list(select->valuesLists, reading);
  reading->looked_at = looked_at;
  dba_values_visit_predicate(select->whereClause, reading);
  visit_order(select->groupClause, reading);
  dba_values_visit_predicate(select->havingClause, reading);
  visit_list(select->windowClause, reading);
  visit_order(select->sortClause, reading);
  dba_values_visit_structural(select->limitOffset, reading);
  dba_values_visit_structural(select->limitCount, reading);
  reading->scope = scope.outer;
  reading->predicate = predicate;
  reading->told_opaque = told;
}

// UPDATE ... SET a = 1, also of ON CONFLICT and MERGE.
static void visit_assignments(List *targets, DbaSqlReading *reading) {
  for (int i = 0; i < list_length(targets); i++) {
    ResTarget *target = list_nth(targets, i);
    DbaSqlColumn column;
    const DbaSqlFromItem *item = reading->scope->items->len ? &g_array_index(reading->scope->items, DbaSqlFromItem, 0) : NULL;
    if (item && target->name && dba_values_column_of_item(reading, item, reading->scope, target->name, 0, &column)) {
      DbaSqlColumn other;
      if (dba_values_column_of(reading, target->val, reading->scope, 0, &other))
        dba_values_pair(reading, &column, &other);
      else
        dba_values_attach(reading, target->val, dba_values_keep_column(reading, &column), false);
    } else
      dba_values_visit(target->val, reading);
  }
}

// The column that the n-th value of an INSERT goes to.
static bool inserted_column(DbaSqlReading *reading, List *columns, int n, DbaSqlColumn *ret_column) {
  const DbaSqlFromItem *item = &g_array_index(reading->scope->items, DbaSqlFromItem, 0);
  ResTarget *target = n < list_length(columns) ? list_nth(columns, n) : NULL;
  const char *const *all = columns ? NULL : reading->columns_of(reading->data, item->schema, item->table);
  const char *name = target ? target->name : all && n < (int)g_strv_length((char **)(uintptr_t)all) ? all[n] : NULL;
  return name && dba_values_column_of_item(reading, item, reading->scope, name, 0, ret_column);
}

static void visit_row(DbaSqlReading *reading, List *columns, List *row) {
  reading->inserting = true;
  for (int i = 0; i < list_length(row); i++) {
    DbaSqlColumn column;
    if (inserted_column(reading, columns, i, &column))
      dba_values_attach(reading, list_nth(row, i), dba_values_keep_column(reading, &column), false);
    else
      dba_values_visit(list_nth(row, i), reading);
  }
  reading->inserting = false;
}

static void visit_insert(InsertStmt *insert, DbaSqlReading *reading) {
  SelectStmt *select = insert->selectStmt && IsA(insert->selectStmt, SelectStmt) ? (SelectStmt *)insert->selectStmt : NULL;
  if (!select || !select->valuesLists) {
    dba_values_visit(insert->selectStmt, reading);
    for (int i = 0; select && i < list_length(select->targetList); i++) {
      DbaSqlColumn column;
      if (inserted_column(reading, insert->cols, i, &column))
        dba_values_pair_target(reading, insert->selectStmt, i, &column);
    }
    return;
  }
  for (int k = 0; k < list_length(select->valuesLists); k++)
    visit_row(reading, insert->cols, list_nth(select->valuesLists, k));
}

// INSERT, UPDATE, DELETE, MERGE: their table is the first of the scope.
void dba_values_visit_change(Node *node, DbaSqlReading *reading) {
  g_autoptr(GArray) items = g_array_new(FALSE, FALSE, sizeof(DbaSqlFromItem)), ctes = g_array_new(FALSE, FALSE, sizeof(DbaSqlFromItem));
  DbaSqlScope scope = {reading->scope, items, ctes};
  reading->scope = &scope;
  switch (nodeTag(node)) {
  case T_InsertStmt: {
    InsertStmt *insert = (InsertStmt *)node;
    visit_with(insert->withClause, &scope, reading);
    dba_values_add_table(&scope, insert->relation);
    visit_insert(insert, reading);
    if (insert->onConflictClause) {
      visit_assignments(insert->onConflictClause->targetList, reading);
      dba_values_visit_predicate(insert->onConflictClause->whereClause, reading);
    }
    visit_list(insert->returningList, reading);
    break;
  }
  case T_UpdateStmt: {
    UpdateStmt *update = (UpdateStmt *)node;
    visit_with(update->withClause, &scope, reading);
    dba_values_add_table(&scope, update->relation);
    for (int i = 0; i < list_length(update->fromClause); i++)
      dba_values_add_from(&scope, list_nth(update->fromClause, i));
    visit_list(update->fromClause, reading);
    visit_assignments(update->targetList, reading);
    dba_values_visit_predicate(update->whereClause, reading);
    visit_list(update->returningList, reading);
    break;
  }
  case T_DeleteStmt: {
    DeleteStmt *delete = (DeleteStmt *)node;
    visit_with(delete->withClause, &scope, reading);
    dba_values_add_table(&scope, delete->relation);
    for (int i = 0; i < list_length(delete->usingClause); i++)
      dba_values_add_from(&scope, list_nth(delete->usingClause, i));
    visit_list(delete->usingClause, reading);
    dba_values_visit_predicate(delete->whereClause, reading);
    visit_list(delete->returningList, reading);
    break;
  }
  default: {
    MergeStmt *merge = (MergeStmt *)node;
    visit_with(merge->withClause, &scope, reading);
    dba_values_add_table(&scope, merge->relation);
    dba_values_add_from(&scope, merge->sourceRelation);
    dba_values_visit(merge->sourceRelation, reading);
    dba_values_visit_predicate(merge->joinCondition, reading);
    for (int i = 0; i < list_length(merge->mergeWhenClauses); i++) {
      MergeWhenClause *when = list_nth(merge->mergeWhenClauses, i);
      dba_values_visit_predicate(when->condition, reading);
      if (!when->values)
        visit_assignments(when->targetList, reading);
      visit_row(reading, when->targetList, when->values);
    }
    visit_list(merge->returningList, reading);
  }
  }
  reading->scope = scope.outer;
}

static void pair_common(DbaSqlReading *reading, const DbaSqlScope *left, const DbaSqlScope *right, const char *name) {
  DbaSqlColumn a, b;
  bool has_a = false, has_b = false;
  for (guint k = 0; k < left->items->len && !has_a; k++)
    has_a = dba_values_column_of_item(reading, &g_array_index(left->items, DbaSqlFromItem, k), left, name, 0, &a);
  for (guint k = 0; k < right->items->len && !has_b; k++)
    has_b = dba_values_column_of_item(reading, &g_array_index(right->items, DbaSqlFromItem, k), right, name, 0, &b);
  if (has_a && has_b)
    dba_values_pair(reading, &a, &b);
}

// USING (a, b), and NATURAL: the columns of both sides.
void dba_values_visit_using(JoinExpr *join, DbaSqlReading *reading) {
  g_autoptr(GArray) l = g_array_new(FALSE, FALSE, sizeof(DbaSqlFromItem)), r = g_array_new(FALSE, FALSE, sizeof(DbaSqlFromItem)),
                    ctes = g_array_new(FALSE, FALSE, sizeof(DbaSqlFromItem));
  DbaSqlScope left = {reading->scope, l, ctes}, right = {reading->scope, r, ctes};
  dba_values_add_from(&left, join->larg);
  dba_values_add_from(&right, join->rarg);
  for (int i = 0; i < list_length(join->usingClause); i++)
    pair_common(reading, &left, &right, strVal(list_nth(join->usingClause, i)));
  for (guint k = 0; join->isNatural && k < l->len; k++) {
    const DbaSqlFromItem *item = &g_array_index(l, DbaSqlFromItem, k);
    const char *const *name = item->table ? reading->columns_of(reading->data, item->schema, item->table) : NULL;
    for (; name && *name; name++)
      pair_common(reading, &left, &right, *name);
  }
}

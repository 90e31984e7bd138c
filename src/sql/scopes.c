// SPDX-License-Identifier: Apache-2.0
// Names of columns, resolved as the server would, through aliases, subqueries and WITH, as far as the text tells.
#include "sql/values-int.h"

Node *dba_values_strip(Node *node) {
  while (node && (IsA(node, TypeCast) || IsA(node, CollateClause)))
    node = IsA(node, TypeCast) ? ((TypeCast *)node)->arg : ((CollateClause *)node)->arg;
  return node;
}

static bool has_column(const DbaSqlReading *reading, const char *schema, const char *table, const char *column) {
  const char *const *columns = reading->columns_of(reading->data, schema, table);
  return columns && g_strv_contains(columns, column);
}

// The column of that name of a FROM item, followed through subqueries.
bool dba_values_column_of_item(DbaSqlReading *reading, const DbaSqlFromItem *item, const DbaSqlScope *outer, const char *name,
                               unsigned depth, DbaSqlColumn *ret_column) {
  if (item->table) {
    if (!has_column(reading, item->schema, item->table, name))
      return false;
    *ret_column = (DbaSqlColumn){item->schema, item->table, name};
    return true;
  }
  SelectStmt *query = item->query;
  while (query && query->larg && !is_spent(reading)) // a union is as its first part
    query = query->larg;
  if (!query || query->larg || depth > DEEPEST || is_spent(reading))
    return false;
  g_autoptr(GArray) items = g_array_new(FALSE, FALSE, sizeof(DbaSqlFromItem)), ctes = g_array_new(FALSE, FALSE, sizeof(DbaSqlFromItem));
  DbaSqlScope inner = {outer, items, ctes};
  for (int i = 0; i < list_length(query->fromClause); i++)
    dba_values_add_from(&inner, list_nth(query->fromClause, i));
  for (int i = 0; i < list_length(query->targetList); i++) {
    ResTarget *target = list_nth(query->targetList, i);
    Node *value = IsA(target, ResTarget) ? dba_values_strip(target->val) : NULL;
    if (!value || !IsA(value, ColumnRef))
      continue;
    Node *last = llast(((ColumnRef *)value)->fields);
    bool all = IsA(last, A_Star);
    const char *called = target->name ? target->name : all ? name : IsA(last, String) ? strVal(last) : NULL;
    if (g_strcmp0(called, name))
      continue;
    if (!all)
      return dba_values_column_of(reading, value, &inner, depth + 1, ret_column);
    for (guint k = 0; k < items->len; k++)
      if (dba_values_column_of_item(reading, &g_array_index(items, DbaSqlFromItem, k), &inner, name, depth + 1, ret_column))
        return true;
  }
  return false;
}

// Resolves a ColumnRef; false when the text alone does not tell.
bool dba_values_column_of(DbaSqlReading *reading, Node *node, const DbaSqlScope *scope, unsigned depth, DbaSqlColumn *ret_column) {
  node = dba_values_strip(node);
  if (!node || !IsA(node, ColumnRef))
    return false;
  List *fields = ((ColumnRef *)node)->fields;
  int n = list_length(fields);
  if (!IsA(llast(fields), String))
    return false;
  const char *name = strVal(llast(fields)), *qualifier = n > 1 ? strVal(list_nth(fields, n - 2)) : NULL;
  for (; scope; scope = scope->outer)
    for (guint i = 0; i < scope->items->len; i++) {
      const DbaSqlFromItem *item = &g_array_index(scope->items, DbaSqlFromItem, i);
      if (qualifier && g_strcmp0(item->alias, qualifier))
        continue;
      if (dba_values_column_of_item(reading, item, scope, name, depth, ret_column))
        return true;
      if (qualifier)
        return false;
    }
  return false;
}

static const DbaSqlFromItem *find_cte(const DbaSqlScope *scope, const char *name) {
  for (; scope; scope = scope->outer)
    for (guint i = 0; i < scope->ctes->len; i++)
      if (!g_strcmp0(g_array_index(scope->ctes, DbaSqlFromItem, i).alias, name))
        return &g_array_index(scope->ctes, DbaSqlFromItem, i);
  return NULL;
}

void dba_values_add_table(DbaSqlScope *scope, const RangeVar *table) {
  if (table->alias && table->alias->colnames) { // other names for the columns: none of them is known
    DbaSqlFromItem renamed = {table->alias->aliasname, NULL, NULL, NULL};
    g_array_append_val(scope->items, renamed);
    return;
  }
  const DbaSqlFromItem *cte = table->schemaname ? NULL : find_cte(scope, table->relname);
  DbaSqlFromItem item = cte ? *cte : (DbaSqlFromItem){NULL, table->schemaname, table->relname, NULL};
  item.alias = table->alias ? table->alias->aliasname : table->relname;
  g_array_append_val(scope->items, item);
}

void dba_values_add_from(DbaSqlScope *scope, Node *node) {
  if (!node)
    return;
  if (IsA(node, RangeVar))
    dba_values_add_table(scope, (RangeVar *)node);
  else if (IsA(node, JoinExpr)) {
    dba_values_add_from(scope, ((JoinExpr *)node)->larg);
    dba_values_add_from(scope, ((JoinExpr *)node)->rarg);
  } else if (IsA(node, RangeSubselect)) {
    RangeSubselect *sub = (RangeSubselect *)node;
    DbaSqlFromItem item = {sub->alias ? sub->alias->aliasname : NULL, NULL, NULL,
                           IsA(sub->subquery, SelectStmt) && !(sub->alias && sub->alias->colnames) ? (SelectStmt *)sub->subquery : NULL};
    g_array_append_val(scope->items, item);
  }
}

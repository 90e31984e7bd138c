// SPDX-License-Identifier: Apache-2.0
// Literals of a statement, and the columns that they are compared with.
//
// The tokens of the text are the truth of what literals there are (tokens.c); the parse tree says what each is for.  So nothing of the
// text is missed where the tree is not understood: such a literal is one of which nothing is known.
// Names are resolved as the server would, through aliases, subqueries and WITH, as far as the text tells.
#include "sql/sql-int.h"

#include <pg_query.h>
#include <string.h>

#include "pg_query_internal.h"

#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"

// ---- scopes ---------------------------------------------------------------------------------------------------------

// What a FROM item is called, and what stands behind it: a table, a subquery, or (neither) something else.
typedef struct Item {
  const char *alias, *schema, *table;
  SelectStmt *query;
} Item;

typedef struct Scope {
  const struct Scope *outer;
  GArray *items; // of Item
  GArray *ctes;  // of Item
} Scope;

// Of subqueries that a name is followed through; of all steps of a statement that are not its own length.
enum { DEEPEST = 50, MOST_STEPS = 200000 };

typedef struct Reading {
  const char *sql;
  DbaSqlColumnsOf columns_of;
  void *data;
  DbaArena *arena;
  DbaSqlValues *values;
  const Scope *scope;
  const char *type; // the cast around
  unsigned steps;
  bool predicate, structural;
  bool told_opaque; // of what stands below, the columns are told already
  bool inserting;
  bool looked_at; // a constant here enters plans, though in no predicate
} Reading;

// A statement may be written so that looking at it takes for ever: what is beyond the limit is not told.
static bool is_spent(Reading *reading) { return ++reading->steps > MOST_STEPS; }

static bool visit(Node *node, void *data);
static void visit_select(SelectStmt *select, Reading *reading);
static void add_from(Scope *scope, Node *node);

static Node *strip(Node *node) {
  while (node && (IsA(node, TypeCast) || IsA(node, CollateClause)))
    node = IsA(node, TypeCast) ? ((TypeCast *)node)->arg : ((CollateClause *)node)->arg;
  return node;
}

static bool column_of(Reading *reading, Node *node, const Scope *scope, unsigned depth, DbaSqlColumn *ret_column);

static bool has_column(const Reading *reading, const char *schema, const char *table, const char *column) {
  const char *const *columns = reading->columns_of(reading->data, schema, table);
  return columns && g_strv_contains(columns, column);
}

// The column of that name of a FROM item, followed through subqueries.
static bool column_of_item(Reading *reading, const Item *item, const Scope *outer, const char *name, unsigned depth,
                           DbaSqlColumn *ret_column) {
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
  g_autoptr(GArray) items = g_array_new(FALSE, FALSE, sizeof(Item)), ctes = g_array_new(FALSE, FALSE, sizeof(Item));
  Scope inner = {outer, items, ctes};
  for (int i = 0; i < list_length(query->fromClause); i++)
    add_from(&inner, list_nth(query->fromClause, i));
  for (int i = 0; i < list_length(query->targetList); i++) {
    ResTarget *target = list_nth(query->targetList, i);
    Node *value = IsA(target, ResTarget) ? strip(target->val) : NULL;
    if (!value || !IsA(value, ColumnRef))
      continue;
    Node *last = llast(((ColumnRef *)value)->fields);
    bool all = IsA(last, A_Star);
    const char *called = target->name ? target->name : all ? name : IsA(last, String) ? strVal(last) : NULL;
    if (g_strcmp0(called, name))
      continue;
    if (!all)
      return column_of(reading, value, &inner, depth + 1, ret_column);
    for (guint k = 0; k < items->len; k++)
      if (column_of_item(reading, &g_array_index(items, Item, k), &inner, name, depth + 1, ret_column))
        return true;
  }
  return false;
}

// Resolves a ColumnRef; false when the text alone does not tell.
static bool column_of(Reading *reading, Node *node, const Scope *scope, unsigned depth, DbaSqlColumn *ret_column) {
  node = strip(node);
  if (!node || !IsA(node, ColumnRef))
    return false;
  List *fields = ((ColumnRef *)node)->fields;
  int n = list_length(fields);
  if (!IsA(llast(fields), String))
    return false;
  const char *name = strVal(llast(fields)), *qualifier = n > 1 ? strVal(list_nth(fields, n - 2)) : NULL;
  for (; scope; scope = scope->outer)
    for (guint i = 0; i < scope->items->len; i++) {
      const Item *item = &g_array_index(scope->items, Item, i);
      if (qualifier && g_strcmp0(item->alias, qualifier))
        continue;
      if (column_of_item(reading, item, scope, name, depth, ret_column))
        return true;
      if (qualifier)
        return false;
    }
  return false;
}

static const Item *find_cte(const Scope *scope, const char *name) {
  for (; scope; scope = scope->outer)
    for (guint i = 0; i < scope->ctes->len; i++)
      if (!g_strcmp0(g_array_index(scope->ctes, Item, i).alias, name))
        return &g_array_index(scope->ctes, Item, i);
  return NULL;
}

static void add_table(Scope *scope, const RangeVar *table) {
  if (table->alias && table->alias->colnames) { // other names for the columns: none of them is known
    Item renamed = {table->alias->aliasname, NULL, NULL, NULL};
    g_array_append_val(scope->items, renamed);
    return;
  }
  const Item *cte = table->schemaname ? NULL : find_cte(scope, table->relname);
  Item item = cte ? *cte : (Item){NULL, table->schemaname, table->relname, NULL};
  item.alias = table->alias ? table->alias->aliasname : table->relname;
  g_array_append_val(scope->items, item);
}

static void add_from(Scope *scope, Node *node) {
  if (!node)
    return;
  if (IsA(node, RangeVar))
    add_table(scope, (RangeVar *)node);
  else if (IsA(node, JoinExpr)) {
    add_from(scope, ((JoinExpr *)node)->larg);
    add_from(scope, ((JoinExpr *)node)->rarg);
  } else if (IsA(node, RangeSubselect)) {
    RangeSubselect *sub = (RangeSubselect *)node;
    Item item = {sub->alias ? sub->alias->aliasname : NULL, NULL, NULL,
                 IsA(sub->subquery, SelectStmt) && !(sub->alias && sub->alias->colnames) ? (SelectStmt *)sub->subquery : NULL};
    g_array_append_val(scope->items, item);
  }
}

// ---- what stands with what ------------------------------------------------------------------------------------------

static const DbaSqlColumn *keep_column(Reading *reading, const DbaSqlColumn *column) {
  DbaSqlColumn *kept = dba_arena_new0(reading->arena, DbaSqlColumn);
  *kept = (DbaSqlColumn){dba_arena_text(reading->arena, column->schema), dba_arena_text(reading->arena, column->table),
                         dba_arena_text(reading->arena, column->column)};
  return kept;
}

static void pair(Reading *reading, const DbaSqlColumn *a, const DbaSqlColumn *b) {
  DbaSqlPair *found = dba_list_add(reading->arena, &reading->values->pairs, sizeof *found);
  *found = (DbaSqlPair){*keep_column(reading, a), *keep_column(reading, b)};
}

static void opaque(Reading *reading, const DbaSqlColumn *column, const char *what) {
  DbaSqlOpaque *found = dba_list_add(reading->arena, &reading->values->opaques, sizeof *found);
  *found = (DbaSqlOpaque){*keep_column(reading, column), dba_arena_text(reading->arena, what)};
}

// The token of a constant; the tree gives a negative number the place of its sign.
static void mark(Reading *reading, A_Const *constant, const DbaSqlColumn *column, bool distance, bool array) {
  DbaList *tokens = &reading->values->tokens;
  if (constant->location < 0 || constant->isnull || nodeTag(&constant->val) == T_Boolean)
    return;
  size_t offset = (size_t)constant->location;
  bool sign = reading->sql[offset] == '-' && reading->sql[offset + 1] != '-';
  uint32_t low = 0, high = tokens->n; // the first token that does not stand before it
  while (low < high) {
    uint32_t middle = (low + high) / 2;
    if (dba_list_at(DbaSqlToken, tokens, middle)->offset < offset)
      low = middle + 1;
    else
      high = middle;
  }
  for (; sign && low < tokens->n && dba_list_at(DbaSqlToken, tokens, low)->kind == DBA_SQL_A_COMMENT; low++) {
    DbaSqlToken *between = dba_list_at(DbaSqlToken, tokens, low); // goes with the number
    between->offset = offset;
    between->length = 0;
  }
  if (low == tokens->n)
    return;
  DbaSqlToken *token = dba_list_at(DbaSqlToken, tokens, low);
  if (sign && token->offset != offset && token->kind == DBA_SQL_A_NUMBER) {
    token->length += token->offset - offset;
    token->offset = offset;
    token->value = dba_arena_format(reading->arena, "-%s", token->value);
  }
  if (token->offset != offset)
    return;
  if (token->kind == DBA_SQL_A_STRING && nodeTag(&constant->val) == T_String)
    token->value = dba_arena_text(reading->arena, strVal(&constant->val));
  token->type = dba_arena_text(reading->arena, reading->type);
  token->with = column;
  token->distance = distance;
  token->array = array;
  token->structural = reading->structural;
  token->predicate = reading->predicate || reading->looked_at;
}

static void mark_parameter(Reading *reading, const ParamRef *parameter, const DbaSqlColumn *column, bool array) {
  DbaSqlParameter *found = dba_list_add(reading->arena, &reading->values->parameters, sizeof *found);
  *found = (DbaSqlParameter){parameter->number, column, reading->inserting, reading->structural, array};
}

static bool is_type(const TypeName *type, const char *name) {
  return type && list_length(type->names) && !strcmp(strVal(llast(type->names)), name);
}

// What stands below is cast to this; gives back what was around it.
static const char *enter_cast(Reading *reading, const TypeCast *cast) {
  const char *outer = reading->type;
  visit((Node *)cast->typeName, reading);
  if (!outer)
    reading->type = list_length(cast->typeName->arrayBounds) ? "array" : strVal(llast(cast->typeName->names));
  return outer;
}

static const char *operator_of(const A_Expr *expression) { return strVal(llast(expression->name)); }

// The n-th column of a query, where it just names one, or its least or greatest value; followed into its tables.
static bool target_of(Reading *reading, Node *query, int n, DbaSqlColumn *ret_column) {
  SelectStmt *select = query && IsA(query, SelectStmt) ? (SelectStmt *)query : NULL;
  while (select && select->larg && !is_spent(reading))
    select = select->larg;
  ResTarget *target = select && n < list_length(select->targetList) ? list_nth(select->targetList, n) : NULL;
  Node *value = target && IsA(target, ResTarget) ? strip(target->val) : NULL;
  if (value && IsA(value, FuncCall) && list_length(((FuncCall *)value)->args) == 1 &&
      (!strcmp(strVal(llast(((FuncCall *)value)->funcname)), "max") || !strcmp(strVal(llast(((FuncCall *)value)->funcname)), "min")))
    value = strip(linitial(((FuncCall *)value)->args));
  if (!value || !IsA(value, ColumnRef) || !IsA(llast(((ColumnRef *)value)->fields), String))
    return false;
  g_autoptr(GArray) items = g_array_new(FALSE, FALSE, sizeof(Item)), ctes = g_array_new(FALSE, FALSE, sizeof(Item));
  Scope inner = {reading->scope, items, ctes};
  for (int i = 0; i < list_length(select->fromClause); i++)
    add_from(&inner, list_nth(select->fromClause, i));
  return column_of(reading, value, &inner, 1, ret_column);
}

static void pair_target(Reading *reading, Node *query, int n, const DbaSqlColumn *column) {
  DbaSqlColumn other;
  if (target_of(reading, query, n, &other))
    pair(reading, column, &other);
}

// What is compared with a column: constants, lists and sums of them are its values; anything else is looked at for itself.
static void attach(Reading *reading, Node *node, const DbaSqlColumn *column, bool distance) {
  if (!node)
    return;
  switch (nodeTag(node)) {
  case T_A_Const: mark(reading, (A_Const *)node, column, distance, false); return;
  case T_ParamRef: mark_parameter(reading, (ParamRef *)node, distance ? NULL : column, false); return;
  case T_TypeCast: {
    TypeCast *cast = (TypeCast *)node;
    bool array = cast->typeName && list_length(cast->typeName->arrayBounds);
    Node *inner = strip(cast->arg);
    const char *type = enter_cast(reading, cast);
    if (array && inner && IsA(inner, A_Const))
      mark(reading, (A_Const *)inner, column, distance, true);
    else
      attach(reading, cast->arg, column, distance || is_type(cast->typeName, "interval"));
    reading->type = type;
    return;
  }
  case T_A_ArrayExpr:
    for (int i = 0; i < list_length(((A_ArrayExpr *)node)->elements); i++)
      attach(reading, list_nth(((A_ArrayExpr *)node)->elements, i), column, distance);
    return;
  case T_List:
    for (int i = 0; i < list_length((List *)node); i++)
      attach(reading, list_nth((List *)node, i), column, distance);
    return;
  case T_A_Expr: {
    A_Expr *sum = (A_Expr *)node;
    const char *name = operator_of(sum);
    if (sum->kind == AEXPR_OP && sum->lexpr && (!strcmp(name, "+") || !strcmp(name, "-"))) {
      attach(reading, sum->lexpr, column, distance);
      attach(reading, sum->rexpr, column, true);
      return;
    }
    visit(node, reading);
    return;
  }
  case T_SubLink: // a subquery's column is compared with it
    pair_target(reading, ((SubLink *)node)->subselect, 0, column);
    visit(node, reading);
    return;
  default: visit(node, reading);
  }
}

// What is compared with `left`, which is looked at for itself elsewhere.
static void attach_or_visit(Reading *reading, Node *left, Node *right) {
  DbaSqlColumn a, b;
  bool has_a = column_of(reading, left, reading->scope, 0, &a);
  if (has_a && column_of(reading, right, reading->scope, 0, &b))
    pair(reading, &a, &b);
  else if (has_a)
    attach(reading, right, keep_column(reading, &a), false);
  else
    visit(right, reading);
}

// Does it hang on the time at which it runs?
static bool find_clock(Node *node, void *data) {
  static const char *const functions[] = {"now", "clock_timestamp", "transaction_timestamp", "statement_timestamp", "timeofday", NULL};
  if (!node || IsA(node, SubLink))
    return false;
  if (IsA(node, SQLValueFunction) || (IsA(node, FuncCall) && g_strv_contains(functions, strVal(llast(((FuncCall *)node)->funcname)))))
    return *(bool *)data = true;
  return raw_expression_tree_walker(node, find_clock, data);
}

// `any`: with the elements of an array, which may be a text yet.
static void compare(Reading *reading, Node *left, Node *right, bool any) {
  DbaSqlColumn a, b;
  bool has_a = column_of(reading, left, reading->scope, 0, &a), has_b = column_of(reading, right, reading->scope, 0, &b);
  bool clock = false;
  if (has_a != has_b && (find_clock(has_a ? right : left, &clock), clock))
    opaque(reading, has_a ? &a : &b, "the clock");
  if (has_a && has_b)
    pair(reading, &a, &b);
  else if (has_a && any && IsA(right, A_Const))
    mark(reading, (A_Const *)right, keep_column(reading, &a), false, true);
  else if (has_a && any && strip(right) && IsA(strip(right), ParamRef))
    mark_parameter(reading, (ParamRef *)strip(right), keep_column(reading, &a), true);
  else if (has_a)
    attach(reading, right, keep_column(reading, &a), false);
  else if (has_b)
    attach(reading, left, keep_column(reading, &b), false);
  else if (left && right && IsA(left, RowExpr) && (IsA(right, RowExpr) || IsA(right, List))) {
    List *l = ((RowExpr *)left)->args;
    for (int k = 0; k < (IsA(right, List) ? list_length((List *)right) : 1); k++) {
      Node *row = IsA(right, List) ? list_nth((List *)right, k) : right;
      if (!IsA(row, RowExpr) || list_length(((RowExpr *)row)->args) != list_length(l))
        visit(row, reading);
      else
        for (int i = 0; i < list_length(l); i++)
          attach_or_visit(reading, list_nth(l, i), list_nth(((RowExpr *)row)->args, i));
    }
    visit(left, reading);
  } else {
    visit(left, reading);
    visit(right, reading);
  }
}

typedef struct Finding {
  Reading *reading;
  const char *what;
} Finding;

static bool find_opaque(Node *node, void *data) {
  Finding *finding = data;
  DbaSqlColumn column;
  if (!node || IsA(node, SubLink) || IsA(node, SelectStmt) || is_spent(finding->reading))
    return false;
  if (IsA(node, ColumnRef)) {
    if (column_of(finding->reading, node, finding->reading->scope, 0, &column))
      opaque(finding->reading, &column, finding->what);
    return false;
  }
  return raw_expression_tree_walker(node, find_opaque, finding);
}

static bool is_comparison(const A_Expr *expression) {
  static const char *const operators[] = {"=", "<", ">", "<=", ">=", "<>", "!=", NULL};
  switch (expression->kind) {
  case AEXPR_OP:
  case AEXPR_OP_ANY:
  case AEXPR_OP_ALL:
  case AEXPR_IN: return expression->lexpr && g_strv_contains(operators, operator_of(expression));
  case AEXPR_DISTINCT:
  case AEXPR_NOT_DISTINCT:
  case AEXPR_NULLIF:
  case AEXPR_BETWEEN:
  case AEXPR_NOT_BETWEEN:
  case AEXPR_BETWEEN_SYM:
  case AEXPR_NOT_BETWEEN_SYM: return true;
  default: return false;
  }
}

// ---- statements -----------------------------------------------------------------------------------------------------

static void visit_list(List *list, Reading *reading) {
  for (int i = 0; i < list_length(list); i++)
    visit(list_nth(list, i), reading);
}

static void visit_predicate(Node *node, Reading *reading) {
  bool before = reading->predicate;
  reading->predicate = true;
  visit(node, reading);
  reading->predicate = before;
}

// A constant that is no value; anything else is looked at as what it is.
static void visit_structural(Node *node, Reading *reading) {
  Node *value = strip(node);
  bool before = reading->structural;
  reading->structural = value && (IsA(value, A_Const) || IsA(value, ParamRef));
  visit(node, reading);
  reading->structural = before;
}

static void visit_list_structural(List *list, Reading *reading) {
  for (int i = 0; i < list_length(list); i++)
    visit_structural(list_nth(list, i), reading);
}

// A number in ORDER BY or GROUP BY is a position; anything else is an expression.
static void visit_order(List *list, Reading *reading) {
  for (int i = 0; i < list_length(list); i++) {
    Node *node = list_nth(list, i), *value = IsA(node, SortBy) ? ((SortBy *)node)->node : node;
    visit_structural(value, reading);
  }
}

static void visit_with(WithClause *with, Scope *scope, Reading *reading) {
  for (int i = 0; with && i < list_length(with->ctes); i++) {
    CommonTableExpr *cte = list_nth(with->ctes, i);
    Item item = {cte->ctename, NULL, NULL, IsA(cte->ctequery, SelectStmt) && !cte->aliascolnames ? (SelectStmt *)cte->ctequery : NULL};
    if (with->recursive)
      g_array_append_val(scope->ctes, item);
    visit(cte->ctequery, reading);
    if (!with->recursive)
      g_array_append_val(scope->ctes, item);
  }
}

static void visit_select(SelectStmt *select, Reading *reading) {
  g_autoptr(GArray) items = g_array_new(FALSE, FALSE, sizeof(Item)), ctes = g_array_new(FALSE, FALSE, sizeof(Item));
  Scope scope = {reading->scope, items, ctes};
  bool predicate = reading->predicate, told = reading->told_opaque;
  reading->scope = &scope;
  reading->predicate = reading->told_opaque = false;
  visit_with(select->withClause, &scope, reading);
  if (select->larg) {
    SelectStmt *first = select->larg;
    while (first->larg)
      first = first->larg;
    visit_select(select->larg, reading);
    visit_select(select->rarg, reading);
    for (int i = 0; i < list_length(first->targetList); i++) { // columns of both sides are one
      DbaSqlColumn a;
      if (target_of(reading, (Node *)select->larg, i, &a))
        pair_target(reading, (Node *)select->rarg, i, &a);
    }
  }
  for (int i = 0; i < list_length(select->fromClause); i++)
    add_from(&scope, list_nth(select->fromClause, i));
  visit_list(select->fromClause, reading);
  visit_list(select->distinctClause, reading);
  bool looked_at = reading->looked_at;
  reading->looked_at = scope.outer->outer != NULL; // what a subquery gives is looked at by the one around it
  visit_list(select->targetList, reading);
  visit_list(select->valuesLists, reading);
  reading->looked_at = looked_at;
  visit_predicate(select->whereClause, reading);
  visit_order(select->groupClause, reading);
  visit_predicate(select->havingClause, reading);
  visit_list(select->windowClause, reading);
  visit_order(select->sortClause, reading);
  visit_structural(select->limitOffset, reading);
  visit_structural(select->limitCount, reading);
  reading->scope = scope.outer;
  reading->predicate = predicate;
  reading->told_opaque = told;
}

// UPDATE ... SET a = 1, also of ON CONFLICT and MERGE.
static void visit_assignments(List *targets, Reading *reading) {
  for (int i = 0; i < list_length(targets); i++) {
    ResTarget *target = list_nth(targets, i);
    DbaSqlColumn column;
    const Item *item = reading->scope->items->len ? &g_array_index(reading->scope->items, Item, 0) : NULL;
    if (item && target->name && column_of_item(reading, item, reading->scope, target->name, 0, &column)) {
      DbaSqlColumn other;
      if (column_of(reading, target->val, reading->scope, 0, &other))
        pair(reading, &column, &other);
      else
        attach(reading, target->val, keep_column(reading, &column), false);
    } else
      visit(target->val, reading);
  }
}

// The column that the n-th value of an INSERT goes to.
static bool inserted_column(Reading *reading, List *columns, int n, DbaSqlColumn *ret_column) {
  const Item *item = &g_array_index(reading->scope->items, Item, 0);
  ResTarget *target = n < list_length(columns) ? list_nth(columns, n) : NULL;
  const char *const *all = columns ? NULL : reading->columns_of(reading->data, item->schema, item->table);
  const char *name = target ? target->name : all && n < (int)g_strv_length((char **)(uintptr_t)all) ? all[n] : NULL;
  return name && column_of_item(reading, item, reading->scope, name, 0, ret_column);
}

static void visit_row(Reading *reading, List *columns, List *row) {
  reading->inserting = true;
  for (int i = 0; i < list_length(row); i++) {
    DbaSqlColumn column;
    if (inserted_column(reading, columns, i, &column))
      attach(reading, list_nth(row, i), keep_column(reading, &column), false);
    else
      visit(list_nth(row, i), reading);
  }
  reading->inserting = false;
}

static void visit_insert(InsertStmt *insert, Reading *reading) {
  SelectStmt *select = insert->selectStmt && IsA(insert->selectStmt, SelectStmt) ? (SelectStmt *)insert->selectStmt : NULL;
  if (!select || !select->valuesLists) {
    visit(insert->selectStmt, reading);
    for (int i = 0; select && i < list_length(select->targetList); i++) {
      DbaSqlColumn column;
      if (inserted_column(reading, insert->cols, i, &column))
        pair_target(reading, insert->selectStmt, i, &column);
    }
    return;
  }
  for (int k = 0; k < list_length(select->valuesLists); k++)
    visit_row(reading, insert->cols, list_nth(select->valuesLists, k));
}

// INSERT, UPDATE, DELETE, MERGE: their table is the first of the scope.
static void visit_change(Node *node, Reading *reading) {
  g_autoptr(GArray) items = g_array_new(FALSE, FALSE, sizeof(Item)), ctes = g_array_new(FALSE, FALSE, sizeof(Item));
  Scope scope = {reading->scope, items, ctes};
  reading->scope = &scope;
  switch (nodeTag(node)) {
  case T_InsertStmt: {
    InsertStmt *insert = (InsertStmt *)node;
    visit_with(insert->withClause, &scope, reading);
    add_table(&scope, insert->relation);
    visit_insert(insert, reading);
    if (insert->onConflictClause) {
      visit_assignments(insert->onConflictClause->targetList, reading);
      visit_predicate(insert->onConflictClause->whereClause, reading);
    }
    visit_list(insert->returningList, reading);
    break;
  }
  case T_UpdateStmt: {
    UpdateStmt *update = (UpdateStmt *)node;
    visit_with(update->withClause, &scope, reading);
    add_table(&scope, update->relation);
    for (int i = 0; i < list_length(update->fromClause); i++)
      add_from(&scope, list_nth(update->fromClause, i));
    visit_list(update->fromClause, reading);
    visit_assignments(update->targetList, reading);
    visit_predicate(update->whereClause, reading);
    visit_list(update->returningList, reading);
    break;
  }
  case T_DeleteStmt: {
    DeleteStmt *delete = (DeleteStmt *)node;
    visit_with(delete->withClause, &scope, reading);
    add_table(&scope, delete->relation);
    for (int i = 0; i < list_length(delete->usingClause); i++)
      add_from(&scope, list_nth(delete->usingClause, i));
    visit_list(delete->usingClause, reading);
    visit_predicate(delete->whereClause, reading);
    visit_list(delete->returningList, reading);
    break;
  }
  default: {
    MergeStmt *merge = (MergeStmt *)node;
    visit_with(merge->withClause, &scope, reading);
    add_table(&scope, merge->relation);
    add_from(&scope, merge->sourceRelation);
    visit(merge->sourceRelation, reading);
    visit_predicate(merge->joinCondition, reading);
    for (int i = 0; i < list_length(merge->mergeWhenClauses); i++) {
      MergeWhenClause *when = list_nth(merge->mergeWhenClauses, i);
      visit_predicate(when->condition, reading);
      if (!when->values)
        visit_assignments(when->targetList, reading);
      visit_row(reading, when->targetList, when->values);
    }
    visit_list(merge->returningList, reading);
  }
  }
  reading->scope = scope.outer;
}

static void pair_common(Reading *reading, const Scope *left, const Scope *right, const char *name) {
  DbaSqlColumn a, b;
  bool has_a = false, has_b = false;
  for (guint k = 0; k < left->items->len && !has_a; k++)
    has_a = column_of_item(reading, &g_array_index(left->items, Item, k), left, name, 0, &a);
  for (guint k = 0; k < right->items->len && !has_b; k++)
    has_b = column_of_item(reading, &g_array_index(right->items, Item, k), right, name, 0, &b);
  if (has_a && has_b)
    pair(reading, &a, &b);
}

// USING (a, b), and NATURAL: the columns of both sides.
static void visit_using(JoinExpr *join, Reading *reading) {
  g_autoptr(GArray) l = g_array_new(FALSE, FALSE, sizeof(Item)), r = g_array_new(FALSE, FALSE, sizeof(Item)),
                    ctes = g_array_new(FALSE, FALSE, sizeof(Item));
  Scope left = {reading->scope, l, ctes}, right = {reading->scope, r, ctes};
  add_from(&left, join->larg);
  add_from(&right, join->rarg);
  for (int i = 0; i < list_length(join->usingClause); i++)
    pair_common(reading, &left, &right, strVal(list_nth(join->usingClause, i)));
  for (guint k = 0; join->isNatural && k < l->len; k++) {
    const Item *item = &g_array_index(l, Item, k);
    const char *const *name = item->table ? reading->columns_of(reading->data, item->schema, item->table) : NULL;
    for (; name && *name; name++)
      pair_common(reading, &left, &right, *name);
  }
}

static bool is_aggregate(const FuncCall *call) {
  static const char *const functions[] = {"count", "sum", "avg", "min", "max", NULL};
  return g_strv_contains(functions, strVal(llast(call->funcname)));
}

// Functions whose first argument names something: what, by position.
static bool names_something(const FuncCall *call) {
  static const char *const functions[] = {"nextval", "currval", "setval", "timezone", "pg_get_serial_sequence", "to_regclass", NULL};
  return g_strv_contains(functions, strVal(llast(call->funcname)));
}

static bool visit(Node *node, void *data) {
  Reading *reading = data;
  if (!node)
    return false;
  switch (nodeTag(node)) {
  case T_SelectStmt: visit_select((SelectStmt *)node, reading); return false;
  case T_InsertStmt:
  case T_UpdateStmt:
  case T_DeleteStmt:
  case T_MergeStmt: visit_change(node, reading); return false;
  case T_A_Const: mark(reading, (A_Const *)node, NULL, false, false); return false;
  case T_ParamRef: mark_parameter(reading, (ParamRef *)node, NULL, false); return false;
  case T_TypeCast: {
    const char *type = enter_cast(reading, (TypeCast *)node);
    visit(((TypeCast *)node)->arg, reading);
    reading->type = type;
    return false;
  }
  case T_TypeName: // its numbers are lengths and precisions
    visit_list_structural(((TypeName *)node)->typmods, reading);
    return false;
  case T_RangeTableSample:
    visit(((RangeTableSample *)node)->relation, reading);
    visit_list_structural(((RangeTableSample *)node)->args, reading);
    visit(((RangeTableSample *)node)->repeatable, reading);
    return false;
  case T_RangeFunction: {
    bool before = reading->looked_at;
    reading->looked_at = true;
    raw_expression_tree_walker(node, visit, reading);
    reading->looked_at = before;
    return false;
  }
  case T_JoinExpr: {
    JoinExpr *join = (JoinExpr *)node;
    visit(join->larg, reading);
    visit(join->rarg, reading);
    visit_using(join, reading);
    visit_predicate(join->quals, reading);
    return false;
  }
  case T_CaseExpr: {
    CaseExpr *expression = (CaseExpr *)node;
    visit((Node *)expression->arg, reading); // once, however many it is compared with
    for (int i = 0; i < list_length(expression->args); i++) {
      CaseWhen *when = list_nth(expression->args, i);
      attach_or_visit(reading, (Node *)expression->arg, (Node *)when->expr);
      visit((Node *)when->result, reading);
    }
    visit((Node *)expression->defresult, reading);
    return false;
  }
  case T_SubLink: {
    SubLink *link = (SubLink *)node;
    List *tested = link->testexpr && IsA(link->testexpr, RowExpr) ? ((RowExpr *)link->testexpr)->args : NULL;
    DbaSqlColumn column;
    if (link->testexpr && column_of(reading, link->testexpr, reading->scope, 0, &column))
      pair_target(reading, link->subselect, 0, &column);
    for (int i = 0; i < list_length(tested); i++)
      if (column_of(reading, list_nth(tested, i), reading->scope, 0, &column))
        pair_target(reading, link->subselect, i, &column);
    visit(link->testexpr, reading);
    visit(link->subselect, reading);
    return false;
  }
  case T_FuncCall: {
    const char *name = strVal(llast(((FuncCall *)node)->funcname));
    Finding finding = {reading, NULL};
    g_autofree char *what = g_strdup_printf("%s()", name);
    finding.what = what;
    bool told = reading->told_opaque;
    if (reading->predicate && !told && !is_aggregate((FuncCall *)node)) { // whose estimates hang on no value
      raw_expression_tree_walker(node, find_opaque, &finding);
      reading->told_opaque = true;
    }
    if (names_something((FuncCall *)node) && list_length(((FuncCall *)node)->args)) {
      visit_structural(linitial(((FuncCall *)node)->args), reading);
      for (int i = 1; i < list_length(((FuncCall *)node)->args); i++)
        visit(list_nth(((FuncCall *)node)->args, i), reading);
    } else
      raw_expression_tree_walker(node, visit, reading);
    reading->told_opaque = told;
    return false;
  }
  case T_A_Expr: {
    A_Expr *expression = (A_Expr *)node;
    if (is_comparison(expression)) {
      compare(reading, expression->lexpr, expression->rexpr, expression->kind == AEXPR_OP_ANY || expression->kind == AEXPR_OP_ALL);
      return false;
    }
    bool pattern = expression->kind == AEXPR_LIKE || expression->kind == AEXPR_ILIKE || expression->kind == AEXPR_SIMILAR;
    Finding finding = {reading, pattern ? "a pattern" : operator_of(expression)};
    bool told = reading->told_opaque;
    if (reading->predicate && !told) {
      raw_expression_tree_walker(node, find_opaque, &finding);
      reading->told_opaque = true;
    }
    raw_expression_tree_walker(node, visit, reading);
    reading->told_opaque = told;
    return false;
  }
  default: return raw_expression_tree_walker(node, visit, reading);
  }
}

typedef struct Job {
  Reading reading;
  GError **error;
  bool ok;
} Job;

static void *run(void *data) {
  Job *job = data;
  MemoryContext context = pg_query_enter_memory_context();
  PgQueryInternalParsetreeAndError parsed = pg_query_raw_parse(job->reading.sql, 0);
  if (parsed.error)
    dba_fail(job->error, DBA_ERROR_INPUT, "%s", parsed.error->message);
  else {
    PG_TRY();
    {
      for (int i = 0; i < list_length(parsed.tree); i++)
        visit(((RawStmt *)list_nth(parsed.tree, i))->stmt, &job->reading);
      job->ok = true;
    }
    PG_CATCH(); // the walker knows no such node: a statement that has no expressions
    {
      FlushErrorState();
      dba_fail(job->error, DBA_ERROR_INPUT, "statements of its kind hold no values that can be told apart");
    }
    PG_END_TRY();
  }
  if (parsed.error)
    pg_query_free_error(parsed.error);
  free(parsed.stderr_buffer);
  pg_query_exit_memory_context(context);
  return NULL;
}

bool dba_sql_read_values(const char *sql, DbaSqlColumnsOf columns_of, void *data, DbaArena *arena, DbaSqlValues *ret_values,
                         GError **error) {
  DbaSqlValues values = {0};
  g_autoptr(GArray) nothing = g_array_new(FALSE, FALSE, sizeof(Item));
  Scope outermost = {NULL, nothing, nothing};
  Job job = {.reading = {.sql = sql, .columns_of = columns_of, .data = data, .arena = arena, .values = &values, .scope = &outermost},
             .error = error};
  if (strlen(sql) > DBA_SQL_STATEMENT_LIMIT_BYTES)
    return dba_fail(error, DBA_ERROR_INPUT, "the statement is longer than 4 MB");
  dba_sql_read_tokens(sql, arena, &values.tokens);
  if (!dba_sql_on_a_large_stack(run, &job, error) || !job.ok)
    return false;
  *ret_values = values;
  return true;
}

// SPDX-License-Identifier: Apache-2.0
// Literals of a statement, and the columns that they are compared with.
//
// The tokens of the text are the truth of what literals there are, by psql's lexer rules; the parse tree says what each is for.
// So nothing of the text is missed where the tree is not understood: such a literal is one of which nothing is known.
// Names are resolved as the server would, through aliases, subqueries and WITH, as far as the text tells.
#include "sql/sql-int.h"

#include <pg_query.h>
#include <string.h>

#include "pg_query_internal.h"

#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"

// ---- tokens ---------------------------------------------------------------------------------------------------------

static bool starts_name(unsigned char c) { return g_ascii_isalpha(c) || c == '_' || c >= 0x80; }
static bool goes_on_name(unsigned char c) { return starts_name(c) || g_ascii_isdigit(c) || c == '$'; }

// The end of a quoted piece that starts at `p` with its quote; `escapes`: a backslash hides what follows it.
static const char *after_quoted(const char *p, bool escapes, GString *value) {
  char quote = *p++;
  for (; *p; p++) {
    if (escapes && *p == '\\' && p[1])
      p++;
    else if (*p == quote) {
      if (p[1] != quote)
        return p + 1;
      p++;
    }
    g_string_append_c(value, *p);
  }
  return p;
}

static const char *after_comment(const char *p) {
  if (p[0] == '-')
    return p + strcspn(p, "\n");
  unsigned depth = 0;
  while (*p) {
    if (p[0] == '/' && p[1] == '*') {
      depth++;
      p += 2;
    } else if (p[0] == '*' && p[1] == '/') {
      p += 2;
      if (!--depth)
        return p;
    } else
      p++;
  }
  return p;
}

static const char *after_number(const char *p) {
  while (goes_on_name((unsigned char)*p) || (*p == '.' && p[1] != '.') || ((*p == '+' || *p == '-') && (p[-1] == 'e' || p[-1] == 'E')))
    p++;
  return p;
}

// $tag$ ... $tag$; NULL when there is none.
static const char *after_dollar_quoted(const char *p, GString *value) {
  const char *tag_end = p + 1;
  while (*tag_end != '$' && goes_on_name((unsigned char)*tag_end))
    tag_end++;
  if (*tag_end != '$')
    return NULL;
  g_autofree char *tag = g_strndup(p, (gsize)(tag_end + 1 - p));
  const char *end = strstr(tag_end + 1, tag);
  g_string_append_len(value, tag_end + 1, end ? end - tag_end - 1 : -1);
  return end ? end + strlen(tag) : tag_end + strlen(tag_end);
}

void dba_sql_read_tokens(const char *sql, DbaArena *arena, DbaList *ret_tokens) {
  g_autoptr(GString) value = g_string_new(NULL);
  for (const char *p = sql; *p;) {
    const char *start = p, *end = NULL;
    DbaSqlTokenKind kind = DBA_SQL_A_STRING;
    g_string_truncate(value, 0);
    if ((p[0] == '-' && p[1] == '-') || (p[0] == '/' && p[1] == '*')) {
      kind = DBA_SQL_A_COMMENT;
      end = after_comment(p);
    } else if (*p == '\'')
      end = after_quoted(p, false, value);
    else if (strchr("eEbBxXnN", *p) && p[1] == '\'')
      end = after_quoted(p + 1, *p == 'e' || *p == 'E', value);
    else if ((*p == 'u' || *p == 'U') && p[1] == '&' && p[2] == '\'')
      end = after_quoted(p + 2, false, value);
    else if (*p == '$' && g_ascii_isdigit(p[1])) { // a parameter
      for (p++; g_ascii_isdigit(*p);)
        p++;
      continue;
    } else if (*p == '$' && (end = after_dollar_quoted(p, value))) {
      kind = DBA_SQL_A_STRING;
    } else if (*p == '"') {
      p = after_quoted(p, false, value);
      continue;
    } else if (starts_name((unsigned char)*p)) {
      while (goes_on_name((unsigned char)*p))
        p++;
      continue;
    } else if (g_ascii_isdigit(*p) || (*p == '.' && g_ascii_isdigit(p[1]))) {
      kind = DBA_SQL_A_NUMBER;
      end = after_number(p);
      g_string_append_len(value, p, end - p);
    } else {
      p++;
      continue;
    }
    DbaSqlToken *token = dba_list_add(arena, ret_tokens, sizeof *token);
    *token = (DbaSqlToken){.kind = kind, .offset = (size_t)(start - sql), .length = (size_t)(end - start)};
    token->value = dba_arena_text(arena, value->str);
    p = end;
  }
}

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

enum { DEEPEST = 50 }; // of subqueries that a name is followed through

typedef struct Reading {
  const char *sql;
  DbaSqlHasColumn has_column;
  void *data;
  DbaArena *arena;
  DbaSqlValues *values;
  const Scope *scope;
  bool predicate, structural;
} Reading;

static bool visit(Node *node, void *data);
static void visit_select(SelectStmt *select, Reading *reading);
static void add_from(Scope *scope, Node *node);

static Node *strip(Node *node) {
  while (node && (IsA(node, TypeCast) || IsA(node, CollateClause)))
    node = IsA(node, TypeCast) ? ((TypeCast *)node)->arg : ((CollateClause *)node)->arg;
  return node;
}

static bool column_of(const Reading *reading, Node *node, const Scope *scope, unsigned depth, DbaSqlColumn *ret_column);

// The column of that name of a FROM item, followed through subqueries.
static bool column_of_item(const Reading *reading, const Item *item, const Scope *outer, const char *name, unsigned depth,
                           DbaSqlColumn *ret_column) {
  if (item->table) {
    if (!reading->has_column(reading->data, item->schema, item->table, name))
      return false;
    *ret_column = (DbaSqlColumn){item->schema, item->table, name};
    return true;
  }
  SelectStmt *query = item->query;
  while (query && query->larg) // a union is as its first part
    query = query->larg;
  if (!query || depth > DEEPEST)
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
static bool column_of(const Reading *reading, Node *node, const Scope *scope, unsigned depth, DbaSqlColumn *ret_column) {
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
                 IsA(sub->subquery, SelectStmt) ? (SelectStmt *)sub->subquery : NULL};
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
static void mark(Reading *reading, int location, const DbaSqlColumn *column, bool distance, bool array) {
  DbaList *tokens = &reading->values->tokens;
  if (location < 0)
    return;
  size_t offset = (size_t)location;
  bool sign = reading->sql[offset] == '-' && reading->sql[offset + 1] != '-';
  uint32_t low = 0, high = tokens->n; // the first token that does not stand before it
  while (low < high) {
    uint32_t middle = (low + high) / 2;
    if (dba_list_at(DbaSqlToken, tokens, middle)->offset < offset)
      low = middle + 1;
    else
      high = middle;
  }
  if (low == tokens->n)
    return;
  DbaSqlToken *token = dba_list_at(DbaSqlToken, tokens, low);
  if (sign && token->kind == DBA_SQL_A_NUMBER) {
    token->length += token->offset - offset;
    token->offset = offset;
    token->value = dba_arena_format(reading->arena, "-%s", token->value);
  }
  if (token->offset != offset)
    return;
  token->with = column;
  token->distance = distance;
  token->array = array;
  token->structural = reading->structural;
  token->predicate = reading->predicate;
}

static bool is_type(const TypeName *type, const char *name) {
  return type && list_length(type->names) && !strcmp(strVal(llast(type->names)), name);
}

static const char *operator_of(const A_Expr *expression) { return strVal(llast(expression->name)); }

// What is compared with a column: constants, lists and sums of them are its values; anything else is looked at for itself.
static void attach(Reading *reading, Node *node, const DbaSqlColumn *column, bool distance) {
  if (!node)
    return;
  switch (nodeTag(node)) {
  case T_A_Const: {
    const A_Const *constant = (A_Const *)node;
    if (!constant->isnull && nodeTag(&constant->val) != T_Boolean)
      mark(reading, constant->location, column, distance, false);
    return;
  }
  case T_TypeCast: {
    TypeCast *cast = (TypeCast *)node;
    bool array = cast->typeName && list_length(cast->typeName->arrayBounds);
    Node *inner = strip(cast->arg);
    visit((Node *)cast->typeName, reading);
    if (array && inner && IsA(inner, A_Const))
      mark(reading, ((A_Const *)inner)->location, column, distance, true);
    else
      attach(reading, cast->arg, column, distance || is_type(cast->typeName, "interval"));
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
  case T_SubLink: { // a subquery's first column is compared with it
    SubLink *link = (SubLink *)node;
    SelectStmt *select = IsA(link->subselect, SelectStmt) ? (SelectStmt *)link->subselect : NULL;
    Item item = {NULL, NULL, NULL, select};
    DbaSqlColumn other;
    ResTarget *target = select && list_length(select->targetList) ? linitial(select->targetList) : NULL;
    Node *value = target && IsA(target, ResTarget) ? strip(target->val) : NULL;
    if (value && IsA(value, FuncCall) && list_length(((FuncCall *)value)->args) == 1 &&
        (!strcmp(strVal(llast(((FuncCall *)value)->funcname)), "max") || !strcmp(strVal(llast(((FuncCall *)value)->funcname)), "min")))
      value = strip(linitial(((FuncCall *)value)->args));
    if (value && IsA(value, ColumnRef) && IsA(llast(((ColumnRef *)value)->fields), String)) {
      const char *name = strVal(llast(((ColumnRef *)value)->fields));
      ResTarget *seen = target; // by its own name, whatever it is called outside
      Node *kept = seen->val;
      char *called = seen->name;
      seen->val = value;
      seen->name = NULL;
      if (column_of_item(reading, &item, reading->scope, name, 0, &other))
        pair(reading, column, &other);
      seen->val = kept;
      seen->name = called;
    }
    visit(node, reading);
    return;
  }
  default: visit(node, reading);
  }
}

// `any`: with the elements of an array, which may be a text yet.
static void compare(Reading *reading, Node *left, Node *right, bool any) {
  DbaSqlColumn a, b;
  bool has_a = column_of(reading, left, reading->scope, 0, &a), has_b = column_of(reading, right, reading->scope, 0, &b);
  if (has_a && has_b)
    pair(reading, &a, &b);
  else if (has_a && any && IsA(right, A_Const))
    mark(reading, ((A_Const *)right)->location, keep_column(reading, &a), false, true);
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
          compare(reading, list_nth(l, i), list_nth(((RowExpr *)row)->args, i), false);
    }
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
  if (!node || IsA(node, SubLink) || IsA(node, SelectStmt))
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

static void visit_structural(Node *node, Reading *reading) {
  bool before = reading->structural;
  reading->structural = true;
  visit(node, reading);
  reading->structural = before;
}

// A number in ORDER BY or GROUP BY is a position; anything else is an expression.
static void visit_order(List *list, Reading *reading) {
  for (int i = 0; i < list_length(list); i++) {
    Node *node = list_nth(list, i), *value = IsA(node, SortBy) ? ((SortBy *)node)->node : node;
    if (value && IsA(value, A_Const))
      visit_structural(value, reading);
    else
      visit(value, reading);
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
  bool predicate = reading->predicate;
  reading->scope = &scope;
  reading->predicate = false;
  visit_with(select->withClause, &scope, reading);
  if (select->larg) {
    visit_select(select->larg, reading);
    visit_select(select->rarg, reading);
  }
  for (int i = 0; i < list_length(select->fromClause); i++)
    add_from(&scope, list_nth(select->fromClause, i));
  visit_list(select->fromClause, reading);
  visit_list(select->distinctClause, reading);
  visit_list(select->targetList, reading);
  visit_predicate(select->whereClause, reading);
  visit_order(select->groupClause, reading);
  visit_predicate(select->havingClause, reading);
  visit_list(select->windowClause, reading);
  visit_list(select->valuesLists, reading);
  visit_order(select->sortClause, reading);
  visit_structural(select->limitOffset, reading);
  visit_structural(select->limitCount, reading);
  reading->scope = scope.outer;
  reading->predicate = predicate;
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

static void visit_insert(InsertStmt *insert, Reading *reading) {
  SelectStmt *select = insert->selectStmt && IsA(insert->selectStmt, SelectStmt) ? (SelectStmt *)insert->selectStmt : NULL;
  if (!select || !select->valuesLists || !insert->cols) {
    visit(insert->selectStmt, reading);
    return;
  }
  const Item *item = &g_array_index(reading->scope->items, Item, 0);
  for (int k = 0; k < list_length(select->valuesLists); k++) {
    List *row = list_nth(select->valuesLists, k);
    for (int i = 0; i < list_length(row); i++) {
      ResTarget *target = i < list_length(insert->cols) ? list_nth(insert->cols, i) : NULL;
      DbaSqlColumn column;
      if (target && target->name && column_of_item(reading, item, reading->scope, target->name, 0, &column))
        attach(reading, list_nth(row, i), keep_column(reading, &column), false);
      else
        visit(list_nth(row, i), reading);
    }
  }
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
      visit_list(when->values, reading);
    }
    visit_list(merge->returningList, reading);
  }
  }
  reading->scope = scope.outer;
}

// USING (a, b): the columns of both sides.
static void visit_using(JoinExpr *join, Reading *reading) {
  g_autoptr(GArray) l = g_array_new(FALSE, FALSE, sizeof(Item)), r = g_array_new(FALSE, FALSE, sizeof(Item)),
                    ctes = g_array_new(FALSE, FALSE, sizeof(Item));
  Scope left = {reading->scope, l, ctes}, right = {reading->scope, r, ctes};
  add_from(&left, join->larg);
  add_from(&right, join->rarg);
  for (int i = 0; i < list_length(join->usingClause); i++) {
    const char *name = strVal(list_nth(join->usingClause, i));
    DbaSqlColumn a, b;
    bool has_a = false, has_b = false;
    for (guint k = 0; k < l->len && !has_a; k++)
      has_a = column_of_item(reading, &g_array_index(l, Item, k), &left, name, 0, &a);
    for (guint k = 0; k < r->len && !has_b; k++)
      has_b = column_of_item(reading, &g_array_index(r, Item, k), &right, name, 0, &b);
    if (has_a && has_b)
      pair(reading, &a, &b);
  }
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
  case T_A_Const: {
    A_Const *constant = (A_Const *)node;
    if (!constant->isnull && nodeTag(&constant->val) != T_Boolean)
      mark(reading, constant->location, NULL, false, false);
    return false;
  }
  case T_TypeName: // its numbers are lengths and precisions
    visit_structural((Node *)((TypeName *)node)->typmods, reading);
    return false;
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
    for (int i = 0; i < list_length(expression->args); i++) {
      CaseWhen *when = list_nth(expression->args, i);
      if (expression->arg)
        compare(reading, (Node *)expression->arg, (Node *)when->expr, false);
      else
        visit((Node *)when->expr, reading);
      visit((Node *)when->result, reading);
    }
    visit((Node *)expression->defresult, reading);
    return false;
  }
  case T_SubLink: {
    SubLink *link = (SubLink *)node;
    DbaSqlColumn column;
    if (link->testexpr && column_of(reading, link->testexpr, reading->scope, 0, &column)) {
      SubLink bare = *link;
      bare.testexpr = NULL;
      attach(reading, (Node *)&bare, keep_column(reading, &column), false);
      return false;
    }
    visit(link->testexpr, reading);
    visit(link->subselect, reading);
    return false;
  }
  case T_FuncCall: {
    const char *name = strVal(llast(((FuncCall *)node)->funcname));
    Finding finding = {reading, NULL};
    g_autofree char *what = g_strdup_printf("%s()", name);
    finding.what = what;
    if (reading->predicate)
      raw_expression_tree_walker(node, find_opaque, &finding);
    return raw_expression_tree_walker(node, visit, reading);
  }
  case T_A_Expr: {
    A_Expr *expression = (A_Expr *)node;
    if (is_comparison(expression)) {
      compare(reading, expression->lexpr, expression->rexpr, expression->kind == AEXPR_OP_ANY || expression->kind == AEXPR_OP_ALL);
      return false;
    }
    bool pattern = expression->kind == AEXPR_LIKE || expression->kind == AEXPR_ILIKE || expression->kind == AEXPR_SIMILAR;
    Finding finding = {reading, pattern ? "a pattern" : operator_of(expression)};
    if (reading->predicate)
      raw_expression_tree_walker(node, find_opaque, &finding);
    return raw_expression_tree_walker(node, visit, reading);
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

bool dba_sql_read_values(const char *sql, DbaSqlHasColumn has_column, void *data, DbaArena *arena, DbaSqlValues *ret_values,
                         GError **error) {
  DbaSqlValues values = {0};
  g_autoptr(GArray) nothing = g_array_new(FALSE, FALSE, sizeof(Item));
  Scope outermost = {NULL, nothing, nothing};
  Job job = {.reading = {.sql = sql, .has_column = has_column, .data = data, .arena = arena, .values = &values, .scope = &outermost},
             .error = error};
  if (strlen(sql) > DBA_SQL_STATEMENT_LIMIT_BYTES)
    return dba_fail(error, DBA_ERROR_INPUT, "the statement is longer than 4 MB");
  dba_sql_read_tokens(sql, arena, &values.tokens);
  if (!dba_sql_on_a_large_stack(run, &job, error) || !job.ok)
    return false;
  *ret_values = values;
  return true;
}

// SPDX-License-Identifier: Apache-2.0
// Literals of a statement, and the columns that they are compared with.
//
// The tokens of the text are the truth of what literals there are (tokens.c); the parse tree says what each is for.  So nothing of the
// text is missed where the tree is not understood: such a literal is one of which nothing is known.
#include "sql/values-int.h"

#include "parser/parser.h"

const DbaSqlColumn *dba_values_keep_column(DbaSqlReading *reading, const DbaSqlColumn *column) {
  DbaSqlColumn *kept = dba_arena_new0(reading->arena, DbaSqlColumn);
  *kept = (DbaSqlColumn){dba_arena_text(reading->arena, column->schema), dba_arena_text(reading->arena, column->table),
                         dba_arena_text(reading->arena, column->column)};
  return kept;
}

void dba_values_pair(DbaSqlReading *reading, const DbaSqlColumn *a, const DbaSqlColumn *b) {
  DbaSqlPair *found = dba_list_add(reading->arena, &reading->values->pairs, sizeof *found);
  *found = (DbaSqlPair){*dba_values_keep_column(reading, a), *dba_values_keep_column(reading, b)};
}

static void opaque(DbaSqlReading *reading, const DbaSqlColumn *column, const char *what) {
  DbaSqlOpaque *found = dba_list_add(reading->arena, &reading->values->opaques, sizeof *found);
  *found = (DbaSqlOpaque){*dba_values_keep_column(reading, column), dba_arena_text(reading->arena, what)};
}

// The token of a constant; the tree gives a negative number the place of its sign.
static void mark(DbaSqlReading *reading, A_Const *constant, const DbaSqlColumn *column, bool distance, bool array) {
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

static void mark_parameter(DbaSqlReading *reading, const ParamRef *parameter, const DbaSqlColumn *column, bool array) {
  DbaSqlParameter *found = dba_list_add(reading->arena, &reading->values->parameters, sizeof *found);
  *found = (DbaSqlParameter){parameter->number, column, reading->inserting, reading->structural, array};
}

static bool is_type(const TypeName *type, const char *name) {
  return type && list_length(type->names) && !strcmp(strVal(llast(type->names)), name);
}

// What stands below is cast to this; gives back what was around it.
static const char *enter_cast(DbaSqlReading *reading, const TypeCast *cast) {
  const char *outer = reading->type;
  dba_values_visit((Node *)cast->typeName, reading);
  if (!outer)
    reading->type = list_length(cast->typeName->arrayBounds) ? "array" : strVal(llast(cast->typeName->names));
  return outer;
}

static const char *operator_of(const A_Expr *expression) { return strVal(llast(expression->name)); }

// The n-th column of a query, where it just names one, or its least or greatest value; followed into its tables.
bool dba_values_target_of(DbaSqlReading *reading, Node *query, int n, DbaSqlColumn *ret_column) {
  SelectStmt *select = query && IsA(query, SelectStmt) ? (SelectStmt *)query : NULL;
  while (select && select->larg && !is_spent(reading))
    select = select->larg;
  ResTarget *target = select && n < list_length(select->targetList) ? list_nth(select->targetList, n) : NULL;
  Node *value = target && IsA(target, ResTarget) ? dba_values_strip(target->val) : NULL;
  if (value && IsA(value, FuncCall) && list_length(((FuncCall *)value)->args) == 1 &&
      (!strcmp(strVal(llast(((FuncCall *)value)->funcname)), "max") || !strcmp(strVal(llast(((FuncCall *)value)->funcname)), "min")))
    value = dba_values_strip(linitial(((FuncCall *)value)->args));
  if (!value || !IsA(value, ColumnRef) || !IsA(llast(((ColumnRef *)value)->fields), String))
    return false;
  g_autoptr(GArray) items = g_array_new(FALSE, FALSE, sizeof(DbaSqlFromItem)), ctes = g_array_new(FALSE, FALSE, sizeof(DbaSqlFromItem));
  DbaSqlScope inner = {reading->scope, items, ctes};
  for (int i = 0; i < list_length(select->fromClause); i++)
    dba_values_add_from(&inner, list_nth(select->fromClause, i));
  return dba_values_column_of(reading, value, &inner, 1, ret_column);
}

void dba_values_pair_target(DbaSqlReading *reading, Node *query, int n, const DbaSqlColumn *column) {
  DbaSqlColumn other;
  if (dba_values_target_of(reading, query, n, &other))
    dba_values_pair(reading, column, &other);
}

// What is compared with a column: constants, lists and sums of them are its values; anything else is looked at for itself.
void dba_values_attach(DbaSqlReading *reading, Node *node, const DbaSqlColumn *column, bool distance) {
  if (!node)
    return;
  switch (nodeTag(node)) {
  case T_A_Const: mark(reading, (A_Const *)node, column, distance, false); return;
  case T_ParamRef: mark_parameter(reading, (ParamRef *)node, distance ? NULL : column, false); return;
  case T_TypeCast: {
    TypeCast *cast = (TypeCast *)node;
    bool array = cast->typeName && list_length(cast->typeName->arrayBounds);
    Node *inner = dba_values_strip(cast->arg);
    const char *type = enter_cast(reading, cast);
    if (array && inner && IsA(inner, A_Const))
      mark(reading, (A_Const *)inner, column, distance, true);
    else
      dba_values_attach(reading, cast->arg, column, distance || is_type(cast->typeName, "interval"));
    reading->type = type;
    return;
  }
  case T_A_ArrayExpr:
    for (int i = 0; i < list_length(((A_ArrayExpr *)node)->elements); i++)
      dba_values_attach(reading, list_nth(((A_ArrayExpr *)node)->elements, i), column, distance);
    return;
  case T_List:
    for (int i = 0; i < list_length((List *)node); i++)
      dba_values_attach(reading, list_nth((List *)node, i), column, distance);
    return;
  case T_A_Expr: {
    A_Expr *sum = (A_Expr *)node;
    const char *name = operator_of(sum);
    if (sum->kind == AEXPR_OP && sum->lexpr && (!strcmp(name, "+") || !strcmp(name, "-"))) {
      dba_values_attach(reading, sum->lexpr, column, distance);
      dba_values_attach(reading, sum->rexpr, column, true);
      return;
    }
    dba_values_visit(node, reading);
    return;
  }
  case T_SubLink: // a subquery's column is compared with it
    dba_values_pair_target(reading, ((SubLink *)node)->subselect, 0, column);
    dba_values_visit(node, reading);
    return;
  default: dba_values_visit(node, reading);
  }
}

// What is compared with `left`, which is looked at for itself elsewhere.
static void attach_or_visit(DbaSqlReading *reading, Node *left, Node *right) {
  DbaSqlColumn a, b;
  bool has_a = dba_values_column_of(reading, left, reading->scope, 0, &a);
  if (has_a && dba_values_column_of(reading, right, reading->scope, 0, &b))
    dba_values_pair(reading, &a, &b);
  else if (has_a)
    dba_values_attach(reading, right, dba_values_keep_column(reading, &a), false);
  else
    dba_values_visit(right, reading);
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
static void compare(DbaSqlReading *reading, Node *left, Node *right, bool any) {
  DbaSqlColumn a, b;
  bool has_a = dba_values_column_of(reading, left, reading->scope, 0, &a),
       has_b = dba_values_column_of(reading, right, reading->scope, 0, &b);
  bool clock = false;
  if (has_a != has_b && (find_clock(has_a ? right : left, &clock), clock))
    opaque(reading, has_a ? &a : &b, "the clock");
  if (has_a && has_b)
    dba_values_pair(reading, &a, &b);
  else if (has_a && any && IsA(right, A_Const))
    mark(reading, (A_Const *)right, dba_values_keep_column(reading, &a), false, true);
  else if (has_a && any && dba_values_strip(right) && IsA(dba_values_strip(right), ParamRef))
    mark_parameter(reading, (ParamRef *)dba_values_strip(right), dba_values_keep_column(reading, &a), true);
  else if (has_a)
    dba_values_attach(reading, right, dba_values_keep_column(reading, &a), false);
  else if (has_b)
    dba_values_attach(reading, left, dba_values_keep_column(reading, &b), false);
  else if (left && right && IsA(left, RowExpr) && (IsA(right, RowExpr) || IsA(right, List))) {
    List *l = ((RowExpr *)left)->args;
    for (int k = 0; k < (IsA(right, List) ? list_length((List *)right) : 1); k++) {
      Node *row = IsA(right, List) ? list_nth((List *)right, k) : right;
      if (!IsA(row, RowExpr) || list_length(((RowExpr *)row)->args) != list_length(l))
        dba_values_visit(row, reading);
      else
        for (int i = 0; i < list_length(l); i++)
          attach_or_visit(reading, list_nth(l, i), list_nth(((RowExpr *)row)->args, i));
    }
    dba_values_visit(left, reading);
  } else {
    dba_values_visit(left, reading);
    dba_values_visit(right, reading);
  }
}

typedef struct Finding {
  DbaSqlReading *reading;
  const char *what;
} Finding;

static bool find_opaque(Node *node, void *data) {
  Finding *finding = data;
  DbaSqlColumn column;
  if (!node || IsA(node, SubLink) || IsA(node, SelectStmt) || is_spent(finding->reading))
    return false;
  if (IsA(node, ColumnRef)) {
    if (dba_values_column_of(finding->reading, node, finding->reading->scope, 0, &column))
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

static bool is_aggregate(const FuncCall *call) {
  static const char *const functions[] = {"count", "sum", "avg", "min", "max", NULL};
  return g_strv_contains(functions, strVal(llast(call->funcname)));
}

// Functions whose first argument names something: what, by position.
static bool names_something(const FuncCall *call) {
  static const char *const functions[] = {"nextval", "currval", "setval", "timezone", "pg_get_serial_sequence", "to_regclass", NULL};
  return g_strv_contains(functions, strVal(llast(call->funcname)));
}

bool dba_values_visit(Node *node, void *data) {
  DbaSqlReading *reading = data;
  if (!node)
    return false;
  switch (nodeTag(node)) {
  case T_SelectStmt: dba_values_visit_select((SelectStmt *)node, reading); return false;
  case T_InsertStmt:
  case T_UpdateStmt:
  case T_DeleteStmt:
  case T_MergeStmt: dba_values_visit_change(node, reading); return false;
  case T_A_Const: mark(reading, (A_Const *)node, NULL, false, false); return false;
  case T_ParamRef: mark_parameter(reading, (ParamRef *)node, NULL, false); return false;
  case T_TypeCast: {
    const char *type = enter_cast(reading, (TypeCast *)node);
    dba_values_visit(((TypeCast *)node)->arg, reading);
    reading->type = type;
    return false;
  }
  case T_TypeName: // its numbers are lengths and precisions
    dba_values_visit_list_structural(((TypeName *)node)->typmods, reading);
    return false;
  case T_RangeTableSample:
    dba_values_visit(((RangeTableSample *)node)->relation, reading);
    dba_values_visit_list_structural(((RangeTableSample *)node)->args, reading);
    dba_values_visit(((RangeTableSample *)node)->repeatable, reading);
    return false;
  case T_RangeFunction: {
    bool before = reading->looked_at;
    reading->looked_at = true;
    raw_expression_tree_walker(node, dba_values_visit, reading);
    reading->looked_at = before;
    return false;
  }
  case T_JoinExpr: {
    JoinExpr *join = (JoinExpr *)node;
    dba_values_visit(join->larg, reading);
    dba_values_visit(join->rarg, reading);
    dba_values_visit_using(join, reading);
    dba_values_visit_predicate(join->quals, reading);
    return false;
  }
  case T_CaseExpr: {
    CaseExpr *expression = (CaseExpr *)node;
    dba_values_visit((Node *)expression->arg, reading); // once, however many it is compared with
    for (int i = 0; i < list_length(expression->args); i++) {
      CaseWhen *when = list_nth(expression->args, i);
      attach_or_visit(reading, (Node *)expression->arg, (Node *)when->expr);
      dba_values_visit((Node *)when->result, reading);
    }
    dba_values_visit((Node *)expression->defresult, reading);
    return false;
  }
  case T_SubLink: {
    SubLink *link = (SubLink *)node;
    List *tested = link->testexpr && IsA(link->testexpr, RowExpr) ? ((RowExpr *)link->testexpr)->args : NULL;
    DbaSqlColumn column;
    if (link->testexpr && dba_values_column_of(reading, link->testexpr, reading->scope, 0, &column))
      dba_values_pair_target(reading, link->subselect, 0, &column);
    for (int i = 0; i < list_length(tested); i++)
      if (dba_values_column_of(reading, list_nth(tested, i), reading->scope, 0, &column))
        dba_values_pair_target(reading, link->subselect, i, &column);
    dba_values_visit(link->testexpr, reading);
    dba_values_visit(link->subselect, reading);
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
      dba_values_visit_structural(linitial(((FuncCall *)node)->args), reading);
      for (int i = 1; i < list_length(((FuncCall *)node)->args); i++)
        dba_values_visit(list_nth(((FuncCall *)node)->args, i), reading);
    } else
      raw_expression_tree_walker(node, dba_values_visit, reading);
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
    raw_expression_tree_walker(node, dba_values_visit, reading);
    reading->told_opaque = told;
    return false;
  }
  default: return raw_expression_tree_walker(node, dba_values_visit, reading);
  }
}

typedef struct Job {
  DbaSqlReading reading;
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
        dba_values_visit(((RawStmt *)list_nth(parsed.tree, i))->stmt, &job->reading);
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
  g_autoptr(GArray) nothing = g_array_new(FALSE, FALSE, sizeof(DbaSqlFromItem));
  DbaSqlScope outermost = {NULL, nothing, nothing};
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

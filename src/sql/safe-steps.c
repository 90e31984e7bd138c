// SPDX-License-Identifier: Apache-2.0
// Statements that make others wait, as steps that do not: the recipes of PostgreSQL's documentation (ALTER TABLE, Notes; CREATE INDEX, Building Indexes
// Concurrently).
//
// Words are put into a copy of the text, never printed from a tree: what a person wrote stays as it is.  A shape that this does not know has no steps.
#include "sql/sql-int.h"

#include <pg_query.h>
#include <string.h>

#include "pg_query_internal.h"

#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"

typedef struct Stepping {
  const char *sql;
  char *masked; // the same, in small letters, strings, comments and quoted names blank
  DbaArena *arena;
  DbaList *steps;
} Stepping;

static void add_step(Stepping *stepping, bool outside, const char *format, ...) DBA_PRINTF(3, 4);
static void add_step(Stepping *stepping, bool outside, const char *format, ...) {
  va_list args;
  va_start(args, format);
  g_autofree char *sql = g_strdup_vprintf(format, args);
  va_end(args);
  *(DbaSqlStep *)dba_list_add(stepping->arena, stepping->steps, sizeof(DbaSqlStep)) =
      (DbaSqlStep){dba_arena_text(stepping->arena, sql), outside};
}

// ---- the text -------------------------------------------------------------------------------------------------------

static void blank(char *text, size_t offset, size_t length) {
  for (size_t i = 0; i < length; i++)
    if (text[offset + i] != '\n')
      text[offset + i] = ' ';
}

static char *mask(const char *sql, DbaArena *arena) {
  char *masked = g_ascii_strdown(sql, -1);
  DbaList tokens = {0};
  dba_sql_read_tokens(sql, arena, &tokens);
  for (DBA_EACH(DbaSqlToken, token, &tokens))
    if (token->kind != DBA_SQL_A_NUMBER)
      blank(masked, token->offset, token->length);
  for (char *p = masked; (p = strchr(p, '"'));) {
    char *end = strchr(p + 1, '"');
    size_t length = end ? (size_t)(end + 1 - p) : strlen(p);
    memset(p, 'q', length); // a word of its own
    p += length;
  }
  return masked;
}

static bool in_word(char c) { return g_ascii_isalnum(c) || c == '_' || c == '$'; }

// Where the word stands outside of brackets, from `at` on; NULL: nowhere.
static const char *find_word(const Stepping *stepping, const char *at, const char *word) {
  size_t length = strlen(word);
  int depth = 0;
  for (const char *p = at; *p; p++) {
    depth += *p == '(';
    depth -= *p == ')';
    if (!depth && !strncmp(p, word, length) && !in_word(p[length]) && (p == stepping->masked || !in_word(p[-1])))
      return p;
  }
  return NULL;
}

static size_t offset_of(const Stepping *stepping, const char *masked_at) { return (size_t)(masked_at - stepping->masked); }

// The text with a piece put in behind `offset`, and without the blanks at its end.
static char *put_in(const Stepping *stepping, size_t offset, const char *piece) {
  g_autofree char *before = g_strndup(stepping->sql, offset), *after = g_strchomp(g_strdup(stepping->sql + offset));
  return g_strconcat(before, piece, after, NULL);
}

static char *name_of(const RangeVar *relation) { return dba_sql_name(relation->schemaname, relation->relname); }

// table_columns_suffix, as the server would call it, within 63 bytes.  `more`: columns of INCLUDE, or NULL.
static char *made_name(const char *table, const List *columns, const List *more, const char *suffix) {
  enum { LONGEST = 63 };
  g_autoptr(GString) name = g_string_new(table);
  const List *lists[] = {columns, more};
  for (size_t k = 0; k < G_N_ELEMENTS(lists); k++)
    for (int i = 0; i < list_length(lists[k]); i++)
      g_string_append_printf(name, "_%s", strVal(list_nth(lists[k], i)));
  if (name->len + strlen(suffix) > LONGEST)
    g_string_truncate(name, LONGEST - strlen(suffix));
  g_string_append(name, suffix);
  return g_strdup(name->str);
}

static char *quoted(const char *name) { return dba_sql_name(NULL, name); }

// ---- indexes --------------------------------------------------------------------------------------------------------

// As the server calls a column of an index that has no name (FigureIndexColname, parse_target.c): a function by its own.
static const char *expression_name(const Node *expression) {
  if (expression && IsA(expression, FuncCall))
    return strVal(llast(((const FuncCall *)expression)->funcname));
  if (expression && IsA(expression, CollateClause))
    return expression_name(((const CollateClause *)expression)->arg);
  return "expr";
}

static char *index_name(const IndexStmt *index) {
  g_autoptr(GString) name = g_string_new(index->relation->relname);
  for (int i = 0; i < list_length(index->indexParams); i++) {
    const IndexElem *element = list_nth(index->indexParams, i);
    g_string_append_printf(name, "_%s", element->name ? element->name : expression_name(element->expr));
  }
  if (name->len > 59)
    g_string_truncate(name, 59);
  g_string_append(name, "_idx");
  return g_strdup(name->str);
}

static bool create_index(Stepping *stepping, const IndexStmt *index) {
  const char *word = find_word(stepping, stepping->masked, "index");
  if (!word || index->concurrent)
    return false;
  g_autofree char *name = index->idxname ? NULL : index_name(index), *shown = name ? quoted(name) : NULL,
                  *piece = shown ? g_strconcat(" concurrently ", shown, NULL) : g_strdup(" concurrently"),
                  *sql = put_in(stepping, offset_of(stepping, word) + strlen("index"), piece);
  add_step(stepping, true, "%s;\n", sql);
  return true;
}

static bool reindex(Stepping *stepping, const ReindexStmt *statement) {
  static const char *const kinds[] = {"index", "table", "schema", "database", NULL};
  for (const char *const *kind = kinds; *kind; kind++) {
    const char *word = find_word(stepping, stepping->masked, *kind);
    if (!word || strstr(stepping->masked, "concurrently") || statement->params)
      continue;
    g_autofree char *sql = put_in(stepping, offset_of(stepping, word) + strlen(*kind), " concurrently");
    add_step(stepping, true, "%s;\n", sql);
    return true;
  }
  return false;
}

static bool refresh(Stepping *stepping, const RefreshMatViewStmt *statement) {
  const char *word = find_word(stepping, stepping->masked, "view");
  if (!word || statement->concurrent || statement->skipData)
    return false;
  g_autofree char *sql = put_in(stepping, offset_of(stepping, word) + strlen("view"), " concurrently");
  add_step(stepping, false, "%s;\n", sql);
  return true;
}

// ---- constraints ----------------------------------------------------------------------------------------------------

// A check or a foreign key: added without a look at the rows, validated later.
static bool add_not_valid(Stepping *stepping, const RangeVar *relation, const Constraint *constraint) {
  g_autofree char *table = name_of(relation),
                  *name = constraint->conname                     ? g_strdup(constraint->conname)
                          : constraint->contype == CONSTR_FOREIGN ? made_name(relation->relname, constraint->fk_attrs, NULL, "_fkey")
                                                                  : g_strconcat(relation->relname, "_check", NULL),
                  *shown = quoted(name), *sql = NULL;
  if (constraint->skip_validation || (!constraint->conname && constraint->contype != CONSTR_FOREIGN))
    return false; // a check without a name is named by its columns, which only the server knows
  if (constraint->conname)
    sql = g_strchomp(g_strdup(stepping->sql));
  else {
    const char *word = find_word(stepping, stepping->masked, "add");
    g_autofree char *piece = g_strconcat(" constraint ", shown, NULL);
    sql = word ? put_in(stepping, offset_of(stepping, word) + strlen("add"), piece) : NULL;
  }
  if (!sql)
    return false;
  add_step(stepping, false, "%s not valid;\n", sql);
  add_step(stepping, false, "alter table %s validate constraint %s;\n", table, shown);
  return true;
}

// CHECK (column IS NOT NULL) is validated while others write; SET NOT NULL then takes its word.
static void prove_not_null(Stepping *stepping, const RangeVar *relation, const List *columns) {
  g_autofree char *table = name_of(relation);
  g_autoptr(GString) add = g_string_new(NULL), validate = g_string_new(NULL);
  for (int i = 0; i < list_length(columns); i++) {
    List one = {.type = T_List, .length = 1, .elements = &columns->elements[i]};
    g_autofree char *column = quoted(strVal(list_nth(columns, i))), *name = made_name(relation->relname, &one, NULL, "_there"),
                    *shown = quoted(name);
    g_string_append_printf(add, "alter table %s add constraint %s check (%s is not null) not valid;\n", table, shown, column);
    g_string_append_printf(validate, "alter table %s validate constraint %s;\n", table, shown);
  }
  add_step(stepping, false, "%s", add->str);
  add_step(stepping, false, "%s", validate->str);
}

static char *not_null_statements(const RangeVar *relation, const List *columns, bool drop) {
  g_autofree char *table = name_of(relation);
  GString *out = g_string_new(NULL);
  for (int i = 0; i < list_length(columns); i++) {
    List one = {.type = T_List, .length = 1, .elements = &columns->elements[i]};
    g_autofree char *column = quoted(strVal(list_nth(columns, i))), *name = made_name(relation->relname, &one, NULL, "_there"),
                    *shown = quoted(name);
    if (drop)
      g_string_append_printf(out, "alter table %s drop constraint %s;\n", table, shown);
    else
      g_string_append_printf(out, "alter table %s alter column %s set not null;\n", table, column);
  }
  return g_string_free(out, FALSE);
}

static bool set_not_null(Stepping *stepping, const RangeVar *relation, const char *column) {
  Node *value = (Node *)makeString(pstrdup(column));
  List *columns = list_make1(value);
  g_autofree char *set = not_null_statements(relation, columns, false), *drop = not_null_statements(relation, columns, true);
  prove_not_null(stepping, relation, columns);
  add_step(stepping, false, "%s%s", set, drop);
  return true;
}

static char *column_list(const List *columns) {
  GString *out = g_string_new(NULL);
  for (int i = 0; i < list_length(columns); i++) {
    g_string_append(out, i ? ", " : "");
    dba_sql_append_identifier(out, strVal(list_nth(columns, i)));
  }
  return g_string_free(out, FALSE);
}

static bool add_key(Stepping *stepping, const RangeVar *relation, const Constraint *key) {
  bool primary = key->contype == CONSTR_PRIMARY;
  if (key->indexname || key->options || key->indexspace)
    return false;
  g_autofree char *table = name_of(relation),
                  *name = key->conname ? g_strdup(key->conname)
                          : primary    ? g_strconcat(relation->relname, "_pkey", NULL)
                                       : made_name(relation->relname, key->keys, key->including, "_key"),
                  *shown = quoted(name), *columns = column_list(key->keys), *including = column_list(key->including),
                  *include = key->including ? g_strdup_printf(" include (%s)", including) : g_strdup(""),
                  *set = primary ? not_null_statements(relation, key->keys, false) : g_strdup(""),
                  *drop = primary ? not_null_statements(relation, key->keys, true) : g_strdup("");
  if (primary)
    prove_not_null(stepping, relation, key->keys);
  add_step(stepping, true, "create unique index concurrently %s on %s (%s)%s%s;\n", shown, table, columns, include,
           key->nulls_not_distinct ? " nulls not distinct" : "");
  add_step(stepping, false, "%salter table %s add constraint %s %s using index %s%s%s;\n%s", set, table, shown,
           primary ? "primary key" : "unique", shown, key->deferrable ? " deferrable" : "", key->initdeferred ? " initially deferred" : "",
           drop);
  return true;
}

// ---- columns --------------------------------------------------------------------------------------------------------

// The text of a DEFAULT: up to the next word that begins another part of the column.
static char *default_text(const Stepping *stepping, const char *begin) {
  static const char *const ends[] = {"not", "null", "check", "unique", "primary", "references", "generated", "constraint", "collate", NULL};
  const char *end = stepping->masked + strlen(stepping->masked);
  for (const char *const *word = ends; *word; word++) {
    const char *found = find_word(stepping, begin, *word);
    end = found && found < end ? found : end;
  }
  return g_strstrip(g_strndup(stepping->sql + offset_of(stepping, begin), (gsize)(end - begin)));
}

// A default that each row computes: the column first, the default for rows to come, those that are there in batches.
static bool add_column(Stepping *stepping, const RangeVar *relation, const ColumnDef *column) {
  bool has_default = false, not_null = false;
  for (int i = 0; i < list_length(column->constraints); i++) {
    const Constraint *constraint = list_nth(column->constraints, i);
    has_default |= constraint->contype == CONSTR_DEFAULT;
    not_null |= constraint->contype == CONSTR_NOTNULL;
    if (constraint->contype != CONSTR_DEFAULT && constraint->contype != CONSTR_NOTNULL)
      return false;
  }
  const char *word = has_default ? find_word(stepping, stepping->masked, "default") : NULL;
  if (!word)
    return false;
  g_autofree char *table = name_of(relation), *name = quoted(column->colname), *value = default_text(stepping, word + strlen("default")),
                  *head = g_strchomp(g_strndup(stepping->sql, offset_of(stepping, word)));
  const char *not_null_word = not_null ? find_word(stepping, stepping->masked, "not") : NULL;
  if (not_null_word && not_null_word < word) // NOT NULL DEFAULT x: taken out of the head
    head[offset_of(stepping, not_null_word)] = '\0';
  if (strchr(value, '"') || strchr(value, '\n'))
    return false; // the comment that fills it quotes with those
  add_step(stepping, false, "%s;\nalter table %s alter column %s set default %s;\n", g_strchomp(head), table, name, value);
  add_step(stepping, false, "-- dbarch: backfill table=%s set=\"%s = %s\" where=\"%s is null\"\n", table, name, value, name);
  return !not_null || set_not_null(stepping, relation, column->colname);
}

// ---- rows -----------------------------------------------------------------------------------------------------------

// Stops at what may look at other rows: subqueries, aggregates, functions that nobody knows.
static bool looks_around(Node *node, void *data) {
  static const char *const known[] = {"abs",
                                      "btrim",
                                      "ceil",
                                      "clock_timestamp",
                                      "concat",
                                      "date_part",
                                      "date_trunc",
                                      "extract",
                                      "floor",
                                      "gen_random_uuid",
                                      "jsonb_build_object",
                                      "left",
                                      "length",
                                      "lower",
                                      "lpad",
                                      "ltrim",
                                      "md5",
                                      "now",
                                      "random",
                                      "regexp_replace",
                                      "replace",
                                      "right",
                                      "round",
                                      "rpad",
                                      "rtrim",
                                      "split_part",
                                      "substr",
                                      "substring",
                                      "timezone",
                                      "to_char",
                                      "to_jsonb",
                                      "trim",
                                      "trunc",
                                      "upper",
                                      NULL};
  if (!node)
    return false;
  if (IsA(node, SubLink))
    return true;
  if (IsA(node, FuncCall)) {
    const FuncCall *call = (const FuncCall *)node;
    const char *name = strVal(llast(call->funcname)),
               *schema = list_length(call->funcname) > 1 ? strVal(linitial(call->funcname)) : "pg_catalog";
    if (strcmp(schema, "pg_catalog") || !g_strv_contains(known, name) || call->over)
      return true;
  }
  return raw_expression_tree_walker(node, looks_around, data);
}

static bool is_by_itself(const UpdateStmt *update) {
  return !update->fromClause && !update->withClause && !looks_around((Node *)update->targetList, NULL) &&
         !looks_around(update->whereClause, NULL);
}

static bool update_all(Stepping *stepping, const UpdateStmt *update) {
  const char *set = find_word(stepping, stepping->masked, "set"), *where = set ? find_word(stepping, set, "where") : NULL;
  if (!set || !is_by_itself(update) || update->returningList || update->relation->alias || !update->relation->inh)
    return false;
  const char *from = set + strlen("set"), *end = where ? where : stepping->masked + strlen(stepping->masked);
  g_autofree char *table = name_of(update->relation),
                  *values = g_strstrip(g_strndup(stepping->sql + offset_of(stepping, from), (gsize)(end - from))),
                  *condition = where ? g_strstrip(g_strdup(stepping->sql + offset_of(stepping, where) + strlen("where"))) : NULL;
  if (strpbrk(values, "\"\n") || (condition && strpbrk(condition, "\"\n")) || strchr(table, '"'))
    return false; // one line of a comment, in double quotes
  add_step(stepping, false, "-- dbarch: backfill table=%s set=\"%s\"%s%s%s\n", table, values, condition ? " where=\"" : "",
           condition ? condition : "", condition ? "\"" : "");
  return true;
}

// ---- the whole ------------------------------------------------------------------------------------------------------

static bool alter_table(Stepping *stepping, const AlterTableStmt *statement) {
  const AlterTableCmd *command = list_length(statement->cmds) == 1 ? linitial(statement->cmds) : NULL;
  if (!command || statement->objtype != OBJECT_TABLE || !statement->relation->inh)
    return false;
  const Constraint *constraint = command->subtype == AT_AddConstraint ? (const Constraint *)command->def : NULL;
  if (constraint && (constraint->contype == CONSTR_FOREIGN || constraint->contype == CONSTR_CHECK))
    return add_not_valid(stepping, statement->relation, constraint);
  if (constraint && (constraint->contype == CONSTR_UNIQUE || constraint->contype == CONSTR_PRIMARY))
    return add_key(stepping, statement->relation, constraint);
  if (command->subtype == AT_SetNotNull)
    return set_not_null(stepping, statement->relation, command->name);
  if (command->subtype == AT_AddColumn && !command->missing_ok)
    return add_column(stepping, statement->relation, (const ColumnDef *)command->def);
  return false;
}

static bool step(Stepping *stepping, const Node *node) {
  switch (nodeTag(node)) {
  case T_IndexStmt: return create_index(stepping, (const IndexStmt *)node);
  case T_ReindexStmt: return reindex(stepping, (const ReindexStmt *)node);
  case T_RefreshMatViewStmt: return refresh(stepping, (const RefreshMatViewStmt *)node);
  case T_AlterTableStmt: return alter_table(stepping, (const AlterTableStmt *)node);
  case T_UpdateStmt: return update_all(stepping, (const UpdateStmt *)node);
  default: return false;
  }
}

typedef struct Task {
  const char *sql;
  DbaArena *arena;
  DbaList steps;
  bool ok;
} Task;

static void *run(void *data) {
  Task *task = data;
  MemoryContext context = pg_query_enter_memory_context();
  PgQueryInternalParsetreeAndError parsed = pg_query_raw_parse(task->sql, 0);
  g_autofree char *masked = mask(task->sql, task->arena);
  Stepping stepping = {task->sql, masked, task->arena, &task->steps};
  task->ok = !parsed.error && list_length(parsed.tree) == 1 && step(&stepping, ((RawStmt *)linitial(parsed.tree))->stmt);
  if (parsed.error)
    pg_query_free_error(parsed.error);
  free(parsed.stderr_buffer);
  pg_query_exit_memory_context(context);
  return NULL;
}

bool dba_sql_safe_steps(const char *sql, DbaArena *arena, DbaList *ret_steps) {
  Task task = {.sql = sql, .arena = arena};
  if (!dba_sql_on_a_large_stack(run, &task, NULL) || !task.ok)
    return false;
  *ret_steps = task.steps;
  return true;
}

typedef struct UpdateTask {
  const char *sql;
  DbaArena *arena;
  DbaList columns;
  bool ok, by_itself;
} UpdateTask;

static void *read_update(void *data) {
  UpdateTask *task = data;
  MemoryContext context = pg_query_enter_memory_context();
  PgQueryInternalParsetreeAndError parsed = pg_query_raw_parse(task->sql, 0);
  Node *node = !parsed.error && list_length(parsed.tree) == 1 ? ((RawStmt *)linitial(parsed.tree))->stmt : NULL;
  if (node && IsA(node, UpdateStmt)) {
    const UpdateStmt *update = (const UpdateStmt *)node;
    task->ok = true;
    task->by_itself = is_by_itself(update);
    for (int i = 0; i < list_length(update->targetList); i++)
      dba_list_add_text(task->arena, &task->columns, ((const ResTarget *)list_nth(update->targetList, i))->name);
  }
  if (parsed.error)
    pg_query_free_error(parsed.error);
  free(parsed.stderr_buffer);
  pg_query_exit_memory_context(context);
  return NULL;
}

bool dba_sql_read_update(const char *sql, DbaArena *arena, DbaList *ret_columns, bool *ret_by_itself) {
  UpdateTask task = {.sql = sql, .arena = arena};
  if (!dba_sql_on_a_large_stack(read_update, &task, NULL) || !task.ok)
    return false;
  *ret_columns = task.columns;
  *ret_by_itself = task.by_itself;
  return true;
}

// SPDX-License-Identifier: Apache-2.0
// The schema's text with other values in it (survey --redact=schema).
//
// Each piece of SQL is read as part of a query over its table, so that its literals are known by the columns that they stand with; those
// get what the maps have for them, all others a neutral value.  Definitions that repeat pieces (of indexes, of statistics objects) take
// their literals from these, in their order.  Bodies of functions give way to ones that do nothing.
#include "survey/redact-int.h"

#include "sql/sql.h"

#include <string.h>

// What became of the literals of an object's pieces, as they are written.
typedef struct Replaced {
  GPtrArray *before, *after; // texts of the arena; one that was used up is NULL
  bool lost;                 // a condition hangs on a literal that became a neutral one
} Replaced;

static const char *kept(const DbaRedacting *redaction, const char *text) { return dba_arena_text(redaction->survey->arena, text); }

// The literals of a text that no grammar helps with are neutral ones.
static void read_anyway(DbaRedacting *redaction, const char *sql, DbaSqlColumnsOf columns_of, DbaSqlValues *ret_values) {
  if (dba_sql_read_values(sql, columns_of, redaction, redaction->survey->arena, ret_values, NULL))
    return;
  *ret_values = (DbaSqlValues){0};
  dba_sql_read_tokens(sql, redaction->survey->arena, &ret_values->tokens);
}

static void note(DbaRedacting *redaction, Replaced *replaced, const char *sql, const DbaSqlToken *token) {
  DbaSqlValues one = {0};
  g_autoptr(GString) out = g_string_new(NULL);
  *(DbaSqlToken *)dba_list_add(redaction->survey->arena, &one.tokens, sizeof(DbaSqlToken)) = *token;
  (void)dba_redact_put_tokens(redaction, sql, &one, token->offset, token->offset + token->length, NULL, out);
  g_autofree char *before = g_strndup(sql + token->offset, token->length);
  g_ptr_array_add(replaced->before, (char *)(uintptr_t)kept(redaction, before));
  g_ptr_array_add(replaced->after, (char *)(uintptr_t)kept(redaction, out->str));
}

// `text` as it stands between `before` and `after` in a query; NULL stays.
static const char *rewrite(DbaRedacting *redaction, const char *before, const char *text, const char *after, Replaced *replaced) {
  if (!text)
    return NULL;
  g_autofree char *sql = g_strconcat(before, text, after, NULL);
  g_autoptr(GString) out = g_string_new(NULL);
  size_t from = strlen(before), to = from + strlen(text);
  DbaSqlValues values;
  read_anyway(redaction, sql, dba_redact_columns_of, &values);
  for (DBA_EACH(DbaSqlToken, token, &values.tokens))
    if (replaced && token->kind != DBA_SQL_A_COMMENT && token->offset >= from && token->offset + token->length <= to)
      note(redaction, replaced, sql, token);
  bool known = dba_redact_put_tokens(redaction, sql, &values, from, to, NULL, out);
  if (replaced)
    replaced->lost |= !known;
  return kept(redaction, out->str);
}

static const char *rewrite_expression(DbaRedacting *redaction, const DbaRelation *relation, const char *expression, Replaced *replaced) {
  g_autofree char *table = dba_sql_name(relation->schema, relation->name), *before = g_strdup_printf("select from %s where ", table);
  return rewrite(redaction, before, expression, "", replaced);
}

// Is the place inside a literal?
static bool in_token(const DbaList *tokens, size_t at) {
  for (DBA_EACH(DbaSqlToken, token, tokens))
    if (at >= token->offset && at < token->offset + token->length)
      return true;
  return false;
}

// The first place of a word of SQL outside of literals, from `from` on; SIZE_MAX: none.
static size_t find_word(const DbaList *tokens, const char *text, size_t from, const char *word) {
  for (const char *p = strstr(text + from, word); p; p = strstr(p + 1, word))
    if (!in_token(tokens, (size_t)(p - text)))
      return (size_t)(p - text);
  return SIZE_MAX;
}

// Behind the bracket that closes the one at `open`.
static size_t end_of_brackets(const DbaList *tokens, const char *text, size_t open) {
  int depth = 0;
  size_t at = open;
  for (; text[at]; at++)
    if (!in_token(tokens, at) && (depth += text[at] == '(' ? 1 : text[at] == ')' ? -1 : 0) == 0)
      return at + 1;
  return at;
}

// What is written for one literal of a repeated piece; one that was no piece's becomes a neutral one.
static const char *take_replaced(Replaced *replaced, const char *written) {
  for (guint i = 0; i < replaced->before->len; i++)
    if (replaced->before->pdata[i] && !strcmp(replaced->before->pdata[i], written)) {
      replaced->before->pdata[i] = NULL;
      return replaced->after->pdata[i];
    }
  size_t length = strlen(written);
  bool quoted = *written == '\'';
  if (strspn(written + quoted, "0123456789") == length - 2 * quoted)
    return quoted ? "'1'" : "1";
  return "'x'";
}

// A definition that repeats the pieces, in their order; parameters of storage are no values.
static const char *repeat(DbaRedacting *redaction, const char *definition, Replaced *replaced) {
  DbaList tokens = {0};
  g_autoptr(GString) out = g_string_new(NULL);
  size_t at = 0;
  if (!definition)
    return NULL;
  dba_sql_read_tokens(definition, redaction->survey->arena, &tokens);
  size_t with = find_word(&tokens, definition, 0, ") WITH ("), after = with;
  if (with != SIZE_MAX)
    after = end_of_brackets(&tokens, definition, with + strlen(") WITH "));
  for (DBA_EACH(DbaSqlToken, token, &tokens)) {
    g_autofree char *written = g_strndup(definition + token->offset, token->length);
    bool parameter = (token->offset > with && token->offset < after) || // of storage, or of an operator class: siglen='32'
                     (token->offset && definition[token->offset - 1] == '=');
    g_string_append_len(out, definition + at, (gssize)(token->offset - at));
    g_string_append(out, parameter ? written : take_replaced(replaced, written));
    at = token->offset + token->length;
  }
  g_string_append(out, definition + at);
  return kept(redaction, out->str);
}

// ---- tables ---------------------------------------------------------------------------------------------------------

static const char CHECK_OF_NOTHING[] = "a check of values that stand with no column",
                  DEFAULT_OF_NOTHING[] = "its default, a value without a place";

static void leave_out(const DbaRedacting *redaction, const char *schema, const char *of, const char *name, const char *why) {
  dba_list_add_text(redaction->survey->arena, &redaction->survey->redaction.left_out,
                    dba_arena_format(redaction->survey->arena, "%s.%s%s%s: %s", schema, of ? of : "", of ? "." : "", name, why));
}

// False: nothing could keep a check whose literals are others.
static bool put_constraint(DbaRedacting *redaction, const DbaRelation *relation, DbaConstraint *constraint) {
  g_autofree char *expression = !strcmp(constraint->kind, "check") ? dba_check_expression(constraint->definition) : NULL;
  if (!expression)
    return true;
  g_autoptr(GPtrArray) was = g_ptr_array_new(), is = g_ptr_array_new();
  Replaced replaced = {was, is, false};
  const char *open = strchr(constraint->definition, '(');
  g_autofree char *before = g_strndup(constraint->definition, (gsize)(open - constraint->definition));
  constraint->definition = dba_arena_format(redaction->survey->arena, "%s%s%s", before,
                                            rewrite_expression(redaction, relation, expression, &replaced), open + strlen(expression));
  if (replaced.lost)
    leave_out(redaction, relation->schema, relation->name, constraint->name, CHECK_OF_NOTHING);
  return !replaced.lost;
}

static void put_index(DbaRedacting *redaction, DbaRelation *relation, DbaIndex *index) {
  g_autoptr(GPtrArray) before = g_ptr_array_new(), after = g_ptr_array_new();
  Replaced replaced = {before, after, false};
  for (DBA_EACH(DbaIndexKey, key, &index->keys))
    key->expression = rewrite_expression(redaction, relation, key->expression, &replaced);
  index->predicate = rewrite_expression(redaction, relation, index->predicate, &replaced);
  g_autoptr(GPtrArray) again = g_ptr_array_copy(before, NULL, NULL);
  index->definition = repeat(redaction, index->definition, &replaced);
  Replaced of_constraint = {again, after, false}; // an exclusion constraint says it once more
  for (DBA_EACH(DbaConstraint, constraint, &relation->constraints))
    if (!strcmp(constraint->kind, "exclusion") && !g_strcmp0(constraint->index, index->name))
      constraint->definition = repeat(redaction, constraint->definition, &of_constraint);
}

static void name_kept(const DbaRedacting *redaction, const DbaRelation *relation, const char *value, const char *why) {
  dba_list_add_text(redaction->survey->arena, &redaction->survey->redaction.kept,
                    dba_arena_format(redaction->survey->arena, "%s.%s: %s, %s", relation->schema, relation->name, value, why));
}

// FOR VALUES FROM ('2024-01-01', 5) TO (...): each literal by its place in the brackets.
static void put_bounds(DbaRedacting *redaction, DbaRelation *relation) {
  const DbaRelation *parent = dba_redact_relation(redaction, relation->partition_of_schema, relation->partition_of);
  const char *text = relation->partition_bound;
  DbaSqlValues values = {0};
  unsigned place = 0;
  size_t at = 0;
  if (!parent || !parent->partition_key || g_str_has_prefix(parent->partition_key, "HASH"))
    return;
  bool list = g_str_has_prefix(parent->partition_key, "LIST");
  dba_sql_read_tokens(text, redaction->survey->arena, &values.tokens);
  for (DBA_EACH(DbaSqlToken, token, &values.tokens)) {
    for (; at < token->offset; at++)
      place = text[at] == '(' ? 0 : place + (text[at] == ',' && !list);
    at = token->offset + token->length;
    const DbaColumn *column = dba_redact_partition_column(parent, place);
    if (!column) { // an expression has no map, and other bounds would not be apart: they stay, and are told
      token->structural = true;
      name_kept(redaction, relation, token->value, "a bound of an expression");
      continue;
    }
    DbaSqlColumn *with = dba_arena_new0(redaction->survey->arena, DbaSqlColumn);
    *with = (DbaSqlColumn){.schema = parent->schema, .table = parent->name, .column = column->name};
    token->with = with;
    token->predicate = true; // what has no place is lost
  }
  g_autoptr(GString) out = g_string_new(NULL);
  if (!dba_redact_put_tokens(redaction, text, &values, 0, strlen(text), NULL, out)) { // neutral ones would not be apart
    name_kept(redaction, relation, text, "bounds that have no other place");
    return;
  }
  relation->partition_bound = kept(redaction, out->str);
}

// The name of one of the server's configurations of text search, which are languages: pg_catalog.english.
static bool is_text_search(const char *text) {
  static const char PREFIX[] = "pg_catalog.";
  return g_str_has_prefix(text, PREFIX) && strspn(text + strlen(PREFIX), "abcdefghijklmnopqrstuvwxyz") == strlen(text + strlen(PREFIX));
}

// What a trigger's function is given may be names of the server's or of columns; its condition speaks of rows new and old.  False: a text
// of another form.
static bool put_trigger(DbaRedacting *redaction, const DbaRelation *relation, DbaTrigger *trigger) {
  const char *text = trigger->definition;
  DbaList tokens = {0};
  if (text)
    dba_sql_read_tokens(text, redaction->survey->arena, &tokens);
  size_t run = text ? find_word(&tokens, text, 0, " EXECUTE ") : SIZE_MAX, when = text ? find_word(&tokens, text, 0, " WHEN (") : SIZE_MAX;
  if (run == SIZE_MAX)
    return false;
  size_t condition = when < run ? when + strlen(" WHEN ") : run;
  g_autofree char *table = dba_sql_name(relation->schema, relation->name),
                  *before = g_strdup_printf("select from %s new, %s old where ", table, table), *head = g_strndup(text, condition),
                  *middle = g_strndup(text + condition, run - condition);
  g_autoptr(GString) out = g_string_new(head);
  g_string_append(out, *middle ? rewrite(redaction, before, middle, "", NULL) : "");
  size_t at = run;
  for (DBA_EACH(DbaSqlToken, token, &tokens)) {
    bool name = dba_relation_column(relation, token->value) || is_text_search(token->value);
    if (token->offset < run)
      continue;
    g_string_append_len(out, text + at, (gssize)((name ? token->offset + token->length : token->offset) - at));
    g_string_append(out, name ? "" : "'x'");
    at = token->offset + token->length;
  }
  g_string_append(out, text + at);
  trigger->definition = kept(redaction, out->str);
  return true;
}

// A default that has no place is left out, unless the column is made of it.
static void put_default(DbaRedacting *redaction, const DbaRelation *relation, DbaColumn *column, const char *before) {
  g_autoptr(GPtrArray) was = g_ptr_array_new(), is = g_ptr_array_new();
  Replaced replaced = {was, is, false};
  if (!column->default_expr)
    return;
  column->default_expr = rewrite(redaction, before, column->default_expr, ")", &replaced);
  if (replaced.lost && !column->generated) {
    column->default_expr = NULL;
    leave_out(redaction, relation->schema, relation->name, column->name, DEFAULT_OF_NOTHING);
  }
}

static void put_relation(DbaRedacting *redaction, DbaRelation *relation) {
  g_autofree char *table = dba_sql_name(relation->schema, relation->name), *from = g_strdup_printf(") from %s", table);
  for (DBA_EACH(DbaIndex, index, &relation->indexes))
    put_index(redaction, relation, index);
  uint32_t n = 0;
  for (DBA_EACH(DbaConstraint, constraint, &relation->constraints))
    if (put_constraint(redaction, relation, constraint))
      *dba_list_at(DbaConstraint, &relation->constraints, n++) = *constraint;
  relation->constraints.n = n;
  for (DBA_EACH(DbaColumn, column, &relation->columns)) {
    g_autofree char *name = dba_sql_name(NULL, column->name), *before = g_strdup_printf("select from %s where %s = (", table, name);
    put_default(redaction, relation, column, before);
  }
  for (DBA_EACH(DbaPolicy, policy, &relation->policies)) {
    policy->using_expr = rewrite_expression(redaction, relation, policy->using_expr, NULL);
    policy->check_expr = rewrite_expression(redaction, relation, policy->check_expr, NULL);
  }
  uint32_t n_triggers = 0;
  for (DBA_EACH(DbaTrigger, trigger, &relation->triggers))
    if (put_trigger(redaction, relation, trigger))
      *dba_list_at(DbaTrigger, &relation->triggers, n_triggers++) = *trigger;
    else
      leave_out(redaction, relation->schema, relation->name, trigger->name, "a trigger of another form");
  relation->triggers.n = n_triggers;
  relation->definition = rewrite(redaction, "", relation->definition, "", NULL);
  if (relation->partition_of && relation->partition_bound)
    put_bounds(redaction, relation);
  g_autofree char *inside = dba_redact_inside(relation->partition_key);
  if (inside) {
    g_autofree char *head = g_strndup(relation->partition_key, strcspn(relation->partition_key, "("));
    relation->partition_key =
        dba_arena_format(redaction->survey->arena, "%s(%s)", head, rewrite(redaction, "select (", inside, from, NULL));
  }
  for (DBA_EACH(DbaColumn, column, &relation->columns))
    column->foreign_options.n = 0;
  relation->foreign_options.n = 0;
}

// ---- other objects --------------------------------------------------------------------------------------------------

// A domain's literals are those of its columns, which share a map.
static const char *rewrite_of_domain(DbaRedacting *redaction, const DbaType *domain, const char *before, const char *text,
                                     const char *after, bool *ret_known) {
  const DbaRedactColumn *member = dba_redact_of_domain(redaction, domain);
  g_autofree char *sql = g_strconcat(before, text, after, NULL);
  g_autoptr(GString) out = g_string_new(NULL);
  DbaSqlValues values;
  read_anyway(redaction, sql, dba_redact_value_alone, &values);
  for (DBA_EACH(DbaSqlToken, token, &values.tokens))
    if (token->with)
      token->with = member ? &member->name : NULL;
  *ret_known = dba_redact_put_tokens(redaction, sql, &values, strlen(before), strlen(before) + strlen(text), NULL, out);
  return kept(redaction, out->str);
}

static void put_domain(DbaRedacting *redaction, DbaType *domain) {
  uint32_t n = 0;
  bool known;
  for (DBA_EACH(DbaDomainCheck, check, &domain->checks)) {
    known = false;
    g_autofree char *expression = dba_check_expression(check->definition);
    if (expression) {
      const char *open = strchr(check->definition, '(');
      g_autofree char *head = g_strndup(check->definition, (gsize)(open - check->definition));
      const char *new = rewrite_of_domain(redaction, domain, "select from dbarch_domain where ", expression, "", &known);
      check->definition = dba_arena_format(redaction->survey->arena, "%s%s%s", head, new, open + strlen(expression));
    }
    if (known)
      *dba_list_at(DbaDomainCheck, &domain->checks, n++) = *check;
    else
      leave_out(redaction, domain->schema, domain->name, check->name, CHECK_OF_NOTHING);
  }
  domain->checks.n = n;
  if (domain->default_expr) {
    domain->default_expr =
        rewrite_of_domain(redaction, domain, "select from dbarch_domain where value = (", domain->default_expr, ")", &known);
    if (!known) {
      domain->default_expr = NULL;
      leave_out(redaction, domain->schema, NULL, domain->name, DEFAULT_OF_NOTHING);
    }
  }
}

// What stands between the language and the body, without SET clauses: their values are the owner's.
static char *attributes_of(const char *text) {
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  g_autoptr(GString) out = g_string_new(NULL);
  for (char **line = lines; *line; line++)
    if (!g_str_has_prefix(*line, " SET "))
      g_string_append_printf(out, "%s%s", line == lines ? "" : "\n", *line);
  return g_strdup(out->str);
}

static const char *body_that_does_nothing(const char *head, const char *returns) {
  if (g_str_has_prefix(returns, "trigger"))
    return "if tg_op = 'DELETE' then return old; end if; return new;";
  if (strstr(head, " OUT ") || strstr(head, "(OUT ") || strstr(head, "INOUT ") || g_str_has_prefix(returns, "TABLE") ||
      g_str_has_prefix(returns, "SETOF"))
    return "return;";
  if (!*returns || g_str_has_prefix(returns, "void") || g_str_has_prefix(returns, "event_trigger"))
    return "null;";
  return "return null;";
}

// Defaults of parameters become null, which every type takes.
static const char *without_literals(DbaRedacting *redaction, const char *head) {
  DbaList tokens = {0};
  g_autoptr(GString) out = g_string_new(NULL);
  size_t at = 0, defaults = 0;
  dba_sql_read_tokens(head, redaction->survey->arena, &tokens);
  defaults = find_word(&tokens, head, 0, " DEFAULT ");
  for (DBA_EACH(DbaSqlToken, token, &tokens)) {
    if (token->offset < defaults) // the length of a type
      continue;
    g_string_append_len(out, head + at, (gssize)(token->offset - at));
    g_string_append(out, "NULL");
    at = token->offset + token->length;
  }
  g_string_append(out, head + at);
  return kept(redaction, out->str);
}

// As pg_get_functiondef prints it: its head, with null defaults, and a body that does as little as it can.  False: a text of another form.
static bool put_function(DbaRedacting *redaction, DbaFunction *function) {
  const char *text = function->definition;
  DbaList tokens = {0};
  if (text)
    dba_sql_read_tokens(text, redaction->survey->arena, &tokens);
  size_t language = text ? find_word(&tokens, text, 0, "\n LANGUAGE ") : SIZE_MAX;
  if (language == SIZE_MAX)
    return false;
  static const char *const bodies[] = {"\nAS ", "\nBEGIN ATOMIC", "\nRETURN "};
  size_t end = SIZE_MAX, returns = find_word(&tokens, text, 0, "\n RETURNS "), word = language + strlen("\n LANGUAGE ");
  for (size_t i = 0; i < G_N_ELEMENTS(bodies); i++)
    end = MIN(end, find_word(&tokens, text, language, bodies[i]));
  word += strcspn(text + word, " \n");
  if (end == SIZE_MAX || word > end)
    return false;
  g_autofree char *head = g_strndup(text, language), *between = g_strndup(text + word, end - word), *attributes = attributes_of(between);
  const char *does = body_that_does_nothing(head, returns < language ? text + returns + strlen("\n RETURNS ") : "");
  function->definition = dba_arena_format(redaction->survey->arena, "%s\n LANGUAGE plpgsql%s\nAS $function$begin %s end$function$\n",
                                          without_literals(redaction, head), attributes, does);
  function->language = "plpgsql";
  function->settings.n = 0;
  return true;
}

static void put_functions(DbaRedacting *redaction) {
  DbaList *functions = &redaction->survey->schema.functions;
  uint32_t n = 0;
  for (DBA_EACH(DbaFunction, function, functions)) {
    bool known = put_function(redaction, function);
    leave_out(redaction, function->schema, NULL, function->name, known ? "the body of the function" : "a function of another form");
    g_autofree char *call = g_strconcat(function->name, "(", NULL);
    for (DBA_EACH(DbaWorkloadStatement, statement, &redaction->survey->workload))
      if (statement->text && strstr(statement->text, call))
        dba_redact_affected(redaction, statement, "it calls %s, whose body is left out", function->name);
    if (known)
      *dba_list_at(DbaFunction, functions, n++) = *function;
  }
  functions->n = n;
}

// Where numbering begins and ends is of the line of the key, which is another one now: as far as the type goes.
static void put_sequence(DbaSequence *sequence) {
  int64_t most = !g_strcmp0(sequence->type, "smallint") ? INT16_MAX : !g_strcmp0(sequence->type, "integer") ? INT32_MAX : INT64_MAX;
  if (sequence->increment > 0) {
    sequence->minimum = sequence->start = sequence->has_last_value ? MIN(sequence->last_value, 1) : 1;
    sequence->maximum = most;
  } else {
    sequence->maximum = sequence->start = sequence->has_last_value ? MAX(sequence->last_value, -1) : -1;
    sequence->minimum = -most - 1;
  }
}

static void put_statistics_object(DbaRedacting *redaction, DbaStatisticsObject *object) {
  g_autoptr(GPtrArray) before = g_ptr_array_new(), after = g_ptr_array_new();
  g_autofree char *from = g_strdup_printf("select from %s where ", object->table ? object->table : "nothing");
  Replaced replaced = {before, after, false};
  for (DBA_EACH_TEXT(expression, &object->expressions))
    *expression = rewrite(redaction, from, *expression, "", &replaced);
  object->definition = repeat(redaction, object->definition, &replaced);
}

static void forget_comments(const DbaRecord *record, void *item) {
  for (const DbaField *field = record->fields; field->name; field++) {
    void *x = (char *)item + field->offset;
    if (field->kind == DBA_FIELD_TEXT && !strcmp(field->name, "comment"))
      *(const char **)x = NULL;
    else if (field->kind == DBA_FIELD_RECORD)
      forget_comments(field->of, x);
    else if (field->kind == DBA_FIELD_RECORDS)
      for (uint32_t i = 0; i < ((DbaList *)x)->n; i++)
        forget_comments(field->of, (char *)((DbaList *)x)->items + i * field->of->size);
  }
}

void dba_redact_put_schema(DbaRedacting *redaction) {
  DbaSchema *schema = &redaction->survey->schema;
  for (DBA_EACH(DbaRelation, relation, &schema->relations))
    put_relation(redaction, relation);
  for (DBA_EACH(DbaType, type, &schema->types))
    if (!g_strcmp0(type->kind, "domain"))
      put_domain(redaction, type);
  put_functions(redaction);
  for (DBA_EACH(DbaSequence, sequence, &schema->sequences))
    put_sequence(sequence);
  for (DBA_EACH(DbaStatisticsObject, object, &schema->statistics_objects))
    put_statistics_object(redaction, object);
  forget_comments(&dba_schema_record, schema);
}

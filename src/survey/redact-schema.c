// SPDX-License-Identifier: Apache-2.0
// Values that stand in the text of the schema: in checks, predicates, defaults, bounds of partitions, views, functions.
#include "survey/redact-int.h"

#include "sql/sql.h"

#include <string.h>

static void note_literals(DbaRedacting *redaction, const char *text, unsigned depth) {
  DbaList tokens = {0};
  if (!text || redaction->schema_too)
    return;
  dba_sql_read_tokens(text, redaction->survey->arena, &tokens);
  for (DBA_EACH(DbaSqlToken, token, &tokens)) {
    if (token->kind == DBA_SQL_A_COMMENT)
      continue;
    g_hash_table_add(redaction->schema_literals, g_strdup(token->value));
    if (depth && token->kind == DBA_SQL_A_STRING && token->length > 64) // the body of a function
      note_literals(redaction, token->value, depth - 1);
  }
}

// The value stays, since it can be read in the schema anyway; when the schema's text is disguised too it is one of many.
static void keep(DbaRedacting *redaction, const DbaRedactColumn *member, const char *value) {
  DbaRedactMap *map = dba_redact_leader((DbaRedactColumn *)(uintptr_t)member)->map;
  GPtrArray *values = g_hash_table_lookup(redaction->kept, member->shown);
  if (!value || map->kind == DBA_REDACT_KEPT || map->kind == DBA_REDACT_LEFT_OUT)
    return;
  value = dba_redact_plain(redaction, member, value);
  dba_redact_map_add(map, value, !redaction->schema_too);
  if (redaction->schema_too)
    return;
  if (!values)
    g_hash_table_insert(redaction->kept, (char *)(uintptr_t)member->shown, values = g_ptr_array_new());
  if (!g_ptr_array_find_with_equal_func(values, value, g_str_equal, NULL))
    g_ptr_array_add(values, (char *)(uintptr_t)dba_arena_text(redaction->survey->arena, value));
}

static void fix(DbaRedacting *redaction, const DbaSqlValues *values) {
  dba_redact_join_pairs(redaction, &values->pairs);
  for (DBA_EACH(DbaSqlToken, token, &values->tokens)) {
    DbaRedactColumn *member = token->with && !token->distance ? dba_redact_find(redaction, token->with) : NULL;
    if (!member)
      continue;
    DbaList elements = {0};
    if (!token->array || !dba_sql_read_array(token->value, redaction->survey->arena, &elements, NULL))
      dba_list_add_text(redaction->survey->arena, &elements, token->value);
    for (DBA_EACH_TEXT(element, &elements))
      keep(redaction, member, *element);
  }
}

// What one expression of a table compares with what, as a query over that table.
static bool read_expression(DbaRedacting *redaction, const DbaRelation *relation, const char *expression, DbaSqlValues *ret_values) {
  g_autofree char *table = dba_sql_name(relation->schema, relation->name),
                  *sql = g_strdup_printf("select from %s where %s", table, expression);
  return dba_sql_read_values(sql, dba_redact_columns_of, redaction, redaction->survey->arena, ret_values, NULL);
}

static void fix_expression(DbaRedacting *redaction, const DbaRelation *relation, const char *expression) {
  DbaSqlValues values;
  note_literals(redaction, expression, 0);
  if (expression && read_expression(redaction, relation, expression, &values))
    fix(redaction, &values);
}

char *dba_redact_inside(const char *text) {
  const char *open = text ? strchr(text, '(') : NULL;
  size_t length = open ? strlen(open) : 0;
  return length >= 2 && open[length - 1] == ')' ? g_strndup(open + 1, length - 2) : NULL;
}

const DbaColumn *dba_redact_partition_column(const DbaRelation *parent, unsigned place) {
  g_autofree char *inside = dba_redact_inside(parent->partition_key);
  if (!inside)
    return NULL;
  g_auto(GStrv) keys = g_strsplit(inside, ", ", -1); // an expression may be cut in two: no column has such a name
  if (place >= g_strv_length(keys))
    return NULL;
  for (DBA_EACH(DbaColumn, column, &parent->columns)) {
    g_autofree char *name = dba_sql_name(NULL, column->name), *more = g_strdup_printf("%s ", name);
    if (!strcmp(keys[place], name) || g_str_has_prefix(keys[place], more)) // alone, or with a collation or an operator class behind it
      return column;
  }
  return NULL;
}

// Partition bounds belong to the columns of the parent's key.
static void fix_bounds(DbaRedacting *redaction, const DbaRelation *relation) {
  const DbaRelation *parent = dba_redact_relation(redaction, relation->partition_of_schema, relation->partition_of);
  DbaList tokens = {0};
  note_literals(redaction, relation->partition_bound, 0);
  if (!parent || !parent->partition_key || g_str_has_prefix(parent->partition_key, "HASH"))
    return;
  dba_sql_read_tokens(relation->partition_bound, redaction->survey->arena, &tokens);
  for (unsigned place = 0; place < parent->columns.n; place++) {
    const DbaColumn *column = dba_redact_partition_column(parent, place);
    const DbaRedactColumn *member = column ? dba_redact_member(redaction, parent->schema, parent->name, column->name) : NULL;
    for (DBA_EACH(DbaSqlToken, token, &tokens))
      if (member && token->kind != DBA_SQL_A_COMMENT)
        keep(redaction, member, token->value);
  }
}

// A domain's checks speak of VALUE: they are read over a table of that one column, which stands for all of the domain.
const char *const *dba_redact_value_alone(void *data, const char *schema, const char *table) {
  static const char *const columns[] = {"value", NULL};
  (void)data, (void)schema;
  return !strcmp(table, "dbarch_domain") ? columns : NULL;
}

static bool is_of_domain(const DbaRedactColumn *member, const DbaType *domain) {
  g_autofree char *name = dba_sql_name(domain->schema, domain->name);
  return member->column && (!g_strcmp0(member->column->type, name) || !g_strcmp0(member->column->type, domain->name));
}

DbaRedactColumn *dba_redact_of_domain(const DbaRedacting *redaction, const DbaType *domain) {
  for (guint i = 0; i < redaction->in_order->len; i++)
    if (is_of_domain(redaction->in_order->pdata[i], domain))
      return redaction->in_order->pdata[i];
  return NULL;
}

static void fix_domains(DbaRedacting *redaction) {
  for (DBA_EACH(DbaType, type, &redaction->survey->schema.types)) {
    DbaRedactColumn *first = NULL;
    note_literals(redaction, type->default_expr, 0);
    for (DBA_EACH_TEXT(label, &type->labels))
      if (!redaction->schema_too)
        g_hash_table_add(redaction->schema_literals, g_strdup(*label));
    for (DBA_EACH(DbaDomainCheck, check, &type->checks)) {
      g_autofree char *expression = dba_check_expression(check->definition),
                      *sql = expression ? g_strdup_printf("select from dbarch_domain where %s", expression) : NULL;
      DbaSqlValues values;
      note_literals(redaction, check->definition, 0);
      if (!sql || !dba_sql_read_values(sql, dba_redact_value_alone, NULL, redaction->survey->arena, &values, NULL))
        continue;
      for (guint i = 0; i < redaction->in_order->len; i++) {
        DbaRedactColumn *member = redaction->in_order->pdata[i];
        if (!is_of_domain(member, type))
          continue;
        if (redaction->schema_too && first) // one check speaks of all: they share a map
          dba_redact_join(first, member);
        first = first ? first : member;
        for (DBA_EACH(DbaSqlToken, token, &values.tokens))
          if (token->with && !token->distance && !token->array)
            keep(redaction, member, token->value);
      }
    }
  }
}

void dba_redact_read_schema(DbaRedacting *redaction) {
  fix_domains(redaction);
  for (DBA_EACH(DbaFunction, function, &redaction->survey->schema.functions))
    note_literals(redaction, function->definition, 2);
  for (DBA_EACH(DbaStatisticsObject, object, &redaction->survey->schema.statistics_objects))
    note_literals(redaction, object->definition, 0);
  for (DBA_EACH(DbaRelation, relation, &redaction->survey->schema.relations)) {
    for (DBA_EACH(DbaConstraint, constraint, &relation->constraints)) {
      g_autofree char *expression = !strcmp(constraint->kind, "check") ? dba_check_expression(constraint->definition) : NULL;
      note_literals(redaction, constraint->definition, 0);
      fix_expression(redaction, relation, expression);
    }
    for (DBA_EACH(DbaIndex, index, &relation->indexes)) {
      fix_expression(redaction, relation, index->predicate);
      note_literals(redaction, index->definition, 0);
      for (DBA_EACH(DbaIndexKey, key, &index->keys))
        fix_expression(redaction, relation, redaction->schema_too ? key->expression : NULL);
    }
    for (DBA_EACH(DbaColumn, column, &relation->columns)) {
      g_autofree char *name = dba_sql_name(NULL, column->name),
                      *sql = column->default_expr ? g_strdup_printf("%s = (%s)", name, column->default_expr) : NULL;
      fix_expression(redaction, relation, sql);
    }
    for (DBA_EACH(DbaPolicy, policy, &relation->policies)) {
      fix_expression(redaction, relation, policy->using_expr);
      fix_expression(redaction, relation, policy->check_expr);
    }
    for (DBA_EACH(DbaTrigger, trigger, &relation->triggers))
      note_literals(redaction, trigger->definition, 0);
    DbaSqlValues values;
    note_literals(redaction, relation->definition, 0);
    if (relation->definition &&
        dba_sql_read_values(relation->definition, dba_redact_columns_of, redaction, redaction->survey->arena, &values, NULL))
      fix(redaction, &values);
    if (relation->partition_of && relation->partition_bound)
      fix_bounds(redaction, relation);
  }
}

static gint compare_texts(gconstpointer a, gconstpointer b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

void dba_redact_name_kept(DbaRedacting *redaction) {
  for (guint i = 0; i < redaction->in_order->len; i++) {
    DbaRedactColumn *member = redaction->in_order->pdata[i];
    GPtrArray *values = g_hash_table_lookup(redaction->kept, member->shown);
    if (!values)
      continue;
    g_autoptr(GString) line = g_string_new(member->shown);
    g_ptr_array_sort(values, compare_texts);
    for (guint k = 0; k < values->len; k++)
      g_string_append_printf(line, "%s %s", k ? "," : ":", (const char *)values->pdata[k]);
    dba_list_add_text(redaction->survey->arena, &redaction->survey->redaction.kept, line->str);
    DbaRedactMap *map = dba_redact_leader(member)->map;
    if (map->unmoved) {
      g_string_printf(line, "%s: %u of %u other values, too near to those of the schema to be moved", member->shown, map->unmoved,
                      map->placed);
      dba_list_add_text(redaction->survey->arena, &redaction->survey->redaction.kept, line->str);
      map->unmoved = 0; // said once for the group
    }
  }
}

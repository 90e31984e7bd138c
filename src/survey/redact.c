// SPDX-License-Identifier: Apache-2.0
// DbaRedacting of a survey: production values give way to others of the same order.
//
// First the columns are told apart into groups that are compared with each other; then all values of a group are gathered, from
// statistics and from the literals of the workload, those that stand in the schema's text apart; then each group gets its map
// (redact-map.c), and what was gathered is replaced.  What no map is known for is left out and named.  A literal of a statement that is
// compared with no column is replaced by a neutral one, and the statement is named.
#include "survey/line.h"
#include "survey/redact-int.h"

#include "sql/sql.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// ---- columns and their groups ---------------------------------------------------------------------------------------

static void free_map(gpointer data) {
  DbaRedactMap *map = data;
  g_hash_table_unref(map->values);
  g_hash_table_unref(map->fixed);
  g_ptr_array_unref(map->given);
  g_free(map);
}

static DbaRedactMap *new_map(DbaRedacting *redaction, const char *type_name, const DbaColumn *column) {
  const DbaRedactType *type = dba_redact_type(type_name);
  DbaRedactMap *map = g_new0(DbaRedactMap, 1);
  map->values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  map->fixed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  map->given = g_ptr_array_new();
  g_ptr_array_add(redaction->maps, map);
  if (column && !g_strcmp0(column->type_class, "e"))
    map->kind = DBA_REDACT_KEPT;
  if (!type)
    return map;
  map->kind = type->kind;
  map->sort_as = type->sort_as;
  map->least = type->least;
  map->greatest = type->greatest;
  map->whole = type->whole;
  map->real = g_str_has_prefix(type->name, "float");
  map->collation = column ? column->collation : NULL;
  const char *limit = column && column->type ? strchr(column->type, '(') : NULL;
  if (limit && type->kind == DBA_REDACT_TEXT)
    map->longest = strtoull(limit + 1, NULL, 10);
  if (limit && !strcmp(type->name, "numeric")) {
    char *end;
    double precision = (double)strtol(limit + 1, &end, 10), scale = *end == ',' ? (double)strtol(end + 1, NULL, 10) : 0;
    map->greatest = fmin(map->greatest, pow(10, precision - scale) - pow(10, -scale));
    map->least = -map->greatest;
  }
  return map;
}

// As the type sees it: blanks at the end of a character(n) are none.
const char *dba_redact_plain(const DbaRedacting *redaction, const DbaRedactColumn *member, const char *value) {
  size_t length = value ? strlen(value) : 0, kept = length;
  if (!value || !member->column || g_strcmp0(member->column->type_name, "bpchar"))
    return value;
  while (kept && value[kept - 1] == ' ')
    kept--;
  return kept < length ? dba_arena_text_n(redaction->survey->arena, value, kept) : value;
}

DbaRedactColumn *dba_redact_leader(DbaRedactColumn *member) {
  while (member->leader != member)
    member = member->leader = member->leader->leader;
  return member;
}

// What one group has gathered already goes along when it joins another.
static void move_values(DbaRedactMap *from, DbaRedactMap *to) {
  for (guint i = 0; i < from->given->len; i++)
    dba_redact_map_add(to, from->given->pdata[i], g_hash_table_contains(from->fixed, from->given->pdata[i]));
  g_ptr_array_set_size(from->given, 0);
}

// Both are compared: they share a map, when values of both can stand in one order.
static void join(DbaRedactColumn *a, DbaRedactColumn *b) {
  a = dba_redact_leader(a);
  b = dba_redact_leader(b);
  if (a == b || a->map->kind != b->map->kind || (a->elements != NULL) != (b->elements != NULL) ||
      (a->elements && a->elements->kind != b->elements->kind))
    return;
  if (a->map->kind == DBA_REDACT_TEXT && !a->map->collation)
    a->map->collation = b->map->collation;
  if (g_strcmp0(a->map->sort_as, b->map->sort_as)) // blanks at the end are gone by then
    a->map->sort_as = "pg_catalog.text";
  a->map->least = fmax(a->map->least, b->map->least);
  a->map->greatest = fmin(a->map->greatest, b->map->greatest);
  a->map->whole |= b->map->whole;
  a->map->real |= b->map->real;
  if (b->map->longest && (!a->map->longest || b->map->longest < a->map->longest))
    a->map->longest = b->map->longest;
  move_values(b->map, a->map);
  if (a->elements)
    move_values(b->elements, a->elements);
  b->leader = a;
}

static char *key_of(const char *schema, const char *table, const char *column) {
  g_autofree char *relation = dba_sql_name(schema, table);
  GString *key = g_string_new(relation);
  g_string_append_c(key, '.');
  dba_sql_append_identifier(key, column);
  return g_string_free(key, FALSE);
}

static DbaRedactColumn *add_member(DbaRedacting *redaction, const char *schema, const char *table, const char *name,
                                   const DbaColumn *column, const char *type_name) {
  DbaRedactColumn *member = dba_arena_new0(redaction->survey->arena, DbaRedactColumn);
  g_autofree char *key = key_of(schema, table, name);
  member->shown = dba_arena_text(redaction->survey->arena, key);
  member->column = column;
  member->leader = member;
  bool array = type_name && *type_name == '_', lexemes = !g_strcmp0(type_name, "tsvector");
  member->map = new_map(redaction, array || lexemes ? NULL : type_name, column);
  if (array || lexemes)
    member->elements = new_map(redaction, array ? type_name + 1 : type_name, NULL);
  g_hash_table_insert(redaction->members, (char *)(uintptr_t)member->shown, member);
  g_ptr_array_add(redaction->in_order, member);
  return member;
}

static const DbaRelation *find_relation(const DbaRedacting *redaction, const char *schema, const char *table) {
  g_autofree char *key = dba_sql_name(schema, table);
  return g_hash_table_lookup(redaction->relations, key);
}

static DbaRedactColumn *find_member(const DbaRedacting *redaction, const char *schema, const char *table, const char *column) {
  const DbaRelation *relation = table && column ? find_relation(redaction, schema, table) : NULL;
  if (!relation)
    return NULL;
  g_autofree char *key = key_of(relation->schema, relation->name, column);
  return g_hash_table_lookup(redaction->members, key);
}

DbaRedactColumn *dba_redact_find(const DbaRedacting *redaction, const DbaSqlColumn *column) {
  return column ? find_member(redaction, column->schema, column->table, column->column) : NULL;
}

static const char *const *columns_of(void *data, const char *schema, const char *table) {
  DbaRedacting *redaction = data;
  const DbaRelation *relation = find_relation(redaction, schema, table);
  const char *const *names = relation ? g_hash_table_lookup(redaction->names, relation) : NULL;
  if (relation && !names) {
    names = dba_relation_column_names(redaction->survey->arena, relation);
    g_hash_table_insert(redaction->names, (void *)(uintptr_t)relation, (void *)(uintptr_t)names);
  }
  return names;
}

static void collect(DbaRedacting *redaction) {
  for (DBA_EACH(DbaRelation, relation, &redaction->survey->schema.relations)) {
    g_hash_table_insert(redaction->relations, dba_sql_name(relation->schema, relation->name), relation);
    g_autofree char *bare = dba_sql_name(NULL, relation->name);
    void *other;
    bool there = g_hash_table_lookup_extended(redaction->relations, bare, NULL, &other);
    if (!there || !strcmp(relation->schema, "public")) // as the usual search path finds it
      g_hash_table_insert(redaction->relations, g_steal_pointer(&bare), relation);
    for (DBA_EACH(DbaColumn, column, &relation->columns))
      add_member(redaction, relation->schema, relation->name, column->name, column, column->type_name);
    for (DBA_EACH(DbaIndex, index, &relation->indexes))
      for (DBA_EACH(DbaColumnStatistics, x, &index->statistics)) {
        // The n-th key has the n-th attribute; core names that of an expression after its function or "expr".
        const char *type = NULL;
        for (DBA_EACH(DbaIndexKey, key, &index->keys))
          if (key->expression && !g_strcmp0(key->attribute, x->column))
            type = key->type_name;
        if (x->common_elements && type && *type != '_') // a GIN index of documents holds their words
          type = !strcmp(type, "text") ? "tsvector" : NULL;
        add_member(redaction, relation->schema, index->name, x->column, NULL, type);
      }
  }
}

static void join_pairs(DbaRedacting *redaction, const DbaList *pairs) {
  for (DBA_EACH(DbaSqlPair, pair, pairs)) {
    DbaRedactColumn *a = dba_redact_find(redaction, &pair->a), *b = dba_redact_find(redaction, &pair->b);
    if (a && b)
      join(a, b);
  }
}

// What one expression of a table compares with what, as a query over that table.
static bool read_expression(DbaRedacting *redaction, const DbaRelation *relation, const char *expression, DbaSqlValues *ret_values) {
  g_autofree char *table = dba_sql_name(relation->schema, relation->name),
                  *sql = g_strdup_printf("select from %s where %s", table, expression);
  return dba_sql_read_values(sql, columns_of, redaction, redaction->survey->arena, ret_values, NULL);
}

static void join_view(DbaRedacting *redaction, const DbaRelation *view);

static void join_groups(DbaRedacting *redaction) {
  for (DBA_EACH(DbaRelation, relation, &redaction->survey->schema.relations)) {
    for (DBA_EACH(DbaConstraint, constraint, &relation->constraints))
      for (uint32_t i = 0; constraint->ref_table && i < constraint->columns.n && i < constraint->ref_columns.n; i++) {
        DbaRedactColumn *a = find_member(redaction, relation->schema, relation->name, dba_list_text(&constraint->columns, i)),
                        *b = find_member(redaction, constraint->ref_schema, constraint->ref_table,
                                         dba_list_text(&constraint->ref_columns, i));
        if (a && b)
          join(a, b);
      }
    for (DBA_EACH(DbaColumn, column, &relation->columns)) {
      DbaRedactColumn *child = find_member(redaction, relation->schema, relation->name, column->name), *parent;
      if (relation->partition_of && (parent = find_member(redaction, relation->partition_of_schema, relation->partition_of, column->name)))
        join(child, parent);
      for (DBA_EACH_TEXT(name, &relation->inherits)) {
        const DbaRelation *above = g_hash_table_lookup(redaction->relations, *name);
        if (above && (parent = find_member(redaction, above->schema, above->name, column->name)))
          join(child, parent);
      }
    }
    if (relation->definition)
      join_view(redaction, relation);
  }
}

// ---- what the schema's text holds -----------------------------------------------------------------------------------

static void note_literals(DbaRedacting *redaction, const char *text, unsigned depth) {
  DbaList tokens = {0};
  if (!text)
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

// The value stays: it can be read in the schema anyway.
static void keep(DbaRedacting *redaction, const DbaRedactColumn *member, const char *value) {
  DbaRedactMap *map = dba_redact_leader((DbaRedactColumn *)(uintptr_t)member)->map;
  GPtrArray *values = g_hash_table_lookup(redaction->kept, member->shown);
  if (!value || map->kind == DBA_REDACT_KEPT || map->kind == DBA_REDACT_LEFT_OUT)
    return;
  value = dba_redact_plain(redaction, member, value);
  dba_redact_map_add(map, value, true);
  if (!values)
    g_hash_table_insert(redaction->kept, (char *)(uintptr_t)member->shown, values = g_ptr_array_new());
  if (!g_ptr_array_find_with_equal_func(values, value, g_str_equal, NULL))
    g_ptr_array_add(values, (char *)(uintptr_t)dba_arena_text(redaction->survey->arena, value));
}

static void fix(DbaRedacting *redaction, const DbaSqlValues *values) {
  join_pairs(redaction, &values->pairs);
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

static void fix_expression(DbaRedacting *redaction, const DbaRelation *relation, const char *expression) {
  DbaSqlValues values;
  note_literals(redaction, expression, 0);
  if (expression && read_expression(redaction, relation, expression, &values))
    fix(redaction, &values);
}

// Partition bounds belong to the columns of the parent's key.
static void fix_bounds(DbaRedacting *redaction, const DbaRelation *relation) {
  const DbaRelation *parent = find_relation(redaction, relation->partition_of_schema, relation->partition_of);
  DbaList tokens = {0};
  note_literals(redaction, relation->partition_bound, 0);
  if (!parent || !parent->partition_key || g_str_has_prefix(parent->partition_key, "HASH"))
    return;
  dba_sql_read_tokens(relation->partition_bound, redaction->survey->arena, &tokens);
  const char *open = strchr(parent->partition_key, '(');
  g_autofree char *inside = open ? g_strndup(open + 1, strlen(open + 1) - 1) : g_strdup("");
  g_auto(GStrv) keys = g_strsplit(inside, ", ", -1);
  for (DBA_EACH(DbaColumn, column, &parent->columns)) {
    g_autofree char *name = dba_sql_name(NULL, column->name), *more = g_strdup_printf("%s ", name);
    bool found = false; // alone, or with a collation or an operator class behind it
    for (char **key = keys; *key; key++)
      found |= !strcmp(*key, name) || g_str_has_prefix(*key, more);
    if (!found)
      continue;
    const DbaRedactColumn *member = find_member(redaction, parent->schema, parent->name, column->name);
    for (DBA_EACH(DbaSqlToken, token, &tokens))
      if (token->kind != DBA_SQL_A_COMMENT)
        keep(redaction, member, token->value);
  }
}

// A domain's checks speak of VALUE: they are read over a table of that one column, which stands for all of the domain.
static const char *const *value_alone(void *data, const char *schema, const char *table) {
  static const char *const columns[] = {"value", NULL};
  (void)data, (void)schema;
  return !strcmp(table, "dbarch_domain") ? columns : NULL;
}

static void fix_domains(DbaRedacting *redaction) {
  for (DBA_EACH(DbaType, type, &redaction->survey->schema.types)) {
    g_autofree char *name = dba_sql_name(type->schema, type->name);
    note_literals(redaction, type->default_expr, 0);
    for (DBA_EACH_TEXT(label, &type->labels))
      g_hash_table_add(redaction->schema_literals, g_strdup(*label));
    for (DBA_EACH(DbaDomainCheck, check, &type->checks)) {
      const char *open = check->definition ? strchr(check->definition, '(') : NULL;
      g_autofree char *sql = open ? g_strdup_printf("select from dbarch_domain where %s", open) : NULL;
      DbaSqlValues values;
      note_literals(redaction, check->definition, 0);
      if (!sql || !dba_sql_read_values(sql, value_alone, NULL, redaction->survey->arena, &values, NULL))
        continue;
      for (guint i = 0; i < redaction->in_order->len; i++) {
        const DbaRedactColumn *member = redaction->in_order->pdata[i];
        if (!member->column || (g_strcmp0(member->column->type, name) && g_strcmp0(member->column->type, type->name)))
          continue;
        for (DBA_EACH(DbaSqlToken, token, &values.tokens))
          if (token->with && !token->distance && !token->array)
            keep(redaction, member, token->value);
      }
    }
  }
}

static void read_schema_text(DbaRedacting *redaction) {
  fix_domains(redaction);
  for (DBA_EACH(DbaFunction, function, &redaction->survey->schema.functions))
    note_literals(redaction, function->definition, 2);
  for (DBA_EACH(DbaRelation, relation, &redaction->survey->schema.relations)) {
    for (DBA_EACH(DbaConstraint, constraint, &relation->constraints)) {
      const char *open = !strcmp(constraint->kind, "check") ? strchr(constraint->definition, '(') : NULL,
                 *close = open ? strrchr(open, ')') : NULL;
      g_autofree char *expression = close ? g_strndup(open, (gsize)(close + 1 - open)) : NULL;
      note_literals(redaction, constraint->definition, 0);
      fix_expression(redaction, relation, expression);
    }
    for (DBA_EACH(DbaIndex, index, &relation->indexes)) {
      fix_expression(redaction, relation, index->predicate);
      note_literals(redaction, index->definition, 0);
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
    if (relation->definition && dba_sql_read_values(relation->definition, columns_of, redaction, redaction->survey->arena, &values, NULL))
      fix(redaction, &values);
    if (relation->partition_of && relation->partition_bound)
      fix_bounds(redaction, relation);
  }
}

// ---- statistics -----------------------------------------------------------------------------------------------------

typedef void (*Each)(DbaRedacting *redaction, DbaRedactColumn *member, DbaColumnStatistics *statistics);

static void each_statistics(DbaRedacting *redaction, Each each) {
  for (DBA_EACH(DbaRelation, relation, &redaction->survey->schema.relations)) {
    for (DBA_EACH(DbaColumnStatistics, x, &relation->statistics)) {
      DbaRedactColumn *member = find_member(redaction, relation->schema, relation->name, x->column);
      if (member)
        each(redaction, member, x);
      else
        x->common_values = x->histogram = x->minimum = x->maximum = x->common_elements = x->range_bounds = NULL;
    }
    for (DBA_EACH(DbaIndex, index, &relation->indexes))
      for (DBA_EACH(DbaColumnStatistics, x, &index->statistics)) {
        g_autofree char *key = key_of(relation->schema, index->name, x->column);
        each(redaction, g_hash_table_lookup(redaction->members, key), x);
      }
  }
}

void dba_redact_gather_list(DbaRedacting *redaction, DbaRedactColumn *member, const char *text, bool of_elements) {
  DbaList values = {0}, elements = {0};
  DbaRedactColumn *leader = dba_redact_leader(member);
  if (!text || (of_elements && !leader->elements) || !dba_sql_read_array(text, redaction->survey->arena, &values, NULL))
    return;
  for (DBA_EACH_TEXT(value, &values)) {
    if (of_elements || !leader->elements)
      dba_redact_map_add(of_elements ? leader->elements : leader->map, dba_redact_plain(redaction, member, *value), false);
    else if (*value && dba_sql_read_array(*value, redaction->survey->arena, &elements, NULL))
      for (DBA_EACH_TEXT(element, &elements))
        dba_redact_map_add(leader->elements, *element, false);
  }
}

static void gather(DbaRedacting *redaction, DbaRedactColumn *member, DbaColumnStatistics *x) {
  dba_redact_gather_list(redaction, member, x->common_values, false);
  dba_redact_gather_list(redaction, member, x->histogram, false);
  dba_redact_gather_list(redaction, member, x->common_elements, true);
  for (int end = 0; end < 2; end++) {
    const char *value = end ? x->maximum : x->minimum;
    if (!dba_redact_leader(member)->elements)
      dba_redact_map_add(dba_redact_leader(member)->map, dba_redact_plain(redaction, member, value), false);
  }
}

static const char *put_value(const DbaRedacting *redaction, DbaRedactColumn *member, const DbaRedactMap *map, const char *value) {
  return map->kind == DBA_REDACT_KEPT ? value : dba_redact_map_value(map, dba_redact_plain(redaction, member, value));
}

// The list with other values; NULL when one of them has none.
const char *dba_redact_put_list(DbaRedacting *redaction, DbaRedactColumn *member, const char *text, bool of_elements) {
  DbaArena *arena = redaction->survey->arena;
  DbaList values = {0}, new = {0};
  DbaRedactColumn *leader = dba_redact_leader(member);
  uint32_t inner = 0;
  if (!text || !dba_sql_read_array(text, arena, &values, &inner))
    return NULL;
  for (DBA_EACH_TEXT(value, &values)) {
    const char *to = NULL;
    if (of_elements || !leader->elements)
      to = put_value(redaction, member, of_elements && leader->elements ? leader->elements : leader->map, *value);
    else if (*value)
      to = dba_redact_put_list(redaction, member, *value, true);
    if (*value && !to)
      return NULL;
    dba_list_add_text(arena, &new, to);
  }
  g_autofree char *array = dba_sql_write_array(&new, inner);
  return dba_arena_text(arena, array);
}

static void left_out(DbaRedacting *redaction, const DbaRedactColumn *member, const char *why) {
  g_autofree char *line = g_strdup_printf("%s: %s", member->shown, why);
  if (!dba_list_has_text(&redaction->survey->redaction.left_out, line))
    dba_list_add_text(redaction->survey->arena, &redaction->survey->redaction.left_out, line);
}

static const char *why_none(DbaRedactColumn *member) {
  const DbaRedactColumn *leader = dba_redact_leader(member);
  const DbaRedactMap *map = leader->elements ? leader->elements : leader->map;
  if (map->failure)
    return map->failure;
  return map->kind == DBA_REDACT_LEFT_OUT ? "values of its type cannot be disguised" : "a value has no place on the map";
}

static void put(DbaRedacting *redaction, DbaRedactColumn *member, DbaColumnStatistics *x) {
  const char *common = dba_redact_put_list(redaction, member, x->common_values, false),
             *histogram = dba_redact_put_list(redaction, member, x->histogram, false),
             *elements = dba_redact_put_list(redaction, member, x->common_elements, true),
             *minimum = x->minimum ? put_value(redaction, member, dba_redact_leader(member)->map, x->minimum) : NULL,
             *maximum = x->maximum ? put_value(redaction, member, dba_redact_leader(member)->map, x->maximum) : NULL;
  if ((x->common_values && !common) || (x->histogram && !histogram) || (x->common_elements && !elements) || x->range_bounds)
    left_out(redaction, member, x->range_bounds ? "values of its type cannot be disguised" : why_none(member));
  if (!common)
    x->common_frequencies = NULL;
  if (!elements)
    x->element_frequencies = x->element_counts = NULL;
  x->common_values = common;
  x->histogram = histogram;
  x->common_elements = elements;
  x->minimum = minimum;
  x->maximum = maximum;
  x->range_bounds = x->range_lengths = x->range_empty = NULL;
}

// Common combinations: one map for each of the columns, which stand in the order of the table.
static void put_combinations(DbaRedacting *redaction, DbaStatisticsObject *object, bool gathering) {
  DbaArena *arena = redaction->survey->arena;
  const DbaRelation *relation = NULL;
  const DbaColumn *columns[32];
  DbaRedactColumn *members[32];
  uint32_t inner = 0;
  DbaList values = {0}, new = {0};
  if (!object->common_values)
    return;
  unsigned n = dba_statistics_object_columns(&redaction->survey->schema, object, G_N_ELEMENTS(columns), &relation, columns);
  for (unsigned i = 0; i < n; i++)
    members[i] = find_member(redaction, relation->schema, relation->name, columns[i]->name);
  bool ok = n && dba_sql_read_array(object->common_values, arena, &values, &inner) && inner == n && values.n % n == 0;
  for (uint32_t i = 0; ok && i < values.n; i++) {
    const char *value = dba_list_text(&values, i);
    DbaRedactMap *map = dba_redact_leader(members[i % n])->map;
    if (gathering)
      dba_redact_map_add(map, dba_redact_plain(redaction, members[i % n], value), false);
    else {
      const char *to = value ? put_value(redaction, members[i % n], map, value) : NULL;
      ok = !value || to;
      dba_list_add_text(arena, &new, to);
    }
  }
  if (gathering)
    return;
  g_autofree char *array = ok ? dba_sql_write_array(&new, inner) : NULL;
  if (!ok) {
    g_autofree char *line = g_strdup_printf("%s.%s: common combinations of values", object->schema, object->name);
    dba_list_add_text(arena, &redaction->survey->redaction.left_out, line);
    object->common_nulls = object->common_frequencies = object->common_base_frequencies = NULL;
  }
  object->common_values = dba_arena_text(arena, array);
}

// ---- all of it ------------------------------------------------------------------------------------------------------

static gint compare_texts(gconstpointer a, gconstpointer b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static void name_kept(DbaRedacting *redaction) {
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

// A view's column is its table's, where the view just names it.
static void join_view(DbaRedacting *redaction, const DbaRelation *view) {
  g_autofree char *query = g_strdup(view->definition);
  size_t length = strlen(g_strchomp(query));
  if (length && query[length - 1] == ';')
    query[length - 1] = '\0';
  for (DBA_EACH(DbaColumn, column, &view->columns)) {
    g_autofree char *name = dba_sql_name(NULL, column->name),
                    *sql = g_strdup_printf("select from (%s) dbarch_view where dbarch_view.%s = dbarch_view.%s", query, name, name);
    DbaSqlValues values;
    if (!dba_sql_read_values(sql, columns_of, redaction, redaction->survey->arena, &values, NULL) || !values.pairs.n)
      continue;
    const DbaSqlPair *last = dba_list_at(DbaSqlPair, &values.pairs, values.pairs.n - 1); // the view's own comparisons come first
    DbaRedactColumn *below = dba_redact_find(redaction, &last->a), *above = find_member(redaction, view->schema, view->name, column->name);
    if (below && !g_strcmp0(last->a.column, last->b.column) && !g_strcmp0(last->a.table, last->b.table))
      join(above, below);
  }
}

static void put_sequences(DbaRedacting *redaction) {
  for (DBA_EACH(DbaSequence, sequence, &redaction->survey->schema.sequences)) {
    g_autofree char *position = g_strdup_printf("%" G_GINT64_FORMAT, sequence->last_value);
    DbaRedactColumn *member = sequence->owned_by_table
                                  ? find_member(redaction, sequence->owned_by_schema, sequence->owned_by_table, sequence->owned_by_column)
                                  : NULL;
    const char *to = member && sequence->has_last_value ? dba_redact_map_value(dba_redact_leader(member)->map, position) : NULL;
    double largest = dba_sequence_largest(&redaction->survey->schema, sequence);
    if (sequence->has_last_value && largest > 0)
      sequence->used_permille = (int64_t)CLAMP(round((double)sequence->last_value / largest * 1000), 0, 1000);
    sequence->has_last_value &= to != NULL;
    sequence->last_value = to ? g_ascii_strtoll(to, NULL, 10) : 0;
  }
}

static void add_sequences(DbaRedacting *redaction) {
  for (DBA_EACH(DbaSequence, sequence, &redaction->survey->schema.sequences)) {
    g_autofree char *position = g_strdup_printf("%" G_GINT64_FORMAT, sequence->last_value);
    DbaRedactColumn *member = sequence->has_last_value && sequence->owned_by_table
                                  ? find_member(redaction, sequence->owned_by_schema, sequence->owned_by_table, sequence->owned_by_column)
                                  : NULL;
    if (member)
      dba_redact_map_add(dba_redact_leader(member)->map, position, false);
  }
}

bool dba_survey_redact(DbaSurvey *survey, uint64_t seed, DbaValueSorter sorter, void *data, GError **error) {
  g_autoptr(GHashTable) members = g_hash_table_new(g_str_hash, g_str_equal),
                        relations = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
                        literals = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
                        told = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
                        kept = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)g_ptr_array_unref),
                        names = g_hash_table_new(NULL, NULL);
  g_autoptr(GPtrArray) maps = g_ptr_array_new_with_free_func(free_map), in_order = g_ptr_array_new();
  DbaRedacting redaction = {survey, members, in_order, relations, literals, maps, told, kept, names};
  g_autofree DbaSqlValues *values = g_new0(DbaSqlValues, survey->workload.n + 1);
  if (survey->redaction.done)
    return true;
  collect(&redaction);
  join_groups(&redaction);
  for (uint32_t i = 0; i < survey->workload.n; i++) { // groups first: what is gathered goes to their leaders
    DbaWorkloadStatement *statement = dba_list_at(DbaWorkloadStatement, &survey->workload, i);
    if (!statement->text)
      continue;
    if (!dba_redact_is_plannable(&redaction, statement->text))
      statement->text = NULL;
    else if (!dba_sql_read_values(statement->text, columns_of, &redaction, survey->arena, &values[i], NULL)) {
      statement->text = NULL;
      dba_redact_affected(&redaction, statement, "it could not be parsed, and its text is left out");
    } else
      join_pairs(&redaction, &values[i].pairs);
  }
  read_schema_text(&redaction);
  for (uint32_t i = 0; i < survey->workload.n; i++)
    dba_redact_gather_literals(&redaction, &values[i]);
  each_statistics(&redaction, gather);
  for (DBA_EACH(DbaStatisticsObject, object, &survey->schema.statistics_objects))
    put_combinations(&redaction, object, true);
  add_sequences(&redaction);
  for (guint i = 0; i < maps->len; i++)
    if (!dba_redact_map_settle(maps->pdata[i], survey->arena, &seed, sorter, data, error))
      return false;
  each_statistics(&redaction, put);
  for (DBA_EACH(DbaStatisticsObject, object, &survey->schema.statistics_objects))
    put_combinations(&redaction, object, false);
  put_sequences(&redaction);
  for (uint32_t i = 0; i < survey->workload.n; i++) {
    DbaWorkloadStatement *statement = dba_list_at(DbaWorkloadStatement, &survey->workload, i);
    if (statement->text)
      dba_redact_put_literals(&redaction, statement, &values[i]);
  }
  name_kept(&redaction);
  survey->redaction.done = true;
  return true;
}

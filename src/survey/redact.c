// SPDX-License-Identifier: Apache-2.0
// Redaction of a survey: production values give way to others of the same order.
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
  if (column && !g_strcmp0(column->type_class, "e")) {
    map->kind = DBA_REDACT_KEPT;
    map->labels = redaction->enums ? g_hash_table_lookup(redaction->enums, column->type) : NULL;
  }
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
void dba_redact_join(DbaRedactColumn *a, DbaRedactColumn *b) {
  a = dba_redact_leader(a);
  b = dba_redact_leader(b);
  if (a == b || a->map->kind != b->map->kind || a->map->labels != b->map->labels || (a->elements != NULL) != (b->elements != NULL) ||
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

// Of an expression of a statistics object, by its number.
static char *expression_key(const DbaStatisticsObject *object, const char *number) {
  g_autofree char *name = dba_sql_name(object->schema, object->name);
  return g_strdup_printf("%s(%s)", name, number);
}

static DbaRedactColumn *add_member(DbaRedacting *redaction, const char *key, const DbaColumn *column, const char *type_name) {
  DbaRedactColumn *member = dba_arena_new0(redaction->survey->arena, DbaRedactColumn);
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

const DbaRelation *dba_redact_relation(const DbaRedacting *redaction, const char *schema, const char *table) {
  g_autofree char *key = dba_sql_name(schema, table);
  return g_hash_table_lookup(redaction->relations, key);
}

DbaRedactColumn *dba_redact_member(const DbaRedacting *redaction, const char *schema, const char *table, const char *column) {
  const DbaRelation *relation = table && column ? dba_redact_relation(redaction, schema, table) : NULL;
  if (!relation)
    return NULL;
  g_autofree char *key = key_of(relation->schema, relation->name, column);
  return g_hash_table_lookup(redaction->members, key);
}

DbaRedactColumn *dba_redact_expression(const DbaRedacting *redaction, const DbaStatisticsObject *object, const char *number) {
  g_autofree char *key = expression_key(object, number);
  return g_hash_table_lookup(redaction->members, key);
}

DbaRedactColumn *dba_redact_index_expression(const DbaRedacting *redaction, const char *schema, const char *index, const char *attribute) {
  g_autofree char *key = key_of(schema, index, attribute);
  return g_hash_table_lookup(redaction->members, key);
}

DbaRedactColumn *dba_redact_find(const DbaRedacting *redaction, const DbaSqlColumn *column) {
  return column ? dba_redact_member(redaction, column->schema, column->table, column->column) : NULL;
}

const char *const *dba_redact_columns_of(void *data, const char *schema, const char *table) {
  DbaRedacting *redaction = data;
  const DbaRelation *relation = dba_redact_relation(redaction, schema, table);
  const char *const *names = relation ? g_hash_table_lookup(redaction->names, relation) : NULL;
  if (relation && !names) {
    names = dba_relation_column_names(redaction->survey->arena, relation);
    g_hash_table_insert(redaction->names, (void *)(uintptr_t)relation, (void *)(uintptr_t)names);
  }
  return names;
}

// v1, v2 ... for the labels of each enum, in their order; by its name with and without the schema.
static void name_labels(DbaRedacting *redaction) {
  for (DBA_EACH(DbaType, type, &redaction->survey->schema.types)) {
    if (g_strcmp0(type->kind, "enum"))
      continue;
    GHashTable *labels = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    DbaList new = {0};
    for (DBA_EACH_TEXT(label, &type->labels)) {
      const char *to = dba_arena_format(redaction->survey->arena, "v%u", new.n + 1);
      g_hash_table_insert(labels, g_strdup(*label), (char *)(uintptr_t)to);
      dba_list_add_text(redaction->survey->arena, &new, to);
    }
    type->labels = new;
    g_autofree char *bare = dba_sql_name(NULL, type->name);
    if (!g_hash_table_contains(redaction->enums, bare) || !strcmp(type->schema, "public")) // as the usual search path finds it
      g_hash_table_insert(redaction->enums, g_steal_pointer(&bare), g_hash_table_ref(labels));
    g_hash_table_insert(redaction->enums, dba_sql_name(type->schema, type->name), labels);
  }
}

static void collect(DbaRedacting *redaction) {
  if (redaction->schema_too)
    name_labels(redaction);
  for (DBA_EACH(DbaRelation, relation, &redaction->survey->schema.relations)) {
    g_hash_table_insert(redaction->relations, dba_sql_name(relation->schema, relation->name), relation);
    g_autofree char *bare = dba_sql_name(NULL, relation->name);
    void *other;
    bool there = g_hash_table_lookup_extended(redaction->relations, bare, NULL, &other);
    if (!there || !strcmp(relation->schema, "public")) // as the usual search path finds it
      g_hash_table_insert(redaction->relations, g_steal_pointer(&bare), relation);
    for (DBA_EACH(DbaColumn, column, &relation->columns)) {
      g_autofree char *key = key_of(relation->schema, relation->name, column->name);
      add_member(redaction, key, column, column->type_name)->name =
          (DbaSqlColumn){.schema = relation->schema, .table = relation->name, .column = column->name};
    }
    for (DBA_EACH(DbaIndex, index, &relation->indexes))
      for (DBA_EACH(DbaColumnStatistics, x, &index->statistics)) {
        // The n-th key has the n-th attribute; core names that of an expression after its function or "expr".
        g_autofree char *key = key_of(relation->schema, index->name, x->column);
        const char *type = NULL;
        for (DBA_EACH(DbaIndexKey, of_index, &index->keys))
          if (of_index->expression && !g_strcmp0(of_index->attribute, x->column))
            type = of_index->type_name;
        if (x->common_elements && type && *type != '_') // a GIN index of documents holds their words
          type = !strcmp(type, "text") ? "tsvector" : NULL;
        add_member(redaction, key, NULL, type);
      }
  }
  for (DBA_EACH(DbaStatisticsObject, object, &redaction->survey->schema.statistics_objects))
    for (uint32_t i = 0; i < object->expressions.n; i++) {
      g_autofree char *number = g_strdup_printf("%u", i + 1), *key = expression_key(object, number);
      add_member(redaction, key, NULL, i < object->expression_types.n ? dba_list_text(&object->expression_types, i) : NULL);
    }
}

void dba_redact_join_pairs(DbaRedacting *redaction, const DbaList *pairs) {
  for (DBA_EACH(DbaSqlPair, pair, pairs)) {
    DbaRedactColumn *a = dba_redact_find(redaction, &pair->a), *b = dba_redact_find(redaction, &pair->b);
    if (a && b)
      dba_redact_join(a, b);
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
    if (!dba_sql_read_values(sql, dba_redact_columns_of, redaction, redaction->survey->arena, &values, NULL) || !values.pairs.n)
      continue;
    const DbaSqlPair *last = dba_list_at(DbaSqlPair, &values.pairs, values.pairs.n - 1); // the view's own comparisons come first
    DbaRedactColumn *below = dba_redact_find(redaction, &last->a),
                    *above = dba_redact_member(redaction, view->schema, view->name, column->name);
    if (below && !g_strcmp0(last->a.column, last->b.column) && !g_strcmp0(last->a.table, last->b.table))
      dba_redact_join(above, below);
  }
}

static void join_groups(DbaRedacting *redaction) {
  for (DBA_EACH(DbaRelation, relation, &redaction->survey->schema.relations)) {
    for (DBA_EACH(DbaConstraint, constraint, &relation->constraints))
      for (uint32_t i = 0; constraint->ref_table && i < constraint->columns.n && i < constraint->ref_columns.n; i++) {
        DbaRedactColumn *a = dba_redact_member(redaction, relation->schema, relation->name, dba_list_text(&constraint->columns, i)),
                        *b = dba_redact_member(redaction, constraint->ref_schema, constraint->ref_table,
                                               dba_list_text(&constraint->ref_columns, i));
        if (a && b)
          dba_redact_join(a, b);
      }
    for (DBA_EACH(DbaColumn, column, &relation->columns)) {
      DbaRedactColumn *child = dba_redact_member(redaction, relation->schema, relation->name, column->name), *parent;
      if (relation->partition_of &&
          (parent = dba_redact_member(redaction, relation->partition_of_schema, relation->partition_of, column->name)))
        dba_redact_join(child, parent);
      for (DBA_EACH_TEXT(name, &relation->inherits)) {
        const DbaRelation *above = g_hash_table_lookup(redaction->relations, *name);
        if (above && (parent = dba_redact_member(redaction, above->schema, above->name, column->name)))
          dba_redact_join(child, parent);
      }
    }
    if (relation->definition)
      join_view(redaction, relation);
  }
}

// ---- all of it ------------------------------------------------------------------------------------------------------

static void put_sequences(DbaRedacting *redaction) {
  for (DBA_EACH(DbaSequence, sequence, &redaction->survey->schema.sequences)) {
    g_autofree char *position = g_strdup_printf("%" G_GINT64_FORMAT, sequence->last_value);
    DbaRedactColumn *member = sequence->owned_by_table ? dba_redact_member(redaction, sequence->owned_by_schema, sequence->owned_by_table,
                                                                           sequence->owned_by_column)
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
    DbaRedactColumn *member =
        sequence->has_last_value && sequence->owned_by_table
            ? dba_redact_member(redaction, sequence->owned_by_schema, sequence->owned_by_table, sequence->owned_by_column)
            : NULL;
    if (member)
      dba_redact_map_add(dba_redact_leader(member)->map, position, false);
  }
}

bool dba_survey_redact(DbaSurvey *survey, bool schema_too, uint64_t seed, DbaValueSorter sorter, void *data, GError **error) {
  g_autoptr(GHashTable) members = g_hash_table_new(g_str_hash, g_str_equal),
                        relations = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
                        literals = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
                        told = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
                        kept = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)g_ptr_array_unref),
                        names = g_hash_table_new(NULL, NULL),
                        enums = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_hash_table_unref);
  g_autoptr(GPtrArray) maps = g_ptr_array_new_with_free_func(free_map), in_order = g_ptr_array_new();
  DbaRedacting redaction = {survey, members, in_order, relations, literals, maps, told, kept, names, schema_too ? enums : NULL, schema_too};
  g_autofree DbaSqlValues *values = g_new0(DbaSqlValues, survey->workload.n + 1);
  if (survey->redaction.done && schema_too && !survey->redaction.schema_done)
    return dba_fail(error, DBA_ERROR_USAGE,
                    "the values of this survey are disguised already, those in its schema are not, and the maps are not kept "
                    "(hint: take it from the subject with --redact=schema)");
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
    else if (!dba_sql_read_values(statement->text, dba_redact_columns_of, &redaction, survey->arena, &values[i], NULL)) {
      statement->text = NULL;
      dba_redact_affected(&redaction, statement, "it could not be parsed, and its text is left out");
    } else
      dba_redact_join_pairs(&redaction, &values[i].pairs);
  }
  dba_redact_read_schema(&redaction);
  for (uint32_t i = 0; i < survey->workload.n; i++)
    dba_redact_gather_literals(&redaction, &values[i]);
  dba_redact_gather_statistics(&redaction);
  add_sequences(&redaction);
  for (guint i = 0; i < maps->len; i++)
    if (!dba_redact_map_settle(maps->pdata[i], survey->arena, &seed, sorter, data, error))
      return false;
  dba_redact_put_statistics(&redaction);
  put_sequences(&redaction);
  for (uint32_t i = 0; i < survey->workload.n; i++) {
    DbaWorkloadStatement *statement = dba_list_at(DbaWorkloadStatement, &survey->workload, i);
    if (statement->text)
      dba_redact_put_literals(&redaction, statement, &values[i]);
  }
  if (schema_too)
    dba_redact_put_schema(&redaction);
  else
    dba_redact_name_kept(&redaction);
  survey->redaction.done = true;
  survey->redaction.schema_done = schema_too;
  return true;
}

// SPDX-License-Identifier: Apache-2.0
// Values of the statistics: gathered into the maps of their columns, and replaced when the maps are settled.
#include "survey/redact-int.h"

#include "sql/sql.h"

#include <string.h>

typedef void (*Each)(DbaRedacting *redaction, DbaRedactColumn *member, DbaColumnStatistics *statistics);

static void each_statistics(DbaRedacting *redaction, Each each) {
  for (DBA_EACH(DbaRelation, relation, &redaction->survey->schema.relations)) {
    for (DBA_EACH(DbaColumnStatistics, x, &relation->statistics))
      each(redaction, dba_redact_member(redaction, relation->schema, relation->name, x->column), x);
    for (DBA_EACH(DbaIndex, index, &relation->indexes))
      for (DBA_EACH(DbaColumnStatistics, x, &index->statistics))
        each(redaction, dba_redact_index_expression(redaction, relation->schema, index->name, x->column), x);
  }
  for (DBA_EACH(DbaStatisticsObject, object, &redaction->survey->schema.statistics_objects))
    for (DBA_EACH(DbaColumnStatistics, x, &object->statistics))
      each(redaction, dba_redact_expression(redaction, object, x->column), x);
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
  if (!member)
    return;
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
  if (map->labels)
    return g_hash_table_lookup(map->labels, value);
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
  if (!member) { // of nothing that the schema has
    x->common_values = x->histogram = x->minimum = x->maximum = x->common_elements = NULL;
    x->range_bounds = x->range_lengths = x->range_empty = NULL;
    return;
  }
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

// Common combinations: one map for each of the columns, which stand in the order of the table, and of the expressions behind them.
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
    members[i] = dba_redact_member(redaction, relation->schema, relation->name, columns[i]->name);
  for (uint32_t i = 0; i < object->expressions.n && n < G_N_ELEMENTS(members); i++) {
    g_autofree char *number = g_strdup_printf("%u", i + 1);
    members[n++] = dba_redact_expression(redaction, object, number);
  }
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

void dba_redact_gather_statistics(DbaRedacting *redaction) {
  each_statistics(redaction, gather);
  for (DBA_EACH(DbaStatisticsObject, object, &redaction->survey->schema.statistics_objects))
    put_combinations(redaction, object, true);
}

void dba_redact_put_statistics(DbaRedacting *redaction) {
  each_statistics(redaction, put);
  for (DBA_EACH(DbaStatisticsObject, object, &redaction->survey->schema.statistics_objects))
    put_combinations(redaction, object, false);
}

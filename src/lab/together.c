// SPDX-License-Identifier: Apache-2.0
// Columns that go together: what extended statistics tell of the rows.
//
// Common combinations are rows by themselves: so many of each, and what they hold is taken out of the columns' own common values, so
// that every column keeps its shares.  Where only a dependency is known, or that combinations are few, one column's value tells the other's: both
// stand in the same order.  Keys stay out of it: their values are others' to tell.
#include "lab/values.h"

#include "sql/sql.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double WORTH_IT = 0.05, DEPENDENT = 0.3, ORDERED = 0.5;

static bool is_free(const DbaTableModel *table, unsigned column) {
  const DbaColumnModel *model = &table->columns[column];
  double by_chance = 0; // rows of one value are in order among themselves when ANALYZE counts
  for (unsigned i = 0; i < model->n_knots; i++)
    by_chance += model->knots[i].share * model->knots[i].share;
  bool ordered = model->statistics && model->statistics->has_correlation && fabs(model->statistics->correlation) - by_chance > ORDERED;
  for (unsigned i = 0; i < table->n_columns; i++)
    if (table->columns[i].goes_with == (int)column) // it leads another
      return false;
  for (DBA_EACH(DbaIndex, index, &table->relation->indexes))
    for (DBA_EACH(DbaIndexKey, key, index->unique && !index->predicate ? &index->keys : &(DbaList){0}))
      if (!key->included && !g_strcmp0(key->column, model->column->name))
        return false;
  if (model->group >= 0 || model->goes_with >= 0 || model->unique || model->n_elements || ordered || model->column->generated)
    return false;
  for (DBA_EACH(DbaConstraint, key, &table->relation->constraints))
    if ((!strcmp(key->kind, "foreign key") || !strcmp(key->kind, "primary key") || !strcmp(key->kind, "unique")) &&
        dba_list_has_text(&key->columns, model->column->name))
      return false;
  return true;
}

static int column_number(const DbaTableModel *table, const DbaColumn *column) {
  for (unsigned i = 0; i < table->n_columns; i++)
    if (table->columns[i].column == column)
      return (int)i;
  return -1;
}

// The knot that holds this text, or -1.
static int find_knot(const DbaColumnModel *model, const char *text) {
  for (unsigned i = 0; i < model->n_knots; i++)
    if (model->knots[i].common && !strcmp(model->knots[i].text, text))
      return (int)i;
  return -1;
}

// ---- common combinations --------------------------------------------------------------------------------------------

typedef struct Common {
  DbaList values, nulls, shares;
  uint32_t width; // values to a combination: of the columns, and behind them of expressions
} Common;

static bool read_common(const DbaStatisticsObject *object, DbaArena *arena, unsigned n, Common *ret_common) {
  uint32_t inner = 0, inner_nulls = 0;
  *ret_common = (Common){0};
  return object->common_values && object->common_nulls && object->common_frequencies &&
         dba_sql_read_array(object->common_values, arena, &ret_common->values, &inner) &&
         dba_sql_read_array(object->common_nulls, arena, &ret_common->nulls, &inner_nulls) &&
         dba_sql_read_array(object->common_frequencies, arena, &ret_common->shares, NULL) && inner >= n && inner_nulls == inner &&
         ret_common->values.n == (ret_common->width = inner) * ret_common->shares.n && ret_common->nulls.n == ret_common->values.n;
}

static double share_of(const Common *common, uint32_t i) {
  const char *text = dba_list_text(&common->shares, i);
  double share = text ? g_ascii_strtod(text, NULL) : 0;
  return isfinite(share) ? CLAMP(share, 0, 1) : 0;
}

static bool is_null(const Common *common, uint32_t i) {
  return !dba_list_text(&common->values, i) || !g_strcmp0(dba_list_text(&common->nulls, i), "t");
}

static void add_group(const Common *common, const unsigned *columns, unsigned n, DbaArena *arena, DbaTableModel *table, uint64_t seed) {
  DbaGroup *group = &table->groups[table->n_groups];
  double sum = 0;
  double *taken[G_N_ELEMENTS(group->columns)] = {NULL};
  uint64_t nulls[G_N_ELEMENTS(group->columns)] = {0};
  *group = (DbaGroup){.n = n, .n_items = common->shares.n};
  group->items = dba_arena_alloc(arena, sizeof *group->items * (common->shares.n + 1));
  for (unsigned k = 0; k < n; k++) {
    group->columns[k] = columns[k];
    taken[k] = g_new0(double, table->columns[columns[k]].n_knots + 1);
  }
  for (uint32_t i = 0; i < common->shares.n; i++) {
    const char **texts = dba_arena_alloc(arena, sizeof *texts * n);
    uint64_t from = i ? group->items[i - 1].to : 0;
    sum = fmin(1, sum + share_of(common, i));
    group->items[i] = (DbaCombination){texts, (uint64_t)llround(sum * (double)table->rows)};
    for (unsigned k = 0; k < n; k++) {
      if (is_null(common, i * common->width + k)) {
        nulls[k] += group->items[i].to - from;
        continue;
      }
      texts[k] = dba_copy_escape(arena, dba_list_text(&common->values, i * common->width + k));
      int knot = find_knot(&table->columns[columns[k]], texts[k]);
      if (knot >= 0)
        taken[k][knot] += (double)(group->items[i].to - from) / (double)table->rows;
    }
  }
  group->rows = common->shares.n ? group->items[common->shares.n - 1].to : 0;
  group->order = dba_shuffle(table->rows, 0, dba_mix(seed + table->n_groups));
  for (unsigned k = 0; k < n; k++) {
    table->columns[columns[k]].group = (int)table->n_groups;
    dba_column_take_out(&table->columns[columns[k]], group->rows, nulls[k], taken[k], table->rows);
    g_free(taken[k]);
  }
  table->n_groups++;
}

// ---- dependencies ---------------------------------------------------------------------------------------------------

// The degree of "a => b" in {"1 => 2": 0.98, ...}, or of few combinations in {"1, 2": 40}: 0 when they are as many as by chance.
static double degree_of(const DbaStatisticsObject *object, const DbaTableModel *table, unsigned a, unsigned b) {
  const DbaColumn *from = table->columns[a].column, *to = table->columns[b].column;
  g_autofree char *arrow = g_strdup_printf("\"%" G_GINT64_FORMAT " => %" G_GINT64_FORMAT "\": ", from->position, to->position),
                  *both = g_strdup_printf("\"%" G_GINT64_FORMAT ", %" G_GINT64_FORMAT "\": ", MIN(from->position, to->position),
                                          MAX(from->position, to->position));
  const char *told = object->dependencies ? strstr(object->dependencies, arrow) : NULL,
             *count = object->distinct ? strstr(object->distinct, both) : NULL;
  double degree = told ? CLAMP(g_ascii_strtod(told + strlen(arrow), NULL), 0, 1) : 0;
  double of_a = (double)table->columns[a].distinct, combinations = count ? g_ascii_strtod(count + strlen(both), NULL) : 0;
  if (!told && combinations > 0 && combinations <= 1.05 * of_a && table->columns[b].distinct < table->columns[a].distinct)
    degree = 1; // hardly more than there are values of a
  return degree;
}

static void add_dependencies(const DbaStatisticsObject *object, const unsigned *columns, unsigned n, DbaTableModel *table) {
  for (unsigned pass = 0; pass < n; pass++) { // the strongest first
    double best = DEPENDENT;
    int from = -1, to = -1;
    for (unsigned a = 0; a < n; a++)
      for (unsigned b = 0; b < n; b++) {
        const DbaColumnModel *leader = &table->columns[columns[a]], *led = &table->columns[columns[b]];
        double degree = a == b || led->goes_with >= 0 || leader->goes_with >= 0 || led->null_rows || leader->null_rows ||
                                leader->distinct < led->distinct
                            ? 0
                            : degree_of(object, table, columns[a], columns[b]);
        if (degree > best) {
          best = degree;
          from = (int)columns[a];
          to = (int)columns[b];
        }
      }
    if (to < 0)
      return;
    table->columns[to].goes_with = from;
    table->columns[to].degree = best;
  }
}

void dba_table_groups(const DbaSchema *schema, DbaArena *arena, DbaTableModel *table, uint64_t seed) {
  g_autofree char *name = dba_sql_name(table->relation->schema, table->relation->name);
  table->groups = dba_arena_alloc(arena, sizeof *table->groups * (schema->statistics_objects.n + 1));
  for (DBA_EACH(DbaStatisticsObject, object, &schema->statistics_objects)) {
    if (g_strcmp0(object->table, name))
      continue;
    const DbaRelation *relation = NULL;
    const DbaColumn *names[8];
    unsigned columns[8], n = dba_statistics_object_columns(schema, object, G_N_ELEMENTS(names), &relation, names);
    bool all_free = n > 1 && relation == table->relation && table->rows > 0;
    Common common;
    double sum = 0;
    for (unsigned i = 0; i < n && all_free; i++) {
      int number = column_number(table, names[i]);
      columns[i] = (unsigned)number;
      all_free = number >= 0 && is_free(table, columns[i]);
    }
    if (!all_free)
      continue;
    bool told = read_common(object, arena, n, &common);
    for (uint32_t i = 0; told && i < common.shares.n; i++)
      sum += share_of(&common, i);
    if (told && sum >= WORTH_IT)
      add_group(&common, columns, n, arena, table, seed ^ g_str_hash(object->name));
    else
      add_dependencies(object, columns, n, table);
  }
}

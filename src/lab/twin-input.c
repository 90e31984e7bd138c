// SPDX-License-Identifier: Apache-2.0
// A survey's facts and statistics into temporary tables of a twin, from where they are put in their places.
#include "lab/lab-int.h"

#include "sql/sql.h"

#include "lab-sql.h"

#include <math.h>
#include <string.h>

enum { BLOCK_BYTES = 8192 };
static const double MOST_ROWS = 1e14; // more than 32 TB hold; what counts in steps of one gets stuck where doubles are coarser

static void put(GString *row, const char *text) { // one field of COPY's text format; NULL is \N
  if (text)
    dba_copy_append(row, text);
  else
    g_string_append(row, "\\N");
  g_string_append_c(row, '\t');
}

static void end_row(GString *row) { row->str[row->len - 1] = '\n'; }

static void put_real(GString *row, double value) {
  char text[G_ASCII_DTOSTR_BUF_SIZE];
  put(row, g_ascii_dtostr(text, sizeof text, value));
}

static bool copy(DbaServer *server, const char *table, const GString *rows, GError **error) {
  g_autofree char *sql = g_strdup_printf("copy %s from stdin", table);
  if (!rows->len)
    return true;
  return dba_server_copy_begin(server, sql, error) && dba_server_copy_data(server, rows->str, rows->len, error) &&
         dba_server_copy_end(server, error);
}

static void put_facts(GString *rows, const char *namespace, const char *name, int64_t size_bytes, int64_t pages, double tuples,
                      int64_t all_visible, const DbaIndex *index) {
  g_autofree char *height = index && index->levels > 0 ? g_strdup_printf("%" G_GINT64_FORMAT, index->levels - 1) : NULL;
  g_autofree char *rank = index && index->rank > 0 ? g_strdup_printf("%" G_GINT64_FORMAT, index->rank) : NULL;
  put(rows, namespace);
  put(rows, name);
  put_real(rows, (double)(size_bytes > 0 ? size_bytes / BLOCK_BYTES : pages));
  put_real(rows, (double)pages);
  put_real(rows, fmin(tuples, MOST_ROWS));
  put_real(rows, (double)all_visible);
  put(rows, height);
  put(rows, rank);
  end_row(rows);
}

// `kind`: "relation", or "object" for those of the expressions of a statistics object.
static void put_statistics(GString *rows, const char *kind, const char *namespace, const char *relation, const DbaList *statistics) {
  for (DBA_EACH(DbaColumnStatistics, x, statistics)) {
    put(rows, kind);
    put(rows, namespace);
    put(rows, relation);
    put(rows, x->column);
    put(rows, x->inherited ? "t" : "f");
    put_real(rows, x->null_fraction);
    put_real(rows, (double)x->width_bytes);
    put_real(rows, x->distinct);
    put(rows, x->common_values);
    put(rows, x->common_frequencies);
    put(rows, x->histogram);
    if (x->has_correlation)
      put_real(rows, x->correlation);
    else
      put(rows, NULL);
    put(rows, x->common_elements);
    put(rows, x->element_frequencies);
    put(rows, x->element_counts);
    put(rows, x->range_lengths);
    put(rows, x->range_empty);
    put(rows, x->range_bounds);
    end_row(rows);
  }
}

static void put_gin(GString *rows, const DbaRelation *relation) {
  for (DBA_EACH(DbaIndex, index, &relation->indexes)) {
    if (!index->search_pages)
      continue;
    put(rows, relation->schema);
    put(rows, index->name);
    put_real(rows, (double)(index->size_bytes > 0 ? index->size_bytes / BLOCK_BYTES : index->pages));
    put_real(rows, (double)index->search_pages);
    put_real(rows, (double)index->keys_log2);
    end_row(rows);
  }
}

// The least and the greatest value of a column, which the planner looks up in an index.
static void put_ends(GString *rows, const DbaRelation *relation) {
  for (DBA_EACH(DbaColumnStatistics, x, &relation->statistics))
    for (int end = 0; end < 2; end++) {
      const char *value = end ? x->maximum : x->minimum;
      if (!value || x->inherited || (end && !g_strcmp0(x->minimum, x->maximum)))
        continue;
      put(rows, relation->schema);
      put(rows, relation->name);
      put(rows, x->column);
      put(rows, value);
      end_row(rows);
    }
}

static void append_element(GString *array, const char *text) { // of an array literal
  g_string_append(array, array->len > 1 ? ",\"" : "\"");
  for (const char *p = text; *p; p++) {
    if (*p == '"' || *p == '\\')
      g_string_append_c(array, '\\');
    g_string_append_c(array, *p);
  }
  g_string_append_c(array, '"');
}

// Column numbers in the texts are the subject's: names go along, for the twin's.
static void put_extended(GString *rows, const DbaSchema *schema) {
  for (DBA_EACH(DbaStatisticsObject, x, &schema->statistics_objects)) {
    g_autoptr(GString) names = g_string_new("{"), numbers = g_string_new("{");
    if (!x->distinct && !x->dependencies && !x->common_values)
      continue;
    for (DBA_EACH(DbaRelation, relation, &schema->relations)) {
      g_autofree char *table = dba_sql_name(relation->schema, relation->name);
      for (DBA_EACH(DbaColumn, column, &relation->columns)) {
        if (g_strcmp0(table, x->table))
          break;
        g_string_append_printf(numbers, "%s%" G_GINT64_FORMAT, numbers->len > 1 ? "," : "", column->position);
        append_element(names, column->name);
      }
    }
    g_string_append_c(names, '}');
    g_string_append_c(numbers, '}');
    const char *const fields[] = {x->schema,       x->name,          names->str,      numbers->str,          x->distinct,
                                  x->dependencies, x->common_values, x->common_nulls, x->common_frequencies, x->common_base_frequencies};
    for (size_t i = 0; i < G_N_ELEMENTS(fields); i++)
      put(rows, fields[i]);
    end_row(rows);
  }
}

bool dba_twin_input(DbaServer *server, const DbaSurvey *survey, GError **error) {
  g_autoptr(GString) facts = g_string_new(NULL), statistics = g_string_new(NULL), ends = g_string_new(NULL), extended = g_string_new(NULL),
                     gin = g_string_new(NULL);
  for (DBA_EACH(DbaRelation, relation, &survey->schema.relations)) {
    if (!strcmp(relation->kind, "table") || !strcmp(relation->kind, "materialized view"))
      put_facts(facts, relation->schema, relation->name, relation->size_bytes, relation->pages, relation->rows, relation->all_visible_pages,
                NULL);
    put_statistics(statistics, "relation", relation->schema, relation->name, &relation->statistics);
    put_ends(ends, relation);
    put_gin(gin, relation);
    for (DBA_EACH(DbaIndex, index, &relation->indexes)) {
      if (!index->on_partitioned)
        put_facts(facts, relation->schema, index->name, index->size_bytes, index->pages, index->rows, 0, index);
      put_statistics(statistics, "relation", relation->schema, index->name, &index->statistics);
    }
  }
  for (DBA_EACH(DbaStatisticsObject, object, &survey->schema.statistics_objects))
    put_statistics(statistics, "object", object->schema, object->name, &object->statistics);
  put_extended(extended, &survey->schema);
  return dba_server_exec(server, dba_embedded_lab_sql("twin_input"), error) && copy(server, "pg_temp.extended_in", extended, error) &&
         copy(server, "pg_temp.facts_in", facts, error) && copy(server, "pg_temp.statistics_in", statistics, error) &&
         copy(server, "pg_temp.ends_in", ends, error) && copy(server, "pg_temp.gin_in", gin, error);
}

bool dba_twin_note_failed(DbaServer *server, DbaLoad *load, GError **error) {
  g_autoptr(DbaResult) failed = dba_server_query(server, dba_embedded_lab_sql("twin_failed"), NULL, error);
  if (!failed)
    return false;
  for (int row = 0; row < dba_result_rows(failed); row++) {
    g_autofree char *text = g_strdup_printf("its statistics are left out: %s", dba_result_text(failed, row, 1));
    dba_load_note(load, dba_result_text(failed, row, 0), 0, text);
  }
  return true;
}

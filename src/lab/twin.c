// SPDX-License-Identifier: Apache-2.0
// The twin: a database with the subject's schema and statistics and no rows, which plans as the subject does.
//
// Statistics are written into pg_statistic.  Sizes of files and heights of indexes, which the planner would take from the
// empty files, are answered by a module of ours in the twin's sessions (pgmodule/dbarch_twin.c).  Settings that enter the
// planner's costs are the subject's, set for the database.  What cannot be carried over is noted by name.
#include "lab/lab-int.h"

#include "sql/sql.h"

#include "lab-sql.h"

#include <string.h>

enum { BLOCK_BYTES = 8192 };

// Settings that change plans or their costs (documentation, "Query Planning" and "Resource Consumption").
static const char *const planner_settings[] = {
    "constraint_exclusion",
    "cpu_index_tuple_cost",
    "cpu_operator_cost",
    "cpu_tuple_cost",
    "cursor_tuple_fraction",
    "effective_cache_size",
    "effective_io_concurrency",
    "enable_async_append",
    "enable_bitmapscan",
    "enable_gathermerge",
    "enable_group_by_reordering",
    "enable_hashagg",
    "enable_hashjoin",
    "enable_incremental_sort",
    "enable_indexonlyscan",
    "enable_indexscan",
    "enable_material",
    "enable_memoize",
    "enable_mergejoin",
    "enable_nestloop",
    "enable_parallel_append",
    "enable_parallel_hash",
    "enable_partition_pruning",
    "enable_partitionwise_aggregate",
    "enable_partitionwise_join",
    "enable_presorted_aggregate",
    "enable_seqscan",
    "enable_sort",
    "enable_tidscan",
    "from_collapse_limit",
    "geqo",
    "geqo_effort",
    "geqo_generations",
    "geqo_pool_size",
    "geqo_seed",
    "geqo_selection_bias",
    "geqo_threshold",
    "hash_mem_multiplier",
    "jit",
    "jit_above_cost",
    "jit_inline_above_cost",
    "jit_optimize_above_cost",
    "join_collapse_limit",
    "max_parallel_workers_per_gather",
    "min_parallel_index_scan_size",
    "min_parallel_table_scan_size",
    "parallel_leader_participation",
    "parallel_setup_cost",
    "parallel_tuple_cost",
    "plan_cache_mode",
    "random_page_cost",
    "recursive_worktable_factor",
    "seq_page_cost",
    "work_mem",
};

// ---- COPY -----------------------------------------------------------------------------------------------------------

static void put(GString *row, const char *text) { // one field of COPY's text format; NULL is \N
  g_string_append(row, row->len && row->str[row->len - 1] != '\n' ? "\t" : "");
  if (!text) {
    g_string_append(row, "\\N");
    return;
  }
  dba_copy_append(row, text);
}

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
  put_real(rows, tuples);
  put_real(rows, (double)all_visible);
  put(rows, height);
  put(rows, rank);
  g_string_append_c(rows, '\n');
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
    g_string_append_c(rows, '\n');
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
    g_string_append_c(rows, '\n');
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
      g_string_append_c(rows, '\n');
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
    g_string_append_c(rows, '\n');
  }
}

// ---- building -------------------------------------------------------------------------------------------------------

bool dba_lab_install_module(const DbaLab *lab, const char *folder, char **ret_path, GError **error) {
  g_autofree char *name = g_strdup_printf("dbarch_twin-%d.so", dba_lab_binaries(lab)->major),
                  *from = folder ? g_build_filename(folder, name, NULL) : NULL, *to = g_build_filename(dba_lab_folder(lab), name, NULL);
  g_autofree char *bytes = NULL;
  size_t length;
  g_autoptr(GError) problem = NULL;
  if (g_file_test(to, G_FILE_TEST_EXISTS)) { // a loaded module is not written over
    *ret_path = g_steal_pointer(&to);
    return true;
  }
  if (!from || !g_file_get_contents(from, &bytes, &length, &problem))
    return dba_fail(
        error, DBA_ERROR_LAB,
        "the planner module for PostgreSQL %d was not built (hint: its server headers come with tools/runtime.sh %d; then make)",
        dba_lab_binaries(lab)->major, dba_lab_binaries(lab)->major);
  if (!g_file_set_contents_full(to, bytes, (gssize)length, G_FILE_SET_CONTENTS_CONSISTENT, 0644, &problem))
    return dba_fail(error, DBA_ERROR_LAB, "%s", problem->message);
  *ret_path = g_steal_pointer(&to);
  return true;
}

static bool set_one(DbaServer *server, const char *database, const char *name, const char *value, GError **error) {
  g_autoptr(GString) sql = g_string_new("alter database ");
  dba_sql_append_identifier(sql, database);
  g_string_append_printf(sql, " set %s = ", name);
  dba_sql_append_literal(sql, value);
  return dba_server_exec(server, sql->str, error);
}

// Unqualified names are looked for in all schemas of the subject, public first.
static bool set_path(DbaServer *server, const char *database, const DbaSurvey *survey, GError **error) {
  g_autoptr(GString) sql = g_string_new("alter database ");
  dba_sql_append_identifier(sql, database);
  g_string_append(sql, " set search_path = public");
  for (DBA_EACH(DbaNamespace, namespace, &survey->schema.namespaces)) {
    if (!strcmp(namespace->name, "public"))
      continue;
    g_string_append(sql, ", ");
    dba_sql_append_identifier(sql, namespace->name);
  }
  return dba_server_exec(server, sql->str, error);
}

bool dba_lab_set_planner(DbaServer *server, const char *database, const DbaSurvey *survey, DbaLoad *load, GError **error) {
  g_autoptr(GString) names = g_string_new("{");
  for (size_t i = 0; i < G_N_ELEMENTS(planner_settings); i++)
    g_string_append_printf(names, "%s%s", i ? "," : "", planner_settings[i]);
  g_string_append_c(names, '}');
  const char *parameters[] = {names->str, NULL};
  g_autoptr(DbaResult) known = dba_server_query(server, dba_embedded_lab_sql("boot_settings"), parameters, error);
  if (!known)
    return false;
  for (int row = 0; row < dba_result_rows(known); row++) { // what this server does not know stays out
    const char *name = dba_result_text(known, row, 0), *value = dba_survey_setting(survey, name);
    g_autoptr(GError) problem = NULL;
    if (set_one(server, database, name, value ? value : dba_result_text(known, row, 1), &problem))
      continue;
    if (!g_error_matches(problem, DBA_ERROR, DBA_ERROR_DATABASE)) {
      g_propagate_error(error, g_steal_pointer(&problem));
      return false;
    }
    dba_load_note(load, name, 0, problem->message);
  }
  return set_path(server, database, survey, error);
}

static bool write_facts(DbaServer *server, const DbaSurvey *survey, const char *module, DbaLoad *load, GError **error) {
  g_autoptr(GString) literal = g_string_new(NULL), facts = g_string_new(NULL), statistics = g_string_new(NULL), ends = g_string_new(NULL),
                     extended = g_string_new(NULL), gin = g_string_new(NULL);
  dba_sql_append_literal(literal, module);
  g_auto(GStrv) pieces = g_strsplit(dba_embedded_lab_sql("twin_functions"), "%s", -1);
  g_autofree char *functions = g_strjoinv(literal->str, pieces);
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
  if (!dba_server_exec(server, functions, error) || !dba_server_exec(server, dba_embedded_lab_sql("twin_input"), error) ||
      !copy(server, "pg_temp.extended_in", extended, error) || !copy(server, "pg_temp.facts_in", facts, error) ||
      !copy(server, "pg_temp.statistics_in", statistics, error) || !copy(server, "pg_temp.ends_in", ends, error) ||
      !copy(server, "pg_temp.gin_in", gin, error) || !dba_server_exec(server, dba_embedded_lab_sql("twin_end"), error))
    return false;
  g_autoptr(DbaResult) failed = dba_server_query(server, dba_embedded_lab_sql("twin_failed"), NULL, error);
  if (!failed)
    return false;
  for (int row = 0; row < dba_result_rows(failed); row++) {
    g_autofree char *text = g_strdup_printf("its statistics are left out: %s", dba_result_text(failed, row, 1));
    dba_load_note(load, dba_result_text(failed, row, 0), 0, text);
  }
  return true;
}

static bool has_values(const DbaSurvey *survey) {
  for (DBA_EACH(DbaRelation, relation, &survey->schema.relations))
    for (DBA_EACH(DbaColumnStatistics, x, &relation->statistics))
      if (x->common_values || x->histogram || x->common_elements || x->range_bounds)
        return true;
  return false;
}

bool dba_lab_create_twin(const DbaLab *lab, const char *database, const DbaSurvey *survey, const char *modules, DbaLoad *load,
                         GError **error) {
  g_autofree char *module = NULL, *schema = NULL;
  if (!has_values(survey))
    dba_load_note(load, "statistics", 0,
                  "the survey was taken without values: selectivities are guesses (hint: take it without --no-values)");
  DbaSchemaWrite options = {.no_owners = true, .no_grants = true};
  if (!dba_lab_install_module(lab, modules, &module, error))
    return false;
  schema = dba_schema_write(&survey->schema, &options);
  if (!dba_lab_create_database(lab, database, NULL, error) || !dba_lab_create_roles(lab, &survey->schema, error) ||
      !dba_lab_load_text(lab, database, "schema", schema, true, load, error))
    return false;
  g_autoptr(DbaServer) server = dba_lab_connect(lab, DBA_LAB_SUPERUSER, database, error);
  return server && write_facts(server, survey, module, load, error) && dba_lab_set_planner(server, database, survey, load, error) &&
         set_one(server, database, "session_preload_libraries", module, error); // one literal is one name of the list
}

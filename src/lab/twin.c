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

// ---- building -------------------------------------------------------------------------------------------------------

static char *module_file(const DbaLab *lab, const char *folder) {
  g_autofree char *name = g_strdup_printf("dbarch_twin-%d.so", dba_lab_binaries(lab)->major);
  return folder ? g_build_filename(folder, name, NULL) : NULL;
}

bool dba_lab_has_module(const DbaLab *lab, const char *folder) {
  g_autofree char *file = module_file(lab, folder);
  return file && g_file_test(file, G_FILE_TEST_EXISTS);
}

bool dba_lab_install_module(const DbaLab *lab, const char *folder, char **ret_path, GError **error) {
  g_autofree char *from = module_file(lab, folder), *to = module_file(lab, dba_lab_folder(lab));
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

bool dba_lab_set_time_zone(const DbaLab *lab, const char *database, const DbaSurvey *survey, GError **error) {
  for (DBA_EACH(DbaSetting, setting, &survey->settings)) {
    if (strcmp(setting->name, "TimeZone") || !setting->value)
      continue;
    g_autoptr(DbaServer) server = dba_lab_connect(lab, DBA_LAB_SUPERUSER, "postgres", error);
    g_autoptr(GString) sql = g_string_new("alter database ");
    g_autoptr(GError) unknown = NULL;
    dba_sql_append_identifier(sql, database);
    g_string_append(sql, " set timezone = ");
    dba_sql_append_literal(sql, setting->value);
    if (!server)
      return false;
    if (!dba_server_exec(server, sql->str, &unknown) && !g_error_matches(unknown, DBA_ERROR, DBA_ERROR_DATABASE))
      return g_propagate_error(error, g_steal_pointer(&unknown)), false;
  }
  return true;
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
  g_autoptr(GString) literal = g_string_new(NULL);
  dba_sql_append_literal(literal, module);
  g_auto(GStrv) pieces = g_strsplit(dba_embedded_lab_sql("twin_functions"), "%s", -1);
  g_autofree char *functions = g_strjoinv(literal->str, pieces);
  return dba_server_exec(server, functions, error) && dba_twin_input(server, survey, error) &&
         dba_server_exec(server, dba_embedded_lab_sql("twin_take"), error) &&
         dba_server_exec(server, dba_embedded_lab_sql("twin_end"), error) && dba_twin_note_failed(server, load, error);
}

static bool has_values(const DbaSurvey *survey) {
  for (DBA_EACH(DbaRelation, relation, &survey->schema.relations))
    for (DBA_EACH(DbaColumnStatistics, x, &relation->statistics))
      if (x->common_values || x->histogram || x->common_elements || x->range_bounds)
        return true;
  return false;
}

// A database with the schema alone; a session of the superuser in it.
static DbaServer *create_empty(const DbaLab *lab, const char *database, const DbaSurvey *survey, DbaLoad *load, GError **error) {
  DbaSchemaWrite options = {.no_owners = true, .no_grants = true, .no_rows = true};
  g_autofree char *schema = dba_schema_write(&survey->schema, &options);
  if (!has_values(survey))
    dba_load_note(load, "statistics", 0,
                  "the survey was taken without values: selectivities are guesses (hint: take it without --no-values)");
  if (!dba_lab_create_database(lab, database, NULL, error) || !dba_lab_create_roles(lab, &survey->schema, error) ||
      !dba_lab_load_text(lab, database, "schema", schema, true, load, error))
    return NULL;
  return dba_lab_connect(lab, DBA_LAB_SUPERUSER, database, error);
}

bool dba_lab_create_twin(const DbaLab *lab, const char *database, const DbaSurvey *survey, const char *modules, DbaLoad *load,
                         GError **error) {
  g_autofree char *module = NULL;
  if (!dba_lab_install_module(lab, modules, &module, error))
    return false;
  g_autoptr(DbaServer) server = create_empty(lab, database, survey, load, error);
  return server && write_facts(server, survey, module, load, error) && dba_lab_set_planner(server, database, survey, load, error) &&
         set_one(server, database, "session_preload_libraries", module, error); // one literal is one name of the list
}

bool dba_lab_create_sparse_twin(const DbaLab *lab, const char *database, const DbaSurvey *survey, DbaLoad *load, GError **error) {
  g_autoptr(DbaServer) server = create_empty(lab, database, survey, load, error);
  return server && dba_lab_fill_sparse(lab, server, survey, load, error) && dba_lab_set_planner(server, database, survey, load, error);
}

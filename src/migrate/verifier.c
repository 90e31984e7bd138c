// SPDX-License-Identifier: Apache-2.0
// The two databases of a verification, and scripts run in them.
//
// "base" is the history alone; "trial" has made rows too, and is made anew from base whenever something went wrong in it.
#include "migrate/verifier.h"

#include "migrate-sql.h"

#include <string.h>

const char DBA_VERIFIED_DATABASE[] = "base";
const char *const dba_verifier_databases[DBA_N_DATABASES] = {"base", "trial"};

// ---- databases ------------------------------------------------------------------------------------------------------

DbaLabSession *dba_verifier_session(DbaVerifier *v, int which, GError **error) {
  if (!v->sessions[which])
    v->sessions[which] = dba_lab_session_open(v->lab, dba_verifier_databases[which], v->migrations->folder, v->loads[which], error);
  return v->sessions[which];
}

void dba_verifier_close(DbaVerifier *v, int which) {
  dba_lab_session_close(v->sessions[which]);
  v->sessions[which] = NULL;
}

// Trial as a copy of base, empty of made rows.
bool dba_verifier_renew_trial(DbaVerifier *v, GError **error) {
  dba_catalog_let_go(v->reader);
  dba_verifier_close(v, DBA_BASE);
  dba_verifier_close(v, DBA_TRIAL);
  if (v->trial_stands && !dba_lab_drop_database(v->lab, dba_verifier_databases[DBA_TRIAL], error))
    return false;
  v->trial_stands = dba_lab_create_database(v->lab, dba_verifier_databases[DBA_TRIAL], dba_verifier_databases[DBA_BASE], error);
  v->dirty = false;
  dba_row_cache_free(v->sums);
  v->sums = dba_row_cache_new();
  g_hash_table_remove_all(v->tried);
  return v->trial_stands;
}

bool dba_verifier_rows(DbaVerifier *v, DbaRowSums **ret_sums, GError **error) {
  DbaServer *superuser =
      dba_verifier_session(v, DBA_TRIAL, error) ? dba_catalog_server(v->reader, dba_verifier_databases[DBA_TRIAL], error) : NULL;
  *ret_sums = superuser ? dba_row_sums_read(dba_lab_session_server(v->sessions[DBA_TRIAL]), superuser, v->sums, error) : NULL;
  return *ret_sums != NULL;
}

static const DbaRelation *relation_named(const DbaSchema *schema, const char *quoted) {
  for (DBA_EACH(DbaRelation, relation, &schema->relations)) {
    g_autofree char *name = dba_sql_name(relation->schema, relation->name);
    if (!strcmp(name, quoted))
      return relation;
  }
  return NULL;
}

// Made rows for the tables of trial that have none and were not tried yet.
// A table that does not take it keeps its smooth values.
bool dba_rows_roughen(DbaServer *server, GHashTable *filled, GError **error) {
  GHashTableIter iter;
  void *relation;
  if (!dba_server_exec(server, "set session_replication_role = replica", error)) // no triggers
    return false;
  g_hash_table_iter_init(&iter, filled);
  while (g_hash_table_iter_next(&iter, &relation, NULL)) {
    g_autofree char *name = dba_sql_name(((DbaRelation *)relation)->schema, ((DbaRelation *)relation)->name);
    const char *parameters[] = {name, NULL};
    g_autoptr(DbaResult) update = dba_server_query(server, dba_embedded_migrate_sql("rough_values"), parameters, error);
    g_autoptr(GError) problem = NULL;
    if (!update)
      return false;
    if (dba_result_rows(update) && !dba_server_exec(server, dba_result_text(update, 0, 0), &problem) &&
        !g_error_matches(problem, DBA_ERROR, DBA_ERROR_DATABASE))
      return g_propagate_error(error, g_steal_pointer(&problem)), false;
  }
  return true;
}

bool dba_verifier_fill(DbaVerifier *v, const DbaCatalog *catalog, GError **error) {
  enum { LONGEST_S = 20 };
  g_autoptr(GPtrArray) tables = dba_catalog_tables(catalog), empty = g_ptr_array_new(), relations = g_ptr_array_new();
  g_autoptr(DbaRowSums) sums = NULL;
  for (guint i = 0; i < tables->len; i++)
    if (!g_hash_table_contains(v->tried, tables->pdata[i]))
      g_ptr_array_add(empty, tables->pdata[i]);
  if (!empty->len || !v->options->rows)
    return true;
  if (!dba_verifier_rows(v, &sums, error))
    return false;
  DbaServer *server = dba_lab_session_server(v->sessions[DBA_TRIAL]);
  g_autoptr(DbaSchema) schema = dba_schema_new();
  if (!dba_server_read_schema(server, schema, error))
    return false;
  for (guint i = 0; i < empty->len; i++) {
    const DbaRelation *relation = relation_named(schema, empty->pdata[i]);
    if (relation && !dba_row_sums_has_rows(sums, empty->pdata[i]))
      g_ptr_array_add(relations, (DbaRelation *)(uintptr_t)relation);
    g_hash_table_add(v->tried, g_strdup(empty->pdata[i]));
  }
  g_autoptr(DbaLoad) load = dba_load_new();
  g_autoptr(GHashTable) filled = g_hash_table_new(NULL, NULL);
  return dba_lab_generate_rows(server, schema, relations, v->options->rows, g_get_monotonic_time() + (gint64)LONGEST_S * G_USEC_PER_SEC,
                               load, filled, error) &&
         dba_rows_roughen(server, filled, error) && dba_server_exec(server, "discard all", error);
}

// ---- scripts --------------------------------------------------------------------------------------------------------

// Is the failure the lab's, or the person's who interrupted?
bool dba_verifier_is_ours(const GError *problem) {
  return !g_error_matches(problem, DBA_ERROR, DBA_ERROR_INPUT) && !g_error_matches(problem, DBA_ERROR, DBA_ERROR_DATABASE) &&
         !g_error_matches(problem, DBA_ERROR, DBA_ERROR_REFUSED);
}

static bool see(void *data, const DbaSqlStatement *item, double ms, GError **error) {
  DbaVerifier *v = data;
  DbaSeen seen = {.item = item, .ms = ms};
  if (!dba_observer_look(v->observer, dba_lab_session_server(v->sessions[DBA_TRIAL]), v->result->arena, &seen.effects, error))
    return false;
  g_array_append_val(v->seen, seen);
  return true;
}

static bool see_end(void *data, GError **error) {
  DbaVerifier *v = data;
  return dba_observer_ended(v->observer, dba_lab_session_server(v->sessions[DBA_TRIAL]), error);
}

// Did only the session end, and the server goes on?
static bool is_end_of_session(const DbaVerifier *v, const GError *problem) {
  g_autoptr(GError) ignored = NULL;
  if (!g_error_matches(problem, DBA_ERROR, DBA_ERROR_LAB) && !g_error_matches(problem, DBA_ERROR, DBA_ERROR_CONNECT))
    return false;
  g_autoptr(DbaServer) server = dba_lab_connect(v->lab, DBA_LAB_SUPERUSER, "postgres", &ignored);
  return server != NULL;
}

bool dba_verifier_attempt(DbaVerifier *v, int which, const DbaScript *script, bool watched, DbaOutcome *ret_outcome, GError **error) {
  DbaScriptWatch watch = {see, see_end, v};
  dba_outcome_clear(ret_outcome);
  if (!dba_verifier_session(v, which, error))
    return false;
  DbaServer *server = dba_lab_session_server(v->sessions[which]);
  g_autoptr(GError) problem = NULL;
  gint64 begin = g_get_monotonic_time();
  dba_server_set_deadline(server, begin + (gint64)(v->options->limit_seconds * G_USEC_PER_SEC));
  dba_server_set_sqlstate(server, "");
  if (watched) {
    g_array_set_size(v->seen, 0);
    if (!dba_observer_begin(v->observer, server, error))
      return false;
  }
  ret_outcome->ok = dba_script_run(v->sessions[which], script, watched ? &watch : NULL, &problem);
  ret_outcome->ms = (double)(g_get_monotonic_time() - begin) / 1e3;
  dba_server_set_deadline(server, 0);
  if (!ret_outcome->ok && is_end_of_session(v, problem)) {
    dba_verifier_close(v, which);
    v->dirty = true;
    ret_outcome->message = g_strdup_printf("%s:1:1: its session ended: %s", script->path, problem->message);
    return true;
  }
  if (!ret_outcome->ok) {
    if (dba_verifier_is_ours(problem))
      return g_propagate_error(error, g_steal_pointer(&problem)), false;
    g_strlcpy(ret_outcome->sqlstate, dba_server_sqlstate(server), sizeof ret_outcome->sqlstate);
    bool late = ret_outcome->ms >= v->options->limit_seconds * 1e3;
    ret_outcome->message =
        late ? g_strdup_printf("%s:1:1: it did not end within %.0f s (hint: --budget)", script->path, v->options->limit_seconds)
             : g_strdup(problem->message);
  }
  return dba_server_exec(server, "discard all", error);
}

void dba_step_clear(DbaStep *step) {
  g_clear_pointer(&step->up, dba_catalog_free);
  g_clear_pointer(&step->rows_before, dba_row_sums_free);
  g_clear_pointer(&step->rows_up, dba_row_sums_free);
}

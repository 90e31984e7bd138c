// SPDX-License-Identifier: Apache-2.0
// A live server to a Survey: schema, counters, sizes, settings, workload, and what could not be read.
//
// Everything runs in one REPEATABLE READ READ ONLY transaction with short timeouts.  What may fail for lack of a right or
// behind somebody's lock runs under a savepoint, and its failure becomes a gap of the survey instead of an error.
#include "server/server-int.h"

#include "sql/sql.h"

#include <string.h>

typedef struct Merge {
  const char *query;
  const DbaRecord *record;
  const char *what; // for the gap
} Merge;

// What was read before, by "oid".  Relations and indexes share their numbers: the kind is asked for too.
typedef struct Known {
  const DbaRecord *record;
  void *item;
} Known;

static void *find(GHashTable *by_oid, const DbaResult *result, int row, const DbaRecord *record) {
  const Known *known = g_hash_table_lookup(by_oid, GSIZE_TO_POINTER((gsize)dba_result_int(result, row, 0)));
  return known && known->record == record ? known->item : NULL;
}

// Rows that add to records read before, found by "oid".
static bool merge(DbaServer *server, DbaSurvey *survey, GHashTable *by_oid, const Merge *merge, GError **error) {
  static const char *const others[] = {"oid", NULL};
  g_autoptr(DbaResult) result = dba_server_query_named(server, merge->query, error);
  g_autoptr(DbaRowMap) map = result ? dba_row_map_new(result, merge->record, others, error) : NULL;
  if (!map)
    return false;
  for (int row = 0; row < dba_result_rows(result); row++) {
    void *item = find(by_oid, result, row, merge->record);
    if (item)
      dba_row_map_read(map, survey->arena, result, row, item);
  }
  return true;
}

// Runs a step that may fail; its failure is a gap.  False only when the connection or the user ended it.
typedef bool (*Step)(DbaServer *server, DbaSurvey *survey, GHashTable *by_oid, const void *data, GError **error);

static bool try_step(DbaServer *server, DbaSurvey *survey, GHashTable *by_oid, Step step, const void *data, const char *what,
                     GError **error) {
  g_autoptr(GError) problem = NULL;
  if (!dba_server_exec(server, "savepoint dbarch", error))
    return false;
  if (step(server, survey, by_oid, data, &problem))
    return dba_server_exec(server, "release savepoint dbarch", error);
  if (!g_error_matches(problem, DBA_ERROR, DBA_ERROR_DATABASE)) {
    g_propagate_error(error, g_steal_pointer(&problem));
    return false;
  }
  const char *state = dba_server_sqlstate(server);
  const char *remedy = !strcmp(state, "42501")   ? "grant pg_monitor to this role"
                       : !strcmp(state, "55P03") ? "another session holds ACCESS EXCLUSIVE on a table: try again when it is done"
                       : !strcmp(state, "55000") ? "load the library in shared_preload_libraries"
                                                 : "see the message";
  dba_survey_add_gap(survey, what, problem->message, remedy);
  return dba_server_exec(server, "rollback to savepoint dbarch", error);
}

static bool merge_step(DbaServer *server, DbaSurvey *survey, GHashTable *by_oid, const void *data, GError **error) {
  return merge(server, survey, by_oid, data, error);
}

// `data`: the query, with values or without.
static bool column_statistics_step(DbaServer *server, DbaSurvey *survey, GHashTable *by_oid, const void *data, GError **error) {
  static const char *const others[] = {"parent", NULL};
  g_autoptr(DbaResult) result = dba_server_query_named(server, data, error);
  g_autoptr(DbaRowMap) map = result ? dba_row_map_new(result, &dba_column_statistics_record, others, error) : NULL;
  if (!map)
    return false;
  for (int row = 0; row < dba_result_rows(result); row++) {
    DbaRelation *relation = find(by_oid, result, row, &dba_relation_record);
    DbaIndex *index = find(by_oid, result, row, &dba_index_record);
    DbaStatisticsObject *object = find(by_oid, result, row, &dba_statistics_object_record);
    DbaList *list = relation ? &relation->statistics : index ? &index->statistics : object ? &object->statistics : NULL;
    if (list)
      dba_row_map_read(map, survey->arena, result, row, dba_list_add(survey->arena, list, sizeof(DbaColumnStatistics)));
  }
  return true;
}

// One statement for a hundred sequences: each is a relation of its own that has to be read.
static bool sequences_step(DbaServer *server, DbaSurvey *survey, GHashTable *by_oid, const void *data, GError **error) {
  enum { AT_ONCE = 100 };
  (void)survey, (void)data;
  g_autoptr(DbaResult) readable = dba_server_query_named(server, "sequence_values", error);
  if (!readable)
    return false;
  for (int row = 0; row < dba_result_rows(readable);) {
    g_autoptr(GString) sql = g_string_new(NULL);
    for (int n = 0; n < AT_ONCE && row < dba_result_rows(readable); n++, row++) {
      g_string_append_printf(sql, "%sselect %s::bigint, last_value, is_called from ", n ? " union all " : "",
                             dba_result_text(readable, row, 2));
      dba_sql_append_name(sql, dba_result_text(readable, row, 0), dba_result_text(readable, row, 1));
    }
    g_autoptr(DbaResult) values = dba_server_query(server, sql->str, NULL, error);
    if (!values)
      return false;
    for (int i = 0; i < dba_result_rows(values); i++) {
      DbaSequence *sequence = find(by_oid, values, i, &dba_sequence_record);
      if (!sequence || *dba_result_text(values, i, 2) != 't')
        continue;
      sequence->has_last_value = true;
      sequence->last_value = dba_result_int(values, i, 1);
    }
  }
  return true;
}

// pg_stat_statements puts $1 in the place of a literal also where the grammar wants one: interval '1 day' becomes interval $1.
static const char *parsable(DbaArena *arena, const char *text) {
  static const char TYPED[] = "\\b(interval|date|timestamptz|timestamp|timetz|time)\\s+(\\$\\d+)";
  g_autoptr(GRegex) regex = text ? g_regex_new(TYPED, G_REGEX_CASELESS, 0, NULL) : NULL;
  g_autofree char *new = regex ? g_regex_replace(regex, text, -1, 0, "\\2::\\1", 0, NULL) : NULL;
  return new ? dba_arena_text(arena, new) : text;
}

static bool workload_step(DbaServer *server, DbaSurvey *survey, GHashTable *by_oid, const void *data, GError **error) {
  (void)by_oid, (void)data;
  g_autoptr(DbaResult) where = dba_server_query_named(server, "statements_where", error);
  if (!where)
    return false;
  if (!dba_result_rows(where)) {
    dba_survey_add_gap(survey, "the workload", "pg_stat_statements is not installed in this database",
                       "create extension pg_stat_statements (and load it in shared_preload_libraries)");
    return true;
  }
  g_autofree char *template = dba_server_sql(server, "statements");
  g_auto(GStrv) halves = g_strsplit(template, "%s", -1);
  g_autofree char *sql = g_strjoinv(dba_result_text(where, 0, 0), halves);
  g_autoptr(DbaResult) result = dba_server_query(server, sql, NULL, error);
  g_autoptr(DbaRowMap) map = result ? dba_row_map_new(result, &dba_workload_statement_record, NULL, error) : NULL;
  if (!map)
    return false;
  for (int row = 0; row < dba_result_rows(result); row++) {
    DbaWorkloadStatement *statement = dba_list_add(survey->arena, &survey->workload, sizeof *statement);
    dba_row_map_read(map, survey->arena, result, row, statement);
    statement->text = parsable(survey->arena, statement->text);
  }
  return true;
}

static bool ends_step(DbaServer *server, DbaSurvey *survey, GHashTable *by_oid, const void *data, GError **error) {
  (void)by_oid;
  return dba_server_read_ends(server, survey, *(const DbaSurveyValues *)data != DBA_SURVEY_VALUES_OF_A_LAB, error);
}

static bool heights_step(DbaServer *server, DbaSurvey *survey, GHashTable *by_oid, const void *data, GError **error) {
  (void)by_oid, (void)data;
  return dba_server_read_heights(server, survey, error);
}

static bool gin_step(DbaServer *server, DbaSurvey *survey, GHashTable *by_oid, const void *data, GError **error) {
  (void)by_oid, (void)data;
  return dba_server_read_gin(server, survey, error);
}

static bool missing_reads(DbaServer *server, DbaSurvey *survey, GError **error) {
  g_autoptr(DbaResult) result = dba_server_query_named(server, "missing_reads", error);
  if (!result)
    return false;
  for (int row = 0; row < dba_result_rows(result); row++) {
    const char *schema = dba_result_text(result, row, 0);
    g_autofree char *what = g_strdup_printf("column statistics of %s tables in schema %s", dba_result_text(result, row, 1), schema);
    g_autofree char *remedy = g_strdup_printf("grant pg_read_all_data to %s, or select on the tables", survey->server.role);
    dba_survey_add_gap(survey, what, "this role may not read their columns, so pg_stats hides them", remedy);
  }
  if (!survey->server.reads_all_statistics && !survey->server.superuser)
    dba_survey_add_gap(survey, "statements and settings of other roles", "this role is no member of pg_read_all_stats",
                       "grant pg_monitor to it");
  return true;
}

static void know(GHashTable *by_oid, DbaArena *arena, const DbaRecord *record, int64_t oid, void *item) {
  Known *known = dba_arena_new0(arena, Known);
  *known = (Known){record, item};
  g_hash_table_insert(by_oid, GSIZE_TO_POINTER((gsize)oid), known);
}

static GHashTable *index_by_oid(DbaSurvey *survey) {
  GHashTable *by_oid = g_hash_table_new(NULL, NULL);
  for (DBA_EACH(DbaRelation, relation, &survey->schema.relations)) {
    know(by_oid, survey->arena, &dba_relation_record, relation->oid, relation);
    for (DBA_EACH(DbaIndex, index, &relation->indexes))
      know(by_oid, survey->arena, &dba_index_record, index->oid, index);
  }
  for (DBA_EACH(DbaStatisticsObject, object, &survey->schema.statistics_objects))
    know(by_oid, survey->arena, &dba_statistics_object_record, object->oid, object);
  for (DBA_EACH(DbaSequence, sequence, &survey->schema.sequences))
    know(by_oid, survey->arena, &dba_sequence_record, sequence->oid, sequence);
  return by_oid;
}

static bool read_survey(DbaServer *server, DbaSurvey *survey, DbaSurveyValues values, GError **error) {
  const Merge merges[] = {
      {"table_statistics", &dba_relation_record, "counters of tables"},
      {"index_statistics", &dba_index_record, "counters of indexes"},
      {"table_sizes", &dba_relation_record, "true sizes of tables"},
      {"index_sizes", &dba_index_record, "true sizes of indexes"},
      {values ? "extended_values" : "extended_statistics", &dba_statistics_object_record, "multi-column statistics"},
  };
  const Merge types = {"expression_types", &dba_statistics_object_record, "types of expressions"};
  g_autoptr(DbaResult) facts = dba_server_query_named(server, "server_facts", error);
  g_autoptr(DbaRowMap) map = facts ? dba_row_map_new(facts, &dba_server_facts_record, NULL, error) : NULL;
  if (!map)
    return false;
  if (dba_result_rows(facts) > 0)
    dba_row_map_read(map, survey->arena, facts, 0, &survey->server);
  if (!dba_server_read_list(server, survey->arena, "settings", &dba_setting_record, &survey->settings, error))
    return false;
  if (!dba_server_read_schema(server, &survey->schema, error) || !missing_reads(server, survey, error))
    return false;
  g_autoptr(GHashTable) by_oid = index_by_oid(survey);
  for (size_t i = 0; i < G_N_ELEMENTS(merges); i++)
    if (!try_step(server, survey, by_oid, merge_step, &merges[i], merges[i].what, error))
      return false;
  for (DBA_EACH(DbaRelation, relation, &survey->schema.relations)) { // where true sizes were not to be had
    if (!relation->size_bytes)
      relation->size_bytes = relation->pages * 8192;
    for (DBA_EACH(DbaIndex, index, &relation->indexes))
      if (!index->size_bytes)
        index->size_bytes = index->pages * 8192;
  }
  return try_step(server, survey, by_oid, sequences_step, NULL, "positions of sequences", error) &&
         try_step(server, survey, by_oid, column_statistics_step, values ? "column_values" : "column_statistics", "column statistics",
                  error) &&
         (dba_server_major(server) < 14 ||
          (try_step(server, survey, by_oid, column_statistics_step, values ? "expression_values" : "expression_statistics",
                    "statistics of expressions", error) &&
           try_step(server, survey, by_oid, merge_step, &types, types.what, error))) &&
         try_step(server, survey, by_oid, workload_step, NULL, "the workload", error) &&
         (values < DBA_SURVEY_VALUES || try_step(server, survey, by_oid, ends_step, &values, "the ends of indexed columns", error)) &&
         (values < DBA_SURVEY_COLUMN_VALUES || (try_step(server, survey, by_oid, heights_step, NULL, "heights of indexes", error) &&
                                                try_step(server, survey, by_oid, gin_step, NULL, "keys of GIN indexes", error)));
}

// A table that somebody keeps locked cannot be read: the catalog's own functions open it.  Says which, and whose lock it is.
static void fail_locked(DbaServer *server, GError **error) {
  g_autoptr(GError) ignored = NULL; // the same care as for a survey: read only, with an empty search path
  g_autoptr(DbaResult) holders =
      dba_server_exec_lines(server, "opening", &ignored) ? dba_server_query_named(server, "lock_holders", NULL) : NULL;
  const char *holder = holders && dba_result_rows(holders) ? dba_result_text(holders, 0, 0) : "a table is locked by another session";
  dba_fail(error, DBA_ERROR_DATABASE, "gave up waiting after 2 s: %s (hint: review again when that transaction has ended)", holder);
}

bool dba_server_begin_reading(DbaServer *server, GError **error) {
  // Each statement is short; between two of them the reader may have other work.
  return dba_server_exec_lines(server, "opening", error) &&
         dba_server_exec(server, "set local idle_in_transaction_session_timeout = '15min'", error);
}

DbaSurvey *dba_server_survey(DbaServer *server, const char *subject, DbaSurveyValues values, GError **error) {
  enum { TRIES = 12, PAUSE_US = 50000 };
  for (int attempt = 1;; attempt++) {
    g_autoptr(DbaSurvey) survey = dba_survey_new();
    g_autoptr(GError) problem = NULL;
    bool ok = dba_server_exec_lines(server, "opening", &problem) && read_survey(server, survey, values, &problem);
    if (ok && dba_server_exec(server, "commit", error)) {
      g_autofree char *clean = dba_text_hide_password(subject);
      survey->subject = dba_arena_text(survey->arena, clean);
      survey->subject_kind = "live database";
      survey->has_statistics = true;
      return g_steal_pointer(&survey);
    }
    if (ok)
      return NULL;
    // An object dropped between the reading of a catalog and a deparsing function: XX000 "cache lookup failed", 42P01, ...
    const char *state = dba_server_sqlstate(server);
    bool moved = g_error_matches(problem, DBA_ERROR, DBA_ERROR_DATABASE) &&
                 (!strcmp(state, "XX000") || !strcmp(state, "42P01") || !strcmp(state, "42704") || !strcmp(state, "42883") ||
                  !strcmp(state, "40001"));
    bool locked = !strcmp(state, "55P03");
    g_autoptr(GError) ignored = NULL;
    if (g_error_matches(problem, DBA_ERROR, DBA_ERROR_DATABASE) && !dba_server_exec(server, "rollback", &ignored))
      moved = false;
    if (g_error_matches(problem, DBA_ERROR, DBA_ERROR_DATABASE) && locked) {
      fail_locked(server, error);
      return NULL;
    }
    if (moved && attempt < TRIES)
      g_usleep(PAUSE_US);
    if (!moved || attempt == TRIES) {
      g_propagate_error(error, g_steal_pointer(&problem));
      return NULL;
    }
  }
}

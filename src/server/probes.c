// SPDX-License-Identifier: Apache-2.0
// What no catalog tells: heights of btree indexes and the true ends of their leading columns, learned with ordinary rights.
//
// pageinspect needs a superuser, but the planner tells the height to everybody: with all other costs at zero and
// cpu_operator_cost at a million, the start-up cost of an index scan is (ceil(log2(tuples)) + 50 * levels) million
// (btcostestimate, selfuncs.c), and the logarithm stays below 50.  Where a longer index with the same leading keys is chosen
// instead, or the index is partial or on expressions, the levels are counted from its pages.
//
// The planner looks up the ends of a column in the index when a constant falls beside the histogram
// (get_actual_variable_range): so do we, by ORDER BY ... LIMIT 1.
//
// Many questions go in one statement.  Only tables without row security are asked about, heights by EXPLAIN, which runs nothing,
// and ends for columns of built-in types and enums only, so that nothing of the subject's own making runs on the target.
#include "server/server-int.h"

#include "sql/sql.h"

#include <math.h>
#include <string.h>

enum { AT_ONCE = 40, MULTIPLIER = 50 };

typedef struct Question {
  DbaRelation *relation;
  DbaIndex *index;
} Question;

typedef struct Probe {
  DbaServer *server;
  DbaSurvey *survey;
  bool built_in_only, used_only;
  bool (*ask)(struct Probe *probe, const Question *questions, size_t n, GError **error);
} Probe;

static bool is_built_in(const DbaColumn *column) {
  return column && (!g_strcmp0(column->type_class, "e") || (!g_strcmp0(column->type_class, "b") && !strchr(column->type, '.')));
}

static bool can_ask(const DbaRelation *relation, const DbaIndex *index) {
  bool table = !strcmp(relation->kind, "table") || !strcmp(relation->kind, "materialized view");
  if (!table || relation->row_security || index->predicate || index->invalid || strcmp(index->method, "btree"))
    return false;
  for (DBA_EACH(DbaIndexKey, key, &index->keys))
    if (!key->included && (!key->column || key->opclass || key->collation))
      return false;
  return true;
}

// One that may not be read spoils its batch: halves are tried until it stands alone.
static bool ask_bravely(Probe *probe, const Question *questions, size_t n, GError **error) {
  g_autoptr(GError) problem = NULL;
  if (!n)
    return true;
  if (!dba_server_exec(probe->server, "savepoint dbarch_probe", error))
    return false;
  if (probe->ask(probe, questions, n, &problem))
    return dba_server_exec(probe->server, "release savepoint dbarch_probe", error);
  if (!g_error_matches(problem, DBA_ERROR, DBA_ERROR_DATABASE)) {
    g_propagate_error(error, g_steal_pointer(&problem));
    return false;
  }
  if (!dba_server_exec(probe->server, "rollback to savepoint dbarch_probe", error))
    return false;
  return n == 1 || (ask_bravely(probe, questions, n / 2, error) && ask_bravely(probe, questions + n / 2, n - n / 2, error));
}

// All that can be asked about, in batches without two indexes of one name: EXPLAIN names no schema.
static bool ask_all(Probe *probe, GError **error) {
  g_autoptr(GArray) batch = g_array_new(FALSE, FALSE, sizeof(Question));
  g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
  for (DBA_EACH(DbaRelation, relation, &probe->survey->schema.relations))
    for (DBA_EACH(DbaIndex, index, &relation->indexes)) {
      Question next = {relation, index};
      if (!can_ask(relation, index) || (probe->used_only && !index->scans) ||
          (probe->built_in_only && !is_built_in(dba_relation_column(relation, dba_list_at(DbaIndexKey, &index->keys, 0)->column))))
        continue;
      if (batch->len == AT_ONCE || g_hash_table_contains(names, index->name)) {
        if (!ask_bravely(probe, (const Question *)(void *)batch->data, batch->len, error))
          return false;
        g_array_set_size(batch, 0);
        g_hash_table_remove_all(names);
      }
      g_hash_table_add(names, (char *)(uintptr_t)index->name);
      g_array_append_val(batch, next);
    }
  return ask_bravely(probe, (const Question *)(void *)batch->data, batch->len, error);
}

// ---- heights --------------------------------------------------------------------------------------------------------

static void append_ordered(GString *sql, const Question *question) {
  g_autofree char *table = dba_sql_name(question->relation->schema, question->relation->name);
  bool first = true;
  g_string_append_printf(sql, "(select 1 from only %s order by ", table);
  for (DBA_EACH(DbaIndexKey, key, &question->index->keys)) {
    if (key->included)
      continue;
    g_string_append(sql, first ? "" : ", ");
    dba_sql_append_identifier(sql, key->column);
    g_string_append_printf(sql, " %s nulls %s", key->descending ? "desc" : "asc", key->nulls_first ? "first" : "last");
    first = false;
  }
  g_string_append(sql, " limit 1)");
}

// The start-up cost of the scan of that index in an EXPLAIN, or a negative number.
static double start_up_cost(const char *plan, const Question *question) {
  g_autofree char *index = dba_sql_name(NULL, question->index->name), *table = dba_sql_name(NULL, question->relation->name),
                  *scan = g_strdup_printf(" using %s on %s", index, table);
  const char *line = strstr(plan, scan), *cost = line ? strstr(line, "(cost=") : NULL;
  return cost ? g_ascii_strtod(cost + strlen("(cost="), NULL) : -1;
}

static bool ask_heights(Probe *probe, const Question *questions, size_t n, GError **error) {
  g_autoptr(GString) sql = g_string_new("explain select "), plan = g_string_new(NULL);
  for (size_t i = 0; i < n; i++) {
    g_string_append(sql, i ? ", " : "");
    append_ordered(sql, &questions[i]);
  }
  g_autoptr(DbaResult) result = dba_server_query(probe->server, sql->str, NULL, error);
  if (!result)
    return false;
  for (int row = 0; row < dba_result_rows(result); row++)
    g_string_append_printf(plan, "%s\n", dba_result_text(result, row, 0));
  for (size_t i = 0; i < n; i++) {
    double cost = start_up_cost(plan->str, &questions[i]) / 1e6;
    if (cost >= MULTIPLIER)
      questions[i].index->levels = (int64_t)(cost / MULTIPLIER);
  }
  return true;
}

// Levels of a freshly built btree of so many pages: inner pages are filled to 70 % with downlinks (nbtsort.c).
static int64_t levels_from_pages(const DbaRelation *relation, const DbaIndex *index) {
  enum { PAGE = 8192 - 24 - 16, DOWNLINK = 8 + 4, UNKNOWN_WIDTH = 16 };
  double width = 0;
  for (DBA_EACH(DbaIndexKey, key, &index->keys)) {
    const DbaColumn *column = key->column && !key->included ? dba_relation_column(relation, key->column) : NULL;
    double one = column && column->type_length > 0 ? (double)column->type_length : UNKNOWN_WIDTH;
    for (DBA_EACH(DbaColumnStatistics, statistics, &relation->statistics))
      if (column && column->type_length <= 0 && !strcmp(statistics->column, column->name))
        one = (double)statistics->width_bytes;
    width += key->included ? 0 : one;
  }
  int64_t fan_out = MAX((int64_t)(PAGE * 0.7 / (ceil((width + DOWNLINK) / 8) * 8)), 2);
  int64_t pages = MAX(index->size_bytes / 8192, index->pages) - 1, levels = 1;
  for (; pages > 1; pages = (pages + fan_out - 1) / fan_out)
    levels++;
  return levels;
}

bool dba_server_read_heights(DbaServer *server, DbaSurvey *survey, GError **error) {
  Probe probe = {.server = server, .survey = survey, .ask = ask_heights};
  g_autofree char *settings = dba_server_sql(server, "probe_heights");
  if (!dba_server_exec(server, settings, error) || !ask_all(&probe, error))
    return false;
  for (DBA_EACH(DbaRelation, relation, &survey->schema.relations))
    for (DBA_EACH(DbaIndex, index, &relation->indexes))
      if (!index->levels && !index->on_partitioned && !strcmp(index->method, "btree"))
        index->levels = levels_from_pages(relation, index);
  return true;
}

// ---- ends -----------------------------------------------------------------------------------------------------------

static DbaColumnStatistics *statistics_of(DbaRelation *relation, const char *column) {
  for (DBA_EACH(DbaColumnStatistics, statistics, &relation->statistics))
    if (!strcmp(statistics->column, column) && !statistics->inherited)
      return statistics;
  return NULL;
}

static void append_end(GString *sql, const Question *question, const char *direction) {
  g_autofree char *table = dba_sql_name(question->relation->schema, question->relation->name),
                  *column = dba_sql_name(NULL, dba_list_at(DbaIndexKey, &question->index->keys, 0)->column);
  // x.column, since a bare name in ORDER BY would be the text that is selected.
  g_string_append_printf(sql, "(select x.%s::text from only %s x where x.%s is not null order by x.%s %s limit 1)", column, table, column,
                         column, direction);
}

static bool ask_ends(Probe *probe, const Question *questions, size_t n, GError **error) {
  g_autoptr(GString) sql = g_string_new("select ");
  for (size_t i = 0; i < n; i++) {
    g_string_append(sql, i ? ", " : "");
    append_end(sql, &questions[i], "asc");
    g_string_append(sql, ", ");
    append_end(sql, &questions[i], "desc");
  }
  g_autoptr(DbaResult) result = dba_server_query(probe->server, sql->str, NULL, error);
  if (!result)
    return false;
  for (size_t i = 0; i < n; i++) {
    DbaColumnStatistics *statistics = statistics_of(questions[i].relation, dba_list_at(DbaIndexKey, &questions[i].index->keys, 0)->column);
    if (!statistics)
      continue;
    statistics->minimum = dba_arena_text(probe->survey->arena, dba_result_text(result, 0, (int)i * 2));
    statistics->maximum = dba_arena_text(probe->survey->arena, dba_result_text(result, 0, (int)i * 2 + 1));
  }
  return true;
}

bool dba_server_read_ends(DbaServer *server, DbaSurvey *survey, bool used_only, GError **error) {
  Probe probe = {.server = server, .survey = survey, .built_in_only = true, .used_only = used_only, .ask = ask_ends};
  g_autofree char *settings = dba_server_sql(server, "probe_ends");
  return dba_server_exec(server, settings, error) && ask_all(&probe, error);
}

// SPDX-License-Identifier: Apache-2.0
// What no catalog tells: heights of btree indexes, the size of GIN's tree of keys, the true ends of indexed columns; learned with
// ordinary rights.
//
// pageinspect needs a superuser, but the planner tells the height to everybody: with all other costs at zero and
// cpu_operator_cost at a million, the start-up cost of an index scan is (ceil(log2(tuples)) + 50 * levels) million
// (btcostestimate, selfuncs.c), and the logarithm stays below 50.  Where a longer index with the same leading keys is chosen
// instead, or the index is partial or on expressions, the levels are counted from its pages.
//
// A GIN index's meta page is told in the same way, by two constants in turn.  From PostgreSQL 16 on, the search for one key costs
// 2 log2(keys) + 100 S + 50 D + 51 operators and S + D random pages, S those of the key tree and D those of rows: both
// logarithm and S follow (gincostestimate; the numbers were found by setting the counters and looking).
//
// The planner looks up the ends of a column in the index when a constant falls beside the histogram
// (get_actual_variable_range): so do we, by ORDER BY ... LIMIT 1.
//
// Many questions go in one statement.  Planning folds the predicates and expressions of all indexes of a table and those of its
// statistics objects, immutable functions included: tables where these name anything but the server's own, and tables with row
// security, are not asked about, and ends only for columns of built-in types and enums, so that nothing of the subject's own making
// runs on the target.
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
  const char *method;
  bool built_in_only, used_only;
  bool (*ask)(struct Probe *probe, const Question *questions, size_t n, GError **error);
} Probe;

static bool is_built_in(const DbaColumn *column) {
  return column && (!g_strcmp0(column->type_class, "e") || (!g_strcmp0(column->type_class, "b") && !strchr(column->type, '.')));
}

// Deparsed under an empty search_path, what is not the server's own has a schema before it: a name, then a dot.  Strings are
// passed over, and quoted names as one piece, since either may hold the other's quote; doubled quotes end and begin it again.
static bool names_foreign_things(const char *text) {
  bool after_name = false;
  for (const char *p = text; p && *p; p++) {
    if (*p == '\'' || *p == '"') {
      after_name = *p == '"';
      p = strchr(p + 1, *p);
      if (!p)
        return true;
    } else if (*p == '.' && after_name) {
      return true;
    } else if (g_ascii_isalpha(*p) || *p == '_' || (unsigned char)*p >= 0x80) {
      after_name = true;
    } else if (!g_ascii_isdigit(*p) && *p != '$') { // digits go on with a name, and by themselves begin none
      after_name = false;
    }
  }
  return false;
}

static bool plans_only_our_own(const DbaSchema *schema, const DbaRelation *relation) {
  for (DBA_EACH(DbaIndex, index, &relation->indexes)) {
    if (names_foreign_things(index->predicate))
      return false;
    for (DBA_EACH(DbaIndexKey, key, &index->keys))
      if (names_foreign_things(key->expression))
        return false;
  }
  g_autofree char *table = dba_sql_name(relation->schema, relation->name);
  for (DBA_EACH(DbaStatisticsObject, object, &schema->statistics_objects)) {
    const char *on = object->definition ? strstr(object->definition, " ON ") : NULL, *from = on ? g_strrstr(on, " FROM ") : NULL;
    g_autofree char *columns = from ? g_strndup(on, (gsize)(from - on)) : NULL;
    if (!g_strcmp0(object->table, table) && (!columns || names_foreign_things(columns)))
      return false;
  }
  return true;
}

// A condition that looks for one key of a GIN index, for operator classes of the server's own.
static const struct {
  const char *type_name, *opclass, *condition;
} gin_questions[] = {
    {"jsonb", NULL, " ? 'k'"},
    {"jsonb", "pg_catalog.jsonb_path_ops", " @> '{\"k\": 1}'"},
    {"tsvector", NULL, " @@ 'k'::tsquery"},
    {"_text", NULL, " @> '{k}'"},
    {"_varchar", NULL, " @> '{k}'"},
    {"_int4", NULL, " @> '{1}'"},
    {"_int8", NULL, " @> '{1}'"},
    {"_uuid", NULL, " @> '{00000000-0000-0000-0000-000000000000}'"},
};

static const char *gin_question(const DbaRelation *relation, const DbaIndex *index) {
  const DbaIndexKey *key = dba_list_at(DbaIndexKey, &index->keys, 0);
  const DbaColumn *column = index->keys.n == 1 && key->column ? dba_relation_column(relation, key->column) : NULL;
  for (size_t i = 0; column && i < G_N_ELEMENTS(gin_questions); i++)
    if (is_built_in(column) && !g_strcmp0(column->type_name, gin_questions[i].type_name) &&
        !g_strcmp0(key->opclass, gin_questions[i].opclass))
      return gin_questions[i].condition;
  return NULL;
}

static bool can_ask(const DbaRelation *relation, const DbaIndex *index, const char *method) {
  bool table = !strcmp(relation->kind, "table") || !strcmp(relation->kind, "materialized view");
  if (!table || relation->row_security || index->predicate || index->invalid || strcmp(index->method, method))
    return false;
  if (!strcmp(method, "gin"))
    return gin_question(relation, index) != NULL;
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
  // Anything but a missing right (time above all) ends the step, which becomes a gap of the survey.
  if (!g_error_matches(problem, DBA_ERROR, DBA_ERROR_DATABASE) || strcmp(dba_server_sqlstate(probe->server), "42501")) {
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
  for (DBA_EACH(DbaRelation, relation, &probe->survey->schema.relations)) {
    if (!plans_only_our_own(&probe->survey->schema, relation))
      continue;
    for (DBA_EACH(DbaIndex, index, &relation->indexes)) {
      Question next = {relation, index};
      if (!can_ask(relation, index, probe->method) || (probe->used_only && !index->scans) ||
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
  Probe probe = {.server = server, .survey = survey, .method = "btree", .ask = ask_heights};
  if (!dba_server_exec_lines(server, "probe_heights", error) || !ask_all(&probe, error))
    return false;
  for (DBA_EACH(DbaRelation, relation, &survey->schema.relations))
    for (DBA_EACH(DbaIndex, index, &relation->indexes))
      if (!index->levels && !index->on_partitioned && !strcmp(index->method, "btree"))
        index->levels = levels_from_pages(relation, index);
  return true;
}

// ---- GIN ------------------------------------------------------------------------------------------------------------

// The total cost of the bitmap scan of that index, in millions, or a negative number.
static double bitmap_cost(const char *plan, const Question *question) {
  g_autofree char *index = dba_sql_name(NULL, question->index->name), *scan = g_strdup_printf("Bitmap Index Scan on %s  (cost=", index);
  const char *line = strstr(plan, scan), *total = line ? strstr(line + strlen(scan), "..") : NULL;
  return total ? g_ascii_strtod(total + 2, NULL) / 1e6 : -1;
}

static bool explain_gin(Probe *probe, const Question *questions, size_t n, const char *settings_name, double *costs, GError **error) {
  g_autoptr(GString) sql = g_string_new("explain select "), plan = g_string_new(NULL);
  for (size_t i = 0; i < n; i++) {
    g_autofree char *table = dba_sql_name(questions[i].relation->schema, questions[i].relation->name),
                    *column = dba_sql_name(NULL, dba_list_at(DbaIndexKey, &questions[i].index->keys, 0)->column);
    g_string_append_printf(sql, "%s(select count(*) from only %s x where x.%s%s)", i ? ", " : "", table, column,
                           gin_question(questions[i].relation, questions[i].index));
  }
  if (!dba_server_exec_lines(probe->server, settings_name, error))
    return false;
  g_autoptr(DbaResult) result = dba_server_query(probe->server, sql->str, NULL, error);
  if (!result)
    return false;
  for (int row = 0; row < dba_result_rows(result); row++)
    g_string_append_printf(plan, "%s\n", dba_result_text(result, row, 0));
  for (size_t i = 0; i < n; i++)
    costs[i] = bitmap_cost(plan->str, &questions[i]);
  return true;
}

static bool ask_gin(Probe *probe, const Question *questions, size_t n, GError **error) {
  enum { CONSTANT = 51, MOST_KEYS_LOG2 = 40 };
  g_autofree double *operators = g_new(double, n), *pages = g_new(double, n);
  if (!explain_gin(probe, questions, n, "probe_gin_operators", operators, error) ||
      !explain_gin(probe, questions, n, "probe_gin_pages", pages, error))
    return false;
  for (size_t i = 0; i < n; i++) {
    DbaIndex *index = questions[i].index;
    int64_t both = (int64_t)rint(operators[i] - MULTIPLIER * pages[i]) - CONSTANT; // 2 log2 + 50 S
    int64_t most = (int64_t)rint(pow((double)MAX(index->size_bytes / 8192, 1), 0.15));
    if (operators[i] < 0 || pages[i] < 0)
      continue;
    for (int64_t search = MIN(most, both / MULTIPLIER); search > 0; search--) // few keys are likelier than a low tree of many
      if (both - MULTIPLIER * search <= 2 * MOST_KEYS_LOG2 && (both - MULTIPLIER * search) % 2 == 0) {
        index->search_pages = search;
        index->keys_log2 = (both - MULTIPLIER * search) / 2;
        break;
      }
  }
  return true;
}

bool dba_server_read_gin(DbaServer *server, DbaSurvey *survey, GError **error) {
  enum { FIRST_MAJOR = 16 }; // before, the guess that the planner makes of a GIN index without counters is as good
  Probe probe = {.server = server, .survey = survey, .method = "gin", .ask = ask_gin};
  return dba_server_major(server) < FIRST_MAJOR || (dba_server_exec_lines(server, "probe_gin", error) && ask_all(&probe, error));
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
  // x.column, since a bare name in ORDER BY would be the text that is selected.  format() asks the type's own output function: a cast to
  // text may be a function of the owner of an enum, which would run with our rights.
  g_string_append_printf(sql, "(select pg_catalog.format('%%s', x.%s) from only %s x where x.%s is not null order by x.%s %s limit 1)",
                         column, table, column, column, direction);
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
  Probe probe = {.server = server, .survey = survey, .method = "btree", .built_in_only = true, .used_only = used_only, .ask = ask_ends};
  return dba_server_exec_lines(server, "probe_ends", error) && ask_all(&probe, error);
}

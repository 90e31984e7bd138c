// SPDX-License-Identifier: Apache-2.0
// Simple generated rows: every value is a function of the row number, so that keys are unique and foreign keys meet.
//
// Not a stand-in: distributions are flat but for the distinct counts and null fractions of the statistics.  Values of a key
// are made by one function of a number, and a foreign key's values by the same function of a number within the parent's
// rows, which is why they meet.  Receipts say "generated".
#include "lab/lab-int.h"

#include "sql/sql.h"

#include <math.h>
#include <string.h>

// How to make a value of a type from a number; %s is the number's expression.  `range`: distinct values, 0: unlimited.
static const struct {
  const char *type, *expression;
  int64_t range;
} makers[] = {
    {"int8", "(%s)", 0},
    {"int4", "(%s)", 0},
    {"int2", "(((%s) %% 32000) + 1)", 32000},
    {"numeric", "(((%s) %% 1000))", 1000},
    {"float8", "(%s)", 0},
    {"float4", "(%s)", 0},
    {"money", "((%s) %% 1000)::numeric", 1000},
    {"bool", "((%s) %% 2 = 0)", 2},
    {"text", "('v' || (%s))", 0},
    {"varchar", "('v' || (%s))", 0},
    {"bpchar", "('v' || (%s))", 0},
    {"citext", "('v' || (%s))", 0},
    {"name", "('v' || (%s))", 0},
    {"bytea", "convert_to('v' || (%s), 'UTF8')", 0},
    {"uuid", "md5((%s)::text)::uuid", 0},
    {"timestamptz", "(timestamptz '2024-01-01 00:00:00+00' + (%s) * interval '1 minute')", 0},
    {"timestamp", "(timestamp '2024-01-01' + (%s) * interval '1 minute')", 0},
    {"date", "(date '2000-01-01' + ((%s) %% 20000)::int)", 20000},
    {"time", "(time '00:00' + ((%s) %% 86400) * interval '1 second')", 86400},
    {"interval", "((%s) * interval '1 second')", 0},
    {"inet", "('10.0.0.0'::inet + (%s))", 0},
    {"jsonb", "jsonb_build_object('n', (%s))", 0},
    {"json", "json_build_object('n', (%s))", 0},
    {"oid", "((%s)::oid)", 0},
};

// Text types with a length limit take only so many digits.
static int64_t length_limit(const char *type) {
  const char *open = strchr(type, '(');
  int64_t length = open ? g_ascii_strtoll(open + 1, NULL, 10) : 0;
  return length > 0 && length < 12 ? (int64_t)pow(10, (double)(length - 1)) : 0;
}

static char *numeric_expression(const DbaColumn *column, const char *number) {
  const char *open = strchr(column->type, '('), *comma = open ? strchr(open, ',') : NULL;
  int64_t digits = open ? g_ascii_strtoll(open + 1, NULL, 10) - (comma ? g_ascii_strtoll(comma + 1, NULL, 10) : 0) : 0;
  if (!open)
    return g_strdup_printf("((%s)::numeric)", number);
  return digits < 1 ? g_strdup("0") : g_strdup_printf("((%s) %% %.0f)", number, pow(10, (double)MIN(digits, 15)));
}

// The value of a column for the number that the SQL expression `number` gives; NULL when the type is not known here.
static char *value_expression(const DbaSchema *schema, const DbaColumn *column, const char *number) {
  if (!column->type_name)
    return NULL;
  if (!strcmp(column->type_name, "numeric"))
    return numeric_expression(column, number);
  for (size_t i = 0; i < G_N_ELEMENTS(makers); i++) {
    if (strcmp(makers[i].type, column->type_name))
      continue;
    int64_t limit = strstr(makers[i].expression, "'v' ||") ? length_limit(column->type) : 0;
    g_autofree char *narrow = limit ? g_strdup_printf("(%s) %% %" G_GINT64_FORMAT, number, limit) : g_strdup(number);
    g_auto(GStrv) halves = g_strsplit(makers[i].expression, "%s", -1);
    g_autofree char *joined = g_strjoinv(narrow, halves);
    g_auto(GStrv) percents = g_strsplit(joined, "%%", -1);
    return g_strjoinv("%", percents);
  }
  for (DBA_EACH(DbaType, type, &schema->types)) {
    g_autofree char *name = dba_sql_name(type->schema, type->name);
    if (strcmp(type->kind, "enum") || strcmp(name, column->type) || !type->labels.n)
      continue;
    GString *sql = g_string_new("(array[");
    for (uint32_t i = 0; i < type->labels.n; i++) {
      g_string_append(sql, i ? ", " : "");
      dba_sql_append_literal(sql, dba_list_text(&type->labels, i));
    }
    g_string_append_printf(sql, "]::%s[])[1 + (%s) %% %u]", column->type, number, type->labels.n);
    return g_string_free(sql, FALSE);
  }
  return NULL;
}

enum { UNKNOWN_ROWS = 10000 };

// What is done about CHECK constraints: nothing; their literals stand in for values ("status in ('new', 'paid')"); the column is left to its
// default or to NULL.
typedef enum Attempt { AS_THEY_COME, LITERALS_OF_CHECKS, WITHOUT_CHECKED, N_ATTEMPTS } Attempt;

typedef struct Filler {
  const DbaSchema *schema;
  const GPtrArray *relations;
  int64_t limit;
  Attempt attempt;
} Filler;

static int64_t rows_of(const Filler *filler, const DbaRelation *relation) {
  int64_t rows = relation->rows > 0 ? (int64_t)relation->rows : relation->live_rows;
  return MIN(rows > 0 ? rows : UNKNOWN_ROWS, filler->limit);
}

static bool is_filled(const Filler *filler, const DbaRelation *relation) {
  return g_ptr_array_find((GPtrArray *)(uintptr_t)filler->relations, relation, NULL);
}

static const DbaConstraint *foreign_key_of(const DbaRelation *relation, const char *column, uint32_t *ret_at) {
  for (DBA_EACH(DbaConstraint, constraint, &relation->constraints))
    if (!strcmp(constraint->kind, "foreign key"))
      for (uint32_t i = 0; i < constraint->columns.n; i++)
        if (!strcmp(dba_list_text(&constraint->columns, i), column)) {
          *ret_at = i;
          return constraint;
        }
  return NULL;
}

static const DbaColumnStatistics *statistics_of(const DbaRelation *relation, const char *column) {
  for (DBA_EACH(DbaColumnStatistics, statistics, &relation->statistics))
    if (!strcmp(statistics->column, column))
      return statistics;
  return NULL;
}

static bool is_checked(const DbaRelation *relation, const char *column) {
  for (DBA_EACH(DbaConstraint, constraint, &relation->constraints))
    if (!strcmp(constraint->kind, "check") && dba_list_has_text(&constraint->columns, column))
      return true;
  return false;
}

// One of the strings that the checks of the column alone name, by the number; NULL: they name none.
static char *literal_expression(const DbaRelation *relation, const char *column, const char *number) {
  g_autoptr(DbaArena) arena = dba_arena_new();
  g_autoptr(GString) sql = g_string_new("(array[");
  uint32_t n = 0;
  for (DBA_EACH(DbaConstraint, constraint, &relation->constraints)) {
    DbaList tokens = {0};
    if (strcmp(constraint->kind, "check") || constraint->columns.n != 1 || strcmp(dba_list_text(&constraint->columns, 0), column))
      continue;
    dba_sql_read_tokens(constraint->definition, arena, &tokens);
    for (DBA_EACH(DbaSqlToken, token, &tokens))
      if (token->kind == DBA_SQL_A_STRING) {
        g_string_append(sql, n++ ? ", " : "");
        dba_sql_append_literal(sql, token->value);
      }
  }
  g_string_append_printf(sql, "]::text[])[(1 + (%s) %% %u)::int]", number, MAX(n, 1));
  return n ? g_strdup(sql->str) : NULL;
}

static char *column_expression(const Filler *filler, const DbaRelation *relation, const DbaColumn *column, int64_t rows) {
  uint32_t at = 0;
  const DbaColumnStatistics *statistics = statistics_of(relation, column->name);
  const DbaConstraint *key = foreign_key_of(relation, column->name, &at);
  const DbaRelation *parent = key ? dba_schema_relation(filler->schema, key->ref_schema, key->ref_table) : NULL;
  bool unique = dba_relation_in_unique_index(relation, column->name);
  g_autofree char *number = NULL, *value = NULL;
  if (parent && at < key->ref_columns.n) {
    int64_t parents = rows_of(filler, parent);
    const DbaColumn *target = dba_relation_column(parent, dba_list_text(&key->ref_columns, at));
    // A prime step spreads children over all parents; a unique foreign key goes one to one.
    number = unique && key->columns.n == 1 ? g_strdup_printf("((i - 1) %% %" G_GINT64_FORMAT " + 1)", parents)
                                           : g_strdup_printf("((i * 7919) %% %" G_GINT64_FORMAT " + 1)", parents);
    if (target && is_filled(filler, parent))
      value = value_expression(filler->schema, target, number);
    else if (target) { // a parent with rows of its own: its keys, in turn
      g_autofree char *name = dba_sql_name(parent->schema, parent->name), *key_column = dba_sql_name(NULL, target->name);
      value = g_strdup_printf("(select array_agg(%s order by %s) from %s)[%s]", key_column, key_column, name, number);
    }
  } else {
    double distinct = statistics ? (statistics->distinct < 0 ? -statistics->distinct * (double)rows : statistics->distinct) : 0;
    number =
        unique || distinct < 1 ? g_strdup("i") : g_strdup_printf("((i * 104729) %% %" G_GINT64_FORMAT " + 1)", (int64_t)MAX(distinct, 1));
    value = filler->attempt >= LITERALS_OF_CHECKS ? literal_expression(relation, column->name, number) : NULL;
    if (!value && filler->attempt == WITHOUT_CHECKED && is_checked(relation, column->name) && (column->default_expr || !column->not_null))
      return NULL;
    value = value ? value : value_expression(filler->schema, column, number);
  }
  if (!value)
    return column->not_null ? (column->default_expr ? NULL : g_strdup("?")) : NULL; // left to the default, or to NULL
  double nulls = column->not_null || !statistics ? 0 : statistics->null_fraction;
  g_autofree char *cast = g_strdup_printf("(%s)::%s", value, column->type);
  if (nulls > 0.001)
    return g_strdup_printf("case when (i * 31) %% 1000 < %.0f then null else %s end", nulls * 1000, cast);
  return g_steal_pointer(&cast);
}

static bool fill(Filler *filler, DbaServer *server, const DbaRelation *relation, DbaLoad *load, GHashTable *filled, GError **error) {
  int64_t rows = rows_of(filler, relation);
  g_autoptr(GString) columns = g_string_new(NULL);
  g_autoptr(GString) values = g_string_new(NULL);
  for (DBA_EACH(DbaColumn, column, &relation->columns)) {
    if (column->generated)
      continue;
    g_autofree char *value = column_expression(filler, relation, column, rows);
    if (!value)
      continue;
    if (!strcmp(value, "?"))
      return true; // a NOT NULL column of a type we cannot make: the table stays empty
    g_string_append(columns, columns->len ? ", " : "");
    dba_sql_append_identifier(columns, column->name);
    g_string_append_printf(values, "%s%s", values->len ? ", " : "", value);
  }
  if (!columns->len)
    return true;
  g_autofree char *name = dba_sql_name(relation->schema, relation->name);
  g_autofree char *sql =
      g_strdup_printf("insert into %s (%s) overriding system value select %s from generate_series(1::bigint, %" G_GINT64_FORMAT
                      ") i on conflict do nothing",
                      name, columns->str, values->str, rows);
  g_autoptr(GError) problem = NULL;
  if (dba_server_exec(server, sql, &problem)) {
    load->inserted += (uint64_t)rows;
    g_hash_table_add(filled, (DbaRelation *)(uintptr_t)relation);
    return true;
  }
  if (!g_error_matches(problem, DBA_ERROR, DBA_ERROR_DATABASE)) {
    g_propagate_error(error, g_steal_pointer(&problem));
    return false;
  }
  const char *state = dba_server_sqlstate(server);
  bool checked =
      !strcmp(state, "23514") || (filler->attempt > AS_THEY_COME && g_str_has_prefix(state, "22")); // or a literal of a check is no value
  if (checked && ++filler->attempt < N_ATTEMPTS)
    return fill(filler, server, relation, load, filled, error);
  g_autofree char *text = g_strdup_printf("no rows could be generated: %s", problem->message);
  dba_load_note(load, name, 0, text);
  return true;
}

bool dba_lab_generate_rows(DbaServer *server, const DbaSchema *schema, const GPtrArray *relations, int64_t limit, gint64 deadline_us,
                           DbaLoad *load, GHashTable *filled, GError **error) {
  Filler filler = {schema, relations, limit, AS_THEY_COME};
  dba_server_set_deadline(server, deadline_us);
  if (!dba_server_exec(server, "set session_replication_role = replica", error))
    return false;
  for (guint i = 0; i < relations->len && g_get_monotonic_time() < deadline_us; i++) {
    const DbaRelation *relation = relations->pdata[i];
    filler.attempt = AS_THEY_COME;
    if (dba_relation_is_table(relation) && !fill(&filler, server, relation, load, filled, error))
      return false;
  }
  dba_server_set_deadline(server, 0);
  g_autoptr(GError) busy = NULL; // with a statement that resists its end: the session ends with it
  if (!dba_server_exec(server, "reset session_replication_role", &busy) && !g_error_matches(busy, DBA_ERROR, DBA_ERROR_DATABASE)) {
    g_propagate_error(error, g_steal_pointer(&busy));
    return false;
  }
  return true;
}

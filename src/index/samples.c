// SPDX-License-Identifier: Apache-2.0
// Values for the parameters of statements, from statistics.
//
// A generic plan knows nothing of a value: a range takes a third of the table, LIMIT a tenth of the rows.  So a parameter that is compared with a column gets a
// value of it: where some values are far more common than others one statement is made of each kind, a common and a rare one, with half of the
// executions each.  A range begins where the last part of the values does; a limit is twenty.  What nothing is known of makes the plan generic.
#include "index/index-int.h"

#include <string.h>

static const double SKEW = 5;                          // times the average that a common value has
static const double RANGE_FROM = 0.9, RANGE_TO = 0.95; // of the values in their order
static const char LIMIT[] = "20";

typedef struct Source { // of one parameter
  const DbaColumnStatistics *statistics;
  double rows;                 // of the table
  const char *type, *operator; // operator: NULL: neither compared nor set
  const char *computed;        // of an expression; NULL: of a column, or not known
} Source;

typedef struct Values {
  DbaList common, histogram; // texts
  double first, last, sum;   // shares of the most and the least common one that are named; of all that are
} Values;

static const DbaColumnStatistics *find(const DbaSurvey *survey, const char *table, const char *key, double *ret_rows) {
  const DbaRelation *relation = dba_index_find_relation(survey, table);
  for (DBA_EACH(DbaColumnStatistics, statistics, relation ? &relation->statistics : &(DbaList){0})) {
    g_autofree char *name = dba_sql_name(NULL, statistics->column);
    *ret_rows = relation->rows;
    if (!strcmp(name, key))
      return statistics;
  }
  return NULL;
}

static Values read_values(const DbaColumnStatistics *statistics, DbaArena *arena) {
  Values values = {0};
  DbaList shares = {0};
  uint32_t inner;
  if (statistics->common_values && !dba_sql_read_array(statistics->common_values, arena, &values.common, &inner))
    values.common.n = 0;
  if (statistics->histogram && !dba_sql_read_array(statistics->histogram, arena, &values.histogram, &inner))
    values.histogram.n = 0;
  if (statistics->common_frequencies && dba_sql_read_array(statistics->common_frequencies, arena, &shares, &inner) && shares.n)
    for (uint32_t i = 0; i < shares.n; i++) {
      double share = dba_list_text(&shares, i) ? g_ascii_strtod(dba_list_text(&shares, i), NULL) : 0;
      values.first = i ? values.first : share;
      values.last = share;
      values.sum += share;
    }
  return values;
}

static const char *at(const DbaList *list, double place) {
  return list->n ? dba_list_text(list, MIN(list->n - 1, (uint32_t)(place * list->n))) : NULL;
}

// Is the most common value far more so than a rare one: of those that are not named, else the least common that is?
static bool is_skewed(const DbaColumnStatistics *statistics, const Values *values, double rows) {
  double distinct = statistics->distinct < 0 ? -statistics->distinct * rows : statistics->distinct, others = distinct - values->common.n;
  double rare = others >= 1 ? MAX(0, 1 - statistics->null_fraction - values->sum) / others : values->last;
  return values->common.n > 0 && values->first > SKEW * rare && (others >= 1 || values->common.n > 1);
}

// One value, of the common or of the rare ones.
static const char *value_of(const Source *source, bool common, DbaArena *arena) {
  if (!source->statistics)
    return source->computed;
  Values values = read_values(source->statistics, arena);
  const char *operator= source->operator;
  if (!strcmp(operator, ">") || !strcmp(operator, ">="))
    return values.histogram.n ? at(&values.histogram, RANGE_FROM) : at(&values.common, 0);
  if (!strcmp(operator, "<") || !strcmp(operator, "<="))
    return values.histogram.n ? at(&values.histogram, RANGE_TO) : at(&values.common, 0);
  const char *rare = values.histogram.n ? at(&values.histogram, 0.5)
                     : values.common.n  ? dba_list_text(&values.common, values.common.n - 1)
                                        : NULL;
  return common && values.common.n ? dba_list_text(&values.common, 0) : rare;
}

// A list holds three of them.
static const char *list_of(const Source *source, bool common, DbaArena *arena) {
  Values values = source->statistics ? read_values(source->statistics, arena) : (Values){0};
  const DbaList *from = common && values.common.n ? &values.common : values.histogram.n ? &values.histogram : &values.common;
  DbaList three = {0};
  for (int i = 0; i < 3 && from->n; i++)
    dba_list_add_text(arena, &three, from == &values.common ? dba_list_text(from, MIN((uint32_t)i, from->n - 1)) : at(from, 0.3 + 0.2 * i));
  if (!three.n && source->computed)
    dba_list_add_text(arena, &three, source->computed);
  if (!three.n)
    return NULL;
  g_autofree char *text = dba_sql_write_array(&three, 0);
  return dba_arena_text(arena, text);
}

static bool is_compared(const Source *sources, unsigned n, bool *ret_skewed, DbaArena *arena) {
  bool any = false;
  *ret_skewed = false;
  for (unsigned i = 0; i < n; i++) {
    any |= sources[i].operator!= NULL;
    if (!sources[i].statistics || (strcmp(sources[i].operator, "=") && strcmp(sources[i].operator, "in")))
      continue;
    Values values = read_values(sources[i].statistics, arena);
    *ret_skewed |= is_skewed(sources[i].statistics, &values, sources[i].rows);
  }
  return any;
}

static const DbaList *choose_values(const Source *sources, unsigned n, bool common, DbaArena *arena) {
  DbaList *values = dba_arena_new0(arena, DbaList);
  for (unsigned i = 0; i < n; i++) {
    const Source *source = &sources[i];
    const char *value = !source->operator                 ? (!strcmp(source->type, "bigint") ? LIMIT : NULL)
                        : !strcmp(source->operator, "in") ? list_of(source, common, arena)
                                                          : value_of(source, common, arena);
    if (!value && source->operator&& strcmp(source->operator, "set")) // what it is compared with is not known
      return NULL;
    dba_list_add_text(arena, values, value);
  }
  return values;
}

// Of an expression nothing is told: it is computed of a row, each column with a value of its own.
static const char *compute(const DbaSurvey *survey, DbaWhatIf *what_if, const DbaWhatIfFact *fact, DbaArena *arena) {
  const DbaRelation *relation = dba_index_find_relation(survey, fact->table);
  g_autoptr(GString) row = g_string_new(NULL);
  g_autoptr(GError) unable = NULL;
  const char *value = NULL;
  for (DBA_EACH(DbaColumn, column, relation ? &relation->columns : &(DbaList){0})) {
    g_autofree char *name = dba_sql_name(NULL, column->name);
    double rows;
    const Source source = {.statistics = find(survey, fact->table, name, &rows), .operator= "=" };
    const char *of_column = value_of(&source, false, arena);
    g_string_append(row, row->len ? ", " : "");
    if (of_column)
      dba_sql_append_literal(row, of_column);
    else
      g_string_append(row, "NULL");
    g_string_append_printf(row, "::%s AS %s", column->type, name);
  }
  return row->len && dba_what_if_value(what_if, fact->key, row->str, arena, &value, &unable) ? value : NULL;
}

bool dba_index_has_parameters(const DbaList *facts) {
  for (DBA_EACH(DbaWhatIfFact, fact, facts))
    if (!strcmp(fact->role, "parameter-type"))
      return true;
  return false;
}

void dba_index_sample(const DbaSurvey *survey, DbaWhatIf *what_if, const DbaIndexStatement *statement, const DbaList *facts,
                      DbaArena *arena, DbaList *ret_statements) {
  enum { MOST = 64 };
  Source sources[MOST] = {{0}};
  unsigned n = 0;
  bool skewed;
  for (DBA_EACH(DbaWhatIfFact, fact, facts)) {
    if (fact->number < 1 || fact->number > MOST)
      continue;
    Source *source = &sources[fact->number - 1];
    if (!strcmp(fact->role, "parameter-type")) {
      source->type = fact->type;
      n = MAX(n, (unsigned)fact->number);
    } else if (!strcmp(fact->role, "parameter") && (!source->operator|| !strcmp(source->operator, "set"))) {
      source->operator= fact->detail;
      source->statistics = find(survey, fact->table, fact->key, &source->rows);
      source->computed = source->statistics || !strcmp(fact->detail, "set") ? NULL : compute(survey, what_if, fact, arena);
    }
  }
  if (statement->values || !n || !is_compared(sources, n, &skewed, arena))
    return;
  for (int common = 0; common <= (int)skewed; common++) {
    const DbaList *values = choose_values(sources, n, common, arena);
    if (!values)
      return;
    DbaIndexStatement *sample = dba_list_add(arena, ret_statements, sizeof *sample);
    *sample = *statement;
    sample->values = values;
    sample->weight = skewed ? statement->weight / 2 : statement->weight;
    sample->origin = common ? "common values" : skewed ? "rare values" : "typical values";
  }
}

void dba_index_statement_sql(const DbaIndexStatement *statement, GString *prepare, GString *sql) {
  if (!statement->values) {
    g_string_append(sql, statement->text);
    return;
  }
  g_string_append_printf(prepare, "deallocate all; prepare dbarch_statement as %s", statement->text);
  g_string_append(sql, "execute dbarch_statement(");
  for (uint32_t i = 0; i < statement->values->n; i++) {
    g_string_append(sql, i ? ", " : "");
    if (dba_list_text(statement->values, i))
      dba_sql_append_literal(sql, dba_list_text(statement->values, i));
    else
      g_string_append(sql, "null");
  }
  g_string_append(sql, ")");
}

// SPDX-License-Identifier: Apache-2.0
// Growth: rates from counters, and a survey as it will be.
//
// What grows is known of few things: a key that counts up goes on counting, a moment in the order of the rows goes on in time, a
// foreign key has as many values as there are parents.  Everything else is taken to keep its distribution.
#include "survey/line.h"
#include "survey/redact-int.h"

#include "sql/sql.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 8192, DEEPEST = 16 };
static const double DAY_SECONDS = 86400, LARGEST_FACTOR = 1e6, ORDERED = 0.9;
static const double SPARSEST = 16; // places to a value, on a line of whole numbers that goes on

// ---- rates ----------------------------------------------------------------------------------------------------------

static double seconds_between(const char *from, const char *to) {
  g_autoptr(GDateTime) a = from ? g_date_time_new_from_iso8601(from, NULL) : NULL, b = to ? g_date_time_new_from_iso8601(to, NULL) : NULL;
  return a && b ? (double)g_date_time_difference(b, a) / 1e6 : 0;
}

bool dba_survey_rates(const DbaSurvey *survey, const DbaSurvey *earlier, DbaTableRate *ret_rates, double *ret_days, GError **error) {
  double seconds = earlier ? seconds_between(earlier->server.taken_at, survey->server.taken_at)
                           : (survey->server.statistics_since ? (double)survey->server.statistics_age_seconds : 0);
  // Counters that were reset in between say nothing of the time before.
  bool counted = !earlier || !g_strcmp0(earlier->server.statistics_since, survey->server.statistics_since);
  if (earlier && seconds < 60)
    return dba_fail(error, DBA_ERROR_USAGE, "no rates: the earlier survey (%s) is not older than this one (%s) by a minute",
                    earlier->server.taken_at ? earlier->server.taken_at : "no date",
                    survey->server.taken_at ? survey->server.taken_at : "no date");
  if (!earlier && seconds < DAY_SECONDS)
    return dba_fail(error, DBA_ERROR_USAGE,
                    "no rates: %s (hint: keep a survey of today, and name it later with --since FILE; or say --grow 10x)",
                    survey->server.statistics_since ? "the counters are younger than a day" : "since when the counters count is not known");
  double days = seconds / DAY_SECONDS;
  uint32_t i = 0;
  for (DBA_EACH(DbaRelation, now, &survey->schema.relations)) {
    const DbaRelation *before = earlier ? dba_schema_relation(&earlier->schema, now->schema, now->name) : NULL;
    DbaTableRate *rate = &ret_rates[i++];
    *rate = (DbaTableRate){0};
    if (earlier && !before)
      continue; // a new table: nothing is known of its pace
    bool went_on =
        counted && (!before || (now->inserted >= before->inserted && now->updated >= before->updated && now->deleted >= before->deleted));
    if (went_on) {
      rate->inserted = ((double)now->inserted - (before ? (double)before->inserted : 0)) / days;
      rate->updated = ((double)now->updated - (before ? (double)before->updated : 0)) / days;
      rate->deleted = ((double)now->deleted - (before ? (double)before->deleted : 0)) / days;
      rate->rows = rate->inserted - rate->deleted;
    } else
      rate->rows = (fmax(now->rows, 0) - fmax(before->rows, 0)) / days;
  }
  *ret_days = days;
  return true;
}

// ---- factors --------------------------------------------------------------------------------------------------------

static bool read_factor(const char *text, double *ret_factor) {
  char *end;
  *ret_factor = g_ascii_strtod(text, &end);
  return end != text && (!*end || !g_ascii_strcasecmp(end, "x")) && *ret_factor > 0 && *ret_factor <= LARGEST_FACTOR;
}

// Of the relation, and of what is below it.
static void set_factor(const DbaSurvey *survey, const DbaRelation *relation, double factor, double *factors, unsigned depth) {
  factors[relation - (const DbaRelation *)survey->schema.relations.items] = factor;
  for (DBA_EACH(DbaRelation, below, &survey->schema.relations))
    if (depth < DEEPEST && below->partition_of && !g_strcmp0(below->partition_of, relation->name) &&
        !g_strcmp0(below->partition_of_schema, relation->schema))
      set_factor(survey, below, factor, factors, depth + 1);
}

bool dba_growth_read(const DbaSurvey *survey, const char *text, double *ret_factors, GError **error) {
  g_auto(GStrv) parts = g_strsplit(text, ",", -1);
  for (uint32_t i = 0; i < survey->schema.relations.n; i++)
    ret_factors[i] = 1;
  for (char **part = parts; *part; part++) {
    char *name = g_strstrip(*part), *equals = strrchr(name, '=');
    double factor;
    if (equals)
      *equals = '\0';
    if (!read_factor(equals ? equals + 1 : name, &factor))
      return dba_fail(error, DBA_ERROR_USAGE, "--grow: \"%s\" is no factor (hint: 10x for all tables, orders=10x,customers=2x for some)",
                      equals ? equals + 1 : name);
    bool found = false;
    const char *names[64] = {0};
    unsigned n = 0;
    for (DBA_EACH(DbaRelation, relation, &survey->schema.relations)) {
      g_autofree char *full = g_strdup_printf("%s.%s", relation->schema, relation->name);
      bool this = !equals || !strcmp(name, relation->name) || !strcmp(name, full);
      if (n + 1 < G_N_ELEMENTS(names))
        names[n++] = relation->name;
      if (this)
        set_factor(survey, relation, factor, ret_factors, 0);
      found |= this;
    }
    if (!found) {
      const char *near = dba_text_nearest(name, names);
      return dba_fail(error, DBA_ERROR_USAGE, "--grow: there is no table \"%s\"%s%s%s", name, near ? " (did you mean \"" : "",
                      near ? near : "", near ? "\"?)" : "");
    }
  }
  return true;
}

// Rows of the leaves below a partitioned table.
static double rows_below(const DbaSurvey *survey, const DbaRelation *relation, const double *factors, unsigned depth) {
  double rows = 0;
  for (DBA_EACH(DbaRelation, below, &survey->schema.relations)) {
    if (depth >= DEEPEST || g_strcmp0(below->partition_of, relation->name) || g_strcmp0(below->partition_of_schema, relation->schema))
      continue;
    if (!strcmp(below->kind, "partitioned table"))
      rows += rows_below(survey, below, factors, depth + 1);
    else
      rows += fmax(below->rows, 0) * (factors ? factors[below - (DbaRelation *)survey->schema.relations.items] : 1);
  }
  return rows;
}

void dba_growth_at(const DbaSurvey *survey, const DbaTableRate *rates, double days, double *ret_factors) {
  uint32_t i = 0;
  for (DBA_EACH(DbaRelation, relation, &survey->schema.relations)) {
    double rows = fmax(relation->rows, 1), then = fmax(rows + rates[i].rows * days, 1);
    ret_factors[i++] = fmin(then / rows, LARGEST_FACTOR);
  }
  i = 0;
  for (DBA_EACH(DbaRelation, relation, &survey->schema.relations)) { // counters are the leaves'
    double now = strcmp(relation->kind, "partitioned table") ? 0 : rows_below(survey, relation, NULL, 0);
    if (now > 0)
      ret_factors[i] = fmin(fmax(rows_below(survey, relation, ret_factors, 0), 1) / now, LARGEST_FACTOR);
    i++;
  }
}

// ---- a column -------------------------------------------------------------------------------------------------------

typedef struct Growing {
  DbaSurvey *survey;
  const double *factors;
} Growing;

static double factor_of(const Growing *growing, const DbaRelation *relation) {
  return growing->factors[relation - (const DbaRelation *)growing->survey->schema.relations.items];
}

// What a foreign key has the column refer to; NULL when none does.
static const DbaColumn *parent_of(const Growing *growing, const DbaRelation *relation, const char *column, const DbaRelation **ret_parent) {
  for (DBA_EACH(DbaConstraint, constraint, &relation->constraints))
    for (uint32_t i = 0; !strcmp(constraint->kind, "foreign key") && i < constraint->columns.n && i < constraint->ref_columns.n; i++) {
      if (g_strcmp0(dba_list_text(&constraint->columns, i), column))
        continue;
      *ret_parent = dba_schema_relation(&growing->survey->schema, constraint->ref_schema, constraint->ref_table);
      return *ret_parent ? dba_relation_column(*ret_parent, dba_list_text(&constraint->ref_columns, i)) : NULL;
    }
  return NULL;
}

// How many times as many different values a key has: a foreign key as its parents, a unique one as its rows.  1: no key, or they stay.
static double values_of(const Growing *growing, const DbaRelation *relation, const char *column, unsigned depth) {
  const DbaRelation *parent;
  const DbaColumn *above = depth < DEEPEST ? parent_of(growing, relation, column, &parent) : NULL;
  if (above)
    return values_of(growing, parent, above->name, depth + 1);
  return dba_relation_is_unique(relation, column) ? factor_of(growing, relation) : 1;
}

static bool line_ends(DbaArena *arena, const DbaColumnStatistics *x, const char **ret_least, const char **ret_greatest) {
  DbaList values = {0};
  *ret_least = x->minimum;
  *ret_greatest = x->maximum;
  // The histogram's ends are ANALYZE's: rows may have gone and come since, but nothing of it is to lie outside.
  if (x->histogram && dba_sql_read_array(x->histogram, arena, &values, NULL) && values.n) {
    *ret_least = dba_list_text(&values, 0);
    *ret_greatest = x->maximum ? x->maximum : dba_list_text(&values, values.n - 1);
  }
  return *ret_least && *ret_greatest;
}

// Do the values stand near to each other, as numbers that are given out in turn do?
static bool is_dense(const Growing *growing, const DbaRelation *relation, const DbaColumnStatistics *x) {
  const char *least, *greatest;
  double values = (x->distinct > 0 ? x->distinct : -x->distinct * fmax(relation->rows, 1));
  return line_ends(growing->survey->arena, x, &least, &greatest) &&
         g_ascii_strtod(greatest, NULL) - g_ascii_strtod(least, NULL) <= SPARSEST * values;
}

// How much longer the line of the column's values becomes; 1: it stays.
static double stretch_of(const Growing *growing, const DbaRelation *relation, const DbaColumn *column, unsigned depth) {
  const DbaRedactType *type = dba_redact_type(column->type_name);
  const DbaRelation *parent;
  if (!type || (type->kind != DBA_REDACT_NUMBER && type->kind != DBA_REDACT_MOMENT))
    return 1;
  const DbaColumn *above = depth < DEEPEST ? parent_of(growing, relation, column->name, &parent) : NULL;
  if (above)
    return stretch_of(growing, parent, above, depth + 1);
  for (DBA_EACH(DbaColumnStatistics, x, &relation->statistics))
    if (!g_strcmp0(x->column, column->name)) {
      if (type->kind == DBA_REDACT_MOMENT && x->has_correlation && x->correlation >= ORDERED)
        return factor_of(growing, relation);
      if (type->whole && x->distinct < 0 && is_dense(growing, relation, x)) // as many as there are rows to them
        return factor_of(growing, relation);
    }
  return 1;
}

typedef struct Line {
  DbaArena *arena;
  bool moment;
  DbaUnits from; // the least value: it stays
  int scale;
  double factor;
} Line;

static const char *stretch_value(const Line *line, const char *text) {
  DbaUnits at;
  int scale;
  const char *rest = "";
  if (line->moment ? !dba_line_read_moment(text, &at, &rest) : (!dba_line_read_number(text, &at, &scale) || scale != line->scale))
    return text;
  double way = (double)(at - line->from) * line->factor;
  if (line->moment && !*rest)
    way = round(way / (double)DBA_LINE_DAY_US) * (double)DBA_LINE_DAY_US;
  if (at < line->from) // before the line begins
    return text;
  at = line->from + (DbaUnits)way;
  if (!line->moment)
    return dba_line_write_number(line->arena, at, (unsigned)scale);
  return at > (DbaUnits)3652059 * DBA_LINE_DAY_US ? text : dba_line_write_moment(line->arena, at, rest); // the year 9999
}

static const char *stretch_list(const Line *line, const char *text) {
  DbaList values = {0}, new = {0};
  if (!text || !dba_sql_read_array(text, line->arena, &values, NULL))
    return text;
  for (DBA_EACH_TEXT(value, &values))
    dba_list_add_text(line->arena, &new, *value ? stretch_value(line, *value) : NULL);
  g_autofree char *array = dba_sql_write_array(&new, 0);
  return dba_arena_text(line->arena, array);
}

static void stretch(const Growing *growing, DbaColumnStatistics *x, const DbaColumn *column, double factor) {
  Line line = {.arena = growing->survey->arena, .factor = factor, .moment = dba_redact_type(column->type_name)->kind == DBA_REDACT_MOMENT};
  const char *rest, *least, *greatest;
  DbaUnits end;
  int scale = 0;
  if (!line_ends(line.arena, x, &least, &greatest) ||
      (line.moment
           ? !dba_line_read_moment(least, &line.from, &rest) || !dba_line_read_moment(greatest, &end, &rest)
           : !dba_line_read_number(least, &line.from, &line.scale) || !dba_line_read_number(greatest, &end, &scale) || scale != line.scale))
    return;
  // Not beyond what the type holds: a key that would be is the key-overflow rule's to tell.
  const DbaRedactType *type = dba_redact_type(column->type_name);
  double span = (double)(end - line.from),
         room = (line.moment ? (double)3652059 * (double)DBA_LINE_DAY_US : type->greatest) - (double)line.from;
  if (span > 0 && span * line.factor > room)
    line.factor = fmax(1, room / span);
  x->histogram = stretch_list(&line, x->histogram);
  x->maximum = x->maximum ? stretch_value(&line, x->maximum) : NULL;
}

// Shares of common values, each so many times as large.
static const char *scale_shares(DbaArena *arena, const char *text, double factor) {
  g_auto(GStrv) parts = g_strsplit_set(text ? text : "", "{},", -1);
  g_autoptr(GString) out = g_string_new("{");
  for (char **part = parts; *part; part++)
    if (**part)
      g_string_append_printf(out, "%s%.9g", out->len > 1 ? "," : "", g_ascii_strtod(*part, NULL) * factor);
  g_string_append_c(out, '}');
  return text ? dba_arena_text(arena, out->str) : NULL;
}

static void grow_column(const Growing *growing, const DbaRelation *relation, DbaColumnStatistics *x) {
  const DbaColumn *column = dba_relation_column(relation, x->column);
  const DbaRelation *parent;
  bool refers = column && parent_of(growing, relation, x->column, &parent);
  double line = column ? stretch_of(growing, relation, column, 0) : 1, values = refers ? values_of(growing, relation, x->column, 0) : line;
  if (column && (line < 1 || line > 1))
    stretch(growing, x, column, line);
  if (x->distinct > 0)
    x->distinct = fmin(x->distinct * values, fmax(relation->rows * factor_of(growing, relation), 1));
  else if (refers) // a share of the rows
    x->distinct = fmax(-1, x->distinct * values / factor_of(growing, relation));
  if (values > 1)
    x->common_frequencies = scale_shares(growing->survey->arena, x->common_frequencies, 1 / values);
}

// ---- a table --------------------------------------------------------------------------------------------------------

// Counts of a survey may be anything: what comes of them stays a count, also in bytes.
static int64_t times(int64_t count, double factor) {
  static const double MOST = 1e14;
  return (int64_t)fmin(ceil(fmax((double)count, 0) * factor), MOST);
}

// Levels of a btree of so many leaves, whose inner pages are 70 % full (BTREE_NONLEAF_FILLFACTOR) of keys of this width.
static double levels_of(double pages, double key_bytes) {
  double fan_out = floor((BLOCK_BYTES - 40) * 0.7 / (8 + 8 * ceil(key_bytes / 8) + 4));
  return pages <= 2 ? 1 : 1 + ceil(log(pages - 1) / log(fmax(fan_out, 3)));
}

static void grow_index(const DbaRelation *relation, DbaIndex *index, double factor) {
  double width = 0, before = (double)index->pages;
  for (DBA_EACH(DbaIndexKey, key, &index->keys)) {
    double known = 8;
    for (DBA_EACH(DbaColumnStatistics, x, &relation->statistics))
      if (key->column && !g_strcmp0(x->column, key->column))
        known = (double)x->width_bytes;
    width += key->included ? 0 : known;
  }
  index->rows *= factor;
  index->pages = times(index->pages, factor);
  index->size_bytes = times(index->size_bytes / BLOCK_BYTES, factor) * BLOCK_BYTES;
  if (index->levels > 0)
    index->levels = (int64_t)fmax(1, (double)index->levels + levels_of((double)index->pages, width) - levels_of(before, width));
}

void dba_survey_grow(DbaSurvey *survey, const double *factors) {
  Growing growing = {survey, factors};
  for (DBA_EACH(DbaRelation, relation, &survey->schema.relations)) // first the columns: they are judged by the rows of today
    for (DBA_EACH(DbaColumnStatistics, x, &relation->statistics))
      grow_column(&growing, relation, x);
  for (DBA_EACH(DbaRelation, relation, &survey->schema.relations)) {
    double factor = factor_of(&growing, relation);
    if (relation->rows > 0)
      relation->rows = fmax(1, round(relation->rows * factor));
    relation->pages = times(relation->pages, factor);
    relation->all_visible_pages = times(relation->all_visible_pages, factor);
    relation->size_bytes = times(relation->size_bytes / BLOCK_BYTES, factor) * BLOCK_BYTES;
    relation->toast_bytes = times(relation->toast_bytes / BLOCK_BYTES, factor) * BLOCK_BYTES;
    relation->live_rows = times(relation->live_rows, factor);
    relation->dead_rows = times(relation->dead_rows, factor);
    for (DBA_EACH(DbaIndex, index, &relation->indexes))
      grow_index(relation, index, factor);
  }
}

// SPDX-License-Identifier: Apache-2.0
// The model of a column: its values in a line, out of what the statistics say.
//
// Most common values are points with their share of the rows; between two bounds of the histogram lie as many rows as between
// any others, and their part of the different values.  The lab's server sorts what is named, since only it knows the type's order.
#include "lab/stand-in-int.h"
#include "lab/values.h"

#include "sql/sql.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WIDEST = 1 << 18 }; // bytes of a value that are made up

// {0.5,0.25} as doubles; *ret_n of them.
static double *read_numbers(DbaArena *arena, const char *text, unsigned *ret_n) {
  g_auto(GStrv) parts = g_strsplit_set(text ? text : "", "{},", -1);
  double *numbers = dba_arena_alloc(arena, sizeof *numbers * (g_strv_length(parts) + 1));
  unsigned n = 0;
  for (char **part = parts; *part; part++)
    if (**part) {
      double number = g_ascii_strtod(*part, NULL);
      numbers[n++] = isfinite(number) ? CLAMP(number, 0, 1e9) : 0;
    }
  *ret_n = n;
  return numbers;
}

void dba_copy_append(GString *out, const char *text) {
  for (const char *p = text; *p; p++)
    switch (*p) {
    case '\t': g_string_append(out, "\\t"); break;
    case '\n': g_string_append(out, "\\n"); break;
    case '\r': g_string_append(out, "\\r"); break;
    case '\\': g_string_append(out, "\\\\"); break;
    default: g_string_append_c(out, *p);
    }
}

const char *dba_copy_escape(DbaArena *arena, const char *text) {
  g_autoptr(GString) out = g_string_new(NULL);
  dba_copy_append(out, text);
  return dba_arena_text(arena, out->str);
}

// Asks the server for the named values in order.  What it cannot read or sort is asked for again without the order.
static DbaResult *ask_knots(DbaServer *server, const DbaColumnModel *model, bool sorted, GError **error) {
  const char *type = model->column->type;
  g_autofree char *sql =
      g_strdup_printf("select x.v::text, %s, x.o from (select u.v, u.o, 0 as k from unnest($1::%s[]) with ordinality u(v, o)"
                      " union all select u.v, 0, 1 from unnest($2::%s[]) u(v)) x%s",
                      model->maker->number ? model->maker->number : "null::float8", type, type, sorted ? " order by x.v, x.k" : "");
  const char *parameters[] = {model->statistics->common_values ? model->statistics->common_values : "{}",
                              model->statistics->histogram ? model->statistics->histogram : "{}", NULL};
  return dba_server_query(server, sql, parameters, error);
}

static bool read_knots(DbaServer *server, DbaArena *arena, DbaColumnModel *model, GError **error) {
  unsigned n_shares;
  double *shares = read_numbers(arena, model->statistics->common_frequencies, &n_shares);
  g_autoptr(GError) problem = NULL;
  g_autoptr(DbaResult) result = ask_knots(server, model, true, &problem);
  if (!result && g_error_matches(problem, DBA_ERROR, DBA_ERROR_DATABASE)) {
    g_clear_error(&problem);
    result = ask_knots(server, model, false, &problem);
  }
  if (!result && g_error_matches(problem, DBA_ERROR, DBA_ERROR_DATABASE))
    return true; // values that this server cannot read: the column is made from its type alone
  if (!result) {
    g_propagate_error(error, g_steal_pointer(&problem));
    return false;
  }
  model->knots = dba_arena_alloc(arena, sizeof(DbaKnot) * (size_t)(dba_result_rows(result) + 1));
  for (int row = 0; row < dba_result_rows(result); row++) {
    const char *text = dba_result_text(result, row, 0), *number = dba_result_text(result, row, 1);
    int64_t common = dba_result_int(result, row, 2);
    if (!text)
      continue;
    DbaKnot *knot = &model->knots[model->n_knots++];
    *knot = (DbaKnot){.text = dba_copy_escape(arena, text), .has_number = number != NULL};
    knot->number = number ? g_ascii_strtod(number, NULL) : 0;
    knot->has_number = number && isfinite(knot->number);
    knot->common = common > 0 && common <= (int64_t)n_shares;
    knot->share = knot->common ? CLAMP(shares[common - 1], 0, 1) : 0;
  }
  return true;
}

// What every number named is a multiple of, and how many digits they have behind the point.
static void find_step(DbaColumnModel *model) {
  static const double steps[] = {86400, 3600, 60, 1, 0.001};
  model->step = model->maker->step;
  for (unsigned i = 0; i < model->n_knots; i++) {
    const char *point = strchr(model->knots[i].text, '.');
    if (point && model->maker->kind == DBA_VALUE_NUMERIC)
      model->scale = MAX(model->scale, (int)MIN(strspn(point + 1, "0123456789"), 15));
  }
  if (model->maker->kind == DBA_VALUE_NUMERIC)
    model->step = pow(10, -model->scale);
  if (model->maker->kind == DBA_VALUE_WHOLE && model->n_knots >= 10) {
    int64_t divisor = 0; // of all distances
    for (unsigned i = 1; i < model->n_knots; i++)
      for (int64_t a = divisor, b = (int64_t)fmin(fabs(model->knots[i].number - model->knots[0].number), 9e18);; a %= b) {
        if (a < b) {
          int64_t swap = a;
          a = b;
          b = swap;
        }
        divisor = a;
        if (!b)
          break;
      }
    model->step = divisor > 1 ? (double)divisor : 1;
  }
  bool time = model->maker->kind == DBA_VALUE_MOMENT || model->maker->kind == DBA_VALUE_TIME || model->maker->kind == DBA_VALUE_INTERVAL;
  for (size_t k = 0; time && k < G_N_ELEMENTS(steps); k++) {
    bool all = model->n_knots > 3;
    for (unsigned i = 0; i < model->n_knots && all; i++)
      all = fabs(remainder(model->knots[i].number, steps[k])) < 1e-7;
    if (all) {
      model->step = steps[k];
      return;
    }
  }
}

static void read_elements(DbaServer *server, DbaArena *arena, DbaColumnModel *model) {
  unsigned n_shares, n_counts;
  double *shares = read_numbers(arena, model->statistics->element_frequencies, &n_shares);
  double *counts = read_numbers(arena, model->statistics->element_counts, &n_counts);
  const char *parameters[] = {model->statistics->common_elements, NULL};
  g_autoptr(GError) ignored = NULL;
  g_autoptr(DbaResult) result = dba_server_query(server, "select unnest($1::text[])", parameters, &ignored);
  if (!result)
    return;
  unsigned n = MIN((unsigned)dba_result_rows(result), n_shares);
  model->elements = dba_arena_alloc(arena, sizeof *model->elements * (n + 1));
  model->element_sums = dba_arena_alloc(arena, sizeof *model->element_sums * (n + 1));
  double sum = 0;
  for (unsigned i = 0; i < n; i++) {
    model->elements[i] = dba_arena_text(arena, dba_result_text(result, (int)i, 0));
    model->element_sums[i] = sum += shares[i];
  }
  model->n_elements = n;
  model->counts = counts;
  model->n_counts = n_counts > 1 ? n_counts - 1 : 0;
  // The last of an array's counts is their average; a tsvector has none: what its width leaves room for.
  model->elements_to_row = n_counts ? counts[n_counts - 1] : fmax(1, ((double)CLAMP(model->statistics->width_bytes, 0, WIDEST) - 8) / 14);
}

// Do all texts end in as many figures as it takes to tell them apart?
static void look_for_figures(DbaColumnModel *model) {
  size_t wanted = 1;
  for (uint64_t n = model->distinct; n > 10; n /= 10)
    wanted++;
  model->decimal = model->maker->kind == DBA_VALUE_TEXT && model->n_knots > 0;
  for (unsigned i = 0; i < model->n_knots && model->decimal; i++) {
    const char *text = model->knots[i].text, *end = text + strlen(text);
    size_t figures = 0;
    while (end > text && g_ascii_isdigit(end[-1])) {
      end--;
      figures++;
    }
    model->decimal = figures >= wanted;
  }
}

bool dba_column_model(DbaServer *server, const DbaSchema *schema, DbaArena *arena, const DbaTableModel *table, unsigned column,
                      double scale, uint64_t seed, GError **error) {
  DbaColumnModel *model = &table->columns[column];
  *model = (DbaColumnModel){.column = dba_list_at(DbaColumn, &table->relation->columns, column), .group = -1, .goes_with = -1};
  model->salt = dba_mix(seed ^ dba_mix(g_str_hash(model->column->name) | (uint64_t)g_str_hash(table->relation->name) << 32));
  model->maker = dba_maker_of(schema, model->column, &model->labels);
  model->limit = dba_length_limit(model->column->type);
  model->unique = dba_relation_is_unique(table->relation, model->column->name);
  for (DBA_EACH(DbaColumnStatistics, x, &table->relation->statistics))
    if (!strcmp(x->column, model->column->name) && !x->inherited)
      model->statistics = x;
  const DbaColumnStatistics *x = model->statistics;
  model->unique |= x && x->distinct <= -1; // as far as ANALYZE saw
  if (x && (x->common_values || x->histogram) && !read_knots(server, arena, model, error))
    return false;
  if (x && x->common_elements)
    read_elements(server, arena, model);
  find_step(model);
  double original = table->relation->rows > 0 ? table->relation->rows : (double)table->rows;
  model->null_share = x && !model->column->not_null ? CLAMP(x->null_fraction, 0, 1) : 0;
  model->null_rows = MIN(table->rows, dba_count(model->null_share * (double)table->rows));
  model->rows = table->rows - model->null_rows;
  model->width = x ? (uint64_t)CLAMP(x->width_bytes, 0, WIDEST) : 0;
  double all = !x || x->distinct == 0 ? (double)model->rows : x->distinct < 0 ? -x->distinct * original : x->distinct;
  // Of a sample, values that few rows have are lost.
  double of_each = fmax(1, original * (1 - model->null_share) / fmax(all, 1)), kept = x && x->distinct < 0 ? all * scale
                                                                                      : scale >= 1         ? all
                                                                                                   : all * (1 - pow(1 - scale, of_each));
  model->distinct = model->unique ? MAX(1, model->rows) : CLAMP(dba_count(kept), 1, MAX(1, model->rows));
  look_for_figures(model);
  model->shuffle = dba_shuffle(model->rows, x && x->has_correlation ? x->correlation : model->unique ? 1 : 0, model->salt);
  model->nulls = dba_shuffle(table->rows, 0, model->salt + 1);
  return true;
}

void dba_column_take_out(DbaColumnModel *model, uint64_t rows, uint64_t null_rows, const double *taken, uint64_t table_rows) {
  uint64_t left = table_rows - MIN(rows, table_rows), nulls = model->null_rows - MIN(null_rows, model->null_rows);
  for (unsigned i = 0; i < model->n_knots; i++)
    if (model->knots[i].common) // shares are of all rows: now of those that are left
      model->knots[i].share = left ? fmax(0, model->knots[i].share - taken[i]) * (double)table_rows / (double)left : 0;
  model->null_rows = MIN(nulls, left);
  model->null_share = left ? (double)model->null_rows / (double)left : 0;
  model->rows = left - model->null_rows;
  model->distinct = CLAMP(model->distinct, 1, MAX(1, model->rows));
  model->shuffle =
      dba_shuffle(model->rows, model->statistics && model->statistics->has_correlation ? model->statistics->correlation : 0, model->salt);
  model->nulls = dba_shuffle(left, 0, model->salt + 1);
}

// ---- segments -------------------------------------------------------------------------------------------------------

typedef struct Builder {
  DbaColumnModel *model;
  double at; // share of the rows that are not null, so far
} Builder;

static void add_segment(Builder *builder, double share, DbaSegment segment) {
  DbaColumnModel *model = builder->model;
  segment.from = model->n_segments ? model->segments[model->n_segments - 1].to : 0;
  builder->at += share;
  segment.to = MIN(model->rows, (uint64_t)llround(fmin(1, builder->at) * (double)model->rows));
  if (segment.to > segment.from)
    model->segments[model->n_segments++] = segment;
}

// The pieces of one part of the histogram, with the common values that lie within.
static void add_part(Builder *builder, unsigned low, unsigned high, double share) {
  const DbaKnot *knots = builder->model->knots;
  double done = 0;
  bool all_named = builder->model->distinct <= builder->model->n_knots; // then nothing lies between
  for (unsigned i = low + 1; i <= high; i++) {
    double end = i == high || all_named ? 1 : (double)(i - low) / (high - low);
    if (i < high && !all_named && knots[low].has_number && knots[high].has_number && knots[i].has_number &&
        knots[high].number > knots[low].number)
      end = CLAMP((knots[i].number - knots[low].number) / (knots[high].number - knots[low].number), done, 1);
    add_segment(builder, share * (end - done), (DbaSegment){.low = &knots[i - 1], .high = &knots[i], .open = knots[i - 1].common});
    if (i < high)
      add_segment(builder, knots[i].share / fmax(1e-9, 1 - builder->model->null_share),
                  (DbaSegment){.low = &knots[i], .high = &knots[i], .point = true});
    done = end;
  }
}

static void add_all(Builder *builder) {
  DbaColumnModel *model = builder->model;
  double null_share = model->null_share, common = 0;
  unsigned bounds = 0;
  int before = -1;
  for (unsigned i = 0; i < model->n_knots; i++) {
    common += model->knots[i].share;
    bounds += !model->knots[i].common;
  }
  double rest = fmax(0, 1 - common / fmax(1e-9, 1 - null_share));
  for (unsigned i = 0; i < model->n_knots; i++) {
    const DbaKnot *knot = &model->knots[i];
    if (!knot->common) {
      if (before >= 0)
        add_part(builder, (unsigned)before, i, rest / (bounds - 1));
      before = (int)i;
      continue;
    }
    unsigned next = i;
    while (next < model->n_knots && model->knots[next].common)
      next++;
    if (before < 0 || next == model->n_knots) // outside of the histogram
      add_segment(builder, knot->share / fmax(1e-9, 1 - null_share), (DbaSegment){.low = knot, .high = knot, .point = true});
  }
  if (bounds < 2 && rest > 1e-6 && model->n_knots) // no histogram: the rest lies among what is named
    add_segment(builder, 1, (DbaSegment){.low = &model->knots[0], .high = &model->knots[model->n_knots - 1], .open = true});
}

static double room_of(const DbaColumnModel *model, const DbaSegment *segment) { // for different values
  double rows = (double)(segment->to - segment->from);
  if (segment->point)
    return 1;
  if (!segment->low || !segment->low->has_number || !segment->high->has_number)
    return rows;
  double room = rows;
  if (model->parent) {
    const DbaColumnModel *parent = &model->parent->columns[model->parent_column];
    if (parent->rows && dba_column_on_a_line(parent))
      room = (double)(dba_column_rank_of(parent, segment->high->number) - dba_column_rank_of(parent, segment->low->number));
  } else if (model->step > 0)
    room = floor((segment->high->number - segment->low->number) / model->step + 1e-6);
  return CLAMP(room - segment->open + segment->last, 1, rows);
}

// Rows that fall at random on w parents meet w (1 - exp(-rows / w)) of them; ANALYZE's sample sees fewer.
static double parents_met(const DbaColumnModel *model) {
  const DbaColumnModel *parent = &model->parent->columns[model->parent_column];
  double met = 0;
  if (!dba_column_on_a_line(model) || !dba_column_on_a_line(parent))
    return 0;
  for (unsigned i = 0; i < model->n_segments; i++) {
    const DbaSegment *segment = &model->segments[i];
    double rows = (double)(segment->to - segment->from), parents = 1;
    if (!segment->point)
      parents = fmax(1, (double)(dba_column_rank_of(parent, segment->high->number) - dba_column_rank_of(parent, segment->low->number)));
    met += segment->point ? 1 : parents * (1 - exp(-rows / parents));
  }
  return met;
}

// Different values go to the segments by their rows, as far as there is room.
static void spread_distinct(DbaColumnModel *model) {
  enum { SAMPLE = 30000, SEEN_OFTEN = 3 }; // of rows, by default; values that it met so often were all met
  if (model->parent && model->parent->rows && !model->unique && model->distinct * SEEN_OFTEN > MIN(model->rows, SAMPLE))
    model->distinct = MIN(MIN(model->parent->rows, model->rows), MAX(model->distinct, (uint64_t)parents_met(model)));
  double left = (double)model->distinct, weight = 0;
  for (unsigned i = 0; i < model->n_segments; i++) {
    DbaSegment *segment = &model->segments[i];
    segment->distinct = 1;
    left--;
    weight += segment->point ? 0 : (double)(segment->to - segment->from);
  }
  for (int pass = 0; pass < 16 && left >= 1 && weight > 0; pass++) {
    double again = 0, given = left / weight;
    for (unsigned i = 0; i < model->n_segments; i++) {
      DbaSegment *segment = &model->segments[i];
      double rows = (double)(segment->to - segment->from), room = room_of(model, segment) - (double)segment->distinct,
             more = fmin(room, floor(rows * given + 0.5));
      if (segment->point || room <= 0 || left < 1)
        continue;
      more = fmin(more, left);
      segment->distinct += (uint64_t)more;
      left -= more;
      again += more < room ? rows : 0;
    }
    weight = again;
  }
  uint64_t first = 0;
  for (unsigned i = 0; i < model->n_segments; i++) {
    model->segments[i].first = first;
    first += model->segments[i].distinct;
  }
  model->distinct = MAX(1, first);
}

// A unique column of whole numbers is a line: a part of the histogram may be too narrow by chance for its rows.
static void lay_line(DbaColumnModel *model) {
  const DbaKnot *low = NULL, *high = NULL;
  for (unsigned i = 0; i < model->n_knots; i++)
    if (model->knots[i].has_number) {
      low = low ? low : &model->knots[i];
      high = &model->knots[i];
    }
  bool narrow = false;
  for (unsigned i = 0; i < model->n_segments; i++)
    narrow |= room_of(model, &model->segments[i]) < (double)(model->segments[i].to - model->segments[i].from);
  if (!low || high <= low || !narrow || model->step <= 0 || model->rows < 2)
    return;
  double least = low->number, most = high->number;
  if (model->statistics && model->statistics->minimum && model->maker->kind == DBA_VALUE_WHOLE) {
    least = fmin(least, g_ascii_strtod(model->statistics->minimum, NULL));
    if (model->statistics->maximum)
      most = fmax(most, g_ascii_strtod(model->statistics->maximum, NULL));
  }
  model->line_from = least;
  model->stride = fmax(model->step, (most - least) / (double)(model->rows - 1));
}

// Rows of one value lie in order among themselves when ANALYZE counts (compute_scalar_stats): values that are spread at
// random have a correlation of the sum of their squared shares already.
static void settle_order(DbaColumnModel *model) {
  double by_chance = 0;
  if (model->unique || !model->statistics || !model->statistics->has_correlation)
    return;
  for (unsigned i = 0; i < model->n_segments; i++) {
    double share = (double)(model->segments[i].to - model->segments[i].from) / (double)model->rows;
    by_chance += share * share / (double)model->segments[i].distinct;
  }
  double correlation = model->statistics->correlation;
  if (by_chance < 0.999)
    correlation = correlation >= 0 ? fmax(0, correlation - by_chance) / (1 - by_chance) : correlation;
  model->shuffle = dba_shuffle(model->rows, correlation, model->salt);
}

void dba_column_settle(DbaColumnModel *model, DbaArena *arena) {
  Builder builder = {model, 0};
  model->settled = true;
  if (!model->rows)
    return;
  if (model->parent && !model->parent->columns[model->parent_column].settled)
    dba_column_settle(&model->parent->columns[model->parent_column], arena);
  if (model->parent && model->parent->rows)
    model->distinct = MIN(model->distinct, model->parent->rows);
  model->n_segments = 0; // a second time, with another count
  model->segments = dba_arena_alloc(arena, sizeof(DbaSegment) * (2 * (size_t)model->n_knots + 4));
  if (model->n_knots && model->statistics)
    add_all(&builder);
  if (!model->n_segments)
    model->segments[model->n_segments++] = (DbaSegment){0};
  DbaSegment *last = &model->segments[model->n_segments - 1];
  last->to = model->rows;
  last->last = !last->point;
  spread_distinct(model);
  settle_order(model);
  if (model->unique && !model->parent)
    lay_line(model);
}

void dba_column_even_out(DbaColumnModel *model, uint64_t distinct) {
  DbaSegment all = {.to = model->rows, .last = true};
  if (!model->parent && model->n_segments && model->segments[0].low) { // else all parents in turn
    all.low = model->segments[0].low;
    all.high = model->segments[model->n_segments - 1].high;
  }
  uint64_t room = model->parent ? model->parent->rows : model->rows;
  all.distinct = MIN(MAX(model->distinct, distinct), MAX(1, room));
  model->segments[0] = all;
  model->n_segments = 1;
  model->distinct = all.distinct;
  model->stride = 0;
}

// SPDX-License-Identifier: Apache-2.0
// dbarch capacity: what the subject will need, at each horizon.
//
// Tables grow with their rows, at the density that they have now.  Indexes are built in thought (lab/capacity.c) for now and for then,
// and what they are now is scaled by how these differ, so that an index that has grown by page splits stays as full as it is.  The hot set is
// the relations that serve nearly all reads of blocks, the densest first: memory for it is enough, and may be more than is needed.
#include "verb/verb.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 8192, MOST_HORIZONS = 4, MOST_SHOWN = 12, WAL_RECORD_BYTES = 56, WAL_ENTRY_BYTES = 72 };
static const double HOT_SHARE = 0.95;

// A table's heap, its TOAST, or one of its indexes.
typedef struct Piece {
  const char *name, *kind, *table; // kind: "table", "toast", "index"
  double accesses;                 // of blocks
  bool hot;
  int64_t bytes[MOST_HORIZONS + 1];
} Piece;

typedef struct TableRow {
  const char *name;
  double rows[MOST_HORIZONS + 1];
  double rows_a_day;
} TableRow;

typedef struct Plan {
  const DbaRequest *request;
  DbaAnswer *answer;
  DbaArena *arena;
  DbaSurvey *survey;
  DbaLab *lab;
  DbaTableRate *rates; // NULL: not known
  double over_days;    // that the rates were taken over
  const char *labels[MOST_HORIZONS + 1];
  double days[MOST_HORIZONS + 1];
  unsigned n; // columns: now, and the horizons
  DbaList pieces, tables;
  double wal_a_day;     // -1: not known
  const char *wal_from; // how that is known
  bool counted;         // reads of blocks are
} Plan;

// ---- what there is at a horizon -------------------------------------------------------------------------------------

static int64_t *index_pages(const Plan *plan, const DbaSurvey *survey, unsigned column, GError **error) {
  size_t n = 1;
  for (DBA_EACH(DbaRelation, relation, &survey->schema.relations))
    n += relation->indexes.n;
  g_autofree int64_t *pages = g_new0(int64_t, n);
  g_autoptr(DbaLoad) load = dba_load_new();
  g_autofree char *database = g_strdup_printf("capacity_%u", column);
  if (plan->lab && !dba_lab_index_pages(plan->lab, database, survey, plan->request->home.modules, load, pages, error))
    return NULL;
  return g_steal_pointer(&pages);
}

static Piece *piece_at(Plan *plan, unsigned i) {
  return i < plan->pieces.n ? dba_list_at(Piece, &plan->pieces, i) : dba_list_add(plan->arena, &plan->pieces, sizeof(Piece));
}

// An index that is about as large as it would be anew is so then; one that is fuller or emptier stays so.
static int64_t size_then(const DbaIndex *today, const DbaIndex *then, int64_t fresh_now, int64_t fresh_then) {
  if (fresh_now <= 0 || fresh_then <= 0)
    return then->size_bytes;
  double state = (double)today->size_bytes / BLOCK_BYTES / (double)fresh_now;
  return (int64_t)round((state > 0.9 && state < 1.1 ? 1 : state) * (double)fresh_then) * BLOCK_BYTES;
}

// Fills one column.  `fresh_now` and `fresh`: pages of the indexes when built anew, now and then.
static void fill(Plan *plan, const DbaSurvey *survey, unsigned column, const int64_t *fresh_now, const int64_t *fresh) {
  unsigned at = 0, table = 0;
  size_t k = 0;
  for (DBA_EACH(DbaRelation, relation, &survey->schema.relations)) {
    g_autofree char *name = g_strdup_printf("%s.%s", relation->schema, relation->name);
    const DbaRelation *today =
        dba_list_at(DbaRelation, &plan->survey->schema.relations, relation - (DbaRelation *)survey->schema.relations.items);
    const char *shown = dba_arena_text(plan->arena, name);
    bool stored = !strcmp(relation->kind, "table") || !strcmp(relation->kind, "materialized view");
    if (stored) {
      TableRow *row =
          table < plan->tables.n ? dba_list_at(TableRow, &plan->tables, table) : dba_list_add(plan->arena, &plan->tables, sizeof *row);
      table++;
      row->name = shown;
      row->rows[column] = fmax(relation->rows, 0);
      Piece *heap = piece_at(plan, at++);
      heap->name = heap->table = shown;
      heap->kind = "table";
      heap->accesses = (double)relation->heap_blocks_hit + (double)relation->heap_blocks_read;
      heap->bytes[column] = relation->size_bytes;
      if (relation->toast_bytes) {
        Piece *toast = piece_at(plan, at++);
        toast->name = dba_arena_format(plan->arena, "%s (TOAST)", shown);
        toast->table = shown;
        toast->kind = "toast";
        toast->bytes[column] = relation->toast_bytes;
      }
    }
    uint32_t number = 0;
    for (DBA_EACH(DbaIndex, index, &relation->indexes)) {
      const DbaIndex *index_today = dba_list_at(DbaIndex, &today->indexes, number++);
      size_t mine = k++;
      if (index->on_partitioned)
        continue;
      Piece *piece = piece_at(plan, at++);
      piece->name = dba_arena_format(plan->arena, "%s.%s", relation->schema, index->name);
      piece->table = shown;
      piece->kind = "index";
      piece->accesses = (double)index->blocks_hit + (double)index->blocks_read;
      piece->bytes[column] = column ? size_then(index_today, index, fresh_now[mine], fresh[mine]) : index->size_bytes;
    }
  }
}

// The factors of a horizon, in the order of relations.
static bool factors_of(const Plan *plan, unsigned column, double *ret_factors, GError **error) {
  if (plan->request->grow)
    return dba_growth_read(plan->survey, plan->request->grow, ret_factors, error);
  dba_growth_at(plan->survey, plan->rates, plan->days[column], ret_factors);
  return true;
}

static bool fill_columns(Plan *plan, GError **error) {
  g_autofree int64_t *now = index_pages(plan, plan->survey, 0, error);
  g_autofree double *factors = g_new0(double, plan->survey->schema.relations.n + 1);
  if (!now)
    return false;
  fill(plan, plan->survey, 0, now, now);
  for (unsigned column = 1; column < plan->n; column++) {
    g_autoptr(DbaSurvey) then = dba_survey_copy(plan->survey, error);
    if (!then || !factors_of(plan, column, factors, error))
      return false;
    dba_request_progress(plan->request, "sizes at %s", plan->labels[column]);
    dba_survey_grow(then, factors);
    g_autofree int64_t *fresh = index_pages(plan, then, column, error);
    if (!fresh)
      return false;
    fill(plan, then, column, now, fresh);
  }
  return true;
}

// ---- hot set, WAL ---------------------------------------------------------------------------------------------------

static int compare_density(const void *a, const void *b) { // accesses to a byte, the densest first
  const Piece *x = *(Piece *const *)a, *y = *(Piece *const *)b;
  double u = x->accesses / fmax((double)x->bytes[0], 1), v = y->accesses / fmax((double)y->bytes[0], 1);
  return u < v ? 1 : u > v ? -1 : strcmp(x->name, y->name);
}

static void find_hot(Plan *plan) {
  g_autoptr(GPtrArray) order = g_ptr_array_new();
  double all = 0, sum = 0;
  for (DBA_EACH(Piece, piece, &plan->pieces)) {
    all += piece->accesses;
    g_ptr_array_add(order, piece);
  }
  plan->counted = all > 0;
  g_ptr_array_sort(order, compare_density);
  for (guint i = 0; i < order->len && sum < HOT_SHARE * all; i++) {
    Piece *piece = order->pdata[i];
    piece->hot = true;
    sum += piece->accesses;
  }
}

// Measured by the server where it tells since when; else from the rates: a record for each row changed and one for each entry of an
// index, without the images of whole pages.
static void find_wal(Plan *plan, const DbaSurvey *earlier) {
  const DbaServerFacts *now = &plan->survey->server;
  plan->wal_a_day = -1;
  if (earlier && now->wal_since && !g_strcmp0(earlier->server.wal_since, now->wal_since) && now->wal_bytes >= earlier->server.wal_bytes &&
      plan->over_days > 0) {
    plan->wal_a_day = (double)(now->wal_bytes - earlier->server.wal_bytes) / plan->over_days;
    plan->wal_from = "counted between the two surveys, of the whole server";
  } else if (!earlier && now->wal_age_seconds >= 86400) {
    plan->wal_a_day = (double)now->wal_bytes / ((double)now->wal_age_seconds / 86400);
    plan->wal_from = "counted since the server's counters were reset, of the whole server";
  } else if (plan->rates) {
    plan->wal_a_day = 0;
    uint32_t i = 0;
    for (DBA_EACH(DbaRelation, relation, &plan->survey->schema.relations)) {
      double width = relation->rows > 0 ? (double)relation->size_bytes / relation->rows : 100;
      const DbaTableRate *rate = &plan->rates[i++];
      plan->wal_a_day += (rate->inserted + rate->updated) * (width + WAL_RECORD_BYTES + WAL_ENTRY_BYTES * relation->indexes.n) +
                         rate->deleted * WAL_RECORD_BYTES;
    }
    plan->wal_from = "estimated from the rates of the tables, without images of whole pages";
  }
}

// ---- the answer -----------------------------------------------------------------------------------------------------

static int64_t sum_of(const Plan *plan, const char *kind, const char *table, bool hot, unsigned column) {
  int64_t sum = 0;
  for (DBA_EACH(Piece, piece, &plan->pieces))
    if ((!kind || !strcmp(piece->kind, kind)) && (!table || !strcmp(piece->table, table)) && (!hot || piece->hot))
      sum += piece->bytes[column];
  return sum;
}

static void print_line(const Plan *plan, const char *label, const char *kind, const char *table, bool hot, GString *out) {
  g_string_append_printf(out, "%-38s", label);
  for (unsigned c = 0; c < plan->n; c++) {
    g_autofree char *bytes = dba_text_bytes(sum_of(plan, kind, table, hot, c));
    g_string_append_printf(out, "%14s", bytes);
  }
  g_string_append_c(out, '\n');
}

typedef struct Ranked {
  const TableRow *row;
  int64_t bytes;
} Ranked;

static int compare_ranked(const void *a, const void *b) {
  const Ranked *x = a, *y = b;
  return x->bytes < y->bytes ? 1 : x->bytes > y->bytes ? -1 : strcmp(x->row->name, y->row->name);
}

static void print_table(const Plan *plan, const TableRow *row, GString *out) {
  g_string_append_printf(out, "%-38s", row->name);
  for (unsigned c = 0; c < plan->n; c++) {
    g_autofree char *count = dba_text_count(row->rows[c]), *text = g_strdup_printf("%s rows", count);
    g_string_append_printf(out, "%14s", text);
  }
  g_string_append_c(out, '\n');
  print_line(plan, "  table", "table", row->name, false, out);
  if (sum_of(plan, "toast", row->name, false, 0))
    print_line(plan, "  TOAST", "toast", row->name, false, out);
  if (sum_of(plan, "index", row->name, false, 0))
    print_line(plan, "  indexes", "index", row->name, false, out);
}

static void print(const Plan *plan, GString *out) {
  g_autofree Ranked *ranked = g_new0(Ranked, plan->tables.n + 1);
  unsigned n = 0;
  g_string_append_printf(out, "%-38s", "");
  for (unsigned c = 0; c < plan->n; c++)
    g_string_append_printf(out, " %13s", plan->labels[c]);
  g_string_append_c(out, '\n');
  for (DBA_EACH(TableRow, row, &plan->tables))
    ranked[n++] = (Ranked){row, sum_of(plan, NULL, row->name, false, plan->n - 1)};
  qsort(ranked, n, sizeof *ranked, compare_ranked);
  for (unsigned i = 0; i < MIN(n, MOST_SHOWN); i++)
    print_table(plan, ranked[i].row, out);
  if (n > MOST_SHOWN)
    g_string_append_printf(out, "and %u smaller tables (--json has them all)\n", n - MOST_SHOWN);
  g_string_append_c(out, '\n');
  print_line(plan, "tables", "table", NULL, false, out);
  print_line(plan, "TOAST", "toast", NULL, false, out);
  print_line(plan, "indexes", "index", NULL, false, out);
  print_line(plan, "together", NULL, NULL, false, out);
  if (plan->counted)
    print_line(plan, "memory that holds the hot set", NULL, NULL, true, out);
  else
    g_string_append_printf(out, "%-38s%14s  (nothing counts which relations are read)\n", "memory that holds the hot set", "not known");
  if (plan->wal_a_day >= 0) {
    g_autofree char *bytes = dba_text_bytes((int64_t)plan->wal_a_day);
    g_string_append_printf(out, "%-38s%14s  (%s)\n", "WAL a day", bytes, plan->wal_from);
  }
  if (plan->rates)
    g_string_append_printf(out, "rates of the last %.3g days\n", plan->over_days);
}

#define T Piece
static const DbaField piece_fields[] = {
    DBA_FIELD(T, name, TEXT, 0), DBA_FIELD(T, kind, TEXT, 0), DBA_FIELD(T, table, TEXT, 0), DBA_FIELD(T, hot, BOOL, 0), {0}};
#undef T
static const DbaRecord piece_record = {"piece", sizeof(Piece), piece_fields};

typedef struct Horizon {
  const char *at;
  double days;
  int64_t table_bytes, toast_bytes, index_bytes, bytes, hot_bytes;
  DbaList sizes; // of the pieces, in their order
  DbaList rows;  // of the tables
} Horizon;
#define T Horizon
static const DbaField horizon_fields[] = {DBA_FIELD(T, at, TEXT, 0),         DBA_FIELD(T, days, REAL, 0),
                                          DBA_FIELD(T, table_bytes, INT, 0), DBA_FIELD(T, toast_bytes, INT, 0),
                                          DBA_FIELD(T, index_bytes, INT, 0), DBA_FIELD(T, bytes, INT, 0),
                                          DBA_FIELD(T, hot_bytes, INT, 0),   DBA_FIELD(T, sizes, INTS, 0),
                                          DBA_FIELD(T, rows, INTS, 0),       {0}};
#undef T
static const DbaRecord horizon_record = {"horizon", sizeof(Horizon), horizon_fields};
static const DbaField table_fields[] = {DBA_FIELD(TableRow, name, TEXT, 0), DBA_FIELD(TableRow, rows_a_day, REAL, 0), {0}};
static const DbaRecord table_record = {"table", sizeof(TableRow), table_fields};

static char *as_json(Plan *plan, const char *subject) {
  g_autoptr(DbaJson) json = dba_json_new();
  DbaList horizons = {0};
  for (unsigned c = 0; c < plan->n; c++) {
    Horizon *horizon = dba_list_add(plan->arena, &horizons, sizeof *horizon);
    *horizon = (Horizon){.at = plan->labels[c],
                         .days = plan->days[c],
                         .table_bytes = sum_of(plan, "table", NULL, false, c),
                         .toast_bytes = sum_of(plan, "toast", NULL, false, c),
                         .index_bytes = sum_of(plan, "index", NULL, false, c),
                         .bytes = sum_of(plan, NULL, NULL, false, c),
                         .hot_bytes = plan->counted ? sum_of(plan, NULL, NULL, true, c) : -1};
    for (DBA_EACH(Piece, piece, &plan->pieces))
      dba_list_add_int(plan->arena, &horizon->sizes, piece->bytes[c]);
    for (DBA_EACH(TableRow, row, &plan->tables))
      dba_list_add_int(plan->arena, &horizon->rows, (int64_t)row->rows[c]);
  }
  dba_json_put_text(json, "format", "dbarch-capacity");
  dba_json_put_int(json, "format_version", 1);
  dba_json_put_text(json, "subject", subject);
  if (plan->wal_a_day >= 0) {
    dba_json_put_int(json, "wal_bytes_a_day", (int64_t)plan->wal_a_day);
    dba_json_put_text(json, "wal_from", plan->wal_from);
  }
  dba_json_put_list(json, "tables", &table_record, &plan->tables, 0);
  dba_json_put_list(json, "pieces", &piece_record, &plan->pieces, 0);
  dba_json_put_list(json, "horizons", &horizon_record, &horizons, 0);
  return dba_json_text(json);
}

// ---- horizons -------------------------------------------------------------------------------------------------------

static void add_horizon(Plan *plan, const char *label, double days) {
  plan->labels[plan->n] = label;
  plan->days[plan->n++] = days;
}

static bool choose_horizons(Plan *plan, const DbaSurvey *earlier, GError **error) {
  const DbaRequest *request = plan->request;
  g_autoptr(GError) problem = NULL;
  add_horizon(plan, "now", 0);
  if (request->grow && (request->at || request->since))
    return dba_fail(error, DBA_ERROR_USAGE, "--grow goes without --at and --since");
  if (request->grow) {
    add_horizon(plan, request->grow, 0);
    return true;
  }
  DbaTableRate *rates = dba_arena_alloc(plan->arena, sizeof *rates * (plan->survey->schema.relations.n + 1));
  if (!dba_survey_rates(plan->survey, earlier, rates, &plan->over_days, &problem)) {
    if (request->at || request->since || problem->code != DBA_ERROR_USAGE) {
      g_propagate_error(error, g_steal_pointer(&problem));
      return false;
    }
    g_ptr_array_add(plan->answer->warnings, g_strdup(problem->message));
    return true; // sizes of today are of use too
  }
  plan->rates = rates;
  add_horizon(plan, "30 days", 30);
  add_horizon(plan, "90 days", 90);
  add_horizon(plan, "365 days", 365);
  if (request->at) {
    double days;
    if (!dba_request_horizon(request, plan->survey, &days, error))
      return false;
    plan->n = 1;
    add_horizon(plan, request->at, days);
  }
  return true;
}

bool dba_verb_capacity(const DbaRequest *request, DbaAnswer *answer, GError **error) {
  DbaRequest inner = *request;
  g_auto(DbaSubject) subject = {0};
  g_autoptr(DbaArena) arena = dba_arena_new();
  g_autoptr(DbaLab) source = NULL, lab = NULL;
  g_autofree char *substitution = NULL;
  g_autoptr(DbaSurvey) earlier = NULL;
  inner.with_values = true;
  if (!dba_subject_find(&inner, &subject, error))
    return false;
  if (request->no_lab && subject.kind == DBA_SUBJECT_SQL)
    return dba_fail(error, DBA_ERROR_USAGE, "--no-lab: SQL files become a schema by being run in a lab");
  g_autoptr(DbaSurvey) survey = dba_subject_survey(&inner, &subject, &source, NULL, error);
  Plan plan = {.request = request, .answer = answer, .arena = arena, .survey = survey};
  if (!survey || !dba_request_earlier(request, survey, &earlier, error) || !choose_horizons(&plan, earlier, error))
    return false;
  if (!request->no_lab && !dba_subject_start_lab(request, survey, false, &lab, &substitution, error))
    return false;
  if (lab && !dba_subject_stub(request, lab, survey, answer, error))
    return false;
  if (substitution)
    g_ptr_array_add(answer->warnings, g_strdup_printf("sizes may differ: %s", substitution));
  plan.lab = lab;
  if (!fill_columns(&plan, error))
    return false;
  uint32_t i = 0, row = 0;
  for (DBA_EACH(DbaRelation, relation, &survey->schema.relations)) {
    if (!strcmp(relation->kind, "table") || !strcmp(relation->kind, "materialized view"))
      dba_list_at(TableRow, &plan.tables, row++)->rows_a_day = plan.rates ? plan.rates[i].rows : 0;
    i++;
  }
  find_hot(&plan);
  find_wal(&plan, earlier);
  g_autofree char *json = request->format == DBA_FORMAT_JSON ? as_json(&plan, subject.shown) : NULL;
  if (json)
    g_string_append(answer->text, json);
  else
    print(&plan, answer->text);
  return true;
}

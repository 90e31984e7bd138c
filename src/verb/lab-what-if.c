// SPDX-License-Identifier: Apache-2.0
// dbarch lab what-if: statements planned with indexes that are not there, and without some that are.
//
// What to suppose is said in SQL: CREATE INDEX, DROP INDEX, and the statements to plan; without any of these the subject's
// workload is planned.  With --grow or --at the tables are as they will be: indexes are supposed in that twin; without any, its plans
// stand beside today's, and those that flip are told.  Nothing reaches the subject but the reading of it.
#include "verb/verb.h"

#include "sql/sql.h"

#include <stdlib.h>
#include <string.h>

static const char TWIN[] = "twin";

// A statement with its plans before and after.
typedef struct Planned {
  const char *sql, *place;
  double before, after;
  DbaList used; // names
  const char *plan;
  const char *plan_before; // --grow alone: today's
  bool flips;              // --grow alone: other nodes, or others' order
  bool unknown;            // --grow alone: its plans cannot be shown (parameters, before PostgreSQL 16)
  int64_t number, calls;   // calls: of the workload's
} Planned;

typedef struct Supposition {
  DbaArena *arena;
  GPtrArray *definitions, *drops; // texts
  DbaList statements;             // Planned
  DbaList indexes;                // DbaWhatIfIndex
  DbaList dropped;                // Hidden
  GArray *set;                    // int
  const char *horizon;            // what --grow or --at made of the tables
  bool growth_alone;
  bool own; // the statements are the user's, not the workload's
} Supposition;

#define T Planned
#define F(member, kind) DBA_FIELD(T, member, kind, 0)
static const DbaField planned_fields[] = {F(sql, TEXT),  F(place, TEXT),       F(before, REAL), F(after, REAL),   F(used, TEXTS),
                                          F(plan, TEXT), F(plan_before, TEXT), F(flips, BOOL),  F(unknown, BOOL), {0}};
#undef F
#undef T
static const DbaRecord planned_record = {"statement", sizeof(Planned), planned_fields};

typedef struct Hidden {
  const char *name;
} Hidden;
static const DbaField hidden_fields[] = {DBA_FIELD(Hidden, name, TEXT, 0), {0}};
static const DbaRecord hidden_record = {"hidden index", sizeof(Hidden), hidden_fields};

static bool take_statement(const DbaSqlStatement *statement, void *data, GError **error) {
  Supposition *x = data;
  if (statement->item.kind != DBA_SQL_STATEMENT)
    return true;
  const char *text = dba_arena_text_n(x->arena, statement->item.text, statement->item.length);
  switch (statement->facts.tag) {
  case DBA_SQL_CREATE_INDEX: g_ptr_array_add(x->definitions, (char *)(uintptr_t)text); return true;
  case DBA_SQL_DROP_INDEX: {
    g_autofree char *name = dba_sql_name(statement->facts.schema, statement->facts.name);
    g_ptr_array_add(x->drops, (char *)(uintptr_t)dba_arena_text(x->arena, name));
    return true;
  }
  case DBA_SQL_SELECT:
  case DBA_SQL_INSERT:
  case DBA_SQL_UPDATE:
  case DBA_SQL_DELETE:
  case DBA_SQL_MERGE: {
    Planned *planned = dba_list_add(x->arena, &x->statements, sizeof *planned);
    *planned = (Planned){.sql = text};
    return true;
  }
  default:
    return dba_fail(
        error, DBA_ERROR_USAGE,
        "lab what-if: takes CREATE INDEX, DROP INDEX, and statements to plan (SELECT, INSERT, UPDATE, DELETE, MERGE), not \"%.60s\"", text);
  }
}

static bool read_words(const DbaRequest *request, unsigned from, Supposition *x, GError **error) {
  for (unsigned i = from; request->words[i]; i++) {
    g_autoptr(DbaSqlReader) reader = dba_sql_reader_text("the command line", request->words[i], strlen(request->words[i]));
    if (!dba_sql_visit(reader, take_statement, x, error))
      return false;
  }
  if (x->definitions->len + x->drops->len == 0 && !request->grow && !request->at)
    return dba_fail(error, DBA_ERROR_USAGE,
                    "lab what-if: suppose something (hint: dbarch lab what-if SUBJECT 'create index on orders (status)' 'select ...')");
  return true;
}

// What the server refuses of the user's own SQL is wrong input; always false.
static bool blame(const char *sql, GError **error) {
  if (error && g_error_matches(*error, DBA_ERROR, DBA_ERROR_DATABASE))
    (*error)->code = DBA_ERROR_INPUT;
  g_prefix_error(error, "%.80s: ", sql);
  return false;
}

static bool suppose(DbaWhatIf *what_if, Supposition *x, GError **error) {
  int number;
  for (guint i = 0; i < x->definitions->len; i++) {
    if (!dba_what_if_index(what_if, x->definitions->pdata[i], x->arena, &x->indexes, &number, error))
      return blame(x->definitions->pdata[i], error);
    g_array_append_val(x->set, number);
  }
  for (guint i = 0; i < x->drops->len; i++) {
    if (!dba_what_if_drop(what_if, x->drops->pdata[i], &number, error)) {
      g_autofree char *sql = g_strconcat("drop index ", x->drops->pdata[i], NULL);
      return blame(sql, error);
    }
    ((Hidden *)dba_list_add(x->arena, &x->dropped, sizeof(Hidden)))->name = x->drops->pdata[i];
    g_array_append_val(x->set, number);
  }
  return true;
}

static void tell_unplanned(const char *sql, const char *why, DbaAnswer *answer) {
  g_autofree char *shown = dba_text_printable(sql, false);
  g_ptr_array_add(answer->warnings, g_strdup_printf("not planned: %.80s: %s", shown, why));
}

// The subject's own statements; those that cannot be planned are left out, by name.
static void take_workload(DbaWhatIf *what_if, const DbaSurvey *survey, Supposition *x, DbaAnswer *answer) {
  for (DBA_EACH(DbaWorkloadStatement, statement, &survey->workload)) {
    int number;
    g_autoptr(GError) problem = NULL;
    if (!statement->text)
      continue;
    if (!dba_what_if_statement(what_if, statement->text, &number, &problem)) {
      tell_unplanned(statement->text, problem->message, answer);
      continue;
    }
    Planned *planned = dba_list_add(x->arena, &x->statements, sizeof *planned);
    *planned = (Planned){.sql = statement->text, .number = number, .calls = statement->calls};
  }
}

// The indexes of one registration: on a partitioned table each leaf has one.
static unsigned parts_of(const Supposition *x, int64_t number) {
  unsigned n = 0;
  for (DBA_EACH(DbaWhatIfIndex, index, &x->indexes))
    n += index->number == number;
  return n;
}

static const char *name_of(const Supposition *x, int64_t number) {
  unsigned parts = parts_of(x, number);
  for (DBA_EACH(DbaWhatIfIndex, index, &x->indexes))
    if (index->number == number)
      return parts > 1 ? dba_arena_format(x->arena, "the index of each of %u partitions", parts) : index->name;
  return "?";
}

// Of the workload: what could not be planned goes, by name.
static void drop_unplanned(Supposition *x, DbaAnswer *answer) {
  uint32_t n = 0;
  for (DBA_EACH(Planned, planned, &x->statements))
    if (planned->before < 0 || planned->after < 0)
      tell_unplanned(planned->sql, "the server gives no plan of it, or not in ten seconds", answer);
    else
      *dba_list_at(Planned, &x->statements, n++) = *planned;
  x->statements.n = n;
}

static bool plan(DbaWhatIf *what_if, Supposition *x, bool with_plans, DbaAnswer *answer, GError **error) {
  unsigned n = x->statements.n;
  g_autofree DbaWhatIfRequest *requests = g_new0(DbaWhatIfRequest, 2 * (n + 1));
  g_autofree DbaWhatIfCost *costs = g_new0(DbaWhatIfCost, 2 * (n + 1));
  for (unsigned i = 0; i < n; i++) {
    Planned *planned = dba_list_at(Planned, &x->statements, i);
    int number = (int)planned->number;
    if (!number && !dba_what_if_statement(what_if, planned->sql, &number, error))
      return blame(planned->sql, error);
    planned->number = number;
    requests[2 * i] = (DbaWhatIfRequest){number, NULL, 0};
    requests[2 * i + 1] = (DbaWhatIfRequest){number, (int *)(void *)x->set->data, x->set->len};
  }
  if (x->own ? !dba_what_if_costs(what_if, requests, 2 * n, x->arena, costs, error)
             : !dba_what_if_costs_of_each(what_if, requests, 2 * n, x->arena, costs, error))
    return false;
  for (unsigned i = 0; i < n; i++) {
    Planned *planned = dba_list_at(Planned, &x->statements, i);
    planned->before = costs[2 * i].cost;
    planned->after = costs[2 * i + 1].cost;
    for (uint32_t k = 0; k < costs[2 * i + 1].used.n; k++)
      dba_list_add_text(x->arena, &planned->used, name_of(x, dba_list_int(&costs[2 * i + 1].used, k)));
    g_autofree char *text = NULL;
    g_autoptr(GError) problem = NULL;
    if (with_plans && planned->before >= 0 && planned->after >= 0 &&
        !dba_what_if_explain(what_if, (int)planned->number, (int *)(void *)x->set->data, x->set->len, &text, &problem) &&
        !g_error_matches(problem, DBA_ERROR, DBA_ERROR_DATABASE)) { // a plan that cannot be shown has a cost still
      g_propagate_error(error, g_steal_pointer(&problem));
      return false;
    }
    planned->plan = text ? dba_arena_text(x->arena, text) : NULL;
  }
  if (!x->own)
    drop_unplanned(x, answer);
  return true;
}

static bool is_used(const Supposition *x, const DbaWhatIfIndex *index) {
  for (DBA_EACH(Planned, planned, &x->statements))
    if (dba_list_has_text(&planned->used, name_of(x, index->number)))
      return true;
  return false;
}

static void print_index(const Supposition *x, const DbaWhatIfIndex *index, GString *out) {
  unsigned parts = parts_of(x, index->number);
  DbaWhatIfIndex sum = *index;
  for (const DbaWhatIfIndex *other = index + 1; parts > 1 && other < index + parts; other++) { // they stand together
    sum.rows += other->rows;
    sum.pages += other->pages;
    sum.grown_pages += other->grown_pages;
    sum.rough |= other->rough;
  }
  g_autofree char *size = dba_text_bytes(sum.pages * 8192), *grown = dba_text_bytes(sum.grown_pages * 8192),
                  *rows = dba_text_count(sum.rows);
  if (parts > 1)
    g_string_append_printf(out, "with %s ... (%u partitions): %s rows, %s%s", index->name, parts, rows, sum.rough ? "about " : "", size);
  else
    g_string_append_printf(out, "with %s: %s rows of %s, %s%s", index->name, rows, index->table, sum.rough ? "about " : "", size);
  if (sum.grown_pages != sum.pages)
    g_string_append_printf(out, " (%s when the rows come one by one)", grown);
  if (parts == 1 && index->height >= 0)
    g_string_append_printf(out, ", height %" G_GINT64_FORMAT, index->height);
  g_string_append_printf(out, "%s\n", x->statements.n && !is_used(x, index) ? "; no plan uses it" : "");
}

static void print_indexes(const Supposition *x, GString *out) {
  int64_t last = 0;
  for (DBA_EACH(DbaWhatIfIndex, index, &x->indexes)) {
    if (index->number != last)
      print_index(x, index, out);
    last = index->number;
  }
  for (DBA_EACH(Hidden, hidden, &x->dropped))
    g_string_append_printf(out, "without %s\n", hidden->name);
}

static void print_cost(const Planned *planned, GString *out) {
  double change = planned->before > 0 ? (planned->after - planned->before) / planned->before * 100 : 0;
  g_string_append_printf(out, "cost %.2f -> %.2f", planned->before, planned->after);
  if (planned->after != planned->before)
    g_string_append_printf(out, " (%+.*f%%)", (change > -10 && change < 10) || change < -99 ? 1 : 0, change);
  for (uint32_t i = 0; i < planned->used.n; i++)
    g_string_append_printf(out, "%s%s", i ? ", " : "  by ", dba_list_text(&planned->used, i));
  g_string_append_c(out, '\n');
}

static void print_plan(const char *plan, const char *what, GString *out) {
  g_auto(GStrv) lines = plan ? g_strsplit(plan, "\n", -1) : NULL;
  for (char **line = lines; line && *line; line++)
    if (**line)
      g_string_append_printf(out, "    %s%s\n", what, *line);
}

static bool changes(const Supposition *x, const Planned *planned) {
  static const double WORTH_TELLING = 0.005;
  double difference = planned->after - planned->before;
  return x->own || (x->growth_alone ? planned->flips : MAX(difference, -difference) > WORTH_TELLING * planned->before);
}

// What a workload gains or loses most comes first.
static int compare_weight(const void *a, const void *b) {
  const Planned *x = *(const Planned *const *)a, *y = *(const Planned *const *)b;
  double of_x = (x->after - x->before) * (double)MAX(x->calls, 1), of_y = (y->after - y->before) * (double)MAX(y->calls, 1);
  of_x = MAX(of_x, -of_x);
  of_y = MAX(of_y, -of_y);
  return of_x > of_y ? -1 : of_x < of_y;
}

static void print_statement(const Supposition *x, const Planned *planned, GString *out) {
  g_autofree char *sql = dba_text_printable(planned->sql, false), *calls = dba_text_count((double)planned->calls);
  g_string_append_printf(out, "\n%.200s\n  ", sql);
  if (planned->calls)
    g_string_append_printf(out, "%s calls  ", calls);
  print_cost(planned, out);
  if (planned->flips)
    print_plan(planned->plan_before, "now:  ", out);
  if (planned->flips || !x->growth_alone)
    print_plan(planned->plan, planned->flips ? "then: " : "", out);
}

static void print(const Supposition *x, GString *out) {
  double before = 0, after = 0;
  unsigned flips = 0, unknown = 0, shown = 0;
  bool called = false;
  g_autofree const Planned **order = g_new0(const Planned *, x->statements.n + 1);
  for (uint32_t i = 0; i < x->statements.n; i++) {
    const Planned *planned = dba_list_at(Planned, &x->statements, i);
    order[i] = planned;
    flips += planned->flips;
    unknown += planned->unknown;
    called |= planned->calls > 0;
  }
  if (x->horizon)
    g_string_append_printf(out, "%s\n", x->horizon);
  if (x->growth_alone)
    g_string_append_printf(out, "%u of %u statements flip%s plan\n", flips, x->statements.n, flips == 1 ? "s its" : " their");
  if (x->growth_alone && unknown)
    g_string_append_printf(out, "of %u it is not known: this server shows no plans of statements with parameters\n", unknown);
  print_indexes(x, out);
  if (!x->own)
    qsort(order, x->statements.n, sizeof *order, compare_weight);
  for (uint32_t i = 0; i < x->statements.n; i++) {
    double weight = called ? (double)MAX(order[i]->calls, 1) : 1;
    before += order[i]->before * weight;
    after += order[i]->after * weight;
    if (!changes(x, order[i]))
      continue;
    shown++;
    print_statement(x, order[i], out);
  }
  if (shown < x->statements.n)
    g_string_append_printf(out, "\nwithout a change of %s: %u\n", x->growth_alone ? "plan" : "cost", x->statements.n - shown);
  if (x->statements.n > 1) {
    Planned total = {.before = before, .after = after};
    g_string_append_printf(out, "\n%u statements, %s: ", x->statements.n, called ? "with their calls" : "each once");
    print_cost(&total, out);
  }
}

static char *as_json(const Supposition *x, const char *subject, const DbaLab *lab) {
  g_autoptr(DbaJson) json = dba_json_new();
  dba_json_put_text(json, "format", "dbarch-what-if");
  dba_json_put_int(json, "format_version", 1);
  dba_json_put_text(json, "subject", subject);
  dba_json_put_text(json, "server", dba_lab_version(lab));
  if (x->horizon)
    dba_json_put_text(json, "horizon", x->horizon);
  dba_json_put_list(json, "indexes", &dba_what_if_index_record, &x->indexes, 0);
  dba_json_put_list(json, "without", &hidden_record, &x->dropped, 0);
  dba_json_put_list(json, "statements", &planned_record, &x->statements, 0);
  return dba_json_text(json);
}

// Plans in a twin of today and in one of the horizon.
static bool plan_growth(const DbaRequest *request, DbaAnswer *answer, const DbaLab *lab, DbaWhatIf *today, DbaSurvey *survey,
                        Supposition *x, GError **error) {
  g_autofree char *horizon = NULL;
  DbaList plans = {0};
  if (!x->own)
    take_workload(today, survey, x, answer);
  if (!dba_request_grow(request, survey, &horizon, error))
    return false;
  x->horizon = dba_arena_text(x->arena, horizon);
  g_autoptr(DbaWhatIf) then = dba_request_twin(request, lab, "horizon", survey, "at the horizon: ", answer, error);
  for (DBA_EACH(Planned, planned, &x->statements))
    ((DbaHorizonPlan *)dba_list_add(x->arena, &plans, sizeof(DbaHorizonPlan)))->text = planned->sql;
  if (!then || !dba_horizon_plan(today, then, 0, x->arena, &plans, error))
    return false;
  for (uint32_t i = 0; i < plans.n; i++) {
    Planned *planned = dba_list_at(Planned, &x->statements, i);
    const DbaHorizonPlan *plan = dba_list_at(DbaHorizonPlan, &plans, i);
    if (plan->problem && x->own)
      return dba_fail(error, DBA_ERROR_INPUT, "%.80s: %s", planned->sql, plan->problem);
    planned->before = plan->problem ? -1 : plan->now;
    planned->after = plan->then;
    planned->plan_before = plan->plan_now;
    planned->plan = plan->plan_then;
    planned->flips = plan->flips;
    planned->unknown = !plan->plan_now || !plan->plan_then;
  }
  if (!x->own)
    drop_unplanned(x, answer);
  return true;
}

bool dba_verb_lab_what_if(const DbaRequest *request, DbaAnswer *answer, GError **error) {
  DbaRequest inner = *request;
  bool named = !request->subject_conninfo; // else -d and its like say it, and all words are SQL
  const char *subject_words[] = {named ? request->words[1] : NULL, NULL};
  inner.words = subject_words;
  inner.with_values = true;
  g_auto(DbaSubject) subject = {0};
  g_autoptr(DbaArena) arena = dba_arena_new();
  g_autoptr(GPtrArray) definitions = g_ptr_array_new(), drops = g_ptr_array_new();
  g_autoptr(GArray) set = g_array_new(FALSE, FALSE, sizeof(int));
  Supposition x = {.arena = arena, .definitions = definitions, .drops = drops, .set = set};
  if (!dba_subject_find(&inner, &subject, error) || !read_words(request, named && request->words[1] ? 2 : 1, &x, error))
    return false;
  g_autoptr(DbaLab) source = NULL, lab = NULL;
  g_autoptr(DbaSurvey) survey = dba_subject_survey(&inner, &subject, &source, NULL, error);
  g_autofree char *substitution = NULL, *horizon = NULL;
  bool own = x.own = x.statements.n > 0;
  x.growth_alone = definitions->len + drops->len == 0;
  if (!survey || (!x.growth_alone && !dba_request_grow(request, survey, &horizon, error)) ||
      !dba_subject_start_lab(request, survey, false, &lab, &substitution, error) || !dba_subject_stub(request, lab, survey, answer, error))
    return false;
  if (substitution)
    g_ptr_array_add(answer->warnings, g_strdup_printf("another plan may come of it: %s", substitution));
  if (own)
    dba_subject_warn_disguised(survey, answer);
  x.horizon = horizon;
  g_autoptr(DbaWhatIf) what_if = dba_request_twin(request, lab, TWIN, survey, "", answer, error);
  if (!what_if || !suppose(what_if, &x, error))
    return false;
  if (x.growth_alone) {
    if (!plan_growth(request, answer, lab, what_if, survey, &x, error))
      return false;
  } else {
    if (!own)
      take_workload(what_if, survey, &x, answer);
    if (!plan(what_if, &x, own || request->format == DBA_FORMAT_JSON, answer, error))
      return false;
  }
  g_autofree char *json = request->format == DBA_FORMAT_JSON ? as_json(&x, subject.shown, lab) : NULL;
  if (json)
    g_string_append(answer->text, json);
  else
    print(&x, answer->text);
  return true;
}

// SPDX-License-Identifier: Apache-2.0
// What a twin says of the findings of a review: plans and sizes at the subject's own size, beside what was measured on fewer rows.
//
// For an index that is proposed: how large it will be, and what the check of the foreign key costs with it.  For one that is to go: what the
// subject's own statements cost without it; a drop that makes one of them dearer is not proposed.  Planned, never run.
#include "verb/verb.h"

#include "lab/measuring.h"

#include "sql/sql.h"

#include <string.h>

static const char TWIN[] = "planned";
static const double DEARER = 1.1; // another index that serves as well may be a little wider

typedef struct Planning {
  const DbaRequest *request;
  const DbaSurvey *survey;
  DbaArena *arena;
  const DbaLab *lab;
  DbaWhatIf *what_if;
  DbaReview *review;
  gint64 deadline_us;
  const char *locale;
  GArray *statements; // int: numbers of the workload's
  GPtrArray *texts;
} Planning;

static const char *size_of(const Planning *planning, const DbaRelation *relation) {
  g_autofree char *rows = dba_text_count(relation->rows > 0 ? relation->rows : 0), *bytes = dba_text_bytes(relation->size_bytes);
  return dba_arena_format(planning->arena, "%s.%s: %s rows, %s", relation->schema, relation->name, rows, bytes);
}

static void add(const Planning *planning, DbaFinding *finding, const DbaRelation *relation, const char *method, const char *quantity,
                const char *unit, double before, double after, const char *change, const char *statement) {
  DbaReceipt *receipt = dba_list_add(planning->arena, &finding->planned, sizeof *receipt);
  // A subject that the PG* variables name has no word of its own.
  g_autofree char *subject = planning->review->again ? g_shell_quote(planning->review->again) : g_strdup("-d ''"),
                  *sql = g_shell_quote(change), *planned = statement ? g_shell_quote(statement) : g_strdup(""),
                  *workload = !statement && planning->request->workload ? g_shell_quote(planning->request->workload) : NULL;
  *receipt = (DbaReceipt){.method = method,
                          .quantity = quantity,
                          .unit = unit,
                          .before = before,
                          .before_low = before,
                          .before_high = before,
                          .after = after,
                          .after_low = after,
                          .after_high = after,
                          .n = 1,
                          .claimed = after < before,
                          .server = dba_arena_format(planning->arena, "PostgreSQL %s", dba_lab_version(planning->lab)),
                          .locale = planning->locale,
                          .settings = "planned with the subject's settings, not run",
                          .rows_origin = "none: a twin with the subject's statistics",
                          .rows = size_of(planning, relation),
                          .repeat = dba_arena_format(planning->arena, "dbarch lab what-if %s %s%s%s%s%s", subject, sql, *planned ? " " : "",
                                                     planned, workload ? " --workload " : "", workload ? workload : "")};
}

// "CREATE INDEX ...;\n" without its end; NULL when it is more than one statement (an index built part by part).
static char *only_statement(const char *up) {
  const char *end = strstr(up, ";\n");
  return end && !end[2] ? g_strndup(up, (gsize)(end - up)) : NULL;
}

static bool outcome(GError **problem, GError **error) { // what the twin cannot plan has no receipt of it
  if (g_error_matches(*problem, DBA_ERROR, DBA_ERROR_DATABASE))
    return true;
  g_propagate_error(error, g_steal_pointer(problem));
  return false;
}

// ---- an index that is proposed --------------------------------------------------------------------------------------

static bool plan_index(Planning *planning, DbaFinding *finding, const DbaRelation *relation, GError **error) {
  g_autoptr(GError) problem = NULL;
  const DbaConstraint *key = dba_relation_constraint(relation, finding->constraint);
  g_autofree char *definition = only_statement(finding->change.up), *table = dba_sql_name(relation->schema, relation->name);
  DbaList indexes = {0};
  int number, statement;
  if (!key || !definition || !g_str_has_prefix(definition, "CREATE INDEX"))
    return true;
  if (!dba_what_if_index(planning->what_if, definition, planning->arena, &indexes, &number, &problem))
    return outcome(&problem, error);
  int64_t pages = 0;
  bool rough = false;
  for (DBA_EACH(DbaWhatIfIndex, index, &indexes)) {
    pages += index->pages;
    rough |= index->rough;
  }
  add(planning, finding, relation, rough ? "the new index, about" : "the new index, as built", "size", "bytes", 0, (double)pages * 8192,
      definition, NULL);
  // As ri_triggers.c asks (RI_FKey_noaction_upd, ri_Check_Pk_Match's counterpart on the referencing table).
  g_autoptr(GString) check = g_string_new("select 1 from ");
  g_string_append_printf(check, "%s%s x where ", strcmp(relation->kind, "partitioned table") ? "only " : "", table);
  for (uint32_t i = 0; i < key->columns.n; i++) {
    g_string_append_printf(check, "%sx.", i ? " and " : "");
    dba_sql_append_identifier(check, dba_list_text(&key->columns, i));
    g_string_append_printf(check, " = $%u", i + 1);
  }
  g_string_append(check, " for key share of x");
  DbaWhatIfCost costs[2];
  if (!dba_what_if_statement(planning->what_if, check->str, &statement, &problem))
    return outcome(&problem, error);
  DbaWhatIfRequest requests[] = {{statement, NULL, 0}, {statement, &number, 1}};
  if (!dba_what_if_costs(planning->what_if, requests, 2, planning->arena, costs, &problem))
    return outcome(&problem, error);
  add(planning, finding, relation, "the foreign key's check of one parent row", "cost", "planner's units", costs[0].cost, costs[1].cost,
      definition, check->str);
  return true;
}

// ---- an index that is to go -----------------------------------------------------------------------------------------

static bool take_workload(Planning *planning, GError **error) {
  for (DBA_EACH(DbaWorkloadStatement, statement, &planning->survey->workload)) {
    int number;
    g_autoptr(GError) problem = NULL;
    if (!statement->text || g_get_monotonic_time() > planning->deadline_us)
      continue;
    if (!dba_what_if_statement(planning->what_if, statement->text, &number, &problem)) {
      if (!outcome(&problem, error))
        return false;
      continue;
    }
    g_array_append_val(planning->statements, number);
    g_ptr_array_add(planning->texts, (char *)(uintptr_t)statement->text);
  }
  return true;
}

static bool plan_drop(Planning *planning, DbaFinding *finding, const DbaRelation *relation, GError **error) {
  g_autoptr(GError) problem = NULL;
  g_autofree char *index = dba_sql_name(relation->schema, finding->index), *change = g_strdup_printf("drop index %s", index);
  guint n = planning->statements->len;
  g_autofree DbaWhatIfRequest *requests = g_new0(DbaWhatIfRequest, 2 * (n + 1));
  g_autofree DbaWhatIfCost *costs = g_new0(DbaWhatIfCost, 2 * (n + 1));
  int number;
  if (!n || !dba_relation_index(relation, finding->index))
    return true;
  if (!dba_what_if_drop(planning->what_if, index, &number, &problem))
    return outcome(&problem, error);
  for (guint i = 0; i < n; i++) {
    int statement = g_array_index(planning->statements, int, i);
    requests[2 * i] = (DbaWhatIfRequest){statement, NULL, 0};
    requests[2 * i + 1] = (DbaWhatIfRequest){statement, &number, 1};
  }
  if (!dba_what_if_costs_of_each(planning->what_if, requests, 2 * n, planning->arena, costs, error))
    return false;
  guint told = 0;
  double before = 0, after = 0, worst = 1;
  guint dearest = 0;
  for (guint i = 0; i < n; i++) {
    if (costs[2 * i].cost < 0 || costs[2 * i + 1].cost < 0) // it cannot be planned
      continue;
    told++;
    before += costs[2 * i].cost;
    after += costs[2 * i + 1].cost;
    double ratio = costs[2 * i].cost > 0 ? costs[2 * i + 1].cost / costs[2 * i].cost : 1;
    if (ratio > worst) {
      worst = ratio;
      dearest = i;
    }
  }
  add(planning, finding, relation, dba_arena_format(planning->arena, "the workload's %u statements that can be planned, each once", told),
      "cost", "planner's units", before, after, change, NULL);
  if (worst <= DEARER)
    return true;
  g_autofree char *sql = dba_text_printable(planning->texts->pdata[dearest], false);
  finding->rejected = true;
  finding->proof = dba_arena_format(
      planning->arena, "tried and rejected: in a twin of the subject, without it the cost of \"%.100s\" is %.2f instead of %.2f", sql,
      costs[2 * (size_t)dearest + 1].cost, costs[2 * (size_t)dearest].cost);
  return true;
}

// ---- all findings ---------------------------------------------------------------------------------------------------

static bool proposes_index(const DbaFinding *finding) { return finding->trial == DBA_TRIAL_PARENT_DELETE && finding->constraint; }
static bool drops_index(const DbaFinding *finding) {
  return (finding->trial == DBA_TRIAL_REINSERT || finding->trial == DBA_TRIAL_REINSERT_CHECKED) && finding->index;
}

static bool wants_plan(const DbaFinding *finding) {
  return finding->has_change && !finding->suppressed && !finding->rejected && !finding->planned.n &&
         (proposes_index(finding) || drops_index(finding));
}

static bool plan_all(Planning *planning, DbaFindings *findings, GError **error) {
  bool drops = false;
  for (DBA_EACH(DbaFinding, finding, &findings->findings))
    drops |= wants_plan(finding) && drops_index(finding);
  if (drops && !take_workload(planning, error))
    return false;
  for (DBA_EACH(DbaFinding, finding, &findings->findings)) {
    const DbaRelation *relation =
        wants_plan(finding) ? dba_schema_relation(&planning->survey->schema, finding->schema, finding->table) : NULL;
    if (!relation || g_get_monotonic_time() > planning->deadline_us)
      continue;
    if (proposes_index(finding) ? !plan_index(planning, finding, relation, error) : !plan_drop(planning, finding, relation, error))
      return false;
  }
  return true;
}

bool dba_review_plan(const DbaRequest *request, const DbaSurvey *survey, DbaFindings *findings, const DbaLab *lab, DbaReview *review,
                     DbaAnswer *answer, gint64 deadline_us, GError **error) {
  g_autoptr(GArray) statements = g_array_new(FALSE, FALSE, sizeof(int));
  g_autoptr(GPtrArray) texts = g_ptr_array_new();
  g_autoptr(DbaLoad) load = dba_load_new();
  g_autoptr(GError) problem = NULL;
  bool any = false;
  for (DBA_EACH(DbaFinding, finding, &findings->findings))
    any |= wants_plan(finding);
  if (!any || !survey->has_statistics || g_get_monotonic_time() > deadline_us)
    return true;
  dba_request_progress(request, "planning at the subject's own size");
  load->deadline_us = deadline_us;
  bool made = dba_lab_create_twin(lab, TWIN, survey, request->home.modules, load, &problem);
  g_autoptr(DbaWhatIf) what_if = made ? dba_what_if_open(lab, TWIN, &problem) : NULL;
  if (!what_if) {
    if (!g_error_matches(problem, DBA_ERROR, DBA_ERROR_DATABASE) && !g_error_matches(problem, DBA_ERROR, DBA_ERROR_LAB)) {
      g_propagate_error(error, g_steal_pointer(&problem));
      return false;
    }
    g_ptr_array_add(answer->warnings, g_strdup_printf("nothing was planned at the subject's own size: %s", problem->message));
    return true;
  }
  const char *settings, *locale;
  g_autoptr(DbaServer) admin = dba_lab_connect(lab, DBA_LAB_SUPERUSER, "postgres", error);
  if (!admin || !dba_lab_describe(admin, findings->arena, &settings, &locale, error))
    return false;
  Planning planning = {request, survey, findings->arena, lab, what_if, review, deadline_us, locale, statements, texts};
  return plan_all(&planning, findings, error);
}

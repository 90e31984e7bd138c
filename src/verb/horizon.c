// SPDX-License-Identifier: Apache-2.0
// The plan at the horizon: statements planned in a twin of the subject as it is, and in one as --grow or --at makes it.
#include "verb/verb.h"

#include "lab/measuring.h"

#include <string.h>

static const char TODAY[] = "today", THEN[] = "horizon";
static const double SHARE_OF_BUDGET = 0.3;

// The nodes of a plan, without their numbers and conditions.
static char *shape_of(const char *plan) {
  g_auto(GStrv) lines = g_strsplit(plan, "\n", -1);
  GString *out = g_string_new(NULL);
  for (char **line = lines; *line; line++) {
    const char *cost = strstr(*line, "  (cost=");
    if (cost)
      g_string_append_printf(out, "%.*s\n", (int)(cost - *line), *line);
  }
  return g_string_free(out, FALSE);
}

// What the server refuses to plan is the statement's own affair.
static bool plan_one(DbaWhatIf *what_if, DbaHorizonPlan *x, DbaArena *arena, double *ret_cost, const char **ret_plan, GError **error) {
  int number;
  DbaWhatIfCost cost = {0};
  g_autofree char *plan = NULL;
  g_autoptr(GError) problem = NULL, unseen = NULL;
  bool ok = dba_what_if_statement(what_if, x->text, &number, &problem) &&
            dba_what_if_costs(what_if, &(DbaWhatIfRequest){number, NULL, 0}, 1, arena, &cost, &problem);
  if (!ok && !g_error_matches(problem, DBA_ERROR, DBA_ERROR_DATABASE)) {
    g_propagate_error(error, g_steal_pointer(&problem));
    return false;
  }
  x->problem = ok ? NULL : dba_arena_text(arena, problem->message);
  *ret_cost = cost.cost;
  if (ok && !dba_what_if_explain(what_if, number, NULL, 0, &plan, &unseen) && !g_error_matches(unseen, DBA_ERROR, DBA_ERROR_DATABASE)) {
    g_propagate_error(error, g_steal_pointer(&unseen));
    return false;
  }
  *ret_plan = dba_arena_text(arena, plan); // a plan that cannot be shown has a cost still
  return true;
}

bool dba_horizon_plan(DbaWhatIf *now, DbaWhatIf *then, gint64 deadline_us, DbaArena *arena, DbaList *plans, GError **error) {
  for (DBA_EACH(DbaHorizonPlan, x, plans)) {
    if (deadline_us && g_get_monotonic_time() > deadline_us) {
      x->problem = "the time was up";
      continue;
    }
    if (!plan_one(now, x, arena, &x->now, &x->plan_now, error) ||
        (!x->problem && !plan_one(then, x, arena, &x->then, &x->plan_then, error)))
      return false;
    if (x->problem || !x->plan_now || !x->plan_then)
      continue;
    g_autofree char *shape_now = shape_of(x->plan_now), *shape_then = shape_of(x->plan_then);
    x->flips = strcmp(shape_now, shape_then) != 0;
  }
  return true;
}

DbaWhatIf *dba_request_twin(const DbaRequest *request, const DbaLab *lab, const char *database, const DbaSurvey *survey, const char *prefix,
                            DbaAnswer *answer, GError **error) {
  g_autoptr(DbaLoad) load = dba_load_new();
  dba_request_progress(request, "building the twin");
  if (!dba_lab_create_twin(lab, database, survey, request->home.modules, load, error))
    return NULL;
  dba_answer_take_notes(answer, load, prefix);
  if (!dba_lab_invalidate_indexes(lab, database, &survey->schema, error))
    return NULL;
  return dba_what_if_open(lab, database, error);
}

static char *words_again(const DbaRequest *request, const char *again) {
  const char *const options[][2] = {
      {" --grow ", request->grow}, {" --at ", request->at}, {" --since ", request->since}, {" --workload ", request->workload}};
  g_autofree char *subject = again ? g_shell_quote(again) : g_strdup("-d ''"); // else the PG* variables name it
  GString *out = g_string_new("dbarch lab what-if ");
  g_string_append(out, subject);
  for (size_t i = 0; i < G_N_ELEMENTS(options); i++) {
    g_autofree char *value = options[i][1] ? g_shell_quote(options[i][1]) : NULL;
    if (value)
      g_string_append_printf(out, "%s%s", options[i][0], value);
  }
  return g_string_free(out, FALSE);
}

bool dba_review_horizon(const DbaRequest *request, DbaSurvey *survey, const DbaLab *lab, const char *again, DbaAnswer *answer,
                        GError **error) {
  DbaHorizon *horizon = &survey->horizon;
  g_autofree char *text = NULL, *repeat = words_again(request, again);
  const char *settings, *locale;
  g_autoptr(DbaSurvey) grown = dba_survey_copy(survey, error);
  if (!grown || !dba_request_grow(request, grown, &text, error))
    return false;
  dba_request_progress(request, "planning at the horizon");
  g_autoptr(DbaWhatIf) now = dba_request_twin(request, lab, TODAY, survey, "", answer, error);
  g_autoptr(DbaWhatIf) then = now ? dba_request_twin(request, lab, THEN, grown, "at the horizon: ", answer, error) : NULL;
  g_autoptr(DbaServer) admin = then ? dba_lab_connect(lab, DBA_LAB_SUPERUSER, "postgres", error) : NULL;
  if (!admin || !dba_lab_describe(admin, survey->arena, &settings, &locale, error))
    return false;
  *horizon = (DbaHorizon){.text = dba_arena_text(survey->arena, text),
                          .server = dba_arena_format(survey->arena, "PostgreSQL %s", dba_lab_version(lab)),
                          .locale = locale,
                          .repeat = dba_arena_text(survey->arena, repeat)};
  double *rows = dba_arena_alloc(survey->arena, sizeof *rows * (survey->schema.relations.n + 1));
  for (uint32_t i = 0; i < survey->schema.relations.n; i++)
    rows[i] = dba_list_at(DbaRelation, &grown->schema.relations, i)->rows;
  horizon->rows = rows;
  for (DBA_EACH(DbaWorkloadStatement, statement, &survey->workload)) {
    if (!statement->text)
      continue;
    DbaHorizonPlan *x = dba_list_add(survey->arena, &horizon->plans, sizeof *x);
    *x = (DbaHorizonPlan){.id = statement->id, .text = statement->text, .calls = statement->calls};
  }
  // A part of the time for proofs: these come after.
  gint64 deadline = g_get_monotonic_time() + (gint64)(request->budget_seconds * SHARE_OF_BUDGET * G_USEC_PER_SEC);
  return dba_horizon_plan(now, then, deadline, survey->arena, &horizon->plans, error);
}

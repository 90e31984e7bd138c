// SPDX-License-Identifier: Apache-2.0
// What the workload of a reviewed subject wants: its best set of indexes, planned in a twin, laid into the survey for the rule missing-index.
//
// It is one advice of many: what fails in the lab is a warning, and takes a part of the time alone.
#include "verb/index-run.h"

#include <string.h>

static const char TWIN[] = "wanted";
static const double SHARE_OF_BUDGET = 0.2, MOST_SECONDS = 30;

static void take_wanted(const DbaIndexAnswer *answer, int64_t id, DbaSurvey *survey) {
  const DbaIndexCandidate *candidate = dba_list_at(DbaIndexCandidate, &answer->candidates, id);
  DbaWantedIndex *wanted = dba_list_add(survey->arena, &survey->wanted, sizeof *wanted);
  const DbaIndexStatement *best = NULL;
  double most = 0;
  *wanted = (DbaWantedIndex){.definition = candidate->definition,
                             .schema = candidate->schema,
                             .table = candidate->table,
                             .method = candidate->method,
                             .keys = candidate->keys,
                             .predicate = candidate->predicate,
                             .bytes = candidate->bytes};
  dba_index_key_words(survey->arena, candidate->keys, &wanted->words);
  for (DBA_EACH(DbaIndexServed, served, &answer->advised.served)) {
    const DbaIndexStatement *statement = dba_list_at(DbaIndexStatement, &answer->statements, served->statement);
    double saved = (served->before - served->after) * statement->weight;
    if (!dba_list_has_int(&served->by, id))
      continue;
    wanted->statements++;
    wanted->before += served->before * statement->weight;
    wanted->after += served->after * statement->weight;
    if (!best || saved > most) {
      best = statement;
      most = saved;
    }
  }
  wanted->text = best ? best->text : "";
  if (!best || !g_strcmp0(best->origin, "a generic plan"))
    return;
  g_autoptr(GString) prepare = g_string_new(NULL), sql = g_string_new(NULL);
  dba_index_statement_sql(best, prepare, sql);
  wanted->prepare = dba_arena_text(survey->arena, prepare->str);
  wanted->sql = dba_arena_text(survey->arena, sql->str);
  wanted->tables = best->tables;
}

static bool advise(const DbaRequest *request, DbaSurvey *survey, const DbaLab *lab, DbaAnswer *answer, GError **error) {
  DbaIndexAnswer advice = {.arena = survey->arena};
  DbaList statements = {0};
  dba_subject_as_vacuumed(survey);
  dba_index_take_workload(survey, survey->arena, &statements);
  DbaWritePrices prices;
  bool writes;
  if (!dba_index_find_prices(request, lab, &statements, survey->arena, &prices, &writes, error))
    return false;
  g_autoptr(DbaWhatIf) twin = dba_request_twin(request, lab, TWIN, survey, "what the workload wants: ", answer, error);
  double seconds = MIN(MOST_SECONDS, request->budget_seconds * SHARE_OF_BUDGET);
  DbaIndexOptions options = {.lab = lab,
                             .database = TWIN,
                             .survey = survey,
                             .statements = &statements,
                             .prices = writes ? &prices : NULL,
                             .interrupt = request->interrupt,
                             .deadline_us = g_get_monotonic_time() + (gint64)(seconds * G_USEC_PER_SEC)};
  if (!twin || !dba_index_advise(&options, &advice, error))
    return false;
  for (uint32_t i = 0; i < advice.advised.chosen.n; i++) {
    int64_t id = dba_list_int(&advice.advised.chosen, i);
    if (!dba_list_at(DbaIndexCandidate, &advice.candidates, id)->existing)
      take_wanted(&advice, id, survey);
  }
  survey->wanted_known = true;
  return true;
}

bool dba_review_wanted(const DbaRequest *request, DbaSurvey *survey, const DbaLab *lab, DbaAnswer *answer, GError **error) {
  g_autoptr(GError) problem = NULL;
  dba_request_progress(request, "planning what the workload wants");
  if (advise(request, survey, lab, answer, &problem))
    return true;
  if (!g_error_matches(problem, DBA_ERROR, DBA_ERROR_LAB) && !g_error_matches(problem, DBA_ERROR, DBA_ERROR_DATABASE)) {
    g_propagate_error(error, g_steal_pointer(&problem));
    return false;
  }
  g_ptr_array_add(answer->warnings, g_strdup_printf("it was not planned which indexes the workload wants: %s", problem->message));
  return true;
}

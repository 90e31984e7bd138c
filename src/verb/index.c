// SPDX-License-Identifier: Apache-2.0
// dbarch index: the best set of indexes for a whole workload, at every budget.
//
// The workload is --workload's, else what the subject tells.  A twin of the subject plans it; nothing reaches the subject but the reading of it.
#include "verb/verb.h"

#include "index/index.h"
#include "sql/sql.h"

#include <stdlib.h>
#include <string.h>

static const char TWIN[] = "twin";
enum { SHOWN_STATEMENTS = 8, MOST_BUDGETS = 16 };

typedef struct Run {
  const DbaRequest *request;
  DbaAnswer *answer;
  DbaArena *arena;
  DbaIndexAnswer advice;
  const DbaWritePrices *prices; // NULL: nobody writes
  DbaList statements; // DbaIndexStatement
  int64_t budgets[MOST_BUDGETS];
  unsigned n_budgets;
  const char *subject, *server;
  double seconds; // from the twin on
} Run;

static bool read_budgets(const DbaRequest *request, Run *run, GError **error) {
  g_auto(GStrv) words = g_strsplit(request->sizes ? request->sizes : "", ",", -1);
  for (char **word = words; *word; word++) {
    int64_t bytes = !strcmp(g_strstrip(*word), "0") ? 0 : dba_text_read_bytes(*word);
    if (bytes < 0)
      return dba_fail(error, DBA_ERROR_USAGE, "--size %s: say bytes, or 500MB, 2GB; several with commas between", *word);
    if (run->n_budgets == MOST_BUDGETS)
      return dba_fail(error, DBA_ERROR_USAGE, "--size: %d sizes at most", MOST_BUDGETS);
    run->budgets[run->n_budgets++] = bytes;
  }
  return true;
}

static void take_statements(Run *run, const DbaSurvey *survey) {
  for (DBA_EACH(DbaWorkloadStatement, statement, &survey->workload)) {
    if (!statement->text)
      continue;
    DbaIndexStatement *to = dba_list_add(run->arena, &run->statements, sizeof *to);
    *to = (DbaIndexStatement){.id = statement->id, .text = statement->text, .weight = statement->calls > 0 ? (double)statement->calls : 1};
  }
}

// ---- the answer -----------------------------------------------------------------------------------------------------

static double percent(const Run *run, double cost) { return run->advice.cost_none > 0 ? 100 * cost / run->advice.cost_none : 100; }

static const DbaIndexCandidate *candidate_of(const Run *run, const DbaIndexPoint *point, uint32_t i) {
  return dba_list_at(DbaIndexCandidate, &run->advice.candidates, dba_list_int(&point->chosen, i));
}

static void print_point(const Run *run, const DbaIndexPoint *point, GString *out) {
  g_autofree char *budget = point->budget_bytes < 0 ? g_strdup("any") : dba_text_bytes(point->budget_bytes),
                  *bytes = dba_text_bytes(point->bytes);
  unsigned made = 0;
  for (uint32_t i = 0; i < point->chosen.n; i++)
    made += !candidate_of(run, point, i)->existing;
  g_string_append_printf(out, "%10s %10s %8u %6u %9.2f%% %9.2f%%%s\n", budget, bytes, point->chosen.n, made, percent(run, point->cost),
                         percent(run, point->bound),
                         point->asked  ? "  asked"
                         : point->knee ? "  knee"
                                       : "");
}

static void print_set(const Run *run, const DbaIndexPoint *point, GString *out) {
  for (uint32_t i = 0; i < point->chosen.n; i++) {
    const DbaIndexCandidate *candidate = candidate_of(run, point, i);
    g_autofree char *bytes = dba_text_bytes(candidate->bytes);
    g_string_append_printf(out, "%10s  %s%s\n", bytes, candidate->existing ? "keep " : "",
                           candidate->existing ? candidate->existing : candidate->definition);
  }
}

static void print(const Run *run, GString *out) {
  const DbaIndexAnswer *advice = &run->advice;
  g_autofree char *planned = dba_text_count((double)advice->planned), *remembered = dba_text_count((double)advice->remembered);
  g_string_append_printf(out,
                         "%u statements, %u candidates, %s plans (%s more were known), %" G_GINT64_FORMAT
                         " configurations, %" G_GINT64_FORMAT " programs solved, %.1f s\n\n",
                         advice->statements.n, advice->candidates.n, planned, remembered, advice->configurations, advice->solved,
                         run->seconds);
  g_string_append_printf(out, "%10s %10s %8s %6s %10s %10s\n", "budget", "size", "indexes", "new", "cost", "at best");
  for (DBA_EACH(DbaIndexPoint, point, &advice->curve))
    print_point(run, point, out);
  for (DBA_EACH(DbaIndexPoint, point, &advice->curve))
    if (point->asked || point->knee) {
      g_autofree char *budget = dba_text_bytes(point->budget_bytes);
      g_string_append_printf(out, "\n%s:\n", point->budget_bytes < 0 ? "all that pay" : budget);
      print_set(run, point, out);
    }
}

static bool find_writing(const DbaSqlStatement *statement, void *data, GError **error) {
  *(bool *)data |= statement->facts.changes_data;
  (void)error;
  return true;
}

// Only where somebody writes are entries measured.
static bool find_prices(Run *run, const DbaLab *lab, DbaWritePrices *prices, GError **error) {
  bool writes = false;
  for (DBA_EACH(DbaIndexStatement, statement, &run->statements)) {
    g_autoptr(DbaSqlReader) reader = dba_sql_reader_text("the workload", statement->text, strlen(statement->text));
    g_autoptr(GError) unread = NULL; // the twin will say
    dba_sql_reader_set_tolerant(reader, true);
    if (!writes && !dba_sql_visit(reader, find_writing, &writes, &unread))
      continue;
  }
  g_autofree char *path = g_strdup_printf("%s/write-prices-%s.json", run->request->home.cache, dba_lab_version(lab));
  if (!writes)
    return true;
  dba_request_progress(run->request, "measuring what entries cost");
  run->prices = prices;
  return dba_lab_write_prices(lab, path, run->arena, prices, error);
}

static void tell(void *data, const char *line) { dba_request_progress(data, "%s", line); }

static bool advise(Run *run, const DbaSurvey *survey, const DbaLab *lab, GError **error) {
  DbaWritePrices prices = {0};
  if (!find_prices(run, lab, &prices, error))
    return false;
  DbaIndexOptions options = {.lab = lab,
                             .prices = run->prices,
                             .database = TWIN,
                             .survey = survey,
                             .statements = &run->statements,
                             .budgets_bytes = run->budgets,
                             .n_budgets = run->n_budgets,
                             .interrupt = run->request->interrupt,
                             .progress = tell,
                             .progress_data = (void *)(uintptr_t)run->request};
  gint64 start = g_get_monotonic_time();
  g_autoptr(DbaWhatIf) twin = dba_request_twin(run->request, lab, TWIN, survey, "", run->answer, error);
  if (!twin || !dba_index_advise(&options, &run->advice, error))
    return false;
  run->seconds = (double)(g_get_monotonic_time() - start) / G_USEC_PER_SEC;
  for (DBA_EACH_TEXT(line, &run->advice.refused))
    g_ptr_array_add(run->answer->warnings, g_strdup_printf("left out: %s", *line));
  return true;
}

bool dba_verb_index(const DbaRequest *request, DbaAnswer *answer, GError **error) {
  g_auto(DbaSubject) subject = {0};
  g_autoptr(DbaArena) arena = dba_arena_new();
  DbaRequest inner = *request;
  Run run = {.request = request, .answer = answer, .arena = arena, .advice = {.arena = arena}};
  inner.with_values = true;
  inner.workload = NULL;
  if (!read_budgets(request, &run, error) || !dba_subject_find(&inner, &subject, error))
    return false;
  g_autoptr(DbaLab) source = NULL, lab = NULL;
  g_autoptr(DbaSurvey) survey = dba_subject_survey(&inner, &subject, &source, NULL, error);
  g_autofree char *substitution = NULL;
  if (!survey)
    return false;
  if (request->workload) { // then nothing else
    survey->workload = (DbaList){0};
    if (!dba_subject_read_workload(survey, request->workload, error))
      return false;
  }
  take_statements(&run, survey);
  if (!dba_subject_start_lab(request, survey, false, &lab, &substitution, error) || !dba_subject_stub(request, lab, survey, answer, error))
    return false;
  if (substitution)
    g_ptr_array_add(answer->warnings, g_strdup_printf("another plan may come of it: %s", substitution));
  if (request->workload)
    dba_subject_warn_disguised(survey, answer);
  run.subject = subject.shown;
  run.server = dba_lab_version(lab);
  if (!advise(&run, survey, lab, error))
    return false;
  print(&run, answer->text);
  return true;
}

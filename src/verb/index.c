// SPDX-License-Identifier: Apache-2.0
// dbarch index: the best set of indexes for a whole workload, at every budget.
//
// The workload is --workload's, else what the subject tells.  A twin of the subject plans it; nothing reaches the subject but the reading of it.
#include "verb/index-run.h"

#include "sql/sql.h"

#include <string.h>

static const char TWIN[] = "twin";

typedef DbaIndexRun Run;

static bool read_budgets(const DbaRequest *request, Run *run, GError **error) {
  g_auto(GStrv) words = g_strsplit(request->sizes ? request->sizes : "", ",", -1);
  for (char **word = words; *word; word++) {
    int64_t bytes = !strcmp(g_strstrip(*word), "0") ? 0 : dba_text_read_bytes(*word);
    if (bytes < 0)
      return dba_fail(error, DBA_ERROR_USAGE, "--size %s: say bytes, or 500MB, 2GB; several with commas between", *word);
    if (run->n_budgets == DBA_INDEX_MOST_BUDGETS)
      return dba_fail(error, DBA_ERROR_USAGE, "--size: %d sizes at most", DBA_INDEX_MOST_BUDGETS);
    run->budgets[run->n_budgets++] = bytes;
  }
  return true;
}

// Before hours go into an answer that could not be written.
static bool is_free(const DbaRequest *request, GError **error) {
  g_autofree char *path = request->out && !request->force ? g_build_filename(request->out, "index.json", NULL) : NULL;
  return !path || !g_file_test(path, G_FILE_TEST_EXISTS) ||
         dba_fail(error, DBA_ERROR_USAGE, "%s is there already (hint: --force overwrites it, --out names another folder)", path);
}

// Bytes, a tab, a definition, and maybe a tab and a height; a line each.
static bool read_sizes(const char *path, GHashTable *sizes, GError **error) {
  g_autofree char *text = NULL;
  size_t length;
  if (!dba_file_read(path, &text, &length, error))
    return false;
  static const int64_t MOST_BYTES = (int64_t)32 << 40; // what a relation can have: 2^32 pages
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  for (unsigned i = 0; lines[i]; i++) {
    g_auto(GStrv) fields = g_strsplit(lines[i], "\t", 3);
    DbaIndexSize size = {.bytes = *fields ? g_ascii_strtoll(*fields, NULL, 10) : 0, .height = -2};
    if (!*g_strstrip(lines[i]))
      continue;
    if (size.bytes <= 0 || size.bytes > MOST_BYTES || !fields[1])
      return dba_fail(error, DBA_ERROR_INPUT, "%s:%u: bytes, a tab and CREATE INDEX ... are wanted", path, i + 1);
    if (fields[2])
      size.height = (int)CLAMP(g_ascii_strtoll(fields[2], NULL, 10), -2, 10);
    g_hash_table_insert(sizes, g_strdup(fields[1]), g_memdup2(&size, sizeof size));
  }
  return true;
}

void dba_index_take_workload(const DbaSurvey *survey, DbaArena *arena, DbaList *ret_statements) {
  for (DBA_EACH(DbaWorkloadStatement, statement, &survey->workload)) {
    if (!statement->text)
      continue;
    DbaIndexStatement *to = dba_list_add(arena, ret_statements, sizeof *to);
    *to = (DbaIndexStatement){.id = statement->id,
                              .text = statement->text,
                              .weight = statement->calls > 0 ? (double)statement->calls : 1,
                              .values = statement->parameters.n ? &statement->parameters : NULL,
                              .origin = statement->parameters.n ? "the log" : NULL,
                              .rows = statement->rows > 0 ? (double)statement->rows / (double)MAX(statement->calls, 1) : 0};
  }
}

static bool find_writing(const DbaSqlStatement *statement, void *data, GError **error) {
  *(bool *)data |= statement->facts.changes_data;
  (void)error;
  return true;
}

bool dba_index_find_prices(const DbaRequest *request, const DbaLab *lab, const DbaList *statements, DbaArena *arena,
                           DbaWritePrices *ret_prices, bool *ret_writes, GError **error) {
  *ret_writes = false;
  for (DBA_EACH(DbaIndexStatement, statement, statements)) {
    g_autoptr(DbaSqlReader) reader = dba_sql_reader_text("the workload", statement->text, strlen(statement->text));
    g_autoptr(GError) unread = NULL; // the twin will say
    dba_sql_reader_set_tolerant(reader, true);
    if (!*ret_writes && !dba_sql_visit(reader, find_writing, ret_writes, &unread))
      continue;
  }
  g_autofree char *path = g_strdup_printf("%s/write-prices-%s.json", request->home.cache, dba_lab_version(lab));
  if (!*ret_writes)
    return true;
  dba_request_progress(request, "measuring what entries cost");
  return dba_lab_write_prices(lab, path, arena, ret_prices, error);
}

static void tell(void *data, const char *line) { dba_request_progress(data, "%s", line); }

static bool advise(Run *run, const DbaSurvey *survey, const DbaLab *lab, GError **error) {
  DbaWritePrices prices;
  bool writes;
  if (!dba_index_find_prices(run->request, lab, &run->statements, run->arena, &prices, &writes, error))
    return false;
  g_autoptr(GHashTable) sizes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  if (run->request->index_sizes && !read_sizes(run->request->index_sizes, sizes, error))
    return false;
  gint64 start = g_get_monotonic_time();
  DbaIndexOptions options = {.lab = lab,
                             .sizes = sizes,
                             .prices = writes ? &prices : NULL,
                             .database = TWIN,
                             .survey = survey,
                             .statements = &run->statements,
                             .budgets_bytes = run->budgets,
                             .n_budgets = run->n_budgets,
                             .questions = run->request->whys,
                             .keep = run->request->keeps,
                             .forbid = run->request->forbids,
                             .most_per_table = run->request->most_per_table,
                             .deadline_us = start + (gint64)(run->request->budget_seconds * G_USEC_PER_SEC),
                             .interrupt = run->request->interrupt,
                             .progress = tell,
                             .progress_data = (void *)(uintptr_t)run->request};
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
  if (!read_budgets(request, &run, error) || !is_free(request, error) || !dba_subject_find(&inner, &subject, error))
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
  dba_subject_as_vacuumed(survey);
  g_autofree char *horizon = NULL;
  if (!dba_request_grow(request, survey, &horizon, error))
    return false;
  dba_index_take_workload(survey, run.arena, &run.statements);
  run.horizon = horizon;
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
  if (request->prove && !dba_index_run_prove(&run, survey, error))
    return false;
  g_autofree char *text = request->format == DBA_FORMAT_JSON ? dba_index_run_json(&run) : dba_index_run_text(&run);
  g_string_append(answer->text, text);
  return !request->out || dba_index_run_write(&run, survey, lab, error);
}

// SPDX-License-Identifier: Apache-2.0
// dbarch survey: a subject as one file, its production values disguised.
#include "verb/verb.h"

#include <string.h>
#include <sys/random.h>

// Tells the order of the subject's values: the subject itself, the lab that holds it, or a lab like it; none is asked before it is needed.
typedef struct Sorter {
  const DbaRequest *request;
  const DbaSubject *subject;
  const DbaSurvey *survey;
  DbaLab **lab;
  DbaServer *server;
} Sorter;

static DbaServer *open_sorter(const Sorter *sorter, GError **error) {
  g_autofree char *substitution = NULL;
  if (sorter->subject->kind == DBA_SUBJECT_LIVE) {
    DbaServer *server = dba_subject_connect(sorter->request, sorter->subject, error);
    if (server)
      dba_server_mark(server);
    return server;
  }
  if (*sorter->lab)
    return dba_lab_connect(*sorter->lab, DBA_LAB_SUBJECT_ROLE, "subject", error);
  if (!dba_subject_start_lab(sorter->request, sorter->survey, false, sorter->lab, &substitution, error) ||
      !dba_lab_create_database(*sorter->lab, "order", NULL, error))
    return NULL;
  return dba_lab_connect(*sorter->lab, DBA_LAB_SUBJECT_ROLE, "order", error);
}

static bool sort(void *data, const char *type, const char *collation, const DbaList *values, uint32_t *ret_ranks, GError **error) {
  Sorter *sorter = data;
  if (!sorter->server && !(sorter->server = open_sorter(sorter, error)))
    return false;
  return dba_server_sort_values(sorter->server, type, collation, values, ret_ranks, error);
}

static bool redact(const DbaRequest *request, const DbaSubject *subject, DbaSurvey *survey, DbaLab **lab, GError **error) {
  uint64_t seed;
  Sorter sorter = {request, subject, survey, lab, NULL};
  if (getrandom(&seed, sizeof seed, 0) != sizeof seed)
    return dba_fail(error, DBA_ERROR_BUG, "the system gives no random numbers");
  dba_request_progress(request, "disguising values");
  bool ok = dba_survey_redact(survey, request->redact != NULL, seed, sort, &sorter, error);
  g_clear_pointer(&sorter.server, dba_server_close);
  return ok;
}

static void tell_redaction(const DbaSurvey *survey, DbaAnswer *answer) {
  const DbaRedaction *redaction = &survey->redaction;
  for (DBA_EACH_TEXT(line, &redaction->kept))
    g_ptr_array_add(answer->warnings, g_strdup_printf("kept, since it stands in the schema: %s", *line));
  for (DBA_EACH_TEXT(line, &redaction->left_out))
    g_ptr_array_add(answer->warnings, g_strdup_printf("left out: %s", *line));
  for (DBA_EACH(DbaAffected, affected, &redaction->affected))
    g_ptr_array_add(answer->warnings, g_strdup_printf("statement %s may plan otherwise: %s", affected->statement, affected->why));
}

bool dba_verb_survey(const DbaRequest *request, DbaAnswer *answer, GError **error) {
  g_auto(DbaSubject) subject = {0};
  g_autoptr(DbaLab) lab = NULL;
  DbaRequest inner = *request;
  inner.with_values = !request->no_values;
  if (request->keep_values && request->no_values)
    return dba_fail(error, DBA_ERROR_USAGE, "--with-values and --no-values: say one of them");
  if (request->redact && strcmp(request->redact, "schema"))
    return dba_fail(error, DBA_ERROR_USAGE, "--redact %s: only \"schema\" can be said (values are disguised anyway)", request->redact);
  if (request->redact && (request->keep_values || request->no_values))
    return dba_fail(error, DBA_ERROR_USAGE, "--redact and %s: say one of them", request->keep_values ? "--with-values" : "--no-values");
  const char *output = g_strcmp0(request->output, "-") ? request->output : NULL; // "-": stdout
  if (output && !request->force && g_file_test(output, G_FILE_TEST_IS_REGULAR))
    return dba_fail(error, DBA_ERROR_USAGE, "%s is there already (hint: --force overwrites it)", output);
  g_autofree char *folder = output ? g_path_get_dirname(output) : NULL;
  if (folder && !g_file_test(folder, G_FILE_TEST_IS_DIR))
    return dba_fail(error, DBA_ERROR_USAGE, "%s: there is no such folder", folder);
  if (!dba_subject_find(request, &subject, error))
    return false;
  g_autoptr(DbaSurvey) survey = dba_subject_survey(&inner, &subject, &lab, NULL, error);
  if (!survey || (!request->keep_values && !request->no_values && !redact(request, &subject, survey, &lab, error)))
    return false;
  g_autofree char *json = dba_survey_to_json(survey, !request->no_values), *packed = NULL;
  size_t length = strlen(json);
  for (DBA_EACH(DbaGap, gap, &survey->gaps))
    g_ptr_array_add(answer->warnings, g_strdup_printf("not read: %s: %s (%s)", gap->what, gap->why, gap->remedy));
  tell_redaction(survey, answer);
  if (!output) {
    g_string_append(answer->text, json);
    return true;
  }
  if (!g_str_has_suffix(output, ".json"))
    packed = dba_gzip(json, strlen(json), &length);
  if (!dba_file_write(output, packed ? packed : json, length, error))
    return false;
  g_autofree char *size = dba_text_bytes((int64_t)length);
  const char *how = request->no_values ? "no values in it" : survey->redaction.done ? "values disguised" : "WITH PRODUCTION VALUES";
  g_string_append_printf(answer->text, "%s: %u tables and views, %u statements, %u gaps, %s, %s\n", output, survey->schema.relations.n,
                         survey->workload.n, survey->gaps.n, how, size);
  return true;
}

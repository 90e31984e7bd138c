// SPDX-License-Identifier: Apache-2.0
// dbarch survey: a subject as one file.
#include "verb/verb.h"

#include <string.h>

bool dba_verb_survey(const DbaRequest *request, DbaAnswer *answer, GError **error) {
  g_auto(DbaSubject) subject = {0};
  g_autoptr(DbaLab) lab = NULL;
  if (request->output && !request->force && g_file_test(request->output, G_FILE_TEST_EXISTS))
    return dba_fail(error, DBA_ERROR_USAGE, "%s is there already (hint: --force overwrites it)", request->output);
  if (!dba_subject_find(request, &subject, error))
    return false;
  g_autoptr(DbaSurvey) survey = dba_subject_survey(request, &subject, &lab, NULL, error);
  if (!survey)
    return false;
  g_autofree char *json = dba_survey_to_json(survey, request->with_values);
  if (!request->output) {
    g_string_append(answer->text, json);
    return true;
  }
  if (!dba_file_write(request->output, json, strlen(json), error))
    return false;
  g_autofree char *size = dba_text_bytes((int64_t)strlen(json));
  g_string_append_printf(answer->text, "%s: %u tables and views, %u statements, %u gaps, %s\n", request->output, survey->schema.relations.n,
                         survey->workload.n, survey->gaps.n, size);
  for (DBA_EACH(DbaGap, gap, &survey->gaps))
    g_ptr_array_add(answer->warnings, g_strdup_printf("not read: %s: %s (%s)", gap->what, gap->why, gap->remedy));
  return true;
}

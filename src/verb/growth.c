// SPDX-License-Identifier: Apache-2.0
// --grow, --at, --since: a subject as it will be.
#include "verb/verb.h"

#include <stdlib.h>
#include <string.h>

// Days from the survey to a date, or as said: "90d".
static bool read_horizon(const char *text, const char *taken_at, double *ret_days, GError **error) {
  char *end;
  double days = g_ascii_strtod(text, &end);
  if (end != text && !strcmp(end, "d") && days >= 0 && days <= 36500) {
    *ret_days = days;
    return true;
  }
  g_autofree char *midnight = g_strdup_printf("%sT00:00:00Z", text);
  g_autoptr(GDateTime) at = strlen(text) == 10 ? g_date_time_new_from_iso8601(midnight, NULL) : NULL,
                       now = taken_at ? g_date_time_new_from_iso8601(taken_at, NULL) : g_date_time_new_now_utc();
  if (!at || !now)
    return dba_fail(error, DBA_ERROR_USAGE, "--at %s: say a date (2027-06-30) or days from now (90d)", text);
  *ret_days = (double)g_date_time_difference(at, now) / 86400e6;
  return *ret_days >= 0 || dba_fail(error, DBA_ERROR_USAGE, "--at %s: that is before the survey was taken (%s)", text, taken_at);
}

bool dba_request_earlier(const DbaRequest *request, const DbaSurvey *survey, DbaSurvey **ret_earlier, GError **error) {
  g_autoptr(DbaSurvey) earlier = NULL;
  g_autofree char *text = NULL;
  size_t length;
  *ret_earlier = NULL;
  if (request->since &&
      (!dba_file_read(request->since, &text, &length, error) || !(earlier = dba_survey_from_json(request->since, text, length, error))))
    return false;
  if (earlier && g_strcmp0(earlier->server.database, survey->server.database))
    return dba_fail(error, DBA_ERROR_USAGE, "--since %s: is of database \"%s\", not of \"%s\"", request->since,
                    earlier->server.database ? earlier->server.database : "?", survey->server.database ? survey->server.database : "?");
  *ret_earlier = g_steal_pointer(&earlier);
  return true;
}

bool dba_request_horizon(const DbaRequest *request, const DbaSurvey *survey, double *ret_days, GError **error) {
  *ret_days = 0;
  return !request->at || read_horizon(request->at, survey->server.taken_at, ret_days, error);
}

bool dba_request_grow(const DbaRequest *request, DbaSurvey *survey, char **ret_horizon, GError **error) {
  uint32_t n = survey->schema.relations.n;
  g_autofree double *factors = g_new0(double, n + 1), *rows = g_new0(double, n + 1);
  *ret_horizon = NULL;
  if (!request->grow && !request->at)
    return !request->since || dba_fail(error, DBA_ERROR_USAGE, "--since goes with --at DATE");
  if (request->grow && request->at)
    return dba_fail(error, DBA_ERROR_USAGE, "--grow and --at: say one of them");
  if (request->grow) {
    if (!dba_growth_read(survey, request->grow, factors, error))
      return false;
  } else {
    g_autofree DbaTableRate *rates = g_new0(DbaTableRate, n + 1);
    g_autoptr(DbaSurvey) earlier = NULL;
    double days, over;
    if (!dba_request_horizon(request, survey, &days, error) || !dba_request_earlier(request, survey, &earlier, error) ||
        !dba_survey_rates(survey, earlier, rates, &over, error))
      return false;
    dba_growth_at(survey, rates, days, factors);
  }
  for (uint32_t i = 0; i < n; i++)
    rows[i] = dba_list_at(DbaRelation, &survey->schema.relations, i)->rows;
  dba_survey_grow(survey, factors);
  g_autoptr(GString) out = g_string_new(NULL);
  g_string_append_printf(out, "%s %s:", request->grow ? "grown" : "at", request->grow ? request->grow : request->at);
  unsigned named = 0, more = 0;
  for (uint32_t i = 0; i < n; i++) {
    const DbaRelation *relation = dba_list_at(DbaRelation, &survey->schema.relations, i);
    g_autofree char *before = dba_text_count(rows[i]), *after = dba_text_count(relation->rows);
    if (rows[i] < 1 || !strcmp(before, after) || !strcmp(relation->kind, "partitioned table"))
      continue;
    if (named < 6)
      g_string_append_printf(out, "%s %s.%s %s -> %s rows", named ? "," : "", relation->schema, relation->name, before, after);
    more += named++ >= 6;
  }
  if (more)
    g_string_append_printf(out, ", %u more", more);
  g_string_append(out, named ? "" : " nothing grows");
  *ret_horizon = g_strdup(out->str);
  return true;
}

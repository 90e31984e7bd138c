// SPDX-License-Identifier: Apache-2.0
// Moments stored without a time zone: a question for each table.
#include "advise/advise.h"

#include <string.h>

void dba_advise_timestamp_without_zone(DbaAdvice *advice) {
  const char *zone = dba_survey_setting(advice->survey, "TimeZone");
  for (DBA_EACH(DbaRelation, relation, &advice->schema->relations)) {
    if (!dba_advice_is_root_table(relation))
      continue;
    DbaList columns = {0};
    for (DBA_EACH(DbaColumn, column, &relation->columns)) {
      bool moment = !g_strcmp0(column->type_name, "timestamptz"), naked = !g_strcmp0(column->type_name, "timestamp");
      advice->looked_at += moment || naked;
      if (naked && (column->local || !column->inherited))
        dba_list_add_text(advice->arena, &columns, column->name);
    }
    if (!columns.n)
      continue;
    DbaFinding *finding = dba_advice_find(advice, DBA_QUESTION, relation, dba_advice_object(advice, relation, &columns));
    finding->columns = columns;
    finding->what = dba_arena_format(advice->arena, "%s.%s keeps %s in timestamp without time zone: %s.", relation->schema, relation->name,
                                     columns.n == 1 ? "a moment" : "moments", dba_advice_columns(advice, &columns));
    finding->why = "The same bytes mean another moment to every session with another TimeZone, and an hour repeats when summer time ends.";
    finding->question = "In which zone were these values written?";
    dba_advice_option(advice, finding, "UTC: convert with AT TIME ZONE 'UTC'");
    if (zone && strcmp(zone, "UTC") && strcmp(zone, "Etc/UTC"))
      dba_advice_option(advice, finding,
                        dba_arena_format(advice->arena, "%s, the server's zone: convert with AT TIME ZONE '%s'", zone, zone));
    dba_advice_option(advice, finding, "another zone: convert with it");
    dba_advice_option(advice, finding, "they are wall-clock times, not moments (opening hours, birthdays): allow it, with the reason");
  }
}

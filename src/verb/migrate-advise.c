// SPDX-License-Identifier: Apache-2.0
// What advisors say of the schema that migrations make, and did not say of the one before: findings of the migration that brought it about.
#include "verb/verb.h"

#include <string.h>

void dba_advised_clear(DbaAdvised *advised) { g_clear_pointer(&advised->before, dba_findings_free); }

// All that advisors find in a database of the lab; without rows and counters.
static DbaFindings *advise(const DbaLab *lab, const char *database, GError **error) {
  g_autoptr(DbaServer) server = dba_lab_connect(lab, DBA_LAB_SUPERUSER, database, error);
  g_autoptr(DbaSurvey) survey = server ? dba_server_survey(server, database, DBA_SURVEY_NUMBERS, error) : NULL;
  if (!survey)
    return NULL;
  survey->has_statistics = false; // the lab's say nothing about production
  survey->gaps.n = 0;
  DbaFindings *findings = dba_advise(survey, NULL), *kept = dba_findings_new();
  for (DBA_EACH(DbaFinding, finding, &findings->findings)) { // what outlives the survey
    DbaFinding *copy = dba_list_add(kept->arena, &kept->findings, sizeof *copy);
    *copy = (DbaFinding){.rule = finding->rule,
                         .severity = finding->severity,
                         .severity_name = dba_severity_name((DbaSeverity)finding->severity),
                         .object = dba_arena_text(kept->arena, finding->object),
                         .table = dba_arena_text(kept->arena, finding->table),
                         .what = dba_arena_text(kept->arena, finding->what),
                         .why = dba_arena_text(kept->arena, finding->why)};
  }
  dba_findings_free(findings);
  return kept;
}

bool dba_advised_begin(void *data, const DbaLab *lab, const char *database, GError **error) {
  DbaAdvised *advised = data;
  advised->before = advise(lab, database, error);
  return advised->before != NULL;
}

static bool was_there(const DbaFindings *before, const DbaFinding *finding) {
  for (DBA_EACH(DbaFinding, old, before ? &before->findings : &(DbaList){0}))
    if (!strcmp(old->rule, finding->rule) && !strcmp(old->object, finding->object))
      return true;
  return false;
}

static bool names(const char *text, const char *word) {
  size_t length = strlen(word);
  for (const char *at = text; (at = strstr(at, word)); at += length)
    if ((at == text || !(g_ascii_isalnum(at[-1]) || at[-1] == '_')) && !(g_ascii_isalnum(at[length]) || at[length] == '_'))
      return true;
  return false;
}

// The last migration that names the table, and where.
static const DbaMigration *migration_of(const DbaVerification *verification, const DbaFinding *finding, uint32_t *ret_line) {
  for (uint32_t i = verification->verified.n; finding->table && i-- > 0;) {
    const DbaMigration *migration = dba_list_at(DbaVerified, &verification->verified, i)->migration;
    for (DBA_EACH(DbaSqlStatement, item, &migration->up->items)) {
      g_autofree char *text = g_strndup(item->item.text, item->item.length);
      *ret_line = item->item.place.line;
      if (names(text, finding->table))
        return migration;
    }
  }
  return NULL;
}

bool dba_advised_end(const DbaAdvised *advised, const DbaLab *lab, DbaVerification *verification, GError **error) {
  g_autoptr(DbaFindings) after = advise(lab, DBA_VERIFIED_DATABASE, error);
  DbaFindings *findings = verification->findings;
  if (!after)
    return false;
  for (DBA_EACH(DbaFinding, finding, &after->findings)) {
    uint32_t line = 0;
    const DbaMigration *migration =
        finding->severity > DBA_WORTH_IT || was_there(advised->before, finding) ? NULL : migration_of(verification, finding, &line);
    if (!migration)
      continue;
    DbaFinding *told = dba_list_add(findings->arena, &findings->findings, sizeof *told);
    *told = (DbaFinding){
        .rule = finding->rule,
        .severity = DBA_WORTH_IT, // of its rows nothing is known
        .severity_name = dba_severity_name(DBA_WORTH_IT),
        .object = migration->label,
        .what = dba_arena_format(findings->arena, "after it, %s: %s %s", finding->object, finding->what, finding->why ? finding->why : ""),
        .file = migration->up->path,
        .line = line,
        .proof = "unproven: seen in the catalog, nothing was measured"};
  }
  return true;
}

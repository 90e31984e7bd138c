// SPDX-License-Identifier: Apache-2.0
// Suppression: findings that the owner has decided to live with, each with a reason.
//
// Two places: a comment before the statement that makes the object, and `allow:` in dbarch.yaml.  A suppression without a
// reason does not count, so that nobody has to guess later.
#include "finding/finding.h"

#include <string.h>

void dba_suppressions_read_comment(DbaArena *arena, GArray *suppressions, const char *comment, size_t length, const char *object,
                                   const char *file, int64_t line) {
  g_autofree char *text = g_strndup(comment, length);
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  for (char **l = lines; *l; l++) {
    char *p = g_strstrip(*l);
    if (!g_str_has_prefix(p, "--"))
      continue;
    p = g_strstrip(p + 2);
    if (!g_str_has_prefix(p, "dbarch:"))
      continue;
    p = g_strstrip(p + strlen("dbarch:"));
    if (!g_str_has_prefix(p, "allow "))
      continue;
    g_auto(GStrv) words = g_strsplit(g_strstrip(p + strlen("allow ")), " ", 2);
    DbaSuppression suppression = {dba_arena_text(arena, words[0]), dba_arena_text(arena, object),
                                  words[0] && words[1] ? dba_arena_text(arena, g_strstrip(words[1])) : NULL, dba_arena_text(arena, file),
                                  line};
    g_array_append_val(suppressions, suppression);
  }
}

// An entry names a finding by its object ("shop.orders(id)"), or by the table or part of it that precedes the bracket.
static bool names(const DbaSuppression *suppression, const DbaFinding *finding) {
  if (g_strcmp0(suppression->rule, finding->rule))
    return false;
  if (!suppression->object || !strcmp(suppression->object, finding->object))
    return true;
  g_autofree char *table = finding->schema && finding->table ? g_strdup_printf("%s.%s", finding->schema, finding->table) : NULL;
  return !g_strcmp0(suppression->object, table) || !g_strcmp0(suppression->object, finding->table) ||
         !g_strcmp0(suppression->object, finding->index) || !g_strcmp0(suppression->object, finding->constraint);
}

// A rule that looked at nothing in this run says nothing of its allowances.
static bool looked(const DbaFindings *findings, const char *rule) {
  for (DBA_EACH(DbaChecked, checked, &findings->checked))
    if (!g_strcmp0(checked->rule, rule))
      return checked->looked_at > 0;
  return true;
}

void dba_findings_suppress(DbaFindings *findings, const DbaSurvey *survey, const char *const *rules, DbaList *idle) {
  for (DBA_EACH(DbaSuppression, suppression, &survey->suppressions)) {
    const char *why = NULL;
    bool used = false;
    if (!suppression->reason || !*suppression->reason)
      why = "it gives no reason";
    else if (!g_strv_contains(rules, suppression->rule))
      why = "there is no such rule";
    for (DBA_EACH(DbaFinding, finding, &findings->findings)) {
      if (why || finding->suppressed || !names(suppression, finding))
        continue;
      used = finding->suppressed = true;
      finding->suppressed_by =
          dba_arena_format(findings->arena, "%s (%s:%" G_GINT64_FORMAT ")", suppression->reason, suppression->file, suppression->line);
    }
    if (used || !idle || (!why && !looked(findings, suppression->rule)))
      continue;
    g_autofree char *line = g_strdup_printf("%s:%" G_GINT64_FORMAT ": allow %s%s%s has no effect: %s", suppression->file, suppression->line,
                                            suppression->rule, suppression->object ? " " : "",
                                            suppression->object ? suppression->object : "", why ? why : "nothing is found there");
    dba_list_add_text(findings->arena, idle, line);
  }
}

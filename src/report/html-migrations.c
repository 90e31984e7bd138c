// SPDX-License-Identifier: Apache-2.0
// What came of verifying or linting migrations, as one page: what to fix, and a row for each migration.
#include "report/html-int.h"

#include <string.h>

static const struct {
  const char *heading, *class, *one, *several;
} groups[DBA_N_SEVERITIES] = {{"Must fix", "must", "must fix", "must fix"},
                              {"Worth it", "worth", "worth it", "worth it"},
                              {"Questions", "question", "question", "questions"},
                              {"Notes", "soft", "note", "notes"}};

static void duration(GString *out, const char *open, double ms, const char *close) {
  g_autofree char *told = ms > 0 ? dba_text_duration(ms) : g_strdup("");
  dba_html_wrapped(out, open, told, close);
}

// The change: steps that do the same without waiting, an undo that was found, or a pair that keeps the values.
static void change(GString *out, const DbaChange *change) {
  if (change->up)
    dba_html_wrapped(out, change->down ? "<dt>a pair that keeps the values</dt><dd><pre>" : "<dt>the same without waiting</dt><dd><pre>",
                     change->up, "</pre>");
  if (change->up && !change->down)
    g_string_append(out, "<p class=soft>It was run, and the same schema comes of it; --fix writes it.</p>");
  if (change->up)
    g_string_append(out, "</dd>");
  if (!change->down)
    return;
  dba_html_wrapped(out, "<dt>undo</dt><dd><pre>", change->down, "</pre>");
  if (change->undo_class)
    dba_html_wrapped(out, "<p class=soft>", change->undo_class, "; it was run.</p>");
  g_string_append(out, "</dd>");
}

static void finding_html(GString *out, const DbaFinding *finding, const char *class, bool open) {
  dba_html_finding(out, finding, class, open);
  duration(out, "<span class=gain>", finding->risk.duration_note ? finding->risk.duration_ms : 0, "</span>");
  dba_html_wrapped(out, "<span class=what>", finding->what, "</span></summary><div class=body>");
  if (finding->excerpt)
    dba_html_wrapped(out, "<pre>", finding->excerpt, "</pre>");
  g_string_append(out, "<dl>");
  if (finding->why)
    dba_html_term(out, "instead", finding->why);
  if (finding->has_change)
    change(out, &finding->change);
  if (finding->risk.lock) {
    g_autofree char *risk = dba_report_risk(&finding->risk);
    dba_html_term(out, "lock", risk);
  }
  if (finding->risk.duration_note)
    dba_html_term(out, "takes", finding->risk.duration_note);
  dba_html_term(out, "proof", finding->proof);
  if (finding->file) {
    g_autofree char *place = g_strdup_printf("%s:%d", finding->file, (int)finding->line);
    dba_html_term(out, "where", place);
  }
  g_string_append(out, "</dl></div></details>\n");
}

static unsigned count_of(const DbaFindings *findings, const char *label, DbaSeverity severity) {
  unsigned n = 0;
  for (DBA_EACH(DbaFinding, finding, &findings->findings))
    n += !finding->suppressed && !finding->rejected && finding->severity == severity && !strcmp(finding->object, label);
  return n;
}

static void row(GString *out, const DbaVerification *verification, const DbaVerified *verified) {
  g_autoptr(GString) lost = g_string_new(NULL);
  for (DBA_EACH_TEXT(text, &verified->lost))
    g_string_append_printf(lost, "%s%s", lost->len ? "; " : "", *text);
  dba_html_wrapped(out, "<tr><td>", verified->migration->label, "</td><td>");
  for (int severity = 0; severity < DBA_N_SEVERITIES; severity++) {
    unsigned n = count_of(verification->findings, verified->migration->label, (DbaSeverity)severity);
    if (n)
      g_string_append_printf(out, "<span class=%s>%u %s</span> ", groups[severity].class, n,
                             n == 1 ? groups[severity].one : groups[severity].several);
  }
  if (verification->undos) {
    bool exact = verified->undo_class && !strcmp(verified->undo_class, DBA_UNDO_EXACT),
         wrong = count_of(verification->findings, verified->migration->label, DBA_MUST_FIX) > 0;
    g_string_append_printf(out, "</td><td class=%s>", exact ? "right" : verified->undo_class || !wrong ? "worth" : "must");
    dba_html_text(out, verified->undo_class         ? verified->undo_class
                       : !verified->migration->down ? "none"
                       : wrong                      ? "not right"
                                                    : "not judged");
    dba_html_wrapped(out, "<div class=soft>", lost->str, "</div>");
  }
  duration(out, "</td><td>", verified->up_ms, "</td>");
  if (verification->undos)
    duration(out, "<td>", verified->down_ms, "</td>");
  g_string_append(out, "</tr>\n");
}

static void all_migrations(GString *out, const DbaVerification *verification, bool ran) {
  if (!verification->verified.n)
    return;
  g_string_append_printf(out,
                         "<h2>All %u migrations</h2><div class=scroll><table><tr><th>migration</th><th>found</th>%s<th>%s</th>%s</tr>\n",
                         verification->verified.n, verification->undos ? "<th>undo</th>" : "", ran ? "up took" : "",
                         verification->undos ? "<th>down took</th>" : "");
  for (DBA_EACH(DbaVerified, verified, &verification->verified))
    row(out, verification, verified);
  g_string_append(out, "</table></div>");
}

static void list(GString *out, const char *heading, const DbaList *texts) {
  if (!texts->n)
    return;
  g_string_append_printf(out, "<details><summary><b>%s (%u)</b></summary><div class=body><ul>", heading, texts->n);
  for (DBA_EACH_TEXT(text, texts))
    dba_html_wrapped(out, "<li>", *text, "</li>");
  g_string_append(out, "</ul></div></details>\n");
}

static char *about(const DbaVerification *verification, const char *server) {
  const DbaMigrations *migrations = verification->migrations;
  g_autoptr(GString) out = g_string_new(NULL);
  g_string_printf(out, "%u migrations (%s, %s). ", migrations->migrations.n, dba_layout_told(migrations->layout), migrations->why);
  if (!server)
    g_string_append_printf(out, "%u judged from their text; nothing was run. ", verification->verified.n);
  else
    g_string_append_printf(out, "%u %s on %s, in %.1f s. ", verification->verified.n,
                           verification->undos ? "verified up, down, up" : "run and watched, statement by statement,", server,
                           verification->seconds);
  if (verification->undone_as_a_whole)
    g_string_append(out, "All were undone, newest first, and nothing was left. ");
  if (verification->passed_over)
    g_string_append_printf(out, "%u before --from were read and not judged. ", verification->passed_over);
  if (verification->not_run)
    g_string_append_printf(out, "%u behind the one that fails were not run. ", verification->not_run);
  return g_strdup(out->str);
}

char *dba_report_verified_html(const DbaVerification *verification, const char *server) {
  enum { OPENED = 3 };
  const DbaFindings *findings = verification->findings;
  GString *out = g_string_sized_new(1 << 15);
  g_autofree char *verdict = dba_report_counts(findings), *said = about(verification, server);
  bool first = true;
  unsigned opened = 0;
  dba_html_begin(out, verification->migrations->folder, verification->undos ? "migrate verify" : "migrate lint",
                 *verdict ? verdict : "nothing to fix");
  dba_html_wrapped(out, "", said, "</p>\n");
  for (int severity = 0; severity < DBA_N_SEVERITIES; severity++) {
    if (!dba_findings_count(findings, (DbaSeverity)severity))
      continue;
    g_string_append_printf(out, "<h2 class=%s>%s</h2>\n", groups[severity].class, groups[severity].heading);
    for (DBA_EACH(DbaFinding, finding, &findings->findings))
      if (finding->severity == severity && !finding->suppressed && !finding->rejected)
        finding_html(out, finding, groups[severity].class, opened++ < OPENED);
  }
  for (DBA_EACH(DbaFinding, finding, &findings->findings))
    if (finding->suppressed) {
      g_autofree char *line = g_strdup_printf("%s [%s]: %s", finding->object, finding->rule, finding->suppressed_by);
      dba_html_wrapped(out, first ? "<h2>Allowed</h2><ul>\n<li>" : "<li>", line, "</li>");
      first = false;
    }
  g_string_append(out, first ? "" : "</ul>");
  all_migrations(out, verification, server != NULL);
  list(out, "Noted while they ran", &verification->notes);
  g_string_append(out, "<p class=soft>dbarch " DBARCH_VERSION "</p>");
  dba_html_end(out);
  return g_string_free(out, FALSE);
}

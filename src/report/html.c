// SPDX-License-Identifier: Apache-2.0
// The report as one HTML page: no script, no network request, foreign text escaped everywhere.
#include "report/html-int.h"

#include "report-page.h"

#include <string.h>

void dba_html_text(GString *out, const char *value) {
  g_autofree char *escaped = dba_text_html(value);
  g_string_append(out, escaped);
}

void dba_html_wrapped(GString *out, const char *open, const char *value, const char *close) {
  g_string_append(out, open);
  dba_html_text(out, value);
  g_string_append(out, close);
}

void dba_html_term(GString *out, const char *label, const char *value) {
  dba_html_wrapped(out, "<dt>", label, "</dt>");
  dba_html_wrapped(out, "<dd>", value, "</dd>");
}

void dba_html_begin(GString *out, const char *subject, const char *what, const char *verdict) {
  g_string_append(out, "<!doctype html>\n<html lang=en><head><meta charset=utf-8><meta name=viewport content=\"width=device-width, "
                       "initial-scale=1\"><meta name=color-scheme content=\"light dark\">");
  dba_html_wrapped(out, "<title>", subject, ": dbarch ");
  dba_html_wrapped(out, "", what, "</title><style>");
  g_string_append(out, dba_embedded_report_page("page"));
  dba_html_wrapped(out, "</style></head><body><main>\n<h1>", subject, "</h1>");
  dba_html_wrapped(out, "<p class=verdict>", verdict, "</p><p class=soft>");
}

void dba_html_end(GString *out) { g_string_append(out, "</main></body></html>\n"); }

void dba_html_finding(GString *out, const DbaFinding *finding, const char *class, bool open) {
  g_string_append_printf(out, "<details%s><summary><span><b class=%s>", open ? " open" : "", class);
  dba_html_text(out, finding->object);
  dba_html_wrapped(out, "</b> <span class=tag>", finding->rule, "</span>");
  if (g_str_has_prefix(finding->proof, "unproven"))
    g_string_append(out, " <span class=\"tag open\">unproven</span>");
  g_string_append(out, "</span>");
}

static const DbaReceipt *best_receipt(const DbaFinding *finding) {
  const DbaReceipt *best = NULL;
  for (DBA_EACH(DbaReceipt, receipt, &finding->receipts))
    if (!best || (receipt->claimed && !best->claimed))
      best = receipt;
  return best;
}

static void receipts(GString *out, const DbaList *list, const char *what, bool measured) {
  if (!list->n)
    return;
  g_string_append_printf(out, "<div class=scroll><table><tr><th>%s</th><th>before</th><th>after</th><th class=pair></th>%s</tr>", what,
                         measured ? "<th>runs</th>" : "");
  for (DBA_EACH(DbaReceipt, receipt, list)) {
    g_autofree char *before = dba_report_amount(receipt->before, receipt->unit), *after = dba_report_amount(receipt->after, receipt->unit);
    double most = MAX(MAX(receipt->before, receipt->after), 1e-9);
    g_string_append(out, "<tr><td>");
    dba_html_text(out, receipt->quantity);
    dba_html_wrapped(out, measured ? "" : "<div class=soft>", measured ? "" : receipt->method, measured ? "" : "</div>");
    dba_html_wrapped(out, "</td><td>", before, "");
    if (receipt->n > 1) {
      g_autofree char *low = dba_report_amount(receipt->before_low, receipt->unit),
                      *high = dba_report_amount(receipt->before_high, receipt->unit);
      g_string_append_printf(out, "<div class=soft>%s to %s</div>", low, high);
    }
    dba_html_wrapped(out, "</td><td>", after, "");
    if (receipt->n > 1) {
      g_autofree char *low = dba_report_amount(receipt->after_low, receipt->unit),
                      *high = dba_report_amount(receipt->after_high, receipt->unit);
      g_string_append_printf(out, "<div class=soft>%s to %s</div>", low, high);
    }
    g_autofree char *difference = dba_report_difference(receipt);
    g_string_append_printf(out, "</td><td class=\"pair%s\"><i style=\"width:%.1f%%\"></i><i style=\"width:%.1f%%\"></i>",
                           receipt->claimed ? " gain" : "", receipt->before / most * 100, receipt->after / most * 100);
    dba_html_wrapped(out, "<div class=soft>", difference ? difference : "", "</div>");
    if (measured)
      g_string_append_printf(out, "</td><td>%d", (int)receipt->n);
    g_string_append(out, "</td></tr>");
  }
  g_string_append(out, "</table></div>");
  const DbaReceipt *last = dba_list_at(DbaReceipt, list, list->n - 1);
  g_string_append(out, "<p class=soft>");
  dba_html_text(out, measured ? last->method : "");
  g_string_append(out, measured ? ". " : "");
  g_autofree char *where = g_strdup_printf("%s, %s, %s. Rows: %s; %s.%s%s%s", last->server, last->locale, last->settings, last->rows_origin,
                                           last->rows, last->machine ? " Medians and 95 % intervals; the machine: " : "",
                                           last->machine ? last->machine : "", last->machine ? "." : "");
  dba_html_text(out, where);
  g_string_append(out, "</p><pre>");
  dba_html_text(out, last->repeat);
  g_string_append(out, "</pre>");
}

static void finding_html(GString *out, const DbaFinding *finding, const char *class, bool open) {
  const DbaReceipt *best = best_receipt(finding);
  dba_html_finding(out, finding, class, open);
  g_string_append(out, "<span class=gain>");
  if (best && best->claimed) {
    g_autofree char *before = dba_report_amount(best->before, best->unit), *after = dba_report_amount(best->after, best->unit);
    g_string_append_printf(out, "%s &rarr; %s", before, after);
  }
  dba_html_wrapped(out, "</span><span class=what>", finding->what, "</span></summary><div class=body><p>");
  dba_html_text(out, finding->why);
  g_string_append(out, "</p>");
  if (finding->question) {
    dba_html_wrapped(out, "<p><b class=question>", finding->question, "</b></p><ul>");
    for (uint32_t i = 0; i < finding->options.n; i++)
      dba_html_wrapped(out, "<li>", dba_list_text(&finding->options, i), "</li>");
    g_string_append(out, "</ul>");
  }
  receipts(out, &finding->receipts, finding->trial == DBA_TRIAL_UP_DOWN ? "its price" : "measured", true);
  receipts(out, &finding->planned, "at your size", false);
  if (finding->has_change) {
    dba_html_wrapped(out, "<dl><dt>change</dt><dd><pre>", finding->change.up, "</pre></dd>");
    dba_html_wrapped(out, "<dt>undo</dt><dd><pre>", finding->change.down, "</pre>");
    g_autofree char *undo = dba_report_undo(&finding->change);
    dba_html_wrapped(out, "", undo, "</dd>");
    if (finding->risk.lock) {
      g_autofree char *risk = dba_report_risk(&finding->risk);
      dba_html_term(out, "lock", risk);
    }
  } else {
    g_string_append(out, "<dl>");
  }
  dba_html_term(out, "proof", finding->proof);
  if (finding->migration)
    dba_html_term(out, "migration", finding->migration);
  if (finding->file) {
    g_autofree char *place = g_strdup_printf("%s:%d", finding->file, (int)finding->line);
    dba_html_term(out, "defined", place);
  }
  g_string_append(out, "</dl>");
  if (finding->alternatives.n) {
    g_string_append(out, "<p class=soft>Why not:</p><ul>");
    for (DBA_EACH(DbaAlternative, alternative, &finding->alternatives)) {
      dba_html_wrapped(out, "<li>", alternative->what, ": ");
      dba_html_wrapped(out, "", alternative->why_not, "</li>");
    }
    g_string_append(out, "</ul>");
  }
  g_string_append(out, "</div></details>\n");
}

static void closing(GString *out, const DbaReview *review) {
  if (review->findings->checked.n)
    g_string_append(out, "<h2 class=right>Looked at and right</h2>");
  g_string_append(out, "<ul>");
  for (DBA_EACH(DbaChecked, checked, &review->findings->checked))
    if (checked->looked_at > checked->found) {
      dba_html_wrapped(out, "<li>", checked->title, checked->found ? ", but for what is above" : "");
      g_string_append_printf(out, " <span class=soft>(%d of %d)</span></li>", (int)(checked->looked_at - checked->found),
                             (int)checked->looked_at);
    }
  g_string_append(out, "</ul>");
  if (review->findings->unjudged.n || review->survey->gaps.n || review->survey->schema.unmodelled.n) {
    g_string_append(out, "<h2>Could not be judged</h2><ul>");
    for (DBA_EACH(DbaUnjudged, x, &review->findings->unjudged)) {
      g_autofree char *line = g_strdup_printf("%s: %s: %s. What would help: %s.", x->rule, x->object, x->why, x->remedy);
      dba_html_wrapped(out, "<li>", line, "</li>");
    }
    for (DBA_EACH(DbaGap, x, &review->survey->gaps)) {
      g_autofree char *line = g_strdup_printf("%s: %s. What would help: %s.", x->what, x->why, x->remedy);
      dba_html_wrapped(out, "<li>", line, "</li>");
    }
    for (DBA_EACH(DbaUnmodelled, x, &review->survey->schema.unmodelled)) {
      g_autofree char *line = g_strdup_printf("%d %s: not modelled yet", (int)x->count, x->kind);
      dba_html_wrapped(out, "<li>", line, "</li>");
    }
    g_string_append(out, "</ul>");
  }
  if (review->notes.n) {
    g_string_append_printf(out, "<details><summary><b>Noted while loading (%u)</b></summary><div class=body><ul>", review->notes.n);
    for (DBA_EACH(DbaReviewNote, x, &review->notes)) {
      g_autofree char *line = g_strdup_printf("%s%s%s", x->place ? x->place : "", x->place ? ": " : "", x->text);
      dba_html_wrapped(out, "<li>", line, "</li>");
    }
    g_string_append(out, "</ul></div></details>");
  }
}

enum { SHOWN = 300, OPENED = 3 }; // findings of one severity: the page stays below 1 MB, findings.json has all

char *dba_report_html(const DbaReview *review) {
  static const struct {
    const char *heading, *class;
  } groups[DBA_N_SEVERITIES] = {{"Must fix", "must"}, {"Worth it", "worth"}, {"Questions", "question"}, {"Notes", "soft"}};
  GString *out = g_string_sized_new(1 << 16);
  g_autofree char *verdict = dba_report_verdict(review);
  dba_html_begin(out, review->survey->subject ? review->survey->subject : "?", "review", verdict);
  g_autofree char *about =
      review->lab
          ? g_strdup_printf("%s, %u tables and views. Proven on %s%s%s.", review->survey->subject_kind, review->survey->schema.relations.n,
                            review->lab, review->lab_note ? "; " : "", review->lab_note ? review->lab_note : "")
          : g_strdup_printf("%s, %u tables and views. Nothing was proven: %s.", review->survey->subject_kind,
                            review->survey->schema.relations.n, review->lab_note ? review->lab_note : "no lab");
  dba_html_text(out, about);
  g_string_append(out, "</p>\n");
  if (review->migrations.n)
    g_string_append(
        out, "<p class=soft>To apply a migration: <code>psql -X -1 -v ON_ERROR_STOP=1 -f FILE</code>, without <code>-1</code> where its "
             "head says transaction=off.</p>\n");
  unsigned opened = 0;
  for (int severity = 0; severity < DBA_N_SEVERITIES; severity++) {
    if (!dba_findings_count(review->findings, (DbaSeverity)severity))
      continue;
    g_string_append_printf(out, "<h2 class=%s>%s</h2>\n", groups[severity].class, groups[severity].heading);
    unsigned shown = 0;
    for (DBA_EACH(DbaFinding, finding, &review->findings->findings))
      if (finding->severity == severity && !finding->rejected && !finding->suppressed && shown++ < SHOWN) {
        // The gravest show at once what a finding holds.
        finding_html(out, finding, groups[severity].class, opened == 0 || (severity == DBA_MUST_FIX && opened < OPENED));
        opened++;
      }
    if (shown > SHOWN)
      g_string_append_printf(out, "<p class=soft>and %u more: they are in findings.json</p>", shown - SHOWN);
  }
  bool first = true;
  unsigned rejected = 0;
  for (DBA_EACH(DbaFinding, finding, &review->findings->findings))
    if (finding->rejected && !finding->suppressed && rejected++ < SHOWN) {
      g_string_append(out, first ? "<h2>Tried and rejected</h2>\n" : "");
      finding_html(out, finding, "soft", false);
      first = false;
    }
  first = true;
  for (DBA_EACH(DbaFinding, finding, &review->findings->findings))
    if (finding->suppressed) {
      g_string_append(out, first ? "<h2>Allowed</h2><ul>\n" : "");
      g_autofree char *line = g_strdup_printf("%s [%s]: %s", finding->object, finding->rule, finding->suppressed_by);
      dba_html_wrapped(out, "<li>", line, "</li>");
      first = false;
    }
  g_string_append(out, first ? "" : "</ul>");
  closing(out, review);
  g_string_append(out, "<p class=soft>dbarch " DBARCH_VERSION);
  if (review->survey->server.taken_at)
    dba_html_wrapped(out, ", surveyed ", review->survey->server.taken_at, "");
  g_string_append(out, "</p>");
  dba_html_end(out);
  return g_string_free(out, FALSE);
}

// SPDX-License-Identifier: Apache-2.0
// The report in a terminal: verdict first, findings by stake, then what is right and what could not be judged.
#include "report/report.h"

#include <math.h>
#include <string.h>

static const char *const headings[DBA_N_SEVERITIES] = {"MUST FIX", "WORTH IT", "QUESTIONS", "NOTES"};
static const char *const colors[DBA_N_SEVERITIES] = {"\033[1;31m", "\033[1;33m", "\033[1;36m", "\033[1m"};

static void append_count(GString *out, unsigned n, const char *one, const char *many) {
  if (n)
    g_string_append_printf(out, "%s%u %s", out->len ? ", " : "", n, n == 1 ? one : many);
}

char *dba_report_counts(const DbaFindings *findings) {
  GString *out = g_string_new(NULL);
  unsigned rejected = 0, suppressed = 0;
  for (DBA_EACH(DbaFinding, finding, &findings->findings)) {
    rejected += finding->rejected && !finding->suppressed;
    suppressed += finding->suppressed;
  }
  append_count(out, dba_findings_count(findings, DBA_MUST_FIX), "must fix", "must fix");
  append_count(out, dba_findings_count(findings, DBA_WORTH_IT), "worth it", "worth it");
  append_count(out, dba_findings_count(findings, DBA_QUESTION), "question", "questions");
  append_count(out, dba_findings_count(findings, DBA_NOTE), "note", "notes");
  append_count(out, rejected, "tried and rejected", "tried and rejected");
  append_count(out, suppressed, "allowed by its owner", "allowed by their owner");
  return g_string_free(out, FALSE);
}

char *dba_report_verdict(const DbaReview *review) {
  char *counts = dba_report_counts(review->findings);
  if (*counts)
    return counts;
  g_free(counts);
  return g_strdup(review->survey->schema.relations.n ? "nothing to fix" : "nothing to look at: no table and no view");
}

char *dba_report_amount(double value, const char *unit) {
  if (!strcmp(unit, "ms"))
    return dba_text_duration(value);
  if (!strcmp(unit, "bytes"))
    return dba_text_bytes((int64_t)value);
  if (!strcmp(unit, "planner's units"))
    return g_strdup_printf("%.2f", value);
  g_autofree char *count = dba_text_count(value);
  return g_strdup_printf("%s %s", count, unit);
}

static void append_factor(GString *out, double factor) {
  g_string_append_printf(out, factor < 9.95 ? "%.1fx" : factor < 1e6 ? "%.0fx" : "%.0ex", factor);
}

// 0.004: "250x"; 0.88: "12%"; 3: "3.0x".
static void append_size(GString *out, double ratio) {
  double percent = fabs(1 - ratio) * 100;
  if (ratio < 0.5)
    append_factor(out, 1 / MAX(ratio, 1e-9));
  else if (ratio > 2)
    append_factor(out, ratio);
  else
    g_string_append_printf(out, percent < 9.95 ? "%.1f%%" : "%.0f%%", percent);
}

static const char *direction(double ratio) { return ratio < 1 ? " less" : " more"; }

char *dba_report_difference(const DbaReceipt *receipt) {
  // Ends in the order in which they read: the smaller change first.
  double first = receipt->ratio_high < 1 ? receipt->ratio_high : receipt->ratio_low,
         last = receipt->ratio_high < 1 ? receipt->ratio_low : receipt->ratio_high;
  if (receipt->n < 2)
    return NULL;
  bool crosses = receipt->ratio_low <= 1 && receipt->ratio_high >= 1;
  GString *out = g_string_new(NULL);
  if (receipt->ratio_low == 1 && receipt->ratio_high == 1)
    g_string_append(out, "the same");
  else if (crosses) {
    g_string_append(out, "no difference beyond the noise (");
    append_size(out, first);
    g_string_append_printf(out, "%s to ", direction(first));
    append_size(out, last);
    g_string_append_printf(out, "%s)", last == 1 ? "" : " more");
  } else {
    append_size(out, receipt->ratio);
    g_string_append(out, direction(receipt->ratio));
    if (receipt->ratio_low != receipt->ratio_high) {
      g_string_append(out, " (");
      append_size(out, first);
      g_string_append(out, " to ");
      append_size(out, last);
      g_string_append_c(out, ')');
    }
  }
  return g_string_free(out, FALSE);
}

char *dba_report_receipt(const DbaReceipt *receipt) {
  g_autofree char *before = dba_report_amount(receipt->before, receipt->unit), *after = dba_report_amount(receipt->after, receipt->unit),
                  *difference = dba_report_difference(receipt);
  return difference ? g_strdup_printf("%s %s -> %s, %s; %d runs", receipt->quantity, before, after, difference, (int)receipt->n)
                    : g_strdup_printf("%s %s -> %s", receipt->quantity, before, after);
}

char *dba_report_risk(const DbaRisk *risk) {
  GString *out = g_string_new(risk->lock);
  g_autofree char *duration = dba_text_duration(risk->duration_ms);
  for (uint32_t i = 0; i < risk->tables.n; i++)
    g_string_append_printf(out, "%s%s", i ? ", " : " on ", dba_list_text(&risk->tables, i));
  g_string_append_printf(out, "; blocks %s", risk->blocks);
  for (uint32_t i = 0; i < risk->rewritten.n; i++)
    g_string_append_printf(out, "%s%s", i ? ", " : "; rewrites ", dba_list_text(&risk->rewritten, i));
  g_string_append_printf(out, "; %s at %s", duration, risk->duration_note ? risk->duration_note : "its size here");
  return g_string_free(out, FALSE);
}

char *dba_report_undo(const DbaChange *change) {
  if (!strcmp(change->undo_class, DBA_UNDO_NOT_NEEDED))
    return g_strdup_printf("not needed: what was repaired is not broken again%s",
                           change->undo_proven ? "; up and down ran" : "; not tried");
  return g_strdup_printf("%s; %s", change->undo_class,
                         change->undo_proven ? "up, down, up ran and the catalog compared equal" : "not tried");
}

typedef struct Printer {
  GString *out;
  bool color;
  unsigned width;
} Printer;

static void paint(Printer *p, const char *code, const char *text) {
  g_string_append_printf(p->out, "%s%s%s", p->color ? code : "", text, p->color ? "\033[0m" : "");
}

static void labelled(Printer *p, const char *label, const char *text) {
  g_autofree char *safe = dba_text_printable(text, false);
  g_string_append_printf(p->out, "    %-9s ", label);
  dba_text_append_wrapped(p->out, safe, p->width, 14);
  g_string_append_c(p->out, '\n');
}

static void sql(Printer *p, const char *label, const char *text) {
  g_autofree char *safe = dba_text_printable(text, true);
  g_auto(GStrv) lines = g_strsplit(g_strchomp(safe), "\n", -1);
  for (char **line = lines; *line; line++)
    g_string_append_printf(p->out, "    %-9s %s\n", line == lines ? label : "", *line);
}

static void finding_text(Printer *p, const DbaFinding *finding) {
  g_autofree char *object = dba_text_printable(finding->object, false), *rule = g_strdup_printf("[%s]", finding->rule);
  g_string_append(p->out, "  ");
  paint(p, "\033[1m", object);
  g_string_append_c(p->out, ' ');
  paint(p, "\033[2m", rule);
  if (finding->file)
    g_string_append_printf(p->out, "  %s:%d", finding->file, (int)finding->line);
  g_string_append(p->out, "\n    ");
  g_autofree char *what = dba_text_printable(finding->what, false), *why = dba_text_printable(finding->why, false);
  g_autofree char *both = g_strdup_printf("%s %s", what, why);
  dba_text_append_wrapped(p->out, both, p->width, 4);
  g_string_append_c(p->out, '\n');
  if (finding->question) {
    labelled(p, "question", finding->question);
    for (uint32_t i = 0; i < finding->options.n; i++) {
      g_autofree char *option = g_strdup_printf("- %s", dba_list_text(&finding->options, i));
      labelled(p, "", option);
    }
  }
  if (finding->has_change && !finding->rejected)
    sql(p, "change", finding->change.up);
  bool first = true;
  for (DBA_EACH(DbaReceipt, receipt, &finding->receipts)) {
    g_autofree char *line = dba_report_receipt(receipt);
    g_string_append_printf(p->out, "    %-9s %s\n", !first ? "" : finding->trial == DBA_TRIAL_UP_DOWN ? "price" : "receipt", line);
    first = false;
  }
  first = true;
  for (DBA_EACH(DbaReceipt, receipt, &finding->planned)) {
    g_autofree char *amounts = dba_report_receipt(receipt), *line = g_strdup_printf("%s (%s)", amounts, receipt->method);
    labelled(p, first ? "at yours" : "", line);
    first = false;
  }
  if (finding->risk.lock && !finding->rejected) {
    g_autofree char *risk = dba_report_risk(&finding->risk);
    labelled(p, "lock", risk);
  }
  if (finding->has_change && !finding->rejected) {
    g_autofree char *undo = dba_report_undo(&finding->change);
    labelled(p, "undo", undo);
  }
  if (strcmp(finding->proof, "proven") && strcmp(finding->proof, "not needed"))
    labelled(p, "proof", finding->proof);
  if (finding->migration)
    labelled(p, "file", finding->migration);
}

static void heading(Printer *p, const char *color, const char *text) {
  g_string_append_c(p->out, '\n');
  paint(p, color, text);
  g_string_append_c(p->out, '\n');
}

char *dba_report_terminal(const DbaReview *review, bool color, unsigned width) {
  Printer p = {g_string_new(NULL), color, CLAMP(width, 60, 120)};
  g_autofree char *verdict = dba_report_verdict(review),
                  *subject = dba_text_printable(review->survey->subject ? review->survey->subject : "?", false);
  g_string_append_printf(p.out, "%s (%s, %u tables and views)\n", subject, review->survey->subject_kind,
                         review->survey->schema.relations.n);
  paint(&p, "\033[1m", verdict);
  g_string_append_c(p.out, '\n');
  for (int severity = 0; severity < DBA_N_SEVERITIES; severity++) {
    if (!dba_findings_count(review->findings, (DbaSeverity)severity))
      continue;
    heading(&p, colors[severity], headings[severity]);
    for (DBA_EACH(DbaFinding, finding, &review->findings->findings))
      if (finding->severity == severity && !finding->rejected && !finding->suppressed)
        finding_text(&p, finding);
  }
  bool first = true;
  for (DBA_EACH(DbaFinding, finding, &review->findings->findings))
    if (finding->rejected && !finding->suppressed) {
      if (first)
        heading(&p, "\033[1m", "TRIED AND REJECTED");
      finding_text(&p, finding);
      first = false;
    }
  first = true;
  for (DBA_EACH(DbaFinding, finding, &review->findings->findings))
    if (finding->suppressed) {
      if (first)
        heading(&p, "\033[1m", "ALLOWED");
      g_string_append_printf(p.out, "  %s [%s]: %s\n", finding->object, finding->rule, finding->suppressed_by);
      first = false;
    }
  if (review->findings->checked.n)
    heading(&p, "\033[1m", "LOOKED AT AND RIGHT");
  for (DBA_EACH(DbaChecked, checked, &review->findings->checked))
    if (checked->looked_at && !checked->found)
      g_string_append_printf(p.out, "  %s (%d)\n", checked->title, (int)checked->looked_at);
    else if (checked->looked_at > checked->found)
      g_string_append_printf(p.out, "  %s, but for what is above (%d of %d)\n", checked->title, (int)(checked->looked_at - checked->found),
                             (int)checked->looked_at);
  if (review->findings->unjudged.n || review->survey->gaps.n || review->survey->schema.unmodelled.n) {
    heading(&p, "\033[1m", "COULD NOT BE JUDGED");
    for (DBA_EACH(DbaUnjudged, unjudged, &review->findings->unjudged)) {
      g_autofree char *line = g_strdup_printf("%s: %s: %s (%s)", unjudged->rule, unjudged->object, unjudged->why, unjudged->remedy);
      g_string_append(p.out, "  ");
      dba_text_append_wrapped(p.out, line, p.width, 4);
      g_string_append_c(p.out, '\n');
    }
    for (DBA_EACH(DbaGap, gap, &review->survey->gaps)) {
      g_autofree char *line = g_strdup_printf("%s: %s (%s)", gap->what, gap->why, gap->remedy);
      g_string_append(p.out, "  ");
      dba_text_append_wrapped(p.out, line, p.width, 4);
      g_string_append_c(p.out, '\n');
    }
    for (DBA_EACH(DbaUnmodelled, unmodelled, &review->survey->schema.unmodelled))
      g_string_append_printf(p.out, "  %d %s: not modelled yet\n", (int)unmodelled->count, unmodelled->kind);
  }
  if (review->notes.n) {
    heading(&p, "\033[1m", "NOTED WHILE LOADING");
    enum { SHOWN = 12 };
    uint32_t shown = 0;
    for (DBA_EACH(DbaReviewNote, load_note, &review->notes))
      if (shown++ < SHOWN)
        g_string_append_printf(p.out, "  %s%s%s\n", load_note->place ? load_note->place : "", load_note->place ? ": " : "",
                               load_note->text);
    if (review->notes.n > SHOWN)
      g_string_append_printf(p.out, "  and %u more: they are in findings.json\n", review->notes.n - SHOWN);
  }
  g_string_append_c(p.out, '\n');
  if (review->together)
    g_string_append(p.out,
                    "All migrations ran up in turn and down again; but for what is repaired for good, the catalog compared equal.\n");
  if (review->migrations.n)
    g_string_append(p.out, "To apply one: psql -X -1 -v ON_ERROR_STOP=1 -f FILE (without -1 where its head says transaction=off).\n");
  if (review->replayed)
    g_string_append_printf(p.out, "%u of the proofs are an earlier run's.\n", review->replayed);
  if (review->unfinished)
    g_string_append(p.out, "Not all trials were run: the same command goes on from here.\n");
  if (review->lab && !review->measured && review->replayed)
    g_string_append_printf(p.out, "Proven on %s by an earlier run.\n", review->lab);
  else if (review->lab)
    g_string_append_printf(p.out, "Proven on %s%s%s, in %.1f s.\n", review->lab, review->lab_note ? "; " : "",
                           review->lab_note ? review->lab_note : "", review->seconds);
  else
    g_string_append_printf(p.out, "Nothing was proven: %s.\n", review->lab_note ? review->lab_note : "no lab");
  return g_string_free(p.out, FALSE);
}

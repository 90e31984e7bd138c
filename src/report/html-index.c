// SPDX-License-Identifier: Apache-2.0
// The index advisor's answer as one page: the curve, drawn and as a table, the set with the statements that pay for it, the proof.
#include "report/html-int.h"

#include <math.h>
#include <string.h>

enum { WIDTH = 880, HEIGHT = 300, LEFT = 56, RIGHT = 20, TOP = 16, BOTTOM = 40, MOST_STATEMENTS = 12, LONGEST_STATEMENT = 400 };

static double percent(const DbaIndexPage *page, double cost) {
  return page->answer->cost_none > 0 ? 100 * cost / page->answer->cost_none : 100;
}

static const DbaIndexCandidate *candidate_at(const DbaIndexPage *page, int64_t id) {
  return dba_list_at(DbaIndexCandidate, &page->answer->candidates, id);
}

static const char *definition_of(const DbaIndexCandidate *candidate) {
  const char *on = strstr(candidate->definition ? candidate->definition : "", " ON ");
  return candidate->existing ? candidate->existing : on ? on + strlen(" ON ") : candidate->definition;
}

// ---- the curve ------------------------------------------------------------------------------------------------------

// Sizes by their square root: the small ones matter most.
static double x_of(const DbaIndexPage *page, int64_t bytes) {
  const DbaIndexPoint *last = dba_list_at(DbaIndexPoint, &page->answer->curve, page->answer->curve.n - 1);
  return LEFT + (WIDTH - LEFT - RIGHT) * sqrt(last->bytes > 0 ? fmin(1, (double)bytes / (double)last->bytes) : 0);
}

static double y_of(const DbaIndexPage *page, double cost) {
  return TOP + (HEIGHT - TOP - BOTTOM) * (1 - fmin(1, fmax(0, percent(page, cost) / 100)));
}

static void line(GString *out, const DbaIndexPage *page, bool bound, const char *style) {
  g_string_append(out, "<polyline fill=none points=\"");
  g_string_append_printf(out, "%.1f,%.1f ", x_of(page, 0), y_of(page, page->answer->cost_none));
  for (DBA_EACH(DbaIndexPoint, point, &page->answer->curve))
    g_string_append_printf(out, "%.1f,%.1f ", x_of(page, point->bytes), y_of(page, bound ? point->bound : point->cost));
  g_string_append_printf(out, "\" style=\"%s\"/>", style);
}

static void draw(GString *out, const DbaIndexPage *page) {
  g_string_append_printf(out,
                         "<svg viewBox=\"0 0 %d %d\" role=img aria-label=\"workload cost by size of the set\" "
                         "style=\"width:100%%;height:auto;font-size:13px;fill:var(--soft)\">",
                         WIDTH, HEIGHT);
  for (int y = 0; y <= 100; y += 25) {
    double at = y_of(page, page->answer->cost_none * y / 100);
    g_string_append_printf(out,
                           "<line x1=%d x2=%d y1=%.1f y2=%.1f style=\"stroke:var(--line)\"/><text x=%d y=%.1f text-anchor=end>%d%%</text>",
                           LEFT, WIDTH - RIGHT, at, at, LEFT - 8, at + 4, y);
  }
  const DbaIndexPoint *last = dba_list_at(DbaIndexPoint, &page->answer->curve, page->answer->curve.n - 1);
  static const double marks[] = {0.02, 0.1, 0.25, 0.5, 1};
  for (size_t i = 0; i < G_N_ELEMENTS(marks) && last->bytes > 0; i++) {
    int64_t bytes = (int64_t)(marks[i] * (double)last->bytes);
    g_autofree char *label = dba_text_bytes(bytes);
    g_string_append_printf(out, "<text x=%.1f y=%d text-anchor=%s>%s</text>", x_of(page, bytes), HEIGHT - BOTTOM + 20,
                           i + 1 == G_N_ELEMENTS(marks) ? "end" : "middle", label);
  }
  line(out, page, true, "stroke:var(--soft);stroke-dasharray:4 4");
  line(out, page, false, "stroke:var(--blue);stroke-width:2");
  if (page->answer->bytes_now > 0) {
    g_string_append_printf(out,
                           "<circle cx=%.1f cy=%.1f r=5 style=\"fill:var(--amber)\"><title>today</title></circle><text x=%.1f y=%.1f "
                           "style=\"fill:var(--amber)\">today</text>",
                           x_of(page, page->answer->bytes_now), y_of(page, page->answer->cost_now), x_of(page, page->answer->bytes_now) + 9,
                           y_of(page, page->answer->cost_now) + 4);
  }
  for (DBA_EACH(DbaIndexPoint, point, &page->answer->curve)) {
    g_autofree char *bytes = dba_text_bytes(point->bytes);
    double x = x_of(page, point->bytes), y = y_of(page, point->cost);
    g_string_append_printf(out, "<circle cx=%.1f cy=%.1f r=%d style=\"fill:var(--%s)\"><title>%s: %.1f%%, %u indexes</title></circle>", x,
                           y, point->knee ? 6 : 4, point->knee ? "green" : "blue", bytes, percent(page, point->cost), point->chosen.n);
    if (point->knee)
      g_string_append_printf(out, "<text x=%.1f y=%.1f text-anchor=middle style=\"fill:var(--green)\">knee</text>", x, y - 11);
  }
  g_string_append(out, "</svg>\n");
}

static void table(GString *out, const DbaIndexPage *page) {
  g_string_append(
      out,
      "<div class=scroll><table><tr><th>budget</th><th>size</th><th>indexes</th><th>new</th><th>cost</th><th>at best</th><th></th></tr>\n");
  for (DBA_EACH(DbaIndexPoint, point, &page->answer->curve)) {
    g_autofree char *budget = point->budget_bytes < 0 ? g_strdup("no limit") : dba_text_bytes(point->budget_bytes),
                    *bytes = dba_text_bytes(point->bytes);
    unsigned made = 0;
    for (uint32_t i = 0; i < point->chosen.n; i++)
      made += !candidate_at(page, dba_list_int(&point->chosen, i))->existing;
    g_string_append_printf(out, "<tr><td>%s</td><td>%s</td><td>%u</td><td>%u</td><td>%.1f%%</td><td>%.1f%%</td><td>%s%s</td></tr>\n",
                           budget, bytes, point->chosen.n, made, percent(page, point->cost), percent(page, point->bound),
                           point->asked ? "asked " : "", point->knee ? "knee" : "");
  }
  g_string_append(out, "</table></div>");
}

// ---- the set --------------------------------------------------------------------------------------------------------

static const DbaIndexBuilt *built_of(const DbaIndexPage *page, int64_t id) {
  for (DBA_EACH(DbaIndexBuilt, built, &page->proof->built))
    if (built->candidate == id)
      return built;
  return NULL;
}

static const DbaIndexProof *proof_of(const DbaIndexPage *page, int64_t statement) {
  for (DBA_EACH(DbaIndexProof, proof, &page->proof->statements))
    if (proof->statement == statement)
      return proof;
  return NULL;
}

static void statement_row(GString *out, const DbaIndexPage *page, const DbaIndexServed *served) {
  const DbaIndexProof *proof = proof_of(page, served->statement);
  g_autofree char *before = dba_text_count(served->before), *after = dba_text_count(served->after),
                  *sql = dba_index_statement_shown(dba_list_at(DbaIndexStatement, &page->answer->statements, served->statement));
  size_t length = strlen(sql);
  if (length > LONGEST_STATEMENT) {
    for (length = LONGEST_STATEMENT; ((unsigned char)sql[length] & 0xC0) == 0x80;)
      length--;
    sql[length] = '\0';
  }
  dba_html_wrapped(out, "<tr><td class=sql>", sql, "</td>");
  g_string_append_printf(out, "<td>%s</td><td>%s</td>", before, after);
  if (proof && proof->runs) {
    g_autofree char *before_ms = dba_text_duration(proof->before_ms), *after_ms = dba_text_duration(proof->after_ms);
    g_string_append_printf(out, "<td>%s</td><td%s>%s</td><td>%d</td></tr>\n", before_ms,
                           proof->slower    ? " class=must"
                           : proof->quicker ? " class=right"
                                            : "",
                           after_ms, (int)proof->runs);
  } else
    dba_html_wrapped(out, "<td colspan=3 class=soft style=\"white-space:normal\">", proof && proof->problem ? proof->problem : "not run",
                     "</td></tr>\n");
}

static void statements(GString *out, const DbaIndexPage *page, int64_t id) {
  unsigned shown = 0, more = 0;
  g_string_append(out, "<div class=scroll><table><tr><th>statement</th><th>cost today</th><th>with the set</th><th>ran in</th><th>with the "
                       "set</th><th>runs</th></tr>\n");
  for (DBA_EACH(DbaIndexServed, served, &page->point->served))
    if (id < 0 || dba_list_has_int(&served->by, id)) {
      if (shown < MOST_STATEMENTS || id < 0)
        statement_row(out, page, served);
      else
        more++;
      shown++;
    }
  g_string_append(out, "</table></div>");
  if (more)
    g_string_append_printf(out, "<p class=soft>and %u more</p>", more);
}

static void index_html(GString *out, const DbaIndexPage *page, int64_t id, bool open) {
  const DbaIndexCandidate *candidate = candidate_at(page, id);
  const DbaIndexBuilt *built = built_of(page, id);
  g_autofree char *bytes = dba_text_bytes(candidate->bytes);
  g_string_append_printf(out, "<details%s><summary><span><b class=%s>%s</b> <b>", open ? " open" : "",
                         candidate->existing ? "question" : "right", candidate->existing ? "keep" : "new");
  dba_html_text(out, definition_of(candidate));
  g_string_append_printf(out, "</b></span><span class=gain>%s%s</span>", candidate->rough ? "about " : "", bytes);
  if (built && built->vain)
    g_string_append(
        out, "<span class=what><b class=must>no statement is measurably quicker with it: it is left out of the migrations</b></span>");
  g_string_append(out, "</summary><div class=body>");
  statements(out, page, id);
  g_string_append(out, "</div></details>\n");
}

static void existing_row(GString *out, const DbaIndexPage *page, const DbaIndexCandidate *candidate) {
  const char *heir = dba_index_heir(page->answer, page->point, candidate);
  g_autofree char *bytes = dba_text_bytes(candidate->bytes), *does_the_same = g_strdup_printf("%s does the same", heir ? heir : "");
  dba_html_wrapped(out, candidate->kept ? "<tr><td>stays</td><td>" : "<tr><td class=must>goes</td><td>", candidate->existing, "");
  dba_html_wrapped(out, " on ", candidate->table, "");
  dba_html_wrapped(out, "</td><td>", bytes, "</td>");
  dba_html_wrapped(out, "<td style=\"white-space:normal\">",
                   candidate->kept ? candidate->why
                   : heir          ? does_the_same
                                   : "hidden in the twin: the workload does as well without it beside the set, writes counted",
                   "</td></tr>\n");
}

// Those that go, and those that stay though the set has no use for them; a constraint's need no word.
static void existing(GString *out, const DbaIndexPage *page) {
  unsigned told = 0;
  for (int kept = 0; kept < 2; kept++)
    for (uint32_t id = 0; id < page->answer->candidates.n; id++) {
      const DbaIndexCandidate *candidate = candidate_at(page, id);
      if (!candidate->existing || candidate->kept != (bool)kept || dba_list_has_int(&page->point->chosen, id) ||
          !g_strcmp0(candidate->why, DBA_INDEX_OF_A_CONSTRAINT))
        continue;
      if (!told++)
        g_string_append(
            out, "<h2>Indexes that are there</h2><div class=scroll><table><tr><th></th><th>index</th><th>size</th><th>why</th></tr>\n");
      existing_row(out, page, candidate);
    }
  g_string_append(out, told ? "</table></div>\n" : "");
}

static void reasons(GString *out, const DbaIndexPage *page) {
  if (!page->answer->reasons.n)
    return;
  g_string_append(out, "<h2>Asked about</h2><dl>");
  for (DBA_EACH(DbaIndexReason, reason, &page->answer->reasons))
    dba_html_term(out, reason->question, reason->verdict);
  g_string_append(out, "</dl>\n");
}

char *dba_report_index_html(const DbaIndexPage *page) {
  GString *out = g_string_sized_new(1 << 15);
  unsigned made = 0;
  for (uint32_t i = 0; i < page->point->chosen.n; i++)
    made += !candidate_at(page, dba_list_int(&page->point->chosen, i))->existing;
  g_autofree char *bytes = dba_text_bytes(page->point->bytes),
                  *verdict = g_strdup_printf("%u new indexes, %s in all: the workload costs %.1f%% of what it costs without, %.1f%% today",
                                             made, bytes, percent(page, page->point->cost), percent(page, page->answer->cost_now)),
                  *about =
                      g_strdup_printf("%u statements, %u candidates, planned %" G_GINT64_FORMAT " times in a twin on PostgreSQL %s.%s%s%s",
                                      page->answer->statements.n, page->answer->candidates.n, page->answer->planned, page->server,
                                      page->proof->rows ? " Run on rows: " : " Planned, not run.",
                                      page->proof->rows ? page->proof->rows : "", page->proof->rows ? "." : "");
  dba_html_begin(out, page->subject, "index", verdict);
  dba_html_wrapped(out, "", about, "</p>\n");
  draw(out, page);
  g_string_append(out, "<p class=soft>Line: the best set for each budget, by its size (square root). Dashes: no set of these candidates "
                       "costs less, by all plans that were made. Knee: beyond it, "
                       "indexes of a tenth of the tables' size save less than 1% of the cost.</p>\n<h2>The set</h2>\n");
  for (uint32_t i = 0; i < page->point->chosen.n; i++)
    index_html(out, page, dba_list_int(&page->point->chosen, i), i == 0);
  existing(out, page);
  reasons(out, page);
  g_string_append(out, "<h2>The curve</h2>");
  table(out, page);
  g_string_append(out, "<h2>Every statement</h2>");
  statements(out, page, -1);
  if (page->answer->refused.n)
    g_string_append(out, "<h2>Left out</h2><ul class=soft>");
  for (DBA_EACH_TEXT(refused, &page->answer->refused))
    dba_html_wrapped(out, "<li>", *refused, "</li>");
  g_string_append(out, page->answer->refused.n ? "</ul>" : "");
  g_string_append(out, "<p class=soft>dbarch " DBARCH_VERSION "</p>");
  dba_html_end(out);
  return g_string_free(out, FALSE);
}

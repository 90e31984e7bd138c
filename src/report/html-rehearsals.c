// SPDX-License-Identifier: Apache-2.0
// What came of rehearsals, as one page: the verdict on each, its statements on a line of time, what clients felt.
#include "report/html-int.h"

#include <math.h>
#include <string.h>

static void cell(GString *out, const char *open, double ms) {
  g_autofree char *told = ms > 0 ? dba_text_duration(ms) : g_strdup("-");
  dba_html_wrapped(out, open, told, "</td>");
}

// Where in the migration's time a statement ran, and the longest wait for it beneath.
static void statement_row(GString *out, const DbaRehearsedStatement *statement, double whole_ms) {
  double begin = fmin(statement->begin_ms / whole_ms * 100, 100), width = fmin(statement->ms / whole_ms * 100, 100 - begin);
  g_string_append_printf(out, "<tr><td>%d</td><td class=sql>", (int)statement->line);
  dba_html_text(out, statement->sql);
  if (statement->tries > 1)
    g_string_append_printf(out, "<div class=soft>tried %d times</div>", (int)statement->tries);
  if (statement->waits) {
    g_autofree char *wait = dba_text_duration(statement->longest_wait_ms);
    g_string_append_printf(out, "<div class=must>%d wait%s, the longest %s: ", (int)statement->waits, statement->waits == 1 ? "" : "s",
                           wait);
    dba_html_text(out, statement->held);
    if (statement->held_to_line)
      g_string_append_printf(out, ", held to the end of line %d", (int)statement->held_to_line);
    g_string_append(out, "</div>");
    if (statement->waiter)
      dba_html_wrapped(out, "<div class=soft>", statement->waiter, "</div>");
  }
  if (statement->waited_ms > 0) {
    g_autofree char *own = dba_text_duration(statement->waited_ms);
    g_string_append_printf(out, "<div class=soft>waited %s for clients itself</div>", own);
  }
  cell(out, "</td><td>", statement->ms);
  g_string_append_printf(out, "<td class=time><i style=\"margin-left:%.2f%%;width:%.2f%%\"></i></td></tr>\n", begin, width);
}

static int by_during(const void *a, const void *b) {
  const DbaRehearsedClient *x = *(const DbaRehearsedClient *const *)a, *y = *(const DbaRehearsedClient *const *)b;
  return x->during_worst_ms < y->during_worst_ms ? 1 : x->during_worst_ms > y->during_worst_ms ? -1 : strcmp(x->sql, y->sql);
}

static void clients(GString *out, const DbaRehearsal *rehearsal) {
  enum { SHOWN = 100 };
  g_autoptr(GPtrArray) all = g_ptr_array_new();
  for (DBA_EACH(DbaRehearsedClient, client, &rehearsal->workload))
    g_ptr_array_add(all, client);
  g_ptr_array_sort(all, by_during);
  g_string_append(out, "<h3>What clients felt</h3><div class=scroll><table><tr><th>statement</th><th>median before</th><th>99 % "
                       "before</th><th>99 % meanwhile</th>"
                       "<th>worst meanwhile</th><th>waited for it</th><th>errors</th></tr>\n");
  for (guint i = 0; i < MIN(all->len, SHOWN); i++) {
    const DbaRehearsedClient *client = all->pdata[i];
    dba_html_wrapped(out, "<tr><td class=sql>", client->sql, "");
    if (client->during_errors && client->error)
      dba_html_wrapped(out, "<div class=must>", client->error, "</div>");
    cell(out, "</td><td>", client->before_p50_ms);
    cell(out, "<td>", client->before_p99_ms);
    cell(out, "<td>", client->during_p99_ms);
    cell(out, "<td>", client->during_worst_ms);
    cell(out, client->waited_ms > rehearsal->limits.client_wait_ms && rehearsal->limits.client_wait_ms > 0 ? "<td class=must>" : "<td>",
         client->waited_ms);
    g_string_append_printf(out, "<td%s>%d</td></tr>\n", client->during_errors ? " class=must" : "", (int)client->during_errors);
  }
  g_string_append(out, "</table></div>");
}

static void figures(GString *out, const DbaRehearsal *rehearsal) {
  g_autofree char *took = dba_text_duration(rehearsal->duration_ms), *wal = dba_text_bytes(rehearsal->wal_bytes),
                  *disk = dba_text_bytes(rehearsal->disk_bytes), *wait = dba_text_duration(rehearsal->longest_wait_ms),
                  *load = g_strdup_printf("%d clients with %s%s", (int)rehearsal->clients, rehearsal->load,
                                          rehearsal->rate > 0 ? ", at a rate" : ", as fast as they can"),
                  *errors = g_strdup_printf("%d", (int)rehearsal->client_errors), *lag = g_strdup_printf("%.1f s", rehearsal->lag_seconds);
  g_string_append(out, "<dl>");
  dba_html_term(out, "took", took);
  dba_html_term(out, "longest wait", rehearsal->waits ? wait : "none that was seen");
  dba_html_term(out, "errors", errors);
  dba_html_term(out, "WAL", wal);
  dba_html_term(out, "disk at peak", disk);
  if (rehearsal->lag_seconds >= 0)
    dba_html_term(out, "replica behind", lag);
  dba_html_term(out, "beside", load);
  dba_html_term(out, "rows", rehearsal->rows);
  dba_html_term(out, "again", rehearsal->again);
  g_string_append(out, "</dl>");
}

static void rehearsal_html(GString *out, const DbaRehearsal *rehearsal, bool open) {
  g_autofree char *wait = dba_text_duration(rehearsal->longest_wait_ms);
  double whole_ms = fmax(rehearsal->duration_ms, 0.001);
  g_string_append_printf(out, "<details%s><summary><span><b class=%s>%s</b> <b>", open ? " open" : "", rehearsal->passed ? "right" : "must",
                         rehearsal->passed ? "passed" : "failed");
  dba_html_text(out, rehearsal->migration);
  dba_html_wrapped(out, "</b></span><span class=gain>", rehearsal->waits ? wait : "no wait", "</span><span class=what>");
  for (DBA_EACH_TEXT(problem, &rehearsal->problems))
    dba_html_wrapped(out, "<div>", *problem, "</div>");
  for (DBA_EACH_TEXT(near, &rehearsal->near_limits))
    dba_html_wrapped(out, "<div>", *near, "</div>");
  g_string_append(out, "</span></summary><div class=body>");
  figures(out, rehearsal);
  g_string_append(
      out,
      "<h3>Its statements</h3><div class=scroll><table><tr><th>line</th><th>statement</th><th>took</th><th class=time>when</th></tr>\n");
  for (DBA_EACH(DbaRehearsedStatement, statement, &rehearsal->statements))
    statement_row(out, statement, whole_ms);
  g_string_append(out, "</table></div>");
  clients(out, rehearsal);
  if (rehearsal->not_run.n)
    g_string_append(out, "<p class=soft>Not run:</p><ul class=soft>");
  for (DBA_EACH_TEXT(line, &rehearsal->not_run))
    dba_html_wrapped(out, "<li>", *line, "</li>");
  g_string_append(out, rehearsal->not_run.n ? "</ul></div></details>\n" : "</div></details>\n");
}

char *dba_report_rehearsals_html(const DbaList *rehearsals, const char *subject, uint32_t not_tried) {
  GString *out = g_string_sized_new(1 << 15);
  unsigned passed = 0;
  bool opened = false;
  for (DBA_EACH(DbaRehearsal, rehearsal, rehearsals))
    passed += rehearsal->passed;
  g_autofree char *verdict = g_strdup_printf("%u of %u passed%s", passed, rehearsals->n, not_tried ? ", others behind were not tried" : "");
  dba_html_begin(out, subject, "migrate rehearse", verdict);
  const DbaRehearsal *one = rehearsals->n ? dba_list_at(DbaRehearsal, rehearsals, 0) : NULL;
  g_autofree char *allowed = one ? dba_text_duration(one->limits.client_wait_ms) : NULL,
                  *said = one ? g_strdup_printf("On a stand-in (%s), %s, at %s UTC. Clients may wait %s.", one->rows, one->server,
                                                one->rehearsed_at, allowed)
                              : g_strdup("");
  dba_html_wrapped(out, "", said, "</p>\n");
  for (DBA_EACH(DbaRehearsal, rehearsal, rehearsals)) {
    bool open = !rehearsal->passed || (passed == rehearsals->n && !opened);
    rehearsal_html(out, rehearsal, open);
    opened = true;
  }
  g_string_append(out, "<p class=soft>dbarch " DBARCH_VERSION "</p>");
  dba_html_end(out);
  return g_string_free(out, FALSE);
}

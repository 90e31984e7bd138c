// SPDX-License-Identifier: Apache-2.0
// What `dbarch index` prints: the curve, the sets that were asked for or the knee's, and reasons.
#include "verb/index-run.h"

#include <stdlib.h>
#include <string.h>

enum { SHOWN_STATEMENTS = 4, TEXT_WIDTH = 76 };

static double percent(const DbaIndexRun *run, double cost) { return run->advice.cost_none > 0 ? 100 * cost / run->advice.cost_none : 100; }

static const DbaIndexCandidate *candidate_at(const DbaIndexRun *run, int64_t id) {
  return dba_list_at(DbaIndexCandidate, &run->advice.candidates, id);
}

static const DbaIndexStatement *statement_at(const DbaIndexRun *run, int64_t place) {
  return dba_list_at(DbaIndexStatement, &run->advice.statements, place);
}

static char *size_text(int64_t bytes) { return bytes < 0 ? g_strdup("no limit") : bytes ? dba_text_bytes(bytes) : g_strdup("0"); }

// ---- the curve ------------------------------------------------------------------------------------------------------

static void print_point(const DbaIndexRun *run, const DbaIndexPoint *point, GString *out) {
  g_autofree char *budget = size_text(point->budget_bytes), *bytes = size_text(point->bytes);
  unsigned made = 0;
  for (uint32_t i = 0; i < point->chosen.n; i++)
    made += !candidate_at(run, dba_list_int(&point->chosen, i))->existing;
  g_string_append_printf(out, "%10s %10s %8u %6u %9.1f%% %9.1f%%  %s%s\n", budget, bytes, point->chosen.n, made, percent(run, point->cost),
                         percent(run, point->bound), point->asked ? "asked " : "", point->knee ? "knee" : "");
}

static void print_curve(const DbaIndexRun *run, GString *out) {
  g_string_append_printf(out, "%10s %10s %8s %6s %10s %10s\n", "budget", "size", "indexes", "new", "cost", "at best");
  for (DBA_EACH(DbaIndexPoint, point, &run->advice.curve))
    print_point(run, point, out);
}

// ---- a set ----------------------------------------------------------------------------------------------------------

typedef struct Gain {
  const DbaIndexServed *served;
  double saved;
} Gain;

static int compare_gains(const void *a, const void *b) {
  const Gain *x = a, *y = b;
  if (x->saved != y->saved)
    return x->saved > y->saved ? -1 : 1;
  return x->served->statement < y->served->statement ? -1 : 1;
}

static void print_served(const DbaIndexRun *run, const DbaIndexServed *served, GString *out) {
  const DbaIndexStatement *statement = statement_at(run, served->statement);
  g_autofree char *sql = dba_index_statement_shown(statement), *before = dba_text_count(served->before),
                  *after = dba_text_count(served->after);
  g_string_append_printf(out, "              %s -> %s  %.*s%s\n", before, after, TEXT_WIDTH, sql, strlen(sql) > TEXT_WIDTH ? "..." : "");
}

// The statements whose plans use it, those that gain most first.
static void print_statements(const DbaIndexRun *run, const DbaList *all, int64_t id, GString *out) {
  g_autofree Gain *gains = g_new(Gain, all->n + 1);
  uint32_t n = 0;
  for (DBA_EACH(DbaIndexServed, served, all))
    if (dba_list_has_int(&served->by, id))
      gains[n++] = (Gain){served, (served->before - served->after) * statement_at(run, served->statement)->weight};
  qsort(gains, n, sizeof *gains, compare_gains);
  for (uint32_t i = 0; i < MIN(n, SHOWN_STATEMENTS); i++)
    print_served(run, gains[i].served, out);
  if (n > SHOWN_STATEMENTS)
    g_string_append_printf(out, "              and %u more statement%s\n", n - SHOWN_STATEMENTS, n - SHOWN_STATEMENTS == 1 ? "" : "s");
}

static void print_index(const DbaIndexRun *run, const DbaIndexPoint *point, int64_t id, GString *out) {
  const DbaIndexCandidate *candidate = candidate_at(run, id);
  g_autofree char *bytes = dba_text_bytes(candidate->bytes);
  const char *on = strstr(candidate->definition, " ON ");
  g_string_append_printf(out, "  %-4s %9s  %s%s\n", candidate->existing ? "keep" : "new", bytes, candidate->rough ? "about; " : "",
                         candidate->existing ? candidate->existing
                         : on                ? on + 4
                                             : candidate->definition);
  print_statements(run, &point->served, id, out);
}

static void print_drops(const DbaIndexRun *run, const DbaIndexPoint *point, GString *out) {
  for (uint32_t id = 0; id < run->advice.candidates.n; id++) {
    const DbaIndexCandidate *candidate = candidate_at(run, id);
    if (!candidate->existing || candidate->kept || dba_list_has_int(&point->chosen, id))
      continue;
    const char *heir = dba_index_heir(&run->advice, point, candidate);
    g_autofree char *bytes = dba_text_bytes(candidate->bytes);
    g_string_append_printf(out, "  %-4s %9s  %s.%s, on %s (%s)%s%s\n", "drop", bytes, candidate->schema, candidate->existing,
                           candidate->table, candidate->keys, heir ? ", as does " : "", heir ? heir : "");
  }
}

static void print_set(const DbaIndexRun *run, const DbaIndexPoint *point, GString *out) {
  g_autofree char *budget = size_text(point->budget_bytes), *bytes = size_text(point->bytes);
  g_string_append_printf(out, "\n%s: %s, %.1f%% of the cost without them", point == &run->advice.advised ? "Advised" : budget, bytes,
                         percent(run, point->cost));
  if (run->advice.bytes_now > 0)
    g_string_append_printf(out, " (today: %.1f%%)", percent(run, run->advice.cost_now));
  if (point->write_cost > 0)
    g_string_append_printf(out, "; %.2g%% is what index entries cost those who write", percent(run, point->write_cost));
  g_string_append_c(out, '\n');
  for (uint32_t i = 0; i < point->chosen.n; i++)
    print_index(run, point, dba_list_int(&point->chosen, i), out);
  print_drops(run, point, out);
  if (!point->chosen.n)
    g_string_append(out, "  none\n");
}

// ---- the proof ------------------------------------------------------------------------------------------------------

static void print_built(const DbaIndexRun *run, GString *out) {
  for (DBA_EACH(DbaIndexBuilt, built, &run->proof.built)) {
    const DbaIndexCandidate *candidate = candidate_at(run, built->candidate);
    g_autofree char *bytes = dba_text_bytes(built->bytes), *predicted = dba_text_bytes(built->predicted_bytes),
                    *took = dba_text_duration(built->ms);
    g_string_append_printf(out, "  built in %s%s: %s (%s)", took, built->rows ? " concurrently" : "", candidate->table, candidate->keys);
    if (built->problem)
      g_string_append_printf(out, ": FAILED: %s\n", built->problem);
    else {
      g_string_append_printf(out, ", %s", bytes);
      if (built->predicted_bytes)
        g_string_append_printf(out, " (predicted %s)", predicted);
      g_string_append_printf(out, "%s\n", built->vain ? "; NO STATEMENT IS QUICKER WITH IT: it is left out of the migrations" : "");
    }
  }
}

// All executions of what was measured.
static void print_sums(const DbaIndexRun *run, GString *out) {
  double ms[2] = {0}, wal[2] = {0};
  for (DBA_EACH(DbaIndexProof, proof, &run->proof.statements)) {
    double times = proof->runs ? statement_at(run, proof->statement)->weight : 0;
    ms[0] += times * proof->before_ms;
    ms[1] += times * proof->after_ms;
    wal[0] += times * proof->before_wal;
    wal[1] += times * proof->after_wal;
  }
  g_autofree char *before = dba_text_duration(ms[0]), *after = dba_text_duration(ms[1]), *wal_before = dba_text_bytes((int64_t)wal[0]),
                  *wal_after = dba_text_bytes((int64_t)wal[1]);
  if (ms[0] > 0)
    g_string_append_printf(out, "  all executions of these: %s -> %s", before, after);
  if (wal[0] + wal[1] >= 1)
    g_string_append_printf(out, ", WAL %s -> %s", wal_before, wal_after);
  if (ms[0] > 0)
    g_string_append_c(out, '\n');
}

static void print_proof(const DbaIndexRun *run, GString *out) {
  unsigned slower = 0, quicker = 0, measured = 0;
  for (DBA_EACH(DbaIndexProof, proof, &run->proof.statements)) {
    slower += proof->slower;
    quicker += proof->quicker;
    measured += proof->runs > 0;
  }
  g_string_append_printf(out,
                         "\nProof: the set was built on rows (%s), and %u statements ran with and without it in turn: %u are quicker, %u "
                         "slower by more than a tenth",
                         run->proof.rows, measured, quicker, slower);
  if (run->proof.correlation >= -1)
    g_string_append_printf(out, "; promised and measured gains agree in rank to %.2f", run->proof.correlation);
  g_string_append(out, ".\n");
  print_sums(run, out);
  print_built(run, out);
  for (DBA_EACH(DbaIndexProof, proof, &run->proof.statements)) {
    const DbaIndexStatement *statement = statement_at(run, proof->statement);
    g_autofree char *sql = dba_index_statement_shown(statement), *before = dba_text_duration(proof->before_ms),
                    *after = dba_text_duration(proof->after_ms),
                    *wal = proof->before_wal + proof->after_wal >= 1
                               ? g_strdup_printf("WAL %.0f -> %.0f bytes  ", proof->before_wal, proof->after_wal)
                               : g_strdup("");
    if (proof->problem)
      g_string_append_printf(out, "  not measured: %.100s: %.*s\n", proof->problem, TEXT_WIDTH, sql);
    else
      g_string_append_printf(out, "  %s%10s -> %-10s %6.0f -> %-6.0f pages  %s%.*s\n", proof->slower ? "SLOWER " : "", before, after,
                             proof->before_buffers, proof->after_buffers, wal, TEXT_WIDTH, sql);
  }
}

// ---- reasons --------------------------------------------------------------------------------------------------------

static void print_reason(const DbaIndexRun *run, const DbaIndexReason *reason, GString *out) {
  const DbaIndexCandidate *candidate = candidate_at(run, reason->candidate);
  g_autofree char *bytes = dba_text_bytes(candidate->bytes), *question = dba_text_printable(reason->question, false);
  g_string_append_printf(out, "\n%s: %s\n", question, reason->verdict);
  if (candidate->why && !candidate->kept)
    return;
  g_string_append_printf(out, "  %s%s; alone the workload costs %.1f%% with it, beside the set %.1f%%", candidate->rough ? "about " : "",
                         bytes, percent(run, reason->alone), percent(run, reason->beside));
  if (reason->write_cost > 0)
    g_string_append_printf(out, "; its entries cost %.2g%%", percent(run, reason->write_cost));
  g_string_append_c(out, '\n');
  uint32_t shown = 0;
  for (DBA_EACH(DbaIndexServed, served, &reason->served))
    if (shown++ < SHOWN_STATEMENTS)
      print_served(run, served, out);
}

char *dba_index_run_text(const DbaIndexRun *run) {
  const DbaIndexAnswer *advice = &run->advice;
  GString *out = g_string_new(NULL);
  uint32_t implied = 0, stay = 0;
  for (DBA_EACH(DbaIndexStatement, statement, &advice->statements))
    implied += statement->implied;
  for (DBA_EACH(DbaIndexCandidate, candidate, &advice->candidates))
    stay += candidate->kept;
  g_autofree char *planned = dba_text_count((double)advice->planned), *known = dba_text_count((double)advice->remembered);
  if (run->horizon)
    g_string_append_printf(out, "%s\n", run->horizon);
  g_string_append_printf(out, "%u statements", advice->statements.n - implied);
  if (implied)
    g_string_append_printf(out, " and %u checks of foreign keys", implied);
  g_string_append_printf(out, ", %u candidates, in a twin of %s (PostgreSQL %s)\n", advice->candidates.n, run->subject, run->server);
  g_string_append_printf(out,
                         "%s plans made, %s known already; %" G_GINT64_FORMAT " configurations; %" G_GINT64_FORMAT " programs solved%s\n\n",
                         planned, known, advice->configurations, advice->solved, advice->cut ? "; CUT by --budget" : "");
  print_curve(run, out);
  g_string_append_printf(out, "\nCost: the planner's, of the whole workload; 100%% is without the indexes that could go");
  if (stay)
    g_string_append_printf(out, " (%u stay in any case)", stay);
  g_string_append(out, ".\nAt best: no set of these candidates within the budget costs less, by all plans that were made.\nPlanned, not "
                       "run.  Knee: beyond it, indexes of a tenth of the tables' size save less than 1% of the cost.\n");
  bool asked = false;
  for (DBA_EACH(DbaIndexPoint, point, &advice->curve))
    asked |= point->asked;
  for (DBA_EACH(DbaIndexPoint, point, &advice->curve))
    if (point->asked)
      print_set(run, point, out);
  if (!asked)
    print_set(run, &advice->advised, out);
  if (run->proof.rows)
    print_proof(run, out);
  for (DBA_EACH(DbaIndexReason, reason, &advice->reasons))
    print_reason(run, reason, out);
  return g_string_free(out, FALSE);
}

#define F(member, kind) DBA_FIELD(T, member, kind, 0)
#define T DbaIndexProof
static const DbaField proof_fields[] = {
    F(statement, INT),  F(runs, INT),        F(before_ms, REAL),      F(after_ms, REAL),      F(ratio, REAL),
    F(ratio_low, REAL), F(ratio_high, REAL), F(before_buffers, REAL), F(after_buffers, REAL), F(before_wal, REAL),
    F(after_wal, REAL), F(slower, BOOL),     F(quicker, BOOL),        F(problem, TEXT),       {0}};
#undef T
static const DbaRecord proof_record = {"proof", sizeof(DbaIndexProof), proof_fields};
#define T DbaIndexBuilt
static const DbaField built_fields[] = {F(candidate, INT), F(bytes, INT), F(predicted_bytes, INT), F(ms, REAL),
                                        F(rows, TEXT),     F(vain, BOOL), F(problem, TEXT),        {0}};
#undef T
#undef F
static const DbaRecord built_record = {"built", sizeof(DbaIndexBuilt), built_fields};

char *dba_index_run_json(const DbaIndexRun *run) {
  const DbaIndexAnswer *advice = &run->advice;
  g_autoptr(DbaJson) json = dba_json_new();
  dba_json_put_text(json, "format", "dbarch-index");
  dba_json_put_int(json, "format_version", 1);
  dba_json_put_text(json, "subject", run->subject);
  dba_json_put_text(json, "server", run->server);
  dba_json_put(json, NULL, &dba_index_answer_record, advice, 0);
  if (run->proof.rows) {
    dba_json_put_text(json, "rows", run->proof.rows);
    dba_json_put_list(json, "proofs", &proof_record, &run->proof.statements, 0);
    dba_json_put_list(json, "built", &built_record, &run->proof.built, 0);
  }
  return dba_json_text(json);
}

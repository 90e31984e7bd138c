// SPDX-License-Identifier: Apache-2.0
// Findings as a document: fields, severities, ranking.
#include "finding/finding.h"

#include <string.h>

#define F(type, member, kind) DBA_FIELD(type, member, kind, 0)
#define INNER(type, member, kind) DBA_FIELD(type, member, kind, DBA_FIELD_INTERNAL)
#define END {0}

#define T DbaReceipt
static const DbaField receipt_fields[] = {F(T, method, TEXT),
                                          F(T, quantity, TEXT),
                                          F(T, unit, TEXT),
                                          F(T, before, REAL),
                                          F(T, after, REAL),
                                          F(T, before_low, REAL),
                                          F(T, before_high, REAL),
                                          F(T, after_low, REAL),
                                          F(T, after_high, REAL),
                                          F(T, ratio, REAL),
                                          F(T, ratio_low, REAL),
                                          F(T, ratio_high, REAL),
                                          F(T, n, INT),
                                          F(T, claimed, BOOL),
                                          F(T, machine, TEXT),
                                          F(T, server, TEXT),
                                          F(T, locale, TEXT),
                                          F(T, settings, TEXT),
                                          F(T, rows_origin, TEXT),
                                          F(T, rows, TEXT),
                                          F(T, repeat, TEXT),
                                          F(T, seed, INT),
                                          END};
#undef T
#define T DbaChange
static const DbaField change_fields[] = {
    F(T, name, TEXT), F(T, up, TEXT), F(T, down, TEXT), F(T, undo_class, TEXT), F(T, no_transaction, BOOL), F(T, undo_proven, BOOL), END};
#undef T
#define T DbaRisk
static const DbaField risk_fields[] = {F(T, lock, TEXT),
                                       F(T, tables, TEXTS),
                                       F(T, blocks, TEXT),
                                       F(T, rewritten, TEXTS),
                                       F(T, duration_ms, REAL),
                                       F(T, duration_note, TEXT),
                                       END};
#undef T
#define T DbaAlternative
static const DbaField alternative_fields[] = {F(T, what, TEXT), F(T, why_not, TEXT), END};
#undef T
const DbaRecord dba_receipt_record = {"receipt", sizeof(DbaReceipt), receipt_fields};
const DbaRecord dba_change_record = {"change", sizeof(DbaChange), change_fields};
const DbaRecord dba_risk_record = {"risk", sizeof(DbaRisk), risk_fields};
const DbaRecord dba_alternative_record = {"alternative", sizeof(DbaAlternative), alternative_fields};
#define T DbaFinding
static const DbaField finding_fields[] = {F(T, rule, TEXT),
                                          {"severity", DBA_FIELD_TEXT, 0, offsetof(DbaFinding, severity_name), NULL},
                                          F(T, object, TEXT),
                                          F(T, schema, TEXT),
                                          F(T, table, TEXT),
                                          F(T, what, TEXT),
                                          F(T, why, TEXT),
                                          F(T, question, TEXT),
                                          F(T, options, TEXTS),
                                          F(T, file, TEXT),
                                          F(T, line, INT),
                                          F(T, excerpt, TEXT),
                                          F(T, proof, TEXT),
                                          F(T, stake, REAL),
                                          F(T, columns, TEXTS),
                                          F(T, constraint, TEXT),
                                          F(T, index, TEXT),
                                          INNER(T, trial, INT),
                                          INNER(T, has_change, BOOL),
                                          F(T, rejected, BOOL),
                                          F(T, suppressed, BOOL),
                                          F(T, suppressed_by, TEXT),
                                          DBA_FIELD_IN(T, change, dba_change_record, 0),
                                          DBA_FIELD_IN(T, risk, dba_risk_record, 0),
                                          DBA_FIELD_OF(T, receipts, dba_receipt_record, 0),
                                          DBA_FIELD_OF(T, planned, dba_receipt_record, 0),
                                          DBA_FIELD_OF(T, alternatives, dba_alternative_record, 0),
                                          F(T, migration, TEXT),
                                          END};
#undef T
#define T DbaChecked
static const DbaField checked_fields[] = {F(T, rule, TEXT), F(T, title, TEXT), F(T, looked_at, INT), F(T, found, INT), END};
#undef T
#define T DbaUnjudged
static const DbaField unjudged_fields[] = {F(T, rule, TEXT), F(T, object, TEXT), F(T, why, TEXT), F(T, remedy, TEXT), END};
#undef T
const DbaRecord dba_finding_record = {"finding", sizeof(DbaFinding), finding_fields};
const DbaRecord dba_checked_record = {"checked", sizeof(DbaChecked), checked_fields};
const DbaRecord dba_unjudged_record = {"unjudged", sizeof(DbaUnjudged), unjudged_fields};

static const char *const severity_names[] = {"must-fix", "worth-it", "question", "note"};

const char *dba_severity_name(DbaSeverity severity) { return severity_names[severity]; }

bool dba_severity_parse(const char *name, DbaSeverity *ret_severity) {
  for (int i = 0; i < DBA_N_SEVERITIES; i++)
    if (!g_strcmp0(name, severity_names[i])) {
      *ret_severity = (DbaSeverity)i;
      return true;
    }
  return false;
}

DbaFindings *dba_findings_new(void) {
  DbaFindings *findings = g_new0(DbaFindings, 1);
  findings->arena = dba_arena_new();
  return findings;
}

void dba_findings_free(DbaFindings *findings) {
  if (!findings)
    return;
  dba_arena_free(findings->arena);
  g_free(findings);
}

static int compare_findings(const void *a, const void *b) {
  const DbaFinding *x = a, *y = b;
  if (x->severity != y->severity)
    return x->severity < y->severity ? -1 : 1;
  if (x->stake < y->stake || x->stake > y->stake)
    return x->stake > y->stake ? -1 : 1;
  int order = g_strcmp0(x->rule, y->rule);
  return order ? order : g_strcmp0(x->object, y->object);
}

void dba_findings_rank(DbaFindings *findings) {
  if (findings->findings.n)
    qsort(findings->findings.items, findings->findings.n, sizeof(DbaFinding), compare_findings);
}

unsigned dba_findings_count(const DbaFindings *findings, DbaSeverity severity) {
  unsigned n = 0;
  for (DBA_EACH(DbaFinding, finding, &findings->findings))
    n += finding->severity == (int64_t)severity && !finding->suppressed && !finding->rejected;
  return n;
}

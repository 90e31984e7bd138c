// SPDX-License-Identifier: Apache-2.0
// Reports: one review as terminal text, JSON, an HTML page, and migration files.
#pragma once

#include "index/index.h"
#include "migrate/migrate.h"

typedef struct DbaReviewNote {
  const char *place, *text; // "file:12" or NULL
} DbaReviewNote;

typedef struct DbaWrittenMigration {
  const char *number;    // "001"
  const char *name;      // "001_index_order_items_order_id"
  const char *up, *down; // whole files
  const char *finding;   // object
  const DbaFinding *source;
} DbaWrittenMigration;

// All that a report shows.  Borrowed documents; nothing here is freed by the report.
typedef struct DbaReview {
  const DbaSurvey *survey;
  const DbaFindings *findings;
  DbaArena *arena;
  DbaList notes;        // DbaReviewNote
  DbaList migrations;   // DbaWrittenMigration
  const char *lab;      // "PostgreSQL 17.11 (private runtime)"; NULL: no lab could be started
  bool together;        // all migrations ran up in turn and down again, and the catalog compared equal
  const char *lab_note; // a substitution: another major version or locale than the subject's
  double seconds;
  const char *again; // the subject as a command names it; NULL: the PG* variables do
  bool measured;     // trials ran in this run
  unsigned replayed; // findings whose proof comes from an earlier run
  bool unfinished;   // Ctrl-C, the budget or a broken lab left trials undone: the next run goes on
} DbaReview;

// findings.json as it is read back.
typedef struct DbaReportDocument {
  const char *format;
  int64_t format_version;
  const char *subject, *subject_kind, *verdict, *lab, *lab_note;
  int64_t counts[DBA_N_SEVERITIES];
  int64_t together, unfinished; // 0 or 1
  DbaList findings, checked, unjudged, gaps, unmodelled, migrations, notes;
} DbaReportDocument;

extern const DbaRecord dba_review_note_record, dba_written_migration_record;

// "3 must fix, 5 worth it, 1 question, 2 tried and rejected"
char *dba_report_verdict(const DbaReview *review) DBA_CHECKED;
// The counts alone; empty where there is nothing to count.
char *dba_report_counts(const DbaFindings *findings) DBA_CHECKED;
// What a receipt's ratio says: "205x less (198x to 212x)", "12% less (9% to 14%)", "no difference beyond the noise (5% less to 3%
// more)"; NULL for one run.
char *dba_report_difference(const DbaReceipt *receipt) DBA_CHECKED;
// One line for one receipt: "time 41 ms -> 0.2 ms, 205x less (198x to 212x; 25 runs)".
char *dba_report_receipt(const DbaReceipt *receipt) DBA_CHECKED;
// "ACCESS EXCLUSIVE on shop.orders; blocks reads and writes; rewrites shop.orders; 41 ms at shop.orders: 50 k rows, 6.2 MB"
char *dba_report_risk(const DbaRisk *risk) DBA_CHECKED;
// "exact; up, down, up ran and the catalog compared equal"
char *dba_report_undo(const DbaChange *change) DBA_CHECKED;
// A number with its unit, for people.
char *dba_report_amount(double value, const char *unit) DBA_CHECKED;
// `color`: escape sequences allowed; `width`: columns of the terminal.
char *dba_report_terminal(const DbaReview *review, bool color, unsigned width) DBA_CHECKED;
char *dba_report_json(const DbaReview *review) DBA_CHECKED;
// Reads such a text; everything lies in `arena`.  `name` stands for the file in messages.
DbaReportDocument *dba_report_read(DbaArena *arena, const char *name, const char *text, size_t length, GError **error) DBA_CHECKED;
// One page, no network request, readable on a phone, light and dark.
char *dba_report_html(const DbaReview *review) DBA_CHECKED;

// Numbers the proven changes of the findings and writes their files' texts: creations before removals.
void dba_report_migrations(DbaReview *review, DbaFindings *findings);

// ---- formats of other programs --------------------------------------------------------------------------------------

typedef enum DbaFormat {
  DBA_FORMAT_TTY,
  DBA_FORMAT_JSON,
  DBA_FORMAT_MD,
  DBA_FORMAT_GITHUB, // annotations of a workflow's log
  DBA_FORMAT_GITLAB, // Code Quality report
  DBA_FORMAT_SARIF,  // 2.1.0
  DBA_FORMAT_JUNIT,
  DBA_N_FORMATS
} DbaFormat;
const char *const *dba_format_names(void); // "tty", "json" ..., NULL-terminated
bool dba_format_parse(const char *name, DbaFormat *ret_format) DBA_CHECKED;

// What a rule is, for formats that tell.
typedef struct DbaToldRule {
  const char *rule, *title, *explain;
} DbaToldRule;
// Findings in one of the formats behind JSON.  `title`: what was looked at.  `rules` ends with a NULL rule.  `passed`, or NULL: texts: what had
// nothing to find, for JUnit.  Rejected findings are not told; suppressed ones only where the format has a word for them.
char *dba_report_findings(const DbaFindings *findings, DbaFormat format, const char *title, const DbaToldRule *rules,
                          const DbaList *passed) DBA_CHECKED;

// ---- indexes --------------------------------------------------------------------------------------------------------

typedef struct DbaIndexPage {
  const char *subject, *server;
  const DbaIndexAnswer *answer;
  const DbaIndexPoint *point; // the set that is answered with
  const DbaIndexTrial *proof;
} DbaIndexPage;
char *dba_report_index_html(const DbaIndexPage *page) DBA_CHECKED;

// ---- migrations -----------------------------------------------------------------------------------------------------

// `server`: what they were run on: "PostgreSQL 17.11 (private runtime)".
char *dba_report_verified(const DbaVerification *verification, const char *server, bool color, unsigned width) DBA_CHECKED;
// Pages as dba_report_html makes them.  `server` NULL: nothing was run.  `rehearsals`: DbaRehearsal; `not_tried`: behind one that cannot run.
char *dba_report_verified_html(const DbaVerification *verification, const char *server) DBA_CHECKED;
char *dba_report_rehearsals_html(const DbaList *rehearsals, const char *subject, uint32_t not_tried) DBA_CHECKED;
char *dba_report_verified_json(const DbaVerification *verification, const char *server) DBA_CHECKED;

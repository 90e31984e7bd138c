// SPDX-License-Identifier: Apache-2.0
// Findings: what an advisor says about one object, with the change it proposes and the receipts that prove it.
//
// A finding without a receipt is "unproven" by name (`proof`).  Severities: must fix, worth it, question, note.
#pragma once

#include "survey/survey.h"

typedef enum DbaSeverity { DBA_MUST_FIX, DBA_WORTH_IT, DBA_QUESTION, DBA_NOTE, DBA_N_SEVERITIES } DbaSeverity;
const char *dba_severity_name(DbaSeverity severity); // "must-fix", "worth-it", "question", "note"
bool dba_severity_parse(const char *name, DbaSeverity *ret_severity);

// One measured comparison.
typedef struct DbaReceipt {
  const char *method;                                    // "delete one row of shop.orders, 5 runs, interleaved"
  const char *quantity;                                  // "time", "CPU", "buffers", "size", "WAL"
  const char *unit;                                      // "ms", "pages", "bytes"
  double before, after;                                  // medians
  double before_low, before_high, after_low, after_high; // their 95 % bootstrap intervals
  double ratio, ratio_low, ratio_high;                   // after to before, and its interval; 0 where n is 1
  int64_t n;                                             // runs of each side
  bool claimed;                                          // a gain that the interval carries
  const char *machine;                                   // what the yardstick said: "steady" ...; NULL: none ran
  const char *server;                                    // "PostgreSQL 17.11"
  const char *locale;
  const char *settings;    // "fsync=on, shared_buffers=128MB, jit=off"
  const char *rows_origin; // "the subject's own files", "generated"
  const char *rows;        // "orders 50 k rows, 6.2 MB"
  const char *repeat;      // the command that measures it again
  int64_t seed;
} DbaReceipt;

// Classes of undo, by iron law 1.  "Not needed": what the change repairs is not to be broken again (a valid index, a
// validated constraint); its DOWN does nothing and says so.
#define DBA_UNDO_EXACT "exact"
#define DBA_UNDO_SAVED_ROWS "exact with saved rows"
#define DBA_UNDO_IRREVERSIBLE "irreversible"
#define DBA_UNDO_NOT_NEEDED "not needed"
#define DBA_UNDO_WHILE_IT_FITS "exact while all values fit the old type; after that it raises and changes nothing"
#define DBA_UNDO_EXACT_BUT_TEXT "exact, but for the blanks, key order and duplicate keys of the json text"

// Up and down SQL; the class of the undo.
typedef struct DbaChange {
  const char *name;       // file name part: "index_order_items_order_id"
  const char *up, *down;  // statements, each ended by ";\n"
  const char *undo_class; // one of the above
  bool no_transaction;    // CREATE INDEX CONCURRENTLY and the like
  bool undo_proven;       // up, down, up ran; the catalog after down equals the one before
} DbaChange;

typedef struct DbaRisk {
  const char *lock;          // strongest lock on an existing table: "SHARE UPDATE EXCLUSIVE"
  const char *blocks;        // "nothing", "writes", "reads and writes"
  DbaList tables;            // which tables it is held on
  DbaList rewritten;         // which tables are written anew
  double duration_ms;        // measured in the lab
  const char *duration_note; // rows and size it was measured at
} DbaRisk;

typedef struct DbaAlternative {
  const char *what, *why_not;
} DbaAlternative;

// What the trial of a rule measures; filled in by the advisor, read by lab/trial.c.
typedef enum DbaTrialKind {
  DBA_TRIAL_NONE,             // nothing to run: a question or a note
  DBA_TRIAL_UP_DOWN,          // only that up and down work, with lock and duration
  DBA_TRIAL_PARENT_DELETE,    // deleting a parent row
  DBA_TRIAL_REINSERT,         // size of the dropped index, inserting rows again
  DBA_TRIAL_REINSERT_CHECKED, // the same with foreign keys checked
  DBA_TRIAL_COLUMN_ORDER,     // size of a copy with other column order
  DBA_TRIAL_STATEMENT,        // running a statement of the workload
} DbaTrialKind;

typedef struct DbaFinding {
  const char *rule;           // "fk-without-index"
  const char *object;         // "shop.order_items(order_id)"
  const char *schema, *table; // of the table it is about
  const char *what;           // one sentence: the fact
  const char *why;            // what it costs, with the reason
  const char *question;       // iron law 8
  const char *file;           // where the subject defines it
  const char *excerpt;        // its line there, with a caret beneath; NULL: none
  const char *severity_name;  // in JSON
  const char *proof;          // "proven", "unproven: reason", "planned, not run", "not needed", "tried and rejected"
  int64_t line, severity;
  double stake;                   // for ranking: what is at stake, in rows touched or bytes
  DbaList options;                // answers to the question
  DbaList columns;                // columns the trial is about
  const char *constraint, *index; // names the trial needs
  int64_t trial;                  // DbaTrialKind
  const char *prepare, *sql;      // of DBA_TRIAL_STATEMENT
  DbaList tables;                 // texts, "schema.table": what else the trial reads
  bool has_change, rejected, suppressed;
  bool replayed;             // its proof comes from an earlier run
  const char *suppressed_by; // reason and place
  DbaChange change;
  DbaRisk risk;
  DbaList receipts;      // DbaReceipt
  DbaList planned;       // DbaReceipt: what a twin says at the subject's own size; planned, not run
  DbaList alternatives;  // DbaAlternative
  const char *migration; // file name of the up part, once written
} DbaFinding;

// What a rule looked at and found right.
typedef struct DbaChecked {
  const char *rule, *title;
  int64_t looked_at, found;
} DbaChecked;

// A rule that could not judge.
typedef struct DbaUnjudged {
  const char *rule, *object, *why, *remedy;
} DbaUnjudged;

typedef struct DbaFindings {
  DbaArena *arena;
  DbaList findings; // DbaFinding
  DbaList checked;  // DbaChecked
  DbaList unjudged; // DbaUnjudged
  DbaList idle;     // texts: allowances that allow nothing, and why
} DbaFindings;

extern const DbaRecord dba_receipt_record, dba_change_record, dba_risk_record, dba_alternative_record, dba_finding_record,
    dba_checked_record, dba_unjudged_record;

DbaFindings *dba_findings_new(void);
void dba_findings_free(DbaFindings *findings);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DbaFindings, dba_findings_free)
// Severity, then stake (largest first), then rule and object.
void dba_findings_rank(DbaFindings *findings);
// How many of that severity are neither suppressed nor rejected.
unsigned dba_findings_count(const DbaFindings *findings, DbaSeverity severity);

// ---- suppression ----------------------------------------------------------------------------------------------------

// Marks findings that a comment in the subject's files or an entry of dbarch.yaml allows.  Each needs a reason.  What an
// entry lacks, or that it allows nothing, is said in `idle`, one line each, when that is not NULL; `rules` are all names.
void dba_findings_suppress(DbaFindings *findings, const DbaSurvey *survey, const char *const *rules, DbaList *idle);

// Parses the comments before a statement; appends what "-- dbarch: allow RULE reason" says.  `object`: what it heads.
void dba_suppressions_read_comment(DbaArena *arena, GArray *suppressions, const char *comment, size_t length, const char *object,
                                   const char *file, int64_t line);

// ---- dbarch.yaml ----------------------------------------------------------------------------------------------------

// What a rehearsal must keep to; zero: no limit.
typedef struct DbaLimits {
  double client_wait_ms;          // that one statement of a client may wait for a migration
  int64_t client_errors;          // that clients may see
  double duration_seconds;        // of one migration
  int64_t disk_bytes, wal_bytes;  // that one may need while it runs, and write
  double replication_lag_seconds; // of a replica
  double survey_age_seconds;      // of the survey that it stands on, when `up` runs
} DbaLimits;

typedef struct DbaAllowance {
  const char *rule, *object, *reason; // no object: everywhere
  int64_t line;
} DbaAllowance;

//   subject: postgresql://reader@replica.example/shop
//   allow:
//     - { rule: no-primary-key, object: audit.log, reason: "append only" }
//   rehearsal: { client_wait: 500ms, client_errors: 0, duration: 30m, disk: 20GB, wal: 20GB, replication_lag: 30s, survey_age: 30d }
//   backup: { archive: /var/backups/wal, age: 1h }
typedef struct DbaConfig {
  const char *path, *subject;
  DbaList allow; // DbaAllowance
  DbaLimits limits;
  const char *backup_archive; // a folder that the server's WAL archive is kept in: a declared point-in-time backup
  double backup_age_seconds;  // of its newest file, at most
} DbaConfig;
// `path` NULL: what holds where nothing is written.  An unknown key, or a value that is no time or size, is an error with its place.
bool dba_config_read(const char *path, DbaArena *arena, DbaConfig *ret_config, GError **error) DBA_CHECKED;
// Is there a rule for each of its allowances?  `rules`: all names, NULL-terminated; an unknown one is an error with a suggestion.
bool dba_config_check_rules(const DbaConfig *config, const char *const *rules, GError **error) DBA_CHECKED;
// Those of `rules`, appended to a list of DbaSuppression.
void dba_config_suppressions(const DbaConfig *config, const char *const *rules, DbaArena *arena, DbaList *suppressions);

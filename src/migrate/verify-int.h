// SPDX-License-Identifier: Apache-2.0
// Shared by the run of a history (verify.c) and what is said of it (judge.c).
#pragma once

#include "migrate/migrate-int.h"

// What came of running one script.
typedef struct DbaOutcome {
  bool ok;
  char *message;    // of the failure: "path:line:column: text" with the source line and a caret
  char sqlstate[6]; // of the failure, "" where it is not the server's
  double ms;
} DbaOutcome;
void dba_outcome_clear(DbaOutcome *outcome);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DbaOutcome, dba_outcome_clear)

// A finding of one of dba_migrate_rules, about a migration.  `script`: where; NULL: nowhere.
DbaFinding *dba_judge_add(DbaFindings *findings, const char *rule, const DbaMigration *migration, const DbaScript *script,
                          const char *format, ...) DBA_PRINTF(5, 6);
// With the reason, the place and the excerpt of the failure.
DbaFinding *dba_judge_failure(DbaFindings *findings, const char *rule, const DbaMigration *migration, const DbaScript *script,
                              const char *what, const DbaOutcome *outcome);
// Differences as the finding's text and reason; the column order alone is another rule.
void dba_judge_differences(DbaFindings *findings, const char *rule, const DbaMigration *migration, const DbaScript *script,
                           const char *what, const DbaList *differences);
// A script that no parser takes.
void dba_judge_syntax(DbaFindings *findings, const DbaMigration *migration);
// Files that are not as they should be, and undos that are missing, of the migrations from `from` on (NULL: all).
void dba_judge_files(DbaFindings *findings, const DbaMigrations *migrations, bool undos, const char *from);
// Marks findings that a comment in the migration's own files allows.
// What a comment of the migration allows of its findings.
void dba_judge_allow(DbaFindings *findings, const DbaMigration *migration);

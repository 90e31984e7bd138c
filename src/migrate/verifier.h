// SPDX-License-Identifier: Apache-2.0
// A verification under way: shared by its databases (verifier.c), the history (verify.c), and what is proposed (propose.c).
#pragma once

#include "migrate/lint-int.h"

enum { DBA_BASE, DBA_TRIAL, DBA_N_DATABASES };
extern const char *const dba_verifier_databases[DBA_N_DATABASES];

typedef struct DbaVerifier {
  const DbaLab *lab;
  const DbaMigrations *migrations;
  const DbaVerifyOptions *options;
  DbaVerification *result;
  DbaFindings *findings;
  DbaCatalogReader *reader;
  DbaLoad *loads[DBA_N_DATABASES];
  DbaLabSession *sessions[DBA_N_DATABASES];
  DbaCatalog *catalog;      // of base, as it is now
  DbaRowCache *sums;        // of trial's tables
  GHashTable *tried;        // tables that were filled, or could not be
  bool trial_stands, dirty; // dirty: trial is not what base is, rows apart
  bool plain;               // trial has no made rows for the migration under way
  bool stopped;             // one failed: what is behind it cannot be run
  DbaLint *lint;            // of options->locks
  DbaObserver *observer;
  GArray *seen; // DbaSeen: what the statements of the attempt under way did
} DbaVerifier;

typedef struct DbaSeen {
  const DbaSqlStatement *item;
  DbaList effects;
  double ms;
} DbaSeen;

typedef struct DbaStep {
  DbaMigration *migration;
  DbaVerified *verified;
  DbaCatalog *up; // after up; before it is DbaVerifier.catalog
  DbaRowSums *rows_before, *rows_up;
} DbaStep;

void dba_step_clear(DbaStep *step);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DbaStep, dba_step_clear)

// The session of the role without power in one of the databases; made when it is first asked for.
DbaLabSession *dba_verifier_session(DbaVerifier *v, int which, GError **error) DBA_CHECKED;
void dba_verifier_close(DbaVerifier *v, int which);
// Trial as a copy of base, empty of made rows.
bool dba_verifier_renew_trial(DbaVerifier *v, GError **error) DBA_CHECKED;
// What is in trial's tables.
bool dba_verifier_rows(DbaVerifier *v, DbaRowSums **ret_sums, GError **error) DBA_CHECKED;
// Made rows for the tables of trial that have none and were not tried yet.
bool dba_verifier_fill(DbaVerifier *v, const DbaCatalog *catalog, GError **error) DBA_CHECKED;
// Is the failure the lab's, or the person's who interrupted?
bool dba_verifier_is_ours(const GError *problem);
// Runs a script; a failure of its own is an outcome.  `watched`: what its statements do goes to v->seen.
bool dba_verifier_attempt(DbaVerifier *v, int which, const DbaScript *script, bool watched, DbaOutcome *ret_outcome,
                          GError **error) DBA_CHECKED;
// For a migration that makes others wait: several that do not, into v->result->rewrites and the first of its findings.
bool dba_verifier_rewrite(DbaVerifier *v, const DbaMigration *migration, GError **error) DBA_CHECKED;
// For a migration whose undo is not there or not right: one that was run, into its finding.
bool dba_verifier_propose(DbaVerifier *v, const DbaStep *step, GError **error) DBA_CHECKED;
// For one whose undo makes dropped columns or tables anew: an up that sets their values aside in a side table, and a down that brings them back.  Uses trial up.
bool dba_verifier_propose_saving(DbaVerifier *v, const DbaStep *step, GError **error) DBA_CHECKED;

// SPDX-License-Identifier: Apache-2.0
// Shared by trial.c (the change: up, down, up) and measure.c (what it gains).
#pragma once

#include "lab/lab-int.h"

#define DBA_TRIAL_BEFORE "trial_before"
#define DBA_TRIAL_AFTER "trial_after"

// One trial under way: two clones of the subject's database, the change made in "after".
typedef struct DbaTrial {
  DbaTrialSetup *setup;
  const DbaSchema *schema;
  DbaFinding *finding;
  const DbaRelation *relation;
  DbaServer *admin, *before, *after; // superuser in "postgres"; the subject role in the two clones
  char *table;                       // quoted
  char *settings, *rows, *locale;
  char *isolate; // SQL that takes other foreign keys out of the way; inside a transaction
  bool made;     // the change stands in "after"
} DbaTrial;

// Marks the finding as unproven, with the reason; always true: that is an outcome, not a failure.
bool dba_trial_unproven(DbaTrial *trial, const char *format, ...) DBA_PRINTF(2, 3);
// A database error in a trial is an outcome (true); anything else ends the work and goes to *error.
bool dba_trial_outcome(DbaTrial *trial, GError **problem, const char *doing, GError **error) DBA_CHECKED;
// Rows, size, settings and locale, for the receipts.
bool dba_trial_describe(DbaTrial *trial, GError **error) DBA_CHECKED;
// "shop.orders: 12 k rows, 3.1 MB", of a quoted name, in the database that trials never change.
bool dba_trial_rows_of(DbaTrial *trial, const char *table, char **ret_text, GError **error) DBA_CHECKED;
// Clears the dead rows that rolled-back runs leave in both clones.
void dba_trial_vacuum(DbaTrial *trial);
// Measures what the finding's kind of trial promises, in both clones; adds receipts and the verdict.
bool dba_trial_measure(DbaTrial *trial, GError **error) DBA_CHECKED;

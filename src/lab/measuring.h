// SPDX-License-Identifier: Apache-2.0
// Measuring: two databases of a lab held against each other, run by run.
//
// Every receipt comes from here.  Runs alternate between the two sides, so that a machine that slows down slows both; a
// yardstick, a statement that no change affects, runs between them, and a round during which it was slow is taken again.
// What is said of a difference is its bootstrap interval, never more than that carries.
#pragma once

#include "lab/lab.h"

// ---- what was measured, pure ------------------------------------------------------------------------------------------

// Two series of runs, pairs by their number.  Intervals are of 95 %: 2,000 resamples of the pairs, percentiles widened for
// few runs (T. Hesterberg, "What Teachers Should Know About the Bootstrap", The American Statistician 2015, section 5.3).
// Seeded: the same runs give the same interval.
typedef struct DbaEffect {
  unsigned n;
  double before, before_low, before_high, after, after_low, after_high; // medians
  double ratio, ratio_low, ratio_high;                                  // after to before; 1: both are 0; at most 1e9
} DbaEffect;
void dba_effect(const double *before, const double *after, unsigned n, DbaEffect *ret_effect);

// ---- runs -------------------------------------------------------------------------------------------------------------

typedef struct DbaRun {
  double ms, buffers, reads, wal_bytes, rows; // by pg_stat_statements; reads: buffers that were not in shared_buffers
  double cpu_ms;                              // of the session's process, by the kernel; -1: not known
} DbaRun;

// The text of one run: `prepare` first, unmeasured, in the same transaction, which is rolled back; then `sql`.  `round` is -1
// for the warm-up.
typedef bool (*DbaRoundText)(int round, void *data, GString *prepare, GString *sql, GError **error);

typedef struct DbaComparison {
  const DbaLab *lab;
  DbaServer *admin;                     // superuser, in database "postgres"
  DbaServer *before, *after;            // sessions in the two databases, outside of transactions
  const char *before_name, *after_name; // of the databases
  DbaRoundText text;
  void *data;
  unsigned least, most; // rounds; at least 5
  double patience_ms;   // behind `least`, rounds go on until the interval is narrow, or this long
  const char *modules;  // folder of dbarch_twin-N.so; NULL: the two sides begin with what happens to be in shared buffers
  bool cold;            // both caches are emptied before each run; needs `modules`

  DbaRun *runs[2]; // before and after: n of them, owned
  unsigned n;
  unsigned disturbed; // rounds that were taken again
  bool restless;      // too many of them: all rounds count, disturbed ones too
} DbaComparison;
bool dba_compare(DbaComparison *comparison, GError **error) DBA_CHECKED;
void dba_comparison_clear(DbaComparison *comparison);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DbaComparison, dba_comparison_clear)

typedef enum DbaQuantity { DBA_QUANTITY_TIME, DBA_QUANTITY_CPU, DBA_QUANTITY_BUFFERS, DBA_QUANTITY_WAL, DBA_N_QUANTITIES } DbaQuantity;
// False when it was not to be had.
bool dba_comparison_effect(const DbaComparison *comparison, DbaQuantity quantity, DbaEffect *ret_effect);
// "steady", "2 rounds of 9 were disturbed and taken again" ...; free with g_free.
char *dba_comparison_machine(const DbaComparison *comparison);
// Receipts of time, CPU, buffers and, if wanted, WAL, appended to `receipts`; `frame` is what they have in common (method,
// server, settings, rows ...), whose texts live as long as `arena`.  A gain is claimed when its interval lies below 1; of
// time, unless both CPU and buffers say the opposite.  How many are claimed.
unsigned dba_comparison_receipts(const DbaComparison *comparison, const DbaReceipt *frame, bool with_wal, DbaArena *arena,
                                 DbaList *receipts);

// What a receipt says of the server; texts lie in `arena`.
bool dba_lab_describe(DbaServer *admin, DbaArena *arena, const char **ret_settings, const char **ret_locale, GError **error) DBA_CHECKED;
// ANALYZE of what a change has made that has no statistics yet (indexes over expressions, extended statistics), so that the
// planner knows what it will know; all other statistics stay as they are on the other side.  `owner`: a superuser's session.
bool dba_lab_analyze_new(DbaServer *owner, GError **error) DBA_CHECKED;

// Writes and drops the shared buffers of a database that nobody works in at the moment.  `modules`: the folder of
// dbarch_twin-N.so.  *ret_oid: its oid as text, or NULL.
bool dba_lab_forget_pages(const DbaLab *lab, DbaServer *admin, const char *database, const char *modules, char **ret_oid,
                          GError **error) DBA_CHECKED;
// And the kernel's cache of its files, for the next run to find them cold.
bool dba_lab_make_cold(const DbaLab *lab, DbaServer *admin, const char *database, const char *modules, GError **error) DBA_CHECKED;

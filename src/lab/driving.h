// SPDX-License-Identifier: Apache-2.0
// Driving: many clients that run a workload's statements in a lab, and a watcher that sees who waits for whom.
//
// What a change does to those who work meanwhile is seen here.  Parameters are values that the rows hold, those of one table from one
// row; what goes into a new row's unique columns is new.  Statements commit: a lab that was driven is not as it was.
#pragma once

#include "lab/lab.h"

typedef struct DbaDriveStatement {
  const char *sql; // may have $1 ...
  double weight;   // how often, among the others
} DbaDriveStatement;

typedef struct DbaDrive {
  const DbaLab *lab;
  const char *database;
  const char *role;          // that works in it
  const DbaSurvey *survey;   // of the database, for the tables and columns that parameters stand with
  const DbaList *statements; // DbaDriveStatement
  const DbaList *instead;    // DbaDriveStatement: what is run where none of those can be; or NULL
  unsigned clients;          // at most 64
  double seconds;
  double rate; // statements a second, of all together; 0: as many as they can
  uint64_t seed;
  double timeout_ms;        // of one statement; 0: none
  const GPtrArray *changes; // const char *: SQL that runs, one after another, when a third of the time is over; or NULL
  // Instead of changes: work on the caller's thread, when `seconds` are over; clients go on until it ends, and `tail_seconds` longer.
  bool (*work)(void *data, GError **error);
  void *work_data;
  double tail_seconds;
  int64_t work_pid; // of the server's process that does it: waits for it are marked
  DbaInterrupt *interrupt;
  void (*progress)(void *data, const char *line); // may be NULL
  void *progress_data;
} DbaDrive;

typedef struct DbaDriven { // one statement's runs; latencies in ms: percentiles of those that succeeded, worst and during of all
  const char *sql;
  int64_t runs, errors;
  double p50_ms, p95_ms, p99_ms, worst_ms;
  double during_ms;                                  // the worst of those that overlap a change; 0: none did
  int64_t before_runs, since_runs;                   // that ended before the change began, and since
  int64_t during_runs, during_errors, before_errors; // errors: before the change began, and since then
  int64_t prepared_again;                            // since a change made the plan of the prepared statement useless
  double during_p95_ms, during_p99_ms;
  double before_p50_ms, before_p99_ms, before_worst_ms; // of those that ended before it
  const char *error;                                    // the first; with a change, the first since that began
} DbaDriven;

typedef struct DbaDriveChange {
  const char *sql;
  double begin_ms, ms; // since the start
  const char *error;   // NULL: it succeeded
} DbaDriveChange;

// One wait for a lock that was seen: it may have begun up to 10 ms earlier or ended so much later.
typedef struct DbaWait {
  const char *waiter, *holder; // their statements
  const char *mode, *held;     // asked for; held by the holder on that relation
  const char *relation;        // NULL: no relation, a row's transaction for example
  double begin_ms, ms;
  bool for_work; // it waits for the process of the work, or for one that does
  bool of_work;  // that process itself waits
} DbaWait;

typedef struct DbaDriveResult {
  DbaArena *arena;
  DbaList driven;                  // DbaDriven, in the order of the statements
  DbaList changes;                 // DbaDriveChange
  DbaList waits;                   // DbaWait, the longest first
  DbaList refused;                 // texts: statements that could not be prepared, and why; what the watcher missed
  bool took_instead, waits_missed; // waits were seen only in part
  int64_t runs, errors;
  double seconds;
  // Of work: what was written and needed while it ran, by clients too.
  double work_begin_ms, work_ms;
  int64_t wal_bytes, disk_before_bytes, disk_peak_bytes, disk_after_bytes; // of the database with its temporary files
  int64_t wal_before_bytes;                                                // by clients alone, before the work began
  double lag_seconds;                                                      // the worst of a replica; -1: there is none
} DbaDriveResult;
extern const DbaRecord dba_driven_record, dba_drive_change_record, dba_wait_record;

// Where nobody knows the workload: reads and writes by primary key on the largest tables.  Appends DbaDriveStatement, in `arena`.
void dba_drive_by_keys(const DbaSchema *schema, DbaArena *arena, DbaList *ret_statements);
// `ret_result` comes zeroed with an arena of the caller's, in which all of it lies; on failure it may hold a part.  Fails when no
// statement can be run, or the lab ends.
bool dba_lab_drive(const DbaDrive *drive, DbaDriveResult *ret_result, GError **error) DBA_CHECKED;

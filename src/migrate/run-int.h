// SPDX-License-Identifier: Apache-2.0
// Shared by the history (history.c), the runner (run.c), its statements (run-steps.c) and what must be there before (gate.c).
#pragma once

#include "migrate/migrate-int.h"

typedef struct DbaRunner {
  DbaServer *server;
  const DbaMigrations *migrations;
  const DbaRunOptions *options;
  DbaHistory history;
  DbaArena *arena;
  bool was_empty;                                                // nothing of anybody's is on the target
  DbaList destroyed;                                             // DbaDestroyed: what will be, and may
  bool again;                                                    // redo: what runs up is undone first
  bool late;                                                     // rows came after a backup: it is to be made again
  const char *without_undo, *without_rehearsal, *without_backup; // labels, objects: what was let through by an override
} DbaRunner;

// One script of one migration, under way.
typedef struct DbaJob {
  DbaRunner *runner;
  const DbaMigration *migration;
  const DbaScript *script;
  bool down;
  gint64 begin_us;               // of this run
  const char *override, *ledger; // for the history
  uint32_t begun, done;          // from the history, when it is gone on with
  const DbaBackup *backup;       // that was made right before; or NULL
  GString *own;                  // then: numbers of the transactions that this job has ended
} DbaJob;

void dba_runner_say(const DbaRunner *runner, bool stays, const char *format, ...) DBA_PRINTF(3, 4);
bool dba_runner_pause(const DbaRunner *runner, double seconds, GError **error) DBA_CHECKED;
// After a failure whose error stays the one to tell, and so does its SQLSTATE.
void dba_runner_roll_back(DbaRunner *runner);
// Runs the job's script and writes it down.  `goes_on`: the history says that it began.
bool dba_job_run(DbaJob *job, bool goes_on, GError **error) DBA_CHECKED;

// Once, or again and again while others are in the way.
bool dba_job_try(const DbaJob *job, bool (*once)(const DbaJob *job, GError **error), GError **error) DBA_CHECKED;
// `applied`: what the history says of it, when it goes on; or NULL.
bool dba_job_run_backfills(DbaJob *job, const DbaApplied *applied, GError **error) DBA_CHECKED;
enum { DBA_BACKFILL_KEYS = 8 }; // columns of a primary key, at most
// The key that a backfill goes along by: rows of name, type, rows of the table.  Fails with DBA_ERROR_INPUT where there is none, or it would be written.
bool dba_backfill_find_key(DbaServer *server, const DbaBackfill *backfill, const char *path, DbaArena *arena, DbaResult **ret_key,
                           GError **error) DBA_CHECKED;
bool dba_row_is_pending(const DbaStatusRow *row);

// ---- gate.c: of all that is pending, up to options->to --------------------------------------------------------------

bool dba_gate_undos(DbaRunner *runner, const DbaList *rows, GError **error) DBA_CHECKED;
// Tells the rows what lets them run.
bool dba_gate_rehearsals(DbaRunner *runner, const DbaList *rows, GError **error) DBA_CHECKED;
bool dba_gate_destroyed(DbaRunner *runner, const DbaList *rows, GError **error) DBA_CHECKED;
// Right before one runs: of what it destroys.
bool dba_gate_back_up(DbaRunner *runner, const DbaMigration *migration, DbaBackup *ret_backup, GError **error) DBA_CHECKED;
// In the transaction, before statements of these lines run (saved.c): locks what they destroy, and fails, with runner->late, when the backup lacks some of it.
bool dba_job_check_saved(const DbaJob *job, uint32_t from, uint32_t to, GError **error) DBA_CHECKED;
bool dba_job_is_saved(const DbaJob *job);                             // does it need to be looked?
bool dba_job_note_own(const DbaJob *job, GError **error) DBA_CHECKED; // the transaction, which is about to end, is the job's own
// Overrides that were used, once everything may run.
bool dba_gate_write_down(DbaRunner *runner, const DbaList *rows, GError **error) DBA_CHECKED;
bool dba_gate_destroyed_by_undos(DbaRunner *runner, const GPtrArray *undos, GError **error) DBA_CHECKED; // of DbaMigration

// ---- history.c ------------------------------------------------------------------------------------------------------

// Makes our table where there is none, with what another tool ran.
bool dba_history_create(DbaServer *server, const DbaMigrations *migrations, DbaHistory *history, GError **error) DBA_CHECKED;
typedef struct DbaHistoryNote {
  const char *taken_from, *override, *ledger; // as in DbaApplied
} DbaHistoryNote;
// `note` may be NULL.
bool dba_history_add(DbaServer *server, const DbaMigration *migration, const char *state, const DbaHistoryNote *note, double ms,
                     GError **error) DBA_CHECKED;
// One was run, or undone: the history as a new look would find it.
void dba_history_mark(DbaHistory *history, const DbaMigration *migration, bool down);
// Keeps the other tool's table in step; `before`: the newest version that is left after a down, NULL: none.
bool dba_history_tell_foreign(DbaServer *server, const DbaHistory *history, const DbaMigration *migration, bool down, const char *before,
                              GError **error) DBA_CHECKED;

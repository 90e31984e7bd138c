// SPDX-License-Identifier: Apache-2.0
// Shared by the driver (drive.c), what it runs (drive-statements.c) and who looks on (drive-watch.c).
#pragma once

#include "lab/driving.h"

enum {
  DBA_DRIVE_MOST_CLIENTS = 64,
  DBA_DRIVE_SAMPLE_ROWS = 256,
  DBA_DRIVE_MOST_LATENCIES = 200000,
  DBA_DRIVE_MOST_PARAMETERS = 99,
  DBA_DRIVE_WATCH_US = 10000,
  DBA_DRIVE_MOST_WAITS = 1000,
  DBA_DRIVE_SIZES_US = 200000
};

// ---- what is run ----------------------------------------------------------------------------------------------------

typedef enum DbaDriveSource {
  DBA_DRIVE_FROM_ROWS,
  DBA_DRIVE_FRESH_NUMBER,
  DBA_DRIVE_FRESH_TEXT,
  DBA_DRIVE_FRESH_UUID,
  DBA_DRIVE_CONSTANT
} DbaDriveSource;

typedef struct DbaDriveParameter {
  DbaDriveSource source;
  unsigned sample; // of DBA_DRIVE_FROM_ROWS and DBA_DRIVE_FRESH_TEXT: which, and its column
  int column;
  int64_t from; // of DBA_DRIVE_FRESH_NUMBER: the greatest there is
  const char *text;
  bool array;
} DbaDriveParameter;

// Rows of one table that parameters take their values from.
typedef struct DbaDriveSample {
  const char *table;  // quoted
  GPtrArray *columns; // quoted
  DbaResult *rows;
} DbaDriveSample;

typedef struct DbaDrivePrepared {
  const DbaDriveStatement *of;
  char name[16];
  unsigned n_parameters;
  DbaDriveParameter parameters[DBA_DRIVE_MOST_PARAMETERS];
  GArray *samples; // of DbaDriveSample
  double reach;    // sum of the weights up to it
} DbaDrivePrepared;

typedef struct DbaDriver {
  const DbaDrive *drive;
  DbaArena *arena;
  GArray *statements;  // of DbaDrivePrepared
  unsigned prepared;   // names given out
  GHashTable *columns; // table's name to NULL-terminated names
  gint64 begin_us;
  _Atomic gint64 end_us;
  _Atomic gint64 change_from_us, change_to_us; // 0: not yet
  gint counter;                                // for what must be new
  gint stop;
  GMutex mutex;
  GError *error; // the first that ended a thread
} DbaDriver;

// Prepares it, and finds out what its parameters are.  False only when the lab broke; one that cannot be prepared is told in result->refused.
bool dba_drive_prepare(DbaDriver *driver, DbaServer *server, const DbaDriveStatement *of, DbaDriveResult *result,
                       GError **error) DBA_CHECKED;

// ---- who looks on ---------------------------------------------------------------------------------------------------

typedef struct DbaDriveSizes {
  int64_t disk_bytes, wal_bytes;
  double lag_seconds; // -1: there is no replica
} DbaDriveSizes;

bool dba_drive_read_sizes(DbaServer *server, DbaDriveSizes *ret_sizes, GError **error) DBA_CHECKED;

typedef struct DbaDriveWatch {
  DbaDriver *driver;
  DbaServer *server;
  DbaArena *arena; // the watcher's own: arenas are for one thread
  DbaList waits;   // DbaWait
  GError *error;   // what ended it early
  int64_t peak_bytes;
  unsigned more; // waits beyond those that are kept
  double lag_seconds;
  GHashTable *open; // "pid since" to the number of the wait, from 1
  gint stop;
} DbaDriveWatch;

// A thread's: looks until watch->stop.
void *dba_drive_watch(void *data);

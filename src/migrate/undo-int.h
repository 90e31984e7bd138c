// SPDX-License-Identifier: Apache-2.0
// Undos that are found by running: rounds (undo.c), one difference as a statement (undo-statements.c), what pg_dump writes (undo-dump.c).
#pragma once

#include "migrate/migrate-int.h"

// Changes `database`, which the migration has run in, back to the state before it, which stands in `before_database` and was read into `before`.  *ret_undo: the
// statements, each ended by ";\n", or NULL: none was found; free with g_free.  `left`, or NULL: then *ret_undo is as far as it came, and the texts of what still
// differs are appended, in `arena`.  No session but the reader's may be in the way; `database` is used up.
bool dba_undo_find(const DbaLab *lab, DbaCatalogReader *reader, const char *before_database, const DbaCatalog *before, const char *database,
                   DbaArena *arena, DbaList *left, char **ret_undo, GError **error) DBA_CHECKED;
// One relation as pg_dump writes it, without rows; NULL: all.  `children`: with its partitions.
bool dba_lab_dump_relation(const DbaLab *lab, const char *database, const char *name, bool children, char **ret_sql,
                           GError **error) DBA_CHECKED;

// ---- among the three ------------------------------------------------------------------------------------------------

typedef struct DbaUndo {
  const DbaLab *lab;
  DbaCatalogReader *reader;
  const char *before; // database with the state before
  const char *after;  // where the undo is tried
  DbaServer *server;  // the subject's role in it
  DbaServer *state;   // the superuser in the state before
  DbaServer *now;     // the superuser where it is tried, to look
  GString *text;
  char *dump; // of the state before, once it was asked for
  DbaArena *arena;
} DbaUndo;

// The statements that undo one difference, to be tried in turn until one succeeds: appended to `ret_sql` (char *), as far as any is known.
bool dba_undo_statements(DbaUndo *undo, const DbaCatalogDifference *difference, GPtrArray *ret_sql, GError **error) DBA_CHECKED;
// What is gone, as pg_dump writes it; *ret_sql stays NULL where that is not known.
bool dba_undo_dumped(DbaUndo *undo, const DbaCatalogDifference *difference, char **ret_sql, GError **error) DBA_CHECKED;
// The same without indexes, where those of a partitioned table, which may not be there yet, take them over; else NULL.
char *dba_undo_without_indexes(const char *sql) DBA_CHECKED;

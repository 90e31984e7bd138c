// SPDX-License-Identifier: Apache-2.0
// Undos that are found by running.
#pragma once

#include "migrate/migrate-int.h"

// Changes `database`, which the migration has run in, back to the state before it, which stands in `before_database` and was read into `before`.  *ret_undo: the
// statements, each ended by ";\n", or NULL: none was found; free with g_free.  No session but the reader's may be in the way; `database` is used up.
bool dba_undo_find(const DbaLab *lab, DbaCatalogReader *reader, const char *before_database, const DbaCatalog *before, const char *database,
                   char **ret_undo, GError **error) DBA_CHECKED;
// One relation as pg_dump writes it, without rows; NULL: all.
bool dba_lab_dump_relation(const DbaLab *lab, const char *database, const char *name, char **ret_sql, GError **error) DBA_CHECKED;

// SPDX-License-Identifier: Apache-2.0
// Shared inside server/: the embedded queries and how rows become records.
#pragma once

#include "server/server.h"

int dba_result_columns(const DbaResult *result);
const char *dba_result_name(const DbaResult *result, int column);
void dba_server_no_notice(void *data, const char *message);

// The text of sql/NAME.sql for that server: lines that start with "--@ N " count from major version N on.
char *dba_server_sql(const DbaServer *server, const char *name) DBA_CHECKED;
// Runs a file of one statement a line, each in a call of its own: some poolers take no more at once.
bool dba_server_exec_lines(DbaServer *server, const char *name, GError **error) DBA_CHECKED;
DbaResult *dba_server_query_named(DbaServer *server, const char *name, GError **error) DBA_CHECKED;

// How the columns of a result map to the fields of a record; unknown columns are a bug and fail loudly.
typedef struct DbaRowMap DbaRowMap;
DbaRowMap *dba_row_map_new(const DbaResult *result, const DbaRecord *record, const char *const *other_columns, GError **error) DBA_CHECKED;
void dba_row_map_free(DbaRowMap *map);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DbaRowMap, dba_row_map_free)
void dba_row_map_read(const DbaRowMap *map, DbaArena *arena, const DbaResult *result, int row, void *item);

// Levels of the btree indexes, and the ends of their leading columns; inside the survey's transaction, as its last steps, since
// they change its settings.  `used_only`: by indexes that have been scanned before.
bool dba_server_read_ends(DbaServer *server, DbaSurvey *survey, bool used_only, GError **error) DBA_CHECKED;
bool dba_server_read_heights(DbaServer *server, DbaSurvey *survey, GError **error) DBA_CHECKED;

bool dba_server_read_gin(DbaServer *server, DbaSurvey *survey, GError **error) DBA_CHECKED;

// Reads a whole list with one query: every row one item.
bool dba_server_read_list(DbaServer *server, DbaArena *arena, const char *query, const DbaRecord *record, DbaList *list,
                          GError **error) DBA_CHECKED;

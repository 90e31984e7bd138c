// SPDX-License-Identifier: Apache-2.0
// A live PostgreSQL server: statements sent, catalogs read into a Schema, statistics into a Survey.
//
// This is the only folder that includes libpq.  On a target only the embedded SQL of sql/ runs, in one REPEATABLE READ
// READ ONLY transaction; `dba_server_exec` and its like are for servers of our own (the lab).
#pragma once

#include "survey/survey.h"

enum { DBA_SERVER_OLDEST_MAJOR = 14 };

typedef struct DbaServer DbaServer;
typedef struct pg_result DbaResult;

// Connects.  `conninfo`: a libpq string or URI; passwords may come from PGPASSWORD, ~/.pgpass or a service file, as with
// psql.  Messages never hold a password.  Fails with DBA_ERROR_CONNECT.
DbaServer *dba_server_open(const char *conninfo, DbaInterrupt *interrupt, GError **error) DBA_CHECKED;
void dba_server_close(DbaServer *server);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DbaServer, dba_server_close)

// Statements that are still running then are cancelled and fail with DBA_ERROR_DATABASE, SQLSTATE 57014; 0: no deadline.  A
// statement that resists is left behind after some seconds; the connection is then good for nothing but closing.
// From here on every statement begins with a comment that names us: what we ask of a subject is no part of its workload, and
// whoever looks at its logs sees whose it is.
#define DBA_SERVER_MARK "/* dbarch */ "
void dba_server_mark(DbaServer *server);
void dba_server_set_deadline(DbaServer *server, gint64 deadline_us);
#define DBA_SERVER_TIME_IS_UP "the time is up"
// Says that the server is a lab of ours whose data lies in `folder`: when it ends or its disk is full, that is DBA_ERROR_LAB.
void dba_server_set_lab(DbaServer *server, const char *folder);

int dba_server_major(const DbaServer *server);
const char *dba_server_host(const DbaServer *server);
// True when libpq would take `text` for a connection string or URI.
bool dba_server_is_conninfo(const char *text);

// One statement with text parameters ($1 ...), a NULL-terminated list or NULL.  An interrupt cancels it on the server and
// fails with DBA_ERROR_INTERRUPTED; a lost connection with DBA_ERROR_CONNECT; an SQL error with DBA_ERROR_DATABASE.
DbaResult *dba_server_query(DbaServer *server, const char *sql, const char *const *parameters, GError **error) DBA_CHECKED;
// The same in two steps: a statement that is prepared under a name, and run many times.
bool dba_server_prepare(DbaServer *server, const char *name, const char *sql, GError **error) DBA_CHECKED;
// `n` parameters, any of which may be NULL.
DbaResult *dba_server_run(DbaServer *server, const char *name, const char *const *parameters, int n, GError **error) DBA_CHECKED;
// Many statements at once, results thrown away.
bool dba_server_exec(DbaServer *server, const char *sql, GError **error) DBA_CHECKED;
// COPY ... FROM STDIN: begin, any number of pieces, end.
bool dba_server_copy_begin(DbaServer *server, const char *sql, GError **error) DBA_CHECKED;
bool dba_server_copy_data(DbaServer *server, const char *data, size_t length, GError **error) DBA_CHECKED;
bool dba_server_copy_end(DbaServer *server, GError **error) DBA_CHECKED;

void dba_result_free(DbaResult *result);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DbaResult, dba_result_free)
int dba_result_rows(const DbaResult *result);
const char *dba_result_text(const DbaResult *result, int row, int column); // NULL for an SQL NULL
int64_t dba_result_int(const DbaResult *result, int row, int column);
double dba_result_real(const DbaResult *result, int row, int column);

// SQLSTATE of the last failed statement ("42P01"), its 1-based position in characters (0: none), its detail and hint.
// The constraint that the last failing statement violated, "" when it was another failure.
const char *dba_server_constraint(const DbaServer *server);
// The environment in which libpq's own programs reach the same database: the PG* variables of the connection, password too; PATH as given.
// Free with g_strfreev.
char **dba_server_environment(const DbaServer *server, const char *path) DBA_CHECKED;
int dba_server_pid(const DbaServer *server); // of the server's process
const char *dba_server_sqlstate(const DbaServer *server);
int dba_server_error_position(const DbaServer *server);
// The row of COPY data that the last failed statement stumbled over, from 1; 0: none.
unsigned dba_server_copy_line(const DbaServer *server);
// Puts a state back that a statement in between (a ROLLBACK TO) has cleared.
void dba_server_set_sqlstate(DbaServer *server, const char *state);
bool dba_server_in_transaction(const DbaServer *server);

// Reads the catalog.  Set-wise: a fixed number of queries, whatever the number of objects.  Inside the caller's
// transaction when one is open, else in one of its own.
bool dba_server_read_schema(DbaServer *server, DbaSchema *schema, GError **error) DBA_CHECKED;

// Reads everything: schema, statistics, settings, workload, with what could not be read as gaps.  One transaction; tried
// again, up to six times, when an object is dropped while it is read.  `subject` is kept without its password.
// `values`: common values and histograms too, and the ends of indexed columns, which a twin needs.  Looking up an end counts as a
// scan of its index: on a target only indexes that are in use are asked, so that an unused one goes on looking unused.
// DBA_SURVEY_COLUMN_VALUES: what pg_stats shows of values, and heights of indexes, which EXPLAIN tells: for rows made from them, and for a
// twin that knows no ends; nothing is looked up, and no counter moves.
typedef enum DbaSurveyValues {
  DBA_SURVEY_NUMBERS,
  DBA_SURVEY_COLUMN_VALUES,
  DBA_SURVEY_VALUES,
  DBA_SURVEY_VALUES_OF_A_LAB
} DbaSurveyValues;
DbaSurvey *dba_server_survey(DbaServer *server, const char *subject, DbaSurveyValues values, GError **error) DBA_CHECKED;

// Opens the read-only snapshot in which a subject is read.
bool dba_server_begin_reading(DbaServer *server, GError **error) DBA_CHECKED;
// A DbaValueSorter; `data` is the DbaServer.
bool dba_server_sort_values(void *data, const char *type, const char *collation, const DbaList *values, uint32_t *ret_ranks,
                            GError **error) DBA_CHECKED;

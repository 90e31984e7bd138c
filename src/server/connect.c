// SPDX-License-Identifier: Apache-2.0
// The connection: libpq behind one door, interruptible, its messages free of passwords.
#include "server/server-int.h"

#include <libpq-fe.h>
#include <poll.h>
#include <string.h>
#include <sys/statvfs.h>

struct DbaServer {
  PGconn *connection;
  DbaInterrupt *interrupt;
  bool marks;          // what is sent begins with DBA_SERVER_MARK
  char constraint[64]; // that the last statement violated, or empty
  char sqlstate[6];
  int error_position;
  unsigned copy_line;
  gint64 deadline_us;
  char *lab_folder; // of a server of our own; else NULL
};

bool dba_server_is_conninfo(const char *text) {
  if (g_str_has_prefix(text, "postgresql://") || g_str_has_prefix(text, "postgres://"))
    return true;
  if (!strchr(text, '='))
    return false;
  PQconninfoOption *options = PQconninfoParse(text, NULL);
  bool is = options != NULL;
  PQconninfoFree(options);
  return is;
}

// The message of libpq without its newline and without any password that the connection string holds.
static char *clean_message(const char *message, const char *conninfo) {
  g_autofree char *clean = g_strchomp(g_strdup(message ? message : ""));
  PQconninfoOption *options = conninfo ? PQconninfoParse(conninfo, NULL) : NULL;
  for (PQconninfoOption *o = options; o && o->keyword; o++)
    if (o->val && *o->val && strstr(o->keyword, "password")) {
      g_auto(GStrv) parts = g_strsplit(clean, o->val, -1);
      g_free(clean);
      clean = g_strjoinv("***", parts);
    }
  PQconninfoFree(options);
  return dba_text_hide_password(clean);
}

// A password with a bare @ or / makes libpq take a part of it for a host or a port, and name that part in its message.
static bool is_ambiguous_uri(const char *text) {
  const char *begin = g_str_has_prefix(text, "postgresql://") || g_str_has_prefix(text, "postgres://") ? strstr(text, "://") + 3 : NULL;
  if (!begin)
    return false;
  g_autofree char *rest = g_strndup(begin, strcspn(begin, "?")), *authority = g_strndup(rest, strcspn(rest, "/"));
  const char *at = strchr(authority, '@'), *port = *authority == '[' ? NULL : strchr(authority, ':');
  if (at)
    return strchr(at + 1, '@') != NULL;
  // "user:pa/ss@host": what stands before the slash is no host with a port, and an @ comes later.
  return port && strchr(rest, '@') && strspn(port + 1, "0123456789,:") != strlen(port + 1);
}

static bool wait_for(DbaServer *server, short events, GError **error) {
  for (;;) {
    struct pollfd pollfd = {PQsocket(server->connection), events, 0};
    int ready = poll(&pollfd, 1, 100);
    if (server->interrupt && *server->interrupt)
      return dba_fail(error, DBA_ERROR_INTERRUPTED, "interrupted");
    if (server->deadline_us && g_get_monotonic_time() > server->deadline_us) {
      g_strlcpy(server->sqlstate, "57014", sizeof server->sqlstate);
      return dba_fail(error, DBA_ERROR_DATABASE, DBA_SERVER_TIME_IS_UP);
    }
    if (ready > 0)
      return true;
  }
}

DbaServer *dba_server_open(const char *conninfo, DbaInterrupt *interrupt, GError **error) {
  enum { TIMEOUT_SECONDS = 15 };
  g_autoptr(DbaServer) server = g_new0(DbaServer, 1);
  server->interrupt = interrupt;
  char *problem = NULL;
  PQconninfoOption *options = PQconninfoParse(conninfo, &problem);
  if (options && is_ambiguous_uri(conninfo)) {
    PQconninfoFree(options);
    dba_fail(error, DBA_ERROR_USAGE,
             "the connection URI is malformed: write @ as %%40, / as %%2F and : as %%3A inside user name and password");
    return NULL;
  }
  if (!options) {
    PQfreemem(problem); // it may quote what stands where a password was mistyped
    dba_fail(error, DBA_ERROR_USAGE, "the connection string is malformed (see the libpq documentation, \"Connection Strings\")");
    return NULL;
  }
  PQconninfoFree(options);
  const char *keywords[] = {"dbname", "fallback_application_name", "client_encoding", NULL};
  const char *values[] = {conninfo, "dbarch", "UTF8", NULL};
  server->connection = PQconnectStartParams(keywords, values, 1);
  if (server->connection)
    PQsetNoticeProcessor(server->connection, dba_server_no_notice, NULL); // before the server can say anything
  gint64 limit = g_get_monotonic_time() + TIMEOUT_SECONDS * G_USEC_PER_SEC;
  PostgresPollingStatusType state =
      server->connection && PQstatus(server->connection) != CONNECTION_BAD ? PGRES_POLLING_WRITING : PGRES_POLLING_FAILED;
  while (state == PGRES_POLLING_READING || state == PGRES_POLLING_WRITING) {
    struct pollfd pollfd = {PQsocket(server->connection), state == PGRES_POLLING_READING ? POLLIN : POLLOUT, 0};
    int ready = poll(&pollfd, 1, 100);
    if (interrupt && *interrupt) {
      dba_fail(error, DBA_ERROR_INTERRUPTED, "interrupted");
      return NULL;
    }
    if (ready > 0)
      state = PQconnectPoll(server->connection);
    else if (g_get_monotonic_time() > limit) {
      g_autofree char *where = dba_text_hide_password(conninfo);
      dba_fail(error, DBA_ERROR_CONNECT, "no answer within %d s from %s", TIMEOUT_SECONDS, where);
      return NULL;
    }
  }
  if (state != PGRES_POLLING_OK) {
    g_autofree char *message = clean_message(server->connection ? PQerrorMessage(server->connection) : "out of memory", conninfo);
    dba_fail(error, DBA_ERROR_CONNECT, "%s", *message ? message : "cannot connect");
    return NULL;
  }
  PQsetNoticeProcessor(server->connection, dba_server_no_notice, NULL);
  if (dba_server_major(server) < DBA_SERVER_OLDEST_MAJOR) {
    dba_fail(error, DBA_ERROR_CONNECT, "the server is PostgreSQL %d; %d is the oldest that can be read", dba_server_major(server),
             DBA_SERVER_OLDEST_MAJOR);
    return NULL;
  }
  return g_steal_pointer(&server);
}

void dba_server_no_notice(void *data, const char *message) { (void)data, (void)message; }

void dba_server_close(DbaServer *server) {
  if (!server)
    return;
  if (server->connection)
    PQfinish(server->connection);
  g_free(server->lab_folder);
  g_free(server);
}

int dba_server_major(const DbaServer *server) { return PQserverVersion(server->connection) / 10000; }
const char *dba_server_host(const DbaServer *server) { return PQhost(server->connection); }
char **dba_server_environment(const DbaServer *server, const char *path) {
  g_autoptr(GStrvBuilder) all = g_strv_builder_new();
  PQconninfoOption *options = PQconninfo(server->connection);
  for (const PQconninfoOption *option = options; option && option->keyword; option++) {
    g_autofree char *line = option->envvar && option->val && *option->val && strcmp(option->keyword, "application_name")
                                ? g_strdup_printf("%s=%s", option->envvar, option->val)
                                : NULL;
    if (line)
      g_strv_builder_add(all, line);
  }
  PQconninfoFree(options);
  g_autofree char *path_line = g_strconcat("PATH=", path ? path : "/usr/bin:/bin", NULL);
  g_strv_builder_add(all, path_line);
  g_strv_builder_add(all, "LANG=C.UTF-8");
  return g_strv_builder_end(all);
}

int dba_server_pid(const DbaServer *server) { return PQbackendPID(server->connection); }

const char *dba_server_sqlstate(const DbaServer *server) { return server->sqlstate; }
const char *dba_server_constraint(const DbaServer *server) { return server->constraint; }
void dba_server_set_sqlstate(DbaServer *server, const char *state) { g_strlcpy(server->sqlstate, state, sizeof server->sqlstate); }
unsigned dba_server_copy_line(const DbaServer *server) { return server->copy_line; }
int dba_server_error_position(const DbaServer *server) { return server->error_position; }

bool dba_server_in_transaction(const DbaServer *server) { return PQtransactionStatus(server->connection) != PQTRANS_IDLE; }

void dba_server_set_deadline(DbaServer *server, gint64 deadline_us) { server->deadline_us = deadline_us; }

static bool low_disk(const char *folder) {
  enum { LOW_BYTES = 32 << 20 }; // two WAL segments: the server ends when it cannot write one
  struct statvfs fs;
  return statvfs(folder, &fs) == 0 && (uint64_t)fs.f_bavail * fs.f_frsize < LOW_BYTES;
}

void dba_server_set_lab(DbaServer *server, const char *folder) { server->lab_folder = g_strdup(folder); }

static bool fail_result(DbaServer *server, const PGresult *result, GError **error) {
  const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
  g_strlcpy(server->sqlstate, state ? state : "", sizeof server->sqlstate);
  const char *constraint = result ? PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME) : NULL;
  g_strlcpy(server->constraint, constraint ? constraint : "", sizeof server->constraint);
  const char *context = result ? PQresultErrorField(result, PG_DIAG_CONTEXT) : NULL, *line = context ? strstr(context, ", line ") : NULL;
  server->copy_line = line && g_str_has_prefix(context, "COPY ") ? (unsigned)g_ascii_strtoull(line + strlen(", line "), NULL, 10) : 0;
  const char *position = result ? PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION) : NULL;
  server->error_position = position ? (int)g_ascii_strtoll(position, NULL, 10) : 0;
  bool lost = PQstatus(server->connection) == CONNECTION_BAD;
  const char *primary = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
  const char *detail = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL) : NULL;
  const char *hint = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_HINT) : NULL;
  if (lost) {
    g_autofree char *message = clean_message(primary ? primary : PQerrorMessage(server->connection), NULL);
    if (server->lab_folder)
      return dba_fail(error, DBA_ERROR_LAB, "the lab's server ended: %s%s", message,
                      low_disk(server->lab_folder) ? "; its disk is full" : "");
    return dba_fail(error, DBA_ERROR_CONNECT, "the server closed the connection: %s", message);
  }
  if (server->lab_folder && g_str_has_prefix(server->sqlstate, "57P"))
    return dba_fail(error, DBA_ERROR_LAB, "the lab's server ended: %s", primary ? primary : "");
  if (server->lab_folder && !strcmp(server->sqlstate, "53100"))
    return dba_fail(error, DBA_ERROR_LAB, "the lab's disk is full: %s (hint: free some in %s, or set DBARCH_CACHE to another disk)",
                    primary ? primary : "", server->lab_folder);
  if (server->lab_folder && !strcmp(server->sqlstate, "53200"))
    return dba_fail(error, DBA_ERROR_LAB, "the lab's server is out of memory: %s", primary ? primary : "");
  return dba_fail(error, DBA_ERROR_DATABASE, "%s%s%s%s%s%s", primary ? primary : "the statement failed", detail ? "; " : "",
                  detail ? detail : "", hint ? " (hint: " : "", hint ? hint : "", hint ? ")" : "");
}

static void cancel(DbaServer *server) {
  char problem[256];
  PGcancel *request = PQgetCancel(server->connection);
  if (request) {
    (void)PQcancel(request, problem, sizeof problem);
    PQfreeCancel(request);
  }
}

// The last result of what was sent, or the first that failed.
static PGresult *collect(DbaServer *server, GError **error) {
  *server->sqlstate = '\0';
  enum { PATIENCE_US = 5 * G_USEC_PER_SEC }; // for the server to end what was interrupted
  PGresult *kept = NULL;
  gint64 give_up = 0;
  bool ok = true;
  for (;;) {
    while (PQisBusy(server->connection)) {
      g_autoptr(GError) ended = NULL; // by the user or the clock
      if (ok && !wait_for(server, POLLIN, &ended)) {
        cancel(server);
        g_propagate_error(error, g_steal_pointer(&ended));
        give_up = g_get_monotonic_time() + PATIENCE_US;
        ok = false; // go on reading until the server has ended the statement
      } else if (!ok) {
        struct pollfd pollfd = {PQsocket(server->connection), POLLIN, 0};
        (void)poll(&pollfd, 1, 100);
      }
      if (give_up && g_get_monotonic_time() > give_up) {
        PQclear(kept);
        return NULL;
      }
      if (!PQconsumeInput(server->connection))
        break;
    }
    PGresult *result = PQgetResult(server->connection);
    if (!result)
      break;
    ExecStatusType status = PQresultStatus(result);
    if (ok && status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY && status != PGRES_COPY_IN) {
      ok = false;
      fail_result(server, result, error);
    }
    if (status == PGRES_COPY_OUT) { // not asked for: drain it
      char *line;
      while (PQgetCopyData(server->connection, &line, 0) > 0)
        PQfreemem(line);
    }
    PQclear(kept);
    kept = result;
    if (status == PGRES_COPY_IN)
      break;
  }
  if (ok && !kept)
    ok = fail_result(server, NULL, error);
  if (!ok) {
    PQclear(kept);
    return NULL;
  }
  return kept;
}

void dba_server_mark(DbaServer *server) { server->marks = true; }

// As it is sent; free with g_free.
static char *sent(const DbaServer *server, const char *sql) { return g_strconcat(server->marks ? DBA_SERVER_MARK : "", sql, NULL); }

DbaResult *dba_server_query(DbaServer *server, const char *sql, const char *const *parameters, GError **error) {
  int n = parameters ? (int)g_strv_length((char **)(uintptr_t)parameters) : 0;
  g_autofree char *text = sent(server, sql);
  if (!PQsendQueryParams(server->connection, text, n, NULL, parameters, NULL, NULL, 0)) {
    fail_result(server, NULL, error);
    return NULL;
  }
  return collect(server, error);
}

bool dba_server_prepare(DbaServer *server, const char *name, const char *sql, GError **error) {
  g_autofree char *text = sent(server, sql);
  if (!PQsendPrepare(server->connection, name, text, 0, NULL))
    return fail_result(server, NULL, error);
  DbaResult *result = collect(server, error);
  dba_result_free(result);
  return result != NULL;
}

DbaResult *dba_server_run(DbaServer *server, const char *name, const char *const *parameters, int n, GError **error) {
  if (!PQsendQueryPrepared(server->connection, name, n, parameters, NULL, NULL, 0)) {
    fail_result(server, NULL, error);
    return NULL;
  }
  return collect(server, error);
}

bool dba_server_exec(DbaServer *server, const char *sql, GError **error) {
  g_autofree char *text = sent(server, sql);
  if (!PQsendQuery(server->connection, text))
    return fail_result(server, NULL, error);
  PGresult *result = collect(server, error);
  bool ok = result != NULL;
  if (ok && PQresultStatus(result) == PGRES_COPY_IN) {
    ok = dba_fail(error, DBA_ERROR_DATABASE, "COPY FROM STDIN without data");
    (void)PQputCopyEnd(server->connection, "no data");
    g_autoptr(GError) ignored = NULL;
    PQclear(collect(server, &ignored));
  }
  PQclear(result);
  return ok;
}

bool dba_server_copy_begin(DbaServer *server, const char *sql, GError **error) {
  g_autofree char *text = sent(server, sql);
  if (!PQsendQuery(server->connection, text))
    return fail_result(server, NULL, error);
  g_autoptr(DbaResult) result = collect(server, error);
  if (!result)
    return false;
  if (PQresultStatus(result) != PGRES_COPY_IN)
    return dba_fail(error, DBA_ERROR_DATABASE, "the statement does not take COPY data");
  PQsetnonblocking(server->connection, 1); // so that Ctrl-C is seen while the server does not read
  return true;
}

// Sends what libpq has gathered, reading what comes the other way so that neither side waits for the other.
static bool flush(DbaServer *server, GError **error) {
  for (int left; (left = PQflush(server->connection)) != 0;) {
    if (left < 0)
      return fail_result(server, NULL, error);
    if (!wait_for(server, POLLIN | POLLOUT, error)) {
      cancel(server);
      return false;
    }
    if (!PQconsumeInput(server->connection))
      return fail_result(server, NULL, error);
  }
  return true;
}

bool dba_server_copy_data(DbaServer *server, const char *data, size_t length, GError **error) {
  for (;;) {
    if (server->interrupt && *server->interrupt)
      return dba_fail(error, DBA_ERROR_INTERRUPTED, "interrupted");
    int taken = PQputCopyData(server->connection, data, (int)length);
    if (taken < 0)
      return fail_result(server, NULL, error);
    if (!flush(server, error))
      return false;
    if (taken > 0)
      return true;
  }
}

bool dba_server_copy_end(DbaServer *server, GError **error) {
  int taken;
  while ((taken = PQputCopyEnd(server->connection, NULL)) == 0)
    if (!flush(server, error))
      return false;
  if (taken < 0)
    return fail_result(server, NULL, error);
  if (!flush(server, error))
    return false;
  PQsetnonblocking(server->connection, 0);
  g_autoptr(DbaResult) result = collect(server, error);
  return result != NULL;
}

void dba_result_free(DbaResult *result) { PQclear(result); }
int dba_result_rows(const DbaResult *result) { return PQntuples(result); }
int dba_result_columns(const DbaResult *result) { return PQnfields(result); }
const char *dba_result_name(const DbaResult *result, int column) { return PQfname(result, column); }
const char *dba_result_text(const DbaResult *result, int row, int column) {
  return PQgetisnull(result, row, column) ? NULL : PQgetvalue(result, row, column);
}
int64_t dba_result_int(const DbaResult *result, int row, int column) { return g_ascii_strtoll(PQgetvalue(result, row, column), NULL, 10); }
double dba_result_real(const DbaResult *result, int row, int column) { return g_ascii_strtod(PQgetvalue(result, row, column), NULL); }

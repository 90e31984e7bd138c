// SPDX-License-Identifier: Apache-2.0
// The driver: clients on threads of their own, each with a session of the role without power.
//
// Each client has its own random numbers and its own record of latencies; they are put together at the end.  The clock of a statement is
// the client's, with the socket's way in it.
#include "lab/drive-int.h"

#include "lab/stand-in-int.h"
#include "sql/sql.h"

#include "lab-sql.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define T DbaDriven
#define F(member, kind) DBA_FIELD(T, member, kind, 0)
static const DbaField driven_fields[] = {F(sql, TEXT),
                                         F(runs, INT),
                                         F(errors, INT),
                                         F(p50_ms, REAL),
                                         F(p95_ms, REAL),
                                         F(p99_ms, REAL),
                                         F(worst_ms, REAL),
                                         F(during_ms, REAL),
                                         F(during_runs, INT),
                                         F(during_errors, INT),
                                         F(prepared_again, INT),
                                         F(before_errors, INT),
                                         F(during_p95_ms, REAL),
                                         F(during_p99_ms, REAL),
                                         F(before_p50_ms, REAL),
                                         F(before_p99_ms, REAL),
                                         F(before_worst_ms, REAL),
                                         F(error, TEXT),
                                         {0}};
#undef T
#define T DbaDriveChange
static const DbaField change_fields[] = {F(sql, TEXT), F(begin_ms, REAL), F(ms, REAL), F(error, TEXT), {0}};
#undef T
#define T DbaWait
static const DbaField wait_fields[] = {F(waiter, TEXT),   F(holder, TEXT),   F(mode, TEXT), F(held, TEXT),
                                       F(relation, TEXT), F(begin_ms, REAL), F(ms, REAL),   {0}};
#undef F
#undef T
const DbaRecord dba_driven_record = {"statement", sizeof(DbaDriven), driven_fields};
const DbaRecord dba_drive_change_record = {"change", sizeof(DbaDriveChange), change_fields};
const DbaRecord dba_wait_record = {"wait", sizeof(DbaWait), wait_fields};

// ---- a client -------------------------------------------------------------------------------------------------------

typedef struct Tally {
  GArray *latencies;       // double, ms; of the first so many runs, then of random ones of all
  GArray *before, *during; // the same of those before and beside the change; the first so many
  int64_t runs, errors, before_errors, during_errors, prepared_again, before_runs;
  double before_worst_ms;
  double worst_ms, during_ms;
  char *error;
} Tally;

typedef struct Client {
  DbaDriver *driver;
  DbaServer *server;
  Tally *tallies; // one for each statement
  uint64_t seed;
  GThread *thread;
} Client;

static const char *value_of(Client *client, const DbaDrivePrepared *statement, const DbaDriveParameter *parameter, const unsigned *rows,
                            GPtrArray *texts) {
  const DbaDriveSample *sample = parameter->source == DBA_DRIVE_FROM_ROWS || parameter->source == DBA_DRIVE_FRESH_TEXT
                                     ? &g_array_index(statement->samples, DbaDriveSample, parameter->sample)
                                     : NULL;
  const char *sampled =
      sample && dba_result_rows(sample->rows) ? dba_result_text(sample->rows, (int)rows[parameter->sample], parameter->column) : NULL;
  char *made = NULL;
  switch (parameter->source) {
  case DBA_DRIVE_CONSTANT: return parameter->text;
  case DBA_DRIVE_FROM_ROWS:
    if (!parameter->array)
      return sampled;
    made = sampled ? dba_sql_write_array(&(DbaList){.items = &sampled, .n = 1}, 0) : g_strdup("{}");
    break;
  case DBA_DRIVE_FRESH_NUMBER:
    made = g_strdup_printf("%" G_GINT64_FORMAT, parameter->from + 1 + g_atomic_int_add(&client->driver->counter, 1));
    break;
  case DBA_DRIVE_FRESH_TEXT: made = g_strdup_printf("%s-%d", sampled ? sampled : "x", g_atomic_int_add(&client->driver->counter, 1)); break;
  case DBA_DRIVE_FRESH_UUID: made = g_uuid_string_random(); break;
  }
  g_ptr_array_add(texts, made);
  return made;
}

static uint64_t next_random(Client *client) { return client->seed = dba_mix(client->seed + 1); }

static const DbaDrivePrepared *pick(Client *client, guint *ret_number) {
  const GArray *statements = client->driver->statements;
  double at = (double)(next_random(client) >> 11) * 0x1p-53 * g_array_index(statements, DbaDrivePrepared, statements->len - 1).reach;
  guint i = 0;
  while (i + 1 < statements->len && g_array_index(statements, DbaDrivePrepared, i).reach <= at)
    i++;
  *ret_number = i;
  return &g_array_index(statements, DbaDrivePrepared, i);
}

static void count(Client *client, Tally *tally, gint64 from_us, gint64 to_us, const GError *problem) {
  double ms = (double)(to_us - from_us) / 1e3;
  const DbaDriver *driver = client->driver;
  tally->runs++;
  tally->worst_ms = fmax(tally->worst_ms, ms);
  gint64 change_from = driver->change_from_us, change_to = driver->change_to_us;
  bool before = !change_from || to_us < change_from, during = !before && (!change_to || from_us <= change_to);
  GArray *part = before ? tally->before : during ? tally->during : NULL;
  tally->before_runs += before;
  if (before)
    tally->before_worst_ms = fmax(tally->before_worst_ms, ms);
  if (during)
    tally->during_ms = fmax(tally->during_ms, ms);
  if (part && part->len < DBA_DRIVE_MOST_LATENCIES)
    g_array_append_val(part, ms);
  if (problem) {
    tally->errors++;
    if (!tally->error || (!before && !tally->during_errors)) {
      g_free(tally->error);
      tally->error = g_strdup(problem->message);
    }
    *(before ? &tally->before_errors : &tally->during_errors) += 1;
    return;
  }
  if (tally->latencies->len < DBA_DRIVE_MOST_LATENCIES)
    g_array_append_val(tally->latencies, ms);
  else if (next_random(client) % (uint64_t)tally->runs < DBA_DRIVE_MOST_LATENCIES)
    g_array_index(tally->latencies, double, next_random(client) % DBA_DRIVE_MOST_LATENCIES) = ms;
}

static void keep_error(DbaDriver *driver, GError **problem) {
  g_mutex_lock(&driver->mutex);
  if (!driver->error)
    driver->error = g_steal_pointer(problem);
  g_mutex_unlock(&driver->mutex);
  g_atomic_int_set(&driver->stop, 1);
}

// A change of columns makes a prepared statement fail once ("cached plan must not change result type"): drivers prepare it anew and run it again.
static bool prepare_again(Client *client, const DbaDrivePrepared *statement, GError **problem) {
  g_autofree char *forget = g_strdup_printf("deallocate %s", statement->name);
  if (strcmp(dba_server_sqlstate(client->server), "0A000"))
    return false;
  g_clear_error(problem);
  return dba_server_exec(client->server, forget, problem) &&
         dba_server_prepare(client->server, statement->name, statement->of->sql, problem);
}

static void *run_client(void *data) {
  Client *client = data;
  DbaDriver *driver = client->driver;
  const char *parameters[DBA_DRIVE_MOST_PARAMETERS + 1];
  g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
  double pause_us = driver->drive->rate > 0 ? driver->drive->clients / driver->drive->rate * 1e6 : 0;
  gint64 due_us = driver->begin_us + (gint64)(pause_us * (double)(client->seed % 1000) / 1e3);
  while (g_get_monotonic_time() < driver->end_us && !g_atomic_int_get(&driver->stop)) {
    guint number;
    gint64 now = g_get_monotonic_time();
    for (; pause_us > 0 && now < due_us && now < driver->end_us && !g_atomic_int_get(&driver->stop); now = g_get_monotonic_time())
      g_usleep((gulong)MIN(due_us - now, DBA_DRIVE_WATCH_US));
    if (now >= driver->end_us)
      break;
    due_us = MAX(due_us + (gint64)pause_us, g_get_monotonic_time() - (gint64)pause_us); // what was missed is not made up for
    const DbaDrivePrepared *statement = pick(client, &number);
    unsigned rows[DBA_DRIVE_MOST_PARAMETERS];
    g_autoptr(GError) problem = NULL;
    for (guint i = 0; i < statement->samples->len && i < DBA_DRIVE_MOST_PARAMETERS; i++)
      rows[i] =
          (unsigned)(next_random(client) % (uint64_t)MAX(1, dba_result_rows(g_array_index(statement->samples, DbaDriveSample, i).rows)));
    g_ptr_array_set_size(texts, 0);
    for (unsigned i = 0; i < statement->n_parameters; i++)
      parameters[i] = value_of(client, statement, &statement->parameters[i], rows, texts);
    gint64 from = g_get_monotonic_time();
    g_autoptr(DbaResult) result = dba_server_run(client->server, statement->name, parameters, (int)statement->n_parameters, &problem);
    if (!result && prepare_again(client, statement, &problem)) {
      client->tallies[number].prepared_again++;
      result = dba_server_run(client->server, statement->name, parameters, (int)statement->n_parameters, &problem);
    }
    gint64 to = g_get_monotonic_time();
    if (!result && !g_error_matches(problem, DBA_ERROR, DBA_ERROR_DATABASE)) {
      keep_error(driver, &problem);
      break;
    }
    count(client, &client->tallies[number], from, to, problem);
  }
  return NULL;
}

static bool open_client(DbaDriver *driver, Client *client, GError **error) {
  client->server = dba_lab_connect_as_person(driver->drive->lab, driver->drive->role, driver->drive->database, error);
  g_autofree char *timeout = g_strdup_printf("set statement_timeout = %.0f", driver->drive->timeout_ms);
  if (!client->server || !dba_server_exec(client->server, timeout, error))
    return false;
  for (guint i = 0; i < driver->statements->len; i++) {
    const DbaDrivePrepared *statement = &g_array_index(driver->statements, DbaDrivePrepared, i);
    if (!dba_server_prepare(client->server, statement->name, statement->of->sql, error))
      return false;
  }
  client->tallies = g_new0(Tally, driver->statements->len);
  for (guint i = 0; i < driver->statements->len; i++) {
    client->tallies[i].latencies = g_array_new(FALSE, FALSE, sizeof(double));
    client->tallies[i].before = g_array_new(FALSE, FALSE, sizeof(double));
    client->tallies[i].during = g_array_new(FALSE, FALSE, sizeof(double));
  }
  return true;
}

// ---- changes, work --------------------------------------------------------------------------------------------------

// The changes in turn, on this thread, once a third of the time is over; what is left of it belongs to the clients.
static bool run_changes(DbaDriver *driver, DbaServer *server, DbaDriveResult *result, GError **error) {
  const DbaDrive *drive = driver->drive;
  gint64 start = driver->begin_us + (gint64)(drive->seconds / 3 * G_USEC_PER_SEC);
  while (g_get_monotonic_time() < start && !g_atomic_int_get(&driver->stop) && !(drive->interrupt && *drive->interrupt))
    g_usleep(DBA_DRIVE_WATCH_US);
  driver->change_from_us = g_get_monotonic_time();
  for (guint i = 0; i < drive->changes->len && !g_atomic_int_get(&driver->stop) && !(drive->interrupt && *drive->interrupt); i++) {
    g_autoptr(GError) problem = NULL;
    const char *sql = drive->changes->pdata[i];
    if (drive->progress)
      drive->progress(drive->progress_data, sql);
    gint64 from = g_get_monotonic_time();
    bool ok = dba_server_exec(server, sql, &problem);
    DbaDriveChange *change = dba_list_add(result->arena, &result->changes, sizeof *change);
    *change = (DbaDriveChange){.sql = dba_arena_text(result->arena, sql),
                               .begin_ms = (double)(from - driver->begin_us) / 1e3,
                               .ms = (double)(g_get_monotonic_time() - from) / 1e3,
                               .error = ok ? NULL : dba_arena_text(result->arena, problem->message)};
    if (!ok && !g_error_matches(problem, DBA_ERROR, DBA_ERROR_DATABASE)) {
      g_propagate_error(error, g_steal_pointer(&problem));
      return false;
    }
    if (!ok)
      break;
  }
  driver->change_to_us = g_get_monotonic_time();
  return true;
}

// The caller's work, when its time has come.
static bool run_work(DbaDriver *driver, DbaServer *looking, DbaDriveResult *result, GError **error) {
  const DbaDrive *drive = driver->drive;
  gint64 start = driver->begin_us + (gint64)(drive->seconds * G_USEC_PER_SEC);
  DbaDriveSizes first, before, after;
  bool ok = dba_drive_read_sizes(looking, &first, error);
  while (ok && g_get_monotonic_time() < start && !g_atomic_int_get(&driver->stop)) {
    if (drive->interrupt && *drive->interrupt)
      return dba_fail(error, DBA_ERROR_INTERRUPTED, "interrupted");
    g_usleep(DBA_DRIVE_WATCH_US);
  }
  if (!ok || !dba_drive_read_sizes(looking, &before, error))
    return false;
  driver->change_from_us = g_get_monotonic_time();
  ok = g_atomic_int_get(&driver->stop) || drive->work(drive->work_data, error);
  driver->change_to_us = g_get_monotonic_time();
  driver->end_us = driver->change_to_us + (gint64)(drive->tail_seconds * G_USEC_PER_SEC);
  if (!ok || !dba_drive_read_sizes(looking, &after, error))
    return false;
  result->work_begin_ms = (double)(driver->change_from_us - driver->begin_us) / 1e3;
  result->work_ms = (double)(driver->change_to_us - driver->change_from_us) / 1e3;
  result->wal_bytes = after.wal_bytes - before.wal_bytes;
  result->wal_before_bytes = before.wal_bytes - first.wal_bytes;
  result->disk_before_bytes = before.disk_bytes;
  result->disk_peak_bytes = MAX(before.disk_bytes, after.disk_bytes);
  result->disk_after_bytes = after.disk_bytes;
  result->lag_seconds = after.lag_seconds;
  return true;
}

// ---- the whole ------------------------------------------------------------------------------------------------------

static int compare_real(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

static double percentile(const GArray *sorted, double share) {
  return sorted->len ? g_array_index(sorted, double, (guint)fmin(floor(share * sorted->len), sorted->len - 1)) : 0;
}

static void sum_up(const DbaDriver *driver, const Client *clients, unsigned n, DbaDriveResult *result) {
  for (guint i = 0; i < driver->statements->len; i++) {
    g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(double)), before = g_array_new(FALSE, FALSE, sizeof(double)),
                      during = g_array_new(FALSE, FALSE, sizeof(double));
    DbaDriven *driven = dba_list_add(result->arena, &result->driven, sizeof *driven);
    driven->sql = dba_arena_text(result->arena, g_array_index(driver->statements, DbaDrivePrepared, i).of->sql);
    for (unsigned k = 0; k < n; k++) {
      const Tally *tally = &clients[k].tallies[i];
      g_array_append_vals(all, tally->latencies->data, tally->latencies->len);
      driven->runs += tally->runs;
      driven->errors += tally->errors;
      driven->worst_ms = fmax(driven->worst_ms, tally->worst_ms);
      driven->during_ms = fmax(driven->during_ms, tally->during_ms);
      driven->before_worst_ms = fmax(driven->before_worst_ms, tally->before_worst_ms);
      driven->before_errors += tally->before_errors;
      driven->before_runs += tally->before_runs;
      driven->since_runs += tally->runs - tally->before_runs;
      driven->prepared_again += tally->prepared_again;
      driven->during_errors += tally->during_errors;
      g_array_append_vals(before, tally->before->data, tally->before->len);
      g_array_append_vals(during, tally->during->data, tally->during->len);
      if (!driven->error)
        driven->error = dba_arena_text(result->arena, tally->error);
    }
    g_array_sort(all, compare_real);
    driven->p50_ms = percentile(all, 0.50);
    driven->p95_ms = percentile(all, 0.95);
    driven->p99_ms = percentile(all, 0.99);
    g_array_sort(before, compare_real);
    g_array_sort(during, compare_real);
    driven->before_p50_ms = percentile(before, 0.50);
    driven->before_p99_ms = percentile(before, 0.99);
    driven->during_runs = during->len;
    driven->during_p95_ms = percentile(during, 0.95);
    driven->during_p99_ms = percentile(during, 0.99);
    result->runs += driven->runs;
    result->errors += driven->errors;
  }
}

static int compare_waits(const void *a, const void *b) {
  const DbaWait *x = a, *y = b;
  return x->ms < y->ms ? 1 : x->ms > y->ms ? -1 : x->begin_ms < y->begin_ms ? -1 : x->begin_ms > y->begin_ms;
}

static void clear_clients(Client *clients, unsigned n, guint statements) {
  for (unsigned i = 0; i < n; i++) {
    dba_server_close(clients[i].server);
    for (guint k = 0; clients[i].tallies && k < statements; k++) {
      g_array_unref(clients[i].tallies[k].latencies);
      g_array_unref(clients[i].tallies[k].before);
      g_array_unref(clients[i].tallies[k].during);
      g_free(clients[i].tallies[k].error);
    }
    g_free(clients[i].tallies);
  }
}

// `changer`: of changes; `looking`: of work.
static bool run_all(DbaDriver *driver, Client *clients, unsigned n, DbaServer *changer, DbaServer *looking, DbaDriveWatch *watch,
                    DbaDriveResult *result, GError **error) {
  const DbaDrive *drive = driver->drive;
  driver->begin_us = g_get_monotonic_time();
  driver->end_us = drive->work ? G_MAXINT64 : driver->begin_us + (gint64)(drive->seconds * G_USEC_PER_SEC);
  GThread *watcher = g_thread_new("lock watcher", dba_drive_watch, watch);
  for (unsigned i = 0; i < n; i++)
    clients[i].thread = g_thread_new("client", run_client, &clients[i]);
  bool ok = (!changer || run_changes(driver, changer, result, error)) && (!drive->work || run_work(driver, looking, result, error));
  while (ok && g_get_monotonic_time() < driver->end_us && !g_atomic_int_get(&driver->stop)) {
    if (drive->interrupt && *drive->interrupt) {
      ok = dba_fail(error, DBA_ERROR_INTERRUPTED, "interrupted");
      break;
    }
    g_usleep(DBA_DRIVE_WATCH_US);
  }
  if (!ok)
    g_atomic_int_set(&driver->stop, 1);
  for (unsigned i = 0; i < n; i++)
    g_thread_join(clients[i].thread);
  result->seconds = (double)(g_get_monotonic_time() - driver->begin_us) / 1e6;
  g_atomic_int_set(&watch->stop, 1);
  g_thread_join(watcher);
  result->disk_peak_bytes = MAX(result->disk_peak_bytes, watch->peak_bytes);
  result->lag_seconds = fmax(result->lag_seconds, watch->lag_seconds);
  for (DBA_EACH(DbaWait, wait, &watch->waits)) {
    DbaWait *kept = dba_list_add(result->arena, &result->waits, sizeof *kept);
    *kept = *wait;
    kept->waiter = dba_arena_text(result->arena, wait->waiter);
    kept->holder = dba_arena_text(result->arena, wait->holder);
    kept->mode = dba_arena_text(result->arena, wait->mode);
    kept->held = dba_arena_text(result->arena, wait->held);
    kept->relation = dba_arena_text(result->arena, wait->relation);
  }
  result->waits_missed = watch->more || watch->error;
  if (watch->more)
    dba_list_add_text(result->arena, &result->refused, "waits for locks were seen only in part: there were too many");
  if (watch->error) {
    g_autofree char *line = g_strdup_printf("waits for locks were seen only in part: %s", watch->error->message);
    dba_list_add_text(result->arena, &result->refused, line);
  }
  if (ok && driver->error) {
    g_propagate_error(error, g_steal_pointer(&driver->error));
    ok = false;
  }
  return ok;
}

static bool prepare_all(DbaDriver *driver, DbaDriveResult *result, GError **error) {
  g_autoptr(DbaServer) server = dba_lab_connect_as_person(driver->drive->lab, driver->drive->role, driver->drive->database, error);
  if (!server)
    return false;
  for (DBA_EACH(DbaDriveStatement, statement, driver->drive->statements))
    if (!dba_drive_prepare(driver, server, statement, result, error))
      return false;
  if (!driver->statements->len && driver->drive->instead) {
    result->took_instead = true;
    for (DBA_EACH(DbaDriveStatement, statement, driver->drive->instead))
      if (!dba_drive_prepare(driver, server, statement, result, error))
        return false;
  }
  return driver->statements->len || dba_fail(error, DBA_ERROR_INPUT, "no statement of the workload can be run%s%s",
                                             result->refused.n ? ": " : "", result->refused.n ? dba_list_text(&result->refused, 0) : "");
}

bool dba_lab_drive(const DbaDrive *drive, DbaDriveResult *ret_result, GError **error) {
  unsigned n = CLAMP(drive->clients, 1, DBA_DRIVE_MOST_CLIENTS);
  g_autoptr(GHashTable) columns = g_hash_table_new(NULL, NULL), open = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  g_autofree Client *clients = g_new0(Client, n);
  DbaDriver driver = {
      .drive = drive, .arena = ret_result->arena, .statements = g_array_new(FALSE, FALSE, sizeof(DbaDrivePrepared)), .columns = columns};
  g_mutex_init(&driver.mutex);
  bool ok = prepare_all(&driver, ret_result, error);
  for (unsigned i = 0; ok && i < n; i++) {
    clients[i] = (Client){.driver = &driver, .seed = dba_mix(drive->seed * 1000003 + i)};
    ok = open_client(&driver, &clients[i], error);
  }
  g_autoptr(DbaServer) changer = ok && drive->changes ? dba_lab_connect_as_person(drive->lab, drive->role, drive->database, error) : NULL,
                       watching = ok ? dba_lab_connect(drive->lab, DBA_LAB_SUPERUSER, drive->database, error) : NULL,
                       looking = ok && drive->work ? dba_lab_connect(drive->lab, DBA_LAB_SUPERUSER, drive->database, error) : NULL;
  g_autoptr(DbaArena) watch_arena = dba_arena_new();
  DbaDriveWatch watch = {.driver = &driver, .server = watching, .arena = watch_arena, .open = open, .lag_seconds = -1};
  ok = ok && watching && (changer || !drive->changes) && (looking || !drive->work) &&
       run_all(&driver, clients, n, changer, looking, &watch, ret_result, error);
  if (ok) {
    sum_up(&driver, clients, n, ret_result);
    if (ret_result->waits.n)
      qsort(ret_result->waits.items, ret_result->waits.n, sizeof(DbaWait), compare_waits);
  }
  clear_clients(clients, n, driver.statements->len);
  for (guint i = 0; i < driver.statements->len; i++)
    g_array_unref(g_array_index(driver.statements, DbaDrivePrepared, i).samples);
  g_array_unref(driver.statements);
  g_clear_error(&watch.error);
  g_clear_error(&driver.error);
  g_mutex_clear(&driver.mutex);
  return ok;
}

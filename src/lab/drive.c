// SPDX-License-Identifier: Apache-2.0
// The driver: clients on threads of their own, each with a session of the role without power.
//
// Each client has its own random numbers and its own record of latencies; they are put together at the end.  The clock of a statement is
// the client's, with the socket's way in it.
#include "lab/driving.h"

#include "lab/stand-in-int.h"
#include "sql/sql.h"

#include "lab-sql.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
  MOST_CLIENTS = 64,
  SAMPLE_ROWS = 256,
  MOST_LATENCIES = 200000,
  MOST_PARAMETERS = 99,
  WATCH_US = 10000,
  MOST_WAITS = 1000,
  SIZES_US = 200000
};

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

// ---- what is run ----------------------------------------------------------------------------------------------------

typedef enum Source { FROM_ROWS, FRESH_NUMBER, FRESH_TEXT, FRESH_UUID, CONSTANT } Source;

typedef struct Parameter {
  Source source;
  unsigned sample; // of FROM_ROWS and FRESH_TEXT: which, and its column
  int column;
  int64_t from; // of FRESH_NUMBER: the greatest there is
  const char *text;
  bool array;
} Parameter;

// Rows of one table that parameters take their values from.
typedef struct Sample {
  const char *table;  // quoted
  GPtrArray *columns; // quoted
  DbaResult *rows;
} Sample;

typedef struct Statement {
  const DbaDriveStatement *of;
  char name[16];
  unsigned n_parameters;
  Parameter parameters[MOST_PARAMETERS];
  GArray *samples; // of Sample
  double reach;    // sum of the weights up to it
} Statement;

typedef struct Driver {
  const DbaDrive *drive;
  DbaArena *arena;
  GArray *statements;  // of Statement
  unsigned prepared;   // names given out
  GHashTable *columns; // table's name to NULL-terminated names
  gint64 begin_us;
  _Atomic gint64 end_us;
  _Atomic gint64 change_from_us, change_to_us; // 0: not yet
  gint counter;                                // for what must be new
  gint stop;
  GMutex mutex;
  GError *error; // the first that ended a thread
} Driver;

static const char *const *columns_of(void *data, const char *schema, const char *table) {
  Driver *driver = data;
  for (DBA_EACH(DbaRelation, relation, &driver->drive->survey->schema.relations)) {
    if (strcmp(relation->name, table) || (schema && strcmp(relation->schema, schema)))
      continue;
    const char *const *names = g_hash_table_lookup(driver->columns, relation);
    if (!names)
      g_hash_table_insert(driver->columns, relation, (void *)(uintptr_t)(names = dba_relation_column_names(driver->arena, relation)));
    return names;
  }
  return NULL;
}

static const DbaRelation *find_table(const Driver *driver, const DbaSqlColumn *column) {
  for (DBA_EACH(DbaRelation, relation, &driver->drive->survey->schema.relations))
    if (!strcmp(relation->name, column->table) && (!column->schema || !strcmp(relation->schema, column->schema)))
      return relation;
  return NULL;
}

// The place of a column among those that are sampled of its table.
static void take_from_rows(Driver *driver, Statement *statement, const DbaRelation *relation, const char *column, Parameter *parameter) {
  g_autofree char *table = dba_sql_name(relation->schema, relation->name), *name = dba_sql_name(NULL, column);
  guint found;
  for (guint i = 0; i < statement->samples->len; i++) {
    Sample *sample = &g_array_index(statement->samples, Sample, i);
    if (strcmp(sample->table, table))
      continue;
    parameter->sample = i;
    if (!g_ptr_array_find_with_equal_func(sample->columns, name, g_str_equal, &found)) {
      found = sample->columns->len;
      g_ptr_array_add(sample->columns, g_steal_pointer(&name));
    }
    parameter->column = (int)found;
    return;
  }
  Sample sample = {.table = dba_arena_text(driver->arena, table), .columns = g_ptr_array_new_with_free_func(g_free)};
  g_ptr_array_add(sample.columns, g_steal_pointer(&name));
  g_array_append_val(statement->samples, sample);
  parameter->sample = statement->samples->len - 1;
  parameter->column = 0;
}

static const char *constant_of(const char *type) {
  const char *plain = dba_sql_plain_value(type);
  return plain ? plain : type && (!strcmp(type, "text") || !strcmp(type, "character varying")) ? "x" : "1";
}

static bool choose_parameter(Driver *driver, DbaServer *server, Statement *statement, const DbaSqlParameter *told, const char *type,
                             Parameter *parameter, GError **error) {
  const DbaRelation *relation = told && told->with ? find_table(driver, told->with) : NULL;
  const DbaColumn *column = relation ? dba_relation_column(relation, told->with->column) : NULL;
  *parameter = (Parameter){.source = CONSTANT, .text = told && told->structural ? "10" : constant_of(type), .array = told && told->array};
  if (!column || told->structural || (!dba_relation_is_table(relation) && strcmp(relation->kind, "materialized view")))
    return true; // of others no rows can be sampled
  parameter->source = FROM_ROWS;
  for (DBA_EACH(DbaConstraint, key, told->inserted ? &relation->constraints : &(DbaList){0})) { // any parent, for each key on its own
    const DbaRelation *parent = !strcmp(key->kind, "foreign key") && key->columns.n == 1 && dba_list_has_text(&key->columns, column->name)
                                    ? dba_schema_relation(&driver->drive->survey->schema, key->ref_schema, key->ref_table)
                                    : NULL;
    if (parent && key->ref_columns.n == 1) {
      take_from_rows(driver, statement, parent, dba_list_text(&key->ref_columns, 0), parameter);
      return true;
    }
  }
  take_from_rows(driver, statement, relation, column->name, parameter);
  if (!told->inserted || !dba_relation_in_unique_index(relation, column->name))
    return true;
  if (!g_strcmp0(column->type_name, "uuid"))
    parameter->source = FRESH_UUID;
  else if (!g_strcmp0(column->type_name, "int2") || !g_strcmp0(column->type_name, "int4") || !g_strcmp0(column->type_name, "int8") ||
           !g_strcmp0(column->type_name, "numeric")) {
    g_autofree char *table = dba_sql_name(relation->schema, relation->name), *name = dba_sql_name(NULL, column->name),
                    *sql = g_strdup_printf("select least(coalesce(max(%s), 0), 1e18)::bigint from %s", name, table);
    g_autoptr(DbaResult) most = dba_server_query(server, sql, NULL, error);
    if (!most)
      return false;
    parameter->source = FRESH_NUMBER;
    parameter->from = dba_result_int(most, 0, 0);
  } else if (!g_strcmp0(column->type_name, "text") || !g_strcmp0(column->type_name, "varchar"))
    parameter->source = FRESH_TEXT;
  return true;
}

static bool take_samples(Driver *driver, DbaServer *server, Statement *statement, GError **error) {
  for (guint i = 0; i < statement->samples->len; i++) {
    Sample *sample = &g_array_index(statement->samples, Sample, i);
    g_autoptr(GString) sql = g_string_new("select ");
    for (guint k = 0; k < sample->columns->len; k++)
      g_string_append_printf(sql, "%sx.%s::text", k ? ", " : "", (const char *)sample->columns->pdata[k]);
    // Anywhere in the table: pages by the seed, all of them when it is small.
    g_string_append_printf(
        sql, " from %s x tablesample system (least(100, 100.0 * %d / greatest((select sum(c.reltuples) from pg_class c where c.oid = '",
        sample->table, 8 * SAMPLE_ROWS);
    g_autoptr(GString) literal = g_string_new(NULL);
    dba_sql_append_literal(literal, sample->table);
    g_string_truncate(sql, sql->len - 1);
    g_string_append_printf(sql, "%s::regclass), 1))) repeatable (%" G_GUINT64_FORMAT ") order by md5(x.ctid::text) limit %d", literal->str,
                           driver->drive->seed, SAMPLE_ROWS);
    if (!(sample->rows = dba_server_query(server, sql->str, NULL, error)))
      return false;
  }
  return true;
}

static void clear_sample(gpointer data) {
  Sample *sample = data;
  g_clear_pointer(&sample->rows, dba_result_free);
  g_ptr_array_unref(sample->columns);
}

// False only when the lab broke; a statement that cannot be prepared is told.
static bool add_statement(Driver *driver, DbaServer *server, const DbaDriveStatement *of, DbaDriveResult *result, GError **error) {
  g_autoptr(GError) problem = NULL;
  Statement statement = {.of = of, .samples = g_array_new(FALSE, FALSE, sizeof(Sample))};
  DbaSqlValues values = {0};
  g_array_set_clear_func(statement.samples, clear_sample);
  g_snprintf(statement.name, sizeof statement.name, "dbarch_%u", driver->prepared++);
  const char *name[] = {statement.name, NULL};
  bool ok = dba_server_prepare(server, statement.name, of->sql, &problem);
  g_autoptr(DbaResult) types = ok ? dba_server_query(server, dba_embedded_lab_sql("parameter_types"), name, &problem) : NULL;
  ok = types && dba_sql_read_values(of->sql, columns_of, driver, driver->arena, &values, &problem) &&
       (statement.n_parameters = (unsigned)dba_result_rows(types)) <= MOST_PARAMETERS;
  for (unsigned i = 0; ok && i < statement.n_parameters; i++) {
    const DbaSqlParameter *told = NULL;
    for (DBA_EACH(DbaSqlParameter, parameter, &values.parameters))
      if (parameter->number == (int)i + 1 && (!told || !told->with))
        told = parameter;
    ok = choose_parameter(driver, server, &statement, told, dba_result_text(types, (int)i, 0), &statement.parameters[i], &problem);
  }
  ok = ok && take_samples(driver, server, &statement, &problem);
  if (ok) {
    statement.reach =
        (driver->statements->len ? g_array_index(driver->statements, Statement, driver->statements->len - 1).reach : 0) + of->weight;
    g_array_append_val(driver->statements, statement);
    return true;
  }
  g_array_unref(statement.samples);
  if (problem && !g_error_matches(problem, DBA_ERROR, DBA_ERROR_DATABASE) && !g_error_matches(problem, DBA_ERROR, DBA_ERROR_INPUT)) {
    g_propagate_error(error, g_steal_pointer(&problem));
    return false;
  }
  g_autofree char *line = g_strdup_printf("%.80s: %s", of->sql, problem ? problem->message : "too many parameters");
  dba_list_add_text(result->arena, &result->refused, line);
  return true;
}

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
  Driver *driver;
  DbaServer *server;
  Tally *tallies; // one for each statement
  uint64_t seed;
  GThread *thread;
} Client;

static const char *value_of(Client *client, const Statement *statement, const Parameter *parameter, const unsigned *rows,
                            GPtrArray *texts) {
  const Sample *sample = parameter->source == FROM_ROWS || parameter->source == FRESH_TEXT
                             ? &g_array_index(statement->samples, Sample, parameter->sample)
                             : NULL;
  const char *sampled =
      sample && dba_result_rows(sample->rows) ? dba_result_text(sample->rows, (int)rows[parameter->sample], parameter->column) : NULL;
  char *made = NULL;
  switch (parameter->source) {
  case CONSTANT: return parameter->text;
  case FROM_ROWS:
    if (!parameter->array)
      return sampled;
    made = sampled ? dba_sql_write_array(&(DbaList){.items = &sampled, .n = 1}, 0) : g_strdup("{}");
    break;
  case FRESH_NUMBER:
    made = g_strdup_printf("%" G_GINT64_FORMAT, parameter->from + 1 + g_atomic_int_add(&client->driver->counter, 1));
    break;
  case FRESH_TEXT: made = g_strdup_printf("%s-%d", sampled ? sampled : "x", g_atomic_int_add(&client->driver->counter, 1)); break;
  case FRESH_UUID: made = g_uuid_string_random(); break;
  }
  g_ptr_array_add(texts, made);
  return made;
}

static uint64_t next_random(Client *client) { return client->seed = dba_mix(client->seed + 1); }

static const Statement *pick(Client *client, guint *ret_number) {
  const GArray *statements = client->driver->statements;
  double at = (double)(next_random(client) >> 11) * 0x1p-53 * g_array_index(statements, Statement, statements->len - 1).reach;
  guint i = 0;
  while (i + 1 < statements->len && g_array_index(statements, Statement, i).reach <= at)
    i++;
  *ret_number = i;
  return &g_array_index(statements, Statement, i);
}

static void count(Client *client, Tally *tally, gint64 from_us, gint64 to_us, const GError *problem) {
  double ms = (double)(to_us - from_us) / 1e3;
  const Driver *driver = client->driver;
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
  if (part && part->len < MOST_LATENCIES)
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
  if (tally->latencies->len < MOST_LATENCIES)
    g_array_append_val(tally->latencies, ms);
  else if (next_random(client) % (uint64_t)tally->runs < MOST_LATENCIES)
    g_array_index(tally->latencies, double, next_random(client) % MOST_LATENCIES) = ms;
}

static void keep_error(Driver *driver, GError **problem) {
  g_mutex_lock(&driver->mutex);
  if (!driver->error)
    driver->error = g_steal_pointer(problem);
  g_mutex_unlock(&driver->mutex);
  g_atomic_int_set(&driver->stop, 1);
}

// A change of columns makes a prepared statement fail once ("cached plan must not change result type"): drivers prepare it anew and run it again.
static bool prepare_again(Client *client, const Statement *statement, GError **problem) {
  g_autofree char *forget = g_strdup_printf("deallocate %s", statement->name);
  if (strcmp(dba_server_sqlstate(client->server), "0A000"))
    return false;
  g_clear_error(problem);
  return dba_server_exec(client->server, forget, problem) &&
         dba_server_prepare(client->server, statement->name, statement->of->sql, problem);
}

static void *run_client(void *data) {
  Client *client = data;
  Driver *driver = client->driver;
  const char *parameters[MOST_PARAMETERS + 1];
  g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
  double pause_us = driver->drive->rate > 0 ? driver->drive->clients / driver->drive->rate * 1e6 : 0;
  gint64 due_us = driver->begin_us + (gint64)(pause_us * (double)(client->seed % 1000) / 1e3);
  while (g_get_monotonic_time() < driver->end_us && !g_atomic_int_get(&driver->stop)) {
    guint number;
    gint64 now = g_get_monotonic_time();
    for (; pause_us > 0 && now < due_us && now < driver->end_us && !g_atomic_int_get(&driver->stop); now = g_get_monotonic_time())
      g_usleep((gulong)MIN(due_us - now, WATCH_US));
    if (now >= driver->end_us)
      break;
    due_us = MAX(due_us + (gint64)pause_us, g_get_monotonic_time() - (gint64)pause_us); // what was missed is not made up for
    const Statement *statement = pick(client, &number);
    unsigned rows[MOST_PARAMETERS];
    g_autoptr(GError) problem = NULL;
    for (guint i = 0; i < statement->samples->len && i < MOST_PARAMETERS; i++)
      rows[i] = (unsigned)(next_random(client) % (uint64_t)MAX(1, dba_result_rows(g_array_index(statement->samples, Sample, i).rows)));
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

static bool open_client(Driver *driver, Client *client, GError **error) {
  client->server = dba_lab_connect_as_person(driver->drive->lab, driver->drive->role, driver->drive->database, error);
  g_autofree char *timeout = g_strdup_printf("set statement_timeout = %.0f", driver->drive->timeout_ms);
  if (!client->server || !dba_server_exec(client->server, timeout, error))
    return false;
  for (guint i = 0; i < driver->statements->len; i++) {
    const Statement *statement = &g_array_index(driver->statements, Statement, i);
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

// ---- the watcher, the changes ---------------------------------------------------------------------------------------

typedef struct Sizes {
  int64_t disk_bytes, wal_bytes;
  double lag_seconds; // -1: there is no replica
} Sizes;

static bool read_sizes(DbaServer *server, Sizes *ret_sizes, GError **error) {
  g_autoptr(DbaResult) row = dba_server_query(server, dba_embedded_lab_sql("drive_sizes"), NULL, error);
  if (row)
    *ret_sizes =
        (Sizes){dba_result_int(row, 0, 0), dba_result_int(row, 0, 1), dba_result_text(row, 0, 2) ? dba_result_real(row, 0, 2) : -1};
  return row != NULL;
}

typedef struct Watch {
  Driver *driver;
  DbaServer *server;
  DbaArena *arena; // the watcher's own: arenas are for one thread
  DbaList waits;   // DbaWait
  GError *error;   // what ended it early
  int64_t peak_bytes;
  unsigned more; // waits beyond those that are kept
  double lag_seconds;
  GHashTable *open; // "pid since" to the number of the wait, from 1
  gint stop;
} Watch;

// Who waits for the work, or for one that waits for it.
static void find_waits_for_work(const Watch *watch, const DbaResult *found, GHashTable *waiting) {
  guint before;
  do {
    before = g_hash_table_size(waiting);
    for (int row = 0; row < dba_result_rows(found); row++) {
      int64_t holder = dba_result_int(found, row, 8);
      if (holder && (holder == watch->driver->drive->work_pid || g_hash_table_contains(waiting, GINT_TO_POINTER((int)holder))))
        g_hash_table_add(waiting, GINT_TO_POINTER((int)dba_result_int(found, row, 0)));
    }
  } while (g_hash_table_size(waiting) > before);
}

static void see(Watch *watch, const DbaResult *found, gint64 now_us) {
  g_autoptr(GHashTable) waiting = g_hash_table_new(NULL, NULL);
  find_waits_for_work(watch, found, waiting);
  for (int row = 0; row < dba_result_rows(found); row++) {
    bool for_work = g_hash_table_contains(waiting, GINT_TO_POINTER((int)dba_result_int(found, row, 0)));
    if (watch->driver->drive->work && !for_work) // of clients among themselves: not asked for, and there may be thousands
      continue;
    g_autofree char *key = g_strdup_printf("%s %s", dba_result_text(found, row, 0), dba_result_text(found, row, 1));
    guint number = GPOINTER_TO_UINT(g_hash_table_lookup(watch->open, key));
    double at = (double)(now_us - watch->driver->begin_us) / 1e3;
    if (number) {
      DbaWait *wait = dba_list_at(DbaWait, &watch->waits, number - 1);
      wait->ms = fmax(wait->ms, dba_result_real(found, row, 4));
      wait->for_work |= for_work;
      continue;
    }
    watch->more += watch->waits.n >= MOST_WAITS;
    if (watch->waits.n >= MOST_WAITS)
      continue;
    DbaWait *wait = dba_list_add(watch->arena, &watch->waits, sizeof *wait);
    *wait = (DbaWait){.waiter = dba_arena_text(watch->arena, dba_result_text(found, row, 5)),
                      .holder = dba_arena_text(watch->arena, dba_result_text(found, row, 6)),
                      .mode = dba_arena_text(watch->arena, dba_result_text(found, row, 2)),
                      .held = dba_arena_text(watch->arena, dba_result_text(found, row, 7)),
                      .relation = dba_arena_text(watch->arena, dba_result_text(found, row, 3)),
                      .begin_ms = at - dba_result_real(found, row, 4),
                      .ms = dba_result_real(found, row, 4),
                      .for_work = for_work};
    g_hash_table_insert(watch->open, g_steal_pointer(&key), GUINT_TO_POINTER(watch->waits.n));
  }
}

static void *run_watch(void *data) {
  Watch *watch = data;
  g_autofree char *pid = g_strdup_printf("%" G_GINT64_FORMAT, watch->driver->drive->work_pid);
  const char *parameters[] = {watch->driver->drive->database, pid, NULL};
  gint64 sized_us = 0;
  while (!g_atomic_int_get(&watch->stop)) {
    g_autoptr(GError) problem = NULL;
    g_autoptr(DbaResult) found = dba_server_query(watch->server, dba_embedded_lab_sql("lock_waits"), parameters, &problem);
    if (!found) {
      watch->error = g_steal_pointer(&problem);
      break;
    }
    see(watch, found, g_get_monotonic_time());
    if (watch->driver->drive->work && g_get_monotonic_time() - sized_us > SIZES_US) {
      Sizes sizes;
      if (!read_sizes(watch->server, &sizes, &problem)) {
        watch->error = g_steal_pointer(&problem);
        break;
      }
      watch->peak_bytes = MAX(watch->peak_bytes, sizes.disk_bytes);
      watch->lag_seconds = fmax(watch->lag_seconds, sizes.lag_seconds);
      sized_us = g_get_monotonic_time();
    }
    g_usleep(WATCH_US);
  }
  return NULL;
}

// The changes in turn, on this thread, once a third of the time is over; what is left of it belongs to the clients.
static bool run_changes(Driver *driver, DbaServer *server, DbaDriveResult *result, GError **error) {
  const DbaDrive *drive = driver->drive;
  gint64 start = driver->begin_us + (gint64)(drive->seconds / 3 * G_USEC_PER_SEC);
  while (g_get_monotonic_time() < start && !g_atomic_int_get(&driver->stop) && !(drive->interrupt && *drive->interrupt))
    g_usleep(WATCH_US);
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
static bool run_work(Driver *driver, DbaServer *looking, DbaDriveResult *result, GError **error) {
  const DbaDrive *drive = driver->drive;
  gint64 start = driver->begin_us + (gint64)(drive->seconds * G_USEC_PER_SEC);
  Sizes first, before, after;
  bool ok = read_sizes(looking, &first, error);
  while (ok && g_get_monotonic_time() < start && !g_atomic_int_get(&driver->stop)) {
    if (drive->interrupt && *drive->interrupt)
      return dba_fail(error, DBA_ERROR_INTERRUPTED, "interrupted");
    g_usleep(WATCH_US);
  }
  if (!ok || !read_sizes(looking, &before, error))
    return false;
  driver->change_from_us = g_get_monotonic_time();
  ok = g_atomic_int_get(&driver->stop) || drive->work(drive->work_data, error);
  driver->change_to_us = g_get_monotonic_time();
  driver->end_us = driver->change_to_us + (gint64)(drive->tail_seconds * G_USEC_PER_SEC);
  if (!ok || !read_sizes(looking, &after, error))
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

static void sum_up(const Driver *driver, const Client *clients, unsigned n, DbaDriveResult *result) {
  for (guint i = 0; i < driver->statements->len; i++) {
    g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(double)), before = g_array_new(FALSE, FALSE, sizeof(double)),
                      during = g_array_new(FALSE, FALSE, sizeof(double));
    DbaDriven *driven = dba_list_add(result->arena, &result->driven, sizeof *driven);
    driven->sql = dba_arena_text(result->arena, g_array_index(driver->statements, Statement, i).of->sql);
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
static bool run_all(Driver *driver, Client *clients, unsigned n, DbaServer *changer, DbaServer *looking, Watch *watch,
                    DbaDriveResult *result, GError **error) {
  const DbaDrive *drive = driver->drive;
  driver->begin_us = g_get_monotonic_time();
  driver->end_us = drive->work ? G_MAXINT64 : driver->begin_us + (gint64)(drive->seconds * G_USEC_PER_SEC);
  GThread *watcher = g_thread_new("lock watcher", run_watch, watch);
  for (unsigned i = 0; i < n; i++)
    clients[i].thread = g_thread_new("client", run_client, &clients[i]);
  bool ok = (!changer || run_changes(driver, changer, result, error)) && (!drive->work || run_work(driver, looking, result, error));
  while (ok && g_get_monotonic_time() < driver->end_us && !g_atomic_int_get(&driver->stop)) {
    if (drive->interrupt && *drive->interrupt) {
      ok = dba_fail(error, DBA_ERROR_INTERRUPTED, "interrupted");
      break;
    }
    g_usleep(WATCH_US);
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

static bool prepare_all(Driver *driver, DbaDriveResult *result, GError **error) {
  g_autoptr(DbaServer) server = dba_lab_connect_as_person(driver->drive->lab, driver->drive->role, driver->drive->database, error);
  if (!server)
    return false;
  for (DBA_EACH(DbaDriveStatement, statement, driver->drive->statements))
    if (!add_statement(driver, server, statement, result, error))
      return false;
  return driver->statements->len || dba_fail(error, DBA_ERROR_INPUT, "no statement of the workload can be run%s%s",
                                             result->refused.n ? ": " : "", result->refused.n ? dba_list_text(&result->refused, 0) : "");
}

bool dba_lab_drive(const DbaDrive *drive, DbaDriveResult *ret_result, GError **error) {
  unsigned n = CLAMP(drive->clients, 1, MOST_CLIENTS);
  g_autoptr(GHashTable) columns = g_hash_table_new(NULL, NULL), open = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  g_autofree Client *clients = g_new0(Client, n);
  Driver driver = {
      .drive = drive, .arena = ret_result->arena, .statements = g_array_new(FALSE, FALSE, sizeof(Statement)), .columns = columns};
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
  Watch watch = {.driver = &driver, .server = watching, .arena = watch_arena, .open = open, .lag_seconds = -1};
  ok = ok && watching && (changer || !drive->changes) && (looking || !drive->work) &&
       run_all(&driver, clients, n, changer, looking, &watch, ret_result, error);
  if (ok) {
    sum_up(&driver, clients, n, ret_result);
    if (ret_result->waits.n)
      qsort(ret_result->waits.items, ret_result->waits.n, sizeof(DbaWait), compare_waits);
  }
  clear_clients(clients, n, driver.statements->len);
  for (guint i = 0; i < driver.statements->len; i++)
    g_array_unref(g_array_index(driver.statements, Statement, i).samples);
  g_array_unref(driver.statements);
  g_clear_error(&watch.error);
  g_clear_error(&driver.error);
  g_mutex_clear(&driver.mutex);
  return ok;
}

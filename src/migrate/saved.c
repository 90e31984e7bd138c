// SPDX-License-Identifier: Apache-2.0
// Is all that is about to be destroyed in the backup?  Asked in the transaction that destroys it, once nobody else can write there any more.
//
// A row that was written since has a transaction that is not older than the oldest one that the dump's snapshot could not see whole (pg_snapshot_xmin): so old
// rows are known by looking at their number, which takes a fraction of what summing them up takes.  A transaction that was open then makes rows look
// new that are in the dump: those tables are summed up, as they were for the dump.
#include "migrate/run-int.h"

#include <string.h>

// What a row's text depends on.
const char *const dba_table_sum_settings[] = {"timezone = 'UTC'",     "datestyle = 'ISO'",      "intervalstyle = 'postgres'",
                                              "bytea_output = 'hex'", "extra_float_digits = 1", NULL};

char *dba_table_sum(DbaServer *server, const char *table, GError **error) {
  g_autofree char *sql = g_strdup_printf("select pg_catalog.count(*)::pg_catalog.text, "
                                         "pg_catalog.sum(pg_catalog.hashtextextended(row(dbarch_row.*)::pg_catalog.text, 0)::numeric) "
                                         "from only %s dbarch_row",
                                         table);
  g_autoptr(DbaResult) row = dba_server_query(server, sql, NULL, error);
  if (!row)
    return NULL;
  return g_strdup_printf("%s rows %s", dba_result_text(row, 0, 0), dba_result_text(row, 0, 1) ? dba_result_text(row, 0, 1) : "-");
}

// DROP, ALTER and TRUNCATE will take the whole table anyway, and to begin with less is to invite a deadlock; what writes rows lets others read on.
static const char *lock_for(const DbaScript *script, const DbaDestroyed *destroyed) {
  static const char writes[] = "share row exclusive";
  if (destroyed->how == DBA_DESTROYED_OVERWRITTEN || !destroyed->line)
    return writes;
  for (DBA_EACH(DbaSqlStatement, item, &script->items))
    if (item->item.place.line == destroyed->line && item->facts.tag == DBA_SQL_DELETE)
      return writes;
  return "access exclusive";
}

static bool is_there(DbaServer *server, const char *table, bool *ret_there, GError **error) {
  const char *parameters[] = {table, NULL};
  g_autoptr(DbaResult) found = dba_server_query(server, "select pg_catalog.to_regclass($1) is not null", parameters, error);
  *ret_there = found && *dba_result_text(found, 0, 0) == 't';
  return found != NULL;
}

// Those that the lines from `from` up to `to` destroy values of, or that nobody knows the line of.
static bool lock_tables(const DbaJob *job, uint32_t from, uint32_t to, bool *ret_any, GError **error) {
  DbaServer *server = job->runner->server;
  *ret_any = false;
  for (DBA_EACH(DbaDestroyed, each, &job->runner->destroyed)) {
    bool there,
        ours = each->table && !strcmp(each->migration, job->migration->label) && (!each->line || (each->line >= from && each->line < to));
    if (!ours)
      continue;
    if (!is_there(server, each->table, &there, error))
      return false;
    g_autofree char *sql = g_strdup_printf("lock table %s in %s mode", each->table, lock_for(job->script, each));
    if (there && !dba_server_exec(server, sql, error))
      return false;
    *ret_any = *ret_any || there;
  }
  return true;
}

static bool was_written(DbaServer *server, const char *table, const char *since, bool *ret_was, GError **error) {
  const char *parameters[] = {since, NULL};
  g_autofree char *sql = g_strdup_printf("select exists (select from only %s where pg_catalog.age(xmin) <= "
                                         "(select pg_catalog.age(($1::pg_catalog.int8 %% 4294967296)::pg_catalog.text::pg_catalog.xid)))",
                                         table);
  g_autoptr(DbaResult) found = dba_server_query(server, sql, parameters, error);
  *ret_was = found && *dba_result_text(found, 0, 0) == 't';
  return found != NULL;
}

static bool look(const DbaJob *job, GError **error) {
  DbaRunner *runner = job->runner;
  for (DBA_EACH(DbaSaved, saved, &job->backup->tables)) {
    bool there, written = false;
    if (!is_there(runner->server, saved->table, &there, error) ||
        (there && !was_written(runner->server, saved->table, job->backup->since, &written, error)))
      return false;
    g_autofree char *sum = written ? dba_table_sum(runner->server, saved->table, error) : NULL;
    if (written && !sum)
      return false;
    if (!written || !strcmp(sum, saved->sum))
      continue;
    runner->late = true;
    return dba_fail(error, DBA_ERROR_REFUSED, "%s was written to after its backup was made (%s; the backup has %s)", saved->table, sum,
                    saved->sum);
  }
  return true;
}

bool dba_job_check_saved(const DbaJob *job, uint32_t from, uint32_t to, GError **error) {
  DbaServer *server = job->runner->server;
  double seconds = job->runner->options->backup_lock_seconds;
  bool any;
  if (!job->backup || !job->backup->tables.n || seconds <= 0)
    return true;
  if (!lock_tables(job, from, to, &any, error) || !any)
    return !any && (!error || !*error);
  g_autofree char *limit = g_strdup_printf("set local statement_timeout = %.0f", seconds * 1e3);
  g_autoptr(GError) problem = NULL;
  bool ok = dba_server_exec(server, "savepoint dbarch_saved", error) && dba_server_exec(server, limit, error);
  for (const char *const *setting = dba_table_sum_settings; ok && *setting; setting++) {
    g_autofree char *sql = g_strconcat("set local ", *setting, NULL);
    ok = dba_server_exec(server, sql, error);
  }
  if (!ok)
    return false;
  if (look(job, &problem)) // with the savepoint go the settings, not the locks
    return dba_server_exec(server, "rollback to savepoint dbarch_saved; release savepoint dbarch_saved", error);
  if (strcmp(dba_server_sqlstate(server), "57014") != 0)
    return g_propagate_error(error, g_steal_pointer(&problem)), false;
  g_autofree char *told = dba_text_duration(seconds * 1e3);
  return dba_fail(
      error, DBA_ERROR_REFUSED,
      "whether rows were written since the backup cannot be told within %s, for which others wait (hint: --backup-lock 1m waits "
      "longer; --backup-lock 0 goes on without: what was written meanwhile is not in the backup)",
      told);
}

// SPDX-License-Identifier: Apache-2.0
// Is all that is about to be destroyed in the backup?  Asked in the transaction that destroys it, once nobody else can write there any more; a
// backfill, which runs in many, is not asked.
//
// A row that was written since has a transaction that is not older than the oldest one that the dump's snapshot could not see whole (pg_snapshot_xmin): so old
// rows are known by looking at their number, which takes a fraction of what summing them up takes.  A transaction that was open then makes rows look
// new that are in the dump: those tables are summed up, as they were for the dump.
#include "migrate/run-int.h"

#include "migrate-sql.h"

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

typedef struct Look {
  const DbaJob *job;
  DbaServer *server;
  gint64 until_us;   // others wait
  GPtrArray *tables; // names as SQL, those of partitions too: what is looked at
} Look;

static bool writes_rows(const DbaSqlStatement *item) {
  DbaSqlTag tag = item->facts.tag;
  return tag == DBA_SQL_UPDATE || tag == DBA_SQL_DELETE || tag == DBA_SQL_MERGE || tag == DBA_SQL_INSERT;
}

// DROP, ALTER and TRUNCATE will take the whole table anyway, and to begin with less is to invite a deadlock; what writes rows lets others read on.
static const char WHOLE[] = "access exclusive", ROWS[] = "share row exclusive";
static const char *lock_for(const DbaScript *script, const DbaDestroyed *destroyed) {
  bool rows = destroyed->line || destroyed->overwritten;
  for (DBA_EACH(DbaSqlStatement, item, &script->items))
    if (item->item.kind == DBA_SQL_STATEMENT && item->item.place.line == destroyed->line)
      rows = rows && writes_rows(item);
  return rows ? ROWS : WHOLE;
}

// What a table is called by now, with its partitions and heirs behind it.
static bool find_tables(const Look *look, const DbaDestroyed *destroyed, GPtrArray *names, GError **error) {
  const char *parameters[] = {destroyed->oid, NULL};
  g_autoptr(DbaResult) all = dba_server_query(look->server, dba_migrate_partitions_sql(), parameters, error);
  for (int i = 0; all && i < dba_result_rows(all); i++)
    g_ptr_array_add(names, g_strdup(dba_result_text(all, i, 0)));
  return all != NULL;
}

// Those that the lines from `from` up to `to` destroy values of, or that nobody knows the line of.
static bool lock_tables(Look *look, uint32_t from, uint32_t to, const char *mode, GError **error) {
  const DbaJob *job = look->job;
  for (DBA_EACH(DbaDestroyed, each, &job->runner->destroyed)) {
    bool ours = each->oid && !strcmp(each->migration, job->migration->label) && (!each->line || (each->line >= from && each->line < to));
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    if (!ours || strcmp(lock_for(job->script, each), mode) != 0)
      continue;
    if (!find_tables(look, each, names, error))
      return false;
    for (guint i = 0; i < names->len; i++) {
      g_autofree char *sql = g_strdup_printf("lock table only %s in %s mode", (const char *)names->pdata[i], mode);
      if (!dba_server_exec(look->server, sql, error))
        return false;
      if (!look->until_us)
        look->until_us = g_get_monotonic_time() + (gint64)(job->runner->options->backup_lock_seconds * G_USEC_PER_SEC);
      g_ptr_array_add(look->tables, g_strdup(names->pdata[i]));
    }
  }
  return true;
}

// The next query has what is left of the time.
static bool limit_time(const Look *look, GError **error) {
  gint64 left_ms = (look->until_us - g_get_monotonic_time()) / 1000;
  g_autofree char *sql = g_strdup_printf("set local statement_timeout = %" G_GINT64_FORMAT, MAX(1, left_ms));
  return dba_server_exec(look->server, sql, error);
}

static bool was_written(const Look *look, const char *table, bool *ret_was, GError **error) {
  const char *parameters[] = {look->job->backup->since, look->job->own->str, NULL};
  g_autofree char *sql = g_strdup_printf("select exists (select from only %s where pg_catalog.age(xmin) <= "
                                         "(select pg_catalog.age(($1::pg_catalog.int8 %% 4294967296)::pg_catalog.text::pg_catalog.xid)) "
                                         "and not xmin::pg_catalog.text = any (pg_catalog.string_to_array($2, ' ')))",
                                         table);
  g_autoptr(DbaResult) found = dba_server_query(look->server, sql, parameters, error);
  *ret_was = found && *dba_result_text(found, 0, 0) == 't';
  return found != NULL;
}

static bool look_at(const Look *look, const DbaSaved *saved, GError **error) {
  bool written;
  if (!limit_time(look, error) || !was_written(look, saved->table, &written, error))
    return false;
  if (!written)
    return true;
  g_autofree char *sum = limit_time(look, error) ? dba_table_sum(look->server, saved->table, error) : NULL;
  if (!sum || !strcmp(sum, saved->sum))
    return sum != NULL;
  look->job->runner->late = true;
  return dba_fail(error, DBA_ERROR_REFUSED, "%s was written to after its backup was made (%s; the backup has %s)", saved->table, sum,
                  saved->sum);
}

// With the savepoint go the settings, not the locks.
static bool look_at_all(const Look *look, GError **error) {
  if (!dba_server_exec(look->server, "savepoint dbarch_saved", error))
    return false;
  for (const char *const *setting = dba_table_sum_settings; *setting; setting++) {
    g_autofree char *sql = g_strconcat("set local ", *setting, NULL);
    if (!dba_server_exec(look->server, sql, error))
      return false;
  }
  for (DBA_EACH(DbaSaved, saved, &look->job->backup->tables))
    if (g_ptr_array_find_with_equal_func(look->tables, saved->table, g_str_equal, NULL) && !look_at(look, saved, error))
      return false;
  return dba_server_exec(look->server, "rollback to savepoint dbarch_saved; release savepoint dbarch_saved", error);
}

bool dba_job_is_saved(const DbaJob *job) { return job->backup && job->backup->tables.n && job->runner->options->backup_lock_seconds > 0; }

bool dba_job_check_saved(const DbaJob *job, uint32_t from, uint32_t to, GError **error) {
  g_autoptr(GPtrArray) tables = g_ptr_array_new_with_free_func(g_free);
  Look look = {.job = job, .server = job->runner->server, .tables = tables};
  g_autoptr(GError) problem = NULL;
  if (!dba_job_is_saved(job))
    return true;
  if (!lock_tables(&look, from, to, WHOLE, error) ||
      !lock_tables(&look, from, to, ROWS, error)) // the stronger first: none is made so later
    return false;
  if (!tables->len || look_at_all(&look, &problem))
    return true;
  if (strcmp(dba_server_sqlstate(look.server), "57014") != 0 || g_error_matches(problem, DBA_ERROR, DBA_ERROR_INTERRUPTED))
    return g_propagate_error(error, g_steal_pointer(&problem)), false;
  g_autofree char *told = dba_text_duration(job->runner->options->backup_lock_seconds * 1e3);
  return dba_fail(
      error, DBA_ERROR_REFUSED,
      "whether rows were written since the backup cannot be told within %s, for which others wait (hint: --backup-lock 1m waits "
      "longer; --backup-lock 0 goes on without: what was written meanwhile is not in the backup)",
      told);
}

bool dba_job_note_own(const DbaJob *job, GError **error) {
  if (!dba_job_is_saved(job))
    return true;
  g_autoptr(DbaResult) id = dba_server_query(job->runner->server, dba_embedded_migrate_sql("run_own_transaction"), NULL, error);
  if (id && dba_result_text(id, 0, 0))
    g_string_append_printf(job->own, "%s%s", job->own->len ? " " : "", dba_result_text(id, 0, 0));
  return id != NULL;
}

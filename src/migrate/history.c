// SPDX-License-Identifier: Apache-2.0
// What was run on a target: dbarch's own table, and those of golang-migrate and dbmate, read and kept in step.
//
// A target that another tool has migrated is taken over as it stands: what its table says was run is written into ours, with the checksums of the files as they
// are now, and whatever we run or undo is written into its table too, so that either tool can go on.
#include "migrate/run-int.h"

#include "migrate-sql.h"

#include <string.h>

static void take_row(const DbaResult *rows, int i, DbaHistory *history) {
  DbaApplied *applied = dba_list_add(history->arena, &history->applied, sizeof *applied);
  DbaArena *arena = history->arena;
  const char *state = dba_result_text(rows, i, 3);
  *applied = (DbaApplied){.label = dba_arena_text(arena, dba_result_text(rows, i, 0)),
                          .version = dba_arena_text(arena, dba_result_text(rows, i, 1)),
                          .checksum = dba_arena_text(arena, dba_result_text(rows, i, 2)),
                          .running = !strcmp(state, "running"),
                          .undoing = !strcmp(state, "undoing"),
                          .begun = (uint32_t)dba_result_int(rows, i, 4),
                          .done = (uint32_t)dba_result_int(rows, i, 5),
                          .applied_at = dba_arena_text(arena, dba_result_text(rows, i, 6)),
                          .applied_by = dba_arena_text(arena, dba_result_text(rows, i, 7)),
                          .duration_ms = dba_result_real(rows, i, 8),
                          .taken_from = dba_arena_text(arena, dba_result_text(rows, i, 9)),
                          .override = dba_arena_text(arena, dba_result_text(rows, i, 10)),
                          .ledger = dba_arena_text(arena, dba_result_text(rows, i, 11)),
                          .reached = dba_arena_text(arena, dba_result_text(rows, i, 12)),
                          .rows = dba_result_int(rows, i, 13),
                          .stored = true};
}

// golang-migrate: all up to its one version; dbmate: each of its versions.
static bool take_foreign(DbaServer *server, const DbaMigrations *migrations, DbaHistory *history, GError **error) {
  g_autofree char *sql = g_strdup_printf("select version::text, %s from %s order by 1",
                                         !strcmp(history->foreign, "dbmate") ? "false" : "dirty", history->foreign_table);
  g_autoptr(DbaResult) rows = dba_server_query(server, sql, NULL, error);
  if (!rows)
    return false;
  bool upto = !strcmp(history->foreign, "golang-migrate");
  if (upto && dba_result_rows(rows) && *dba_result_text(rows, 0, 1) == 't')
    return dba_fail(
        error, DBA_ERROR_REFUSED,
        "golang-migrate left version %s half done (dirty): somebody must look at it first (hint: migrate force VERSION, once it is clear)",
        dba_result_text(rows, 0, 0));
  for (DBA_EACH(DbaMigration, migration, &migrations->migrations)) {
    bool run = false;
    for (int i = 0; migration->version && i < dba_result_rows(rows); i++) {
      int order = dba_version_compare(migration->version, dba_result_text(rows, i, 0));
      run = run || order == 0 || (upto && order < 0);
    }
    if (!run || !migration->up || dba_history_applied(history, migration))
      continue;
    DbaApplied *applied = dba_list_add(history->arena, &history->applied, sizeof *applied);
    *applied = (DbaApplied){
        .label = migration->label, .version = migration->version, .checksum = migration->up->checksum, .taken_from = history->foreign};
  }
  return true;
}

bool dba_history_read(DbaServer *server, const DbaMigrations *migrations, DbaArena *arena, DbaHistory *ret_history, GError **error) {
  *ret_history = (DbaHistory){.arena = arena};
  g_autoptr(DbaResult) found = dba_server_query(server, dba_embedded_migrate_sql("history_find"), NULL, error);
  if (!found)
    return false;
  ret_history->ours = *dba_result_text(found, 0, 0) == 't';
  ret_history->foreign = dba_arena_text(arena, dba_result_text(found, 0, 1));
  ret_history->foreign_table = dba_arena_text(arena, dba_result_text(found, 0, 2));
  ret_history->schema_there = *dba_result_text(found, 0, 3) == 't';
  if (!ret_history->ours)
    return !ret_history->foreign || take_foreign(server, migrations, ret_history, error);
  g_autoptr(DbaResult) rows = dba_server_query(server, dba_embedded_migrate_sql("history_read"), NULL, error);
  for (int i = 0; rows && i < dba_result_rows(rows); i++)
    take_row(rows, i, ret_history);
  return rows && (!ret_history->foreign || take_foreign(server, migrations, ret_history, error)); // it may have gone on by itself
}

bool dba_history_runner(DbaServer *server, int64_t *ret_pid, GError **error) {
  g_autoptr(DbaResult) found = dba_server_query(server, dba_embedded_migrate_sql("run_holder"), NULL, error);
  if (found)
    *ret_pid = dba_result_rows(found) ? dba_result_int(found, 0, 0) : 0;
  return found != NULL;
}

const DbaApplied *dba_history_applied(const DbaHistory *history, const DbaMigration *migration) {
  for (DBA_EACH(DbaApplied, applied, &history->applied))
    if (!strcmp(applied->label, migration->label) ||
        (migration->version && applied->version && !dba_version_compare(applied->version, migration->version)))
      return applied;
  return NULL;
}

bool dba_history_add(DbaServer *server, const DbaMigration *migration, const char *state, const DbaHistoryNote *note, double ms,
                     GError **error) {
  g_autofree char *duration = ms > 0 ? g_strdup_printf("%.3f", ms) : g_strdup("");
  const char *parameters[] = {migration->label,
                              migration->version ? migration->version : "",
                              migration->up->checksum,
                              state,
                              duration,
                              DBARCH_VERSION,
                              note && note->taken_from ? note->taken_from : "",
                              note && note->override ? note->override : "",
                              note && note->ledger ? note->ledger : "",
                              NULL};
  g_autoptr(DbaResult) added = dba_server_query(server, dba_embedded_migrate_sql("history_add"), parameters, error);
  return added != NULL;
}

// The table where there is none, and rows for what another tool ran; one transaction.
bool dba_history_create(DbaServer *server, const DbaMigrations *migrations, DbaHistory *history, GError **error) {
  if (!dba_server_exec(server, "begin", error) ||
      (!history->ours && !history->schema_there && !dba_server_exec(server, "create schema dbarch", error)) ||
      (!history->ours && !dba_server_exec(server, dba_embedded_migrate_sql("history_create"), error)))
    return false;
  for (DBA_EACH(DbaApplied, applied, &history->applied)) {
    const DbaMigration *migration = applied->stored ? NULL : dba_migrations_find(migrations, applied->label);
    if (migration && !dba_history_add(server, migration, "applied", &(DbaHistoryNote){.taken_from = applied->taken_from}, 0, error))
      return false;
    applied->stored = true;
  }
  history->ours = dba_server_exec(server, "commit", error);
  return history->ours;
}

void dba_history_mark(DbaHistory *history, const DbaMigration *migration, bool down) {
  DbaApplied *applied = (DbaApplied *)(uintptr_t)dba_history_applied(history, migration), *first = history->applied.items;
  if (down) {
    if (applied)
      memmove(applied, applied + 1, (size_t)(first + history->applied.n - applied - 1) * sizeof *applied);
    history->applied.n -= applied != NULL;
    return;
  }
  if (!applied)
    applied = dba_list_add(history->arena, &history->applied, sizeof *applied);
  *applied = (DbaApplied){.label = migration->label, .version = migration->version, .checksum = migration->up->checksum, .stored = true};
}

// The other tool's table, after one of ours went up or down; `before`: the version that is the newest then, NULL: none.
bool dba_history_tell_foreign(DbaServer *server, const DbaHistory *history, const DbaMigration *migration, bool down, const char *before,
                              GError **error) {
  if (!history->foreign || !migration->version)
    return true;
  bool upto = !strcmp(history->foreign, "golang-migrate");
  g_autofree char *remove = upto ? g_strdup_printf("delete from %s", history->foreign_table)
                                 : g_strdup_printf("delete from %s where version::text = $1", history->foreign_table),
                  *insert = upto ? g_strdup_printf("insert into %s (version, dirty) values ($1::bigint, false)", history->foreign_table)
                                 : g_strdup_printf("insert into %s (version) values ($1)", history->foreign_table);
  const char *version = upto && down ? before : migration->version, *one[] = {migration->version, NULL}, *other[] = {version, NULL};
  if (upto || down) {
    g_autoptr(DbaResult) removed = dba_server_query(server, remove, upto ? NULL : one, error);
    if (!removed)
      return false;
  }
  if ((upto && !version) || (!upto && down))
    return true;
  g_autoptr(DbaResult) inserted = dba_server_query(server, insert, other, error);
  return inserted != NULL;
}

// ---- status ---------------------------------------------------------------------------------------------------------

static bool has_file(const DbaMigrations *migrations, const DbaApplied *applied) {
  for (DBA_EACH(DbaMigration, migration, &migrations->migrations))
    if (!strcmp(applied->label, migration->label) ||
        (migration->version && applied->version && !dba_version_compare(applied->version, migration->version)))
      return true;
  return false;
}

void dba_history_status(const DbaMigrations *migrations, const DbaHistory *history, DbaArena *arena, DbaList *ret_rows) {
  const char *newest = NULL;
  for (DBA_EACH(DbaMigration, migration, &migrations->migrations))
    if (migration->version && dba_history_applied(history, migration))
      newest = migration->version;
  for (DBA_EACH(DbaMigration, migration, &migrations->migrations)) {
    const DbaApplied *applied = dba_history_applied(history, migration);
    DbaStatusRow *row = dba_list_add(arena, ret_rows, sizeof *row);
    *row = (DbaStatusRow){.migration = migration, .applied = applied, .label = migration->label};
    bool changed = applied && migration->up && strcmp(applied->checksum, migration->up->checksum);
    row->state = !applied && newest && migration->version && dba_version_compare(migration->version, newest) < 0 ? DBA_STATE_LATE
                 : !applied                                                                                      ? DBA_STATE_PENDING
                 : applied->running || applied->undoing                                                          ? DBA_STATE_STOPPED
                 : changed && migration->repeatable                                                              ? DBA_STATE_PENDING
                 : changed                                                                                       ? DBA_STATE_EDITED
                                                                                                                 : DBA_STATE_APPLIED;
  }
  for (DBA_EACH(DbaApplied, applied, &history->applied))
    if (!has_file(migrations, applied)) {
      DbaStatusRow *row = dba_list_add(arena, ret_rows, sizeof *row);
      *row = (DbaStatusRow){.applied = applied, .label = applied->label, .state = DBA_STATE_MISSING};
    }
}

const char *dba_state_name(DbaMigrationState state) {
  static const char *const names[] = {"applied", "pending", "out of order", "edited", "stopped", "file missing"};
  return names[state];
}

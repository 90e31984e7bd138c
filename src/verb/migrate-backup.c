// SPDX-License-Identifier: Apache-2.0
// The backup before values are destroyed: a dump of their tables that was restored and compared, or an archive of the server's WAL that is fresh.
//
// The dump is taken and summed up in one snapshot.  It is restored into a database of a lab that has the target's types and tables and no constraints, since
// what its rows refer to is not dumped; count and sum of every table must be the target's.
#include "verb/verb.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

typedef struct Backup {
  const DbaRequest *request;
  DbaServer *source;
  DbaLab *lab;
  GPtrArray *tables; // as SQL, partitions too
  const char *since; // the oldest transaction that the snapshot cannot see whole
  char **environment;
  char *path, *shape;           // the rows; types and tables to restore them into
  char *path_kept, *shape_kept; // the names that they get once they are proven
} Backup;

static void backup_clear(Backup *backup) {
  g_clear_pointer(&backup->source, dba_server_close);
  g_clear_pointer(&backup->lab, dba_lab_stop);
  g_clear_pointer(&backup->tables, g_ptr_array_unref);
  g_clear_pointer(&backup->environment, g_strfreev);
  g_clear_pointer(&backup->path, g_free);
  g_clear_pointer(&backup->shape, g_free);
  g_clear_pointer(&backup->path_kept, g_free);
  g_clear_pointer(&backup->shape_kept, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Backup, backup_clear)

// ---- an archive -----------------------------------------------------------------------------------------------------

// The time of the newest file in a folder and those below; 0: there is none.
static time_t newest_below(const char *folder, unsigned depth) {
  enum { DEEPEST = 6 };
  time_t newest = 0;
  g_autoptr(GDir) dir = depth < DEEPEST ? g_dir_open(folder, 0, NULL) : NULL;
  for (const char *name; dir && (name = g_dir_read_name(dir));) {
    g_autofree char *path = g_build_filename(folder, name, NULL);
    struct stat there;
    if (lstat(path, &there) != 0)
      continue;
    time_t found = S_ISDIR(there.st_mode) ? newest_below(path, depth + 1) : S_ISREG(there.st_mode) ? there.st_mtime : 0;
    newest = MAX(newest, found);
  }
  return newest;
}

static bool archive_is_fresh(const DbaRequest *request, const DbaConfig *config, GError **error) {
  time_t newest = newest_below(config->backup_archive, 0);
  double age = difftime(time(NULL), newest);
  g_autofree char *old = dba_text_duration(age * 1e3), *allowed = dba_text_duration(config->backup_age_seconds * 1e3);
  if (!newest)
    return dba_fail(error, DBA_ERROR_REFUSED, "%s: the WAL archive that dbarch.yaml declares holds no file that can be seen",
                    config->backup_archive);
  if (age > config->backup_age_seconds)
    return dba_fail(error, DBA_ERROR_REFUSED,
                    "%s: the newest file of the WAL archive is %s old (limit %s): values would be lost with no way back",
                    config->backup_archive, old, allowed);
  dba_request_announce(request, "the WAL archive %s is %s old", config->backup_archive, age < 1 ? "a second" : old);
  return true;
}

// ---- a dump ---------------------------------------------------------------------------------------------------------

static bool find_tables(Backup *backup, const DbaList *destroyed, GError **error) {
  for (DBA_EACH(DbaDestroyed, each, destroyed)) {
    const char *parameters[] = {each->oid, NULL};
    if (!each->oid)
      continue;
    g_autoptr(DbaResult) all = dba_server_query(backup->source, dba_migrate_partitions_sql(), parameters, error);
    for (int i = 0; all && i < dba_result_rows(all); i++)
      if (!g_ptr_array_find_with_equal_func(backup->tables, dba_result_text(all, i, 0), g_str_equal, NULL))
        g_ptr_array_add(backup->tables, g_strdup(dba_result_text(all, i, 0)));
    if (!all)
      return false;
  }
  return true;
}

static bool run_program(const Backup *backup, const char *name, const char *const *words, bool on_source, GError **error) {
  if (dba_lab_run_program(backup->lab, name, words, on_source ? (const char *const *)backup->environment : NULL, error))
    return true;
  g_prefix_error(error, "the backup failed, and nothing was changed: ");
  return false;
}

static bool dump(const Backup *backup, const char *snapshot, GError **error) {
  g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
  const char *plain[] = {"--format=custom",         "--no-owner", "--no-privileges", "--no-password",
                         "--lock-wait-timeout=10s", "--file",     backup->path};
  for (size_t i = 0; i < G_N_ELEMENTS(plain); i++)
    g_ptr_array_add(words, g_strdup(plain[i]));
  g_ptr_array_add(words, g_strconcat("--snapshot=", snapshot, NULL));
  for (guint i = 0; i < backup->tables->len; i++)
    g_ptr_array_add(words, g_strconcat("--table=", (const char *)backup->tables->pdata[i], NULL));
  g_ptr_array_add(words, NULL);
  return run_program(backup, "pg_dump", (const char *const *)words->pdata, true, error);
}

// A database with the target's types and tables, without constraints.
static bool make_room(const Backup *backup, const char *snapshot, GError **error) {
  const char *path = backup->shape;
  g_autofree char *sql = NULL, *seen = g_strconcat("--snapshot=", snapshot, NULL);
  g_autoptr(DbaLoad) load = dba_load_new();
  size_t length;
  const char *const words[] = {
      "--section=pre-data", "--no-owner", "--no-privileges", "--no-password", "--lock-wait-timeout=10s", seen, "--file", path, NULL};
  return run_program(backup, "pg_dump", words, true, error) && dba_file_read(path, &sql, &length, error) &&
         dba_lab_create_database(backup->lab, "restored", NULL, error) &&
         dba_lab_load_text(backup->lab, "restored", "schema", sql, true, load, error);
}

static bool restore(const Backup *backup, GError **error) {
  g_autofree char *conninfo = dba_lab_conninfo(backup->lab, DBA_LAB_SUBJECT_ROLE, "restored");
  const char *const words[] = {"--data-only", "--no-owner", "--exit-on-error", "--dbname", conninfo, backup->path, NULL};
  return run_program(backup, "pg_restore", words, false, error);
}

// Rows, and a sum over all of them, of each table.
static bool sum_up(const Backup *backup, DbaServer *server, GPtrArray *sums, GError **error) {
  for (const char *const *setting = dba_table_sum_settings; *setting; setting++) {
    g_autofree char *sql = g_strconcat("set ", *setting, NULL);
    if (!dba_server_exec(server, sql, error))
      return false;
  }
  for (guint i = 0; i < backup->tables->len; i++) {
    char *sum = dba_table_sum(server, backup->tables->pdata[i], error);
    if (!sum)
      return false;
    g_ptr_array_add(sums, sum);
  }
  return true;
}

static bool prove(const Backup *backup, const GPtrArray *before, GError **error) {
  g_autoptr(DbaServer) restored = dba_lab_connect(backup->lab, DBA_LAB_SUBJECT_ROLE, "restored", error);
  g_autoptr(GPtrArray) after = g_ptr_array_new_with_free_func(g_free);
  if (!restored || !sum_up(backup, restored, after, error))
    return false;
  for (guint i = 0; i < before->len; i++)
    if (strcmp(before->pdata[i], after->pdata[i]))
      return dba_fail(error, DBA_ERROR_REFUSED, "the backup is not good: restored in the lab, %s has %s, and had %s",
                      (const char *)backup->tables->pdata[i], (const char *)after->pdata[i], (const char *)before->pdata[i]);
  return true;
}

static bool dump_and_prove(Backup *backup, const char *label, DbaArena *arena, DbaBackup *ret_backup, GError **error) {
  const DbaRequest *request = backup->request;
  g_autoptr(GDateTime) now = g_date_time_new_now_utc();
  g_autoptr(GPtrArray) before = g_ptr_array_new_with_free_func(g_free);
  g_autofree char *at = g_date_time_format(now, "%Y%m%dT%H%M%S.%fZ"),
                  *name = g_strdelimit(g_strdup_printf("%s-%s.dump", at, label), "/", '-'),
                  *folder = g_canonicalize_filename(request->backup_dir, NULL);
  backup->path_kept = g_build_filename(folder, name, NULL);
  backup->shape_kept = g_strconcat(backup->path_kept, ".schema.sql", NULL);
  backup->path = g_strconcat(backup->path_kept, ".part", NULL);
  backup->shape = g_strconcat(backup->shape_kept, ".part", NULL);
  if (!dba_file_make_folder(folder, 0700, error) ||
      !dba_migrate_start_lab(request, dba_server_major(backup->source), &backup->lab, error) ||
      !dba_server_exec(backup->source, "begin isolation level repeatable read, read only", error))
    return false;
  g_autoptr(DbaResult) snapshot = dba_server_query(
      backup->source,
      "select pg_catalog.pg_export_snapshot(), pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())::pg_catalog.text", NULL,
      error);
  if (!snapshot)
    return false;
  const char *seen = dba_result_text(snapshot, 0, 0);
  backup->since = dba_arena_text(arena, dba_result_text(snapshot, 0, 1));
  dba_request_progress(request, "dumping %u tables", backup->tables->len);
  mode_t mask = umask(077); // production data
  bool ok = dump(backup, seen, error) && make_room(backup, seen, error);
  (void)umask(mask);
  ok = ok && sum_up(backup, backup->source, before, error);
  if (ok && !dba_server_exec(backup->source, "commit", error)) // nobody's vacuum waits for the proof
    return false;
  dba_request_progress(request, "restoring the dump in the lab");
  if (!ok || !restore(backup, error) || !prove(backup, before, error))
    return false;
  if (rename(backup->path, backup->path_kept) != 0 || rename(backup->shape, backup->shape_kept) != 0)
    return dba_fail(error, DBA_ERROR_REFUSED, "%s: cannot be renamed: %s", backup->path, g_strerror(errno));
  ret_backup->since = backup->since;
  for (guint i = 0; i < backup->tables->len; i++)
    *(DbaSaved *)dba_list_add(arena, &ret_backup->tables, sizeof(DbaSaved)) =
        (DbaSaved){dba_arena_text(arena, backup->tables->pdata[i]), dba_arena_text(arena, before->pdata[i])};
  return true;
}

bool dba_migrate_back_up(const DbaRequest *request, const DbaConfig *config, const DbaList *destroyed, bool only_check, DbaArena *arena,
                         DbaBackup *ret_backup, GError **error) {
  g_auto(Backup) backup = {.request = request, .tables = g_ptr_array_new_with_free_func(g_free)};
  g_autofree char *shown = NULL;
  if (config->backup_archive && !request->backup_dir)
    return archive_is_fresh(request, config, error);
  const char *label = NULL;
  g_autoptr(GString) objects = g_string_new(NULL);
  for (DBA_EACH(DbaDestroyed, each, destroyed))
    if (each->table) {
      label = label ? label : each->migration;
      g_string_append_printf(objects, "%s%s", objects->len ? ", " : "", each->object);
    }
  if (!request->backup_dir)
    return dba_fail(
        error, DBA_ERROR_REFUSED,
        "there is no backup of %s (hint: --backup-dir FOLDER makes one and restores it in the lab; backup: in dbarch.yaml declares a WAL "
        "archive; --override backup=\"reason\" goes without)",
        objects->str);
  if (only_check)
    return dba_file_make_folder(request->backup_dir, 0700, error);
  if (!dba_migrate_connect(request, &backup.source, &shown, error) || !find_tables(&backup, destroyed, error))
    return false;
  backup.environment = dba_server_environment(backup.source, request->path);
  if (!dump_and_prove(&backup, label, arena, ret_backup, error)) {
    if (backup.path)
      (void)unlink(backup.path);
    if (backup.shape)
      (void)unlink(backup.shape);
    return false;
  }
  dba_request_announce(request, "backup of %s: %s, restored in the lab and equal (into what %s makes)", objects->str, backup.path_kept,
                       backup.shape_kept);
  return true;
}

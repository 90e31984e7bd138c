// SPDX-License-Identifier: Apache-2.0
// The watcher: who waits for whom, and what the database needs on disk, looked at again and again while clients run.
#include "lab/drive-int.h"

#include "lab-sql.h"

#include <math.h>
#include <string.h>

bool dba_drive_read_sizes(DbaServer *server, DbaDriveSizes *ret_sizes, GError **error) {
  g_autoptr(DbaResult) row = dba_server_query(server, dba_embedded_lab_sql("drive_sizes"), NULL, error);
  if (row)
    *ret_sizes =
        (DbaDriveSizes){dba_result_int(row, 0, 0), dba_result_int(row, 0, 1), dba_result_text(row, 0, 2) ? dba_result_real(row, 0, 2) : -1};
  return row != NULL;
}

// Who waits for the work, or for one that waits for it.
static void find_waits_for_work(const DbaDriveWatch *watch, const DbaResult *found, GHashTable *waiting) {
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

static void see(DbaDriveWatch *watch, const DbaResult *found, gint64 now_us) {
  g_autoptr(GHashTable) waiting = g_hash_table_new(NULL, NULL);
  find_waits_for_work(watch, found, waiting);
  for (int row = 0; row < dba_result_rows(found); row++) {
    bool for_work = g_hash_table_contains(waiting, GINT_TO_POINTER((int)dba_result_int(found, row, 0)));
    bool of_work = dba_result_int(found, row, 0) == watch->driver->drive->work_pid;
    if (watch->driver->drive->work && !for_work && !of_work) // of clients among themselves: not asked for, and there may be thousands
      continue;
    g_autofree char *key = g_strdup_printf("%s %s", dba_result_text(found, row, 0), dba_result_text(found, row, 1));
    guint number = GPOINTER_TO_UINT(g_hash_table_lookup(watch->open, key));
    double at = (double)(now_us - watch->driver->begin_us) / 1e3;
    if (number) {
      DbaWait *wait = dba_list_at(DbaWait, &watch->waits, number - 1);
      wait->ms = fmax(wait->ms, dba_result_real(found, row, 4));
      wait->for_work |= for_work && !of_work;
      continue;
    }
    watch->more += watch->waits.n >= DBA_DRIVE_MOST_WAITS;
    if (watch->waits.n >= DBA_DRIVE_MOST_WAITS)
      continue;
    DbaWait *wait = dba_list_add(watch->arena, &watch->waits, sizeof *wait);
    *wait = (DbaWait){.waiter = dba_arena_text(watch->arena, dba_result_text(found, row, 5)),
                      .holder = dba_arena_text(watch->arena, dba_result_text(found, row, 6)),
                      .mode = dba_arena_text(watch->arena, dba_result_text(found, row, 2)),
                      .held = dba_arena_text(watch->arena, dba_result_text(found, row, 7)),
                      .relation = dba_arena_text(watch->arena, dba_result_text(found, row, 3)),
                      .begin_ms = at - dba_result_real(found, row, 4),
                      .ms = dba_result_real(found, row, 4),
                      .for_work = for_work && !of_work,
                      .of_work = of_work};
    g_hash_table_insert(watch->open, g_steal_pointer(&key), GUINT_TO_POINTER(watch->waits.n));
  }
}

void *dba_drive_watch(void *data) {
  DbaDriveWatch *watch = data;
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
    if (watch->driver->drive->work && g_get_monotonic_time() - sized_us > DBA_DRIVE_SIZES_US) {
      DbaDriveSizes sizes;
      if (!dba_drive_read_sizes(watch->server, &sizes, &problem)) {
        watch->error = g_steal_pointer(&problem);
        break;
      }
      watch->peak_bytes = MAX(watch->peak_bytes, sizes.disk_bytes);
      watch->lag_seconds = fmax(watch->lag_seconds, sizes.lag_seconds);
      sized_us = g_get_monotonic_time();
    }
    g_usleep(DBA_DRIVE_WATCH_US);
  }
  return NULL;
}

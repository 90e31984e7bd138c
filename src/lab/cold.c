// SPDX-License-Identifier: Apache-2.0
// Cold caches: neither the server nor the kernel holds a page of the database.
#include "lab/lab-int.h"
#include "lab/measuring.h"

#include "sql/sql.h"

#include "lab-sql.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

// What the kernel holds of a file goes once it is on disk (posix_fadvise(2), POSIX_FADV_DONTNEED).
static bool forget_file(const char *path, GError **error) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0)
    return errno == ENOENT || dba_fail(error, DBA_ERROR_LAB, "%s: %s", path, g_strerror(errno)); // dropped meanwhile
  int problem = fdatasync(fd) ? errno : posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  close(fd);
  return !problem || dba_fail(error, DBA_ERROR_LAB, "%s: cannot be put out of the cache: %s", path, g_strerror(problem));
}

static bool forget_files(const char *folder, GError **error) {
  g_autoptr(GError) problem = NULL;
  g_autoptr(GDir) dir = g_dir_open(folder, 0, &problem);
  if (!dir)
    return dba_fail(error, DBA_ERROR_LAB, "%s", problem->message);
  for (const char *name; (name = g_dir_read_name(dir));) {
    g_autofree char *path = g_build_filename(folder, name, NULL);
    if (!forget_file(path, error))
      return false;
  }
  return true;
}

bool dba_lab_forget_pages(const DbaLab *lab, DbaServer *admin, const char *database, const char *modules, char **ret_oid, GError **error) {
  g_autofree char *module = NULL;
  if (!dba_lab_install_module(lab, modules, &module, error))
    return false;
  g_autoptr(GString) make = g_string_new("create or replace function pg_temp.forget_pages(oid) returns void strict language c as ");
  dba_sql_append_literal(make, module);
  g_string_append(make, ", 'dbarch_forget_pages'");
  const char *parameters[] = {database, NULL};
  g_autoptr(DbaResult) oid =
      dba_server_exec(admin, make->str, error) ? dba_server_query(admin, dba_embedded_lab_sql("forget_pages"), parameters, error) : NULL;
  if (!oid)
    return false;
  if (!dba_result_rows(oid))
    return dba_fail(error, DBA_ERROR_LAB, "there is no database \"%s\" in the lab", database);
  if (ret_oid)
    *ret_oid = g_strdup(dba_result_text(oid, 0, 1));
  return true;
}

bool dba_lab_make_cold(const DbaLab *lab, DbaServer *admin, const char *database, const char *modules, GError **error) {
  g_autofree char *oid = NULL;
  if (!dba_lab_forget_pages(lab, admin, database, modules, &oid, error))
    return false;
  g_autofree char *folder = g_build_filename(dba_lab_folder(lab), "data", "base", oid, NULL);
  return forget_files(folder, error);
}

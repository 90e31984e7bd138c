// SPDX-License-Identifier: Apache-2.0
// A database dumped and loaded again.
//
// What a user types is kept as a tree, and the server's text of the tree is parsed anew by a load: varchar CHECK (x IN ('a')) comes back with other
// casts than it had.  After one reload texts are stable (ruleutils.c), so that two databases that mean the same are the same.
#include "migrate/undo-int.h"

#include <sys/wait.h>
#include <unistd.h>

static const char RELOADED[] = "reloaded";

static bool dump(const DbaLab *lab, const char *database, const char *relation, bool children, const char *path, GError **error) {
  g_autofree char *program = g_build_filename(dba_lab_binaries(lab)->bin, "pg_dump", NULL),
                  *conninfo = dba_lab_conninfo(lab, DBA_LAB_SUBJECT_ROLE, database);
  bool both = children && dba_lab_binaries(lab)->major >= 16; // older ones dump them one by one
  g_autofree char *table = relation ? g_strconcat(both ? "--table-and-children=" : "--table=", relation, NULL) : NULL;
  const char *const argv[] = {program, "--schema-only", "--dbname", conninfo, "--file", path, table, NULL};
  int status;
  if (!dba_process_run(&(DbaSpawn){.argv = argv, .uid = geteuid(), .gid = getegid()}, &status, error))
    return false;
  return (WIFEXITED(status) && WEXITSTATUS(status) == 0) || dba_fail(error, DBA_ERROR_DATABASE, "pg_dump of a database of the lab failed");
}

DbaCatalog *dba_catalog_read_reloaded(const DbaLab *lab, DbaCatalogReader *reader, const char *database, GError **error) {
  g_autofree char *path = g_build_filename(dba_lab_folder(lab), "reload.sql", NULL), *sql = NULL;
  g_autoptr(DbaLoad) load = dba_load_new();
  size_t length;
  bool ok = dump(lab, database, NULL, false, path, error) && dba_file_read(path, &sql, &length, error);
  (void)unlink(path);
  if (!ok || !dba_lab_create_database(lab, RELOADED, NULL, error))
    return NULL;
  DbaCatalog *catalog = dba_lab_load_text(lab, RELOADED, path, sql, true, load, error) ? dba_catalog_read(reader, RELOADED, error) : NULL;
  dba_catalog_let_go(reader);
  if (!dba_lab_drop_database(lab, RELOADED, catalog ? error : NULL))
    g_clear_pointer(&catalog, dba_catalog_free);
  return catalog;
}

bool dba_lab_dump_relation(const DbaLab *lab, const char *database, const char *name, bool children, char **ret_sql, GError **error) {
  g_autofree char *path = g_build_filename(dba_lab_folder(lab), "relation.sql", NULL);
  size_t length;
  bool ok = dump(lab, database, name, children, path, error) && dba_file_read(path, ret_sql, &length, error);
  (void)unlink(path);
  return ok;
}

// SPDX-License-Identifier: Apache-2.0
// Finding a PostgreSQL server to run: --pg-bin, the private runtime, the distribution.
#include "lab/lab-int.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SYSTEM_CACHE "/var/cache/dbarch"

enum { PREFERRED_MAJOR = 17, OLDEST_MAJOR = 15 };

void dba_lab_binaries_clear(DbaLabBinaries *binaries) {
  g_clear_pointer(&binaries->bin, g_free);
  g_clear_pointer(&binaries->version, g_free);
  g_clear_pointer(&binaries->origin, g_free);
}

// Asks the program itself: "postgres (PostgreSQL) 17.11 (Debian ...)".
static bool probe(const char *bin, const char *origin, DbaLabBinaries *ret_binaries) {
  g_autofree char *postgres = g_build_filename(bin, "postgres", NULL), *initdb = g_build_filename(bin, "initdb", NULL), *out = NULL;
  if (!g_file_test(postgres, G_FILE_TEST_IS_EXECUTABLE) || !g_file_test(initdb, G_FILE_TEST_IS_EXECUTABLE))
    return false;
  const char *argv[] = {postgres, "--version", NULL};
  int status;
  if (!g_spawn_sync(NULL, (char **)(uintptr_t)argv, NULL, G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, &out, NULL, &status, NULL) ||
      status != 0 || !out)
    return false;
  const char *number = strstr(out, ") ");
  if (!number)
    return false;
  number += 2;
  size_t length = strcspn(number, " \n");
  *ret_binaries = (DbaLabBinaries){g_strdup(bin), g_strndup(number, length), (int)g_ascii_strtoll(number, NULL, 10), g_strdup(origin)};
  return true;
}

static void add(GArray *found, const char *bin, const char *origin) {
  DbaLabBinaries binaries;
  if (probe(bin, origin, &binaries))
    g_array_append_val(found, binaries);
}

static gint newest_first(gconstpointer a, gconstpointer b) {
  const DbaLabBinaries *x = a, *y = b;
  return y->major - x->major;
}

static void add_majors(GArray *found, const char *root, bool runtime, const char *origin) {
  g_autoptr(GArray) here = g_array_new(FALSE, FALSE, sizeof(DbaLabBinaries));
  g_autoptr(GDir) dir = g_dir_open(root, 0, NULL);
  for (const char *name; dir && (name = g_dir_read_name(dir));) {
    g_autofree char *rest = runtime ? g_build_filename("usr/lib/postgresql", name, "bin", NULL) : NULL;
    g_autofree char *bin = g_build_filename(root, name, rest ? rest : "bin", NULL);
    if (g_ascii_isdigit(*name))
      add(here, bin, origin);
  }
  g_array_sort(here, newest_first);
  g_array_append_vals(found, here->data, here->len);
}

GArray *dba_lab_list_binaries(const DbaLabHome *home) {
  GArray *found = g_array_new(FALSE, FALSE, sizeof(DbaLabBinaries));
  g_array_set_clear_func(found, (GDestroyNotify)dba_lab_binaries_clear);
  if (home->pg_bin)
    add(found, home->pg_bin, "--pg-bin");
  g_autofree char *runtime = g_build_filename(home->cache, "runtime", NULL);
  add_majors(found, runtime, true, "private runtime");
  if (strcmp(home->cache, SYSTEM_CACHE)) // what root brought serves everybody
    add_majors(found, SYSTEM_CACHE "/runtime", true, "private runtime");
  add_majors(found, "/usr/lib/postgresql", false, "distribution");
  return found;
}

bool dba_lab_find_binaries(const DbaLabHome *home, DbaLabBinaries *ret_binaries, GError **error) {
  if (home->pg_bin) { // named: that or nothing
    if (!probe(home->pg_bin, "--pg-bin", ret_binaries))
      return dba_fail(error, DBA_ERROR_LAB, "%s: no PostgreSQL server there that runs (postgres and initdb are needed)", home->pg_bin);
    return true;
  }
  g_autoptr(GArray) found = dba_lab_list_binaries(home);
  const DbaLabBinaries *best = NULL;
  for (guint i = 0; i < found->len; i++) {
    const DbaLabBinaries *x = &g_array_index(found, DbaLabBinaries, i);
    if (x->major < OLDEST_MAJOR || (home->major && x->major != home->major))
      continue;
    if (!best || (x->major == PREFERRED_MAJOR && best->major != PREFERRED_MAJOR))
      best = x;
  }
  if (!best) {
    if (home->major)
      return dba_fail(error, DBA_ERROR_LAB, "no PostgreSQL %d server was found (hint: dbarch doctor says what is there and how to get it)",
                      home->major);
    return dba_fail(error, DBA_ERROR_LAB,
                    "no PostgreSQL server was found (hint: dbarch doctor --install brings one, or name its folder with --pg-bin)");
  }
  *ret_binaries = (DbaLabBinaries){g_strdup(best->bin), g_strdup(best->version), best->major, g_strdup(best->origin)};
  return true;
}

static gint compare_text(gconstpointer a, gconstpointer b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

GPtrArray *dba_lab_list_extensions(const DbaLabBinaries *binaries) {
  GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
  // Debian: .../lib/postgresql/17/bin beside .../share/postgresql/17/extension
  g_autofree char *folder = g_strdup_printf("%s/../../../../share/postgresql/%d/extension", binaries->bin, binaries->major);
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  for (const char *name; dir && (name = g_dir_read_name(dir));)
    if (g_str_has_suffix(name, ".control"))
      g_ptr_array_add(names, g_strndup(name, strlen(name) - strlen(".control")));
  g_ptr_array_sort(names, compare_text);
  return names;
}

// Left out on purpose: dblink, postgres_fdw, file_fdw (open connections and files), adminpack, pageinspect, pg_surgery and
// the like (reach below the access rules), untrusted languages.
static const char *const allowed_extensions[] = {"amcheck",
                                                 "bloom",
                                                 "btree_gin",
                                                 "btree_gist",
                                                 "citext",
                                                 "cube",
                                                 "dict_int",
                                                 "dict_xsyn",
                                                 "earthdistance",
                                                 "fuzzystrmatch",
                                                 "hstore",
                                                 "hypopg",
                                                 "intarray",
                                                 "isn",
                                                 "lo",
                                                 "ltree",
                                                 "moddatetime",
                                                 "pg_prewarm",
                                                 "pg_stat_statements",
                                                 "pg_trgm",
                                                 "pgcrypto",
                                                 "pgrowlocks",
                                                 "pgstattuple",
                                                 "plpgsql",
                                                 "seg",
                                                 "tablefunc",
                                                 "tcn",
                                                 "tsm_system_rows",
                                                 "tsm_system_time",
                                                 "unaccent",
                                                 "uuid-ossp",
                                                 "vector",
                                                 "autoinc",
                                                 "insert_username",
                                                 "refint",
                                                 "postgis",
                                                 "pg_freespacemap",
                                                 "pg_visibility",
                                                 NULL};

bool dba_lab_extension_allowed(const char *name) { return g_strv_contains(allowed_extensions, name); }

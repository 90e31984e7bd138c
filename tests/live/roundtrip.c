// SPDX-License-Identifier: Apache-2.0
// Catalog to Schema to SQL and back: roundtrip FILE.sql...
//
// A: the file, loaded.  B: what the writer makes of A.  Both are canonicalised once by pg_dump and a reload (A', B'), since
// some expressions deparse differently after their first reload; then the models must compare equal, and so must
// pg_dump --schema-only of both but for the order of statements.
#include "../test.h"

static DbaLab *lab;

static char *dump(const char *database) {
  const DbaLabBinaries *binaries = dba_lab_binaries(lab);
  g_autofree char *program = g_build_filename(binaries->bin, "pg_dump", NULL),
                  *conninfo = dba_lab_conninfo(lab, DBA_LAB_SUPERUSER, database);
  const char *argv[] = {program, "--schema-only", "-d", conninfo, NULL};
  char *out = NULL;
  g_autofree char *err = NULL;
  int status;
  g_autoptr(GError) error = NULL;
  if (!g_spawn_sync(NULL, (char **)(uintptr_t)argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &out, &err, &status, &error) || status) {
    printf("# pg_dump: %s%s\n", error ? error->message : "", err ? err : "");
    test_failed = true;
  }
  return out ? out : g_strdup("");
}

static gint compare_text(gconstpointer a, gconstpointer b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

// Statements without comments and psql commands, sorted.
static GPtrArray *statements(const char *sql) {
  GPtrArray *list = g_ptr_array_new_with_free_func(g_free);
  g_auto(GStrv) parts = g_strsplit(sql, "\n--\n", -1);
  for (char **part = parts; *part; part++) {
    g_autoptr(GString) kept = g_string_new(NULL);
    g_auto(GStrv) lines = g_strsplit(*part, "\n", -1);
    for (char **line = lines; *line; line++)
      if (**line && !g_str_has_prefix(*line, "--") && **line != '\\')
        g_string_append_printf(kept, "%s\n", *line);
    if (kept->len)
      g_ptr_array_add(list, g_strdup(kept->str));
  }
  g_ptr_array_sort(list, compare_text);
  return list;
}

static void compare_dumps(const char *a, const char *b) {
  g_autoptr(GPtrArray) x = statements(a), y = statements(b);
  guint i = 0, j = 0, shown = 0;
  while ((i < x->len || j < y->len) && shown < 10) {
    int order = i >= x->len ? 1 : j >= y->len ? -1 : strcmp(x->pdata[i], y->pdata[j]);
    if (order) {
      printf("# pg_dump %s: %s", order < 0 ? "lost" : "has more", (const char *)(order < 0 ? x->pdata[i] : y->pdata[j]));
      test_failed = true;
      shown++;
    }
    i += order <= 0;
    j += order >= 0;
  }
}

static bool load(const char *database, const char *name, const char *sql) {
  g_autoptr(DbaLoad) loaded = dba_load_new();
  g_autoptr(GError) error = NULL;
  if (dba_lab_create_database(lab, database, NULL, &error) && dba_lab_load_text(lab, database, name, sql, false, loaded, &error))
    return true;
  printf("# loading %s: %s\n", name, error->message);
  return false;
}

static bool read_schema(const char *database, DbaSchema *schema) {
  g_autoptr(GError) error = NULL;
  g_autoptr(DbaServer) server = dba_lab_connect(lab, DBA_LAB_SUPERUSER, database, &error);
  if (server && dba_server_read_schema(server, schema, &error))
    return true;
  printf("# reading %s: %s\n", database, error->message);
  return false;
}

static bool roundtrip(const char *path) {
  g_autoptr(GError) error = NULL;
  g_autoptr(DbaLoad) loaded = dba_load_new();
  g_autoptr(DbaSchema) a = dba_schema_new(), a2 = dba_schema_new(), b2 = dba_schema_new();
  static const char *const databases[] = {"a", "b", "a2", "b2"};
  for (size_t i = 0; i < G_N_ELEMENTS(databases); i++)
    if (!dba_lab_drop_database(lab, databases[i], &error))
      return false;
  if (!dba_lab_create_database(lab, "a", NULL, &error) || !dba_lab_load_file(lab, "a", path, NULL, loaded, &error)) {
    printf("# %s\n", error->message);
    return false;
  }
  if (!read_schema("a", a))
    return false;
  DbaSchemaWrite options = {0};
  g_autofree char *written = dba_schema_write(a, &options);
  if (g_getenv("ROUNDTRIP_SHOW"))
    fputs(written, stderr);
  if (!load("b", "what was written", written))
    return false;
  g_autofree char *dump_a = dump("a"), *dump_b = dump("b");
  if (!load("a2", "pg_dump of the original", dump_a) || !load("b2", "pg_dump of the copy", dump_b) || !read_schema("a2", a2) ||
      !read_schema("b2", b2))
    return false;
  g_autoptr(GPtrArray) differences = dba_schema_compare(a2, b2);
  for (guint i = 0; i < MIN(differences->len, 10); i++)
    printf("# %s\n", (const char *)differences->pdata[i]);
  g_autofree char *dump_a2 = dump("a2"), *dump_b2 = dump("b2");
  compare_dumps(dump_a2, dump_b2);
  return !differences->len && !test_failed;
}

int main(int argc, char **argv) {
  g_autoptr(GError) error = NULL;
  DbaLabHome home = test_home();
  lab = dba_lab_start(&home, false, NULL, &error);
  if (!lab) {
    printf("not ok roundtrip: %s\n", error->message);
    return 1;
  }
  for (int i = 1; i < argc; i++) {
    test_failed = false;
    g_autofree char *name = g_path_get_basename(argv[i]);
    bool ok = roundtrip(argv[i]);
    tests_failed += !ok;
    printf("%s roundtrip %s (PostgreSQL %s)\n", ok ? "ok" : "not ok", name, dba_lab_version(lab));
    fflush(stdout);
  }
  dba_lab_stop(lab);
  return tests_failed != 0;
}

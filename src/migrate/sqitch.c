// SPDX-License-Identifier: Apache-2.0
// sqitch: the order stands in a plan, each change has a script in deploy/, revert/ and verify/, run by psql.
//
// The plan's format: sqitchchanges(7) of sqitch.  A change that stands twice was reworked: what it was before lies in a file with the name of
// the next tag behind it (deploy/users@v1.0.sql).
#include "migrate/migrate-int.h"

#include <string.h>

typedef struct Change {
  const char *name;
  DbaList tags;  // behind it, up to where it stands again
  bool reworked; // stands again further down
} Change;

// A path below deploy/, and not out of it.
static bool is_name(const char *word) {
  g_auto(GStrv) parts = g_strsplit(word, "/", -1);
  for (char **part = parts; *part; part++)
    if (!**part || **part == '.')
      return false;
  return *word && *word != '%' && *word != '#' && *word != '@';
}

static bool read_plan(DbaMigrations *migrations, GArray *changes, GError **error) {
  g_autofree char *path = g_build_filename(migrations->folder, "sqitch.plan", NULL);
  DbaScriptFile plan;
  if (!dba_script_file_read(migrations->arena, path, &plan, error))
    return false;
  g_auto(GStrv) lines = g_strsplit(plan.text, "\n", -1);
  for (char **line = lines; *line; line++) {
    const char *at = g_strstrip(*line);
    g_autofree char *word = g_strndup(at, strcspn(at, " \t"));
    if (*word == '@') {
      for (guint i = 0; i < changes->len; i++)
        if (!g_array_index(changes, Change, i).reworked)
          dba_list_add_text(migrations->arena, &g_array_index(changes, Change, i).tags, dba_arena_text(migrations->arena, word));
    } else if (!*word || *word == '%' || *word == '#') {
      continue;
    } else if (!is_name(word)) {
      return dba_fail(error, DBA_ERROR_INPUT, "%s:%d:1: \"%s\" is no name of a change", path, (int)(line - lines) + 1, word);
    } else {
      for (guint i = 0; i < changes->len; i++)
        if (!strcmp(g_array_index(changes, Change, i).name, word))
          g_array_index(changes, Change, i).reworked = true;
      Change change = {.name = dba_arena_text(migrations->arena, word)};
      g_array_append_val(changes, change);
    }
  }
  return changes->len || dba_fail(error, DBA_ERROR_INPUT, "%s: no change is in it", path);
}

// Of a reworked change the file with the first of its tags that there is one with.
static char *script_path(const DbaMigrations *migrations, const char *kind, const Change *change) {
  for (DBA_EACH_TEXT(tag, &change->tags)) {
    g_autofree char *name = g_strdup_printf("%s%s.sql", change->name, *tag), *path = g_build_filename(migrations->folder, kind, name, NULL);
    if (change->reworked && g_file_test(path, G_FILE_TEST_EXISTS))
      return g_steal_pointer(&path);
  }
  g_autofree char *name = g_strdup_printf("%s.sql", change->name);
  return g_build_filename(migrations->folder, kind, name, NULL);
}

static bool read_script(DbaMigrations *migrations, const char *kind, const Change *change, int major, DbaScript **ret_script,
                        GError **error) {
  g_autofree char *path = script_path(migrations, kind, change);
  static const DbaScriptRules rules = {.psql = true, .loose = true};
  DbaScriptFile file;
  if (!g_file_test(path, G_FILE_TEST_EXISTS))
    return true;
  if (!dba_script_file_read(migrations->arena, path, &file, error))
    return false;
  *ret_script = dba_script_new(migrations, &file, NULL, &rules, major, error);
  return *ret_script != NULL;
}

bool dba_sqitch_read(DbaMigrations *migrations, int major, GError **error) {
  g_autoptr(GArray) changes = g_array_new(FALSE, TRUE, sizeof(Change));
  if (!read_plan(migrations, changes, error))
    return false;
  for (guint i = 0; i < changes->len; i++) {
    const Change *change = &g_array_index(changes, Change, i);
    DbaMigration *migration = dba_list_add(migrations->arena, &migrations->migrations, sizeof *migration);
    migration->name = change->name;
    migration->label = change->reworked && change->tags.n
                           ? dba_arena_format(migrations->arena, "%s%s", change->name, dba_list_text(&change->tags, 0))
                           : change->name;
    if (!read_script(migrations, "deploy", change, major, &migration->up, error) ||
        !read_script(migrations, "revert", change, major, &migration->down, error) ||
        !read_script(migrations, "verify", change, major, &migration->verify, error))
      return false;
    if (!migration->up)
      dba_migrations_problem(migrations, "file-not-understood", migration->label, true, "the plan names it, and deploy/ does not have it");
  }
  return true;
}

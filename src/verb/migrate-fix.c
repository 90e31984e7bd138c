// SPDX-License-Identifier: Apache-2.0
// dbarch migrate lint --fix: migrations that make others wait, written anew as several that do not.
//
// Only pairs are written, and only where nobody can have run what is changed: the last migration, or all from --from on. Those behind are numbered on.
#include "verb/verb.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

typedef struct Fixing {
  const DbaMigrations *migrations;
  DbaAnswer *answer;
  int width;      // digits of a number
  unsigned moved; // by how much what is behind has moved so far
} Fixing;

static bool is_time(const char *version) { return strlen(version) >= 12; }

static const DbaMigration *next_of(const DbaMigrations *migrations, const DbaMigration *migration) {
  bool found = false;
  for (DBA_EACH(DbaMigration, each, &migrations->migrations)) {
    if (found)
      return each;
    found = each == migration;
  }
  return NULL;
}

static char *path_of(const Fixing *fixing, guint64 number, const char *name, bool down) {
  g_autofree char *file = g_strdup_printf("%0*" G_GUINT64_FORMAT "_%s.%s.sql", fixing->width, number, name, down ? "down" : "up");
  return g_build_filename(fixing->migrations->folder, file, NULL);
}

static bool put(const Fixing *fixing, const char *path, const char *text, GError **error) {
  g_ptr_array_add(fixing->answer->warnings, g_strdup_printf("%s was written", path));
  return dba_file_write(path, text, strlen(text), error);
}

static bool move_file(const Fixing *fixing, const DbaScript *script, guint64 number, const char *name, bool down, GError **error) {
  if (!script)
    return true;
  g_autofree char *path = path_of(fixing, number, name, down);
  if (!strcmp(path, script->path) || g_rename(script->path, path) == 0)
    return true;
  return dba_fail(error, DBA_ERROR_INPUT, "%s: cannot be renamed: %s", script->path, g_strerror(errno));
}

static bool write_parts(const Fixing *fixing, const DbaRewrite *rewrite, guint64 number, GError **error) {
  uint32_t i = 0;
  for (DBA_EACH(DbaRewritePart, part, &rewrite->parts)) {
    g_autofree char *name = i ? g_strdup_printf("%s_%u", rewrite->migration->name, i + 1) : g_strdup(rewrite->migration->name),
                    *up = path_of(fixing, number + i, name, false), *down = path_of(fixing, number + i, name, true),
                    *undo =
                        rewrite->parts.n == 1 && rewrite->migration->down && rewrite->migration->down->items.n ? NULL // its author's stays
                        : part->down
                            ? g_strdup_printf("%s%s",
                                              g_str_has_prefix(part->up, "-- dbarch: transaction=off") && strstr(part->down, "oncurrently")
                                                  ? "-- dbarch: transaction=off\n"
                                                  : "",
                                              part->down)
                            : NULL;
    if (!put(fixing, up, part->up, error) || (undo && !put(fixing, down, undo, error)))
      return false;
    if (!undo && i == 0 && rewrite->parts.n > 1 && rewrite->migration->down && g_unlink(rewrite->migration->down->path) != 0)
      return dba_fail(error, DBA_ERROR_INPUT, "%s: cannot be removed: %s", rewrite->migration->down->path, g_strerror(errno));
    i++;
  }
  return true;
}

static const DbaRewrite *rewrite_of(const DbaVerification *verification, const DbaMigration *migration) {
  for (DBA_EACH(DbaRewrite, rewrite, &verification->rewrites))
    if (rewrite->migration == migration)
      return rewrite;
  return NULL;
}

// Behind a time there is room for seconds; behind a count what follows is numbered on.
static bool has_room(const DbaMigrations *migrations, const DbaRewrite *rewrite, bool all_new) {
  const DbaMigration *next = next_of(migrations, rewrite->migration);
  if (!next)
    return true;
  if (!is_time(rewrite->migration->version))
    return all_new;
  return g_ascii_strtoull(next->version, NULL, 10) > g_ascii_strtoull(rewrite->migration->version, NULL, 10) + rewrite->parts.n - 1;
}

static bool can_be_written(const DbaVerification *verification, const DbaRewrite *rewrite, bool all_new, DbaAnswer *answer) {
  const DbaMigrations *migrations = verification->migrations;
  const char *version = rewrite->migration->version;
  const char *why = migrations->layout != DBA_LAYOUT_PAIRS                         ? "only pairs are written anew"
                    : !version || strspn(version, "0123456789") != strlen(version) ? "its version is no number"
                    : !has_room(migrations, rewrite, all_new) && is_time(version)  ? "there is no room before the next one"
                    : !has_room(migrations, rewrite, all_new)
                        ? "others follow it, and may have been run (hint: --from names the first that has not)"
                        : NULL;
  if (why)
    g_ptr_array_add(answer->warnings, g_strdup_printf("%s is left as it is: %s", rewrite->migration->label, why));
  return !why;
}

bool dba_migrate_write_rewrites(const DbaRequest *request, const DbaVerification *verification, DbaAnswer *answer, GError **error) {
  const DbaMigrations *migrations = verification->migrations;
  g_autoptr(GHashTable) chosen = g_hash_table_new(NULL, NULL);
  unsigned more = 0;
  for (DBA_EACH(DbaRewrite, rewrite, &verification->rewrites))
    if (can_be_written(verification, rewrite, request->from != NULL, answer)) {
      g_hash_table_add(chosen, rewrite);
      more += is_time(rewrite->migration->version) ? 0 : rewrite->parts.n - 1;
    }
  if (!g_hash_table_size(chosen)) {
    g_ptr_array_add(answer->warnings, g_strdup("there was nothing to write"));
    return true;
  }
  Fixing fixing = {.migrations = migrations, .answer = answer, .moved = more};
  for (uint32_t i = migrations->migrations.n; i-- > 0;) { // from the last, so that no name is taken
    const DbaMigration *migration = dba_list_at(DbaMigration, &migrations->migrations, i);
    const DbaRewrite *rewrite = rewrite_of(verification, migration);
    bool written = rewrite && g_hash_table_contains(chosen, rewrite);
    if (!migration->version || (!fixing.moved && !written))
      continue;
    if (written && !is_time(migration->version))
      fixing.moved -= rewrite->parts.n - 1;
    guint64 number = g_ascii_strtoull(migration->version, NULL, 10) + fixing.moved;
    fixing.width = (int)strlen(migration->version);
    if (!move_file(&fixing, migration->up, number, migration->name, false, error) ||
        !move_file(&fixing, migration->down, number, migration->name, true, error) ||
        (written && !write_parts(&fixing, rewrite, number, error)))
      return false;
  }
  return true;
}

// SPDX-License-Identifier: Apache-2.0
// dbarch migrate new, import: files of migrations written.
//
// A new migration is of the layout that the folder has already; in an empty one it is a pair.  An import writes pairs into a folder of its own:
// the texts are the sections' own bytes, with a head line where they run outside of a transaction.
#include "verb/verb.h"

#include <errno.h>
#include <string.h>

// "Add orders!" as a part of a file name.
static char *name_part(const char *const *words) {
  g_autofree char *text = g_strjoinv("_", (char **)(uintptr_t)words);
  GString *out = g_string_new(NULL);
  for (const char *p = text; *p; p++)
    if (g_ascii_isalnum(*p))
      g_string_append_c(out, g_ascii_tolower(*p));
    else if (out->len && out->str[out->len - 1] != '_')
      g_string_append_c(out, '_');
  while (out->len && out->str[out->len - 1] == '_')
    g_string_truncate(out, out->len - 1);
  return g_string_free(out, FALSE);
}

// ---- new ------------------------------------------------------------------------------------------------------------

// The files of a new migration, by layout: %1 the version, %2 the name.
static const struct {
  DbaLayout layout;
  const char *up_path, *down_path; // down_path NULL: one file with sections
  const char *up, *down;
} templates[] = {
    {DBA_LAYOUT_PAIRS, "%s_%s.up.sql", "%s_%s.down.sql",
     "-- %s: what it changes, and why.\n-- Runs in one transaction; \"-- dbarch: transaction=off\" as the first line takes it out.\n\n",
     "-- Undoes %s: after it the schema is what it was.  dbarch migrate verify tries it.\n\n"},
    {DBA_LAYOUT_FOLDERS, "%s_%s/up.sql", "%s_%s/down.sql", "-- %s: what it changes, and why.\n\n", "-- Undoes %s.\n\n"},
    {DBA_LAYOUT_DBMATE, "%s_%s.sql", NULL, "-- migrate:up\n-- %s: what it changes, and why.\n\n-- migrate:down\n\n", NULL},
    {DBA_LAYOUT_GOOSE, "%s_%s.sql", NULL, "-- +goose Up\n-- %s: what it changes, and why.\n\n-- +goose Down\n\n", NULL},
    {DBA_LAYOUT_SQL_MIGRATE, "%s_%s.sql", NULL, "-- +migrate Up\n-- %s: what it changes, and why.\n\n-- +migrate Down\n\n", NULL},
    {DBA_LAYOUT_NODE, "%s_%s.sql", NULL, "-- Up Migration\n-- %s: what it changes, and why.\n\n-- Down Migration\n\n", NULL},
    {DBA_LAYOUT_TERN, "%s_%s.sql", NULL, "-- %s: what it changes, and why.\n\n---- create above / drop below ----\n\n", NULL},
    {DBA_LAYOUT_FLYWAY, "V%s__%s.sql", "U%s__%s.sql", "-- %s: what it changes, and why.\n\n", "-- Undoes %s.\n\n"},
};

// Of as many digits as the last one has; a time where that is one.
static char *next_version(const DbaMigrations *migrations) {
  const char *last = NULL;
  for (uint32_t i = migrations ? migrations->migrations.n : 0; i-- > 0 && !last;)
    last = dba_list_at(DbaMigration, &migrations->migrations, i)->version;
  if (!last)
    return g_strdup("001");
  g_autoptr(GDateTime) now = g_date_time_new_now_utc();
  if (strchr(last, '-'))
    return g_date_time_format(now, "%Y-%m-%d-%H%M%S");
  if (strlen(last) >= 14 && strspn(last, "0123456789") == strlen(last))
    return g_date_time_format(now, "%Y%m%d%H%M%S");
  guint64 number = g_ascii_strtoull(last, NULL, 10); // of "1.2" the first part
  return g_strdup_printf("%0*" G_GUINT64_FORMAT, (int)MIN(strspn(last, "0123456789"), 18), number + 1);
}

// Replaces the first %s by one text and the second by another.
static char *put_in(const char *template, const char *first, const char *second) {
  g_auto(GStrv) parts = g_strsplit(template, "%s", 3);
  return g_strjoin(NULL, parts[0], parts[1] ? first : "", parts[1] ? parts[1] : "", parts[1] && parts[2] ? second : "",
                   parts[1] && parts[2] ? parts[2] : "", NULL);
}

static bool write_new(const char *folder, const char *path_template, const char *text, const char *version, const char *name,
                      DbaAnswer *answer, GError **error) {
  g_autofree char *file = put_in(path_template, version, name), *path = g_build_filename(folder, file, NULL);
  if (g_file_test(path, G_FILE_TEST_EXISTS))
    return dba_fail(error, DBA_ERROR_USAGE, "%s is there already", path);
  if (!dba_file_write(path, text, strlen(text), error))
    return false;
  g_string_append_printf(answer->text, "%s\n", path);
  return true;
}

bool dba_migrate_write_pair(const DbaMigrations *migrations, const char *name, const char *up, const char *down, DbaAnswer *answer,
                            GError **error) {
  static const struct {
    DbaLayout layout;
    const char *up_path, *down_path, *sections; // sections: both in one file
  } shapes[] = {{DBA_LAYOUT_PAIRS, "%s_%s.up.sql", "%s_%s.down.sql", NULL},
                {DBA_LAYOUT_FOLDERS, "%s_%s/up.sql", "%s_%s/down.sql", NULL},
                {DBA_LAYOUT_FLYWAY, "V%s__%s.sql", "U%s__%s.sql", NULL},
                {DBA_LAYOUT_DBMATE, "%s_%s.sql", NULL, "-- migrate:up\n%s\n-- migrate:down\n%s"},
                {DBA_LAYOUT_GOOSE, "%s_%s.sql", NULL, "-- +goose Up\n%s\n-- +goose Down\n%s"},
                {DBA_LAYOUT_SQL_MIGRATE, "%s_%s.sql", NULL, "-- +migrate Up\n%s\n-- +migrate Down\n%s"},
                {DBA_LAYOUT_NODE, "%s_%s.sql", NULL, "-- Up Migration\n%s\n-- Down Migration\n%s"},
                {DBA_LAYOUT_TERN, "%s_%s.sql", NULL, "%s\n---- create above / drop below ----\n%s"}};
  g_autofree char *version = next_version(migrations);
  for (size_t i = 0; i < G_N_ELEMENTS(shapes); i++) {
    if (shapes[i].layout != migrations->layout)
      continue;
    g_autofree char *whole = shapes[i].sections ? put_in(shapes[i].sections, up, down) : NULL;
    return write_new(migrations->folder, shapes[i].up_path, whole ? whole : up, version, name, answer, error) &&
           (whole || write_new(migrations->folder, shapes[i].down_path, down, version, name, answer, error));
  }
  return dba_fail(error, DBA_ERROR_USAGE, "a migration of that layout (%s) is not written here: --json has its text",
                  dba_layout_name(migrations->layout));
}

// Is there a file in it that a migration could be in?
static bool is_empty(const char *folder) {
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  for (const char *name; dir && (name = g_dir_read_name(dir));)
    if (g_str_has_suffix(name, ".sql") || g_str_has_suffix(name, ".plan") || g_ascii_isdigit(*name))
      return false;
  return true;
}

bool dba_verb_migrate_new(const DbaRequest *request, DbaAnswer *answer, GError **error) {
  g_autofree char *name = name_part(request->words + 1), *found = NULL;
  g_autoptr(DbaMigrations) migrations = NULL;
  DbaLayout layout = DBA_LAYOUT_PAIRS;
  DbaRequest no_word = *request;
  const char *first[] = {"new", NULL};
  no_word.words = first;
  if (!*name)
    return dba_fail(error, DBA_ERROR_USAGE, "migrate new: say what it will do: dbarch migrate new add orders");
  if (!dba_migrate_folder(&no_word, 1, &found, error) || !dba_migrate_layout(request, &layout, error))
    return false;
  const char *folder = request->out ? request->out : found ? found : "migrations";
  if (g_file_test(folder, G_FILE_TEST_IS_DIR) && !is_empty(folder)) {
    migrations = dba_migrations_read(folder, request->layout ? &layout : NULL, 17, error);
    if (!migrations)
      return false;
    layout = migrations->layout == DBA_LAYOUT_PLAIN ? DBA_LAYOUT_PAIRS : migrations->layout;
  }
  g_autofree char *version = next_version(migrations);
  for (size_t i = 0; i < G_N_ELEMENTS(templates); i++)
    if (templates[i].layout == layout) {
      g_autofree char *up = put_in(templates[i].up, name, ""), *down = templates[i].down ? put_in(templates[i].down, name, "") : NULL;
      return write_new(folder, templates[i].up_path, up, version, name, answer, error) &&
             (!down || write_new(folder, templates[i].down_path, down, version, name, answer, error));
    }
  return dba_fail(error, DBA_ERROR_USAGE, "%s: its order stands in sqitch.plan, which sqitch writes (hint: sqitch add %s)", folder, name);
}

// ---- import ---------------------------------------------------------------------------------------------------------

// psql's own commands that say how it prints or stops, and nothing of what is done.
static bool is_idle_command(const DbaSqlItem *item) {
  static const char *const idle[] = {"\\set", "\\unset", "\\echo", "\\timing", "\\pset", "\\x", "\\t", "\\a", "\\qecho", "\\warn", NULL};
  g_autofree char *word = g_strndup(item->text, MIN(item->length, strcspn(item->text, " \t\r\n")));
  return g_strv_contains(idle, word);
}

// The first command of psql that means something, or NULL.
static const DbaSqlItem *command_of(const DbaScript *script) {
  for (DBA_EACH(DbaSqlStatement, item, &script->items))
    if (item->item.kind == DBA_SQL_META && !is_idle_command(&item->item))
      return &item->item;
  return NULL;
}

// Does a statement, or data of COPY, stand in these bytes?
static bool holds_items(const DbaScript *script, size_t from, size_t to) {
  for (DBA_EACH(DbaSqlStatement, item, &script->items)) {
    size_t begin = item->item.place.offset, end = begin + item->item.length;
    if (item->item.kind != DBA_SQL_META && begin < to && end > from)
      return true;
  }
  return false;
}

// What is left of the file for one direction: without psql's commands, and without the empty lines that other sections leave; what statements hold stays to
// the byte.
static char *text_of(const DbaScript *script) {
  g_autofree char *text = g_strdup(script->text);
  for (DBA_EACH(DbaSqlStatement, item, &script->items))
    if (item->item.kind == DBA_SQL_META)
      memset(text + item->item.place.offset, ' ', item->item.length);
  g_autoptr(GString) out = g_string_new(script->mode == DBA_SCRIPT_NO_TRANSACTION ? "-- dbarch: transaction=off\n" : NULL);
  unsigned empty = 0;
  for (const char *at = text; *at;) {
    size_t length = strcspn(at, "\n"), offset = (size_t)(at - text), whole = length + (at[length] == '\n');
    if (holds_items(script, offset, offset + whole)) {
      g_string_append_len(out, at, (gssize)whole);
      empty = 0;
    } else {
      g_autofree char *line = g_strchomp(g_strndup(at, length));
      empty = *line ? 0 : empty + 1;
      if (*line || (out->len && empty == 1))
        g_string_append_printf(out, "%s\n", line);
    }
    at += whole;
  }
  while (out->len > 1 && out->str[out->len - 1] == '\n' && out->str[out->len - 2] == '\n')
    g_string_truncate(out, out->len - 1);
  return g_strdup(out->str);
}

static bool is_number(const char *version) { return version && *version && version[strspn(version, "0123456789")] == '\0'; }

static bool write_import(const DbaMigrations *migrations, const char *out, unsigned *ret_files, GError **error) {
  bool numbers = true;
  unsigned at = 0;
  *ret_files = 0;
  for (DBA_EACH(DbaMigration, migration, &migrations->migrations))
    numbers = numbers && is_number(migration->version);
  for (DBA_EACH(DbaMigration, migration, &migrations->migrations)) {
    g_autofree char *number = numbers ? g_strdup(migration->version) : g_strdup_printf("%03u", ++at),
                    *name = name_part((const char *[]){*migration->name ? migration->name : "migration", NULL});
    const DbaScript *scripts[] = {migration->up, migration->down};
    for (int down = 0; down < 2; down++) {
      if (!scripts[down])
        continue;
      g_autofree char *file = g_strdup_printf("%s_%s.%s.sql", number, name, down ? "down" : "up"),
                      *path = g_build_filename(out, file, NULL), *text = text_of(scripts[down]);
      if (!dba_file_write(path, text, strlen(text), error))
        return false;
      ++*ret_files;
    }
  }
  return true;
}

bool dba_verb_migrate_import(const DbaRequest *request, DbaAnswer *answer, GError **error) {
  g_autoptr(DbaMigrations) migrations = dba_migrate_read(request, 1, 17, error);
  unsigned files, without_undo = 0, repeatable = 0;
  if (!migrations)
    return false;
  const char *out = request->out;
  if (!out)
    return dba_fail(error, DBA_ERROR_USAGE, "migrate import: --out says where the pairs go");
  if (migrations->layout == DBA_LAYOUT_PAIRS)
    return dba_fail(error, DBA_ERROR_USAGE, "%s: these are pairs already", migrations->folder);
  for (DBA_EACH(DbaFileProblem, problem, &migrations->problems))
    if (problem->fatal)
      return dba_fail(error, DBA_ERROR_INPUT, "%s: %s", problem->file, problem->text);
  for (DBA_EACH(DbaMigration, migration, &migrations->migrations)) {
    const DbaScript *scripts[] = {migration->up, migration->down};
    for (size_t i = 0; i < G_N_ELEMENTS(scripts); i++)
      if (scripts[i] && scripts[i]->problem)
        return dba_fail(error, DBA_ERROR_INPUT, "%s", scripts[i]->problem);
      else if (scripts[i] && command_of(scripts[i]))
        return dba_fail(error, DBA_ERROR_INPUT, "%s:%u: a command of psql itself, which pairs cannot have (hint: say it in SQL)",
                        scripts[i]->path, command_of(scripts[i])->place.line);
    without_undo += !migration->down;
    repeatable += migration->repeatable;
  }
  g_autoptr(GDir) dir = g_dir_open(out, 0, NULL);
  if (dir && g_dir_read_name(dir) && !request->force)
    return dba_fail(error, DBA_ERROR_USAGE, "%s is not empty (hint: --force writes into it all the same)", out);
  if (!write_import(migrations, out, &files, error))
    return false;
  g_string_append_printf(answer->text, "%u migrations of %s (%s) are %u files in %s/.\n", migrations->migrations.n, migrations->folder,
                         dba_layout_told(migrations->layout), files, out);
  if (without_undo)
    g_string_append_printf(answer->text, "%u of them ha%s no undo.\n", without_undo, without_undo == 1 ? "s" : "ve");
  if (repeatable)
    g_string_append_printf(answer->text, "%u repeatable one%s run once now, as the last.\n", repeatable, repeatable == 1 ? "" : "s");
  g_string_append_printf(answer->text, "dbarch migrate verify %s tries them.\n", out);
  return true;
}

// ---- undos that were found ------------------------------------------------------------------------------------------

// Where the undo of a migration stands, or would stand; NULL: in a section of a file with more in it.
static char *undo_path(const DbaMigrations *migrations, const DbaMigration *migration) {
  const char *up = migration->up->path;
  g_autofree char *folder = g_path_get_dirname(up), *name = g_path_get_basename(up);
  if (migration->down && migrations->layout != DBA_LAYOUT_PAIRS && migrations->layout != DBA_LAYOUT_FOLDERS &&
      migrations->layout != DBA_LAYOUT_FLYWAY)
    return NULL;
  if (migration->down)
    return g_strdup(migration->down->path);
  switch (migrations->layout) {
  case DBA_LAYOUT_PAIRS: {
    g_autofree char *stem = g_strndup(name, strlen(name) - strlen(".up.sql")), *file = g_strconcat(stem, ".down.sql", NULL);
    return g_build_filename(folder, file, NULL);
  }
  case DBA_LAYOUT_FOLDERS: return g_build_filename(folder, "down.sql", NULL);
  case DBA_LAYOUT_FLYWAY: *name = 'U'; return g_build_filename(folder, name, NULL);
  default: return NULL;
  }
}

// A new undo, or a pair of which both files change.
static bool write_change(const DbaFinding *finding, const DbaMigration *migration, const char *down_path, DbaAnswer *answer,
                         GError **error) {
  const DbaChange *change = &finding->change;
  g_autoptr(GString) down = g_string_new(NULL);
  if (!change->up)
    g_string_append_printf(down, "-- Undoes %s: it was run, and the schema after it was what it was before%s.\n", migration->label,
                           strcmp(change->undo_class, DBA_UNDO_EXACT) ? "; values of what it makes anew are lost" : "");
  g_string_append(down, change->down);
  if (!dba_file_write(down_path, down->str, down->len, error))
    return false;
  g_ptr_array_add(answer->warnings, g_strdup_printf("%s was written", down_path));
  if (!change->up)
    return true;
  if (!dba_file_write(migration->up->path, change->up, strlen(change->up), error))
    return false;
  g_ptr_array_add(answer->warnings, g_strdup_printf("%s was written", migration->up->path));
  return true;
}

bool dba_migrate_write_undos(const DbaRequest *request, const DbaVerification *verification, DbaAnswer *answer, GError **error) {
  unsigned kept = 0, written = 0, within = 0;
  for (DBA_EACH(DbaFinding, finding, &verification->findings->findings)) {
    const DbaMigration *migration = finding->has_change ? dba_migrations_find(verification->migrations, finding->object) : NULL;
    g_autofree char *path = migration ? undo_path(verification->migrations, migration) : NULL;
    if (!migration || finding->suppressed)
      continue;
    bool left = path && migration->down && migration->down->items.n && !request->force; // one of comments alone is none
    within += !path;
    kept += left;
    if (!path || left)
      continue;
    if (!write_change(finding, migration, path, answer, error))
      return false;
    written++;
  }
  if (kept)
    g_ptr_array_add(answer->warnings,
                    g_strdup_printf("%u that %s there %s left as %s (hint: --fix --force writes over them)", kept, kept == 1 ? "is" : "are",
                                    kept == 1 ? "was" : "were", kept == 1 ? "it is" : "they are"));
  if (within)
    g_ptr_array_add(answer->warnings,
                    g_strdup_printf("%u belong%s into files with more in them: --json has them", within, within == 1 ? "s" : ""));
  if (!written && !kept && !within)
    g_ptr_array_add(answer->warnings, g_strdup("there was nothing to write"));
  return true;
}

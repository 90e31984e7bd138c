// SPDX-License-Identifier: Apache-2.0
// A folder of migrations as one list, whichever tool it is for.
//
// The layout is told by the names of files, and where these only have numbers, by marks within.  Numbered files without marks are the
// weakest sign: beside any other they are strays, which are named and not run.  Nothing is run by guess: two tools' files in one folder are an error.
#include "migrate/migrate-int.h"

#include <string.h>
#include <sys/stat.h>

void dba_migrations_problem(DbaMigrations *migrations, const char *rule, const char *file, bool fatal, const char *format, ...) {
  va_list args;
  va_start(args, format);
  g_autofree char *text = g_strdup_vprintf(format, args);
  va_end(args);
  DbaFileProblem *problem = dba_list_add(migrations->arena, &migrations->problems, sizeof *problem);
  *problem = (DbaFileProblem){dba_arena_text(migrations->arena, rule), dba_arena_text(migrations->arena, file),
                              dba_arena_text(migrations->arena, text), fatal};
}

void dba_migrations_free(DbaMigrations *migrations) {
  if (!migrations)
    return;
  dba_arena_free(migrations->arena);
  g_free(migrations);
}

int dba_version_compare(const char *a, const char *b) {
  while (*a && *b) {
    if (g_ascii_isdigit(*a) && g_ascii_isdigit(*b)) {
      a += strspn(a, "0");
      b += strspn(b, "0");
      size_t n = strspn(a, "0123456789"), m = strspn(b, "0123456789");
      int order = n != m ? (n < m ? -1 : 1) : strncmp(a, b, n);
      if (order)
        return order;
      a += n;
      b += m;
    } else if (*a != *b)
      return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
    else
      a++, b++;
  }
  return *a ? 1 : *b ? -1 : 0;
}

// ---- what a name says -----------------------------------------------------------------------------------------------

typedef enum Part { PART_UP, PART_DOWN, PART_REPEATABLE } Part;

typedef struct Entry {
  const char *file; // the name in the folder
  DbaLayout layout;
  Part part;
  const char *version, *name;
  DbaScriptFile text;      // of files
  bool folder, numberless; // numberless: an .sql file that no tool would run
} Entry;

// How names are read: the first row that fits.  Groups: version, name.
static const struct {
  DbaLayout layout;
  Part part;
  const char *pattern;
} patterns[] = {
    {DBA_LAYOUT_PAIRS, PART_UP, "^([0-9]+)[_.-]?(.*)\\.up\\.sql$"},
    {DBA_LAYOUT_PAIRS, PART_DOWN, "^([0-9]+)[_.-]?(.*)\\.down\\.sql$"},
    {DBA_LAYOUT_FLYWAY, PART_UP, "^V([0-9]+(?:[._][0-9]+)*)__(.+)\\.sql$"},
    {DBA_LAYOUT_FLYWAY, PART_DOWN, "^U([0-9]+(?:[._][0-9]+)*)__(.+)\\.sql$"},
    {DBA_LAYOUT_FLYWAY, PART_REPEATABLE, "^R_()_(.+)\\.sql$"},
    {DBA_LAYOUT_PLAIN, PART_UP, "^([0-9]+)[_.-]?(.*)\\.sql$"},
};

static bool read_name(DbaArena *arena, Entry *entry) {
  for (size_t i = 0; i < G_N_ELEMENTS(patterns); i++) {
    g_autoptr(GRegex) regex = g_regex_new(patterns[i].pattern, 0, 0, NULL);
    g_autoptr(GMatchInfo) match = NULL;
    if (!g_regex_match(regex, entry->file, 0, &match))
      continue;
    g_autofree char *version = g_match_info_fetch(match, 1), *name = g_match_info_fetch(match, 2);
    entry->layout = patterns[i].layout;
    entry->part = patterns[i].part;
    entry->version = dba_arena_text(arena, entry->layout == DBA_LAYOUT_FLYWAY ? g_strdelimit(version, "_", '.') : version); // Flyway's dots
    entry->name = dba_arena_text(arena, name);
    return true;
  }
  return false;
}

// 2019-01-01-000000_orders/, as diesel and Prisma name them.
static void read_folder_name(DbaArena *arena, Entry *entry) {
  size_t length = strcspn(entry->file, "_");
  entry->layout = DBA_LAYOUT_FOLDERS;
  entry->version = dba_arena_text_n(arena, entry->file, length);
  entry->name = dba_arena_text(arena, entry->file[length] ? entry->file + length + 1 : "");
}

static const char *join(DbaArena *arena, const char *folder, const char *name) {
  g_autofree char *path = g_build_filename(folder, name, NULL);
  return dba_arena_text(arena, path);
}

static bool is_there(const char *folder, const char *sub, const char *name) {
  g_autofree char *path = g_build_filename(folder, sub, name, NULL);
  return g_file_test(path, G_FILE_TEST_IS_REGULAR);
}

static bool is_migration_folder(const char *folder, const char *name) {
  return g_ascii_isdigit(*name) && (is_there(folder, name, "up.sql") || is_there(folder, name, "migration.sql"));
}

static int by_name(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static bool list_entries(DbaMigrations *migrations, GArray *entries, GError **error) {
  g_autoptr(GError) problem = NULL;
  g_autoptr(GDir) dir = g_dir_open(migrations->folder, 0, &problem);
  if (!dir)
    return dba_fail(error, DBA_ERROR_INPUT, "%s: cannot be read: %s", migrations->folder, problem->message);
  g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
  for (const char *name; (name = g_dir_read_name(dir));)
    if (*name != '.')
      g_ptr_array_add(names, g_strdup(name));
  if (names->len)
    qsort(names->pdata, names->len, sizeof *names->pdata, by_name);
  for (guint i = 0; i < names->len; i++) {
    Entry entry = {.file = dba_arena_text(migrations->arena, names->pdata[i])};
    const char *path = join(migrations->arena, migrations->folder, entry.file);
    if (g_file_test(path, G_FILE_TEST_IS_DIR)) {
      entry.folder = true;
      if (!is_migration_folder(migrations->folder, entry.file))
        continue;
      read_folder_name(migrations->arena, &entry);
    } else {
      if (!g_str_has_suffix(entry.file, ".sql"))
        continue;
      if (!dba_script_file_read(migrations->arena, path, &entry.text, error))
        return false;
      entry.numberless = !read_name(migrations->arena, &entry);
      if (entry.layout == DBA_LAYOUT_PLAIN || entry.numberless) {
        entry.layout = DBA_LAYOUT_PLAIN;
        (void)dba_layout_of_text(entry.text.text, entry.text.length, &entry.layout);
      }
    }
    g_array_append_val(entries, entry);
  }
  return true;
}

// ---- which tool's they are ------------------------------------------------------------------------------------------

static const Entry *first_of(const GArray *entries, DbaLayout layout) {
  for (guint i = 0; i < entries->len; i++) {
    const Entry *entry = &g_array_index(entries, Entry, i);
    if (entry->layout == layout && !entry->numberless)
      return entry;
  }
  return NULL;
}

static bool tell_layout(DbaMigrations *migrations, const GArray *entries, GError **error) {
  const Entry *sign = NULL, *other = NULL;
  for (int i = 0; i < DBA_N_LAYOUTS; i++) {
    const Entry *found = i == DBA_LAYOUT_PLAIN ? NULL : first_of(entries, (DbaLayout)i);
    if (found && sign)
      other = found;
    sign = sign ? sign : found;
  }
  if (other)
    return dba_fail(error, DBA_ERROR_INPUT, "%s: files of two tools: %s is of %s, %s of %s (hint: --layout names one of them)",
                    migrations->folder, sign->file, dba_layout_told(sign->layout), other->file, dba_layout_told(other->layout));
  sign = sign ? sign : first_of(entries, DBA_LAYOUT_PLAIN);
  if (!sign)
    return dba_fail(error, DBA_ERROR_INPUT, "%s: no migration is in it (hint: dbarch migrate new NAME writes the first)",
                    migrations->folder);
  migrations->layout = sign->layout;
  migrations->why = dba_arena_format(migrations->arena, "as %s%s tells", sign->file, sign->folder ? "/" : "");
  return true;
}

// ---- reading --------------------------------------------------------------------------------------------------------

static DbaMigration *add(DbaMigrations *migrations, const Entry *entry) {
  DbaMigration *migration = dba_list_add(migrations->arena, &migrations->migrations, sizeof *migration);
  const char *separator = *entry->name ? "_" : "";
  migration->version = entry->part == PART_REPEATABLE ? NULL : entry->version;
  migration->name = entry->name;
  migration->repeatable = entry->part == PART_REPEATABLE;
  migration->label = migration->repeatable ? dba_arena_format(migrations->arena, "R__%s", entry->name)
                                           : dba_arena_format(migrations->arena, "%s%s%s", entry->version, separator, entry->name);
  return migration;
}

// The line of a small settings file beside a migration, or NULL.
static const char *setting_beside(const char *folder, const char *sub, const char *name, const char *line) {
  g_autofree char *path = g_build_filename(folder, sub, name, NULL), *text = NULL;
  if (!g_file_get_contents(path, &text, NULL, NULL))
    return NULL;
  g_autoptr(GString) bare = g_string_new(NULL);
  for (const char *p = text; *p; p++)
    if (*p != ' ' && *p != '\t')
      g_string_append_c(bare, *p);
  return strstr(bare->str, line) ? line : NULL;
}

static bool read_folder(DbaMigrations *migrations, const Entry *entry, int major, GError **error) {
  DbaMigration *migration = add(migrations, entry);
  DbaScriptRules rules = {.no_transaction = setting_beside(migrations->folder, entry->file, "metadata.toml", "run_in_transaction=false")};
  const char *folder = join(migrations->arena, migrations->folder, entry->file);
  static const char *const names[][2] = {{"up.sql", "down.sql"}, {"migration.sql", "down.sql"}};
  int row = is_there(migrations->folder, entry->file, "up.sql") ? 0 : 1;
  for (int down = 0; down < 2; down++) {
    DbaScriptFile file;
    if (!is_there(migrations->folder, entry->file, names[row][down]))
      continue;
    if (!dba_script_file_read(migrations->arena, join(migrations->arena, folder, names[row][down]), &file, error))
      return false;
    DbaScript *script = dba_script_new(migrations, &file, NULL, &rules, major, error);
    if (!script)
      return false;
    *(down ? &migration->down : &migration->up) = script;
  }
  return true;
}

static bool read_sections(DbaMigrations *migrations, const Entry *entry, int major, GError **error) {
  DbaMigration *migration = add(migrations, entry);
  for (int down = 0; down < 2; down++) {
    DbaScriptRules rules = {0};
    char *text = (char *)(uintptr_t)dba_arena_text_n(migrations->arena, entry->text.text, entry->text.length); // ours to blank
    if (!dba_layout_take_section(migrations->layout, down, text, entry->text.length, &rules.no_transaction)) {
      if (!down)
        dba_migrations_problem(migrations, "file-not-understood", entry->text.path, true, "it has no section that %s would run",
                               dba_layout_name(migrations->layout));
      continue;
    }
    DbaScript *script = dba_script_new(migrations, &entry->text, text, &rules, major, error);
    if (!script)
      return false;
    *(down ? &migration->down : &migration->up) = script;
  }
  return true;
}

// The migration that an undo in a file of its own belongs to: of its number, and of its name where there are several.
static DbaMigration *owner_of(const DbaMigrations *migrations, const Entry *entry) {
  DbaMigration *found = NULL;
  for (DBA_EACH(DbaMigration, migration, &migrations->migrations))
    if (migration->version && !migration->down && !dba_version_compare(migration->version, entry->version) &&
        (!found || !strcmp(migration->name, entry->name)))
      found = migration;
  return found;
}

static bool read_file(DbaMigrations *migrations, const Entry *entry, int major, GError **error) {
  g_autofree char *conf = g_strconcat(entry->file, ".conf", NULL);
  DbaScriptRules rules = {.psql = migrations->layout == DBA_LAYOUT_PLAIN,
                          .loose = migrations->layout == DBA_LAYOUT_PLAIN || migrations->layout == DBA_LAYOUT_FLYWAY};
  if (migrations->layout == DBA_LAYOUT_FLYWAY)
    rules.no_transaction = setting_beside(migrations->folder, "", conf, "executeInTransaction=false");
  DbaMigration *migration = entry->part == PART_DOWN ? owner_of(migrations, entry) : add(migrations, entry);
  if (!migration) {
    dba_migrations_problem(migrations, "undo-without-migration", entry->text.path, false, "no migration has the number %s", entry->version);
    return true;
  }
  if (entry->part == PART_DOWN && strcmp(migration->name, entry->name))
    dba_migrations_problem(migrations, "names-differ", entry->text.path, false, "it is taken for the undo of %s, whose number it has",
                           migration->label);
  DbaScript *script = dba_script_new(migrations, &entry->text, NULL, &rules, major, error);
  *(entry->part == PART_DOWN ? &migration->down : &migration->up) = script;
  return script != NULL;
}

static bool read_entry(DbaMigrations *migrations, const Entry *entry, int major, GError **error) {
  switch (migrations->layout) {
  case DBA_LAYOUT_FOLDERS: return read_folder(migrations, entry, major, error);
  case DBA_LAYOUT_DBMATE:
  case DBA_LAYOUT_GOOSE:
  case DBA_LAYOUT_SQL_MIGRATE:
  case DBA_LAYOUT_NODE:
  case DBA_LAYOUT_TERN: return read_sections(migrations, entry, major, error);
  default: return read_file(migrations, entry, major, error);
  }
}

// A dump of the schema lies beside the migrations in many projects.
static bool is_known_stray(const char *file) {
  static const char *const names[] = {"schema.sql", "structure.sql", "seed.sql", "seeds.sql", NULL};
  return g_strv_contains(names, file);
}

static bool read_entries(DbaMigrations *migrations, const GArray *entries, int major, GError **error) {
  for (int pass = 0; pass < 2; pass++) // undos last: they look for what they undo
    for (guint i = 0; i < entries->len; i++) {
      const Entry *entry = &g_array_index(entries, Entry, i);
      if ((entry->part == PART_DOWN) != (pass == 1))
        continue;
      if (entry->numberless && is_known_stray(entry->file))
        continue;
      if (entry->numberless)
        dba_migrations_problem(migrations, "file-without-number", entry->text.path, true,
                               "it has no number and is not run: nobody can say when");
      else if (entry->layout != migrations->layout)
        dba_migrations_problem(migrations, "file-not-understood", entry->text.path, true, "it is not run: the others are %s",
                               dba_layout_told(migrations->layout));
      else if (!read_entry(migrations, entry, major, error))
        return false;
    }
  return true;
}

// ---- order ----------------------------------------------------------------------------------------------------------

static int in_order(const void *a, const void *b) {
  const DbaMigration *x = a, *y = b;
  if (x->repeatable != y->repeatable)
    return x->repeatable ? 1 : -1;
  int order = x->version && y->version ? dba_version_compare(x->version, y->version) : 0;
  return order ? order : strcmp(x->name, y->name);
}

static void put_in_order(DbaMigrations *migrations) {
  const DbaMigration *before = NULL;
  if (migrations->migrations.n)
    qsort(migrations->migrations.items, migrations->migrations.n, sizeof(DbaMigration), in_order);
  for (DBA_EACH(DbaMigration, migration, &migrations->migrations)) {
    if (before && before->version && migration->version && !dba_version_compare(before->version, migration->version))
      dba_migrations_problem(migrations, "number-twice", migration->up ? migration->up->path : migration->label, true,
                             "%s has its number too: which of them runs first is nowhere said", before->label);
    before = migration;
  }
}

DbaMigrations *dba_migrations_read(const char *folder, const DbaLayout *layout, int major, GError **error) {
  g_autoptr(DbaMigrations) migrations = g_new0(DbaMigrations, 1);
  g_autoptr(GArray) entries = g_array_new(FALSE, TRUE, sizeof(Entry));
  migrations->arena = dba_arena_new();
  migrations->folder = dba_arena_text(migrations->arena, folder);
  bool plan = is_there(folder, "", "sqitch.plan");
  if (layout ? *layout == DBA_LAYOUT_SQITCH : plan) {
    if (!plan)
      return dba_fail(error, DBA_ERROR_INPUT, "%s: holds no sqitch.plan", folder), NULL;
    migrations->layout = DBA_LAYOUT_SQITCH;
    migrations->why = "as sqitch.plan tells";
    return dba_sqitch_read(migrations, major, error) ? g_steal_pointer(&migrations) : NULL;
  }
  if (!list_entries(migrations, entries, error))
    return NULL;
  if (!layout) {
    if (!tell_layout(migrations, entries, error))
      return NULL;
  } else {
    migrations->layout = *layout;
    migrations->why = "as --layout says";
    for (guint i = 0; i < entries->len; i++) { // marks within are no sign then
      Entry *entry = &g_array_index(entries, Entry, i);
      if (*layout == DBA_LAYOUT_PLAIN && !entry->folder && !entry->numberless && entry->layout > DBA_LAYOUT_FOLDERS &&
          entry->layout < DBA_LAYOUT_FLYWAY)
        entry->layout = DBA_LAYOUT_PLAIN;
    }
  }
  if (!read_entries(migrations, entries, major, error))
    return NULL;
  if (!migrations->migrations.n)
    return dba_fail(error, DBA_ERROR_INPUT, "%s: no migration is in it that is one of %s", folder, dba_layout_told(migrations->layout)),
           NULL;
  put_in_order(migrations);
  for (DBA_EACH(DbaMigration, migration, &migrations->migrations))
    migration->group = migration->up ? dba_script_group(migration->up, migrations->arena) : NULL;
  return g_steal_pointer(&migrations);
}

const DbaMigration *dba_migrations_find(const DbaMigrations *migrations, const char *word) {
  for (DBA_EACH(DbaMigration, migration, &migrations->migrations))
    if (!strcmp(migration->label, word) || (migration->version && !dba_version_compare(migration->version, word)) ||
        (!migration->version && !strcmp(migration->name, word)))
      return migration;
  return NULL;
}

// SPDX-License-Identifier: Apache-2.0
// Two states of a database, compared to the last detail of their catalogs.
//
// What is read, and how, is written by the server itself from its own description of its catalogs (sql/catalog_writer.sql), once for a lab:
// a catalog or a field of a version to come is compared without a line of ours.  What we say by hand are names and exceptions.
#include "migrate/migrate-int.h"

#include "migrate-sql.h"

#include <string.h>

typedef struct CatalogFields {
  const char *catalog;
  DbaList names;
} CatalogFields;

struct DbaCatalogReader {
  const DbaLab *lab;
  DbaArena *arena;
  GString *sql;
  DbaList fields; // CatalogFields
  DbaServer *server;
  char *database; // that the session is in
  unsigned reads; // since its plan was made
};

struct DbaCatalog {
  const DbaCatalogReader *reader;
  DbaResult *rows;
  GHashTable *by_name; // "catalog noun name" to row number + 1
};

enum { CATALOG, NOUN, NAME, PART_OF, FIELDS };

DbaCatalogReader *dba_catalog_reader_open(const DbaLab *lab, GError **error) {
  static const char *const steps[] = {"catalog_left_out", "catalog_words", "catalog_keys", "catalog_keys_more"};
  g_autoptr(DbaCatalogReader) reader = g_new0(DbaCatalogReader, 1);
  reader->lab = lab;
  reader->arena = dba_arena_new();
  reader->sql = g_string_new(NULL);
  g_autoptr(DbaServer) server = dba_lab_connect(lab, DBA_LAB_SUPERUSER, "postgres", error);
  for (size_t i = 0; i < G_N_ELEMENTS(steps); i++)
    if (!server || !dba_server_exec(server, dba_embedded_migrate_sql(steps[i]), error))
      return NULL;
  g_autoptr(DbaResult) written = dba_server_query(server, dba_embedded_migrate_sql("catalog_writer"), NULL, error);
  if (!written)
    return NULL;
  for (int i = 0; i < dba_result_rows(written); i++) {
    CatalogFields *fields = dba_list_add(reader->arena, &reader->fields, sizeof *fields);
    g_string_append_printf(reader->sql, "%s%s", i ? "\nunion all\n" : "", dba_result_text(written, i, 0));
    fields->catalog = dba_arena_text(reader->arena, dba_result_text(written, i, 1));
    if (!dba_sql_read_array(dba_result_text(written, i, 2), reader->arena, &fields->names, NULL))
      return dba_fail(error, DBA_ERROR_BUG, "the fields of %s cannot be read", fields->catalog), NULL;
  }
  return g_steal_pointer(&reader);
}

void dba_catalog_let_go(DbaCatalogReader *reader) {
  dba_server_close(g_steal_pointer(&reader->server));
  g_clear_pointer(&reader->database, g_free);
}

void dba_catalog_reader_close(DbaCatalogReader *reader) {
  if (!reader)
    return;
  dba_catalog_let_go(reader);
  g_string_free(reader->sql, TRUE);
  dba_arena_free(reader->arena);
  g_free(reader);
}

// A plan made while catalogs are nearly empty reads them from end to end, ever after: sessions last so many reads.
enum { READS_OF_A_PLAN = 20 };

static bool go_to(DbaCatalogReader *reader, const char *database, GError **error) {
  if (!g_strcmp0(reader->database, database) && reader->reads < READS_OF_A_PLAN)
    return true;
  reader->reads = 0;
  dba_catalog_let_go(reader);
  reader->server = dba_lab_connect(reader->lab, DBA_LAB_SUPERUSER, database, error);
  if (!reader->server || !dba_server_prepare(reader->server, "dbarch_catalog", reader->sql->str, error)) {
    dba_catalog_let_go(reader);
    return false;
  }
  reader->database = g_strdup(database);
  return true;
}

DbaServer *dba_catalog_server(DbaCatalogReader *reader, const char *database, GError **error) {
  return go_to(reader, database, error) ? reader->server : NULL;
}

static char *key_of(const DbaResult *rows, int row) {
  return g_strjoin("\n", dba_result_text(rows, row, CATALOG), dba_result_text(rows, row, NOUN), dba_result_text(rows, row, NAME), NULL);
}

DbaCatalog *dba_catalog_read(DbaCatalogReader *reader, const char *database, GError **error) {
  if (!go_to(reader, database, error))
    return NULL;
  reader->reads++;
  g_autoptr(DbaResult) rows = dba_server_run(reader->server, "dbarch_catalog", NULL, 0, error);
  if (!rows)
    return NULL;
  DbaCatalog *catalog = g_new0(DbaCatalog, 1);
  catalog->reader = reader;
  catalog->rows = g_steal_pointer(&rows);
  catalog->by_name = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  for (int i = 0; i < dba_result_rows(catalog->rows); i++)
    g_hash_table_insert(catalog->by_name, key_of(catalog->rows, i), GINT_TO_POINTER(i + 1));
  return catalog;
}

void dba_catalog_free(DbaCatalog *catalog) {
  if (!catalog)
    return;
  dba_result_free(catalog->rows);
  g_hash_table_unref(catalog->by_name);
  g_free(catalog);
}

GPtrArray *dba_catalog_tables(const DbaCatalog *catalog) {
  GPtrArray *tables = g_ptr_array_new();
  for (int i = 0; i < dba_result_rows(catalog->rows); i++)
    if (!strcmp(dba_result_text(catalog->rows, i, CATALOG), "pg_class") && !strcmp(dba_result_text(catalog->rows, i, NOUN), "table"))
      g_ptr_array_add(tables, (char *)(uintptr_t)dba_result_text(catalog->rows, i, NAME));
  return tables;
}

// ---- comparison -----------------------------------------------------------------------------------------------------

// Fields in a person's words, and those whose text the server writes from a tree.
static const struct {
  const char *field, *word;
  bool deparsed;
} words[] = {
    {"atttypid", "type", false},
    {"attnotnull", "NOT NULL", false},
    {"attstattarget", "statistics target", false},
    {"attstorage", "storage", false},
    {"attcompression", "compression", false},
    {"attidentity", "identity", false},
    {"attgenerated", "generation", false},
    {"attcollation", "collation", false},
    {"attacl", "grants", false},
    {"attoptions", "options", false},
    {"body", "body", true},
    {"arguments", "arguments", true},
    {"condeferrable", "DEFERRABLE", false},
    {"condeferred", "INITIALLY DEFERRED", false},
    {"connoinherit", "NO INHERIT", false},
    {"convalidated", "validation", false},
    {"default", "default", true},
    {"definition", "definition", true},
    {"description", "text", false},
    {"ev_enabled", "state", false},
    {"evtenabled", "state", false},
    {"extversion", "version", false},
    {"indisclustered", "CLUSTER ON", false},
    {"indisreplident", "use as replica identity", false},
    {"indisunique", "uniqueness", false},
    {"indisvalid", "validity", false},
    {"key", "partition key", true},
    {"labels", "labels", false},
    {"nspacl", "grants", false},
    {"nspowner", "owner", false},
    {"polcmd", "command", false},
    {"polpermissive", "permissiveness", false},
    {"polqual", "USING", true},
    {"polwithcheck", "WITH CHECK", true},
    {"proacl", "grants", false},
    {"proconfig", "settings", false},
    {"proisstrict", "STRICT", false},
    {"prolang", "language", false},
    {"proleakproof", "LEAKPROOF", false},
    {"proowner", "owner", false},
    {"proparallel", "PARALLEL", false},
    {"prorettype", "type of result", false},
    {"prosecdef", "SECURITY DEFINER", false},
    {"prosrc", "body", false},
    {"provolatile", "volatility", false},
    {"relacl", "grants", false},
    {"relam", "access method", false},
    {"relforcerowsecurity", "FORCE ROW LEVEL SECURITY", false},
    {"relowner", "owner", false},
    {"reloptions", "storage options", false},
    {"relpartbound", "partition bound", true},
    {"relpersistence", "persistence", false},
    {"relispartition", "place in a partitioned relation", false},
    {"relreplident", "replica identity", false},
    {"relrowsecurity", "ROW LEVEL SECURITY", false},
    {"reltablespace", "tablespace", false},
    {"rows", "WHERE", true},
    {"seqcache", "CACHE", false},
    {"seqcycle", "CYCLE", false},
    {"seqincrement", "INCREMENT", false},
    {"seqmax", "MAXVALUE", false},
    {"seqmin", "MINVALUE", false},
    {"seqstart", "START", false},
    {"seqtypid", "type", false},
    {"stxowner", "owner", false},
    {"stxstattarget", "statistics target", false},
    {"tgenabled", "state", false},
    {"typacl", "grants", false},
    {"typdefault", "default", false},
    {"typnotnull", "NOT NULL", false},
    {"typowner", "owner", false},
    {"view", "query", true},
};

static int find_word(const char *field) {
  for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
    if (!strcmp(words[i].field, field))
      return (int)i;
  return -1;
}

typedef struct Comparison {
  const DbaCatalog *before, *after;
  DbaArena *arena;
  DbaList *differences;
} Comparison;

static const char *keep(const Comparison *comparison, const DbaCatalog *catalog, int row, int column) {
  return dba_arena_text(comparison->arena, dba_result_text(catalog->rows, row, column));
}

static DbaCatalogDifference *add(const Comparison *comparison, DbaDifferenceKind kind, const DbaCatalog *catalog, int row) {
  DbaCatalogDifference *difference = dba_list_add(comparison->arena, comparison->differences, sizeof *difference);
  difference->kind = kind;
  difference->noun = keep(comparison, catalog, row, NOUN);
  difference->name = keep(comparison, catalog, row, NAME);
  difference->part_of = keep(comparison, catalog, row, PART_OF);
  return difference;
}

static const DbaList *field_names(const DbaCatalogReader *reader, const char *catalog) {
  for (DBA_EACH(CatalogFields, fields, &reader->fields))
    if (!strcmp(fields->catalog, catalog))
      return &fields->names;
  return NULL;
}

static int by_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

// Are the elements of the two arrays the same ones?  Their order is not looked at.
static bool same_members(const char *a, const char *b, DbaArena *arena) {
  DbaList x = {0}, y = {0};
  if (!a || !b || !dba_sql_read_array(a, arena, &x, NULL) || !dba_sql_read_array(b, arena, &y, NULL) || x.n != y.n)
    return false;
  if (x.n) {
    qsort(x.items, x.n, sizeof(const char *), by_text);
    qsort(y.items, y.n, sizeof(const char *), by_text);
  }
  for (uint32_t i = 0; i < x.n; i++)
    if (strcmp(dba_list_text(&x, i), dba_list_text(&y, i)))
      return false;
  return true;
}

static void compare_fields(const Comparison *comparison, int row, int other) {
  const char *texts[2] = {dba_result_text(comparison->before->rows, row, FIELDS), dba_result_text(comparison->after->rows, other, FIELDS)};
  if (!strcmp(texts[0], texts[1]))
    return;
  const DbaList *names = field_names(comparison->before->reader, dba_result_text(comparison->before->rows, row, CATALOG));
  DbaList before = {0}, after = {0};
  if (!names || !dba_sql_read_array(texts[0], comparison->arena, &before, NULL) ||
      !dba_sql_read_array(texts[1], comparison->arena, &after, NULL) || before.n != names->n || after.n != names->n) {
    (void)add(comparison, DBA_DIFFERENCE_CHANGED, comparison->after, other);
    return;
  }
  for (uint32_t i = 0; i < names->n; i++) {
    const char *field = dba_list_text(names, i), *x = dba_list_text(&before, i), *y = dba_list_text(&after, i);
    if (!g_strcmp0(x, y))
      continue;
    bool columns = !strcmp(field, "columns");
    if (columns && !same_members(x, y, comparison->arena))
      continue; // told column by column
    int word = find_word(field);
    DbaCatalogDifference *difference = add(comparison, columns ? DBA_DIFFERENCE_ORDER : DBA_DIFFERENCE_CHANGED, comparison->after, other);
    difference->field = word < 0 ? field : words[word].word;
    difference->deparsed = word >= 0 && words[word].deparsed;
    difference->before = x;
    difference->after = y;
  }
}

static void compare_side(const Comparison *comparison, bool after) {
  const DbaCatalog *here = after ? comparison->after : comparison->before, *there = after ? comparison->before : comparison->after;
  for (int i = 0; i < dba_result_rows(here->rows); i++) {
    g_autofree char *key = key_of(here->rows, i);
    int other = GPOINTER_TO_INT(g_hash_table_lookup(there->by_name, key)) - 1;
    if (other >= 0 && !after)
      compare_fields(comparison, i, other);
    else if (other < 0 && g_strcmp0(dba_result_text(here->rows, i, NAME), dba_result_text(here->rows, i, PART_OF)))
      (void)add(comparison, after ? DBA_DIFFERENCE_LEFT : DBA_DIFFERENCE_GONE, here, i);
  }
}

static int in_order(const void *a, const void *b) {
  const DbaCatalogDifference *x = a, *y = b;
  int order = (int)x->kind - (int)y->kind;
  order = order ? order : strcmp(x->name, y->name);
  order = order ? order : strcmp(x->noun, y->noun);
  return order ? order : g_strcmp0(x->field, y->field);
}

static bool is_whole(const DbaCatalogDifference *difference) {
  return difference->kind == DBA_DIFFERENCE_GONE || difference->kind == DBA_DIFFERENCE_LEFT;
}

// Is it told with another: a part of something that is gone, the index or the checks of a constraint that is?
static bool is_told_with(const DbaCatalogDifference *part, const DbaCatalogDifference *whole) {
  if (part == whole || part->kind != whole->kind)
    return false;
  if (part->part_of && !strcmp(part->part_of, whole->name))
    return true;
  if (strcmp(whole->noun, "constraint") || (strcmp(part->noun, "index") && strcmp(part->noun, "check of foreign key")))
    return false;
  const char *of = strstr(whole->name, " of "), *dot = strcmp(part->noun, "index") ? NULL : strchr(part->name, '.');
  size_t length = of ? (size_t)(of - whole->name) : 0;
  const char *name = dot ? dot + 1 : part->name;
  return of && !strncmp(name, whole->name, length) && (!name[length] || g_str_has_prefix(name + length, " of "));
}

void dba_catalog_compare(const DbaCatalog *before, const DbaCatalog *after, DbaArena *arena, DbaList *ret_differences) {
  DbaList all = {0};
  Comparison comparison = {before, after, arena, &all};
  compare_side(&comparison, false);
  compare_side(&comparison, true);
  if (all.n)
    qsort(all.items, all.n, sizeof(DbaCatalogDifference), in_order);
  const DbaCatalogDifference *last = NULL; // an index stands in two catalogs
  for (DBA_EACH(DbaCatalogDifference, difference, &all)) {
    bool told = last && is_whole(difference) && last->kind == difference->kind && !strcmp(last->noun, difference->noun) &&
                !strcmp(last->name, difference->name);
    last = difference;
    for (DBA_EACH(DbaCatalogDifference, whole, &all))
      told = told || (is_whole(difference) && is_told_with(difference, whole));
    if (!told)
      *(DbaCatalogDifference *)dba_list_add(arena, ret_differences, sizeof *difference) = *difference;
  }
}

bool dba_catalog_equal(const DbaCatalog *a, const DbaCatalog *b) {
  if (dba_result_rows(a->rows) != dba_result_rows(b->rows))
    return false;
  for (int i = 0; i < dba_result_rows(a->rows); i++) {
    g_autofree char *key = key_of(a->rows, i);
    int other = GPOINTER_TO_INT(g_hash_table_lookup(b->by_name, key)) - 1;
    if (other < 0 || strcmp(dba_result_text(a->rows, i, FIELDS), dba_result_text(b->rows, other, FIELDS)))
      return false;
  }
  return true;
}

enum { SHOWN_LETTERS = 120 };

// One line of it; of two long values what stands around their first difference.
static char *shown(const char *value, const char *other) {
  if (!value || !*value)
    return g_strdup("nothing");
  g_autofree char *line = g_strdelimit(g_strdup(value), "\n\t", ' ');
  if (g_utf8_strlen(line, -1) <= SHOWN_LETTERS)
    return g_steal_pointer(&line);
  size_t same = 0;
  while (other && value[same] && value[same] == other[same])
    same++;
  while (same > 0 && (value[same] & 0xc0) == 0x80) // not within a letter
    same--;
  glong at = g_utf8_pointer_to_offset(line, line + same);
  glong length = g_utf8_strlen(line, -1), from = CLAMP(at - SHOWN_LETTERS / 3, 0, length - SHOWN_LETTERS);
  g_autofree char *cut = g_utf8_substring(line, from, from + SHOWN_LETTERS);
  return g_strconcat(from ? "... " : "", cut, from + SHOWN_LETTERS < length ? " ..." : "", NULL);
}

static void append_missing(GString *out, const DbaList *these, const DbaList *those, const char *verb) {
  unsigned n = 0;
  for (DBA_EACH_TEXT(text, these))
    if (*text && !dba_list_has_text(those, *text)) {
      g_string_append_printf(out, "%s%s", n ? ", " : out->len ? "; " : "", *text);
      n++;
    }
  if (n)
    g_string_append_printf(out, " %s %s", n == 1 ? "is" : "are", verb);
}

// Of two arrays what only one of them has; NULL when that does not tell the difference.
static char *members_text(const char *before, const char *after) {
  g_autoptr(DbaArena) arena = dba_arena_new();
  DbaList x = {0}, y = {0};
  if (!before || !after || *before != '{' || *after != '{' || !dba_sql_read_array(before, arena, &x, NULL) ||
      !dba_sql_read_array(after, arena, &y, NULL))
    return NULL;
  GString *out = g_string_new(NULL);
  append_missing(out, &x, &y, "gone");
  append_missing(out, &y, &x, "left behind");
  if (out->len)
    return g_string_free(out, FALSE);
  g_string_free(out, TRUE);
  return NULL;
}

// The columns that left their places: those outside of the longest run that kept its order.
static char *moved_text(const char *table, const char *before, const char *after) {
  g_autoptr(DbaArena) arena = dba_arena_new();
  DbaList x = {0}, y = {0};
  if (!dba_sql_read_array(before, arena, &x, NULL) || !dba_sql_read_array(after, arena, &y, NULL) || x.n != y.n || !x.n)
    return g_strdup_printf("columns of %s stand in another order", table);
  uint32_t n = y.n, last = 0;
  uint32_t *at = dba_arena_alloc(arena, n * sizeof *at), *length = dba_arena_alloc(arena, n * sizeof *length),
           *previous = dba_arena_alloc(arena, n * sizeof *previous);
  bool *stays = dba_arena_alloc(arena, n * sizeof *stays);
  for (uint32_t i = 0; i < n; i++) {
    while (strcmp(dba_list_text(&x, at[i]), dba_list_text(&y, i)))
      at[i]++;
    length[i] = 1;
    previous[i] = i;
    for (uint32_t k = 0; k < i; k++)
      if (at[k] < at[i] && length[k] + 1 > length[i]) {
        length[i] = length[k] + 1;
        previous[i] = k;
      }
    last = length[i] > length[last] ? i : last;
  }
  for (uint32_t i = last;; i = previous[i]) {
    stays[i] = true;
    if (previous[i] == i)
      break;
  }
  GString *out = g_string_new(NULL);
  unsigned moved = 0;
  for (uint32_t i = 0; i < n; i++)
    if (!stays[i])
      g_string_append_printf(out, "%s%s", moved++ ? ", " : "", dba_list_text(&y, i));
  g_autofree char *names = g_strdup(out->str);
  g_string_printf(out, "column%s %s of %s stand%s in another place than before", moved == 1 ? "" : "s", names, table,
                  moved == 1 ? "s" : "");
  return g_string_free(out, FALSE);
}

char *dba_difference_text(const DbaCatalogDifference *difference) {
  const char *field = difference->field ? difference->field : "something";
  g_autofree char *before = shown(difference->before, difference->after), *after = shown(difference->after, difference->before);
  g_autofree char *members = members_text(difference->before, difference->after);
  switch (difference->kind) {
  case DBA_DIFFERENCE_GONE: return g_strdup_printf("%s %s is gone", difference->noun, difference->name);
  case DBA_DIFFERENCE_LEFT: return g_strdup_printf("%s %s is left behind", difference->noun, difference->name);
  case DBA_DIFFERENCE_ORDER: return moved_text(difference->name, difference->before, difference->after);
  default:
    return members ? g_strdup_printf("%s of %s %s: %s", field, difference->noun, difference->name, members)
                   : g_strdup_printf("%s of %s %s is %s, was %s", field, difference->noun, difference->name, after, before);
  }
}

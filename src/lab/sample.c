// SPDX-License-Identifier: Apache-2.0
// A sample: rows of the subject itself, closed under foreign keys, personal values masked.
//
// Children come before their parents: what a child refers to and the lab lacks is fetched by its key, in rounds, until nothing is lacking.
// Everything is read in one read-only snapshot, a thousand rows at a time.  A mask changes figures to figures and letters to letters, by a
// secret key and the whole value: equal values stay equal, so that keys still meet, and what looked like a telephone number still does.
#include "lab/lab.h"

#include "lab/stand-in-int.h"
#include "sql/sql.h"

#include "lab-sql.h"

#include <math.h>
#include <string.h>

enum { PROGRESS_US = 500000, FETCH_ROWS = 1000, KEYS_AT_ONCE = 500, MOST_ROUNDS = 64, FEWEST = 1000, LARGE_PAGES = 1000 };

// ---- masks ----------------------------------------------------------------------------------------------------------

// Words of column names that tell of persons, as they stand between underscores.
static const char *const personal_words[] = {
    "email",  "mail",     "phone",  "mobile", "tel",    "fax",      "firstname", "lastname", "surname",  "fullname", "username", "login",
    "ssn",    "passport", "iban",   "card",   "street", "birthday", "birthdate", "dob",      "nickname", "contact",  "address",  "given",
    "family", "password", "secret", "token",  "taxid",  "vat",      "postcode",  "zip",      "zipcode",  "ip",       "birth",    "born"};
static const char *const personal_pairs[] = {"first_name",  "last_name", "full_name",      "user_name",     "given_name",
                                             "family_name", "tax_id",    "account_number", "date_of_birth", "display_name"};

// What "name" is the name of.
static const char *const persons[] = {"person",  "people",  "customer", "user",  "employee", "contact", "member",
                                      "patient", "student", "author",   "owner", "client",   "guest",   "staff"};

bool dba_sample_is_personal(const DbaRelation *relation, const DbaColumn *column) {
  g_autofree char *comment = column->comment ? g_ascii_strdown(column->comment, -1) : NULL, *name = g_ascii_strdown(column->name, -1),
                  *table = g_ascii_strdown(relation->name, -1);
  if (comment && strstr(comment, "personal"))
    return true;
  if (!g_strcmp0(column->type_name, "bool") || !g_strcmp0(column->type_class, "e"))
    return false;
  for (size_t i = 0; i < G_N_ELEMENTS(personal_pairs); i++)
    if (strstr(name, personal_pairs[i]))
      return true;
  for (size_t i = 0; !strcmp(name, "name") && i < G_N_ELEMENTS(persons); i++)
    if (strstr(table, persons[i]))
      return true;
  if (strstr(table, "address") && (g_str_has_prefix(name, "line") || !strcmp(name, "city")))
    return true;
  g_auto(GStrv) words = g_strsplit_set(name, "_- .0123456789", -1);
  for (char **word = words; *word; word++)
    for (size_t i = 0; i < G_N_ELEMENTS(personal_words); i++) {
      size_t length = strlen(personal_words[i]); // one, or several of them
      if (!strncmp(*word, personal_words[i], length) && (!(*word)[length] || !strcmp(*word + length, "s") || !strcmp(*word + length, "es")))
        return true;
    }
  return false;
}

static uint64_t hash_of(const char *text, uint64_t key) {
  for (uint64_t n = 0; *text; text++)
    key = dba_mix(key ^ (uint64_t)(unsigned char)*text ^ n++ << 32);
  return key;
}

// How values of a type are masked.
typedef enum MaskKind { MASK_TEXT, MASK_NUMBER, MASK_DAY, MASK_ADDRESS, MASK_UUID, MASK_NOTHING_LEFT } MaskKind;

static MaskKind mask_kind(const char *type_name) {
  static const struct {
    const char *type;
    MaskKind kind;
  } kinds[] = {{"text", MASK_TEXT},     {"varchar", MASK_TEXT},    {"bpchar", MASK_TEXT},  {"name", MASK_TEXT},      {"citext", MASK_TEXT},
               {"int2", MASK_NUMBER},   {"int4", MASK_NUMBER},     {"int8", MASK_NUMBER},  {"numeric", MASK_NUMBER}, {"date", MASK_DAY},
               {"timestamp", MASK_DAY}, {"timestamptz", MASK_DAY}, {"inet", MASK_ADDRESS}, {"uuid", MASK_UUID}};
  for (size_t i = 0; type_name && i < G_N_ELEMENTS(kinds); i++)
    if (!strcmp(kinds[i].type, type_name))
      return kinds[i].kind;
  return MASK_NOTHING_LEFT;
}

// Figures to figures, letters to letters of their case, those beyond ASCII too; marks stay, and the first figure of a number, so that it fits its type.
static char *mask_characters(const char *value, uint64_t hash, bool number) {
  GString *out = g_string_new(NULL);
  bool first = number;
  for (const char *p = value; *p; p++) {
    hash = dba_mix(hash);
    if (g_ascii_isdigit(*p) && first) {
      g_string_append_c(out, *p == '0' ? '0' : (char)('1' + hash % (uint64_t)(*p - '0')));
      first = false;
    } else if (g_ascii_isdigit(*p))
      g_string_append_c(out, (char)('0' + hash % 10));
    else if (g_ascii_isupper(*p))
      g_string_append_c(out, (char)('A' + hash % 26));
    else if (g_ascii_islower(*p) || (unsigned char)*p >= 0xc0) // of a longer character the first byte; what follows of it goes
      g_string_append_c(out, (char)('a' + hash % 26));
    else if ((unsigned char)*p < 0x80)
      g_string_append_c(out, *p);
  }
  return g_string_free(out, FALSE);
}

char *dba_sample_mask(const char *value, const char *type_name, uint64_t key) {
  uint64_t hash = hash_of(value, dba_mix(key));
  switch (mask_kind(type_name)) {
  case MASK_TEXT: return mask_characters(value, hash, false);
  case MASK_NUMBER: return mask_characters(value, hash, true);
  case MASK_DAY: { // another day of the same year, at the same time
    unsigned day = (unsigned)(hash % 336);
    if (strlen(value) < 10 || value[4] != '-')
      return g_strdup("2000-01-01"); // infinity, a year of five figures
    return g_strdup_printf("%.4s-%02u-%02u%s", value, 1 + day / 28, 1 + day % 28, value + 10);
  }
  case MASK_ADDRESS:
    return g_strdup_printf("10.%u.%u.%u", (unsigned)(hash & 255), (unsigned)(hash >> 8 & 255), (unsigned)(hash >> 16 & 255));
  case MASK_UUID:
    return g_strdup_printf("%08x-%04x-4%03x-8%03x-%012" G_GINT64_MODIFIER "x", (unsigned)(hash >> 32), (unsigned)(hash >> 16 & 0xffff),
                           (unsigned)(hash & 0xfff), (unsigned)(hash >> 12 & 0xfff), (uint64_t)(dba_mix(hash) & 0xffffffffffff));
  case MASK_NOTHING_LEFT: break;
  }
  return NULL;
}

// ---- tables ---------------------------------------------------------------------------------------------------------

typedef struct Table {
  const DbaRelation *relation;
  char *name, *columns; // quoted; of columns those that can be written
  GPtrArray *writable;  // const DbaColumn *
  bool *masked;         // of these
  unsigned depth;       // of the longest chain of children above it
  uint64_t rows;
} Table;

typedef struct Sampler {
  const DbaSurvey *survey;
  const DbaSample *options;
  DbaServer *source, *lab;
  DbaLoad *load;
  GArray *tables; // of Table, children before parents
  gint64 told_us;
} Sampler;

static bool is_masked(const Sampler *sampler, const DbaRelation *relation, const DbaColumn *column) {
  if (sampler->options->no_masks)
    return false;
  g_autofree char *full = g_strdup_printf("%s.%s.%s", relation->schema, relation->name, column->name),
                  *part = g_strdup_printf("%s.%s", relation->name, column->name);
  if (sampler->options->masks && (g_strv_contains(sampler->options->masks, full) || g_strv_contains(sampler->options->masks, part)))
    return true;
  return dba_sample_is_personal(relation, column);
}

static Table *find_table(const Sampler *sampler, const char *schema, const char *name) {
  for (guint i = 0; i < sampler->tables->len; i++) {
    Table *table = &g_array_index(sampler->tables, Table, i);
    if (!strcmp(table->relation->schema, schema) && !strcmp(table->relation->name, name))
      return table;
  }
  return NULL;
}

static gint compare_depth(gconstpointer a, gconstpointer b) {
  const Table *x = a, *y = b;
  return x->depth < y->depth ? -1 : x->depth > y->depth ? 1 : strcmp(x->name, y->name);
}

// A parent stands below all of its children; circles end by the number of rounds.
static void order_tables(Sampler *sampler) {
  bool moved = true;
  for (guint round = 0; moved && round < MOST_ROUNDS; round++) {
    moved = false;
    for (guint i = 0; i < sampler->tables->len; i++) {
      const Table *child = &g_array_index(sampler->tables, Table, i);
      for (DBA_EACH(DbaConstraint, key, &child->relation->constraints)) {
        Table *parent = !strcmp(key->kind, "foreign key") ? find_table(sampler, key->ref_schema, key->ref_table) : NULL;
        if (parent && parent != child && parent->depth < child->depth + 1 && child->depth < sampler->tables->len) {
          parent->depth = child->depth + 1;
          moved = true;
        }
      }
    }
  }
  g_array_sort(sampler->tables, compare_depth);
}

static void add_table(Sampler *sampler, const DbaRelation *relation) {
  Table table = {.relation = relation, .name = dba_sql_name(relation->schema, relation->name), .writable = g_ptr_array_new()};
  g_autoptr(GString) columns = g_string_new(NULL);
  table.masked = g_new0(bool, relation->columns.n + 1);
  for (DBA_EACH(DbaColumn, column, &relation->columns)) {
    if (column->generated)
      continue;
    g_string_append(columns, columns->len ? ", " : "");
    dba_sql_append_identifier(columns, column->name);
    table.masked[table.writable->len] = is_masked(sampler, relation, column);
    g_ptr_array_add(table.writable, column);
  }
  table.columns = g_strdup(columns->str);
  g_array_append_val(sampler->tables, table);
}

static int writable_column(const Table *table, const char *name) {
  for (guint i = 0; i < table->writable->len; i++)
    if (!strcmp(((const DbaColumn *)table->writable->pdata[i])->name, name))
      return (int)i;
  return -1;
}

// What refers to a masked column holds the same values, and what a masked one refers to: both are masked.
static void mask_keys(Sampler *sampler) {
  bool more = true;
  while (more) {
    more = false;
    for (guint i = 0; i < sampler->tables->len; i++) {
      Table *child = &g_array_index(sampler->tables, Table, i);
      for (DBA_EACH(DbaConstraint, key, &child->relation->constraints)) {
        Table *parent = !strcmp(key->kind, "foreign key") ? find_table(sampler, key->ref_schema, key->ref_table) : NULL;
        for (uint32_t k = 0; parent && k < key->columns.n && k < key->ref_columns.n; k++) {
          int a = writable_column(child, dba_list_text(&key->columns, k)), b = writable_column(parent, dba_list_text(&key->ref_columns, k));
          if (a < 0 || b < 0 || child->masked[a] == parent->masked[b])
            continue;
          child->masked[a] = parent->masked[b] = more = true;
        }
      }
    }
  }
}

// Says what is masked; a name of --mask that is no column's is an error.
static bool tell_masks(Sampler *sampler, GError **error) {
  g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
  for (guint i = 0; i < sampler->tables->len; i++) {
    const Table *table = &g_array_index(sampler->tables, Table, i);
    g_autoptr(GString) masked = g_string_new(NULL);
    for (guint k = 0; k < table->writable->len; k++) {
      const DbaColumn *column = table->writable->pdata[k];
      g_ptr_array_add(names, g_strdup_printf("%s.%s", table->relation->name, column->name));
      g_ptr_array_add(names, g_strdup_printf("%s.%s.%s", table->relation->schema, table->relation->name, column->name));
      if (table->masked[k])
        g_string_append_printf(masked, "%s%s%s", masked->len ? ", " : "masked: ", column->name,
                               mask_kind(column->type_name) == MASK_NOTHING_LEFT ? " (left empty)" : "");
    }
    if (masked->len)
      dba_load_note(sampler->load, table->name, 0, masked->str);
  }
  g_ptr_array_add(names, NULL);
  for (const char *const *mask = sampler->options->masks; mask && *mask; mask++)
    if (!g_strv_contains((const char *const *)names->pdata, *mask)) {
      const char *near = dba_text_nearest(*mask, (const char *const *)names->pdata);
      return dba_fail(error, DBA_ERROR_USAGE, "--mask %s: there is no such column%s%s%s", *mask, near ? " (did you mean \"" : "",
                      near ? near : "", near ? "\"?)" : " (say table.column)");
    }
  return true;
}

// ---- rows -----------------------------------------------------------------------------------------------------------

static void append_value(const Sampler *sampler, const Table *table, guint column, const char *value, GString *out) {
  g_string_append(out, column ? "\t" : "");
  if (!value) {
    g_string_append(out, "\\N");
    return;
  }
  const DbaColumn *of = table->writable->pdata[column];
  if (table->masked[column] && mask_kind(of->type_name) == MASK_NOTHING_LEFT) {
    g_string_append(
        out, !of->not_null                                                                                                         ? "\\N"
             : !g_strcmp0(of->type_name, "jsonb") || !g_strcmp0(of->type_name, "json") || (of->type_name && *of->type_name == '_') ? "{}"
                                                                                                                                   : "");
    return;
  }
  g_autofree char *masked = table->masked[column] ? dba_sample_mask(value, of->type_name, sampler->options->key) : NULL;
  dba_copy_append(out, masked ? masked : value);
}

static bool write_rows(Sampler *sampler, Table *table, const DbaResult *rows, GError **error) {
  g_autoptr(GString) text = g_string_new(NULL);
  g_autofree char *copy = g_strdup_printf("copy %s (%s) from stdin", table->name, table->columns);
  for (int row = 0; row < dba_result_rows(rows); row++) {
    for (guint i = 0; i < table->writable->len; i++)
      append_value(sampler, table, i, dba_result_text(rows, row, (int)i), text);
    g_string_append_c(text, '\n');
  }
  table->rows += (uint64_t)dba_result_rows(rows);
  sampler->load->inserted += (uint64_t)dba_result_rows(rows);
  return !text->len || (dba_server_copy_begin(sampler->lab, copy, error) &&
                        dba_server_copy_data(sampler->lab, text->str, text->len, error) && dba_server_copy_end(sampler->lab, error));
}

static char *select_of(const Table *table) {
  GString *sql = g_string_new("select ");
  for (guint i = 0; i < table->writable->len; i++) {
    const DbaColumn *column = table->writable->pdata[i];
    g_string_append(sql, i ? ", t." : "t.");
    dba_sql_append_identifier(sql, column->name); // as it is: a cast could be the subject's own code
  }
  g_string_append_printf(sql, " from only %s t", table->name);
  return g_string_free(sql, FALSE);
}

// The table's own part: rows at random; of a large table whole pages, so that not all of it is read.
static bool take_own(Sampler *sampler, Table *table, GError **error) {
  const DbaRelation *relation = table->relation;
  double rows = fmax(relation->rows > 0 ? relation->rows : (double)relation->live_rows, 0),
         share = rows <= FEWEST ? 1 : fmax(sampler->options->share, FEWEST / rows);
  g_autofree char *select = select_of(table),
                  *sample = share < 1 ? g_strdup_printf(" tablesample %s (%.8g) repeatable (%u)",
                                                        relation->pages > LARGE_PAGES ? "system" : "bernoulli", share * 100,
                                                        sampler->options->seed)
                                      : g_strdup(""),
                  *sql = g_strdup_printf("declare dbarch_rows no scroll cursor for %s%s", select, sample);
  if (!dba_server_exec(sampler->source, sql, error))
    return false;
  for (;;) {
    g_autoptr(DbaResult) fetched = dba_server_query(sampler->source, "fetch 1000 from dbarch_rows", NULL, error);
    if (!fetched || !write_rows(sampler, table, fetched, error))
      return false;
    gint64 now = g_get_monotonic_time();
    if (sampler->options->progress && now - sampler->told_us > PROGRESS_US) {
      sampler->told_us = now;
      g_autofree char *line = g_strdup_printf("%s: %" G_GUINT64_FORMAT " rows", table->name, table->rows);
      sampler->options->progress(sampler->options->progress_data, line);
    }
    if (dba_result_rows(fetched) < FETCH_ROWS)
      return dba_server_exec(sampler->source, "close dbarch_rows", error);
  }
}

// ---- what children refer to -----------------------------------------------------------------------------------------

// Keys are compared as the rows in the lab have them: a masked key is looked for by what it was, which only the child's rows that were just
// fetched still knew.  So keys that are masked are not followed; their constraint is named when it does not hold.
static bool has_masked_key(const Table *child, const DbaConstraint *key) { // its parent's columns are masked with it
  for (uint32_t i = 0; i < key->columns.n; i++) {
    int column = writable_column(child, dba_list_text(&key->columns, i));
    if (column < 0 || child->masked[column])
      return true;
  }
  return false;
}

static void append_columns(GString *sql, const char *prefix, const DbaList *columns) {
  for (uint32_t i = 0; i < columns->n; i++) {
    g_string_append_printf(sql, "%s%s", i ? ", " : "", prefix);
    dba_sql_append_identifier(sql, dba_list_text(columns, i));
  }
}

// Fetches the parents that one foreign key's rows in the lab lack; how many is *ret_n.
static bool take_parents(Sampler *sampler, const Table *child, const DbaConstraint *key, Table *parent, uint64_t *ret_n, GError **error) {
  g_autoptr(GString) lacking = g_string_new("select distinct "), fetch = g_string_new(NULL);
  g_autofree char *select = select_of(parent);
  uint64_t before = parent->rows;
  append_columns(lacking, "c.", &key->columns);
  g_string_append_printf(lacking, " from %s c where not exists (select from %s p where ", child->name, parent->name);
  for (uint32_t i = 0; i < key->columns.n; i++) {
    g_string_append(lacking, i ? " and p." : "p.");
    dba_sql_append_identifier(lacking, dba_list_text(&key->ref_columns, i));
    g_string_append(lacking, " = c.");
    dba_sql_append_identifier(lacking, dba_list_text(&key->columns, i));
  }
  g_string_append(lacking, ")");
  for (uint32_t i = 0; i < key->columns.n; i++) {
    g_string_append(lacking, " and c.");
    dba_sql_append_identifier(lacking, dba_list_text(&key->columns, i));
    g_string_append(lacking, " is not null");
  }
  g_string_append_printf(fetch, "%s join unnest(", select);
  for (uint32_t i = 0; i < key->ref_columns.n; i++) {
    const DbaColumn *column = dba_relation_column(parent->relation, dba_list_text(&key->ref_columns, i));
    g_string_append_printf(fetch, "%s$%u::%s[]", i ? ", " : "", i + 1, column ? column->type : "text");
  }
  g_string_append(fetch, ") k(");
  for (uint32_t i = 0; i < key->ref_columns.n; i++)
    g_string_append_printf(fetch, "%sk%u", i ? ", " : "", i);
  g_string_append(fetch, ") on ");
  for (uint32_t i = 0; i < key->ref_columns.n; i++) {
    g_string_append(fetch, i ? " and t." : "t.");
    dba_sql_append_identifier(fetch, dba_list_text(&key->ref_columns, i));
    g_string_append_printf(fetch, " = k.k%u", i);
  }
  g_autoptr(DbaResult) keys = dba_server_query(sampler->lab, lacking->str, NULL, error);
  if (!keys)
    return false;
  for (int from = 0; from < dba_result_rows(keys); from += KEYS_AT_ONCE) {
    g_autoptr(DbaArena) arena = dba_arena_new();
    const char *parameters[33] = {NULL};
    for (uint32_t i = 0; i < key->columns.n && i < G_N_ELEMENTS(parameters) - 1; i++) {
      DbaList values = {0};
      for (int row = from; row < MIN(from + KEYS_AT_ONCE, dba_result_rows(keys)); row++)
        dba_list_add_text(arena, &values, dba_result_text(keys, row, (int)i));
      g_autofree char *array = dba_sql_write_array(&values, 0);
      parameters[i] = dba_arena_text(arena, array);
    }
    g_autoptr(DbaResult) rows = dba_server_query(sampler->source, fetch->str, parameters, error);
    if (!rows || !write_rows(sampler, parent, rows, error))
      return false;
  }
  *ret_n = parent->rows - before;
  return true;
}

static bool close_keys(Sampler *sampler, GError **error) {
  bool more = true;
  for (unsigned round = 0; more && round < MOST_ROUNDS; round++) {
    more = false;
    for (guint i = 0; i < sampler->tables->len; i++) {
      const Table *child = &g_array_index(sampler->tables, Table, i);
      for (DBA_EACH(DbaConstraint, key, &child->relation->constraints)) {
        Table *parent = !strcmp(key->kind, "foreign key") && key->columns.n == key->ref_columns.n && key->columns.n <= 32
                            ? find_table(sampler, key->ref_schema, key->ref_table)
                            : NULL;
        uint64_t n = 0;
        if (!parent || has_masked_key(child, key))
          continue;
        if (!take_parents(sampler, child, key, parent, &n, error))
          return false;
        more |= n > 0;
      }
    }
  }
  return true;
}

static void clear_tables(GArray *tables) {
  for (guint i = 0; i < tables->len; i++) {
    Table *table = &g_array_index(tables, Table, i);
    g_free(table->name);
    g_free(table->columns);
    g_free(table->masked);
    g_ptr_array_unref(table->writable);
  }
  g_array_unref(tables);
}

// A table that the role may not read, or that another session holds, stays empty and is named.
static bool try_own(Sampler *sampler, Table *table, GError **error) {
  g_autoptr(GError) problem = NULL;
  if (!dba_server_exec(sampler->source, "savepoint dbarch", error))
    return false;
  if (take_own(sampler, table, &problem))
    return dba_server_exec(sampler->source, "release savepoint dbarch", error);
  if (!g_error_matches(problem, DBA_ERROR, DBA_ERROR_DATABASE) || dba_server_in_transaction(sampler->lab)) {
    g_propagate_error(error, g_steal_pointer(&problem));
    return false;
  }
  g_autofree char *text = g_strdup_printf("has no rows: %s", problem->message);
  dba_load_note(sampler->load, table->name, 0, text);
  return dba_server_exec(sampler->source, "rollback to savepoint dbarch", error);
}

static bool take_all(Sampler *sampler, GError **error) {
  for (guint i = 0; i < sampler->tables->len; i++)
    if (!try_own(sampler, &g_array_index(sampler->tables, Table, i), error))
      return false;
  return close_keys(sampler, error);
}

bool dba_lab_sample_rows(DbaServer *source, DbaServer *lab, const DbaSurvey *survey, const DbaSample *options, DbaLoad *load,
                         GError **error) {
  Sampler sampler = {survey, options, source, lab, load, g_array_new(FALSE, FALSE, sizeof(Table)), g_get_monotonic_time()};
  for (DBA_EACH(DbaRelation, relation, &survey->schema.relations))
    if (!strcmp(relation->kind, "table") && relation->columns.n)
      add_table(&sampler, relation);
  order_tables(&sampler);
  mask_keys(&sampler);
  bool ok = tell_masks(&sampler, error) && dba_server_exec(lab, dba_embedded_lab_sql("stand_in_session"), error) &&
            dba_server_begin_reading(source, error) && take_all(&sampler, error);
  g_autoptr(GError) ignored = NULL;
  if (dba_server_in_transaction(source) && !dba_server_exec(source, "rollback", ok ? error : &ignored))
    ok = false;
  clear_tables(sampler.tables);
  return ok;
}

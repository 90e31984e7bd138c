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

enum { PROGRESS_US = 500000, FETCH_ROWS = 1000, KEYS_AT_ONCE = 500, MOST_ROUNDS = 64, FEWEST = 1000 };

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
  static const char *const types[] = {"text", "varchar", "bpchar", "citext", "date", "inet", "name", NULL};
  if (column->comment && strstr(column->comment, "personal"))
    return true;
  if (!column->type_name || !g_strv_contains(types, column->type_name))
    return false;
  g_autofree char *name = g_ascii_strdown(column->name, -1);
  for (size_t i = 0; i < G_N_ELEMENTS(personal_pairs); i++)
    if (strstr(name, personal_pairs[i]))
      return true;
  g_autofree char *table = g_ascii_strdown(relation->name, -1);
  for (size_t i = 0; !strcmp(name, "name") && i < G_N_ELEMENTS(persons); i++)
    if (strstr(table, persons[i]))
      return true;
  if (strstr(table, "address") && (g_str_has_prefix(name, "line") || !strcmp(name, "city")))
    return true;
  g_auto(GStrv) words = g_strsplit_set(name, "_- .0123456789", -1);
  for (char **word = words; *word; word++)
    for (size_t i = 0; i < G_N_ELEMENTS(personal_words); i++)
      if (!strcmp(*word, personal_words[i]))
        return true;
  return false;
}

static uint64_t hash_of(const char *text, uint64_t key) {
  for (uint64_t n = 0; *text; text++)
    key = dba_mix(key ^ (uint64_t)(unsigned char)*text ^ n++ << 32);
  return key;
}

// Figures to figures, letters to letters of their case; letters beyond ASCII to such of it; marks stay.
char *dba_sample_mask(const char *value, const char *type_name, uint64_t key) {
  GString *out = g_string_new(NULL);
  uint64_t hash = hash_of(value, dba_mix(key));
  if (type_name && !strcmp(type_name, "date") && strlen(value) == 10) { // another day of the same year
    unsigned day = (unsigned)(hash % 336);
    g_string_append_printf(out, "%.4s-%02u-%02u", value, 1 + day / 28, 1 + day % 28);
    return g_string_free(out, FALSE);
  }
  if (type_name && !strcmp(type_name, "inet")) {
    g_string_append_printf(out, "10.%u.%u.%u", (unsigned)(hash & 255), (unsigned)(hash >> 8 & 255), (unsigned)(hash >> 16 & 255));
    return g_string_free(out, FALSE);
  }
  for (const char *p = value; *p; p++) {
    hash = dba_mix(hash);
    if (g_ascii_isdigit(*p))
      g_string_append_c(out, (char)('0' + hash % 10));
    else if (g_ascii_isupper(*p))
      g_string_append_c(out, (char)('A' + hash % 26));
    else if (g_ascii_islower(*p))
      g_string_append_c(out, (char)('a' + hash % 26));
    else if ((unsigned char)*p >= 0xc0) // the first byte of a character; what follows of it goes
      g_string_append_c(out, (char)('a' + hash % 26));
    else if ((unsigned char)*p < 0x80)
      g_string_append_c(out, *p);
  }
  return g_string_free(out, FALSE);
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
  for (guint round = 0; moved && round < sampler->tables->len; round++) {
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
  g_autoptr(GString) columns = g_string_new(NULL), masked = g_string_new(NULL);
  table.masked = g_new0(bool, relation->columns.n + 1);
  for (DBA_EACH(DbaColumn, column, &relation->columns)) {
    if (column->generated)
      continue;
    g_string_append(columns, columns->len ? ", " : "");
    dba_sql_append_identifier(columns, column->name);
    table.masked[table.writable->len] = is_masked(sampler, relation, column);
    if (table.masked[table.writable->len])
      g_string_append_printf(masked, "%s%s", masked->len ? ", " : "masked: ", column->name);
    g_ptr_array_add(table.writable, column);
  }
  if (masked->len)
    dba_load_note(sampler->load, table.name, 0, masked->str);
  table.columns = g_strdup(columns->str);
  g_array_append_val(sampler->tables, table);
}

// ---- rows -----------------------------------------------------------------------------------------------------------

static void append_value(const Sampler *sampler, const Table *table, guint column, const char *value, GString *out) {
  g_string_append(out, column ? "\t" : "");
  if (!value) {
    g_string_append(out, "\\N");
    return;
  }
  const DbaColumn *of = table->writable->pdata[column];
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
    dba_sql_append_identifier(sql, column->name);
    g_string_append(sql, "::pg_catalog.text");
  }
  g_string_append_printf(sql, " from only %s t", table->name);
  return g_string_free(sql, FALSE);
}

// The table's own part: pages at random, rows of them by the share.
static bool take_own(Sampler *sampler, Table *table, GError **error) {
  const DbaRelation *relation = table->relation;
  double rows = fmax(relation->rows > 0 ? relation->rows : (double)relation->live_rows, 0),
         share = rows <= FEWEST ? 1 : fmax(sampler->options->share, FEWEST / rows);
  g_autofree char *select = select_of(table),
                  *sample = share < 1 ? g_strdup_printf(" tablesample bernoulli (%.8g) repeatable (%" G_GUINT64_FORMAT ")", share * 100,
                                                        sampler->options->key % 1000003)
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
static bool has_masked_key(const Table *child, const DbaConstraint *key) {
  for (guint i = 0; i < child->writable->len; i++) {
    const DbaColumn *column = child->writable->pdata[i];
    if (child->masked[i] && dba_list_has_text(&key->columns, column->name))
      return true;
  }
  return false;
}

static void append_columns(GString *sql, const char *prefix, const DbaList *columns, const char *suffix) {
  for (uint32_t i = 0; i < columns->n; i++) {
    g_string_append_printf(sql, "%s%s", i ? ", " : "", prefix);
    dba_sql_append_identifier(sql, dba_list_text(columns, i));
    g_string_append(sql, suffix);
  }
}

// Fetches the parents that one foreign key's rows in the lab lack; how many is *ret_n.
static bool take_parents(Sampler *sampler, const Table *child, const DbaConstraint *key, Table *parent, uint64_t *ret_n, GError **error) {
  g_autoptr(GString) lacking = g_string_new("select distinct "), fetch = g_string_new(NULL);
  g_autofree char *select = select_of(parent);
  uint64_t before = parent->rows;
  append_columns(lacking, "c.", &key->columns, "::text");
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
  bool ok = dba_server_exec(lab, dba_embedded_lab_sql("stand_in_session"), error) && dba_server_begin_reading(source, error) &&
            take_all(&sampler, error);
  g_autoptr(GError) ignored = NULL;
  if (dba_server_in_transaction(source) && !dba_server_exec(source, "rollback", ok ? error : &ignored))
    ok = false;
  clear_tables(sampler.tables);
  return ok;
}

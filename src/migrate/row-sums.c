// SPDX-License-Identifier: Apache-2.0
// What is in the tables, summed up so that two states can be compared without keeping either.
//
// A sum of hashes is blind to order, as rows are.  Each column has one, so that what is lost can be named; whole rows have one too, which tells
// values that stand in other rows than before.
#include "migrate/migrate-int.h"

#include "migrate-sql.h"

#include <string.h>

typedef struct TableSums {
  const char *table;
  DbaList columns; // by name
  DbaList sums;    // of each column, then of whole rows; NULL where there is no row
  int64_t rows;
} TableSums;

enum { NAME, COLUMNS, STATEMENT, STAMP, FORCED }; // of sql/row_sums.sql

typedef struct SequenceValue {
  const char *sequence, *value;
} SequenceValue;

struct DbaRowSums {
  DbaArena *arena;
  DbaList tables;    // TableSums
  DbaList sequences; // SequenceValue
};

void dba_row_sums_free(DbaRowSums *sums) {
  if (!sums)
    return;
  dba_arena_free(sums->arena);
  g_free(sums);
}

static bool take(DbaRowSums *sums, const DbaResult *written, const DbaResult *read) {
  for (int i = 0; i < dba_result_rows(read); i++) {
    TableSums *table = dba_list_add(sums->arena, &sums->tables, sizeof *table);
    table->table = dba_arena_text(sums->arena, dba_result_text(read, i, 0));
    table->rows = dba_result_int(read, i, 1);
    if (!dba_sql_read_array(dba_result_text(read, i, 2), sums->arena, &table->sums, NULL))
      return false;
    for (int k = 0; k < dba_result_rows(written); k++)
      if (!strcmp(dba_result_text(written, k, NAME), table->table) &&
          !dba_sql_read_array(dba_result_text(written, k, COLUMNS), sums->arena, &table->columns, NULL))
        return false;
    if (table->sums.n != table->columns.n + 1)
      return false;
  }
  return true;
}

// What was summed up before, by the stamp that the table had.
struct DbaRowCache {
  DbaArena *arena;
  GHashTable *by_stamp; // to TableSums
};

DbaRowCache *dba_row_cache_new(void) {
  DbaRowCache *cache = g_new0(DbaRowCache, 1);
  cache->arena = dba_arena_new();
  cache->by_stamp = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  return cache;
}

void dba_row_cache_free(DbaRowCache *cache) {
  if (!cache)
    return;
  dba_arena_free(cache->arena);
  g_hash_table_unref(cache->by_stamp);
  g_free(cache);
}

static void copy_table(DbaArena *arena, const TableSums *from, TableSums *to) {
  *to = (TableSums){.table = dba_arena_text(arena, from->table), .rows = from->rows};
  for (DBA_EACH_TEXT(column, &from->columns))
    dba_list_add_text(arena, &to->columns, dba_arena_text(arena, *column));
  for (DBA_EACH_TEXT(sum, &from->sums))
    dba_list_add_text(arena, &to->sums, dba_arena_text(arena, *sum));
}

static void remember(DbaRowCache *cache, const DbaResult *written, const TableSums *table) {
  for (int i = 0; i < dba_result_rows(written); i++)
    if (!strcmp(dba_result_text(written, i, NAME), table->table)) {
      TableSums *kept = dba_arena_new0(cache->arena, TableSums);
      copy_table(cache->arena, table, kept);
      g_hash_table_replace(cache->by_stamp, g_strdup(dba_result_text(written, i, STAMP)), kept);
      return;
    }
}

// All tables that changed at once; where one of them cannot be read (a policy that raises, a type whose output does), each by itself, and that one not.
static bool read_tables(DbaServer *subject, DbaRowCache *cache, DbaRowSums *sums, GError **error) {
  g_autoptr(DbaResult) flushed = dba_server_query(subject, dba_embedded_migrate_sql("flush_counters"), NULL, error);
  g_autoptr(DbaResult) written = flushed ? dba_server_query(subject, dba_embedded_migrate_sql("row_sums"), NULL, error) : NULL;
  g_autoptr(GString) all = g_string_new(NULL);
  g_autoptr(GPtrArray) changed = g_ptr_array_new();
  if (!written)
    return false;
  for (int i = 0; i < dba_result_rows(written); i++) {
    if (!dba_result_text(written, i, NAME) || !dba_result_text(written, i, STATEMENT) || !dba_result_text(written, i, STAMP))
      return dba_fail(error, DBA_ERROR_DATABASE, "the tables cannot be read: a function of the subject stands in the way");
    const TableSums *known = g_hash_table_lookup(cache->by_stamp, dba_result_text(written, i, STAMP));
    if (known) {
      TableSums *table = dba_list_add(sums->arena, &sums->tables, sizeof *table);
      copy_table(sums->arena, known, table);
      continue;
    }
    g_ptr_array_add(changed, (char *)(uintptr_t)dba_result_text(written, i, STATEMENT));
    g_string_append_printf(all, "%s%s", all->len ? " union all " : "", dba_result_text(written, i, STATEMENT));
  }
  if (!changed->len)
    return true;
  uint32_t begin = sums->tables.n;
  bool forced = false;
  for (int i = 0; i < dba_result_rows(written); i++) // policies that hold for the owner too hide rows: they are set aside for a moment
    if (*dba_result_text(written, i, FORCED) == 't') {
      g_autofree char *sql = g_strdup_printf("alter table %s no force row level security", dba_result_text(written, i, NAME));
      if ((!forced && !dba_server_exec(subject, "begin", error)) || !dba_server_exec(subject, sql, error))
        return false;
      forced = true;
    }
  g_autoptr(GError) problem = NULL;
  g_autoptr(DbaResult) read = dba_server_query(subject, all->str, NULL, &problem);
  if (!read && !g_error_matches(problem, DBA_ERROR, DBA_ERROR_DATABASE))
    return g_propagate_error(error, g_steal_pointer(&problem)), false;
  if (read && !take(sums, written, read))
    return dba_fail(error, DBA_ERROR_DATABASE, "sums of rows cannot be read");
  if (!read && forced && (!dba_server_exec(subject, "rollback", error))) // each by itself, as it is seen
    return false;
  forced = forced && read;
  for (guint i = 0; !read && i < changed->len; i++) {
    g_autoptr(GError) one = NULL;
    g_autoptr(DbaResult) result = dba_server_query(subject, changed->pdata[i], NULL, &one);
    if (result && !take(sums, written, result))
      return dba_fail(error, DBA_ERROR_DATABASE, "sums of rows cannot be read");
    if (!result && !g_error_matches(one, DBA_ERROR, DBA_ERROR_DATABASE))
      return g_propagate_error(error, g_steal_pointer(&one)), false;
  }
  if (forced && !dba_server_exec(subject, "rollback", error))
    return false;
  for (uint32_t i = begin; i < sums->tables.n; i++)
    remember(cache, written, dba_list_at(TableSums, &sums->tables, i));
  return true;
}

DbaRowSums *dba_row_sums_read(DbaServer *subject, DbaServer *superuser, DbaRowCache *cache, GError **error) {
  g_autoptr(DbaRowSums) sums = g_new0(DbaRowSums, 1);
  sums->arena = dba_arena_new();
  g_autoptr(DbaResult) sequences = dba_server_query(superuser, dba_embedded_migrate_sql("sequence_values"), NULL, error);
  for (int i = 0; sequences && i < dba_result_rows(sequences); i++) {
    SequenceValue *value = dba_list_add(sums->arena, &sums->sequences, sizeof *value);
    *value = (SequenceValue){dba_arena_text(sums->arena, dba_result_text(sequences, i, 0)),
                             dba_arena_text(sums->arena, dba_result_text(sequences, i, 1))};
  }
  return sequences && read_tables(subject, cache, sums, error) ? g_steal_pointer(&sums) : NULL;
}

static const TableSums *find_table(const DbaRowSums *sums, const char *name) {
  for (DBA_EACH(TableSums, table, &sums->tables))
    if (!strcmp(table->table, name))
      return table;
  return NULL;
}

bool dba_row_sums_has_rows(const DbaRowSums *sums, const char *table) {
  const TableSums *found = find_table(sums, table);
  return found && found->rows > 0;
}

bool dba_row_sums_is_empty(const DbaRowSums *sums, const char *table) {
  const TableSums *found = find_table(sums, table);
  return found && !found->rows;
}

bool dba_row_sums_any(const DbaRowSums *sums) {
  for (DBA_EACH(TableSums, table, &sums->tables))
    if (table->rows)
      return true;
  return false;
}

static int find_column(const TableSums *table, const char *name) {
  for (uint32_t i = 0; table && i < table->columns.n; i++)
    if (!strcmp(dba_list_text(&table->columns, i), name))
      return (int)i;
  return -1;
}

static void tell(DbaArena *arena, DbaList *lost, const char *format, ...) DBA_PRINTF(3, 4);
static void tell(DbaArena *arena, DbaList *lost, const char *format, ...) {
  va_list args;
  va_start(args, format);
  g_autofree char *text = g_strdup_vprintf(format, args);
  va_end(args);
  dba_list_add_text(arena, lost, dba_arena_text(arena, text));
}

static void compare_values(const TableSums *before, const TableSums *between, const TableSums *after, DbaArena *arena, DbaList *lost,
                           bool *saved) {
  bool columns_equal = before->columns.n == after->columns.n, differ = false;
  for (uint32_t i = 0; i < before->columns.n; i++) {
    const char *name = dba_list_text(&before->columns, i);
    int k = find_column(after, name);
    bool away = !between || find_column(between, name) < 0;
    columns_equal = columns_equal && k >= 0;
    if (k < 0)
      continue; // the catalogs tell it
    bool same = !g_strcmp0(dba_list_text(&before->sums, i), dba_list_text(&after->sums, k));
    differ |= !same;
    if (!same)
      tell(arena, lost, "values of column %s.%s are %s (%" G_GINT64_FORMAT " row%s)", before->table, name,
           away ? "lost: it was dropped and is made anew" : "others than before", before->rows, before->rows == 1 ? "" : "s");
    *saved |= same && away;
  }
  if (columns_equal && !differ && g_strcmp0(dba_list_text(&before->sums, before->columns.n), dba_list_text(&after->sums, after->columns.n)))
    tell(arena, lost, "values of %s stand in other rows than before", before->table);
}

void dba_row_sums_compare(const DbaRowSums *before, const DbaRowSums *between, const DbaRowSums *after, DbaArena *arena, DbaList *lost,
                          bool *ret_saved) {
  *ret_saved = false;
  for (DBA_EACH(TableSums, table, &before->tables)) {
    const TableSums *now = find_table(after, table->table);
    if (!now)
      continue; // likewise
    if (now->rows < table->rows)
      tell(arena, lost, "%" G_GINT64_FORMAT " of %" G_GINT64_FORMAT " row%s of %s are lost", table->rows - now->rows, table->rows,
           table->rows == 1 ? "" : "s", table->table);
    else if (now->rows > table->rows)
      tell(arena, lost, "%" G_GINT64_FORMAT " row%s too many in %s", now->rows - table->rows,
           now->rows - table->rows == 1 ? " is" : "s are", table->table);
    else if (table->rows)
      compare_values(table, find_table(between, table->table), now, arena, lost, ret_saved);
  }
}

static const char *value_of(const DbaRowSums *sums, const char *sequence, bool *ret_there) {
  *ret_there = false;
  for (DBA_EACH(SequenceValue, value, &sums->sequences))
    if (!strcmp(value->sequence, sequence)) {
      *ret_there = true;
      return value->value;
    }
  return NULL;
}

void dba_row_sums_compare_sequences(const DbaRowSums *before, const DbaRowSums *between, const DbaRowSums *after, bool set, DbaArena *arena,
                                    DbaList *lost) {
  for (DBA_EACH(SequenceValue, value, &before->sequences)) {
    bool was_between, is_there;
    (void)value_of(between, value->sequence, &was_between);
    const char *now = value_of(after, value->sequence, &is_there);
    // One that only went on counting is as good as before: numbers are given once.
    if (is_there && (set || !was_between) && g_strcmp0(value->value, now))
      tell(arena, lost, "sequence %s stands at %s, was at %s", value->sequence, now ? now : "its start",
           value->value ? value->value : "its start");
  }
}

// SPDX-License-Identifier: Apache-2.0
// The stand-in: a database with the subject's schema and rows made from its statistics alone.
//
// Tables first, rows by COPY, then constraints, indexes and triggers, as a restore does it.  What the rows do not satisfy is
// left out and named.  Rows are functions of their number and the seed: the same survey gives the same rows.
#include "lab/values.h"

#include "sql/sql.h"

#include "lab-sql.h"

#include <math.h>
#include <string.h>
#include <sys/statvfs.h>

enum { COPY_BYTES = 1 << 16, FEWEST = 1000, PROGRESS_US = 500000 };

typedef struct Maker {
  const DbaSurvey *survey;
  const DbaStandIn *options;
  DbaServer *server;
  DbaLoad *load;
  DbaArena *arena;
  GHashTable *filled;
  DbaTableModel *tables;
  unsigned n_tables;
  double scale;
  uint64_t rows_wanted, rows_made;
  gint64 told_us, begin_us; // told_us starts with begin_us: what is quick tells nothing
} Maker;

static bool has_rows_of_its_own(const DbaRelation *relation) { return !strcmp(relation->kind, "table"); }

static double original_rows(const DbaRelation *relation) {
  return relation->rows > 0 ? relation->rows : relation->live_rows > 0 ? (double)relation->live_rows : 0;
}

// Bytes that the subject's rows and indexes take, by its sizes and by its rows, whichever says more.
static double bytes_of(const DbaSurvey *survey) {
  enum { ROW_OVERHEAD = 28, PAGE = 8192 };
  double all = 0;
  for (DBA_EACH(DbaRelation, relation, &survey->schema.relations)) {
    double row = ROW_OVERHEAD,
           sizes = fmax(fmax((double)relation->size_bytes, (double)relation->pages * PAGE), 0) + fmax((double)relation->toast_bytes, 0);
    for (DBA_EACH(DbaColumnStatistics, x, &relation->statistics))
      row += (double)MAX(0, x->width_bytes) * (1 - CLAMP(x->null_fraction, 0, 1));
    for (DBA_EACH(DbaIndex, index, &relation->indexes))
      all += fmax(fmax((double)index->size_bytes, (double)index->pages * PAGE), 0); // a file may say anything
    if (has_rows_of_its_own(relation))
      all += fmax(sizes, row * original_rows(relation));
  }
  return all;
}

// The share of rows that is made: what was asked for, or what fits into the bytes that were; an error when the disk has no room.
static bool choose_scale(const DbaSurvey *survey, const DbaStandIn *options, const char *folder, double *ret_scale, GError **error) {
  double bytes = bytes_of(survey), scale = options->percent > 0 ? options->percent / 100 : 1;
  struct statvfs disk;
  if (options->size_bytes > 0)
    scale = fmin(1, (double)options->size_bytes / fmax(bytes, 1));
  double free_bytes = statvfs(folder, &disk) == 0 ? (double)disk.f_bavail * (double)disk.f_frsize : INFINITY;
  if (bytes * scale > free_bytes / 2) {
    g_autofree char *wanted = dba_text_bytes((int64_t)fmin(bytes * scale, 9e18)), *there = dba_text_bytes((int64_t)fmin(free_bytes, 9e18));
    return dba_fail(error, DBA_ERROR_LAB, "the rows would take about %s, and %s are free (hint: --size 5GB, or --rows 1%%)", wanted, there);
  }
  *ret_scale = scale;
  return true;
}

static DbaTableModel *find_table(const Maker *maker, const char *schema, const char *name) {
  for (unsigned i = 0; i < maker->n_tables; i++)
    if (!g_strcmp0(maker->tables[i].relation->schema, schema) && !g_strcmp0(maker->tables[i].relation->name, name))
      return &maker->tables[i];
  return NULL;
}

static int find_column(const DbaTableModel *table, const char *name) {
  for (unsigned i = 0; i < table->n_columns; i++)
    if (!strcmp(dba_list_at(DbaColumn, &table->relation->columns, i)->name, name))
      return (int)i;
  return -1;
}

// ---- keys -----------------------------------------------------------------------------------------------------------

static void take_foreign_key(Maker *maker, DbaTableModel *table, const DbaConstraint *key) {
  const DbaTableModel *parent = find_table(maker, key->ref_schema, key->ref_table);
  DbaCompositeKey composite = {.parent = parent};
  if (!parent || !parent->rows || key->columns.n != key->ref_columns.n || key->columns.n > G_N_ELEMENTS(composite.columns))
    return; // an empty parent, or a partitioned one, whose keys are not in one line
  for (uint32_t i = 0; i < key->columns.n; i++) {
    int child_column = find_column(table, dba_list_text(&key->columns, i)),
        parent_column = find_column(parent, dba_list_text(&key->ref_columns, i));
    if (child_column < 0 || parent_column < 0)
      return;
    composite.columns[composite.n] = (unsigned)child_column;
    composite.parent_columns[composite.n++] = (unsigned)parent_column;
  }
  DbaColumnModel *first = &table->columns[composite.columns[0]];
  if (composite.n == 1) {
    if (first->parent || (parent == table && composite.columns[0] == composite.parent_columns[0]))
      return;
    first->parent = parent;
    first->parent_column = composite.parent_columns[0];
  } else if (!table->n_composites)
    table->composites[table->n_composites++] = composite;
}

// Columns whose parents come round to themselves again go by their own statistics.
static void break_circles(Maker *maker) {
  for (unsigned t = 0; t < maker->n_tables; t++)
    for (unsigned c = 0; c < maker->tables[t].n_columns; c++) {
      DbaColumnModel *model = &maker->tables[t].columns[c];
      const DbaColumnModel *at = model;
      for (unsigned depth = 0; at->parent && depth < 32; depth++) {
        at = &at->parent->columns[at->parent_column];
        if (at == model || depth == 31) {
          model->parent = NULL;
          break;
        }
      }
    }
}

static bool is_of_composite(const DbaTableModel *table, unsigned column) {
  for (unsigned i = 0; i < table->n_composites; i++)
    for (unsigned k = 0; k < table->composites[i].n; k++)
      if (table->composites[i].columns[k] == column)
        return true;
  return false;
}

// A unique key of several columns, none of which is unique by itself.
static void take_unique_key(DbaTableModel *table, const DbaIndex *index) {
  int columns[32];
  unsigned n = 0;
  for (DBA_EACH(DbaIndexKey, key, &index->keys)) {
    if (key->included)
      continue;
    int column = key->column ? find_column(table, key->column) : -1;
    if (column < 0 || n == G_N_ELEMENTS(columns) || table->columns[column].null_rows || is_of_composite(table, (unsigned)column))
      return;
    columns[n++] = column;
    if (table->columns[column].unique)
      return;
  }
  if (n < 2 || table->leader >= 0)
    return;
  double all = 1, best = -1;
  unsigned leader = 0; // keeps its own order; the others must tell the rows of each of its values apart
  for (unsigned i = 0; i < n; i++)
    all *= (double)table->columns[columns[i]].distinct;
  for (unsigned i = 0; i < n; i++) {
    const DbaColumnModel *model = &table->columns[columns[i]];
    bool enough = dba_column_largest(model) * (double)model->rows <= all / (double)model->distinct + 0.5;
    double order = model->statistics && model->statistics->has_correlation ? fabs(model->statistics->correlation) : 0,
           worth = (double)model->distinct / (double)model->rows / 10 + (enough ? 10 + order : 0);
    if (n == 2 && dba_column_counts(&table->columns[columns[1 - i]], model))
      worth += 20;
    if (worth > best) {
      best = worth;
      leader = i;
    }
  }
  table->leader = columns[leader];
  for (unsigned i = n; i-- > 0;)
    if (i != leader)
      table->followers[table->n_followers++] = (unsigned)columns[i];
  double others = all / (double)table->columns[columns[leader]].distinct;
  DbaColumnModel *first = &table->columns[table->leader];
  if (dba_column_largest(first) * (double)first->rows > others + 0.5)
    dba_column_even_out(first, (uint64_t)ceil((double)first->rows / others));
}

// A leaf stands for its partitioned table too.
static bool is_wanted(const DbaStandIn *options, const DbaRelation *relation) {
  if (!options->relations)
    return true;
  for (guint i = 0; i < options->relations->len; i++) {
    const DbaRelation *wanted = options->relations->pdata[i];
    if (wanted == relation || (relation->partition_of && !g_strcmp0(wanted->schema, relation->partition_of_schema) &&
                               !g_strcmp0(wanted->name, relation->partition_of)))
      return true;
  }
  return false;
}

static bool is_late(const Maker *maker) { return maker->options->deadline_us && g_get_monotonic_time() >= maker->options->deadline_us; }

static bool has_key_of_several(const DbaRelation *relation) {
  for (DBA_EACH(DbaIndex, index, &relation->indexes))
    if (index->unique && index->keys.n > 1)
      return true;
  return false;
}

static bool model_tables(Maker *maker, GError **error) {
  for (DBA_EACH(DbaRelation, relation, &maker->survey->schema.relations)) {
    if (!has_rows_of_its_own(relation) || !is_wanted(maker->options, relation))
      continue;
    DbaTableModel *table = &maker->tables[maker->n_tables++];
    double rows = original_rows(relation);
    if (rows <= 0)
      rows = (double)maker->options->unknown_rows;
    *table = (DbaTableModel){.relation = relation, .leader = -1, .n_columns = relation->columns.n};
    double wanted = fmax(fmin(rows, FEWEST), rows * maker->scale);
    table->rows = dba_count(has_key_of_several(relation) ? floor(wanted) : ceil(wanted)); // parents are not too few for their children
    if (maker->options->most_rows)
      table->rows = MIN(table->rows, maker->options->most_rows);
    table->columns = dba_arena_alloc(maker->arena, sizeof(DbaColumnModel) * (relation->columns.n + 1));
    table->composites = dba_arena_alloc(maker->arena, sizeof(DbaCompositeKey));
    maker->rows_wanted += table->rows;
    double scale = rows > 0 ? (double)table->rows / rows : 1;
    for (unsigned i = 0; i < table->n_columns; i++)
      if (!dba_column_model(maker->server, &maker->survey->schema, maker->arena, table, i, scale, maker->options->seed, error))
        return false;
    dba_table_groups(&maker->survey->schema, maker->arena, table, maker->options->seed);
  }
  for (unsigned t = 0; t < maker->n_tables; t++)
    for (DBA_EACH(DbaConstraint, constraint, &maker->tables[t].relation->constraints))
      if (!strcmp(constraint->kind, "foreign key"))
        take_foreign_key(maker, &maker->tables[t], constraint);
  break_circles(maker);
  for (unsigned t = 0; t < maker->n_tables; t++)
    for (unsigned c = 0; c < maker->tables[t].n_columns; c++)
      if (!maker->tables[t].columns[c].settled)
        dba_column_settle(&maker->tables[t].columns[c], maker->arena);
  for (unsigned t = 0; t < maker->n_tables; t++)
    for (DBA_EACH(DbaIndex, index, &maker->tables[t].relation->indexes))
      if (index->unique && !index->predicate)
        take_unique_key(&maker->tables[t], index);
  for (unsigned t = 0; t < maker->n_tables; t++)
    dba_table_fan_out(&maker->tables[t], maker->arena);
  return true;
}

// ---- rows -----------------------------------------------------------------------------------------------------------

typedef struct Cursor { // the rows that are not null before this one, by column
  uint64_t *seen;
} Cursor;

static uint64_t common_divisor(uint64_t a, uint64_t b) {
  while (b) {
    uint64_t rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

static void append_follower(const DbaTableModel *table, unsigned follower, uint64_t row, GString *out) {
  const DbaColumnModel *leader = &table->columns[table->leader];
  uint64_t ordinal, sharers, index = dba_column_index(leader, dba_shuffle_at(&leader->shuffle, row), &ordinal, &sharers);
  const DbaColumnModel *only = &table->columns[follower];
  // By steps of the golden ratio, rows of one leader land far apart, and each of the follower's ranks is met once.
  if (table->n_followers == 1 && dba_column_largest(only) * (double)sharers * 2.7 < 1) {
    uint64_t step = (uint64_t)((double)only->rows * 0.6180339887) | 1;
    while (step > 1 && common_divisor(step, only->rows) > 1)
      step += 2;
    dba_column_value(only, dba_times_modulo(dba_shuffle_at(&leader->shuffle, row), step, only->rows), out);
    return;
  }
  for (unsigned i = 0; i < table->n_followers; i++) {
    const DbaColumnModel *model = &table->columns[table->followers[i]];
    if (table->followers[i] == follower) {
      dba_column_nth_apart(model, (dba_mix(index ^ model->salt) + ordinal) % model->distinct, out);
      return;
    }
    ordinal /= model->distinct;
  }
}

static bool is_follower(const DbaTableModel *table, unsigned column) {
  for (unsigned i = 0; i < table->n_followers; i++)
    if (table->followers[i] == column)
      return true;
  return false;
}

// Is it the leader or the follower of a key whose rows are counted?
static bool is_counted(const DbaTableModel *table, unsigned column) {
  return table->fan_out && ((int)column == table->leader || is_follower(table, column));
}

// The value of a column that is never null, for any row.
static void append_at_row(const DbaTableModel *table, unsigned column, uint64_t row, unsigned depth, GString *out) {
  const DbaColumnModel *model = &table->columns[column];
  if (is_counted(table, column)) {
    uint64_t ordinal, leader = dba_fan_out_at(table, row, &ordinal);
    dba_column_nth(model, MIN((int)column == table->leader ? leader : ordinal, model->distinct - 1), out);
    return;
  }
  for (unsigned i = 0; i < table->n_composites && depth < 8; i++)
    for (unsigned k = 0; k < table->composites[i].n; k++)
      if (table->composites[i].columns[k] == column) {
        const DbaTableModel *parent = table->composites[i].parent;
        if (!parent->rows)
          return;
        const DbaColumnModel *first = &table->columns[table->composites[i].columns[0]];
        double kept = first->statistics && first->statistics->has_correlation ? first->statistics->correlation : 0;
        DbaShuffle order = dba_shuffle(table->rows, kept, first->salt); // parents in turn, so that each has as many children
        uint64_t at = dba_proportion(dba_shuffle_at(&order, row), table->rows, parent->rows);
        append_at_row(parent, table->composites[i].parent_columns[k], at, depth + 1, out);
        return;
      }
  if (is_follower(table, column))
    append_follower(table, column, row, out);
  else if (model->rows)
    dba_column_value(model, dba_shuffle_at(&model->shuffle, MIN(row, model->rows - 1)), out);
}

// The combination that the row has of the group; NULL: its columns have values by themselves, the rest-th such row.
static const DbaCombination *combination_at(const DbaGroup *group, uint64_t row, uint64_t *ret_rest) {
  uint64_t at = dba_shuffle_at(&group->order, row);
  unsigned low = 0, high = group->n_items;
  *ret_rest = at - MIN(at, group->rows);
  while (low < high) {
    unsigned middle = (low + high) / 2;
    if (group->items[middle].to > at)
      high = middle;
    else
      low = middle + 1;
  }
  return low < group->n_items ? &group->items[low] : NULL;
}

// False when the column has a value by itself; *ret_nulls then is its place among those of which some are null.
static bool append_combined(const DbaTableModel *table, unsigned column, uint64_t row, uint64_t *ret_nulls, GString *out) {
  const DbaGroup *group = &table->groups[table->columns[column].group];
  const DbaCombination *combination = combination_at(group, row, ret_nulls);
  for (unsigned k = 0; combination && k < group->n; k++)
    if (group->columns[k] == column) {
      g_string_append(out, combination->texts[k] ? combination->texts[k] : "\\N");
      return true;
    }
  return false;
}

// The rank of a column whose value another one's tells, in most rows.
static uint64_t rank_beside(const DbaTableModel *table, const DbaColumnModel *model, uint64_t row, uint64_t own) {
  const DbaColumnModel *leader = &table->columns[model->goes_with];
  double chance = (double)(dba_mix(row ^ model->salt) >> 11) * 0x1p-53;
  if (chance >= model->degree || row >= leader->rows)
    return own;
  uint64_t rank = dba_shuffle_at(&leader->shuffle, row), ordinal, sharers;
  dba_column_index(leader, rank, &ordinal, &sharers);
  return dba_proportion(rank - MIN(rank, ordinal) + sharers / 2, leader->rows, model->rows); // the same for all rows of one value
}

static void append_row(const DbaTableModel *table, const unsigned *columns, unsigned n, uint64_t row, Cursor *cursor, GString *out) {
  for (unsigned i = 0; i < n; i++) {
    const DbaColumnModel *model = &table->columns[columns[i]];
    gsize start;
    if (i)
      g_string_append_c(out, '\t');
    start = out->len;
    uint64_t among = row;
    if (model->group >= 0 && append_combined(table, columns[i], row, &among, out))
      continue;
    if (model->null_rows && dba_shuffle_at(&model->nulls, among) < model->null_rows) {
      g_string_append(out, "\\N");
      continue;
    }
    if (is_of_composite(table, columns[i]) || is_follower(table, columns[i]) || is_counted(table, columns[i]))
      append_at_row(table, columns[i], row, 0, out);
    else if (cursor->seen[i] < model->rows) {
      uint64_t rank = dba_shuffle_at(&model->shuffle, cursor->seen[i]++);
      dba_column_value(model, model->goes_with >= 0 ? rank_beside(table, model, row, rank) : rank, out);
    }
    if (out->len == start && !(model->statistics || model->maker)) // nothing can be made
      g_string_append(out, "\\N");
  }
  g_string_append_c(out, '\n');
}

static void tell(Maker *maker, const DbaTableModel *table, uint64_t rows) {
  gint64 now = g_get_monotonic_time();
  double share = (double)(maker->rows_made + rows) / fmax(1, (double)maker->rows_wanted), seconds = (double)(now - maker->begin_us) / 1e6;
  if (!maker->options->progress || now - maker->told_us < PROGRESS_US || share < 0.02)
    return;
  g_autofree char *left = dba_text_duration(seconds * (1 - share) / fmax(share, 1e-6) * 1e3),
                  *line = g_strdup_printf("%s: %.0f%% of the rows, %s left", table->relation->name, share * 100, left);
  maker->options->progress(maker->options->progress_data, line);
  maker->told_us = now;
}

// Is a value of this column made here, and not by the table?
static bool is_written(const DbaColumnModel *model) {
  if (model->column->generated)
    return false;
  return model->statistics || model->parent || model->maker->number || model->column->not_null || !model->column->default_expr;
}

static bool can_be_made(const DbaColumnModel *model) {
  static const char *const named_only[] = {"", NULL};
  return model->n_knots || model->parent || !g_strv_contains(named_only, model->maker->type) || model->labels || model->n_elements ||
         (model->column->type_name && model->column->type_name[0] == '_');
}

// Only the parent knows a hash, and which side of a bound of several columns a row lies that shares the first of them.
static bool goes_through_parent(const DbaRelation *relation) {
  const char *bound = relation->partition_bound, *from = bound ? strstr(bound, "FROM (") : NULL, *to = from ? strstr(from, ") TO (") : NULL;
  return bound && (strstr(bound, "WITH (modulus") || (to && g_strstr_len(from, to - from, ", ")));
}

static bool copy_rows(Maker *maker, DbaTableModel *table, GError **error) {
  unsigned columns[1600], n = 0;
  g_autoptr(GString) sql = g_string_new("copy "), rows = g_string_sized_new(COPY_BYTES + 4096);
  const DbaRelation *relation = table->relation;
  bool by_parent = goes_through_parent(relation);
  dba_sql_append_name(sql, by_parent ? relation->partition_of_schema : relation->schema,
                      by_parent ? relation->partition_of : relation->name);
  for (unsigned i = 0; i < table->n_columns && n < G_N_ELEMENTS(columns); i++) {
    const DbaColumnModel *model = &table->columns[i];
    if (!is_written(model) || !can_be_made(model))
      continue;
    g_string_append(sql, n ? ", " : " (");
    dba_sql_append_identifier(sql, model->column->name);
    columns[n++] = i;
  }
  if (!n)
    return true;
  g_string_append(sql, ") from stdin");
  g_autofree uint64_t *seen = g_new0(uint64_t, n);
  Cursor cursor = {seen};
  if (!dba_server_copy_begin(maker->server, sql->str, error))
    return false;
  for (uint64_t row = 0; row < table->rows; row++) {
    append_row(table, columns, n, row, &cursor, rows);
    if (rows->len < COPY_BYTES && row + 1 < table->rows)
      continue;
    if (!dba_server_copy_data(maker->server, rows->str, rows->len, error))
      return false;
    g_string_truncate(rows, 0);
    if (is_late(maker)) // what there is stays
      break;
    tell(maker, table, row);
  }
  if (!dba_server_copy_end(maker->server, error))
    return false;
  maker->rows_made += table->rows;
  maker->load->inserted += table->rows;
  if (maker->filled)
    g_hash_table_add(maker->filled, (DbaRelation *)(uintptr_t)relation);
  return true;
}

// A table whose rows the server refuses: once more with nothing but values that the subject has, then without the checks that they break.
static bool fill_table(Maker *maker, DbaTableModel *table, GArray *aside, GError **error) {
  enum { MOST_CHECKS = 16 };
  g_autoptr(GError) first = NULL, problem = NULL;
  g_autofree char *name = dba_sql_name(table->relation->schema, table->relation->name);
  if (!table->rows || copy_rows(maker, table, &first))
    return true;
  problem = g_error_copy(first);
  for (int attempt = 0; attempt <= MOST_CHECKS && g_error_matches(problem, DBA_ERROR, DBA_ERROR_DATABASE); attempt++) {
    if (attempt && !dba_check_set_aside(maker->server, &maker->survey->schema, table->relation, aside)) {
      g_autofree char *text = g_strdup_printf("has no rows: %s", first->message);
      dba_load_note(maker->load, name, 0, text);
      return true;
    }
    for (unsigned i = 0; i < table->n_columns; i++)
      table->columns[i].exact = !attempt && !table->columns[i].unique;
    g_clear_error(&problem);
    if (copy_rows(maker, table, &problem))
      return true;
  }
  g_propagate_error(error, g_steal_pointer(&problem));
  return false;
}

static bool fill(Maker *maker, GError **error) {
  if (!dba_server_exec(maker->server, dba_embedded_lab_sql("stand_in_session"), error) || !model_tables(maker, error))
    return false;
  g_autoptr(GArray) aside = g_array_new(FALSE, FALSE, sizeof(DbaCheckAside));
  for (unsigned i = 0; i < maker->n_tables && !is_late(maker); i++)
    if (!fill_table(maker, &maker->tables[i], aside, error))
      return false;
  return dba_checks_put_back(maker->server, aside, maker->load, error) && dba_sequences_go_on(maker->server, &maker->survey->schema, error);
}

// Pages are marked all-visible where they were.
static bool settle_pages(DbaServer *server, const DbaSurvey *survey, GError **error) {
  g_autoptr(GString) tables = g_string_new(NULL);
  for (DBA_EACH(DbaRelation, relation, &survey->schema.relations)) {
    if (!has_rows_of_its_own(relation) || relation->all_visible_pages * 2 < relation->pages)
      continue;
    g_string_append(tables, tables->len ? ", " : "vacuum ");
    dba_sql_append_name(tables, relation->schema, relation->name);
  }
  return (!tables->len || dba_server_exec(server, tables->str, error)) && dba_server_exec(server, "analyze", error);
}

bool dba_lab_make_rows(DbaServer *server, const char *folder, const DbaSurvey *survey, const DbaStandIn *options, DbaLoad *load,
                       GHashTable *filled, double *ret_scale, GError **error) {
  g_autoptr(DbaArena) arena = dba_arena_new();
  Maker maker = {.survey = survey,
                 .options = options,
                 .server = server,
                 .load = load,
                 .arena = arena,
                 .filled = filled,
                 .begin_us = g_get_monotonic_time()};
  maker.told_us = maker.begin_us;
  maker.tables = dba_arena_alloc(arena, sizeof(DbaTableModel) * (survey->schema.relations.n + 1));
  maker.scale = 1;
  if (!options->most_rows && !choose_scale(survey, options, folder, &maker.scale, error))
    return false;
  *ret_scale = maker.scale;
  return fill(&maker, error);
}

bool dba_lab_create_stand_in(const DbaLab *lab, const char *database, const DbaSurvey *survey, const DbaStandIn *options, DbaLoad *load,
                             double *ret_scale, GError **error) {
  g_autofree char *before = NULL, *after = NULL;
  DbaSchemaWrite write = {.no_owners = true, .no_grants = true};
  dba_schema_write_parts(&survey->schema, &write, &before, &after);
  if (!dba_lab_create_database(lab, database, NULL, error) || !dba_lab_create_roles(lab, &survey->schema, error) ||
      !dba_lab_load_text(lab, database, "schema", before, true, load, error))
    return false;
  g_autoptr(DbaServer) server = dba_lab_connect(lab, DBA_LAB_SUBJECT_ROLE, database, error);
  if (options->source && !choose_scale(survey, options, dba_lab_folder(lab), ret_scale, error)) // is there room?
    return false;
  if (!server ||
      (options->source ? !dba_lab_sample_rows(options->source, server, survey, options->sample, load, error)
                       : !dba_lab_make_rows(server, dba_lab_folder(lab), survey, options, load, NULL, ret_scale, error)) ||
      (options->source && !dba_sequences_go_on(server, &survey->schema, error)))
    return false;
  if (options->progress)
    options->progress(options->progress_data, "building keys and indexes");
  if (!dba_lab_load_text(lab, database, "schema", after, true, load, error))
    return false;
  if (options->progress)
    options->progress(options->progress_data, "vacuum and analyze");
  g_autoptr(DbaServer) owner = dba_lab_connect(lab, DBA_LAB_SUPERUSER, database, error);
  return owner && settle_pages(owner, survey, error) && dba_lab_set_planner(owner, database, survey, load, error);
}

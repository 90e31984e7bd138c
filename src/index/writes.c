// SPDX-License-Identifier: Apache-2.0
// What indexes cost those who write.
//
// A row that is inserted has an entry in every index of its table whose predicate it satisfies; so has a row that is updated, unless the update
// is HOT: no index that is there holds a column that changes (BRIN is no hindrance since PostgreSQL 16), and there is room on the page.  So one index on a
// changing column makes the updates pay for all indexes of the table.  The price of an entry was measured in the lab, by method.
#include "index/index-int.h"

#include <string.h>

static const double UNKNOWN_HOT = 0.5; // share of updates that find room on their page, where no counters tell
static const double OF_A_DELETE = 0.3; // of an entry's price: what vacuum has of it

typedef struct Group { // writes to a table that mean the same to its indexes
  double rows, hot;    // hot: share of them that could be HOT
  bool *touches;       // by place among the table's candidates: it holds a column that changes
} Group;

typedef struct Table {
  const DbaRelation *relation;
  GArray *ids;       // uint32_t: candidates
  GArray *groups;    // Group
  GHashTable *known; // by what they change: 1 + place
} Table;

struct DbaIndexWrites {
  const DbaIndexAnswer *answer;
  const DbaWritePrices *prices;
  GArray *tables; // Table
  int *table_of;  // of candidates; -1: nobody writes
  double *price;  // of an entry, of candidates
  bool *hinders;  // of candidates: it can make an update other than HOT
};

static const DbaIndexCandidate *candidate_at(const DbaIndexWrites *writes, uint32_t id) {
  return dba_list_at(DbaIndexCandidate, &writes->answer->candidates, id);
}

// Is the column named in the text, as a word?
static bool names(const char *text, const char *column) {
  size_t length = strlen(column);
  for (const char *p = text ? strstr(text, column) : NULL; p; p = strstr(p + 1, column)) {
    char before = p > text ? p[-1] : ' ', after = p[length];
    if (!g_ascii_isalnum(before) && before != '_' && !g_ascii_isalnum(after) && after != '_')
      return true;
  }
  return false;
}

static bool touches(const DbaIndexCandidate *candidate, const DbaList *updated) {
  for (DBA_EACH_TEXT(column, updated))
    if (names(candidate->keys, *column) || names(candidate->included, *column) || names(candidate->predicate, *column))
      return true;
  return false;
}

static Table *table_of(DbaIndexWrites *writes, const DbaRelation *relation) {
  for (guint i = 0; i < writes->tables->len; i++)
    if (g_array_index(writes->tables, Table, i).relation == relation)
      return &g_array_index(writes->tables, Table, i);
  Table table = {.relation = relation,
                 .ids = g_array_new(FALSE, FALSE, sizeof(uint32_t)),
                 .groups = g_array_new(FALSE, FALSE, sizeof(Group)),
                 .known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL)};
  for (uint32_t id = 0; id < writes->answer->candidates.n; id++)
    if (!strcmp(candidate_at(writes, id)->table, relation->name) && !strcmp(candidate_at(writes, id)->schema, relation->schema)) {
      g_array_append_val(table.ids, id);
      writes->table_of[id] = (int)writes->tables->len;
    }
  g_array_append_val(writes->tables, table);
  return &g_array_index(writes->tables, Table, writes->tables->len - 1);
}

static double hot_share(const DbaRelation *relation) {
  return relation->updated > 0 ? MIN(1, (double)relation->hot_updated / (double)relation->updated) : UNKNOWN_HOT;
}

static void take_write(DbaIndexWrites *writes, const DbaIndexWrite *write, double rows) {
  Table *table = table_of(writes, write->relation);
  g_autoptr(GString) key = g_string_new(write->kind);
  for (DBA_EACH_TEXT(column, &write->updated))
    g_string_append_printf(key, ",%s", *column);
  guint known = GPOINTER_TO_UINT(g_hash_table_lookup(table->known, key->str));
  if (!strcmp(write->kind, "delete"))
    rows *= OF_A_DELETE;
  if (known) {
    g_array_index(table->groups, Group, known - 1).rows += rows;
    return;
  }
  Group group = {.rows = rows, .touches = g_new0(bool, table->ids->len + 1)};
  if (!strcmp(write->kind, "update")) {
    group.hot = hot_share(write->relation);
    for (guint i = 0; i < table->ids->len; i++) {
      uint32_t id = g_array_index(table->ids, uint32_t, i);
      group.touches[i] = writes->hinders[id] && touches(candidate_at(writes, id), &write->updated);
    }
  }
  g_array_append_val(table->groups, group);
  g_hash_table_insert(table->known, g_string_free(g_steal_pointer(&key), FALSE), GUINT_TO_POINTER(table->groups->len));
}

DbaIndexWrites *dba_index_writes_new(const DbaIndexAnswer *answer, const DbaList *list, const DbaWritePrices *prices) {
  DbaIndexWrites *writes = g_new0(DbaIndexWrites, 1);
  uint32_t n = answer->candidates.n;
  writes->answer = answer;
  writes->tables = g_array_new(FALSE, FALSE, sizeof(Table));
  writes->table_of = g_new(int, n + 1);
  writes->price = g_new0(double, n + 1);
  writes->hinders = g_new0(bool, n + 1);
  for (uint32_t id = 0; id < n; id++) {
    const DbaIndexCandidate *candidate = candidate_at(writes, id);
    writes->table_of[id] = -1;
    writes->price[id] = prices ? dba_write_price(prices, candidate->method) * (candidate->share > 0 ? candidate->share : 1) : 0;
    writes->hinders[id] = strcmp(candidate->method, "brin") != 0;
  }
  for (DBA_EACH(DbaIndexWrite, write, list)) {
    const DbaIndexStatement *statement = dba_list_at(DbaIndexStatement, &answer->statements, write->statement);
    if (prices && write->relation)
      take_write(writes, write, statement->weight * (statement->rows > 0 ? statement->rows : 1));
  }
  return writes;
}

void dba_index_writes_free(DbaIndexWrites *writes) {
  if (!writes)
    return;
  for (guint i = 0; i < writes->tables->len; i++) {
    Table *table = &g_array_index(writes->tables, Table, i);
    for (guint k = 0; k < table->groups->len; k++)
      g_free(g_array_index(table->groups, Group, k).touches);
    g_array_unref(table->ids);
    g_array_unref(table->groups);
    g_hash_table_unref(table->known);
  }
  g_array_unref(writes->tables);
  g_free(writes->table_of);
  g_free(writes->price);
  g_free(writes->hinders);
  g_free(writes);
}

uint32_t dba_index_writes_tables(const DbaIndexWrites *writes) { return writes->tables->len; }
int dba_index_writes_table_of(const DbaIndexWrites *writes, uint32_t id) { return writes->table_of[id]; }

static bool is_there(const DbaIndexWrites *writes, uint32_t id, const bool *chosen) { return chosen[id] || candidate_at(writes, id)->kept; }

double dba_index_writes_of_table(const DbaIndexWrites *writes, uint32_t number, const bool *chosen) {
  const Table *table = &g_array_index(writes->tables, Table, number);
  double entry = 0, cost = 0;
  for (guint i = 0; i < table->ids->len; i++)
    if (is_there(writes, g_array_index(table->ids, uint32_t, i), chosen))
      entry += writes->price[g_array_index(table->ids, uint32_t, i)];
  for (guint k = 0; k < table->groups->len; k++) {
    const Group *group = &g_array_index(table->groups, Group, k);
    bool lost = false;
    for (guint i = 0; i < table->ids->len && !lost && group->hot > 0; i++)
      lost = group->touches[i] && is_there(writes, g_array_index(table->ids, uint32_t, i), chosen);
    cost += group->rows * (lost ? 1 : 1 - group->hot) * entry;
  }
  return cost;
}

double dba_index_writes_cost(const DbaIndexWrites *writes, const bool *chosen) {
  double cost = 0;
  for (guint i = 0; i < writes->tables->len; i++)
    cost += dba_index_writes_of_table(writes, i, chosen);
  return cost;
}

// ---- for the program ------------------------------------------------------------------------------------------------

// One that stays touches it.
static bool is_lost(const DbaIndexWrites *writes, const Table *table, const Group *group) {
  for (guint i = 0; i < table->ids->len; i++)
    if (group->touches[i] && candidate_at(writes, g_array_index(table->ids, uint32_t, i))->kept)
      return true;
  return false;
}

double dba_index_writes_least(const DbaIndexWrites *writes, uint32_t id) {
  double rows = 0;
  if (writes->table_of[id] < 0)
    return 0;
  const Table *table = &g_array_index(writes->tables, Table, writes->table_of[id]);
  for (guint i = 0; i < table->ids->len; i++) // one of them is it
    for (guint k = 0; k < table->groups->len && g_array_index(table->ids, uint32_t, i) == id; k++) {
      const Group *group = &g_array_index(table->groups, Group, k);
      rows += group->rows * (group->touches[i] || is_lost(writes, table, group) ? 1 : 1 - group->hot);
    }
  return rows * writes->price[id];
}

void dba_index_writes_each_loss(const DbaIndexWrites *writes, DbaIndexLossVisit visit, void *data) {
  for (guint t = 0; t < writes->tables->len; t++) {
    const Table *table = &g_array_index(writes->tables, Table, t);
    for (guint k = 0; k < table->groups->len; k++) {
      const Group *group = &g_array_index(table->groups, Group, k);
      DbaIndexLoss loss = {.ids = (const uint32_t *)(void *)table->ids->data,
                           .n = table->ids->len,
                           .touches = group->touches,
                           .rows = group->rows * group->hot};
      for (guint i = 0; i < table->ids->len; i++) {
        uint32_t id = loss.ids[i];
        loss.kept_price += candidate_at(writes, id)->kept ? writes->price[id] : 0;
      }
      if (loss.rows > 0 && !is_lost(writes, table, group))
        visit(&loss, writes->price, data);
    }
  }
}

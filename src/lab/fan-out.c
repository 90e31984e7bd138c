// SPDX-License-Identifier: Apache-2.0
// How many rows each value of a key's leader has: of a key like (order, line), as many orders have a k-th line as there are lines numbered
// k.  So the shares of the numbers tell what no statistics of the order's own do.
#include "lab/values.h"

#include <math.h>

static uint64_t leaders_of(const DbaFanOut *fan_out, uint64_t rows) { // that so many rows need
  uint64_t block = fan_out->first[fan_out->n], rest = rows % block, more = 0;
  while (fan_out->first[more] < rest)
    more++;
  return rows / block * fan_out->n + more;
}

bool dba_column_counts(const DbaColumnModel *number, const DbaColumnModel *leader) {
  enum { MOST_NUMBERS = 64 };
  static const double NOISE = 1.1, LIKE = 0.4; // of a sample; of the leader's n_distinct, which is often a guess
  if (number->distinct < 2 || number->distinct > MOST_NUMBERS || number->n_segments != number->distinct)
    return false;
  uint64_t leaders = number->segments[0].to, before = leaders;
  for (unsigned k = 0; k < number->n_segments; k++) {
    uint64_t rows = number->segments[k].to - number->segments[k].from;
    if (!number->segments[k].point || (double)rows > (double)before * NOISE)
      return false;
    before = rows;
  }
  return leaders && fabs((double)leaders / (double)MAX(leader->distinct, 1) - 1) <= LIKE;
}

void dba_table_fan_out(DbaTableModel *table, DbaArena *arena) {
  enum { BLOCK = 1024 };
  DbaColumnModel *leader = table->leader >= 0 ? &table->columns[table->leader] : NULL;
  const DbaColumnModel *number = table->n_followers == 1 ? &table->columns[table->followers[0]] : NULL;
  if (!leader || !number || leader->null_rows || !dba_column_counts(number, leader))
    return;
  uint64_t leaders = number->segments[0].to, room = leader->parent ? leader->parent->rows : leader->rows;
  unsigned n = (unsigned)MIN(MIN(leaders, room), BLOCK);
  if (!n)
    return; // of a parent without rows
  DbaFanOut *fan_out = dba_arena_new0(arena, DbaFanOut);
  DbaShuffle mixed = dba_shuffle(n, 0, leader->salt);
  fan_out->n = n;
  fan_out->first = dba_arena_alloc(arena, sizeof *fan_out->first * (n + 1));
  for (unsigned i = 0; i < n; i++) {
    double place = ((double)dba_shuffle_at(&mixed, i) + 0.5) / n * (double)leaders;
    unsigned rows = 1;
    while (rows < number->n_segments && (double)(number->segments[rows].to - number->segments[rows].from) > place)
      rows++;
    fan_out->first[i + 1] = fan_out->first[i] + rows;
  }
  uint64_t wanted = leaders_of(fan_out, table->rows);
  for (unsigned i = 0; wanted > room && i < n; i++) { // a sample's shares may ask for a few too many
    if (fan_out->first[i + 1] - fan_out->first[i] == number->n_segments)
      continue;
    for (unsigned k = i + 1; k <= n; k++)
      fan_out->first[k]++;
    wanted = leaders_of(fan_out, table->rows);
  }
  if (wanted > room)
    return;
  dba_column_even_out(leader, wanted);
  table->fan_out = fan_out;
}

uint64_t dba_fan_out_at(const DbaTableModel *table, uint64_t row, uint64_t *ret_ordinal) {
  const DbaFanOut *fan_out = table->fan_out;
  const DbaColumnModel *leader = &table->columns[table->leader];
  uint64_t place = dba_shuffle_at(&leader->shuffle, MIN(row, leader->rows - 1)), block = place / fan_out->first[fan_out->n];
  unsigned at = (unsigned)(place % fan_out->first[fan_out->n]), low = 0, high = fan_out->n;
  while (high - low > 1) {
    unsigned middle = (low + high) / 2;
    if (fan_out->first[middle] <= at)
      low = middle;
    else
      high = middle;
  }
  *ret_ordinal = at - fan_out->first[low];
  return block * fan_out->n + low;
}

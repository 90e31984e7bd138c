// SPDX-License-Identifier: Apache-2.0
// Alignment padding that another order of the columns would save.
//
// A row is laid out as heap_fill_tuple does it: each value at a multiple of its type's alignment, short variable-length
// values (below 127 bytes) without; the whole rounded up to 8.  The best order puts wide alignments first and values of
// variable length last.
#include "advise/advise.h"

#include <string.h>

enum { MAXIMUM_ALIGNMENT = 8, HEADER_BYTES = 23, SHORT_VARLENA = 127, UNKNOWN_WIDTH = 24, WORTH_BYTES = 8 };

static int64_t align(int64_t offset, int64_t to) { return to > 1 ? (offset + to - 1) / to * to : offset; }

static int64_t width_of(const DbaRelation *relation, const DbaColumn *column) {
  if (column->type_length > 0)
    return column->type_length;
  for (DBA_EACH(DbaColumnStatistics, statistics, &relation->statistics))
    if (!strcmp(statistics->column, column->name))
      return statistics->width_bytes > 0 ? statistics->width_bytes : UNKNOWN_WIDTH;
  return UNKNOWN_WIDTH;
}

static int64_t row_bytes(const DbaRelation *relation, const DbaColumn *const *order, uint32_t n) {
  bool nullable = false;
  for (uint32_t i = 0; i < n; i++)
    nullable |= !order[i]->not_null;
  int64_t offset = align(HEADER_BYTES + (nullable ? (n + 7) / 8 : 0), MAXIMUM_ALIGNMENT);
  for (uint32_t i = 0; i < n; i++) {
    int64_t width = width_of(relation, order[i]);
    if (order[i]->type_length > 0 || width >= SHORT_VARLENA)
      offset = align(offset, order[i]->type_alignment);
    offset += width;
  }
  return align(offset, MAXIMUM_ALIGNMENT);
}

static int compare_columns(const void *a, const void *b) {
  const DbaColumn *x = *(const DbaColumn *const *)a, *y = *(const DbaColumn *const *)b;
  bool x_fixed = x->type_length > 0, y_fixed = y->type_length > 0;
  if (x_fixed != y_fixed)
    return x_fixed ? -1 : 1;
  if (x_fixed && x->type_alignment != y->type_alignment)
    return x->type_alignment > y->type_alignment ? -1 : 1;
  return x->position < y->position ? -1 : x->position > y->position;
}

void dba_advise_column_order(DbaAdvice *advice) {
  for (DBA_EACH(DbaRelation, relation, &advice->schema->relations)) {
    uint32_t n = relation->columns.n;
    if (strcmp(relation->kind, "table") || relation->partition_of || relation->inherits.n || n < 2)
      continue;
    advice->looked_at++;
    g_autofree const DbaColumn **order = g_new(const DbaColumn *, n);
    for (uint32_t i = 0; i < n; i++)
      order[i] = dba_list_at(DbaColumn, &relation->columns, i);
    int64_t now = row_bytes(relation, order, n);
    qsort(order, n, sizeof(const DbaColumn *), compare_columns);
    int64_t best = row_bytes(relation, order, n);
    if (now - best < WORTH_BYTES)
      continue;
    double rows = dba_advice_rows(relation);
    g_autofree char *saved = dba_text_bytes((int64_t)(rows * (double)(now - best)));
    DbaFinding *finding =
        dba_advice_find(advice, DBA_NOTE, relation, dba_arena_format(advice->arena, "%s.%s", relation->schema, relation->name));
    for (uint32_t i = 0; i < n; i++)
      dba_list_add_text(advice->arena, &finding->columns, order[i]->name);
    finding->stake = rows * (double)(now - best);
    finding->what =
        dba_arena_format(advice->arena, "Rows of %s.%s carry %d bytes of padding that another order of the columns would not have.",
                         relation->schema, relation->name, (int)(now - best));
    g_autofree char *about = rows > 0 ? g_strdup_printf("About %s at %.0f rows; take", saved, rows) : g_strdup("Take");
    finding->why = dba_arena_format(advice->arena, "%s the order (%s) when the table is next rewritten.", about,
                                    dba_advice_columns(advice, &finding->columns));
    finding->trial = DBA_TRIAL_COLUMN_ORDER;
  }
}

/*-------------------------------------------------------------------------
 *
 * index_size_trees.c
 *	  The size that a GIN, GiST or SP-GiST index would have.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_am.h"

#include "index_size.h"

void
dbarch_tree_size(KeySample *key, Relation heap, Relation index, IndexOptInfo *info, double tuples, IndexSize *size)
{
	double		bytes = dbarch_average_tuple(key, info->ncolumns) + 4;

	size->pages = 1 + ceil(tuples / floor((BLCKSZ - 40) * 0.7 / bytes));
	size->counters.entry_pages = size->pages / 2;
	size->counters.data_pages = size->pages / 2;
	size->counters.entries = tuples;
	size->height = -1;
}

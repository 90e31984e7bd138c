/*-------------------------------------------------------------------------
 *
 * index_size.h
 *	  What the statistics tell of the keys of an index.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBARCH_INDEX_SIZE_H
#define DBARCH_INDEX_SIZE_H

#include "hypothetical.h"

enum
{
	WIDTHS = 256
};

typedef struct CommonKey
{
	int			bytes;
	double		share;
} CommonKey;

/* Some of the rows, with the values that they share. */
typedef struct KeyPart
{
	double		rows;
	double		distinct;
} KeyPart;

typedef struct KeyColumn
{
	Form_pg_attribute attribute;	/* of the index */
	bool		measured;		/* the average is that of stored values */
	double		nulls;			/* share of the index's rows */
	double		nulls_in_table;
	double		distinct;		/* as stadistinct */
	double		values;			/* different ones, null apart */
	KeyPart    *parts;			/* of the rows that are neither null nor common; NULL: all alike */
	int			n_parts;
	double		parts_distinct;
	double		correlation;	/* of the column's order with the table's */
	bool		guessed;		/* how often values repeat is not known */
	double		average;		/* bytes */
	double		shift;			/* to be added to each width */
	int			bytes[WIDTHS];	/* widths of equal share */
	CommonKey  *common;
	int			n_common;
} KeyColumn;

typedef struct KeySample
{
	int			n;
	uint32		seed;
	KeyColumn	columns[INDEX_MAX_KEYS];
} KeySample;

extern void dbarch_take_key(KeySample *key, RelOptInfo *rel, Relation heap, Relation index, IndexOptInfo *info);
extern void dbarch_count_column(KeyColumn *column, Relation heap, AttrNumber number, HeapTuple statistics, double tuples);
/* Different combinations of the first n columns in an index of so many rows. */
extern double dbarch_distinct_keys(PlannerInfo *root, RelOptInfo *rel, KeySample *key, IndexOptInfo *info, int n, double tuples);
extern bool dbarch_predicate_refuses_null(List *predicate, AttrNumber number);
/* Bytes of an index tuple of the first n columns, without its line pointer. */
extern double dbarch_average_tuple(KeySample *key, int n);
/* GIN, GiST and SP-GiST. */
extern void dbarch_tree_size(KeySample *key, RelOptInfo *rel, Relation heap, Relation index, IndexOptInfo *info, double tuples, IndexSize *size);

#endif

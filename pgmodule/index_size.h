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

typedef struct KeyColumn
{
	Form_pg_attribute attribute;	/* of the index */
	bool		known;			/* has statistics */
	bool		measured;		/* the average is that of stored values */
	double		nulls;
	double		distinct;		/* as stadistinct */
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

extern void dbarch_take_key(KeySample *key, Relation heap, Relation index, IndexOptInfo *info);
/* Bytes of an index tuple of the first n columns, without its line pointer. */
extern double dbarch_average_tuple(KeySample *key, int n);
/* GIN, GiST and SP-GiST. */
extern void dbarch_tree_size(KeySample *key, Relation heap, Relation index, IndexOptInfo *info, double tuples, IndexSize *size);

#endif

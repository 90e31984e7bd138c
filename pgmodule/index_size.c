/*-------------------------------------------------------------------------
 *
 * index_size.c
 *	  The size that an index would have, from statistics alone.
 *
 * A btree is built in thought: keys of the widths and with the numbers of
 * duplicates that the statistics tell are put on pages as _bt_buildadd and
 * _bt_sort_dedup_finish_pending would (nbtsort.c), until the rows to a page are
 * known.  Hash follows _hash_init (hashpage.c), BRIN its range map, hnsw and
 * ivfflat the layout of their pages; GIN, GiST and SP-GiST are in
 * index_size_trees.c.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/brin.h"
#include "access/hash.h"
#include "access/heaptoast.h"
#include "access/htup_details.h"
#include "access/itup.h"
#include "access/nbtree.h"
#include "access/reloptions.h"
#include "access/toast_internals.h"
#include "access/tupmacs.h"
#include "catalog/pg_am.h"
#include "catalog/pg_statistic.h"
#include "commands/defrem.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"
#include "utils/syscache.h"

#include "dbarch_twin.h"
#include "hypothetical.h"
#include "index_size.h"

/* ---- keys ---- */

static uint32
next_random(KeySample *key)
{
	key->seed ^= key->seed << 13;
	key->seed ^= key->seed >> 17;
	key->seed ^= key->seed << 5;
	return key->seed;
}

static double
next_fraction(KeySample *key)
{
	return (next_random(key) >> 8) / (double) (1 << 24);
}

/* Bytes of a value in an index tuple (index_form_tuple): short header where it can have one, compressed when it is long. */
static int
stored_bytes(Datum value, Form_pg_attribute attribute)
{
	int			bytes;

	if (attribute->attlen > 0)
		return attribute->attlen;
	if (attribute->attlen == -2)
		return (int) strlen(DatumGetCString(value)) + 1;
	bytes = (int) VARSIZE_ANY(DatumGetPointer(value));
	if (attribute->attstorage == TYPSTORAGE_PLAIN)
		return bytes;
	if (VARATT_IS_4B_U(DatumGetPointer(value)) && bytes > TOAST_INDEX_TARGET &&
		(attribute->attstorage == TYPSTORAGE_EXTENDED || attribute->attstorage == TYPSTORAGE_MAIN))
	{
		Datum		compressed = toast_compress_datum(value, attribute->attcompression);

		return DatumGetPointer(compressed) ? (int) VARSIZE_ANY(DatumGetPointer(compressed)) : bytes;
	}
	if (VARATT_IS_4B_U(DatumGetPointer(value)) && bytes - VARHDRSZ + VARHDRSZ_SHORT <= VARATT_SHORT_MAX)
		return bytes - VARHDRSZ + VARHDRSZ_SHORT;
	return bytes;
}

/* Widths by their shares of the rows, as WIDTHS of equal share. */
static void
spread_widths(KeyColumn *column, const int *bytes, const double *shares, int n)
{
	double		total = 0,
				sum = 0,
				mean = 0;
	int			at = 0;

	for (int i = 0; i < n; i++)
		total += shares[i];
	for (int i = 0; i < n && total > 0; i++)
	{
		sum += shares[i];
		while (at < WIDTHS && (at + 0.5) / WIDTHS <= sum / total)
			column->bytes[at++] = bytes[i];
	}
	while (at < WIDTHS)
		column->bytes[at++] = n > 0 ? bytes[n - 1] : (int) column->average;
	for (int i = 0; i < WIDTHS; i++)
		mean += column->bytes[i] / (double) WIDTHS;
	/* the average comes of a larger sample than the values that are named; it is cut to a whole number */
	if (column->measured && column->average > 0 && fabs(column->average - mean) < 0.25 * mean)
		column->shift = mean < column->average ? column->average - mean : mean > column->average + 1 ? column->average + 1 - mean : 0;
}

static void
take_column(KeyColumn *column, Form_pg_attribute attribute, HeapTuple statistics, bool of_expression)
{
	Form_pg_statistic form = statistics ? (Form_pg_statistic) GETSTRUCT(statistics) : NULL;
	AttStatsSlot common = {0};
	AttStatsSlot histogram = {0};
	int			n_common,
				n_bounds,
				n = 0;
	int		   *bytes;
	double	   *shares;
	double		rest;

	column->attribute = attribute;
	column->correlation = statistics ? dbarch_correlation_of(statistics) : 0;
	column->nulls = form ? form->stanullfrac : 0;
	column->distinct = form ? form->stadistinct : 0;
	column->guessed = of_expression ? !form || form->stadistinct > -0.95 : !form;
	column->average = attribute->attlen > 0 ? attribute->attlen : form && form->stawidth > 0 ? form->stawidth : get_typavgwidth(attribute->atttypid, attribute->atttypmod);
	column->measured = attribute->attlen < 0 && form && !of_expression;
	for (int i = 0; i < WIDTHS; i++)
		column->bytes[i] = (int) column->average;
	if (!form)
		return;
	n_common = get_attstatsslot(&common, statistics, STATISTIC_KIND_MCV, InvalidOid, ATTSTATSSLOT_VALUES | ATTSTATSSLOT_NUMBERS) ? Min(common.nvalues, common.nnumbers) : 0;
	n_bounds = get_attstatsslot(&histogram, statistics, STATISTIC_KIND_HISTOGRAM, InvalidOid, ATTSTATSSLOT_VALUES) ? histogram.nvalues : 0;
	/* values are of the column's type; the index may store another (GiST) */
	if (n_common > 0 && common.valuetype != attribute->atttypid && attribute->attlen > 0)
		n_bounds = 0;
	bytes = palloc(sizeof(int) * (n_common + n_bounds + 1));
	shares = palloc(sizeof(double) * (n_common + n_bounds + 1));
	column->common = palloc(sizeof(CommonKey) * (n_common + 1));
	rest = 1 - column->nulls;
	for (int i = 0; i < n_common; i++)
	{
		bytes[n] = attribute->attlen > 0 ? attribute->attlen : stored_bytes(common.values[i], attribute);
		shares[n] = common.numbers[i];
		column->common[column->n_common++] = (CommonKey) {bytes[n], shares[n]};
		rest -= shares[n++];
	}
	/* of an expression, how often a value repeats is known of the common ones */
	if (of_expression && form->stadistinct > -0.95)
		column->guessed = rest > 0.2;
	for (int i = 0; i < n_bounds; i++, n++)
	{
		bytes[n] = attribute->attlen > 0 ? attribute->attlen : stored_bytes(histogram.values[i], attribute);
		shares[n] = Max(rest, 0) / n_bounds;
	}
	if (n > 0 && attribute->attlen < 0)
		spread_widths(column, bytes, shares, n);
	free_attstatsslot(&common);
	free_attstatsslot(&histogram);
}

void
dbarch_take_key(KeySample *key, RelOptInfo *rel, Relation heap, Relation index, IndexOptInfo *info)
{
	memset(key, 0, sizeof *key);
	key->seed = 2463534242u;
	key->n = info->ncolumns;
	for (int i = 0; i < info->ncolumns; i++)
	{
		void		(*free_tuple) (HeapTuple);
		HeapTuple	statistics = dbarch_key_statistics(heap, info, i, &free_tuple);

		take_column(&key->columns[i], TupleDescAttr(RelationGetDescr(index), i), statistics, info->indexkeys[i] == 0);
		key->columns[i].nulls_in_table = key->columns[i].nulls;
		if (info->indpred != NIL && dbarch_predicate_refuses_null(info->indpred, info->indexkeys[i]))
			key->columns[i].nulls = 0;
		dbarch_count_column(&key->columns[i], heap, info->indexkeys[i], statistics, rel->tuples);
		if (statistics)
			free_tuple(statistics);
	}
}

/* An index tuple of the first n columns, drawn; without its line pointer. */
static int
draw_tuple(KeySample *key, int n, bool without_nulls)
{
	int			at = 0;
	bool		null = false;

	for (int i = 0; i < n; i++)
	{
		KeyColumn  *column = &key->columns[i];
		int			bytes;

		if (!without_nulls && column->nulls > 0 && next_fraction(key) < column->nulls)
		{
			null = true;
			continue;
		}
		bytes = column->bytes[next_random(key) % WIDTHS];
		if (column->shift != 0)
			bytes = Max(1, (int) floor(bytes + column->shift + next_fraction(key)));
		if (column->attribute->attlen > 0 || bytes > VARATT_SHORT_MAX || column->attribute->attstorage == TYPSTORAGE_PLAIN)
			at = att_align_nominal(at, column->attribute->attalign);
		at += bytes;
	}
	return MAXALIGN((null ? MAXALIGN(sizeof(IndexTupleData) + sizeof(IndexAttributeBitMapData)) : sizeof(IndexTupleData)) + at);
}

double
dbarch_average_tuple(KeySample *key, int n)
{
	enum
	{
		DRAWS = 512
	};
	double		sum = 0;

	for (int i = 0; i < DRAWS; i++)
		sum += draw_tuple(key, n, false);
	return sum / DRAWS;
}

/* ---- btree ---- */

enum
{
	PAGE_BYTES = BLCKSZ - SizeOfPageHeaderData - MAXALIGN(sizeof(BTPageOpaqueData)),
	POINTER = sizeof(ItemIdData)
};

/* The rightmost leaf of a build. */
typedef struct Leaf
{
	double		pages;			/* finished */
	double		inside;			/* of them, with the same key on both sides of the boundary */
	double		rows;			/* put on them, and on the last */
	double		rows_finished;
	int			free;			/* as PageGetFreeSpace says; the slot of the high key is taken */
	int			full;			/* finish when less is free */
	int			items;
	int			last;			/* bytes of the last item */
	int			last_rows;
	int			last_posting;	/* of its bytes, row pointers */
	int64		last_group;
} Leaf;

static void
begin_leaf(Leaf *leaf, int fillfactor)
{
	memset(leaf, 0, sizeof *leaf);
	leaf->free = PAGE_BYTES - 2 * POINTER;
	leaf->full = BLCKSZ * (100 - fillfactor) / 100;
	leaf->last_group = -1;
}

static void
add_item(Leaf *leaf, int bytes, int rows, int posting, int64 group)
{
	if (leaf->items > 1 && (leaf->free < bytes + (int) MAXALIGN(sizeof(ItemPointerData)) || leaf->free + leaf->last_posting < leaf->full))
	{
		leaf->pages++;
		leaf->inside += leaf->last_group == group;
		leaf->free = PAGE_BYTES - 2 * POINTER - (leaf->last + POINTER); /* the last item goes along */
		leaf->items = 1;
		leaf->rows_finished = leaf->rows - leaf->last_rows;
	}
	leaf->rows += rows;
	leaf->last_rows = rows;
	leaf->free -= bytes + POINTER;
	leaf->items++;
	leaf->last = bytes;
	leaf->last_posting = posting;
	leaf->last_group = group;
}

/* Row pointers that a build puts into one posting tuple. */
static int
most_to_posting(int base)
{
	int			most = (int) MAXALIGN_DOWN(BLCKSZ * 10 / 100) - POINTER;

	return Max(1, (int) (MAXALIGN_DOWN(most) - base) / (int) sizeof(ItemPointerData));
}

/* count rows with the same key. */
static void
add_group(Leaf *leaf, int base, double count, bool merge, int64 group)
{
	int			to_posting = most_to_posting(base);

	count = Min(count, 1e14);	/* doubles count by ones up to 9e15 */
	while (count >= 1)
	{
		int			n = merge ? (int) Min(count, to_posting) : 1;
		int			bytes = n > 1 ? (int) MAXALIGN(base + n * sizeof(ItemPointerData)) : base;

		add_item(leaf, bytes, n, bytes - base, group);
		count -= n;
	}
}

/* Rows of one key on the last page. */
static double
rows_on(const Leaf *leaf, int base)
{
	double		bytes = PAGE_BYTES - 2 * POINTER - leaf->free;
	double		most = most_to_posting(base);

	return bytes / ((double) MAXALIGN(base + (int) most * sizeof(ItemPointerData)) + POINTER) * most;
}

/* A key that many rows have: what fills pages by itself is counted, the rest put among its neighbours. */
static void
add_common(Leaf *leaf, int base, double rows, int64 group)
{
	enum
	{
		MANY = 20000
	};

	if (rows > 2 * MANY)
	{
		Leaf		alone;
		double		times = floor((rows - MANY) / MANY);
		double		pages;

		begin_leaf(&alone, 100 - leaf->full * 100 / BLCKSZ);
		add_group(&alone, base, MANY, true, group);
		pages = alone.pages * times * (double) MANY / (MANY - rows_on(&alone, base));
		leaf->pages += pages;
		leaf->inside += pages;
		rows -= times * MANY;
	}
	add_group(leaf, base, rows, true, group);
}

/*
 * Rows that share a key, when rows fall on keys at random: at least one, with a
 * given mean (a Poisson distribution, truncated at zero).
 */
typedef struct Counts
{
	double		mean;
	double		lambda;
	double		of_one;			/* probability */
} Counts;

static Counts
counts_of_mean(double mean)
{
	Counts		counts = {mean, mean, 1};

	for (int i = 0; i < 60 && mean > 1.0001; i++) /* lambda / (1 - exp(-lambda)) = mean */
		counts.lambda = mean * (1 - exp(-counts.lambda));
	if (mean > 1.0001)
		counts.of_one = counts.lambda * exp(-counts.lambda) / (1 - exp(-counts.lambda));
	return counts;
}

static double
draw_count(KeySample *key, const Counts *counts)
{
	double		fraction,
				probability = counts->of_one,
				sum = counts->of_one;

	if (counts->mean <= 1.0001)
		return 1;
	if (counts->mean > 60)
	{
		double		spread = 0;

		for (int i = 0; i < 12; i++)
			spread += next_fraction(key);
		return Max(1, rint(counts->mean + (spread - 6) * sqrt(counts->mean)));
	}
	fraction = next_fraction(key);
	for (int n = 1;; n++)
	{
		if (fraction < sum || n > 300)
			return n;
		probability *= counts->lambda / (n + 1);
		sum += probability;
	}
}

typedef struct Btree
{
	double		leaves;
	double		inside;			/* share of boundaries between equal keys */
} Btree;

/* Rows of keys that are not named one by one: those of each part share its keys. */
static double
pages_of_rest(KeySample *key, int columns, const KeyPart *parts, int n_parts, bool merge, int fillfactor, double *inside)
{
	/* pages are alike but for widths that are drawn, and most for how often keys repeat */
	const double enough = merge ? 40000 : 10000;
	Leaf		leaf;
	double		rows = 0,
				simulated = 0;
	int64		group = 0;

	for (int i = 0; i < n_parts; i++)
		rows += parts[i].rows;
	if (rows < 1)
		return 0;
	begin_leaf(&leaf, fillfactor);
	for (int i = 0; i < n_parts; i++)
	{
		Counts		counts = counts_of_mean(parts[i].rows / Max(1, Min(parts[i].distinct, parts[i].rows)));
		double		wanted = simulated + parts[i].rows * Min(1, enough / rows);

		while (simulated + 0.5 < wanted)
		{
			int			base = draw_tuple(key, columns, columns == 1);
			double		count = draw_count(key, &counts);

			if (count > 2 * (wanted - simulated))	/* a part of such a group stands for all of it */
				count = wanted - simulated;
			add_group(&leaf, base, Max(1, rint(count)), merge, group++);
			simulated += Max(1, rint(count));
		}
	}
	*inside += leaf.inside * rows / simulated;
	if (simulated + 1 >= rows && leaf.pages < 1)
		return 1 - leaf.free / (double) PAGE_BYTES;
	if (leaf.rows_finished < 1)
		return rows / simulated;
	return rows * leaf.pages / leaf.rows_finished;
}

/* Rows that are null in the column that is so most often share fewer keys than the others. */
static int
split_by_nulls(PlannerInfo *root, RelOptInfo *rel, KeySample *key, IndexOptInfo *info, KeyPart rest, KeyPart *parts)
{
	int			most = 0;
	double		nulls,
				values;

	for (int i = 1; i < info->nkeycolumns; i++)
		if (key->columns[i].nulls > key->columns[most].nulls)
			most = i;
	nulls = key->columns[most].nulls * rest.rows;
	parts[0] = rest;
	if (info->nkeycolumns < 2 || nulls < 1)
		return 1;
	values = key->columns[most].values;
	key->columns[most].values = 1;
	parts[1].rows = nulls;
	parts[1].distinct = Min(nulls, dbarch_distinct_keys(root, rel, key, info, info->nkeycolumns, nulls) / 2); /* null is counted beside the one */
	key->columns[most].values = values;
	parts[0].rows -= nulls;
	parts[0].distinct = Min(parts[0].rows, parts[0].distinct);
	return 2;
}

static Btree
leaves_of(PlannerInfo *root, RelOptInfo *rel, KeySample *key, IndexOptInfo *info, double tuples, bool merge, int fillfactor)
{
	KeyColumn  *first = &key->columns[0];
	Btree		tree = {0, 0};
	double		inside = 0;
	double		distinct = dbarch_distinct_keys(root, rel, key, info, info->nkeycolumns, tuples);
	KeyPart		rest = {tuples, distinct};
	bool		in_parts = first->n_parts > 0 && info->indpred == NIL;

	if (merge && info->nkeycolumns == 1)
	{
		Leaf		leaf;
		double		nulls = rint(first->nulls * tuples);

		begin_leaf(&leaf, fillfactor);
		if (nulls >= 1)
			add_common(&leaf, MAXALIGN(MAXALIGN(sizeof(IndexTupleData) + sizeof(IndexAttributeBitMapData))), nulls, -2);
		rest.rows -= nulls;
		for (int i = 0; i < first->n_common && info->indpred == NIL; i++)
		{
			double		rows = rint(first->common[i].share * tuples);

			add_common(&leaf, MAXALIGN(sizeof(IndexTupleData) + first->common[i].bytes), rows, i);
			rest.rows -= rows;
			rest.distinct = Max(1, rest.distinct - 1);
		}
		inside = leaf.inside;
		tree.leaves = leaf.pages + (leaf.items > 0 ? 1 - leaf.free / (double) PAGE_BYTES : 0);
		tree.leaves += in_parts ? pages_of_rest(key, info->ncolumns, first->parts, first->n_parts, merge, fillfactor, &inside)
			: pages_of_rest(key, info->ncolumns, &rest, 1, merge, fillfactor, &inside);
	}
	else
	{
		KeyPart		parts[2];

		tree.leaves += pages_of_rest(key, info->ncolumns, parts, split_by_nulls(root, rel, key, info, rest, parts), merge, fillfactor, &inside);
	}
	tree.leaves = tuples < 1 ? 0 : Max(1, ceil(tree.leaves - 0.02));
	tree.inside = merge ? Min(1, inside / Max(tree.leaves, 1)) : 1 - Min(1, distinct / Max(tuples, 1));
	return tree;
}

/* A pivot keeps the columns up to the first that tells its neighbours apart (_bt_keep_natts), else all and a row pointer. */
static double
average_pivot(PlannerInfo *root, RelOptInfo *rel, KeySample *key, IndexOptInfo *info, double tuples, double inside)
{
	enum
	{
		DRAWS = 256
	};
	double		sum = 0,
				share = 0,
				below = 0;

	for (int n = 1; n <= info->nkeycolumns; n++)
	{
		double		distinct = n == info->nkeycolumns ? (1 - inside) * tuples : Min(dbarch_distinct_keys(root, rel, key, info, n, tuples), (1 - inside) * tuples);
		double		part = Max(0, distinct - below) / Max(tuples, 1);
		double		bytes = 0;

		below = Max(below, distinct);
		for (int i = 0; i < DRAWS; i++)
			bytes += draw_tuple(key, n, false) / (double) DRAWS;
		if (n == info->nkeycolumns)
		{
			sum += bytes * part + (bytes + MAXALIGN(sizeof(ItemPointerData))) * Max(0, 1 - share - part);
			share = 1;
		}
		else
		{
			sum += bytes * part;
			share += part;
		}
	}
	return sum;
}

/*
 * What page splits leave when the rows come one by one, measured: in the key's
 * order nothing, since the last page is split near its end; anywhere else a
 * third, more where postings are split before they are merged; keys with very
 * many rows fill the pages between them.
 */
static double
growth(const KeySample *key, bool merge, double rows_to_key)
{
	double		in_order = Max(0, key->columns[0].correlation);
	double		anywhere = merge && rows_to_key > 500 ? 0.95 : merge && rows_to_key > 1.5 ? 1.46 : 1.35;

	return in_order > 0.99 ? 1 : 1 + (anywhere - 1) * (1 - in_order * in_order);
}

static void
btree_size(PlannerInfo *root, RelOptInfo *rel, KeySample *key, Relation index, IndexOptInfo *info, double tuples, IndexSize *size)
{
	bool		merge = !info->unique && BTGetDeduplicateItems(index) && _bt_allequalimage(index, false);
	int			fillfactor = BTGetFillFactor(index);
	Btree		tree = leaves_of(root, rel, key, info, tuples, merge, fillfactor);
	double		pivot = average_pivot(root, rel, key, info, tuples, tree.inside);
	double		to_page = floor((PAGE_BYTES - 2 * POINTER - BLCKSZ * (100 - BTREE_NONLEAF_FILLFACTOR) / 100) / (pivot + POINTER)) + 1;
	double		level = tree.leaves;

	size->pages = 1 + tree.leaves;
	size->height = 0;
	while (level > 1 && size->height < 64)
	{
		level = ceil(level / Max(to_page, 2));
		size->pages += level;
		size->height++;
	}
	size->steady_pages = ceil(1 + (size->pages - 1) * growth(key, merge, tuples / dbarch_distinct_keys(root, rel, key, info, info->nkeycolumns, tuples)));
	for (int i = 0; i < info->nkeycolumns; i++)
		size->rough |= merge && key->columns[i].guessed;
}

/* ---- hash ---- */

/* Pages that a bucket of so many rows needs, rows falling at random. */
static double
bucket_pages(double rows, double to_page)
{
	double		spread = sqrt(Max(rows, 1));
	double		pages = 0;

	for (int i = -20; i <= 20; i++) /* a normal distribution in 41 steps */
	{
		double		weight = exp(-0.5 * i * i * 0.04) * 0.2 / sqrt(2 * M_PI);

		pages += weight * Max(1, ceil((rows + i * 0.2 * spread) / to_page));
	}
	return pages;
}

static void
hash_size(KeySample *key, Relation index, double tuples, IndexSize *size)
{
	int			item = MAXALIGN(sizeof(IndexTupleData)) + MAXALIGN(sizeof(uint32)) + POINTER;
	int			fillfactor = Max(10, HashGetTargetPageUsage(index) / item);
	double		wanted = tuples / fillfactor;
	double		buckets = wanted <= 2 ? 2 : wanted >= 0x40000000 ? 0x40000000 : _hash_get_totalbuckets(_hash_spareindex((uint32) wanted));
	double		to_page = floor((BLCKSZ - SizeOfPageHeaderData - MAXALIGN(sizeof(HashPageOpaqueData))) / (double) item);
	double		power = pow(2, floor(log2(buckets)));
	double		rest = tuples * (1 - key->columns[0].nulls);	/* nulls are not in it */
	double		overflow = 0;
	double		split = 2 * (buckets - power);	/* buckets of a single load; the others bear two */

	for (int i = 0; i < key->columns[0].n_common; i++)
	{
		double		rows = key->columns[0].common[i].share * tuples;

		if (rows < to_page / 2)
			continue;
		overflow += rows / to_page;
		rest -= rows;
	}
	rest = Max(rest, 0);
	size->pages = 1 + 1 + split * bucket_pages(rest / (2 * power), to_page) + (buckets - split) * bucket_pages(rest / power, to_page) + ceil(overflow);
	size->pages = ceil(size->pages - 0.01);
	size->height = -1;
}

/* ---- BRIN, hnsw, ivfflat ---- */

static void
brin_size(RelOptInfo *rel, KeySample *key, Relation index, IndexSize *size)
{
	double		ranges = ceil(rel->pages / (double) BrinGetPagesPerRange(index));
	double		map_pages = Max(1, ceil(ranges / 1360));
	double		bytes = 0;

	for (int i = 0; i < key->n; i++)	/* minimum and maximum; other operator classes keep about as much */
		bytes += 2 * (key->columns[i].attribute->attlen > 0 ? key->columns[i].attribute->attlen : key->columns[i].average);
	size->counters.range_map_pages = map_pages;
	size->pages = 1 + map_pages + Max(1, ceil(ranges / floor((BLCKSZ - SizeOfPageHeaderData - 8) / (MAXALIGN(8 + bytes) + POINTER))));
	size->height = -1;
}

static int
option_of(Relation index, const char *name, int otherwise)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(RelationGetRelid(index)));
	int			value = otherwise;
	bool		isnull = true;
	Datum		options = HeapTupleIsValid(tuple) ? SysCacheGetAttr(RELOID, tuple, Anum_pg_class_reloptions, &isnull) : 0;

	if (!isnull)
	{
		ListCell   *cell;

		foreach(cell, untransformRelOptions(options))
		{
			DefElem    *option = lfirst_node(DefElem, cell);

			if (strcmp(option->defname, name) == 0)
				value = pg_strtoint32(defGetString(option));
		}
	}
	if (HeapTupleIsValid(tuple))
		ReleaseSysCache(tuple);
	return value;
}

/* pgvector: an element and its neighbours for each row, each on some level (hnswutils.c, HnswPageOpaque of 8 bytes). */
static void
hnsw_size(KeySample *key, Relation index, double tuples, IndexSize *size)
{
	int			m = Max(2, option_of(index, "m", 16));
	double		rows = tuples * (1 - key->columns[0].nulls);
	double		element = MAXALIGN(72 + (int) Max(key->columns[0].average, key->columns[0].bytes[0]));
	double		neighbours = MAXALIGN(4 + 2 * m * 6);
	double		higher = MAXALIGN(4 + 3 * m * 6);
	double		share = 1.0 / m;	/* of the rows that stand on a level above the lowest */
	double		bytes = element + POINTER + (neighbours * (1 - share) + higher * share) + POINTER;
	double		usable = BLCKSZ - SizeOfPageHeaderData - 8;
	double		to_page = bytes <= usable ? Max(1, floor(usable / bytes)) : 0.5;

	size->pages = 1 + ceil(rows / to_page);
	size->height = -1;
	size->rough = true;
}

/* pgvector: the centres of the lists, then each list's rows on pages of their own. */
static void
ivfflat_size(KeySample *key, Relation index, double tuples, IndexSize *size)
{
	double		lists = Max(1, option_of(index, "lists", 100));
	double		rows = tuples * (1 - key->columns[0].nulls);
	double		vector = Max(key->columns[0].average, key->columns[0].bytes[0]);
	double		usable = BLCKSZ - SizeOfPageHeaderData - 8;
	double		centres = ceil(lists / Max(1, floor(usable / (MAXALIGN(8 + vector) + POINTER))));
	double		to_page = Max(1, floor(usable / (MAXALIGN(sizeof(IndexTupleData) + vector) + POINTER)));

	size->pages = 1 + centres + lists * Max(1, ceil(rows / lists / to_page));
	size->height = -1;
	size->rough = true;
}

void
dbarch_index_size(PlannerInfo *root, RelOptInfo *rel, Relation heap, Relation index, IndexOptInfo *info, double tuples, IndexSize *size)
{
	KeySample	key;
	char	   *method = get_am_name(info->relam);

	memset(size, 0, sizeof *size);
	dbarch_take_key(&key, rel, heap, index, info);
	if (info->relam == BTREE_AM_OID)
		btree_size(root, rel, &key, index, info, tuples, size);
	else if (info->relam == HASH_AM_OID)
		hash_size(&key, index, tuples, size);
	else if (info->relam == BRIN_AM_OID)
		brin_size(rel, &key, index, size);
	else if (method && strcmp(method, "hnsw") == 0)
		hnsw_size(&key, index, tuples, size);
	else if (method && strcmp(method, "ivfflat") == 0)
		ivfflat_size(&key, index, tuples, size);
	else
	{
		dbarch_tree_size(&key, rel, heap, index, info, tuples, size);
		size->rough = true;
	}
	if (size->steady_pages == 0)
		size->steady_pages = size->pages;
}

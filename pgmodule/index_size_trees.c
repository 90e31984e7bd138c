/*-------------------------------------------------------------------------
 *
 * index_size_trees.c
 *	  The size that a GIN, GiST or SP-GiST index would have.
 *
 * GIN: how often each key occurs is taken from the most common elements, or
 * from the operator class's own extractValue on the values that the statistics
 * name; what no list names follows Zipf's law or, of few samples, the estimator
 * of Good and Turing.  Posting lists and trees are counted by their coding
 * (ginpostinglist.c, gindatapage.c); a build splits its entry pages in the
 * middle (ginentrypage.c).
 *
 * GiST and SP-GiST: the width of a tuple is known, how full a build leaves the
 * pages was measured.  Halving pages that fill up leaves more or less of them
 * empty as the rows grow, in a saw-tooth of period two.
 *
 * These sizes are rough: docs/lab.md says how far off they were found.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/genam.h"
#include "access/gin.h"
#include "access/gist.h"
#include "access/htup_details.h"
#include "access/itup.h"
#include "catalog/pg_am.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "utils/array.h"
#include "utils/datum.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "index_size.h"

enum
{
	USABLE = BLCKSZ - SizeOfPageHeaderData - 16,	/* behind the special space */
	LONGEST_ENTRY = 2712,		/* GinMaxItemSize */
	BANDS = 24					/* of the tail of a distribution */
};

/* ---- GIN: sums over the keys ---- */

typedef struct GinSum
{
	double		rows;			/* of the table */
	double		rows_to_page;
	double		pairs;			/* keys of a row, on average */
	double		entries;
	double		bytes;			/* of entry tuples, with line pointers */
	double		bytes_squared;
	double		bases;			/* bytes of the keys alone */
	double		data_pages;
} GinSum;

/* Bytes of a row pointer behind another, when n rows lie anywhere (encode_varbyte: seven bits a byte, eleven for the offset). */
static double
pointer_bytes(const GinSum *sum, double n)
{
	double		p = (n < 50 ? n + 1 : n) / Max(sum->rows, 1);
	double		q = Max(0, 1 - p);
	double		r = Max(1, sum->rows_to_page);
	double		other_page = p >= 1 ? 1 / r : Min(1, (1 - pow(q, r)) / (r * p));

	return 1 + other_page * (1 + (pow(q, 7 * r) + pow(q, 8 * r)) / 2 + (pow(q, 1023 * r) + pow(q, 1024 * r)) / 2 + pow(q, 131071 * r));
}

/* `keys` keys of `base` bytes, each in n rows. */
static void
add_keys(GinSum *sum, double keys, double n, double base)
{
	double		b = pointer_bytes(sum, n);
	double		list = 8 + 2 * ceil((n - 1) * b / 2);
	double		entry = MAXALIGN((int) (base + Min(list, 2 * LONGEST_ENTRY)));

	if (keys <= 0 || n <= 0)
		return;
	if (entry > LONGEST_ENTRY)
	{
		/* a posting tree: segments of 384 bytes in the root, of 256 in what was repacked */
		double		in_root = 21 * (1 + floor(376 / b));
		double		in_leaf = 31 * (1 + floor(248 / b));
		double		pages = 1;

		if (n > in_root)
		{
			double		level = 1 + ceil((n - in_root) / in_leaf);

			pages = level;
			while (level > 1)
			{
				level = ceil(level / 815);
				pages += level;
			}
		}
		sum->data_pages += keys * pages;
		entry = MAXALIGN((int) base);
	}
	entry += sizeof(ItemIdData);
	sum->entries += keys;
	sum->bytes += keys * entry;
	sum->bytes_squared += keys * entry * entry;
	sum->bases += keys * (base + sizeof(ItemIdData));
}

/* Keys that are met in n rows on average: those that are met at all. */
static void
add_rare_keys(GinSum *sum, double keys, double n, double base)
{
	double		met = 1 - exp(-n);

	if (met > 1e-9)
		add_keys(sum, keys * met, n / met, base);
}

static double
base_of(const Form_pg_attribute key, double bytes)
{
	if (key->attlen > 0)
		return MAXALIGN((int) sizeof(IndexTupleData) + key->attlen);
	return MAXALIGN((int) (sizeof(IndexTupleData) + bytes));
}

/* ---- GIN: keys out of most common elements ---- */

static int
compare_descending(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return x > y ? -1 : x < y;
}

/* What the list of elements leaves: frequencies go on falling as they did over its last nine tenths. */
static void
add_tail(GinSum *sum, const double *frequencies, int n, double rest, double base)
{
	double		most = Max(1, sum->rows * rest);
	double		slope,
				keys,
				below;

	if (n < 10)
	{
		add_rare_keys(sum, n < 3 ? most : sqrt(most * Max(1, n / rest)), rest * sum->rows / Max(1, n < 3 ? most : sqrt(most * Max(1, n / rest))), base);
		return;
	}
	slope = log(frequencies[n / 10] / frequencies[n - 1]) / log((double) n / (n / 10 + 1));
	slope = Max(0, Min(slope, 2));
	if (fabs(slope - 1) < 0.01)
		slope = 0.99;
	keys = 1 + rest * (1 - slope) / (frequencies[n - 1] * n);
	keys = keys <= 0 ? most : n * pow(keys, 1 / (1 - slope));
	keys = Min(keys, most + n);
	below = n;
	for (int i = 1; i <= BANDS; i++)
	{
		double		to = n * pow(keys / n, (double) i / BANDS);
		double		middle = frequencies[n - 1] * pow(sqrt(below * to) / n, -slope);

		add_rare_keys(sum, to - below, middle * sum->rows, base);
		below = to;
	}
}

static bool
add_elements(GinSum *sum, HeapTuple statistics, Form_pg_attribute key, Oid type)
{
	AttStatsSlot elements = {0};
	AttStatsSlot counts = {0};
	double	   *frequencies;
	double		listed = 0,
				bytes = 0,
				pairs;
	int			n;

	if (!get_attstatsslot(&elements, statistics, STATISTIC_KIND_MCELEM, InvalidOid, ATTSTATSSLOT_VALUES | ATTSTATSSLOT_NUMBERS))
		return false;
	n = Min(elements.nvalues, elements.nnumbers);
	frequencies = palloc(sizeof(double) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		frequencies[i] = Max(elements.numbers[i], 1e-12);
		listed += frequencies[i];
		if (key->attlen < 0)
			bytes += frequencies[i] * (VARSIZE_ANY_EXHDR(DatumGetPointer(elements.values[i])) + 1);
	}
	bytes = listed > 0 ? bytes / listed : 8;
	qsort(frequencies, n, sizeof(double), compare_descending);
	if (get_attstatsslot(&counts, statistics, STATISTIC_KIND_DECHIST, InvalidOid, ATTSTATSSLOT_NUMBERS) && counts.nnumbers > 0)
		pairs = counts.numbers[counts.nnumbers - 1];
	else if (type == TSVECTOROID)
	{
		/* a lexeme takes its text, four bytes of its entry, and about three of positions */
		double		width = ((Form_pg_statistic) GETSTRUCT(statistics))->stawidth;

		pairs = listed + Max(0, (width - 8 - listed * (bytes + 7)) / (bytes + 8));
	}
	else
		pairs = listed;
	for (int i = 0; i < n; i++)
		add_keys(sum, 1, rint(Max(1, frequencies[i] * sum->rows)), base_of(key, bytes));
	if (pairs > listed * 1.03 || n == 0)
		add_tail(sum, frequencies, n, Max(pairs - listed, 1e-9), base_of(key, bytes + 1));
	sum->pairs += pairs;
	free_attstatsslot(&elements);
	free_attstatsslot(&counts);
	return true;
}

/* ---- GIN: keys out of the values that are named ---- */

typedef struct SampleKey
{
	uint64		hash;			/* of its bytes */
	double		share;			/* of the rows */
	int			seen;			/* in how many values */
	int			last;			/* the value that it was seen in */
	double		bytes;
} SampleKey;

static void
extract(HTAB *keys, Relation index, int column, Datum value, double share, int number)
{
	Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(index), column);
	int32		n = 0;
	bool	   *nulls = NULL;
	Datum	   *found = (Datum *) DatumGetPointer(FunctionCall3Coll(index_getprocinfo(index, column + 1, GIN_EXTRACTVALUE_PROC), index->rd_indcollation[column],
																	value, PointerGetDatum(&n), PointerGetDatum(&nulls)));

	for (int i = 0; found && i < n; i++)
	{
		Size		bytes;
		uint64		hash;
		bool		old;
		SampleKey  *key;

		if (nulls && nulls[i])
			continue;
		bytes = datumGetSize(found[i], attribute->attbyval, attribute->attlen);
		hash = attribute->attbyval ? hash_bytes_extended((const unsigned char *) &found[i], sizeof(Datum), 0)
			: hash_bytes_extended((const unsigned char *) DatumGetPointer(found[i]), (int) bytes, 0);
		key = hash_search(keys, &hash, HASH_ENTER, &old);
		if (!old)
			*key = (SampleKey) {hash, 0, 0, -1, (double) bytes};
		if (key->last == number)
			continue;			/* twice in one value */
		key->last = number;
		key->share += share;
		key->seen++;
	}
}

/*
 * Keys seen once stand for all rare ones: as many rows as theirs are spread
 * over more keys, by how many were seen twice (Chao); where hardly any was, each
 * row has its own.
 */
static void
add_samples(GinSum *sum, HTAB *keys, Form_pg_attribute attribute)
{
	HASH_SEQ_STATUS all;
	SampleKey  *key;
	double		once = 0,
				twice = 0,
				rare = 0,
				bytes = 0;

	hash_seq_init(&all, keys);
	while ((key = hash_seq_search(&all)) != NULL)
	{
		sum->pairs += key->share;
		if (key->seen == 1)
		{
			once++;
			rare += key->share;
			bytes += key->bytes;
		}
		else
		{
			twice += key->seen == 2;
			add_keys(sum, 1, rint(Max(1, key->share * sum->rows)), base_of(attribute, key->bytes));
		}
	}
	if (once > 0)
	{
		double		most = Max(once, rare * sum->rows);
		double		wanted = twice < 0.02 * once ? most : Min(most, once + once * once / (2 * twice));

		add_rare_keys(sum, wanted, rare * sum->rows / wanted, base_of(attribute, bytes / once));
	}
}

static bool
add_extracted(GinSum *sum, Relation index, int column, HeapTuple statistics)
{
	HASHCTL		control = {.keysize = sizeof(uint64),.entrysize = sizeof(SampleKey),.hcxt = CurrentMemoryContext};
	HTAB	   *keys = hash_create("dbarch sample keys", 1024, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	AttStatsSlot common = {0};
	AttStatsSlot histogram = {0};
	double		rest = 1 - ((Form_pg_statistic) GETSTRUCT(statistics))->stanullfrac;
	int			number = 0;

	if (get_attstatsslot(&common, statistics, STATISTIC_KIND_MCV, InvalidOid, ATTSTATSSLOT_VALUES | ATTSTATSSLOT_NUMBERS))
		for (int i = 0; i < Min(common.nvalues, common.nnumbers); i++)
		{
			/* seen more than once: it is common */
			extract(keys, index, column, common.values[i], common.numbers[i] / 2, number++);
			extract(keys, index, column, common.values[i], common.numbers[i] / 2, number++);
			rest -= common.numbers[i];
		}
	if (get_attstatsslot(&histogram, statistics, STATISTIC_KIND_HISTOGRAM, InvalidOid, ATTSTATSSLOT_VALUES))
		for (int i = 0; i < histogram.nvalues; i++)
			extract(keys, index, column, histogram.values[i], Max(rest, 0) / histogram.nvalues, number++);
	free_attstatsslot(&common);
	free_attstatsslot(&histogram);
	if (number > 0)
		add_samples(sum, keys, TupleDescAttr(RelationGetDescr(index), column));
	hash_destroy(keys);
	return number > 0;
}

static void
gin_size(RelOptInfo *rel, Relation heap, Relation index, IndexOptInfo *info, double tuples, IndexSize *size)
{
	GinSum		sum = {.rows = Max(tuples, 1),.rows_to_page = rel->pages > 0 ? rel->tuples / rel->pages : 1};
	double		width,
				leaves,
				level;

	for (int i = 0; i < info->ncolumns; i++)
	{
		void		(*free_tuple) (HeapTuple);
		HeapTuple	statistics = dbarch_key_statistics(heap, info, i, &free_tuple);
		Oid			type = info->opcintype[i];

		/* the elements of a jsonb or a text are what its operator class says; an array's and a tsvector's are counted */
		if (!statistics || (!((type == TSVECTOROID || type == ANYARRAYOID || OidIsValid(get_element_type(type))) &&
							   add_elements(&sum, statistics, TupleDescAttr(RelationGetDescr(index), i), type)) &&
							 !add_extracted(&sum, index, i, statistics)))
			add_keys(&sum, Max(1, sum.rows), 3, 24);	/* nothing is known */
		if (statistics)
			free_tuple(statistics);
	}
	width = sum.bytes > 0 ? sum.bytes_squared / sum.bytes : 24;
	leaves = level = Max(1, ceil(sum.bytes / (USABLE / 2 + 0.75 * width)));
	size->counters.entry_pages = leaves;
	while (level > 1)
	{
		level = ceil(level * (sum.bases / Max(sum.entries, 1)) / (USABLE / 2));
		size->counters.entry_pages += level;
	}
	size->counters.data_pages = ceil(sum.data_pages);
	size->counters.entries = sum.entries;
	size->pages = 1 + size->counters.entry_pages + size->counters.data_pages;
}

/* ---- GiST ---- */

/* Pages to the fewest possible, when pages that are full are halved: by how many doublings the rows are from one page. */
static double
saw_tooth(double rows, double to_page)
{
	static const double narrow[] = {1.47, 1.56, 1.58, 1.51, 1.42, 1.34, 1.33, 1.39};	/* 366 to a page */
	static const double wide[] = {1.46, 1.49, 1.49, 1.47, 1.43, 1.42, 1.42, 1.44};	/* 185 */
	const double *teeth = to_page > 260 ? narrow : wide;
	double		at = log2(Max(rows / to_page, 1));
	double		phase = (at - floor(at)) * 8;
	int			i = (int) phase;

	if (rows <= to_page)
		return 1;
	return teeth[i % 8] + (teeth[(i + 1) % 8] - teeth[i % 8]) * (phase - i);
}

static double
lexemes_of(Relation heap, IndexOptInfo *info, int column)
{
	void		(*free_tuple) (HeapTuple);
	HeapTuple	statistics = dbarch_key_statistics(heap, info, column, &free_tuple);
	double		width = statistics ? ((Form_pg_statistic) GETSTRUCT(statistics))->stawidth : 100;

	if (statistics)
		free_tuple(statistics);
	return Max(1, (width - 8) / 13);
}

static void
gist_size(KeySample *key, Relation heap, Relation index, IndexOptInfo *info, double tuples, IndexSize *size)
{
	double		bytes = dbarch_average_tuple(key, info->ncolumns);
	double		inner = bytes;
	double		fill = 0;		/* of a page; 0: by halving */
	bool		sorted = true;
	double		level;

	for (int i = 0; i < info->nkeycolumns; i++)
		sorted &= OidIsValid(index_getprocid(index, i + 1, GIST_SORTSUPPORT_PROC));
	if (sorted)
		fill = 0.669;
	else if (info->nkeycolumns == 1 && info->opcintype[0] == TEXTOID)
	{
		/* trigrams: three bytes each, about one a letter */
		bytes = MAXALIGN((int) (8 + 5 + 3 * (Max(key->columns[0].average, 1) + 1)));
		inner = 32;
		fill = 0.666;
	}
	else if (info->nkeycolumns == 1 && info->opcintype[0] == TSVECTOROID)
	{
		double		lexemes = lexemes_of(heap, info, 0);

		bytes = lexemes * 4 + 8 > 508 ? 144 : MAXALIGN((int) (8 + 8 + 4 * lexemes));
		inner = 144;
		fill = 0.857;
	}
	if (fill > 0)
		level = tuples * (bytes + sizeof(ItemIdData)) / (USABLE * fill);
	else
	{
		double		to_page = Max(2, floor((USABLE - BLCKSZ / 10) / (bytes + sizeof(ItemIdData))));

		/* rows in the key's order fill each page by half and never come back */
		level = info->nkeycolumns == 1 && fabs(key->columns[0].correlation) > 0.9999995 ? tuples / (to_page / 2) : tuples / to_page * saw_tooth(tuples, to_page);
	}
	level = Max(1, ceil(level));
	size->pages = level;
	while (level > 1)
	{
		level = ceil(level * (inner + sizeof(ItemIdData)) / (USABLE * 0.5));
		size->pages += level;
	}
}

/* ---- SP-GiST ---- */

/* Bytes of a text that the nodes above a leaf hold already: what neighbours have in common. */
static double
shared_prefix(Relation heap, IndexOptInfo *info, double tuples)
{
	void		(*free_tuple) (HeapTuple);
	HeapTuple	statistics = dbarch_key_statistics(heap, info, 0, &free_tuple);
	AttStatsSlot histogram = {0};
	double		shared = 0;

	if (!statistics)
		return 1;
	if (get_attstatsslot(&histogram, statistics, STATISTIC_KIND_HISTOGRAM, InvalidOid, ATTSTATSSLOT_VALUES) && histogram.nvalues > 1)
	{
		for (int i = 1; i < histogram.nvalues; i++)
		{
			text	   *before = DatumGetTextPP(histogram.values[i - 1]);
			text	   *after = DatumGetTextPP(histogram.values[i]);
			const char *a = VARDATA_ANY(before);
			const char *b = VARDATA_ANY(after);
			int			n = Min(VARSIZE_ANY_EXHDR(before), VARSIZE_ANY_EXHDR(after));
			int			same = 0;

			while (same < n && a[same] == b[same])
				same++;
			shared += same;
		}
		shared = shared / (histogram.nvalues - 1) + 1 + Max(0, log(Max(tuples / histogram.nvalues / 60, 1)) / log(3));
	}
	free_attstatsslot(&histogram);
	free_tuple(statistics);
	return shared;
}

static bool
family_name_has(Oid family, const char *part)
{
	HeapTuple	tuple = SearchSysCache1(OPFAMILYOID, ObjectIdGetDatum(family));
	bool		has = HeapTupleIsValid(tuple) && strstr(NameStr(((Form_pg_opfamily) GETSTRUCT(tuple))->opfname), part) != NULL;

	if (HeapTupleIsValid(tuple))
		ReleaseSysCache(tuple);
	return has;
}

static void
spgist_size(KeySample *key, Relation heap, IndexOptInfo *info, double tuples, IndexSize *size)
{
	Oid			type = info->opcintype[0];
	double		datum = key->columns[0].attribute->attlen > 0 ? key->columns[0].attribute->attlen : key->columns[0].average;
	double		fill = 0.7,
				inner = 0.02;

	if (type == TEXTOID)
	{
		datum = 1 + Max(0, datum - shared_prefix(heap, info, tuples));
		fill = 0.867;
		inner = 0.044;
	}
	else if (type == POINTOID)
	{
		bool		kd = family_name_has(info->opfamily[0], "kd");

		fill = kd ? 0.679 : 0.795;
		inner = kd ? 0.012 : 0.019;
	}
	else if (type_is_range(type) || type == ANYRANGEOID)
		fill = 0.672;
	else if (type == INETOID)
		fill = 0.731;
	size->pages = 3 + ceil(tuples * (16 + MAXALIGN((int) datum) + sizeof(ItemIdData)) / (USABLE * fill) * (1 + inner));
}

void
dbarch_tree_size(KeySample *key, RelOptInfo *rel, Relation heap, Relation index, IndexOptInfo *info, double tuples, IndexSize *size)
{
	size->height = -1;
	if (info->relam == GIN_AM_OID)
		gin_size(rel, heap, index, info, tuples, size);
	else if (info->relam == GIST_AM_OID)
		gist_size(key, heap, index, info, tuples, size);
	else if (info->relam == SPGIST_AM_OID)
		spgist_size(key, heap, info, tuples, size);
	else						/* some other access method: as many tuples as fit into seven tenths */
		size->pages = 1 + ceil(tuples * (dbarch_average_tuple(key, info->ncolumns) + sizeof(ItemIdData)) / (USABLE * 0.7));
}

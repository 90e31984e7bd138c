/*-------------------------------------------------------------------------
 *
 * expression_statistics.c
 *	  What ANALYZE would say of an expression, from what it said of its column.
 *
 * The most common values and the bounds of the histogram are a sample of the
 * column with known shares; the expression is computed on them.  Taken for
 * expressions of one column; of several nothing is known about how their values
 * go together.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "optimizer/optimizer.h"
#include "utils/array.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/sortsupport.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "dbarch_twin.h"
#include "hypothetical.h"

enum
{
	MOST = 100					/* common values, and parts of the histogram, as by default */
};

/* A value with its share of the rows. */
typedef struct Share
{
	Datum		value;
	double		share;
	int			order;			/* of the column's value: histogram bounds are in order */
	bool		common;			/* comes of a most common value */
	int			members;		/* after grouping */
} Share;

typedef struct Sample
{
	Share	   *shares;
	int			n;
	double		nulls;
	int			bounds;			/* of them come of the histogram */
} Sample;

static int
compare_shares(const void *a, const void *b, void *sort)
{
	return ApplySortComparator(((const Share *) a)->value, false, ((const Share *) b)->value, false, sort);
}

static int
compare_frequency(const void *a, const void *b)
{
	double		x = ((const Share *) a)->share;
	double		y = ((const Share *) b)->share;

	return x > y ? -1 : x < y;
}

/*
 * Values between the bounds of a histogram, where the type is a line.  Bounds
 * lie evenly and say little of how often results repeat; drawn values do.
 */
static bool
is_line(Oid type)
{
	switch (type)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case FLOAT4OID:
		case FLOAT8OID:
		case DATEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return true;
		default:
			return false;
	}
}

static Datum
between(Oid type, Datum low, Datum high, double fraction)
{
	switch (type)
	{
		case INT2OID:
			return Int16GetDatum((int16) (DatumGetInt16(low) + fraction * ((double) DatumGetInt16(high) - DatumGetInt16(low))));
		case INT4OID:
		case DATEOID:
			return Int32GetDatum((int32) (DatumGetInt32(low) + fraction * ((double) DatumGetInt32(high) - DatumGetInt32(low))));
		case FLOAT4OID:
			return Float4GetDatum((float4) (DatumGetFloat4(low) + fraction * ((double) DatumGetFloat4(high) - DatumGetFloat4(low))));
		case FLOAT8OID:
			return Float8GetDatum(DatumGetFloat8(low) + fraction * (DatumGetFloat8(high) - DatumGetFloat8(low)));
		default:
			return Int64GetDatum(DatumGetInt64(low) + (int64) (fraction * ((double) DatumGetInt64(high) - (double) DatumGetInt64(low))));
	}
}

/* The histogram's values, or as many between its bounds as are wanted. */
static int
spread_histogram(const AttStatsSlot *histogram, Datum **ret_values)
{
	enum
	{
		DRAWN = 10000
	};
	Datum	   *values;
	uint32		seed = 2463534242u;

	*ret_values = histogram->values;
	if (histogram->nvalues < 2 || !is_line(histogram->valuetype))
		return histogram->nvalues;
	values = palloc(sizeof(Datum) * DRAWN);
	for (int i = 0; i < DRAWN; i++)
	{
		double		at = (double) i * (histogram->nvalues - 1) / DRAWN;
		double		step = (double) (histogram->nvalues - 1) / DRAWN;
		int			bucket = (int) at;

		seed ^= seed << 13;
		seed ^= seed >> 17;
		seed ^= seed << 5;
		values[i] = between(histogram->valuetype, histogram->values[bucket], histogram->values[bucket + 1], Min(1, at - bucket + step * ((seed >> 8) / (double) (1 << 24))));
	}
	*ret_values = values;
	return DRAWN;
}

/* Computes the expression on every value of the column that the statistics name. */
static void
compute(Relation heap, AttrNumber column, Node *expression, HeapTuple statistics, bool by_value, int16 length, Sample *sample)
{
	Form_pg_statistic form = (Form_pg_statistic) GETSTRUCT(statistics);
	AttStatsSlot common = {0};
	AttStatsSlot histogram = {0};
	EState	   *estate = CreateExecutorState();
	ExprContext *context = GetPerTupleExprContext(estate);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(heap), &TTSOpsVirtual);
	ExprState  *state = ExecPrepareExpr((Expr *) expression, estate);
	double		rest = 1 - form->stanullfrac;
	bool		have_common = get_attstatsslot(&common, statistics, STATISTIC_KIND_MCV, InvalidOid, ATTSTATSSLOT_VALUES | ATTSTATSSLOT_NUMBERS);
	bool		have_histogram = get_attstatsslot(&histogram, statistics, STATISTIC_KIND_HISTOGRAM, InvalidOid, ATTSTATSSLOT_VALUES);
	int			n_common = have_common ? Min(common.nvalues, common.nnumbers) : 0;
	Datum	   *bounds = NULL;
	int			n_bounds = have_histogram ? spread_histogram(&histogram, &bounds) : 0;

	for (int i = 0; i < n_common; i++)
		rest -= common.numbers[i];
	sample->shares = palloc(sizeof(Share) * (n_common + n_bounds + 1));
	context->ecxt_scantuple = slot;
	for (int i = -1; i < n_common + n_bounds; i++)	/* -1: null */
	{
		double		share = i < 0 ? form->stanullfrac : i < n_common ? common.numbers[i] : Max(rest, 0) / n_bounds;
		bool		isnull;
		Datum		value;

		ExecClearTuple(slot);
		memset(slot->tts_isnull, true, sizeof(bool) * slot->tts_tupleDescriptor->natts);
		if (i >= 0)
		{
			slot->tts_isnull[column - 1] = false;
			slot->tts_values[column - 1] = i < n_common ? common.values[i] : bounds[i - n_common];
		}
		ExecStoreVirtualTuple(slot);
		value = ExecEvalExpr(state, context, &isnull);
		if (isnull)
			sample->nulls += share;
		else if (share > 0)
			sample->shares[sample->n++] = (Share) {datumCopy(value, by_value, length), share, i, i < n_common, 1};
		if (!isnull && i >= n_common)
			sample->bounds++;
		ResetExprContext(context);
	}
	free_attstatsslot(&common);
	free_attstatsslot(&histogram);
	ExecDropSingleTupleTableSlot(slot);
	FreeExecutorState(estate);
}

/* How well the order of the results keeps that of the column: 1, or -1 when it is turned round (rank correlation). */
static double
kept_order(const Sample *sample)
{
	double		sum_x = 0,
				sum_y = 0,
				sum_xx = 0,
				sum_yy = 0,
				sum_xy = 0;
	int			n = 0;

	for (int i = 0; i < sample->n; i++)
	{
		double		x = sample->shares[i].order;
		double		y = i;

		if (sample->shares[i].common)
			continue;
		n++;
		sum_x += x;
		sum_y += y;
		sum_xx += x * x;
		sum_yy += y * y;
		sum_xy += x * y;
	}
	if (n < 2 || n * sum_xx <= sum_x * sum_x || n * sum_yy <= sum_y * sum_y)
		return 0;
	return (n * sum_xy - sum_x * sum_y) / sqrt((n * sum_xx - sum_x * sum_x) * (n * sum_yy - sum_y * sum_y));
}

/* Equal neighbours become one. */
static void
group(Sample *sample, SortSupport sort)
{
	int			to = 0;

	for (int i = 0; i < sample->n; i++)
	{
		if (to > 0 && ApplySortComparator(sample->shares[to - 1].value, false, sample->shares[i].value, false, sort) == 0)
		{
			sample->shares[to - 1].share += sample->shares[i].share;
			sample->shares[to - 1].members++;
			sample->shares[to - 1].common |= sample->shares[i].common;
		}
		else
			sample->shares[to++] = sample->shares[i];
	}
	sample->n = to;
}

/*
 * Shares of results that were met a few times are mostly chance.  What their
 * spread has beyond that of a Poisson distribution is kept, the rest evened out.
 */
static void
even_out(Sample *sample)
{
	double		n = 0,
				sum = 0,
				sum_of_squares = 0,
				share = 0,
				mean,
				variance,
				kept;

	for (int i = 0; i < sample->n; i++)
	{
		if (sample->shares[i].common)
			continue;
		n++;
		sum += sample->shares[i].members;
		sum_of_squares += (double) sample->shares[i].members * sample->shares[i].members;
		share += sample->shares[i].share;
	}
	if (n < 2)
		return;
	mean = sum / n;
	variance = sum_of_squares / n - mean * mean;
	kept = variance > mean ? (variance - mean) / variance : 0;
	for (int i = 0; i < sample->n; i++)
		if (!sample->shares[i].common)
			sample->shares[i].share = share / n + kept * (sample->shares[i].share - share / n);
}

/* Different results: all that were seen when each was seen again, else by the estimator of ANALYZE (Haas and Stokes, Duj1). */
static double
count_distinct(const Sample *sample, double column_distinct, double rows)
{
	double		seen = 0,
				once = 0,
				common = 0;
	double		n = sample->bounds;
	double		estimate;

	for (int i = 0; i < sample->n; i++)
	{
		common += sample->shares[i].common;
		if (!sample->shares[i].common)
		{
			seen++;
			once += sample->shares[i].members == 1;
		}
	}
	if (seen == 0)
		return common;
	if (once >= n)				/* one to one, as far as can be seen */
		return column_distinct;
	estimate = once == 0 ? seen : n * seen / (n - once + once * n / Max(rows, n));
	return Min(common + estimate, column_distinct);
}

static double
average_width(const Sample *sample, bool by_value, int16 length)
{
	double		width = 0,
				share = 0;

	for (int i = 0; i < sample->n; i++)
	{
		width += sample->shares[i].share * (double) datumGetSize(sample->shares[i].value, by_value, length);
		share += sample->shares[i].share;
	}
	return share > 0 ? width / share : 0;
}

static Datum
numbers_of(const float4 *numbers, int n)
{
	Datum	   *values = palloc(sizeof(Datum) * Max(n, 1));

	for (int i = 0; i < n; i++)
		values[i] = Float4GetDatum(numbers[i]);
	return PointerGetDatum(construct_array(values, n, FLOAT4OID, sizeof(float4), true, TYPALIGN_INT));
}

/* As compute_scalar_stats decides: all values when they are few, else those a quarter above the average. */
static bool
is_common(const Sample *sample, const Share *share, double distinct)
{
	if (share->common || (sample->n <= MOST && distinct <= 1.2 * MOST))
		return true;
	return share->members > 2 && share->members > 1.25 * sample->bounds / sample->n;
}

/* Bounds of equal parts of what is not among the most common; those are few enough to be looked for. */
static int
pick_bounds(const Sample *sample, const Share *common, int n_common, Datum *bounds, int most)
{
	Share	   *rest = palloc(sizeof(Share) * Max(sample->n, 1));
	double		total = 0,
				sum = 0;
	int			n = 0,
				picked = 0;

	for (int i = 0; i < sample->n; i++)
	{
		bool		taken = false;

		for (int k = 0; k < n_common && !taken; k++)
			taken = common[k].order == sample->shares[i].order;
		if (!taken)
		{
			rest[n++] = sample->shares[i];
			total += sample->shares[i].share;
		}
	}
	most = Min(most, n);
	for (int i = 0; i < n && picked < most; i++)
	{
		sum += rest[i].share;
		while (picked < most && (picked == 0 || sum >= total * picked / (most - 1) * 0.999999))
			bounds[picked++] = rest[i].value;
	}
	return picked;
}

/* Most common values, histogram and correlation out of the sample. */
static HeapTuple
make_statistics(Sample *sample, Oid type, Oid collation, const TypeCacheEntry *cache, double distinct, double rows, double correlation)
{
	StatisticRow row;
	Share	   *common = palloc(sizeof(Share) * Max(sample->n, 1));
	Datum	   *values = palloc(sizeof(Datum) * Max(sample->n, MOST + 1));
	float4	   *frequencies = palloc(sizeof(float4) * Max(sample->n, 1));
	float4		one = (float4) correlation;
	int			n_common = 0,
				n = 0;
	Relation	catalog;
	HeapTuple	tuple;

	dbarch_begin_statistics(&row, InvalidOid, 1, false, sample->nulls, average_width(sample, cache->typbyval, cache->typlen),
							distinct > rows * 0.1 ? -distinct / Max(rows, 1) : distinct);
	for (int i = 0; i < sample->n; i++)
		if (is_common(sample, &sample->shares[i], distinct))
			common[n_common++] = sample->shares[i];
	qsort(common, n_common, sizeof(Share), compare_frequency);
	n_common = Min(n_common, MOST);
	for (int i = 0; i < n_common; i++)
	{
		values[i] = common[i].value;
		frequencies[i] = (float4) common[i].share;
	}
	if (n_common > 0)
		dbarch_add_slot(&row, STATISTIC_KIND_MCV, cache->eq_opr, collation, numbers_of(frequencies, n_common),
						PointerGetDatum(construct_array(values, n_common, type, cache->typlen, cache->typbyval, cache->typalign)));
	n = pick_bounds(sample, common, n_common, values, MOST + 1);
	if (n >= 2)
		dbarch_add_slot(&row, STATISTIC_KIND_HISTOGRAM, cache->lt_opr, collation, 0,
						PointerGetDatum(construct_array(values, n, type, cache->typlen, cache->typbyval, cache->typalign)));
	dbarch_add_slot(&row, STATISTIC_KIND_CORRELATION, cache->lt_opr, collation, numbers_of(&one, 1), 0);
	catalog = table_open(StatisticRelationId, AccessShareLock);
	tuple = heap_form_tuple(RelationGetDescr(catalog), row.values, row.nulls);
	table_close(catalog, AccessShareLock);
	return tuple;
}

/* Of the values' order with that of the rows; 0 when it is not known. */
double
dbarch_correlation_of(HeapTuple statistics)
{
	AttStatsSlot slot = {0};
	double		correlation = 0;

	if (get_attstatsslot(&slot, statistics, STATISTIC_KIND_CORRELATION, InvalidOid, ATTSTATSSLOT_NUMBERS) && slot.nnumbers == 1)
		correlation = slot.numbers[0];
	free_attstatsslot(&slot);
	return correlation;
}

static HeapTuple
derive(Relation heap, AttrNumber column, Node *expression, HeapTuple of_column, Oid type, Oid collation)
{
	TypeCacheEntry *cache = lookup_type_cache(type, TYPECACHE_LT_OPR | TYPECACHE_EQ_OPR);
	SortSupportData sort = {0};
	Sample		sample = {0};
	Form_pg_statistic form = (Form_pg_statistic) GETSTRUCT(of_column);
	double		rows = dbarch_tuples_of(RelationGetRelid(heap));
	double		column_distinct = form->stadistinct < 0 ? -form->stadistinct * rows : form->stadistinct;
	double		order;

	if (!OidIsValid(cache->lt_opr) || !OidIsValid(cache->eq_opr))
		return NULL;
	compute(heap, column, expression, of_column, cache->typbyval, cache->typlen, &sample);
	sort.ssup_cxt = CurrentMemoryContext;
	sort.ssup_collation = collation;
	PrepareSortSupportFromOrderingOp(cache->lt_opr, &sort);
	qsort_arg(sample.shares, sample.n, sizeof(Share), compare_shares, &sort);
	order = kept_order(&sample) * dbarch_correlation_of(of_column);
	group(&sample, &sort);
	even_out(&sample);
	return sample.n == 0 ? NULL : make_statistics(&sample, type, collation, cache, count_distinct(&sample, column_distinct, rows), rows, order);
}

/*
 * Computing may fail, as it may on the subject's rows: then nothing is known.
 * The expression is the subject's code and runs as the table's owner.
 */
HeapTuple
dbarch_expression_statistics(Relation heap, Node *expression, Oid type, Oid collation)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	Bitmapset  *columns = NULL;
	AttrNumber	column;
	HeapTuple	of_column;
	HeapTuple	result = NULL;

	pull_varattnos(expression, 1, &columns);
	if (bms_membership(columns) != BMS_SINGLETON)
		return NULL;
	column = bms_singleton_member(columns) + FirstLowInvalidHeapAttributeNumber;
	of_column = column < 1 ? NULL : SearchSysCache3(STATRELATTINH, ObjectIdGetDatum(RelationGetRelid(heap)), Int16GetDatum(column), BoolGetDatum(false));
	if (!HeapTupleIsValid(of_column))
		return NULL;
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		Caller		caller = dbarch_become_owner(heap);

		result = derive(heap, column, expression, of_column, type, collation);
		dbarch_become_caller(caller);
		ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
	}
	PG_CATCH();
	{
		ErrorData  *problem;

		MemoryContextSwitchTo(context);
		problem = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		if (problem->sqlerrcode == ERRCODE_QUERY_CANCELED || problem->sqlerrcode == ERRCODE_ADMIN_SHUTDOWN)
			ReThrowError(problem);
		result = NULL;
	}
	PG_END_TRY();
	ReleaseSysCache(of_column);
	return result;
}

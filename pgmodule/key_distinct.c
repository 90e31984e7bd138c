/*-------------------------------------------------------------------------
 *
 * key_distinct.c
 *	  How many different keys an index would hold, and how its rows share them.
 *
 * ANALYZE counts in a sample and says too little of columns whose values repeat
 * unevenly.  Two things are known beyond the sample.  A foreign key has no more
 * values than its parent has rows, lying as densely as the parent's; and within
 * a part of the histogram that is W values wide, r rows that fall at random
 * meet W (1 - exp(-r / W)) of them.  For several columns the planner's
 * estimate is kept where CREATE STATISTICS counted them; else they are taken as
 * independent, without the planner's cut to a tenth of the rows.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_statistic_ext.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/selfuncs.h"
#include "utils/syscache.h"

#include "dbarch_twin.h"
#include "index_size.h"

static bool
as_number(Oid type, Datum value, double *ret_number)
{
	switch (type)
	{
		case INT2OID:
			*ret_number = DatumGetInt16(value);
			return true;
		case INT4OID:
			*ret_number = DatumGetInt32(value);
			return true;
		case INT8OID:
			*ret_number = (double) DatumGetInt64(value);
			return true;
		default:
			return false;
	}
}

/* The share of the whole numbers between its least and greatest that a key has; 1 when that is not known. */
static double
density_of(Oid relation, AttrNumber column)
{
	HeapTuple	tuple = SearchSysCache3(STATRELATTINH, ObjectIdGetDatum(relation), Int16GetDatum(column), BoolGetDatum(false));
	AttStatsSlot slot = {0};
	double		low,
				high,
				density = 1;

	if (!HeapTupleIsValid(tuple))
		return 1;
	if (get_attstatsslot(&slot, tuple, STATISTIC_KIND_HISTOGRAM, InvalidOid, ATTSTATSSLOT_VALUES) && slot.nvalues >= 2 &&
		as_number(slot.valuetype, slot.values[0], &low) && as_number(slot.valuetype, slot.values[slot.nvalues - 1], &high) && high > low)
		density = Min(1, dbarch_tuples_of(relation) / (high - low + 1));
	free_attstatsslot(&slot);
	ReleaseSysCache(tuple);
	return density;
}

/* Of the parent, when the column is a foreign key by itself. */
static double
density_by_foreign_key(Relation heap, AttrNumber column, bool *ret_is_foreign_key)
{
	ListCell   *cell;

	*ret_is_foreign_key = false;
	foreach(cell, RelationGetFKeyList(heap))
	{
		ForeignKeyCacheInfo *key = lfirst(cell);

		if (key->nkeys == 1 && key->conkey[0] == column && get_rel_relkind(key->confrelid) == RELKIND_RELATION)
		{
			*ret_is_foreign_key = true;
			return density_of(key->confrelid, key->confkey[0]);
		}
	}
	return 1;
}

/*
 * Rows and different values in each part of the histogram of a column of whole
 * numbers.  tuples: all rows of the index.
 */
static void
spread_over_histogram(KeyColumn *column, const AttStatsSlot *slot, double density, double tuples)
{
	double		rest = 1 - column->nulls;

	for (int i = 0; i < column->n_common; i++)
		rest -= column->common[i].share;
	column->parts = palloc0(sizeof(KeyPart) * slot->nvalues);
	for (int i = 0; i + 1 < slot->nvalues; i++)
	{
		KeyPart    *part = &column->parts[column->n_parts++];
		double		low = 0,
					high = 0,
					values;

		(void) as_number(slot->valuetype, slot->values[i], &low);
		(void) as_number(slot->valuetype, slot->values[i + 1], &high);
		values = Max(1, (high - low) * density);
		part->rows = Max(rest, 0) / (slot->nvalues - 1) * tuples;
		part->distinct = Max(1, values * (1 - exp(-part->rows / values)));
		column->parts_distinct += part->distinct;
	}
}

/* Sets the count of different values of a column of the table, and how rows are spread over them. */
void
dbarch_count_column(KeyColumn *column, Relation heap, AttrNumber number, HeapTuple statistics, double tuples)
{
	AttStatsSlot slot = {0};
	double		stated = column->distinct < 0 ? -column->distinct * tuples : column->distinct;
	bool		is_foreign_key;
	double		density,
				unused;

	column->values = stated > 0 ? stated : Max(1, tuples);
	/* values that the sample of 30,000 rows met three times were all met */
	if (column->distinct <= -0.999 || !statistics || number < 1 || stated * 3 < Min(tuples, 30000))
		return;
	if (get_attstatsslot(&slot, statistics, STATISTIC_KIND_HISTOGRAM, InvalidOid, ATTSTATSSLOT_VALUES) && slot.nvalues >= 10 &&
		as_number(slot.valuetype, slot.values[0], &unused))
	{
		density = density_by_foreign_key(heap, number, &is_foreign_key);
		spread_over_histogram(column, &slot, density, tuples);
		/* without a foreign key it is an upper bound, which is believed when it is near */
		if (is_foreign_key || column->parts_distinct + column->n_common <= 2.5 * stated)
			column->values = column->parts_distinct + column->n_common;
		else
			column->n_parts = 0;
	}
	free_attstatsslot(&slot);
}

/* Were these columns counted together? */
static bool
are_counted(const RelOptInfo *rel, const IndexOptInfo *info, int n)
{
	Bitmapset  *columns = NULL;
	ListCell   *cell;

	for (int i = 0; i < n; i++)
	{
		if (info->indexkeys[i] <= 0)
			return false;
		columns = bms_add_member(columns, info->indexkeys[i]);
	}
	foreach(cell, rel->statlist)
	{
		StatisticExtInfo *object = lfirst_node(StatisticExtInfo, cell);

		if (object->kind == STATS_EXT_NDISTINCT && bms_is_subset(columns, object->keys))
			return true;
	}
	return false;
}

/* Different values among so many of the column's rows: each value has its equal part of them. */
static double
among(const KeyColumn *column, double rows, double of_rows)
{
	double		share = Min(1, rows / Max(of_rows, 1));

	if (share >= 1)
		return column->values;
	return Max(1, column->values * (1 - pow(1 - share, Max(1, of_rows / Max(column->values, 1)))));
}

double
dbarch_distinct_keys(PlannerInfo *root, RelOptInfo *rel, KeySample *key, IndexOptInfo *info, int n, double tuples)
{
	double		product = 1;

	if (n > 1 && are_counted(rel, info, n))
	{
		List	   *keys = NIL;

		for (int i = 0; i < n; i++)
			keys = lappend(keys, ((TargetEntry *) list_nth(info->indextlist, i))->expr);
		return Max(1, Min(tuples, estimate_num_groups(root, keys, Max(tuples, 1), NULL, NULL)));
	}
	for (int i = 0; i < n; i++)
	{
		const KeyColumn *column = &key->columns[i];

		product *= among(column, tuples * (1 - column->nulls), rel->tuples * (1 - column->nulls_in_table)) + (n > 1 && column->nulls > 0);
	}
	if (n > 1)
		product *= 1 - exp(-tuples / Max(product, 1));
	return Max(1, Min(tuples, product));
}

/* Is a column never null where the predicate holds?  What is strict in it, or asks for it, says so. */
bool
dbarch_predicate_refuses_null(List *predicate, AttrNumber number)
{
	ListCell   *cell;

	foreach(cell, predicate)
	{
		Node	   *clause = lfirst(cell);
		List	   *arguments = NIL;
		ListCell   *argument;

		if (IsA(clause, NullTest) && ((NullTest *) clause)->nulltesttype == IS_NOT_NULL)
			arguments = list_make1(((NullTest *) clause)->arg);
		else if (IsA(clause, OpExpr) && func_strict(get_opcode(((OpExpr *) clause)->opno)))
			arguments = ((OpExpr *) clause)->args;
		else if (IsA(clause, ScalarArrayOpExpr) && func_strict(get_opcode(((ScalarArrayOpExpr *) clause)->opno)))
			arguments = list_make1(linitial(((ScalarArrayOpExpr *) clause)->args));
		foreach(argument, arguments)
		{
			Node	   *inner = lfirst(argument);

			if (inner && IsA(inner, RelabelType))
				inner = (Node *) ((RelabelType *) inner)->arg;
			if (inner && IsA(inner, Var) && ((Var *) inner)->varattno == number)
				return true;
		}
	}
	return false;
}

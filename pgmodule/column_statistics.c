/*-------------------------------------------------------------------------
 *
 * column_statistics.c
 *	  Statistics of one column or expression, from the texts that pg_stats and
 *	  pg_stats_ext_exprs show.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_statistic_ext_data.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "nodes/nodeFuncs.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "dbarch_twin.h"

PG_FUNCTION_INFO_V1(dbarch_set_column_statistics);
PG_FUNCTION_INFO_V1(dbarch_set_expression_statistics);

/* Arguments of both functions, in order. */
enum
{
	STAT_RELATION,				/* oid: of a table, of an index with expressions, of a statistics object */
	STAT_NUMBER,				/* int2: attribute, or number of the expression */
	STAT_INHERITED,				/* bool */
	STAT_NULLS,					/* float4 */
	STAT_WIDTH,					/* int4 */
	STAT_DISTINCT,				/* float4 */
	STAT_COMMON_VALUES,			/* text of an array, as pg_stats shows it; so below */
	STAT_COMMON_FREQUENCIES,	/* float4[] */
	STAT_HISTOGRAM,				/* text */
	STAT_CORRELATION,			/* float4 */
	STAT_COMMON_ELEMENTS,		/* text */
	STAT_ELEMENT_FREQUENCIES,	/* float4[] */
	STAT_ELEMENT_COUNTS,		/* float4[] */
	STAT_RANGE_LENGTHS,			/* text */
	STAT_RANGE_EMPTY,			/* float4 */
	STAT_RANGE_BOUNDS			/* text */
};

void
dbarch_begin_statistics(StatisticRow *row, Oid relid, int16 number, bool inherited, double nulls, double width, double distinct)
{
	row->slots = 0;
	memset(row->nulls, false, sizeof row->nulls);
	for (int i = 0; i < STATISTIC_NUM_SLOTS; i++)
	{
		row->values[Anum_pg_statistic_stakind1 - 1 + i] = Int16GetDatum(0);
		row->values[Anum_pg_statistic_staop1 - 1 + i] = ObjectIdGetDatum(InvalidOid);
		row->values[Anum_pg_statistic_stacoll1 - 1 + i] = ObjectIdGetDatum(InvalidOid);
		row->nulls[Anum_pg_statistic_stanumbers1 - 1 + i] = true;
		row->nulls[Anum_pg_statistic_stavalues1 - 1 + i] = true;
	}
	row->values[Anum_pg_statistic_starelid - 1] = ObjectIdGetDatum(relid);
	row->values[Anum_pg_statistic_staattnum - 1] = Int16GetDatum(number);
	row->values[Anum_pg_statistic_stainherit - 1] = BoolGetDatum(inherited);
	row->values[Anum_pg_statistic_stanullfrac - 1] = Float4GetDatum((float4) nulls);
	row->values[Anum_pg_statistic_stawidth - 1] = Int32GetDatum((int32) width);
	row->values[Anum_pg_statistic_stadistinct - 1] = Float4GetDatum((float4) distinct);
}

void
dbarch_add_slot(StatisticRow *row, int kind, Oid operator, Oid collation, Datum numbers, Datum values)
{
	int			i = row->slots;

	if (i >= STATISTIC_NUM_SLOTS)
		return;
	row->slots++;
	row->values[Anum_pg_statistic_stakind1 - 1 + i] = Int16GetDatum(kind);
	row->values[Anum_pg_statistic_staop1 - 1 + i] = ObjectIdGetDatum(operator);
	row->values[Anum_pg_statistic_stacoll1 - 1 + i] = ObjectIdGetDatum(collation);
	if (numbers)
	{
		row->values[Anum_pg_statistic_stanumbers1 - 1 + i] = numbers;
		row->nulls[Anum_pg_statistic_stanumbers1 - 1 + i] = false;
	}
	if (values)
	{
		row->values[Anum_pg_statistic_stavalues1 - 1 + i] = values;
		row->nulls[Anum_pg_statistic_stavalues1 - 1 + i] = false;
	}
}

/* The text of an array of that type, as an array. */
static Datum
values_of(FunctionCallInfo fcinfo, int argument, Oid type)
{
	char	   *literal = text_to_cstring(PG_GETARG_TEXT_PP(argument));

	Datum		array = OidFunctionCall3(F_ARRAY_IN, CStringGetDatum(literal), ObjectIdGetDatum(type), Int32GetDatum(-1));

	if (ARR_NDIM(DatumGetArrayTypeP(array)) != 1 || ARR_HASNULL(DatumGetArrayTypeP(array)))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("statistics must be one list without nulls")));
	return array;
}

/* The type and collation that ANALYZE takes for an expression of an index (examine_attribute): not those of its stored key. */
static void
take_expression(Relation index, int16 number, Oid *type, Oid *collation)
{
	List	   *expressions = RelationGetIndexExpressions(index);
	int			at = 0;
	Node	   *expression;

	for (int i = 0; i < number - 1; i++)
		at += index->rd_index->indkey.values[i] == 0;
	if (at >= list_length(expressions))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN), errmsg("index \"%s\" has no expression %d", RelationGetRelationName(index), number)));
	expression = list_nth(expressions, at);
	*type = exprType(expression);
	*collation = OidIsValid(index->rd_indcollation[number - 1]) ? index->rd_indcollation[number - 1] : exprCollation(expression);
}

/* The planner walks values and frequencies side by side: they must be as many, in one dimension, without nulls. */
static Datum
checked_numbers(Datum datum, Datum values, int more)
{
	ArrayType  *numbers = DatumGetArrayTypeP(datum);
	ArrayType  *array = DatumGetPointer(values) ? DatumGetArrayTypeP(values) : NULL;
	int			n = ArrayGetNItems(ARR_NDIM(numbers), ARR_DIMS(numbers));
	int			wanted = array ? ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)) : n;

	if (ARR_NDIM(numbers) != 1 || ARR_HASNULL(numbers) || ARR_ELEMTYPE(numbers) != FLOAT4OID || (array && (ARR_NDIM(array) != 1 || ARR_HASNULL(array))) ||
		n < wanted || n > wanted + more)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%d frequencies for %d values", n, wanted)));
	return PointerGetDatum(numbers);
}

static Datum
one_number(float4 number)
{
	Datum		value = Float4GetDatum(number);

	return PointerGetDatum(construct_array(&value, 1, FLOAT4OID, sizeof(float4), true, TYPALIGN_INT));
}

/*
 * One row of pg_statistic from what pg_stats shows, with the slots, operators and
 * collations that ANALYZE gives to the type (std_typanalyze, array_typanalyze,
 * ts_typanalyze, range_typanalyze).
 */
static void
read_row(FunctionCallInfo fcinfo, Oid relid, int16 number, bool inherited, Oid type, Oid collation, StatisticRow *row)
{
	Oid			base = getBaseType(type);
	TypeCacheEntry *cache = lookup_type_cache(type, TYPECACHE_LT_OPR | TYPECACHE_EQ_OPR);

	dbarch_begin_statistics(row, relid, number, inherited, PG_ARGISNULL(STAT_NULLS) ? 0 : PG_GETARG_FLOAT4(STAT_NULLS),
							PG_ARGISNULL(STAT_WIDTH) ? 0 : PG_GETARG_INT32(STAT_WIDTH), PG_ARGISNULL(STAT_DISTINCT) ? 0 : PG_GETARG_FLOAT4(STAT_DISTINCT));
	if (!PG_ARGISNULL(STAT_COMMON_VALUES) && !PG_ARGISNULL(STAT_COMMON_FREQUENCIES))
	{
		Datum		values = values_of(fcinfo, STAT_COMMON_VALUES, type);

		dbarch_add_slot(row, STATISTIC_KIND_MCV, cache->eq_opr, collation, checked_numbers(PG_GETARG_DATUM(STAT_COMMON_FREQUENCIES), values, 0), values);
	}
	if (!PG_ARGISNULL(STAT_HISTOGRAM))
		dbarch_add_slot(row, STATISTIC_KIND_HISTOGRAM, cache->lt_opr, collation, 0, values_of(fcinfo, STAT_HISTOGRAM, type));
	if (!PG_ARGISNULL(STAT_CORRELATION))
		dbarch_add_slot(row, STATISTIC_KIND_CORRELATION, cache->lt_opr, collation, one_number(PG_GETARG_FLOAT4(STAT_CORRELATION)), 0);
	if (!PG_ARGISNULL(STAT_COMMON_ELEMENTS) && !PG_ARGISNULL(STAT_ELEMENT_FREQUENCIES))
	{
		Oid			element = base == TSVECTOROID ? TEXTOID : get_base_element_type(base);
		Oid			operator = OidIsValid(element) ? lookup_type_cache(element, TYPECACHE_EQ_OPR)->eq_opr : InvalidOid;

		if (OidIsValid(element))
		{
			Datum		values = values_of(fcinfo, STAT_COMMON_ELEMENTS, element);

			/* behind the frequencies stand their least, their greatest, and that of null */
			dbarch_add_slot(row, STATISTIC_KIND_MCELEM, operator, base == TSVECTOROID ? DEFAULT_COLLATION_OID : collation,
					 checked_numbers(PG_GETARG_DATUM(STAT_ELEMENT_FREQUENCIES), values, 3), values);
		}
		if (OidIsValid(element) && !PG_ARGISNULL(STAT_ELEMENT_COUNTS))
			dbarch_add_slot(row, STATISTIC_KIND_DECHIST, operator, collation, checked_numbers(PG_GETARG_DATUM(STAT_ELEMENT_COUNTS), 0, 0), 0);
	}
	if (!PG_ARGISNULL(STAT_RANGE_BOUNDS))
	{
		Oid			range = type_is_multirange(base) ? get_multirange_range(base) : base;

		dbarch_add_slot(row, STATISTIC_KIND_BOUNDS_HISTOGRAM, InvalidOid, InvalidOid, 0, values_of(fcinfo, STAT_RANGE_BOUNDS, range));
	}
	if (!PG_ARGISNULL(STAT_RANGE_EMPTY))
		dbarch_add_slot(row, STATISTIC_KIND_RANGE_LENGTH_HISTOGRAM, Float8LessOperator, InvalidOid, one_number(PG_GETARG_FLOAT4(STAT_RANGE_EMPTY)),
				 PG_ARGISNULL(STAT_RANGE_LENGTHS) ? 0 : values_of(fcinfo, STAT_RANGE_LENGTHS, FLOAT8OID));
}

/* dbarch_twin.set_column_statistics(...): of a column, or of an expression of an index. */
Datum
dbarch_set_column_statistics(PG_FUNCTION_ARGS)
{
	Oid			relid = PG_GETARG_OID(STAT_RELATION);
	int16		number = PG_GETARG_INT16(STAT_NUMBER);
	bool		inherited = PG_GETARG_BOOL(STAT_INHERITED);
	StatisticRow row;
	HeapTuple	attribute;
	HeapTuple	old;
	Oid			type;
	Oid			collation;
	Relation	catalog;
	Relation	rel;
	Caller		caller;

	dbarch_require_superuser();
	rel = relation_open(relid, AccessShareLock);
	caller = dbarch_become_owner(rel);
	attribute = SearchSysCache2(ATTNUM, ObjectIdGetDatum(relid), Int16GetDatum(number));
	if (!HeapTupleIsValid(attribute))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN), errmsg("relation %u has no column %d", relid, number)));
	type = ((Form_pg_attribute) GETSTRUCT(attribute))->atttypid;
	collation = ((Form_pg_attribute) GETSTRUCT(attribute))->attcollation;
	ReleaseSysCache(attribute);
	if (rel->rd_rel->relkind == RELKIND_INDEX && rel->rd_index->indkey.values[number - 1] == 0)
		take_expression(rel, number, &type, &collation);
	read_row(fcinfo, relid, number, inherited, type, collation, &row);
	dbarch_become_caller(caller);
	relation_close(rel, NoLock);

	catalog = table_open(StatisticRelationId, RowExclusiveLock);
	old = SearchSysCacheCopy3(STATRELATTINH, ObjectIdGetDatum(relid), Int16GetDatum(number), BoolGetDatum(inherited));
	if (HeapTupleIsValid(old))
	{
		CatalogTupleDelete(catalog, &old->t_self);
		heap_freetuple(old);
		CommandCounterIncrement();
	}
	CatalogTupleInsert(catalog, heap_form_tuple(RelationGetDescr(catalog), row.values, row.nulls));
	table_close(catalog, RowExclusiveLock);
	PG_RETURN_VOID();
}

/*
 * dbarch_twin.set_expression_statistics(...): of an expression of a statistics
 * object, by its number from 1.  They stand in an array of rows of pg_statistic
 * in the object's data (serialize_expr_stats, extended_stats.c), empty ones where nothing is known.
 */
Datum
dbarch_set_expression_statistics(PG_FUNCTION_ARGS)
{
	Oid			object = PG_GETARG_OID(STAT_RELATION);
	int			number = PG_GETARG_INT16(STAT_NUMBER);
	Oid			row_type = get_rel_type_id(StatisticRelationId);
	Relation	statistics = table_open(StatisticRelationId, AccessShareLock);
	List	   *expressions;
	Node	   *expression;
	Relation	rel;
	Caller		caller;
	StatisticRow row;
	Datum	   *rows;
	bool	   *nulls;
	Datum		old;
	int			n;

	dbarch_require_superuser();
	rel = dbarch_open_statistics_object(object, &expressions);
	if (number < 1 || number > list_length(expressions))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN), errmsg("statistics object %u has no expression %d", object, number)));
	expression = list_nth(expressions, number - 1);
	caller = dbarch_become_owner(rel);
	read_row(fcinfo, InvalidOid, InvalidAttrNumber, false, exprType(expression), exprCollation(expression), &row);
	dbarch_become_caller(caller);

	n = list_length(expressions);
	rows = palloc0(sizeof(Datum) * n);
	nulls = palloc0(sizeof(bool) * n);
	for (int i = 0; i < n; i++) /* the planner looks at every row without asking whether there is one (statext_expressions_load) */
	{
		StatisticRow none;

		dbarch_begin_statistics(&none, InvalidOid, InvalidAttrNumber, false, 0, 0, 0);
		rows[i] = heap_copy_tuple_as_datum(heap_form_tuple(RelationGetDescr(statistics), none.values, none.nulls), RelationGetDescr(statistics));
	}
	old = dbarch_statistics_data(object, rel, Anum_pg_statistic_ext_data_stxdexpr);
	if (old)
	{
		Datum	   *old_rows;
		bool	   *old_nulls;
		int			n_old;

		deconstruct_array(DatumGetArrayTypeP(old), row_type, -1, false, TYPALIGN_DOUBLE, &old_rows, &old_nulls, &n_old);
		for (int i = 0; i < Min(n, n_old); i++)
			if (!old_nulls[i])
				rows[i] = old_rows[i];
	}
	rows[number - 1] = heap_copy_tuple_as_datum(heap_form_tuple(RelationGetDescr(statistics), row.values, row.nulls), RelationGetDescr(statistics));
	dbarch_put_statistics_data(object, rel, Anum_pg_statistic_ext_data_stxdexpr,
							   PointerGetDatum(construct_md_array(rows, nulls, 1, &n, &(int){1}, row_type, -1, false, TYPALIGN_DOUBLE)));
	relation_close(rel, NoLock);
	table_close(statistics, AccessShareLock);
	PG_RETURN_VOID();
}

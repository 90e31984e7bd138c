/*-------------------------------------------------------------------------
 *
 * extended_statistics.c
 *	  Statistics of several columns, from the text that pg_stats_ext shows.
 *
 * The types pg_ndistinct and pg_dependencies have no input, and column numbers
 * of the subject are not those of the twin: here the texts are read, numbers
 * translated, and core's own functions make the stored form (mvdistinct.c,
 * dependencies.c, mcv.c).  Expressions have the numbers -1, -2 ... there and here.
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
#include "catalog/pg_statistic_ext.h"
#include "catalog/pg_statistic_ext_data.h"
#include "catalog/pg_type.h"
#include "commands/vacuum.h"
#include "fmgr.h"
#include "nodes/nodeFuncs.h"
#include "statistics/extended_stats_internal.h"
#include "statistics/statistics.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "dbarch_twin.h"

PG_FUNCTION_INFO_V1(dbarch_set_extended_statistics);

/* Arguments, in order. */
enum
{
	ARG_OBJECT,					/* oid of pg_statistic_ext */
	ARG_OLD_NUMBERS,			/* int2[]: columns of the subject's table ... */
	ARG_NEW_NUMBERS,			/* int2[]: ... and of the twin's */
	ARG_DISTINCT,				/* text of a pg_ndistinct */
	ARG_DEPENDENCIES,			/* text of a pg_dependencies */
	ARG_VALUES,					/* text[][]: most common combinations */
	ARG_NULLS,					/* bool[][] */
	ARG_FREQUENCIES,			/* float8[] */
	ARG_BASE_FREQUENCIES		/* float8[] */
};

typedef struct Numbers
{
	int			n;
	int16	   *from;
	int16	   *to;
	int			n_expressions;
	const int2vector *keys;		/* columns of the object */
} Numbers;

static void malformed(const char *text) __attribute__((noreturn));

static void
malformed(const char *text)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION), errmsg("malformed statistics: \"%s\"", text)));
}

/* The elements of a one-dimensional array of int2 without nulls. */
static int16 *
numbers_of(ArrayType *array, int *n)
{
	if (ARR_NDIM(array) > 1 || ARR_HASNULL(array) || ARR_ELEMTYPE(array) != INT2OID)
		malformed("numbers of columns");
	*n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	return (int16 *) ARR_DATA_PTR(array);
}

static int16
own_number(const Numbers *numbers, long old)
{
	if (old < 0 && old >= -numbers->n_expressions)
		return old;				/* an expression */
	for (int i = 0; i < numbers->n; i++)
		for (int k = 0; numbers->from[i] == old && k < numbers->keys->dim1; k++)
			if (numbers->keys->values[k] == numbers->to[i])
				return numbers->to[i];
	ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN), errmsg("statistics of a column %ld that is not there", old)));
}

/* Attribute numbers up to `end`, which may be the quote or "=>"; returns how many. */
static int
read_attributes(const char **at, const Numbers *numbers, AttrNumber *attributes, const char *text)
{
	int			n = 0;

	for (;;)
	{
		char	   *rest;
		long		number = strtol(*at, &rest, 10);

		if (rest == *at || n >= STATS_MAX_DIMENSIONS)
			malformed(text);
		attributes[n++] = own_number(numbers, number);
		*at = rest;
		if (**at != ',')
			return n;
		(*at)++;
	}
}

static const char *
expect(const char *at, const char *token, const char *text)
{
	while (*at == ' ')
		at++;
	if (strncmp(at, token, strlen(token)) != 0)
		malformed(text);
	return at + strlen(token);
}

static double
read_number(const char **at, const char *text)
{
	char	   *rest;
	double		value = strtod(*at, &rest);

	if (rest == *at)
		malformed(text);
	*at = rest;
	return value;
}

/* {"1, 2": 30, "1, 3": 40} */
static bytea *
read_distinct(const char *text, const Numbers *numbers)
{
	int			room = 1 << STATS_MAX_DIMENSIONS;
	MVNDistinct *result = palloc0(offsetof(MVNDistinct, items) + room * sizeof(MVNDistinctItem));
	const char *at = expect(text, "{", text);

	result->magic = STATS_NDISTINCT_MAGIC;
	result->type = STATS_NDISTINCT_TYPE_BASIC;
	for (;;)
	{
		MVNDistinctItem *item = &result->items[result->nitems];

		if (result->nitems >= room)
			malformed(text);
		item->attributes = palloc(sizeof(AttrNumber) * STATS_MAX_DIMENSIONS);
		at = expect(at, "\"", text);
		item->nattributes = read_attributes(&at, numbers, item->attributes, text);
		at = expect(at, "\"", text);
		at = expect(at, ":", text);
		item->ndistinct = read_number(&at, text);
		if (item->nattributes < 2)
			malformed(text);
		result->nitems++;
		if (*at != ',')
			break;
		at++;
	}
	expect(at, "}", text);
	/* the planner looks for every combination, and ends when one is missing */
	if (result->nitems != (1 << (numbers->keys->dim1 + numbers->n_expressions)) - numbers->keys->dim1 - numbers->n_expressions - 1)
		malformed(text);
	return statext_ndistinct_serialize(result);
}

/* {"1 => 2": 0.5, "1, 3 => 2": 1.0} */
static bytea *
read_dependencies(const char *text, const Numbers *numbers)
{
	int			room = STATS_MAX_DIMENSIONS << STATS_MAX_DIMENSIONS;
	MVDependencies *result = palloc0(offsetof(MVDependencies, deps) + room * sizeof(MVDependency *));
	const char *at = expect(text, "{", text);

	result->magic = STATS_DEPS_MAGIC;
	result->type = STATS_DEPS_TYPE_BASIC;
	for (;;)
	{
		MVDependency *item = palloc0(offsetof(MVDependency, attributes) + STATS_MAX_DIMENSIONS * sizeof(AttrNumber));
		AttrNumber	implied[STATS_MAX_DIMENSIONS];
		int			n;

		if (result->ndeps >= room)
			malformed(text);
		at = expect(at, "\"", text);
		n = read_attributes(&at, numbers, item->attributes, text);
		at = expect(at, "=>", text);
		if (n >= STATS_MAX_DIMENSIONS || read_attributes(&at, numbers, implied, text) != 1)
			malformed(text);
		item->attributes[n] = implied[0];
		item->nattributes = n + 1;
		at = expect(at, "\"", text);
		at = expect(at, ":", text);
		item->degree = read_number(&at, text);
		result->deps[result->ndeps++] = item;
		if (*at != ',')
			break;
		at++;
	}
	expect(at, "}", text);
	return statext_dependencies_serialize(result);
}

/* A column or an expression of the twin, as the list of common values wants it described. */
static VacAttrStats *
describe(Oid type_oid, int32 typmod, Oid collation, AttrNumber number)
{
	VacAttrStats *column = palloc0(sizeof(VacAttrStats));
	HeapTuple	type = SearchSysCacheCopy1(TYPEOID, ObjectIdGetDatum(type_oid));

	if (!HeapTupleIsValid(type))
		elog(ERROR, "cache lookup failed for type %u", type_oid);
	column->attrtypid = type_oid;
	column->attrtypmod = typmod;
	column->attrcollid = collation;
	column->tupattnum = number;
	column->attrtype = (Form_pg_type) GETSTRUCT(type);
	return column;
}

static VacAttrStats *
describe_column(Oid relation, AttrNumber number)
{
	Oid			type;
	int32		typmod;
	Oid			collation;

	if (!SearchSysCacheExists2(ATTNUM, ObjectIdGetDatum(relation), Int16GetDatum(number)))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN), errmsg("relation %u has no column %d", relation, number)));
	get_atttypetypmodcoll(relation, number, &type, &typmod, &collation);
	return describe(type, typmod, collation, number);
}

static void
read_array(ArrayType *array, Oid type, int length, bool by_value, char align, Datum **values, bool **nulls, int *n)
{
	if (ARR_ELEMTYPE(array) != type)
		malformed("an array of another type");
	deconstruct_array(array, type, length, by_value, align, values, nulls, n);
}

static bytea *
read_common_values(FunctionCallInfo fcinfo, Oid relation, const int2vector *keys, const List *expressions)
{
	int			dimensions = keys->dim1 + list_length(expressions);
	int			n_values,
				n_nulls,
				n_frequencies,
				n_base;
	Datum	   *values,
			   *is_null,
			   *frequencies,
			   *base;
	bool	   *missing,
			   *ignored;
	VacAttrStats *columns[STATS_MAX_DIMENSIONS];
	MCVList    *list;

	read_array(PG_GETARG_ARRAYTYPE_P(ARG_VALUES), TEXTOID, -1, false, TYPALIGN_INT, &values, &missing, &n_values);
	read_array(PG_GETARG_ARRAYTYPE_P(ARG_NULLS), BOOLOID, 1, true, TYPALIGN_CHAR, &is_null, &ignored, &n_nulls);
	read_array(PG_GETARG_ARRAYTYPE_P(ARG_FREQUENCIES), FLOAT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &frequencies, &ignored, &n_frequencies);
	read_array(PG_GETARG_ARRAYTYPE_P(ARG_BASE_FREQUENCIES), FLOAT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &base, &ignored, &n_base);
	if (dimensions < 2 || dimensions > STATS_MAX_DIMENSIONS || n_frequencies < 1 || n_frequencies > STATS_MCVLIST_MAX_ITEMS ||
		n_base != n_frequencies || n_nulls != n_values || n_values != n_frequencies * dimensions)
		malformed("most common combinations");
	list = palloc0(offsetof(MCVList, items) + n_frequencies * sizeof(MCVItem));
	list->magic = STATS_MCV_MAGIC;
	list->type = STATS_MCV_TYPE_BASIC;
	list->nitems = n_frequencies;
	list->ndimensions = dimensions;
	for (int d = 0; d < dimensions; d++)
	{
		if (d < keys->dim1)
			columns[d] = describe_column(relation, keys->values[d]);
		else
		{
			const Node *expression = list_nth(expressions, d - keys->dim1);

			columns[d] = describe(exprType(expression), exprTypmod(expression), exprCollation(expression), InvalidAttrNumber);
		}
		list->types[d] = columns[d]->attrtypid;
	}
	for (int i = 0; i < n_frequencies; i++)
	{
		MCVItem    *item = &list->items[i];

		item->frequency = DatumGetFloat8(frequencies[i]);
		item->base_frequency = DatumGetFloat8(base[i]);
		item->isnull = palloc0(sizeof(bool) * dimensions);
		item->values = palloc0(sizeof(Datum) * dimensions);
		for (int d = 0; d < dimensions; d++)
		{
			Oid			input;
			Oid			parameter;

			item->isnull[d] = DatumGetBool(is_null[i * dimensions + d]);
			if (item->isnull[d])
				continue;
			if (missing[i * dimensions + d])
				malformed("most common combinations");
			getTypeInputInfo(columns[d]->attrtypid, &input, &parameter);
			item->values[d] = OidInputFunctionCall(input, TextDatumGetCString(values[i * dimensions + d]), parameter, columns[d]->attrtypmod);
		}
	}
	return statext_mcv_serialize(list, columns);
}

/* The table that a statistics object is of, locked, and the object's expressions. */
Relation
dbarch_open_statistics_object(Oid object, List **expressions)
{
	HeapTuple	definition = SearchSysCache1(STATEXTOID, ObjectIdGetDatum(object));
	Relation	rel;
	bool		none;
	Datum		stored;

	if (!HeapTupleIsValid(definition))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("there is no statistics object %u", object)));
	rel = relation_open(((Form_pg_statistic_ext) GETSTRUCT(definition))->stxrelid, AccessShareLock);
	stored = SysCacheGetAttr(STATEXTOID, definition, Anum_pg_statistic_ext_stxexprs, &none);
	*expressions = none ? NIL : castNode(List, stringToNode(TextDatumGetCString(stored)));
	ReleaseSysCache(definition);
	return rel;
}

static HeapTuple
data_of(Oid object, Relation rel)
{
	return SearchSysCacheCopy2(STATEXTDATASTXOID, ObjectIdGetDatum(object), BoolGetDatum(rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE));
}

/* One field of the object's data; 0 when it is null or there are none. */
Datum
dbarch_statistics_data(Oid object, Relation rel, AttrNumber field)
{
	HeapTuple	data = data_of(object, rel);
	bool		null = true;
	Datum		value = HeapTupleIsValid(data) ? SysCacheGetAttr(STATEXTDATASTXOID, data, field, &null) : (Datum) 0;

	return null ? (Datum) 0 : value;
}

/* Puts fields into the object's data, with what it held beside them. */
static void
put_fields(Oid object, Relation rel, Datum *values, bool *nulls, bool *replace)
{
	Relation	catalog = table_open(StatisticExtDataRelationId, RowExclusiveLock);
	HeapTuple	old = data_of(object, rel);
	bool		inherited = rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE;

	if (HeapTupleIsValid(old))
	{
		HeapTuple	new = heap_modify_tuple(old, RelationGetDescr(catalog), values, nulls, replace);

		CatalogTupleUpdate(catalog, &old->t_self, new);
	}
	else
	{
		values[Anum_pg_statistic_ext_data_stxoid - 1] = ObjectIdGetDatum(object);
		nulls[Anum_pg_statistic_ext_data_stxoid - 1] = false;
		values[Anum_pg_statistic_ext_data_stxdinherit - 1] = BoolGetDatum(inherited);
		nulls[Anum_pg_statistic_ext_data_stxdinherit - 1] = false;
		CatalogTupleInsert(catalog, heap_form_tuple(RelationGetDescr(catalog), values, nulls));
	}
	table_close(catalog, RowExclusiveLock);
	CommandCounterIncrement();
	CacheInvalidateRelcache(rel);
}

void
dbarch_put_statistics_data(Oid object, Relation rel, AttrNumber field, Datum value)
{
	Datum		values[Natts_pg_statistic_ext_data] = {0};
	bool		nulls[Natts_pg_statistic_ext_data];
	bool		replace[Natts_pg_statistic_ext_data] = {0};

	memset(nulls, true, sizeof nulls);
	values[field - 1] = value;
	nulls[field - 1] = false;
	replace[field - 1] = true;
	put_fields(object, rel, values, nulls, replace);
}

/*
 * dbarch_twin.set_extended_statistics(...)
 */
Datum
dbarch_set_extended_statistics(PG_FUNCTION_ARGS)
{
	Oid			object = PG_GETARG_OID(ARG_OBJECT);
	Datum		values[Natts_pg_statistic_ext_data] = {0};
	bool		nulls[Natts_pg_statistic_ext_data];
	bool		replace[Natts_pg_statistic_ext_data] = {0};
	List	   *expressions;
	HeapTuple	definition;
	Numbers		numbers;
	Relation	rel;
	Caller		caller;
	int			n_to;

	dbarch_require_superuser();
	rel = dbarch_open_statistics_object(object, &expressions);
	numbers.from = numbers_of(PG_GETARG_ARRAYTYPE_P(ARG_OLD_NUMBERS), &numbers.n);
	numbers.to = numbers_of(PG_GETARG_ARRAYTYPE_P(ARG_NEW_NUMBERS), &n_to);
	if (n_to != numbers.n)
		malformed("numbers of columns");
	numbers.n_expressions = list_length(expressions);
	definition = SearchSysCache1(STATEXTOID, ObjectIdGetDatum(object));
	numbers.keys = &((Form_pg_statistic_ext) GETSTRUCT(definition))->stxkeys;
	caller = dbarch_become_owner(rel);
	memset(nulls, true, sizeof nulls);
	if (!PG_ARGISNULL(ARG_DISTINCT))
	{
		values[Anum_pg_statistic_ext_data_stxdndistinct - 1] = PointerGetDatum(read_distinct(text_to_cstring(PG_GETARG_TEXT_PP(ARG_DISTINCT)), &numbers));
		nulls[Anum_pg_statistic_ext_data_stxdndistinct - 1] = false;
	}
	if (!PG_ARGISNULL(ARG_DEPENDENCIES))
	{
		values[Anum_pg_statistic_ext_data_stxddependencies - 1] = PointerGetDatum(read_dependencies(text_to_cstring(PG_GETARG_TEXT_PP(ARG_DEPENDENCIES)), &numbers));
		nulls[Anum_pg_statistic_ext_data_stxddependencies - 1] = false;
	}
	if (!PG_ARGISNULL(ARG_VALUES) && !PG_ARGISNULL(ARG_NULLS) && !PG_ARGISNULL(ARG_FREQUENCIES) && !PG_ARGISNULL(ARG_BASE_FREQUENCIES))
	{
		values[Anum_pg_statistic_ext_data_stxdmcv - 1] = PointerGetDatum(read_common_values(fcinfo, RelationGetRelid(rel), numbers.keys, expressions));
		nulls[Anum_pg_statistic_ext_data_stxdmcv - 1] = false;
	}
	dbarch_become_caller(caller);
	for (int i = 0; i < Natts_pg_statistic_ext_data; i++)
		replace[i] = !nulls[i];
	put_fields(object, rel, values, nulls, replace);
	relation_close(rel, NoLock);
	ReleaseSysCache(definition);
	PG_RETURN_VOID();
}

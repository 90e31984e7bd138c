/*-------------------------------------------------------------------------
 *
 * dbarch_twin.h
 *	  Shared by the parts of the twin module.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBARCH_TWIN_H
#define DBARCH_TWIN_H

#include "catalog/pg_statistic.h"
#include "utils/rel.h"

/* Who called, while the owner of a relation stands in. */
typedef struct Caller
{
	Oid			user;
	int			context;
	int			nest_level;
} Caller;

/* For what writes into a twin. */
extern void dbarch_require_superuser(void);
/*
 * Input functions, checks of domains, comparisons and expressions may be of the
 * subject's own making: they run as the owner of the relation, restricted as
 * under ANALYZE, and an owner with power is refused.
 */
extern Caller dbarch_become_owner(Relation rel);
extern void dbarch_become_caller(Caller caller);

/* The rows that the planner takes a table for. */
extern double dbarch_tuples_of(Oid relid);

/* A row of pg_statistic in the making. */
typedef struct StatisticRow
{
	Datum		values[Natts_pg_statistic];
	bool		nulls[Natts_pg_statistic];
	int			slots;
} StatisticRow;

extern void dbarch_begin_statistics(StatisticRow *row, Oid relid, int16 number, bool inherited, double nulls, double width, double distinct);
/* numbers, values: arrays, or 0. */
extern void dbarch_add_slot(StatisticRow *row, int kind, Oid operator, Oid collation, Datum numbers, Datum values);

/* The table that a statistics object is of, locked, and the object's expressions. */
extern Relation dbarch_open_statistics_object(Oid object, List **expressions);
/* One field of the object's pg_statistic_ext_data, that of all partitions where there are some; 0: it is null. */
extern Datum dbarch_statistics_data(Oid object, Relation rel, AttrNumber field);
extern void dbarch_put_statistics_data(Oid object, Relation rel, AttrNumber field, Datum value);

#endif

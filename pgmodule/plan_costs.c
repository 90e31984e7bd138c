/*-------------------------------------------------------------------------
 *
 * plan_costs.c
 *	  Costs of many plans in one call.
 *
 * Statements are parsed and rewritten once and kept by number, as prepared
 * statements are; each is planned anew for every set of hypothetical indexes.
 * No plan is kept and nothing is run.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/plannodes.h"
#include "rewrite/rewriteHandler.h"
#include "tcop/tcopprot.h"
#include "tcop/utility.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/snapmgr.h"

#include "hypothetical.h"

PG_FUNCTION_INFO_V1(dbarch_keep_statement);
PG_FUNCTION_INFO_V1(dbarch_drop_statement);
PG_FUNCTION_INFO_V1(dbarch_plan_costs);

typedef struct Statement
{
	int			id;				/* hash key */
	CachedPlanSource *source;
} Statement;

static HTAB *statements = NULL;
static int	last_statement = 0;

/* Parsed and rewritten; the parts of core that watch prepared statements mark it invalid when its tables change. */
static CachedPlanSource *
analyse(const char *text)
{
	List	   *parsed = pg_parse_query(text);
	RawStmt    *raw;
	CachedPlanSource *source;
	Oid		   *types = NULL;
	int			n_types = 0;
	List	   *queries;
	ListCell   *cell;

	if (list_length(parsed) != 1)
		ereport(ERROR, (errcode(ERRCODE_SYNTAX_ERROR), errmsg("one statement is wanted")));
	raw = linitial_node(RawStmt, parsed);
	source = CreateCachedPlan(raw, text, CreateCommandTag(raw->stmt));
	queries = pg_analyze_and_rewrite_varparams(raw, text, &types, &n_types, NULL);
	foreach(cell, queries)
		if (lfirst_node(Query, cell)->commandType == CMD_UTILITY)
			ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("a statement without a plan")));
	CompleteCachedPlan(source, queries, NULL, types, n_types, NULL, NULL, CURSOR_OPT_PARALLEL_OK, true);
	SaveCachedPlan(source);
	return source;
}

/* dbarch_twin.keep_statement(text): its number. */
Datum
dbarch_keep_statement(PG_FUNCTION_ARGS)
{
	HASHCTL		control = {.keysize = sizeof(int),.entrysize = sizeof(Statement)};
	CachedPlanSource *source = analyse(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	int			id = last_statement + 1;
	Statement  *statement;

	if (!statements)
		statements = hash_create("dbarch statements", 256, &control, HASH_ELEM | HASH_BLOBS);
	statement = hash_search(statements, &id, HASH_ENTER, NULL);
	statement->source = source;
	last_statement = id;
	PG_RETURN_INT32(id);
}

static Statement *
find_statement(int id)
{
	Statement  *statement = statements ? hash_search(statements, &id, HASH_FIND, NULL) : NULL;

	if (!statement)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_PSTATEMENT), errmsg("there is no statement %d", id)));
	return statement;
}

/* dbarch_twin.drop_statement(number) */
Datum
dbarch_drop_statement(PG_FUNCTION_ARGS)
{
	int			id = PG_GETARG_INT32(0);

	DropCachedPlan(find_statement(id)->source);
	hash_search(statements, &id, HASH_REMOVE, NULL);
	PG_RETURN_VOID();
}

/* The queries of a statement, ours to plan, with their tables locked.  One that was made before its tables changed is made again. */
static List *
take_queries(Statement *statement)
{
	for (;;)
	{
		List	   *queries;
		ListCell   *cell;

		if (!statement->source->is_valid)
		{
			CachedPlanSource *fresh = analyse(statement->source->query_string);

			DropCachedPlan(statement->source);
			statement->source = fresh;
		}
		queries = copyObject(statement->source->query_list);
		foreach(cell, queries)
			AcquireRewriteLocks(lfirst_node(Query, cell), false, false);
		if (statement->source->is_valid)	/* nothing was heard while the locks were taken */
			return queries;
	}
}

typedef struct Used
{
	List	   *registrations;	/* of int */
	List	   *indexes;		/* of Oid: real ones */
} Used;

static void
use(Used *used, Oid index)
{
	int			registration = dbarch_registration_of(index);

	if (registration)
		used->registrations = list_append_unique_int(used->registrations, registration);
	else
		used->indexes = list_append_unique_oid(used->indexes, index);
}

static void collect(Used *used, const Plan *plan);

static void
collect_all(Used *used, List *plans)
{
	ListCell   *cell;

	foreach(cell, plans)
		collect(used, lfirst(cell));
}

/* The indexes that a plan reads. */
static void
collect(Used *used, const Plan *plan)
{
	if (!plan)
		return;
	check_stack_depth();
	switch (nodeTag(plan))
	{
		case T_IndexScan:
			use(used, ((const IndexScan *) plan)->indexid);
			break;
		case T_IndexOnlyScan:
			use(used, ((const IndexOnlyScan *) plan)->indexid);
			break;
		case T_BitmapIndexScan:
			use(used, ((const BitmapIndexScan *) plan)->indexid);
			break;
		case T_Append:
			collect_all(used, ((const Append *) plan)->appendplans);
			break;
		case T_MergeAppend:
			collect_all(used, ((const MergeAppend *) plan)->mergeplans);
			break;
		case T_BitmapAnd:
			collect_all(used, ((const BitmapAnd *) plan)->bitmapplans);
			break;
		case T_BitmapOr:
			collect_all(used, ((const BitmapOr *) plan)->bitmapplans);
			break;
		case T_SubqueryScan:
			collect(used, ((const SubqueryScan *) plan)->subplan);
			break;
		case T_CustomScan:
			collect_all(used, ((const CustomScan *) plan)->custom_plans);
			break;
		default:
			break;
	}
	collect(used, plan->lefttree);
	collect(used, plan->righttree);
}

static double
plan_once(Statement *statement, Used *used)
{
	List	   *queries = take_queries(statement);
	double		cost = 0;
	ListCell   *cell;

	foreach(cell, queries)
	{
		PlannedStmt *planned = pg_plan_query(lfirst_node(Query, cell), statement->source->query_string, CURSOR_OPT_PARALLEL_OK, NULL);

		if (!planned)
			continue;
		cost += planned->planTree->total_cost;
		collect(used, planned->planTree);
		collect_all(used, planned->subplans);
	}
	return cost;
}

static Datum
int_array(List *list, bool oids)
{
	int			n = list_length(list);
	Datum	   *values = palloc(sizeof(Datum) * Max(n, 1));

	for (int i = 0; i < n; i++)
		values[i] = oids ? ObjectIdGetDatum(list_nth_oid(list, i)) : Int32GetDatum(list_nth_int(list, i));
	return PointerGetDatum(construct_array(values, n, oids ? OIDOID : INT4OID, 4, true, TYPALIGN_INT));
}

static void
answer(const int *requests, int n, ReturnSetInfo *result)
{
	MemoryContext once = AllocSetContextCreate(CurrentMemoryContext, "dbarch plan", ALLOCSET_DEFAULT_SIZES);
	int			at = 0;

	while (at < n)
	{
		MemoryContext old = MemoryContextSwitchTo(once);
		Statement  *statement = find_statement(requests[at]);
		int			count = at + 1 < n ? requests[at + 1] : -1;
		Used		used = {NIL, NIL};
		Datum		values[3];
		bool		nulls[3] = {false, false, false};

		CHECK_FOR_INTERRUPTS();
		if (count < 0 || count > n - at - 2)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("requests: the list ends within request %d", at)));
		dbarch_use_registrations(requests + at + 2, count);
		values[0] = Float8GetDatum(plan_once(statement, &used));
		values[1] = int_array(used.registrations, false);
		values[2] = int_array(used.indexes, true);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		at += 2 + count;
		MemoryContextSwitchTo(old);
		MemoryContextReset(once);
	}
	MemoryContextDelete(once);
}

/*
 * dbarch_twin.plan_costs(requests): cost, hypothetical indexes used, real ones
 * used, one row a request.  A request is the number of a statement, how many
 * registrations it is planned with, and their ids.
 */
Datum
dbarch_plan_costs(PG_FUNCTION_ARGS)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P_COPY(0);
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	if (ARR_HASNULL(array) || ARR_ELEMTYPE(array) != INT4OID)
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("requests must not be null")));
	InitMaterializedSRF(fcinfo, 0);
	PG_TRY();
	{
		answer((const int *) ARR_DATA_PTR(array), ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)), result);
	}
	PG_FINALLY();
	{
		dbarch_use_session_set();
	}
	PG_END_TRY();
	return (Datum) 0;
}

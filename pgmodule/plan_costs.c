/*-------------------------------------------------------------------------
 *
 * plan_costs.c
 *	  Costs of many plans in one call.
 *
 * Statements are parsed and rewritten once and kept by number, as prepared
 * statements are, and planned for sets of hypothetical indexes; nothing is run.
 *
 * Of a set, most indexes have nothing to do with a statement: no path through
 * them is ever costed.  That hangs on the statement and the index, not on the
 * rest of the set, so it is learned once; plans are remembered by what is left
 * of the set, until a table, a statistic or a setting changes.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/plannodes.h"
#include "rewrite/rewriteHandler.h"
#include "tcop/tcopprot.h"
#include "tcop/utility.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/guc_tables.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
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
	ParamListInfo values;		/* of its parameters; NULL: it is planned generically */
	Bitmapset  *strangers;		/* registrations that do not bear on it */
	Bitmapset  *relatives;		/* those that may */
} Statement;

enum
{
	MOST_RELATIVES = 30			/* of a set that is remembered */
};

/* A plan's key: the statement, and the relatives in the set, in order. */
typedef struct PlanKey
{
	int			statement;
	int			n;
	int			ids[MOST_RELATIVES];
} PlanKey;

typedef struct PlanEntry
{
	PlanKey		key;
	double		cost;
	int		   *used;			/* n of registrations, the ids; n of indexes, the oids */
} PlanEntry;

static HTAB *statements = NULL;
static int	last_statement = 0;
static MemoryContext remembered = NULL; /* all of what is learned */
static HTAB *plans = NULL;
static uint64 plans_generation = 0;
static uint64 plans_settings = 0;
static bool remember_plans = true;

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

/* Values for all parameters, constant to the planner. */
static ParamListInfo
read_values(const CachedPlanSource *source, ArrayType *array)
{
	Datum	   *texts;
	bool	   *nulls;
	int			n;
	ParamListInfo values;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &texts, &nulls, &n);
	if (n != source->num_params)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("the statement has %d parameters, there are %d values", source->num_params, n)));
	values = makeParamList(n);
	for (int i = 0; i < n; i++)
	{
		ParamExternData *value = &values->params[i];
		Oid			input;
		Oid			io;

		value->ptype = source->param_types[i];
		value->pflags = PARAM_FLAG_CONST;
		value->isnull = nulls[i];
		if (!OidIsValid(value->ptype))
			continue;
		getTypeInputInfo(value->ptype, &input, &io);
		value->value = OidInputFunctionCall(input, nulls[i] ? NULL : TextDatumGetCString(texts[i]), io, -1);
	}
	return values;
}

/* dbarch_twin.keep_statement(text, values): its number. */
Datum
dbarch_keep_statement(PG_FUNCTION_ARGS)
{
	HASHCTL		control = {.keysize = sizeof(int),.entrysize = sizeof(Statement)};
	CachedPlanSource *source;
	int			id = last_statement + 1;
	Statement  *statement;
	ParamListInfo values = NULL;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	source = analyse(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	if (!PG_ARGISNULL(1))
	{
		MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

		values = read_values(source, PG_GETARG_ARRAYTYPE_P_COPY(1));
		MemoryContextSwitchTo(old);
	}

	if (!statements)
		statements = hash_create("dbarch statements", 256, &control, HASH_ELEM | HASH_BLOBS);
	statement = hash_search(statements, &id, HASH_ENTER, NULL);
	statement->source = source;
	statement->values = values;
	statement->strangers = statement->relatives = NULL;
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

List *
dbarch_take_queries(int id, const Oid **types, int *n_types)
{
	Statement  *statement = find_statement(id);
	List	   *queries = take_queries(statement);

	*types = statement->source->param_types;
	*n_types = statement->source->num_params;
	return queries;
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
		PlannedStmt *planned = pg_plan_query(lfirst_node(Query, cell), statement->source->query_string, CURSOR_OPT_PARALLEL_OK, statement->values);

		if (!planned)
			continue;
		cost += planned->planTree->total_cost;
		collect(used, planned->planTree);
		collect_all(used, planned->subplans);
	}
	return cost;
}

/* ---- remembering ---- */

/* Of all settings that EXPLAIN (SETTINGS) would name. */
static uint64
settings_fingerprint(void)
{
	uint64		print = 0;
	int			n;
	struct config_generic **settings = get_explain_guc_options(&n);

	for (int i = 0; i < n; i++)
	{
		char	   *value = GetConfigOptionByName(settings[i]->name, NULL, true);

		print = hash_combine64(print, hash_bytes_extended((const unsigned char *) settings[i]->name, strlen(settings[i]->name), 0));
		print = hash_combine64(print, value ? hash_bytes_extended((const unsigned char *) value, strlen(value), 0) : 0);
	}
	return print;
}

static void
forget_plans(void)
{
	HASH_SEQ_STATUS all;
	Statement  *statement;
	HASHCTL		control = {.keysize = sizeof(PlanKey),.entrysize = sizeof(PlanEntry)};

	if (!remembered)
		remembered = AllocSetContextCreate(TopMemoryContext, "dbarch remembered plans", ALLOCSET_DEFAULT_SIZES);
	MemoryContextReset(remembered);
	control.hcxt = remembered;
	plans = hash_create("dbarch plans", 1024, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	hash_seq_init(&all, statements);
	while ((statement = hash_seq_search(&all)) != NULL)
		statement->strangers = statement->relatives = NULL;
}

static void
check_memory(uint64 settings)
{
	const Size	most = 256 * 1024 * 1024;

	if (plans && plans_generation == dbarch_generation() && plans_settings == settings && MemoryContextMemAllocated(remembered, true) < most)
		return;
	forget_plans();
	plans_generation = dbarch_generation();
	plans_settings = settings;
}

static int
compare_ids(const void *a, const void *b)
{
	int			x = *(const int *) a;
	int			y = *(const int *) b;

	return x < y ? -1 : x > y;
}

/*
 * Of the set, what may bear on the statement; in order.  Hiding an index may
 * bring a table back that its uniqueness let the planner remove: then nothing is
 * known of what bears on it.
 */
static int
without_strangers(const Statement *statement, const int *set, int n, int *ret_ids)
{
	int			count = 0;
	bool		hides = false;

	for (int i = 0; i < n; i++)
		hides |= dbarch_hides(set[i]);
	for (int i = 0; i < n; i++)
		if (set[i] < 0 || hides || !bms_is_member(set[i], statement->strangers))
			ret_ids[count++] = set[i];
	qsort(ret_ids, count, sizeof(int), compare_ids);
	return count;
}

static void
learn(Statement *statement, const int *ids, int n)
{
	MemoryContext old;

	for (int i = 0; i < n; i++)
		if (dbarch_is_unique(ids[i]) || dbarch_hides(ids[i]))
			return;
	old = MemoryContextSwitchTo(remembered);
	for (int i = 0; i < n; i++)
	{
		if (dbarch_was_considered(ids[i]))
			statement->relatives = bms_add_member(statement->relatives, ids[i]);
		else if (!bms_is_member(ids[i], statement->relatives))
			statement->strangers = bms_add_member(statement->strangers, ids[i]);
	}
	MemoryContextSwitchTo(old);
}

static PlanEntry *
plan_entry(const Statement *statement, const int *ids, int n, HASHACTION action)
{
	PlanKey		key;

	if (n > MOST_RELATIVES)
		return NULL;
	memset(&key, 0, sizeof key);
	key.statement = statement->id;
	key.n = n;
	memcpy(key.ids, ids, sizeof(int) * n);
	return hash_search(plans, &key, action, NULL);
}

static int *
pack_used(const Used *used)
{
	int			n = list_length(used->registrations);
	int			m = list_length(used->indexes);
	int		   *packed = MemoryContextAlloc(remembered, sizeof(int) * (n + m + 2));

	packed[0] = n;
	for (int i = 0; i < n; i++)
		packed[1 + i] = list_nth_int(used->registrations, i);
	packed[n + 1] = m;
	for (int i = 0; i < m; i++)
		packed[n + 2 + i] = (int) list_nth_oid(used->indexes, i);
	return packed;
}

static void
unpack_used(const int *packed, Used *used)
{
	for (int i = 0; i < packed[0]; i++)
		used->registrations = lappend_int(used->registrations, packed[1 + i]);
	packed += packed[0] + 1;
	for (int i = 0; i < packed[0]; i++)
		used->indexes = lappend_oid(used->indexes, (Oid) packed[1 + i]);
}

/* The cost of a statement with a set of registrations. */
static double
cost_of(Statement *statement, const int *set, int n, Used *used)
{
	int		   *ids = palloc(sizeof(int) * (n + 1));
	int			count = without_strangers(statement, set, n, ids);
	PlanEntry  *entry = remember_plans ? plan_entry(statement, ids, count, HASH_FIND) : NULL;
	uint64		generation = plans_generation;
	double		cost;

	if (entry)
	{
		unpack_used(entry->used, used);
		return entry->cost;
	}
	dbarch_use_registrations(ids, count);
	cost = plan_once(statement, used);
	if (!remember_plans || generation != dbarch_generation()) /* something was heard on the way */
		return cost;
	learn(statement, ids, count);
	count = without_strangers(statement, set, n, ids);
	entry = plan_entry(statement, ids, count, HASH_ENTER);
	if (entry)
	{
		entry->cost = cost;
		entry->used = pack_used(used);
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
	return PointerGetDatum(construct_array(values, n, oids ? REGCLASSOID : INT4OID, 4, true, TYPALIGN_INT));
}

static void
answer(const int *requests, int n, ReturnSetInfo *result)
{
	/* the first block stays when the context is reset: it holds most plans */
	MemoryContext once = AllocSetContextCreate(CurrentMemoryContext, "dbarch plan", 0, 1024 * 1024, 8 * 1024 * 1024);
	uint64		settings = settings_fingerprint();
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
		check_memory(settings);
		values[0] = Float8GetDatum(cost_of(statement, requests + at + 2, count, &used));
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

void
dbarch_plan_costs_init(void)
{
	DefineCustomBoolVariable("dbarch_twin.remember_plans", "Remember the costs of plans.", NULL, &remember_plans, true, PGC_USERSET, 0, NULL, NULL, NULL);
}

/*-------------------------------------------------------------------------
 *
 * dbarch_twin.c
 *	  Makes an empty database plan like a loaded one.
 *
 * The planner asks the storage manager how large a relation is, a btree how
 * high it stands, and GIN and BRIN indexes for the counters in their meta
 * pages.  In a twin all of these are empty.  This module answers in their
 * place from the table dbarch_twin.relation_facts, which the builder of the twin
 * fills; statistics are ordinary rows of pg_statistic.
 *
 * Loaded into the sessions of a twin by session_preload_libraries, in a lab
 * only.  Facts are read once a backend and again when dbarch_twin.forget_facts()
 * was called anywhere in the database.  Nothing here trusts the facts: sizes
 * are clamped to what the planner can hold.
 *
 * Formulas: table_block_relation_estimate_size (tableam.c), estimate_rel_size
 * and get_relation_info (plancat.c), btcostestimate, gincostestimate and
 * brincostestimate (selfuncs.c).
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/brin_page.h"
#include "access/brin_revmap.h"
#include "access/genam.h"
#include "access/gin_private.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_statistic.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "optimizer/plancat.h"
#include "storage/bufmgr.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "dbarch_twin.h"
#include "hypothetical.h"

PG_MODULE_MAGIC;

/* Columns of dbarch_twin.relation_facts, in order. */
enum
{
	FACT_RELATION = 1,			/* oid */
	FACT_BLOCKS,				/* float8: blocks of the file, as the planner would count them */
	FACT_PAGES,					/* float8: pg_class.relpages */
	FACT_TUPLES,				/* float8: pg_class.reltuples, -1 when never analysed */
	FACT_ALL_VISIBLE,			/* float8: pg_class.relallvisible */
	FACT_HEIGHT,				/* int4: of a btree, null where it has none or is not known */
	FACT_RANK,					/* int4: an index's age among those of its table, 1 the oldest; null: not known */
	N_FACTS = FACT_RANK
};

typedef struct RelationFacts
{
	Oid			relation;		/* hash key */
	double		blocks;
	double		pages;
	double		tuples;
	double		all_visible;
	int			height;			/* -1: leave the planner's own */
	int			rank;			/* 0: not known */
} RelationFacts;

static get_relation_info_hook_type previous_hook = NULL;
static ProcessUtility_hook_type previous_utility = NULL;
static HTAB *facts_by_relation = NULL;
static Oid	facts_table = InvalidOid;
static HTAB *facts_in_making = NULL;	/* survives an error in the middle, to be thrown away */
static bool facts_current = false;
static uint64 invalidations = 0;

void		_PG_init(void);

PG_FUNCTION_INFO_V1(dbarch_forget_facts);
PG_FUNCTION_INFO_V1(dbarch_add_end);
PG_FUNCTION_INFO_V1(dbarch_set_gin_counters);
PG_FUNCTION_INFO_V1(dbarch_set_brin_counters);
PG_FUNCTION_INFO_V1(dbarch_forget_pages);

/* A number of blocks that the planner can hold. */
static BlockNumber
clamp_blocks(double blocks)
{
	if (isnan(blocks) || blocks < 0)
		return 0;
	return blocks >= (double) MaxBlockNumber ? MaxBlockNumber : (BlockNumber) blocks;
}

static void
forget(Datum arg, Oid relid)
{
	if (relid == InvalidOid || relid == facts_table || !OidIsValid(facts_table))
	{
		facts_current = false;
		invalidations++;
	}
	dbarch_note_invalidation(relid);
}

static double
fact(HeapTuple row, TupleDesc desc, int column, double otherwise)
{
	bool		isnull;
	Datum		value = heap_getattr(row, column, desc, &isnull);

	return isnull ? otherwise : DatumGetFloat8(value);
}

static bool
is_facts_table(TupleDesc desc)
{
	static const Oid types[N_FACTS] = {OIDOID, FLOAT8OID, FLOAT8OID, FLOAT8OID, FLOAT8OID, INT4OID, INT4OID};

	if (desc->natts != N_FACTS)
		return false;
	for (int i = 0; i < N_FACTS; i++)
		if (TupleDescAttr(desc, i)->atttypid != types[i] || TupleDescAttr(desc, i)->attisdropped)
			return false;
	return true;
}

/*
 * Reads dbarch_twin.relation_facts.  Reading takes locks, and with them
 * messages that the facts have changed: then they are not current yet.
 */
static void
read_facts(void)
{
	uint64		before = invalidations;
	Oid			namespace = get_namespace_oid("dbarch_twin", true);
	HASHCTL		control = {.keysize = sizeof(Oid),.entrysize = sizeof(RelationFacts)};

	if (facts_in_making)
		hash_destroy(facts_in_making);
	facts_in_making = hash_create("dbarch relation facts", 1024, &control, HASH_ELEM | HASH_BLOBS);
	facts_table = OidIsValid(namespace) ? get_relname_relid("relation_facts", namespace) : InvalidOid;
	if (OidIsValid(facts_table) && get_rel_relkind(facts_table) == RELKIND_RELATION)
	{
		Relation	rel = table_open(facts_table, AccessShareLock);

		if (is_facts_table(RelationGetDescr(rel)) && rel->rd_tableam == GetHeapamTableAmRoutine())
		{
			Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
			TableScanDesc scan = table_beginscan(rel, snapshot, 0, NULL);
			HeapTuple	row;

			while ((row = heap_getnext(scan, ForwardScanDirection)) != NULL)
			{
				TupleDesc	desc = RelationGetDescr(rel);
				bool		isnull;
				Datum		relation = heap_getattr(row, FACT_RELATION, desc, &isnull);
				Datum		number;
				Oid			oid;
				RelationFacts *facts;

				if (isnull)
					continue;
				oid = DatumGetObjectId(relation);
				facts = hash_search(facts_in_making, &oid, HASH_ENTER, NULL);
				facts->blocks = fact(row, desc, FACT_BLOCKS, 0);
				facts->pages = fact(row, desc, FACT_PAGES, 0);
				facts->tuples = fact(row, desc, FACT_TUPLES, -1);
				facts->all_visible = fact(row, desc, FACT_ALL_VISIBLE, 0);
				number = heap_getattr(row, FACT_HEIGHT, desc, &isnull);
				facts->height = isnull ? -1 : DatumGetInt32(number);
				number = heap_getattr(row, FACT_RANK, desc, &isnull);
				facts->rank = isnull ? 0 : DatumGetInt32(number);
			}
			table_endscan(scan);
			UnregisterSnapshot(snapshot);
		}
		table_close(rel, AccessShareLock);
	}
	if (facts_by_relation)
		hash_destroy(facts_by_relation);
	facts_by_relation = facts_in_making;
	facts_in_making = NULL;
	facts_current = before == invalidations;
}

/* Never reads: what was found stays until the next relation_info. */
static const RelationFacts *
find_facts(Oid relation)
{
	return facts_by_relation ? hash_search(facts_by_relation, &relation, HASH_FIND, NULL) : NULL;
}

/* Rows on a page of a table or index that has never been counted. */
static double
guessed_density(Relation rel, bool is_index)
{
	int32		width = get_rel_data_width(rel, NULL);
	double		usable;

	if (is_index)
	{
		width += MAXALIGN(sizeof(IndexTupleData)) + sizeof(ItemIdData);
		usable = BLCKSZ - SizeOfPageHeaderData;
	}
	else
	{
		width += MAXALIGN(SizeofHeapTupleHeader) + sizeof(ItemIdData);
		usable = BLCKSZ - SizeOfPageHeaderData;
#if PG_VERSION_NUM >= 170000
		usable = usable * RelationGetFillFactor(rel, HEAP_DEFAULT_FILLFACTOR) / 100;
#endif
	}
	return floor(usable / Max(width, 1));
}

/*
 * What estimate_rel_size would say of a file with that many blocks.
 */
static void
estimate_size(Oid relid, const RelationFacts *facts, bool is_index, BlockNumber *pages, double *tuples, double *allvisfrac)
{
	double		blocks = clamp_blocks(facts->blocks);
	double		counted = clamp_blocks(facts->pages);
	double		known = facts->tuples;
	double		visible = clamp_blocks(facts->all_visible);
	double		density;

	/* A table that was never counted is taken for at least ten pages, unless it has children. */
	if (!is_index && blocks < 10 && !(known >= 0) && !has_subclass(relid))
		blocks = 10;
	*pages = (BlockNumber) blocks;
	*allvisfrac = visible == 0 || blocks <= 0 ? 0 : visible >= blocks ? 1 : visible / blocks;
	if (blocks == 0)
	{
		*tuples = 0;
		return;
	}
	if (is_index && counted > 0)
	{
		blocks--;				/* the meta page */
		counted--;
	}
	if (known >= 0 && counted > 0)
		density = known / counted;
	else
	{
		Relation	rel = RelationIdGetRelation(relid);

		density = rel ? guessed_density(rel, is_index) : 0;
		if (rel)
			RelationClose(rel);
	}
	*tuples = rint(density * blocks);
}

/* The younger first, as get_relation_info lists them; those of no known age, made in the twin, are the youngest. */
static int
compare_age(const ListCell *a, const ListCell *b)
{
	const IndexOptInfo *x = lfirst(a);
	const IndexOptInfo *y = lfirst(b);
	const RelationFacts *of_x = find_facts(x->indexoid);
	const RelationFacts *of_y = find_facts(y->indexoid);
	int			rank_x = of_x && of_x->rank ? of_x->rank : INT_MAX;
	int			rank_y = of_y && of_y->rank ? of_y->rank : INT_MAX;

	if (rank_x != rank_y)
		return rank_x > rank_y ? -1 : 1;
	return x->indexoid > y->indexoid ? -1 : x->indexoid < y->indexoid;
}

static void
take_facts(Oid relid, RelOptInfo *rel)
{
	const RelationFacts *facts;
	ListCell   *cell;

	if (!facts_current)
		read_facts();
	facts = find_facts(relid);
	if (!facts)
		return;
	list_sort(rel->indexlist, compare_age);
	estimate_size(relid, facts, false, &rel->pages, &rel->tuples, &rel->allvisfrac);
	foreach(cell, rel->indexlist)
	{
		IndexOptInfo *index = lfirst_node(IndexOptInfo, cell);
		const RelationFacts *of_index = find_facts(index->indexoid);
		double		ignored;

		if (index->hypothetical || !of_index)
			continue;
		estimate_size(index->indexoid, of_index, true, &index->pages, &index->tuples, &ignored);
		if (index->indpred == NIL || index->tuples > rel->tuples)
			index->tuples = rel->tuples;
		index->pages = clamp_blocks(of_index->blocks);
		if (of_index->height >= 0)
			index->tree_height = of_index->height;
	}
}

static void
relation_info(PlannerInfo *root, Oid relid, bool inhparent, RelOptInfo *rel)
{
	if (previous_hook)
		previous_hook(root, relid, inhparent, rel);
	if (inhparent || relid < FirstNormalObjectId)
		return;
	take_facts(relid, rel);
	dbarch_apply_hypothetical(relid, rel);
}

double
dbarch_tuples_of(Oid relid)
{
	const RelationFacts *facts;
	BlockNumber pages;
	double		tuples,
				visible;

	if (!facts_current)
		read_facts();
	facts = find_facts(relid);
	if (!facts)
		return 0;
	estimate_size(relid, facts, false, &pages, &tuples, &visible);
	return tuples;
}

/* dbarch_twin.forget_facts(): every session of this database reads the facts again. */
Datum
dbarch_forget_facts(PG_FUNCTION_ARGS)
{
	Oid			namespace = get_namespace_oid("dbarch_twin", false);
	Oid			table = get_relname_relid("relation_facts", namespace);

	if (OidIsValid(table))
		CacheInvalidateRelcacheByRelid(table);
	PG_RETURN_VOID();
}

void
dbarch_require_superuser(void)
{
	if (!superuser())
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("must be superuser to write into a twin")));
}

Caller
dbarch_become_owner(Relation rel)
{
	Caller		caller;

	if (superuser_arg(rel->rd_rel->relowner))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("relation \"%s\" belongs to a superuser", RelationGetRelationName(rel))));
	GetUserIdAndSecContext(&caller.user, &caller.context);
	SetUserIdAndSecContext(rel->rd_rel->relowner, caller.context | SECURITY_RESTRICTED_OPERATION);
	caller.nest_level = NewGUCNestLevel();
	return caller;
}

void
dbarch_become_caller(Caller caller)
{
	AtEOXact_GUC(false, caller.nest_level);
	SetUserIdAndSecContext(caller.user, caller.context);
}

/*
 * dbarch_twin.add_end(relation, column, value): a row of nothing but this value, in
 * the table and in the btree indexes that lead with the column, for
 * get_actual_variable_range to find.  Constraints and other indexes do not
 * hear of it: a twin is planned on, never read.
 */
Datum
dbarch_add_end(PG_FUNCTION_ARGS)
{
	Relation	rel;
	int16		number = PG_GETARG_INT16(1);
	TupleDesc	desc;
	Form_pg_attribute attribute;
	Datum	   *values;
	bool	   *nulls;
	Oid			input;
	Oid			parameter;
	HeapTuple	row;
	ListCell   *cell;
	Caller		caller;

	dbarch_require_superuser();
	rel = table_open(PG_GETARG_OID(0), RowExclusiveLock);
	desc = RelationGetDescr(rel);
	values = palloc0(sizeof(Datum) * desc->natts);
	nulls = palloc(sizeof(bool) * desc->natts);
	caller = dbarch_become_owner(rel);
	if (number < 1 || number > desc->natts || rel->rd_tableam != GetHeapamTableAmRoutine())
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("relation \"%s\" has no column %d to add to", RelationGetRelationName(rel), number)));
	attribute = TupleDescAttr(desc, number - 1);
	memset(nulls, true, sizeof(bool) * desc->natts);
	getTypeInputInfo(attribute->atttypid, &input, &parameter);
	values[number - 1] = OidInputFunctionCall(input, text_to_cstring(PG_GETARG_TEXT_PP(2)), parameter, attribute->atttypmod);
	nulls[number - 1] = false;
	row = heap_form_tuple(desc, values, nulls);
	simple_heap_insert(rel, row);

	foreach(cell, RelationGetIndexList(rel))
	{
		Relation	index = index_open(lfirst_oid(cell), RowExclusiveLock);
		Form_pg_index form = index->rd_index;

		if (index->rd_rel->relam == BTREE_AM_OID && form->indkey.values[0] == number && form->indisready &&
			RelationGetIndexPredicate(index) == NIL && RelationGetIndexExpressions(index) == NIL)
		{
			Datum		keys[INDEX_MAX_KEYS];
			bool		key_nulls[INDEX_MAX_KEYS];
			IndexInfo  *info = BuildIndexInfo(index);

			for (int i = 0; i < form->indnatts; i++)
			{
				keys[i] = form->indkey.values[i] == number ? values[number - 1] : (Datum) 0;
				key_nulls[i] = form->indkey.values[i] != number;
			}
			index_insert(index, keys, key_nulls, &row->t_self, rel, UNIQUE_CHECK_NO, false, info);
		}
		index_close(index, RowExclusiveLock);
	}
	dbarch_become_caller(caller);
	table_close(rel, NoLock);
	PG_RETURN_VOID();
}

static Relation
open_index_of(Oid indexid, Oid method, const char *name)
{
	Relation	index;

	if (!superuser())
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("must be superuser to set the counters of an index")));
	index = index_open(indexid, RowExclusiveLock);
	if (index->rd_rel->relkind != RELKIND_INDEX || index->rd_rel->relam != method)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("\"%s\" is no %s index", RelationGetRelationName(index), name)));
	if (RelationGetNumberOfBlocks(index) == 0)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("\"%s\" has no meta page", RelationGetRelationName(index))));
	return index;
}

/*
 * dbarch_twin.set_gin_counters(index, total, entry, data pages, entries): what
 * gincostestimate reads from the meta page.  The list of pending entries stays
 * empty, as it is, and its length too: a scan would follow it.
 */
Datum
dbarch_set_gin_counters(PG_FUNCTION_ARGS)
{
	Relation	index = open_index_of(PG_GETARG_OID(0), GIN_AM_OID, "GIN");
	GinStatsData stats;

	memset(&stats, 0, sizeof stats);
	stats.nTotalPages = clamp_blocks(PG_GETARG_FLOAT8(1));
	stats.nEntryPages = clamp_blocks(PG_GETARG_FLOAT8(2));
	stats.nDataPages = clamp_blocks(PG_GETARG_FLOAT8(3));
	stats.nEntries = PG_GETARG_FLOAT8(4) > 0 ? (int64) Min(PG_GETARG_FLOAT8(4), 9e18) : 0;
	ginUpdateStats(index, &stats, false);
	index_close(index, NoLock);
	PG_RETURN_VOID();
}

/*
 * dbarch_twin.set_brin_counters(index, blocks of the table): brincostestimate takes
 * the length of the range map, a place for each range of blocks, from the meta page.
 */
Datum
dbarch_set_brin_counters(PG_FUNCTION_ARGS)
{
	Relation	index = open_index_of(PG_GETARG_OID(0), BRIN_AM_OID, "BRIN");
	Buffer		buffer = ReadBuffer(index, BRIN_METAPAGE_BLKNO);
	BrinMetaPageData *meta;
	double		ranges;

	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	meta = (BrinMetaPageData *) PageGetContents(BufferGetPage(buffer));
	if (meta->brinMagic != BRIN_META_MAGIC)
		ereport(ERROR, (errcode(ERRCODE_INDEX_CORRUPTED), errmsg("\"%s\" has no BRIN meta page", RelationGetRelationName(index))));
	ranges = ceil(clamp_blocks(PG_GETARG_FLOAT8(1)) / Max((double) meta->pagesPerRange, 1));
	meta->lastRevmapPage = clamp_blocks(Max(ceil(ranges / REVMAP_PAGE_MAXITEMS), 1));
	MarkBufferDirty(buffer);
	UnlockReleaseBuffer(buffer);
	index_close(index, NoLock);
	PG_RETURN_VOID();
}

/*
 * forget_pages(database): its shared buffers are written and dropped, so that the
 * next to read finds them cold.  For a database that nobody works in.
 */
Datum
dbarch_forget_pages(PG_FUNCTION_ARGS)
{
	Oid			database = PG_GETARG_OID(0);

	if (!superuser())
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("only a superuser may drop buffers")));
	if (!OidIsValid(database) || database == MyDatabaseId)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_IN_USE), errmsg("a session cannot drop the buffers of its own database")));
	FlushDatabaseBuffers(database);
	DropDatabaseBuffers(database);
	PG_RETURN_VOID();
}

/*
 * The tables of a twin hold no rows: ANALYZE would put statistics of nothing in
 * the place of the subject's, and VACUUM its counts.
 */
static void
utility(PlannedStmt *statement, const char *text, bool read_only, ProcessUtilityContext context, ParamListInfo parameters,
		QueryEnvironment *environment, DestReceiver *receiver, QueryCompletion *completion)
{
	if (IsA(statement->utilityStmt, VacuumStmt) && OidIsValid(get_namespace_oid("dbarch_twin", true)))
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("a twin has no rows: ANALYZE and VACUUM would replace the statistics that it stands for")));
	if (previous_utility)
		previous_utility(statement, text, read_only, context, parameters, environment, receiver, completion);
	else
		standard_ProcessUtility(statement, text, read_only, context, parameters, environment, receiver, completion);
}

void
_PG_init(void)
{
	previous_utility = ProcessUtility_hook;
	ProcessUtility_hook = utility;
	previous_hook = get_relation_info_hook;
	get_relation_info_hook = relation_info;
	CacheRegisterRelcacheCallback(forget, (Datum) 0);
	dbarch_hypothetical_init();
	dbarch_plan_costs_init();
	dbarch_statement_facts_init();
}

/*-------------------------------------------------------------------------
 *
 * hypothetical_index.c
 *	  The making of a hypothetical index: core defines it in a subtransaction,
 *	  what the planner would know of it is copied, and it never was.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/brin_page.h"
#include "access/genam.h"
#include "access/gin.h"
#include "access/htup_details.h"
#include "access/nbtree.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_statistic.h"
#include "commands/defrem.h"
#include "commands/tablecmds.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "parser/parse_relation.h"
#include "parser/parse_utilcmd.h"
#include "storage/bufmgr.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/selfuncs.h"

#include "dbarch_twin.h"
#include "hypothetical_int.h"

PG_FUNCTION_INFO_V1(dbarch_hypothetical_index);
PG_FUNCTION_INFO_V1(dbarch_hypothetical_drop);

/* ---- making a template ---- */

static void *
copy_array(const void *array, int n, size_t size)
{
	return array && n > 0 ? memcpy(palloc(n * size), array, n * size) : NULL;
}

static IndexOptInfo *
copy_info(const IndexOptInfo *from)
{
	IndexOptInfo *to = palloc(sizeof(IndexOptInfo));

	*to = *from;
	to->rel = NULL;
	to->indexkeys = copy_array(from->indexkeys, from->ncolumns, sizeof(int));
	to->canreturn = copy_array(from->canreturn, from->ncolumns, sizeof(bool));
	to->indexcollations = copy_array(from->indexcollations, from->nkeycolumns, sizeof(Oid));
	to->opfamily = copy_array(from->opfamily, from->nkeycolumns, sizeof(Oid));
	to->opcintype = copy_array(from->opcintype, from->nkeycolumns, sizeof(Oid));
	to->sortopfamily = copy_array(from->sortopfamily, from->nkeycolumns, sizeof(Oid));
	to->reverse_sort = copy_array(from->reverse_sort, from->nkeycolumns, sizeof(bool));
	to->nulls_first = copy_array(from->nulls_first, from->nkeycolumns, sizeof(bool));
	to->opclassoptions = copy_array(from->opclassoptions, from->nkeycolumns, sizeof(bytea *));
	for (int i = 0; to->opclassoptions && i < from->nkeycolumns; i++)
		to->opclassoptions[i] = from->opclassoptions[i] ? copy_array(from->opclassoptions[i], VARSIZE_ANY(from->opclassoptions[i]), 1) : NULL;
	to->indexprs = copyObject(from->indexprs);
	to->indpred = copyObject(from->indpred);
	to->indextlist = copyObject(from->indextlist);
	to->hypothetical = true;
	return to;
}

/* A planner's view of nothing but this table. */
static PlannerInfo *
plan_of_table(Relation heap)
{
	ParseState *state = make_parsestate(NULL);
	Query	   *query = makeNode(Query);
	PlannerInfo *root = makeNode(PlannerInfo);

	addRangeTableEntryForRelation(state, heap, AccessShareLock, NULL, false, true);
	query->commandType = CMD_SELECT;
	query->rtable = state->p_rtable;
#if PG_VERSION_NUM >= 160000
	query->rteperminfos = state->p_rteperminfos;
	root->join_domains = list_make1(makeNode(JoinDomain));
#endif
	root->parse = query;
	root->glob = makeNode(PlannerGlobal);
	root->query_level = 1;
	root->planner_cxt = CurrentMemoryContext;
	root->wt_param_id = -1;
	setup_simple_rel_arrays(root);
	return root;
}

/*
 * An index that was not built has no meta page for _bt_getrootheight to read,
 * but what it has cached is believed.
 */
static void
pretend_meta_page(Relation index)
{
	BTMetaPageData *meta;

	if (index->rd_rel->relam != BTREE_AM_OID || index->rd_amcache)
		return;
	meta = MemoryContextAllocZero(index->rd_indexcxt, sizeof(BTMetaPageData));
	meta->btm_magic = BTREE_MAGIC;
	meta->btm_version = BTREE_VERSION;
	meta->btm_root = meta->btm_fastroot = 1;
	meta->btm_allequalimage = _bt_allequalimage(index, false);
	index->rd_amcache = meta;
}

static void
take_grounds(Template *template, Relation heap)
{
	Bitmapset  *columns = NULL;
	int			number = -1;

	for (int i = 0; i < template->info->ncolumns; i++)
		if (template->info->indexkeys[i] != 0)
			columns = bms_add_member(columns, template->info->indexkeys[i] - FirstLowInvalidHeapAttributeNumber);
	pull_varattnos((Node *) template->info->indexprs, 1, &columns);
	pull_varattnos((Node *) template->info->indpred, 1, &columns);
	template->grounds = palloc0(sizeof(Ground) * (bms_num_members(columns) + 1));
	while ((number = bms_next_member(columns, number)) >= 0)
	{
		AttrNumber	attribute_number = number + FirstLowInvalidHeapAttributeNumber;
		Form_pg_attribute attribute;

		if (attribute_number < 1 || attribute_number > RelationGetNumberOfAttributes(heap))
			continue;
		attribute = TupleDescAttr(RelationGetDescr(heap), attribute_number - 1);
		template->grounds[template->n_grounds++] = (Ground) {attribute_number, attribute->atttypid, attribute->atttypmod, attribute->attcollation};
	}
}

/* The rows that the index would hold. */
static double
indexed_tuples(PlannerInfo *root, RelOptInfo *rel, IndexOptInfo *info)
{
	double		tuples = rel->tuples;

	if (info->indpred != NIL)
		tuples *= clauselist_selectivity(root, info->indpred, 0, JOIN_INNER, NULL);
	return rint(Max(tuples, 0));
}

/* Before the size is asked: it stands on the statistics of the expressions. */
static void
derive_statistics(Template *template, Relation heap, IndexOptInfo *info, MemoryContext context)
{
	ListCell   *next = list_head(info->indexprs);

	for (int i = 0; i < info->nkeycolumns; i++)
	{
		Node	   *expression;
		HeapTuple	statistics;

		if (info->indexkeys[i] != 0)
			continue;
		expression = lfirst(next);
		next = lnext(info->indexprs, next);
		statistics = dbarch_expression_statistics(heap, expression, exprType(expression),
												  OidIsValid(info->indexcollations[i]) ? info->indexcollations[i] : exprCollation(expression));
		if (statistics)
		{
			MemoryContext old = MemoryContextSwitchTo(context);

			template->statistics[i] = heap_copytuple(statistics);
			MemoryContextSwitchTo(old);
		}
	}
}

/* Copies what the planner knows of an index that will be rolled back. */
static void
take_index(Registration *registration, Oid table, Oid index_oid)
{
	Relation	heap = table_open(table, AccessShareLock);
	Relation	index = index_open(index_oid, AccessShareLock);
	PlannerInfo *root = plan_of_table(heap);
	RelOptInfo *rel;
	IndexOptInfo *info = NULL;
	Template   *template = MemoryContextAllocZero(registration->context, sizeof(Template));
	MemoryContext old;
	ListCell   *cell;

	template->index = index_oid;
	template->table = table;
	template->owner = registration;
	pretend_meta_page(index);
	rel = build_simple_rel(root, 1, NULL);
	foreach(cell, rel->indexlist)
		if (lfirst_node(IndexOptInfo, cell)->indexoid == index_oid)
			info = lfirst_node(IndexOptInfo, cell);
	if (!info)
		elog(ERROR, "the planner does not see index \"%s\"", RelationGetRelationName(index));
	old = MemoryContextSwitchTo(registration->context);
	dbarch_add_template(registration, template);
	MemoryContextSwitchTo(old);
	derive_statistics(template, heap, info, registration->context);
	template->tuples = indexed_tuples(root, rel, info);
	rel->rows = template->tuples;	/* for estimate_num_groups */
	dbarch_index_size(root, rel, heap, index, info, template->tuples, &template->size);
	info->pages = (BlockNumber) Min(template->size.pages, (double) MaxBlockNumber);
	info->tuples = template->tuples;
	info->tree_height = template->size.height;
	old = MemoryContextSwitchTo(registration->context);
	template->info = copy_info(info);
	template->estimator = (CostEstimator) info->amcostestimate;
	template->info->amcostestimate = dbarch_estimate;
	template->name = pstrdup(RelationGetRelationName(index));
	take_grounds(template, heap);
	MemoryContextSwitchTo(old);
	index_close(index, NoLock);
	table_close(heap, NoLock);
}

static Oid
define(Oid table, IndexStmt *statement, const char *text, bool skip_build)
{
	IndexStmt  *transformed = transformIndexStmt(table, copyObject(statement), text);
	ObjectAddress address;

#if PG_VERSION_NUM >= 160000
	address = DefineIndex(table, transformed, InvalidOid, InvalidOid, InvalidOid, -1, false, true, true, skip_build, true);
#else
	address = DefineIndex(table, transformed, InvalidOid, InvalidOid, InvalidOid, false, true, true, skip_build, true);
#endif
	CommandCounterIncrement();
	return address.objectId;
}

/* The table's own indexes, made in this subtransaction and taken one by one: leaves of a partitioned table each have one. */
static void
take_indexes(Registration *registration, Oid index_oid)
{
	List	   *all = find_all_inheritors(index_oid, AccessShareLock, NULL);
	ListCell   *cell;

	foreach(cell, all)
		if (get_rel_relkind(lfirst_oid(cell)) == RELKIND_INDEX)
			take_index(registration, IndexGetRelation(lfirst_oid(cell), false), lfirst_oid(cell));
}

/* ---- donors ---- */

static bool
needs_donor(const Template *template)
{
	char	   *method = get_am_name(template->info->relam);

	return template->info->relam == GIN_AM_OID || template->info->relam == BRIN_AM_OID ||
		(method && (strcmp(method, "hnsw") == 0 || strcmp(method, "ivfflat") == 0));
}

static void
set_counters(Oid donor, const Template *template)
{
	Relation	index = index_open(donor, AccessShareLock);

	if (template->info->relam == GIN_AM_OID)
	{
		GinStatsData stats = {0};

		stats.nTotalPages = template->info->pages;
		stats.nEntryPages = (BlockNumber) template->size.counters.entry_pages;
		stats.nDataPages = (BlockNumber) template->size.counters.data_pages;
		stats.nEntries = (int64) template->size.counters.entries;
		ginUpdateStats(index, &stats, false);
	}
	else if (template->info->relam == BRIN_AM_OID)
	{
		Buffer		buffer = ReadBuffer(index, BRIN_METAPAGE_BLKNO);

		LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
		((BrinMetaPageData *) PageGetContents(BufferGetPage(buffer)))->lastRevmapPage = (BlockNumber) template->size.counters.range_map_pages;
		MarkBufferDirty(buffer);
		UnlockReleaseBuffer(buffer);
	}
	index_close(index, NoLock);
}

static void
make_donor(Template *template, IndexStmt *statement, const char *text)
{
	IndexStmt  *own = copyObject(statement);
	char	   *table = psprintf("dbarch_donor_%u", template->index);
	char	   *command = psprintf("create temporary table %s (like %s)", table,
								   quote_qualified_identifier(get_namespace_name(get_rel_namespace(template->table)), get_rel_name(template->table)));
	Oid			table_oid;

	if (SPI_connect() != SPI_OK_CONNECT || SPI_execute(command, false, 0) != SPI_OK_UTILITY)
		elog(ERROR, "a temporary table could not be made");
	SPI_finish();
	own->relation = makeRangeVar("pg_temp", table, -1);
	own->idxname = NULL;
	own->unique = false;
	table_oid = RangeVarGetRelid(own->relation, ShareLock, false);
	template->donor = define(table_oid, own, text, false);
	set_counters(template->donor, template);
}

/* ---- functions ---- */

static IndexStmt *
parse_index(const char *text)
{
	List	   *parsed = pg_parse_query(text);
	IndexStmt  *statement;

	if (list_length(parsed) != 1 || !IsA(linitial_node(RawStmt, parsed)->stmt, IndexStmt))
		ereport(ERROR, (errcode(ERRCODE_SYNTAX_ERROR), errmsg("one CREATE INDEX statement is wanted")));
	statement = (IndexStmt *) linitial_node(RawStmt, parsed)->stmt;
	statement->concurrent = false;
	statement->if_not_exists = false;
	statement->tableSpace = NULL;
	return statement;
}

/* The name given, unless another has it. */
static void
settle_names(Registration *registration)
{
	ListCell   *cell;

	foreach(cell, registration->templates)
	{
		Template   *template = lfirst(cell);

		if (dbarch_has_name(template->name, registration))
		{
			MemoryContext old = MemoryContextSwitchTo(registration->context);

			template->name = psprintf("%s_%d", template->name, registration->id);
			MemoryContextSwitchTo(old);
		}
	}
}

/*
 * A unique index lets the planner remove joins and drop sorts.  It is believed
 * only where the statistics do not speak against it.
 */
static void
refuse_duplicates(const Template *template, Relation heap, double groups)
{
	if (template->info->unique && template->tuples > 1 && groups < template->tuples * 0.8)
		ereport(ERROR, (errcode(ERRCODE_UNIQUE_VIOLATION),
						errmsg("index \"%s\" cannot be unique: the statistics of \"%s\" tell of %.0f different keys in %.0f rows", template->name,
							   RelationGetRelationName(heap), groups, template->tuples)));
}

static void
check_unique(Registration *registration)
{
	ListCell   *cell;

	foreach(cell, registration->templates)
	{
		Template   *template = lfirst(cell);
		Relation	heap;
		void		(*free_tuple) (HeapTuple);
		HeapTuple	statistics;

		if (!template->info->unique || template->info->nkeycolumns != 1)
			continue;
		heap = table_open(template->table, AccessShareLock);
		statistics = dbarch_key_statistics(heap, template->info, 0, &free_tuple);
		if (statistics)
		{
			double		distinct = ((Form_pg_statistic) GETSTRUCT(statistics))->stadistinct;
			double		nulls = ((Form_pg_statistic) GETSTRUCT(statistics))->stanullfrac;

			if (template->info->indpred == NIL && distinct != 0)
				refuse_duplicates(template, heap, (distinct < 0 ? -distinct * template->tuples : distinct) + nulls * template->tuples);
			free_tuple(statistics);
		}
		table_close(heap, NoLock);
	}
}

static Oid
lock_table(IndexStmt *statement)
{
	Oid			table = RangeVarGetRelidExtended(statement->relation, ShareLock, 0, RangeVarCallbackOwnsRelation, NULL);

	if (get_rel_relkind(table) == RELKIND_PARTITIONED_TABLE && statement->relation->inh)
		(void) find_all_inheritors(table, ShareLock, NULL);
	return table;
}

/* Makes the index, looks at it, and lets it never have been; also when looking failed. */
static void
take_and_roll_back(Registration *registration, Oid table, IndexStmt *statement, const char *text)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		/* what spgcanreturn reads is there only when it was built */
		take_indexes(registration, define(table, statement, text, strcmp(statement->accessMethod, "spgist") != 0));
		RollbackAndReleaseCurrentSubTransaction();
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
		ReThrowError(problem);
	}
	PG_END_TRY();
}

/* On an error the registration goes too. */
static void
register_index(Registration *registration, IndexStmt *statement, const char *text)
{
	Oid			table = lock_table(statement);

	PG_TRY();
	{
		dbarch_set_building(true);
		take_and_roll_back(registration, table, statement, text);
		dbarch_set_building(false);
		if (registration->templates == NIL)
			ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("\"%s\" has no partition that the index would stand on", get_rel_name(table))));
		check_unique(registration);
		for (int i = 0; i < list_length(registration->templates); i++)
			if (needs_donor(list_nth(registration->templates, i)))
				make_donor(list_nth(registration->templates, i), statement, text);
		settle_names(registration);
		dbarch_publish(registration);
	}
	PG_CATCH();
	{
		dbarch_set_building(false);
		dbarch_forget_registration(registration);
		PG_RE_THROW();
	}
	PG_END_TRY();
}

/*
 * dbarch_twin.hypothetical_index(definition): id, name, table, method, rows,
 * pages when built, pages after the rows came one by one, height, and whether
 * the size is rough.  One row for
 * each table that would have one: the leaves of a partitioned table.
 */
Datum
dbarch_hypothetical_index(PG_FUNCTION_ARGS)
{
	char	   *definition = text_to_cstring(PG_GETARG_TEXT_PP(0));
	IndexStmt  *statement = parse_index(definition);
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Registration *registration;
	ListCell   *cell;

	InitMaterializedSRF(fcinfo, 0);
	registration = dbarch_new_registration();
	register_index(registration, statement, definition);
	foreach(cell, registration->templates)
	{
		const Template *template = lfirst(cell);
		Datum		values[] = {Int32GetDatum(registration->id), CStringGetTextDatum(template->name), ObjectIdGetDatum(template->table),
			CStringGetTextDatum(get_am_name(template->info->relam)), Float8GetDatum(template->tuples),
			Float8GetDatum(template->info->pages), Float8GetDatum(template->size.steady_pages), Int32GetDatum(template->size.height),
			BoolGetDatum(template->size.rough)};
		bool		nulls[] = {false, false, false, false, false, false, false, template->size.height < 0, false};

		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* dbarch_twin.hypothetical_drop(index): the id of its being hidden, with those of its partitions. */
Datum
dbarch_hypothetical_drop(PG_FUNCTION_ARGS)
{
	Oid			index = PG_GETARG_OID(0);
	char		kind = get_rel_relkind(index);
	Registration *registration;
	List	   *all;
	ListCell   *cell;

	if (kind != RELKIND_INDEX && kind != RELKIND_PARTITIONED_INDEX)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("relation %u is no index", index)));
	all = kind == RELKIND_INDEX ? list_make1_oid(index) : find_all_inheritors(index, AccessShareLock, NULL);
	foreach(cell, all)
		if (dbarch_find_template(lfirst_oid(cell)))
			PG_RETURN_INT32(dbarch_find_template(lfirst_oid(cell))->owner->id);
	registration = dbarch_new_registration();
	foreach(cell, all)
	{
		Template   *template;
		MemoryContext old;

		if (get_rel_relkind(lfirst_oid(cell)) != RELKIND_INDEX)
			continue;
		old = MemoryContextSwitchTo(registration->context);
		template = palloc0(sizeof(Template));
		template->index = lfirst_oid(cell);
		template->table = IndexGetRelation(template->index, false);
		template->owner = registration;
		dbarch_add_template(registration, template);
		MemoryContextSwitchTo(old);
	}
	dbarch_publish(registration);
	PG_RETURN_INT32(registration->id);
}


/*-------------------------------------------------------------------------
 *
 * hypothetical.c
 *	  Indexes that do not exist, in the planner's eyes.
 *
 * A definition is given to core: DefineIndex in a subtransaction, without
 * building; what the planner would know of the index (IndexOptInfo) is copied,
 * and the subtransaction rolled back.  The rolled-back OID is its name.  What is
 * registered lives in the backend that registered it; a set of registrations is
 * put to use for a session or for a single plan.  Hiding an existing index is a
 * registration too.
 *
 * The estimators of GIN, BRIN, hnsw and ivfflat open the index to read its meta
 * page.  They are lent a donor: an empty index of the same definition on a
 * temporary table, with the counters predicted.
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
#include "commands/defrem.h"
#include "commands/explain.h"
#include "commands/tablecmds.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/plancat.h"
#include "parser/parse_relation.h"
#include "parser/parse_utilcmd.h"
#include "rewrite/rewriteManip.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "tcop/tcopprot.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/resowner.h"
#include "utils/selfuncs.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "dbarch_twin.h"
#include "hypothetical.h"

PG_FUNCTION_INFO_V1(dbarch_hypothetical_index);
PG_FUNCTION_INFO_V1(dbarch_hypothetical_drop);
PG_FUNCTION_INFO_V1(dbarch_use_hypothetical);
PG_FUNCTION_INFO_V1(dbarch_forget_hypothetical);

typedef void (*CostEstimator) (PlannerInfo *, IndexPath *, double, Cost *, Cost *, Selectivity *, double *, double *);

/* A column that a template stands on; when it changes the template is gone. */
typedef struct Ground
{
	AttrNumber	number;
	Oid			type;
	int32		modifier;
	Oid			collation;
} Ground;

struct Registration;

/* One index of one table, as the planner sees it. */
typedef struct Template
{
	Oid			index;			/* hash key: of a rolled-back index, or of a hidden one */
	Oid			table;
	struct Registration *owner;
	IndexOptInfo *info;			/* NULL: hides the index */
	char	   *name;
	HeapTuple	statistics[INDEX_MAX_KEYS]; /* of expressions */
	CostEstimator estimator;	/* of the access method */
	Oid			donor;			/* index with a meta page for the estimator, or none */
	int			n_grounds;
	Ground	   *grounds;
	IndexSize	size;
	double		tuples;
	bool		unchecked;		/* its table was touched since */
	bool		gone;
} Template;

typedef struct TemplateEntry
{
	Oid			index;
	Template   *template;
} TemplateEntry;

/* All templates of a table, youngest first. */
typedef struct TableEntry
{
	Oid			table;
	List	   *templates;
} TableEntry;

typedef struct Registration
{
	int			id;
	uint64		set;			/* the last set that it was put into */
	uint64		considered;		/* the last set in which it could bear on a plan */
	MemoryContext context;
	List	   *templates;
} Registration;

typedef struct RegistrationEntry
{
	int			id;
	Registration *registration;
} RegistrationEntry;

static MemoryContext memory = NULL; /* of all that follows */
static HTAB *registrations = NULL;
static HTAB *templates_by_index = NULL;
static HTAB *templates_by_table = NULL;
static int	last_id = 0;
static uint64 last_set = 0;
static uint64 set_in_use = 0;	/* 0: none */
static uint64 generation = 0;
static int *session_ids = NULL;	/* the set of the session, between plans that have their own */
static int	n_session_ids = 0;
static bool building = false;	/* the index of a template is looked at: nothing is added or hidden */

static get_index_stats_hook_type previous_statistics = NULL;
static explain_get_index_name_hook_type previous_name = NULL;

static void
need_memory(void)
{
	HASHCTL		by_id = {.keysize = sizeof(int),.entrysize = sizeof(RegistrationEntry)};
	HASHCTL		by_index = {.keysize = sizeof(Oid),.entrysize = sizeof(TemplateEntry)};
	HASHCTL		by_table = {.keysize = sizeof(Oid),.entrysize = sizeof(TableEntry)};

	if (registrations)
		return;
	if (!memory)
		memory = AllocSetContextCreate(TopMemoryContext, "dbarch hypothetical indexes", ALLOCSET_DEFAULT_SIZES);
	by_id.hcxt = by_index.hcxt = by_table.hcxt = memory;
	templates_by_index = hash_create("dbarch templates", 256, &by_index, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	templates_by_table = hash_create("dbarch templates of tables", 64, &by_table, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	registrations = hash_create("dbarch registrations", 256, &by_id, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

static Template *
find_template(Oid index)
{
	TemplateEntry *entry = templates_by_index ? hash_search(templates_by_index, &index, HASH_FIND, NULL) : NULL;

	return entry ? entry->template : NULL;
}

int
dbarch_registration_of(Oid index)
{
	Template   *template = find_template(index);

	return template && template->info ? template->owner->id : 0;
}

bool
dbarch_was_considered(int id)
{
	RegistrationEntry *entry = registrations ? hash_search(registrations, &id, HASH_FIND, NULL) : NULL;

	return !entry || entry->registration->considered == set_in_use;
}

static const Template *
first_template(int id)
{
	RegistrationEntry *entry = registrations ? hash_search(registrations, &id, HASH_FIND, NULL) : NULL;

	return entry && entry->registration->templates != NIL ? linitial(entry->registration->templates) : NULL;
}

bool
dbarch_hides(int id)
{
	const Template *template = first_template(id);

	return template && !template->info;
}

bool
dbarch_is_unique(int id)
{
	const Template *template = first_template(id);

	return template && template->info && template->info->unique;
}

uint64
dbarch_generation(void)
{
	return generation;
}

/* ---- what a table's change does to templates ---- */

static void
note_statistics(Datum arg, int cache, uint32 hash)
{
	generation++;
}

void
dbarch_note_invalidation(Oid relid)
{
	HASH_SEQ_STATUS all;
	TemplateEntry *entry;

	generation++;
	if (!templates_by_index)
		return;
	hash_seq_init(&all, templates_by_index);
	while ((entry = hash_seq_search(&all)) != NULL)
		if (relid == InvalidOid || entry->template->table == relid || entry->template->index == relid)
			entry->template->unchecked = true;
}

static bool
stands(const Ground *ground, Oid table)
{
	HeapTuple	tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(table), Int16GetDatum(ground->number));
	bool		same = false;

	if (HeapTupleIsValid(tuple))
	{
		Form_pg_attribute attribute = (Form_pg_attribute) GETSTRUCT(tuple);

		same = !attribute->attisdropped && attribute->atttypid == ground->type && attribute->atttypmod == ground->modifier &&
			attribute->attcollation == ground->collation;
		ReleaseSysCache(tuple);
	}
	return same;
}

/* Is what the template was made from still there? */
static bool
is_alive(Template *template)
{
	if (template->unchecked && !template->gone)
	{
		template->unchecked = false;
		template->gone = !SearchSysCacheExists1(RELOID, ObjectIdGetDatum(template->table)) ||
			(!template->info && !SearchSysCacheExists1(RELOID, ObjectIdGetDatum(template->index)));
		for (int i = 0; i < template->n_grounds && !template->gone; i++)
			template->gone = !stands(&template->grounds[i], template->table);
	}
	/* made in a transaction that was rolled back, it went without a word */
	if (OidIsValid(template->donor) && !SearchSysCacheExists1(RELOID, ObjectIdGetDatum(template->donor)))
		template->gone = true;
	return !template->gone;
}

/* ---- the planner's side ---- */

static bool
in_use(const Template *template)
{
	return set_in_use != 0 && template->owner->set == set_in_use;
}

static bool
is_hidden(Oid index)
{
	Template   *template = find_template(index);

	return template && !template->info && in_use(template);
}

void
dbarch_apply_hypothetical(Oid relid, RelOptInfo *rel)
{
	TableEntry *entry = templates_by_table && set_in_use && !building ? hash_search(templates_by_table, &relid, HASH_FIND, NULL) : NULL;
	List	   *shown = NIL;
	ListCell   *cell;

	if (!entry)
		return;
	foreach(cell, entry->templates)
	{
		Template   *template = lfirst(cell);
		IndexOptInfo *info;

		if (!in_use(template) || !is_alive(template))
			continue;
		if (!template->info || template->info->unique || template->info->indexprs != NIL)
			template->owner->considered = set_in_use;
		if (!template->info)
			continue;
		info = palloc(sizeof(IndexOptInfo));
		*info = *template->info;
		info->rel = rel;
		info->indexprs = copyObject(info->indexprs);
		info->indpred = copyObject(info->indpred);
		info->indextlist = copyObject(info->indextlist);
		if (rel->relid != 1)
		{
			ChangeVarNodes((Node *) info->indexprs, 1, rel->relid, 0);
			ChangeVarNodes((Node *) info->indpred, 1, rel->relid, 0);
			ChangeVarNodes((Node *) info->indextlist, 1, rel->relid, 0);
		}
		shown = lappend(shown, info);
	}
	foreach(cell, rel->indexlist)
	{
		IndexOptInfo *info = lfirst_node(IndexOptInfo, cell);

		if (!is_hidden(info->indexoid))
			shown = lappend(shown, info);
	}
	rel->indexlist = shown;
}

static void
keep_tuple(HeapTuple tuple)
{
	/* it belongs to its template */
}

static bool
index_statistics(PlannerInfo *root, Oid index, AttrNumber number, VariableStatData *variable)
{
	Template   *template = find_template(index);

	if (template && number >= 1 && number <= INDEX_MAX_KEYS && template->statistics[number - 1])
	{
		variable->statsTuple = template->statistics[number - 1];
		variable->freefunc = keep_tuple;
		variable->acl_ok = true;
		return true;
	}
	return previous_statistics && previous_statistics(root, index, number, variable);
}

static const char *
index_name(Oid index)
{
	Template   *template = find_template(index);

	if (template && template->info)
		return template->name;
	return previous_name ? previous_name(index) : NULL;
}

/* The access method's own estimate, with the donor's meta page where it reads one. */
static void
estimate(PlannerInfo *root, IndexPath *path, double loops, Cost *startup, Cost *total, Selectivity *selectivity, double *correlation, double *pages)
{
	IndexOptInfo *info = path->indexinfo;
	Template   *template = find_template(info->indexoid);
	IndexOptInfo lent = *info;

	if (!template)
		elog(ERROR, "hypothetical index %u is not known", info->indexoid);
	template->owner->considered = set_in_use;
	if (OidIsValid(template->donor))
	{
		LockRelationOid(template->donor, AccessShareLock);
		lent.indexoid = template->donor;
		lent.hypothetical = false;
		path->indexinfo = &lent;
	}
	template->estimator(root, path, loops, startup, total, selectivity, correlation, pages);
	path->indexinfo = info;
}

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

HeapTuple
dbarch_key_statistics(Relation heap, IndexOptInfo *info, int column, void (**free_tuple) (HeapTuple))
{
	Template   *template = find_template(info->indexoid);
	HeapTuple	tuple;

	*free_tuple = ReleaseSysCache;
	if (info->indexkeys[column] > 0)
	{
		tuple = SearchSysCache3(STATRELATTINH, ObjectIdGetDatum(RelationGetRelid(heap)), Int16GetDatum(info->indexkeys[column]), BoolGetDatum(false));
		return HeapTupleIsValid(tuple) ? tuple : NULL;
	}
	if (template && template->statistics[column])
	{
		*free_tuple = keep_tuple;
		return template->statistics[column];
	}
	tuple = SearchSysCache3(STATRELATTINH, ObjectIdGetDatum(info->indexoid), Int16GetDatum(column + 1), BoolGetDatum(false));
	return HeapTupleIsValid(tuple) ? tuple : NULL;
}

static void
add_template(Registration *registration, Template *template)
{
	TemplateEntry *entry = hash_search(templates_by_index, &template->index, HASH_ENTER, NULL);

	entry->template = template;
	registration->templates = lappend(registration->templates, template);
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
	add_template(registration, template);
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
	template->info->amcostestimate = estimate;
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

static void
forget_registration(Registration *registration)
{
	ListCell   *cell;

	foreach(cell, registration->templates)
	{
		Template   *template = lfirst(cell);
		TableEntry *entry = hash_search(templates_by_table, &template->table, HASH_FIND, NULL);

		hash_search(templates_by_index, &template->index, HASH_REMOVE, NULL);
		if (entry)
			entry->templates = list_delete_ptr(entry->templates, template);
	}
	hash_search(registrations, &registration->id, HASH_REMOVE, NULL);
	MemoryContextDelete(registration->context);
}

static Registration *
new_registration(void)
{
	MemoryContext context;
	Registration *registration;
	RegistrationEntry *entry;
	int			id;

	need_memory();
	context = AllocSetContextCreate(memory, "dbarch hypothetical index", ALLOCSET_SMALL_SIZES);
	registration = MemoryContextAllocZero(context, sizeof(Registration));
	registration->context = context;
	id = registration->id = ++last_id;
	entry = hash_search(registrations, &id, HASH_ENTER, NULL);
	entry->registration = registration;
	return registration;
}

/* From here on the planner is shown it, when its set is in use. */
static void
publish(Registration *registration)
{
	ListCell   *cell;

	foreach(cell, registration->templates)
	{
		Template   *template = lfirst(cell);
		bool		found;
		TableEntry *entry = hash_search(templates_by_table, &template->table, HASH_ENTER, &found);
		MemoryContext old = MemoryContextSwitchTo(memory);

		if (!found)
			entry->templates = NIL;
		entry->templates = lcons(template, entry->templates);
		MemoryContextSwitchTo(old);
		template->unchecked = false;	/* what was heard since came of the making */
	}
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
		HASH_SEQ_STATUS all;
		TemplateEntry *entry;
		bool		taken = false;

		hash_seq_init(&all, templates_by_index);
		while ((entry = hash_seq_search(&all)) != NULL)
			if (entry->template->owner != registration && entry->template->name && strcmp(entry->template->name, template->name) == 0)
				taken = true;	/* goes on to the end: the scan must be finished */
		if (taken)
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
		building = true;
		take_and_roll_back(registration, table, statement, text);
		building = false;
		if (registration->templates == NIL)
			ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("\"%s\" has no partition that the index would stand on", get_rel_name(table))));
		check_unique(registration);
		for (int i = 0; i < list_length(registration->templates); i++)
			if (needs_donor(list_nth(registration->templates, i)))
				make_donor(list_nth(registration->templates, i), statement, text);
		settle_names(registration);
		publish(registration);
	}
	PG_CATCH();
	{
		building = false;
		forget_registration(registration);
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
	registration = new_registration();
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
		if (find_template(lfirst_oid(cell)))
			PG_RETURN_INT32(find_template(lfirst_oid(cell))->owner->id);
	registration = new_registration();
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
		add_template(registration, template);
		MemoryContextSwitchTo(old);
	}
	publish(registration);
	PG_RETURN_INT32(registration->id);
}

void
dbarch_use_registrations(const int *ids, int n)
{
	last_set++;
	for (int i = 0; i < n; i++)
	{
		RegistrationEntry *entry = registrations ? hash_search(registrations, &ids[i], HASH_FIND, NULL) : NULL;
		ListCell   *cell;

		if (!entry)
			ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("there is no hypothetical index %d", ids[i])));
		foreach(cell, entry->registration->templates)
			if (!is_alive(lfirst(cell)))
				ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("hypothetical index %d is gone: its table has changed", ids[i])));
		entry->registration->set = last_set;
	}
	set_in_use = n > 0 ? last_set : 0;
}

void
dbarch_use_session_set(void)
{
	last_set++;
	for (int i = 0; i < n_session_ids; i++)
	{
		RegistrationEntry *entry = hash_search(registrations, &session_ids[i], HASH_FIND, NULL);

		if (entry)
			entry->registration->set = last_set;
	}
	set_in_use = n_session_ids > 0 ? last_set : 0;
}

/* dbarch_twin.use_hypothetical(ids): the session plans with these and no others. */
Datum
dbarch_use_hypothetical(PG_FUNCTION_ARGS)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(0);
	int			n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	int		   *kept = NULL;

	if (ARR_HASNULL(array) || ARR_ELEMTYPE(array) != INT4OID)
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("ids must not be null")));
	need_memory();
	if (n > 0)
		kept = memcpy(MemoryContextAlloc(memory, n * sizeof(int)), ARR_DATA_PTR(array), n * sizeof(int));
	dbarch_use_registrations(kept, n);
	if (session_ids)
		pfree(session_ids);
	session_ids = kept;
	n_session_ids = n;
	ResetPlanCache();			/* a cached plan does not know the set */
	PG_RETURN_VOID();
}

/* dbarch_twin.forget_hypothetical(): all registrations of this session. */
Datum
dbarch_forget_hypothetical(PG_FUNCTION_ARGS)
{
	set_in_use = 0;
	session_ids = NULL;
	n_session_ids = 0;
	registrations = templates_by_index = templates_by_table = NULL;
	generation++;
	if (memory)
		MemoryContextReset(memory);
	ResetPlanCache();
	PG_RETURN_VOID();
}

void
dbarch_hypothetical_init(void)
{
	CacheRegisterSyscacheCallback(STATRELATTINH, note_statistics, (Datum) 0);
	CacheRegisterSyscacheCallback(STATEXTDATASTXOID, note_statistics, (Datum) 0);
	previous_statistics = get_index_stats_hook;
	get_index_stats_hook = index_statistics;
	previous_name = explain_get_index_name_hook;
	explain_get_index_name_hook = index_name;
}

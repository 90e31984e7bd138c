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

#include "access/htup_details.h"
#include "commands/explain.h"
#include "fmgr.h"
#include "nodes/pathnodes.h"
#include "rewrite/rewriteManip.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/selfuncs.h"
#include "utils/syscache.h"

#include "dbarch_twin.h"
#include "hypothetical_int.h"

PG_FUNCTION_INFO_V1(dbarch_use_hypothetical);
PG_FUNCTION_INFO_V1(dbarch_forget_hypothetical);
PG_FUNCTION_INFO_V1(dbarch_set_hypothetical_pages);

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

Template *
dbarch_find_template(Oid index)
{
	TemplateEntry *entry = templates_by_index ? hash_search(templates_by_index, &index, HASH_FIND, NULL) : NULL;

	return entry ? entry->template : NULL;
}

int
dbarch_registration_of(Oid index)
{
	Template   *template = dbarch_find_template(index);

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
	Template   *template = dbarch_find_template(index);

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
	Template   *template = dbarch_find_template(index);

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
	Template   *template = dbarch_find_template(index);

	if (template && template->info)
		return template->name;
	return previous_name ? previous_name(index) : NULL;
}

/* The access method's own estimate, with the donor's meta page where it reads one. */
void
dbarch_estimate(PlannerInfo *root, IndexPath *path, double loops, Cost *startup, Cost *total, Selectivity *selectivity, double *correlation, double *pages)
{
	IndexOptInfo *info = path->indexinfo;
	Template   *template = dbarch_find_template(info->indexoid);
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

HeapTuple
dbarch_key_statistics(Relation heap, IndexOptInfo *info, int column, void (**free_tuple) (HeapTuple))
{
	Template   *template = dbarch_find_template(info->indexoid);
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

/*
 * dbarch_twin.set_hypothetical_pages(id, pages, height): it is to be taken for so
 * large, all its parts together, and for so high; -2: as it was.
 */
Datum
dbarch_set_hypothetical_pages(PG_FUNCTION_ARGS)
{
	int			id = PG_GETARG_INT32(0);
	double		pages = PG_GETARG_FLOAT8(1);
	int			height = PG_GETARG_INT32(2);
	RegistrationEntry *entry = registrations ? hash_search(registrations, &id, HASH_FIND, NULL) : NULL;
	double		before = 0;
	ListCell   *cell;

	if (!entry || !(pages >= 1 && pages < MaxBlockNumber))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("registration %d cannot have %g pages", id, pages)));
	foreach(cell, entry->registration->templates)
		before += ((Template *) lfirst(cell))->info ? ((Template *) lfirst(cell))->info->pages : 0;
	foreach(cell, entry->registration->templates)
	{
		Template   *template = lfirst(cell);

		if (!template->info || before <= 0)
			continue;
		template->info->pages = (BlockNumber) Max(1, rint(template->info->pages / before * pages));
		if (height >= -1 && template->info->tree_height >= 0)
			template->info->tree_height = height;
	}
	generation++;
	PG_RETURN_VOID();
}

/* ---- registrations ---- */

void
dbarch_add_template(Registration *registration, Template *template)
{
	TemplateEntry *entry = hash_search(templates_by_index, &template->index, HASH_ENTER, NULL);

	entry->template = template;
	registration->templates = lappend(registration->templates, template);
}

void
dbarch_forget_registration(Registration *registration)
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

Registration *
dbarch_new_registration(void)
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
void
dbarch_publish(Registration *registration)
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

/* Has a template of another registration this name? */
bool
dbarch_has_name(const char *name, const Registration *but)
{
	HASH_SEQ_STATUS all;
	TemplateEntry *entry;
	bool		taken = false;

	hash_seq_init(&all, templates_by_index);
	while ((entry = hash_seq_search(&all)) != NULL)
		if (entry->template->owner != but && entry->template->name && strcmp(entry->template->name, name) == 0)
			taken = true;		/* goes on to the end: the scan must be finished */
	return taken;
}

void
dbarch_set_building(bool on)
{
	building = on;
}

/* ---- sets ---- */

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

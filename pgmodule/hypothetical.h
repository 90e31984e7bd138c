/*-------------------------------------------------------------------------
 *
 * hypothetical.h
 *	  Indexes that do not exist: what the parts of the module tell each other.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBARCH_HYPOTHETICAL_H
#define DBARCH_HYPOTHETICAL_H

#include "access/htup.h"
#include "nodes/pathnodes.h"
#include "utils/rel.h"

/* Statistics of the values that an expression of an index would have; NULL where they cannot be told. */
extern HeapTuple dbarch_expression_statistics(Relation heap, Node *expression, Oid type, Oid collation);

extern double dbarch_correlation_of(HeapTuple statistics);

/* Counters of a meta page, for the access methods whose estimator reads them. */
typedef struct IndexCounters
{
	double		entry_pages;	/* GIN */
	double		data_pages;
	double		entries;
	double		range_map_pages;	/* BRIN */
} IndexCounters;

typedef struct IndexSize
{
	double		pages;			/* after CREATE INDEX */
	double		steady_pages;	/* after the same rows came one by one */
	int			height;			/* of a btree, else -1 */
	bool		rough;			/* hangs on what the statistics do not tell */
	IndexCounters counters;
} IndexSize;

/*
 * The size that an index of rel would have, by the facts and statistics of its
 * table.  index is open, and its IndexOptInfo is one of rel's.
 */
extern void dbarch_index_size(PlannerInfo *root, RelOptInfo *rel, Relation heap, Relation index, IndexOptInfo *info, double tuples,
							  IndexSize *size);

/* The statistics of an index's column: those of the table's column, or of the expression; NULL: none.  Free with the function given. */
extern HeapTuple dbarch_key_statistics(Relation heap, IndexOptInfo *info, int column, void (**free_tuple) (HeapTuple));

/* Adds to rel the hypothetical indexes that are in use, and takes out the hidden ones. */
extern void dbarch_apply_hypothetical(Oid relid, RelOptInfo *rel);

/* The next plans know these registrations and no others; an unknown one is an error. */
extern void dbarch_use_registrations(const int *ids, int n);
/* Back to those that the session asked for. */
extern void dbarch_use_session_set(void);
/*
 * Could the registration bear on what was planned since it was put to use?  So
 * it could when a path through it was costed, when it hides an index of a table
 * of the statement, or when it is unique (proofs) or has expressions (statistics).
 */
extern bool dbarch_was_considered(int id);
/* Does it hide an index?  Is it unique?  Either can bring tables of a statement back or remove them (join removal). */
extern bool dbarch_hides(int id);
extern bool dbarch_is_unique(int id);
/* Grows with everything that plans may hang on: tables, facts, statistics, registrations. */
extern uint64 dbarch_generation(void);
/* The registration that the hypothetical index belongs to; 0: it is a real one. */
extern int	dbarch_registration_of(Oid index);

/* The queries of a kept statement, ours to plan, with their tables locked; the types of its parameters. */
extern List *dbarch_take_queries(int statement, const Oid **types, int *n_types);

extern void dbarch_hypothetical_init(void);
extern void dbarch_plan_costs_init(void);
extern void dbarch_statement_facts_init(void);
extern void dbarch_note_invalidation(Oid relid);

#endif

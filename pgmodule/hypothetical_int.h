/*-------------------------------------------------------------------------
 *
 * hypothetical_int.h
 *	  Shared by hypothetical.c, which keeps registrations and shows them to the
 *	  planner, and hypothetical_index.c, which makes them.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBARCH_HYPOTHETICAL_INT_H
#define DBARCH_HYPOTHETICAL_INT_H

#include "hypothetical.h"

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

typedef struct Registration
{
	int			id;
	uint64		set;			/* the last set that it was put into */
	uint64		considered;		/* the last set in which it could bear on a plan */
	MemoryContext context;
	List	   *templates;
} Registration;

/* NULL: no template has that OID. */
extern Template *dbarch_find_template(Oid index);
/* Its templates, and what they hold, live in the registration's context and go with it. */
extern Registration *dbarch_new_registration(void);
extern void dbarch_add_template(Registration *registration, Template *template);
extern void dbarch_forget_registration(Registration *registration);
/* From here on the planner is shown it, when its set is in use. */
extern void dbarch_publish(Registration *registration);
/* Has a template of another registration this name? */
extern bool dbarch_has_name(const char *name, const Registration *but);
/* While the index of a template is looked at, nothing is added or hidden. */
extern void dbarch_set_building(bool on);
/* The access method's own estimate, with the donor's meta page where it reads one. */
extern void dbarch_estimate(PlannerInfo *root, IndexPath *path, double loops, Cost *startup, Cost *total, Selectivity *selectivity,
							double *correlation, double *pages);

#endif

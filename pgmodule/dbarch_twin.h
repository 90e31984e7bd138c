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

#include "utils/rel.h"

/* Who called, while the owner of a relation stands in. */
typedef struct Caller
{
	Oid			user;
	int			context;
	int			nest_level;
} Caller;

extern Caller dbarch_become_owner(Relation rel);
extern void dbarch_become_caller(Caller caller);

#endif

// SPDX-License-Identifier: Apache-2.0
// Shared by what sees (observe.c) and what judges (lint.c).
#pragma once

#include "migrate/verify-int.h"

// ---- observe.c ------------------------------------------------------------------------------------------------------

typedef struct DbaObserver DbaObserver;
DbaObserver *dba_observer_new(void);
void dba_observer_free(DbaObserver *observer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DbaObserver, dba_observer_free)
// Before a migration, in its session: what is there is old.
bool dba_observer_begin(DbaObserver *observer, DbaServer *server, GError **error) DBA_CHECKED;
// After a statement, before its transaction ends: what it did to the tables (DbaSqlEffect; "schema.name" is all in `table`).
bool dba_observer_look(DbaObserver *observer, DbaServer *server, DbaArena *arena, DbaList *ret_effects, GError **error) DBA_CHECKED;
// A transaction of several has ended.
bool dba_observer_ended(DbaObserver *observer, DbaServer *server, GError **error) DBA_CHECKED;

// ---- lint.c ---------------------------------------------------------------------------------------------------------

typedef struct DbaLint DbaLint;
// `sizes`: a survey with rows and bytes of tables; or NULL.
DbaLint *dba_lint_new(DbaFindings *findings, const DbaSurvey *sizes);
void dba_lint_free(DbaLint *lint);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DbaLint, dba_lint_free)
// A migration begins; `judged`: what it does is told, not only learnt.
void dba_lint_begin(DbaLint *lint, const DbaMigration *migration, bool judged);
// One of its statements.  `seen`: what a lab saw it do (of dba_observer_look), which counts then; NULL: nobody looked.
bool dba_lint_statement(DbaLint *lint, const DbaSqlStatement *item, const DbaList *seen, double ms, GError **error) DBA_CHECKED;

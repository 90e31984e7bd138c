// SPDX-License-Identifier: Apache-2.0
// Shared by the history (history.c) and the runner (run.c).
#pragma once

#include "migrate/migrate-int.h"

// Makes our table where there is none, with what another tool ran.
bool dba_history_create(DbaServer *server, const DbaMigrations *migrations, DbaHistory *history, GError **error) DBA_CHECKED;
bool dba_history_add(DbaServer *server, const DbaMigration *migration, const char *state, const char *taken_from, const char *override,
                     double ms, GError **error) DBA_CHECKED;
// Keeps the other tool's table in step; `before`: the newest version that is left after a down, NULL: none.
bool dba_history_tell_foreign(DbaServer *server, const DbaHistory *history, const DbaMigration *migration, bool down, const char *before,
                              GError **error) DBA_CHECKED;

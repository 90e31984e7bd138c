// SPDX-License-Identifier: Apache-2.0
// Shared by the files that parse.
#pragma once

#include "sql/sql.h"

// Runs `run(data)` on a thread with a stack of 1 GB of address space and waits: deep expressions recurse.
bool dba_sql_on_a_large_stack(void *(*run)(void *data), void *data, GError **error) DBA_CHECKED;

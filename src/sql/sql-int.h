// SPDX-License-Identifier: Apache-2.0
// Shared by the files that parse.
#pragma once

#include "sql/sql.h"

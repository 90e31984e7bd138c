// SPDX-License-Identifier: Apache-2.0
// Numbers and moments, as pg_stats writes them, as whole units on a line: for maps that keep proportions.
#pragma once

#include "base/base.h"

__extension__ typedef __int128 DbaUnits;
#define DBA_LINE_DAY_US ((int64_t)86400000000)

// 12.5e-3 as a whole number and how many digits stand behind the point: 125 and 4.  At most 28 digits, 20 behind the point.
bool dba_line_read_number(const char *text, DbaUnits *ret_digits, int *ret_scale);
const char *dba_line_write_number(DbaArena *arena, DbaUnits digits, unsigned scale);
// A date or a timestamp, ISO and in UTC, as microseconds; *ret_rest is what follows the date in `text`.
bool dba_line_read_moment(const char *text, DbaUnits *ret_us, const char **ret_rest);
// With a time when `rest` has one.
const char *dba_line_write_moment(DbaArena *arena, DbaUnits us, const char *rest);

// SPDX-License-Identifier: Apache-2.0
// Shared by the models of columns and the makers of values.
#pragma once

#include "lab/stand-in-int.h"

typedef enum DbaValueKind {
  DBA_VALUE_PICK, // one of those that are named
  DBA_VALUE_WHOLE,
  DBA_VALUE_REAL,
  DBA_VALUE_NUMERIC,
  DBA_VALUE_MOMENT, // seconds since 1970: date, timestamp, timestamptz
  DBA_VALUE_TIME,
  DBA_VALUE_INTERVAL,
  DBA_VALUE_UUID,
  DBA_VALUE_ADDRESS,
  DBA_VALUE_TEXT,
  DBA_VALUE_BOOL,
  DBA_VALUE_BYTES,
  DBA_VALUE_JSON,
  DBA_VALUE_ARRAY,
  DBA_VALUE_LEXEMES,
  DBA_VALUE_POINT,
  DBA_VALUE_VECTOR,
  DBA_VALUE_ENUM,
} DbaValueKind;

// How values of a type are made.
typedef struct DbaMaker {
  const char *type; // pg_type.typname of the base type
  DbaValueKind kind;
  const char *number; // SQL: x.v as a number on a line, or NULL
  double step;        // the least distance of two values; 0: none
  const char *style;  // of DBA_VALUE_MOMENT: "date", "timestamp", "timestamptz"
} DbaMaker;

const DbaMaker *dba_maker_of(const DbaSchema *schema, const DbaColumn *column, const DbaList **ret_labels);
uint64_t dba_length_limit(const char *type); // of text types
const char *dba_copy_escape(DbaArena *arena, const char *text);

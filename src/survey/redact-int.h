// SPDX-License-Identifier: Apache-2.0
// Shared by the parts of redaction: what kinds of values there are, and the map of one group of columns.
#pragma once

#include "survey/survey.h"

typedef enum DbaRedactKind {
  DBA_REDACT_LEFT_OUT, // values of a type without a map
  DBA_REDACT_KEPT,     // no secret, or in the schema's text anyway: truth values, labels of enums
  DBA_REDACT_NUMBER,
  DBA_REDACT_MOMENT, // date, timestamp, with and without time zone
  DBA_REDACT_TEXT,
  DBA_REDACT_LEXEME, // of tsvector: ordered by length, then bytes
  DBA_REDACT_UUID,
  DBA_REDACT_ADDRESS,
  DBA_REDACT_TIME,
  DBA_REDACT_INTERVAL,
  DBA_REDACT_BYTES,
} DbaRedactKind;

typedef struct DbaRedactType {
  const char *name; // pg_type.typname
  DbaRedactKind kind;
  double least, greatest; // of numbers
  bool whole;
  const char *sort_as; // the type by which the server sorts them
} DbaRedactType;
// NULL when the type has none.
const DbaRedactType *dba_redact_type(const char *name);

// One map for all columns that are compared with each other.  Values are added, then it is settled, then it maps what was added.
typedef struct DbaRedactMap {
  DbaRedactKind kind;
  const char *sort_as, *collation; // qualified and quoted, or NULL
  double least, greatest;          // that every column can hold
  uint64_t longest;                // characters that every column can hold; 0: no limit
  bool whole, real;
  GHashTable *values;  // text -> text that stands for it, NULL before it is settled
  GPtrArray *given;    // the same in the order of adding
  GHashTable *fixed;   // texts that map to themselves: they stand in the schema
  const char *failure; // why the group has no map, or NULL
  bool affine;
  int64_t slope;            // of an affine map
  unsigned placed, unmoved; // values with places between those that stay, and those of them that could only stay too
} DbaRedactMap;

void dba_redact_map_add(DbaRedactMap *map, const char *value, bool fixed);
bool dba_redact_map_settle(DbaRedactMap *map, DbaArena *arena, uint64_t *seed, DbaValueSorter sorter, void *data,
                           GError **error) DBA_CHECKED;
// NULL when there is none.
const char *dba_redact_map_value(const DbaRedactMap *map, const char *value);

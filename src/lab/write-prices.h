// SPDX-License-Identifier: Apache-2.0
// What an entry in an index costs those who write, measured in a lab.
#pragma once

#include "lab/lab.h"

typedef struct DbaWriteMethod {
  const char *method; // "btree", "hash", "gin", "gist", "spgist", "brin", "hnsw"
  double us;          // of the server's time for an entry
  double wal_bytes;   // for an entry
} DbaWriteMethod;

typedef struct DbaWritePrices {
  const char *server;  // "17.12"
  double units_per_ms; // of the planner's cost, for work in memory
  DbaList methods;     // DbaWriteMethod
} DbaWritePrices;

// From `path`, where an earlier run left them, else by rows that are written with and without an index of each method (about a second); then they are
// left there.  Rounded to two figures, so that they stay the same.  In `arena`.
bool dba_lab_write_prices(const DbaLab *lab, const char *path, DbaArena *arena, DbaWritePrices *ret_prices, GError **error) DBA_CHECKED;
// Of an entry, in the planner's unit; a method that was not measured costs as the dearest that was.
double dba_write_price(const DbaWritePrices *prices, const char *method);

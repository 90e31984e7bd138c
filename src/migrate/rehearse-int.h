// SPDX-License-Identifier: Apache-2.0
// Shared by a rehearsal (rehearse.c), what clients waited for (rehearse-waits.c) and what is said of it (rehearse-judge.c).
#pragma once

#include "migrate/run-int.h"

#include "lab/driving.h"

// A lock on a relation, from the statement of the migration that took it until the first look that did not find it.
typedef struct DbaHeldLock {
  const char *relation, *transaction;
  DbaLockMode mode;
  unsigned statement;      // its place among the rehearsal's, from 0
  double from_ms, till_ms; // since the migration began; from: when that statement did; till: when the next did that it was gone for
  bool held;               // when it was looked at last: till is INFINITY
} DbaHeldLock;

// Looks, behind statement number `statement`, which began at `from_ms`, at what session `pid` holds.  A look that fails is no look.
void dba_rehearsal_look_at_locks(DbaServer *looking, int64_t pid, DbaArena *arena, unsigned statement, double from_ms, DbaList *held);
// Lays each wait of a client at the statement whose lock it waited for; where that is not known, at the one that most of it lies in.
void dba_rehearsal_take_waits(DbaArena *arena, const DbaDriveResult *result, const DbaList *held, DbaRehearsal *rehearsal);

// What is over a limit, and what is near one.
void dba_rehearsal_judge(DbaArena *arena, DbaRehearsal *rehearsal);
const DbaRehearsedStatement *dba_rehearsal_worst(const DbaRehearsal *rehearsal); // that clients waited longest for; NULL: none did
// A receipt is committed: keys and rows that the server quotes stay out, and so do literals.
const char *dba_rehearsal_without_values(DbaArena *arena, const char *message);
const char *dba_rehearsal_without_literals(DbaArena *arena, const char *sql);

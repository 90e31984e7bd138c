// SPDX-License-Identifier: Apache-2.0
// Table-level locks: their names, whom they keep out.
#include "sql/sql.h"

#include <string.h>

static const char *const lock_names[] = {"",      "ACCESS SHARE",        "ROW SHARE", "ROW EXCLUSIVE",   "SHARE UPDATE EXCLUSIVE",
                                         "SHARE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE"};
const char *dba_lock_name(DbaLockMode mode) { return lock_names[mode]; }

const char *dba_lock_blocks(DbaLockMode mode) {
  return mode == DBA_LOCK_ACCESS_EXCLUSIVE         ? "reads and writes"
         : mode >= DBA_LOCK_SHARE                  ? "writes"
         : mode == DBA_LOCK_SHARE_UPDATE_EXCLUSIVE ? "nothing but other schema changes and vacuum"
                                                   : "nothing";
}

// LockConflicts[] of lock.c: a bit for each mode that a mode conflicts with.
bool dba_lock_conflicts(DbaLockMode a, DbaLockMode b) {
  enum {
    S = 1 << DBA_LOCK_SHARE,
    SUE = 1 << DBA_LOCK_SHARE_UPDATE_EXCLUSIVE,
    SRE = 1 << DBA_LOCK_SHARE_ROW_EXCLUSIVE,
    E = 1 << DBA_LOCK_EXCLUSIVE
  };
  enum {
    AEX = 1 << DBA_LOCK_ACCESS_EXCLUSIVE,
    RX = 1 << DBA_LOCK_ROW_EXCLUSIVE,
    RS = 1 << DBA_LOCK_ROW_SHARE,
    AS = 1 << DBA_LOCK_ACCESS_SHARE
  };
  static const unsigned with[] = {0,
                                  AEX,
                                  E | AEX,
                                  S | SRE | E | AEX,
                                  SUE | S | SRE | E | AEX,
                                  RX | SUE | SRE | E | AEX,
                                  RX | SUE | S | SRE | E | AEX,
                                  RS | RX | SUE | S | SRE | E | AEX,
                                  AS | RS | RX | SUE | S | SRE | E | AEX};
  return (with[a] & 1U << b) != 0;
}

bool dba_lock_parse(const char *mode, DbaLockMode *ret_mode) {
  static const char *const modes[] = {"AccessShareLock", "RowShareLock",          "RowExclusiveLock", "ShareUpdateExclusiveLock",
                                      "ShareLock",       "ShareRowExclusiveLock", "ExclusiveLock",    "AccessExclusiveLock"};
  for (size_t i = 0; i < G_N_ELEMENTS(modes); i++)
    if (!strcmp(modes[i], mode)) {
      *ret_mode = (DbaLockMode)(i + 1);
      return true;
    }
  return false;
}

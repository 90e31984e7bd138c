// SPDX-License-Identifier: Apache-2.0
// The ledger: what a team decided, learned and left open about its database, as Markdown in its own repository.
//
// An entry is a file ledger/DATE-TITLE.md with front matter between two lines of "---" and text for people below:
//
//   ---
//   kind: decision
//   date: 2026-03-02
//   title: "The undo of 012 need not bring labels back"
//   rule: undo-does-nothing
//   object: 012_more_states
//   by: kim
//   ---
//   Labels of an enum stay; nothing writes them after the undo.
//
// A decision with a rule settles the findings of that rule on that object, or on all where none is named, until the day in "until".
#pragma once

#include "finding/finding.h"

typedef struct DbaLedgerEntry {
  const char *file;          // within the folder; set by reading and adding
  const char *kind;          // "decision", "learning", "issue"
  const char *date, *title;  // "2026-03-02"
  const char *status;        // of an issue: "open", "closed"; NULL else
  const char *rule, *object; // what it settles; may be NULL
  const char *until;         // a decision's last day; may be NULL
  const char *by;            // may be NULL
  DbaList receipts;          // texts: files that prove it
  const char *text;          // below the front matter
} DbaLedgerEntry;
extern const DbaRecord dba_ledger_entry_record; // without the text

typedef struct DbaLedger {
  DbaArena *arena;
  const char *folder;
  DbaList entries; // DbaLedgerEntry, the oldest first
  DbaList strange; // texts: files that are no entries, and why
} DbaLedger;

// A folder that is not there is an empty ledger.  An entry that cannot be read is an error with its place.
DbaLedger *dba_ledger_read(const char *folder, GError **error) DBA_CHECKED;
void dba_ledger_free(DbaLedger *ledger);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DbaLedger, dba_ledger_free)
// By the file's name, with or without .md, or a part of it that only one has; NULL with an error that names those that match.
const DbaLedgerEntry *dba_ledger_find(const DbaLedger *ledger, const char *word, GError **error) DBA_CHECKED;
// Writes a new file; `entry->file` is chosen from date and title and lies in `arena`.  The date is today where it has none.
bool dba_ledger_add(const char *folder, DbaArena *arena, DbaLedgerEntry *entry, GError **error) DBA_CHECKED;
// What decisions settle today, of `rules` (NULL-terminated), appended to a list of DbaSuppression.
void dba_ledger_suppressions(const DbaLedger *ledger, const char *const *rules, DbaArena *arena, DbaList *suppressions);

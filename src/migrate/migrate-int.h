// SPDX-License-Identifier: Apache-2.0
// Shared by the readers of layouts.
#pragma once

#include "migrate/migrate.h"

// ---- layout.c -------------------------------------------------------------------------------------------------------

// Does a mark of a tool with sections stand in the text, and whose?
bool dba_layout_of_text(const char *text, size_t length, DbaLayout *ret_layout);
// Blanks all but one section of the text, marks included; false: the section is not there.  *ret_no_transaction: what says that it runs
// outside of a transaction, or NULL.
bool dba_layout_take_section(DbaLayout layout, bool down, char *text, size_t length, const char **ret_no_transaction);

// ---- script.c -------------------------------------------------------------------------------------------------------

// A file as it was read: without a byte-order mark.
typedef struct DbaScriptFile {
  const char *path, *text, *checksum;
  size_t length;
} DbaScriptFile;
bool dba_script_file_read(DbaArena *arena, const char *path, DbaScriptFile *ret_file, GError **error) DBA_CHECKED;

// What a layout says of its scripts.
typedef struct DbaScriptRules {
  bool psql;                  // the tool runs them with psql: its commands are fine
  bool loose;                 // one statement that refuses a transaction takes the whole script out of it
  const char *no_transaction; // what says so outside of the text; NULL: nothing
} DbaScriptRules;
// `text`, NULL: the file's own; it must live in the arena.
DbaScript *dba_script_new(DbaMigrations *migrations, const DbaScriptFile *file, const char *text, const DbaScriptRules *rules, int major,
                          GError **error) DBA_CHECKED;

// backfill.c: the directives in a script's comments, as items too.
void dba_backfills_read(DbaScript *script, DbaArena *arena);

// ---- files.c, sqitch.c ----------------------------------------------------------------------------------------------

void dba_migrations_problem(DbaMigrations *migrations, const char *rule, const char *file, bool fatal, const char *format, ...)
    DBA_PRINTF(5, 6);
bool dba_sqitch_read(DbaMigrations *migrations, int major, GError **error) DBA_CHECKED;

// ---- row-sums.c -----------------------------------------------------------------------------------------------------

typedef struct DbaRowSums DbaRowSums;
// `subject`: a session of the subject's role, since outputs of its types are called; `superuser`: one that may look at every sequence.
// `cache`: of one database; tables that did not change since are not read again.
typedef struct DbaRowCache DbaRowCache;
DbaRowCache *dba_row_cache_new(void);
void dba_row_cache_free(DbaRowCache *cache);
DbaRowSums *dba_row_sums_read(DbaServer *subject, DbaServer *superuser, DbaRowCache *cache, GError **error) DBA_CHECKED;
void dba_row_sums_free(DbaRowSums *sums);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DbaRowSums, dba_row_sums_free)
bool dba_row_sums_any(const DbaRowSums *sums); // a row at all
bool dba_row_sums_is_empty(const DbaRowSums *sums, const char *table);
bool dba_row_sums_has_rows(const DbaRowSums *sums, const char *table);
// What of the tables that are in `before` and `after` is not what it was: texts to `lost`.  *ret_saved: something that was not there in between
// has come back.
void dba_row_sums_compare(const DbaRowSums *before, const DbaRowSums *between, const DbaRowSums *after, DbaArena *arena, DbaList *lost,
                          bool *ret_saved);
// Sequences that were away in between, or all when the migration sets sequences, and stand elsewhere.
void dba_row_sums_compare_sequences(const DbaRowSums *before, const DbaRowSums *between, const DbaRowSums *after, bool set, DbaArena *arena,
                                    DbaList *lost);

// ---- catalog.c ------------------------------------------------------------------------------------------------------

// The reader's session, of a superuser, in that database.
DbaServer *dba_catalog_server(DbaCatalogReader *reader, const char *database, GError **error) DBA_CHECKED;
// Makes made rows less smooth, with fractions, capitals and blanks, so that what rounds, folds or trims them is seen; `filled`: DbaRelation.  The session
// runs no triggers from then on.
bool dba_rows_roughen(DbaServer *server, GHashTable *filled, GError **error) DBA_CHECKED;
// What "-- dbarch: group=NAME" above its first statement says; NULL: nothing.
const char *dba_script_group(const DbaScript *script, DbaArena *arena);
// Neighbours from number *at on that belong together, as one migration in `arena`, and *at behind them; the migration itself where it stands alone.
DbaMigration *dba_migrations_group(const DbaMigrations *migrations, uint32_t *at, DbaArena *arena);

// SPDX-License-Identifier: Apache-2.0
// Migrations: read from the files of any tool, run one by one in a lab, undone, compared.
//
// Which tool the files were written for is told by looking at them (dba_migrations_read); whatever it is, the result is one list of
// migrations with an up, a down and sometimes a test script, and what comes after knows nothing of layouts.
#pragma once

#include "lab/lab.h"

// ---- files ----------------------------------------------------------------------------------------------------------

typedef enum DbaLayout {
  DBA_LAYOUT_PAIRS,   // 012_name.up.sql, 012_name.down.sql: dbarch's own, golang-migrate's
  DBA_LAYOUT_FOLDERS, // 012_name/up.sql, down.sql or migration.sql: diesel's, Prisma's
  DBA_LAYOUT_DBMATE,  // one file with marked sections, as are the next four
  DBA_LAYOUT_GOOSE,
  DBA_LAYOUT_SQL_MIGRATE,
  DBA_LAYOUT_NODE, // node-pg-migrate
  DBA_LAYOUT_TERN,
  DBA_LAYOUT_FLYWAY, // V1__name.sql, U1__name.sql, R__name.sql
  DBA_LAYOUT_SQITCH, // sqitch.plan, deploy/, revert/, verify/
  DBA_LAYOUT_PLAIN,  // 012_name.sql without an undo
  DBA_N_LAYOUTS
} DbaLayout;
const char *dba_layout_name(DbaLayout layout); // "pairs", as --layout takes it
const char *dba_layout_told(DbaLayout layout); // "pairs of files, as golang-migrate has them"
bool dba_layout_parse(const char *name, DbaLayout *ret_layout) DBA_CHECKED;
const char *const *dba_layout_names(void); // NULL-terminated

typedef enum DbaScriptMode {
  DBA_SCRIPT_ONE_TRANSACTION,  // all of it or nothing
  DBA_SCRIPT_NO_TRANSACTION,   // statement by statement
  DBA_SCRIPT_OWN_TRANSACTIONS, // it has BEGIN and COMMIT of its own, other than around all of it
} DbaScriptMode;

// "-- dbarch: backfill table=... set=... where=...": rows filled in batches by the runner.
typedef struct DbaBackfill {
  const char *table, *set, *where; // SQL; where: NULL: all rows
  uint32_t batch, line;
  double pause_seconds; // between batches; below 0: as long as the last one took
  double max_lag_seconds;
} DbaBackfill;

// One direction of one migration.
typedef struct DbaScript {
  const char *path;
  const char *checksum; // SHA-256, in hexadecimal, of the whole file with Unix line ends and without a byte-order mark
  const char *text;     // what stands in other sections of the file is blank; lines and columns are the file's
  DbaList items;        // DbaSqlStatement: statements, psql's commands, data of COPY
  DbaList backfills;    // DbaBackfill: nothing else is in it then, and items say for each what it does at once
  DbaScriptMode mode;
  const char *why;     // the mode is not one transaction: "-- +goose NO TRANSACTION", "line 1 cannot run in a transaction"
  const char *problem; // it cannot be run: a syntax error, a command of psql where the tool has no psql; NULL else
  DbaList parts;       // const DbaScript *: of a group, in the order in which they run; items are all of theirs
} DbaScript;

typedef struct DbaMigration {
  const char *version;  // "012", "20240131120000", "1.2"; NULL where the layout has none
  const char *name;     // "add_orders"; may be empty
  const char *label;    // "012_add_orders", as messages and --from have it
  DbaScript *up, *down; // NULL: not there
  DbaScript *verify;    // sqitch: fails where the change is not in place; NULL else
  bool repeatable;      // Flyway's R__: run whenever it changed
  const char *group;    // "-- dbarch: group=NAME": neighbours of one name belong together; NULL: it stands alone
} DbaMigration;

// What is wrong with a file, or with the order of the files.
typedef struct DbaFileProblem {
  const char *rule, *file, *text;
  bool fatal; // `up` refuses the folder
} DbaFileProblem;

typedef struct DbaMigrations {
  DbaArena *arena;
  DbaLayout layout;
  const char *why; // how it was told: "001_shop.up.sql is named so"
  const char *folder;
  DbaList migrations; // DbaMigration, in the order they run
  DbaList problems;   // DbaFileProblem
} DbaMigrations;

// Reads a folder.  `layout`: NULL: told by looking; files of two tools are an error that names one of each.  `major`: of the server that
// will run them; above 17 what our grammar does not know is left to the server.
DbaMigrations *dba_migrations_read(const char *folder, const DbaLayout *layout, int major, GError **error) DBA_CHECKED;
void dba_migrations_free(DbaMigrations *migrations);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DbaMigrations, dba_migrations_free)
// The one that a person means: a label, a version, or a version without its zeros; NULL: none.
const DbaMigration *dba_migrations_find(const DbaMigrations *migrations, const char *word);
// Numbers by value, other parts by text: "9" before "10", "1.9" before "1.10".
int dba_version_compare(const char *a, const char *b);

// Who looks on while a script runs.
typedef struct DbaScriptWatch {
  bool (*after)(void *data, const DbaSqlStatement *item, double ms, GError **error); // a statement, before its transaction ends
  bool (*ended)(void *data, GError **error);                                         // a transaction that is not the whole script
  void *data;
} DbaScriptWatch;
// Runs a script as its mode says.  What an open transaction of its own leaves undone is an error, as is whatever a statement raises.  `watch`:
// or NULL.
bool dba_script_run(DbaLabSession *session, const DbaScript *script, const DbaScriptWatch *watch, GError **error) DBA_CHECKED;

// ---- catalogs -------------------------------------------------------------------------------------------------------

// All that the server's catalogs say of what users have made, read generically: pg_get_catalog_foreign_keys() tells which fields lead
// to other catalogs, and those are named by what they lead to.  Two databases that pg_dump cannot tell apart have equal catalogs.
typedef struct DbaCatalog DbaCatalog;
typedef struct DbaCatalogReader DbaCatalogReader;
DbaCatalogReader *dba_catalog_reader_open(const DbaLab *lab, GError **error) DBA_CHECKED;
void dba_catalog_reader_close(DbaCatalogReader *reader);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DbaCatalogReader, dba_catalog_reader_close)
// Of one database; the reader keeps a session in it until it is told to let go.
DbaCatalog *dba_catalog_read(DbaCatalogReader *reader, const char *database, GError **error) DBA_CHECKED;
// The same of a copy that pg_dump and a load make of it, which is dropped again.
DbaCatalog *dba_catalog_read_reloaded(const DbaLab *lab, DbaCatalogReader *reader, const char *database, GError **error) DBA_CHECKED;
void dba_catalog_let_go(DbaCatalogReader *reader);
void dba_catalog_free(DbaCatalog *catalog);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DbaCatalog, dba_catalog_free)

typedef enum DbaDifferenceKind {
  DBA_DIFFERENCE_GONE,    // in the first, not in the second
  DBA_DIFFERENCE_LEFT,    // in the second, not in the first
  DBA_DIFFERENCE_CHANGED, // one field of it
  DBA_DIFFERENCE_ORDER,   // the same columns in another order
} DbaDifferenceKind;
typedef struct DbaCatalogDifference {
  DbaDifferenceKind kind;
  const char *noun, *name, *part_of; // "column", "public.orders.total", "public.orders"; part_of may be NULL
  const char *field;                 // "default"; NULL but for DBA_DIFFERENCE_CHANGED
  const char *before, *after;        // of the field, as text; NULL: nothing
  bool deparsed;                     // the field is text that the server writes from a tree, and may be stable only after a reload
} DbaCatalogDifference;
// From `before` to `after`, by catalog and name; what lies below an object that is gone or left is told with it, not by itself.
void dba_catalog_compare(const DbaCatalog *before, const DbaCatalog *after, DbaArena *arena, DbaList *ret_differences);
bool dba_catalog_equal(const DbaCatalog *a, const DbaCatalog *b);
// "default of column shop.orders.total is 0, was 1"; free with g_free.
char *dba_difference_text(const DbaCatalogDifference *difference) DBA_CHECKED;
// Names of the tables in it that have rows of their own, in order; they live as long as it does.
GPtrArray *dba_catalog_tables(const DbaCatalog *catalog);

// ---- verify ---------------------------------------------------------------------------------------------------------

typedef struct DbaVerified {
  const DbaMigration *migration;
  const char *undo_class; // DBA_UNDO_EXACT ...; NULL: it has no undo, or it could not be judged
  DbaList lost;           // texts: what the undo does not bring back
  bool rows;              // it ran on tables with rows
  bool up_ran;
  double up_ms, down_ms;
} DbaVerified;

// A migration that makes others wait, as several that do not.
typedef struct DbaRewritePart {
  const char *up, *down; // whole files; down: NULL: none was found
} DbaRewritePart;
typedef struct DbaRewrite {
  const DbaMigration *migration;
  DbaList parts; // DbaRewritePart, in the order they run
} DbaRewrite;

extern const char DBA_VERIFIED_DATABASE[]; // in the lab, after dba_migrations_verify: what all migrations have made

typedef struct DbaVerification {
  const DbaMigrations *migrations;
  DbaArena *arena;
  DbaList verified;       // DbaVerified, one for each migration that was run
  DbaList notes;          // texts: what the lab left out or made up, with its place
  DbaFindings *findings;  // borrowed
  DbaList rewrites;       // DbaRewrite: they ran, and the same schema came of them
  uint32_t passed_over;   // before --from: run, not judged
  uint32_t not_run;       // behind one that failed
  bool undos, locks;      // what was judged
  bool undone_as_a_whole; // all of them, newest first, and nothing was left
  double seconds;
} DbaVerification;

typedef struct DbaVerifyOptions {
  bool undos;             // every undo is run and compared
  bool proposals;         // where one is missing or wrong, one is looked for by running (change of the finding)
  bool locks;             // what every statement locks, reads and rewrites is looked at
  bool rewrites;          // for those that make others wait, another way is looked for by running
  const DbaSurvey *sizes; // of production's tables, for what is small enough; or NULL
  const char *from;       // label of the first that is judged; NULL: all
  int64_t rows;           // to a table, so that undoing can lose something
  double limit_seconds;   // for one script
  const DbaList *allowed; // DbaSuppression of the repository: what it allows is not written anew; or NULL
  // The first migration that is judged is about to run in `database`; may be NULL.
  bool (*begins)(void *data, const DbaLab *lab, const char *database, GError **error);
  void *begins_data;
  const char *start; // a database of the lab that the first migration is run in; NULL: an empty one
  DbaInterrupt *interrupt;
  void (*progress)(void *data, const char *line); // may be NULL
  void *progress_data;
} DbaVerifyOptions;
// Runs every migration up, and down and up again, in databases "base" and "trial" of the lab, and compares catalogs and rows.  False only when the
// lab broke or the user interrupted: what is wrong with a migration is a finding.
bool dba_migrations_verify(const DbaLab *lab, const DbaMigrations *migrations, const DbaVerifyOptions *options, DbaFindings *findings,
                           DbaVerification *ret_verification, GError **error) DBA_CHECKED;

// The locks judged from the text alone, without a lab.  `from`: as above.
bool dba_migrations_lint(const DbaMigrations *migrations, const char *from, const DbaSurvey *sizes, DbaFindings *findings,
                         DbaVerification *ret_verification, GError **error) DBA_CHECKED;

typedef struct DbaScaleOptions {
  DbaSurvey *survey;                              // of production, with values; foreign keys that migrations add are put in
  double percent;                                 // of its rows, at the largest size; 0: as many as a second or so works through
  double wait_limit_ms;                           // that clients may wait: how severe a finding is; 0: as its rule has it
  gint64 deadline_us;                             // monotonic
  void (*progress)(void *data, const char *line); // may be NULL
  void *progress_data;
} DbaScaleOptions;
// How long the statements of findings about waits take at production's size, into their risk.duration_ms and duration_note, and by that how severe they are.  The lab must be durable
// (dba_lab_be_durable).  What could not be measured is a text in `notes`.
bool dba_migrations_measure(const DbaLab *lab, const DbaMigrations *migrations, const char *from, const DbaScaleOptions *options,
                            DbaFindings *findings, DbaList *notes, GError **error) DBA_CHECKED;

// Settles findings by comments "-- dbarch: allow RULE reason" in the migrations' files; what allows nothing is said in findings->idle.  To be called once all
// findings are there.
void dba_migrations_settle(DbaFindings *findings, const DbaMigrations *migrations);
// Settles findings by what the repository allows (DbaSuppression).  An object is a migration, by label or version, or a table that waits.
void dba_migrations_allow(DbaFindings *findings, const DbaMigrations *migrations, const DbaList *suppressions);

typedef struct DbaMigrateRule {
  const char *rule, *title, *explain;
  DbaSeverity severity;
} DbaMigrateRule;
extern const DbaMigrateRule dba_migrate_rules[]; // ends with a NULL rule

// ---- rehearse -------------------------------------------------------------------------------------------------------

// A statement of a migration, as it ran on a stand-in beside clients.
typedef struct DbaRehearsedStatement {
  const char *sql;
  int64_t line, tries;
  double begin_ms, ms;    // since the migration began; of its last try
  int64_t waits;          // of clients, that were seen: for a lock that it took, or while it ran
  double longest_wait_ms; // the longest of them, whole
  const char *held;       // then: "AccessExclusiveLock on orders"
  int64_t held_to_line;   // then: the line at whose end that lock was given back, where it is a later one; 0
  double waited_ms;       // for clients, itself
  const char *waiter;     // then: the client's statement
} DbaRehearsedStatement;

// A statement of the workload, before the migration and beside it.
typedef struct DbaRehearsedClient {
  const char *sql;  // literals as "?"
  const char *text; // as it is; not in the receipt
  int64_t runs, during_runs;
  double before_p50_ms, before_p99_ms, before_worst_ms, during_p95_ms, during_p99_ms, during_worst_ms;
  double waited_ms; // the longest wait for the migration
  int64_t before_errors, during_errors;
  int64_t prepared_again; // by clients whose prepared plan was of no use any more
  const char *error;
} DbaRehearsedClient;

// The receipt of one migration, bound to its text and to the age of what it stood on.
typedef struct DbaRehearsal {
  const char *migration, *checksum;
  const char *rehearsed_at; // UTC
  const char *subject, *survey_taken_at;
  int64_t subject_bytes;     // of the database that it stands for; 0: not known
  const char *server, *rows; // "PostgreSQL 17.11 (private runtime), fsync on"; "made from statistics, 10 % of the subject's"
  double percent;            // of the subject's rows
  int64_t clients;
  const char *load; // what they ran: "its workload"
  double rate;      // statements a second; 0: as many as they could
  bool passed;
  DbaList not_run;     // texts: statements of the workload that could not be run, what was not seen
  DbaList problems;    // texts: what was over a limit, or failed
  DbaList near_limits; // texts: what may be so, or not be so, the next time
  DbaLimits limits;
  double duration_ms, longest_wait_ms, lag_seconds; // lag: -1: no replica
  int64_t waits, client_errors;
  int64_t wal_bytes;  // without those that clients wrote at the rate of before
  int64_t disk_bytes; // above what there was before, at most
  DbaList statements; // DbaRehearsedStatement
  DbaList workload;   // DbaRehearsedClient
  const char *again;  // the command
} DbaRehearsal;
extern const DbaRecord dba_rehearsal_record;
#define DBA_LOAD_BY_KEYS "reads and writes by primary key"

typedef struct DbaRehearseOptions {
  const DbaLab *lab;
  const char *database;                // a stand-in, durable; its history says what was run
  const DbaSurvey *subject;            // of production
  const char *rows, *again;            // for the receipt
  double percent;                      // of production's rows that are there
  const DbaList *statements, *instead; // DbaDriveStatement: the workload; what to run where none of it can be
  const char *load;                    // what the workload is: "its workload"
  const DbaLimits *limits;
  unsigned clients;
  double rate, before_seconds, after_seconds; // load before each migration, and after it
  uint64_t seed;
  double lock_timeout_seconds, statement_timeout_seconds;
  unsigned tries;
  DbaInterrupt *interrupt;
  void (*progress)(void *data, const char *line); // may be NULL
  void *progress_data;
} DbaRehearseOptions;
// Runs each of `pending` (const DbaMigration *) as `up` does, beside clients.  Appends DbaRehearsal to ret_rehearsals; stops behind one that
// cannot run.  What is over a limit is a finding too.  False only when the lab broke or the user interrupted.
bool dba_migrations_rehearse(const DbaMigrations *migrations, const GPtrArray *pending, const DbaRehearseOptions *options,
                             DbaFindings *findings, DbaArena *arena, DbaList *ret_rehearsals, GError **error) DBA_CHECKED;
typedef struct DbaBorrowedKey {
  const char *schema, *table, *name;
} DbaBorrowedKey;
// Before a stand-in is made: foreign keys that `pending` (const DbaMigration *) add go into the survey, so that its rows meet them, and into
// `borrowed` (DbaBorrowedKey).
bool dba_keys_borrow(const DbaLab *lab, const DbaMigrations *migrations, const GPtrArray *pending, DbaSurvey *survey, GArray *borrowed,
                     GError **error) DBA_CHECKED;
// After it was made: they go again.
bool dba_keys_drop_borrowed(DbaServer *server, const GArray *borrowed, GError **error) DBA_CHECKED;
// In a stand-in that was just made: the tables of histories are emptied, and all but `pending` written down as run.
bool dba_rehearsal_prepare(const DbaLab *lab, const char *database, const DbaMigrations *migrations, const GPtrArray *pending,
                           GError **error) DBA_CHECKED;
// Receipts are FOLDER/LABEL.json.  *ret_rehearsal is NULL where there is none.
bool dba_rehearsal_write(const char *folder, const DbaRehearsal *rehearsal, GError **error) DBA_CHECKED;
bool dba_rehearsal_read(const char *folder, const DbaMigration *migration, DbaArena *arena, DbaRehearsal **ret_rehearsal,
                        GError **error) DBA_CHECKED;
// Why it does not let the migration run, in `arena`; NULL: it does.  `rehearsal` may be NULL.
const char *dba_rehearsal_refusal(const DbaRehearsal *rehearsal, const DbaMigration *migration, double survey_age_seconds,
                                  int64_t target_bytes, DbaArena *arena);

// ---- a target's history ---------------------------------------------------------------------------------------------

// What a target's table says of one migration.
typedef struct DbaApplied {
  const char *label, *version, *checksum; // of the file when it was run
  const char *applied_at, *applied_by;    // UTC; NULL: taken over from another tool's table
  const char *taken_from;                 // "dbmate", "golang-migrate", "baseline"; NULL: dbarch ran it
  const char *override;                   // the reason that was given for running it all the same
  const char *ledger;                     // the receipt or entry that let it run
  const char *reached;                    // a backfill under way: the last key, as an array; NULL
  int64_t rows;                           // and the rows that it has looked at
  double duration_ms;
  bool stored;           // in our table
  bool running, undoing; // it runs statement by statement and has not ended
  uint32_t begun, done;  // then: statements, from 1; begun > done: one was cut
} DbaApplied;

typedef struct DbaHistory {
  DbaArena *arena;
  DbaList applied;           // DbaApplied, in the order in which they were run
  const char *foreign;       // another tool's table is there too: "dbmate", "golang-migrate"; NULL
  const char *foreign_table; // its name as SQL
  bool ours, schema_there;   // dbarch.migrations, schema dbarch
} DbaHistory;
// Only reads.  A table of golang-migrate or dbmate stands in for ours while there is none.
bool dba_history_read(DbaServer *server, const DbaMigrations *migrations, DbaArena *arena, DbaHistory *ret_history,
                      GError **error) DBA_CHECKED;
// The process of a runner that is at work there; 0: none is.
bool dba_history_runner(DbaServer *server, int64_t *ret_pid, GError **error) DBA_CHECKED;
const DbaApplied *dba_history_applied(const DbaHistory *history, const DbaMigration *migration); // NULL: it was not run

typedef enum DbaMigrationState {
  DBA_STATE_APPLIED,
  DBA_STATE_PENDING,
  DBA_STATE_LATE,    // pending, and older than the newest that was run: two branches met
  DBA_STATE_EDITED,  // its file is another one than was run
  DBA_STATE_STOPPED, // it did not end
  DBA_STATE_MISSING, // it was run, and its file is not there
} DbaMigrationState;
const char *dba_state_name(DbaMigrationState state);
typedef struct DbaStatusRow {
  const char *label;
  const DbaMigration *migration; // NULL: its file is not there
  const DbaApplied *applied;     // NULL: it was not run
  DbaMigrationState state;
  const char *override, *ledger; // `up`: what lets it run
} DbaStatusRow;
// DbaStatusRow for each migration, in order, then for what has no file.
void dba_history_status(const DbaMigrations *migrations, const DbaHistory *history, DbaArena *arena, DbaList *ret_rows);

// Something that a run would take away: values of a table with rows, the way back, or what nobody could see.
typedef struct DbaDestroyed {
  const char *migration;
  const char *object; // as a person names it: "shop.orders", "shop.orders.total"; the migration, where there is no table
  const char *table;  // as SQL, when the run began; NULL: no values that are known
  const char *oid;    // of that table, whatever it is called by then; NULL: not looked up
  const char *why;    // no table: "cannot be undone: its undo raises"
  const char *file;
  uint32_t line;    // 0: a lab saw it
  bool overwritten; // other values take their place
} DbaDestroyed;

// A backup of tables, each partition on its own: what is asked right before they are destroyed, whether it holds all.
typedef struct DbaSaved {
  const char *table, *sum; // as SQL; dba_table_sum of it
} DbaSaved;
typedef struct DbaBackup {
  const char *since; // transactions from this one on may not be in it: pg_snapshot_xmin of its snapshot
  DbaList tables;    // DbaSaved; empty: an archive, which has all
} DbaBackup;
// "12 rows 4711": rows, and a sum over them, with dba_table_sum_settings in force ("name = value", ends with NULL).  NULL: it failed; free with g_free.
char *dba_table_sum(DbaServer *server, const char *table, GError **error) DBA_CHECKED;
extern const char *const dba_table_sum_settings[];

typedef enum DbaWay { DBA_WAY_UP, DBA_WAY_DOWN, DBA_WAY_UP_AGAIN } DbaWay; // again: once it was undone

typedef struct DbaRunOptions {
  const char *to;            // label of the last that goes up, or, down, of the one that stays; NULL: all up, one down
  const char *rehearsal;     // the reason for running what was not rehearsed
  const char *rehearsals;    // folder of receipts (iron law 4): up refuses what has none, without a reason; NULL: there is none
  double survey_age_seconds; // of the survey that a rehearsal stood on, at most; 0: any
  // An iron law is overridden: writes that down, and gives the entry's name, which must live until the end; may be NULL.
  const char *(*overridden)(void *data, const char *what, const char *reason, const char *labels, GError **error);
  const char *undo;                 // the reason for running what has no undo (iron law 1)
  const char *backup;               // the reason for destroying values without a backup
  const char *edited;               // the reason for going on with another text than was begun
  double lock_timeout_seconds;      // for each try of a statement
  double statement_timeout_seconds; // 0: none
  double wait_seconds;              // for another runner
  unsigned tries;                   // of a migration whose locks are not to be had, or that meets a deadlock
  DbaInterrupt *interrupt;
  void (*progress)(void *data, const char *line); // may be NULL
  void (*announce)(void *data, const char *line); // each migration that ended; may be NULL
  // What they would destroy, seen in a lab (dba_migrations_foresee); false without an error: nobody could look.  NULL: nobody looks.
  bool (*foresee)(void *data, const GPtrArray *order, DbaWay way, DbaArena *arena, DbaList *ret_destroyed, GError **error);
  bool (*confirm)(void *data, const char *object, const char *what); // may it be destroyed?  NULL: nothing may
  // Before values are destroyed (DbaDestroyed with a table), right before that; `only_check`: could it be done?  NULL: nothing is.
  bool (*back_up)(void *data, const DbaList *destroyed, bool only_check, DbaArena *arena, DbaBackup *ret_backup, GError **error);
  double backup_lock_seconds; // that others may wait while it is looked whether that backup holds all; 0: nobody looks
  // Each statement that ended, with monotonic times; may be NULL.
  void (*ran)(void *data, const DbaSqlStatement *item, gint64 from_us, gint64 to_us, bool ok);
  void *data;
  DbaLabSession *session; // the server is a lab's, and statements go through this; or NULL
} DbaRunOptions;
// Runs what is pending, in order; what did not end is gone on with first.  Each migration is done or not done, or, where it runs statement by statement, done up to
// a statement that the history names.  *ret_run: how many ended.
bool dba_migrations_up(DbaServer *server, const DbaMigrations *migrations, const DbaRunOptions *options, unsigned *ret_run,
                       GError **error) DBA_CHECKED;
// Undoes the newest, or all that are newer than `to`.
bool dba_migrations_down(DbaServer *server, const DbaMigrations *migrations, const DbaRunOptions *options, unsigned *ret_run,
                         GError **error) DBA_CHECKED;
// ---- drift ----------------------------------------------------------------------------------------------------------

typedef struct DbaDrifted {
  const char *kind;          // "made by hand", "gone", "changed"
  const char *noun, *object; // "column", "shop.orders.note"
  const char *text;
  const char *allowed; // by the repository, and why; NULL
} DbaDrifted;
typedef struct DbaDrift {
  DbaArena *arena;
  DbaList drifted;            // DbaDrifted
  DbaList notes;              // texts: what the lab left out
  unsigned n;                 // that are not allowed
  const char *adopt, *revert; // statements that lead from what the migrations make to the live schema, and back; NULL: none were found
  DbaList adopt_lacks, revert_lacks; // texts: what differs still when they have run; empty: nothing
} DbaDrift;
// `live_sql`: the target's schema as pg_dump writes it.  Runs what the history says was run in a lab and compares.  `allowed`: DbaSuppression.
// `drift` comes zeroed, with an arena.
bool dba_migrations_drift(const DbaLab *lab, const DbaMigrations *migrations, const DbaHistory *history, const char *live_sql,
                          const DbaList *allowed, DbaDrift *drift, GError **error) DBA_CHECKED;

// What `order` (const DbaMigration *) would destroy, in a lab: DbaDestroyed in `arena`, by the names that the target has. `live_sql`: its schema as pg_dump
// writes it.  One that does not run there is told without a table: what it and those behind it destroy is not known.
bool dba_migrations_foresee(const DbaLab *lab, const char *live_sql, const DbaMigrations *migrations, const GPtrArray *order, DbaWay way,
                            DbaArena *arena, DbaList *ret_destroyed, GError **error) DBA_CHECKED;

// Parameter: a table as SQL; rows: it and its partitions.
const char *dba_migrate_partitions_sql(void);
// Undoes the newest and runs it again; nothing is undone where it may not run.
bool dba_migrations_redo(DbaServer *server, const DbaMigrations *migrations, const DbaRunOptions *options, unsigned *ret_run,
                         GError **error) DBA_CHECKED;
// Writes down as run all up to `to`, without running them; where there is a history, that one alone.
bool dba_migrations_baseline(DbaServer *server, const DbaMigrations *migrations, const DbaRunOptions *options, unsigned *ret_run,
                             GError **error) DBA_CHECKED;

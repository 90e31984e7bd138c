// SPDX-License-Identifier: Apache-2.0
// The lab: a private PostgreSQL server that dbarch starts, uses and removes.
//
// A lab lives in one folder: data, socket, log, lock.  Whoever holds the lock owns the lab; a lab whose lock is free and
// that is not marked as kept belongs to a dead process and is swept by the next start.  It listens on a unix socket in a
// folder of mode 0700, never on TCP.  Two roles: "dbarch", the superuser, for our own statements, and "dbarch_subject",
// without any power beyond its own databases, for everything that comes from a subject.
#pragma once

#include "finding/finding.h"
#include "server/server.h"
#include "sql/sql.h"

#define DBA_LAB_SUPERUSER "dbarch"
#define DBA_LAB_SUBJECT_ROLE "dbarch_subject"

// ---- where and as whom ----------------------------------------------------------------------------------------------

// What the program's environment says; read by cli/ alone.
typedef struct DbaLabHome {
  const char *cache;    // /var/cache/dbarch for root, else ~/.cache/dbarch; must be absolute
  const char *pg_bin;   // --pg-bin or DBARCH_PG_BIN: the folder of the server's programs; NULL: find one
  int major;            // wanted major version; 0: 17, else the newest that is there
  const char *sudo_uid; // SUDO_UID when root, else NULL
  const char *modules;  // the folder of the planner modules (dbarch_twin-17.so ...); NULL: none
} DbaLabHome;

typedef struct DbaLabUser {
  uid_t uid;
  gid_t gid;
  const char *name; // of the passwd entry; owned by the system's table: copy before the next look-up
} DbaLabUser;

// Who the server runs as: ourselves, or as root SUDO_UID, "postgres" or "nobody", the first that exists.
bool dba_lab_user(const DbaLabHome *home, DbaLabUser *ret_user, GError **error) DBA_CHECKED;

typedef struct DbaLabBinaries {
  char *bin;     // folder of postgres, initdb, pg_dump, psql
  char *version; // "17.11"
  int major;
  char *origin; // "--pg-bin", "private runtime", "distribution"
} DbaLabBinaries;

// The server programs to use, by the order of DESIGN: --pg-bin, the private runtime, the distribution's newest.
bool dba_lab_find_binaries(const DbaLabHome *home, DbaLabBinaries *ret_binaries, GError **error) DBA_CHECKED;
void dba_lab_binaries_clear(DbaLabBinaries *binaries);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DbaLabBinaries, dba_lab_binaries_clear)
// All that can be found, for `doctor`: an array of DbaLabBinaries.
GArray *dba_lab_list_binaries(const DbaLabHome *home);
// Names of extensions that this server can create.
GPtrArray *dba_lab_list_extensions(const DbaLabBinaries *binaries);
// May a subject have dbarch create this extension?  Those that open files or connections are left out.
bool dba_lab_extension_allowed(const char *name);

// ---- starting and stopping ------------------------------------------------------------------------------------------

typedef struct DbaLab DbaLab;

// A lab that dies with us: removed by dba_lab_stop, by the kernel when we are killed (server) and the next start (files).
// With `keep` the server is not bound to us, so that dba_lab_keep can let it go.
DbaLab *dba_lab_start(const DbaLabHome *home, bool keep, DbaInterrupt *interrupt, GError **error) DBA_CHECKED;
void dba_lab_stop(DbaLab *lab);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DbaLab, dba_lab_stop)

const char *dba_lab_folder(const DbaLab *lab);
const char *dba_lab_version(const DbaLab *lab); // "17.11"
const DbaLabBinaries *dba_lab_binaries(const DbaLab *lab);
double dba_lab_start_ms(const DbaLab *lab);
// libpq keyword string for a role and a database.
char *dba_lab_conninfo(const DbaLab *lab, const char *role, const char *database) DBA_CHECKED;
DbaServer *dba_lab_connect(const DbaLab *lab, const char *role, const char *database, GError **error) DBA_CHECKED;
// The same, with names looked up as a person's session does: also for the superuser, whose sessions look in pg_catalog alone else.
DbaServer *dba_lab_connect_as_person(const DbaLab *lab, const char *role, const char *database, GError **error) DBA_CHECKED;
// Does the session's database have a type of that name?
bool dba_lab_knows_type(DbaServer *server, const char *type, bool *ret_known, GError **error) DBA_CHECKED;
// A database in which the subject role may make everything, empty or as a copy of another with its settings.
bool dba_lab_create_database(const DbaLab *lab, const char *name, const char *template_name, GError **error) DBA_CHECKED;
bool dba_lab_drop_database(const DbaLab *lab, const char *name, GError **error) DBA_CHECKED;
// Writes to disk for real, or not; for receipts about writes.
bool dba_lab_set_fsync(const DbaLab *lab, bool on, GError **error) DBA_CHECKED;
// Restarts a lab of ours to write as production does, for rehearsals: fsync, synchronous commits, WAL as a replica needs it, checkpoints as
// the survey has them.  With `replica` a standby streams from it from then on, and ends with it.  Sessions end.
bool dba_lab_be_durable(DbaLab *lab, const DbaLabHome *home, const DbaSurvey *survey, bool replica, GError **error) DBA_CHECKED;

// Runs one of the server's programs ("pg_dump"); what it said when it failed is in the error (DBA_ERROR_DATABASE).  `words`: NULL-terminated;
// `environment` as in DbaSpawn.
bool dba_lab_run_program(const DbaLab *lab, const char *name, const char *const *words, const char *const *environment,
                         GError **error) DBA_CHECKED;

// ---- kept labs: dbarch lab start | status | stop ---------------------------------------------------------------------

// Lets go of the lab: it goes on after us, until dba_lab_stop_named.  `what` it holds, for people: "a twin of shop.json".
void dba_lab_keep(DbaLab *lab, const char *what);
typedef struct DbaLabEntry {
  char *name, *folder, *version;
  char *what;       // "a twin of shop.json", as dba_lab_keep was told, or NULL
  gint64 kept_at_s; // seconds since 1970
  pid_t pid;        // 0: not running
  bool kept;
} DbaLabEntry;
GPtrArray *dba_lab_list(const DbaLabHome *home); // of DbaLabEntry *; free with g_ptr_array_unref
// A kept lab that runs, for work in it; dba_lab_stop lets go of it and ends nothing.
DbaLab *dba_lab_attach(const DbaLabEntry *entry, DbaInterrupt *interrupt, GError **error) DBA_CHECKED;
// The one database of a kept lab that is not the server's own ("lab", "stand_in", "twin"); free with g_free.
bool dba_lab_find_database(const DbaLab *lab, char **ret_database, GError **error) DBA_CHECKED;
const char *dba_lab_name(const DbaLab *lab);
// NULL name: the only one.
bool dba_lab_stop_named(const DbaLabHome *home, const char *name, GError **error) DBA_CHECKED;
char *dba_lab_entry_conninfo(const DbaLabEntry *entry, const char *role, const char *database) DBA_CHECKED;
// Removes what dead processes left; how many labs that were.
unsigned dba_lab_sweep(const DbaLabHome *home);

// ---- loading a subject ----------------------------------------------------------------------------------------------

typedef struct DbaLoadNote {
  const char *file;
  uint32_t line;
  const char *text; // "\\connect is left out", "role \"app\" was created without rights" ...
} DbaLoadNote;

typedef struct DbaLoad {
  GPtrArray *notes;     // DbaLoadNote *
  GArray *sources;      // DbaSource, texts in `arena`
  GArray *suppressions; // DbaSuppression
  DbaArena *arena;
  GHashTable *files; // real paths: a file is loaded once, by its place in the folder or by the first \i
  uint64_t statements, copied_bytes, inserted;
  gint64 deadline_us; // statements that still run then fail; 0: none
} DbaLoad;
DbaLoad *dba_load_new(void);
// `file`: or an object; `line` 0: none.  Both texts are copied.
void dba_load_note(DbaLoad *load, const char *file, uint32_t line, const char *text);
void dba_load_free(DbaLoad *load);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DbaLoad, dba_load_free)

// Runs an SQL file in a database of the lab, as the subject role.  Extensions on the allow list and missing roles are made
// by dbarch; what the role may not do is an error that names the statement; errors have file:line:column and a caret.
// psql's \i and \ir are followed below `root`, the folder of what the user named.
bool dba_lab_load_file(const DbaLab *lab, const char *database, const char *path, const char *root, DbaLoad *load,
                       GError **error) DBA_CHECKED;
// The same for SQL of our own making out of a subject's Schema: the first failure of a statement that leans on rows is a
// note, not an error, when `lenient`.
bool dba_lab_load_text(const DbaLab *lab, const char *database, const char *name, const char *sql, bool lenient, DbaLoad *load,
                       GError **error) DBA_CHECKED;
// A session in which a subject's statements run one after the other, as in a file: for those who look at what each of them does.
// What is given to it must outlive it.  `root`: as above; NULL: nothing is included.
typedef struct DbaLabSession DbaLabSession;
DbaLabSession *dba_lab_session_open(const DbaLab *lab, const char *database, const char *root, DbaLoad *load, GError **error) DBA_CHECKED;
bool dba_lab_session_run(DbaLabSession *session, const DbaSqlStatement *item, GError **error) DBA_CHECKED;
DbaServer *dba_lab_session_server(DbaLabSession *session);
void dba_lab_session_close(DbaLabSession *session);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DbaLabSession, dba_lab_session_close)

// Marks as invalid, in a lab database built from the schema, the indexes that are invalid in it.
bool dba_lab_invalidate_indexes(const DbaLab *lab, const char *database, const DbaSchema *schema, GError **error) DBA_CHECKED;
// NOLOGIN roles for every owner and grantee of the schema.
bool dba_lab_create_roles(const DbaLab *lab, const DbaSchema *schema, GError **error) DBA_CHECKED;

// Fills the relations in `relations` (DbaRelation *) with simple generated rows: as many as the table had, at most `limit`,
// 10,000 where that is not known; keys unique, foreign keys met (also those to tables that have rows of their own), distinct
// counts and nulls from the statistics.  Seeded by nothing but the row number, so every run gives the same rows.  What
// cannot be filled, or not before `deadline_us` (monotonic), stays empty, with a note; `filled` gets the relations that have generated rows now.
bool dba_lab_generate_rows(DbaServer *server, const DbaSchema *schema, const GPtrArray *relations, int64_t limit, gint64 deadline_us,
                           DbaLoad *load, GHashTable *filled, GError **error) DBA_CHECKED;

// The subject's planner settings and search path, for a database of the lab; what this server does not take is noted.
bool dba_lab_set_planner(DbaServer *server, const char *database, const DbaSurvey *survey, DbaLoad *load, GError **error) DBA_CHECKED;

// The subject's time zone, for sessions of a database: timestamptz and timestamp are the same on disk only in UTC
// (ATColumnChangeRequiresRewrite, tablecmds.c).
bool dba_lab_set_time_zone(const DbaLab *lab, const char *database, const DbaSurvey *survey, GError **error) DBA_CHECKED;

// ---- twins ----------------------------------------------------------------------------------------------------------

// A database that plans as the subject of the survey does: its schema without rows, its statistics, the sizes of its files and
// the heights of its indexes (docs/lab.md).  The survey must have been taken with values.  `modules`: the folder of
// dbarch_twin-N.so.  What could not be carried over is noted in `load`.
bool dba_lab_create_twin(const DbaLab *lab, const char *database, const DbaSurvey *survey, const char *modules, DbaLoad *load,
                         GError **error) DBA_CHECKED;

// Is there a module for the lab's major version in that folder?
bool dba_lab_has_module(const DbaLab *lab, const char *modules);
// The same by sparse files, for a server without a module: sizes and statistics of columns are true, the rest is not carried over.
// No index can be supposed in it.
bool dba_lab_create_sparse_twin(const DbaLab *lab, const char *database, const DbaSurvey *survey, DbaLoad *load,
                                GError **error) DBA_CHECKED;

// ---- samples --------------------------------------------------------------------------------------------------------

typedef struct DbaSample {
  double share;             // of the rows of each table; tables below 1,000 rows are taken whole
  uint64_t key;             // secret: of the masks
  unsigned seed;            // of the sample; it is told to the subject
  const char *const *masks; // further columns to mask, "table.column" or "schema.table.column", NULL-terminated; or NULL
  bool no_masks;            // everything as it is
  void (*progress)(void *data, const char *line); // may be NULL
  void *progress_data;
} DbaSample;
// Rows of a live subject itself, into tables without constraints and indexes (`lab`: a session of the role without power): a share of
// each, and all that these refer to.  Columns marked "personal" in their comment, those whose names tell of persons, and what refers to
// them or they refer to, are masked and noted in `load`.  One read-only snapshot of `source`.
bool dba_lab_sample_rows(DbaServer *source, DbaServer *lab, const DbaSurvey *survey, const DbaSample *options, DbaLoad *load,
                         GError **error) DBA_CHECKED;
bool dba_sample_is_personal(const DbaRelation *relation, const DbaColumn *column);
// Figures to figures, letters to letters; equal values to equal ones; NULL for types that have no mask.  Free with g_free.
char *dba_sample_mask(const char *value, const char *type_name, uint64_t key) DBA_CHECKED;

// ---- stand-ins ------------------------------------------------------------------------------------------------------

typedef struct DbaStandIn {
  double percent;                                 // of the subject's rows; 0: by size_bytes, or all
  int64_t size_bytes;                             // of tables and indexes together; 0: no limit
  uint64_t seed;                                  // the same seed gives the same rows
  const GPtrArray *relations;                     // DbaRelation: only these get rows; NULL: all
  uint64_t most_rows;                             // to a table; 0: no limit
  uint64_t unknown_rows;                          // to a table that was never counted
  gint64 deadline_us;                             // monotonic; what has no rows by then goes without; 0: none
  DbaServer *source;                              // a live subject whose own rows are taken; NULL: they are made
  const DbaSample *sample;                        // how, then
  void (*progress)(void *data, const char *line); // may be NULL
  void *progress_data;
} DbaStandIn;
// A database with the subject's schema, and rows made from its statistics alone: shares of nulls and of common values, counts of
// different values, histograms, order on disk, widths, keys and foreign keys are the subject's as far as the survey tells
// (docs/lab.md).  The survey must have been taken with values.  What the rows do not satisfy is left out and noted in `load`.
// The rows alone, into tables without constraints and indexes; `server` is a session of the role without power.  `filled`, or NULL,
// gets the relations that have rows now.
bool dba_lab_make_rows(DbaServer *server, const char *folder, const DbaSurvey *survey, const DbaStandIn *options, DbaLoad *load,
                       GHashTable *filled, double *ret_scale, GError **error) DBA_CHECKED;
bool dba_lab_create_stand_in(const DbaLab *lab, const char *database, const DbaSurvey *survey, const DbaStandIn *options, DbaLoad *load,
                             double *ret_scale, GError **error) DBA_CHECKED;

// ---- what-if --------------------------------------------------------------------------------------------------------

// A session of a twin in which indexes can be supposed.  What it was told is told again when its backend ends; that of a
// lab that ended is an error.  Statements are planned by the role without power and never run.
typedef struct DbaWhatIf DbaWhatIf;
DbaWhatIf *dba_what_if_open(const DbaLab *lab, const char *database, GError **error) DBA_CHECKED;
void dba_what_if_close(DbaWhatIf *what_if);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DbaWhatIf, dba_what_if_close)

// An index that is supposed, on one table: on a partitioned table each leaf has one.
typedef struct DbaWhatIfIndex {
  const char *definition, *name, *table, *method;
  int64_t number; // of the registration; those of one definition have the same
  double rows;
  int64_t pages;       // of 8 kB, after CREATE INDEX
  int64_t grown_pages; // after the same rows came one by one
  int64_t height;      // of a btree, 0 when the root is the only leaf; -1 for other methods
  bool rough;          // the size is a guess: what it hangs on is not in the statistics
} DbaWhatIfIndex;
extern const DbaRecord dba_what_if_index_record;

// CREATE INDEX: any method, partial, of expressions, on partitioned tables.  Appends DbaWhatIfIndex to ret_indexes, in `arena`.
// What the server would refuse is DBA_ERROR_DATABASE, as is UNIQUE where the statistics tell of duplicates.
bool dba_what_if_index(DbaWhatIf *what_if, const char *definition, DbaArena *arena, DbaList *ret_indexes, int *ret_number,
                       GError **error) DBA_CHECKED;
// It is to be taken for so large, all its parts together, and, when it is a btree, for so high (-1: as high as the planner does not know; -2: as predicted).
bool dba_what_if_resize(DbaWhatIf *what_if, int number, int64_t pages, int height, GError **error) DBA_CHECKED;
// Hides an index (a regclass text) with its partitions.
bool dba_what_if_drop(DbaWhatIf *what_if, const char *index, int *ret_number, GError **error) DBA_CHECKED;
// SELECT, INSERT, UPDATE, DELETE, MERGE; with $n it is planned generically.
bool dba_what_if_statement(DbaWhatIf *what_if, const char *sql, int *ret_number, GError **error) DBA_CHECKED;
// The same with values for $1 ..., texts or NULL, as many as there are: then it is planned for these.
bool dba_what_if_statement_with(DbaWhatIf *what_if, const char *sql, const DbaList *values, int *ret_number, GError **error) DBA_CHECKED;

// What an index could do for a statement, as the planner sees it when all names, views, subqueries and equivalences are resolved
// (pgmodule/statement_facts.c).  Parameters have no values here.
typedef struct DbaWhatIfFact {
  int instance; // of the table, among those of the statement
  const char *table;
  // "table": there is one, `detail` its alias, `share` the rows that are left of it.  A clause that an index serves: "equal", "range", "hash" or "match"
  // (other methods), with "in-" for lists and "join-" for what other tables tell; "pattern" (LIKE, ~, ^@; `detail`: what it is), "null", "row" (the
  // number-th of a row comparison).  "distance-match": ORDER BY distance.  "order", "group", "distinct", "window": the number-th key of an order.  "needed":
  // a column that is read, "*" for all or none.  "predicate": a clause that a partial index could have; `detail`: whether it will be said so "always" or is
  // "today"'s.  "insert", "update", "delete" are done to the
  // table; "updated": a column that is.
  const char *role;
  int number;         // of an order; or which OR the clause is an alternative of; 0: none
  const char *key;    // as CREATE INDEX takes it
  const char *type;   // of the key
  const char *detail; // method and operator class; of an order "desc", "nulls first" ...
  double share;       // of the rows that satisfy the clause
} DbaWhatIfFact;
bool dba_what_if_facts(DbaWhatIf *what_if, int statement, DbaArena *arena, DbaList *ret_facts, GError **error) DBA_CHECKED;
// What a fact's key, an expression, gives for a row that is written as a select list ("'a'::text AS email, ..."): text in `arena`; NULL: null.
bool dba_what_if_value(DbaWhatIf *what_if, const char *key, const char *row, DbaArena *arena, const char **ret_text,
                       GError **error) DBA_CHECKED;

typedef struct DbaWhatIfRequest {
  int statement;
  const int *set; // numbers of indexes that are there, and of drops; all others are not
  unsigned n;
} DbaWhatIfRequest;
typedef struct DbaWhatIfCost {
  double cost;      // in the planner's unit, not rounded
  DbaList used;     // numbers of the supposed indexes in the plan
  DbaList existing; // names of the others
} DbaWhatIfCost;
// Thousands a second; see bench/.  `ret_costs` has room for n; their lists lie in `arena`.
bool dba_what_if_costs(DbaWhatIf *what_if, const DbaWhatIfRequest *requests, unsigned n, DbaArena *arena, DbaWhatIfCost *ret_costs,
                       GError **error) DBA_CHECKED;
// The same, but one that the server refuses has the cost -1 and takes no others with it.
bool dba_what_if_costs_of_each(DbaWhatIf *what_if, const DbaWhatIfRequest *requests, unsigned n, DbaArena *arena, DbaWhatIfCost *ret_costs,
                               GError **error) DBA_CHECKED;
// EXPLAIN as text; before PostgreSQL 16 it fails with DBA_ERROR_DATABASE for a statement with $n.  Free with g_free.
bool dba_what_if_explain(DbaWhatIf *what_if, int statement, const int *set, unsigned n, char **ret_plan, GError **error) DBA_CHECKED;

// ---- capacity -------------------------------------------------------------------------------------------------------

// The pages that every index of the survey would have after CREATE INDEX, in the order of relations and their indexes, as a twin made in
// database `database` tells; 0 where it does not.  `ret_pages` has room for all.
bool dba_lab_index_pages(const DbaLab *lab, const char *database, const DbaSurvey *survey, const char *modules, DbaLoad *load,
                         int64_t *ret_pages, GError **error) DBA_CHECKED;

// "shop.orders: 50 k rows, 6.2 MB", of a table by its quoted name.
bool dba_lab_rows_of(DbaServer *server, const char *table, char **ret_text, GError **error) DBA_CHECKED;
// Bytes of an index (a regclass text) with its parts.
bool dba_lab_index_bytes(DbaServer *server, const char *index, int64_t *ret_bytes, GError **error) DBA_CHECKED;

// ---- trials ---------------------------------------------------------------------------------------------------------

// Makes receipts: runs what a finding proposes in clones of one database.  The clones serve many trials; one that a trial
// leaves changed (a rewritten table) is made anew for the next.
typedef struct DbaTrialSetup {
  const DbaLab *lab;
  const char *database;           // holds the subject's schema and rows; never changed
  const char *rows_origin;        // for the receipt
  GHashTable *generated;          // relations whose rows dbarch made, whatever rows_origin says; or NULL
  const char *generated_origin;   // from what
  bool before_ready, after_ready; // the clones stand; start with false
  const char *modules;            // folder of the modules, or NULL
  bool cold;                      // runs find empty caches
  const char *subject;            // for the command that repeats it; NULL: none is named
  DbaInterrupt *interrupt;
  gint64 deadline_us; // monotonic; no new trial begins after it
  DbaArena *arena;    // receipts live there
} DbaTrialSetup;

#define DBA_TRIAL_TIME_IS_UP "the time of --budget was used up"
// Proves one finding: up, down, up with catalogs compared; then measures what its rule promises.  Adds receipts and the
// observed risk to the finding, or marks why not.  False only when the lab broke or the user interrupted.
bool dba_trial_run(DbaTrialSetup *setup, const DbaSchema *schema, DbaFinding *finding, GError **error) DBA_CHECKED;

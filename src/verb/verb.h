// SPDX-License-Identifier: Apache-2.0
// The verbs: a request in, a result out.  cli/ and (later) mcp/ are faces over this.
//
// A verb writes files only where the request says; it prints nothing itself: text for stdout comes back in the result,
// progress goes through the request's callback.
#pragma once

#include "advise/advise.h"
#include "lab/lab.h"
#include "ledger/ledger.h"
#include "report/report.h"

#define DBA_DEFAULT_OUT "dbarch-out"

typedef struct DbaRequest {
  const char *const *words;                                // what stands behind the verb and its options
  const char *subject_conninfo;                            // from -d -h -p -U, or NULL
  const char *as_kind;                                     // --as, or NULL
  const char *out;                                         // --out; NULL: DBA_DEFAULT_OUT
  const char *output;                                      // -o
  const char *workload;                                    // --workload: a file of statements
  const char *const *whys, *const *keeps, *const *forbids; // --why, --keep, --forbid: indexes, NULL-terminated
  bool prove;                                              // --prove: build the set and measure
  const char *index_sizes;                                 // --sizes: a file
  unsigned most_per_table;                                 // --per-table; 0: not said
  const char *grow, *at;                                   // --grow, --at: the subject as it will be
  const char *since;                                       // --since: an earlier survey, for rates
  const char *receipts;                                    // --receipts: an earlier findings.json
  const char *survey;                                      // --survey: sizes of production's tables
  const char *from;                                        // --from: the first migration that is judged
  const char *layout;                                      // --layout: of migrations
  const char *config;                                      // path of dbarch.yaml, or NULL when there is none
  const char *tools;                                       // folder of runtime.sh
  const char *path;                                        // PATH, for `lab run`
  const char *const *rules;                                // --rule, NULL-terminated or NULL
  const char *const *objects;                              // --object
  const char *const *masks;                                // --mask
  bool sample, no_mask, stub;
  bool pg_environment;          // a PG* variable names a server
  const char *to;               // --to: a migration
  const char *because, *until;  // --because, --until: of an entry of the ledger
  bool backup_lock;             // --backup-lock was said
  double backup_lock_seconds;   // that others may wait while it is looked whether a backup holds all
  const char *backup_dir;       // --backup-dir: for dumps before what cannot be undone
  const char *const *confirmed; // --confirm: objects that may be destroyed, NULL-terminated
  const char *const *overrides; // --override, NULL-terminated
  double lock_timeout_seconds, statement_timeout_seconds;
  double wait_seconds; // --wait: for another runner
  unsigned tries;      // --tries: of a statement that others are in the way of
  bool exit_code;      // --exit-code
  bool fix;            // --fix
  bool force, no_lab, install, yes, offline, all, cold;
  bool with_values;   // what stands for production values is read too
  bool keep_values;   // --with-values: and goes into the file as it is
  bool no_values;     // --no-values
  const char *redact; // --redact: "schema", or NULL
  bool color;
  unsigned width;
  double budget_seconds;
  bool makes_rows;    // of a live subject, what pg_stats shows of values is read too: rows will be made from it
  double percent;     // --rows; 0: not said
  int64_t size_bytes; // --size; 0: not said
  const char *sizes;  // --size as it was said: index takes several
  uint64_t seed;
  unsigned clients;    // --clients
  double rate;         // --rate: statements a second; 0: as many as they can
  bool replica;        // --replica: a standby streams from the lab
  double time_seconds; // --time
  DbaFormat format;
  DbaLabHome home;
  DbaInterrupt *interrupt;
  bool (*ask)(const char *question);              // a yes-or-no question on the terminal; NULL: nobody can be asked
  char *(*ask_for)(const char *question);         // a line of text; NULL: nobody can be asked
  void (*progress)(void *data, const char *line); // short present-tense lines; may be NULL
  void (*announce)(void *data, const char *line); // lines that stay; may be NULL
  void *progress_data;
} DbaRequest;

typedef struct DbaAnswer {
  GString *text;                     // for stdout
  unsigned counts[DBA_N_SEVERITIES]; // for --fail-on
  bool failed;                       // doctor: a review could not run
  bool proof_failed;                 // migrate rehearse: exit 6
  bool differs;                      // migrate drift: exit 1
  int status;                        // lab run: exit status of the command; 0 else
  const char *const *exec_argv;      // lab psql, lab run: replace this process by it
  GPtrArray *warnings;               // for stderr
} DbaAnswer;

// What the load could not do, as warnings that begin with `when`; what was told before without it is not told again.
void dba_answer_take_notes(DbaAnswer *answer, const DbaLoad *load, const char *when);

typedef bool (*DbaVerbRun)(const DbaRequest *request, DbaAnswer *answer, GError **error);

// A verb's word that takes options of its own: "migrate up".
typedef struct DbaVerbWord {
  const char *name, *arguments, *summary;
  const char *options; // of those of the verb, with spaces between
  bool tells_findings; // and so speaks the formats of CI
} DbaVerbWord;

typedef struct DbaVerb {
  const char *name;
  bool front;            // one of the six
  const char *arguments; // "[SUBJECT]"
  const char *summary;
  const char *const *options; // long names that it takes, besides the common ones
  const char *help;           // a paragraph and examples
  DbaVerbRun run;
  bool tells_findings;      // and so speaks the formats of CI
  const DbaVerbWord *words; // ends with a NULL name; NULL: all of them take all options
} DbaVerb;
extern const DbaVerb dba_verbs[]; // ends with a NULL name

bool dba_verb_review(const DbaRequest *request, DbaAnswer *answer, GError **error) DBA_CHECKED;
bool dba_verb_survey(const DbaRequest *request, DbaAnswer *answer, GError **error) DBA_CHECKED;
bool dba_verb_lab(const DbaRequest *request, DbaAnswer *answer, GError **error) DBA_CHECKED;
bool dba_verb_lab_what_if(const DbaRequest *request, DbaAnswer *answer, GError **error) DBA_CHECKED; // words: "what-if" SUBJECT SQL ...
bool dba_verb_lab_measure(const DbaRequest *request, DbaAnswer *answer, GError **error) DBA_CHECKED; // words: "measure" SUBJECT|LAB SQL ...
bool dba_verb_lab_load(const DbaRequest *request, DbaAnswer *answer, GError **error) DBA_CHECKED;    // words: "load" SUBJECT|LAB SQL ...
bool dba_verb_index(const DbaRequest *request, DbaAnswer *answer, GError **error) DBA_CHECKED;
bool dba_verb_capacity(const DbaRequest *request, DbaAnswer *answer, GError **error) DBA_CHECKED;
bool dba_verb_migrate(const DbaRequest *request, DbaAnswer *answer, GError **error) DBA_CHECKED;
bool dba_verb_doctor(const DbaRequest *request, DbaAnswer *answer, GError **error) DBA_CHECKED;

bool dba_verb_ledger(const DbaRequest *request, DbaAnswer *answer, GError **error) DBA_CHECKED; // words: list, show ENTRY, add KIND TITLE

// ---- the user's repository ------------------------------------------------------------------------------------------

typedef struct DbaProject {
  DbaArena *arena;
  DbaConfig config;
  DbaLedger *ledger; // beside dbarch.yaml, or here
} DbaProject;
// `project` comes zeroed, and is to be cleared also after a failure.
bool dba_project_read(const DbaRequest *request, DbaProject *project, GError **error) DBA_CHECKED;
void dba_project_clear(DbaProject *project);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DbaProject, dba_project_clear)
// What it allows of findings of `rules`, appended to a list of DbaSuppression.
void dba_project_suppressions(const DbaProject *project, const char *const *rules, DbaArena *arena, DbaList *suppressions);
const char **dba_all_rules(void);          // of advisors and of migrations, NULL-terminated; free the array
const char **dba_migrate_rule_names(void); // of migrations alone

// ---- subjects -------------------------------------------------------------------------------------------------------

typedef enum DbaSubjectKind { DBA_SUBJECT_LIVE, DBA_SUBJECT_SQL, DBA_SUBJECT_SURVEY } DbaSubjectKind;

typedef struct DbaSubject {
  DbaSubjectKind kind;
  char *text;          // connection string or path
  char *shown;         // without password
  GPtrArray *files;    // SQL: the files, in the order they are loaded
  GPtrArray *workload; // SQL: files named workload*.sql
} DbaSubject;
void dba_subject_clear(DbaSubject *subject);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DbaSubject, dba_subject_clear)

// `subject:` of dbarch.yaml, or NULL.
bool dba_request_configured(const DbaRequest *request, char **ret_subject, GError **error) DBA_CHECKED;
// Tells by looking what the request is about; what could be two things is an error that names both.
bool dba_subject_find(const DbaRequest *request, DbaSubject *ret_subject, GError **error) DBA_CHECKED;

// A session of a live subject, whose statements are marked as ours (dba_server_mark).  The one way to it.
DbaServer *dba_subject_connect(const DbaRequest *request, const DbaSubject *subject, GError **error) DBA_CHECKED;

// Reads the subject.  SQL is loaded into database "subject" of a lab, which is started when *lab is NULL (and then the
// caller's to stop).  `review` collects notes; NULL: dropped.
DbaSurvey *dba_subject_survey(const DbaRequest *request, const DbaSubject *subject, DbaLab **lab, DbaReview *review,
                              GError **error) DBA_CHECKED;

// Warns where the survey's values are disguised and the request brings statements of its own: their literals mean other rows.
void dba_subject_warn_disguised(const DbaSurvey *survey, DbaAnswer *answer);
// A lab of the subject's own major version where it can be had; what had to be another (version, sorting) is said in
// *ret_substitution, NULL else.
bool dba_subject_start_lab(const DbaRequest *request, const DbaSurvey *survey, bool keep, DbaLab **ret_lab, char **ret_substitution,
                           GError **error) DBA_CHECKED;

// Makes of the survey that of --grow or --at; *ret_horizon says what became of the first tables by name, NULL when nothing was asked for.
bool dba_request_grow(const DbaRequest *request, DbaSurvey *survey, char **ret_horizon, GError **error) DBA_CHECKED;
// The survey that --since names, which must be of the same database; NULL when nothing was said.  The caller frees it.
bool dba_request_earlier(const DbaRequest *request, const DbaSurvey *survey, DbaSurvey **ret_earlier, GError **error) DBA_CHECKED;
// The days to --at; 0 when nothing was said.
bool dba_request_horizon(const DbaRequest *request, const DbaSurvey *survey, double *ret_days, GError **error) DBA_CHECKED;

// Where the lab lacks extensions of the subject: refuses, by name, or with --stub leaves them out of the survey and makes columns of
// their types text.  Before anything is built of the survey.
bool dba_subject_stub(const DbaRequest *request, const DbaLab *lab, DbaSurvey *survey, DbaAnswer *answer, GError **error) DBA_CHECKED;

void dba_request_progress(const DbaRequest *request, const char *format, ...) DBA_PRINTF(2, 3);
void dba_request_announce(const DbaRequest *request, const char *format, ...) DBA_PRINTF(2, 3);
// Places of statements and suppressions go to the survey, notes to the review; NULL: dropped.
void dba_subject_take_notes(const DbaLoad *load, DbaSurvey *survey, DbaReview *review);

// A twin in a database of that name, open for planning; its notes become warnings that begin with `prefix`.
DbaWhatIf *dba_request_twin(const DbaRequest *request, const DbaLab *lab, const char *database, const DbaSurvey *survey, const char *prefix,
                            DbaAnswer *answer, GError **error) DBA_CHECKED;
// Plans DbaHorizonPlan in two twins; those that cannot be planned, or not before `deadline_us` (monotonic; 0: none), say so in `problem`.
bool dba_horizon_plan(DbaWhatIf *now, DbaWhatIf *then, gint64 deadline_us, DbaArena *arena, DbaList *plans, GError **error) DBA_CHECKED;
// The workload in twins of today and of --grow or --at, into survey->horizon; `again`: the subject as it would be typed, or NULL.
bool dba_review_horizon(const DbaRequest *request, DbaSurvey *survey, const DbaLab *lab, const char *again, DbaAnswer *answer,
                        GError **error) DBA_CHECKED;

// What indexes the workload wants, into survey->wanted, or a warning.  The survey must have values.
bool dba_review_wanted(const DbaRequest *request, DbaSurvey *survey, const DbaLab *lab, DbaAnswer *answer, GError **error) DBA_CHECKED;

// Adds to findings about indexes what a twin of the subject says at its own size, and rejects drops that make a statement of the workload
// dearer.  Only for subjects with statistics; what a twin cannot be made for is a warning.
bool dba_review_plan(const DbaRequest *request, const DbaSurvey *survey, DbaFindings *findings, const DbaLab *lab, DbaReview *review,
                     DbaAnswer *answer, gint64 deadline_us, GError **error) DBA_CHECKED;

// All migrations of the review in turn, into review->together, or a warning.
bool dba_review_together(const DbaRequest *request, const DbaLab *lab, DbaReview *review, DbaAnswer *answer, GError **error) DBA_CHECKED;

// ---- migrate --------------------------------------------------------------------------------------------------------

bool dba_verb_migrate_new(const DbaRequest *request, DbaAnswer *answer, GError **error) DBA_CHECKED;    // words: "new" NAME ...
bool dba_verb_migrate_import(const DbaRequest *request, DbaAnswer *answer, GError **error) DBA_CHECKED; // words: "import" FOLDER
bool dba_verb_migrate_rehearse(const DbaRequest *request, DbaAnswer *answer, GError **error) DBA_CHECKED;
bool dba_verb_migrate_drift(const DbaRequest *request, DbaAnswer *answer, GError **error) DBA_CHECKED;
bool dba_verb_migrate_status(const DbaRequest *request, DbaAnswer *answer, GError **error) DBA_CHECKED;
bool dba_verb_migrate_up(const DbaRequest *request, DbaAnswer *answer, GError **error) DBA_CHECKED;
bool dba_verb_migrate_down(const DbaRequest *request, DbaAnswer *answer, GError **error) DBA_CHECKED;
bool dba_verb_migrate_redo(const DbaRequest *request, DbaAnswer *answer, GError **error) DBA_CHECKED;
bool dba_verb_migrate_baseline(const DbaRequest *request, DbaAnswer *answer, GError **error) DBA_CHECKED;
// The folder that stands in words[at], or the first of the usual ones that is there; NULL: none.
bool dba_migrate_folder(const DbaRequest *request, unsigned at, char **ret_folder, GError **error) DBA_CHECKED;
// --layout; *ret_layout stays as it is when nothing was said.
bool dba_migrate_layout(const DbaRequest *request, DbaLayout *ret_layout, GError **error) DBA_CHECKED;
// Writes the undos that were found, where none is; over those that are not right with --force.
bool dba_migrate_write_undos(const DbaRequest *request, const DbaVerification *verification, DbaAnswer *answer, GError **error) DBA_CHECKED;
// The target of -d and its like, PG* or dbarch.yaml; NULL without an error when none is named.  *ret_shown: without password.
bool dba_migrate_connect(const DbaRequest *request, DbaServer **ret_server, char **ret_shown, GError **error) DBA_CHECKED;
// A backup of what will be destroyed (DbaDestroyed): a dump in --backup-dir that was restored in a lab, or a WAL archive that dbarch.yaml declares
// and that is fresh.  Refuses where there is neither.
bool dba_migrate_back_up(const DbaRequest *request, const DbaConfig *config, const DbaList *destroyed, bool only_check, DbaArena *arena,
                         DbaBackup *ret_backup, GError **error) DBA_CHECKED;
// A target's schema as pg_dump writes it, without owners and the tables of histories.
bool dba_migrate_dump_schema(const DbaRequest *request, DbaServer *server, const DbaLab *lab, char **ret_sql, GError **error) DBA_CHECKED;
// From here on the session writes nothing, and waits for nobody.
bool dba_migrate_only_read(DbaServer *server, GError **error) DBA_CHECKED;
// A lab of that major version where it can be had.
bool dba_migrate_start_lab(const DbaRequest *request, int major, DbaLab **ret_lab, GError **error) DBA_CHECKED;
// The next migration, with these texts.
bool dba_migrate_write_pair(const DbaMigrations *migrations, const char *name, const char *up, const char *down, DbaAnswer *answer,
                            GError **error) DBA_CHECKED;
// --from, or another option's word, as a label; NULL when nothing was said.
bool dba_migrate_find(const char *option, const char *word, const DbaMigrations *migrations, const char **ret_label,
                      GError **error) DBA_CHECKED;
// Findings about migrations in a format of CI, or as one of several lists of a JSON answer.
bool dba_migrate_write_page(const DbaRequest *request, const char *page, DbaAnswer *answer, GError **error) DBA_CHECKED; // into --out
char *dba_migrate_told(const DbaRequest *request, const DbaFindings *findings, const char *what, const DbaMigrations *migrations,
                       const DbaList *passed);
// What advisors say of the schema before the first migration that is judged; then what is new at the end, among the findings.
typedef struct DbaAdvised {
  DbaFindings *before;
} DbaAdvised;
void dba_advised_clear(DbaAdvised *advised);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DbaAdvised, dba_advised_clear)
bool dba_advised_begin(void *advised, const DbaLab *lab, const char *database, GError **error) DBA_CHECKED;
bool dba_advised_end(const DbaAdvised *advised, const DbaLab *lab, DbaVerification *verification, GError **error) DBA_CHECKED;
// Writes the migrations that do not make others wait in the place of those that do, where there is room behind these.
bool dba_migrate_write_rewrites(const DbaRequest *request, const DbaVerification *verification, DbaAnswer *answer,
                                GError **error) DBA_CHECKED;
// Both, and the migrations in it.
DbaMigrations *dba_migrate_read(const DbaRequest *request, unsigned at, int major, GError **error) DBA_CHECKED;

// ---- labs with rows: lab measure, lab load --------------------------------------------------------------------------

typedef struct DbaLabStatement {
  const char *sql;
  bool writes;
} DbaLabStatement;

// The SQL of a command line: statements that read or write rows, and the rest, which is the change.
typedef struct DbaLabSql {
  DbaArena *arena;
  const char *command; // "lab measure", for messages
  DbaList statements;  // DbaLabStatement
  DbaList changes;     // texts
} DbaLabSql;
bool dba_lab_sql_read(const DbaRequest *request, DbaLabSql *sql, GError **error) DBA_CHECKED;

// A lab with rows: one that runs and is named, or one made of the subject, which dies with us.
typedef struct DbaLabRows {
  DbaLab *lab;
  bool ours;
  char *database;
  const char *role;    // that works in it
  const char *subject; // shown
  const char *rows;    // where they come from
  double share;        // of the subject's rows that are there: 1 for all
  DbaSurvey *survey;   // of the subject; NULL for a lab that is named
  // Between the lab's start and its rows: may add to the survey.  NULL: nothing is done.
  bool (*before_rows)(void *data, const DbaLab *lab, DbaSurvey *survey, GError **error);
  void *data;
} DbaLabRows;
bool dba_lab_rows_open(const DbaRequest *request, DbaArena *arena, DbaAnswer *answer, DbaLabRows *ret_rows, GError **error) DBA_CHECKED;
void dba_lab_rows_clear(DbaLabRows *rows);
// Rows of SQL files that were just loaded were not vacuumed yet; in production they are.
void dba_subject_as_vacuumed(DbaSurvey *survey);
// Appends the statements of a file to the survey's workload.
bool dba_subject_read_workload(DbaSurvey *survey, const char *path, GError **error) DBA_CHECKED;

// ---- receipts of an earlier run -------------------------------------------------------------------------------------

// Was the finding's trial run to an outcome?
bool dba_receipts_tried(const DbaFinding *finding);
// The findings.json in a folder, NULL when there is none that can be read; it lies in `arena`.
DbaReportDocument *dba_receipts_earlier(const char *out, DbaArena *arena);
// A run that was cut leaves its mark in the cache: only what this machine wrote itself, within a day, is gone on with unasked.
bool dba_receipts_remember(const DbaRequest *request, const char *out, bool unfinished, GError **error) DBA_CHECKED;
bool dba_receipts_are_ours(const DbaRequest *request, const char *out);
// From --receipts, or from the run before in the same folder when that was cut.
bool dba_receipts_find(const DbaRequest *request, const DbaSurvey *survey, DbaFindings *findings, DbaReview *review,
                       GError **error) DBA_CHECKED;

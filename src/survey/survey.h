// SPDX-License-Identifier: Apache-2.0
// The survey: all that was read from a subject, as one document that can be kept and read offline.
//
// File format: JSON, `format` "dbarch-survey", `format_version` below; docs/survey-format.md describes it.  Unknown keys
// are refused.  No rows are in it.  What stands for production values in it (literals of the workload, common values, histograms) is
// disguised before a file is written, or left out, unless values are asked for.
#pragma once

#include "schema/schema.h"

enum { DBA_SURVEY_FORMAT_VERSION = 1 };

typedef struct DbaSetting {
  const char *name, *value, *unit, *source;
} DbaSetting;

typedef struct DbaWorkloadStatement {
  const char *id, *text;
  int64_t calls, rows, blocks_hit, blocks_read;
  double total_ms, mean_ms;
  DbaList parameters; // of a log: values of $1 ..., texts or NULL; not of the file
} DbaWorkloadStatement;

// Something that could not be read: advice that needs it says "cannot judge".
typedef struct DbaGap {
  const char *what, *why, *remedy;
} DbaGap;

typedef struct DbaServerFacts {
  int64_t version_number; // 170011
  const char *version, *database, *role, *encoding, *collate, *ctype, *locale_provider, *locale, *taken_at;
  bool standby, superuser, reads_all_statistics, reads_all_data;
  const char *statistics_since; // NULL: never reset, or not known
  int64_t statistics_age_seconds, uptime_seconds, size_bytes, xid_age;
  int64_t commits, rollbacks, deadlocks, temp_bytes, blocks_hit, blocks_read;
  int64_t wal_bytes;     // of the whole server, written since wal_since
  const char *wal_since; // NULL: not known
  int64_t wal_age_seconds;
} DbaServerFacts;

// Where an object is defined in the subject's own files.
typedef struct DbaSource {
  const char *schema, *name, *file;
  int64_t line, column;
} DbaSource;

// A suppression comment in the subject's files: "-- dbarch: allow RULE reason".
typedef struct DbaSuppression {
  const char *rule;   // a rule name
  const char *object; // as findings print it; NULL: any object of the statement it heads
  const char *reason;
  const char *file;
  int64_t line;
} DbaSuppression;

// A statement whose plans may differ from production's because of redaction.
typedef struct DbaAffected {
  const char *statement; // its id
  const char *why;
} DbaAffected;

// What redaction did.
typedef struct DbaRedaction {
  bool done;
  bool schema_done; // in the schema's text too
  DbaList kept;     // texts: values that stand in the schema's text, "shop.orders.status: new, paid"
  DbaList left_out; // texts: columns whose values are not in the file, and why
  DbaList affected; // DbaAffected
} DbaRedaction;

// A statement of the workload, planned as the subject is and as it will be.
typedef struct DbaHorizonPlan {
  const char *id, *text;
  const char *problem;              // why it could not be planned; NULL: it was
  const char *plan_now, *plan_then; // EXPLAIN's text; NULL: not to be had (parameters, before PostgreSQL 16)
  double now, then;                 // costs
  bool flips;                       // other nodes, or others' order
  int64_t calls;
} DbaHorizonPlan;

typedef struct DbaHorizon {
  const char *text;                     // what becomes of the tables; NULL: nobody asked
  const char *server, *locale, *repeat; // for receipts
  const double *rows;                   // of each relation then, in the order of the schema
  DbaList plans;                        // DbaHorizonPlan
} DbaHorizon;

// An index that the workload wants and has not, as the index advisor tells (index/): planned in a twin.
typedef struct DbaWantedIndex {
  const char *schema, *table;
  const char *definition;                // CREATE INDEX ON ..., without a name
  const char *method, *keys, *predicate; // of it
  DbaList words;                         // texts: of the keys, for a name
  int64_t bytes;
  int64_t statements;        // of the workload, that its plans serve
  double before, after;      // what these cost, all their calls, today and with all that are wanted
  const char *prepare, *sql; // the one that gains most, as SQL that runs it; NULL: its parameters have no values that are known
  const char *text;          // of that one
  DbaList tables;            // texts, "schema.table": that it reads
} DbaWantedIndex;

typedef struct DbaSurvey {
  DbaArena *arena;
  const char *format;
  int64_t format_version;
  const char *subject_kind; // "live database", "SQL files", "survey"
  const char *subject;      // what the user named, without passwords
  const char *rows_origin;  // where rows in a lab come from: "the subject's own files", or NULL: none
  bool has_statistics;      // counters and column statistics describe production
  DbaServerFacts server;
  DbaList settings;     // DbaSetting
  DbaList workload;     // DbaWorkloadStatement
  DbaList gaps;         // DbaGap
  DbaList sources;      // DbaSource
  DbaList suppressions; // DbaSuppression
  DbaRedaction redaction;
  DbaSchema schema;
  DbaHorizon horizon; // not of the file: lives as long as the run that planned it
  DbaList wanted;     // DbaWantedIndex; likewise
  bool wanted_known;  // it was planned what the workload wants
} DbaSurvey;

extern const DbaRecord dba_setting_record, dba_workload_statement_record, dba_gap_record, dba_server_facts_record, dba_source_record,
    dba_suppression_record, dba_affected_record, dba_redaction_record, dba_survey_record;

DbaSurvey *dba_survey_new(void);
void dba_survey_free(DbaSurvey *survey);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DbaSurvey, dba_survey_free)

// JSON.  `with_values` keeps the texts of workload statements, which may hold literals in utility statements.
char *dba_survey_to_json(const DbaSurvey *survey, bool with_values) DBA_CHECKED;
// NULL and *error when the text is no survey of this format version.  `name` stands for the file in messages.
DbaSurvey *dba_survey_from_json(const char *name, const char *text, size_t length, GError **error) DBA_CHECKED;

// A copy with an arena of its own.
DbaSurvey *dba_survey_copy(const DbaSurvey *survey, GError **error) DBA_CHECKED;

const char *dba_survey_setting(const DbaSurvey *survey, const char *name);
void dba_survey_add_gap(DbaSurvey *survey, const char *what, const char *why, const char *remedy);

// ---- logs -----------------------------------------------------------------------------------------------------------

// By its name: .csv, .json, .jsonl or .log, also with .gz behind.
bool dba_workload_is_log(const char *path);
// Appends the statements of a server's log to the workload, those that differ in literals alone as at most four with their shares of the calls.
bool dba_workload_read_log(DbaSurvey *survey, const char *path, GError **error) DBA_CHECKED;

// ---- redaction ------------------------------------------------------------------------------------------------------

// Tells the order of values of a built-in type: ret_ranks[i] is the place of values[i] among the different ones, from 0, by the
// type's own order under the collation (NULL: the database's).  `values`: texts.
typedef bool (*DbaValueSorter)(void *data, const char *type, const char *collation, const DbaList *values, uint32_t *ret_ranks,
                               GError **error);

// Puts other values in the place of production's: in statistics, in literals of the workload, in positions of sequences.
// Columns that foreign keys, inheritance, views or statements compare share one map.  Numbers go through x -> a x + b, moments are
// shifted by whole days, so that differences keep their proportions; texts and the rest keep their order and their length.
// Values that stand in the schema's own text map to themselves, and what lies between two of them is spread anew there.  So
// equality, range and join predicates keep their selectivities, to within a part of a histogram.  What has no such map is left
// out.  With `schema_too` the values in the schema's text are replaced as all others are, labels of enums become v1, v2 ..., bodies of
// functions and comments are left out.  `seed` must be random and is not kept: who knows it can undo the map of numbers.
bool dba_survey_redact(DbaSurvey *survey, bool schema_too, uint64_t seed, DbaValueSorter sorter, void *data, GError **error) DBA_CHECKED;

// ---- growth ---------------------------------------------------------------------------------------------------------

// How the rows of a table change with time.
typedef struct DbaTableRate {
  double inserted, updated, deleted; // a day
  double rows;                       // a day: what is added, less what goes
} DbaTableRate;

// Rates of every table, in the order of schema.relations (ret_rates has room for them): from the counters of two surveys of one
// subject, else from the counters of the one since they were reset, which must be a day ago or more.  *ret_days: the time they were taken
// over.  Fails with DBA_ERROR_USAGE when neither tells a rate.
bool dba_survey_rates(const DbaSurvey *survey, const DbaSurvey *earlier, DbaTableRate *ret_rates, double *ret_days,
                      GError **error) DBA_CHECKED;
// The factor of each relation from text: "10x" for all of them, "orders=10x,shop.items=2.5" for some.
bool dba_growth_read(const DbaSurvey *survey, const char *text, double *ret_factors, GError **error) DBA_CHECKED;
// The factors after so many days at these rates.
void dba_growth_at(const DbaSurvey *survey, const DbaTableRate *rates, double days, double *ret_factors);
// Makes of the survey that of the subject when its tables have grown: rows, sizes, heights; keys that count up and moments that follow
// the order of the rows go on in their line, foreign keys with their parents; shares of common values of keys fall as their parents
// grow.  All other distributions stay.
void dba_survey_grow(DbaSurvey *survey, const double *factors);

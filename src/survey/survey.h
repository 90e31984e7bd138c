// SPDX-License-Identifier: Apache-2.0
// The survey: all that was read from a subject, as one document that can be kept and read offline.
//
// File format: JSON, `format` "dbarch-survey", `format_version` below; docs/survey-format.md describes it.  Unknown keys
// are refused.  No rows are in it; statement texts of the workload, most common values and histograms are left out of a file
// unless values are asked for.
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
  DbaSchema schema;
} DbaSurvey;

extern const DbaRecord dba_setting_record, dba_workload_statement_record, dba_gap_record, dba_server_facts_record, dba_source_record,
    dba_suppression_record, dba_survey_record;

DbaSurvey *dba_survey_new(void);
void dba_survey_free(DbaSurvey *survey);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DbaSurvey, dba_survey_free)

// JSON.  `with_values` keeps the texts of workload statements, which may hold literals in utility statements.
char *dba_survey_to_json(const DbaSurvey *survey, bool with_values) DBA_CHECKED;
// NULL and *error when the text is no survey of this format version.  `name` stands for the file in messages.
DbaSurvey *dba_survey_from_json(const char *name, const char *text, size_t length, GError **error) DBA_CHECKED;

const char *dba_survey_setting(const DbaSurvey *survey, const char *name);
void dba_survey_add_gap(DbaSurvey *survey, const char *what, const char *why, const char *remedy);

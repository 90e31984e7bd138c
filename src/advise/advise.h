// SPDX-License-Identifier: Apache-2.0
// Advisors: each reads a survey and says what is wrong, about one thing.  One file an advisor, one row in the table.
//
// An advisor proposes; it never measures (lab/trial.c does), never prints, and asks where only an owner can decide.
#pragma once

#include "finding/finding.h"

typedef struct DbaAdvice DbaAdvice;
typedef struct DbaAdvisor {
  const char *rule;
  const char *title;   // what is right when nothing is found: "every foreign key has an index"
  const char *explain; // for `dbarch help RULE`: when it fires, when not, source
  void (*run)(DbaAdvice *advice);
} DbaAdvisor;

extern const DbaAdvisor dba_advisors[]; // ends with a NULL rule
// All rule names, NULL-terminated; free the array alone with g_free.
const char **dba_advise_rules(void);

struct DbaAdvice {
  const DbaAdvisor *advisor;
  const DbaSurvey *survey;
  const DbaSchema *schema;
  DbaFindings *findings;
  DbaArena *arena;
  int64_t looked_at;
};

// Runs all advisors, or those in `rules` (NULL: all), then suppressions, then ranks.
DbaFindings *dba_advise(const DbaSurvey *survey, const char *const *rules);

// ---- for advisors ---------------------------------------------------------------------------------------------------

// A new finding about a table; place and rule are filled in.  The pointer is good until the next call.
DbaFinding *dba_advice_find(DbaAdvice *advice, DbaSeverity severity, const DbaRelation *relation, const char *object);
void dba_advice_unjudged(DbaAdvice *advice, const char *object, const char *why, const char *remedy);
void dba_advice_option(DbaAdvice *advice, DbaFinding *finding, const char *option);
void dba_advice_alternative(DbaAdvice *advice, DbaFinding *finding, const char *what, const char *why_not);
// "schema.table(a, b)"
const char *dba_advice_object(DbaAdvice *advice, const DbaRelation *relation, const DbaList *columns);
const char *dba_advice_columns(DbaAdvice *advice, const DbaList *columns); // "a, b", as names for people
// A table that advice is given about: ordinary or partitioned, and no partition of another.
bool dba_advice_is_root_table(const DbaRelation *relation);
double dba_advice_rows(const DbaRelation *relation); // the best known number of rows, 0 when unknown
// How many days the usage counters are known to cover; negative: the subject has none (files).  Fewer than ENOUGH say nothing.
enum { DBA_ADVICE_ENOUGH_DAYS = 14 };
double dba_advice_counter_days(const DbaAdvice *advice);
// A name for a new index or constraint that is free in the schema: table_columns_suffix, at most 63 bytes.
const char *dba_advice_free_name(DbaAdvice *advice, const DbaRelation *relation, const DbaList *columns, const char *suffix);
// A file name part from words: letters, digits and underscores only.
const char *dba_advice_file_name(DbaAdvice *advice, const char *words);

#define DBA_ADVISOR(function) void function(DbaAdvice *advice)
DBA_ADVISOR(dba_advise_fk_without_index);
DBA_ADVISOR(dba_advise_redundant_index);
DBA_ADVISOR(dba_advise_unused_index);
DBA_ADVISOR(dba_advise_no_primary_key);
DBA_ADVISOR(dba_advise_key_overflow);
DBA_ADVISOR(dba_advise_timestamp_without_zone);
DBA_ADVISOR(dba_advise_unfit_type);
DBA_ADVISOR(dba_advise_fk_type_mismatch);
DBA_ADVISOR(dba_advise_invalid_object);
DBA_ADVISOR(dba_advise_nullable_unique);
DBA_ADVISOR(dba_advise_column_order);
DBA_ADVISOR(dba_advise_duplicate_foreign_key);
DBA_ADVISOR(dba_advise_plan_flip);
DBA_ADVISOR(dba_advise_missing_index);

// SPDX-License-Identifier: Apache-2.0
// The survey as a document: its fields, its JSON.
#include "survey/survey.h"

#include <math.h>
#include <string.h>

#define F(type, member, kind) DBA_FIELD(type, member, kind, 0)
#define END {0}

#define T DbaSetting
static const DbaField setting_fields[] = {F(T, name, TEXT), F(T, value, TEXT), F(T, unit, TEXT), F(T, source, TEXT), END};
#undef T
#define T DbaWorkloadStatement
static const DbaField workload_statement_fields[] = {F(T, id, TEXT),
                                                     DBA_FIELD(T, text, TEXT, DBA_FIELD_VALUE),
                                                     F(T, calls, INT),
                                                     F(T, rows, INT),
                                                     F(T, blocks_hit, INT),
                                                     F(T, blocks_read, INT),
                                                     F(T, total_ms, REAL),
                                                     F(T, mean_ms, REAL),
                                                     END};
#undef T
#define T DbaGap
static const DbaField gap_fields[] = {F(T, what, TEXT), F(T, why, TEXT), F(T, remedy, TEXT), END};
#undef T
#define T DbaServerFacts
static const DbaField server_facts_fields[] = {F(T, version_number, INT),
                                               F(T, version, TEXT),
                                               F(T, database, TEXT),
                                               F(T, role, TEXT),
                                               F(T, encoding, TEXT),
                                               F(T, collate, TEXT),
                                               F(T, ctype, TEXT),
                                               F(T, locale_provider, TEXT),
                                               F(T, locale, TEXT),
                                               F(T, taken_at, TEXT),
                                               F(T, standby, BOOL),
                                               F(T, superuser, BOOL),
                                               F(T, reads_all_statistics, BOOL),
                                               F(T, reads_all_data, BOOL),
                                               F(T, statistics_since, TEXT),
                                               F(T, statistics_age_seconds, INT),
                                               F(T, uptime_seconds, INT),
                                               F(T, size_bytes, INT),
                                               F(T, xid_age, INT),
                                               F(T, commits, INT),
                                               F(T, rollbacks, INT),
                                               F(T, deadlocks, INT),
                                               F(T, temp_bytes, INT),
                                               F(T, blocks_hit, INT),
                                               F(T, blocks_read, INT),
                                               F(T, wal_bytes, INT),
                                               F(T, wal_since, TEXT),
                                               F(T, wal_age_seconds, INT),
                                               END};
#undef T
#define T DbaSource
static const DbaField source_fields[] = {F(T, schema, TEXT), F(T, name, TEXT), F(T, file, TEXT), F(T, line, INT), F(T, column, INT), END};
#undef T
#define T DbaSuppression
static const DbaField suppression_fields[] = {F(T, rule, TEXT), F(T, object, TEXT), F(T, reason, TEXT),
                                              F(T, file, TEXT), F(T, line, INT),    END};
#undef T
#define T DbaAffected
static const DbaField affected_fields[] = {F(T, statement, TEXT), F(T, why, TEXT), END};
#undef T
const DbaRecord dba_affected_record = {"affected statement", sizeof(DbaAffected), affected_fields};
#define T DbaRedaction
static const DbaField redaction_fields[] = {F(T, done, BOOL),
                                            F(T, schema_done, BOOL),
                                            F(T, kept, TEXTS),
                                            F(T, left_out, TEXTS),
                                            DBA_FIELD_OF(T, affected, dba_affected_record, 0),
                                            END};
#undef T
const DbaRecord dba_redaction_record = {"redaction", sizeof(DbaRedaction), redaction_fields};
const DbaRecord dba_setting_record = {"setting", sizeof(DbaSetting), setting_fields};
const DbaRecord dba_workload_statement_record = {"statement", sizeof(DbaWorkloadStatement), workload_statement_fields};
const DbaRecord dba_gap_record = {"gap", sizeof(DbaGap), gap_fields};
const DbaRecord dba_server_facts_record = {"server", sizeof(DbaServerFacts), server_facts_fields};
const DbaRecord dba_source_record = {"source", sizeof(DbaSource), source_fields};
const DbaRecord dba_suppression_record = {"suppression", sizeof(DbaSuppression), suppression_fields};
#define T DbaSurvey
static const DbaField survey_fields[] = {F(T, format, TEXT),
                                         F(T, format_version, INT),
                                         F(T, subject_kind, TEXT),
                                         F(T, subject, TEXT),
                                         F(T, rows_origin, TEXT),
                                         F(T, has_statistics, BOOL),
                                         DBA_FIELD_IN(T, server, dba_server_facts_record, 0),
                                         DBA_FIELD_OF(T, settings, dba_setting_record, 0),
                                         DBA_FIELD_OF(T, workload, dba_workload_statement_record, 0),
                                         DBA_FIELD_OF(T, gaps, dba_gap_record, 0),
                                         DBA_FIELD_OF(T, sources, dba_source_record, 0),
                                         DBA_FIELD_OF(T, suppressions, dba_suppression_record, 0),
                                         DBA_FIELD_IN(T, redaction, dba_redaction_record, 0),
                                         DBA_FIELD_IN(T, schema, dba_schema_record, 0),
                                         END};
#undef T
const DbaRecord dba_survey_record = {"survey", sizeof(DbaSurvey), survey_fields};

static const char FORMAT[] = "dbarch-survey";

DbaSurvey *dba_survey_new(void) {
  DbaSurvey *survey = g_new0(DbaSurvey, 1);
  survey->arena = survey->schema.arena = dba_arena_new();
  survey->format = FORMAT;
  survey->format_version = DBA_SURVEY_FORMAT_VERSION;
  return survey;
}

void dba_survey_free(DbaSurvey *survey) {
  if (!survey)
    return;
  dba_arena_free(survey->arena);
  g_free(survey);
}

char *dba_survey_to_json(const DbaSurvey *survey, bool with_values) {
  g_autoptr(DbaJson) json = dba_json_new();
  dba_json_put(json, NULL, &dba_survey_record, survey, with_values ? 0 : DBA_FIELD_VALUE);
  return dba_json_text(json);
}

// What every reader of the document relies on: the fields that are never NULL.
static bool check_record(const DbaRecord *record, const void *item, const char *name, GError **error) {
  for (const DbaField *field = record->fields; field->name; field++) {
    const void *x = (const char *)item + field->offset;
    // "schema" of default privileges is the one naming field that may be absent.
    bool needed = (field->flags & DBA_FIELD_NAMES) && !(record == &dba_default_acl_record && !strcmp(field->name, "schema"));
    needed |= !strcmp(field->name, "kind") ||
              (!strcmp(field->name, "definition") && (record == &dba_constraint_record || record == &dba_domain_check_record)) ||
              (!strcmp(field->name, "type") && record == &dba_column_record) ||
              (!strcmp(field->name, "method") && record == &dba_index_record);
    if (field->kind == DBA_FIELD_TEXT && needed && !*(const char *const *)x)
      return dba_fail(error, DBA_ERROR_INPUT, "%s: a %s has no %s", name, record->name, field->name);
    if (field->kind == DBA_FIELD_RECORD && !check_record(field->of, x, name, error))
      return false;
    if (field->kind == DBA_FIELD_TEXTS)
      for (uint32_t i = 0; i < ((const DbaList *)x)->n; i++)
        if (!dba_list_text((const DbaList *)x, i))
          return dba_fail(error, DBA_ERROR_INPUT, "%s: %s of a %s has a null", name, field->name, record->name);
    if (field->kind == DBA_FIELD_RECORDS)
      for (uint32_t i = 0; i < ((const DbaList *)x)->n; i++)
        if (!check_record(field->of, (const char *)((const DbaList *)x)->items + i * field->of->size, name, error))
          return false;
  }
  return true;
}

// A file may tell of anything: numbers that no server has become the nearest that one could have, so that sums of them stay numbers.
static int64_t tamed(int64_t value) {
  static const int64_t MOST = (int64_t)1 << 55; // 32 PB in bytes
  return CLAMP(value, 0, MOST);
}

static double tamed_rows(double rows) {
  static const double MOST = 1e14; // more than 32 TB hold
  return rows >= -1 ? fmin(rows, MOST) : -1;
}

static void tame_statistics(const DbaList *statistics) {
  for (DBA_EACH(DbaColumnStatistics, x, statistics)) {
    x->null_fraction = x->null_fraction >= 0 ? fmin(x->null_fraction, 1) : 0;
    x->distinct = x->distinct >= -1 ? fmin(x->distinct, 1e14) : -1;
    x->correlation = x->correlation >= -1 ? fmin(x->correlation, 1) : -1;
    x->width_bytes = CLAMP(x->width_bytes, 0, (int64_t)1 << 30);
  }
}

static void tame(DbaSurvey *survey) {
  for (DBA_EACH(DbaRelation, relation, &survey->schema.relations)) {
    int64_t *const sizes[] = {&relation->pages,       &relation->all_visible_pages, &relation->size_bytes,
                              &relation->toast_bytes, &relation->live_rows,         &relation->dead_rows};
    for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++)
      *sizes[i] = tamed(*sizes[i]);
    relation->rows = tamed_rows(relation->rows);
    tame_statistics(&relation->statistics);
    for (DBA_EACH(DbaColumn, column, &relation->columns)) {
      column->type_length = CLAMP(column->type_length, -2, INT16_MAX);
      column->type_alignment = CLAMP(column->type_alignment, 1, 8);
    }
    for (DBA_EACH(DbaIndex, index, &relation->indexes)) {
      index->pages = tamed(index->pages);
      index->size_bytes = tamed(index->size_bytes);
      index->levels = CLAMP(index->levels, 0, 32);
      index->rows = tamed_rows(index->rows);
      tame_statistics(&index->statistics);
    }
  }
  for (DBA_EACH(DbaStatisticsObject, object, &survey->schema.statistics_objects))
    tame_statistics(&object->statistics);
}

DbaSurvey *dba_survey_from_json(const char *name, const char *text, size_t length, GError **error) {
  g_autoptr(DbaSurvey) survey = dba_survey_new();
  survey->format = NULL;
  survey->format_version = 0;
  if (!dba_json_read(survey->arena, name, text, length, &dba_survey_record, survey, error))
    return NULL;
  if (g_strcmp0(survey->format, FORMAT)) {
    dba_fail(error, DBA_ERROR_INPUT, "%s: is no survey (\"format\" must be \"%s\")", name, FORMAT);
    return NULL;
  }
  if (survey->format_version != DBA_SURVEY_FORMAT_VERSION) {
    dba_fail(error, DBA_ERROR_INPUT, "%s: has survey format %" G_GINT64_FORMAT "; this dbarch reads %d: take the survey again", name,
             survey->format_version, DBA_SURVEY_FORMAT_VERSION);
    return NULL;
  }
  if (!check_record(&dba_survey_record, survey, name, error) || !dba_schema_check(&survey->schema, name, error))
    return NULL;
  tame(survey);
  return g_steal_pointer(&survey);
}

DbaSurvey *dba_survey_copy(const DbaSurvey *survey, GError **error) {
  g_autofree char *json = dba_survey_to_json(survey, true);
  return dba_survey_from_json("survey", json, strlen(json), error);
}

const char *dba_survey_setting(const DbaSurvey *survey, const char *name) {
  for (DBA_EACH(DbaSetting, setting, &survey->settings))
    if (!g_strcmp0(setting->name, name))
      return setting->value;
  return NULL;
}

void dba_survey_add_gap(DbaSurvey *survey, const char *what, const char *why, const char *remedy) {
  DbaGap *gap = dba_list_add(survey->arena, &survey->gaps, sizeof *gap);
  *gap = (DbaGap){dba_arena_text(survey->arena, what), dba_arena_text(survey->arena, why), dba_arena_text(survey->arena, remedy)};
}

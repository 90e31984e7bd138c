// SPDX-License-Identifier: Apache-2.0
// dbarch.yaml: what a repository says once, so that nobody says it on every command line.
#include "finding/finding.h"

#include <string.h>

// As it is written; times and sizes are texts with units.
typedef struct Rehearsal {
  const char *client_wait, *duration, *disk, *wal, *replication_lag, *survey_age;
  int64_t client_errors, line;
} Rehearsal;
typedef struct Backup {
  const char *archive, *age;
  int64_t line;
} Backup;
typedef struct File {
  const char *subject;
  DbaList allow;
  Rehearsal rehearsal;
  Backup backup;
} File;

#define T DbaAllowance
#define F(member, kind) DBA_FIELD(T, member, kind, 0)
static const DbaField allowance_fields[] = {
    F(rule, TEXT), F(object, TEXT), F(reason, TEXT), DBA_FIELD(T, line, INT, DBA_FIELD_INTERNAL), {0}};
static const DbaRecord allowance_record = {"an entry of allow", sizeof(DbaAllowance), allowance_fields};
#undef T
#define T Rehearsal
static const DbaField rehearsal_fields[] = {F(client_wait, TEXT),
                                            F(client_errors, INT),
                                            F(duration, TEXT),
                                            F(disk, TEXT),
                                            F(wal, TEXT),
                                            F(replication_lag, TEXT),
                                            F(survey_age, TEXT),
                                            DBA_FIELD(T, line, INT, DBA_FIELD_INTERNAL),
                                            {0}};
static const DbaRecord rehearsal_record = {"rehearsal", sizeof(Rehearsal), rehearsal_fields};
#undef T
#define T Backup
static const DbaField backup_fields[] = {F(archive, TEXT), F(age, TEXT), DBA_FIELD(T, line, INT, DBA_FIELD_INTERNAL), {0}};
static const DbaRecord backup_record = {"backup", sizeof(Backup), backup_fields};
#undef T
#define T File
static const DbaField file_fields[] = {F(subject, TEXT),
                                       DBA_FIELD_OF(T, allow, allowance_record, 0),
                                       DBA_FIELD_IN(T, rehearsal, rehearsal_record, 0),
                                       DBA_FIELD_IN(T, backup, backup_record, 0),
                                       {0}};
static const DbaRecord file_record = {"dbarch.yaml", sizeof(File), file_fields};
#undef T
#undef F

static bool read_seconds(const char *path, int64_t line, const char *key, const char *text, double usual, double *ret_seconds,
                         GError **error) {
  double seconds = text ? dba_text_read_seconds(text) : usual;
  if (seconds < 0)
    return dba_fail(error, DBA_ERROR_INPUT, "%s:%d: %s: \"%s\" is no time (hint: 500ms, 90s, 5m, 1h, 30d)", path, (int)line, key, text);
  *ret_seconds = seconds;
  return true;
}

static bool read_bytes(const char *path, int64_t line, const char *key, const char *text, int64_t *ret_bytes, GError **error) {
  int64_t bytes = text ? dba_text_read_bytes(text) : 0;
  if (bytes < 0)
    return dba_fail(error, DBA_ERROR_INPUT, "%s:%d: %s: \"%s\" is no size (hint: 500MB, 20GB)", path, (int)line, key, text);
  *ret_bytes = bytes;
  return true;
}

static bool take(const File *file, const char *path, DbaConfig *config, GError **error) {
  enum { CLIENT_WAIT_MS = 500, A_MONTH_S = 30 * 86400, AN_HOUR_S = 3600 };
  const Rehearsal *rehearsal = &file->rehearsal;
  DbaLimits *limits = &config->limits;
  double wait_seconds = 0;
  if (!read_seconds(path, rehearsal->line, "client_wait", rehearsal->client_wait, CLIENT_WAIT_MS / 1e3, &wait_seconds, error) ||
      !read_seconds(path, rehearsal->line, "duration", rehearsal->duration, 0, &limits->duration_seconds, error) ||
      !read_seconds(path, rehearsal->line, "replication_lag", rehearsal->replication_lag, 0, &limits->replication_lag_seconds, error) ||
      !read_seconds(path, rehearsal->line, "survey_age", rehearsal->survey_age, A_MONTH_S, &limits->survey_age_seconds, error) ||
      !read_bytes(path, rehearsal->line, "disk", rehearsal->disk, &limits->disk_bytes, error) ||
      !read_bytes(path, rehearsal->line, "wal", rehearsal->wal, &limits->wal_bytes, error) ||
      !read_seconds(path, file->backup.line, "age", file->backup.age, AN_HOUR_S, &config->backup_age_seconds, error))
    return false;
  limits->client_wait_ms = wait_seconds * 1e3;
  limits->client_errors = rehearsal->client_errors;
  config->subject = file->subject;
  config->allow = file->allow;
  config->backup_archive = file->backup.archive;
  return true;
}

bool dba_config_read(const char *path, DbaArena *arena, DbaConfig *ret_config, GError **error) {
  g_autofree char *text = NULL;
  size_t length;
  File file = {0};
  if (path && !g_file_test(path, G_FILE_TEST_IS_REGULAR))
    return dba_fail(error, DBA_ERROR_INPUT, "%s: is no regular file", path);
  if (path && (!dba_file_read(path, &text, &length, error) || !dba_yaml_read(arena, path, text, length, &file_record, &file, error)))
    return false;
  for (DBA_EACH(DbaAllowance, allowance, &file.allow))
    if (!allowance->rule || !allowance->reason || !*allowance->reason)
      return dba_fail(error, DBA_ERROR_INPUT, "%s:%d: an entry of allow needs a rule and a reason", path, (int)allowance->line);
  *ret_config = (DbaConfig){.path = dba_arena_text(arena, path)};
  return take(&file, path, ret_config, error);
}

bool dba_config_check_rules(const DbaConfig *config, const char *const *rules, GError **error) {
  for (DBA_EACH(DbaAllowance, allowance, &config->allow)) {
    if (g_strv_contains(rules, allowance->rule))
      continue;
    const char *near = dba_text_nearest(allowance->rule, rules);
    return dba_fail(error, DBA_ERROR_INPUT, "%s:%d: unknown rule \"%s\"%s%s%s", config->path, (int)allowance->line, allowance->rule,
                    near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
  }
  return true;
}

void dba_config_suppressions(const DbaConfig *config, const char *const *rules, DbaArena *arena, DbaList *suppressions) {
  for (DBA_EACH(DbaAllowance, allowance, &config->allow))
    if (g_strv_contains(rules, allowance->rule))
      *(DbaSuppression *)dba_list_add(arena, suppressions, sizeof(DbaSuppression)) =
          (DbaSuppression){dba_arena_text(arena, allowance->rule), dba_arena_text(arena, allowance->object),
                           dba_arena_text(arena, allowance->reason), dba_arena_text(arena, config->path), allowance->line};
}

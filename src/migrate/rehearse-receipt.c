// SPDX-License-Identifier: Apache-2.0
// Receipts of rehearsals: files of the ledger, one for a migration, and whether one lets its migration run.
#include "migrate/migrate-int.h"

#include <string.h>

#define F(member, kind) DBA_FIELD(T, member, kind, 0)
#define T DbaRehearsedStatement
static const DbaField statement_fields[] = {
    F(sql, TEXT),  F(line, INT),  F(tries, INT),        F(begin_ms, REAL),  F(ms, REAL),     F(longest_wait_ms, REAL),
    F(waits, INT), F(held, TEXT), F(held_to_line, INT), F(waited_ms, REAL), F(waiter, TEXT), {0}};
static const DbaRecord statement_record = {"statement", sizeof(T), statement_fields};
#undef T
#define T DbaRehearsedClient
static const DbaField client_fields[] = {F(sql, TEXT),           F(runs, INT),           F(during_runs, INT),
                                         F(before_p50_ms, REAL), F(before_p99_ms, REAL), F(before_worst_ms, REAL),
                                         F(during_p95_ms, REAL), F(during_p99_ms, REAL), F(during_worst_ms, REAL),
                                         F(waited_ms, REAL),     F(before_errors, INT),  F(during_errors, INT),
                                         F(prepared_again, INT), F(error, TEXT),         {0}};
static const DbaRecord client_record = {"statement of the workload", sizeof(T), client_fields};
#undef T
#define T DbaLimits
static const DbaField limit_fields[] = {F(client_wait_ms, REAL),     F(client_errors, INT),
                                        F(duration_seconds, REAL),   F(disk_bytes, INT),
                                        F(wal_bytes, INT),           F(replication_lag_seconds, REAL),
                                        F(survey_age_seconds, REAL), {0}};
static const DbaRecord limits_record = {"limits", sizeof(T), limit_fields};
#undef T
#define T DbaRehearsal
static const DbaField rehearsal_fields[] = {F(migration, TEXT),
                                            F(checksum, TEXT),
                                            F(passed, BOOL),
                                            F(problems, TEXTS),
                                            F(near_limits, TEXTS),
                                            F(rehearsed_at, TEXT),
                                            F(subject, TEXT),
                                            F(survey_taken_at, TEXT),
                                            F(server, TEXT),
                                            F(rows, TEXT),
                                            F(subject_bytes, INT),
                                            F(percent, REAL),
                                            F(clients, INT),
                                            F(load, TEXT),
                                            F(rate, REAL),
                                            F(not_run, TEXTS),
                                            DBA_FIELD_IN(T, limits, limits_record, 0),
                                            F(duration_ms, REAL),
                                            F(longest_wait_ms, REAL),
                                            F(waits, INT),
                                            F(client_errors, INT),
                                            F(wal_bytes, INT),
                                            F(disk_bytes, INT),
                                            F(lag_seconds, REAL),
                                            DBA_FIELD_OF(T, statements, statement_record, 0),
                                            DBA_FIELD_OF(T, workload, client_record, 0),
                                            F(again, TEXT),
                                            {0}};
const DbaRecord dba_rehearsal_record = {"rehearsal", sizeof(T), rehearsal_fields};
#undef T
#undef F

static char *receipt_path(const char *folder, const char *label) {
  g_autofree char *name = g_strdelimit(g_strconcat(label, ".json", NULL), "/", '-');
  return g_build_filename(folder, name, NULL);
}

bool dba_rehearsal_write(const char *folder, const DbaRehearsal *rehearsal, GError **error) {
  g_autofree char *path = receipt_path(folder, rehearsal->migration);
  g_autoptr(DbaJson) json = dba_json_new();
  dba_json_put(json, "rehearsal", &dba_rehearsal_record, rehearsal, 0);
  g_autofree char *text = dba_json_text(json);
  return dba_file_write(path, text, strlen(text), error);
}

typedef struct Receipt {
  DbaRehearsal rehearsal;
} Receipt;
static const DbaField receipt_fields[] = {DBA_FIELD_IN(Receipt, rehearsal, dba_rehearsal_record, 0), {0}};
static const DbaRecord receipt_record = {"receipt", sizeof(Receipt), receipt_fields};

bool dba_rehearsal_read(const char *folder, const DbaMigration *migration, DbaArena *arena, DbaRehearsal **ret_rehearsal, GError **error) {
  g_autofree char *path = receipt_path(folder, migration->label), *text = NULL;
  size_t length;
  *ret_rehearsal = NULL;
  if (!g_file_test(path, G_FILE_TEST_EXISTS))
    return true;
  Receipt *receipt = dba_arena_new0(arena, Receipt);
  if (!dba_file_read(path, &text, &length, error) || !dba_json_read(arena, path, text, length, &receipt_record, receipt, error))
    return false;
  *ret_rehearsal = &receipt->rehearsal;
  return true;
}

// Seconds since a survey was taken; negative where that is not known.
static double age_of(const char *taken_at) {
  g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
  g_autoptr(GDateTime) then = taken_at ? g_date_time_new_from_iso8601(taken_at, utc) : NULL, now = g_date_time_new_now_utc();
  return then ? (double)g_date_time_difference(now, then) / G_USEC_PER_SEC : -1;
}

const char *dba_rehearsal_refusal(const DbaRehearsal *rehearsal, const DbaMigration *migration, double survey_age_seconds,
                                  int64_t target_bytes, DbaArena *arena) {
  enum { SMALL_BYTES = 256 << 20 };
  if (!rehearsal)
    return "it was not rehearsed on production-like data";
  if (g_strcmp0(rehearsal->checksum, migration->up->checksum))
    return dba_arena_format(arena, "another text of it was rehearsed on %.10s: it was edited since",
                            rehearsal->rehearsed_at ? rehearsal->rehearsed_at : "?");
  if (!rehearsal->passed)
    return dba_arena_format(arena, "its rehearsal on %.10s did not pass: %s", rehearsal->rehearsed_at ? rehearsal->rehearsed_at : "?",
                            rehearsal->problems.n ? dba_list_text(&rehearsal->problems, 0) : "?");
  if (rehearsal->subject_bytes > 0 && target_bytes > 4 * rehearsal->subject_bytes && target_bytes > SMALL_BYTES) {
    g_autofree char *was = dba_text_bytes(rehearsal->subject_bytes), *is = dba_text_bytes(target_bytes);
    return dba_arena_format(arena, "it was rehearsed for a database of %s, and this one has %s", was, is);
  }
  double age = age_of(rehearsal->survey_taken_at);
  if (survey_age_seconds > 0 && (age < 0 || age > survey_age_seconds)) {
    g_autofree char *old = dba_text_duration(age * 1e3), *allowed = dba_text_duration(survey_age_seconds * 1e3);
    return age < 0 ? "nobody knows when the survey was taken that its rehearsal stood on"
                   : dba_arena_format(arena, "the survey that its rehearsal stood on is %s old (limit %s)", old, allowed);
  }
  return NULL;
}

// SPDX-License-Identifier: Apache-2.0
// Server logs as a workload: csvlog, jsonlog, and what log_destination = 'stderr' writes.
//
// Statements are told by log_statement, log_duration or log_min_duration_statement: "duration: 1.2 ms  statement: ...", "execute name: ..." with their
// parameters in the detail.  Those that differ in literals alone are one, by libpg_query's fingerprint; of each a few are kept as they came, so that
// they are planned with values that really occur, and share its calls.
#include "survey/survey.h"

#include "sql/sql.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_SAMPLES = 4 };

typedef struct Sample {
  const char *text;
  DbaList parameters; // texts or NULL
  int64_t calls;      // of exactly this one
} Sample;

typedef struct Group {
  Sample samples[MOST_SAMPLES];
  unsigned n;
  int64_t calls;
  double total_ms;
} Group;

typedef struct Log {
  DbaArena *arena;
  GHashTable *by_print; // guint64 -> Group *
  GPtrArray *groups;    // in the order of their first statements
  Sample *last;         // whose parameters may follow, in a line of their own
  int64_t messages, statements;
} Log;

// ---- one message ----------------------------------------------------------------------------------------------------

static bool is_planned(const char *sql) {
  static const char *const words[] = {"select", "insert", "update", "delete", "merge", "with", "values", "table"};
  for (;;) {
    while (g_ascii_isspace(*sql) || *sql == '(')
      sql++;
    const char *end = g_str_has_prefix(sql, "/*") ? strstr(sql, "*/") : g_str_has_prefix(sql, "--") ? strchr(sql, '\n') : NULL;
    if (!end)
      break;
    sql = end + (*end == '*' ? 2 : 1);
  }
  for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
    size_t length = strlen(words[i]);
    if (!g_ascii_strncasecmp(sql, words[i], length) && !g_ascii_isalnum(sql[length]) && sql[length] != '_')
      return true;
  }
  return false;
}

// "$1 = 'it''s', $2 = NULL"; false: it is cut, or something else.
static bool read_parameters(DbaArena *arena, const char *text, DbaList *ret_parameters) {
  for (const char *p = text; *p;) {
    g_autoptr(GString) value = g_string_new(NULL);
    char *end;
    if (*p != '$' || g_ascii_strtoull(p + 1, &end, 10) != ret_parameters->n + 1 || !g_str_has_prefix(end, " = "))
      return false;
    p = end + 3;
    if (g_str_has_prefix(p, "NULL")) {
      dba_list_add_text(arena, ret_parameters, NULL);
      p += 4;
    } else {
      if (*p != '\'')
        return false;
      for (p++; *p && (*p != '\'' || p[1] == '\''); p++) {
        p += *p == '\'';
        g_string_append_c(value, *p);
      }
      if (*p != '\'') // log_parameter_max_length
        return false;
      dba_list_add_text(arena, ret_parameters, value->str);
      p++;
    }
    if (g_str_has_prefix(p, ", "))
      p += 2;
    else if (*p)
      return false;
  }
  return ret_parameters->n > 0;
}

static void take_detail(Log *log, const char *detail) {
  const char *colon = detail ? strstr(detail, "arameters: $") : NULL; // "parameters:", since 16 "Parameters:"
  DbaList parameters = {0};
  if (log->last && colon && colon <= detail + 1 && read_parameters(log->arena, colon + strlen("arameters: "), &parameters))
    log->last->parameters = parameters;
}

static bool same_sample(const Sample *sample, const char *text) { return !sample->parameters.n && !strcmp(sample->text, text); }

static void take_statement(Log *log, const char *text, double ms) {
  uint64_t print;
  if (g_str_has_prefix(text, "/* dbarch */") || !is_planned(text) || !dba_sql_fingerprint(text, &print))
    return;
  Group *group = g_hash_table_lookup(log->by_print, &print);
  log->statements++;
  if (!group) {
    guint64 *key = dba_arena_alloc(log->arena, sizeof *key);
    *key = print;
    group = dba_arena_new0(log->arena, Group);
    g_hash_table_insert(log->by_print, key, group);
    g_ptr_array_add(log->groups, group);
  }
  group->calls++;
  group->total_ms += ms;
  log->last = NULL;
  for (unsigned i = 0; i < group->n; i++)
    if (same_sample(&group->samples[i], text) && !strstr(text, "$1")) {
      group->samples[i].calls++;
      return;
    }
  if (group->n == MOST_SAMPLES)
    return;
  log->last = &group->samples[group->n++];
  *log->last = (Sample){.text = dba_arena_text(log->arena, text), .calls = 1};
}

// "duration: 1.2 ms  execute S_1: select ..."
static void take_message(Log *log, const char *message, const char *detail) {
  double ms = 0;
  log->messages++;
  log->last = NULL;
  if (g_str_has_prefix(message, "duration: ")) {
    char *end;
    ms = g_ascii_strtod(message + strlen("duration: "), &end);
    if (!g_str_has_prefix(end, " ms  "))
      return;
    message = end + strlen(" ms  ");
  }
  const char *text = NULL;
  if (g_str_has_prefix(message, "statement: "))
    text = message + strlen("statement: ");
  else if (g_str_has_prefix(message, "execute ")) {
    const char *colon = strstr(message, ": ");
    text = colon ? colon + 2 : NULL;
  }
  if (text)
    take_statement(log, text, ms);
  take_detail(log, detail);
}

// ---- formats --------------------------------------------------------------------------------------------------------

enum { CSV_MESSAGE = 13, CSV_DETAIL = 14, CSV_LEAST = 23 };

static bool read_csv(Log *log, const char *path, const char *text, GError **error) {
  g_autoptr(GPtrArray) fields = g_ptr_array_new_with_free_func(g_free);
  uint32_t line = 1;
  for (const char *p = text; *p;) {
    g_autoptr(GString) field = g_string_new(NULL);
    bool quoted = *p == '"';
    for (p += quoted; *p; p++) {
      line += *p == '\n';
      if (quoted && *p == '"' && p[1] == '"')
        p++;
      else if (quoted ? *p == '"' : *p == ',' || *p == '\n')
        break;
      g_string_append_c(field, *p);
    }
    p += quoted && *p == '"';
    g_ptr_array_add(fields, g_string_free(g_steal_pointer(&field), FALSE));
    if (*p == ',') {
      p++;
      continue;
    }
    if (fields->len >= CSV_LEAST)
      take_message(log, fields->pdata[CSV_MESSAGE], fields->pdata[CSV_DETAIL]);
    else if (fields->len > 1 || *(const char *)fields->pdata[0])
      return dba_fail(error, DBA_ERROR_INPUT, "%s:%u: %u fields: is no csvlog of PostgreSQL, which has 23 and more", path, line,
                      fields->len);
    g_ptr_array_set_size(fields, 0);
    p += *p == '\n';
  }
  return true;
}

static bool read_json(Log *log, const char *path, const char *text, GError **error) {
  static const char *const keys[] = {"message", "detail", NULL};
  uint32_t line = 1;
  for (const char *p = text; *p; line++) {
    const char *end = strchrnul(p, '\n'), *values[2] = {0};
    if (end > p && !dba_json_read_texts(log->arena, path, line, p, (size_t)(end - p), keys, values, error))
      return false;
    if (values[0])
      take_message(log, values[0], values[1]);
    p = end + (*end == '\n');
  }
  return true;
}

// Lines that go on begin with a tab.  What a line begins with is log_line_prefix's.
static bool read_plain(Log *log, const char *text) {
  for (const char *p = text; *p;) {
    const char *end = strchrnul(p, '\n');
    while (*end && end[1] == '\t')
      end = strchrnul(end + 1, '\n');
    g_autoptr(GString) record = g_string_new_len(p, end - p);
    g_string_replace(record, "\n\t", "\n", 0);
    const char *message = strstr(record->str, "LOG:  "), *detail = strstr(record->str, "DETAIL:  ");
    if (message && (!detail || message < detail))
      take_message(log, message + strlen("LOG:  "), NULL);
    else if (detail)
      take_detail(log, detail + strlen("DETAIL:  "));
    p = end + (*end == '\n');
  }
  return true;
}

// ---- the whole ------------------------------------------------------------------------------------------------------

static const char *kind_of(const char *path) {
  static const char *const kinds[] = {".csv", ".json", ".jsonl", ".log"};
  g_autofree char *bare = g_strdup(path);
  if (g_str_has_suffix(bare, ".gz"))
    bare[strlen(bare) - strlen(".gz")] = '\0';
  for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
    if (g_str_has_suffix(bare, kinds[i]))
      return kinds[i];
  return NULL;
}

bool dba_workload_is_log(const char *path) { return kind_of(path) != NULL; }

static void write_out(const Log *log, DbaSurvey *survey) {
  for (guint i = 0; i < log->groups->len; i++) {
    const Group *group = log->groups->pdata[i];
    int64_t exact = 0;
    for (unsigned k = 0; k < group->n; k++)
      exact += group->samples[k].calls;
    for (unsigned k = 0; k < group->n; k++) { // what is not one of them is shared out
      const Sample *sample = &group->samples[k];
      DbaWorkloadStatement *statement = dba_list_add(survey->arena, &survey->workload, sizeof *statement);
      *statement = (DbaWorkloadStatement){.id = dba_arena_format(survey->arena, group->n > 1 ? "%u.%u" : "%u", i + 1, k + 1),
                                          .text = sample->text,
                                          .calls = MAX(1, sample->calls * group->calls / exact),
                                          .total_ms = group->total_ms * (double)sample->calls / (double)exact,
                                          .mean_ms = group->total_ms / (double)group->calls,
                                          .parameters = sample->parameters};
    }
  }
}

bool dba_workload_read_log(DbaSurvey *survey, const char *path, GError **error) {
  g_autofree char *text = NULL;
  size_t length;
  if (!dba_file_read(path, &text, &length, error))
    return false;
  const char *kind = kind_of(path);
  g_autoptr(GHashTable) by_print = g_hash_table_new(g_int64_hash, g_int64_equal);
  g_autoptr(GPtrArray) groups = g_ptr_array_new();
  Log log = {.arena = survey->arena, .by_print = by_print, .groups = groups};
  if (!strcmp(kind, ".csv")   ? !read_csv(&log, path, text, error)
      : !strcmp(kind, ".log") ? !read_plain(&log, text)
                              : !read_json(&log, path, text, error))
    return false;
  write_out(&log, survey);
  return groups->len || dba_fail(error, DBA_ERROR_INPUT,
                                 "%s: tells no statement in %" G_GINT64_FORMAT
                                 " messages (hint: log_min_duration_statement = 0 for a while, or log_statement = all)",
                                 path, log.messages);
}

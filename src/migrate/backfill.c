// SPDX-License-Identifier: Apache-2.0
// Backfills: rows filled in batches by key, as a step of their own.
//
//   -- dbarch: backfill table=shop.orders set="cents = (total * 100)::bigint" where="cents is null" batch=5000 pause=50ms max_lag=10s
//
// Each batch is a range of keys and a transaction, and what was reached is written down with it: whoever goes on begins behind it, and nothing is done twice.
// A range has as many rows as a batch, whether or not they match, so that a batch is short wherever it lies.  Between batches others get their turn:
// for as long as the last one took unless `pause` says otherwise, and for as long as a replica is too far behind.
#include "migrate/run-int.h"

#include "migrate-sql.h"

#include <string.h>

// ---- reading --------------------------------------------------------------------------------------------------------

static const char *const keys[] = {"table", "set", "where", "batch", "pause", "max_lag", NULL};
static const char words[] = "-- dbarch: backfill";

// The key that begins here, as "key=", or NULL.
static const char *key_at(const char *text) {
  for (const char *const *key = keys; *key; key++) {
    size_t length = strlen(*key);
    if (!strncmp(text, *key, length) && text[length] == '=')
      return *key;
  }
  return NULL;
}

// A value: in double quotes, where \" is one; else up to the next key.
static char *read_value(const char **at) {
  GString *value = g_string_new(NULL);
  const char *p = *at;
  if (*p == '"') {
    for (p++; *p && *p != '"'; p++) {
      p += *p == '\\' && p[1] == '"';
      g_string_append_c(value, *p);
    }
    p += *p == '"';
  } else {
    for (; *p; p++) {
      if ((*p == ' ' || *p == '\t') && key_at(p + strspn(p, " \t")))
        break;
      g_string_append_c(value, *p);
    }
  }
  *at = p + strspn(p, " \t");
  return g_strchomp(g_string_free(value, FALSE));
}

static const char *take(DbaBackfill *backfill, DbaArena *arena, const char *key, const char *value) {
  char *end = NULL;
  if (!*value)
    return dba_arena_format(arena, "%s= has no value", key);
  if (!strcmp(key, "table"))
    backfill->table = dba_arena_text(arena, value);
  else if (!strcmp(key, "set"))
    backfill->set = dba_arena_text(arena, value);
  else if (!strcmp(key, "where"))
    backfill->where = dba_arena_text(arena, value);
  else if (!strcmp(key, "batch")) {
    guint64 n = g_ascii_strtoull(value, &end, 10);
    if (!g_ascii_isdigit(*value) || *end || n < 1 || n > 1000000)
      return dba_arena_format(arena, "batch=%s: say 1 to 1000000", value);
    backfill->batch = (uint32_t)n;
  } else {
    double seconds = dba_text_read_seconds(value);
    if (seconds < 0)
      return dba_arena_format(arena, "%s=%s is no time (hint: 50ms, 2s)", key, value);
    *(!strcmp(key, "pause") ? &backfill->pause_seconds : &backfill->max_lag_seconds) = seconds;
  }
  return NULL;
}

// One directive, without its first words; what is wrong with it, or NULL.
static const char *read_directive(const char *text, DbaArena *arena, DbaBackfill *backfill) {
  if (strstr(text, "--"))
    return "a comment within a comment";
  const char *at = text + strspn(text, " \t");
  while (*at) {
    const char *key = key_at(at);
    if (!key) {
      g_autofree char *word = g_strndup(at, strcspn(at, " \t="));
      const char *near = dba_text_nearest(word, keys);
      return dba_arena_format(arena, "\"%s\" is none of table=, set=, where=, batch=, pause=, max_lag=%s%s%s", word,
                              near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
    }
    at += strlen(key) + 1;
    g_autofree char *value = read_value(&at);
    const char *problem = take(backfill, arena, key, value);
    if (problem)
      return problem;
  }
  return backfill->table && backfill->set ? NULL : "it needs table= and set=";
}

static bool count_updates(const DbaSqlStatement *statement, void *data, GError **error) {
  (void)error;
  unsigned *n = data;
  *n += statement->item.kind == DBA_SQL_STATEMENT && statement->facts.tag == DBA_SQL_UPDATE && !statement->syntax_error ? 1 : 100;
  return true;
}

// The statement that does all of it at once, for a lab.
static bool as_statement(const DbaBackfill *backfill, const char *path, DbaArena *arena, DbaSqlStatement *ret_item) {
  const char *sql = dba_arena_format(arena, "update %s set %s%s%s", backfill->table, backfill->set, backfill->where ? " where " : "",
                                     backfill->where ? backfill->where : "");
  g_autoptr(DbaSqlReader) reader = dba_sql_reader_text(path, sql, strlen(sql));
  g_autoptr(GError) ignored = NULL;
  unsigned n = 0;
  if (!dba_sql_visit(reader, count_updates, &n, &ignored) || n != 1)
    return false;
  *ret_item = (DbaSqlStatement){.item = {.kind = DBA_SQL_STATEMENT,
                                         .text = sql,
                                         .length = strlen(sql),
                                         .before = "",
                                         .place = {.file = path, .line = backfill->line, .column = 1}},
                                .facts = {.tag = DBA_SQL_UPDATE, .changes_data = true}};
  return true;
}

// Directives are comments of their own, not lines of others or of strings.
void dba_backfills_read(DbaScript *script, DbaArena *arena) {
  DbaList tokens = {0};
  dba_sql_read_tokens(script->text, arena, &tokens);
  for (DBA_EACH(DbaSqlToken, token, &tokens)) {
    g_autofree char *text = token->kind == DBA_SQL_A_COMMENT ? g_strndup(script->text + token->offset, token->length) : NULL;
    uint32_t line, column;
    if (!text || !g_str_has_prefix(g_strstrip(text), words) || script->problem)
      continue;
    dba_text_locate(script->text, strlen(script->text), token->offset, &line, &column);
    DbaBackfill backfill = {.line = line, .batch = 5000, .pause_seconds = -1, .max_lag_seconds = 10};
    DbaSqlStatement item;
    const char *problem = script->items.n > script->backfills.n
                              ? "a backfill is a step of its own: put it into a migration without statements"
                              : read_directive(text + strlen(words), arena, &backfill);
    if (!problem && !as_statement(&backfill, script->path, arena, &item))
      problem = "table=, set= and where= do not make one UPDATE";
    if (problem) {
      script->problem = dba_arena_format(arena, "%s:%u:1: backfill: %s", script->path, line, problem);
      return;
    }
    *(DbaBackfill *)dba_list_add(arena, &script->backfills, sizeof backfill) = backfill;
    *(DbaSqlStatement *)dba_list_add(arena, &script->items, sizeof item) = item;
    script->mode = DBA_SCRIPT_NO_TRANSACTION;
    script->why = words;
  }
}

// ---- running --------------------------------------------------------------------------------------------------------

enum { SHORT_MS = 100, LONG_MS = 400, TOLD_MS = 1000 };

// One backfill under way.
typedef struct Filling {
  DbaJob job; // first: with_tries gives it back
  const DbaBackfill *backfill;
  uint32_t number;
  DbaArena *arena;
  const char *columns[DBA_BACKFILL_KEYS], *types[DBA_BACKFILL_KEYS];
  unsigned n;
  const char *reached[DBA_BACKFILL_KEYS + 1]; // NULL at 0: nothing yet
  const char *upper[DBA_BACKFILL_KEYS + 1];   // of the batch under way; NULL at 0: up to the end
  const char *mark;                           // `upper` as an array
  uint32_t size;
  int64_t looked_at, changed;
  double rows; // that the table has, about
  gint64 begin_us, told_us;
  double ms; // that the last batch took
} Filling;

// A key that is written would be met again behind itself.
static bool check_columns(const DbaBackfill *backfill, const char *path, DbaArena *arena, const DbaResult *key, GError **error) {
  const char *sql = dba_arena_format(arena, "update %s set %s", backfill->table, backfill->set);
  DbaList columns = {0};
  bool by_itself;
  if (!dba_sql_read_update(sql, arena, &columns, &by_itself))
    return true; // the server says what is wrong with it
  for (DBA_EACH_TEXT(column, &columns))
    for (int i = 0; i < dba_result_rows(key); i++) {
      g_autofree char *quoted = dba_sql_name(NULL, *column);
      if (!strcmp(quoted, dba_result_text(key, i, 0)))
        return dba_fail(error, DBA_ERROR_INPUT, "%s:%u: backfill: %s is a column of the key that %s is gone along by: it cannot be set",
                        path, backfill->line, quoted, backfill->table);
    }
  return true;
}

bool dba_backfill_find_key(DbaServer *server, const DbaBackfill *backfill, const char *path, DbaArena *arena, DbaResult **ret_key,
                           GError **error) {
  const char *parameters[] = {backfill->table, NULL};
  g_autoptr(DbaResult) found = dba_server_query(server, dba_embedded_migrate_sql("backfill_key"), parameters, error);
  if (!found)
    return false;
  if (!dba_result_rows(found) || dba_result_rows(found) > DBA_BACKFILL_KEYS)
    return dba_fail(error, DBA_ERROR_INPUT, "%s:%u: backfill: %s has no primary key to go along by", path, backfill->line, backfill->table);
  if (!check_columns(backfill, path, arena, found, error))
    return false;
  *ret_key = g_steal_pointer(&found);
  return true;
}

static bool find_key(Filling *filling, GError **error) {
  g_autoptr(DbaResult) key = NULL;
  if (!dba_backfill_find_key(filling->job.runner->server, filling->backfill, filling->job.script->path, filling->arena, &key, error))
    return false;
  filling->n = (unsigned)dba_result_rows(key);
  for (unsigned i = 0; i < filling->n; i++) {
    filling->columns[i] = dba_arena_text(filling->arena, dba_result_text(key, (int)i, 0));
    filling->types[i] = dba_arena_text(filling->arena, dba_result_text(key, (int)i, 1));
  }
  filling->rows = dba_result_real(key, 0, 2);
  return true;
}

// "(a, b) > ($1::int4, $2::text)"; `first`: the number of its first parameter.
static void append_range(GString *sql, const Filling *filling, const char *sign, unsigned first) {
  g_string_append_c(sql, '(');
  for (unsigned i = 0; i < filling->n; i++)
    g_string_append_printf(sql, "%s%s", i ? ", " : "", filling->columns[i]);
  g_string_append_printf(sql, ") %s (", sign);
  for (unsigned i = 0; i < filling->n; i++)
    g_string_append_printf(sql, "%s$%u::%s", i ? ", " : "", first + i, filling->types[i]);
  g_string_append_c(sql, ')');
}

static void append_columns(GString *sql, const Filling *filling, const char *cast) {
  for (unsigned i = 0; i < filling->n; i++)
    g_string_append_printf(sql, "%sr.%s%s", i ? ", " : "", filling->columns[i], cast);
}

// Where the next batch ends: the key of the row that many rows on.
static bool find_upper(Filling *filling, GError **error) {
  g_autoptr(GString) sql = g_string_new("select ");
  append_columns(sql, filling, "::text");
  g_string_append(sql, ", array[");
  append_columns(sql, filling, "::text");
  g_string_append_printf(sql, "]::text from %s r", filling->backfill->table);
  if (filling->reached[0]) {
    g_string_append(sql, " where ");
    append_range(sql, filling, ">", 1);
  }
  g_string_append(sql, " order by ");
  append_columns(sql, filling, ""); // of the table: an output column of that name is text
  g_string_append_printf(sql, " offset %u limit 1", filling->size - 1);
  g_autoptr(DbaResult) found =
      dba_server_query(filling->job.runner->server, sql->str, filling->reached[0] ? filling->reached : NULL, error);
  if (!found)
    return false;
  bool more = dba_result_rows(found) > 0;
  for (unsigned i = 0; i < filling->n; i++)
    filling->upper[i] = more ? dba_arena_text(filling->arena, dba_result_text(found, 0, (int)i)) : NULL;
  filling->mark = more ? dba_arena_text(filling->arena, dba_result_text(found, 0, (int)filling->n)) : NULL;
  return true;
}

static bool run_batch(const DbaJob *job, GError **error) {
  Filling *filling = (Filling *)(uintptr_t)job;
  DbaServer *server = job->runner->server;
  gint64 from = g_get_monotonic_time();
  if (!dba_server_exec(server, "begin", error) || !find_upper(filling, error))
    return false;
  const char *parameters[2 * DBA_BACKFILL_KEYS + 1] = {0};
  g_autoptr(GString) sql = g_string_new("with changed as (update ");
  unsigned n = 0;
  g_string_append_printf(sql, "%s set %s where ", filling->backfill->table, filling->backfill->set);
  g_string_append_printf(sql, "(%s\n)", filling->backfill->where ? filling->backfill->where : "true");
  const struct {
    const char *const *bound;
    const char *sign;
  } ranges[] = {{filling->reached, ">"}, {filling->upper, "<="}};
  for (size_t i = 0; i < G_N_ELEMENTS(ranges); i++) {
    if (!ranges[i].bound[0])
      continue;
    g_string_append(sql, " and ");
    append_range(sql, filling, ranges[i].sign, n + 1);
    for (unsigned k = 0; k < filling->n; k++)
      parameters[n++] = ranges[i].bound[k];
  }
  g_string_append(sql, " returning 1) select count(*) from changed");
  g_autoptr(DbaResult) changed = dba_server_query(server, sql->str, n ? parameters : NULL, error);
  if (!changed)
    return false;
  int64_t total = filling->changed + dba_result_int(changed, 0, 0);
  g_autofree char *number = g_strdup_printf("%u", filling->number),
                  *done = g_strdup_printf("%u", filling->upper[0] ? filling->number - 1 : filling->number),
                  *rows = g_strdup_printf("%" G_GINT64_FORMAT, total);
  const char *step[] = {
      job->migration->label, job->down ? "undoing" : "running", number, done, filling->mark ? filling->mark : "", rows, NULL};
  g_autoptr(DbaResult) written = dba_server_query(server, dba_embedded_migrate_sql("history_reached"), step, error);
  if (written && !dba_result_rows(written))
    return dba_fail(error, DBA_ERROR_REFUSED, "the row of %s is gone from dbarch.migrations: somebody else is at work",
                    job->migration->label);
  if (!written || !dba_server_exec(server, "commit", error))
    return false;
  filling->changed = total;
  filling->ms = (double)(g_get_monotonic_time() - from) / 1e3; // of the try that went through
  return true;
}

static void tell(Filling *filling) {
  gint64 now = g_get_monotonic_time();
  if (now - filling->told_us < TOLD_MS * 1000)
    return;
  double share = filling->rows > 0 ? CLAMP((double)filling->looked_at / filling->rows, 0, 1) : 0,
         seconds = (double)(now - filling->begin_us) / 1e6;
  g_autofree char *looked_at = dba_text_count((double)filling->looked_at),
                  *left = dba_text_duration(share > 0 ? seconds * (1 - share) / share * 1e3 : 0);
  dba_runner_say(filling->job.runner, false, "%s: %s rows of %s, %.0f %%, %s left", filling->job.migration->label, looked_at,
                 filling->backfill->table, share * 100, left);
  filling->told_us = now;
}

// Others get their turn; replicas catch up.
static bool let_others(const Filling *filling, double ms, GError **error) {
  const DbaRunner *runner = filling->job.runner;
  double pause = filling->backfill->pause_seconds;
  if (!dba_runner_pause(runner, pause >= 0 ? pause : ms / 1e3, error))
    return false;
  for (;;) {
    g_autoptr(DbaResult) lag = dba_server_query(runner->server, dba_embedded_migrate_sql("backfill_lag"), NULL, error);
    if (!lag)
      return false;
    double seconds = dba_result_text(lag, 0, 0) ? dba_result_real(lag, 0, 0) : 0;
    if (seconds <= filling->backfill->max_lag_seconds)
      return true;
    dba_runner_say(runner, false, "%s: a replica is %.1f s behind (limit %.1f s): waiting", filling->job.migration->label, seconds,
                   filling->backfill->max_lag_seconds);
    if (!dba_runner_pause(runner, 1, error))
      return false;
  }
}

static bool fill(Filling *filling, GError **error) {
  filling->begin_us = g_get_monotonic_time();
  for (;;) {
    if (!dba_job_try(&filling->job, run_batch, error))
      return false;
    filling->looked_at += filling->size;
    if (!filling->upper[0])
      return true;
    memcpy(filling->reached, filling->upper, sizeof filling->upper);
    filling->size = filling->ms > LONG_MS    ? MAX(filling->size / 2, 1)
                    : filling->ms < SHORT_MS ? MIN(filling->size * 2, filling->backfill->batch)
                                             : filling->size;
    tell(filling);
    if (!let_others(filling, filling->ms, error))
      return false;
  }
}

// Where an earlier run came to.
static bool take_up(Filling *filling, const DbaApplied *applied, GError **error) {
  DbaList reached = {0};
  filling->changed = applied->rows;
  if (!applied->reached)
    return true;
  const char *parameters[] = {applied->reached, NULL};
  g_autoptr(DbaResult) parts =
      dba_server_query(filling->job.runner->server, "select pg_catalog.unnest($1::pg_catalog.text[])", parameters, error);
  for (int i = 0; parts && i < dba_result_rows(parts); i++)
    dba_list_add_text(filling->arena, &reached, dba_result_text(parts, i, 0));
  if (!parts)
    return false;
  if (reached.n != filling->n)
    return dba_fail(error, DBA_ERROR_REFUSED, "%s: the key of %s is another one than when its backfill began",
                    filling->job.migration->label, filling->backfill->table);
  for (uint32_t i = 0; i < reached.n; i++)
    filling->reached[i] = dba_list_text(&reached, i);
  dba_runner_say(filling->job.runner, true, "%s goes on behind %s", filling->job.migration->label, applied->reached);
  return true;
}

bool dba_job_run_backfills(DbaJob *job, const DbaApplied *applied, GError **error) {
  uint32_t number = 0;
  for (DBA_EACH(DbaBackfill, backfill, &job->script->backfills)) {
    g_autoptr(DbaArena) arena = dba_arena_new();
    number++;
    Filling filling = {.job = *job, .backfill = backfill, .number = number, .arena = arena, .size = MIN(backfill->batch, 500)};
    if (applied && number <= applied->done)
      continue;
    if (!find_key(&filling, error) || (applied && applied->begun == number && !take_up(&filling, applied, error)))
      return false;
    gint64 from = g_get_monotonic_time();
    g_autoptr(GError) problem = NULL;
    bool ok = fill(&filling, &problem);
    if (job->runner->options->ran)
      job->runner->options->ran(job->runner->options->data, dba_list_at(DbaSqlStatement, &job->script->items, number - 1), from,
                                g_get_monotonic_time(), ok);
    if (!ok && g_error_matches(problem, DBA_ERROR, DBA_ERROR_DATABASE))
      return dba_fail(error, DBA_ERROR_INPUT, "%s:%u: backfill: %s", job->script->path, backfill->line, problem->message);
    if (!ok)
      return g_propagate_error(error, g_steal_pointer(&problem)), false;
    g_autofree char *changed = dba_text_count((double)filling.changed);
    dba_runner_say(job->runner, true, "filled %s: %s rows changed", backfill->table, changed);
  }
  return true;
}

// SPDX-License-Identifier: Apache-2.0
// One script: a file, or a section of it, as statements, with how it is to be run.
//
// A script that opens a transaction at its first statement and commits it at its last is one transaction, whoever says BEGIN.  One that does
// so anywhere else is left to itself.  A statement that the server refuses inside of a transaction takes the script out of it only where the
// tool would do so too; elsewhere the server's refusal is what the person would see, and is what we see.
#include "migrate/migrate-int.h"

#include <string.h>
#include <sys/stat.h>

bool dba_script_file_read(DbaArena *arena, const char *path, DbaScriptFile *ret_file, GError **error) {
  static const char byte_order_mark[] = "\xef\xbb\xbf";
  enum { LARGEST_BYTES = 256 << 20 };
  g_autofree char *bytes = NULL;
  size_t length;
  struct stat there;
  if (stat(path, &there) == 0 && (!S_ISREG(there.st_mode) || there.st_size > LARGEST_BYTES))
    return dba_fail(error, DBA_ERROR_INPUT, "%s: is %s", path, S_ISREG(there.st_mode) ? "larger than 256 MB" : "no regular file");
  if (!dba_file_read(path, &bytes, &length, error))
    return false;
  const char *text = bytes;
  if (g_str_has_prefix(text, byte_order_mark)) {
    text += strlen(byte_order_mark);
    length -= strlen(byte_order_mark);
  }
  if (memchr(text, '\0', length))
    return dba_fail(error, DBA_ERROR_INPUT, "%s: holds a zero byte: is no SQL text", path);
  if (!g_utf8_validate(text, (gssize)length, NULL))
    return dba_fail(error, DBA_ERROR_INPUT, "%s: is not UTF-8 (hint: iconv -t UTF-8)", path);
  g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
  for (const char *at = text, *end = text + length; at < end;) { // CRLF counts as LF
    const char *stop = memchr(at, '\r', (size_t)(end - at));
    stop = stop ? stop : end;
    g_checksum_update(sum, (const guchar *)at, stop - at);
    at = stop == end ? end : stop + 1;
    if (stop < end && (at == end || *at != '\n'))
      g_checksum_update(sum, (const guchar *)"\r", 1);
  }
  *ret_file = (DbaScriptFile){dba_arena_text(arena, path), dba_arena_text_n(arena, text, length),
                              dba_arena_text(arena, g_checksum_get_string(sum)), length};
  return true;
}

typedef struct Reading {
  DbaArena *arena;
  DbaScript *script;
  const DbaScriptRules *rules;
} Reading;

static void copy_facts(DbaArena *arena, DbaSqlFacts *facts) {
  facts->schema = dba_arena_text(arena, facts->schema);
  facts->name = dba_arena_text(arena, facts->name);
  facts->table = dba_arena_text(arena, facts->table);
}

static bool keep(const DbaSqlStatement *statement, void *data, GError **error) {
  (void)error;
  Reading *reading = data;
  DbaScript *script = reading->script;
  if (statement->item.kind == DBA_SQL_META && !reading->rules->psql && !script->problem) {
    g_autofree char *command = g_strndup(statement->item.text, strcspn(statement->item.text, " \t\r\n;"));
    script->problem =
        dba_arena_format(reading->arena,
                         "%s:%u:%u: %s is a command of psql itself, and the tool that this file is for sends files to the server "
                         "without psql (hint: say it in SQL, or take it out)",
                         script->path, statement->item.place.line, statement->item.place.column, command);
  }
  DbaSqlStatement *kept = dba_list_add(reading->arena, &script->items, sizeof *kept);
  *kept = *statement;
  kept->item.text = dba_arena_text_n(reading->arena, statement->item.text, statement->item.length);
  kept->item.before = dba_arena_text_n(reading->arena, statement->item.before, statement->item.before_length);
  kept->item.place.file = script->path;
  kept->syntax_error = dba_arena_text(reading->arena, statement->syntax_error);
  copy_facts(reading->arena, &kept->facts);
  return true;
}

static bool is_transaction(const DbaSqlStatement *item, const char *word) {
  return item->item.kind == DBA_SQL_STATEMENT && item->facts.tag == DBA_SQL_TRANSACTION && !strcmp(item->facts.name, word);
}

// Takes BEGIN and COMMIT around everything away; true when no others are left.
static bool strip_transaction(DbaScript *script, DbaArena *arena) {
  DbaSqlStatement *first = NULL, *last = NULL;
  unsigned n = 0;
  for (DBA_EACH(DbaSqlStatement, item, &script->items)) {
    if (item->item.kind != DBA_SQL_STATEMENT)
      continue;
    first = first ? first : item;
    last = item;
    n += is_transaction(item, "begin") || is_transaction(item, "commit") || is_transaction(item, "rollback");
  }
  if (!n)
    return true;
  if (n != 2 || !is_transaction(first, "begin") || !is_transaction(last, "commit"))
    return false;
  DbaList inner = {0};
  for (DBA_EACH(DbaSqlStatement, item, &script->items))
    if (item != first && item != last)
      *(DbaSqlStatement *)dba_list_add(arena, &inner, sizeof *item) = *item;
  script->items = inner;
  return true;
}

static bool says_transaction_off(const DbaScript *script) {
  static const char words[] = "-- dbarch: transaction=off";
  for (DBA_EACH(DbaSqlStatement, item, &script->items))
    return g_strstr_len(item->item.before, (gssize)item->item.before_length, words) != NULL; // of the first
  return false;
}

const char *dba_script_group(const DbaScript *script, DbaArena *arena) {
  static const char words[] = "-- dbarch: group=";
  for (DBA_EACH(DbaSqlStatement, item, &script->items)) {
    const char *found = g_strstr_len(item->item.before, (gssize)item->item.before_length, words),
               *name = found ? found + strlen(words) : "";
    size_t length = strcspn(name, " \t\r\n");
    return length ? dba_arena_text_n(arena, name, length) : NULL; // of the first
  }
  return NULL;
}

static bool has_transactions(const DbaScript *script) {
  for (DBA_EACH(DbaSqlStatement, item, &script->items))
    if (is_transaction(item, "begin") || is_transaction(item, "commit") || is_transaction(item, "rollback"))
      return true;
  return false;
}

static void choose_mode(DbaScript *script, const DbaScriptRules *rules, DbaArena *arena) {
  bool has = has_transactions(script), taken_out = rules->no_transaction || says_transaction_off(script);
  if (has && (taken_out || !strip_transaction(script, arena))) {
    script->mode = DBA_SCRIPT_OWN_TRANSACTIONS;
    script->why = "it begins and commits transactions of its own";
    return;
  }
  if (has) // its own BEGIN and COMMIT: whatever stands between them is in a transaction
    return;
  const DbaSqlStatement *outside = NULL;
  uint32_t n = 0;
  for (DBA_EACH(DbaSqlStatement, item, &script->items)) {
    n += item->item.kind == DBA_SQL_STATEMENT;
    outside = outside ? outside : item->facts.outside_transaction ? item : NULL;
  }
  if (rules->no_transaction)
    script->why = rules->no_transaction;
  else if (says_transaction_off(script))
    script->why = "-- dbarch: transaction=off";
  else if (outside && (rules->loose || n == 1))
    script->why = dba_arena_format(arena, "the statement in line %u cannot run in a transaction", outside->item.place.line);
  script->mode = script->why ? DBA_SCRIPT_NO_TRANSACTION : DBA_SCRIPT_ONE_TRANSACTION;
}

DbaScript *dba_script_new(DbaMigrations *migrations, const DbaScriptFile *file, const char *text, const DbaScriptRules *rules, int major,
                          GError **error) {
  DbaScript *script = dba_arena_new0(migrations->arena, DbaScript);
  script->path = file->path;
  script->checksum = file->checksum;
  script->text = text ? text : file->text;
  Reading reading = {migrations->arena, script, rules};
  g_autoptr(DbaSqlReader) reader = dba_sql_reader_text(file->path, script->text, file->length);
  dba_sql_reader_set_tolerant(reader, major > 17);
  g_autoptr(GError) problem = NULL;
  if (!dba_sql_visit(reader, keep, &reading, &problem)) {
    if (problem->code != DBA_ERROR_INPUT) {
      g_propagate_error(error, g_steal_pointer(&problem));
      return NULL;
    }
    script->problem = dba_arena_text(migrations->arena, problem->message);
  }
  choose_mode(script, rules, migrations->arena);
  dba_backfills_read(script, migrations->arena);
  return script;
}

// Ends what is open, whatever came of it.
static bool roll_back(DbaLabSession *session) {
  g_autoptr(GError) ignored = NULL;
  return dba_server_exec(dba_lab_session_server(session), "rollback", &ignored);
}

// DO and CALL may commit, where no transaction is around them.
static bool may_commit(const DbaSqlItem *item) {
  return item->length > 4 && (!g_ascii_strncasecmp(item->text, "do", 2) || !g_ascii_strncasecmp(item->text, "call", 4));
}

// One statement of a script, with what looks on called before its transaction ends.
static bool run_item(DbaLabSession *session, const DbaScript *script, const DbaSqlStatement *item, const DbaScriptWatch *watch,
                     GError **error) {
  DbaServer *server = dba_lab_session_server(session);
  bool by_itself =
      script->mode == DBA_SCRIPT_NO_TRANSACTION && may_commit(&item->item); // then nothing is left to see, and it is judged by its text
  bool watched = watch && item->item.kind == DBA_SQL_STATEMENT && item->facts.tag != DBA_SQL_COPY_FROM_STDIN && !by_itself;
  bool alone = watched && script->mode == DBA_SCRIPT_NO_TRANSACTION && !item->facts.outside_transaction;
  if (alone && !dba_server_exec(server, "begin", error))
    return false;
  gint64 begin = g_get_monotonic_time();
  if (!dba_lab_session_run(session, item, error))
    return false;
  double ms = (double)(g_get_monotonic_time() - begin) / 1e3;
  if (watched && !watch->after(watch->data, item, ms, error))
    return false;
  if (alone && !dba_server_exec(server, "commit", error))
    return false;
  return !watched || dba_server_in_transaction(server) || watch->ended(watch->data, error);
}

bool dba_script_run(DbaLabSession *session, const DbaScript *script, const DbaScriptWatch *watch, GError **error) {
  DbaServer *server = dba_lab_session_server(session);
  bool one = script->mode == DBA_SCRIPT_ONE_TRANSACTION, ok = true;
  if (script->problem)
    return dba_fail(error, DBA_ERROR_INPUT, "%s", script->problem);
  for (uint32_t i = 0; i < script->parts.n; i++)
    if (!dba_script_run(session, ((const DbaScript **)script->parts.items)[i], watch, error))
      return false;
  if (script->parts.n)
    return true;
  if (one && !dba_server_exec(server, "begin", error))
    return false;
  for (DBA_EACH(DbaSqlStatement, item, &script->items))
    ok = ok && run_item(session, script, item, watch, error);
  if (ok && one)
    ok = dba_server_exec(server, "commit", error); // deferred constraints speak here
  else if (ok && dba_server_in_transaction(server))
    ok = dba_fail(error, DBA_ERROR_INPUT, "%s: a transaction is left open at its end: what it did is lost", script->path);
  if (!ok) {
    g_autofree char *state = g_strdup(dba_server_sqlstate(server));
    if (dba_server_in_transaction(server) && !roll_back(session))
      return false;
    dba_server_set_sqlstate(server, state);
  }
  return ok;
}

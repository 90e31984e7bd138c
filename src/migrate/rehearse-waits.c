// SPDX-License-Identifier: Apache-2.0
// What clients waited for: each wait, laid at the statement of the migration whose lock it was.
//
// The watcher of the drive sees who waits; behind each statement it is seen what the migration holds.  A lock lasts to the end of its transaction,
// so a wait may lie in a later statement than the one that is to blame.
#include "migrate/rehearse-int.h"

#include "migrate-sql.h"

#include <math.h>
#include <string.h>

// ---- what it holds --------------------------------------------------------------------------------------------------

void dba_rehearsal_look_at_locks(DbaServer *looking, int64_t pid, DbaArena *arena, unsigned statement, double from_ms, DbaList *held) {
  g_autoptr(GError) ignored = NULL;
  g_autofree char *process = g_strdup_printf("%" G_GINT64_FORMAT, pid);
  const char *parameters[] = {process, NULL};
  g_autoptr(DbaResult) now = dba_server_query(looking, dba_embedded_migrate_sql("rehearse_held"), parameters, &ignored);
  if (!now)
    return;
  for (DBA_EACH(DbaHeldLock, lock, held)) {
    bool still = false;
    for (int row = 0; lock->held && row < dba_result_rows(now); row++)
      still = still || (!strcmp(lock->relation, dba_result_text(now, row, 0)) && !strcmp(lock->transaction, dba_result_text(now, row, 2)));
    if (lock->held && !still)
      lock->till_ms = from_ms;
    lock->held = still;
  }
  for (int row = 0; row < dba_result_rows(now); row++) {
    DbaLockMode mode;
    bool known = !dba_lock_parse(dba_result_text(now, row, 1), &mode);
    for (DBA_EACH(DbaHeldLock, lock, held))
      known = known || (lock->held && lock->mode == mode && !strcmp(lock->relation, dba_result_text(now, row, 0)));
    if (!known)
      *(DbaHeldLock *)dba_list_add(arena, held, sizeof(DbaHeldLock)) =
          (DbaHeldLock){.relation = dba_arena_text(arena, dba_result_text(now, row, 0)),
                        .transaction = dba_arena_text(arena, dba_result_text(now, row, 2)),
                        .mode = mode,
                        .statement = statement,
                        .from_ms = from_ms,
                        .till_ms = INFINITY,
                        .held = true};
  }
}

// ---- what was waited for --------------------------------------------------------------------------------------------

// The statement of the migration that most of a wait lies in; a wait after the last, for its commit, is the last one's.
static DbaRehearsedStatement *statement_of(DbaRehearsal *rehearsal, double from_ms, double to_ms) {
  DbaRehearsedStatement *best = NULL;
  double most = -1;
  for (DBA_EACH(DbaRehearsedStatement, statement, &rehearsal->statements)) {
    double shared = fmin(to_ms, statement->begin_ms + statement->ms) - fmax(from_ms, statement->begin_ms);
    if (!best || shared > most || (shared <= 0 && most <= 0 && statement->begin_ms <= from_ms)) {
      best = statement;
      most = shared;
    }
  }
  return best;
}

// The first that stood in the way of it.
static const DbaHeldLock *lock_of(const DbaList *held, const DbaWait *wait, double from_ms, double to_ms) {
  const DbaHeldLock *first = NULL;
  DbaLockMode asked;
  if (!wait->relation || !dba_lock_parse(wait->mode, &asked))
    return NULL;
  for (DBA_EACH(DbaHeldLock, lock, held))
    if (!strcmp(lock->relation, wait->relation) && dba_lock_conflicts(lock->mode, asked) && lock->from_ms <= to_ms &&
        lock->till_ms >= from_ms && (!first || lock->from_ms < first->from_ms))
      first = lock;
  return first;
}

// The line that a lock was held to, where that is a later one than its statement's; 0.
static int64_t held_to(const DbaRehearsal *rehearsal, const DbaHeldLock *lock) {
  int64_t line = 0;
  for (unsigned i = lock->statement + 1; i < rehearsal->statements.n; i++) {
    const DbaRehearsedStatement *later = dba_list_at(DbaRehearsedStatement, &rehearsal->statements, i);
    if (later->begin_ms >= lock->from_ms && later->begin_ms < lock->till_ms)
      line = later->line;
  }
  return line;
}

const char *dba_rehearsal_without_values(DbaArena *arena, const char *message) {
  static const char *const quotes[] = {"; Key (", "; Failing row", "\nDETAIL"};
  size_t length = strlen(message);
  for (size_t i = 0; i < G_N_ELEMENTS(quotes); i++) {
    const char *found = strstr(message, quotes[i]);
    length = found ? MIN(length, (size_t)(found - message)) : length;
  }
  return dba_arena_text_n(arena, message, length);
}

const char *dba_rehearsal_without_literals(DbaArena *arena, const char *sql) {
  DbaList tokens = {0};
  g_autoptr(GString) out = g_string_new(NULL);
  size_t at = 0;
  dba_sql_read_tokens(sql, arena, &tokens);
  for (DBA_EACH(DbaSqlToken, token, &tokens)) {
    g_string_append_len(out, sql + at, (gssize)(token->offset - at));
    g_string_append_c(out, token->kind == DBA_SQL_A_COMMENT ? ' ' : '?');
    at = token->offset + token->length;
  }
  g_string_append(out, sql + at);
  return dba_arena_text(arena, out->str);
}

void dba_rehearsal_take_waits(DbaArena *arena, const DbaDriveResult *result, const DbaList *held, DbaRehearsal *rehearsal) {
  for (DBA_EACH(DbaWait, wait, &result->waits)) {
    double from = wait->begin_ms - result->work_begin_ms;
    for (DBA_EACH(DbaRehearsedStatement, statement, wait->of_work ? &rehearsal->statements : &(DbaList){0}))
      statement->waited_ms += fmax(0, fmin(from + wait->ms, statement->begin_ms + statement->ms) - fmax(from, statement->begin_ms));
    if (!wait->for_work)
      continue;
    rehearsal->waits++;
    rehearsal->longest_wait_ms = fmax(rehearsal->longest_wait_ms, wait->ms);
    const DbaHeldLock *lock = lock_of(held, wait, from, from + wait->ms);
    DbaRehearsedStatement *statement =
        lock ? dba_list_at(DbaRehearsedStatement, &rehearsal->statements, lock->statement) : statement_of(rehearsal, from, from + wait->ms);
    if (statement) {
      statement->waits++;
      if (wait->ms > statement->longest_wait_ms) {
        statement->longest_wait_ms = wait->ms;
        statement->held = !wait->relation ? "a row"
                          : wait->held    ? dba_arena_format(arena, "%s on %s", wait->held, wait->relation)
                          : lock          ? dba_arena_format(arena, "%s on %s", dba_lock_name(lock->mode), wait->relation)
                                          : dba_arena_format(arena, "before it for %s on %s", wait->mode, wait->relation);
        statement->held_to_line = lock ? held_to(rehearsal, lock) : 0;
        statement->waiter = dba_rehearsal_without_literals(arena, wait->waiter);
      }
    }
    for (DBA_EACH(DbaRehearsedClient, client, &rehearsal->workload))
      if (*wait->waiter && g_str_has_prefix(client->text, wait->waiter)) // the server shows the first 1,024 bytes
        client->waited_ms = fmax(client->waited_ms, wait->ms);
  }
}

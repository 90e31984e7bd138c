// SPDX-License-Identifier: Apache-2.0
// The verdict on a rehearsal: what is over a limit of dbarch.yaml, and what is so near one that the next rehearsal may say otherwise.
#include "migrate/rehearse-int.h"

#include <math.h>
#include <string.h>

enum { INSTANT_MS = 25 }; // two looks of the watcher: nothing that grows

static const char *clip(DbaArena *arena, const char *sql) {
  enum { SHOWN = 100 };
  g_autofree char *line = dba_text_printable(sql, false);
  if (g_utf8_strlen(line, -1) <= SHOWN)
    return dba_arena_text(arena, line);
  g_autofree char *cut = g_utf8_substring(line, 0, SHOWN);
  return dba_arena_format(arena, "%s ...", cut);
}

const DbaRehearsedStatement *dba_rehearsal_worst(const DbaRehearsal *rehearsal) {
  const DbaRehearsedStatement *worst = NULL;
  for (DBA_EACH(DbaRehearsedStatement, statement, &rehearsal->statements))
    if (statement->waits && (!worst || statement->longest_wait_ms > worst->longest_wait_ms))
      worst = statement;
  return worst;
}

static void fail(DbaArena *arena, DbaRehearsal *rehearsal, const char *format, ...) DBA_PRINTF(3, 4);
static void fail(DbaArena *arena, DbaRehearsal *rehearsal, const char *format, ...) {
  va_list args;
  va_start(args, format);
  g_autofree char *text = g_strdup_vprintf(format, args);
  va_end(args);
  dba_list_add_text(arena, &rehearsal->problems, text);
}

// Clients come as they come: the same migration waits somewhat longer or shorter each time.
static void note_if_near(DbaArena *arena, DbaRehearsal *rehearsal, const char *what, double ms, double limit_ms) {
  static const double nearly = 1.5;
  g_autofree char *is = dba_text_duration(ms), *allowed = dba_text_duration(limit_ms);
  if (limit_ms > 0 && ms > limit_ms / nearly && ms < limit_ms * nearly)
    dba_list_add_text(arena, &rehearsal->near_limits,
                      dba_arena_format(arena, "%s, %s, is near the limit of %s: another rehearsal may %s", what, is, allowed,
                                       ms > limit_ms ? "pass" : "fail"));
}

static void judge_waits(DbaArena *arena, DbaRehearsal *rehearsal) {
  double limit = rehearsal->limits.client_wait_ms, share = rehearsal->percent / 100;
  const DbaRehearsedStatement *worst = dba_rehearsal_worst(rehearsal);
  // The time in which the migration itself waited for a client does not grow with the rows.
  double longest = rehearsal->longest_wait_ms, for_client = worst ? fmin(worst->waited_ms, longest) : 0,
         grown_ms = longest - for_client > INSTANT_MS ? for_client + (longest - for_client) / share : longest;
  g_autofree char *allowed = dba_text_duration(limit), *waited = dba_text_duration(longest), *grown = dba_text_duration(grown_ms);
  const char *held = worst && worst->held_to_line
                         ? dba_arena_format(arena, ", whose lock is held to the end of line %d", (int)worst->held_to_line)
                         : "",
             *where = worst ? dba_arena_format(arena, ", for line %d%s: %s", (int)worst->line, held, clip(arena, worst->sql)) : "";
  if (limit <= 0)
    return;
  if (rehearsal->longest_wait_ms > limit)
    fail(arena, rehearsal, "clients waited up to %s for it (limit %s)%s", waited, allowed, where);
  else if (grown_ms > limit)
    fail(
        arena, rehearsal,
        "clients waited up to %s for it on %.3g %% of the rows: on all of them that may be %s (limit %s)%s (hint: rehearse with more rows)",
        waited, rehearsal->percent, grown, allowed, where);
  for (DBA_EACH(DbaRehearsedClient, client, &rehearsal->workload)) {
    if (client->during_worst_ms - client->before_worst_ms <= limit || client->waited_ms > limit)
      continue;
    g_autofree char *during = dba_text_duration(client->during_worst_ms), *before = dba_text_duration(client->before_worst_ms);
    fail(arena, rehearsal, "a client's statement took up to %s meanwhile, %s before (limit %s more): %s", during, before, allowed,
         clip(arena, client->sql));
    break; // the rest is of the same kind, and in the list
  }
  note_if_near(arena, rehearsal, "the longest wait of a client", grown_ms, limit);
}

// Work on rows grows with them; waits for clients and pauses between tries do not.
static double grown_duration(const DbaRehearsal *rehearsal, double share) {
  double ms = rehearsal->duration_ms;
  for (DBA_EACH(DbaRehearsedStatement, statement, &rehearsal->statements)) {
    double work = statement->ms - statement->waited_ms;
    ms += work > INSTANT_MS ? work / share - work : 0;
  }
  return ms;
}

void dba_rehearsal_judge(DbaArena *arena, DbaRehearsal *rehearsal) {
  const DbaLimits *limits = &rehearsal->limits;
  double share = rehearsal->percent / 100, duration_ms = grown_duration(rehearsal, share);
  judge_waits(arena, rehearsal);
  if (rehearsal->client_errors > limits->client_errors) {
    const DbaRehearsedClient *first = NULL;
    for (DBA_EACH(DbaRehearsedClient, client, &rehearsal->workload))
      if (client->during_errors && (!first || client->during_errors > first->during_errors))
        first = client;
    fail(arena, rehearsal, "clients saw %d errors since it began (limit %d): %s: %s", (int)rehearsal->client_errors,
         (int)limits->client_errors, first ? clip(arena, first->sql) : "?", first && first->error ? first->error : "?");
  }
  if (limits->duration_seconds > 0 && duration_ms > limits->duration_seconds * 1e3) {
    g_autofree char *took = dba_text_duration(duration_ms), *allowed = dba_text_duration(limits->duration_seconds * 1e3);
    fail(arena, rehearsal, "it takes %s%s (limit %s)", took, share < 1 ? " on all rows, by proportion" : "", allowed);
  }
  note_if_near(arena, rehearsal, "how long it takes", duration_ms, limits->duration_seconds * 1e3);
  const struct {
    const char *what;
    int64_t bytes, limit;
  } sizes[] = {{"of disk more while it runs", rehearsal->disk_bytes, limits->disk_bytes},
               {"of WAL", rehearsal->wal_bytes, limits->wal_bytes}};
  for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
    int64_t bytes = (int64_t)((double)sizes[i].bytes / share);
    if (sizes[i].limit <= 0 || bytes <= sizes[i].limit)
      continue;
    g_autofree char *needs = dba_text_bytes(bytes), *allowed = dba_text_bytes(sizes[i].limit);
    fail(arena, rehearsal, "it needs %s %s%s (limit %s)", needs, sizes[i].what, share < 1 ? ", by proportion" : "", allowed);
  }
  if (limits->replication_lag_seconds > 0 && rehearsal->lag_seconds > limits->replication_lag_seconds)
    fail(arena, rehearsal, "a replica fell behind by %.1f s (limit %.1f s)", rehearsal->lag_seconds, limits->replication_lag_seconds);
  rehearsal->passed = !rehearsal->problems.n;
}

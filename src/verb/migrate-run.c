// SPDX-License-Identifier: Apache-2.0
// dbarch migrate status, up, down, redo, baseline: a folder of migrations and a target.
#include "verb/verb.h"

#include <string.h>

// The target, its folder, and what its history says.
typedef struct Target {
  DbaMigrations *migrations;
  DbaServer *server;
  char *shown;
} Target;

static void target_clear(Target *target) {
  g_clear_pointer(&target->migrations, dba_migrations_free);
  g_clear_pointer(&target->server, dba_server_close);
  g_clear_pointer(&target->shown, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Target, target_clear)

static bool open_target(const DbaRequest *request, Target *target, GError **error) {
  DbaSubject subject = {.kind = DBA_SUBJECT_LIVE};
  g_autofree char *configured = NULL;
  if (!request->subject_conninfo && !request->pg_environment && request->config && !dba_config_subject(request->config, &configured, error))
    return false;
  const char *conninfo = request->subject_conninfo                          ? request->subject_conninfo
                         : request->pg_environment                          ? ""
                         : configured && dba_server_is_conninfo(configured) ? configured
                                                                            : NULL;
  if (!conninfo)
    return dba_fail(error, DBA_ERROR_USAGE, "migrate %s: name the target: -d shop, or -d postgresql://owner@db.example/shop",
                    request->words[0]);
  subject.text = (char *)(uintptr_t)conninfo;
  target->shown = *conninfo ? dba_text_hide_password(conninfo) : g_strdup("the server of PG*");
  target->server = dba_subject_connect(request, &subject, error);
  target->migrations = target->server ? dba_migrate_read(request, 1, dba_server_major(target->server), error) : NULL;
  return target->migrations != NULL;
}

static bool find_to(const DbaRequest *request, const DbaMigrations *migrations, const char **ret_label, GError **error) {
  const DbaMigration *found = request->to ? dba_migrations_find(migrations, request->to) : NULL;
  *ret_label = found ? found->label : NULL;
  return !request->to || found || dba_fail(error, DBA_ERROR_USAGE, "--to %s: no such migration in %s", request->to, migrations->folder);
}

// --override rehearsal="reason": a reason is a sentence, not a yes.
static bool read_overrides(const DbaRequest *request, DbaRunOptions *options, GError **error) {
  for (const char *const *word = request->overrides; word && *word; word++) {
    const char *equals = strchr(*word, '=');
    const char *const names[] = {"rehearsal", "undo", NULL};
    g_autofree char *name = equals ? g_strndup(*word, (gsize)(equals - *word)) : g_strdup(*word);
    if (!equals || !equals[1])
      return dba_fail(error, DBA_ERROR_USAGE, "--override %s: say why: --override %s=\"reason\"", *word, name);
    if (!g_strv_contains(names, name))
      return dba_fail(error, DBA_ERROR_USAGE, "--override %s: what can be overridden is rehearsal and undo", name);
    *(strcmp(name, "undo") ? &options->rehearsal : &options->undo) = equals + 1;
  }
  return true;
}

static void tell(void *data, const char *line) { dba_request_progress(data, "%s", line); }
static void tell_for_good(void *data, const char *line) { dba_request_announce(data, "%s", line); }

typedef bool (*RunWhat)(DbaServer *, const DbaMigrations *, const DbaRunOptions *, unsigned *, GError **);

static bool run_on(const DbaRequest *request, const Target *target, RunWhat what, const char *to, unsigned *ret_run, GError **error) {
  DbaRequest told = *request;
  DbaRunOptions options = {.to = to,
                           .lock_timeout_seconds = request->lock_timeout_seconds,
                           .statement_timeout_seconds = request->statement_timeout_seconds,
                           .wait_seconds = 60,
                           .tries = 10,
                           .interrupt = request->interrupt,
                           .progress = tell,
                           .announce = tell_for_good,
                           .data = &told};
  return read_overrides(request, &options, error) && what(target->server, target->migrations, &options, ret_run, error);
}

bool dba_verb_migrate_up(const DbaRequest *request, DbaAnswer *answer, GError **error) {
  g_auto(Target) target = {0};
  const char *to;
  unsigned n;
  if (!open_target(request, &target, error) || !find_to(request, target.migrations, &to, error) ||
      !run_on(request, &target, dba_migrations_up, to, &n, error))
    return false;
  if (n)
    g_string_append_printf(answer->text, "%u migration%s applied to %s.\n", n, n == 1 ? " was" : "s were", target.shown);
  else
    g_string_append_printf(answer->text, "nothing is pending on %s.\n", target.shown);
  return true;
}

bool dba_verb_migrate_down(const DbaRequest *request, DbaAnswer *answer, GError **error) {
  g_auto(Target) target = {0};
  const char *to;
  unsigned n;
  if (!open_target(request, &target, error) || !find_to(request, target.migrations, &to, error) ||
      !run_on(request, &target, dba_migrations_down, to, &n, error))
    return false;
  if (n)
    g_string_append_printf(answer->text, "%u migration%s undone on %s.\n", n, n == 1 ? " was" : "s were", target.shown);
  else
    g_string_append_printf(answer->text, "there is nothing to undo on %s.\n", target.shown);
  return true;
}

bool dba_verb_migrate_redo(const DbaRequest *request, DbaAnswer *answer, GError **error) {
  g_auto(Target) target = {0};
  unsigned n;
  if (!open_target(request, &target, error) || !run_on(request, &target, dba_migrations_down, NULL, &n, error))
    return false;
  if (!n) {
    g_string_append_printf(answer->text, "there is nothing to redo on %s.\n", target.shown);
    return true;
  }
  if (!run_on(request, &target, dba_migrations_up, NULL, &n, error))
    return false;
  g_string_append_printf(answer->text, "the newest migration was undone and applied again on %s.\n", target.shown);
  return true;
}

bool dba_verb_migrate_baseline(const DbaRequest *request, DbaAnswer *answer, GError **error) {
  g_auto(Target) target = {0};
  const char *to;
  unsigned n;
  if (!request->to)
    return dba_fail(error, DBA_ERROR_USAGE, "migrate baseline: --to says up to where the target is migrated already");
  if (!open_target(request, &target, error) || !find_to(request, target.migrations, &to, error) ||
      !run_on(request, &target, dba_migrations_baseline, to, &n, error))
    return false;
  g_string_append_printf(answer->text, "%u migration%s written down as run on %s; nothing was run.\n", n, n == 1 ? " was" : "s were",
                         target.shown);
  return true;
}

// ---- status ---------------------------------------------------------------------------------------------------------

typedef struct Row {
  const char *migration, *state, *applied_at, *applied_by, *taken_from, *override, *what_to_do;
  double duration_ms;
  int64_t begun, done;
} Row;

#define F(member, kind) DBA_FIELD(Row, member, kind, 0)
static const DbaField row_fields[] = {F(migration, TEXT),
                                      F(state, TEXT),
                                      F(applied_at, TEXT),
                                      F(applied_by, TEXT),
                                      F(taken_from, TEXT),
                                      F(override, TEXT),
                                      F(duration_ms, REAL),
                                      F(begun, INT),
                                      F(done, INT),
                                      F(what_to_do, TEXT),
                                      {0}};
static const DbaRecord row_record = {"migration", sizeof(Row), row_fields};

static const char *what_to_do(const DbaStatusRow *row, DbaArena *arena) {
  switch (row->state) {
  case DBA_STATE_EDITED: return "put the file back as it was run, and change more in a new migration";
  case DBA_STATE_LATE: return "it is older than what was run: another branch had it; up runs it next";
  case DBA_STATE_MISSING: return "its file is not in the folder: bring it back, or it cannot be undone";
  case DBA_STATE_STOPPED:
    return dba_arena_format(arena, "it ended after statement %u%s; %s goes on from there", row->applied->done,
                            row->applied->begun > row->applied->done ? ", in the middle of the next" : "",
                            row->applied->undoing ? "migrate down" : "migrate up");
  default: return NULL;
  }
}

static void take_row(const DbaStatusRow *from, DbaArena *arena, Row *to) {
  const DbaApplied *applied = from->applied;
  *to = (Row){.migration = from->label, .state = dba_state_name(from->state), .what_to_do = what_to_do(from, arena)};
  if (!applied)
    return;
  to->applied_at = applied->applied_at;
  to->applied_by = applied->applied_by;
  to->taken_from = applied->taken_from;
  to->override = applied->override;
  to->duration_ms = applied->duration_ms;
  to->begun = applied->begun;
  to->done = applied->done;
}

static void print_row(GString *out, const Row *row, const DbaRequest *request) {
  bool right = !strcmp(row->state, "applied"), pending = !strcmp(row->state, "pending");
  g_autofree char *label = dba_text_printable(row->migration, false);
  g_string_append_printf(out, "%s%-12s%s  %s",
                         !request->color ? ""
                         : right         ? ""
                         : pending       ? "\033[1m"
                                         : "\033[1;31m",
                         row->state, request->color && !right ? "\033[0m" : "", label);
  if (row->applied_at && right) {
    g_autofree char *duration = row->duration_ms > 0 ? dba_text_duration(row->duration_ms) : NULL;
    g_string_append_printf(out, "  %s by %s%s%s", row->applied_at, row->applied_by, duration ? ", " : "", duration ? duration : "");
  }
  if (row->taken_from)
    g_string_append_printf(out, "  (as %s says)", row->taken_from);
  g_string_append_c(out, '\n');
  if (row->what_to_do)
    g_string_append_printf(out, "              %s\n", row->what_to_do);
}

bool dba_verb_migrate_status(const DbaRequest *request, DbaAnswer *answer, GError **error) {
  g_auto(Target) target = {0};
  g_autoptr(DbaArena) arena = dba_arena_new();
  DbaHistory history;
  DbaList states = {0}, rows = {0};
  unsigned counts[DBA_STATE_MISSING + 1] = {0};
  if (!open_target(request, &target, error) || !dba_history_read(target.server, target.migrations, arena, &history, error))
    return false;
  dba_history_status(target.migrations, &history, arena, &states);
  for (DBA_EACH(DbaStatusRow, state, &states)) {
    take_row(state, arena, dba_list_add(arena, &rows, sizeof(Row)));
    counts[state->state]++;
  }
  if (request->format == DBA_FORMAT_JSON) {
    g_autoptr(DbaJson) json = dba_json_new();
    dba_json_put_text(json, "format", "dbarch-status");
    dba_json_put_int(json, "format_version", 1);
    dba_json_put_list(json, "migrations", &row_record, &rows, 0);
    g_autofree char *text = dba_json_text(json);
    g_string_append(answer->text, text);
    return true;
  }
  for (DBA_EACH(Row, row, &rows))
    print_row(answer->text, row, request);
  for (DBA_EACH(DbaFileProblem, problem, &target.migrations->problems))
    g_string_append_printf(answer->text, "%-12s  %s\n              %s\n", "file", problem->file, problem->text);
  bool first = true;
  for (int state = 0; state <= DBA_STATE_MISSING; state++)
    if (counts[state]) {
      g_string_append_printf(answer->text, "%s%u %s", first ? "" : ", ", counts[state], dba_state_name((DbaMigrationState)state));
      first = false;
    }
  g_string_append_printf(answer->text, " on %s%s%s%s\n", target.shown, history.foreign ? " (" : "", history.foreign ? history.foreign : "",
                         history.foreign ? history.ours ? "'s table is kept in step)" : "'s table; up takes it over)" : "");
  return true;
}

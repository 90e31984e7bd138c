// SPDX-License-Identifier: Apache-2.0
// dbarch migrate status, up, down, redo, baseline: a folder of migrations and a target.
#include "verb/verb.h"

#include <string.h>

// The target, its folder, and what its history says.
typedef struct Target {
  DbaMigrations *migrations;
  DbaServer *server;
  DbaProject project;
  char *shown;
} Target;

static void target_clear(Target *target) {
  g_clear_pointer(&target->migrations, dba_migrations_free);
  g_clear_pointer(&target->server, dba_server_close);
  g_clear_pointer(&target->shown, g_free);
  dba_project_clear(&target->project);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Target, target_clear)

bool dba_migrate_connect(const DbaRequest *request, DbaServer **ret_server, char **ret_shown, GError **error) {
  DbaSubject subject = {.kind = DBA_SUBJECT_LIVE};
  g_autofree char *configured = NULL;
  *ret_server = NULL;
  if (!request->subject_conninfo && !request->pg_environment && !dba_request_configured(request, &configured, error))
    return false;
  const char *conninfo = request->subject_conninfo                          ? request->subject_conninfo
                         : request->pg_environment                          ? ""
                         : configured && dba_server_is_conninfo(configured) ? configured
                                                                            : NULL;
  if (!conninfo)
    return true;
  subject.text = (char *)(uintptr_t)conninfo;
  *ret_shown = *conninfo ? dba_text_hide_password(conninfo) : g_strdup("the server of PG*");
  *ret_server = dba_subject_connect(request, &subject, error);
  return *ret_server != NULL;
}

bool dba_migrate_only_read(DbaServer *server, GError **error) {
  return dba_server_exec(server, "set default_transaction_read_only = on", error) &&
         dba_server_exec(server, "set statement_timeout = '1min'", error) && dba_server_exec(server, "set lock_timeout = '5s'", error);
}

static bool open_target(const DbaRequest *request, Target *target, GError **error) {
  if (!dba_migrate_connect(request, &target->server, &target->shown, error))
    return false;
  if (!target->server)
    return dba_fail(error, DBA_ERROR_USAGE, "migrate %s: name the target: -d shop, or -d postgresql://owner@db.example/shop",
                    request->words[0]);
  target->migrations = dba_migrate_read(request, 1, dba_server_major(target->server), error);
  return target->migrations && dba_project_read(request, &target->project, error);
}

// --override rehearsal="reason": a reason is a sentence, not a yes.
static bool read_overrides(const DbaRequest *request, DbaRunOptions *options, GError **error) {
  for (const char *const *word = request->overrides; word && *word; word++) {
    const char *equals = strchr(*word, '=');
    const char *const names[] = {"rehearsal", "undo", "backup", "edited", NULL};
    g_autofree char *name = equals ? g_strndup(*word, (gsize)(equals - *word)) : g_strdup(*word);
    if (!equals || !equals[1])
      return dba_fail(error, DBA_ERROR_USAGE, "--override %s: say why: --override %s=\"reason\"", *word, name);
    if (!g_strv_contains(names, name))
      return dba_fail(error, DBA_ERROR_USAGE, "--override %s: what can be overridden is rehearsal, undo, backup and edited", name);
    *(!strcmp(name, "undo")     ? &options->undo
      : !strcmp(name, "backup") ? &options->backup
      : !strcmp(name, "edited") ? &options->edited
                                : &options->rehearsal) = equals + 1;
  }
  return true;
}

static void tell(void *data, const char *line) { dba_request_progress(data, "%s", line); }
static void tell_for_good(void *data, const char *line) { dba_request_announce(data, "%s", line); }

typedef bool (*RunWhat)(DbaServer *, const DbaMigrations *, const DbaRunOptions *, unsigned *, GError **);

// Who looks on while the runner runs.
typedef struct Looking {
  DbaRequest told; // first: progress goes there
  const Target *target;
} Looking;

static const char *note_override(void *data, const char *what, const char *reason, const char *labels, GError **error) {
  const Looking *looking = data;
  const Target *target = looking->target;
  DbaArena *arena = target->project.arena;
  DbaLedgerEntry entry = {.kind = "decision",
                          .title = dba_arena_format(arena, "run without %s: %s",
                                                    !strcmp(what, "undo")     ? "an undo"
                                                    : !strcmp(what, "backup") ? "a backup"
                                                                              : "a rehearsal",
                                                    labels),
                          .by = g_get_user_name(),
                          .text = dba_arena_format(arena, "%s\n\nOn %s, with --override %s.", reason, target->shown, what)};
  if (!dba_ledger_add(target->project.ledger->folder, arena, &entry, error))
    return NULL;
  dba_request_announce(&looking->told, "written down in %s/%s", target->project.ledger->folder, entry.file);
  return entry.file;
}

// By --confirm, or by its name, typed.
static bool confirm(void *data, const char *object, const char *what) {
  const Looking *looking = data;
  const DbaRequest *request = &looking->told;
  if (request->confirmed && g_strv_contains(request->confirmed, object))
    return true;
  if (!request->ask_for)
    return false;
  g_autofree char *question = g_strdup_printf("%s.  Type %s to go on:", what, object), *answer = request->ask_for(question);
  return answer && !strcmp(answer, object);
}

static bool foresee(void *data, const GPtrArray *order, DbaWay way, DbaArena *arena, DbaList *ret_destroyed, GError **error) {
  const Looking *looking = data;
  const DbaRequest *request = &looking->told;
  g_autoptr(DbaLab) lab = NULL;
  g_autoptr(GError) problem = NULL;
  g_autofree char *live = NULL;
  dba_request_progress(request, "looking in a lab at what would be destroyed");
  bool ok = dba_migrate_start_lab(request, dba_server_major(looking->target->server), &lab, &problem) &&
            dba_migrate_dump_schema(request, looking->target->server, lab, &live, &problem) &&
            dba_migrations_foresee(lab, live, looking->target->migrations, order, way, arena, ret_destroyed, &problem);
  if (problem && g_error_matches(problem, DBA_ERROR, DBA_ERROR_INTERRUPTED))
    return g_propagate_error(error, g_steal_pointer(&problem)), false;
  if (!ok)
    dba_request_announce(request, "what would be destroyed is told from the text alone: %s", problem ? problem->message : "?");
  return ok;
}

static bool back_up(void *data, const DbaList *destroyed, bool only_check, DbaArena *arena, DbaBackup *ret_backup, GError **error) {
  const Looking *looking = data;
  return dba_migrate_back_up(&looking->told, &looking->target->project.config, destroyed, only_check, arena, ret_backup, error);
}

static bool run_on(const DbaRequest *request, const Target *target, RunWhat what, const char *to, unsigned *ret_run, GError **error) {
  Looking looking = {.told = *request, .target = target};
  g_autofree char *rehearsals = g_build_filename(target->project.ledger->folder, "rehearsals", NULL);
  double wait_ms = target->project.config.limits.client_wait_ms;
  DbaRunOptions options = {.to = to,
                           .rehearsals = rehearsals,
                           .survey_age_seconds = target->project.config.limits.survey_age_seconds,
                           .lock_timeout_seconds = request->lock_timeout_seconds,
                           .statement_timeout_seconds = request->statement_timeout_seconds,
                           .wait_seconds = request->wait_seconds,
                           .tries = request->tries,
                           .interrupt = request->interrupt,
                           .progress = tell,
                           .announce = tell_for_good,
                           .overridden = note_override,
                           .foresee = request->no_lab ? NULL : foresee,
                           .confirm = confirm,
                           .back_up = back_up,
                           .backup_lock_seconds = request->backup_lock ? request->backup_lock_seconds
                                                  : wait_ms > 0        ? wait_ms / 1e3
                                                                       : 3600,
                           .data = &looking};
  return read_overrides(request, &options, error) && what(target->server, target->migrations, &options, ret_run, error);
}

bool dba_verb_migrate_up(const DbaRequest *request, DbaAnswer *answer, GError **error) {
  g_auto(Target) target = {0};
  const char *to;
  unsigned n;
  if (!open_target(request, &target, error) || !dba_migrate_find("to", request->to, target.migrations, &to, error) ||
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
  if (!open_target(request, &target, error) || !dba_migrate_find("to", request->to, target.migrations, &to, error) ||
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
  if (!open_target(request, &target, error) || !run_on(request, &target, dba_migrations_redo, NULL, &n, error))
    return false;
  if (!n) {
    g_string_append_printf(answer->text, "there is nothing to redo on %s.\n", target.shown);
    return true;
  }
  g_string_append_printf(answer->text, "the newest migration was undone and applied again on %s.\n", target.shown);
  return true;
}

bool dba_verb_migrate_baseline(const DbaRequest *request, DbaAnswer *answer, GError **error) {
  g_auto(Target) target = {0};
  const char *to;
  unsigned n;
  if (!request->to)
    return dba_fail(error, DBA_ERROR_USAGE, "migrate baseline: --to says up to where the target is migrated already");
  if (!open_target(request, &target, error) || !dba_migrate_find("to", request->to, target.migrations, &to, error) ||
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
    if (row->applied->reached)
      return dba_arena_format(arena, "its backfill came to %s, and has changed %" G_GINT64_FORMAT " rows; %s goes on from there",
                              row->applied->reached, row->applied->rows, row->applied->undoing ? "migrate down" : "migrate up");
    return dba_arena_format(arena, "it ended after statement %u%s; %s goes on from there", row->applied->done,
                            row->applied->begun > row->applied->done ? ", in the middle of the next" : "",
                            row->applied->undoing ? "migrate down" : "migrate up");
  default: return NULL;
  }
}

static const char *how_far(const DbaApplied *applied, int64_t runner, DbaArena *arena) {
  if (applied->reached)
    return dba_arena_format(arena, "process %" G_GINT64_FORMAT " is at work on it: %" G_GINT64_FORMAT " rows changed, up to %s", runner,
                            applied->rows, applied->reached);
  return dba_arena_format(arena, "process %" G_GINT64_FORMAT " is at work on it: %u statements are done", runner, applied->done);
}

// `runner`: the process of one that is at work; 0: none.
static void take_row(const DbaStatusRow *from, int64_t runner, DbaArena *arena, Row *to) {
  const DbaApplied *applied = from->applied;
  *to = (Row){.migration = from->label, .state = dba_state_name(from->state), .what_to_do = what_to_do(from, arena)};
  if (!applied)
    return;
  if (runner && from->state == DBA_STATE_STOPPED) {
    to->state = "running";
    to->what_to_do = how_far(applied, runner, arena);
  }
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
  int64_t runner = 0;
  if (!open_target(request, &target, error) || !dba_migrate_only_read(target.server, error) ||
      !dba_history_read(target.server, target.migrations, arena, &history, error) || !dba_history_runner(target.server, &runner, error))
    return false;
  dba_history_status(target.migrations, &history, arena, &states);
  answer->differs = request->exit_code && target.migrations->problems.n;
  for (DBA_EACH(DbaStatusRow, state, &states)) {
    take_row(state, runner, arena, dba_list_add(arena, &rows, sizeof(Row)));
    counts[state->state]++;
    answer->differs = answer->differs || (request->exit_code && state->state != DBA_STATE_APPLIED);
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

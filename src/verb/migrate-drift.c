// SPDX-License-Identifier: Apache-2.0
// dbarch migrate drift: what of the target's schema no migration has made.
#include "verb/verb.h"

#include <string.h>

#define T DbaDrifted
#define F(member, kind) DBA_FIELD(T, member, kind, 0)
static const DbaField drifted_fields[] = {F(kind, TEXT), F(noun, TEXT), F(object, TEXT), F(text, TEXT), F(allowed, TEXT), {0}};
static const DbaRecord drifted_record = {"drifted", sizeof(T), drifted_fields};
#undef F
#undef T

// Tables in which tools keep their histories are nobody's schema.
static const char *const histories[] = {"--exclude-schema=dbarch",
                                        "--exclude-schema=sqitch",
                                        "--exclude-table=*.schema_migrations",
                                        "--exclude-table=*.goose_db_version",
                                        "--exclude-table=*.gorp_migrations",
                                        "--exclude-table=*.flyway_schema_history",
                                        "--exclude-table=*.pgmigrations",
                                        "--exclude-table=*.schema_version",
                                        "--exclude-table=*.__diesel_schema_migrations",
                                        "--exclude-table=*._prisma_migrations"};

bool dba_migrate_dump_schema(const DbaRequest *request, DbaServer *server, const DbaLab *lab, char **ret_sql, GError **error) {
  g_autofree char *path = g_build_filename(dba_lab_folder(lab), "live.sql", NULL);
  g_auto(GStrv) environment = dba_server_environment(server, request->path);
  const char *words[G_N_ELEMENTS(histories) + 7] = {"--schema-only",          "--no-owner", "--no-password",
                                                    "--lock-wait-timeout=5s", "--file",     path};
  size_t length;
  memcpy(words + 6, histories, sizeof histories);
  return dba_lab_run_program(lab, "pg_dump", words, (const char *const *)environment, error) &&
         dba_file_read(path, ret_sql, &length, error);
}

static void print(GString *out, const DbaDrift *drift, const char *shown, bool color) {
  for (DBA_EACH(DbaDrifted, drifted, &drift->drifted)) {
    g_autofree char *text = dba_text_printable(drifted->text, false);
    if (drifted->allowed)
      g_string_append_printf(out, "allowed       %s\n              %s\n", text, drifted->allowed);
    else
      g_string_append_printf(out, "%s%-12s%s  %s\n", color ? "\033[1m" : "", drifted->kind, color ? "\033[0m" : "", text);
  }
  if (!drift->drifted.n) {
    g_string_append_printf(out, "%s is what its migrations make%s.\n", shown, drift->notes.n ? ", but for what could not be compared" : "");
    return;
  }
  const struct {
    const char *title, *sql, *without;
  } ways[] = {{"to adopt it, a migration with", drift->adopt, "what would adopt it was not found"},
              {"to take it back", drift->revert, "what would take it back was not found"}};
  for (size_t i = 0; i < G_N_ELEMENTS(ways); i++) {
    g_autofree char *sql = ways[i].sql ? dba_text_printable(ways[i].sql, true) : NULL;
    g_auto(GStrv) lines = sql ? g_strsplit(g_strchomp(sql), "\n", -1) : NULL;
    g_string_append_printf(out, "\n%s%s\n", sql ? ways[i].title : ways[i].without, sql ? ":" : "");
    for (char **line = lines; line && *line; line++)
      g_string_append_printf(out, "  %s\n", *line);
  }
  bool allowed = drift->n < drift->drifted.n;
  if (allowed && (drift->adopt || drift->revert))
    g_string_append(out, "\nboth are of all differences, the allowed ones too.\n");
  g_string_append_printf(out, "\n%u difference%s on %s%s\n", drift->n, drift->n == 1 ? "" : "s", shown,
                         allowed ? ", besides those that are allowed" : "");
}

static void print_json(GString *out, const DbaDrift *drift) {
  g_autoptr(DbaJson) json = dba_json_new();
  dba_json_put_text(json, "format", "dbarch-drift");
  dba_json_put_int(json, "format_version", 1);
  dba_json_put_list(json, "differences", &drifted_record, &drift->drifted, 0);
  if (drift->adopt)
    dba_json_put_text(json, "adopt", drift->adopt);
  if (drift->revert)
    dba_json_put_text(json, "revert", drift->revert);
  g_autofree char *text = dba_json_text(json);
  g_string_append(out, text);
}

// For the formats of CI: a finding for each.
static char *told(const DbaRequest *request, const DbaDrift *drift, const DbaMigrations *migrations) {
  g_autoptr(DbaFindings) findings = dba_findings_new();
  for (DBA_EACH(DbaDrifted, drifted, &drift->drifted)) {
    DbaFinding *finding = dba_list_add(findings->arena, &findings->findings, sizeof *finding);
    *finding = (DbaFinding){.rule = "drift",
                            .severity = DBA_MUST_FIX,
                            .severity_name = dba_severity_name(DBA_MUST_FIX),
                            .object = drifted->object,
                            .what = drifted->text,
                            .proof = "proven",
                            .suppressed = drifted->allowed != NULL,
                            .suppressed_by = drifted->allowed};
  }
  return dba_migrate_told(request, findings, "drift", migrations, NULL);
}

bool dba_verb_migrate_drift(const DbaRequest *request, DbaAnswer *answer, GError **error) {
  g_autoptr(DbaServer) server = NULL;
  g_autoptr(DbaLab) lab = NULL;
  g_autoptr(DbaArena) arena = dba_arena_new();
  g_auto(DbaProject) project = {0};
  g_autofree char *shown = NULL, *live = NULL;
  g_autofree const char **rules = dba_migrate_rule_names();
  DbaHistory history;
  DbaList allowed = {0};
  DbaDrift drift = {.arena = arena};
  if (!dba_project_read(request, &project, error) || !dba_migrate_connect(request, &server, &shown, error))
    return false;
  if (!server)
    return dba_fail(error, DBA_ERROR_USAGE, "migrate drift: name the target: -d shop, or -d postgresql://owner@db.example/shop");
  g_autoptr(DbaMigrations) migrations = dba_migrate_read(request, 1, dba_server_major(server), error);
  if (!migrations || !dba_migrate_only_read(server, error) || !dba_history_read(server, migrations, arena, &history, error))
    return false;
  if (!history.applied.n)
    return dba_fail(error, DBA_ERROR_INPUT,
                    "%s has no history: no migration was run there (hint: dbarch migrate baseline --to says up to where it is)", shown);
  dba_request_progress(request, "dumping the schema of %s", shown);
  if (!dba_migrate_start_lab(request, dba_server_major(server), &lab, error) ||
      !dba_migrate_dump_schema(request, server, lab, &live, error))
    return false;
  dba_project_suppressions(&project, rules, arena, &allowed);
  dba_request_progress(request, "running %u migrations in the lab, and comparing", history.applied.n);
  if (!dba_migrations_drift(lab, migrations, &history, live, &allowed, &drift, error))
    return false;
  for (DBA_EACH_TEXT(note, &drift.notes))
    g_ptr_array_add(answer->warnings, g_strdup_printf("not compared: %s", *note));
  if (request->format == DBA_FORMAT_TTY)
    print(answer->text, &drift, shown, request->color);
  else if (request->format == DBA_FORMAT_JSON)
    print_json(answer->text, &drift);
  else {
    g_autofree char *text = told(request, &drift, migrations);
    g_string_append(answer->text, text);
  }
  answer->differs = drift.n > 0;
  if (!request->fix || !drift.n)
    return true;
  if (!drift.adopt || !drift.revert)
    return dba_fail(error, DBA_ERROR_REFUSED,
                    "there is nothing to write: what would adopt the differences, or take them back, was not found");
  if (!dba_migrate_write_pair(migrations, "adopt_drift", drift.adopt, drift.revert, answer, error))
    return false;
  g_ptr_array_add(answer->warnings,
                  g_strdup("it is on this target already: dbarch migrate baseline --to its number writes it down as run there"));
  return true;
}

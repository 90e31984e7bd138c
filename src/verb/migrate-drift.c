// SPDX-License-Identifier: Apache-2.0
// dbarch migrate drift: what of the target's schema no migration has made.
#include "verb/verb.h"

#include <string.h>

#define T DbaDrifted
#define F(member, kind) DBA_FIELD(T, member, kind, 0)
static const DbaField drifted_fields[] = {F(kind, TEXT), F(noun, TEXT), F(object, TEXT), F(text, TEXT), F(allowed, TEXT), {0}};
static const DbaRecord drifted_record = {"drifted", sizeof(T), drifted_fields};
#undef T
#define T Part
typedef struct Part {
  const char *sql;
  DbaList lacks;
} Part;
static const DbaField part_fields[] = {F(sql, TEXT), F(lacks, TEXTS), {0}};
static const DbaRecord part_record = {"part", sizeof(T), part_fields};
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

// Default rights are for what a role makes: those of the target's own role are, in the lab, those of the one that runs migrations there.
static char *with_our_default_rights(DbaServer *server, const char *text, GError **error) {
  static const char HEAD[] = "ALTER DEFAULT PRIVILEGES FOR ROLE ";
  g_autoptr(DbaResult) role = dba_server_query(server, "select quote_ident(current_user)", NULL, error);
  if (!role)
    return NULL;
  g_autofree char *ours = g_strconcat("\n", HEAD, dba_result_text(role, 0, 0), " ", NULL);
  g_autoptr(GString) out = g_string_new(text);
  (void)g_string_replace(out, ours, "\nALTER DEFAULT PRIVILEGES ", 0);
  return g_strdup(out->str);
}

bool dba_migrate_dump_schema(const DbaRequest *request, DbaServer *server, const DbaLab *lab, char **ret_sql, GError **error) {
  g_autofree char *path = g_build_filename(dba_lab_folder(lab), "live.sql", NULL);
  g_auto(GStrv) environment = dba_server_environment(server, request->path);
  const char *words[G_N_ELEMENTS(histories) + 7] = {"--schema-only",          "--no-owner", "--no-password",
                                                    "--lock-wait-timeout=5s", "--file",     path};
  size_t length;
  memcpy(words + 6, histories, sizeof histories);
  g_autofree char *text = NULL;
  if (!dba_lab_run_program(lab, "pg_dump", words, (const char *const *)environment, error) || !dba_file_read(path, &text, &length, error))
    return false;
  *ret_sql = with_our_default_rights(server, text, error);
  return *ret_sql != NULL;
}

static void print_way(GString *out, const char *title, const char *without, const char *sql, const DbaList *lacks) {
  enum { SHOWN = 6 };
  g_autofree char *text = sql ? dba_text_printable(sql, true) : NULL;
  g_auto(GStrv) lines = text ? g_strsplit(g_strchomp(text), "\n", -1) : NULL;
  g_string_append_printf(out, "\n%s%s%s\n", sql ? title : without, lacks->n && sql ? ", in part" : "", sql ? ":" : "");
  for (char **line = lines; line && *line; line++)
    g_string_append_printf(out, "  %s\n", *line);
  if (!lacks->n || !sql)
    return;
  g_string_append(out, "then there is still this, for which no statement was found:\n");
  for (uint32_t i = 0; i < MIN(lacks->n, SHOWN); i++) {
    g_autofree char *lack = dba_text_printable(dba_list_text(lacks, i), false);
    g_string_append_printf(out, "  %s\n", lack);
  }
  if (lacks->n > SHOWN)
    g_string_append_printf(out, "  and %u more\n", lacks->n - SHOWN);
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
  print_way(out, "to adopt it, a migration with", "what would adopt it was not found", drift->adopt, &drift->adopt_lacks);
  print_way(out, "to take it back", "what would take it back was not found", drift->revert, &drift->revert_lacks);
  bool allowed = drift->n < drift->drifted.n;
  if (allowed && (drift->adopt || drift->revert))
    g_string_append(out, "\nboth are of all differences, the allowed ones too.\n");
  g_string_append_printf(out, "\n%u difference%s on %s%s\n", drift->n, drift->n == 1 ? "" : "s", shown,
                         allowed ? ", besides those that are allowed" : "");
}

// "adopt": all of it; "adopt_in_part": what was found, and what it lacks.
static void put_way(DbaJson *json, const char *name, const char *sql, const DbaList *lacks) {
  Part part = {sql, *lacks};
  g_autofree char *in_part = g_strconcat(name, "_in_part", NULL);
  if (lacks->n)
    dba_json_put(json, in_part, &part_record, &part, 0);
  else if (sql)
    dba_json_put_text(json, name, sql);
}

static void print_json(GString *out, const DbaDrift *drift) {
  g_autoptr(DbaJson) json = dba_json_new();
  dba_json_put_text(json, "format", "dbarch-drift");
  dba_json_put_int(json, "format_version", 1);
  dba_json_put_list(json, "differences", &drifted_record, &drift->drifted, 0);
  put_way(json, "adopt", drift->adopt, &drift->adopt_lacks);
  put_way(json, "revert", drift->revert, &drift->revert_lacks);
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
  if (!drift.adopt || !drift.revert || drift.adopt_lacks.n || drift.revert_lacks.n)
    return dba_fail(error, DBA_ERROR_REFUSED,
                    "there is nothing to write: what would adopt all differences, or take them back, was not found");
  if (!dba_migrate_write_pair(migrations, "adopt_drift", drift.adopt, drift.revert, answer, error))
    return false;
  g_ptr_array_add(answer->warnings,
                  g_strdup("it is on this target already: dbarch migrate baseline --to its number writes it down as run there"));
  return true;
}

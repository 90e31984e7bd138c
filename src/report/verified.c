// SPDX-License-Identifier: Apache-2.0
// What came of verifying a history of migrations: for a terminal, and as JSON.
#include "report/report.h"

#include <string.h>

static const char *const colors[DBA_N_SEVERITIES] = {"\033[1;31m", "\033[1;33m", "\033[1;36m", "\033[1m"};
static const char *const words[DBA_N_SEVERITIES] = {"must fix", "worth it", "question", "note"};

static void append_excerpt(GString *out, const char *excerpt) {
  g_autofree char *safe = dba_text_printable(excerpt, true);
  g_auto(GStrv) lines = g_strsplit(g_strchomp(safe), "\n", -1);
  for (char **line = lines; *line; line++)
    g_string_append_printf(out, "            %s\n", *line);
}

static void append_sql(GString *out, const char *sql) {
  enum { SHOWN = 6 };
  g_autofree char *safe = dba_text_printable(sql, true);
  g_auto(GStrv) lines = g_strsplit(g_strchomp(safe), "\n", -1);
  guint n = g_strv_length(lines);
  for (guint i = 0; i < MIN(n, SHOWN); i++)
    g_string_append_printf(out, "            %s\n", lines[i]);
  if (n > SHOWN)
    g_string_append_printf(out, "            and %u more line%s (--json has them, --fix writes them)\n", n - SHOWN,
                           n - SHOWN == 1 ? "" : "s");
}

// An undo that was found, or a pair that sets values aside.
static void append_undo(GString *out, const DbaChange *change) {
  if (change->up && !change->down) {
    g_string_append(out, "          without waiting (it was run, and the same schema comes of it; --fix writes it):\n");
    append_sql(out, change->up);
    return;
  }
  if (change->up) {
    g_string_append(out, "          a pair that was run, and keeps the values in a side table; a later migration drops it:\n");
    append_sql(out, change->up);
    g_string_append(out, "          down:\n");
  } else
    g_string_append_printf(out, "          an undo that was run and leaves the schema as it was%s:\n",
                           strcmp(change->undo_class, DBA_UNDO_EXACT) ? " (values of what it makes anew are lost)" : "");
  append_sql(out, change->down);
}

static void append_finding(GString *out, const DbaFinding *finding, bool color, unsigned width) {
  g_autofree char *object = dba_text_printable(finding->object, false), *what = dba_text_printable(finding->what, false);
  g_string_append_printf(out, "%s%-8s%s  %s%s%s  %s[%s]%s", color ? colors[finding->severity] : "", words[finding->severity],
                         color ? "\033[0m" : "", color ? "\033[1m" : "", object, color ? "\033[0m" : "", color ? "\033[2m" : "",
                         finding->rule, color ? "\033[0m" : "");
  g_autofree char *file = finding->file ? dba_text_printable(finding->file, false) : NULL;
  if (file)
    g_string_append_printf(out, "  %s:%d", file, (int)finding->line);
  g_string_append(out, "\n          ");
  dba_text_append_wrapped(out, what, width, 10);
  g_string_append_c(out, '\n');
  if (finding->excerpt)
    append_excerpt(out, finding->excerpt);
  if (finding->risk.duration_note) {
    g_string_append(out, "          takes: ");
    dba_text_append_wrapped(out, finding->risk.duration_note, width, 17);
    g_string_append_c(out, '\n');
  }
  if (finding->has_change)
    append_undo(out, &finding->change);
  if (finding->why) {
    g_string_append(out, "          instead: ");
    dba_text_append_wrapped(out, finding->why, width, 19);
    g_string_append_c(out, '\n');
  }
}

static unsigned count_class(const DbaVerification *verification, const char *undo_class) {
  unsigned n = 0;
  for (DBA_EACH(DbaVerified, verified, &verification->verified))
    n += verified->undo_class && !strcmp(verified->undo_class, undo_class);
  return n;
}

static unsigned count_with_rows(const DbaVerification *verification) {
  unsigned n = 0;
  for (DBA_EACH(DbaVerified, verified, &verification->verified))
    n += verified->rows;
  return n;
}

static void append_classes(GString *out, const DbaVerification *verification) {
  static const char *const classes[] = {DBA_UNDO_EXACT, DBA_UNDO_SAVED_ROWS, DBA_UNDO_IRREVERSIBLE};
  unsigned judged = 0;
  for (size_t i = 0; i < G_N_ELEMENTS(classes); i++) {
    unsigned n = count_class(verification, classes[i]);
    judged += n;
    if (n)
      g_string_append_printf(out, "%s%u %s", judged == n ? "Undos: " : ", ", n, classes[i]);
  }
  unsigned others = verification->verified.n - judged;
  if (judged && others)
    g_string_append_printf(out, ", %u not right, not there or not judged", others);
  if (judged)
    g_string_append(out, ".\n");
}

char *dba_report_verified(const DbaVerification *verification, const char *server, bool color, unsigned width) {
  const DbaMigrations *migrations = verification->migrations;
  GString *out = g_string_new(NULL);
  g_autofree char *verdict = dba_report_counts(verification->findings);
  width = CLAMP(width, 60, 120);
  g_string_append_printf(out, "%s: %u migration%s (%s, %s)\n%s%s%s\n\n", migrations->folder, migrations->migrations.n,
                         migrations->migrations.n == 1 ? "" : "s", dba_layout_told(migrations->layout), migrations->why,
                         color ? "\033[1m" : "", *verdict ? verdict : "nothing to fix", color ? "\033[0m" : "");
  for (int severity = 0; severity < DBA_N_SEVERITIES; severity++)
    for (DBA_EACH(DbaFinding, finding, &verification->findings->findings))
      if (finding->severity == severity && !finding->suppressed)
        append_finding(out, finding, color, width);
  for (DBA_EACH(DbaFinding, finding, &verification->findings->findings))
    if (finding->suppressed) {
      g_autofree char *object = dba_text_printable(finding->object, false), *by = dba_text_printable(finding->suppressed_by, false);
      g_string_append_printf(out, "allowed   %s [%s]: %s\n", object, finding->rule, by);
    }
  if (verification->findings->findings.n)
    g_string_append_c(out, '\n');
  if (verification->undos)
    append_classes(out, verification);
  if (verification->not_run)
    g_string_append_printf(out, "%u behind the one that fails %s not run.\n", verification->not_run,
                           verification->not_run == 1 ? "was" : "were");
  if (verification->passed_over)
    g_string_append_printf(out, "%u before --from were read and not judged.\n", verification->passed_over);
  if (verification->undone_as_a_whole)
    g_string_append(out, "All were undone, newest first, and nothing was left.\n");
  if (server && verification->undos)
    g_string_append_printf(out, "%u verified up, down, up on %s, %u of them on tables with rows, in %.1f s.\n", verification->verified.n,
                           server, count_with_rows(verification), verification->seconds);
  else if (server)
    g_string_append_printf(out, "%u run on %s and watched, statement by statement, in %.1f s.\n", verification->verified.n, server,
                           verification->seconds);
  else
    g_string_append_printf(out, "%u judged from their text; nothing was run (hint: without --no-lab a lab sees what they do).\n",
                           verification->verified.n);
  return g_string_free(out, FALSE);
}

// ---- JSON -----------------------------------------------------------------------------------------------------------

typedef struct Row {
  const char *migration, *undo_class, *up, *down, *checksum;
  DbaList lost;
  bool rows, up_ran;
  double up_ms, down_ms;
} Row;

#define F(member, kind) DBA_FIELD(Row, member, kind, 0)
static const DbaField row_fields[] = {F(migration, TEXT),
                                      F(up, TEXT),
                                      F(down, TEXT),
                                      F(checksum, TEXT),
                                      F(undo_class, TEXT),
                                      F(lost, TEXTS),
                                      F(rows, BOOL),
                                      F(up_ran, BOOL),
                                      F(up_ms, REAL),
                                      F(down_ms, REAL),
                                      {0}};
static const DbaRecord row_record = {"verified migration", sizeof(Row), row_fields};

char *dba_report_verified_json(const DbaVerification *verification, const char *server) {
  g_autoptr(DbaJson) json = dba_json_new();
  DbaList rows = {0};
  for (DBA_EACH(DbaVerified, verified, &verification->verified)) {
    const DbaMigration *migration = verified->migration;
    Row *row = dba_list_add(verification->arena, &rows, sizeof *row);
    *row = (Row){migration->label,        verified->undo_class, migration->up->path, migration->down ? migration->down->path : NULL,
                 migration->up->checksum, verified->lost,       verified->rows,      verified->up_ran,
                 verified->up_ms,         verified->down_ms};
  }
  g_autofree char *verdict = dba_report_counts(verification->findings);
  dba_json_put_text(json, "format", "dbarch-verification");
  dba_json_put_int(json, "format_version", 1);
  dba_json_put_text(json, "folder", verification->migrations->folder);
  dba_json_put_text(json, "layout", dba_layout_name(verification->migrations->layout));
  if (server)
    dba_json_put_text(json, "lab", server);
  dba_json_put_text(json, "verdict", *verdict ? verdict : "nothing to fix");
  dba_json_put_int(json, "not_run", verification->not_run);
  dba_json_put_int(json, "undone_as_a_whole", verification->undone_as_a_whole);
  dba_json_put_list(json, "migrations", &row_record, &rows, 0);
  dba_json_put_list(json, "findings", &dba_finding_record, &verification->findings->findings, 0);
  return dba_json_text(json);
}

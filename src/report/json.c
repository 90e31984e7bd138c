// SPDX-License-Identifier: Apache-2.0
// The report as JSON, and the migrations as files.
#include "report/report.h"

#include <string.h>

#define F(type, member, kind) DBA_FIELD(type, member, kind, 0)
static const DbaField note_fields[] = {F(DbaReviewNote, place, TEXT), F(DbaReviewNote, text, TEXT), {0}};
static const DbaField migration_fields[] = {
    F(DbaWrittenMigration, number, TEXT), F(DbaWrittenMigration, name, TEXT), F(DbaWrittenMigration, finding, TEXT), {0}};
const DbaRecord dba_review_note_record = {"note", sizeof(DbaReviewNote), note_fields};
const DbaRecord dba_written_migration_record = {"migration", sizeof(DbaWrittenMigration), migration_fields};

#define T DbaReportDocument
static const DbaField document_fields[] = {
    F(T, format, TEXT),
    F(T, format_version, INT),
    F(T, subject, TEXT),
    F(T, subject_kind, TEXT),
    F(T, verdict, TEXT),
    {"must-fix", DBA_FIELD_INT, 0, offsetof(T, counts[DBA_MUST_FIX]), NULL},
    {"worth-it", DBA_FIELD_INT, 0, offsetof(T, counts[DBA_WORTH_IT]), NULL},
    {"question", DBA_FIELD_INT, 0, offsetof(T, counts[DBA_QUESTION]), NULL},
    {"note", DBA_FIELD_INT, 0, offsetof(T, counts[DBA_NOTE]), NULL},
    F(T, lab, TEXT),
    F(T, lab_note, TEXT),
    F(T, together, INT),
    F(T, unfinished, INT),
    DBA_FIELD_OF(T, findings, dba_finding_record, 0),
    DBA_FIELD_OF(T, checked, dba_checked_record, 0),
    DBA_FIELD_OF(T, unjudged, dba_unjudged_record, 0),
    DBA_FIELD_OF(T, gaps, dba_gap_record, 0),
    DBA_FIELD_OF(T, unmodelled, dba_unmodelled_record, 0),
    DBA_FIELD_OF(T, migrations, dba_written_migration_record, 0),
    DBA_FIELD_OF(T, notes, dba_review_note_record, 0),
    {0},
};
#undef T
static const DbaRecord document_record = {"findings file", sizeof(DbaReportDocument), document_fields};

// What every reader of the document relies on.
static bool is_whole(const DbaReportDocument *document) {
  for (DBA_EACH(DbaWrittenMigration, migration, &document->migrations))
    if (!migration->name || !migration->number || !migration->finding)
      return false;
  for (DBA_EACH(DbaFinding, finding, &document->findings)) {
    if (!finding->rule || !finding->object || !finding->what || !finding->proof || (finding->risk.lock && !finding->risk.blocks))
      return false;
    for (DBA_EACH_TEXT(table, &finding->risk.tables))
      if (!*table)
        return false;
    for (DBA_EACH_TEXT(table, &finding->risk.rewritten))
      if (!*table)
        return false;
    for (int planned = 0; planned < 2; planned++)
      for (DBA_EACH(DbaReceipt, x, planned ? &finding->planned : &finding->receipts))
        if (!x->method || !x->quantity || !x->unit || !x->server || !x->locale || !x->settings || !x->rows_origin || !x->rows || !x->repeat)
          return false;
  }
  return true;
}

DbaReportDocument *dba_report_read(DbaArena *arena, const char *name, const char *text, size_t length, GError **error) {
  DbaReportDocument *document = dba_arena_new0(arena, DbaReportDocument);
  if (!dba_json_read(arena, name, text, length, &document_record, document, error))
    return NULL;
  if (g_strcmp0(document->format, "dbarch-findings") || document->format_version != 1) {
    dba_fail(error, DBA_ERROR_INPUT, "%s: is no findings.json of this dbarch", name);
    return NULL;
  }
  if (!is_whole(document)) {
    dba_fail(error, DBA_ERROR_INPUT, "%s: a finding, a receipt or a migration lacks what it must have", name);
    return NULL;
  }
  return document;
}

char *dba_report_json(const DbaReview *review) {
  g_autoptr(DbaJson) json = dba_json_new();
  g_autofree char *verdict = dba_report_verdict(review);
  dba_json_put_text(json, "format", "dbarch-findings");
  dba_json_put_int(json, "format_version", 1);
  dba_json_put_text(json, "subject", review->survey->subject ? review->survey->subject : "");
  dba_json_put_text(json, "subject_kind", review->survey->subject_kind ? review->survey->subject_kind : "");
  dba_json_put_text(json, "verdict", verdict);
  for (int severity = 0; severity < DBA_N_SEVERITIES; severity++)
    dba_json_put_int(json, dba_severity_name((DbaSeverity)severity), dba_findings_count(review->findings, (DbaSeverity)severity));
  if (review->lab)
    dba_json_put_text(json, "lab", review->lab);
  if (review->lab_note)
    dba_json_put_text(json, "lab_note", review->lab_note);
  if (review->together)
    dba_json_put_int(json, "together", 1);
  if (review->unfinished)
    dba_json_put_int(json, "unfinished", 1);
  dba_json_put_list(json, "findings", &dba_finding_record, &review->findings->findings, 0);
  dba_json_put_list(json, "checked", &dba_checked_record, &review->findings->checked, 0);
  dba_json_put_list(json, "unjudged", &dba_unjudged_record, &review->findings->unjudged, 0);
  dba_json_put_list(json, "gaps", &dba_gap_record, &review->survey->gaps, 0);
  dba_json_put_list(json, "unmodelled", &dba_unmodelled_record, &review->survey->schema.unmodelled, 0);
  dba_json_put_list(json, "migrations", &dba_written_migration_record, &review->migrations, 0);
  dba_json_put_list(json, "notes", &dba_review_note_record, &review->notes, 0);
  return dba_json_text(json);
}

// ---- migrations -----------------------------------------------------------------------------------------------------

// A line of a head comment; foreign text must not end the comment.
static void comment(GString *sql, const char *label, const char *text) {
  g_autofree char *safe = dba_text_printable(text, false);
  g_autoptr(GString) wrapped = g_string_new(NULL);
  dba_text_append_wrapped(wrapped, safe, 108, 0);
  g_auto(GStrv) lines = g_strsplit(wrapped->str, "\n", -1);
  for (char **line = lines; *line; line++)
    g_string_append_printf(sql, "-- %s%s\n", line == lines ? label : "  ", *line);
}

static char *file_text(const DbaFinding *finding, bool up) {
  const DbaChange *change = &finding->change;
  GString *sql = g_string_new(NULL);
  if (change->no_transaction)
    g_string_append(sql, "-- dbarch: transaction=off\n");
  comment(sql, up ? "" : "Undo of: ", finding->what);
  if (up)
    comment(sql, "Why: ", finding->why);
  if (finding->risk.lock) {
    g_autofree char *risk = dba_report_risk(&finding->risk);
    comment(sql, "Risk: ", risk);
  }
  for (DBA_EACH(DbaReceipt, receipt, &finding->receipts)) {
    g_autofree char *line = dba_report_receipt(receipt);
    comment(sql, finding->trial == DBA_TRIAL_UP_DOWN ? "Price: " : "Receipt: ", line);
  }
  if (finding->receipts.n) {
    const DbaReceipt *receipt = finding->receipts.items;
    g_autofree char *how = g_strdup_printf("%s, %s, %s; rows: %s (%s)", receipt->server, receipt->locale, receipt->settings,
                                           receipt->rows_origin, receipt->rows);
    comment(sql, "Measured on ", how);
    comment(sql, "Again: ", receipt->repeat);
  }
  for (DBA_EACH(DbaReceipt, receipt, &finding->planned)) {
    g_autofree char *amounts = dba_report_receipt(receipt), *line = g_strdup_printf("%s (%s; %s)", amounts, receipt->method, receipt->rows);
    comment(sql, "At your size: ", line);
  }
  g_autofree char *undo = dba_report_undo(change);
  comment(sql, "Undo: ", undo);
  comment(sql,
          "Apply: ", change->no_transaction ? "psql -X -v ON_ERROR_STOP=1 -f this file" : "psql -X -1 -v ON_ERROR_STOP=1 -f this file");
  g_string_append_c(sql, '\n');
  if (!change->no_transaction)
    g_string_append(sql, "SET lock_timeout = '2s';\n");
  g_string_append(sql, up ? change->up : change->down);
  return g_string_free(sql, FALSE);
}

static bool removes(const DbaFinding *finding) { return strstr(finding->change.up, "DROP INDEX") != NULL; }

void dba_report_migrations(DbaReview *review, DbaFindings *findings) {
  unsigned number = 0;
  for (int pass = 0; pass < 2; pass++) // what is made comes before what is taken away
    for (DBA_EACH(DbaFinding, finding, &findings->findings)) {
      if (!finding->has_change || finding->rejected || finding->suppressed || !finding->change.undo_proven ||
          strcmp(finding->proof, "proven") || removes(finding) != (pass == 1))
        continue;
      g_autofree char *up = file_text(finding, true), *down = file_text(finding, false);
      DbaWrittenMigration *migration = dba_list_add(review->arena, &review->migrations, sizeof *migration);
      migration->number = dba_arena_format(review->arena, "%03u", ++number);
      migration->name = dba_arena_format(review->arena, "%s_%s", migration->number, finding->change.name);
      migration->up = dba_arena_text(review->arena, up);
      migration->down = dba_arena_text(review->arena, down);
      migration->finding = finding->object;
      migration->source = finding;
      finding->migration = dba_arena_format(findings->arena, "migrations/%s.up.sql", migration->name);
    }
}

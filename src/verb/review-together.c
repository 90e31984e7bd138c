// SPDX-License-Identifier: Apache-2.0
// The migrations of a review, as a person will run them: read from files, run up, down and up again in turn, and back, by what verifies any folder of migrations.
//
// They start from the subject's schema without its rows: what each does to rows was measured by its own trial.
#include "verb/verb.h"

#include <string.h>

static const char SHAPE[] = "shape";
enum { ROWS = 30 };

static bool write_folder(const DbaReview *review, const char *folder, GError **error) {
  for (DBA_EACH(DbaWrittenMigration, migration, &review->migrations)) {
    const char *texts[] = {migration->up, migration->down}, *suffixes[] = {"up", "down"};
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
      g_autofree char *name = g_strdup_printf("%s.%s.sql", migration->name, suffixes[i]), *path = g_build_filename(folder, name, NULL);
      if (!dba_file_write(path, texts[i], strlen(texts[i]), error))
        return false;
    }
  }
  return true;
}

static bool make_shape(const DbaLab *lab, const DbaSurvey *survey, GError **error) {
  g_autoptr(DbaLoad) load = dba_load_new();
  g_autoptr(GPtrArray) no_rows = g_ptr_array_new();
  DbaStandIn options = {.percent = 100, .seed = 1, .relations = no_rows};
  double scale;
  return dba_lab_create_stand_in(lab, SHAPE, survey, &options, load, &scale, error);
}

// What is repaired for good has nothing to undo.
static bool is_repair(const DbaReview *review, const char *label) {
  for (DBA_EACH(DbaWrittenMigration, migration, &review->migrations))
    if (!strcmp(migration->name, label))
      return !strcmp(migration->source->change.undo_class, DBA_UNDO_NOT_NEEDED);
  return false;
}

static const DbaFinding *what_is_wrong(const DbaReview *review, const DbaFindings *findings) {
  for (DBA_EACH(DbaFinding, finding, &findings->findings))
    if (finding->severity == DBA_MUST_FIX && !(g_str_has_prefix(finding->rule, "undo-") && is_repair(review, finding->object)))
      return finding;
  return NULL;
}

bool dba_review_together(const DbaRequest *request, const DbaLab *lab, DbaReview *review, DbaAnswer *answer, GError **error) {
  if (!review->migrations.n)
    return true;
  g_autofree char *folder = g_build_filename(dba_lab_folder(lab), "migrations", NULL);
  const DbaLayout layout = DBA_LAYOUT_PAIRS;
  if (!dba_file_make_folder(folder, 0755, error) || !write_folder(review, folder, error) || !make_shape(lab, review->survey, error))
    return false;
  g_autoptr(DbaMigrations) migrations = dba_migrations_read(folder, &layout, dba_lab_binaries(lab)->major, error);
  g_autoptr(DbaFindings) findings = dba_findings_new();
  DbaVerification verification = {0};
  DbaVerifyOptions options = {.undos = true,
                              .rows = ROWS,
                              .limit_seconds = request->budget_seconds > 0 ? request->budget_seconds : 60,
                              .start = SHAPE,
                              .interrupt = request->interrupt};
  if (!migrations || !dba_migrations_verify(lab, migrations, &options, findings, &verification, error))
    return false;
  const DbaFinding *wrong = what_is_wrong(review, findings);
  review->together = !wrong;
  if (wrong)
    g_ptr_array_add(answer->warnings, g_strdup_printf("all migrations in turn: %s: %s", wrong->object, wrong->what));
  return true;
}

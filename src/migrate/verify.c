// SPDX-License-Identifier: Apache-2.0
// A whole history, run from nothing: each migration up, down, up again, with catalogs and rows compared.
//
// Two databases.  "base" is the history alone, without a row that it did not make itself; "trial" has the same schema with made rows, so that an
// undo can lose something, and is made anew from base whenever something went wrong in it.  A failure that only made rows bring about
// says nothing about the migration unless any rows would: then it is tried without them.
#include "migrate/verifier.h"

#include <string.h>

static void progress(const DbaVerifier *v, const char *format, ...) DBA_PRINTF(2, 3);
static void progress(const DbaVerifier *v, const char *format, ...) {
  va_list args;
  va_start(args, format);
  g_autofree char *line = g_strdup_vprintf(format, args);
  va_end(args);
  if (v->options->progress)
    v->options->progress(v->options->progress_data, line);
}

// ---- one migration --------------------------------------------------------------------------------------------------

// NOT NULL where there are rows fails whatever the rows are.
static bool fails_on_any_rows(const DbaOutcome *outcome) { return !strcmp(outcome->sqlstate, "23502"); }

static bool run_up(DbaVerifier *v, DbaStep *step, GError **error) {
  const DbaMigration *migration = step->migration;
  g_auto(DbaOutcome) first = {0}, plain = {0};
  v->plain = false;
  if ((v->options->undos && !dba_verifier_rows(v, &step->rows_before, error)) ||
      !dba_verifier_attempt(v, DBA_TRIAL, migration->up, v->options->locks, &first, error))
    return false;
  step->verified->up_ran = first.ok;
  step->verified->rows = step->rows_before && dba_row_sums_any(step->rows_before);
  step->verified->up_ms = first.ms;
  if (first.ok)
    return true;
  g_clear_pointer(&step->rows_before, dba_row_sums_free);
  if (!dba_verifier_renew_trial(v, error) || (v->options->undos && !dba_verifier_rows(v, &step->rows_before, error)) ||
      !dba_verifier_attempt(v, DBA_TRIAL, migration->up, v->options->locks, &plain, error))
    return false;
  v->plain = true;
  step->verified->rows = step->rows_before && dba_row_sums_any(step->rows_before);
  step->verified->up_ran = plain.ok;
  step->verified->up_ms = plain.ms;
  if (!plain.ok) {
    (void)dba_judge_failure(v->findings, "up-fails", migration, migration->up, "it fails", &plain);
    v->stopped = true;
  } else if (fails_on_any_rows(&first))
    (void)dba_judge_failure(v->findings, "up-fails-on-rows", migration, migration->up, "it fails on a table with rows", &first);
  return true;
}

static bool mentions(const DbaScript *script, const char *word) {
  g_autofree char *lower = g_ascii_strdown(script->text, -1);
  return strstr(lower, word) != NULL;
}

static bool only_deparsed(const DbaList *differences) {
  bool some = false;
  for (DBA_EACH(DbaCatalogDifference, difference, differences)) {
    if (difference->kind != DBA_DIFFERENCE_ORDER && !difference->deparsed)
      return false;
    some |= difference->deparsed;
  }
  return some;
}

// Differences of trial, as it is now, from base, as it is now.  Where all of them are in texts that the server writes from trees, both are
// read again after a reload, since such a text is stable only then.  *ret_equal: but for the order of columns.
static bool compare(DbaVerifier *v, const DbaCatalog *before, const DbaCatalog *after, bool reload, DbaList *ret_differences,
                    bool *ret_equal, GError **error) {
  *ret_equal = dba_catalog_equal(before, after);
  if (*ret_equal)
    return true;
  dba_catalog_compare(before, after, v->result->arena, ret_differences);
  if (reload && only_deparsed(ret_differences)) {
    dba_verifier_close(v, DBA_BASE);
    dba_verifier_close(v, DBA_TRIAL);
    g_autoptr(GError) problem = NULL;
    g_autoptr(DbaCatalog) x = dba_catalog_read_reloaded(v->lab, v->reader, dba_verifier_databases[DBA_BASE], &problem);
    g_autoptr(DbaCatalog) y = x ? dba_catalog_read_reloaded(v->lab, v->reader, dba_verifier_databases[DBA_TRIAL], &problem) : NULL;
    if (!y && !g_error_matches(problem, DBA_ERROR, DBA_ERROR_DATABASE))
      return g_propagate_error(error, g_steal_pointer(&problem)), false;
    if (y) { // else it cannot be dumped, and the texts are compared as they are
      *ret_differences = (DbaList){0};
      dba_catalog_compare(x, y, v->result->arena, ret_differences);
    }
  }
  *ret_equal = true;
  for (DBA_EACH(DbaCatalogDifference, difference, ret_differences))
    *ret_equal = *ret_equal && difference->kind == DBA_DIFFERENCE_ORDER;
  return true;
}

// A column or a table that the migration drops, or a type that it changes, where there was no row to lose.
static void tell_unseen(DbaVerifier *v, DbaStep *step) {
  DbaList differences = {0};
  if (!step->rows_before)
    return;
  dba_catalog_compare(v->catalog, step->up, v->result->arena, &differences);
  for (DBA_EACH(DbaCatalogDifference, difference, &differences)) {
    bool table = !strcmp(difference->noun, "table"), column = !strcmp(difference->noun, "column");
    const char *of = table ? difference->name : difference->part_of;
    bool loses = (difference->kind == DBA_DIFFERENCE_GONE && (table || column)) ||
                 (difference->kind == DBA_DIFFERENCE_CHANGED && column && !g_strcmp0(difference->field, "type"));
    if (!loses || !of || !dba_row_sums_is_empty(step->rows_before, of))
      continue;
    (void)dba_judge_add(v->findings, "rows-not-made", step->migration, step->migration->down,
                        "%s has no rows here (none could be made that its constraints take): what the undo loses of it could not be seen",
                        of);
    step->verified->undo_class = NULL;
  }
}

static void judge_rows(DbaVerifier *v, DbaStep *step, const DbaRowSums *after, bool exact) {
  DbaArena *arena = v->result->arena;
  bool saved, set = mentions(step->migration->up, "setval") || mentions(step->migration->up, "restart");
  DbaList lost = {0};
  dba_row_sums_compare(step->rows_before, step->rows_up, after, arena, &lost, &saved);
  dba_row_sums_compare_sequences(step->rows_before, step->rows_up, after, set, arena, &lost);
  for (DBA_EACH_TEXT(text, &lost))
    dba_list_add_text(arena, &step->verified->lost, *text);
  if (exact)
    step->verified->undo_class = lost.n ? DBA_UNDO_IRREVERSIBLE : saved ? DBA_UNDO_SAVED_ROWS : DBA_UNDO_EXACT;
  if (exact && !lost.n)
    tell_unseen(v, step);
  if (!lost.n)
    return;
  g_autoptr(GString) text = g_string_new(NULL);
  for (uint32_t i = 0; i < lost.n && i < 6; i++)
    g_string_append_printf(text, "%s%s", i ? "; " : "", dba_list_text(&lost, i));
  if (lost.n > 6)
    g_string_append_printf(text, "; and %u more", lost.n - 6);
  (void)dba_judge_add(v->findings, "undo-loses-values", step->migration, step->migration->down, "after its undo, %s", text->str);
}

// Down, compared with what was before; up again, compared with what up made.
static bool run_down(DbaVerifier *v, DbaStep *step, GError **error) {
  const DbaMigration *migration = step->migration;
  const DbaScript *down = migration->down;
  g_auto(DbaOutcome) outcome = {0};
  if (!dba_verifier_attempt(v, DBA_TRIAL, down, false, &outcome, error))
    return false;
  step->verified->down_ms = outcome.ms;
  if (!outcome.ok) {
    v->dirty |= down->mode != DBA_SCRIPT_ONE_TRANSACTION;
    if (!strcmp(outcome.sqlstate, "P0001") && mentions(down, "raise")) // its author says that there is no way back
      step->verified->undo_class = DBA_UNDO_IRREVERSIBLE;
    else
      (void)dba_judge_failure(v->findings, "undo-fails", migration, down, "its undo fails", &outcome);
    return true;
  }
  g_autoptr(DbaCatalog) after = dba_catalog_read(v->reader, dba_verifier_databases[DBA_TRIAL], error);
  g_autoptr(DbaRowSums) rows = NULL;
  if (!after || !dba_verifier_rows(v, &rows, error))
    return false;
  DbaList differences = {0};
  bool exact;
  if (!compare(v, v->catalog, after, true, &differences, &exact, error))
    return false;
  bool nothing = !exact && dba_catalog_equal(step->up, after);
  dba_judge_differences(v->findings, nothing ? "undo-does-nothing" : "undo-differs", migration, down,
                        nothing ? "its undo changes nothing" : "its undo leaves another schema", &differences);
  for (DBA_EACH(DbaCatalogDifference, difference, &differences))
    if (difference->kind != DBA_DIFFERENCE_ORDER) {
      g_autofree char *text = dba_difference_text(difference);
      dba_list_add_text(v->result->arena, &step->verified->lost, dba_arena_text(v->result->arena, text));
    }
  judge_rows(v, step, rows, exact);
  if (!exact) { // then up again meets what the undo left, which is told
    v->dirty = true;
    return true;
  }
  if (!dba_verifier_attempt(v, DBA_TRIAL, migration->up, false, &outcome, error))
    return false;
  if (!outcome.ok) {
    v->dirty = true;
    (void)dba_judge_failure(v->findings, "up-again-fails", migration, migration->up, "it fails after its undo", &outcome);
    return true;
  }
  g_autoptr(DbaCatalog) again = dba_catalog_read(v->reader, dba_verifier_databases[DBA_TRIAL], error);
  if (!again)
    return false;
  DbaList later = {0};
  bool same;
  if (!compare(v, step->up, again, false, &later, &same, error))
    return false;
  if (!same) {
    v->dirty = true;
    dba_judge_differences(v->findings, "up-again-fails", migration, migration->up, "after its undo it makes another schema than before",
                          &later);
  }
  return true;
}

static bool run_test(DbaVerifier *v, const DbaStep *step, GError **error) {
  g_auto(DbaOutcome) outcome = {0};
  if (!step->migration->verify)
    return true;
  if (!dba_verifier_attempt(v, DBA_TRIAL, step->migration->verify, false, &outcome, error))
    return false;
  if (!outcome.ok)
    (void)dba_judge_failure(v->findings, "test-fails", step->migration, step->migration->verify, "its test fails", &outcome);
  return true;
}

// The history goes on: base gets the migration too, and trial becomes what base is, with rows.
static bool go_on(DbaVerifier *v, DbaStep *step, GError **error) {
  g_auto(DbaOutcome) outcome = {0};
  if (!dba_verifier_attempt(v, DBA_BASE, step->migration->up, false, &outcome, error))
    return false;
  if (!outcome.ok) { // it ran where there were rows: it asks for some
    (void)dba_judge_failure(v->findings, "up-fails", step->migration, step->migration->up, "it fails on empty tables", &outcome);
    v->stopped = true;
    return true;
  }
  if ((v->dirty || v->plain) && !dba_verifier_renew_trial(v, error))
    return false;
  dba_catalog_free(v->catalog);
  v->catalog = g_steal_pointer(&step->up);
  return dba_verifier_fill(v, v->catalog, error);
}

static const DbaSeen *seen_of(const DbaVerifier *v, const DbaSqlStatement *item) {
  for (guint i = 0; i < v->seen->len; i++)
    if (g_array_index(v->seen, DbaSeen, i).item == item)
      return &g_array_index(v->seen, DbaSeen, i);
  return NULL;
}

// What the statements were seen to do; those that were not seen are judged by their text.
static bool judge_locks(DbaVerifier *v, const DbaMigration *migration, bool judged, GError **error) {
  if (!v->lint)
    return true;
  dba_lint_begin(v->lint, migration, judged);
  for (DBA_EACH(DbaSqlStatement, item, &migration->up->items)) {
    const DbaSeen *seen = seen_of(v, item);
    if (!dba_lint_statement(v->lint, item, seen ? &seen->effects : NULL, seen ? seen->ms : 0, error))
      return false;
  }
  return true;
}

static bool verify_one(DbaVerifier *v, DbaMigration *migration, GError **error) {
  g_auto(DbaStep) step = {.migration = migration};
  step.verified = dba_list_add(v->result->arena, &v->result->verified, sizeof *step.verified);
  step.verified->migration = migration;
  if (!run_up(v, &step, error) || !judge_locks(v, migration, true, error))
    return false;
  if (v->stopped)
    return true;
  if (v->options->rewrites && !dba_verifier_rewrite(v, migration, error))
    return false;
  step.up = dba_catalog_read(v->reader, dba_verifier_databases[DBA_TRIAL], error);
  if (!step.up || (v->options->undos && !dba_verifier_rows(v, &step.rows_up, error)) || !run_test(v, &step, error))
    return false;
  if (v->options->undos && migration->down && !run_down(v, &step, error))
    return false;
  if (v->options->undos && v->options->proposals && !migration->up->parts.n &&
      (!dba_verifier_propose(v, &step, error) || !dba_verifier_propose_saving(v, &step, error)))
    return false;
  return go_on(v, &step, error);
}

// ---- the whole history ----------------------------------------------------------------------------------------------

static bool pass_over(DbaVerifier *v, const DbaMigration *migration, GError **error) {
  g_auto(DbaOutcome) outcome = {0};
  if (!dba_verifier_attempt(v, DBA_BASE, migration->up, false, &outcome, error))
    return false;
  v->result->passed_over++;
  g_array_set_size(v->seen, 0);
  if (!judge_locks(v, migration, false, error))
    return false;
  if (!outcome.ok) {
    (void)dba_judge_failure(v->findings, "up-fails", migration, migration->up, "it fails", &outcome);
    v->stopped = true;
  }
  return true;
}

// Before the first that is judged: trial, and what is there.
static bool begin_judging(DbaVerifier *v, GError **error) {
  return (dba_verifier_renew_trial(v, error) &&
          (v->catalog = dba_catalog_read(v->reader, dba_verifier_databases[DBA_TRIAL], error)) != NULL &&
          dba_verifier_fill(v, v->catalog, error)) &&
         (!v->options->begins || v->options->begins(v->options->begins_data, v->lab, dba_verifier_databases[DBA_BASE], error));
}

static bool run_history(DbaVerifier *v, GError **error) {
  const DbaMigrations *migrations = v->migrations;
  bool passing = v->options->from != NULL;
  for (uint32_t i = 0; i < migrations->migrations.n;) {
    uint32_t first = i;
    DbaMigration *migration = dba_list_at(DbaMigration, &migrations->migrations, i);
    passing = passing && strcmp(migration->label, v->options->from);
    if (!passing && v->options->undos && migration->up)
      migration = dba_migrations_group(migrations, &i, v->result->arena);
    else
      i++;
    if (!migration->up)
      continue;
    if (v->stopped) {
      v->result->not_run += i - first;
      continue;
    }
    progress(v, "%s %u of %u: %s", passing ? "running" : "verifying", first + 1, migrations->migrations.n, migration->label);
    if (i - first > 1)
      dba_list_add_text(v->result->arena, &v->result->notes,
                        dba_arena_format(v->result->arena, "%s and the %u behind it are verified as one: group %s", migration->label,
                                         i - first - 1, migration->group));
    if (passing ? !pass_over(v, migration, error) : (!v->catalog && !begin_judging(v, error)) || !verify_one(v, migration, error))
      return false;
  }
  return true;
}

// Every undo, newest first, back to nothing.  Each was right by itself, so only what is between them can be wrong.
static bool undo_history(DbaVerifier *v, const DbaCatalog *start, GError **error) {
  for (DBA_EACH(DbaVerified, verified, &v->result->verified))
    if (!verified->undo_class || !verified->migration->down || !verified->down_ms)
      return true;
  progress(v, "undoing all %u, newest first", v->result->verified.n);
  for (uint32_t i = v->result->verified.n; i-- > 0;) {
    const DbaMigration *migration = dba_list_at(DbaVerified, &v->result->verified, i)->migration;
    g_auto(DbaOutcome) outcome = {0};
    if (!dba_verifier_attempt(v, DBA_BASE, migration->down, false, &outcome, error))
      return false;
    if (!outcome.ok) {
      if (strcmp(outcome.sqlstate, "P0001") || !mentions(migration->down, "raise"))
        (void)dba_judge_failure(v->findings, "undo-fails", migration, migration->down, "its undo fails after those behind it were undone",
                                &outcome);
      return true;
    }
  }
  g_autoptr(DbaCatalog) end = dba_catalog_read(v->reader, dba_verifier_databases[DBA_BASE], error);
  DbaList differences = {0};
  if (!end)
    return false;
  if (!compare(v, start, end, false, &differences, &v->result->undone_as_a_whole, error))
    return false;
  const DbaMigration *first = dba_list_at(DbaVerified, &v->result->verified, 0)->migration;
  if (!v->result->undone_as_a_whole)
    dba_judge_differences(v->findings, "undo-differs", first, first->down, "when all are undone, newest first, something is left",
                          &differences);
  return true;
}

static bool run(DbaVerifier *v, GError **error) {
  g_autoptr(DbaCatalog) start = NULL;
  if (!dba_lab_create_database(v->lab, dba_verifier_databases[DBA_BASE], v->options->start, error) ||
      (v->options->sizes && !dba_lab_set_time_zone(v->lab, dba_verifier_databases[DBA_BASE], v->options->sizes, error)) ||
      !(start = dba_catalog_read(v->reader, dba_verifier_databases[DBA_BASE], error)) || !run_history(v, error))
    return false;
  return v->stopped || v->options->from || !v->options->undos || !v->result->verified.n || undo_history(v, start, error);
}

bool dba_migrations_verify(const DbaLab *lab, const DbaMigrations *migrations, const DbaVerifyOptions *options, DbaFindings *findings,
                           DbaVerification *result, GError **error) {
  DbaVerifier v = {.lab = lab, .migrations = migrations, .options = options, .result = result, .findings = findings};
  gint64 begin = g_get_monotonic_time();
  result->migrations = migrations;
  result->undos = options->undos;
  result->locks = options->locks;
  result->arena = findings->arena;
  result->findings = findings;
  dba_judge_files(findings, migrations, options->undos, options->from);
  v.seen = g_array_new(FALSE, FALSE, sizeof(DbaSeen));
  v.observer = dba_observer_new();
  if (options->locks)
    v.lint = dba_lint_new(findings, options->sizes);
  v.reader = dba_catalog_reader_open(lab, error);
  v.tried = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  for (int i = 0; i < DBA_N_DATABASES; i++)
    v.loads[i] = dba_load_new();
  bool ok = v.reader && run(&v, error);
  for (guint i = 0; i < v.loads[DBA_BASE]->notes->len; i++) {
    const DbaLoadNote *note = v.loads[DBA_BASE]->notes->pdata[i];
    dba_list_add_text(result->arena, &result->notes, dba_arena_format(result->arena, "%s:%u: %s", note->file, note->line, note->text));
  }
  for (int i = 0; i < DBA_N_DATABASES; i++) {
    dba_verifier_close(&v, i);
    dba_load_free(v.loads[i]);
  }
  dba_catalog_free(v.catalog);
  dba_catalog_reader_close(v.reader);
  g_hash_table_unref(v.tried);
  dba_row_cache_free(v.sums);
  g_array_unref(v.seen);
  dba_observer_free(v.observer);
  dba_lint_free(v.lint);
  result->seconds = (double)(g_get_monotonic_time() - begin) / 1e6;
  return ok;
}

// SPDX-License-Identifier: Apache-2.0
// A whole history, run from nothing: each migration up, down, up again, with catalogs and rows compared.
//
// Two databases.  "base" is the history alone, without a row that it did not make itself; "trial" has the same schema with made rows, so that an
// undo can lose something, and is made anew from base whenever something went wrong in it.  A failure that only made rows bring about
// says nothing about the migration unless any rows would: then it is tried without them.
#include "migrate/lint-int.h"
#include "migrate/undo-int.h"

#include <string.h>

enum { BASE, TRIAL, N_DATABASES };
static const char *const databases[N_DATABASES] = {"base", "trial"};

typedef struct Verifier {
  const DbaLab *lab;
  const DbaMigrations *migrations;
  const DbaVerifyOptions *options;
  DbaVerification *result;
  DbaFindings *findings;
  DbaCatalogReader *reader;
  DbaLoad *loads[N_DATABASES];
  DbaLabSession *sessions[N_DATABASES];
  DbaCatalog *catalog;      // of base, as it is now
  GHashTable *tried;        // tables that were filled, or could not be
  bool trial_stands, dirty; // dirty: trial is not what base is, rows apart
  bool plain;               // trial has no made rows for the migration under way
  bool stopped;             // one failed: what is behind it cannot be run
  DbaLint *lint;            // of options->locks
  DbaObserver *observer;
  GArray *seen; // Seen: what the statements of the attempt under way did
} Verifier;

typedef struct Seen {
  const DbaSqlStatement *item;
  DbaList effects;
  double ms;
} Seen;

static void progress(const Verifier *v, const char *format, ...) DBA_PRINTF(2, 3);
static void progress(const Verifier *v, const char *format, ...) {
  va_list args;
  va_start(args, format);
  g_autofree char *line = g_strdup_vprintf(format, args);
  va_end(args);
  if (v->options->progress)
    v->options->progress(v->options->progress_data, line);
}

// ---- databases ------------------------------------------------------------------------------------------------------

static DbaLabSession *session(Verifier *v, int which, GError **error) {
  if (!v->sessions[which])
    v->sessions[which] = dba_lab_session_open(v->lab, databases[which], v->migrations->folder, v->loads[which], error);
  return v->sessions[which];
}

static void close_session(Verifier *v, int which) {
  dba_lab_session_close(v->sessions[which]);
  v->sessions[which] = NULL;
}

// Trial as a copy of base, empty of made rows.
static bool renew_trial(Verifier *v, GError **error) {
  dba_catalog_let_go(v->reader);
  close_session(v, BASE);
  close_session(v, TRIAL);
  if (v->trial_stands && !dba_lab_drop_database(v->lab, databases[TRIAL], error))
    return false;
  v->trial_stands = dba_lab_create_database(v->lab, databases[TRIAL], databases[BASE], error);
  v->dirty = false;
  g_hash_table_remove_all(v->tried);
  return v->trial_stands;
}

static bool read_rows(Verifier *v, DbaRowSums **ret_sums, GError **error) {
  DbaServer *superuser = session(v, TRIAL, error) ? dba_catalog_server(v->reader, databases[TRIAL], error) : NULL;
  *ret_sums = superuser ? dba_row_sums_read(dba_lab_session_server(v->sessions[TRIAL]), superuser, error) : NULL;
  return *ret_sums != NULL;
}

static const DbaRelation *relation_named(const DbaSchema *schema, const char *quoted) {
  for (DBA_EACH(DbaRelation, relation, &schema->relations)) {
    g_autofree char *name = dba_sql_name(relation->schema, relation->name);
    if (!strcmp(name, quoted))
      return relation;
  }
  return NULL;
}

// Made rows for the tables of trial that have none and were not tried yet.
static bool fill(Verifier *v, const DbaCatalog *catalog, GError **error) {
  enum { LONGEST_S = 20 };
  g_autoptr(GPtrArray) tables = dba_catalog_tables(catalog), empty = g_ptr_array_new(), relations = g_ptr_array_new();
  g_autoptr(DbaRowSums) sums = NULL;
  for (guint i = 0; i < tables->len; i++)
    if (!g_hash_table_contains(v->tried, tables->pdata[i]))
      g_ptr_array_add(empty, tables->pdata[i]);
  if (!empty->len || !v->options->rows)
    return true;
  if (!read_rows(v, &sums, error))
    return false;
  DbaServer *server = dba_lab_session_server(v->sessions[TRIAL]);
  g_autoptr(DbaSchema) schema = dba_schema_new();
  if (!dba_server_read_schema(server, schema, error))
    return false;
  for (guint i = 0; i < empty->len; i++) {
    const DbaRelation *relation = relation_named(schema, empty->pdata[i]);
    if (relation && !dba_row_sums_has_rows(sums, empty->pdata[i]))
      g_ptr_array_add(relations, (DbaRelation *)(uintptr_t)relation);
    g_hash_table_add(v->tried, g_strdup(empty->pdata[i]));
  }
  g_autoptr(DbaLoad) load = dba_load_new();
  g_autoptr(GHashTable) filled = g_hash_table_new(NULL, NULL);
  return dba_lab_generate_rows(server, schema, relations, v->options->rows, g_get_monotonic_time() + (gint64)LONGEST_S * G_USEC_PER_SEC,
                               load, filled, error) &&
         dba_server_exec(server, "discard all", error);
}

// ---- scripts --------------------------------------------------------------------------------------------------------

// Is the failure the lab's, or the person's who interrupted?
static bool is_ours(const GError *problem) {
  return !g_error_matches(problem, DBA_ERROR, DBA_ERROR_INPUT) && !g_error_matches(problem, DBA_ERROR, DBA_ERROR_DATABASE) &&
         !g_error_matches(problem, DBA_ERROR, DBA_ERROR_REFUSED);
}

static bool see(void *data, const DbaSqlStatement *item, double ms, GError **error) {
  Verifier *v = data;
  Seen seen = {.item = item, .ms = ms};
  if (!dba_observer_look(v->observer, dba_lab_session_server(v->sessions[TRIAL]), v->result->arena, &seen.effects, error))
    return false;
  g_array_append_val(v->seen, seen);
  return true;
}

static bool see_end(void *data, GError **error) {
  Verifier *v = data;
  return dba_observer_ended(v->observer, dba_lab_session_server(v->sessions[TRIAL]), error);
}

static bool attempt(Verifier *v, int which, const DbaScript *script, bool watched, DbaOutcome *ret_outcome, GError **error) {
  DbaScriptWatch watch = {see, see_end, v};
  dba_outcome_clear(ret_outcome);
  if (!session(v, which, error))
    return false;
  DbaServer *server = dba_lab_session_server(v->sessions[which]);
  g_autoptr(GError) problem = NULL;
  gint64 begin = g_get_monotonic_time();
  dba_server_set_deadline(server, begin + (gint64)(v->options->limit_seconds * G_USEC_PER_SEC));
  dba_server_set_sqlstate(server, "");
  if (watched) {
    g_array_set_size(v->seen, 0);
    if (!dba_observer_begin(v->observer, server, error))
      return false;
  }
  ret_outcome->ok = dba_script_run(v->sessions[which], script, watched ? &watch : NULL, &problem);
  ret_outcome->ms = (double)(g_get_monotonic_time() - begin) / 1e3;
  dba_server_set_deadline(server, 0);
  if (!ret_outcome->ok) {
    if (is_ours(problem))
      return g_propagate_error(error, g_steal_pointer(&problem)), false;
    g_strlcpy(ret_outcome->sqlstate, dba_server_sqlstate(server), sizeof ret_outcome->sqlstate);
    bool late = ret_outcome->ms >= v->options->limit_seconds * 1e3;
    ret_outcome->message =
        late ? g_strdup_printf("%s:1:1: it did not end within %.0f s (hint: --budget)", script->path, v->options->limit_seconds)
             : g_strdup(problem->message);
  }
  return dba_server_exec(server, "discard all", error);
}

// ---- one migration --------------------------------------------------------------------------------------------------

typedef struct Step {
  DbaMigration *migration;
  DbaVerified *verified;
  DbaCatalog *up; // after up; before it is Verifier.catalog
  DbaRowSums *rows_before, *rows_up;
} Step;

static void step_clear(Step *step) {
  g_clear_pointer(&step->up, dba_catalog_free);
  g_clear_pointer(&step->rows_before, dba_row_sums_free);
  g_clear_pointer(&step->rows_up, dba_row_sums_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Step, step_clear)

// NOT NULL where there are rows fails whatever the rows are.
static bool fails_on_any_rows(const DbaOutcome *outcome) { return !strcmp(outcome->sqlstate, "23502"); }

static bool run_up(Verifier *v, Step *step, GError **error) {
  const DbaMigration *migration = step->migration;
  g_auto(DbaOutcome) first = {0}, plain = {0};
  v->plain = false;
  if ((v->options->undos && !read_rows(v, &step->rows_before, error)) ||
      !attempt(v, TRIAL, migration->up, v->options->locks, &first, error))
    return false;
  step->verified->up_ran = first.ok;
  step->verified->rows = v->options->rows > 0;
  step->verified->up_ms = first.ms;
  if (first.ok)
    return true;
  g_clear_pointer(&step->rows_before, dba_row_sums_free);
  if (!renew_trial(v, error) || (v->options->undos && !read_rows(v, &step->rows_before, error)) ||
      !attempt(v, TRIAL, migration->up, v->options->locks, &plain, error))
    return false;
  v->plain = true;
  step->verified->rows = false;
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
static bool compare(Verifier *v, const DbaCatalog *before, const DbaCatalog *after, bool reload, DbaList *ret_differences, bool *ret_equal,
                    GError **error) {
  *ret_equal = dba_catalog_equal(before, after);
  if (*ret_equal)
    return true;
  dba_catalog_compare(before, after, v->result->arena, ret_differences);
  if (reload && only_deparsed(ret_differences)) {
    close_session(v, BASE);
    close_session(v, TRIAL);
    g_autoptr(DbaCatalog) x = dba_catalog_read_reloaded(v->lab, v->reader, databases[BASE], error);
    g_autoptr(DbaCatalog) y = x ? dba_catalog_read_reloaded(v->lab, v->reader, databases[TRIAL], error) : NULL;
    if (!y)
      return false;
    *ret_differences = (DbaList){0};
    dba_catalog_compare(x, y, v->result->arena, ret_differences);
  }
  *ret_equal = true;
  for (DBA_EACH(DbaCatalogDifference, difference, ret_differences))
    *ret_equal = *ret_equal && difference->kind == DBA_DIFFERENCE_ORDER;
  return true;
}

static void judge_rows(Verifier *v, Step *step, const DbaRowSums *after, bool exact) {
  DbaArena *arena = v->result->arena;
  bool saved, set = mentions(step->migration->up, "setval") || mentions(step->migration->up, "restart");
  DbaList lost = {0};
  dba_row_sums_compare(step->rows_before, step->rows_up, after, arena, &lost, &saved);
  dba_row_sums_compare_sequences(step->rows_before, step->rows_up, after, set, arena, &lost);
  for (DBA_EACH_TEXT(text, &lost))
    dba_list_add_text(arena, &step->verified->lost, *text);
  if (exact)
    step->verified->undo_class = lost.n ? DBA_UNDO_IRREVERSIBLE : saved ? DBA_UNDO_SAVED_ROWS : DBA_UNDO_EXACT;
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
static bool run_down(Verifier *v, Step *step, GError **error) {
  const DbaMigration *migration = step->migration;
  const DbaScript *down = migration->down;
  g_auto(DbaOutcome) outcome = {0};
  if (!attempt(v, TRIAL, down, false, &outcome, error))
    return false;
  step->verified->down_ms = outcome.ms;
  if (!outcome.ok) {
    v->dirty |= down->mode != DBA_SCRIPT_ONE_TRANSACTION;
    if (!strcmp(outcome.sqlstate, "P0001")) // RAISE EXCEPTION: its author says that there is no way back
      step->verified->undo_class = DBA_UNDO_IRREVERSIBLE;
    else
      (void)dba_judge_failure(v->findings, "undo-fails", migration, down, "its undo fails", &outcome);
    return true;
  }
  g_autoptr(DbaCatalog) after = dba_catalog_read(v->reader, databases[TRIAL], error);
  g_autoptr(DbaRowSums) rows = NULL;
  if (!after || !read_rows(v, &rows, error))
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
  if (!attempt(v, TRIAL, migration->up, false, &outcome, error))
    return false;
  if (!outcome.ok) {
    v->dirty = true;
    (void)dba_judge_failure(v->findings, "up-again-fails", migration, migration->up, "it fails after its undo", &outcome);
    return true;
  }
  g_autoptr(DbaCatalog) again = dba_catalog_read(v->reader, databases[TRIAL], error);
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

// ---- an undo that is found ------------------------------------------------------------------------------------------

static const char UNDO_DATABASE[] = "undo";

// A copy of base in which the migration has run; false with *ret_ran set: it did not.
static bool copy_after_up(Verifier *v, const DbaMigration *migration, bool *ret_ran, GError **error) {
  dba_catalog_let_go(v->reader);
  close_session(v, BASE);
  if (!dba_lab_drop_database(v->lab, UNDO_DATABASE, error) || !dba_lab_create_database(v->lab, UNDO_DATABASE, databases[BASE], error))
    return false;
  g_autoptr(DbaLoad) load = dba_load_new();
  g_autoptr(DbaLabSession) in_copy = dba_lab_session_open(v->lab, UNDO_DATABASE, v->migrations->folder, load, error);
  g_autoptr(GError) problem = NULL;
  if (!in_copy)
    return false;
  dba_server_set_deadline(dba_lab_session_server(in_copy), g_get_monotonic_time() + (gint64)(v->options->limit_seconds * G_USEC_PER_SEC));
  *ret_ran = dba_script_run(in_copy, migration->up, NULL, &problem);
  if (!*ret_ran && is_ours(problem))
    return g_propagate_error(error, g_steal_pointer(&problem)), false;
  return true;
}

// The found statements once more, as one script on a fresh copy: do they lead to the state before?
static bool prove_undo(Verifier *v, const DbaMigration *migration, const char *undo, bool *ret_proven, GError **error) {
  *ret_proven = false;
  bool ran;
  if (!copy_after_up(v, migration, &ran, error) || !ran)
    return !ran;
  g_autoptr(DbaServer) server = dba_lab_connect(v->lab, DBA_LAB_SUBJECT_ROLE, UNDO_DATABASE, error);
  g_autofree char *text = g_strdup_printf("begin;\n%scommit", undo);
  g_autoptr(GError) problem = NULL;
  if (!server)
    return false;
  if (!dba_server_exec(server, text, &problem)) {
    if (is_ours(problem))
      return g_propagate_error(error, g_steal_pointer(&problem)), false;
    return true;
  }
  g_autoptr(DbaCatalog) after = dba_catalog_read(v->reader, UNDO_DATABASE, error);
  DbaList differences = {0};
  if (!after)
    return false;
  dba_catalog_compare(v->catalog, after, v->result->arena, &differences);
  *ret_proven = true;
  for (DBA_EACH(DbaCatalogDifference, difference, &differences))
    *ret_proven = *ret_proven && difference->kind == DBA_DIFFERENCE_ORDER;
  return true;
}

// Does it make a column or a table anew, whose values nothing brings back?
static bool makes_anew(const char *undo) {
  static const char *const words[] = {"add column", "add attribute", "create table", NULL};
  g_autofree char *lower = g_ascii_strdown(undo, -1);
  for (const char *const *word = words; *word; word++)
    if (strstr(lower, *word))
      return true;
  return false;
}

// For a migration whose undo is not there or not right: one that was run, into its finding.
static bool propose(Verifier *v, const Step *step, GError **error) {
  static const char *const wrong[] = {"undo-missing", "undo-does-nothing", "undo-fails", "undo-differs", NULL};
  DbaFinding *finding = NULL;
  for (DBA_EACH(DbaFinding, each, &v->findings->findings))
    if (!strcmp(each->object, step->migration->label) && g_strv_contains(wrong, each->rule))
      finding = each;
  if (!finding)
    return true;
  g_autofree char *undo = NULL;
  bool ran, proven = false;
  if (!copy_after_up(v, step->migration, &ran, error) ||
      (ran && !dba_undo_find(v->lab, v->reader, databases[BASE], v->catalog, UNDO_DATABASE, &undo, error)))
    return false;
  dba_catalog_let_go(v->reader);
  if (undo && !prove_undo(v, step->migration, undo, &proven, error))
    return false;
  dba_catalog_let_go(v->reader);
  if (!dba_lab_drop_database(v->lab, UNDO_DATABASE, error))
    return false;
  if (!proven)
    return true;
  finding->has_change = true;
  finding->change.name = step->migration->label;
  finding->change.down = dba_arena_text(v->findings->arena, undo);
  finding->change.undo_proven = true;
  finding->change.undo_class = makes_anew(undo) ? DBA_UNDO_IRREVERSIBLE : DBA_UNDO_EXACT;
  return true;
}

static bool run_test(Verifier *v, const Step *step, GError **error) {
  g_auto(DbaOutcome) outcome = {0};
  if (!step->migration->verify)
    return true;
  if (!attempt(v, TRIAL, step->migration->verify, false, &outcome, error))
    return false;
  if (!outcome.ok)
    (void)dba_judge_failure(v->findings, "test-fails", step->migration, step->migration->verify, "its test fails", &outcome);
  return true;
}

// The history goes on: base gets the migration too, and trial becomes what base is, with rows.
static bool go_on(Verifier *v, Step *step, GError **error) {
  g_auto(DbaOutcome) outcome = {0};
  if (!attempt(v, BASE, step->migration->up, false, &outcome, error))
    return false;
  if (!outcome.ok) { // it ran where there were rows: it asks for some
    (void)dba_judge_failure(v->findings, "up-fails", step->migration, step->migration->up, "it fails on empty tables", &outcome);
    v->stopped = true;
    return true;
  }
  if ((v->dirty || v->plain) && !renew_trial(v, error))
    return false;
  dba_catalog_free(v->catalog);
  v->catalog = g_steal_pointer(&step->up);
  return fill(v, v->catalog, error);
}

static const Seen *seen_of(const Verifier *v, const DbaSqlStatement *item) {
  for (guint i = 0; i < v->seen->len; i++)
    if (g_array_index(v->seen, Seen, i).item == item)
      return &g_array_index(v->seen, Seen, i);
  return NULL;
}

// What the statements were seen to do; those that were not seen are judged by their text.
static bool judge_locks(Verifier *v, const DbaMigration *migration, bool judged, GError **error) {
  if (!v->lint)
    return true;
  dba_lint_begin(v->lint, migration, judged);
  for (DBA_EACH(DbaSqlStatement, item, &migration->up->items)) {
    const Seen *seen = seen_of(v, item);
    if (!dba_lint_statement(v->lint, item, seen ? &seen->effects : NULL, seen ? seen->ms : 0, error))
      return false;
  }
  return true;
}

static bool verify_one(Verifier *v, DbaMigration *migration, GError **error) {
  g_auto(Step) step = {.migration = migration};
  step.verified = dba_list_add(v->result->arena, &v->result->verified, sizeof *step.verified);
  step.verified->migration = migration;
  if (!run_up(v, &step, error) || !judge_locks(v, migration, true, error))
    return false;
  if (v->stopped)
    return true;
  step.up = dba_catalog_read(v->reader, databases[TRIAL], error);
  if (!step.up || (v->options->undos && !read_rows(v, &step.rows_up, error)) || !run_test(v, &step, error))
    return false;
  if (v->options->undos && migration->down && !run_down(v, &step, error))
    return false;
  if (v->options->undos && v->options->proposals && !propose(v, &step, error))
    return false;
  return go_on(v, &step, error);
}

// ---- the whole history ----------------------------------------------------------------------------------------------

static bool pass_over(Verifier *v, const DbaMigration *migration, GError **error) {
  g_auto(DbaOutcome) outcome = {0};
  if (!attempt(v, BASE, migration->up, false, &outcome, error))
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

static bool run_history(Verifier *v, GError **error) {
  const DbaMigrations *migrations = v->migrations;
  bool passing = v->options->from != NULL;
  uint32_t done = 0;
  for (DBA_EACH(DbaMigration, migration, &migrations->migrations)) {
    passing = passing && strcmp(migration->label, v->options->from);
    if (!migration->up)
      continue;
    if (v->stopped) {
      v->result->not_run++;
      continue;
    }
    progress(v, "%s %u of %u: %s", passing ? "running" : "verifying", ++done, migrations->migrations.n, migration->label);
    if (passing) {
      if (!pass_over(v, migration, error))
        return false;
      continue;
    }
    if (!v->catalog &&
        (!renew_trial(v, error) || !(v->catalog = dba_catalog_read(v->reader, databases[TRIAL], error)) || !fill(v, v->catalog, error)))
      return false;
    if (!verify_one(v, migration, error))
      return false;
  }
  return true;
}

// Every undo, newest first, back to nothing.  Each was right by itself, so only what is between them can be wrong.
static bool undo_history(Verifier *v, const DbaCatalog *start, GError **error) {
  for (DBA_EACH(DbaVerified, verified, &v->result->verified))
    if (!verified->undo_class || !verified->migration->down || !verified->down_ms)
      return true;
  progress(v, "undoing all %u, newest first", v->result->verified.n);
  for (uint32_t i = v->result->verified.n; i-- > 0;) {
    const DbaMigration *migration = dba_list_at(DbaVerified, &v->result->verified, i)->migration;
    g_auto(DbaOutcome) outcome = {0};
    if (!attempt(v, BASE, migration->down, false, &outcome, error))
      return false;
    if (!outcome.ok) {
      if (strcmp(outcome.sqlstate, "P0001"))
        (void)dba_judge_failure(v->findings, "undo-fails", migration, migration->down, "its undo fails after those behind it were undone",
                                &outcome);
      return true;
    }
  }
  g_autoptr(DbaCatalog) end = dba_catalog_read(v->reader, databases[BASE], error);
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

static bool run(Verifier *v, GError **error) {
  g_autoptr(DbaCatalog) start = NULL;
  if (!dba_lab_create_database(v->lab, databases[BASE], v->options->start, error) ||
      !(start = dba_catalog_read(v->reader, databases[BASE], error)) || !run_history(v, error))
    return false;
  return v->stopped || v->options->from || !v->options->undos || !v->result->verified.n || undo_history(v, start, error);
}

bool dba_migrations_verify(const DbaLab *lab, const DbaMigrations *migrations, const DbaVerifyOptions *options, DbaFindings *findings,
                           DbaVerification *result, GError **error) {
  Verifier v = {.lab = lab, .migrations = migrations, .options = options, .result = result, .findings = findings};
  gint64 begin = g_get_monotonic_time();
  result->migrations = migrations;
  result->undos = options->undos;
  result->locks = options->locks;
  result->arena = findings->arena;
  result->findings = findings;
  dba_judge_files(findings, migrations, options->undos);
  v.seen = g_array_new(FALSE, FALSE, sizeof(Seen));
  v.observer = dba_observer_new();
  if (options->locks)
    v.lint = dba_lint_new(findings, dba_lab_binaries(lab)->major, options->sizes);
  v.reader = dba_catalog_reader_open(lab, error);
  v.tried = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  for (int i = 0; i < N_DATABASES; i++)
    v.loads[i] = dba_load_new();
  bool ok = v.reader && run(&v, error);
  for (guint i = 0; i < v.loads[BASE]->notes->len; i++) {
    const DbaLoadNote *note = v.loads[BASE]->notes->pdata[i];
    dba_list_add_text(result->arena, &result->notes, dba_arena_format(result->arena, "%s:%u: %s", note->file, note->line, note->text));
  }
  for (int i = 0; i < N_DATABASES; i++) {
    close_session(&v, i);
    dba_load_free(v.loads[i]);
  }
  dba_catalog_free(v.catalog);
  dba_catalog_reader_close(v.reader);
  g_hash_table_unref(v.tried);
  g_array_unref(v.seen);
  dba_observer_free(v.observer);
  dba_lint_free(v.lint);
  dba_judge_suppress(findings, migrations);
  result->seconds = (double)(g_get_monotonic_time() - begin) / 1e6;
  return ok;
}

// SPDX-License-Identifier: Apache-2.0
// dbarch review: survey, advisors, trials, roadmap, report.
//
// Rows for the trials are the subject's own where it is SQL files; for a live database or a survey a lab database is made
// from its schema, and rows are made from its statistics, in the tables that findings are about.
#include "verb/verb.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { GENERATED_ROWS = 100000, UNKNOWN_ROWS = 10000 }; // to a table; to one that was never counted
static const char SUBJECT_DATABASE[] = "subject";

static char *without_quotes(const char *name) {
  g_auto(GStrv) pieces = g_strsplit(name, "\"", -1);
  return g_strjoinv("", pieces);
}

// A finding is named as it is printed, by its table, or by the index or constraint it is about; quoted or not.
static bool is_about(const DbaFinding *finding, const char *name) {
  g_autofree char *unquoted = without_quotes(name), *table = g_strdup_printf("%s.%s", finding->schema, finding->table);
  return !strcmp(finding->object, name) || !strcmp(finding->object, unquoted) || !strcmp(table, unquoted) ||
         !strcmp(finding->table, unquoted) || !g_strcmp0(finding->index, unquoted) || !g_strcmp0(finding->constraint, unquoted);
}

static bool wanted(const DbaRequest *request, const DbaFinding *finding) {
  for (const char *const *name = request->objects; *name; name++)
    if (is_about(finding, *name))
      return true;
  return false;
}

// Is there a table, an index or a constraint of that name, up to a bracket?
static bool is_known(const DbaSchema *schema, const char *name, GPtrArray *names) {
  g_autofree char *unquoted = without_quotes(name);
  unquoted[strcspn(unquoted, "(")] = '\0';
  bool known = false;
  for (DBA_EACH(DbaRelation, relation, &schema->relations)) {
    char *table = g_strdup_printf("%s.%s", relation->schema, relation->name);
    g_ptr_array_add(names, table);
    known |= !strcmp(table, unquoted) || !strcmp(relation->name, unquoted);
    for (DBA_EACH(DbaIndex, index, &relation->indexes)) {
      g_autofree char *qualified = g_strdup_printf("%s.%s", relation->schema, index->name);
      known |= !strcmp(index->name, unquoted) || !strcmp(qualified, unquoted);
    }
    for (DBA_EACH(DbaConstraint, constraint, &relation->constraints)) {
      g_autofree char *qualified = g_strdup_printf("%s.%s", table, constraint->name);
      known |= !strcmp(constraint->name, unquoted) || !strcmp(qualified, unquoted);
    }
  }
  return known;
}

static bool keep_objects(const DbaRequest *request, const DbaSchema *schema, DbaFindings *findings, GError **error) {
  if (!request->objects || !*request->objects)
    return true;
  for (const char *const *name = request->objects; *name; name++) {
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    if (is_known(schema, *name, names))
      continue;
    g_ptr_array_add(names, NULL);
    const char *near = dba_text_nearest(*name, (const char *const *)names->pdata);
    return dba_fail(error, DBA_ERROR_USAGE, "--object %s: there is no such table, index or constraint%s%s%s", *name,
                    near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
  }
  uint32_t kept = 0;
  for (DBA_EACH(DbaFinding, finding, &findings->findings))
    if (wanted(request, finding))
      *dba_list_at(DbaFinding, &findings->findings, kept++) = *finding;
  findings->findings.n = kept;
  findings->checked.n = findings->unjudged.n = 0; // they speak of everything
  return true;
}

static bool needs_trial(const DbaFinding *finding) {
  return finding->trial != DBA_TRIAL_NONE && !finding->suppressed && !finding->replayed && !finding->rejected;
}

// The tables whose rows the trials of more than notes read: those of the findings, and the parents of their foreign keys.
// `only_empty`: leave out those that have rows of their own.
static GPtrArray *trial_relations(const DbaSchema *schema, const DbaFindings *findings, bool only_empty) {
  GPtrArray *relations = g_ptr_array_new();
  g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
  for (DBA_EACH(DbaFinding, finding, &findings->findings)) {
    DbaRelation *relation =
        needs_trial(finding) && finding->severity != DBA_NOTE ? dba_schema_relation(schema, finding->schema, finding->table) : NULL;
    if (!relation)
      continue;
    if (g_hash_table_add(seen, relation) && !(only_empty && relation->rows > 0))
      g_ptr_array_add(relations, relation);
    for (DBA_EACH(DbaRelation, other, &schema->relations)) {
      g_autofree char *name = g_strdup_printf("%s.%s", other->schema, other->name);
      if (dba_list_has_text(&finding->tables, name) && g_hash_table_add(seen, other) && !(only_empty && other->rows > 0))
        g_ptr_array_add(relations, other);
    }
    for (DBA_EACH(DbaConstraint, key, &relation->constraints)) {
      DbaRelation *parent = !strcmp(key->kind, "foreign key") ? dba_schema_relation(schema, key->ref_schema, key->ref_table) : NULL;
      if (parent && g_hash_table_add(seen, parent) && !(only_empty && parent->rows > 0))
        g_ptr_array_add(relations, parent);
    }
  }
  return relations;
}

// An index on a function of the subject's may take for ever here: then the trials go without these statistics.
static bool analyze(const DbaLab *lab, gint64 deadline, GError **error) {
  g_autoptr(GError) problem = NULL;
  g_autoptr(DbaServer) server = dba_lab_connect(lab, DBA_LAB_SUPERUSER, SUBJECT_DATABASE, error);
  if (!server)
    return false;
  dba_server_set_deadline(server, deadline);
  if (dba_server_exec(server, "analyze", &problem) || g_error_matches(problem, DBA_ERROR, DBA_ERROR_DATABASE))
    return true;
  g_propagate_error(error, g_steal_pointer(&problem));
  return false;
}

// A database in the lab that has the subject's schema, and rows that we make.
static bool build_from_schema(const DbaLab *lab, const DbaSurvey *survey, const DbaFindings *findings, gint64 deadline, GHashTable *filled,
                              DbaReview *review, GError **error) {
  g_autoptr(DbaLoad) load = dba_load_new();
  load->deadline_us = deadline;
  g_autofree char *before = NULL, *after = NULL;
  DbaSchemaWrite options = {.no_owners = true, .no_grants = true};
  dba_schema_write_parts(&survey->schema, &options, &before, &after);
  if (!dba_lab_create_database(lab, SUBJECT_DATABASE, NULL, error) || !dba_lab_create_roles(lab, &survey->schema, error) ||
      !dba_lab_load_text(lab, SUBJECT_DATABASE, "schema", before, true, load, error))
    return false;
  g_autoptr(GPtrArray) relations = trial_relations(&survey->schema, findings, false);
  {
    g_autoptr(DbaServer) server = dba_lab_connect(lab, DBA_LAB_SUBJECT_ROLE, SUBJECT_DATABASE, error);
    DbaStandIn rows = {
        .relations = relations, .most_rows = GENERATED_ROWS, .unknown_rows = UNKNOWN_ROWS, .seed = 1, .deadline_us = deadline};
    double scale;
    if (!server || !dba_lab_make_rows(server, dba_lab_folder(lab), survey, &rows, load, filled, &scale, error))
      return false;
  }
  if (!dba_lab_load_text(lab, SUBJECT_DATABASE, "schema", after, true, load, error) ||
      !dba_lab_invalidate_indexes(lab, SUBJECT_DATABASE, &survey->schema, error))
    return false;
  g_autoptr(DbaServer) owner = dba_lab_connect(lab, DBA_LAB_SUPERUSER, SUBJECT_DATABASE, error);
  if (!owner || !dba_lab_set_planner(owner, SUBJECT_DATABASE, survey, load, error)) // receipts are of plans as the subject makes them
    return false;
  dba_subject_take_notes(load, NULL, review);
  return analyze(lab, deadline, error);
}

// Tables of SQL files that came without rows are filled too, in the loaded database itself; their constraints stand.
static bool fill_empty_tables(const DbaLab *lab, const DbaSurvey *survey, const DbaFindings *findings, gint64 deadline, GHashTable *filled,
                              DbaReview *review, GError **error) {
  g_autoptr(DbaLoad) load = dba_load_new();
  g_autoptr(GPtrArray) relations = trial_relations(&survey->schema, findings, true);
  g_autoptr(DbaServer) server = dba_lab_connect(lab, DBA_LAB_SUBJECT_ROLE, SUBJECT_DATABASE, error);
  if (!server || !dba_lab_generate_rows(server, &survey->schema, relations, GENERATED_ROWS, deadline, load, filled, error))
    return false;
  dba_subject_take_notes(load, NULL, review);
  return analyze(lab, deadline, error);
}

static bool start_lab(const DbaRequest *request, DbaSurvey *survey, DbaLab **lab, DbaReview *review, DbaAnswer *answer, GError **error) {
  g_autofree char *substitution = NULL;
  dba_request_progress(request, "starting the lab");
  if (!dba_subject_start_lab(request, survey, false, lab, &substitution, error))
    return false;
  GError *lacking = NULL;
  if (!dba_subject_stub(request, *lab, survey, answer, &lacking)) { // then there is no lab for this subject
    g_clear_pointer(lab, dba_lab_stop);
    g_propagate_error(error, lacking);
    return false;
  }
  review->lab_note = dba_arena_text(review->arena, substitution);
  return true;
}

// `own_rows`: the lab holds the subject's files, loaded.
static bool prove(const DbaRequest *request, DbaSurvey *survey, DbaFindings *findings, DbaLab **lab, bool own_rows, DbaReview *review,
                  DbaTrialSetup *setup, DbaAnswer *answer, GError **error) {
  unsigned trials = 0, done = 0;
  for (DBA_EACH(DbaFinding, finding, &findings->findings)) {
    trials += needs_trial(finding);
    if (finding->trial == DBA_TRIAL_NONE)
      finding->proof = finding->planned.n ? "planned, not run" : "not needed";
  }
  gint64 deadline = g_get_monotonic_time() + (gint64)(request->budget_seconds * G_USEC_PER_SEC);
  gint64 fill_until = deadline - (gint64)(request->budget_seconds * 0.6 * G_USEC_PER_SEC); // the larger part is for the trials
  g_autoptr(GHashTable) filled = g_hash_table_new(NULL, NULL);
  if (own_rows && trials && !fill_empty_tables(*lab, survey, findings, fill_until, filled, review, error))
    return false;
  if (!trials && review->replayed)
    return true;
  if (!*lab && !start_lab(request, survey, lab, review, answer, error))
    return false;
  if (!own_rows && trials) {
    dba_request_progress(request, "building the schema in the lab");
    if (!build_from_schema(*lab, survey, findings, fill_until, filled, review, error))
      return false;
  }
  gint64 plan_until = MIN(deadline, g_get_monotonic_time() + (gint64)(request->budget_seconds * 0.2 * G_USEC_PER_SEC));
  if (trials && !dba_review_plan(request, survey, findings, *lab, review, answer, plan_until, error))
    return false;
  review->measured = trials > 0;
  review->lab = dba_arena_format(review->arena, "PostgreSQL %s (%s)", dba_lab_version(*lab), dba_lab_binaries(*lab)->origin);
  if (!trials || !dba_lab_set_fsync(*lab, true, error))
    return !trials;
  *setup = (DbaTrialSetup){.lab = *lab,
                           .database = SUBJECT_DATABASE,
                           .rows_origin = own_rows ? "the subject's own files" : "made from statistics",
                           .generated = filled,
                           .generated_origin = own_rows ? "generated" : "made from statistics",
                           .subject = review->again,
                           .modules = request->home.modules,
                           .cold = request->cold,
                           .interrupt = request->interrupt,
                           .deadline_us = deadline,
                           .arena = findings->arena};
  gint64 begin = g_get_monotonic_time();
  for (DBA_EACH(DbaFinding, finding, &findings->findings)) {
    if (!needs_trial(finding))
      continue;
    gint64 spent = g_get_monotonic_time() - begin, left = done ? MIN(spent / done * (trials - done), deadline - g_get_monotonic_time()) : 0;
    g_autofree char *time_left = left > G_USEC_PER_SEC ? g_strdup_printf(" (about %d s left)", (int)(left / G_USEC_PER_SEC)) : g_strdup("");
    dba_request_progress(request, "proving %u of %u: %s%s", ++done, trials, finding->object, time_left);
    g_autoptr(GError) problem = NULL;
    if (!dba_trial_run(setup, &survey->schema, finding, &problem)) {
      setup->generated = NULL; // it ends here
      g_propagate_error(error, g_steal_pointer(&problem));
      return false;
    }
  }
  setup->generated = NULL;
  return true;
}

// ---- files ----------------------------------------------------------------------------------------------------------

static bool write_out(const char *out, const char *name, const char *text, GError **error) {
  g_autofree char *path = g_build_filename(out, name, NULL);
  return dba_file_write(path, text, strlen(text), error);
}

// The findings that matter most, as soon as they are known: proofs take their time.
static void announce(const DbaRequest *request, const DbaFindings *findings) {
  enum { SHOWN = 10 };
  unsigned shown = 0, more = 0;
  for (DBA_EACH(DbaFinding, finding, &findings->findings)) {
    if (finding->suppressed || finding->severity > DBA_WORTH_IT)
      continue;
    if (shown < SHOWN)
      dba_request_announce(request, "%-8s  %s  [%s]", finding->severity_name, finding->object, finding->rule);
    else
      more++;
    shown += shown < SHOWN;
  }
  if (more)
    dba_request_announce(request, "and %u more", more);
}

// What a run that was cut has written is gone on with unasked; all else of ours is overwritten with --force only, and what is
// not ours never.
static bool check_out(const DbaRequest *request, const char *out, GError **error) {
  if (!g_file_test(out, G_FILE_TEST_EXISTS))
    return true;
  if (!g_file_test(out, G_FILE_TEST_IS_DIR))
    return dba_fail(error, DBA_ERROR_USAGE, "%s: is no folder (hint: --out names another)", out);
  if (access(out, W_OK | X_OK) != 0)
    return dba_fail(error, DBA_ERROR_USAGE, "%s: cannot be written to: %s (hint: --out names another)", out, g_strerror(errno));
  g_autoptr(GDir) dir = g_dir_open(out, 0, NULL);
  if (!dir || !g_dir_read_name(dir))
    return true;
  g_autoptr(DbaArena) arena = dba_arena_new();
  const DbaReportDocument *earlier = dba_receipts_earlier(out, arena);
  bool goes_on = earlier && earlier->unfinished && dba_receipts_are_ours(request, out);
  if (!request->force && !goes_on)
    return dba_fail(error, DBA_ERROR_USAGE, "%s is there already (hint: --force overwrites it, --out names another)", out);
  return earlier ||
         dba_fail(error, DBA_ERROR_USAGE, "%s holds something else than a review: it is not overwritten (hint: --out names another)", out);
}

// The migrations that the run before wrote here; other files in the folder are somebody's.
static bool remove_earlier(const char *out, GError **error) {
  g_autoptr(DbaArena) arena = dba_arena_new();
  const DbaReportDocument *earlier = dba_receipts_earlier(out, arena);
  for (DBA_EACH(DbaWrittenMigration, migration, earlier ? &earlier->migrations : &(DbaList){0}))
    for (int down = 0; down < 2; down++) {
      g_autofree char *name = g_strdup_printf("%s.%s.sql", migration->name, down ? "down" : "up"),
                      *path = g_build_filename(out, "migrations", name, NULL);
      if (!strchr(migration->name, '/') && unlink(path) != 0 && errno != ENOENT)
        return dba_fail(error, DBA_ERROR_INPUT, "%s: cannot be removed: %s", path, g_strerror(errno));
    }
  return true;
}

static bool write_files(const DbaReview *review, const char *out, GString *written, GError **error) {
  g_autofree char *html = dba_report_html(review), *json = dba_report_json(review);
  if (!remove_earlier(out, error) || !write_out(out, "report.html", html, error) || !write_out(out, "findings.json", json, error))
    return false;
  for (DBA_EACH(DbaWrittenMigration, migration, &review->migrations)) {
    g_autofree char *up = g_strdup_printf("migrations/%s.up.sql", migration->name),
                    *down = g_strdup_printf("migrations/%s.down.sql", migration->name);
    if (!write_out(out, up, migration->up, error) || !write_out(out, down, migration->down, error))
      return false;
  }
  g_string_append_printf(written, "Wrote %s/report.html, %s/findings.json", out, out);
  if (review->migrations.n)
    g_string_append_printf(written, " and %u migration%s in %s/migrations/", review->migrations.n, review->migrations.n == 1 ? "" : "s",
                           out);
  g_string_append(written, "\n");
  return true;
}

// The subject as it would be typed again; a password comes from where libpq finds it.
static const char *again(const DbaSubject *subject, DbaArena *arena) {
  if (subject->kind != DBA_SUBJECT_LIVE)
    return dba_arena_text(arena, subject->text);
  if (!*subject->text)
    return NULL;
  g_auto(GStrv) parts = g_strsplit(subject->shown, ":***@", 2);
  g_autofree char *text = g_strjoinv("@", parts);
  return dba_arena_text(arena, text);
}

static bool grows(const DbaRequest *request) { return request->grow || request->at || request->since; }

// The plan at the horizon is one advice of many: what fails in the lab is told, and the review goes on.
static bool look_ahead(const DbaRequest *request, DbaSurvey *survey, DbaLab **lab, DbaReview *review, DbaAnswer *answer, GError **error) {
  g_autoptr(GError) problem = NULL;
  if ((*lab || start_lab(request, survey, lab, review, answer, &problem)) &&
      dba_review_horizon(request, survey, *lab, review->again, answer, &problem))
    return true;
  if (!g_error_matches(problem, DBA_ERROR, DBA_ERROR_LAB) && !g_error_matches(problem, DBA_ERROR, DBA_ERROR_DATABASE) &&
      !g_error_matches(problem, DBA_ERROR, DBA_ERROR_INTERRUPTED)) {
    g_propagate_error(error, g_steal_pointer(&problem));
    return false;
  }
  survey->horizon = (DbaHorizon){0};
  g_ptr_array_add(answer->warnings, g_strdup_printf("nothing was planned at the horizon: %s", problem->message));
  return true;
}

static bool looks_at_workload(const DbaRequest *request, const DbaSurvey *survey) {
  bool told = false;
  for (DBA_EACH(DbaWorkloadStatement, statement, &survey->workload))
    told |= statement->text != NULL;
  return told && !request->no_lab && (!*request->rules || g_strv_contains(request->rules, "missing-index"));
}

// Which indexes it wants.  A lab that cannot be had is told where proofs are.
static bool look_at_workload(const DbaRequest *request, DbaSurvey *survey, DbaLab **lab, DbaReview *review, DbaAnswer *answer,
                             GError **error) {
  g_autoptr(GError) problem = NULL;
  if (*lab || start_lab(request, survey, lab, review, answer, &problem))
    return dba_review_wanted(request, survey, *lab, answer, error);
  if (g_error_matches(problem, DBA_ERROR, DBA_ERROR_LAB))
    return true;
  g_propagate_error(error, g_steal_pointer(&problem));
  return false;
}

static char *told_findings(const DbaRequest *request, const DbaReview *review) {
  g_autoptr(GArray) rules = g_array_new(TRUE, TRUE, sizeof(DbaToldRule));
  g_autofree char *title = g_strdup_printf("dbarch review %s", review->survey->subject ? review->survey->subject : "");
  DbaList passed = {0};
  for (const DbaAdvisor *advisor = dba_advisors; advisor->rule; advisor++) {
    DbaToldRule told = {advisor->rule, advisor->title, advisor->explain};
    g_array_append_val(rules, told);
  }
  for (DBA_EACH(DbaChecked, checked, &review->findings->checked))
    if (checked->looked_at && !checked->found)
      dba_list_add_text(review->arena, &passed, checked->title);
  return dba_report_findings(review->findings, request->format, title, (const DbaToldRule *)(uintptr_t)rules->data, &passed);
}

static bool run(const DbaRequest *request, const DbaSubject *subject, DbaLab **lab, DbaReview *review, DbaAnswer *answer, GError **error) {
  const char *out = request->out ? request->out : DBA_DEFAULT_OUT;
  gint64 begin = g_get_monotonic_time();
  DbaRequest reading = *request;
  reading.makes_rows = !request->no_lab;
  reading.with_values |= grows(request);
  g_autoptr(DbaSurvey) survey = dba_subject_survey(&reading, subject, lab, review, error);
  if (!survey)
    return false;
  g_autofree const char **rules = dba_advise_rules();
  g_auto(DbaProject) project = {0};
  if (!dba_project_read(request, &project, error))
    return false;
  dba_project_suppressions(&project, rules, survey->arena, &survey->suppressions);
  bool own_rows = *lab != NULL;
  if (subject->kind == DBA_SUBJECT_SURVEY) { // what is reviewed is the file
    const char *taken = survey->server.taken_at ? survey->server.taken_at : "at an unknown time";
    survey->subject_kind = dba_arena_format(survey->arena, "survey of %s, taken %.10s", survey->subject ? survey->subject : "?", taken);
    survey->subject = dba_arena_text(survey->arena, subject->shown);
  }
  review->again = again(subject, review->arena);
  if (grows(request) && !look_ahead(request, survey, lab, review, answer, error))
    return false;
  if (looks_at_workload(request, survey) && !look_at_workload(request, survey, lab, review, answer, error))
    return false;
  g_autoptr(DbaFindings) findings = dba_advise(survey, request->rules);
  if (!keep_objects(request, &survey->schema, findings, error))
    return false;
  dba_request_progress(request, "%u findings", findings->findings.n);
  for (DBA_EACH_TEXT(line, &findings->idle))
    g_ptr_array_add(answer->warnings, g_strdup(*line));
  announce(request, findings);
  review->survey = survey;
  review->findings = findings;
  if (!dba_receipts_find(request, survey, findings, review, error))
    return false;
  g_autoptr(GError) problem = NULL;
  bool interrupted = false, broken = false;
  DbaTrialSetup setup = {0};
  if (request->no_lab)
    review->lab_note = "--no-lab";
  else if (!prove(request, survey, findings, lab, own_rows, review, &setup, answer, &problem)) {
    interrupted = g_error_matches(problem, DBA_ERROR, DBA_ERROR_INTERRUPTED);
    bool lab_failed = g_error_matches(problem, DBA_ERROR, DBA_ERROR_LAB);
    if (!interrupted && !lab_failed) {
      g_propagate_error(error, g_steal_pointer(&problem));
      return false;
    }
    broken = lab_failed && *lab; // it started, and did not last
    review->lab_note = interrupted ? "interrupted: what was proven until then is kept" : dba_arena_text(review->arena, problem->message);
    if (lab_failed && !broken) // advice without proof is still advice, and says so
      g_ptr_array_add(answer->warnings, g_strdup_printf("nothing could be proven: %s", problem->message));
  }
  for (DBA_EACH(DbaFinding, finding, &findings->findings))
    review->unfinished |= (review->lab || interrupted) && needs_trial(finding) && !dba_receipts_tried(finding);
  review->seconds = (double)(g_get_monotonic_time() - begin) / 1e6;
  dba_report_migrations(review, findings);
  if (setup.lab && !interrupted && !broken && !dba_review_together(request, setup.lab, review, answer, error))
    return false;
  g_autoptr(GString) written = g_string_new(NULL);
  if (!write_files(review, out, written, error) || !dba_receipts_remember(request, out, review->unfinished, error))
    return false;
  g_autofree char *text = request->format == DBA_FORMAT_JSON  ? dba_report_json(review)
                          : request->format == DBA_FORMAT_TTY ? dba_report_terminal(review, request->color, request->width)
                                                              : told_findings(request, review);
  g_string_append(answer->text, text);
  if (request->format != DBA_FORMAT_TTY)
    g_ptr_array_add(answer->warnings, g_strdup(g_strchomp(written->str)));
  else
    g_string_append(answer->text, written->str);
  for (int i = 0; i < DBA_N_SEVERITIES; i++)
    answer->counts[i] = dba_findings_count(findings, (DbaSeverity)i);
  if (interrupted)
    return dba_fail(error, DBA_ERROR_INTERRUPTED,
                    "interrupted: the report holds what was proven until then; the same command goes on from there");
  if (broken)
    return dba_fail(error, DBA_ERROR_LAB, "%s; the report holds what was proven until then", problem->message);
  return true;
}

bool dba_verb_review(const DbaRequest *request, DbaAnswer *answer, GError **error) {
  g_auto(DbaSubject) subject = {0};
  const char *out = request->out ? request->out : DBA_DEFAULT_OUT;
  if (!dba_subject_find(request, &subject, error) || !check_out(request, out, error))
    return false;
  if (request->no_lab && subject.kind == DBA_SUBJECT_SQL)
    return dba_fail(error, DBA_ERROR_USAGE, "--no-lab: SQL files become a schema by being run in a lab");
  if (request->no_lab && grows(request))
    return dba_fail(error, DBA_ERROR_USAGE, "--no-lab: the plan at the horizon is made in a lab");
  DbaLab *lab = NULL;
  DbaReview review = {.arena = dba_arena_new()};
  bool ok = run(request, &subject, &lab, &review, answer, error);
  dba_lab_stop(lab);
  dba_arena_free(review.arena);
  return ok;
}

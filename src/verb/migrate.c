// SPDX-License-Identifier: Apache-2.0
// dbarch migrate: a folder of migrations, verified; the words behind it are one function each.
#include "verb/verb.h"

#include <string.h>

enum { ROWS = 30 }; // to a table: enough for an undo to lose some

static const char *const usual_folders[] = {"migrations", "db/migrations", "database/migrations", "sql/migrations", NULL};

bool dba_migrate_folder(const DbaRequest *request, unsigned at, char **ret_folder, GError **error) {
  unsigned n = 0;
  while (request->words && request->words[n])
    n++;
  if (n > at + 1)
    return dba_fail(error, DBA_ERROR_USAGE, "migrate %s takes one folder (\"%s\" is too many)", request->words[0], request->words[at + 1]);
  if (n == at + 1) {
    *ret_folder = g_strdup(request->words[at]);
    return true;
  }
  for (const char *const *folder = usual_folders; *folder; folder++)
    if (g_file_test(*folder, G_FILE_TEST_IS_DIR)) {
      *ret_folder = g_strdup(*folder);
      return true;
    }
  *ret_folder = NULL;
  return true;
}

bool dba_migrate_layout(const DbaRequest *request, DbaLayout *ret_layout, GError **error) {
  if (!request->layout || dba_layout_parse(request->layout, ret_layout))
    return true;
  const char *near = dba_text_nearest(request->layout, dba_layout_names());
  g_autofree char *all = g_strjoinv(", ", (char **)(uintptr_t)dba_layout_names());
  return dba_fail(error, DBA_ERROR_USAGE, "--layout %s: %s%s%s", request->layout, near ? "did you mean \"" : "there are ",
                  near ? near : all, near ? "\"?" : "");
}

DbaMigrations *dba_migrate_read(const DbaRequest *request, unsigned at, int major, GError **error) {
  g_autofree char *folder = NULL;
  DbaLayout layout = DBA_LAYOUT_PAIRS;
  if (!dba_migrate_folder(request, at, &folder, error) || !dba_migrate_layout(request, &layout, error))
    return NULL;
  if (!folder)
    return dba_fail(error, DBA_ERROR_USAGE, "migrate %s: name a folder: there is no migrations/ and no db/migrations/ here",
                    request->words[0]),
           NULL;
  return dba_migrations_read(folder, request->layout ? &layout : NULL, major, error);
}

// ---- verify ---------------------------------------------------------------------------------------------------------

static void tell(void *data, const char *line) { dba_request_progress(data, "%s", line); }

bool dba_migrate_start_lab(const DbaRequest *request, int major, DbaLab **ret_lab, GError **error) {
  DbaLabHome home = request->home;
  g_autoptr(GError) ignored = NULL;
  *ret_lab = NULL;
  if (!home.pg_bin && !home.major) {
    home.major = major;
    *ret_lab = dba_lab_start(&home, false, request->interrupt, &ignored);
    home.major = 0;
  }
  return *ret_lab || (*ret_lab = dba_lab_start(&home, false, request->interrupt, error));
}

bool dba_migrate_find(const char *option, const char *word, const DbaMigrations *migrations, const char **ret_label, GError **error) {
  *ret_label = NULL;
  if (!word)
    return true;
  const DbaMigration *found = dba_migrations_find(migrations, word);
  if (found) {
    *ret_label = found->label;
    return true;
  }
  g_autoptr(GPtrArray) labels = g_ptr_array_new();
  for (DBA_EACH(DbaMigration, migration, &migrations->migrations))
    g_ptr_array_add(labels, (char *)(uintptr_t)migration->label);
  g_ptr_array_add(labels, NULL);
  const char *near = dba_text_nearest(word, (const char *const *)labels->pdata);
  return dba_fail(error, DBA_ERROR_USAGE, "--%s %s: no such migration in %s%s%s%s", option, word, migrations->folder,
                  near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
}

char *dba_migrate_told(const DbaRequest *request, const DbaFindings *findings, const char *what, const DbaMigrations *migrations,
                       const DbaList *passed) {
  g_autofree char *title = g_strdup_printf("migrate %s %s", what, migrations->folder);
  g_autoptr(GArray) rules = g_array_new(TRUE, TRUE, sizeof(DbaToldRule));
  for (const DbaMigrateRule *rule = dba_migrate_rules; rule->rule; rule++) {
    DbaToldRule told = {rule->rule, rule->title, rule->explain};
    g_array_append_val(rules, told);
  }
  for (const DbaAdvisor *advisor = dba_advisors; advisor->rule; advisor++) {
    DbaToldRule told = {advisor->rule, advisor->title, advisor->explain};
    g_array_append_val(rules, told);
  }
  return dba_report_findings(findings, request->format, title, (const DbaToldRule *)(uintptr_t)rules->data, passed);
}

static char *told_findings(const DbaRequest *request, const DbaVerification *verification) {
  DbaList passed = {0};
  for (DBA_EACH(DbaVerified, verified, &verification->verified)) {
    bool found = false;
    for (DBA_EACH(DbaFinding, finding, &verification->findings->findings))
      found = found || (!strcmp(finding->object, verified->migration->label) && finding->severity <= DBA_WORTH_IT);
    if (!found)
      dba_list_add_text(verification->arena, &passed, verified->migration->label);
  }
  return dba_migrate_told(request, verification->findings, verification->undos ? "verify" : "lint", verification->migrations, &passed);
}

static void tell_notes(const DbaVerification *verification, DbaAnswer *answer) {
  enum { SHOWN = 12 };
  for (uint32_t i = 0; i < MIN(verification->notes.n, SHOWN); i++)
    g_ptr_array_add(answer->warnings, g_strdup(dba_list_text(&verification->notes, i)));
  if (verification->notes.n > SHOWN)
    g_ptr_array_add(answer->warnings, g_strdup_printf("and %u more notes of that kind", verification->notes.n - SHOWN));
}

// The sizes of production's tables, of --survey.
static bool read_sizes(const DbaRequest *request, DbaSurvey **ret_sizes, GError **error) {
  g_autofree char *text = NULL;
  size_t length;
  *ret_sizes = NULL;
  if (!request->survey)
    return true;
  if (!dba_file_read(request->survey, &text, &length, error))
    return false;
  *ret_sizes = dba_survey_from_json(request->survey, text, length, error);
  return *ret_sizes != NULL;
}

// What of the findings is allowed: by comments, by dbarch.yaml, by the ledger.
static void settle(const DbaVerification *verification, const DbaList *allowed) {
  dba_migrations_settle(verification->findings, verification->migrations);
  dba_migrations_allow(verification->findings, verification->migrations, allowed);
}

// --out: the report as a page too.
bool dba_migrate_write_page(const DbaRequest *request, const char *page, DbaAnswer *answer, GError **error) {
  g_autofree char *path = g_build_filename(request->out, "report.html", NULL), *there = NULL;
  size_t length;
  if (g_file_test(path, G_FILE_TEST_EXISTS) && !dba_file_read(path, &there, &length, error))
    return false;
  if (there && !strstr(there, ": dbarch "))
    return dba_fail(error, DBA_ERROR_REFUSED, "%s: is no report of dbarch: it is not written over", path);
  if (!dba_file_make_folder(request->out, 0777, error) || !dba_file_write(path, page, strlen(page), error))
    return false;
  g_ptr_array_add(answer->warnings, g_strdup_printf("%s was written", path));
  return true;
}

static bool give_answer(const DbaRequest *request, const DbaVerification *verification, const char *server, DbaAnswer *answer,
                        GError **error) {
  const DbaFindings *findings = verification->findings;
  for (DBA_EACH_TEXT(line, &findings->idle))
    g_ptr_array_add(answer->warnings, g_strdup(*line));
  tell_notes(verification, answer);
  for (int i = 0; i < DBA_N_SEVERITIES; i++)
    answer->counts[i] = dba_findings_count(findings, (DbaSeverity)i);
  g_autofree char *text = request->format == DBA_FORMAT_TTY    ? dba_report_verified(verification, server, request->color, request->width)
                          : request->format == DBA_FORMAT_JSON ? dba_report_verified_json(verification, server)
                                                               : told_findings(request, verification);
  g_string_append(answer->text, text);
  g_autofree char *page = request->out ? dba_report_verified_html(verification, server) : NULL;
  return !page || dba_migrate_write_page(request, page, answer, error);
}

// What the repository allows, and how long clients may wait, read before anything runs; `arena` keeps it.
static bool read_allowed(const DbaRequest *request, DbaArena *arena, DbaList *ret_allowed, double *ret_wait_ms, GError **error) {
  g_auto(DbaProject) project = {0};
  g_autofree const char **rules = dba_all_rules();
  if (!dba_project_read(request, &project, error))
    return false;
  dba_project_suppressions(&project, rules, arena, ret_allowed);
  *ret_wait_ms = project.config.limits.client_wait_ms;
  return true;
}

// How long at production's size; only what has values can be made in three sizes.
static bool measure(const DbaRequest *request, DbaLab *lab, const DbaMigrations *migrations, const DbaVerifyOptions *options,
                    double wait_ms, DbaVerification *verification, GError **error) {
  DbaRequest told = *request;
  DbaScaleOptions scale = {.survey = (DbaSurvey *)(uintptr_t)options->sizes,
                           .percent = request->percent,
                           .wait_limit_ms = wait_ms,
                           .deadline_us = g_get_monotonic_time() + (gint64)(request->budget_seconds * G_USEC_PER_SEC),
                           .progress = tell,
                           .progress_data = &told};
  g_autoptr(GError) late = NULL;
  if (dba_lab_be_durable(lab, &request->home, options->sizes, false, &late) &&
      dba_migrations_measure(lab, migrations, options->from, &scale, verification->findings, &verification->notes, &late))
    return true;
  if (g_get_monotonic_time() < scale.deadline_us || (request->interrupt && *request->interrupt))
    return g_propagate_error(error, g_steal_pointer(&late)), false;
  dba_list_add_text(verification->arena, &verification->notes, "not measured at production's size: the time of --budget was used up");
  return true;
}

static bool in_a_lab(const DbaRequest *request, const DbaMigrations *migrations, DbaVerifyOptions *options, DbaAnswer *answer,
                     GError **error) {
  DbaRequest told = *request;
  if (request->budget_seconds <= 0)
    return dba_fail(error, DBA_ERROR_USAGE, "--budget 0: a script needs some time");
  options->rows = ROWS;
  options->limit_seconds = request->budget_seconds;
  options->interrupt = request->interrupt;
  options->progress = tell;
  options->progress_data = &told;
  dba_request_progress(request, "starting the lab");
  g_autoptr(DbaFindings) findings = dba_findings_new();
  double wait_ms;
  DbaList allowed = {0};
  if (!read_allowed(request, findings->arena, &allowed, &wait_ms, error))
    return false;
  options->allowed = &allowed;
  g_autoptr(DbaLab) lab = dba_lab_start(&request->home, false, request->interrupt, error);
  if (!lab)
    return false;
  DbaVerification verification = {0};
  g_auto(DbaAdvised) advised = {0};
  options->begins = options->locks ? dba_advised_begin : NULL;
  options->begins_data = &advised;
  if (!dba_migrations_verify(lab, migrations, options, findings, &verification, error))
    return false;
  if (options->locks && advised.before && !dba_advised_end(&advised, lab, &verification, error))
    return false;
  settle(&verification, &allowed);
  if (options->sizes && !measure(request, lab, migrations, options, wait_ms, &verification, error))
    return false;
  g_autofree char *server = g_strdup_printf("PostgreSQL %s (%s)", dba_lab_version(lab), dba_lab_binaries(lab)->origin);
  if (!give_answer(request, &verification, server, answer, error))
    return false;
  if (request->fix && options->rewrites)
    return dba_migrate_write_rewrites(request, &verification, answer, error);
  return !request->fix || !options->proposals || dba_migrate_write_undos(request, &verification, answer, error);
}

static bool verify(const DbaRequest *request, DbaAnswer *answer, GError **error) {
  if (request->no_lab)
    return dba_fail(error, DBA_ERROR_USAGE,
                    "migrate verify runs migrations: there is none of it without a lab (hint: migrate lint --no-lab)");
  g_auto(DbaLabBinaries) binaries = {0};
  DbaVerifyOptions options = {.undos = true, .proposals = true};
  if (!dba_lab_find_binaries(&request->home, &binaries, error))
    return false;
  g_autoptr(DbaMigrations) migrations = dba_migrate_read(request, 1, binaries.major, error);
  return migrations && dba_migrate_find("from", request->from, migrations, &options.from, error) &&
         in_a_lab(request, migrations, &options, answer, error);
}

// Judged from the text alone.
typedef struct TextLint {
  const DbaRequest *request;
  DbaAnswer *answer;
  GError **error;
  bool ok;
} TextLint;

static bool lint_text(const DbaRequest *request, DbaAnswer *answer, GError **error) {
  int major = request->home.major ? request->home.major : 17;
  g_autoptr(DbaSurvey) sizes = NULL;
  g_autoptr(DbaMigrations) migrations = dba_migrate_read(request, 1, major, error);
  g_autoptr(DbaFindings) findings = dba_findings_new();
  DbaVerification verification;
  const char *from;
  double wait_ms;
  DbaList allowed = {0};
  if (!migrations || !dba_migrate_find("from", request->from, migrations, &from, error) || !read_sizes(request, &sizes, error) ||
      !read_allowed(request, findings->arena, &allowed, &wait_ms, error) ||
      !dba_migrations_lint(migrations, from, sizes, findings, &verification, error))
    return false;
  settle(&verification, &allowed);
  return give_answer(request, &verification, NULL, answer, error);
}

static void *run_text_lint(void *data) {
  TextLint *lint = data;
  lint->ok = lint_text(lint->request, lint->answer, lint->error);
  return NULL;
}

static bool lint(const DbaRequest *request, DbaAnswer *answer, GError **error) {
  g_auto(DbaLabBinaries) binaries = {0};
  g_autoptr(DbaSurvey) sizes = NULL;
  g_autoptr(GError) no_lab = NULL;
  if (request->no_lab || !dba_lab_find_binaries(&request->home, &binaries, &no_lab)) {
    TextLint text = {request, answer, error, false};
    if (no_lab)
      g_ptr_array_add(answer->warnings, g_strdup_printf("nothing is run: %s", no_lab->message));
    return dba_sql_on_a_large_stack(run_text_lint, &text, error) && text.ok;
  }
  DbaVerifyOptions options = {.locks = true, .rewrites = true};
  g_autoptr(DbaMigrations) migrations = dba_migrate_read(request, 1, binaries.major, error);
  if (!migrations || !dba_migrate_find("from", request->from, migrations, &options.from, error) || !read_sizes(request, &sizes, error))
    return false;
  options.sizes = sizes;
  return in_a_lab(request, migrations, &options, answer, error);
}

static const struct {
  const char *word;
  DbaVerbRun run;
} words[] = {{"lint", lint},
             {"verify", verify},
             {"rehearse", dba_verb_migrate_rehearse},
             {"drift", dba_verb_migrate_drift},
             {"status", dba_verb_migrate_status},
             {"up", dba_verb_migrate_up},
             {"down", dba_verb_migrate_down},
             {"redo", dba_verb_migrate_redo},
             {"baseline", dba_verb_migrate_baseline},
             {"new", dba_verb_migrate_new},
             {"import", dba_verb_migrate_import}};

bool dba_verb_migrate(const DbaRequest *request, DbaAnswer *answer, GError **error) {
  const char *names[G_N_ELEMENTS(words) + 1] = {0};
  const char *word = request->words ? request->words[0] : NULL;
  for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
    if (word && !strcmp(word, words[i].word))
      return words[i].run(request, answer, error);
    names[i] = words[i].word;
  }
  g_autofree char *all = g_strjoinv(", ", (char **)(uintptr_t)names);
  const char *near = word ? dba_text_nearest(word, names) : NULL;
  if (!word)
    return dba_fail(error, DBA_ERROR_USAGE, "migrate: say what: %s (dbarch migrate --help says more)", all);
  return dba_fail(error, DBA_ERROR_USAGE, "migrate %s: %s%s%s", word, near ? "did you mean \"" : "there are ", near ? near : all,
                  near ? "\"?" : "");
}

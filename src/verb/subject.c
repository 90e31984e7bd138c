// SPDX-License-Identifier: Apache-2.0
// Telling subjects apart, and reading each kind into a survey.
#include "verb/verb.h"

#include "sql/sql.h"

#include <stdio.h>
#include <string.h>

static const char *const kind_names[] = {"live", "sql", "survey", NULL};

static void tell(const DbaRequest *request, void (*listener)(void *data, const char *line), const char *format, va_list args)
    DBA_PRINTF(3, 0);
static void tell(const DbaRequest *request, void (*listener)(void *data, const char *line), const char *format, va_list args) {
  g_autofree char *line = listener ? g_strdup_vprintf(format, args) : NULL;
  if (line)
    listener(request->progress_data, line);
}

void dba_request_progress(const DbaRequest *request, const char *format, ...) {
  va_list args;
  va_start(args, format);
  tell(request, request->progress, format, args);
  va_end(args);
}

void dba_answer_take_notes(DbaAnswer *answer, const DbaLoad *load, const char *when) {
  for (guint i = 0; i < load->notes->len; i++) {
    const DbaLoadNote *note = load->notes->pdata[i];
    g_autofree char *line = g_strdup_printf("%s%s: %s", when, note->file, note->text);
    bool known = false;
    for (guint k = 0; *when && k < answer->warnings->len; k++)
      known |= g_str_has_suffix(line, answer->warnings->pdata[k]);
    if (!known)
      g_ptr_array_add(answer->warnings, g_steal_pointer(&line));
  }
}

void dba_request_announce(const DbaRequest *request, const char *format, ...) {
  va_list args;
  va_start(args, format);
  tell(request, request->announce, format, args);
  va_end(args);
}

void dba_subject_clear(DbaSubject *subject) {
  g_clear_pointer(&subject->text, g_free);
  g_clear_pointer(&subject->shown, g_free);
  g_clear_pointer(&subject->files, g_ptr_array_unref);
  g_clear_pointer(&subject->workload, g_ptr_array_unref);
}

static gint compare_paths(gconstpointer a, gconstpointer b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static bool add_folder(DbaSubject *subject, const char *path, unsigned depth, GError **error) {
  enum { DEEPEST = 8 };
  g_autoptr(GError) inner = NULL;
  g_autoptr(GDir) dir = g_dir_open(path, 0, &inner);
  if (!dir)
    return dba_fail(error, DBA_ERROR_INPUT, "%s: %s", path, inner->message);
  for (const char *name; (name = g_dir_read_name(dir));) {
    g_autofree char *below = g_build_filename(path, name, NULL);
    if (*name == '.' || g_file_test(below, G_FILE_TEST_IS_SYMLINK))
      continue;
    if (g_file_test(below, G_FILE_TEST_IS_DIR)) {
      if (depth < DEEPEST && !add_folder(subject, below, depth + 1, error))
        return false;
    } else if (g_str_has_suffix(name, ".sql") && !g_str_has_suffix(name, ".down.sql")) {
      g_ptr_array_add(g_str_has_prefix(name, "workload") ? subject->workload : subject->files, g_steal_pointer(&below));
    }
  }
  return true;
}

// What a file is, by its first bytes.
static bool look_at_file(const char *path, DbaSubjectKind *ret_kind, GError **error) {
  if (!g_file_test(path, G_FILE_TEST_IS_REGULAR)) // a pipe gives its bytes once only
    return dba_fail(error, DBA_ERROR_INPUT, "%s: is no regular file (hint: write it to a file first)", path);
  char head[4096] = "";
  FILE *file = fopen(path, "re");
  size_t n = file ? fread(head, 1, sizeof head - 1, file) : 0;
  if (file)
    fclose(file);
  else
    return dba_fail(error, DBA_ERROR_INPUT, "%s: cannot be read", path);
  if (n >= 5 && !memcmp(head, "PGDMP", 5))
    return dba_fail(error, DBA_ERROR_INPUT, "%s: is a pg_dump archive (hint: pg_restore -f dump.sql %s, then name dump.sql)", path, path);
  if (dba_gzip_is(head, n)) { // of what is compressed only surveys are read
    *ret_kind = DBA_SUBJECT_SURVEY;
    return true;
  }
  const char *p = head;
  while (*p && g_ascii_isspace(*p))
    p++;
  *ret_kind = *p == '{' ? DBA_SUBJECT_SURVEY : DBA_SUBJECT_SQL;
  return true;
}

static bool missing(GError **error) {
  return dba_fail(error, DBA_ERROR_USAGE,
                  "no subject: name one, write \"subject:\" in dbarch.yaml, or set PGHOST, PGDATABASE or PGSERVICE; for example\n"
                  "  dbarch review postgresql://reader@localhost/shop\n  dbarch review schema.sql\n  dbarch review survey.json");
}

bool dba_request_configured(const DbaRequest *request, char **ret_subject, GError **error) {
  g_autoptr(DbaArena) arena = dba_arena_new();
  DbaConfig config;
  if (!dba_config_read(request->config, arena, &config, error))
    return false;
  *ret_subject = g_strdup(config.subject);
  return true;
}

bool dba_subject_find(const DbaRequest *request, DbaSubject *ret_subject, GError **error) {
  g_auto(DbaSubject) subject = {.files = g_ptr_array_new_with_free_func(g_free), .workload = g_ptr_array_new_with_free_func(g_free)};
  const char *word = request->words ? request->words[0] : NULL;
  g_autofree char *configured = NULL;
  if (!word && !request->subject_conninfo && !dba_request_configured(request, &configured, error))
    return false;
  if (word && request->words[1])
    return dba_fail(error, DBA_ERROR_USAGE, "one subject at a time: \"%s\" and \"%s\" (hint: put the SQL files into one folder)", word,
                    request->words[1]);
  if (word && request->subject_conninfo)
    return dba_fail(error, DBA_ERROR_USAGE, "both a subject (\"%s\") and -d, -h, -p or -U: name one", word);
  if (configured)
    word = configured;
  if (!word && !request->subject_conninfo && !request->pg_environment)
    return missing(error);
  subject.text = g_strdup(word ? word : request->subject_conninfo ? request->subject_conninfo : "");
  bool exists = word && g_file_test(word, G_FILE_TEST_EXISTS), conninfo = !word || dba_server_is_conninfo(word);
  if (request->as_kind && !g_strv_contains(kind_names, request->as_kind))
    return dba_fail(error, DBA_ERROR_USAGE, "--as %s: the kinds are live, sql and survey", request->as_kind);
  if (exists && conninfo && !request->as_kind) {
    g_autofree char *hidden = dba_text_hide_password(word);
    return dba_fail(error, DBA_ERROR_USAGE, "\"%s\" is a file and could be a connection string: say --as sql, --as survey or --as live",
                    hidden);
  }
  if (request->as_kind ? !strcmp(request->as_kind, "live") : conninfo) {
    subject.kind = DBA_SUBJECT_LIVE;
  } else if (!exists) {
    g_autofree char *hidden = dba_text_hide_password(word);
    return dba_fail(error, request->as_kind ? DBA_ERROR_INPUT : DBA_ERROR_USAGE,
                    "%s: no such file or folder (hint: a database is named by -d NAME, or by postgresql:///NAME)", hidden);
  } else if (g_file_test(word, G_FILE_TEST_IS_DIR)) {
    subject.kind = DBA_SUBJECT_SQL;
    if (!add_folder(&subject, word, 0, error))
      return false;
    g_ptr_array_sort(subject.files, compare_paths);
    g_ptr_array_sort(subject.workload, compare_paths);
    if (!subject.files->len)
      return dba_fail(error, DBA_ERROR_INPUT, "%s: no .sql file in this folder", word);
  } else {
    if (!look_at_file(word, &subject.kind, error))
      return false;
    if (request->as_kind)
      subject.kind = !strcmp(request->as_kind, "survey") ? DBA_SUBJECT_SURVEY : DBA_SUBJECT_SQL;
    g_ptr_array_add(subject.files, g_strdup(word));
  }
  subject.shown = subject.kind == DBA_SUBJECT_LIVE
                      ? dba_text_hide_password(*subject.text ? subject.text : "the server of the PG* variables")
                      : g_strdup(subject.text);
  *ret_subject = subject;
  subject = (DbaSubject){0};
  return true;
}

void dba_subject_take_notes(const DbaLoad *load, DbaSurvey *survey, DbaReview *review) {
  for (guint i = 0; survey && i < load->sources->len; i++) {
    const DbaSource *from = &g_array_index(load->sources, DbaSource, i);
    DbaSource *to = dba_list_add(survey->arena, &survey->sources, sizeof *to);
    *to = (DbaSource){dba_arena_text(survey->arena, from->schema), dba_arena_text(survey->arena, from->name),
                      dba_arena_text(survey->arena, from->file), from->line, from->column};
  }
  for (guint i = 0; survey && i < load->suppressions->len; i++) {
    const DbaSuppression *from = &g_array_index(load->suppressions, DbaSuppression, i);
    DbaSuppression *to = dba_list_add(survey->arena, &survey->suppressions, sizeof *to);
    *to = (DbaSuppression){dba_arena_text(survey->arena, from->rule), dba_arena_text(survey->arena, from->object),
                           dba_arena_text(survey->arena, from->reason), dba_arena_text(survey->arena, from->file), from->line};
  }
  for (guint i = 0; review && i < load->notes->len; i++) {
    const DbaLoadNote *from = load->notes->pdata[i];
    DbaReviewNote *to = dba_list_add(review->arena, &review->notes, sizeof *to);
    to->place = from->line ? dba_arena_format(review->arena, "%s:%u", from->file, from->line) : dba_arena_text(review->arena, from->file);
    to->text = dba_arena_text(review->arena, from->text);
  }
}

void dba_subject_as_vacuumed(DbaSurvey *survey) {
  for (DBA_EACH(DbaRelation, relation, &survey->schema.relations))
    if (!survey->has_statistics)
      relation->all_visible_pages = relation->pages;
}

// "-- calls: 5000, rows: 20": how often the statement below runs, and how many rows one run reads or writes.
static int64_t number_in(const char *comment, size_t length, const char *word) {
  g_autofree char *text = g_strndup(comment ? comment : "", length);
  const char *at = g_strrstr(text, word);
  return at ? MAX(g_ascii_strtoll(at + strlen(word), NULL, 10), 0) : 0;
}

bool dba_subject_read_workload(DbaSurvey *survey, const char *path, GError **error) {
  if (dba_workload_is_log(path))
    return dba_workload_read_log(survey, path, error);
  g_autoptr(DbaSqlReader) reader = dba_sql_reader_file(path, error);
  for (;;) {
    DbaSqlItem item;
    bool end;
    if (!reader || !dba_sql_next(reader, &item, &end, error))
      return false;
    if (end)
      return true;
    if (item.kind != DBA_SQL_STATEMENT)
      continue;
    DbaWorkloadStatement *statement = dba_list_add(survey->arena, &survey->workload, sizeof *statement);
    statement->id = dba_arena_format(survey->arena, "%u", survey->workload.n);
    statement->text = dba_arena_text_n(survey->arena, item.text, item.length);
    statement->calls = number_in(item.before, item.before_length, "calls:");
    statement->rows = number_in(item.before, item.before_length, "rows:") * MAX(statement->calls, 1);
  }
}

static DbaSurvey *survey_sql(const DbaRequest *request, const DbaSubject *subject, DbaLab **lab, DbaReview *review, GError **error) {
  if (!*lab) {
    dba_request_progress(request, "starting the lab");
    *lab = dba_lab_start(&request->home, false, request->interrupt, error);
  }
  if (!*lab || !dba_lab_create_database(*lab, "subject", NULL, error))
    return NULL;
  g_autoptr(DbaLoad) load = dba_load_new();
  g_autofree char *root = g_file_test(subject->text, G_FILE_TEST_IS_DIR) ? g_strdup(subject->text) : g_path_get_dirname(subject->text);
  for (guint i = 0; i < subject->files->len; i++) {
    dba_request_progress(request, "loading %s", (const char *)subject->files->pdata[i]);
    if (!dba_lab_load_file(*lab, "subject", subject->files->pdata[i], root, load, error))
      return NULL;
  }
  dba_request_progress(request, "reading the catalog");
  g_autoptr(DbaServer) server = dba_lab_connect(*lab, DBA_LAB_SUPERUSER, "subject", error);
  if (!server || !dba_server_exec(server, "analyze", error))
    return NULL;
  g_autoptr(DbaSurvey) survey = dba_server_survey(
      server, subject->shown, request->with_values || request->makes_rows ? DBA_SURVEY_VALUES_OF_A_LAB : DBA_SURVEY_NUMBERS, error);
  if (!survey)
    return NULL;
  survey->subject_kind = "SQL files";
  survey->has_statistics = false; // counters of the lab say nothing about production
  survey->gaps.n = 0;
  survey->settings.n = 0;
  survey->rows_origin = load->copied_bytes || load->inserted ? "the subject's own files" : NULL;
  survey->server.wal_bytes = survey->server.wal_age_seconds = 0;
  survey->server.wal_since = NULL;
  for (DBA_EACH(DbaRelation, relation, &survey->schema.relations))
    for (DBA_EACH(DbaIndex, index, &relation->indexes))
      index->blocks_hit = index->blocks_read = index->scans = index->tuples_read = 0;
  for (DBA_EACH(DbaRelation, relation, &survey->schema.relations))
    relation->sequential_scans = relation->index_scans = relation->inserted = relation->updated = relation->deleted =
        relation->hot_updated = relation->heap_blocks_hit = relation->heap_blocks_read = 0;
  for (guint i = 0; i < subject->workload->len; i++)
    if (!dba_subject_read_workload(survey, subject->workload->pdata[i], error))
      return NULL;
  dba_subject_take_notes(load, survey, review);
  return g_steal_pointer(&survey);
}

DbaServer *dba_subject_connect(const DbaRequest *request, const DbaSubject *subject, GError **error) {
  DbaServer *server = dba_server_open(subject->text, request->interrupt, error);
  if (server)
    dba_server_mark(server);
  return server;
}

static DbaSurvey *read_subject(const DbaRequest *request, const DbaSubject *subject, DbaLab **lab, DbaReview *review, GError **error) {
  switch (subject->kind) {
  case DBA_SUBJECT_LIVE: {
    dba_request_progress(request, "reading %s", subject->shown);
    g_autoptr(DbaServer) server = dba_subject_connect(request, subject, error);
    DbaSurveyValues values = request->with_values ? DBA_SURVEY_VALUES : request->makes_rows ? DBA_SURVEY_COLUMN_VALUES : DBA_SURVEY_NUMBERS;
    return server ? dba_server_survey(server, subject->shown, values, error) : NULL;
  }
  case DBA_SUBJECT_SURVEY: {
    g_autofree char *text = NULL;
    size_t length;
    return dba_file_read(subject->text, &text, &length, error) ? dba_survey_from_json(subject->text, text, length, error) : NULL;
  }
  case DBA_SUBJECT_SQL: return survey_sql(request, subject, lab, review, error);
  }
  return NULL;
}

void dba_subject_warn_disguised(const DbaSurvey *survey, DbaAnswer *answer) {
  if (survey->redaction.done)
    g_ptr_array_add(
        answer->warnings,
        g_strdup(
            "the values of this survey are disguised: literals of your own statements find other rows there, or none, and what is planned "
            "or measured for them says little (hint: name them with --workload when the survey is taken, or take it --with-values)"));
}

DbaSurvey *dba_subject_survey(const DbaRequest *request, const DbaSubject *subject, DbaLab **lab, DbaReview *review, GError **error) {
  g_autoptr(DbaSurvey) survey = read_subject(request, subject, lab, review, error);
  if (survey && survey->redaction.done && request->workload) {
    dba_fail(error, DBA_ERROR_USAGE,
             "%s is disguised, and the maps for other statements are not kept (hint: name --workload when the survey is taken)",
             subject->shown);
    return NULL;
  }
  if (!survey || (request->workload && !dba_subject_read_workload(survey, request->workload, error)))
    return NULL;
  return g_steal_pointer(&survey);
}

bool dba_subject_start_lab(const DbaRequest *request, const DbaSurvey *survey, bool keep, DbaLab **ret_lab, char **ret_substitution,
                           GError **error) {
  DbaLabHome home = request->home;
  int major = (int)(survey->server.version_number / 10000);
  g_autoptr(GError) problem = NULL;
  DbaLab *lab = NULL;
  *ret_substitution = NULL;
  if (!home.pg_bin && !home.major && major) {
    home.major = major;
    lab = dba_lab_start(&home, keep, request->interrupt, &problem);
    home.major = 0;
  }
  if (!lab && problem && problem->code != DBA_ERROR_LAB) {
    g_propagate_error(error, g_steal_pointer(&problem));
    return false;
  }
  if (!lab && !(lab = dba_lab_start(&home, keep, request->interrupt, error)))
    return false;
  g_autoptr(GString) note = g_string_new(NULL);
  if (major && dba_lab_binaries(lab)->major != major)
    g_string_append_printf(note, "the subject runs PostgreSQL %d", major);
  if (survey->server.collate && strcmp(survey->server.collate, "C.UTF-8") && strcmp(survey->server.collate, "C"))
    g_string_append_printf(note, "%sthe subject sorts by %s, the lab by C.UTF-8", note->len ? "; " : "", survey->server.collate);
  if (note->len)
    *ret_substitution = g_strdup(note->str);
  *ret_lab = lab;
  return true;
}

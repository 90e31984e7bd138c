// SPDX-License-Identifier: Apache-2.0
// What `lab measure` and `lab load` share: SQL on the command line, and a lab that holds rows.
//
// Rows are those of a running lab, of SQL files, or of a stand-in made for the occasion.
#include "verb/verb.h"

#include "sql/sql.h"

#include <string.h>

// ---- the words ------------------------------------------------------------------------------------------------------

static bool take_statement(const DbaSqlStatement *statement, void *data, GError **error) {
  DbaLabSql *sql = data;
  const char *text = dba_arena_text_n(sql->arena, statement->item.text, statement->item.length);
  switch (statement->item.kind) {
  case DBA_SQL_STATEMENT: break;
  case DBA_SQL_META: return dba_fail(error, DBA_ERROR_USAGE, "%s: takes SQL, not psql's \"%.60s\"", sql->command, text);
  default: return dba_fail(error, DBA_ERROR_USAGE, "%s: takes no COPY data", sql->command);
  }
  switch (statement->facts.tag) {
  case DBA_SQL_SELECT:
  case DBA_SQL_INSERT:
  case DBA_SQL_UPDATE:
  case DBA_SQL_DELETE:
  case DBA_SQL_MERGE: {
    DbaLabStatement *found = dba_list_add(sql->arena, &sql->statements, sizeof *found);
    *found = (DbaLabStatement){text, statement->facts.changes_data};
    return true;
  }
  case DBA_SQL_TRANSACTION:
  case DBA_SQL_DATABASE:
  case DBA_SQL_COPY_FROM_STDIN:
    return dba_fail(error, DBA_ERROR_USAGE, "%s: \"%.60s\" cannot be a part of a change here", sql->command, text);
  default: dba_list_add_text(sql->arena, &sql->changes, text); return true;
  }
}

// The word that names the subject or the lab is the first behind the command, unless -d and its like do.
static const char *subject_word(const DbaRequest *request) { return request->subject_conninfo ? NULL : request->words[1]; }

bool dba_lab_sql_read(const DbaRequest *request, DbaLabSql *sql, GError **error) {
  for (const char *const *word = request->words + (subject_word(request) ? 2 : 1); *word; word++) {
    bool is_file = g_str_has_suffix(*word, ".sql") && !strpbrk(*word, " \t\n;");
    g_autoptr(DbaSqlReader) reader =
        is_file ? dba_sql_reader_file(*word, error) : dba_sql_reader_text("the command line", *word, strlen(*word));
    if (!reader || !dba_sql_visit(reader, take_statement, sql, error))
      return false;
  }
  return true;
}

// ---- the rows -------------------------------------------------------------------------------------------------------

static bool find_lab(const DbaRequest *request, DbaArena *arena, const char *name, DbaLabRows *rows, GError **error) {
  g_autoptr(GPtrArray) entries = dba_lab_list(&request->home);
  for (guint i = 0; name && i < entries->len; i++) {
    const DbaLabEntry *entry = entries->pdata[i];
    if (strcmp(entry->name, name) || !entry->kept)
      continue;
    if (request->grow || request->at)
      return dba_fail(error, DBA_ERROR_USAGE, "--grow and --at make rows: lab %s has its own", name);
    rows->subject = dba_arena_format(arena, "lab %s", name);
    if (!(rows->lab = dba_lab_attach(entry, request->interrupt, error)) || !dba_lab_find_database(rows->lab, &rows->database, error))
      return false;
    if (!strcmp(rows->database, "twin"))
      return dba_fail(error, DBA_ERROR_USAGE, "lab %s is a twin, which has no rows (hint: dbarch lab stand-in)", name);
    // What a person fills by hand is theirs; rows of a subject are touched without power.
    rows->role = strcmp(rows->database, "lab") ? DBA_LAB_SUBJECT_ROLE : DBA_LAB_SUPERUSER;
    rows->rows = strcmp(rows->database, "stand_in") ? "the lab's own" : "made from statistics";
  }
  return true;
}

static void tell_progress(void *data, const char *line) { dba_request_progress(data, "%s", line); }

static bool make_lab(const DbaRequest *request, const DbaRequest *inner, DbaArena *arena, DbaAnswer *answer, DbaLabRows *rows,
                     GError **error) {
  g_auto(DbaSubject) subject = {0};
  g_autoptr(DbaLoad) load = dba_load_new();
  g_autofree char *substitution = NULL;
  rows->ours = true;
  rows->role = DBA_LAB_SUBJECT_ROLE;
  if (!dba_subject_find(inner, &subject, error))
    return false;
  rows->subject = dba_arena_text(arena, subject.shown);
  g_autofree char *horizon = NULL;
  if (!(rows->survey = dba_subject_survey(inner, &subject, &rows->lab, NULL, error)) ||
      (!rows->lab && !dba_request_grow(request, rows->survey, &horizon, error)))
    return false;
  if (rows->lab && (request->grow || request->at))
    return dba_fail(error, DBA_ERROR_USAGE, "--grow and --at make rows: those of SQL files are there (hint: make a survey of them first)");
  if (horizon)
    g_ptr_array_add(answer->warnings, g_strdup(horizon));
  dba_subject_warn_disguised(rows->survey, answer);
  if (rows->lab) { // SQL files: their rows are there
    rows->database = g_strdup("subject");
    rows->rows = "the subject's own files";
    rows->share = 1;
    g_autoptr(DbaServer) owner = dba_lab_connect(rows->lab, DBA_LAB_SUPERUSER, rows->database, error);
    return owner && dba_lab_set_planner(owner, rows->database, rows->survey, load, error);
  }
  dba_request_progress(request, "starting the lab");
  DbaRequest told = *request;
  double scale;
  DbaStandIn options = {.percent = request->percent,
                        .size_bytes = request->size_bytes,
                        .seed = request->seed,
                        .progress = tell_progress,
                        .progress_data = &told};
  rows->database = g_strdup("stand_in");
  if (!dba_subject_start_lab(request, rows->survey, false, &rows->lab, &substitution, error) ||
      !dba_subject_stub(request, rows->lab, rows->survey, answer, error) ||
      (rows->before_rows && !rows->before_rows(rows->data, rows->lab, rows->survey, error)) ||
      !dba_lab_create_stand_in(rows->lab, rows->database, rows->survey, &options, load, &scale, error))
    return false;
  rows->share = scale;
  rows->rows = scale < 1 ? dba_arena_format(arena, "made from statistics, %.3g %% of the subject's", scale * 100) : "made from statistics";
  if (substitution)
    g_ptr_array_add(answer->warnings, g_strdup_printf("another plan may come of it: %s", substitution));
  dba_answer_take_notes(answer, load, "");
  return true;
}

bool dba_lab_rows_open(const DbaRequest *request, DbaArena *arena, DbaAnswer *answer, DbaLabRows *ret_rows, GError **error) {
  DbaRequest inner = *request;
  const char *words[] = {subject_word(request), NULL};
  inner.words = words;
  inner.with_values = true;
  return find_lab(request, arena, words[0], ret_rows, error) &&
         (ret_rows->lab || make_lab(request, &inner, arena, answer, ret_rows, error));
}

void dba_lab_rows_clear(DbaLabRows *rows) {
  g_clear_pointer(&rows->lab, dba_lab_stop);
  g_clear_pointer(&rows->database, g_free);
  g_clear_pointer(&rows->survey, dba_survey_free);
}

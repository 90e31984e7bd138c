// SPDX-License-Identifier: Apache-2.0
// What the tools' layouts are called, and the marks that part one file into sections.
//
// Marks are whole lines, read as the tools read them: by their beginning, whatever stands around them.  A line counts wherever it stands, also
// inside of a string: so it does for the tools.
#include "migrate/migrate-int.h"

#include <string.h>

static const char *const names[DBA_N_LAYOUTS + 1] = {"pairs", "folders", "dbmate", "goose", "sql-migrate", "node",
                                                     "tern",  "flyway",  "sqitch", "plain", NULL};
static const char *const told[DBA_N_LAYOUTS] = {
    "pairs of .up.sql and .down.sql, as dbarch and golang-migrate have them",
    "a folder for each migration, as diesel has them",
    "files with sections, as dbmate has them",
    "files with sections, as goose has them",
    "files with sections, as sql-migrate has them",
    "files with sections, as node-pg-migrate has them",
    "files with sections, as tern has them",
    "V__, U__ and R__ files, as Flyway has them",
    "a plan with deploy/ and revert/, as sqitch has it",
    "numbered files without undos",
};

const char *dba_layout_name(DbaLayout layout) { return names[layout]; }
const char *dba_layout_told(DbaLayout layout) { return told[layout]; }
const char *const *dba_layout_names(void) { return names; }

bool dba_layout_parse(const char *name, DbaLayout *ret_layout) {
  for (int i = 0; i < DBA_N_LAYOUTS; i++)
    if (!g_ascii_strcasecmp(name, names[i])) {
      *ret_layout = (DbaLayout)i;
      return true;
    }
  return false;
}

typedef enum MarkKind { MARK_UP, MARK_DOWN, MARK_NO_TRANSACTION, MARK_OTHER } MarkKind;

// What follows "--" and blanks; letters of any case.
static const struct {
  DbaLayout layout;
  MarkKind kind;
  const char *words;
  const char *no_transaction; // an option behind it that says so
} marks[] = {
    {DBA_LAYOUT_DBMATE, MARK_UP, "migrate:up", "transaction:false"},
    {DBA_LAYOUT_DBMATE, MARK_DOWN, "migrate:down", "transaction:false"},
    {DBA_LAYOUT_GOOSE, MARK_UP, "+goose up", NULL},
    {DBA_LAYOUT_GOOSE, MARK_DOWN, "+goose down", NULL},
    {DBA_LAYOUT_GOOSE, MARK_NO_TRANSACTION, "+goose no transaction", NULL},
    {DBA_LAYOUT_GOOSE, MARK_OTHER, "+goose", NULL},
    {DBA_LAYOUT_SQL_MIGRATE, MARK_UP, "+migrate up", "notransaction"},
    {DBA_LAYOUT_SQL_MIGRATE, MARK_DOWN, "+migrate down", "notransaction"},
    {DBA_LAYOUT_SQL_MIGRATE, MARK_OTHER, "+migrate", NULL},
    {DBA_LAYOUT_NODE, MARK_UP, "up migration", NULL},
    {DBA_LAYOUT_NODE, MARK_DOWN, "down migration", NULL},
    {DBA_LAYOUT_TERN, MARK_DOWN, "create above / drop below", NULL},
};

// The mark of a line, or -1.
static int find_mark(const char *line, size_t length) {
  const char *end = line + length, *p = line;
  while (p < end && g_ascii_isspace(*p))
    p++;
  if (end - p < 2 || p[0] != '-' || p[1] != '-')
    return -1;
  while (p < end && (g_ascii_isspace(*p) || *p == '-'))
    p++;
  for (size_t i = 0; i < G_N_ELEMENTS(marks); i++) {
    size_t n = strlen(marks[i].words);
    if ((size_t)(end - p) >= n && !g_ascii_strncasecmp(p, marks[i].words, n) && ((size_t)(end - p) == n || !g_ascii_isalnum(p[n])))
      return (int)i;
  }
  return -1;
}

typedef struct Line {
  const char *text;
  size_t length; // without the line's end
} Line;

static bool next_line(const char **at, const char *end, Line *ret_line) {
  if (*at >= end)
    return false;
  const char *newline = memchr(*at, '\n', (size_t)(end - *at)), *stop = newline ? newline : end;
  *ret_line = (Line){*at, (size_t)(stop - *at)};
  *at = newline ? newline + 1 : end;
  return true;
}

bool dba_layout_of_text(const char *text, size_t length, DbaLayout *ret_layout) {
  const char *at = text;
  for (Line line; next_line(&at, text + length, &line);) {
    int mark = find_mark(line.text, line.length);
    if (mark >= 0 && marks[mark].kind != MARK_OTHER && marks[mark].kind != MARK_NO_TRANSACTION) {
      *ret_layout = marks[mark].layout;
      return true;
    }
  }
  return false;
}

static void blank(char *text, size_t length) {
  for (size_t i = 0; i < length; i++)
    if (text[i] != '\n' && text[i] != '\r')
      text[i] = ' ';
}

bool dba_layout_take_section(DbaLayout layout, bool down, char *text, size_t length, const char **ret_no_transaction) {
  bool wanted = layout == DBA_LAYOUT_TERN && !down, found = wanted;
  const char *at = text;
  *ret_no_transaction = NULL;
  for (Line line; next_line(&at, text + length, &line);) {
    int mark = find_mark(line.text, line.length);
    if (mark >= 0 && marks[mark].layout == layout) {
      if (marks[mark].kind == MARK_UP || marks[mark].kind == MARK_DOWN) {
        wanted = (marks[mark].kind == MARK_DOWN) == down;
        found |= wanted;
      }
      bool says_so = marks[mark].kind == MARK_NO_TRANSACTION ||
                     (wanted && marks[mark].no_transaction && g_strstr_len(line.text, (gssize)line.length, marks[mark].no_transaction));
      if (says_so)
        *ret_no_transaction = marks[mark].kind == MARK_NO_TRANSACTION ? "-- +goose NO TRANSACTION" : marks[mark].no_transaction;
      blank(text + (line.text - text), line.length);
    } else if (!wanted)
      blank(text + (line.text - text), line.length);
  }
  return found;
}

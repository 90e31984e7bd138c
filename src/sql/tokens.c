// SPDX-License-Identifier: Apache-2.0
// The literals and comments of a text, by the rules of PostgreSQL's lexer (scan.l): strings of all kinds, numbers, dollar quotes,
// comments within comments.  Names and parameters are passed over.  Any text has tokens: what is left open ends with it.
#include "sql/sql.h"

#include <string.h>

static bool starts_name(unsigned char c) { return g_ascii_isalpha(c) || c == '_' || c >= 0x80; }
static bool goes_on_name(unsigned char c) { return starts_name(c) || g_ascii_isdigit(c) || c == '$'; }

// The end of a quoted piece that starts at `p` with its quote; `escapes`: a backslash hides what follows it.  Strings go on behind a
// line's end.
static const char *after_quoted(const char *p, bool escapes, GString *value) {
  char quote = *p++;
  for (; *p; p++) {
    if (escapes && *p == '\\' && p[1])
      p++;
    else if (*p == quote && p[1] == quote)
      p++;
    else if (*p == quote) {
      size_t blank = strspn(p + 1, " \t\r\n");
      if (quote != '\'' || p[1 + blank] != quote || !memchr(p + 1, '\n', blank))
        return p + 1;
      p += 1 + blank;
      continue;
    }
    g_string_append_c(value, *p);
  }
  return p;
}

// U&'...' may be followed by UESCAPE 'x', which is a part of it.
static const char *after_unicode(const char *p, GString *value) {
  static const char WORD[] = "uescape";
  const char *end = after_quoted(p, false, value), *next = end + strspn(end, " \t\r\n");
  if (g_ascii_strncasecmp(next, WORD, strlen(WORD)))
    return end;
  next += strlen(WORD);
  next += strspn(next, " \t\r\n");
  g_autoptr(GString) mark = g_string_new(NULL);
  return *next == '\'' ? after_quoted(next, false, mark) : end;
}

static const char *after_comment(const char *p) {
  if (p[0] == '-')
    return p + strcspn(p, "\n");
  unsigned depth = 0;
  while (*p) {
    if (p[0] == '/' && p[1] == '*') {
      depth++;
      p += 2;
    } else if (p[0] == '*' && p[1] == '/') {
      p += 2;
      if (!--depth)
        return p;
    } else
      p++;
  }
  return p;
}

static const char *after_number(const char *p) {
  while (goes_on_name((unsigned char)*p) || (*p == '.' && p[1] != '.') || ((*p == '+' || *p == '-') && (p[-1] == 'e' || p[-1] == 'E')))
    p++;
  return p;
}

// $tag$ ... $tag$; NULL when there is none.
static const char *after_dollar_quoted(const char *p, GString *value) {
  const char *tag_end = p + 1;
  while (*tag_end != '$' && goes_on_name((unsigned char)*tag_end))
    tag_end++;
  if (*tag_end != '$')
    return NULL;
  g_autofree char *tag = g_strndup(p, (gsize)(tag_end + 1 - p));
  const char *end = strstr(tag_end + 1, tag);
  g_string_append_len(value, tag_end + 1, end ? end - tag_end - 1 : -1);
  return end ? end + strlen(tag) : tag_end + strlen(tag_end);
}

void dba_sql_read_tokens(const char *sql, DbaArena *arena, DbaList *ret_tokens) {
  g_autoptr(GString) value = g_string_new(NULL);
  for (const char *p = sql; *p;) {
    const char *start = p, *end = NULL;
    DbaSqlTokenKind kind = DBA_SQL_A_STRING;
    g_string_truncate(value, 0);
    if ((p[0] == '-' && p[1] == '-') || (p[0] == '/' && p[1] == '*')) {
      kind = DBA_SQL_A_COMMENT;
      end = after_comment(p);
    } else if (*p == '\'')
      end = after_quoted(p, false, value);
    else if (strchr("eEbBxXnN", *p) && p[1] == '\'')
      end = after_quoted(p + 1, *p == 'e' || *p == 'E', value);
    else if ((*p == 'u' || *p == 'U') && p[1] == '&' && p[2] == '\'')
      end = after_unicode(p + 2, value);
    else if (*p == '$' && g_ascii_isdigit(p[1])) { // a parameter
      for (p++; g_ascii_isdigit(*p);)
        p++;
      continue;
    } else if (*p == '$' && (end = after_dollar_quoted(p, value))) {
      kind = DBA_SQL_A_STRING;
    } else if (*p == '"') {
      p = after_quoted(p, false, value);
      continue;
    } else if (starts_name((unsigned char)*p)) {
      while (goes_on_name((unsigned char)*p))
        p++;
      continue;
    } else if (g_ascii_isdigit(*p) || (*p == '.' && g_ascii_isdigit(p[1]))) {
      kind = DBA_SQL_A_NUMBER;
      end = after_number(p);
      for (const char *figure = p; figure < end; figure++)
        if (*figure != '_') // 1_000
          g_string_append_c(value, *figure);
    } else {
      p++;
      continue;
    }
    DbaSqlToken *token = dba_list_add(arena, ret_tokens, sizeof *token);
    *token = (DbaSqlToken){.kind = kind,
                           .offset = (size_t)(start - sql),
                           .length = (size_t)(end - start),
                           .bits = kind == DBA_SQL_A_STRING && strchr("bBxX", *start)};
    token->value = dba_arena_text(arena, value->str);
    p = end;
  }
}

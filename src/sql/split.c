// SPDX-License-Identifier: Apache-2.0
// The splitter: finds where statements end, by the rules of psql's lexer (psqlscan.l and mainloop.c, PostgreSQL 17).
//
// It works on a window over the file that slides forward statement by statement.  Strings are read as
// standard_conforming_strings = on.  What it refuses: zero bytes, statements above the limit, quotes open at the end.
#include "sql/sql.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { READ_BYTES = 1 << 18, BEFORE_LIMIT = 1 << 16, LINE_LIMIT = 1 << 16 };

struct DbaSqlReader {
  char *name;
  int fd; // -1: `window` is the caller's whole text
  char *window;
  size_t length, room;
  size_t base; // offset in the file of window[0]
  size_t at;   // where the next item begins to be looked for
  bool eof;
  uint32_t line, column; // of `counted`
  size_t counted;        // window index up to which lines were counted
  bool copy_pending;     // the statement before was COPY FROM STDIN: data follows after this line
  bool in_copy;
  bool tolerant;
};

DbaSqlReader *dba_sql_reader_text(const char *name, const char *text, size_t length) {
  DbaSqlReader *reader = g_new0(DbaSqlReader, 1);
  reader->name = g_strdup(name);
  reader->fd = -1;
  reader->window = (char *)(uintptr_t)text;
  reader->length = length;
  reader->eof = true;
  reader->line = reader->column = 1;
  if (length >= 3 && !memcmp(text, "\xEF\xBB\xBF", 3)) // a byte order mark, as psql skips it
    reader->at = reader->counted = 3;
  return reader;
}

static bool fill(DbaSqlReader *reader);

DbaSqlReader *dba_sql_reader_file(const char *path, GError **error) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    dba_fail(error, DBA_ERROR_INPUT, "%s: cannot be read: %s", path, g_strerror(errno));
    return NULL;
  }
  DbaSqlReader *reader = g_new0(DbaSqlReader, 1);
  reader->name = g_strdup(path);
  reader->fd = fd;
  reader->room = READ_BYTES;
  reader->window = g_malloc(reader->room);
  reader->line = reader->column = 1;
  while (reader->length < 3 && fill(reader))
    ;
  if (reader->length >= 3 && !memcmp(reader->window, "\xEF\xBB\xBF", 3))
    reader->at = reader->counted = 3;
  return reader;
}

void dba_sql_reader_free(DbaSqlReader *reader) {
  if (!reader)
    return;
  if (reader->fd >= 0) {
    close(reader->fd);
    g_free(reader->window);
  }
  g_free(reader->name);
  g_free(reader);
}

void dba_sql_reader_set_tolerant(DbaSqlReader *reader, bool tolerant) { reader->tolerant = tolerant; }
bool dba_sql_reader_is_tolerant(const DbaSqlReader *reader) { return reader->tolerant; }

// More bytes behind the window; false at the end of the file (also after a read error, told by errno != 0).
static bool fill(DbaSqlReader *reader) {
  if (reader->eof)
    return false;
  if (reader->length + READ_BYTES > reader->room) {
    reader->room = MAX(reader->room * 2, reader->length + READ_BYTES);
    reader->window = g_realloc(reader->window, reader->room);
  }
  ssize_t got;
  do
    got = read(reader->fd, reader->window + reader->length, READ_BYTES);
  while (got < 0 && errno == EINTR);
  if (got <= 0) {
    reader->eof = true;
    return false;
  }
  reader->length += (size_t)got;
  return true;
}

static void count_lines(DbaSqlReader *reader, size_t to) {
  for (; reader->counted < to; reader->counted++) {
    unsigned char c = (unsigned char)reader->window[reader->counted];
    if (c == '\n') {
      reader->line++;
      reader->column = 1;
    } else if ((c & 0xC0) != 0x80) {
      reader->column++;
    }
  }
}

// Drops the bytes before `keep` from the window.
static void slide(DbaSqlReader *reader, size_t keep) {
  count_lines(reader, keep);
  if (reader->fd < 0 || keep < READ_BYTES)
    return;
  memmove(reader->window, reader->window + keep, reader->length - keep);
  reader->length -= keep;
  reader->base += keep;
  reader->at -= keep;
  reader->counted -= keep;
}

// The byte at window index i, reading on when needed; -1 at the end.
static inline int byte_at(DbaSqlReader *reader, size_t i) {
  while (G_UNLIKELY(i >= reader->length))
    if (!fill(reader))
      return -1;
  return (unsigned char)reader->window[i];
}

static uint32_t characters(const char *text, size_t length) {
  uint32_t line, column;
  dba_text_locate(text, length, length, &line, &column);
  return column - 1;
}

static bool fail_at(DbaSqlReader *reader, size_t i, const char *message, GError **error) {
  count_lines(reader, MIN(i, reader->length));
  size_t start = i, end = i;
  while (start > 0 && reader->window[start - 1] != '\n' && i - start < LINE_LIMIT)
    start--;
  while (end < reader->length && reader->window[end] != '\n' && end - i < LINE_LIMIT)
    end++;
  uint32_t column = reader->column - characters(reader->window + start, MIN(i, reader->length) - start);
  g_autofree char *caret =
      dba_text_caret_within(reader->name, reader->line, MAX(column, 1), reader->window + start, end - start, i - start, message);
  return dba_fail(error, DBA_ERROR_INPUT, "%s", caret);
}

static inline bool is_identifier_start(int c) { return g_ascii_isalpha(c) || c == '_' || c >= 0x80; }
static inline bool is_identifier(int c) { return is_identifier_start(c) || g_ascii_isdigit(c) || c == '$'; }

// Past a '...' string whose opening quote is at i - 1.  A doubled quote is two strings side by side to this loop.
static bool skip_quoted(DbaSqlReader *reader, size_t *i, int quote, bool backslash) {
  for (int c; (c = byte_at(reader, *i)) >= 0; ++*i) {
    if (c == '\\' && backslash) {
      if (byte_at(reader, ++*i) < 0)
        return false;
    } else if (c == quote) {
      ++*i;
      return true;
    }
  }
  return false;
}

// After an E'' string: quote, blanks with a newline, quote continues it, with backslashes still in force.
static bool continues(DbaSqlReader *reader, size_t *i) {
  if (byte_at(reader, *i) == '\'') {
    ++*i;
    return true;
  }
  size_t j = *i;
  bool newline = false;
  for (int c; (c = byte_at(reader, j)) >= 0; j++) {
    if (c == '\n' || c == '\r')
      newline = true;
    else if (c == '-' && byte_at(reader, j + 1) == '-') {
      while ((c = byte_at(reader, j + 1)) >= 0 && c != '\n')
        j++;
    } else if (!g_ascii_isspace(c))
      break;
  }
  if (!newline || byte_at(reader, j) != '\'')
    return false;
  *i = j + 1;
  return true;
}

static bool skip_comment(DbaSqlReader *reader, size_t *i) {
  for (unsigned depth = 1; depth;) {
    int c = byte_at(reader, *i), next = byte_at(reader, *i + 1);
    if (c < 0)
      return false;
    if (c == '*' && next == '/') {
      depth--;
      *i += 2;
    } else if (c == '/' && next == '*') {
      depth++;
      *i += 2;
    } else {
      ++*i;
    }
  }
  return true;
}

static void skip_line(DbaSqlReader *reader, size_t *i) {
  for (int c; (c = byte_at(reader, *i)) >= 0 && c != '\n'; ++*i)
    ;
}

// Past a dollar-quoted string when one begins at i ('$'); *ret_quote says whether it did.
static bool skip_dollar(DbaSqlReader *reader, size_t *i, bool *ret_quote) {
  size_t tag = *i + 1;
  int c = byte_at(reader, tag);
  *ret_quote = false;
  if (is_identifier_start(c))
    while (is_identifier(c = byte_at(reader, tag)) && c != '$')
      tag++;
  if (c != '$') {
    ++*i;
    return true;
  }
  size_t tag_length = tag + 1 - *i, start = *i;
  *ret_quote = true;
  for (size_t j = tag + 1; byte_at(reader, j) >= 0;) {
    const char *dollar = memchr(reader->window + j, '$', reader->length - j);
    if (!dollar) {
      j = reader->length;
      continue;
    }
    j = (size_t)(dollar - reader->window);
    if (byte_at(reader, j + tag_length - 1) < 0)
      return false;
    if (!memcmp(reader->window + j, reader->window + start, tag_length)) {
      *i = j + tag_length;
      return true;
    }
    j++;
  }
  return false;
}

// What is remembered of the words of a statement: enough to know CREATE FUNCTION (BEGIN ATOMIC bodies) and COPY FROM STDIN.
typedef struct Words {
  unsigned n;
  char first[4];   // first letters of the first words, as psqlscan.l keeps them
  bool copy, from; // COPY was first; the word before was FROM
  bool from_stdin;
  unsigned parens, begins;
} Words;

static bool in_routine(const Words *w) {
  const char *f = w->first;
  return f[0] == 'c' && (f[1] == 'f' || f[1] == 'p' || (f[1] == 'o' && f[2] == 'r' && (f[3] == 'f' || f[3] == 'p')));
}

static bool word_is(const char *text, size_t length, const char *word) {
  return strlen(word) == length && !g_ascii_strncasecmp(text, word, length);
}

static void see_word(Words *w, const char *text, size_t length) {
  static const char *const leading[] = {"create", "function", "procedure", "or", "replace"};
  if (w->n == 0)
    w->copy = word_is(text, length, "copy");
  if (w->n < G_N_ELEMENTS(w->first))
    for (size_t i = 0; i < G_N_ELEMENTS(leading); i++)
      if (word_is(text, length, leading[i]))
        w->first[w->n] = leading[i][0];
  w->n++;
  if (w->copy && !w->parens) {
    w->from_stdin |= w->from && word_is(text, length, "stdin");
    w->from = word_is(text, length, "from");
  }
  if (w->parens || (w->first[0] != 'c') || !in_routine(w))
    return;
  if (word_is(text, length, "begin"))
    w->begins++;
  else if (word_is(text, length, "case"))
    w->begins += w->begins > 0;
  else if (word_is(text, length, "end"))
    w->begins -= w->begins > 0;
}

// The COPY data that lies in the window: up to and without the line "\.", or the end of the file.
static bool next_copy(DbaSqlReader *reader, DbaSqlItem *ret_item, GError **error) {
  size_t i = reader->at;
  *ret_item = (DbaSqlItem){.kind = DBA_SQL_COPY_DATA, .place = {.file = reader->name}};
  for (;;) { // whole lines; a line longer than the piece is given in pieces
    int c = byte_at(reader, i);
    bool line_start = i == reader->at || reader->window[i - 1] == '\n';
    if (line_start && (c < 0 || (c == '\\' && byte_at(reader, i + 1) == '.' &&
                                 (byte_at(reader, i + 2) < 0 || byte_at(reader, i + 2) == '\n' ||
                                  (byte_at(reader, i + 2) == '\r' && byte_at(reader, i + 3) == '\n'))))) {
      if (i > reader->at)
        break;
      reader->in_copy = false;
      ret_item->kind = DBA_SQL_COPY_END;
      if (c >= 0)
        skip_line(reader, &i);
      break;
    }
    if (c < 0)
      break;
    if (i - reader->at > LINE_LIMIT && line_start)
      break;
    if (i - reader->at > DBA_SQL_STATEMENT_LIMIT_BYTES)
      return fail_at(reader, reader->at, "a line of COPY data is longer than 4 MB", error);
    const char *newline = memchr(reader->window + i, '\n', reader->length - i);
    i = newline ? (size_t)(newline - reader->window) + 1 : reader->length;
  }
  count_lines(reader, reader->at);
  ret_item->place.line = reader->line;
  ret_item->place.column = reader->column;
  ret_item->place.offset = reader->base + reader->at;
  if (ret_item->kind == DBA_SQL_COPY_DATA) {
    ret_item->text = reader->window + reader->at;
    ret_item->length = ret_item->place.length = i - reader->at;
  }
  reader->at = i;
  return true;
}

// False when a zero byte is in it: whatever reads it next would take that for its end.
static bool finish_item(DbaSqlReader *reader, DbaSqlItem *item, DbaSqlKind kind, size_t before, size_t start, size_t end, GError **error) {
  while (end > start && g_ascii_isspace(reader->window[end - 1]))
    end--;
  const char *zero = memchr(reader->window + start, 0, end - start);
  if (zero)
    return fail_at(reader, (size_t)(zero - reader->window), "a zero byte", error);
  count_lines(reader, start);
  *item = (DbaSqlItem){.kind = kind,
                       .text = reader->window + start,
                       .length = end - start,
                       .before = reader->window + before,
                       .before_length = start - before,
                       .place = {reader->name, reader->line, reader->column, reader->base + start, end - start}};
  return true;
}

bool dba_sql_next(DbaSqlReader *reader, DbaSqlItem *ret_item, bool *ret_end, GError **error) {
  slide(reader, reader->at);
  *ret_end = false;
  if (reader->in_copy)
    return next_copy(reader, ret_item, error);
  Words words = {0};
  size_t i = reader->at, before = reader->at, start = 0, last = 0; // last: end of the last token
  bool begun = false;
  for (;;) {
    int c = byte_at(reader, i);
    if (begun && i - start > DBA_SQL_STATEMENT_LIMIT_BYTES)
      return fail_at(reader, start, "a statement is longer than 4 MB", error);
    if (c < 0)
      break;
    if (c == '\n' && reader->copy_pending && !begun) {
      reader->copy_pending = false;
      reader->in_copy = true;
      reader->at = i + 1;
      return next_copy(reader, ret_item, error);
    }
    if (g_ascii_isspace(c)) {
      i++;
      continue;
    }
    int next = byte_at(reader, i + 1);
    if (c == '-' && next == '-') {
      skip_line(reader, &i);
      if (!begun && i - before > BEFORE_LIMIT) {
        reader->at = i;
        slide(reader, i);
        i = before = reader->at;
      }
      continue;
    }
    if (c == '/' && next == '*') {
      size_t comment = i;
      i += 2;
      if (!skip_comment(reader, &i))
        return fail_at(reader, comment, "a comment is not closed", error);
      continue;
    }
    if (c == '\\') {
      if (begun && (next == ';' || next == ':')) { // psql's escaped semicolon and colon
        i += 2;
        continue;
      }
      size_t command = i;
      skip_line(reader, &i);
      if (!begun) {
        if (!finish_item(reader, ret_item, DBA_SQL_META, before, command, i, error))
          return false;
        reader->at = i;
        return true;
      }
      // A command behind a statement (\g, \gexec, \gset ...) ends it; the command itself is the next item.
      if (!finish_item(reader, ret_item, DBA_SQL_STATEMENT, before, start, last, error))
        return false;
      ret_item->terminated = true;
      reader->at = command;
      return true;
    }
    if (c == ';' && !words.parens && !words.begins) {
      i++;
      if (!begun) { // an empty statement
        before = i;
        continue;
      }
      if (!finish_item(reader, ret_item, DBA_SQL_STATEMENT, before, start, last, error))
        return false;
      ret_item->terminated = true;
      reader->at = i;
      reader->copy_pending = words.from_stdin;
      return true;
    }
    if (!begun) {
      begun = true;
      start = i;
    }
    size_t token = i++;
    bool closed = true;
    if (is_identifier_start(c)) {
      while (is_identifier(byte_at(reader, i)))
        i++;
      size_t length = i - token;
      int quote = byte_at(reader, i);
      if (length == 1 && (c == 'e' || c == 'E') && quote == '\'') {
        i++;
        do
          closed = skip_quoted(reader, &i, '\'', true);
        while (closed && continues(reader, &i));
      } else {
        see_word(&words, reader->window + token, length);
      }
    } else if (c == '\'' || c == '"') {
      closed = skip_quoted(reader, &i, c, false);
      words.from = false;
    } else if (c == '$') {
      bool quote;
      i = token;
      closed = skip_dollar(reader, &i, &quote);
    } else if (c == '(') {
      words.parens++;
    } else if (c == ')') {
      words.parens -= words.parens > 0;
    } else if (g_ascii_isdigit(c)) {
      while (is_identifier(byte_at(reader, i))) // $1 and 1e5 are no words; a '$' behind a digit opens no quote
        i++;
    }
    if (!closed)
      return fail_at(reader, token, c == '"' ? "a quoted name is not closed" : "a string is not closed", error);
    last = i;
  }
  if (!begun) {
    reader->at = i;
    *ret_end = true;
    return true;
  }
  if (!finish_item(reader, ret_item, DBA_SQL_STATEMENT, before, start, last, error))
    return false;
  reader->at = i;
  reader->copy_pending = false;
  return true;
}

bool dba_sql_is_fragment(const char *text) {
  g_autofree char *ended = g_strconcat(text, "\n;", NULL); // ends here and only here: brackets and quotes are closed
  g_autoptr(DbaSqlReader) reader = dba_sql_reader_text("fragment", ended, strlen(ended));
  DbaSqlItem item = {0};
  bool end = false;
  if (!dba_sql_next(reader, &item, &end, NULL))
    return false;
  if (end)
    return true; // empty
  if (item.kind != DBA_SQL_STATEMENT || !item.terminated || item.place.offset + item.length > strlen(text))
    return false;
  return dba_sql_next(reader, &item, &end, NULL) && end;
}

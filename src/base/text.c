// SPDX-License-Identifier: Apache-2.0
// Text for people: suggestions, places with a caret, sizes, durations, escaping.
#include "base/base.h"

#include <math.h>
#include <string.h>

// Optimal string alignment: insert, delete, change, swap of neighbours.  Words of the command line are short.
static unsigned distance(const char *a, const char *b) {
  enum { LONGEST = 64 };
  size_t la = strlen(a), lb = strlen(b);
  if (la > LONGEST || lb > LONGEST)
    return G_MAXUINT;
  unsigned d[LONGEST + 1][LONGEST + 1];
  for (size_t i = 0; i <= la; i++)
    d[i][0] = (unsigned)i;
  for (size_t j = 0; j <= lb; j++)
    d[0][j] = (unsigned)j;
  for (size_t i = 1; i <= la; i++)
    for (size_t j = 1; j <= lb; j++) {
      unsigned cost = g_ascii_tolower(a[i - 1]) != g_ascii_tolower(b[j - 1]);
      d[i][j] = MIN(MIN(d[i - 1][j] + 1, d[i][j - 1] + 1), d[i - 1][j - 1] + cost);
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = MIN(d[i][j], d[i - 2][j - 2] + 1);
    }
  return d[la][lb];
}

const char *dba_text_nearest(const char *word, const char *const *candidates) {
  const char *best = NULL;
  unsigned best_distance = (unsigned)strlen(word) / 3 + 1;
  for (; *candidates; candidates++) {
    unsigned found = distance(word, *candidates);
    if (found <= best_distance && (!best || found < best_distance)) {
      best = *candidates;
      best_distance = found;
    }
  }
  return best;
}

void dba_text_locate(const char *text, size_t length, size_t offset, uint32_t *ret_line, uint32_t *ret_column) {
  uint32_t line = 1, column = 1;
  for (size_t i = 0; i < offset && i < length; i++) {
    if (text[i] == '\n') {
      line++;
      column = 1;
    } else if (((unsigned char)text[i] & 0xC0) != 0x80) {
      column++;
    }
  }
  *ret_line = line;
  *ret_column = column;
}

size_t dba_text_character_offset(const char *text, size_t length, int position) {
  size_t offset = 0;
  for (int seen = 1; seen < position && offset < length; seen++)
    do
      offset++;
    while (offset < length && ((unsigned char)text[offset] & 0xC0) == 0x80);
  return offset;
}

char *dba_text_caret(const char *file, const char *text, size_t length, size_t offset, const char *message) {
  return dba_text_caret_within(file, 1, 1, text, length, offset, message);
}

char *dba_text_caret_within(const char *file, uint32_t start_line, uint32_t start_column, const char *text, size_t length, size_t offset,
                            const char *message) {
  enum { BEFORE = 60, AFTER = 40 };
  uint32_t line, column;
  offset = MIN(offset, length);
  dba_text_locate(text, length, offset, &line, &column);
  column += line == 1 ? start_column - 1 : 0;
  line += start_line - 1;
  size_t start = offset, end = offset;
  while (start > 0 && text[start - 1] != '\n')
    start--;
  while (end < length && text[end] != '\n')
    end++;
  bool cut_start = offset - start > BEFORE, cut_end = end - offset > AFTER;
  if (cut_start)
    for (start = offset - BEFORE; start < offset && ((unsigned char)text[start] & 0xC0) == 0x80; start++)
      ;
  if (cut_end)
    for (end = offset + AFTER; end > offset && ((unsigned char)text[end] & 0xC0) == 0x80; end--)
      ;
  g_autofree char *raw_before = g_strndup(text + start, offset - start), *raw_after = g_strndup(text + offset, end - offset);
  g_autofree char *valid_before = g_utf8_make_valid(raw_before, -1), *valid_after = g_utf8_make_valid(raw_after, -1);
  g_autofree char *before = dba_text_printable(valid_before, false), *after = dba_text_printable(valid_after, false);
  g_autofree char *gutter = g_strdup_printf("%5u | ", line);
  GString *out = g_string_new(NULL);
  g_string_append_printf(out, "%s:%u:%u: %s\n%s%s%s%s%s\n", file, line, column, message, gutter, cut_start ? "..." : "", before, after,
                         cut_end ? "..." : "");
  for (long i = 0; i < (long)strlen(gutter) + (cut_start ? 3 : 0) + g_utf8_strlen(before, -1); i++)
    g_string_append_c(out, ' ');
  g_string_append_c(out, '^');
  return g_string_free(out, FALSE);
}

// Three significant digits at most, none behind the point from 10 up.
static char *scaled(double value, double base, const char *const *units) {
  size_t i = 0;
  while (fabs(value) >= base && units[i + 1]) {
    value /= base;
    i++;
  }
  const char *format = fabs(value) < 9.95 && i ? "%.1f%s%s" : "%.0f%s%s";
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  return g_strdup_printf(format, value, *units[i] ? " " : "", units[i]);
#pragma GCC diagnostic pop
}

char *dba_text_bytes(int64_t bytes) {
  static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB", "PB", NULL};
  return scaled((double)bytes, 1024, units);
}

char *dba_text_count(double count) {
  static const char *const units[] = {"", "k", "M", "G", "T", NULL};
  if (fabs(count) < 10000)
    return g_strdup_printf("%.0f", count);
  return scaled(count, 1000, units);
}

char *dba_text_duration(double ms) {
  if (ms < 0.0995)
    return g_strdup_printf("%.3f ms", ms);
  if (ms < 9.95)
    return g_strdup_printf("%.2f ms", ms);
  if (ms < 1000)
    return g_strdup_printf("%.0f ms", ms);
  if (ms < 60e3)
    return g_strdup_printf("%.1f s", ms / 1e3);
  if (ms < 3600e3)
    return g_strdup_printf("%.0f min %.0f s", floor(ms / 60e3), fmod(ms / 1e3, 60));
  if (ms >= 2 * 86400e3)
    return g_strdup_printf("%.0f days", ms / 86400e3);
  return g_strdup_printf("%.0f h %.0f min", floor(ms / 3600e3), fmod(ms / 60e3, 60));
}

char *dba_text_html(const char *text) {
  GString *out = g_string_new(NULL);
  g_autofree char *valid = g_utf8_make_valid(text ? text : "", -1);
  for (const char *p = valid; *p; p++) {
    switch (*p) {
    case '&': g_string_append(out, "&amp;"); break;
    case '<': g_string_append(out, "&lt;"); break;
    case '>': g_string_append(out, "&gt;"); break;
    case '"': g_string_append(out, "&quot;"); break;
    case '\'': g_string_append(out, "&#39;"); break;
    default:
      if ((unsigned char)*p >= ' ' || *p == '\n' || *p == '\t')
        g_string_append_c(out, *p);
    }
  }
  return g_string_free(out, FALSE);
}

char *dba_text_printable(const char *text, bool keep_lines) {
  GString *out = g_string_new(NULL);
  g_autofree char *valid = g_utf8_make_valid(text, -1);
  for (char *p = valid; *p; p = g_utf8_next_char(p)) {
    gunichar c = g_utf8_get_char(p);
    if (c == '\n' && keep_lines)
      g_string_append_c(out, '\n');
    else if (c == '\t' || c == '\n')
      g_string_append_c(out, ' ');
    else if (c < ' ' || (c >= 0x7f && c < 0xa0) || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069))
      g_string_append(out, "\xEF\xBF\xBD"); // control and bidirectional override characters
    else
      g_string_append_unichar(out, c);
  }
  return g_string_free(out, FALSE);
}

// A parameter of a URI may have its name written in percents too.
static char *hide_parameters(const char *text) {
  g_autoptr(GRegex) parameter = g_regex_new("([?&])([^=&\\s]+)=([^&\\s]*)", 0, 0, NULL);
  g_autoptr(GMatchInfo) match = NULL;
  g_autoptr(GString) out = g_string_new(NULL);
  int at = 0, begin, end;
  for (g_regex_match(parameter, text, 0, &match); g_match_info_matches(match); g_match_info_next(match, NULL)) {
    g_autofree char *written = g_match_info_fetch(match, 2), *name = g_uri_unescape_string(written, NULL);
    g_match_info_fetch_pos(match, 3, &begin, &end);
    g_string_append_len(out, text + at, begin - at);
    if (!name || strstr(name, "pass"))
      g_string_append(out, "***");
    else
      g_string_append_len(out, text + begin, end - begin);
    at = end;
  }
  g_string_append(out, text + at);
  return g_strdup(out->str);
}

char *dba_text_one_line(const char *text) {
  g_autofree char *safe = dba_text_printable(text, false);
  GString *out = g_string_new(NULL);
  for (const char *p = g_strstrip(safe); *p; p++)
    if (!g_ascii_isspace(*p) || !g_ascii_isspace(p[1]))
      g_string_append_c(out, g_ascii_isspace(*p) ? ' ' : *p);
  return g_string_free(out, FALSE);
}

char *dba_text_hide_password(const char *conninfo) {
  g_autoptr(GRegex) uri = g_regex_new("(://[^/@:\\s]*:)[^?\\s]*@", 0, 0, NULL);
  g_autoptr(GRegex) keyword =
      g_regex_new("((?:password|sslpassword|passfile)\\s*=\\s*)('(?:[^'\\\\]|\\\\.)*'|(?:\\\\.|[^\\s&\\\\])+)", G_REGEX_CASELESS, 0, NULL);
  g_autofree char *valid = g_utf8_make_valid(conninfo, -1);
  g_autofree char *step = g_regex_replace(uri, valid, -1, 0, "\\1***@", 0, NULL);
  g_autofree char *words = g_regex_replace(keyword, step, -1, 0, "\\1***", 0, NULL);
  return strstr(words, "://") ? hide_parameters(words) : g_steal_pointer(&words);
}

double dba_text_read_seconds(const char *text) {
  static const struct {
    const char *unit;
    double seconds;
  } units[] = {{"", 1}, {"s", 1}, {"ms", 1e-3}, {"m", 60}, {"min", 60}, {"h", 3600}, {"d", 86400}};
  char *end;
  double value = g_ascii_strtod(text, &end);
  while (*end == ' ')
    end++;
  for (size_t i = 0; i < G_N_ELEMENTS(units); i++)
    if (end != text && !strcmp(end, units[i].unit) && value >= 0 && value * units[i].seconds < 1e12)
      return value * units[i].seconds;
  return -1;
}

int64_t dba_text_read_bytes(const char *text) {
  static const struct {
    const char *unit;
    double bytes;
  } units[] = {{"", 1},        {"B", 1},      {"kB", 1024},    {"MB", 0x1p20}, {"GB", 0x1p30},
               {"TB", 0x1p40}, {"KiB", 1024}, {"MiB", 0x1p20}, {"GiB", 0x1p30}};
  char *end;
  double value = g_ascii_strtod(text, &end);
  while (*end == ' ')
    end++;
  for (size_t i = 0; i < G_N_ELEMENTS(units); i++)
    if (end != text && !g_ascii_strcasecmp(end, units[i].unit) && value > 0 && value * units[i].bytes < 1e18)
      return (int64_t)(value * units[i].bytes);
  return -1;
}

void dba_text_append_wrapped(GString *out, const char *text, unsigned width, unsigned indent) {
  glong column = indent;
  bool first = true;
  g_auto(GStrv) words = g_strsplit_set(text, " \n", -1);
  for (char **word = words; *word; word++) {
    if (!**word)
      continue;
    glong length = g_utf8_strlen(*word, -1);
    if (!first && column + 1 + length > (glong)width) {
      g_string_append_printf(out, "\n%*s", (int)indent, "");
      column = indent;
    } else if (!first) {
      g_string_append_c(out, ' ');
      column++;
    }
    g_string_append(out, *word);
    column += length;
    first = false;
  }
}

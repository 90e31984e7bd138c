// SPDX-License-Identifier: Apache-2.0
// Numbers and moments as places on a line.
#include "survey/line.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_SCALE = 20, MOST_DIGITS = 28 };

// 12.5e-3 as a whole number and how many digits stand behind the point.
bool dba_line_read_number(const char *text, DbaUnits *ret_digits, int *ret_scale) {
  const char *p = text + (*text == '-' || *text == '+');
  DbaUnits digits = 0;
  int scale = 0;
  unsigned n = 0;
  bool point = false;
  for (; g_ascii_isdigit(*p) || (*p == '.' && !point); p++) {
    if (*p == '.') {
      point = true;
      continue;
    }
    if (digits || *p != '0')
      n++;
    if (n > MOST_DIGITS)
      return false;
    digits = digits * 10 + (*p - '0');
    scale += point;
  }
  if (p == text + (*text == '-' || *text == '+'))
    return false;
  if (*p == 'e' || *p == 'E') {
    char *end;
    long exponent = strtol(p + 1, &end, 10);
    if (end == p + 1 || exponent > MOST_DIGITS || exponent < -MOST_DIGITS)
      return false;
    p = end;
    scale -= (int)exponent;
  }
  for (; scale < 0; scale++, digits *= 10)
    if (digits && ++n > MOST_DIGITS)
      return false;
  *ret_digits = *text == '-' ? -digits : digits;
  *ret_scale = scale;
  return !*p && scale <= MOST_SCALE;
}

// Exactly `n` figures at *p, behind a mark where there is one.
static bool read_figures(const char **p, char mark, unsigned n, unsigned *ret_value) {
  *ret_value = 0;
  if (mark && *(*p)++ != mark)
    return false;
  for (; n && g_ascii_isdigit(**p); n--, (*p)++)
    *ret_value = *ret_value * 10 + (unsigned)(**p - '0');
  return !n;
}

// 2024-05-06 07:08:09.5+00 as microseconds; *ret_rest is what follows the date.
bool dba_line_read_moment(const char *text, DbaUnits *ret_us, const char **ret_rest) {
  unsigned year, month, day, hour = 0, minute = 0, second = 0, fraction = 0;
  const char *p = text;
  if (!read_figures(&p, 0, 4, &year) || !read_figures(&p, '-', 2, &month) || !read_figures(&p, '-', 2, &day) || month < 1 || month > 12 ||
      day < 1 || day > 31 || !g_date_valid_dmy((GDateDay)day, (GDateMonth)month, (GDateYear)year))
    return false;
  *ret_rest = p;
  if (*p) {
    char mark = *p == 'T' ? 'T' : ' ';
    if (!read_figures(&p, mark, 2, &hour) || !read_figures(&p, ':', 2, &minute) || (*p == ':' && !read_figures(&p, ':', 2, &second)))
      return false;
    unsigned place = 100000;
    for (p += *p == '.'; g_ascii_isdigit(*p); p++, place /= 10)
      fraction += (unsigned)(*p - '0') * place;
  }
  if (*p && strcmp(p, "+00") && strcmp(p, "Z")) // the survey's own texts are in UTC
    return false;
  GDate date;
  g_date_clear(&date, 1);
  g_date_set_dmy(&date, (GDateDay)day, (GDateMonth)month, (GDateYear)year);
  *ret_us = (DbaUnits)g_date_get_julian(&date) * DBA_LINE_DAY_US + (DbaUnits)((hour * 60 + minute) * 60 + second) * 1000000 + fraction;
  return true;
}

const char *dba_line_write_number(DbaArena *arena, DbaUnits at, unsigned decimals) {
  char digits[64];
  size_t n = 0;
  bool negative = at < 0;
  for (DbaUnits left = negative ? -at : at; left || n <= decimals; left /= 10)
    digits[n++] = (char)('0' + (int)(left % 10));
  g_autoptr(GString) out = g_string_new(negative ? "-" : "");
  while (n--) {
    g_string_append_c(out, digits[n]);
    if (n == decimals && n)
      g_string_append_c(out, '.');
  }
  return dba_arena_text(arena, out->str);
}

const char *dba_line_write_moment(DbaArena *arena, DbaUnits us, const char *rest) {
  GDate date;
  g_date_clear(&date, 1);
  g_date_set_julian(&date, (guint32)(us / DBA_LINE_DAY_US));
  DbaUnits left = us % DBA_LINE_DAY_US;
  const char *zone = rest + (*rest ? 1 + strspn(rest + 1, "0123456789:.") : 0);
  g_autoptr(GString) out = g_string_new(NULL);
  g_string_printf(out, "%04d-%02d-%02d", g_date_get_year(&date), g_date_get_month(&date), g_date_get_day(&date));
  if (*rest) {
    int64_t seconds = (int64_t)(left / 1000000), fraction = (int64_t)(left % 1000000);
    g_string_append_printf(out, "%c%02d:%02d:%02d", *rest, (int)(seconds / 3600), (int)(seconds / 60 % 60), (int)(seconds % 60));
    if (fraction)
      g_string_append_printf(out, ".%06d", (int)fraction);
    g_string_append(out, zone);
  }
  return dba_arena_text(arena, out->str);
}

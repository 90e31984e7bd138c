// SPDX-License-Identifier: Apache-2.0
// The text of arrays, as array_in and array_out of arrayfuncs.c have it: braces, commas, double quotes, backslashes.
#include "sql/sql.h"

#include <string.h>

bool dba_sql_read_array(const char *text, DbaArena *arena, DbaList *ret_elements, uint32_t *ret_inner) {
  unsigned depth = 0;
  uint32_t inner = 0, in_this = 0;
  DbaList elements = {0};
  g_autoptr(GString) element = g_string_new(NULL);
  const char *p = text;
  if (*p != '{')
    return false;
  for (bool expect = true; *p;) {
    if (*p == '{' && expect) {
      if (++depth > 2)
        return false;
      in_this = 0;
      p++;
    } else if (*p == '}' && depth) {
      if (depth-- > 1 && in_this)
        inner = in_this;
      in_this = 0;
      expect = false;
      p++;
      if (!depth)
        break;
    } else if (*p == ',' && depth) {
      expect = true;
      p++;
    } else if (depth && expect) {
      bool quoted = *p == '"';
      g_string_truncate(element, 0);
      for (p += quoted; *p && (quoted ? *p != '"' : !strchr(",{}\"", *p)); p++) {
        p += *p == '\\';
        if (!*p)
          return false;
        g_string_append_c(element, *p);
      }
      if (quoted && *p++ != '"')
        return false;
      dba_list_add_text(arena, &elements, !quoted && !strcmp(element->str, "NULL") ? NULL : element->str);
      in_this++;
      expect = false;
    } else
      return false;
  }
  if (depth || *p)
    return false;
  *ret_elements = elements;
  if (ret_inner)
    *ret_inner = inner;
  return true;
}

static void append(GString *out, const char *element) {
  if (!element) {
    g_string_append(out, "NULL");
    return;
  }
  bool quotes = !*element || !g_ascii_strcasecmp(element, "null") || strpbrk(element, "{},\"\\ \t\n\r\v\f");
  g_string_append(out, quotes ? "\"" : "");
  for (const char *p = element; *p; p++) {
    if (*p == '"' || *p == '\\')
      g_string_append_c(out, '\\');
    g_string_append_c(out, *p);
  }
  g_string_append(out, quotes ? "\"" : "");
}

char *dba_sql_write_array(const DbaList *elements, uint32_t inner) {
  GString *out = g_string_new("{");
  for (uint32_t i = 0; i < elements->n; i++) {
    g_string_append(out, i ? "," : "");
    if (inner && i % inner == 0)
      g_string_append_c(out, '{');
    append(out, dba_list_text(elements, i));
    if (inner && (i + 1) % inner == 0)
      g_string_append_c(out, '}');
  }
  g_string_append_c(out, '}');
  return g_string_free(out, FALSE);
}

// SPDX-License-Identifier: Apache-2.0
// Rows to records: a column of a result goes to the field of the same name.
#include "server/server-int.h"

#include "server-sql.h"

#include <string.h>

char *dba_server_sql(const DbaServer *server, const char *name) {
  const char *text = dba_embedded_server_sql(name);
  g_assert(text != NULL);
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  GString *sql = g_string_new(NULL);
  for (char **line = lines; *line; line++) {
    const char *kept = *line;
    if (g_str_has_prefix(kept, "--@ ")) {
      char *rest;
      if (g_ascii_strtoll(kept + 4, &rest, 10) > dba_server_major(server))
        continue;
      kept = rest;
    }
    g_string_append_printf(sql, "%s\n", kept);
  }
  return g_string_free(sql, FALSE);
}

bool dba_server_exec_lines(DbaServer *server, const char *name, GError **error) {
  g_autofree char *text = dba_server_sql(server, name);
  g_auto(GStrv) lines = g_strsplit(g_strchomp(text), "\n", -1);
  for (char **line = lines; *line; line++)
    if (!g_str_has_prefix(*line, "--") && !dba_server_exec(server, *line, error))
      return false;
  return true;
}

DbaResult *dba_server_query_named(DbaServer *server, const char *name, GError **error) {
  g_autofree char *sql = dba_server_sql(server, name);
  DbaResult *result = dba_server_query(server, sql, NULL, error);
  if (!result)
    g_prefix_error(error, "reading %s: ", name);
  return result;
}

struct DbaRowMap {
  int columns;
  const DbaField *fields[64];
};

DbaRowMap *dba_row_map_new(const DbaResult *result, const DbaRecord *record, const char *const *other_columns, GError **error) {
  g_autoptr(DbaRowMap) map = g_new0(DbaRowMap, 1);
  map->columns = dba_result_columns(result);
  for (int i = 0; i < map->columns; i++) {
    const char *name = dba_result_name(result, i);
    if (other_columns && g_strv_contains(other_columns, name))
      continue;
    if (i >= (int)G_N_ELEMENTS(map->fields) || !(map->fields[i] = dba_record_field(record, name))) {
      dba_fail(error, DBA_ERROR_BUG, "a query gives column \"%s\", which a %s does not have", name, record->name);
      return NULL;
    }
  }
  return g_steal_pointer(&map);
}

void dba_row_map_free(DbaRowMap *map) { g_free(map); }

// The text form of a one-dimensional array (array_out): {a,"b c",NULL}.
static void read_array(DbaArena *arena, const char *text, DbaList *list) {
  g_autoptr(GString) element = g_string_new(NULL);
  const char *p = text;
  if (*p == '[') // explicit bounds
    p = strchr(p, '{') ? strchr(p, '{') : p + strlen(p);
  if (*p++ != '{')
    return;
  while (*p && *p != '}') {
    bool quoted = *p == '"';
    g_string_truncate(element, 0);
    if (quoted) {
      for (p++; *p && *p != '"'; p++) {
        if (*p == '\\' && p[1])
          p++;
        g_string_append_c(element, *p);
      }
      p += *p == '"';
    } else {
      for (; *p && *p != ',' && *p != '}'; p++)
        g_string_append_c(element, *p);
    }
    if (quoted || strcmp(element->str, "NULL"))
      dba_list_add_text(arena, list, element->str);
    p += *p == ',';
  }
}

void dba_row_map_read(const DbaRowMap *map, DbaArena *arena, const DbaResult *result, int row, void *item) {
  for (int i = 0; i < map->columns; i++) {
    const DbaField *field = map->fields[i];
    const char *text = field ? dba_result_text(result, row, i) : NULL;
    if (!text)
      continue;
    void *x = (char *)item + field->offset;
    switch (field->kind) {
    case DBA_FIELD_BOOL: *(bool *)x = *text == 't'; break;
    case DBA_FIELD_INT: *(int64_t *)x = g_ascii_strtoll(text, NULL, 10); break;
    case DBA_FIELD_REAL: *(double *)x = g_ascii_strtod(text, NULL); break;
    case DBA_FIELD_TEXT: *(const char **)x = dba_arena_text(arena, text); break;
    case DBA_FIELD_TEXTS: read_array(arena, text, x); break;
    case DBA_FIELD_INTS:
    case DBA_FIELD_RECORDS:
    case DBA_FIELD_RECORD: g_assert_not_reached();
    }
  }
}

bool dba_server_read_list(DbaServer *server, DbaArena *arena, const char *query, const DbaRecord *record, DbaList *list, GError **error) {
  g_autoptr(DbaResult) result = dba_server_query_named(server, query, error);
  g_autoptr(DbaRowMap) map = result ? dba_row_map_new(result, record, NULL, error) : NULL;
  if (!map)
    return false;
  int rows = dba_result_rows(result);
  dba_list_reserve(arena, list, record->size, (uint32_t)rows);
  for (int row = 0; row < rows; row++)
    dba_row_map_read(map, arena, result, row, dba_list_add(arena, list, record->size));
  return true;
}

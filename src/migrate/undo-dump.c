// SPDX-License-Identifier: Apache-2.0
// What is gone, made again as pg_dump writes it: relations on their own, anything else as its part of a dump of the whole state.
#include "migrate/undo-int.h"

#include <string.h>

// What stands behind a relation or a part that is not the statement itself; without the ";" at its end.
static char *without_rest(const char *text) {
  g_autoptr(GString) sql = g_string_new(NULL);
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  bool begun = false; // behind the settings that pg_dump begins with
  for (char **line = lines; *line; line++) {
    begun = begun || g_str_has_prefix(*line, "CREATE ") || g_str_has_prefix(*line, "ALTER ");
    if (begun && !g_str_has_prefix(*line, "\\unrestrict ") && !g_str_has_suffix(*line, " OWNER TO " DBA_LAB_SUBJECT_ROLE ";"))
      g_string_append_printf(sql, "%s\n", *line);
  }
  char *last = g_strrstr(sql->str, "--\n-- PostgreSQL database dump complete");
  if (last)
    g_string_truncate(sql, (gsize)(last - sql->str));
  while (sql->len && strchr("\n;", sql->str[sql->len - 1]))
    g_string_truncate(sql, sql->len - 1);
  return sql->len ? g_strdup(sql->str) : NULL;
}

static bool dump_relation(DbaUndo *undo, const DbaCatalogDifference *difference, char **ret_sql, GError **error) {
  g_autofree char *text = NULL;
  g_autoptr(GError) problem = NULL;
  if (!dba_lab_dump_relation(undo->lab, undo->before, difference->name, !strcmp(difference->noun, "partitioned table"), &text, &problem)) {
    if (!g_error_matches(problem, DBA_ERROR, DBA_ERROR_DATABASE))
      return g_propagate_error(error, g_steal_pointer(&problem)), false;
    return true; // not in the role's power: it is not found then
  }
  if (!strcmp(difference->noun, "materialized view")) {
    g_autoptr(GString) filled = g_string_new(text);
    (void)g_string_replace(filled, "WITH NO DATA;", "WITH DATA;", 0);
    *ret_sql = without_rest(filled->str);
  } else
    *ret_sql = without_rest(text);
  return true;
}

// pg_dump writes a statement to a paragraph.
char *dba_undo_without_indexes(const char *sql) {
  static const char *const kinds[] = {"CREATE INDEX ", "CREATE UNIQUE INDEX ", "ALTER INDEX "};
  if (!strstr(sql, "\nALTER INDEX "))
    return NULL;
  g_auto(GStrv) paragraphs = g_strsplit(sql, "\n\n", -1);
  g_autoptr(GString) out = g_string_new(NULL);
  for (char **paragraph = paragraphs; *paragraph; paragraph++) {
    const char *text = *paragraph + strspn(*paragraph, "\n");
    bool index = strstr(text, "\n    ADD CONSTRAINT ") && (strstr(text, " PRIMARY KEY (") || strstr(text, " UNIQUE "));
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
      index = index || g_str_has_prefix(text, kinds[i]);
    if (!index)
      g_string_append_printf(out, "%s%s", out->len ? "\n\n" : "", *paragraph);
  }
  while (out->len && strchr("\n;", out->str[out->len - 1]))
    g_string_truncate(out, out->len - 1);
  return g_strdup(out->str);
}

// ---- a part of the whole --------------------------------------------------------------------------------------------

// What a dump calls it: "-- Name: pair; Type: TYPE; Schema: shop; Owner: -".
static const struct {
  const char *noun, *type;
} types[] = {{"type", "TYPE"},
             {"composite type", "TYPE"},
             {"aggregate", "AGGREGATE"},
             {"collation", "COLLATION"},
             {"conversion", "CONVERSION"},
             {"cast", "CAST"},
             {"operator", "OPERATOR"},
             {"operator class", "OPERATOR CLASS"},
             {"operator family", "OPERATOR FAMILY"},
             {"text search configuration", "TEXT SEARCH CONFIGURATION"},
             {"text search dictionary", "TEXT SEARCH DICTIONARY"},
             {"publication", "PUBLICATION"},
             {"event trigger", "EVENT TRIGGER"}};

static char *without(const char *text, const char *characters) {
  g_autoptr(GString) out = g_string_new(NULL);
  for (; *text; text++)
    if (!strchr(characters, *text))
      g_string_append_c(out, *text);
  return g_strdup(out->str);
}

// The name as a header has it: "shop.total(integer)", "CAST (text AS shop.pair)".
static bool is_named(const char *schema, const char *name, const DbaCatalogDifference *difference) {
  bool none = !strcmp(schema, "-");
  g_autofree char *quoted = dba_sql_name(none ? NULL : schema, name), *within = dba_sql_name(NULL, schema),
                  *raw = none ? g_strdup(name) : g_strconcat(within, ".", name, NULL);
  g_autoptr(GString) wanted = g_string_new(difference->name);
  (void)g_string_replace(wanted, "pg_catalog.", "", 0);
  if (!strcmp(difference->noun, "cast"))
    g_string_prepend(wanted, "CAST ");
  char *behind = strstr(wanted->str, " USING "); // the access method of an operator class
  if (behind)
    g_string_truncate(wanted, (gsize)(behind - wanted->str));
  if (!strcmp(difference->noun, "aggregate")) { // without quotes there, and with blanks between the types
    g_autofree char *theirs = without(raw, "\" "), *ours = without(wanted->str, "\" ");
    return !strcmp(theirs, ours);
  }
  size_t length = strlen(raw);
  bool operator_of = !strcmp(difference->noun, "operator") && !strncmp(wanted->str, raw, length) && wanted->str[length] == '(';
  return !strcmp(wanted->str, quoted) || !strcmp(wanted->str, raw) || operator_of;
}

// "; Type: " and its like end a field.
static char *field_of(const char *line, const char *begin, const char *end) {
  const char *from = strstr(line, begin), *to = from ? strstr(from + strlen(begin), end) : NULL;
  return to ? g_strndup(from + strlen(begin), (gsize)(to - from - strlen(begin))) : g_strdup("");
}

// The last header in what stands before a statement: what stands within one is its own text.
static bool read_header(const DbaSqlItem *item, const char *type, const DbaCatalogDifference *difference, bool *ours) {
  g_autofree char *before = g_strndup(item->before, item->before_length);
  const char *line = g_strrstr(before, "\n-- Name: ");
  if (!line)
    return false;
  g_autofree char *header = g_strndup(line + 1, strcspn(line + 1, "\n")), *name = field_of(header, "-- Name: ", "; Type: "),
                  *is = field_of(header, "; Type: ", "; Schema: "), *schema = field_of(header, "; Schema: ", "; Owner: ");
  *ours = !strcmp(is, type) && is_named(schema, name, difference);
  return true;
}

// The statements under the header of what is looked for.
static bool find_part(const char *dump, const char *type, const DbaCatalogDifference *difference, char **ret_sql, GError **error) {
  g_autoptr(DbaSqlReader) reader = dba_sql_reader_text("dump", dump, strlen(dump));
  g_autoptr(GString) sql = g_string_new(NULL);
  bool ours = false, end = false;
  dba_sql_reader_set_tolerant(reader, true);
  for (;;) {
    DbaSqlItem item;
    if (!dba_sql_next(reader, &item, &end, error))
      return false;
    if (end || (read_header(&item, type, difference, &ours) && !ours && sql->len))
      break;
    g_autofree char *text = g_strndup(item.text, item.length);
    if (ours && item.kind == DBA_SQL_STATEMENT && !g_str_has_suffix(text, " OWNER TO " DBA_LAB_SUBJECT_ROLE))
      g_string_append_printf(sql, "%s%s", sql->len ? ";\n\n" : "", text);
  }
  *ret_sql = sql->len ? g_strdup(sql->str) : NULL;
  return true;
}

bool dba_undo_dumped(DbaUndo *undo, const DbaCatalogDifference *difference, char **ret_sql, GError **error) {
  static const char *const relations[] = {"table", "partitioned table", "foreign table", "view", "materialized view", "sequence", NULL};
  if (g_strv_contains(relations, difference->noun))
    return dump_relation(undo, difference, ret_sql, error);
  for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
    if (strcmp(types[i].noun, difference->noun))
      continue;
    if (!undo->dump && !dba_lab_dump_relation(undo->lab, undo->before, NULL, false, &undo->dump, error))
      return false;
    if (!find_part(undo->dump, types[i].type, difference, ret_sql, error))
      return false;
  }
  return true;
}

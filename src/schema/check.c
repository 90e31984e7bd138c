// SPDX-License-Identifier: Apache-2.0
// Is a schema that came from a file only a schema?
//
// A survey may be a stranger's.  What is written into SQL as it stands (expressions, types, definitions, words) must be one
// piece of one statement: no end of statement, no open quote or comment, no psql command, and definitions must be of the kind
// and the name that they claim.  The check is the splitter's, not the parser's, so that newer servers' syntax passes.
#include "schema/schema-int.h"

#include "sql/sql.h"

#include <string.h>

typedef struct Check {
  const char *file;
  GError **error;
} Check;

static bool wrong(const Check *check, const char *path, const char *field, const char *fact) {
  return dba_fail(check->error, DBA_ERROR_INPUT, "%s: %s: \"%s\" %s", check->file, path, field, fact);
}

static bool is_word(const char *text) {
  for (const char *p = text; *p; p++)
    if (!g_ascii_isalnum(*p) && *p != ' ' && *p != '_')
      return false;
  return true;
}

static bool is_option(const char *text) { // name=value, the value is quoted when written
  const char *equals = strchr(text, '=');
  for (const char *p = text; *p && p != equals; p++)
    if (!g_ascii_isalnum(*p) && *p != '.' && *p != '_')
      return false;
  return true;
}

static bool is_query(const char *text) {
  static const char *const starts[] = {"SELECT", "WITH", "VALUES", "TABLE", "("};
  while (g_ascii_isspace(*text))
    text++;
  for (size_t i = 0; i < G_N_ELEMENTS(starts); i++)
    if (!g_ascii_strncasecmp(text, starts[i], strlen(starts[i])))
      return true;
  return false;
}

static bool check_text(const Check *check, const char *path, const DbaField *field, const char *text) {
  switch ((DbaSchemaForm)(field->flags >> DBA_SCHEMA_FORM_SHIFT)) {
  case DBA_SCHEMA_NAME: return true; // quoted wherever it is written
  case DBA_SCHEMA_WORD: return is_word(text) || wrong(check, path, field->name, "is no plain word");
  case DBA_SCHEMA_OPTION: return is_option(text) || wrong(check, path, field->name, "is no option");
  case DBA_SCHEMA_QUERY:
    if (!is_query(text))
      return wrong(check, path, field->name, "is no query");
    G_GNUC_FALLTHROUGH;
  case DBA_SCHEMA_FRAGMENT: return dba_sql_is_fragment(text) || wrong(check, path, field->name, "is not one piece of one SQL statement");
  }
  return true;
}

static bool check_record(const Check *check, const DbaRecord *record, const void *item, const char *path);

static bool check_field(const Check *check, const DbaField *field, const void *value, const char *path) {
  switch (field->kind) {
  case DBA_FIELD_TEXT: {
    const char *text = *(const char *const *)value;
    return !text || check_text(check, path, field, text);
  }
  case DBA_FIELD_TEXTS:
    for (DBA_EACH_TEXT(text, (const DbaList *)value))
      if (*text && !check_text(check, path, field, *text))
        return false;
    return true;
  case DBA_FIELD_RECORDS: {
    const DbaList *list = value;
    for (uint32_t i = 0; i < list->n; i++)
      if (!check_record(check, field->of, (const char *)list->items + i * field->of->size, path))
        return false;
    return true;
  }
  case DBA_FIELD_RECORD: return check_record(check, field->of, value, path);
  case DBA_FIELD_BOOL:
  case DBA_FIELD_INT:
  case DBA_FIELD_REAL:
  case DBA_FIELD_INTS: return true;
  }
  return true;
}

static bool check_record(const Check *check, const DbaRecord *record, const void *item, const char *path) {
  g_autoptr(GString) below = g_string_new(path);
  for (const DbaField *field = record->fields; field->name; field++) {
    const char *const *name = (const void *)((const char *)item + field->offset);
    if ((field->flags & DBA_FIELD_NAMES) && field->kind == DBA_FIELD_TEXT && *name)
      g_string_append_printf(below, "%s%s", below->len ? "." : "", *name);
  }
  for (const DbaField *field = record->fields; field->name; field++)
    if (!check_field(check, field, (const char *)item + field->offset, below->str))
      return false;
  return true;
}

static bool starts(const char *text, const char *const *beginnings) {
  for (; *beginnings; beginnings++)
    if (g_str_has_prefix(text, *beginnings))
      return true;
  return false;
}

// Definitions that are whole statements must make what they belong to.
static bool check_definitions(const Check *check, const DbaSchema *schema) {
  static const char *const functions[] = {"CREATE OR REPLACE FUNCTION ", "CREATE OR REPLACE PROCEDURE ", NULL};
  static const char *const triggers[] = {"CREATE TRIGGER ", "CREATE CONSTRAINT TRIGGER ", NULL};
  static const char *const statistics[] = {"CREATE STATISTICS ", NULL};
  for (DBA_EACH(DbaFunction, x, &schema->functions))
    if (x->definition && !starts(x->definition, functions))
      return wrong(check, x->name, "definition", "makes no function");
  for (DBA_EACH(DbaStatisticsObject, x, &schema->statistics_objects))
    if (x->definition && !starts(x->definition, statistics))
      return wrong(check, x->name, "definition", "makes no statistics object");
  for (DBA_EACH(DbaRelation, relation, &schema->relations)) {
    g_autofree char *table = dba_sql_name(relation->schema, relation->name);
    for (DBA_EACH(DbaTrigger, x, &relation->triggers))
      if (x->definition && !starts(x->definition, triggers))
        return wrong(check, x->name, "definition", "makes no trigger");
    for (DBA_EACH(DbaIndex, x, &relation->indexes)) {
      g_autofree char *name = dba_sql_name(NULL, x->name),
                      *wanted = g_strdup_printf("CREATE %sINDEX %s ON %s%s USING ", x->unique ? "UNIQUE " : "", name,
                                                x->on_partitioned ? "ONLY " : "", table);
      if (x->definition && !g_str_has_prefix(x->definition, wanted))
        return wrong(check, x->name, "definition", "makes another index");
    }
  }
  return true;
}

bool dba_schema_check(const DbaSchema *schema, const char *file, GError **error) {
  Check check = {file, error};
  return check_record(&check, &dba_schema_record, schema, "") && check_definitions(&check, schema);
}

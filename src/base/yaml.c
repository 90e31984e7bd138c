// SPDX-License-Identifier: Apache-2.0
// YAML to records, through libfyaml.
//
// As strict as the reading of JSON: what a record does not know is an error with its place and what was probably meant.
#include "base/base.h"

#include <errno.h>
#include <libfyaml.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DEEPEST = 16 };

typedef struct Reader {
  DbaArena *arena;
  const char *name;
  GError **error;
} Reader;

static bool place_of(struct fy_node *node, unsigned *ret_line, unsigned *ret_column) {
  const struct fy_mark *mark = NULL;
  struct fy_token *token = node && fy_node_is_scalar(node) ? fy_node_get_scalar_token(node) : NULL;
  void *iter = NULL;
  if (token)
    mark = fy_token_start_mark(token);
  else if (node && fy_node_is_mapping(node)) { // where its first key stands
    struct fy_node_pair *pair = fy_node_mapping_iterate(node, &iter);
    return pair && place_of(fy_node_pair_key(pair), ret_line, ret_column);
  } else if (node && fy_node_is_sequence(node)) {
    struct fy_node *first = fy_node_sequence_iterate(node, &iter);
    return first && place_of(first, ret_line, ret_column);
  }
  if (!mark)
    return false;
  *ret_line = (unsigned)mark->line + 1;
  *ret_column = (unsigned)mark->column + 1;
  return true;
}

static bool wrong(const Reader *reader, struct fy_node *node, const char *format, ...) DBA_PRINTF(3, 4);
static bool wrong(const Reader *reader, struct fy_node *node, const char *format, ...) {
  unsigned line = 1, column = 1;
  va_list args;
  va_start(args, format);
  g_autofree char *fact = g_strdup_vprintf(format, args);
  va_end(args);
  (void)place_of(node, &line, &column);
  return dba_fail(reader->error, DBA_ERROR_INPUT, "%s:%u:%u: %s", reader->name, line, column, fact);
}

static bool unknown_key(const Reader *reader, struct fy_node *node, const char *key, const DbaRecord *record) {
  g_autoptr(GPtrArray) names = g_ptr_array_new();
  for (const DbaField *field = record->fields; field->name; field++)
    if (!(field->flags & DBA_FIELD_INTERNAL))
      g_ptr_array_add(names, (char *)(uintptr_t)field->name);
  g_ptr_array_add(names, NULL);
  const char *near = dba_text_nearest(key ? key : "", (const char *const *)names->pdata);
  return wrong(reader, node, "unknown key \"%s\" in %s%s%s%s", key ? key : "?", record->name, near ? " (did you mean \"" : "",
               near ? near : "", near ? "\"?)" : "");
}

static bool read_mapping(const Reader *reader, struct fy_node *node, const DbaRecord *record, void *item, unsigned depth);

static bool read_text(const Reader *reader, struct fy_node *node, const char *key, const char **ret_text) {
  const char *text = node && fy_node_is_scalar(node) ? fy_node_get_scalar0(node) : NULL;
  *ret_text = dba_arena_text(reader->arena, text);
  return text || wrong(reader, node, "%s must be text", key);
}

static bool read_list(const Reader *reader, struct fy_node *node, const DbaField *field, DbaList *list, unsigned depth) {
  void *iter = NULL;
  if (!fy_node_is_sequence(node))
    return wrong(reader, node, "%s must be a list", field->name);
  for (struct fy_node *entry; (entry = fy_node_sequence_iterate(node, &iter));) {
    const char *text;
    if (field->of) {
      if (!read_mapping(reader, entry, field->of, dba_list_add(reader->arena, list, field->of->size), depth + 1))
        return false;
    } else if (!read_text(reader, entry, field->name, &text))
      return false;
    else
      dba_list_add_text(reader->arena, list, text);
  }
  return true;
}

static bool read_number(const Reader *reader, struct fy_node *node, const DbaField *field, double *ret_number) {
  const char *text = fy_node_is_scalar(node) ? fy_node_get_scalar0(node) : NULL;
  char *end = NULL;
  errno = 0;
  *ret_number = text ? g_ascii_strtod(text, &end) : 0;
  if (!text || end == text || *end || errno || !isfinite(*ret_number) || (field->kind == DBA_FIELD_INT && fabs(*ret_number) > 0x1p53))
    return wrong(reader, node, "%s must be a number", field->name);
  return true;
}

static bool read_field(const Reader *reader, struct fy_node *node, const DbaField *field, void *at, unsigned depth) {
  double number;
  const char *text;
  switch (field->kind) {
  case DBA_FIELD_TEXT: return read_text(reader, node, field->name, at);
  case DBA_FIELD_BOOL:
    if (!read_text(reader, node, field->name, &text))
      return false;
    if (strcmp(text, "true") && strcmp(text, "false"))
      return wrong(reader, node, "%s must be true or false", field->name);
    *(bool *)at = !strcmp(text, "true");
    return true;
  case DBA_FIELD_INT:
  case DBA_FIELD_REAL:
    if (!read_number(reader, node, field, &number))
      return false;
    if (field->kind == DBA_FIELD_INT)
      *(int64_t *)at = (int64_t)number;
    else
      *(double *)at = number;
    return true;
  case DBA_FIELD_TEXTS:
  case DBA_FIELD_RECORDS: return read_list(reader, node, field, at, depth);
  case DBA_FIELD_RECORD: return read_mapping(reader, node, field->of, at, depth + 1);
  case DBA_FIELD_INTS: break;
  }
  return wrong(reader, node, "%s has a kind that is not read from YAML", field->name);
}

static bool read_mapping(const Reader *reader, struct fy_node *node, const DbaRecord *record, void *item, unsigned depth) {
  unsigned line = 0, column;
  void *iter = NULL;
  const DbaField *place = dba_record_field(record, "line");
  if (depth > DEEPEST)
    return wrong(reader, node, "is nested too deeply");
  if (!fy_node_is_mapping(node))
    return wrong(reader, node, "%s must be a mapping", record->name);
  if (place && (place->flags & DBA_FIELD_INTERNAL) && place_of(node, &line, &column))
    *(int64_t *)(void *)((char *)item + place->offset) = line;
  for (struct fy_node_pair *pair; (pair = fy_node_mapping_iterate(node, &iter));) {
    struct fy_node *key_node = fy_node_pair_key(pair), *value = fy_node_pair_value(pair);
    const char *key = fy_node_is_scalar(key_node) ? fy_node_get_scalar0(key_node) : NULL;
    const DbaField *field = key ? dba_record_field(record, key) : NULL;
    if (!field || (field->flags & DBA_FIELD_INTERNAL))
      return unknown_key(reader, key_node, key, record);
    if (!value)
      return wrong(reader, key_node, "%s has no value", key);
    if (!read_field(reader, value, field, (char *)item + field->offset, depth))
      return false;
  }
  return true;
}

static bool is_blank(const char *text) {
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  for (char **line = lines; *line; line++)
    if (*g_strstrip(*line) && **line != '#' && strcmp(*line, "---"))
      return false;
  return true;
}

bool dba_yaml_read(DbaArena *arena, const char *name, const char *text, size_t length, const DbaRecord *record, void *item,
                   GError **error) {
  g_autofree char *copy = g_strndup(text, length);
  Reader reader = {arena, name, error};
  if (is_blank(copy)) // a file of nothing but comments says nothing
    return true;
  struct fy_diag_cfg diag_config;
  fy_diag_cfg_default(&diag_config);
  struct fy_diag *diag = fy_diag_create(&diag_config);
  fy_diag_set_collect_errors(diag, true);
  struct fy_parse_cfg config = {.flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG, .diag = diag};
  struct fy_document *document = fy_document_build_from_malloc_string(&config, strdup(copy), strlen(copy));
  bool ok = document != NULL;
  if (!ok) {
    void *iter = NULL;
    const struct fy_diag_error *problem = fy_diag_errors_iterate(diag, &iter);
    (void)dba_fail(error, DBA_ERROR_INPUT, "%s:%d:%d: %s", name, problem ? problem->line : 1, problem ? problem->column : 1,
                   problem ? problem->msg : "is no YAML");
  }
  fy_diag_destroy(diag);
  ok = ok && read_mapping(&reader, fy_document_root(document), record, item, 0);
  if (document)
    fy_document_destroy(document);
  return ok;
}

// SPDX-License-Identifier: Apache-2.0
// Records to JSON and back, through yyjson.
//
// Writing leaves out what is at its zero value; reading is strict: an unknown key, a wrong kind or a number that does
// not fit is an error with the path of the key, so that a damaged or foreign file is never half understood.
#include "base/base.h"

#include <string.h>
#include <yyjson.h>

struct DbaJson {
  yyjson_mut_doc *doc;
};

DbaJson *dba_json_new(void) {
  DbaJson *json = g_new0(DbaJson, 1);
  json->doc = yyjson_mut_doc_new(NULL);
  yyjson_mut_doc_set_root(json->doc, yyjson_mut_obj(json->doc));
  return json;
}

void dba_json_free(DbaJson *json) {
  if (!json)
    return;
  yyjson_mut_doc_free(json->doc);
  g_free(json);
}

// yyjson refuses to write bytes that are not UTF-8; SQL_ASCII databases have them.
static yyjson_mut_val *text_value(yyjson_mut_doc *doc, const char *text) {
  if (g_utf8_validate(text, -1, NULL))
    return yyjson_mut_strcpy(doc, text);
  g_autofree char *valid = g_utf8_make_valid(text, -1);
  return yyjson_mut_strcpy(doc, valid);
}

static yyjson_mut_val *record_value(yyjson_mut_doc *doc, const DbaRecord *record, const void *item, unsigned omit_flags);

static yyjson_mut_val *list_value(yyjson_mut_doc *doc, const DbaField *field, const DbaRecord *of, const DbaList *list,
                                  unsigned omit_flags) {
  yyjson_mut_val *array = yyjson_mut_arr(doc);
  for (uint32_t i = 0; i < list->n; i++) {
    if (of)
      yyjson_mut_arr_append(array, record_value(doc, of, (const char *)list->items + i * of->size, omit_flags));
    else if (field->kind == DBA_FIELD_INTS)
      yyjson_mut_arr_append(array, yyjson_mut_sint(doc, dba_list_int(list, i)));
    else if (dba_list_text(list, i))
      yyjson_mut_arr_append(array, text_value(doc, dba_list_text(list, i)));
    else
      yyjson_mut_arr_append(array, yyjson_mut_null(doc));
  }
  return array;
}

static void put_fields(yyjson_mut_doc *doc, yyjson_mut_val *object, const DbaRecord *record, const void *item, unsigned omit_flags) {
  for (const DbaField *field = record->fields; field->name; field++) {
    if (field->flags & (omit_flags | DBA_FIELD_INTERNAL))
      continue;
    const void *x = (const char *)item + field->offset;
    yyjson_mut_val *value = NULL;
    switch (field->kind) {
    case DBA_FIELD_BOOL:
      if (*(const bool *)x)
        value = yyjson_mut_true(doc);
      break;
    case DBA_FIELD_INT:
      if (*(const int64_t *)x)
        value = yyjson_mut_sint(doc, *(const int64_t *)x);
      break;
    case DBA_FIELD_REAL:
      if (*(const double *)x < 0 || *(const double *)x > 0)
        value = yyjson_mut_real(doc, *(const double *)x);
      break;
    case DBA_FIELD_TEXT:
      if (*(const char *const *)x)
        value = text_value(doc, *(const char *const *)x);
      break;
    case DBA_FIELD_TEXTS:
    case DBA_FIELD_INTS:
    case DBA_FIELD_RECORDS:
      if (((const DbaList *)x)->n)
        value = list_value(doc, field, field->of, x, omit_flags);
      break;
    case DBA_FIELD_RECORD: value = record_value(doc, field->of, x, omit_flags); break;
    }
    if (value)
      yyjson_mut_obj_add(object, yyjson_mut_str(doc, field->name), value);
  }
}

static yyjson_mut_val *record_value(yyjson_mut_doc *doc, const DbaRecord *record, const void *item, unsigned omit_flags) {
  yyjson_mut_val *object = yyjson_mut_obj(doc);
  put_fields(doc, object, record, item, omit_flags);
  return object;
}

static void put(DbaJson *json, const char *key, yyjson_mut_val *value) {
  yyjson_mut_obj_add(yyjson_mut_doc_get_root(json->doc), yyjson_mut_strcpy(json->doc, key), value);
}

void dba_json_put(DbaJson *json, const char *key, const DbaRecord *record, const void *item, unsigned omit_flags) {
  if (key)
    put(json, key, record_value(json->doc, record, item, omit_flags));
  else
    put_fields(json->doc, yyjson_mut_doc_get_root(json->doc), record, item, omit_flags);
}

void dba_json_put_list(DbaJson *json, const char *key, const DbaRecord *record, const DbaList *list, unsigned omit_flags) {
  put(json, key, list_value(json->doc, NULL, record, list, omit_flags));
}

void dba_json_append_quoted(GString *out, const char *text) {
  yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
  yyjson_mut_doc_set_root(doc, text ? text_value(doc, text) : yyjson_mut_null(doc));
  size_t length;
  char *json = yyjson_mut_write(doc, 0, &length);
  g_string_append_len(out, json, (gssize)length);
  free(json);
  yyjson_mut_doc_free(doc);
}

void dba_json_put_text(DbaJson *json, const char *key, const char *value) { put(json, key, text_value(json->doc, value)); }

void dba_json_put_int(DbaJson *json, const char *key, int64_t value) { put(json, key, yyjson_mut_sint(json->doc, value)); }

char *dba_json_text(const DbaJson *json) {
  size_t length = 0;
  char *raw =
      yyjson_mut_write(json->doc, YYJSON_WRITE_PRETTY_TWO_SPACES | YYJSON_WRITE_INF_AND_NAN_AS_NULL | YYJSON_WRITE_NEWLINE_AT_END, &length);
  char *text = g_strndup(raw ? raw : "", length);
  free(raw); // yyjson allocates with malloc
  return text;
}

// ---- reading --------------------------------------------------------------------------------------------------------

enum { DEPTH_LIMIT = 16 };

typedef struct Reader {
  DbaArena *arena;
  const char *name;
  GString *path;
  GError **error;
} Reader;

static bool wrong(Reader *reader, const char *fact) {
  return dba_fail(reader->error, DBA_ERROR_INPUT, "%s: %s: %s", reader->name, reader->path->len ? reader->path->str : "(top)", fact);
}

static bool read_record(Reader *reader, yyjson_val *value, const DbaRecord *record, void *item, unsigned depth);

static bool read_list(Reader *reader, yyjson_val *value, const DbaField *field, DbaList *list, unsigned depth) {
  if (!yyjson_is_arr(value))
    return wrong(reader, "must be a list");
  size_t item_size = field->of ? field->of->size : sizeof(int64_t);
  dba_list_reserve(reader->arena, list, item_size, (uint32_t)yyjson_arr_size(value));
  size_t i, n;
  yyjson_val *element;
  yyjson_arr_foreach(value, i, n, element) {
    size_t mark = reader->path->len;
    g_string_append_printf(reader->path, "[%zu]", i);
    void *slot = dba_list_add(reader->arena, list, item_size);
    if (field->of) {
      if (!read_record(reader, element, field->of, slot, depth + 1))
        return false;
    } else if (field->kind == DBA_FIELD_INTS) {
      if (!yyjson_is_int(element) || (yyjson_is_uint(element) && yyjson_get_uint(element) > INT64_MAX))
        return wrong(reader, "must be a whole number");
      *(int64_t *)slot = yyjson_get_sint(element);
    } else if (yyjson_is_str(element)) {
      *(const char **)slot = dba_arena_text_n(reader->arena, yyjson_get_str(element), yyjson_get_len(element));
    } else if (!yyjson_is_null(element)) {
      return wrong(reader, "must be text");
    }
    g_string_truncate(reader->path, mark);
  }
  return true;
}

static bool read_field(Reader *reader, yyjson_val *value, const DbaField *field, void *x, unsigned depth) {
  switch (field->kind) {
  case DBA_FIELD_BOOL:
    if (!yyjson_is_bool(value))
      return wrong(reader, "must be true or false");
    *(bool *)x = yyjson_get_bool(value);
    return true;
  case DBA_FIELD_INT:
    if (!yyjson_is_int(value) || (yyjson_is_uint(value) && yyjson_get_uint(value) > INT64_MAX))
      return wrong(reader, "must be a whole number");
    *(int64_t *)x = yyjson_get_sint(value);
    return true;
  case DBA_FIELD_REAL:
    if (yyjson_is_null(value))
      return true;
    if (!yyjson_is_num(value))
      return wrong(reader, "must be a number");
    *(double *)x = yyjson_get_num(value);
    return true;
  case DBA_FIELD_TEXT:
    if (!yyjson_is_str(value))
      return wrong(reader, "must be text");
    if (strlen(yyjson_get_str(value)) != yyjson_get_len(value))
      return wrong(reader, "has a zero byte");
    *(const char **)x = dba_arena_text_n(reader->arena, yyjson_get_str(value), yyjson_get_len(value));
    return true;
  case DBA_FIELD_TEXTS:
  case DBA_FIELD_INTS:
  case DBA_FIELD_RECORDS: return read_list(reader, value, field, x, depth);
  case DBA_FIELD_RECORD: return read_record(reader, value, field->of, x, depth + 1);
  }
  return wrong(reader, "has a kind that is not known");
}

static bool read_record(Reader *reader, yyjson_val *value, const DbaRecord *record, void *item, unsigned depth) {
  if (depth > DEPTH_LIMIT)
    return wrong(reader, "is nested too deeply");
  if (!yyjson_is_obj(value))
    return wrong(reader, "must be an object");
  size_t i, n;
  yyjson_val *key, *element;
  yyjson_obj_foreach(value, i, n, key, element) {
    size_t mark = reader->path->len;
    g_string_append_printf(reader->path, "%s%.80s", mark ? "." : "", yyjson_get_str(key));
    const DbaField *field = dba_record_field(record, yyjson_get_str(key));
    if (!field || (field->flags & DBA_FIELD_INTERNAL))
      return wrong(reader, "is no key that is known here");
    if (!read_field(reader, element, field, (char *)item + field->offset, depth))
      return false;
    g_string_truncate(reader->path, mark);
  }
  return true;
}

bool dba_json_read(DbaArena *arena, const char *name, const char *text, size_t length, const DbaRecord *record, void *item,
                   GError **error) {
  yyjson_read_err problem;
  yyjson_doc *doc = yyjson_read_opts((char *)(uintptr_t)text, length, 0, NULL, &problem);
  if (!doc) {
    g_autofree char *caret = dba_text_caret(name, text, length, MIN(problem.pos, length), problem.msg);
    return dba_fail(error, DBA_ERROR_INPUT, "%s", caret);
  }
  Reader reader = {arena, name, g_string_new(NULL), error};
  bool ok = read_record(&reader, yyjson_doc_get_root(doc), record, item, 0);
  g_string_free(reader.path, TRUE);
  yyjson_doc_free(doc);
  return ok;
}

bool dba_json_read_texts(DbaArena *arena, const char *name, uint32_t line, const char *text, size_t length, const char *const *keys,
                         const char **ret_values, GError **error) {
  yyjson_read_err problem;
  yyjson_doc *doc = yyjson_read_opts((char *)(uintptr_t)text, length, 0, NULL, &problem);
  if (!doc)
    return dba_fail(error, DBA_ERROR_INPUT, "%s:%u:%zu: %s", name, line, problem.pos + 1, problem.msg);
  for (unsigned i = 0; keys[i]; i++)
    ret_values[i] = dba_arena_text(arena, yyjson_get_str(yyjson_obj_get(yyjson_doc_get_root(doc), keys[i])));
  yyjson_doc_free(doc);
  return true;
}

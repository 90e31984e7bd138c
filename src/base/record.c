// SPDX-License-Identifier: Apache-2.0
// Lists and records: growing them, finding fields, comparing two of a kind.
//
// Comparison matches the items of a list by their naming fields, not by place, so that an inserted column is one
// difference.  Items without naming fields are matched by place.
#include "base/base.h"

#include <string.h>

void dba_list_reserve(DbaArena *arena, DbaList *list, size_t item_size, uint32_t room) {
  if (room <= list->room)
    return;
  void *items = dba_arena_alloc(arena, item_size * room);
  if (list->n)
    memcpy(items, list->items, item_size * list->n);
  list->items = items;
  list->room = room;
}

void *dba_list_add(DbaArena *arena, DbaList *list, size_t item_size) {
  if (list->n == list->room)
    dba_list_reserve(arena, list, item_size, list->room ? list->room * 2 : 4);
  return (char *)list->items + item_size * list->n++;
}

void dba_list_add_text(DbaArena *arena, DbaList *list, const char *text) {
  const char **slot = dba_list_add(arena, list, sizeof *slot);
  *slot = dba_arena_text(arena, text);
}

void dba_list_add_int(DbaArena *arena, DbaList *list, int64_t value) {
  int64_t *slot = dba_list_add(arena, list, sizeof *slot);
  *slot = value;
}

bool dba_list_has_int(const DbaList *list, int64_t value) {
  for (uint32_t i = 0; i < list->n; i++)
    if (dba_list_int(list, i) == value)
      return true;
  return false;
}

bool dba_list_has_text(const DbaList *list, const char *text) {
  for (DBA_EACH_TEXT(item, list))
    if (!g_strcmp0(*item, text))
      return true;
  return false;
}

const DbaField *dba_record_field(const DbaRecord *record, const char *name) {
  for (const DbaField *field = record->fields; field->name; field++)
    if (!strcmp(field->name, name))
      return field;
  return NULL;
}

static bool same_names(const DbaRecord *record, const void *a, const void *b) {
  bool named = false;
  for (const DbaField *field = record->fields; field->name; field++) {
    if (!(field->flags & DBA_FIELD_NAMES))
      continue;
    named = true;
    const char *const *text_a = (const void *)((const char *)a + field->offset);
    const char *const *text_b = (const void *)((const char *)b + field->offset);
    if (g_strcmp0(*text_a, *text_b))
      return false;
  }
  return named;
}

static char *item_name(const DbaRecord *record, const void *item) {
  GString *name = g_string_new(NULL);
  for (const DbaField *field = record->fields; field->name; field++) {
    const char *const *text = (const void *)((const char *)item + field->offset);
    if ((field->flags & DBA_FIELD_NAMES) && *text)
      g_string_append_printf(name, "%s%s", name->len ? "." : "", *text);
  }
  return g_string_free(name, FALSE);
}

static unsigned note(GPtrArray *differences, char *line) {
  g_ptr_array_add(differences, line);
  return 1;
}

static unsigned compare_records(const DbaRecord *record, const DbaList *a, const DbaList *b, const char *path, GPtrArray *differences) {
  unsigned n = 0;
  bool named = false;
  for (const DbaField *field = record->fields; field->name; field++)
    named |= field->flags & DBA_FIELD_NAMES;
  g_autofree bool *matched = g_new0(bool, b->n + 1);
  for (uint32_t i = 0; i < a->n; i++) {
    const char *item = (const char *)a->items + i * record->size;
    g_autofree char *name = named ? item_name(record, item) : g_strdup_printf("%u", i);
    g_autofree char *below = g_strdup_printf("%s%s%s", path, *path ? "." : "", name);
    uint32_t j = i; // both are usually in the same order: look at the same place first
    if (named && (j >= b->n || !same_names(record, item, (const char *)b->items + j * record->size)))
      for (j = 0; j < b->n && (matched[j] || !same_names(record, item, (const char *)b->items + j * record->size)); j++)
        ;
    if (j >= b->n) {
      n += note(differences, g_strdup_printf("%s: only before", below));
      continue;
    }
    matched[j] = true;
    n += dba_record_compare(record, item, (const char *)b->items + j * record->size, below, differences);
  }
  for (uint32_t j = 0; j < b->n; j++)
    if (!matched[j]) {
      g_autofree char *name = named ? item_name(record, (const char *)b->items + j * record->size) : g_strdup_printf("%u", j);
      n += note(differences, g_strdup_printf("%s%s%s: only after", path, *path ? "." : "", name));
    }
  return n;
}

static unsigned compare_texts(const DbaList *a, const DbaList *b, const char *path, GPtrArray *differences) {
  bool same = a->n == b->n;
  for (uint32_t i = 0; same && i < a->n; i++)
    same = !g_strcmp0(dba_list_text(a, i), dba_list_text(b, i));
  if (same)
    return 0;
  g_autoptr(GString) line = g_string_new(path);
  g_string_append(line, ": {");
  for (uint32_t i = 0; i < a->n; i++)
    g_string_append_printf(line, "%s%s", i ? ", " : "", dba_list_text(a, i));
  g_string_append(line, "} -> {");
  for (uint32_t i = 0; i < b->n; i++)
    g_string_append_printf(line, "%s%s", i ? ", " : "", dba_list_text(b, i));
  g_string_append_c(line, '}');
  return note(differences, g_strdup(line->str));
}

unsigned dba_record_compare(const DbaRecord *record, const void *a, const void *b, const char *path, GPtrArray *differences) {
  unsigned n = 0;
  for (const DbaField *field = record->fields; field->name; field++) {
    if (field->flags & (DBA_FIELD_INTERNAL | DBA_FIELD_UNCOMPARED))
      continue;
    const void *x = (const char *)a + field->offset, *y = (const char *)b + field->offset;
    g_autofree char *below = g_strdup_printf("%s%s%s", path, *path ? "." : "", field->name);
    switch (field->kind) {
    case DBA_FIELD_BOOL:
      if (*(const bool *)x != *(const bool *)y)
        n += note(differences,
                  g_strdup_printf("%s: %s -> %s", below, *(const bool *)x ? "true" : "false", *(const bool *)y ? "true" : "false"));
      break;
    case DBA_FIELD_INT:
      if (*(const int64_t *)x != *(const int64_t *)y)
        n += note(differences,
                  g_strdup_printf("%s: %" G_GINT64_FORMAT " -> %" G_GINT64_FORMAT, below, *(const int64_t *)x, *(const int64_t *)y));
      break;
    case DBA_FIELD_REAL: {
      double u = *(const double *)x, v = *(const double *)y;
      if (u < v || u > v)
        n += note(differences, g_strdup_printf("%s: %g -> %g", below, u, v));
      break;
    }
    case DBA_FIELD_TEXT: {
      const char *u = *(const char *const *)x, *v = *(const char *const *)y;
      if (g_strcmp0(u, v))
        n += note(differences, g_strdup_printf("%s: %s -> %s", below, u ? u : "(none)", v ? v : "(none)"));
      break;
    }
    case DBA_FIELD_TEXTS: n += compare_texts(x, y, below, differences); break;
    case DBA_FIELD_INTS: break; // references inside one document: equal things have other numbers
    case DBA_FIELD_RECORDS: n += compare_records(field->of, x, y, below, differences); break;
    case DBA_FIELD_RECORD: n += dba_record_compare(field->of, x, y, below, differences); break;
    }
  }
  return n;
}

// SPDX-License-Identifier: Apache-2.0
// Literals of the workload: each gets the value that its column's map has for it, or a neutral one of its kind.
//
// What a literal is compared with is sql/values.c's to tell.  A statement is named when the planner looks at a literal that could not be
// kept in its place, or at a column below a pattern or a function.
#include "survey/line.h"
#include "survey/redact-int.h"

#include <string.h>

void dba_redact_affected(DbaRedacting *redaction, const DbaWorkloadStatement *statement, const char *format, ...) {
  va_list args;
  va_start(args, format);
  g_autofree char *why = g_strdup_vprintf(format, args), *line = g_strdup_printf("%s %s", statement->id, why);
  va_end(args);
  if (!g_hash_table_add(redaction->told, g_steal_pointer(&line)))
    return;
  DbaAffected *found = dba_list_add(redaction->survey->arena, &redaction->survey->redaction.affected, sizeof *found);
  *found = (DbaAffected){statement->id, dba_arena_text(redaction->survey->arena, why)};
}

// A text of nothing but these, one behind the other.
static bool is_made_of(const char *text, const char *const *pieces) {
  bool any = false;
  while (*text) {
    size_t longest = strspn(text, " -/.:,") ? 1 : 0;
    for (const char *const *piece = pieces; *piece; piece++)
      if (g_str_has_prefix(text, *piece) && strlen(*piece) > longest) {
        longest = strlen(*piece);
        any = true;
      }
    if (!longest)
      return false;
    text += longest;
  }
  return any;
}

// Words that belong to the language of SQL functions, not to data: fields of date_trunc, formats of to_char, text search.
static bool is_word_of_sql(const char *text) {
  static const char *const words[] = {"microseconds", "milliseconds", "second",   "minute",  "hour",       "day",     "week", "month",
                                      "quarter",      "year",         "decade",   "century", "millennium", "epoch",   "dow",  "doy",
                                      "isodow",       "isoyear",      "timezone", "UTC",     "simple",     "english", "",     NULL},
                           *const formats[] = {"YYYY", "YY", "MM", "DD",   "HH24", "HH12", "HH", "MI",
                                               "SS",   "MS", "US", "IYYY", "IW",   "WW",   NULL};
  return g_strv_contains(words, text) || is_made_of(text, formats);
}

// 3 days, 1 mon 02:00:00: of an interval, which a shift leaves alone.
static bool is_interval(const char *text) {
  static const char *const pieces[] = {"0",    "1",   "2",           "3",           "4",      "5",    "6",      "7",
                                       "8",    "9",   "microsecond", "millisecond", "second", "sec",  "minute", "min",
                                       "hour", "day", "week",        "month",       "mon",    "year", "s",      NULL};
  size_t figures = strspn(text, "0123456789");
  return is_made_of(text, pieces) && !(figures == 4 && text[4] == '-'); // no date
}

static bool is_truth(const char *text) {
  static const char *const words[] = {"t", "f", "true", "false", "yes", "no", "on", "off", "y", "n", "1", "0", NULL};
  return g_strv_contains(words, text);
}

// Something of the same kind that says nothing: by the type it is cast to or goes into, else by its looks.
static const char *neutral(const DbaSqlToken *token, const char *type) {
  const char *text = token->value;
  size_t length = strlen(text);
  const char *plain = token->kind == DBA_SQL_A_STRING ? dba_sql_plain_value(type) : NULL;
  if (plain)
    return plain;
  if (token->kind == DBA_SQL_A_NUMBER)
    return strchr(text, '.') ? "1.0" : "1";
  if (length >= 10 && g_ascii_isdigit(text[0]) && text[4] == '-' && text[7] == '-')
    return length > 10 ? "2000-01-01 00:00:00" : "2000-01-01";
  if (length && strspn(text, "0123456789.+-") == length)
    return "1";
  if (*text == '{' || *text == '[')
    return *text == '[' ? "[]" : "{}";
  if (is_interval(text))
    return "1 day";
  return !strchr(text, '%') ? "x" : *text == '%' ? "%x%" : "x%";
}

// What a literal of a column with a map is to be; NULL when the map does not tell.
static const char *map_literal(DbaRedacting *redaction, const DbaSqlToken *token, DbaRedactColumn *member, bool *ret_lost) {
  static const char *const special[] = {"now", "today", "tomorrow", "yesterday", "epoch", NULL};
  DbaRedactMap *map = dba_redact_leader(member)->map;
  bool distance = token->distance && map->kind != DBA_REDACT_INTERVAL;
  DbaUnits digits;
  int scale;
  if (map->labels)
    return g_hash_table_lookup(map->labels, token->value);
  if (map->kind == DBA_REDACT_KEPT)
    return is_truth(token->value) || g_hash_table_contains(redaction->schema_literals, token->value) ? token->value : NULL;
  if (map->kind == DBA_REDACT_MOMENT && g_strv_contains(special, token->value)) {
    *ret_lost = true; // the clock is not disguised
    return token->value;
  }
  bool number = dba_line_read_number(token->value, &digits, &scale);
  if (distance && map->kind == DBA_REDACT_MOMENT && map->affine)
    return number || is_interval(token->value) ? token->value : NULL;
  if (distance && map->kind == DBA_REDACT_NUMBER && map->affine && number)
    return dba_line_write_number(redaction->survey->arena, digits * map->slope, (unsigned)scale);
  if (distance)
    return NULL;
  return token->array ? dba_redact_put_list(redaction, member, token->value, false)
                      : dba_redact_map_value(map, dba_redact_plain(redaction, member, token->value));
}

// What a literal is to be; *ret_lost: not what it was in the plan's eyes.
static const char *new_literal(DbaRedacting *redaction, const DbaSqlToken *token, bool *ret_lost) {
  DbaRedactColumn *member = dba_redact_find(redaction, token->with);
  g_assert(token->value); // every token has one
  *ret_lost = false;
  if (token->structural)
    return token->value;
  const char *mapped = member ? map_literal(redaction, token, member, ret_lost) : NULL;
  g_autofree char *type = token->type ? dba_sql_name(NULL, token->type) : NULL;
  GHashTable *labels = type && redaction->enums ? g_hash_table_lookup(redaction->enums, type) : NULL;
  if (!mapped && labels) // cast to the enum, whatever it is compared with
    mapped = g_hash_table_lookup(labels, token->value);
  if (mapped)
    return mapped;
  if (g_hash_table_contains(redaction->schema_literals, token->value) ||
      (token->kind == DBA_SQL_A_NUMBER && (!strcmp(token->value, "0") || !strcmp(token->value, "1"))) ||
      (token->kind == DBA_SQL_A_STRING && !token->with && is_word_of_sql(token->value)))
    return token->value;
  *ret_lost = token->predicate;
  return token->bits ? "0"
                     : neutral(token, token->type                                    ? token->type
                                      : member && member->column && !token->distance ? member->column->type_name
                                                                                     : NULL);
}

void dba_redact_gather_literals(DbaRedacting *redaction, const DbaSqlValues *values) {
  for (DBA_EACH(DbaSqlToken, token, &values->tokens)) {
    DbaRedactColumn *member = dba_redact_find(redaction, token->with);
    if (!member || token->structural || (token->distance && dba_redact_leader(member)->map->kind != DBA_REDACT_INTERVAL))
      continue;
    if (token->array)
      dba_redact_gather_list(redaction, member, token->value, false);
    else if (!dba_redact_leader(member)->elements)
      dba_redact_map_add(dba_redact_leader(member)->map, dba_redact_plain(redaction, member, token->value), false);
  }
}

static void tell_lost(DbaRedacting *redaction, const DbaWorkloadStatement *statement, const DbaSqlToken *token, bool opaque) {
  if (token->with)
    dba_redact_affected(redaction, statement, "a value of %s.%s in it could not be kept in its place", token->with->table,
                        token->with->column);
  else if (!opaque)
    dba_redact_affected(redaction, statement, "a value in it is compared with no column that its text tells");
}

bool dba_redact_put_tokens(DbaRedacting *redaction, const char *sql, const DbaSqlValues *values, size_t from, size_t to,
                           const DbaWorkloadStatement *statement, GString *out) {
  size_t at = from;
  bool known = true;
  for (DBA_EACH(DbaSqlToken, token, &values->tokens)) {
    bool lost = false;
    if (token->offset < from || token->offset + token->length > to)
      continue;
    g_string_append_len(out, sql + at, (gssize)(token->offset - at));
    at = token->offset + token->length;
    if (token->kind == DBA_SQL_A_COMMENT) {
      g_string_append_c(out, ' ');
      continue;
    }
    const char *new = new_literal(redaction, token, &lost);
    known &= !lost;
    if (lost && statement)
      tell_lost(redaction, statement, token, values->opaques.n > 0);
    if (token->kind == DBA_SQL_A_NUMBER)
      g_string_append(out, new);
    else if (token->bits)
      g_string_append_printf(out, "B'%s'", strspn(new, "01") == strlen(new) ? new : "0");
    else
      dba_sql_append_literal(out, new);
  }
  g_string_append_len(out, sql + at, (gssize)(to - at));
  return known;
}

void dba_redact_put_literals(DbaRedacting *redaction, DbaWorkloadStatement *statement, const DbaSqlValues *values) {
  g_autoptr(GString) out = g_string_new(NULL);
  (void)dba_redact_put_tokens(redaction, statement->text, values, 0, strlen(statement->text), statement, out); // it names what was lost
  for (DBA_EACH(DbaSqlOpaque, opaque, &values->opaques)) {
    DbaRedactColumn *member = dba_redact_find(redaction, &opaque->column);
    if (member && dba_redact_leader(member)->map->kind != DBA_REDACT_KEPT)
      dba_redact_affected(redaction, statement, "%s on %s", opaque->what, member->shown);
  }
  statement->text = dba_arena_text(redaction->survey->arena, out->str);
}

bool dba_redact_is_plannable(DbaRedacting *redaction, const char *text) {
  static const char *const words[] = {"select", "insert", "update", "delete", "merge", "with", "values", "table", NULL};
  const char *p = text + strspn(text, " \t\r\n(");
  DbaList tokens = {0};
  if (*p == '-' || *p == '/') // comments first
    dba_sql_read_tokens(text, redaction->survey->arena, &tokens);
  for (DBA_EACH(DbaSqlToken, token, &tokens))
    if (token->kind == DBA_SQL_A_COMMENT && text + token->offset == p) {
      p += token->length;
      p += strspn(p, " \t\r\n(");
    }
  g_autofree char *word = g_ascii_strdown(p, (gssize)strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"));
  return g_strv_contains(words, word);
}

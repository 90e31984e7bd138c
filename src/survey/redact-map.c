// SPDX-License-Identifier: Apache-2.0
// The map of one group of columns: other values that stand in the same order.
//
// Numbers and moments are whole units on a line (10^-scale; microseconds).  Without values that must stay, the line is stretched by a
// whole factor and moved; with them, the values between two neighbours that stay are spread there anew.  Everything else is named anew by
// its place in the order, which a server tells; and the server is asked again whether the new names stand in that order.
#include "survey/line.h"
#include "survey/redact-int.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LETTERS = 26 };
static const double LARGEST = 1e28; // units: products with slopes and weights stay within 128 bits
static const int64_t DAY_US = DBA_LINE_DAY_US;

static const DbaRedactType types[] = {
    {"bool", DBA_REDACT_KEPT, 0, 0, false, NULL},
    {"int2", DBA_REDACT_NUMBER, -32768, 32767, true, NULL},
    {"int4", DBA_REDACT_NUMBER, -2147483648.0, 2147483647, true, NULL},
    {"int8", DBA_REDACT_NUMBER, -9e18, 9e18, true, NULL},
    {"oid", DBA_REDACT_NUMBER, 0, 4294967295.0, true, NULL},
    {"numeric", DBA_REDACT_NUMBER, -1e25, 1e25, false, NULL},
    {"float4", DBA_REDACT_NUMBER, -1e25, 1e25, false, NULL},
    {"float8", DBA_REDACT_NUMBER, -1e25, 1e25, false, NULL},
    {"date", DBA_REDACT_MOMENT, 0, 0, false, NULL},
    {"timestamp", DBA_REDACT_MOMENT, 0, 0, false, NULL},
    {"timestamptz", DBA_REDACT_MOMENT, 0, 0, false, NULL},
    {"text", DBA_REDACT_TEXT, 0, 0, false, "pg_catalog.text"},
    {"varchar", DBA_REDACT_TEXT, 0, 0, false, "pg_catalog.text"},
    {"bpchar", DBA_REDACT_TEXT, 0, 0, false, "pg_catalog.bpchar"},
    {"name", DBA_REDACT_TEXT, 0, 0, false, "pg_catalog.name"},
    {"uuid", DBA_REDACT_UUID, 0, 0, false, "pg_catalog.uuid"},
    {"inet", DBA_REDACT_ADDRESS, 0, 0, false, "pg_catalog.inet"},
    {"time", DBA_REDACT_TIME, 0, 0, false, "pg_catalog.time"},
    {"interval", DBA_REDACT_INTERVAL, 0, 0, false, "pg_catalog.interval"},
    {"bytea", DBA_REDACT_BYTES, 0, 0, false, "pg_catalog.bytea"},
    {"tsvector", DBA_REDACT_LEXEME, 0, 0, false, NULL},
};

const DbaRedactType *dba_redact_type(const char *name) {
  for (size_t i = 0; name && i < G_N_ELEMENTS(types); i++)
    if (!strcmp(types[i].name, name))
      return &types[i];
  return NULL;
}

void dba_redact_map_add(DbaRedactMap *map, const char *value, bool fixed) {
  if (!value)
    return;
  if (!g_hash_table_contains(map->values, value)) {
    char *kept = g_strdup(value);
    g_hash_table_insert(map->values, kept, NULL);
    g_ptr_array_add(map->given, kept);
  }
  if (fixed)
    g_hash_table_add(map->fixed, g_strdup(value));
}

const char *dba_redact_map_value(const DbaRedactMap *map, const char *value) {
  return map->failure || !value ? NULL : g_hash_table_lookup(map->values, value);
}

static uint64_t next_random(uint64_t *seed) { // SplitMix64 (Steele, Lea, Flood 2014)
  uint64_t x = *seed += 0x9e3779b97f4a7c15;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
  x = (x ^ x >> 27) * 0x94d049bb133111eb;
  return x ^ x >> 31;
}

// ---- on a line ------------------------------------------------------------------------------------------------------

typedef DbaUnits Units;

typedef struct Place {
  const char *text;
  Units at;
  bool fixed;
  unsigned decimals; // behind the point, as written
  const char *rest;  // of a moment: what follows the date
} Place;

static bool is_endless(const char *text) {
  static const char *const words[] = {"NaN", "Infinity", "-Infinity", "infinity", "-infinity", NULL};
  return g_strv_contains(words, text);
}

static int compare_places(const void *a, const void *b) {
  const Place *x = a, *y = b;
  return x->at < y->at ? -1 : x->at > y->at;
}

// What a type holds at most, within what sums of places can have.
static Units bound(double value, Units unit) { return (Units)fmax(-LARGEST, fmin(LARGEST, value * (double)unit)); }

// Stretches and moves the line: every value stays one that each column can hold, and none that was positive becomes negative.
static bool choose_affine(DbaRedactMap *map, const Place *places, unsigned n, unsigned scale, uint64_t *seed, Units *ret_offset) {
  Units unit = 1;
  for (unsigned i = 0; i < scale; i++)
    unit *= 10;
  if (map->kind == DBA_REDACT_MOMENT) {
    int64_t days = 400 + (int64_t)(next_random(seed) % 7000);
    map->slope = 1;
    *ret_offset = (next_random(seed) & 1 ? days : -days) * (Units)DAY_US;
    return true;
  }
  Units least = places[0].at, greatest = places[n - 1].at, span = greatest - least, high = bound(map->greatest, unit),
        low = least >= 0 ? 0 : bound(map->least, unit);
  map->slope = 2 + (int64_t)(next_random(seed) % 6); // distances are not what they were, where there is room
  while (map->slope > 1 && span * map->slope > (high - low) / 2)
    map->slope--;
  Units stretched = span * map->slope, room = high - low - stretched, reach = map->real ? stretched + unit : 4 * stretched + 1000 * unit;
  if (least < 0 && low < least * 4 - reach)
    low = least * 4 - reach;
  if (room > reach + least - low)
    room = reach + (least > low && !map->real ? least - low : 0);
  Units step = map->whole ? unit : 1;
  if (room / step < 1)
    return false;
  Units start = low + (Units)(next_random(seed) % (uint64_t)MIN(room / step, (Units)INT64_MAX)) * step;
  *ret_offset = start - least * map->slope;
  *ret_offset = *ret_offset / step * step;
  if (map->slope == 1 && *ret_offset == 0)
    *ret_offset = step;
  return greatest * map->slope + *ret_offset <= high;
}

enum { WEIGHT = 1024 };
static const double HALF_WEIGHT = WEIGHT / 2.0;

static unsigned random_weight(uint64_t *seed) { return WEIGHT / 2 + (unsigned)(next_random(seed) % WEIGHT); }

// Between two places that stay, `low` and `high`: those from `from` on, `n` of them, in the same order.  Each distance is what it was
// times something between a half and one and a half, then all are made to fit; at least a unit.  So the shape of the distribution
// stays, and no distance can be read.
static void spread_between(const Place *places, unsigned from, unsigned n, Units low, Units high, Units unit, uint64_t *seed,
                           Units *ret_at) {
  g_autofree double *reach = g_new(double, n + 2); // sums of weighted distances
  Units steps = 0, k = 0, before = low;
  double sum = 0;
  for (unsigned i = 0; i <= n; i++) {
    Units at = i < n ? places[from + i].at : high;
    bool last_of_line = i == n && n && high <= places[from + n - 1].at; // no place stays behind it
    double distance = last_of_line ? 0 : (double)(at - before);
    steps += distance > 0;
    sum += distance * random_weight(seed);
    reach[i] = sum;
    before = at;
  }
  double spare = (double)(high - low - steps * unit);
  before = low;
  for (unsigned i = 0; i < n; i++) {
    Units at = places[from + i].at;
    k += at != before;
    before = at;
    ret_at[from + i] = at == low    ? low
                       : at == high ? high // written in another way
                                    : low + k * unit + (Units)(spare * (reach[i] / (sum > 0 ? sum : 1))) / unit * unit;
  }
}

// With values that stay.  Behind the last of them there is room up to about twice as far as values go, as far as the types allow.
static void spread(const Place *places, unsigned n, Units least, Units greatest, Units unit, uint64_t *seed, Units *ret_at) {
  unsigned first = 0, last = n - 1;
  while (!places[first].fixed)
    first++;
  while (!places[last].fixed)
    last--;
  for (unsigned i = first, next; i <= last; i = next) {
    ret_at[i] = places[i].at;
    for (next = i + 1; next <= last && !places[next].fixed;)
      next++;
    if (next <= last && next > i + 1)
      spread_between(places, i + 1, next - i - 1, places[i].at, places[next].at, unit, seed, ret_at);
  }
  if (last + 1 < n) {
    Units span = places[n - 1].at - places[last].at, end = places[last].at + (Units)((double)span * random_weight(seed) / HALF_WEIGHT);
    end = end > greatest ? greatest : end;
    spread_between(places, last + 1, n - last - 1, places[last].at, (end < places[n - 1].at ? places[n - 1].at : end) + unit, unit, seed,
                   ret_at);
  }
  if (first) {
    Units span = places[first].at - places[0].at, end = places[first].at - (Units)((double)span * random_weight(seed) / HALF_WEIGHT);
    end = end < least ? least : end;
    spread_between(places, 0, first, (end > places[0].at ? places[0].at : end) - unit, places[first].at, unit, seed, ret_at);
  }
}

static void settle_line(DbaRedactMap *map, DbaArena *arena, uint64_t *seed) {
  g_autofree Place *places = g_new0(Place, map->given->len + 1);
  g_autofree Units *at = g_new0(Units, map->given->len + 1);
  int scale = 0;
  unsigned n = 0, fixed = 0;
  for (guint i = 0; i < map->given->len; i++) {
    Place *place = &places[n];
    int decimals = 0;
    *place = (Place){.text = map->given->pdata[i], .rest = "", .fixed = g_hash_table_contains(map->fixed, map->given->pdata[i])};
    if (is_endless(place->text)) {
      g_hash_table_insert(map->values, g_strdup(place->text), (char *)(uintptr_t)place->text);
      continue;
    }
    bool ok = map->kind == DBA_REDACT_NUMBER ? dba_line_read_number(place->text, &place->at, &decimals)
                                             : dba_line_read_moment(place->text, &place->at, &place->rest);
    if (!ok)
      continue; // has no place, and so no other value
    place->decimals = (unsigned)decimals;
    scale = MAX(scale, decimals);
    fixed += place->fixed;
    n++;
  }
  if (!n)
    return;
  for (unsigned i = 0; map->kind == DBA_REDACT_NUMBER && i < n; i++)
    for (int k = (int)places[i].decimals; k < scale; k++) {
      places[i].at *= 10;
      if (places[i].at > (Units)LARGEST || places[i].at < -(Units)LARGEST) {
        map->failure = "values differ too much in size";
        return;
      }
    }
  qsort(places, n, sizeof *places, compare_places);
  Units offset = 0, unit = 1, scaled = 1;
  for (int i = 0; map->kind == DBA_REDACT_NUMBER && i < scale; i++)
    scaled *= 10;
  if (map->whole && fixed) { // halves have no place between whole numbers
    unsigned kept = 0;
    fixed = 0;
    for (unsigned i = 0; i < n; i++)
      if (places[i].at % scaled == 0) {
        fixed += places[i].fixed;
        places[kept++] = places[i];
      }
    n = kept;
    unit = scaled;
    if (!n)
      return;
  }
  map->affine = !fixed && choose_affine(map, places, n, (unsigned)scale, seed, &offset);
  if (!map->affine && !fixed) {
    map->failure = "its values fill the whole type";
    return;
  }
  if (!map->affine) {
    static const int64_t steps[] = {86400000000, 3600000000, 60000000, 1000000};
    for (size_t k = 0; map->kind == DBA_REDACT_MOMENT && unit == 1 && k < G_N_ELEMENTS(steps); k++) {
      bool all = true;
      for (unsigned i = 0; i < n && all; i++)
        all = places[i].at % steps[k] == 0;
      unit = all ? steps[k] : 1;
    }
    bool moment = map->kind == DBA_REDACT_MOMENT;
    Units least = moment ? DAY_US : bound(map->least, scaled), greatest = moment ? (Units)3652059 * DAY_US : bound(map->greatest, scaled);
    spread(places, n, places[0].at >= 0 && least < 0 ? 0 : least, greatest, unit, seed, at);
  }
  for (unsigned i = 0; i < n; i++) {
    Units to = map->affine ? places[i].at * map->slope + offset : at[i];
    unsigned decimals = (unsigned)scale;
    map->placed += !places[i].fixed;
    map->unmoved += !places[i].fixed && to == places[i].at;
    if (map->kind == DBA_REDACT_NUMBER && (to < bound(map->least, scaled) || to > bound(map->greatest, scaled))) {
      map->failure = "its values fill the whole type";
      return;
    }
    if (map->kind == DBA_REDACT_NUMBER)
      for (; decimals > places[i].decimals && to % 10 == 0; decimals--)
        to /= 10;
    if (map->kind == DBA_REDACT_MOMENT && (to < DAY_US || to > (Units)3652059 * DAY_US)) { // years 1 to 9999
      map->failure = "a moment is out of the range that can be mapped";
      return;
    }
    const char *text =
        map->kind == DBA_REDACT_NUMBER ? dba_line_write_number(arena, to, decimals) : dba_line_write_moment(arena, to, places[i].rest);
    g_hash_table_insert(map->values, g_strdup(places[i].text), (char *)(uintptr_t)text);
  }
}

// ---- by place in the order ------------------------------------------------------------------------------------------

typedef struct Name {
  const char *text;
  uint32_t rank;
  bool fixed;
} Name;

static int compare_names(const void *a, const void *b) {
  const Name *x = a, *y = b;
  return x->rank < y->rank ? -1 : x->rank > y->rank;
}

// The letters for place k of n, so many that all differ, evenly over the alphabet; then more of them up to the length wanted.
static void append_letters(GString *out, uint64_t k, uint64_t n, size_t wanted) {
  unsigned letters = 1;
  uint64_t reach = LETTERS;
  for (; reach < n + 1 && letters < 12; reach *= LETTERS)
    letters++;
  uint64_t code = (uint64_t)((Units)(k + 1) * reach / (n + 1));
  char text[16];
  for (unsigned i = letters; i-- > 0; code /= LETTERS)
    text[i] = (char)('a' + code % LETTERS);
  for (size_t i = 0; i < MAX(letters, wanted); i++)
    g_string_append_c(out, text[i % letters]);
}

static size_t characters(const char *text) { return g_utf8_validate(text, -1, NULL) ? (size_t)g_utf8_strlen(text, -1) : strlen(text); }

static void append_name(const DbaRedactMap *map, const Name *name, uint64_t k, uint64_t n, const char *after, bool before, GString *out) {
  uint64_t part = (uint64_t)((Units)(k + 1) * INT64_MAX / (n + 1)) << 1;
  switch (map->kind) {
  case DBA_REDACT_TEXT: {
    size_t wanted = characters(name->text), prefix = after ? characters(after) : before ? 1 : 0;
    if (after || before)
      g_string_append(out, after ? after : "0");
    append_letters(out, k, n, wanted > prefix ? wanted - prefix : 0);
    return;
  }
  case DBA_REDACT_LEXEME: append_letters(out, k, n, strlen(name->text)); return;
  case DBA_REDACT_UUID:
    g_string_append_printf(out, "%08x-%04x-4000-8000-%012" G_GINT64_MODIFIER "x", (unsigned)(part >> 32), (unsigned)(part >> 16 & 0xffff),
                           (uint64_t)(part & 0xffff) << 32 | (uint64_t)k);
    return;
  case DBA_REDACT_ADDRESS: {
    unsigned host = (unsigned)(part >> 40);
    g_string_append_printf(out, "10.%u.%u.%u", host >> 16 & 255, host >> 8 & 255, host & 255);
    return;
  }
  case DBA_REDACT_TIME: {
    uint64_t us = (uint64_t)((Units)(k + 1) * (uint64_t)DAY_US / (n + 1)), seconds = us / 1000000;
    g_string_append_printf(out, "%02u:%02u:%02u", (unsigned)(seconds / 3600), (unsigned)(seconds / 60 % 60), (unsigned)(seconds % 60));
    if (n > 40000)
      g_string_append_printf(out, ".%06u", (unsigned)(us % 1000000));
    return;
  }
  case DBA_REDACT_INTERVAL: g_string_append_printf(out, "%" G_GUINT64_FORMAT ":00:00", k + 1); return;
  case DBA_REDACT_BYTES:
    g_string_append_printf(out, "\\x%08x", (unsigned)(part >> 32));
    for (size_t i = 10, length = strlen(name->text); i + 1 < length; i += 2)
      g_string_append(out, "5a");
    return;
  default: return;
  }
}

static bool ask_order(DbaRedactMap *map, const DbaList *values, uint32_t *ret_ranks, DbaValueSorter sorter, void *data, bool *ret_ok,
                      GError **error) {
  g_autoptr(GError) problem = NULL;
  *ret_ok = true;
  if (map->kind == DBA_REDACT_LEXEME) { // as pg_stats has them: by length, then bytes
    for (uint32_t i = 0; i < values->n; i++)
      ret_ranks[i] = i;
    return true;
  }
  if (sorter(data, map->sort_as, map->kind == DBA_REDACT_TEXT ? map->collation : NULL, values, ret_ranks, &problem))
    return true;
  *ret_ok = false;
  if (g_error_matches(problem, DBA_ERROR, DBA_ERROR_DATABASE))
    return true;
  g_propagate_error(error, g_steal_pointer(&problem));
  return false;
}

static bool settle_names(DbaRedactMap *map, DbaArena *arena, DbaValueSorter sorter, void *data, GError **error) {
  guint n = map->given->len;
  g_autofree Name *names = g_new0(Name, n + 1);
  g_autofree uint32_t *ranks = g_new0(uint32_t, n + 1), *again = g_new0(uint32_t, n + 1);
  DbaList old = {0}, new = {0};
  bool ok, stays = false;
  for (guint i = 0; i < n; i++)
    dba_list_add_text(arena, &old, map->given->pdata[i]);
  if (!ask_order(map, &old, ranks, sorter, data, &ok, error))
    return false;
  if (!ok) {
    map->failure = "the server could not put its values in order";
    return true;
  }
  for (guint i = 0; i < n; i++) {
    bool fixed = !*(char *)map->given->pdata[i] || g_hash_table_contains(map->fixed, map->given->pdata[i]);
    names[i] = (Name){map->given->pdata[i], ranks[i], fixed};
    stays |= fixed && *names[i].text;
  }
  if (stays && map->kind != DBA_REDACT_TEXT) {
    map->failure = "values of it stand in the schema";
    return true;
  }
  qsort(names, n, sizeof *names, compare_names);
  g_autoptr(GString) out = g_string_new(NULL);
  const char *after = NULL; // the last that stays
  for (guint i = 0; i < n;) {
    guint end = i;
    uint64_t different = 0, k = 0;
    for (; end < n && !names[end].fixed; end++)
      different += end == i || names[end].rank != names[end - 1].rank;
    for (guint j = i; j < end; j++) {
      k += j > i && names[j].rank != names[j - 1].rank;
      g_string_truncate(out, 0);
      append_name(map, &names[j], k, different, after && *after ? after : NULL, end < n, out);
      if (j > i && names[j].rank == names[j - 1].rank) // equal values, written in two ways
        g_string_assign(out, dba_redact_map_value(map, names[j - 1].text));
      else if (map->longest && characters(out->str) > map->longest) {
        map->failure = "the type is too short for values between those of the schema";
        return true;
      }
      g_hash_table_insert(map->values, g_strdup(names[j].text), (char *)(uintptr_t)dba_arena_text(arena, out->str));
    }
    if (end < n) {
      after = names[end].text;
      g_hash_table_insert(map->values, g_strdup(after), (char *)(uintptr_t)dba_arena_text(arena, after));
      end++;
    }
    i = end;
  }
  for (guint i = 0; i < n; i++)
    dba_list_add_text(arena, &new, g_hash_table_lookup(map->values, names[i].text));
  if (!ask_order(map, &new, again, sorter, data, &ok, error))
    return false;
  for (guint i = 0; ok && i < n && map->kind != DBA_REDACT_LEXEME; i++)
    ok = again[i] == names[i].rank;
  if (!ok)
    map->failure = "no names in the same order were found";
  return true;
}

bool dba_redact_map_settle(DbaRedactMap *map, DbaArena *arena, uint64_t *seed, DbaValueSorter sorter, void *data, GError **error) {
  if (!map->given->len || map->kind == DBA_REDACT_KEPT || map->kind == DBA_REDACT_LEFT_OUT)
    return true;
  if (map->kind == DBA_REDACT_NUMBER || map->kind == DBA_REDACT_MOMENT) {
    settle_line(map, arena, seed);
    return true;
  }
  return settle_names(map, arena, sorter, data, error);
}

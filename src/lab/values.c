// SPDX-License-Identifier: Apache-2.0
// Values: the text of a rank, for each kind of type.
//
// A value between two bounds is interpolated where the type is a line.  Text keeps the beginning and the length of the bound
// below it and ends in a counter, so that values differ, are about as long as the real ones and lie near where they should.
#include "lab/values.h"

#include <math.h>
#include <string.h>

#define SECONDS "extract(epoch from x.v)::float8"
static const DbaMaker makers[] = {
    {"int2", DBA_VALUE_WHOLE, "x.v::float8", 1, NULL},
    {"int4", DBA_VALUE_WHOLE, "x.v::float8", 1, NULL},
    {"int8", DBA_VALUE_WHOLE, "x.v::float8", 1, NULL},
    {"oid", DBA_VALUE_WHOLE, "x.v::int8::float8", 1, NULL},
    {"float4", DBA_VALUE_REAL, "x.v::float8", 0, NULL},
    {"float8", DBA_VALUE_REAL, "x.v::float8", 0, NULL},
    {"numeric", DBA_VALUE_NUMERIC, "x.v::float8", 0.01, NULL},
    {"money", DBA_VALUE_NUMERIC, "x.v::numeric::float8", 0.01, NULL},
    {"date", DBA_VALUE_MOMENT, SECONDS, 86400, "date"},
    {"timestamp", DBA_VALUE_MOMENT, SECONDS, 1e-6, "timestamp"},
    {"timestamptz", DBA_VALUE_MOMENT, SECONDS, 1e-6, "timestamptz"},
    {"time", DBA_VALUE_TIME, SECONDS, 1e-6, NULL},
    {"interval", DBA_VALUE_INTERVAL, SECONDS, 1e-6, NULL},
    {"uuid", DBA_VALUE_UUID, "('x' || substr(replace(x.v::text, '-', ''), 1, 13))::bit(52)::int8::float8", 1, NULL},
    {"inet", DBA_VALUE_ADDRESS, "case when family(x.v) = 4 and masklen(x.v) = 32 then (x.v - inet '0.0.0.0')::float8 end", 1, NULL},
    {"text", DBA_VALUE_TEXT, NULL, 0, NULL},
    {"varchar", DBA_VALUE_TEXT, NULL, 0, NULL},
    {"bpchar", DBA_VALUE_TEXT, NULL, 0, NULL},
    {"citext", DBA_VALUE_TEXT, NULL, 0, NULL},
    {"name", DBA_VALUE_TEXT, NULL, 0, NULL},
    {"bool", DBA_VALUE_BOOL, NULL, 0, NULL},
    {"bytea", DBA_VALUE_BYTES, NULL, 0, NULL},
    {"json", DBA_VALUE_JSON, NULL, 0, NULL},
    {"jsonb", DBA_VALUE_JSON, NULL, 0, NULL},
    {"tsvector", DBA_VALUE_LEXEMES, NULL, 0, NULL},
    {"point", DBA_VALUE_POINT, NULL, 0, NULL},
    {"vector", DBA_VALUE_VECTOR, NULL, 0, NULL},
    {"halfvec", DBA_VALUE_VECTOR, NULL, 0, NULL},
};
static const DbaMaker pick = {"", DBA_VALUE_PICK, NULL, 0, NULL}, array = {"", DBA_VALUE_ARRAY, NULL, 0, NULL},
                      enumeration = {"", DBA_VALUE_ENUM, NULL, 0, NULL};

const DbaMaker *dba_maker_of(const DbaSchema *schema, const DbaColumn *column, const DbaList **ret_labels) {
  const char *type = column->type_name ? column->type_name : "";
  for (size_t i = 0; i < G_N_ELEMENTS(makers); i++)
    if (!strcmp(makers[i].type, type))
      return &makers[i];
  for (DBA_EACH(DbaType, x, &schema->types))
    if (!strcmp(x->kind, "enum") && !strcmp(x->name, type)) {
      *ret_labels = &x->labels;
      return &enumeration;
    }
  return type[0] == '_' ? &array : &pick;
}

uint64_t dba_length_limit(const char *type) {
  const char *open = strchr(type, '(');
  bool text = g_str_has_prefix(type, "character") || g_str_has_prefix(type, "vector") || g_str_has_prefix(type, "halfvec");
  return open && text ? g_ascii_strtoull(open + 1, NULL, 10) : 0;
}

// ---- texts of numbers -----------------------------------------------------------------------------------------------

static void append_digits(GString *out, uint64_t n, unsigned width, unsigned base) { // in small letters
  char digits[16];
  for (unsigned i = width; i-- > 0; n /= base)
    digits[i] = "0123456789abcdefghijklmnopqrstuvwxyz"[n % base];
  g_string_append_len(out, digits, width);
}

static void append_moment(GString *out, double seconds, const char *style) {
  double day = floor(seconds / 86400), rest = seconds - day * 86400;
  // The civil date of a day number (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms").
  int64_t z = (int64_t)day + 719468, era = (z >= 0 ? z : z - 146096) / 146097, doe = z - era * 146097,
          yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365, doy = doe - (365 * yoe + yoe / 4 - yoe / 100),
          mp = (5 * doy + 2) / 153, d = doy - (153 * mp + 2) / 5 + 1, m = mp < 10 ? mp + 3 : mp - 9, y = yoe + era * 400 + (m <= 2);
  bool bc = y < 1;
  g_string_append_printf(out, "%04d-%02d-%02d", (int)(bc ? 1 - y : y), (int)m, (int)d);
  if (strcmp(style, "date")) {
    int64_t micros = llround(rest * 1e6);
    g_string_append_printf(out, " %02d:%02d:%02d", (int)(micros / 3600000000), (int)(micros / 60000000 % 60), (int)(micros / 1000000 % 60));
    if (micros % 1000000)
      g_string_append_printf(out, ".%06d", (int)(micros % 1000000));
    if (!strcmp(style, "timestamptz"))
      g_string_append(out, "+00");
  }
  if (bc)
    g_string_append(out, " BC");
}

static void append_uuid(GString *out, double high, uint64_t salt, uint64_t index) {
  uint64_t h = (uint64_t)high & 0xfffffffffffffu, low = dba_mix(salt ^ index), more = dba_mix(low);
  g_string_append_printf(out, "%08x-%04x-%x%03x-%04x-%012" G_GINT64_MODIFIER "x", (unsigned)(h >> 20), (unsigned)(h >> 4 & 0xffff),
                         (unsigned)(h & 0xf), (unsigned)(low & 0xfff), (unsigned)(low >> 16 & 0xffff), more & 0xffffffffffff);
}

static void append_number(const DbaColumnModel *model, double x, uint64_t index, GString *out) {
  char text[G_ASCII_DTOSTR_BUF_SIZE];
  switch (model->maker->kind) {
  case DBA_VALUE_WHOLE: g_string_append_printf(out, "%" G_GINT64_FORMAT, (int64_t)llround(CLAMP(x, -9.2e18, 9.2e18))); break;
  case DBA_VALUE_NUMERIC: g_string_append_printf(out, "%.*f", model->scale, x); break;
  case DBA_VALUE_REAL: g_string_append(out, g_ascii_dtostr(text, sizeof text, x)); break;
  case DBA_VALUE_MOMENT: append_moment(out, x, model->maker->style); break;
  case DBA_VALUE_TIME: {
    int64_t micros = CLAMP(llround(x * 1e6), 0, 86399999999);
    g_string_append_printf(out, "%02d:%02d:%02d.%06d", (int)(micros / 3600000000), (int)(micros / 60000000 % 60),
                           (int)(micros / 1000000 % 60), (int)(micros % 1000000));
    break;
  }
  case DBA_VALUE_INTERVAL: g_string_append_printf(out, "%.6f seconds", x); break;
  case DBA_VALUE_UUID: append_uuid(out, x, model->salt, index); break;
  case DBA_VALUE_ADDRESS: {
    uint32_t address = (uint32_t)x;
    g_string_append_printf(out, "%u.%u.%u.%u", address >> 24, address >> 16 & 255, address >> 8 & 255, address & 255);
    break;
  }
  default: break;
  }
}

// ---- texts ----------------------------------------------------------------------------------------------------------

// The whole characters among the first bytes.
static size_t whole_characters(const char *text, size_t bytes) {
  while (bytes > 0 && ((unsigned char)text[bytes] & 0xc0) == 0x80)
    bytes--;
  return bytes;
}

static unsigned digits_for(const DbaColumnModel *model) {
  unsigned digits = 1, base = model->decimal ? 10 : 36;
  for (uint64_t reach = base; reach < model->distinct && digits < 12; reach *= base)
    digits++;
  return digits;
}

// Words that no dictionary knows: what long text is made of.
static void append_words(GString *out, uint64_t seed, size_t bytes) {
  size_t end = out->len + bytes;
  while (out->len < end) {
    uint64_t word = dba_mix(seed++);
    for (unsigned length = 2 + (unsigned)(word & 7); length-- && out->len < end; word >>= 5)
      g_string_append_c(out, (char)('a' + (word >> 3) % 26));
    if (out->len < end)
      g_string_append_c(out, ' ');
  }
}

static void append_text(const DbaColumnModel *model, const DbaSegment *segment, uint64_t index, GString *out) {
  unsigned digits = digits_for(model);
  const char *low = segment->low ? segment->low->text : "";
  size_t length = strlen(low), wanted = model->width ? model->width - 1 : 8;
  if (length) {
    size_t kept = length > digits ? whole_characters(low, length - digits) : 0;
    while (kept > 0 && low[kept - 1] == '\\') // half of an escape
      kept--;
    g_string_append_len(out, low, (gssize)kept);
  } else if (wanted > digits) {
    size_t limit = model->limit ? (size_t)model->limit : wanted;
    append_words(out, dba_mix(model->salt ^ index), MIN(wanted, limit) - MIN(digits, MIN(wanted, limit)));
  }
  append_digits(out, index, model->limit && model->limit < digits ? (unsigned)model->limit : digits, model->decimal ? 10 : 36);
}

static void append_json(const DbaColumnModel *model, const DbaSegment *segment, uint64_t k, uint64_t index, GString *out) {
  const char *low = segment->low ? segment->low->text : "{}";
  size_t length = strlen(low);
  if (segment->low && (k == 0 || low[0] != '{' || model->exact)) { // as it is named
    g_string_append(out, low);
    return;
  }
  if (length > 2)
    g_string_append_printf(out, "%.*s, \"~\": %" G_GUINT64_FORMAT "}", (int)length - 1, low, index);
  else {
    size_t wanted = out->len + (model->width ? model->width : 24);
    g_string_append_printf(out, "{\"n\": %" G_GUINT64_FORMAT ", \"text\": \"", index);
    append_words(out, dba_mix(model->salt ^ index), wanted > out->len + 3 ? wanted - out->len - 3 : 0);
    g_string_append(out, "\"}");
  }
}

// ---- values of many -------------------------------------------------------------------------------------------------

static void append_element(GString *out, const char *element, bool lexeme) {
  g_string_append_c(out, lexeme ? '\'' : '"');
  for (const char *p = element; *p; p++) {
    if (lexeme && *p == '\'')
      g_string_append_c(out, '\'');
    else if (*p == '\\' || (*p == '"' && !lexeme))
      g_string_append(out, "\\\\"); // one backslash behind COPY's own
    if (*p == '\\')
      g_string_append(out, "\\\\");
    else if (*p == '\t' || *p == '\n' || *p == '\r')
      g_string_append_c(out, ' ');
    else
      g_string_append_c(out, *p);
  }
  g_string_append_c(out, lexeme ? '\'' : '"');
}

// So many different elements, each as often as it is in the subject; what no list names is made up.
static void append_elements(const DbaColumnModel *model, uint64_t rank, GString *out) {
  bool lexeme = model->maker->kind == DBA_VALUE_LEXEMES;
  uint64_t seed = dba_mix(model->salt ^ rank);
  double known = model->n_elements ? model->element_sums[model->n_elements - 1] : 0, all = fmax(model->elements_to_row, known);
  unsigned count = (unsigned)(model->elements_to_row + (double)(seed >> 40) / (double)(1 << 24)), taken[64], n = 0;
  if (model->n_counts)
    count = (unsigned)CLAMP(model->counts[seed % model->n_counts], 0, 64);
  count = MIN(count, G_N_ELEMENTS(taken));
  for (unsigned tries = 0; n < count && tries < 4 * count; tries++) {
    double at = (double)((seed = dba_mix(seed)) >> 11) * 0x1p-53 * all;
    unsigned low = 0, high = model->n_elements;
    while (low < high) {
      unsigned middle = (low + high) / 2;
      if (model->element_sums[middle] > at)
        high = middle;
      else
        low = middle + 1;
    }
    bool again = false;
    for (unsigned i = 0; i < n; i++)
      again |= taken[i] == low && low < model->n_elements;
    if (!again)
      taken[n++] = low;
  }
  bool words = lexeme || strstr(model->column->type_name ? model->column->type_name : "", "text") ||
               strstr(model->column->type_name ? model->column->type_name : "", "char");
  g_string_append(out, lexeme ? "" : "{");
  for (unsigned i = 0; i < n; i++) {
    g_string_append(out, i ? (lexeme ? " " : ",") : "");
    if (taken[i] < model->n_elements)
      append_element(out, model->elements[taken[i]], lexeme);
    else if (words)
      g_string_append_printf(out, "w%u", (unsigned)(dba_mix(seed + i) % 20011));
    else if (model->n_elements)
      append_element(out, model->elements[dba_mix(seed + i) % model->n_elements], lexeme);
    else
      g_string_append_printf(out, "%u", (unsigned)(dba_mix(seed + i) % 20011));
  }
  g_string_append(out, lexeme ? "" : "}");
}

static void append_vector(const DbaColumnModel *model, uint64_t index, GString *out) {
  uint64_t dimensions = CLAMP(model->limit, 3, 16000), seed = dba_mix(model->salt ^ index);
  g_string_append_c(out, '[');
  for (uint64_t i = 0; i < dimensions; i++) {
    seed = dba_mix(seed);
    g_string_append_printf(out, "%s%.4f", i ? "," : "", (double)(seed >> 40) / (double)(1 << 23) - 1);
  }
  g_string_append_c(out, ']');
}

// ---- values of a place ----------------------------------------------------------------------------------------------

static double number_at(const DbaColumnModel *model, const DbaSegment *segment, uint64_t k) {
  double low = segment->low->number, width = segment->high->number - low, parts = (double)(segment->distinct + segment->open),
         place = (double)(k + segment->open);
  if (segment->last)
    parts = fmax(1, parts - 1);
  if (model->step <= 0)
    return low + width * place / parts;
  return low + floor(floor(width / model->step + 1e-6) * place / parts + 1e-9) * model->step;
}

bool dba_column_on_a_line(const DbaColumnModel *model) {
  return model->n_segments && (model->stride > 0 || (model->segments[0].low && model->segments[0].low->has_number));
}

uint64_t dba_column_rank_of(const DbaColumnModel *model, double number) {
  if (model->stride > 0)
    return MIN(dba_count((number - model->line_from) / model->stride), model->rows - 1);
  unsigned low = 0, high = model->n_segments;
  while (high - low > 1) {
    unsigned middle = (low + high) / 2;
    if (model->segments[middle].low->number <= number)
      low = middle;
    else
      high = middle;
  }
  const DbaSegment *segment = &model->segments[low];
  double width = segment->high->number - segment->low->number,
         at = width > 0 ? CLAMP((number - segment->low->number) / width, 0, 1) * (double)(segment->to - segment->from) : 0;
  return MIN(segment->from + (uint64_t)at, segment->to - 1);
}

// The value of a foreign key: its parents between the bounds in turn, or, where they lie on no line, those of the same place.
static void append_parent(const DbaColumnModel *model, const DbaSegment *segment, uint64_t k, uint64_t index, GString *out) {
  const DbaColumnModel *parent = &model->parent->columns[model->parent_column];
  uint64_t rank;
  if (!parent->rows)
    return;
  if (dba_column_on_a_line(model) && dba_column_on_a_line(parent) && segment->low && segment->high->has_number) {
    uint64_t low = dba_column_rank_of(parent, segment->low->number), high = dba_column_rank_of(parent, segment->high->number),
             parts = segment->distinct + segment->open - (segment->last && segment->distinct > 1);
    rank = segment->point ? low : low + dba_proportion(k + segment->open, parts, high - low);
  } else
    rank = dba_proportion(index, model->distinct, parent->rows);
  dba_column_value(parent, MIN(rank, parent->rows - 1), out);
}

static void append_place(const DbaColumnModel *model, const DbaSegment *segment, uint64_t k, GString *out) {
  uint64_t index = segment->first + k;
  if (model->parent) {
    append_parent(model, segment, k, index, out);
    return;
  }
  if (segment->point || (segment->low && model->exact)) {
    g_string_append(out, segment->low->text);
    return;
  }
  switch (model->maker->kind) {
  case DBA_VALUE_TEXT: append_text(model, segment, index, out); return;
  case DBA_VALUE_JSON: append_json(model, segment, k, index, out); return;
  case DBA_VALUE_VECTOR: append_vector(model, index, out); return;
  case DBA_VALUE_ARRAY:
  case DBA_VALUE_LEXEMES: append_elements(model, index, out); return;
  case DBA_VALUE_POINT:
    g_string_append_printf(out, "(%.4f,%.4f)", (double)(dba_mix(model->salt ^ index) % 1000000) / 1e4,
                           (double)(dba_mix(~model->salt ^ index) % 1000000) / 1e4);
    return;
  case DBA_VALUE_BOOL: g_string_append(out, index % 2 ? "t" : "f"); return;
  case DBA_VALUE_BYTES:
    g_string_append(out, "\\\\x");
    for (uint64_t i = 0; i < MAX(8, model->width); i += 8)
      g_string_append_printf(out, "%016" G_GINT64_MODIFIER "x", dba_mix(model->salt ^ index * 8191 ^ i));
    return;
  case DBA_VALUE_ENUM:
    if (segment->low)
      g_string_append(out, segment->low->text);
    else if (model->labels && model->labels->n)
      g_string_append(out, dba_list_text(model->labels, index % model->labels->n));
    return;
  case DBA_VALUE_PICK:
    if (segment->low)
      g_string_append(out, segment->low->text);
    return;
  default:
    if (segment->low && segment->low->has_number && segment->high->has_number)
      append_number(model, number_at(model, segment, k), index, out);
    else if (segment->low)
      g_string_append(out, segment->low->text);
    else // nothing is known: numbers from 1, moments from 2024
      append_number(model, model->maker->kind == DBA_VALUE_MOMENT ? 1704067200 + (double)index * fmax(60, model->step) : (double)index + 1,
                    index, out);
  }
}

static const DbaSegment *segment_at(const DbaColumnModel *model, uint64_t place, bool by_rank) {
  unsigned low = 0, high = model->n_segments;
  while (high - low > 1) {
    unsigned middle = (low + high) / 2;
    if ((by_rank ? model->segments[middle].from : model->segments[middle].first) <= place)
      low = middle;
    else
      high = middle;
  }
  return &model->segments[low];
}

static uint64_t within(const DbaSegment *segment, uint64_t rank) { // which of the segment's values
  return dba_proportion(rank - segment->from, segment->to - segment->from, segment->distinct);
}

void dba_column_value(const DbaColumnModel *model, uint64_t rank, GString *out) {
  if (model->stride > 0) {
    append_number(model, model->line_from + floor((double)rank * model->stride / model->step + 1e-6) * model->step, rank, out);
    return;
  }
  if (model->parent && model->unique) { // one to one, with those between its least and its greatest when they are enough
    const DbaColumnModel *parent = &model->parent->columns[model->parent_column];
    uint64_t from = 0, range = parent->rows;
    if (dba_column_on_a_line(model) && dba_column_on_a_line(parent) && model->n_knots > 1 && model->knots[model->n_knots - 1].has_number) {
      uint64_t low = dba_column_rank_of(parent, model->knots[0].number),
               high = dba_column_rank_of(parent, model->knots[model->n_knots - 1].number);
      if (high >= low && high - low + 1 >= model->rows) {
        from = low;
        range = high - low + 1;
      }
    }
    if (parent->rows)
      dba_column_value(parent, MIN(from + dba_proportion(rank, model->rows, range), parent->rows - 1), out);
    return;
  }
  const DbaSegment *segment = segment_at(model, rank, true);
  if (model->n_elements && !segment->point && !model->exact) // each row's own: how many differ comes of itself
    append_elements(model, rank, out);
  else
    append_place(model, segment, within(segment, rank), out);
}

void dba_column_nth(const DbaColumnModel *model, uint64_t index, GString *out) {
  const DbaSegment *segment = segment_at(model, index, false);
  append_place(model, segment, MIN(index - segment->first, segment->distinct - 1), out);
}

void dba_column_nth_apart(const DbaColumnModel *model, uint64_t index, GString *out) {
  if (model->parent && model->parent->rows >= model->distinct)
    dba_column_value(&model->parent->columns[model->parent_column], dba_proportion(index, model->distinct, model->parent->rows), out);
  else
    dba_column_nth(model, index, out);
}

uint64_t dba_column_index(const DbaColumnModel *model, uint64_t rank, uint64_t *ret_ordinal, uint64_t *ret_sharers) {
  if (model->parent && model->unique) {
    *ret_ordinal = 0;
    *ret_sharers = 1;
    return rank;
  }
  const DbaSegment *segment = segment_at(model, rank, true);
  uint64_t k = within(segment, rank), rows = segment->to - segment->from,
           first = segment->from + dba_proportion(k, segment->distinct, rows),
           next = segment->from + dba_proportion(k + 1, segment->distinct, rows);
  first += within(segment, first) < k; // rounded up
  next += next < segment->to && within(segment, next) <= k;
  *ret_ordinal = rank - first;
  *ret_sharers = MAX(1, next - first);
  return segment->first + k;
}

double dba_column_largest(const DbaColumnModel *model) {
  double largest = 0;
  for (unsigned i = 0; i < model->n_segments; i++) {
    const DbaSegment *segment = &model->segments[i];
    largest = fmax(largest, ceil((double)(segment->to - segment->from) / (double)segment->distinct));
  }
  return model->rows ? largest / (double)model->rows : 0;
}

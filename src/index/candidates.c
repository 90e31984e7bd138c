// SPDX-License-Identifier: Apache-2.0
// Candidates: the indexes that some statement could want, and those that are there.
//
// For a table's part in a statement a btree's keys begin with what is compared for equality, in orders that matter to others too, go on
// with one range or one order, and may end with all other columns that are read, so that the table itself is not.  Each of these also
// with a predicate that the statement always says.  Other methods come of the operators that they serve.  What no plan uses
// costs a moment, and the choice lets it go; what is not here can never be chosen: so rather too many than too few.
#include "index/index-int.h"

#include <string.h>

enum {
  MOST_KEYS = 4,
  MOST_EQUAL = 5,    // keys whose orders are tried
  MOST_INCLUDED = 6, // columns that an index may hold besides its keys
};
static const double LARGEST_SHARE = 0.5;    // of the rows that a partial index is worth having for
static const double LARGEST_PART = 0.6;     // of a row that an index may hold for reading it alone
static const double BRIN_CORRELATION = 0.8; // of a column with the order on disk
static const int64_t WIDE_KEY = 20;         // bytes
static const double BRIN_PAGES = 1024;      // a table below is read as fast

typedef struct Maker {
  const DbaIndexOptions *options;
  DbaArena *arena;
  DbaList *candidates, *shapes;
  GHashTable *made; // identities
  const DbaIndexNeed *need;
} Maker;

typedef struct Keys {
  const char *key[MOST_KEYS], *direction[MOST_KEYS];
  uint32_t n;
} Keys;

static bool has_key(const Keys *keys, const char *key) {
  for (uint32_t i = 0; i < keys->n; i++)
    if (!strcmp(keys->key[i], key))
      return true;
  return false;
}

static bool add_key(Keys *keys, const char *key, const char *direction) {
  if (keys->n == MOST_KEYS || has_key(keys, key))
    return false;
  keys->key[keys->n] = key;
  keys->direction[keys->n++] = direction && *direction ? direction : NULL;
  return true;
}

// ---- one candidate --------------------------------------------------------------------------------------------------

const char *dba_index_joined(DbaArena *arena, const DbaList *texts) {
  g_autoptr(GString) text = g_string_new(NULL);
  for (uint32_t i = 0; i < texts->n; i++)
    g_string_append_printf(text, "%s%s", i ? ", " : "", dba_list_text(texts, i));
  return texts->n ? dba_arena_text(arena, text->str) : NULL;
}

static bool is_of_a_word(char c) { return g_ascii_isalnum(c) || c == '_' || (c & 0x80); }

void dba_index_key_words(DbaArena *arena, const char *keys, DbaList *ret_words) {
  enum { MOST_WORDS = 4 };
  static const char *const others[] = {"desc", "asc", "nulls", "first", "last", "from", "for", "text", "regconfig", NULL};
  while (*keys && ret_words->n < MOST_WORDS) {
    const char *begin = keys;
    while (is_of_a_word(*keys))
      keys++;
    g_autofree char *word = g_strndup(begin, (gsize)(keys - begin));
    if (*word && !g_strv_contains(others, word))
      dba_list_add_text(arena, ret_words, dba_arena_text(arena, word));
    if (keys == begin)
      keys++;
  }
}

char *dba_index_squeezed(const char *text) {
  g_autofree char *lower = g_ascii_strdown(text, -1);
  char *to = lower;
  for (const char *p = lower; *p; p++)
    if (!g_ascii_isspace(*p))
      *to++ = *p;
  *to = '\0';
  return g_strdup(lower);
}

// What makes two indexes the same.
static char *identity(const DbaIndexCandidate *candidate) {
  return g_strdup_printf("%s.%s|%s|%s|%s|%s", candidate->schema, candidate->table, candidate->method, candidate->keys,
                         candidate->included ? candidate->included : "", candidate->predicate ? candidate->predicate : "");
}

void dba_index_append_create(GString *sql, const char *how, const char *name, const char *on, const DbaIndexCandidate *candidate) {
  g_string_append_printf(sql, "CREATE INDEX %s", how);
  if (name)
    dba_sql_append_identifier(sql, name);
  g_string_append_printf(sql, "%sON %s USING %s (%s)", name ? " " : "", on, candidate->method, candidate->keys);
  if (candidate->included)
    g_string_append_printf(sql, " INCLUDE (%s)", candidate->included);
  if (candidate->predicate)
    g_string_append_printf(sql, " WHERE %s", candidate->predicate);
}

static const char *create_text(DbaArena *arena, const DbaIndexCandidate *candidate) {
  g_autofree char *table = dba_sql_name(candidate->schema, candidate->table);
  g_autoptr(GString) sql = g_string_new(NULL);
  dba_index_append_create(sql, "", NULL, table, candidate);
  return dba_arena_text(arena, sql->str);
}

// By its table, or its table and keys.
static bool is_forbidden(const DbaIndexOptions *options, const DbaIndexCandidate *candidate) {
  g_autofree char *full = g_strdup_printf("%s.%s", candidate->schema, candidate->table),
                  *keyed = g_strdup_printf("%s(%s)", candidate->table, candidate->keys),
                  *both = g_strdup_printf("%s(%s)", full, candidate->keys);
  const char *const names[] = {candidate->table, full, keyed, both};
  for (const char *const *name = options->forbid; name && *name; name++)
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
      g_autofree char *said = dba_index_squeezed(*name), *wanted = dba_index_squeezed(names[i]);
      if (!strcmp(said, wanted))
        return true;
    }
  return false;
}

static void add(Maker *maker, const DbaIndexShape *shape) {
  DbaIndexCandidate candidate = {.schema = shape->relation->schema,
                                 .table = shape->relation->name,
                                 .method = dba_arena_text(maker->arena, shape->method), // facts go with the sessions
                                 .keys = dba_index_joined(maker->arena, &shape->written),
                                 .included = dba_index_joined(maker->arena, &shape->included),
                                 .predicate = dba_arena_text(maker->arena, shape->predicate)};
  if (is_forbidden(maker->options, &candidate) || !g_hash_table_add(maker->made, identity(&candidate)))
    return;
  candidate.definition = create_text(maker->arena, &candidate);
  *(DbaIndexCandidate *)dba_list_add(maker->arena, maker->candidates, sizeof candidate) = candidate;
  *(DbaIndexShape *)dba_list_add(maker->arena, maker->shapes, sizeof *shape) = *shape;
}

static void add_btree(Maker *maker, const Keys *keys, const DbaList *included, const char *predicate) {
  DbaIndexShape shape = {.relation = maker->need->relation, .method = "btree", .predicate = predicate};
  for (uint32_t i = 0; i < keys->n; i++) {
    dba_list_add_text(maker->arena, &shape.keys, keys->key[i]);
    dba_list_add_text(maker->arena, &shape.written,
                      keys->direction[i] ? dba_arena_format(maker->arena, "%s %s", keys->key[i], keys->direction[i]) : keys->key[i]);
  }
  if (included)
    shape.included = *included;
  add(maker, &shape);
}

// Would an index of all that is read be a second table?
static bool is_most_of_the_row(const DbaIndexNeed *need) {
  double read = 0, all = 0;
  for (DBA_EACH(DbaColumnStatistics, statistics, &need->relation->statistics)) {
    g_autofree char *name = dba_sql_name(NULL, statistics->column);
    all += (double)statistics->width_bytes;
    if (dba_list_has_text(&need->needed, name))
      read += (double)statistics->width_bytes;
  }
  return need->needed.n >= need->relation->columns.n || read > LARGEST_PART * all;
}

// The columns that are read beside the keys, as long as an index may hold all of them.
static bool rest_of(const Maker *maker, const Keys *keys, DbaList *ret_rest) {
  if (maker->need->whole || is_most_of_the_row(maker->need))
    return false;
  for (DBA_EACH_TEXT(column, &maker->need->needed))
    if (!has_key(keys, *column))
      dba_list_add_text(maker->arena, ret_rest, *column);
  return ret_rest->n > 0 && ret_rest->n <= MOST_INCLUDED;
}

// Of "(state = 'failed'::text)" the state says nothing as a key.
static bool fixes_a_key(const DbaIndexPredicate *predicate, const Keys *keys) {
  for (uint32_t i = 0; i < keys->n; i++) {
    g_autofree char *beginning = g_strdup_printf("(%s = ", keys->key[i]);
    if (g_str_has_prefix(predicate->text, beginning))
      return true;
  }
  return false;
}

// The keys alone, and with all that is read; each for all rows and for those that the statement always means.
static void add_keys(Maker *maker, const Keys *keys) {
  DbaList rest = {0};
  bool covers = rest_of(maker, keys, &rest);
  for (int i = -1; i < (int)maker->need->predicates.n; i++) {
    const DbaIndexPredicate *predicate = i < 0 ? NULL : dba_list_at(DbaIndexPredicate, &maker->need->predicates, i);
    if (predicate && (predicate->share > LARGEST_SHARE || fixes_a_key(predicate, keys)))
      continue;
    add_btree(maker, keys, NULL, predicate ? predicate->text : NULL);
    if (!covers)
      continue;
    add_btree(maker, keys, &rest, predicate ? predicate->text : NULL);
    bool alike = keys->n + rest.n <= MOST_KEYS;
    for (DBA_EACH_TEXT(column, &rest))
      alike &= !dba_list_has_text(&maker->need->unlike, *column);
    if (!alike)
      continue;
    Keys all = *keys; // as keys: equal ones are stored once, which included ones are not
    for (DBA_EACH_TEXT(column, &rest))
      add_key(&all, *column, NULL);
    add_btree(maker, &all, NULL, predicate ? predicate->text : NULL);
  }
}

// ---- btrees of one need ---------------------------------------------------------------------------------------------

static void add_two(Maker *maker, const char *first, const char *second) {
  Keys keys = {0};
  if (add_key(&keys, first, NULL) && add_key(&keys, second, NULL))
    add_keys(maker, &keys);
}

// From the keys so far, each further equality, and after them a range.
static void extend(Maker *maker, const Keys *keys) {
  const DbaIndexNeed *need = maker->need;
  if (keys->n)
    add_keys(maker, keys);
  for (uint32_t i = 0; i < MIN(need->equal.n, MOST_EQUAL) && keys->n < 3; i++) {
    Keys more = *keys;
    if (add_key(&more, dba_list_text(&need->equal, i), NULL))
      extend(maker, &more);
  }
  for (DBA_EACH_TEXT(range, &need->ranges)) {
    Keys more = *keys;
    if (add_key(&more, *range, NULL))
      add_keys(maker, &more);
  }
  for (DBA_EACH(DbaList, order, &need->orders)) {
    Keys more = *keys;
    bool backwards = true; // a btree is read in both directions
    for (DBA_EACH(DbaIndexOrderKey, key, order))
      backwards &= !strcmp(key->direction, "desc");
    for (DBA_EACH(DbaIndexOrderKey, key, order))
      add_key(&more, key->key, backwards ? NULL : key->direction);
    if (more.n > keys->n)
      add_keys(maker, &more);
  }
}

static void add_btrees(Maker *maker) {
  const DbaIndexNeed *need = maker->need;
  extend(maker, &(Keys){0});
  for (DBA_EACH_TEXT(range, &need->ranges)) { // what follows a range narrows what is read of the table still
    for (DBA_EACH_TEXT(other, &need->equal))
      add_two(maker, *range, *other);
    for (DBA_EACH_TEXT(other, &need->ranges))
      add_two(maker, *range, *other);
  }
  Keys keys = {0};
  if (!need->equal.n && !need->ranges.n && !need->orders.n && need->needed.n && add_key(&keys, dba_list_text(&need->needed, 0), NULL))
    add_keys(maker, &keys); // nothing but the index is read
}

// ---- other methods --------------------------------------------------------------------------------------------------

static const DbaColumnStatistics *statistics_of(const DbaRelation *relation, const char *key) {
  for (DBA_EACH(DbaColumnStatistics, statistics, &relation->statistics)) {
    g_autofree char *quoted = dba_sql_name(NULL, statistics->column);
    if (!strcmp(quoted, key))
      return statistics;
  }
  return NULL;
}

// Ranges of pages tell something only where values lie in the order of the disk.
static bool suits_brin(const DbaRelation *relation, const DbaIndexMatch *match) {
  const DbaColumnStatistics *statistics = statistics_of(relation, match->key);
  return !match->operators && (double)relation->pages >= BRIN_PAGES && statistics &&
         (statistics->correlation >= BRIN_CORRELATION || statistics->correlation <= -BRIN_CORRELATION);
}

static bool is_compared(const DbaIndexNeed *need, const char *key) {
  return dba_list_has_text(&need->equal, key) || dba_list_has_text(&need->ranges, key);
}

// A hash index holds four bytes of a key whatever its width: of short keys a btree is as small, and does more.
static bool suits_hash(const DbaRelation *relation, const DbaIndexMatch *match) {
  const DbaColumnStatistics *statistics = statistics_of(relation, match->key);
  return !match->operators && statistics && statistics->width_bytes >= WIDE_KEY;
}

static bool has_gin(const DbaIndexNeed *need, const char *key) {
  for (DBA_EACH(DbaIndexMatch, match, &need->matches))
    if (!strcmp(match->method, "gin") && !strcmp(match->key, key))
      return true;
  return false;
}

// Is there a method whose default class serves the key?
static bool has_default(const DbaIndexNeed *need, const DbaIndexMatch *but) {
  for (DBA_EACH(DbaIndexMatch, match, &need->matches))
    if (!match->operators && !strcmp(match->key, but->key) && strcmp(match->method, but->method) && strcmp(match->method, "brin") &&
        strcmp(match->method, "hash"))
      return true;
  return false;
}

// What a btree compares, GiST and SP-GiST need not; what GIN finds, GiST finds with rechecks that the planner does not count (documentation,
// "Preferred Index Types for Text Search"); a class that is no default is for what no default serves.
static bool suits(const Maker *maker, const DbaIndexMatch *match) {
  const DbaIndexNeed *need = maker->need;
  if (!strcmp(match->method, "brin"))
    return suits_brin(need->relation, match);
  if (!strcmp(match->method, "hash"))
    return suits_hash(need->relation, match);
  if (!strcmp(match->method, "ivfflat")) // its lists stand on the rows of the day that it is built on
    return false;
  if (match->operators ? has_default(need, match) : is_compared(need, match->key))
    return false;
  return strcmp(match->method, "gist") || !has_gin(need, match->key);
}

static void add_match(Maker *maker, const DbaIndexMatch *match) {
  if (!suits(maker, match))
    return;
  DbaIndexShape shape = {.relation = maker->need->relation, .method = match->method};
  dba_list_add_text(maker->arena, &shape.keys, match->key);
  dba_list_add_text(maker->arena, &shape.written,
                    match->operators ? dba_arena_format(maker->arena, "%s %s", match->key, match->operators) : match->key);
  add(maker, &shape);
}

// Does a btree of texts sort by bytes there, so that it serves LIKE 'abc%'?
static bool sorts_by_bytes(const DbaSurvey *survey) {
  const char *collate = survey->server.collate;
  return !collate || !strcmp(collate, "C") || !strcmp(collate, "POSIX") || !g_strcmp0(survey->server.locale_provider, "builtin");
}

static void add_pattern(Maker *maker, const char *key) {
  DbaIndexShape shape = {.relation = maker->need->relation, .method = "btree"};
  const DbaColumn *column = dba_relation_column(maker->need->relation, key);
  const char *operators = sorts_by_bytes(maker->options->survey)               ? ""
                          : column && !g_strcmp0(column->type_name, "bpchar")  ? " bpchar_pattern_ops"
                          : column && !g_strcmp0(column->type_name, "varchar") ? " varchar_pattern_ops"
                                                                               : " text_pattern_ops";
  dba_list_add_text(maker->arena, &shape.keys, key);
  dba_list_add_text(maker->arena, &shape.written, dba_arena_format(maker->arena, "%s%s", key, operators));
  add(maker, &shape);
}

// ---- what somebody asks about ---------------------------------------------------------------------------------------

static bool take_statement(const DbaSqlStatement *statement, void *data, GError **error) {
  const DbaSqlFacts **facts = data;
  (void)error;
  if (statement->item.kind == DBA_SQL_STATEMENT && statement->facts.tag == DBA_SQL_CREATE_INDEX) {
    DbaSqlFacts *own = g_new(DbaSqlFacts, 1);
    *own = statement->facts;
    own->schema = g_strdup(statement->facts.schema);
    own->table = g_strdup(statement->facts.table);
    *facts = own;
  }
  return true;
}

static const DbaRelation *relation_of(const DbaSurvey *survey, const char *sql) {
  DbaSqlFacts *facts = NULL;
  const DbaRelation *found = NULL;
  g_autoptr(GError) unread = NULL;
  g_autoptr(DbaSqlReader) reader = dba_sql_reader_text("--why", sql, strlen(sql));
  if (!dba_sql_visit(reader, take_statement, &facts, &unread) || !facts)
    return NULL;
  for (DBA_EACH(DbaRelation, relation, &survey->schema.relations))
    if (!g_strcmp0(relation->name, facts->table) && (!facts->schema || !strcmp(relation->schema, facts->schema)) &&
        (!found || !strcmp(relation->schema, "public")))
      found = relation;
  g_free((char *)(uintptr_t)facts->schema);
  g_free((char *)(uintptr_t)facts->table);
  g_free(facts);
  return found;
}

// "orders(status)" or a whole CREATE INDEX.  One whose table is not there is a candidate that nothing is known of: the twin says why.
static void add_question(const DbaIndexOptions *options, const char *question, DbaArena *arena, DbaList *candidates, DbaList *shapes) {
  bool whole = !g_ascii_strncasecmp(question, "create ", 7);
  const char *definition = dba_arena_format(arena, "%s%s", whole ? "" : "CREATE INDEX ON ", question);
  const DbaRelation *relation = relation_of(options->survey, definition);
  *(DbaIndexCandidate *)dba_list_add(arena, candidates, sizeof(DbaIndexCandidate)) =
      (DbaIndexCandidate){.definition = definition,
                          .schema = relation ? relation->schema : "",
                          .table = relation ? relation->name : "",
                          .method = "",
                          .question = true};
  *(DbaIndexShape *)dba_list_add(arena, shapes, sizeof(DbaIndexShape)) = (DbaIndexShape){.relation = relation, .method = ""};
}

void dba_index_make_candidates(const DbaIndexOptions *options, const DbaList *needs, DbaArena *arena, DbaList *ret_candidates,
                               DbaList *ret_shapes) {
  g_autoptr(GHashTable) made = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  Maker maker = {options, arena, ret_candidates, ret_shapes, made, NULL};
  dba_index_take_existing(options, arena, ret_candidates, ret_shapes);
  for (DBA_EACH(DbaIndexCandidate, candidate, ret_candidates))
    g_hash_table_add(made, identity(candidate));
  for (const char *const *question = options->questions; question && *question; question++)
    add_question(options, *question, arena, ret_candidates, ret_shapes);
  for (DBA_EACH(DbaIndexNeed, need, needs)) {
    if (!need->relation)
      continue;
    maker.need = need;
    add_btrees(&maker);
    for (DBA_EACH(DbaIndexMatch, match, &need->matches))
      add_match(&maker, match);
    for (DBA_EACH_TEXT(key, &need->patterns))
      add_pattern(&maker, *key);
  }
}

// ---- what bears on what ---------------------------------------------------------------------------------------------

static bool says(const DbaIndexNeed *need, const char *predicate) {
  for (DBA_EACH(DbaIndexPredicate, said, &need->predicates))
    if (!strcmp(said->text, predicate))
      return true;
  return false;
}

static bool covers(const DbaIndexShape *shape, const DbaIndexNeed *need) {
  if (need->whole || !need->needed.n)
    return false;
  for (DBA_EACH_TEXT(column, &need->needed))
    if (!dba_list_has_text(&shape->keys, *column) && !dba_list_has_text(&shape->included, *column))
      return false;
  return true;
}

bool dba_index_bears_on(const DbaIndexCandidate *candidate, const DbaIndexShape *shape, const DbaIndexNeed *need) {
  if (shape->relation != need->relation)
    return false;
  if (candidate->existing || candidate->question) // of those it may be anything
    return true;
  if (shape->predicate && !says(need, shape->predicate))
    return false;
  const char *first = dba_list_text(&shape->keys, 0);
  if (strcmp(shape->method, "btree")) {
    for (DBA_EACH(DbaIndexMatch, match, &need->matches))
      if (!strcmp(match->method, shape->method) && !strcmp(match->key, first))
        return true;
    return false;
  }
  if (is_compared(need, first) || dba_list_has_text(&need->patterns, first) || covers(shape, need))
    return true;
  for (DBA_EACH(DbaList, order, &need->orders))
    if (order->n && !strcmp(dba_list_at(DbaIndexOrderKey, order, 0)->key, first))
      return true;
  return shape->predicate != NULL; // the predicate alone narrows
}

// ---- what does the work of others -----------------------------------------------------------------------------------

static bool is_wider(const DbaIndexShape *shape, const DbaIndexShape *other) {
  if (shape->relation != other->relation || strcmp(shape->method, other->method) || !shape->keys.n ||
      g_strcmp0(shape->predicate, other->predicate) || other->keys.n < shape->keys.n ||
      (strcmp(shape->method, "btree") && other->keys.n != shape->keys.n))
    return false;
  for (uint32_t i = 0; i < shape->written.n; i++)
    if (strcmp(dba_list_text(&shape->written, i), dba_list_text(&other->written, i)))
      return false;
  for (DBA_EACH_TEXT(column, &shape->included))
    if (!dba_list_has_text(&other->keys, *column) && !dba_list_has_text(&other->included, *column))
      return false;
  return true;
}

const DbaIndexSet *dba_index_find_wider(const DbaList *candidates, const DbaList *shapes, DbaArena *arena) {
  DbaIndexSet *wider = dba_arena_alloc(arena, (candidates->n + 1) * sizeof *wider);
  g_autofree uint32_t *ids = g_new(uint32_t, candidates->n + 1);
  for (uint32_t i = 0; i < candidates->n; i++) {
    uint32_t n = 0;
    for (uint32_t k = 0; k < candidates->n; k++)
      if (k != i && is_wider(dba_list_at(DbaIndexShape, shapes, i), dba_list_at(DbaIndexShape, shapes, k)))
        ids[n++] = k;
    uint32_t *own = dba_arena_alloc(arena, (n + 1) * sizeof *own);
    memcpy(own, ids, n * sizeof *own);
    wider[i] = (DbaIndexSet){n, own};
  }
  return wider;
}

// SPDX-License-Identifier: Apache-2.0
// What statements want of the indexes of a table: the twin's facts, sorted by the table's part in the statement.
//
// The planner may look at one table of a statement more than once; parts that are the same are one.
#include "index/index-int.h"

#include <string.h>

const DbaRelation *dba_index_find_relation(const DbaSurvey *survey, const char *table) {
  const DbaRelation *found = NULL;
  for (DBA_EACH(DbaRelation, relation, &survey->schema.relations)) {
    g_autofree char *full = dba_sql_name(relation->schema, relation->name), *bare = dba_sql_name(NULL, relation->name);
    if (!strcmp(full, table))
      return relation;
    if (!strcmp(bare, table) && (!found || !strcmp(relation->schema, "public")))
      found = relation;
  }
  return found;
}

static void add_once(DbaArena *arena, DbaList *list, const char *text) {
  if (text && !dba_list_has_text(list, text))
    dba_list_add_text(arena, list, text);
}

static void add_match(DbaArena *arena, DbaIndexNeed *need, const DbaWhatIfFact *fact) {
  const char *space = strchr(fact->detail, ' ');
  const char *method = space ? dba_arena_text_n(arena, fact->detail, (size_t)(space - fact->detail)) : fact->detail;
  for (DBA_EACH(DbaIndexMatch, match, &need->matches))
    if (!strcmp(match->key, fact->key) && !strcmp(match->method, method) && !g_strcmp0(match->operators, space ? space + 1 : NULL))
      return;
  *(DbaIndexMatch *)dba_list_add(arena, &need->matches, sizeof(DbaIndexMatch)) =
      (DbaIndexMatch){fact->key, method, space ? space + 1 : NULL};
}

// Facts of one order follow each other, numbered from 1.
static void add_order(DbaArena *arena, DbaIndexNeed *need, const DbaWhatIfFact *fact) {
  DbaList *order = fact->number == 1 ? dba_list_add(arena, &need->orders, sizeof(DbaList)) : NULL;
  if (!order && need->orders.n)
    order = dba_list_at(DbaList, &need->orders, need->orders.n - 1);
  if (order)
    *(DbaIndexOrderKey *)dba_list_add(arena, order, sizeof(DbaIndexOrderKey)) = (DbaIndexOrderKey){fact->key, fact->detail};
}

static bool has_equal_image(const char *type) {
  static const char *const types[] = {"smallint",  "integer",  "bigint", "oid",   "boolean", "date",    "uuid",  "text",
                                      "character", "\"char\"", "name",   "money", "inet",    "macaddr", "bytea", NULL};
  static const char *const beginnings[] = {"character varying", "timestamp", "time", NULL};
  for (unsigned i = 0; beginnings[i]; i++)
    if (type && g_str_has_prefix(type, beginnings[i]))
      return true;
  return type && g_strv_contains(types, type);
}

static bool is_order(const char *role) {
  return !strcmp(role, "order") || !strcmp(role, "group") || !strcmp(role, "distinct") || !strcmp(role, "window");
}

static void take_fact(DbaArena *arena, DbaIndexNeed *need, const DbaWhatIfFact *fact) {
  const char *role = fact->role;
  if (is_order(role)) {
    add_order(arena, need, fact);
    return;
  }
  if (g_str_has_suffix(role, "match") || g_str_has_suffix(role, "hash")) {
    add_match(arena, need, fact);
    return;
  }
  if (g_str_has_suffix(role, "equal"))
    add_once(arena, &need->equal, fact->key);
  else if (g_str_has_suffix(role, "range") || !strcmp(role, "row") || !strcmp(role, "null"))
    add_once(arena, &need->ranges, fact->key);
  else if (g_str_has_suffix(role, "pattern"))
    add_once(arena, &need->patterns, fact->key);
  else if (!strcmp(role, "needed") && !strcmp(fact->key, "*"))
    need->whole = true;
  else if (!strcmp(role, "needed")) {
    add_once(arena, &need->needed, fact->key);
    if (!has_equal_image(fact->type))
      add_once(arena, &need->unlike, fact->key);
  } else if (!strcmp(role, "predicate") && !g_strcmp0(fact->detail, "always"))
    *(DbaIndexPredicate *)dba_list_add(arena, &need->predicates, sizeof(DbaIndexPredicate)) = (DbaIndexPredicate){fact->key, fact->share};
}

// The most selective keys first.
static int compare_share(const void *a, const void *b) {
  const DbaWhatIfFact *x = *(const DbaWhatIfFact *const *)a, *y = *(const DbaWhatIfFact *const *)b;
  bool x_equal = g_str_has_suffix(x->role, "equal"), y_equal = g_str_has_suffix(y->role, "equal");
  if (x->instance != y->instance || !x_equal || !y_equal)
    return x < y ? -1 : x > y; // as they came
  return x->share < y->share ? -1 : x->share > y->share ? 1 : x < y ? -1 : x > y;
}

void dba_index_read_needs(const DbaSurvey *survey, uint32_t statement, const DbaList *facts, DbaArena *arena, DbaList *ret_needs) {
  g_autofree const DbaWhatIfFact **equal = g_new0(const DbaWhatIfFact *, facts->n + 1);
  size_t n = 0;
  DbaIndexNeed *need = NULL;
  int instance = -1;
  for (DBA_EACH(DbaWhatIfFact, fact, facts)) {
    if (fact->instance != instance) {
      instance = fact->instance;
      need = NULL;
      if (!strcmp(fact->role, "table")) {
        need = dba_list_add(arena, ret_needs, sizeof *need);
        *need = (DbaIndexNeed){.statement = statement, .relation = dba_index_find_relation(survey, fact->table)};
        n = 0;
        for (DBA_EACH(DbaWhatIfFact, other, facts))
          if (other->instance == instance && g_str_has_suffix(other->role, "equal"))
            equal[n++] = other;
        qsort(equal, n, sizeof *equal, compare_share);
        for (size_t i = 0; i < n; i++)
          take_fact(arena, need, equal[i]);
      }
    }
    if (need && !g_str_has_suffix(fact->role, "equal"))
      take_fact(arena, need, fact);
  }
}

void dba_index_read_writes(const DbaSurvey *survey, uint32_t statement, const DbaList *facts, DbaArena *arena, DbaList *ret_writes) {
  DbaIndexWrite *write = NULL;
  for (DBA_EACH(DbaWhatIfFact, fact, facts))
    if (!strcmp(fact->role, "insert") || !strcmp(fact->role, "update") || !strcmp(fact->role, "delete")) {
      write = dba_list_add(arena, ret_writes, sizeof *write);
      *write = (DbaIndexWrite){.statement = statement, .relation = dba_index_find_relation(survey, fact->table), .kind = fact->role};
    } else if (write && !strcmp(fact->role, "updated"))
      add_once(arena, &write->updated, fact->key);
}

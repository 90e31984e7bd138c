// SPDX-License-Identifier: Apache-2.0
// What a statement did to tables, seen by the session that ran it, before its transaction ends.
//
// Files that are others than before were written anew, a counter of scans that went up tells a read of the whole, and locks stay until the
// end of the transaction: each is the statement's where it was not there before it.  DO blocks, functions and triggers are seen as what they do.  What
// runs outside of any transaction holds no lock when it is over, so that only its files are seen.
#include "migrate/lint-int.h"

#include "migrate-sql.h"

#include <string.h>

typedef struct Relation {
  char *name;
  char *file;
  int64_t scans;
  DbaLockMode lock;
  char kind;
  bool there;
} Relation;

struct DbaObserver {
  GHashTable *relations; // oid, as text, to Relation
  GHashTable *old;       // oids that were there when the migration began
};

static void relation_free(void *data) {
  Relation *relation = data;
  g_free(relation->name);
  g_free(relation->file);
  g_free(relation);
}

DbaObserver *dba_observer_new(void) {
  DbaObserver *observer = g_new0(DbaObserver, 1);
  observer->relations = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, relation_free);
  observer->old = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  return observer;
}

void dba_observer_free(DbaObserver *observer) {
  if (!observer)
    return;
  g_hash_table_unref(observer->relations);
  g_hash_table_unref(observer->old);
  g_free(observer);
}

static Relation *relation_of(DbaObserver *observer, const char *oid) {
  Relation *relation = g_hash_table_lookup(observer->relations, oid);
  if (!relation) {
    relation = g_new0(Relation, 1);
    g_hash_table_insert(observer->relations, g_strdup(oid), relation);
  }
  return relation;
}

static DbaSqlEffect *effect_on(const DbaObserver *observer, const char *oid, const Relation *relation, DbaArena *arena, DbaList *effects) {
  for (DBA_EACH(DbaSqlEffect, effect, effects))
    if (!strcmp(effect->table, relation->name))
      return effect;
  DbaSqlEffect *effect = dba_list_add(arena, effects, sizeof *effect);
  effect->schema = "";
  effect->table = dba_arena_text(arena, relation->name);
  effect->young = !g_hash_table_contains(observer->old, oid);
  return effect;
}

// One row of what is now; what differs from before goes to `effects`, unless that is NULL.
static void take_relation(DbaObserver *observer, const DbaResult *rows, int i, DbaArena *arena, DbaList *effects) {
  const char *oid = dba_result_text(rows, i, 1), *file = dba_result_text(rows, i, 4);
  Relation *relation = relation_of(observer, oid);
  int64_t scans = dba_result_int(rows, i, 5);
  g_free(relation->name);
  relation->name = g_strdup(dba_result_text(rows, i, 2));
  bool rewritten = relation->there && g_strcmp0(relation->file, file), scanned = relation->there && scans > relation->scans;
  if (effects && (rewritten || scanned)) {
    DbaSqlEffect *effect = effect_on(observer, oid, relation, arena, effects);
    effect->rewrites |= rewritten;
    effect->scans |= scanned;
  }
  if (!relation->file || strcmp(relation->file, file ? file : "")) {
    g_free(relation->file);
    relation->file = g_strdup(file);
  }
  relation->scans = scans;
  relation->kind = *dba_result_text(rows, i, 3);
  relation->there = true;
}

static void take_lock(DbaObserver *observer, const DbaResult *rows, int i, DbaArena *arena, DbaList *effects) {
  const char *oid = dba_result_text(rows, i, 1);
  Relation *relation = g_hash_table_lookup(observer->relations, oid);
  DbaLockMode mode;
  if (!relation || !dba_lock_parse(dba_result_text(rows, i, 5), &mode) || mode <= relation->lock) // an index, or held before
    return;
  if (effects) {
    DbaSqlEffect *effect = effect_on(observer, oid, relation, arena, effects);
    effect->lock = MAX(effect->lock, mode);
  }
  relation->lock = mode;
}

static bool look(DbaObserver *observer, DbaServer *server, DbaArena *arena, DbaList *effects, GError **error) {
  g_autoptr(DbaResult) rows = dba_server_query(server, dba_embedded_migrate_sql("observed"), NULL, error);
  if (!rows)
    return false;
  for (int pass = 0; pass < 2; pass++) // locks are of relations, which come first
    for (int i = 0; i < dba_result_rows(rows); i++) {
      bool is_lock = !strcmp(dba_result_text(rows, i, 0), "lock");
      if (is_lock && pass == 1)
        take_lock(observer, rows, i, arena, effects);
      else if (!is_lock && pass == 0)
        take_relation(observer, rows, i, arena, effects);
    }
  return true;
}

static bool flush(DbaServer *server, GError **error) {
  g_autoptr(DbaResult) flushed = dba_server_query(server, dba_embedded_migrate_sql("flush_counters"), NULL, error);
  return flushed != NULL;
}

bool dba_observer_ended(DbaObserver *observer, DbaServer *server, GError **error) {
  GHashTableIter iter;
  void *value;
  if (!flush(server, error) || !look(observer, server, NULL, NULL, error))
    return false;
  g_hash_table_iter_init(&iter, observer->relations);
  while (g_hash_table_iter_next(&iter, NULL, &value))
    ((Relation *)value)->lock = DBA_LOCK_NONE;
  return true;
}

bool dba_observer_begin(DbaObserver *observer, DbaServer *server, GError **error) {
  g_hash_table_remove_all(observer->relations);
  g_hash_table_remove_all(observer->old);
  if (!dba_observer_ended(observer, server, error))
    return false;
  GHashTableIter iter;
  void *oid;
  g_hash_table_iter_init(&iter, observer->relations);
  while (g_hash_table_iter_next(&iter, &oid, NULL))
    g_hash_table_add(observer->old, g_strdup(oid));
  return true;
}

bool dba_observer_look(DbaObserver *observer, DbaServer *server, DbaArena *arena, DbaList *ret_effects, GError **error) {
  *ret_effects = (DbaList){0};
  return look(observer, server, arena, ret_effects, error);
}

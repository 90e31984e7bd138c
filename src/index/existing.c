// SPDX-License-Identifier: Apache-2.0
// Indexes that are there: which of them may go.
//
// An index that does more than find rows stays: a constraint's, one that keeps keys unique, the replica identity, one that the table is clustered by.  One
// that the server has seen scanned, and that no statement of the workload explains, stays too: the workload is not all there is.
// A foreign key that is served today is served tomorrow.
#include "index/index-int.h"

#include <string.h>

static bool is_named(const char *const *names, const DbaRelation *relation, const char *name) {
  g_autofree char *full = g_strdup_printf("%s.%s", relation->schema, name);
  for (; names && *names; names++)
    if (!strcmp(*names, name) || !strcmp(*names, full))
      return true;
  return false;
}

static const char *reason_to_keep(const DbaIndexOptions *options, const DbaRelation *relation, const DbaIndex *index) {
  return index->primary || index->constraint              ? DBA_INDEX_OF_A_CONSTRAINT
         : index->unique                                  ? "it keeps keys unique"
         : index->replica_identity                        ? "it is the replica identity"
         : index->clustered                               ? "the table is clustered by it"
         : index->invalid                                 ? "it is invalid"
         : is_named(options->keep, relation, index->name) ? "it is to be kept"
                                                          : NULL;
}

// The index, of all partitions' the parent's, that this one belongs to.
static const DbaIndex *root_of(const DbaSchema *schema, const DbaRelation *relation, const DbaIndex *index,
                               const DbaRelation **ret_relation) {
  *ret_relation = relation;
  while (index->parent_index) {
    const DbaIndex *found = NULL;
    for (DBA_EACH(DbaRelation, other, &schema->relations))
      for (DBA_EACH(DbaIndex, above, &other->indexes)) {
        g_autofree char *name = dba_sql_name(other->schema, above->name), *plain = g_strdup_printf("%s.%s", other->schema, above->name);
        if (strcmp(name, index->parent_index) && strcmp(plain, index->parent_index))
          continue;
        found = above;
        *ret_relation = other;
      }
    if (!found)
      break;
    index = found;
  }
  return index;
}

// With its partitions.
static int64_t bytes_of(const DbaSchema *schema, const DbaIndex *index) {
  int64_t bytes = index->size_bytes;
  if (!index->on_partitioned)
    return bytes;
  for (DBA_EACH(DbaRelation, relation, &schema->relations))
    for (DBA_EACH(DbaIndex, part, &relation->indexes)) {
      const DbaRelation *of_root;
      if (part->parent_index && root_of(schema, relation, part, &of_root) == index)
        bytes += part->size_bytes;
    }
  return bytes;
}

static void take(const DbaIndexOptions *options, const DbaRelation *relation, const DbaIndex *index, DbaArena *arena, DbaList *candidates,
                 DbaList *shapes) {
  DbaIndexShape shape = {.relation = relation, .method = index->method, .predicate = index->predicate};
  for (DBA_EACH(DbaIndexKey, key, &index->keys)) {
    g_autofree char *name = key->column ? dba_sql_name(NULL, key->column) : g_strdup_printf("(%s)", key->expression);
    const char *text = dba_arena_text(arena, name);
    if (key->included) {
      dba_list_add_text(arena, &shape.included, text);
      continue;
    }
    dba_list_add_text(arena, &shape.keys, text);
    dba_list_add_text(arena, &shape.written, key->descending ? dba_arena_format(arena, "%s desc", text) : text);
  }
  const char *why = reason_to_keep(options, relation, index);
  DbaIndexCandidate candidate = {.definition = index->definition,
                                 .schema = relation->schema,
                                 .table = relation->name,
                                 .method = shape.method,
                                 .keys = dba_index_joined(arena, &shape.written),
                                 .included = dba_index_joined(arena, &shape.included),
                                 .predicate = shape.predicate,
                                 .existing = index->name,
                                 .bytes = bytes_of(&options->survey->schema, index),
                                 .kept = why != NULL,
                                 .why = why};
  *(DbaIndexCandidate *)dba_list_add(arena, candidates, sizeof candidate) = candidate;
  *(DbaIndexShape *)dba_list_add(arena, shapes, sizeof shape) = shape;
}

static void keep_for_key(const DbaRelation *relation, const DbaConstraint *key, DbaArena *arena, DbaList *candidates) {
  DbaIndexCandidate *only = NULL;
  for (DBA_EACH(DbaIndexCandidate, candidate, candidates)) {
    const DbaIndex *index = candidate->existing && !strcmp(candidate->table, relation->name) && !strcmp(candidate->schema, relation->schema)
                                ? dba_relation_index(relation, candidate->existing)
                                : NULL;
    if (!index || !dba_index_covers_key(index, &key->columns))
      continue;
    if (only || candidate->kept)
      return;
    only = candidate;
  }
  if (!only)
    return;
  only->kept = true;
  only->why = dba_arena_format(arena, "it alone serves foreign key %s", key->name);
}

static void keep_for_keys(const DbaSurvey *survey, DbaArena *arena, DbaList *candidates) {
  for (DBA_EACH(DbaRelation, relation, &survey->schema.relations))
    for (DBA_EACH(DbaConstraint, key, &relation->constraints))
      if (!strcmp(key->kind, "foreign key") && !key->parent_constraint)
        keep_for_key(relation, key, arena, candidates);
}

void dba_index_take_existing(const DbaIndexOptions *options, DbaArena *arena, DbaList *ret_candidates, DbaList *ret_shapes) {
  for (DBA_EACH(DbaRelation, relation, &options->survey->schema.relations))
    for (DBA_EACH(DbaIndex, index, &relation->indexes))
      if (!index->parent_index)
        take(options, relation, index, arena, ret_candidates, ret_shapes);
  keep_for_keys(options->survey, arena, ret_candidates);
}

static uint32_t find(const DbaList *candidates, const char *schema, const char *name) {
  for (uint32_t id = 0; id < candidates->n; id++) {
    const DbaIndexCandidate *candidate = dba_list_at(DbaIndexCandidate, candidates, id);
    if (candidate->existing && !strcmp(candidate->existing, name) && !strcmp(candidate->schema, schema))
      return id + 1;
  }
  return 0;
}

GHashTable *dba_index_names(const DbaSurvey *survey, const DbaList *candidates) {
  GHashTable *names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  for (DBA_EACH(DbaRelation, relation, &survey->schema.relations))
    for (DBA_EACH(DbaIndex, index, &relation->indexes)) {
      const DbaRelation *of_root;
      const DbaIndex *root = root_of(&survey->schema, relation, index, &of_root);
      uint32_t id = find(candidates, of_root->schema, root->name);
      g_hash_table_insert(names, dba_sql_name(relation->schema, index->name), GUINT_TO_POINTER(id));
      if (!g_hash_table_contains(names, index->name))
        g_hash_table_insert(names, dba_sql_name(NULL, index->name), GUINT_TO_POINTER(id));
    }
  return names;
}

// ---- what stays -----------------------------------------------------------------------------------------------------

static const DbaIndex *index_of(const DbaSurvey *survey, const DbaIndexCandidate *candidate) {
  const DbaRelation *relation = dba_schema_relation(&survey->schema, candidate->schema, candidate->table);
  return relation && candidate->existing ? dba_relation_index(relation, candidate->existing) : NULL;
}

// Does the other's key begin with all of this one's?
static bool does_the_same(const DbaIndex *index, const DbaIndex *other) {
  uint32_t n = dba_index_n_keys(index);
  if (other == index || other->invalid || strcmp(other->method, index->method) || g_strcmp0(other->predicate, index->predicate) ||
      dba_index_n_keys(other) < n || n < index->keys.n)
    return false;
  for (uint32_t i = 0; i < n; i++) {
    const DbaIndexKey *x = dba_list_at(DbaIndexKey, &index->keys, i), *y = dba_list_at(DbaIndexKey, &other->keys, i);
    if (g_strcmp0(x->column, y->column) || g_strcmp0(x->expression, y->expression) || g_strcmp0(x->opclass, y->opclass) ||
        g_strcmp0(x->collation, y->collation) || x->descending != y->descending)
      return false;
  }
  return strcmp(index->method, "btree") == 0 || dba_index_n_keys(other) == n;
}

static bool is_redundant(const DbaSurvey *survey, const DbaIndexCandidate *candidate) {
  const DbaIndex *index = index_of(survey, candidate);
  const DbaRelation *relation = dba_schema_relation(&survey->schema, candidate->schema, candidate->table);
  for (DBA_EACH(DbaIndex, other, &relation->indexes))
    if (does_the_same(index, other))
      return true;
  return false;
}

// Why it is not known to be of no use, though the workload does not use it; NULL: it is known.
static const char *reason_to_doubt(const DbaSurvey *survey, const DbaIndex *index, DbaArena *arena) {
  enum { ENOUGH_DAYS = 14 };
  double days = // never reset: at least as old as the server has been up
      (double)(survey->server.statistics_since ? survey->server.statistics_age_seconds : survey->server.uptime_seconds) / 86400;
  if (!survey->has_statistics)
    return "no statement of the workload uses it, and files do not tell whether others do";
  if (index->scans > 0)
    return dba_arena_format(arena, "it was scanned %" G_GINT64_FORMAT " times, by statements that this workload does not have",
                            index->scans);
  return days < ENOUGH_DAYS
             ? dba_arena_format(arena, "no statement of the workload uses it, and the counters cover %.1f days: too few", days)
             : NULL;
}

bool dba_index_keep_scanned(const DbaSurvey *survey, DbaArena *arena, const bool *used, DbaList *candidates) {
  bool any = false;
  for (uint32_t id = 0; id < candidates->n; id++) {
    DbaIndexCandidate *candidate = dba_list_at(DbaIndexCandidate, candidates, id);
    const DbaIndex *index = index_of(survey, candidate);
    const char *doubt = index && !candidate->kept && !used[id] ? reason_to_doubt(survey, index, arena) : NULL;
    if (!doubt || is_redundant(survey, candidate))
      continue;
    candidate->kept = any = true;
    candidate->why = doubt;
  }
  return any;
}

// Could it serve the foreign key's checks?
static bool serves(const DbaIndexShape *shape, const DbaRelation *relation, const DbaList *columns) {
  if (shape->relation != relation || strcmp(shape->method, "btree") || shape->predicate || shape->keys.n < columns->n)
    return false;
  for (uint32_t i = 0; i < columns->n; i++) {
    bool held = false;
    for (uint32_t k = 0; k < columns->n && !held; k++) {
      g_autofree char *name = dba_sql_name(NULL, dba_list_text(columns, k));
      held = !strcmp(dba_list_text(&shape->keys, i), name);
    }
    if (!held)
      return false;
  }
  return true;
}

static void repair_key(const DbaList *candidates, const DbaList *shapes, const DbaRelation *relation, const DbaConstraint *key,
                       bool *chosen) {
  uint32_t best = candidates->n;
  for (uint32_t id = 0; id < candidates->n; id++) {
    const DbaIndexCandidate *candidate = dba_list_at(DbaIndexCandidate, candidates, id);
    const DbaIndex *index = candidate->existing ? dba_relation_index(relation, candidate->existing) : NULL;
    bool serving = index && !strcmp(candidate->table, relation->name) && !strcmp(candidate->schema, relation->schema)
                       ? dba_index_covers_key(index, &key->columns)
                       : !candidate->existing && serves(dba_list_at(DbaIndexShape, shapes, id), relation, &key->columns);
    if (!serving)
      continue;
    if (candidate->kept || chosen[id])
      return;
    if (candidate->existing && (best == candidates->n || candidate->bytes < dba_list_at(DbaIndexCandidate, candidates, best)->bytes))
      best = id;
  }
  if (best < candidates->n)
    chosen[best] = true;
}

void dba_index_repair_keys(const DbaSurvey *survey, const DbaList *candidates, const DbaList *shapes, bool *chosen) {
  for (DBA_EACH(DbaRelation, relation, &survey->schema.relations))
    for (DBA_EACH(DbaConstraint, key, &relation->constraints))
      if (!strcmp(key->kind, "foreign key") && !key->parent_constraint)
        repair_key(candidates, shapes, relation, key, chosen);
}

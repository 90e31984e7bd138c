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

bool dba_index_check_names(const DbaIndexOptions *options, GError **error) {
  const DbaList *relations = &options->survey->schema.relations;
  for (const char *const *name = options->keep; name && *name; name++) {
    const char *const one[] = {*name, NULL};
    bool found = false;
    for (DBA_EACH(DbaRelation, relation, relations))
      for (DBA_EACH(DbaIndex, index, &relation->indexes))
        found |= is_named(one, relation, index->name);
    if (!found)
      return dba_fail(error, DBA_ERROR_USAGE, "--keep %s: there is no index of that name", *name);
  }
  for (const char *const *name = options->forbid; name && *name; name++) {
    g_autofree char *table = g_strndup(*name, strcspn(*name, "(")), *trimmed = g_strdup(g_strstrip(table));
    bool found = false;
    for (DBA_EACH(DbaRelation, relation, relations)) {
      g_autofree char *full = g_strdup_printf("%s.%s", relation->schema, relation->name);
      found |= !g_ascii_strcasecmp(trimmed, relation->name) || !g_ascii_strcasecmp(trimmed, full);
    }
    if (!found)
      return dba_fail(error, DBA_ERROR_USAGE, "--forbid %s: there is no table of that name (hint: TABLE, or 'TABLE(KEYS)')", *name);
  }
  return true;
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

// What the search path finds needs no schema.
static const char *bare(const char *name) {
  static const char *const schemas[] = {"pg_catalog.", "public."};
  for (size_t i = 0; name && i < G_N_ELEMENTS(schemas); i++)
    if (g_str_has_prefix(name, schemas[i]))
      return name + strlen(schemas[i]);
  return name;
}

// A key as candidates write theirs: what is the default is not said.
static const char *written(const DbaIndexKey *key, const char *text, DbaArena *arena) {
  bool first = key->nulls_first != key->descending; // that a descending order begins with nulls is the default
  g_autofree char *collation = key->collation ? g_strdup_printf(" collate %s", bare(key->collation)) : NULL;
  return dba_arena_format(arena, "%s%s%s%s%s%s", text, collation ? collation : "", key->opclass ? " " : "",
                          key->opclass ? bare(key->opclass) : "", key->descending ? " desc" : "",
                          !first             ? ""
                          : key->nulls_first ? " nulls first"
                                             : " nulls last");
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
    dba_list_add_text(arena, &shape.written, written(key, text, arena));
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
                                 .invalid = index->invalid,
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
      if (!index->parent_index &&
          (!index->invalid || index->on_partitioned)) // one that is invalid serves nothing: another may be wanted in its place
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
      if (!g_hash_table_contains(names, index->name) || !strcmp(relation->schema, "public")) // the search path's, as plans tell
        g_hash_table_insert(names, dba_sql_name(NULL, index->name), GUINT_TO_POINTER(id));
    }
  return names;
}

// ---- what stays -----------------------------------------------------------------------------------------------------

static const DbaIndex *index_of(const DbaSurvey *survey, const DbaIndexCandidate *candidate) {
  const DbaRelation *relation = dba_schema_relation(&survey->schema, candidate->schema, candidate->table);
  return relation && candidate->existing ? dba_relation_index(relation, candidate->existing) : NULL;
}

// Is there another that does the same, and stays: one that must, or of those that may go the widest, of equals the first.
static bool has_heir(const DbaList *candidates, const DbaIndexSet *wider, uint32_t id) {
  for (uint32_t i = 0; i < wider[id].n; i++) {
    uint32_t other = wider[id].ids[i];
    const DbaIndexCandidate *heir = dba_list_at(DbaIndexCandidate, candidates, other);
    if (heir->existing && !heir->invalid && (heir->kept || other < id || !dba_index_set_has(&wider[other], id)))
      return true;
  }
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

bool dba_index_keep_scanned(const DbaSurvey *survey, const DbaIndexSet *wider, DbaArena *arena, const bool *used, DbaList *candidates) {
  bool any = false;
  for (uint32_t id = 0; id < candidates->n; id++) {
    DbaIndexCandidate *candidate = dba_list_at(DbaIndexCandidate, candidates, id);
    const DbaIndex *index = index_of(survey, candidate);
    const char *doubt = index && !candidate->kept && !used[id] ? reason_to_doubt(survey, index, arena) : NULL;
    if (!doubt)
      continue;
    candidate->doubt = doubt;
    if (has_heir(candidates, wider, id))
      continue;
    candidate->kept = any = true;
    candidate->why = doubt;
  }
  return any;
}

// 1 + the place of one that does the same and stays beside those that are chosen; 0: none.
static int64_t find_heir(const DbaList *candidates, const DbaIndexSet *wider, const bool *chosen) {
  for (uint32_t i = 0; i < wider->n; i++) {
    const DbaIndexCandidate *other = dba_list_at(DbaIndexCandidate, candidates, wider->ids[i]);
    if (!other->question && !other->invalid && (chosen[wider->ids[i]] || other->kept))
      return 1 + (int64_t)wider->ids[i];
  }
  return 0;
}

void dba_index_name_heirs(const DbaIndexSet *wider, const bool *chosen, DbaList *candidates) {
  for (uint32_t id = 0; id < candidates->n; id++) {
    DbaIndexCandidate *candidate = dba_list_at(DbaIndexCandidate, candidates, id);
    if (candidate->existing && !candidate->kept && !chosen[id])
      candidate->heir = find_heir(candidates, &wider[id], chosen);
  }
}

const char *dba_index_heir(const DbaIndexAnswer *answer, const DbaIndexPoint *point, const DbaIndexCandidate *candidate) {
  if (!candidate->heir)
    return NULL;
  const DbaIndexCandidate *heir = dba_list_at(DbaIndexCandidate, &answer->candidates, candidate->heir - 1);
  bool stays = heir->kept || dba_list_has_int(&point->chosen, candidate->heir - 1);
  return !stays ? NULL : heir->existing ? heir->existing : heir->keys;
}

void dba_index_repair_doubted(const DbaList *candidates, const DbaIndexSet *wider, bool *chosen) {
  for (uint32_t id = candidates->n; id-- > 0;) {
    const DbaIndexCandidate *candidate = dba_list_at(DbaIndexCandidate, candidates, id);
    if (candidate->doubt && !candidate->kept && !chosen[id] && !find_heir(candidates, &wider[id], chosen))
      chosen[id] = true;
  }
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

// SPDX-License-Identifier: Apache-2.0
// Dependency order: a depth-first walk over the needs, started in a fixed order of kinds.
//
// The order of kinds is pg_dump's idea (pg_dump_sort.c): most objects need nothing unusual, so kinds alone give a natural
// script; the walk only pulls forward what something earlier needs.  A cycle (a table's default calls a function that
// takes the table's row) is broken where it closes, and the object there is marked: its expressions are set later.
#include "schema/schema-int.h"

#include <string.h>

typedef struct Walk {
  const DbaSchema *schema;
  GArray *nodes, *ordered;
  GHashTable *by_id; // id -> index in nodes + 1
  guint8 *state;     // 0 not seen, 1 being visited, 2 done
} Walk;

static void add(Walk *walk, DbaNodeKind kind, const void *object, const DbaRelation *relation, int64_t id) {
  DbaNode node = {kind, object, relation, id, false};
  g_array_append_val(walk->nodes, node);
  g_hash_table_insert(walk->by_id, GSIZE_TO_POINTER((gsize)id), GUINT_TO_POINTER(walk->nodes->len));
}

static void add_nodes(Walk *walk, DbaNodeKind kind) {
  const DbaSchema *schema = walk->schema;
  switch (kind) {
  case DBA_NODE_NAMESPACE:
    for (DBA_EACH(DbaNamespace, x, &schema->namespaces))
      add(walk, kind, x, NULL, x->id);
    return;
  case DBA_NODE_EXTENSION:
    for (DBA_EACH(DbaExtension, x, &schema->extensions))
      add(walk, kind, x, NULL, x->id);
    return;
  case DBA_NODE_TYPE:
    for (DBA_EACH(DbaType, x, &schema->types))
      add(walk, kind, x, NULL, x->id);
    return;
  case DBA_NODE_FUNCTION:
    for (DBA_EACH(DbaFunction, x, &schema->functions))
      add(walk, kind, x, NULL, x->id);
    return;
  case DBA_NODE_SEQUENCE:
    for (DBA_EACH(DbaSequence, x, &schema->sequences))
      add(walk, kind, x, NULL, x->id);
    return;
  case DBA_NODE_RELATION:
    for (DBA_EACH(DbaRelation, x, &schema->relations))
      add(walk, kind, x, x, x->id);
    return;
  case DBA_NODE_STATISTICS:
    for (DBA_EACH(DbaStatisticsObject, x, &schema->statistics_objects))
      add(walk, kind, x, NULL, x->id);
    return;
  default: break;
  }
  for (DBA_EACH(DbaRelation, relation, &schema->relations)) {
    if (kind == DBA_NODE_INDEX)
      for (DBA_EACH(DbaIndex, x, &relation->indexes))
        add(walk, kind, x, relation, x->id);
    if (kind == DBA_NODE_CONSTRAINT || kind == DBA_NODE_FOREIGN_KEY)
      for (DBA_EACH(DbaConstraint, x, &relation->constraints))
        if (!strcmp(x->kind, "foreign key") == (kind == DBA_NODE_FOREIGN_KEY))
          add(walk, kind, x, relation, x->id);
    if (kind == DBA_NODE_TRIGGER)
      for (DBA_EACH(DbaTrigger, x, &relation->triggers))
        add(walk, kind, x, relation, x->id);
    if (kind == DBA_NODE_POLICY)
      for (DBA_EACH(DbaPolicy, x, &relation->policies))
        add(walk, kind, x, relation, x->id);
  }
}

static void visit(Walk *walk, guint i);

static bool visit_id(Walk *walk, int64_t id) {
  guint at = GPOINTER_TO_UINT(g_hash_table_lookup(walk->by_id, GSIZE_TO_POINTER((gsize)id)));
  if (!at)
    return true;
  if (walk->state[at - 1] == 1)
    return false;
  visit(walk, at - 1);
  return true;
}

static void visit_name(Walk *walk, const char *namespace, const char *name) {
  const DbaRelation *relation = namespace && name ? dba_schema_relation(walk->schema, namespace, name) : NULL;
  if (relation)
    (void)visit_id(walk, relation->id);
}

static void visit(Walk *walk, guint i) {
  if (walk->state[i])
    return;
  walk->state[i] = 1;
  DbaNode *node = &g_array_index(walk->nodes, DbaNode, i);
  const DbaNeed *needs = walk->schema->needs.items;
  uint32_t low = 0, high = walk->schema->needs.n;
  while (low < high) { // the first need of this object
    uint32_t middle = low + (high - low) / 2;
    if (needs[middle].object < node->id)
      low = middle + 1;
    else
      high = middle;
  }
  for (; low < walk->schema->needs.n && needs[low].object == node->id; low++)
    node->cyclic |= !visit_id(walk, needs[low].needed);
  if (node->kind == DBA_NODE_RELATION) {
    const DbaRelation *relation = node->object;
    visit_name(walk, relation->partition_of_schema, relation->partition_of);
  } else if (node->relation) {
    (void)visit_id(walk, node->relation->id);
  }
  if (node->kind == DBA_NODE_FOREIGN_KEY) { // after the unique index it leans on
    const DbaConstraint *key = node->object;
    const DbaRelation *parent = key->ref_schema ? dba_schema_relation(walk->schema, key->ref_schema, key->ref_table) : NULL;
    for (DBA_EACH(DbaIndex, index, parent ? &parent->indexes : &(DbaList){0}))
      if (!g_strcmp0(index->name, key->ref_index))
        (void)visit_id(walk, index->id);
    for (DBA_EACH(DbaConstraint, unique, parent ? &parent->constraints : &(DbaList){0}))
      if (!g_strcmp0(unique->index, key->ref_index) && strcmp(unique->kind, "foreign key"))
        (void)visit_id(walk, unique->id);
  }
  walk->state[i] = 2;
  g_array_append_vals(walk->ordered, node, 1);
}

GArray *dba_schema_order(const DbaSchema *schema) {
  Walk walk = {schema, g_array_new(FALSE, FALSE, sizeof(DbaNode)), g_array_new(FALSE, FALSE, sizeof(DbaNode)), g_hash_table_new(NULL, NULL),
               NULL};
  for (int kind = DBA_NODE_NAMESPACE; kind <= DBA_NODE_POLICY; kind++)
    add_nodes(&walk, (DbaNodeKind)kind);
  walk.state = g_new0(guint8, walk.nodes->len + 1);
  for (guint i = 0; i < walk.nodes->len; i++)
    visit(&walk, i);
  g_free(walk.state);
  g_hash_table_unref(walk.by_id);
  g_array_unref(walk.nodes);
  return walk.ordered;
}

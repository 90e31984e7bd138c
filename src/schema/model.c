// SPDX-License-Identifier: Apache-2.0
// The tables of fields behind the model, and the few functions that look things up in it.
//
// A field that is missing here is neither read, written nor compared: adding one is a member in schema.h, a row here
// and a column of the same name in a query under server/sql.
#include "schema/schema-int.h"

#include "sql/sql.h"

#include <string.h>

#define F(type, member, kind) DBA_FIELD(type, member, kind, 0)
#define NAMES(type, member) DBA_FIELD(type, member, TEXT, DBA_FIELD_NAMES)
// Written into SQL as it stands: `form` says what it may be.
#define SQL(type, member, kind, form) DBA_FIELD(type, member, kind, DBA_SCHEMA_##form << DBA_SCHEMA_FORM_SHIFT)
#define STAT(type, member, kind) DBA_FIELD(type, member, kind, DBA_FIELD_UNCOMPARED)
#define VALUES(type, member) DBA_FIELD(type, member, TEXT, DBA_FIELD_UNCOMPARED | DBA_FIELD_VALUE)
#define OID(type) DBA_FIELD(type, oid, INT, DBA_FIELD_INTERNAL)
#define ID(type) DBA_FIELD(type, id, INT, DBA_FIELD_UNCOMPARED)
#define END {0}

#define T DbaColumn
static const DbaField column_fields[] = {NAMES(T, name),
                                         SQL(T, type, TEXT, FRAGMENT),
                                         SQL(T, default_expr, TEXT, FRAGMENT),
                                         SQL(T, generated, TEXT, WORD),
                                         SQL(T, identity, TEXT, WORD),
                                         SQL(T, collation, TEXT, FRAGMENT),
                                         SQL(T, storage, TEXT, WORD),
                                         SQL(T, compression, TEXT, WORD),
                                         F(T, comment, TEXT),
                                         F(T, not_null_name, TEXT),
                                         SQL(T, options, TEXTS, OPTION),
                                         F(T, foreign_options, TEXTS),
                                         F(T, acl, TEXTS),
                                         F(T, not_null, BOOL),
                                         F(T, not_null_inherited, BOOL),
                                         F(T, local, BOOL),
                                         F(T, inherited, BOOL),
                                         F(T, has_statistics_target, BOOL),
                                         F(T, statistics_target, INT),
                                         STAT(T, position, INT),
                                         STAT(T, type_length, INT),
                                         STAT(T, type_alignment, INT),
                                         STAT(T, type_name, TEXT),
                                         STAT(T, type_class, TEXT),
                                         END};
#undef T
#define T DbaConstraint
static const DbaField constraint_fields[] = {DBA_FIELD(T, column_numbers, TEXTS, DBA_FIELD_INTERNAL),
                                             DBA_FIELD(T, ref_column_numbers, TEXTS, DBA_FIELD_INTERNAL),
                                             DBA_FIELD(T, ref_oid, INT, DBA_FIELD_INTERNAL),
                                             NAMES(T, name),
                                             SQL(T, kind, TEXT, WORD),
                                             SQL(T, definition, TEXT, FRAGMENT),
                                             F(T, parent_constraint, TEXT),
                                             F(T, index, TEXT),
                                             F(T, ref_schema, TEXT),
                                             F(T, ref_table, TEXT),
                                             F(T, ref_index, TEXT),
                                             SQL(T, on_update, TEXT, WORD),
                                             SQL(T, on_delete, TEXT, WORD),
                                             SQL(T, match, TEXT, WORD),
                                             F(T, comment, TEXT),
                                             F(T, columns, TEXTS),
                                             F(T, ref_columns, TEXTS),
                                             F(T, deferrable, BOOL),
                                             F(T, deferred, BOOL),
                                             F(T, not_valid, BOOL),
                                             F(T, local, BOOL),
                                             F(T, inherited, BOOL),
                                             F(T, no_inherit, BOOL),
                                             ID(T),
                                             OID(T),
                                             END};
#undef T
#define T DbaIndexKey
static const DbaField index_key_fields[] = {F(T, column, TEXT),
                                            SQL(T, expression, TEXT, FRAGMENT),
                                            SQL(T, opclass, TEXT, FRAGMENT),
                                            SQL(T, collation, TEXT, FRAGMENT),
                                            F(T, descending, BOOL),
                                            F(T, nulls_first, BOOL),
                                            SQL(T, opfamily, TEXT, FRAGMENT),
                                            F(T, included, BOOL),
                                            F(T, statistics_target, INT),
                                            STAT(T, attribute, TEXT),
                                            STAT(T, type_name, TEXT),
                                            END};
#undef T
const DbaRecord dba_index_key_record = {"index key", sizeof(DbaIndexKey), index_key_fields};
#define T DbaIndex
static const DbaField index_fields[] = {NAMES(T, name),
                                        SQL(T, method, TEXT, WORD),
                                        SQL(T, definition, TEXT, FRAGMENT),
                                        SQL(T, predicate, TEXT, FRAGMENT),
                                        F(T, constraint, TEXT),
                                        SQL(T, parent_index, TEXT, FRAGMENT),
                                        F(T, tablespace, TEXT),
                                        F(T, comment, TEXT),
                                        DBA_FIELD_OF(T, keys, dba_index_key_record, 0),
                                        SQL(T, options, TEXTS, OPTION),
                                        F(T, unique, BOOL),
                                        F(T, primary, BOOL),
                                        F(T, nulls_not_distinct, BOOL),
                                        F(T, invalid, BOOL),
                                        F(T, not_ready, BOOL),
                                        STAT(T, being_built, BOOL),
                                        F(T, replica_identity, BOOL),
                                        F(T, clustered, BOOL),
                                        F(T, on_partitioned, BOOL),
                                        F(T, not_immediate, BOOL),
                                        ID(T),
                                        OID(T),
                                        STAT(T, size_bytes, INT),
                                        STAT(T, pages, INT),
                                        STAT(T, scans, INT),
                                        STAT(T, tuples_read, INT),
                                        STAT(T, blocks_read, INT),
                                        STAT(T, blocks_hit, INT),
                                        STAT(T, rank, INT),
                                        STAT(T, levels, INT),
                                        STAT(T, search_pages, INT),
                                        STAT(T, keys_log2, INT),
                                        STAT(T, rows, REAL),
                                        STAT(T, last_scan, TEXT),
                                        DBA_FIELD_OF(T, statistics, dba_column_statistics_record, DBA_FIELD_UNCOMPARED),
                                        END};
#undef T
#define T DbaTrigger
static const DbaField trigger_fields[] = {NAMES(T, name),
                                          SQL(T, definition, TEXT, FRAGMENT),
                                          F(T, comment, TEXT),
                                          SQL(T, enabled, TEXT, WORD),
                                          SQL(T, function, TEXT, FRAGMENT),
                                          F(T, parent_trigger, TEXT),
                                          ID(T),
                                          OID(T),
                                          END};
#undef T
#define T DbaPolicy
static const DbaField policy_fields[] = {NAMES(T, name),
                                         SQL(T, command, TEXT, WORD),
                                         SQL(T, using_expr, TEXT, FRAGMENT),
                                         SQL(T, check_expr, TEXT, FRAGMENT),
                                         F(T, comment, TEXT),
                                         F(T, roles, TEXTS),
                                         F(T, restrictive, BOOL),
                                         ID(T),
                                         OID(T),
                                         END};
#undef T
#define T DbaColumnStatistics
static const DbaField column_statistics_fields[] = {NAMES(T, column),
                                                    STAT(T, null_fraction, REAL),
                                                    STAT(T, distinct, REAL),
                                                    STAT(T, correlation, REAL),
                                                    STAT(T, has_correlation, BOOL),
                                                    STAT(T, width_bytes, INT),
                                                    STAT(T, inherited, BOOL),
                                                    VALUES(T, common_values),
                                                    VALUES(T, common_frequencies),
                                                    VALUES(T, histogram),
                                                    VALUES(T, minimum),
                                                    VALUES(T, maximum),
                                                    VALUES(T, common_elements),
                                                    VALUES(T, element_frequencies),
                                                    VALUES(T, element_counts),
                                                    VALUES(T, range_lengths),
                                                    VALUES(T, range_empty),
                                                    VALUES(T, range_bounds),
                                                    END};
#undef T
const DbaRecord dba_column_record = {"column", sizeof(DbaColumn), column_fields};
const DbaRecord dba_constraint_record = {"constraint", sizeof(DbaConstraint), constraint_fields};
const DbaRecord dba_index_record = {"index", sizeof(DbaIndex), index_fields};
const DbaRecord dba_trigger_record = {"trigger", sizeof(DbaTrigger), trigger_fields};
const DbaRecord dba_policy_record = {"policy", sizeof(DbaPolicy), policy_fields};
const DbaRecord dba_column_statistics_record = {"column statistics", sizeof(DbaColumnStatistics), column_statistics_fields};
#define T DbaRelation
static const DbaField relation_fields[] = {NAMES(T, schema),
                                           NAMES(T, name),
                                           SQL(T, kind, TEXT, WORD),
                                           F(T, owner, TEXT),
                                           F(T, comment, TEXT),
                                           SQL(T, persistence, TEXT, WORD),
                                           F(T, access_method, TEXT),
                                           F(T, tablespace, TEXT),
                                           SQL(T, replica_identity, TEXT, WORD),
                                           F(T, partition_of_schema, TEXT),
                                           F(T, partition_of, TEXT),
                                           SQL(T, partition_bound, TEXT, FRAGMENT),
                                           SQL(T, partition_key, TEXT, FRAGMENT),
                                           SQL(T, of_type, TEXT, FRAGMENT),
                                           SQL(T, definition, TEXT, QUERY),
                                           SQL(T, check_option, TEXT, WORD),
                                           F(T, foreign_server, TEXT),
                                           F(T, foreign_options, TEXTS),
                                           SQL(T, inherits, TEXTS, FRAGMENT),
                                           SQL(T, options, TEXTS, OPTION),
                                           SQL(T, toast_options, TEXTS, OPTION),
                                           F(T, acl, TEXTS),
                                           F(T, acl_default, TEXTS),
                                           F(T, row_security, BOOL),
                                           F(T, force_row_security, BOOL),
                                           F(T, not_populated, BOOL),
                                           DBA_FIELD_OF(T, columns, dba_column_record, 0),
                                           DBA_FIELD_OF(T, constraints, dba_constraint_record, 0),
                                           DBA_FIELD_OF(T, indexes, dba_index_record, 0),
                                           DBA_FIELD_OF(T, triggers, dba_trigger_record, 0),
                                           DBA_FIELD_OF(T, policies, dba_policy_record, 0),
                                           ID(T),
                                           OID(T),
                                           STAT(T, rows, REAL),
                                           STAT(T, pages, INT),
                                           STAT(T, all_visible_pages, INT),
                                           STAT(T, size_bytes, INT),
                                           STAT(T, toast_bytes, INT),
                                           STAT(T, sequential_scans, INT),
                                           STAT(T, index_scans, INT),
                                           STAT(T, inserted, INT),
                                           STAT(T, updated, INT),
                                           STAT(T, deleted, INT),
                                           STAT(T, hot_updated, INT),
                                           STAT(T, live_rows, INT),
                                           STAT(T, dead_rows, INT),
                                           STAT(T, heap_blocks_read, INT),
                                           STAT(T, heap_blocks_hit, INT),
                                           STAT(T, last_vacuum, TEXT),
                                           STAT(T, last_analyze, TEXT),
                                           DBA_FIELD_OF(T, statistics, dba_column_statistics_record, DBA_FIELD_UNCOMPARED),
                                           END};
#undef T
#define T DbaNamespace
static const DbaField namespace_fields[] = {
    NAMES(T, name), F(T, owner, TEXT), F(T, comment, TEXT), F(T, acl, TEXTS), F(T, acl_default, TEXTS), ID(T), OID(T), END};
#undef T
#define T DbaExtension
static const DbaField extension_fields[] = {
    NAMES(T, name), F(T, schema, TEXT), F(T, version, TEXT), F(T, comment, TEXT), ID(T), OID(T), END};
#undef T
#define T DbaDomainCheck
static const DbaField domain_check_fields[] = {NAMES(T, name), SQL(T, definition, TEXT, FRAGMENT), F(T, not_valid, BOOL), END};
#undef T
const DbaRecord dba_domain_check_record = {"domain check", sizeof(DbaDomainCheck), domain_check_fields};
#define T DbaType
static const DbaField type_fields[] = {NAMES(T, schema),
                                       NAMES(T, name),
                                       SQL(T, kind, TEXT, WORD),
                                       F(T, owner, TEXT),
                                       F(T, comment, TEXT),
                                       SQL(T, base_type, TEXT, FRAGMENT),
                                       SQL(T, default_expr, TEXT, FRAGMENT),
                                       SQL(T, collation, TEXT, FRAGMENT),
                                       SQL(T, subtype, TEXT, FRAGMENT),
                                       SQL(T, subtype_opclass, TEXT, FRAGMENT),
                                       SQL(T, subtype_diff, TEXT, FRAGMENT),
                                       SQL(T, canonical, TEXT, FRAGMENT),
                                       SQL(T, multirange, TEXT, FRAGMENT),
                                       F(T, not_null, BOOL),
                                       F(T, labels, TEXTS),
                                       DBA_FIELD_OF(T, checks, dba_domain_check_record, 0),
                                       DBA_FIELD_OF(T, columns, dba_column_record, 0),
                                       F(T, acl, TEXTS),
                                       F(T, acl_default, TEXTS),
                                       ID(T),
                                       OID(T),
                                       END};
#undef T
#define T DbaSequence
static const DbaField sequence_fields[] = {NAMES(T, schema),
                                           NAMES(T, name),
                                           F(T, owner, TEXT),
                                           F(T, comment, TEXT),
                                           SQL(T, type, TEXT, FRAGMENT),
                                           SQL(T, persistence, TEXT, WORD),
                                           F(T, owned_by_schema, TEXT),
                                           F(T, owned_by_table, TEXT),
                                           F(T, owned_by_column, TEXT),
                                           F(T, identity, BOOL),
                                           F(T, cycle, BOOL),
                                           F(T, start, INT),
                                           F(T, increment, INT),
                                           F(T, minimum, INT),
                                           F(T, maximum, INT),
                                           F(T, cache, INT),
                                           STAT(T, has_last_value, BOOL),
                                           STAT(T, last_value, INT),
                                           STAT(T, used_permille, INT),
                                           F(T, acl, TEXTS),
                                           F(T, acl_default, TEXTS),
                                           ID(T),
                                           OID(T),
                                           END};
#undef T
#define T DbaFunction
static const DbaField function_fields[] = {NAMES(T, schema),
                                           NAMES(T, name),
                                           DBA_FIELD(T, arguments, TEXT, DBA_FIELD_NAMES | DBA_SCHEMA_FRAGMENT << DBA_SCHEMA_FORM_SHIFT),
                                           SQL(T, kind, TEXT, WORD),
                                           F(T, owner, TEXT),
                                           F(T, comment, TEXT),
                                           SQL(T, definition, TEXT, FRAGMENT),
                                           F(T, language, TEXT),
                                           F(T, security_definer, BOOL),
                                           F(T, settings, TEXTS),
                                           F(T, acl, TEXTS),
                                           F(T, acl_default, TEXTS),
                                           ID(T),
                                           OID(T),
                                           END};
#undef T
#define T DbaStatisticsObject
static const DbaField statistics_object_fields[] = {NAMES(T, schema),
                                                    NAMES(T, name),
                                                    F(T, owner, TEXT),
                                                    F(T, comment, TEXT),
                                                    SQL(T, definition, TEXT, FRAGMENT),
                                                    F(T, table, TEXT),
                                                    STAT(T, columns, TEXTS),
                                                    STAT(T, expressions, TEXTS),
                                                    STAT(T, expression_types, TEXTS),
                                                    DBA_FIELD_OF(T, statistics, dba_column_statistics_record, DBA_FIELD_UNCOMPARED),
                                                    STAT(T, distinct, TEXT),
                                                    STAT(T, dependencies, TEXT),
                                                    VALUES(T, common_values),
                                                    VALUES(T, common_nulls),
                                                    VALUES(T, common_frequencies),
                                                    VALUES(T, common_base_frequencies),
                                                    F(T, has_target, BOOL),
                                                    F(T, target, INT),
                                                    ID(T),
                                                    OID(T),
                                                    END};
#undef T
#define T DbaDefaultAcl
static const DbaField default_acl_fields[] = {
    NAMES(T, role),   NAMES(T, schema),         DBA_FIELD(T, kind, TEXT, DBA_FIELD_NAMES | DBA_SCHEMA_WORD << DBA_SCHEMA_FORM_SHIFT),
    F(T, acl, TEXTS), F(T, acl_default, TEXTS), END};
#undef T
#define T DbaUnmodelled
static const DbaField unmodelled_fields[] = {NAMES(T, kind), F(T, count, INT), F(T, names, TEXTS), END};
#undef T
#define T DbaNeed
static const DbaField need_fields[] = {STAT(T, object, INT), STAT(T, needed, INT), END};
#undef T
const DbaRecord dba_relation_record = {"relation", sizeof(DbaRelation), relation_fields};
const DbaRecord dba_namespace_record = {"schema", sizeof(DbaNamespace), namespace_fields};
const DbaRecord dba_extension_record = {"extension", sizeof(DbaExtension), extension_fields};
const DbaRecord dba_type_record = {"type", sizeof(DbaType), type_fields};
const DbaRecord dba_sequence_record = {"sequence", sizeof(DbaSequence), sequence_fields};
const DbaRecord dba_function_record = {"function", sizeof(DbaFunction), function_fields};
const DbaRecord dba_statistics_object_record = {"statistics object", sizeof(DbaStatisticsObject), statistics_object_fields};
const DbaRecord dba_default_acl_record = {"default privileges", sizeof(DbaDefaultAcl), default_acl_fields};
const DbaRecord dba_unmodelled_record = {"unmodelled", sizeof(DbaUnmodelled), unmodelled_fields};
const DbaRecord dba_need_record = {"need", sizeof(DbaNeed), need_fields};
#define T DbaSchema
static const DbaField schema_fields[] = {DBA_FIELD_OF(T, namespaces, dba_namespace_record, 0),
                                         DBA_FIELD_OF(T, extensions, dba_extension_record, 0),
                                         DBA_FIELD_OF(T, types, dba_type_record, 0),
                                         DBA_FIELD_OF(T, sequences, dba_sequence_record, 0),
                                         DBA_FIELD_OF(T, relations, dba_relation_record, 0),
                                         DBA_FIELD_OF(T, functions, dba_function_record, 0),
                                         DBA_FIELD_OF(T, statistics_objects, dba_statistics_object_record, 0),
                                         DBA_FIELD_OF(T, default_acls, dba_default_acl_record, 0),
                                         DBA_FIELD_OF(T, unmodelled, dba_unmodelled_record, 0),
                                         DBA_FIELD_OF(T, needs, dba_need_record, DBA_FIELD_UNCOMPARED),
                                         END};
#undef T
const DbaRecord dba_schema_record = {"schema", sizeof(DbaSchema), schema_fields};

DbaSchema *dba_schema_new(void) {
  DbaSchema *schema = g_new0(DbaSchema, 1);
  schema->arena = dba_arena_new();
  return schema;
}

void dba_schema_free(DbaSchema *schema) {
  if (!schema)
    return;
  dba_arena_free(schema->arena);
  g_free(schema);
}

// ---- order and ids --------------------------------------------------------------------------------------------------

static int compare_names(const void *a, const void *b, void *data) {
  const DbaRecord *record = data;
  for (const DbaField *field = record->fields; field->name; field++) {
    if (!(field->flags & DBA_FIELD_NAMES))
      continue;
    int order = g_strcmp0(*(const char *const *)(const void *)((const char *)a + field->offset),
                          *(const char *const *)(const void *)((const char *)b + field->offset));
    if (order)
      return order;
  }
  return 0;
}

static void sort(DbaList *list, const DbaRecord *record) {
  if (list->n > 1)
    g_qsort_with_data(list->items, (gint)list->n, record->size, compare_names, (void *)(uintptr_t)record);
}

static int compare_needs(const void *a, const void *b) {
  const DbaNeed *x = a, *y = b;
  if (x->object != y->object)
    return x->object < y->object ? -1 : 1;
  return x->needed < y->needed ? -1 : x->needed > y->needed;
}

// Numbers one list; notes oid -> id for the needs.
static void number(DbaList *list, const DbaRecord *record, int64_t *next, GHashTable *ids) {
  const DbaField *id = dba_record_field(record, "id"), *oid = dba_record_field(record, "oid");
  for (uint32_t i = 0; i < list->n; i++) {
    char *item = (char *)list->items + i * record->size;
    int64_t *id_slot = (void *)(item + id->offset);
    const int64_t *oid_slot = (const void *)(item + oid->offset);
    *id_slot = ++*next;
    if (*oid_slot && ids)
      g_hash_table_insert(ids, GSIZE_TO_POINTER((gsize)*oid_slot), GSIZE_TO_POINTER((gsize)*id_slot));
  }
}

// Two catalogs may use one oid; only four kinds of objects are told apart by more than that in practice, so the keys of
// `ids_by_key` are oids made unique by the reader (class in the upper bits).
void dba_schema_settle(DbaSchema *schema, GHashTable *ids_by_key) {
  int64_t next = 0;
  sort(&schema->namespaces, &dba_namespace_record);
  sort(&schema->extensions, &dba_extension_record);
  sort(&schema->types, &dba_type_record);
  sort(&schema->sequences, &dba_sequence_record);
  sort(&schema->relations, &dba_relation_record);
  sort(&schema->functions, &dba_function_record);
  sort(&schema->statistics_objects, &dba_statistics_object_record);
  sort(&schema->default_acls, &dba_default_acl_record);
  sort(&schema->unmodelled, &dba_unmodelled_record);
  number(&schema->namespaces, &dba_namespace_record, &next, ids_by_key);
  number(&schema->extensions, &dba_extension_record, &next, ids_by_key);
  number(&schema->types, &dba_type_record, &next, ids_by_key);
  number(&schema->sequences, &dba_sequence_record, &next, ids_by_key);
  number(&schema->relations, &dba_relation_record, &next, ids_by_key);
  number(&schema->functions, &dba_function_record, &next, ids_by_key);
  number(&schema->statistics_objects, &dba_statistics_object_record, &next, ids_by_key);
  for (DBA_EACH(DbaRelation, relation, &schema->relations)) {
    sort(&relation->constraints, &dba_constraint_record);
    sort(&relation->indexes, &dba_index_record);
    sort(&relation->triggers, &dba_trigger_record);
    sort(&relation->policies, &dba_policy_record);
    number(&relation->constraints, &dba_constraint_record, &next, ids_by_key);
    number(&relation->indexes, &dba_index_record, &next, ids_by_key);
    number(&relation->triggers, &dba_trigger_record, &next, ids_by_key);
    number(&relation->policies, &dba_policy_record, &next, ids_by_key);
  }
  uint32_t kept = 0;
  for (DBA_EACH(DbaNeed, need, &schema->needs)) {
    DbaNeed mapped = {GPOINTER_TO_SIZE(g_hash_table_lookup(ids_by_key, GSIZE_TO_POINTER((gsize)need->object))),
                      GPOINTER_TO_SIZE(g_hash_table_lookup(ids_by_key, GSIZE_TO_POINTER((gsize)need->needed)))};
    if (mapped.object && mapped.needed && mapped.object != mapped.needed)
      *dba_list_at(DbaNeed, &schema->needs, kept++) = mapped;
  }
  schema->needs.n = kept;
  if (kept)
    qsort(schema->needs.items, kept, sizeof(DbaNeed), compare_needs);
  uint32_t unique = 0;
  for (DBA_EACH(DbaNeed, need, &schema->needs))
    if (!unique || compare_needs(dba_list_at(DbaNeed, &schema->needs, unique - 1), need))
      *dba_list_at(DbaNeed, &schema->needs, unique++) = *need;
  schema->needs.n = unique;
}

// ---- looking up -----------------------------------------------------------------------------------------------------

DbaRelation *dba_schema_relation(const DbaSchema *schema, const char *namespace, const char *name) {
  DbaRelation wanted = {.schema = namespace, .name = name};
  uint32_t low = 0, high = schema->relations.n;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    DbaRelation *relation = dba_list_at(DbaRelation, &schema->relations, middle);
    int order = compare_names(relation, &wanted, (void *)(uintptr_t)&dba_relation_record);
    if (!order)
      return relation;
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return NULL;
}

DbaColumn *dba_relation_column(const DbaRelation *relation, const char *name) {
  for (DBA_EACH(DbaColumn, column, &relation->columns))
    if (!strcmp(column->name, name))
      return column;
  return NULL;
}

const char *const *dba_relation_column_names(DbaArena *arena, const DbaRelation *relation) {
  const char **names = dba_arena_alloc(arena, sizeof *names * (relation->columns.n + 1));
  unsigned n = 0;
  for (DBA_EACH(DbaColumn, column, &relation->columns))
    names[n++] = column->name;
  return names;
}

bool dba_relation_is_unique(const DbaRelation *relation, const char *column) {
  for (DBA_EACH(DbaIndex, index, &relation->indexes)) {
    unsigned n = 0;
    bool ours = false;
    for (DBA_EACH(DbaIndexKey, key, &index->keys)) {
      n += !key->included;
      ours |= !key->included && !g_strcmp0(key->column, column);
    }
    if (index->unique && !index->predicate && n == 1 && ours)
      return true;
  }
  return false;
}

bool dba_relation_in_unique_index(const DbaRelation *relation, const char *column) {
  for (DBA_EACH(DbaIndex, index, &relation->indexes))
    for (DBA_EACH(DbaIndexKey, key, &index->keys))
      if (index->unique && !key->included && !g_strcmp0(key->column, column))
        return true;
  return false;
}

DbaConstraint *dba_relation_constraint(const DbaRelation *relation, const char *name) {
  for (DBA_EACH(DbaConstraint, constraint, &relation->constraints))
    if (!strcmp(constraint->name, name))
      return constraint;
  return NULL;
}

DbaIndex *dba_relation_index(const DbaRelation *relation, const char *name) {
  for (DBA_EACH(DbaIndex, index, &relation->indexes))
    if (!strcmp(index->name, name))
      return index;
  return NULL;
}

unsigned dba_statistics_object_columns(const DbaSchema *schema, const DbaStatisticsObject *object, unsigned most,
                                       const DbaRelation **ret_relation, const DbaColumn **ret_columns) {
  unsigned n = 0;
  for (DBA_EACH(DbaRelation, relation, &schema->relations)) {
    g_autofree char *table = dba_sql_name(relation->schema, relation->name);
    if (g_strcmp0(table, object->table))
      continue;
    *ret_relation = relation;
    for (DBA_EACH_TEXT(name, &object->columns)) {
      const DbaColumn *column = *name && n < most ? dba_relation_column(relation, *name) : NULL;
      if (!column)
        return 0;
      ret_columns[n++] = column;
    }
    return n;
  }
  return 0;
}

char *dba_check_expression(const char *definition) {
  const char *open = definition ? strchr(definition, '(') : NULL, *close = open ? strrchr(open, ')') : NULL;
  return close ? g_strndup(open, (gsize)(close + 1 - open)) : NULL;
}

double dba_sequence_largest(const DbaSchema *schema, const DbaSequence *sequence) {
  static const struct {
    const char *type_name;
    double largest;
  } integers[] = {{"int2", 32767.0}, {"int4", 2147483647.0}, {"int8", 9223372036854775807.0}};
  const DbaRelation *relation =
      sequence->owned_by_table ? dba_schema_relation(schema, sequence->owned_by_schema, sequence->owned_by_table) : NULL;
  const DbaColumn *column = relation && sequence->owned_by_column ? dba_relation_column(relation, sequence->owned_by_column) : NULL;
  for (size_t i = 0; column && i < G_N_ELEMENTS(integers); i++)
    if (!g_strcmp0(column->type_name, integers[i].type_name))
      return MIN(integers[i].largest, (double)sequence->maximum);
  return 0;
}

bool dba_relation_is_table(const DbaRelation *relation) {
  return !strcmp(relation->kind, "table") || !strcmp(relation->kind, "partitioned table");
}

GPtrArray *dba_schema_compare(const DbaSchema *before, const DbaSchema *after) {
  GPtrArray *differences = g_ptr_array_new_with_free_func(g_free);
  dba_record_compare(&dba_schema_record, before, after, "", differences);
  return differences;
}

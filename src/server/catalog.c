// SPDX-License-Identifier: Apache-2.0
// Catalog to Schema: a fixed list of set-wise queries, each filling one kind of record.
//
// Children find their parent by the "parent" column, which is the parent's class and oid in one number.  The catalogs'
// own functions (pg_get_constraintdef and so on) do the deparsing, under an empty search_path so that names are whole.
#include "server/server-int.h"

#include <string.h>

typedef struct Reader {
  DbaServer *server;
  DbaSchema *schema;
  GHashTable *parents; // class and oid -> record
} Reader;

static void remember(Reader *reader, const DbaRecord *record, DbaList *list) {
  const DbaField *oid = dba_record_field(record, "oid");
  for (uint32_t i = 0; i < list->n; i++) {
    char *item = (char *)list->items + i * record->size;
    g_hash_table_insert(reader->parents, GSIZE_TO_POINTER((gsize) * (int64_t *)(void *)(item + oid->offset)), item);
  }
}

// One kind of child: which query, which record, which list of the parent.
typedef struct Child {
  const char *query;
  const DbaRecord *record;
  size_t list_offset;
} Child;

static const char *const child_columns[] = {"parent", NULL};

static bool read_children(Reader *reader, const Child *child, GError **error) {
  DbaArena *arena = reader->schema->arena;
  g_autoptr(DbaResult) result = dba_server_query_named(reader->server, child->query, error);
  g_autoptr(DbaRowMap) map = result ? dba_row_map_new(result, child->record, child_columns, error) : NULL;
  if (!map)
    return false;
  int rows = dba_result_rows(result);
  for (int row = 0; row < rows;) { // rows come ordered by parent: reserve exactly, so that pointers stay good
    int64_t key = dba_result_int(result, row, 0);
    int end = row + 1;
    while (end < rows && !strcmp(dba_result_text(result, end, 0), dba_result_text(result, row, 0)))
      end++;
    char *parent = g_hash_table_lookup(reader->parents, GSIZE_TO_POINTER((gsize)key));
    if (parent) {
      DbaList *list = (void *)(parent + child->list_offset);
      dba_list_reserve(arena, list, child->record->size, list->n + (uint32_t)(end - row));
      for (; row < end; row++)
        dba_row_map_read(map, arena, result, row, dba_list_add(arena, list, child->record->size));
    }
    row = end;
  }
  return true;
}

// Numbers to names: cheaper here than a join for every constraint.  Columns are in the order of their numbers, with gaps.
static void name_columns(DbaArena *arena, const DbaRelation *relation, const DbaList *numbers, DbaList *names) {
  dba_list_reserve(arena, names, sizeof(const char *), numbers->n);
  for (DBA_EACH_TEXT(text, numbers)) {
    int64_t number = g_ascii_strtoll(*text, NULL, 10);
    for (DBA_EACH(DbaColumn, column, &relation->columns))
      if (column->position == number) {
        const char **slot = dba_list_add(arena, names, sizeof *slot);
        *slot = column->name;
        break;
      }
  }
}

static void name_key_columns(Reader *reader) {
  for (DBA_EACH(DbaRelation, relation, &reader->schema->relations))
    for (DBA_EACH(DbaConstraint, constraint, &relation->constraints)) {
      const DbaRelation *target =
          constraint->ref_oid ? g_hash_table_lookup(reader->parents, GSIZE_TO_POINTER((gsize)constraint->ref_oid)) : NULL;
      name_columns(reader->schema->arena, relation, &constraint->column_numbers, &constraint->columns);
      if (target)
        name_columns(reader->schema->arena, target, &constraint->ref_column_numbers, &constraint->ref_columns);
    }
}

static bool read_needs(Reader *reader, GError **error) {
  return dba_server_read_list(reader->server, reader->schema->arena, "needs", &dba_need_record, &reader->schema->needs, error);
}

static bool read_all(Reader *reader, GError **error) {
  static const Child type_children[] = {
      {"domain_checks", &dba_domain_check_record, offsetof(DbaType, checks)},
      {"type_columns", &dba_column_record, offsetof(DbaType, columns)},
  };
  static const Child relation_children[] = {
      {"columns", &dba_column_record, offsetof(DbaRelation, columns)},
      {"constraints", &dba_constraint_record, offsetof(DbaRelation, constraints)},
      {"indexes", &dba_index_record, offsetof(DbaRelation, indexes)},
      {"triggers", &dba_trigger_record, offsetof(DbaRelation, triggers)},
      {"policies", &dba_policy_record, offsetof(DbaRelation, policies)},
  };
  static const Child index_keys = {"index_keys", &dba_index_key_record, offsetof(DbaIndex, keys)};
  DbaSchema *schema = reader->schema;
  struct {
    const char *query;
    const DbaRecord *record;
    DbaList *list;
  } lists[] = {
      {"namespaces", &dba_namespace_record, &schema->namespaces},
      {"extensions", &dba_extension_record, &schema->extensions},
      {"types", &dba_type_record, &schema->types},
      {"sequences", &dba_sequence_record, &schema->sequences},
      {"relations", &dba_relation_record, &schema->relations},
      {"functions", &dba_function_record, &schema->functions},
      {"statistics_objects", &dba_statistics_object_record, &schema->statistics_objects},
      {"default_acls", &dba_default_acl_record, &schema->default_acls},
      {"unmodelled", &dba_unmodelled_record, &schema->unmodelled},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(lists); i++)
    if (!dba_server_read_list(reader->server, schema->arena, lists[i].query, lists[i].record, lists[i].list, error))
      return false;
  remember(reader, &dba_type_record, &schema->types);
  remember(reader, &dba_relation_record, &schema->relations);
  for (size_t i = 0; i < G_N_ELEMENTS(type_children); i++)
    if (!read_children(reader, &type_children[i], error))
      return false;
  for (size_t i = 0; i < G_N_ELEMENTS(relation_children); i++)
    if (!read_children(reader, &relation_children[i], error))
      return false;
  name_key_columns(reader);
  for (DBA_EACH(DbaRelation, relation, &schema->relations))
    remember(reader, &dba_index_record, &relation->indexes);
  return read_children(reader, &index_keys, error) && read_needs(reader, error);
}

bool dba_server_read_schema(DbaServer *server, DbaSchema *schema, GError **error) {
  bool own = !dba_server_in_transaction(server);
  if (own &&
      !dba_server_exec(server, "begin isolation level repeatable read read only; set local search_path = ''; set local jit = off", error))
    return false;
  Reader reader = {server, schema, g_hash_table_new(NULL, NULL)};
  bool ok = read_all(&reader, error);
  if (ok) {
    g_autoptr(GHashTable) ids = g_hash_table_new(NULL, NULL);
    dba_schema_settle(schema, ids);
  }
  g_hash_table_unref(reader.parents);
  if (own && !dba_server_exec(server, ok ? "commit" : "rollback", ok ? error : NULL))
    return false;
  return ok;
}

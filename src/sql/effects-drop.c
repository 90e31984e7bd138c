// SPDX-License-Identifier: Apache-2.0
// What DROP does to tables, and which values statements throw away or write over.
#include "sql/effects-int.h"

#include <string.h>

DbaSqlDestroyed *dba_effects_destroy(DbaEffects *reading, const char *schema, const char *table, const char *column) {
  DbaSqlDestroyed *destroyed = dba_list_add(reading->arena, &reading->verdict->destroyed, sizeof *destroyed);
  *destroyed = (DbaSqlDestroyed){.schema = dba_arena_text(reading->arena, schema),
                                 .table = dba_arena_text(reading->arena, table),
                                 .column = dba_arena_text(reading->arena, column)};
  return destroyed;
}

static void drop_table(DbaEffects *reading, const DbaWorldTable *table, bool cascade) {
  dba_effects_is_a(reading,
                   table->kind == 'v'    ? "drop-view"
                   : table->kind == 'm'  ? "drop-matview"
                   : table->is_partition ? "drop-partition"
                                         : "drop-table",
                   0);
  dba_effects_on_tree(reading, table, DBA_LOCK_ACCESS_EXCLUSIVE, 0, true);
  for (DBA_EACH(DbaWorldConstraint, constraint, &table->constraints))
    if (!constraint->dropped && constraint->ref_name)
      dba_effects_on_referenced(reading, constraint->ref_schema, constraint->ref_name, DBA_LOCK_ACCESS_EXCLUSIVE, 0);
  if (cascade)
    dba_effects_on_referrers(reading, table, DBA_LOCK_ACCESS_EXCLUSIVE, 0);
  for (uint32_t i = 0; cascade && i < reading->world->tables.n; i++) {
    const DbaWorldTable *view = DBA_WORLD_AT(DbaWorldTable, &reading->world->tables, i);
    g_autofree char *name = g_strdup_printf("%s.%s", table->schema ? table->schema : "public", table->name);
    if (!view->dropped && (view->kind == 'v' || view->kind == 'm') && dba_list_has_text(&view->sources, name))
      dba_effects_on_table(reading, view, DBA_LOCK_ACCESS_EXCLUSIVE, 0, "it reads it");
  }
  const DbaWorldTable *parent = table->is_partition ? table->parent : NULL;
  const DbaWorldTable *other = parent ? dba_effects_default_partition(reading, parent) : NULL;
  if (parent)
    dba_effects_on_table(reading, parent, DBA_LOCK_ACCESS_EXCLUSIVE, 0, "its partition");
  if (other && other != table)
    dba_effects_on_table(reading, other, DBA_LOCK_ACCESS_EXCLUSIVE, 0, "default partition");
}

// Columns of a type or a domain that goes, functions of triggers.
static void drop_used(DbaEffects *reading, ObjectType type, const char *schema, const char *name) {
  g_autofree char *full = g_strdup_printf("%s.%s", schema ? schema : "public", name);
  for (uint32_t i = 0; i < reading->world->tables.n; i++) {
    const DbaWorldTable *table = DBA_WORLD_AT(DbaWorldTable, &reading->world->tables, i);
    bool used = type == OBJECT_FUNCTION && dba_list_has_text(&table->triggers, full);
    for (DBA_EACH(DbaWorldColumn, column, &table->columns)) {
      bool of_type = type != OBJECT_FUNCTION && !column->dropped && !g_strcmp0(column->type.name, name);
      used |= of_type;
      if (of_type && !table->dropped)
        (void)dba_effects_destroy(reading, table->schema, table->name, column->name);
    }
    if (used && !table->dropped)
      dba_effects_on_table(reading, table, DBA_LOCK_ACCESS_EXCLUSIVE, 0, "it uses it");
  }
}

void dba_effects_drop(DbaEffects *reading, const DropStmt *statement) {
  bool cascade = statement->behavior == DROP_CASCADE;
  for (int i = 0; i < list_length(statement->objects); i++) {
    const char *schema = NULL, *name = NULL;
    Node *object = list_nth(statement->objects, i);
    if (IsA(object, TypeName))
      dba_world_name(((TypeName *)object)->names, &schema, &name);
    else if (IsA(object, ObjectWithArgs))
      dba_world_name(((ObjectWithArgs *)object)->objname, &schema, &name);
    else if (IsA(object, List))
      dba_world_name((List *)object, &schema, &name);
    else if (IsA(object, String))
      name = strVal(object);
    switch (statement->removeType) {
    case OBJECT_TABLE:
    case OBJECT_VIEW:
    case OBJECT_MATVIEW: {
      const DbaWorldTable *table = dba_world_table(reading->world, schema, name);
      if (statement->removeType == OBJECT_TABLE)
        (void)dba_effects_destroy(reading, schema, name, NULL);
      if (table)
        drop_table(reading, table, cascade);
      break;
    }
    case OBJECT_INDEX: {
      const DbaWorldIndex *index = dba_world_index(reading->world, schema, name);
      dba_effects_is_a(reading, statement->concurrent ? "drop-index-concurrently" : "drop-index", 0);
      if (index)
        dba_effects_add(reading, index->table_schema, index->table_name,
                        statement->concurrent ? DBA_LOCK_SHARE_UPDATE_EXCLUSIVE : DBA_LOCK_ACCESS_EXCLUSIVE, 0, NULL);
      break;
    }
    case OBJECT_TRIGGER:
    case OBJECT_POLICY:
    case OBJECT_RULE: { // the table stands before the name
      const List *names = (List *)object;
      int n = list_length(names);
      if (n > 1)
        dba_effects_add(reading, n > 2 ? strVal(list_nth(names, n - 3)) : NULL, strVal(list_nth(names, n - 2)), DBA_LOCK_ACCESS_EXCLUSIVE,
                        0, NULL);
      break;
    }
    case OBJECT_STATISTIC_EXT: {
      const DbaWorldThing *statistics = dba_world_thing(reading->world, DBA_WORLD_STATISTICS, schema, name);
      if (statistics)
        dba_effects_add(reading, statistics->table_schema, statistics->table_name, DBA_LOCK_SHARE_UPDATE_EXCLUSIVE, 0, NULL);
      break;
    }
    case OBJECT_SCHEMA:
      (void)dba_effects_destroy(reading, name, NULL, NULL);
      for (uint32_t k = 0; k < reading->world->tables.n; k++) {
        const DbaWorldTable *table = DBA_WORLD_AT(DbaWorldTable, &reading->world->tables, k);
        if (!table->dropped && !g_strcmp0(table->schema ? table->schema : "public", name))
          drop_table(reading, table, true);
      }
      break;
    case OBJECT_EXTENSION:
      if (cascade)
        dba_effects_destroy(reading, NULL, name, NULL)->kind = DBA_SQL_DESTROYED_EXTENSION;
      break;
    case OBJECT_TYPE:
    case OBJECT_DOMAIN:
      if (cascade)
        dba_effects_destroy(reading, schema, name, NULL)->kind = DBA_SQL_DESTROYED_TYPE;
      if (cascade)
        drop_used(reading, statement->removeType, schema, name);
      break;
    case OBJECT_FUNCTION:
      if (cascade)
        drop_used(reading, statement->removeType, schema, name);
      break;
    default: break;
    }
  }
}

// A column of the table that is written, as it may be named there.
static bool is_column(const Node *node, const RangeVar *of, const char *column) {
  const List *fields = IsA(node, ColumnRef) ? ((const ColumnRef *)node)->fields : NULL;
  const char *called = of->alias ? of->alias->aliasname : of->relname;
  int n = list_length(fields);
  for (int i = 0; i < n; i++)
    if (!IsA(list_nth(fields, i), String))
      return false;
  return n > 0 && !strcmp(strVal(list_nth(fields, n - 1)), column) && (n == 1 || (n == 2 && !strcmp(strVal(list_nth(fields, 0)), called)));
}

// USING that only casts the column computes nothing.
static bool is_cast_only(const Node *using, const RangeVar *of, const char *column) {
  while (using && IsA(using, TypeCast))
    using = ((const TypeCast *)using)->arg;
  return !using || is_column(using, of, column);
}

void dba_effects_destroy_columns(DbaEffects *reading, const AlterTableStmt *statement) {
  const RangeVar *of = statement->relation;
  for (int i = 0; statement->objtype == OBJECT_TYPE && i < list_length(statement->cmds); i++)
    if (((const AlterTableCmd *)list_nth(statement->cmds, i))->subtype == AT_DropColumn) // an attribute, of every column of the type
      dba_effects_destroy(reading, of->schemaname, of->relname, NULL)->kind = DBA_SQL_DESTROYED_TYPE;
  for (int i = 0; statement->objtype == OBJECT_TABLE && i < list_length(statement->cmds); i++) {
    const AlterTableCmd *command = list_nth(statement->cmds, i);
    bool retypes = command->subtype == AT_AlterColumnType;
    if (command->subtype == AT_DropColumn)
      (void)dba_effects_destroy(reading, of->schemaname, of->relname, command->name);
    reading->verdict->retypes = reading->verdict->retypes || retypes;
    if (retypes && !is_cast_only(((const ColumnDef *)command->def)->raw_default, of, command->name))
      dba_effects_destroy(reading, of->schemaname, of->relname, command->name)->overwritten = true;
  }
}

static bool is_null_of(const Node *node, const RangeVar *of, const char *column) {
  const NullTest *test = node && IsA(node, NullTest) ? (const NullTest *)node : NULL;
  return test && test->nulltesttype == IS_NULL && is_column((const Node *)test->arg, of, column);
}

// SET column = column; = coalesce(column, ...); = case when column is null then ... else column end
static bool keeps_values(const ResTarget *target, const RangeVar *of) {
  if (IsA(target->val, CaseExpr)) {
    const CaseExpr *choice = (const CaseExpr *)target->val;
    bool one = !choice->arg && list_length(choice->args) == 1 && choice->defresult;
    return one && is_null_of((const Node *)((const CaseWhen *)linitial(choice->args))->expr, of, target->name) &&
           is_column((const Node *)choice->defresult, of, target->name);
  }
  if (IsA(target->val, CoalesceExpr))
    return is_column(linitial(((const CoalesceExpr *)target->val)->args), of, target->name);
  return is_column(target->val, of, target->name);
}

// WHERE column IS NULL, and maybe more: nothing is written over.
static bool wants_null(const Node *where, const RangeVar *of, const char *column) {
  if (is_null_of(where, of, column))
    return true;
  const List *parts =
      where && IsA(where, BoolExpr) && ((const BoolExpr *)where)->boolop == AND_EXPR ? ((const BoolExpr *)where)->args : NULL;
  for (int i = 0; i < list_length(parts); i++)
    if (wants_null(list_nth(parts, i), of, column))
      return true;
  return false;
}

// `targets`: SET column = value, of UPDATE, of ON CONFLICT, of a part of MERGE.
static void overwrite(DbaEffects *reading, const RangeVar *of, const List *targets, const Node *where) {
  for (int i = 0; i < list_length(targets); i++) {
    const ResTarget *target = list_nth(targets, i);
    if (!wants_null(where, of, target->name) && !keeps_values(target, of))
      dba_effects_destroy(reading, of->schemaname, of->relname, target->name)->overwritten = true;
  }
}

void dba_effects_overwrite_columns(DbaEffects *reading, const Node *node) {
  if (IsA(node, UpdateStmt)) {
    const UpdateStmt *update = (const UpdateStmt *)node;
    overwrite(reading, update->relation, update->targetList, update->whereClause);
  } else if (IsA(node, InsertStmt) && ((const InsertStmt *)node)->onConflictClause) {
    const InsertStmt *insert = (const InsertStmt *)node;
    overwrite(reading, insert->relation, insert->onConflictClause->targetList, insert->onConflictClause->whereClause);
  } else if (IsA(node, MergeStmt)) {
    const MergeStmt *merge = (const MergeStmt *)node;
    for (int i = 0; i < list_length(merge->mergeWhenClauses); i++) {
      const MergeWhenClause *when = list_nth(merge->mergeWhenClauses, i);
      if (when->commandType == CMD_UPDATE)
        overwrite(reading, merge->relation, when->targetList, when->condition);
      if (when->commandType == CMD_DELETE)
        (void)dba_effects_destroy(reading, merge->relation->schemaname, merge->relation->relname, NULL);
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
// What ALTER TABLE does to tables, subcommand by subcommand.
#include "sql/effects-int.h"

#include <string.h>

static const DbaList nothing;

// What a subcommand does by itself; those that need a closer look are below.  `children`: it goes down to partitions and heirs.
static const struct {
  AlterTableType subtype;
  DbaLockMode lock;
  unsigned work;
  bool children;
} subcommands[] = {
    {AT_ColumnDefault, DBA_LOCK_ACCESS_EXCLUSIVE, 0, true},
    {AT_DropNotNull, DBA_LOCK_ACCESS_EXCLUSIVE, 0, true},
    {AT_SetExpression, DBA_LOCK_ACCESS_EXCLUSIVE, DBA_EFFECT_REWRITES | DBA_EFFECT_SCANS, true},
    {AT_DropExpression, DBA_LOCK_ACCESS_EXCLUSIVE, 0, true},
    {AT_SetStatistics, DBA_LOCK_SHARE_UPDATE_EXCLUSIVE, 0, true},
    {AT_SetOptions, DBA_LOCK_SHARE_UPDATE_EXCLUSIVE, 0, false},
    {AT_ResetOptions, DBA_LOCK_SHARE_UPDATE_EXCLUSIVE, 0, false},
    {AT_SetStorage, DBA_LOCK_ACCESS_EXCLUSIVE, 0, true},
    {AT_SetCompression, DBA_LOCK_ACCESS_EXCLUSIVE, 0, false},
    {AT_AlterConstraint, DBA_LOCK_ACCESS_EXCLUSIVE, 0, true},
    {AT_ChangeOwner, DBA_LOCK_ACCESS_EXCLUSIVE, 0, false},
    {AT_ClusterOn, DBA_LOCK_SHARE_UPDATE_EXCLUSIVE, 0, false},
    {AT_DropCluster, DBA_LOCK_SHARE_UPDATE_EXCLUSIVE, 0, false},
    {AT_EnableTrig, DBA_LOCK_SHARE_ROW_EXCLUSIVE, 0, true},
    {AT_EnableAlwaysTrig, DBA_LOCK_SHARE_ROW_EXCLUSIVE, 0, true},
    {AT_EnableReplicaTrig, DBA_LOCK_SHARE_ROW_EXCLUSIVE, 0, true},
    {AT_EnableTrigAll, DBA_LOCK_SHARE_ROW_EXCLUSIVE, 0, true},
    {AT_EnableTrigUser, DBA_LOCK_SHARE_ROW_EXCLUSIVE, 0, true},
    {AT_DisableTrig, DBA_LOCK_SHARE_ROW_EXCLUSIVE, 0, true},
    {AT_DisableTrigAll, DBA_LOCK_SHARE_ROW_EXCLUSIVE, 0, true},
    {AT_DisableTrigUser, DBA_LOCK_SHARE_ROW_EXCLUSIVE, 0, true},
    {AT_SetIdentity, DBA_LOCK_ACCESS_EXCLUSIVE, 0, true},
    {AT_DropIdentity, DBA_LOCK_ACCESS_EXCLUSIVE, 0, true},
    {AT_AddIdentity, DBA_LOCK_ACCESS_EXCLUSIVE, 0, true},
    {AT_DetachPartitionFinalize, DBA_LOCK_SHARE_UPDATE_EXCLUSIVE, 0, false},
};

// Options of storage whose change needs no more than SHARE UPDATE EXCLUSIVE (reloptions.c).
static bool is_quiet_option(const char *name) {
  static const char *const quiet[] = {"fillfactor", "toast_tuple_target", "parallel_workers", "deduplicate_items", "n_distinct",
                                      "buffering",  "pages_per_range",    "autosummarize",    "fastupdate",        NULL};
  return g_strv_contains(quiet, name) || g_str_has_prefix(name, "autovacuum_") || g_str_has_prefix(name, "vacuum_") ||
         g_str_has_prefix(name, "log_autovacuum");
}

static DbaLockMode lock_of_options(const List *options, const DbaWorldTable *table) {
  for (int i = 0; i < list_length(options); i++)
    if ((table && table->kind == 'v') || !is_quiet_option(((DefElem *)list_nth(options, i))->defname))
      return DBA_LOCK_ACCESS_EXCLUSIVE;
  return DBA_LOCK_SHARE_UPDATE_EXCLUSIVE;
}

static void add_column(DbaEffects *reading, const DbaWorldTable *table, const ColumnDef *def, bool children) {
  unsigned work = 0;
  Node *value = NULL;
  const RangeVar *target = NULL;
  bool checked = false, not_null = false;
  DbaWorldType type = def->typeName ? dba_world_type(reading->world, def->typeName) : (DbaWorldType){0};
  static const char *const serials[] = {"serial", "bigserial", "smallserial", "serial2", "serial4", "serial8", NULL};
  if (dba_world_column(table, def->colname)) { // IF NOT EXISTS
    dba_effects_on_tree(reading, table, DBA_LOCK_ACCESS_EXCLUSIVE, 0, false);
    return;
  }
  for (int i = 0; i < list_length(def->constraints); i++) {
    const Constraint *constraint = list_nth(def->constraints, i);
    switch (constraint->contype) {
    case CONSTR_DEFAULT: value = constraint->raw_expr; break;
    case CONSTR_IDENTITY:
    case CONSTR_GENERATED: work |= DBA_EFFECT_REWRITES | DBA_EFFECT_SCANS; break;
    case CONSTR_CHECK: checked |= !constraint->skip_validation; break;
    case CONSTR_NOTNULL: not_null = true; break;
    case CONSTR_UNIQUE:
    case CONSTR_PRIMARY: work |= DBA_EFFECT_SCANS; break;
    case CONSTR_FOREIGN: target = constraint->pktable; break;
    default: break;
    }
  }
  if ((type.name && g_strv_contains(serials, type.name)) || (value && dba_world_is_volatile(reading->world, value)) ||
      dba_world_is_checked_type(reading->world, &type))
    work |= DBA_EFFECT_REWRITES | DBA_EFFECT_SCANS;
  if (checked || (not_null && !value))
    work |= DBA_EFFECT_SCANS;
  work |= target && value ? DBA_EFFECT_SCANS : 0;
  if (target)
    dba_effects_on_reference(reading, target, DBA_LOCK_SHARE_ROW_EXCLUSIVE, value ? DBA_EFFECT_SCANS : 0);
  dba_effects_is_a(reading,
                   work & DBA_EFFECT_REWRITES ? "add-column-computed"
                   : not_null && !value       ? "add-column-not-null"
                   : target && value          ? "add-foreign-key"
                   : checked                  ? "add-column-checked"
                   : work                     ? "add-column-key"
                                              : "add-column",
                   work);
  dba_effects_on_tree(reading, table, DBA_LOCK_ACCESS_EXCLUSIVE, work, children);
}

// USING that only names the column, or casts it, is no computation.
static bool is_plain_using(const Node *using) {
  if (!using || IsA(using, ColumnRef))
    return true;
  return IsA(using, TypeCast) && IsA(((const TypeCast *)using)->arg, ColumnRef);
}

static bool is_indexed(const DbaEffects *reading, const DbaWorldTable *table, const char *column) {
  for (uint32_t i = 0; i < reading->world->indexes.n; i++) {
    const DbaWorldIndex *index = DBA_WORLD_AT(DbaWorldIndex, &reading->world->indexes, i);
    if (!index->dropped && !strcmp(index->table_name, table->name) && dba_list_has_text(&index->columns, column))
      return true;
  }
  return false;
}

static void alter_type(DbaEffects *reading, const DbaWorldTable *table, const AlterTableCmd *command, bool children) {
  const ColumnDef *def = (ColumnDef *)command->def;
  const DbaWorldColumn *column = dba_world_column(table, command->name);
  DbaWorldType type = dba_world_type(reading->world, def->typeName);
  unsigned work = 0;
  if (!column || !is_plain_using(def->raw_default) || !dba_world_same_bytes(reading->world, &column->type, &type))
    work = DBA_EFFECT_REWRITES | DBA_EFFECT_SCANS;
  else if ((def->collClause || !dba_world_orders_alike(&column->type, &type)) && is_indexed(reading, table, command->name))
    work = DBA_EFFECT_SCANS; // its indexes are built anew
  for (DBA_EACH(DbaWorldConstraint, constraint, &table->constraints)) {
    if (constraint->dropped || !dba_list_has_text(&constraint->columns, command->name))
      continue;
    work |= constraint->kind == CONSTR_CHECK && constraint->valid ? DBA_EFFECT_SCANS : 0;
    if (constraint->ref_name) // the foreign key is made anew
      dba_effects_on_referenced(reading, constraint->ref_schema, constraint->ref_name, DBA_LOCK_ACCESS_EXCLUSIVE, 0);
    if (constraint->kind == CONSTR_PRIMARY || constraint->kind == CONSTR_UNIQUE) // so are those that lead here, and they are checked
      dba_effects_on_referrers(reading, table, DBA_LOCK_ACCESS_EXCLUSIVE, work ? DBA_EFFECT_SCANS : 0);
  }
  dba_effects_is_a(reading, "change-type", work);
  dba_effects_on_tree(reading, table, DBA_LOCK_ACCESS_EXCLUSIVE, work, children);
}

// A NOT NULL that a validated CHECK proves is not looked for (NotNullImpliedByRelConstraints, 12).
static bool is_proven_not_null(const DbaWorldTable *table, const char *column) {
  const DbaWorldColumn *found = dba_world_column(table, column);
  for (DBA_EACH(DbaWorldConstraint, constraint, &table->constraints))
    if (!constraint->dropped && constraint->valid && constraint->not_null_of && !strcmp(constraint->not_null_of, column))
      return true;
  return found && found->not_null;
}

static void add_constraint(DbaEffects *reading, const DbaWorldTable *table, const Constraint *constraint, bool children) {
  children = children && (constraint->contype == CONSTR_CHECK || table->kind == 'p'); // keys do not go down to heirs
  unsigned work = constraint->skip_validation ? 0 : DBA_EFFECT_SCANS;
  dba_effects_is_a(reading,
                   constraint->contype == CONSTR_FOREIGN     ? "add-foreign-key"
                   : constraint->contype == CONSTR_CHECK     ? "add-check"
                   : constraint->contype == CONSTR_PRIMARY   ? "add-primary-key"
                   : constraint->contype == CONSTR_EXCLUSION ? "add-exclusion"
                                                             : "add-unique",
                   work);
  if (constraint->contype == CONSTR_FOREIGN) {
    dba_effects_on_reference(reading, constraint->pktable, DBA_LOCK_SHARE_ROW_EXCLUSIVE, work);
    dba_effects_on_tree(reading, table, DBA_LOCK_SHARE_ROW_EXCLUSIVE, work, children);
    return;
  }
  if (constraint->indexname) { // USING INDEX: a key still looks for NULL
    const DbaWorldIndex *index = dba_world_index(reading->world, table->schema, constraint->indexname);
    work = 0;
    for (DBA_EACH_TEXT(column, constraint->contype == CONSTR_PRIMARY && index ? &index->columns : &nothing))
      work |= is_proven_not_null(table, *column) ? 0 : DBA_EFFECT_SCANS;
  }
  dba_effects_on_tree(reading, table, DBA_LOCK_ACCESS_EXCLUSIVE, work, children);
}

static void drop_constraint(DbaEffects *reading, const DbaWorldTable *table, const AlterTableCmd *command, bool children) {
  dba_effects_is_a(reading, "drop-constraint", 0);
  const DbaWorldConstraint *constraint = dba_world_constraint(table, command->name);
  if (constraint && constraint->ref_name)
    dba_effects_on_referenced(reading, constraint->ref_schema, constraint->ref_name, DBA_LOCK_ACCESS_EXCLUSIVE, 0);
  if (constraint && command->behavior == DROP_CASCADE && (constraint->kind == CONSTR_PRIMARY || constraint->kind == CONSTR_UNIQUE))
    dba_effects_on_referrers(reading, table, DBA_LOCK_ACCESS_EXCLUSIVE, 0);
  dba_effects_on_tree(reading, table, DBA_LOCK_ACCESS_EXCLUSIVE, 0, children);
}

static void drop_column(DbaEffects *reading, const DbaWorldTable *table, const AlterTableCmd *command, bool children) {
  dba_effects_is_a(reading, "drop-column", 0);
  for (DBA_EACH(DbaWorldConstraint, constraint, &table->constraints)) {
    if (constraint->dropped || !dba_list_has_text(&constraint->columns, command->name))
      continue;
    if (constraint->ref_name)
      dba_effects_on_referenced(reading, constraint->ref_schema, constraint->ref_name, DBA_LOCK_ACCESS_EXCLUSIVE, 0);
    else if (command->behavior == DROP_CASCADE && (constraint->kind == CONSTR_PRIMARY || constraint->kind == CONSTR_UNIQUE))
      dba_effects_on_referrers(reading, table, DBA_LOCK_ACCESS_EXCLUSIVE, 0);
  }
  dba_effects_on_tree(reading, table, DBA_LOCK_ACCESS_EXCLUSIVE, 0, children);
}

static void validate(DbaEffects *reading, const DbaWorldTable *table, const AlterTableCmd *command, bool children) {
  const DbaWorldConstraint *constraint = dba_world_constraint(table, command->name);
  unsigned work = constraint && constraint->valid ? 0 : DBA_EFFECT_SCANS;
  dba_effects_is_a(reading, "validate", work);
  if (constraint && constraint->ref_name)
    dba_effects_on_referenced(reading, constraint->ref_schema, constraint->ref_name, DBA_LOCK_ROW_SHARE, work);
  dba_effects_on_tree(reading, table, DBA_LOCK_SHARE_UPDATE_EXCLUSIVE, work, children);
}

// Would a CHECK of the new partition spare the scan?  Only that there is one on it is known here.
bool dba_effects_has_check(const DbaWorldTable *table) {
  for (DBA_EACH(DbaWorldConstraint, constraint, &table->constraints))
    if (constraint->kind == CONSTR_CHECK && constraint->valid && !constraint->dropped)
      return true;
  return false;
}

// A partition has the foreign keys of its parent.
void dba_effects_on_keys_of_parent(DbaEffects *reading, const DbaWorldTable *parent, unsigned work) {
  for (DBA_EACH(DbaWorldConstraint, constraint, &parent->constraints))
    if (!constraint->dropped && constraint->ref_name)
      dba_effects_on_referenced(reading, constraint->ref_schema, constraint->ref_name, DBA_LOCK_SHARE_ROW_EXCLUSIVE, work);
}

static void attach(DbaEffects *reading, const DbaWorldTable *parent, const PartitionCmd *command, bool attaches) {
  const DbaWorldTable *child = dba_world_table_of(reading->world, command->name), *other = dba_effects_default_partition(reading, parent);
  DbaLockMode lock = attaches || command->concurrent ? DBA_LOCK_SHARE_UPDATE_EXCLUSIVE : DBA_LOCK_ACCESS_EXCLUSIVE;
  dba_effects_is_a(reading,
                   attaches              ? "attach-partition"
                   : command->concurrent ? "detach-concurrently"
                                         : "detach-partition",
                   attaches ? DBA_EFFECT_SCANS : 0);
  dba_effects_on_table(reading, parent, lock, 0, NULL);
  if (child)
    dba_effects_on_table(reading, child, DBA_LOCK_ACCESS_EXCLUSIVE, attaches && !dba_effects_has_check(child) ? DBA_EFFECT_SCANS : 0, NULL);
  if (other && other != child && !command->concurrent)
    dba_effects_on_table(reading, other, DBA_LOCK_ACCESS_EXCLUSIVE, attaches && !dba_effects_has_check(other) ? DBA_EFFECT_SCANS : 0,
                         "default partition");
  dba_effects_on_keys_of_parent(reading, parent, attaches ? DBA_EFFECT_SCANS : 0);
  dba_effects_on_referrers(reading, parent, attaches ? DBA_LOCK_SHARE_ROW_EXCLUSIVE : DBA_LOCK_ACCESS_EXCLUSIVE,
                           attaches ? 0 : DBA_EFFECT_SCANS);
}

static bool set_access_method(const DbaWorldTable *table, const char *method) {
  return strcmp(method ? method : "heap", table->access_method ? table->access_method : "heap") != 0;
}

static void alter_one(DbaEffects *reading, const DbaWorldTable *table, const AlterTableCmd *command, bool children) {
  for (size_t i = 0; i < G_N_ELEMENTS(subcommands); i++)
    if (subcommands[i].subtype == command->subtype) {
      dba_effects_is_a(reading, subcommands[i].work ? "set-expression" : "alter-table", subcommands[i].work);
      bool triggers = subcommands[i].lock == DBA_LOCK_SHARE_ROW_EXCLUSIVE;
      dba_effects_on_tree(reading, table, subcommands[i].lock, subcommands[i].work,
                          children && subcommands[i].children && (!triggers || table->kind == 'p'));
      return;
    }
  if (command->subtype == AT_SetLogged || command->subtype == AT_SetUnLogged || command->subtype == AT_SetTableSpace ||
      command->subtype == AT_SetAccessMethod)
    dba_effects_is_a(reading, "move-table", DBA_EFFECT_REWRITES);
  switch (command->subtype) {
  case AT_AddColumn: add_column(reading, table, (ColumnDef *)command->def, children); break;
  case AT_AlterColumnType: alter_type(reading, table, command, children); break;
  case AT_SetNotNull: {
    unsigned work = is_proven_not_null(table, command->name) ? 0 : DBA_EFFECT_SCANS;
    dba_effects_is_a(reading, "set-not-null", work);
    dba_effects_on_tree(reading, table, DBA_LOCK_ACCESS_EXCLUSIVE, work, children);
    break;
  }
  case AT_AddConstraint: add_constraint(reading, table, (Constraint *)command->def, children); break;
  case AT_DropConstraint: drop_constraint(reading, table, command, children); break;
  case AT_DropColumn: drop_column(reading, table, command, children); break;
  case AT_ValidateConstraint: validate(reading, table, command, children); break;
  case AT_AttachPartition: attach(reading, table, (PartitionCmd *)command->def, true); break;
  case AT_DetachPartition: attach(reading, table, (PartitionCmd *)command->def, false); break;
  case AT_SetRelOptions:
  case AT_ResetRelOptions: dba_effects_on_table(reading, table, lock_of_options((List *)command->def, table), 0, NULL); break;
  case AT_SetLogged:
    dba_effects_on_table(reading, table, DBA_LOCK_ACCESS_EXCLUSIVE, table->unlogged ? DBA_EFFECT_REWRITES | DBA_EFFECT_SCANS : 0, NULL);
    break;
  case AT_SetUnLogged:
    dba_effects_on_table(reading, table, DBA_LOCK_ACCESS_EXCLUSIVE, table->unlogged ? 0 : DBA_EFFECT_REWRITES | DBA_EFFECT_SCANS, NULL);
    break;
  case AT_SetTableSpace:
    dba_effects_on_table(reading, table, DBA_LOCK_ACCESS_EXCLUSIVE,
                         !g_strcmp0(command->name, "pg_default") ? 0 : dba_effects_own_work(table, DBA_EFFECT_REWRITES), NULL);
    break;
  case AT_SetAccessMethod:
    dba_effects_on_table(reading, table, DBA_LOCK_ACCESS_EXCLUSIVE,
                         set_access_method(table, command->name) ? dba_effects_own_work(table, DBA_EFFECT_REWRITES | DBA_EFFECT_SCANS) : 0,
                         NULL);
    break;
  case AT_AddInherit:
  case AT_DropInherit: {
    const RangeVar *parent = (RangeVar *)command->def;
    bool joins = command->subtype == AT_AddInherit;
    dba_effects_add(reading, parent->schemaname, parent->relname, joins ? DBA_LOCK_SHARE_UPDATE_EXCLUSIVE : DBA_LOCK_ACCESS_SHARE, 0,
                    "parent");
    dba_effects_on_table(reading, table, DBA_LOCK_ACCESS_EXCLUSIVE, 0, NULL);
    break;
  }
  default: dba_effects_on_table(reading, table, DBA_LOCK_ACCESS_EXCLUSIVE, 0, NULL); break;
  }
}

void dba_effects_alter(DbaEffects *reading, const AlterTableStmt *alter) {
  DbaWorldTable unknown = {.schema = alter->relation->schemaname, .name = alter->relation->relname, .kind = 'r', .born = UINT_MAX};
  const DbaWorldTable *table = dba_world_table_of(reading->world, alter->relation);
  const DbaWorldIndex *index = dba_world_index(reading->world, alter->relation->schemaname, alter->relation->relname);
  if (alter->objtype == OBJECT_INDEX || alter->objtype == OBJECT_SEQUENCE || alter->objtype == OBJECT_TYPE || (index && !table) ||
      (!table && alter->missing_ok))
    return;
  for (int i = 0; i < list_length(alter->cmds); i++)
    alter_one(reading, table ? table : &unknown, list_nth(alter->cmds, i), alter->relation->inh);
}

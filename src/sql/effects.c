// SPDX-License-Identifier: Apache-2.0
// What a statement does to tables: the locks it takes, what it reads whole, what it writes anew.
//
// Levels are those of AlterTableGetLockLevel() and of the functions under standard_ProcessUtility() in PostgreSQL 17, and every one of them is
// compared with a server's own pg_locks by the tests (tests/quality/statements.py).  Indexes, sequences and catalogs are not told, nor what a function
// or a DO block does: the lab sees that.
#include "sql/effects-int.h"

#include <string.h>

static const char *const lock_names[] = {"",      "ACCESS SHARE",        "ROW SHARE", "ROW EXCLUSIVE",   "SHARE UPDATE EXCLUSIVE",
                                         "SHARE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE"};
const char *dba_lock_name(DbaLockMode mode) { return lock_names[mode]; }

const char *dba_lock_blocks(DbaLockMode mode) {
  return mode == DBA_LOCK_ACCESS_EXCLUSIVE         ? "reads and writes"
         : mode >= DBA_LOCK_SHARE                  ? "writes"
         : mode == DBA_LOCK_SHARE_UPDATE_EXCLUSIVE ? "nothing but other schema changes and vacuum"
                                                   : "nothing";
}

// LockConflicts[] of lock.c: a bit for each mode that a mode conflicts with.
bool dba_lock_conflicts(DbaLockMode a, DbaLockMode b) {
  enum {
    S = 1 << DBA_LOCK_SHARE,
    SUE = 1 << DBA_LOCK_SHARE_UPDATE_EXCLUSIVE,
    SRE = 1 << DBA_LOCK_SHARE_ROW_EXCLUSIVE,
    E = 1 << DBA_LOCK_EXCLUSIVE
  };
  enum {
    AEX = 1 << DBA_LOCK_ACCESS_EXCLUSIVE,
    RX = 1 << DBA_LOCK_ROW_EXCLUSIVE,
    RS = 1 << DBA_LOCK_ROW_SHARE,
    AS = 1 << DBA_LOCK_ACCESS_SHARE
  };
  static const unsigned with[] = {0,
                                  AEX,
                                  E | AEX,
                                  S | SRE | E | AEX,
                                  SUE | S | SRE | E | AEX,
                                  RX | SUE | SRE | E | AEX,
                                  RX | SUE | S | SRE | E | AEX,
                                  RS | RX | SUE | S | SRE | E | AEX,
                                  AS | RS | RX | SUE | S | SRE | E | AEX};
  return (with[a] & 1U << b) != 0;
}

bool dba_lock_parse(const char *mode, DbaLockMode *ret_mode) {
  static const char *const modes[] = {"AccessShareLock", "RowShareLock",          "RowExclusiveLock", "ShareUpdateExclusiveLock",
                                      "ShareLock",       "ShareRowExclusiveLock", "ExclusiveLock",    "AccessExclusiveLock"};
  for (size_t i = 0; i < G_N_ELEMENTS(modes); i++)
    if (!strcmp(modes[i], mode)) {
      *ret_mode = (DbaLockMode)(i + 1);
      return true;
    }
  return false;
}

static const DbaList nothing;

typedef struct Reading {
  DbaSqlWorld *world;
  DbaArena *arena;
  DbaSqlVerdict *verdict;
  unsigned reads; // what the tables of a query are to be told with
} Reading;

enum { SCANS = 1, REWRITES = 2 };

// One table's part; what it had from another part of the statement stays.
static void add(Reading *reading, const char *schema, const char *name, DbaLockMode lock, unsigned work, const char *because) {
  DbaSqlEffect *effect = NULL;
  schema = schema ? schema : "public";
  for (DBA_EACH(DbaSqlEffect, each, &reading->verdict->effects))
    if (!strcmp(each->schema, schema) && !strcmp(each->table, name))
      effect = each;
  if (!effect) {
    effect = dba_list_add(reading->arena, &reading->verdict->effects, sizeof *effect);
    const DbaWorldTable *table = dba_world_table(reading->world, schema, name);
    *effect =
        (DbaSqlEffect){.schema = dba_arena_text(reading->arena, schema), .table = dba_arena_text(reading->arena, name), .because = because};
    effect->young = table && table->born == reading->world->unit;
  }
  effect->lock = MAX(effect->lock, lock);
  effect->scans |= work & SCANS;
  effect->rewrites |= (work & REWRITES) != 0;
}

// What the statement is, for advice: the part of it that works on rows counts most.
static void is_a(Reading *reading, const char *form, unsigned work) {
  if (!reading->verdict->form || work)
    reading->verdict->form = form;
}

static void on_table(Reading *reading, const DbaWorldTable *table, DbaLockMode lock, unsigned work, const char *because) {
  if (!table->temporary)
    add(reading, table->schema, table->name, lock, work, because);
}

// A partitioned table has no rows of its own.
static unsigned own_work(const DbaWorldTable *table, unsigned work) { return table->kind == 'p' || table->kind == 'v' ? 0 : work; }

static bool is_child_of(const DbaWorldTable *child, const DbaWorldTable *parent) { return !child->dropped && child->parent == parent; }

static void on_children(Reading *reading, const DbaWorldTable *parent, DbaLockMode lock, unsigned work) {
  for (uint32_t i = 0; i < reading->world->tables.n; i++) {
    const DbaWorldTable *child = DBA_WORLD_AT(DbaWorldTable, &reading->world->tables, i);
    if (!is_child_of(child, parent))
      continue;
    on_table(reading, child, lock, own_work(child, work), child->is_partition ? "partition" : "child");
    on_children(reading, child, lock, work);
  }
}

static void on_tree(Reading *reading, const DbaWorldTable *table, DbaLockMode lock, unsigned work, bool children) {
  on_table(reading, table, lock, own_work(table, work), NULL);
  if (children)
    on_children(reading, table, lock, work);
}

static const DbaWorldTable *default_partition(const Reading *reading, const DbaWorldTable *parent) {
  for (uint32_t i = 0; i < reading->world->tables.n; i++) {
    const DbaWorldTable *child = DBA_WORLD_AT(DbaWorldTable, &reading->world->tables, i);
    if (child->is_default && is_child_of(child, parent))
      return child;
  }
  return NULL;
}

// A key of a partitioned table, or one that leads to it, is one of its partitions too.
static void on_with_partitions(Reading *reading, const DbaWorldTable *table, DbaLockMode lock, unsigned work, const char *because) {
  on_table(reading, table, lock, own_work(table, work), because);
  if (table->kind == 'p')
    on_children(reading, table, lock, work);
}

static void on_referenced(Reading *reading, const char *schema, const char *name, DbaLockMode lock, unsigned work) {
  const DbaWorldTable *table = dba_world_table(reading->world, schema, name);
  if (table)
    on_with_partitions(reading, table, lock, work, "REFERENCES");
  else
    add(reading, schema, name, lock, work, "REFERENCES");
}

// The tables whose foreign keys lead to a table, or lean on one of its keys.
static void on_referrers(Reading *reading, const DbaWorldTable *table, DbaLockMode lock, unsigned work) {
  for (uint32_t i = 0; i < reading->world->tables.n; i++) {
    const DbaWorldTable *other = DBA_WORLD_AT(DbaWorldTable, &reading->world->tables, i);
    for (DBA_EACH(DbaWorldConstraint, key, other->dropped ? &nothing : &other->constraints))
      if (!key->dropped && key->ref_name && !strcmp(key->ref_name, table->name) &&
          !strcmp(key->ref_schema ? key->ref_schema : "public", table->schema ? table->schema : "public"))
        on_with_partitions(reading, other, lock, work, "its foreign key");
  }
}

// ---- ALTER TABLE ----------------------------------------------------------------------------------------------------

// What a subcommand does by itself; those that need a closer look are below.  `children`: it goes down to partitions and heirs.
static const struct {
  AlterTableType subtype;
  DbaLockMode lock;
  unsigned work;
  bool children;
} subcommands[] = {
    {AT_ColumnDefault, DBA_LOCK_ACCESS_EXCLUSIVE, 0, true},
    {AT_DropNotNull, DBA_LOCK_ACCESS_EXCLUSIVE, 0, true},
    {AT_SetExpression, DBA_LOCK_ACCESS_EXCLUSIVE, REWRITES | SCANS, true},
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

static void on_reference(Reading *reading, const RangeVar *target, DbaLockMode lock, unsigned work) {
  on_referenced(reading, target->schemaname, target->relname, lock, work);
}

// ADD COLUMN: nothing but the catalog, unless each row needs a value of its own or is to be checked (ATExecAddColumn, ATRewriteTables).
static void add_column(Reading *reading, const DbaWorldTable *table, const ColumnDef *def, bool children) {
  unsigned work = 0;
  Node *value = NULL;
  const RangeVar *target = NULL;
  bool checked = false, not_null = false;
  DbaWorldType type = def->typeName ? dba_world_type(reading->world, def->typeName) : (DbaWorldType){0};
  static const char *const serials[] = {"serial", "bigserial", "smallserial", "serial2", "serial4", "serial8", NULL};
  if (dba_world_column(table, def->colname)) { // IF NOT EXISTS
    on_tree(reading, table, DBA_LOCK_ACCESS_EXCLUSIVE, 0, false);
    return;
  }
  for (int i = 0; i < list_length(def->constraints); i++) {
    const Constraint *constraint = list_nth(def->constraints, i);
    switch (constraint->contype) {
    case CONSTR_DEFAULT: value = constraint->raw_expr; break;
    case CONSTR_IDENTITY:
    case CONSTR_GENERATED: work |= REWRITES | SCANS; break;
    case CONSTR_CHECK: checked |= !constraint->skip_validation; break;
    case CONSTR_NOTNULL: not_null = true; break;
    case CONSTR_UNIQUE:
    case CONSTR_PRIMARY: work |= SCANS; break;
    case CONSTR_FOREIGN: target = constraint->pktable; break;
    default: break;
    }
  }
  if ((type.name && g_strv_contains(serials, type.name)) || (value && dba_world_is_volatile(reading->world, value)) ||
      dba_world_is_checked_type(reading->world, &type))
    work |= REWRITES | SCANS;
  if (checked || (not_null && !value))
    work |= SCANS;
  work |= target && value ? SCANS : 0;
  if (target)
    on_reference(reading, target, DBA_LOCK_SHARE_ROW_EXCLUSIVE, value ? SCANS : 0);
  is_a(reading,
       work & REWRITES      ? "add-column-computed"
       : not_null && !value ? "add-column-not-null"
       : target && value    ? "add-foreign-key"
       : checked            ? "add-column-checked"
       : work               ? "add-column-key"
                            : "add-column",
       work);
  on_tree(reading, table, DBA_LOCK_ACCESS_EXCLUSIVE, work, children);
}

// USING that only names the column, or casts it, is no computation.
static bool is_plain_using(const Node *using) {
  if (!using || IsA(using, ColumnRef))
    return true;
  return IsA(using, TypeCast) && IsA(((const TypeCast *)using)->arg, ColumnRef);
}

// Nor is a cast of a cast.
static bool is_cast_only(const Node *using) {
  while (using && IsA(using, TypeCast))
    using = ((const TypeCast *)using)->arg;
  return !using || IsA(using, ColumnRef);
}

static bool is_indexed(const Reading *reading, const DbaWorldTable *table, const char *column) {
  for (uint32_t i = 0; i < reading->world->indexes.n; i++) {
    const DbaWorldIndex *index = DBA_WORLD_AT(DbaWorldIndex, &reading->world->indexes, i);
    if (!index->dropped && !strcmp(index->table_name, table->name) && dba_list_has_text(&index->columns, column))
      return true;
  }
  return false;
}

static void alter_type(Reading *reading, const DbaWorldTable *table, const AlterTableCmd *command, bool children) {
  const ColumnDef *def = (ColumnDef *)command->def;
  const DbaWorldColumn *column = dba_world_column(table, command->name);
  DbaWorldType type = dba_world_type(reading->world, def->typeName);
  unsigned work = 0;
  if (!column || !is_plain_using(def->raw_default) || !dba_world_same_bytes(reading->world, &column->type, &type))
    work = REWRITES | SCANS;
  else if ((def->collClause || !dba_world_orders_alike(&column->type, &type)) && is_indexed(reading, table, command->name))
    work = SCANS; // its indexes are built anew
  for (DBA_EACH(DbaWorldConstraint, constraint, &table->constraints)) {
    if (constraint->dropped || !dba_list_has_text(&constraint->columns, command->name))
      continue;
    work |= constraint->kind == CONSTR_CHECK && constraint->valid ? SCANS : 0;
    if (constraint->ref_name) // the foreign key is made anew
      on_referenced(reading, constraint->ref_schema, constraint->ref_name, DBA_LOCK_ACCESS_EXCLUSIVE, 0);
    if (constraint->kind == CONSTR_PRIMARY || constraint->kind == CONSTR_UNIQUE) // so are those that lead here, and they are checked
      on_referrers(reading, table, DBA_LOCK_ACCESS_EXCLUSIVE, work ? SCANS : 0);
  }
  is_a(reading, "change-type", work);
  on_tree(reading, table, DBA_LOCK_ACCESS_EXCLUSIVE, work, children);
}

// A NOT NULL that a validated CHECK proves is not looked for (NotNullImpliedByRelConstraints, 12).
static bool is_proven_not_null(const DbaWorldTable *table, const char *column) {
  const DbaWorldColumn *found = dba_world_column(table, column);
  for (DBA_EACH(DbaWorldConstraint, constraint, &table->constraints))
    if (!constraint->dropped && constraint->valid && constraint->not_null_of && !strcmp(constraint->not_null_of, column))
      return true;
  return found && found->not_null;
}

static void add_constraint(Reading *reading, const DbaWorldTable *table, const Constraint *constraint, bool children) {
  children = children && (constraint->contype == CONSTR_CHECK || table->kind == 'p'); // keys do not go down to heirs
  unsigned work = constraint->skip_validation ? 0 : SCANS;
  is_a(reading,
       constraint->contype == CONSTR_FOREIGN     ? "add-foreign-key"
       : constraint->contype == CONSTR_CHECK     ? "add-check"
       : constraint->contype == CONSTR_PRIMARY   ? "add-primary-key"
       : constraint->contype == CONSTR_EXCLUSION ? "add-exclusion"
                                                 : "add-unique",
       work);
  if (constraint->contype == CONSTR_FOREIGN) {
    on_reference(reading, constraint->pktable, DBA_LOCK_SHARE_ROW_EXCLUSIVE, work);
    on_tree(reading, table, DBA_LOCK_SHARE_ROW_EXCLUSIVE, work, children);
    return;
  }
  if (constraint->indexname) { // USING INDEX: a key still looks for NULL
    const DbaWorldIndex *index = dba_world_index(reading->world, table->schema, constraint->indexname);
    work = 0;
    for (DBA_EACH_TEXT(column, constraint->contype == CONSTR_PRIMARY && index ? &index->columns : &nothing))
      work |= is_proven_not_null(table, *column) ? 0 : SCANS;
  }
  on_tree(reading, table, DBA_LOCK_ACCESS_EXCLUSIVE, work, children);
}

static void drop_constraint(Reading *reading, const DbaWorldTable *table, const AlterTableCmd *command, bool children) {
  is_a(reading, "drop-constraint", 0);
  const DbaWorldConstraint *constraint = dba_world_constraint(table, command->name);
  if (constraint && constraint->ref_name)
    on_referenced(reading, constraint->ref_schema, constraint->ref_name, DBA_LOCK_ACCESS_EXCLUSIVE, 0);
  if (constraint && command->behavior == DROP_CASCADE && (constraint->kind == CONSTR_PRIMARY || constraint->kind == CONSTR_UNIQUE))
    on_referrers(reading, table, DBA_LOCK_ACCESS_EXCLUSIVE, 0);
  on_tree(reading, table, DBA_LOCK_ACCESS_EXCLUSIVE, 0, children);
}

static void drop_column(Reading *reading, const DbaWorldTable *table, const AlterTableCmd *command, bool children) {
  is_a(reading, "drop-column", 0);
  for (DBA_EACH(DbaWorldConstraint, constraint, &table->constraints)) {
    if (constraint->dropped || !dba_list_has_text(&constraint->columns, command->name))
      continue;
    if (constraint->ref_name)
      on_referenced(reading, constraint->ref_schema, constraint->ref_name, DBA_LOCK_ACCESS_EXCLUSIVE, 0);
    else if (command->behavior == DROP_CASCADE && (constraint->kind == CONSTR_PRIMARY || constraint->kind == CONSTR_UNIQUE))
      on_referrers(reading, table, DBA_LOCK_ACCESS_EXCLUSIVE, 0);
  }
  on_tree(reading, table, DBA_LOCK_ACCESS_EXCLUSIVE, 0, children);
}

static void validate(Reading *reading, const DbaWorldTable *table, const AlterTableCmd *command, bool children) {
  const DbaWorldConstraint *constraint = dba_world_constraint(table, command->name);
  unsigned work = constraint && constraint->valid ? 0 : SCANS;
  is_a(reading, "validate", work);
  if (constraint && constraint->ref_name)
    on_referenced(reading, constraint->ref_schema, constraint->ref_name, DBA_LOCK_ROW_SHARE, work);
  on_tree(reading, table, DBA_LOCK_SHARE_UPDATE_EXCLUSIVE, work, children);
}

// Would a CHECK of the new partition spare the scan?  Only that there is one on it is known here.
static bool has_check(const DbaWorldTable *table) {
  for (DBA_EACH(DbaWorldConstraint, constraint, &table->constraints))
    if (constraint->kind == CONSTR_CHECK && constraint->valid && !constraint->dropped)
      return true;
  return false;
}

// A partition has the foreign keys of its parent.
static void on_keys_of_parent(Reading *reading, const DbaWorldTable *parent, unsigned work) {
  for (DBA_EACH(DbaWorldConstraint, constraint, &parent->constraints))
    if (!constraint->dropped && constraint->ref_name)
      on_referenced(reading, constraint->ref_schema, constraint->ref_name, DBA_LOCK_SHARE_ROW_EXCLUSIVE, work);
}

static void attach(Reading *reading, const DbaWorldTable *parent, const PartitionCmd *command, bool attaches) {
  const DbaWorldTable *child = dba_world_table_of(reading->world, command->name), *other = default_partition(reading, parent);
  DbaLockMode lock = attaches || command->concurrent ? DBA_LOCK_SHARE_UPDATE_EXCLUSIVE : DBA_LOCK_ACCESS_EXCLUSIVE;
  is_a(reading, attaches ? "attach-partition" : command->concurrent ? "detach-concurrently" : "detach-partition", attaches ? SCANS : 0);
  on_table(reading, parent, lock, 0, NULL);
  if (child)
    on_table(reading, child, DBA_LOCK_ACCESS_EXCLUSIVE, attaches && !has_check(child) ? SCANS : 0, NULL);
  if (other && other != child && !command->concurrent)
    on_table(reading, other, DBA_LOCK_ACCESS_EXCLUSIVE, attaches && !has_check(other) ? SCANS : 0, "default partition");
  on_keys_of_parent(reading, parent, attaches ? SCANS : 0);
  on_referrers(reading, parent, attaches ? DBA_LOCK_SHARE_ROW_EXCLUSIVE : DBA_LOCK_ACCESS_EXCLUSIVE, attaches ? 0 : SCANS);
}

static bool set_access_method(const DbaWorldTable *table, const char *method) {
  return strcmp(method ? method : "heap", table->access_method ? table->access_method : "heap") != 0;
}

static void alter_one(Reading *reading, const DbaWorldTable *table, const AlterTableCmd *command, bool children) {
  for (size_t i = 0; i < G_N_ELEMENTS(subcommands); i++)
    if (subcommands[i].subtype == command->subtype) {
      is_a(reading, subcommands[i].work ? "set-expression" : "alter-table", subcommands[i].work);
      bool triggers = subcommands[i].lock == DBA_LOCK_SHARE_ROW_EXCLUSIVE;
      on_tree(reading, table, subcommands[i].lock, subcommands[i].work,
              children && subcommands[i].children && (!triggers || table->kind == 'p'));
      return;
    }
  if (command->subtype == AT_SetLogged || command->subtype == AT_SetUnLogged || command->subtype == AT_SetTableSpace ||
      command->subtype == AT_SetAccessMethod)
    is_a(reading, "move-table", REWRITES);
  switch (command->subtype) {
  case AT_AddColumn: add_column(reading, table, (ColumnDef *)command->def, children); break;
  case AT_AlterColumnType: alter_type(reading, table, command, children); break;
  case AT_SetNotNull: {
    unsigned work = is_proven_not_null(table, command->name) ? 0 : SCANS;
    is_a(reading, "set-not-null", work);
    on_tree(reading, table, DBA_LOCK_ACCESS_EXCLUSIVE, work, children);
    break;
  }
  case AT_AddConstraint: add_constraint(reading, table, (Constraint *)command->def, children); break;
  case AT_DropConstraint: drop_constraint(reading, table, command, children); break;
  case AT_DropColumn: drop_column(reading, table, command, children); break;
  case AT_ValidateConstraint: validate(reading, table, command, children); break;
  case AT_AttachPartition: attach(reading, table, (PartitionCmd *)command->def, true); break;
  case AT_DetachPartition: attach(reading, table, (PartitionCmd *)command->def, false); break;
  case AT_SetRelOptions:
  case AT_ResetRelOptions: on_table(reading, table, lock_of_options((List *)command->def, table), 0, NULL); break;
  case AT_SetLogged: on_table(reading, table, DBA_LOCK_ACCESS_EXCLUSIVE, table->unlogged ? REWRITES | SCANS : 0, NULL); break;
  case AT_SetUnLogged: on_table(reading, table, DBA_LOCK_ACCESS_EXCLUSIVE, table->unlogged ? 0 : REWRITES | SCANS, NULL); break;
  case AT_SetTableSpace:
    on_table(reading, table, DBA_LOCK_ACCESS_EXCLUSIVE, !g_strcmp0(command->name, "pg_default") ? 0 : own_work(table, REWRITES), NULL);
    break;
  case AT_SetAccessMethod:
    on_table(reading, table, DBA_LOCK_ACCESS_EXCLUSIVE, set_access_method(table, command->name) ? own_work(table, REWRITES | SCANS) : 0,
             NULL);
    break;
  case AT_AddInherit:
  case AT_DropInherit: {
    const RangeVar *parent = (RangeVar *)command->def;
    bool joins = command->subtype == AT_AddInherit;
    add(reading, parent->schemaname, parent->relname, joins ? DBA_LOCK_SHARE_UPDATE_EXCLUSIVE : DBA_LOCK_ACCESS_SHARE, 0, "parent");
    on_table(reading, table, DBA_LOCK_ACCESS_EXCLUSIVE, 0, NULL);
    break;
  }
  default: on_table(reading, table, DBA_LOCK_ACCESS_EXCLUSIVE, 0, NULL); break;
  }
}

static void alter_table(Reading *reading, const AlterTableStmt *alter) {
  DbaWorldTable unknown = {.schema = alter->relation->schemaname, .name = alter->relation->relname, .kind = 'r', .born = UINT_MAX};
  const DbaWorldTable *table = dba_world_table_of(reading->world, alter->relation);
  const DbaWorldIndex *index = dba_world_index(reading->world, alter->relation->schemaname, alter->relation->relname);
  if (alter->objtype == OBJECT_INDEX || alter->objtype == OBJECT_SEQUENCE || alter->objtype == OBJECT_TYPE || (index && !table) ||
      (!table && alter->missing_ok))
    return;
  for (int i = 0; i < list_length(alter->cmds); i++)
    alter_one(reading, table ? table : &unknown, list_nth(alter->cmds, i), alter->relation->inh);
}

// ---- the other statements -------------------------------------------------------------------------------------------

static void on_named(Reading *reading, const RangeVar *relation, DbaLockMode lock, unsigned work, bool children) {
  const DbaWorldTable *table = dba_world_table_of(reading->world, relation);
  if (table)
    on_tree(reading, table, lock, work, children);
  else if (relation->relpersistence != 't')
    add(reading, relation->schemaname, relation->relname, lock, work, NULL);
}

// What a query reads: no more than ACCESS SHARE, and nobody waits for that; told for its scans.
static bool find_reads(Node *node, void *data) {
  Reading *reading = data;
  if (!node)
    return false;
  if (IsA(node, RangeVar)) {
    const DbaWorldTable *table = dba_world_table_of(reading->world, (RangeVar *)node);
    if (table)
      on_table(reading, table, DBA_LOCK_ACCESS_SHARE, own_work(table, reading->reads), "read");
  }
  return raw_expression_tree_walker(node, find_reads, data);
}

static void create_table(Reading *reading, const CreateStmt *create) {
  is_a(reading, create->partbound ? "create-partition" : "create-table", 0);
  if (create->relation->relpersistence == 't' || (create->if_not_exists && dba_world_table_of(reading->world, create->relation)))
    return;
  for (int i = 0; i < list_length(create->inhRelations); i++) {
    const DbaWorldTable *parent = dba_world_table_of(reading->world, list_nth(create->inhRelations, i));
    const DbaWorldTable *other = parent && create->partbound ? default_partition(reading, parent) : NULL;
    on_named(reading, list_nth(create->inhRelations, i), create->partbound ? DBA_LOCK_ACCESS_EXCLUSIVE : DBA_LOCK_SHARE_UPDATE_EXCLUSIVE, 0,
             false);
    if (other)
      on_table(reading, other, DBA_LOCK_ACCESS_EXCLUSIVE, has_check(other) ? 0 : SCANS, "default partition");
    if (parent && create->partbound) {
      on_keys_of_parent(reading, parent, 0);
      on_referrers(reading, parent, DBA_LOCK_SHARE_ROW_EXCLUSIVE, 0);
    }
  }
  for (int i = 0; i < list_length(create->tableElts); i++) {
    Node *element = list_nth(create->tableElts, i);
    const List *constraints = IsA(element, ColumnDef) ? ((ColumnDef *)element)->constraints : list_make1(element);
    if (IsA(element, TableLikeClause))
      on_named(reading, ((TableLikeClause *)element)->relation, DBA_LOCK_ACCESS_SHARE, 0, false);
    for (int k = 0; k < list_length(constraints); k++) {
      const Constraint *constraint = list_nth(constraints, k);
      if (IsA(constraint, Constraint) && constraint->contype == CONSTR_FOREIGN &&
          strcmp(constraint->pktable->relname, create->relation->relname))
        on_reference(reading, constraint->pktable, DBA_LOCK_SHARE_ROW_EXCLUSIVE, 0);
    }
  }
}

static DbaSqlDestroyed *destroy(Reading *reading, const char *schema, const char *table, const char *column) {
  DbaSqlDestroyed *destroyed = dba_list_add(reading->arena, &reading->verdict->destroyed, sizeof *destroyed);
  *destroyed = (DbaSqlDestroyed){.schema = dba_arena_text(reading->arena, schema),
                                 .table = dba_arena_text(reading->arena, table),
                                 .column = dba_arena_text(reading->arena, column)};
  return destroyed;
}

static void destroy_columns(Reading *reading, const AlterTableStmt *statement) {
  for (int i = 0; i < list_length(statement->cmds); i++) {
    const AlterTableCmd *command = list_nth(statement->cmds, i);
    if (command->subtype == AT_DropColumn && statement->objtype == OBJECT_TABLE)
      (void)destroy(reading, statement->relation->schemaname, statement->relation->relname, command->name);
    if (command->subtype == AT_AlterColumnType && statement->objtype == OBJECT_TABLE &&
        !is_cast_only(((const ColumnDef *)command->def)->raw_default))
      destroy(reading, statement->relation->schemaname, statement->relation->relname, command->name)->overwritten = true;
  }
}

static void drop_table(Reading *reading, const DbaWorldTable *table, bool cascade) {
  is_a(reading,
       table->kind == 'v'    ? "drop-view"
       : table->kind == 'm'  ? "drop-matview"
       : table->is_partition ? "drop-partition"
                             : "drop-table",
       0);
  on_tree(reading, table, DBA_LOCK_ACCESS_EXCLUSIVE, 0, true);
  for (DBA_EACH(DbaWorldConstraint, constraint, &table->constraints))
    if (!constraint->dropped && constraint->ref_name)
      on_referenced(reading, constraint->ref_schema, constraint->ref_name, DBA_LOCK_ACCESS_EXCLUSIVE, 0);
  if (cascade)
    on_referrers(reading, table, DBA_LOCK_ACCESS_EXCLUSIVE, 0);
  for (uint32_t i = 0; cascade && i < reading->world->tables.n; i++) {
    const DbaWorldTable *view = DBA_WORLD_AT(DbaWorldTable, &reading->world->tables, i);
    g_autofree char *name = g_strdup_printf("%s.%s", table->schema ? table->schema : "public", table->name);
    if (!view->dropped && (view->kind == 'v' || view->kind == 'm') && dba_list_has_text(&view->sources, name))
      on_table(reading, view, DBA_LOCK_ACCESS_EXCLUSIVE, 0, "it reads it");
  }
  const DbaWorldTable *parent = table->is_partition ? table->parent : NULL;
  const DbaWorldTable *other = parent ? default_partition(reading, parent) : NULL;
  if (parent)
    on_table(reading, parent, DBA_LOCK_ACCESS_EXCLUSIVE, 0, "its partition");
  if (other && other != table)
    on_table(reading, other, DBA_LOCK_ACCESS_EXCLUSIVE, 0, "default partition");
}

// Columns of a type or a domain that goes, functions of triggers.
static void drop_used(Reading *reading, ObjectType type, const char *schema, const char *name) {
  g_autofree char *full = g_strdup_printf("%s.%s", schema ? schema : "public", name);
  for (uint32_t i = 0; i < reading->world->tables.n; i++) {
    const DbaWorldTable *table = DBA_WORLD_AT(DbaWorldTable, &reading->world->tables, i);
    bool used = type == OBJECT_FUNCTION && dba_list_has_text(&table->triggers, full);
    for (DBA_EACH(DbaWorldColumn, column, &table->columns)) {
      bool of_type = type != OBJECT_FUNCTION && !column->dropped && !g_strcmp0(column->type.name, name);
      used |= of_type;
      if (of_type && !table->dropped)
        (void)destroy(reading, table->schema, table->name, column->name);
    }
    if (used && !table->dropped)
      on_table(reading, table, DBA_LOCK_ACCESS_EXCLUSIVE, 0, "it uses it");
  }
}

static void drop(Reading *reading, const DropStmt *statement) {
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
        (void)destroy(reading, schema, name, NULL);
      if (table)
        drop_table(reading, table, cascade);
      break;
    }
    case OBJECT_INDEX: {
      const DbaWorldIndex *index = dba_world_index(reading->world, schema, name);
      is_a(reading, statement->concurrent ? "drop-index-concurrently" : "drop-index", 0);
      if (index)
        add(reading, index->table_schema, index->table_name,
            statement->concurrent ? DBA_LOCK_SHARE_UPDATE_EXCLUSIVE : DBA_LOCK_ACCESS_EXCLUSIVE, 0, NULL);
      break;
    }
    case OBJECT_TRIGGER:
    case OBJECT_POLICY:
    case OBJECT_RULE: { // the table stands before the name
      const List *names = (List *)object;
      int n = list_length(names);
      if (n > 1)
        add(reading, n > 2 ? strVal(list_nth(names, n - 3)) : NULL, strVal(list_nth(names, n - 2)), DBA_LOCK_ACCESS_EXCLUSIVE, 0, NULL);
      break;
    }
    case OBJECT_STATISTIC_EXT: {
      const DbaWorldThing *statistics = dba_world_thing(reading->world, DBA_WORLD_STATISTICS, schema, name);
      if (statistics)
        add(reading, statistics->table_schema, statistics->table_name, DBA_LOCK_SHARE_UPDATE_EXCLUSIVE, 0, NULL);
      break;
    }
    case OBJECT_SCHEMA:
      (void)destroy(reading, name, NULL, NULL);
      for (uint32_t k = 0; k < reading->world->tables.n; k++) {
        const DbaWorldTable *table = DBA_WORLD_AT(DbaWorldTable, &reading->world->tables, k);
        if (!table->dropped && !g_strcmp0(table->schema ? table->schema : "public", name))
          drop_table(reading, table, true);
      }
      break;
    case OBJECT_EXTENSION:
      if (cascade)
        destroy(reading, NULL, name, NULL)->kind = DBA_SQL_DESTROYED_EXTENSION;
      break;
    case OBJECT_TYPE:
    case OBJECT_DOMAIN:
      if (cascade)
        destroy(reading, schema, name, NULL)->kind = DBA_SQL_DESTROYED_TYPE;
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

static void alter_domain(Reading *reading, const AlterDomainStmt *alter) {
  is_a(reading, "alter-domain", 0);
  const char *schema, *name;
  dba_world_name(alter->typeName, &schema, &name);
  if (alter->subtype != 'O' && alter->subtype != 'V' && (alter->subtype != 'C' || ((Constraint *)alter->def)->skip_validation))
    return;
  for (uint32_t i = 0; i < reading->world->tables.n; i++) {
    const DbaWorldTable *table = DBA_WORLD_AT(DbaWorldTable, &reading->world->tables, i);
    for (DBA_EACH(DbaWorldColumn, column, table->dropped ? &nothing : &table->columns))
      if (!column->dropped && !g_strcmp0(column->type.name, name))
        on_table(reading, table, DBA_LOCK_SHARE, SCANS, "it uses the domain");
  }
}

static void index_statement(Reading *reading, const IndexStmt *create) {
  bool there = create->if_not_exists && create->idxname && dba_world_index(reading->world, create->relation->schemaname, create->idxname);
  is_a(reading, create->concurrent ? "create-index-concurrently" : "create-index", SCANS);
  const DbaWorldTable *table = dba_world_table_of(reading->world, create->relation);
  on_named(reading, create->relation, create->concurrent ? DBA_LOCK_SHARE_UPDATE_EXCLUSIVE : DBA_LOCK_SHARE, there ? 0 : SCANS,
           create->relation->inh && !there && table && table->kind == 'p');
}

// (FULL), (FULL true), (FULL 1), as defGetBoolean() reads them.
static bool is_on(const List *options, const char *name) {
  for (int i = 0; i < list_length(options); i++) {
    const DefElem *option = list_nth(options, i);
    if (strcmp(option->defname, name))
      continue;
    if (!option->arg)
      return true;
    if (IsA(option->arg, Integer))
      return intVal(option->arg) != 0;
    if (IsA(option->arg, Boolean))
      return boolVal(option->arg);
    return IsA(option->arg, String) && g_ascii_strcasecmp(strVal(option->arg), "false") && g_ascii_strcasecmp(strVal(option->arg), "off");
  }
  return false;
}

static void on_schema(Reading *reading, const char *schema, DbaLockMode lock, unsigned work) {
  for (uint32_t i = 0; i < reading->world->tables.n; i++) {
    const DbaWorldTable *table = DBA_WORLD_AT(DbaWorldTable, &reading->world->tables, i);
    if (!table->dropped && (table->kind == 'r' || table->kind == 'm') &&
        (!schema || !strcmp(table->schema ? table->schema : "public", schema)))
      on_table(reading, table, lock, work, NULL);
  }
}

static void reindex(Reading *reading, const ReindexStmt *statement) {
  bool concurrently = is_on(statement->params, "concurrently");
  DbaLockMode lock = concurrently ? DBA_LOCK_SHARE_UPDATE_EXCLUSIVE : DBA_LOCK_SHARE;
  is_a(reading, concurrently ? "reindex-concurrently" : "reindex", SCANS);
  const DbaWorldIndex *index = statement->kind == REINDEX_OBJECT_INDEX && statement->relation
                                   ? dba_world_index(reading->world, statement->relation->schemaname, statement->relation->relname)
                                   : NULL;
  if (index)
    add(reading, index->table_schema, index->table_name, lock, SCANS, NULL);
  else if (statement->kind == REINDEX_OBJECT_TABLE)
    on_named(reading, statement->relation, lock, SCANS, true);
  else if (statement->kind != REINDEX_OBJECT_INDEX)
    on_schema(reading, statement->kind == REINDEX_OBJECT_SCHEMA ? statement->name : NULL, lock, SCANS);
}

static void rename_object(Reading *reading, const RenameStmt *statement) {
  if (!statement->relation)
    return;
  if (statement->renameType == OBJECT_TABLE || statement->renameType == OBJECT_COLUMN) {
    bool column = statement->renameType == OBJECT_COLUMN;
    *(DbaSqlRenamed *)dba_list_add(reading->arena, &reading->verdict->renamed, sizeof(DbaSqlRenamed)) =
        (DbaSqlRenamed){.table = column ? dba_arena_text(reading->arena, statement->relation->relname) : NULL,
                        .from = dba_arena_text(reading->arena, column ? statement->subname : statement->relation->relname),
                        .to = dba_arena_text(reading->arena, statement->newname)};
  }
  const DbaWorldTable *table = dba_world_table_of(reading->world, statement->relation);
  if (!table && (statement->renameType == OBJECT_INDEX || statement->renameType == OBJECT_SEQUENCE ||
                 dba_world_index(reading->world, statement->relation->schemaname, statement->relation->relname)))
    return;
  is_a(reading,
       statement->renameType == OBJECT_COLUMN  ? "rename-column"
       : statement->renameType == OBJECT_TABLE ? "rename-table"
                                               : "rename",
       0);
  on_named(reading, statement->relation, DBA_LOCK_ACCESS_EXCLUSIVE, 0, statement->renameType == OBJECT_COLUMN && statement->relation->inh);
}

static void truncate_tables(Reading *reading, const TruncateStmt *statement) {
  is_a(reading, "truncate", 0);
  for (int i = 0; i < list_length(statement->relations); i++) {
    const RangeVar *named = list_nth(statement->relations, i);
    const DbaWorldTable *table = dba_world_table_of(reading->world, named);
    destroy(reading, named->schemaname, named->relname, NULL)->referring = statement->behavior == DROP_CASCADE;
    on_named(reading, named, DBA_LOCK_ACCESS_EXCLUSIVE, 0, true);
    for (uint32_t before = 0; table && statement->behavior == DROP_CASCADE && before != reading->verdict->effects.n;) {
      before = reading->verdict->effects.n; // and those that refer to these
      for (uint32_t k = 0; k < before; k++) {
        const DbaSqlEffect *effect = dba_list_at(DbaSqlEffect, &reading->verdict->effects, k);
        const DbaWorldTable *of = dba_world_table(reading->world, effect->schema, effect->table);
        if (of)
          on_referrers(reading, of, DBA_LOCK_ACCESS_EXCLUSIVE, 0);
      }
    }
  }
}

static void comment(Reading *reading, const CommentStmt *statement) {
  const List *names = IsA(statement->object, List) ? (List *)statement->object : NULL;
  const char *schema, *name;
  int n = list_length(names);
  if (!n)
    return;
  dba_world_name(names, &schema, &name);
  switch (statement->objtype) {
  case OBJECT_TABLE:
  case OBJECT_VIEW:
  case OBJECT_MATVIEW: add(reading, schema, name, DBA_LOCK_SHARE_UPDATE_EXCLUSIVE, 0, NULL); break;
  case OBJECT_COLUMN:
    add(reading, n > 2 ? strVal(list_nth(names, n - 3)) : NULL, strVal(list_nth(names, MAX(n - 2, 0))), DBA_LOCK_SHARE_UPDATE_EXCLUSIVE, 0,
        NULL);
    break;
  case OBJECT_TABCONSTRAINT:
  case OBJECT_TRIGGER:
  case OBJECT_POLICY:
  case OBJECT_RULE:
    add(reading, n > 2 ? strVal(list_nth(names, n - 3)) : NULL, strVal(list_nth(names, MAX(n - 2, 0))), DBA_LOCK_ACCESS_SHARE, 0, NULL);
    break;
  default: break;
  }
}

static void vacuum(Reading *reading, const VacuumStmt *statement) {
  bool full = is_on(statement->options, "full");
  is_a(reading, full ? "vacuum-full" : "vacuum", full ? REWRITES : 0);
  for (int i = 0; i < list_length(statement->rels); i++)
    on_named(reading, ((VacuumRelation *)list_nth(statement->rels, i))->relation,
             full ? DBA_LOCK_ACCESS_EXCLUSIVE : DBA_LOCK_SHARE_UPDATE_EXCLUSIVE, full ? REWRITES | SCANS : 0, true);
}

static void publication(Reading *reading, const List *objects) {
  for (int i = 0; i < list_length(objects); i++) {
    const PublicationObjSpec *object = list_nth(objects, i);
    if (object->pubtable)
      on_named(reading, object->pubtable->relation, DBA_LOCK_SHARE_UPDATE_EXCLUSIVE, 0, false);
  }
}

static bool has_where(const Node *node) {
  const Node *where = IsA(node, UpdateStmt) ? ((const UpdateStmt *)node)->whereClause : ((const DeleteStmt *)node)->whereClause;
  bool always =
      where && IsA(where, A_Const) && IsA(&((const A_Const *)where)->val, Boolean) && ((const A_Const *)where)->val.boolval.boolval;
  return where && !always;
}

static bool is_column(const Node *node, const char *column) {
  const Node *name = IsA(node, ColumnRef) ? llast(((const ColumnRef *)node)->fields) : NULL;
  return name && IsA(name, String) && !strcmp(strVal(name), column);
}

// SET column = coalesce(column, ...)
static bool keeps_values(const ResTarget *target) {
  return IsA(target->val, CoalesceExpr) && is_column(linitial(((const CoalesceExpr *)target->val)->args), target->name);
}

// WHERE column IS NULL, and maybe more: nothing is written over.
static bool wants_null(const Node *where, const char *column) {
  if (where && IsA(where, NullTest)) {
    const NullTest *test = (const NullTest *)where;
    return test->nulltesttype == IS_NULL && is_column((const Node *)test->arg, column);
  }
  const List *parts =
      where && IsA(where, BoolExpr) && ((const BoolExpr *)where)->boolop == AND_EXPR ? ((const BoolExpr *)where)->args : NULL;
  for (int i = 0; i < list_length(parts); i++)
    if (wants_null(list_nth(parts, i), column))
      return true;
  return false;
}

static void overwrite_columns(Reading *reading, const UpdateStmt *update) {
  for (int i = 0; i < list_length(update->targetList); i++) {
    const ResTarget *target = list_nth(update->targetList, i);
    if (!wants_null(update->whereClause, target->name) && !keeps_values(target))
      destroy(reading, update->relation->schemaname, update->relation->relname, target->name)->overwritten = true;
  }
}

// ---- DO blocks ------------------------------------------------------------------------------------------------------

static void read_text(Reading *reading, const char *sql) {
  PgQueryInternalParsetreeAndError parsed = pg_query_raw_parse(sql, 0);
  if (!parsed.error && list_length(parsed.tree) == 1) {
    Node *node = ((RawStmt *)linitial(parsed.tree))->stmt;
    if (!IsA(node, DoStmt)) {
      dba_world_effects(reading->world, node, reading->arena, reading->verdict);
      dba_world_apply(reading->world, node);
    }
  }
  if (parsed.error)
    pg_query_free_error(parsed.error);
  free(parsed.stderr_buffer);
}

static bool parses(const char *sql) {
  PgQueryInternalParsetreeAndError parsed = pg_query_raw_parse(sql, 0);
  bool ok = !parsed.error && list_length(parsed.tree) == 1;
  if (parsed.error)
    pg_query_free_error(parsed.error);
  free(parsed.stderr_buffer);
  return ok;
}

// A piece of PL/pgSQL up to a semicolon: behind IF ... THEN, BEGIN or LOOP stands a statement of SQL, or EXECUTE and its text.
static void read_piece(Reading *reading, const char *piece) {
  static const char *const words[] = {"alter",   "create",  "drop",    "update", "delete", "insert",  "truncate",
                                      "reindex", "refresh", "cluster", "lock",   "merge",  "execute", NULL};
  bool in_word = false;
  for (const char *p = piece; *p; p++) {
    bool letter = g_ascii_isalnum(*p) || *p == '_' || *p == '"' || *p == '.';
    if (letter && !in_word)
      for (const char *const *word = words; *word; word++) {
        size_t length = strlen(*word);
        if (g_ascii_strncasecmp(p, *word, length) || g_ascii_isalnum(p[length]) || p[length] == '_')
          continue;
        if (!strcmp(*word, "execute")) {
          DbaList tokens = {0};
          dba_sql_read_tokens(p, reading->arena, &tokens);
          for (DBA_EACH(DbaSqlToken, token, &tokens))
            if (token->kind == DBA_SQL_A_STRING && parses(token->value))
              read_text(reading, token->value);
          return;
        }
        if (parses(p)) {
          read_text(reading, p);
          return;
        }
      }
    in_word = letter;
  }
}

// As far as its text tells: both sides of an IF, once each.
static void do_block(Reading *reading, const DoStmt *block) {
  const char *body = NULL;
  for (int i = 0; i < list_length(block->args); i++) {
    const DefElem *argument = list_nth(block->args, i);
    if (!strcmp(argument->defname, "as"))
      body = strVal(argument->arg);
    else if (strcmp(strVal(argument->arg), "plpgsql"))
      return;
  }
  if (!body)
    return;
  g_autoptr(DbaSqlReader) reader = dba_sql_reader_text("block", body, strlen(body));
  for (;;) {
    g_autoptr(GError) ignored = NULL;
    DbaSqlItem item;
    bool end;
    if (!dba_sql_next(reader, &item, &end, &ignored) || end)
      return;
    g_autofree char *piece = g_strndup(item.text, item.length);
    read_piece(reading, piece);
  }
}

// WITH gone AS (DELETE ...): what is written in front of the statement.
static void written_before(DbaSqlWorld *world, const WithClause *with, DbaArena *arena, DbaSqlVerdict *verdict) {
  for (int i = 0; with && i < list_length(with->ctes); i++) {
    Node *query = ((CommonTableExpr *)list_nth(with->ctes, i))->ctequery;
    if (!IsA(query, SelectStmt))
      dba_world_effects(world, query, arena, verdict);
  }
}

static const WithClause *with_clause(const Node *node) {
  switch (nodeTag(node)) {
  case T_SelectStmt: return ((const SelectStmt *)node)->withClause;
  case T_InsertStmt: return ((const InsertStmt *)node)->withClause;
  case T_UpdateStmt: return ((const UpdateStmt *)node)->withClause;
  case T_DeleteStmt: return ((const DeleteStmt *)node)->withClause;
  default: return NULL;
  }
}

void dba_world_effects(DbaSqlWorld *world, Node *node, DbaArena *arena, DbaSqlVerdict *verdict) {
  Reading reading = {world, arena, verdict, SCANS};
  written_before(world, with_clause(node), arena, verdict);
  switch (nodeTag(node)) {
  case T_AlterTableStmt:
    destroy_columns(&reading, (AlterTableStmt *)node);
    alter_table(&reading, (AlterTableStmt *)node);
    break;
  case T_CreateStmt: create_table(&reading, (CreateStmt *)node); break;
  case T_IndexStmt: index_statement(&reading, (IndexStmt *)node); break;
  case T_DropStmt: drop(&reading, (DropStmt *)node); break;
  case T_ReindexStmt: reindex(&reading, (ReindexStmt *)node); break;
  case T_RenameStmt: rename_object(&reading, (RenameStmt *)node); break;
  case T_AlterDomainStmt: alter_domain(&reading, (AlterDomainStmt *)node); break;
  case T_TruncateStmt: truncate_tables(&reading, (TruncateStmt *)node); break;
  case T_CommentStmt: comment(&reading, (CommentStmt *)node); break;
  case T_VacuumStmt: vacuum(&reading, (VacuumStmt *)node); break;
  case T_ClusterStmt:
    is_a(&reading, "cluster", REWRITES);
    if (((ClusterStmt *)node)->relation)
      on_named(&reading, ((ClusterStmt *)node)->relation, DBA_LOCK_ACCESS_EXCLUSIVE, REWRITES | SCANS, true);
    break;
  case T_RefreshMatViewStmt: {
    const RefreshMatViewStmt *refresh = (RefreshMatViewStmt *)node;
    is_a(&reading, refresh->concurrent ? "refresh-concurrently" : "refresh", REWRITES);
    on_named(&reading, refresh->relation, refresh->concurrent ? DBA_LOCK_EXCLUSIVE : DBA_LOCK_ACCESS_EXCLUSIVE,
             refresh->concurrent ? SCANS : REWRITES | SCANS, false);
    break;
  }
  case T_CreateTrigStmt: {
    const CreateTrigStmt *create = (CreateTrigStmt *)node;
    is_a(&reading, "create-trigger", 0);
    const DbaWorldTable *table = dba_world_table_of(world, create->relation);
    on_named(&reading, create->relation, DBA_LOCK_SHARE_ROW_EXCLUSIVE, 0, table && table->kind == 'p');
    break;
  }
  case T_RuleStmt: on_named(&reading, ((RuleStmt *)node)->relation, DBA_LOCK_ACCESS_EXCLUSIVE, 0, false); break;
  case T_CreatePolicyStmt: on_named(&reading, ((CreatePolicyStmt *)node)->table, DBA_LOCK_ACCESS_EXCLUSIVE, 0, false); break;
  case T_AlterPolicyStmt: on_named(&reading, ((AlterPolicyStmt *)node)->table, DBA_LOCK_ACCESS_EXCLUSIVE, 0, false); break;
  case T_AlterObjectSchemaStmt:
    if (((AlterObjectSchemaStmt *)node)->relation && ((AlterObjectSchemaStmt *)node)->objectType != OBJECT_SEQUENCE)
      on_named(&reading, ((AlterObjectSchemaStmt *)node)->relation, DBA_LOCK_ACCESS_EXCLUSIVE, 0, false);
    break;
  case T_CreateStatsStmt:
    if (IsA(linitial(((CreateStatsStmt *)node)->relations), RangeVar))
      on_named(&reading, linitial(((CreateStatsStmt *)node)->relations), DBA_LOCK_SHARE_UPDATE_EXCLUSIVE, 0, false);
    break;
  case T_CreateSchemaStmt: {
    const CreateSchemaStmt *create = (CreateSchemaStmt *)node;
    for (int i = 0; i < list_length(create->schemaElts); i++)
      dba_world_effects(world, list_nth(create->schemaElts, i), arena, verdict);
    break;
  }
  case T_CreatePublicationStmt: publication(&reading, ((CreatePublicationStmt *)node)->pubobjects); break;
  case T_AlterPublicationStmt: publication(&reading, ((AlterPublicationStmt *)node)->pubobjects); break;
  case T_LockStmt:
    for (int i = 0; i < list_length(((LockStmt *)node)->relations); i++)
      on_named(&reading, list_nth(((LockStmt *)node)->relations, i), (DbaLockMode)((LockStmt *)node)->mode, 0, true);
    break;
  case T_ViewStmt:
    if (((ViewStmt *)node)->replace && dba_world_table_of(world, ((ViewStmt *)node)->view))
      on_named(&reading, ((ViewStmt *)node)->view, DBA_LOCK_ACCESS_EXCLUSIVE, 0, false);
    reading.reads = 0; // it is read when somebody asks for it
    (void)find_reads(((ViewStmt *)node)->query, &reading);
    break;
  case T_CreateTableAsStmt: (void)find_reads(((CreateTableAsStmt *)node)->query, &reading); break;
  case T_InsertStmt:
    on_named(&reading, ((InsertStmt *)node)->relation, DBA_LOCK_ROW_EXCLUSIVE, 0, false);
    (void)find_reads(((InsertStmt *)node)->selectStmt, &reading);
    break;
  case T_UpdateStmt:
    verdict->all_rows |= !has_where(node);
    is_a(&reading, "update", 0);
    overwrite_columns(&reading, (UpdateStmt *)node);
    on_named(&reading, ((UpdateStmt *)node)->relation, DBA_LOCK_ROW_EXCLUSIVE, SCANS, true);
    (void)find_reads(node, &reading);
    break;
  case T_DeleteStmt:
    verdict->all_rows |= !has_where(node);
    is_a(&reading, "delete", 0);
    if (!has_where(node))
      (void)destroy(&reading, ((DeleteStmt *)node)->relation->schemaname, ((DeleteStmt *)node)->relation->relname, NULL);
    on_named(&reading, ((DeleteStmt *)node)->relation, DBA_LOCK_ROW_EXCLUSIVE, SCANS, true);
    (void)find_reads(node, &reading);
    break;
  case T_MergeStmt:
    on_named(&reading, ((MergeStmt *)node)->relation, DBA_LOCK_ROW_EXCLUSIVE, SCANS, true);
    (void)find_reads(((MergeStmt *)node)->sourceRelation, &reading);
    break;
  case T_CopyStmt:
    if (((CopyStmt *)node)->relation)
      on_named(&reading, ((CopyStmt *)node)->relation, ((CopyStmt *)node)->is_from ? DBA_LOCK_ROW_EXCLUSIVE : DBA_LOCK_ACCESS_SHARE, 0,
               false);
    break;
  case T_SelectStmt: {
    bool locks = ((SelectStmt *)node)->lockingClause != NULL;
    uint32_t before = verdict->effects.n; // of other statements of a DO block
    (void)find_reads(node, &reading);
    for (uint32_t i = before; locks && i < verdict->effects.n; i++)
      dba_list_at(DbaSqlEffect, &verdict->effects, i)->lock =
          MAX(dba_list_at(DbaSqlEffect, &verdict->effects, i)->lock, DBA_LOCK_ROW_SHARE);
    verdict->opaque = true; // a function that it calls may do anything
    break;
  }
  case T_DoStmt:
    do_block(&reading, (DoStmt *)node);
    verdict->opaque = true;
    break;
  case T_CallStmt:
  case T_ExecuteStmt: verdict->opaque = true; break;
  default: break;
  }
}

// ---- the door -------------------------------------------------------------------------------------------------------

typedef struct Job {
  DbaSqlWorld *world;
  DbaArena *arena;
  const char *sql;
  DbaSqlVerdict *verdict;
} Job;

static void *run(void *data) {
  Job *job = data;
  MemoryContext context = pg_query_enter_memory_context();
  PgQueryInternalParsetreeAndError parsed = pg_query_raw_parse(job->sql, 0);
  if (!parsed.error && list_length(parsed.tree) == 1) {
    Node *node = ((RawStmt *)linitial(parsed.tree))->stmt;
    dba_world_effects(job->world, node, job->arena, job->verdict);
    dba_world_apply(job->world, node);
  }
  if (parsed.error)
    pg_query_free_error(parsed.error);
  free(parsed.stderr_buffer);
  pg_query_exit_memory_context(context);
  return NULL;
}

bool dba_sql_world_read(DbaSqlWorld *world, const char *sql, DbaArena *arena, DbaSqlVerdict *ret_verdict, GError **error) {
  *ret_verdict = (DbaSqlVerdict){0};
  Job job = {world, arena, sql, ret_verdict};
  return dba_sql_on_a_large_stack(run, &job, error);
}

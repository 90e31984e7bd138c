// SPDX-License-Identifier: Apache-2.0
// The light model of a schema that the effects of statements are told from: only what locks, scans and rewrites hang on.
#pragma once

#include "sql/sql-int.h"

#include <pg_query.h>

#include "pg_query_internal.h"

#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"

typedef struct DbaWorldType {
  const char *schema, *name; // pg_type's own: "int4", "varchar"
  int n_modifiers, modifiers[2];
  bool array;
} DbaWorldType;

typedef struct DbaWorldColumn {
  const char *name;
  DbaWorldType type;
  const char *collation;
  bool not_null, has_default, dropped;
} DbaWorldColumn;

typedef struct DbaWorldConstraint {
  const char *name;
  ConstrType kind;
  DbaList columns;                   // names
  const char *ref_schema, *ref_name; // foreign keys
  const char *not_null_of;           // a validated CHECK (column IS NOT NULL), and no more
  bool valid, dropped;
} DbaWorldConstraint;

typedef struct DbaWorldTable DbaWorldTable;
struct DbaWorldTable {
  const char *schema, *name;
  char kind;                 // as pg_class.relkind: 'r', 'p', 'v', 'm', 'c'
  DbaList columns;           // DbaWorldColumn
  DbaList constraints;       // DbaWorldConstraint
  DbaList sources;           // texts "schema.name": what a view reads
  DbaList triggers;          // texts: the functions of its triggers, "schema.name"
  DbaWorldTable *parent;     // the partitioned table, or the one it inherits from
  const char *access_method; // NULL: the default
  bool is_partition, is_default, unlogged, temporary, dropped;
  unsigned born; // in which unit
};

typedef struct DbaWorldIndex {
  const char *schema, *name, *table_schema, *table_name;
  DbaList columns; // names; expressions are left out
  bool dropped;
} DbaWorldIndex;

typedef struct DbaWorldThing { // domains, functions, statistics, sequences that are named
  enum { DBA_WORLD_DOMAIN, DBA_WORLD_FUNCTION, DBA_WORLD_STATISTICS } kind;
  const char *schema, *name, *table_schema, *table_name;
  DbaWorldType base; // domains
  bool checked;      // domains: by CHECK or NOT NULL
  bool fixed;        // functions: not volatile
} DbaWorldThing;

struct DbaSqlWorld {
  DbaArena *arena;
  unsigned unit;
  DbaList tables;  // DbaWorldTable *: pointers stay
  DbaList indexes; // DbaWorldIndex *
  DbaList things;  // DbaWorldThing *
};

// All look in "public" where no schema is said.
DbaWorldTable *dba_world_table(const DbaSqlWorld *world, const char *schema, const char *name);
DbaWorldTable *dba_world_table_of(const DbaSqlWorld *world, const RangeVar *relation);
DbaWorldColumn *dba_world_column(const DbaWorldTable *table, const char *name);
DbaWorldConstraint *dba_world_constraint(const DbaWorldTable *table, const char *name);
DbaWorldIndex *dba_world_index(const DbaSqlWorld *world, const char *schema, const char *name);
DbaWorldThing *dba_world_thing(const DbaSqlWorld *world, int kind, const char *schema, const char *name);
// Is it the n-th of a list of pointers that still stands?
#define DBA_WORLD_AT(type, list, i) (((type **)(list)->items)[i])

DbaWorldType dba_world_type(DbaSqlWorld *world, const TypeName *type);
// schema and name of a qualified name in a list of String nodes.
void dba_world_name(const List *names, const char **ret_schema, const char **ret_name);
// Would the default be computed for each row?
bool dba_world_is_volatile(const DbaSqlWorld *world, Node *expression);
// A type whose values are checked: a domain with a constraint.
bool dba_world_is_checked_type(const DbaSqlWorld *world, const DbaWorldType *type);
// Does changing the type of a column leave its stored values as they are?  ATColumnChangeRequiresRewrite() in PostgreSQL's tablecmds.c.
bool dba_world_same_bytes(const DbaSqlWorld *world, const DbaWorldType *from, const DbaWorldType *to);

// Do indexes stay as they are when the one becomes the other without a change of bytes?
bool dba_world_orders_alike(const DbaWorldType *from, const DbaWorldType *to);

// The statement's own change of the world.
void dba_world_apply(DbaSqlWorld *world, Node *statement);
void dba_world_effects(DbaSqlWorld *world, Node *statement, DbaArena *arena, DbaSqlVerdict *verdict);

// ---- effects, under way ---------------------------------------------------------------------------------------------

// Shared by statements (effects.c), ALTER TABLE (effects-alter.c) and what is thrown away (effects-drop.c).
typedef struct DbaEffects {
  DbaSqlWorld *world;
  DbaArena *arena;
  DbaSqlVerdict *verdict;
  unsigned reads; // what the tables of a query are to be told with
} DbaEffects;
enum { DBA_EFFECT_SCANS = 1, DBA_EFFECT_REWRITES = 2 };

// One table's part; what it had from another part of the statement stays.
void dba_effects_add(DbaEffects *effects, const char *schema, const char *name, DbaLockMode lock, unsigned work, const char *because);
// Names the form of the statement; of several that which works on rows.
void dba_effects_is_a(DbaEffects *effects, const char *form, unsigned work);
void dba_effects_on_table(DbaEffects *effects, const DbaWorldTable *table, DbaLockMode lock, unsigned work, const char *because);
// Partitioned tables and views have no rows of their own.
unsigned dba_effects_own_work(const DbaWorldTable *table, unsigned work);
// A table with its children, where `children`.
void dba_effects_on_tree(DbaEffects *effects, const DbaWorldTable *table, DbaLockMode lock, unsigned work, bool children);
const DbaWorldTable *dba_effects_default_partition(const DbaEffects *effects, const DbaWorldTable *parent);
// The table that a foreign key leads to; those whose keys lead to a table.
void dba_effects_on_referenced(DbaEffects *effects, const char *schema, const char *name, DbaLockMode lock, unsigned work);
void dba_effects_on_reference(DbaEffects *effects, const RangeVar *target, DbaLockMode lock, unsigned work);
void dba_effects_on_referrers(DbaEffects *effects, const DbaWorldTable *table, DbaLockMode lock, unsigned work);
bool dba_effects_has_check(const DbaWorldTable *table);
void dba_effects_on_keys_of_parent(DbaEffects *effects, const DbaWorldTable *parent, unsigned work);
void dba_effects_alter(DbaEffects *effects, const AlterTableStmt *alter);
DbaSqlDestroyed *dba_effects_destroy(DbaEffects *effects, const char *schema, const char *table, const char *column);
void dba_effects_destroy_columns(DbaEffects *effects, const AlterTableStmt *statement);
void dba_effects_overwrite_columns(DbaEffects *effects, const Node *statement);
void dba_effects_drop(DbaEffects *effects, const DropStmt *statement);

// SPDX-License-Identifier: Apache-2.0
// What statements leave behind, as far as the locks of later ones hang on it.
//
// No interpreter of DDL: names, types, keys, partitions and validity, nothing else; a lab knows better and overrides it.  Names without a schema
// are those of "public".
#include "sql/effects-int.h"

#include <string.h>

static const DbaList nothing;

DbaSqlWorld *dba_sql_world_new(void) {
  DbaSqlWorld *world = g_new0(DbaSqlWorld, 1);
  world->arena = dba_arena_new();
  return world;
}

void dba_sql_world_free(DbaSqlWorld *world) {
  if (!world)
    return;
  dba_arena_free(world->arena);
  g_free(world);
}

void dba_sql_world_begin(DbaSqlWorld *world) { world->unit++; }

// ---- finding --------------------------------------------------------------------------------------------------------

static bool same_name(const char *schema, const char *name, const char *other_schema, const char *other_name) {
  return !g_strcmp0(name, other_name) && !strcmp(schema ? schema : "public", other_schema ? other_schema : "public");
}

DbaWorldTable *dba_world_table(const DbaSqlWorld *world, const char *schema, const char *name) {
  for (uint32_t i = world->tables.n; i > 0; i--) {
    DbaWorldTable *table = DBA_WORLD_AT(DbaWorldTable, &world->tables, i - 1);
    if (!table->dropped && same_name(table->schema, table->name, schema, name))
      return table;
  }
  return NULL;
}

DbaWorldTable *dba_world_table_of(const DbaSqlWorld *world, const RangeVar *relation) {
  return dba_world_table(world, relation->schemaname, relation->relname);
}

DbaWorldColumn *dba_world_column(const DbaWorldTable *table, const char *name) {
  for (DBA_EACH(DbaWorldColumn, column, table ? &table->columns : &nothing))
    if (!column->dropped && !g_strcmp0(column->name, name))
      return column;
  return NULL;
}

DbaWorldConstraint *dba_world_constraint(const DbaWorldTable *table, const char *name) {
  for (DBA_EACH(DbaWorldConstraint, constraint, table ? &table->constraints : &nothing))
    if (!constraint->dropped && !g_strcmp0(constraint->name, name))
      return constraint;
  return NULL;
}

DbaWorldIndex *dba_world_index(const DbaSqlWorld *world, const char *schema, const char *name) {
  for (uint32_t i = world->indexes.n; i > 0; i--) {
    DbaWorldIndex *index = DBA_WORLD_AT(DbaWorldIndex, &world->indexes, i - 1);
    if (!index->dropped && same_name(index->schema, index->name, schema, name))
      return index;
  }
  return NULL;
}

DbaWorldThing *dba_world_thing(const DbaSqlWorld *world, int kind, const char *schema, const char *name) {
  for (uint32_t i = world->things.n; i > 0; i--) {
    DbaWorldThing *thing = DBA_WORLD_AT(DbaWorldThing, &world->things, i - 1);
    if ((int)thing->kind == kind && same_name(thing->schema, thing->name, schema, name))
      return thing;
  }
  return NULL;
}

void dba_world_name(const List *names, const char **ret_schema, const char **ret_name) {
  int n = list_length(names);
  *ret_name = n > 0 ? strVal(llast(names)) : NULL;
  *ret_schema = n > 1 ? strVal(list_nth(names, n - 2)) : NULL;
}

// ---- types ----------------------------------------------------------------------------------------------------------

DbaWorldType dba_world_type(DbaSqlWorld *world, const TypeName *type) {
  DbaWorldType out = {0};
  dba_world_name(type->names, &out.schema, &out.name);
  if (!g_strcmp0(out.schema, "pg_catalog"))
    out.schema = NULL;
  out.schema = dba_arena_text(world->arena, out.schema);
  out.name = dba_arena_text(world->arena, out.name);
  out.array = list_length(type->arrayBounds) > 0;
  for (int i = 0; i < MIN(list_length(type->typmods), 2); i++) {
    Node *modifier = list_nth(type->typmods, i);
    if (IsA(modifier, A_Const) && IsA(&((A_Const *)modifier)->val, Integer))
      out.modifiers[out.n_modifiers++] = intVal(&((A_Const *)modifier)->val);
  }
  if (!strcmp(out.name, "interval") && out.n_modifiers) { // its first says which fields
    out.modifiers[0] = out.modifiers[1];
    out.n_modifiers--;
  }
  return out;
}

bool dba_world_is_checked_type(const DbaSqlWorld *world, const DbaWorldType *type) {
  const DbaWorldThing *domain = type->array ? NULL : dba_world_thing(world, DBA_WORLD_DOMAIN, type->schema, type->name);
  return domain && (domain->checked || dba_world_is_checked_type(world, &domain->base));
}

static const DbaWorldType *base_of(const DbaSqlWorld *world, const DbaWorldType *type) {
  const DbaWorldThing *domain = type->array ? NULL : dba_world_thing(world, DBA_WORLD_DOMAIN, type->schema, type->name);
  return domain ? base_of(world, &domain->base) : type;
}

// Casts without a function (pg_cast.castmethod 'b') between types that people store.  `other_order`: the types' operator classes are not of one family, so that indexes
// are built anew all the same.
static const struct {
  const char *from, *to;
  bool other_order;
} binary_casts[] = {
    {"varchar", "text", false}, {"text", "varchar", false},  {"cidr", "inet", false},  {"xml", "text", false},
    {"bit", "varbit", true},    {"varbit", "bit", true},     {"int4", "oid", true},    {"oid", "int4", true},
    {"citext", "text", true},   {"citext", "varchar", true}, {"text", "citext", true}, {"varchar", "citext", true},
};

bool dba_world_orders_alike(const DbaWorldType *from, const DbaWorldType *to) {
  for (size_t i = 0; i < G_N_ELEMENTS(binary_casts); i++)
    if (!strcmp(binary_casts[i].from, from->name) && !strcmp(binary_casts[i].to, to->name))
      return !binary_casts[i].other_order;
  return true;
}

// What a modifier may become without a look at the values.
static const struct {
  const char *type;
  bool widens;   // more of it is fine
  bool may_go;   // so is none
  int unlimited; // what none stands for; 0: nothing that a modifier could be compared with
} modifiers[] = {
    {"varchar", true, true, 0},  {"varbit", true, true, 0},    {"numeric", true, true, 0},     {"time", true, true, 6},
    {"timetz", true, true, 6},   {"timestamp", true, true, 6}, {"timestamptz", true, true, 6}, {"interval", true, true, 6},
    {"bpchar", false, false, 0}, {"bit", false, false, 0},
};

static bool fits(const DbaWorldType *from, const DbaWorldType *to) {
  if (from->n_modifiers == to->n_modifiers && !memcmp(from->modifiers, to->modifiers, sizeof from->modifiers))
    return true;
  for (size_t i = 0; i < G_N_ELEMENTS(modifiers); i++) {
    if (strcmp(modifiers[i].type, to->name))
      continue;
    if (!to->n_modifiers)
      return modifiers[i].may_go;
    if (!from->n_modifiers)
      return modifiers[i].unlimited && to->modifiers[0] >= modifiers[i].unlimited;
    return modifiers[i].widens && to->modifiers[0] >= from->modifiers[0] && to->modifiers[1] == from->modifiers[1];
  }
  return false;
}

bool dba_world_same_bytes(const DbaSqlWorld *world, const DbaWorldType *from, const DbaWorldType *to) {
  if (dba_world_is_checked_type(world, to) && !same_name(from->schema, from->name, to->schema, to->name))
    return false;
  from = base_of(world, from);
  to = base_of(world, to);
  if (from->array != to->array)
    return false;
  if (same_name(from->schema, from->name, to->schema, to->name))
    return fits(from, to);
  for (size_t i = 0; i < G_N_ELEMENTS(binary_casts); i++)
    if (!strcmp(binary_casts[i].from, from->name) && !strcmp(binary_casts[i].to, to->name))
      return !to->n_modifiers;
  return false;
}

// ---- expressions ----------------------------------------------------------------------------------------------------

typedef struct Look {
  const DbaSqlWorld *world;
  bool is_volatile;
} Look;

static bool look(Node *node, void *data) {
  // pg_proc.provolatile = 'v' among what defaults are made of, with the usual extensions'.
  static const char *const known[] = {
      "random",  "clock_timestamp", "timeofday",        "gen_random_uuid",  "uuid_generate_v1", "uuid_generate_v1mc",
      "nextval", "setval",          "uuid_generate_v4", "gen_random_bytes", "gen_salt",         "random_normal",
      "uuidv4",  "uuidv7",          "lastval",          "currval",          "pg_sleep",         NULL};
  Look *what = data;
  if (!node)
    return false;
  if (IsA(node, FuncCall)) {
    const char *schema, *name;
    dba_world_name(((FuncCall *)node)->funcname, &schema, &name);
    const DbaWorldThing *function = dba_world_thing(what->world, DBA_WORLD_FUNCTION, schema, name);
    what->is_volatile |= function ? !function->fixed : g_strv_contains(known, name) || (schema && strcmp(schema, "pg_catalog"));
  }
  return raw_expression_tree_walker(node, look, data);
}

bool dba_world_is_volatile(const DbaSqlWorld *world, Node *expression) {
  Look what = {world, false};
  (void)look(expression, &what);
  return what.is_volatile;
}

// ---- applying -------------------------------------------------------------------------------------------------------

static void *add(DbaSqlWorld *world, DbaList *list, size_t size) {
  void **slot = dba_list_add(world->arena, list, sizeof(void *));
  *slot = dba_arena_alloc(world->arena, size);
  return *slot;
}

static void add_names(DbaSqlWorld *world, DbaList *list, const List *names) {
  for (int i = 0; i < list_length(names); i++)
    dba_list_add_text(world->arena, list, dba_arena_text(world->arena, strVal(list_nth(names, i))));
}

// CHECK (a IS NOT NULL): the column.
static const char *not_null_column(Node *expression) {
  if (!expression || !IsA(expression, NullTest) || ((NullTest *)expression)->nulltesttype != IS_NOT_NULL ||
      !IsA(((NullTest *)expression)->arg, ColumnRef))
    return NULL;
  const List *fields = ((ColumnRef *)((NullTest *)expression)->arg)->fields;
  return IsA(llast(fields), String) ? strVal(llast(fields)) : NULL;
}

static bool find_columns(Node *node, void *data) {
  DbaList *columns = ((void **)data)[1];
  if (!node)
    return false;
  if (IsA(node, ColumnRef) && IsA(llast(((ColumnRef *)node)->fields), String))
    dba_list_add_text(((void **)data)[0], columns, dba_arena_text(((void **)data)[0], strVal(llast(((ColumnRef *)node)->fields))));
  return raw_expression_tree_walker(node, find_columns, data);
}

// ChooseConstraintName() for what people leave unnamed.
static const char *constraint_name(DbaSqlWorld *world, const DbaWorldTable *table, const Constraint *constraint, const DbaList *columns) {
  if (constraint->conname)
    return dba_arena_text(world->arena, constraint->conname);
  const char *suffix = constraint->contype == CONSTR_PRIMARY   ? "pkey"
                       : constraint->contype == CONSTR_UNIQUE  ? "key"
                       : constraint->contype == CONSTR_FOREIGN ? "fkey"
                       : constraint->contype == CONSTR_CHECK   ? "check"
                                                               : "excl";
  g_autoptr(GString) name = g_string_new(table->name);
  for (uint32_t i = 0; constraint->contype != CONSTR_PRIMARY && i < columns->n && (constraint->contype != CONSTR_CHECK || columns->n == 1);
       i++)
    g_string_append_printf(name, "_%s", dba_list_text(columns, i));
  g_string_append_printf(name, "_%s", suffix);
  return dba_arena_text(world->arena, name->str);
}

static void add_constraint(DbaSqlWorld *world, DbaWorldTable *table, const Constraint *constraint, const char *column) {
  if (constraint->contype == CONSTR_NOTNULL || constraint->contype == CONSTR_PRIMARY || constraint->contype == CONSTR_IDENTITY) {
    DbaWorldColumn *of = column ? dba_world_column(table, column) : NULL;
    if (of)
      of->not_null = true;
    for (int i = 0; !column && i < list_length(constraint->keys); i++)
      if ((of = dba_world_column(table, strVal(list_nth(constraint->keys, i)))))
        of->not_null = true;
  }
  if (constraint->contype != CONSTR_CHECK && constraint->contype != CONSTR_PRIMARY && constraint->contype != CONSTR_UNIQUE &&
      constraint->contype != CONSTR_EXCLUSION && constraint->contype != CONSTR_FOREIGN)
    return;
  DbaWorldConstraint *kept = dba_list_add(world->arena, &table->constraints, sizeof *kept);
  kept->kind = constraint->contype;
  kept->valid = !constraint->skip_validation;
  if (column)
    dba_list_add_text(world->arena, &kept->columns, dba_arena_text(world->arena, column));
  else if (constraint->contype == CONSTR_CHECK)
    (void)find_columns(constraint->raw_expr, (void *[]){world->arena, &kept->columns});
  else
    add_names(world, &kept->columns, constraint->contype == CONSTR_FOREIGN ? constraint->fk_attrs : constraint->keys);
  if (constraint->contype == CONSTR_CHECK)
    kept->not_null_of = dba_arena_text(world->arena, not_null_column(constraint->raw_expr));
  if (constraint->pktable) {
    kept->ref_schema = dba_arena_text(world->arena, constraint->pktable->schemaname);
    kept->ref_name = dba_arena_text(world->arena, constraint->pktable->relname);
  }
  kept->name = constraint_name(world, table, constraint, &kept->columns);
  if (constraint->contype == CONSTR_PRIMARY || constraint->contype == CONSTR_UNIQUE || constraint->contype == CONSTR_EXCLUSION) {
    DbaWorldIndex *index = add(world, &world->indexes, sizeof *index);
    *index = (DbaWorldIndex){table->schema, kept->name, table->schema, table->name, kept->columns, false};
  }
}

static void add_column(DbaSqlWorld *world, DbaWorldTable *table, const ColumnDef *def) {
  DbaWorldColumn *column = dba_list_add(world->arena, &table->columns, sizeof *column);
  column->name = dba_arena_text(world->arena, def->colname);
  if (def->typeName)
    column->type = dba_world_type(world, def->typeName);
  for (int i = 0; i < list_length(def->constraints); i++) {
    const Constraint *constraint = list_nth(def->constraints, i);
    column = dba_world_column(table, def->colname);
    column->has_default |= constraint->contype == CONSTR_DEFAULT;
    add_constraint(world, table, constraint, def->colname);
  }
}

static DbaWorldTable *new_table(DbaSqlWorld *world, const RangeVar *relation, char kind) {
  DbaWorldTable *table = add(world, &world->tables, sizeof *table);
  table->schema = dba_arena_text(world->arena, relation->schemaname);
  table->name = dba_arena_text(world->arena, relation->relname);
  table->kind = kind;
  table->born = world->unit;
  table->temporary = relation->relpersistence == 't';
  table->unlogged = relation->relpersistence == 'u';
  return table;
}

static void copy_columns(DbaSqlWorld *world, DbaWorldTable *to, const DbaWorldTable *from) {
  for (DBA_EACH(DbaWorldColumn, column, from ? &from->columns : &nothing))
    if (!column->dropped)
      *(DbaWorldColumn *)dba_list_add(world->arena, &to->columns, sizeof *column) = *column;
}

static void create_table(DbaSqlWorld *world, const CreateStmt *create) {
  if (create->if_not_exists && dba_world_table_of(world, create->relation))
    return;
  DbaWorldTable *parent =
      create->inhRelations ? dba_world_table_of(world, linitial(create->inhRelations)) : NULL; // before one of its name hides it
  DbaWorldTable *table = new_table(world, create->relation, create->partspec ? 'p' : 'r');
  table->parent = parent;
  for (int i = 0; i < list_length(create->inhRelations); i++) {
    const DbaWorldTable *from = i ? dba_world_table_of(world, list_nth(create->inhRelations, i)) : parent;
    if (from != table)
      copy_columns(world, table, from);
  }
  table->is_partition = create->partbound != NULL;
  table->is_default = create->partbound && create->partbound->is_default;
  table->access_method = dba_arena_text(world->arena, create->accessMethod);
  for (int i = 0; i < list_length(create->tableElts); i++) {
    Node *element = list_nth(create->tableElts, i);
    if (IsA(element, ColumnDef))
      add_column(world, table, (ColumnDef *)element);
    else if (IsA(element, TableLikeClause))
      copy_columns(world, table, dba_world_table_of(world, ((TableLikeClause *)element)->relation));
  }
  for (int i = 0; i < list_length(create->tableElts); i++)
    if (IsA(list_nth(create->tableElts, i), Constraint))
      add_constraint(world, table, list_nth(create->tableElts, i), NULL);
}

static void drop_column(DbaWorldTable *table, const char *name) {
  DbaWorldColumn *column = dba_world_column(table, name);
  if (column)
    column->dropped = true;
  for (DBA_EACH(DbaWorldConstraint, constraint, &table->constraints))
    constraint->dropped |= dba_list_has_text(&constraint->columns, name);
}

// No table is below itself: what would make it so is refused by a server.
static void set_parent(DbaWorldTable *child, DbaWorldTable *parent) {
  for (const DbaWorldTable *above = parent; above; above = above->parent)
    if (above == child)
      return;
  child->parent = parent;
}

static void attach(DbaSqlWorld *world, DbaWorldTable *parent, const PartitionCmd *command, bool attaches) {
  DbaWorldTable *child = dba_world_table_of(world, command->name);
  if (!child)
    return;
  set_parent(child, attaches ? parent : NULL);
  child->is_partition = attaches;
  child->is_default = attaches && command->bound && command->bound->is_default;
}

static void alter_table(DbaSqlWorld *world, const AlterTableStmt *alter) {
  DbaWorldTable *table = dba_world_table_of(world, alter->relation);
  for (int i = 0; table && i < list_length(alter->cmds); i++) {
    const AlterTableCmd *command = list_nth(alter->cmds, i);
    DbaWorldColumn *column = dba_world_column(table, command->name);
    DbaWorldConstraint *constraint = dba_world_constraint(table, command->name);
    switch (command->subtype) {
    case AT_AddColumn:
      if (!dba_world_column(table, ((ColumnDef *)command->def)->colname))
        add_column(world, table, (ColumnDef *)command->def);
      break;
    case AT_DropColumn: drop_column(table, command->name); break;
    case AT_SetNotNull:
    case AT_DropNotNull:
      if (column)
        column->not_null = command->subtype == AT_SetNotNull;
      break;
    case AT_ColumnDefault:
      if (column)
        column->has_default = command->def != NULL;
      break;
    case AT_AlterColumnType:
      if (column)
        column->type = dba_world_type(world, ((ColumnDef *)command->def)->typeName);
      break;
    case AT_AddConstraint: add_constraint(world, table, (Constraint *)command->def, NULL); break;
    case AT_ValidateConstraint:
      if (constraint)
        constraint->valid = true;
      break;
    case AT_DropConstraint:
      if (constraint)
        constraint->dropped = true;
      break;
    case AT_AttachPartition: attach(world, table, (PartitionCmd *)command->def, true); break;
    case AT_DetachPartition: attach(world, table, (PartitionCmd *)command->def, false); break;
    case AT_SetUnLogged: table->unlogged = true; break;
    case AT_SetLogged: table->unlogged = false; break;
    case AT_AddInherit: set_parent(table, dba_world_table_of(world, (RangeVar *)command->def)); break;
    case AT_DropInherit: table->parent = NULL; break;
    default: break;
    }
  }
}

static void create_index(DbaSqlWorld *world, const IndexStmt *create) {
  if (create->if_not_exists && create->idxname && dba_world_index(world, create->relation->schemaname, create->idxname))
    return;
  DbaWorldIndex *index = add(world, &world->indexes, sizeof *index);
  index->schema = index->table_schema = dba_arena_text(world->arena, create->relation->schemaname);
  index->table_name = dba_arena_text(world->arena, create->relation->relname);
  g_autoptr(GString) name = g_string_new(create->relation->relname);
  for (int i = 0; i < list_length(create->indexParams); i++) {
    const IndexElem *element = list_nth(create->indexParams, i);
    if (element->name)
      dba_list_add_text(world->arena, &index->columns, dba_arena_text(world->arena, element->name));
    g_string_append_printf(name, "_%s", element->name ? element->name : "expr");
  }
  g_string_append(name, "_idx");
  index->name = dba_arena_text(world->arena, create->idxname ? create->idxname : name->str);
}

static void drop(DbaSqlWorld *world, const DropStmt *statement) {
  for (int i = 0; i < list_length(statement->objects); i++) {
    const char *schema = NULL, *name = NULL;
    Node *object = list_nth(statement->objects, i);
    if (!IsA(object, List))
      continue;
    dba_world_name((List *)object, &schema, &name);
    DbaWorldTable *table = dba_world_table(world, schema, name);
    DbaWorldIndex *index = dba_world_index(world, schema, name);
    if (table &&
        (statement->removeType == OBJECT_TABLE || statement->removeType == OBJECT_VIEW || statement->removeType == OBJECT_MATVIEW)) {
      table->dropped = true;
      for (uint32_t k = 0; k < world->tables.n; k++) { // partitions go too, and foreign keys to it with CASCADE
        DbaWorldTable *other = DBA_WORLD_AT(DbaWorldTable, &world->tables, k);
        other->dropped |= other->is_partition && other->parent == table;
        for (DBA_EACH(DbaWorldConstraint, constraint, &other->constraints))
          constraint->dropped |=
              constraint->ref_name && same_name(constraint->ref_schema, constraint->ref_name, table->schema, table->name);
      }
    }
    if (index && statement->removeType == OBJECT_INDEX)
      index->dropped = true;
  }
}

static void drop_schema(DbaSqlWorld *world, const DropStmt *statement) {
  for (int i = 0; i < list_length(statement->objects); i++)
    for (uint32_t k = 0; IsA(list_nth(statement->objects, i), String) && k < world->tables.n; k++) {
      DbaWorldTable *table = DBA_WORLD_AT(DbaWorldTable, &world->tables, k);
      table->dropped |= !g_strcmp0(table->schema ? table->schema : "public", strVal(list_nth(statement->objects, i)));
    }
}

static void rename_in(DbaList *names, const char *from, const char *to) {
  for (uint32_t i = 0; i < names->n; i++)
    if (!strcmp(dba_list_text(names, i), from))
      dba_list_text(names, i) = to;
}

// A column has its name in keys and indexes too.
static void rename_column(DbaSqlWorld *world, DbaWorldTable *table, DbaWorldColumn *column, const char *name) {
  for (DBA_EACH(DbaWorldConstraint, constraint, &table->constraints)) {
    rename_in(&constraint->columns, column->name, name);
    if (constraint->not_null_of && !strcmp(constraint->not_null_of, column->name))
      constraint->not_null_of = name;
  }
  for (uint32_t i = 0; i < world->indexes.n; i++) {
    DbaWorldIndex *index = DBA_WORLD_AT(DbaWorldIndex, &world->indexes, i);
    if (same_name(index->table_schema, index->table_name, table->schema, table->name))
      rename_in(&index->columns, column->name, name);
  }
  column->name = name;
}

// The schema stands in its indexes and in the keys that lead to it.
static void set_schema(DbaSqlWorld *world, DbaWorldTable *table, const char *schema) {
  for (uint32_t i = 0; i < world->indexes.n; i++) {
    DbaWorldIndex *index = DBA_WORLD_AT(DbaWorldIndex, &world->indexes, i);
    if (same_name(index->table_schema, index->table_name, table->schema, table->name))
      index->schema = index->table_schema = schema;
  }
  for (uint32_t i = 0; i < world->tables.n; i++)
    for (DBA_EACH(DbaWorldConstraint, key, &DBA_WORLD_AT(DbaWorldTable, &world->tables, i)->constraints))
      if (key->ref_name && same_name(key->ref_schema, key->ref_name, table->schema, table->name))
        key->ref_schema = schema;
  table->schema = schema;
}

static void rename_object(DbaSqlWorld *world, const RenameStmt *statement) {
  DbaWorldTable *table = statement->relation ? dba_world_table_of(world, statement->relation) : NULL;
  DbaWorldIndex *index = statement->relation ? dba_world_index(world, statement->relation->schemaname, statement->relation->relname) : NULL;
  const char *name = dba_arena_text(world->arena, statement->newname);
  DbaWorldColumn *column = dba_world_column(table, statement->subname);
  DbaWorldConstraint *constraint = dba_world_constraint(table, statement->subname);
  if (statement->renameType == OBJECT_COLUMN && column)
    rename_column(world, table, column, name);
  else if (statement->renameType == OBJECT_TABCONSTRAINT && constraint)
    constraint->name = name;
  else if (index && !table)
    index->name = name;
  else if (table &&
           (statement->renameType == OBJECT_TABLE || statement->renameType == OBJECT_VIEW || statement->renameType == OBJECT_MATVIEW)) {
    for (uint32_t i = 0; i < world->indexes.n; i++)
      if (same_name(DBA_WORLD_AT(DbaWorldIndex, &world->indexes, i)->table_schema,
                    DBA_WORLD_AT(DbaWorldIndex, &world->indexes, i)->table_name, table->schema, table->name))
        DBA_WORLD_AT(DbaWorldIndex, &world->indexes, i)->table_name = name;
    for (uint32_t i = 0; i < world->tables.n; i++) {
      DbaWorldTable *other = DBA_WORLD_AT(DbaWorldTable, &world->tables, i);
      for (DBA_EACH(DbaWorldConstraint, key, &other->constraints))
        if (key->ref_name && same_name(key->ref_schema, key->ref_name, table->schema, table->name))
          key->ref_name = name;
    }
    table->name = name;
  }
}

static DbaWorldThing *add_thing(DbaSqlWorld *world, int kind, const List *names) {
  DbaWorldThing *thing = add(world, &world->things, sizeof *thing);
  const char *schema, *name;
  dba_world_name(names, &schema, &name);
  thing->kind = kind;
  thing->schema = dba_arena_text(world->arena, schema);
  thing->name = dba_arena_text(world->arena, name);
  return thing;
}

static void create_domain(DbaSqlWorld *world, const CreateDomainStmt *create) {
  DbaWorldThing *domain = add_thing(world, DBA_WORLD_DOMAIN, create->domainname);
  domain->base = dba_world_type(world, create->typeName);
  for (int i = 0; i < list_length(create->constraints); i++) {
    ConstrType kind = ((Constraint *)list_nth(create->constraints, i))->contype;
    domain->checked |= kind == CONSTR_CHECK || kind == CONSTR_NOTNULL;
  }
}

static void create_function(DbaSqlWorld *world, const CreateFunctionStmt *create) {
  DbaWorldThing *function = add_thing(world, DBA_WORLD_FUNCTION, create->funcname);
  for (int i = 0; i < list_length(create->options); i++) {
    const DefElem *option = list_nth(create->options, i);
    if (!strcmp(option->defname, "volatility"))
      function->fixed = strcmp(strVal(option->arg), "volatile") != 0;
  }
}

static bool find_relations(Node *node, void *data) {
  if (!node)
    return false;
  if (IsA(node, RangeVar)) {
    const RangeVar *relation = (RangeVar *)node;
    DbaList *sources = ((void **)data)[1];
    dba_list_add_text(
        ((void **)data)[0], sources,
        dba_arena_format(((void **)data)[0], "%s.%s", relation->schemaname ? relation->schemaname : "public", relation->relname));
  }
  return raw_expression_tree_walker(node, find_relations, data);
}

static void create_view(DbaSqlWorld *world, const RangeVar *relation, Node *query, char kind) {
  DbaWorldTable *view = dba_world_table_of(world, relation);
  view = view && view->kind == 'v' && kind == 'v' ? view : new_table(world, relation, kind);
  view->sources = (DbaList){0};
  (void)find_relations(query, (void *[]){world->arena, &view->sources});
}

// CREATE SCHEMA s CREATE TABLE t ...: its tables are the schema's.
static void create_schema(DbaSqlWorld *world, const CreateSchemaStmt *create) {
  for (int i = 0; i < list_length(create->schemaElts); i++) {
    Node *element = list_nth(create->schemaElts, i);
    if (IsA(element, CreateStmt) && !((CreateStmt *)element)->relation->schemaname)
      ((CreateStmt *)element)->relation->schemaname = create->schemaname;
    dba_world_apply(world, element);
  }
}

static void create_statistics(DbaSqlWorld *world, const CreateStatsStmt *create) {
  if (!create->defnames || !create->relations || !IsA(linitial(create->relations), RangeVar))
    return;
  DbaWorldThing *statistics = add_thing(world, DBA_WORLD_STATISTICS, create->defnames);
  statistics->table_schema = dba_arena_text(world->arena, ((RangeVar *)linitial(create->relations))->schemaname);
  statistics->table_name = dba_arena_text(world->arena, ((RangeVar *)linitial(create->relations))->relname);
}

static void create_trigger(DbaSqlWorld *world, const CreateTrigStmt *create) {
  DbaWorldTable *table = dba_world_table_of(world, create->relation);
  const char *schema, *name;
  dba_world_name(create->funcname, &schema, &name);
  if (table)
    dba_list_add_text(world->arena, &table->triggers, dba_arena_format(world->arena, "%s.%s", schema ? schema : "public", name));
}

void dba_world_apply(DbaSqlWorld *world, Node *node) {
  switch (nodeTag(node)) {
  case T_CreateStmt: create_table(world, (CreateStmt *)node); break;
  case T_AlterTableStmt: alter_table(world, (AlterTableStmt *)node); break;
  case T_IndexStmt: create_index(world, (IndexStmt *)node); break;
  case T_DropStmt:
    if (((DropStmt *)node)->removeType == OBJECT_SCHEMA)
      drop_schema(world, (DropStmt *)node);
    else
      drop(world, (DropStmt *)node);
    break;
  case T_SelectStmt:
    if (((SelectStmt *)node)->intoClause)
      create_view(world, ((SelectStmt *)node)->intoClause->rel, node, 'r');
    break;
  case T_CreateSchemaStmt: create_schema(world, (CreateSchemaStmt *)node); break;
  case T_RenameStmt: rename_object(world, (RenameStmt *)node); break;
  case T_CreateDomainStmt: create_domain(world, (CreateDomainStmt *)node); break;
  case T_CreateFunctionStmt: create_function(world, (CreateFunctionStmt *)node); break;
  case T_CreateStatsStmt: create_statistics(world, (CreateStatsStmt *)node); break;
  case T_CreateTrigStmt: create_trigger(world, (CreateTrigStmt *)node); break;
  case T_ViewStmt: create_view(world, ((ViewStmt *)node)->view, ((ViewStmt *)node)->query, 'v'); break;
  case T_CreateTableAsStmt: {
    const CreateTableAsStmt *create = (CreateTableAsStmt *)node;
    create_view(world, create->into->rel, create->query, create->objtype == OBJECT_MATVIEW ? 'm' : 'r');
    break;
  }
  case T_AlterDomainStmt: {
    const AlterDomainStmt *alter = (AlterDomainStmt *)node;
    const char *schema, *name;
    dba_world_name(alter->typeName, &schema, &name);
    DbaWorldThing *domain = dba_world_thing(world, DBA_WORLD_DOMAIN, schema, name);
    if (domain && (alter->subtype == 'C' || alter->subtype == 'O'))
      domain->checked = true;
    break;
  }
  case T_AlterObjectSchemaStmt: {
    const AlterObjectSchemaStmt *alter = (AlterObjectSchemaStmt *)node;
    DbaWorldTable *table = alter->relation ? dba_world_table_of(world, alter->relation) : NULL;
    if (table)
      set_schema(world, table, dba_arena_text(world->arena, alter->newschema));
    break;
  }
  default: break;
  }
}

// SPDX-License-Identifier: Apache-2.0
// What a statement does to tables: the locks it takes, what it reads whole, what it writes anew.
//
// Levels are those of AlterTableGetLockLevel() and of the functions under standard_ProcessUtility() in PostgreSQL 17, and every one of them is
// compared with a server's own pg_locks by the tests (tests/quality/statements.py).  Indexes, sequences and catalogs are not told, nor what a function
// or a DO block does: the lab sees that.
#include "sql/effects-int.h"

#include <string.h>

static const DbaList nothing;

// One table's part; what it had from another part of the statement stays.
void dba_effects_add(DbaEffects *reading, const char *schema, const char *name, DbaLockMode lock, unsigned work, const char *because) {
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
  effect->scans |= work & DBA_EFFECT_SCANS;
  effect->rewrites |= (work & DBA_EFFECT_REWRITES) != 0;
}

// What the statement is, for advice: the part of it that works on rows counts most.
void dba_effects_is_a(DbaEffects *reading, const char *form, unsigned work) {
  if (!reading->verdict->form || work)
    reading->verdict->form = form;
}

void dba_effects_on_table(DbaEffects *reading, const DbaWorldTable *table, DbaLockMode lock, unsigned work, const char *because) {
  if (!table->temporary)
    dba_effects_add(reading, table->schema, table->name, lock, work, because);
}

// A partitioned table has no rows of its own.
unsigned dba_effects_own_work(const DbaWorldTable *table, unsigned work) { return table->kind == 'p' || table->kind == 'v' ? 0 : work; }

static bool is_child_of(const DbaWorldTable *child, const DbaWorldTable *parent) { return !child->dropped && child->parent == parent; }

static void on_children(DbaEffects *reading, const DbaWorldTable *parent, DbaLockMode lock, unsigned work) {
  for (uint32_t i = 0; i < reading->world->tables.n; i++) {
    const DbaWorldTable *child = DBA_WORLD_AT(DbaWorldTable, &reading->world->tables, i);
    if (!is_child_of(child, parent))
      continue;
    dba_effects_on_table(reading, child, lock, dba_effects_own_work(child, work), child->is_partition ? "partition" : "child");
    on_children(reading, child, lock, work);
  }
}

void dba_effects_on_tree(DbaEffects *reading, const DbaWorldTable *table, DbaLockMode lock, unsigned work, bool children) {
  dba_effects_on_table(reading, table, lock, dba_effects_own_work(table, work), NULL);
  if (children)
    on_children(reading, table, lock, work);
}

const DbaWorldTable *dba_effects_default_partition(const DbaEffects *reading, const DbaWorldTable *parent) {
  for (uint32_t i = 0; i < reading->world->tables.n; i++) {
    const DbaWorldTable *child = DBA_WORLD_AT(DbaWorldTable, &reading->world->tables, i);
    if (child->is_default && is_child_of(child, parent))
      return child;
  }
  return NULL;
}

// A key of a partitioned table, or one that leads to it, is one of its partitions too.
static void on_with_partitions(DbaEffects *reading, const DbaWorldTable *table, DbaLockMode lock, unsigned work, const char *because) {
  dba_effects_on_table(reading, table, lock, dba_effects_own_work(table, work), because);
  if (table->kind == 'p')
    on_children(reading, table, lock, work);
}

void dba_effects_on_referenced(DbaEffects *reading, const char *schema, const char *name, DbaLockMode lock, unsigned work) {
  const DbaWorldTable *table = dba_world_table(reading->world, schema, name);
  if (table)
    on_with_partitions(reading, table, lock, work, "REFERENCES");
  else
    dba_effects_add(reading, schema, name, lock, work, "REFERENCES");
}

// The tables whose foreign keys lead to a table, or lean on one of its keys.
void dba_effects_on_referrers(DbaEffects *reading, const DbaWorldTable *table, DbaLockMode lock, unsigned work) {
  for (uint32_t i = 0; i < reading->world->tables.n; i++) {
    const DbaWorldTable *other = DBA_WORLD_AT(DbaWorldTable, &reading->world->tables, i);
    for (DBA_EACH(DbaWorldConstraint, key, other->dropped ? &nothing : &other->constraints))
      if (!key->dropped && key->ref_name && !strcmp(key->ref_name, table->name) &&
          !strcmp(key->ref_schema ? key->ref_schema : "public", table->schema ? table->schema : "public"))
        on_with_partitions(reading, other, lock, work, "its foreign key");
  }
}

void dba_effects_on_reference(DbaEffects *reading, const RangeVar *target, DbaLockMode lock, unsigned work) {
  dba_effects_on_referenced(reading, target->schemaname, target->relname, lock, work);
}

// ADD COLUMN: nothing but the catalog, unless each row needs a value of its own or is to be checked (ATExecAddColumn, ATRewriteTables).
// ---- the other statements -------------------------------------------------------------------------------------------

static void on_named(DbaEffects *reading, const RangeVar *relation, DbaLockMode lock, unsigned work, bool children) {
  const DbaWorldTable *table = dba_world_table_of(reading->world, relation);
  if (table)
    dba_effects_on_tree(reading, table, lock, work, children);
  else if (relation->relpersistence != 't')
    dba_effects_add(reading, relation->schemaname, relation->relname, lock, work, NULL);
}

// What a query reads: no more than ACCESS SHARE, and nobody waits for that; told for its scans.
static bool find_reads(Node *node, void *data) {
  DbaEffects *reading = data;
  if (!node)
    return false;
  if (IsA(node, RangeVar)) {
    const DbaWorldTable *table = dba_world_table_of(reading->world, (RangeVar *)node);
    if (table)
      dba_effects_on_table(reading, table, DBA_LOCK_ACCESS_SHARE, dba_effects_own_work(table, reading->reads), "read");
  }
  return raw_expression_tree_walker(node, find_reads, data);
}

static void create_table(DbaEffects *reading, const CreateStmt *create) {
  dba_effects_is_a(reading, create->partbound ? "create-partition" : "create-table", 0);
  if (create->relation->relpersistence == 't' || (create->if_not_exists && dba_world_table_of(reading->world, create->relation)))
    return;
  for (int i = 0; i < list_length(create->inhRelations); i++) {
    const DbaWorldTable *parent = dba_world_table_of(reading->world, list_nth(create->inhRelations, i));
    const DbaWorldTable *other = parent && create->partbound ? dba_effects_default_partition(reading, parent) : NULL;
    on_named(reading, list_nth(create->inhRelations, i), create->partbound ? DBA_LOCK_ACCESS_EXCLUSIVE : DBA_LOCK_SHARE_UPDATE_EXCLUSIVE, 0,
             false);
    if (other)
      dba_effects_on_table(reading, other, DBA_LOCK_ACCESS_EXCLUSIVE, dba_effects_has_check(other) ? 0 : DBA_EFFECT_SCANS,
                           "default partition");
    if (parent && create->partbound) {
      dba_effects_on_keys_of_parent(reading, parent, 0);
      dba_effects_on_referrers(reading, parent, DBA_LOCK_SHARE_ROW_EXCLUSIVE, 0);
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
        dba_effects_on_reference(reading, constraint->pktable, DBA_LOCK_SHARE_ROW_EXCLUSIVE, 0);
    }
  }
}

static void alter_domain(DbaEffects *reading, const AlterDomainStmt *alter) {
  dba_effects_is_a(reading, "alter-domain", 0);
  const char *schema, *name;
  dba_world_name(alter->typeName, &schema, &name);
  if (alter->subtype != 'O' && alter->subtype != 'V' && (alter->subtype != 'C' || ((Constraint *)alter->def)->skip_validation))
    return;
  for (uint32_t i = 0; i < reading->world->tables.n; i++) {
    const DbaWorldTable *table = DBA_WORLD_AT(DbaWorldTable, &reading->world->tables, i);
    for (DBA_EACH(DbaWorldColumn, column, table->dropped ? &nothing : &table->columns))
      if (!column->dropped && !g_strcmp0(column->type.name, name))
        dba_effects_on_table(reading, table, DBA_LOCK_SHARE, DBA_EFFECT_SCANS, "it uses the domain");
  }
}

static void index_statement(DbaEffects *reading, const IndexStmt *create) {
  bool there = create->if_not_exists && create->idxname && dba_world_index(reading->world, create->relation->schemaname, create->idxname);
  dba_effects_is_a(reading, create->concurrent ? "create-index-concurrently" : "create-index", DBA_EFFECT_SCANS);
  const DbaWorldTable *table = dba_world_table_of(reading->world, create->relation);
  on_named(reading, create->relation, create->concurrent ? DBA_LOCK_SHARE_UPDATE_EXCLUSIVE : DBA_LOCK_SHARE, there ? 0 : DBA_EFFECT_SCANS,
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

static void on_schema(DbaEffects *reading, const char *schema, DbaLockMode lock, unsigned work) {
  for (uint32_t i = 0; i < reading->world->tables.n; i++) {
    const DbaWorldTable *table = DBA_WORLD_AT(DbaWorldTable, &reading->world->tables, i);
    if (!table->dropped && (table->kind == 'r' || table->kind == 'm') &&
        (!schema || !strcmp(table->schema ? table->schema : "public", schema)))
      dba_effects_on_table(reading, table, lock, work, NULL);
  }
}

static void reindex(DbaEffects *reading, const ReindexStmt *statement) {
  bool concurrently = is_on(statement->params, "concurrently");
  DbaLockMode lock = concurrently ? DBA_LOCK_SHARE_UPDATE_EXCLUSIVE : DBA_LOCK_SHARE;
  dba_effects_is_a(reading, concurrently ? "reindex-concurrently" : "reindex", DBA_EFFECT_SCANS);
  const DbaWorldIndex *index = statement->kind == REINDEX_OBJECT_INDEX && statement->relation
                                   ? dba_world_index(reading->world, statement->relation->schemaname, statement->relation->relname)
                                   : NULL;
  if (index)
    dba_effects_add(reading, index->table_schema, index->table_name, lock, DBA_EFFECT_SCANS, NULL);
  else if (statement->kind == REINDEX_OBJECT_TABLE)
    on_named(reading, statement->relation, lock, DBA_EFFECT_SCANS, true);
  else if (statement->kind != REINDEX_OBJECT_INDEX)
    on_schema(reading, statement->kind == REINDEX_OBJECT_SCHEMA ? statement->name : NULL, lock, DBA_EFFECT_SCANS);
}

static void rename_object(DbaEffects *reading, const RenameStmt *statement) {
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
  dba_effects_is_a(reading,
                   statement->renameType == OBJECT_COLUMN  ? "rename-column"
                   : statement->renameType == OBJECT_TABLE ? "rename-table"
                                                           : "rename",
                   0);
  on_named(reading, statement->relation, DBA_LOCK_ACCESS_EXCLUSIVE, 0, statement->renameType == OBJECT_COLUMN && statement->relation->inh);
}

static void truncate_tables(DbaEffects *reading, const TruncateStmt *statement) {
  dba_effects_is_a(reading, "truncate", 0);
  for (int i = 0; i < list_length(statement->relations); i++) {
    const RangeVar *named = list_nth(statement->relations, i);
    const DbaWorldTable *table = dba_world_table_of(reading->world, named);
    dba_effects_destroy(reading, named->schemaname, named->relname, NULL)->referring = statement->behavior == DROP_CASCADE;
    on_named(reading, named, DBA_LOCK_ACCESS_EXCLUSIVE, 0, true);
    for (uint32_t before = 0; table && statement->behavior == DROP_CASCADE && before != reading->verdict->effects.n;) {
      before = reading->verdict->effects.n; // and those that refer to these
      for (uint32_t k = 0; k < before; k++) {
        const DbaSqlEffect *effect = dba_list_at(DbaSqlEffect, &reading->verdict->effects, k);
        const DbaWorldTable *of = dba_world_table(reading->world, effect->schema, effect->table);
        if (of)
          dba_effects_on_referrers(reading, of, DBA_LOCK_ACCESS_EXCLUSIVE, 0);
      }
    }
  }
}

static void comment(DbaEffects *reading, const CommentStmt *statement) {
  const List *names = IsA(statement->object, List) ? (List *)statement->object : NULL;
  const char *schema, *name;
  int n = list_length(names);
  if (!n)
    return;
  dba_world_name(names, &schema, &name);
  switch (statement->objtype) {
  case OBJECT_TABLE:
  case OBJECT_VIEW:
  case OBJECT_MATVIEW: dba_effects_add(reading, schema, name, DBA_LOCK_SHARE_UPDATE_EXCLUSIVE, 0, NULL); break;
  case OBJECT_COLUMN:
    dba_effects_add(reading, n > 2 ? strVal(list_nth(names, n - 3)) : NULL, strVal(list_nth(names, MAX(n - 2, 0))),
                    DBA_LOCK_SHARE_UPDATE_EXCLUSIVE, 0, NULL);
    break;
  case OBJECT_TABCONSTRAINT:
  case OBJECT_TRIGGER:
  case OBJECT_POLICY:
  case OBJECT_RULE:
    dba_effects_add(reading, n > 2 ? strVal(list_nth(names, n - 3)) : NULL, strVal(list_nth(names, MAX(n - 2, 0))), DBA_LOCK_ACCESS_SHARE,
                    0, NULL);
    break;
  default: break;
  }
}

static void vacuum(DbaEffects *reading, const VacuumStmt *statement) {
  bool full = is_on(statement->options, "full");
  dba_effects_is_a(reading, full ? "vacuum-full" : "vacuum", full ? DBA_EFFECT_REWRITES : 0);
  for (int i = 0; i < list_length(statement->rels); i++)
    on_named(reading, ((VacuumRelation *)list_nth(statement->rels, i))->relation,
             full ? DBA_LOCK_ACCESS_EXCLUSIVE : DBA_LOCK_SHARE_UPDATE_EXCLUSIVE, full ? DBA_EFFECT_REWRITES | DBA_EFFECT_SCANS : 0, true);
}

static void publication(DbaEffects *reading, const List *objects) {
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

// ---- DO blocks ------------------------------------------------------------------------------------------------------

static void read_text(DbaEffects *reading, const char *sql) {
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
static void read_piece(DbaEffects *reading, const char *piece) {
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
static void do_block(DbaEffects *reading, const DoStmt *block) {
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
  DbaEffects reading = {world, arena, verdict, DBA_EFFECT_SCANS};
  written_before(world, with_clause(node), arena, verdict);
  switch (nodeTag(node)) {
  case T_AlterTableStmt:
    dba_effects_destroy_columns(&reading, (AlterTableStmt *)node);
    dba_effects_alter(&reading, (AlterTableStmt *)node);
    break;
  case T_CreateStmt: create_table(&reading, (CreateStmt *)node); break;
  case T_IndexStmt: index_statement(&reading, (IndexStmt *)node); break;
  case T_DropStmt: dba_effects_drop(&reading, (DropStmt *)node); break;
  case T_ReindexStmt: reindex(&reading, (ReindexStmt *)node); break;
  case T_RenameStmt:
    verdict->moves |= ((RenameStmt *)node)->renameType == OBJECT_SCHEMA;
    rename_object(&reading, (RenameStmt *)node);
    break;
  case T_AlterDomainStmt: alter_domain(&reading, (AlterDomainStmt *)node); break;
  case T_TruncateStmt: truncate_tables(&reading, (TruncateStmt *)node); break;
  case T_CommentStmt: comment(&reading, (CommentStmt *)node); break;
  case T_VacuumStmt: vacuum(&reading, (VacuumStmt *)node); break;
  case T_ClusterStmt:
    dba_effects_is_a(&reading, "cluster", DBA_EFFECT_REWRITES);
    if (((ClusterStmt *)node)->relation)
      on_named(&reading, ((ClusterStmt *)node)->relation, DBA_LOCK_ACCESS_EXCLUSIVE, DBA_EFFECT_REWRITES | DBA_EFFECT_SCANS, true);
    break;
  case T_RefreshMatViewStmt: {
    const RefreshMatViewStmt *refresh = (RefreshMatViewStmt *)node;
    dba_effects_is_a(&reading, refresh->concurrent ? "refresh-concurrently" : "refresh", DBA_EFFECT_REWRITES);
    on_named(&reading, refresh->relation, refresh->concurrent ? DBA_LOCK_EXCLUSIVE : DBA_LOCK_ACCESS_EXCLUSIVE,
             refresh->concurrent ? DBA_EFFECT_SCANS : DBA_EFFECT_REWRITES | DBA_EFFECT_SCANS, false);
    break;
  }
  case T_CreateTrigStmt: {
    const CreateTrigStmt *create = (CreateTrigStmt *)node;
    dba_effects_is_a(&reading, "create-trigger", 0);
    const DbaWorldTable *table = dba_world_table_of(world, create->relation);
    on_named(&reading, create->relation, DBA_LOCK_SHARE_ROW_EXCLUSIVE, 0, table && table->kind == 'p');
    break;
  }
  case T_RuleStmt: on_named(&reading, ((RuleStmt *)node)->relation, DBA_LOCK_ACCESS_EXCLUSIVE, 0, false); break;
  case T_CreatePolicyStmt: on_named(&reading, ((CreatePolicyStmt *)node)->table, DBA_LOCK_ACCESS_EXCLUSIVE, 0, false); break;
  case T_AlterPolicyStmt: on_named(&reading, ((AlterPolicyStmt *)node)->table, DBA_LOCK_ACCESS_EXCLUSIVE, 0, false); break;
  case T_AlterObjectSchemaStmt:
    verdict->moves = true;
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
    dba_effects_overwrite_columns(&reading, node);
    on_named(&reading, ((InsertStmt *)node)->relation, DBA_LOCK_ROW_EXCLUSIVE, 0, false);
    (void)find_reads(((InsertStmt *)node)->selectStmt, &reading);
    break;
  case T_UpdateStmt:
    verdict->all_rows |= !has_where(node);
    dba_effects_is_a(&reading, "update", 0);
    dba_effects_overwrite_columns(&reading, node);
    on_named(&reading, ((UpdateStmt *)node)->relation, DBA_LOCK_ROW_EXCLUSIVE, DBA_EFFECT_SCANS, true);
    (void)find_reads(node, &reading);
    break;
  case T_DeleteStmt:
    verdict->all_rows |= !has_where(node);
    dba_effects_is_a(&reading, "delete", 0);
    (void)dba_effects_destroy(&reading, ((DeleteStmt *)node)->relation->schemaname, ((DeleteStmt *)node)->relation->relname, NULL);
    on_named(&reading, ((DeleteStmt *)node)->relation, DBA_LOCK_ROW_EXCLUSIVE, DBA_EFFECT_SCANS, true);
    (void)find_reads(node, &reading);
    break;
  case T_MergeStmt:
    dba_effects_overwrite_columns(&reading, node);
    on_named(&reading, ((MergeStmt *)node)->relation, DBA_LOCK_ROW_EXCLUSIVE, DBA_EFFECT_SCANS, true);
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
  case T_PrepareStmt: dba_world_effects(world, ((PrepareStmt *)node)->query, arena, verdict); break;
  case T_ExplainStmt: // ANALYZE runs it
    if (is_on(((ExplainStmt *)node)->options, "analyze"))
      dba_world_effects(world, ((ExplainStmt *)node)->query, arena, verdict);
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

// SPDX-License-Identifier: Apache-2.0
// Shared by the files that read the values of a statement: scopes.c resolves names, values.c says what stands with what, statements.c
// knows the clauses.  The tree is libpg_query's, and dies with its memory context.
#pragma once

#include "sql/sql-int.h"

#include <pg_query.h>
#include <string.h>

#include "pg_query_internal.h"

#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"

// What a FROM item is called, and what stands behind it: a table, a subquery, or (neither) something else.
typedef struct DbaSqlFromItem {
  const char *alias, *schema, *table;
  SelectStmt *query;
} DbaSqlFromItem;

typedef struct DbaSqlScope {
  const struct DbaSqlScope *outer;
  GArray *items; // of DbaSqlFromItem
  GArray *ctes;  // of DbaSqlFromItem
} DbaSqlScope;

// Of subqueries that a name is followed through; of all steps of a statement that are not its own length.
enum { DEEPEST = 50, MOST_STEPS = 200000 };

typedef struct DbaSqlReading {
  const char *sql;
  DbaSqlColumnsOf columns_of;
  void *data;
  DbaArena *arena;
  DbaSqlValues *values;
  const DbaSqlScope *scope;
  const char *type; // the cast around
  unsigned steps;
  bool predicate, structural;
  bool told_opaque; // of what stands below, the columns are told already
  bool inserting;
  bool looked_at; // a constant here enters plans, though in no predicate
} DbaSqlReading;

// A statement may be written so that looking at it takes for ever: what is beyond the limit is not told.
static inline bool is_spent(DbaSqlReading *reading) { return ++reading->steps > MOST_STEPS; }

// ---- scopes.c -------------------------------------------------------------------------------------------------------

// Without casts and collations around it.
Node *dba_values_strip(Node *node);
// Resolves a ColumnRef; false when the text alone does not tell.
bool dba_values_column_of(DbaSqlReading *reading, Node *node, const DbaSqlScope *scope, unsigned depth, DbaSqlColumn *ret_column);
// The column of that name of a FROM item, followed through subqueries.
bool dba_values_column_of_item(DbaSqlReading *reading, const DbaSqlFromItem *item, const DbaSqlScope *outer, const char *name,
                               unsigned depth, DbaSqlColumn *ret_column);
void dba_values_add_from(DbaSqlScope *scope, Node *node);
void dba_values_add_table(DbaSqlScope *scope, const RangeVar *table);

// ---- values.c -------------------------------------------------------------------------------------------------------

// A walker: `data` is the reading.
bool dba_values_visit(Node *node, void *data);
const DbaSqlColumn *dba_values_keep_column(DbaSqlReading *reading, const DbaSqlColumn *column);
// What goes into a column or is compared with it: constants, lists and sums of them are its values.  `distance`: added to one.
void dba_values_attach(DbaSqlReading *reading, Node *node, const DbaSqlColumn *column, bool distance);
// Two columns that have values in common.
void dba_values_pair(DbaSqlReading *reading, const DbaSqlColumn *a, const DbaSqlColumn *b);
// The n-th column of a query, where it just names one, or its least or greatest value.
bool dba_values_target_of(DbaSqlReading *reading, Node *query, int n, DbaSqlColumn *ret_column);
void dba_values_pair_target(DbaSqlReading *reading, Node *query, int n, const DbaSqlColumn *column);

// ---- statements.c ---------------------------------------------------------------------------------------------------

void dba_values_visit_select(SelectStmt *select, DbaSqlReading *reading);
void dba_values_visit_change(Node *node, DbaSqlReading *reading); // INSERT, UPDATE, DELETE, MERGE
void dba_values_visit_using(JoinExpr *join, DbaSqlReading *reading);
void dba_values_visit_predicate(Node *node, DbaSqlReading *reading);
// A constant that is no value (LIMIT 10); anything else is looked at as what it is.
void dba_values_visit_structural(Node *node, DbaSqlReading *reading);
void dba_values_visit_list_structural(List *list, DbaSqlReading *reading);

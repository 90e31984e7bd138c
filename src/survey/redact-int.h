// SPDX-License-Identifier: Apache-2.0
// Shared by the parts of redaction: what kinds of values there are, and the map of one group of columns.
#pragma once

#include "sql/sql.h"
#include "survey/survey.h"

typedef enum DbaRedactKind {
  DBA_REDACT_LEFT_OUT, // values of a type without a map
  DBA_REDACT_KEPT,     // no secret, or in the schema's text anyway: truth values, labels of enums
  DBA_REDACT_NUMBER,
  DBA_REDACT_MOMENT, // date, timestamp, with and without time zone
  DBA_REDACT_TEXT,
  DBA_REDACT_LEXEME, // of tsvector: ordered by length, then bytes
  DBA_REDACT_UUID,
  DBA_REDACT_ADDRESS,
  DBA_REDACT_TIME,
  DBA_REDACT_INTERVAL,
  DBA_REDACT_BYTES,
} DbaRedactKind;

typedef struct DbaRedactType {
  const char *name; // pg_type.typname
  DbaRedactKind kind;
  double least, greatest; // of numbers
  bool whole;
  const char *sort_as; // the type by which the server sorts them
} DbaRedactType;
// NULL when the type has none.
const DbaRedactType *dba_redact_type(const char *name);

// One map for all columns that are compared with each other.  Values are added, then it is settled, then it maps what was added.
typedef struct DbaRedactMap {
  DbaRedactKind kind;
  const char *sort_as, *collation; // qualified and quoted, or NULL
  double least, greatest;          // that every column can hold
  uint64_t longest;                // characters that every column can hold; 0: no limit
  bool whole, real;
  GHashTable *values;  // text -> text that stands for it, NULL before it is settled
  GPtrArray *given;    // the same in the order of adding
  GHashTable *fixed;   // texts that map to themselves: they stand in the schema
  GHashTable *labels;  // of an enum whose labels are replaced: old to new; else NULL.  Not the map's own
  const char *failure; // why the group has no map, or NULL
  bool affine;
  int64_t slope;            // of an affine map
  unsigned placed, unmoved; // values with places between those that stay, and those of them that could only stay too
} DbaRedactMap;

void dba_redact_map_add(DbaRedactMap *map, const char *value, bool fixed);
bool dba_redact_map_settle(DbaRedactMap *map, DbaArena *arena, uint64_t *seed, DbaValueSorter sorter, void *data,
                           GError **error) DBA_CHECKED;
// NULL when there is none.
const char *dba_redact_map_value(const DbaRedactMap *map, const char *value);

// A column, or an expression of an index or of a statistics object.
typedef struct DbaRedactColumn {
  const char *shown; // schema.table.column
  DbaSqlColumn name; // of a column, in parts
  const DbaColumn *column;
  DbaRedactMap *map;              // of its values
  DbaRedactMap *elements;         // of the elements of its arrays, NULL where it is none
  struct DbaRedactColumn *leader; // of its group; itself when it leads
} DbaRedactColumn;

// A redaction under way.
typedef struct DbaRedacting {
  DbaSurvey *survey;
  GHashTable *members;   // "schema.table.column", or "schema.statistics(number)", quoted, to DbaRedactColumn
  GPtrArray *in_order;   // of DbaRedactColumn
  GHashTable *relations; // "schema.table", quoted, to DbaRelation; bare names too where only one table has them
  GHashTable *schema_literals;
  GPtrArray *maps;
  GHashTable *told;  // texts of `affected` that are there already
  GHashTable *kept;  // shown names to GPtrArray of values that stand in the schema
  GHashTable *names; // DbaRelation to the names of its columns, NULL-terminated
  GHashTable *enums; // with `schema_too`: names of enum types to a GHashTable of their labels, old to new
  bool schema_too;   // values in the schema's text are replaced as well
} DbaRedacting;

// What a name stands for; NULL when there is none.
const DbaRelation *dba_redact_relation(const DbaRedacting *redaction, const char *schema, const char *table);
DbaRedactColumn *dba_redact_member(const DbaRedacting *redaction, const char *schema, const char *table, const char *column);
DbaRedactColumn *dba_redact_find(const DbaRedacting *redaction, const DbaSqlColumn *column);
DbaRedactColumn *dba_redact_index_expression(const DbaRedacting *redaction, const char *schema, const char *index, const char *attribute);
DbaRedactColumn *dba_redact_expression(const DbaRedacting *redaction, const DbaStatisticsObject *object, const char *number);
// For dba_sql_read_values: the columns of a table of the survey; `data` is the redaction.
const char *const *dba_redact_columns_of(void *data, const char *schema, const char *table);
// Columns that a text compares share a map from then on.
void dba_redact_join_pairs(DbaRedacting *redaction, const DbaList *pairs);
// Whose map is that of the group.
DbaRedactColumn *dba_redact_leader(DbaRedactColumn *column);
// Both are compared: they share a map, when values of both can stand in one order.
void dba_redact_join(DbaRedactColumn *a, DbaRedactColumn *b);
// As the type sees it: blanks at the end of a character(n) are none.
const char *dba_redact_plain(const DbaRedacting *redaction, const DbaRedactColumn *column, const char *value);
// Adds the values of an array's text to the column's map, and gives the text with other values; NULL when one of them has none.
void dba_redact_gather_list(DbaRedacting *redaction, DbaRedactColumn *column, const char *text, bool of_elements);
const char *dba_redact_put_list(DbaRedacting *redaction, DbaRedactColumn *column, const char *text, bool of_elements);

// Of statistics: values into the maps; others in their place.
void dba_redact_gather_statistics(DbaRedacting *redaction);
void dba_redact_put_statistics(DbaRedacting *redaction);
// Of the schema's text: values that stand in it go into the maps, as ones that stay or, with `schema_too`, as all others; those that stay
// are named, the others put into the text.
void dba_redact_read_schema(DbaRedacting *redaction);
void dba_redact_name_kept(DbaRedacting *redaction);
void dba_redact_put_schema(DbaRedacting *redaction);
// For dba_sql_read_values: the one column, value, of a table dbarch_domain that stands for all of a domain.
const char *const *dba_redact_value_alone(void *data, const char *schema, const char *table);
// The first column of that domain, NULL when it has none.
DbaRedactColumn *dba_redact_of_domain(const DbaRedacting *redaction, const DbaType *domain);
// What the outermost brackets of "RANGE (...)" hold; NULL when there are none or something follows.  Free with g_free.
char *dba_redact_inside(const char *text);
// The columns that a partition key names, by place; NULL for an expression.
const DbaColumn *dba_redact_partition_column(const DbaRelation *parent, unsigned place);
// Of statements: may it be planned; its literals into the maps; other literals in their place.
bool dba_redact_is_plannable(DbaRedacting *redaction, const char *text);
void dba_redact_gather_literals(DbaRedacting *redaction, const DbaSqlValues *values);
void dba_redact_put_literals(DbaRedacting *redaction, DbaWorkloadStatement *statement, const DbaSqlValues *values);
// Appends the text from `from` to `to` with other literals; `statement`: whose text it is, to be named; NULL: none.  False when one that
// a condition hangs on became a neutral one.
bool dba_redact_put_tokens(DbaRedacting *redaction, const char *sql, const DbaSqlValues *values, size_t from, size_t to,
                           const DbaWorkloadStatement *statement, GString *out);
// Names a statement whose plans may be others.
void dba_redact_affected(DbaRedacting *redaction, const DbaWorkloadStatement *statement, const char *format, ...) DBA_PRINTF(3, 4);

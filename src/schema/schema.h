// SPDX-License-Identifier: Apache-2.0
// The model of a PostgreSQL schema: what is read from a catalog, compared, and written as SQL.
//
// One DbaSchema owns one arena; everything below lies in it and dies with it.  Names are bare (unquoted).  Expressions
// and definitions are the server's own deparsed text with every name qualified (search_path = pg_catalog).
// Lists are sorted: objects by schema and name, columns by position, the rest by name.
#pragma once

#include "base/base.h"

// Column of a table, or attribute of a composite type.
typedef struct DbaColumn {
  const char *name;
  const char *type;         // format_type(): "character varying(20)"
  const char *default_expr; // also the expression of a generated column
  const char *generated;    // "stored", "virtual" or NULL
  const char *identity;     // "always", "by default" or NULL
  const char *collation;    // qualified and quoted, where it is not the type's own
  const char *storage;      // "plain" ... where it is not the type's own
  const char *compression;  // "pglz", "lz4" or NULL
  const char *comment;
  const char *not_null_name;        // PostgreSQL 18: a not-null constraint with a name of its own choosing
  DbaList options, foreign_options; // "n_distinct=5"
  DbaList acl;                      // aclitem texts
  bool not_null;
  bool not_null_inherited; // PostgreSQL 18: only from a parent
  bool local, inherited;   // declared here; comes from a parent (both may hold)
  bool has_statistics_target;
  int64_t statistics_target;
  int64_t position;       // pg_attribute.attnum
  int64_t type_length;    // pg_type.typlen: bytes, -1 varlena, -2 cstring
  int64_t type_alignment; // 1, 2, 4, 8
  const char *type_name;  // pg_type.typname of the base type under domains: "int4"
  const char *type_class; // pg_type.typtype of the column's own type: b, c, d, e, r, m
} DbaColumn;

typedef struct DbaConstraint {
  const char *name;
  const char *kind;                          // "primary key", "unique", "foreign key", "check", "exclusion", "trigger", "not null"
  const char *definition;                    // pg_get_constraintdef()
  const char *parent_constraint;             // partitions: the constraint of the parent table that this one belongs to
  const char *index;                         // the index that carries it
  const char *ref_schema, *ref_table;        // foreign key
  const char *ref_index;                     // the unique index it leans on
  const char *on_update, *on_delete, *match; // "no action", "cascade", ...; "simple", "full"
  const char *comment;
  DbaList columns, ref_columns;
  DbaList column_numbers, ref_column_numbers; // while reading: attnum, made names by the reader
  int64_t ref_oid;
  bool deferrable, deferred, not_valid, local, inherited, no_inherit;
  int64_t id;
  int64_t oid;
} DbaConstraint;

typedef struct DbaIndexKey {
  const char *column; // NULL for an expression
  const char *expression;
  const char *opclass;   // where it is not the default of the type
  const char *collation; // where it is not the column's
  const char *opfamily;  // identifies which comparisons the key serves
  bool descending, nulls_first;
  bool included;             // INCLUDE: stored, not searched
  int64_t statistics_target; // of an expression; 0: the default
  const char *attribute;     // of an expression: the name of the index's column, by which pg_stats knows it
  const char *type_name;     // of an expression: pg_type.typname
} DbaIndexKey;

typedef struct DbaIndex {
  const char *name;
  const char *method;     // btree, hash, gin ...
  const char *definition; // pg_get_indexdef()
  const char *predicate;
  const char *constraint;   // the constraint it carries
  const char *parent_index; // the partitioned index it is attached to, qualified
  const char *tablespace;
  const char *comment;
  DbaList keys; // DbaIndexKey: the keys, then the included columns
  DbaList options;
  bool unique, primary, nulls_not_distinct, invalid, not_ready, being_built, replica_identity, clustered, on_partitioned, not_immediate;
  int64_t id;
  int64_t oid;
  // Statistics; zero in a schema without them.
  int64_t size_bytes, pages, scans, tuples_read, blocks_read, blocks_hit;
  int64_t rank;   // by age among the table's indexes, from 1: of two that cost the same the planner takes the younger
  int64_t levels; // of a btree, the root's counted; 0: not known
  // Of a GIN index: pages of the key tree that the planner counts for finding one key, and the binary logarithm of the number of
  // keys, rounded up; 0: not known.
  int64_t search_pages, keys_log2;
  double rows;
  const char *last_scan; // PostgreSQL 16 and later
  DbaList statistics;    // DbaColumnStatistics of its expressions, by the attribute's name in the index
} DbaIndex;

typedef struct DbaTrigger {
  const char *name, *definition, *comment;
  const char *enabled;        // "origin", "disabled", "replica", "always"
  const char *function;       // qualified
  const char *parent_trigger; // the same trigger of the partitioned parent
  int64_t id, oid;
} DbaTrigger;

typedef struct DbaPolicy {
  const char *name, *command, *using_expr, *check_expr, *comment;
  DbaList roles; // empty: PUBLIC
  bool restrictive;
  int64_t id, oid;
} DbaPolicy;

// Statistics of one column, or of one expression of an index or of a statistics object, as pg_stats shows them.  Numbers are always there; what holds
// production values (array literals, as text) only when they were asked for.
typedef struct DbaColumnStatistics {
  const char *column;
  double null_fraction, distinct, correlation; // as in pg_stats
  bool has_correlation;
  int64_t width_bytes;
  bool inherited;
  const char *common_values, *common_frequencies, *histogram;
  const char *minimum, *maximum;                                      // by an index, where one leads with the column; not from pg_stats
  const char *common_elements, *element_frequencies, *element_counts; // of arrays and tsvector
  const char *range_lengths, *range_empty, *range_bounds;             // PostgreSQL 17 and later show them
} DbaColumnStatistics;

// Table, partitioned table, view, materialised view, foreign table.
typedef struct DbaRelation {
  const char *schema, *name;
  const char *kind; // "table", "partitioned table", "view", "materialized view", "foreign table"
  const char *owner, *comment;
  const char *persistence;   // "unlogged" or NULL
  const char *access_method; // where it is not heap
  const char *tablespace;
  const char *replica_identity;                                     // "full", "nothing", "index" or NULL
  const char *partition_of_schema, *partition_of, *partition_bound; // of a partition
  const char *partition_key;                                        // pg_get_partkeydef()
  const char *of_type;                                              // CREATE TABLE OF
  const char *definition;                                           // views
  const char *check_option;                                         // views: "local", "cascaded"
  const char *foreign_server;
  DbaList foreign_options;
  DbaList inherits; // qualified and quoted names, in order
  DbaList options, toast_options, acl, acl_default;
  bool row_security, force_row_security, not_populated;
  DbaList columns;     // DbaColumn
  DbaList constraints; // DbaConstraint
  DbaList indexes;     // DbaIndex
  DbaList triggers;    // DbaTrigger
  DbaList policies;    // DbaPolicy
  int64_t id, oid;
  // Statistics; zero in a schema without them.  rows is -1 where the table was never analysed.
  double rows;
  int64_t pages, all_visible_pages, size_bytes, toast_bytes;
  int64_t sequential_scans, index_scans, inserted, updated, deleted, hot_updated, live_rows, dead_rows;
  int64_t heap_blocks_read, heap_blocks_hit;
  const char *last_vacuum, *last_analyze;
  DbaList statistics; // DbaColumnStatistics
} DbaRelation;

typedef struct DbaNamespace {
  const char *name, *owner, *comment;
  DbaList acl, acl_default;
  int64_t id, oid;
} DbaNamespace;

typedef struct DbaExtension {
  const char *name, *schema, *version, *comment;
  int64_t id, oid;
} DbaExtension;

typedef struct DbaDomainCheck {
  const char *name, *definition;
  bool not_valid;
} DbaDomainCheck;

typedef struct DbaType {
  const char *schema, *name;
  const char *kind; // "enum", "domain", "composite", "range"
  const char *owner, *comment;
  const char *base_type, *default_expr, *collation;                              // domain
  const char *subtype, *subtype_opclass, *subtype_diff, *canonical, *multirange; // range
  bool not_null;
  DbaList labels;  // enum, in order
  DbaList checks;  // DbaDomainCheck
  DbaList columns; // DbaColumn, composite
  DbaList acl, acl_default;
  int64_t id, oid;
} DbaType;

typedef struct DbaSequence {
  const char *schema, *name;
  const char *owner, *comment;
  const char *type, *persistence;
  const char *owned_by_schema, *owned_by_table, *owned_by_column;
  bool identity; // belongs to an identity column
  bool cycle;
  int64_t start, increment, minimum, maximum, cache;
  bool has_last_value;   // false: never used, or not readable
  int64_t last_value;    // statistics
  int64_t used_permille; // of a redacted survey, whose last value is another: how much of what column and sequence hold is used
  DbaList acl, acl_default;
  int64_t id, oid;
} DbaSequence;

typedef struct DbaFunction {
  const char *schema, *name;
  const char *arguments; // pg_get_function_identity_arguments(): tells overloads apart
  const char *kind;      // "function", "procedure", "window"
  const char *owner, *comment, *definition, *language;
  bool security_definer;
  DbaList settings; // SET clauses
  DbaList acl, acl_default;
  int64_t id, oid;
} DbaFunction;

// CREATE STATISTICS.
typedef struct DbaStatisticsObject {
  const char *schema, *name, *owner, *comment, *definition, *table;
  DbaList columns, expressions;        // what it is over: names in the order of the table, then expressions
  DbaList expression_types;            // pg_type.typname of each, where statistics tell it
  DbaList statistics;                  // DbaColumnStatistics of its expressions; their column is the number, from 1
  const char *distinct, *dependencies; // statistics, as pg_stats_ext prints them; NULL: not analysed, or not ours to see
  const char *common_values, *common_nulls, *common_frequencies, *common_base_frequencies; // with values; array literals
  bool has_target;
  int64_t target;
  int64_t id, oid;
} DbaStatisticsObject;

typedef struct DbaDefaultAcl {
  const char *role, *schema, *kind; // kind: "tables", "sequences", "functions", "types", "schemas"
  DbaList acl, acl_default;
} DbaDefaultAcl;

// Kinds of objects that are counted and named, but not modelled yet.
typedef struct DbaUnmodelled {
  const char *kind;
  int64_t count;
  DbaList names; // at most 50
} DbaUnmodelled;

// Needs: `object` uses `needed`, by id.
typedef struct DbaNeed {
  int64_t object, needed;
} DbaNeed;

typedef struct DbaSchema {
  DbaArena *arena;
  DbaList namespaces, extensions, types, sequences, relations, functions, statistics_objects, default_acls, unmodelled;
  DbaList needs; // DbaNeed, sorted
} DbaSchema;

extern const DbaRecord dba_column_record, dba_constraint_record, dba_index_key_record, dba_index_record, dba_trigger_record,
    dba_policy_record, dba_column_statistics_record, dba_relation_record, dba_namespace_record, dba_extension_record,
    dba_domain_check_record, dba_type_record, dba_sequence_record, dba_function_record, dba_statistics_object_record,
    dba_default_acl_record, dba_unmodelled_record, dba_need_record, dba_schema_record;

DbaSchema *dba_schema_new(void);
void dba_schema_free(DbaSchema *schema);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DbaSchema, dba_schema_free)

// Sorts all lists and gives ids 1, 2, 3 ... in that order, so that equal schemas are equal bytes.  `needs` must hold
// oids of the catalog before and holds ids after.
void dba_schema_settle(DbaSchema *schema, GHashTable *ids_by_key);

DbaRelation *dba_schema_relation(const DbaSchema *schema, const char *namespace, const char *name);
DbaColumn *dba_relation_column(const DbaRelation *relation, const char *name);
// Of its columns, in their order, ended by NULL; the array lies in the arena, the names in the relation.
const char *const *dba_relation_column_names(DbaArena *arena, const DbaRelation *relation);
// Has it a unique index of that column alone and of all rows?
bool dba_relation_is_unique(const DbaRelation *relation, const char *column);
// Is it a key of a unique index, of several columns or a part of the rows too?
bool dba_relation_in_unique_index(const DbaRelation *relation, const char *column);
DbaConstraint *dba_relation_constraint(const DbaRelation *relation, const char *name);
DbaIndex *dba_relation_index(const DbaRelation *relation, const char *name);
// Can the referential-integrity query on `columns` use this index?  Valid btree whose leading keys are these columns in any
// order, or hash on the one column; whole, or with a predicate that "column IS NOT NULL" implies.
bool dba_index_covers_key(const DbaIndex *index, const DbaList *columns);
uint32_t dba_index_n_keys(const DbaIndex *index); // without included columns
// CREATE INDEX [CONCURRENTLY] text from a definition of the catalog, with its comment and statistics targets; in `arena`.  NULL: it has no definition.
const char *dba_index_create_sql(DbaArena *arena, const DbaRelation *relation, const DbaIndex *index, bool concurrently);
// The columns of a CREATE STATISTICS in their table's order, which is that of its common combinations (expressions stand behind
// them); how many.  0 when they are more than `most`, or its table is not there.
unsigned dba_statistics_object_columns(const DbaSchema *schema, const DbaStatisticsObject *object, unsigned most,
                                       const DbaRelation **ret_relation, const DbaColumn **ret_columns);
// The expression of a CHECK (...), in its brackets, without what stands around it; NULL when the text is no check.  Free with g_free.
char *dba_check_expression(const char *definition) DBA_CHECKED;
// The greatest value that the sequence and the whole-number column it belongs to both hold; 0: it belongs to none.
double dba_sequence_largest(const DbaSchema *schema, const DbaSequence *sequence);
bool dba_relation_is_table(const DbaRelation *relation); // table or partitioned table

// Differences, one line each; statistics and the order of columns do not count.  Free with g_ptr_array_unref.
GPtrArray *dba_schema_compare(const DbaSchema *before, const DbaSchema *after);

// True when everything that would be written as it stands is a piece of one statement, of its kind; for a schema from a
// file.  `file` stands in the message.
bool dba_schema_check(const DbaSchema *schema, const char *file, GError **error) DBA_CHECKED;

// ---- writing --------------------------------------------------------------------------------------------------------

typedef struct DbaSchemaWrite {
  bool no_owners; // leave out owners
  bool no_grants; // leave out grants and default privileges
  bool no_rows;   // materialised views stay empty
} DbaSchemaWrite;

// SQL that makes the schema in an empty database, in dependency order.  Loading it and reading the catalog gives an equal
// schema.  What is unmodelled is left out.  Roles must exist: dba_schema_roles names them.
char *dba_schema_write(const DbaSchema *schema, const DbaSchemaWrite *options) DBA_CHECKED;
// The same in two parts, so that rows can be loaded between them: tables first, then constraints, indexes, triggers.
void dba_schema_write_parts(const DbaSchema *schema, const DbaSchemaWrite *options, char **ret_before_rows, char **ret_after_rows);
// All roles that owners, grants and policies name; sorted.  Free with g_ptr_array_unref.
GPtrArray *dba_schema_roles(const DbaSchema *schema);

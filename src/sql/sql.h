// SPDX-License-Identifier: Apache-2.0
// PostgreSQL text: split into statements, parsed for facts, quoted.
//
// Splitting follows the rules of psql's lexer (psqlscan.l of PostgreSQL 17): dollar quotes, nested comments, E'' strings,
// BEGIN ATOMIC bodies, COPY data, backslash commands.  Parsing is libpg_query's (the grammar of PostgreSQL 17).
// This is the only folder that includes libpg_query.
#pragma once

#include "base/base.h"

// ---- splitting ------------------------------------------------------------------------------------------------------

enum {
  DBA_SQL_STATEMENT_LIMIT_BYTES = 4 << 20, // a longer statement is an error: the parser needs about 100 times its size
};

typedef enum DbaSqlKind {
  DBA_SQL_STATEMENT, // text without the final semicolon
  DBA_SQL_META,      // a psql command such as \connect, to the end of its line
  DBA_SQL_COPY_DATA, // some bytes of the data after COPY ... FROM STDIN; more than one item may follow each other
  DBA_SQL_COPY_END,  // the end of that data; empty
} DbaSqlKind;

typedef struct DbaSqlItem {
  DbaSqlKind kind;
  const char *text; // valid until the next call, not zero-terminated
  size_t length;
  const char *before; // what stood between the item before and this one: blanks and comments, same life; cut at 64 kB
  size_t before_length;
  DbaPlace place;  // of the first byte of text
  bool terminated; // a semicolon follows (or \g and the like)
} DbaSqlItem;

typedef struct DbaSqlReader DbaSqlReader;

// Reads a file in pieces: memory stays below the statement limit plus 1 MB, whatever the size of the file.
DbaSqlReader *dba_sql_reader_file(const char *path, GError **error) DBA_CHECKED;
// Reads `text`, which must outlive the reader.  `name` stands for the file in messages.
DbaSqlReader *dba_sql_reader_text(const char *name, const char *text, size_t length);
void dba_sql_reader_free(DbaSqlReader *reader);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DbaSqlReader, dba_sql_reader_free)

// A tolerant reader hands on statements that the grammar of PostgreSQL 17 does not know, for a newer server to judge.
void dba_sql_reader_set_tolerant(DbaSqlReader *reader, bool tolerant);
bool dba_sql_reader_is_tolerant(const DbaSqlReader *reader);

// The next item; at the end *ret_end is true and the item untouched.  Fails on an open quote or comment at the end of
// the file, a statement above the limit, a zero byte, a read error; the message has file:line:column and a caret.
bool dba_sql_next(DbaSqlReader *reader, DbaSqlItem *ret_item, bool *ret_end, GError **error) DBA_CHECKED;

// ---- parsing --------------------------------------------------------------------------------------------------------

typedef enum DbaSqlTag {
  DBA_SQL_OTHER,
  DBA_SQL_CREATE_TABLE,
  DBA_SQL_CREATE_INDEX,
  DBA_SQL_CREATE_VIEW,
  DBA_SQL_CREATE_FUNCTION,
  DBA_SQL_CREATE_TYPE,
  DBA_SQL_CREATE_SEQUENCE,
  DBA_SQL_CREATE_TRIGGER,
  DBA_SQL_CREATE_EXTENSION,
  DBA_SQL_CREATE_ROLE,
  DBA_SQL_ALTER_TABLE,
  DBA_SQL_COMMENT,
  DBA_SQL_OWNER, // ALTER ... OWNER TO, and default privileges of a role
  DBA_SQL_GRANT,
  DBA_SQL_TRANSACTION, // BEGIN, COMMIT, ROLLBACK, SAVEPOINT ...; the name is "begin", "commit", "rollback" or "other"
  DBA_SQL_SET,
  DBA_SQL_COPY_FROM_STDIN,
  DBA_SQL_COPY_OTHER,
  DBA_SQL_SELECT,
  DBA_SQL_INSERT,
  DBA_SQL_UPDATE,
  DBA_SQL_DELETE,
  DBA_SQL_MERGE,
  DBA_SQL_DATABASE,   // CREATE, DROP, ALTER DATABASE
  DBA_SQL_DROP_INDEX, // of one index
  DBA_SQL_ROLE,       // ALTER, DROP ROLE
  DBA_SQL_N_TAGS,
} DbaSqlTag;

// What is known of a statement from its text alone.  Names are as PostgreSQL folds them; NULL where there is none.
typedef struct DbaSqlFacts {
  DbaSqlTag tag;
  const char *schema, *name; // the object it is about
  const char *table;         // CREATE INDEX and CREATE TRIGGER: the table; NULL else
  bool concurrently;         // CREATE INDEX, DROP INDEX, REINDEX: without blocking writes
  bool changes_data;         // INSERT, UPDATE, DELETE, MERGE, COPY FROM, also inside WITH
  bool outside_transaction;  // the server refuses it in a transaction block (PreventInTransactionBlock() in PostgreSQL's xact.c)
} DbaSqlFacts;

typedef struct DbaSqlStatement {
  DbaSqlItem item;
  DbaSqlFacts facts;        // of statements only
  const char *syntax_error; // tolerant readers only: what this grammar objects to; facts are empty then
} DbaSqlStatement;

// Called for each item in order; false with *error set stops the reading.
typedef bool (*DbaSqlVisit)(const DbaSqlStatement *statement, void *data, GError **error);

// Splits, parses and visits all items.  Runs on a thread of its own with a stack of 1 GB of address space, since deep
// expressions recurse; `visit` runs on that thread while the caller waits.  A syntax error is reported with its place
// and a caret.  At least 300,000 short statements per CPU second.
bool dba_sql_visit(DbaSqlReader *reader, DbaSqlVisit visit, void *data, GError **error) DBA_CHECKED;

// Parses one statement that is known to be small (ours, or a statement from a workload): NULL error when it is well formed.
bool dba_sql_check(const char *sql, GError **error) DBA_CHECKED;

// Equal for statements that differ in literals, blanks and comments alone.  False: the grammar does not know it.
bool dba_sql_fingerprint(const char *sql, uint64_t *ret_print) DBA_CHECKED;

// Is the text a piece of one statement: no end of statement outside brackets and bodies, nothing left open, no psql command?
bool dba_sql_is_fragment(const char *text) DBA_CHECKED;

// Runs `job(data)` on a thread with a stack of 1 GB of address space and waits: deep expressions recurse.  All that parses does so by itself; whoever
// parses thousands of texts calls it once around them.
bool dba_sql_on_a_large_stack(void *(*job)(void *data), void *data, GError **error) DBA_CHECKED;

// ---- values in statements -------------------------------------------------------------------------------------------

// A column as a statement names it, resolved to its table.
typedef struct DbaSqlColumn {
  const char *schema; // NULL: as the statement left it out
  const char *table, *column;
} DbaSqlColumn;

typedef enum DbaSqlTokenKind { DBA_SQL_A_NUMBER, DBA_SQL_A_STRING, DBA_SQL_A_COMMENT } DbaSqlTokenKind;

// A literal or a comment of a text, in its order.
typedef struct DbaSqlToken {
  DbaSqlTokenKind kind;
  size_t offset, length;    // bytes, with the sign and the quotes
  const char *value;        // without them, escapes resolved
  const char *type;         // what it is cast to, "date"; NULL: nothing
  const DbaSqlColumn *with; // compared with, or assigned to, this column; NULL: nothing that the text alone tells
  bool distance;            // added to or taken from such a value: an interval, a difference
  bool array;               // the text of an array of such values
  bool structural;          // no value: of LIMIT, of a type, a position in ORDER BY or GROUP BY, the name of a sequence or a time zone
  bool predicate;           // the planner looks at it: stands in WHERE, ON, HAVING, a function of FROM, the columns of a subquery
  bool bits;                // B'101', X'1F'
} DbaSqlToken;

// Two columns that a text compares with each other.
typedef struct DbaSqlPair {
  DbaSqlColumn a, b;
} DbaSqlPair;

// A column below a pattern or a function in a predicate.
typedef struct DbaSqlOpaque {
  DbaSqlColumn column;
  const char *what; // "LIKE", "lower()"
} DbaSqlOpaque;

// A parameter, $1.  One that stands in several places is told once for each.
typedef struct DbaSqlParameter {
  int number;
  const DbaSqlColumn *with; // compared with, or assigned to; NULL: not told
  bool inserted;            // goes into a new row
  bool structural;          // of LIMIT or OFFSET
  bool array;               // of = ANY ($1)
} DbaSqlParameter;

typedef struct DbaSqlValues {
  DbaList tokens;     // DbaSqlToken
  DbaList pairs;      // DbaSqlPair
  DbaList opaques;    // DbaSqlOpaque
  DbaList parameters; // DbaSqlParameter
} DbaSqlValues;

// The names of a table's columns in their order, NULL-terminated; NULL for a table that is not known.
typedef const char *const *(*DbaSqlColumnsOf)(void *data, const char *schema, const char *table);

// The literals of one statement and what they are compared with.  All in `arena`.  Fails with DBA_ERROR_INPUT on what the grammar
// does not know.
bool dba_sql_read_values(const char *sql, DbaSqlColumnsOf columns_of, void *data, DbaArena *arena, DbaSqlValues *ret_values,
                         GError **error) DBA_CHECKED;
// The same without parsing: literals and comments alone.
void dba_sql_read_tokens(const char *sql, DbaArena *arena, DbaList *ret_tokens);

// A value of the type that says nothing, for any but texts: the type is named as pg_type.typname or as format_type() has it.  NULL: not
// known.
const char *dba_sql_plain_value(const char *type);
// The elements of the text of an array, in order, nested ones in turn; NULL for NULL.  *ret_inner, or NULL: how many the innermost arrays
// hold, 0 for an array of one dimension.  False when it is no such text, or one of more than two dimensions.
bool dba_sql_read_array(const char *text, DbaArena *arena, DbaList *ret_elements, uint32_t *ret_inner) DBA_CHECKED;
// The text of an array of these elements; `inner` of them to an inner array, 0: of one dimension.
char *dba_sql_write_array(const DbaList *elements, uint32_t inner) DBA_CHECKED;

// ---- what statements do to tables -----------------------------------------------------------------------------------

// Table-level locks, from the weakest to the strongest, numbered as the server does (lockdefs.h).
typedef enum DbaLockMode {
  DBA_LOCK_NONE,
  DBA_LOCK_ACCESS_SHARE,
  DBA_LOCK_ROW_SHARE,
  DBA_LOCK_ROW_EXCLUSIVE,
  DBA_LOCK_SHARE_UPDATE_EXCLUSIVE,
  DBA_LOCK_SHARE,
  DBA_LOCK_SHARE_ROW_EXCLUSIVE,
  DBA_LOCK_EXCLUSIVE,
  DBA_LOCK_ACCESS_EXCLUSIVE,
} DbaLockMode;
const char *dba_lock_name(DbaLockMode mode);   // "ACCESS EXCLUSIVE"
const char *dba_lock_blocks(DbaLockMode mode); // "reads and writes", "writes", "nothing but other schema changes and vacuum", "nothing"
bool dba_lock_conflicts(DbaLockMode a, DbaLockMode b);                    // one waits for the other
bool dba_lock_parse(const char *mode, DbaLockMode *ret_mode) DBA_CHECKED; // as pg_locks.mode has it

// One table's part in a statement.
typedef struct DbaSqlEffect {
  const char *schema, *table;
  DbaLockMode lock;
  bool scans, rewrites; // all of it is read, is written anew
  bool young;           // it was made since dba_sql_world_begin: nobody waits for it
  const char *because;  // "REFERENCES", "partition" ...; NULL: it is what the statement names
} DbaSqlEffect;

// Values that a statement throws away, by DROP, TRUNCATE or DELETE, or writes over, by UPDATE, ON CONFLICT, MERGE, or a USING that computes.
// What fills NULLs only (WHERE column IS NULL, coalesce(column, ...)) writes nothing over; whether a cast loses something hangs on the types that are there.
typedef enum DbaSqlDestroyedKind {
  DBA_SQL_DESTROYED_TABLE,
  DBA_SQL_DESTROYED_TYPE,      // `table` names a type or domain: columns of it go, by CASCADE
  DBA_SQL_DESTROYED_EXTENSION, // or an extension
} DbaSqlDestroyedKind;
typedef struct DbaSqlDestroyed {
  DbaSqlDestroyedKind kind;
  const char *schema, *table, *column; // no schema: as names are looked up; no table: the whole schema; no column: the whole table
  bool referring;                      // what refers to it goes too: TRUNCATE ... CASCADE
  bool overwritten;                    // other values take their place
} DbaSqlDestroyed;

// ALTER ... RENAME TO: what was called otherwise before.
typedef struct DbaSqlRenamed {
  const char *table, *from, *to; // table: of a column; NULL: a table was renamed
} DbaSqlRenamed;

typedef struct DbaSqlVerdict {
  DbaList effects;   // DbaSqlEffect
  DbaList destroyed; // DbaSqlDestroyed
  DbaList renamed;   // DbaSqlRenamed
  const char *form;  // what it is: "create-index", "set-not-null"; a constant; NULL: nothing that this looks at
  bool retypes;      // it changes the type of a column
  bool moves;        // it gives tables to another schema, or a schema another name
  bool opaque;       // it calls code: what that does is not told
  bool all_rows;     // UPDATE or DELETE without WHERE
} DbaSqlVerdict;

// What is known of a schema by reading the statements that make it: enough to tell which tables a statement locks, reads and rewrites.
typedef struct DbaSqlWorld DbaSqlWorld;
DbaSqlWorld *dba_sql_world_new(void);
void dba_sql_world_free(DbaSqlWorld *world);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DbaSqlWorld, dba_sql_world_free)
// What is made from here on is young.
void dba_sql_world_begin(DbaSqlWorld *world);
// What the statement does to the world as it is; then the world is what it leaves.  Lists and texts in `arena`; what the grammar does not know does
// nothing.
bool dba_sql_world_read(DbaSqlWorld *world, const char *sql, DbaArena *arena, DbaSqlVerdict *ret_verdict, GError **error) DBA_CHECKED;

// ---- the same without waiting ---------------------------------------------------------------------------------------

typedef struct DbaSqlStep {
  const char *sql; // statements, each ended by ";\n"; or a comment that dbarch runs
  bool outside;    // of a transaction
} DbaSqlStep;
// A statement that makes others wait, as steps that do not, each a migration of its own: DbaSqlStep, in `arena`.  False: no such way is known, or
// not for a statement of that shape.  The schema that comes of it is the same.  Pieces of the text are taken over as they are.
bool dba_sql_safe_steps(const char *sql, DbaArena *arena, DbaList *ret_steps);
// The columns that one UPDATE assigns, as texts.  False: it is none.  *ret_by_itself: each row's new values come of that row alone, as far as the text tells:
// no subquery, no function but well-known ones; then batches do what one statement does.
bool dba_sql_read_update(const char *sql, DbaArena *arena, DbaList *ret_columns, bool *ret_by_itself);

// ---- quoting --------------------------------------------------------------------------------------------------------

// Appends the identifier, quoted where PostgreSQL 17 needs it (reserved words, capitals, odd characters).
void dba_sql_append_identifier(GString *sql, const char *name);
// schema.name; just the name when schema is NULL.
void dba_sql_append_name(GString *sql, const char *schema, const char *name);
char *dba_sql_name(const char *schema, const char *name) DBA_CHECKED;
// A string literal, with E'' only where a backslash stands in it.
void dba_sql_append_literal(GString *sql, const char *text);

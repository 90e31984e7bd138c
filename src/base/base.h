// SPDX-License-Identifier: Apache-2.0
// Ground under every other folder: errors, arenas, text, records, JSON, files, processes.
//
// What GLib has is used as it is (GString, GHashTable, GPtrArray, g_file_get_contents ...); here stands only what it
// lacks.  Nothing in this folder prints, exits or reads the environment.
#pragma once

#include <glib.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define DBA_CHECKED __attribute__((warn_unused_result))
#define DBA_PRINTF(format_at, args_at) __attribute__((format(printf, format_at, args_at)))

// ---- errors ---------------------------------------------------------------------------------------------------------

// The code of an error decides the exit code of the program (the table stands in cli/main.c and in dbarch(1)).
typedef enum DbaErrorCode {
  DBA_ERROR_USAGE,       // a word of the command line or a key of dbarch.yaml is wrong
  DBA_ERROR_INPUT,       // a file is unreadable or wrong; the message starts with file:line:column
  DBA_ERROR_CONNECT,     // a server cannot be reached, refuses us, or went away
  DBA_ERROR_DATABASE,    // a server answered a statement with an error; `dba_error_sqlstate` tells which
  DBA_ERROR_LAB,         // the private server cannot be had or failed
  DBA_ERROR_REFUSED,     // an iron law, or a proof that failed
  DBA_ERROR_INTERRUPTED, // Ctrl-C
  DBA_ERROR_BUG,         // ours
} DbaErrorCode;

GQuark dba_error_quark(void);
#define DBA_ERROR (dba_error_quark())

// Sets *error and returns false, so that a failing function ends with `return dba_fail(error, CODE, ...)`.
bool dba_fail(GError **error, DbaErrorCode code, const char *format, ...) DBA_PRINTF(3, 4);

// A flag that a signal handler sets to the signal's number and long work looks at.  NULL never interrupts.
typedef const volatile sig_atomic_t DbaInterrupt;

// ---- arenas ---------------------------------------------------------------------------------------------------------

// Memory that dies at once.  A document (schema, survey, findings) owns one; everything in the document lies in it.
// Not for use from two threads at a time.
typedef struct DbaArena DbaArena;

DbaArena *dba_arena_new(void);
void dba_arena_free(DbaArena *arena);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DbaArena, dba_arena_free)

// Zeroed, aligned for any type.
void *dba_arena_alloc(DbaArena *arena, size_t size_bytes);
#define dba_arena_new0(arena, type) ((type *)dba_arena_alloc((arena), sizeof(type)))
// NULL gives NULL.
const char *dba_arena_text(DbaArena *arena, const char *text);
const char *dba_arena_text_n(DbaArena *arena, const char *text, size_t length);
const char *dba_arena_format(DbaArena *arena, const char *format, ...) DBA_PRINTF(2, 3);
size_t dba_arena_bytes(const DbaArena *arena);

// ---- records: one table of fields serves reading, writing, comparing ------------------------------------------------

// A document is made of C structs whose fields are described by a constant table.  Catalog rows, JSON and comparison
// all go through that table, so a new field is one member, one row here and one column in a query.
typedef enum DbaFieldKind {
  DBA_FIELD_BOOL,    // bool
  DBA_FIELD_INT,     // int64_t
  DBA_FIELD_REAL,    // double
  DBA_FIELD_TEXT,    // const char *, may be NULL
  DBA_FIELD_TEXTS,   // DbaList of const char *
  DBA_FIELD_INTS,    // DbaList of int64_t
  DBA_FIELD_RECORDS, // DbaList of the structs that `of` describes
  DBA_FIELD_RECORD,  // such a struct, embedded
} DbaFieldKind;

enum {
  DBA_FIELD_NAMES = 1 << 0,      // part of what identifies the record among its siblings
  DBA_FIELD_INTERNAL = 1 << 1,   // lives in memory only: neither in JSON nor compared (object ids of one server)
  DBA_FIELD_UNCOMPARED = 1 << 2, // in JSON, but two equal things may differ in it (position, size)
  DBA_FIELD_VALUE = 1 << 3,      // a production value: left out of a survey unless values are asked for
};

typedef struct DbaList {
  void *items;
  uint32_t n, room;
} DbaList;

typedef struct DbaRecord DbaRecord;
typedef struct DbaField {
  const char *name;
  DbaFieldKind kind;
  unsigned flags;
  size_t offset;
  const DbaRecord *of;
} DbaField;
struct DbaRecord {
  const char *name;
  size_t size;
  const DbaField *fields; // ends with a NULL name
};

#define DBA_FIELD(type, member, kind, flags) {#member, DBA_FIELD_##kind, (flags), offsetof(type, member), NULL}
#define DBA_FIELD_OF(type, member, record, flags) {#member, DBA_FIELD_RECORDS, (flags), offsetof(type, member), &(record)}

#define DBA_FIELD_IN(type, member, record, flags) {#member, DBA_FIELD_RECORD, (flags), offsetof(type, member), &(record)}

// for (DBA_EACH(DbaColumn, column, &table->columns)) ...
#define DBA_EACH(type, var, list)                                                                                                          \
  type *var = (list)->items, *var##_end = var ? var + (list)->n : NULL;                                                                    \
  var != var##_end;                                                                                                                        \
  var++

// The same over a list of texts: `var` is a const char **.
#define DBA_EACH_TEXT(var, list)                                                                                                           \
  const char **var = (list)->items, **var##_end = var ? var + (list)->n : NULL;                                                            \
  var != var##_end;                                                                                                                        \
  var++

// Appends one zeroed item.  Earlier pointers into the list go stale when it grows: reserve first where they are kept.
void *dba_list_add(DbaArena *arena, DbaList *list, size_t item_size);
void dba_list_reserve(DbaArena *arena, DbaList *list, size_t item_size, uint32_t room);
void dba_list_add_text(DbaArena *arena, DbaList *list, const char *text);
void dba_list_add_int(DbaArena *arena, DbaList *list, int64_t value);
bool dba_list_has_text(const DbaList *list, const char *text);
bool dba_list_has_int(const DbaList *list, int64_t value);
#define dba_list_text(list, i) (((const char **)(list)->items)[i])
#define dba_list_int(list, i) (((int64_t *)(list)->items)[i])
#define dba_list_at(type, list, i) (&((type *)(list)->items)[i])

// The field of that name, or NULL.
const DbaField *dba_record_field(const DbaRecord *record, const char *name);

// The differences of two records, one line each ("columns.email.type: text -> citext"), appended to `differences`.
// Lists of records are matched by their naming fields.  Returns how many there were.
unsigned dba_record_compare(const DbaRecord *record, const void *a, const void *b, const char *path, GPtrArray *differences);

// ---- JSON -----------------------------------------------------------------------------------------------------------

// Fields at their zero value are left out; reading restores them.  `omit_flags`: fields with any of these are left out.
typedef struct DbaJson DbaJson; // a document being written
DbaJson *dba_json_new(void);
void dba_json_free(DbaJson *json);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DbaJson, dba_json_free)
// The members of one record, as an object, under `key` of the top object (NULL: they are the top object).
void dba_json_put(DbaJson *json, const char *key, const DbaRecord *record, const void *item, unsigned omit_flags);
void dba_json_put_list(DbaJson *json, const char *key, const DbaRecord *record, const DbaList *list, unsigned omit_flags);
void dba_json_put_text(DbaJson *json, const char *key, const char *value);
void dba_json_put_int(DbaJson *json, const char *key, int64_t value);
// Pretty-printed, newline at the end.
char *dba_json_text(const DbaJson *json) DBA_CHECKED;

// Appends the text as a JSON string, quotes included; NULL as null.
void dba_json_append_quoted(GString *out, const char *text);

// Reads `text` into *item, allocating from `arena`.  Unknown keys, wrong kinds and broken JSON are errors that name
// file, line and column or the path of the key.  `name` stands for the file in messages.
bool dba_json_read(DbaArena *arena, const char *name, const char *text, size_t length, const DbaRecord *record, void *item,
                   GError **error) DBA_CHECKED;
// Some texts of an object that may hold anything else, such as a line of a log: NULL where there is no such text.  `line` stands in messages.
bool dba_json_read_texts(DbaArena *arena, const char *name, uint32_t line, const char *text, size_t length, const char *const *keys,
                         const char **ret_values, GError **error) DBA_CHECKED;

// The same of YAML: mappings, lists and scalars.  An INTERNAL member "line" (int64_t) of a record gets the line at which its mapping begins; text
// of nothing but comments leaves *item as it is.
bool dba_yaml_read(DbaArena *arena, const char *name, const char *text, size_t length, const DbaRecord *record, void *item,
                   GError **error) DBA_CHECKED;

// ---- text -----------------------------------------------------------------------------------------------------------

// The candidate nearest to `word`, or NULL when none is near (Damerau-Levenshtein, at most a third of the length).
const char *dba_text_nearest(const char *word, const char *const *candidates);

// A place in a text: both count from 1; columns count characters.
typedef struct DbaPlace {
  const char *file;
  uint32_t line, column;
  size_t offset, length; // bytes
} DbaPlace;
void dba_text_locate(const char *text, size_t length, size_t offset, uint32_t *ret_line, uint32_t *ret_column);
// "file:line:column: message", the line and a caret beneath.  Long lines are cut around the column.
char *dba_text_caret(const char *file, const char *text, size_t length, size_t offset, const char *message) DBA_CHECKED;

// The same for a piece of a file that starts at `start_line` and `start_column`.
char *dba_text_caret_within(const char *file, uint32_t start_line, uint32_t start_column, const char *text, size_t length, size_t offset,
                            const char *message) DBA_CHECKED;
// The byte offset of the character at `position`, which counts from 1, as servers and parsers tell it.
size_t dba_text_character_offset(const char *text, size_t length, int position);

char *dba_text_bytes(int64_t bytes) DBA_CHECKED;   // "41 GB", "8 kB"
char *dba_text_count(double count) DBA_CHECKED;    // "3.1 M", "200"
char *dba_text_duration(double ms) DBA_CHECKED;    // "0.2 ms", "4 min 10 s"
char *dba_text_html(const char *text) DBA_CHECKED; // &, <, >, quotes and control characters escaped
// Replaces control characters (other than newline when `keep_lines`) so that foreign text cannot drive a terminal.
char *dba_text_printable(const char *text, bool keep_lines) DBA_CHECKED;
// The same with each run of blanks and line breaks as one blank.
char *dba_text_one_line(const char *text) DBA_CHECKED;
// Hides the password of a connection string, URI or keyword form.
char *dba_text_hide_password(const char *conninfo) DBA_CHECKED;
// "120", "90s", "500ms", "5m", "1h" or "30d" in seconds; negative when it is none of these.
double dba_text_read_seconds(const char *text);
// "500MB", "5 GB", "1TB" or bytes; negative when it is none of these.
int64_t dba_text_read_bytes(const char *text);
void dba_text_append_wrapped(GString *out, const char *text, unsigned width, unsigned indent);

// ---- files ----------------------------------------------------------------------------------------------------------

// What starts as gzip does is expanded, to at most 1 GB.
bool dba_file_read(const char *path, char **ret_text, size_t *ret_length, GError **error) DBA_CHECKED;
// Through a temporary file beside it and a rename, so that nobody sees a half of it; folders above are made.  What is no regular file
// is written to as it is.
bool dba_file_write(const char *path, const char *text, size_t length, GError **error) DBA_CHECKED;
bool dba_file_make_folder(const char *path, unsigned mode, GError **error) DBA_CHECKED;
// Removes a folder and all below it; never follows a link.  A folder that is not there is no error.
bool dba_file_remove_tree(const char *path, GError **error);
// Copies a folder (hard data, no links followed), giving everything to `uid`:`gid`.
bool dba_file_copy_tree(const char *from, const char *to, uid_t uid, gid_t gid, GError **error) DBA_CHECKED;
int64_t dba_file_tree_bytes(const char *path);
// Asks the file system to place the folders that are made in this one apart (chattr(1), +T; ext4), where it knows how.  Inodes that were
// just freed are passed over one by one when files are made beside them (recently_deleted() in ext4's ialloc.c): a thousand files removed and a
// thousand made cost a second.
void dba_file_spread_folders(const char *path);

// gzip.  The same text gives the same bytes; free with g_free.
bool dba_gzip_is(const char *bytes, size_t length);
char *dba_gzip(const char *text, size_t length, size_t *ret_length) DBA_CHECKED;
// `name` stands for the file in messages.
bool dba_gzip_expand(const char *name, const char *bytes, size_t length, size_t limit, char **ret_text, size_t *ret_length,
                     GError **error) DBA_CHECKED;

// ---- processes ------------------------------------------------------------------------------------------------------

typedef struct DbaSpawn {
  const char *const *argv; // argv[0] is the path of the program
  const char *const *env;  // the whole environment, NULL-terminated; NULL: a minimal one (PATH, LANG=C.UTF-8)
  uid_t uid;               // who runs it; differs from ours only when we are root
  gid_t gid;
  const char *output_file; // stdout and stderr go there (append); NULL: /dev/null
  const char *folder;      // working folder; NULL: "/"
  bool dies_with_us;       // the kernel sends it SIGQUIT when our thread ends, however it ends
  int nice;                // at least this; a nicer parent stays as it is
} DbaSpawn;

bool dba_process_start(const DbaSpawn *spawn, pid_t *ret_pid, GError **error) DBA_CHECKED;
// Starts, waits, returns the wait status.
bool dba_process_run(const DbaSpawn *spawn, int *ret_status, GError **error) DBA_CHECKED;
double dba_process_cpu_seconds(void);

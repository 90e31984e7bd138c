// SPDX-License-Identifier: Apache-2.0
// Loading a subject's SQL into a database of the lab, as a role without power.
//
// What needs power and is harmless is done by dbarch itself: extensions on the allow list, roles without rights.  What is
// left out is noted (psql commands, other databases), what is refused is an error that names the statement.
#include "lab/lab-int.h"

#include "sql/sql.h"

#include "lab-sql.h"

#include <stdlib.h>
#include <string.h>

DbaLoad *dba_load_new(void) {
  DbaLoad *load = g_new0(DbaLoad, 1);
  load->notes = g_ptr_array_new();
  load->sources = g_array_new(FALSE, FALSE, sizeof(DbaSource));
  load->suppressions = g_array_new(FALSE, FALSE, sizeof(DbaSuppression));
  load->arena = dba_arena_new();
  load->files = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  return load;
}

void dba_load_free(DbaLoad *load) {
  if (!load)
    return;
  g_ptr_array_unref(load->notes);
  g_array_unref(load->sources);
  g_array_unref(load->suppressions);
  g_hash_table_unref(load->files);
  dba_arena_free(load->arena);
  g_free(load);
}

void dba_load_note(DbaLoad *load, const char *file, uint32_t line, const char *text) {
  DbaLoadNote *note = dba_arena_new0(load->arena, DbaLoadNote);
  *note = (DbaLoadNote){dba_arena_text(load->arena, file), line, dba_arena_text(load->arena, text)};
  g_ptr_array_add(load->notes, note);
}

struct DbaLabSession {
  const DbaLab *lab;
  const char *database;
  DbaServer *server; // the subject's session
  DbaLoad *load;
  GString *sql;
  const char *root; // the folder below which files may be included; NULL: none may
  unsigned depth;
  uint32_t copy_line; // of the first row of the COPY under way
  bool again;         // a file may be included more than once, as with psql
  bool lenient, copying, copy_line_known, skipping_copy, in_transaction;
};
typedef struct DbaLabSession Loader;

static void note(Loader *loader, const DbaPlace *place, const char *format, ...) DBA_PRINTF(3, 4);
static void note(Loader *loader, const DbaPlace *place, const char *format, ...) {
  va_list args;
  va_start(args, format);
  g_autofree char *text = g_strdup_vprintf(format, args);
  va_end(args);
  dba_load_note(loader->load, place->file, place->line, text);
}

// CREATE EXTENSION with power, into the schema that the subject's session would have taken.
static bool create_extension(Loader *loader, const char *sql, GError **error) {
  g_autoptr(DbaResult) schema = dba_server_query(loader->server, dba_embedded_lab_sql("current_schema"), NULL, error);
  g_autoptr(DbaServer) server = schema ? dba_lab_connect(loader->lab, DBA_LAB_SUPERUSER, loader->database, error) : NULL;
  if (!server)
    return false;
  const char *parameters[] = {dba_result_text(schema, 0, 0) ? dba_result_text(schema, 0, 0) : "", NULL};
  g_autoptr(DbaResult) set = dba_server_query(server, dba_embedded_lab_sql("extension_session"), parameters, error);
  if (!set || !dba_server_exec(server, sql, error))
    return false;
  g_autoptr(DbaResult) given = dba_server_query(server, dba_embedded_lab_sql("give_extensions"), NULL, error);
  return given != NULL;
}

// A role that the subject names: NOLOGIN, no rights; the subject role becomes a member so that it can give things to it.
static bool create_role(Loader *loader, const char *name, GError **error) {
  if (!strcmp(name, DBA_LAB_SUPERUSER) || !strcmp(name, DBA_LAB_SUBJECT_ROLE) || g_str_has_prefix(name, "pg_"))
    return dba_fail(error, DBA_ERROR_REFUSED, "role \"%s\" is not the subject's to make", name);
  const char *parameters[] = {name, NULL};
  g_autofree char *quoted = dba_sql_name(NULL, name);
  g_autofree char *create = g_strdup_printf("create role %s nologin", quoted),
                  *grant = g_strdup_printf("grant %s to %s", quoted, DBA_LAB_SUBJECT_ROLE);
  g_autoptr(DbaServer) server = dba_lab_connect(loader->lab, DBA_LAB_SUPERUSER, loader->database, error);
  g_autoptr(DbaResult) there = server ? dba_server_query(server, dba_embedded_lab_sql("role_exists"), parameters, error) : NULL;
  if (!there)
    return false;
  return dba_result_rows(there) > 0 || (dba_server_exec(server, create, error) && dba_server_exec(server, grant, error));
}

bool dba_lab_create_roles(const DbaLab *lab, const DbaSchema *schema, GError **error) {
  Loader loader = {.lab = lab, .database = "postgres"};
  g_autoptr(GPtrArray) roles = dba_schema_roles(schema);
  for (guint i = 0; i < roles->len; i++)
    if (strcmp(roles->pdata[i], DBA_LAB_SUPERUSER) && strcmp(roles->pdata[i], DBA_LAB_SUBJECT_ROLE) &&
        !g_str_has_prefix(roles->pdata[i], "pg_") && !create_role(&loader, roles->pdata[i], error))
      return false;
  return true;
}

bool dba_lab_invalidate_indexes(const DbaLab *lab, const char *database, const DbaSchema *schema, GError **error) {
  g_autoptr(DbaServer) server = NULL;
  for (DBA_EACH(DbaRelation, relation, &schema->relations))
    for (DBA_EACH(DbaIndex, index, &relation->indexes)) {
      if (!index->invalid || index->on_partitioned) // an index on a partitioned table is invalid while a partition lacks its part
        continue;
      if (!server && !(server = dba_lab_connect(lab, DBA_LAB_SUPERUSER, database, error)))
        return false;
      const char *parameters[] = {relation->schema, index->name, index->not_ready ? "false" : "true", NULL};
      g_autoptr(DbaResult) done = dba_server_query(server, dba_embedded_lab_sql("invalidate_index"), parameters, error);
      if (!done)
        return false;
    }
  return true;
}

// The name in: role "app" does not exist.  It may itself hold quotes.
static char *missing_role(const char *message) {
  static const char before[] = "role \"", after[] = "\" does not exist";
  const char *begin = strstr(message, before), *end = begin ? g_strrstr(begin, after) : NULL;
  return end ? g_strndup(begin + strlen(before), (gsize)(end - begin) - strlen(before)) : NULL;
}

static bool fail_statement(const DbaSqlItem *item, const char *message, int position, GError **error) {
  size_t offset = dba_text_character_offset(item->text, item->length, position);
  g_autofree char *caret =
      dba_text_caret_within(item->place.file, item->place.line, item->place.column, item->text, item->length, offset, message);
  return dba_fail(error, DBA_ERROR_INPUT, "%s", caret);
}

static void remember_source(Loader *loader, const DbaSqlStatement *statement) {
  const DbaSqlFacts *facts = &statement->facts;
  if (facts->tag < DBA_SQL_CREATE_TABLE || facts->tag > DBA_SQL_CREATE_TRIGGER || !facts->name)
    return;
  DbaArena *arena = loader->load->arena;
  DbaSource source = {dba_arena_text(arena, facts->schema), dba_arena_text(arena, facts->name),
                      dba_arena_text(arena, statement->item.place.file), statement->item.place.line, statement->item.place.column};
  g_array_append_val(loader->load->sources, source);
}

// create_role, with the place of the statement in its refusal.
static bool make_role(Loader *loader, const DbaSqlStatement *statement, const char *name, GError **error) {
  g_autoptr(GError) problem = NULL;
  if (create_role(loader, name, &problem))
    return true;
  if (problem->code == DBA_ERROR_REFUSED || problem->code == DBA_ERROR_DATABASE)
    return fail_statement(&statement->item, problem->message, 0, error);
  g_propagate_error(error, g_steal_pointer(&problem));
  return false;
}

// Inside a transaction the subject makes a trusted extension itself: another session would not see a schema that it has
// just made.  False: it could not, and nothing is changed.
static bool make_own_extension(Loader *loader) {
  g_autoptr(GError) ignored = NULL;
  if (!loader->in_transaction || !dba_server_exec(loader->server, "savepoint dbarch_load", &ignored))
    return false;
  bool ok = dba_server_exec(loader->server, loader->sql->str, &ignored);
  g_clear_error(&ignored);
  if (!dba_server_exec(loader->server, ok ? "release savepoint dbarch_load" : "rollback to savepoint dbarch_load", &ignored))
    return false;
  return ok;
}

// 1 done, 0 not ours: send it, -1 failed.
static int special(Loader *loader, const DbaSqlStatement *statement, GError **error) {
  const DbaSqlFacts *facts = &statement->facts;
  const DbaPlace *place = &statement->item.place;
  switch (facts->tag) {
  case DBA_SQL_CREATE_EXTENSION:
    if (!dba_lab_extension_allowed(facts->name)) {
      g_autofree char *message =
          g_strdup_printf("extension \"%s\" is refused: it is not among those a subject may have in the lab", facts->name);
      fail_statement(&statement->item, message, 0, error);
      return -1;
    }
    if (make_own_extension(loader))
      return 1;
    if (!create_extension(loader, loader->sql->str, error)) {
      g_autofree char *message = error && *error ? g_strdup((*error)->message) : g_strdup("failed");
      if (strstr(message, "already exists")) {
        g_clear_error(error);
        return 1;
      }
      if (error && g_error_matches(*error, DBA_ERROR, DBA_ERROR_DATABASE)) {
        g_clear_error(error);
        fail_statement(&statement->item, message, 0, error);
      }
      return -1;
    }
    return 1;
  case DBA_SQL_CREATE_ROLE:
    if (!facts->name || !make_role(loader, statement, facts->name, error))
      return -1;
    note(loader, place, "role \"%s\" is made without login and rights", facts->name);
    return 1;
  case DBA_SQL_DATABASE: note(loader, place, "a statement about databases is left out: everything is loaded into one"); return 1;
  case DBA_SQL_ROLE: note(loader, place, "a change or removal of a role is left out: roles are shared by all databases"); return 1;
  default: return 0;
  }
}

// SQLSTATEs that a script for another server or another owner meets, and what dbarch does about them.
static int recover(Loader *loader, const DbaSqlStatement *statement, const GError *problem, GError **error) {
  const char *state = dba_server_sqlstate(loader->server);
  const DbaPlace *place = &statement->item.place;
  if (!strcmp(state, "42704") && strstr(problem->message, "role \"")) {
    g_autofree char *role = missing_role(problem->message);
    if (!role || !make_role(loader, statement, role, error))
      return -1;
    note(loader, place, "role \"%s\" does not exist here: made without login and rights", role);
    return 1;
  }
  if (!strcmp(state, "42704") && statement->facts.tag == DBA_SQL_SET) {
    note(loader, place, "this server has no setting \"%s\": left out", statement->facts.name);
    return 0;
  }
  if (!strcmp(state, "42501") && statement->facts.tag == DBA_SQL_COMMENT) {
    note(loader, place, "a comment on an object that is not the subject's is left out");
    return 0;
  }
  if (!strcmp(state, "42501") && statement->facts.tag == DBA_SQL_OWNER) {
    note(loader, place, "an owner is left out: %s", problem->message);
    return 0;
  }
  if (loader->lenient) {
    g_autofree char *text = g_strndup(statement->item.text, MIN(statement->item.length, 70)), *shown = dba_text_printable(text, false);
    note(loader, place, "%s: left out: %s%s", problem->message, shown, statement->item.length > 70 ? " ..." : "");
    return 0;
  }
  g_autofree char *message =
      !strcmp(state, "42501") ? g_strdup_printf("refused in the lab: %s", problem->message) : g_strdup(problem->message);
  fail_statement(&statement->item, message, dba_server_error_position(loader->server), error);
  return -1;
}

static bool run_statement(Loader *loader, const DbaSqlStatement *statement, GError **error) {
  g_string_truncate(loader->sql, 0);
  g_string_append_len(loader->sql, statement->item.text, (gssize)statement->item.length);
  int done = special(loader, statement, error);
  if (done)
    return done > 0;
  // What may fail for a harmless reason must not take an open transaction with it.
  bool guarded = loader->in_transaction && (statement->facts.tag == DBA_SQL_OWNER || statement->facts.tag == DBA_SQL_GRANT ||
                                            statement->facts.tag == DBA_SQL_SET || statement->facts.tag == DBA_SQL_COMMENT);
  for (int attempt = 0;; attempt++) {
    g_autoptr(GError) problem = NULL;
    if (guarded && attempt > 0 && !dba_server_exec(loader->server, dba_embedded_lab_sql("look_at_roles"), error))
      return false;
    if (guarded && !dba_server_exec(loader->server, "savepoint dbarch_load", error))
      return false;
    bool copy = statement->facts.tag == DBA_SQL_COPY_FROM_STDIN;
    bool ok = copy ? dba_server_copy_begin(loader->server, loader->sql->str, &problem)
                   : dba_server_exec(loader->server, loader->sql->str, &problem);
    if (ok && guarded && !dba_server_exec(loader->server, "release savepoint dbarch_load", error))
      return false;
    if (ok) {
      loader->in_transaction = dba_server_in_transaction(loader->server);
      loader->copying = copy;
      loader->load->inserted += statement->facts.changes_data;
      remember_source(loader, statement);
      return true;
    }
    if (!g_error_matches(problem, DBA_ERROR, DBA_ERROR_DATABASE)) {
      g_propagate_error(error, g_steal_pointer(&problem));
      return false;
    }
    if (guarded) {
      g_autoptr(GError) lost = NULL;
      g_autofree char *state = g_strdup(dba_server_sqlstate(loader->server));
      if (!dba_server_exec(loader->server, "rollback to savepoint dbarch_load", &lost))
        return g_propagate_error(error, g_steal_pointer(&lost)), false;
      dba_server_set_sqlstate(loader->server, state);
    }
    int again = attempt < 8 ? recover(loader, statement, problem, error) : -1;
    if (again < 0) {
      if (error && !*error)
        g_propagate_error(error, g_steal_pointer(&problem));
      return false;
    }
    if (!again) {
      loader->skipping_copy = copy;
      return true;
    }
  }
}

static bool run_file(Loader *loader, const char *path, GError **error);

// \i FILE and \ir FILE: a file below the folder of the one that was named; a subject does not choose what we read.
static bool include(Loader *loader, const DbaSqlItem *item, const char *argument, GError **error) {
  enum { DEEPEST = 8 };
  g_autofree char *here = g_path_get_dirname(item->place.file), *name = g_strdup(argument);
  size_t length = strlen(name);
  if (length > 1 && *name == '\'' && name[length - 1] == '\'') {
    name[length - 1] = '\0';
    memmove(name, name + 1, length - 1);
  }
  g_autofree char *joined = g_build_filename(here, name, NULL), *path = realpath(joined, NULL), *root = realpath(loader->root, NULL);
  if (!*name || !path || !root)
    return fail_statement(item, "the file that this includes is not there", 0, error);
  size_t below = strlen(root);
  if (strncmp(path, root, below) || path[below] != '/')
    return fail_statement(item, "a file outside the subject's own folder is not read", 0, error);
  if (loader->depth == DEEPEST)
    return fail_statement(item, "files include each other more than 8 deep", 0, error);
  loader->depth++;
  bool ok = run_file(loader, joined, error);
  loader->depth--;
  return ok;
}

// psql's own commands: files are included, pg_dump's guard is passed over, conditions are refused since both branches would
// run; the rest is left out and noted.
static bool run_meta(Loader *loader, const DbaSqlItem *item, GError **error) {
  g_autofree char *text = g_strndup(item->text, item->length);
  char *command = g_strchomp(text), *argument = command + strcspn(command, " \t");
  if (*argument) {
    *argument++ = '\0';
    argument = g_strstrip(argument);
  }
  static const char *const guards[] = {"\\restrict", "\\unrestrict", NULL},
                           *const includes[] = {"\\i", "\\ir", "\\include", "\\include_relative", NULL},
                           *const conditions[] = {"\\if", "\\elif", "\\else", "\\endif", NULL};
  if (g_strv_contains(guards, command))
    return true;
  if (g_strv_contains(includes, command) && loader->root)
    return include(loader, item, argument, error);
  if (g_strv_contains(conditions, command))
    return fail_statement(item, "psql's conditions are not evaluated (hint: let psql or a script choose, and name the result)", 0, error);
  note(loader, &item->place, "psql command %s is left out", command);
  return true;
}

static bool visit(const DbaSqlStatement *statement, void *data, GError **error) {
  Loader *loader = data;
  const DbaSqlItem *item = &statement->item;
  if (item->before_length && memmem(item->before, item->before_length, "dbarch:", strlen("dbarch:"))) {
    const DbaSqlFacts *facts = &statement->facts;
    const char *table = facts->table ? facts->table : facts->name;
    g_autofree char *object = !table ? NULL : facts->schema ? g_strdup_printf("%s.%s", facts->schema, table) : g_strdup(table);
    dba_suppressions_read_comment(loader->load->arena, loader->load->suppressions, item->before, item->before_length, object,
                                  item->place.file, item->place.line);
  }
  switch (item->kind) {
  case DBA_SQL_STATEMENT: loader->load->statements++; return run_statement(loader, statement, error);
  case DBA_SQL_META: return run_meta(loader, item, error);
  case DBA_SQL_COPY_DATA:
    if (!loader->copy_line_known) {
      loader->copy_line = item->place.line;
      loader->copy_line_known = true;
    }
    loader->load->copied_bytes += item->length;
    return loader->skipping_copy || !loader->copying || dba_server_copy_data(loader->server, item->text, item->length, error);
  case DBA_SQL_COPY_END: {
    g_autoptr(GError) problem = NULL;
    bool ok = loader->skipping_copy || !loader->copying || dba_server_copy_end(loader->server, &problem);
    loader->copying = loader->skipping_copy = loader->copy_line_known = false;
    if (ok)
      return true;
    if (!g_error_matches(problem, DBA_ERROR, DBA_ERROR_DATABASE)) {
      g_propagate_error(error, g_steal_pointer(&problem));
      return false;
    }
    unsigned row = dba_server_copy_line(loader->server); // 1: the first line of the data; it follows the statement's
    return dba_fail(error, DBA_ERROR_INPUT, "%s:%u:1: COPY: %s", item->place.file, row ? loader->copy_line + row - 1 : item->place.line,
                    problem->message);
  }
  }
  return true;
}

static bool run(Loader *loader, DbaSqlReader *reader, GError **error) {
  dba_sql_reader_set_tolerant(reader, dba_lab_binaries(loader->lab)->major > 17);
  return dba_sql_visit(reader, visit, loader, error);
}

static bool run_file(Loader *loader, const char *path, GError **error) {
  char *real = realpath(path, NULL);
  if (real && !g_hash_table_add(loader->load->files, real) && !loader->again)
    return true;
  g_autoptr(GString) outer = loader->sql;
  g_autoptr(DbaSqlReader) reader = dba_sql_reader_file(path, error);
  loader->sql = g_string_new(NULL);
  bool ok = reader && run(loader, reader, error);
  g_string_free(loader->sql, TRUE);
  loader->sql = g_steal_pointer(&outer);
  return ok;
}

// One session for a file and what it includes.
static bool begin(Loader *loader, GError **error) {
  loader->server = dba_lab_connect(loader->lab, DBA_LAB_SUBJECT_ROLE, loader->database, error);
  if (loader->server)
    dba_server_set_deadline(loader->server, loader->load->deadline_us);
  return loader->server != NULL;
}

DbaLabSession *dba_lab_session_open(const DbaLab *lab, const char *database, const char *root, DbaLoad *load, GError **error) {
  g_autofree Loader *loader = g_new0(Loader, 1);
  *loader = (Loader){.lab = lab, .database = database, .load = load, .root = root, .again = true};
  if (!begin(loader, error))
    return NULL;
  loader->sql = g_string_new(NULL);
  return g_steal_pointer(&loader);
}

bool dba_lab_session_run(DbaLabSession *session, const DbaSqlStatement *item, GError **error) {
  session->in_transaction = dba_server_in_transaction(session->server);
  return visit(item, session, error);
}

DbaServer *dba_lab_session_server(DbaLabSession *session) { return session->server; }

void dba_lab_session_close(DbaLabSession *session) {
  if (!session)
    return;
  dba_server_close(session->server);
  g_string_free(session->sql, TRUE);
  g_free(session);
}

static void end(Loader *loader, bool ok) {
  g_autoptr(DbaResult) open = ok ? dba_server_query(loader->server, dba_embedded_lab_sql("open_transaction"), NULL, NULL) : NULL;
  if (open && dba_result_rows(open) == 1 && *dba_result_text(open, 0, 0) == 't') { // psql would lose it; so do we, aloud
    DbaPlace place = {.file = "(end of file)"};
    note(loader, &place, "a transaction was left open: its work is lost, as it is with psql");
  }
  dba_server_close(loader->server);
}

bool dba_lab_load_file(const DbaLab *lab, const char *database, const char *path, const char *root, DbaLoad *load, GError **error) {
  Loader loader = {.lab = lab, .database = database, .load = load, .root = root};
  if (!begin(&loader, error))
    return false;
  bool ok = run_file(&loader, path, error);
  end(&loader, ok);
  return ok;
}

bool dba_lab_load_text(const DbaLab *lab, const char *database, const char *name, const char *sql, bool lenient, DbaLoad *load,
                       GError **error) {
  g_autoptr(DbaSqlReader) reader = dba_sql_reader_text(name, sql, strlen(sql));
  Loader loader = {.lab = lab, .database = database, .load = load, .lenient = lenient};
  if (!begin(&loader, error))
    return false;
  loader.sql = g_string_new(NULL);
  bool ok = run(&loader, reader, error);
  g_string_free(loader.sql, TRUE);
  end(&loader, ok);
  return ok;
}

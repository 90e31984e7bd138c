// SPDX-License-Identifier: Apache-2.0
// An undo that is found by running: what a migration changed is taken from the catalogs, undone step by step in a copy, and compared until nothing differs.
//
// Each round asks what differs from the state before and tries one statement for each difference: drop what is left, make again what is gone as the state before
// describes it, set back what changed.  A statement that fails in this order is tried again in the next round; what depends on what need not be
// known.  Only a sequence that ends in an equal catalog, and does so again when it is run as one script, is offered.
#include "migrate/undo-int.h"

#include "migrate-sql.h"

#include <string.h>

// Runs it; a failure changes nothing and is no error.
static bool try_statement(DbaUndo *undo, const char *sql, bool *ret_done, GError **error) {
  g_autoptr(GError) problem = NULL;
  g_autofree char *text = g_strdup_printf("begin;\n%s;\ncommit", sql);
  *ret_done = dba_server_exec(undo->server, text, &problem);
  if (*ret_done)
    return true;
  if (!g_error_matches(problem, DBA_ERROR, DBA_ERROR_DATABASE))
    return g_propagate_error(error, g_steal_pointer(&problem)), false;
  g_autofree char *state = g_strdup(dba_server_sqlstate(undo->server));
  if (dba_server_in_transaction(undo->server) && !dba_server_exec(undo->server, "rollback", error))
    return false;
  dba_server_set_sqlstate(undo->server, state);
  return true;
}

static bool differences_now(DbaUndo *undo, const DbaCatalog *before, DbaList *ret_differences, bool *ret_equal, GError **error) {
  g_autoptr(DbaCatalog) now = dba_catalog_read(undo->reader, undo->after, error);
  if (!now)
    return false;
  *ret_differences = (DbaList){0};
  dba_catalog_compare(before, now, undo->arena, ret_differences);
  *ret_equal = true;
  for (DBA_EACH(DbaCatalogDifference, difference, ret_differences))
    *ret_equal = *ret_equal && difference->kind == DBA_DIFFERENCE_ORDER;
  return true;
}

// What views stand in the way of is done without them: later rounds make them again.
static bool try_without_views(DbaUndo *undo, const DbaCatalogDifference *difference, char **sql, bool *ret_done, GError **error) {
  const char *state = dba_server_sqlstate(undo->server),
             *of = !strcmp(difference->noun, "column") ? difference->part_of
                   : strcmp(difference->noun, "table") ? ""
                                                       : difference->name,
             *type = strcmp(difference->noun, "type") ? "" : difference->name, *parameters[] = {of, type, NULL};
  if ((strcmp(state, "2BP01") && strcmp(state, "0A000")) || (!*of && !*type)) // something depends on it; not supported while a view uses it
    return true;
  g_autoptr(DbaResult) views = dba_server_query(undo->server, dba_embedded_migrate_sql("undo_views"), parameters, error);
  if (!views)
    return false;
  if (!dba_result_rows(views) || !dba_result_text(views, 0, 0))
    return true;
  char *both = g_strdup_printf("%s;\n%s", dba_result_text(views, 0, 0), *sql);
  g_free(*sql);
  *sql = both;
  return try_statement(undo, both, ret_done, error);
}

static bool try_one(DbaUndo *undo, const DbaCatalogDifference *difference, bool *progress, GError **error) {
  g_autoptr(GPtrArray) ways = g_ptr_array_new_with_free_func(g_free);
  bool done = false;
  if (!dba_undo_statements(undo, difference, ways, error))
    return false;
  for (guint i = 0; !done && i < ways->len; i++) {
    char **sql = (char **)&ways->pdata[i];
    if (!try_statement(undo, *sql, &done, error) || (i == 0 && !done && !try_without_views(undo, difference, sql, &done, error)))
      return false;
    if (done)
      g_string_append_printf(undo->text, "%s;\n", *sql);
  }
  *progress = *progress || done;
  return true;
}

// One statement for each difference of a kind; who inherits first, before more columns come along.
static bool try_kind(DbaUndo *undo, DbaDifferenceKind kind, const DbaList *differences, bool *progress, GError **error) {
  for (int pass = 0; pass < 2; pass++)
    for (DBA_EACH(DbaCatalogDifference, difference, differences))
      if (difference->kind == kind && (strcmp(difference->noun, "parent") != 0) == pass && !try_one(undo, difference, progress, error))
        return false;
  return true;
}

static bool find(DbaUndo *undo, const DbaCatalog *before, bool *ret_found, GError **error) {
  enum { ROUNDS = 8 };
  static const DbaDifferenceKind order[] = {DBA_DIFFERENCE_LEFT, DBA_DIFFERENCE_CHANGED, DBA_DIFFERENCE_GONE};
  *ret_found = false;
  for (int round = 0; round < ROUNDS; round++) {
    DbaList differences;
    bool progress = false;
    if (!differences_now(undo, before, &differences, ret_found, error))
      return false;
    if (*ret_found)
      return true;
    for (size_t i = 0; i < G_N_ELEMENTS(order); i++)
      if (!try_kind(undo, order[i], &differences, &progress, error))
        return false;
    if (!progress)
      return true;
  }
  return true;
}

// What still differs when no statement helps any more.
static bool tell_left(DbaUndo *undo, const DbaCatalog *before, DbaArena *arena, DbaList *left, GError **error) {
  DbaList differences;
  bool equal;
  if (!differences_now(undo, before, &differences, &equal, error))
    return false;
  for (DBA_EACH(DbaCatalogDifference, difference, &differences)) {
    g_autofree char *text = dba_difference_text(difference);
    if (difference->kind != DBA_DIFFERENCE_ORDER)
      dba_list_add_text(arena, left, text);
  }
  return true;
}

bool dba_undo_find(const DbaLab *lab, DbaCatalogReader *reader, const char *before_database, const DbaCatalog *before, const char *database,
                   DbaArena *arena, DbaList *left, char **ret_undo, GError **error) {
  DbaUndo undo = {
      .lab = lab, .reader = reader, .before = before_database, .after = database, .text = g_string_new(NULL), .arena = dba_arena_new()};
  bool found = false;
  *ret_undo = NULL;
  bool ok = (undo.server = dba_lab_connect(lab, DBA_LAB_SUBJECT_ROLE, database, error)) != NULL &&
            (undo.now = dba_lab_connect(lab, DBA_LAB_SUPERUSER, database, error)) != NULL &&
            (undo.state = dba_lab_connect(lab, DBA_LAB_SUPERUSER, before_database, error)) != NULL && find(&undo, before, &found, error) &&
            (found || !left || tell_left(&undo, before, arena, left, error));
  dba_server_close(undo.server);
  dba_server_close(undo.now);
  dba_server_close(undo.state);
  if (ok && (found || left) && undo.text->len)
    *ret_undo = g_strdup(undo.text->str);
  g_free(undo.dump);
  g_string_free(undo.text, TRUE);
  dba_arena_free(undo.arena);
  return ok;
}

// SPDX-License-Identifier: Apache-2.0
// Drift: what was changed by hand, told by comparing the live schema with the one that the migrations make.
//
// Both are built in a lab, one by running what the target's history says was run, one from a dump of the target without rows, and both from a dump, so that
// texts that a reload changes are the same.  What leads from one to the other is found by running, as undos are: to adopt, or to take back.
#include "migrate/undo-int.h"

#include "migrate-sql.h"

#include <string.h>

static const char RUN[] = "run", MADE[] = "made", LIVE[] = "live", ADOPT[] = "adopt", REVERT[] = "revert";

// Runs one migration of the history in the lab.
static bool run_one(DbaLabSession *session, const DbaMigration *migration, GError **error) {
  g_autoptr(GError) problem = NULL;
  if (dba_script_run(session, migration->up, NULL, &problem))
    return true;
  if (!g_error_matches(problem, DBA_ERROR, DBA_ERROR_DATABASE) && !g_error_matches(problem, DBA_ERROR, DBA_ERROR_INPUT) &&
      !g_error_matches(problem, DBA_ERROR, DBA_ERROR_REFUSED)) {
    g_propagate_error(error, g_steal_pointer(&problem));
    return false;
  }
  return dba_fail(error, DBA_ERROR_INPUT,
                  "what was run on the target cannot be run from nothing, so that there is nothing to compare with: %s: %s",
                  migration->label, problem->message);
}

static bool run_history(const DbaLab *lab, const DbaMigrations *migrations, const DbaHistory *history, GError **error) {
  g_autoptr(DbaLoad) load = dba_load_new();
  g_autoptr(DbaLabSession) session =
      dba_lab_create_database(lab, RUN, NULL, error) ? dba_lab_session_open(lab, RUN, migrations->folder, load, error) : NULL;
  if (!session)
    return false;
  for (DBA_EACH(DbaApplied, applied, &history->applied)) {
    const DbaMigration *migration = dba_migrations_find(migrations, applied->label);
    if (!migration || !migration->up)
      return dba_fail(error, DBA_ERROR_INPUT, "%s was run on the target, and its file is not in %s: what it made is not known",
                      applied->label, migrations->folder);
    if (applied->checksum && strcmp(applied->checksum, migration->up->checksum))
      return dba_fail(error, DBA_ERROR_REFUSED,
                      "%s was edited after it was run on the target: what it made there is not known (hint: put the file back)",
                      migration->label);
    if (applied->running || applied->undoing)
      return dba_fail(error, DBA_ERROR_REFUSED, "%s stopped half way on the target (hint: dbarch migrate status says where)",
                      migration->label);
    if (!run_one(session, migration, error))
      return false;
  }
  return true;
}

static bool load_text(const DbaLab *lab, const char *database, const char *sql, DbaLoad *load, GError **error) {
  if (!dba_lab_create_database(lab, database, NULL, error) || !dba_lab_load_text(lab, database, database, sql, true, load, error))
    return false;
  g_autoptr(DbaServer) server = dba_lab_connect(lab, DBA_LAB_SUBJECT_ROLE, database, error);
  g_autoptr(GError) problem = NULL;
  if (!server || !dba_server_exec(server, "set statement_timeout = '10s'", error))
    return false;
  if (dba_server_exec(server, dba_embedded_migrate_sql("drift_refresh"), &problem) ||
      g_error_matches(problem, DBA_ERROR, DBA_ERROR_DATABASE))
    return true; // or they stay unfilled on both sides
  g_propagate_error(error, g_steal_pointer(&problem));
  return false;
}

// "table", "public.orders" of what a difference is about, or lies in.
static bool is_of(const DbaSuppression *allowed, const DbaCatalogDifference *difference) {
  return !allowed->object || !g_strcmp0(allowed->object, difference->name) || !g_strcmp0(allowed->object, difference->part_of);
}

// As undos tell it, with other last words: what the migrations make is what should be.
static char *told(const DbaCatalogDifference *difference) {
  g_autofree char *text = dba_difference_text(difference),
                  *was = difference->before ? g_strconcat(", was ", difference->before, NULL) : g_strdup(", was nothing"),
                  *make = g_strconcat("; the migrations make it ", difference->before ? difference->before : "nothing", NULL);
  const struct {
    const char *end, *instead;
  } ends[] = {{" is left behind", " is in no migration"},
              {" are left behind", " are in no migration"},
              {" is gone", " is gone, and a migration makes it"},
              {" are gone", " are gone, and a migration makes them"},
              {was, make}};
  for (size_t i = 0; i < G_N_ELEMENTS(ends); i++)
    if (g_str_has_suffix(text, ends[i].end)) {
      text[strlen(text) - strlen(ends[i].end)] = '\0';
      return g_strconcat(text, ends[i].instead, NULL);
    }
  return g_strdup(text);
}

// Default rights are called by the role that they are of, which has another name here.
static char *without_lab_role(const char *text) {
  g_autoptr(GString) out = g_string_new(text);
  (void)g_string_replace(out, "for role " DBA_LAB_SUBJECT_ROLE " ", "", 0);
  return g_strdup(out->str);
}

static void find(const DbaCatalog *made, const DbaCatalog *live, const DbaList *allowed, DbaDrift *drift) {
  DbaList differences = {0};
  dba_catalog_compare(made, live, drift->arena, &differences);
  for (DBA_EACH(DbaCatalogDifference, difference, &differences)) {
    if (difference->kind == DBA_DIFFERENCE_ORDER)
      continue;
    g_autofree char *whole = told(difference), *text = without_lab_role(whole), *name = without_lab_role(difference->name);
    DbaDrifted *drifted = dba_list_add(drift->arena, &drift->drifted, sizeof *drifted);
    *drifted = (DbaDrifted){.kind = difference->kind == DBA_DIFFERENCE_LEFT   ? "made by hand"
                                    : difference->kind == DBA_DIFFERENCE_GONE ? "gone"
                                                                              : "changed",
                            .noun = dba_arena_text(drift->arena, difference->noun),
                            .object = dba_arena_text(drift->arena, name),
                            .text = dba_arena_text(drift->arena, text)};
    for (DBA_EACH(DbaSuppression, suppression, allowed))
      if (!drifted->allowed && !strcmp(suppression->rule, "drift") && is_of(suppression, difference))
        drifted->allowed = dba_arena_format(drift->arena, "%s (%s:%d)", suppression->reason, suppression->file, (int)suppression->line);
    drift->n += !drifted->allowed;
  }
}

// Extensions belong to the server's owner: they are made and dropped before the rest, by the lab.  `made`: those that are made, else dropped.
static bool settle_extensions(const DbaLab *lab, const char *database, const char *to, const DbaDrift *drift, const char *kind, bool made,
                              GString *sql, GError **error) {
  g_autoptr(DbaServer) owner = dba_lab_connect(lab, DBA_LAB_SUPERUSER, database, error),
                       aim = owner ? dba_lab_connect(lab, DBA_LAB_SUPERUSER, to, error) : NULL;
  g_autoptr(DbaLoad) load = dba_load_new();
  if (!aim)
    return false;
  for (DBA_EACH(DbaDrifted, drifted, &drift->drifted)) {
    if (strcmp(drifted->noun, "extension") || strcmp(drifted->kind, kind))
      continue;
    const char *name[] = {drifted->object, NULL};
    g_autoptr(DbaResult) schema = dba_server_query(aim, dba_embedded_migrate_sql("drift_extension"), name, error);
    if (!schema)
      return false;
    const char *in = made && dba_result_rows(schema) ? dba_result_text(schema, 0, 0) : NULL;
    g_autofree char *statement =
        g_strdup_printf("%s extension %s%s%s;\n", made ? "create" : "drop", drifted->object, in ? " schema " : "", in ? in : "");
    g_autoptr(GError) ignored = NULL; // then what leads there is not found, and that is said
    if (made ? dba_lab_load_text(lab, database, "extension", statement, true, load, &ignored) : dba_server_exec(owner, statement, &ignored))
      g_string_append(sql, statement);
  }
  return true;
}

// From the state of one database to that of another, as statements, as far as they were found; what still differs then is in `left`.
static bool lead(const DbaLab *lab, DbaCatalogReader *reader, const char *from, const char *copy, const char *to, const DbaCatalog *aim,
                 const DbaDrift *drift, bool adopts, DbaList *left, const char **ret_sql, GError **error) {
  g_autofree char *sql = NULL;
  g_autoptr(GString) whole = g_string_new(NULL);
  dba_catalog_let_go(reader);
  if (!dba_lab_create_database(lab, copy, from, error) || !settle_extensions(lab, copy, to, drift, "made by hand", adopts, whole, error) ||
      !settle_extensions(lab, copy, to, drift, "gone", !adopts, whole, error))
    return false;
  g_autoptr(DbaCatalog) now = dba_catalog_read(reader, copy, error);
  if (!now)
    return false;
  bool done = dba_catalog_equal(aim, now);
  dba_catalog_let_go(reader);
  if (!done && !dba_undo_find(lab, reader, to, aim, copy, drift->arena, left, &sql, error))
    return false;
  if (sql)
    g_string_append(whole, sql);
  *ret_sql = whole->len ? dba_arena_text(drift->arena, whole->str) : NULL;
  return true;
}

bool dba_migrations_drift(const DbaLab *lab, const DbaMigrations *migrations, const DbaHistory *history, const char *live_sql,
                          const DbaList *allowed, DbaDrift *drift, GError **error) {
  g_autoptr(DbaLoad) load = dba_load_new();
  g_autofree char *made_sql = NULL;
  if (!run_history(lab, migrations, history, error) || !dba_lab_dump_relation(lab, RUN, NULL, false, &made_sql, error) ||
      !load_text(lab, MADE, made_sql, load, error) || !load_text(lab, LIVE, live_sql, load, error))
    return false;
  for (guint i = 0; i < load->notes->len; i++) { // without the statement, which may hold a password
    const DbaLoadNote *note = load->notes->pdata[i];
    const char *left_out = strstr(note->text, "left out");
    g_autofree char *text = left_out ? g_strndup(note->text, (gsize)(left_out - note->text) + strlen("left out")) : g_strdup(note->text);
    if (!strstr(note->text, "made without login and rights") && !dba_list_has_text(&drift->notes, text))
      dba_list_add_text(drift->arena, &drift->notes, text);
  }
  g_autoptr(DbaCatalogReader) reader = dba_catalog_reader_open(lab, error);
  g_autoptr(DbaCatalog) made = reader ? dba_catalog_read(reader, MADE, error) : NULL,
                        live = made ? dba_catalog_read(reader, LIVE, error) : NULL;
  if (!live)
    return false;
  find(made, live, allowed, drift);
  if (!drift->drifted.n)
    return true;
  return lead(lab, reader, MADE, ADOPT, LIVE, live, drift, true, &drift->adopt_lacks, &drift->adopt, error) &&
         lead(lab, reader, LIVE, REVERT, MADE, made, drift, false, &drift->revert_lacks, &drift->revert, error);
}

// SPDX-License-Identifier: Apache-2.0
// Better undos for migrations whose own is missing, wrong, or loses values: each is run before it is offered.
#include "migrate/undo-int.h"
#include "migrate/verifier.h"

#include "migrate-sql.h"

#include <string.h>

// ---- an undo that is found ------------------------------------------------------------------------------------------

static const char UNDO_DATABASE[] = "undo";

// A copy of base in which the migration has run; false with *ret_ran set: it did not.
static bool copy_after_up(DbaVerifier *v, const DbaMigration *migration, bool *ret_ran, GError **error) {
  dba_catalog_let_go(v->reader);
  dba_verifier_close(v, DBA_BASE);
  if (!dba_lab_drop_database(v->lab, UNDO_DATABASE, error) ||
      !dba_lab_create_database(v->lab, UNDO_DATABASE, dba_verifier_databases[DBA_BASE], error))
    return false;
  g_autoptr(DbaLoad) load = dba_load_new();
  g_autoptr(DbaLabSession) in_copy = dba_lab_session_open(v->lab, UNDO_DATABASE, v->migrations->folder, load, error);
  g_autoptr(GError) problem = NULL;
  if (!in_copy)
    return false;
  dba_server_set_deadline(dba_lab_session_server(in_copy), g_get_monotonic_time() + (gint64)(v->options->limit_seconds * G_USEC_PER_SEC));
  *ret_ran = dba_script_run(in_copy, migration->up, NULL, &problem);
  if (!*ret_ran && dba_verifier_is_ours(problem))
    return g_propagate_error(error, g_steal_pointer(&problem)), false;
  return true;
}

// The found statements once more, as one script on a fresh copy: do they lead to the state before?
static bool prove_undo(DbaVerifier *v, const DbaMigration *migration, const char *undo, bool *ret_proven, GError **error) {
  *ret_proven = false;
  bool ran;
  if (!copy_after_up(v, migration, &ran, error))
    return false;
  if (!ran)
    return true;
  g_autoptr(DbaServer) server = dba_lab_connect(v->lab, DBA_LAB_SUBJECT_ROLE, UNDO_DATABASE, error);
  g_autofree char *text = g_strdup_printf("begin;\n%scommit", undo);
  g_autoptr(GError) problem = NULL;
  if (!server)
    return false;
  if (!dba_server_exec(server, text, &problem)) {
    if (dba_verifier_is_ours(problem))
      return g_propagate_error(error, g_steal_pointer(&problem)), false;
    return true;
  }
  g_autoptr(DbaCatalog) after = dba_catalog_read(v->reader, UNDO_DATABASE, error);
  DbaList differences = {0};
  if (!after)
    return false;
  dba_catalog_compare(v->catalog, after, v->result->arena, &differences);
  *ret_proven = true;
  for (DBA_EACH(DbaCatalogDifference, difference, &differences))
    *ret_proven = *ret_proven && difference->kind == DBA_DIFFERENCE_ORDER;
  return true;
}

// Does it make a column or a table anew, whose values nothing brings back?
static bool makes_anew(const char *undo) {
  static const char *const words[] = {"add column", "add attribute", "create table", NULL};
  g_autofree char *lower = g_ascii_strdown(undo, -1);
  for (const char *const *word = words; *word; word++)
    if (strstr(lower, *word))
      return true;
  return false;
}

// For a migration whose undo is not there or not right: one that was run, into its finding.
bool dba_verifier_propose(DbaVerifier *v, const DbaStep *step, GError **error) {
  static const char *const wrong[] = {"undo-missing", "undo-does-nothing", "undo-fails", "undo-differs", NULL};
  DbaFinding *finding = NULL;
  for (DBA_EACH(DbaFinding, each, &v->findings->findings))
    if (!strcmp(each->object, step->migration->label) && g_strv_contains(wrong, each->rule))
      finding = each;
  if (!finding)
    return true;
  g_autofree char *undo = NULL;
  bool ran, proven = false;
  if (!copy_after_up(v, step->migration, &ran, error) ||
      (ran && !dba_undo_find(v->lab, v->reader, dba_verifier_databases[DBA_BASE], v->catalog, UNDO_DATABASE, &undo, error)))
    return false;
  dba_catalog_let_go(v->reader);
  if (undo && !prove_undo(v, step->migration, undo, &proven, error))
    return false;
  dba_catalog_let_go(v->reader);
  if (!dba_lab_drop_database(v->lab, UNDO_DATABASE, error))
    return false;
  if (!proven)
    return true;
  finding->has_change = true;
  finding->change.name = step->migration->label;
  finding->change.down = dba_arena_text(v->findings->arena, undo);
  finding->change.undo_proven = true;
  finding->change.undo_class = makes_anew(undo) ? DBA_UNDO_IRREVERSIBLE : DBA_UNDO_EXACT;
  return true;
}

// ---- saved rows -----------------------------------------------------------------------------------------------------

typedef struct Saving {
  GString *save, *restore; // statements, each ended by ";\n"
  unsigned n;
} Saving;

// The name of the side table: of the migration's number and what it holds, beside the table that it is of.
static char *side_table(const DbaMigration *migration, const char *table, unsigned number) {
  const char *dot = strchr(table, '.'), *bare = dot ? dot + 1 : table;
  g_autofree char *schema = dot ? g_strndup(table, (gsize)(dot - table)) : g_strdup("public"),
                  *name = g_strdup_printf("dbarch_saved_%.20s_%u_%.20s", migration->version ? migration->version : "", number, bare),
                  *plain = g_strcanon(g_ascii_strdown(name, -1), "abcdefghijklmnopqrstuvwxyz0123456789_", '_');
  return g_strdup_printf("%s.%s", schema, plain);
}

static bool save(DbaVerifier *v, const DbaStep *step, const char *table, const char *column, Saving *saving, GError **error) {
  DbaServer *state = dba_catalog_server(v->reader, dba_verifier_databases[DBA_BASE], error);
  g_autofree char *side = side_table(step->migration, table, saving->n + 1);
  const char *parameters[] = {table, column, side};
  g_autoptr(DbaResult) found = NULL;
  if (!state || !dba_server_prepare(state, "", dba_embedded_migrate_sql("saved_rows"), error) ||
      !(found = dba_server_run(state, "", parameters, G_N_ELEMENTS(parameters), error)))
    return false;
  if (!dba_result_rows(found))
    return true;
  saving->n++;
  g_string_append_printf(saving->save, "%s;\n", dba_result_text(found, 0, 0));
  g_string_append_printf(saving->restore, "%s;\n%s;\n", dba_result_text(found, 0, 1), dba_result_text(found, 0, 2));
  return true;
}

// What the migration drops that its undo makes again: columns, and tables with all of theirs.
static bool save_dropped(DbaVerifier *v, const DbaStep *step, Saving *saving, GError **error) {
  DbaList differences = {0};
  dba_catalog_compare(v->catalog, step->up, v->result->arena, &differences);
  for (DBA_EACH(DbaCatalogDifference, difference, &differences)) {
    if (difference->kind != DBA_DIFFERENCE_GONE)
      continue;
    size_t table = difference->part_of ? strlen(difference->part_of) : 0;
    bool ok = !strcmp(difference->noun, "table") ? save(v, step, difference->name, NULL, saving, error)
              : !strcmp(difference->noun, "column") && table && difference->name[table] == '.'
                  ? save(v, step, difference->part_of, difference->name + table + 1, saving, error)
                  : true;
    if (!ok)
      return false;
  }
  return true;
}

// In trial, as it was before the migration: save, up, down, restore; is everything what it was?
static bool prove_saving(DbaVerifier *v, const DbaStep *step, const Saving *saving, bool *ret_proven, GError **error) {
  g_autoptr(DbaRowSums) before = NULL, between = NULL, after = NULL;
  g_auto(DbaOutcome) up = {0}, down = {0};
  g_autoptr(GError) problem = NULL;
  *ret_proven = false;
  v->dirty = true; // whatever comes of it
  if (!dba_verifier_renew_trial(v, error) || !dba_verifier_fill(v, v->catalog, error) || !dba_verifier_rows(v, &before, error))
    return false;
  v->dirty = true;
  DbaLabSession *session = dba_verifier_session(v, DBA_TRIAL, error);
  if (!session)
    return false;
  DbaServer *server = dba_lab_session_server(session);
  if (!dba_server_exec(server, saving->save->str, &problem))
    return g_error_matches(problem, DBA_ERROR, DBA_ERROR_DATABASE) || (g_propagate_error(error, g_steal_pointer(&problem)), false);
  if (!dba_verifier_attempt(v, DBA_TRIAL, step->migration->up, false, &up, error) ||
      (up.ok && !dba_verifier_attempt(v, DBA_TRIAL, step->migration->down, false, &down, error)))
    return false;
  if (!down.ok)
    return true;
  if (!dba_verifier_rows(v, &between, error))
    return false;
  if (!dba_server_exec(server, saving->restore->str, &problem))
    return g_error_matches(problem, DBA_ERROR, DBA_ERROR_DATABASE) || (g_propagate_error(error, g_steal_pointer(&problem)), false);
  g_autoptr(DbaCatalog) catalog = dba_catalog_read(v->reader, dba_verifier_databases[DBA_TRIAL], error);
  DbaList differences = {0}, lost = {0};
  bool saved;
  if (!catalog || !dba_verifier_rows(v, &after, error))
    return false;
  dba_catalog_compare(v->catalog, catalog, v->result->arena, &differences);
  dba_row_sums_compare(before, between, after, v->result->arena, &lost, &saved);
  *ret_proven = !lost.n;
  for (DBA_EACH(DbaCatalogDifference, difference, &differences))
    *ret_proven = *ret_proven && difference->kind == DBA_DIFFERENCE_ORDER;
  return true;
}

// A script that more can be put before or behind: one transaction, and none of its own making.
static bool can_be_extended(const DbaScript *script) {
  g_autofree char *lower = g_ascii_strdown(script->text, -1);
  return script->mode == DBA_SCRIPT_ONE_TRANSACTION && !strstr(lower, "commit");
}

static char *trimmed(const DbaScript *script) {
  char *text = g_strchomp(g_strdup(script->text));
  size_t length = strlen(text);
  if (!length || text[length - 1] == ';')
    return text;
  char *ended = g_strconcat(text, ";", NULL);
  g_free(text);
  return ended;
}

bool dba_verifier_propose_saving(DbaVerifier *v, const DbaStep *step, GError **error) {
  const DbaMigration *migration = step->migration;
  DbaFinding *finding = NULL;
  bool proven = false;
  for (DBA_EACH(DbaFinding, each, &v->findings->findings))
    if (!strcmp(each->object, migration->label) && !strcmp(each->rule, "undo-loses-values"))
      finding = each;
  if (!finding || !can_be_extended(migration->up) || !can_be_extended(migration->down) ||
      g_strcmp0(step->verified->undo_class, DBA_UNDO_IRREVERSIBLE))
    return true;
  Saving saving = {g_string_new(NULL), g_string_new(NULL), 0};
  bool ok = save_dropped(v, step, &saving, error) && (!saving.n || prove_saving(v, step, &saving, &proven, error));
  if (ok && proven) {
    g_autofree char *up = trimmed(migration->up), *down = trimmed(migration->down);
    finding->has_change = true;
    finding->change.name = migration->label;
    finding->change.up = dba_arena_format(v->findings->arena, "%s%s\n", saving.save->str, up);
    finding->change.down = dba_arena_format(v->findings->arena, "%s\n%s", down, saving.restore->str);
    finding->change.undo_class = DBA_UNDO_SAVED_ROWS;
    finding->change.undo_proven = true;
  }
  g_string_free(saving.save, TRUE);
  g_string_free(saving.restore, TRUE);
  return ok;
}

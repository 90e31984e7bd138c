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

// A text as one transaction in trial; false with no error: it failed, and changed nothing.
static bool run_text(DbaVerifier *v, const char *name, const char *text, bool *ret_ran, GError **error) {
  g_autofree char *whole = g_strdup_printf("begin;\n%s\n;commit;\n", text);
  g_autoptr(DbaLoad) load = dba_load_new();
  g_autoptr(GError) problem = NULL;
  *ret_ran = dba_lab_load_text(v->lab, dba_verifier_databases[DBA_TRIAL], name, whole, false, load, &problem);
  if (!*ret_ran && dba_verifier_is_ours(problem))
    return g_propagate_error(error, g_steal_pointer(&problem)), false;
  return true;
}

// Up and down as they will be written, in trial as it was before the migration, with rows: the class that comes of it; NULL: it is not right.
static bool prove(DbaVerifier *v, const DbaMigration *migration, const char *up, const char *down, const char **ret_class, GError **error) {
  g_autoptr(DbaRowSums) before = NULL, between = NULL, after = NULL;
  g_auto(DbaOutcome) outcome = {0};
  bool ran = true, saved;
  *ret_class = NULL;
  if (!dba_verifier_renew_trial(v, error) || !dba_verifier_fill(v, v->catalog, error) || !dba_verifier_rows(v, &before, error))
    return false;
  v->dirty = true;
  if (up ? !run_text(v, migration->up->path, up, &ran, error) : !dba_verifier_attempt(v, DBA_TRIAL, migration->up, false, &outcome, error))
    return false;
  if (!ran || (!up && !outcome.ok))
    return true;
  if (!dba_verifier_rows(v, &between, error) || !run_text(v, "undo", down, &ran, error))
    return false;
  if (!ran)
    return true;
  g_autoptr(DbaCatalog) catalog = dba_catalog_read(v->reader, dba_verifier_databases[DBA_TRIAL], error);
  DbaList differences = {0}, lost = {0};
  if (!catalog || !dba_verifier_rows(v, &after, error))
    return false;
  dba_catalog_compare(v->catalog, catalog, v->result->arena, &differences);
  for (DBA_EACH(DbaCatalogDifference, difference, &differences))
    if (difference->kind != DBA_DIFFERENCE_ORDER)
      return true;
  dba_row_sums_compare(before, between, after, v->result->arena, &lost, &saved);
  dba_row_sums_compare_sequences(before, between, after, false, v->result->arena, &lost);
  *ret_class = lost.n ? DBA_UNDO_IRREVERSIBLE : saved ? DBA_UNDO_SAVED_ROWS : DBA_UNDO_EXACT;
  return true;
}

// Does the undo make a column or a table anew, or does the migration change rows?  Then values may be lost that these rows do not have.
static bool may_lose(const DbaMigration *migration, const char *undo) {
  static const char *const words[] = {"add column", "add attribute", "create table", " type ", NULL};
  g_autofree char *lower = g_ascii_strdown(undo, -1);
  for (const char *const *word = words; *word; word++)
    if (strstr(lower, *word))
      return true;
  for (DBA_EACH(DbaSqlStatement, item, &migration->up->items))
    if (item->facts.changes_data || (item->item.length > 8 && !g_ascii_strncasecmp(item->item.text, "truncate", 8)))
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
  const char *undo_class = NULL;
  bool ran;
  if (!copy_after_up(v, step->migration, &ran, error) ||
      (ran && !dba_undo_find(v->lab, v->reader, dba_verifier_databases[DBA_BASE], v->catalog, UNDO_DATABASE, v->result->arena, NULL, &undo,
                             error)))
    return false;
  dba_catalog_let_go(v->reader);
  if (!dba_lab_drop_database(v->lab, UNDO_DATABASE, error) || (undo && !prove(v, step->migration, NULL, undo, &undo_class, error)))
    return false;
  if (!undo_class)
    return true;
  finding->has_change = true;
  finding->change.name = step->migration->label;
  finding->change.down = dba_arena_text(v->findings->arena, undo);
  finding->change.undo_proven = true;
  finding->change.undo_class = may_lose(step->migration, undo) ? DBA_UNDO_IRREVERSIBLE : undo_class;
  return true;
}

// ---- saved rows -----------------------------------------------------------------------------------------------------

typedef struct Saving {
  GString *save, *restore; // statements, each ended by ";\n"
  unsigned n;
} Saving;

// The name of the side table: of the migration's number and what it holds, beside the table that it is of.
static char *side_table(const DbaMigration *migration, const char *table, unsigned number) {
  const char *dot = table;
  for (bool quoted = false; *dot && (quoted || *dot != '.'); dot++) // schema.table, either of which may be quoted
    quoted ^= *dot == '"';
  g_autofree char *schema = *dot ? g_strndup(table, (gsize)(dot - table)) : g_strdup("public"),
                  *name = g_strdup_printf("dbarch_saved_%.20s_%u_%.20s", migration->version ? migration->version : "", number,
                                          *dot ? dot + 1 : table),
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

// A script that more can be put before or behind: one transaction, and none of its own making.
static bool can_be_extended(const DbaScript *script) {
  g_autofree char *lower = g_ascii_strdown(script->text, -1);
  return script->mode == DBA_SCRIPT_ONE_TRANSACTION && !strstr(lower, "commit");
}

// The script's text, ended so that more can follow; without the head that an undo of ours has.
static char *ended(const DbaScript *script) {
  const char *text = script->text;
  if (g_str_has_prefix(text, "-- Undoes ") && strstr(text, "it was run, and the schema"))
    text += strcspn(text, "\n");
  char *out = g_strstrip(g_strdup(text));
  size_t length = strlen(out);
  if (!length || out[length - 1] == ';')
    return out;
  char *more = g_strconcat(out, "\n;", NULL); // on a line of its own: the last one may be a comment
  g_free(out);
  return more;
}

bool dba_verifier_propose_saving(DbaVerifier *v, const DbaStep *step, GError **error) {
  const DbaMigration *migration = step->migration;
  DbaFinding *finding = NULL;
  const char *undo_class = NULL;
  for (DBA_EACH(DbaFinding, each, &v->findings->findings))
    if (!strcmp(each->object, migration->label) && !strcmp(each->rule, "undo-loses-values"))
      finding = each;
  if (!finding || !can_be_extended(migration->up) || !can_be_extended(migration->down) ||
      g_strcmp0(step->verified->undo_class, DBA_UNDO_IRREVERSIBLE))
    return true;
  Saving saving = {g_string_new(NULL), g_string_new(NULL), 0};
  bool ok = save_dropped(v, step, &saving, error);
  if (ok && saving.n) {
    g_autofree char *up = ended(migration->up), *down = ended(migration->down);
    const char *whole_up = dba_arena_format(v->findings->arena, "%s%s\n", saving.save->str, up),
               *whole_down = dba_arena_format(v->findings->arena, "%s\n%s", down, saving.restore->str);
    ok = prove(v, migration, whole_up, whole_down, &undo_class, error);
    if (ok && undo_class && !strcmp(undo_class, DBA_UNDO_SAVED_ROWS)) {
      finding->has_change = true;
      finding->change =
          (DbaChange){.name = migration->label, .up = whole_up, .down = whole_down, .undo_class = undo_class, .undo_proven = true};
    }
  }
  g_string_free(saving.save, TRUE);
  g_string_free(saving.restore, TRUE);
  return ok;
}

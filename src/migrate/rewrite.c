// SPDX-License-Identifier: Apache-2.0
// A migration that makes others wait, as several that do not: run in a lab, and offered only when the schema that comes of them is the same.
//
// The statements that wait become the steps of sql/safe-steps.c, and what stands between them stays as it is, so that the order of things does not change. A step
// that takes an instant joins what stands before it. Each new migration has an undo that was found by running, as everywhere (undo.c).
#include "migrate/run-int.h"
#include "migrate/undo-int.h"
#include "migrate/verifier.h"

#include <string.h>

typedef struct Rewriting {
  DbaVerifier *v;
  const DbaMigration *migration;
  DbaRewrite *rewrite;
  GString *open; // statements that no part has yet
  GString *left; // comments on what still waits
} Rewriting;

static const char ORIGINAL[] = "original", BEFORE[] = "part_before", AFTER[] = "part_after";

// ---- the parts ------------------------------------------------------------------------------------------------------

static void close_part(Rewriting *rewriting) {
  DbaArena *arena = rewriting->v->result->arena;
  if (rewriting->open->len)
    *(DbaRewritePart *)dba_list_add(arena, &rewriting->rewrite->parts, sizeof(DbaRewritePart)) =
        (DbaRewritePart){.up = dba_arena_text(arena, rewriting->open->str)};
  g_string_truncate(rewriting->open, 0);
}

static void add_statement(Rewriting *rewriting, const DbaSqlStatement *item) {
  g_autofree char *before = g_strndup(item->item.before, item->item.before_length), *text = g_strndup(item->item.text, item->item.length);
  g_strstrip(before);
  g_string_append_printf(rewriting->open, "%s%s%s;\n", before, *before ? "\n" : "", g_strchomp(text));
}

// `item`: the statement that it stands for; what its author wrote above it goes with the first step.
static void add_step(Rewriting *rewriting, const DbaSqlStatement *item, const DbaSqlStep *step, bool first) {
  bool comment = g_str_has_prefix(step->sql, "--");
  g_autofree char *before = first ? g_strndup(item->item.before, item->item.before_length) : g_strdup("");
  g_strstrip(before);
  if (!first || step->outside || comment)
    close_part(rewriting);
  g_string_append_printf(rewriting->open, "%s%s%s%s", step->outside ? "-- dbarch: transaction=off\n" : "", before, *before ? "\n" : "",
                         step->sql);
  if (step->outside || comment)
    close_part(rewriting);
}

static bool waits(const Rewriting *rewriting, const DbaSqlStatement *item) {
  for (DBA_EACH(DbaFinding, finding, &rewriting->v->findings->findings))
    if (!strcmp(finding->object, rewriting->migration->label) && finding->line == item->item.place.line && !finding->suppressed &&
        (strstr(finding->rule, "-blocks-") || !strcmp(finding->rule, "all-rows-at-once")))
      return true;
  return false;
}

// False: none of its statements has another way, or there is what cannot be taken apart.
static bool make_parts(Rewriting *rewriting) {
  bool any = false;
  for (DBA_EACH(DbaSqlStatement, item, &rewriting->migration->up->items)) {
    DbaList steps = {0};
    g_autofree char *sql = g_strndup(item->item.text, item->item.length);
    if (item->item.kind != DBA_SQL_STATEMENT || item->facts.tag == DBA_SQL_COPY_FROM_STDIN || item->facts.tag == DBA_SQL_SET)
      return false; // a setting would hold for one part only
    bool in_the_way = waits(rewriting, item), other_way = in_the_way && dba_sql_safe_steps(sql, rewriting->v->result->arena, &steps);
    if (!other_way) {
      if (in_the_way)
        g_string_append_printf(rewriting->left, "-- line %u still makes others wait: no other way is known\n", item->item.place.line);
      add_statement(rewriting, item);
      continue;
    }
    any = true;
    for (uint32_t i = 0; i < steps.n; i++)
      add_step(rewriting, item, dba_list_at(DbaSqlStep, &steps, i), i == 0);
    if (steps.n > 1) // what checked rows under a weak lock must not go on with a strong one
      close_part(rewriting);
  }
  close_part(rewriting);
  return any;
}

// ---- the proof ------------------------------------------------------------------------------------------------------

static DbaScript *script_of(Rewriting *rewriting, const char *text, GError **error) {
  DbaMigrations *migrations = (DbaMigrations *)(uintptr_t)rewriting->v->migrations;
  DbaScriptFile file = {rewriting->migration->up->path, dba_arena_text(migrations->arena, text), "", strlen(text)};
  DbaScriptRules rules = {0};
  return dba_script_new(migrations, &file, NULL, &rules, dba_lab_binaries(rewriting->v->lab)->major, error);
}

// Runs a script in a copy of a database; false with *ret_ran unset: it fails there.
static bool run_in_copy(Rewriting *rewriting, const char *database, const char *of, const DbaScript *script, bool *ret_ran,
                        GError **error) {
  DbaVerifier *v = rewriting->v;
  g_autoptr(DbaLoad) load = dba_load_new();
  g_autoptr(GError) problem = NULL;
  dba_catalog_let_go(v->reader);
  dba_verifier_close(v, DBA_BASE);
  *ret_ran = false;
  if (!dba_lab_drop_database(v->lab, database, error) || !dba_lab_create_database(v->lab, database, of, error))
    return false;
  g_autoptr(DbaLabSession) session = dba_lab_session_open(v->lab, database, v->migrations->folder, load, error);
  if (!session)
    return false;
  dba_server_set_deadline(dba_lab_session_server(session), g_get_monotonic_time() + (gint64)(v->options->limit_seconds * G_USEC_PER_SEC));
  *ret_ran = dba_script_run(session, script, NULL, &problem);
  if (!*ret_ran && dba_verifier_is_ours(problem))
    return g_propagate_error(error, g_steal_pointer(&problem)), false;
  return true;
}

static bool swap(Rewriting *rewriting, GError **error) {
  dba_catalog_let_go(rewriting->v->reader);
  return dba_lab_drop_database(rewriting->v->lab, BEFORE, error) && dba_lab_create_database(rewriting->v->lab, BEFORE, AFTER, error);
}

// What a part did, undone: found in a copy of what it left.
static bool find_undo(Rewriting *rewriting, DbaRewritePart *part, GError **error) {
  DbaVerifier *v = rewriting->v;
  g_autoptr(DbaCatalog) before = dba_catalog_read(v->reader, BEFORE, error),
                        after = before ? dba_catalog_read(v->reader, AFTER, error) : NULL;
  g_autofree char *undo = NULL;
  if (!after)
    return false;
  if (dba_catalog_equal(before, after)) {
    part->down = "-- Nothing to undo: rows that were filled stay filled.\nselect 1;\n";
    return true;
  }
  dba_catalog_let_go(v->reader);
  if (!dba_lab_drop_database(v->lab, ORIGINAL, error) || !dba_lab_create_database(v->lab, ORIGINAL, AFTER, error) ||
      !dba_undo_find(v->lab, v->reader, BEFORE, before, ORIGINAL, v->result->arena, NULL, &undo, error))
    return false;
  part->down = dba_arena_text(v->result->arena, undo);
  return true;
}

// A backfill needs a key to go along by, which it does not write.
static bool can_be_filled(Rewriting *rewriting, const DbaScript *script, bool *ret_can, GError **error) {
  g_autoptr(DbaServer) server = script->backfills.n ? dba_lab_connect(rewriting->v->lab, DBA_LAB_SUBJECT_ROLE, AFTER, error) : NULL;
  if (script->backfills.n && !server)
    return false;
  for (DBA_EACH(DbaBackfill, backfill, &script->backfills)) {
    g_autoptr(DbaResult) key = NULL;
    g_autoptr(GError) problem = NULL;
    if (dba_backfill_find_key(server, backfill, script->path, rewriting->v->result->arena, &key, &problem))
      continue;
    *ret_can = false;
    if (!g_error_matches(problem, DBA_ERROR, DBA_ERROR_INPUT) && !g_error_matches(problem, DBA_ERROR, DBA_ERROR_DATABASE))
      return g_propagate_error(error, g_steal_pointer(&problem)), false;
  }
  return true;
}

// All parts, one after another, each undone in thought; the catalog that they leave.
static bool run_parts(Rewriting *rewriting, bool *ret_ran, DbaCatalog **ret_catalog, GError **error) {
  const char *from = dba_verifier_databases[DBA_BASE];
  *ret_ran = true;
  dba_catalog_let_go(rewriting->v->reader);
  dba_verifier_close(rewriting->v, DBA_BASE);
  if (!dba_lab_drop_database(rewriting->v->lab, BEFORE, error) || !dba_lab_create_database(rewriting->v->lab, BEFORE, from, error))
    return false;
  for (DBA_EACH(DbaRewritePart, part, &rewriting->rewrite->parts)) {
    const DbaScript *script = script_of(rewriting, part->up, error);
    if (!script || !run_in_copy(rewriting, AFTER, BEFORE, script, ret_ran, error) ||
        (*ret_ran && !can_be_filled(rewriting, script, ret_ran, error)))
      return false;
    if (!*ret_ran)
      return true;
    if (!find_undo(rewriting, part, error) || !swap(rewriting, error))
      return false;
  }
  *ret_catalog = dba_catalog_read(rewriting->v->reader, BEFORE, error);
  return *ret_catalog != NULL;
}

static bool prove(Rewriting *rewriting, bool *ret_same, GError **error) {
  DbaVerifier *v = rewriting->v;
  bool ran;
  *ret_same = false;
  g_autoptr(DbaCatalog) parts = NULL;
  if (!run_parts(rewriting, &ran, &parts, error))
    return false;
  if (!ran)
    return true;
  if (!run_in_copy(rewriting, ORIGINAL, dba_verifier_databases[DBA_BASE], rewriting->migration->up, &ran, error))
    return false;
  g_autoptr(DbaCatalog) original = ran ? dba_catalog_read(v->reader, ORIGINAL, error) : NULL;
  if (ran && !original)
    return false;
  DbaList differences = {0};
  *ret_same = ran;
  if (ran)
    dba_catalog_compare(original, parts, v->result->arena, &differences);
  for (DBA_EACH(DbaCatalogDifference, difference, &differences))
    *ret_same = *ret_same && difference->kind == DBA_DIFFERENCE_ORDER;
  return true;
}

// An undo that makes a column or table anew, where its author may have known a better one.
static bool loses_more(const Rewriting *rewriting) {
  for (DBA_EACH(DbaRewritePart, part, &rewriting->rewrite->parts)) {
    bool anew = part->down && ((strstr(part->down, "drop column") && strstr(part->down, "add column")) ||
                               (strstr(part->down, "drop table") && strstr(part->down, "CREATE TABLE")));
    if (anew && rewriting->migration->down && rewriting->migration->down->items.n)
      return true;
  }
  return false;
}

static void offer(Rewriting *rewriting) {
  DbaVerifier *v = rewriting->v;
  g_autoptr(GString) text = g_string_new(rewriting->left->str);
  uint32_t number = 0;
  for (DBA_EACH(DbaRewritePart, part, &rewriting->rewrite->parts))
    g_string_append_printf(text, "%s-- migration %u of %u\n%s", number ? "\n" : "", number + 1, rewriting->rewrite->parts.n, part->up),
        number++;
  *(DbaRewrite *)dba_list_add(v->result->arena, &v->result->rewrites, sizeof(DbaRewrite)) = *rewriting->rewrite;
  for (DBA_EACH(DbaFinding, finding, &v->findings->findings))
    if (!strcmp(finding->object, rewriting->migration->label) &&
        (strstr(finding->rule, "-blocks-") || !strcmp(finding->rule, "all-rows-at-once")) && !finding->has_change && !finding->suppressed) {
      finding->has_change = true;
      finding->change.up = dba_arena_text(v->findings->arena, text->str);
      return; // once a migration
    }
}

bool dba_verifier_rewrite(DbaVerifier *v, const DbaMigration *migration, GError **error) {
  DbaRewrite rewrite = {.migration = migration};
  Rewriting rewriting = {.v = v, .migration = migration, .rewrite = &rewrite, .open = g_string_new(NULL), .left = g_string_new(NULL)};
  bool same = false, ok = true;
  dba_judge_allow(v->findings, migration);
  if (v->options->allowed)
    dba_migrations_allow(v->findings, v->migrations, v->options->allowed);
  if (migration->up->mode != DBA_SCRIPT_OWN_TRANSACTIONS && !migration->up->backfills.n && make_parts(&rewriting))
    ok = prove(&rewriting, &same, error);
  if (ok && same && !loses_more(&rewriting))
    offer(&rewriting);
  g_string_free(rewriting.open, TRUE);
  g_string_free(rewriting.left, TRUE);
  return ok;
}

// SPDX-License-Identifier: Apache-2.0
// What is said of migrations: the rules, and how a failure or a difference becomes a finding.
#include "migrate/verify-int.h"

#include <string.h>

const DbaMigrateRule dba_migrate_rules[] = {
    {"up-fails", "a migration that cannot run", "The migration fails in the lab, after all before it ran. Those behind it are not run.",
     DBA_MUST_FIX},
    {"up-fails-on-rows", "a migration that fails where there are rows",
     "The migration runs on empty tables and fails on tables with rows, whatever these are: on a database in use it always fails.",
     DBA_MUST_FIX},
    {"up-again-fails", "a migration that cannot run again after its undo",
     "After up and down, up fails or makes another schema than it made first: the undo did not undo everything.", DBA_MUST_FIX},
    {"undo-missing", "a migration without an undo",
     "There is no way back: dbarch's first law is that a change has one, and that it was tried.", DBA_MUST_FIX},
    {"undo-does-nothing", "an undo that does nothing", "The migration changes the schema and its undo changes nothing of it back.",
     DBA_MUST_FIX},
    {"undo-fails", "an undo that cannot run", "The undo fails in the lab, straight after the migration.", DBA_MUST_FIX},
    {"undo-differs", "an undo that leaves another schema",
     "After up and down the catalog is not what it was. What differs is named; the next migration, or the next up, meets it.",
     DBA_MUST_FIX},
    {"undo-loses-values", "an undo that does not bring values back",
     "After up and down the schema is what it was and rows are not: values that the migration dropped or changed are lost. A saved-rows "
     "undo keeps "
     "them in a side table until a later migration drops it.",
     DBA_WORTH_IT},
    {"undo-moves-columns", "an undo that makes a column anew, as the last",
     "PostgreSQL adds columns at the end: after the undo the same columns stand in another order. SELECT * and INSERT without column names "
     "see it.",
     DBA_NOTE},
    {"rows-not-made", "an undo that had nothing to lose",
     "No rows could be made for the table, so that it is not known whether values survive.", DBA_NOTE},
    {"test-fails", "a change whose own test fails", "The script in verify/ fails straight after the change was made.", DBA_MUST_FIX},
    {"index-blocks-writes", "an index built while writes wait",
     "CREATE INDEX and REINDEX hold SHARE on the table until the index is built: all writes wait.", DBA_MUST_FIX},
    {"index-blocks-all", "a key whose index is built while all wait",
     "ADD UNIQUE, PRIMARY KEY and EXCLUDE build their index under ACCESS EXCLUSIVE: reads and writes wait.", DBA_MUST_FIX},
    {"check-blocks-writes", "rows checked while writes wait",
     "A foreign key reads the whole table under SHARE ROW EXCLUSIVE on both tables: writes to both wait.", DBA_MUST_FIX},
    {"check-blocks-all", "rows checked while all wait",
     "CHECK, SET NOT NULL and ATTACH PARTITION read the whole table under ACCESS EXCLUSIVE: reads and writes wait.", DBA_MUST_FIX},
    {"rewrite-blocks-all", "a table written anew while all wait",
     "The table and its indexes are written anew under ACCESS EXCLUSIVE: reads and writes wait.", DBA_MUST_FIX},
    {"lock-held-through-work", "a lock held through work that another statement does",
     "Locks stay until the transaction ends: what comes after the statement that took one makes others wait too.", DBA_WORTH_IT},
    {"all-rows-at-once", "all rows changed in one transaction",
     "UPDATE and DELETE without WHERE on a table that was there before hold the locks of all its rows and leave as many dead ones.",
     DBA_WORTH_IT},
    {"refused-in-transaction", "a statement that a transaction refuses",
     "CREATE INDEX CONCURRENTLY, VACUUM and the like cannot run in a transaction.", DBA_MUST_FIX},
    {"not-null-without-default", "a NOT NULL column without a default", "It fails where the table has a row.", DBA_MUST_FIX},
    {"rehearsal-over-limit", "a migration that does more to production than it may",
     "On a stand-in of production's size, under its workload, clients waited longer for the migration than the limit allows, saw errors, "
     "or it needed more time, "
     "disk or WAL than dbarch.yaml allows.",
     DBA_MUST_FIX},
    {"rehearsal-fails", "a migration that fails on rows like production's", "It fails on the stand-in, after all before it ran.",
     DBA_MUST_FIX},
    {"drift", "a schema that its migrations do not make",
     "Somebody changed the database by hand: the next migration, and whoever builds a database from the migrations, meets another schema.",
     DBA_MUST_FIX},
    {"breaks-clients", "a change that clients in use do not survive",
     "Renames and drops take effect at once; clients that were deployed before fail until they are replaced.", DBA_QUESTION},
    {"file-without-number", "a file that is not run", "The tool runs files by their numbers, and this one has none.", DBA_WORTH_IT},
    {"file-not-understood", "a file that is not run", "The file is not one of the layout that the others have.", DBA_MUST_FIX},
    {"number-twice", "two migrations with one number", "Which of them runs first depends on the tool, and some run only one of them.",
     DBA_MUST_FIX},
    {"undo-without-migration", "an undo of nothing", "No migration has its number.", DBA_WORTH_IT},
    {"names-differ", "an undo with another name", "A migration and its undo have one number and two names.", DBA_NOTE},
    {0},
};

void dba_outcome_clear(DbaOutcome *outcome) {
  g_clear_pointer(&outcome->message, g_free);
  *outcome = (DbaOutcome){0};
}

static const DbaMigrateRule *find_rule(const char *name) {
  for (const DbaMigrateRule *rule = dba_migrate_rules; rule->rule; rule++)
    if (!strcmp(rule->rule, name))
      return rule;
  g_assert_not_reached();
}

static DbaFinding *add(DbaFindings *findings, const char *rule_name, const char *object, const char *file, const char *what) {
  const DbaMigrateRule *rule = find_rule(rule_name);
  DbaFinding *finding = dba_list_add(findings->arena, &findings->findings, sizeof *finding);
  finding->rule = rule->rule;
  finding->severity = rule->severity;
  finding->severity_name = dba_severity_name(rule->severity);
  finding->object = dba_arena_text(findings->arena, object);
  finding->what = dba_arena_text(findings->arena, what);
  finding->file = dba_arena_text(findings->arena, file);
  finding->line = file ? 1 : 0;
  finding->proof = "proven";
  return finding;
}

DbaFinding *dba_judge_add(DbaFindings *findings, const char *rule, const DbaMigration *migration, const DbaScript *script,
                          const char *format, ...) {
  va_list args;
  va_start(args, format);
  g_autofree char *what = g_strdup_vprintf(format, args);
  va_end(args);
  DbaFinding *finding = add(findings, rule, migration->label, script ? script->path : migration->up ? migration->up->path : NULL, what);
  if (script)
    for (DBA_EACH(DbaSqlStatement, item, &script->items)) { // the first of them
      finding->line = item->item.place.line;
      break;
    }
  return finding;
}

// "path:12:3: text\n  source line\n  ^": its parts.
static void part_message(DbaArena *arena, const char *path, const char *message, DbaFinding *finding, char **ret_reason) {
  const char *text = message;
  if (path && g_str_has_prefix(message, path) && message[strlen(path)] == ':') {
    char *end;
    gint64 line = g_ascii_strtoll(message + strlen(path) + 1, &end, 10);
    if (line > 0 && *end == ':') {
      finding->line = line;
      (void)g_ascii_strtoll(end + 1, &end, 10);
      text = g_str_has_prefix(end, ": ") ? end + 2 : text;
    }
  }
  const char *newline = strchr(text, '\n');
  *ret_reason = newline ? g_strndup(text, (gsize)(newline - text)) : g_strdup(text);
  finding->excerpt = newline ? dba_arena_text(arena, newline + 1) : NULL;
}

DbaFinding *dba_judge_failure(DbaFindings *findings, const char *rule, const DbaMigration *migration, const DbaScript *script,
                              const char *what, const DbaOutcome *outcome) {
  for (uint32_t i = 0; i < script->parts.n; i++) { // of a group: the one that says so
    const DbaScript *part = ((const DbaScript **)script->parts.items)[i];
    if (g_str_has_prefix(outcome->message, part->path))
      script = part;
  }
  DbaFinding *finding = dba_judge_add(findings, rule, migration, script, "%s", what);
  g_autofree char *reason = NULL;
  part_message(findings->arena, script->path, outcome->message, finding, &reason);
  finding->what = dba_arena_format(findings->arena, "%s: %s", what, reason);
  return finding;
}

void dba_judge_syntax(DbaFindings *findings, const DbaMigration *migration) {
  DbaOutcome outcome = {.message = (char *)(uintptr_t)migration->up->problem};
  (void)dba_judge_failure(findings, "up-fails", migration, migration->up, "it cannot be read", &outcome);
}

void dba_judge_differences(DbaFindings *findings, const char *rule, const DbaMigration *migration, const DbaScript *script,
                           const char *what, const DbaList *differences) {
  enum { SHOWN = 8 };
  g_autoptr(GString) moved = g_string_new(NULL), text = g_string_new(NULL);
  unsigned n = 0;
  for (DBA_EACH(DbaCatalogDifference, difference, differences)) {
    g_autofree char *line = dba_difference_text(difference);
    if (difference->kind == DBA_DIFFERENCE_ORDER)
      g_string_append_printf(moved, "%s%s", moved->len ? "; " : "", line);
    else if (n++ < SHOWN)
      g_string_append_printf(text, "%s%s", text->len ? "; " : "", line);
  }
  if (n > SHOWN)
    g_string_append_printf(text, "; and %u more", n - SHOWN);
  if (n)
    (void)dba_judge_add(findings, rule, migration, script, "%s: %s", what, text->str);
  else if (moved->len)
    (void)dba_judge_add(findings, "undo-moves-columns", migration, script, "%s", moved->str);
}

static bool has_undos(const DbaMigrations *migrations) {
  for (DBA_EACH(DbaMigration, migration, &migrations->migrations))
    if (migration->down)
      return true;
  return false;
}

void dba_judge_files(DbaFindings *findings, const DbaMigrations *migrations, bool undos, const char *from) {
  for (DBA_EACH(DbaFileProblem, problem, &migrations->problems)) {
    g_autofree char *name = g_path_get_basename(problem->file);
    (void)add(findings, problem->rule, name, problem->file, problem->text);
  }
  if (!undos)
    return;
  if (migrations->layout != DBA_LAYOUT_PAIRS && !has_undos(migrations)) { // one word for a folder of a tool that asks for none
    g_autofree char *what = g_strdup_printf("none of its %u migrations has an undo", migrations->migrations.n);
    (void)add(findings, "undo-missing", migrations->folder, NULL, what);
    return;
  }
  bool judged = !from;
  for (DBA_EACH(DbaMigration, migration, &migrations->migrations)) {
    judged = judged || !strcmp(migration->label, from);
    if (judged && !migration->down && !migration->repeatable && migration->up)
      (void)dba_judge_add(findings, "undo-missing", migration, NULL, "it has no undo");
  }
}

// In any comment of the script, also in one of nothing else.
static void read_allowances(DbaArena *arena, const DbaScript *script, const char *label, GArray *suppressions) {
  int64_t line = 1;
  for (const char *at = script->text; *at; line++) {
    size_t length = strcspn(at, "\n");
    if (g_strstr_len(at, (gssize)length, "dbarch:"))
      dba_suppressions_read_comment(arena, suppressions, at, length, label, script->path, line);
    at += length + (at[length] == '\n');
  }
}

// Findings that a comment allows; false: there is none, or it gives no reason.
static bool settle(DbaFindings *findings, const DbaSuppression *suppression) {
  bool used = false;
  for (DBA_EACH(DbaFinding, finding, &findings->findings)) {
    if (strcmp(finding->rule, suppression->rule) || strcmp(finding->object, suppression->object) || !suppression->reason ||
        !*suppression->reason)
      continue;
    finding->suppressed = used = true;
    finding->suppressed_by =
        dba_arena_format(findings->arena, "%s (%s:%d)", suppression->reason, suppression->file, (int)suppression->line);
  }
  return used;
}

static GArray *allowances_of(DbaArena *arena, const DbaMigration *migration) {
  GArray *suppressions = g_array_new(FALSE, FALSE, sizeof(DbaSuppression));
  const DbaScript *scripts[] = {migration->up, migration->down};
  for (size_t i = 0; i < G_N_ELEMENTS(scripts); i++)
    if (scripts[i])
      read_allowances(arena, scripts[i], migration->label, suppressions);
  return suppressions;
}

void dba_judge_allow(DbaFindings *findings, const DbaMigration *migration) {
  g_autoptr(GArray) suppressions = allowances_of(findings->arena, migration);
  for (guint i = 0; i < suppressions->len; i++)
    (void)settle(findings, &g_array_index(suppressions, DbaSuppression, i));
}

void dba_migrations_settle(DbaFindings *findings, const DbaMigrations *migrations) {
  for (DBA_EACH(DbaMigration, migration, &migrations->migrations)) {
    g_autoptr(GArray) suppressions = allowances_of(findings->arena, migration);
    for (guint i = 0; i < suppressions->len; i++) {
      const DbaSuppression *suppression = &g_array_index(suppressions, DbaSuppression, i);
      if (settle(findings, suppression))
        continue;
      dba_list_add_text(findings->arena, &findings->idle,
                        dba_arena_format(findings->arena, "%s:%d: \"dbarch: allow %s\" allows nothing%s", suppression->file,
                                         (int)suppression->line, suppression->rule,
                                         suppression->reason && *suppression->reason ? "" : ": it gives no reason"));
    }
  }
}

static bool is_meant(const DbaSuppression *suppression, const DbaFinding *finding, const DbaMigrations *migrations) {
  if (strcmp(suppression->rule, finding->rule))
    return false;
  if (!suppression->object || !strcmp(suppression->object, finding->object) ||
      dba_list_has_text(&finding->risk.tables, suppression->object))
    return true;
  const DbaMigration *migration = dba_migrations_find(migrations, suppression->object);
  return migration && !strcmp(migration->label, finding->object);
}

void dba_migrations_allow(DbaFindings *findings, const DbaMigrations *migrations, const DbaList *suppressions) {
  for (DBA_EACH(DbaSuppression, suppression, suppressions))
    for (DBA_EACH(DbaFinding, finding, &findings->findings)) {
      if (finding->suppressed || !is_meant(suppression, finding, migrations))
        continue;
      finding->suppressed = true;
      finding->suppressed_by =
          dba_arena_format(findings->arena, "%s (%s:%d)", suppression->reason, suppression->file, (int)suppression->line);
    }
}

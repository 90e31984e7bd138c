// SPDX-License-Identifier: Apache-2.0
// Which statements of a migration make others wait, and how to do without.
//
// A lock hurts by how long it is held, so a finding needs two things: a lock that others wait for, on a table that was there before the migration, and work that
// grows with a table, done while it is held: by the statement itself, or by a later one of the same transaction.  A lock for an instant is no finding: a
// lock_timeout deals with it, and the runner sets one.  What a lab saw counts more than what the text tells.
#include "migrate/lint-int.h"

#include <string.h>

static const DbaList nothing;

typedef struct Held {
  const char *table;
  DbaLockMode lock;
  uint32_t line;
} Held;

struct DbaLint {
  DbaFindings *findings;
  DbaSqlWorld *world;
  const DbaSurvey *sizes;
  const DbaMigration *migration;
  DbaArena *arena;
  DbaList held; // Held: strong locks of the transaction under way, on tables that were there
  bool judged, told_held;
};

DbaLint *dba_lint_new(DbaFindings *findings, const DbaSurvey *sizes) {
  DbaLint *lint = g_new0(DbaLint, 1);
  *lint = (DbaLint){.findings = findings, .world = dba_sql_world_new(), .sizes = sizes, .arena = dba_arena_new()};
  return lint;
}

void dba_lint_free(DbaLint *lint) {
  if (!lint)
    return;
  dba_sql_world_free(lint->world);
  dba_arena_free(lint->arena);
  g_free(lint);
}

void dba_lint_begin(DbaLint *lint, const DbaMigration *migration, bool judged) {
  dba_sql_world_begin(lint->world);
  lint->migration = migration;
  lint->judged = judged;
  lint->held = (DbaList){0};
  lint->told_held = false;
}

// ---- advice ---------------------------------------------------------------------------------------------------------

// How the same is done without making others wait.
static const struct {
  const char *form, *rule, *instead;
} advice[] = {
    {"create-index", "index-blocks-writes",
     "CREATE INDEX CONCURRENTLY does not hold up writes; it runs outside of a transaction, so in a migration of its own (-- dbarch: "
     "transaction=off)."},
    {"reindex", "index-blocks-writes", "REINDEX ... CONCURRENTLY, in a migration of its own."},
    {"add-foreign-key", "check-blocks-writes",
     "ADD CONSTRAINT ... NOT VALID takes an instant; VALIDATE CONSTRAINT in a later migration reads the table while others write."},
    {"add-check", "check-blocks-all",
     "ADD CONSTRAINT ... NOT VALID takes an instant; VALIDATE CONSTRAINT in a later migration reads the table while others write."},
    {"set-not-null", "check-blocks-all",
     "Add CHECK (column IS NOT NULL) NOT VALID; VALIDATE CONSTRAINT in a later migration; then SET NOT NULL takes the check's word and "
     "reads nothing; drop the "
     "check."},
    {"add-unique", "index-blocks-all",
     "CREATE UNIQUE INDEX CONCURRENTLY in a migration of its own, then ADD CONSTRAINT ... UNIQUE USING INDEX."},
    {"add-primary-key", "index-blocks-all",
     "CREATE UNIQUE INDEX CONCURRENTLY in a migration of its own, columns NOT NULL by way of a validated CHECK, then ADD PRIMARY KEY USING "
     "INDEX."},
    {"add-exclusion", "index-blocks-all",
     "There is no way without waiting: a new table with the constraint, filled meanwhile, and swapped in."},
    {"add-column-key", "index-blocks-all",
     "Add the column without the key; CREATE UNIQUE INDEX CONCURRENTLY; then ADD CONSTRAINT ... USING INDEX."},
    {"add-column-computed", "rewrite-blocks-all",
     "Add the column without the default, set the default after that (for rows to come), and fill the rows that are there in batches."},
    {"add-column-checked", "check-blocks-all",
     "Add the column first, and its CHECK as NOT VALID; VALIDATE CONSTRAINT in a later migration."},
    {"add-column-not-null", "check-blocks-all", "Give it a DEFAULT: a constant one costs nothing; or add it without NOT NULL first."},
    {"change-type", "rewrite-blocks-all",
     "A new column of the new type, kept in step by a trigger, filled in batches, and swapped in once it is whole."},
    {"set-expression", "rewrite-blocks-all", "A new column with the new expression, and a swap of names."},
    {"move-table", "rewrite-blocks-all",
     "There is no way without waiting for PostgreSQL itself; pg_repack moves a table while it is in use."},
    {"cluster", "rewrite-blocks-all", "pg_repack orders a table while it is in use."},
    {"vacuum-full", "rewrite-blocks-all", "pg_repack packs a table while it is in use."},
    {"refresh", "rewrite-blocks-all", "REFRESH MATERIALIZED VIEW CONCURRENTLY lets readers go on; it needs a unique index on the view."},
    {"attach-partition", "check-blocks-all",
     "Before, a CHECK that says what the bounds say on the new partition, and one that says the opposite on the default partition, both "
     "NOT VALID and validated: then "
     "nothing is read under the lock."},
    {"create-partition", "check-blocks-all",
     "A CHECK on the default partition that says that it holds none of the new one's rows, NOT VALID and validated before: then it is not "
     "read."},
    {"alter-domain", "check-blocks-writes",
     "VALIDATE CONSTRAINT of a domain holds up writes too: a CHECK on each table that uses it, NOT VALID and validated later, does not."},
};

static const char *rule_by_work(DbaLockMode lock, bool rewrites) {
  return rewrites ? "rewrite-blocks-all" : lock == DBA_LOCK_ACCESS_EXCLUSIVE ? "check-blocks-all" : "check-blocks-writes";
}

static int find_advice(const char *form) {
  for (size_t i = 0; form && i < G_N_ELEMENTS(advice); i++)
    if (!strcmp(advice[i].form, form))
      return (int)i;
  return -1;
}

// ---- sizes ----------------------------------------------------------------------------------------------------------

static char *full_name(const DbaSqlEffect *effect) {
  return *effect->schema ? dba_sql_name(effect->schema, effect->table) : g_strdup(effect->table);
}

static const DbaRelation *sized(const DbaLint *lint, const char *name) {
  for (DBA_EACH(DbaRelation, relation, lint->sizes ? &lint->sizes->schema.relations : &nothing)) {
    g_autofree char *quoted = dba_sql_name(relation->schema, relation->name);
    if (!strcmp(quoted, name))
      return relation;
  }
  return NULL;
}

static double rows_of(const DbaRelation *relation) { return relation->rows > 0 ? relation->rows : (double)relation->live_rows; }

// A table that is read or written within some milliseconds: nobody notices the wait.
static bool is_small(const DbaLint *lint, const char *name) {
  enum { SMALL_BYTES = 8 << 20, SMALL_ROWS = 50000 };
  const DbaRelation *relation = sized(lint, name);
  return relation && relation->size_bytes < SMALL_BYTES && rows_of(relation) < SMALL_ROWS;
}

static char *with_size(const DbaLint *lint, const char *name) {
  const DbaRelation *relation = sized(lint, name);
  if (!relation)
    return g_strdup(name);
  g_autofree char *rows = dba_text_count(rows_of(relation)), *bytes = dba_text_bytes(relation->size_bytes);
  return g_strdup_printf("%s (%s rows, %s)", name, rows, bytes);
}

// ---- findings -------------------------------------------------------------------------------------------------------

static const char *excerpt(DbaArena *arena, const DbaSqlItem *item) {
  g_autofree char *caret = dba_text_caret_within(item->place.file, item->place.line, item->place.column, item->text, item->length, 0, "");
  const char *newline = strchr(caret, '\n');
  return newline ? dba_arena_text(arena, newline + 1) : NULL;
}

// The first words of the statement, as people call it.
static char *called(const DbaSqlItem *item) {
  enum { SHOWN = 60 };
  g_autofree char *text = g_strndup(item->text, MIN(item->length, 400)), *line = g_strdelimit(g_strdup(text), "\n\t\r", ' ');
  g_autoptr(GString) out = g_string_new(NULL);
  for (const char *p = line; *p; p++)
    if (*p != ' ' || (out->len && out->str[out->len - 1] != ' '))
      g_string_append_c(out, *p);
  if (g_utf8_strlen(out->str, -1) <= SHOWN)
    return g_strdup(out->str);
  g_autofree char *cut = g_utf8_substring(out->str, 0, SHOWN);
  return g_strconcat(cut, " ...", NULL);
}

static DbaFinding *tell(DbaLint *lint, const char *rule, const DbaSqlStatement *item, const DbaSqlEffect *effect, bool seen, double ms,
                        const char *why, const char *format, ...) DBA_PRINTF(8, 9);
static DbaFinding *tell(DbaLint *lint, const char *rule, const DbaSqlStatement *item, const DbaSqlEffect *effect, bool seen, double ms,
                        const char *why, const char *format, ...) {
  va_list args;
  va_start(args, format);
  g_autofree char *what = g_strdup_vprintf(format, args);
  va_end(args);
  DbaArena *arena = lint->findings->arena;
  DbaFinding *finding = dba_judge_add(lint->findings, rule, lint->migration, lint->migration->up, "%s", what);
  finding->line = item->item.place.line;
  finding->why = why;
  finding->excerpt = excerpt(arena, &item->item);
  finding->proof = seen ? "proven" : "unproven: told from the text, nothing was run";
  if (effect) {
    g_autofree char *name = full_name(effect);
    finding->risk.lock = dba_lock_name(effect->lock);
    finding->risk.blocks = dba_lock_blocks(effect->lock);
    dba_list_add_text(arena, &finding->risk.tables, dba_arena_text(arena, name));
    finding->risk.duration_ms = seen ? ms : 0;
  }
  return finding;
}

static bool is_strong(const DbaSqlEffect *effect) { return effect->lock >= DBA_LOCK_SHARE && !effect->young; }
static bool is_work(const DbaSqlEffect *effect) { return (effect->scans || effect->rewrites) && !effect->young; }

static const char *verb_of(const DbaSqlEffect *effect) { return effect->rewrites ? "it is written anew" : "all of it is read"; }

static int64_t bytes_of(const DbaLint *lint, const DbaSqlEffect *effect) {
  g_autofree char *name = full_name(effect);
  const DbaRelation *relation = sized(lint, name);
  return relation ? relation->size_bytes : 0;
}

// The statement works on tables under locks of its own.  True: it was told, or is harmless at the size of the tables.
static bool judge_own(DbaLint *lint, const DbaSqlStatement *item, const DbaSqlVerdict *verdict, const DbaList *effects, bool seen,
                      double ms) {
  const DbaSqlEffect *worst = NULL;
  unsigned n = 0;
  bool small = false;
  for (DBA_EACH(DbaSqlEffect, effect, effects)) {
    g_autofree char *name = full_name(effect);
    if (!is_strong(effect) || !is_work(effect) ||
        (verdict->form && !strcmp(verdict->form, "refresh-concurrently"))) // nobody else writes to it
      continue;
    if (is_small(lint, name)) {
      small = true;
      continue;
    }
    n++;
    if (!worst || effect->rewrites > worst->rewrites || (effect->rewrites == worst->rewrites && effect->lock > worst->lock) ||
        (effect->rewrites == worst->rewrites && effect->lock == worst->lock && bytes_of(lint, effect) > bytes_of(lint, worst)))
      worst = effect;
  }
  if (!worst)
    return small;
  int row = find_advice(verdict->form);
  g_autofree char *name = full_name(worst), *sized_name = with_size(lint, name), *statement = called(&item->item),
                  *others = n > 1 ? g_strdup_printf(" (and on %u more)", n - 1) : g_strdup("");
  bool same_kind = row >= 0 && (strstr(advice[row].rule, "rewrite") != NULL) == worst->rewrites;
  (void)tell(lint, same_kind ? advice[row].rule : rule_by_work(worst->lock, worst->rewrites), item, worst, seen, ms,
             row >= 0 ? advice[row].instead : NULL, "%s holds %s on %s%s while %s: %s wait as long as that takes.", statement,
             dba_lock_name(worst->lock), sized_name, others, verb_of(worst),
             verdict->form && !strcmp(verdict->form, "reindex") ? "writes, and reads that look at its indexes,"
                                                                : dba_lock_blocks(worst->lock));
  return true;
}

// A lock that an earlier statement took is held while this one works.
static void judge_held(DbaLint *lint, const DbaSqlStatement *item, const DbaList *effects, bool seen, double ms) {
  const DbaSqlEffect *work = NULL;
  const Held *worst = NULL;
  for (DBA_EACH(DbaSqlEffect, effect, effects)) {
    g_autofree char *name = full_name(effect);
    if (is_work(effect) && !is_small(lint, name))
      work = work ? work : effect;
  }
  for (DBA_EACH(Held, held, &lint->held))
    if (!worst || held->lock > worst->lock)
      worst = held;
  if (!work || !worst || lint->told_held)
    return;
  lint->told_held = true; // once a migration: the cure is the same
  g_autofree char *name = full_name(work), *sized_name = with_size(lint, name), *statement = called(&item->item);
  DbaSqlEffect lock = {.schema = "", .table = worst->table, .lock = worst->lock};
  (void)tell(lint, "lock-held-through-work", item, &lock, seen, ms,
             "Two migrations: what takes the lock in one, what works on rows in the other.",
             "%s reads all of %s while the transaction still holds %s on %s, since line %u: %s wait there as long as that takes.",
             statement, sized_name, dba_lock_name(worst->lock), worst->table, worst->line, dba_lock_blocks(worst->lock));
}

static bool has_young_target(const DbaSqlVerdict *verdict) {
  for (DBA_EACH(DbaSqlEffect, effect, &verdict->effects))
    return effect->young; // the first is what it names
  return false;
}

// What clients that run meanwhile, or rows that are there, do not survive.
static void judge_form(DbaLint *lint, const DbaSqlStatement *item, const DbaSqlVerdict *verdict, bool seen, double ms) {
  static const struct {
    const char *form, *rule, *what, *why;
  } forms[] = {
      {"rename-column", "breaks-clients", "renames a column: what runs with the old name fails from that moment on",
       "A new column kept in step with the old one, clients moved over, the old one dropped in a later migration."},
      {"rename-table", "breaks-clients", "renames a table: what runs with the old name fails from that moment on",
       "A view with the old name, in the same transaction, until all clients know the new one."},
      {"drop-column", "breaks-clients", "drops a column: what still reads or writes it fails from that moment on",
       "Deploy clients that do not use it first; its values cannot be undone: set them aside if they may be needed."},
      {"drop-table", "breaks-clients", "drops a table: what still uses it fails from that moment on",
       "Deploy clients that do not use it first; rename it for a while, and drop it later."},
      {"add-column-not-null", "not-null-without-default",
       "adds a NOT NULL column without a default: it fails where there is a row, and clients that do not write it fail",
       "Give it a DEFAULT, or add it without NOT NULL first."},
  };
  if (has_young_target(verdict))
    return;
  for (size_t i = 0; verdict->form && i < G_N_ELEMENTS(forms); i++)
    if (!strcmp(forms[i].form, verdict->form)) {
      g_autofree char *statement = called(&item->item);
      (void)tell(lint, forms[i].rule, item, NULL, seen, ms, forms[i].why, "%s %s.", statement, forms[i].what);
    }
  if (verdict->all_rows && !lint->migration->up->backfills.n) {
    g_autofree char *statement = called(&item->item);
    (void)tell(lint, "all-rows-at-once", item, NULL, seen, ms,
               "Batches by key, each in a transaction of its own: vacuum keeps up, and nobody waits for a row longer than one batch takes.",
               "%s changes every row in one transaction: their writers wait until its end, and the table grows to twice its size.",
               statement);
  }
}

// A lock that an earlier statement of the transaction took is not seen to be taken again: what a statement takes by its text is its own too.
static void add_held_locks(const DbaList *seen, const DbaSqlVerdict *verdict) {
  for (DBA_EACH(DbaSqlEffect, effect, seen))
    for (DBA_EACH(DbaSqlEffect, told, &verdict->effects)) {
      g_autofree char *name = full_name(told);
      if (is_work(effect) && !strcmp(name, effect->table))
        effect->lock = MAX(effect->lock, told->lock);
    }
}

bool dba_lint_statement(DbaLint *lint, const DbaSqlStatement *item, const DbaList *seen, double ms, GError **error) {
  DbaSqlVerdict verdict = {0};
  g_autofree char *sql = g_strndup(item->item.text, item->item.length);
  const DbaScript *up = lint->migration->up;
  if (item->item.kind != DBA_SQL_STATEMENT)
    return true;
  if (item->facts.tag == DBA_SQL_TRANSACTION && (!strcmp(item->facts.name, "commit") || !strcmp(item->facts.name, "rollback")))
    lint->held = (DbaList){0};
  if (!dba_sql_world_read(lint->world, sql, lint->arena, &verdict, error))
    return false;
  if (!lint->judged)
    return true;
  const DbaList *effects = seen && !item->facts.outside_transaction ? seen : &verdict.effects;
  if (effects == seen)
    add_held_locks(seen, &verdict);
  if (verdict.form && !strcmp(verdict.form, "truncate")) // new files, and nothing to write
    for (DBA_EACH(DbaSqlEffect, effect, effects))
      effect->scans = effect->rewrites = false;
  bool looked = seen != NULL;
  if (item->facts.outside_transaction && up->mode == DBA_SCRIPT_ONE_TRANSACTION) {
    g_autofree char *statement = called(&item->item);
    (void)tell(lint, "refused-in-transaction", item, NULL, looked, ms,
               "A migration of its own, with \"-- dbarch: transaction=off\" as its first line or the mark of its tool.",
               "%s cannot run inside a transaction, and this migration is one.", statement);
  }
  bool fails_anyway = verdict.form && !strcmp(verdict.form, "add-column-not-null"); // where there are rows, it does not last
  if (!fails_anyway && !judge_own(lint, item, &verdict, effects, looked, ms))
    judge_held(lint, item, effects, looked, ms);
  judge_form(lint, item, &verdict, looked, ms);
  if (up->mode == DBA_SCRIPT_NO_TRANSACTION) {
    lint->held = (DbaList){0};
    return true;
  }
  for (DBA_EACH(DbaSqlEffect, effect, effects))
    if (is_strong(effect)) {
      g_autofree char *name = full_name(effect);
      Held *held = dba_list_add(lint->arena, &lint->held, sizeof *held);
      *held = (Held){dba_arena_text(lint->arena, name), effect->lock, item->item.place.line};
    }
  return true;
}

bool dba_migrations_lint(const DbaMigrations *migrations, const char *from, const DbaSurvey *sizes, DbaFindings *findings,
                         DbaVerification *result, GError **error) {
  g_autoptr(DbaLint) lint = dba_lint_new(findings, sizes);
  bool judged = !from;
  *result = (DbaVerification){.migrations = migrations, .arena = findings->arena, .findings = findings, .locks = true};
  dba_judge_files(findings, migrations, false, from);
  for (DBA_EACH(DbaMigration, migration, &migrations->migrations)) {
    judged = judged || !strcmp(migration->label, from);
    if (!migration->up)
      continue;
    dba_lint_begin(lint, migration, judged);
    result->passed_over += !judged;
    if (judged)
      ((DbaVerified *)dba_list_add(result->arena, &result->verified, sizeof(DbaVerified)))->migration = migration;
    if (migration->up->problem && judged)
      dba_judge_syntax(findings, migration);
    for (DBA_EACH(DbaSqlStatement, item, &migration->up->items))
      if (!dba_lint_statement(lint, item, NULL, 0, error))
        return false;
  }
  return true;
}

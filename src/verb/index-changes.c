// SPDX-License-Identifier: Apache-2.0
// The set that was answered with as migrations: a pair for each index that comes or goes, run up, down and up again in a lab before it is written.
//
// On a partitioned table CREATE INDEX CONCURRENTLY is refused: the parent's index is made without its parts, each partition's concurrently, and attached.
#include "verb/index-run.h"

#include "sql/sql.h"

#include <string.h>

typedef struct Writer {
  const DbaIndexRun *run;
  const DbaSurvey *survey;
  const DbaIndexPoint *point;
  DbaAdvice advice; // for names
} Writer;

static const DbaIndexCandidate *candidate_at(const Writer *writer, int64_t id) {
  return dba_list_at(DbaIndexCandidate, &writer->run->advice.candidates, id);
}

// ---- names ----------------------------------------------------------------------------------------------------------

static const char *name_of(Writer *writer, const DbaRelation *relation, const DbaIndexCandidate *candidate) {
  DbaList words = {0};
  dba_index_key_words(writer->run->arena, candidate->keys, &words);
  return dba_advice_free_name(&writer->advice, relation, &words, "idx");
}

// ---- texts ----------------------------------------------------------------------------------------------------------

static void append_create(GString *sql, const char *how, const char *name, const char *only, const char *table,
                          const DbaIndexCandidate *candidate) {
  g_autofree char *on = g_strdup_printf("%s%s", only, table);
  dba_index_append_create(sql, how, name, on, candidate);
  g_string_append(sql, ";\n");
}

static void append_attach(GString *sql, const char *schema, const char *parent, const char *part_schema, const char *part) {
  g_autofree char *of = dba_sql_name(schema, parent), *name = dba_sql_name(part_schema, part);
  g_string_append_printf(sql, "ALTER INDEX %s ATTACH PARTITION %s;\n", of, name);
}

static void append_parts(Writer *writer, const DbaRelation *parent, const char *parent_name, const DbaIndexCandidate *candidate,
                         GString *sql) {
  for (DBA_EACH(DbaRelation, part, &writer->survey->schema.relations)) {
    if (g_strcmp0(part->partition_of, parent->name) || g_strcmp0(part->partition_of_schema, parent->schema))
      continue;
    g_autofree char *table = dba_sql_name(part->schema, part->name);
    const char *name = name_of(writer, part, candidate);
    bool leaf = strcmp(part->kind, "partitioned table") != 0;
    append_create(sql, leaf ? "CONCURRENTLY " : "", name, leaf ? "" : "ONLY ", table, candidate);
    if (!leaf)
      append_parts(writer, part, name, candidate, sql);
    append_attach(sql, parent->schema, parent_name, part->schema, name);
  }
}

// The definitions of an index and of its parts, as they are.
static bool append_existing(Writer *writer, const DbaRelation *relation, const DbaIndex *index, GString *sql) {
  const char *create = dba_index_create_sql(writer->run->arena, relation, index, !index->on_partitioned);
  g_autofree char *name = g_strdup_printf("%s.%s", relation->schema, index->name), *quoted = dba_sql_name(relation->schema, index->name);
  if (!create)
    return false;
  g_string_append(sql, create);
  for (DBA_EACH(DbaRelation, part, index->on_partitioned ? &writer->survey->schema.relations : &(DbaList){0}))
    for (DBA_EACH(DbaIndex, below, &part->indexes)) {
      if (g_strcmp0(below->parent_index, name) && g_strcmp0(below->parent_index, quoted))
        continue;
      if (!append_existing(writer, part, below, sql))
        return false;
      append_attach(sql, relation->schema, index->name, part->schema, below->name);
    }
  return true;
}

// ---- findings -------------------------------------------------------------------------------------------------------

// What the statements that it serves cost, all executions: today, and with the set.
static DbaReceipt planned_of(const Writer *writer, int64_t id, unsigned *ret_served) {
  const DbaIndexRun *run = writer->run;
  DbaReceipt receipt = {.method = "planned in a twin, with the whole set", .quantity = "cost", .unit = "", .n = 1, .server = run->server};
  *ret_served = 0;
  for (DBA_EACH(DbaIndexServed, served, &writer->point->served)) {
    double weight = dba_list_at(DbaIndexStatement, &run->advice.statements, served->statement)->weight;
    for (uint32_t i = 0; i < served->by.n; i++)
      if (dba_list_int(&served->by, i) == id) {
        receipt.before += served->before * weight;
        receipt.after += served->after * weight;
        ++*ret_served;
      }
  }
  return receipt;
}

static DbaFinding *add_finding(Writer *writer, const DbaIndexCandidate *candidate, const char *rule) {
  DbaArena *arena = writer->advice.findings->arena;
  DbaFinding *finding = dba_list_add(arena, &writer->advice.findings->findings, sizeof *finding);
  *finding = (DbaFinding){.rule = rule,
                          .object = dba_arena_format(arena, "%s.%s(%s)", candidate->schema, candidate->table, candidate->keys),
                          .schema = candidate->schema,
                          .table = candidate->table,
                          .severity = DBA_WORTH_IT,
                          .severity_name = dba_severity_name(DBA_WORTH_IT),
                          .proof = "proven", // that it can be made and undone: it is tried before it is written
                          .has_change = true,
                          .trial = DBA_TRIAL_NONE};
  return finding;
}

static char *command(const DbaIndexRun *run) {
  g_autofree char *subject = g_shell_quote(run->subject), *workload = run->request->workload ? g_shell_quote(run->request->workload) : NULL;
  return g_strdup_printf("dbarch index %s%s%s --prove", subject, workload ? " --workload " : "", workload ? workload : "");
}

// Of the statements that use it and were measured.
static void add_receipts(Writer *writer, int64_t id, DbaFinding *finding) {
  enum { MOST = 3 };
  const DbaIndexRun *run = writer->run;
  DbaArena *arena = writer->advice.findings->arena;
  g_autofree char *again = command(run);
  for (DBA_EACH(DbaIndexServed, served, &writer->point->served))
    for (DBA_EACH(DbaIndexProof, proof, &run->proof.statements)) {
      if (!dba_list_has_int(&served->by, id) || proof->statement != served->statement || !proof->runs || finding->receipts.n == MOST)
        continue;
      const DbaIndexStatement *statement = dba_list_at(DbaIndexStatement, &run->advice.statements, served->statement);
      *(DbaReceipt *)dba_list_add(arena, &finding->receipts, sizeof(DbaReceipt)) =
          (DbaReceipt){.method = dba_arena_format(arena, "statement %s, with and without the whole set, in turn", statement->id),
                       .quantity = "time",
                       .unit = "ms",
                       .before = proof->before_ms,
                       .after = proof->after_ms,
                       .ratio = proof->ratio,
                       .ratio_low = proof->ratio_low,
                       .ratio_high = proof->ratio_high,
                       .n = proof->runs,
                       .claimed = proof->quicker,
                       .server = dba_arena_format(arena, "PostgreSQL %s", run->server),
                       .settings = run->proof.settings,
                       .locale = run->proof.locale,
                       .rows_origin = run->proof.rows,
                       .rows = run->subject,
                       .repeat = dba_arena_text(arena, again)};
    }
}

// Its lock, and how long it was held where the set was built.
static void add_risk(const Writer *writer, int64_t id, DbaFinding *finding) {
  DbaArena *arena = writer->advice.findings->arena;
  for (DBA_EACH(DbaIndexBuilt, built, &writer->run->proof.built)) {
    if (built->candidate != id || !built->rows)
      continue;
    finding->risk = (DbaRisk){.lock = dba_lock_name(DBA_LOCK_SHARE_UPDATE_EXCLUSIVE),
                              .blocks = dba_lock_blocks(DBA_LOCK_SHARE_UPDATE_EXCLUSIVE),
                              .duration_ms = built->ms,
                              .duration_note = built->rows};
    dba_list_add_text(arena, &finding->risk.tables, dba_arena_format(arena, "%s.%s", finding->schema, finding->table));
  }
}

static void add_new(Writer *writer, int64_t id) {
  const DbaIndexCandidate *candidate = candidate_at(writer, id);
  const DbaRelation *relation = dba_schema_relation(&writer->survey->schema, candidate->schema, candidate->table);
  DbaArena *arena = writer->advice.findings->arena;
  const char *name = name_of(writer, relation, candidate);
  bool parted = !strcmp(relation->kind, "partitioned table");
  unsigned served;
  DbaReceipt planned = planned_of(writer, id, &served);
  g_autofree char *table = dba_sql_name(candidate->schema, candidate->table), *quoted = dba_sql_name(candidate->schema, name),
                  *bytes = dba_text_bytes(candidate->bytes), *before = dba_text_count(planned.before),
                  *after = dba_text_count(planned.after);
  g_autoptr(GString) up = g_string_new(NULL);
  DbaFinding *finding = add_finding(writer, candidate, "missing-index");
  finding->index = name;
  add_receipts(writer, id, finding);
  add_risk(writer, id, finding);
  append_create(up, parted ? "" : "CONCURRENTLY ", name, parted ? "ONLY " : "", table, candidate);
  if (parted)
    append_parts(writer, relation, name, candidate, up);
  finding->what = dba_arena_format(arena, "An index on %s (%s)%s, about %s.", table, candidate->keys,
                                   candidate->predicate ? ", of a part of the rows" : "", bytes);
  finding->why = dba_arena_format(
      arena, "Plans of %u statement%s of the workload use it; with the whole set they cost %s instead of %s, as planned in a twin%s.",
      served, served == 1 ? "" : "s", after, before, finding->receipts.n ? "" : "; they were not run");
  finding->change = (DbaChange){.name = dba_advice_file_name(&writer->advice, dba_arena_format(arena, "index_%s", name)),
                                .up = dba_arena_text(arena, up->str),
                                .down = dba_arena_format(arena, "DROP INDEX %s%s;\n", parted ? "" : "CONCURRENTLY ", quoted),
                                .undo_class = DBA_UNDO_EXACT,
                                .no_transaction = true,
                                .undo_proven = true};
}

static void add_drop(Writer *writer, int64_t id) {
  const DbaIndexCandidate *candidate = candidate_at(writer, id);
  const DbaRelation *relation = dba_schema_relation(&writer->survey->schema, candidate->schema, candidate->table);
  const DbaIndex *index = dba_relation_index(relation, candidate->existing);
  DbaArena *arena = writer->advice.findings->arena;
  g_autofree char *name = dba_sql_name(candidate->schema, candidate->existing), *bytes = dba_text_bytes(candidate->bytes);
  g_autoptr(GString) down = g_string_new(NULL);
  if (!append_existing(writer, relation, index, down))
    return;
  DbaFinding *finding = add_finding(writer, candidate, "index-not-worth-it");
  finding->index = candidate->existing;
  finding->what = dba_arena_format(arena, "Index %s, %s, is not in the set.", candidate->existing, bytes);
  const char *heir = dba_index_heir(&writer->run->advice, writer->point, candidate);
  finding->why =
      dba_arena_format(arena, "It was hidden in a twin: the workload does as well without it beside the set, writes counted%s%s%s.",
                       heir ? "; " : "", heir ? heir : "", heir ? " does the same" : "");
  finding->change = (DbaChange){.name = dba_advice_file_name(&writer->advice, dba_arena_format(arena, "drop_%s", candidate->existing)),
                                .up = dba_arena_format(arena, "DROP INDEX %s%s;\n", index->on_partitioned ? "" : "CONCURRENTLY ", name),
                                .down = dba_arena_text(arena, down->str),
                                .undo_class = DBA_UNDO_EXACT,
                                .no_transaction = true,
                                .undo_proven = true};
}

// ---- files ----------------------------------------------------------------------------------------------------------

static bool write_file(const char *folder, const char *name, const char *text, bool force, GError **error) {
  g_autofree char *path = g_build_filename(folder, name, NULL);
  if (!force && g_file_test(path, G_FILE_TEST_EXISTS))
    return dba_fail(error, DBA_ERROR_USAGE, "%s is there already (hint: --force overwrites it, --out names another folder)", path);
  return dba_file_write(path, text, strlen(text), error);
}

static bool is_ours(const DbaReview *review, const char *file) {
  for (DBA_EACH(DbaWrittenMigration, migration, &review->migrations)) {
    g_autofree char *up = g_strdup_printf("%s.up.sql", migration->name), *down = g_strdup_printf("%s.down.sql", migration->name);
    if (!strcmp(file, up) || !strcmp(file, down))
      return true;
  }
  return false;
}

// Beside migrations of another set those of this one would be run with them.
static bool is_free_of_others(const DbaReview *review, const char *folder, GError **error) {
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  for (const char *file; dir && (file = g_dir_read_name(dir));)
    if (g_str_has_suffix(file, ".sql") && !is_ours(review, file))
      return dba_fail(
          error, DBA_ERROR_USAGE,
          "%s holds %s, which is not of this set: who runs the folder would run both (hint: take it away, or name another folder)", folder,
          file);
  return true;
}

const DbaIndexPoint *dba_index_run_answer(const DbaIndexRun *run) {
  for (DBA_EACH(DbaIndexPoint, point, &run->advice.curve))
    if (point->asked)
      return point;
  return &run->advice.advised;
}

static bool write_files(const DbaIndexRun *run, const DbaReview *review, GError **error) {
  const char *out = run->request->out;
  g_autofree char *folder = g_build_filename(out, "migrations", NULL), *json = dba_index_run_json(run);
  DbaIndexPage page = {run->subject, run->server, &run->advice, dba_index_run_answer(run), &run->proof};
  g_autofree char *html = dba_report_index_html(&page);
  bool force = run->request->force;
  if (!is_free_of_others(review, folder, error) || !dba_file_make_folder(folder, 0777, error) ||
      !write_file(out, "index.json", json, force, error) || !write_file(out, "report.html", html, force, error))
    return false;
  for (DBA_EACH(DbaWrittenMigration, migration, &review->migrations)) {
    g_autofree char *up = g_strdup_printf("%s.up.sql", migration->name), *down = g_strdup_printf("%s.down.sql", migration->name);
    if (!write_file(folder, up, migration->up, force, error) || !write_file(folder, down, migration->down, force, error))
      return false;
  }
  g_autofree char *written =
      g_strdup_printf("Wrote %s/report.html, %s/index.json and %u migration%s in %s, run up, down and up again in a lab", out, out,
                      review->migrations.n, review->migrations.n == 1 ? "" : "s", folder);
  if (run->request->format == DBA_FORMAT_JSON)
    g_ptr_array_add(run->answer->warnings, g_steal_pointer(&written));
  else
    g_string_append_printf(run->answer->text, "\n%s\n", written);
  return true;
}

// Built, and of no use that could be measured.
static bool is_vain(const DbaIndexRun *run, int64_t id) {
  for (DBA_EACH(DbaIndexBuilt, built, &run->proof.built))
    if (built->candidate == id && (built->vain || built->problem))
      return true;
  return false;
}

bool dba_index_run_write(const DbaIndexRun *run, const DbaSurvey *survey, const DbaLab *lab, GError **error) {
  g_autoptr(DbaFindings) findings = dba_findings_new();
  Writer writer = {.run = run, .survey = survey, .point = dba_index_run_answer(run)};
  writer.advice = (DbaAdvice){.survey = survey, .schema = &survey->schema, .findings = findings, .arena = findings->arena};
  for (uint32_t i = 0; i < writer.point->chosen.n; i++)
    if (!candidate_at(&writer, dba_list_int(&writer.point->chosen, i))->existing && !is_vain(run, dba_list_int(&writer.point->chosen, i)))
      add_new(&writer, dba_list_int(&writer.point->chosen, i));
  for (uint32_t id = 0; id < run->advice.candidates.n; id++)
    if (candidate_at(&writer, id)->existing && !candidate_at(&writer, id)->kept && !dba_list_has_int(&writer.point->chosen, id))
      add_drop(&writer, id);
  DbaReview review = {.survey = survey, .findings = findings, .arena = findings->arena};
  dba_report_migrations(&review, findings);
  guint before = run->answer->warnings->len;
  if (!dba_review_together(run->request, lab, &review, run->answer, error))
    return false;
  if (review.migrations.n && !review.together)
    return dba_fail(error, DBA_ERROR_REFUSED, "the migrations did not run up, down and up again in the lab, and are not written: %s",
                    run->answer->warnings->len > before ? (const char *)run->answer->warnings->pdata[before] : "nothing told why");
  return write_files(run, &review, error);
}

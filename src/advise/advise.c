// SPDX-License-Identifier: Apache-2.0
// The table of all advisors, and what they share.
#include "advise/advise.h"

#include "sql/sql.h"

#include <string.h>

const DbaAdvisor dba_advisors[] = {
    {"fk-without-index", "every foreign key has an index that its checks can use",
     "A foreign key whose columns lead no usable index: every delete or key update of the referenced table reads the whole referencing "
     "table.  An index counts when it is "
     "valid, btree with the columns leading in any order or hash on the one column, and whole or partial on IS NOT NULL.  Must fix when "
     "rows of the parent are known to be deleted and the table has 10,000 rows, or when that is "
     "not known and it has 100,000.  (ri_triggers.c)",
     dba_advise_fk_without_index},
    {"redundant-index", "no index is a prefix of another",
     "An index whose keys, in order and with the same operator classes, collations and predicate, lead another valid index of the table.  "
     "Indexes that carry a constraint, a "
     "replica identity or a foreign key's target are kept.",
     dba_advise_redundant_index},
    {"unused-index", "every index is used",
     "An index that was never scanned while the counters ran for at least 14 days.  Unique indexes, constraints, replica identities, "
     "partitions and the only cover of a foreign "
     "key are left alone.  It is a question, because the counters of standbys are not in the survey.",
     dba_advise_unused_index},
    {"no-primary-key", "every table has a primary key",
     "A table without a primary key: rows cannot be named, logical replication cannot update them.  The candidates that constraints or "
     "statistics show are listed.",
     dba_advise_no_primary_key},
    {"key-overflow", "no key is near the end of its type",
     "A sequence, identity or serial column that has used half of what its type holds (must fix from 80 %).  A date needs two surveys.",
     dba_advise_key_overflow},
    {"timestamp-without-zone", "moments are stored with time zone",
     "Columns of type timestamp without time zone: the moment they mean depends on whoever reads them.  Which zone was stored, only the "
     "owner knows.",
     dba_advise_timestamp_without_zone},
    {"unfit-type", "no column has a type that PostgreSQL's own manual warns of",
     "money (its value depends on lc_monetary), json (kept as text, parsed again by every operator, cannot be compared), char(n) (padded "
     "with blanks); real and double precision where the name speaks of money, as a question.",
     dba_advise_unfit_type},
    {"fk-type-mismatch", "foreign keys have the type of what they refer to",
     "A foreign key column of another type than its target: comparisons need a cast, and values fit one side only.",
     dba_advise_fk_type_mismatch},
    {"invalid-object", "no index is invalid and no constraint is unvalidated",
     "An invalid index costs every write and serves no read; a NOT VALID constraint promises nothing about the rows that were there "
     "before.",
     dba_advise_invalid_object},
    {"nullable-unique", "no unique key of several columns has a nullable one",
     "A unique key over several columns of which one may be NULL: two rows that agree in the others are both accepted.  Single nullable "
     "columns are usually meant so.",
     dba_advise_nullable_unique},
    {"column-order", "columns are ordered without padding",
     "Alignment padding of at least 8 bytes a row that another order of the same columns would save.  A note: an existing table is not "
     "rewritten for it.",
     dba_advise_column_order},
    {"duplicate-foreign-key", "no foreign key is there twice",
     "Two foreign keys over the same columns to the same target: every write is checked twice.", dba_advise_duplicate_foreign_key},
    {"plan-flip", "every statement keeps its plan at the horizon",
     "With --grow or --at: a statement of the workload that a twin of the grown subject plans in another way than a twin of today.  Worth "
     "it "
     "when its cost grows by half as much again as the table that grows most of those it reads, else a note.  How statistics grow: "
     "docs/lab.md.",
     dba_advise_plan_flip},
    {"missing-index", "every index that the workload wants is there",
     "An index that the workload's best set has (dbarch index): planned in a twin of the subject with values of its statistics, writes "
     "counted; it saves a\n"
     "twentieth of what the statements cost that it serves, or more.  The statement that gains most is run with and without it.",
     dba_advise_missing_index},
    {0},
};

const char **dba_advise_rules(void) {
  const char **rules = g_new0(const char *, G_N_ELEMENTS(dba_advisors));
  for (size_t i = 0; dba_advisors[i].rule; i++)
    rules[i] = dba_advisors[i].rule;
  return rules;
}

DbaFindings *dba_advise(const DbaSurvey *survey, const char *const *rules) {
  DbaFindings *findings = dba_findings_new();
  for (const DbaAdvisor *advisor = dba_advisors; advisor->rule; advisor++) {
    if (rules && *rules && !g_strv_contains(rules, advisor->rule))
      continue;
    DbaAdvice advice = {advisor, survey, &survey->schema, findings, findings->arena, 0};
    uint32_t before = findings->findings.n;
    advisor->run(&advice);
    DbaChecked *checked = dba_list_add(findings->arena, &findings->checked, sizeof *checked);
    *checked = (DbaChecked){advisor->rule, advisor->title, advice.looked_at, findings->findings.n - before};
  }
  g_autofree const char **all = dba_advise_rules();
  dba_findings_suppress(findings, survey, all, rules && *rules ? NULL : &findings->idle); // with --rule, most have nothing to do
  dba_findings_rank(findings);
  return findings;
}

static void locate(DbaAdvice *advice, DbaFinding *finding) {
  for (DBA_EACH(DbaSource, source, &advice->survey->sources))
    if (!g_strcmp0(source->name, finding->table) && (!source->schema || !g_strcmp0(source->schema, finding->schema))) {
      finding->file = source->file;
      finding->line = source->line;
      return;
    }
}

DbaFinding *dba_advice_find(DbaAdvice *advice, DbaSeverity severity, const DbaRelation *relation, const char *object) {
  DbaFinding *finding = dba_list_add(advice->arena, &advice->findings->findings, sizeof *finding);
  finding->rule = advice->advisor->rule;
  finding->severity = (int64_t)severity;
  finding->severity_name = dba_severity_name(severity);
  finding->object = dba_arena_text(advice->arena, object);
  finding->schema = relation->schema;
  finding->table = relation->name;
  finding->stake = dba_advice_rows(relation);
  finding->proof = "unproven: no trial was run";
  locate(advice, finding);
  return finding;
}

void dba_advice_unjudged(DbaAdvice *advice, const char *object, const char *why, const char *remedy) {
  DbaUnjudged *unjudged = dba_list_add(advice->arena, &advice->findings->unjudged, sizeof *unjudged);
  *unjudged = (DbaUnjudged){advice->advisor->rule, dba_arena_text(advice->arena, object), dba_arena_text(advice->arena, why),
                            dba_arena_text(advice->arena, remedy)};
}

void dba_advice_option(DbaAdvice *advice, DbaFinding *finding, const char *option) {
  dba_list_add_text(advice->arena, &finding->options, option);
}

void dba_advice_alternative(DbaAdvice *advice, DbaFinding *finding, const char *what, const char *why_not) {
  DbaAlternative *alternative = dba_list_add(advice->arena, &finding->alternatives, sizeof *alternative);
  *alternative = (DbaAlternative){dba_arena_text(advice->arena, what), dba_arena_text(advice->arena, why_not)};
}

const char *dba_advice_columns(DbaAdvice *advice, const DbaList *columns) {
  g_autoptr(GString) text = g_string_new(NULL);
  for (uint32_t i = 0; i < columns->n; i++)
    g_string_append_printf(text, "%s%s", i ? ", " : "", dba_list_text(columns, i));
  return dba_arena_text(advice->arena, text->str);
}

const char *dba_advice_object(DbaAdvice *advice, const DbaRelation *relation, const DbaList *columns) {
  return dba_arena_format(advice->arena, "%s.%s(%s)", relation->schema, relation->name, dba_advice_columns(advice, columns));
}

bool dba_advice_is_root_table(const DbaRelation *relation) { return dba_relation_is_table(relation) && !relation->partition_of; }

double dba_advice_rows(const DbaRelation *relation) { return MAX(MAX(relation->rows, (double)relation->live_rows), 0); }

double dba_advice_counter_days(const DbaAdvice *advice) {
  const DbaServerFacts *server = &advice->survey->server;
  if (!advice->survey->has_statistics)
    return -1;
  // Never reset: the counters are as old as nobody knows, but at least as old as the server has been up.
  return (double)(server->statistics_since ? server->statistics_age_seconds : server->uptime_seconds) / 86400;
}

static bool name_taken(const DbaSchema *schema, const char *namespace, const char *name) {
  if (dba_schema_relation(schema, namespace, name))
    return true;
  for (DBA_EACH(DbaRelation, relation, &schema->relations))
    if (!strcmp(relation->schema, namespace) && (dba_relation_index(relation, name) || dba_relation_constraint(relation, name)))
      return true;
  return false;
}

const char *dba_advice_free_name(DbaAdvice *advice, const DbaRelation *relation, const DbaList *columns, const char *suffix) {
  enum { LONGEST = 63 }; // NAMEDATALEN - 1
  g_autoptr(GString) base = g_string_new(relation->name);
  for (uint32_t i = 0; i < columns->n; i++)
    g_string_append_printf(base, "_%s", dba_list_text(columns, i));
  for (unsigned n = 0;; n++) {
    g_autofree char *tail = n ? g_strdup_printf("_%s%u", suffix, n) : g_strdup_printf("_%s", suffix);
    size_t room = LONGEST - strlen(tail), cut = MIN(base->len, room);
    while (cut > 0 && ((unsigned char)base->str[cut] & 0xC0) == 0x80)
      cut--;
    g_autofree char *head = g_strndup(base->str, cut), *name = g_strconcat(head, tail, NULL);
    bool taken = name_taken(advice->schema, relation->schema, name);
    for (DBA_EACH(DbaFinding, other, &advice->findings->findings)) // or by a finding of this run
      taken |= !g_strcmp0(other->index, name) && !g_strcmp0(other->schema, relation->schema);
    if (!taken)
      return dba_arena_text(advice->arena, name);
  }
}

const char *dba_advice_file_name(DbaAdvice *advice, const char *words) {
  enum { LONGEST = 80 };
  g_autofree char *name = g_strndup(words, LONGEST);
  for (char *p = name; *p; p++)
    *p = g_ascii_isalnum(*p) ? g_ascii_tolower(*p) : '_';
  return dba_arena_text(advice->arena, name);
}

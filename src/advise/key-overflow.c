// SPDX-License-Identifier: Apache-2.0
// Keys that count towards the end of their type.
//
// Looks at integer columns that a sequence feeds (identity, serial, or a default with nextval of an owned sequence) and
// compares the sequence's last value with what the column holds.
#include "advise/advise.h"

#include "sql/sql.h"

#include <string.h>

typedef struct Widened {
  const DbaRelation *relation;
  const DbaColumn *column;
} Widened;

static void widen(GArray *columns, const DbaRelation *relation, const DbaColumn *column) {
  for (guint i = 0; i < columns->len; i++)
    if (g_array_index(columns, Widened, i).column == column)
      return;
  Widened next = {relation, column};
  g_array_append_val(columns, next);
}

// The column, what refers to it, what refers to that, and so on: values of all of them grow together.
static GArray *reach(const DbaSchema *schema, const DbaRelation *relation, const DbaColumn *column) {
  GArray *columns = g_array_new(FALSE, FALSE, sizeof(Widened));
  widen(columns, relation, column);
  for (guint at = 0; at < columns->len; at++) {
    Widened target = g_array_index(columns, Widened, at);
    for (DBA_EACH(DbaRelation, child, &schema->relations))
      for (DBA_EACH(DbaConstraint, key, &child->constraints)) {
        if (strcmp(key->kind, "foreign key") || key->parent_constraint || g_strcmp0(key->ref_table, target.relation->name) ||
            g_strcmp0(key->ref_schema, target.relation->schema))
          continue;
        for (uint32_t i = 0; i < key->ref_columns.n; i++) {
          const DbaColumn *referring = dba_relation_column(child, dba_list_text(&key->columns, i));
          if (!strcmp(dba_list_text(&key->ref_columns, i), target.column->name) && referring && !strcmp(referring->type, column->type))
            widen(columns, child, referring);
        }
      }
  }
  return columns;
}

// Widens the column, everything that refers to it, and the sequence; the undo narrows them again.
static void propose(DbaAdvice *advice, DbaFinding *finding, const DbaRelation *relation, const DbaColumn *column,
                    const DbaSequence *sequence) {
  g_autoptr(GString) up = g_string_new(NULL), down = g_string_new(NULL);
  g_autofree char *of = dba_sql_name(sequence->schema, sequence->name);
  g_autoptr(GArray) columns = reach(advice->schema, relation, column);
  for (guint i = 0; i < columns->len; i++) {
    Widened wide = g_array_index(columns, Widened, i), narrow = g_array_index(columns, Widened, columns->len - 1 - i);
    g_autofree char *wide_table = dba_sql_name(wide.relation->schema, wide.relation->name),
                    *wide_column = dba_sql_name(NULL, wide.column->name),
                    *narrow_table = dba_sql_name(narrow.relation->schema, narrow.relation->name),
                    *narrow_column = dba_sql_name(NULL, narrow.column->name);
    g_string_append_printf(up, "ALTER TABLE %s ALTER COLUMN %s TYPE bigint;\n", wide_table, wide_column);
    g_string_append_printf(down, "ALTER TABLE %s ALTER COLUMN %s TYPE %s;\n", narrow_table, narrow_column, narrow.column->type);
  }
  if (!sequence->identity) { // an identity's own sequence follows its column
    g_string_append_printf(up, "ALTER SEQUENCE %s AS bigint;\n", of);
    g_autofree char *narrow = g_strdup_printf("ALTER SEQUENCE %s AS %s;\n", of, sequence->type);
    g_string_prepend(down, narrow);
  }
  finding->trial = DBA_TRIAL_UP_DOWN;
  finding->has_change = true;
  finding->change =
      (DbaChange){.name = dba_advice_file_name(advice, dba_arena_format(advice->arena, "widen_%s_%s", relation->name, column->name)),
                  .up = dba_arena_text(advice->arena, up->str),
                  .down = dba_arena_text(advice->arena, down->str),
                  .undo_class = DBA_UNDO_WHILE_IT_FITS};
  dba_advice_alternative(advice, finding, "expand and contract: a new bigint column, filled in batches, switched over",
                         "no long lock, several releases; take it where the measured rewrite is too long for a maintenance window");
}

void dba_advise_key_overflow(DbaAdvice *advice) {
  int64_t unread = 0;
  for (DBA_EACH(DbaSequence, sequence, &advice->schema->sequences)) {
    const DbaRelation *relation =
        sequence->owned_by_table ? dba_schema_relation(advice->schema, sequence->owned_by_schema, sequence->owned_by_table) : NULL;
    const DbaColumn *column = relation && sequence->owned_by_column ? dba_relation_column(relation, sequence->owned_by_column) : NULL;
    double largest = dba_sequence_largest(advice->schema, sequence);
    if (!relation || !column || largest <= 0 || sequence->cycle || sequence->increment <= 0)
      continue;
    advice->looked_at++;
    if (!sequence->has_last_value && !sequence->used_permille) {
      unread++;
      continue;
    }
    double used = sequence->used_permille ? (double)sequence->used_permille / 1000 : (double)sequence->last_value / largest;
    if (used < 0.5)
      continue;
    DbaFinding *finding = dba_advice_find(advice, used >= 0.8 ? DBA_MUST_FIX : DBA_WORTH_IT, relation,
                                          dba_arena_format(advice->arena, "%s.%s(%s)", relation->schema, relation->name, column->name));
    finding->stake = used * 1e12;
    finding->what = dba_arena_format(advice->arena, "%s.%s.%s (%s) has used %.1f %% of its values.", relation->schema, relation->name,
                                     column->name, column->type, used * 100);
    finding->why = dba_arena_format(
        advice->arena,
        "At %.0f the next insert fails, and so does every one after it.  How soon is not known from one survey: a date needs two.",
        largest);
    bool whole_type =
        (!strcmp(column->type_name, "int2") && largest >= 32767) || (!strcmp(column->type_name, "int4") && largest >= 2147483647);
    if (whole_type) // a MAXVALUE below the type is somebody's wish
      propose(advice, finding, relation, column, sequence);
  }
  if (unread && advice->survey->has_statistics)
    dba_advice_unjudged(advice, dba_arena_format(advice->arena, "%" G_GINT64_FORMAT " sequences", unread),
                        "their position is not known: never used, or not readable by this role",
                        "grant usage on the sequences, or pg_read_all_data");
}

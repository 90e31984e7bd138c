// SPDX-License-Identifier: Apache-2.0
// What rows that were made need before anyone works with them: checks that some of them break, and sequences.
//
// Columns are made one by one, so a check of two of them may not hold for some rows.  It is set aside while rows are loaded.  Few rows
// that break it give up a nullable column of it; where that does not help it is put back NOT VALID, and named.
#include "lab/stand-in-int.h"

#include "sql/sql.h"

#include <string.h>

static const double FEW = 0.01; // of the rows: so many nulls more are within what a stand-in is held to

// Above partitions: a check that is inherited is its parent's.
static const DbaRelation *owner_of(const DbaSchema *schema, const DbaRelation *relation, const char *check) {
  enum { DEEPEST = 16 };
  for (int depth = 0; relation->partition_of && depth < DEEPEST; depth++) {
    const DbaRelation *parent = dba_schema_relation(schema, relation->partition_of_schema, relation->partition_of);
    if (!parent || !dba_relation_constraint(parent, check))
      break;
    relation = parent;
  }
  return relation;
}

static bool alter(DbaServer *server, const DbaRelation *relation, const char *what, const char *name, const char *rest, GError **error) {
  g_autofree char *table = dba_sql_name(relation->schema, relation->name), *check = dba_sql_name(NULL, name),
                  *sql = g_strdup_printf("alter table %s %s constraint %s%s%s", table, what, check, *rest ? " " : "", rest);
  return dba_server_exec(server, sql, error);
}

bool dba_check_set_aside(DbaServer *server, const DbaSchema *schema, const DbaRelation *relation, GArray *aside) {
  g_autofree char *name = g_strdup(dba_server_constraint(server));
  const DbaRelation *owner = *name && !strcmp(dba_server_sqlstate(server), "23514") ? owner_of(schema, relation, name) : NULL;
  const DbaConstraint *check = owner ? dba_relation_constraint(owner, name) : NULL;
  g_autoptr(GError) ignored = NULL;
  if (!check || strcmp(check->kind, "check") || !check->definition || !alter(server, owner, "drop", name, "", &ignored))
    return false;
  DbaCheckAside one = {owner, check};
  g_array_append_val(aside, one);
  return true;
}

// Rows of the table, and those of them that break the check.
static bool count_rows(DbaServer *server, const char *table, const char *condition, double *ret_all, double *ret_breaking, GError **error) {
  g_autofree char *sql = g_strdup_printf("select count(*), count(*) filter (where not %s) from %s", condition, table);
  g_autoptr(DbaResult) result = dba_server_query(server, sql, NULL, error);
  if (!result)
    return false;
  *ret_all = dba_result_real(result, 0, 0);
  *ret_breaking = dba_result_real(result, 0, 1);
  return true;
}

static bool may_be_null(const DbaRelation *relation, const DbaColumn *column) {
  for (DBA_EACH(DbaConstraint, key, &relation->constraints))
    if (!strcmp(key->kind, "primary key") && dba_list_has_text(&key->columns, column->name))
      return false;
  return !column->not_null && !column->generated;
}

// As a word of its own: a string that holds it does no harm, it is tried and changes nothing.
static bool names_column(const char *condition, const char *column) {
  g_autofree char *name = dba_sql_name(NULL, column);
  for (const char *p = strstr(condition, name); p; p = strstr(p + 1, name)) {
    char before = p > condition ? p[-1] : ' ', after = p[strlen(name)];
    if (!g_ascii_isalnum(before) && before != '_' && !g_ascii_isalnum(after) && after != '_')
      return true;
  }
  return false;
}

static bool repair(DbaServer *server, const DbaRelation *relation, const char *table, const char *condition, double *breaking,
                   GError **error) {
  double all;
  for (DBA_EACH(DbaColumn, column, &relation->columns)) {
    if (*breaking < 1 || !may_be_null(relation, column) || !names_column(condition, column->name))
      continue;
    g_autofree char *name = dba_sql_name(NULL, column->name),
                    *sql = g_strdup_printf("update %s set %s = null where not %s", table, name, condition);
    g_autoptr(GError) refused = NULL;
    if (!dba_server_exec(server, sql, &refused) && !g_error_matches(refused, DBA_ERROR, DBA_ERROR_DATABASE)) {
      g_propagate_error(error, g_steal_pointer(&refused));
      return false;
    }
    if (!count_rows(server, table, condition, &all, breaking, error))
      return false;
  }
  return true;
}

static bool put_back(DbaServer *server, const DbaCheckAside *one, DbaLoad *load, GError **error) {
  g_autofree char *expression = dba_check_expression(one->check->definition), *condition = g_strdup(expression ? expression : "(true)"),
                  *table = dba_sql_name(one->relation->schema, one->relation->name), *what = NULL,
                  *not_valid = g_strdup_printf("%s%s", one->check->definition, one->check->not_valid ? "" : " not valid");
  double all, breaking, left;
  if (!count_rows(server, table, condition, &all, &breaking, error))
    return false;
  left = breaking;
  if (breaking <= FEW * all && !repair(server, one->relation, table, condition, &left, error))
    return false;
  if (!alter(server, one->relation, "add", one->check->name, left > 0 ? not_valid : one->check->definition, error))
    return false;
  if (left > 0)
    what = g_strdup_printf("its check %s does not hold for %.0f of %.0f rows that were made: it is NOT VALID here", one->check->name, left,
                           all);
  else if (breaking > 0)
    what = g_strdup_printf("%.0f of %.0f rows that were made have a null more, for its check %s", breaking, all, one->check->name);
  if (what)
    dba_load_note(load, table, 0, what);
  return true;
}

bool dba_checks_put_back(DbaServer *server, const GArray *aside, DbaLoad *load, GError **error) {
  for (guint i = 0; i < aside->len; i++) {
    g_autoptr(GError) problem = NULL;
    const DbaCheckAside *one = &g_array_index(aside, DbaCheckAside, i);
    if (put_back(server, one, load, &problem))
      continue;
    if (!g_error_matches(problem, DBA_ERROR, DBA_ERROR_DATABASE)) {
      g_propagate_error(error, g_steal_pointer(&problem));
      return false;
    }
    g_autofree char *table = dba_sql_name(one->relation->schema, one->relation->name),
                    *text = g_strdup_printf("its check %s is left out: %s", one->check->name, problem->message);
    dba_load_note(load, table, 0, text);
  }
  return true;
}

bool dba_sequences_go_on(DbaServer *server, const DbaSchema *schema, GError **error) {
  for (DBA_EACH(DbaSequence, sequence, &schema->sequences)) {
    g_autofree char *name = dba_sql_name(sequence->schema, sequence->name), *quoted = NULL,
                    *last = sequence->has_last_value ? g_strdup_printf("%" G_GINT64_FORMAT, sequence->last_value) : g_strdup("null");
    g_autoptr(GString) sql = g_string_new("select pg_catalog.setval(");
    dba_sql_append_literal(sql, name);
    const char *end = sequence->increment < 0 ? "least" : "greatest";
    g_string_append_printf(sql, "::regclass, %s(v, %s::bigint)) from (select ", end, last);
    if (sequence->owned_by_table && sequence->owned_by_column) {
      quoted = dba_sql_name(sequence->owned_by_schema, sequence->owned_by_table);
      g_string_append(sql, sequence->increment < 0 ? "min(" : "max(");
      dba_sql_append_identifier(sql, sequence->owned_by_column);
      g_string_append_printf(sql, ")::bigint as v from %s", quoted);
    } else
      g_string_append(sql, "null::bigint as v");
    g_string_append_printf(sql, ") x where coalesce(v, %s::bigint) is not null", last);
    g_autoptr(GError) problem = NULL;
    if (!dba_server_exec(server, sql->str, &problem) && !g_error_matches(problem, DBA_ERROR, DBA_ERROR_DATABASE)) {
      g_propagate_error(error, g_steal_pointer(&problem));
      return false; // one that cannot be set (out of its bounds) stays
    }
  }
  return true;
}

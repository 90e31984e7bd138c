// SPDX-License-Identifier: Apache-2.0
// What clients run: a workload's statements, with where the values of their parameters come from.
#include "lab/drive-int.h"

#include "lab/stand-in-int.h"
#include "sql/sql.h"

#include "lab-sql.h"

#include <string.h>

static const char *const *columns_of(void *data, const char *schema, const char *table) {
  DbaDriver *driver = data;
  for (DBA_EACH(DbaRelation, relation, &driver->drive->survey->schema.relations)) {
    if (strcmp(relation->name, table) || (schema && strcmp(relation->schema, schema)))
      continue;
    const char *const *names = g_hash_table_lookup(driver->columns, relation);
    if (!names)
      g_hash_table_insert(driver->columns, relation, (void *)(uintptr_t)(names = dba_relation_column_names(driver->arena, relation)));
    return names;
  }
  return NULL;
}

static const DbaRelation *find_table(const DbaDriver *driver, const DbaSqlColumn *column) {
  for (DBA_EACH(DbaRelation, relation, &driver->drive->survey->schema.relations))
    if (!strcmp(relation->name, column->table) && (!column->schema || !strcmp(relation->schema, column->schema)))
      return relation;
  return NULL;
}

// The place of a column among those that are sampled of its table.
static void take_from_rows(DbaDriver *driver, DbaDrivePrepared *statement, const DbaRelation *relation, const char *column,
                           DbaDriveParameter *parameter) {
  g_autofree char *table = dba_sql_name(relation->schema, relation->name), *name = dba_sql_name(NULL, column);
  guint found;
  for (guint i = 0; i < statement->samples->len; i++) {
    DbaDriveSample *sample = &g_array_index(statement->samples, DbaDriveSample, i);
    if (strcmp(sample->table, table))
      continue;
    parameter->sample = i;
    if (!g_ptr_array_find_with_equal_func(sample->columns, name, g_str_equal, &found)) {
      found = sample->columns->len;
      g_ptr_array_add(sample->columns, g_steal_pointer(&name));
    }
    parameter->column = (int)found;
    return;
  }
  DbaDriveSample sample = {.table = dba_arena_text(driver->arena, table), .columns = g_ptr_array_new_with_free_func(g_free)};
  g_ptr_array_add(sample.columns, g_steal_pointer(&name));
  g_array_append_val(statement->samples, sample);
  parameter->sample = statement->samples->len - 1;
  parameter->column = 0;
}

static const char *constant_of(const char *type) {
  const char *plain = dba_sql_plain_value(type);
  return plain ? plain : type && (!strcmp(type, "text") || !strcmp(type, "character varying")) ? "x" : "1";
}

static bool choose_parameter(DbaDriver *driver, DbaServer *server, DbaDrivePrepared *statement, const DbaSqlParameter *told,
                             const char *type, DbaDriveParameter *parameter, GError **error) {
  const DbaRelation *relation = told && told->with ? find_table(driver, told->with) : NULL;
  const DbaColumn *column = relation ? dba_relation_column(relation, told->with->column) : NULL;
  *parameter = (DbaDriveParameter){
      .source = DBA_DRIVE_CONSTANT, .text = told && told->structural ? "10" : constant_of(type), .array = told && told->array};
  if (!column || told->structural || (!dba_relation_is_table(relation) && strcmp(relation->kind, "materialized view")))
    return true; // of others no rows can be sampled
  parameter->source = DBA_DRIVE_FROM_ROWS;
  for (DBA_EACH(DbaConstraint, key, told->inserted ? &relation->constraints : &(DbaList){0})) { // any parent, for each key on its own
    const DbaRelation *parent = !strcmp(key->kind, "foreign key") && key->columns.n == 1 && dba_list_has_text(&key->columns, column->name)
                                    ? dba_schema_relation(&driver->drive->survey->schema, key->ref_schema, key->ref_table)
                                    : NULL;
    if (parent && key->ref_columns.n == 1) {
      take_from_rows(driver, statement, parent, dba_list_text(&key->ref_columns, 0), parameter);
      return true;
    }
  }
  take_from_rows(driver, statement, relation, column->name, parameter);
  if (!told->inserted || !dba_relation_in_unique_index(relation, column->name))
    return true;
  if (!g_strcmp0(column->type_name, "uuid"))
    parameter->source = DBA_DRIVE_FRESH_UUID;
  else if (!g_strcmp0(column->type_name, "int2") || !g_strcmp0(column->type_name, "int4") || !g_strcmp0(column->type_name, "int8") ||
           !g_strcmp0(column->type_name, "numeric")) {
    g_autofree char *table = dba_sql_name(relation->schema, relation->name), *name = dba_sql_name(NULL, column->name),
                    *sql = g_strdup_printf("select least(coalesce(max(%s), 0), 1e18)::bigint from %s", name, table);
    g_autoptr(DbaResult) most = dba_server_query(server, sql, NULL, error);
    if (!most)
      return false;
    parameter->source = DBA_DRIVE_FRESH_NUMBER;
    parameter->from = dba_result_int(most, 0, 0);
  } else if (!g_strcmp0(column->type_name, "text") || !g_strcmp0(column->type_name, "varchar"))
    parameter->source = DBA_DRIVE_FRESH_TEXT;
  return true;
}

static bool take_samples(DbaDriver *driver, DbaServer *server, DbaDrivePrepared *statement, GError **error) {
  for (guint i = 0; i < statement->samples->len; i++) {
    DbaDriveSample *sample = &g_array_index(statement->samples, DbaDriveSample, i);
    g_autoptr(GString) sql = g_string_new("select ");
    for (guint k = 0; k < sample->columns->len; k++)
      g_string_append_printf(sql, "%sx.%s::text", k ? ", " : "", (const char *)sample->columns->pdata[k]);
    // Anywhere in the table: pages by the seed, all of them when it is small.
    g_string_append_printf(
        sql, " from %s x tablesample system (least(100, 100.0 * %d / greatest((select sum(c.reltuples) from pg_class c where c.oid = '",
        sample->table, 8 * DBA_DRIVE_SAMPLE_ROWS);
    g_autoptr(GString) literal = g_string_new(NULL);
    dba_sql_append_literal(literal, sample->table);
    g_string_truncate(sql, sql->len - 1);
    g_string_append_printf(sql, "%s::regclass), 1))) repeatable (%" G_GUINT64_FORMAT ") order by md5(x.ctid::text) limit %d", literal->str,
                           driver->drive->seed, DBA_DRIVE_SAMPLE_ROWS);
    if (!(sample->rows = dba_server_query(server, sql->str, NULL, error)))
      return false;
  }
  return true;
}

static void clear_sample(gpointer data) {
  DbaDriveSample *sample = data;
  g_clear_pointer(&sample->rows, dba_result_free);
  g_ptr_array_unref(sample->columns);
}

// False only when the lab broke; a statement that cannot be prepared is told.
bool dba_drive_prepare(DbaDriver *driver, DbaServer *server, const DbaDriveStatement *of, DbaDriveResult *result, GError **error) {
  g_autoptr(GError) problem = NULL;
  DbaDrivePrepared statement = {.of = of, .samples = g_array_new(FALSE, FALSE, sizeof(DbaDriveSample))};
  DbaSqlValues values = {0};
  g_array_set_clear_func(statement.samples, clear_sample);
  g_snprintf(statement.name, sizeof statement.name, "dbarch_%u", driver->prepared++);
  const char *name[] = {statement.name, NULL};
  bool ok = dba_server_prepare(server, statement.name, of->sql, &problem);
  g_autoptr(DbaResult) types = ok ? dba_server_query(server, dba_embedded_lab_sql("parameter_types"), name, &problem) : NULL;
  ok = types && dba_sql_read_values(of->sql, columns_of, driver, driver->arena, &values, &problem) &&
       (statement.n_parameters = (unsigned)dba_result_rows(types)) <= DBA_DRIVE_MOST_PARAMETERS;
  for (unsigned i = 0; ok && i < statement.n_parameters; i++) {
    const DbaSqlParameter *told = NULL;
    for (DBA_EACH(DbaSqlParameter, parameter, &values.parameters))
      if (parameter->number == (int)i + 1 && (!told || !told->with))
        told = parameter;
    ok = choose_parameter(driver, server, &statement, told, dba_result_text(types, (int)i, 0), &statement.parameters[i], &problem);
  }
  ok = ok && take_samples(driver, server, &statement, &problem);
  if (ok) {
    statement.reach =
        (driver->statements->len ? g_array_index(driver->statements, DbaDrivePrepared, driver->statements->len - 1).reach : 0) + of->weight;
    g_array_append_val(driver->statements, statement);
    return true;
  }
  g_array_unref(statement.samples);
  if (problem && !g_error_matches(problem, DBA_ERROR, DBA_ERROR_DATABASE) && !g_error_matches(problem, DBA_ERROR, DBA_ERROR_INPUT)) {
    g_propagate_error(error, g_steal_pointer(&problem));
    return false;
  }
  g_autofree char *line = g_strdup_printf("%.80s: %s", of->sql, problem ? problem->message : "too many parameters");
  dba_list_add_text(result->arena, &result->refused, line);
  return true;
}

// SPDX-License-Identifier: Apache-2.0
// Schema to SQL, in the way of pg_dump: tables without constraints, then everything that leans on rows.
//
// Partitions are made as plain tables and attached, as pg_dump does, so that column order and local constraints survive.
// Definitions are the server's own; what is assembled here are tables, sequences, types and the small print.
#include "schema/schema-int.h"

#include "sql/sql.h"

#include <string.h>

typedef struct Writer {
  const DbaSchema *schema;
  const DbaSchemaWrite *options;
  GString *before, *after; // the rows
  GString *attached;       // indexes to those of their parents, which the walk may come to later
} Writer;

static void append_list(GString *sql, const DbaList *texts) {
  for (uint32_t i = 0; i < texts->n; i++) { // "name=value" as PostgreSQL stores options
    const char *option = dba_list_text(texts, i), *equals = strchr(option, '=');
    g_string_append(sql, i ? ", " : "");
    if (!equals) {
      g_string_append(sql, option);
      continue;
    }
    g_string_append_len(sql, option, equals - option + 1);
    dba_sql_append_literal(sql, equals + 1);
  }
}

// Foreign data wrappers' options: name 'value', without the equals sign.
static void append_foreign_options(GString *sql, const DbaList *texts) {
  if (!texts->n)
    return;
  g_string_append(sql, " OPTIONS (");
  for (uint32_t i = 0; i < texts->n; i++) {
    const char *option = dba_list_text(texts, i), *equals = strchr(option, '=');
    g_autofree char *name = equals ? g_strndup(option, (gsize)(equals - option)) : g_strdup(option);
    g_string_append(sql, i ? ", " : "");
    dba_sql_append_identifier(sql, name);
    g_string_append_c(sql, ' ');
    dba_sql_append_literal(sql, equals ? equals + 1 : "");
  }
  g_string_append_c(sql, ')');
}

// Comment, owner and grants: `object` is "TABLE a.b".
static void write_comment(GString *sql, const char *object, const char *comment) {
  if (!comment)
    return;
  g_string_append_printf(sql, "COMMENT ON %s IS ", object);
  dba_sql_append_literal(sql, comment);
  g_string_append(sql, ";\n");
}

static void write_owner(const Writer *writer, GString *sql, const char *object, const char *owner) {
  if (writer->options->no_owners || !owner)
    return;
  g_string_append_printf(sql, "ALTER %s OWNER TO ", object);
  dba_sql_append_identifier(sql, owner);
  g_string_append(sql, ";\n");
}

static void write_grants(const Writer *writer, const char *object, const char *column, const DbaList *acl, const DbaList *acl_default) {
  if (!writer->options->no_grants) // last of all: an owner may revoke from itself
    dba_schema_write_grants(writer->after, "", object, column, acl, acl_default);
}

static char *named(const char *word, const char *namespace, const char *name) {
  g_autofree char *qualified = dba_sql_name(namespace, name);
  return g_strdup_printf("%s %s", word, qualified);
}

static void write_namespace(Writer *writer, const DbaNamespace *x) {
  g_autofree char *object = named("SCHEMA", NULL, x->name);
  if (strcmp(x->name, "public"))
    g_string_append_printf(writer->before, "CREATE %s;\n", object);
  write_owner(writer, writer->before, object, x->owner);
  write_comment(writer->before, object, x->comment);
  write_grants(writer, object, NULL, &x->acl, &x->acl_default);
}

static void write_extension(Writer *writer, const DbaExtension *x) {
  g_autofree char *object = named("EXTENSION", NULL, x->name), *schema = dba_sql_name(NULL, x->schema ? x->schema : "public");
  g_string_append_printf(writer->before, "CREATE EXTENSION IF NOT EXISTS %s WITH SCHEMA %s;\n", object + strlen("EXTENSION "), schema);
}

// name type [COMPRESSION ..] [COLLATE ..] [default] [NOT NULL]
static void append_column(GString *sql, const DbaColumn *column, bool with_default) {
  dba_sql_append_identifier(sql, column->name);
  g_string_append_printf(sql, " %s", column->type);
  if (column->collation)
    g_string_append_printf(sql, " COLLATE %s", column->collation);
  if (column->generated)
    g_string_append_printf(sql, " GENERATED ALWAYS AS (%s)%s", column->default_expr ? column->default_expr : "NULL",
                           strcmp(column->generated, "stored") ? "" : " STORED");
  else if (column->default_expr && with_default)
    g_string_append_printf(sql, " DEFAULT %s", column->default_expr);
  if (column->not_null_name) {
    g_string_append(sql, " CONSTRAINT ");
    dba_sql_append_identifier(sql, column->not_null_name);
  }
  if (column->not_null)
    g_string_append(sql, " NOT NULL");
}

static void write_type(Writer *writer, const DbaType *x) {
  GString *sql = writer->before;
  g_autofree char *name = dba_sql_name(x->schema, x->name);
  bool domain = !strcmp(x->kind, "domain");
  g_autofree char *object = g_strdup_printf("%s %s", domain ? "DOMAIN" : "TYPE", name);
  g_string_append_printf(sql, "CREATE %s AS ", object);
  if (domain) {
    g_string_append(sql, x->base_type ? x->base_type : "text");
    if (x->collation)
      g_string_append_printf(sql, " COLLATE %s", x->collation);
    if (x->default_expr)
      g_string_append_printf(sql, " DEFAULT %s", x->default_expr);
    if (x->not_null)
      g_string_append(sql, " NOT NULL");
    for (DBA_EACH(DbaDomainCheck, check, &x->checks))
      if (!check->not_valid) {
        g_string_append(sql, " CONSTRAINT ");
        dba_sql_append_identifier(sql, check->name);
        g_string_append_printf(sql, " %s", check->definition);
      }
  } else if (!strcmp(x->kind, "enum")) {
    g_string_append(sql, "ENUM (");
    for (uint32_t i = 0; i < x->labels.n; i++) {
      g_string_append(sql, i ? ", " : "");
      dba_sql_append_literal(sql, dba_list_text(&x->labels, i));
    }
    g_string_append_c(sql, ')');
  } else if (!strcmp(x->kind, "range")) {
    g_string_append_printf(sql, "RANGE (subtype = %s", x->subtype);
    if (x->multirange)
      g_string_append_printf(sql, ", multirange_type_name = %s", x->multirange);
    if (x->subtype_opclass)
      g_string_append_printf(sql, ", subtype_opclass = %s", x->subtype_opclass);
    if (x->subtype_diff)
      g_string_append_printf(sql, ", subtype_diff = %s", x->subtype_diff);
    g_string_append_c(sql, ')');
  } else {
    g_string_append_c(sql, '(');
    for (uint32_t i = 0; i < x->columns.n; i++) {
      g_string_append(sql, i ? ", " : "");
      append_column(sql, dba_list_at(DbaColumn, &x->columns, i), false);
    }
    g_string_append_c(sql, ')');
  }
  g_string_append(sql, ";\n");
  for (DBA_EACH(DbaDomainCheck, check, &x->checks))
    if (check->not_valid) {
      g_autofree char *constraint = dba_sql_name(NULL, check->name);
      g_string_append_printf(writer->after, "ALTER %s ADD CONSTRAINT %s %s;\n", object, constraint, check->definition);
    }
  write_owner(writer, sql, object, x->owner);
  write_comment(sql, object, x->comment);
  for (DBA_EACH(DbaColumn, column, &x->columns))
    if (column->comment) {
      g_autofree char *attribute = dba_sql_name(NULL, column->name);
      g_autofree char *of = g_strdup_printf("COLUMN %s.%s", name, attribute);
      write_comment(sql, of, column->comment);
    }
  write_grants(writer, object, NULL, &x->acl, &x->acl_default);
}

static void append_sequence_options(GString *sql, const DbaSequence *x) {
  g_string_append_printf(sql,
                         " START WITH %" G_GINT64_FORMAT " INCREMENT BY %" G_GINT64_FORMAT " MINVALUE %" G_GINT64_FORMAT
                         " MAXVALUE %" G_GINT64_FORMAT " CACHE %" G_GINT64_FORMAT "%s",
                         x->start, x->increment, x->minimum, x->maximum, x->cache, x->cycle ? " CYCLE" : "");
}

static void write_sequence(Writer *writer, const DbaSequence *x) {
  g_autofree char *object = named("SEQUENCE", x->schema, x->name);
  if (!x->identity) {
    g_string_append_printf(writer->before, "CREATE %s%s AS %s", x->persistence ? "UNLOGGED " : "", object, x->type ? x->type : "bigint");
    append_sequence_options(writer->before, x);
    g_string_append(writer->before, ";\n");
    if (!x->owned_by_table)
      write_owner(writer, writer->before, object, x->owner);
    if (x->owned_by_table && x->owned_by_column) { // the table exists only after this
      g_autofree char *table = dba_sql_name(x->owned_by_schema, x->owned_by_table), *column = dba_sql_name(NULL, x->owned_by_column);
      write_owner(writer, writer->after, object, x->owner);
      g_string_append_printf(writer->after, "ALTER %s OWNED BY %s.%s;\n", object, table, column);
    }
  }
  write_comment(writer->after, object, x->comment);
  write_grants(writer, object, NULL, &x->acl, &x->acl_default);
}

static void write_function(Writer *writer, const DbaFunction *x) {
  g_autofree char *name = dba_sql_name(x->schema, x->name);
  g_autofree char *object = g_strdup_printf("%s %s(%s)", !strcmp(x->kind, "procedure") ? "PROCEDURE" : "FUNCTION", name, x->arguments);
  g_autofree char *definition = g_strchomp(g_strdup(x->definition ? x->definition : ""));
  g_string_append_printf(writer->before, "%s;\n", definition);
  write_owner(writer, writer->before, object, x->owner);
  write_comment(writer->before, object, x->comment);
  write_grants(writer, object, NULL, &x->acl, &x->acl_default);
}

// ---- relations ------------------------------------------------------------------------------------------------------

static const DbaSequence *identity_sequence(const DbaSchema *schema, const DbaRelation *relation, const DbaColumn *column) {
  for (DBA_EACH(DbaSequence, x, &schema->sequences))
    if (x->identity && !g_strcmp0(x->owned_by_table, relation->name) && !g_strcmp0(x->owned_by_column, column->name) &&
        !g_strcmp0(x->owned_by_schema, relation->schema))
      return x;
  return NULL;
}

// What CREATE TABLE cannot say of a column, and its comment and grants.
static void write_column_details(Writer *writer, const DbaRelation *relation, const DbaColumn *column, const char *table,
                                 bool late_default) {
  GString *sql = writer->before;
  g_autofree char *name = dba_sql_name(NULL, column->name);
  bool only_inherited = column->inherited && !column->local && !relation->partition_of;
  if (column->default_expr && !column->generated && (late_default || only_inherited || !dba_relation_is_table(relation)))
    g_string_append_printf(late_default ? writer->after : sql, "ALTER TABLE ONLY %s ALTER COLUMN %s SET DEFAULT %s;\n", table, name,
                           column->default_expr);
  if (only_inherited && column->not_null && !column->not_null_inherited)
    g_string_append_printf(sql, "ALTER TABLE ONLY %s ALTER COLUMN %s SET NOT NULL;\n", table, name);
  if (column->storage)
    g_string_append_printf(sql, "ALTER TABLE ONLY %s ALTER COLUMN %s SET STORAGE %s;\n", table, name, column->storage);
  if (column->compression)
    g_string_append_printf(sql, "ALTER TABLE ONLY %s ALTER COLUMN %s SET COMPRESSION %s;\n", table, name, column->compression);
  if (column->has_statistics_target)
    g_string_append_printf(sql, "ALTER TABLE ONLY %s ALTER COLUMN %s SET STATISTICS %" G_GINT64_FORMAT ";\n", table, name,
                           column->statistics_target);
  if (column->options.n) {
    g_string_append_printf(sql, "ALTER TABLE ONLY %s ALTER COLUMN %s SET (", table, name);
    append_list(sql, &column->options);
    g_string_append(sql, ");\n");
  }
  const DbaSequence *sequence = column->identity && !relation->partition_of ? identity_sequence(writer->schema, relation, column) : NULL;
  if (sequence) {
    g_autofree char *sequence_name = dba_sql_name(sequence->schema, sequence->name);
    g_autofree char *kind = g_ascii_strup(column->identity, -1);
    g_string_append_printf(sql, "ALTER TABLE %s ALTER COLUMN %s ADD GENERATED %s AS IDENTITY (SEQUENCE NAME %s", table, name, kind,
                           sequence_name);
    append_sequence_options(sql, sequence);
    g_string_append(sql, ");\n");
  }
  g_autofree char *object = g_strdup_printf("COLUMN %s.%s", table, name);
  write_comment(sql, object, column->comment);
  g_autofree char *relation_object = g_strdup_printf("TABLE %s", table);
  write_grants(writer, relation_object, name, &column->acl, &(DbaList){0});
}

static void append_with(GString *sql, const DbaRelation *relation) {
  if (!relation->options.n && !relation->toast_options.n)
    return;
  g_string_append(sql, " WITH (");
  append_list(sql, &relation->options);
  for (uint32_t i = 0; i < relation->toast_options.n; i++) {
    g_autofree char *option = g_strconcat("toast.", dba_list_text(&relation->toast_options, i), NULL);
    const char *one[] = {option};
    g_string_append(sql, relation->options.n || i ? ", " : "");
    append_list(sql, &(DbaList){one, 1, 1});
  }
  g_string_append_c(sql, ')');
}

static bool check_is_ours(const DbaRelation *relation, const DbaConstraint *check) { // not merely inherited
  return !strcmp(check->kind, "check") && (check->local || relation->partition_of);
}

static void write_table(Writer *writer, const DbaRelation *x, const char *table, bool late) {
  GString *sql = writer->before;
  bool foreign = !strcmp(x->kind, "foreign table"), first = true;
  g_string_append_printf(sql, "CREATE %s%sTABLE %s", x->persistence ? "UNLOGGED " : "", foreign ? "FOREIGN " : "", table);
  if (x->of_type)
    g_string_append_printf(sql, " OF %s", x->of_type);
  GString *items = g_string_new(NULL);
  for (DBA_EACH(DbaColumn, column, &x->columns)) {
    if (column->inherited && !column->local && !x->partition_of)
      continue;
    if (x->of_type) {
      if (!column->not_null && !(column->default_expr && !late))
        continue;
      g_string_append(items, first ? "\n  " : ",\n  ");
      dba_sql_append_identifier(items, column->name);
      g_string_append(items, " WITH OPTIONS");
      if (column->default_expr && !late)
        g_string_append_printf(items, " DEFAULT %s", column->default_expr);
      g_string_append(items, column->not_null ? " NOT NULL" : "");
    } else {
      g_string_append(items, first ? "\n  " : ",\n  ");
      append_column(items, column, !late);
      if (foreign)
        append_foreign_options(items, &column->foreign_options);
    }
    first = false;
  }
  for (DBA_EACH(DbaConstraint, check, &x->constraints))
    if (check_is_ours(x, check) && !check->not_valid && !late) {
      g_string_append(items, first ? "\n  CONSTRAINT " : ",\n  CONSTRAINT ");
      dba_sql_append_identifier(items, check->name);
      g_string_append_printf(items, " %s", check->definition);
      first = false;
    }
  if (items->len || !x->of_type)
    g_string_append_printf(sql, " (%s%s)", items->str, items->len ? "\n" : "");
  g_string_free(items, TRUE);
  if (x->inherits.n) {
    g_string_append(sql, " INHERITS (");
    for (uint32_t i = 0; i < x->inherits.n; i++)
      g_string_append_printf(sql, "%s%s", i ? ", " : "", dba_list_text(&x->inherits, i));
    g_string_append_c(sql, ')');
  }
  if (x->partition_key)
    g_string_append_printf(sql, " PARTITION BY %s", x->partition_key);
  if (foreign) {
    g_string_append(sql, " SERVER ");
    dba_sql_append_identifier(sql, x->foreign_server ? x->foreign_server : "");
    append_foreign_options(sql, &x->foreign_options);
  }
  if (x->access_method) {
    g_string_append(sql, " USING ");
    dba_sql_append_identifier(sql, x->access_method);
  }
  append_with(sql, x);
  if (x->tablespace) {
    g_string_append(sql, " TABLESPACE ");
    dba_sql_append_identifier(sql, x->tablespace);
  }
  g_string_append(sql, ";\n");
}

static void write_view(Writer *writer, const DbaRelation *x, const char *view) {
  GString *sql = writer->before;
  bool materialized = !strcmp(x->kind, "materialized view");
  g_autofree char *body = g_strchomp(g_strdup(x->definition ? x->definition : "SELECT"));
  if (g_str_has_suffix(body, ";"))
    body[strlen(body) - 1] = '\0';
  g_string_append_printf(sql, "CREATE %sVIEW %s", materialized ? "MATERIALIZED " : "", view);
  if (x->access_method) {
    g_string_append(sql, " USING ");
    dba_sql_append_identifier(sql, x->access_method);
  }
  append_with(sql, x);
  if (x->tablespace) {
    g_string_append(sql, " TABLESPACE ");
    dba_sql_append_identifier(sql, x->tablespace);
  }
  g_string_append_printf(sql, " AS\n%s", body);
  if (materialized)
    g_string_append(sql, "\nWITH NO DATA");
  if (x->check_option) {
    g_autofree char *option = g_ascii_strup(x->check_option, -1);
    g_string_append_printf(sql, "\nWITH %s CHECK OPTION", option);
  }
  g_string_append(sql, ";\n");
  if (materialized && !x->not_populated && !writer->options->no_rows)
    g_string_append_printf(writer->after, "REFRESH MATERIALIZED VIEW %s;\n", view);
}

static void write_relation(Writer *writer, const DbaRelation *x, bool late) {
  GString *sql = writer->before;
  g_autofree char *name = dba_sql_name(x->schema, x->name), *upper = g_ascii_strup(x->kind, -1);
  bool table = dba_relation_is_table(x);
  g_autofree char *object = g_strdup_printf("%s %s", !strcmp(x->kind, "partitioned table") ? "TABLE" : upper, name);
  if (table || !strcmp(x->kind, "foreign table"))
    write_table(writer, x, name, late);
  else
    write_view(writer, x, name);
  write_owner(writer, sql, object, x->owner);
  for (DBA_EACH(DbaColumn, column, &x->columns))
    write_column_details(writer, x, column, name, late && table);
  if (x->partition_of) {
    g_autofree char *parent = dba_sql_name(x->partition_of_schema, x->partition_of);
    g_string_append_printf(sql, "ALTER TABLE ONLY %s ATTACH PARTITION %s %s;\n", parent, name,
                           x->partition_bound ? x->partition_bound : "DEFAULT");
  }
  write_comment(sql, object, x->comment);
  for (DBA_EACH(DbaConstraint, check, &x->constraints)) {
    if (check_is_ours(x, check) && (check->not_valid || late)) {
      g_autofree char *constraint = dba_sql_name(NULL, check->name);
      g_string_append_printf(writer->after, "ALTER TABLE %s ADD CONSTRAINT %s %s;\n", name, constraint, check->definition);
    }
  }
  if (x->row_security)
    g_string_append_printf(writer->after, "ALTER TABLE %s ENABLE ROW LEVEL SECURITY;\n", name);
  if (x->force_row_security)
    g_string_append_printf(writer->after, "ALTER TABLE ONLY %s FORCE ROW LEVEL SECURITY;\n", name);
  if (x->replica_identity && strcmp(x->replica_identity, "index"))
    g_string_append_printf(writer->after, "ALTER TABLE ONLY %s REPLICA IDENTITY %s;\n", name, x->replica_identity);
  g_autofree char *grant_object = g_strdup_printf("TABLE %s", name);
  write_grants(writer, grant_object, NULL, &x->acl, &x->acl_default);
}

// ---- what leans on a table ------------------------------------------------------------------------------------------

static void write_index_details(Writer *writer, const DbaRelation *relation, const DbaIndex *index) {
  g_autofree char *table = dba_sql_name(relation->schema, relation->name), *name = dba_sql_name(relation->schema, index->name);
  g_autofree char *bare = dba_sql_name(NULL, index->name);
  if (index->clustered)
    g_string_append_printf(writer->after, "ALTER TABLE %s CLUSTER ON %s;\n", table, bare);
  if (index->replica_identity)
    g_string_append_printf(writer->after, "ALTER TABLE ONLY %s REPLICA IDENTITY USING INDEX %s;\n", table, bare);
  int64_t number = 0;
  for (DBA_EACH(DbaIndexKey, key, &index->keys)) {
    number++;
    if (key->statistics_target)
      g_string_append_printf(writer->after, "ALTER INDEX %s ALTER COLUMN %" G_GINT64_FORMAT " SET STATISTICS %" G_GINT64_FORMAT ";\n", name,
                             number, key->statistics_target);
  }
  if (index->parent_index)
    g_string_append_printf(writer->attached, "ALTER INDEX %s ATTACH PARTITION %s;\n", index->parent_index, name);
}

static void write_index(Writer *writer, const DbaRelation *relation, const DbaIndex *index) {
  if (index->constraint || !index->definition)
    return; // made by its constraint
  g_autofree char *name = dba_sql_name(relation->schema, index->name), *object = g_strdup_printf("INDEX %s", name);
  g_string_append_printf(writer->after, "%s", index->definition);
  if (index->tablespace) {
    g_autofree char *space = dba_sql_name(NULL, index->tablespace);
    g_string_append_printf(writer->after, ";\nALTER INDEX %s SET TABLESPACE %s", name, space);
  }
  g_string_append(writer->after, ";\n");
  write_comment(writer->after, object, index->comment);
  write_index_details(writer, relation, index);
}

static void write_constraint(Writer *writer, const DbaRelation *relation, const DbaConstraint *x, GString *sql) {
  if (!strcmp(x->kind, "check"))
    ;
  else if (!strcmp(x->kind, "foreign key") && x->parent_constraint)
    return; // comes with the parent's
  else {
    g_autofree char *table = dba_sql_name(relation->schema, relation->name), *name = dba_sql_name(NULL, x->name);
    bool only = strcmp(x->kind, "foreign key") || strcmp(relation->kind, "partitioned table");
    g_string_append_printf(sql, "ALTER TABLE %s%s ADD CONSTRAINT %s %s;\n", only ? "ONLY " : "", table, name, x->definition);
    for (DBA_EACH(DbaIndex, index, &relation->indexes))
      if (!g_strcmp0(index->name, x->index))
        write_index_details(writer, relation, index);
  }
  if (x->comment) {
    g_autofree char *table = dba_sql_name(relation->schema, relation->name), *name = dba_sql_name(NULL, x->name);
    g_autofree char *object = g_strdup_printf("CONSTRAINT %s ON %s", name, table);
    write_comment(writer->after, object, x->comment);
  }
}

static void write_trigger(Writer *writer, const DbaRelation *relation, const DbaTrigger *x) {
  if (x->parent_trigger)
    return;
  g_autofree char *table = dba_sql_name(relation->schema, relation->name), *name = dba_sql_name(NULL, x->name);
  g_string_append_printf(writer->after, "%s;\n", x->definition);
  static const char *const words[][2] = {{"disabled", "DISABLE"}, {"replica", "ENABLE REPLICA"}, {"always", "ENABLE ALWAYS"}};
  for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
    if (!g_strcmp0(x->enabled, words[i][0]))
      g_string_append_printf(writer->after, "ALTER TABLE %s %s TRIGGER %s;\n", table, words[i][1], name);
  g_autofree char *object = g_strdup_printf("TRIGGER %s ON %s", name, table);
  write_comment(writer->after, object, x->comment);
}

static void write_policy(Writer *writer, const DbaRelation *relation, const DbaPolicy *x) {
  GString *sql = writer->after;
  g_autofree char *table = dba_sql_name(relation->schema, relation->name), *name = dba_sql_name(NULL, x->name);
  g_autofree char *command = g_ascii_strup(x->command ? x->command : "all", -1);
  g_string_append_printf(sql, "CREATE POLICY %s ON %s%s FOR %s", name, table, x->restrictive ? " AS RESTRICTIVE" : "", command);
  for (uint32_t i = 0; i < x->roles.n; i++) {
    g_string_append(sql, i ? ", " : " TO ");
    dba_sql_append_identifier(sql, dba_list_text(&x->roles, i));
  }
  if (x->using_expr)
    g_string_append_printf(sql, " USING (%s)", x->using_expr);
  if (x->check_expr)
    g_string_append_printf(sql, " WITH CHECK (%s)", x->check_expr);
  g_string_append(sql, ";\n");
  g_autofree char *object = g_strdup_printf("POLICY %s ON %s", name, table);
  write_comment(sql, object, x->comment);
}

static void write_statistics(Writer *writer, const DbaStatisticsObject *x) {
  g_autofree char *object = named("STATISTICS", x->schema, x->name);
  g_string_append_printf(writer->after, "%s;\n", x->definition);
  write_owner(writer, writer->after, object, x->owner);
  if (x->has_target)
    g_string_append_printf(writer->after, "ALTER %s SET STATISTICS %" G_GINT64_FORMAT ";\n", object, x->target);
  write_comment(writer->after, object, x->comment);
}

static void write_default_acl(Writer *writer, const DbaDefaultAcl *x) {
  g_autofree char *role = dba_sql_name(NULL, x->role), *kind = g_ascii_strup(x->kind, -1),
                  *schema = x->schema ? dba_sql_name(NULL, x->schema) : NULL;
  g_autofree char *prefix =
      g_strdup_printf("ALTER DEFAULT PRIVILEGES FOR ROLE %s%s%s ", role, schema ? " IN SCHEMA " : "", schema ? schema : "");
  dba_schema_write_grants(writer->after, prefix, kind, NULL, &x->acl, &x->acl_default);
}

static void write_node(Writer *writer, const DbaNode *node, const GHashTable *early) {
  switch (node->kind) {
  case DBA_NODE_NAMESPACE: write_namespace(writer, node->object); break;
  case DBA_NODE_EXTENSION: write_extension(writer, node->object); break;
  case DBA_NODE_TYPE: write_type(writer, node->object); break;
  case DBA_NODE_FUNCTION: write_function(writer, node->object); break;
  case DBA_NODE_SEQUENCE: write_sequence(writer, node->object); break;
  case DBA_NODE_RELATION: write_relation(writer, node->object, node->cyclic); break;
  case DBA_NODE_STATISTICS: write_statistics(writer, node->object); break;
  case DBA_NODE_INDEX: write_index(writer, node->relation, node->object); break;
  case DBA_NODE_CONSTRAINT:
  case DBA_NODE_FOREIGN_KEY:
    write_constraint(writer, node->relation, node->object,
                     g_hash_table_contains((GHashTable *)(uintptr_t)early, GSIZE_TO_POINTER((gsize)node->id)) ? writer->before
                                                                                                              : writer->after);
    break;
  case DBA_NODE_TRIGGER: write_trigger(writer, node->relation, node->object); break;
  case DBA_NODE_POLICY: write_policy(writer, node->relation, node->object); break;
  }
}

static void write_attached(Writer *writer) {
  g_string_append(writer->after, writer->attached->str);
  g_string_truncate(writer->attached, 0);
}

void dba_schema_write_parts(const DbaSchema *schema, const DbaSchemaWrite *options, char **ret_before_rows, char **ret_after_rows) {
  Writer writer = {schema, options,
                   g_string_new("SET check_function_bodies = off;\nSELECT pg_catalog.set_config('search_path', '', false);\n"),
                   g_string_new(NULL), g_string_new(NULL)};
  g_autoptr(GArray) nodes = dba_schema_order(schema);
  // Constraints that a view groups by, say, must exist before the view: they go before the rows.
  g_autoptr(GHashTable) early = g_hash_table_new(NULL, NULL);
  for (DBA_EACH(DbaNeed, need, &schema->needs))
    g_hash_table_add(early, GSIZE_TO_POINTER((gsize)need->needed));
  for (guint i = 0; i < nodes->len; i++) {
    if (g_array_index(nodes, DbaNode, i).kind >= DBA_NODE_FOREIGN_KEY) // which may lean on a key that is valid only with its parts
      write_attached(&writer);
    write_node(&writer, &g_array_index(nodes, DbaNode, i), early);
  }
  write_attached(&writer);
  g_string_free(writer.attached, TRUE);
  if (!options->no_grants)
    for (DBA_EACH(DbaDefaultAcl, x, &schema->default_acls))
      write_default_acl(&writer, x);
  *ret_before_rows = g_string_free(writer.before, FALSE);
  *ret_after_rows = g_string_free(writer.after, FALSE);
}

char *dba_schema_write(const DbaSchema *schema, const DbaSchemaWrite *options) {
  g_autofree char *before = NULL, *after = NULL;
  dba_schema_write_parts(schema, options, &before, &after);
  return g_strconcat(before, after, NULL);
}

static gint compare_role(gconstpointer a, gconstpointer b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

GPtrArray *dba_schema_roles(const DbaSchema *schema) {
  g_autoptr(GHashTable) roles = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
#define OWNER(x)                                                                                                                           \
  if ((x)->owner)                                                                                                                          \
  g_hash_table_add(roles, g_strdup((x)->owner))
  for (DBA_EACH(DbaNamespace, x, &schema->namespaces)) {
    OWNER(x);
    dba_schema_acl_roles(&x->acl, roles);
  }
  for (DBA_EACH(DbaType, x, &schema->types)) {
    OWNER(x);
    dba_schema_acl_roles(&x->acl, roles);
  }
  for (DBA_EACH(DbaSequence, x, &schema->sequences)) {
    OWNER(x);
    dba_schema_acl_roles(&x->acl, roles);
  }
  for (DBA_EACH(DbaFunction, x, &schema->functions)) {
    OWNER(x);
    dba_schema_acl_roles(&x->acl, roles);
  }
  for (DBA_EACH(DbaStatisticsObject, x, &schema->statistics_objects)) {
    OWNER(x);
  }
  for (DBA_EACH(DbaDefaultAcl, x, &schema->default_acls)) {
    g_hash_table_add(roles, g_strdup(x->role));
    dba_schema_acl_roles(&x->acl, roles);
  }
  for (DBA_EACH(DbaRelation, x, &schema->relations)) {
    OWNER(x);
    dba_schema_acl_roles(&x->acl, roles);
    for (DBA_EACH(DbaColumn, column, &x->columns))
      dba_schema_acl_roles(&column->acl, roles);
    for (DBA_EACH(DbaPolicy, policy, &x->policies))
      for (DBA_EACH_TEXT(role, &policy->roles))
        g_hash_table_add(roles, g_strdup(*role));
  }
#undef OWNER
  GPtrArray *sorted = g_ptr_array_new_with_free_func(g_free);
  GHashTableIter iter;
  gpointer name;
  g_hash_table_iter_init(&iter, roles);
  while (g_hash_table_iter_next(&iter, &name, NULL))
    g_ptr_array_add(sorted, g_strdup(name));
  g_ptr_array_sort(sorted, compare_role);
  return sorted;
}

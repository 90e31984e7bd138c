// SPDX-License-Identifier: Apache-2.0
// What is told of statements from their text: effects SCHEMA.sql STATEMENTS.sql prints for each statement, one to a line of the second file, on the
// schema that the first one makes, the statement, then for each table a tab, its name, its lock's number, "s" for a scan, "w" for a rewrite.
#include "sql/sql.h"

#include <stdio.h>
#include <string.h>

static bool learn(const DbaSqlStatement *statement, void *data, GError **error) {
  g_autoptr(DbaArena) arena = dba_arena_new();
  g_autofree char *sql = g_strndup(statement->item.text, statement->item.length);
  DbaSqlVerdict verdict;
  return statement->item.kind != DBA_SQL_STATEMENT || dba_sql_world_read(data, sql, arena, &verdict, error);
}

static bool tell(const char *schema, const char *sql, GError **error) {
  g_autoptr(DbaSqlWorld) world = dba_sql_world_new();
  g_autoptr(DbaArena) arena = dba_arena_new();
  g_autoptr(DbaSqlReader) reader = dba_sql_reader_text("schema", schema, strlen(schema));
  DbaSqlVerdict verdict;
  if (!dba_sql_visit(reader, learn, world, error))
    return false;
  dba_sql_world_begin(world);
  if (!dba_sql_world_read(world, sql, arena, &verdict, error))
    return false;
  printf("%s", sql);
  for (DBA_EACH(DbaSqlEffect, effect, &verdict.effects))
    printf("\t%s.%s %d%s%s", effect->schema, effect->table, (int)effect->lock, effect->scans ? "s" : "", effect->rewrites ? "w" : "");
  printf("\n");
  return true;
}

int main(int argc, char **argv) {
  g_autoptr(GError) error = NULL;
  g_autofree char *schema = NULL, *statements = NULL;
  if (argc != 3 || !g_file_get_contents(argv[1], &schema, NULL, &error) || !g_file_get_contents(argv[2], &statements, NULL, &error)) {
    fprintf(stderr, "effects SCHEMA.sql STATEMENTS.sql: %s\n", error ? error->message : "two files");
    return 2;
  }
  g_auto(GStrv) lines = g_strsplit(statements, "\n", -1);
  for (char **line = lines; *line; line++)
    if (**line && !tell(schema, *line, &error)) {
      fprintf(stderr, "%s\n", error->message);
      return 1;
    }
  return 0;
}

// SPDX-License-Identifier: Apache-2.0
// The splitter and the parser's facts: sql CASE.sql... compares with CASE.expect; without arguments, the rest.
//
// An expect file has a line an item: kind, line:column, bytes, tag and name of a statement, the first 60 characters.
#include "../test.h"

#include "sql/sql.h"

static const char *const kinds[] = {"statement", "meta", "copy-data", "copy-end"};

static bool describe(const DbaSqlStatement *statement, void *data, GError **error) {
  (void)error;
  g_autofree char *text = g_strndup(statement->item.text ? statement->item.text : "", MIN(statement->item.length, 60));
  g_strdelimit(text, "\n\t\r", ' ');
  g_string_append_printf(data, "%s %u:%u %zu%s %d %s%s%s|%s\n", kinds[statement->item.kind], statement->item.place.line,
                         statement->item.place.column, statement->item.length, statement->item.terminated ? ";" : "",
                         (int)statement->facts.tag, statement->facts.schema ? statement->facts.schema : "",
                         statement->facts.schema ? "." : "", statement->facts.name ? statement->facts.name : "-", text);
  return true;
}

static char *split_file(const char *path) {
  g_autoptr(GError) error = NULL;
  GString *out = g_string_new(NULL);
  g_autoptr(DbaSqlReader) reader = dba_sql_reader_file(path, &error);
  if (!reader || !dba_sql_visit(reader, describe, out, &error)) {
    g_autofree char *folder = g_path_get_dirname(path);
    g_auto(GStrv) parts = g_strsplit(error->message, folder, -1);
    g_autofree char *message = g_strjoinv("", parts);
    g_string_append_printf(out, "error %s\n", message);
  }
  return g_string_free(out, FALSE);
}

static bool run_case(const char *path) {
  g_autofree char *actual = split_file(path), *expect_path = g_strdup(path), *expected = NULL;
  memcpy(expect_path + strlen(path) - 4, ".exp", 4);
  g_autofree char *full = g_strconcat(expect_path, "ect", NULL);
  if (g_getenv("UPDATE"))
    return g_file_set_contents(full, actual, -1, NULL);
  if (!g_file_get_contents(full, &expected, NULL, NULL) || strcmp(actual, expected)) {
    printf("# %s is now:\n", full);
    g_auto(GStrv) lines = g_strsplit(actual, "\n", -1);
    for (char **line = lines; *line; line++)
      printf("#   %s\n", *line);
    return false;
  }
  return true;
}

// The same items whatever the pieces the file is read in: a long comment in front moves every boundary.
static void pieces(void) {
  g_autoptr(GString) sql = g_string_new(NULL);
  for (int i = 0; i < 40000; i++)
    g_string_append_printf(sql, "insert into t values (%d, 'a;b''c', $q$ ; $q$); -- c;\n", i);
  g_autofree char *path = g_build_filename(g_get_tmp_dir(), "dbarch-pieces-XXXXXX", NULL);
  int fd = g_mkstemp(path);
  CHECK(fd >= 0);
  CHECK(write(fd, sql->str, sql->len) == (ssize_t)sql->len);
  close(fd);
  g_autoptr(DbaSqlReader) from_file = dba_sql_reader_file(path, NULL), from_text = dba_sql_reader_text("t", sql->str, sql->len);
  unlink(path);
  CHECK(from_file != NULL);
  for (unsigned n = 0;; n++) {
    DbaSqlItem a, b;
    bool end_a, end_b;
    CHECK_OK(dba_sql_next(from_file, &a, &end_a, &error));
    CHECK_OK(dba_sql_next(from_text, &b, &end_b, &error));
    CHECK(end_a == end_b);
    if (end_a || end_b || test_failed) {
      CHECK(n == 40000);
      return;
    }
    CHECK(a.length == b.length && !memcmp(a.text, b.text, a.length) && a.place.line == b.place.line && a.place.column == b.place.column &&
          a.place.offset == b.place.offset);
  }
}

static void limits(void) {
  g_autoptr(GString) sql = g_string_new("select '");
  for (int i = 0; i < (5 << 20); i++)
    g_string_append_c(sql, 'x');
  g_string_append(sql, "';");
  g_autoptr(DbaSqlReader) reader = dba_sql_reader_text("big", sql->str, sql->len);
  DbaSqlItem item;
  bool end;
  g_autoptr(GError) error = NULL;
  CHECK(!dba_sql_next(reader, &item, &end, &error));
  CHECK(error && strstr(error->message, "longer than 4 MB"));
}

static bool count(const DbaSqlStatement *statement, void *data, GError **error) {
  (void)statement, (void)error;
  ++*(unsigned *)data;
  return true;
}

static void deep(void) { // a sum of 200,000 terms overflows a stack of 8 MB
  g_autoptr(GString) sql = g_string_new("with x as (select 1");
  for (int i = 0; i < 200000; i++)
    g_string_append(sql, "+1");
  g_string_append(sql, ") select * from x");
  g_autoptr(DbaSqlReader) reader = dba_sql_reader_text("deep", sql->str, sql->len);
  unsigned n = 0;
  CHECK_OK(dba_sql_visit(reader, count, &n, &error));
  CHECK(n == 1);
}

static void quoting(void) {
  static const char *const cases[][2] = {{"a", "a"},         {"select", "\"select\""}, {"A", "\"A\""},
                                         {"a b", "\"a b\""}, {"a\"b", "\"a\"\"b\""},   {"naïve", "\"naïve\""},
                                         {"name", "name"},   {"1a", "\"1a\""},         {"", "\"\""}};
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *quoted = dba_sql_name(NULL, cases[i][0]);
    CHECK_TEXT(quoted, cases[i][1]);
  }
  g_autoptr(GString) literal = g_string_new(NULL);
  dba_sql_append_literal(literal, "it's \\ here");
  CHECK_TEXT(literal->str, "E'it''s \\\\ here'");
}

static void arrays(void) {
  static const char *const cases[] = {"{}", "{a,b,c}", "{\"a b\",NULL,\"NULL\",\"\"}", "{\"q\\\"\\\\\",\"{x,y}\"}", NULL};
  g_autoptr(DbaArena) arena = dba_arena_new();
  DbaList elements = {0};
  for (const char *const *text = cases; *text; text++) {
    CHECK(dba_sql_read_array(*text, arena, &elements, NULL));
    g_autofree char *again = dba_sql_write_array(&elements, 0);
    CHECK_TEXT(again, *text);
  }
  uint32_t inner;
  CHECK(dba_sql_read_array("{{a,1},{b,NULL},{c,3}}", arena, &elements, &inner) && elements.n == 6 && inner == 2);
  g_autofree char *nested = dba_sql_write_array(&elements, inner);
  CHECK_TEXT(nested, "{{a,1},{b,NULL},{c,3}}");
  static const char *const broken[] = {"", "a", "{a", "{\"a}", "{a}}", "{a}b", "[0:1]={a,b}", "{a\\", NULL};
  for (const char *const *text = broken; *text; text++)
    CHECK(!dba_sql_read_array(*text, arena, &elements, NULL));
}

static const char *const *columns_of(void *data, const char *schema, const char *table) {
  static const char *const t[] = {"a", "b", "at", NULL}, *const u[] = {"c", NULL}, *const v[] = {"b", "d", NULL};
  (void)data, (void)schema;
  return !strcmp(table, "t") ? t : !strcmp(table, "u") ? u : !strcmp(table, "v") ? v : NULL;
}

// What each literal stands with: "value=table.column", + for a distance, [] for an array, # where it is structural, ? unknown.
static void literals(void) {
  static const char *const cases[][2] = {
      {"select * from t where a = 5 and 'x' < b limit 3", "5=t.a x=t.b 3#"},
      {"select * from s.t x where x.a in (1, -2) and b between 'm' and 'n'", "1=t.a -2=t.a m=t.b n=t.b"},
      {"select * from t where at < date '2024-01-02' - interval '3 days'", "2024-01-02=t.at 3 days=t.at+"},
      {"select * from t where a = any ('{1,2}') or a = any (array[3])", "{1,2}=t.a[] 3=t.a"},
      {"select c + 1 from u where exists (select 1 from t where a = c and b = 'k')", "1? 1? k=t.b"},
      {"with w as (select a as z from t) select * from w where z = 7 order by 1", "7=t.a 1#"},
      {"select * from (select * from t) q join u on q.a = u.c where q.b = $$it's$$", "it's=t.b"},
      {"insert into t (b, a) values ('p', 4), ('q', 5) on conflict (a) do update set b = 'r'", "p=t.b 4=t.a q=t.b 5=t.a r=t.b"},
      {"update t set b = 'v' where (a, b) = (1, 'w')", "v=t.b 1=t.a w=t.b"},
      {"select cast(b as varchar(20)), a::numeric(9,2) from t where nope = 1 and lower(b) = 'l' -- 'gone'", "20# 9# 2# 1? l?  'gone'"},
      {"select case a when 1 then 'one' end from t where a >= (select max(c) from u where c < 9)", "1=t.a one? 9=u.c"},
      {"merge into t using u on a = c when matched and b = 'm' then update set b = 'n' when not matched then insert values (1, 'o')",
       "m=t.b n=t.b 1=t.a o=t.b"},
      {"insert into t values (1, 'two', '2024-01-01')", "1=t.a two=t.b 2024-01-01=t.at"},
      {"select * from t where a < 5 limit (select count(*) from t where b = 'inner') offset 2", "5=t.a inner=t.b 2#"},
      {"select * from t where b = E'a\\x41' or b = U&'d!0061' uescape '!' or b = 'one'\n 'two'", "aA=t.b da=t.b onetwo=t.b"},
      {"select nextval('s.q'), x'1F'::int, '10:00'::time, a = - /* minus */ 5 from t", "s.q# 1F? 10:00? -5=t.a"},
      {"select * from generate_series(1, 7) g, t tablesample system (10)", "1? 7? 10#"},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(DbaArena) arena = dba_arena_new();
    g_autoptr(GString) out = g_string_new(NULL);
    DbaSqlValues values;
    CHECK_OK(dba_sql_read_values(cases[i][0], columns_of, NULL, arena, &values, &error));
    for (DBA_EACH(DbaSqlToken, token, &values.tokens)) {
      if (token->kind == DBA_SQL_A_COMMENT && !token->length) // it goes with a number
        continue;
      if (token->kind == DBA_SQL_A_COMMENT) {
        g_string_append_printf(out, " %.*s", (int)token->length - 2, cases[i][0] + token->offset + 2);
        continue;
      }
      g_string_append_printf(out, "%s%s", out->len ? " " : "", token->value);
      if (token->with)
        g_string_append_printf(out, "=%s.%s", token->with->table, token->with->column);
      g_string_append_printf(out, "%s%s%s", token->distance ? "+" : "", token->array ? "[]" : "",
                             token->structural ? "#"
                             : token->with     ? ""
                                               : "?");
    }
    CHECK_TEXT(out->str, cases[i][1]);
  }
  // What is compared with what.
  static const char *const pairs[][2] = {
      {"select * from t natural join v", "t.b=v.b"},
      {"select * from t where (a, b) in (select c, v.d from u, v)", "t.a=u.c t.b=v.d"},
      {"select b from t union all select d from v", "t.b=v.d"},
      {"insert into t (a) select c from u", "t.a=u.c"},
      {"select * from t join (select max(c) as z from u) x on x.z = t.a join v using (b)", "t.b=v.b"},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(pairs); i++) {
    g_autoptr(DbaArena) own = dba_arena_new();
    g_autoptr(GString) out = g_string_new(NULL);
    DbaSqlValues found;
    CHECK_OK(dba_sql_read_values(pairs[i][0], columns_of, NULL, own, &found, &error));
    for (DBA_EACH(DbaSqlPair, pair, &found.pairs))
      g_string_append_printf(out, "%s%s.%s=%s.%s", out->len ? " " : "", pair->a.table, pair->a.column, pair->b.table, pair->b.column);
    CHECK_TEXT(out->str, pairs[i][1]);
  }
  // A star over stars doubles what there is to look through at each level.
  g_autoptr(GString) deep_stars = g_string_new("with c0 as (select a from t)");
  for (int i = 1; i < 40; i++)
    g_string_append_printf(deep_stars, ", c%d as (select x.*, y.a as a%d from c%d x join c%d y on true)", i, i, i - 1, i - 1);
  g_string_append(deep_stars, " select * from c39 where nope = 1");
  g_autoptr(DbaArena) arena = dba_arena_new();
  DbaSqlValues values;
  double began = dba_process_cpu_seconds();
  CHECK_OK(dba_sql_read_values(deep_stars->str, columns_of, NULL, arena, &values, &error));
  CHECK(dba_process_cpu_seconds() - began < 2);
  g_autoptr(GError) refused = NULL;
  CHECK(!dba_sql_read_values("vacuum (parallel 2) t", columns_of, NULL, arena, &values, &refused) && refused);
}

int main(int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    g_autofree char *name = g_path_get_basename(argv[i]);
    bool ok = run_case(argv[i]);
    printf("%s split %s\n", ok ? "ok" : "not ok", name);
    tests_failed += !ok;
  }
  RUN(pieces);
  RUN(limits);
  RUN(deep);
  RUN(quoting);
  RUN(arrays);
  RUN(literals);
  return tests_failed != 0;
}

// SPDX-License-Identifier: Apache-2.0
// Arenas, records, JSON, text, files.
#include "../test.h"

#include <fcntl.h>
#include <sys/stat.h>

typedef struct Leaf {
  const char *name;
  int64_t n;
} Leaf;
typedef struct Tree {
  const char *title;
  bool flag;
  double real;
  DbaList words, numbers, leaves;
  int64_t internal;
} Tree;
static const DbaField leaf_fields[] = {DBA_FIELD(Leaf, name, TEXT, DBA_FIELD_NAMES), DBA_FIELD(Leaf, n, INT, 0), {0}};
static const DbaRecord leaf_record = {"leaf", sizeof(Leaf), leaf_fields};
static const DbaField tree_fields[] = {DBA_FIELD(Tree, title, TEXT, DBA_FIELD_VALUE),
                                       DBA_FIELD(Tree, flag, BOOL, 0),
                                       DBA_FIELD(Tree, real, REAL, 0),
                                       DBA_FIELD(Tree, words, TEXTS, 0),
                                       DBA_FIELD(Tree, numbers, INTS, 0),
                                       DBA_FIELD_OF(Tree, leaves, leaf_record, 0),
                                       DBA_FIELD(Tree, internal, INT, DBA_FIELD_INTERNAL),
                                       {0}};
static const DbaRecord tree_record = {"tree", sizeof(Tree), tree_fields};

static void fill(DbaArena *arena, Tree *tree) {
  *tree = (Tree){.title = "a \"quoted\" ☃", .flag = true, .real = 1.5, .internal = 7};
  dba_list_add_text(arena, &tree->words, "one");
  dba_list_add_text(arena, &tree->words, "");
  dba_list_add_int(arena, &tree->numbers, -9007199254740993);
  for (int i = 0; i < 100; i++) {
    Leaf *leaf = dba_list_add(arena, &tree->leaves, sizeof *leaf);
    *leaf = (Leaf){dba_arena_format(arena, "leaf %d", i), i};
  }
}

static void json_round_trip(void) {
  g_autoptr(DbaArena) arena = dba_arena_new();
  Tree tree, again = {0};
  fill(arena, &tree);
  g_autoptr(DbaJson) json = dba_json_new();
  dba_json_put(json, NULL, &tree_record, &tree, 0);
  g_autofree char *text = dba_json_text(json);
  CHECK(!strstr(text, "internal"));
  CHECK_OK(dba_json_read(arena, "t", text, strlen(text), &tree_record, &again, &error));
  g_autoptr(GPtrArray) differences = g_ptr_array_new_with_free_func(g_free);
  CHECK(dba_record_compare(&tree_record, &tree, &again, "", differences) == 0);
  CHECK(again.leaves.n == 100 && dba_list_int(&again.numbers, 0) == -9007199254740993);
  g_autoptr(DbaJson) redacted = dba_json_new();
  dba_json_put(redacted, NULL, &tree_record, &tree, DBA_FIELD_VALUE);
  g_autofree char *without = dba_json_text(redacted);
  CHECK(!strstr(without, "title"));
}

static void json_refuses(void) {
  static const char *const bad[][2] = {{"{\"flag\": 1}", "true or false"},
                                       {"{\"flog\": true}", "no key"},
                                       {"[]", "object"},
                                       {"{\"words\": [1]}", "text"},
                                       {"{\"numbers\": [1.5]}", "whole"},
                                       {"{\"leaves\": [{\"n\": 99999999999999999999}]}", "whole"},
                                       {"{\"title\": \"a\\u0000b\"}", "zero byte"},
                                       {"{\"title\": ", "t:1:"},
                                       {"", "t:1:1"},
                                       {"{\"words\": {}}", "list"}};
  for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
    g_autoptr(DbaArena) arena = dba_arena_new();
    g_autoptr(GError) error = NULL;
    Tree tree = {0};
    CHECK(!dba_json_read(arena, "t", bad[i][0], strlen(bad[i][0]), &tree_record, &tree, &error));
    CHECK(error && strstr(error->message, bad[i][1]));
  }
}

static void comparison(void) {
  g_autoptr(DbaArena) arena = dba_arena_new();
  Tree a, b;
  fill(arena, &a);
  fill(arena, &b);
  b.flag = false;
  b.internal = 8;
  dba_list_at(Leaf, &b.leaves, 3)->n = 33;
  dba_list_at(Leaf, &b.leaves, 5)->name = "new";
  g_autoptr(GPtrArray) differences = g_ptr_array_new_with_free_func(g_free);
  CHECK(dba_record_compare(&tree_record, &a, &b, "", differences) == 4);
  CHECK_TEXT(differences->pdata[0], "flag: true -> false");
  CHECK_TEXT(differences->pdata[1], "leaves.leaf 3.n: 3 -> 33");
  CHECK_TEXT(differences->pdata[2], "leaves.leaf 5: only before");
  CHECK_TEXT(differences->pdata[3], "leaves.new: only after");
}

static void words(void) {
  static const char *const verbs[] = {"review", "doctor", "survey", NULL};
  CHECK_TEXT(dba_text_nearest("reveiw", verbs), "review");
  CHECK_TEXT(dba_text_nearest("docter", verbs), "doctor");
  CHECK(dba_text_nearest("banana", verbs) == NULL);
}

static void amounts(void) {
  g_autofree char *a = dba_text_bytes(0), *b = dba_text_bytes(1536), *c = dba_text_bytes(44040192000), *d = dba_text_count(3100000),
                  *e = dba_text_duration(250000), *f = dba_text_duration(0.21);
  CHECK_TEXT(a, "0 bytes");
  CHECK_TEXT(b, "1.5 kB");
  CHECK_TEXT(c, "41 GB");
  CHECK_TEXT(d, "3.1 M");
  CHECK_TEXT(e, "4 min 10 s");
  CHECK_TEXT(f, "0.21 ms");
}

static void carets(void) {
  g_autofree char *a = dba_text_caret("f.sql", "select 1;\nselcet ☃;\n", 22, 10, "syntax error");
  CHECK_TEXT(a, "f.sql:2:1: syntax error\n    2 | selcet ☃;\n        ^");
  char broken[200]; // continuation bytes without an end, where a character is looked for
  memset(broken, 0x80, sizeof broken);
  g_autofree char *c = dba_text_caret("f", broken, sizeof broken, 100, "broken");
  CHECK(g_utf8_validate(c, -1, NULL));
  g_autofree char *b = dba_text_caret("f", "", 0, 0, "empty");
  CHECK_TEXT(b, "f:1:1: empty\n    1 | \n        ^");
}

static void secrets(void) {
  static const char *const cases[][2] = {
      {"postgresql://u:hunter2@h/d", "postgresql://u:***@h/d"},
      {"postgres://u:p@ss@h/d", "postgres://u:***@h/d"},
      {"host=h password=hunter2 dbname=d", "host=h password=*** dbname=d"},
      {"host=h password='a b' dbname=d", "host=h password=*** dbname=d"},
      {"postgresql://h/d?password=hunter2&x=1", "postgresql://h/d?password=***&x=1"},
      {"postgresql://u@h/d", "postgresql://u@h/d"},
      {"dbname=a password=one\\ two port=1", "dbname=a password=*** port=1"},
      {"postgresql://u@h/d?sslmode=require&pass%77ord=x", "postgresql://u@h/d?sslmode=require&pass%77ord=***"}};
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *hidden = dba_text_hide_password(cases[i][0]);
    CHECK_TEXT(hidden, cases[i][1]);
  }
}

static void hostile_text(void) {
  g_autofree char *a = dba_text_printable("a\033[31mb\u202Ec\n", false), *b = dba_text_html("<script>\"&'\001");
  CHECK_TEXT(a, "a\xEF\xBF\xBD[31mb\xEF\xBF\xBD"
                "c ");
  CHECK_TEXT(b, "&lt;script&gt;&quot;&amp;&#39;");
}

static void compression(void) {
  g_autoptr(GString) text = g_string_new(NULL);
  for (int i = 0; i < 30000; i++)
    g_string_append_printf(text, "line %d\n", i * 7919 % 1000);
  size_t length, again;
  g_autofree char *packed = dba_gzip(text->str, text->len, &length), *back = NULL, *none = NULL;
  CHECK(dba_gzip_is(packed, length) && length < text->len / 4);
  CHECK_OK(dba_gzip_expand("x.gz", packed, length, 1 << 20, &back, &again, &error));
  CHECK(again == text->len && !memcmp(back, text->str, again));
  g_autoptr(GError) problem = NULL;
  CHECK(!dba_gzip_expand("x.gz", packed, length / 2, 1 << 20, &none, &again, &problem));
  CHECK(problem && strstr(problem->message, "x.gz: is cut off or damaged"));
  g_clear_error(&problem);
  CHECK(!dba_gzip_expand("x.gz", packed, length, 1 << 16, &none, &again, &problem)); // what grows without end is left
  CHECK(problem && strstr(problem->message, "more than"));
}

static void trees_of_files(void) {
  g_autofree char *folder = g_dir_make_tmp("dbarch-XXXXXX", NULL), *file = g_build_filename(folder, "a/b/c.txt", NULL),
                  *outside = g_build_filename(folder, "a/link", NULL);
  CHECK_OK(dba_file_write(file, "x", 1, &error));
  g_autofree char *pipe_path = g_build_filename(folder, "a/pipe", NULL); // a device or a pipe stays one
  CHECK(mkfifo(pipe_path, 0600) == 0);
  int reading = open(pipe_path, O_RDONLY | O_NONBLOCK);
  char got[4] = "";
  CHECK_OK(dba_file_write(pipe_path, "abc", 3, &error));
  CHECK(read(reading, got, 3) == 3 && !strcmp(got, "abc") && !g_file_test(pipe_path, G_FILE_TEST_IS_REGULAR));
  close(reading);
  CHECK(symlink("/etc", outside) == 0);
  CHECK(dba_file_tree_bytes(folder) > 0);
  CHECK_OK(dba_file_remove_tree(folder, &error));
  CHECK(!g_file_test(folder, G_FILE_TEST_EXISTS) && g_file_test("/etc/passwd", G_FILE_TEST_EXISTS));
  CHECK_OK(dba_file_remove_tree(folder, &error));
}

int main(void) {
  RUN(json_round_trip);
  RUN(json_refuses);
  RUN(comparison);
  RUN(words);
  RUN(amounts);
  RUN(carets);
  RUN(secrets);
  RUN(hostile_text);
  RUN(compression);
  RUN(trees_of_files);
  return tests_failed != 0;
}

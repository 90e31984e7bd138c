// SPDX-License-Identifier: Apache-2.0
// The ledger's files: read, found, added to.
//
// A file is written once, by whoever decides, and after that belongs to people and their version control: dbarch adds files and changes none.
#include "ledger/ledger.h"

#include <string.h>

#define T DbaLedgerEntry
#define F(member, kind) DBA_FIELD(T, member, kind, 0)
static const DbaField entry_fields[] = {DBA_FIELD(T, file, TEXT, DBA_FIELD_UNCOMPARED),
                                        F(kind, TEXT),
                                        F(date, TEXT),
                                        F(title, TEXT),
                                        F(status, TEXT),
                                        F(rule, TEXT),
                                        F(object, TEXT),
                                        F(until, TEXT),
                                        F(by, TEXT),
                                        F(receipts, TEXTS),
                                        {0}};
const DbaRecord dba_ledger_entry_record = {"ledger entry", sizeof(DbaLedgerEntry), entry_fields};
#undef F
#undef T

static const char *const kinds[] = {"decision", "learning", "issue", NULL};
static const char *const states[] = {"open", "closed", NULL};

// ---- reading --------------------------------------------------------------------------------------------------------

static bool is_date(const char *text) {
  g_autofree char *midnight = g_strdup_printf("%sT00:00:00Z", text ? text : "");
  g_autoptr(GDateTime) date = text && strlen(text) == strlen("2026-03-02") ? g_date_time_new_from_iso8601(midnight, NULL) : NULL;
  return date != NULL;
}

static bool check(const DbaLedgerEntry *entry, const char *path, GError **error) {
  const char *fact = !entry->kind || !g_strv_contains(kinds, entry->kind)       ? "kind must be decision, learning or issue"
                     : !is_date(entry->date)                                    ? "date must be a day: 2026-03-02"
                     : !entry->title || !*entry->title                          ? "it needs a title"
                     : entry->until && !is_date(entry->until)                   ? "until must be a day: 2026-03-02"
                     : entry->status && !g_strv_contains(states, entry->status) ? "status must be open or closed"
                                                                                : NULL;
  return !fact || dba_fail(error, DBA_ERROR_INPUT, "%s:1: %s", path, fact);
}

// The front matter, with its lines where they are in the file, and what follows; false: there is none.
static bool part(const char *text, char **ret_front, const char **ret_rest) {
  if (!g_str_has_prefix(text, "---\n") && !g_str_has_prefix(text, "---\r\n"))
    return false;
  const char *begin = text + strcspn(text, "\n") + 1, *end = g_str_has_prefix(begin, "---") ? begin : NULL;
  if (!end && (end = strstr(begin, "\n---")))
    end++;
  if (!end)
    return false;
  *ret_front = g_strdup_printf("\n%.*s", (int)(end - begin), begin);
  const char *newline = strchr(end, '\n');
  *ret_rest = newline ? newline + 1 : "";
  return true;
}

static bool read_entry(DbaLedger *ledger, const char *name, GError **error) {
  g_autofree char *path = g_build_filename(ledger->folder, name, NULL), *text = NULL, *front = NULL;
  const char *rest;
  size_t length;
  DbaLedgerEntry entry = {0};
  if (!g_file_test(path, G_FILE_TEST_IS_REGULAR)) {
    dba_list_add_text(ledger->arena, &ledger->strange, dba_arena_format(ledger->arena, "%s: is no regular file: passed over", path));
    return true;
  }
  if (!dba_file_read(path, &text, &length, error))
    return false;
  if (!part(text, &front, &rest)) {
    dba_list_add_text(ledger->arena, &ledger->strange, dba_arena_format(ledger->arena, "%s: has no front matter: passed over", path));
    return true;
  }
  if (!dba_yaml_read(ledger->arena, path, front, strlen(front), &dba_ledger_entry_record, &entry, error) || !check(&entry, path, error))
    return false;
  g_autofree char *body = g_strdup(rest);
  entry.text = dba_arena_text(ledger->arena, g_strstrip(body));
  entry.file = dba_arena_text(ledger->arena, name);
  *(DbaLedgerEntry *)dba_list_add(ledger->arena, &ledger->entries, sizeof entry) = entry;
  return true;
}

static int compare_names(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

DbaLedger *dba_ledger_read(const char *folder, GError **error) {
  g_autoptr(DbaLedger) ledger = g_new0(DbaLedger, 1);
  g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
  ledger->arena = dba_arena_new();
  ledger->folder = dba_arena_text(ledger->arena, folder);
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  if (!dir)
    return g_file_test(folder, G_FILE_TEST_EXISTS) ? dba_fail(error, DBA_ERROR_INPUT, "%s: is no folder that can be read", folder),
           NULL                                    : g_steal_pointer(&ledger);
  for (const char *name; (name = g_dir_read_name(dir));)
    if (*name != '.' && g_str_has_suffix(name, ".md") && g_ascii_strcasecmp(name, "readme.md"))
      g_ptr_array_add(names, g_strdup(name));
  g_ptr_array_sort(names, compare_names);
  for (guint i = 0; i < names->len; i++)
    if (!read_entry(ledger, names->pdata[i], error))
      return NULL;
  return g_steal_pointer(&ledger);
}

void dba_ledger_free(DbaLedger *ledger) {
  if (!ledger)
    return;
  dba_arena_free(ledger->arena);
  g_free(ledger);
}

const DbaLedgerEntry *dba_ledger_find(const DbaLedger *ledger, const char *word, GError **error) {
  g_autofree char *full = g_str_has_suffix(word, ".md") ? g_strdup(word) : g_strconcat(word, ".md", NULL),
                  *name = g_path_get_basename(full);
  g_autoptr(GString) all = g_string_new(NULL);
  const DbaLedgerEntry *found = NULL;
  unsigned n = 0;
  for (DBA_EACH(DbaLedgerEntry, entry, &ledger->entries)) {
    if (!strcmp(entry->file, name))
      return entry;
    if (!strstr(entry->file, word))
      continue;
    found = entry;
    g_string_append_printf(all, "%s%s", n++ ? ", " : "", entry->file);
  }
  if (n == 1)
    return found;
  if (n)
    dba_fail(error, DBA_ERROR_USAGE, "\"%s\" is in the names of %s: say more of one", word, all->str);
  else
    dba_fail(error, DBA_ERROR_USAGE, "%s has no entry \"%s\" (hint: dbarch ledger lists them)", ledger->folder, word);
  return NULL;
}

// ---- adding ---------------------------------------------------------------------------------------------------------

// "The undo of 012" as "the-undo-of-012".
static char *slug(const char *title) {
  enum { LONGEST = 60 };
  g_autofree char *ascii = g_str_to_ascii(title, "C");
  GString *out = g_string_new(NULL);
  for (const char *p = ascii; *p && out->len < LONGEST; p++)
    if (g_ascii_isalnum(*p))
      g_string_append_c(out, g_ascii_tolower(*p));
    else if (out->len && out->str[out->len - 1] != '-' && *p != '?')
      g_string_append_c(out, '-');
  while (out->len && out->str[out->len - 1] == '-')
    g_string_truncate(out, out->len - 1);
  if (!out->len)
    g_string_append(out, "entry");
  return g_string_free(out, FALSE);
}

// A JSON string is a YAML one.
static void append(GString *out, const char *key, const char *value) {
  if (!value)
    return;
  g_string_append_printf(out, "%s: ", key);
  bool plain = *value && strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == strlen(value);
  if (plain)
    g_string_append(out, value);
  else
    dba_json_append_quoted(out, value);
  g_string_append_c(out, '\n');
}

static char *write_entry(const DbaLedgerEntry *entry) {
  GString *out = g_string_new("---\n");
  append(out, "kind", entry->kind);
  append(out, "date", entry->date);
  append(out, "title", entry->title);
  append(out, "status", entry->status);
  append(out, "rule", entry->rule);
  append(out, "object", entry->object);
  append(out, "until", entry->until);
  append(out, "by", entry->by);
  if (entry->receipts.n)
    g_string_append(out, "receipts:\n");
  for (DBA_EACH_TEXT(receipt, &entry->receipts)) {
    g_string_append(out, "  - ");
    dba_json_append_quoted(out, *receipt);
    g_string_append_c(out, '\n');
  }
  g_string_append_printf(out, "---\n\n%s\n", entry->text && *entry->text ? entry->text : entry->title);
  return g_string_free(out, FALSE);
}

bool dba_ledger_add(const char *folder, DbaArena *arena, DbaLedgerEntry *entry, GError **error) {
  enum { MOST_OF_A_NAME = 1000 };
  g_autoptr(GDateTime) now = g_date_time_new_now_utc();
  g_autofree char *today = g_date_time_format(now, "%Y-%m-%d"), *words = slug(entry->title ? entry->title : "");
  if (!entry->date)
    entry->date = dba_arena_text(arena, today);
  if (!check(entry, folder, error))
    return false;
  for (unsigned n = 1; n < MOST_OF_A_NAME; n++) {
    g_autofree char *name =
                        n == 1 ? g_strdup_printf("%s-%s.md", entry->date, words) : g_strdup_printf("%s-%s-%u.md", entry->date, words, n),
                    *path = g_build_filename(folder, name, NULL), *text = NULL;
    if (g_file_test(path, G_FILE_TEST_EXISTS))
      continue;
    text = write_entry(entry);
    entry->file = dba_arena_text(arena, name);
    return dba_file_write(path, text, strlen(text), error);
  }
  return dba_fail(error, DBA_ERROR_INPUT, "%s: has %d entries of that day and title", folder, MOST_OF_A_NAME);
}

void dba_ledger_suppressions(const DbaLedger *ledger, const char *const *rules, DbaArena *arena, DbaList *suppressions) {
  g_autoptr(GDateTime) now = g_date_time_new_now_utc();
  g_autofree char *today = g_date_time_format(now, "%Y-%m-%d");
  for (DBA_EACH(DbaLedgerEntry, entry, &ledger->entries)) {
    if (strcmp(entry->kind, "decision") || !entry->rule || !g_strv_contains(rules, entry->rule) ||
        (entry->until && strcmp(entry->until, today) < 0))
      continue;
    g_autofree char *path = g_build_filename(ledger->folder, entry->file, NULL);
    *(DbaSuppression *)dba_list_add(arena, suppressions, sizeof(DbaSuppression)) =
        (DbaSuppression){dba_arena_text(arena, entry->rule), dba_arena_text(arena, entry->object),
                         dba_arena_format(arena, "accepted on %s: %s", entry->date, entry->title), dba_arena_text(arena, path), 1};
  }
}

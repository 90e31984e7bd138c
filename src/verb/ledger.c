// SPDX-License-Identifier: Apache-2.0
// dbarch ledger: what was decided, learned and left open, listed, shown and added to.
#include "verb/verb.h"

#include <string.h>

static unsigned count(const DbaRequest *request) {
  unsigned n = 0;
  while (request->words && request->words[n])
    n++;
  return n;
}

// ---- list, show -----------------------------------------------------------------------------------------------------

static void print_line(GString *out, const DbaLedgerEntry *entry) {
  g_autofree char *title = dba_text_printable(entry->title, false), *object = dba_text_printable(entry->object ? entry->object : "", false);
  g_string_append_printf(out, "%s  %-8s  %s", entry->date, entry->status ? entry->status : entry->kind, title);
  if (entry->rule)
    g_string_append_printf(out, "  (%s%s%s%s%s)", entry->rule, entry->object ? " on " : "", object, entry->until ? ", until " : "",
                           entry->until ? entry->until : "");
  g_string_append_printf(out, "\n            %s\n", entry->file);
}

static bool list(const DbaRequest *request, const DbaProject *project, DbaAnswer *answer, GError **error) {
  if (count(request) > 1)
    return dba_fail(error, DBA_ERROR_USAGE, "ledger list takes no more words (hint: dbarch ledger show %s)", request->words[1]);
  if (request->format == DBA_FORMAT_JSON) {
    g_autoptr(DbaJson) json = dba_json_new();
    dba_json_put_text(json, "format", "dbarch-ledger");
    dba_json_put_int(json, "format_version", 1);
    dba_json_put_list(json, "entries", &dba_ledger_entry_record, &project->ledger->entries, 0);
    g_autofree char *text = dba_json_text(json);
    g_string_append(answer->text, text);
    return true;
  }
  for (DBA_EACH(DbaLedgerEntry, entry, &project->ledger->entries))
    print_line(answer->text, entry);
  if (!project->ledger->entries.n)
    g_string_append_printf(answer->text, "%s/ has no entries yet (dbarch ledger add decision \"title\" --because \"reason\").\n",
                           project->ledger->folder);
  return true;
}

static bool show(const DbaRequest *request, const DbaProject *project, DbaAnswer *answer, GError **error) {
  if (count(request) != 2)
    return dba_fail(error, DBA_ERROR_USAGE, "ledger show takes one entry, by its file's name or a part of it");
  const DbaLedgerEntry *entry = dba_ledger_find(project->ledger, request->words[1], error);
  if (!entry)
    return false;
  if (request->format == DBA_FORMAT_JSON) {
    g_autoptr(DbaJson) json = dba_json_new();
    dba_json_put(json, NULL, &dba_ledger_entry_record, entry, 0);
    dba_json_put_text(json, "text", entry->text);
    g_autofree char *text = dba_json_text(json);
    g_string_append(answer->text, text);
    return true;
  }
  g_autofree char *text = dba_text_printable(entry->text, true);
  print_line(answer->text, entry);
  if (entry->by)
    g_string_append_printf(answer->text, "            by %s\n", entry->by);
  for (DBA_EACH_TEXT(receipt, &entry->receipts))
    g_string_append_printf(answer->text, "            receipt %s\n", *receipt);
  g_string_append_printf(answer->text, "\n%s\n", text);
  return true;
}

// ---- add ------------------------------------------------------------------------------------------------------------

static bool add(const DbaRequest *request, const DbaProject *project, DbaAnswer *answer, GError **error) {
  if (count(request) < 3)
    return dba_fail(error, DBA_ERROR_USAGE,
                    "ledger add takes a kind (decision, learning, issue) and a title: dbarch ledger add decision \"labels stay\" "
                    "--rule undo-does-nothing --object 012 --because \"nothing writes them\"");
  g_autofree const char **rules = dba_all_rules();
  g_autofree char *title = g_strjoinv(" ", (char **)(uintptr_t)(request->words + 2));
  DbaLedgerEntry entry = {.kind = request->words[1],
                          .title = title,
                          .rule = request->rules ? request->rules[0] : NULL,
                          .object = request->objects ? request->objects[0] : NULL,
                          .until = request->until,
                          .by = g_get_user_name(),
                          .status = strcmp(request->words[1], "issue") ? NULL : "open",
                          .text = request->because};
  if (!strcmp(entry.kind, "decision") && !entry.text)
    return dba_fail(error, DBA_ERROR_USAGE, "a decision has a reason: --because \"...\"");
  if ((request->rules && request->rules[0] && request->rules[1]) || (request->objects && request->objects[0] && request->objects[1]))
    return dba_fail(error, DBA_ERROR_USAGE, "one --rule and one --object to an entry");
  if (entry.rule && !g_strv_contains(rules, entry.rule)) {
    const char *near = dba_text_nearest(entry.rule, rules);
    return dba_fail(error, DBA_ERROR_USAGE, "--rule %s: there is no such rule%s%s%s", entry.rule, near ? " (did you mean \"" : "",
                    near ? near : "", near ? "\"?)" : "");
  }
  if (entry.rule && strcmp(entry.kind, "decision"))
    return dba_fail(error, DBA_ERROR_USAGE, "only a decision settles a rule");
  if (!dba_ledger_add(project->ledger->folder, project->arena, &entry, error))
    return false;
  g_string_append_printf(answer->text, "%s/%s was written.\n", project->ledger->folder, entry.file);
  return true;
}

static const struct {
  const char *word;
  bool (*run)(const DbaRequest *request, const DbaProject *project, DbaAnswer *answer, GError **error);
} words[] = {{"list", list}, {"show", show}, {"add", add}};

bool dba_verb_ledger(const DbaRequest *request, DbaAnswer *answer, GError **error) {
  const char *word = request->words && request->words[0] ? request->words[0] : "list", *names[G_N_ELEMENTS(words) + 1] = {0};
  g_auto(DbaProject) project = {0};
  if (!dba_project_read(request, &project, error))
    return false;
  for (DBA_EACH_TEXT(line, &project.ledger->strange))
    g_ptr_array_add(answer->warnings, g_strdup(*line));
  for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
    if (!strcmp(word, words[i].word))
      return words[i].run(request, &project, answer, error);
    names[i] = words[i].word;
  }
  const char *near = dba_text_nearest(word, names);
  return dba_fail(error, DBA_ERROR_USAGE, "ledger %s: %s%s%s", word, near ? "did you mean \"" : "there are list, show and add",
                  near ? near : "", near ? "\"?" : "");
}

// SPDX-License-Identifier: Apache-2.0
// What the user's repository says: dbarch.yaml and the ledger beside it.
#include "verb/verb.h"

#include <string.h>

const char **dba_all_rules(void) {
  g_autofree const char **advisors = dba_advise_rules();
  GPtrArray *all = g_ptr_array_new();
  for (const char **rule = advisors; *rule; rule++)
    g_ptr_array_add(all, (char *)(uintptr_t)*rule);
  for (const DbaMigrateRule *rule = dba_migrate_rules; rule->rule; rule++)
    g_ptr_array_add(all, (char *)(uintptr_t)rule->rule);
  g_ptr_array_add(all, NULL);
  return (const char **)(uintptr_t)g_ptr_array_free(all, FALSE);
}

const char **dba_migrate_rule_names(void) {
  GPtrArray *all = g_ptr_array_new();
  for (const DbaMigrateRule *rule = dba_migrate_rules; rule->rule; rule++)
    g_ptr_array_add(all, (char *)(uintptr_t)rule->rule);
  g_ptr_array_add(all, NULL);
  return (const char **)(uintptr_t)g_ptr_array_free(all, FALSE);
}

void dba_project_clear(DbaProject *project) {
  g_clear_pointer(&project->arena, dba_arena_free);
  g_clear_pointer(&project->ledger, dba_ledger_free);
}

bool dba_project_read(const DbaRequest *request, DbaProject *project, GError **error) {
  g_autofree const char **rules = dba_all_rules();
  g_autofree char *beside = request->config ? g_path_get_dirname(request->config) : NULL,
                  *folder = beside && strcmp(beside, ".") ? g_build_filename(beside, "ledger", NULL) : g_strdup("ledger");
  project->arena = dba_arena_new();
  return dba_config_read(request->config, project->arena, &project->config, error) &&
         dba_config_check_rules(&project->config, rules, error) && (project->ledger = dba_ledger_read(folder, error)) != NULL;
}

void dba_project_suppressions(const DbaProject *project, const char *const *rules, DbaArena *arena, DbaList *suppressions) {
  dba_config_suppressions(&project->config, rules, arena, suppressions);
  dba_ledger_suppressions(project->ledger, rules, arena, suppressions);
}

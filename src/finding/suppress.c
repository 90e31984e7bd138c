// SPDX-License-Identifier: Apache-2.0
// Suppression: findings that the owner has decided to live with, each with a reason.
//
// Two places: a comment before the statement that makes the object, and `allow:` in dbarch.yaml.  A suppression without a
// reason does not count, so that nobody has to guess later.
#include "finding/finding.h"

#include <libfyaml.h>
#include <string.h>

void dba_suppressions_read_comment(DbaArena *arena, GArray *suppressions, const char *comment, size_t length, const char *object,
                                   const char *file, int64_t line) {
  g_autofree char *text = g_strndup(comment, length);
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  for (char **l = lines; *l; l++) {
    char *p = g_strstrip(*l);
    if (!g_str_has_prefix(p, "--"))
      continue;
    p = g_strstrip(p + 2);
    if (!g_str_has_prefix(p, "dbarch:"))
      continue;
    p = g_strstrip(p + strlen("dbarch:"));
    if (!g_str_has_prefix(p, "allow "))
      continue;
    g_auto(GStrv) words = g_strsplit(g_strstrip(p + strlen("allow ")), " ", 2);
    DbaSuppression suppression = {dba_arena_text(arena, words[0]), dba_arena_text(arena, object),
                                  words[0] && words[1] ? dba_arena_text(arena, g_strstrip(words[1])) : NULL, dba_arena_text(arena, file),
                                  line};
    g_array_append_val(suppressions, suppression);
  }
}

// An entry names a finding by its object ("shop.orders(id)"), or by the table or part of it that precedes the bracket.
static bool names(const DbaSuppression *suppression, const DbaFinding *finding) {
  if (g_strcmp0(suppression->rule, finding->rule))
    return false;
  if (!suppression->object || !strcmp(suppression->object, finding->object))
    return true;
  g_autofree char *table = finding->schema && finding->table ? g_strdup_printf("%s.%s", finding->schema, finding->table) : NULL;
  return !g_strcmp0(suppression->object, table) || !g_strcmp0(suppression->object, finding->table) ||
         !g_strcmp0(suppression->object, finding->index) || !g_strcmp0(suppression->object, finding->constraint);
}

// A rule that looked at nothing in this run says nothing of its allowances.
static bool looked(const DbaFindings *findings, const char *rule) {
  for (DBA_EACH(DbaChecked, checked, &findings->checked))
    if (!g_strcmp0(checked->rule, rule))
      return checked->looked_at > 0;
  return true;
}

void dba_findings_suppress(DbaFindings *findings, const DbaSurvey *survey, const char *const *rules, DbaList *idle) {
  for (DBA_EACH(DbaSuppression, suppression, &survey->suppressions)) {
    const char *why = NULL;
    bool used = false;
    if (!suppression->reason || !*suppression->reason)
      why = "it gives no reason";
    else if (!g_strv_contains(rules, suppression->rule))
      why = "there is no such rule";
    for (DBA_EACH(DbaFinding, finding, &findings->findings)) {
      if (why || finding->suppressed || !names(suppression, finding))
        continue;
      used = finding->suppressed = true;
      finding->suppressed_by =
          dba_arena_format(findings->arena, "%s (%s:%" G_GINT64_FORMAT ")", suppression->reason, suppression->file, suppression->line);
    }
    if (used || !idle || (!why && !looked(findings, suppression->rule)))
      continue;
    g_autofree char *line = g_strdup_printf("%s:%" G_GINT64_FORMAT ": allow %s%s%s has no effect: %s", suppression->file, suppression->line,
                                            suppression->rule, suppression->object ? " " : "",
                                            suppression->object ? suppression->object : "", why ? why : "nothing is found there");
    dba_list_add_text(findings->arena, idle, line);
  }
}

static bool wrong(struct fy_node *node, const char *path, const char *fact, GError **error) {
  const struct fy_mark *mark = NULL;
  struct fy_token *token = node ? fy_node_get_scalar_token(node) : NULL;
  if (token)
    mark = fy_token_start_mark(token);
  return dba_fail(error, DBA_ERROR_INPUT, "%s:%d:%d: %s", path, mark ? mark->line + 1 : 1, mark ? mark->column + 1 : 1, fact);
}

static bool read_entry(DbaSurvey *survey, const char *path, struct fy_node *entry, const char *const *rules, GError **error) {
  static const char *const keys[] = {"rule", "object", "reason", NULL};
  DbaSuppression suppression = {.file = dba_arena_text(survey->arena, path)};
  if (!fy_node_is_mapping(entry))
    return wrong(entry, path, "an entry of allow must have rule, object and reason", error);
  void *iter = NULL;
  for (struct fy_node_pair *pair; (pair = fy_node_mapping_iterate(entry, &iter));) {
    struct fy_node *key_node = fy_node_pair_key(pair), *value_node = fy_node_pair_value(pair);
    const char *key = fy_node_get_scalar0(key_node), *value = fy_node_is_scalar(value_node) ? fy_node_get_scalar0(value_node) : NULL;
    if (!key || !g_strv_contains(keys, key)) {
      const char *near = dba_text_nearest(key ? key : "", keys);
      g_autofree char *fact = g_strdup_printf("unknown key \"%s\" in allow%s%s%s", key ? key : "?", near ? " (did you mean \"" : "",
                                              near ? near : "", near ? "\"?)" : "");
      return wrong(key_node, path, fact, error);
    }
    if (!value)
      return wrong(value_node ? value_node : key_node, path, "must be text", error);
    if (!strcmp(key, "rule")) {
      if (!g_strv_contains(rules, value)) {
        const char *near = dba_text_nearest(value, rules);
        g_autofree char *fact =
            g_strdup_printf("unknown rule \"%s\"%s%s%s", value, near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
        return wrong(value_node, path, fact, error);
      }
      suppression.rule = dba_arena_text(survey->arena, value);
      const struct fy_mark *mark = fy_token_start_mark(fy_node_get_scalar_token(value_node));
      suppression.line = mark ? mark->line + 1 : 0;
    } else if (!strcmp(key, "object"))
      suppression.object = dba_arena_text(survey->arena, value);
    else
      suppression.reason = dba_arena_text(survey->arena, value);
  }
  if (!suppression.rule || !suppression.reason || !*suppression.reason)
    return wrong(entry, path, "an entry of allow needs a rule and a reason", error);
  DbaSuppression *slot = dba_list_add(survey->arena, &survey->suppressions, sizeof *slot);
  *slot = suppression;
  return true;
}

static bool is_blank(const char *text) {
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  for (char **line = lines; *line; line++)
    if (*g_strstrip(*line) && **line != '#' && strcmp(*line, "---"))
      return false;
  return true;
}

// The document, NULL when the file is blank, or an error with its place.
static bool open_yaml(const char *path, struct fy_document **ret_document, GError **error) {
  *ret_document = NULL;
  g_autofree char *text = NULL;
  size_t length;
  if (!dba_file_read(path, &text, &length, error))
    return false;
  if (is_blank(text)) // a file of nothing but comments says nothing
    return true;
  struct fy_diag_cfg diag_config;
  fy_diag_cfg_default(&diag_config);
  struct fy_diag *diag = fy_diag_create(&diag_config);
  fy_diag_set_collect_errors(diag, true);
  struct fy_parse_cfg config = {.flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG, .diag = diag};
  struct fy_document *document = fy_document_build_from_malloc_string(&config, strndup(text, length), length);
  if (!document) {
    void *iter = NULL;
    struct fy_diag_error *problem = fy_diag_errors_iterate(diag, &iter);
    dba_fail(error, DBA_ERROR_INPUT, "%s:%d:%d: %s", path, problem ? problem->line : 1, problem ? problem->column : 1,
             problem ? problem->msg : "is no YAML");
  }
  fy_diag_destroy(diag);
  *ret_document = document;
  return document != NULL;
}

// The keys at the top of a dbarch.yaml.
static bool check_keys(struct fy_node *top, const char *path, GError **error) {
  static const char *const keys[] = {"allow", "subject", NULL};
  if (!fy_node_is_mapping(top))
    return wrong(top, path, "must be a mapping at the top", error);
  void *iter = NULL;
  for (struct fy_node_pair *pair; (pair = fy_node_mapping_iterate(top, &iter));) {
    const char *key = fy_node_get_scalar0(fy_node_pair_key(pair));
    if (key && g_strv_contains(keys, key))
      continue;
    const char *near = dba_text_nearest(key ? key : "", keys);
    g_autofree char *fact =
        g_strdup_printf("unknown key \"%s\"%s%s%s", key ? key : "?", near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
    return wrong(fy_node_pair_key(pair), path, fact, error);
  }
  return true;
}

bool dba_config_subject(const char *path, char **ret_subject, GError **error) {
  struct fy_document *document = NULL;
  if (!open_yaml(path, &document, error))
    return false;
  struct fy_node *top = document ? fy_document_root(document) : NULL;
  bool ok = !top || check_keys(top, path, error);
  struct fy_node *value = ok && top ? fy_node_mapping_lookup_by_string(top, "subject", FY_NT) : NULL;
  *ret_subject = value && fy_node_is_scalar(value) ? g_strdup(fy_node_get_scalar0(value)) : NULL;
  if (document)
    fy_document_destroy(document);
  return ok;
}

bool dba_suppressions_read_yaml(DbaSurvey *survey, const char *path, const char *const *rules, GError **error) {
  struct fy_document *document;
  if (!open_yaml(path, &document, error))
    return false;
  struct fy_node *top = document ? fy_document_root(document) : NULL;
  bool ok = !top || check_keys(top, path, error);
  struct fy_node *allow = ok && top ? fy_node_mapping_lookup_by_string(top, "allow", FY_NT) : NULL;
  if (allow && !fy_node_is_sequence(allow))
    ok = wrong(allow, path, "allow must be a list", error);
  void *iter = NULL;
  for (struct fy_node *entry; ok && allow && (entry = fy_node_sequence_iterate(allow, &iter));)
    ok = read_entry(survey, path, entry, rules, error);
  if (document)
    fy_document_destroy(document);
  return ok;
}

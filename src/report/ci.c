// SPDX-License-Identifier: Apache-2.0
// Findings in the formats of other programs: GitHub, GitLab, SARIF, JUnit, Markdown.
//
// GitHub: workflow commands of its documentation; GitLab: Code Quality report format; SARIF: OASIS 2.1.0; JUnit: what Jenkins and GitLab read.
#include "report/report.h"

#include <string.h>

static const char *const names[DBA_N_FORMATS + 1] = {"tty", "json", "md", "github", "gitlab", "sarif", "junit", NULL};
const char *const *dba_format_names(void) { return names; }

bool dba_format_parse(const char *name, DbaFormat *ret_format) {
  for (int i = 0; i < DBA_N_FORMATS; i++)
    if (!strcmp(name, names[i])) {
      *ret_format = (DbaFormat)i;
      return true;
    }
  return false;
}

// What each format calls a severity.
static const struct {
  const char *heading, *github, *gitlab, *sarif;
} severities[DBA_N_SEVERITIES] = {{"Must fix", "error", "blocker", "error"},
                                  {"Worth it", "warning", "major", "warning"},
                                  {"Questions", "notice", "minor", "note"},
                                  {"Notes", "notice", "info", "note"}};

// The whole of what is said, in one line.
static char *message(const DbaFinding *finding) {
  GString *text = g_string_new(NULL);
  g_string_append_printf(text, "%s: %s", finding->object, finding->what);
  if (finding->why)
    g_string_append_printf(text, " %s", finding->why);
  g_autofree char *line = dba_text_printable(text->str, false);
  g_string_assign(text, line);
  return g_string_free(text, FALSE);
}

// What does it instead, as it was run in a lab; NULL: nothing is proposed.
static const char *proposal(const DbaFinding *finding) {
  return finding->has_change && !finding->rejected && finding->change.up && *finding->change.up ? finding->change.up : NULL;
}

// As Markdown shows code: the fence is longer than any in the text.
static void append_code(GString *out, const char *sql, const char *indent) {
  size_t fence = 3, run = 0;
  g_autofree char *safe = dba_text_printable(sql, true);
  for (const char *p = safe; *p; p++) {
    run = *p == '`' ? run + 1 : 0;
    fence = MAX(fence, run + 1);
  }
  g_autofree char *ticks = g_strnfill(fence, '`');
  g_auto(GStrv) lines = g_strsplit(g_strchomp(safe), "\n", -1);
  g_string_append_printf(out, "%s%ssql\n", indent, ticks);
  for (char **line = lines; *line; line++)
    g_string_append_printf(out, "%s%s\n", **line ? indent : "", *line);
  g_string_append_printf(out, "%s%s\n", indent, ticks);
}

static char *proposal_as_markdown(const DbaFinding *finding) {
  GString *out = g_string_new("Instead, as it was tried in a lab:\n\n");
  append_code(out, proposal(finding), "");
  return g_string_free(out, FALSE);
}

// Foreign text must not become markup.
static void append_markdown(GString *out, const char *text) {
  g_autofree char *safe = dba_text_printable(text, false);
  for (const char *p = safe; *p; p++) {
    if (strchr("\\`*_{}[]<>#|!~@", *p))
      g_string_append_c(out, '\\');
    g_string_append_c(out, *p);
  }
}

static bool is_told(const DbaFinding *finding) { return !finding->suppressed && !finding->rejected; }

// ---- GitHub ---------------------------------------------------------------------------------------------------------

static void append_escaped(GString *out, const char *text, const char *also) {
  for (const char *p = text; *p; p++)
    if (*p == '%' || *p == '\r' || *p == '\n' || strchr(also, *p))
      g_string_append_printf(out, "%%%02X", (unsigned char)*p);
    else
      g_string_append_c(out, *p);
}

static void github(GString *out, const DbaFindings *findings) {
  for (DBA_EACH(DbaFinding, finding, &findings->findings)) {
    if (!is_told(finding))
      continue;
    g_autofree char *text = message(finding);
    g_string_append_printf(out, "::%s ", severities[finding->severity].github);
    if (finding->file) {
      g_string_append(out, "file=");
      append_escaped(out, finding->file, ":,");
      g_string_append_printf(out, ",line=%d,", (int)MAX(finding->line, 1));
    }
    g_string_append(out, "title=");
    append_escaped(out, finding->rule, ":,");
    g_string_append(out, "::");
    append_escaped(out, text, "");
    if (proposal(finding)) {
      append_escaped(out, "\nInstead, as it was tried in a lab:\n", "");
      g_autofree char *change = dba_text_printable(proposal(finding), true);
      append_escaped(out, change, "");
    }
    g_string_append_c(out, '\n');
  }
}

// ---- JSON of others -------------------------------------------------------------------------------------------------

static void member(GString *out, const char *before, const char *name, const char *text) {
  g_string_append_printf(out, "%s\"%s\": ", before, name);
  dba_json_append_quoted(out, text);
}

// What stays the same when lines move: the rule, the object, the file, and which of several it is.
static char *fingerprint(const DbaFindings *findings, const DbaFinding *finding) {
  g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
  unsigned before = 0;
  for (DBA_EACH(DbaFinding, other, &findings->findings)) {
    if (other == finding)
      break;
    before += !strcmp(other->rule, finding->rule) && !strcmp(other->object, finding->object);
  }
  for (unsigned i = 0; i < before; i++)
    g_checksum_update(sum, (const guchar *)"+", 1);
  const char *parts[] = {finding->rule, finding->object, finding->file ? finding->file : ""};
  for (size_t i = 0; i < G_N_ELEMENTS(parts); i++)
    g_checksum_update(sum, (const guchar *)parts[i], (gssize)strlen(parts[i]) + 1);
  return g_strndup(g_checksum_get_string(sum), 32);
}

static void gitlab(GString *out, const DbaFindings *findings) {
  bool first = true;
  g_string_append_c(out, '[');
  for (DBA_EACH(DbaFinding, finding, &findings->findings)) {
    if (!is_told(finding))
      continue;
    g_autofree char *text = message(finding), *mark = fingerprint(findings, finding);
    g_string_append(out, first ? "\n  {" : ",\n  {");
    member(out, "", "description", text);
    member(out, ", ", "check_name", finding->rule);
    member(out, ", ", "fingerprint", mark);
    member(out, ", ", "severity", severities[finding->severity].gitlab);
    if (proposal(finding)) {
      g_autofree char *body = proposal_as_markdown(finding);
      member(out, ", \"content\": {", "body", body);
      g_string_append_c(out, '}');
    }
    g_string_append(out, ", \"location\": {");
    member(out, "", "path", finding->file ? finding->file : finding->object);
    g_string_append_printf(out, ", \"lines\": {\"begin\": %d}}}", (int)MAX(finding->line, 1));
    first = false;
  }
  g_string_append(out, first ? "]\n" : "\n]\n");
}

static void sarif_result(GString *out, const DbaFindings *findings, const DbaFinding *finding, const char *before) {
  g_autofree char *text = message(finding), *mark = fingerprint(findings, finding);
  member(out, before, "ruleId", finding->rule);
  member(out, ", ", "level", severities[finding->severity].sarif);
  g_string_append(out, ", \"message\": {");
  member(out, "", "text", text);
  if (proposal(finding)) {
    g_autofree char *code = proposal_as_markdown(finding);
    g_autoptr(GString) markdown = g_string_new(NULL);
    append_markdown(markdown, text);
    g_string_append_printf(markdown, "\n\n%s", code);
    member(out, ", ", "markdown", markdown->str);
  }
  g_string_append(out, "}, \"partialFingerprints\": {");
  member(out, "", "dbarch/v1", mark);
  g_string_append_c(out, '}');
  if (finding->file) {
    g_autofree char *uri = g_uri_escape_string(finding->file, "/", FALSE);
    g_string_append(out, ", \"locations\": [{\"physicalLocation\": {\"artifactLocation\": {");
    member(out, "", "uri", uri);
    g_string_append_printf(out, "}, \"region\": {\"startLine\": %d}}}]", (int)MAX(finding->line, 1));
  }
  if (finding->suppressed) {
    g_string_append(out, ", \"suppressions\": [{\"kind\": \"inSource\", ");
    member(out, "", "justification", finding->suppressed_by);
    g_string_append(out, "}]");
  }
  g_string_append_c(out, '}');
}

static void sarif(GString *out, const DbaFindings *findings, const DbaToldRule *rules) {
  g_string_append(out, "{\"$schema\": \"https://json.schemastore.org/sarif-2.1.0.json\", \"version\": \"2.1.0\", \"runs\": [{\n"
                       "  \"tool\": {\"driver\": {\"name\": \"dbarch\", \"version\": \"" DBARCH_VERSION "\", \"rules\": [");
  for (const DbaToldRule *rule = rules; rule->rule; rule++) {
    member(out, rule == rules ? "\n    {" : ",\n    {", "id", rule->rule);
    g_string_append(out, ", \"shortDescription\": {");
    member(out, "", "text", rule->title);
    g_string_append(out, "}, \"fullDescription\": {");
    member(out, "", "text", rule->explain);
    g_string_append(out, "}}");
  }
  g_string_append(out, "]}},\n  \"results\": [");
  bool first = true;
  for (DBA_EACH(DbaFinding, finding, &findings->findings)) {
    if (finding->rejected)
      continue;
    sarif_result(out, findings, finding, first ? "\n    {" : ",\n    {");
    first = false;
  }
  g_string_append(out, "]\n}]}\n");
}

// ---- JUnit ----------------------------------------------------------------------------------------------------------

static void attribute(GString *out, const char *name, const char *text) {
  g_autofree char *safe = dba_text_html(text);
  g_string_append_printf(out, " %s=\"%s\"", name, safe);
}

// A finding is a failed test; a question or a note is none.
static void junit(GString *out, const DbaFindings *findings, const char *title, const DbaList *passed) {
  unsigned failures = dba_findings_count(findings, DBA_MUST_FIX) + dba_findings_count(findings, DBA_WORTH_IT), skipped = 0;
  for (DBA_EACH(DbaFinding, finding, &findings->findings))
    skipped += finding->suppressed;
  g_string_append(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n<testsuite");
  attribute(out, "name", title);
  g_string_append_printf(out, " tests=\"%u\" failures=\"%u\" skipped=\"%u\" errors=\"0\">\n", failures + skipped + (passed ? passed->n : 0),
                         failures, skipped);
  for (DBA_EACH(DbaFinding, finding, &findings->findings)) {
    if (finding->rejected || (!finding->suppressed && finding->severity > DBA_WORTH_IT))
      continue;
    g_autofree char *text = message(finding), *safe = dba_text_html(text);
    g_string_append(out, "<testcase");
    attribute(out, "classname", finding->file ? finding->file : title);
    attribute(out, "name", finding->object);
    if (finding->suppressed) {
      g_string_append(out, "><skipped");
      attribute(out, "message", finding->suppressed_by);
      g_string_append(out, "/></testcase>\n");
      continue;
    }
    g_string_append(out, "><failure");
    attribute(out, "type", finding->rule);
    attribute(out, "message", finding->what);
    g_string_append_printf(out, ">%s:%d: %s", finding->file ? finding->file : "", (int)finding->line, safe);
    if (proposal(finding)) {
      g_autofree char *change = dba_text_html(proposal(finding));
      g_string_append_printf(out, "\n\nInstead, as it was tried in a lab:\n\n%s", change);
    }
    g_string_append(out, "</failure></testcase>\n");
  }
  for (DBA_EACH_TEXT(name, passed ? passed : &findings->idle)) {
    if (!passed)
      break;
    g_string_append(out, "<testcase");
    attribute(out, "classname", title);
    attribute(out, "name", *name);
    g_string_append(out, "/>\n");
  }
  g_string_append(out, "</testsuite>\n</testsuites>\n");
}

// ---- Markdown -------------------------------------------------------------------------------------------------------

static void markdown(GString *out, const DbaFindings *findings, const char *title) {
  g_autofree char *counts = dba_report_counts(findings);
  g_string_append(out, "## ");
  append_markdown(out, title);
  g_string_append_printf(out, "\n\n**%s**\n", *counts ? counts : "nothing to fix");
  for (int severity = 0; severity < DBA_N_SEVERITIES; severity++) {
    if (!dba_findings_count(findings, (DbaSeverity)severity))
      continue;
    g_string_append_printf(out, "\n### %s\n\n", severities[severity].heading);
    for (DBA_EACH(DbaFinding, finding, &findings->findings)) {
      if (!is_told(finding) || finding->severity != severity)
        continue;
      g_autofree char *text = message(finding);
      g_string_append(out, "- ");
      append_markdown(out, text);
      g_string_append_printf(out, " (`%s`", finding->rule);
      if (finding->file) {
        g_string_append(out, ", ");
        append_markdown(out, finding->file);
        g_string_append_printf(out, ":%d", (int)finding->line);
      }
      g_string_append(out, ")\n");
      if (proposal(finding)) {
        g_string_append(out, "\n  Instead, as it was tried in a lab:\n\n");
        append_code(out, proposal(finding), "  ");
        g_string_append_c(out, '\n');
      }
    }
  }
}

char *dba_report_findings(const DbaFindings *findings, DbaFormat format, const char *title, const DbaToldRule *rules,
                          const DbaList *passed) {
  GString *out = g_string_new(NULL);
  switch (format) {
  case DBA_FORMAT_GITHUB: github(out, findings); break;
  case DBA_FORMAT_GITLAB: gitlab(out, findings); break;
  case DBA_FORMAT_SARIF: sarif(out, findings, rules); break;
  case DBA_FORMAT_JUNIT: junit(out, findings, title, passed); break;
  default: markdown(out, findings, title); break;
  }
  return g_string_free(out, FALSE);
}

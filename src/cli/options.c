// SPDX-License-Identifier: Apache-2.0
// The command line: one table of options, each verb names those it takes.
//
// GLib's GOption knows neither verbs nor suggestions, so the few rules of getopt_long are here: --name value, --name=value,
// -x value, -xvalue, "--" ends options.
#include "cli/cli.h"

#include <string.h>

static const struct {
  const char *name;
  char letter;
  int number;
  const char *argument; // NULL: a flag
  const char *help;
  bool common;  // every verb takes it
  bool repeats; // may be said more than once
} options[] = {
    {"as", 0, DBA_OPTION_AS, "KIND", "what SUBJECT is: live, sql or survey", false},
    {"dbname", 'd', DBA_OPTION_DBNAME, "NAME", "database, as psql takes it (also a connection string)", false},
    {"host", 'h', DBA_OPTION_HOST, "HOST", "server or socket folder", false},
    {"port", 'p', DBA_OPTION_PORT, "PORT", "port", false},
    {"username", 'U', DBA_OPTION_USERNAME, "NAME", "role", false},
    {"workload", 0, DBA_OPTION_WORKLOAD, "FILE", "statements that run on the subject, besides those that it tells of itself", false},
    {"out", 0, DBA_OPTION_OUT, "FOLDER", "where files go (dbarch-out); migrate lint, verify, rehearse: report.html", false},
    {"output", 'o', DBA_OPTION_OUTPUT, "FILE", "the file to write", false},
    {"force", 'f', DBA_OPTION_FORCE, NULL, "overwrite what an earlier run wrote", false},
    {"fix", 0, DBA_OPTION_FIX, NULL,
     "migrate lint, verify, drift: write what was found: other ways, undos, what adopts (--force: over wrong undos)", false},
    {"rule", 0, DBA_OPTION_RULE, "RULE", "only this rule (may be repeated)", false, true},
    {"object", 0, DBA_OPTION_OBJECT, "NAME", "only this object, as findings print it, or its table, index or constraint (may be repeated)",
     false, true},
    {"why", 0, DBA_OPTION_WHY, "INDEX",
     "index: what there is to say for and against it: 'orders(status)', or CREATE INDEX ... (may be repeated)", false, true},
    {"keep", 0, DBA_OPTION_KEEP, "INDEX", "index: it stays (may be repeated)", false, true},
    {"forbid", 0, DBA_OPTION_FORBID, "TABLE", "index: nothing new on it; or TABLE(KEYS): not that one (may be repeated)", false, true},
    {"prove", 0, DBA_OPTION_PROVE, NULL, "index: build the set on rows, and run every statement with and without it", false},
    {"sizes", 0, DBA_OPTION_SIZES, "FILE", "index: lines of bytes, a tab, CREATE INDEX ...: to reckon with instead of what is predicted",
     false},
    {"per-table", 0, DBA_OPTION_PER_TABLE, "N", "index: at most so many that could go on one table", false},
    {"budget", 0, DBA_OPTION_BUDGET, "TIME", "for proofs and measuring: 120, 90s, 5m (2m)", false},
    {"rows", 0, DBA_OPTION_ROWS, "N%",
     "lab stand-in, migrate rehearse: of the subject's rows (100%); lint: of the largest of its three sizes", false},
    {"size", 0, DBA_OPTION_SIZE, "BYTES",
     "lab stand-in: at most, tables and indexes together: 500MB, 5GB; index: of a set, or several: 500MB,2GB", false},
    {"grow", 0, DBA_OPTION_GROW, "N", "as it will be: 10x, or orders=10x,customers=2x", false},
    {"at", 0, DBA_OPTION_AT, "DATE", "as it will be then (2027-06-30, or 90d), at the rates of today", false},
    {"since", 0, DBA_OPTION_SINCE, "FILE", "an earlier survey, for rates of growth", false},
    {"survey", 0, DBA_OPTION_SURVEY, "FILE",
     "of production; migrate lint: for sizes and durations; migrate rehearse: for rows and workload", false},
    {"from", 0, DBA_OPTION_FROM, "MIGRATION", "migrate: the first one that is judged; those before it are run", false},
    {"to", 0, DBA_OPTION_TO, "MIGRATION", "migrate up: the last; down: the one that stays; baseline: the last that is there", false},
    {"override", 0, DBA_OPTION_OVERRIDE, "WHAT=WHY", "migrate up, down: rehearsal=, undo=, backup= or edited=\"reason\" (may be repeated)",
     false, true},
    {"lock-timeout", 0, DBA_OPTION_LOCK_TIMEOUT, "TIME", "migrate up, down: for a lock, before it is tried again (2s)", false},
    {"statement-timeout", 0, DBA_OPTION_STATEMENT_TIMEOUT, "TIME", "migrate up, down: for a statement (none)", false},
    {"tries", 0, DBA_OPTION_TRIES, "N", "migrate up, down: of a statement that others are in the way of (10)", false},
    {"wait", 0, DBA_OPTION_WAIT, "TIME", "migrate up, down: for another runner that is at work (1m)", false},
    {"exit-code", 0, DBA_OPTION_EXIT_CODE, NULL, "migrate status: 1 unless all was run and is as it was run", false},
    {"backup-dir", 0, DBA_OPTION_BACKUP_DIR, "FOLDER", "migrate up, down: for dumps of what is destroyed, proven before it is", false},
    {"backup-lock", 0, DBA_OPTION_BACKUP_LOCK, "TIME",
     "migrate up, down: that others may wait while it is looked whether rows came after the dump (client_wait of dbarch.yaml); 0: do not "
     "look",
     false},
    {"confirm", 0, DBA_OPTION_CONFIRM, "OBJECT", "migrate up, down: it may be destroyed (may be repeated)", false, true},
    {"because", 0, DBA_OPTION_BECAUSE, "TEXT", "ledger add: the reason", false},
    {"until", 0, DBA_OPTION_UNTIL, "DATE", "ledger add: a decision's last day", false},
    {"layout", 0, DBA_OPTION_LAYOUT, "NAME", "of the files, where it is not told by looking: pairs, dbmate, flyway ...", false},
    {"seed", 0, DBA_OPTION_SEED, "N", "lab stand-in: other rows of the same kind (1)", false},
    {"clients", 'c', DBA_OPTION_CLIENTS, "N", "lab load, migrate rehearse: how many at a time (4)", false},
    {"rate", 0, DBA_OPTION_RATE, "N", "lab load, migrate rehearse: statements a second, all clients together (as many as they can)", false},
    {"replica", 0, DBA_OPTION_REPLICA, NULL, "migrate rehearse: a standby streams from the lab; how far it falls behind is measured",
     false},
    {"time", 'T', DBA_OPTION_TIME, "TIME", "lab load: for how long; migrate rehearse: load before each migration (10s)", false},
    {"stub", 0, DBA_OPTION_STUB, NULL, "leave out extensions that the lab lacks; columns of their types are text", false},
    {"sample", 0, DBA_OPTION_SAMPLE, NULL, "lab stand-in: rows of the subject itself, personal values masked", false},
    {"mask", 0, DBA_OPTION_MASK, "COLUMN", "--sample: mask this column too: table.column (may be repeated)", false, true},
    {"no-mask", 0, DBA_OPTION_NO_MASK, NULL, "--sample: no masks: the lab then holds production data", false},
    {"cold", 0, DBA_OPTION_COLD, NULL, "every measured run finds empty caches", false},
    {"receipts", 0, DBA_OPTION_RECEIPTS, "FILE", "proofs of an earlier findings.json, instead of measuring again", false},
    {"no-lab", 0, DBA_OPTION_NO_LAB, NULL, "advice without proofs", false},
    {"with-values", 0, DBA_OPTION_WITH_VALUES, NULL, "keep production values as they are", false},
    {"redact", 0, DBA_OPTION_REDACT, "schema", "disguise values in the schema's own text too", false},
    {"no-values", 0, DBA_OPTION_NO_VALUES, NULL, "no values at all, also no disguised ones", false},
    {"format", 0, DBA_OPTION_FORMAT, "FORMAT", "tty or json; review and migrate also md, github, gitlab, sarif, junit", false},
    {"json", 0, DBA_OPTION_JSON, NULL, "--format json", false},
    {"fail-on", 0, DBA_OPTION_FAIL_ON, "SEVERITY", "exit 1 from this severity on: must-fix, worth-it, question, note, never", false},
    {"install", 0, DBA_OPTION_INSTALL, NULL, "bring the private PostgreSQL 17", false},
    {"yes", 'y', DBA_OPTION_YES, NULL, "do not ask before downloading", false},
    {"offline", 0, DBA_OPTION_OFFLINE, NULL, "never download", false},
    {"all", 0, DBA_OPTION_ALL, NULL, "all of them", true},
    {"pg-bin", 0, DBA_OPTION_PG_BIN, "FOLDER", "the lab's server programs (DBARCH_PG_BIN)", true},
    {"pg-major", 0, DBA_OPTION_PG_MAJOR, "N", "the lab's major version", true},
    {"config", 0, DBA_OPTION_CONFIG, "FILE", "dbarch.yaml to use", true},
    {"color", 0, DBA_OPTION_COLOR, "WHEN", "auto, always or never", true},
    {"quiet", 'q', DBA_OPTION_QUIET, NULL, "no progress", true},
    {"help", 0, DBA_OPTION_HELP, NULL, "this", true},
    {"version", 'V', DBA_OPTION_VERSION, NULL, "the version", true},
};

void dba_options_clear(DbaOptions *parsed) {
  for (size_t i = 0; i < G_N_ELEMENTS(parsed->texts); i++)
    g_clear_pointer(&parsed->texts[i], g_free);
  for (size_t i = 0; i < G_N_ELEMENTS(parsed->lists); i++)
    g_clear_pointer(&parsed->lists[i], g_ptr_array_unref);
  g_clear_pointer(&parsed->words, g_ptr_array_unref);
}

static int find(const char *name, size_t length, char letter) {
  for (size_t i = 0; i < G_N_ELEMENTS(options); i++)
    if (name ? strlen(options[i].name) == length && !strncmp(options[i].name, name, length) : options[i].letter == letter)
      return (int)i;
  return -1;
}

static bool unknown_option(const char *name, size_t length, const DbaVerb *verb, GError **error) {
  const char *names[G_N_ELEMENTS(options) + 1] = {0};
  size_t n = 0;
  g_autofree char *given = g_strndup(name, length);
  for (size_t i = 0; i < G_N_ELEMENTS(options); i++)
    if (options[i].common || !verb || g_strv_contains(verb->options, options[i].name))
      names[n++] = options[i].name;
  const char *near = dba_text_nearest(given, names);
  return dba_fail(error, DBA_ERROR_USAGE, "unknown option --%s%s%s%s", given, near ? " (did you mean --" : "", near ? near : "",
                  near ? "?)" : "");
}

static bool takes(const DbaVerbWord *word, const char *option) {
  g_auto(GStrv) names = g_strsplit(word->options, " ", -1);
  return g_strv_contains((const char *const *)names, option);
}

static bool take(DbaOptions *parsed, int i, const char *value, GError **error) {
  if (!options[i].common && parsed->verb && !g_strv_contains(parsed->verb->options, options[i].name))
    return dba_fail(error, DBA_ERROR_USAGE, "%s takes no --%s", parsed->verb->name, options[i].name);
  if (options[i].argument && !value)
    return dba_fail(error, DBA_ERROR_USAGE, "--%s needs a %s", options[i].name, options[i].argument);
  static const char *const may_be_empty[] = {"dbname", "host", "port", "username", NULL};
  if (options[i].argument && !*value && !g_strv_contains(may_be_empty, options[i].name))
    return dba_fail(error, DBA_ERROR_USAGE, "--%s: the %s is empty", options[i].name, options[i].argument);
  if (!options[i].argument && value)
    return dba_fail(error, DBA_ERROR_USAGE, "--%s takes no value", options[i].name);
  parsed->given[options[i].number] = true;
  if (options[i].repeats)
    g_ptr_array_add(parsed->lists[options[i].number], (char *)(uintptr_t)value);
  else if (options[i].argument) {
    g_free(parsed->texts[options[i].number]);
    parsed->texts[options[i].number] = g_strdup(value);
  } else
    parsed->flags[options[i].number] = true;
  return true;
}

// A word of the verb may take fewer options than the verb does.
static bool check_word(DbaOptions *parsed, GError **error) {
  const char *word = parsed->words->len ? parsed->words->pdata[0] : NULL;
  for (const DbaVerbWord *each = parsed->verb ? parsed->verb->words : NULL; word && each && each->name; each++)
    if (!strcmp(word, each->name))
      parsed->word = each;
  if (!parsed->word && word && parsed->help && parsed->verb && parsed->verb->words)
    return dba_fail(error, DBA_ERROR_USAGE, "%s has no \"%s\" (dbarch %s --help shows what there is)", parsed->verb->name, word,
                    parsed->verb->name);
  if (!parsed->word)
    return true;
  for (size_t i = 0; i < G_N_ELEMENTS(options); i++) {
    if (!parsed->given[options[i].number] || options[i].common || takes(parsed->word, options[i].name))
      continue;
    g_autoptr(GString) others = g_string_new(NULL);
    for (const DbaVerbWord *each = parsed->verb->words; each->name; each++)
      if (takes(each, options[i].name))
        g_string_append_printf(others, "%s%s", others->len ? ", " : "", each->name);
    return dba_fail(error, DBA_ERROR_USAGE, "%s %s takes no --%s (%s)", parsed->verb->name, word, options[i].name, others->str);
  }
  return true;
}

static bool find_verb(const char *name, bool help, DbaOptions *parsed, GError **error) {
  for (const DbaAdvisor *advisor = dba_advisors; help && advisor->rule; advisor++)
    if (!strcmp(name, advisor->rule)) {
      parsed->help_rule = advisor;
      return true;
    }
  for (const DbaMigrateRule *rule = dba_migrate_rules; help && rule->rule; rule++)
    if (!strcmp(name, rule->rule)) {
      parsed->help_migrate_rule = rule;
      return true;
    }
  const char *names[16] = {0};
  size_t n = 0;
  for (const DbaVerb *verb = dba_verbs; verb->name; verb++) {
    names[n++] = verb->name;
    if (!strcmp(name, verb->name))
      parsed->verb = verb;
  }
  if (parsed->verb)
    return true;
  const char *near = dba_text_nearest(name, names);
  return dba_fail(error, DBA_ERROR_USAGE, "unknown verb \"%s\"%s%s%s", name, near ? " (did you mean \"" : "", near ? near : "",
                  near ? "\"?)" : " (dbarch alone lists them)");
}

bool dba_options_parse(int argc, char **argv, DbaOptions *parsed, GError **error) {
  for (size_t i = 0; i < G_N_ELEMENTS(parsed->lists); i++)
    parsed->lists[i] = g_ptr_array_new();
  parsed->words = g_ptr_array_new();
  bool ended = false, help_word = argc > 1 && !strcmp(argv[1], "help");
  for (int at = 1 + help_word; at < argc; at++) {
    const char *arg = argv[at];
    // What stands behind "lab run CMD" and "lab psql" is another program's.
    const char *command = parsed->verb && !strcmp(parsed->verb->name, "lab") && parsed->words->len ? parsed->words->pdata[0] : "";
    bool foreign = !strcmp(command, "psql") || (!strcmp(command, "run") && parsed->words->len > 1);
    if (!ended && !strcmp(arg, "--")) {
      ended = true;
    } else if (ended || *arg != '-' || !arg[1] || foreign) {
      if (!parsed->verb) {
        if (!find_verb(arg, help_word, parsed, error))
          return false;
      } else
        g_ptr_array_add(parsed->words, (char *)(uintptr_t)arg);
    } else if (arg[1] == '-') {
      const char *name = arg + 2, *equals = strchr(name, '=');
      size_t length = equals ? (size_t)(equals - name) : strlen(name);
      int i = find(name, length, 0);
      if (i < 0)
        return unknown_option(name, length, parsed->verb, error);
      const char *value = equals ? equals + 1 : options[i].argument && at + 1 < argc ? argv[++at] : NULL;
      if (!take(parsed, i, value, error))
        return false;
    } else {
      for (const char *p = arg + 1; *p; p++) {
        int i = find(NULL, 0, *p);
        if (i < 0)
          return dba_fail(error, DBA_ERROR_USAGE, "unknown option -%c", *p);
        const char *value = options[i].argument ? (p[1] ? p + 1 : at + 1 < argc ? argv[++at] : NULL) : NULL;
        if (!take(parsed, i, value, error))
          return false;
        if (options[i].argument)
          break;
      }
    }
  }
  parsed->help = parsed->flags[DBA_OPTION_HELP] || help_word;
  parsed->version = parsed->flags[DBA_OPTION_VERSION];
  parsed->quiet = parsed->flags[DBA_OPTION_QUIET];
  for (size_t i = 0; i < G_N_ELEMENTS(parsed->lists); i++)
    g_ptr_array_add(parsed->lists[i], NULL);
  bool ok = check_word(parsed, error);
  g_ptr_array_add(parsed->words, NULL);
  return ok;
}

// `how`: to live with what it finds; RULE in it stands for the rule.
static char *help_rule(const char *rule, const char *title, const char *explain, const char *how) {
  enum { WIDTH = 100 };
  GString *out = g_string_new(NULL);
  g_string_append_printf(out, "%s: %s\n\n", rule, title);
  dba_text_append_wrapped(out, explain, WIDTH, 0);
  g_auto(GStrv) parts = g_strsplit(how, "RULE", -1);
  g_autofree char *told = g_strjoinv(rule, parts);
  g_string_append_printf(out, "\n\nTo live with %s", told);
  return g_string_free(out, FALSE);
}

char *dba_options_help_rule(const DbaAdvisor *rule) {
  return help_rule(rule->rule, rule->title, rule->explain,
                   "one finding, head the statement with\n  -- dbarch: allow RULE REASON\nor write into dbarch.yaml\n"
                   "  allow:\n    - { rule: RULE, object: NAME, reason: \"...\" }\n");
}

char *dba_options_help_migrate_rule(const DbaMigrateRule *rule) {
  return help_rule(rule->rule, rule->title, rule->explain,
                   "it, write into the migration\n  -- dbarch: allow RULE REASON\nor decide it for good:\n"
                   "  dbarch ledger add decision TITLE --rule RULE --object MIGRATION --because REASON\n");
}

char *dba_options_help(const DbaVerb *verb, const DbaVerbWord *word) {
  GString *out = g_string_new(NULL);
  if (!verb) {
    g_string_append(out, "dbarch: a database architect whose every recommendation carries a receipt\n\n");
    for (int front = 1; front >= 0; front--)
      for (const DbaVerb *v = dba_verbs; v->name; v++)
        if (v->front == front)
          g_string_append_printf(out, "  dbarch %-8s %-32s %s\n", v->name, v->arguments, v->summary);
    g_string_append(out, "\nSUBJECT: a connection string or URI, an SQL file or folder, a survey.json; or -d -h -p -U as psql takes them.\n"
                         "dbarch VERB --help says more; dbarch(1) says all.\n");
    return g_string_free(out, FALSE);
  }
  if (word)
    g_string_append_printf(out, "dbarch %s %s%s%s\n%s\n\n", verb->name, word->name, *word->arguments ? " " : "", word->arguments,
                           word->summary);
  else
    g_string_append_printf(out, "dbarch %s %s\n%s\n\n%s\n", verb->name, verb->arguments, verb->summary, verb->help);
  for (size_t i = 0; i < G_N_ELEMENTS(options); i++) {
    if (!options[i].common && (!g_strv_contains(verb->options, options[i].name) || (word && !takes(word, options[i].name))))
      continue;
    if (!strcmp(options[i].name, "all") && strcmp(verb->name, "lab"))
      continue;
    g_autofree char *name =
        g_strdup_printf("--%s%s%s", options[i].name, options[i].argument ? " " : "", options[i].argument ? options[i].argument : "");
    g_string_append_printf(out, "  %c%c%c %-20s %s\n", options[i].letter ? '-' : ' ', options[i].letter ? options[i].letter : ' ',
                           options[i].letter ? ',' : ' ', name, options[i].help);
  }
  if (!strcmp(verb->name, "review")) {
    g_string_append(out, "\nrules (dbarch help RULE says more):\n");
    for (const DbaAdvisor *advisor = dba_advisors; advisor->rule; advisor++)
      g_string_append_printf(out, "  %-24s %s\n", advisor->rule, advisor->title);
  }
  return g_string_free(out, FALSE);
}

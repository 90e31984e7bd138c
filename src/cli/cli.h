// SPDX-License-Identifier: Apache-2.0
// The person's face: the command line, the environment, exit codes, the terminal.
#pragma once

#include "verb/verb.h"

typedef enum DbaExit {
  DBA_EXIT_OK = 0,
  DBA_EXIT_FINDINGS = 1,
  DBA_EXIT_USAGE = 2,
  DBA_EXIT_INPUT = 3,
  DBA_EXIT_CONNECT = 4,
  DBA_EXIT_LAB = 5,
  DBA_EXIT_REFUSED = 6,
  DBA_EXIT_BUG = 70,
  DBA_EXIT_INTERRUPTED = 130,
} DbaExit;

// Indexes into texts and flags.
enum {
  DBA_OPTION_AS,
  DBA_OPTION_OUT,
  DBA_OPTION_OUTPUT,
  DBA_OPTION_FORMAT,
  DBA_OPTION_FAIL_ON,
  DBA_OPTION_BUDGET,
  DBA_OPTION_ROWS,
  DBA_OPTION_SIZE,
  DBA_OPTION_SEED,
  DBA_OPTION_PG_BIN,
  DBA_OPTION_PG_MAJOR,
  DBA_OPTION_DBNAME,
  DBA_OPTION_HOST,
  DBA_OPTION_PORT,
  DBA_OPTION_USERNAME,
  DBA_OPTION_RULE,
  DBA_OPTION_OBJECT,
  DBA_OPTION_CONFIG,
  DBA_OPTION_RECEIPTS,
  DBA_OPTION_WORKLOAD,
  DBA_OPTION_GROW,
  DBA_OPTION_AT,
  DBA_OPTION_SINCE,
  DBA_OPTION_SURVEY,
  DBA_OPTION_FROM,
  DBA_OPTION_TO,
  DBA_OPTION_OVERRIDE,
  DBA_OPTION_LOCK_TIMEOUT,
  DBA_OPTION_STATEMENT_TIMEOUT,
  DBA_OPTION_TRIES,
  DBA_OPTION_WAIT,
  DBA_OPTION_LAYOUT,
  DBA_OPTION_BACKUP_DIR,
  DBA_OPTION_BACKUP_LOCK,
  DBA_OPTION_CONFIRM,
  DBA_OPTION_BECAUSE,
  DBA_OPTION_UNTIL,
  DBA_OPTION_CLIENTS,
  DBA_OPTION_TIME,
  DBA_OPTION_RATE,
  DBA_OPTION_REPLICA,
  DBA_OPTION_SAMPLE,
  DBA_OPTION_MASK,
  DBA_OPTION_NO_MASK,
  DBA_OPTION_STUB,
  DBA_OPTION_COLOR,
  DBA_OPTION_FORCE,
  DBA_OPTION_EXIT_CODE,
  DBA_OPTION_FIX,
  DBA_OPTION_WHY,
  DBA_OPTION_KEEP,
  DBA_OPTION_FORBID,
  DBA_OPTION_PER_TABLE,
  DBA_OPTION_SIZES,
  DBA_OPTION_PROVE,
  DBA_OPTION_WITH_VALUES,
  DBA_OPTION_REDACT,
  DBA_OPTION_NO_VALUES,
  DBA_OPTION_NO_LAB,
  DBA_OPTION_JSON,
  DBA_OPTION_INSTALL,
  DBA_OPTION_YES,
  DBA_OPTION_OFFLINE,
  DBA_OPTION_ALL,
  DBA_OPTION_COLD,
  DBA_OPTION_QUIET,
  DBA_OPTION_HELP,
  DBA_OPTION_VERSION,
  DBA_N_OPTIONS
};

// What the command line said, as text; cli/main.c makes the request of it.
typedef struct DbaOptions {
  const DbaVerb *verb;
  const DbaVerbWord *word; // of the verb's; NULL: it has none, or none of this name
  bool help, version, quiet;
  const DbaAdvisor *help_rule;             // dbarch help RULE
  const DbaMigrateRule *help_migrate_rule; // the same, of a rule about migrations
  char *texts[DBA_N_OPTIONS];              // by option number
  bool flags[DBA_N_OPTIONS], given[DBA_N_OPTIONS];
  GPtrArray *lists[DBA_N_OPTIONS]; // of those that may be repeated; NULL-terminated once parsed
  GPtrArray *words;                // likewise
} DbaOptions;

bool dba_options_parse(int argc, char **argv, DbaOptions *ret_options, GError **error) DBA_CHECKED;
void dba_options_clear(DbaOptions *options);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DbaOptions, dba_options_clear)
char *dba_options_help(const DbaVerb *verb, const DbaVerbWord *word) DBA_CHECKED; // NULL: the front page; the whole verb
char *dba_options_help_rule(const DbaAdvisor *rule) DBA_CHECKED;
char *dba_options_help_migrate_rule(const DbaMigrateRule *rule) DBA_CHECKED;

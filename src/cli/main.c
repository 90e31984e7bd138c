// SPDX-License-Identifier: Apache-2.0
// The program: reads the environment and the command line, runs a verb, prints, exits.
//
// Results go to stdout, everything else to stderr.  This file and options.c are the only ones that read the environment.
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;

static void on_signal(int number) {
  static volatile sig_atomic_t times;
  interrupted = number;
  if (++times > 2) // asked three times: go at once; the next start sweeps up
    _exit(DBA_EXIT_INTERRUPTED);
}

static int exit_code(const GError *error) {
  static const int codes[] = {
      [DBA_ERROR_USAGE] = DBA_EXIT_USAGE,
      [DBA_ERROR_INPUT] = DBA_EXIT_INPUT,
      [DBA_ERROR_CONNECT] = DBA_EXIT_CONNECT,
      [DBA_ERROR_DATABASE] = DBA_EXIT_CONNECT,
      [DBA_ERROR_LAB] = DBA_EXIT_LAB,
      [DBA_ERROR_REFUSED] = DBA_EXIT_REFUSED,
      [DBA_ERROR_INTERRUPTED] = DBA_EXIT_INTERRUPTED,
      [DBA_ERROR_BUG] = DBA_EXIT_BUG,
  };
  if (error->domain != DBA_ERROR || error->code < 0 || error->code >= (int)G_N_ELEMENTS(codes))
    return DBA_EXIT_BUG;
  return codes[error->code];
}

static int fail(const GError *error) {
  g_autofree char *safe = dba_text_printable(error->message, true);
  fprintf(stderr, "dbarch: %s\n", safe);
  return exit_code(error);
}

typedef struct Progress {
  bool terminal;
  gint64 begin_us;
  size_t shown;
} Progress;

static void show_progress(void *data, const char *line) {
  Progress *progress = data;
  g_autofree char *safe = dba_text_printable(line, false);
  if (progress->terminal) {
    fprintf(stderr, "\r\033[K%5.1f s  %s", (double)(g_get_monotonic_time() - progress->begin_us) / 1e6, safe);
    progress->shown = 1;
  } else
    fprintf(stderr, "%5.1f s  %s\n", (double)(g_get_monotonic_time() - progress->begin_us) / 1e6, safe);
}

static void announce(void *data, const char *line) {
  const Progress *progress = data;
  g_autofree char *safe = dba_text_printable(line, false);
  fprintf(stderr, "%s         %s\n", progress->terminal ? "\r\033[K" : "", safe);
}

static void end_progress(Progress *progress) {
  if (progress->shown)
    fputs("\r\033[K", stderr);
  progress->shown = 0;
}

static bool ask(const char *question) {
  char line[16] = "";
  fprintf(stderr, "%s Go on? [y/N] ", question);
  return fgets(line, sizeof line, stdin) && (*line == 'y' || *line == 'Y');
}

static char *ask_for(const char *question) {
  char line[512] = "";
  fprintf(stderr, "%s ", question);
  return fgets(line, sizeof line, stdin) ? g_strdup(g_strstrip(line)) : NULL;
}

static char *quote_conninfo(const char *value) {
  g_auto(GStrv) backslashes = g_strsplit(value, "\\", -1);
  g_autofree char *step = g_strjoinv("\\\\", backslashes);
  g_auto(GStrv) quotes = g_strsplit(step, "'", -1);
  g_autofree char *escaped = g_strjoinv("\\'", quotes);
  return g_strdup_printf("'%s'", escaped);
}

// -d -h -p -U as one connection string; -d may itself be one, as with psql.
static char *conninfo_of(const DbaOptions *options) {
  static const struct {
    int number;
    const char *keyword;
  } parts[] = {{DBA_OPTION_DBNAME, "dbname"}, {DBA_OPTION_HOST, "host"}, {DBA_OPTION_PORT, "port"}, {DBA_OPTION_USERNAME, "user"}};
  GString *out = g_string_new(NULL);
  const char *database = options->texts[DBA_OPTION_DBNAME];
  if (database && dba_server_is_conninfo(database))
    return g_string_free(g_string_assign(out, database), FALSE);
  for (size_t i = 0; i < G_N_ELEMENTS(parts); i++)
    if (options->texts[parts[i].number]) {
      g_autofree char *quoted = quote_conninfo(options->texts[parts[i].number]);
      g_string_append_printf(out, "%s%s=%s", out->len ? " " : "", parts[i].keyword, quoted);
    }
  if (!out->len) {
    g_string_free(out, TRUE);
    return NULL;
  }
  return g_string_free(out, FALSE);
}

static char *cache_folder(void) {
  const char *named = g_getenv("DBARCH_CACHE");
  if (named && *named)
    return g_canonicalize_filename(named, NULL);
  return geteuid() == 0 ? g_strdup("/var/cache/dbarch") : g_build_filename(g_get_user_cache_dir(), "dbarch", NULL);
}

// The first of these folders, seen from the program's own, that is there.
static char *folder_beside_us(const char *const *places) {
  g_autofree char *self = g_file_read_link("/proc/self/exe", NULL), *bin = self ? g_path_get_dirname(self) : NULL;
  for (; bin && *places; places++) {
    g_autofree char *folder = g_build_filename(bin, *places, NULL);
    if (g_file_test(folder, G_FILE_TEST_IS_DIR))
      return g_canonicalize_filename(folder, NULL);
  }
  return NULL;
}

static unsigned terminal_width(void) {
  struct winsize size;
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 100;
}

// What a stand-in is asked to be.
static bool set_up_stand_in(const DbaOptions *options, DbaRequest *request, GError **error) {
  const char *rows = options->texts[DBA_OPTION_ROWS], *size = options->texts[DBA_OPTION_SIZE], *seed = options->texts[DBA_OPTION_SEED];
  char *end = NULL;
  request->percent = rows ? g_ascii_strtod(rows, &end) : 0;
  if (rows && (end == rows || strcmp(end, "%") || !(request->percent > 0 && request->percent <= 100)))
    return dba_fail(error, DBA_ERROR_USAGE, "--rows %s: say a share of the subject's rows, above 0%% and up to 100%%: 10%%", rows);
  request->sizes = size;
  bool several = !strcmp(options->verb->name, "index"); // which reads them itself
  request->size_bytes = size && !several ? dba_text_read_bytes(size) : 0;
  if (request->size_bytes < 0)
    return dba_fail(error, DBA_ERROR_USAGE, "--size %s: say 500MB or 5GB", size);
  if (rows && size)
    return dba_fail(error, DBA_ERROR_USAGE, "--rows and --size: name one");
  request->seed = seed ? g_ascii_strtoull(seed, &end, 10) : 1;
  if (seed && (!g_ascii_isdigit(*seed) || *end))
    return dba_fail(error, DBA_ERROR_USAGE, "--seed %s: is no number", seed);
  return true;
}

static bool set_format(const DbaOptions *options, const char *format, DbaRequest *request, GError **error) {
  bool tells = options->word ? options->word->tells_findings : options->verb->tells_findings;
  request->format = options->flags[DBA_OPTION_JSON] ? DBA_FORMAT_JSON : DBA_FORMAT_TTY;
  g_autofree char *all = g_strjoinv(", ", (char **)(uintptr_t)dba_format_names());
  if (format && !dba_format_parse(format, &request->format))
    return dba_fail(error, DBA_ERROR_USAGE, "--format %s: the formats are %s", format, tells ? all : "tty and json");
  if (request->format > DBA_FORMAT_JSON && !tells)
    return dba_fail(error, DBA_ERROR_USAGE, "--format %s: the formats of %s%s%s are tty and json", format, options->verb->name,
                    options->word ? " " : "", options->word ? options->word->name : "");
  return true;
}

// How `migrate up` and its like go about it.
static bool set_up_runner(const DbaOptions *options, DbaRequest *request, GError **error) {
  const char *wait = options->texts[DBA_OPTION_WAIT], *tries = options->texts[DBA_OPTION_TRIES];
  const char *lock_timeout = options->texts[DBA_OPTION_LOCK_TIMEOUT], *statement_timeout = options->texts[DBA_OPTION_STATEMENT_TIMEOUT];
  request->lock_timeout_seconds = lock_timeout ? dba_text_read_seconds(lock_timeout) : 2;
  request->statement_timeout_seconds = statement_timeout ? dba_text_read_seconds(statement_timeout) : 0;
  if (!(request->lock_timeout_seconds > 0 && request->lock_timeout_seconds <= 86400))
    return dba_fail(error, DBA_ERROR_USAGE, "--lock-timeout %s: say seconds, or 90s, 5m", lock_timeout);
  if (!(request->statement_timeout_seconds >= 0 && request->statement_timeout_seconds <= 864000))
    return dba_fail(error, DBA_ERROR_USAGE, "--statement-timeout %s: say seconds, or 90s, 5m, 1h", statement_timeout);
  request->wait_seconds = wait ? dba_text_read_seconds(wait) : 60;
  if (!(request->wait_seconds >= 0 && request->wait_seconds <= 86400))
    return dba_fail(error, DBA_ERROR_USAGE, "--wait %s: say seconds, or 90s, 5m, 1h", wait);
  const char *backup_lock = options->texts[DBA_OPTION_BACKUP_LOCK];
  request->backup_lock = backup_lock != NULL;
  request->backup_lock_seconds = backup_lock ? dba_text_read_seconds(backup_lock) : 0;
  if (!(request->backup_lock_seconds >= 0 && request->backup_lock_seconds <= 86400))
    return dba_fail(error, DBA_ERROR_USAGE, "--backup-lock %s: say seconds, or 90s, 5m, 1h", backup_lock);
  char *end = NULL;
  guint64 n = tries ? g_ascii_strtoull(tries, &end, 10) : 10;
  if (tries && (!g_ascii_isdigit(*tries) || *end || n < 1 || n > 1000))
    return dba_fail(error, DBA_ERROR_USAGE, "--tries %s: say 1 to 1000", tries);
  request->tries = (unsigned)n;
  request->to = options->texts[DBA_OPTION_TO];
  request->overrides = (const char *const *)options->lists[DBA_OPTION_OVERRIDE]->pdata;
  request->confirmed = (const char *const *)options->lists[DBA_OPTION_CONFIRM]->pdata;
  request->backup_dir = options->texts[DBA_OPTION_BACKUP_DIR];
  request->exit_code = options->flags[DBA_OPTION_EXIT_CODE];
  return true;
}

static bool set_up_index(const DbaOptions *options, DbaRequest *request, GError **error) {
  const char *most = options->texts[DBA_OPTION_PER_TABLE];
  char *end = NULL;
  guint64 n = most ? g_ascii_strtoull(most, &end, 10) : 0;
  if (most && (!g_ascii_isdigit(*most) || *end || n < 1 || n > 1000))
    return dba_fail(error, DBA_ERROR_USAGE, "--per-table %s: say 1 to 1000", most);
  request->most_per_table = (unsigned)n;
  request->prove = options->flags[DBA_OPTION_PROVE];
  request->index_sizes = options->texts[DBA_OPTION_SIZES];
  request->whys = (const char *const *)options->lists[DBA_OPTION_WHY]->pdata;
  request->keeps = (const char *const *)options->lists[DBA_OPTION_KEEP]->pdata;
  request->forbids = (const char *const *)options->lists[DBA_OPTION_FORBID]->pdata;
  return true;
}

static bool set_up(const DbaOptions *options, DbaRequest *request, GError **error) {
  const char *format = options->texts[DBA_OPTION_FORMAT], *color = options->texts[DBA_OPTION_COLOR],
             *budget = options->texts[DBA_OPTION_BUDGET], *major = options->texts[DBA_OPTION_PG_MAJOR];
  static const char *const whens[] = {"auto", "always", "never", NULL};
  if (!set_format(options, format, request, error))
    return false;
  if (color && !g_strv_contains(whens, color))
    return dba_fail(error, DBA_ERROR_USAGE, "--color %s: say auto, always or never", color);
  request->budget_seconds = budget ? dba_text_read_seconds(budget) : 120;
  if (request->budget_seconds < 0)
    return dba_fail(error, DBA_ERROR_USAGE, "--budget %s: say seconds, or 90s, 5m, 1h", budget);
  const char *clients = options->texts[DBA_OPTION_CLIENTS], *time = options->texts[DBA_OPTION_TIME];
  char *end;
  guint64 n = clients ? g_ascii_strtoull(clients, &end, 10) : 4;
  if (clients && (!g_ascii_isdigit(*clients) || *end || n < 1 || n > 64))
    return dba_fail(error, DBA_ERROR_USAGE, "--clients %s: say 1 to 64", clients);
  request->clients = (unsigned)n;
  const char *rate = options->texts[DBA_OPTION_RATE];
  request->rate = rate ? g_ascii_strtod(rate, &end) : 0;
  if (rate && (end == rate || *end || !(request->rate > 0 && request->rate <= 1e6)))
    return dba_fail(error, DBA_ERROR_USAGE, "--rate %s: say how many statements a second", rate);
  request->replica = options->flags[DBA_OPTION_REPLICA];
  request->time_seconds = time ? dba_text_read_seconds(time) : 10;
  if (!(request->time_seconds >= 0.1 && request->time_seconds <= 86400))
    return dba_fail(error, DBA_ERROR_USAGE, "--time %s: say seconds, or 90s, 5m, 1h", time);
  if (!set_up_index(options, request, error) || !set_up_runner(options, request, error))
    return false;
  request->home.major = major ? (int)g_ascii_strtoll(major, NULL, 10) : 0;
  if (major && request->home.major <= 0)
    return dba_fail(error, DBA_ERROR_USAGE, "--pg-major %s: is no number", major);
  g_autofree const char **rules = !strcmp(options->verb->name, "ledger") ? dba_all_rules() : dba_advise_rules();
  for (guint i = 0; i + 1 < options->lists[DBA_OPTION_RULE]->len; i++)
    if (!g_strv_contains(rules, options->lists[DBA_OPTION_RULE]->pdata[i])) {
      const char *near = dba_text_nearest(options->lists[DBA_OPTION_RULE]->pdata[i], rules);
      g_autofree char *all = g_strjoinv(", ", (char **)(uintptr_t)rules);
      return dba_fail(error, DBA_ERROR_USAGE, "unknown rule \"%s\" (%s%s%s)", (const char *)options->lists[DBA_OPTION_RULE]->pdata[i],
                      near ? "did you mean \"" : "there are: ", near ? near : all, near ? "\"?" : "");
    }
  request->color = color && strcmp(color, "auto") ? !strcmp(color, "always") : isatty(STDOUT_FILENO) && !g_getenv("NO_COLOR");
  request->width = terminal_width();
  request->words = (const char *const *)options->words->pdata;
  request->rules = (const char *const *)options->lists[DBA_OPTION_RULE]->pdata;
  request->objects = (const char *const *)options->lists[DBA_OPTION_OBJECT]->pdata;
  request->masks = (const char *const *)options->lists[DBA_OPTION_MASK]->pdata;
  request->sample = options->flags[DBA_OPTION_SAMPLE];
  request->stub = options->flags[DBA_OPTION_STUB];
  request->no_mask = options->flags[DBA_OPTION_NO_MASK];
  request->as_kind = options->texts[DBA_OPTION_AS];
  request->out = options->texts[DBA_OPTION_OUT];
  request->output = options->texts[DBA_OPTION_OUTPUT];
  request->grow = options->texts[DBA_OPTION_GROW];
  request->at = options->texts[DBA_OPTION_AT];
  request->since = options->texts[DBA_OPTION_SINCE];
  request->survey = options->texts[DBA_OPTION_SURVEY];
  request->because = options->texts[DBA_OPTION_BECAUSE];
  request->until = options->texts[DBA_OPTION_UNTIL];
  request->from = options->texts[DBA_OPTION_FROM];
  request->layout = options->texts[DBA_OPTION_LAYOUT];
  request->workload = options->texts[DBA_OPTION_WORKLOAD];
  request->config = options->texts[DBA_OPTION_CONFIG]                ? options->texts[DBA_OPTION_CONFIG]
                    : g_file_test("dbarch.yaml", G_FILE_TEST_EXISTS) ? "dbarch.yaml"
                                                                     : NULL;
  request->receipts = options->texts[DBA_OPTION_RECEIPTS];
  request->fix = options->flags[DBA_OPTION_FIX];
  request->force = options->flags[DBA_OPTION_FORCE];
  request->keep_values = options->flags[DBA_OPTION_WITH_VALUES];
  request->redact = options->texts[DBA_OPTION_REDACT];
  request->no_values = options->flags[DBA_OPTION_NO_VALUES];
  request->no_lab = options->flags[DBA_OPTION_NO_LAB];
  request->install = options->flags[DBA_OPTION_INSTALL];
  request->yes = options->flags[DBA_OPTION_YES];
  request->offline = options->flags[DBA_OPTION_OFFLINE];
  request->all = options->flags[DBA_OPTION_ALL];
  request->cold = options->flags[DBA_OPTION_COLD];
  request->pg_environment = g_getenv("PGHOST") || g_getenv("PGDATABASE") || g_getenv("PGSERVICE") || g_getenv("PGHOSTADDR");
  request->home.pg_bin = options->texts[DBA_OPTION_PG_BIN] ? options->texts[DBA_OPTION_PG_BIN] : g_getenv("DBARCH_PG_BIN");
  request->home.sudo_uid = geteuid() == 0 ? g_getenv("SUDO_UID") : NULL;
  request->path = g_getenv("PATH");
  request->ask = isatty(STDIN_FILENO) && isatty(STDERR_FILENO) ? ask : NULL;
  request->ask_for = request->ask ? ask_for : NULL;
  request->interrupt = &interrupted;
  return set_up_stand_in(options, request, error);
}

// The least severe finding that makes the exit code 1; DBA_N_SEVERITIES: never.
static bool fail_on(const DbaOptions *options, int *ret_severity, GError **error) {
  const char *word = options->texts[DBA_OPTION_FAIL_ON];
  DbaSeverity severity = DBA_MUST_FIX;
  const char *ci = g_getenv("CI");
  if (!word) {
    *ret_severity = ci && !strcmp(ci, "true") ? DBA_MUST_FIX : -1;
    return true;
  }
  if (strcmp(word, "never") && !dba_severity_parse(word, &severity))
    return dba_fail(error, DBA_ERROR_USAGE, "--fail-on %s: say must-fix, worth-it, question, note or never", word);
  *ret_severity = strcmp(word, "never") ? (int)severity : -1;
  return true;
}

static int run(const DbaOptions *options, DbaRequest *request, int threshold) {
  g_autoptr(GError) error = NULL;
  Progress progress = {isatty(STDERR_FILENO) != 0, g_get_monotonic_time(), 0};
  DbaAnswer answer = {.text = g_string_new(NULL), .warnings = g_ptr_array_new_with_free_func(g_free)};
  if (!options->quiet) {
    request->progress = show_progress;
    request->announce = announce;
    request->progress_data = &progress;
  }
  bool ok = options->verb->run(request, &answer, &error);
  end_progress(&progress);
  for (guint i = 0; i < answer.warnings->len; i++) {
    g_autofree char *safe = dba_text_printable(answer.warnings->pdata[i], true);
    fprintf(stderr, "dbarch: %s\n", safe);
  }
  fputs(answer.text->str, stdout);
  if (fflush(stdout) != 0 && errno != EPIPE)
    ok = dba_fail(&error, DBA_ERROR_INPUT, "stdout: %s", g_strerror(errno));
  int status = ok ? answer.status : fail(error);
  if (ok && answer.failed)
    status = DBA_EXIT_LAB;
  for (int i = 0; ok && i <= threshold; i++)
    if (answer.counts[i])
      status = DBA_EXIT_FINDINGS;
  if (ok && (answer.proof_failed || answer.differs))
    status = answer.proof_failed ? DBA_EXIT_REFUSED : DBA_EXIT_FINDINGS;
  if (ok && answer.exec_argv) {
    execv(answer.exec_argv[0], (char **)(uintptr_t)answer.exec_argv);
    fprintf(stderr, "dbarch: %s: %s\n", answer.exec_argv[0], g_strerror(errno));
    status = DBA_EXIT_LAB;
  }
  g_string_free(answer.text, TRUE);
  g_ptr_array_unref(answer.warnings);
  return status;
}

int main(int argc, char **argv) {
  for (int fd = 0; fd < 3; fd++) // never write a report into a file that happened to get number 1
    if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0)
      return DBA_EXIT_BUG;
  struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGHUP, &action, NULL);
  signal(SIGPIPE, SIG_IGN);
  g_autoptr(GError) error = NULL;
  g_auto(DbaOptions) options = {0};
  DbaRequest request = {0};
  int threshold = -1;
  if (!dba_options_parse(argc, argv, &options, &error))
    return fail(error);
  if (options.version) {
    puts("dbarch " DBARCH_VERSION);
    return DBA_EXIT_OK;
  }
  if (options.help_migrate_rule) {
    g_autofree char *help = dba_options_help_migrate_rule(options.help_migrate_rule);
    fputs(help, stdout);
    return DBA_EXIT_OK;
  }
  if (options.help_rule) {
    g_autofree char *help = dba_options_help_rule(options.help_rule);
    fputs(help, stdout);
    return DBA_EXIT_OK;
  }
  if (options.help || !options.verb) {
    g_autofree char *help = dba_options_help(options.verb, options.word);
    fputs(help, stdout);
    return DBA_EXIT_OK;
  }
  g_autofree char *cache = cache_folder(), *conninfo = conninfo_of(&options);
  // Installed, or in the folder we were built in.
  static const char *const tools_places[] = {"../share/dbarch/tools", "../../tools", NULL}, *const module_places[] = {DBARCH_MODULES,
                                                                                                                      "../pgmodule", NULL};
  g_autofree char *tools = folder_beside_us(tools_places), *modules = folder_beside_us(module_places);
  if (!set_up(&options, &request, &error) || !fail_on(&options, &threshold, &error))
    return fail(error);
  request.home.cache = cache;
  request.home.modules = modules;
  request.tools = tools;
  request.subject_conninfo = conninfo;
  return run(&options, &request, threshold);
}

// SPDX-License-Identifier: Apache-2.0
// dbarch lab: the private server by hand.
#include "verb/verb.h"

#include <errno.h>
#include <string.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

static const char DATABASE[] = "lab"; // for people to work in, owned by the role without power

static const char *word(const DbaRequest *request, unsigned i) {
  for (unsigned k = 0; request->words && request->words[k]; k++)
    if (k == i)
      return request->words[k];
  return NULL;
}

static char *url(const char *socket_conninfo) { // host=... port=... user=... dbname=... as a URI that every client takes
  char **parts = g_strsplit(socket_conninfo, " ", -1);
  g_autofree char *host = g_uri_escape_string(parts[0] + strlen("host="), NULL, FALSE);
  char *text = g_strdup_printf("postgresql://%s@/%s?host=%s&port=%s", parts[2] + strlen("user="), parts[3] + strlen("dbname="), host,
                               parts[1] + strlen("port="));
  g_strfreev(parts);
  return text;
}

static bool make_database(const DbaLab *lab, GError **error) { return dba_lab_create_database(lab, DATABASE, NULL, error); }

static bool lab_start(const DbaRequest *request, DbaAnswer *answer, GError **error) {
  g_autoptr(DbaLab) lab = dba_lab_start(&request->home, true, request->interrupt, error);
  if (!lab || !make_database(lab, error))
    return false;
  g_autofree char *conninfo = dba_lab_conninfo(lab, DBA_LAB_SUPERUSER, DATABASE), *address = url(conninfo);
  dba_lab_keep(lab, "an empty database");
  g_string_append_printf(answer->text, "lab %s: PostgreSQL %s (%s), started in %.2f s\n%s\n", dba_lab_name(lab), dba_lab_version(lab),
                         dba_lab_binaries(lab)->origin, dba_lab_start_ms(lab) / 1e3, address);
  return true;
}

// A copy of a subject in a lab of its own, which goes on running.  The subject stands behind the command's own word.
typedef struct Copy {
  DbaSubject subject;
  DbaLab *source; // of SQL files: statistics come from their rows
  DbaSurvey *survey;
  DbaLab *lab;
  DbaLoad *load;
  char *horizon; // --grow, --at
  gint64 begin_us;
} Copy;

static void copy_clear(Copy *copy) {
  dba_subject_clear(&copy->subject);
  g_clear_pointer(&copy->survey, dba_survey_free);
  g_clear_pointer(&copy->source, dba_lab_stop);
  g_clear_pointer(&copy->lab, dba_lab_stop);
  g_clear_pointer(&copy->load, dba_load_free);
  g_clear_pointer(&copy->horizon, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Copy, copy_clear)

static bool begin_copy(const DbaRequest *request, Copy *copy, DbaAnswer *answer, GError **error) {
  DbaRequest inner = *request;
  g_autofree char *substitution = NULL;
  inner.words = request->words + 1;
  inner.with_values = true;
  copy->load = dba_load_new();
  if (!dba_subject_find(&inner, &copy->subject, error) ||
      !(copy->survey = dba_subject_survey(&inner, &copy->subject, &copy->source, NULL, error)) ||
      !dba_request_grow(request, copy->survey, &copy->horizon, error))
    return false;
  dba_request_progress(request, "starting the lab");
  if (!dba_subject_start_lab(request, copy->survey, true, &copy->lab, &substitution, error) ||
      !dba_subject_stub(request, copy->lab, copy->survey, answer, error))
    return false;
  if (substitution)
    g_ptr_array_add(answer->warnings, g_strdup_printf("another plan may come of it: %s", substitution));
  dba_subject_warn_disguised(copy->survey, answer);
  copy->begin_us = g_get_monotonic_time();
  return true;
}

static void end_copy(Copy *copy, const char *database, const char *what, DbaAnswer *answer) {
  double seconds = (double)(g_get_monotonic_time() - copy->begin_us) / 1e6;
  g_autofree char *conninfo = dba_lab_conninfo(copy->lab, DBA_LAB_SUBJECT_ROLE, database), *address = url(conninfo);
  g_autofree char *told = g_strdup_printf("%s of %s", what, copy->subject.shown);
  dba_lab_keep(copy->lab, told);
  dba_answer_take_notes(answer, copy->load, "");
  g_string_append_printf(answer->text, "lab %s: PostgreSQL %s, %s of %s (%u tables and views), built in %.2f s\n%s%s%s\n",
                         dba_lab_name(copy->lab), dba_lab_version(copy->lab), what, copy->subject.shown, copy->survey->schema.relations.n,
                         seconds, copy->horizon ? copy->horizon : "", copy->horizon ? "\n" : "", address);
}

static bool lab_twin(const DbaRequest *request, DbaAnswer *answer, GError **error) {
  g_auto(Copy) copy = {0};
  if (!begin_copy(request, &copy, answer, error))
    return false;
  dba_request_progress(request, "building the twin");
  if (!(dba_lab_has_module(copy.lab, request->home.modules)
            ? dba_lab_create_twin(copy.lab, "twin", copy.survey, request->home.modules, copy.load, error)
            : dba_lab_create_sparse_twin(copy.lab, "twin", copy.survey, copy.load, error)))
    return false;
  end_copy(&copy, "twin", "a twin", answer);
  return true;
}

static void tell_progress(void *data, const char *line) { dba_request_progress(data, "%s", line); }

static bool lab_stand_in(const DbaRequest *request, DbaAnswer *answer, GError **error) {
  g_auto(Copy) copy = {0};
  double scale;
  DbaRequest told = *request;
  DbaStandIn options = {.percent = request->percent,
                        .size_bytes = request->size_bytes,
                        .seed = request->seed,
                        .progress = tell_progress,
                        .progress_data = &told};
  g_autoptr(DbaServer) source = NULL;
  DbaSample sample = {.share = request->percent > 0 ? request->percent / 100 : 1,
                      .masks = request->masks,
                      .no_masks = request->no_mask,
                      .progress = tell_progress,
                      .progress_data = &told};
  if (!request->sample && (request->no_mask || (request->masks && *request->masks)))
    return dba_fail(error, DBA_ERROR_USAGE, "--mask and --no-mask go with --sample");
  if (request->sample && (request->percent <= 0 || request->size_bytes))
    return dba_fail(error, DBA_ERROR_USAGE, "--sample: say how many of the subject's rows: --rows 5%%");
  if (!begin_copy(request, &copy, answer, error))
    return false;
  if (request->sample && (copy.subject.kind != DBA_SUBJECT_LIVE || copy.horizon))
    return dba_fail(error, DBA_ERROR_USAGE, "--sample takes rows of a live database as it is%s",
                    copy.horizon ? " (hint: --grow and --at make rows)" : "");
  if (request->sample && (getrandom(&sample.key, sizeof sample.key, 0) != sizeof sample.key ||
                          getrandom(&sample.seed, sizeof sample.seed, 0) != sizeof sample.seed))
    return dba_fail(error, DBA_ERROR_BUG, "the system gives no random numbers");
  if (request->sample) {
    if (!(source = dba_subject_connect(request, &copy.subject, error)))
      return false;
    options.source = source;
    options.sample = &sample;
  }
  if (!dba_lab_create_stand_in(copy.lab, "stand_in", copy.survey, &options, copy.load, &scale, error))
    return false;
  g_autofree char *rows = dba_text_count((double)copy.load->inserted),
                  *of = request->sample ? g_strdup_printf("%s rows of its own", rows) : g_strdup_printf("%s rows", rows),
                  *what = scale < 1 ? g_strdup_printf("a stand-in (%s, %.3g%%)", of, scale * 100) : g_strdup_printf("a stand-in (%s)", of);
  end_copy(&copy, "stand_in", what, answer);
  return true;
}

static bool find(const DbaRequest *request, GPtrArray *entries, const DbaLabEntry **ret_entry, GError **error) {
  const char *name = word(request, 1) && *word(request, 1) != '-' ? word(request, 1) : NULL; // else an option of psql's
  const DbaLabEntry *found = NULL;
  g_autoptr(GString) names = g_string_new(NULL);
  unsigned n = 0;
  for (guint i = 0; i < entries->len; i++) {
    const DbaLabEntry *entry = entries->pdata[i];
    if (!entry->kept || !entry->pid)
      continue;
    g_string_append_printf(names, "%s%s%s%s%s", n++ ? ", " : "", entry->name, entry->what ? " (" : "", entry->what ? entry->what : "",
                           entry->what ? ")" : "");
    if (!name || !strcmp(name, entry->name))
      found = entry;
  }
  if (!n)
    return dba_fail(error, DBA_ERROR_USAGE, "no lab is running (hint: dbarch lab start)");
  if (!found)
    return dba_fail(error, DBA_ERROR_USAGE, "there is no lab \"%s\" (running: %s)", name, names->str);
  if (!name && n > 1)
    return dba_fail(error, DBA_ERROR_USAGE, "%u labs are running: name one of %s", n, names->str);
  *ret_entry = found;
  return true;
}

// Words that a command does not take.
static bool no_more(const DbaRequest *request, unsigned taken, GError **error) {
  const char *more = g_strv_length((char **)(uintptr_t)request->words) > taken ? request->words[taken] : NULL;
  return !more || dba_fail(error, DBA_ERROR_USAGE, "lab %s: takes no \"%s\"", request->words[0], more);
}

// Where people work in a lab: the database that `lab start`, `lab twin` or `lab stand-in` made, as the role that it named.
static char *conninfo_of(const DbaRequest *request, const DbaLabEntry *entry) {
  g_autoptr(DbaLab) lab = dba_lab_attach(entry, request->interrupt, NULL);
  g_autofree char *database = NULL;
  bool ours = !lab || !dba_lab_find_database(lab, &database, NULL) || !strcmp(database, DATABASE); // of several, the usual one
  return dba_lab_entry_conninfo(entry, ours ? DBA_LAB_SUPERUSER : DBA_LAB_SUBJECT_ROLE, ours ? DATABASE : database);
}

static void tell_kept(const DbaLabEntry *entry, const char *size, const char *address, GString *out) {
  gint64 minutes = (g_get_real_time() / G_USEC_PER_SEC - entry->kept_at_s) / 60;
  g_autofree char *age = minutes < 120 ? g_strdup_printf("%d min", (int)minutes) : g_strdup_printf("%d h", (int)(minutes / 60));
  g_string_append_printf(out, "%s  %s%sPostgreSQL %s, process %d, %s, %s old\n  %s\n", entry->name, entry->what ? entry->what : "",
                         entry->what ? "; " : "", entry->version, (int)entry->pid, size, age, address);
}

static bool lab_status(const DbaRequest *request, DbaAnswer *answer, GError **error) {
  (void)error;
  (void)dba_lab_sweep(&request->home);
  g_autoptr(GPtrArray) entries = dba_lab_list(&request->home);
  if (!entries->len)
    g_string_append(answer->text, "no lab is running\n");
  for (guint i = 0; i < entries->len; i++) {
    const DbaLabEntry *entry = entries->pdata[i];
    g_autofree char *size = dba_text_bytes(dba_file_tree_bytes(entry->folder)), *conninfo = conninfo_of(request, entry),
                    *address = url(conninfo);
    if (entry->kept)
      tell_kept(entry, size, address, answer->text);
    else
      g_string_append_printf(answer->text, "%s  in use by a running dbarch  process %d  %s\n", entry->name, (int)entry->pid, size);
  }
  return true;
}

static bool lab_url(const DbaRequest *request, DbaAnswer *answer, GError **error) {
  g_autoptr(GPtrArray) entries = dba_lab_list(&request->home);
  const DbaLabEntry *entry;
  if (!find(request, entries, &entry, error))
    return false;
  g_autofree char *conninfo = conninfo_of(request, entry), *address = url(conninfo);
  g_string_append_printf(answer->text, "%s\n", address);
  return true;
}

// The words behind the database are psql's own; they replace this process.
static bool lab_psql(const DbaRequest *request, DbaAnswer *answer, GError **error) {
  g_autoptr(GPtrArray) entries = dba_lab_list(&request->home);
  const DbaLabEntry *entry;
  g_auto(DbaLabBinaries) binaries = {0};
  if (!find(request, entries, &entry, error) || !dba_lab_find_binaries(&request->home, &binaries, error))
    return false;
  g_autofree char *own = g_build_filename(binaries.bin, "psql", NULL), *found = g_find_program_in_path("psql");
  bool named = word(request, 1) && !strcmp(word(request, 1), entry->name);
  const char *const *rest = request->words + (named ? 2 : 1);
  guint n = g_strv_length((char **)(uintptr_t)rest);
  const char **argv = g_new0(const char *, n + 4);
  argv[0] = g_file_test(own, G_FILE_TEST_IS_EXECUTABLE) || !found ? g_strdup(own) : g_strdup(found);
  argv[1] = "-d";
  argv[2] = conninfo_of(request, entry);
  memcpy(argv + 3, rest, n * sizeof *rest);
  answer->exec_argv = argv;
  return true;
}

static bool lab_stop(const DbaRequest *request, DbaAnswer *answer, GError **error) {
  if (!request->all) {
    if (!dba_lab_stop_named(&request->home, word(request, 1), error))
      return false;
    g_string_append(answer->text, "stopped and removed\n");
    return true;
  }
  g_autoptr(GPtrArray) entries = dba_lab_list(&request->home);
  unsigned n = 0;
  for (guint i = 0; i < entries->len; i++) {
    const DbaLabEntry *entry = entries->pdata[i];
    if (entry->kept) {
      if (!dba_lab_stop_named(&request->home, entry->name, error))
        return false;
      n++;
    }
  }
  g_string_append_printf(answer->text, "%u stopped and removed\n", n);
  return true;
}

// On a terminal Ctrl-C reaches the command itself, and what to do about it is its own affair (psql cancels a query); a
// signal sent to us alone is handed on.
static bool wait_for_command(const DbaRequest *request, pid_t pid, int *ret_status, GError **error) {
  enum { TICK_US = 20000, PATIENCE_TICKS = 250 };
  unsigned since = 0;
  for (;;) {
    pid_t done = waitpid(pid, ret_status, WNOHANG);
    if (done == pid || (done < 0 && errno != EINTR))
      break;
    if (*request->interrupt && (*request->interrupt != SIGINT || !request->ask)) {
      if (since == 0)
        kill(pid, SIGTERM);
      if (since++ == PATIENCE_TICKS)
        kill(pid, SIGKILL);
    }
    g_usleep(TICK_US);
  }
  return since == 0 || dba_fail(error, DBA_ERROR_INTERRUPTED, "interrupted: the command was ended, the lab is removed");
}

static bool lab_run(const DbaRequest *request, DbaAnswer *answer, GError **error) {
  if (!word(request, 1))
    return dba_fail(error, DBA_ERROR_USAGE, "lab run: no command (hint: dbarch lab run -- psql -c 'select 1')");
  g_autoptr(DbaLab) lab = dba_lab_start(&request->home, false, request->interrupt, error);
  if (!lab || !make_database(lab, error))
    return false;
  g_autofree char *conninfo = dba_lab_conninfo(lab, DBA_LAB_SUPERUSER, DATABASE), *address = url(conninfo);
  g_auto(GStrv) parts = g_strsplit(conninfo, " ", -1);
  // The lab's own psql and pg_dump come first: an older pg_dump refuses a newer server.
  g_autofree char *path =
      g_strdup_printf("%s:%s", dba_lab_binaries(lab)->bin, request->path ? request->path : "/usr/local/bin:/usr/bin:/bin");
  pid_t parent = getpid(), pid = fork();
  if (pid == 0) {
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != parent) // it does not outlive us
      _exit(126);
    g_setenv("PATH", path, TRUE);
    g_setenv("PGHOST", parts[0] + strlen("host="), TRUE);
    g_setenv("PGPORT", parts[1] + strlen("port="), TRUE);
    g_setenv("PGUSER", parts[2] + strlen("user="), TRUE);
    g_setenv("PGDATABASE", DATABASE, TRUE);
    g_setenv("DATABASE_URL", address, TRUE);
    execvp(request->words[1], (char **)(uintptr_t)(request->words + 1));
    _exit(errno == ENOENT ? 127 : 126);
  }
  if (pid < 0)
    return dba_fail(error, DBA_ERROR_LAB, "%s: cannot be started: %s", request->words[1], g_strerror(errno));
  int status;
  if (!wait_for_command(request, pid, &status, error))
    return false;
  answer->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  if (answer->status == 127 && WIFEXITED(status))
    g_ptr_array_add(answer->warnings, g_strdup_printf("%s: not found", request->words[1]));
  return true;
}

bool dba_verb_lab(const DbaRequest *request, DbaAnswer *answer, GError **error) {
  static const struct {
    const char *name;
    DbaVerbRun run;
    unsigned words; // that it takes, its own name counted
  } commands[] = {{"start", lab_start, 1},
                  {"status", lab_status, 1},
                  {"psql", lab_psql, UINT_MAX},
                  {"url", lab_url, 2},
                  {"stop", lab_stop, 2},
                  {"run", lab_run, UINT_MAX},
                  {"twin", lab_twin, UINT_MAX},
                  {"stand-in", lab_stand_in, UINT_MAX},
                  {"what-if", dba_verb_lab_what_if, UINT_MAX},
                  {"load", dba_verb_lab_load, UINT_MAX},
                  {"measure", dba_verb_lab_measure, UINT_MAX}};
  const char *name = word(request, 0);
  const char *names[G_N_ELEMENTS(commands) + 1] = {0};
  for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
    names[i] = commands[i].name;
    if (!g_strcmp0(name, commands[i].name))
      return no_more(request, commands[i].words, error) && commands[i].run(request, answer, error);
  }
  const char *near = name ? dba_text_nearest(name, names) : NULL;
  return dba_fail(error, DBA_ERROR_USAGE, "lab: say start, status, psql, url, stop, run, twin, stand-in, what-if, measure or load%s%s%s",
                  near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
}

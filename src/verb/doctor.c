// SPDX-License-Identifier: Apache-2.0
// dbarch doctor: what is there, what is missing, what is permitted, and how to get the rest.
#include "verb/verb.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void row(GString *out, const char *mark, const char *label, const char *format, ...) DBA_PRINTF(4, 5);
static void row(GString *out, const char *mark, const char *label, const char *format, ...) {
  va_list args;
  va_start(args, format);
  g_autofree char *text = g_strdup_vprintf(format, args);
  va_end(args);
  g_string_append_printf(out, "%-8s %-12s %s\n", mark, label, text);
}

static bool install(const DbaRequest *request, DbaAnswer *answer, GError **error) {
  if (request->offline)
    return dba_fail(error, DBA_ERROR_USAGE, "--install needs the network, --offline forbids it");
  g_autofree char *script = request->tools ? g_build_filename(request->tools, "runtime.sh", NULL) : NULL;
  if (!script || !g_file_test(script, G_FILE_TEST_IS_EXECUTABLE))
    return dba_fail(error, DBA_ERROR_LAB, "runtime.sh was not found beside this program");
  g_autofree char *what =
      g_strdup_printf("This downloads about 95 MB of Debian packages into %s/runtime and installs nothing else.", request->home.cache);
  if (!request->yes && !request->ask)
    return dba_fail(error, DBA_ERROR_USAGE, "%s Say --yes.", what);
  if (!request->yes && !request->ask(what))
    return dba_fail(error, DBA_ERROR_USAGE, "nothing was downloaded");
  dba_request_progress(request, "bringing PostgreSQL 17");
  const char *argv[] = {script, "17", NULL};
  int status;
  g_autoptr(GError) inner = NULL;
  if (!g_spawn_sync(NULL, (char **)(uintptr_t)argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, NULL, NULL, &status, &inner))
    return dba_fail(error, DBA_ERROR_LAB, "%s: %s", script, inner->message);
  if (!WIFEXITED(status) || WEXITSTATUS(status))
    return dba_fail(error, DBA_ERROR_LAB, "the private runtime could not be brought (see above)");
  row(answer->text, "ok", "runtime", "PostgreSQL 17 is in %s/runtime", request->home.cache);
  return true;
}

static void list_servers(const DbaRequest *request, DbaAnswer *answer) {
  g_autoptr(GArray) servers = dba_lab_list_binaries(&request->home);
  for (guint i = 0; i < servers->len; i++) {
    const DbaLabBinaries *x = &g_array_index(servers, DbaLabBinaries, i);
    g_autoptr(GPtrArray) extensions = dba_lab_list_extensions(x);
    static const char *const wished[] = {"vector", "hypopg", "pg_stat_statements", "pg_trgm", "btree_gist", "citext", "ltree"};
    g_autoptr(GString) lacking = g_string_new(NULL);
    for (size_t k = 0; k < G_N_ELEMENTS(wished); k++) {
      bool there = false;
      for (guint e = 0; e < extensions->len; e++)
        there |= !strcmp(extensions->pdata[e], wished[k]);
      if (!there)
        g_string_append_printf(lacking, "%s%s", lacking->len ? ", " : "", wished[k]);
    }
    row(answer->text, "ok", "server", "PostgreSQL %s (%s), %u extensions%s%s", x->version, x->origin, extensions->len,
        lacking->len ? "; without " : "", lacking->str);
  }
  if (!servers->len)
    row(answer->text, "missing", "server", "no PostgreSQL server: dbarch doctor --install --yes, or apt-get install postgresql");
}

static bool try_lab(const DbaRequest *request, DbaAnswer *answer, GError **error) {
  g_autoptr(GError) problem = NULL;
  g_autoptr(DbaLab) lab = dba_lab_start(&request->home, false, request->interrupt, &problem);
  if (lab) {
    row(answer->text, "ok", "lab", "PostgreSQL %s started in %.2f s", dba_lab_version(lab), dba_lab_start_ms(lab) / 1e3);
    return true;
  }
  if (g_error_matches(problem, DBA_ERROR, DBA_ERROR_INTERRUPTED)) {
    g_propagate_error(error, g_steal_pointer(&problem));
    return false;
  }
  row(answer->text, "failed", "lab", "%s", problem->message);
  answer->failed = true;
  return true;
}

static bool look_at_subject(const DbaRequest *request, DbaAnswer *answer, GError **error) {
  g_auto(DbaSubject) subject = {0};
  if (!(request->words && *request->words) && !request->subject_conninfo && !request->pg_environment)
    return true;
  if (!dba_subject_find(request, &subject, error))
    return false;
  if (subject.kind != DBA_SUBJECT_LIVE)
    return true;
  g_autoptr(DbaServer) server = dba_subject_connect(request, &subject, error);
  g_autoptr(DbaSurvey) survey = server ? dba_server_survey(server, subject.shown, DBA_SURVEY_NUMBERS, error) : NULL;
  if (!survey)
    return false;
  const DbaServerFacts *facts = &survey->server;
  row(answer->text, "ok", "subject", "database %s, PostgreSQL %s, %u tables and views%s", facts->database, facts->version,
      survey->schema.relations.n, facts->standby ? ", a standby" : "");
  row(answer->text, "ok", "role", "%s%s%s", facts->role,
      facts->superuser ? ", a superuser (more than is needed: pg_monitor and pg_read_all_data do)" : "",
      facts->reads_all_statistics ? ", reads all statistics" : "");
  if (facts->statistics_since)
    row(answer->text, "ok", "counters", "since %s (%.1f days)", facts->statistics_since, (double)facts->statistics_age_seconds / 86400);
  else
    row(answer->text, "note", "counters", "never reset; the server is up for %.1f days", (double)facts->uptime_seconds / 86400);
  for (DBA_EACH(DbaGap, gap, &survey->gaps))
    row(answer->text, "gap", "", "%s: %s; %s", gap->what, gap->why, gap->remedy);
  return true;
}

static void list_caches(const DbaRequest *request, DbaAnswer *answer) {
  static const char *const names[] = {"runtime", "template", "lab"};
  for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
    g_autofree char *path = g_build_filename(request->home.cache, names[i], NULL);
    if (!g_file_test(path, G_FILE_TEST_IS_DIR))
      continue;
    g_autofree char *size = dba_text_bytes(dba_file_tree_bytes(path));
    row(answer->text, "", "cache", "%s: %s", path, size);
  }
}

bool dba_verb_doctor(const DbaRequest *request, DbaAnswer *answer, GError **error) {
  if (request->install && !install(request, answer, error))
    return false;
  DbaLabUser user;
  g_autoptr(GError) problem = NULL;
  if (dba_lab_user(&request->home, &user, &problem))
    row(answer->text, "ok", "user", "the lab runs as %s", user.name);
  else
    row(answer->text, "failed", "user", "%s", problem->message);
  list_servers(request, answer);
  if (!try_lab(request, answer, error) || !look_at_subject(request, answer, error))
    return false;
  list_caches(request, answer);
  g_string_append(answer->text, answer->failed ? "A review of SQL files cannot run here.\n" : "A review can run.\n");
  return true;
}

// SPDX-License-Identifier: Apache-2.0
// One server: its template, its start, its end.
//
// initdb runs once for a server version and locale; every later start copies that data folder, which takes a tenth of a
// second.  The server is our own child: no pg_ctl stands between, and the kernel ends it should we be killed.
#include "lab/lab-int.h"

#include "sql/sql.h"

#include "lab-conf.h"
#include "lab-sql.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

enum { START_TIMEOUT_MS = 30000, NEEDED_FREE_MB = 256 };
static const char PORT[] = "5432", REPLICA_PORT[] = "5433"; // part of a socket's name; nothing listens on TCP

struct DbaLab {
  DbaLabBinaries binaries;
  char *folder, *data, *socket, *name;
  int lock;
  pid_t pid, replica_pid;
  double start_ms;
  DbaInterrupt *interrupt;
  bool kept;
};

static char *log_tail(const char *file) {
  g_autofree char *text = NULL;
  if (!g_file_get_contents(file, &text, NULL, NULL) || !*text)
    return g_strdup("(its log is empty)");
  g_strchomp(text);
  const char *last = strstr(text, "FATAL:");
  if (!last)
    last = strstr(text, "error:");
  if (!last)
    last = strrchr(text, '\n') ? strrchr(text, '\n') + 1 : text;
  g_autofree char *line = g_strndup(last, strcspn(last, "\n"));
  return dba_text_printable(line, false);
}

static bool enough_disk(const char *folder, GError **error) {
  struct statvfs fs;
  if (statvfs(folder, &fs) == 0) {
    uint64_t free_mb = (uint64_t)fs.f_bavail * fs.f_frsize >> 20;
    if (free_mb < NEEDED_FREE_MB)
      return dba_fail(error, DBA_ERROR_LAB,
                      "%s: %" G_GUINT64_FORMAT " MB free, a lab needs %d MB (hint: free some, or set DBARCH_CACHE to another disk)", folder,
                      free_mb, NEEDED_FREE_MB);
  }
  return true;
}

// Programs of the private runtime are found by us through a path that the lab's user must be able to walk.
static bool run_initdb(const DbaLabBinaries *binaries, const DbaLabUser *user, const char *folder, GError **error) {
  g_autofree char *initdb = g_build_filename(binaries->bin, "initdb", NULL), *data = g_build_filename(folder, "data", NULL),
                  *log = g_build_filename(folder, "log", NULL);
  g_autoptr(GPtrArray) argv = g_ptr_array_new();
  const char *common[] = {initdb, "-D", data, "-U", DBA_LAB_SUPERUSER, "-A", "trust", "-E", "UTF8", "--no-sync", "--no-instructions"};
  for (size_t i = 0; i < G_N_ELEMENTS(common); i++)
    g_ptr_array_add(argv, (char *)(uintptr_t)common[i]);
  if (binaries->major >= 17) // no libc locale is needed, sorting is by code point and LIKE 'abc%' can use a plain index
    g_ptr_array_add(argv, (char *)(uintptr_t)"--locale-provider=builtin");
  g_ptr_array_add(argv, (char *)(uintptr_t)"--locale=C.UTF-8");
  g_ptr_array_add(argv, NULL);
  DbaSpawn spawn = {.argv = (const char *const *)argv->pdata, .uid = user->uid, .gid = user->gid, .output_file = log, .folder = folder};
  int status;
  if (!dba_process_run(&spawn, &status, error))
    return false;
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    g_autofree char *tail = log_tail(log);
    return dba_fail(error, DBA_ERROR_LAB, "initdb of PostgreSQL %s failed: %s", binaries->version, tail);
  }
  g_autofree char *conf = g_build_filename(data, "postgresql.conf", NULL);
  FILE *file = fopen(conf, "ae");
  bool ok = file && fputs(dba_embedded_lab_conf("postgresql"), file) >= 0;
  if (file)
    ok &= fclose(file) == 0;
  return ok || dba_fail(error, DBA_ERROR_LAB, "%s: cannot be written: %s", conf, g_strerror(errno));
}

// The initialised data folder for these binaries, made when missing.  Two processes that need it at once make it once.
static bool template_folder(const DbaLabHome *home, const DbaLabBinaries *binaries, const DbaLabUser *user, char **ret_data,
                            GError **error) {
  g_autofree char *templates = NULL;
  if (!dba_lab_state_folder(home, user, "template", &templates, error))
    return false;
  g_autofree char *what = g_strdup_printf("%s\n%s\n%s", binaries->bin, binaries->version, dba_embedded_lab_conf("postgresql"));
  g_autofree char *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, what, -1);
  g_autofree char *name = g_strdup_printf("%s-%.12s", binaries->version, sum), *folder = g_build_filename(templates, name, NULL);
  g_autofree char *data = g_build_filename(folder, "data", NULL), *lock_file = g_strconcat(folder, ".lock", NULL);
  if (!g_file_test(data, G_FILE_TEST_IS_DIR)) {
    int lock;
    if (!dba_lab_lock(lock_file, true, &lock, error))
      return false;
    bool ok = true;
    if (!g_file_test(data, G_FILE_TEST_IS_DIR)) {
      g_autofree char *work = g_strconcat(folder, ".new", NULL);
      ok = enough_disk(templates, error) && dba_file_remove_tree(work, error);
      if (ok && (mkdir(work, 0700) != 0 || (geteuid() == 0 && chown(work, user->uid, user->gid) != 0)))
        ok = dba_fail(error, DBA_ERROR_LAB, "%s: cannot be made: %s", work, g_strerror(errno));
      ok = ok && run_initdb(binaries, user, work, error);
      if (ok && rename(work, folder) != 0)
        ok = dba_fail(error, DBA_ERROR_LAB, "%s: cannot be renamed: %s", work, g_strerror(errno));
      if (!ok)
        (void)dba_file_remove_tree(work, NULL);
    }
    close(lock);
    if (!ok)
      return false;
  }
  *ret_data = g_steal_pointer(&data);
  return true;
}

static char *own_conninfo(const DbaLab *lab, const char *port, const char *role, const char *database);

// A server on a data folder of the lab, up to its first answer.
static bool start_postgres(const DbaLab *lab, const DbaLabUser *user, const char *data, const char *port, bool dies_with_us, pid_t *ret_pid,
                           GError **error) {
  g_autofree char *postgres = g_build_filename(lab->binaries.bin, "postgres", NULL), *log = g_build_filename(lab->folder, "log", NULL);
  const char *argv[] = {postgres, "-D", data, "-k", lab->socket, "-p", port, NULL};
  DbaSpawn spawn = {
      .argv = argv, .uid = user->uid, .gid = user->gid, .output_file = log, .folder = data, .dies_with_us = dies_with_us, .nice = 5};
  if (!dba_process_start(&spawn, ret_pid, error))
    return false;
  gint64 limit = g_get_monotonic_time() + START_TIMEOUT_MS * 1000;
  g_autofree char *conninfo = own_conninfo(lab, port, DBA_LAB_SUPERUSER, "postgres");
  g_autofree char *socket_file = g_strdup_printf("%s/.s.PGSQL.%s", lab->socket, port);
  for (;;) {
    int status;
    if (waitpid(*ret_pid, &status, WNOHANG) == *ret_pid) {
      *ret_pid = 0;
      g_autofree char *tail = log_tail(log);
      return dba_fail(error, DBA_ERROR_LAB, "PostgreSQL %s did not start: %s", lab->binaries.version, tail);
    }
    if (lab->interrupt && *lab->interrupt)
      return dba_fail(error, DBA_ERROR_INTERRUPTED, "interrupted");
    if (g_file_test(socket_file, G_FILE_TEST_EXISTS)) {
      g_autoptr(DbaServer) server = dba_server_open(conninfo, lab->interrupt, NULL);
      if (server)
        return true;
    }
    if (g_get_monotonic_time() > limit)
      return dba_fail(error, DBA_ERROR_LAB, "PostgreSQL %s did not answer within %d s", lab->binaries.version, START_TIMEOUT_MS / 1000);
    g_usleep(5000);
  }
}

static bool start_server(DbaLab *lab, const DbaLabUser *user, bool dies_with_us, GError **error) {
  return start_postgres(lab, user, lab->data, PORT, dies_with_us, &lab->pid, error);
}

static bool prepare(DbaLab *lab, GError **error) {
  g_autoptr(DbaServer) server = dba_lab_connect(lab, DBA_LAB_SUPERUSER, "postgres", error);
  if (!server)
    return false;
  return dba_server_exec(server, dba_embedded_lab_sql("prepare"), error);
}

static bool start(DbaLab *lab, const DbaLabHome *home, bool keep, GError **error) {
  DbaLabUser user;
  g_autofree char *labs = NULL, *template_data = NULL;
  if (!dba_lab_find_binaries(home, &lab->binaries, error) || !dba_lab_user(home, &user, error) ||
      !dba_lab_state_folder(home, &user, "lab", &labs, error))
    return false;
  g_autofree char *user_name = g_strdup(user.name);
  user.name = user_name;
  (void)dba_lab_sweep(home);
  if (!template_folder(home, &lab->binaries, &user, &template_data, error) || !enough_disk(labs, error))
    return false;
  for (int attempt = 0;; attempt++) { // a short name of its own
    g_free(lab->name);
    g_free(lab->folder);
    lab->name = g_strdup_printf("%d-%04x", (int)getpid(), (unsigned)g_random_int() & 0xffff);
    lab->folder = g_build_filename(labs, lab->name, NULL);
    if (mkdir(lab->folder, 0700) == 0)
      break;
    if (errno != EEXIST || attempt > 100) {
      dba_fail(error, DBA_ERROR_LAB, "%s: cannot be made: %s", lab->folder, g_strerror(errno));
      g_clear_pointer(&lab->folder, g_free);
      return false;
    }
  }
  g_autofree char *lock_file = g_build_filename(lab->folder, "lock", NULL);
  lab->data = g_build_filename(lab->folder, "data", NULL);
  lab->socket = dba_lab_socket_folder(lab->folder);
  if (!dba_lab_lock(lock_file, true, &lab->lock, error))
    return false;
  if (mkdir(lab->socket, 0700) != 0 ||
      (geteuid() == 0 && (chown(lab->folder, user.uid, user.gid) != 0 || chown(lab->socket, user.uid, user.gid) != 0)))
    return dba_fail(error, DBA_ERROR_LAB, "%s: cannot be made: %s", lab->socket, g_strerror(errno));
  g_autofree char *databases = g_build_filename(lab->data, "base", NULL);
  if (!dba_file_copy_tree(template_data, lab->data, user.uid, user.gid, error))
    return false;
  dba_file_spread_folders(databases); // trials make and drop many
  return start_server(lab, &user, !keep, error) && prepare(lab, error);
}

DbaLab *dba_lab_start(const DbaLabHome *home, bool keep, DbaInterrupt *interrupt, GError **error) {
  g_autoptr(DbaLab) lab = g_new0(DbaLab, 1);
  gint64 begin = g_get_monotonic_time();
  lab->lock = -1;
  lab->interrupt = interrupt;
  if (!start(lab, home, keep, error))
    return NULL;
  lab->start_ms = (double)(g_get_monotonic_time() - begin) / 1e3;
  return g_steal_pointer(&lab);
}

void dba_lab_stop(DbaLab *lab) {
  if (!lab)
    return;
  if (!lab->kept) {
    if (lab->replica_pid > 0)
      dba_lab_end_postmaster(lab->replica_pid, false);
    if (lab->pid > 0)
      dba_lab_end_postmaster(lab->pid, false);
    if (lab->socket && g_str_has_prefix(lab->socket, "/tmp/"))
      (void)dba_file_remove_tree(lab->socket, NULL);
    if (lab->folder)
      (void)dba_file_remove_tree(lab->folder, NULL);
  }
  if (lab->lock >= 0)
    close(lab->lock);
  dba_lab_binaries_clear(&lab->binaries);
  g_free(lab->folder);
  g_free(lab->data);
  g_free(lab->socket);
  g_free(lab->name);
  g_free(lab);
}

bool dba_lab_interrupted(const DbaLab *lab) { return lab->interrupt && *lab->interrupt; }
const char *dba_lab_folder(const DbaLab *lab) { return lab->folder; }
const char *dba_lab_name(const DbaLab *lab) { return lab->name; }
const char *dba_lab_version(const DbaLab *lab) { return lab->binaries.version; }
const DbaLabBinaries *dba_lab_binaries(const DbaLab *lab) { return &lab->binaries; }
double dba_lab_start_ms(const DbaLab *lab) { return lab->start_ms; }

char *dba_lab_conninfo(const DbaLab *lab, const char *role, const char *database) {
  return g_strdup_printf("host=%s port=%s user=%s dbname=%s", lab->socket, PORT, role, database);
}

// What PG* variables or a service file would add, named here so that they cannot: a lab is reached by its socket alone.
static char *own_conninfo(const DbaLab *lab, const char *port, const char *role, const char *database) {
  g_autofree char *conninfo = g_strdup_printf("host=%s port=%s user=%s dbname=%s", lab->socket, port, role, database);
  // A session with power looks names up in pg_catalog alone, whatever the subject has set for its database or made there.
  const char *options = strcmp(role, DBA_LAB_SUPERUSER) ? "" : "-c search_path=pg_catalog,pg_temp";
  return g_strdup_printf("%s hostaddr='' options='%s' sslmode=disable target_session_attrs=any", conninfo, options);
}

DbaServer *dba_lab_connect(const DbaLab *lab, const char *role, const char *database, GError **error) {
  g_autofree char *conninfo = own_conninfo(lab, PORT, role, database);
  DbaServer *server = dba_server_open(conninfo, lab->interrupt, error);
  if (!server && error && *error && g_error_matches(*error, DBA_ERROR, DBA_ERROR_CONNECT)) {
    (*error)->code = DBA_ERROR_LAB;
    g_prefix_error(error, "lab: ");
  }
  if (server)
    dba_server_set_lab(server, lab->folder);
  return server;
}

bool dba_lab_knows_type(DbaServer *server, const char *type, bool *ret_known, GError **error) {
  const char *parameters[] = {type, NULL};
  g_autoptr(DbaResult) found = dba_server_query(server, dba_embedded_lab_sql("type_is_there"), parameters, error);
  if (found)
    *ret_known = *dba_result_text(found, 0, 0) == 't';
  return found != NULL;
}

DbaServer *dba_lab_connect_as_person(const DbaLab *lab, const char *role, const char *database, GError **error) {
  g_autoptr(DbaServer) server = dba_lab_connect(lab, role, database, error);
  if (!server || (!strcmp(role, DBA_LAB_SUPERUSER) && !dba_server_exec(server, "set search_path = \"$user\", public", error)))
    return NULL;
  return g_steal_pointer(&server);
}

// The subject may make things in its database, and does not own it: an owner could change settings for our sessions too.
static bool give_database(const DbaLab *lab, DbaServer *server, const char *name, bool is_new, GError **error) {
  g_autofree char *quoted = dba_sql_name(NULL, name),
                  *grant = g_strdup_printf("grant all on database %s to %s with grant option", quoted, DBA_LAB_SUBJECT_ROLE);
  if (!dba_server_exec(server, grant, error))
    return false;
  if (!is_new)
    return true;
  g_autoptr(DbaServer) inside = dba_lab_connect(lab, DBA_LAB_SUPERUSER, name, error);
  return inside && dba_server_exec(inside, "alter schema public owner to " DBA_LAB_SUBJECT_ROLE, error);
}

bool dba_lab_create_database(const DbaLab *lab, const char *name, const char *template_name, GError **error) {
  g_autoptr(DbaServer) server = dba_lab_connect(lab, DBA_LAB_SUPERUSER, "postgres", error);
  if (!server)
    return false;
  g_autoptr(GString) sql = g_string_new("create database ");
  dba_sql_append_identifier(sql, name);
  g_string_append(sql, " template ");
  dba_sql_append_identifier(sql, template_name ? template_name : "template0");
  g_string_append(sql, " strategy file_copy");
  if (lab->binaries.major < 15)
    g_string_truncate(sql, sql->len - strlen(" strategy file_copy"));
  if (!dba_server_exec(server, sql->str, error) || !give_database(lab, server, name, !template_name, error))
    return false;
  if (!template_name)
    return true;
  const char *parameters[] = {template_name, name, NULL}; // CREATE DATABASE does not copy what ALTER DATABASE has set
  g_autoptr(DbaResult) copied = dba_server_query(server, dba_embedded_lab_sql("copy_settings"), parameters, error);
  return copied != NULL;
}

bool dba_lab_drop_database(const DbaLab *lab, const char *name, GError **error) {
  g_autoptr(DbaServer) server = dba_lab_connect(lab, DBA_LAB_SUPERUSER, "postgres", error);
  g_autofree char *quoted = dba_sql_name(NULL, name), *sql = g_strdup_printf("drop database if exists %s with (force)", quoted);
  return server && dba_server_exec(server, sql, error);
}

bool dba_lab_set_fsync(const DbaLab *lab, bool on, GError **error) {
  g_autoptr(DbaServer) server = dba_lab_connect(lab, DBA_LAB_SUPERUSER, "postgres", error);
  return server && dba_server_exec(server, on ? "alter system set fsync = on" : "alter system set fsync = off", error) &&
         dba_server_exec(server, on ? "alter system set synchronous_commit = on" : "alter system set synchronous_commit = off", error) &&
         dba_server_exec(server, "select pg_reload_conf()", error);
}

bool dba_lab_run_program(const DbaLab *lab, const char *name, const char *const *words, const char *const *environment, GError **error) {
  g_autofree char *program = g_build_filename(lab->binaries.bin, name, NULL), *log = g_build_filename(lab->folder, "program.log", NULL),
                  *said = NULL;
  g_autoptr(GPtrArray) argv = g_ptr_array_new();
  int status;
  g_ptr_array_add(argv, program);
  for (const char *const *word = words; *word; word++)
    g_ptr_array_add(argv, (char *)(uintptr_t)*word);
  g_ptr_array_add(argv, NULL);
  (void)unlink(log);
  DbaSpawn spawn = {.argv = (const char *const *)argv->pdata,
                    .env = environment,
                    .uid = geteuid(),
                    .gid = getegid(),
                    .output_file = log,
                    .dies_with_us = true};
  pid_t pid;
  if (!dba_process_start(&spawn, &pid, error))
    return false;
  while (waitpid(pid, &status, WNOHANG) == 0) {
    if (lab->interrupt && *lab->interrupt) {
      (void)kill(pid, SIGTERM);
      (void)waitpid(pid, &status, 0);
      return dba_fail(error, DBA_ERROR_INTERRUPTED, "interrupted");
    }
    g_usleep(5000);
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
    return true;
  if (!g_file_get_contents(log, &said, NULL, NULL))
    said = g_strdup("?");
  g_autofree char *shown = dba_text_printable(g_strstrip(said), true);
  return dba_fail(error, DBA_ERROR_DATABASE, "%s failed: %.400s", name, shown);
}

// ---- as production writes -------------------------------------------------------------------------------------------

// Settings that decide what a write costs; those of the subject are taken where this server has them.
static const char *const write_settings[] = {"wal_compression",
                                             "full_page_writes",
                                             "max_wal_size",
                                             "checkpoint_timeout",
                                             "checkpoint_completion_target",
                                             "max_parallel_maintenance_workers"};

static bool take_write_settings(DbaServer *server, const DbaSurvey *survey, GError **error) {
  for (DBA_EACH(DbaSetting, setting, &survey->settings))
    for (size_t i = 0; i < G_N_ELEMENTS(write_settings); i++) {
      if (strcmp(setting->name, write_settings[i]) || !setting->value)
        continue;
      g_autoptr(GString) sql = g_string_new("alter system set ");
      g_autoptr(GError) problem = NULL;
      g_autofree char *value = g_strconcat(setting->value, setting->unit ? setting->unit : "", NULL);
      bool has_blocks = setting->unit && g_ascii_isdigit(*setting->unit); // "8kB" is a unit that nobody may write
      dba_sql_append_identifier(sql, setting->name);
      g_string_append(sql, " = ");
      dba_sql_append_literal(sql, has_blocks ? setting->value : value);
      if (!dba_server_exec(server, sql->str, &problem) && !g_error_matches(problem, DBA_ERROR, DBA_ERROR_DATABASE)) {
        g_propagate_error(error, g_steal_pointer(&problem));
        return false;
      }
    }
  return true;
}

static bool restart(DbaLab *lab, const DbaLabUser *user, GError **error) {
  dba_lab_end_postmaster(lab->pid, true);
  lab->pid = 0;
  return start_server(lab, user, true, error);
}

// A standby from a copy of the data folder: the server stands still for it.
static bool start_replica(DbaLab *lab, const DbaLabUser *user, GError **error) {
  g_autofree char *data = g_build_filename(lab->folder, "replica", NULL), *mark = g_build_filename(data, "standby.signal", NULL),
                  *conf = g_build_filename(data, "postgresql.auto.conf", NULL), *before = NULL;
  dba_lab_end_postmaster(lab->pid, true);
  lab->pid = 0;
  if (!dba_file_copy_tree(lab->data, data, user->uid, user->gid, error) || !dba_file_write(mark, "", 0, error))
    return false;
  if (!g_file_get_contents(conf, &before, NULL, NULL))
    before = g_strdup("");
  g_autofree char *text =
      g_strdup_printf("%s\nprimary_conninfo = 'host=%s port=%s user=%s'\n", before, lab->socket, PORT, DBA_LAB_SUPERUSER);
  if (!dba_file_write(conf, text, strlen(text), error))
    return false;
  if (geteuid() == 0 && (chown(conf, user->uid, user->gid) != 0 || chown(mark, user->uid, user->gid) != 0))
    return dba_fail(error, DBA_ERROR_LAB, "%s: cannot be given to the lab's user: %s", conf, g_strerror(errno));
  return start_server(lab, user, true, error) && start_postgres(lab, user, data, REPLICA_PORT, true, &lab->replica_pid, error);
}

bool dba_lab_be_durable(DbaLab *lab, const DbaLabHome *home, const DbaSurvey *survey, bool replica, GError **error) {
  DbaLabUser user;
  g_autoptr(DbaServer) server = dba_lab_connect(lab, DBA_LAB_SUPERUSER, "postgres", error);
  if (!server || !take_write_settings(server, survey, error) || !dba_server_exec(server, "alter system set fsync = on", error) ||
      !dba_server_exec(server, "alter system set synchronous_commit = on", error) ||
      !dba_server_exec(server, "alter system set wal_level = replica", error) ||
      !dba_server_exec(server, "alter system set max_wal_senders = 4", error) ||
      !dba_server_exec(server, "alter system set wal_keep_size = '1GB'", error) || !dba_lab_user(home, &user, error))
    return false;
  g_autofree char *user_name = g_strdup(user.name);
  user.name = user_name;
  return restart(lab, &user, error) && (!replica || start_replica(lab, &user, error));
}

DbaLab *dba_lab_attach(const DbaLabEntry *entry, DbaInterrupt *interrupt, GError **error) {
  if (!entry->kept || !entry->pid || !entry->version) {
    dba_fail(error, DBA_ERROR_USAGE, "lab %s is not running", entry->name);
    return NULL;
  }
  DbaLab *lab = g_new0(DbaLab, 1);
  *lab = (DbaLab){.folder = g_strdup(entry->folder),
                  .data = g_build_filename(entry->folder, "data", NULL),
                  .socket = dba_lab_socket_folder(entry->folder),
                  .name = g_strdup(entry->name),
                  .lock = -1,
                  .pid = entry->pid,
                  .interrupt = interrupt,
                  .kept = true};
  lab->binaries.version = g_strdup(entry->version);
  lab->binaries.major = (int)g_ascii_strtoll(entry->version, NULL, 10);
  return lab;
}

bool dba_lab_find_database(const DbaLab *lab, char **ret_database, GError **error) {
  g_autoptr(DbaServer) server = dba_lab_connect(lab, DBA_LAB_SUPERUSER, "postgres", error);
  g_autoptr(DbaResult) names = server ? dba_server_query(server, dba_embedded_lab_sql("own_databases"), NULL, error) : NULL;
  if (!names)
    return false;
  if (dba_result_rows(names) != 1)
    return dba_fail(error, DBA_ERROR_USAGE, "lab %s has %d databases of its own, not one", lab->name, dba_result_rows(names));
  *ret_database = g_strdup(dba_result_text(names, 0, 0));
  return true;
}

void dba_lab_keep(DbaLab *lab, const char *what) {
  g_autofree char *told = g_build_filename(lab->folder, "what", NULL);
  (void)g_file_set_contents(told, what, -1, NULL); // for people alone
  g_autofree char *mark = g_build_filename(lab->folder, "kept", NULL);
  lab->kept = g_file_set_contents(mark, lab->binaries.version, -1, NULL);
}

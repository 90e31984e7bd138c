// SPDX-License-Identifier: Apache-2.0
// Where labs live and as whom they run; sweeping up after dead processes.
#include "lab/lab-int.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

bool dba_lab_user(const DbaLabHome *home, DbaLabUser *ret_user, GError **error) {
  const struct passwd *entry = NULL;
  if (geteuid() != 0) {
    entry = getpwuid(geteuid());
    if (!entry) // initdb looks the name up
      return dba_fail(
          error, DBA_ERROR_LAB,
          "user id %d has no entry in the password database, which PostgreSQL's initdb needs (hint: add one, or run as another user)",
          (int)geteuid());
  } else {
    if (home->sudo_uid)
      entry = getpwuid((uid_t)g_ascii_strtoull(home->sudo_uid, NULL, 10));
    if (!entry || entry->pw_uid == 0)
      entry = getpwnam("postgres");
    if (!entry)
      entry = getpwnam("nobody");
    if (!entry)
      return dba_fail(error, DBA_ERROR_LAB,
                      "PostgreSQL does not run as root, and there is neither a user \"postgres\" nor \"nobody\" (hint: run dbarch as an "
                      "ordinary user)");
  }
  *ret_user = (DbaLabUser){entry->pw_uid, entry->pw_gid, entry->pw_name};
  return true;
}

bool dba_lab_state_folder(const DbaLabHome *home, const DbaLabUser *user, const char *name, char **ret_path, GError **error) {
  g_autofree char *path = g_build_filename(home->cache, name, NULL);
  if (g_mkdir_with_parents(home->cache, 0755) != 0 || (mkdir(path, 0700) != 0 && errno != EEXIST))
    return dba_fail(error, DBA_ERROR_LAB, "%s: the folder cannot be made: %s (hint: set DBARCH_CACHE to a folder that can be written)",
                    path, g_strerror(errno));
  struct stat st;
  if (lstat(path, &st) != 0 || !S_ISDIR(st.st_mode))
    return dba_fail(error, DBA_ERROR_LAB, "%s: is no folder", path);
  if (geteuid() == 0 && st.st_uid != user->uid && chown(path, user->uid, user->gid) != 0)
    return dba_fail(error, DBA_ERROR_LAB, "%s: cannot be given to user %s: %s", path, user->name, g_strerror(errno));
  if (geteuid() != 0 && (st.st_uid != user->uid || access(path, W_OK | X_OK) != 0))
    return dba_fail(error, DBA_ERROR_LAB, "%s: belongs to another user (hint: set DBARCH_CACHE to a folder of your own)", path);
  dba_file_spread_folders(path);
  *ret_path = g_steal_pointer(&path);
  return true;
}

bool dba_lab_lock(const char *path, bool wait, int *ret_fd, GError **error) {
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0)
    return dba_fail(error, DBA_ERROR_LAB, "%s: cannot be opened: %s", path, g_strerror(errno));
  int locked;
  do
    locked = flock(fd, LOCK_EX | (wait ? 0 : LOCK_NB));
  while (locked != 0 && errno == EINTR);
  if (locked != 0) {
    close(fd);
    fd = -1;
  }
  *ret_fd = fd;
  return true;
}

pid_t dba_lab_postmaster(const char *data_folder) {
  g_autofree char *file = g_build_filename(data_folder, "postmaster.pid", NULL), *text = NULL;
  if (!g_file_get_contents(file, &text, NULL, NULL))
    return 0;
  pid_t pid = (pid_t)g_ascii_strtoll(text, NULL, 10);
  if (pid <= 1)
    return 0;
  // Process ids are used again: believe it only when that process works in this folder.
  g_autofree char *link = g_strdup_printf("/proc/%d/cwd", (int)pid), *cwd = g_file_read_link(link, NULL),
                  *real = realpath(data_folder, NULL);
  return cwd && real && !strcmp(cwd, real) ? pid : 0;
}

// A process that ended is there until its parent asks: that of a kept lab is init, which in a container may take its time.
static bool has_ended(pid_t pid) {
  g_autofree char *path = g_strdup_printf("/proc/%d/stat", (int)pid), *stat = NULL;
  if (kill(pid, 0) != 0 || !g_file_get_contents(path, &stat, NULL, NULL))
    return true;
  const char *state = strrchr(stat, ')'); // behind the name, which may hold anything
  return state && g_str_has_prefix(state, ") Z");
}

void dba_lab_end_postmaster(pid_t pid, bool gentle) {
  enum { TICK_US = 10000, GENTLE_TICKS = 500, HARD_TICKS = 300, AGAIN_TICKS = 10 };
  if (pid <= 1)
    return;
  kill(pid, gentle ? SIGINT : SIGQUIT);
  for (int tick = 0; !has_ended(pid) && tick < GENTLE_TICKS + HARD_TICKS; tick++) {
    if (waitpid(pid, NULL, WNOHANG) == pid)
      return;
    if (gentle ? tick == GENTLE_TICKS : tick % AGAIN_TICKS == AGAIN_TICKS - 1) // one that is just starting does not hear the first
      kill(pid, SIGQUIT);
    g_usleep(TICK_US);
  }
  if (!has_ended(pid))
    kill(pid, SIGKILL);
  waitpid(pid, NULL, WNOHANG); // where it is a child of ours
}

char *dba_lab_socket_folder(const char *lab_folder) {
  enum { LONGEST = 107 - sizeof("/s/.s.PGSQL.5432.lock") };
  if (strlen(lab_folder) <= LONGEST && !strpbrk(lab_folder, " ,'\\\t"))
    return g_build_filename(lab_folder, "s", NULL);
  g_autofree char *base = g_path_get_basename(lab_folder);
  return g_strdup_printf("/tmp/dbarch-%s", base);
}

static void entry_free(gpointer data) {
  DbaLabEntry *entry = data;
  g_free(entry->name);
  g_free(entry->folder);
  g_free(entry->version);
  g_free(entry->what);
  g_free(entry);
}

GPtrArray *dba_lab_list(const DbaLabHome *home) {
  GPtrArray *entries = g_ptr_array_new_with_free_func(entry_free);
  g_autofree char *labs = g_build_filename(home->cache, "lab", NULL);
  g_autoptr(GDir) dir = g_dir_open(labs, 0, NULL);
  for (const char *name; dir && (name = g_dir_read_name(dir));) {
    DbaLabEntry *entry = g_new0(DbaLabEntry, 1);
    entry->name = g_strdup(name);
    entry->folder = g_build_filename(labs, name, NULL);
    g_autofree char *data = g_build_filename(entry->folder, "data", NULL), *kept = g_build_filename(entry->folder, "kept", NULL);
    entry->pid = dba_lab_postmaster(data);
    g_autofree char *what = g_build_filename(entry->folder, "what", NULL);
    struct stat st;
    entry->kept = g_file_get_contents(kept, &entry->version, NULL, NULL);
    entry->kept_at_s = entry->kept && stat(kept, &st) == 0 ? st.st_mtime : 0;
    (void)g_file_get_contents(what, &entry->what, NULL, NULL);
    if (entry->version)
      g_strchomp(entry->version);
    g_ptr_array_add(entries, entry);
  }
  return entries;
}

static bool remove_lab(const char *folder, GError **error) {
  g_autofree char *data = g_build_filename(folder, "data", NULL), *socket = dba_lab_socket_folder(folder);
  dba_lab_end_postmaster(dba_lab_postmaster(data), false);
  if (g_str_has_prefix(socket, "/tmp/"))
    (void)dba_file_remove_tree(socket, NULL);
  return dba_file_remove_tree(folder, error);
}

unsigned dba_lab_sweep(const DbaLabHome *home) {
  unsigned swept = 0;
  g_autoptr(GPtrArray) entries = dba_lab_list(home);
  for (guint i = 0; i < entries->len; i++) {
    const DbaLabEntry *entry = entries->pdata[i];
    if (entry->kept && entry->pid)
      continue;
    g_autofree char *lock = g_build_filename(entry->folder, "lock", NULL);
    int fd = -1;
    if (!g_file_test(lock, G_FILE_TEST_EXISTS)) { // a folder whose owner has not taken its lock yet, unless it is old
      struct stat st;
      enum { GRACE_SECONDS = 60 };
      if (lstat(entry->folder, &st) != 0 || time(NULL) - st.st_mtime < GRACE_SECONDS)
        continue;
    } else if (!dba_lab_lock(lock, false, &fd, NULL) || fd < 0) {
      continue;
    }
    swept += remove_lab(entry->folder, NULL);
    if (fd >= 0)
      close(fd);
  }
  return swept;
}

bool dba_lab_stop_named(const DbaLabHome *home, const char *name, GError **error) {
  g_autoptr(GPtrArray) entries = dba_lab_list(home);
  const DbaLabEntry *found = NULL;
  g_autoptr(GString) names = g_string_new(NULL);
  unsigned n = 0;
  for (guint i = 0; i < entries->len; i++) {
    const DbaLabEntry *entry = entries->pdata[i];
    if (!entry->kept)
      continue;
    n++;
    g_string_append_printf(names, "%s%s%s%s%s", names->len ? ", " : "", entry->name, entry->what ? " (" : "",
                           entry->what ? entry->what : "", entry->what ? ")" : "");
    if (!name || !strcmp(name, entry->name))
      found = entry;
  }
  if (!n)
    return dba_fail(error, DBA_ERROR_USAGE, "no lab is running");
  if (!name && n > 1)
    return dba_fail(error, DBA_ERROR_USAGE, "%u labs are running: name one of %s", n, names->str);
  if (!found)
    return dba_fail(error, DBA_ERROR_USAGE, "there is no lab \"%s\" (running: %s)", name, names->str);
  return remove_lab(found->folder, error);
}

char *dba_lab_entry_conninfo(const DbaLabEntry *entry, const char *role, const char *database) {
  g_autofree char *socket = dba_lab_socket_folder(entry->folder);
  return g_strdup_printf("host=%s port=5432 user=%s dbname=%s", socket, role, database);
}

// SPDX-License-Identifier: Apache-2.0
// Files: whole reads and writes, folders copied and removed without following links.
#include "base/base.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EXPANDED_LIMIT = 1 << 30 };

bool dba_file_read(const char *path, char **ret_text, size_t *ret_length, GError **error) {
  g_autoptr(GError) inner = NULL;
  g_autofree char *bytes = NULL;
  size_t length;
  if (!g_file_get_contents(path, &bytes, &length, &inner))
    return dba_fail(error, DBA_ERROR_INPUT, "%s: cannot be read: %s", path, inner->message);
  if (dba_gzip_is(bytes, length))
    return dba_gzip_expand(path, bytes, length, EXPANDED_LIMIT, ret_text, ret_length, error);
  *ret_text = g_steal_pointer(&bytes);
  *ret_length = length;
  return true;
}

bool dba_file_make_folder(const char *path, unsigned mode, GError **error) {
  if (g_mkdir_with_parents(path, (int)mode) != 0)
    return dba_fail(error, DBA_ERROR_INPUT, "%s: the folder cannot be made: %s", path, g_strerror(errno));
  return true;
}

static bool write_into(const char *path, const char *text, size_t length, GError **error) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  ssize_t n = 0;
  for (size_t at = 0; fd >= 0 && n >= 0 && at < length; at += (size_t)n)
    n = write(fd, text + at, length - at);
  int problem = errno;
  if (fd >= 0)
    close(fd);
  return (fd >= 0 && n >= 0) || dba_fail(error, DBA_ERROR_INPUT, "%s: cannot be written: %s", path, g_strerror(problem));
}

bool dba_file_write(const char *path, const char *text, size_t length, GError **error) {
  g_autoptr(GError) inner = NULL;
  g_autofree char *folder = g_path_get_dirname(path);
  if (!dba_file_make_folder(folder, 0755, error))
    return false;
  struct stat there;
  if (stat(path, &there) == 0 && !S_ISREG(there.st_mode)) // a device or a pipe is written to, never replaced
    return write_into(path, text, length, error);
  if (!g_file_set_contents_full(path, text, (gssize)length, G_FILE_SET_CONTENTS_CONSISTENT, 0644, &inner))
    return dba_fail(error, DBA_ERROR_INPUT, "%s: cannot be written: %s", path, inner->message);
  return true;
}

static bool remove_below(int parent, const char *name) {
  if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
    return true;
  if (errno != EISDIR && errno != EPERM)
    return false;
  int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0)
    return false;
  DIR *dir = fdopendir(fd);
  if (!dir) {
    close(fd);
    return false;
  }
  bool ok = true;
  for (struct dirent *entry; (entry = readdir(dir));)
    if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
      ok &= remove_below(fd, entry->d_name);
  closedir(dir);
  return unlinkat(parent, name, AT_REMOVEDIR) == 0 && ok;
}

bool dba_file_remove_tree(const char *path, GError **error) {
  // A server that is going down may still write a file while we remove: a second pass takes it.
  for (int pass = 0; pass < 3; pass++)
    if (remove_below(AT_FDCWD, path))
      return true;
  return dba_fail(error, DBA_ERROR_INPUT, "%s: cannot be removed: %s", path, g_strerror(errno));
}

void dba_file_spread_folders(const char *path) {
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), flags;
  if (fd < 0)
    return; // it was only a wish
  if (ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 && !(flags & FS_TOPDIR_FL)) {
    flags |= FS_TOPDIR_FL;
    (void)ioctl(fd, FS_IOC_SETFLAGS, &flags);
  }
  close(fd);
}

static bool copy_file(int from, int to, off_t size) {
  if (ioctl(to, FICLONE, from) == 0)
    return true;
  while (size > 0) {
    ssize_t copied = sendfile(to, from, NULL, (size_t)size);
    if (copied < 0 && errno == EINTR)
      continue;
    if (copied <= 0)
      return false;
    size -= copied;
  }
  return true;
}

static bool copy_below(int from_parent, const char *from, int to_parent, const char *to, uid_t uid, gid_t gid) {
  struct stat st;
  if (fstatat(from_parent, from, &st, AT_SYMLINK_NOFOLLOW) != 0)
    return false;
  bool owner = st.st_uid != uid || geteuid() == 0;
  if (S_ISREG(st.st_mode)) {
    int in = openat(from_parent, from, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    int out = openat(to_parent, to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, st.st_mode & 0777);
    bool ok = in >= 0 && out >= 0 && copy_file(in, out, st.st_size) && (!owner || fchown(out, uid, gid) == 0);
    int kept = errno;
    if (in >= 0)
      close(in);
    if (out >= 0)
      close(out);
    errno = kept;
    return ok;
  }
  if (!S_ISDIR(st.st_mode))
    return true;
  if (mkdirat(to_parent, to, st.st_mode & 0777) != 0)
    return false;
  int in = openat(from_parent, from, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  int out = openat(to_parent, to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *dir = in >= 0 ? fdopendir(in) : NULL;
  bool ok = dir && out >= 0 && (!owner || fchown(out, uid, gid) == 0);
  for (struct dirent *entry; ok && (entry = readdir(dir));)
    if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
      ok = copy_below(in, entry->d_name, out, entry->d_name, uid, gid);
  int kept = errno;
  if (dir)
    closedir(dir);
  else if (in >= 0)
    close(in);
  if (out >= 0)
    close(out);
  errno = kept;
  return ok;
}

bool dba_file_copy_tree(const char *from, const char *to, uid_t uid, gid_t gid, GError **error) {
  if (copy_below(AT_FDCWD, from, AT_FDCWD, to, uid, gid))
    return true;
  return dba_fail(error, DBA_ERROR_LAB, "%s: cannot be copied to %s: %s", from, to, g_strerror(errno));
}

int64_t dba_file_tree_bytes(const char *path) {
  struct stat st;
  if (lstat(path, &st) != 0)
    return 0;
  int64_t bytes = (int64_t)st.st_blocks * 512;
  g_autoptr(GDir) dir = S_ISDIR(st.st_mode) ? g_dir_open(path, 0, NULL) : NULL;
  for (const char *name; dir && (name = g_dir_read_name(dir));) {
    g_autofree char *below = g_build_filename(path, name, NULL);
    bytes += dba_file_tree_bytes(below);
  }
  return bytes;
}

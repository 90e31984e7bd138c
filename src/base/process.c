// SPDX-License-Identifier: Apache-2.0
// Other programs: started as a given user, with a given environment, bound to our life where wished.
//
// GLib's spawning runs a setup function between fork and exec without a way to report what failed there; here the child
// sends its errno through a close-on-exec pipe, so that "permission denied" is not mistaken for a crash.
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const minimal_env[] = {"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8", NULL};

// Runs in the child, between fork and exec: async-signal-safe calls only.
static void become(const DbaSpawn *spawn, int report, pid_t parent) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  signal(SIGINT, SIG_IGN); // Ctrl-C is ours to handle: the terminal sends it to the whole group
  setpgid(0, 0);
  int in = open("/dev/null", O_RDONLY);
  int out = open(spawn->output_file ? spawn->output_file : "/dev/null", O_WRONLY | O_CREAT | O_APPEND, 0600);
  bool ok = in >= 0 && out >= 0 && dup2(in, 0) >= 0 && dup2(out, 1) >= 0 && dup2(out, 2) >= 0;
  if (ok && geteuid() == 0 && spawn->uid != 0)
    ok = (!spawn->output_file || fchown(1, spawn->uid, spawn->gid) == 0) && setgroups(0, NULL) == 0 && setgid(spawn->gid) == 0 &&
         setuid(spawn->uid) == 0;
  ok = ok && chdir(spawn->folder ? spawn->folder : "/") == 0;
  if (ok && spawn->nice > getpriority(PRIO_PROCESS, 0)) // never upwards: that needs power
    ok = setpriority(PRIO_PROCESS, 0, spawn->nice) == 0;
  signal(SIGINT, SIG_DFL);
  signal(SIGPIPE, SIG_DFL);
  if (ok && spawn->dies_with_us) { // after setuid, which clears it
    ok = prctl(PR_SET_PDEATHSIG, SIGQUIT) == 0;
    if (getppid() != parent)
      _exit(127);
  }
  if (ok) {
    if (out > 2)
      close(out);
    if (in > 2)
      close(in);
    execve(spawn->argv[0], (char **)(uintptr_t)spawn->argv, (char **)(uintptr_t)(spawn->env ? spawn->env : minimal_env));
  }
  int problem = errno;
  if (write(report, &problem, sizeof problem) < 0)
    _exit(126);
  _exit(127);
}

bool dba_process_start(const DbaSpawn *spawn, pid_t *ret_pid, GError **error) {
  int report[2] = {-1, -1};
  if (pipe2(report, O_CLOEXEC) != 0)
    return dba_fail(error, DBA_ERROR_LAB, "%s: cannot be started: %s", spawn->argv[0], g_strerror(errno));
  pid_t parent = getpid(), pid = fork();
  if (pid == 0)
    become(spawn, report[1], parent);
  close(report[1]);
  int problem = 0;
  ssize_t got = -1;
  if (pid > 0)
    do
      got = read(report[0], &problem, sizeof problem);
    while (got < 0 && errno == EINTR);
  close(report[0]);
  if (pid < 0 || got == sizeof problem) {
    if (pid > 0)
      waitpid(pid, NULL, 0);
    return dba_fail(error, DBA_ERROR_LAB, "%s: cannot be started: %s", spawn->argv[0], g_strerror(pid < 0 ? errno : problem));
  }
  *ret_pid = pid;
  return true;
}

bool dba_process_run(const DbaSpawn *spawn, int *ret_status, GError **error) {
  pid_t pid = 0;
  if (!dba_process_start(spawn, &pid, error))
    return false;
  int status;
  while (waitpid(pid, &status, 0) < 0)
    if (errno != EINTR)
      return dba_fail(error, DBA_ERROR_LAB, "%s: cannot be waited for: %s", spawn->argv[0], g_strerror(errno));
  *ret_status = status;
  return true;
}

double dba_process_cpu_seconds(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

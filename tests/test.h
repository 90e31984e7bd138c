// SPDX-License-Identifier: Apache-2.0
// A test program prints "ok NAME" or "not ok NAME: reason" for each test; tests/run.py counts the lines.
#pragma once

#include "lab/lab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool test_failed;
static int tests_failed;

#define CHECK(condition)                                                                                                                   \
  do {                                                                                                                                     \
    if (!(condition)) {                                                                                                                    \
      printf("# %s:%d: %s\n", __FILE__, __LINE__, #condition);                                                                             \
      test_failed = true;                                                                                                                  \
    }                                                                                                                                      \
  } while (0)

#define CHECK_TEXT(actual, expected)                                                                                                       \
  do {                                                                                                                                     \
    const char *actual_ = (actual), *expected_ = (expected);                                                                               \
    if (g_strcmp0(actual_, expected_)) {                                                                                                   \
      printf("# %s:%d: \"%s\" is not \"%s\"\n", __FILE__, __LINE__, actual_ ? actual_ : "(null)", expected_);                              \
      test_failed = true;                                                                                                                  \
    }                                                                                                                                      \
  } while (0)

#define CHECK_OK(call)                                                                                                                     \
  do {                                                                                                                                     \
    g_autoptr(GError) error = NULL;                                                                                                        \
    if (!(call)) {                                                                                                                         \
      printf("# %s:%d: %s: %s\n", __FILE__, __LINE__, #call, error ? error->message : "(no message)");                                     \
      test_failed = true;                                                                                                                  \
    }                                                                                                                                      \
  } while (0)

static inline void test_run(const char *name, void (*function)(void)) {
  test_failed = false;
  function();
  printf("%s %s\n", test_failed ? "not ok" : "ok", name);
  fflush(stdout);
  tests_failed += test_failed;
}
#define RUN(function) test_run(#function, function)

// The lab of tests: the environment says which server (DBARCH_PG_BIN or TEST_PG_MAJOR) and where its state is.
static inline DbaLabHome test_home(void) {
  const char *cache = g_getenv("DBARCH_CACHE"), *major = g_getenv("TEST_PG_MAJOR");
  DbaLabHome home = {.cache = cache            ? cache
                              : geteuid() == 0 ? "/var/cache/dbarch"
                                               : g_build_filename(g_get_user_cache_dir(), "dbarch", NULL)};
  home.major = major ? (int)g_ascii_strtoll(major, NULL, 10) : 17;
  home.sudo_uid = geteuid() == 0 ? g_getenv("SUDO_UID") : NULL;
  return home;
}

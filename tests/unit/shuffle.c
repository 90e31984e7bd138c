// SPDX-License-Identifier: Apache-2.0
// Permutations of rows: nothing is lost, nothing twice, and the order is kept as far as was asked.
#include "../test.h"

#include "lab/stand-in-int.h"

#include <math.h>

static const double correlations[] = {0, 0.005, 0.3, -0.3, 0.7, 0.89, 0.9, 0.95, -0.97, 0.994, 1, -1};

static bool is_permutation(uint64_t n, double correlation, uint64_t seed) {
  DbaShuffle shuffle = dba_shuffle(n, correlation, seed);
  g_autofree bool *seen = g_new0(bool, n + 1);
  for (uint64_t i = 0; i < n; i++) {
    uint64_t at = dba_shuffle_at(&shuffle, i);
    if (at >= n || seen[at])
      return false;
    seen[at] = true;
  }
  return true;
}

static void permutations(void) {
  for (uint64_t n = 1; n < 130; n++)
    for (size_t i = 0; i < G_N_ELEMENTS(correlations); i++)
      CHECK(is_permutation(n, correlations[i], n * 31 + i));
  for (size_t i = 0; i < G_N_ELEMENTS(correlations); i++) {
    CHECK(is_permutation(65536, correlations[i], 5));
    CHECK(is_permutation(65537, correlations[i], 6));
  }
  CHECK(is_permutation(1000, NAN, 1));
  CHECK(is_permutation(1000, 7e300, 1));
}

static void order_is_kept(void) {
  enum { N = 50000 };
  for (size_t k = 0; k < G_N_ELEMENTS(correlations); k++) {
    DbaShuffle shuffle = dba_shuffle(N, correlations[k], 42);
    double sum = 0, middle = (N - 1) / 2.0, variance = ((double)N * N - 1) / 12;
    for (uint64_t i = 0; i < N; i++)
      sum += ((double)i - middle) * ((double)dba_shuffle_at(&shuffle, i) - middle);
    double found = sum / N / variance;
    if (fabs(found - correlations[k]) > 0.03)
      printf("# wanted %.3f, found %.3f\n", correlations[k], found);
    CHECK(fabs(found - correlations[k]) <= 0.03);
  }
}

static void counts(void) {
  CHECK(dba_count(NAN) == 0 && dba_count(-5) == 0 && dba_count(INFINITY) == 0);
  CHECK(dba_count(2.6) == 3 && dba_count(1e300) == 1000000000000000);
  CHECK(dba_proportion(3, 0, 7) == 0 && dba_proportion(UINT64_MAX / 2, UINT64_MAX, 1000) == 499);
  CHECK(dba_times_modulo(UINT64_MAX, UINT64_MAX, 1000003) < 1000003);
}

int main(void) {
  RUN(permutations);
  RUN(order_is_kept);
  RUN(counts);
  return tests_failed != 0;
}

// SPDX-License-Identifier: Apache-2.0
// Intervals must hold what they promise: the true ratio lies in them about 95 times of 100, also with few runs.
#include "lab/measuring.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static int failed;

static void check(const char *name, bool good) {
  printf("%s %s\n", good ? "ok" : "not ok", name);
  failed += !good;
}

static double normal(void) { // Box and Muller
  double u = (rand() + 1.0) / (RAND_MAX + 2.0), v = (rand() + 1.0) / (RAND_MAX + 2.0);
  return sqrt(-2 * log(u)) * cos(2 * G_PI * v);
}

// Times as servers have them: a floor, a skewed tail, now and then one that is far off.
static double time_of(double floor_ms) { return floor_ms * (1 + 0.05 * exp(normal()) + (rand() % 20 == 0 ? 2.0 : 0)); }

static double coverage(unsigned n, double truth, double *ret_claimed) {
  enum { TRIALS = 300, MOST = 32 };
  unsigned in = 0, claimed = 0;
  for (unsigned k = 0; k < TRIALS; k++) {
    double before[MOST], after[MOST];
    for (unsigned i = 0; i < n; i++) {
      before[i] = time_of(10);
      after[i] = time_of(10 * truth);
    }
    DbaEffect effect;
    dba_effect(before, after, n, &effect);
    in += effect.ratio_low <= truth && truth <= effect.ratio_high;
    claimed += effect.ratio_high < 1;
  }
  *ret_claimed = claimed / (double)TRIALS;
  return in / (double)TRIALS;
}

int main(void) {
  srand(7);
  static const unsigned sizes[] = {5, 7, 9, 15, 25};
  for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
    double claimed, same = coverage(sizes[i], 1, &claimed), half;
    double other = coverage(sizes[i], 0.5, &half);
    g_autofree char *name =
        g_strdup_printf("%u runs: the ratio lies in its interval in %.1f %% and %.1f %%, %.1f %% false gains, %.1f %% true ones", sizes[i],
                        same * 100, other * 100, claimed * 100, half * 100);
    check(name, same >= 0.92 && other >= 0.92 && claimed <= 0.04 && half >= (sizes[i] < 9 ? 0.6 : 0.9));
  }
  DbaEffect effect;
  double zeros[] = {0, 0, 0, 0, 0}, ones[] = {1, 1, 1, 1, 1};
  dba_effect(zeros, zeros, 5, &effect);
  check("nothing against nothing is no change", effect.ratio == 1 && effect.ratio_low == 1 && effect.ratio_high == 1);
  dba_effect(zeros, ones, 5, &effect);
  check("something out of nothing is finite", isfinite(effect.ratio) && effect.ratio > 1e6);
  dba_effect(ones, zeros, 5, &effect);
  check("nothing out of something", effect.ratio == 0 && effect.ratio_high == 0);
  dba_effect(ones, ones, 1, &effect);
  check("one run has no width", effect.n == 1 && effect.before_low == 1 && effect.ratio_high == 1);
  return failed != 0;
}

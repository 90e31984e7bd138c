// SPDX-License-Identifier: Apache-2.0
// What two series of runs say of each other: medians, and intervals by the bootstrap.
#include "lab/measuring.h"

#include "lab/stand-in-int.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RESAMPLES = 2000 };
static const double LARGEST_RATIO = 1e9;

static int compare_real(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

static double median(double *values, unsigned n) { // puts them in order
  qsort(values, n, sizeof *values, compare_real);
  return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

static double ratio_of(double before, double after) {
  if (before <= 0)
    return after <= 0 ? 1 : LARGEST_RATIO;
  return fmin(after / before, LARGEST_RATIO);
}

// The share of resamples to leave out at either end: that of a normal distribution beyond t's 97.5 % point of n - 1 degrees of
// freedom, times sqrt(n / (n - 1)).  t is expanded about the normal's z (Abramowitz and Stegun 26.7.5).
static double tail(unsigned n) {
  double z = 1.959964, v = n - 1, z3 = z * z * z, z5 = z3 * z * z, z7 = z5 * z * z,
         t = z + (z3 + z) / (4 * v) + (5 * z5 + 16 * z3 + 3 * z) / (96 * v * v) + (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * v * v * v);
  return erfc(t * sqrt(n / v) / sqrt(2)) / 2;
}

static void ends(double *values, double share, double *ret_low, double *ret_high) {
  unsigned out = (unsigned)floor(share * RESAMPLES);
  qsort(values, RESAMPLES, sizeof *values, compare_real);
  *ret_low = values[out];
  *ret_high = values[RESAMPLES - 1 - out];
}

void dba_effect(const double *before, const double *after, unsigned n, DbaEffect *ret_effect) {
  g_autofree double *b = g_new(double, n), *a = g_new(double, n), *medians = g_new(double, 3 * RESAMPLES);
  double *of_before = medians, *of_after = medians + RESAMPLES, *of_ratio = medians + 2 * (size_t)RESAMPLES;
  memcpy(b, before, n * sizeof *b);
  memcpy(a, after, n * sizeof *a);
  DbaEffect effect = {.n = n, .before = median(b, n), .after = median(a, n)};
  effect.before_low = effect.before_high = effect.before;
  effect.after_low = effect.after_high = effect.after;
  effect.ratio = effect.ratio_low = effect.ratio_high = ratio_of(effect.before, effect.after);
  if (n > 1) {
    uint64_t seed = n;
    for (unsigned k = 0; k < RESAMPLES; k++) {
      for (unsigned i = 0; i < n; i++) {
        seed = dba_mix(seed);
        unsigned pair = (unsigned)((seed >> 32) * n >> 32);
        b[i] = before[pair];
        a[i] = after[pair];
      }
      of_before[k] = median(b, n);
      of_after[k] = median(a, n);
      of_ratio[k] = ratio_of(of_before[k], of_after[k]);
    }
    double share = tail(n);
    ends(of_before, share, &effect.before_low, &effect.before_high);
    ends(of_after, share, &effect.after_low, &effect.after_high);
    ends(of_ratio, share, &effect.ratio_low, &effect.ratio_high);
  }
  *ret_effect = effect;
}

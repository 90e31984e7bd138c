// SPDX-License-Identifier: Apache-2.0
// Permutations that are computed, not stored.
//
// A Feistel network over the bits of n, walked until the result is below n, permutes at random.  To keep some of the order,
// some numbers stay where they are and the rest are permuted among themselves; near a correlation of 1, rows are mixed
// within blocks: with B blocks the rank correlation is 1 - 1/B^2.
#include "lab/stand-in-int.h"

#include <math.h>

static const double ORDERED = 0.995, BLOCKS_FROM = 0.9, MIXED = 0.01;

uint64_t dba_count(double x) {
  static const double MOST = 1e15;
  return isfinite(x) && x > 0 ? (uint64_t)llround(fmin(x, MOST)) : 0;
}

uint64_t dba_mix(uint64_t x) { // splitmix64
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

__extension__ typedef unsigned __int128 Wide;

uint64_t dba_proportion(uint64_t x, uint64_t of, uint64_t to) { return of ? (uint64_t)((Wide)x * to / of) : 0; }

uint64_t dba_times_modulo(uint64_t x, uint64_t times, uint64_t modulus) { return (uint64_t)((Wide)x * times % modulus); }

static uint64_t permute(uint64_t n, uint64_t key, uint64_t i) {
  if (n < 2)
    return 0;
  unsigned bits = 64 - (unsigned)__builtin_clzll(n - 1), right = bits - bits / 2, left = bits / 2;
  uint64_t right_mask = (1ull << right) - 1, left_mask = (1ull << left) - 1;
  do {
    uint64_t l = i >> right, r = i & right_mask;
    for (unsigned round = 0; round < 3; round++) { // the halves keep their widths: each is changed by the other
      l = (l ^ dba_mix(r ^ key ^ (uint64_t)round << 60)) & left_mask;
      r = (r ^ dba_mix(l ^ ~key ^ (uint64_t)round << 60)) & right_mask;
    }
    i = l << right | r;
  } while (i >= n);
  return i;
}

DbaShuffle dba_shuffle(uint64_t n, double correlation, uint64_t seed) {
  DbaShuffle shuffle = {.n = n, .key = dba_mix(seed), .correlation = isfinite(correlation) ? CLAMP(correlation, -1, 1) : 0};
  double kept = fabs(shuffle.correlation);
  if (kept >= BLOCKS_FROM && kept < ORDERED) {
    uint64_t blocks = (uint64_t)fmax(1, round(1 / sqrt(1 - kept)));
    shuffle.block = MAX(1, (n + blocks - 1) / blocks);
  }
  return shuffle;
}

static bool stays(const DbaShuffle *shuffle, uint64_t i) {
  return (double)(dba_mix(i ^ shuffle->key << 1) >> 11) * 0x1p-53 < fabs(shuffle->correlation);
}

uint64_t dba_shuffle_at(const DbaShuffle *shuffle, uint64_t i) {
  double kept = fabs(shuffle->correlation);
  if (shuffle->correlation < 0)
    i = shuffle->n - 1 - i;
  if (kept >= ORDERED)
    return i;
  if (shuffle->block) {
    uint64_t start = i / shuffle->block * shuffle->block, length = MIN(shuffle->block, shuffle->n - start);
    return start + permute(length, shuffle->key + start, i - start);
  }
  if (kept < MIXED)
    return permute(shuffle->n, shuffle->key, i);
  if (stays(shuffle, i))
    return i;
  do
    i = permute(shuffle->n, shuffle->key, i);
  while (stays(shuffle, i));
  return i;
}

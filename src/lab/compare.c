// SPDX-License-Identifier: Apache-2.0
// Rounds: one run of each side, the yardstick between them, and which of them count.
#include "lab/measuring.h"

#include "lab-sql.h"

#include <stdlib.h>
#include <string.h>

enum { FEWEST = 5 };
// A round counts as disturbed when the yardstick before or after it took so many times its lower quartile.
static const double DISTURBED = 1.5;
// An interval whose ends are so near to each other needs no more rounds.
static const double NARROW = 1.1;

typedef struct Round {
  DbaRun runs[2];
  double yardstick; // the slower one of those around it
} Round;

typedef struct Side {
  DbaServer *server;
  const char *database;
  char *schedstat; // file of the session's process
} Side;

// Nanoseconds on a processor, 0: not known (Linux, Documentation/scheduler/sched-stats.rst).
static double processor_ns(const char *file) {
  g_autofree char *text = NULL;
  return g_file_get_contents(file, &text, NULL, NULL) ? g_ascii_strtod(text, NULL) : 0;
}

static bool find_process(Side *side, GError **error) {
  g_autoptr(DbaResult) pid = dba_server_query(side->server, "select pg_backend_pid()", NULL, error);
  if (!pid)
    return false;
  side->schedstat = g_strdup_printf("/proc/%s/schedstat", dba_result_text(pid, 0, 0));
  return true;
}

static bool measure(DbaServer *admin, const Side *side, const char *sql, DbaRun *ret_run, GError **error) {
  const char *parameters[] = {side->database, NULL};
  g_autoptr(DbaResult) reset = dba_server_query(admin, dba_embedded_lab_sql("reset_statements"), NULL, error);
  double begin = processor_ns(side->schedstat);
  if (!reset || !dba_server_exec(side->server, sql, error))
    return false;
  double end = processor_ns(side->schedstat);
  g_autoptr(DbaResult) total = dba_server_query(admin, dba_embedded_lab_sql("statement_totals"), parameters, error);
  if (!total)
    return false;
  *ret_run = (DbaRun){.ms = dba_result_real(total, 0, 0),
                      .buffers = dba_result_real(total, 0, 1),
                      .wal_bytes = dba_result_real(total, 0, 2),
                      .rows = dba_result_real(total, 0, 3),
                      .reads = dba_result_real(total, 0, 4),
                      .cpu_ms = begin > 0 && end > 0 ? (end - begin) / 1e6 : -1};
  return true;
}

// Unmeasured, measured, rolled back.
static bool run(const DbaComparison *comparison, const Side *side, const char *prepare, const char *sql, DbaRun *ret_run, GError **error) {
  if (comparison->cold && !dba_lab_make_cold(comparison->lab, comparison->admin, side->database, comparison->modules, error))
    return false;
  if (!dba_server_exec(side->server, "begin", error))
    return false;
  bool ok = (!*prepare || dba_server_exec(side->server, prepare, error)) && measure(comparison->admin, side, sql, ret_run, error);
  return dba_server_exec(side->server, "rollback", ok ? error : NULL) && ok;
}

static bool yardstick(DbaServer *admin, double *ret_ms, GError **error) {
  gint64 begin = g_get_monotonic_time();
  if (!dba_server_exec(admin, dba_embedded_lab_sql("yardstick"), error))
    return false;
  *ret_ms = (double)(g_get_monotonic_time() - begin) / 1e3;
  return true;
}

static bool run_round(const DbaComparison *comparison, const Side *sides, int number, Round *round, GError **error) {
  g_autoptr(GString) prepare = g_string_new(NULL), sql = g_string_new(NULL);
  if (!comparison->text(number, comparison->data, prepare, sql, error))
    return false;
  for (int k = 0; k < 2; k++) { // who is first changes from round to round
    int side = (k + number) & 1;
    if (!run(comparison, &sides[side], prepare->str, sql->str, &round->runs[side], error))
      return false;
  }
  return true;
}

static int compare_real(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

// Copies the rounds that count.
static void take_rounds(DbaComparison *comparison, const GArray *rounds, bool all) {
  g_autofree double *yardsticks = g_new(double, rounds->len);
  for (guint i = 0; i < rounds->len; i++)
    yardsticks[i] = g_array_index(rounds, Round, i).yardstick;
  qsort(yardsticks, rounds->len, sizeof *yardsticks, compare_real);
  double limit = yardsticks[rounds->len / 4] * DISTURBED;
  comparison->n = 0;
  for (guint i = 0; i < rounds->len; i++) {
    const Round *round = &g_array_index(rounds, Round, i);
    if (!all && round->yardstick > limit)
      continue;
    comparison->runs[0][comparison->n] = round->runs[0];
    comparison->runs[1][comparison->n++] = round->runs[1];
  }
  comparison->disturbed = rounds->len - comparison->n;
}

static bool is_narrow(const DbaComparison *comparison) {
  DbaEffect effect;
  return dba_comparison_effect(comparison, DBA_QUANTITY_TIME, &effect) && effect.ratio_high <= effect.ratio_low * NARROW;
}

static bool compare(DbaComparison *comparison, const Side *sides, GArray *rounds, GError **error) {
  Round warm_up;
  double before, after;
  // What an index build has left in shared buffers must not speed one side up, or slow it down.
  for (int side = 0; side < 2 && comparison->modules; side++)
    if (!dba_lab_forget_pages(comparison->lab, comparison->admin, sides[side].database, comparison->modules, NULL, error))
      return false;
  if (!run_round(comparison, sides, -1, &warm_up, error) || !yardstick(comparison->admin, &before, error) ||
      !yardstick(comparison->admin, &before, error)) // its first run warms it up too
    return false;
  unsigned least = MAX(comparison->least, FEWEST), most = MAX(comparison->most, least);
  gint64 begin = g_get_monotonic_time();
  for (unsigned number = 0; number < 2 * most; number++) {
    Round round;
    if (!run_round(comparison, sides, (int)number, &round, error) || !yardstick(comparison->admin, &after, error))
      return false;
    round.yardstick = MAX(before, after);
    before = after;
    g_array_append_val(rounds, round);
    if (rounds->len < least)
      continue;
    take_rounds(comparison, rounds, false);
    double spent_ms = (double)(g_get_monotonic_time() - begin) / 1e3;
    bool enough = comparison->n >= least, late = spent_ms > comparison->patience_ms;
    if ((enough && (late || comparison->n >= most || is_narrow(comparison))) || (late && rounds->len >= 2 * least))
      break;
  }
  comparison->restless = comparison->n < least;
  if (comparison->restless)
    take_rounds(comparison, rounds, true);
  return true;
}

bool dba_compare(DbaComparison *comparison, GError **error) {
  Side sides[2] = {{comparison->before, comparison->before_name, NULL}, {comparison->after, comparison->after_name, NULL}};
  g_autoptr(GArray) rounds = g_array_new(FALSE, FALSE, sizeof(Round));
  unsigned room = 2 * MAX(MAX(comparison->most, comparison->least), FEWEST);
  for (int side = 0; side < 2; side++) {
    g_free(comparison->runs[side]);
    comparison->runs[side] = g_new0(DbaRun, room);
  }
  bool ok = find_process(&sides[0], error) && find_process(&sides[1], error) && compare(comparison, sides, rounds, error);
  g_free(sides[0].schedstat);
  g_free(sides[1].schedstat);
  return ok;
}

void dba_comparison_clear(DbaComparison *comparison) {
  g_clear_pointer(&comparison->runs[0], g_free);
  g_clear_pointer(&comparison->runs[1], g_free);
}

// ---- the sides --------------------------------------------------------------------------------------------------------

bool dba_lab_describe(DbaServer *admin, DbaArena *arena, const char **ret_settings, const char **ret_locale, GError **error) {
  g_autoptr(DbaResult) facts = dba_server_query(admin, dba_embedded_lab_sql("lab_facts"), NULL, error);
  if (!facts)
    return false;
  *ret_settings = dba_arena_text(arena, dba_result_text(facts, 0, 0));
  *ret_locale = dba_arena_text(arena, dba_result_text(facts, 0, 1));
  return true;
}

bool dba_lab_analyze_new(DbaServer *owner, GError **error) {
  g_autoptr(DbaResult) tables = dba_server_query(owner, dba_embedded_lab_sql("unanalyzed"), NULL, error);
  if (!tables)
    return false;
  for (int row = 0; row < dba_result_rows(tables); row++) {
    g_autofree char *sql = g_strconcat("analyze ", dba_result_text(tables, row, 0), NULL);
    if (!dba_server_exec(owner, sql, error))
      return false;
  }
  return true;
}

// ---- what it says -----------------------------------------------------------------------------------------------------

static const struct {
  const char *name, *unit;
  size_t offset;
} quantities[DBA_N_QUANTITIES] = {
    [DBA_QUANTITY_TIME] = {"time", "ms", offsetof(DbaRun, ms)},
    [DBA_QUANTITY_CPU] = {"CPU", "ms", offsetof(DbaRun, cpu_ms)},
    [DBA_QUANTITY_BUFFERS] = {"buffers", "pages", offsetof(DbaRun, buffers)},
    [DBA_QUANTITY_WAL] = {"WAL", "bytes", offsetof(DbaRun, wal_bytes)},
};

bool dba_comparison_effect(const DbaComparison *comparison, DbaQuantity quantity, DbaEffect *ret_effect) {
  g_autofree double *before = g_new(double, comparison->n + 1), *after = g_new(double, comparison->n + 1);
  bool known = comparison->n > 0;
  for (int side = 0; side < 2; side++)
    for (unsigned i = 0; i < comparison->n; i++) {
      const char *run = (const char *)&comparison->runs[side][i];
      double value = *(const double *)(const void *)(run + quantities[quantity].offset);
      (side ? after : before)[i] = value;
      known &= value >= 0;
    }
  if (known)
    dba_effect(before, after, comparison->n, ret_effect);
  return known;
}

char *dba_comparison_machine(const DbaComparison *comparison) {
  if (comparison->restless)
    return g_strdup_printf("restless: most of %u rounds were disturbed, and all are counted", comparison->n);
  if (comparison->disturbed)
    return g_strdup_printf("%u of %u rounds were disturbed and taken again", comparison->disturbed, comparison->n + comparison->disturbed);
  return g_strdup("steady");
}

unsigned dba_comparison_receipts(const DbaComparison *comparison, const DbaReceipt *frame, bool with_wal, DbaArena *arena,
                                 DbaList *receipts) {
  DbaEffect effects[DBA_N_QUANTITIES];
  bool known[DBA_N_QUANTITIES];
  unsigned claimed = 0;
  g_autofree char *machine = dba_comparison_machine(comparison);
  for (int k = 0; k < DBA_N_QUANTITIES; k++)
    known[k] = (k != DBA_QUANTITY_WAL || with_wal) && dba_comparison_effect(comparison, (DbaQuantity)k, &effects[k]);
  bool opposed = known[DBA_QUANTITY_CPU] && known[DBA_QUANTITY_BUFFERS] && effects[DBA_QUANTITY_CPU].ratio_low > 1 &&
                 effects[DBA_QUANTITY_BUFFERS].ratio_low > 1;
  for (int k = 0; k < DBA_N_QUANTITIES; k++) {
    const DbaEffect *x = &effects[k];
    if (!known[k])
      continue;
    DbaReceipt *receipt = dba_list_add(arena, receipts, sizeof *receipt);
    *receipt = *frame;
    receipt->quantity = quantities[k].name;
    receipt->unit = quantities[k].unit;
    receipt->before = x->before;
    receipt->before_low = x->before_low;
    receipt->before_high = x->before_high;
    receipt->after = x->after;
    receipt->after_low = x->after_low;
    receipt->after_high = x->after_high;
    receipt->ratio = x->ratio;
    receipt->ratio_low = x->ratio_low;
    receipt->ratio_high = x->ratio_high;
    receipt->n = x->n;
    receipt->claimed = x->ratio_high < 1 && !(k == DBA_QUANTITY_TIME && opposed);
    receipt->machine = dba_arena_text(arena, machine);
    claimed += receipt->claimed;
  }
  return claimed;
}

// SPDX-License-Identifier: Apache-2.0
// The curve: a set for each budget.
//
// First it is looked around good sets of a few budgets, one index more and one less, so that the model knows what plans make of their
// neighbours.  Then all budgets are solved, half of them on each core, and the planner is asked for all sets whole; budgets for which it said something
// new are solved again.  A larger budget's set is never the worse one.
#include "index/advisor.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
  CURVE_POINTS = 14,
  ROUNDS = 4,
  AROUND_POINTS = 5,
  SOLVERS = 2,
};
static const double RATIO = 1.6;        // of a budget to the next
static const double WORTH_A_LOOK = 0.5; // percent of the workload that a set may fall short by the model, and a plan may bring in
static const double CLOSE = 0.05, CLOSE_ENOUGH = 0.3; // to the optimum, in percent: for budgets that were asked for, and the others

// A point at work.  Spots lie in memory that solvers share.
typedef struct Spot {
  DbaIndexPoint *point;
  bool *chosen;
  double bound, by_model;
  bool open;
} Spot;

enum { PROBLEM_BYTES = 256 };
typedef struct Solver { // what one of them tells of itself
  int64_t solved;
  bool failed;
  char problem[PROBLEM_BYTES];
} Solver;

typedef struct Curve {
  DbaIndexAdvisor *advisor;
  Spot *spots;
  uint32_t n;
  Solver *solvers;
  void *shared;
  size_t shared_bytes;
  gint64 deadline_us;
} Curve;

static int compare_points(const void *a, const void *b) {
  const DbaIndexPoint *x = a, *y = b;
  uint64_t of_x = (uint64_t)x->budget_bytes, of_y = (uint64_t)y->budget_bytes; // -1, no limit, is the last
  return of_x < of_y ? -1 : of_x > of_y;
}

// Budgets in equal ratios up to what all of use takes, those that were asked for, and none.
static void lay_points(Curve *curve, int64_t most) {
  DbaIndexAdvisor *advisor = curve->advisor;
  DbaIndexAnswer *answer = advisor->answer;
  double budget = (double)most;
  for (unsigned i = 0; i < advisor->options->n_budgets; i++)
    *(DbaIndexPoint *)dba_list_add(answer->arena, &answer->curve, sizeof(DbaIndexPoint)) =
        (DbaIndexPoint){.budget_bytes = advisor->options->budgets_bytes[i], .asked = true};
  for (unsigned i = 0; i < CURVE_POINTS && (!i || budget >= 16384); i++, budget /= RATIO)
    *(DbaIndexPoint *)dba_list_add(answer->arena, &answer->curve, sizeof(DbaIndexPoint)) =
        (DbaIndexPoint){.budget_bytes = i ? (int64_t)budget : -1};
  qsort(answer->curve.items, answer->curve.n, sizeof(DbaIndexPoint), compare_points);
  curve->n = answer->curve.n;
}

static bool share(Curve *curve, GError **error) {
  DbaIndexAdvisor *advisor = curve->advisor;
  size_t solvers = SOLVERS * sizeof(Solver), spots = (curve->n + 1) * sizeof(Spot), flags = advisor->n_candidates + 1;
  curve->shared_bytes = solvers + spots + curve->n * flags;
  curve->shared = mmap(NULL, curve->shared_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (curve->shared == MAP_FAILED) {
    curve->shared = NULL;
    return dba_fail(error, DBA_ERROR_LAB, "no memory for the index advisor: %s", g_strerror(errno));
  }
  curve->solvers = curve->shared;
  curve->spots = (Spot *)(void *)((char *)curve->shared + solvers);
  for (uint32_t i = 0; i < curve->n; i++)
    curve->spots[i] = (Spot){.point = dba_list_at(DbaIndexPoint, &advisor->answer->curve, i),
                             .chosen = (bool *)((char *)curve->shared + solvers + spots + i * flags),
                             .open = true};
  return true;
}

static void fill(const DbaIndexAdvisor *advisor, int64_t budget, bool *chosen) {
  DbaIndexLimits limits = {budget, advisor->options->most_per_table};
  dba_index_choose_greedily(advisor->model, &limits, chosen);
}

// From what the relaxation has whole, from nothing, and from `chosen`, which fits: the best of these, and what swaps make of it.
static void choose(const DbaIndexAdvisor *advisor, DbaIndexProgram *program, int64_t budget, bool *chosen) {
  size_t n = advisor->n_candidates;
  g_autofree bool *other = g_new0(bool, n + 1), *promising = g_new0(bool, n + 1);
  DbaIndexLimits limits = {budget, advisor->options->most_per_table};
  fill(advisor, budget, chosen);
  double cost = dba_index_model_cost(advisor->model, chosen);
  for (int rounded = 0; rounded < 2; rounded++) {
    memset(other, 0, n * sizeof *other);
    if (rounded)
      dba_index_round(program, budget, other);
    fill(advisor, budget, other);
    double of_other = dba_index_model_cost(advisor->model, other);
    if (of_other < cost) {
      memcpy(chosen, other, n * sizeof *chosen);
      cost = of_other;
    }
  }
  dba_index_promising(program, budget, chosen, 0, promising);
  dba_index_swap(advisor->model, &limits, promising, chosen);
}

// ---- looking around -------------------------------------------------------------------------------------------------

// One index more, of those that could be in a better set and of which a plan of the statement has made use, and one less.
static void add_neighbours(DbaIndexAdvisor *advisor, uint32_t q, const DbaIndexSet *set, const bool *chosen, const bool *promising) {
  DbaIndexSet part = dba_index_costs_part(advisor->costs, q, set, advisor->arena);
  const bool *used = advisor->model->used + (size_t)q * advisor->n_candidates;
  g_autofree uint32_t *ids = g_new(uint32_t, part.n + 2);
  for (uint32_t i = 0; i < advisor->bears[q].n; i++) {
    uint32_t id = advisor->bears[q].ids[i], n = 0;
    if (!chosen[id] && !(promising[id] && used[id]))
      continue;
    for (uint32_t k = 0; k < part.n; k++)
      if (part.ids[k] != id)
        ids[n++] = part.ids[k];
    if (!chosen[id])
      ids[n++] = id;
    dba_index_add_ask(advisor, q, dba_index_set_of_ids(advisor, ids, n));
  }
}

static bool look_around(Curve *curve, int64_t budget, GError **error) {
  DbaIndexAdvisor *advisor = curve->advisor;
  g_autofree bool *chosen = g_new0(bool, advisor->n_candidates + 1), *promising = g_new0(bool, advisor->n_candidates + 1);
  g_autoptr(DbaIndexProgram) program = dba_index_program_new(advisor->model, advisor->options->most_per_table);
  choose(advisor, program, budget, chosen);
  dba_index_promising(program, budget, chosen, WORTH_A_LOOK, promising);
  DbaIndexSet set = dba_index_set_of(advisor, chosen);
  for (uint32_t q = 0; q < advisor->n_statements; q++)
    add_neighbours(advisor, q, &set, chosen, promising);
  if (!dba_index_ask_added(advisor, error))
    return false;
  dba_index_model_settle(advisor->model);
  return true;
}

// ---- solving --------------------------------------------------------------------------------------------------------

static bool solve_spot(const DbaIndexAdvisor *advisor, DbaIndexProgram *program, gint64 deadline_us, Spot *spot, GError **error) {
  int64_t budget = spot->point->budget_bytes;
  if (deadline_us && g_get_monotonic_time() > deadline_us)
    fill(advisor, budget, spot->chosen); // greed alone, then
  else
    choose(advisor, program, budget, spot->chosen);
  if (!dba_index_solve(program, budget, spot->point->asked ? CLOSE : CLOSE_ENOUGH, deadline_us, spot->chosen, &spot->bound, error))
    return false;
  fill(advisor, budget, spot->chosen); // what the solver left in for nothing goes
  dba_index_repair_keys(advisor->options->survey, &advisor->answer->candidates, &advisor->shapes, spot->chosen);
  spot->by_model = dba_index_model_cost(advisor->model, spot->chosen);
  return true;
}

// Every SOLVERS-th of the open spots, each from where the one before ended.
static void solve_some(const Curve *curve, unsigned number) {
  const DbaIndexAdvisor *advisor = curve->advisor;
  Solver *solver = &curve->solvers[number];
  g_autofree bool *last = g_new0(bool, advisor->n_candidates + 1);
  g_autoptr(DbaIndexProgram) program = dba_index_program_new(advisor->model, advisor->options->most_per_table);
  g_autoptr(GError) problem = NULL;
  for (uint32_t i = number; i < curve->n; i += SOLVERS) {
    Spot *spot = &curve->spots[i];
    if (!spot->open)
      continue;
    if (dba_index_model_cost(advisor->model, last) < dba_index_model_cost(advisor->model, spot->chosen))
      memcpy(spot->chosen, last, advisor->n_candidates * sizeof *last);
    if (!solve_spot(advisor, program, curve->deadline_us, spot, &problem)) {
      solver->failed = true;
      g_strlcpy(solver->problem, problem->message, PROBLEM_BYTES);
      return;
    }
    memcpy(last, spot->chosen, advisor->n_candidates * sizeof *last);
    solver->solved++;
  }
}

// A process for each solver: Cbc keeps state that threads would share, and writes to stdout.
static pid_t start_solver(const Curve *curve, unsigned number) {
  pid_t pid = fork();
  if (pid)
    return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (nowhere < 0 || dup2(nowhere, STDOUT_FILENO) < 0)
    _exit(1);
  solve_some(curve, number);
  _exit(0);
}

static bool solve(Curve *curve, GError **error) {
  pid_t pids[SOLVERS];
  bool ok = true;
  memset(curve->solvers, 0, SOLVERS * sizeof *curve->solvers);
  for (unsigned i = 0; i < SOLVERS; i++)
    pids[i] = start_solver(curve, i);
  for (unsigned i = 0; i < SOLVERS; i++) {
    int status = -1;
    while (pids[i] > 0 && waitpid(pids[i], &status, 0) < 0 && errno == EINTR)
      continue;
    if (status > 0 && WIFSIGNALED(status) &&
        WTERMSIG(status) != SIGKILL) { // Cgl has been seen to crash: then greed and the relaxation must do
      curve->deadline_us = 1;
      solve_some(curve, i);
      status = 0;
    }
    curve->advisor->answer->solved += curve->solvers[i].solved;
    if (ok && (status != 0 || curve->solvers[i].failed))
      ok = dba_fail(error, status != 0 ? DBA_ERROR_LAB : DBA_ERROR_BUG, "%s",
                    curve->solvers[i].failed ? curve->solvers[i].problem : "the solver of the index advisor ended before its time");
  }
  return ok;
}

static void take_set(DbaIndexAdvisor *advisor, Spot *spot) {
  DbaIndexSet set = dba_index_set_of(advisor, spot->chosen);
  spot->point->bytes = dba_index_bytes_of(advisor, spot->chosen);
  spot->point->chosen = (DbaList){0};
  for (uint32_t i = 0; i < set.n; i++)
    dba_list_add_int(advisor->answer->arena, &spot->point->chosen, set.ids[i]);
}

// The planner's word for the sets of open points; those stay open of which it told something new.
static bool ask_whole(Curve *curve, bool *ret_learned, GError **error) {
  DbaIndexAdvisor *advisor = curve->advisor;
  g_autoptr(GArray) asks = g_array_new(FALSE, FALSE, sizeof(DbaIndexAsk));
  for (uint32_t i = 0; i < curve->n; i++)
    for (uint32_t q = 0; curve->spots[i].open && q < advisor->n_statements; q++) {
      DbaIndexAsk ask = {q, dba_index_set_of(advisor, curve->spots[i].chosen), NULL};
      g_array_append_val(asks, ask);
    }
  DbaIndexAsk *all = (DbaIndexAsk *)(void *)asks->data;
  if (!dba_index_costs_ask(advisor->costs, all, asks->len, error))
    return false;
  for (uint32_t i = 0; i < curve->n; i++) {
    Spot *spot = &curve->spots[i];
    bool learned = false;
    if (!spot->open)
      continue;
    spot->point->write_cost = spot->point->cost = dba_index_writes_cost(advisor->writes, spot->chosen);
    for (uint32_t q = 0; q < advisor->n_statements; q++, all++) {
      spot->point->cost += advisor->model->weight[q] * all->known->cost;
      learned |= dba_index_model_learn(advisor->model, all->known);
    }
    spot->point->bound = MIN(spot->bound, spot->point->cost);
    take_set(advisor, spot);
    spot->open = learned && ABS(spot->by_model - spot->point->cost) >= advisor->model->least;
    *ret_learned |= spot->open;
  }
  return true;
}

// What is closer to the optimum than was asked for at a smaller budget may do better at a larger one, too.
static void carry_over(Curve *curve) {
  for (uint32_t i = 1; i < curve->n; i++) {
    Spot *spot = &curve->spots[i], *before = &curve->spots[i - 1];
    if (spot->point->cost <= before->point->cost)
      continue;
    memcpy(spot->chosen, before->chosen, curve->advisor->n_candidates * sizeof *spot->chosen);
    spot->point->cost = before->point->cost;
    spot->point->write_cost = before->point->write_cost;
    spot->point->bound = MIN(spot->point->bound, spot->point->cost);
    take_set(curve->advisor, spot);
  }
}

static bool draw(Curve *curve, GError **error) {
  DbaIndexAdvisor *advisor = curve->advisor;
  g_assert(curve->solvers && curve->spots);
  dba_index_tell(advisor, "looking around the best sets");
  for (unsigned i = 0; i < AROUND_POINTS && curve->n && !dba_index_is_over(advisor); i++)
    if (!look_around(curve, curve->spots[(curve->n - 1) * (AROUND_POINTS - i) / AROUND_POINTS].point->budget_bytes, error))
      return false;
  dba_index_tell(advisor, "solving");
  for (int round = 0; round < ROUNDS; round++) {
    bool learned = false;
    if (!solve(curve, error) || !ask_whole(curve, &learned, error))
      return false;
    if (!learned || dba_index_is_over(advisor))
      break;
    dba_index_model_settle(advisor->model);
  }
  carry_over(curve);
  return true;
}

bool dba_index_draw_curve(DbaIndexAdvisor *advisor, GError **error) {
  Curve curve = {.advisor = advisor, .deadline_us = advisor->options->deadline_us};
  g_autofree bool *all = g_new0(bool, advisor->n_candidates + 1);
  dba_index_model_settle(advisor->model);
  fill(advisor, -1, all);
  lay_points(&curve, dba_index_bytes_of(advisor, all));
  bool ok = share(&curve, error) && draw(&curve, error);
  if (curve.shared)
    munmap(curve.shared, curve.shared_bytes);
  return ok;
}

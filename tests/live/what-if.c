// SPDX-License-Identifier: Apache-2.0
// The client of hypothetical indexes: numbers stay when the backend behind them ends, mistakes are told.
#include "../test.h"

static DbaLab *lab;
static const char TABLES[] = "create table t (id int primary key, a int, b text); insert into t select i, i % 100, 'b' || i from "
                             "generate_series(1, 20000) i; create index old on t (b);";

static DbaSurvey *survey_of_tables(void) {
  g_autoptr(GError) error = NULL;
  g_autoptr(DbaLoad) load = dba_load_new();
  if (!dba_lab_create_database(lab, "source", NULL, &error) || !dba_lab_load_text(lab, "source", "tables", TABLES, false, load, &error))
    return NULL;
  g_autoptr(DbaServer) server = dba_lab_connect(lab, DBA_LAB_SUPERUSER, "source", &error);
  return server && dba_server_exec(server, "vacuum analyze", &error)
             ? dba_server_survey(server, "source", DBA_SURVEY_VALUES_OF_A_LAB, &error)
             : NULL;
}

static void end_backends(void) {
  g_autoptr(GError) error = NULL;
  g_autoptr(DbaServer) server = dba_lab_connect(lab, DBA_LAB_SUPERUSER, "postgres", &error);
  CHECK(server && dba_server_exec(server, "select pg_terminate_backend(pid) from pg_stat_activity where datname = 'twin'", &error));
}

static void numbers_stay(void) {
  g_autoptr(GError) problem = NULL;
  g_autoptr(DbaArena) arena = dba_arena_new();
  g_autoptr(DbaWhatIf) what_if = dba_what_if_open(lab, "twin", &problem);
  DbaList indexes = {0};
  int index = 0, drop = 0, statement = 0, other = 0;
  CHECK(what_if);
  CHECK_OK(dba_what_if_index(what_if, "create index on t (a)", arena, &indexes, &index, &error));
  CHECK_OK(dba_what_if_statement(what_if, "select * from t where a = 7 and b = 'x'", &statement, &error));
  CHECK_OK(dba_what_if_drop(what_if, "old", &drop, &error));
  CHECK_OK(dba_what_if_statement(what_if, "select count(*) from t", &other, &error));
  CHECK(indexes.n == 1 && dba_list_at(DbaWhatIfIndex, &indexes, 0)->pages > 5 && dba_list_at(DbaWhatIfIndex, &indexes, 0)->height == 1);
  int both[] = {index, drop};
  DbaWhatIfRequest requests[] = {{statement, NULL, 0}, {statement, both, 1}, {statement, both, 2}, {other, both, 2}};
  DbaWhatIfCost before[G_N_ELEMENTS(requests)], after[G_N_ELEMENTS(requests)];
  CHECK_OK(dba_what_if_costs(what_if, requests, G_N_ELEMENTS(requests), arena, before, &error));
  CHECK(before[0].existing.n == 1 && before[0].used.n == 0 && before[2].existing.n == 0 && before[2].used.n == 1);
  CHECK(dba_list_int(&before[2].used, 0) == index);
  end_backends();
  CHECK_OK(dba_what_if_costs(what_if, requests, G_N_ELEMENTS(requests), arena, after, &error));
  for (size_t i = 0; i < G_N_ELEMENTS(requests); i++)
    CHECK(before[i].cost == after[i].cost && before[i].used.n == after[i].used.n);
  end_backends();
  DbaList more = {0};
  int second = 0;
  CHECK_OK(dba_what_if_index(what_if, "create index on t (a, b)", arena, &more, &second, &error));
  CHECK(second == other + 1);
  g_autofree char *plan = NULL;
  CHECK_OK(dba_what_if_explain(what_if, statement, both, 2, &plan, &error));
  CHECK(plan && strstr(plan, "t_a_idx"));
}

static void mistakes(void) {
  g_autoptr(GError) problem = NULL;
  g_autoptr(DbaArena) arena = dba_arena_new();
  g_autoptr(DbaWhatIf) what_if = dba_what_if_open(lab, "twin", &problem);
  DbaList indexes = {0};
  DbaWhatIfCost cost;
  int number = 0, statement = 0, set[] = {99};
  CHECK(!dba_what_if_index(what_if, "create index on nothing (a)", arena, &indexes, &number, &problem) &&
        problem->code == DBA_ERROR_DATABASE);
  g_clear_error(&problem);
  CHECK(!dba_what_if_drop(what_if, "nothing", &number, &problem) && problem->code == DBA_ERROR_DATABASE);
  g_clear_error(&problem);
  CHECK_OK(dba_what_if_statement(what_if, "select 1", &statement, &error));
  DbaWhatIfRequest unknown = {statement, set, 1}, wrong = {7, NULL, 0};
  CHECK(!dba_what_if_costs(what_if, &unknown, 1, arena, &cost, &problem) && problem->code == DBA_ERROR_USAGE);
  g_clear_error(&problem);
  CHECK(!dba_what_if_costs(what_if, &wrong, 1, arena, &cost, &problem) && problem->code == DBA_ERROR_USAGE);
}

int main(void) {
  g_autoptr(GError) error = NULL;
  DbaLabHome home = test_home();
  g_autofree char *modules = g_canonicalize_filename(g_getenv("TEST_MODULES") ? g_getenv("TEST_MODULES") : "build/pgmodule", NULL);
  lab = dba_lab_start(&home, false, NULL, &error);
  g_autoptr(DbaSurvey) survey = lab ? survey_of_tables() : NULL;
  g_autoptr(DbaLoad) load = dba_load_new();
  if (!survey || !dba_lab_create_twin(lab, "twin", survey, modules, load, &error)) {
    printf("not ok what-if: %s\n", error ? error->message : "no survey");
    return 1;
  }
  RUN(numbers_stay);
  RUN(mistakes);
  dba_lab_stop(lab);
  return tests_failed != 0;
}

// SPDX-License-Identifier: Apache-2.0
// What the benchmarks time inside one process: bench parse FILE | split FILE | catalog CONNINFO RUNS.
#include "server/server.h"
#include "sql/sql.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

static bool count(const DbaSqlStatement *statement, void *data, GError **error) {
  (void)statement, (void)error;
  ++*(uint64_t *)data;
  return true;
}

static long peak_kb(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

int main(int argc, char **argv) {
  g_autoptr(GError) error = NULL;
  if (argc < 3)
    return 2;
  uint64_t n = 0;
  double begin = dba_process_cpu_seconds();
  if (!strcmp(argv[1], "parse")) {
    g_autoptr(DbaSqlReader) reader = dba_sql_reader_file(argv[2], &error);
    if (!reader || !dba_sql_visit(reader, count, &n, &error))
      goto failed;
    double seconds = dba_process_cpu_seconds() - begin;
    printf("{\"statements\": %lu, \"cpu_seconds\": %f, \"peak_kb\": %ld}\n", (unsigned long)n, seconds, peak_kb());
    return 0;
  }
  if (!strcmp(argv[1], "catalog") && argc > 3) {
    g_autoptr(DbaServer) server = dba_server_open(argv[2], NULL, &error);
    if (!server)
      goto failed;
    printf("{\"wall_ms\": [");
    uint32_t relations = 0;
    for (int64_t run = 0; run < g_ascii_strtoll(argv[3], NULL, 10); run++) {
      g_autoptr(DbaSchema) schema = dba_schema_new();
      gint64 start = g_get_monotonic_time();
      if (!dba_server_read_schema(server, schema, &error))
        goto failed;
      printf("%s%.1f", run ? ", " : "", (double)(g_get_monotonic_time() - start) / 1e3);
      relations = schema->relations.n;
    }
    printf("], \"relations\": %u, \"peak_kb\": %ld}\n", relations, peak_kb());
    return 0;
  }
  return 2;
failed:
  fprintf(stderr, "%s\n", error->message);
  return 1;
}

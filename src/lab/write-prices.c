// SPDX-License-Identifier: Apache-2.0
// Prices of entries: rows written into a table with one index, less the same without.
//
// The index holds rows already, so that entries fall on pages all over it.  Each is written three times; the quickest counts.
#include "lab/write-prices.h"

#include "lab/lab-int.h"

#include "lab-sql.h"

#include <math.h>
#include <string.h>

static const char DATABASE[] = "prices";
enum { ROWS = 20000, TRIES = 3 };

#define T DbaWriteMethod
static const DbaField method_fields[] = {
    DBA_FIELD(T, method, TEXT, DBA_FIELD_NAMES), DBA_FIELD(T, us, REAL, 0), DBA_FIELD(T, wal_bytes, REAL, 0), {0}};
#undef T
static const DbaRecord method_record = {"method", sizeof(DbaWriteMethod), method_fields};
#define T DbaWritePrices
static const DbaField prices_fields[] = {
    DBA_FIELD(T, server, TEXT, 0), DBA_FIELD(T, units_per_ms, REAL, 0), DBA_FIELD_OF(T, methods, method_record, 0), {0}};
#undef T
static const DbaRecord prices_record = {"write prices", sizeof(DbaWritePrices), prices_fields};

static const struct {
  const char *method, *keys;
} kinds[] = {{"btree", "number"}, {"hash", "number"}, {"gin", "document"}, {"gist", "place"}, {"spgist", "place"}, {"brin", "id"}};

static double two_figures(double value) {
  if (!(value > 0))
    return 0;
  double power = pow(10, floor(log10(value)) - 1);
  return round(value / power) * power;
}

// The quickest of some runs; every one begins with the rows that the table had.
static bool write_rows(DbaServer *server, const char *index, double *ret_ms, double *ret_wal_bytes, GError **error) {
  *ret_ms = G_MAXDOUBLE;
  for (int i = 0; i < TRIES; i++) {
    if (!dba_server_exec(server, dba_embedded_lab_sql("price_target"), error) || (index && !dba_server_exec(server, index, error)))
      return false;
    g_autoptr(DbaResult) result = dba_server_query(server, dba_embedded_lab_sql("price_run"), NULL, error);
    if (!result)
      return false;
    if (dba_result_real(result, 0, 0) < *ret_ms) {
      *ret_ms = dba_result_real(result, 0, 0);
      *ret_wal_bytes = dba_result_real(result, 0, 1);
    }
  }
  return true;
}

// The planner's cost of reading the table in memory, for a millisecond of it.
static bool measure_unit(DbaServer *server, double *ret_units_per_ms, GError **error) {
  double best = 0;
  for (int i = 0; i < TRIES; i++) {
    g_autoptr(DbaResult) result = dba_server_query(server, dba_embedded_lab_sql("price_unit"), NULL, error);
    if (!result)
      return false;
    const char *top = dba_result_text(result, 0, 0), *dots = top ? strstr(top, "..") : NULL;
    double cost = dots ? g_ascii_strtod(dots + 2, NULL) : 0, ms = 0;
    for (int row = 0; row < dba_result_rows(result); row++) {
      const char *line = dba_result_text(result, row, 0);
      if (line && g_str_has_prefix(line, "Execution Time: "))
        ms = g_ascii_strtod(line + strlen("Execution Time: "), NULL);
    }
    if (ms > 0)
      best = fmax(best, cost / ms);
  }
  *ret_units_per_ms = best > 0 ? two_figures(best) : 100;
  return true;
}

static bool measure(const DbaLab *lab, DbaArena *arena, DbaWritePrices *prices, GError **error) {
  double plain_ms, plain_wal;
  if (!dba_lab_create_database(lab, DATABASE, NULL, error))
    return false;
  g_autoptr(DbaServer) server = dba_lab_connect_as_person(lab, DBA_LAB_SUPERUSER, DATABASE, error);
  if (!server || !dba_server_exec(server, dba_embedded_lab_sql("price_table"), error) ||
      !dba_server_exec(server, "vacuum analyze price_rows", error) || !measure_unit(server, &prices->units_per_ms, error) ||
      !write_rows(server, NULL, &plain_ms, &plain_wal, error))
    return false;
  for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
    g_autofree char *index = g_strdup_printf("create index on price_target using %s (%s)", kinds[i].method, kinds[i].keys);
    double ms, wal;
    if (!write_rows(server, index, &ms, &wal, error))
      return false;
    *(DbaWriteMethod *)dba_list_add(arena, &prices->methods, sizeof(DbaWriteMethod)) =
        (DbaWriteMethod){kinds[i].method, two_figures(fmax(0, ms - plain_ms) * 1000 / ROWS), two_figures(fmax(0, wal - plain_wal) / ROWS)};
  }
  g_clear_pointer(&server, dba_server_close);
  return dba_lab_drop_database(lab, DATABASE, error);
}

bool dba_lab_write_prices(const DbaLab *lab, const char *path, DbaArena *arena, DbaWritePrices *ret_prices, GError **error) {
  g_autofree char *text = NULL;
  size_t length;
  g_autoptr(GError) unread = NULL;
  *ret_prices = (DbaWritePrices){0};
  if (dba_file_read(path, &text, &length, &unread) && dba_json_read(arena, path, text, length, &prices_record, ret_prices, &unread) &&
      !g_strcmp0(ret_prices->server, dba_lab_version(lab)) && ret_prices->methods.n)
    return true;
  *ret_prices = (DbaWritePrices){.server = dba_arena_text(arena, dba_lab_version(lab))};
  if (!measure(lab, arena, ret_prices, error))
    return false;
  g_autoptr(DbaJson) json = dba_json_new();
  dba_json_put(json, NULL, &prices_record, ret_prices, 0);
  g_autofree char *written = dba_json_text(json);
  g_autoptr(GError) unwritten = NULL;
  bool kept = dba_file_write(path, written, strlen(written), &unwritten); // else they are measured again
  (void)kept;
  return true;
}

double dba_write_price(const DbaWritePrices *prices, const char *method) {
  double most = 0;
  for (DBA_EACH(DbaWriteMethod, measured, &prices->methods)) {
    double price =
        measured->us / 1000 * prices->units_per_ms + measured->wal_bytes / 8192; // a page of WAL as one of a table, read in order
    if (!strcmp(measured->method, method))
      return price;
    most = fmax(most, price);
  }
  return most;
}

// SPDX-License-Identifier: Apache-2.0
// The order of values, which only a server knows: redaction asks for it.
#include "server/server-int.h"

#include "sql/sql.h"

bool dba_server_sort_values(void *data, const char *type, const char *collation, const DbaList *values, uint32_t *ret_ranks,
                            GError **error) {
  DbaServer *server = data;
  g_autofree char *array = dba_sql_write_array(values, 0),
                  *sorted_as = g_strdup_printf("%s%s%s", type, collation ? " collate " : "", collation ? collation : ""),
                  *template = dba_server_sql(server, "sort_values");
  g_auto(GStrv) halves = g_strsplit(template, "%s", -1);
  g_autofree char *sql = g_strjoinv(sorted_as, halves);
  const char *parameters[] = {array, NULL};
  g_autoptr(GError) ignored = NULL;
  if (!dba_server_exec_lines(server, "opening", error))
    return false;
  g_autoptr(DbaResult) result = dba_server_query(server, sql, parameters, error);
  if (!dba_server_exec(server, "rollback", result ? error : &ignored) || !result)
    return false;
  for (int row = 0; row < dba_result_rows(result) && row < (int)values->n; row++)
    ret_ranks[row] = (uint32_t)dba_result_int(result, row, 0);
  return dba_result_rows(result) == (int)values->n || dba_fail(error, DBA_ERROR_DATABASE, "the server lost values");
}

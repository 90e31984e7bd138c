// SPDX-License-Identifier: Apache-2.0
// How large indexes would be: each is supposed anew in a twin, and the module counts its pages.
#include "lab/lab.h"

#include "sql/sql.h"

#include "lab-sql.h"

#include <string.h>

// A definition of the kind, without a name, which is taken in the twin, and without UNIQUE, which rough statistics may contradict.  The
// index of a constraint is defined by its keys alone.
static char *nameless(const DbaRelation *relation, const DbaIndex *index) {
  g_autofree char *name = dba_sql_name(NULL, index->name), *on = g_strdup_printf(" %s ON ", name);
  const char *rest = index->definition ? strstr(index->definition, on) : NULL;
  if (rest)
    return g_strconcat("CREATE INDEX ON ", rest + strlen(on), NULL);
  if (!index->constraint)
    return NULL;
  GString *sql = g_string_new("CREATE INDEX ON ");
  dba_sql_append_name(sql, relation->schema, relation->name);
  g_string_append_printf(sql, " USING %s (", index->method);
  bool included = false, first = true;
  for (DBA_EACH(DbaIndexKey, key, &index->keys)) {
    g_string_append(sql, key->included && !included ? ") INCLUDE (" : first ? "" : ", ");
    included |= key->included;
    first = false;
    if (key->column)
      dba_sql_append_identifier(sql, key->column);
    else
      g_string_append_printf(sql, "(%s)", key->expression ? key->expression : "");
    if (key->collation)
      g_string_append_printf(sql, " COLLATE %s", key->collation);
    if (key->opclass)
      g_string_append_printf(sql, " %s", key->opclass);
  }
  g_string_append_c(sql, ')');
  for (uint32_t i = 0; i < index->options.n; i++) {
    const char *option = dba_list_text(&index->options, i), *equals = strchr(option, '=');
    g_string_append_printf(sql, "%s%.*s", i ? ", " : " WITH (", equals ? (int)(equals - option) : (int)strlen(option), option);
    if (equals) {
      g_string_append(sql, " = ");
      dba_sql_append_literal(sql, equals + 1);
    }
  }
  g_string_append(sql, index->options.n ? ")" : "");
  return g_string_free(sql, FALSE);
}

bool dba_lab_index_pages(const DbaLab *lab, const char *database, const DbaSurvey *survey, const char *modules, DbaLoad *load,
                         int64_t *ret_pages, GError **error) {
  if (!dba_lab_create_twin(lab, database, survey, modules, load, error))
    return false;
  g_autoptr(DbaWhatIf) what_if = dba_what_if_open(lab, database, error);
  g_autoptr(DbaArena) arena = dba_arena_new();
  size_t n = 0;
  if (!what_if)
    return false;
  for (DBA_EACH(DbaRelation, relation, &survey->schema.relations))
    for (DBA_EACH(DbaIndex, index, &relation->indexes)) {
      g_autofree char *definition = index->on_partitioned ? NULL : nameless(relation, index);
      DbaList found = {0};
      int number;
      g_autoptr(GError) problem = NULL;
      ret_pages[n++] = 0;

      if (!definition)
        continue;
      if (dba_what_if_index(what_if, definition, arena, &found, &number, &problem))
        ret_pages[n - 1] = found.n == 1 ? dba_list_at(DbaWhatIfIndex, &found, 0)->pages : 0;
      else if (!g_error_matches(problem, DBA_ERROR, DBA_ERROR_DATABASE)) {
        g_propagate_error(error, g_steal_pointer(&problem));
        return false;
      }
    }
  return true;
}

bool dba_lab_index_bytes(DbaServer *server, const char *index, int64_t *ret_bytes, GError **error) {
  const char *parameters[] = {index, NULL};
  g_autoptr(DbaResult) size = dba_server_query(server, dba_embedded_lab_sql("built_size"), parameters, error);
  if (!size)
    return false;
  *ret_bytes = dba_result_int(size, 0, 0);
  return true;
}

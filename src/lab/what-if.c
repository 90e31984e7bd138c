// SPDX-License-Identifier: Apache-2.0
// What-if: the client of the twin's hypothetical indexes (pgmodule/hypothetical.c).
//
// What is registered lives in one backend of the twin.  The texts are kept here, so that a new backend can be told
// again when the old one is gone; numbers handed out are ours and stay.
#include "lab/lab-int.h"

#include "sql/sql.h"

#include "lab-sql.h"

#include <string.h>

enum { REQUESTS_AT_ONCE = 256 }; // enough to hide the way there and back; an interrupt is heard in between

typedef enum MadeKind { MADE_INDEX, MADE_DROP, MADE_STATEMENT } MadeKind;
typedef struct Made {
  MadeKind kind;
  char *text;
  int64_t pages; // of an index that is to be taken for so large; 0: as predicted
  int height;    // and so high; -2: as predicted
  char *values;  // of a statement's parameters, as an array's text; NULL: it is planned generically
  int id;        // the backend's
} Made;

struct DbaWhatIf {
  const DbaLab *lab;
  char *database;
  DbaServer *server;
  GArray *made; // Made; our numbers are 1 + index
};

#define T DbaWhatIfIndex
#define F(member, kind) DBA_FIELD(T, member, kind, 0)
static const DbaField what_if_index_fields[] = {F(number, INT),
                                                F(name, TEXT),
                                                F(table, TEXT),
                                                F(method, TEXT),
                                                F(definition, TEXT),
                                                F(rows, REAL),
                                                F(pages, INT),
                                                F(grown_pages, INT),
                                                F(height, INT),
                                                F(rough, BOOL),
                                                {0}};
#undef F
#undef T
const DbaRecord dba_what_if_index_record = {"index", sizeof(DbaWhatIfIndex), what_if_index_fields};

static void clear_made(void *item) {
  g_free(((Made *)item)->text);
  g_free(((Made *)item)->values);
}

// A statement that is not planned in this time has no plan: folding may run the subject's functions, and many joins take for ever.
static const char PATIENCE[] = "set statement_timeout = '10s'";

static bool open_backend(DbaWhatIf *what_if, GError **error) {
  g_clear_pointer(&what_if->server, dba_server_close);
  what_if->server = dba_lab_connect(what_if->lab, DBA_LAB_SUBJECT_ROLE, what_if->database, error);
  // donors of meta pages say that they were built from nothing
  return what_if->server && dba_server_exec(what_if->server, "set client_min_messages = error", error) &&
         dba_server_exec(what_if->server, PATIENCE, error);
}

DbaWhatIf *dba_what_if_open(const DbaLab *lab, const char *database, GError **error) {
  DbaWhatIf *what_if = g_new0(DbaWhatIf, 1);
  what_if->lab = lab;
  what_if->database = g_strdup(database);
  what_if->made = g_array_new(FALSE, TRUE, sizeof(Made));
  g_array_set_clear_func(what_if->made, clear_made);
  if (!open_backend(what_if, error))
    g_clear_pointer(&what_if, dba_what_if_close);
  return what_if;
}

void dba_what_if_close(DbaWhatIf *what_if) {
  if (!what_if)
    return;
  g_clear_pointer(&what_if->server, dba_server_close);
  g_array_unref(what_if->made);
  g_free(what_if->database);
  g_free(what_if);
}

static bool set_pages(DbaWhatIf *what_if, int id, int64_t pages, int height, GError **error) {
  g_autofree char *number = g_strdup_printf("%d", id), *size = g_strdup_printf("%" G_GINT64_FORMAT, pages),
                  *levels = g_strdup_printf("%d", height);
  const char *parameters[] = {number, size, levels, NULL};
  g_autoptr(DbaResult) result = dba_server_query(what_if->server, dba_embedded_lab_sql("what_if_pages"), parameters, error);
  return result != NULL;
}

static DbaResult *tell(DbaWhatIf *what_if, const Made *made, int *ret_id, GError **error) {
  static const char *const queries[] = {"what_if_index", "what_if_drop", "what_if_statement"};
  const char *parameters[] = {made->text, made->values, NULL}, *name = made->values ? "what_if_statement_with" : queries[made->kind];
  DbaResult *result = dba_server_query(what_if->server, dba_embedded_lab_sql(name), parameters, error);
  if (result)
    *ret_id = (int)dba_result_int(result, 0, 0);
  if (result && made->pages && !set_pages(what_if, *ret_id, made->pages, made->height, error))
    g_clear_pointer(&result, dba_result_free);
  return result;
}

// A new backend, told all that the old one knew.
static bool replay(DbaWhatIf *what_if, GError **error) {
  if (!open_backend(what_if, error))
    return false;
  for (guint i = 0; i < what_if->made->len; i++) {
    Made *made = &g_array_index(what_if->made, Made, i);
    g_autoptr(DbaResult) result = tell(what_if, made, &made->id, error);
    if (!result)
      return false;
  }
  return true;
}

// When the backend is gone, though the lab is not: once more with another.
static bool may_retry(DbaWhatIf *what_if, GError **problem) {
  if (!g_error_matches(*problem, DBA_ERROR, DBA_ERROR_LAB))
    return false;
  g_autoptr(GError) worse = NULL;
  if (!replay(what_if, &worse))
    return false;
  g_clear_error(problem);
  return true;
}

static DbaResult *make(DbaWhatIf *what_if, MadeKind kind, const char *text, const char *values, int *ret_number, GError **error) {
  Made made = {.kind = kind, .text = g_strdup(text), .values = g_strdup(values)};
  g_autoptr(GError) problem = NULL;
  DbaResult *result = tell(what_if, &made, &made.id, &problem);
  if (!result && may_retry(what_if, &problem))
    result = tell(what_if, &made, &made.id, &problem);
  if (!result) {
    clear_made(&made);
    g_propagate_error(error, g_steal_pointer(&problem));
    return NULL;
  }
  g_array_append_val(what_if->made, made);
  *ret_number = (int)what_if->made->len;
  return result;
}

bool dba_what_if_index(DbaWhatIf *what_if, const char *definition, DbaArena *arena, DbaList *ret_indexes, int *ret_number, GError **error) {
  g_autoptr(DbaResult) result = make(what_if, MADE_INDEX, definition, NULL, ret_number, error);
  if (!result)
    return false;
  for (int row = 0; row < dba_result_rows(result); row++) {
    DbaWhatIfIndex *index = dba_list_add(arena, ret_indexes, sizeof *index);
    *index = (DbaWhatIfIndex){.definition = dba_arena_text(arena, definition),
                              .name = dba_arena_text(arena, dba_result_text(result, row, 1)),
                              .table = dba_arena_text(arena, dba_result_text(result, row, 2)),
                              .method = dba_arena_text(arena, dba_result_text(result, row, 3)),
                              .number = *ret_number,
                              .rows = dba_result_real(result, row, 4),
                              .pages = (int64_t)dba_result_real(result, row, 5),
                              .grown_pages = (int64_t)dba_result_real(result, row, 6),
                              .height = dba_result_text(result, row, 7) ? dba_result_int(result, row, 7) : -1,
                              .rough = !g_strcmp0(dba_result_text(result, row, 8), "t")};
  }
  return true;
}

bool dba_what_if_resize(DbaWhatIf *what_if, int number, int64_t pages, int height, GError **error) {
  Made *made = &g_array_index(what_if->made, Made, (guint)number - 1);
  made->pages = pages;
  made->height = height;
  return set_pages(what_if, made->id, pages, height, error);
}

bool dba_what_if_drop(DbaWhatIf *what_if, const char *index, int *ret_number, GError **error) {
  g_autoptr(DbaResult) result = make(what_if, MADE_DROP, index, NULL, ret_number, error);
  return result != NULL;
}

bool dba_what_if_statement(DbaWhatIf *what_if, const char *sql, int *ret_number, GError **error) {
  return dba_what_if_statement_with(what_if, sql, NULL, ret_number, error);
}

bool dba_what_if_statement_with(DbaWhatIf *what_if, const char *sql, const DbaList *values, int *ret_number, GError **error) {
  g_autofree char *array = values ? dba_sql_write_array(values, 0) : NULL;
  g_autoptr(DbaResult) result = make(what_if, MADE_STATEMENT, sql, array, ret_number, error);
  return result != NULL;
}

bool dba_what_if_facts(DbaWhatIf *what_if, int statement, DbaArena *arena, DbaList *ret_facts, GError **error) {
  g_autofree char *id = g_strdup_printf("%d", g_array_index(what_if->made, Made, (guint)statement - 1).id);
  const char *parameters[] = {id, NULL};
  g_autoptr(DbaResult) result = dba_server_query(what_if->server, dba_embedded_lab_sql("what_if_facts"), parameters, error);
  for (int row = 0; result && row < dba_result_rows(result); row++) {
    DbaWhatIfFact *fact = dba_list_add(arena, ret_facts, sizeof *fact);
    *fact = (DbaWhatIfFact){.instance = (int)dba_result_int(result, row, 0),
                            .table = dba_arena_text(arena, dba_result_text(result, row, 1)),
                            .role = dba_arena_text(arena, dba_result_text(result, row, 2)),
                            .number = (int)dba_result_int(result, row, 3),
                            .key = dba_arena_text(arena, dba_result_text(result, row, 4)),
                            .type = dba_arena_text(arena, dba_result_text(result, row, 5)),
                            .detail = dba_arena_text(arena, dba_result_text(result, row, 6)),
                            .share = dba_result_real(result, row, 7)};
  }
  return result != NULL;
}

bool dba_what_if_value(DbaWhatIf *what_if, const char *key, const char *row, DbaArena *arena, const char **ret_text, GError **error) {
  g_autofree char *sql = g_strdup_printf("select (%s)::text from (select %s) r", key, row);
  g_autoptr(DbaResult) result = dba_server_query(what_if->server, sql, NULL, error);
  if (!result)
    return false;
  *ret_text = dba_result_rows(result) ? dba_arena_text(arena, dba_result_text(result, 0, 0)) : NULL;
  return true;
}

static bool add_id(DbaWhatIf *what_if, GString *array, int number, bool statement, GError **error) {
  Made *made = number >= 1 && (guint)number <= what_if->made->len ? &g_array_index(what_if->made, Made, (guint)number - 1) : NULL;
  if (!made || (made->kind == MADE_STATEMENT) != statement)
    return dba_fail(error, DBA_ERROR_USAGE, "what-if: %d is the number of no %s", number, statement ? "statement" : "index");
  g_string_append_printf(array, "%s%d", array->len > 1 ? "," : "", made->id);
  return true;
}

static bool add_set(DbaWhatIf *what_if, GString *array, const int *set, unsigned n, GError **error) {
  for (unsigned i = 0; i < n; i++)
    if (!add_id(what_if, array, set[i], false, error))
      return false;
  return true;
}

static int number_of(const DbaWhatIf *what_if, int id, MadeKind kind) {
  for (guint i = 0; i < what_if->made->len; i++)
    if (g_array_index(what_if->made, Made, i).id == id && g_array_index(what_if->made, Made, i).kind == kind)
      return (int)i + 1;
  return 0;
}

// {1,2} and {orders_pkey,"odd name"} as the server prints them.
static void read_used(const DbaWhatIf *what_if, const char *hypothetical, const char *real, DbaArena *arena, DbaWhatIfCost *cost) {
  g_auto(GStrv) ids = g_strsplit_set(hypothetical, "{},", -1);
  for (char **id = ids; *id; id++)
    if (**id)
      dba_list_add_int(arena, &cost->used, number_of(what_if, (int)g_ascii_strtoll(*id, NULL, 10), MADE_INDEX));
  g_autoptr(GString) name = g_string_new(NULL);
  bool quoted = false;
  for (const char *p = real + 1; *p; p++) {
    if (*p == '"')
      quoted = !quoted;
    else if (*p == '\\' && p[1])
      g_string_append_c(name, *++p);
    else if (!quoted && (*p == ',' || *p == '}')) {
      if (name->len)
        dba_list_add_text(arena, &cost->existing, name->str);
      g_string_truncate(name, 0);
    } else
      g_string_append_c(name, *p);
  }
}

static bool ask_costs(DbaWhatIf *what_if, const DbaWhatIfRequest *requests, unsigned n, DbaArena *arena, DbaWhatIfCost *ret_costs,
                      GError **error) {
  g_autoptr(GString) array = g_string_new("{");
  for (unsigned i = 0; i < n; i++) {
    if (!add_id(what_if, array, requests[i].statement, true, error))
      return false;
    g_string_append_printf(array, ",%u", requests[i].n);
    if (!add_set(what_if, array, requests[i].set, requests[i].n, error))
      return false;
  }
  g_string_append_c(array, '}');
  const char *parameters[] = {array->str, NULL};
  g_autoptr(DbaResult) result = dba_server_query(what_if->server, dba_embedded_lab_sql("what_if_costs"), parameters, error);
  if (!result)
    return false;
  for (int row = 0; row < dba_result_rows(result) && (unsigned)row < n; row++) {
    ret_costs[row] = (DbaWhatIfCost){.cost = dba_result_real(result, row, 0)};
    read_used(what_if, dba_result_text(result, row, 1), dba_result_text(result, row, 2), arena, &ret_costs[row]);
  }
  return true;
}

bool dba_what_if_costs(DbaWhatIf *what_if, const DbaWhatIfRequest *requests, unsigned n, DbaArena *arena, DbaWhatIfCost *ret_costs,
                       GError **error) {
  for (unsigned done = 0; done < n; done += REQUESTS_AT_ONCE) {
    unsigned some = MIN(n - done, REQUESTS_AT_ONCE);
    g_autoptr(GError) problem = NULL;
    if (ask_costs(what_if, requests + done, some, arena, ret_costs + done, &problem))
      continue;
    if (!may_retry(what_if, &problem) || !ask_costs(what_if, requests + done, some, arena, ret_costs + done, &problem)) {
      g_propagate_error(error, g_steal_pointer(&problem));
      return false;
    }
  }
  return true;
}

bool dba_what_if_costs_of_each(DbaWhatIf *what_if, const DbaWhatIfRequest *requests, unsigned n, DbaArena *arena, DbaWhatIfCost *ret_costs,
                               GError **error) {
  g_autoptr(GError) problem = NULL;
  if (dba_what_if_costs(what_if, requests, n, arena, ret_costs, &problem))
    return true;
  for (unsigned i = 0; i < n && g_error_matches(problem, DBA_ERROR, DBA_ERROR_DATABASE); i++) {
    g_autoptr(GError) alone = NULL;
    ret_costs[i] = (DbaWhatIfCost){.cost = -1};
    if (!dba_what_if_costs(what_if, &requests[i], 1, arena, &ret_costs[i], &alone)) {
      ret_costs[i] = (DbaWhatIfCost){.cost = -1};
      if (!g_error_matches(alone, DBA_ERROR, DBA_ERROR_DATABASE)) {
        g_propagate_error(error, g_steal_pointer(&alone));
        return false;
      }
    }
  }
  if (g_error_matches(problem, DBA_ERROR, DBA_ERROR_DATABASE))
    return true;
  g_propagate_error(error, g_steal_pointer(&problem));
  return false;
}

bool dba_what_if_explain(DbaWhatIf *what_if, int statement, const int *set, unsigned n, char **ret_plan, GError **error) {
  g_autoptr(GString) array = g_string_new("{"), checked = g_string_new("{"), plan = g_string_new(NULL);
  if (!add_id(what_if, checked, statement, true, error) || !add_set(what_if, array, set, n, error))
    return false;
  g_string_append_c(array, '}');
  const char *set_parameters[] = {array->str, NULL}, *parameters[] = {g_array_index(what_if->made, Made, (guint)statement - 1).text, NULL};
  g_autoptr(DbaResult) used = dba_server_query(what_if->server, dba_embedded_lab_sql("what_if_use"), set_parameters, error);
  if (!used)
    return false;
  g_autoptr(DbaResult) result = dba_server_query(what_if->server, dba_embedded_lab_sql("what_if_explain"), parameters, error);
  if (!result)
    return false;
  for (int row = 0; row < dba_result_rows(result); row++)
    g_string_append_printf(plan, "%s\n", dba_result_text(result, row, 0));
  *ret_plan = g_string_free(g_steal_pointer(&plan), FALSE);
  return true;
}

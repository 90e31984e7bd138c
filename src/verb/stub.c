// SPDX-License-Identifier: Apache-2.0
// --stub: a subject whose extensions the lab lacks.
//
// Without it such a subject is refused, with the extensions and what leans on them by name.  With it the extensions are left out and columns
// of their types are text: sizes, widths and common values stay, what their own operators and indexes would do does not.
#include "verb/verb.h"

#include "sql/sql.h"

#include <string.h>

static const char SCRATCH[] = "dbarch_types";

static bool is_there(const GPtrArray *names, const char *name) {
  for (guint i = 0; i < names->len; i++)
    if (!g_strcmp0(names->pdata[i], name))
      return true;
  return false;
}

// The lab has it, and gives it to subjects: those that reach files, other servers or pages are not given.
static bool is_usable(const GPtrArray *available, const DbaExtension *extension) {
  return is_there(available, extension->name) && dba_lab_extension_allowed(extension->name);
}

// "public.geometry" of "public.geometry(Point,4326)[]".
static char *base_of(const char *type) {
  char *base = g_strdup(type);
  size_t end = strcspn(base, "([");
  base[end] = '\0';
  return base;
}

// A database that has what the lab has of the subject's extensions, to ask for types.
static DbaServer *make_scratch(const DbaLab *lab, const DbaSurvey *survey, const GPtrArray *available, GError **error) {
  if (!dba_lab_create_database(lab, SCRATCH, NULL, error))
    return NULL;
  g_autoptr(DbaServer) server = dba_lab_connect(lab, DBA_LAB_SUPERUSER, SCRATCH, error);
  for (DBA_EACH(DbaExtension, extension, &survey->schema.extensions)) {
    g_autoptr(GString) sql = g_string_new(NULL);
    g_autoptr(GError) ignored = NULL;
    if (!server || !is_usable(available, extension))
      continue;
    if (extension->schema && strcmp(extension->schema, "pg_catalog")) {
      g_string_append(sql, "create schema if not exists ");
      dba_sql_append_identifier(sql, extension->schema);
      g_string_append(sql, "; ");
    }
    g_string_append(sql, "create extension if not exists ");
    dba_sql_append_identifier(sql, extension->name);
    if (extension->schema && strcmp(extension->schema, "pg_catalog")) {
      g_string_append(sql, " schema ");
      dba_sql_append_identifier(sql, extension->schema);
    }
    if (!dba_server_exec(server, sql->str, &ignored) && !g_error_matches(ignored, DBA_ERROR, DBA_ERROR_DATABASE)) {
      g_propagate_error(error, g_steal_pointer(&ignored));
      return NULL;
    }
  }
  return g_steal_pointer(&server);
}

static bool is_own_type(const DbaSurvey *survey, const char *base) {
  for (DBA_EACH(DbaType, type, &survey->schema.types)) {
    g_autofree char *name = dba_sql_name(type->schema, type->name);
    if (!strcmp(name, base) || !strcmp(type->name, base))
      return true;
  }
  for (DBA_EACH(DbaRelation, relation, &survey->schema.relations)) { // the row type of a table
    g_autofree char *name = dba_sql_name(relation->schema, relation->name);
    if (!strcmp(name, base))
      return true;
  }
  return false;
}

// Columns whose type neither the lab nor the subject itself has become text.
static bool put_text(DbaServer *server, DbaSurvey *survey, GString *ret_columns, GError **error) {
  g_autoptr(GHashTable) known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL); // base to 1: there, 2: not
  for (DBA_EACH(DbaRelation, relation, &survey->schema.relations))
    for (DBA_EACH(DbaColumn, column, &relation->columns)) {
      g_autofree char *base = base_of(column->type);
      guint state = GPOINTER_TO_UINT(g_hash_table_lookup(known, base));
      if (!state) {
        bool there;
        if (!dba_lab_knows_type(server, base, &there, error))
          return false;
        state = there || is_own_type(survey, base) ? 1 : 2;
        g_hash_table_insert(known, g_strdup(base), GUINT_TO_POINTER(state));
      }
      if (state == 1)
        continue;
      bool array = g_str_has_suffix(column->type, "[]");
      g_string_append_printf(ret_columns, "%s%s.%s (%s)", ret_columns->len ? ", " : "", relation->name, column->name, base);
      column->type = array ? "text[]" : "text";
      column->type_name = array ? "_text" : "text";
      column->type_class = "b";
      column->type_length = -1;
      column->type_alignment = 4;
      column->collation = column->storage = column->compression = NULL;
    }
  return true;
}

bool dba_subject_stub(const DbaRequest *request, const DbaLab *lab, DbaSurvey *survey, DbaAnswer *answer, GError **error) {
  g_autoptr(GPtrArray) available = dba_lab_list_extensions(dba_lab_binaries(lab));
  g_autoptr(GString) missing = g_string_new(NULL), columns = g_string_new(NULL);
  uint32_t kept = 0;
  bool lacking = false;
  for (DBA_EACH(DbaExtension, extension, &survey->schema.extensions))
    if (!is_usable(available, extension)) {
      g_string_append_printf(missing, "%s%s", missing->len ? ", " : "", extension->name);
      lacking |= dba_lab_extension_allowed(extension->name);
    }
  if (!missing->len)
    return true;
  g_autoptr(DbaServer) server = make_scratch(lab, survey, available, error);
  g_autoptr(DbaSurvey) looked_at = request->stub ? NULL : dba_survey_copy(survey, error);
  if (!server || (!request->stub && !looked_at) || !put_text(server, request->stub ? survey : looked_at, columns, error))
    return false;
  dba_server_close(g_steal_pointer(&server));
  if (!dba_lab_drop_database(lab, SCRATCH, error))
    return false;
  if (!request->stub && (lacking || columns->len))
    return dba_fail(error, DBA_ERROR_LAB, "the lab lacks extensions of the subject: %s%s%s (hint: --stub leaves them out%s)", missing->str,
                    columns->len ? "; columns of their types: " : "", columns->str, columns->len ? ", and makes these columns text" : "");
  for (DBA_EACH(DbaExtension, extension, &survey->schema.extensions))
    if (is_usable(available, extension))
      *dba_list_at(DbaExtension, &survey->schema.extensions, kept++) = *extension;
  survey->schema.extensions.n = kept;
  g_ptr_array_add(answer->warnings,
                  g_strdup_printf("extensions left out, since the lab lacks them or a subject is not given them there: %s%s%s",
                                  missing->str, columns->len ? "; text in the lab: " : "", columns->str));
  return true;
}

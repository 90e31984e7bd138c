// SPDX-License-Identifier: Apache-2.0
// Fuzz targets.  Built with -DFUZZ_SPLIT or -DFUZZ_SURVEY and clang's libFuzzer; the seeds are
// tests/data/split and seeds/survey.
#include "survey/survey.h"
#include "sql/sql.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#ifdef FUZZ_SPLIT
// Every item lies inside the text, items come in order, and the end is reached.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  g_autoptr(DbaSqlReader) reader = dba_sql_reader_text("fuzz", (const char *)data, size);
  size_t last = 0;
  for (size_t n = 0;; n++) {
    DbaSqlItem item = {0};
    bool end = false;
    g_autoptr(GError) error = NULL;
    if (!dba_sql_next(reader, &item, &end, &error)) {
      g_assert(error != NULL);
      return 0;
    }
    if (end)
      return 0;
    g_assert(n <= 2 * size + 2);
    g_assert(item.place.offset >= last && item.place.offset + item.length <= size);
    g_assert(item.length == 0 || item.text == (const char *)data + item.place.offset);
    last = item.place.offset + item.length;
  }
}
#else
static bool by_bytes(void *data, const char *type, const char *collation, const DbaList *values, uint32_t *ret_ranks, GError **error) {
  (void)data, (void)type, (void)collation, (void)error;
  for (uint32_t i = 0; i < values->n; i++) {
    ret_ranks[i] = 0;
    for (uint32_t k = 0; k < values->n; k++) // the different ones before it: the last of each counts
      if (g_strcmp0(dba_list_text(values, k), dba_list_text(values, i)) < 0) {
        bool again = false;
        for (uint32_t m = k + 1; m < values->n && !again; m++)
          again = !g_strcmp0(dba_list_text(values, k), dba_list_text(values, m));
        ret_ranks[i] += !again;
      }
  }
  return true;
}

// What is read is written, and reads again to the same bytes.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  g_autoptr(GError) error = NULL;
  g_autoptr(DbaSurvey) survey = dba_survey_from_json("fuzz", (const char *)data, size, &error);
  if (!survey)
    return 0;
  g_autofree char *text = dba_survey_to_json(survey, true);
  g_autoptr(DbaSurvey) again = dba_survey_from_json("fuzz", text, strlen(text), &error);
  g_assert_no_error(error);
  g_autofree char *second = dba_survey_to_json(again, true);
  g_assert_cmpstr(text, ==, second);
  DbaSchemaWrite options = {0};
  g_autofree char *sql = dba_schema_write(&survey->schema, &options); // must not crash, whatever is missing
  (void)sql;
  g_autofree double *factors = g_new(double, survey->schema.relations.n + 1);
  if (dba_growth_read(again, "7.5x", factors, NULL)) { // what it holds can grow
    dba_survey_grow(again, factors);
    g_autofree char *grown = dba_survey_to_json(again, true);
    (void)grown;
  }
  if (!dba_survey_redact(survey, false, 1, by_bytes, NULL, &error)) // and what it holds can be disguised
    g_assert(error != NULL);
  g_clear_error(&error);
  bool all = dba_survey_redact(again, true, 1, by_bytes, NULL, &error); // the schema's text too
  g_assert(all || error != NULL);
  g_autofree char *redacted = dba_survey_to_json(survey, true), *rewritten = dba_survey_to_json(again, true);
  g_autoptr(DbaSurvey) fourth = all ? dba_survey_from_json("fuzz", rewritten, strlen(rewritten), &error) : NULL;
  g_assert(!all || fourth != NULL); // what was rewritten is SQL of its kind still
  g_autoptr(DbaSurvey) third = dba_survey_from_json("fuzz", redacted, strlen(redacted), NULL);
  g_assert(third != NULL);
  return 0;
}
#endif

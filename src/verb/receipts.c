// SPDX-License-Identifier: Apache-2.0
// Receipts of an earlier run, taken over instead of being measured again.
//
// Either the user names a findings.json (--receipts), or the run before in the same folder was cut by Ctrl-C or by its
// budget and is gone on with.  A receipt is taken over only for the same finding with the same change, word for word.
#include "verb/verb.h"

#include <string.h>

static const char *const not_tried[] = {"unproven: no trial was run", "unproven: " DBA_TRIAL_TIME_IS_UP};

bool dba_receipts_tried(const DbaFinding *finding) {
  for (size_t i = 0; i < G_N_ELEMENTS(not_tried); i++)
    if (!finding->proof || !strcmp(finding->proof, not_tried[i]))
      return false;
  return true;
}

static bool same_proposal(const DbaFinding *a, const DbaFinding *b) {
  return !strcmp(a->rule, b->rule) && !strcmp(a->object, b->object) && !g_strcmp0(a->change.up, b->change.up) &&
         !g_strcmp0(a->change.down, b->change.down);
}

unsigned dba_receipts_take(const DbaReportDocument *earlier, DbaFindings *findings) {
  unsigned n = 0;
  for (DBA_EACH(DbaFinding, finding, &findings->findings)) {
    if (finding->trial == DBA_TRIAL_NONE || finding->suppressed)
      continue;
    for (DBA_EACH(DbaFinding, old, &earlier->findings)) {
      if (!old->rule || !old->object || !same_proposal(finding, old) || !dba_receipts_tried(old))
        continue;
      finding->proof = old->proof;
      finding->rejected = old->rejected;
      finding->change.undo_proven = old->change.undo_proven;
      finding->risk = old->risk;
      finding->receipts = old->receipts;
      finding->replayed = true;
      n++;
      break;
    }
  }
  return n;
}

// The document of the run before in the same folder, when that run was cut and was about the same subject; NULL else.
static DbaReportDocument *cut_run(const DbaRequest *request, const DbaSurvey *survey, DbaArena *arena) {
  g_autofree char *path = g_build_filename(request->out ? request->out : DBA_DEFAULT_OUT, "findings.json", NULL), *text = NULL;
  size_t length;
  if (!g_file_test(path, G_FILE_TEST_EXISTS) || !dba_file_read(path, &text, &length, NULL))
    return NULL;
  DbaReportDocument *document = dba_report_read(arena, path, text, length, NULL);
  return document && document->unfinished && !g_strcmp0(document->subject, survey->subject) ? document : NULL;
}

bool dba_receipts_find(const DbaRequest *request, const DbaSurvey *survey, DbaFindings *findings, DbaReview *review, GError **error) {
  const DbaReportDocument *document = NULL;
  if (request->receipts) {
    g_autofree char *text = NULL;
    size_t length;
    if (!dba_file_read(request->receipts, &text, &length, error) ||
        !(document = dba_report_read(findings->arena, request->receipts, text, length, error)))
      return false;
  } else if (!request->no_lab)
    document = cut_run(request, survey, findings->arena);
  unsigned n = document ? dba_receipts_take(document, findings) : 0;
  if (!n)
    return true;
  review->lab = document->lab;
  review->lab_note = document->lab_note;
  review->together = document->together;
  review->replayed = n;
  dba_request_progress(request, "%u proof%s taken over from %s", n, n == 1 ? "" : "s",
                       request->receipts ? request->receipts : "the run before, which was cut");
  return true;
}

// SPDX-License-Identifier: Apache-2.0
// Receipts of an earlier run, taken over instead of being measured again.
//
// Either the user names a findings.json (--receipts), or the run before in the same folder was cut by Ctrl-C or by its
// budget and is gone on with; that one must be our own, by its checksum in the cache, since a folder may be a stranger's.  A receipt is taken over only for the same finding with the same change, word for word.
#include "verb/verb.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

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

// Takes over what `earlier` has for the same proposals; how many findings that were.
static unsigned take(const DbaReportDocument *earlier, DbaFindings *findings) {
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
      finding->planned = old->planned;
      finding->replayed = true;
      n++;
      break;
    }
  }
  return n;
}

// Where the mark of a cut run stands, and what it says: the checksum of the findings.json that was written.
static char *mark_of(const DbaRequest *request, const char *out) {
  g_autofree char *full = g_canonicalize_filename(out, NULL), *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, full, -1),
                  *name = g_strdup_printf("%.24s", sum);
  return g_build_filename(request->home.cache, "cut", name, NULL);
}

static char *checksum_of(const char *out) {
  g_autofree char *path = g_build_filename(out, "findings.json", NULL), *text = NULL;
  size_t length;
  return dba_file_read(path, &text, &length, NULL) ? g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, (gssize)length) : NULL;
}

bool dba_receipts_remember(const DbaRequest *request, const char *out, bool unfinished, GError **error) {
  g_autofree char *mark = mark_of(request, out), *sum = unfinished ? checksum_of(out) : NULL;
  if (!unfinished)
    return unlink(mark) == 0 || errno == ENOENT || errno == ENOTDIR || dba_fail(error, DBA_ERROR_LAB, "%s: %s", mark, g_strerror(errno));
  return sum && dba_file_write(mark, sum, strlen(sum), error);
}

bool dba_receipts_are_ours(const DbaRequest *request, const char *out) {
  enum { A_DAY = 86400 };
  g_autofree char *mark = mark_of(request, out), *written = NULL, *now = checksum_of(out);
  struct stat st;
  return now && stat(mark, &st) == 0 && time(NULL) - st.st_mtime < A_DAY && g_file_get_contents(mark, &written, NULL, NULL) &&
         !strcmp(written, now);
}

DbaReportDocument *dba_receipts_earlier(const char *out, DbaArena *arena) {
  g_autofree char *path = g_build_filename(out, "findings.json", NULL), *text = NULL;
  size_t length;
  return g_file_test(path, G_FILE_TEST_EXISTS) && dba_file_read(path, &text, &length, NULL)
             ? dba_report_read(arena, path, text, length, NULL)
             : NULL;
}

// The run before in the same folder, when it was ours, was cut, and was about the same subject; NULL else.
static DbaReportDocument *cut_run(const DbaRequest *request, const DbaSurvey *survey, DbaArena *arena) {
  const char *out = request->out ? request->out : DBA_DEFAULT_OUT;
  DbaReportDocument *document = dba_receipts_are_ours(request, out) ? dba_receipts_earlier(out, arena) : NULL;
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
  unsigned n = document ? take(document, findings) : 0;
  if (!n)
    return true;
  review->lab = document->lab;
  review->lab_note = document->lab_note;
  review->replayed = n;
  dba_request_progress(request, "%u proof%s taken over from %s", n, n == 1 ? "" : "s",
                       request->receipts ? request->receipts : "the run before, which was cut");
  return true;
}

// SPDX-License-Identifier: Apache-2.0
// A twin on a server that has no planner module: true sizes by files without contents.
//
// The planner takes the size of a relation from the length of its files: these are lengthened here, and what was never written takes no
// place on disk.  Statistics go into pg_statistic by SQL.  Heights of indexes, counters of GIN and BRIN, ends of columns and multi-column
// statistics are the module's alone: plans keep their shape in general, costs do not keep their last digits.
#include "lab/lab-int.h"

#include "lab-sql.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

// RELSEG_SIZE blocks of BLCKSZ bytes to a file, as all packaged servers are built (pg_config.h).
enum { BLOCK_BYTES = 8192, SEGMENT_BLOCKS = 131072, MOST_SEGMENTS = 65536 };
static const double MOST_BLOCKS = 4294967294.0; // MaxBlockNumber

// Makes one file so long, if it is shorter; a new one belongs to whom the first of the relation does.
static bool lengthen(const char *path, off_t bytes, const struct stat *first, GError **error) {
  int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  struct stat now;
  bool ok = fd >= 0 && !fstat(fd, &now) && (now.st_uid == first->st_uid || !fchown(fd, first->st_uid, first->st_gid)) &&
            (now.st_size >= bytes || !ftruncate(fd, bytes));
  int problem = errno;
  if (fd >= 0)
    close(fd);
  return ok || dba_fail(error, DBA_ERROR_LAB, "%s: %s", path, g_strerror(problem));
}

static double clamped(double blocks) { return blocks > 0 ? fmin(blocks, MOST_BLOCKS) : 0; } // a NaN too

static bool lengthen_relation(const DbaLab *lab, const char *path, double blocks, GError **error) {
  struct stat first;
  if (stat(path, &first))
    return dba_fail(error, DBA_ERROR_LAB, "%s: %s", path, g_strerror(errno));
  int64_t left = (int64_t)blocks;
  for (unsigned i = 0; left > 0; i++, left -= SEGMENT_BLOCKS) {
    g_autofree char *segment = i ? g_strdup_printf("%s.%u", path, i) : g_strdup(path);
    if (dba_lab_interrupted(lab))
      return dba_fail(error, DBA_ERROR_INTERRUPTED, "interrupted");
    if (!lengthen(segment, (off_t)MIN(left, SEGMENT_BLOCKS) * BLOCK_BYTES, &first, error))
      return false;
  }
  return true;
}

static bool lengthen_all(const DbaLab *lab, DbaServer *server, GError **error) {
  double segments = 0;
  g_autoptr(DbaResult) files = dba_server_query(server, dba_embedded_lab_sql("sparse_files"), NULL, error);
  if (!files)
    return false;
  for (int row = 0; row < dba_result_rows(files); row++)
    segments += ceil(clamped(dba_result_real(files, row, 1)) / SEGMENT_BLOCKS);
  if (segments > MOST_SEGMENTS + dba_result_rows(files))
    return dba_fail(error, DBA_ERROR_LAB, "the survey tells of more than %d TB: that many files are not made for a twin",
                    MOST_SEGMENTS / 1024);
  for (int row = 0; row < dba_result_rows(files); row++) {
    g_autofree char *path = g_build_filename(dba_lab_folder(lab), "data", dba_result_text(files, row, 0), NULL);
    if (!lengthen_relation(lab, path, clamped(dba_result_real(files, row, 1)), error))
      return false;
  }
  return true;
}

bool dba_lab_fill_sparse(const DbaLab *lab, DbaServer *server, const DbaSurvey *survey, DbaLoad *load, GError **error) {
  if (!dba_twin_input(server, survey, error) || !dba_server_exec(server, dba_embedded_lab_sql("sparse_types"), error) ||
      !dba_server_exec(server, dba_embedded_lab_sql("sparse_take"), error) ||
      !dba_server_exec(server, dba_embedded_lab_sql("sparse_end"), error) || !dba_twin_note_failed(server, load, error))
    return false;
  g_autofree char *text =
      g_strdup_printf("PostgreSQL %d has none here: sizes are those of sparse files; heights of indexes, counters of GIN and "
                      "BRIN, ends of columns and multi-column statistics are not carried over, and costs differ a little",
                      dba_lab_binaries(lab)->major);
  dba_load_note(load, "planner module", 0, text);
  return lengthen_all(lab, server, error);
}

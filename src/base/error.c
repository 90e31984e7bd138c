// SPDX-License-Identifier: Apache-2.0
// The error domain.
//
// One domain serves the whole program: its code says what kind of failure it is, the message says the rest.
#include "base/base.h"

GQuark dba_error_quark(void) { return g_quark_from_static_string("dbarch"); }

bool dba_fail(GError **error, DbaErrorCode code, const char *format, ...) {
  va_list args;
  va_start(args, format);
  g_autofree char *message = g_strdup_vprintf(format, args);
  va_end(args);
  g_set_error_literal(error, DBA_ERROR, (int)code, message);
  return false;
}

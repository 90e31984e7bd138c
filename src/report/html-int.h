// SPDX-License-Identifier: Apache-2.0
// Shared by the pages: of a review (html.c), of migrations (html-migrations.c), of rehearsals (html-rehearsals.c).
#pragma once

#include "report/report.h"

// Foreign text, escaped; between two pieces of our own; as an entry of a <dl>.
void dba_html_text(GString *out, const char *value);
void dba_html_wrapped(GString *out, const char *open, const char *value, const char *close);
void dba_html_term(GString *out, const char *label, const char *value);
// A finding's name, to be gone on with in its <summary>.
void dba_html_finding(GString *out, const DbaFinding *finding, const char *class, bool open);
// The page up to an open <p class=soft> under the verdict, and its end.
void dba_html_begin(GString *out, const char *subject, const char *what, const char *verdict);
void dba_html_end(GString *out);

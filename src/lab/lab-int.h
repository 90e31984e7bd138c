// SPDX-License-Identifier: Apache-2.0
// Shared inside lab/: folders and the state of a running lab.
#pragma once

#include "lab/lab.h"

// Appends a value as COPY's text format has it.
void dba_copy_append(GString *out, const char *text);

// The folders of the lab user below the cache: "template" and "lab"; made when missing, mode 0700.
bool dba_lab_state_folder(const DbaLabHome *home, const DbaLabUser *user, const char *name, char **ret_path, GError **error) DBA_CHECKED;
// Takes the lock file; *ret_fd is -1 when another process holds it.
bool dba_lab_lock(const char *path, bool wait, int *ret_fd, GError **error) DBA_CHECKED;
// The process that runs the server of that data folder, 0 when there is none.
pid_t dba_lab_postmaster(const char *data_folder);
// Ends a server: fast shutdown when `gentle`, else immediately; waits until it is gone.
void dba_lab_end_postmaster(pid_t pid, bool gentle);
// Folder of the socket: inside the lab, or a short one where the name would pass 107 bytes or
// holds what a connection string would have to escape.
char *dba_lab_socket_folder(const char *lab_folder) DBA_CHECKED;
// The survey's facts and statistics into temporary tables of a twin's session (twin_input.sql); notes what of them was not taken.
bool dba_twin_input(DbaServer *server, const DbaSurvey *survey, GError **error) DBA_CHECKED;
bool dba_twin_note_failed(DbaServer *server, DbaLoad *load, GError **error) DBA_CHECKED;
bool dba_lab_interrupted(const DbaLab *lab);
// What dba_lab_create_sparse_twin does behind the schema.
bool dba_lab_fill_sparse(const DbaLab *lab, DbaServer *server, const DbaSurvey *survey, DbaLoad *load, GError **error) DBA_CHECKED;
// Puts dbarch_twin-N.so from `folder` where the lab's user can read it.
bool dba_lab_install_module(const DbaLab *lab, const char *folder, char **ret_path, GError **error) DBA_CHECKED;

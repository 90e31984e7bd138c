// SPDX-License-Identifier: Apache-2.0
// Parsing: libpg_query's native nodes, read for the few facts that text alone can give.
//
// Everything runs on one thread with a large stack, batch by batch: a thread per statement would cost more than the
// parsing.  The tree of a statement dies with its memory context; facts are copied into an arena that lives as long.
#include "sql/sql-int.h"

#include <errno.h>
#include <pg_query.h>
#include <pthread.h>
#include <string.h>

#include "pg_query_internal.h"

#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"

static const size_t STACK_BYTES = (size_t)1 << 30; // address space; pages are taken as they are touched

static void name_of(const RangeVar *relation, DbaSqlFacts *facts) {
  facts->schema = relation->schemaname;
  facts->name = relation->relname;
}

static void name_of_list(const List *names, DbaSqlFacts *facts) {
  if (list_length(names) > 0)
    facts->name = strVal(llast(names));
  if (list_length(names) > 1)
    facts->schema = strVal(list_nth(names, list_length(names) - 2));
}

static bool find_write(Node *node, void *found) {
  if (!node)
    return false;
  if (IsA(node, InsertStmt) || IsA(node, UpdateStmt) || IsA(node, DeleteStmt) || IsA(node, MergeStmt)) {
    *(bool *)found = true;
    return true;
  }
  return raw_expression_tree_walker(node, find_write, found);
}

static const char *transaction_word(TransactionStmtKind kind) {
  switch (kind) {
  case TRANS_STMT_BEGIN:
  case TRANS_STMT_START: return "begin";
  case TRANS_STMT_COMMIT: return "commit";
  case TRANS_STMT_ROLLBACK: return "rollback";
  default: return "other";
  }
}

static bool has_option(const List *options, const char *name) {
  for (int i = 0; i < list_length(options); i++)
    if (!strcmp(((DefElem *)list_nth(options, i))->defname, name))
      return true;
  return false;
}

static bool detaches_concurrently(const AlterTableStmt *alter) {
  for (int i = 0; i < list_length(alter->cmds); i++) {
    const AlterTableCmd *command = list_nth(alter->cmds, i);
    if (command->subtype == AT_DetachPartition && ((PartitionCmd *)command->def)->concurrent)
      return true;
  }
  return false;
}

// What standard_ProcessUtility and the functions below it refuse in a transaction block, by the text alone.
static bool is_outside_transaction(const Node *node, const DbaSqlFacts *facts) {
  switch (nodeTag(node)) {
  case T_VacuumStmt: return ((const VacuumStmt *)node)->is_vacuumcmd;
  case T_ClusterStmt: return !((const ClusterStmt *)node)->relation;
  case T_ReindexStmt: {
    ReindexObjectType kind = ((const ReindexStmt *)node)->kind;
    return facts->concurrently || kind == REINDEX_OBJECT_SCHEMA || kind == REINDEX_OBJECT_SYSTEM || kind == REINDEX_OBJECT_DATABASE;
  }
  case T_CreatedbStmt:
  case T_DropdbStmt:
  case T_CreateTableSpaceStmt:
  case T_DropTableSpaceStmt:
  case T_AlterSystemStmt:
  case T_DropSubscriptionStmt:
  case T_CreateSubscriptionStmt: return true;
  case T_AlterTableStmt: return detaches_concurrently((const AlterTableStmt *)node);
  case T_DiscardStmt: return ((const DiscardStmt *)node)->target == DISCARD_ALL;
  case T_IndexStmt:
  case T_DropStmt: return facts->concurrently;
  default: return false;
  }
}

static void read_kind(Node *node, DbaSqlFacts *facts) {
  *facts = (DbaSqlFacts){0};
  switch (nodeTag(node)) {
  case T_CreateStmt:
    facts->tag = DBA_SQL_CREATE_TABLE;
    name_of(((CreateStmt *)node)->relation, facts);
    break;
  case T_CreateTableAsStmt:
    facts->tag = DBA_SQL_CREATE_TABLE;
    name_of(((CreateTableAsStmt *)node)->into->rel, facts);
    break;
  case T_IndexStmt: {
    IndexStmt *index = (IndexStmt *)node;
    facts->tag = DBA_SQL_CREATE_INDEX;
    facts->schema = index->relation->schemaname;
    facts->name = index->idxname;
    facts->table = index->relation->relname;
    facts->concurrently = index->concurrent;
    break;
  }
  case T_DropStmt: {
    DropStmt *drop = (DropStmt *)node;
    facts->concurrently = drop->concurrent;
    if (drop->removeType == OBJECT_INDEX && list_length(drop->objects) == 1) {
      facts->tag = DBA_SQL_DROP_INDEX;
      name_of_list(linitial(drop->objects), facts);
    }
    break;
  }
  case T_ReindexStmt: facts->concurrently = has_option(((ReindexStmt *)node)->params, "concurrently"); break;
  case T_ViewStmt:
    facts->tag = DBA_SQL_CREATE_VIEW;
    name_of(((ViewStmt *)node)->view, facts);
    break;
  case T_CreateFunctionStmt:
    facts->tag = DBA_SQL_CREATE_FUNCTION;
    name_of_list(((CreateFunctionStmt *)node)->funcname, facts);
    break;
  case T_CreateEnumStmt:
    facts->tag = DBA_SQL_CREATE_TYPE;
    name_of_list(((CreateEnumStmt *)node)->typeName, facts);
    break;
  case T_CreateDomainStmt:
    facts->tag = DBA_SQL_CREATE_TYPE;
    name_of_list(((CreateDomainStmt *)node)->domainname, facts);
    break;
  case T_CreateRangeStmt:
    facts->tag = DBA_SQL_CREATE_TYPE;
    name_of_list(((CreateRangeStmt *)node)->typeName, facts);
    break;
  case T_CompositeTypeStmt:
    facts->tag = DBA_SQL_CREATE_TYPE;
    name_of(((CompositeTypeStmt *)node)->typevar, facts);
    break;
  case T_CreateSeqStmt:
    facts->tag = DBA_SQL_CREATE_SEQUENCE;
    name_of(((CreateSeqStmt *)node)->sequence, facts);
    break;
  case T_CreateTrigStmt: {
    CreateTrigStmt *trigger = (CreateTrigStmt *)node;
    facts->tag = DBA_SQL_CREATE_TRIGGER;
    facts->schema = trigger->relation->schemaname;
    facts->name = trigger->trigname;
    facts->table = trigger->relation->relname;
    break;
  }
  case T_CreateExtensionStmt:
    facts->tag = DBA_SQL_CREATE_EXTENSION;
    facts->name = ((CreateExtensionStmt *)node)->extname;
    break;
  case T_CreateRoleStmt:
    facts->tag = DBA_SQL_CREATE_ROLE;
    facts->name = ((CreateRoleStmt *)node)->role;
    break;
  case T_AlterTableStmt: {
    AlterTableStmt *alter = (AlterTableStmt *)node;
    bool owner = list_length(alter->cmds) == 1 && ((AlterTableCmd *)linitial(alter->cmds))->subtype == AT_ChangeOwner;
    facts->tag = owner ? DBA_SQL_OWNER : DBA_SQL_ALTER_TABLE;
    name_of(alter->relation, facts);
    break;
  }
  case T_AlterDefaultPrivilegesStmt: facts->tag = DBA_SQL_OWNER; break;
  case T_CommentStmt: facts->tag = ((CommentStmt *)node)->objtype == OBJECT_DATABASE ? DBA_SQL_DATABASE : DBA_SQL_COMMENT; break;
  case T_AlterOwnerStmt: facts->tag = ((AlterOwnerStmt *)node)->objectType == OBJECT_DATABASE ? DBA_SQL_DATABASE : DBA_SQL_OWNER; break;
  case T_GrantStmt: facts->tag = ((GrantStmt *)node)->objtype == OBJECT_DATABASE ? DBA_SQL_DATABASE : DBA_SQL_GRANT; break;
  case T_GrantRoleStmt: facts->tag = DBA_SQL_GRANT; break;
  case T_TransactionStmt:
    facts->tag = DBA_SQL_TRANSACTION;
    facts->name = transaction_word(((TransactionStmt *)node)->kind);
    break;
  case T_VariableSetStmt:
    facts->tag = DBA_SQL_SET;
    facts->name = ((VariableSetStmt *)node)->name;
    break;
  case T_CopyStmt: {
    CopyStmt *copy = (CopyStmt *)node;
    bool from_stdin = copy->is_from && !copy->filename;
    facts->tag = from_stdin ? DBA_SQL_COPY_FROM_STDIN : DBA_SQL_COPY_OTHER;
    facts->changes_data = copy->is_from;
    if (copy->relation)
      name_of(copy->relation, facts);
    break;
  }
  case T_SelectStmt:
    facts->tag = DBA_SQL_SELECT;
    if (((SelectStmt *)node)->withClause)
      find_write(node, &facts->changes_data);
    break;
  case T_InsertStmt:
    facts->tag = DBA_SQL_INSERT;
    facts->changes_data = true;
    name_of(((InsertStmt *)node)->relation, facts);
    break;
  case T_UpdateStmt:
    facts->tag = DBA_SQL_UPDATE;
    facts->changes_data = true;
    name_of(((UpdateStmt *)node)->relation, facts);
    break;
  case T_DeleteStmt:
    facts->tag = DBA_SQL_DELETE;
    facts->changes_data = true;
    name_of(((DeleteStmt *)node)->relation, facts);
    break;
  case T_MergeStmt:
    facts->tag = DBA_SQL_MERGE;
    facts->changes_data = true;
    name_of(((MergeStmt *)node)->relation, facts);
    break;
  case T_AlterRoleStmt:
  case T_AlterRoleSetStmt:
  case T_DropRoleStmt: facts->tag = DBA_SQL_ROLE; break;
  case T_CreatedbStmt:
  case T_DropdbStmt:
  case T_AlterDatabaseStmt:
  case T_AlterDatabaseSetStmt: facts->tag = DBA_SQL_DATABASE; break;
  default: break;
  }
}

static void read_facts(Node *node, DbaSqlFacts *facts) {
  read_kind(node, facts);
  facts->outside_transaction = is_outside_transaction(node, facts);
}

static bool syntax_error(const DbaSqlItem *item, const PgQueryError *problem, GError **error) {
  size_t offset = dba_text_character_offset(item->text, item->length, problem->cursorpos);
  g_autofree char *caret =
      dba_text_caret_within(item->place.file, item->place.line, item->place.column, item->text, item->length, offset, problem->message);
  return dba_fail(error, DBA_ERROR_INPUT, "%s", caret);
}

typedef struct Job {
  DbaSqlReader *reader;
  DbaSqlVisit visit;
  void *data;
  GError **error;
  bool ok;
} Job;

static bool visit_statement(Job *job, DbaSqlStatement *statement, GString *zero_terminated) {
  g_string_truncate(zero_terminated, 0);
  g_string_append_len(zero_terminated, statement->item.text, (gssize)statement->item.length);
  MemoryContext context = pg_query_enter_memory_context();
  PgQueryInternalParsetreeAndError parsed = pg_query_raw_parse(zero_terminated->str, 0);
  bool ok;
  if (parsed.error && dba_sql_reader_is_tolerant(job->reader)) {
    statement->syntax_error = parsed.error->message;
    ok = job->visit(statement, job->data, job->error);
  } else if (parsed.error) {
    ok = syntax_error(&statement->item, parsed.error, job->error);
  } else {
    if (list_length(parsed.tree) == 1)
      read_facts(((RawStmt *)linitial(parsed.tree))->stmt, &statement->facts);
    ok = job->visit(statement, job->data, job->error);
  }
  if (parsed.error)
    pg_query_free_error(parsed.error);
  free(parsed.stderr_buffer);
  pg_query_exit_memory_context(context);
  return ok;
}

static void *run(void *data) {
  Job *job = data;
  g_autoptr(GString) zero_terminated = g_string_sized_new(4096);
  for (;;) {
    DbaSqlStatement statement = {0};
    bool end;
    if (!dba_sql_next(job->reader, &statement.item, &end, job->error))
      return NULL;
    if (end)
      break;
    bool ok = statement.item.kind == DBA_SQL_STATEMENT ? visit_statement(job, &statement, zero_terminated)
                                                       : job->visit(&statement, job->data, job->error);
    if (!ok)
      return NULL;
  }
  job->ok = true;
  return NULL;
}

static _Thread_local bool on_a_large_stack;

// The one thread that parses.  libpg_query takes a thread-specific key for each thread that it sees, and gives none back: of those a process has 1,024.
typedef struct Worker {
  pthread_mutex_t turn, mutex; // turn: of the callers
  pthread_cond_t told;
  void *(*job)(void *data); // NULL: it is done
  void *data;
  bool started;
} Worker;
static Worker worker = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, NULL, NULL, false};

static void *work(void *unused) {
  (void)unused;
  on_a_large_stack = true;
  pthread_mutex_lock(&worker.mutex);
  for (;;) {
    while (!worker.job)
      pthread_cond_wait(&worker.told, &worker.mutex);
    (void)worker.job(worker.data);
    worker.job = NULL;
    pthread_cond_broadcast(&worker.told);
  }
  return NULL;
}

static int start_worker(void) {
  pthread_attr_t attributes;
  pthread_t thread;
  pthread_attr_init(&attributes);
  int problem = pthread_attr_setstacksize(&attributes, STACK_BYTES);
  if (!problem)
    problem = pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  if (!problem)
    problem = pthread_create(&thread, &attributes, work, NULL);
  pthread_attr_destroy(&attributes);
  return problem;
}

bool dba_sql_on_a_large_stack(void *(*job)(void *data), void *data, GError **error) {
  if (on_a_large_stack) { // inside of such a call
    (void)job(data);
    return true;
  }
  pthread_mutex_lock(&worker.turn);
  int problem = worker.started ? 0 : start_worker();
  worker.started |= !problem;
  if (!problem) {
    pthread_mutex_lock(&worker.mutex);
    worker.job = job;
    worker.data = data;
    pthread_cond_broadcast(&worker.told);
    while (worker.job)
      pthread_cond_wait(&worker.told, &worker.mutex);
    pthread_mutex_unlock(&worker.mutex);
  }
  pthread_mutex_unlock(&worker.turn);
  return !problem || dba_fail(error, DBA_ERROR_BUG, "the parser's thread cannot be started: %s", g_strerror(problem));
}

bool dba_sql_visit(DbaSqlReader *reader, DbaSqlVisit visit, void *data, GError **error) {
  Job job = {reader, visit, data, error, false};
  return dba_sql_on_a_large_stack(run, &job, error) && job.ok;
}

static bool visit_nothing(const DbaSqlStatement *statement, void *data, GError **error) {
  (void)statement, (void)data, (void)error;
  return true;
}

bool dba_sql_check(const char *sql, GError **error) {
  g_autoptr(DbaSqlReader) reader = dba_sql_reader_text("statement", sql, strlen(sql));
  return dba_sql_visit(reader, visit_nothing, NULL, error);
}

bool dba_sql_fingerprint(const char *sql, uint64_t *ret_print) {
  PgQueryFingerprintResult result = pg_query_fingerprint(sql);
  bool known = !result.error;
  *ret_print = result.fingerprint;
  pg_query_free_fingerprint_result(result);
  return known;
}

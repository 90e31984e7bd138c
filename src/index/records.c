// SPDX-License-Identifier: Apache-2.0
// The answer as records, for JSON.
#include "index/index.h"

#define F(member, kind) DBA_FIELD(T, member, kind, 0)
#define T DbaIndexStatement
static const DbaField statement_fields[] = {F(id, TEXT),     F(text, TEXT),    F(weight, REAL),   F(rows, REAL),
                                            F(origin, TEXT), F(implied, BOOL), F(cost_now, REAL), {0}};
#undef T
const DbaRecord dba_index_statement_record = {"statement", sizeof(DbaIndexStatement), statement_fields};

#define T DbaIndexCandidate
static const DbaField candidate_fields[] = {F(definition, TEXT), F(schema, TEXT),   F(table, TEXT),     F(method, TEXT),
                                            F(keys, TEXT),       F(included, TEXT), F(predicate, TEXT), F(existing, TEXT),
                                            F(bytes, INT),       F(share, REAL),    F(rough, BOOL),     F(kept, BOOL),
                                            F(why, TEXT),        F(serves, INT),    F(question, BOOL),  {0}};
#undef T
const DbaRecord dba_index_candidate_record = {"candidate", sizeof(DbaIndexCandidate), candidate_fields};

#define T DbaIndexServed
static const DbaField served_fields[] = {F(statement, INT), F(before, REAL), F(after, REAL), F(by, INTS), {0}};
#undef T
const DbaRecord dba_index_served_record = {"served", sizeof(DbaIndexServed), served_fields};

#define T DbaIndexPoint
static const DbaField point_fields[] = {F(budget_bytes, INT),
                                        F(bytes, INT),
                                        F(cost, REAL),
                                        F(write_cost, REAL),
                                        F(bound, REAL),
                                        F(asked, BOOL),
                                        F(knee, BOOL),
                                        F(chosen, INTS),
                                        DBA_FIELD_OF(T, served, dba_index_served_record, 0),
                                        {0}};
#undef T
const DbaRecord dba_index_point_record = {"point", sizeof(DbaIndexPoint), point_fields};

#define T DbaIndexReason
static const DbaField reason_fields[] = {F(question, TEXT),
                                         F(candidate, INT),
                                         F(same, INT),
                                         F(alone, REAL),
                                         F(beside, REAL),
                                         F(write_cost, REAL),
                                         F(verdict, TEXT),
                                         DBA_FIELD_OF(T, served, dba_index_served_record, 0),
                                         {0}};
#undef T
const DbaRecord dba_index_reason_record = {"reason", sizeof(DbaIndexReason), reason_fields};

#define T DbaIndexAnswer
static const DbaField answer_fields[] = {F(cost_none, REAL),
                                         F(cost_now, REAL),
                                         F(bytes_now, INT),
                                         F(planned, INT),
                                         F(remembered, INT),
                                         F(configurations, INT),
                                         F(solved, INT),
                                         F(cut, BOOL),
                                         DBA_FIELD_OF(T, statements, dba_index_statement_record, 0),
                                         F(refused, TEXTS),
                                         DBA_FIELD_OF(T, candidates, dba_index_candidate_record, 0),
                                         DBA_FIELD_OF(T, curve, dba_index_point_record, 0),
                                         DBA_FIELD_IN(T, advised, dba_index_point_record, 0),
                                         DBA_FIELD_OF(T, reasons, dba_index_reason_record, 0),
                                         {0}};
#undef T
const DbaRecord dba_index_answer_record = {"answer", sizeof(DbaIndexAnswer), answer_fields};
#undef F

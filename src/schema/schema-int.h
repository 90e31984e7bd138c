// SPDX-License-Identifier: Apache-2.0
// Shared inside schema/: ordering and grants for the writer.
#pragma once

#include "schema/schema.h"

// How a text field is written into SQL; kept in the field's flags, above those of base.
typedef enum DbaSchemaForm {
  DBA_SCHEMA_NAME,     // quoted as identifier or literal
  DBA_SCHEMA_WORD,     // as it stands: letters, digits, blanks
  DBA_SCHEMA_OPTION,   // name=value
  DBA_SCHEMA_FRAGMENT, // as it stands: an expression, a type, a definition
  DBA_SCHEMA_QUERY,    // as it stands: the query of a view
} DbaSchemaForm;
enum { DBA_SCHEMA_FORM_SHIFT = 8 };

typedef enum DbaNodeKind {
  DBA_NODE_NAMESPACE,
  DBA_NODE_EXTENSION,
  DBA_NODE_TYPE,
  DBA_NODE_FUNCTION,
  DBA_NODE_SEQUENCE,
  DBA_NODE_RELATION,
  DBA_NODE_STATISTICS,
  DBA_NODE_INDEX,
  DBA_NODE_CONSTRAINT, // all but foreign keys; checks belong to their table
  DBA_NODE_FOREIGN_KEY,
  DBA_NODE_TRIGGER,
  DBA_NODE_POLICY,
} DbaNodeKind;

typedef struct DbaNode {
  DbaNodeKind kind;
  const void *object;
  const DbaRelation *relation; // the table of an index, constraint, trigger, policy
  int64_t id;
  bool cyclic; // something it needs comes later: its expressions must wait
} DbaNode;

// All objects in an order in which each follows what it needs; among free choices by kind, then as sorted.
GArray *dba_schema_order(const DbaSchema *schema);

// GRANT and REVOKE that lead from the default privileges to `acl`.  `object`: "TABLE a.b", "SCHEMA a" ...; `column`:
// NULL or the column's quoted name.
void dba_schema_write_grants(GString *sql, const char *prefix, const char *object, const char *column, const DbaList *acl,
                             const DbaList *acl_default);
// The grantees of an acl, added to a set of names.
void dba_schema_acl_roles(const DbaList *acl, GHashTable *roles);

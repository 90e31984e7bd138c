// SPDX-License-Identifier: Apache-2.0
// Groups: neighbours that belong together ("-- dbarch: group=NAME"), each of whose undos need not be right by itself.
//
// A group is made into one migration whose scripts run the scripts of its members, ups in order, downs in the opposite one; it is called as its first.
#include "migrate/migrate-int.h"

#include <string.h>

static void append(DbaScript *whole, const DbaScript *part, DbaArena *arena, GString *text) {
  *(const DbaScript **)dba_list_add(arena, &whole->parts, sizeof(DbaScript *)) = part;
  for (DBA_EACH(DbaSqlStatement, item, &part->items))
    *(DbaSqlStatement *)dba_list_add(arena, &whole->items, sizeof *item) = *item;
  whole->problem = whole->problem ? whole->problem : part->problem;
  g_string_append_printf(text, "%s\n", part->text);
}

// `members` in the order in which their scripts run; NULL: one has none.
static DbaScript *whole_script(const GPtrArray *members, bool down, DbaArena *arena) {
  DbaScript *whole = dba_arena_new0(arena, DbaScript);
  g_autoptr(GString) text = g_string_new(NULL);
  for (guint i = 0; i < members->len; i++) {
    const DbaMigration *member = members->pdata[down ? members->len - 1 - i : i];
    const DbaScript *part = down ? member->down : member->up;
    if (!part)
      return NULL;
    if (!i)
      *whole = (DbaScript){.path = part->path, .checksum = part->checksum, .mode = DBA_SCRIPT_OWN_TRANSACTIONS, .why = "it is a group"};
    append(whole, part, arena, text);
  }
  whole->text = dba_arena_text(arena, text->str);
  return whole;
}

DbaMigration *dba_migrations_group(const DbaMigrations *migrations, uint32_t *at, DbaArena *arena) {
  DbaMigration *first = dba_list_at(DbaMigration, &migrations->migrations, *at);
  g_autoptr(GPtrArray) members = g_ptr_array_new();
  for (; *at < migrations->migrations.n; ++*at) {
    DbaMigration *member = dba_list_at(DbaMigration, &migrations->migrations, *at);
    if (member != first && (!first->group || g_strcmp0(member->group, first->group) != 0))
      break;
    g_ptr_array_add(members, member);
  }
  if (members->len == 1)
    return first;
  DbaMigration *whole = dba_arena_new0(arena, DbaMigration);
  *whole = *first;
  whole->up = whole_script(members, false, arena);
  whole->down = whole_script(members, true, arena);
  whole->verify = NULL;
  return whole;
}

// SPDX-License-Identifier: Apache-2.0
// Arenas: blocks that grow, freed together.
//
// Blocks double from 4 kB to 1 MB; a request above a quarter of a block gets a block of its own, so that little is
// wasted.  Memory is zeroed, so that a record's fields start at the values JSON leaves out.
#include "base/base.h"

#include <string.h>

enum { BLOCK_FIRST = 4096, BLOCK_LARGEST = 1 << 20, ALIGNMENT = 16 };

typedef struct Block {
  struct Block *next;
  size_t used, room;
} Block;

struct DbaArena {
  Block *blocks; // the first is the one being filled
  size_t next_room, bytes;
};

#define BLOCK_HEAD ((sizeof(Block) + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1))

DbaArena *dba_arena_new(void) {
  DbaArena *arena = g_new0(DbaArena, 1);
  arena->next_room = BLOCK_FIRST;
  return arena;
}

void dba_arena_free(DbaArena *arena) {
  if (!arena)
    return;
  for (Block *block = arena->blocks, *next; block; block = next) {
    next = block->next;
    g_free(block);
  }
  g_free(arena);
}

static Block *add_block(DbaArena *arena, size_t room) {
  Block *block = g_malloc0(BLOCK_HEAD + room);
  block->room = room;
  arena->bytes += BLOCK_HEAD + room;
  return block;
}

void *dba_arena_alloc(DbaArena *arena, size_t size_bytes) {
  size_t size = (size_bytes + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
  Block *block = arena->blocks;
  if (!block || block->room - block->used < size) {
    if (block && size > arena->next_room / 4) { // a block of its own, behind the one being filled
      Block *own = add_block(arena, size);
      own->used = size;
      own->next = block->next;
      block->next = own;
      return (char *)own + BLOCK_HEAD;
    }
    block = add_block(arena, MAX(arena->next_room, size));
    block->next = arena->blocks;
    arena->blocks = block;
    arena->next_room = MIN(arena->next_room * 2, (size_t)BLOCK_LARGEST);
  }
  void *memory = (char *)block + BLOCK_HEAD + block->used;
  block->used += size;
  return memory;
}

// Text needs no alignment beyond a byte, but an aligned copy is simpler and costs 8 bytes on average.
const char *dba_arena_text_n(DbaArena *arena, const char *text, size_t length) {
  char *copy = dba_arena_alloc(arena, length + 1);
  if (length)
    memcpy(copy, text, length);
  return copy;
}

const char *dba_arena_text(DbaArena *arena, const char *text) { return text ? dba_arena_text_n(arena, text, strlen(text)) : NULL; }

const char *dba_arena_format(DbaArena *arena, const char *format, ...) {
  va_list args;
  va_start(args, format);
  g_autofree char *text = g_strdup_vprintf(format, args);
  va_end(args);
  return dba_arena_text(arena, text);
}

size_t dba_arena_bytes(const DbaArena *arena) { return arena->bytes; }

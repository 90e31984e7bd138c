// SPDX-License-Identifier: Apache-2.0
// gzip (RFC 1952), whole texts at a time; zlib underneath.
#include "base/base.h"

#include <string.h>
#include <zlib.h>

enum { GZIP_WINDOW = 15 + 16, PIECE = 1 << 18 };

bool dba_gzip_is(const char *bytes, size_t length) { return length >= 2 && !memcmp(bytes, "\x1f\x8b", 2); }

char *dba_gzip(const char *text, size_t length, size_t *ret_length) {
  z_stream stream = {.next_in = (Bytef *)(uintptr_t)text, .avail_in = (uInt)length};
  int ok = deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, 9, Z_DEFAULT_STRATEGY);
  g_assert(ok == Z_OK && length <= UINT_MAX);
  size_t room = deflateBound(&stream, length);
  char *bytes = g_malloc(room);
  stream.next_out = (Bytef *)bytes;
  stream.avail_out = (uInt)room;
  ok = deflate(&stream, Z_FINISH);
  g_assert(ok == Z_STREAM_END);
  *ret_length = stream.total_out;
  deflateEnd(&stream);
  return bytes;
}

bool dba_gzip_expand(const char *name, const char *bytes, size_t length, size_t limit, char **ret_text, size_t *ret_length,
                     GError **error) {
  z_stream stream = {.next_in = (Bytef *)(uintptr_t)bytes, .avail_in = (uInt)MIN(length, UINT_MAX)};
  g_autoptr(GString) text = g_string_new(NULL);
  g_autofree char *piece = g_malloc(PIECE);
  int state = inflateInit2(&stream, GZIP_WINDOW);
  g_assert(state == Z_OK);
  while (state == Z_OK && text->len <= limit) {
    stream.next_out = (Bytef *)piece;
    stream.avail_out = PIECE;
    state = inflate(&stream, Z_NO_FLUSH);
    g_string_append_len(text, piece, PIECE - (gssize)stream.avail_out);
  }
  inflateEnd(&stream);
  if (text->len > limit)
    return dba_fail(error, DBA_ERROR_INPUT, "%s: is more than %zu MB when expanded", name, limit >> 20);
  if (state != Z_STREAM_END)
    return dba_fail(error, DBA_ERROR_INPUT, "%s: is cut off or damaged: gzip cannot expand it", name);
  *ret_length = text->len;
  *ret_text = g_string_free(g_steal_pointer(&text), FALSE);
  return true;
}

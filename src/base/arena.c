/* Arena: chunks of zeroed memory in a list, newest first. Large requests get a chunk of their
 * own behind the newest, so that they do not waste what is left of it. */
#include "base/arena.h"

#include "base/assert.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 16, CHUNK_BYTES = 64 * 1024 - 64 };

struct assay_arena_chunk {
    struct assay_arena_chunk *next;
    size_t used, capacity;
    _Alignas(ALIGNMENT) unsigned char data[];
};

bool assay_multiply(size_t a, size_t b, size_t *out)
{
    if (b != 0 && a > SIZE_MAX / b) return false;
    *out = a * b;
    return true;
}

static struct assay_arena_chunk *chunk_create(size_t capacity)
{
    if (capacity > SIZE_MAX - sizeof(struct assay_arena_chunk)) return NULL;
    struct assay_arena_chunk *chunk = calloc(1, sizeof *chunk + capacity);
    if (chunk) chunk->capacity = capacity;
    return chunk;
}

static void *chunk_take(struct assay_arena_chunk *chunk, size_t bytes)
{
    ASSAY_ASSERT(bytes <= chunk->capacity - chunk->used);
    void *taken = chunk->data + chunk->used;
    chunk->used += bytes;
    return taken;
}

void *assay_arena_take(struct assay_arena *arena, size_t count, size_t size)
{
    size_t bytes;
    if (!assay_multiply(count, size, &bytes) || bytes > SIZE_MAX - ALIGNMENT) return NULL;
    bytes = bytes == 0 ? ALIGNMENT : (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;

    struct assay_arena_chunk *newest = arena->chunk;
    if (newest && bytes <= newest->capacity - newest->used) return chunk_take(newest, bytes);

    bool large = bytes > CHUNK_BYTES / 4;
    struct assay_arena_chunk *chunk = chunk_create(large ? bytes : CHUNK_BYTES);
    if (!chunk) return NULL;
    struct assay_arena_chunk **place = large && newest ? &newest->next : &arena->chunk;
    chunk->next = *place;
    *place = chunk;
    return chunk_take(chunk, bytes);
}

char *assay_arena_text(struct assay_arena *arena, const char *data, size_t size)
{
    if (size == SIZE_MAX) return NULL;
    char *text = assay_arena_take(arena, size + 1, 1);
    if (text && size > 0) memcpy(text, data, size);
    return text;
}

void assay_arena_fini(struct assay_arena *arena)
{
    while (arena->chunk) {
        struct assay_arena_chunk *next = arena->chunk->next;
        free(arena->chunk);
        arena->chunk = next;
    }
}

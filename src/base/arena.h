/* Arena: many small allocations with one lifetime. Memory is zeroed and 16-byte aligned. */
#ifndef ASSAY_BASE_ARENA_H
#define ASSAY_BASE_ARENA_H

#include "assay/status.h"

#include <stdbool.h>
#include <stddef.h>

struct assay_arena {
    struct assay_arena_chunk *chunk; /* newest first; NULL when empty */
};

/* count × size bytes, zeroed; NULL on overflow or out of memory. A zero size gives a valid pointer.
 */
void *assay_arena_take(struct assay_arena *arena, size_t count, size_t size);
/* A copy of `size` bytes with a NUL behind it; NULL when out of memory. */
char *assay_arena_text(struct assay_arena *arena, const char *data, size_t size);
/* Free everything; the arena is empty and usable again. */
void assay_arena_fini(struct assay_arena *arena);

/* a × b, or false if it does not fit. */
bool assay_multiply(size_t a, size_t b, size_t *out);

#endif

/* Chunks of columns as libhdf5's own filters, shuffle and deflate, would leave them: any reader of
 * HDF5 undoes it. libdeflate does in a third of the time what zlib does (tests/bench/README.md),
 * and a thread of the packer's own does it while the caller makes the next chunks. What comes out,
 * and its order, does not depend on that. */
#ifndef ASSAY_STORE_PACK_H
#define ASSAY_STORE_PACK_H

#include "assay/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The pipeline's order in a dataset's creation properties, and its level. */
enum { ASSAY_PACK_SHUFFLE = 0, ASSAY_PACK_DEFLATE = 1, ASSAY_PACK_LEVEL = 1 };

/* Chunks that wait or are packed. */
enum { ASSAY_PACK_CHUNKS = 8 };

struct assay_packer; /* owns its buffers and its thread; used by one thread */

/* For chunks of at most `bytes_max`. Where no thread is to be had, chunks are packed when they are
 * taken. */
ASSAY_MUST_CHECK enum assay_status assay_packer_create(struct assay_packer **out, size_t bytes_max,
                                                       struct assay_error *err);
void assay_packer_destroy(struct assay_packer *packer); /* NULL is fine; chunks may still wait */

/* Put a copy of a chunk behind the others; there are fewer than ASSAY_PACK_CHUNKS. `bytes` is a
 * multiple of `width`, the bytes of an element. */
void assay_packer_put(struct assay_packer *packer, const uint8_t *chunk, size_t bytes,
                      size_t width);

struct assay_packed {
    const uint8_t *data; /* lent by the packer until a chunk is put or taken */
    size_t bytes;
    uint32_t skipped; /* bit i: filter i of the pipeline was not applied */
};
/* The oldest of the chunks, of which there is one, packed; waits for it. What does not become
 * smaller stays as it is. */
struct assay_packed assay_packer_take(struct assay_packer *packer);

#endif

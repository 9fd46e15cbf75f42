/* A chunk of a column as libhdf5's own filters, shuffle and deflate, would leave it: any reader of
 * HDF5 undoes it. libdeflate does in a third of the time what zlib does (tests/bench/README.md). */
#ifndef ASSAY_STORE_PACK_H
#define ASSAY_STORE_PACK_H

#include "assay/status.h"

#include <stddef.h>
#include <stdint.h>

/* The pipeline's order in a dataset's creation properties, and its level. */
enum { ASSAY_PACK_SHUFFLE = 0, ASSAY_PACK_DEFLATE = 1, ASSAY_PACK_LEVEL = 1 };

struct assay_packer; /* owns its buffers */

/* For chunks of at most `bytes_max`. */
ASSAY_MUST_CHECK enum assay_status assay_packer_create(struct assay_packer **out, size_t bytes_max,
                                                       struct assay_error *err);
void assay_packer_destroy(struct assay_packer *packer); /* NULL is fine */

struct assay_packed {
    const uint8_t *data; /* lent by the packer until its next chunk, or the chunk itself */
    size_t bytes;
    uint32_t skipped; /* bit i: filter i of the pipeline was not applied */
};
/* `bytes` is a multiple of `width`, the bytes of an element. What does not become smaller stays as
 * it is. */
struct assay_packed assay_pack(struct assay_packer *packer, const uint8_t *chunk, size_t bytes,
                               size_t width);

#endif

/* Blocks of the quantised storage types as integers and scales (FORMAT.md 1.6): what the judge
 * computes with, and what the other backends pack into their panels. */
#ifndef ASSAY_BACKEND_BLOCK_H
#define ASSAY_BACKEND_BLOCK_H

#include "assay/model.h"

enum { ASSAY_BLOCK = 32 /* values of a block, whatever the file packs together */ };

/* Values 0 … 31 are d·scale·halves[i/16]·(q[i] − offset), plus or minus m·minimum. */
struct assay_block {
    uint16_t d, m;          /* f16; m is 0 where the type has no minimum */
    uint8_t scale, minimum; /* 6 bits (Q4_K, Q5_K), else 1 */
    int8_t halves[2];       /* Q6_K's scales, else 1 */
    uint8_t q[ASSAY_BLOCK];
};

struct assay_block_kind {
    uint8_t bits;   /* of q; 0: a float type, which has no blocks */
    uint8_t offset; /* a power of two, or 0 */
    enum { ASSAY_MINIMUM_NONE, ASSAY_MINIMUM_ADDED, ASSAY_MINIMUM_SUBTRACTED } minimum;
};
const struct assay_block_kind *assay_block_kind(enum assay_dtype dtype);

/* Block b of a row as it stands in the file. */
void assay_block_read(enum assay_dtype dtype, const uint8_t *row, size_t b,
                      struct assay_block *out);

/* The n of 1.6: elements of the K axis in a row of `columns`. */
static inline size_t assay_block_count(enum assay_dtype dtype, size_t columns)
{
    return assay_dtype_block_elements(dtype) > 1 ? columns / ASSAY_BLOCK : columns;
}

#endif

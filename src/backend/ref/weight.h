/* Weights as 1.6 and 1.7 take them: float ones widened, a block's scales with their factors. */
#ifndef ASSAY_BACKEND_REF_WEIGHT_H
#define ASSAY_BACKEND_REF_WEIGHT_H

#include "backend/block.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "base/exact.h"

#include <stdbool.h>

/* Element e of a row of a float type. */
static inline float assay_ref_weight(enum assay_dtype dtype, const uint8_t *row, size_t e)
{
    switch (dtype) {
    case ASSAY_DTYPE_F32:
        return assay_float(assay_get_le32(row + 4 * e));
    case ASSAY_DTYPE_F16:
        return assay_from_f16(assay_get_le16(row + 2 * e));
    case ASSAY_DTYPE_BF16:
        return assay_float((uint32_t)assay_get_le16(row + 2 * e) << 16);
    default:
        ASSAY_ASSERT(false);
        return 0.0f;
    }
}

/* d is dw or dw·sc; m is mw or −(mw·mn). Both products are exact. */
struct assay_ref_scales {
    float d, m;
    bool has_minimum;
};

static inline struct assay_ref_scales assay_ref_block_scales(enum assay_dtype dtype,
                                                             const struct assay_block *block)
{
    struct assay_ref_scales scales = {assay_from_f16(block->d) * (float)block->scale,
                                      assay_from_f16(block->m) * (float)block->minimum, true};
    if (assay_block_kind(dtype)->minimum == ASSAY_MINIMUM_SUBTRACTED) scales.m = -scales.m;
    if (assay_block_kind(dtype)->minimum == ASSAY_MINIMUM_NONE) scales.has_minimum = false;
    return scales;
}

#endif

/* A key or value as a page holds it: an f16, or an f32 in two units of 16 bits. */
#ifndef ASSAY_BACKEND_STORED_H
#define ASSAY_BACKEND_STORED_H

#include "base/exact.h"

#include <stddef.h>

static inline float assay_stored_get(const uint16_t *from, size_t units)
{
    float x;
    if (units == 1) return assay_from_f16(*from);
    memcpy(&x, from, sizeof x);
    return x;
}

static inline void assay_stored_put(uint16_t *to, size_t units, float x)
{
    if (units == 1) {
        *to = assay_to_f16(x);
    } else {
        memcpy(to, &x, sizeof x);
    }
}

#endif

/* Activation quantisation (1.5) in plain C, in loops that a compiler turns into vectors. Magnitudes
 * are compared as integers, so a NaN or infinity is just the largest one. */
#include "backend/cpu/cpu.h"

#include "base/exact.h"

static uint32_t largest_magnitude(const float *x)
{
    uint32_t largest = 0;
    for (size_t i = 0; i < ASSAY_BLOCK; i++) {
        uint32_t magnitude = assay_bits(x[i]) & 0x7fffffffu;
        largest = magnitude > largest ? magnitude : largest;
    }
    return largest;
}

/* q of a block, and the sums that go with it. |x·inv| is at most 127 and a rounding, so adding
 * 1.5·2^23 rounds it to nearest even, as an integer in the low bits. */
static void scaled(const float *x, float inv, struct assay_token_block *out)
{
    int32_t half[2] = {0, 0};
    for (size_t i = 0; i < ASSAY_BLOCK; i++) {
        int32_t q = (int32_t)(assay_bits(x[i] * inv + 0x1.8p+23f) - 0x4b400000u);
        q = q > 127 ? 127 : q;
        q = q < -127 ? -127 : q;
        out->q[i] = (int8_t)q;
        half[i / 16] += q;
    }
    out->minus_low = -half[0];
    out->minus_sum = -half[0] - half[1];
}

void assay_portable_quantise(const float *x, size_t count, struct assay_token_block *out,
                             size_t stride)
{
    for (size_t b = 0; b < count; b++, x += ASSAY_BLOCK, out += stride) {
        uint32_t u = largest_magnitude(x);
        if (u >= 0x7f800000u || u < 0x0d800000u) {
            *out =
                (struct assay_token_block){.d = u >= 0x7f800000u ? assay_float(0x7fc00000u) : 0.0f};
        } else {
            out->d = assay_float(u) / 127.0f;
            scaled(x, 127.0f / assay_float(u), out);
        }
        out->xs = out->d * (float)-out->minus_sum;
    }
}

/* Activation quantisation (1.5) in AVX-512, a block of 32 in two vectors. Magnitudes are compared
 * as integers, so a NaN or infinity is just the largest one. */
#include "backend/cpu/lanes_avx512.h"

#include "backend/cpu/cpu.h"
#include "base/exact.h"

/* 16 values scaled, rounded and clamped to bytes; returns −Σ of them. */
ASSAY_INLINE int32_t scaled(__m512 x, __m512 inv, int8_t *q)
{
    const __m512i top = _mm512_set1_epi32(127), bottom = _mm512_set1_epi32(-127);
    __m512i v = _mm512_cvtps_epi32(_mm512_mul_ps(x, inv));
    v = _mm512_max_epi32(_mm512_min_epi32(v, top), bottom);
    _mm_storeu_si128((__m128i *)(void *)q, _mm512_cvtepi32_epi8(v));
    return -_mm512_reduce_add_epi32(v);
}

void assay_avx512_quantise(const float *x, size_t count, struct assay_token_block *out,
                           size_t stride)
{
    const __m512i magnitude = _mm512_set1_epi32(0x7fffffff);
    for (size_t b = 0; b < count; b++, out += stride) {
        __m512 low = _mm512_loadu_ps(x + b * ASSAY_BLOCK);
        __m512 high = _mm512_loadu_ps(x + b * ASSAY_BLOCK + 16);
        uint32_t u = _mm512_reduce_max_epu32(
            _mm512_max_epu32(_mm512_and_si512(_mm512_castps_si512(low), magnitude),
                             _mm512_and_si512(_mm512_castps_si512(high), magnitude)));
        if (u >= 0x7f800000u || u < 0x0d800000u) {
            *out =
                (struct assay_token_block){.d = u >= 0x7f800000u ? assay_float(0x7fc00000u) : 0.0f};
        } else {
            __m512 inv = _mm512_set1_ps(127.0f / assay_float(u));
            out->d = assay_float(u) / 127.0f;
            out->minus_low = scaled(low, inv, out->q);
            out->minus_sum = out->minus_low + scaled(high, inv, out->q + 16);
        }
        out->xs = out->d * (float)-out->minus_sum;
    }
}

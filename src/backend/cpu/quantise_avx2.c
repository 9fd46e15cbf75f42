/* Activation quantisation (1.5), a block of 32 in four vectors. Magnitudes are compared as
 * integers, so a NaN or infinity is just the largest one. */
#include "backend/cpu/lanes_avx2.h"

#include "backend/cpu/cpu.h"
#include "base/exact.h"

ASSAY_INLINE uint32_t largest_magnitude(const __m256 x[4])
{
    const __m256i magnitude = _mm256_set1_epi32(0x7fffffff);
    __m256i largest = _mm256_setzero_si256();
    ASSAY_UNROLL
    for (size_t i = 0; i < 4; i++) {
        __m256i bits = _mm256_and_si256(_mm256_castps_si256(x[i]), magnitude);
        largest = _mm256_max_epu32(largest, bits);
    }
    __m128i four =
        _mm_max_epu32(_mm256_castsi256_si128(largest), _mm256_extracti128_si256(largest, 1));
    four = _mm_max_epu32(four, _mm_shuffle_epi32(four, 0x4e));
    four = _mm_max_epu32(four, _mm_shuffle_epi32(four, 0xb1));
    return (uint32_t)_mm_cvtsi128_si32(four);
}

ASSAY_INLINE int32_t sum_of_lanes(__m256i x)
{
    __m128i four = _mm_add_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4e));
    four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0xb1));
    return _mm_cvtsi128_si32(four);
}

/* q of a block, and the sums that go with it. */
ASSAY_INLINE void scaled(const __m256 x[4], float inv, struct assay_token_block *out)
{
    const __m256i top = _mm256_set1_epi32(127), bottom = _mm256_set1_epi32(-127);
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    __m256i v[4];
    ASSAY_UNROLL
    for (size_t i = 0; i < 4; i++) {
        v[i] = _mm256_cvtps_epi32(_mm256_mul_ps(x[i], _mm256_set1_ps(inv)));
        v[i] = _mm256_max_epi32(_mm256_min_epi32(v[i], top), bottom);
    }
    __m256i low = _mm256_add_epi32(v[0], v[1]), high = _mm256_add_epi32(v[2], v[3]);
    __m256i bytes =
        _mm256_packs_epi16(_mm256_packs_epi32(v[0], v[1]), _mm256_packs_epi32(v[2], v[3]));
    _mm256_storeu_si256((__m256i *)(void *)out->q, _mm256_permutevar8x32_epi32(bytes, order));
    out->minus_low = -sum_of_lanes(low);
    out->minus_sum = out->minus_low - sum_of_lanes(high);
}

void assay_avx2_quantise(const float *x, size_t count, struct assay_token_block *out, size_t stride)
{
    for (size_t b = 0; b < count; b++, out += stride) {
        __m256 v[4];
        ASSAY_UNROLL
        for (size_t i = 0; i < 4; i++) v[i] = _mm256_loadu_ps(x + b * ASSAY_BLOCK + 8 * i);
        uint32_t u = largest_magnitude(v);
        if (u >= 0x7f800000u || u < 0x0d800000u) {
            *out =
                (struct assay_token_block){.d = u >= 0x7f800000u ? assay_float(0x7fc00000u) : 0.0f};
        } else {
            out->d = assay_float(u) / 127.0f;
            scaled(v, 127.0f / assay_float(u), out);
        }
        out->xs = out->d * (float)-out->minus_sum;
    }
}

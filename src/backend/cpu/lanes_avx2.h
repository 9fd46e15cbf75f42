/* What the AVX2 kernels share: exp in eight lanes, and the folds of 1.8. Included by *_avx2.c only.
 */
#ifndef ASSAY_BACKEND_LANES_AVX2_H
#define ASSAY_BACKEND_LANES_AVX2_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

/* Kernels are written once for any number of rows and instantiated for each: the count is a
 * constant after inlining, and its loops are unrolled into registers. */
#define ASSAY_INLINE static inline __attribute__((always_inline))
#define ASSAY_UNROLL _Pragma("GCC unroll 8")

/* 1.2 in every lane: the same operations in the same order as assay_exp. */
ASSAY_INLINE __m256 assay_exp_lanes(__m256 x)
{
    const __m256 shift = _mm256_set1_ps(0x1.8p+23f);
    __m256 below = _mm256_cmp_ps(x, _mm256_set1_ps(-87.0f), _CMP_LT_OQ);
    __m256 above = _mm256_cmp_ps(x, _mm256_set1_ps(88.0f), _CMP_GT_OQ);
    __m256 nan = _mm256_cmp_ps(x, x, _CMP_UNORD_Q);
    __m256 z = _mm256_fmadd_ps(x, _mm256_set1_ps(0x1.715476p+0f), shift);
    /* bits(z) − 0x4b400000 shifted left by 23 is bits(z) shifted: the constant's bits fall out. */
    __m256i n = _mm256_slli_epi32(_mm256_castps_si256(z), 23);
    __m256 zf = _mm256_sub_ps(z, shift);
    __m256 r = _mm256_fmadd_ps(zf, _mm256_set1_ps(-0x1.62e43p-1f), x);
    r = _mm256_fmadd_ps(zf, _mm256_set1_ps(0x1.05c61p-29f), r);
    __m256 q = _mm256_set1_ps(0x1.6a23cep-10f);
    q = _mm256_fmadd_ps(q, r, _mm256_set1_ps(0x1.123a2p-7f));
    q = _mm256_fmadd_ps(q, r, _mm256_set1_ps(0x1.5558f2p-5f));
    q = _mm256_fmadd_ps(q, r, _mm256_set1_ps(0x1.555492p-3f));
    q = _mm256_fmadd_ps(q, r, _mm256_set1_ps(0x1.fffffcp-2f));
    __m256 p = _mm256_fmadd_ps(q, _mm256_mul_ps(r, r), r);
    p = _mm256_add_ps(p, _mm256_set1_ps(1.0f));
    p = _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(p), n));
    p = _mm256_andnot_ps(below, p);
    p = _mm256_blendv_ps(p, _mm256_castsi256_ps(_mm256_set1_epi32(0x7f800000)), above);
    return _mm256_blendv_ps(p, _mm256_castsi256_ps(_mm256_set1_epi32(0x7fc00000)), nan);
}

/* The 16 partial sums of 1.8, s[0..7] and s[8..15], folded by 8, 4, 2, 1. */
ASSAY_INLINE float assay_fold_lanes(__m256 low, __m256 high)
{
    __m256 eight = _mm256_add_ps(low, high);
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    __m128 one = _mm_add_ss(two, _mm_shuffle_ps(two, two, 1));
    return _mm_cvtss_f32(one) + 0.0f;
}

/* f16 × 8 at any address, widened exactly. */
ASSAY_INLINE __m256 assay_load_f16(const uint16_t *from)
{
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)from));
}

/* Eight keys or values from a page: units of 16 bits a value, 1 or 2 (f32). */
ASSAY_INLINE __m256 assay_load_stored(const uint16_t *from, size_t units)
{
    return units == 1 ? assay_load_f16(from) : _mm256_loadu_ps((const float *)(const void *)from);
}

/* The first `count` < 8 of 8 lanes; the others are +0. */
ASSAY_INLINE __m256i assay_first_lanes(size_t count)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)count),
                              _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

#endif

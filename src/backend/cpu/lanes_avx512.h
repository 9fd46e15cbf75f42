/* What the AVX-512 kernels share: exp in sixteen lanes, and the folds of 1.8, whose 16 partial sums
 * are one vector. Included by *_avx512.c only. */
#ifndef ASSAY_BACKEND_LANES_AVX512_H
#define ASSAY_BACKEND_LANES_AVX512_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

/* As in lanes_avx2.h. */
#define ASSAY_INLINE static inline __attribute__((always_inline))
#define ASSAY_UNROLL _Pragma("GCC unroll 16")

/* 1.2 in every lane: the same operations in the same order as assay_exp. */
ASSAY_INLINE __m512 assay_exp_wide(__m512 x)
{
    const __m512 shift = _mm512_set1_ps(0x1.8p+23f);
    __mmask16 below = _mm512_cmp_ps_mask(x, _mm512_set1_ps(-87.0f), _CMP_LT_OQ);
    __mmask16 above = _mm512_cmp_ps_mask(x, _mm512_set1_ps(88.0f), _CMP_GT_OQ);
    __mmask16 nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
    __m512 z = _mm512_fmadd_ps(x, _mm512_set1_ps(0x1.715476p+0f), shift);
    /* bits(z) − 0x4b400000 shifted left by 23 is bits(z) shifted: the constant's bits fall out. */
    __m512i n = _mm512_slli_epi32(_mm512_castps_si512(z), 23);
    __m512 zf = _mm512_sub_ps(z, shift);
    __m512 r = _mm512_fmadd_ps(zf, _mm512_set1_ps(-0x1.62e43p-1f), x);
    r = _mm512_fmadd_ps(zf, _mm512_set1_ps(0x1.05c61p-29f), r);
    __m512 q = _mm512_set1_ps(0x1.6a23cep-10f);
    q = _mm512_fmadd_ps(q, r, _mm512_set1_ps(0x1.123a2p-7f));
    q = _mm512_fmadd_ps(q, r, _mm512_set1_ps(0x1.5558f2p-5f));
    q = _mm512_fmadd_ps(q, r, _mm512_set1_ps(0x1.555492p-3f));
    q = _mm512_fmadd_ps(q, r, _mm512_set1_ps(0x1.fffffcp-2f));
    __m512 p = _mm512_fmadd_ps(q, _mm512_mul_ps(r, r), r);
    p = _mm512_add_ps(p, _mm512_set1_ps(1.0f));
    p = _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(p), n));
    p = _mm512_maskz_mov_ps((__mmask16)~below, p);
    p = _mm512_mask_mov_ps(p, above, _mm512_castsi512_ps(_mm512_set1_epi32(0x7f800000)));
    return _mm512_mask_mov_ps(p, nan, _mm512_castsi512_ps(_mm512_set1_epi32(0x7fc00000)));
}

/* The 16 partial sums of 1.8 folded by 8, 4, 2, 1. */
ASSAY_INLINE float assay_fold_wide(__m512 s)
{
    __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(s), _mm512_extractf32x8_ps(s, 1));
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    __m128 one = _mm_add_ss(two, _mm_shuffle_ps(two, two, 1));
    return _mm_cvtss_f32(one) + 0.0f;
}

/* The first `count` of 16 lanes, all for 16 and more. */
ASSAY_INLINE __mmask16 assay_first_of_16(size_t count)
{
    return (__mmask16)(count >= 16 ? 0xffffu : (1u << count) - 1);
}

/* f16 at any address, widened exactly. */
ASSAY_INLINE __m512 assay_wide_f16(const uint16_t *from)
{
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)from));
}
ASSAY_INLINE __m512 assay_wide_f16_some(const uint16_t *from, __mmask16 lanes)
{
    return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(lanes, from));
}

/* Sixteen keys or values from a page: units of 16 bits a value, 1 or 2 (f32). */
ASSAY_INLINE __m512 assay_wide_stored(const uint16_t *from, size_t units)
{
    return units == 1 ? assay_wide_f16(from) : _mm512_loadu_ps(from);
}
ASSAY_INLINE __m512 assay_wide_stored_some(const uint16_t *from, size_t units, __mmask16 lanes)
{
    return units == 1 ? assay_wide_f16_some(from, lanes) : _mm512_maskz_loadu_ps(lanes, from);
}

#endif

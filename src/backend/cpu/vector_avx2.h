/* The vocabulary of the products (product_quantised.h, product_float.h) in AVX2: eight lanes.
 * A vector_*.h and three files of a few lines are an instruction set's products. */
#ifndef ASSAY_BACKEND_VECTOR_AVX2_H
#define ASSAY_BACKEND_VECTOR_AVX2_H

#include "backend/cpu/lanes_avx2.h"

/* 16 registers: four tokens, and the codes of a block unpacked where they are used. */
enum { LANES = 8, TOKENS = 4, TOGETHER = 4, CODES_STAY = 0 };

typedef __m256 reals;
typedef __m256i integers;

ASSAY_INLINE reals reals_zero(void)
{
    return _mm256_setzero_ps();
}
ASSAY_INLINE reals reals_load(const float *from)
{
    return _mm256_loadu_ps(from);
}
ASSAY_INLINE void reals_store(float *to, reals x)
{
    _mm256_storeu_ps(to, x);
}
ASSAY_INLINE reals reals_f16(const void *from)
{
    return assay_load_f16(from);
}
ASSAY_INLINE reals reals_bf16(const void *from)
{
    __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128(from));
    return _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
}
ASSAY_INLINE reals reals_all(const float *value)
{
    return _mm256_broadcast_ss(value);
}
ASSAY_INLINE reals reals_add(reals a, reals b)
{
    return _mm256_add_ps(a, b);
}
ASSAY_INLINE reals reals_multiply(reals a, reals b)
{
    return _mm256_mul_ps(a, b);
}
ASSAY_INLINE reals reals_fma(reals a, reals b, reals c)
{
    return _mm256_fmadd_ps(a, b, c);
}
ASSAY_INLINE reals reals_fma_negative(reals a, reals b, reals c) /* fma(−a, b, c) */
{
    return _mm256_fnmadd_ps(a, b, c);
}
ASSAY_INLINE reals reals_of(integers x)
{
    return _mm256_cvtepi32_ps(x);
}

ASSAY_INLINE integers integers_load(const void *from)
{
    return _mm256_loadu_si256(from);
}
ASSAY_INLINE integers integers_zero(void)
{
    return _mm256_setzero_si256();
}
ASSAY_INLINE integers integers_all(const int32_t *value)
{
    return _mm256_set1_epi32(*value);
}
ASSAY_INLINE integers integers_u8(const void *from)
{
    return _mm256_cvtepu8_epi32(_mm_loadl_epi64(from));
}
ASSAY_INLINE integers integers_i8(const void *from)
{
    return _mm256_cvtepi8_epi32(_mm_loadl_epi64(from));
}
ASSAY_INLINE integers integers_add(integers a, integers b)
{
    return _mm256_add_epi32(a, b);
}
ASSAY_INLINE integers integers_subtract(integers a, integers b)
{
    return _mm256_sub_epi32(a, b);
}
ASSAY_INLINE integers integers_multiply(integers a, integers b)
{
    return _mm256_mullo_epi32(a, b);
}
ASSAY_INLINE integers integers_times_power(integers a, int power)
{
    return _mm256_slli_epi32(a, power);
}

/* Bytes: those of `x` moved up or down by `places` bits, and only the bits of `mask` kept. Bits
 * that cross from the neighbouring byte are never in a mask. */
ASSAY_INLINE integers bytes_up(integers x, int places, char mask)
{
    return _mm256_and_si256(_mm256_slli_epi16(x, places), _mm256_set1_epi8(mask));
}
ASSAY_INLINE integers bytes_down(integers x, int places, char mask)
{
    return _mm256_and_si256(_mm256_srli_epi16(x, places), _mm256_set1_epi8(mask));
}
ASSAY_INLINE integers bytes_or(integers a, integers b)
{
    return _mm256_or_si256(a, b);
}

/* A dot product under way. maddubs sums two products in 16 bits; as many of them as fit are added
 * there (1.6's bounds: 8 for 4-bit codes, 4 for 5, 2 for 6, 1 for 8) before they are widened. */
struct dot {
    integers wide, narrow;
};
ASSAY_INLINE struct dot dot_from(integers start)
{
    return (struct dot){start, _mm256_setzero_si256()};
}
ASSAY_INLINE integers dot_four(const int8_t *q)
{
    int32_t four;
    __builtin_memcpy(&four, q, sizeof four);
    return _mm256_set1_epi32(four);
}
ASSAY_INLINE void dot_add(struct dot *dot, integers codes, const int8_t *q)
{
    dot->narrow = _mm256_add_epi16(dot->narrow, _mm256_maddubs_epi16(codes, dot_four(q)));
}
/* After vector j of 8. */
ASSAY_INLINE void dot_widen(struct dot *dot, unsigned bits, size_t j)
{
    const size_t fit = bits == 4 ? 8 : bits == 5 ? 4 : bits == 6 ? 2 : 1;
    if ((j + 1) % fit != 0) return;
    dot->wide = _mm256_add_epi32(dot->wide, _mm256_madd_epi16(dot->narrow, _mm256_set1_epi16(1)));
    dot->narrow = _mm256_setzero_si256();
}
/* 8-bit codes are values + 128, and two products of them do not fit 16 bits. Magnitudes do: the
 * value's sign goes to the activation, which is never −128, so nothing overflows. */
enum { EIGHT_BITS_AS_SIGNED = 1 };
ASSAY_INLINE void dot_add_signed(struct dot *dot, integers codes, const int8_t *q)
{
    integers value = _mm256_xor_si256(codes, _mm256_set1_epi8(-128));
    integers four = _mm256_sign_epi8(dot_four(q), value);
    dot->narrow = _mm256_maddubs_epi16(_mm256_abs_epi8(value), four);
}
#define DOT_SUM(dot) (dot).narrow
ASSAY_INLINE integers dot_value(struct dot dot)
{
    return dot.wide;
}

#endif

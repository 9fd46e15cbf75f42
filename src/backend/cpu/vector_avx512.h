/* The vocabulary of the products in AVX-512 (F, BW, DQ, VL): sixteen lanes, and 32 registers. A
 * file compiled for VNNI as well does a dot product's four multiplications and its additions in one
 * instruction, with the same integers. */
#ifndef ASSAY_BACKEND_VECTOR_AVX512_H
#define ASSAY_BACKEND_VECTOR_AVX512_H

#include "backend/cpu/lanes_avx512.h"

/* A block's codes are unpacked into 8 registers once for all tokens; 16 accumulators, and the dot
 * products of four tokens at a time to hide their latency. */
enum { LANES = 16, TOKENS = 16, TOGETHER = 4, CODES_STAY = 1 };

typedef __m512 reals;
typedef __m512i integers;

ASSAY_INLINE reals reals_zero(void)
{
    return _mm512_setzero_ps();
}
ASSAY_INLINE reals reals_load(const float *from)
{
    return _mm512_loadu_ps(from);
}
ASSAY_INLINE void reals_store(float *to, reals x)
{
    _mm512_storeu_ps(to, x);
}
ASSAY_INLINE reals reals_f16(const void *from)
{
    return _mm512_cvtph_ps(_mm256_loadu_si256(from));
}
ASSAY_INLINE reals reals_bf16(const void *from)
{
    __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(from));
    return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}
ASSAY_INLINE reals reals_all(const float *value)
{
    return _mm512_set1_ps(*value);
}
ASSAY_INLINE reals reals_add(reals a, reals b)
{
    return _mm512_add_ps(a, b);
}
ASSAY_INLINE reals reals_multiply(reals a, reals b)
{
    return _mm512_mul_ps(a, b);
}
ASSAY_INLINE reals reals_fma(reals a, reals b, reals c)
{
    return _mm512_fmadd_ps(a, b, c);
}
ASSAY_INLINE reals reals_fma_negative(reals a, reals b, reals c) /* fma(−a, b, c) */
{
    return _mm512_fnmadd_ps(a, b, c);
}
ASSAY_INLINE reals reals_of(integers x)
{
    return _mm512_cvtepi32_ps(x);
}

ASSAY_INLINE integers integers_load(const void *from)
{
    return _mm512_loadu_si512(from);
}
ASSAY_INLINE integers integers_zero(void)
{
    return _mm512_setzero_si512();
}
ASSAY_INLINE integers integers_all(const int32_t *value)
{
    return _mm512_set1_epi32(*value);
}
ASSAY_INLINE integers integers_u8(const void *from)
{
    return _mm512_cvtepu8_epi32(_mm_loadu_si128(from));
}
ASSAY_INLINE integers integers_i8(const void *from)
{
    return _mm512_cvtepi8_epi32(_mm_loadu_si128(from));
}
ASSAY_INLINE integers integers_add(integers a, integers b)
{
    return _mm512_add_epi32(a, b);
}
ASSAY_INLINE integers integers_subtract(integers a, integers b)
{
    return _mm512_sub_epi32(a, b);
}
ASSAY_INLINE integers integers_multiply(integers a, integers b)
{
    return _mm512_mullo_epi32(a, b);
}
ASSAY_INLINE integers integers_times_power(integers a, int power)
{
    return _mm512_slli_epi32(a, (unsigned)power);
}

/* The same function is declared with other integers. */
#ifdef __clang__
typedef unsigned assay_shift;
#else
typedef int assay_shift;
#endif

/* As in vector_avx2.h. */
ASSAY_INLINE integers bytes_up(integers x, int places, char mask)
{
    return _mm512_and_si512(_mm512_slli_epi16(x, (assay_shift)places), _mm512_set1_epi8(mask));
}
ASSAY_INLINE integers bytes_down(integers x, int places, char mask)
{
    return _mm512_and_si512(_mm512_srli_epi16(x, (assay_shift)places), _mm512_set1_epi8(mask));
}
ASSAY_INLINE integers bytes_or(integers a, integers b)
{
    return _mm512_or_si512(a, b);
}

ASSAY_INLINE integers dot_four(const int8_t *q)
{
    int32_t four;
    __builtin_memcpy(&four, q, sizeof four);
    return _mm512_set1_epi32(four);
}

#ifdef __AVX512VNNI__

struct dot {
    integers wide;
};
ASSAY_INLINE struct dot dot_from(integers start)
{
    return (struct dot){start};
}
ASSAY_INLINE void dot_add(struct dot *dot, integers codes, const int8_t *q)
{
    dot->wide = _mm512_dpbusd_epi32(dot->wide, codes, dot_four(q));
}
ASSAY_INLINE void dot_widen(struct dot *dot, unsigned bits, size_t j)
{
    (void)dot, (void)bits, (void)j; /* sums are 32 bits wide from the start */
}
#define DOT_SUM(dot) (dot).wide
enum { EIGHT_BITS_AS_SIGNED = 0 };
ASSAY_INLINE void dot_add_signed(struct dot *dot, integers codes, const int8_t *q)
{
    dot_add(dot, codes, q);
}

#else

/* As in vector_avx2.h. */
struct dot {
    integers wide, narrow;
};
ASSAY_INLINE struct dot dot_from(integers start)
{
    return (struct dot){start, _mm512_setzero_si512()};
}
ASSAY_INLINE void dot_add(struct dot *dot, integers codes, const int8_t *q)
{
    dot->narrow = _mm512_add_epi16(dot->narrow, _mm512_maddubs_epi16(codes, dot_four(q)));
}
ASSAY_INLINE void dot_widen(struct dot *dot, unsigned bits, size_t j)
{
    const size_t fit = bits == 4 ? 8 : bits == 5 ? 4 : bits == 6 ? 2 : 1;
    if ((j + 1) % fit != 0) return;
    dot->wide = _mm512_add_epi32(dot->wide, _mm512_madd_epi16(dot->narrow, _mm512_set1_epi16(1)));
    dot->narrow = _mm512_setzero_si512();
}
#define DOT_SUM(dot) (dot).narrow
enum { EIGHT_BITS_AS_SIGNED = 1 };
ASSAY_INLINE void dot_add_signed(struct dot *dot, integers codes, const int8_t *q)
{
    integers value = _mm512_xor_si512(codes, _mm512_set1_epi8(-128)), four = dot_four(q);
    four = _mm512_mask_sub_epi8(four, _mm512_movepi8_mask(value), _mm512_setzero_si512(), four);
    dot->narrow = _mm512_maddubs_epi16(_mm512_abs_epi8(value), four);
}

#endif

ASSAY_INLINE integers dot_value(struct dot dot)
{
    return dot.wide;
}

#endif

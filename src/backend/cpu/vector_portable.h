/* The vocabulary of the products (product_quantised.h, product_float.h) in plain C with the vector
 * types that gcc and clang share: eight lanes, so that the panels are those of AVX2. It is what an
 * ARM machine runs, and an x86 without AVX2.
 *
 * A vector is two of 16 bytes, the width of NEON and of SSE2: a 32-byte type that the target lacks
 * is kept in memory. Numbers of machines are little-endian, as in panel.h. */
#ifndef ASSAY_BACKEND_VECTOR_PORTABLE_H
#define ASSAY_BACKEND_VECTOR_PORTABLE_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#define ASSAY_INLINE static inline __attribute__((always_inline))
#ifdef __clang__
#define ASSAY_UNROLL _Pragma("unroll")
#else
#define ASSAY_UNROLL _Pragma("GCC unroll 8")
#endif

enum { LANES = 8, TOKENS = 4, TOGETHER = 4, CODES_STAY = 0 };

typedef float four_reals __attribute__((vector_size(16)));
typedef int32_t four_words __attribute__((vector_size(16)));
typedef uint32_t four_bits __attribute__((vector_size(16)));
typedef int16_t eight_shorts __attribute__((vector_size(16)));
typedef uint16_t eight_halves __attribute__((vector_size(16)));
typedef uint16_t four_halves __attribute__((vector_size(8)));

typedef struct {
    four_reals part[2];
} reals;
typedef struct {
    four_words part[2];
} integers;

ASSAY_INLINE reals reals_load(const float *from)
{
    reals out;
    __builtin_memcpy(&out, from, sizeof out);
    return out;
}
ASSAY_INLINE void reals_store(float *to, reals x)
{
    __builtin_memcpy(to, &x, sizeof x);
}
ASSAY_INLINE reals reals_all(const float *value)
{
    const four_reals all = {*value, *value, *value, *value};
    return (reals){{all, all}};
}
ASSAY_INLINE reals reals_zero(void)
{
    const four_reals zero = {0};
    return (reals){{zero, zero}};
}
/* Exact: the exponent moves by a multiplication, which also makes numbers of f16's subnormals. */
ASSAY_INLINE four_reals widen_halves(const void *from)
{
    four_halves halves;
    __builtin_memcpy(&halves, from, sizeof halves);
    four_bits bits = __builtin_convertvector(halves, four_bits);
    four_bits magnitude = bits & 0x7fff, sign = (bits & 0x8000) << 16;
    four_reals value = (four_reals)(magnitude << 13) * 0x1p112f;
    four_bits not_finite = (four_bits)(magnitude >= 0x7c00) & 0x7f800000;
    return (four_reals)((four_bits)value | not_finite | sign);
}
ASSAY_INLINE reals reals_f16(const void *from)
{
    return (reals){{widen_halves(from), widen_halves((const uint16_t *)from + 4)}};
}
ASSAY_INLINE four_reals widen_bf16(const void *from)
{
    four_halves halves;
    __builtin_memcpy(&halves, from, sizeof halves);
    return (four_reals)(__builtin_convertvector(halves, four_bits) << 16);
}
ASSAY_INLINE reals reals_bf16(const void *from)
{
    return (reals){{widen_bf16(from), widen_bf16((const uint16_t *)from + 4)}};
}
ASSAY_INLINE reals reals_add(reals a, reals b)
{
    return (reals){{a.part[0] + b.part[0], a.part[1] + b.part[1]}};
}
ASSAY_INLINE reals reals_multiply(reals a, reals b)
{
    return (reals){{a.part[0] * b.part[0], a.part[1] * b.part[1]}};
}
/* Rounded once, whatever the target: one instruction where it has it, else the library's. */
ASSAY_INLINE four_reals fma_part(four_reals a, four_reals b, four_reals c)
{
    return (four_reals){fmaf(a[0], b[0], c[0]), fmaf(a[1], b[1], c[1]), fmaf(a[2], b[2], c[2]),
                        fmaf(a[3], b[3], c[3])};
}
ASSAY_INLINE reals reals_fma(reals a, reals b, reals c)
{
    return (reals){
        {fma_part(a.part[0], b.part[0], c.part[0]), fma_part(a.part[1], b.part[1], c.part[1])}};
}
ASSAY_INLINE reals reals_fma_negative(reals a, reals b, reals c) /* fma(−a, b, c) */
{
    return (reals){
        {fma_part(-a.part[0], b.part[0], c.part[0]), fma_part(-a.part[1], b.part[1], c.part[1])}};
}
ASSAY_INLINE reals reals_of(integers x)
{
    return (reals){{__builtin_convertvector(x.part[0], four_reals),
                    __builtin_convertvector(x.part[1], four_reals)}};
}

ASSAY_INLINE integers integers_load(const void *from)
{
    integers out;
    __builtin_memcpy(&out, from, sizeof out);
    return out;
}
ASSAY_INLINE integers integers_zero(void)
{
    const four_words zero = {0};
    return (integers){{zero, zero}};
}
ASSAY_INLINE integers integers_all(const int32_t *value)
{
    const four_words all = {*value, *value, *value, *value};
    return (integers){{all, all}};
}
ASSAY_INLINE integers integers_u8(const void *from)
{
    const uint8_t *x = from;
    return (integers){{{x[0], x[1], x[2], x[3]}, {x[4], x[5], x[6], x[7]}}};
}
ASSAY_INLINE integers integers_i8(const void *from)
{
    const int8_t *x = from;
    return (integers){{{x[0], x[1], x[2], x[3]}, {x[4], x[5], x[6], x[7]}}};
}
ASSAY_INLINE integers integers_add(integers a, integers b)
{
    return (integers){{a.part[0] + b.part[0], a.part[1] + b.part[1]}};
}
ASSAY_INLINE integers integers_subtract(integers a, integers b)
{
    return (integers){{a.part[0] - b.part[0], a.part[1] - b.part[1]}};
}
ASSAY_INLINE integers integers_multiply(integers a, integers b)
{
    return (integers){{a.part[0] * b.part[0], a.part[1] * b.part[1]}};
}
ASSAY_INLINE integers integers_times_power(integers a, int power)
{
    const int32_t factor = 1 << power;
    return (integers){{a.part[0] * factor, a.part[1] * factor}};
}

/* Bytes: those of `x` moved up or down by `places` bits, and only the bits of `mask` kept. Bits
 * that cross from the neighbouring byte are never in a mask. */
ASSAY_INLINE four_words masked(eight_halves x, char mask)
{
    return (four_words)(x & (uint16_t)((uint8_t)mask * 0x0101u));
}
ASSAY_INLINE integers bytes_up(integers x, int places, char mask)
{
    return (integers){{masked((eight_halves)x.part[0] << places, mask),
                       masked((eight_halves)x.part[1] << places, mask)}};
}
ASSAY_INLINE integers bytes_down(integers x, int places, char mask)
{
    return (integers){{masked((eight_halves)x.part[0] >> places, mask),
                       masked((eight_halves)x.part[1] >> places, mask)}};
}
ASSAY_INLINE integers bytes_or(integers a, integers b)
{
    return (integers){{a.part[0] | b.part[0], a.part[1] | b.part[1]}};
}

/* The even or odd bytes of 16 as numbers of 16 bits: of the four elements of a row those at 0 and
 * 2, or at 1 and 3. */
ASSAY_INLINE eight_shorts even_signed(four_words x)
{
    return (eight_shorts)((eight_halves)x << 8) >> 8;
}
ASSAY_INLINE eight_shorts odd_signed(four_words x)
{
    return (eight_shorts)x >> 8;
}
ASSAY_INLINE eight_shorts even_unsigned(four_words x)
{
    return (eight_shorts)((eight_halves)x & 0xff);
}
ASSAY_INLINE eight_shorts odd_unsigned(four_words x)
{
    return (eight_shorts)((eight_halves)x >> 8);
}

/* A dot product under way. A lane of 16 bits takes two products of a vector, as maddubs does; as
 * many of them as fit are added there (1.6's bounds: 8 for 4-bit codes, 4 for 5, 2 for 6, 1 for 8)
 * before they are widened. */
struct dot {
    integers wide;
    eight_shorts narrow[2];
};
ASSAY_INLINE struct dot dot_from(integers start)
{
    return (struct dot){.wide = start};
}
ASSAY_INLINE four_words dot_four(const int8_t *q)
{
    int32_t four;
    __builtin_memcpy(&four, q, sizeof four);
    return (four_words){four, four, four, four};
}
ASSAY_INLINE void dot_add(struct dot *dot, integers codes, const int8_t *q)
{
    const four_words four = dot_four(q);
    ASSAY_UNROLL
    for (size_t i = 0; i < 2; i++) {
        dot->narrow[i] += even_unsigned(codes.part[i]) * even_signed(four);
        dot->narrow[i] += odd_unsigned(codes.part[i]) * odd_signed(four);
    }
}
/* 8-bit codes are values + 128; the values' products fit 16 bits. */
enum { EIGHT_BITS_AS_SIGNED = 1 };
ASSAY_INLINE void dot_add_signed(struct dot *dot, integers codes, const int8_t *q)
{
    const four_words four = dot_four(q);
    ASSAY_UNROLL
    for (size_t i = 0; i < 2; i++) {
        const four_words value = (four_words)((eight_halves)codes.part[i] ^ 0x8080);
        dot->narrow[i] += even_signed(value) * even_signed(four);
        dot->narrow[i] += odd_signed(value) * odd_signed(four);
    }
}
/* After vector j of 8. */
ASSAY_INLINE void dot_widen(struct dot *dot, unsigned bits, size_t j)
{
    const size_t fit = bits == 4 ? 8 : bits == 5 ? 4 : bits == 6 ? 2 : 1;
    if ((j + 1) % fit != 0) return;
    ASSAY_UNROLL
    for (size_t i = 0; i < 2; i++) {
        const four_words pairs = (four_words)dot->narrow[i];
        dot->wide.part[i] += (four_words)((four_bits)pairs << 16) >> 16;
        dot->wide.part[i] += pairs >> 16;
        dot->narrow[i] = (eight_shorts){0};
    }
}
ASSAY_INLINE integers dot_value(struct dot dot)
{
    return dot.wide;
}

#endif

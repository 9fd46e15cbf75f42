/* The quantised products (1.6), written once on the vocabulary of a vector_*.h and instantiated by
 * product_quantised_*.c for each type and number of tokens: types and counts are constants after
 * inlining.
 *
 * Rows of weights stand in the lanes of a vector and each token has one accumulator. Segments are
 * done one after another, so one accumulator a token is alive, and finished segments fold at once:
 * after segments 1, 3, 5, 7 with their neighbour, after 3 and 7 with the pair before, after 7 with
 * the other half. That is the tree of 1.6. A block is loaded and unpacked once for all tokens. */
#include "backend/cpu/cpu.h"
#include "backend/cpu/panel.h"

enum { CACHE_LINE = 64 };

/* Vector j of a block's codes: elements 4j … 4j+3 of all rows. */
ASSAY_INLINE integers codes_at(enum assay_dtype dtype, const uint8_t *block, size_t j)
{
    const uint8_t *high = block + 16 * LANES;
    if (assay_panel_bits(dtype) == 8) return integers_load(block + 4 * LANES * j);
    integers both = integers_load(block + 4 * LANES * (j / 2));
    integers low = j % 2 == 0 ? bytes_up(both, 0, 15) : bytes_down(both, 4, 15);
    if (assay_panel_bits(dtype) == 5) {
        integers bits = integers_load(high);
        bits = j < 4 ? bytes_up(bits, 4 - (int)j, 16) : bytes_down(bits, (int)j - 4, 16);
        return bytes_or(low, bits);
    }
    if (assay_panel_bits(dtype) == 6) {
        integers bits = integers_load(high + 4 * LANES * (j / 4));
        bits = j % 4 < 2 ? bytes_up(bits, 4 - 2 * (int)(j % 4), 48)
                         : bytes_down(bits, 2 * (int)(j % 4) - 4, 48);
        return bytes_or(low, bits);
    }
    return low;
}

struct block {
    const uint8_t *codes;
    integers unpacked[8]; /* where they stay in registers */
    reals scale, minimum;
    integers halves[2]; /* Q6_K */
};

/* ahead: bytes to the same block of the next panel, which is on its way while this one is used; or
 * 0. While many activations pass over a panel the hardware sees only them coming (16 rows from
 * memory: 130 against 150 GMAC/s); with few it does better alone. */
ASSAY_INLINE struct block block_open(enum assay_dtype dtype, const uint8_t *panel, size_t b,
                                     size_t ahead)
{
    struct block block = {.codes = panel + assay_panel_at(dtype, LANES, b)};
    const uint8_t *scales = block.codes + assay_panel_code_bytes(dtype, LANES);
    const uint8_t *head = scales;
    if (assay_panel_is_k(dtype)) head = panel + b / 8 * assay_panel_super_bytes(dtype, LANES);
    block.scale = reals_f16(head);
    if (assay_panel_has_minimum(dtype)) block.minimum = reals_f16(head + 2 * LANES);
    if (dtype == ASSAY_DTYPE_Q6_K) {
        block.halves[0] = integers_i8(scales);
        block.halves[1] = integers_i8(scales + LANES);
    } else if (assay_panel_is_k(dtype)) {
        block.scale = reals_multiply(block.scale, reals_of(integers_u8(scales)));
        block.minimum = reals_multiply(block.minimum, reals_of(integers_u8(scales + LANES)));
    }
    if (ahead > 0) {
        ASSAY_UNROLL
        for (size_t i = 0; i < assay_panel_block_bytes(dtype, LANES); i += CACHE_LINE) {
            __builtin_prefetch(block.codes + ahead + i, 0, 2);
        }
    }
    if (CODES_STAY) {
        ASSAY_UNROLL
        for (size_t j = 0; j < 8; j++) block.unpacked[j] = codes_at(dtype, block.codes, j);
    }
    return block;
}

/* What the sum of codes × activations begins from, so that it ends as that of values: unsigned
 * codes count their offset too much. Q6_K: the first or second half of the block. */
ASSAY_INLINE integers dot_start(enum assay_dtype dtype, const struct assay_token_block *token,
                                size_t half)
{
    integers all = integers_all(&token->minus_sum);
    switch (dtype) {
    case ASSAY_DTYPE_Q4_0:
        return integers_times_power(all, 3);
    case ASSAY_DTYPE_Q5_0:
        return integers_times_power(all, 4);
    case ASSAY_DTYPE_Q8_0:
        return EIGHT_BITS_AS_SIGNED ? integers_zero() : integers_times_power(all, 7);
    case ASSAY_DTYPE_Q6_K: {
        integers low = integers_all(&token->minus_low);
        return integers_times_power(half == 0 ? low : integers_subtract(all, low), 5);
    }
    default:
        return integers_zero();
    }
}

/* Σ (code − offset)·q of `count` ≤ TOGETHER tokens over vectors begin … end − 1 of the block. */
ASSAY_INLINE void part_dots(enum assay_dtype dtype, const struct block *block,
                            const struct assay_token_block *tokens, size_t count, size_t begin,
                            size_t end, integers sums[TOGETHER])
{
    struct dot dots[TOGETHER];
    ASSAY_UNROLL
    for (size_t t = 0; t < count; t++) dots[t] = dot_from(dot_start(dtype, tokens + t, begin / 4));
    ASSAY_UNROLL
    for (size_t j = begin; j < end; j++) {
        integers codes = CODES_STAY ? block->unpacked[j] : codes_at(dtype, block->codes, j);
        ASSAY_UNROLL
        for (size_t t = 0; t < count; t++) {
            if (dtype == ASSAY_DTYPE_Q8_0) {
                dot_add_signed(&dots[t], codes, tokens[t].q + 4 * j);
            } else {
                dot_add(&dots[t], codes, tokens[t].q + 4 * j);
            }
            dot_widen(&dots[t], assay_panel_bits(dtype), j);
        }
    }
    ASSAY_UNROLL
    for (size_t t = 0; t < count; t++) sums[t] = dot_value(dots[t]);
}

/* The exact integers of 1.6. */
ASSAY_INLINE void block_dots(enum assay_dtype dtype, const struct block *block,
                             const struct assay_token_block *tokens, size_t count,
                             integers sums[TOGETHER])
{
    if (dtype != ASSAY_DTYPE_Q6_K) {
        part_dots(dtype, block, tokens, count, 0, 8, sums);
        return;
    }
    integers second[TOGETHER];
    part_dots(dtype, block, tokens, count, 0, 4, sums);
    part_dots(dtype, block, tokens, count, 4, 8, second);
    ASSAY_UNROLL
    for (size_t t = 0; t < count; t++) {
        sums[t] = integers_add(integers_multiply(sums[t], block->halves[0]),
                               integers_multiply(second[t], block->halves[1]));
    }
}

/* One element onto the accumulators of all tokens. */
ASSAY_INLINE void block_step(enum assay_dtype dtype, const uint8_t *panel, size_t b, size_t ahead,
                             const struct assay_token_block *tokens, size_t count,
                             reals acc[TOKENS])
{
    struct block block = block_open(dtype, panel, b, ahead);
    ASSAY_UNROLL
    for (size_t first = 0; first < count; first += TOGETHER) {
        const size_t some = count - first < TOGETHER ? count - first : TOGETHER;
        integers sums[TOGETHER];
        block_dots(dtype, &block, tokens + first, some, sums);
        ASSAY_UNROLL
        for (size_t t = 0; t < some; t++) {
            const struct assay_token_block *token = tokens + first + t;
            reals *to = &acc[first + t];
            reals d = reals_multiply(block.scale, reals_all(&token->d));
            *to = reals_fma(d, reals_of(sums[t]), *to);
            if (!assay_panel_has_minimum(dtype)) continue;
            reals xs = reals_all(&token->xs);
            *to = assay_panel_is_k(dtype) ? reals_fma_negative(block.minimum, xs, *to)
                                          : reals_fma(block.minimum, xs, *to);
        }
    }
}

ASSAY_INLINE void tile_of(enum assay_dtype dtype, const uint8_t *panel, size_t elements,
                          const struct assay_token_block *x, size_t count, float *y, size_t stride)
{
    const size_t bytes = assay_panel_at(dtype, LANES, elements);
    const size_t ahead = count < 8 ? 0 : bytes - assay_panel_head_bytes(dtype, LANES);
    reals pending[3][TOKENS], acc[TOKENS];
    for (size_t g = 0; g < 8; g++) {
        ASSAY_UNROLL
        for (size_t t = 0; t < count; t++) acc[t] = reals_zero();
        for (size_t b = g * elements / 8; b < (g + 1) * elements / 8; b++) {
            block_step(dtype, panel, b, ahead, x + b * count, count, acc);
        }
        size_t level = 0;
        for (; g >> level & 1; level++) {
            ASSAY_UNROLL
            for (size_t t = 0; t < count; t++) acc[t] = reals_add(pending[level][t], acc[t]);
        }
        if (level == 3) break;
        ASSAY_UNROLL
        for (size_t t = 0; t < count; t++) pending[level][t] = acc[t];
    }
    ASSAY_UNROLL
    for (size_t t = 0; t < count; t++) reals_store(y + t * stride, acc[t]);
}

/* An instance for each number of tokens that a group can have (assay_cpu_group). */
ASSAY_INLINE void tile_for(enum assay_dtype dtype, const void *panel, size_t elements,
                           const void *x, size_t count, float *y, size_t stride)
{
#define INSTANCE(n)                                                                                \
    case n:                                                                                        \
        if (n <= TOKENS) tile_of(dtype, panel, elements, x, n <= TOKENS ? n : 1, y, stride);       \
        break
    switch (count) {
        INSTANCE(1);
        INSTANCE(2);
        INSTANCE(3);
        INSTANCE(4);
        INSTANCE(5);
        INSTANCE(6);
        INSTANCE(7);
        INSTANCE(8);
        INSTANCE(16);
    }
#undef INSTANCE
}

#ifdef DOT_SUM /* whose sums are one register */
/* The inner step alone, on eight accumulators, so that none waits for its own last sum. */
ASSAY_INLINE uint64_t peak_of(uint64_t rounds)
{
    enum { CHAINS = 8, STEPS = 8 };
    static const struct assay_token_block token = {.q = {1, -1, 2, -2, 1}};
    struct dot dots[CHAINS];
    int32_t ones = 0x01010101;
    integers codes = integers_all(&ones);
    ASSAY_UNROLL
    for (size_t t = 0; t < CHAINS; t++) {
        dots[t] = dot_from(integers_zero());
        __asm__ volatile("" : "+v"(DOT_SUM(dots[t]))); /* no two chains are known to be the same */
    }
    for (uint64_t round = 0; round < rounds; round++) {
        __asm__ volatile("" : "+v"(codes) : : "memory"); /* the same sums are to be made again */
        ASSAY_UNROLL
        for (size_t j = 0; j < STEPS; j++) {
            ASSAY_UNROLL
            for (size_t t = 0; t < CHAINS; t++) dot_add(&dots[t], codes, token.q + 4 * j);
        }
    }
    ASSAY_UNROLL
    for (size_t t = 0; t < CHAINS; t++) {
        integers sum = DOT_SUM(dots[t]);
        __asm__ volatile("" : : "v"(sum));
    }
    return rounds * CHAINS * STEPS * LANES * 4;
}

#define ASSAY_QUANTISED_PEAK(isa)                                                                  \
    uint64_t assay_##isa##_peak(uint64_t rounds)                                                   \
    {                                                                                              \
        return peak_of(rounds);                                                                    \
    }
#else
#define ASSAY_QUANTISED_PEAK(isa)
#endif
#define ASSAY_QUANTISED_KERNEL(isa, name, dtype)                                                   \
    void assay_##isa##_tile_##name(const void *panel, size_t elements, const void *x,              \
                                   size_t tokens, float *y, size_t stride)                         \
    {                                                                                              \
        tile_for(ASSAY_DTYPE_##dtype, panel, elements, x, tokens, y, stride);                      \
    }
#define ASSAY_QUANTISED_KERNELS(isa)                                                               \
    ASSAY_QUANTISED_PEAK(isa)                                                                      \
    ASSAY_QUANTISED_KERNEL(isa, q4_0, Q4_0)                                                        \
    ASSAY_QUANTISED_KERNEL(isa, q4_1, Q4_1)                                                        \
    ASSAY_QUANTISED_KERNEL(isa, q5_0, Q5_0)                                                        \
    ASSAY_QUANTISED_KERNEL(isa, q5_1, Q5_1)                                                        \
    ASSAY_QUANTISED_KERNEL(isa, q8_0, Q8_0)                                                        \
    ASSAY_QUANTISED_KERNEL(isa, q4_k, Q4_K)                                                        \
    ASSAY_QUANTISED_KERNEL(isa, q5_k, Q5_K)                                                        \
    ASSAY_QUANTISED_KERNEL(isa, q6_k, Q6_K)

/* The frame of the quantised products (1.6), included once by each product_q*_avx2.c after it has
 * defined
 *     block_type                          the panel's block
 *     block_step(block, x, stride, tokens, acc)   one element onto the accumulators of all tokens
 * Eight rows of weights stand in the lanes of a vector and each token has one accumulator. Segments
 * are done one after another, so one accumulator a token is alive, and finished segments fold at
 * once: after segments 1, 3, 5, 7 with their neighbour, after 3 and 7 with the pair before, after 7
 * with the other half. That is the tree of 1.6. */
#include "backend/cpu/lanes_avx2.h"

#include "backend/cpu/cpu.h"

ASSAY_INLINE const struct assay_token_block *token_at(const void *x, size_t stride, size_t t)
{
    return (const struct assay_token_block *)(const void *)((const uint8_t *)x + t * stride);
}

/* 4 of a token's 8-bit activations in every lane. */
ASSAY_INLINE __m256i four_activations(const int8_t *q)
{
    int32_t four;
    __builtin_memcpy(&four, q, sizeof four);
    return _mm256_set1_epi32(four);
}

ASSAY_INLINE void block_step(const block_type *block, const void *x, size_t stride, size_t tokens,
                             __m256 acc[ASSAY_CPU_TOKENS]);

ASSAY_INLINE void segments(const block_type *panel, size_t elements, const uint8_t *x,
                           size_t stride, size_t tokens, float *tile)
{
    __m256 pending[3][ASSAY_CPU_TOKENS], acc[ASSAY_CPU_TOKENS];
    for (size_t g = 0; g < 8; g++) {
        ASSAY_UNROLL
        for (size_t t = 0; t < tokens; t++) acc[t] = _mm256_setzero_ps();
        for (size_t b = g * elements / 8; b < (g + 1) * elements / 8; b++) {
            block_step(panel + b, x + b * sizeof(struct assay_token_block), stride, tokens, acc);
        }
        size_t level = 0;
        for (; g >> level & 1; level++) {
            ASSAY_UNROLL
            for (size_t t = 0; t < tokens; t++) acc[t] = _mm256_add_ps(pending[level][t], acc[t]);
        }
        if (level == 3) break;
        ASSAY_UNROLL
        for (size_t t = 0; t < tokens; t++) pending[level][t] = acc[t];
    }
    ASSAY_UNROLL
    for (size_t t = 0; t < tokens; t++) _mm256_storeu_ps(tile + t * ASSAY_CPU_LANES, acc[t]);
}

/* The kernel: an instance for each number of tokens. */
static inline void segments_for(const block_type *panel, size_t elements, const void *x,
                                size_t stride, size_t tokens, float *tile)
{
    switch (tokens) {
    case 1:
        segments(panel, elements, x, stride, 1, tile);
        break;
    case 2:
        segments(panel, elements, x, stride, 2, tile);
        break;
    case 3:
        segments(panel, elements, x, stride, 3, tile);
        break;
    default:
        segments(panel, elements, x, stride, 4, tile);
        break;
    }
}

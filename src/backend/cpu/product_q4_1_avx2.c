/* Q4_1 × 8-bit activations. Nibbles are unsigned, so they are the first operand of maddubs; the
 * eight products of a block that meet in one 16-bit lane are at most 8·2·15·127 = 30 480, so they
 * add up in 16 bits and a block costs one widening madd and one conversion. Then the two fma of
 * 1.6. */
typedef struct assay_panel_q4_1 block_type;
#include "backend/cpu/segments_avx2.h"

ASSAY_INLINE void block_step(const block_type *block, const void *x, size_t stride, size_t tokens,
                             __m256 acc[ASSAY_CPU_TOKENS])
{
    const __m256i mask = _mm256_set1_epi8(15), ones = _mm256_set1_epi16(1);
    __m256i dot[ASSAY_CPU_TOKENS];
    ASSAY_UNROLL
    for (size_t t = 0; t < tokens; t++) dot[t] = _mm256_setzero_si256();
    ASSAY_UNROLL
    for (size_t j = 0; j < 4; j++) {
        __m256i both = _mm256_loadu_si256((const __m256i *)(const void *)(block->nibbles + 32 * j));
        __m256i low = _mm256_and_si256(both, mask);
        __m256i high = _mm256_and_si256(_mm256_srli_epi16(both, 4), mask);
        ASSAY_UNROLL
        for (size_t t = 0; t < tokens; t++) {
            const int8_t *q = token_at(x, stride, t)->q + 8 * j;
            dot[t] = _mm256_add_epi16(dot[t], _mm256_maddubs_epi16(low, four_activations(q)));
            dot[t] = _mm256_add_epi16(dot[t], _mm256_maddubs_epi16(high, four_activations(q + 4)));
        }
    }
    __m256 scale = assay_load_f16(block->scale), minimum = assay_load_f16(block->minimum);
    ASSAY_UNROLL
    for (size_t t = 0; t < tokens; t++) {
        const struct assay_token_block *token = token_at(x, stride, t);
        __m256 d = _mm256_mul_ps(scale, _mm256_set1_ps(token->d));
        __m256 sum = _mm256_cvtepi32_ps(_mm256_madd_epi16(dot[t], ones));
        acc[t] = _mm256_fmadd_ps(d, sum, acc[t]);
        acc[t] = _mm256_fmadd_ps(minimum, _mm256_set1_ps(token->xs), acc[t]);
    }
}

void assay_cpu_tile_q4_1(const void *panel, size_t elements, const void *x, size_t stride,
                         size_t tokens, float *tile)
{
    segments_for(panel, elements, x, stride, tokens, tile);
}

/* Q4_0 × 8-bit activations: as Q4_1, on the unsigned nibbles; Σ (q−8)·x = Σ q·x − 8·Σ x, subtracted
 * as integers, so nothing is rounded. */
typedef struct assay_panel_q4_0 block_type;
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
    __m256 scale = assay_load_f16(block->scale);
    ASSAY_UNROLL
    for (size_t t = 0; t < tokens; t++) {
        const struct assay_token_block *token = token_at(x, stride, t);
        __m256i unsigned_dot = _mm256_madd_epi16(dot[t], ones);
        __m256i exact = _mm256_sub_epi32(unsigned_dot, _mm256_set1_epi32(token->eight_s));
        __m256 d = _mm256_mul_ps(scale, _mm256_set1_ps(token->d));
        acc[t] = _mm256_fmadd_ps(d, _mm256_cvtepi32_ps(exact), acc[t]);
    }
}

void assay_cpu_tile_q4_0(const void *panel, size_t elements, const void *x, size_t stride,
                         size_t tokens, float *tile)
{
    segments_for(panel, elements, x, stride, tokens, tile);
}

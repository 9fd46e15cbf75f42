/* Q8_0 × 8-bit activations. maddubs wants its first operand unsigned: the weight's magnitude, with
 * the weight's sign moved to the activation. A weight of −128 has magnitude 128, which is fine
 * unsigned, and an activation is never −128, so its negation is exact. Two products are at most
 * 2·128·127 = 32 512 and fit 16 bits; a third would not, so each pair is widened at once. */
typedef struct assay_panel_q8_0 block_type;
#include "backend/cpu/segments_avx2.h"

ASSAY_INLINE void block_step(const block_type *block, const void *x, size_t stride, size_t tokens,
                             __m256 acc[ASSAY_CPU_TOKENS])
{
    const __m256i ones = _mm256_set1_epi16(1);
    __m256i dot[ASSAY_CPU_TOKENS];
    ASSAY_UNROLL
    for (size_t t = 0; t < tokens; t++) dot[t] = _mm256_setzero_si256();
    ASSAY_UNROLL
    for (size_t j = 0; j < 8; j++) {
        __m256i weight =
            _mm256_loadu_si256((const __m256i *)(const void *)(block->weights + 32 * j));
        __m256i magnitude = _mm256_abs_epi8(weight);
        ASSAY_UNROLL
        for (size_t t = 0; t < tokens; t++) {
            __m256i q = four_activations(token_at(x, stride, t)->q + 4 * j);
            __m256i pairs = _mm256_maddubs_epi16(magnitude, _mm256_sign_epi8(q, weight));
            dot[t] = _mm256_add_epi32(dot[t], _mm256_madd_epi16(pairs, ones));
        }
    }
    __m256 scale = assay_load_f16(block->scale);
    ASSAY_UNROLL
    for (size_t t = 0; t < tokens; t++) {
        __m256 d = _mm256_mul_ps(scale, _mm256_set1_ps(token_at(x, stride, t)->d));
        acc[t] = _mm256_fmadd_ps(d, _mm256_cvtepi32_ps(dot[t]), acc[t]);
    }
}

void assay_cpu_tile_q8_0(const void *panel, size_t elements, const void *x, size_t stride,
                         size_t tokens, float *tile)
{
    segments_for(panel, elements, x, stride, tokens, tile);
}

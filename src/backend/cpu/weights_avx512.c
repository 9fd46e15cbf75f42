/* The sampler's two sweeps (2.2, 1.11) in AVX-512. As in weights_avx2.c: a block's sum of integers
 * has no order, the conversion to 2^40ths is one fma in f64, and vectors whose logits are all below
 * the cut are passed over. */
#include "backend/cpu/lanes_avx512.h"

#include "backend/cpu/cpu.h"
#include "base/exact.h"

float assay_avx512_logit_max(const float *logits, size_t vocab, bool *finite)
{
    const __m512 lowest = _mm512_set1_ps(-INFINITY);
    __m512 max[4];
    __mmask16 nan = 0;
    for (size_t k = 0; k < 4; k++) max[k] = lowest;
    size_t i = 0;
    for (; i + 64 <= vocab; i += 64) {
        ASSAY_UNROLL
        for (size_t k = 0; k < 4; k++) {
            __m512 l = _mm512_loadu_ps(logits + i + 16 * k);
            nan |= _mm512_cmp_ps_mask(l, l, _CMP_UNORD_Q);
            max[k] = _mm512_max_ps(l, max[k]);
        }
    }
    for (; i < vocab; i += 16) {
        __m512 l = _mm512_mask_loadu_ps(lowest, assay_first_of_16(vocab - i), logits + i);
        nan |= _mm512_cmp_ps_mask(l, l, _CMP_UNORD_Q);
        max[0] = _mm512_max_ps(l, max[0]);
    }
    float largest = _mm512_reduce_max_ps(
        _mm512_max_ps(_mm512_max_ps(max[0], max[1]), _mm512_max_ps(max[2], max[3])));
    *finite = nan == 0 && largest - largest == 0.0f;
    return largest + 0.0f; /* −0 becomes +0 */
}

/* The integer weights of eight exponentials. */
ASSAY_INLINE __m512i eight_weights(__m256 e)
{
    const __m512d scale = _mm512_set1_pd(0x1p40), round = _mm512_set1_pd(0x1p52);
    const __m512i low = _mm512_set1_epi64(0xfffffffffffff);
    __m512d fixed = _mm512_fmadd_pd(_mm512_cvtps_pd(e), scale, round);
    return _mm512_and_si512(_mm512_castpd_si512(fixed), low);
}

static uint64_t block_sum(const float *logits, size_t count, float max, float inv_t)
{
    const __m512 m = _mm512_set1_ps(max), factor = _mm512_set1_ps(inv_t);
    const __m512 cut = _mm512_set1_ps(-28.5f), lowest = _mm512_set1_ps(-INFINITY);
    __m512i total = _mm512_setzero_si512();
    for (size_t i = 0; i < count; i += 16) {
        __m512 l = _mm512_mask_loadu_ps(lowest, assay_first_of_16(count - i), logits + i);
        __m512 x = _mm512_mul_ps(_mm512_sub_ps(l, m), factor);
        __mmask16 kept = _mm512_cmp_ps_mask(x, cut, _CMP_GE_OQ);
        if (kept == 0) continue;
        __m512 e = _mm512_maskz_mov_ps(kept, assay_exp_wide(x));
        total = _mm512_add_epi64(total, eight_weights(_mm512_castps512_ps256(e)));
        total = _mm512_add_epi64(total, eight_weights(_mm512_extractf32x8_ps(e, 1)));
    }
    return (uint64_t)_mm512_reduce_add_epi64(total);
}

uint64_t assay_avx512_weight_sums(const float *logits, size_t vocab, float max, float inv_t,
                                  uint64_t *sums)
{
    uint64_t total = 0;
    for (size_t begin = 0; begin < vocab; begin += ASSAY_WEIGHT_BLOCK) {
        size_t count = vocab - begin < ASSAY_WEIGHT_BLOCK ? vocab - begin : ASSAY_WEIGHT_BLOCK;
        uint64_t sum = block_sum(logits + begin, count, max, inv_t);
        sums[begin / ASSAY_WEIGHT_BLOCK] = sum;
        total += sum;
    }
    return total;
}

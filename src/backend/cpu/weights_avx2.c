/* The sampler's two sweeps (2.2, 1.11). A weight is an integer, so a block's sum has no order; the
 * conversion to 2^40ths is one fma in f64, exact until its last rounding like the product and sum
 * it stands for. Vectors whose logits are all below the cut are passed over: most of a vocabulary
 * is. */
#include "backend/cpu/lanes_avx2.h"

#include "backend/cpu/cpu.h"
#include "base/exact.h"

float assay_avx2_logit_max(const float *logits, size_t vocab, bool *finite)
{
    __m256 max[4], nan = _mm256_setzero_ps();
    for (size_t i = 0; i < 4; i++) max[i] = _mm256_set1_ps(-INFINITY);
    size_t i = 0;
    for (; i + 32 <= vocab; i += 32) {
        ASSAY_UNROLL
        for (size_t k = 0; k < 4; k++) {
            __m256 l = _mm256_loadu_ps(logits + i + 8 * k);
            nan = _mm256_or_ps(nan, _mm256_cmp_ps(l, l, _CMP_UNORD_Q));
            max[k] = _mm256_max_ps(max[k], l);
        }
    }
    float lanes[8];
    _mm256_storeu_ps(lanes,
                     _mm256_max_ps(_mm256_max_ps(max[0], max[1]), _mm256_max_ps(max[2], max[3])));
    bool usable = _mm256_movemask_ps(nan) == 0;
    float largest = -INFINITY;
    for (size_t k = 0; k < 8; k++) {
        if (lanes[k] > largest) largest = lanes[k];
    }
    for (; i < vocab; i++) {
        if (logits[i] != logits[i]) usable = false;
        if (logits[i] > largest) largest = logits[i];
    }
    *finite = usable && largest - largest == 0.0f;
    return largest + 0.0f; /* −0 becomes +0 */
}

/* The integer weights of four exponentials. */
ASSAY_INLINE __m256i four_weights(__m128 e)
{
    const __m256d scale = _mm256_set1_pd(0x1p40), round = _mm256_set1_pd(0x1p52);
    const __m256i low = _mm256_set1_epi64x(0xfffffffffffff);
    __m256d fixed = _mm256_fmadd_pd(_mm256_cvtps_pd(e), scale, round);
    return _mm256_and_si256(_mm256_castpd_si256(fixed), low);
}

static uint64_t block_sum(const float *logits, size_t count, float max, float inv_t)
{
    const __m256 m = _mm256_set1_ps(max), factor = _mm256_set1_ps(inv_t);
    const __m256 cut = _mm256_set1_ps(-28.5f);
    __m256i total = _mm256_setzero_si256();
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        __m256 x = _mm256_mul_ps(_mm256_sub_ps(_mm256_loadu_ps(logits + i), m), factor);
        __m256 kept = _mm256_cmp_ps(x, cut, _CMP_GE_OQ);
        if (_mm256_movemask_ps(kept) == 0) continue;
        __m256 e = _mm256_and_ps(assay_exp_lanes(x), kept);
        total = _mm256_add_epi64(total, four_weights(_mm256_castps256_ps128(e)));
        total = _mm256_add_epi64(total, four_weights(_mm256_extractf128_ps(e, 1)));
    }
    uint64_t lanes[4];
    _mm256_storeu_si256((__m256i *)(void *)lanes, total);
    uint64_t sum = lanes[0] + lanes[1] + lanes[2] + lanes[3];
    for (; i < count; i++) sum += assay_weight((logits[i] - max) * inv_t);
    return sum;
}

uint64_t assay_avx2_weight_sums(const float *logits, size_t vocab, float max, float inv_t,
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

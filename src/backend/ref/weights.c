/* The sampler's two sweeps over a row of logits (2.2, 1.11). */
#include "backend/ref/ref.h"

#include "base/exact.h"

float assay_ref_logit_max(const float *logits, size_t vocab, bool *finite)
{
    float max = -INFINITY;
    bool usable = true;
    for (size_t i = 0; i < vocab; i++) {
        if (logits[i] != logits[i]) usable = false;
        if (logits[i] > max) max = logits[i];
    }
    *finite = usable && max - max == 0.0f; /* neither +inf nor nothing but −inf */
    return max + 0.0f;                     /* −0 becomes +0 */
}

uint64_t assay_ref_weight_sums(const float *logits, size_t vocab, float max, float inv_t,
                               uint64_t *sums)
{
    uint64_t total = 0;
    for (size_t begin = 0; begin < vocab; begin += ASSAY_WEIGHT_BLOCK) {
        size_t end = vocab - begin < ASSAY_WEIGHT_BLOCK ? vocab : begin + ASSAY_WEIGHT_BLOCK;
        uint64_t sum = 0;
        for (size_t i = begin; i < end; i++) sum += assay_weight((logits[i] - max) * inv_t);
        sums[begin / ASSAY_WEIGHT_BLOCK] = sum;
        total += sum;
    }
    return total;
}

/* Scores, median, MAD, weights, consensus (FORMAT.md 23.2, 23.3). */
#include "ledger/paper.h"

#include "base/assert.h"

/* Median of s with s ordered as exact quotients: floor is monotone, so that ranks by (sum/n, key)
 * order the floors too, and equal floors of unequal quotients do not change their median. */
static uint64_t median_of(const struct assay_weighed *sites, size_t count, bool deviations)
{
    struct assay_ranked ranked[ASSAY_PAPER_SITES_MAX];
    for (size_t i = 0; i < count; i++) {
        ranked[i].value = deviations ? sites[i].deviation : sites[i].score;
        ranked[i].rank = (uint32_t)i;
    }
    return assay_median(ranked, count);
}

/* exp(−d²/2σ²); σ ≥ 1. The quotient is compared before it is narrowed. */
static uint64_t weight_of(uint64_t deviation, uint64_t sigma)
{
    /* d, σ ≤ 2^34: d² < 2^68, and 2^32 more is < 2^100. */
    assay_u128 numerator = (assay_u128)deviation * deviation << 32;
    assay_u128 quotient = numerator / (2 * ((assay_u128)sigma * sigma));
    if (quotient >= (assay_u128)23 << 32) return 0;
    return assay_fixed_exp_minus((uint64_t)quotient);
}

static uint64_t smallest_n(const struct assay_weighed *sites, size_t count)
{
    uint64_t smallest = sites[0].n;
    for (size_t i = 1; i < count; i++) {
        if (sites[i].n < smallest) smallest = sites[i].n;
    }
    return smallest;
}

void assay_paper_weigh(struct assay_weighed *sites, size_t count, uint32_t sigma_milli,
                       struct assay_weights *out)
{
    ASSAY_ASSERT(count >= 1 && count <= ASSAY_PAPER_SITES_MAX);
    for (size_t i = 0; i < count; i++) {
        ASSAY_ASSERT(sites[i].n >= 1 && sites[i].n <= ASSAY_FIXED_ONE);
        ASSAY_ASSERT(sites[i].sum <= sites[i].n);
        sites[i].score = assay_muldiv(sites[i].sum, ASSAY_FIXED_ONE, sites[i].n);
    }
    *out = (struct assay_weights){.median = median_of(sites, count, false)};
    for (size_t i = 0; i < count; i++) {
        uint64_t score = sites[i].score;
        sites[i].deviation = score > out->median ? score - out->median : out->median - score;
    }
    out->mad = median_of(sites, count, true);
    out->resolution = ASSAY_FIXED_ONE / smallest_n(sites, count);
    out->sigma = assay_muldiv(out->mad, sigma_milli, 1000);
    if (out->sigma < out->resolution) out->sigma = out->resolution;

    uint64_t near = out->mad > out->resolution ? out->mad : out->resolution;
    assay_u128 weighted = 0;
    for (size_t i = 0; i < count; i++) {
        sites[i].weight = weight_of(sites[i].deviation, out->sigma);
        sites[i].hit = sites[i].deviation <= near;
        out->weight_sum += sites[i].weight;
        weighted += (assay_u128)sites[i].weight * sites[i].score;
    }
    out->consensus = out->weight_sum > 0 ? (uint64_t)(weighted / out->weight_sum) : out->median;
}

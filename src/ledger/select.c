/* Who works: quality by reputation and delay, diversity by maximal marginal relevance (FORMAT.md
 * 23.6; Carbonell and Goldstein, SIGIR 1998). */
#include "ledger/paper.h"

uint64_t assay_paper_quality(uint64_t reputation, uint64_t delay, uint32_t gamma_milli)
{
    return (uint64_t)((assay_u128)reputation * 1000 / (1000 + (assay_u128)gamma_milli * delay));
}

static uint32_t similarity_milli(const struct assay_candidate *a, const struct assay_candidate *b)
{
    return (a->organisation == b->organisation ? 500u : 0) + (a->country == b->country ? 200u : 0) +
           (a->arch == b->arch ? 200u : 0) + (a->engine == b->engine ? 100u : 0);
}

static int64_t merit_of(const struct assay_candidate *candidate, uint32_t lambda_milli)
{
    int64_t gain = (int64_t)(candidate->quality * lambda_milli * 1000); /* < 2^52 */
    int64_t loss = (int64_t)((1000 - lambda_milli) * candidate->nearest_milli * ASSAY_FIXED_ONE);
    return gain - loss;
}

size_t assay_paper_select(struct assay_candidate *candidates, size_t count, size_t sites_max,
                          uint32_t gamma_milli, uint32_t lambda_milli)
{
    size_t wanted = sites_max < count ? sites_max : count;
    for (size_t i = 0; i < count; i++) {
        candidates[i].chosen = false;
        candidates[i].nearest_milli = 0;
        candidates[i].quality =
            assay_paper_quality(candidates[i].reputation, candidates[i].delay, gamma_milli);
    }
    for (size_t taken = 0; taken < wanted; taken++) {
        size_t best = count;
        for (size_t i = 0; i < count; i++) {
            if (candidates[i].chosen) continue;
            if (best == count || merit_of(&candidates[i], lambda_milli) >
                                     merit_of(&candidates[best], lambda_milli)) {
                best = i;
            }
        }
        candidates[best].chosen = true;
        for (size_t i = 0; i < count; i++) {
            uint32_t similarity = similarity_milli(&candidates[i], &candidates[best]);
            if (similarity > candidates[i].nearest_milli) candidates[i].nearest_milli = similarity;
        }
    }
    return wanted;
}

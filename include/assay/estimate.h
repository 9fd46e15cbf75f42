/* Estimates: scores with their two errors, from columns of a results file. Pure functions of their
 * input. F: this fixed benchmark, what repeated runs would give. S: another benchmark of this kind.
 */
#ifndef ASSAY_ESTIMATE_H
#define ASSAY_ESTIMATE_H

#include "assay/results.h"

#include <math.h>

struct assay_estimate {
    uint64_t samples, correct;
    uint32_t items;
    double score;       /* mean over items of the item's mean, 0 … 1 */
    double se_fixed;    /* NAN where not identifiable (one replicate) */
    double se_super;    /* NAN with fewer than two items */
    double mean_tokens; /* output tokens of a sample */
};

struct assay_estimates {
    struct assay_estimate all;
    const struct assay_estimate *profiles; /* profile_count */
    const struct assay_estimate *strata;   /* stratum_count */
    uint32_t profile_count, stratum_count;
};

ASSAY_MUST_CHECK enum assay_status assay_estimate_create(struct assay_estimates **out,
                                                         const struct assay_results *results,
                                                         struct assay_error *err);
void assay_estimate_destroy(struct assay_estimates *estimates);

#endif

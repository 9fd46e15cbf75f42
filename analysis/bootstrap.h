/* The bootstrap of S: items drawn again with replacement, their cells kept whole. */
#ifndef ASSAY_ANALYSIS_BOOTSTRAP_H
#define ASSAY_ANALYSIS_BOOTSTRAP_H

#include "assay/estimate.h"

struct assay_bootstrap; /* generator and scratch, for any number of estimates */

ASSAY_MUST_CHECK enum assay_status
assay_bootstrap_create(struct assay_bootstrap **out, uint32_t items_max,
                       const struct assay_estimate_options *options, struct assay_error *err);
void assay_bootstrap_destroy(struct assay_bootstrap *bootstrap); /* NULL is fine */

/* Fill percentile and bca of an estimate whose score and se_super stand; means: its item means,
 * estimate->items of them. */
void assay_bootstrap_estimate(struct assay_bootstrap *bootstrap, struct assay_estimate *estimate,
                              const double *means);

#endif

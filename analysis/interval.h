/* Intervals, each with the name of the way it was made, and the fallbacks where that way has no
 * answer. */
#ifndef ASSAY_ANALYSIS_INTERVAL_H
#define ASSAY_ANALYSIS_INTERVAL_H

#include "analysis/fixed.h"

/* S: `se` is SE_S, 0 where all item means are equal, ignored with fewer than two items. */
struct assay_interval assay_interval_super(double score, double se, uint32_t items,
                                           uint64_t samples);
/* F, repeatability. */
struct assay_interval assay_interval_fixed(double score, const struct assay_fixed *fixed);

struct assay_interval assay_interval_none(enum assay_interval_method method,
                                          enum assay_reason reason);

#endif

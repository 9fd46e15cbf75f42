/* Rule set `paper` (FORMAT.md 23): pure functions of plain arrays. Arrays of sites ascend by key,
 * and an index is a site's rank; all sizes are checked by the caller. */
#ifndef ASSAY_LEDGER_PAPER_H
#define ASSAY_LEDGER_PAPER_H

#include "assay/digest.h"
#include "ledger/fixed.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ASSAY_PAPER_SITES_MAX = 1024, ASSAY_PAPER_STRATA_MAX = 64, ASSAY_PAPER_REPLICAS_MAX = 16 };

/* --- assign.c */

struct assay_assign {
    struct assay_digest seed;
    const uint8_t *strata; /* items */
    uint32_t items, strata_count, replicas;
    const uint32_t *organisations; /* sites; equal numbers, one organisation */
    uint32_t sites;                /* ≥ replicas */
};
/* Set bit i of bitmaps[j·stride …] where item i is site j's; they come zeroed, stride ≥
 * ceil(items/8). counts[sites] gets the items of each. False when out of memory. */
bool assay_paper_assign(const struct assay_assign *of, uint8_t *bitmaps, size_t stride,
                        uint32_t *counts);

/* --- weight.c */

/* One site that revealed: sum of n samples' scores, n ≥ 1, sum ≤ n. The rest is computed. */
struct assay_weighed {
    uint64_t sum, n;
    uint64_t score, deviation, weight; /* fixed */
    uint64_t pay;
    bool hit;
};
struct assay_weights {
    uint64_t median, mad, resolution, sigma; /* fixed */
    uint64_t weight_sum, consensus;
    uint64_t paid, remainder;
};
/* 23.2 and 23.3. count ≥ 1. */
void assay_paper_weigh(struct assay_weighed *sites, size_t count, uint32_t sigma_milli,
                       struct assay_weights *out);

/* --- reward.c: 23.4 */
void assay_paper_pay(struct assay_weighed *sites, size_t count, uint64_t pool,
                     struct assay_weights *weights);

/* --- reputation.c: 23.5 */
uint64_t assay_paper_reputation(uint64_t before, bool hit);

/* --- select.c: 23.6 */

struct assay_candidate {
    uint64_t reputation, delay;
    uint32_t organisation, country, arch, engine; /* equal numbers, equal labels */
    bool chosen;                                  /* from here on computed */
    uint32_t nearest_milli;
    uint64_t quality;
};
uint64_t assay_paper_quality(uint64_t reputation, uint64_t delay, uint32_t gamma_milli);
/* Marks min(sites_max, count) of them; returns how many. */
size_t assay_paper_select(struct assay_candidate *candidates, size_t count, size_t sites_max,
                          uint32_t gamma_milli, uint32_t lambda_milli);

#endif

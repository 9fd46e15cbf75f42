/* The plan: every (item, profile, replicate) cell of a spec in one fixed order. Pure;
 * FORMAT.md 4.3. */
#ifndef ASSAY_PLAN_H
#define ASSAY_PLAN_H

#include "assay/assignment.h"
#include "assay/spec.h"

enum { ASSAY_SITE_BYTES_MAX = 32, ASSAY_PLAN_ITEMS_MAX = 10000000 };

struct assay_plan {
    const struct assay_spec *spec; /* borrowed; outlives the plan */
    uint8_t site[ASSAY_SITE_BYTES_MAX];
    size_t site_bytes; /* 0 (a run of one's own) or 32 (a validator's public key) */
    const struct assay_assignment *assignment; /* borrowed; NULL unless a network gave the work */
    uint32_t item_count;
    uint32_t profile_count;
    uint32_t replicates;
    uint64_t group_count;  /* items × profiles */
    uint64_t sample_count; /* groups × replicates; < 2^40 */
    struct assay_digest digest;
};

struct assay_cell {
    uint64_t sample_index;
    uint32_t item_index;
    uint32_t profile_index;
    uint32_t replicate;
};

/* Fill the caller's plan. EVALUE when a count is zero or too large. */
ASSAY_MUST_CHECK enum assay_status assay_plan_init(struct assay_plan *plan,
                                                   const struct assay_spec *spec,
                                                   uint32_t item_count, const uint8_t *site,
                                                   size_t site_bytes, struct assay_error *err);
/* The plan of what a network assigned to a site: the assignment's items, its site, its seed.
 * EMISMATCH names what is not the spec's: spec, model, benchmark, sampler, samples an item. */
ASSAY_MUST_CHECK enum assay_status
assay_plan_init_assigned(struct assay_plan *plan, const struct assay_spec *spec,
                         const struct assay_assignment *assignment, struct assay_error *err);
struct assay_cell assay_plan_cell(const struct assay_plan *plan,
                                  uint64_t sample_index); /* asserts the range */

#endif

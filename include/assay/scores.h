/* Scores: what the statistics see of a results file. A plain table, items × profiles cells, each
 * cell the samples of one item in one profile; cells may differ in size (an unequal allocation) and
 * may be empty (a run that is not finished). */
#ifndef ASSAY_SCORES_H
#define ASSAY_SCORES_H

#include "assay/results.h"

/* May be filled by hand; every array is then the caller's and must outlive its use. Cell of item i
 * and profile p: c = i · profile_count + p; its samples are cell_offset[c] … cell_offset[c + 1] − 1
 * of the columns, set after set. */
struct assay_scores {
    uint32_t item_count, profile_count, stratum_count;
    const uint32_t *item_strata;          /* item_count, each below stratum_count */
    const enum assay_draw *profile_draws; /* profile_count: how a cell's samples share randomness */
    const uint64_t *cell_offset;          /* item_count × profile_count + 1, ascending from 0 */
    const uint32_t *cell_sets;    /* a cell's independent sets of equal size: divides its samples;
                                     1 where they are not known, as in a cell not yet complete */
    const uint32_t *score_micro;  /* a sample's score, 0 … ASSAY_SCORE_ONE */
    const uint8_t *verdict;       /* enum assay_verdict */
    const uint64_t *token_offset; /* samples + 1; differences are output tokens */
};

/* The table of a results file. Columns are lent by `results`, which must outlive it. */
ASSAY_MUST_CHECK enum assay_status assay_scores_create(struct assay_scores **out,
                                                       const struct assay_results *results,
                                                       struct assay_error *err);
void assay_scores_destroy(struct assay_scores *scores); /* NULL is fine; not on one made by hand */

#endif

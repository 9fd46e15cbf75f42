/* Cells: mean and spread of each (item, profile), and what is pooled over them. */
#ifndef ASSAY_ANALYSIS_CELLS_H
#define ASSAY_ANALYSIS_CELLS_H

#include "assay/estimate.h"

struct assay_arena;

struct assay_cell_score {
    uint32_t count;  /* k, samples; 0 in an empty cell, whose other fields mean nothing */
    uint32_t groups; /* g, independent groups behind of_mean: replicates or sets */
    uint32_t looks;  /* samples that count as separate looks when all of them are equal */
    enum assay_spread spread;
    double mean;    /* 0 … 1 */
    double within;  /* v, sample variance of one score, k − 1 below; 0 where k = 1 */
    double of_mean; /* V, variance of the mean; 0 where k = 1 */
};

/* Σ(k − 1) and Σ(k − 1)v over the cells of a profile (or of all) with k ≥ 2. */
struct assay_pool {
    double df, squares;
};

struct assay_cells {
    const struct assay_scores *scores;
    struct assay_cell_score *cells; /* item_count × profile_count */
    struct assay_pool *pools;       /* profile_count */
    struct assay_pool all;
};

/* Arrays come from `arena`. */
ASSAY_MUST_CHECK enum assay_status assay_cells_make(struct assay_cells *out,
                                                    struct assay_arena *arena,
                                                    const struct assay_scores *scores,
                                                    struct assay_error *err);

/* The pool that stands in for a cell of one sample: its profile's, or that of all profiles. */
const struct assay_pool *assay_cells_pool(const struct assay_cells *cells, uint32_t profile);

#endif

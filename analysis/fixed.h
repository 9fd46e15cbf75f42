/* F, the error of this fixed benchmark: what is known of it before an interval is made. */
#ifndef ASSAY_ANALYSIS_FIXED_H
#define ASSAY_ANALYSIS_FIXED_H

#include "analysis/selection.h"

/* A sum of independent estimated variances, and Satterthwaite's degrees of freedom for it. */
struct assay_variance {
    double sum;
    double squares_over_df; /* Σ T²/df; degrees of freedom: sum² / this */
};

struct assay_fixed {
    bool identifiable;                /* some cell of the table has two samples */
    struct assay_variance score;      /* of the score; its root is SE_F */
    struct assay_variance replicates; /* the same with every sample taken as independent */
    double run;                       /* of one run: each item once in each profile */
    double independent;               /* of the score, had the samples been independent draws */
    uint64_t cell_count;              /* items × profiles taken */
    uint64_t cells[ASSAY_SPREAD_COUNT];
    uint32_t looks_min;          /* smallest over the cells taken */
    bool some_above, some_below; /* a cell mean above 0; below 1 */
};

/* `items` is how many the selection takes. */
struct assay_fixed assay_fixed_of(const struct assay_selection *selection, uint32_t items);

#endif

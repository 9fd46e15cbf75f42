/* pass@k: how likely one of k programs passes (Chen and others 2021, arXiv 2107.03374). */
#ifndef ASSAY_PASS_H
#define ASSAY_PASS_H

#include "assay/scores.h"

#include <stdbool.h>

/* The unbiased estimate from n programs of which c pass: 1 − C(n−c, k)/C(n, k); NaN unless
 * 1 ≤ k ≤ n and c ≤ n. */
double assay_pass_of(uint64_t n, uint64_t c, uint64_t k);

struct assay_pass {
    double value;   /* mean over items of the mean over profiles; NaN: not to be known */
    double se;      /* over items; NaN for fewer than two */
    bool dependent; /* NaN because replicates depend on one another: any draw but iid, k > 1 */
};
/* NaN also where a cell has fewer than k samples. */
struct assay_pass assay_pass_at(const struct assay_scores *scores, uint64_t k);

#endif

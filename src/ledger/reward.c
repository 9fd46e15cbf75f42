/* The pool shared by weight (FORMAT.md 23.4). */
#include "ledger/paper.h"

void assay_paper_pay(struct assay_weighed *sites, size_t count, uint64_t pool,
                     struct assay_weights *weights)
{
    weights->paid = 0;
    for (size_t i = 0; i < count; i++) {
        sites[i].pay =
            weights->weight_sum > 0 ? assay_muldiv(pool, sites[i].weight, weights->weight_sum) : 0;
        weights->paid += sites[i].pay;
    }
    weights->remainder = pool - weights->paid;
}

/* Weighted selection: the shortest prefix, in descending order of key, whose weights reach a
 * target. Expected linear time; nothing is sorted. top-k (weights 1), top-p and the draw itself
 * (order of ids) are all this one question. */
#ifndef ASSAY_ENGINE_SELECT_H
#define ASSAY_ENGINE_SELECT_H

#include <stddef.h>
#include <stdint.h>

struct assay_entry {
    uint64_t key; /* distinct */
    uint64_t weight;
};

/* Reorders the entries so that the prefix stands in front, its smallest key last, and returns its
 * length; *before (if not NULL) is the weight of the prefix without that last entry. When all
 * weights together do not reach the target (≥ 1) the prefix is everything. Sums fit 64 bits. */
size_t assay_select_prefix(struct assay_entry *entries, size_t count, uint64_t target,
                           uint64_t *before);

#endif

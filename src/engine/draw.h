/* Random words and the four draws, FORMAT.md 2.1 and 2.4. A stream gives the number u of each
 * output position of one replicate; it is a function of the keys and of the tokens taken, so that
 * whoever knows both computes the same u. */
#ifndef ASSAY_ENGINE_DRAW_H
#define ASSAY_ENGINE_DRAW_H

#include "assay/digest.h"
#include "assay/spec.h"

__extension__ typedef unsigned __int128 assay_u128;

enum assay_draw_purpose {
    ASSAY_PURPOSE_DRAW = 0,
    ASSAY_PURPOSE_PERMUTATION = 1,
    ASSAY_PURPOSE_SHARED = 3 /* the first word of a lattice */
};

/* W(key, position, purpose, j); j < 2^24. */
uint64_t assay_draw_word(const struct assay_digest *key, uint32_t position,
                         enum assay_draw_purpose purpose, uint32_t j);
/* ⌊(v·2^64 + f)/n⌋ for v < n; n = 0 stands for 2^64, which gives v. */
uint64_t assay_draw_mix(uint64_t v, uint64_t n, uint64_t f);
/* Place of `index` in the set's permutation of 0 … size−1 at a position. */
uint32_t assay_draw_rank(const struct assay_digest *set_key, uint32_t position, uint32_t size,
                         uint32_t index);
/* (u·total) >> 64: where in the kept weights, laid end to end by ascending id, u points. */
static inline uint64_t assay_draw_threshold(uint64_t u, uint64_t total)
{
    return (uint64_t)((assay_u128)u * total >> 64);
}

struct assay_draw_stream {
    enum assay_draw draw;
    uint32_t set_size, index; /* M and the replicate's index in its set */
    struct assay_digest cell_key, set_key;
    uint32_t position;   /* of the next u */
    uint64_t u;          /* the one before; valid when position > 0 */
    uint64_t rest, span; /* u − a, b − a of the token taken with it; span 0 stands for 2^64 */
};

/* sets divides replicates, replicate < replicates ≤ 2^24 (asserted). */
void assay_draw_begin(struct assay_draw_stream *stream, enum assay_draw draw, uint32_t replicates,
                      uint32_t sets, uint32_t replicate, const struct assay_digest *group_key);
/* u of the next position. assay_draw_taken must follow before the one after is asked for. */
uint64_t assay_draw_next(struct assay_draw_stream *stream);
/* What u pointed at: the token of `weight` out of `total`, after kept weights of `lo`. */
void assay_draw_taken(struct assay_draw_stream *stream, uint64_t lo, uint64_t weight,
                      uint64_t total);

#endif

/* The draws. iid takes a fresh word for each position. lhs puts the set's replicates into different
 * strata of each position. strat and lattice read each replicate's tokens from one long number, an
 * arithmetic code: the token taken narrows the interval, what is left of u is stretched to the full
 * range again, and the low bits that this frees are refilled from the cell's own words. Without the
 * refill u would run dry after 64 bits of entropy. */
#include "engine/draw.h"

#include "assay/session.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "base/philox.h"

enum { REPLICATES_MAX = 1 << 24 };

uint64_t assay_draw_word(const struct assay_digest *key, uint32_t position,
                         enum assay_draw_purpose purpose, uint32_t j)
{
    const uint8_t *d = key->bytes;
    uint32_t x[4] = {position, (uint32_t)purpose << 24 | j, assay_get_le32(d + 8),
                     assay_get_le32(d + 12)};
    assay_philox(x, assay_get_le32(d), assay_get_le32(d + 4));
    return (uint64_t)x[1] << 32 | x[0];
}

uint64_t assay_draw_mix(uint64_t v, uint64_t n, uint64_t f)
{
    if (n == 0) return v;
    ASSAY_ASSERT(v < n);
    return (uint64_t)(((assay_u128)v << 64 | f) / n);
}

uint32_t assay_draw_rank(const struct assay_digest *set_key, uint32_t position, uint32_t size,
                         uint32_t index)
{
    uint64_t own = assay_draw_word(set_key, position, ASSAY_PURPOSE_PERMUTATION, index);
    uint32_t rank = 0;
    for (uint32_t j = 0; j < size; j++) {
        if (j == index) continue;
        uint64_t other = assay_draw_word(set_key, position, ASSAY_PURPOSE_PERMUTATION, j);
        if (other < own || (other == own && j < index)) rank++;
    }
    return rank;
}

void assay_draw_begin(struct assay_draw_stream *stream, enum assay_draw draw, uint32_t replicates,
                      uint32_t sets, uint32_t replicate, const struct assay_digest *group_key)
{
    ASSAY_ASSERT(replicate < replicates && replicates <= REPLICATES_MAX);
    ASSAY_ASSERT(sets > 0 && replicates % sets == 0);
    uint32_t size = replicates / sets;
    *stream = (struct assay_draw_stream){.draw = draw,
                                         .set_size = size,
                                         .index = replicate % size,
                                         .cell_key = assay_cell_key(group_key, replicate),
                                         .set_key = assay_set_key(group_key, replicate / size)};
}

/* The replicate's stratum of a position, filled up with the word f. */
static uint64_t stratified(const struct assay_draw_stream *s, uint64_t f)
{
    uint32_t rank = assay_draw_rank(&s->set_key, s->position, s->set_size, s->index);
    return assay_draw_mix(rank, s->set_size, f);
}

uint64_t assay_draw_next(struct assay_draw_stream *stream)
{
    struct assay_draw_stream *s = stream;
    uint64_t f = assay_draw_word(&s->cell_key, s->position, ASSAY_PURPOSE_DRAW, 0);
    switch (s->draw) {
    case ASSAY_DRAW_IID:
        s->u = f;
        break;
    case ASSAY_DRAW_LHS:
        s->u = stratified(s, f);
        break;
    case ASSAY_DRAW_STRAT:
        s->u = s->position == 0 ? stratified(s, f) : assay_draw_mix(s->rest, s->span, f);
        break;
    case ASSAY_DRAW_LATTICE:
        s->u = s->position == 0
                   ? stratified(s, assay_draw_word(&s->set_key, 0, ASSAY_PURPOSE_SHARED, 0))
                   : assay_draw_mix(s->rest, s->span, f);
        break;
    }
    s->position++;
    return s->u;
}

void assay_draw_taken(struct assay_draw_stream *stream, uint64_t lo, uint64_t weight,
                      uint64_t total)
{
    ASSAY_ASSERT(weight > 0 && lo < total && weight <= total - lo);
    assay_u128 round_up = total - 1;
    assay_u128 a = (((assay_u128)lo << 64) + round_up) / total;
    assay_u128 b = (((assay_u128)(lo + weight) << 64) + round_up) / total;
    ASSAY_ASSERT(a <= stream->u && stream->u < b);
    stream->rest = stream->u - (uint64_t)a;
    stream->span = (uint64_t)(b - a);
}

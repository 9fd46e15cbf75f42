/* Attention (1.9) divided into pieces, the same for every instruction set: who computes what, and
 * what comes from memory meanwhile. An instruction set has the arithmetic of a piece. */
#ifndef ASSAY_BACKEND_CPU_ATTEND_H
#define ASSAY_BACKEND_CPU_ATTEND_H

#include "backend/backend.h"
#include "base/exact.h"

enum { ASSAY_QUERIES_MAX = 6, ASSAY_LINE_UNITS = 32 /* of 16 bits in a line of the caches */ };

/* The positions of a page that a row sees: begin ≤ j < end. */
struct assay_seen {
    uint32_t begin, end;
};

/* A head of a row. */
struct assay_query {
    const float *q; /* [head_dim] */
    float *y;       /* [head_dim] the weighted values, merged so far */
    const struct assay_row_place *place;
    float p[ASSAY_CHUNK]; /* of the chunk at hand: scores, then weights */
    float m, l;           /* merged so far */
    float old, fresh;     /* 1.9's a and b for the chunk at hand */
    bool begun;           /* y, m and l hold an earlier chunk */
};

/* Queries that see the same of a page: a key or value is loaded (widened, from f16) once for all of
 * them. They are heads of a group, and those of neighbouring rows whose page is the same one (a
 * prompt's rows, replicates on one prefix). */
struct assay_piece {
    uint32_t chunk;
    size_t first, count; /* which queries of the unit */
    const uint16_t *keys, *values;
    struct assay_seen span;
};

/* What will be read next, on its way into the second cache while the present is computed, `lines`
 * at a time. The second cache has more lines under way than the first one, and the hardware by
 * itself begins anew with each head's 8 KiB: from memory, a page's keys came at 17 GB/s in this
 * way, at 9 when asked for into the first cache, at 8 unasked. */
struct assay_ahead {
    const uint16_t *at, *end;
    size_t lines;
};
/* Rows of the span at `from`, in `steps` steps. */
static inline struct assay_ahead assay_ahead_of(const uint16_t *from, size_t row_units,
                                                struct assay_seen span, size_t steps)
{
    size_t lines = ((span.end - span.begin) * row_units + ASSAY_LINE_UNITS - 1) / ASSAY_LINE_UNITS;
    return (struct assay_ahead){from + span.begin * row_units, from + span.end * row_units,
                                (lines + steps - 1) / steps};
}

static inline void assay_ask(struct assay_ahead *ahead)
{
    const uint16_t *at = ahead->at;
    for (size_t n = 0; n < ahead->lines && at < ahead->end; n++, at += ASSAY_LINE_UNITS) {
        __builtin_prefetch(at, 0, 2);
    }
    ahead->at = at;
}

/* A chunk's maximum and sum of weights, merged. */
static inline void assay_query_merge(struct assay_query *query, float m, float l)
{
    if (!query->begun) {
        query->m = m;
        query->l = l;
        query->old = query->fresh = 0.0f; /* not used */
        return;
    }
    float larger = m > query->m ? m : query->m;
    query->old = assay_exp(query->m - larger);
    query->fresh = assay_exp(m - larger);
    query->m = larger;
    query->l = fmaf(query->l, query->old, l * query->fresh);
}

/* An instruction set's part. */
struct assay_attend_kernel {
    size_t queries; /* of a piece, at most */
    /* Scores, weights, and their share in the merged results. next: the piece after this one, whose
     * keys are asked for while this one's scores are computed, and its values with this one's. */
    void (*piece)(struct assay_query *queries, const struct assay_kv_view *view,
                  const struct assay_piece *piece, const struct assay_piece *next);
    void (*divide)(const struct assay_query *query, uint32_t dim); /* y = O/L */
};

void assay_cpu_attend(const struct assay_attend_kernel *kernel, struct assay_team *team,
                      const struct assay_kv_view *view, const float *q, uint32_t heads, size_t rows,
                      const struct assay_row_place *places, float *y);

#endif

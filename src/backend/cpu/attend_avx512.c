/* Attention (1.9) in AVX-512. Scores: a vector is the 16 partial sums of a dot product, and sixteen
 * keys fold together into one vector of scores, two shuffles and an addition a key. Values: the
 * dimensions stand in the lanes and positions follow one another, 24 chains side by side. */
#include "backend/cpu/attend.h"

#include "backend/cpu/cpu.h"
#include "backend/cpu/lanes_avx512.h"
#include "base/exact.h"

enum { QUERIES = 6, KEYS = 16, TILE = 4 /* vectors of dimensions that are summed together */ };

/* 16 × 16 partial sums to 16 sums, h = 8 being done already: s[n] has key n in its lower and key
 * n + 8 in its upper half. */
ASSAY_INLINE __m512 fold_keys(const __m512 s[8])
{
    const __m512i order = _mm512_setr_epi32(0, 2, 1, 3, 8, 10, 9, 11, 4, 6, 5, 7, 12, 14, 13, 15);
    __m512 four[4], two[2];
    ASSAY_UNROLL
    for (size_t n = 0; n < 4; n++) { /* the quarters are keys n, n + 8, n + 4, n + 12 */
        four[n] = _mm512_add_ps(_mm512_shuffle_f32x4(s[n], s[n + 4], 0x88),
                                _mm512_shuffle_f32x4(s[n], s[n + 4], 0xdd));
    }
    ASSAY_UNROLL
    for (size_t n = 0; n < 2; n++) {
        two[n] = _mm512_add_ps(_mm512_shuffle_ps(four[n], four[n + 2], 0x44),
                               _mm512_shuffle_ps(four[n], four[n + 2], 0xee));
    }
    __m512 one = _mm512_add_ps(_mm512_shuffle_ps(two[0], two[1], 0x88),
                               _mm512_shuffle_ps(two[0], two[1], 0xdd));
    return _mm512_add_ps(_mm512_permutexvar_ps(order, one), _mm512_setzero_ps());
}

/* q·k for two keys and all queries; h = 8 of the fold puts the two into one vector. */
ASSAY_INLINE void dot_pair(const struct assay_query *queries, size_t count, uint32_t dim,
                           size_t units, const uint16_t *k0, const uint16_t *k1,
                           __m512 sums[QUERIES])
{
    __m512 a[QUERIES], b[QUERIES];
    ASSAY_UNROLL
    for (size_t n = 0; n < count; n++) a[n] = b[n] = _mm512_setzero_ps();
    uint32_t i = 0;
    for (; i + 16 <= dim; i += 16) {
        __m512 first = assay_wide_stored(k0 + i * units, units);
        __m512 second = assay_wide_stored(k1 + i * units, units);
        ASSAY_UNROLL
        for (size_t n = 0; n < count; n++) {
            __m512 q = _mm512_loadu_ps(queries[n].q + i);
            a[n] = _mm512_fmadd_ps(q, first, a[n]);
            b[n] = _mm512_fmadd_ps(q, second, b[n]);
        }
    }
    if (i < dim) { /* zeros past the end change no sum but a −0, which the fold makes +0 anyway */
        __mmask16 rest = assay_first_of_16(dim - i);
        __m512 first = assay_wide_stored_some(k0 + i * units, units, rest);
        __m512 second = assay_wide_stored_some(k1 + i * units, units, rest);
        ASSAY_UNROLL
        for (size_t n = 0; n < count; n++) {
            __m512 q = _mm512_maskz_loadu_ps(rest, queries[n].q + i);
            a[n] = _mm512_fmadd_ps(q, first, a[n]);
            b[n] = _mm512_fmadd_ps(q, second, b[n]);
        }
    }
    ASSAY_UNROLL
    for (size_t n = 0; n < count; n++) {
        sums[n] = _mm512_add_ps(_mm512_shuffle_f32x4(a[n], b[n], 0x44),
                                _mm512_shuffle_f32x4(a[n], b[n], 0xee));
    }
}

static uint32_t clamp(uint32_t j, struct assay_seen span)
{
    return j < span.begin ? span.begin : j < span.end ? j : span.end - 1;
}

/* p[j] = e_j, and −inf for what the span leaves out of the first sixteen and of the last. In their
 * place a key that is seen is read once more. */
ASSAY_INLINE void scores(struct assay_query *queries, size_t count, uint32_t dim, size_t units,
                         const uint16_t *keys, struct assay_seen span, struct assay_ahead ahead)
{
    const __m512 scale = _mm512_set1_ps(1.0f / sqrtf((float)dim));
    for (uint32_t j = span.begin / KEYS * KEYS; j < span.end; j += KEYS) {
        __m512 halves[QUERIES][8];
        for (uint32_t n = 0; n < 8; n++) {
            size_t first = (size_t)clamp(j + n, span) * dim * units;
            size_t second = (size_t)clamp(j + n + 8, span) * dim * units;
            __m512 sums[QUERIES];
            assay_ask(&ahead);
            dot_pair(queries, count, dim, units, keys + first, keys + second, sums);
            ASSAY_UNROLL
            for (size_t k = 0; k < count; k++) halves[k][n] = sums[k];
        }
        __mmask16 seen = assay_first_of_16(span.end - j);
        if (span.begin > j) seen = seen & (__mmask16)~assay_first_of_16(span.begin - j);
        ASSAY_UNROLL
        for (size_t k = 0; k < count; k++) {
            __m512 e = _mm512_mul_ps(fold_keys(halves[k]), scale);
            _mm512_storeu_ps(queries[k].p + j,
                             _mm512_mask_mov_ps(_mm512_set1_ps(-INFINITY), seen, e));
        }
    }
}

/* p from scores to weights in place, and the chunk's share in m and l. A NaN score may be passed
 * over by the maximum: it comes back through its weight. A masked one has weight +0, which no sum
 * feels. */
static void soften(struct assay_query *query, struct assay_seen span)
{
    float *p = query->p;
    uint32_t begin = span.begin / KEYS * KEYS;
    __m512 max = _mm512_set1_ps(-INFINITY), sum = _mm512_setzero_ps();
    for (uint32_t j = begin; j < span.end; j += KEYS)
        max = _mm512_max_ps(_mm512_loadu_ps(p + j), max);
    float m = _mm512_reduce_max_ps(max);
    max = _mm512_set1_ps(m);
    for (uint32_t j = begin; j < span.end; j += KEYS) {
        __m512 weight = assay_exp_wide(_mm512_sub_ps(_mm512_loadu_ps(p + j), max));
        _mm512_storeu_ps(p + j, weight);
        sum = _mm512_add_ps(sum, weight);
    }
    assay_query_merge(query, m, assay_fold_wide(sum));
}

/* `vectors` × 16 dimensions from i on, or of the last vector those of `lanes`: the chunk's weighted
 * values, merged into y. */
ASSAY_INLINE void value_tile(const struct assay_query *queries, size_t count, uint32_t dim,
                             size_t units, const uint16_t *values, struct assay_seen span,
                             struct assay_ahead *ahead, uint32_t i, size_t vectors, __mmask16 lanes)
{
    __m512 o[QUERIES * TILE];
    ASSAY_UNROLL
    for (size_t n = 0; n < count * vectors; n++) o[n] = _mm512_setzero_ps();
    for (uint32_t j = span.begin; j < span.end; j++) {
        const uint16_t *v = values + ((size_t)j * dim + i) * units;
        if (i == 0) assay_ask(ahead);
        ASSAY_UNROLL
        for (size_t n = 0; n < vectors; n++) {
            __m512 value = vectors > 1 ? assay_wide_stored(v + 16 * n * units, units)
                                       : assay_wide_stored_some(v, units, lanes);
            ASSAY_UNROLL
            for (size_t k = 0; k < count; k++) {
                __m512 p = _mm512_set1_ps(queries[k].p[j]);
                o[k * vectors + n] = _mm512_fmadd_ps(p, value, o[k * vectors + n]);
            }
        }
    }
    ASSAY_UNROLL
    for (size_t k = 0; k < count; k++) {
        __m512 a = _mm512_set1_ps(queries[k].old), b = _mm512_set1_ps(queries[k].fresh);
        ASSAY_UNROLL
        for (size_t n = 0; n < vectors; n++) {
            float *y = queries[k].y + i + 16 * n;
            __m512 chunk = o[k * vectors + n];
            if (queries[k].begun) {
                __m512 merged = _mm512_maskz_loadu_ps(lanes, y);
                chunk = _mm512_fmadd_ps(merged, a, _mm512_mul_ps(chunk, b));
            }
            _mm512_mask_storeu_ps(y, lanes, chunk);
        }
    }
}

ASSAY_INLINE void compute(struct assay_query *queries, size_t count, uint32_t dim, size_t units,
                          const struct assay_piece *piece, const struct assay_piece *next)
{
    struct assay_seen span = piece->span;
    size_t blocks = (span.end - span.begin / KEYS * KEYS + KEYS - 1) / KEYS;
    scores(queries, count, dim, units, piece->keys, span,
           assay_ahead_of(next->keys, dim * units, next->span, blocks * (KEYS / 2)));
    for (size_t k = 0; k < count; k++) soften(&queries[k], span);
    struct assay_ahead ahead =
        assay_ahead_of(next->values, dim * units, next->span, span.end - span.begin);
    uint32_t i = 0;
    for (; i + 16 * TILE <= dim; i += 16 * TILE) {
        value_tile(queries, count, dim, units, piece->values, span, &ahead, i, TILE, 0xffff);
    }
    for (; i < dim; i += 16) {
        value_tile(queries, count, dim, units, piece->values, span, &ahead, i, 1,
                   assay_first_of_16(dim - i));
    }
    for (size_t k = 0; k < count; k++) queries[k].begun = true;
}

static void attend_piece(struct assay_query *queries, const struct assay_kv_view *view,
                         const struct assay_piece *piece, const struct assay_piece *next)
{
#define INSTANCE(n)                                                                                \
    case n:                                                                                        \
        if (view->wide) {                                                                          \
            compute(queries, n, view->head_dim, 2, piece, next);                                   \
        } else {                                                                                   \
            compute(queries, n, view->head_dim, 1, piece, next);                                   \
        }                                                                                          \
        break
    switch (piece->count) {
        INSTANCE(1);
        INSTANCE(2);
        INSTANCE(3);
        INSTANCE(4);
        INSTANCE(5);
        INSTANCE(6);
    }
#undef INSTANCE
}

/* O[i]/L */
static void divide(const struct assay_query *query, uint32_t dim)
{
    __m512 l = _mm512_set1_ps(query->l);
    for (uint32_t i = 0; i < dim; i += 16) {
        __mmask16 lanes = assay_first_of_16(dim - i);
        __m512 o = _mm512_maskz_loadu_ps(lanes, query->y + i);
        _mm512_mask_storeu_ps(query->y + i, lanes, _mm512_div_ps(o, l));
    }
}

void assay_avx512_attend(struct assay_team *team, const struct assay_kv_view *view, const float *q,
                         uint32_t heads, size_t rows, const struct assay_row_place *places,
                         float *y)
{
    static const struct assay_attend_kernel kernel = {QUERIES, attend_piece, divide};
    assay_cpu_attend(&kernel, team, view, q, heads, rows, places, y);
}

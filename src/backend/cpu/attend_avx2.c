/* Attention (1.9) in AVX2. Scores: two vectors are the 16 partial sums of a dot product; those of
 * eight keys fold together, so that the fold costs four instructions a key and leaves eight scores
 * in a vector. Values: the dimensions stand in the lanes and positions follow one another, several
 * tiles of dimensions side by side to hide the latency of the chains. */
#include "backend/cpu/attend.h"

#include "backend/cpu/cpu.h"
#include "backend/cpu/lanes_avx2.h"
#include "backend/stored.h"
#include "base/exact.h"

enum { QUERIES = 4, KEYS = 8 };

/* h = 8 of the fold of 1.8 for q·k, the two halves of the 16 partial sums added. */
ASSAY_INLINE void dot_halves(const struct assay_query *queries, size_t count, uint32_t dim,
                             size_t units, const uint16_t *k, __m256 sum[QUERIES])
{
    __m256 low[QUERIES], high[QUERIES];
    ASSAY_UNROLL
    for (size_t h = 0; h < count; h++) low[h] = high[h] = _mm256_setzero_ps();
    size_t i = 0;
    for (; i + 16 <= dim; i += 16) {
        __m256 k0 = assay_load_stored(k + i * units, units);
        __m256 k1 = assay_load_stored(k + (i + 8) * units, units);
        ASSAY_UNROLL
        for (size_t h = 0; h < count; h++) {
            const float *q = queries[h].q + i;
            low[h] = _mm256_fmadd_ps(_mm256_loadu_ps(q), k0, low[h]);
            high[h] = _mm256_fmadd_ps(_mm256_loadu_ps(q + 8), k1, high[h]);
        }
    }
    size_t rest = dim - i;
    if (rest > 0) { /* zeros past the end change no sum but a −0, which the fold makes +0 anyway */
        float tail[16] = {0};
        for (size_t n = 0; n < rest; n++) tail[n] = assay_stored_get(k + (i + n) * units, units);
        __m256i first = assay_first_lanes(rest),
                second = assay_first_lanes(rest < 8 ? 0 : rest - 8);
        for (size_t h = 0; h < count; h++) {
            const float *q = queries[h].q + i;
            low[h] = _mm256_fmadd_ps(_mm256_maskload_ps(q, first), _mm256_loadu_ps(tail), low[h]);
            if (rest <= 8) continue;
            high[h] = _mm256_fmadd_ps(_mm256_maskload_ps(q + 8, second), _mm256_loadu_ps(tail + 8),
                                      high[h]);
        }
    }
    ASSAY_UNROLL
    for (size_t h = 0; h < count; h++) sum[h] = _mm256_add_ps(low[h], high[h]);
}

/* h = 4, 2, 1 of the fold for eight keys at once: lane j of the result is the sum of s[j]. */
ASSAY_INLINE __m256 fold_keys(const __m256 s[KEYS])
{
    __m256 four[4], two[2];
    ASSAY_UNROLL
    for (size_t j = 0; j < 4; j++) { /* key j in the lower half, key j + 4 in the upper */
        four[j] = _mm256_add_ps(_mm256_permute2f128_ps(s[j], s[j + 4], 0x20),
                                _mm256_permute2f128_ps(s[j], s[j + 4], 0x31));
    }
    ASSAY_UNROLL
    for (size_t j = 0; j < 2; j++) {
        two[j] = _mm256_add_ps(_mm256_shuffle_ps(four[2 * j], four[2 * j + 1], 0x44),
                               _mm256_shuffle_ps(four[2 * j], four[2 * j + 1], 0xee));
    }
    __m256 one = _mm256_add_ps(_mm256_shuffle_ps(two[0], two[1], 0x88),
                               _mm256_shuffle_ps(two[0], two[1], 0xdd));
    return _mm256_add_ps(one, _mm256_setzero_ps());
}

/* p[j] = e_j, and −inf for what the span leaves out of the first eight and of the last. */
ASSAY_INLINE void scores(struct assay_query *queries, size_t count, uint32_t dim, size_t units,
                         const uint16_t *keys, struct assay_seen span, struct assay_ahead ahead)
{
    const __m256 scale = _mm256_set1_ps(1.0f / sqrtf((float)dim));
    const __m256 masked = _mm256_set1_ps(-INFINITY);
    for (size_t j = span.begin / KEYS * KEYS; j < span.end; j += KEYS) {
        size_t present = span.end - j < KEYS ? span.end - j : KEYS;
        size_t absent = j < span.begin ? span.begin - j : 0;
        __m256 halves[QUERIES][KEYS];
        for (size_t n = 0; n < KEYS; n++) {
            __m256 sum[QUERIES];
            for (size_t h = 0; h < count; h++) sum[h] = _mm256_setzero_ps();
            assay_ask(&ahead);
            if (n >= absent && n < present)
                dot_halves(queries, count, dim, units, keys + (j + n) * dim * units, sum);
            ASSAY_UNROLL
            for (size_t h = 0; h < count; h++) halves[h][n] = sum[h];
        }
        __m256 valid = _mm256_castsi256_ps(
            _mm256_andnot_si256(assay_first_lanes(absent), assay_first_lanes(present)));
        for (size_t h = 0; h < count; h++) {
            __m256 e = _mm256_mul_ps(fold_keys(halves[h]), scale);
            _mm256_storeu_ps(queries[h].p + j, _mm256_blendv_ps(masked, e, valid));
        }
    }
}

/* p from scores to weights in place, and the chunk's share in m and l. A NaN score may be passed
 * over by the maximum: it comes back through its weight. A masked one has weight +0, which no sum
 * feels. */
static void soften(struct assay_query *query, struct assay_seen span)
{
    float lanes[8], m = -INFINITY, *p = query->p;
    __m256 max = _mm256_set1_ps(-INFINITY), sum[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
    size_t begin = span.begin / 8 * 8;
    for (size_t j = begin; j < span.end; j += 8) max = _mm256_max_ps(_mm256_loadu_ps(p + j), max);
    _mm256_storeu_ps(lanes, max);
    for (size_t k = 0; k < 8; k++) {
        if (lanes[k] > m) m = lanes[k];
    }
    max = _mm256_set1_ps(m);
    for (size_t j = begin; j < span.end; j += 8) {
        __m256 weight = assay_exp_lanes(_mm256_sub_ps(_mm256_loadu_ps(p + j), max));
        _mm256_storeu_ps(p + j, weight);
        sum[j / 8 % 2] = _mm256_add_ps(sum[j / 8 % 2], weight);
    }
    assay_query_merge(query, m, assay_fold_lanes(sum[0], sum[1]));
}

/* `vectors` × 8 dimensions from i on: the chunk's weighted values, merged into y. */
ASSAY_INLINE void value_tile(const struct assay_query *queries, size_t count, uint32_t dim,
                             size_t units, const uint16_t *values, struct assay_seen span,
                             struct assay_ahead *ahead, size_t i, size_t vectors)
{
    __m256 o[QUERIES * 8];
    ASSAY_UNROLL
    for (size_t n = 0; n < count * vectors; n++) o[n] = _mm256_setzero_ps();
    for (size_t j = span.begin; j < span.end; j++) {
        const uint16_t *v = values + (j * dim + i) * units;
        if (i == 0) assay_ask(ahead);
        ASSAY_UNROLL
        for (size_t n = 0; n < vectors; n++) {
            __m256 value = assay_load_stored(v + 8 * n * units, units);
            ASSAY_UNROLL
            for (size_t h = 0; h < count; h++) {
                __m256 p = _mm256_set1_ps(queries[h].p[j]);
                o[h * vectors + n] = _mm256_fmadd_ps(p, value, o[h * vectors + n]);
            }
        }
    }
    ASSAY_UNROLL
    for (size_t h = 0; h < count; h++) {
        __m256 a = _mm256_set1_ps(queries[h].old), b = _mm256_set1_ps(queries[h].fresh);
        ASSAY_UNROLL
        for (size_t n = 0; n < vectors; n++) {
            float *y = queries[h].y + i + 8 * n;
            __m256 chunk = o[h * vectors + n];
            if (queries[h].begun) {
                chunk = _mm256_fmadd_ps(_mm256_loadu_ps(y), a, _mm256_mul_ps(chunk, b));
            }
            _mm256_storeu_ps(y, chunk);
        }
    }
}

/* The dimensions past the last full vector. */
static void value_tail(const struct assay_query *query, uint32_t dim, size_t units,
                       const uint16_t *values, struct assay_seen span, size_t i)
{
    for (; i < dim; i++) {
        float *y = query->y + i, o = 0.0f;
        for (size_t j = span.begin; j < span.end; j++) {
            o = fmaf(query->p[j], assay_stored_get(values + (j * dim + i) * units, units), o);
        }
        *y = query->begun ? fmaf(*y, query->old, o * query->fresh) : o;
    }
}

ASSAY_INLINE void compute(struct assay_query *queries, size_t count, uint32_t dim, size_t units,
                          const struct assay_piece *piece, const struct assay_piece *next)
{
    const size_t vectors = count == 1 ? 8 : count == 2 ? 4 : 2;
    struct assay_seen span = piece->span;
    size_t blocks = (span.end - span.begin / KEYS * KEYS + KEYS - 1) / KEYS;
    scores(queries, count, dim, units, piece->keys, span,
           assay_ahead_of(next->keys, dim * units, next->span, blocks * KEYS));
    for (size_t h = 0; h < count; h++) soften(&queries[h], span);
    struct assay_ahead ahead =
        assay_ahead_of(next->values, dim * units, next->span, span.end - span.begin);
    size_t i = 0;
    for (; i + 8 * vectors <= dim; i += 8 * vectors) {
        value_tile(queries, count, dim, units, piece->values, span, &ahead, i, vectors);
    }
    for (; i + 8 <= dim; i += 8) {
        value_tile(queries, count, dim, units, piece->values, span, &ahead, i, 1);
    }
    for (size_t h = 0; h < count; h++) {
        value_tail(&queries[h], dim, units, piece->values, span, i);
        queries[h].begun = true;
    }
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
    }
#undef INSTANCE
}

/* O[i]/L */
static void divide(const struct assay_query *query, uint32_t dim)
{
    __m256 l = _mm256_set1_ps(query->l);
    size_t i = 0;
    for (; i + 8 <= dim; i += 8) {
        _mm256_storeu_ps(query->y + i, _mm256_div_ps(_mm256_loadu_ps(query->y + i), l));
    }
    for (; i < dim; i++) query->y[i] = query->y[i] / query->l;
}

void assay_avx2_attend(struct assay_team *team, const struct assay_kv_view *view, const float *q,
                       uint32_t heads, size_t rows, const struct assay_row_place *places, float *y)
{
    static const struct assay_attend_kernel kernel = {QUERIES, attend_piece, divide};
    assay_cpu_attend(&kernel, team, view, q, heads, rows, places, y);
}

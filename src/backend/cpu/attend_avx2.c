/* Attention (1.9). Up to four query heads that share a key head are done together, so that a key or
 * value is loaded (widened, from f16) once for all of them. Scores: two vectors are the 16 partial
 * sums of a dot product; those of eight keys fold together, so that the fold costs four
 * instructions a key and leaves eight scores in a vector. Values: the dimensions stand in the lanes
 * and positions follow one another, several tiles of dimensions side by side to hide the latency of
 * the chains. Threads take (row, head) units, weighed by how many positions a row looks back on. */
#include "backend/cpu/lanes_avx2.h"

#include "backend/cpu/cpu.h"
#include "backend/stored.h"
#include "base/exact.h"

enum { HEADS = 4, KEYS = 8 };

struct attend_work {
    const struct assay_kv_view *view;
    const float *q;
    uint32_t heads;
    size_t rows;
    const struct assay_row_place *places;
    float *y;
};

/* The heads of one row that are done together; q, y: heads × dim. */
struct unit {
    const float *q;
    float *y;
    uint32_t dim;
    uint32_t begin, end; /* positions of the chunk at hand that the row sees: begin ≤ j < end */
    float p[HEADS][ASSAY_CHUNK];
    float m[HEADS], l[HEADS];       /* merged so far */
    float old[HEADS], fresh[HEADS]; /* 1.9's a and b for the chunk at hand */
};

/* h = 8 of the fold of 1.8 for q[h]·k, the two halves of the 16 partial sums added. */
ASSAY_INLINE void dot_halves(const struct unit *unit, const uint16_t *k, size_t units, size_t heads,
                             __m256 sum[HEADS])
{
    __m256 low[HEADS], high[HEADS];
    ASSAY_UNROLL
    for (size_t h = 0; h < heads; h++) low[h] = high[h] = _mm256_setzero_ps();
    size_t i = 0;
    for (; i + 16 <= unit->dim; i += 16) {
        __m256 k0 = assay_load_stored(k + i * units, units);
        __m256 k1 = assay_load_stored(k + (i + 8) * units, units);
        ASSAY_UNROLL
        for (size_t h = 0; h < heads; h++) {
            const float *q = unit->q + h * unit->dim + i;
            low[h] = _mm256_fmadd_ps(_mm256_loadu_ps(q), k0, low[h]);
            high[h] = _mm256_fmadd_ps(_mm256_loadu_ps(q + 8), k1, high[h]);
        }
    }
    size_t rest = unit->dim - i;
    if (rest > 0) { /* zeros past the end change no sum but a −0, which the fold makes +0 anyway */
        float tail[16] = {0};
        for (size_t n = 0; n < rest; n++) tail[n] = assay_stored_get(k + (i + n) * units, units);
        __m256i first = assay_first_lanes(rest),
                second = assay_first_lanes(rest < 8 ? 0 : rest - 8);
        for (size_t h = 0; h < heads; h++) {
            const float *q = unit->q + h * unit->dim + i;
            low[h] = _mm256_fmadd_ps(_mm256_maskload_ps(q, first), _mm256_loadu_ps(tail), low[h]);
            if (rest <= 8) continue;
            high[h] = _mm256_fmadd_ps(_mm256_maskload_ps(q + 8, second), _mm256_loadu_ps(tail + 8),
                                      high[h]);
        }
    }
    ASSAY_UNROLL
    for (size_t h = 0; h < heads; h++) sum[h] = _mm256_add_ps(low[h], high[h]);
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

/* p[h][j] = e_j, and −inf for what is missing of the first eight and of the last. */
ASSAY_INLINE void scores(struct unit *unit, const uint16_t *keys, size_t units, size_t heads)
{
    const __m256 scale = _mm256_set1_ps(1.0f / sqrtf((float)unit->dim));
    const __m256 masked = _mm256_set1_ps(-INFINITY);
    for (size_t j = unit->begin / KEYS * KEYS; j < unit->end; j += KEYS) {
        size_t present = unit->end - j < KEYS ? unit->end - j : KEYS;
        size_t absent = j < unit->begin ? unit->begin - j : 0;
        __m256 halves[HEADS][KEYS];
        for (size_t n = 0; n < KEYS; n++) {
            __m256 sum[HEADS];
            for (size_t h = 0; h < heads; h++) sum[h] = _mm256_setzero_ps();
            if (n >= absent && n < present)
                dot_halves(unit, keys + (j + n) * unit->dim * units, units, heads, sum);
            ASSAY_UNROLL
            for (size_t h = 0; h < heads; h++) halves[h][n] = sum[h];
        }
        __m256 valid = _mm256_castsi256_ps(
            _mm256_andnot_si256(assay_first_lanes(absent), assay_first_lanes(present)));
        for (size_t h = 0; h < heads; h++) {
            __m256 e = _mm256_mul_ps(fold_keys(halves[h]), scale);
            _mm256_storeu_ps(unit->p[h] + j, _mm256_blendv_ps(masked, e, valid));
        }
    }
}

/* p[h] from scores to weights in place; returns m_c, *l gets l_c. A NaN score may be passed over by
 * the maximum: it comes back through its weight. A masked one has weight +0, which no sum feels. */
static float soften(float p[ASSAY_CHUNK], size_t begin, size_t end, float *l)
{
    float lanes[8], m = -INFINITY;
    __m256 max = _mm256_set1_ps(-INFINITY), sum[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
    begin = begin / 8 * 8;
    for (size_t j = begin; j < end; j += 8) max = _mm256_max_ps(_mm256_loadu_ps(p + j), max);
    _mm256_storeu_ps(lanes, max);
    for (size_t k = 0; k < 8; k++) {
        if (lanes[k] > m) m = lanes[k];
    }
    max = _mm256_set1_ps(m);
    for (size_t j = begin; j < end; j += 8) {
        __m256 weight = assay_exp_lanes(_mm256_sub_ps(_mm256_loadu_ps(p + j), max));
        _mm256_storeu_ps(p + j, weight);
        sum[j / 8 % 2] = _mm256_add_ps(sum[j / 8 % 2], weight);
    }
    *l = assay_fold_lanes(sum[0], sum[1]);
    return m;
}

/* `vectors` × 8 dimensions from i on: the chunk's weighted values, merged into y. */
ASSAY_INLINE void value_tile(const struct unit *unit, const uint16_t *values, size_t units,
                             size_t heads, size_t vectors, size_t i, bool first)
{
    __m256 o[HEADS * 8];
    ASSAY_UNROLL
    for (size_t n = 0; n < heads * vectors; n++) o[n] = _mm256_setzero_ps();
    for (size_t j = unit->begin; j < unit->end; j++) {
        const uint16_t *v = values + (j * unit->dim + i) * units;
        ASSAY_UNROLL
        for (size_t n = 0; n < vectors; n++) {
            __m256 value = assay_load_stored(v + 8 * n * units, units);
            ASSAY_UNROLL
            for (size_t h = 0; h < heads; h++) {
                __m256 p = _mm256_set1_ps(unit->p[h][j]);
                o[h * vectors + n] = _mm256_fmadd_ps(p, value, o[h * vectors + n]);
            }
        }
    }
    ASSAY_UNROLL
    for (size_t h = 0; h < heads; h++) {
        __m256 a = _mm256_set1_ps(unit->old[h]), b = _mm256_set1_ps(unit->fresh[h]);
        ASSAY_UNROLL
        for (size_t n = 0; n < vectors; n++) {
            float *y = unit->y + h * unit->dim + i + 8 * n;
            __m256 chunk = o[h * vectors + n];
            if (!first) chunk = _mm256_fmadd_ps(_mm256_loadu_ps(y), a, _mm256_mul_ps(chunk, b));
            _mm256_storeu_ps(y, chunk);
        }
    }
}

/* The dimensions past the last full vector. */
static void value_tail(const struct unit *unit, const uint16_t *values, size_t units, size_t heads,
                       size_t i, bool first)
{
    for (; i < unit->dim; i++) {
        for (size_t h = 0; h < heads; h++) {
            float *y = unit->y + h * unit->dim + i, o = 0.0f;
            for (size_t j = unit->begin; j < unit->end; j++) {
                const uint16_t *value = values + (j * unit->dim + i) * units;
                o = fmaf(unit->p[h][j], assay_stored_get(value, units), o);
            }
            *y = first ? o : fmaf(*y, unit->old[h], o * unit->fresh[h]);
        }
    }
}

/* One chunk: its scores, weights, and its share in the merged result. */
ASSAY_INLINE void chunk(struct unit *unit, const uint16_t *keys, const uint16_t *values,
                        size_t units, size_t heads, bool first)
{
    scores(unit, keys, units, heads);
    for (size_t h = 0; h < heads; h++) {
        float l, m = soften(unit->p[h], unit->begin, unit->end, &l);
        if (first) {
            unit->m[h] = m;
            unit->l[h] = l;
            unit->old[h] = unit->fresh[h] = 0.0f; /* not used */
            continue;
        }
        float larger = m > unit->m[h] ? m : unit->m[h];
        unit->old[h] = assay_exp(unit->m[h] - larger);
        unit->fresh[h] = assay_exp(m - larger);
        unit->m[h] = larger;
        unit->l[h] = fmaf(unit->l[h], unit->old[h], l * unit->fresh[h]);
    }
    const size_t vectors = heads == 1 ? 8 : heads == 2 ? 4 : 2;
    size_t i = 0;
    for (; i + 8 * vectors <= unit->dim; i += 8 * vectors) {
        value_tile(unit, values, units, heads, vectors, i, first);
    }
    for (; i + 8 <= unit->dim; i += 8) value_tile(unit, values, units, heads, 1, i, first);
    value_tail(unit, values, units, heads, i, first);
}

ASSAY_INLINE void attend_together(struct unit *unit, const struct assay_kv_view *view,
                                  const struct assay_row_place *place, uint32_t kv_head,
                                  size_t units, size_t heads)
{
    uint32_t last = place->position / ASSAY_CHUNK;
    uint32_t seen = assay_kv_first(view, place->position), first = seen / ASSAY_CHUNK;
    size_t keys = assay_kv_offset(view, 0, kv_head, 0),
           values = assay_kv_offset(view, 1, kv_head, 0);
    for (uint32_t c = first; c <= last; c++) {
        unit->begin = c > first ? 0 : seen % ASSAY_CHUNK;
        unit->end = c < last ? ASSAY_CHUNK : place->position % ASSAY_CHUNK + 1;
        chunk(unit, place->pages[c] + keys, place->pages[c] + values, units, heads, c == first);
    }
    for (size_t h = 0; h < heads; h++) {
        float *y = unit->y + h * unit->dim;
        __m256 l = _mm256_set1_ps(unit->l[h]);
        size_t i = 0;
        for (; i + 8 <= unit->dim; i += 8) {
            _mm256_storeu_ps(y + i, _mm256_div_ps(_mm256_loadu_ps(y + i), l));
        }
        for (; i < unit->dim; i++) y[i] = y[i] / unit->l[h];
    }
}

static void attend_unit(struct unit *unit, const struct assay_kv_view *view,
                        const struct assay_row_place *place, uint32_t kv_head, size_t heads)
{
#define INSTANCE(n)                                                                                \
    case n:                                                                                        \
        if (view->wide) {                                                                          \
            attend_together(unit, view, place, kv_head, 2, n);                                     \
        } else {                                                                                   \
            attend_together(unit, view, place, kv_head, 1, n);                                     \
        }                                                                                          \
        break
    switch (heads) {
        INSTANCE(1);
        INSTANCE(2);
        INSTANCE(3);
        INSTANCE(4);
    }
#undef INSTANCE
}

/* Units cost what a row looks back on, and a little more. */
static uint64_t cost_of_row(const struct attend_work *work, size_t r)
{
    enum { COST_OF_A_ROW = 16 };
    uint32_t position = work->places[r].position;
    return position - assay_kv_first(work->view, position) + COST_OF_A_ROW;
}

/* The first unit of a thread. */
static size_t first_unit(const struct attend_work *work, unsigned thread, unsigned threads)
{
    uint64_t total = 0, passed = 0;
    for (size_t r = 0; r < work->rows; r++) total += cost_of_row(work, r);
    uint64_t target = total * work->heads / threads * thread;
    if (thread == threads) return work->rows * work->heads;
    for (size_t r = 0; r < work->rows; r++) {
        uint64_t cost = cost_of_row(work, r);
        if (target < passed + cost * work->heads) {
            return r * work->heads + (size_t)((target - passed + cost - 1) / cost);
        }
        passed += cost * work->heads;
    }
    return work->rows * work->heads;
}

static void attend_units(void *context, unsigned thread, unsigned threads)
{
    const struct attend_work *work = context;
    const struct assay_kv_view *view = work->view;
    size_t group = work->heads / view->kv_heads;
    size_t at = first_unit(work, thread, threads), end = first_unit(work, thread + 1, threads);
    while (at < end) {
        size_t row = at / work->heads, head = at % work->heads;
        size_t together = group - head % group;
        if (together > end - at) together = end - at;
        if (together > HEADS) together = HEADS;
        struct unit unit = {.q = work->q + at * view->head_dim,
                            .y = work->y + at * view->head_dim,
                            .dim = view->head_dim};
        attend_unit(&unit, view, &work->places[row], (uint32_t)(head / group), together);
        at += together;
    }
}

void assay_avx2_attend(struct assay_team *team, const struct assay_kv_view *view, const float *q,
                       uint32_t heads, size_t rows, const struct assay_row_place *places, float *y)
{
    struct attend_work work = {view, q, heads, rows, places, y};
    assay_team_run(team, attend_units, &work);
}

/* Attention (1.9) in AVX-512. Up to six queries that share a key head are a unit: the heads of a
 * group, and those of neighbouring rows. Wherever their rows look at the same page through the same
 * span (a prompt's rows, replicates on one prefix) a key or value is loaded (widened, from f16)
 * once for all of them. Scores: a vector is the 16 partial sums of a dot product, and sixteen keys
 * fold together into one vector of scores, two shuffles and an addition a key. Values: the
 * dimensions stand in the lanes and positions follow one another, 24 chains side by side. */
#include "backend/cpu/lanes_avx512.h"

#include "backend/cpu/cpu.h"
#include "base/exact.h"

#include <stdatomic.h>

enum { QUERIES = 6, KEYS = 16, TILE = 4 /* vectors of dimensions that are summed together */ };

struct attend_work {
    const struct assay_kv_view *view;
    const float *q;
    uint32_t heads;
    size_t rows;
    const struct assay_row_place *places;
    float *y;
    uint32_t group;             /* query heads of a key head */
    uint32_t part, parts;       /* heads of a group that a unit takes, units that a group needs */
    size_t rows_of_unit, units; /* rows > 1 only where parts is 1 */
    atomic_size_t next;
};

/* The positions of a page that a row sees: begin ≤ j < end. */
struct span {
    uint32_t begin, end;
};

struct query {
    const float *q;
    float *y;
    const struct assay_row_place *place;
    float p[ASSAY_CHUNK]; /* of the chunk at hand: scores, then weights */
    float m, l;           /* merged so far */
    float old, fresh;     /* 1.9's a and b for the chunk at hand */
    bool begun;
};

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
ASSAY_INLINE void dot_pair(const struct query *queries, size_t count, uint32_t dim, size_t units,
                           const uint16_t *k0, const uint16_t *k1, __m512 sums[QUERIES])
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

/* What will be read next, on its way into the second cache while the present is computed, `lines`
 * at a time. The second cache has more lines under way than the first one, and the hardware by
 * itself begins anew with each head's 8 KiB: from memory, a page's keys came at 17 GB/s in this
 * way, at 9 when asked for into the first cache, at 8 unasked. */
struct ahead {
    const uint16_t *at, *end;
    size_t lines;
};
enum { LINE_UNITS = 32 };

/* Rows of the span at `from`, in `steps` steps. */
static struct ahead ahead_of(const uint16_t *from, size_t row_units, struct span span, size_t steps)
{
    size_t lines = ((span.end - span.begin) * row_units + LINE_UNITS - 1) / LINE_UNITS;
    return (struct ahead){from + span.begin * row_units, from + span.end * row_units,
                          (lines + steps - 1) / steps};
}

ASSAY_INLINE void ask(struct ahead *ahead)
{
    const uint16_t *at = ahead->at;
    for (size_t n = 0; n < ahead->lines && at < ahead->end; n++, at += LINE_UNITS) {
        __builtin_prefetch(at, 0, 2);
    }
    ahead->at = at;
}

static uint32_t clamp(uint32_t j, struct span span)
{
    return j < span.begin ? span.begin : j < span.end ? j : span.end - 1;
}

/* p[j] = e_j, and −inf for what the span leaves out of the first sixteen and of the last. In their
 * place a key that is seen is read once more. */
ASSAY_INLINE void scores(struct query *queries, size_t count, uint32_t dim, size_t units,
                         const uint16_t *keys, struct span span, struct ahead ahead)
{
    const __m512 scale = _mm512_set1_ps(1.0f / sqrtf((float)dim));
    for (uint32_t j = span.begin / KEYS * KEYS; j < span.end; j += KEYS) {
        __m512 halves[QUERIES][8];
        for (uint32_t n = 0; n < 8; n++) {
            size_t first = (size_t)clamp(j + n, span) * dim * units;
            size_t second = (size_t)clamp(j + n + 8, span) * dim * units;
            __m512 sums[QUERIES];
            ask(&ahead);
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
static void soften(struct query *query, struct span span)
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
    float l = assay_fold_wide(sum);
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

/* `vectors` × 16 dimensions from i on, or of the last vector those of `lanes`: the chunk's weighted
 * values, merged into y. */
ASSAY_INLINE void value_tile(const struct query *queries, size_t count, uint32_t dim, size_t units,
                             const uint16_t *values, struct span span, struct ahead *ahead,
                             uint32_t i, size_t vectors, __mmask16 lanes)
{
    __m512 o[QUERIES * TILE];
    ASSAY_UNROLL
    for (size_t n = 0; n < count * vectors; n++) o[n] = _mm512_setzero_ps();
    for (uint32_t j = span.begin; j < span.end; j++) {
        const uint16_t *v = values + ((size_t)j * dim + i) * units;
        if (i == 0) ask(ahead);
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

/* Queries of a unit that see the same of a page. */
struct piece {
    uint32_t chunk;
    size_t first, count; /* which queries */
    const uint16_t *keys, *values;
    struct span span;
};

/* One piece; next: the one after it, whose keys are asked for while this one's scores are computed,
 * and its values with this one's values. */
ASSAY_INLINE void compute(struct query *queries, size_t count, uint32_t dim, size_t units,
                          const struct piece *piece, const struct piece *next)
{
    struct span span = piece->span;
    size_t blocks = (span.end - span.begin / KEYS * KEYS + KEYS - 1) / KEYS;
    scores(queries, count, dim, units, piece->keys, span,
           ahead_of(next->keys, dim * units, next->span, blocks * (KEYS / 2)));
    for (size_t k = 0; k < count; k++) soften(&queries[k], span);
    struct ahead ahead = ahead_of(next->values, dim * units, next->span, span.end - span.begin);
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

static void compute_piece(struct query *queries, const struct assay_kv_view *view,
                          const struct piece *piece, const struct piece *next)
{
    queries += piece->first;
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

/* What a row sees of chunk c; empty where that is nothing. */
static struct span span_of(const struct assay_kv_view *view, uint32_t position, uint32_t c)
{
    uint32_t first = assay_kv_first(view, position), start = c * ASSAY_CHUNK;
    if (position < start || first >= start + ASSAY_CHUNK) return (struct span){0, 0};
    return (struct span){first > start ? first - start : 0,
                         position - start < ASSAY_CHUNK ? position - start + 1 : ASSAY_CHUNK};
}

/* O[i]/L */
static void divide(const struct query *query, uint32_t dim)
{
    __m512 l = _mm512_set1_ps(query->l);
    for (uint32_t i = 0; i < dim; i += 16) {
        __mmask16 lanes = assay_first_of_16(dim - i);
        __m512 o = _mm512_maskz_loadu_ps(lanes, query->y + i);
        _mm512_mask_storeu_ps(query->y + i, lanes, _mm512_div_ps(o, l));
    }
}

/* What a thread takes at a time: queries of one key head. */
struct unit {
    struct query queries[QUERIES];
    size_t count;
    uint32_t kv_head, last; /* chunk */
};

/* The last rows first: in a prompt they look back farthest, and small units end the work. */
static void unit_init(struct unit *unit, const struct attend_work *work, size_t index)
{
    size_t of_rows = work->parts * work->view->kv_heads;
    size_t row = (work->units - 1 - index) / of_rows * work->rows_of_unit;
    uint32_t first = (uint32_t)(index % work->parts) * work->part, last = first + work->part;
    if (last > work->group) last = work->group;
    unit->kv_head = (uint32_t)(index % of_rows / work->parts);
    unit->count = 0;
    unit->last = 0;
    for (size_t r = row; r < row + work->rows_of_unit && r < work->rows; r++) {
        uint32_t chunk = work->places[r].position / ASSAY_CHUNK;
        if (chunk > unit->last) unit->last = chunk;
        for (uint32_t head = first; head < last; head++) {
            struct query *query = &unit->queries[unit->count++];
            size_t at = (r * work->heads + unit->kv_head * work->group + head);
            query->q = work->q + at * work->view->head_dim;
            query->y = work->y + at * work->view->head_dim;
            query->place = &work->places[r];
            query->begun = false;
        }
    }
}

/* The piece from chunk c and query k on; false where there is none. Chunks ascend, and in each of
 * them runs of queries that see the same. */
static bool find_piece(const struct assay_kv_view *view, const struct unit *unit, uint32_t c,
                       size_t k, struct piece *out)
{
    for (; c <= unit->last; c++, k = 0) {
        for (; k < unit->count; k++) {
            const struct assay_row_place *place = unit->queries[k].place;
            struct span span = span_of(view, place->position, c);
            if (span.end == 0) continue;
            const uint16_t *page = place->pages[c];
            size_t count = 1;
            for (; k + count < unit->count; count++) {
                const struct assay_row_place *other = unit->queries[k + count].place;
                struct span seen = span_of(view, other->position, c);
                if (seen.begin != span.begin || seen.end != span.end) break;
                if (other->pages[c] != page) break;
            }
            *out = (struct piece){c,
                                  k,
                                  count,
                                  page + assay_kv_offset(view, 0, unit->kv_head, 0),
                                  page + assay_kv_offset(view, 1, unit->kv_head, 0),
                                  span};
            return true;
        }
    }
    return false;
}

static bool first_piece(const struct assay_kv_view *view, const struct unit *unit,
                        struct piece *out)
{
    uint32_t first = UINT32_MAX;
    for (size_t k = 0; k < unit->count; k++) {
        uint32_t c = assay_kv_first(view, unit->queries[k].place->position) / ASSAY_CHUNK;
        if (c < first) first = c;
    }
    return find_piece(view, unit, first, 0, out);
}

/* All pieces of a unit, and the first of the one after it is asked for at the end. */
static void attend_unit(const struct assay_kv_view *view, struct unit *unit,
                        const struct unit *after)
{
    struct piece piece, next;
    bool more = first_piece(view, unit, &piece);
    while (more) {
        more = find_piece(view, unit, piece.chunk, piece.first + piece.count, &next);
        if (!more && !(after && first_piece(view, after, &next))) next = piece;
        compute_piece(unit->queries, view, &piece, &next);
        piece = next;
    }
    for (size_t k = 0; k < unit->count; k++) divide(&unit->queries[k], view->head_dim);
}

/* A thread takes the next unit before it computes the present one. */
static void attend_units(void *context, unsigned thread, unsigned threads)
{
    struct attend_work *work = context;
    struct unit units[2], *unit = &units[0], *after = &units[1];
    (void)thread, (void)threads;
    size_t index = atomic_fetch_add_explicit(&work->next, 1, memory_order_relaxed);
    if (index < work->units) unit_init(unit, work, index);
    while (index < work->units) {
        index = atomic_fetch_add_explicit(&work->next, 1, memory_order_relaxed);
        if (index < work->units) unit_init(after, work, index);
        attend_unit(work->view, unit, index < work->units ? after : NULL);
        struct unit *done = unit;
        unit = after;
        after = done;
    }
}

void assay_avx512_attend(struct assay_team *team, const struct assay_kv_view *view, const float *q,
                         uint32_t heads, size_t rows, const struct assay_row_place *places,
                         float *y)
{
    enum { UNITS_OF_A_THREAD = 3 };
    struct attend_work work = {.view = view,
                               .q = q,
                               .heads = heads,
                               .rows = rows,
                               .places = places,
                               .y = y,
                               .group = heads / view->kv_heads,
                               .rows_of_unit = 1};
    size_t most = rows * heads / (assay_team_threads(team) * UNITS_OF_A_THREAD) + 1;
    if (most > QUERIES) most = QUERIES;
    work.parts = (uint32_t)((work.group + most - 1) / most);
    work.part = (work.group + work.parts - 1) / work.parts;
    if (work.parts == 1) work.rows_of_unit = most / work.group;
    work.units = (rows + work.rows_of_unit - 1) / work.rows_of_unit * view->kv_heads * work.parts;
    assay_team_run(team, attend_units, &work);
}

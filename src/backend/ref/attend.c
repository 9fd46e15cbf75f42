/* Attention of one query row and head (1.9): chunks of 64 absolute positions, each a softmax of its
 * own, merged in ascending order. A window leaves out the chunks before it. */
#include "backend/ref/ref.h"

#include "backend/stored.h"
#include "base/exact.h"
#include "base/team.h"

struct attend_work {
    const struct assay_kv_view *view;
    const float *q;
    uint32_t heads;
    size_t rows;
    const struct assay_row_place *places;
    float *y;
};

/* The positions of a chunk that a row sees: begin ≤ j < end, counted from the chunk's first. */
struct span {
    uint32_t begin, end;
};

/* p_j = exp(e_j − m_c) over the chunk's positions; returns m_c, *l gets l_c. */
static float chunk_weights(const float *q, const uint16_t *keys, size_t units, uint32_t head_dim,
                           struct span span, float p[ASSAY_CHUNK], float *l)
{
    float scale = 1.0f / sqrtf((float)head_dim), m = -INFINITY;
    for (uint32_t j = span.begin; j < span.end; j++) {
        const uint16_t *k = keys + (size_t)j * head_dim * units;
        float s[16] = {0};
        for (uint32_t i = 0; i < head_dim; i++) {
            s[i % 16] = fmaf(q[i], assay_stored_get(k + i * units, units), s[i % 16]);
        }
        p[j] = assay_ref_fold(s) * scale;
        if (p[j] > m) m = p[j]; /* a NaN is passed over here and comes back through p */
    }
    float s[16] = {0};
    for (uint32_t j = span.begin; j < span.end; j++) {
        p[j] = assay_exp(p[j] - m);
        s[j % 16] = s[j % 16] + p[j];
    }
    *l = assay_ref_fold(s);
    return m;
}

/* o_c[i], the chunk's weighted sum of values in dimension i. */
static float chunk_value(const float *p, const uint16_t *values, size_t units, uint32_t head_dim,
                         struct span span, uint32_t i)
{
    float o = 0.0f;
    for (uint32_t j = span.begin; j < span.end; j++) {
        const uint16_t *value = values + ((size_t)j * head_dim + i) * units;
        o = fmaf(p[j], assay_stored_get(value, units), o);
    }
    return o;
}

static void attend_head(const struct assay_kv_view *view, const struct assay_row_place *place,
                        uint32_t kv_head, const float *q, float *y)
{
    uint32_t dim = view->head_dim, last = place->position / ASSAY_CHUNK;
    uint32_t seen = assay_kv_first(view, place->position), first = seen / ASSAY_CHUNK;
    float merged_m = 0.0f, merged_l = 0.0f;
    size_t units = assay_kv_units(view);
    for (uint32_t c = first; c <= last; c++) {
        struct span span = {c > first ? 0 : seen % ASSAY_CHUNK,
                            c < last ? ASSAY_CHUNK : place->position % ASSAY_CHUNK + 1};
        const uint16_t *keys = place->pages[c] + assay_kv_offset(view, 0, kv_head, 0);
        const uint16_t *values = place->pages[c] + assay_kv_offset(view, 1, kv_head, 0);
        float p[ASSAY_CHUNK], l;
        float m = chunk_weights(q, keys, units, dim, span, p, &l);
        if (c == first) {
            merged_m = m;
            merged_l = l;
            for (uint32_t i = 0; i < dim; i++) y[i] = chunk_value(p, values, units, dim, span, i);
        } else {
            float larger = m > merged_m ? m : merged_m;
            float a = assay_exp(merged_m - larger), b = assay_exp(m - larger);
            merged_m = larger;
            merged_l = fmaf(merged_l, a, l * b);
            for (uint32_t i = 0; i < dim; i++) {
                y[i] = fmaf(y[i], a, chunk_value(p, values, units, dim, span, i) * b);
            }
        }
    }
    for (uint32_t i = 0; i < dim; i++) y[i] = y[i] / merged_l;
}

static void attend_units(void *context, unsigned thread, unsigned threads)
{
    const struct attend_work *work = context;
    const struct assay_kv_view *view = work->view;
    uint32_t group = work->heads / view->kv_heads;
    size_t begin, end;
    assay_team_share(work->rows * work->heads, 1, thread, threads, &begin, &end);
    for (size_t unit = begin; unit < end; unit++) {
        uint32_t head = (uint32_t)(unit % work->heads);
        attend_head(view, &work->places[unit / work->heads], head / group,
                    work->q + unit * view->head_dim, work->y + unit * view->head_dim);
    }
}

void assay_ref_attend(struct assay_team *team, const struct assay_kv_view *view, const float *q,
                      uint32_t heads, size_t rows, const struct assay_row_place *places, float *y)
{
    struct attend_work work = {view, q, heads, rows, places, y};
    assay_team_run(team, attend_units, &work);
}

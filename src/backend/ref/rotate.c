/* Rotary position embedding (1.4): pairs (2i, 2i+1), or (i, i + rope_dims/2). Dimensions past
 * rope_dims stay. */
#include "backend/ref/ref.h"

#include "base/exact.h"
#include "base/team.h"

struct rotate_work {
    float *x;
    size_t rows;
    uint32_t heads, head_dim, rope_dims;
    bool adjacent;
    const float *table;
    const struct assay_row_place *places;
};

static void rotate_head(const struct rotate_work *work, float *x, const float *table)
{
    for (uint32_t i = 0; i < work->rope_dims / 2; i++) {
        float *first = x + (work->adjacent ? 2 * i : i);
        float *second = work->adjacent ? first + 1 : first + work->rope_dims / 2;
        float a = *first, b = *second, cos = table[2 * i], sin = table[2 * i + 1];
        *first = fmaf(a, cos, -(b * sin));
        *second = fmaf(a, sin, b * cos);
    }
}

static void rotate_rows(void *context, unsigned thread, unsigned threads)
{
    const struct rotate_work *work = context;
    size_t begin, end;
    assay_team_share(work->rows, 1, thread, threads, &begin, &end);
    for (size_t r = begin; r < end; r++) {
        const float *table = work->table + (size_t)work->places[r].position * work->rope_dims;
        for (uint32_t h = 0; h < work->heads; h++) {
            rotate_head(work, work->x + (r * work->heads + h) * work->head_dim, table);
        }
    }
}

void assay_ref_rotate(struct assay_team *team, float *x, size_t rows, uint32_t heads,
                      uint32_t head_dim, uint32_t rope_dims, bool adjacent, const float *table,
                      const struct assay_row_place *places)
{
    struct rotate_work work = {x, rows, heads, head_dim, rope_dims, adjacent, table, places};
    assay_team_run(team, rotate_rows, &work);
}

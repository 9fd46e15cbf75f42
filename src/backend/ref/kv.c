/* Keys and values of the batch's rows into their pages, narrowed to f16, or
 * as they are. */
#include "backend/ref/ref.h"

#include "backend/stored.h"
#include "base/team.h"

struct store_work {
    const struct assay_kv_view *view;
    const float *keys, *values;
    size_t rows;
    const struct assay_row_place *places;
};

static void store_rows(void *context, unsigned thread, unsigned threads)
{
    const struct store_work *work = context;
    const struct assay_kv_view *view = work->view;
    size_t begin, end, units = assay_kv_units(view);
    assay_team_share(work->rows, 1, thread, threads, &begin, &end);
    for (size_t r = begin; r < end; r++) {
        uint32_t position = work->places[r].position;
        uint16_t *page = work->places[r].pages[position / ASSAY_CHUNK];
        for (uint32_t h = 0; h < view->kv_heads; h++) {
            uint16_t *k = page + assay_kv_offset(view, 0, h, position % ASSAY_CHUNK);
            uint16_t *v = page + assay_kv_offset(view, 1, h, position % ASSAY_CHUNK);
            size_t from = (r * view->kv_heads + h) * view->head_dim;
            for (uint32_t i = 0; i < view->head_dim; i++) {
                assay_stored_put(k + i * units, units, work->keys[from + i]);
                assay_stored_put(v + i * units, units, work->values[from + i]);
            }
        }
    }
}

void assay_ref_kv_store(struct assay_team *team, const struct assay_kv_view *view,
                        const float *keys, const float *values, size_t rows,
                        const struct assay_row_place *places)
{
    struct store_work work = {view, keys, values, rows, places};
    assay_team_run(team, store_rows, &work);
}

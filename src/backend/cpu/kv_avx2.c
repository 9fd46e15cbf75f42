/* Keys and values into their pages. To f16, eight at a time: vcvtps2ph rounds to nearest even and
 * keeps subnormals, as assay_to_f16 does. */
#include "backend/cpu/lanes_avx2.h"

#include "backend/cpu/cpu.h"
#include "base/exact.h"

#include <string.h>

struct store_work {
    const struct assay_kv_view *view;
    const float *keys, *values;
    size_t rows;
    const struct assay_row_place *places;
};

static void store(const float *from, uint16_t *to, size_t count, bool wide)
{
    if (wide) {
        memcpy(to, from, count * sizeof *from);
        return;
    }
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        _mm_storeu_si128((__m128i *)(void *)(to + i),
                         _mm256_cvtps_ph(_mm256_loadu_ps(from + i), _MM_FROUND_TO_NEAREST_INT));
    }
    for (; i < count; i++) to[i] = assay_to_f16(from[i]);
}

static void store_rows(void *context, unsigned thread, unsigned threads)
{
    const struct store_work *work = context;
    const struct assay_kv_view *view = work->view;
    size_t begin, end;
    assay_team_share(work->rows, 1, thread, threads, &begin, &end);
    for (size_t r = begin; r < end; r++) {
        uint32_t in_page = work->places[r].position % ASSAY_CHUNK;
        uint16_t *page = work->places[r].pages[work->places[r].position / ASSAY_CHUNK];
        for (uint32_t h = 0; h < view->kv_heads; h++) {
            size_t from = (r * view->kv_heads + h) * view->head_dim;
            store(work->keys + from, page + assay_kv_offset(view, 0, h, in_page), view->head_dim,
                  view->wide);
            store(work->values + from, page + assay_kv_offset(view, 1, h, in_page), view->head_dim,
                  view->wide);
        }
    }
}

void assay_avx2_kv_store(struct assay_team *team, const struct assay_kv_view *view,
                         const float *keys, const float *values, size_t rows,
                         const struct assay_row_place *places)
{
    struct store_work work = {view, keys, values, rows, places};
    assay_cpu_run(team, rows * view->kv_heads * view->head_dim, store_rows, &work);
}

/* Keys and values into pages, and attention over them: cpu against the judge. What lies behind a
 * row's position, or before its window, is NaN where no other row needs it: read, it would show. */
#include "backend/cases.h"

#include "backend/stored.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* NaN as an f16, and as an f32 of two of them. */
enum { NAN_UNIT = 0x7fc0 };
enum { ROWS = 8, PAGES = 4, POSITION_MAX = 200, VALUES_MAX = ROWS * 14 * 100 };

static const uint32_t positions[ROWS] = {0, 1, 63, 64, 65, 127, 128, POSITION_MAX};

static const struct shape {
    uint32_t layers, layer, heads, kv_heads, head_dim, window;
} shapes[] = {
    {2, 1, 9, 3, 64, 0},  /* SmolLM2 */
    {1, 0, 4, 4, 16, 0},  /* no grouping */
    {1, 0, 14, 2, 64, 0}, /* a group of 7 */
    {1, 0, 8, 2, 80, 0},   {3, 2, 5, 1, 24, 0},  {1, 0, 3, 1, 7, 0},     {1, 0, 2, 1, 100, 0},
    {1, 0, 10, 5, 40, 0},  {1, 0, 1, 1, 1, 0},   {1, 0, 6, 2, 12, 0},    {1, 0, 4, 1, 256, 0},
    {1, 0, 9, 3, 64, 1},   {1, 0, 4, 1, 64, 64}, {2, 1, 9, 3, 64, 65},   {1, 0, 3, 1, 7, 60},
    {1, 0, 14, 2, 64, 72}, {1, 0, 6, 2, 12, 3},  {1, 0, 8, 2, 80, 1000}, {1, 0, 4, 1, 256, 100},
};
enum { SHAPES = sizeof shapes / sizeof shapes[0] };

/* Two pages shared by all rows, full; each row's own last pages, NaN behind its position. */
struct paged {
    uint16_t *shared[2], *own[ROWS][PAGES];
    uint16_t *tables[ROWS][PAGES];
    struct assay_row_place places[ROWS];
};

static void fill_page(struct cases *cases, const struct assay_kv_view *view, uint16_t *page,
                      uint32_t count)
{
    for (unsigned value = 0; value < 2; value++) {
        for (uint32_t h = 0; h < view->kv_heads; h++) {
            uint16_t *at = page + assay_kv_offset(view, value, h, 0);
            size_t units = assay_kv_units(view);
            for (uint32_t i = 0; i < count * view->head_dim; i++) {
                assay_stored_put(at + i * units, units, cases_value(cases) * 2.0f);
            }
        }
    }
}

static uint16_t *new_page(const struct assay_kv_view *view)
{
    size_t bytes = assay_kv_page_bytes(view);
    uint16_t *page = cases_memory(bytes);
    for (size_t i = 0; i < bytes / 2; i++) page[i] = NAN_UNIT;
    return page;
}

/* Own pages are NaN before the row's window, and pages wholly before it are not there at all. */
static void hide_before_window(const struct assay_kv_view *view, size_t r, struct paged *paged)
{
    uint32_t first = assay_kv_first(view, positions[r]);
    for (uint32_t c = 0; c < first / ASSAY_CHUNK; c++) paged->tables[r][c] = NULL;
    uint16_t *page = paged->own[r][first / ASSAY_CHUNK];
    if (page == NULL) return;
    size_t head_units = first % ASSAY_CHUNK * view->head_dim * assay_kv_units(view);
    for (size_t i = 0; i < 2 * view->kv_heads * head_units; i++) {
        uint32_t head = (uint32_t)(i / head_units);
        page[assay_kv_offset(view, head % 2, head / 2, 0) + i % head_units] = NAN_UNIT;
    }
}

static void paged_init(struct paged *paged, struct cases *cases, const struct assay_kv_view *view)
{
    memset(paged, 0, sizeof *paged);
    for (size_t i = 0; i < 2; i++) {
        paged->shared[i] = new_page(view);
        fill_page(cases, view, paged->shared[i], ASSAY_CHUNK);
    }
    for (size_t r = 0; r < ROWS; r++) {
        uint32_t last = positions[r] / ASSAY_CHUNK;
        for (uint32_t c = 0; c <= last; c++) {
            if (c < 2 && c < last) {
                paged->tables[r][c] = paged->shared[c];
                continue;
            }
            paged->own[r][c] = paged->tables[r][c] = new_page(view);
            fill_page(cases, view, paged->own[r][c],
                      c < last ? ASSAY_CHUNK : positions[r] % ASSAY_CHUNK + 1);
        }
        hide_before_window(view, r, paged);
        paged->places[r] = (struct assay_row_place){positions[r], paged->tables[r]};
    }
}

static void paged_fini(struct paged *paged)
{
    for (size_t i = 0; i < 2; i++) free(paged->shared[i]);
    for (size_t r = 0; r < ROWS; r++) {
        for (size_t c = 0; c < PAGES; c++) free(paged->own[r][c]);
    }
}

static void check_shape(struct cases *cases, const struct shape *shape, bool wide,
                        const struct assay_backend *cpu, struct assay_team *const teams[3])
{
    static float q[VALUES_MAX], y[VALUES_MAX], wanted[VALUES_MAX];
    const struct assay_kv_view view = {shape->layers, shape->kv_heads, shape->head_dim,
                                       shape->layer,  shape->window,   wide};
    size_t width = (size_t)shape->heads * shape->head_dim;
    struct paged paged;
    paged_init(&paged, cases, &view);
    cases_values(cases, CASES_PLAIN, q, ROWS * width);
    assay_backend_ref.attend(teams[1], &view, q, shape->heads, ROWS, paged.places, wanted);
    for (size_t i = 0; i < ROWS * width; i++) {
        if (wanted[i] != wanted[i]) fail_msg("read behind a row's position");
    }
    for (unsigned t = 0; t < 3; t++) {
        cpu->attend(teams[t], &view, q, shape->heads, ROWS, paged.places, y);
        cases_equal("attend", y, wanted, ROWS * width);
    }
    for (size_t r = 0; r < ROWS; r++) { /* each row alone, and a few in another order */
        cpu->attend(teams[r % 3], &view, q + r * width, shape->heads, 1, &paged.places[r], y);
        cases_equal("attend alone", y, wanted + r * width, width);
    }
    struct assay_row_place swapped[2] = {paged.places[7], paged.places[2]};
    memcpy(y, q + 2 * width, width * sizeof *q);
    memmove(q, q + 7 * width, width * sizeof *q);
    memcpy(q + width, y, width * sizeof *q);
    cpu->attend(teams[2], &view, q, shape->heads, 2, swapped, y);
    cases_equal("attend swapped", y, wanted + 7 * width, width);
    cases_equal("attend swapped", y + width, wanted + 2 * width, width);
    paged_fini(&paged);
}

static void equals_ref(const struct assay_backend *cpu)
{
    struct cases cases = {4};
    struct assay_team *teams[3];
    for (unsigned t = 0; t < 3; t++) teams[t] = cases_team(t + 1);
    for (size_t i = 0; i < 2 * SHAPES; i++) {
        check_shape(&cases, &shapes[i % SHAPES], i >= SHAPES, cpu, teams);
    }
    for (unsigned t = 0; t < 3; t++) assay_team_close(teams[t]);
}

/* Scores that overflow, infinite and NaN keys, values and queries: NaN in the same places. */
static void check_nonfinite(const struct assay_backend *cpu, bool wide)
{
    static const struct {
        uint32_t position;
        unsigned value; /* 0 key, 1 value */
        uint16_t half;
        float query; /* scales all queries */
    } rows[] = {
        {3, 0, 0x7e00, 1.0f},   {70, 0, 0x7c00, 1.0f},   {3, 1, 0x7e00, 1.0f},
        {130, 1, 0xfc00, 1.0f}, {130, 0, 0xfc00, 1.0f},  {0, 0, 0x3c00, 3e38f},
        {0, 0, 0x7bff, 1e30f},  {128, 0, 0xfbff, 1e36f}, {64, 1, 0x7bff, 1e-40f},
    };
    const struct assay_kv_view view = {1, 2, 40, 0, 0, wide};
    const size_t units = assay_kv_units(&view);
    enum { HEADS = 6, WIDTH = HEADS * 40 };
    static float q[ROWS * WIDTH], y[ROWS * WIDTH], wanted[ROWS * WIDTH];
    struct assay_team *team = cases_team(2);
    struct cases cases = {5};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct paged paged;
        paged_init(&paged, &cases, &view);
        uint16_t *page = paged.tables[7][rows[i].position / ASSAY_CHUNK];
        for (uint32_t k = 0; k < 5; k++) {
            size_t at = assay_kv_offset(&view, rows[i].value, 1, rows[i].position % ASSAY_CHUNK) +
                        k * units;
            assay_stored_put(page + at, units, assay_from_f16(rows[i].half));
        }
        cases_values(&cases, CASES_PLAIN, q, ROWS * WIDTH);
        for (size_t k = 0; k < ROWS * WIDTH; k++) q[k] *= rows[i].query;
        assay_backend_ref.attend(team, &view, q, HEADS, ROWS, paged.places, wanted);
        cpu->attend(team, &view, q, HEADS, ROWS, paged.places, y);
        cases_equal("attend", y, wanted, ROWS * WIDTH);
        paged_fini(&paged);
    }
    assay_team_close(team);
}

static void nonfinite_values(const struct assay_backend *cpu)
{
    check_nonfinite(cpu, false);
    check_nonfinite(cpu, true);
}

/* Two pages hold the same values; a NaN equals any NaN. */
static void check_page(const struct assay_kv_view *view, const uint16_t *got,
                       const uint16_t *wanted)
{
    size_t units = assay_kv_units(view), count = assay_kv_page_bytes(view) / (2 * units);
    for (size_t k = 0; k < count; k++) {
        float a = assay_stored_get(got + k * units, units);
        float b = assay_stored_get(wanted + k * units, units);
        if (assay_bits(a) == assay_bits(b) || (a != a && b != b)) continue;
        fail_msg("value %zu is %a, must be %a", k, (double)a, (double)b);
    }
}

static void store(const struct assay_backend *cpu)
{
    static float keys[VALUES_MAX], values[VALUES_MAX];
    struct cases cases = {6};
    struct assay_team *team = cases_team(3);
    for (size_t i = 0; i < 2 * SHAPES; i++) {
        const struct shape *shape = &shapes[i % SHAPES];
        const struct assay_kv_view view = {shape->layers, shape->kv_heads, shape->head_dim,
                                           shape->layer,  shape->window,   i >= SHAPES};
        uint16_t *pages[2][PAGES];
        struct assay_row_place places[2][ROWS];
        for (size_t p = 0; p < (size_t)2 * PAGES; p++)
            pages[p / PAGES][p % PAGES] = new_page(&view);
        for (size_t r = 0; r < (size_t)2 * ROWS; r++) {
            places[r / ROWS][r % ROWS] =
                (struct assay_row_place){positions[r % ROWS], pages[r / ROWS]};
        }
        cases_values(&cases, CASES_EXTREME, keys, (size_t)ROWS * view.kv_heads * view.head_dim);
        for (size_t k = 0; k < VALUES_MAX; k++) { /* around the ends of f16's ranges */
            values[k] = assay_float((0x30000000u + cases_below(&cases, 0x19000000u)) |
                                    cases_below(&cases, 2) << 31);
        }
        assay_backend_ref.kv_store(team, &view, keys, values, ROWS, places[0]);
        cpu->kv_store(team, &view, keys, values, ROWS, places[1]);
        for (size_t p = 0; p < PAGES; p++) check_page(&view, pages[1][p], pages[0][p]);
        for (size_t p = 0; p < (size_t)2 * PAGES; p++) free(pages[p / PAGES][p % PAGES]);
    }
    assay_team_close(team);
}

int main(void)
{
    static const struct cases_row rows[] = {
        {"equals ref", equals_ref},
        {"nonfinite values", nonfinite_values},
        {"store", store},
    };
    return cases_main("attend", rows, sizeof rows / sizeof rows[0]);
}

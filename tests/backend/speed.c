/* Speed of a backend's matrix products and of its attention, in 10^9 multiply-adds a second.
 *     backend_speed [BACKEND [THREADS…]]
 * Products run over the shapes of SmolLM2-135M, alternating between as many copies of the weights
 * as a model of that size has, so that a batch of one is timed from memory as in decoding. */
#include "assay/backend.h"
#include "assay/model.h"
#include "backend/backend.h"
#include "base/clock.h"
#include "base/team.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH_MAX = 64, TENSOR_BYTES_ALL = 96 << 20, COPIES_MAX = 256, REPEATS = 5 };

struct bench {
    const struct assay_backend *backend;
    struct assay_team *team;
    struct assay_operand *operand;
    struct assay_matrix *copies[COPIES_MAX];
    size_t copy_count;
    float *x, *y;
};

static _Noreturn void give_up(const char *text)
{
    (void)fprintf(stderr, "backend_speed: %s\n", text);
    _Exit(4);
}

static void *memory(size_t bytes)
{
    void *out = calloc(1, bytes);
    if (out == NULL) give_up("out of memory");
    return out;
}

static void make_copies(struct bench *bench, enum assay_dtype dtype, size_t rows, size_t columns)
{
    struct assay_error err = {0};
    size_t row_bytes = columns / assay_dtype_block_elements(dtype) * assay_dtype_block_bytes(dtype);
    uint8_t *data = memory(rows * row_bytes);
    for (size_t i = 0; i < rows * row_bytes; i++) data[i] = (uint8_t)(i * 2654435761u >> 13 & 0x2f);
    struct assay_tensor tensor = {"speed", dtype, rows, columns, row_bytes, data};
    bench->copy_count = TENSOR_BYTES_ALL / (rows * row_bytes) + 1;
    if (bench->copy_count > COPIES_MAX) bench->copy_count = COPIES_MAX;
    for (size_t i = 0; i < bench->copy_count; i++) {
        if (bench->backend->matrix_create(bench->team, &bench->copies[i], &tensor, NULL, &err) !=
            ASSAY_OK) {
            give_up(err.text);
        }
    }
    free(data);
}

/* Best of a few repeats, each about 50 ms. */
static double product_speed(struct bench *bench, enum assay_dtype dtype, size_t rows,
                            size_t columns, size_t batch)
{
    const struct assay_backend *backend = bench->backend;
    double macs = (double)rows * (double)columns * (double)batch, best = 0;
    size_t calls = 1;
    for (int repeat = 0; repeat < REPEATS; repeat++) {
        uint64_t start = assay_clock_monotonic_ns();
        for (size_t i = 0; i < calls; i++) {
            backend->operand_set(bench->team, bench->operand, bench->x, batch, columns,
                                 assay_dtype_block_elements(dtype) > 1);
            const struct assay_product product = {bench->copies[i % bench->copy_count], bench->y};
            backend->products(bench->team, &product, 1, bench->operand);
        }
        double ns = (double)(assay_clock_monotonic_ns() - start);
        if (repeat > 0 && macs * (double)calls / ns > best) best = macs * (double)calls / ns;
        if (repeat == 0) calls = (size_t)(5e7 / ns) + bench->copy_count;
    }
    return best;
}

static void products(struct bench *bench)
{
    static const size_t shapes[][2] = {{576, 576}, {1536, 576}, {576, 1536}, {49152, 576}};
    static const size_t batches[] = {1, 4, 16, 64};
    for (unsigned dtype = 0; dtype < ASSAY_DTYPE_COUNT; dtype++) {
        for (size_t s = 0; s < 4; s++) {
            size_t in_block = assay_dtype_block_elements(dtype), columns = shapes[s][1];
            columns = (columns + in_block - 1) / in_block * in_block;
            make_copies(bench, dtype, shapes[s][0], columns);
            (void)printf("%-5s %5zu x %4zu  threads %u  batch", assay_dtype_name(dtype),
                         shapes[s][0], columns, assay_team_threads(bench->team));
            for (size_t b = 0; b < 4; b++) {
                (void)printf("  %2zu: %6.1f", batches[b],
                             product_speed(bench, dtype, shapes[s][0], columns, batches[b]));
            }
            (void)printf("  GMAC/s\n");
            for (size_t i = 0; i < bench->copy_count; i++) {
                bench->backend->matrix_destroy(bench->copies[i]);
            }
        }
    }
}

/* 9 heads on 3, 64 dimensions, all rows at one position with pages of their own. */
static void attention(struct bench *bench, size_t rows, uint32_t position)
{
    enum { HEADS = 9, KV_HEADS = 3, DIM = 64, PAGES_MAX = 16 };
    const struct assay_backend *backend = bench->backend;
    const struct assay_kv_view view = {1, KV_HEADS, DIM, 0, 0, false};
    size_t page_bytes = assay_kv_page_bytes(&view);
    uint8_t *pages = backend->alloc(page_bytes * rows * PAGES_MAX);
    uint16_t **tables = memory(rows * PAGES_MAX * sizeof *tables);
    struct assay_row_place *places = memory(rows * sizeof *places);
    if (pages == NULL) give_up("out of memory");
    for (size_t i = 0; i < rows * PAGES_MAX; i++) {
        tables[i] = (uint16_t *)(void *)(pages + i * page_bytes);
    }
    for (size_t r = 0; r < rows; r++) {
        places[r] = (struct assay_row_place){position, tables + r * PAGES_MAX};
    }
    double macs = 2.0 * HEADS * DIM * (double)rows * (position + 1), best = 0;
    size_t calls = (size_t)(1e8 / macs) + 1;
    for (int repeat = 0; repeat < REPEATS; repeat++) {
        uint64_t start = assay_clock_monotonic_ns();
        for (size_t i = 0; i < calls; i++) {
            backend->attend(bench->team, &view, bench->x, HEADS, rows, places, bench->y);
        }
        double ns = (double)(assay_clock_monotonic_ns() - start);
        if (macs * (double)calls / ns > best) best = macs * (double)calls / ns;
    }
    (void)printf("attend 9/3 heads x 64  threads %u  rows %2zu position %4u: %6.1f GMAC/s\n",
                 assay_team_threads(bench->team), rows, position, best);
    free(places);
    free(tables);
    backend->free(pages);
}

static void sampler(const struct bench *bench)
{
    enum { VOCAB = 49152, ROUNDS = 200 };
    static uint64_t sums[VOCAB / ASSAY_WEIGHT_BLOCK];
    bool finite;
    uint64_t total = 0, start = assay_clock_monotonic_ns();
    for (size_t i = 0; i < VOCAB; i++) bench->y[i] = (float)(i * 2654435761u >> 8 & 0xffff) * 3e-4f;
    for (int i = 0; i < ROUNDS; i++) {
        float max = bench->backend->logit_max(bench->y, VOCAB, &finite);
        total += bench->backend->weight_sums(bench->y, VOCAB, max, 1.25f, sums);
    }
    (void)printf("max and weights of %d logits: %.0f us (%s)\n", VOCAB,
                 (double)(assay_clock_monotonic_ns() - start) / ROUNDS / 1e3,
                 total > 0 ? "drawable" : "empty");
}

static void run(const struct assay_backend *backend, unsigned threads)
{
    struct assay_error err = {0};
    struct bench bench = {.backend = backend};
    if (assay_team_open(&bench.team, threads, NULL, &err) != ASSAY_OK) give_up(err.text);
    bench.operand = backend->operand_create(BATCH_MAX, 1536);
    bench.x = memory((size_t)BATCH_MAX * 1536 * sizeof *bench.x);
    bench.y = memory((size_t)BATCH_MAX * 49152 * sizeof *bench.y);
    if (bench.operand == NULL) give_up("out of memory");
    for (size_t i = 0; i < (size_t)BATCH_MAX * 1536; i++) {
        bench.x[i] = (float)(i * 40503u >> 4 & 255) / 64.0f - 2.0f;
    }
    products(&bench);
    for (size_t rows = 1; rows <= 64; rows *= 8) {
        attention(&bench, rows, 127);
        attention(&bench, rows, 900);
    }
    sampler(&bench);
    free(bench.y);
    free(bench.x);
    backend->operand_destroy(bench.operand);
    assay_team_close(bench.team);
}

int main(int argc, char **argv)
{
    struct assay_error err = {0};
    const struct assay_backend *backend;
    if (assay_backend_find(&backend, argc > 1 ? argv[1] : "auto", &err) != ASSAY_OK) {
        give_up(err.text);
    }
    (void)printf("backend %s (%s)\n", assay_backend_name(backend), assay_backend_isa(backend));
    for (int i = 2; i < argc; i++) run(backend, (unsigned)strtoul(argv[i], NULL, 10));
    if (argc <= 2) {
        run(backend, 1);
        run(backend, 2);
    }
    return 0;
}

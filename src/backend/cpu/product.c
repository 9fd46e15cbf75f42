/* Matrices as panels, and the product that hands panels to threads. Portable: the arithmetic is in
 * product_*_*.c. Nothing here points into the tensor
 * after matrix_create. */
#include "backend/cpu/cpu.h"

#include "backend/cpu/panel.h"
#include "backend/ref/ref.h"
#include "backend/ref/weight.h"
#include "base/arena.h"
#include "base/assert.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct assay_matrix {
    const struct assay_cpu_isa *isa;
    size_t rows, columns, elements; /* elements: the n of 1.6 */
    bool quantised;
    size_t panel_rows, panel_bytes;
    assay_cpu_kernel *kernel;
    const uint8_t *panels; /* its own, or what somebody else holds */
    uint8_t *own;
};

static size_t rows_of_panel(const struct assay_cpu_isa *isa, const struct assay_tensor *tensor)
{
    return assay_dtype_block_elements(tensor->dtype) > 1 ? isa->lanes : ASSAY_PANEL_FLOAT_ROWS;
}

static size_t panels_of(size_t rows, size_t panel_rows)
{
    return rows / panel_rows + (rows % panel_rows != 0);
}

/* UINT64_MAX / 4, more than there is of memory, for what no size_t holds: sums of a few still fit.
 */
uint64_t assay_cpu_packed_bytes(const struct assay_cpu_isa *isa, const struct assay_tensor *tensor)
{
    size_t rows = rows_of_panel(isa, tensor), bytes = 0, all;
    if (!assay_panel_bytes(tensor->dtype, rows, assay_block_count(tensor->dtype, tensor->columns),
                           &bytes) ||
        !assay_multiply(bytes, panels_of(tensor->rows, rows), &all)) {
        return UINT64_MAX / 4;
    }
    return all;
}

uint64_t assay_cpu_matrix_bytes(const struct assay_cpu_isa *isa, const struct assay_tensor *tensor)
{
    return assay_cpu_alloc_bytes(assay_cpu_packed_bytes(isa, tensor)) + sizeof(struct assay_matrix);
}

struct pack_work {
    const struct assay_tensor *tensor;
    size_t panel_rows, panel_bytes, elements;
    uint8_t *to;
};

static void pack_panels(void *context, unsigned thread, unsigned threads)
{
    const struct pack_work *work = context;
    const struct assay_tensor *tensor = work->tensor;
    size_t begin, end;
    assay_team_share(tensor->rows, work->panel_rows, thread, threads, &begin, &end);
    for (size_t row = begin; row < end; row++) {
        assay_panel_put(tensor->dtype, work->panel_rows, work->elements,
                        work->to + row / work->panel_rows * work->panel_bytes,
                        row % work->panel_rows, tensor->data + row * tensor->row_bytes);
    }
}

void assay_cpu_pack(const struct assay_cpu_isa *isa, struct assay_team *team,
                    const struct assay_tensor *tensor, void *to)
{
    struct pack_work work = {.tensor = tensor,
                             .panel_rows = rows_of_panel(isa, tensor),
                             .elements = assay_block_count(tensor->dtype, tensor->columns),
                             .to = to};
    ASSAY_ASSERT(
        assay_panel_bytes(tensor->dtype, work.panel_rows, work.elements, &work.panel_bytes));
    assay_team_run(team, pack_panels, &work);
}

/* Panels of the matrix's own. */
static enum assay_status make_panels(struct assay_team *team, struct assay_matrix *matrix,
                                     const struct assay_tensor *tensor, struct assay_error *err)
{
    uint64_t bytes = assay_cpu_packed_bytes(matrix->isa, tensor);
    matrix->own = bytes < SIZE_MAX ? assay_cpu_alloc((size_t)bytes) : NULL;
    if (matrix->own == NULL) return assay_fail(err, ASSAY_EMEMORY, "tensor %s", tensor->name);
    assay_cpu_pack(matrix->isa, team, tensor, matrix->own);
    matrix->panels = matrix->own;
    return ASSAY_OK;
}

enum assay_status assay_cpu_matrix_create(const struct assay_cpu_isa *isa, struct assay_team *team,
                                          struct assay_matrix **out,
                                          const struct assay_tensor *tensor, const void *packed,
                                          struct assay_error *err)
{
    size_t in_block = assay_dtype_block_elements(tensor->dtype);
    if (tensor->columns % in_block != 0) {
        return assay_fail(err, ASSAY_EUNSUPPORTED, "tensor %s: %zu columns are no multiple of %zu",
                          tensor->name, tensor->columns, in_block);
    }
    struct assay_matrix *matrix = calloc(1, sizeof *matrix);
    if (matrix == NULL) return assay_fail(err, ASSAY_EMEMORY, "tensor %s", tensor->name);
    matrix->isa = isa;
    matrix->rows = tensor->rows;
    matrix->columns = tensor->columns;
    matrix->elements = assay_block_count(tensor->dtype, tensor->columns);
    matrix->quantised = in_block > 1;
    matrix->panel_rows = rows_of_panel(isa, tensor);
    matrix->kernel = isa->kernels[tensor->dtype];
    matrix->panels = packed;
    enum assay_status status = ASSAY_OK;
    if (!assay_panel_bytes(tensor->dtype, matrix->panel_rows, matrix->elements,
                           &matrix->panel_bytes)) {
        status = assay_fail(err, ASSAY_EMEMORY, "tensor %s", tensor->name);
    }
    if (!status && packed == NULL) status = make_panels(team, matrix, tensor, err);
    if (status) {
        assay_cpu_matrix_destroy(matrix);
        return status;
    }
    *out = matrix;
    return ASSAY_OK;
}

void assay_cpu_matrix_destroy(struct assay_matrix *matrix)
{
    if (matrix == NULL) return;
    assay_cpu_free(matrix->own);
    free(matrix);
}

/* --- rows of an embedding that is an output matrix too */

struct embed_work {
    const struct assay_matrix *matrix;
    enum assay_dtype dtype;
    const uint32_t *tokens;
    size_t rows;
    float *y;
};

static void embed_rows(void *context, unsigned thread, unsigned threads)
{
    const struct embed_work *work = context;
    const struct assay_matrix *matrix = work->matrix;
    size_t begin, end, lanes = matrix->panel_rows, bytes = assay_dtype_block_bytes(work->dtype);
    assay_team_share(work->rows, 1, thread, threads, &begin, &end);
    for (size_t i = begin; i < end; i++) {
        size_t row = work->tokens[i], lane = row % lanes;
        const uint8_t *panel = matrix->panels + row / lanes * matrix->panel_bytes;
        float *y = work->y + i * matrix->columns;
        ASSAY_ASSERT(row < matrix->rows);
        for (size_t e = 0; e < matrix->elements; e++) {
            struct assay_block block;
            if (!matrix->quantised) {
                y[e] = assay_ref_weight(work->dtype, panel + (e * lanes + lane) * bytes, 0);
                continue;
            }
            assay_panel_get(work->dtype, lanes, panel, lane, e, &block);
            assay_ref_widen(work->dtype, &block, y + e * ASSAY_BLOCK);
        }
    }
}

void assay_cpu_embed(struct assay_team *team, const struct assay_tensor *embedding,
                     const struct assay_matrix *matrix, const uint32_t *tokens, size_t rows,
                     float *y)
{
    struct embed_work work = {matrix, embedding->dtype, tokens, rows, y};
    if (matrix == NULL) {
        assay_ref_embed(team, embedding, NULL, tokens, rows, y);
    } else {
        assay_team_run(team, embed_rows, &work);
    }
}

/* --- products */

/* Shares of all products, one product after another. */
struct product_work {
    const struct assay_operand *operand;
    const struct assay_product *products;
    size_t count;
    size_t ends[ASSAY_PRODUCTS_MAX]; /* of each product's shares */
    atomic_size_t next;
};

/* Panels begin … end − 1 of a matrix. */
struct share {
    const struct assay_matrix *matrix;
    float *y;
    size_t begin, end;
};

/* The next share that nobody has; its begin is its end where there is none. */
static struct share take_share(struct product_work *work)
{
    size_t index = atomic_fetch_add_explicit(&work->next, 1, memory_order_relaxed), i = 0;
    while (i < work->count && index >= work->ends[i]) i++;
    if (i == work->count) return (struct share){0};
    const struct assay_matrix *matrix = work->products[i].matrix;
    size_t first = i > 0 ? work->ends[i - 1] : 0, shares = work->ends[i] - first;
    size_t panels = panels_of(matrix->rows, matrix->panel_rows);
    return (struct share){matrix, work->products[i].y, (index - first) * panels / shares,
                          (index - first + 1) * panels / shares};
}

/* One panel times a group of activations. What the last panel has too much goes by way of a tile.
 */
static void product_tile(const struct share *share, size_t p, const void *x, size_t tokens,
                         float *y)
{
    const struct assay_matrix *matrix = share->matrix;
    const uint8_t *panel = matrix->panels + p * matrix->panel_bytes;
    size_t row = p * matrix->panel_rows, width = matrix->rows - row;
    y += row;
    /* Lines of results come from memory while the kernel computes them. */
    for (size_t t = 0; t < tokens; t++) __builtin_prefetch(y + t * matrix->rows, 1, 3);
    if (width >= matrix->panel_rows) {
        matrix->kernel(panel, matrix->elements, x, tokens, y, matrix->rows);
        return;
    }
    float tile[ASSAY_CPU_TOKENS_MAX * ASSAY_PANEL_FLOAT_ROWS];
    matrix->kernel(panel, matrix->elements, x, tokens, tile, matrix->panel_rows);
    for (size_t t = 0; t < tokens; t++) {
        memcpy(y + t * matrix->rows, tile + t * matrix->panel_rows, width * sizeof *y);
    }
}

/* Group by group, so that a group of activations stays in the first cache while the share's panels,
 * which the second one holds, pass over it; and so that results are written along their rows: the
 * rows of a vocabulary lie a multiple of 4 KiB apart, and 64 of them at a time share one set of a
 * cache (the head of SmolLM2 at 64 rows: 90 against 150 GMAC/s). */
static void compute_share(const struct assay_operand *operand, const struct share *share)
{
    const struct assay_matrix *matrix = share->matrix;
    const uint8_t *x = operand->values;
    size_t token_bytes =
        matrix->elements * (matrix->quantised ? sizeof(struct assay_token_block) : sizeof(float));
    size_t batch = operand->rows, tokens;
    for (size_t first = 0; first < batch; first += tokens) {
        tokens = assay_cpu_group(matrix->isa->tokens, batch - first);
        for (size_t p = share->begin; p < share->end; p++) {
            product_tile(share, p, x + first * token_bytes, tokens,
                         share->y + first * matrix->rows);
        }
    }
}

/* A thread that is held up takes fewer shares. */
static void product_shares(void *context, unsigned thread, unsigned threads)
{
    struct product_work *work = context;
    (void)thread, (void)threads;
    for (;;) {
        struct share share = take_share(work);
        if (share.begin == share.end) return;
        compute_share(work->operand, &share);
    }
}

void assay_cpu_products(struct assay_team *team, const struct assay_product *products, size_t count,
                        const struct assay_operand *operand)
{
    enum { SHARE_MACS = 1 << 21 }; /* 13 µs at 160 GMAC/s */
    size_t threads = assay_team_threads(team), end = 0;
    struct product_work work = {.operand = operand, .products = products, .count = count};
    ASSAY_ASSERT(count <= ASSAY_PRODUCTS_MAX);
    for (size_t i = 0; i < count; i++) {
        const struct assay_matrix *matrix = products[i].matrix;
        ASSAY_ASSERT(operand->isa == matrix->isa && operand->columns == matrix->columns);
        ASSAY_ASSERT(operand->quantised == matrix->quantised);
        size_t panels = panels_of(matrix->rows, matrix->panel_rows);
        size_t macs = panels * matrix->panel_rows * matrix->columns * operand->rows;
        size_t shares = (macs / SHARE_MACS / threads + 1) * threads;
        end += shares < panels ? shares : panels;
        work.ends[i] = end;
    }
    assay_team_run(team, product_shares, &work);
}

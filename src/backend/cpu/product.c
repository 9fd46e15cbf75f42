/* Matrices as panels, and the product that hands panels to threads. Portable: the arithmetic is in
 * product_*_*.c. Nothing here points into the tensor after matrix_create. */
#include "backend/cpu/cpu.h"

#include "backend/cpu/panel.h"
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
    uint8_t *panels;
};

static enum assay_status make_panels(struct assay_matrix *matrix, const struct assay_tensor *tensor,
                                     struct assay_error *err)
{
    size_t count = tensor->rows / matrix->panel_rows + (tensor->rows % matrix->panel_rows != 0);
    size_t bytes;
    if (assay_panel_bytes(tensor->dtype, matrix->panel_rows, matrix->elements,
                          &matrix->panel_bytes) &&
        assay_multiply(matrix->panel_bytes, count, &bytes)) {
        matrix->panels = assay_cpu_alloc(bytes);
    }
    if (matrix->panels == NULL) return assay_fail(err, ASSAY_EMEMORY, "tensor %s", tensor->name);
    for (size_t row = 0; row < tensor->rows; row++) {
        assay_panel_put(tensor->dtype, matrix->panel_rows, matrix->elements,
                        matrix->panels + row / matrix->panel_rows * matrix->panel_bytes,
                        row % matrix->panel_rows, tensor->data + row * tensor->row_bytes);
    }
    return ASSAY_OK;
}

enum assay_status assay_cpu_matrix_create(const struct assay_cpu_isa *isa,
                                          struct assay_matrix **out,
                                          const struct assay_tensor *tensor,
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
    matrix->panel_rows = matrix->quantised ? isa->lanes : ASSAY_PANEL_FLOAT_ROWS;
    matrix->kernel = isa->kernels[tensor->dtype];
    enum assay_status status = make_panels(matrix, tensor, err);
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
    assay_cpu_free(matrix->panels);
    free(matrix);
}

struct product_work {
    const struct assay_matrix *matrix;
    const struct assay_operand *operand;
    float *y;
    size_t share; /* rows that a thread takes at a time */
    atomic_size_t next;
};

/* The panel after this one. While a panel is used again and again the hardware sees only
 * activations coming, and the next panel's first lines are late: at 16 rows asking for it in one go
 * before the last use gains a tenth (72 → 81 GMAC/s for Q4_1), in small shares before every use
 * nothing. */
static void prefetch_next(const struct assay_matrix *matrix, const uint8_t *panel)
{
    enum { BYTES_MAX = 16384, CACHE_LINE = 64 };
    size_t bytes = matrix->panel_bytes < BYTES_MAX ? matrix->panel_bytes : BYTES_MAX;
    for (size_t i = 0; i < bytes; i += CACHE_LINE) {
        __builtin_prefetch(panel + matrix->panel_bytes + i, 0, 2);
    }
}

/* A tile's rows to where they belong: full ones, which nearly all are, by copies of a known size.
 */
static void put_tile(float *y, size_t stride, const float *tile, size_t panel_rows, size_t width,
                     size_t tokens)
{
    for (size_t t = 0; t < tokens; t++, y += stride, tile += panel_rows) {
        if (width == 16) {
            memcpy(y, tile, 16 * sizeof *y);
        } else if (width == 8) {
            memcpy(y, tile, 8 * sizeof *y);
        } else {
            memcpy(y, tile, width * sizeof *y);
        }
    }
}

/* One panel times the whole batch. */
static void product_panel(const struct product_work *work, size_t row)
{
    const struct assay_matrix *matrix = work->matrix;
    const uint8_t *panel = matrix->panels + row / matrix->panel_rows * matrix->panel_bytes;
    const uint8_t *x = work->operand->values;
    size_t token_bytes =
        matrix->elements * (matrix->quantised ? sizeof(struct assay_token_block) : sizeof(float));
    size_t width = matrix->rows - row, batch = work->operand->rows;
    if (width > matrix->panel_rows) width = matrix->panel_rows;
    for (size_t first = 0; first < batch;) {
        float tile[ASSAY_CPU_TOKENS_MAX * ASSAY_PANEL_FLOAT_ROWS];
        size_t tokens = assay_cpu_group(matrix->isa->tokens, batch - first);
        bool again = first > 0, last = first + tokens == batch;
        if (again && last && row + width < matrix->rows) prefetch_next(matrix, panel);
        matrix->kernel(panel, matrix->elements, x + first * token_bytes, tokens, tile);
        put_tile(work->y + first * matrix->rows + row, matrix->rows, tile, matrix->panel_rows,
                 width, tokens);
        first += tokens;
    }
}

/* Panel by panel, so that a panel stays in the first cache while all rows of the batch use it. A
 * thread that is held up takes fewer shares. */
static void product_panels(void *context, unsigned thread, unsigned threads)
{
    struct product_work *work = context;
    const struct assay_matrix *matrix = work->matrix;
    (void)thread, (void)threads;
    for (;;) {
        size_t row = atomic_fetch_add_explicit(&work->next, work->share, memory_order_relaxed);
        if (row >= matrix->rows) return;
        size_t end = matrix->rows - row < work->share ? matrix->rows : row + work->share;
        for (; row < end; row += matrix->panel_rows) product_panel(work, row);
    }
}

void assay_cpu_product(struct assay_team *team, const struct assay_matrix *matrix,
                       const struct assay_operand *operand, float *y)
{
    enum { SHARES_OF_A_THREAD = 4 };
    size_t shares = (size_t)assay_team_threads(team) * SHARES_OF_A_THREAD;
    size_t panels = matrix->rows / matrix->panel_rows / shares + 1;
    struct product_work work = {matrix, operand, y, panels * matrix->panel_rows, 0};
    ASSAY_ASSERT(operand->isa == matrix->isa && operand->columns == matrix->columns);
    ASSAY_ASSERT(operand->quantised == matrix->quantised);
    assay_team_run(team, product_panels, &work);
}

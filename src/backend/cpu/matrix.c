/* Weights in panels of 8 or 16 rows, and the product that hands panels to threads. Portable: the
 * arithmetic is in product_*_avx2.c. Nothing here points into the tensor after matrix_create. */
#include "backend/cpu/cpu.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/bytes.h"

#include <stdlib.h>
#include <string.h>

/* Puts block `b` of a row, as it stands in the file, into lane r of its panel's block. */
typedef void pack(void *panel, size_t b, size_t r, const uint8_t *block);

struct assay_matrix {
    size_t rows, columns, elements; /* elements: the n of 1.6 */
    bool quantised;
    size_t panel_rows, panel_bytes;
    assay_cpu_kernel *kernel;
    uint8_t *panels;
};

static void pack_f32(void *panel, size_t b, size_t r, const uint8_t *block)
{
    memcpy((float *)panel + b * 16 + r, block, sizeof(float));
}

static void pack_f16(void *panel, size_t b, size_t r, const uint8_t *block)
{
    ((uint16_t *)panel)[b * 16 + r] = assay_get_le16(block);
}

/* The file has elements i and 16 + i in byte i; the panel wants i and i + 4 within each group of
 * eight. */
static void pack_nibbles(uint8_t nibbles[128], size_t r, const uint8_t *block)
{
    for (size_t j = 0; j < 4; j++) {
        for (size_t i = 0; i < 4; i++) {
            const uint8_t *from = block + (j % 2) * 8 + i;
            unsigned shift = j < 2 ? 0 : 4;
            unsigned low = from[0] >> shift & 15, high = from[4] >> shift & 15;
            nibbles[32 * j + 4 * r + i] = (uint8_t)(low | high << 4);
        }
    }
}

static void pack_q4_0(void *panel, size_t b, size_t r, const uint8_t *block)
{
    struct assay_panel_q4_0 *to = (struct assay_panel_q4_0 *)panel + b;
    to->scale[r] = assay_get_le16(block);
    pack_nibbles(to->nibbles, r, block + 2);
}

static void pack_q4_1(void *panel, size_t b, size_t r, const uint8_t *block)
{
    struct assay_panel_q4_1 *to = (struct assay_panel_q4_1 *)panel + b;
    to->scale[r] = assay_get_le16(block);
    to->minimum[r] = assay_get_le16(block + 2);
    pack_nibbles(to->nibbles, r, block + 4);
}

static void pack_q8_0(void *panel, size_t b, size_t r, const uint8_t *block)
{
    struct assay_panel_q8_0 *to = (struct assay_panel_q8_0 *)panel + b;
    to->scale[r] = assay_get_le16(block);
    for (size_t j = 0; j < 8; j++) memcpy(to->weights + 32 * j + 4 * r, block + 2 + 4 * j, 4);
}

static const struct {
    size_t panel_rows, element_bytes; /* element: of a panel */
    pack *put;
    assay_cpu_kernel *kernel;
} layouts[] = {
    [ASSAY_DTYPE_F32] = {16, 16 * sizeof(float), pack_f32, assay_cpu_tile_f32},
    [ASSAY_DTYPE_F16] = {16, 16 * sizeof(uint16_t), pack_f16, assay_cpu_tile_f16},
    [ASSAY_DTYPE_Q4_0] = {8, sizeof(struct assay_panel_q4_0), pack_q4_0, assay_cpu_tile_q4_0},
    [ASSAY_DTYPE_Q4_1] = {8, sizeof(struct assay_panel_q4_1), pack_q4_1, assay_cpu_tile_q4_1},
    [ASSAY_DTYPE_Q8_0] = {8, sizeof(struct assay_panel_q8_0), pack_q8_0, assay_cpu_tile_q8_0},
};
_Static_assert(sizeof layouts / sizeof layouts[0] == ASSAY_DTYPE_COUNT, "one layout per dtype");

static void fill(struct assay_matrix *matrix, const struct assay_tensor *tensor)
{
    size_t block_bytes = assay_dtype_block_bytes(tensor->dtype);
    for (size_t row = 0; row < tensor->rows; row++) {
        uint8_t *panel = matrix->panels + row / matrix->panel_rows * matrix->panel_bytes;
        const uint8_t *from = tensor->data + row * tensor->row_bytes;
        for (size_t b = 0; b < matrix->elements; b++) {
            layouts[tensor->dtype].put(panel, b, row % matrix->panel_rows, from + b * block_bytes);
        }
    }
}

enum assay_status assay_cpu_matrix_create(struct assay_matrix **out,
                                          const struct assay_tensor *tensor,
                                          struct assay_error *err)
{
    size_t in_block = assay_dtype_block_elements(tensor->dtype);
    if (tensor->columns % in_block != 0) {
        return assay_fail(err, ASSAY_EUNSUPPORTED, "tensor %s: %zu columns are no multiple of %zu",
                          tensor->name, tensor->columns, in_block);
    }
    size_t panel_rows = layouts[tensor->dtype].panel_rows;
    size_t panel_count = tensor->rows / panel_rows + (tensor->rows % panel_rows != 0);
    size_t bytes;
    struct assay_matrix *matrix = calloc(1, sizeof *matrix);
    if (matrix == NULL) return assay_fail(err, ASSAY_EMEMORY, "tensor %s", tensor->name);
    matrix->rows = tensor->rows;
    matrix->columns = tensor->columns;
    matrix->elements = tensor->columns / in_block;
    matrix->quantised = in_block > 1;
    matrix->panel_rows = panel_rows;
    matrix->kernel = layouts[tensor->dtype].kernel;
    if (assay_multiply(matrix->elements, layouts[tensor->dtype].element_bytes,
                       &matrix->panel_bytes) &&
        assay_multiply(matrix->panel_bytes, panel_count, &bytes)) {
        matrix->panels = assay_cpu_alloc(bytes);
    }
    if (matrix->panels == NULL) {
        assay_cpu_matrix_destroy(matrix);
        return assay_fail(err, ASSAY_EMEMORY, "tensor %s", tensor->name);
    }
    fill(matrix, tensor);
    *out = matrix;
    return ASSAY_OK;
}

void assay_cpu_matrix_destroy(struct assay_matrix *matrix)
{
    if (matrix == NULL) return;
    assay_cpu_free(matrix->panels);
    free(matrix);
}

uint64_t assay_cpu_matrix_bytes(const struct assay_tensor *tensor)
{
    uint64_t elements = tensor->columns / assay_dtype_block_elements(tensor->dtype);
    size_t panel_rows = layouts[tensor->dtype].panel_rows;
    uint64_t panels = tensor->rows / panel_rows + (tensor->rows % panel_rows != 0);
    return panels * elements * layouts[tensor->dtype].element_bytes;
}

struct product_work {
    const struct assay_matrix *matrix;
    const struct assay_operand *operand;
    float *y;
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

/* One panel times the whole batch. */
static void product_panel(const struct product_work *work, size_t row, size_t stride)
{
    const struct assay_matrix *matrix = work->matrix;
    const uint8_t *panel = matrix->panels + row / matrix->panel_rows * matrix->panel_bytes;
    const uint8_t *x = work->operand->values;
    size_t width = matrix->rows - row, batch = work->operand->rows;
    if (width > matrix->panel_rows) width = matrix->panel_rows;
    for (size_t first = 0; first < batch; first += ASSAY_CPU_TOKENS) {
        float tile[ASSAY_CPU_TOKENS * ASSAY_CPU_PANEL];
        size_t tokens = batch - first < ASSAY_CPU_TOKENS ? batch - first : ASSAY_CPU_TOKENS;
        bool again = first > 0, last = first + tokens == batch;
        if (again && last && row + width < matrix->rows) prefetch_next(matrix, panel);
        matrix->kernel(panel, matrix->elements, x + first * stride, stride, tokens, tile);
        for (size_t t = 0; t < tokens; t++) {
            memcpy(work->y + (first + t) * matrix->rows + row, tile + t * matrix->panel_rows,
                   width * sizeof *tile);
        }
    }
}

/* Panel by panel, so that a panel stays in the first cache while all rows of the batch use it. */
static void product_panels(void *context, unsigned thread, unsigned threads)
{
    const struct product_work *work = context;
    const struct assay_matrix *matrix = work->matrix;
    size_t stride = matrix->quantised ? matrix->elements * sizeof(struct assay_token_block)
                                      : matrix->columns * sizeof(float);
    size_t begin, end;
    assay_team_share(matrix->rows, matrix->panel_rows, thread, threads, &begin, &end);
    for (size_t row = begin; row < end; row += matrix->panel_rows) {
        product_panel(work, row, stride);
    }
}

void assay_cpu_product(struct assay_team *team, const struct assay_matrix *matrix,
                       const struct assay_operand *operand, float *y)
{
    struct product_work work = {matrix, operand, y};
    ASSAY_ASSERT(operand->columns == matrix->columns);
    ASSAY_ASSERT(operand->quantised == matrix->quantised);
    assay_team_run(team, product_panels, &work);
}

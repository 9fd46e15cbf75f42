/* The matrix product of 1.6, straight from the bytes of the tensor. The matrix keeps the tensor's
 * pointer: the model outlives it. */
#include "backend/ref/ref.h"

#include "backend/ref/operand.h"
#include "backend/ref/weight.h"
#include "base/assert.h"
#include "base/team.h"

#include <stdlib.h>

struct assay_matrix {
    struct assay_tensor tensor;
};

/* One row of a quantised or plain operand. */
struct input {
    const float *x, *d, *xs;
    const int8_t *q;
};

/* The accumulator after element e of a row of weights: the last column of 1.6's table. */
static float step_block(enum assay_dtype dtype, const uint8_t *row, const struct input *in,
                        size_t e, float acc)
{
    struct assay_block block;
    assay_block_read(dtype, row, e, &block);
    struct assay_ref_scales scales = assay_ref_block_scales(dtype, &block);
    int32_t offset = assay_block_kind(dtype)->offset, sum = 0;
    for (size_t h = 0; h < 2; h++) {
        int32_t dot = 0;
        for (size_t i = 16 * h; i < 16 * h + 16; i++) {
            dot += (block.q[i] - offset) * in->q[ASSAY_BLOCK * e + i];
        }
        sum += block.halves[h] * dot;
    }
    acc = fmaf(scales.d * in->d[e], (float)sum, acc);
    return scales.has_minimum ? fmaf(scales.m, in->xs[e], acc) : acc;
}

static float step(enum assay_dtype dtype, const uint8_t *row, const struct input *in, size_t e,
                  float acc)
{
    if (assay_block_kind(dtype)->bits > 0) return step_block(dtype, row, in, e, acc);
    return fmaf(assay_ref_weight(dtype, row, e), in->x[e], acc);
}

enum assay_status assay_ref_matrix_create(struct assay_team *team, struct assay_matrix **out,
                                          const struct assay_tensor *tensor, const void *packed,
                                          struct assay_error *err)
{
    (void)team, (void)packed; /* no form of its own */
    size_t elements = assay_dtype_block_elements(tensor->dtype);
    if (tensor->columns % elements != 0) {
        return assay_fail(err, ASSAY_EUNSUPPORTED, "tensor %s: %zu columns are no multiple of %zu",
                          tensor->name, tensor->columns, elements);
    }
    struct assay_matrix *matrix = calloc(1, sizeof *matrix);
    if (matrix == NULL) return assay_fail(err, ASSAY_EMEMORY, "tensor %s", tensor->name);
    matrix->tensor = *tensor;
    *out = matrix;
    return ASSAY_OK;
}

void assay_ref_matrix_destroy(struct assay_matrix *matrix)
{
    free(matrix);
}

/* The weights stay in the file's mapping. */
uint64_t assay_ref_matrix_bytes(const struct assay_tensor *tensor)
{
    (void)tensor;
    return sizeof(struct assay_matrix);
}

/* One output: eight segments, each one chain, folded as a tree. */
static float row_product(enum assay_dtype dtype, const uint8_t *row, const struct input *in,
                         size_t n)
{
    float acc[8];
    for (size_t g = 0; g < 8; g++) {
        acc[g] = 0.0f;
        for (size_t e = g * n / 8; e < (g + 1) * n / 8; e++)
            acc[g] = step(dtype, row, in, e, acc[g]);
    }
    return ((acc[0] + acc[1]) + (acc[2] + acc[3])) + ((acc[4] + acc[5]) + (acc[6] + acc[7]));
}

struct product_work {
    const struct assay_tensor *tensor;
    const struct assay_operand *operand;
    float *y;
};

static void product_rows(void *context, unsigned thread, unsigned threads)
{
    const struct product_work *work = context;
    const struct assay_tensor *tensor = work->tensor;
    const struct assay_operand *operand = work->operand;
    size_t n = assay_block_count(tensor->dtype, tensor->columns);
    size_t begin, end;
    assay_team_share(tensor->rows, 1, thread, threads, &begin, &end);
    for (size_t r = begin; r < end; r++) {
        const uint8_t *row = tensor->data + r * tensor->row_bytes;
        for (size_t t = 0; t < operand->rows; t++) {
            size_t at = t * operand->columns, block = at / ASSAY_REF_BLOCK;
            struct input in = {operand->x + at, operand->d + block, operand->xs + block,
                               operand->q + at};
            work->y[t * tensor->rows + r] = row_product(tensor->dtype, row, &in, n);
        }
    }
}

void assay_ref_products(struct assay_team *team, const struct assay_product *products, size_t count,
                        const struct assay_operand *operand)
{
    for (size_t i = 0; i < count; i++) {
        const struct assay_tensor *tensor = &products[i].matrix->tensor;
        struct product_work work = {tensor, operand, products[i].y};
        ASSAY_ASSERT(operand->columns == tensor->columns);
        ASSAY_ASSERT(operand->quantised == (assay_dtype_block_elements(tensor->dtype) > 1));
        assay_team_run(team, product_rows, &work);
    }
}

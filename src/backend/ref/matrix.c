/* The matrix product of 1.6, straight from the bytes of the tensor. The matrix keeps the tensor's
 * pointer: the model outlives it. */
#include "backend/ref/ref.h"

#include "backend/ref/operand.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "base/exact.h"
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
typedef float step(const uint8_t *row, const struct input *in, size_t e, float acc);

static float step_f32(const uint8_t *row, const struct input *in, size_t e, float acc)
{
    return fmaf(assay_float(assay_get_le32(row + 4 * e)), in->x[e], acc);
}

static float step_f16(const uint8_t *row, const struct input *in, size_t e, float acc)
{
    return fmaf(assay_from_f16(assay_get_le16(row + 2 * e)), in->x[e], acc);
}

static float step_q8_0(const uint8_t *row, const struct input *in, size_t e, float acc)
{
    const uint8_t *block = row + 34 * e;
    const int8_t *weight = (const int8_t *)block + 2;
    const int8_t *q = in->q + ASSAY_REF_BLOCK * e;
    int32_t dot = 0;
    for (int i = 0; i < 32; i++) dot += weight[i] * q[i];
    return fmaf(assay_from_f16(assay_get_le16(block)) * in->d[e], (float)dot, acc);
}

static float step_q4_0(const uint8_t *row, const struct input *in, size_t e, float acc)
{
    const uint8_t *block = row + 18 * e;
    const uint8_t *nibbles = block + 2;
    const int8_t *q = in->q + ASSAY_REF_BLOCK * e;
    int32_t dot = 0;
    for (int i = 0; i < 16; i++) {
        dot += ((nibbles[i] & 15) - 8) * q[i] + ((nibbles[i] >> 4) - 8) * q[16 + i];
    }
    return fmaf(assay_from_f16(assay_get_le16(block)) * in->d[e], (float)dot, acc);
}

static float step_q4_1(const uint8_t *row, const struct input *in, size_t e, float acc)
{
    const uint8_t *block = row + 20 * e;
    const uint8_t *nibbles = block + 4;
    const int8_t *q = in->q + ASSAY_REF_BLOCK * e;
    int32_t dot = 0;
    for (int i = 0; i < 16; i++) {
        dot += (nibbles[i] & 15) * q[i] + (nibbles[i] >> 4) * q[16 + i];
    }
    acc = fmaf(assay_from_f16(assay_get_le16(block)) * in->d[e], (float)dot, acc);
    return fmaf(assay_from_f16(assay_get_le16(block + 2)), in->xs[e], acc);
}

static step *const steps[] = {
    [ASSAY_DTYPE_F32] = step_f32,   [ASSAY_DTYPE_F16] = step_f16,   [ASSAY_DTYPE_Q4_0] = step_q4_0,
    [ASSAY_DTYPE_Q4_1] = step_q4_1, [ASSAY_DTYPE_Q8_0] = step_q8_0,
};
_Static_assert(sizeof steps / sizeof steps[0] == ASSAY_DTYPE_COUNT, "one step per dtype");

enum assay_status assay_ref_matrix_create(struct assay_matrix **out,
                                          const struct assay_tensor *tensor,
                                          struct assay_error *err)
{
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
static float row_product(step *take, const uint8_t *row, const struct input *in, size_t n)
{
    float acc[8];
    for (size_t g = 0; g < 8; g++) {
        acc[g] = 0.0f;
        for (size_t e = g * n / 8; e < (g + 1) * n / 8; e++) acc[g] = take(row, in, e, acc[g]);
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
    size_t n = tensor->columns / assay_dtype_block_elements(tensor->dtype);
    size_t begin, end;
    assay_team_share(tensor->rows, 1, thread, threads, &begin, &end);
    for (size_t r = begin; r < end; r++) {
        const uint8_t *row = tensor->data + r * tensor->row_bytes;
        for (size_t t = 0; t < operand->rows; t++) {
            size_t at = t * operand->columns, block = at / ASSAY_REF_BLOCK;
            struct input in = {operand->x + at, operand->d + block, operand->xs + block,
                               operand->q + at};
            work->y[t * tensor->rows + r] = row_product(steps[tensor->dtype], row, &in, n);
        }
    }
}

void assay_ref_product(struct assay_team *team, const struct assay_matrix *matrix,
                       const struct assay_operand *operand, float *y)
{
    struct product_work work = {&matrix->tensor, operand, y};
    ASSAY_ASSERT(operand->columns == matrix->tensor.columns);
    ASSAY_ASSERT(operand->quantised == (assay_dtype_block_elements(matrix->tensor.dtype) > 1));
    assay_team_run(team, product_rows, &work);
}

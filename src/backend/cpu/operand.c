/* Activations as the product's kernels read them: token blocks, or plain f32 rows. */
#include "backend/cpu/cpu.h"

#include "base/arena.h"
#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(struct assay_token_block) <= ASSAY_CPU_BLOCK * sizeof(float),
               "the plain form is the larger one");

struct assay_operand *assay_cpu_operand_create(size_t rows, size_t columns)
{
    size_t count, bytes;
    if (!assay_multiply(rows, columns, &count) || !assay_multiply(count, sizeof(float), &bytes)) {
        return NULL;
    }
    struct assay_operand *operand = calloc(1, sizeof *operand);
    if (operand == NULL) return NULL;
    operand->capacity_bytes = bytes;
    operand->values = assay_cpu_alloc(bytes);
    if (operand->values == NULL) {
        free(operand);
        return NULL;
    }
    return operand;
}

void assay_cpu_operand_destroy(struct assay_operand *operand)
{
    if (operand == NULL) return;
    assay_cpu_free(operand->values);
    free(operand);
}

uint64_t assay_cpu_operand_bytes(size_t rows, size_t columns)
{
    return (uint64_t)rows * columns * sizeof(float);
}

struct set_work {
    struct assay_operand *operand;
    const float *x;
};

static void set_blocks(void *context, unsigned thread, unsigned threads)
{
    const struct set_work *work = context;
    const struct assay_operand *operand = work->operand;
    size_t begin, end;
    assay_team_share(operand->rows * operand->columns / ASSAY_CPU_BLOCK, 4, thread, threads, &begin,
                     &end);
    assay_cpu_quantise(work->x + begin * ASSAY_CPU_BLOCK, end - begin,
                       (struct assay_token_block *)operand->values + begin);
}

void assay_cpu_operand_set(struct assay_team *team, struct assay_operand *operand, const float *x,
                           size_t rows, size_t columns, bool quantised)
{
    ASSAY_ASSERT(rows * columns * sizeof *x <= operand->capacity_bytes);
    operand->rows = rows;
    operand->columns = columns;
    operand->quantised = quantised;
    if (quantised) {
        ASSAY_ASSERT(columns % ASSAY_CPU_BLOCK == 0);
        struct set_work work = {operand, x};
        assay_cpu_run(team, rows * columns, set_blocks, &work);
    } else {
        memcpy(operand->values, x, rows * columns * sizeof *x);
    }
}

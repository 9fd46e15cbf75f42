/* Activations as the product's kernels read them: in groups of as many tokens as a kernel takes at
 * a time, element-major within a group, so that a kernel reads one stream. */
#include "backend/cpu/cpu.h"

#include "base/arena.h"
#include "base/assert.h"

#include <stdlib.h>

_Static_assert(sizeof(struct assay_token_block) <= ASSAY_BLOCK * sizeof(float),
               "the plain form is the larger one");

struct assay_operand *assay_cpu_operand_create(const struct assay_cpu_isa *isa, size_t rows,
                                               size_t columns)
{
    size_t count, bytes;
    if (!assay_multiply(rows, columns, &count) || !assay_multiply(count, sizeof(float), &bytes)) {
        return NULL;
    }
    struct assay_operand *operand = calloc(1, sizeof *operand);
    if (operand == NULL) return NULL;
    operand->isa = isa;
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
    return assay_cpu_alloc_bytes((uint64_t)rows * columns * sizeof(float));
}

struct set_work {
    struct assay_operand *operand;
    const float *x;
};

/* A thread takes blocks in the order of x. */
static void set_blocks(void *context, unsigned thread, unsigned threads)
{
    const struct set_work *work = context;
    const struct assay_operand *operand = work->operand;
    size_t in_row = operand->columns / ASSAY_BLOCK, begin, end;
    assay_team_share(operand->rows * in_row, 4, thread, threads, &begin, &end);
    size_t first = 0, tokens = 0;
    while (begin < end) {
        size_t row = begin / in_row, b = begin % in_row;
        while (row >= first + tokens) {
            first += tokens;
            tokens = assay_cpu_group(operand->isa->tokens, operand->rows - first);
        }
        size_t count = in_row - b < end - begin ? in_row - b : end - begin;
        struct assay_token_block *to = operand->values;
        to += first * in_row + b * tokens + (row - first);
        operand->isa->quantise(work->x + begin * ASSAY_BLOCK, count, to, tokens);
        begin += count;
    }
}

static void set_floats(void *context, unsigned thread, unsigned threads)
{
    const struct set_work *work = context;
    const struct assay_operand *operand = work->operand;
    size_t begin, end, columns = operand->columns, tokens = 0;
    assay_team_share(columns, 16, thread, threads, &begin, &end);
    for (size_t first = 0; first < operand->rows; first += tokens) {
        const float *from = work->x + first * columns;
        float *to = (float *)operand->values + first * columns;
        tokens = assay_cpu_group(operand->isa->tokens, operand->rows - first);
        for (size_t k = begin; k < end; k++) {
            for (size_t t = 0; t < tokens; t++) to[k * tokens + t] = from[t * columns + k];
        }
    }
}

void assay_cpu_operand_set(struct assay_team *team, struct assay_operand *operand, const float *x,
                           size_t rows, size_t columns, bool quantised)
{
    ASSAY_ASSERT(rows * columns * sizeof *x <= operand->capacity_bytes);
    ASSAY_ASSERT(!quantised || columns % ASSAY_BLOCK == 0);
    operand->rows = rows;
    operand->columns = columns;
    operand->quantised = quantised;
    struct set_work work = {operand, x};
    assay_cpu_run(team, rows * columns, quantised ? set_blocks : set_floats, &work);
}

/* Activations of a matrix product: quantised by 1.5, or kept as they are. */
#include "backend/ref/ref.h"

#include "backend/ref/operand.h"
#include "base/arena.h"
#include "base/assert.h"
#include "base/exact.h"
#include "base/team.h"

#include <stdlib.h>
#include <string.h>

struct assay_operand *assay_ref_operand_create(size_t rows, size_t columns)
{
    size_t count;
    if (!assay_multiply(rows, columns, &count) || count > SIZE_MAX / 16) return NULL;
    struct assay_operand *operand = calloc(1, sizeof *operand);
    if (operand == NULL) return NULL;
    operand->x = calloc(count + 1, sizeof *operand->x);
    operand->d = calloc(count / ASSAY_REF_BLOCK + 1, sizeof *operand->d);
    operand->xs = calloc(count / ASSAY_REF_BLOCK + 1, sizeof *operand->xs);
    operand->q = calloc(count + 1, sizeof *operand->q);
    if (operand->x == NULL || operand->d == NULL || operand->xs == NULL || operand->q == NULL) {
        assay_ref_operand_destroy(operand);
        return NULL;
    }
    return operand;
}

void assay_ref_operand_destroy(struct assay_operand *operand)
{
    if (operand == NULL) return;
    free(operand->x);
    free(operand->d);
    free(operand->xs);
    free(operand->q);
    free(operand);
}

uint64_t assay_ref_operand_bytes(size_t rows, size_t columns)
{
    uint64_t count = (uint64_t)rows * columns;
    return count * (sizeof(float) + sizeof(int8_t)) + count / ASSAY_REF_BLOCK * 2 * sizeof(float);
}

/* 1.5 for one block of 32. */
static void quantise(const float *x, int8_t *q, float *d, float *xs)
{
    uint32_t u = 0;
    for (int i = 0; i < ASSAY_REF_BLOCK; i++) {
        uint32_t magnitude = assay_bits(x[i]) & 0x7fffffffu;
        if (magnitude > u) u = magnitude;
    }
    int32_t s = 0;
    memset(q, 0, ASSAY_REF_BLOCK);
    if (u >= 0x7f800000u) {
        *d = assay_float(0x7fc00000u);
    } else if (u < 0x0d800000u) {
        *d = 0.0f;
    } else {
        float a = assay_float(u);
        float inv = 127.0f / a;
        *d = a / 127.0f;
        for (int i = 0; i < ASSAY_REF_BLOCK; i++) {
            float rounded = rintf(x[i] * inv);
            if (rounded > 127.0f) rounded = 127.0f;
            if (rounded < -127.0f) rounded = -127.0f;
            q[i] = (int8_t)rounded;
            s += q[i];
        }
    }
    *xs = *d * (float)s;
}

struct set_work {
    struct assay_operand *operand;
    const float *x;
};

static void set_blocks(void *context, unsigned thread, unsigned threads)
{
    struct set_work *work = context;
    struct assay_operand *operand = work->operand;
    size_t begin, end;
    assay_team_share(operand->rows * operand->columns / ASSAY_REF_BLOCK, 1, thread, threads, &begin,
                     &end);
    for (size_t b = begin; b < end; b++) {
        quantise(work->x + b * ASSAY_REF_BLOCK, operand->q + b * ASSAY_REF_BLOCK, operand->d + b,
                 operand->xs + b);
    }
}

void assay_ref_operand_set(struct assay_team *team, struct assay_operand *operand, const float *x,
                           size_t rows, size_t columns, bool quantised)
{
    operand->rows = rows;
    operand->columns = columns;
    operand->quantised = quantised;
    if (quantised) {
        ASSAY_ASSERT(columns % ASSAY_REF_BLOCK == 0);
        struct set_work work = {operand, x};
        assay_team_run(team, set_blocks, &work);
    } else {
        memcpy(operand->x, x, rows * columns * sizeof *x);
    }
}

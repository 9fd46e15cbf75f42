/* exact-1's product and attention as CUDA-shaped kernels (FORMAT.md 1, "Natural on a GPU"). They
 * are run by simt.h's emulation only: never compiled for a GPU, never run on one. */
#ifndef ASSAY_TESTS_EMULATION_KERNELS_H
#define ASSAY_TESTS_EMULATION_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A block of 32 quantised activations (1.5). */
struct emulated_block {
    int8_t q[32];
    float d, xs;
};

/* What is deliberately done wrong, to see that the tests notice. */
enum emulated_fault {
    FAULT_NONE,
    FAULT_FOLD_ORDER,   /* segments fold by 4, 2, 1 */
    FAULT_FOLD_MISSING, /* by 1, 2 only */
    FAULT_NO_BARRIER    /* shared memory is read without waiting for its writers */
};

/* x: tokens × columns f32 → blocks. A warp a block. */
void emulated_quantise(const float *x, size_t count, struct emulated_block *blocks);
/* y (tokens × rows) = x × Wᵀ; weights are rows as in a model file, row after row. */
void emulated_product_q4_1(const uint8_t *weights, size_t rows, size_t columns,
                           const struct emulated_block *x, size_t tokens, float *y,
                           enum emulated_fault fault);
void emulated_product_f16(const uint8_t *weights, size_t rows, size_t columns, const float *x,
                          size_t tokens, float *y, enum emulated_fault fault);
/* y (heads × dim) for one row at `position`; keys, values: page c's f16 of one kv head, 64 × dim.
 */
void emulated_attend(const float *q, uint32_t heads, uint32_t dim, uint32_t position,
                     const uint16_t *const *keys, const uint16_t *const *values, float *y);

#endif

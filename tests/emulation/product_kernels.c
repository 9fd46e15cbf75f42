/* Quantisation and the two products. A block of 64 threads makes 8 outputs of one row of
 * activations: 8 neighbouring lanes own the 8 segments of an output and fold by shfl_xor 1, 2, 4.
 * Addition commutes, so every lane of the eight ends up with the specified tree. */
#include "emulation/kernels.h"

#include "base/bytes.h"
#include "base/exact.h"
#include "emulation/simt.h"

enum { SEGMENTS = 8, OUTPUTS = 8, THREADS = SEGMENTS * OUTPUTS, Q4_1_BYTES = 20 };

struct quantise_arguments {
    const float *x;
    struct emulated_block *blocks;
};

/* One warp: lane i holds value i of the block. */
static void quantise_kernel(const struct simt *self, const void *arguments)
{
    const struct quantise_arguments *in = arguments;
    struct emulated_block *block = &in->blocks[self->block_x];
    float x = in->x[self->block_x * SIMT_WARP + self->thread];
    uint32_t u = assay_bits(x) & 0x7fffffffu;
    for (unsigned mask = 16; mask > 0; mask /= 2) {
        uint32_t other = simt_shfl_xor_u32(self, u, mask);
        if (other > u) u = other;
    }
    float d = 0.0f;
    int32_t q = 0;
    if (u >= 0x7f800000u) {
        d = assay_float(0x7fc00000u);
    } else if (u >= 0x0d800000u) {
        d = assay_float(u) / 127.0f;
        float r = rintf(x * (127.0f / assay_float(u)));
        q = (int32_t)fmaxf(-127.0f, fminf(127.0f, r));
    }
    int32_t s = q;
    for (unsigned mask = 16; mask > 0; mask /= 2) {
        s += (int32_t)simt_shfl_xor_u32(self, (uint32_t)s, mask);
    }
    block->q[self->thread] = (int8_t)q;
    if (self->thread == 0) {
        block->d = d;
        block->xs = d * (float)s;
    }
}

void emulated_quantise(const float *x, size_t count, struct emulated_block *blocks)
{
    const struct quantise_arguments in = {x, blocks};
    simt_launch(quantise_kernel, (unsigned)(count / SIMT_WARP), 1, SIMT_WARP, 0, &in);
}

struct product_arguments {
    const uint8_t *weights;
    size_t rows, columns;
    const struct emulated_block *blocks;
    const float *x;
    float *y;
    enum emulated_fault fault;
};

/* The tree of 1.6 over 8 neighbouring lanes; the first of them writes. */
static void fold_and_store(const struct simt *self, const struct product_arguments *in, float acc)
{
    static const unsigned masks[][3] = {
        [FAULT_NONE] = {1, 2, 4},
        [FAULT_FOLD_ORDER] = {4, 2, 1},
        [FAULT_FOLD_MISSING] = {1, 2, 0},
        [FAULT_NO_BARRIER] = {1, 2, 4},
    };
    for (unsigned i = 0; i < 3; i++) {
        unsigned mask = masks[in->fault][i];
        if (mask != 0) acc = acc + simt_shfl_xor(self, acc, mask);
    }
    size_t row = (size_t)self->block_x * OUTPUTS + self->thread / SEGMENTS;
    if (self->thread % SEGMENTS == 0 && row < in->rows) {
        in->y[self->block_y * in->rows + row] = acc;
    }
}

static void product_q4_1_kernel(const struct simt *self, const void *arguments)
{
    const struct product_arguments *in = arguments;
    struct emulated_block *x = self->shared;
    size_t n = in->columns / 32, row = (size_t)self->block_x * OUTPUTS + self->thread / SEGMENTS;
    size_t g = self->thread % SEGMENTS;
    for (size_t b = self->thread; b < n; b += self->threads)
        x[b] = in->blocks[self->block_y * n + b];
    if (in->fault != FAULT_NO_BARRIER) simt_syncthreads(self);
    float acc = 0.0f;
    for (size_t b = g * n / 8; row < in->rows && b < (g + 1) * n / 8; b++) {
        const uint8_t *block = in->weights + (row * n + b) * Q4_1_BYTES, *nibbles = block + 4;
        int32_t dot = 0;
        for (size_t i = 0; i < 16; i++) {
            dot += (nibbles[i] & 15) * x[b].q[i] + (nibbles[i] >> 4) * x[b].q[16 + i];
        }
        float scale = assay_from_f16(assay_get_le16(block)) * x[b].d;
        acc = fmaf(scale, (float)dot, acc);
        acc = fmaf(assay_from_f16(assay_get_le16(block + 2)), x[b].xs, acc);
    }
    fold_and_store(self, in, acc);
}

static void product_f16_kernel(const struct simt *self, const void *arguments)
{
    const struct product_arguments *in = arguments;
    float *x = self->shared;
    size_t n = in->columns, row = (size_t)self->block_x * OUTPUTS + self->thread / SEGMENTS;
    size_t g = self->thread % SEGMENTS;
    for (size_t k = self->thread; k < n; k += self->threads) x[k] = in->x[self->block_y * n + k];
    if (in->fault != FAULT_NO_BARRIER) simt_syncthreads(self);
    float acc = 0.0f;
    for (size_t k = g * n / 8; row < in->rows && k < (g + 1) * n / 8; k++) {
        acc = fmaf(assay_from_f16(assay_get_le16(in->weights + 2 * (row * n + k))), x[k], acc);
    }
    fold_and_store(self, in, acc);
}

void emulated_product_q4_1(const uint8_t *weights, size_t rows, size_t columns,
                           const struct emulated_block *x, size_t tokens, float *y,
                           enum emulated_fault fault)
{
    const struct product_arguments in = {weights, rows, columns, x, NULL, y, fault};
    simt_launch(product_q4_1_kernel, (unsigned)((rows + OUTPUTS - 1) / OUTPUTS), (unsigned)tokens,
                THREADS, columns / 32 * sizeof *x, &in);
}

void emulated_product_f16(const uint8_t *weights, size_t rows, size_t columns, const float *x,
                          size_t tokens, float *y, enum emulated_fault fault)
{
    const struct product_arguments in = {weights, rows, columns, NULL, x, y, fault};
    simt_launch(product_f16_kernel, (unsigned)((rows + OUTPUTS - 1) / OUTPUTS), (unsigned)tokens,
                THREADS, columns * sizeof *x, &in);
}

/* The float products (1.6), written once on the vocabulary of a vector_*.h: F32, F16 and BF16 ×
 * f32 activations. An element is one k, so a segment is one long chain of dependent fma. 16 rows
 * stand in the lanes; where the tokens give too few chains to hide the latency, several segments
 * are done at a time: they differ in length by at most one element, which is done last. */
#include "backend/cpu/cpu.h"
#include "backend/cpu/panel.h"

enum { VECTORS = ASSAY_PANEL_FLOAT_ROWS / LANES, CHAINS = TOKENS * VECTORS };

/* Rows LANES·vector … of element k, widened. */
ASSAY_INLINE reals weights_at(enum assay_dtype dtype, const void *panel, size_t k, size_t vector)
{
    size_t at = (k * VECTORS + vector) * LANES;
    if (dtype == ASSAY_DTYPE_F16) return reals_f16((const uint16_t *)panel + at);
    if (dtype == ASSAY_DTYPE_BF16) return reals_bf16((const uint16_t *)panel + at);
    return reals_load((const float *)panel + at);
}

/* One element onto the accumulators of a segment: acc[t·VECTORS + vector]. x: element-major. */
ASSAY_INLINE void element(enum assay_dtype dtype, const void *panel, size_t k, const float *x,
                          size_t count, reals *acc)
{
    reals weights[VECTORS];
    ASSAY_UNROLL
    for (size_t v = 0; v < VECTORS; v++) weights[v] = weights_at(dtype, panel, k, v);
    ASSAY_UNROLL
    for (size_t t = 0; t < count; t++) {
        reals value = reals_all(x + k * count + t);
        ASSAY_UNROLL
        for (size_t v = 0; v < VECTORS; v++) {
            acc[t * VECTORS + v] = reals_fma(weights[v], value, acc[t * VECTORS + v]);
        }
    }
}

/* `width` segments from segment g on. */
ASSAY_INLINE void segments(enum assay_dtype dtype, const void *panel, size_t elements,
                           const float *x, size_t count, size_t g, size_t width, reals acc[CHAINS])
{
    size_t start[8];
    ASSAY_UNROLL
    for (size_t s = 0; s < width; s++) start[s] = (g + s) * elements / 8;
    ASSAY_UNROLL
    for (size_t i = 0; i < width * count * VECTORS; i++) acc[i] = reals_zero();
    for (size_t step = 0; step < elements / 8; step++) {
        ASSAY_UNROLL
        for (size_t s = 0; s < width; s++) {
            element(dtype, panel, start[s] + step, x, count, acc + s * count * VECTORS);
        }
    }
    ASSAY_UNROLL
    for (size_t s = 0; s < width; s++) {
        size_t k = start[s] + elements / 8;
        if (k == (g + s + 1) * elements / 8) continue;
        element(dtype, panel, k, x, count, acc + s * count * VECTORS);
    }
}

ASSAY_INLINE void tile_of(enum assay_dtype dtype, const void *panel, size_t elements,
                          const float *x, size_t count, size_t width, float *y, size_t stride)
{
    reals done[8][TOKENS * VECTORS];
    for (size_t g = 0; g < 8; g += width) {
        reals acc[CHAINS];
        segments(dtype, panel, elements, x, count, g, width, acc);
        ASSAY_UNROLL
        for (size_t i = 0; i < width * count * VECTORS; i++) {
            done[g + i / (count * VECTORS)][i % (count * VECTORS)] = acc[i];
        }
    }
    for (size_t i = 0; i < count * VECTORS; i++) {
        reals first =
            reals_add(reals_add(done[0][i], done[1][i]), reals_add(done[2][i], done[3][i]));
        reals second =
            reals_add(reals_add(done[4][i], done[5][i]), reals_add(done[6][i], done[7][i]));
        float *to = y + i / VECTORS * stride + i % VECTORS * LANES;
        reals_store(to, reals_add(first, second));
    }
}

/* An instance for each number of tokens that a group can have (assay_cpu_group). */
ASSAY_INLINE void tile_for(enum assay_dtype dtype, const void *panel, size_t elements,
                           const void *x, size_t count, float *y, size_t stride)
{
#define INSTANCE(n, width)                                                                         \
    case n:                                                                                        \
        if (n <= TOKENS) {                                                                         \
            tile_of(dtype, panel, elements, x, n <= TOKENS ? n : 1, n <= TOKENS ? width : 1, y,    \
                    stride);                                                                       \
        }                                                                                          \
        break
    switch (count) {
        INSTANCE(1, TOKENS < 8 ? 4 : 8);
        INSTANCE(2, TOKENS < 8 ? 2 : 8);
        INSTANCE(3, TOKENS < 8 ? 1 : 4);
        INSTANCE(4, TOKENS < 8 ? 1 : 4);
        INSTANCE(5, 2);
        INSTANCE(6, 2);
        INSTANCE(7, 2);
        INSTANCE(8, 2);
        INSTANCE(16, 1);
    }
#undef INSTANCE
}

#define ASSAY_FLOAT_KERNEL(isa, name, dtype)                                                       \
    void assay_##isa##_tile_##name(const void *panel, size_t elements, const void *x,              \
                                   size_t tokens, float *y, size_t stride)                         \
    {                                                                                              \
        tile_for(ASSAY_DTYPE_##dtype, panel, elements, x, tokens, y, stride);                      \
    }
#define ASSAY_FLOAT_KERNELS(isa)                                                                   \
    ASSAY_FLOAT_KERNEL(isa, f32, F32)                                                              \
    ASSAY_FLOAT_KERNEL(isa, f16, F16)                                                              \
    ASSAY_FLOAT_KERNEL(isa, bf16, BF16)

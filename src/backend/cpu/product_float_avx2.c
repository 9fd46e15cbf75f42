/* F32 and F16 × f32 activations: an element is one k, so a segment is one long chain of dependent
 * fma. With 16 rows in the lanes of two vectors, four tokens are eight chains side by side, enough
 * to hide the latency, and a broadcast of an activation serves both vectors. Fewer tokens do
 * several segments at a time instead: 2 for two tokens, 4 for one. */
#include "backend/cpu/lanes_avx2.h"

#include "backend/cpu/cpu.h"

enum { VECTORS = 2, CHAINS = 8 };

/* Eight rows' weights of element k, widened: rows 0–7 or 8–15. */
ASSAY_INLINE __m256 weights_at(const void *panel, bool half, size_t k, size_t vector)
{
    size_t at = (k * VECTORS + vector) * ASSAY_CPU_LANES;
    if (half) return assay_load_f16((const uint16_t *)panel + at);
    return _mm256_loadu_ps((const float *)panel + at);
}

ASSAY_INLINE const float *token_at(const void *x, size_t stride, size_t t)
{
    return (const float *)(const void *)((const uint8_t *)x + t * stride);
}

/* One element onto the accumulators of a segment: acc[t·VECTORS + vector]. */
ASSAY_INLINE void element(const void *panel, bool half, size_t k, const void *x, size_t stride,
                          size_t tokens, __m256 *acc)
{
    __m256 low = weights_at(panel, half, k, 0), high = weights_at(panel, half, k, 1);
    ASSAY_UNROLL
    for (size_t t = 0; t < tokens; t++) {
        __m256 value = _mm256_set1_ps(token_at(x, stride, t)[k]);
        acc[t * VECTORS] = _mm256_fmadd_ps(low, value, acc[t * VECTORS]);
        acc[t * VECTORS + 1] = _mm256_fmadd_ps(high, value, acc[t * VECTORS + 1]);
    }
}

/* `width` segments from segment g on. They differ in length by at most one element, which is done
 * last. */
ASSAY_INLINE void segments(const void *panel, bool half, size_t elements, const void *x,
                           size_t stride, size_t tokens, size_t g, size_t width, __m256 acc[CHAINS])
{
    size_t start[4];
    ASSAY_UNROLL
    for (size_t s = 0; s < width; s++) start[s] = (g + s) * elements / 8;
    ASSAY_UNROLL
    for (size_t i = 0; i < width * tokens * VECTORS; i++) acc[i] = _mm256_setzero_ps();
    for (size_t step = 0; step < elements / 8; step++) {
        ASSAY_UNROLL
        for (size_t s = 0; s < width; s++) {
            element(panel, half, start[s] + step, x, stride, tokens, acc + s * tokens * VECTORS);
        }
    }
    ASSAY_UNROLL
    for (size_t s = 0; s < width; s++) {
        size_t k = start[s] + elements / 8;
        if (k == (g + s + 1) * elements / 8) continue;
        element(panel, half, k, x, stride, tokens, acc + s * tokens * VECTORS);
    }
}

ASSAY_INLINE void tile_of(const void *panel, bool half, size_t elements, const void *x,
                          size_t stride, size_t tokens, size_t width, float *tile)
{
    __m256 done[8][ASSAY_CPU_TOKENS * VECTORS];
    for (size_t g = 0; g < 8; g += width) {
        __m256 acc[CHAINS];
        segments(panel, half, elements, x, stride, tokens, g, width, acc);
        ASSAY_UNROLL
        for (size_t i = 0; i < width * tokens * VECTORS; i++) {
            done[g + i / (tokens * VECTORS)][i % (tokens * VECTORS)] = acc[i];
        }
    }
    for (size_t i = 0; i < tokens * VECTORS; i++) {
        __m256 first = _mm256_add_ps(_mm256_add_ps(done[0][i], done[1][i]),
                                     _mm256_add_ps(done[2][i], done[3][i]));
        __m256 second = _mm256_add_ps(_mm256_add_ps(done[4][i], done[5][i]),
                                      _mm256_add_ps(done[6][i], done[7][i]));
        _mm256_storeu_ps(tile + i * ASSAY_CPU_LANES, _mm256_add_ps(first, second));
    }
}

/* The kernel: an instance for each number of tokens. */
ASSAY_INLINE void tile_for(const void *panel, bool half, size_t elements, const void *x,
                           size_t stride, size_t tokens, float *tile)
{
    switch (tokens) {
    case 1:
        tile_of(panel, half, elements, x, stride, 1, 4, tile);
        break;
    case 2:
        tile_of(panel, half, elements, x, stride, 2, 2, tile);
        break;
    case 3:
        tile_of(panel, half, elements, x, stride, 3, 1, tile);
        break;
    default:
        tile_of(panel, half, elements, x, stride, 4, 1, tile);
        break;
    }
}

void assay_cpu_tile_f32(const void *panel, size_t elements, const void *x, size_t stride,
                        size_t tokens, float *tile)
{
    tile_for(panel, false, elements, x, stride, tokens, tile);
}

void assay_cpu_tile_f16(const void *panel, size_t elements, const void *x, size_t stride,
                        size_t tokens, float *tile)
{
    tile_for(panel, true, elements, x, stride, tokens, tile);
}

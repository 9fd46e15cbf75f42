/* Attention. A block of 64 threads owns one chunk of 64 positions of one head. For the scores each
 * half of a warp takes a key: its 16 lanes are the 16 partial sums of 1.8 and fold by shfl_xor 8,
 * 4, 2, 1. Then a thread is a position (weights), then a dimension (values). A second kernel merges
 * the chunks in ascending order, a thread a dimension. */
#include "emulation/kernels.h"

#include "base/exact.h"
#include "emulation/simt.h"

#include "base/assert.h"

#include <stdlib.h>

enum { CHUNK = 64, LANES = 16, KEYS_AT_ONCE = CHUNK / LANES };

struct attend_arguments {
    const float *q;
    uint32_t dim, position, chunks;
    const uint16_t *const *keys, *const *values;
    float *m, *l, *o; /* heads × chunks, heads × chunks, heads × chunks × dim */
    float *y;
};

struct chunk_shared {
    float p[CHUNK], warp_max[CHUNK / SIMT_WARP], l;
};

/* The fold of 1.8 over 16 neighbouring lanes. */
static float fold(const struct simt *self, float s)
{
    for (unsigned mask = 8; mask > 0; mask /= 2) s = s + simt_shfl_xor(self, s, mask);
    return s + 0.0f;
}

/* e_j of the chunk into shared memory; −inf where there is no position. */
static void chunk_scores(const struct simt *self, const struct attend_arguments *in, uint32_t count)
{
    struct chunk_shared *shared = self->shared;
    const uint16_t *keys = in->keys[self->block_x];
    const float *q = in->q + self->block_y * in->dim;
    float scale = 1.0f / sqrtf((float)in->dim);
    unsigned lane = self->thread % LANES;
    for (uint32_t j = self->thread / LANES; j < CHUNK; j += KEYS_AT_ONCE) {
        float s = 0.0f;
        for (uint32_t i = lane; j < count && i < in->dim; i += LANES) {
            s = fmaf(q[i], assay_from_f16(keys[j * in->dim + i]), s);
        }
        float e = fold(self, s) * scale;
        if (lane == 0) shared->p[j] = j < count ? e : -INFINITY;
    }
    simt_syncthreads(self);
}

/* m_c, the same in every thread. */
static float chunk_max(const struct simt *self)
{
    struct chunk_shared *shared = self->shared;
    float m = shared->p[self->thread];
    for (unsigned mask = 16; mask > 0; mask /= 2) m = fmaxf(m, simt_shfl_xor(self, m, mask));
    if (self->thread % SIMT_WARP == 0) shared->warp_max[self->thread / SIMT_WARP] = m;
    simt_syncthreads(self);
    return fmaxf(shared->warp_max[0], shared->warp_max[1]);
}

static void chunk_kernel(const struct simt *self, const void *arguments)
{
    const struct attend_arguments *in = arguments;
    struct chunk_shared *shared = self->shared;
    uint32_t left = in->position + 1 - self->block_x * CHUNK, count = left < CHUNK ? left : CHUNK;
    size_t at = self->block_y * in->chunks + self->block_x;
    chunk_scores(self, in, count);
    float m = chunk_max(self), p = assay_exp(shared->p[self->thread] - m);
    simt_syncthreads(self);
    shared->p[self->thread] = p;
    simt_syncthreads(self);
    float s = 0.0f; /* both warps and both halves do the same 16 partial sums */
    for (uint32_t j = self->thread % LANES; j < CHUNK; j += LANES) s = s + shared->p[j];
    s = fold(self, s);
    if (self->thread == 0) {
        in->m[at] = m;
        in->l[at] = s;
    }
    const uint16_t *values = in->values[self->block_x];
    for (uint32_t i = self->thread; i < in->dim; i += self->threads) {
        float o = 0.0f;
        for (uint32_t j = 0; j < count; j++) {
            o = fmaf(shared->p[j], assay_from_f16(values[j * in->dim + i]), o);
        }
        in->o[at * in->dim + i] = o;
    }
}

static void merge_kernel(const struct simt *self, const void *arguments)
{
    const struct attend_arguments *in = arguments;
    size_t head = self->block_y, first = head * in->chunks;
    for (uint32_t i = self->thread; i < in->dim; i += self->threads) {
        float m = in->m[first], l = in->l[first], o = in->o[first * in->dim + i];
        for (size_t c = first + 1; c < first + in->chunks; c++) {
            float larger = fmaxf(m, in->m[c]);
            float a = assay_exp(m - larger), b = assay_exp(in->m[c] - larger);
            l = fmaf(l, a, in->l[c] * b);
            o = fmaf(o, a, in->o[c * in->dim + i] * b);
            m = larger;
        }
        in->y[head * in->dim + i] = o / l;
    }
}

void emulated_attend(const float *q, uint32_t heads, uint32_t dim, uint32_t position,
                     const uint16_t *const *keys, const uint16_t *const *values, float *y)
{
    struct attend_arguments in = {.q = q,
                                  .dim = dim,
                                  .position = position,
                                  .chunks = position / CHUNK + 1,
                                  .keys = keys,
                                  .values = values,
                                  .y = y};
    size_t count = (size_t)heads * in.chunks;
    in.m = malloc(count * sizeof *in.m);
    in.l = malloc(count * sizeof *in.l);
    in.o = malloc(count * dim * sizeof *in.o);
    ASSAY_ASSERT(in.m != NULL && in.l != NULL && in.o != NULL);
    simt_launch(chunk_kernel, in.chunks, heads, CHUNK, sizeof(struct chunk_shared), &in);
    simt_launch(merge_kernel, 1, heads, SIMT_WARP, 0, &in);
    free(in.m);
    free(in.l);
    free(in.o);
}

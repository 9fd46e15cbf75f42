#include "emulation/simt.h"

#include "base/assert.h"
#include "base/exact.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct simt_block {
    pthread_barrier_t all, warps[SIMT_THREADS_MAX / SIMT_WARP];
    uint32_t slots[SIMT_THREADS_MAX]; /* what each thread offers to a shuffle */
    unsigned blocks_x, blocks_y, threads;
    size_t shared_bytes;
    void *shared;
    simt_kernel *kernel;
    const void *arguments;
};

struct simt_start {
    struct simt_block *block;
    unsigned thread;
};

void simt_syncthreads(const struct simt *self)
{
    (void)pthread_barrier_wait(&self->block->all);
}

uint32_t simt_shfl_xor_u32(const struct simt *self, uint32_t value, unsigned lane_mask)
{
    pthread_barrier_t *warp = &self->block->warps[self->thread / SIMT_WARP];
    ASSAY_ASSERT(lane_mask < SIMT_WARP);
    self->block->slots[self->thread] = value;
    (void)pthread_barrier_wait(warp);
    uint32_t other = self->block->slots[self->thread ^ lane_mask];
    (void)pthread_barrier_wait(warp); /* nobody offers again before all have taken */
    return other;
}

float simt_shfl_xor(const struct simt *self, float value, unsigned lane_mask)
{
    return assay_float(simt_shfl_xor_u32(self, assay_bits(value), lane_mask));
}

static void *thread_main(void *argument)
{
    const struct simt_start *start = argument;
    struct simt_block *block = start->block;
    assay_float_mode_set();
    for (unsigned i = 0; i < block->blocks_x * block->blocks_y; i++) {
        struct simt self = {.block_x = i % block->blocks_x,
                            .block_y = i / block->blocks_x,
                            .thread = start->thread,
                            .threads = block->threads,
                            .shared = block->shared,
                            .block = block};
        if (self.thread == 0) memset(block->shared, 0xff, block->shared_bytes);
        simt_syncthreads(&self);
        block->kernel(&self, block->arguments);
        simt_syncthreads(&self);
    }
    return NULL;
}

void simt_launch(simt_kernel *kernel, unsigned blocks_x, unsigned blocks_y, unsigned threads,
                 size_t shared_bytes, const void *arguments)
{
    struct simt_block block = {.blocks_x = blocks_x,
                               .blocks_y = blocks_y,
                               .threads = threads,
                               .shared_bytes = shared_bytes,
                               .shared = malloc(shared_bytes + 1),
                               .kernel = kernel,
                               .arguments = arguments};
    struct simt_start starts[SIMT_THREADS_MAX];
    pthread_t ids[SIMT_THREADS_MAX];
    ASSAY_ASSERT(block.shared != NULL);
    ASSAY_ASSERT(threads > 0 && threads <= SIMT_THREADS_MAX && threads % SIMT_WARP == 0);
    ASSAY_ASSERT(pthread_barrier_init(&block.all, NULL, threads) == 0);
    for (unsigned w = 0; w < threads / SIMT_WARP; w++) {
        ASSAY_ASSERT(pthread_barrier_init(&block.warps[w], NULL, SIMT_WARP) == 0);
    }
    for (unsigned t = 0; t < threads; t++) {
        starts[t] = (struct simt_start){&block, t};
        ASSAY_ASSERT(pthread_create(&ids[t], NULL, thread_main, &starts[t]) == 0);
    }
    for (unsigned t = 0; t < threads; t++) ASSAY_ASSERT(pthread_join(ids[t], NULL) == 0);
    for (unsigned w = 0; w < threads / SIMT_WARP; w++) pthread_barrier_destroy(&block.warps[w]);
    pthread_barrier_destroy(&block.all);
    free(block.shared);
}

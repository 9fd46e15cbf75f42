/* A CUDA-shaped machine on POSIX threads: grid, blocks, threads, warps of 32, shared memory,
 * __syncthreads and shuffles. Every thread of a block is a thread of the system, so under the tsan
 * preset the thread sanitizer is the race detector of the kernels.
 *
 * This is an emulation. It shows that exact-1 falls naturally into blocks, warps and shuffles, with
 * the bits of the judge; nothing here was compiled for a GPU or ever ran on one, and it says
 * nothing about speed. */
#ifndef ASSAY_TESTS_EMULATION_SIMT_H
#define ASSAY_TESTS_EMULATION_SIMT_H

#include <stddef.h>
#include <stdint.h>

enum { SIMT_WARP = 32, SIMT_THREADS_MAX = 128 };

struct simt_block;

/* What a CUDA thread sees. */
struct simt {
    unsigned block_x, block_y; /* blockIdx */
    unsigned thread, threads;  /* threadIdx.x, blockDim.x */
    void *shared;              /* the block's dynamic shared memory, 0xff at first */
    struct simt_block *block;
};

typedef void simt_kernel(const struct simt *self, const void *arguments);

/* kernel<<<(blocks_x, blocks_y), threads, shared_bytes>>>(arguments). Blocks run one after another.
 * `threads` is a multiple of a warp; every thread of a block must reach the same barriers and
 * shuffles. */
void simt_launch(simt_kernel *kernel, unsigned blocks_x, unsigned blocks_y, unsigned threads,
                 size_t shared_bytes, const void *arguments);

void simt_syncthreads(const struct simt *self);
/* __shfl_xor_sync over the whole warp. */
uint32_t simt_shfl_xor_u32(const struct simt *self, uint32_t value, unsigned lane_mask);
float simt_shfl_xor(const struct simt *self, float value, unsigned lane_mask);

#endif

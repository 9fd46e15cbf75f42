/* Memory of the CPU backend, and its table for every architecture: plain C, eight lanes, and the
 * judge's operations where products do not go through. */
#include "backend/cpu/cpu.h"

#include "backend/cpu/table.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Large memory (weights, KV pages) asks for large pages: with small ones every 4 KiB of a stream of
 * weights begins with a walk through the page tables, and no prefetch of the hardware's crosses it.
 * It comes from the system, zeroed and not there until it is touched: a pool of KV pages for the
 * longest samples takes what the samples at hand fill. */
enum { LINE = 64, LARGE_PAGE = 2 << 20 };

/* In the line before a block. */
struct block_head {
    void *mapped; /* NULL: of malloc's */
    size_t bytes; /* mapped */
};
_Static_assert(sizeof(struct block_head) <= LINE, "a block's head is a line");

static struct block_head *head_of(void *block)
{
    return (struct block_head *)(void *)((char *)block - LINE);
}

static bool is_large(uint64_t bytes)
{
    return bytes >= 2 * (uint64_t)LARGE_PAGE;
}

uint64_t assay_cpu_alloc_bytes(uint64_t bytes)
{
    size_t unit = is_large(bytes) ? LARGE_PAGE : LINE;
    return (bytes + unit - 1) / unit * unit + LINE;
}

static void *alloc_large(size_t bytes)
{
    size_t room = 2 * (size_t)LARGE_PAGE; /* for the head and for alignment */
    size_t all = (size_t)assay_cpu_alloc_bytes(bytes) - LINE + room;
    char *mapped = mmap(NULL, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) return NULL;
    char *block = mapped + LARGE_PAGE - (uintptr_t)mapped % LARGE_PAGE;
    *head_of(block) = (struct block_head){mapped, all};
    (void)madvise(block, bytes, MADV_HUGEPAGE); /* a wish only */
    return block;
}

void *assay_cpu_alloc(size_t bytes)
{
    if (bytes > SIZE_MAX - 3 * (size_t)LARGE_PAGE) return NULL;
    if (is_large(bytes)) return alloc_large(bytes);
    size_t all = (size_t)assay_cpu_alloc_bytes(bytes);
    char *memory = aligned_alloc(LINE, all);
    return memory == NULL ? NULL : (char *)memset(memory, 0, all) + LINE;
}

void assay_cpu_free(void *memory)
{
    if (memory == NULL) return;
    const struct block_head *head = head_of(memory);
    if (head->mapped != NULL) {
        munmap(head->mapped, head->bytes);
    } else {
        free((char *)memory - LINE);
    }
}

static const char *portable_missing(void)
{
    return NULL;
}

static const struct assay_cpu_isa portable = {
    .lanes = 8,
    .tokens = 4,
    .quantise = assay_portable_quantise,
    .kernels = {ASSAY_QUANTISED_TABLE(portable), ASSAY_FLOAT_TABLE(portable)}};
ASSAY_CPU_OF_LANES(portable)

const struct assay_backend assay_backend_portable =
    ASSAY_CPU_TABLE(portable, ref, ref, "panel-8", NULL);

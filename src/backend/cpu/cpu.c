/* Memory of the CPU backend, and its table for every architecture: plain C, eight lanes, and the
 * judge's operations where products do not go through. */
#include "backend/cpu/cpu.h"

#include "backend/cpu/table.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Large memory (weights, KV pages) asks for large pages: with small ones every 4 KiB of a stream of
 * weights begins with a walk through the page tables, and no prefetch of the hardware's crosses it.
 */
enum { LINE = 64, LARGE_PAGE = 2 << 20 };

static size_t unit_of(uint64_t bytes)
{
    return bytes >= 2 * (uint64_t)LARGE_PAGE ? LARGE_PAGE : LINE;
}

uint64_t assay_cpu_alloc_bytes(uint64_t bytes)
{
    size_t unit = unit_of(bytes);
    return bytes == 0 ? unit : (bytes + unit - 1) / unit * unit;
}

void *assay_cpu_alloc(size_t bytes)
{
    size_t unit = unit_of(bytes);
    if (bytes > SIZE_MAX - unit) return NULL;
    size_t padded = (size_t)assay_cpu_alloc_bytes(bytes);
    void *memory = aligned_alloc(unit, padded);
    if (memory == NULL) return NULL;
    if (unit == LARGE_PAGE) (void)madvise(memory, padded, MADV_HUGEPAGE); /* a wish only */
    return memset(memory, 0, padded);
}

void assay_cpu_free(void *memory)
{
    free(memory);
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

/* The table of the CPU backend, what it needs, and its memory. */
#include "backend/cpu/cpu.h"

#include "backend/ref/ref.h"

#include <stdlib.h>
#include <string.h>

static const char *cpu_missing(void)
{
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
        __builtin_cpu_supports("f16c")) {
        return NULL;
    }
    return "needs AVX2, FMA and F16C";
}

void *assay_cpu_alloc(size_t bytes)
{
    if (bytes > SIZE_MAX - 64) return NULL;
    size_t padded = bytes == 0 ? 64 : (bytes + 63) / 64 * 64;
    void *memory = aligned_alloc(64, padded);
    return memory == NULL ? NULL : memset(memory, 0, padded);
}

void assay_cpu_free(void *memory)
{
    free(memory);
}

const struct assay_backend assay_backend_cpu = {
    .name = "cpu",
    .isa = "avx2",
    .missing = cpu_missing,
    .alloc = assay_cpu_alloc,
    .free = assay_cpu_free,
    .matrix_create = assay_cpu_matrix_create,
    .matrix_destroy = assay_cpu_matrix_destroy,
    .matrix_bytes = assay_cpu_matrix_bytes,
    .operand_create = assay_cpu_operand_create,
    .operand_destroy = assay_cpu_operand_destroy,
    .operand_bytes = assay_cpu_operand_bytes,
    .operand_set = assay_cpu_operand_set,
    .product = assay_cpu_product,
    .embed = assay_ref_embed, /* a few rows a step: nothing to win over the judge */
    .norm = assay_cpu_norm,
    .rotate = assay_cpu_rotate,
    .kv_store = assay_cpu_kv_store,
    .attend = assay_cpu_attend,
    .swiglu = assay_cpu_swiglu,
    .geglu = assay_cpu_geglu,
    .add = assay_cpu_add,
    .scale = assay_ref_scale, /* once a pass */
    .logit_max = assay_cpu_logit_max,
    .weight_sums = assay_cpu_weight_sums,
};

/* The table of the judge, its memory, and the fold that the norm and the attention share. */
#include "backend/ref/ref.h"

#include <stdlib.h>
#include <string.h>

static const char *ref_missing(void)
{
    return NULL; /* plain C runs everywhere */
}

static void *ref_alloc(size_t bytes)
{
    if (bytes > SIZE_MAX - 64) return NULL;
    size_t padded = bytes == 0 ? 64 : (bytes + 63) / 64 * 64;
    void *memory = aligned_alloc(64, padded);
    return memory == NULL ? NULL : memset(memory, 0, padded);
}

static uint64_t ref_alloc_bytes(uint64_t bytes)
{
    return bytes == 0 ? 64 : (bytes + 63) / 64 * 64;
}

float assay_ref_fold(float s[16])
{
    for (int h = 8; h >= 1; h /= 2) {
        for (int k = 0; k < h; k++) s[k] = s[k] + s[k + h];
    }
    return s[0] + 0.0f;
}

const struct assay_backend assay_backend_ref = {
    .name = "ref",
    .isa = "portable",
    .missing = ref_missing,
    .alloc = ref_alloc,
    .free = free,
    .alloc_bytes = ref_alloc_bytes,
    .matrix_create = assay_ref_matrix_create,
    .matrix_destroy = assay_ref_matrix_destroy,
    .matrix_bytes = assay_ref_matrix_bytes,
    .operand_create = assay_ref_operand_create,
    .operand_destroy = assay_ref_operand_destroy,
    .operand_bytes = assay_ref_operand_bytes,
    .operand_set = assay_ref_operand_set,
    .products = assay_ref_products,
    .embed = assay_ref_embed,
    .norm = assay_ref_norm,
    .rotate = assay_ref_rotate,
    .kv_store = assay_ref_kv_store,
    .attend = assay_ref_attend,
    .swiglu = assay_ref_swiglu,
    .geglu = assay_ref_geglu,
    .add = assay_ref_add,
    .scale = assay_ref_scale,
    .logit_max = assay_ref_logit_max,
    .weight_sums = assay_ref_weight_sums,
};

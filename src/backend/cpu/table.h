/* How a table of the CPU backend is made; included by the files that hold tables only. */
#ifndef ASSAY_BACKEND_CPU_TABLE_H
#define ASSAY_BACKEND_CPU_TABLE_H

#include "backend/cpu/cpu.h"
#include "backend/ref/ref.h"

#define ASSAY_QUANTISED_TABLE(isa)                                                                 \
    [ASSAY_DTYPE_Q4_0] = assay_##isa##_tile_q4_0, [ASSAY_DTYPE_Q4_1] = assay_##isa##_tile_q4_1,    \
    [ASSAY_DTYPE_Q5_0] = assay_##isa##_tile_q5_0, [ASSAY_DTYPE_Q5_1] = assay_##isa##_tile_q5_1,    \
    [ASSAY_DTYPE_Q8_0] = assay_##isa##_tile_q8_0, [ASSAY_DTYPE_Q4_K] = assay_##isa##_tile_q4_k,    \
    [ASSAY_DTYPE_Q5_K] = assay_##isa##_tile_q5_k, [ASSAY_DTYPE_Q6_K] = assay_##isa##_tile_q6_k
#define ASSAY_FLOAT_TABLE(isa)                                                                     \
    [ASSAY_DTYPE_F32] = assay_##isa##_tile_f32, [ASSAY_DTYPE_F16] = assay_##isa##_tile_f16,        \
    [ASSAY_DTYPE_BF16] = assay_##isa##_tile_bf16

/* The functions of a table that must know its struct assay_cpu_isa. */
#define ASSAY_CPU_OF_LANES(which)                                                                  \
    static enum assay_status which##_matrix_create(                                                \
        struct assay_team *team, struct assay_matrix **out, const struct assay_tensor *tensor,     \
        const void *packed, struct assay_error *err)                                               \
    {                                                                                              \
        return assay_cpu_matrix_create(&which, team, out, tensor, packed, err);                    \
    }                                                                                              \
    static uint64_t which##_matrix_bytes(const struct assay_tensor *tensor)                        \
    {                                                                                              \
        return assay_cpu_matrix_bytes(&which, tensor);                                             \
    }                                                                                              \
    static uint64_t which##_packed_bytes(const struct assay_tensor *tensor)                        \
    {                                                                                              \
        return assay_cpu_packed_bytes(&which, tensor);                                             \
    }                                                                                              \
    static void which##_pack(struct assay_team *team, const struct assay_tensor *tensor, void *to) \
    {                                                                                              \
        assay_cpu_pack(&which, team, tensor, to);                                                  \
    }                                                                                              \
    static struct assay_operand *which##_operand_create(size_t rows, size_t columns)               \
    {                                                                                              \
        return assay_cpu_operand_create(&which, rows, columns);                                    \
    }

/* What an instruction set's own file computes (`from`, and `rows` for operations on rows), and what
 * they share. */
#define ASSAY_CPU_TABLE(which, from, rows, its_layout, its_peak)                                   \
    {                                                                                              \
        .name = "cpu", .isa = #which, .missing = which##_missing, .alloc = assay_cpu_alloc,        \
        .free = assay_cpu_free, .alloc_bytes = assay_cpu_alloc_bytes, .layout = its_layout,        \
        .packed_bytes = which##_packed_bytes, .pack = which##_pack,                                \
        .matrix_create = which##_matrix_create, .matrix_destroy = assay_cpu_matrix_destroy,        \
        .matrix_bytes = which##_matrix_bytes, .operand_create = which##_operand_create,            \
        .operand_destroy = assay_cpu_operand_destroy, .operand_bytes = assay_cpu_operand_bytes,    \
        .operand_set = assay_cpu_operand_set, .products = assay_cpu_products,                      \
        .embed = assay_cpu_embed, .norm = assay_##rows##_norm, .rotate = assay_##rows##_rotate,    \
        .kv_store = assay_##rows##_kv_store, .attend = assay_##from##_attend,                      \
        .swiglu = assay_##from##_swiglu, .geglu = assay_##from##_geglu, .add = assay_##from##_add, \
        .scale = assay_ref_scale, /* once a pass */                                                \
            .peak = its_peak, .logit_max = assay_##from##_logit_max,                               \
        .weight_sums = assay_##from##_weight_sums,                                                 \
    }

#endif

/* The tables of the CPU backend, what each needs, and their memory. */
#include "backend/cpu/cpu.h"

#include "backend/ref/ref.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* __builtin_cpu_supports asks the processor, and by xgetbv whether the system saves the registers.
 */
static const char *avx2_missing(void)
{
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
        __builtin_cpu_supports("f16c")) {
        return NULL;
    }
    return "lacks AVX2, FMA or F16C";
}

static const char *avx512_missing(void)
{
    if (avx2_missing() == NULL && __builtin_cpu_supports("avx512f") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl")) {
        return NULL;
    }
    return "lacks AVX-512 F, BW, DQ or VL";
}

static const char *vnni_missing(void)
{
    if (avx512_missing() == NULL && __builtin_cpu_supports("avx512vnni")) return NULL;
    return "lacks AVX-512 F, BW, DQ, VL or VNNI";
}

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

#define QUANTISED_KERNELS(isa)                                                                     \
    [ASSAY_DTYPE_Q4_0] = assay_##isa##_tile_q4_0, [ASSAY_DTYPE_Q4_1] = assay_##isa##_tile_q4_1,    \
    [ASSAY_DTYPE_Q5_0] = assay_##isa##_tile_q5_0, [ASSAY_DTYPE_Q5_1] = assay_##isa##_tile_q5_1,    \
    [ASSAY_DTYPE_Q8_0] = assay_##isa##_tile_q8_0, [ASSAY_DTYPE_Q4_K] = assay_##isa##_tile_q4_k,    \
    [ASSAY_DTYPE_Q5_K] = assay_##isa##_tile_q5_k, [ASSAY_DTYPE_Q6_K] = assay_##isa##_tile_q6_k
#define FLOAT_KERNELS(isa)                                                                         \
    [ASSAY_DTYPE_F32] = assay_##isa##_tile_f32, [ASSAY_DTYPE_F16] = assay_##isa##_tile_f16,        \
    [ASSAY_DTYPE_BF16] = assay_##isa##_tile_bf16

static const struct assay_cpu_isa avx2 = {
    .lanes = 8,
    .tokens = 4,
    .quantise = assay_avx2_quantise,
    .kernels = {QUANTISED_KERNELS(avx2), FLOAT_KERNELS(avx2)}};
static const struct assay_cpu_isa avx512 = {
    .lanes = 16,
    .tokens = 16,
    .quantise = assay_avx512_quantise,
    .kernels = {QUANTISED_KERNELS(avx512), FLOAT_KERNELS(avx512)}};
static const struct assay_cpu_isa vnni = {
    .lanes = 16,
    .tokens = 16,
    .quantise = assay_avx512_quantise,
    .kernels = {QUANTISED_KERNELS(vnni), FLOAT_KERNELS(avx512)}};
_Static_assert(sizeof avx2.kernels / sizeof avx2.kernels[0] == 11, "one kernel per dtype");

#define OF_LANES(which)                                                                            \
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
OF_LANES(avx2)
OF_LANES(avx512)
OF_LANES(vnni)

/* What an instruction set's own file computes (`from`), and what they share. */
#define TABLE(which, from, its_layout)                                                             \
    {                                                                                              \
        .name = "cpu", .isa = #which, .missing = which##_missing, .alloc = assay_cpu_alloc,        \
        .free = assay_cpu_free, .alloc_bytes = assay_cpu_alloc_bytes, .layout = its_layout,        \
        .packed_bytes = which##_packed_bytes, .pack = which##_pack,                                \
        .matrix_create = which##_matrix_create, .matrix_destroy = assay_cpu_matrix_destroy,        \
        .matrix_bytes = which##_matrix_bytes, .operand_create = which##_operand_create,            \
        .operand_destroy = assay_cpu_operand_destroy, .operand_bytes = assay_cpu_operand_bytes,    \
        .operand_set = assay_cpu_operand_set, .product = assay_cpu_product,                        \
        .embed = assay_ref_embed, /* a few rows a step: no gain */                                 \
            .norm = assay_avx2_norm, .rotate = assay_avx2_rotate, .kv_store = assay_avx2_kv_store, \
        .attend = assay_##from##_attend, .swiglu = assay_##from##_swiglu,                          \
        .geglu = assay_##from##_geglu, .add = assay_##from##_add,                                  \
        .scale = assay_ref_scale, /* once a pass */                                                \
            .peak = assay_##which##_peak, .logit_max = assay_##from##_logit_max,                   \
        .weight_sums = assay_##from##_weight_sums,                                                 \
    }

const struct assay_backend assay_backend_avx2 = TABLE(avx2, avx2, "panel-8");
const struct assay_backend assay_backend_avx512 = TABLE(avx512, avx512, "panel-16");
const struct assay_backend assay_backend_vnni = TABLE(vnni, avx512, "panel-16");

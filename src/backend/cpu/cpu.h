/* The CPU backend: exact-1 on AVX2, FMA and F16C; on AVX-512; on AVX-512 with VNNI; and in plain C
 * on any machine. Each is a table of its own, and they share what is not worth writing twice. Only
 * files named after an instruction set are compiled for it, and nothing in them runs before
 * missing() has said that the machine has it. A further instruction set is a further set of such
 * files and another table. */
#ifndef ASSAY_BACKEND_CPU_H
#define ASSAY_BACKEND_CPU_H

#include "backend/backend.h"
#include "backend/block.h"
#include "base/team.h"

enum {
    ASSAY_CPU_TOKENS_MAX = 16, /* rows of activations that share a load of weights */
    ASSAY_CPU_ALONE = 8192 /* values below which a light operation is done before a team is awake */
};

/* A block of an activation row (1.5). */
struct assay_token_block {
    int8_t q[ASSAY_BLOCK];
    float d, xs;
    int32_t minus_sum, minus_low; /* −Σ q over the block, and over its first half */
};

/* Groups of rows: of token blocks, or of f32. */
struct assay_operand {
    const struct assay_cpu_isa *isa;
    size_t capacity_bytes, rows, columns;
    bool quantised;
    void *values;
};

/* One panel (panel.h) × a group of activations (operand.c): row r of the panel times activations t
 * goes to y[t·stride + r]. `elements` is the n of 1.6. */
typedef void assay_cpu_kernel(const void *panel, size_t elements, const void *x, size_t tokens,
                              float *y, size_t stride);

struct assay_cpu_isa {
    size_t lanes;  /* rows of a quantised panel */
    size_t tokens; /* rows of activations in a full group */
    /* Quantise `count` blocks of 32 values; the results lie `stride` blocks apart. */
    void (*quantise)(const float *x, size_t count, struct assay_token_block *out, size_t stride);
    assay_cpu_kernel *kernels[ASSAY_DTYPE_COUNT];
};

/* Rows of activations in the next group when `left` are left: a full group; or all of them, unless
 * there is no kernel for as many: then two groups that are about equal. */
static inline size_t assay_cpu_group(size_t full, size_t left)
{
    if (left >= full) return full;
    return left <= 8 ? left : (left + 1) / 2;
}

#define ASSAY_CPU_QUANTISED_KERNELS(isa)                                                           \
    assay_cpu_kernel assay_##isa##_tile_q4_0, assay_##isa##_tile_q4_1, assay_##isa##_tile_q5_0,    \
        assay_##isa##_tile_q5_1, assay_##isa##_tile_q8_0, assay_##isa##_tile_q4_k,                 \
        assay_##isa##_tile_q5_k, assay_##isa##_tile_q6_k
uint64_t assay_avx2_peak(uint64_t rounds), assay_avx512_peak(uint64_t rounds),
    assay_vnni_peak(uint64_t rounds);
ASSAY_CPU_QUANTISED_KERNELS(avx2);
ASSAY_CPU_QUANTISED_KERNELS(avx512);
ASSAY_CPU_QUANTISED_KERNELS(vnni);
ASSAY_CPU_QUANTISED_KERNELS(portable);
assay_cpu_kernel assay_avx2_tile_f32, assay_avx2_tile_f16, assay_avx2_tile_bf16;
assay_cpu_kernel assay_avx512_tile_f32, assay_avx512_tile_f16, assay_avx512_tile_bf16;
assay_cpu_kernel assay_portable_tile_f32, assay_portable_tile_f16, assay_portable_tile_bf16;

void assay_avx2_quantise(const float *x, size_t count, struct assay_token_block *out,
                         size_t stride);
void assay_avx512_quantise(const float *x, size_t count, struct assay_token_block *out,
                           size_t stride);
void assay_portable_quantise(const float *x, size_t count, struct assay_token_block *out,
                             size_t stride);

/* Run on the whole team, or alone where `count` values are not worth waking it. */
static inline void assay_cpu_run(struct assay_team *team, size_t count, assay_team_work *work,
                                 void *context)
{
    if (count < ASSAY_CPU_ALONE) {
        work(context, 0, 1);
    } else {
        assay_team_run(team, work, context);
    }
}

enum assay_status assay_cpu_matrix_create(const struct assay_cpu_isa *isa, struct assay_team *team,
                                          struct assay_matrix **out,
                                          const struct assay_tensor *tensor, const void *packed,
                                          struct assay_error *err);
void assay_cpu_matrix_destroy(struct assay_matrix *matrix);
uint64_t assay_cpu_matrix_bytes(const struct assay_cpu_isa *isa, const struct assay_tensor *tensor);
uint64_t assay_cpu_packed_bytes(const struct assay_cpu_isa *isa, const struct assay_tensor *tensor);
void assay_cpu_pack(const struct assay_cpu_isa *isa, struct assay_team *team,
                    const struct assay_tensor *tensor, void *to);
void assay_cpu_embed(struct assay_team *team, const struct assay_tensor *embedding,
                     const struct assay_matrix *matrix, const uint32_t *tokens, size_t rows,
                     float *y);
void assay_cpu_products(struct assay_team *team, const struct assay_product *products, size_t count,
                        const struct assay_operand *operand);

struct assay_operand *assay_cpu_operand_create(const struct assay_cpu_isa *isa, size_t rows,
                                               size_t columns);
void assay_cpu_operand_destroy(struct assay_operand *operand);
uint64_t assay_cpu_operand_bytes(size_t rows, size_t columns);
void assay_cpu_operand_set(struct assay_team *team, struct assay_operand *operand, const float *x,
                           size_t rows, size_t columns, bool quantised);

void assay_avx2_norm(struct assay_team *team, const float *x, const float *weight, float eps,
                     size_t rows, size_t width, float *y);
void assay_avx2_rotate(struct assay_team *team, float *x, size_t rows, uint32_t heads,
                       uint32_t head_dim, uint32_t rope_dims, bool adjacent, const float *table,
                       const struct assay_row_place *places);
void assay_avx2_kv_store(struct assay_team *team, const struct assay_kv_view *view,
                         const float *keys, const float *values, size_t rows,
                         const struct assay_row_place *places);
void assay_avx2_attend(struct assay_team *team, const struct assay_kv_view *view, const float *q,
                       uint32_t heads, size_t rows, const struct assay_row_place *places, float *y);
void assay_avx2_swiglu(struct assay_team *team, const float *gate, const float *up, size_t count,
                       float *y);
void assay_avx2_geglu(struct assay_team *team, const float *gate, const float *up, size_t count,
                      float *y);
void assay_avx2_add(struct assay_team *team, float *x, const float *y, size_t count);
float assay_avx2_logit_max(const float *logits, size_t vocab, bool *finite);
uint64_t assay_avx2_weight_sums(const float *logits, size_t vocab, float max, float inv_t,
                                uint64_t *sums);

void assay_avx512_attend(struct assay_team *team, const struct assay_kv_view *view, const float *q,
                         uint32_t heads, size_t rows, const struct assay_row_place *places,
                         float *y);
void assay_avx512_swiglu(struct assay_team *team, const float *gate, const float *up, size_t count,
                         float *y);
void assay_avx512_geglu(struct assay_team *team, const float *gate, const float *up, size_t count,
                        float *y);
void assay_avx512_add(struct assay_team *team, float *x, const float *y, size_t count);
float assay_avx512_logit_max(const float *logits, size_t vocab, bool *finite);
uint64_t assay_avx512_weight_sums(const float *logits, size_t vocab, float max, float inv_t,
                                  uint64_t *sums);

void *assay_cpu_alloc(size_t bytes);
uint64_t assay_cpu_alloc_bytes(uint64_t bytes);
void assay_cpu_free(void *memory);

#endif

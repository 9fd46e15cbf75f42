/* The CPU backend: exact-1 on AVX2, FMA and F16C. One kernel a file; the files named *_avx2.c, and
 * only they, are compiled for those instructions, and nothing in them runs before missing() has
 * said that the machine has them. A further instruction set is a further set of such files and a
 * second table. */
#ifndef ASSAY_BACKEND_CPU_H
#define ASSAY_BACKEND_CPU_H

#include "backend/backend.h"
#include "base/team.h"

enum {
    ASSAY_CPU_BLOCK = 32,  /* elements of a quantised block */
    ASSAY_CPU_LANES = 8,   /* rows of weights in the lanes of one vector */
    ASSAY_CPU_PANEL = 16,  /* rows of weights in the largest panel */
    ASSAY_CPU_TOKENS = 4,  /* rows of activations that share a load of weights */
    ASSAY_CPU_ALONE = 8192 /* values below which a light operation is done before a team is awake */
};

/* Weights: panels of 8 rows (16 for F32 and F16), the missing rows of the last one zeros. Within a
 * quantised block the elements lie 4 by 4: 32 bytes hold 4 elements of each of 8 rows. Scales stay
 * f16: a panel is no larger than its rows in the file.
 * nibbles[32j + 4r + i] is row r: element 8j + i low, 8j + 4 + i high. */
struct assay_panel_q4_1 {
    uint8_t nibbles[128];
    uint16_t scale[8], minimum[8];
};
struct assay_panel_q4_0 {
    uint8_t nibbles[128];
    uint16_t scale[8];
};
struct assay_panel_q8_0 {
    int8_t weights[256]; /* weights[32j + 4r + i] is row r, element 4j + i */
    uint16_t scale[8];
};
/* F16, F32: element-major, the 16 rows' values of one element side by side. */

/* A block of an activation row (1.5). */
struct assay_token_block {
    int8_t q[32];
    float d, xs;
    int32_t eight_s; /* 8·Σ q, what unsigned Q4_0 nibbles count too much */
    int32_t unused;
};

struct assay_operand {
    size_t capacity_bytes, rows, columns;
    bool quantised;
    void *values; /* rows × columns/32 token blocks, or rows × columns f32 */
};

/* One panel × up to ASSAY_CPU_TOKENS rows of activations, `stride` bytes apart: row r of the panel
 * times activations t goes to tile[t·(rows of a panel) + r].
 * `elements` is the n of 1.6. */
typedef void assay_cpu_kernel(const void *panel, size_t elements, const void *x, size_t stride,
                              size_t tokens, float *tile);
assay_cpu_kernel assay_cpu_tile_f32, assay_cpu_tile_f16, assay_cpu_tile_q4_0, assay_cpu_tile_q4_1,
    assay_cpu_tile_q8_0;
/* `count` blocks of 32 values. */
void assay_cpu_quantise(const float *x, size_t count, struct assay_token_block *out);

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

enum assay_status assay_cpu_matrix_create(struct assay_matrix **out,
                                          const struct assay_tensor *tensor,
                                          struct assay_error *err);
void assay_cpu_matrix_destroy(struct assay_matrix *matrix);
uint64_t assay_cpu_matrix_bytes(const struct assay_tensor *tensor);
void assay_cpu_product(struct assay_team *team, const struct assay_matrix *matrix,
                       const struct assay_operand *operand, float *y);

struct assay_operand *assay_cpu_operand_create(size_t rows, size_t columns);
void assay_cpu_operand_destroy(struct assay_operand *operand);
uint64_t assay_cpu_operand_bytes(size_t rows, size_t columns);
void assay_cpu_operand_set(struct assay_team *team, struct assay_operand *operand, const float *x,
                           size_t rows, size_t columns, bool quantised);

void assay_cpu_norm(struct assay_team *team, const float *x, const float *weight, float eps,
                    size_t rows, size_t width, float *y);
void assay_cpu_rotate(struct assay_team *team, float *x, size_t rows, uint32_t heads,
                      uint32_t head_dim, uint32_t rope_dims, bool adjacent, const float *table,
                      const struct assay_row_place *places);
void assay_cpu_kv_store(struct assay_team *team, const struct assay_kv_view *view,
                        const float *keys, const float *values, size_t rows,
                        const struct assay_row_place *places);
void assay_cpu_attend(struct assay_team *team, const struct assay_kv_view *view, const float *q,
                      uint32_t heads, size_t rows, const struct assay_row_place *places, float *y);
void assay_cpu_swiglu(struct assay_team *team, const float *gate, const float *up, size_t count,
                      float *y);
void assay_cpu_geglu(struct assay_team *team, const float *gate, const float *up, size_t count,
                     float *y);
void assay_cpu_add(struct assay_team *team, float *x, const float *y, size_t count);
float assay_cpu_logit_max(const float *logits, size_t vocab, bool *finite);
uint64_t assay_cpu_weight_sums(const float *logits, size_t vocab, float max, float inv_t,
                               uint64_t *sums);

void *assay_cpu_alloc(size_t bytes);
void assay_cpu_free(void *memory);

#endif

/* The judge: exact-1 (FORMAT.md 1) in plain C, one operation a file, in the order in which
 * FORMAT.md writes it. Nothing here is tuned; the team only splits independent outputs. Every other
 * backend is compared with this one bit for bit. */
#ifndef ASSAY_BACKEND_REF_H
#define ASSAY_BACKEND_REF_H

#include "backend/backend.h"
#include "backend/block.h"

enum assay_status assay_ref_matrix_create(struct assay_team *team, struct assay_matrix **out,
                                          const struct assay_tensor *tensor, const void *packed,
                                          struct assay_error *err);
void assay_ref_matrix_destroy(struct assay_matrix *matrix);
uint64_t assay_ref_matrix_bytes(const struct assay_tensor *tensor);
void assay_ref_products(struct assay_team *team, const struct assay_product *products, size_t count,
                        const struct assay_operand *operand);

struct assay_operand *assay_ref_operand_create(size_t rows, size_t columns);
void assay_ref_operand_destroy(struct assay_operand *operand);
uint64_t assay_ref_operand_bytes(size_t rows, size_t columns);
void assay_ref_operand_set(struct assay_team *team, struct assay_operand *operand, const float *x,
                           size_t rows, size_t columns, bool quantised);

/* The 32 values of a block (1.7). */
void assay_ref_widen(enum assay_dtype dtype, const struct assay_block *block, float *y);
void assay_ref_embed(struct assay_team *team, const struct assay_tensor *embedding,
                     const struct assay_matrix *matrix, const uint32_t *tokens, size_t rows,
                     float *y);
void assay_ref_norm(struct assay_team *team, const float *x, const float *weight, float eps,
                    size_t rows, size_t width, float *y);
void assay_ref_rotate(struct assay_team *team, float *x, size_t rows, uint32_t heads,
                      uint32_t head_dim, uint32_t rope_dims, bool adjacent, const float *table,
                      const struct assay_row_place *places);
void assay_ref_kv_store(struct assay_team *team, const struct assay_kv_view *view,
                        const float *keys, const float *values, size_t rows,
                        const struct assay_row_place *places);
void assay_ref_attend(struct assay_team *team, const struct assay_kv_view *view, const float *q,
                      uint32_t heads, size_t rows, const struct assay_row_place *places, float *y);
void assay_ref_swiglu(struct assay_team *team, const float *gate, const float *up, size_t count,
                      float *y);
void assay_ref_geglu(struct assay_team *team, const float *gate, const float *up, size_t count,
                     float *y);
void assay_ref_add(struct assay_team *team, float *x, const float *y, size_t count);
void assay_ref_scale(struct assay_team *team, float *x, float factor, size_t count);
float assay_ref_logit_max(const float *logits, size_t vocab, bool *finite);
uint64_t assay_ref_weight_sums(const float *logits, size_t vocab, float max, float inv_t,
                               uint64_t *sums);

/* The 16 partial sums of 1.8 folded to one: h = 8, 4, 2, 1. */
float assay_ref_fold(float s[16]);

#endif

/* A model's weights in a backend's own layout, and its RoPE table. */
#ifndef ASSAY_ENGINE_WEIGHTS_H
#define ASSAY_ENGINE_WEIGHTS_H

#include "assay/session.h"
#include "backend/backend.h"

struct assay_weight {
    struct assay_matrix *matrix;
    size_t rows, columns;
    bool quantised; /* whether its operand must be (1.6) */
};

struct assay_layer_weights {
    float *attn_norm, *ffn_norm; /* [width] */
    /* NULL where the architecture has none (FORMAT.md 1.10). */
    float *q_bias, *k_bias, *v_bias;       /* [heads × head_dim], [kv_heads × head_dim] */
    float *q_norm, *k_norm;                /* [head_dim] */
    float *attn_post_norm, *ffn_post_norm; /* [width] */
    struct assay_weight q, k, v, o, gate, up, down;
};

struct assay_weights {
    const struct assay_backend *backend;
    struct assay_panels *panels;          /* that the matrices lie in; NULL: each has its own */
    const struct assay_tensor *embedding; /* lent by the model */
    struct assay_layer_weights *layers;   /* [layer_count] */
    uint32_t layer_count;
    float *output_norm; /* [width] */
    struct assay_weight output;
    bool tied;          /* the output's matrix is the embedding */
    float *rope;        /* [context][rope_dims/2][cos, sin] of the layers that see everything */
    float *window_rope; /* of those with a window; NULL where no layer has one */
};

/* Make all of it for positions 0 … context−1; the model outlives it. What was made before a failure
 * is released again. A cache (NULL: none) that cannot be had is gone without. */
ASSAY_MUST_CHECK enum assay_status
assay_weights_init(struct assay_weights *weights, const struct assay_model *model,
                   const struct assay_backend *backend, const struct assay_panel_cache *cache,
                   struct assay_team *team, uint32_t context, struct assay_error *err);
/* What they take without a cache; of that, what a cache would hold. */
uint64_t assay_weights_bytes(const struct assay_model *model, const struct assay_backend *backend,
                             uint32_t context);
uint64_t assay_weights_packed_bytes(const struct assay_model *model,
                                    const struct assay_backend *backend);
void assay_weights_fini(struct assay_weights *weights); /* zeroed is fine */

#endif

/* The forward pass of FORMAT.md 1.10, written once for every backend on its table of operations. */
#ifndef ASSAY_ENGINE_FORWARD_H
#define ASSAY_ENGINE_FORWARD_H

#include "assay/session.h"
#include "backend/backend.h"

struct assay_forward; /* owns the weights in the backend's layout and the activations of a pass */

/* For passes of at most `rows` rows and heads of at most `head_rows`, at positions below `context`.
 * Model and team outlive it. */
ASSAY_MUST_CHECK enum assay_status
assay_forward_open(struct assay_forward **out, const struct assay_model *model,
                   const struct assay_backend *backend, const struct assay_panel_cache *cache,
                   struct assay_team *team, size_t rows, size_t head_rows, uint32_t context,
                   struct assay_error *err);
/* What it takes besides the weights. */
uint64_t assay_forward_bytes(const struct assay_model *model, const struct assay_backend *backend,
                             size_t rows, size_t head_rows);
void assay_forward_close(struct assay_forward *forward); /* NULL is fine */

/* The rows of one pass: tokens of any mixture of sequences, each at its place. A sequence's rows
 * may be anywhere in the pass and in any number: every layer stores the keys and values of all rows
 * before any row attends. Everything a row attends to is stored by this pass or by one before. */
struct assay_pass {
    const uint32_t *tokens;
    const struct assay_row_place *places;
    size_t rows;
};

/* All layers; the rows' results stay in `forward` for the head. */
void assay_forward_layers(struct assay_forward *forward, const struct assay_pass *pass);
/* Logits of `count` ≤ head_rows of the last pass's rows: count × vocab, lent until the next call.
 */
const float *assay_forward_head(struct assay_forward *forward, const size_t *rows, size_t count);

#endif

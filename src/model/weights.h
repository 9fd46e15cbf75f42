/* The tensors of a model, each found by name and checked against the hyperparameters. */
#ifndef ASSAY_MODEL_WEIGHTS_H
#define ASSAY_MODEL_WEIGHTS_H

#include "model/shards.h"

struct assay_arena;

/* Every tensor of the architecture must be there in its shape, norms and rope factors as F32; any
 * further tensor is EUNSUPPORTED, since a pass that leaves one out is another model. Names and data
 * are lent from the GGUF; layers and rope factors lie in the arena. hyper->vocab is set. */
ASSAY_MUST_CHECK enum assay_status assay_weights_bind(struct assay_model_tensors *out,
                                                      const struct assay_hyper *hyper,
                                                      const struct assay_shards *shards,
                                                      struct assay_arena *arena,
                                                      struct assay_error *err);

#endif

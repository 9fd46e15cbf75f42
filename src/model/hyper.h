/* Hyperparameters from a model file's metadata. */
#ifndef ASSAY_MODEL_HYPER_H
#define ASSAY_MODEL_HYPER_H

#include "model/gguf.h"

/* Sane bounds; a file outside of them is refused rather than believed. */
enum {
    ASSAY_LAYERS_MAX = 1024,
    ASSAY_WIDTH_MAX = 1 << 17,
    ASSAY_FFN_WIDTH_MAX = 1 << 20,
    ASSAY_HEADS_MAX = 1024,
    ASSAY_HEAD_DIM_MAX = 1024,
    ASSAY_VOCAB_MAX = 1 << 20,
    ASSAY_CONTEXT_MAX = 1 << 20 /* FORMAT.md 1.4: positions are below 2^20 */
};

struct assay_arena;

/* Read and check them. Whatever may change the forward pass and is not implemented is
 * EUNSUPPORTED, also an unknown key under the architecture's name. `vocab` is left 0 unless the
 * file states it: the tokenizer decides. Texts are copied into the arena. */
ASSAY_MUST_CHECK enum assay_status assay_hyper_read(struct assay_hyper *out,
                                                    const struct assay_gguf *gguf,
                                                    struct assay_arena *arena,
                                                    struct assay_error *err);

#endif

/* SentencePiece of kind BPE, with bytes for what has no token: text without special tokens into
 * tokens. The definition: google/sentencepiece, bpe_model.cc. */
#ifndef ASSAY_MODEL_SPM_H
#define ASSAY_MODEL_SPM_H

#include "model/vocab.h"

struct assay_arena;
struct assay_bytes;
struct assay_spm; /* used by one thread at a time */

/* From tokenizer.ggml.scores and .add_space_prefix; the vocabulary and the arena must outlive it.
 * EFORMAT where a score is NaN or one of the 256 bytes has no token. */
ASSAY_MUST_CHECK enum assay_status assay_spm_create(struct assay_spm **out,
                                                    const struct assay_gguf *gguf,
                                                    const struct assay_vocab *vocab,
                                                    struct assay_arena *arena,
                                                    struct assay_error *err);
void assay_spm_destroy(struct assay_spm *spm); /* NULL is fine */
/* Append the tokens of `text` (any bytes), in front of which a space is put if the file wants it. A
 * failure may leave some of them. */
ASSAY_MUST_CHECK enum assay_status assay_spm_encode(struct assay_spm *spm, const char *text,
                                                    size_t size, struct assay_bytes *tokens,
                                                    struct assay_error *err);

#endif

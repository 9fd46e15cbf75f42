/* The tokenizer of a model file; the public verbs are in assay/model.h. */
#ifndef ASSAY_MODEL_TOKENIZER_H
#define ASSAY_MODEL_TOKENIZER_H

#include "model/gguf.h"
#include "model/vocab.h"

struct assay_arena;

enum { ASSAY_ENCODE_BYTES_MAX = 1 << 30 }; /* of one text */

/* From the tokenizer.ggml.* keys; `arena` and the GGUF's bytes must outlive it. EUNSUPPORTED for
 * another model than gpt2 and llama, and for settings that would put a token behind every text. */
ASSAY_MUST_CHECK enum assay_status assay_tokenizer_create(struct assay_tokenizer **out,
                                                          const struct assay_gguf *gguf,
                                                          struct assay_arena *arena,
                                                          struct assay_error *err);
void assay_tokenizer_destroy(struct assay_tokenizer *tokenizer); /* NULL is fine */
const struct assay_vocab *assay_tokenizer_vocabulary(const struct assay_tokenizer *tokenizer);

#endif

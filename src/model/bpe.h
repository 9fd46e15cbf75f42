/* Byte-level BPE: text without special tokens into the tokens of its merged words. */
#ifndef ASSAY_MODEL_BPE_H
#define ASSAY_MODEL_BPE_H

#include "model/vocab.h"

struct assay_arena;
struct assay_bytes;
struct assay_bpe; /* used by one thread at a time */

/* What is remembered with its tokens: so many words, and so many whole texts. Powers of two; 0:
 * none. */
struct assay_bpe_memory {
    size_t words, texts;
};
/* Nine in ten words of a text were in one before it, and what stands around an item's text is the
 * same in each prompt. */
#define ASSAY_BPE_MEMORY ((struct assay_bpe_memory){.words = 1 << 15, .texts = 1 << 6})

/* From tokenizer.ggml.pre and .merges; vocabulary, arena and the GGUF's bytes must outlive it. */
ASSAY_MUST_CHECK enum assay_status
assay_bpe_create(struct assay_bpe **out, const struct assay_gguf *gguf,
                 const struct assay_vocab *vocab, struct assay_bpe_memory memory,
                 struct assay_arena *arena, struct assay_error *err);
void assay_bpe_destroy(struct assay_bpe *bpe); /* NULL is fine */
/* Append the tokens of `text`. A failure may leave some of them. */
ASSAY_MUST_CHECK enum assay_status assay_bpe_encode(struct assay_bpe *bpe, const char *text,
                                                    size_t size, struct assay_bytes *tokens,
                                                    struct assay_error *err);
bool assay_bpe_is_llama3(const struct assay_bpe *bpe); /* false for NULL */

#endif

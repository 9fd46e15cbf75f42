/* Merges of a BPE tokenizer: which pairs of tokens join, in which order. */
#ifndef ASSAY_MODEL_MERGES_H
#define ASSAY_MODEL_MERGES_H

#include "model/vocab.h"

struct assay_merge {
    uint32_t left, right, result, rank; /* result ASSAY_NO_TOKEN: an empty slot */
};

struct assay_merges {
    struct assay_merge *slots; /* hash table over (left, right) */
    size_t slot_count;         /* a power of two */
};

/* From tokenizer.ggml.merges. Both parts of a merge and their concatenation must be normal tokens,
 * and no pair may be there twice; else EFORMAT. */
ASSAY_MUST_CHECK enum assay_status assay_merges_read(struct assay_merges *out,
                                                     const struct assay_gguf *gguf,
                                                     const struct assay_vocab *vocab,
                                                     struct assay_arena *arena,
                                                     struct assay_error *err);

/* Room to work in, which grows with the longest word. Zero-initialise. */
struct assay_merge_room {
    struct assay_symbol *symbols;
    struct assay_candidate *heap;
    size_t capacity;
};
void assay_merge_room_fini(struct assay_merge_room *room);

/* Merge the tokens of a word's bytes: of all pairs that have a merge the one of lowest rank joins
 * first, the leftmost among equals, until none is left. `tokens` is changed in place, *count
 * shrinks. O(n log n). */
ASSAY_MUST_CHECK enum assay_status assay_merges_apply(const struct assay_merges *merges,
                                                      struct assay_merge_room *room,
                                                      uint32_t *tokens, size_t *count,
                                                      struct assay_error *err);

#endif

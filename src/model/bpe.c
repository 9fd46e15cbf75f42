/* Text is split into words (split.h), a word's bytes become tokens, and these are merged
 * (merges.h). A byte that has no token in the vocabulary is left out, as in `tokenizers` (there is
 * none for 21 bytes of SmolLM2's vocabulary, most of which are in no UTF-8 text). */
#include "model/bpe.h"

#include "base/bytes.h"
#include "model/merges.h"
#include "model/split.h"

#include <stdlib.h>

struct assay_bpe {
    const struct assay_vocab *vocab;
    struct assay_merges merges;
    struct assay_split *split;
    struct assay_merge_room room;
    uint32_t *word; /* tokens of the word at hand */
    size_t word_capacity;
};

enum assay_status assay_bpe_create(struct assay_bpe **out, const struct assay_gguf *gguf,
                                   const struct assay_vocab *vocab, struct assay_arena *arena,
                                   struct assay_error *err)
{
    struct assay_gguf_text pre = {0};
    enum assay_status status =
        assay_gguf_get_text(gguf, "tokenizer.ggml.pre", ASSAY_GGUF_REQUIRED, &pre, err);
    if (status) return status;
    struct assay_bpe *bpe = calloc(1, sizeof *bpe);
    if (!bpe) return assay_fail(err, ASSAY_EMEMORY, "no memory for a tokenizer");
    bpe->vocab = vocab;
    status = assay_merges_read(&bpe->merges, gguf, vocab, arena, err);
    if (!status) status = assay_split_create(&bpe->split, pre.data, pre.size, err);
    if (status) {
        assay_bpe_destroy(bpe);
        return status;
    }
    *out = bpe;
    return ASSAY_OK;
}

void assay_bpe_destroy(struct assay_bpe *bpe)
{
    if (!bpe) return;
    assay_split_destroy(bpe->split);
    assay_merge_room_fini(&bpe->room);
    free(bpe->word);
    free(bpe);
}

bool assay_bpe_is_llama3(const struct assay_bpe *bpe)
{
    return bpe && assay_split_is_llama3(bpe->split);
}

struct encoding {
    struct assay_bpe *bpe;
    struct assay_bytes *tokens;
};

static enum assay_status reserve_word(struct assay_bpe *bpe, size_t size, struct assay_error *err)
{
    if (size <= bpe->word_capacity) return ASSAY_OK;
    uint32_t *word = realloc(bpe->word, 2 * size * sizeof *word);
    if (!word) return assay_fail(err, ASSAY_EMEMORY, "no memory for a word of %zu bytes", size);
    bpe->word = word;
    bpe->word_capacity = 2 * size;
    return ASSAY_OK;
}

static enum assay_status encode_word(void *context, const char *data, size_t size,
                                     struct assay_error *err)
{
    const struct encoding *encoding = context;
    struct assay_bpe *bpe = encoding->bpe;
    enum assay_status status = reserve_word(bpe, size, err);
    if (status) return status;
    /* Llama 3's vocabulary has words that its merges do not lead to. */
    uint32_t whole =
        assay_bpe_is_llama3(bpe) ? assay_vocab_find(bpe->vocab, data, size) : ASSAY_NO_TOKEN;
    if (whole != ASSAY_NO_TOKEN) {
        return assay_bytes_append(encoding->tokens, &whole, sizeof whole, err);
    }
    size_t count = 0;
    for (size_t i = 0; i < size; i++) {
        uint32_t token = bpe->vocab->bytes[(uint8_t)data[i]];
        if (token != ASSAY_NO_TOKEN) bpe->word[count++] = token;
    }
    status = assay_merges_apply(&bpe->merges, &bpe->room, bpe->word, &count, err);
    if (status) return status;
    return assay_bytes_append(encoding->tokens, bpe->word, count * sizeof *bpe->word, err);
}

enum assay_status assay_bpe_encode(struct assay_bpe *bpe, const char *text, size_t size,
                                   struct assay_bytes *tokens, struct assay_error *err)
{
    struct encoding encoding = {bpe, tokens};
    return assay_split_text(bpe->split, text, size, encode_word, &encoding, err);
}

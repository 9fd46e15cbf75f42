/* Text is split into words (split.h), a word's bytes become tokens, and these are merged
 * (merges.h). A byte that has no token in the vocabulary is left out, as in `tokenizers` (there is
 * none for 21 bytes of SmolLM2's vocabulary, most of which are in no UTF-8 text). */
#include "model/bpe.h"

#include "base/bytes.h"
#include "model/memo.h"
#include "model/merges.h"
#include "model/split.h"

#include <stdlib.h>

/* The longest of each that are remembered. */
enum { WORD_BYTES = 24, WORD_TOKENS = 6, TEXT_BYTES = 1024, TEXT_TOKENS = 256 };

struct assay_bpe {
    const struct assay_vocab *vocab;
    struct assay_merges merges;
    struct assay_split *split;
    struct assay_merge_room room;
    struct assay_memo *words, *texts; /* texts: those between special tokens */
    uint32_t *word;                   /* tokens of the word at hand */
    size_t word_capacity;
};

enum assay_status assay_bpe_create(struct assay_bpe **out, const struct assay_gguf *gguf,
                                   const struct assay_vocab *vocab, struct assay_bpe_memory memory,
                                   struct assay_arena *arena, struct assay_error *err)
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
    if (!status && memory.words > 0) {
        status = assay_memo_create(&bpe->words, memory.words, WORD_BYTES, WORD_TOKENS, err);
    }
    if (!status && memory.texts > 0) {
        status = assay_memo_create(&bpe->texts, memory.texts, TEXT_BYTES, TEXT_TOKENS, err);
    }
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
    assay_memo_destroy(bpe->words);
    assay_memo_destroy(bpe->texts);
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
    size_t count = 0;
    const uint32_t *known = assay_memo_find(bpe->words, data, size, &count);
    if (known) return assay_bytes_append(encoding->tokens, known, count * sizeof *known, err);
    enum assay_status status = reserve_word(bpe, size, err);
    if (status) return status;
    /* Llama 3's vocabulary has words that its merges do not lead to. */
    uint32_t whole =
        assay_bpe_is_llama3(bpe) ? assay_vocab_find(bpe->vocab, data, size) : ASSAY_NO_TOKEN;
    if (whole != ASSAY_NO_TOKEN) {
        return assay_bytes_append(encoding->tokens, &whole, sizeof whole, err);
    }
    for (size_t i = 0; i < size; i++) {
        uint32_t token = bpe->vocab->bytes[(uint8_t)data[i]];
        if (token != ASSAY_NO_TOKEN) bpe->word[count++] = token;
    }
    status = assay_merges_apply(&bpe->merges, &bpe->room, bpe->word, &count, err);
    if (status) return status;
    assay_memo_keep(bpe->words, data, size, bpe->word, count);
    return assay_bytes_append(encoding->tokens, bpe->word, count * sizeof *bpe->word, err);
}

enum assay_status assay_bpe_encode(struct assay_bpe *bpe, const char *text, size_t size,
                                   struct assay_bytes *tokens, struct assay_error *err)
{
    struct encoding encoding = {bpe, tokens};
    size_t count = 0, before = tokens->size;
    const uint32_t *known = assay_memo_find(bpe->texts, text, size, &count);
    if (known) return assay_bytes_append(tokens, known, count * sizeof *known, err);
    enum assay_status status =
        assay_split_text(bpe->split, text, size, encode_word, &encoding, err);
    if (status || !tokens->data) return status;
    assay_memo_keep(bpe->texts, text, size, tokens->data + before,
                    (tokens->size - before) / sizeof *known);
    return ASSAY_OK;
}

/* Fuzz target: any bytes through a tokenizer, and back. The first byte chooses: bit 0 SentencePiece
 * in the place of byte-level BPE, bit 1 the texts of control tokens, bits 2 and 3 the splits, bits
 * 4 and 5 how much a second BPE remembers, which is given the text line by line, twice: so little
 * that words and lines drive each other out. Whatever is remembered, the tokens are those of a BPE
 * that remembers nothing. Both vocabularies have every byte, so that what the tokens say is the
 * text. */
#include "base/arena.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "harness/gguf_image.h"
#include "model/bpe.h"
#include "model/gguf.h"
#include "model/tokenizer.h"

#include <string.h>

enum { PRES = 4, KINDS = PRES + 1 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Made once, and never freed. */
struct kind {
    struct assay_bytes image;
    struct assay_arena arena;
    struct assay_gguf *gguf;
    struct assay_tokenizer *tokenizer;
    struct assay_bpe *forgetful; /* NULL for SentencePiece */
};

static struct assay_bpe *bpe_of(struct kind *kind, struct assay_bpe_memory memory,
                                struct assay_arena *arena)
{
    struct assay_bpe *bpe = NULL;
    const struct assay_vocab *vocab = assay_tokenizer_vocabulary(kind->tokenizer);
    ASSAY_ASSERT(assay_bpe_create(&bpe, kind->gguf, vocab, memory, arena, NULL) == ASSAY_OK);
    return bpe;
}

static struct kind *kind_of(unsigned number)
{
    static const char *const pres[PRES] = {"smollm", "qwen2", "llama-bpe", "default"};
    static struct kind kinds[KINDS];
    struct kind *kind = &kinds[number];
    if (kind->tokenizer) return kind;
    const struct assay_test_gguf_options options = {.pre = number < PRES ? pres[number] : NULL,
                                                    .sentence_piece = number == PRES};
    struct assay_gguf_image image = {0};
    assay_test_gguf_keys(&image, &options);
    ASSAY_ASSERT(assay_gguf_image_finish(&image, &kind->image, NULL) == ASSAY_OK);
    assay_gguf_image_fini(&image);
    ASSAY_ASSERT(assay_gguf_parse(&kind->gguf, kind->image.data, kind->image.size, NULL) ==
                 ASSAY_OK);
    ASSAY_ASSERT(assay_tokenizer_create(&kind->tokenizer, kind->gguf, &kind->arena, NULL) ==
                 ASSAY_OK);
    if (number < PRES) {
        kind->forgetful = bpe_of(kind, (struct assay_bpe_memory){0, 0}, &kind->arena);
    }
    return kind;
}

static void check_same(const struct assay_bytes *a, const struct assay_bytes *b)
{
    ASSAY_ASSERT(a->size == b->size && (a->size == 0 || !memcmp(a->data, b->data, a->size)));
}

static void check_text(const struct kind *kind, const struct assay_bytes *tokens, const char *data,
                       size_t size)
{
    static struct assay_bytes text, expected; /* only grow */
    assay_bytes_clear(&text);
    for (size_t i = 0; i < tokens->size; i += sizeof(uint32_t)) {
        const char *piece;
        size_t piece_size;
        uint32_t token;
        memcpy(&token, tokens->data + i, sizeof token);
        assay_tokenizer_piece(kind->tokenizer, token, true, &piece, &piece_size);
        ASSAY_ASSERT(assay_bytes_append(&text, piece, piece_size, NULL) == ASSAY_OK);
    }
    assay_bytes_clear(&expected);
    ASSAY_ASSERT(assay_bytes_reserve(&expected, size + 1, NULL) == ASSAY_OK);
    if (kind->forgetful) {
        memcpy(expected.data, data, size);
        expected.size = size;
    } else {
        expected.size = assay_vocab_unescape(data, size, (char *)expected.data);
    }
    check_same(&text, &expected);
}

static void check_memory(struct kind *kind, struct assay_bpe_memory memory, const char *data,
                         size_t size)
{
    static struct assay_bytes remembered, computed; /* only grow */
    struct assay_arena arena = {0};
    struct assay_bpe *bpe = bpe_of(kind, memory, &arena);
    for (unsigned round = 0; round < 2; round++) {
        for (size_t at = 0, line; at < size; at += line) {
            const char *end = memchr(data + at, '\n', size - at);
            line = end ? (size_t)(end + 1 - (data + at)) : size - at;
            assay_bytes_clear(&remembered);
            assay_bytes_clear(&computed);
            ASSAY_ASSERT(assay_bpe_encode(bpe, data + at, line, &remembered, NULL) == ASSAY_OK);
            ASSAY_ASSERT(assay_bpe_encode(kind->forgetful, data + at, line, &computed, NULL) ==
                         ASSAY_OK);
            check_same(&remembered, &computed);
        }
    }
    assay_bpe_destroy(bpe);
    assay_arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct assay_bpe_memory memories[] = {{1, 0}, {1, 1}, {4, 2}, {64, 8}};
    static struct assay_bytes tokens, computed; /* only grow */
    if (size < 1) return 0;
    uint8_t choice = data[0];
    const char *text = (const char *)data + 1;
    struct kind *kind = kind_of(choice & 1 ? PRES : choice >> 2 & 3u);
    size--;
    assay_bytes_clear(&tokens);
    ASSAY_ASSERT(assay_tokenizer_encode(kind->tokenizer, text, size, choice & 2, &tokens, NULL) ==
                 ASSAY_OK);
    check_text(kind, &tokens, text, size);
    if (!kind->forgetful) return 0;
    check_memory(kind, memories[choice >> 4 & 3u], text, size);
    if (choice & 2) return 0;
    assay_bytes_clear(&computed);
    ASSAY_ASSERT(size == 0 ||
                 assay_bpe_encode(kind->forgetful, text, size, &computed, NULL) == ASSAY_OK);
    check_same(&tokens, &computed);
    return 0;
}

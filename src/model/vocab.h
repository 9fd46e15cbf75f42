/* The tokens of a vocabulary: their bytes, their kinds, and the way back from bytes to a token. */
#ifndef ASSAY_MODEL_VOCAB_H
#define ASSAY_MODEL_VOCAB_H

#include "model/gguf.h"

#define ASSAY_NO_TOKEN UINT32_MAX

/* Values of tokenizer.ggml.token_type. */
enum assay_token_type {
    ASSAY_TOKEN_NORMAL = 1,
    ASSAY_TOKEN_UNKNOWN = 2, /* treated as a control token, like llama.cpp */
    ASSAY_TOKEN_CONTROL = 3,
    ASSAY_TOKEN_USER_DEFINED = 4,
    ASSAY_TOKEN_UNUSED = 5,
    ASSAY_TOKEN_BYTE = 6 /* "<0x41>", in SentencePiece vocabularies only */
};

/* How a file writes the bytes of its tokens. */
enum assay_vocab_form {
    ASSAY_VOCAB_BYTE_LEVEL,    /* GPT-2's printable characters stand for bytes */
    ASSAY_VOCAB_SENTENCE_PIECE /* U+2581 stands for a space */
};

struct assay_token {
    const char *data; /* a normal or byte token's bytes; of any other its text as in the file, in
                         SentencePiece vocabularies with spaces for U+2581 */
    uint32_t size;
    enum assay_token_type type;
};

struct assay_vocab {
    uint32_t count;
    const struct assay_token *tokens;
    uint32_t bytes[256]; /* the token of a single byte, or ASSAY_NO_TOKEN: not all vocabularies have
                            one for bytes that text seldom holds */
    uint32_t *slots;     /* hash table over the bytes of the normal tokens; ASSAY_NO_TOKEN: empty */
    size_t slot_count;   /* a power of two */
    uint32_t longest;    /* bytes of the longest normal token */
};

struct assay_arena;

/* From tokenizer.ggml.tokens and .token_type. Everything lies in the arena. Empty tokens and normal
 * tokens of the same bytes are EFORMAT. */
ASSAY_MUST_CHECK enum assay_status
assay_vocab_read(struct assay_vocab *out, enum assay_vocab_form form, const struct assay_gguf *gguf,
                 struct assay_arena *arena, struct assay_error *err);

/* The normal token with these bytes, or ASSAY_NO_TOKEN. */
uint32_t assay_vocab_find(const struct assay_vocab *vocab, const char *data, size_t size);
/* The control token with this text, or ASSAY_NO_TOKEN. Walks the vocabulary. */
uint32_t assay_vocab_find_control(const struct assay_vocab *vocab, const char *text);

/* Bytes of a token's text as it stands in the file, where GPT-2's printable characters stand for
 * bytes (openai/gpt-2, encoder.py, bytes_to_unicode). `to` has room for `size` bytes. False if
 * another character is in it. */
bool assay_vocab_decode(const char *text, size_t size, char *to, size_t *decoded);

/* A copy with a space for each U+2581; `to` has room for `size` bytes. Returns how many it has. */
size_t assay_vocab_unescape(const char *text, size_t size, char *to);

#endif

/* Text to tokens: special tokens are cut out first, the leftmost and among these the longest; what
 * lies between is for one of two algorithms, byte-level BPE (bpe.h) or SentencePiece (spm.h). */
#include "model/tokenizer.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "base/text.h"
#include "model/bpe.h"
#include "model/spm.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { ENDS_MAX = 8, QUOTE_BYTES = 96 };

struct assay_tokenizer {
    struct assay_vocab vocab;
    struct assay_bpe *bpe; /* one of the two */
    struct assay_spm *spm;
    uint32_t *specials;          /* matched in text: by first byte, longest first */
    uint32_t special_first[257]; /* those with first byte b are special_first[b] … [b + 1] − 1 */
    uint32_t ends[ENDS_MAX];
    size_t end_count;
    uint32_t begin;         /* in front of every prompt, or ASSAY_NO_TOKEN */
    pthread_mutex_t *mutex; /* over what encoding changes; the rest is constant */
};

/* --- making one --- */

/* "gpt2" or "llama", as the files call them. */
static enum assay_status read_form(const struct assay_gguf *gguf, enum assay_vocab_form *out,
                                   struct assay_error *err)
{
    static const char *const names[] = {
        [ASSAY_VOCAB_BYTE_LEVEL] = "gpt2", [ASSAY_VOCAB_SENTENCE_PIECE] = "llama"};
    struct assay_gguf_text model = {0};
    char quoted[QUOTE_BYTES];
    enum assay_status status =
        assay_gguf_get_text(gguf, "tokenizer.ggml.model", ASSAY_GGUF_REQUIRED, &model, err);
    if (status) return status;
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (model.size == strlen(names[i]) && memcmp(model.data, names[i], model.size) == 0) {
            *out = (enum assay_vocab_form)i;
            return ASSAY_OK;
        }
    }
    return assay_fail(err, ASSAY_EUNSUPPORTED,
                      "tokenizer %s is not supported; supported are gpt2 and llama",
                      assay_text_quote(quoted, sizeof quoted, model.data, model.size));
}

static enum assay_status check_off(const struct assay_gguf *gguf, enum assay_vocab_form form,
                                   struct assay_error *err)
{
    static const char *const off[] = {"tokenizer.ggml.add_eos_token",
                                      "tokenizer.ggml.add_sep_token",
                                      "tokenizer.ggml.add_space_prefix"};
    size_t count = sizeof off / sizeof off[0] - (form == ASSAY_VOCAB_SENTENCE_PIECE);
    for (size_t i = 0; i < count; i++) {
        bool on = false;
        enum assay_status status = assay_gguf_get_bool(gguf, off[i], ASSAY_GGUF_OPTIONAL, &on, err);
        if (status) return status;
        if (on) {
            return assay_fail(err, ASSAY_EUNSUPPORTED, "key %s is true; supported is false",
                              off[i]);
        }
    }
    return ASSAY_OK;
}

/* *out stays as it was where the file has no such key. */
static enum assay_status read_token_key(const struct assay_tokenizer *tokenizer,
                                        const struct assay_gguf *gguf, const char *key,
                                        uint32_t *out, struct assay_error *err)
{
    uint32_t token = 0;
    enum assay_status status = assay_gguf_get_u32(gguf, key, ASSAY_GGUF_OPTIONAL, &token, err);
    if (status || !assay_gguf_has(gguf, key)) return status;
    if (token >= tokenizer->vocab.count) {
        return assay_fail(err, ASSAY_EFORMAT, "key %s is %u; there are %u tokens", key, token,
                          tokenizer->vocab.count);
    }
    *out = token;
    return ASSAY_OK;
}

/* A file that does not say so has a begin token if its family's texts always begin with one:
 * SentencePiece and Llama 3, as in llama.cpp. */
static enum assay_status read_begin(struct assay_tokenizer *tokenizer,
                                    const struct assay_gguf *gguf, struct assay_error *err)
{
    bool add = tokenizer->spm != NULL || assay_bpe_is_llama3(tokenizer->bpe);
    uint32_t token = ASSAY_NO_TOKEN;
    tokenizer->begin = ASSAY_NO_TOKEN;
    enum assay_status status =
        assay_gguf_get_bool(gguf, "tokenizer.ggml.add_bos_token", ASSAY_GGUF_OPTIONAL, &add, err);
    if (status) return status;
    status = read_token_key(tokenizer, gguf, "tokenizer.ggml.bos_token_id", &token, err);
    if (status || !add) return status;
    if (token == ASSAY_NO_TOKEN) {
        return assay_fail(err, ASSAY_EFORMAT,
                          "a token is to stand in front of every text, but there is no key "
                          "tokenizer.ggml.bos_token_id");
    }
    tokenizer->begin = token;
    return ASSAY_OK;
}

static void add_end(struct assay_tokenizer *tokenizer, uint32_t token)
{
    if (token == ASSAY_NO_TOKEN) return;
    ASSAY_ASSERT(tokenizer->end_count < ENDS_MAX);
    tokenizer->ends[tokenizer->end_count++] = token;
}

/* FORMAT.md 2.5. */
static enum assay_status read_ends(struct assay_tokenizer *tokenizer, const struct assay_gguf *gguf,
                                   struct assay_error *err)
{
    static const char *const keys[] = {"tokenizer.ggml.eos_token_id",
                                       "tokenizer.ggml.eot_token_id"};
    static const char *const texts[] = {"<|im_end|>", "<|endoftext|>",   "<|eot_id|>",
                                        "<|eom_id|>", "<|end_of_text|>", "<end_of_turn>"};
    _Static_assert(sizeof keys / sizeof keys[0] + sizeof texts / sizeof texts[0] <= ENDS_MAX,
                   "room for all ends");
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        uint32_t token = ASSAY_NO_TOKEN;
        enum assay_status status = read_token_key(tokenizer, gguf, keys[i], &token, err);
        if (status) return status;
        add_end(tokenizer, token);
    }
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        add_end(tokenizer, assay_vocab_find_control(&tokenizer->vocab, texts[i]));
    }
    return ASSAY_OK;
}

static bool is_control(const struct assay_token *token)
{
    return token->type == ASSAY_TOKEN_CONTROL || token->type == ASSAY_TOKEN_UNKNOWN;
}

static bool is_special(const struct assay_token *token)
{
    return is_control(token) || token->type == ASSAY_TOKEN_USER_DEFINED;
}

/* To be sorted: qsort gives its comparison no context. */
struct special {
    const char *data;
    uint32_t size, id;
};

static int by_first_byte_longest_first(const void *left, const void *right)
{
    const struct special *a = left, *b = right;
    uint8_t first_a = (uint8_t)a->data[0], first_b = (uint8_t)b->data[0];
    if (first_a != first_b) return first_a < first_b ? -1 : 1;
    if (a->size != b->size) return a->size > b->size ? -1 : 1;
    return a->id < b->id ? -1 : a->id > b->id;
}

static enum assay_status index_specials(struct assay_tokenizer *tokenizer,
                                        struct assay_arena *arena, struct assay_error *err)
{
    const struct assay_vocab *vocab = &tokenizer->vocab;
    size_t count = 0;
    for (uint32_t i = 0; i < vocab->count; i++) count += is_special(&vocab->tokens[i]);
    struct special *sorted = malloc((count + 1) * sizeof *sorted);
    tokenizer->specials = assay_arena_take(arena, count, sizeof *tokenizer->specials);
    if (!sorted || !tokenizer->specials) {
        free(sorted);
        return assay_fail(err, ASSAY_EMEMORY, "no memory for %zu special tokens", count);
    }
    count = 0;
    for (uint32_t i = 0; i < vocab->count; i++) {
        const struct assay_token *token = &vocab->tokens[i];
        if (is_special(token)) sorted[count++] = (struct special){token->data, token->size, i};
    }
    qsort(sorted, count, sizeof *sorted, by_first_byte_longest_first);
    for (uint32_t i = 0; i < count; i++) {
        tokenizer->specials[i] = sorted[i].id;
        tokenizer->special_first[(uint8_t)sorted[i].data[0] + 1] = i + 1;
    }
    for (size_t b = 1; b < 257; b++) {
        if (tokenizer->special_first[b] == 0) {
            tokenizer->special_first[b] = tokenizer->special_first[b - 1];
        }
    }
    free(sorted);
    return ASSAY_OK;
}

static enum assay_status create_mutex(struct assay_tokenizer *tokenizer, struct assay_error *err)
{
    pthread_mutex_t *mutex = malloc(sizeof *mutex);
    if (!mutex || pthread_mutex_init(mutex, NULL) != 0) {
        free(mutex);
        return assay_fail(err, ASSAY_EMEMORY, "no memory for a tokenizer");
    }
    tokenizer->mutex = mutex;
    return ASSAY_OK;
}

static enum assay_status fill(struct assay_tokenizer *tokenizer, const struct assay_gguf *gguf,
                              struct assay_arena *arena, struct assay_error *err)
{
    enum assay_vocab_form form = ASSAY_VOCAB_BYTE_LEVEL;
    enum assay_status status = read_form(gguf, &form, err);
    if (status) return status;
    status = check_off(gguf, form, err);
    if (status) return status;
    status = assay_vocab_read(&tokenizer->vocab, form, gguf, arena, err);
    if (status) return status;
    status = form == ASSAY_VOCAB_BYTE_LEVEL
                 ? assay_bpe_create(&tokenizer->bpe, gguf, &tokenizer->vocab, ASSAY_BPE_MEMORY,
                                    arena, err)
                 : assay_spm_create(&tokenizer->spm, gguf, &tokenizer->vocab, arena, err);
    if (status) return status;
    status = read_begin(tokenizer, gguf, err);
    if (status) return status;
    status = read_ends(tokenizer, gguf, err);
    if (status) return status;
    status = index_specials(tokenizer, arena, err);
    if (status) return status;
    return create_mutex(tokenizer, err);
}

enum assay_status assay_tokenizer_create(struct assay_tokenizer **out,
                                         const struct assay_gguf *gguf, struct assay_arena *arena,
                                         struct assay_error *err)
{
    struct assay_tokenizer *tokenizer = assay_arena_take(arena, 1, sizeof *tokenizer);
    if (!tokenizer) return assay_fail(err, ASSAY_EMEMORY, "no memory for a tokenizer");
    enum assay_status status = fill(tokenizer, gguf, arena, err);
    if (status) {
        assay_tokenizer_destroy(tokenizer);
        return status;
    }
    *out = tokenizer;
    return ASSAY_OK;
}

void assay_tokenizer_destroy(struct assay_tokenizer *tokenizer)
{
    if (!tokenizer) return;
    assay_bpe_destroy(tokenizer->bpe);
    assay_spm_destroy(tokenizer->spm);
    if (tokenizer->mutex) pthread_mutex_destroy(tokenizer->mutex);
    free(tokenizer->mutex);
}

/* --- encoding --- */

/* The longest special token at the begin of the text, or ASSAY_NO_TOKEN. */
static uint32_t special_at(const struct assay_tokenizer *tokenizer, const char *text, size_t size,
                           bool control)
{
    const uint32_t *first = &tokenizer->special_first[(uint8_t)text[0]];
    for (uint32_t i = first[0]; i < first[1]; i++) {
        uint32_t id = tokenizer->specials[i];
        const struct assay_token *token = &tokenizer->vocab.tokens[id];
        if (is_control(token) && !control) continue;
        if (token->size <= size && memcmp(token->data, text, token->size) == 0) return id;
    }
    return ASSAY_NO_TOKEN;
}

/* Text without special tokens. */
static enum assay_status encode_plain(const struct assay_tokenizer *tokenizer, const char *text,
                                      size_t size, struct assay_bytes *tokens,
                                      struct assay_error *err)
{
    if (size == 0) return ASSAY_OK;
    return tokenizer->bpe ? assay_bpe_encode(tokenizer->bpe, text, size, tokens, err)
                          : assay_spm_encode(tokenizer->spm, text, size, tokens, err);
}

static enum assay_status encode(const struct assay_tokenizer *tokenizer, const char *text,
                                size_t size, bool special, struct assay_bytes *tokens,
                                struct assay_error *err)
{
    while (size > 0) {
        size_t plain = 0;
        uint32_t token = ASSAY_NO_TOKEN;
        for (; plain < size; plain++) {
            token = special_at(tokenizer, text + plain, size - plain, special);
            if (token != ASSAY_NO_TOKEN) break;
        }
        enum assay_status status = encode_plain(tokenizer, text, plain, tokens, err);
        if (status) return status;
        text += plain;
        size -= plain;
        if (token == ASSAY_NO_TOKEN) break;
        status = assay_bytes_append(tokens, &token, sizeof token, err);
        if (status) return status;
        text += tokenizer->vocab.tokens[token].size;
        size -= tokenizer->vocab.tokens[token].size;
    }
    return ASSAY_OK;
}

/* SentencePiece knows no difference between a space and U+2581, which stands for one in its
 * vocabulary. */
static enum assay_status encode_form(const struct assay_tokenizer *tokenizer, const char *text,
                                     size_t size, bool special, struct assay_bytes *tokens,
                                     struct assay_error *err)
{
    if (tokenizer->bpe) return encode(tokenizer, text, size, special, tokens, err);
    char *plain = malloc(size + 1);
    if (!plain) return assay_fail(err, ASSAY_EMEMORY, "no memory for a text of %zu bytes", size);
    size = assay_vocab_unescape(text, size, plain);
    enum assay_status status = encode(tokenizer, plain, size, special, tokens, err);
    free(plain);
    return status;
}

enum assay_status assay_tokenizer_encode(const struct assay_tokenizer *tokenizer, const char *text,
                                         size_t size, bool special, struct assay_bytes *tokens,
                                         struct assay_error *err)
{
    if (size > ASSAY_ENCODE_BYTES_MAX) {
        return assay_fail(err, ASSAY_EVALUE, "a text of %zu bytes; at most %d are allowed", size,
                          ASSAY_ENCODE_BYTES_MAX);
    }
    size_t size_before = tokens->size;
    ASSAY_ASSERT(pthread_mutex_lock(tokenizer->mutex) == 0);
    enum assay_status status = encode_form(tokenizer, text, size, special, tokens, err);
    ASSAY_ASSERT(pthread_mutex_unlock(tokenizer->mutex) == 0);
    if (status && tokens->data) {
        tokens->size = size_before;
        tokens->data[size_before] = 0;
    }
    return status;
}

enum assay_status assay_tokenizer_encode_prompt(const struct assay_tokenizer *tokenizer,
                                                const char *text, size_t size, bool chat,
                                                struct assay_bytes *tokens, struct assay_error *err)
{
    size_t size_before = tokens->size;
    if (!chat && tokenizer->begin != ASSAY_NO_TOKEN) {
        enum assay_status status =
            assay_bytes_append(tokens, &tokenizer->begin, sizeof tokenizer->begin, err);
        if (status) return status;
    }
    enum assay_status status = assay_tokenizer_encode(tokenizer, text, size, chat, tokens, err);
    if (status && tokens->data) {
        tokens->size = size_before;
        tokens->data[size_before] = 0;
    }
    return status;
}

/* --- asking --- */

const struct assay_vocab *assay_tokenizer_vocabulary(const struct assay_tokenizer *tokenizer)
{
    return &tokenizer->vocab;
}

uint32_t assay_tokenizer_vocab(const struct assay_tokenizer *tokenizer)
{
    return tokenizer->vocab.count;
}

void assay_tokenizer_piece(const struct assay_tokenizer *tokenizer, uint32_t token, bool special,
                           const char **data, size_t *size)
{
    ASSAY_ASSERT(token < tokenizer->vocab.count);
    const struct assay_token *found = &tokenizer->vocab.tokens[token];
    *data = found->data;
    *size = is_control(found) && !special ? 0 : found->size;
}

bool assay_tokenizer_is_end(const struct assay_tokenizer *tokenizer, uint32_t token)
{
    for (size_t i = 0; i < tokenizer->end_count; i++) {
        if (tokenizer->ends[i] == token) return true;
    }
    return false;
}

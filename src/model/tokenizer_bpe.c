/* Text to tokens: special tokens are cut out first, the leftmost and among these the longest; what
 * lies between is split into words (split.h), a word's bytes become tokens, and these are merged
 * (merges.h). A byte that has no token in the vocabulary is left out, as in `tokenizers` (there is
 * none for 21 bytes of SmolLM2's vocabulary, most of which are in no UTF-8 text). */
#include "model/tokenizer.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "base/text.h"
#include "model/merges.h"
#include "model/split.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { ENDS_MAX = 4, QUOTE_BYTES = 96 };

/* What encoding changes; the tokenizer itself is constant and shared by threads. */
struct workspace {
    pthread_mutex_t mutex; /* over all the rest */
    struct assay_split *split;
    struct assay_merge_room room;
    uint32_t *word; /* tokens of the word at hand */
    size_t word_capacity;
};

struct assay_tokenizer {
    struct assay_vocab vocab;
    struct assay_merges merges;
    uint32_t *specials;          /* matched in text: by first byte, longest first */
    uint32_t special_first[257]; /* those with first byte b are special_first[b] … [b + 1] − 1 */
    uint32_t ends[ENDS_MAX];
    size_t end_count;
    struct workspace *workspace;
};

/* --- making one --- */

static enum assay_status check_model(const struct assay_gguf *gguf, struct assay_error *err)
{
    static const char *const off[] = {
        "tokenizer.ggml.add_bos_token", "tokenizer.ggml.add_eos_token",
        "tokenizer.ggml.add_sep_token", "tokenizer.ggml.add_space_prefix"};
    struct assay_gguf_text model = {0};
    char quoted[QUOTE_BYTES];
    enum assay_status status =
        assay_gguf_get_text(gguf, "tokenizer.ggml.model", ASSAY_GGUF_REQUIRED, &model, err);
    if (status) return status;
    if (model.size != strlen("gpt2") || memcmp(model.data, "gpt2", model.size) != 0) {
        return assay_fail(err, ASSAY_EUNSUPPORTED,
                          "tokenizer %s is not supported; supported is gpt2",
                          assay_text_quote(quoted, sizeof quoted, model.data, model.size));
    }
    for (size_t i = 0; i < sizeof off / sizeof off[0]; i++) {
        bool on = false;
        status = assay_gguf_get_bool(gguf, off[i], ASSAY_GGUF_OPTIONAL, &on, err);
        if (status) return status;
        if (on) {
            return assay_fail(err, ASSAY_EUNSUPPORTED, "key %s is true; supported is false",
                              off[i]);
        }
    }
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
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        uint32_t token = ASSAY_NO_TOKEN;
        enum assay_status status =
            assay_gguf_get_u32(gguf, keys[i], ASSAY_GGUF_OPTIONAL, &token, err);
        if (status) return status;
        if (assay_gguf_has(gguf, keys[i]) && token >= tokenizer->vocab.count) {
            return assay_fail(err, ASSAY_EFORMAT, "key %s is %u; there are %u tokens", keys[i],
                              token, tokenizer->vocab.count);
        }
        add_end(tokenizer, token);
    }
    add_end(tokenizer, assay_vocab_find_control(&tokenizer->vocab, "<|im_end|>"));
    add_end(tokenizer, assay_vocab_find_control(&tokenizer->vocab, "<|endoftext|>"));
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

static enum assay_status create_workspace(struct workspace **out, const struct assay_gguf *gguf,
                                          struct assay_error *err)
{
    struct assay_gguf_text pre = {0};
    enum assay_status status =
        assay_gguf_get_text(gguf, "tokenizer.ggml.pre", ASSAY_GGUF_REQUIRED, &pre, err);
    if (status) return status;
    struct workspace *workspace = calloc(1, sizeof *workspace);
    if (!workspace) return assay_fail(err, ASSAY_EMEMORY, "no memory for a tokenizer");
    status = assay_split_create(&workspace->split, pre.data, pre.size, err);
    if (!status && pthread_mutex_init(&workspace->mutex, NULL) != 0) {
        status = assay_fail(err, ASSAY_EMEMORY, "no mutex for a tokenizer");
    }
    if (status) {
        assay_split_destroy(workspace->split);
        free(workspace);
        return status;
    }
    *out = workspace;
    return ASSAY_OK;
}

enum assay_status assay_tokenizer_create(struct assay_tokenizer **out,
                                         const struct assay_gguf *gguf, struct assay_arena *arena,
                                         struct assay_error *err)
{
    struct assay_tokenizer *tokenizer = assay_arena_take(arena, 1, sizeof *tokenizer);
    if (!tokenizer) return assay_fail(err, ASSAY_EMEMORY, "no memory for a tokenizer");
    enum assay_status status = check_model(gguf, err);
    if (status) return status;
    status = assay_vocab_read(&tokenizer->vocab, gguf, arena, err);
    if (status) return status;
    status = assay_merges_read(&tokenizer->merges, gguf, &tokenizer->vocab, arena, err);
    if (status) return status;
    status = read_ends(tokenizer, gguf, err);
    if (status) return status;
    status = index_specials(tokenizer, arena, err);
    if (status) return status;
    status = create_workspace(&tokenizer->workspace, gguf, err);
    if (status) return status;
    *out = tokenizer;
    return ASSAY_OK;
}

void assay_tokenizer_destroy(struct assay_tokenizer *tokenizer)
{
    if (!tokenizer) return;
    struct workspace *workspace = tokenizer->workspace;
    assay_split_destroy(workspace->split);
    assay_merge_room_fini(&workspace->room);
    pthread_mutex_destroy(&workspace->mutex);
    free(workspace->word);
    free(workspace);
}

/* --- encoding --- */

struct encoding {
    const struct assay_tokenizer *tokenizer;
    struct assay_bytes *tokens;
};

static enum assay_status reserve_word(struct workspace *workspace, size_t size,
                                      struct assay_error *err)
{
    if (size <= workspace->word_capacity) return ASSAY_OK;
    uint32_t *word = realloc(workspace->word, 2 * size * sizeof *word);
    if (!word) return assay_fail(err, ASSAY_EMEMORY, "no memory for a word of %zu bytes", size);
    workspace->word = word;
    workspace->word_capacity = 2 * size;
    return ASSAY_OK;
}

static enum assay_status encode_word(void *context, const char *data, size_t size,
                                     struct assay_error *err)
{
    const struct encoding *encoding = context;
    const struct assay_tokenizer *tokenizer = encoding->tokenizer;
    struct workspace *workspace = tokenizer->workspace;
    enum assay_status status = reserve_word(workspace, size, err);
    if (status) return status;
    size_t count = 0;
    for (size_t i = 0; i < size; i++) {
        uint32_t token = tokenizer->vocab.bytes[(uint8_t)data[i]];
        if (token != ASSAY_NO_TOKEN) workspace->word[count++] = token;
    }
    status = assay_merges_apply(&tokenizer->merges, &workspace->room, workspace->word, &count, err);
    if (status) return status;
    return assay_bytes_append(encoding->tokens, workspace->word, count * sizeof *workspace->word,
                              err);
}

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

static enum assay_status encode(struct encoding *encoding, const char *text, size_t size,
                                bool special, struct assay_error *err)
{
    const struct assay_tokenizer *tokenizer = encoding->tokenizer;
    while (size > 0) {
        size_t plain = 0;
        uint32_t token = ASSAY_NO_TOKEN;
        for (; plain < size; plain++) {
            token = special_at(tokenizer, text + plain, size - plain, special);
            if (token != ASSAY_NO_TOKEN) break;
        }
        enum assay_status status =
            assay_split_text(tokenizer->workspace->split, text, plain, encode_word, encoding, err);
        if (status) return status;
        text += plain;
        size -= plain;
        if (token == ASSAY_NO_TOKEN) break;
        status = assay_bytes_append(encoding->tokens, &token, sizeof token, err);
        if (status) return status;
        text += tokenizer->vocab.tokens[token].size;
        size -= tokenizer->vocab.tokens[token].size;
    }
    return ASSAY_OK;
}

enum assay_status assay_tokenizer_encode(const struct assay_tokenizer *tokenizer, const char *text,
                                         size_t size, bool special, struct assay_bytes *tokens,
                                         struct assay_error *err)
{
    if (size > ASSAY_ENCODE_BYTES_MAX) {
        return assay_fail(err, ASSAY_EVALUE, "a text of %zu bytes; at most %d are allowed", size,
                          ASSAY_ENCODE_BYTES_MAX);
    }
    struct encoding encoding = {tokenizer, tokens};
    size_t size_before = tokens->size;
    ASSAY_ASSERT(pthread_mutex_lock(&tokenizer->workspace->mutex) == 0);
    enum assay_status status = encode(&encoding, text, size, special, err);
    ASSAY_ASSERT(pthread_mutex_unlock(&tokenizer->workspace->mutex) == 0);
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

/* Vocabulary of a tokenizer, in either form. */
#include "model/vocab.h"

#include "base/arena.h"
#include "base/bytes.h"
#include "base/text.h"
#include "model/hyper.h"

#include <string.h>

enum {
    HIDDEN_FIRST = 256, /* the first stand-in of a byte that is not printable */
    HIDDEN_COUNT = 68,
    QUOTE_BYTES = 96
};

/* The bytes that stand for themselves. */
static bool is_shown(unsigned byte)
{
    return (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte != 0xad);
}

/* The byte that a character stands for, or -1. The others have their stand-ins in ascending order:
 * 0x00–0x20, 0x7f–0xa0, 0xad. */
static int byte_of(unsigned character)
{
    if (character < HIDDEN_FIRST) return is_shown(character) ? (int)character : -1;
    unsigned hidden = character - HIDDEN_FIRST;
    if (hidden >= HIDDEN_COUNT) return -1;
    if (hidden <= ' ') return (int)hidden;
    return hidden < HIDDEN_COUNT - 1 ? (int)(0x7f + hidden - (' ' + 1)) : 0xad;
}

bool assay_vocab_decode(const char *text, size_t size, char *to, size_t *decoded)
{
    size_t n = 0;
    for (size_t i = 0; i < size; i++) {
        unsigned character = (uint8_t)text[i];
        if (character >= 0x80) {
            /* The stand-ins end at U+0143, so two bytes suffice. */
            if (character < 0xc2 || character > 0xdf || i + 1 == size) return false;
            unsigned second = (uint8_t)text[++i];
            if ((second & 0xc0) != 0x80) return false;
            character = (character & 0x1f) << 6 | (second & 0x3f);
        }
        int byte = byte_of(character);
        if (byte < 0) return false;
        to[n++] = (char)byte;
    }
    *decoded = n;
    return true;
}

size_t assay_vocab_unescape(const char *text, size_t size, char *to)
{
    size_t n = 0;
    for (size_t i = 0; i < size; i++) {
        bool is_space = size - i >= 3 && memcmp(text + i, "\xe2\x96\x81", 3) == 0;
        to[n++] = is_space ? ' ' : text[i];
        if (is_space) i += 2;
    }
    return n;
}

/* FNV-1a, 64 bits, its high half folded in. */
static size_t hash_of(const char *data, size_t size)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < size; i++) h = (h ^ (uint8_t)data[i]) * 0x100000001b3u;
    return (size_t)(h ^ h >> 32);
}

/* The slot of the token with these bytes, or the empty one where it would be. */
static size_t slot_of(const struct assay_vocab *vocab, const char *data, size_t size)
{
    size_t mask = vocab->slot_count - 1, slot = hash_of(data, size) & mask;
    for (;; slot = (slot + 1) & mask) {
        if (vocab->slots[slot] == ASSAY_NO_TOKEN) return slot;
        const struct assay_token *token = &vocab->tokens[vocab->slots[slot]];
        if (token->size == size && memcmp(token->data, data, size) == 0) return slot;
    }
}

uint32_t assay_vocab_find(const struct assay_vocab *vocab, const char *data, size_t size)
{
    return vocab->slots[slot_of(vocab, data, size)];
}

uint32_t assay_vocab_find_control(const struct assay_vocab *vocab, const char *text)
{
    size_t size = strlen(text);
    for (uint32_t i = 0; i < vocab->count; i++) {
        const struct assay_token *token = &vocab->tokens[i];
        if (token->type == ASSAY_TOKEN_CONTROL && token->size == size &&
            memcmp(token->data, text, size) == 0) {
            return i;
        }
    }
    return ASSAY_NO_TOKEN;
}

/* Enter a normal token into the hash table. */
static enum assay_status enter(struct assay_vocab *vocab, uint32_t id, struct assay_error *err)
{
    const struct assay_token *token = &vocab->tokens[id];
    size_t slot = slot_of(vocab, token->data, token->size);
    char quoted[QUOTE_BYTES];
    if (vocab->slots[slot] != ASSAY_NO_TOKEN) {
        return assay_fail(err, ASSAY_EFORMAT, "token %u repeats token %u, %s", id,
                          vocab->slots[slot],
                          assay_text_quote(quoted, sizeof quoted, token->data, token->size));
    }
    vocab->slots[slot] = id;
    if (token->size > vocab->longest) vocab->longest = token->size;
    return ASSAY_OK;
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* "<0x41>". */
static bool decode_byte(const char *text, size_t size, char *to)
{
    if (size != 6 || memcmp(text, "<0x", 3) != 0 || text[5] != '>') return false;
    int high = digit_of(text[3]), low = digit_of(text[4]);
    if (high < 0 || low < 0) return false;
    to[0] = (char)(high << 4 | low);
    return true;
}

/* A token's bytes from its text; false where a normal or byte token has none. */
static bool decode(enum assay_vocab_form form, int32_t type, struct assay_gguf_text text, char *to,
                   size_t *size)
{
    if (form == ASSAY_VOCAB_BYTE_LEVEL) {
        if (type == ASSAY_TOKEN_NORMAL && assay_vocab_decode(text.data, text.size, to, size)) {
            return true;
        }
        memcpy(to, text.data, text.size);
        *size = text.size;
        return type != ASSAY_TOKEN_NORMAL;
    }
    if (type == ASSAY_TOKEN_BYTE) {
        *size = 1;
        return decode_byte(text.data, text.size, to);
    }
    *size = assay_vocab_unescape(text.data, text.size, to);
    return true;
}

/* Its bytes go to `to`, which has room for the text. */
static enum assay_status read_token(struct assay_vocab *vocab, enum assay_vocab_form form,
                                    uint32_t id, int32_t type, struct assay_gguf_text text,
                                    char *to, struct assay_token *out, struct assay_error *err)
{
    int last = form == ASSAY_VOCAB_BYTE_LEVEL ? ASSAY_TOKEN_UNUSED : ASSAY_TOKEN_BYTE;
    if (text.size == 0) return assay_fail(err, ASSAY_EFORMAT, "token %u is empty", id);
    if (type < ASSAY_TOKEN_NORMAL || type > last) {
        return assay_fail(err, ASSAY_EUNSUPPORTED,
                          "token %u has the type %d; this kind of vocabulary has 1 to %d", id, type,
                          last);
    }
    size_t size = text.size;
    bool decoded = decode(form, type, text, to, &size);
    if (!decoded && type == ASSAY_TOKEN_BYTE) {
        return assay_fail(err, ASSAY_EFORMAT, "token %u stands for a byte, but is not \"<0xNN>\"",
                          id);
    }
    if (size > UINT16_MAX) {
        return assay_fail(err, ASSAY_EFORMAT, "token %u has %zu bytes; at most %d are allowed", id,
                          size, UINT16_MAX);
    }
    *out = (struct assay_token){to, (uint32_t)size, (enum assay_token_type)type};
    bool single = size == 1 && (form == ASSAY_VOCAB_BYTE_LEVEL ? type == ASSAY_TOKEN_NORMAL
                                                               : type == ASSAY_TOKEN_BYTE);
    if (decoded && single) vocab->bytes[(uint8_t)to[0]] = id;
    return decoded && type == ASSAY_TOKEN_NORMAL ? enter(vocab, id, err) : ASSAY_OK;
}

static enum assay_status read_arrays(const struct assay_gguf *gguf, struct assay_gguf_array *texts,
                                     struct assay_gguf_array *types, struct assay_error *err)
{
    enum assay_status status = assay_gguf_get_array(
        gguf, "tokenizer.ggml.tokens", ASSAY_GGUF_REQUIRED, ASSAY_GGUF_TEXT, texts, err);
    if (status) return status;
    status = assay_gguf_get_array(gguf, "tokenizer.ggml.token_type", ASSAY_GGUF_REQUIRED,
                                  ASSAY_GGUF_I32, types, err);
    if (status) return status;
    if (texts->count < 1 || texts->count > ASSAY_VOCAB_MAX) {
        return assay_fail(err, ASSAY_EFORMAT, "%zu tokens; 1 to %d are allowed", texts->count,
                          ASSAY_VOCAB_MAX);
    }
    if (types->count != texts->count) {
        return assay_fail(err, ASSAY_EFORMAT, "%zu tokens, but %zu token types", texts->count,
                          types->count);
    }
    return ASSAY_OK;
}

enum assay_status assay_vocab_read(struct assay_vocab *out, enum assay_vocab_form form,
                                   const struct assay_gguf *gguf, struct assay_arena *arena,
                                   struct assay_error *err)
{
    struct assay_gguf_array texts = {0}, types = {0};
    enum assay_status status = read_arrays(gguf, &texts, &types, err);
    if (status) return status;
    struct assay_vocab vocab = {.count = (uint32_t)texts.count, .slot_count = 16};
    while (vocab.slot_count < 2 * texts.count) vocab.slot_count *= 2;
    struct assay_token *tokens = assay_arena_take(arena, texts.count, sizeof *tokens);
    char *bytes = assay_arena_take(arena, texts.size, 1);
    vocab.slots = assay_arena_take(arena, vocab.slot_count, sizeof *vocab.slots);
    if (!tokens || !bytes || !vocab.slots) {
        return assay_fail(err, ASSAY_EMEMORY, "no memory for %zu tokens", texts.count);
    }
    vocab.tokens = tokens;
    memset(vocab.slots, 0xff, vocab.slot_count * sizeof *vocab.slots);
    memset(vocab.bytes, 0xff, sizeof vocab.bytes);
    size_t position = 0;
    for (uint32_t i = 0; i < vocab.count; i++) {
        int32_t type = (int32_t)assay_get_le32(types.data + 4 * (size_t)i);
        struct assay_gguf_text text = assay_gguf_array_text(&texts, &position);
        status = read_token(&vocab, form, i, type, text, bytes, &tokens[i], err);
        if (status) return status;
        bytes += tokens[i].size;
    }
    *out = vocab;
    return ASSAY_OK;
}

/* Each character is a symbol; of all neighbours whose joined text is a token the pair of the
 * highest score joins first, the leftmost among equals, until none is left. A symbol without a
 * token becomes its bytes. Tokens that a file marks as unused join nothing. Pairs in the heap that
 * are out of date are found to be so at the top, as in merges.c. */
#include "model/spm.h"

#include "base/arena.h"
#include "base/bytes.h"
#include "base/exact.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

enum { SYMBOLS_MAX = 1 << 28 };

struct symbol {
    uint32_t start, size;    /* of its text; size 0 once it has joined the one on its left */
    uint32_t previous, next; /* by index */
};

struct candidate {
    float score;
    uint32_t at, size; /* the left symbol; the text of both, when it was found */
};

struct assay_spm {
    const struct assay_vocab *vocab;
    const float *scores; /* [vocab->count] */
    bool space_prefix;
    struct symbol *symbols; /* [capacity] */
    struct candidate *heap; /* [3·capacity] */
    size_t capacity;
};

/* A text at work. */
struct word {
    const struct assay_spm *spm;
    const char *text;
    struct symbol *symbols;
    struct candidate *heap;
    size_t heap_count;
    uint32_t count; /* behind the last symbol */
};

static enum assay_status read_scores(const struct assay_gguf *gguf, struct assay_spm *spm,
                                     struct assay_arena *arena, struct assay_error *err)
{
    struct assay_gguf_array array = {0};
    enum assay_status status = assay_gguf_get_array(
        gguf, "tokenizer.ggml.scores", ASSAY_GGUF_REQUIRED, ASSAY_GGUF_F32, &array, err);
    if (status) return status;
    if (array.count != spm->vocab->count) {
        return assay_fail(err, ASSAY_EFORMAT, "%u tokens, but %zu scores", spm->vocab->count,
                          array.count);
    }
    float *scores = assay_arena_take(arena, array.count, sizeof *scores);
    if (!scores) return assay_fail(err, ASSAY_EMEMORY, "no memory for %zu scores", array.count);
    for (size_t i = 0; i < array.count; i++) {
        scores[i] = assay_float(assay_get_le32(array.data + 4 * i));
        if (scores[i] != scores[i]) {
            return assay_fail(err, ASSAY_EFORMAT, "the score of token %zu is not a number", i);
        }
    }
    spm->scores = scores;
    return ASSAY_OK;
}

enum assay_status assay_spm_create(struct assay_spm **out, const struct assay_gguf *gguf,
                                   const struct assay_vocab *vocab, struct assay_arena *arena,
                                   struct assay_error *err)
{
    for (unsigned byte = 0; byte < 256; byte++) {
        if (vocab->bytes[byte] == ASSAY_NO_TOKEN) {
            return assay_fail(err, ASSAY_EFORMAT, "there is no token for the byte 0x%02X", byte);
        }
    }
    struct assay_spm *spm = calloc(1, sizeof *spm);
    if (!spm) return assay_fail(err, ASSAY_EMEMORY, "no memory for a tokenizer");
    spm->vocab = vocab;
    spm->space_prefix = true; /* what such files mean by saying nothing */
    enum assay_status status = assay_gguf_get_bool(gguf, "tokenizer.ggml.add_space_prefix",
                                                   ASSAY_GGUF_OPTIONAL, &spm->space_prefix, err);
    if (!status) status = read_scores(gguf, spm, arena, err);
    if (status) {
        assay_spm_destroy(spm);
        return status;
    }
    *out = spm;
    return ASSAY_OK;
}

void assay_spm_destroy(struct assay_spm *spm)
{
    if (!spm) return;
    free(spm->symbols);
    free(spm->heap);
    free(spm);
}

static bool comes_first(const struct candidate *a, const struct candidate *b)
{
    return a->score > b->score || (a->score == b->score && a->at < b->at);
}

static void push(struct word *word, struct candidate candidate)
{
    size_t i = word->heap_count++;
    for (; i > 0; i = (i - 1) / 2) {
        const struct candidate *parent = &word->heap[(i - 1) / 2];
        if (!comes_first(&candidate, parent)) break;
        word->heap[i] = *parent;
    }
    word->heap[i] = candidate;
}

static struct candidate pop(struct word *word)
{
    struct candidate top = word->heap[0], last = word->heap[--word->heap_count];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= word->heap_count) break;
        if (child + 1 < word->heap_count &&
            comes_first(&word->heap[child + 1], &word->heap[child])) {
            child++;
        }
        if (!comes_first(&word->heap[child], &last)) break;
        word->heap[i] = word->heap[child];
        i = child;
    }
    word->heap[i] = last;
    return top;
}

/* Enter the pair of `at` and its right neighbour, if both are there and together are a token. */
static void consider(struct word *word, uint32_t at)
{
    const struct assay_spm *spm = word->spm;
    if (at == word->count || word->symbols[at].next == word->count) return;
    uint32_t size = word->symbols[at].size + word->symbols[word->symbols[at].next].size;
    if (size > spm->vocab->longest) return;
    uint32_t token = assay_vocab_find(spm->vocab, word->text + word->symbols[at].start, size);
    if (token != ASSAY_NO_TOKEN) push(word, (struct candidate){spm->scores[token], at, size});
}

static void join(struct word *word)
{
    struct symbol *symbols = word->symbols;
    while (word->heap_count > 0) {
        struct candidate c = pop(word);
        uint32_t gone = symbols[c.at].next;
        if (symbols[c.at].size == 0 || gone == word->count ||
            symbols[c.at].size + symbols[gone].size != c.size) {
            continue;
        }
        symbols[c.at].size = c.size;
        symbols[c.at].next = symbols[gone].next;
        symbols[gone].size = 0;
        if (symbols[gone].next != word->count) symbols[symbols[gone].next].previous = c.at;
        consider(word, symbols[c.at].previous);
        consider(word, c.at);
    }
}

/* Bytes of the character at the begin of the text; a byte outside of UTF-8 is one by itself. */
static uint32_t character_size(const char *text, size_t size)
{
    uint8_t lead = (uint8_t)text[0];
    size_t length = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (length > size || assay_text_utf8_prefix(text, length) != length) return 1;
    return (uint32_t)length;
}

static enum assay_status reserve(struct assay_spm *spm, size_t count, struct assay_error *err)
{
    if (count > SYMBOLS_MAX) {
        return assay_fail(err, ASSAY_EVALUE, "a text of %zu bytes; at most %d are allowed", count,
                          SYMBOLS_MAX);
    }
    if (count <= spm->capacity) return ASSAY_OK;
    size_t capacity = 2 * count;
    struct symbol *symbols = realloc(spm->symbols, capacity * sizeof *symbols);
    if (symbols) spm->symbols = symbols;
    struct candidate *heap = realloc(spm->heap, 3 * capacity * sizeof *heap);
    if (heap) spm->heap = heap;
    if (!symbols || !heap) {
        return assay_fail(err, ASSAY_EMEMORY, "no memory for a text of %zu bytes", count);
    }
    spm->capacity = capacity;
    return ASSAY_OK;
}

static enum assay_status append_symbol(const struct assay_spm *spm, const char *text, size_t size,
                                       struct assay_bytes *tokens, struct assay_error *err)
{
    uint32_t token = assay_vocab_find(spm->vocab, text, size);
    if (token != ASSAY_NO_TOKEN) return assay_bytes_append(tokens, &token, sizeof token, err);
    enum assay_status status = ASSAY_OK;
    for (size_t i = 0; !status && i < size; i++) {
        token = spm->vocab->bytes[(uint8_t)text[i]];
        status = assay_bytes_append(tokens, &token, sizeof token, err);
    }
    return status;
}

static enum assay_status encode(struct assay_spm *spm, const char *text, size_t size,
                                struct assay_bytes *tokens, struct assay_error *err)
{
    enum assay_status status = reserve(spm, size, err);
    if (status) return status;
    struct word word = {spm, text, spm->symbols, spm->heap, 0, 0};
    for (uint32_t start = 0; start < size; word.count++) {
        uint32_t length = character_size(text + start, size - start);
        word.symbols[word.count] = (struct symbol){start, length, word.count - 1, word.count + 1};
        start += length;
    }
    word.symbols[0].previous = word.count;
    for (uint32_t i = 0; i < word.count; i++) consider(&word, i);
    join(&word);
    for (uint32_t i = 0; !status && i < word.count; i = word.symbols[i].next) {
        status =
            append_symbol(spm, text + word.symbols[i].start, word.symbols[i].size, tokens, err);
    }
    return status;
}

enum assay_status assay_spm_encode(struct assay_spm *spm, const char *text, size_t size,
                                   struct assay_bytes *tokens, struct assay_error *err)
{
    if (!spm->space_prefix) return encode(spm, text, size, tokens, err);
    char *prefixed = malloc(size + 1);
    if (!prefixed) return assay_fail(err, ASSAY_EMEMORY, "no memory for a text of %zu bytes", size);
    prefixed[0] = ' ';
    memcpy(prefixed + 1, text, size);
    enum assay_status status = encode(spm, prefixed, size + 1, tokens, err);
    free(prefixed);
    return status;
}

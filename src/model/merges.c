/* BPE: a table of merges, and a word as a linked list of symbols with a heap of the pairs that may
 * join. A pair in the heap may be out of date; it is then found to be so when it comes to the top,
 * which is cheaper than to take it out. */
#include "model/merges.h"

#include "base/arena.h"
#include "base/text.h"
#include "model/hyper.h"

#include <stdlib.h>
#include <string.h>

enum { QUOTE_BYTES = 96, MERGES_MAX = 2 * ASSAY_VOCAB_MAX, WORD_SYMBOLS_MAX = 1 << 28 };

/* The finalizer of splitmix64 over both ids. */
static size_t hash_of(uint32_t left, uint32_t right)
{
    uint64_t z = (uint64_t)left << 32 | right;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (size_t)(z ^ z >> 31);
}

/* The pair's slot, or the empty one where it would be. */
static struct assay_merge *slot_of(const struct assay_merges *merges, uint32_t left, uint32_t right)
{
    size_t mask = merges->slot_count - 1, i = hash_of(left, right) & mask;
    for (;; i = (i + 1) & mask) {
        struct assay_merge *slot = &merges->slots[i];
        if (slot->result == ASSAY_NO_TOKEN) return slot;
        if (slot->left == left && slot->right == right) return slot;
    }
}

static enum assay_status refuse_merge(uint32_t rank, struct assay_gguf_text text, const char *why,
                                      struct assay_error *err)
{
    char quoted[QUOTE_BYTES];
    return assay_fail(err, ASSAY_EFORMAT, "merge %u, %s, %s", rank,
                      assay_text_quote(quoted, sizeof quoted, text.data, text.size), why);
}

/* "left right", each in GPT-2's printable characters, which have no space among them. `bytes` has
 * room for the text. */
static enum assay_status read_merge(struct assay_merges *merges, const struct assay_vocab *vocab,
                                    uint32_t rank, struct assay_gguf_text text, char *bytes,
                                    struct assay_error *err)
{
    const char *space = text.size ? memchr(text.data, ' ', text.size) : NULL;
    if (!space) return refuse_merge(rank, text, "has no space", err);
    size_t first = (size_t)(space - text.data), left = 0, right = 0;
    if (!assay_vocab_decode(text.data, first, bytes, &left) ||
        !assay_vocab_decode(space + 1, text.size - first - 1, bytes + left, &right)) {
        return refuse_merge(rank, text, "is not in byte-level form", err);
    }
    struct assay_merge merge = {.left = assay_vocab_find(vocab, bytes, left),
                                .right = assay_vocab_find(vocab, bytes + left, right),
                                .result = assay_vocab_find(vocab, bytes, left + right),
                                .rank = rank};
    if (merge.left == ASSAY_NO_TOKEN || merge.right == ASSAY_NO_TOKEN ||
        merge.result == ASSAY_NO_TOKEN) {
        return refuse_merge(rank, text, "has a part or a whole that is not in the vocabulary", err);
    }
    struct assay_merge *slot = slot_of(merges, merge.left, merge.right);
    if (slot->result != ASSAY_NO_TOKEN) {
        return refuse_merge(rank, text, "is there twice", err);
    }
    *slot = merge;
    return ASSAY_OK;
}

enum assay_status assay_merges_read(struct assay_merges *out, const struct assay_gguf *gguf,
                                    const struct assay_vocab *vocab, struct assay_arena *arena,
                                    struct assay_error *err)
{
    struct assay_gguf_array texts = {0};
    enum assay_status status = assay_gguf_get_array(
        gguf, "tokenizer.ggml.merges", ASSAY_GGUF_REQUIRED, ASSAY_GGUF_TEXT, &texts, err);
    if (status) return status;
    if (texts.count > MERGES_MAX) {
        return assay_fail(err, ASSAY_EFORMAT, "%zu merges; at most %d are allowed", texts.count,
                          MERGES_MAX);
    }
    struct assay_merges merges = {.slot_count = 16};
    while (merges.slot_count < 2 * texts.count) merges.slot_count *= 2;
    merges.slots = assay_arena_take(arena, merges.slot_count, sizeof *merges.slots);
    char *bytes = malloc(texts.size + 1);
    if (!merges.slots || !bytes) {
        status = assay_fail(err, ASSAY_EMEMORY, "no memory for %zu merges", texts.count);
        goto done;
    }
    for (size_t i = 0; i < merges.slot_count; i++) merges.slots[i].result = ASSAY_NO_TOKEN;
    size_t position = 0;
    for (uint32_t i = 0; i < texts.count; i++) {
        struct assay_gguf_text text = assay_gguf_array_text(&texts, &position);
        status = read_merge(&merges, vocab, i, text, bytes, err);
        if (status) goto done;
    }
    *out = merges;
done:
    free(bytes);
    return status;
}

struct assay_symbol {
    uint32_t token; /* ASSAY_NO_TOKEN once it has joined the one on its left */
    uint32_t previous, next;
};

/* A pair that may join, as it was when it was found. */
struct assay_candidate {
    uint32_t rank, at; /* `at` is the left symbol */
    uint32_t left, right, result;
};

/* The word being merged. */
struct word {
    const struct assay_merges *merges;
    struct assay_symbol *symbols; /* neighbours by index; `count` is behind the last */
    struct assay_candidate *heap;
    size_t heap_count;
    uint32_t count;
};

static bool comes_first(const struct assay_candidate *a, const struct assay_candidate *b)
{
    return a->rank != b->rank ? a->rank < b->rank : a->at < b->at;
}

static void push(struct word *word, struct assay_candidate candidate)
{
    size_t i = word->heap_count++;
    for (; i > 0; i = (i - 1) / 2) {
        const struct assay_candidate *parent = &word->heap[(i - 1) / 2];
        if (!comes_first(&candidate, parent)) break;
        word->heap[i] = *parent;
    }
    word->heap[i] = candidate;
}

static struct assay_candidate pop(struct word *word)
{
    struct assay_candidate top = word->heap[0], last = word->heap[--word->heap_count];
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

/* Enter the pair of `at` and its right neighbour, if both are there and have a merge. */
static void consider(struct word *word, uint32_t at)
{
    if (at == word->count || word->symbols[at].next == word->count) return;
    uint32_t left = word->symbols[at].token;
    uint32_t right = word->symbols[word->symbols[at].next].token;
    const struct assay_merge *merge = slot_of(word->merges, left, right);
    if (merge->result == ASSAY_NO_TOKEN) return;
    push(word, (struct assay_candidate){merge->rank, at, left, right, merge->result});
}

static void merge_symbols(struct word *word)
{
    struct assay_symbol *symbols = word->symbols;
    while (word->heap_count > 0) {
        struct assay_candidate c = pop(word);
        uint32_t gone = symbols[c.at].next;
        if (symbols[c.at].token != c.left || gone == word->count ||
            symbols[gone].token != c.right) {
            continue;
        }
        symbols[c.at].token = c.result;
        symbols[c.at].next = symbols[gone].next;
        symbols[gone].token = ASSAY_NO_TOKEN;
        if (symbols[gone].next != word->count) symbols[symbols[gone].next].previous = c.at;
        consider(word, symbols[c.at].previous);
        consider(word, c.at);
    }
}

/* A word of n symbols has n − 1 pairs, and each of at most n − 1 merges makes two more. */
static enum assay_status reserve(struct assay_merge_room *room, size_t count,
                                 struct assay_error *err)
{
    if (count <= room->capacity) return ASSAY_OK;
    size_t capacity = 2 * count;
    struct assay_symbol *symbols = realloc(room->symbols, capacity * sizeof *symbols);
    if (symbols) room->symbols = symbols;
    struct assay_candidate *heap = realloc(room->heap, 3 * capacity * sizeof *heap);
    if (heap) room->heap = heap;
    if (!symbols || !heap) {
        return assay_fail(err, ASSAY_EMEMORY, "no memory for a word of %zu bytes", count);
    }
    room->capacity = capacity;
    return ASSAY_OK;
}

void assay_merge_room_fini(struct assay_merge_room *room)
{
    free(room->symbols);
    free(room->heap);
    *room = (struct assay_merge_room){0};
}

enum assay_status assay_merges_apply(const struct assay_merges *merges,
                                     struct assay_merge_room *room, uint32_t *tokens, size_t *count,
                                     struct assay_error *err)
{
    if (*count < 2) return ASSAY_OK;
    if (*count > WORD_SYMBOLS_MAX) {
        return assay_fail(err, ASSAY_EVALUE, "a word of %zu bytes; at most %d are allowed", *count,
                          WORD_SYMBOLS_MAX);
    }
    enum assay_status status = reserve(room, *count, err);
    if (status) return status;
    struct word word = {merges, room->symbols, room->heap, 0, (uint32_t)*count};
    for (uint32_t i = 0; i < word.count; i++) {
        word.symbols[i] = (struct assay_symbol){tokens[i], i == 0 ? word.count : i - 1, i + 1};
    }
    for (uint32_t i = 0; i < word.count; i++) consider(&word, i);
    merge_symbols(&word);
    size_t merged = 0;
    for (uint32_t i = 0; i < word.count; i++) {
        if (word.symbols[i].token != ASSAY_NO_TOKEN) tokens[merged++] = word.symbols[i].token;
    }
    *count = merged;
    return ASSAY_OK;
}

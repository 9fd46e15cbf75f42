/* A table without chains: a text has one place, by its hash. */
#include "model/memo.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

struct slot {
    uint32_t size, count; /* bytes and tokens; size 0: empty */
};

struct assay_memo {
    size_t slots, bytes_max, tokens_max;
    struct slot *heads; /* slots of each … */
    uint32_t *tokens;   /* × tokens_max */
    char *texts;        /* × bytes_max */
};

enum assay_status assay_memo_create(struct assay_memo **out, size_t slots, size_t bytes_max,
                                    size_t tokens_max, struct assay_error *err)
{
    ASSAY_ASSERT(slots > 0 && (slots & (slots - 1)) == 0);
    struct assay_memo *memo = calloc(1, sizeof *memo);
    if (memo) {
        *memo = (struct assay_memo){.slots = slots,
                                    .bytes_max = bytes_max,
                                    .tokens_max = tokens_max,
                                    .heads = calloc(slots, sizeof *memo->heads),
                                    .tokens = calloc(slots * tokens_max, sizeof *memo->tokens),
                                    .texts = calloc(slots, bytes_max)};
    }
    if (!memo || !memo->heads || !memo->tokens || !memo->texts) {
        assay_memo_destroy(memo);
        return assay_fail(err, ASSAY_EMEMORY, "no memory for a tokenizer");
    }
    *out = memo;
    return ASSAY_OK;
}

void assay_memo_destroy(struct assay_memo *memo)
{
    if (!memo) return;
    free(memo->texts);
    free(memo->tokens);
    free(memo->heads);
    free(memo);
}

/* FNV-1a, its high bits folded in. */
static size_t place_of(const struct assay_memo *memo, const char *text, size_t size)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < size; i++) hash = (hash ^ (uint8_t)text[i]) * UINT64_C(0x100000001b3);
    return (size_t)(hash ^ hash >> 32) & (memo->slots - 1);
}

const uint32_t *assay_memo_find(const struct assay_memo *memo, const char *text, size_t size,
                                size_t *count)
{
    if (!memo || size == 0 || size > memo->bytes_max) return NULL;
    size_t place = place_of(memo, text, size);
    const struct slot *head = &memo->heads[place];
    if (head->size != size || memcmp(memo->texts + place * memo->bytes_max, text, size) != 0) {
        return NULL;
    }
    *count = head->count;
    return memo->tokens + place * memo->tokens_max;
}

void assay_memo_keep(struct assay_memo *memo, const char *text, size_t size, const void *tokens,
                     size_t count)
{
    if (!memo || size == 0 || size > memo->bytes_max || count > memo->tokens_max) return;
    size_t place = place_of(memo, text, size);
    memo->heads[place] = (struct slot){(uint32_t)size, (uint32_t)count};
    memcpy(memo->texts + place * memo->bytes_max, text, size);
    if (count > 0) memcpy(memo->tokens + place * memo->tokens_max, tokens, count * 4);
}

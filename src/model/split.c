/* Pre-tokenisers as llama.cpp defines them (src/llama-vocab.cpp): a list of patterns, each applied
 * to the pieces that the one before has left; matches and what lies between them are the pieces.
 *
 * White space is written out as Unicode's White_Space, because PCRE2's \s also has U+180E. */
#include "model/split.h"

#include "base/assert.h"
#include "base/regex.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

enum {
    STAGES_MAX = 4,
    CHUNK_BYTES = 512, /* see chunk_size */
    QUOTE_BYTES = 96
};

#define SPACE "\\x{9}-\\x{d}\\x{85}\\p{Z}"
#define SPACES "[" SPACE "]+(?![^" SPACE "])|[" SPACE "]+"
#define GPT2 "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^" SPACE "\\p{L}\\p{N}]+|" SPACES
/* Llama 3's and Qwen's differ in how many digits make a word. */
#define WORDS(digits)                                                                              \
    "'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" digits  \
    "| ?[^" SPACE "\\p{L}\\p{N}]+[\\r\\n]*|[" SPACE "]*[\\r\\n]+|" SPACES
#define QWEN2 WORDS("\\p{N}")
#define LLAMA3 WORDS("\\p{N}{1,3}")

static const struct pre {
    const char *name;
    bool is_llama3;
    const char *patterns[STAGES_MAX]; /* ended by NULL where there are fewer */
} pres[] = {
    {"smollm", false, {"\\p{N}", GPT2}},
    {"gpt-2", false, {GPT2}},
    {"qwen2", false, {QWEN2}},
    {"llama-bpe", true, {LLAMA3}},
    {"llama3", true, {LLAMA3}},
    {"default", false, {"[\\p{P}$+<=>^~|]+", GPT2, "\\p{N}+", "[0-9][0-9][0-9]"}},
};

struct assay_split {
    struct assay_regex *stages[STAGES_MAX];
    size_t stage_count;
    bool is_llama3;
};

/* Where the words go. */
struct sink {
    struct assay_split *split;
    assay_split_word *word;
    void *context;
    struct assay_error *err;
};

static const struct pre *find_pre(const char *name, size_t size)
{
    for (size_t i = 0; i < sizeof pres / sizeof pres[0]; i++) {
        if (strlen(pres[i].name) == size && memcmp(pres[i].name, name, size) == 0) return &pres[i];
    }
    return NULL;
}

enum assay_status assay_split_create(struct assay_split **out, const char *pre, size_t size,
                                     struct assay_error *err)
{
    char quoted[QUOTE_BYTES];
    const struct pre *found = find_pre(pre, size);
    if (!found) {
        return assay_fail(err, ASSAY_EUNSUPPORTED,
                          "pre-tokeniser %s is not supported; supported are smollm, gpt-2, "
                          "qwen2, llama-bpe, llama3 and default",
                          assay_text_quote(quoted, sizeof quoted, pre, size));
    }
    struct assay_split *split = calloc(1, sizeof *split);
    if (!split) return assay_fail(err, ASSAY_EMEMORY, "no memory for a pre-tokeniser");
    split->is_llama3 = found->is_llama3;
    while (split->stage_count < STAGES_MAX && found->patterns[split->stage_count]) {
        enum assay_status status = assay_regex_create(&split->stages[split->stage_count],
                                                      found->patterns[split->stage_count], err);
        if (status) {
            assay_split_destroy(split);
            return status;
        }
        split->stage_count++;
    }
    *out = split;
    return ASSAY_OK;
}

bool assay_split_is_llama3(const struct assay_split *split)
{
    return split->is_llama3;
}

void assay_split_destroy(struct assay_split *split)
{
    if (!split) return;
    for (size_t i = 0; i < split->stage_count; i++) assay_regex_destroy(split->stages[i]);
    free(split);
}

/* Valid UTF-8 through the patterns from `stage` on. The depth is at most STAGES_MAX. */
static enum assay_status split_piece(const struct sink *sink, size_t stage, const char *text,
                                     size_t size)
{
    if (stage == sink->split->stage_count) return sink->word(sink->context, text, size, sink->err);
    for (size_t from = 0; from < size;) {
        bool found = false;
        struct assay_match match = {.start = size, .end = size};
        enum assay_status status = assay_regex_find(sink->split->stages[stage], text, size, from,
                                                    &found, &match, sink->err);
        if (status) return status;
        ASSAY_ASSERT(!found || match.end > match.start);
        if (match.start > from) {
            status = split_piece(sink, stage + 1, text + from, match.start - from);
            if (status) return status;
        }
        if (found) {
            status = split_piece(sink, stage + 1, text + match.start, match.end - match.start);
            if (status) return status;
        }
        from = match.end;
    }
    return ASSAY_OK;
}

/* Every search checks all of its text for UTF-8, so a long text is searched in chunks: the time
 * would else grow with its square. A cut may be made before a space that follows a visible ASCII
 * character: no pattern above matches across this place, nor looks further ahead than to the first
 * character that is not white space. */
static size_t chunk_size(const char *text, size_t size)
{
    for (size_t i = CHUNK_BYTES; i < size; i++) {
        if (text[i] == ' ' && text[i - 1] > ' ' && text[i - 1] <= '~') return i;
    }
    return size;
}

static enum assay_status split_valid(const struct sink *sink, const char *text, size_t size)
{
    while (size > 0) {
        size_t chunk = chunk_size(text, size);
        enum assay_status status = split_piece(sink, 0, text, chunk);
        if (status) return status;
        text += chunk;
        size -= chunk;
    }
    return ASSAY_OK;
}

enum assay_status assay_split_text(struct assay_split *split, const char *text, size_t size,
                                   assay_split_word *word, void *context, struct assay_error *err)
{
    const struct sink sink = {split, word, context, err};
    while (size > 0) {
        size_t valid = assay_text_utf8_prefix(text, size);
        enum assay_status status = split_valid(&sink, text, valid);
        if (!status && valid < size) status = word(context, text + valid, 1, err);
        if (status) return status;
        if (valid < size) valid++;
        text += valid;
        size -= valid;
    }
    return ASSAY_OK;
}

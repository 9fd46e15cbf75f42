/* The places of prompts. There are few, and all are looked at for each new prompt. */
#include "engine/prompt.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

/* Waiting for another prompt's beginning holds up the queue for a pass; less than this many tokens
 * are not worth it. */
enum { WAIT_TOKENS_MIN = ASSAY_CHUNK };

enum assay_status assay_prompts_init(struct assay_prompts *prompts, size_t place_count,
                                     struct assay_kv_pool *pool, uint32_t context, size_t vocab,
                                     struct assay_error *err)
{
    enum assay_status status = ASSAY_OK;
    *prompts = (struct assay_prompts){.place_count = place_count};
    prompts->places = calloc(place_count, sizeof *prompts->places);
    if (!prompts->places) return assay_fail(err, ASSAY_EMEMORY, "no memory for prompts");
    for (size_t i = 0; !status && i < place_count; i++) {
        struct assay_prompt *prompt = &prompts->places[i];
        prompt->tokens = calloc(context, sizeof *prompt->tokens);
        prompt->logits = calloc(vocab, sizeof *prompt->logits);
        status = prompt->tokens && prompt->logits
                     ? assay_kv_table_init(&prompt->table, pool, err)
                     : assay_fail(err, ASSAY_EMEMORY, "no memory for %zu prompts", place_count);
    }
    if (status) assay_prompts_fini(prompts);
    return status;
}

uint64_t assay_prompts_bytes(size_t place_count, uint32_t context, size_t vocab)
{
    return place_count * (sizeof(struct assay_prompt) + (uint64_t)context * sizeof(uint32_t) +
                          (uint64_t)vocab * sizeof(float));
}

void assay_prompts_fini(struct assay_prompts *prompts)
{
    for (size_t i = 0; prompts->places && i < prompts->place_count; i++) {
        assay_kv_table_fini(&prompts->places[i].table);
        free(prompts->places[i].logits);
        free(prompts->places[i].tokens);
    }
    free(prompts->places);
    *prompts = (struct assay_prompts){0};
}

static size_t common_length(const struct assay_prompt *prompt, const uint32_t *tokens, size_t count)
{
    size_t length = 0, shorter = prompt->count < count ? prompt->count : count;
    while (length < shorter && prompt->tokens[length] == tokens[length]) length++;
    return length;
}

/* What to take over from whom. The last position is always computed anew, for its logits. */
struct beginning {
    struct assay_prompt *from; /* NULL: nobody */
    size_t count;              /* positions computed by `from` */
    size_t promised;           /* the most that some prompt under way will have in common */
};

static struct beginning longest_beginning(const struct assay_prompts *prompts,
                                          const uint32_t *tokens, size_t count)
{
    struct beginning best = {0};
    for (size_t i = 0; i < prompts->place_count; i++) {
        struct assay_prompt *prompt = &prompts->places[i];
        size_t common = common_length(prompt, tokens, count - 1);
        size_t computed = common < prompt->computed ? common : prompt->computed;
        if (computed > best.count) {
            best.from = prompt;
            best.count = computed;
        }
        if (common > best.promised) best.promised = common;
    }
    return best;
}

static struct assay_prompt *same_prompt(const struct assay_prompts *prompts, const uint32_t *tokens,
                                        size_t count)
{
    for (size_t i = 0; i < prompts->place_count; i++) {
        struct assay_prompt *prompt = &prompts->places[i];
        if (prompt->count == count && common_length(prompt, tokens, count) == count) return prompt;
    }
    return NULL;
}

/* An empty place, else the unused one that was joined longest ago; `spare` only if it is the last.
 */
static struct assay_prompt *vacate(const struct assay_prompts *prompts,
                                   const struct assay_prompt *spare)
{
    struct assay_prompt *oldest = NULL;
    for (size_t i = 0; i < prompts->place_count; i++) {
        struct assay_prompt *prompt = &prompts->places[i];
        if (prompt->users > 0) continue;
        if (!oldest || oldest == spare || (prompt != spare && prompt->stamp < oldest->stamp)) {
            oldest = prompt;
        }
    }
    return oldest;
}

struct assay_prompt *assay_prompts_join(struct assay_prompts *prompts, const uint32_t *tokens,
                                        size_t count)
{
    struct assay_prompt *prompt = same_prompt(prompts, tokens, count);
    if (!prompt) {
        struct beginning beginning = longest_beginning(prompts, tokens, count);
        if (beginning.promised >= beginning.count + WAIT_TOKENS_MIN) return NULL;
        prompt = vacate(prompts, beginning.from);
        if (!prompt) return NULL;
        if (prompt == beginning.from) {
            assay_kv_cut(&prompt->table, beginning.count);
        } else {
            assay_kv_cut(&prompt->table, 0);
            if (beginning.from) {
                assay_kv_share(&prompt->table, &beginning.from->table, beginning.count);
            }
        }
        memcpy(prompt->tokens, tokens, count * sizeof *tokens);
        prompt->count = count;
        prompt->computed = prompt->planned = beginning.count;
        prompt->begun = 0;
    }
    prompt->users++;
    prompt->stamp = ++prompts->clock;
    return prompt;
}

void assay_prompts_leave(struct assay_prompt *prompt)
{
    ASSAY_ASSERT(prompt->users > 0);
    prompt->users--;
}

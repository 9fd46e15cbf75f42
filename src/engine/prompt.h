/* Prompts whose keys and values are being computed, in use, or kept in case the next prompt begins
 * alike. Requests with the same prompt share one; a new prompt takes over the pages of the longest
 * beginning that some kept prompt has in common with it. */
#ifndef ASSAY_ENGINE_PROMPT_H
#define ASSAY_ENGINE_PROMPT_H

#include "engine/kv.h"

struct assay_prompt {
    size_t count;     /* tokens; 0 where this place is empty */
    size_t computed;  /* positions whose keys and values are in the table */
    size_t planned;   /* the same with those of the pass being made */
    uint32_t *tokens; /* [context] */
    float *logits;    /* [vocab] of the last position, once computed == count */
    struct assay_kv_table table;
    size_t users;   /* requests that still have samples to begin */
    size_t begun;   /* samples begun from it */
    uint64_t stamp; /* when it was last joined: the smallest unused one is given up first */
};

struct assay_prompts {
    struct assay_prompt *places; /* [place_count] */
    size_t place_count;
    uint64_t clock;
};

ASSAY_MUST_CHECK enum assay_status assay_prompts_init(struct assay_prompts *prompts,
                                                      size_t place_count,
                                                      struct assay_kv_pool *pool, uint32_t context,
                                                      size_t vocab, struct assay_error *err);
/* What they take besides the pool. */
uint64_t assay_prompts_bytes(size_t place_count, uint32_t context, size_t vocab);
void assay_prompts_fini(struct assay_prompts *prompts); /* zeroed is fine */

/* The prompt with these tokens, one more user in it. NULL: not now, because every place is in use,
 * or because another prompt is about to compute a beginning that this one can take over. */
struct assay_prompt *assay_prompts_join(struct assay_prompts *prompts, const uint32_t *tokens,
                                        size_t count);
/* One user fewer; an unused prompt is kept until its place is needed. */
void assay_prompts_leave(struct assay_prompt *prompt);
static inline bool assay_prompt_ready(const struct assay_prompt *prompt)
{
    return prompt->computed == prompt->count;
}

#endif

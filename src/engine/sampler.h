/* The sampler, sampler-1 (FORMAT.md 2.2 to 2.4): a row of logits, a profile and a random stream
 * give a token. Everything after the logits is in integers, so that any sum may be taken in any
 * order. */
#ifndef ASSAY_ENGINE_SAMPLER_H
#define ASSAY_ENGINE_SAMPLER_H

#include "assay/spec.h"
#include "engine/draw.h"

#include <stdbool.h>

struct assay_backend;
struct assay_sampler; /* the scratch of one thread */

/* At most this many logits: their weights, 2^40 each, then add up within 64 bits. */
enum { ASSAY_SAMPLER_VOCAB_MAX = 1 << 23 };

ASSAY_MUST_CHECK enum assay_status assay_sampler_create(struct assay_sampler **out,
                                                        const struct assay_backend *backend,
                                                        size_t vocab, struct assay_error *err);
uint64_t assay_sampler_bytes(size_t vocab);                /* what it takes */
void assay_sampler_destroy(struct assay_sampler *sampler); /* NULL is fine */

/* What a verifier needs to follow a draw. At temperature 0: weight = total = 1, lo = 0. */
struct assay_choice {
    uint32_t token;
    float log_prob;  /* 1.11, of the logits as they came */
    uint64_t lo;     /* kept weights of smaller ids */
    uint64_t weight; /* of the token */
    uint64_t total;  /* kept weights */
};

/* Choose from `logits` (vocab of them, not changed). `history` is the prompt and the output so far,
 * for the repetition penalty. Takes one number from the stream unless the temperature is 0. False,
 * and nothing taken, when the outcome is `nonfinite` (2.2). */
ASSAY_MUST_CHECK bool assay_sampler_choose(struct assay_sampler *sampler, const float *logits,
                                           const struct assay_profile *profile,
                                           const uint32_t *history, size_t history_count,
                                           struct assay_draw_stream *stream,
                                           struct assay_choice *out);

/* How probable `token` is: its log_prob (1.11), and whether temperature 0 would take it (2.2).
 * False when the outcome is `nonfinite`. */
ASSAY_MUST_CHECK bool assay_sampler_score(struct assay_sampler *sampler, const float *logits,
                                          uint32_t token, float *log_prob, bool *greedy);

#endif

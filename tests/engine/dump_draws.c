/* Stored logits and what the real sampler draws from them, as text, for check_draws.py:
 *   P name temperature top_p top_k min_p penalty draw replicates sets replicate group-key-hex
 *   then for each step: L and the bits of all logits in hex, T token log_prob-bits u lo weight
 * total. */
#include "assay/backend.h"
#include "assay/session.h"
#include "base/exact.h"
#include "crypto/digest.h"
#include "engine/sampler.h"

#include <inttypes.h>
#include <stdio.h>

enum { VOCAB = 80, STEPS = 20, PROMPT = 3, REPLICATES = 8, SETS = 2 };

static const struct assay_profile profiles[] = {
    {"plain", 1000, 1000, 0, 0, 1000, ASSAY_DRAW_IID},
    {"cool", 300, 950, 0, 0, 1000, ASSAY_DRAW_STRAT},
    {"warm", 700, 900, 12, 0, 1100, ASSAY_DRAW_LHS},
    {"hot", 1500, 1000, 40, 20, 1000, ASSAY_DRAW_LATTICE},
    {"least", 800, 1000, 0, 100, 1300, ASSAY_DRAW_STRAT},
    {"greedy", 0, 1000, 0, 0, 1200, ASSAY_DRAW_IID},
    {"other", 1000, 1000, 0, 0, 900, ASSAY_DRAW_LATTICE}};

/* Logits that look like a model's: a spread of a few units, ties, both zeros, some masked. */
static void fill(float *logits, const struct assay_digest *key, uint32_t step)
{
    for (uint32_t i = 0; i < VOCAB; i++) {
        uint64_t word = assay_draw_word(key, step, ASSAY_PURPOSE_DRAW, 1000 + i);
        float a = (float)(word & 0xffff) / 65536.0f, b = (float)(word >> 16 & 0xffff) / 65536.0f;
        logits[i] = (a + b - 1.0f) * 9.0f;
        if (word >> 60 == 0) logits[i] = 2.5f; /* ties */
        if (word >> 56 == 0x11) logits[i] = -0.0f;
        if (word >> 56 == 0x12) logits[i] = 0.0f;
        if (word >> 56 == 0x13) logits[i] = -INFINITY;
    }
}

static int dump(struct assay_sampler *sampler, const struct assay_profile *profile,
                uint32_t replicate)
{
    struct assay_digest key = assay_sha256_of(profile->name, 4);
    struct assay_draw_stream stream;
    uint32_t history[PROMPT + STEPS] = {1, 2, 2};
    float logits[VOCAB];
    char hex[ASSAY_DIGEST_HEX];
    assay_draw_begin(&stream, profile->draw, REPLICATES, SETS, replicate, &key);
    printf("P %s %u %u %u %u %u %s %d %d %u %s\n", profile->name, profile->temperature_milli,
           profile->top_p_milli, profile->top_k, profile->min_p_milli,
           profile->repetition_penalty_milli, assay_draw_name(profile->draw), REPLICATES, SETS,
           replicate, assay_digest_hex(&key, hex));
    for (uint32_t t = 0; t < STEPS; t++) {
        struct assay_choice choice;
        fill(logits, &key, t * 31 + replicate);
        if (!assay_sampler_choose(sampler, logits, profile, history, PROMPT + t, &stream,
                                  &choice)) {
            return 1;
        }
        printf("L");
        for (int i = 0; i < VOCAB; i++) printf(" %08x", assay_bits(logits[i]));
        printf("\nT %u %08x %016" PRIx64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", choice.token,
               assay_bits(choice.log_prob), stream.u, choice.lo, choice.weight, choice.total);
        history[PROMPT + t] = choice.token;
    }
    return 0;
}

int main(int argc, char **argv)
{
    const struct assay_backend *backend;
    struct assay_sampler *sampler;
    struct assay_error err = {0};
    int failed = 0;
    if (assay_backend_find(&backend, argc > 1 ? argv[1] : "auto", &err) ||
        assay_sampler_create(&sampler, backend, VOCAB, &err)) {
        fprintf(stderr, "dump_draws: %s\n", err.text);
        return 1;
    }
    for (size_t p = 0; p < sizeof profiles / sizeof profiles[0]; p++) {
        for (uint32_t r = 0; r < REPLICATES; r++) failed |= dump(sampler, &profiles[p], r);
    }
    assay_sampler_destroy(sampler);
    return failed;
}

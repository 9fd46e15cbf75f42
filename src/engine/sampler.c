/* A draw without filters sums the weights in blocks, finds the block that the threshold falls into,
 * and walks through that block alone. A filter first gathers the few tokens that it can keep, then
 * answers top-k, top-p and the draw by weighted selection; nothing sorts the vocabulary. */
#include "engine/sampler.h"

#include "backend/backend.h"
#include "base/arena.h"
#include "base/assert.h"
#include "base/exact.h"
#include "engine/select.h"

#include <stdlib.h>

static const float least_argument = -28.5f; /* a weight is 0 below it */
static const uint64_t weight_one = (uint64_t)1 << 40;

struct assay_sampler {
    const struct assay_backend *backend;
    size_t vocab;
    float *penalised;            /* [vocab] */
    uint64_t *sums;              /* one for each ASSAY_WEIGHT_BLOCK logits */
    struct assay_entry *entries; /* [vocab] what a filter may keep */
    uint32_t *seen;              /* [vocab] round in which a token was last met in a history */
    uint32_t round;
};

/* A row as the filters see it. */
struct row {
    const float *logits; /* after the penalty */
    float max, inv_t;
};

enum assay_status assay_sampler_create(struct assay_sampler **out,
                                       const struct assay_backend *backend, size_t vocab,
                                       struct assay_error *err)
{
    if (vocab < 1 || vocab > ASSAY_SAMPLER_VOCAB_MAX) {
        return assay_fail(err, ASSAY_EUNSUPPORTED, "a vocabulary of %zu: must be 1 to %d", vocab,
                          ASSAY_SAMPLER_VOCAB_MAX);
    }
    struct assay_sampler *sampler = calloc(1, sizeof *sampler);
    if (!sampler) return assay_fail(err, ASSAY_EMEMORY, "no memory for a sampler");
    sampler->backend = backend;
    sampler->vocab = vocab;
    sampler->penalised = calloc(vocab, sizeof *sampler->penalised);
    sampler->sums = calloc(vocab / ASSAY_WEIGHT_BLOCK + 1, sizeof *sampler->sums);
    sampler->entries = calloc(vocab, sizeof *sampler->entries);
    sampler->seen = calloc(vocab, sizeof *sampler->seen);
    if (!sampler->penalised || !sampler->sums || !sampler->entries || !sampler->seen) {
        assay_sampler_destroy(sampler);
        return assay_fail(err, ASSAY_EMEMORY, "no memory for a sampler of %zu logits", vocab);
    }
    *out = sampler;
    return ASSAY_OK;
}

uint64_t assay_sampler_bytes(size_t vocab)
{
    return vocab * (sizeof(float) + sizeof(struct assay_entry) + sizeof(uint32_t)) +
           (vocab / ASSAY_WEIGHT_BLOCK + 1) * sizeof(uint64_t);
}

void assay_sampler_destroy(struct assay_sampler *sampler)
{
    if (!sampler) return;
    free(sampler->seen);
    free(sampler->entries);
    free(sampler->sums);
    free(sampler->penalised);
    free(sampler);
}

static uint64_t weight_of(const struct row *row, size_t token)
{
    return assay_weight((row->logits[token] - row->max) * row->inv_t);
}

/* --- penalty */

/* A copy of the logits with the distinct tokens of the history penalised. */
static const float *penalise(struct assay_sampler *sampler, const float *logits,
                             uint32_t penalty_milli, const uint32_t *history, size_t count)
{
    float penalty = (float)penalty_milli / 1000.0f;
    float *to = sampler->penalised;
    memcpy(to, logits, sampler->vocab * sizeof *to);
    if (++sampler->round == 0) {
        memset(sampler->seen, 0, sampler->vocab * sizeof *sampler->seen);
        sampler->round = 1;
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t token = history[i];
        ASSAY_ASSERT(token < sampler->vocab);
        if (sampler->seen[token] == sampler->round) continue;
        sampler->seen[token] = sampler->round;
        to[token] = to[token] > 0.0f ? to[token] / penalty : to[token] * penalty;
    }
    return to;
}

/* --- order: logit descending (−0 = +0), id ascending, as one descending integer */

static uint64_t order_key(float logit, uint32_t token)
{
    uint32_t u = assay_bits(logit + 0.0f); /* −0 becomes +0 */
    u = u & 0x80000000u ? ~u : u | 0x80000000u;
    return (uint64_t)u << 32 | (uint32_t)~token;
}

static uint32_t token_of(uint64_t key)
{
    return (uint32_t)~key;
}

/* --- filters; each works on entries[0 … count) and returns how many it keeps, in front */

/* The k first tokens, as entries with their weights. A buffer of 2k is cut back to the best k
 * whenever it is full; after that only what beats the k-th is looked at. */
static size_t filter_top_k(struct assay_sampler *sampler, const struct row *row, size_t k)
{
    struct assay_entry *entries = sampler->entries;
    size_t room = k < sampler->vocab / 2 ? 2 * k : sampler->vocab, count = 0;
    float floor = -INFINITY;
    for (size_t i = 0; i < sampler->vocab; i++) {
        if (row->logits[i] < floor) continue;
        if (count == room) {
            count = assay_select_prefix(entries, count, k, NULL);
            floor = row->logits[token_of(entries[count - 1].key)];
            if (row->logits[i] < floor) continue;
        }
        entries[count++] = (struct assay_entry){order_key(row->logits[i], (uint32_t)i), 1};
    }
    count = assay_select_prefix(entries, count, k, NULL);
    for (size_t i = 0; i < count; i++) entries[i].weight = weight_of(row, token_of(entries[i].key));
    return count;
}

/* An argument below which every weight is less than `least`; not far below the highest such. */
static float argument_floor(uint64_t least)
{
    float x = (float)assay_ln((double)least, -40);
    while (assay_weight(x) >= least) x -= 0.0625f;
    return x > least_argument ? x : least_argument;
}

/* All tokens with a weight of at least `least` ≥ 1. */
static size_t gather(struct assay_sampler *sampler, const struct row *row, uint64_t least)
{
    float floor = argument_floor(least);
    size_t count = 0;
    for (size_t i = 0; i < sampler->vocab; i++) {
        float x = (row->logits[i] - row->max) * row->inv_t;
        if (!(x >= floor)) continue;
        uint64_t weight = assay_weight(x);
        if (weight < least) continue;
        sampler->entries[count++] =
            (struct assay_entry){order_key(row->logits[i], (uint32_t)i), weight};
    }
    return count;
}

static uint64_t total_of(const struct assay_entry *entries, size_t count)
{
    uint64_t total = 0;
    for (size_t i = 0; i < count; i++) total += entries[i].weight;
    return total;
}

/* The least cum with 1000·cum ≥ p·total. */
static uint64_t top_p_target(uint64_t total, uint32_t p_milli)
{
    return total / 1000 * p_milli + (total % 1000 * p_milli + 999) / 1000;
}

/* A weight below which no token can belong to the top-p prefix: all the lighter ones together weigh
 * no more than what top-p leaves out. */
static uint64_t top_p_least(const struct assay_sampler *sampler, uint64_t total, uint32_t p_milli)
{
    uint64_t least = total / 1000 * (1000 - p_milli) / sampler->vocab;
    return least > 0 ? least : 1;
}

/* The least weight with weight·1000 ≥ q·2^40. */
static uint64_t min_p_least(uint32_t q_milli)
{
    uint64_t least = (q_milli * weight_one + 999) / 1000;
    return least > 0 ? least : 1;
}

static size_t filter_min_p(struct assay_entry *entries, size_t count, uint32_t q_milli)
{
    uint64_t least = min_p_least(q_milli);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (entries[i].weight >= least) entries[kept++] = entries[i];
    }
    return kept;
}

/* All of a profile's filters. `total` is the weight of the whole row. */
static size_t filter(struct assay_sampler *sampler, const struct row *row, uint64_t total,
                     const struct assay_profile *profile)
{
    struct assay_entry *entries = sampler->entries;
    size_t count;
    if (profile->top_k > 0 && profile->top_k < sampler->vocab) {
        count = filter_top_k(sampler, row, profile->top_k);
        total = total_of(entries, count);
    } else {
        uint64_t least = min_p_least(profile->min_p_milli);
        if (profile->top_p_milli < 1000) {
            uint64_t other = top_p_least(sampler, total, profile->top_p_milli);
            least = other > least ? other : least;
        }
        count = gather(sampler, row, least);
    }
    if (profile->top_p_milli < 1000) {
        uint64_t target = top_p_target(total, profile->top_p_milli);
        count = assay_select_prefix(entries, count, target, NULL);
    }
    return filter_min_p(entries, count, profile->min_p_milli);
}

/* --- draw */

/* The kept token that the threshold falls on: a selection by ascending id. */
static void draw_entries(struct assay_entry *entries, size_t count, uint64_t threshold,
                         struct assay_choice *out)
{
    for (size_t i = 0; i < count; i++) entries[i].key = (uint32_t)entries[i].key;
    size_t prefix = assay_select_prefix(entries, count, threshold + 1, &out->lo);
    out->token = token_of(entries[prefix - 1].key);
    out->weight = entries[prefix - 1].weight;
}

/* The same over the whole vocabulary, by way of the blocks' sums. */
static void draw_row(const struct assay_sampler *sampler, const struct row *row, uint64_t threshold,
                     struct assay_choice *out)
{
    size_t block = 0;
    uint64_t lo = 0, weight;
    while (threshold - lo >= sampler->sums[block]) lo += sampler->sums[block++];
    size_t token = block * ASSAY_WEIGHT_BLOCK;
    while (threshold - lo >= (weight = weight_of(row, token))) {
        lo += weight;
        token++;
    }
    ASSAY_ASSERT(token < sampler->vocab);
    out->token = (uint32_t)token;
    out->lo = lo;
    out->weight = weight;
}

static bool filters(const struct assay_profile *profile, size_t vocab)
{
    return (profile->top_k > 0 && profile->top_k < vocab) || profile->top_p_milli < 1000 ||
           profile->min_p_milli > 0;
}

static void draw(struct assay_sampler *sampler, const struct row *row,
                 const struct assay_profile *profile, uint64_t total,
                 struct assay_draw_stream *stream, struct assay_choice *out)
{
    if (filters(profile, sampler->vocab)) {
        size_t count = filter(sampler, row, total, profile);
        out->total = total_of(sampler->entries, count);
        uint64_t u = assay_draw_next(stream);
        draw_entries(sampler->entries, count, assay_draw_threshold(u, out->total), out);
    } else {
        out->total = total;
        uint64_t u = assay_draw_next(stream);
        draw_row(sampler, row, assay_draw_threshold(u, total), out);
    }
    ASSAY_ASSERT(out->weight > 0);
    assay_draw_taken(stream, out->lo, out->weight, out->total);
}

static uint32_t largest(const float *logits, float max)
{
    uint32_t token = 0;
    while (!(logits[token] == max)) token++;
    return token;
}

static void take_largest(const struct row *row, struct assay_choice *out)
{
    *out = (struct assay_choice){
        .token = largest(row->logits, row->max), .lo = 0, .weight = 1, .total = 1};
}

static float log_prob(float logit, float max, uint64_t total)
{
    return (float)((double)(logit - max) - assay_ln((double)total, -40));
}

bool assay_sampler_score(struct assay_sampler *sampler, const float *logits, uint32_t token,
                         float *to, bool *greedy)
{
    const struct assay_backend *backend = sampler->backend;
    bool finite;
    ASSAY_ASSERT(token < sampler->vocab);
    float max = backend->logit_max(logits, sampler->vocab, &finite);
    if (!finite) return false;
    uint64_t total = backend->weight_sums(logits, sampler->vocab, max, 1.0f, sampler->sums);
    *to = log_prob(logits[token], max, total);
    *greedy = largest(logits, max) == token;
    return true;
}

bool assay_sampler_choose(struct assay_sampler *sampler, const float *logits,
                          const struct assay_profile *profile, const uint32_t *history,
                          size_t history_count, struct assay_draw_stream *stream,
                          struct assay_choice *out)
{
    const struct assay_backend *backend = sampler->backend;
    bool is_penalised = profile->repetition_penalty_milli != 1000, finite;
    struct row row = {.logits = logits};
    if (is_penalised) {
        row.logits =
            penalise(sampler, logits, profile->repetition_penalty_milli, history, history_count);
    }
    row.max = backend->logit_max(row.logits, sampler->vocab, &finite);
    if (!finite) return false;

    uint64_t total = 0;
    if (profile->temperature_milli == 0) {
        take_largest(&row, out);
    } else {
        row.inv_t = 1000.0f / (float)profile->temperature_milli;
        total = backend->weight_sums(row.logits, sampler->vocab, row.max, row.inv_t, sampler->sums);
        draw(sampler, &row, profile, total, stream, out);
    }
    float max = row.max;
    if (is_penalised) max = backend->logit_max(logits, sampler->vocab, &finite);
    if (is_penalised || profile->temperature_milli != 1000) {
        total = backend->weight_sums(logits, sampler->vocab, max, 1.0f, sampler->sums);
    }
    out->log_prob = log_prob(logits[out->token], max, total);
    return true;
}

/* The sampler against FORMAT.md 2.2 to 2.4 written down naively: sort everything, then walk. */
#include "harness/check.h"

#include "backend/backend.h"
#include "base/exact.h"
#include "base/philox.h"
#include "engine/sampler.h"

#include <math.h>
#include <stdlib.h>

enum { CASES = 6000, VOCAB_MAX = 700, HISTORY_MAX = 40 };

/* --- the naive sampler */

struct kept {
    float logit;
    uint32_t id;
    uint64_t weight;
};

static int by_logit(const void *a, const void *b)
{
    const struct kept *x = a, *y = b;
    if (x->logit > y->logit) return -1;
    if (x->logit < y->logit) return 1;
    return x->id < y->id ? -1 : 1;
}

static int by_id(const void *a, const void *b)
{
    const struct kept *x = a, *y = b;
    return x->id < y->id ? -1 : 1;
}

struct naive {
    float logits[VOCAB_MAX]; /* penalised */
    struct kept kept[VOCAB_MAX];
    size_t count;
    bool finite;
    float max;
};

static void naive_penalty(struct naive *n, size_t vocab, uint32_t r, const uint32_t *history,
                          size_t history_count)
{
    for (uint32_t token = 0; token < vocab; token++) {
        bool met = false;
        for (size_t i = 0; i < history_count; i++) met |= history[i] == token;
        if (!met) continue;
        float l = n->logits[token], rho = (float)r / 1000.0f;
        n->logits[token] = l > 0 ? l / rho : l * rho;
    }
}

static uint64_t naive_total(const struct naive *n)
{
    uint64_t total = 0;
    for (size_t i = 0; i < n->count; i++) total += n->kept[i].weight;
    return total;
}

static void naive_filter(struct naive *n, const struct assay_profile *p)
{
    qsort(n->kept, n->count, sizeof *n->kept, by_logit);
    if (p->top_k > 0 && p->top_k < n->count) n->count = p->top_k;
    assay_u128 total = naive_total(n), cum = 0;
    if (p->top_p_milli < 1000) {
        size_t prefix = 0;
        while (1000 * cum < p->top_p_milli * total) cum += n->kept[prefix++].weight;
        n->count = prefix;
    }
    size_t count = 0;
    for (size_t i = 0; i < n->count; i++) {
        if ((assay_u128)n->kept[i].weight * 1000 >= (assay_u128)p->min_p_milli << 40) {
            n->kept[count++] = n->kept[i];
        }
    }
    n->count = count;
}

static void naive_weights(struct naive *n, const float *logits, size_t vocab,
                          const struct assay_profile *p, const uint32_t *history,
                          size_t history_count)
{
    memcpy(n->logits, logits, vocab * sizeof *logits);
    naive_penalty(n, vocab, p->repetition_penalty_milli, history, history_count);
    n->finite = true;
    n->max = -INFINITY;
    for (size_t i = 0; i < vocab; i++) {
        if (isnan(n->logits[i]) || n->logits[i] == INFINITY) n->finite = false;
        if (n->logits[i] > n->max) n->max = n->logits[i];
    }
    if (n->max == -INFINITY) n->finite = false;
    if (!n->finite || p->temperature_milli == 0) return;
    float inv_t = 1000.0f / (float)p->temperature_milli;
    for (uint32_t i = 0; i < vocab; i++) {
        n->kept[i] = (struct kept){n->logits[i], i, assay_weight((n->logits[i] - n->max) * inv_t)};
    }
    n->count = vocab;
}

static float naive_log_prob(const float *logits, size_t vocab, uint32_t token)
{
    float max = -INFINITY;
    uint64_t total = 0;
    for (size_t i = 0; i < vocab; i++) max = logits[i] > max ? logits[i] : max;
    max += 0.0f; /* −0 becomes +0 */
    for (size_t i = 0; i < vocab; i++) total += assay_weight(logits[i] - max);
    return (float)((double)(logits[token] - max) - assay_ln((double)total, -40));
}

static bool naive_choose(const float *logits, size_t vocab, const struct assay_profile *p,
                         const uint32_t *history, size_t history_count,
                         struct assay_draw_stream *stream, struct assay_choice *out)
{
    static struct naive n;
    naive_weights(&n, logits, vocab, p, history, history_count);
    if (!n.finite) return false;
    if (p->temperature_milli == 0) {
        uint32_t token = 0;
        while (n.logits[token] < n.max) token++;
        *out = (struct assay_choice){.token = token, .weight = 1, .total = 1};
    } else {
        naive_filter(&n, p);
        qsort(n.kept, n.count, sizeof *n.kept, by_id);
        out->total = naive_total(&n);
        out->lo = 0;
        uint64_t threshold = assay_draw_threshold(assay_draw_next(stream), out->total);
        size_t i = 0;
        while (threshold - out->lo >= n.kept[i].weight) out->lo += n.kept[i++].weight;
        out->token = n.kept[i].id;
        out->weight = n.kept[i].weight;
        assay_draw_taken(stream, out->lo, out->weight, out->total);
    }
    out->log_prob = naive_log_prob(logits, vocab, out->token);
    return true;
}

/* --- random cases */

static uint32_t random_word(uint32_t stream, uint32_t index)
{
    uint32_t x[4] = {index, stream, 7, 0};
    assay_philox(x, 5, 6);
    return x[0];
}

/* Shapes that logits come in, and some that break sorting: ties, both zeros, masks, extremes. */
static float random_logit(uint32_t c, uint32_t i)
{
    uint32_t x = random_word(c, 100 + i);
    float uniform = (float)(x >> 8) * 0x1p-24f;
    switch (c % 7) {
    case 0:
        return uniform * 20.0f - 10.0f;
    case 1:
        return (float)(x % 5) - 2.0f; /* many ties */
    case 2:
        return x % 3 == 0 ? -INFINITY : uniform * 4.0f;
    case 3:
        return x % 4 == 0 ? 0.0f : x % 4 == 1 ? -0.0f : x % 4 == 2 ? -1.0f : -INFINITY;
    case 4:
        return uniform * uniform * uniform * 60.0f; /* a few stand out, most weigh nothing */
    case 5:
        return x % 100 == 0 ? 3e38f * (uniform - 0.5f) * 2.0f : -uniform;
    default:
        return 1.0f + uniform * 1e-6f; /* nearly equal: equal weights of unequal logits */
    }
}

static struct assay_profile random_profile(uint32_t c, size_t vocab)
{
    static const uint32_t temperatures[] = {0, 1, 100, 700, 800, 1000, 1500, 10000};
    static const uint32_t top_ps[] = {1, 10, 500, 900, 950, 999};
    static const uint32_t min_ps[] = {1, 50, 200, 999, 1000};
    static const uint32_t penalties[] = {100, 900, 1100, 10000};
    struct assay_profile p = {.name = "random",
                              .temperature_milli = temperatures[random_word(c, 1) % 8],
                              .top_p_milli = 1000,
                              .repetition_penalty_milli = 1000,
                              .draw = (enum assay_draw)(random_word(c, 2) % 4)};
    uint32_t which = random_word(c, 3);
    if (which & 1) p.top_p_milli = top_ps[random_word(c, 4) % 6];
    if (which & 2) p.top_k = 1 + random_word(c, 5) % (uint32_t)(vocab + 3);
    if (which & 4) p.top_k = 1 + random_word(c, 5) % 10;
    if ((which & 24) == 24) p.min_p_milli = min_ps[random_word(c, 6) % 5];
    if ((which & 96) == 96) p.repetition_penalty_milli = penalties[random_word(c, 7) % 4];
    return p;
}

static void check_choice(const struct assay_choice *got, const struct assay_choice *expected,
                         uint32_t c)
{
    if (got->token != expected->token || got->lo != expected->lo ||
        got->weight != expected->weight || got->total != expected->total ||
        assay_bits(got->log_prob) != assay_bits(expected->log_prob)) {
        fail_msg("case %u: token %u, lo %llu, weight %llu of %llu, log-probability %a for "
                 "token %u, lo %llu, weight %llu of %llu, log-probability %a",
                 c, got->token, (unsigned long long)got->lo, (unsigned long long)got->weight,
                 (unsigned long long)got->total, (double)got->log_prob, expected->token,
                 (unsigned long long)expected->lo, (unsigned long long)expected->weight,
                 (unsigned long long)expected->total, (double)expected->log_prob);
    }
}

static void check_case(const struct assay_backend *backend, uint32_t c)
{
    static float logits[VOCAB_MAX], before[VOCAB_MAX];
    uint32_t history[HISTORY_MAX];
    size_t vocab = 1 + random_word(c, 0) % (c % 2 ? VOCAB_MAX : 20);
    struct assay_profile profile = random_profile(c, vocab);
    struct assay_digest group = {{(uint8_t)c, (uint8_t)(c >> 8)}};
    struct assay_draw_stream stream, naive_stream;
    struct assay_sampler *sampler;
    struct assay_error err;
    check_ok(assay_sampler_create(&sampler, backend, vocab, &err), &err);
    assay_draw_begin(&stream, profile.draw, 6, 2, c % 6, &group);
    naive_stream = stream;
    size_t history_count = random_word(c, 8) % HISTORY_MAX;
    for (uint32_t step = 0; step < 4; step++) {
        struct assay_choice got, expected;
        for (uint32_t i = 0; i < vocab; i++) logits[i] = random_logit(c, i + 1000 * step);
        for (uint32_t i = 0; i < HISTORY_MAX; i++) {
            history[i] = random_word(c, 5000 + i) % (uint32_t)vocab;
        }
        memcpy(before, logits, sizeof before);
        bool finite =
            assay_sampler_choose(sampler, logits, &profile, history, history_count, &stream, &got);
        assert_memory_equal(before, logits, sizeof before);
        assert_int_equal(finite, naive_choose(logits, vocab, &profile, history, history_count,
                                              &naive_stream, &expected));
        if (finite) check_choice(&got, &expected, c);
        assert_memory_equal(&stream, &naive_stream, sizeof stream);
    }
    assay_sampler_destroy(sampler);
}

static void test_against_naive(void **state)
{
    const struct assay_backend *backend = *state;
    for (uint32_t c = 0; c < CASES; c++) check_case(backend, c);
}

/* --- chosen cases */

static bool choose(const struct assay_backend *backend, const float *logits, size_t vocab,
                   const struct assay_profile *profile, struct assay_choice *out)
{
    struct assay_digest group = {{1}};
    struct assay_draw_stream stream;
    struct assay_sampler *sampler;
    struct assay_error err;
    uint32_t history[] = {0, 0, 1};
    check_ok(assay_sampler_create(&sampler, backend, vocab, &err), &err);
    assay_draw_begin(&stream, profile->draw, 1, 1, 0, &group);
    bool finite = assay_sampler_choose(sampler, logits, profile, history, 3, &stream, out);
    if (!finite || profile->temperature_milli == 0) assert_int_equal(stream.position, 0);
    assay_sampler_destroy(sampler);
    return finite;
}

static const struct assay_profile greedy = {
    .name = "greedy", .top_p_milli = 1000, .repetition_penalty_milli = 1000};
static const struct assay_profile plain = {.name = "plain",
                                           .temperature_milli = 1000,
                                           .top_p_milli = 1000,
                                           .repetition_penalty_milli = 1000,
                                           .draw = ASSAY_DRAW_STRAT};

static void test_nonfinite(void **state)
{
    const struct assay_backend *backend = *state;
    static const struct {
        float logits[4];
        bool finite;
    } cases[] = {{{1, 2, 3, NAN}, false},
                 {{NAN, 2, 3, 4}, false},
                 {{1, INFINITY, 3, 4}, false},
                 {{-INFINITY, -INFINITY, -INFINITY, -INFINITY}, false},
                 {{-INFINITY, -INFINITY, -INFINITY, 4}, true},
                 {{3e38f, -3e38f, -INFINITY, 4}, true}};
    struct assay_profile filtered = plain, penalised = plain;
    filtered.top_k = 2;
    filtered.top_p_milli = 900;
    penalised.repetition_penalty_milli = 1100;
    const struct assay_profile *const profiles[] = {&greedy, &plain, &filtered, &penalised};
    for (size_t c = 0; c < COUNT_OF(cases); c++) {
        for (size_t p = 0; p < COUNT_OF(profiles); p++) {
            struct assay_choice choice;
            assert_int_equal(choose(backend, cases[c].logits, 4, profiles[p], &choice),
                             cases[c].finite);
        }
    }
    /* A penalty below 1 can make a finite logit infinite: nothing is drawn from that either. */
    static const float large[] = {3e38f, 1, 2, 3};
    struct assay_choice choice;
    penalised.repetition_penalty_milli = 100;
    assert_false(choose(backend, large, 4, &penalised, &choice));
}

static void test_greedy(void **state)
{
    const struct assay_backend *backend = *state;
    static const struct {
        float logits[5];
        uint32_t token;
    } cases[] = {{{1, 5, 5, 0, 2}, 1},
                 {{-0.0f, 0.0f, -1, -2, 0.0f}, 0},
                 {{0.0f, -0.0f, -1, -2, -3}, 0},
                 {{-1, -1, -1, -0.0f, 0.0f}, 3},
                 {{-INFINITY, -3e38f, -INFINITY, -3e38f, -INFINITY}, 1}};
    for (size_t c = 0; c < COUNT_OF(cases); c++) {
        struct assay_choice choice;
        assert_true(choose(backend, cases[c].logits, 5, &greedy, &choice));
        assert_int_equal(choice.token, cases[c].token);
        assert_int_equal(choice.lo, 0);
        assert_int_equal(choice.weight, 1);
        assert_int_equal(choice.total, 1);
    }
}

static void test_log_prob(void **state)
{
    const struct assay_backend *backend = *state;
    struct assay_choice choice;
    /* One token certain: ln 1 is 0 exactly. */
    static const float certain[] = {-INFINITY, 7, -INFINITY};
    assert_true(choose(backend, certain, 3, &plain, &choice));
    assert_int_equal(assay_bits(choice.log_prob), 0);
    /* Four equal: −ln 4, whatever the profile does. */
    static const float equal[] = {2, 2, 2, 2};
    struct assay_profile profile = plain;
    profile.temperature_milli = 100;
    profile.top_k = 1;
    profile.repetition_penalty_milli = 2000;
    assert_true(choose(backend, equal, 4, &profile, &choice));
    assert_int_equal(choice.token, 2); /* 0 and 1 are in the history and penalised */
    assert_true(choice.log_prob == (float)-1.3862943611198906);
}

static void test_refusals(void **state)
{
    struct assay_sampler *sampler = NULL;
    struct assay_error err;
    check_refused(assay_sampler_create(&sampler, *state, 0, &err), ASSAY_EUNSUPPORTED, &err,
                  "vocabulary of 0");
    check_refused(assay_sampler_create(&sampler, *state, ASSAY_SAMPLER_VOCAB_MAX + 1, &err),
                  ASSAY_EUNSUPPORTED, &err, "vocabulary of 8388609");
    assert_null(sampler);
}

static int run(const struct assay_backend *backend)
{
    void *state = (void *)(uintptr_t)backend;
    const struct CMUnitTest tests[] = {cmocka_unit_test_prestate(test_against_naive, state),
                                       cmocka_unit_test_prestate(test_nonfinite, state),
                                       cmocka_unit_test_prestate(test_greedy, state),
                                       cmocka_unit_test_prestate(test_log_prob, state),
                                       cmocka_unit_test_prestate(test_refusals, state)};
    return cmocka_run_group_tests_name(backend->name, tests, NULL, NULL);
}

int main(void)
{
    const struct assay_backend *fastest = &assay_backend_ref;
    struct assay_error err;
    if (assay_backend_find(&fastest, "auto", &err)) fail_msg("%s", err.text);
    return run(&assay_backend_ref) + run(fastest);
}

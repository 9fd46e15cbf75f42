/* Draws: the vectors of FORMAT.md 2.1 and 2.4, and the marginals of all four draws past hundreds of
 * bits of consumed entropy, with a wrong draw as control: what the test cannot reject it does not
 * test. */
#include "assay/session.h"
#include "base/philox.h"
#include "engine/draw.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

enum { POSITIONS = 300, GROUPS = 3000, SET = 8, CELLS = 32, TOKENS = 4, WRONG = 4 };

static struct assay_digest counting_key(void)
{
    struct assay_digest key;
    for (unsigned i = 0; i < sizeof key.bytes; i++) key.bytes[i] = (uint8_t)i;
    return key;
}

static void vectors(void **state)
{
    struct assay_digest key = counting_key();
    static const uint32_t ranks[] = {2, 7, 4, 1};
    uint32_t zeros[4] = {0}, ones[4] = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX};
    (void)state;
    assay_philox(zeros, 0, 0);
    assay_philox(ones, UINT32_MAX, UINT32_MAX);
    static const uint32_t want_zeros[] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
    static const uint32_t want_ones[] = {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd};
    assert_memory_equal(zeros, want_zeros, sizeof zeros);
    assert_memory_equal(ones, want_ones, sizeof ones);
    assert_true(assay_draw_word(&key, 0, ASSAY_PURPOSE_DRAW, 0) == 0xaf0f174847d83cf2u);
    assert_true(assay_draw_word(&key, 7, ASSAY_PURPOSE_PERMUTATION, 3) == 0x77f7cfe48dacc47fu);
    assert_true(assay_draw_mix(3, 8, (uint64_t)1 << 63) == 0x7000000000000000u);
    assert_true(assay_draw_mix(0, 3, UINT64_MAX) == 0x5555555555555555u);
    assert_true(assay_draw_mix(12345, 0, 99) == 12345);
    for (uint32_t t = 0; t < 4; t++) assert_int_equal(assay_draw_rank(&key, t, 8, 0), ranks[t]);
}

/* SPEC's step: u spread again after a token at lo of weight w out of S. */
static void step_vector(void **state)
{
    const uint64_t s = 0x1b000000000, lo = 0x10000000000, w = 0x8000000000;
    const uint64_t u = 0xa000000000000000, f = 0x0123456789abcdef;
    (void)state;
    assay_u128 a = (((assay_u128)lo << 64) + s - 1) / s;
    assay_u128 b = (((assay_u128)(lo + w) << 64) + s - 1) / s;
    assert_true(assay_draw_mix(u - (uint64_t)a, (uint64_t)(b - a), f) == 0x1bffffffffffffff);
    struct assay_digest group = counting_key();
    struct assay_draw_stream stream;
    assay_draw_begin(&stream, ASSAY_DRAW_STRAT, SET, 1, 3, &group);
    uint64_t first = assay_draw_next(&stream);
    uint64_t threshold = assay_draw_threshold(first, 1000);
    assay_draw_taken(&stream, threshold, 1, 1000);
    a = (((assay_u128)threshold << 64) + 999) / 1000;
    b = (((assay_u128)(threshold + 1) << 64) + 999) / 1000;
    uint64_t fresh = assay_draw_word(&stream.cell_key, 1, ASSAY_PURPOSE_DRAW, 0);
    assert_true(assay_draw_next(&stream) ==
                assay_draw_mix(first - (uint64_t)a, (uint64_t)(b - a), fresh));
}

/* In every set each position's words of lhs (and position 0 of strat and lattice) hit each stratum
 * once. */
static void sets_are_stratified(void **state)
{
    static const enum assay_draw draws[] = {ASSAY_DRAW_LHS, ASSAY_DRAW_STRAT, ASSAY_DRAW_LATTICE};
    struct assay_digest group = counting_key();
    (void)state;
    for (size_t d = 0; d < 3; d++) {
        unsigned hit[2] = {0};
        for (uint32_t r = 0; r < 2 * SET; r++) {
            struct assay_draw_stream stream;
            assay_draw_begin(&stream, draws[d], 2 * SET, 2, r, &group);
            hit[r / SET] |= 1u << (assay_draw_next(&stream) >> 61);
        }
        assert_int_equal(hit[0], 0xff);
        assert_int_equal(hit[1], 0xff);
    }
}

/* Weights of four tokens in four states; what was taken leads to the next state. */
static const uint64_t weights[4][TOKENS] = {
    {(uint64_t)1 << 40, (uint64_t)1 << 39, (uint64_t)1 << 38, 3},
    {5, (uint64_t)7 << 37, (uint64_t)1 << 40, (uint64_t)9 << 36},
    {(uint64_t)1 << 40, 1, 1, (uint64_t)1 << 33},
    {(uint64_t)1 << 40, (uint64_t)1 << 40, (uint64_t)1 << 40, (uint64_t)1 << 40}};

struct counts {
    uint32_t u[POSITIONS][CELLS]; /* where u fell */
    double excess[POSITIONS];     /* Σ over walks of (hits of token 0 − its probability) */
    double variance[POSITIONS];   /* of that sum, were it binomial */
    double bits;                  /* entropy consumed, all walks */
};

static void walk(struct counts *counts, int draw, uint32_t replicate,
                 const struct assay_digest *group)
{
    struct assay_draw_stream stream;
    unsigned at = 0;
    uint64_t u = 0;
    enum assay_draw kind = draw == WRONG ? ASSAY_DRAW_IID : (enum assay_draw)draw;
    assay_draw_begin(&stream, kind, SET, 1, replicate, group);
    for (unsigned t = 0; t < POSITIONS; t++) {
        const uint64_t *w = weights[at];
        uint64_t total = w[0] + w[1] + w[2] + w[3], lo = 0;
        uint64_t next = assay_draw_next(&stream);
        u = draw == WRONG && t > 0 ? u : next; /* the control draws once and never refills */
        unsigned token = 0;
        while (assay_draw_threshold(u, total) >= lo + w[token]) lo += w[token++];
        if (draw == WRONG) {
            assay_draw_taken(&stream, 0, total, total); /* what it took is not what u pointed at */
        } else {
            assay_draw_taken(&stream, lo, w[token], total);
        }
        double p = (double)w[0] / (double)total;
        counts->u[t][u >> 59]++;
        counts->excess[t] += (token == 0) - p;
        counts->variance[t] += p * (1 - p);
        counts->bits -= log2((double)w[token] / (double)total);
        at = (at * 3 + token + 1) & 3;
    }
}

/* One replicate of each of many independent groups: there every draw must look iid. Returns whether
 * it does. */
static int looks_uniform(int draw, double *bits)
{
    static struct counts counts;
    double sum = 0, worst = 0, worst_z = 0;
    memset(&counts, 0, sizeof counts);
    for (uint32_t g = 0; g < GROUPS; g++) {
        struct assay_digest group = counting_key();
        memcpy(group.bytes, &g, sizeof g);
        walk(&counts, draw, g % SET, &group);
    }
    for (unsigned t = 0; t < POSITIONS; t++) {
        double chi = 0, expected = (double)GROUPS / CELLS;
        for (unsigned c = 0; c < CELLS; c++) {
            chi += (counts.u[t][c] - expected) * (counts.u[t][c] - expected) / expected;
        }
        double z = fabs(counts.excess[t]) / sqrt(counts.variance[t]);
        sum += chi;
        if (chi > worst) worst = chi;
        if (z > worst_z) worst_z = z;
    }
    *bits = counts.bits / GROUPS;
    double mean = sum / POSITIONS; /* 31 degrees of freedom: mean 31, standard error 0.46 */
    print_message(
        "draw %d: chi-square mean %.2f (want 31), worst %.1f of %d; worst z %.2f; %.0f bits\n",
        draw, mean, worst, POSITIONS, worst_z, *bits);
    return fabs(mean - 31) < 3 && worst < 85 && worst_z < 5;
}

static void marginals(void **state)
{
    (void)state;
    for (int draw = 0; draw < WRONG; draw++) {
        double bits;
        assert_true(looks_uniform(draw, &bits));
        assert_true(bits > 200);
    }
    double bits;
    assert_false(looks_uniform(WRONG, &bits));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors),
        cmocka_unit_test(step_vector),
        cmocka_unit_test(sets_are_stratified),
        cmocka_unit_test(marginals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

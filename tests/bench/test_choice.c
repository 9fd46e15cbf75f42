/* Which option is the likeliest, by sum and by sum per byte; ties, and what has no probability. */
#include "harness/check.h"

#include "assay/choice.h"

#include <math.h>

static void picks(void **state)
{
    static const struct {
        struct assay_option_part options[3];
        size_t count;
        uint32_t gold;
        float log_probs[8];
        uint32_t chosen, chosen_norm;
        double p_correct;
        bool gold_greedy;
    } rows[] = {
        /* −1, −1.5, −4 over 1, 3, 2 bytes */
        {{{1, 1, true}, {2, 3, false}, {1, 2, false}},
         3,
         0,
         {-1, -1, -0.5f, -4},
         0,
         1,
         0.60375,
         true},
        {{{1, 1, true}, {2, 3, false}, {1, 2, false}},
         3,
         1,
         {-1, -1, -0.5f, -4},
         0,
         1,
         0.36619,
         false},
        /* equals: the first */
        {{{1, 4, false}, {1, 4, false}}, 2, 1, {-2, -2}, 0, 0, 0.5, false},
        /* far behind, and without any probability */
        {{{1, 9, false}, {1, 9, false}}, 2, 1, {-1, -900}, 0, 0, 0.0, false},
        {{{1, 9, false}, {1, 9, false}}, 2, 0, {-INFINITY, -3}, 1, 1, 0.0, false},
        {{{1, 9, false}, {1, 9, false}}, 2, 0, {-INFINITY, -INFINITY}, 0, 0, 0.0, false},
        /* one option alone */
        {{{3, 5, true}}, 1, 0, {-1, -2, -3}, 0, 0, 1.0, true},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct assay_choice got =
            assay_choice_of(rows[i].options, rows[i].count, rows[i].gold, rows[i].log_probs);
        if (got.chosen != rows[i].chosen || got.chosen_norm != rows[i].chosen_norm ||
            fabs(got.p_correct - rows[i].p_correct) > 5e-5 ||
            got.gold_greedy != rows[i].gold_greedy) {
            fail_msg("row %zu: %u, %u, %.5f, %d", i, got.chosen, got.chosen_norm, got.p_correct,
                     got.gold_greedy);
        }
        assert_int_equal(assay_choice_answer(&got, ASSAY_SCORE_ACC), rows[i].chosen);
        assert_int_equal(assay_choice_answer(&got, ASSAY_SCORE_ACC_NORM), rows[i].chosen_norm);
    }
}

/* In f64 and in order: f32 would lose the small ones. */
static void sums(void **state)
{
    const float values[3] = {-0x1p24f, -1, -1};
    (void)state;
    assert_true(assay_choice_sum(values, 3) == -0x1p24 - 2);
    assert_true(assay_choice_sum(values, 0) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(picks), cmocka_unit_test(sums)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* pass@k against counting all subsets, and against the binomials of the paper. */
#include "harness/check.h"

#include "assay/pass.h"

#include <math.h>
#include <stdbool.h>

/* By definition: the share of the subsets of k out of n that hold one of the first c. */
static double counted(unsigned n, unsigned c, unsigned k)
{
    unsigned all = 0, hit = 0;
    for (unsigned set = 0; set < 1u << n; set++) {
        if ((unsigned)__builtin_popcount(set) != k) continue;
        all++;
        hit += (set & ((1u << c) - 1)) != 0;
    }
    return (double)hit / all;
}

static void subsets(void **state)
{
    (void)state;
    for (unsigned n = 1; n <= 10; n++) {
        for (unsigned c = 0; c <= n; c++) {
            for (unsigned k = 1; k <= n; k++) {
                assert_true(fabs(assay_pass_of(n, c, k) - counted(n, c, k)) < 1e-12);
            }
        }
    }
    assert_true(isnan(assay_pass_of(3, 1, 4)));
    assert_true(isnan(assay_pass_of(3, 1, 0)));
    assert_true(isnan(assay_pass_of(3, 4, 1)));
    double paper = 1 - exp(lgamma(198) - lgamma(98) - lgamma(201) + lgamma(101));
    assert_true(fabs(assay_pass_of(200, 3, 100) - paper) < 1e-9);
}

static void tables(void **state)
{
    static const uint64_t offset[] = {0, 4, 8};
    static const uint8_t verdict[] = {1, 0, 0, 0, 1, 1, 0, 0};
    enum assay_draw draw = ASSAY_DRAW_IID;
    const struct assay_scores scores = {.item_count = 2,
                                        .profile_count = 1,
                                        .profile_draws = &draw,
                                        .cell_offset = offset,
                                        .verdict = verdict};
    (void)state;
    struct assay_pass pass = assay_pass_at(&scores, 2);
    double a = counted(4, 1, 2), b = counted(4, 2, 2);
    assert_true(fabs(pass.value - (a + b) / 2) < 1e-12);
    assert_true(fabs(pass.se - fabs(a - b) / 2) < 1e-12);
    assert_true(isnan(assay_pass_at(&scores, 5).value));
    draw = ASSAY_DRAW_STRAT;
    assert_true(assay_pass_at(&scores, 2).dependent && isnan(assay_pass_at(&scores, 2).value));
    assert_false(assay_pass_at(&scores, 1).dependent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(subsets), cmocka_unit_test(tables)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* fixed-1: the vectors of the format, and where its pieces meet. */
#include "harness/check.h"

#include "ledger/fixed.h"

#include <stdbool.h>

static void test_exp(void **state)
{
    static const struct {
        uint64_t x, result;
    } rows[] = {
        {0, 4294967296},          {1, 4294967295},          {65536, 4294901760},
        {2147483648, 2605029347}, {4294967296, 1580030169}, {8589934592, 581260615},
        {12884901888, 213833830}, {98784247807, 0},         {98784247808, 0},
        {UINT64_MAX, 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(assay_fixed_exp_minus(rows[i].x), rows[i].result);
    }
    uint64_t last = ASSAY_FIXED_ONE;
    for (uint64_t x = 0; x < 24 * ASSAY_FIXED_ONE; x += 104729 * 4099) {
        uint64_t now = assay_fixed_exp_minus(x);
        assert_true(now <= last);
        last = now;
    }
}

static void test_root(void **state)
{
    static const struct {
        uint64_t fixed, result;
    } rows[] = {{0, 0}, {1, 65536}, {2147483648, 3037000499}, {8589934592, 6074000999}};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(assay_isqrt((assay_u128)rows[i].fixed << 32), rows[i].result);
    }
    assert_int_equal(assay_isqrt(~(assay_u128)0), UINT64_MAX);
    assert_int_equal(assay_isqrt((assay_u128)UINT64_MAX * UINT64_MAX - 1), UINT64_MAX - 1);
}

static void test_median(void **state)
{
    static const struct {
        uint64_t values[6];
        size_t count;
        uint64_t result;
    } rows[] = {
        {{7}, 1, 7},
        {{4, 1}, 2, 2}, /* floor(5/2) */
        {{1, 4, 2}, 3, 2},
        {{9, 9, 1, 2}, 4, 5},
        {{5, 5, 5, 5, 5}, 5, 5},
        {{UINT64_MAX, UINT64_MAX - 1}, 2, UINT64_MAX - 1}, /* no overflow in a + b */
        {{6, 5, 4, 3, 2, 1}, 6, 3},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct assay_ranked ranked[6];
        for (size_t j = 0; j < rows[i].count; j++) {
            ranked[j] = (struct assay_ranked){rows[i].values[j], (uint32_t)j};
        }
        assert_int_equal(assay_median(ranked, rows[i].count), rows[i].result);
        for (size_t j = 1; j < rows[i].count; j++) {
            bool equal = ranked[j - 1].value == ranked[j].value;
            assert_true(equal ? ranked[j - 1].rank < ranked[j].rank
                              : ranked[j - 1].value < ranked[j].value);
        }
    }
}

static void test_quotient(void **state)
{
    (void)state;
    assert_int_equal(assay_muldiv(UINT64_MAX, UINT64_MAX, UINT64_MAX), UINT64_MAX);
    assert_int_equal(assay_muldiv(7, 3, 2), 10);
    assert_int_equal(assay_muldiv(0, 3, 2), 0);
    assert_int_equal(assay_add_capped(2, 3), 5);
    assert_int_equal(assay_add_capped(INT64_MAX, 1), INT64_MAX);
    assert_int_equal(assay_add_capped(UINT64_MAX, 1), INT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_exp), cmocka_unit_test(test_root),
                                       cmocka_unit_test(test_median),
                                       cmocka_unit_test(test_quotient)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

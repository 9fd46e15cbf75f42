/* Rates: none from one mark, the right one from two, and only the last seconds count. */
#include "run/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>

static void rates(void **state)
{
    struct assay_pace pace = {.count = 0};
    (void)state;
    assert_true(isnan(assay_pace_tokens(&pace)));
    assay_pace_mark(&pace, 1000000000, 0, 0);
    assert_true(isnan(assay_pace_tokens(&pace)));
    assay_pace_mark(&pace, 1000000000, 5, 5);
    assert_true(isnan(assay_pace_samples(&pace)));
    assay_pace_mark(&pace, 2000000000, 100, 10);
    assert_true(fabs(assay_pace_tokens(&pace) - 100) < 1e-9);
    assert_true(fabs(assay_pace_samples(&pace) - 10) < 1e-9);
}

static void forgets(void **state)
{
    struct assay_pace pace = {.count = 0};
    uint64_t tokens = 0, now = 0;
    (void)state;
    for (int i = 0; i < 1000; i++) assay_pace_mark(&pace, now += 100000000, tokens += 1, 0);
    for (int i = 0; i < 200; i++) assay_pace_mark(&pace, now += 100000000, tokens += 50, 0);
    assert_true(fabs(assay_pace_tokens(&pace) - 500) < 1e-6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rates), cmocka_unit_test(forgets)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

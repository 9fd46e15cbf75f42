/* exp in eight lanes against the scalar one: every 509th encoding of an f32, and all around the
 * places where the formula changes. */
#include "backend/cpu/lanes_avx2.h"

#include "base/exact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void check(uint32_t first, uint32_t step)
{
    float x[8], y[8];
    for (uint32_t i = 0; i < 8; i++) x[i] = assay_float(first + i * step);
    _mm256_storeu_ps(y, assay_exp_lanes(_mm256_loadu_ps(x)));
    for (uint32_t i = 0; i < 8; i++) {
        float wanted = assay_exp(x[i]);
        if (assay_bits(y[i]) != assay_bits(wanted)) {
            fail_msg("exp(%a) is %a, must be %a", (double)x[i], (double)y[i], (double)wanted);
        }
    }
}

static void lanes_equal_scalar(void **state)
{
    static const float borders[] = {-87.0f, 88.0f, 0.0f, -0.0f, -28.5f, 0x1.62e43p-2f, INFINITY};
    enum { STEP = 509, AROUND = 64 };
    (void)state;
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) skip();
    for (uint64_t bits = 0; bits <= UINT32_MAX; bits += 8 * STEP) check((uint32_t)bits, STEP);
    for (size_t i = 0; i < sizeof borders / sizeof borders[0]; i++) {
        for (uint32_t k = 0; k < 2 * AROUND; k += 8) check(assay_bits(borders[i]) - AROUND + k, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(lanes_equal_scalar)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

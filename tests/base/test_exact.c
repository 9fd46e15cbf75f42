/* exact-1 in f32: exp and the sampler's weight (FORMAT.md 1.2, 2.2), f16, the thread's mode. */
#include "harness/check.h"

#include "base/exact.h"

#include <fenv.h>
#include <stdbool.h>
#include <stdio.h>

static void test_exp_vectors(void **state)
{
    (void)state;
    static const struct {
        float x;
        uint32_t bits;
    } rows[] = {
        {-1.0f, 0x3ebc5ab2},
        {-10.0f, 0x383e6bce},
        {-28.5f, 0x2aec16f7},
        {0.5f, 0x3fd3094c},
        {1.0f, 0x402df854},
        {88.0f, 0x7ef882b7},
        {-87.0f, 0x00b33687},
        {0.0f, 0x3f800000},
        {-0.0f, 0x3f800000},
        {0x1p-149f, 0x3f800000},
        {-0x1.5c0002p+6f, 0x00000000}, /* the f32 below −87 */
        {0x1.600002p+6f, 0x7f800000},  /* the f32 above 88 */
        {-FLT_MAX, 0x00000000},
        {FLT_MAX, 0x7f800000},
        {-INFINITY, 0x00000000},
        {INFINITY, 0x7f800000},
        {NAN, 0x7fc00000},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (assay_bits(assay_exp(rows[i].x)) != rows[i].bits) {
            fail_msg("exp(%a) = %08x, not %08x", (double)rows[i].x,
                     assay_bits(assay_exp(rows[i].x)), rows[i].bits);
        }
    }
    assert_int_equal(assay_bits(assay_exp(-assay_float(0x7fc12345))), 0x7fc00000);
}

/* From −87 to 88 in steps that visit every exponent: 1.01 ulp of libm's long double, monotone. */
static void test_exp_sweep(void **state)
{
    (void)state;
    enum { STRIDE = 1511 };
    static const struct {
        uint32_t first, last; /* magnitudes */
        float sign;
    } halves[] = {{1, 0x42ae0000, -1.0f}, {1, 0x42b00000, 1.0f}};
    long double worst = 0;
    for (size_t half = 0; half < COUNT_OF(halves); half++) {
        float before = 1.0f, sign = halves[half].sign;
        for (uint32_t u = halves[half].first; u <= halves[half].last; u += STRIDE) {
            float x = sign * assay_float(u), y = assay_exp(x);
            int exponent;
            long double exact = expl((long double)x);
            (void)frexpl(exact, &exponent);
            long double ulps = fabsl((long double)y - exact) / ldexpl(1, exponent - 24);
            if (ulps > worst) worst = ulps;
            if (sign > 0 ? y < before : y > before) fail_msg("not monotone at %a", (double)x);
            float next = assay_exp(sign * assay_float(u + 1));
            if (u < halves[half].last && (sign > 0 ? next < y : next > y)) {
                fail_msg("not monotone behind %a", (double)x);
            }
            before = y;
        }
    }
    print_message("worst error %.4Lf ulp\n", worst);
    assert_true(worst < 1.01L);
}

/* rne(exp(x)·2^40) by integers: the mantissa shifted, rounded half to even. */
static uint64_t weight_by_integers(float x)
{
    uint32_t bits = assay_bits(assay_exp(x));
    uint64_t mantissa = (bits & 0x7fffffu) | 0x800000u;
    int shift = (int)(bits >> 23) - 127 - 23 + 40;
    if (shift >= 0) return mantissa << shift;
    uint64_t rest = mantissa & ((UINT64_C(1) << -shift) - 1), tie = UINT64_C(1) << (-shift - 1);
    mantissa >>= -shift;
    return mantissa + (rest > tie || (rest == tie && (mantissa & 1)));
}

static void test_weight(void **state)
{
    (void)state;
    assert_true(assay_weight(0.0f) == UINT64_C(1) << 40);
    assert_true(assay_weight(-0.0f) == UINT64_C(1) << 40);
    assert_true(assay_weight(-28.5f) == 0);          /* 0.46 of a unit */
    assert_true(assay_weight(-0x1.c80002p+4f) == 0); /* below −28.5 */
    assert_true(assay_weight(-28.4f) == 1);
    assert_true(assay_weight(-INFINITY) == 0);
    assert_true(assay_weight(NAN) == 0);
    uint64_t before = UINT64_C(1) << 40;
    for (uint32_t u = 0; u < 0x41e40000; u += 4093) {
        uint64_t weight = assay_weight(-assay_float(u));
        assert_true(weight == weight_by_integers(-assay_float(u)));
        assert_true(weight <= before);
        before = weight;
    }
}

static void test_f16_all(void **state)
{
    (void)state;
    for (uint32_t half = 0; half <= 0xffff; half++) {
        uint32_t exponent = half >> 10 & 31, mantissa = half & 0x3ff;
        float x = assay_from_f16((uint16_t)half);
        assert_int_equal(assay_bits(x) >> 31, half >> 15);
        if (exponent == 31) {
            assert_int_equal(isnan(x), mantissa != 0);
            assert_int_equal(isinf(x) != 0, mantissa == 0);
        } else {
            /* The definition: ±m·2^(e−25), with the hidden bit where e > 0. */
            int scale = exponent > 0 ? (int)exponent - 25 : -24;
            double expected = ldexp((double)(exponent > 0 ? mantissa + 1024 : mantissa), scale);
            assert_true(fabs((double)x) == expected);
        }
        uint16_t again = assay_to_f16(x);
        if (isnan(x)) {
            assert_true((again & 0x7c00) == 0x7c00 && (again & 0x3ff) != 0);
        } else {
            assert_int_equal(again, half);
        }
    }
}

/* Half way between two neighbours goes to the even one; one f32 to either side goes there. */
static void test_f16_rounding(void **state)
{
    (void)state;
    for (uint32_t half = 0; half < 0x7c00; half++) {
        double low = (double)assay_from_f16((uint16_t)half);
        double high = half == 0x7bff ? 65536.0 : (double)assay_from_f16((uint16_t)(half + 1));
        float middle = (float)((low + high) / 2);
        uint32_t even = half + (half & 1), bits = assay_bits(middle);
        for (uint32_t sign = 0; sign <= 0x8000; sign += 0x8000) {
            uint32_t f32_sign = sign << 16;
            assert_int_equal(assay_to_f16(assay_float(bits | f32_sign)), even | sign);
            assert_int_equal(assay_to_f16(assay_float((bits - 1) | f32_sign)), half | sign);
            assert_int_equal(assay_to_f16(assay_float((bits + 1) | f32_sign)), (half + 1) | sign);
        }
    }
    static const struct {
        uint32_t bits;
        uint16_t half;
    } rows[] = {
        {0x00000001, 0x0000}, {0x80000001, 0x8000}, {0x33000000, 0x0000}, {0x33000001, 0x0001},
        {0x477fefff, 0x7bff}, {0x477ff000, 0x7c00}, {0x7f7fffff, 0x7c00}, {0xff7fffff, 0xfc00},
        {0x7f800000, 0x7c00}, {0xff800000, 0xfc00}, {0x7f800001, 0x7e00}, {0xffffffff, 0xfe00},
        {0x387fffff, 0x0400}, {0x3f800000, 0x3c00}, {0x3f801000, 0x3c00}, {0x3f803000, 0x3c02},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(assay_to_f16(assay_float(rows[i].bits)), rows[i].half);
    }
}

static void test_mode(void **state)
{
    (void)state;
    assay_float_mode_set();
    assert_int_equal(assay_float_mode_check(), 0);
    static const int directions[] = {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
    for (size_t i = 0; i < COUNT_OF(directions); i++) {
        assert_int_equal(fesetround(directions[i]), 0);
        assert_int_not_equal(assay_float_mode_check(), 0);
        assay_float_mode_set();
        assert_int_equal(fegetround(), FE_TONEAREST);
    }
#if defined(__x86_64__)
    for (unsigned bit = 0x40; bit <= 0x8000; bit *= 0x8000 / 0x40) { /* DAZ, FTZ */
        __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | bit);
        assert_int_not_equal(assay_float_mode_check(), 0);
        assay_float_mode_set();
        assert_int_equal(assay_float_mode_check(), 0);
    }
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exp_vectors),  cmocka_unit_test(test_exp_sweep),
        cmocka_unit_test(test_weight),       cmocka_unit_test(test_f16_all),
        cmocka_unit_test(test_f16_rounding), cmocka_unit_test(test_mode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

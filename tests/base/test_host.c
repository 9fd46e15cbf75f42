/* exact-1 in f64 for the host (FORMAT.md 1.3, 1.4). The bits come from a transliteration of the
 * text into Python 3.11, whose floats know no fma; the accuracy is measured against libm's long
 * double. */
#include "harness/check.h"

#include "base/exact.h"

static uint64_t bits64(double x)
{
    uint64_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

static void test_ln_bits(void **state)
{
    (void)state;
    static const struct {
        double x;
        int shift;
        uint64_t bits;
    } rows[] = {
        {0x1.0000000000000p+0, 0, 0x0000000000000000},
        {0x1.0000000000000p+1, 0, 0x3fe62e42fefa39ef},
        {0x1.0000000000000p-1, 0, 0xbfe62e42fefa39ef},
        {0x1.4000000000000p+3, 0, 0x40026bb1bbb55516},
        {0x1.3880000000000p+13, 0, 0x40226bb1bbb55516},
        {0x1.e848000000000p+18, 0, 0x402a3ea669a05c01},
        {0x1.8000000000000p+1, -40, 0xc03aa095170df83a},
        {0x1.1ccf385ebc8a0p+1023, 0, 0x40862991d5d62a5e},
        {0x1.0000000000000p-1022, 0, 0xc086232bdd7abcd2},
        {0x1.6a09e667f3bcdp+0, 0, 0x3fd62e42fefa39f1},
        {0x1.fffffffffffffp-1, 0, 0xbca0000000000000},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_true(bits64(assay_ln(rows[i].x, rows[i].shift)) == rows[i].bits);
    }
}

static void test_exp64_bits(void **state)
{
    (void)state;
    static const struct {
        double y;
        uint64_t bits;
    } rows[] = {
        {0x0.0p+0, 0x3ff0000000000000},
        {0x1.0000000000000p+0, 0x4005bf0a8b14576a},
        {-0x1.0000000000000p+0, 0x3fd78b56362cef38},
        {0x1.0000000000000p-1, 0x3ffa61298e1e069c},
        {-0x1.26bb1bbb55516p+3, 0x3f1a36e2eb1c4326},
        {0x1.5e00000000000p+9, 0x7f0d945df4f8ec8e},
        {-0x1.5e00000000000p+9, 0x00d14f2b0fb9307f},
        {-0x1.3333333333333p-2, 0x3fe7b4c869c37c05},
        {0x1.62ccccccccccdp+6, 0x47ef4705bbffae5c},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_true(bits64(assay_exp64(rows[i].y)) == rows[i].bits);
    }
}

static void test_sincos_bits(void **state)
{
    (void)state;
    static const struct {
        double a;
        uint64_t sin_bits, cos_bits;
    } rows[] = {
        {0x0.0p+0, 0x0000000000000000, 0x3ff0000000000000},
        {0x1.5798ee2308c3ap-27, 0x3e45798ee2308c3a, 0x3ff0000000000000},
        {0x1.0000000000000p-1, 0x3fdeaee8744b05f0, 0x3fec1528065b7d50},
        {0x1.921fb54442d18p-1, 0x3fe6a09e667f3bcc, 0x3fe6a09e667f3bcd},
        {0x1.0000000000000p+0, 0x3feaed548f090cee, 0x3fe14a280fb5068c},
        {0x1.0000000000000p+1, 0x3fed18f6ead1b446, 0xbfdaa22657537205},
        {0x1.8000000000000p+1, 0x3fc210386db6d55b, 0xbfefae04be85e5d2},
        {0x1.0000000000000p+2, 0xbfe837b9dddc1eae, 0xbfe4eaa606db24c1},
        {0x1.4000000000000p+2, 0xbfeeaf81f5e09933, 0x3fd22785706b4ada},
        {0x1.9000000000000p+6, 0xbfe03425b78c4db8, 0x3feb981dbf665fe0},
        {0x1.81cd6c8b43958p+13, 0xbfe687d5890974a5, 0x3fe6b94c3bbe24b8},
        {0x1.fffffcccccccdp+19, 0x3fce07fa13370afb, 0x3fef1b57557c0355},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        double s, c;
        assay_sincos(rows[i].a, &s, &c);
        assert_true(bits64(s) == rows[i].sin_bits && bits64(c) == rows[i].cos_bits);
    }
}

static void test_rope_bits(void **state)
{
    (void)state;
    static const struct {
        float base;
        uint32_t pair, rope_dims;
        float factor;
        uint32_t position, sin_bits, cos_bits;
    } rows[] = {
        {10000, 0, 64, 1.0f, 0, 0x00000000, 0x3f800000},
        {10000, 1, 64, 1.0f, 7, 0xbf5bfbf8, 0x3f02ee57},
        {10000, 31, 64, 1.0f, 8191, 0x3f633f29, 0x3eebc0e6},
        {500000, 5, 128, 1.0f, 131071, 0x3f62bff4, 0xbeeda8db},
        {500000, 63, 128, 8.0f, 1048575, 0x3ea1eebe, 0x3f72dbe3},
        {1000000, 3, 128, 1.0f, 4095, 0x3eac85db, 0x3f71076b},
        {10000, 0, 80, 0.5f, 1000, 0x3f6e1712, 0xbebc23a8},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        float s, c;
        assay_rope_entry(rows[i].base, rows[i].pair, rows[i].rope_dims, rows[i].factor,
                         rows[i].position, &s, &c);
        assert_int_equal(assay_bits(s), rows[i].sin_bits);
        assert_int_equal(assay_bits(c), rows[i].cos_bits);
    }
}

static void test_ln_accuracy(void **state)
{
    (void)state;
    long double worst = 0;
    for (int e = -1022; e < 1024; e += 3) {
        for (int k = 0; k < 40; k++) {
            double x = ldexp(1 + k / 40.0 + 1e-9 * k, e);
            long double exact = logl((long double)x);
            long double error = fabsl((long double)assay_ln(x, 0) - exact);
            if (exact != 0) error /= fabsl(exact);
            if (error > worst) worst = error;
        }
    }
    print_message("ln: worst relative error %.2Le\n", worst);
    assert_true(worst < 4e-16L);
    /* The sampler's use: S·2^−40 with S from 1 to 2^57. */
    for (int e = 0; e <= 57; e++) {
        double S = ldexp(1.3, e);
        long double exact = logl((long double)S) - 40 * logl(2.0L);
        assert_true(fabsl((long double)assay_ln(S, -40) - exact) < 1e-14L);
    }
}

static void test_exp64_accuracy(void **state)
{
    (void)state;
    long double worst = 0;
    for (int i = -70000; i <= 70000; i++) {
        double y = i / 100.0 + (i % 7) * 1e-4;
        if (fabs(y) > 700) continue;
        long double exact = expl((long double)y);
        long double error = fabsl((long double)assay_exp64(y) - exact) / exact;
        if (error > worst) worst = error;
    }
    print_message("exp64: worst relative error %.2Le\n", worst);
    assert_true(worst < 4e-16L);
}

static void test_sincos_accuracy(void **state)
{
    (void)state;
    long double worst = 0;
    for (double a = 0; a < 0x1p20; a = a * 1.00002 + 1e-4) {
        double s, c;
        assay_sincos(a, &s, &c);
        long double of_sin = fabsl((long double)s - sinl((long double)a));
        long double of_cos = fabsl((long double)c - cosl((long double)a));
        if (of_sin > worst) worst = of_sin;
        if (of_cos > worst) worst = of_cos;
    }
    print_message("sincos: worst absolute error %.2Le\n", worst);
    assert_true(worst < 4e-16L);
}

/* Outside their domains they give NaN, and nothing undefined happens on the way. */
static void test_domains(void **state)
{
    (void)state;
    static const double no_ln[] = {
        0.0, -0.0, -1.0, 0x1p-1023, 0x1p-1074, -(double)INFINITY, (double)INFINITY, (double)NAN};
    static const double no_exp[] = {700.0001,         -700.0001,         1e300,
                                    (double)INFINITY, -(double)INFINITY, (double)NAN};
    static const double no_angle[] = {-1e-300, 0x1p20, 1e300, (double)INFINITY, (double)NAN};
    for (size_t i = 0; i < COUNT_OF(no_ln); i++) assert_true(isnan(assay_ln(no_ln[i], 0)));
    for (size_t i = 0; i < COUNT_OF(no_exp); i++) assert_true(isnan(assay_exp64(no_exp[i])));
    for (size_t i = 0; i < COUNT_OF(no_angle); i++) {
        double s = 0, c = 0;
        assay_sincos(no_angle[i], &s, &c);
        assert_true(isnan(s) && isnan(c));
    }
    static const struct {
        float base;
        uint32_t rope_dims;
        float factor;
    } rows[] = {{0.0f, 64, 1.0f},  {-1.0f, 64, 1.0f}, {NAN, 64, 1.0f},    {10000.0f, 0, 1.0f},
                {10000.0f, 64, 0}, {1e4f, 64, NAN},   {1e4f, 64, 1e-30f}, {1e4f, 64, -1.0f}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        float s = 0, c = 0;
        assay_rope_entry(rows[i].base, 1, rows[i].rope_dims, rows[i].factor, 5, &s, &c);
        assert_true(isnan(s) && isnan(c));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ln_bits),         cmocka_unit_test(test_exp64_bits),
        cmocka_unit_test(test_sincos_bits),     cmocka_unit_test(test_rope_bits),
        cmocka_unit_test(test_ln_accuracy),     cmocka_unit_test(test_exp64_accuracy),
        cmocka_unit_test(test_sincos_accuracy), cmocka_unit_test(test_domains),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

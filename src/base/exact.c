/* exact-1's functions for the host (FORMAT.md 1.1, 1.3, 1.4): plain integers for f16, and f64
 * without fma. The file is compiled with -ffp-contract=off; every operation below rounds once. */
#include "base/exact.h"

float assay_from_f16(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
    uint32_t exponent = (half >> 10) & 31u;
    uint32_t mantissa = half & 0x3ffu;
    if (exponent == 31) return assay_float(sign | 0x7f800000u | mantissa << 13);
    if (exponent > 0) return assay_float(sign | (exponent + 112) << 23 | mantissa << 13);
    return assay_float(sign | assay_bits((float)mantissa * 0x1p-24f));
}

/* `magnitude` is the encoding of a value below 2^-14: count units of 2^-24. */
static uint32_t subnormal_f16(uint32_t magnitude)
{
    if (magnitude < 0x33000000u) return 0; /* below half a unit */
    uint32_t shift = 126 - (magnitude >> 23);
    uint32_t mantissa = (magnitude & 0x7fffffu) | 0x800000u;
    uint32_t units = mantissa >> shift;
    uint32_t rest = mantissa & ((1u << shift) - 1);
    uint32_t tie = 1u << (shift - 1);
    return units + (rest > tie || (rest == tie && (units & 1) == 1));
}

uint16_t assay_to_f16(float x)
{
    uint32_t sign = assay_bits(x) >> 16 & 0x8000u;
    uint32_t magnitude = assay_bits(x) & 0x7fffffffu;
    uint32_t half;
    if (magnitude > 0x7f800000u) {
        half = 0x7e00u;
    } else if (magnitude >= 0x477ff000u) { /* 65520: half way to 2^16, which is even */
        half = 0x7c00u;
    } else if (magnitude >= 0x38800000u) {
        half = (magnitude + 0xfffu + (magnitude >> 13 & 1u) - (112u << 23)) >> 13;
    } else {
        half = subnormal_f16(magnitude);
    }
    return (uint16_t)(sign | half);
}

static uint64_t bits64(double x)
{
    uint64_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

static double float64(uint64_t u)
{
    double x;
    memcpy(&x, &u, sizeof x);
    return x;
}

/* Outside their domains the three functions give NaN: a hostile model file must not reach an
 * undefined conversion. */
double assay_ln(double x, int shift)
{
    if (!(x >= 0x1p-1022 && x <= DBL_MAX)) return float64(0x7ff8000000000000u);
    int exponent = (int)(bits64(x) >> 52) - 1023;
    double m = float64((bits64(x) & 0xfffffffffffffu) | 0x3ff0000000000000u);
    if (m > 0x1.6a09e667f3bcdp+0) {
        m = m / 2;
        exponent = exponent + 1;
    }
    double f = (m - 1) / (m + 1);
    double s = f * f;
    double p = 1.0 / 21;
    for (int k = 19; k >= 1; k -= 2) p = p * s + 1.0 / k;
    double e = (double)(exponent + shift);
    return e * 0x1.62e42feep-1 + (e * 0x1.a39ef35793c76p-33 + (f + f) * p);
}

/* k!, exact in f64 up to 18. */
static const double factorial[19] = {
    1,
    1,
    2,
    6,
    24,
    120,
    720,
    5040,
    40320,
    362880,
    3628800,
    39916800,
    479001600,
    6227020800,
    87178291200,
    1307674368000,
    20922789888000,
    355687428096000,
    6402373705728000,
};

double assay_exp64(double y)
{
    if (!(fabs(y) <= 700)) return float64(0x7ff8000000000000u);
    double n = rint(y * 0x1.71547652b82fep+0);
    double r = (y - n * 0x1.62e42feep-1) - n * 0x1.a39ef35793c76p-33;
    double p = 1 / factorial[13];
    for (int k = 12; k >= 0; k--) p = p * r + 1 / factorial[k];
    return p * float64((uint64_t)((int64_t)n + 1023) << 52);
}

void assay_sincos(double a, double *sin, double *cos)
{
    if (!(a >= 0 && a < 0x1p20)) {
        *sin = *cos = float64(0x7ff8000000000000u);
        return;
    }
    double n = rint(a * 0x1.45f306dc9c883p-1);
    double r = ((a - n * 0x1.921fb544p+0) - n * 0x1.0b4611a6p-34) - n * 0x1.3198a2ep-69;
    double z = r * r;
    double S = 1 / factorial[17];
    for (int k = 15; k >= 1; k -= 2) S = (-S) * z + 1 / factorial[k];
    double sn = S * r;
    double C = 1 / factorial[18];
    for (int k = 16; k >= 0; k -= 2) C = (-C) * z + 1 / factorial[k];
    const double quadrants[4][2] = {{sn, C}, {C, -sn}, {-sn, -C}, {-C, sn}};
    *sin = quadrants[(uint32_t)n % 4][0];
    *cos = quadrants[(uint32_t)n % 4][1];
}

void assay_rope_entry(float base, uint32_t pair, uint32_t rope_dims, float factor,
                      uint32_t position, float *sin, float *cos)
{
    double part = (2 * (double)pair) / (double)rope_dims;
    double frequency = assay_exp64(-part * assay_ln((double)base, 0)) / (double)factor;
    double wide_sin, wide_cos;
    assay_sincos((double)position * frequency, &wide_sin, &wide_cos);
    *sin = (float)wide_sin;
    *cos = (float)wide_cos;
}

/* Exact arithmetic's elementary functions (FORMAT.md 1): the same bits from every compiler and
 * device. The f32 ones are inline and shared with device code; the f64 ones are for the host. */
#ifndef ASSAY_BASE_EXACT_H
#define ASSAY_BASE_EXACT_H

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

_Static_assert(FLT_EVAL_METHOD == 0, "exact-1 needs f32 arithmetic evaluated in f32");

static inline uint32_t assay_bits(float x)
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

static inline float assay_float(uint32_t u)
{
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

/* exp, 1.01 ulp, monotone (1.2). */
static inline float assay_exp(float x)
{
    if (!(x >= -87.0f)) return x != x ? assay_float(0x7fc00000u) : 0.0f;
    if (x > 88.0f) return INFINITY;
    float z = fmaf(x, 0x1.715476p+0f, 0x1.8p+23f);
    uint32_t n = assay_bits(z) - 0x4b400000u;
    float zf = z - 0x1.8p+23f;
    float r = fmaf(zf, -0x1.62e43p-1f, x);
    r = fmaf(zf, 0x1.05c61p-29f, r);
    float q = 0x1.6a23cep-10f;
    q = fmaf(q, r, 0x1.123a2p-7f);
    q = fmaf(q, r, 0x1.5558f2p-5f);
    q = fmaf(q, r, 0x1.555492p-3f);
    q = fmaf(q, r, 0x1.fffffcp-2f);
    float p = fmaf(q, r * r, r) + 1.0f;
    return assay_float(assay_bits(p) + (n << 23));
}

/* GELU by tanh, as g·sigmoid (1.10). */
static inline float assay_gelu(float g)
{
    float inner = fmaf(0x1.6e4e26p-5f * (g * g), g, g);
    return g / (1.0f + assay_exp(-0x1.988454p+0f * inner));
}

/* f16 (as its 16 bits) to f32, exact. */
float assay_from_f16(uint16_t half);
/* f32 to f16, round to nearest even, overflow to infinity, NaN to a NaN. */
uint16_t assay_to_f16(float x);

/* Sampler weight (2.2): (l − m)·invT → integer, rne(exp·2^40). x is that product. */
static inline uint64_t assay_weight(float x)
{
    if (!(x >= -28.5f)) return 0;
    double d = (double)assay_exp(x) * 0x1p40 + 0x1p52;
    uint64_t u;
    memcpy(&u, &d, sizeof u);
    return u & 0xfffffffffffffu;
}

/* 1.3, f64 without fma; NaN outside the domains. ln(x·2^shift), x > 0 finite and normal. */
double assay_ln(double x, int shift);
double assay_exp64(double y);                          /* |y| ≤ 700 */
void assay_sincos(double a, double *sin, double *cos); /* 0 ≤ a < 2^20 */
/* 1.4: one entry of the RoPE table. factor is 1 where the file has none. */
void assay_rope_entry(float base, uint32_t pair, uint32_t rope_dims, float factor,
                      uint32_t position, float *sin, float *cos);

/* 0 when this thread rounds to nearest even and keeps subnormals; set it so with
 * assay_float_mode_set. */
int assay_float_mode_check(void);
void assay_float_mode_set(void);

#endif

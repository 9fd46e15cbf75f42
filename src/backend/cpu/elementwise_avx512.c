/* The feed-forward gates and the residual sum (1.10) in AVX-512; the last values are a masked
 * vector. */
#include "backend/cpu/lanes_avx512.h"

#include "backend/cpu/cpu.h"

struct elementwise_work {
    const float *gate, *up;
    float *y;
    size_t count;
};

enum { CACHE_LINE_VALUES = 16 }; /* threads do not write into one line */

ASSAY_INLINE __m512 swish(__m512 g, __m512 minus_z)
{
    return _mm512_div_ps(g, _mm512_add_ps(_mm512_set1_ps(1.0f), assay_exp_wide(minus_z)));
}

static void swiglu_share(void *context, unsigned thread, unsigned threads)
{
    const struct elementwise_work *work = context;
    const __m512i sign = _mm512_set1_epi32(INT32_MIN);
    size_t begin, end;
    assay_team_share(work->count, CACHE_LINE_VALUES, thread, threads, &begin, &end);
    for (size_t i = begin; i < end; i += 16) {
        __mmask16 lanes = assay_first_of_16(end - i);
        __m512 g = _mm512_maskz_loadu_ps(lanes, work->gate + i);
        __m512 minus = _mm512_castsi512_ps(_mm512_xor_si512(_mm512_castps_si512(g), sign));
        __m512 up = _mm512_maskz_loadu_ps(lanes, work->up + i);
        _mm512_mask_storeu_ps(work->y + i, lanes, _mm512_mul_ps(swish(g, minus), up));
    }
}

void assay_avx512_swiglu(struct assay_team *team, const float *gate, const float *up, size_t count,
                         float *y)
{
    struct elementwise_work work = {gate, up, y, count};
    assay_cpu_run(team, count, swiglu_share, &work);
}

static void geglu_share(void *context, unsigned thread, unsigned threads)
{
    const struct elementwise_work *work = context;
    const __m512 cubic = _mm512_set1_ps(0x1.6e4e26p-5f), slope = _mm512_set1_ps(-0x1.988454p+0f);
    size_t begin, end;
    assay_team_share(work->count, CACHE_LINE_VALUES, thread, threads, &begin, &end);
    for (size_t i = begin; i < end; i += 16) {
        __mmask16 lanes = assay_first_of_16(end - i);
        __m512 g = _mm512_maskz_loadu_ps(lanes, work->gate + i);
        __m512 inner = _mm512_fmadd_ps(_mm512_mul_ps(cubic, _mm512_mul_ps(g, g)), g, g);
        __m512 up = _mm512_maskz_loadu_ps(lanes, work->up + i);
        __m512 s = _mm512_mul_ps(swish(g, _mm512_mul_ps(slope, inner)), up);
        _mm512_mask_storeu_ps(work->y + i, lanes, s);
    }
}

void assay_avx512_geglu(struct assay_team *team, const float *gate, const float *up, size_t count,
                        float *y)
{
    struct elementwise_work work = {gate, up, y, count};
    assay_cpu_run(team, count, geglu_share, &work);
}

static void add_share(void *context, unsigned thread, unsigned threads)
{
    const struct elementwise_work *work = context;
    size_t begin, end;
    assay_team_share(work->count, CACHE_LINE_VALUES, thread, threads, &begin, &end);
    for (size_t i = begin; i < end; i += 16) {
        __mmask16 lanes = assay_first_of_16(end - i);
        __m512 sum = _mm512_add_ps(_mm512_maskz_loadu_ps(lanes, work->y + i),
                                   _mm512_maskz_loadu_ps(lanes, work->up + i));
        _mm512_mask_storeu_ps(work->y + i, lanes, sum);
    }
}

void assay_avx512_add(struct assay_team *team, float *x, const float *y, size_t count)
{
    struct elementwise_work work = {NULL, y, x, count};
    assay_cpu_run(team, count, add_share, &work);
}

/* The feed-forward gates and the residual sum (1.10). */
#include "backend/cpu/lanes_avx2.h"

#include "backend/cpu/cpu.h"
#include "base/exact.h"

struct elementwise_work {
    const float *gate, *up;
    float *y;
    size_t count;
};

enum { CACHE_LINE_VALUES = 16 }; /* threads do not write into one line */

static void swiglu_share(void *context, unsigned thread, unsigned threads)
{
    const struct elementwise_work *work = context;
    const __m256 sign = _mm256_set1_ps(-0.0f), one = _mm256_set1_ps(1.0f);
    size_t i, end;
    assay_team_share(work->count, CACHE_LINE_VALUES, thread, threads, &i, &end);
    for (; i + 8 <= end; i += 8) {
        __m256 g = _mm256_loadu_ps(work->gate + i);
        __m256 bottom = _mm256_add_ps(one, assay_exp_lanes(_mm256_xor_ps(g, sign)));
        __m256 s = _mm256_mul_ps(_mm256_div_ps(g, bottom), _mm256_loadu_ps(work->up + i));
        _mm256_storeu_ps(work->y + i, s);
    }
    for (; i < end; i++) {
        float g = work->gate[i];
        work->y[i] = (g / (1.0f + assay_exp(-g))) * work->up[i];
    }
}

void assay_avx2_swiglu(struct assay_team *team, const float *gate, const float *up, size_t count,
                       float *y)
{
    struct elementwise_work work = {gate, up, y, count};
    assay_cpu_run(team, count, swiglu_share, &work);
}

static void geglu_share(void *context, unsigned thread, unsigned threads)
{
    const struct elementwise_work *work = context;
    const __m256 one = _mm256_set1_ps(1.0f), cubic = _mm256_set1_ps(0x1.6e4e26p-5f);
    const __m256 slope = _mm256_set1_ps(-0x1.988454p+0f);
    size_t i, end;
    assay_team_share(work->count, CACHE_LINE_VALUES, thread, threads, &i, &end);
    for (; i + 8 <= end; i += 8) {
        __m256 g = _mm256_loadu_ps(work->gate + i);
        __m256 inner = _mm256_fmadd_ps(_mm256_mul_ps(cubic, _mm256_mul_ps(g, g)), g, g);
        __m256 bottom = _mm256_add_ps(one, assay_exp_lanes(_mm256_mul_ps(slope, inner)));
        __m256 s = _mm256_mul_ps(_mm256_div_ps(g, bottom), _mm256_loadu_ps(work->up + i));
        _mm256_storeu_ps(work->y + i, s);
    }
    for (; i < end; i++) work->y[i] = assay_gelu(work->gate[i]) * work->up[i];
}

void assay_avx2_geglu(struct assay_team *team, const float *gate, const float *up, size_t count,
                      float *y)
{
    struct elementwise_work work = {gate, up, y, count};
    assay_cpu_run(team, count, geglu_share, &work);
}

static void add_share(void *context, unsigned thread, unsigned threads)
{
    const struct elementwise_work *work = context;
    size_t i, end;
    assay_team_share(work->count, CACHE_LINE_VALUES, thread, threads, &i, &end);
    for (; i + 8 <= end; i += 8) {
        __m256 x = _mm256_loadu_ps(work->y + i);
        _mm256_storeu_ps(work->y + i, _mm256_add_ps(x, _mm256_loadu_ps(work->up + i)));
    }
    for (; i < end; i++) work->y[i] = work->y[i] + work->up[i];
}

void assay_avx2_add(struct assay_team *team, float *x, const float *y, size_t count)
{
    struct elementwise_work work = {NULL, y, x, count};
    assay_cpu_run(team, count, add_share, &work);
}

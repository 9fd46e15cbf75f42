/* RMSNorm (1.8): two vectors are the 16 partial sums. Rows are independent, so threads take rows.
 */
#include "backend/cpu/lanes_avx2.h"

#include "backend/cpu/cpu.h"

#include <math.h>

struct norm_work {
    const float *x, *weight;
    float eps;
    size_t rows, width;
    float *y;
};

static float sum_of_squares(const float *x, size_t n)
{
    __m256 low = _mm256_setzero_ps(), high = _mm256_setzero_ps();
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        __m256 a = _mm256_loadu_ps(x + i), b = _mm256_loadu_ps(x + i + 8);
        low = _mm256_fmadd_ps(a, a, low);
        high = _mm256_fmadd_ps(b, b, high);
    }
    if (i < n) { /* zeros past the end change no sum but a −0 into a +0, which the fold does too */
        float tail[16] = {0};
        for (size_t k = 0; k < n - i; k++) tail[k] = x[i + k];
        __m256 a = _mm256_loadu_ps(tail), b = _mm256_loadu_ps(tail + 8);
        low = _mm256_fmadd_ps(a, a, low);
        high = _mm256_fmadd_ps(b, b, high);
    }
    return assay_fold_lanes(low, high);
}

static void norm_rows(void *context, unsigned thread, unsigned threads)
{
    const struct norm_work *work = context;
    size_t begin, end, width = work->width;
    assay_team_share(work->rows, 1, thread, threads, &begin, &end);
    for (size_t row = begin; row < end; row++) {
        const float *x = work->x + row * width;
        float *y = work->y + row * width;
        float r = 1.0f / sqrtf(sum_of_squares(x, width) / (float)width + work->eps);
        __m256 factor = _mm256_set1_ps(r);
        size_t i = 0;
        for (; i + 8 <= width; i += 8) {
            __m256 scaled = _mm256_mul_ps(_mm256_loadu_ps(x + i), factor);
            _mm256_storeu_ps(y + i, _mm256_mul_ps(scaled, _mm256_loadu_ps(work->weight + i)));
        }
        for (; i < width; i++) y[i] = (x[i] * r) * work->weight[i];
    }
}

void assay_avx2_norm(struct assay_team *team, const float *x, const float *weight, float eps,
                     size_t rows, size_t width, float *y)
{
    struct norm_work work = {x, weight, eps, rows, width, y};
    assay_cpu_run(team, rows * width, norm_rows, &work);
}

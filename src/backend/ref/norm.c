/* RMSNorm (1.8). */
#include "backend/ref/ref.h"

#include "base/exact.h"
#include "base/team.h"

struct norm_work {
    const float *x, *weight;
    float eps;
    size_t rows, width;
    float *y;
};

static void norm_rows(void *context, unsigned thread, unsigned threads)
{
    const struct norm_work *work = context;
    size_t begin, end;
    assay_team_share(work->rows, 1, thread, threads, &begin, &end);
    for (size_t row = begin; row < end; row++) {
        const float *x = work->x + row * work->width;
        float *y = work->y + row * work->width;
        float s[16] = {0};
        for (size_t i = 0; i < work->width; i++) s[i % 16] = fmaf(x[i], x[i], s[i % 16]);
        float r = 1.0f / sqrtf(assay_ref_fold(s) / (float)work->width + work->eps);
        for (size_t i = 0; i < work->width; i++) y[i] = (x[i] * r) * work->weight[i];
    }
}

void assay_ref_norm(struct assay_team *team, const float *x, const float *weight, float eps,
                    size_t rows, size_t width, float *y)
{
    struct norm_work work = {x, weight, eps, rows, width, y};
    assay_team_run(team, norm_rows, &work);
}

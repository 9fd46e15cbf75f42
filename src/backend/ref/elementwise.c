/* The operations on single values: the feed-forward gates, the residual sum and the scale (1.10).
 */
#include "backend/ref/ref.h"

#include "base/exact.h"
#include "base/team.h"

struct elementwise_work {
    const float *gate, *up;
    float *y;
    size_t count;
};

static void swiglu_share(void *context, unsigned thread, unsigned threads)
{
    const struct elementwise_work *work = context;
    size_t begin, end;
    assay_team_share(work->count, 1, thread, threads, &begin, &end);
    for (size_t i = begin; i < end; i++) {
        float g = work->gate[i];
        work->y[i] = (g / (1.0f + assay_exp(-g))) * work->up[i];
    }
}

void assay_ref_swiglu(struct assay_team *team, const float *gate, const float *up, size_t count,
                      float *y)
{
    struct elementwise_work work = {gate, up, y, count};
    assay_team_run(team, swiglu_share, &work);
}

static void geglu_share(void *context, unsigned thread, unsigned threads)
{
    const struct elementwise_work *work = context;
    size_t begin, end;
    assay_team_share(work->count, 1, thread, threads, &begin, &end);
    for (size_t i = begin; i < end; i++) {
        work->y[i] = assay_gelu(work->gate[i]) * work->up[i];
    }
}

void assay_ref_geglu(struct assay_team *team, const float *gate, const float *up, size_t count,
                     float *y)
{
    struct elementwise_work work = {gate, up, y, count};
    assay_team_run(team, geglu_share, &work);
}

static void add_share(void *context, unsigned thread, unsigned threads)
{
    const struct elementwise_work *work = context;
    size_t begin, end;
    assay_team_share(work->count, 1, thread, threads, &begin, &end);
    for (size_t i = begin; i < end; i++) work->y[i] = work->y[i] + work->up[i];
}

void assay_ref_add(struct assay_team *team, float *x, const float *y, size_t count)
{
    struct elementwise_work work = {NULL, y, x, count};
    assay_team_run(team, add_share, &work);
}

/* Once a pass, over the embedded rows: not worth the team. */
void assay_ref_scale(struct assay_team *team, float *x, float factor, size_t count)
{
    (void)team;
    for (size_t i = 0; i < count; i++) x[i] = x[i] * factor;
}

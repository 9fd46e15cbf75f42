/* Rates over the last few seconds. */
#include "run/pace.h"

#include <math.h>

static const uint64_t mark_interval_ns = 500000000;

void assay_pace_mark(struct assay_pace *pace, uint64_t now_ns, uint64_t tokens, uint64_t samples)
{
    if (pace->count > 1) {
        unsigned before = (pace->newest + ASSAY_PACE_MARKS - 1) % ASSAY_PACE_MARKS;
        /* The newest mark moves along until it stands an interval after the one before it. */
        if (pace->time_ns[pace->newest] - pace->time_ns[before] >= mark_interval_ns) {
            pace->newest = (pace->newest + 1) % ASSAY_PACE_MARKS;
            if (pace->count < ASSAY_PACE_MARKS) pace->count++;
        }
    } else {
        pace->newest = pace->count++;
    }
    pace->time_ns[pace->newest] = now_ns;
    pace->tokens[pace->newest] = tokens;
    pace->samples[pace->newest] = samples;
}

static double rate(const struct assay_pace *pace, const uint64_t *values)
{
    if (pace->count < 2) return NAN;
    unsigned oldest = (pace->newest + ASSAY_PACE_MARKS - pace->count + 1) % ASSAY_PACE_MARKS;
    uint64_t span = pace->time_ns[pace->newest] - pace->time_ns[oldest];
    if (span == 0) return NAN;
    return (double)(values[pace->newest] - values[oldest]) * 1e9 / (double)span;
}

double assay_pace_tokens(const struct assay_pace *pace)
{
    return rate(pace, pace->tokens);
}

double assay_pace_samples(const struct assay_pace *pace)
{
    return rate(pace, pace->samples);
}

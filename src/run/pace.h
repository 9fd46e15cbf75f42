/* Pace: how fast a run is going, and when it will end. For people only. */
#ifndef ASSAY_RUN_PACE_H
#define ASSAY_RUN_PACE_H

#include <stdint.h>

enum { ASSAY_PACE_MARKS = 16 };

/* A ring of marks about half a second apart: rates are over the time that it spans. */
struct assay_pace {
    uint64_t time_ns[ASSAY_PACE_MARKS], tokens[ASSAY_PACE_MARKS], samples[ASSAY_PACE_MARKS];
    unsigned count, newest;
};

void assay_pace_mark(struct assay_pace *pace, uint64_t now_ns, uint64_t tokens, uint64_t samples);
/* Per second, NAN while less than two marks are there. */
double assay_pace_tokens(const struct assay_pace *pace);
double assay_pace_samples(const struct assay_pace *pace);

#endif

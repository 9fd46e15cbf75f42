/* The same outputs scored in other ways: acc, acc_norm and P(correct) of a choice, the strict and
 * the flexible rules of what was generated. */
#ifndef ASSAY_CLI_READINGS_H
#define ASSAY_CLI_READINGS_H

#include "assay/estimate.h"

struct assay_reading {
    const char *name; /* "acc_norm" */
    bool is_score;    /* every sample scores as it does in the records */
    struct assay_estimate all;
};

enum { ASSAY_READINGS_MAX = 3 };
struct assay_readings {
    struct assay_reading rows[ASSAY_READINGS_MAX];
    size_t count; /* 0: there is but one way, or what it needs is encrypted */
};

/* `scores`: the table of `results`, of which a choice's samples are read. */
ASSAY_MUST_CHECK enum assay_status assay_readings_make(struct assay_readings *out,
                                                       struct assay_results *results,
                                                       const struct assay_scores *scores,
                                                       const struct assay_estimate_options *options,
                                                       struct assay_error *err);
/* A table on standard output; nothing where there are none. */
void assay_readings_print(const struct assay_readings *readings);

#endif

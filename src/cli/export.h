/* A results file in lm-evaluation-harness's per-sample form. */
#ifndef ASSAY_CLI_EXPORT_H
#define ASSAY_CLI_EXPORT_H

#include "assay/benchmark.h"
#include "assay/results.h"

struct assay_export {
    struct assay_results *results;
    const struct assay_spec *spec; /* of the benchmark */
    const struct assay_benchmark *benchmark;
    const uint32_t *items; /* results->item_count: items of the benchmark */
};

/* Write a line for each sample, with the keys of lm-eval 0.4.13 and in its way of writing them;
 * beside them `profile` and `replicate`. Contexts are the user's message, before any chat template.
 */
ASSAY_MUST_CHECK enum assay_status assay_export_lm_eval(const struct assay_export *export,
                                                        const char *path, struct assay_error *err);

#endif

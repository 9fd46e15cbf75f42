/* A run that is not finished, as far as its journal has it: a table of scores with unequal cells.
 */
#ifndef ASSAY_CLI_PARTIAL_H
#define ASSAY_CLI_PARTIAL_H

#include "assay/estimate.h"
#include "assay/run.h"

struct assay_partial {
    struct assay_results head; /* names, profiles, strata, counts; no columns, no digests */
    struct assay_scores scores;
    uint64_t samples_done, samples_total;
    uint32_t processes; /* that computed them */
    struct assay_partial_columns *columns;
};

/* Read the journal at `path` of the job, which must outlive it; a run that writes it meanwhile is
 * not disturbed. EMISMATCH when it is another plan's. */
ASSAY_MUST_CHECK enum assay_status assay_partial_open(struct assay_partial *partial,
                                                      const struct assay_job *job, const char *path,
                                                      struct assay_error *err);
void assay_partial_close(struct assay_partial *partial);

/* Find what belongs to a results file that is not there yet (`spec` NULL: by the ticket beside it),
 * and report it. ENOTFOUND when there is no journal either. */
ASSAY_MUST_CHECK enum assay_status
assay_partial_report(const char *results, const char *spec, const char *model_dir, bool json,
                     const struct assay_estimate_options *options, struct assay_error *err);

#endif

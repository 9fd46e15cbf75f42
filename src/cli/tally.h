/* Counts over the samples of a results file: how their outputs ended, both verdicts. */
#ifndef ASSAY_CLI_TALLY_H
#define ASSAY_CLI_TALLY_H

#include "assay/results.h"

struct assay_tally {
    uint64_t samples;
    uint64_t outcomes[ASSAY_OUTCOME_COUNT];
    uint64_t correct, flexible_correct, no_answer;
};
struct assay_tally assay_tally_of(const struct assay_results *results);
/* Lines below the report: nothing where all outputs are complete and both verdicts agree. */
void assay_tally_print(const struct assay_tally *tally);

#endif

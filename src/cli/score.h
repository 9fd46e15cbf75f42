/* A score as it is submitted: out of a signed results file, or out of a score-1 file. */
#ifndef ASSAY_CLI_SCORE_H
#define ASSAY_CLI_SCORE_H

#include "crypto/sign.h"
#include "submit/score.h"

/* The round that a results file must have been signed for. */
struct assay_score_round {
    const char *chain;
    uint64_t task;
    uint32_t round;
    const struct assay_public_key *site;
};

/* A results file is checked in full against RESULTS.dsse.json beside it, and its statement against
 * the round: EMISMATCH. Anything else is read as score-1. Release with assay_score_fini. */
ASSAY_MUST_CHECK enum assay_status assay_score_read(struct assay_score *out, const char *path,
                                                    const struct assay_score_round *round,
                                                    struct assay_error *err);

#endif

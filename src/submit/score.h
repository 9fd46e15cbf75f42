/* What a site commits to: the file `score-1` (FORMAT.md 24.2). */
#ifndef ASSAY_SUBMIT_SCORE_H
#define ASSAY_SUBMIT_SCORE_H

#include "assay/digest.h"
#include "base/bytes.h"

struct assay_score {
    struct assay_digest root;      /* Merkle root of the records */
    struct assay_digest statement; /* SHA-256 of the envelope's file */
    uint64_t n, sum;               /* samples; those with score 1 */
    struct assay_bytes bits;       /* n bits, least significant first; owned */
};

ASSAY_MUST_CHECK enum assay_status assay_score_parse(struct assay_score *out, const char *text,
                                                     size_t size, struct assay_error *err);
void assay_score_fini(struct assay_score *score); /* a zeroed one is fine */

#endif

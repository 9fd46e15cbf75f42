/* What a site does in a round, in the words of the network. */
#ifndef ASSAY_SUBMIT_VERBS_H
#define ASSAY_SUBMIT_VERBS_H

#include "ledger/tx.h"
#include "submit/network.h"

struct assay_score;
struct assay_assignment;

/* A transaction that was accepted. */
struct assay_sent {
    struct assay_digest id;
    uint64_t height, task;
    uint32_t round;
};

/* Sign with the sender's next sequence and submit. A refusal is EFAILED and names its code. */
ASSAY_MUST_CHECK enum assay_status assay_submit_send(const struct assay_network *network,
                                                     const struct assay_secret_key *key,
                                                     enum assay_tx_type type, const void *payload,
                                                     struct assay_sent *out,
                                                     struct assay_error *err);

/* The task's present round. */
ASSAY_MUST_CHECK enum assay_status assay_submit_round(const struct assay_network *network,
                                                      uint64_t task, uint32_t *round,
                                                      struct assay_error *err);
ASSAY_MUST_CHECK enum assay_status assay_submit_beacon(const struct assay_network *network,
                                                       const struct assay_secret_key *key,
                                                       uint64_t task, uint32_t round, bool reveal,
                                                       struct assay_sent *out,
                                                       struct assay_error *err);
ASSAY_MUST_CHECK enum assay_status
assay_submit_score(const struct assay_network *network, const struct assay_secret_key *key,
                   uint64_t task, uint32_t round, bool reveal, const struct assay_score *score,
                   struct assay_sent *out, struct assay_error *err);
/* What a site is to compute; release with assay_assignment_fini. ENOTFOUND without a seat. */
ASSAY_MUST_CHECK enum assay_status assay_submit_assignment(const struct assay_network *network,
                                                           uint64_t task, uint32_t round,
                                                           const struct assay_public_key *site,
                                                           struct assay_assignment *out,
                                                           struct assay_error *err);

/* --- secrets.c: what a site hides until it reveals comes out of its key and the round (FORMAT.md
 * 24.4), so that nothing need be kept between the two. */
struct assay_digest assay_secret_of_round(const struct assay_secret_key *key, const char *chain,
                                          uint64_t task, uint32_t round, const char *purpose);

#endif

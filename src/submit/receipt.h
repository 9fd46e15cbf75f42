/* Receipts: proof that a network took a commitment, or settled a round (FORMAT.md 24.3). Anyone who
 * knows the app hash of the height checks them without the network. */
#ifndef ASSAY_SUBMIT_RECEIPT_H
#define ASSAY_SUBMIT_RECEIPT_H

#include "base/bytes.h"
#include "submit/network.h"

enum { ASSAY_RECEIPT_PROOFS_MAX = 4, ASSAY_RECEIPT_BYTES_MAX = 1 << 20 };

struct assay_receipt {
    char chain[ASSAY_CHAIN_ID_MAX + 1];
    uint64_t task, height;
    uint32_t round;
    struct assay_public_key site;
    struct assay_digest tx, app_hash;
    bool has_tx;
    struct assay_state_proof proofs[ASSAY_RECEIPT_PROOFS_MAX];
    size_t proof_count;
    struct assay_bytes values[ASSAY_RECEIPT_PROOFS_MAX]; /* of the proofs; owned */
};

/* Prove these entries of the network's present state. */
ASSAY_MUST_CHECK enum assay_status assay_receipt_take(struct assay_receipt *out,
                                                      const struct assay_network *network,
                                                      const struct assay_state_key *keys,
                                                      size_t count, struct assay_error *err);
ASSAY_MUST_CHECK enum assay_status assay_receipt_write(const struct assay_receipt *of,
                                                       struct assay_bytes *out,
                                                       struct assay_error *err);
ASSAY_MUST_CHECK enum assay_status assay_receipt_parse(struct assay_receipt *out, const char *text,
                                                       size_t size, struct assay_error *err);
/* Every proof leads to the app hash, and is about this task, round and site. EFAILED otherwise. */
ASSAY_MUST_CHECK enum assay_status assay_receipt_check(const struct assay_receipt *of,
                                                       struct assay_error *err);
void assay_receipt_fini(struct assay_receipt *receipt); /* a zeroed one is fine */

#endif

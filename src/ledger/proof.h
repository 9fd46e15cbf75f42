/* A proof that an entry is in a state of which one knows only the app hash (FORMAT.md 22.2). */
#ifndef ASSAY_LEDGER_PROOF_H
#define ASSAY_LEDGER_PROOF_H

#include "ledger/map.h"

#include "assay/ledger.h"

struct assay_state_proof {
    struct assay_state_key key;
    struct assay_blob value;   /* lent: by the ledger until its next change, or by who read it */
    struct assay_digest inner; /* root of the entries; the app hash is a digest of it */
    uint64_t index, size;      /* of the entry; entries of the state */
    struct assay_digest path[ASSAY_MERKLE_PATH_MAX];
    size_t path_length;
};

/* ENOTFOUND where there is no such entry. */
ASSAY_MUST_CHECK enum assay_status assay_ledger_prove(const struct assay_ledger *ledger,
                                                      const struct assay_state_key *key,
                                                      struct assay_state_proof *out,
                                                      struct assay_error *err);
bool assay_state_proof_verify(const struct assay_state_proof *proof,
                              const struct assay_digest *app_hash);

#endif

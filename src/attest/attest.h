/* From a results file to its signed envelope, and single records out of it. */
#ifndef ASSAY_ATTEST_ATTEST_H
#define ASSAY_ATTEST_ATTEST_H

#include "assay/statement.h"
#include "crypto/sign.h"

#include <stdint.h>

struct assay_bytes;

/* Signs a PAE: a key in this process, or a signer behind a socket. */
struct assay_attest_signer {
    enum assay_status (*sign)(void *context, const uint8_t *pae, size_t size,
                              struct assay_public_key *key, struct assay_signature *signature,
                              struct assay_error *err);
    void *context;
};

/* chain and task are both NULL for a run of one's own. */
struct assay_attest_round {
    const char *chain, *task;
    uint64_t round;
};

/* Append the statement of the results file at `path`. The salt key beside it is made where there
 * is none, so that the same file always gives the same root. data_path: the benchmark's data, where
 * it is encrypted; NULL else. */
ASSAY_MUST_CHECK enum assay_status
assay_attest_statement(struct assay_bytes *out, const char *results_path, const char *data_path,
                       const struct assay_attest_round *round, struct assay_error *err);
/* Append the signed envelope of a statement's bytes. */
ASSAY_MUST_CHECK enum assay_status assay_attest_seal(struct assay_bytes *out,
                                                     const struct assay_bytes *statement,
                                                     const struct assay_attest_signer *signer,
                                                     struct assay_public_key *key,
                                                     struct assay_error *err);
/* Append the opened record of one sample under the root of its envelope: both must belong to the
 * results file. EVALUE for an index beyond the last. */
ASSAY_MUST_CHECK enum assay_status
assay_attest_open(struct assay_bytes *out, const char *results_path, const char *data_path,
                  const char *envelope_path, uint64_t index, struct assay_error *err);

#endif

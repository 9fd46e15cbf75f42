/* Transactions (FORMAT.md 21): made and signed by a sender, taken apart by the state machine. */
#ifndef ASSAY_LEDGER_TX_H
#define ASSAY_LEDGER_TX_H

#include "assay/ledger.h"
#include "ledger/layouts.h"

struct assay_bytes;

/* Take the envelope apart; `tx` borrows from the bytes. TX_TOO_LARGE, TX_MALFORMED, TX_VERSION or
 * OK. */
enum assay_code assay_tx_decode(struct assay_tx *tx, const uint8_t *data, size_t size);
/* The digest that the sender signs, of the whole transaction's bytes. size > 64. */
struct assay_digest assay_tx_signed(const uint8_t *data, size_t size);
struct assay_digest assay_tx_id(const uint8_t *data, size_t size);
const char *assay_tx_type_name(uint8_t type); /* NULL for none */
const struct assay_layout *assay_tx_type_layout(uint8_t type);

/* Append a signed transaction with `payload`, a structure of its type's layout. */
ASSAY_MUST_CHECK enum assay_status assay_tx_make(struct assay_bytes *out,
                                                 const struct assay_secret_key *key,
                                                 const char *chain, uint64_t sequence,
                                                 uint64_t expiry, enum assay_tx_type type,
                                                 const void *payload, struct assay_error *err);

/* What a site signs so that an admin may register it (21.3). */
struct assay_digest assay_tx_register_signed(const char *chain, const struct assay_tx_register *of);
/* The commitments of 21.3. */
struct assay_digest assay_beacon_commitment(const char *chain, uint64_t task, uint32_t round,
                                            const struct assay_public_key *site,
                                            const struct assay_digest *secret);
/* The opening's bits must be there. */
struct assay_digest assay_score_commitment(const char *chain, const struct assay_tx_reveal *opening,
                                           const struct assay_public_key *site);

#endif

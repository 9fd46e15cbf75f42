/* A chain kept on a local file: every block, its transactions, and the state after the last one.
 * State, height and app hash change in one durable step. One writer. */
#ifndef ASSAY_LEDGER_STORE_H
#define ASSAY_LEDGER_STORE_H

#include "assay/ledger.h"
#include "ledger/layouts.h"
#include "ledger/state.h"

struct assay_bytes;
struct assay_ledger_store; /* owns the file and the ledger */

enum { ASSAY_LEDGER_SCHEMA = 1 };

/* Make a new file; EVALUE where there is one already. */
ASSAY_MUST_CHECK enum assay_status assay_ledger_store_create(const char *path,
                                                             const struct assay_state_genesis *of,
                                                             struct assay_error *err);
/* Open, load the state, check it against the app hash of the last block. EFORMAT: damaged or no
 * such file. EUNSUPPORTED: a newer schema. EMISMATCH: another chain than `chain` (NULL: any). EIO:
 * another process writes to it. */
ASSAY_MUST_CHECK enum assay_status assay_ledger_store_open(struct assay_ledger_store **out,
                                                           const char *path, const char *chain,
                                                           bool read_only, struct assay_error *err);
void assay_ledger_store_close(struct assay_ledger_store *store); /* NULL is fine */
const struct assay_ledger *assay_ledger_store_ledger(const struct assay_ledger_store *store);

/* One block of one transaction, durable on return. A refused one (*code) makes no block. */
ASSAY_MUST_CHECK enum assay_status assay_ledger_store_submit(struct assay_ledger_store *store,
                                                             const uint8_t *tx, size_t size,
                                                             enum assay_code *code,
                                                             struct assay_error *err);
/* `count` empty blocks in one durable step. */
ASSAY_MUST_CHECK enum assay_status assay_ledger_store_advance(struct assay_ledger_store *store,
                                                              uint64_t count,
                                                              struct assay_error *err);

/* Apply every transaction again from the genesis, compare each block's app hash and the state.
 * EMISMATCH names the height. */
ASSAY_MUST_CHECK enum assay_status assay_ledger_store_replay(struct assay_ledger_store *store,
                                                             uint64_t *transactions,
                                                             struct assay_error *err);
/* Append the bytes of the transaction with this id; ENOTFOUND. */
ASSAY_MUST_CHECK enum assay_status
assay_ledger_store_find_tx(struct assay_ledger_store *store, const struct assay_digest *id,
                           struct assay_bytes *out, uint64_t *height, struct assay_error *err);

#endif

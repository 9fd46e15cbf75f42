/* A small chain for tests: two admins, five sites with keys from seeds, one task, walked through
 * the stages of a round. */
#ifndef ASSAY_TESTS_LEDGER_CHAIN_H
#define ASSAY_TESTS_LEDGER_CHAIN_H

#include "base/bytes.h"
#include "ledger/state.h"
#include "ledger/tx.h"

enum { CHAIN_SITES = 5, CHAIN_ADMINS = 2, CHAIN_ITEMS = 12, CHAIN_WINDOW = 10 };

/* Each stage holds what the one before it did. Sites 0, 1, 2 work; 3 withholds its beacon secret; 4
 * stays away. */
enum chain_stage {
    CHAIN_GENESIS,
    CHAIN_REGISTERED,
    CHAIN_OPENED,    /* task 1; the next height is in the beacon-commit window */
    CHAIN_SECRETS,   /* the next height is in the beacon-reveal window */
    CHAIN_ASSIGNED,  /* … in the commit window */
    CHAIN_COMMITTED, /* … in the reveal window; 0, 1, 2 have committed */
    CHAIN_REVEALED,  /* … in the reveal window still; 0, 1, 2 have revealed */
    CHAIN_OVER,      /* the next height may settle */
    CHAIN_SETTLED
};

struct chain {
    struct assay_ledger *ledger;
    struct assay_secret_key *admins[CHAIN_ADMINS], *sites[CHAIN_SITES];
    uint8_t strata[CHAIN_ITEMS];
    uint8_t bits[CHAIN_SITES][64];
    /* Where not NULL, gets every transaction that was sent and its code (replay_log.c). */
    void (*on_tx)(void *self, uint64_t height, const struct assay_bytes *tx, enum assay_code code);
    void *on_tx_self;
};

void chain_init(struct chain *chain, uint32_t quorum);
void chain_fini(struct chain *chain);
void chain_to(struct chain *chain, enum chain_stage stage);
void chain_keys(struct chain *chain); /* only the keys: the ledger is the caller's */
void chain_genesis(const struct chain *chain, uint32_t quorum, uint8_t admins[32 * CHAIN_ADMINS],
                   struct assay_state_genesis *out);

struct assay_secret_key *chain_key(uint8_t seed);
/* Append a well-formed transaction for the next block. */
void chain_tx(const struct assay_ledger *ledger, const struct assay_secret_key *key,
              enum assay_tx_type type, const void *payload, struct assay_bytes *out);
/* A block of its own for it, unless it is refused. */
enum assay_code chain_send(struct chain *chain, const struct assay_secret_key *key,
                           enum assay_tx_type type, const void *payload);
enum assay_code chain_send_bytes(struct chain *chain, const struct assay_bytes *tx);
void chain_advance_to(struct chain *chain, uint64_t height); /* the last committed one */

struct assay_tx_register chain_application(const struct chain *chain, size_t site);
struct assay_tx_open chain_terms(struct chain *chain);
struct assay_digest chain_secret(size_t site);
struct assay_tx_beacon_commit chain_beacon(const struct chain *chain, size_t site);
/* What a site reveals; its bits lie in the chain. */
struct assay_tx_reveal chain_opening(struct chain *chain, size_t site);
struct assay_tx_commit chain_commit(struct chain *chain, size_t site);

#endif

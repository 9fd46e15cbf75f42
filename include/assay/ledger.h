/* The ledger of a network of sites: a pure state machine (FORMAT.md 22), here on a local file. What
 * a transaction does is one code, the same on every machine. */
#ifndef ASSAY_LEDGER_H
#define ASSAY_LEDGER_H

#include "assay/digest.h"
#include "assay/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One row per code: number (stable), name, meaning. Their order is the order of the checks. */
#define ASSAY_CODE_LIST(X)                                                                         \
    X(OK, 0, "ok", "applied")                                                                      \
    X(TX_TOO_LARGE, 1, "tx-too-large", "more than 65 536 bytes")                                   \
    X(TX_MALFORMED, 2, "tx-malformed", "the bytes are no transaction, or not in their one form")   \
    X(TX_VERSION, 3, "tx-version", "another version of the envelope")                              \
    X(WRONG_CHAIN, 4, "wrong-chain", "made for another chain")                                     \
    X(UNKNOWN_TYPE, 5, "unknown-type", "no such type of transaction")                              \
    X(UNKNOWN_KEY, 6, "unknown-key", "the sender is neither an admin nor a registered site")       \
    X(SEQUENCE_REPLAYED, 7, "sequence-replayed", "this sequence was used: a replay")               \
    X(SEQUENCE_GAP, 8, "sequence-gap", "sequences of this sender are missing before this one")     \
    X(EXPIRED, 9, "expired", "its expiry height has passed")                                       \
    X(EXPIRY_FAR, 10, "expiry-far", "its expiry lies beyond the chain's span")                     \
    X(QUOTA, 11, "quota", "too many transactions of this sender in one block")                     \
    X(BAD_SIGNATURE, 12, "bad-signature", "the signature is not the sender's")                     \
    X(NOT_ADMIN, 13, "not-admin", "only an admin may send this")                                   \
    X(NOT_SITE, 14, "not-site", "only a registered site may send this")                            \
    X(PAYLOAD_MALFORMED, 15, "payload-malformed", "the payload is not in its one form")            \
    X(PROOF_INVALID, 20, "proof-invalid", "the site's key did not sign this application")          \
    X(SITE_EXISTS, 21, "site-exists", "the site is registered")                                    \
    X(LABELS_DIFFER, 22, "labels-differ", "other labels were offered for this key")                \
    X(VOTE_REPEATED, 23, "vote-repeated", "this admin has voted for this site")                    \
    X(RULE_SET_UNKNOWN, 30, "rule-set-unknown", "no such rule set")                                \
    X(TASK_LIMITS, 31, "task-limits", "a parameter of the task is out of its limits")              \
    X(STRATA_INVALID, 32, "strata-invalid", "strata are not 0 to K-1 with no gap")                 \
    X(UNKNOWN_TASK, 40, "unknown-task", "no such task")                                            \
    X(SETTLE_REPEATED, 41, "settle-repeated", "this round is settled")                             \
    X(TASK_CLOSED, 42, "task-closed", "the task has ended")                                        \
    X(WRONG_ROUND, 43, "wrong-round", "not the task's present round")                              \
    X(BEACON_EARLY, 50, "beacon-early", "before the beacon's window")                              \
    X(BEACON_LATE, 51, "beacon-late", "after the beacon's window")                                 \
    X(BEACON_REPEATED, 52, "beacon-repeated", "this site has done so in this round")               \
    X(BEACON_ABSENT, 53, "beacon-absent", "this site committed to no secret in this round")        \
    X(BEACON_MISMATCH, 54, "beacon-mismatch", "the secret does not fit its commitment")            \
    X(COMMIT_EARLY, 60, "commit-early", "before the commit window")                                \
    X(COMMIT_LATE, 61, "commit-late", "after the commit window")                                   \
    X(NOT_ASSIGNED, 62, "not-assigned", "the site has no seat in this round")                      \
    X(COMMIT_REPEATED, 63, "commit-repeated", "this site has made this commitment")                \
    X(SECOND_ROOT, 64, "second-root", "another commitment of this site for the same round")        \
    X(REVEAL_EARLY, 70, "reveal-early", "before the reveal window")                                \
    X(REVEAL_LATE, 71, "reveal-late", "after the reveal window")                                   \
    X(COMMIT_ABSENT, 72, "commit-absent", "nothing was committed to")                              \
    X(REVEAL_REPEATED, 73, "reveal-repeated", "this site has revealed")                            \
    X(COUNT_MISMATCH, 74, "count-mismatch", "n is not what was assigned")                          \
    X(BITS_INVALID, 75, "bits-invalid", "the bits are not n long, or unused bits are set")         \
    X(SUM_MISMATCH, 76, "sum-mismatch", "sum is not the number of set bits")                       \
    X(COMMIT_COPIED, 77, "commit-copied", "the commitment is another site's, copied")              \
    X(COMMIT_MISMATCH, 78, "commit-mismatch", "the opening does not fit the commitment")           \
    X(ROOT_REUSED, 79, "root-reused", "another site revealed this root in this round")             \
    X(SETTLE_EARLY, 80, "settle-early", "the reveal window is not over")

enum assay_code {
#define ASSAY_ROW(name, number, text, meaning) ASSAY_CODE_##name = number,
    ASSAY_CODE_LIST(ASSAY_ROW)
#undef ASSAY_ROW
};

const char *assay_code_name(enum assay_code code);    /* "reveal-early"; "?" for no code */
const char *assay_code_meaning(enum assay_code code); /* "before the reveal window" */

/* The state of a chain. Between assay_ledger_begin and _commit or _abandon a block is open. */
struct assay_ledger;

enum { ASSAY_TX_BYTES_MAX = 65536 };

void assay_ledger_destroy(struct assay_ledger *ledger); /* NULL is fine */
const char *assay_ledger_chain(const struct assay_ledger *ledger);
uint64_t assay_ledger_height(const struct assay_ledger *ledger); /* of the last committed block */
struct assay_digest
assay_ledger_app_hash(const struct assay_ledger *ledger); /* with open changes */

/* What a mempool asks: would the next block admit it? Size, key, sequence, expiry, quota, signature
 * last; the rules of its type are left to apply. Pure. */
enum assay_code assay_ledger_check(const struct assay_ledger *ledger, const uint8_t *tx,
                                   size_t size);

/* A block. Its height is the next one (asserted). A refused transaction changes nothing. EMEMORY
 * leaves the block fit only to be abandoned. */
void assay_ledger_begin(struct assay_ledger *ledger, uint64_t height);
ASSAY_MUST_CHECK enum assay_status assay_ledger_apply(struct assay_ledger *ledger,
                                                      const uint8_t *tx, size_t size,
                                                      enum assay_code *code,
                                                      struct assay_error *err);
ASSAY_MUST_CHECK enum assay_status assay_ledger_end(struct assay_ledger *ledger,
                                                    struct assay_error *err);
void assay_ledger_commit(struct assay_ledger *ledger);
void assay_ledger_abandon(struct assay_ledger *ledger);

#endif

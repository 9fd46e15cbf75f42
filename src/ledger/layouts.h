/* Every layout of tx-1 and ledger-1 (FORMAT.md 21.2, 21.3, 22.1): fields in the order of the
 * encoding, with the largest value or length. */
#ifndef ASSAY_LEDGER_LAYOUTS_H
#define ASSAY_LEDGER_LAYOUTS_H

#include "ledger/layout.h"

#define ASSAY_U32_MAX 0xffffffffu
#define ASSAY_U64_MAX UINT64_MAX

enum {
    ASSAY_CHAIN_ID_MAX = 64,
    ASSAY_TASK_ITEMS_MAX = 32768,
    ASSAY_TASK_SAMPLES_MAX = 400000,
    ASSAY_BITS_BYTES_MAX = 50000,
    ASSAY_TASK_STRATA_MAX = 64,
    ASSAY_TASK_SITES_MAX = 1024,
    ASSAY_ADMINS_MAX = 64
};

/* --- transactions */

#define ASSAY_TX_FIELDS(X, S)                                                                      \
    X(S, U8, version, 255)                                                                         \
    X(S, TEXT, chain, ASSAY_CHAIN_ID_MAX)                                                          \
    X(S, U8, type, 255)                                                                            \
    X(S, KEY, sender, 0)                                                                           \
    X(S, U64, sequence, ASSAY_U64_MAX)                                                             \
    X(S, U64, expiry, ASSAY_U64_MAX)                                                               \
    X(S, BLOB, payload, 65535)                                                                     \
    X(S, S64, signature, 0)

#define ASSAY_LABEL_FIELDS(X, S)                                                                   \
    X(S, TEXT, organisation, 64)                                                                   \
    X(S, TEXT, country, 2)                                                                         \
    X(S, TEXT, arch, 32)                                                                           \
    X(S, TEXT, engine, 64)

#define ASSAY_TX_REGISTER_FIELDS(X, S)                                                             \
    X(S, KEY, site, 0) ASSAY_LABEL_FIELDS(X, S) X(S, S64, proof, 0)

#define ASSAY_TERMS_FIELDS(X, S)                                                                   \
    X(S, TEXT, name, 64)                                                                           \
    X(S, D32, model, 0)                                                                            \
    X(S, D32, benchmark, 0)                                                                        \
    X(S, D32, spec, 0)                                                                             \
    X(S, D32, sampler, 0)                                                                          \
    X(S, U8, rule_set, 255)                                                                        \
    X(S, U8, replicas, 255)                                                                        \
    X(S, U32, samples_per_item, ASSAY_U32_MAX)                                                     \
    X(S, U32, sites_min, ASSAY_U32_MAX)                                                            \
    X(S, U32, sites_max, ASSAY_U32_MAX)                                                            \
    X(S, U32, rounds_max, ASSAY_U32_MAX)                                                           \
    X(S, U32, beacon_commit_blocks, ASSAY_U32_MAX)                                                 \
    X(S, U32, beacon_reveal_blocks, ASSAY_U32_MAX)                                                 \
    X(S, U32, commit_blocks, ASSAY_U32_MAX)                                                        \
    X(S, U32, reveal_blocks, ASSAY_U32_MAX)                                                        \
    X(S, U64, pool, ASSAY_U64_MAX)                                                                 \
    X(S, U32, sigma_milli, ASSAY_U32_MAX)                                                          \
    X(S, U32, gamma_milli, ASSAY_U32_MAX)                                                          \
    X(S, U32, lambda_milli, ASSAY_U32_MAX)

#define ASSAY_TX_OPEN_FIELDS(X, S) ASSAY_TERMS_FIELDS(X, S) X(S, BLOB, strata, ASSAY_TASK_ITEMS_MAX)
#define ASSAY_TX_ROUND_FIELDS(X, S) X(S, U64, task, ASSAY_U64_MAX) X(S, U32, round, ASSAY_U32_MAX)
#define ASSAY_TX_COMMITMENT_FIELDS(X, S) ASSAY_TX_ROUND_FIELDS(X, S) X(S, D32, commitment, 0)
#define ASSAY_TX_SECRET_FIELDS(X, S) ASSAY_TX_ROUND_FIELDS(X, S) X(S, D32, secret, 0)

#define ASSAY_OPENING_FIELDS(X, S)                                                                 \
    X(S, D32, root, 0)                                                                             \
    X(S, D32, nonce, 0)                                                                            \
    X(S, U64, n, ASSAY_U64_MAX)                                                                    \
    X(S, U64, sum, ASSAY_U64_MAX)                                                                  \
    X(S, D32, statement, 0)                                                                        \
    X(S, BLOB, bits, ASSAY_BITS_BYTES_MAX)
#define ASSAY_TX_REVEAL_FIELDS(X, S) ASSAY_TX_ROUND_FIELDS(X, S) ASSAY_OPENING_FIELDS(X, S)

/* --- values of the state */

#define ASSAY_STATE_GENESIS_FIELDS(X, S)                                                           \
    X(S, TEXT, chain, ASSAY_CHAIN_ID_MAX)                                                          \
    X(S, U32, quorum, ASSAY_ADMINS_MAX)                                                            \
    X(S, U32, quota, ASSAY_U32_MAX)                                                                \
    X(S, U32, expiry_span, ASSAY_U32_MAX)                                                          \
    X(S, BLOB, admins, 32 * ASSAY_ADMINS_MAX)

#define ASSAY_STATE_COUNTERS_FIELDS(X, S)                                                          \
    X(S, U64, next_task, ASSAY_U64_MAX)                                                            \
    X(S, U64, reserve, ASSAY_U64_MAX)                                                              \
    X(S, D32, beacon, 0)

#define ASSAY_STATE_ACCOUNT_FIELDS(X, S)                                                           \
    X(S, U64, sequence, ASSAY_U64_MAX)                                                             \
    X(S, U64, height, ASSAY_U64_MAX)                                                               \
    X(S, U32, count, ASSAY_U32_MAX)

#define ASSAY_STATE_APPLICATION_FIELDS(X, S)                                                       \
    ASSAY_LABEL_FIELDS(X, S) X(S, BLOB, voters, 32 * ASSAY_ADMINS_MAX)

#define ASSAY_STATE_SITE_FIELDS(X, S)                                                              \
    ASSAY_LABEL_FIELDS(X, S)                                                                       \
    X(S, U64, registered, ASSAY_U64_MAX)                                                           \
    X(S, U64, reputation, UINT64_C(0x100000000))                                                   \
    X(S, U64, delay, ASSAY_U64_MAX)                                                                \
    X(S, U64, earned, ASSAY_U64_MAX)                                                               \
    X(S, U32, rounds, ASSAY_U32_MAX)                                                               \
    X(S, U32, hits, ASSAY_U32_MAX)                                                                 \
    X(S, U32, withheld, ASSAY_U32_MAX)

#define ASSAY_STATE_TASK_FIELDS(X, S)                                                              \
    X(S, KEY, sender, 0)                                                                           \
    X(S, U64, opened, ASSAY_U64_MAX)                                                               \
    X(S, U32, round, ASSAY_U32_MAX)                                                                \
    X(S, U8, closed, 1)                                                                            \
    ASSAY_TERMS_FIELDS(X, S)                                                                       \
    X(S, U32, items, ASSAY_TASK_ITEMS_MAX)                                                         \
    X(S, U32, strata_count, ASSAY_TASK_STRATA_MAX)

#define ASSAY_STATE_STRATA_FIELDS(X, S) X(S, BLOB, strata, ASSAY_TASK_ITEMS_MAX)

#define ASSAY_STATE_ROUND_FIELDS(X, S)                                                             \
    X(S, U8, phase, 4)                                                                             \
    X(S, U64, start, ASSAY_U64_MAX)                                                                \
    X(S, U64, assigned, ASSAY_U64_MAX)                                                             \
    X(S, U32, sites, ASSAY_TASK_SITES_MAX)                                                         \
    X(S, D32, beacon, 0)                                                                           \
    X(S, D32, seed, 0)                                                                             \
    X(S, D32, assignment, 0)

#define ASSAY_STATE_BEACON_FIELDS(X, S)                                                            \
    X(S, D32, commitment, 0) X(S, U8, revealed, 1) X(S, D32, secret, 0)
#define ASSAY_STATE_SEAT_FIELDS(X, S)                                                              \
    X(S, U32, items, ASSAY_TASK_ITEMS_MAX) X(S, BLOB, bitmap, ASSAY_TASK_ITEMS_MAX / 8)
#define ASSAY_STATE_COMMIT_FIELDS(X, S) X(S, D32, commitment, 0) X(S, U64, height, ASSAY_U64_MAX)
#define ASSAY_STATE_REVEAL_FIELDS(X, S) ASSAY_OPENING_FIELDS(X, S)
#define ASSAY_STATE_ROOT_FIELDS(X, S) X(S, KEY, site, 0)

#define ASSAY_STATE_AWARD_FIELDS(X, S)                                                             \
    X(S, U8, revealed, 1)                                                                          \
    X(S, U8, hit, 1)                                                                               \
    X(S, U64, n, ASSAY_U64_MAX)                                                                    \
    X(S, U64, sum, ASSAY_U64_MAX)                                                                  \
    X(S, U64, score, ASSAY_U64_MAX)                                                                \
    X(S, U64, deviation, ASSAY_U64_MAX)                                                            \
    X(S, U64, weight, ASSAY_U64_MAX)                                                               \
    X(S, U64, pay, ASSAY_U64_MAX)                                                                  \
    X(S, U64, reputation, ASSAY_U64_MAX)

#define ASSAY_STATE_SETTLEMENT_FIELDS(X, S)                                                        \
    X(S, U8, conclusive, 1)                                                                        \
    X(S, U64, height, ASSAY_U64_MAX)                                                               \
    X(S, U32, sites, ASSAY_TASK_SITES_MAX)                                                         \
    X(S, U32, revealed, ASSAY_TASK_SITES_MAX)                                                      \
    X(S, U64, samples, ASSAY_U64_MAX)                                                              \
    X(S, U64, median, ASSAY_U64_MAX)                                                               \
    X(S, U64, mad, ASSAY_U64_MAX)                                                                  \
    X(S, U64, sigma, ASSAY_U64_MAX)                                                                \
    X(S, U64, weight_sum, ASSAY_U64_MAX)                                                           \
    X(S, U64, consensus, ASSAY_U64_MAX)                                                            \
    X(S, U64, paid, ASSAY_U64_MAX)                                                                 \
    X(S, U64, remainder, ASSAY_U64_MAX)

#define ASSAY_STATE_AGENDA_FIELDS(X, S) X(S, U32, round, ASSAY_U32_MAX)

/* Structure, list of fields, name in words. */
#define ASSAY_LAYOUT_LIST(X)                                                                       \
    X(assay_tx, ASSAY_TX_FIELDS, "transaction")                                                    \
    X(assay_tx_register, ASSAY_TX_REGISTER_FIELDS, "register")                                     \
    X(assay_tx_open, ASSAY_TX_OPEN_FIELDS, "open")                                                 \
    X(assay_tx_beacon_commit, ASSAY_TX_COMMITMENT_FIELDS, "beacon-commit")                         \
    X(assay_tx_beacon_reveal, ASSAY_TX_SECRET_FIELDS, "beacon-reveal")                             \
    X(assay_tx_commit, ASSAY_TX_COMMITMENT_FIELDS, "commit")                                       \
    X(assay_tx_reveal, ASSAY_TX_REVEAL_FIELDS, "reveal")                                           \
    X(assay_tx_settle, ASSAY_TX_ROUND_FIELDS, "settle")                                            \
    X(assay_state_genesis, ASSAY_STATE_GENESIS_FIELDS, "genesis")                                  \
    X(assay_state_counters, ASSAY_STATE_COUNTERS_FIELDS, "counters")                               \
    X(assay_state_account, ASSAY_STATE_ACCOUNT_FIELDS, "account")                                  \
    X(assay_state_application, ASSAY_STATE_APPLICATION_FIELDS, "application")                      \
    X(assay_state_site, ASSAY_STATE_SITE_FIELDS, "site")                                           \
    X(assay_state_task, ASSAY_STATE_TASK_FIELDS, "task")                                           \
    X(assay_state_strata, ASSAY_STATE_STRATA_FIELDS, "strata")                                     \
    X(assay_state_round, ASSAY_STATE_ROUND_FIELDS, "round")                                        \
    X(assay_state_beacon, ASSAY_STATE_BEACON_FIELDS, "beacon")                                     \
    X(assay_state_seat, ASSAY_STATE_SEAT_FIELDS, "seat")                                           \
    X(assay_state_commit, ASSAY_STATE_COMMIT_FIELDS, "commit")                                     \
    X(assay_state_reveal, ASSAY_STATE_REVEAL_FIELDS, "reveal")                                     \
    X(assay_state_root, ASSAY_STATE_ROOT_FIELDS, "root")                                           \
    X(assay_state_award, ASSAY_STATE_AWARD_FIELDS, "award")                                        \
    X(assay_state_settlement, ASSAY_STATE_SETTLEMENT_FIELDS, "settlement")                         \
    X(assay_state_agenda, ASSAY_STATE_AGENDA_FIELDS, "agenda")

#define ASSAY_ROW(S, FIELDS, name)                                                                 \
    struct S {                                                                                     \
        FIELDS(ASSAY_MEMBER, S)                                                                    \
    };                                                                                             \
    extern const struct assay_layout S##_layout;
ASSAY_LAYOUT_LIST(ASSAY_ROW)
#undef ASSAY_ROW

/* The tables of the state: byte in front of the key, length of the key after it, layout. */
#define ASSAY_TABLE_LIST(X)                                                                        \
    X(GENESIS, 0x01, 0, assay_state_genesis)                                                       \
    X(COUNTERS, 0x02, 0, assay_state_counters)                                                     \
    X(ACCOUNT, 0x03, 32, assay_state_account)                                                      \
    X(APPLICATION, 0x04, 32, assay_state_application)                                              \
    X(SITE, 0x05, 32, assay_state_site)                                                            \
    X(TASK, 0x06, 8, assay_state_task)                                                             \
    X(STRATA, 0x07, 8, assay_state_strata)                                                         \
    X(ROUND, 0x08, 12, assay_state_round)                                                          \
    X(BEACON, 0x09, 44, assay_state_beacon)                                                        \
    X(SEAT, 0x0a, 44, assay_state_seat)                                                            \
    X(COMMIT, 0x0b, 44, assay_state_commit)                                                        \
    X(REVEAL, 0x0c, 44, assay_state_reveal)                                                        \
    X(ROOT, 0x0d, 44, assay_state_root)                                                            \
    X(AWARD, 0x0e, 44, assay_state_award)                                                          \
    X(SETTLEMENT, 0x0f, 12, assay_state_settlement)                                                \
    X(AGENDA, 0x10, 16, assay_state_agenda)

enum assay_table_id {
#define ASSAY_ROW(name, byte, key_bytes, layout) ASSAY_TABLE_##name = byte,
    ASSAY_TABLE_LIST(ASSAY_ROW)
#undef ASSAY_ROW
};

struct assay_table_row {
    enum assay_table_id id;
    size_t key_bytes; /* after the first byte */
    const struct assay_layout *layout;
};

/* NULL for a byte that is no table. */
const struct assay_table_row *assay_table_find(uint8_t id);

/* The types of transactions: number, who may send it, payload. */
#define ASSAY_TX_TYPE_LIST(X)                                                                      \
    X(REGISTER, 1, ADMIN, assay_tx_register)                                                       \
    X(OPEN, 2, ANY, assay_tx_open)                                                                 \
    X(BEACON_COMMIT, 3, SITE, assay_tx_beacon_commit)                                              \
    X(BEACON_REVEAL, 4, SITE, assay_tx_beacon_reveal)                                              \
    X(COMMIT, 5, SITE, assay_tx_commit)                                                            \
    X(REVEAL, 6, SITE, assay_tx_reveal)                                                            \
    X(SETTLE, 7, ANY, assay_tx_settle)

enum assay_tx_type {
#define ASSAY_ROW(name, number, who, payload) ASSAY_TX_##name = number,
    ASSAY_TX_TYPE_LIST(ASSAY_ROW)
#undef ASSAY_ROW
};

union assay_tx_payload {
#define ASSAY_ROW(name, number, who, payload) struct payload payload;
    ASSAY_TX_TYPE_LIST(ASSAY_ROW)
#undef ASSAY_ROW
};

#endif

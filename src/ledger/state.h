/* Inside the state machine: the ledger's structure, its keys, and one function for each type of
 * transaction. Rules read and write the map by get and put; a refused transaction is rolled back.
 */
#ifndef ASSAY_LEDGER_STATE_H
#define ASSAY_LEDGER_STATE_H

#include "assay/ledger.h"
#include "ledger/layouts.h"
#include "ledger/map.h"

struct assay_ledger {
    struct assay_map map;
    uint64_t height; /* of the last committed block */
    uint64_t block;  /* of the open one, 0 for none */
    struct assay_bytes *scratch;
    struct assay_state_genesis genesis; /* its admins lie in the map */
};

/* A transaction being applied. */
struct assay_call {
    struct assay_ledger *ledger;
    uint64_t height;
    const struct assay_public_key *sender;
    const char *chain;
};

/* Genesis, with its rules: EVALUE says which one is broken. */
ASSAY_MUST_CHECK enum assay_status assay_ledger_create(struct assay_ledger **out,
                                                       const struct assay_state_genesis *genesis,
                                                       struct assay_error *err);
/* An empty ledger, to be filled by assay_ledger_load and closed by assay_ledger_loaded. */
ASSAY_MUST_CHECK enum assay_status assay_ledger_create_empty(struct assay_ledger **out,
                                                             struct assay_error *err);
/* EFORMAT for a key or a value that is not in its one form. */
ASSAY_MUST_CHECK enum assay_status assay_ledger_load(struct assay_ledger *ledger,
                                                     const uint8_t *key, size_t key_size,
                                                     const uint8_t *value, size_t value_size,
                                                     struct assay_error *err);
ASSAY_MUST_CHECK enum assay_status assay_ledger_loaded(struct assay_ledger *ledger, uint64_t height,
                                                       struct assay_error *err);

/* --- keys.c */
struct assay_state_key assay_state_key_plain(enum assay_table_id table);
struct assay_state_key assay_state_key_site(enum assay_table_id table,
                                            const struct assay_public_key *site);
struct assay_state_key assay_state_key_task(enum assay_table_id table, uint64_t task);
struct assay_state_key assay_state_key_round(enum assay_table_id table, uint64_t task,
                                             uint32_t round);
/* `of` is a site's key or a root: 32 bytes. */
struct assay_state_key assay_state_key_member(enum assay_table_id table, uint64_t task,
                                              uint32_t round, const uint8_t of[32]);
struct assay_state_key assay_state_key_agenda(uint64_t height, uint64_t task);
/* The last 32 bytes of such a key. */
struct assay_public_key assay_state_key_owner(const struct assay_state_key *key);

/* --- values.c: false if there is none. A value that does not decode is an assertion: what is
 * loaded was checked. */
bool assay_state_get(const struct assay_ledger *ledger, const struct assay_state_key *key,
                     void *out);
bool assay_state_has(const struct assay_ledger *ledger, const struct assay_state_key *key);
void assay_state_put(struct assay_ledger *ledger, const struct assay_state_key *key,
                     const void *value);
void assay_state_remove(struct assay_ledger *ledger, const struct assay_state_key *key);
/* Whether the bytes are a key and its value in their one form. */
bool assay_state_entry_valid(const uint8_t *key, size_t key_size, const uint8_t *value,
                             size_t value_size);
bool assay_state_is_admin(const struct assay_ledger *ledger, const struct assay_public_key *key);
/* Whether `key` is one of the 32-byte keys in a row; *at gets where it is or belongs. */
bool assay_keys_find(const struct assay_blob *keys, const uint8_t key[32], size_t *at);

/* --- check.c: 22.4 up to the signature; also decodes. */
enum assay_code assay_ledger_admit(const struct assay_ledger *ledger, uint64_t height,
                                   const uint8_t *data, size_t size, struct assay_tx *tx);

/* --- one rule for each type */
enum assay_code assay_rule_register(struct assay_call *call, const struct assay_tx_register *of);
enum assay_code assay_rule_open(struct assay_call *call, const struct assay_tx_open *of);
enum assay_code assay_rule_beacon_commit(struct assay_call *call,
                                         const struct assay_tx_beacon_commit *of);
enum assay_code assay_rule_beacon_reveal(struct assay_call *call,
                                         const struct assay_tx_beacon_reveal *of);
enum assay_code assay_rule_commit(struct assay_call *call, const struct assay_tx_commit *of);
enum assay_code assay_rule_reveal(struct assay_call *call, const struct assay_tx_reveal *of);
enum assay_code assay_rule_settle(struct assay_call *call, const struct assay_tx_settle *of);

/* --- round.c */
enum {
    ASSAY_PHASE_BEACON = 1,
    ASSAY_PHASE_WORK = 2,
    ASSAY_PHASE_SETTLED = 3,
    ASSAY_PHASE_VOID = 4
};

/* Task and round of a transaction: UNKNOWN_TASK, TASK_CLOSED or WRONG_ROUND. */
enum assay_code assay_round_find(const struct assay_ledger *ledger, uint64_t task, uint32_t round,
                                 struct assay_state_task *task_out,
                                 struct assay_state_round *round_out);
void assay_round_start(struct assay_ledger *ledger, uint64_t task, uint32_t round,
                       const struct assay_state_task *terms, uint64_t height);
/* After a void or inconclusive round: the next one, or the end of the task. `terms` is written. */
void assay_round_follow(struct assay_ledger *ledger, uint64_t task, struct assay_state_task *terms,
                        uint64_t height);
/* A hit, a miss, or (withheld) a miss that is counted. Returns the new reputation. */
uint64_t assay_round_judge(struct assay_ledger *ledger, const struct assay_public_key *site,
                           bool hit, bool withheld);

/* --- draw.c: the beacon's end and the assignment, by the agenda. False when out of memory. */
bool assay_round_draw(struct assay_ledger *ledger, uint64_t task, uint32_t round, uint64_t height);

#endif

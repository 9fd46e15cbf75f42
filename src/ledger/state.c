/* The state machine: blocks of transactions over an ordered map (FORMAT.md 22). Pure: no clock, no
 * float, no file; the same blocks give the same app hash everywhere. */
#include "ledger/state.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "crypto/digest.h"
#include "ledger/tx.h"

#include <stdlib.h>
#include <string.h>

enum sender { SENDER_ADMIN, SENDER_SITE, SENDER_ANY };

static enum assay_code check_sender(const struct assay_ledger *ledger, enum sender wanted,
                                    const struct assay_public_key *sender)
{
    struct assay_state_key key = assay_state_key_site(ASSAY_TABLE_SITE, sender);
    if (wanted == SENDER_ADMIN && !assay_state_is_admin(ledger, sender)) {
        return ASSAY_CODE_NOT_ADMIN;
    }
    if (wanted == SENDER_SITE && !assay_state_has(ledger, &key)) return ASSAY_CODE_NOT_SITE;
    return ASSAY_CODE_OK;
}

#define ASSAY_RULE_REGISTER assay_rule_register
#define ASSAY_RULE_OPEN assay_rule_open
#define ASSAY_RULE_BEACON_COMMIT assay_rule_beacon_commit
#define ASSAY_RULE_BEACON_REVEAL assay_rule_beacon_reveal
#define ASSAY_RULE_COMMIT assay_rule_commit
#define ASSAY_RULE_REVEAL assay_rule_reveal
#define ASSAY_RULE_SETTLE assay_rule_settle

/* Sender, payload, then the type's own rule. */
static enum assay_code run_rule(struct assay_call *call, const struct assay_tx *tx)
{
    union assay_tx_payload payload;
    enum assay_code code;
    switch (tx->type) {
#define ASSAY_ROW(name, number, who, layout)                                                       \
    case number:                                                                                   \
        code = check_sender(call->ledger, SENDER_##who, call->sender);                             \
        if (code) return code;                                                                     \
        if (!assay_layout_decode(&layout##_layout, &payload.layout, tx->payload.data,              \
                                 tx->payload.size)) {                                              \
            return ASSAY_CODE_PAYLOAD_MALFORMED;                                                   \
        }                                                                                          \
        return ASSAY_RULE_##name(call, &payload.layout);
        ASSAY_TX_TYPE_LIST(ASSAY_ROW)
#undef ASSAY_ROW
    default:
        return ASSAY_CODE_UNKNOWN_TYPE;
    }
}

static void count_transaction(struct assay_ledger *ledger, const struct assay_public_key *sender)
{
    struct assay_state_account account = {0};
    struct assay_state_key key = assay_state_key_site(ASSAY_TABLE_ACCOUNT, sender);
    (void)assay_state_get(ledger, &key, &account);
    account.count = account.height == ledger->block ? account.count + 1 : 1;
    account.height = ledger->block;
    account.sequence++;
    assay_state_put(ledger, &key, &account);
}

static enum assay_status no_memory(struct assay_error *err)
{
    return assay_fail(err, ASSAY_EMEMORY, "no memory for the ledger's state");
}

void assay_ledger_begin(struct assay_ledger *ledger, uint64_t height)
{
    ASSAY_ASSERT(ledger->block == 0 && height == ledger->height + 1);
    ASSAY_ASSERT(ledger->map.change_count == 0);
    ledger->block = height;
}

enum assay_status assay_ledger_apply(struct assay_ledger *ledger, const uint8_t *tx, size_t size,
                                     enum assay_code *code, struct assay_error *err)
{
    struct assay_tx decoded;
    ASSAY_ASSERT(ledger->block > 0);
    size_t mark = ledger->map.change_count;
    enum assay_code result = assay_ledger_admit(ledger, ledger->block, tx, size, &decoded);
    if (!result) {
        struct assay_call call = {ledger, ledger->block, &decoded.sender, ledger->genesis.chain};
        count_transaction(ledger, &decoded.sender);
        result = run_rule(&call, &decoded);
    }
    if (ledger->map.failed) return no_memory(err);
    if (result) assay_map_rollback(&ledger->map, mark);
    *code = result;
    return ASSAY_OK;
}

/* What is due at this height, in order of task; each entry is taken off first. */
enum assay_status assay_ledger_end(struct assay_ledger *ledger, struct assay_error *err)
{
    ASSAY_ASSERT(ledger->block > 0);
    struct assay_state_key from = assay_state_key_agenda(ledger->block, 0);
    struct assay_state_key due = from;
    due.size = 1 + 8;
    for (;;) {
        size_t index = assay_map_lower(&ledger->map, &from);
        if (index == ledger->map.count) break;
        struct assay_state_key key = ledger->map.entries[index]->key;
        if (!assay_state_key_begins(&key, &due)) break;
        struct assay_state_agenda agenda;
        uint64_t task = 0;
        ASSAY_ASSERT(assay_state_get(ledger, &key, &agenda));
        for (size_t i = 9; i < 17; i++) task = task << 8 | key.bytes[i];
        assay_state_remove(ledger, &key);
        if (ledger->map.failed) return no_memory(err);
        if (!assay_round_draw(ledger, task, agenda.round, ledger->block)) return no_memory(err);
    }
    return ledger->map.failed ? no_memory(err) : ASSAY_OK;
}

void assay_ledger_commit(struct assay_ledger *ledger)
{
    ASSAY_ASSERT(ledger->block > 0 && !ledger->map.failed);
    assay_map_forget(&ledger->map);
    ledger->height = ledger->block;
    ledger->block = 0;
}

void assay_ledger_abandon(struct assay_ledger *ledger)
{
    ASSAY_ASSERT(ledger->block > 0);
    assay_map_rollback(&ledger->map, 0);
    ledger->map.failed = false;
    ledger->block = 0;
}

const char *assay_ledger_chain(const struct assay_ledger *ledger)
{
    return ledger->genesis.chain;
}

uint64_t assay_ledger_height(const struct assay_ledger *ledger)
{
    return ledger->height;
}

struct assay_digest assay_ledger_app_hash(const struct assay_ledger *ledger)
{
    struct assay_digest inner = assay_map_root(&ledger->map);
    return assay_app_hash_of(&inner);
}

/* beacon-commit and beacon-reveal: secrets that together make the round's randomness (22.6). */
#include "ledger/state.h"

#include "crypto/digest.h"
#include "ledger/tx.h"

enum assay_code assay_rule_beacon_commit(struct assay_call *call,
                                         const struct assay_tx_beacon_commit *of)
{
    struct assay_state_task task;
    struct assay_state_round round;
    enum assay_code code = assay_round_find(call->ledger, of->task, of->round, &task, &round);
    if (code) return code;
    if (call->height <= round.start) return ASSAY_CODE_BEACON_EARLY;
    if (call->height > round.start + task.beacon_commit_blocks) return ASSAY_CODE_BEACON_LATE;
    struct assay_state_key key =
        assay_state_key_member(ASSAY_TABLE_BEACON, of->task, of->round, call->sender->bytes);
    if (assay_state_has(call->ledger, &key)) return ASSAY_CODE_BEACON_REPEATED;
    struct assay_state_beacon beacon = {.commitment = of->commitment};
    assay_state_put(call->ledger, &key, &beacon);
    return ASSAY_CODE_OK;
}

enum assay_code assay_rule_beacon_reveal(struct assay_call *call,
                                         const struct assay_tx_beacon_reveal *of)
{
    struct assay_state_task task;
    struct assay_state_round round;
    struct assay_state_beacon beacon;
    enum assay_code code = assay_round_find(call->ledger, of->task, of->round, &task, &round);
    if (code) return code;
    if (call->height <= round.start + task.beacon_commit_blocks) return ASSAY_CODE_BEACON_EARLY;
    if (call->height > round.assigned) return ASSAY_CODE_BEACON_LATE;
    struct assay_state_key key =
        assay_state_key_member(ASSAY_TABLE_BEACON, of->task, of->round, call->sender->bytes);
    if (!assay_state_get(call->ledger, &key, &beacon)) return ASSAY_CODE_BEACON_ABSENT;
    if (beacon.revealed) return ASSAY_CODE_BEACON_REPEATED;
    struct assay_digest commitment =
        assay_beacon_commitment(call->chain, of->task, of->round, call->sender, &of->secret);
    if (!assay_digest_equal(&commitment, &beacon.commitment)) return ASSAY_CODE_BEACON_MISMATCH;
    beacon.revealed = 1;
    beacon.secret = of->secret;
    assay_state_put(call->ledger, &key, &beacon);
    return ASSAY_CODE_OK;
}

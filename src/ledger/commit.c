/* commit and reveal: the root of the records is fixed before anything is seen (FORMAT.md 22.6). */
#include "ledger/state.h"

#include "base/assert.h"
#include "crypto/digest.h"
#include "ledger/tx.h"

enum assay_code assay_rule_commit(struct assay_call *call, const struct assay_tx_commit *of)
{
    struct assay_state_task task;
    struct assay_state_round round;
    struct assay_state_commit made;
    enum assay_code code = assay_round_find(call->ledger, of->task, of->round, &task, &round);
    if (code) return code;
    if (round.phase == ASSAY_PHASE_BEACON) return ASSAY_CODE_COMMIT_EARLY;
    if (call->height > round.assigned + task.commit_blocks) return ASSAY_CODE_COMMIT_LATE;
    struct assay_state_key key =
        assay_state_key_member(ASSAY_TABLE_SEAT, of->task, of->round, call->sender->bytes);
    if (!assay_state_has(call->ledger, &key)) return ASSAY_CODE_NOT_ASSIGNED;
    key = assay_state_key_member(ASSAY_TABLE_COMMIT, of->task, of->round, call->sender->bytes);
    if (assay_state_get(call->ledger, &key, &made)) {
        return assay_digest_equal(&made.commitment, &of->commitment) ? ASSAY_CODE_COMMIT_REPEATED
                                                                     : ASSAY_CODE_SECOND_ROOT;
    }
    made = (struct assay_state_commit){of->commitment, call->height};
    assay_state_put(call->ledger, &key, &made);
    return ASSAY_CODE_OK;
}

/* n bits in ceil(n/8) bytes with the unused ones 0, `sum` of them set. */
static enum assay_code check_bits(const struct assay_tx_reveal *of)
{
    uint64_t set = 0;
    if (of->bits.size != (of->n + 7) / 8) return ASSAY_CODE_BITS_INVALID;
    if (of->n % 8 != 0 && of->bits.data[of->bits.size - 1] >> of->n % 8 != 0) {
        return ASSAY_CODE_BITS_INVALID;
    }
    for (uint32_t i = 0; i < of->bits.size; i++) {
        for (uint8_t left = of->bits.data[i]; left; left = (uint8_t)(left & (left - 1))) set++;
    }
    return set == of->sum ? ASSAY_CODE_OK : ASSAY_CODE_SUM_MISMATCH;
}

/* Whether another site made this very commitment and the opening is that site's. */
static bool is_copied(const struct assay_call *call, const struct assay_tx_reveal *of,
                      const struct assay_digest *commitment)
{
    const struct assay_map *map = &call->ledger->map;
    struct assay_state_key prefix = assay_state_key_round(ASSAY_TABLE_COMMIT, of->task, of->round);
    for (size_t i = assay_map_lower(map, &prefix);
         i < map->count && assay_state_key_begins(&map->entries[i]->key, &prefix); i++) {
        struct assay_public_key owner = assay_state_key_owner(&map->entries[i]->key);
        struct assay_state_commit other;
        ASSAY_ASSERT(assay_state_get(call->ledger, &map->entries[i]->key, &other));
        if (assay_public_key_equal(&owner, call->sender) ||
            !assay_digest_equal(&other.commitment, commitment)) {
            continue;
        }
        struct assay_digest opened = assay_score_commitment(call->chain, of, &owner);
        if (assay_digest_equal(&opened, commitment)) return true;
    }
    return false;
}

static enum assay_code check_opening(const struct assay_call *call,
                                     const struct assay_state_task *task,
                                     const struct assay_tx_reveal *of)
{
    struct assay_state_seat seat;
    struct assay_state_commit made;
    struct assay_state_key key =
        assay_state_key_member(ASSAY_TABLE_SEAT, of->task, of->round, call->sender->bytes);
    if (!assay_state_get(call->ledger, &key, &seat)) return ASSAY_CODE_NOT_ASSIGNED;
    key = assay_state_key_member(ASSAY_TABLE_COMMIT, of->task, of->round, call->sender->bytes);
    if (!assay_state_get(call->ledger, &key, &made)) return ASSAY_CODE_COMMIT_ABSENT;
    key = assay_state_key_member(ASSAY_TABLE_REVEAL, of->task, of->round, call->sender->bytes);
    if (assay_state_has(call->ledger, &key)) return ASSAY_CODE_REVEAL_REPEATED;
    if (of->n != (uint64_t)seat.items * task->samples_per_item) return ASSAY_CODE_COUNT_MISMATCH;
    enum assay_code code = check_bits(of);
    if (code) return code;
    struct assay_digest opened = assay_score_commitment(call->chain, of, call->sender);
    if (!assay_digest_equal(&opened, &made.commitment)) {
        return is_copied(call, of, &made.commitment) ? ASSAY_CODE_COMMIT_COPIED
                                                     : ASSAY_CODE_COMMIT_MISMATCH;
    }
    key = assay_state_key_member(ASSAY_TABLE_ROOT, of->task, of->round, of->root.bytes);
    return assay_state_has(call->ledger, &key) ? ASSAY_CODE_ROOT_REUSED : ASSAY_CODE_OK;
}

enum assay_code assay_rule_reveal(struct assay_call *call, const struct assay_tx_reveal *of)
{
    struct assay_state_task task;
    struct assay_state_round round;
    enum assay_code code = assay_round_find(call->ledger, of->task, of->round, &task, &round);
    if (code) return code;
    uint64_t opens = round.assigned + task.commit_blocks;
    if (round.phase == ASSAY_PHASE_BEACON || call->height <= opens) return ASSAY_CODE_REVEAL_EARLY;
    if (call->height > opens + task.reveal_blocks) return ASSAY_CODE_REVEAL_LATE;
    code = check_opening(call, &task, of);
    if (code) return code;
    struct assay_state_reveal revealed = {of->root, of->nonce,     of->n,
                                          of->sum,  of->statement, of->bits};
    struct assay_state_root root = {*call->sender};
    struct assay_state_key key =
        assay_state_key_member(ASSAY_TABLE_REVEAL, of->task, of->round, call->sender->bytes);
    assay_state_put(call->ledger, &key, &revealed);
    key = assay_state_key_member(ASSAY_TABLE_ROOT, of->task, of->round, of->root.bytes);
    assay_state_put(call->ledger, &key, &root);
    return ASSAY_CODE_OK;
}

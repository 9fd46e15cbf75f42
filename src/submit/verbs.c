/* A site's part in a round: beacon, commitment, reveal, and what it was assigned. */
#include "submit/verbs.h"

#include "assay/assignment.h"
#include "base/bytes.h"
#include "crypto/digest.h"
#include "submit/score.h"

#include <stdlib.h>
#include <string.h>

/* A transaction that is not in a block this many heights later may be made again. */
enum { EXPIRY_BLOCKS = 100 };

static enum assay_status next_sequence(const struct assay_network *network,
                                       const struct assay_public_key *sender, uint64_t *out,
                                       struct assay_error *err)
{
    struct assay_bytes bytes = {0};
    struct assay_state_account account = {0};
    struct assay_state_key key = assay_state_key_site(ASSAY_TABLE_ACCOUNT, sender);
    bool found = false;
    enum assay_status status = network->ops->read(network->self, &key, &found, &bytes, err);
    if (!status && found &&
        !assay_layout_decode(&assay_state_account_layout, &account, bytes.data, bytes.size)) {
        status = assay_fail(err, ASSAY_EFORMAT, "the network's account is malformed");
    }
    if (!status) *out = account.sequence;
    assay_bytes_fini(&bytes);
    return status;
}

static enum assay_status expiry_of(const struct assay_network *network, uint64_t height,
                                   uint64_t *out, struct assay_error *err)
{
    struct assay_bytes bytes = {0};
    struct assay_state_genesis genesis;
    struct assay_state_key key = assay_state_key_plain(ASSAY_TABLE_GENESIS);
    enum assay_status status = assay_network_get(network, &key, &genesis, &bytes, "genesis", err);
    if (!status) {
        uint64_t span = genesis.expiry_span < EXPIRY_BLOCKS ? genesis.expiry_span : EXPIRY_BLOCKS;
        *out = height + span;
    }
    assay_bytes_fini(&bytes);
    return status;
}

enum assay_status assay_submit_send(const struct assay_network *network,
                                    const struct assay_secret_key *key, enum assay_tx_type type,
                                    const void *payload, struct assay_sent *out,
                                    struct assay_error *err)
{
    struct assay_network_info info;
    struct assay_bytes tx = {0};
    struct assay_public_key sender = assay_secret_key_public(key);
    enum assay_code code = ASSAY_CODE_OK;
    uint64_t sequence = 0, expiry = 0, height = 0;
    enum assay_status status = network->ops->info(network->self, &info, err);
    if (!status) status = next_sequence(network, &sender, &sequence, err);
    if (!status) status = expiry_of(network, info.height, &expiry, err);
    if (!status) status = assay_tx_make(&tx, key, info.chain, sequence, expiry, type, payload, err);
    if (!status) {
        status = network->ops->submit(network->self, tx.data, tx.size, &code, &height, err);
    }
    if (!status && code) {
        status = assay_fail(err, ASSAY_EFAILED, "refused: %s (%d): %s", assay_code_name(code),
                            (int)code, assay_code_meaning(code));
    }
    if (!status) {
        *out = (struct assay_sent){.id = assay_tx_id(tx.data, tx.size), .height = height};
    }
    assay_bytes_fini(&tx);
    return status;
}

enum assay_status assay_submit_round(const struct assay_network *network, uint64_t task,
                                     uint32_t *round, struct assay_error *err)
{
    struct assay_bytes bytes = {0};
    struct assay_state_task value;
    struct assay_state_key key = assay_state_key_task(ASSAY_TABLE_TASK, task);
    enum assay_status status = assay_network_get(network, &key, &value, &bytes, "the task", err);
    if (!status) *round = value.round;
    assay_bytes_fini(&bytes);
    return status;
}

enum assay_status assay_submit_beacon(const struct assay_network *network,
                                      const struct assay_secret_key *key, uint64_t task,
                                      uint32_t round, bool reveal, struct assay_sent *out,
                                      struct assay_error *err)
{
    struct assay_network_info info;
    struct assay_public_key site = assay_secret_key_public(key);
    enum assay_status status = network->ops->info(network->self, &info, err);
    if (status) return status;
    struct assay_digest secret = assay_secret_of_round(key, info.chain, task, round, "beacon");
    struct assay_tx_beacon_reveal revealed = {task, round, secret};
    struct assay_tx_beacon_commit committed = {
        task, round, assay_beacon_commitment(info.chain, task, round, &site, &secret)};
    status = reveal ? assay_submit_send(network, key, ASSAY_TX_BEACON_REVEAL, &revealed, out, err)
                    : assay_submit_send(network, key, ASSAY_TX_BEACON_COMMIT, &committed, out, err);
    out->task = task;
    out->round = round;
    return status;
}

enum assay_status assay_submit_score(const struct assay_network *network,
                                     const struct assay_secret_key *key, uint64_t task,
                                     uint32_t round, bool reveal, const struct assay_score *score,
                                     struct assay_sent *out, struct assay_error *err)
{
    struct assay_network_info info;
    struct assay_public_key site = assay_secret_key_public(key);
    enum assay_status status = network->ops->info(network->self, &info, err);
    if (status) return status;
    struct assay_tx_reveal opening = {
        .task = task,
        .round = round,
        .root = score->root,
        .nonce = assay_secret_of_round(key, info.chain, task, round, "nonce"),
        .n = score->n,
        .sum = score->sum,
        .statement = score->statement,
        .bits = {score->bits.data, (uint32_t)score->bits.size}};
    struct assay_tx_commit commit = {task, round,
                                     assay_score_commitment(info.chain, &opening, &site)};
    status = reveal ? assay_submit_send(network, key, ASSAY_TX_REVEAL, &opening, out, err)
                    : assay_submit_send(network, key, ASSAY_TX_COMMIT, &commit, out, err);
    out->task = task;
    out->round = round;
    return status;
}

static enum assay_status take_items(struct assay_assignment *out, const struct assay_blob *bitmap,
                                    uint32_t count, struct assay_error *err)
{
    out->items = calloc(count ? count : 1, sizeof *out->items);
    if (!out->items) return assay_fail(err, ASSAY_EMEMORY, "no memory for an assignment");
    for (uint32_t i = 0; i < 8 * bitmap->size && out->count < count; i++) {
        if (bitmap->data[i / 8] >> i % 8 & 1) out->items[out->count++] = i;
    }
    return out->count == count
               ? ASSAY_OK
               : assay_fail(err, ASSAY_EFORMAT, "the network's assignment does not add up");
}

enum assay_status assay_submit_assignment(const struct assay_network *network, uint64_t task,
                                          uint32_t round, const struct assay_public_key *site,
                                          struct assay_assignment *out, struct assay_error *err)
{
    struct assay_bytes bytes = {0};
    struct assay_network_info info;
    struct assay_state_task terms;
    struct assay_state_round drawn;
    struct assay_state_seat seat;
    struct assay_state_key key = assay_state_key_task(ASSAY_TABLE_TASK, task);
    enum assay_status status = network->ops->info(network->self, &info, err);
    if (!status) status = assay_network_get(network, &key, &terms, &bytes, "the task", err);
    key = assay_state_key_round(ASSAY_TABLE_ROUND, task, round);
    if (!status) status = assay_network_get(network, &key, &drawn, &bytes, "the round", err);
    key = assay_state_key_member(ASSAY_TABLE_SEAT, task, round, site->bytes);
    if (!status) {
        status = assay_network_get(network, &key, &seat, &bytes, "a seat of this site", err);
    }
    if (!status) {
        *out = (struct assay_assignment){.task = task,
                                         .round = round,
                                         .round_seed = drawn.seed,
                                         .spec = terms.spec,
                                         .benchmark = terms.benchmark,
                                         .model = terms.model,
                                         .sampler = terms.sampler,
                                         .item_count = terms.items,
                                         .samples_per_item = terms.samples_per_item};
        memcpy(out->chain, info.chain, sizeof out->chain);
        memcpy(out->site, site->bytes, sizeof out->site);
        status = take_items(out, &seat.bitmap, seat.items, err);
        if (status) assay_assignment_fini(out);
    }
    assay_bytes_fini(&bytes);
    return status;
}

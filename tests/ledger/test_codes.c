/* Every reject code is reached, by its name; chain.c asserts that what is refused changes nothing.
 */
#include "harness/check.h"

#include "chain.h"
#include "crypto/digest.h"

#include <stdbool.h>

typedef enum assay_code attempt(struct chain *chain);

/* --- the envelope */

static struct assay_bytes settle_bytes(const struct chain *chain)
{
    struct assay_tx_settle of = {.task = 1};
    struct assay_bytes tx = {0};
    chain_tx(chain->ledger, chain->sites[0], ASSAY_TX_SETTLE, &of, &tx);
    return tx;
}

static enum assay_code send_and_drop(struct chain *chain, struct assay_bytes tx)
{
    enum assay_code code = chain_send_bytes(chain, &tx);
    assay_bytes_fini(&tx);
    return code;
}

static enum assay_code too_large(struct chain *chain)
{
    static const uint8_t zeros[ASSAY_TX_BYTES_MAX];
    struct assay_bytes tx = settle_bytes(chain);
    assert_int_equal(assay_bytes_append(&tx, zeros, sizeof zeros, NULL), ASSAY_OK);
    return send_and_drop(chain, tx);
}

static enum assay_code trailing_byte(struct chain *chain)
{
    struct assay_bytes tx = settle_bytes(chain);
    assert_int_equal(assay_bytes_append(&tx, "", 1, NULL), ASSAY_OK);
    return send_and_drop(chain, tx);
}

static enum assay_code cut_short(struct chain *chain)
{
    struct assay_bytes tx = settle_bytes(chain);
    tx.size--;
    return send_and_drop(chain, tx);
}

static enum assay_code other_version(struct chain *chain)
{
    struct assay_bytes tx = settle_bytes(chain);
    tx.data[0] = 2;
    return send_and_drop(chain, tx);
}

static enum assay_code other_signature(struct chain *chain)
{
    struct assay_bytes tx = settle_bytes(chain);
    tx.data[tx.size - 64] ^= 1;
    return send_and_drop(chain, tx);
}

/* The sequence changed after signing: the signature is of another transaction. */
static enum assay_code changed_body(struct chain *chain)
{
    struct assay_bytes tx = settle_bytes(chain);
    tx.data[tx.size - 64 - 12] ^= 2; /* task in the payload */
    return send_and_drop(chain, tx);
}

static enum assay_code other_type(struct chain *chain)
{
    struct assay_bytes tx = settle_bytes(chain);
    tx.data[1 + 2 + strlen("test-1")] = 99;
    return send_and_drop(chain, tx);
}

static enum assay_code send_made(struct chain *chain, const struct assay_secret_key *key,
                                 const char *name, uint64_t sequence, uint64_t expiry)
{
    struct assay_tx_settle of = {.task = 1};
    struct assay_bytes tx = {0};
    assert_int_equal(assay_tx_make(&tx, key, name, sequence, expiry, ASSAY_TX_SETTLE, &of, NULL),
                     ASSAY_OK);
    return send_and_drop(chain, tx);
}

static enum assay_code other_chain(struct chain *chain)
{
    return send_made(chain, chain->sites[0], "test-2", 0, 100);
}

static enum assay_code stranger(struct chain *chain)
{
    struct assay_secret_key *key = chain_key(99);
    enum assay_code code = send_made(chain, key, "test-1", 0, 100);
    assay_secret_key_destroy(key);
    return code;
}

static enum assay_code replayed(struct chain *chain)
{
    return send_made(chain, chain->admins[0], "test-1", 4, 100);
}

static enum assay_code gap(struct chain *chain)
{
    return send_made(chain, chain->admins[0], "test-1", 6, 100);
}

static enum assay_code expired(struct chain *chain)
{
    return send_made(chain, chain->admins[0], "test-1", 5, 5);
}

static enum assay_code expiry_far(struct chain *chain)
{
    return send_made(chain, chain->admins[0], "test-1", 5, 1007);
}

/* Five of one sender in a block where four are allowed. */
static enum assay_code over_quota(struct chain *chain)
{
    enum assay_code code = ASSAY_CODE_OK;
    assay_ledger_begin(chain->ledger, assay_ledger_height(chain->ledger) + 1);
    for (unsigned i = 0; i < 5; i++) {
        struct assay_tx_open of = chain_terms(chain);
        struct assay_bytes tx = {0};
        assert_int_equal(code, ASSAY_CODE_OK);
        chain_tx(chain->ledger, chain->sites[0], ASSAY_TX_OPEN, &of, &tx);
        assert_int_equal(assay_ledger_check(chain->ledger, tx.data, tx.size),
                         i < 4 ? ASSAY_CODE_OK : ASSAY_CODE_QUOTA);
        assert_int_equal(assay_ledger_apply(chain->ledger, tx.data, tx.size, &code, NULL),
                         ASSAY_OK);
        assay_bytes_fini(&tx);
    }
    assay_ledger_abandon(chain->ledger);
    return code;
}

/* --- who may, and the payload */

static enum assay_code site_registers(struct chain *chain)
{
    struct assay_tx_register of = chain_application(chain, 0);
    return chain_send(chain, chain->sites[0], ASSAY_TX_REGISTER, &of);
}

static enum assay_code admin_commits(struct chain *chain)
{
    struct assay_tx_commit of = chain_commit(chain, 0);
    return chain_send(chain, chain->admins[0], ASSAY_TX_COMMIT, &of);
}

/* A commitment's payload under the type of a settlement, and the other way round. */
static enum assay_code other_payload(struct chain *chain)
{
    struct assay_tx_commit of = {.task = 1};
    struct assay_bytes tx = {0}, again = {0};
    chain_tx(chain->ledger, chain->sites[0], ASSAY_TX_COMMIT, &of, &tx);
    struct assay_tx decoded;
    assert_int_equal(assay_tx_decode(&decoded, tx.data, tx.size), ASSAY_CODE_OK);
    decoded.type = ASSAY_TX_SETTLE;
    assert_true(assay_layout_encode(&assay_tx_layout, &decoded, &again));
    struct assay_digest digest = assay_tx_signed(again.data, again.size);
    struct assay_signature signature = assay_sign(chain->sites[0], digest.bytes, 32);
    memcpy(again.data + again.size - 64, signature.bytes, 64);
    assay_bytes_fini(&tx);
    return send_and_drop(chain, again);
}

/* --- register */

static enum assay_code send_application(struct chain *chain, size_t admin,
                                        const struct assay_tx_register *of)
{
    return chain_send(chain, chain->admins[admin], ASSAY_TX_REGISTER, of);
}

static enum assay_code unproved(struct chain *chain)
{
    struct assay_tx_register of = chain_application(chain, 0);
    of.proof.bytes[0] ^= 1;
    return send_application(chain, 0, &of);
}

static enum assay_code registered_twice(struct chain *chain)
{
    struct assay_tx_register of = chain_application(chain, 0);
    return send_application(chain, 1, &of);
}

/* With a quorum of two: the row makes such a chain. */
static enum assay_code other_labels(struct chain *chain)
{
    struct assay_tx_register of = chain_application(chain, 0);
    assert_int_equal(send_application(chain, 0, &of), ASSAY_CODE_OK);
    memcpy(of.organisation, "uni-z", 6);
    struct assay_digest digest = assay_tx_register_signed("test-1", &of);
    of.proof = assay_sign(chain->sites[0], digest.bytes, 32);
    return send_application(chain, 1, &of);
}

static enum assay_code voted_twice(struct chain *chain)
{
    struct assay_tx_register of = chain_application(chain, 0);
    assert_int_equal(send_application(chain, 0, &of), ASSAY_CODE_OK);
    return send_application(chain, 0, &of);
}

/* --- open */

static enum assay_code other_rules(struct chain *chain)
{
    struct assay_tx_open of = chain_terms(chain);
    of.rule_set = 2;
    return chain_send(chain, chain->admins[0], ASSAY_TX_OPEN, &of);
}

static enum assay_code beyond_limits(struct chain *chain)
{
    static uint8_t many[10000];
    struct assay_tx_open terms = chain_terms(chain), rows[15];
    size_t count = 0;
    for (size_t i = 0; i < COUNT_OF(rows); i++) rows[i] = terms;
    rows[count++].replicas = 0;
    rows[count++].replicas = 3; /* more than sites_min */
    rows[count++].sites_max = 1;
    rows[count++].sites_max = 1025;
    rows[count++].rounds_max = 0;
    rows[count++].samples_per_item = 0;
    rows[count++].samples_per_item = 4097;
    rows[count++].beacon_commit_blocks = 0;
    rows[count++].commit_blocks = 1000001;
    rows[count++].pool = UINT64_C(1000000000000001);
    rows[count++].sigma_milli = 499;
    rows[count++].gamma_milli = 1000001;
    rows[count++].lambda_milli = 1001;
    rows[count++].strata.size = 0;
    rows[count].strata = (struct assay_blob){many, sizeof many};
    rows[count].samples_per_item = 1;
    rows[count].sites_max = 1024;
    rows[count].sites_min = rows[count].replicas = 5;
    count++;
    for (size_t i = 1; i < count; i++) {
        assert_int_equal(chain_send(chain, chain->admins[0], ASSAY_TX_OPEN, &rows[i]),
                         ASSAY_CODE_TASK_LIMITS);
    }
    return chain_send(chain, chain->admins[0], ASSAY_TX_OPEN, &rows[0]);
}

static enum assay_code stratum_left_out(struct chain *chain)
{
    struct assay_tx_open of = chain_terms(chain);
    chain->strata[0] = 64;
    assert_int_equal(chain_send(chain, chain->admins[0], ASSAY_TX_OPEN, &of),
                     ASSAY_CODE_STRATA_INVALID);
    chain->strata[0] = 3;
    return chain_send(chain, chain->admins[0], ASSAY_TX_OPEN, &of);
}

/* --- rounds */

static enum assay_code no_such_task(struct chain *chain)
{
    struct assay_tx_settle of = {.task = 2};
    return chain_send(chain, chain->sites[0], ASSAY_TX_SETTLE, &of);
}

static enum assay_code settled_twice(struct chain *chain)
{
    struct assay_tx_settle of = {.task = 1};
    return chain_send(chain, chain->sites[0], ASSAY_TX_SETTLE, &of);
}

static enum assay_code closed_task(struct chain *chain)
{
    struct assay_tx_reveal of = chain_opening(chain, 0);
    return chain_send(chain, chain->sites[0], ASSAY_TX_REVEAL, &of);
}

static enum assay_code other_round(struct chain *chain)
{
    struct assay_tx_commit of = chain_commit(chain, 0);
    of.round = 1;
    return chain_send(chain, chain->sites[0], ASSAY_TX_COMMIT, &of);
}

/* --- beacon */

static enum assay_code commit_beacon(struct chain *chain, size_t site)
{
    struct assay_tx_beacon_commit of = chain_beacon(chain, site);
    return chain_send(chain, chain->sites[site], ASSAY_TX_BEACON_COMMIT, &of);
}

static enum assay_code reveal_beacon(struct chain *chain, size_t site)
{
    struct assay_tx_beacon_reveal of = {.task = 1, .secret = chain_secret(site)};
    return chain_send(chain, chain->sites[site], ASSAY_TX_BEACON_REVEAL, &of);
}

/* In the very block of the task's opening. */
static enum assay_code beacon_at_once(struct chain *chain)
{
    struct assay_tx_open terms = chain_terms(chain);
    struct assay_tx_beacon_commit of = chain_beacon(chain, 0);
    struct assay_bytes open = {0}, beacon = {0};
    enum assay_code code;
    chain_tx(chain->ledger, chain->admins[0], ASSAY_TX_OPEN, &terms, &open);
    chain_tx(chain->ledger, chain->sites[0], ASSAY_TX_BEACON_COMMIT, &of, &beacon);
    assay_ledger_begin(chain->ledger, assay_ledger_height(chain->ledger) + 1);
    assert_int_equal(assay_ledger_apply(chain->ledger, open.data, open.size, &code, NULL), 0);
    assert_int_equal(code, ASSAY_CODE_OK);
    assert_int_equal(assay_ledger_apply(chain->ledger, beacon.data, beacon.size, &code, NULL), 0);
    assay_ledger_abandon(chain->ledger);
    assay_bytes_fini(&open);
    assay_bytes_fini(&beacon);
    return code;
}

static enum assay_code beacon_reveal_early(struct chain *chain)
{
    assert_int_equal(commit_beacon(chain, 0), ASSAY_CODE_OK);
    return reveal_beacon(chain, 0);
}

static enum assay_code beacon_commit_late(struct chain *chain)
{
    return commit_beacon(chain, 4);
}

static enum assay_code beacon_reveal_late(struct chain *chain)
{
    return reveal_beacon(chain, 3);
}

static enum assay_code beacon_twice(struct chain *chain)
{
    assert_int_equal(commit_beacon(chain, 0), ASSAY_CODE_OK);
    return commit_beacon(chain, 0);
}

static enum assay_code beacon_reveal_twice(struct chain *chain)
{
    assert_int_equal(reveal_beacon(chain, 0), ASSAY_CODE_OK);
    return reveal_beacon(chain, 0);
}

static enum assay_code no_beacon(struct chain *chain)
{
    return reveal_beacon(chain, 4);
}

static enum assay_code other_secret(struct chain *chain)
{
    struct assay_tx_beacon_reveal of = {.task = 1, .secret = chain_secret(1)};
    return chain_send(chain, chain->sites[0], ASSAY_TX_BEACON_REVEAL, &of);
}

/* --- commit */

static enum assay_code commit_now(struct chain *chain)
{
    struct assay_tx_commit of = chain_commit(chain, 0);
    return chain_send(chain, chain->sites[0], ASSAY_TX_COMMIT, &of);
}

static enum assay_code commit_without_seat(struct chain *chain)
{
    struct assay_tx_commit of = chain_commit(chain, 4);
    return chain_send(chain, chain->sites[4], ASSAY_TX_COMMIT, &of);
}

static enum assay_code commit_twice(struct chain *chain)
{
    assert_int_equal(commit_now(chain), ASSAY_CODE_OK);
    return commit_now(chain);
}

static enum assay_code two_roots(struct chain *chain)
{
    struct assay_tx_commit of = chain_commit(chain, 0);
    assert_int_equal(commit_now(chain), ASSAY_CODE_OK);
    of.commitment.bytes[0] ^= 1;
    return chain_send(chain, chain->sites[0], ASSAY_TX_COMMIT, &of);
}

/* --- reveal */

static enum assay_code reveal_now(struct chain *chain)
{
    struct assay_tx_reveal of = chain_opening(chain, 0);
    return chain_send(chain, chain->sites[0], ASSAY_TX_REVEAL, &of);
}

static enum assay_code reveal_without_seat(struct chain *chain)
{
    struct assay_tx_reveal of = chain_opening(chain, 4);
    return chain_send(chain, chain->sites[4], ASSAY_TX_REVEAL, &of);
}

static enum assay_code reveal_uncommitted(struct chain *chain)
{
    chain_advance_to(chain, CHAIN_SITES + 1 + 3 * CHAIN_WINDOW);
    return reveal_now(chain);
}

/* Site 0's opening with one change. */
#define REVEAL_CHANGED(name, change)                                                               \
    static enum assay_code name(struct chain *chain)                                               \
    {                                                                                              \
        struct assay_tx_reveal of = chain_opening(chain, 0);                                       \
        change;                                                                                    \
        return chain_send(chain, chain->sites[0], ASSAY_TX_REVEAL, &of);                           \
    }
REVEAL_CHANGED(reveal_other_count, of.n--)
REVEAL_CHANGED(reveal_short_bits, of.bits.size--)
REVEAL_CHANGED(reveal_other_sum, of.sum++)
REVEAL_CHANGED(reveal_other_root, of.root.bytes[0] ^= 1)
REVEAL_CHANGED(reveal_other_nonce, of.nonce.bytes[31] ^= 1)

/* Bits permuted towards a peer's after it revealed: the digest of the bits is in the commitment. */
static enum assay_code reveal_permuted_bits(struct chain *chain)
{
    struct assay_tx_reveal of = chain_opening(chain, 0);
    uint8_t *bits = chain->bits[0];
    assert_int_not_equal(bits[0], bits[1]);
    uint8_t first = bits[0];
    bits[0] = bits[1];
    bits[1] = first;
    return chain_send(chain, chain->sites[0], ASSAY_TX_REVEAL, &of);
}

/* Site 1 sends site 0's commitment as its own, waits for the opening, and repeats it. Both have as
 * many samples: otherwise the count gives it away before. */
static enum assay_code copy_commit(struct chain *chain)
{
    struct assay_tx_commit of = chain_commit(chain, 0);
    struct assay_tx_reveal opening = chain_opening(chain, 0);
    assert_int_equal(opening.n, chain_opening(chain, 1).n);
    assert_int_equal(chain_send(chain, chain->sites[1], ASSAY_TX_COMMIT, &of), ASSAY_CODE_OK);
    assert_int_equal(commit_now(chain),
                     ASSAY_CODE_OK); /* the copier does not lock the author out */
    chain_advance_to(chain, CHAIN_SITES + 1 + 3 * CHAIN_WINDOW);
    assert_int_equal(reveal_now(chain), ASSAY_CODE_OK);
    return chain_send(chain, chain->sites[1], ASSAY_TX_REVEAL, &opening);
}

/* Site 1 commits honestly, but to site 0's root. */
static enum assay_code reuse_root(struct chain *chain)
{
    struct assay_public_key key = assay_secret_key_public(chain->sites[1]);
    struct assay_tx_reveal opening = chain_opening(chain, 1);
    opening.root = chain_opening(chain, 0).root;
    struct assay_tx_commit of = {.task = 1,
                                 .commitment = assay_score_commitment("test-1", &opening, &key)};
    assert_int_equal(chain_send(chain, chain->sites[1], ASSAY_TX_COMMIT, &of), ASSAY_CODE_OK);
    assert_int_equal(commit_now(chain), ASSAY_CODE_OK);
    chain_advance_to(chain, CHAIN_SITES + 1 + 3 * CHAIN_WINDOW);
    assert_int_equal(reveal_now(chain), ASSAY_CODE_OK);
    return chain_send(chain, chain->sites[1], ASSAY_TX_REVEAL, &opening);
}

static enum assay_code settle_now(struct chain *chain)
{
    struct assay_tx_settle of = {.task = 1};
    return chain_send(chain, chain->sites[0], ASSAY_TX_SETTLE, &of);
}

/* --- the table */

static const struct {
    enum assay_code code;
    enum chain_stage stage;
    attempt *attempt;
    uint32_t quorum; /* 0 is 1 */
} rows[] = {
    {ASSAY_CODE_TX_TOO_LARGE, CHAIN_REGISTERED, too_large, 0},
    {ASSAY_CODE_TX_MALFORMED, CHAIN_REGISTERED, trailing_byte, 0},
    {ASSAY_CODE_TX_MALFORMED, CHAIN_REGISTERED, cut_short, 0},
    {ASSAY_CODE_TX_VERSION, CHAIN_REGISTERED, other_version, 0},
    {ASSAY_CODE_WRONG_CHAIN, CHAIN_REGISTERED, other_chain, 0},
    {ASSAY_CODE_UNKNOWN_TYPE, CHAIN_REGISTERED, other_type, 0},
    {ASSAY_CODE_UNKNOWN_KEY, CHAIN_REGISTERED, stranger, 0},
    {ASSAY_CODE_SEQUENCE_REPLAYED, CHAIN_REGISTERED, replayed, 0},
    {ASSAY_CODE_SEQUENCE_GAP, CHAIN_REGISTERED, gap, 0},
    {ASSAY_CODE_EXPIRED, CHAIN_REGISTERED, expired, 0},
    {ASSAY_CODE_EXPIRY_FAR, CHAIN_REGISTERED, expiry_far, 0},
    {ASSAY_CODE_QUOTA, CHAIN_REGISTERED, over_quota, 0},
    {ASSAY_CODE_BAD_SIGNATURE, CHAIN_REGISTERED, other_signature, 0},
    {ASSAY_CODE_BAD_SIGNATURE, CHAIN_REGISTERED, changed_body, 0},
    {ASSAY_CODE_NOT_ADMIN, CHAIN_REGISTERED, site_registers, 0},
    {ASSAY_CODE_NOT_SITE, CHAIN_ASSIGNED, admin_commits, 0},
    {ASSAY_CODE_PAYLOAD_MALFORMED, CHAIN_REGISTERED, other_payload, 0},
    {ASSAY_CODE_PROOF_INVALID, CHAIN_GENESIS, unproved, 0},
    {ASSAY_CODE_SITE_EXISTS, CHAIN_REGISTERED, registered_twice, 0},
    {ASSAY_CODE_LABELS_DIFFER, CHAIN_GENESIS, other_labels, 2},
    {ASSAY_CODE_VOTE_REPEATED, CHAIN_GENESIS, voted_twice, 2},
    {ASSAY_CODE_RULE_SET_UNKNOWN, CHAIN_REGISTERED, other_rules, 0},
    {ASSAY_CODE_TASK_LIMITS, CHAIN_REGISTERED, beyond_limits, 0},
    {ASSAY_CODE_STRATA_INVALID, CHAIN_REGISTERED, stratum_left_out, 0},
    {ASSAY_CODE_UNKNOWN_TASK, CHAIN_OPENED, no_such_task, 0},
    {ASSAY_CODE_SETTLE_REPEATED, CHAIN_SETTLED, settled_twice, 0},
    {ASSAY_CODE_TASK_CLOSED, CHAIN_SETTLED, closed_task, 0},
    {ASSAY_CODE_WRONG_ROUND, CHAIN_ASSIGNED, other_round, 0},
    {ASSAY_CODE_BEACON_EARLY, CHAIN_REGISTERED, beacon_at_once, 0},
    {ASSAY_CODE_BEACON_EARLY, CHAIN_OPENED, beacon_reveal_early, 0},
    {ASSAY_CODE_BEACON_LATE, CHAIN_SECRETS, beacon_commit_late, 0},
    {ASSAY_CODE_BEACON_LATE, CHAIN_ASSIGNED, beacon_reveal_late, 0},
    {ASSAY_CODE_BEACON_REPEATED, CHAIN_OPENED, beacon_twice, 0},
    {ASSAY_CODE_BEACON_REPEATED, CHAIN_SECRETS, beacon_reveal_twice, 0},
    {ASSAY_CODE_BEACON_ABSENT, CHAIN_SECRETS, no_beacon, 0},
    {ASSAY_CODE_BEACON_MISMATCH, CHAIN_SECRETS, other_secret, 0},
    {ASSAY_CODE_COMMIT_EARLY, CHAIN_SECRETS, commit_now, 0},
    {ASSAY_CODE_COMMIT_LATE, CHAIN_COMMITTED, commit_now, 0},
    {ASSAY_CODE_NOT_ASSIGNED, CHAIN_ASSIGNED, commit_without_seat, 0},
    {ASSAY_CODE_NOT_ASSIGNED, CHAIN_COMMITTED, reveal_without_seat, 0},
    {ASSAY_CODE_COMMIT_REPEATED, CHAIN_ASSIGNED, commit_twice, 0},
    {ASSAY_CODE_SECOND_ROOT, CHAIN_ASSIGNED, two_roots, 0},
    {ASSAY_CODE_REVEAL_EARLY, CHAIN_OPENED, reveal_now, 0},
    {ASSAY_CODE_REVEAL_EARLY, CHAIN_ASSIGNED, reveal_now, 0},
    {ASSAY_CODE_REVEAL_LATE, CHAIN_OVER, reveal_now, 0},
    {ASSAY_CODE_COMMIT_ABSENT, CHAIN_ASSIGNED, reveal_uncommitted, 0},
    {ASSAY_CODE_REVEAL_REPEATED, CHAIN_REVEALED, reveal_now, 0},
    {ASSAY_CODE_COUNT_MISMATCH, CHAIN_COMMITTED, reveal_other_count, 0},
    {ASSAY_CODE_BITS_INVALID, CHAIN_COMMITTED, reveal_short_bits, 0},
    {ASSAY_CODE_SUM_MISMATCH, CHAIN_COMMITTED, reveal_other_sum, 0},
    {ASSAY_CODE_COMMIT_COPIED, CHAIN_ASSIGNED, copy_commit, 0},
    {ASSAY_CODE_COMMIT_MISMATCH, CHAIN_COMMITTED, reveal_other_root, 0},
    {ASSAY_CODE_COMMIT_MISMATCH, CHAIN_COMMITTED, reveal_other_nonce, 0},
    {ASSAY_CODE_COMMIT_MISMATCH, CHAIN_COMMITTED, reveal_permuted_bits, 0},
    {ASSAY_CODE_ROOT_REUSED, CHAIN_ASSIGNED, reuse_root, 0},
    {ASSAY_CODE_SETTLE_EARLY, CHAIN_OPENED, settle_now, 0},
    {ASSAY_CODE_SETTLE_EARLY, CHAIN_REVEALED, settle_now, 0},
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct chain chain;
        chain_init(&chain, rows[i].quorum ? rows[i].quorum : 1);
        chain_to(&chain, rows[i].stage);
        enum assay_code code = rows[i].attempt(&chain);
        if (code != rows[i].code) {
            fail_msg("row %zu: %s in the place of %s", i, assay_code_name(code),
                     assay_code_name(rows[i].code));
        }
        chain_fini(&chain);
    }
}

/* The list of codes is the list of what the rows reach. */
static void test_all_reached(void **state)
{
    static const enum assay_code all[] = {
#define ASSAY_ROW(name, number, text, meaning) ASSAY_CODE_##name,
        ASSAY_CODE_LIST(ASSAY_ROW)
#undef ASSAY_ROW
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        bool reached = all[i] == ASSAY_CODE_OK;
        for (size_t j = 0; j < COUNT_OF(rows); j++) reached |= rows[j].code == all[i];
        if (!reached) fail_msg("no row reaches %s", assay_code_name(all[i]));
        if (i > 0) assert_true(all[i] > all[i - 1]);
    }
    print_message("%zu codes, %zu rows\n", COUNT_OF(all), COUNT_OF(rows));
    assert_string_equal(assay_code_name((enum assay_code)9999), "?");
    assert_string_equal(assay_code_meaning(ASSAY_CODE_OK), "applied");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows),
                                       cmocka_unit_test(test_all_reached)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

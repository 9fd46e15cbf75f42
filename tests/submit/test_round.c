/* A round by a site's verbs over the embedded ledger; its receipts hold, and every change to one is
 * seen. */
#include "harness/check.h"
#include "harness/folder.h"

#include "../ledger/chain.h"
#include "assay/assignment.h"
#include "crypto/digest.h"
#include "ledger/store.h"
#include "submit/receipt.h"
#include "submit/score.h"
#include "submit/verbs.h"

struct place {
    struct folder folder;
    struct chain keys;
    struct assay_network network;
};

static void place_make(struct place *place)
{
    struct assay_state_genesis genesis;
    struct assay_error err;
    uint8_t admins[32 * CHAIN_ADMINS];
    char path[FOLDER_PATH_BYTES];
    place->folder = folder_make();
    chain_keys(&place->keys);
    chain_genesis(&place->keys, 1, admins, &genesis);
    folder_path(&place->folder, "chain.db", path);
    check_ok(assay_ledger_store_create(path, &genesis, &err), &err);
    check_ok(assay_network_open_solo(&place->network, path, "test-1", false, &err), &err);
}

static void place_drop(struct place *place)
{
    assay_network_close(&place->network);
    chain_fini(&place->keys);
    folder_remove(&place->folder);
}

static void send(struct place *place, const struct assay_secret_key *key, enum assay_tx_type type,
                 const void *payload)
{
    struct assay_sent sent;
    struct assay_error err;
    check_ok(assay_submit_send(&place->network, key, type, payload, &sent, &err), &err);
}

static struct assay_score score_of(const struct place *place, size_t site)
{
    struct assay_assignment assignment;
    struct assay_score score = {.root = {{(uint8_t)(1 + site)}}};
    struct assay_error err;
    struct assay_public_key key = assay_secret_key_public(place->keys.sites[site]);
    check_ok(assay_submit_assignment(&place->network, 1, 0, &key, &assignment, &err), &err);
    score.n = assignment.count * assignment.samples_per_item;
    for (size_t i = 0; i < (score.n + 7) / 8; i++) {
        uint8_t byte = i == 0 ? 0x2d : 0;
        check_ok(assay_bytes_append(&score.bits, &byte, 1, &err), &err);
    }
    score.sum = 4;
    assay_assignment_fini(&assignment);
    return score;
}

static void advance(struct place *place)
{
    struct assay_error err;
    check_ok(assay_ledger_store_advance(assay_network_store(&place->network), 1, &err), &err);
}

/* Three sites, windows of three blocks. */
static void play(struct place *place)
{
    struct assay_sent sent;
    struct assay_error err;
    struct assay_tx_settle settle = {.task = 1};
    struct assay_tx_open terms = chain_terms(&place->keys);
    terms.beacon_commit_blocks = terms.beacon_reveal_blocks = 3;
    terms.commit_blocks = 4;
    terms.reveal_blocks = 3;
    for (size_t i = 0; i < 3; i++) {
        struct assay_tx_register of = chain_application(&place->keys, i);
        send(place, place->keys.admins[0], ASSAY_TX_REGISTER, &of);
    }
    send(place, place->keys.admins[0], ASSAY_TX_OPEN, &terms);
    for (size_t i = 0; i < 6; i++) {
        check_ok(assay_submit_beacon(&place->network, place->keys.sites[i % 3], 1, 0, i >= 3, &sent,
                                     &err),
                 &err);
    }
    for (size_t i = 0; i < 6; i++) {
        struct assay_score score = score_of(place, i % 3);
        if (i == 3) {
            check_refused(assay_submit_score(&place->network, place->keys.sites[0], 1, 0, true,
                                             &score, &sent, &err),
                          ASSAY_EFAILED, &err, "refused: reveal-early (70): before the reveal");
            advance(place);
        }
        check_ok(assay_submit_score(&place->network, place->keys.sites[i % 3], 1, 0, i >= 3, &score,
                                    &sent, &err),
                 &err);
        assay_score_fini(&score);
    }
    send(place, place->keys.sites[0], ASSAY_TX_SETTLE, &settle);
}

/* The award and the settlement, as the file that a site keeps. */
static void take_receipt(struct place *place, struct assay_bytes *text)
{
    struct assay_public_key site = assay_secret_key_public(place->keys.sites[0]);
    struct assay_state_key keys[] = {assay_state_key_round(ASSAY_TABLE_SETTLEMENT, 1, 0),
                                     assay_state_key_member(ASSAY_TABLE_AWARD, 1, 0, site.bytes)};
    struct assay_receipt receipt;
    struct assay_error err;
    check_ok(assay_receipt_take(&receipt, &place->network, keys, 2, &err), &err);
    receipt.task = 1;
    receipt.site = site;
    check_ok(assay_receipt_check(&receipt, &err), &err);
    check_ok(assay_receipt_write(&receipt, text, &err), &err);
    assay_receipt_fini(&receipt);
}

static void test_receipts(void **state)
{
    struct place place;
    struct assay_bytes text = {0}, again = {0};
    struct assay_receipt receipt;
    struct assay_error err;
    size_t seen = 0;
    (void)state;
    place_make(&place);
    play(&place);
    take_receipt(&place, &text);
    check_ok(assay_receipt_parse(&receipt, (const char *)text.data, text.size, &err), &err);
    check_ok(assay_receipt_check(&receipt, &err), &err);
    check_ok(assay_receipt_write(&receipt, &again, &err), &err);
    assert_int_equal(again.size, text.size);
    assert_memory_equal(again.data, text.data, text.size);
    assay_receipt_fini(&receipt);

    /* Every digit changed once: refused, unless it is in a part that no proof is about. */
    for (size_t i = 0; i < text.size; i++) {
        uint8_t old = text.data[i];
        if ((old < '0' || old > '9') && (old < 'a' || old > 'f')) continue;
        text.data[i] = old == '7' ? '6' : '7';
        if (assay_receipt_parse(&receipt, (const char *)text.data, text.size, &err) == ASSAY_OK) {
            if (assay_receipt_check(&receipt, &err)) {
                seen++;
            } else { /* chain, height: names of where the app hash is to be looked up */
                bool named = strcmp(receipt.chain, "test-1") != 0 || receipt.height != 18;
                if (!named) fail_msg("a change at byte %zu is not seen", i);
            }
            assay_receipt_fini(&receipt);
        }
        text.data[i] = old;
    }
    print_message("%zu changed receipts do not hold\n", seen);
    assert_true(seen > 500);
    assay_bytes_fini(&text);
    assay_bytes_fini(&again);
    place_drop(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_receipts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

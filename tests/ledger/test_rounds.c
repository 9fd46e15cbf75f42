/* What rounds leave behind: awards and settlement to the integer, who withholds, who is void, what
 * an inconclusive round does, and admission by a quorum. */
#include "harness/check.h"

#include "chain.h"
#include "crypto/digest.h"

static struct assay_state_site site_of(const struct chain *chain, size_t site)
{
    struct assay_state_site value = {0};
    struct assay_public_key key = assay_secret_key_public(chain->sites[site]);
    struct assay_state_key at = assay_state_key_site(ASSAY_TABLE_SITE, &key);
    assert_true(assay_state_get(chain->ledger, &at, &value));
    return value;
}

static struct assay_state_award award_of(const struct chain *chain, size_t site)
{
    struct assay_state_award value = {0};
    struct assay_public_key key = assay_secret_key_public(chain->sites[site]);
    struct assay_state_key at = assay_state_key_member(ASSAY_TABLE_AWARD, 1, 0, key.bytes);
    assert_true(assay_state_get(chain->ledger, &at, &value));
    return value;
}

static struct assay_state_counters counters_of(const struct chain *chain)
{
    struct assay_state_counters value = {0};
    struct assay_state_key at = assay_state_key_plain(ASSAY_TABLE_COUNTERS);
    assert_true(assay_state_get(chain->ledger, &at, &value));
    return value;
}

static struct assay_state_task task_of(const struct chain *chain)
{
    struct assay_state_task value = {0};
    struct assay_state_key at = assay_state_key_task(ASSAY_TABLE_TASK, 1);
    assert_true(assay_state_get(chain->ledger, &at, &value));
    return value;
}

static void test_settled(void **state)
{
    struct chain chain;
    struct assay_state_settlement settlement;
    uint64_t paid = 0;
    (void)state;
    chain_init(&chain, 1);
    chain_to(&chain, CHAIN_SETTLED);
    struct assay_state_key key = assay_state_key_round(ASSAY_TABLE_SETTLEMENT, 1, 0);
    assert_true(assay_state_get(chain.ledger, &key, &settlement));
    assert_true(settlement.conclusive);
    assert_int_equal(settlement.sites, 3);
    assert_int_equal(settlement.revealed, 3);
    assert_int_equal(settlement.samples, 2 * 2 * CHAIN_ITEMS); /* ρ·items·samples an item */
    for (size_t i = 0; i < 3; i++) {
        struct assay_state_award award = award_of(&chain, i);
        struct assay_state_site site = site_of(&chain, i);
        assert_true(award.revealed);
        assert_int_equal(award.pay, site.earned);
        assert_int_equal(award.reputation, site.reputation);
        assert_int_equal(site.reputation, award.hit ? 2362232012u : 1932735283u);
        assert_int_equal(site.rounds, 1);
        assert_int_equal(site.delay, i + 1); /* blocks from assignment to commit */
        paid += award.pay;
    }
    assert_int_equal(settlement.paid, paid);
    assert_int_equal(settlement.paid + settlement.remainder, 1000);
    assert_int_equal(counters_of(&chain).reserve, settlement.remainder);
    assert_true(task_of(&chain).closed);
    /* The third site kept its beacon secret to itself, the fourth took no part. */
    assert_int_equal(site_of(&chain, 3).withheld, 1);
    assert_int_equal(site_of(&chain, 3).reputation, 1932735283u);
    assert_int_equal(site_of(&chain, 4).rounds, 0);
    chain_fini(&chain);
}

/* Two of three do not reveal: nothing is paid, they lose reputation, the one who did keeps it, and
 * the next round begins; void, it ends the task, and the pool is in the reserve. */
static void test_inconclusive(void **state)
{
    struct chain chain;
    struct assay_tx_settle settle = {.task = 1};
    struct assay_state_settlement settlement;
    (void)state;
    chain_init(&chain, 1);
    chain_to(&chain, CHAIN_COMMITTED);
    struct assay_tx_reveal of = chain_opening(&chain, 0);
    assert_int_equal(chain_send(&chain, chain.sites[0], ASSAY_TX_REVEAL, &of), ASSAY_CODE_OK);
    chain_advance_to(&chain, CHAIN_SITES + 1 + 4 * CHAIN_WINDOW);
    assert_int_equal(chain_send(&chain, chain.admins[0], ASSAY_TX_SETTLE, &settle), ASSAY_CODE_OK);
    struct assay_state_key key = assay_state_key_round(ASSAY_TABLE_SETTLEMENT, 1, 0);
    assert_true(assay_state_get(chain.ledger, &key, &settlement));
    assert_false(settlement.conclusive);
    assert_int_equal(settlement.paid, 0);
    assert_int_equal(site_of(&chain, 0).reputation, 2147483648u);
    assert_int_equal(site_of(&chain, 1).reputation, 1932735283u);
    assert_int_equal(site_of(&chain, 1).withheld, 1);
    assert_int_equal(site_of(&chain, 1).delay, 2);
    assert_false(task_of(&chain).closed);
    assert_int_equal(task_of(&chain).round, 1);
    assert_int_equal(chain_send(&chain, chain.admins[0], ASSAY_TX_SETTLE, &settle),
                     ASSAY_CODE_SETTLE_REPEATED);

    uint64_t height = assay_ledger_height(chain.ledger);
    chain_advance_to(&chain, height + 2 * CHAIN_WINDOW);
    assert_true(task_of(&chain).closed);
    assert_int_equal(counters_of(&chain).reserve, 1000);
    chain_fini(&chain);
}

/* Four committed, two revealed: 3·2 < 2·4. */
static void test_void(void **state)
{
    struct chain chain;
    struct assay_state_round round;
    struct assay_digest before;
    (void)state;
    chain_init(&chain, 1);
    chain_to(&chain, CHAIN_SECRETS);
    before = counters_of(&chain).beacon;
    for (size_t i = 0; i < 2; i++) {
        struct assay_tx_beacon_reveal of = {.task = 1, .secret = chain_secret(i)};
        assert_int_equal(chain_send(&chain, chain.sites[i], ASSAY_TX_BEACON_REVEAL, &of),
                         ASSAY_CODE_OK);
    }
    chain_advance_to(&chain, CHAIN_SITES + 1 + 2 * CHAIN_WINDOW);
    struct assay_state_key key = assay_state_key_round(ASSAY_TABLE_ROUND, 1, 0);
    assert_true(assay_state_get(chain.ledger, &key, &round));
    assert_int_equal(round.phase, ASSAY_PHASE_VOID);
    struct assay_digest after = counters_of(&chain).beacon;
    assert_memory_equal(&before, &after, sizeof before);
    key = assay_state_key_round(ASSAY_TABLE_ROUND, 1, 1);
    assert_true(assay_state_get(chain.ledger, &key, &round));
    assert_int_equal(round.start, CHAIN_SITES + 1 + 2 * CHAIN_WINDOW);
    assert_int_equal(site_of(&chain, 2).withheld, 1);
    chain_fini(&chain);
}

static void test_quorum(void **state)
{
    struct chain chain;
    (void)state;
    chain_init(&chain, 2);
    struct assay_tx_register of = chain_application(&chain, 0);
    struct assay_state_key key = assay_state_key_site(ASSAY_TABLE_SITE, &of.site);
    assert_int_equal(chain_send(&chain, chain.admins[0], ASSAY_TX_REGISTER, &of), ASSAY_CODE_OK);
    assert_false(assay_state_has(chain.ledger, &key));
    assert_int_equal(chain_send(&chain, chain.admins[1], ASSAY_TX_REGISTER, &of), ASSAY_CODE_OK);
    assert_true(assay_state_has(chain.ledger, &key));
    key = assay_state_key_site(ASSAY_TABLE_APPLICATION, &of.site);
    assert_false(assay_state_has(chain.ledger, &key));
    chain_fini(&chain);
}

/* A block that was executed and never committed is executed again to the same hash. */
static void test_repeatable(void **state)
{
    struct chain chain;
    struct assay_bytes tx = {0};
    struct assay_digest hashes[2], before;
    (void)state;
    chain_init(&chain, 1);
    chain_to(&chain, CHAIN_OVER);
    struct assay_tx_settle of = {.task = 1};
    chain_tx(chain.ledger, chain.sites[0], ASSAY_TX_SETTLE, &of, &tx);
    before = assay_ledger_app_hash(chain.ledger);
    for (size_t i = 0; i < 2; i++) {
        enum assay_code code;
        assay_ledger_begin(chain.ledger, assay_ledger_height(chain.ledger) + 1);
        assert_int_equal(assay_ledger_apply(chain.ledger, tx.data, tx.size, &code, NULL), 0);
        assert_int_equal(code, ASSAY_CODE_OK);
        assert_int_equal(assay_ledger_end(chain.ledger, NULL), ASSAY_OK);
        hashes[i] = assay_ledger_app_hash(chain.ledger);
        assay_ledger_abandon(chain.ledger);
        struct assay_digest after = assay_ledger_app_hash(chain.ledger);
        assert_memory_equal(&before, &after, sizeof before);
    }
    assert_memory_equal(&hashes[0], &hashes[1], sizeof hashes[0]);
    assay_bytes_fini(&tx);
    chain_fini(&chain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_settled),
                                       cmocka_unit_test(test_inconclusive),
                                       cmocka_unit_test(test_void), cmocka_unit_test(test_quorum),
                                       cmocka_unit_test(test_repeatable)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

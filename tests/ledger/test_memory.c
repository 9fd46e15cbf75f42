/* Memory that runs out in the middle of a block: the block is abandoned, the state is the one
 * before, and the same block succeeds later to the same hash. */
#include "harness/check.h"

#include "chain.h"
#include "crypto/digest.h"

#include <stdbool.h>
#include <stdlib.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

/* Calls until the one that fails; negative for none. */
static long calls_left = -1;

static bool fails_now(void)
{
    return calls_left >= 0 && calls_left-- == 0;
}
void *__wrap_malloc(size_t size)
{
    return fails_now() ? NULL : __real_malloc(size);
}
void *__wrap_calloc(size_t count, size_t size)
{
    return fails_now() ? NULL : __real_calloc(count, size);
}
void *__wrap_realloc(void *old, size_t size)
{
    return fails_now() ? NULL : __real_realloc(old, size);
}

/* One block of `tx` (or none) with the n-th allocation failing. */
static enum assay_status try_block(struct chain *chain, const struct assay_bytes *tx, long n,
                                   struct assay_digest *hash)
{
    enum assay_code code = ASSAY_CODE_OK;
    struct assay_error err;
    assay_ledger_begin(chain->ledger, assay_ledger_height(chain->ledger) + 1);
    calls_left = n;
    enum assay_status status = ASSAY_OK;
    if (tx) status = assay_ledger_apply(chain->ledger, tx->data, tx->size, &code, &err);
    if (!status) status = assay_ledger_end(chain->ledger, &err);
    calls_left = -1;
    assert_int_equal(code, ASSAY_CODE_OK);
    *hash = assay_ledger_app_hash(chain->ledger);
    assay_ledger_abandon(chain->ledger);
    return status;
}

static long fail_each(struct chain *chain, const struct assay_bytes *tx)
{
    struct assay_digest before = assay_ledger_app_hash(chain->ledger), after, hash, last;
    long n = 0;
    assert_int_equal(try_block(chain, tx, -1, &hash), ASSAY_OK);
    for (;; n++) {
        enum assay_status status = try_block(chain, tx, n, &last);
        after = assay_ledger_app_hash(chain->ledger);
        assert_memory_equal(&before, &after, sizeof before);
        if (!status) break;
        assert_int_equal(status, ASSAY_EMEMORY);
    }
    assert_memory_equal(&hash, &last, sizeof hash);
    return n;
}

static void test_each_failure(void **state)
{
    struct chain chain;
    struct assay_bytes tx = {0};
    struct assay_tx_settle settle = {.task = 1};
    struct assay_tx_open terms;
    (void)state;
    chain_init(&chain, 1);
    chain_to(&chain, CHAIN_REGISTERED);
    terms = chain_terms(&chain);
    chain_tx(chain.ledger, chain.sites[0], ASSAY_TX_OPEN, &terms, &tx);
    long open = fail_each(&chain, &tx);
    assay_bytes_fini(&tx);
    chain_fini(&chain);

    chain_init(&chain, 1);
    chain_to(&chain, CHAIN_SECRETS);
    for (size_t i = 0; i < 3; i++) {
        struct assay_tx_beacon_reveal of = {.task = 1, .secret = chain_secret(i)};
        assert_int_equal(chain_send(&chain, chain.sites[i], ASSAY_TX_BEACON_REVEAL, &of), 0);
    }
    chain_advance_to(&chain, CHAIN_SITES + 2 * CHAIN_WINDOW);
    long draw = fail_each(&chain, NULL);
    chain_fini(&chain);

    chain_init(&chain, 1);
    chain_to(&chain, CHAIN_OVER);
    chain_tx(chain.ledger, chain.sites[0], ASSAY_TX_SETTLE, &settle, &tx);
    long settled = fail_each(&chain, &tx);
    assay_bytes_fini(&tx);
    chain_fini(&chain);
    print_message("allocations failed: open %ld, draw %ld, settle %ld\n", open, draw, settled);
    assert_true(open > 5 && draw > 10 && settled > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_failure)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

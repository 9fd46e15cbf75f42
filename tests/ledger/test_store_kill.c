/* A ledger killed at any moment reopens at a committed height, with every acknowledged transaction,
 * and its history leads to its state. The child submits and tells the parent each height that was
 * acknowledged; the parent kills it. */
#include "harness/check.h"
#include "harness/folder.h"

#include "base/clock.h"
#include "chain.h"
#include "ledger/store.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

enum { KILLS = 30 };

static _Noreturn void submit_until_killed(const char *path, struct chain *keys, int pipe)
{
    struct assay_ledger_store *store;
    if (assay_ledger_store_open(&store, path, NULL, false, NULL)) _exit(1);
    for (;;) {
        struct assay_bytes tx = {0};
        enum assay_code code;
        struct assay_tx_open of = chain_terms(keys);
        uint64_t height = assay_ledger_height(assay_ledger_store_ledger(store));
        if (write(pipe, &height, sizeof height) != sizeof height) _exit(2);
        chain_tx(assay_ledger_store_ledger(store), keys->admins[0], ASSAY_TX_OPEN, &of, &tx);
        if (assay_ledger_store_submit(store, tx.data, tx.size, &code, NULL) || code) _exit(3);
        assay_bytes_fini(&tx);
        if (height % 3 == 0 && assay_ledger_store_advance(store, 3, NULL)) _exit(4);
    }
}

static uint64_t run_and_kill(const char *path, struct chain *keys, unsigned wait_us)
{
    uint64_t acknowledged = 0, told;
    int ends[2], how = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) submit_until_killed(path, keys, ends[1]);
    close(ends[1]);
    assert_int_equal(read(ends[0], &acknowledged, sizeof acknowledged), sizeof acknowledged);
    nanosleep(&(struct timespec){.tv_nsec = (long)wait_us * 1000}, NULL);
    kill(child, SIGKILL);
    while (read(ends[0], &told, sizeof told) == sizeof told) acknowledged = told;
    close(ends[0]);
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
    return acknowledged;
}

static void test_kills(void **state)
{
    struct folder folder = folder_make();
    struct chain keys;
    struct assay_state_genesis genesis;
    struct assay_error err;
    uint8_t admins[32 * CHAIN_ADMINS];
    char path[FOLDER_PATH_BYTES];
    uint64_t random = assay_clock_epoch_ns(), transactions = 0, height = 0;
    (void)state;
    chain_keys(&keys);
    chain_genesis(&keys, 1, admins, &genesis);
    folder_path(&folder, "chain.db", path);
    check_ok(assay_ledger_store_create(path, &genesis, &err), &err);
    for (unsigned i = 0; i < KILLS; i++) {
        struct assay_ledger_store *store = NULL;
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
        uint64_t acknowledged = run_and_kill(path, &keys, (unsigned)(random >> 49));
        check_ok(assay_ledger_store_open(&store, path, "test-1", false, &err), &err);
        uint64_t reopened = assay_ledger_height(assay_ledger_store_ledger(store));
        assert_true(reopened >= acknowledged);
        assert_true(reopened >= height);
        height = reopened;
        if (i % 5 == 0 || i + 1 == KILLS) {
            check_ok(assay_ledger_store_replay(store, &transactions, &err), &err);
        }
        assay_ledger_store_close(store);
    }
    print_message("%d kills, height %llu, %llu transactions replayed to the same state\n", KILLS,
                  (unsigned long long)height, (unsigned long long)transactions);
    chain_fini(&keys);
    folder_remove(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_kills)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

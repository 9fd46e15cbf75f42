/* The chain's file: what is kept is what was applied; refused are another chain, a newer schema, a
 * damaged file, a second writer, and history that does not lead to the state. */
#include "harness/check.h"
#include "harness/folder.h"

#include "chain.h"
#include "crypto/digest.h"
#include "ledger/store.h"

#include <sqlite3.h>

struct place {
    struct folder folder;
    char path[FOLDER_PATH_BYTES];
    struct chain keys;
};

static void place_make(struct place *place)
{
    struct assay_state_genesis genesis;
    uint8_t admins[32 * CHAIN_ADMINS];
    struct assay_error err;
    place->folder = folder_make();
    folder_path(&place->folder, "chain.db", place->path);
    chain_keys(&place->keys);
    chain_genesis(&place->keys, 1, admins, &genesis);
    check_ok(assay_ledger_store_create(place->path, &genesis, &err), &err);
}

static void place_drop(struct place *place)
{
    chain_fini(&place->keys);
    folder_remove(&place->folder);
}

static struct assay_ledger_store *reopen(const struct place *place)
{
    struct assay_ledger_store *store = NULL;
    struct assay_error err;
    check_ok(assay_ledger_store_open(&store, place->path, "test-1", false, &err), &err);
    return store;
}

static enum assay_code submit(struct assay_ledger_store *store, const struct assay_secret_key *key,
                              enum assay_tx_type type, const void *payload, struct assay_digest *id)
{
    struct assay_bytes tx = {0};
    enum assay_code code = ASSAY_CODE_OK;
    struct assay_error err;
    chain_tx(assay_ledger_store_ledger(store), key, type, payload, &tx);
    check_ok(assay_ledger_store_submit(store, tx.data, tx.size, &code, &err), &err);
    if (id) *id = assay_tx_id(tx.data, tx.size);
    assay_bytes_fini(&tx);
    return code;
}

/* Two sites and a task that goes void at height 23, with the file closed in between. */
static void fill(struct place *place)
{
    struct assay_error err;
    for (size_t i = 0; i < 2; i++) {
        struct assay_ledger_store *store = reopen(place);
        struct assay_tx_register of = chain_application(&place->keys, i);
        assert_int_equal(submit(store, place->keys.admins[0], ASSAY_TX_REGISTER, &of, NULL),
                         ASSAY_CODE_OK);
        assay_ledger_store_close(store);
    }
    struct assay_ledger_store *store = reopen(place);
    struct assay_tx_open terms = chain_terms(&place->keys);
    assert_int_equal(submit(store, place->keys.sites[0], ASSAY_TX_OPEN, &terms, NULL),
                     ASSAY_CODE_OK);
    check_ok(assay_ledger_store_advance(store, 2 * CHAIN_WINDOW, &err), &err);
    assay_ledger_store_close(store);
}

static void test_kept(void **state)
{
    struct place place;
    struct assay_error err;
    struct assay_digest id, before;
    struct assay_bytes found = {0};
    uint64_t transactions = 0, height = 0;
    (void)state;
    place_make(&place);
    fill(&place);
    struct assay_ledger_store *store = reopen(&place);
    const struct assay_ledger *ledger = assay_ledger_store_ledger(store);
    assert_int_equal(assay_ledger_height(ledger), 23);
    struct assay_state_round round;
    struct assay_state_key key = assay_state_key_round(ASSAY_TABLE_ROUND, 1, 0);
    assert_true(assay_state_get(ledger, &key, &round));
    assert_int_equal(round.phase, ASSAY_PHASE_VOID);

    before = assay_ledger_app_hash(ledger);
    struct assay_tx_settle early = {.task = 1, .round = 1};
    assert_int_equal(submit(store, place.keys.sites[0], ASSAY_TX_SETTLE, &early, &id),
                     ASSAY_CODE_SETTLE_EARLY);
    struct assay_digest after = assay_ledger_app_hash(ledger);
    assert_memory_equal(&before, &after, sizeof before);
    assert_int_equal(assay_ledger_height(ledger), 23);
    check_refused(assay_ledger_store_find_tx(store, &id, &found, &height, &err), ASSAY_ENOTFOUND,
                  &err, "no transaction");

    struct assay_tx_register of = chain_application(&place.keys, 2);
    assert_int_equal(submit(store, place.keys.admins[0], ASSAY_TX_REGISTER, &of, &id),
                     ASSAY_CODE_OK);
    check_ok(assay_ledger_store_find_tx(store, &id, &found, &height, &err), &err);
    assert_int_equal(height, 24);
    struct assay_digest again = assay_tx_id(found.data, found.size);
    assert_memory_equal(&id, &again, sizeof id);
    check_ok(assay_ledger_store_replay(store, &transactions, &err), &err);
    assert_int_equal(transactions, 4);
    assay_bytes_fini(&found);
    assay_ledger_store_close(store);
    place_drop(&place);
}

static void run_sql(const char *path, const char *sql)
{
    sqlite3 *file;
    assert_int_equal(sqlite3_open(path, &file), SQLITE_OK);
    assert_int_equal(sqlite3_exec(file, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(file);
}

static void test_refused(void **state)
{
    static const struct {
        const char *sql;
        enum assay_status status;
        const char *quoted;
    } rows[] = {
        {"PRAGMA user_version=2", ASSAY_EUNSUPPORTED, "schema 2"},
        {"PRAGMA application_id=7", ASSAY_EFORMAT, "no ledger"},
        {"DROP TABLE state", ASSAY_EFORMAT, "no such table"},
        {"DELETE FROM meta", ASSAY_EFORMAT, "height and app hash"},
        {"UPDATE meta SET chain='test-2'", ASSAY_EFORMAT, "two chain ids"},
        {"UPDATE meta SET app_hash=zeroblob(32)", ASSAY_EFORMAT, "app hash"},
        {"UPDATE meta SET app_hash=zeroblob(31)", ASSAY_EFORMAT, "app hash"},
        {"UPDATE meta SET height=-1", ASSAY_EFORMAT, "height"},
        {"DELETE FROM state WHERE key=x'01'", ASSAY_EFORMAT, "no genesis"},
        {"UPDATE state SET value=x'00' WHERE key=x'02'", ASSAY_EFORMAT, "one form"},
        {"INSERT INTO state VALUES(x'99',x'00')", ASSAY_EFORMAT, "one form"},
        {"INSERT INTO state VALUES(x'', x'00')", ASSAY_EFORMAT, "one form"},
        {"DELETE FROM state WHERE substr(key,1,1)=x'05'", ASSAY_EFORMAT, "app hash of height 23"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct place place;
        struct assay_ledger_store *store = NULL;
        struct assay_error err;
        place_make(&place);
        fill(&place);
        run_sql(place.path, rows[i].sql);
        check_refused(assay_ledger_store_open(&store, place.path, NULL, false, &err),
                      rows[i].status, &err, rows[i].quoted);
        place_drop(&place);
    }
}

static void test_history(void **state)
{
    static const struct {
        const char *sql, *quoted;
    } rows[] = {
        {"DELETE FROM tx WHERE height=2", "block 2: another app hash"},
        {"DELETE FROM block WHERE height=5", "block 6 follows block 4"},
        {"UPDATE block SET app_hash=zeroblob(32) WHERE height=9", "block 9: another app hash"},
        {"UPDATE tx SET bytes=(SELECT bytes FROM tx WHERE height=1) WHERE height=2",
         "block 2: its transaction is refused: sequence-replayed"},
        {"DELETE FROM block WHERE height=23", "another state"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct place place;
        struct assay_error err;
        uint64_t transactions;
        place_make(&place);
        fill(&place);
        run_sql(place.path, rows[i].sql);
        struct assay_ledger_store *store = reopen(&place);
        check_refused(assay_ledger_store_replay(store, &transactions, &err), ASSAY_EMISMATCH, &err,
                      rows[i].quoted);
        assay_ledger_store_close(store);
        place_drop(&place);
    }
}

static void test_borders(void **state)
{
    struct place place;
    struct assay_ledger_store *store = NULL, *second = NULL;
    struct assay_state_genesis genesis;
    struct assay_error err;
    uint8_t admins[32 * CHAIN_ADMINS];
    (void)state;
    place_make(&place);
    chain_genesis(&place.keys, 1, admins, &genesis);
    check_refused(assay_ledger_store_create(place.path, &genesis, &err), ASSAY_EVALUE, &err,
                  "already");
    check_refused(assay_ledger_store_open(&store, place.path, "other", false, &err),
                  ASSAY_EMISMATCH, &err, "\"test-1\", not \"other\"");
    check_refused(assay_ledger_store_open(&store, "nowhere.db", NULL, true, &err), ASSAY_ENOTFOUND,
                  &err, "nowhere.db");
    check_refused(assay_ledger_store_open(&store, ASSAY_TESTS "/ledger/chain.h", NULL, true, &err),
                  ASSAY_EFORMAT, &err, "no ledger");
    store = reopen(&place);
    check_refused(assay_ledger_store_open(&second, place.path, NULL, false, &err), ASSAY_EIO, &err,
                  "another process");
    assay_ledger_store_close(store);

    /* Genesis: each rule once. */
    static const struct {
        uint32_t quorum, quota, span, admin_bytes;
        bool swapped;
        const char *chain, *quoted;
    } rows[] = {
        {0, 1, 1, 64, false, "a", "quorum of 0"}, {3, 1, 1, 64, false, "a", "quorum of 3"},
        {1, 0, 1, 64, false, "a", "quota"},       {1, 1, 0, 64, false, "a", "span"},
        {1, 1, 1, 0, false, "a", "0 admins"},     {1, 1, 1, 33, false, "a", "admins"},
        {1, 1, 1, 64, true, "a", "ascend"},       {1, 1, 1, 64, false, "", "no chain id"},
        {1, 1, 1, 64, false, "a b", "\"a b\""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct assay_ledger *ledger = NULL;
        chain_genesis(&place.keys, rows[i].quorum, admins, &genesis);
        genesis.quota = rows[i].quota;
        genesis.expiry_span = rows[i].span;
        genesis.admins.size = rows[i].admin_bytes;
        if (rows[i].swapped) memmove(admins + 32, admins, 32);
        snprintf(genesis.chain, sizeof genesis.chain, "%s", rows[i].chain);
        check_refused(assay_ledger_create(&ledger, &genesis, &err), ASSAY_EVALUE, &err,
                      rows[i].quoted);
    }
    place_drop(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_kept), cmocka_unit_test(test_refused),
                                       cmocka_unit_test(test_history),
                                       cmocka_unit_test(test_borders)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

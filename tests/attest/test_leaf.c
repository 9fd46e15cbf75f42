/* Salts and leaves by their definition, salt keys and their files, opened records. */
#include "signed.h"

#include "store/golden.h"

#include "attest/leaf.h"
#include "attest/opened.h"
#include "attest/verify.h"
#include "base/arena.h"
#include "crypto/digest.h"
#include "crypto/merkle.h"
#include "crypto/secret.h"

#include <sys/stat.h>

/* python3: hmac.new(bytes(range(32)), (5).to_bytes(8, "little"), "sha256").hexdigest()[:32] */
static void test_salt(void **state)
{
    (void)state;
    struct assay_salt_key key;
    uint8_t five[8] = {5};
    for (uint8_t i = 0; i < 32; i++) key.bytes[i] = i;
    struct assay_salt salt = assay_leaf_salt(&key, 5);
    struct assay_digest mac = assay_hmac_sha256(key.bytes, 32, five, 8);
    assert_memory_equal(salt.bytes, mac.bytes, 16);
    static const uint8_t known[16] = {0x23, 0xcf, 0x59, 0xe5, 0x02, 0x05, 0x56, 0x36,
                                      0xea, 0xb2, 0xb8, 0x07, 0x55, 0xdc, 0x55, 0xf7};
    assert_memory_equal(salt.bytes, known, 16);
    uint8_t data[19];
    memcpy(data, salt.bytes, 16);
    memcpy(data + 16, "abc", 3);
    struct assay_digest leaf = assay_leaf_hash(&salt, "abc", 3);
    struct assay_digest expected = assay_merkle_leaf(data, sizeof data);
    assert_true(assay_digest_equal(&leaf, &expected));
}

/* record-1's golden record as leaf 5 under the salt key 00 01 … 1f, by Python's hmac and hashlib.
 */
static void test_golden(void **state)
{
    (void)state;
    struct assay_salt_key key;
    char hex[ASSAY_DIGEST_HEX];
    for (uint8_t i = 0; i < 32; i++) key.bytes[i] = i;
    struct assay_salt salt = assay_leaf_salt(&key, 5);
    struct assay_digest leaf = assay_leaf_hash(&salt, golden_record, sizeof golden_record);
    assert_string_equal(assay_digest_hex(&leaf, hex),
                        "dbe51b04b60cf2f741a659dc837db58d480b524ba5bf3400fdcbdd32f6f8761a");
}

/* The leaves of a results file are those of the samples that went into it; answers hold NULs. */
static void test_results(void **state)
{
    struct bundle *bundle = *state;
    struct assay_error err;
    struct assay_results *results = NULL;
    struct assay_leaves leaves = {.key = {{9}}};
    const struct assay_results_visitor visitor = {assay_leaves_add, &leaves};
    check_ok(assay_results_open_visited(&results, bundle->place.file, NULL, &visitor, &err), &err);
    assert_int_equal(leaves.count, results->sample_count);
    for (uint64_t i = 0; i < results->sample_count; i++) {
        struct fixture_sample sample;
        struct assay_bytes canonical = {0};
        struct assay_salt salt = assay_leaf_salt(&leaves.key, i);
        fixture_fill(&sample, &bundle->place.fixture.plan, i, 1);
        check_ok(assay_record_encode(&canonical, &sample.record, &err), &err);
        struct assay_digest leaf = assay_leaf_hash(&salt, canonical.data, canonical.size);
        assert_true(assay_digest_equal(&leaf, &leaves.hashes[i]));
        assay_bytes_fini(&canonical);
    }
    assay_leaves_fini(&leaves);
    assay_results_close(results);
}

#define HEX "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void test_salt_key_forms(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool valid;
    } rows[] = {
        {"assay-salt-1 " HEX " " HEX "\n", true},
        {"assay-salt-1 " HEX " " HEX, false},
        {"assay-salt-1 " HEX "  " HEX, false},
        {"assay-salt-2 " HEX " " HEX "\n", false},
        {"assay-salt-1 " HEX "\n" HEX "\n", false},
        {"assay-salt-1 " HEX " " HEX "\n\n", false},
        {"assay-salt-1 x0112233445566778899aabbccddeeff00112233445566778899aabbccddeeff " HEX "\n",
         false},
        {"", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct assay_salt_key key;
        struct assay_digest records;
        struct assay_error err = {ASSAY_OK, ""};
        enum assay_status status =
            assay_salt_key_parse(&key, &records, rows[i].text, strlen(rows[i].text), &err);
        if (rows[i].valid) {
            check_ok(status, &err);
        } else {
            check_refused(status, ASSAY_EFORMAT, &err, "not a salt key");
        }
    }
}

static void test_salt_key_file(void **state)
{
    struct bundle *bundle = *state;
    struct assay_error err;
    struct assay_salt_key first, second;
    struct assay_digest records = fixture_digest("records", 1), other = fixture_digest("x", 2);
    struct stat info;
    char path[FOLDER_PATH_BYTES];
    folder_path(&bundle->place.folder, "some.salt", path);
    check_refused(assay_salt_key_read(&first, path, &records, &err), ASSAY_ENOTFOUND, &err, path);
    check_ok(assay_salt_key_draw(&first, &err), &err);
    check_ok(assay_salt_key_draw(&second, &err), &err);
    assert_memory_not_equal(&first, &second, sizeof first);
    check_ok(assay_salt_key_create(&first, path, &records, &err), &err);
    check_refused(assay_salt_key_create(&second, path, &records, &err), ASSAY_EVALUE, &err, path);
    check_ok(assay_salt_key_read(&second, path, &records, &err), &err);
    assert_memory_equal(&first, &second, sizeof first);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0600);
    check_refused(assay_salt_key_read(&second, path, &other, &err), ASSAY_EMISMATCH, &err,
                  "belongs to one run");
    assert_int_equal(chmod(path, 0644), 0);
    check_refused(assay_salt_key_read(&second, path, &records, &err), ASSAY_EVALUE, &err, "0644");
}

/* An opened record of the bundle, as text. */
static struct assay_bytes open_text(struct bundle *bundle, uint64_t index)
{
    struct assay_bytes text = {0};
    struct assay_error err;
    check_ok(assay_attest_open(&text, bundle->place.file, NULL, bundle->envelope, index, &err),
             &err);
    return text;
}

static enum assay_status verify_text(const char *text, size_t size, struct assay_error *err)
{
    struct assay_arena arena = {0};
    struct assay_opened opened;
    struct assay_record record;
    enum assay_status status = assay_opened_parse(&opened, &arena, text, size, err);
    if (!status)
        status = assay_opened_verify(&opened, &(struct assay_cipher_key){.known = false}, &record,
                                     &arena, err);
    assay_arena_fini(&arena);
    return status;
}

static void test_opened(void **state)
{
    struct bundle *bundle = *state;
    struct assay_error err;
    struct assay_bytes text = {0};
    for (uint64_t i = 0; i < 24; i++) {
        text = open_text(bundle, i);
        check_ok(verify_text((const char *)text.data, text.size, &err), &err);
        assay_bytes_fini(&text);
    }
    check_refused(assay_attest_open(&text, bundle->place.file, NULL, bundle->envelope, 24, &err),
                  ASSAY_EVALUE, &err, "no sample 24; it has 0 to 23");
    assay_bytes_fini(&text);
}

static void test_opened_refusals(void **state)
{
    static const struct {
        const char *old, *new;
        enum assay_status status;
        const char *quoted;
    } rows[] = {
        {"\"index\":\"5\"", "\"index\":\"6\"", ASSAY_EFAILED, "leaf 6 of 24"},
        {"\"index\":\"5\"", "\"index\":\"24\"", ASSAY_EFAILED, "leaf 24 of 24"},
        {"\"index\":\"5\"", "\"index\":5", ASSAY_EFORMAT, "index"},
        {"\"index\":\"5\"", "\"index\":\"05\"", ASSAY_EFORMAT, "\"05\""},
        {"\"index\":\"5\"", "\"index\":\"5\",\"index\":\"6\"", ASSAY_EFORMAT, "duplicate"},
        {"\"treeSize\":\"24\"", "\"treeSize\":\"2400\"", ASSAY_EFAILED, "leaf 5 of 2400"},
        {"assay-opened-1", "assay-opened-3", ASSAY_EUNSUPPORTED, "assay-opened-3"},
        {"assay-opened-1", "assay-opened-2", ASSAY_EFORMAT, "cell"},
        {"assay-opened-1\"", "assay-opened-2\",\"cell\":\"\"", ASSAY_EFORMAT, "cell is empty"},
        {"assay-opened-1\"", "assay-opened-2\",\"cell\":\"AAAA\"", ASSAY_EUSAGE, "--data FILE"},
        {"\"salt\":\"", "\"salt\":\"0", ASSAY_EFORMAT, "32 hex digits"},
        {"\"path\":[", "\"path\":[1,", ASSAY_EFORMAT, "path[0]"},
        {"\"path\":[", "\"path\":[\"" HEX "\",", ASSAY_EFAILED, "leaf 5"},
        {"\"path\":[", "\"paths\":[", ASSAY_EFORMAT, "path is missing"},
        {"\"record\":\"", "\"record\":\"!", ASSAY_EFORMAT, "record: not base64"},
        {"\"record\":\"", "\"record\":\"AAAA", ASSAY_EFAILED, "leaf 5"},
        {"\"merkleRoot\":\"", "\"merkleRoot\":\"z", ASSAY_EFORMAT, "merkleRoot"},
    };
    struct assay_bytes text = open_text(*state, 5);
    struct assay_error err;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char *changed = bundle_replace((const char *)text.data, rows[i].old, rows[i].new);
        if (!changed) fail_msg("the opened record has no %s", rows[i].old);
        check_refused(verify_text(changed, strlen(changed), &err), rows[i].status, &err,
                      rows[i].quoted);
        free(changed);
    }
    assay_bytes_fini(&text);
}

/* A leaf that is under the root but holds no record. */
static void test_opened_no_record(void **state)
{
    (void)state;
    struct assay_arena arena = {0};
    struct assay_record record;
    struct assay_error err;
    struct assay_opened opened = {.tree_size = 1, .canonical = (const uint8_t *)"nonsense"};
    opened.canonical_size = 8;
    opened.merkle_root = assay_leaf_hash(&opened.salt, "nonsense", 8);
    check_refused(assay_opened_verify(&opened, &(struct assay_cipher_key){.known = false}, &record,
                                      &arena, &err),
                  ASSAY_EFORMAT, &err, "record");
    assay_arena_fini(&arena);
}

static int set_up(void **state)
{
    static struct bundle bundle;
    bundle_make(&bundle);
    *state = &bundle;
    return 0;
}

static int tear_down(void **state)
{
    bundle_drop(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_salt),
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_results),
        cmocka_unit_test(test_salt_key_forms),
        cmocka_unit_test(test_salt_key_file),
        cmocka_unit_test(test_opened),
        cmocka_unit_test(test_opened_refusals),
        cmocka_unit_test(test_opened_no_record),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

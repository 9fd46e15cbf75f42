/* SHA-256, length-prefixed fields, files, hex. */
#include "harness/check.h"
#include "harness/folder.h"

#include "base/bytes.h"
#include "base/file.h"
#include "crypto/digest.h"

static void check_digest(struct assay_digest digest, const char *expected)
{
    char hex[ASSAY_DIGEST_HEX];
    assert_string_equal(assay_digest_hex(&digest, hex), expected);
}

/* The first two and the last from NIST's examples for FIPS 180-4, the others from sha256sum
 * (coreutils 9.1). */
static void test_vectors(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *hex;
    } rows[] = {
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrl"
         "m"
         "nopqrsmnopqrstnopqrstu",
         "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        size_t length = strlen(rows[i].text);
        check_digest(assay_sha256_of(rows[i].text, length), rows[i].hex);
        /* Cut in two at every place. */
        for (size_t cut = 0; cut <= length; cut++) {
            struct assay_sha256 sha;
            assay_sha256_init(&sha);
            assay_sha256_update(&sha, rows[i].text, cut);
            assay_sha256_update(&sha, rows[i].text + cut, length - cut);
            check_digest(assay_sha256_final(&sha), rows[i].hex);
        }
    }
    struct assay_sha256 sha;
    char thousand[1000];
    memset(thousand, 'a', sizeof thousand);
    assay_sha256_init(&sha);
    assay_sha256_update(&sha, NULL, 0);
    for (int i = 0; i < 1000; i++) assay_sha256_update(&sha, thousand, sizeof thousand);
    check_digest(assay_sha256_final(&sha),
                 "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

/* printf 'assay/plan-1' with its length in front, and so on, through sha256sum. */
static void test_fields(void **state)
{
    (void)state;
    static const uint8_t bytes[] = "\x0c\0\0\0\0\0\0\0assay/plan-1"
                                   "\0\0\0\0\0\0\0\0"
                                   "\3\0\0\0\0\0\0\0\0\xff\0";
    struct assay_sha256 sha;
    assay_sha256_init(&sha);
    assay_sha256_text(&sha, "assay/plan-1");
    assay_sha256_field(&sha, NULL, 0);
    assay_sha256_field(&sha, "\0\xff\0", 3);
    struct assay_digest digest = assay_sha256_final(&sha);
    struct assay_digest expected = assay_sha256_of(bytes, sizeof bytes - 1);
    assert_true(assay_digest_equal(&digest, &expected));
    check_digest(digest, "be1c3ed186f46842ac8c6eed20572bc708f6a6c1fd420394b2411dcb3731919d");
}

static void test_file(void **state)
{
    (void)state;
    struct folder folder = folder_make();
    struct assay_error err;
    struct assay_digest digest, before;
    char path[FOLDER_PATH_BYTES];
    static uint8_t block[200001];
    static const size_t sizes[] = {0, 1, 65535, 65536, 65537, sizeof block};
    for (size_t i = 0; i < sizeof block; i++) block[i] = (uint8_t)(i * 7 + i / 251);
    folder_path(&folder, "bytes", path);
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct assay_digest expected = assay_sha256_of(block, sizes[i]);
        check_ok(assay_file_write(path, block, sizes[i], &err), &err);
        check_ok(assay_sha256_file(&digest, path, &err), &err);
        assert_true(assay_digest_equal(&digest, &expected));
    }
    before = digest;
    check_refused(assay_sha256_file(&digest, "none/x", &err), ASSAY_ENOTFOUND, &err, "none/x");
    check_refused(assay_sha256_file(&digest, folder.path, &err), ASSAY_EVALUE, &err, folder.path);
    assert_true(assay_digest_equal(&digest, &before));
    folder_remove(&folder);
}

static void test_hex(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        bool valid;
    } rows[] = {
        {"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1eff", true},
        {"000102030405060708090A0B0C0D0E0F101112131415161718191a1b1c1d1eFF", true},
        {"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1ef", false},
        {"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e", false},
        {"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1eff0", false},
        {"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1eff ", false},
        {" 00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1eff0", false},
        {"g00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1eff", false},
        {"0x0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1eff", false},
        {"00:1:2030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1effff", false},
        {"", false},
        {"0", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct assay_digest digest, before;
        memset(&digest, 0x77, sizeof digest);
        before = digest;
        assert_int_equal(assay_digest_parse(rows[i].hex, &digest), rows[i].valid);
        if (rows[i].valid) {
            check_digest(digest, rows[0].hex);
        } else {
            assert_true(assay_digest_equal(&digest, &before));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_hex),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

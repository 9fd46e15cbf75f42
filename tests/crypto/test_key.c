/* Public keys as text, base64, key files: what openssl and minisign read, and every refusal. */
#include "harness/check.h"
#include "harness/folder.h"

#include "base/bytes.h"
#include "base/file.h"
#include "crypto/base64.h"
#include "crypto/digest.h"
#include "crypto/key_file.h"
#include "crypto/private_file.h"
#include "crypto/public_key.h"
#include "crypto/secret.h"

#include <sys/stat.h>

/* The key of RFC 8410, section 10.1, with its PEM from there. */
#define HEX "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1"
#define BODY "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE="
#define PEM "-----BEGIN PUBLIC KEY-----\n" BODY "\n-----END PUBLIC KEY-----\n"

static void test_base64(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *data; /* NULL: refused */
    } rows[] = {
        /* RFC 4648, section 10 */
        {"", ""},
        {"Zg==", "f"},
        {"Zm8=", "fo"},
        {"Zm9v", "foo"},
        {"Zm9vYg==", "foob"},
        {"Zm9vYmE=", "fooba"},
        {"Zm9vYmFy", "foobar"},
        /* either alphabet, not both */
        {"++//", "\xfb\xef\xff"},
        {"--__", "\xfb\xef\xff"},
        {"+-//", NULL},
        {"--_/", NULL},
        /* padding, stray bits, other characters */
        {"Zg", NULL},
        {"Zg=", NULL},
        {"Zg===", NULL},
        {"Zh==", NULL},
        {"Zm9=", NULL},
        {"Zm9v\n", NULL},
        {"Zm 9v", NULL},
        {"Zm9v====", NULL},
        {"=Zg=", NULL},
        {"====", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct assay_bytes bytes = {0};
        struct assay_error err;
        const char *data = rows[i].data;
        if (!data) {
            check_refused(assay_base64_decode(&bytes, rows[i].text, strlen(rows[i].text), &err),
                          ASSAY_EFORMAT, &err, "base64");
            assert_int_equal(bytes.size, 0);
        } else {
            check_ok(assay_base64_decode(&bytes, rows[i].text, strlen(rows[i].text), &err), &err);
            assert_string_equal((const char *)bytes.data, data);
            size_t decoded = bytes.size;
            assert_int_equal(decoded, strlen(data));
            check_ok(assay_base64_encode(&bytes, data, decoded, &err), &err);
            if (rows[i].text[0] != '-') {
                assert_string_equal((const char *)bytes.data + decoded, rows[i].text);
            }
        }
        assay_bytes_fini(&bytes);
    }
}

static void test_public_texts(void **state)
{
    (void)state;
    static const char *const texts[] = {
        [ASSAY_KEY_FORMAT_HEX] = HEX "\n",
        [ASSAY_KEY_FORMAT_PEM] = PEM,
        /* openssl pkey -pubin -outform DER | sha256sum */
        [ASSAY_KEY_FORMAT_KEYID] =
            "a1e9156054e04fac899ae9f275132cdc07a5dbc4ea2c2ad3a1ffc6e0d253681f\n",
        [ASSAY_KEY_FORMAT_MINISIGN] = NULL,
    };
    struct assay_public_key key;
    struct assay_error err;
    check_ok(assay_public_key_parse(&key, PEM, strlen(PEM), &err), &err);
    for (unsigned format = 0; format < ASSAY_KEY_FORMAT_COUNT; format++) {
        struct assay_bytes text = {0};
        check_ok(assay_public_key_write(&text, &key, (enum assay_key_format)format, &err), &err);
        if (texts[format]) assert_string_equal((const char *)text.data, texts[format]);
        assay_bytes_fini(&text);
    }
}

static void test_public_parse(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum assay_status status;
        const char *quoted;
    } rows[] = {
        {HEX, ASSAY_OK, ""},
        {" \r\n" HEX "\n", ASSAY_OK, ""},
        {PEM, ASSAY_OK, ""},
        {"-----BEGIN PUBLIC KEY-----\r\n" BODY "\r\n-----END PUBLIC KEY-----", ASSAY_OK, ""},
        {"", ASSAY_EFORMAT, "no Ed25519 public key"},
        {HEX "0", ASSAY_EFORMAT, "no Ed25519 public key"},
        {"-----BEGIN PRIVATE KEY-----\n" BODY "\n-----END PRIVATE KEY-----", ASSAY_EFORMAT,
         "BEGIN PRIVATE"},
        {"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----", ASSAY_EFORMAT,
         "no Ed25519"},
        /* X25519 */
        {"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VuAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE="
         "\n-----END PUBLIC KEY-----",
         ASSAY_EFORMAT, "no Ed25519"},
        {"-----BEGIN PUBLIC KEY----------END PUBLIC KEY-----", ASSAY_EFORMAT, "no Ed25519"},
        {"-----BEGIN PUBLIC KEY-----", ASSAY_EFORMAT, "no Ed25519"},
        /* small order, and not canonical */
        {"0000000000000000000000000000000000000000000000000000000000000000", ASSAY_EVALUE,
         "nobody's key"},
        {"0100000000000000000000000000000000000000000000000000000000000000", ASSAY_EVALUE,
         "nobody's key"},
        {"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", ASSAY_EVALUE,
         "nobody's key"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct assay_public_key key;
        struct assay_error err = {ASSAY_OK, ""};
        enum assay_status status =
            assay_public_key_parse(&key, rows[i].text, strlen(rows[i].text), &err);
        if (rows[i].status) {
            check_refused(status, rows[i].status, &err, rows[i].quoted);
        } else {
            check_ok(status, &err);
            assert_int_equal(key.bytes[0], 0x19);
        }
    }
}

static struct assay_passphrase *passphrase_make(const char *text)
{
    struct assay_passphrase *passphrase = assay_secret_take(sizeof *passphrase);
    assert_non_null(passphrase);
    passphrase->size = strlen(text);
    memcpy(passphrase->bytes, text, passphrase->size);
    return passphrase;
}

/* A key sealed by "correct horse". */
static struct assay_sealed_key seal(struct assay_public_key *public)
{
    struct assay_error err;
    struct assay_secret_key *key = NULL;
    struct assay_sealed_key sealed;
    struct assay_passphrase *passphrase = passphrase_make("correct horse");
    check_ok(assay_secret_key_generate(&key, &err), &err);
    check_ok(assay_key_seal(&sealed, key, passphrase, ASSAY_KEY_COST_LOW, &err), &err);
    *public = assay_secret_key_public(key);
    assay_secret_key_destroy(key);
    assay_secret_give(passphrase);
    return sealed;
}

static void test_seal(void **state)
{
    (void)state;
    struct assay_error err;
    struct assay_public_key public;
    struct assay_secret_key *key = NULL;
    struct assay_sealed_key sealed = seal(&public), read;
    struct assay_passphrase *right = passphrase_make("correct horse");
    struct assay_passphrase *wrong = passphrase_make("correct Horse");
    struct assay_passphrase *none = passphrase_make("1234567");
    uint8_t data[ASSAY_KEY_FILE_BYTES];
    assay_key_encode(data, &sealed);
    check_ok(assay_key_decode(&read, data, sizeof data, &err), &err);
    check_refused(assay_key_unseal(&key, &read, wrong, &err), ASSAY_EFAILED, &err,
                  "wrong passphrase");
    assert_null(key);
    check_ok(assay_key_unseal(&key, &read, right, &err), &err);
    struct assay_public_key again = assay_secret_key_public(key);
    assert_true(assay_public_key_equal(&again, &public));
    check_refused(assay_key_seal(&sealed, key, none, ASSAY_KEY_COST_LOW, &err), ASSAY_EVALUE, &err,
                  "7 bytes");
    assay_secret_key_destroy(key);
    key = NULL;
    /* Another public key in the head is not believed, even with a digest that holds. */
    read.public.bytes[0] ^= 1;
    check_refused(assay_key_unseal(&key, &read, right, &err), ASSAY_EFAILED, &err, "passphrase");
    assay_secret_give(right);
    assay_secret_give(wrong);
    assay_secret_give(none);
}

/* The digest at the end is made to hold again, so that the rule behind it is reached. */
static void test_decode_refusals(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        uint32_t value;
        enum assay_status status;
        const char *quoted;
    } rows[] = {
        {0, 0x41535342, ASSAY_EFORMAT, "ASSAYKEY"},
        {8, 2, ASSAY_EUNSUPPORTED, "version 2"},
        {12, 2, ASSAY_EUNSUPPORTED, "derivation 2"},
        {16, 0, ASSAY_EVALUE, "0 passes"},
        {16, 17, ASSAY_EVALUE, "17 passes"},
        {20, 8191, ASSAY_EVALUE, "8191 KiB"},
        {20, 0xffffffff, ASSAY_EVALUE, "4294967295 KiB"},
    };
    struct assay_error err;
    struct assay_public_key public;
    struct assay_sealed_key sealed = seal(&public), read;
    uint8_t data[ASSAY_KEY_FILE_BYTES], changed[ASSAY_KEY_FILE_BYTES];
    assay_key_encode(data, &sealed);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        memcpy(changed, data, sizeof data);
        assay_put_le32(changed + rows[i].at, rows[i].value);
        struct assay_digest digest = assay_sha256_of(changed, 144);
        memcpy(changed + 144, digest.bytes, 32);
        check_refused(assay_key_decode(&read, changed, sizeof changed, &err), rows[i].status, &err,
                      rows[i].quoted);
    }
    for (size_t size = 0; size < sizeof data; size++) {
        assert_int_equal(assay_key_decode(&read, data, size, &err), ASSAY_EFORMAT);
    }
    for (size_t bit = 0; bit < 8 * sizeof data; bit++) {
        data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_true(assay_key_decode(&read, data, sizeof data, &err) != ASSAY_OK);
        data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void test_file(void **state)
{
    (void)state;
    struct assay_error err;
    struct assay_public_key public;
    struct assay_sealed_key sealed = seal(&public), read;
    struct folder folder = folder_make();
    char path[FOLDER_PATH_BYTES], link[FOLDER_PATH_BYTES];
    struct stat info;
    folder_path(&folder, "key", path);
    folder_path(&folder, "link", link);
    check_ok(assay_key_file_create(path, &sealed, &err), &err);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0600);
    check_ok(assay_key_file_read(&read, path, &err), &err);
    assert_memory_equal(&read, &sealed, sizeof read);
    check_refused(assay_key_file_create(path, &sealed, &err), ASSAY_EVALUE, &err, "overwritten");

    static const mode_t modes[] = {0640, 0604, 0620, 0602, 0677, 0660};
    for (size_t i = 0; i < COUNT_OF(modes); i++) {
        char quoted[8];
        snprintf(quoted, sizeof quoted, "%04o", (unsigned)modes[i]);
        assert_int_equal(chmod(path, modes[i]), 0);
        check_refused(assay_key_file_read(&read, path, &err), ASSAY_EVALUE, &err, quoted);
        assert_non_null(strstr(err.text, "chmod 600"));
    }
    assert_int_equal(chmod(path, 0400), 0);
    check_ok(assay_key_file_read(&read, path, &err), &err);
    assert_int_equal(symlink("key", link), 0);
    check_refused(assay_key_file_read(&read, link, &err), ASSAY_EVALUE, &err, "symbolic link");
    check_refused(assay_key_file_create(link, &sealed, &err), ASSAY_EVALUE, &err, "overwritten");
    unlink(link);
    assert_int_equal(mkfifo(link, 0600), 0);
    check_refused(assay_key_file_read(&read, link, &err), ASSAY_EVALUE, &err, "regular file");
    check_refused(assay_key_file_read(&read, folder.path, &err), ASSAY_EVALUE, &err, "regular");
    check_refused(assay_key_file_read(&read, "none/key", &err), ASSAY_ENOTFOUND, &err, "none/key");
    if (geteuid() == 0) { /* only root can give a file away */
        assert_int_equal(chown(path, 65534, 65534), 0);
        check_refused(assay_key_file_read(&read, path, &err), ASSAY_EVALUE, &err, "user 65534");
    }
    folder_remove(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base64),          cmocka_unit_test(test_public_texts),
        cmocka_unit_test(test_public_parse),    cmocka_unit_test(test_seal),
        cmocka_unit_test(test_decode_refusals), cmocka_unit_test(test_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Encrypted cells: the key of a file, equal input and equal output, and every changed bit refused.
 * The golden bytes are Python's: hmac, and the XChaCha20 of tests/integration/xchacha.py. */
#include "base/bytes.h"
#include "base/file.h"
#include "crypto/cipher.h"
#include "harness/check.h"
#include "harness/folder.h"

static const uint8_t golden_cell_key[] = {
    0x10, 0xb3, 0x1d, 0x58, 0x7f, 0x82, 0xa3, 0x72, 0x67, 0x21, 0x54, 0x28, 0xf5, 0x2c, 0x54, 0x47,
    0xc7, 0x92, 0x0d, 0xc8, 0x9f, 0xbc, 0x12, 0x2c, 0x50, 0x63, 0xe5, 0x04, 0xb8, 0xcd, 0x1f, 0xf3};
static const uint8_t golden_nonce_key[] = {
    0x18, 0x55, 0x84, 0x78, 0x7d, 0x56, 0x07, 0x5e, 0x0c, 0x54, 0x23, 0x53, 0xc9, 0xac, 0x8f, 0x58,
    0x6b, 0xb7, 0xf7, 0xfc, 0xa9, 0x13, 0x08, 0x20, 0x23, 0x4e, 0x96, 0x3b, 0x06, 0xf2, 0xe8, 0x51};
static const uint8_t golden_cell[] = {
    0xcb, 0x27, 0xbf, 0xf9, 0xa0, 0x95, 0x22, 0xdb, 0xd5, 0xf6, 0x44, 0x40, 0x16, 0x41,
    0x20, 0x64, 0x16, 0xda, 0x54, 0x0f, 0x3c, 0x26, 0xe0, 0xd1, 0xc3, 0xff, 0x39, 0xed,
    0x46, 0x05, 0x9d, 0x7a, 0x6a, 0xce, 0x76, 0x21, 0x53, 0x41, 0xd8, 0x87, 0x28, 0x52,
    0x4b, 0xdc, 0xc3, 0x3b, 0x5d, 0xaa, 0x9e, 0xcd, 0x69, 0xa9, 0x43, 0xca};

static const struct assay_cipher_input bound = {"bound", 5}, input = {"what is sealed", 14};

static struct assay_cipher_key key_of(const char *content, size_t size)
{
    struct folder folder = folder_make();
    struct assay_cipher_key key;
    struct assay_error err;
    char path[FOLDER_PATH_BYTES];
    folder_path(&folder, "data", path);
    check_ok(assay_file_write(path, content, size, &err), &err);
    check_ok(assay_cipher_key_of_file(&key, path, &err), &err);
    folder_remove(&folder);
    return key;
}

static void test_golden(void **state)
{
    (void)state;
    struct assay_cipher_key key = key_of("the data\n", 9);
    struct assay_bytes sealed = {0};
    struct assay_error err;
    assert_true(key.known);
    assert_memory_equal(key.cell, golden_cell_key, sizeof key.cell);
    assert_memory_equal(key.nonce, golden_nonce_key, sizeof key.nonce);
    check_ok(assay_cipher_seal(&sealed, &key, bound, input, &err), &err);
    assert_int_equal(sealed.size, sizeof golden_cell);
    assert_memory_equal(sealed.data, golden_cell, sizeof golden_cell);
    assay_bytes_fini(&sealed);
}

static void test_no_file(void **state)
{
    (void)state;
    struct assay_cipher_key key = {.known = false};
    struct assay_error err;
    check_refused(assay_cipher_key_of_file(&key, "/no/such/file", &err), ASSAY_ENOTFOUND, &err,
                  "/no/such/file");
    check_refused(assay_cipher_key_of_file(&key, "/", &err), ASSAY_EVALUE, &err, "/");
    assert_false(key.known);
}

static void check_closed(const struct assay_cipher_key *key, struct assay_cipher_input with,
                         const uint8_t *cell, size_t size)
{
    struct assay_bytes out = {0};
    struct assay_error err;
    check_ok(assay_bytes_append(&out, "before", 6, &err), &err);
    check_refused(assay_cipher_open(&out, key, with, (struct assay_cipher_input){cell, size}, &err),
                  ASSAY_EFAILED, &err, "encrypted cell");
    assert_string_equal(out.data, "before");
    assert_int_equal(out.size, 6);
    assay_bytes_fini(&out);
}

static void test_every_bit(void **state)
{
    (void)state;
    struct assay_cipher_key key = key_of("the data\n", 9), other = key_of("the data", 8);
    struct assay_bytes out = {0};
    struct assay_error err;
    uint8_t cell[sizeof golden_cell];
    memcpy(cell, golden_cell, sizeof cell);
    check_ok(
        assay_cipher_open(&out, &key, bound, (struct assay_cipher_input){cell, sizeof cell}, &err),
        &err);
    assert_string_equal(out.data, "what is sealed");
    assay_bytes_fini(&out);
    for (size_t bit = 0; bit < 8 * sizeof cell; bit++) {
        cell[bit / 8] ^= (uint8_t)(1u << bit % 8);
        check_closed(&key, bound, cell, sizeof cell);
        cell[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t size = 0; size < sizeof cell; size++) check_closed(&key, bound, cell, size);
    check_closed(&key, (struct assay_cipher_input){"bounD", 5}, cell, sizeof cell);
    check_closed(&key, (struct assay_cipher_input){"boun", 4}, cell, sizeof cell);
    check_closed(&other, bound, cell, sizeof cell);
}

/* What differs by one byte shares nothing, not even its nonce; nothing at all can be sealed. */
static void test_nonces(void **state)
{
    (void)state;
    struct assay_cipher_key key = key_of("", 0);
    struct assay_bytes cells[3] = {{0}};
    struct assay_error err;
    const struct assay_cipher_input inputs[] = {{"ab", 2}, {"ac", 2}, {NULL, 0}};
    const struct assay_cipher_input bounds[] = {{"c", 1}, {"c", 1}, {"", 0}};
    for (int i = 0; i < 3; i++) {
        struct assay_bytes out = {0};
        check_ok(assay_cipher_seal(&cells[i], &key, bounds[i], inputs[i], &err), &err);
        assert_int_equal(cells[i].size, inputs[i].size + ASSAY_CELL_EXTRA_BYTES);
        const struct assay_cipher_input sealed = {cells[i].data, cells[i].size};
        check_ok(assay_cipher_open(&out, &key, bounds[i], sealed, &err), &err);
        assert_int_equal(out.size, inputs[i].size);
        assay_bytes_fini(&out);
    }
    assert_memory_not_equal(cells[0].data, cells[1].data, 24);
    for (int i = 0; i < 3; i++) assay_bytes_fini(&cells[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden), cmocka_unit_test(test_no_file),
        cmocka_unit_test(test_every_bit), cmocka_unit_test(test_nonces)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

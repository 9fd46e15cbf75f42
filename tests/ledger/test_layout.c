/* The one codec: each kind of field at its limits, and everything that is not the one encoding of a
 * value. */
#include "harness/check.h"

#include "base/bytes.h"
#include "ledger/layout.h"
#include "ledger/tx.h"

#include <stdbool.h>

#define PROBE_FIELDS(X, S)                                                                         \
    X(S, U8, small, 3)                                                                             \
    X(S, U32, middle, 1000)                                                                        \
    X(S, U64, large, UINT64_MAX)                                                                   \
    X(S, TEXT, name, 3)                                                                            \
    X(S, BLOB, bytes, 2)

struct probe {
    PROBE_FIELDS(ASSAY_MEMBER, probe)
};
static const struct assay_layout_field probe_fields[] = {PROBE_FIELDS(ASSAY_LAYOUT_ROW, probe)};
static const struct assay_layout probe_layout = {"probe", probe_fields, COUNT_OF(probe_fields),
                                                 sizeof(struct probe)};

/* small, middle, large, name, bytes, each after a space. */
static void test_decode(void **state)
{
#define HEAD "\x03\xe8\x03\0\0\xff\xff\xff\xff\xff\xff\xff\xff"
#define ROW(bytes, valid)                                                                          \
    {                                                                                              \
        bytes, sizeof bytes - 1, valid                                                             \
    }
    static const struct {
        const char *bytes;
        size_t size;
        bool valid;
    } rows[] = {
        ROW(HEAD "\x03\0a.Z"
                 "\x02\0\0\0xy",
            true),
        ROW(HEAD "\x01\0_"
                 "\0\0\0\0",
            true),
        ROW(HEAD "\x03\0a.Z"
                 "\x02\0\0\0xy!",
            false), /* left over */
        ROW(HEAD "\x03\0a.Z"
                 "\x02\0\0\0x",
            false), /* missing */
        ROW(HEAD "\x03\0a.Z"
                 "\x02\0\0",
            false), /* missing inside a length */
        ROW(HEAD "\x03\0a.Z"
                 "\x03\0\0\0xyz",
            false), /* blob too long */
        ROW(HEAD "\x04\0a.Zb"
                 "\0\0\0\0",
            false), /* text too long */
        ROW(HEAD "\0\0"
                 "\0\0\0\0",
            false), /* text empty */
        ROW(HEAD "\x01\0 "
                 "\0\0\0\0",
            false), /* character */
        ROW(HEAD "\x01\0\0"
                 "\0\0\0\0",
            false), /* NUL */
        ROW(HEAD "\x02\0\xc3\xa9"
                 "\0\0\0\0",
            false),                                                    /* not ASCII */
        ROW("\x04\xe8\x03\0\0\0\0\0\0\0\0\0\0\x01\0a\0\0\0\0", false), /* small > 3 */
        ROW("\x03\xe9\x03\0\0\0\0\0\0\0\0\0\0\x01\0a\0\0\0\0", false), /* middle > 1000 */
        ROW("", false),
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct probe probe;
        struct assay_bytes again = {0};
        const uint8_t *bytes = (const uint8_t *)rows[i].bytes;
        bool valid = assay_layout_decode(&probe_layout, &probe, bytes, rows[i].size);
        if (valid != rows[i].valid) fail_msg("row %zu: %d", i, valid);
        if (!valid) continue;
        assert_true(assay_layout_encode(&probe_layout, &probe, &again));
        assert_int_equal(again.size, rows[i].size);
        assert_memory_equal(again.data, bytes, again.size);
        assay_bytes_fini(&again);
    }
}

/* Every prefix of a transaction is refused, and the whole with any byte more. */
static void test_prefixes(void **state)
{
    struct assay_secret_key *key = NULL;
    struct assay_bytes tx = {0};
    struct assay_tx decoded;
    struct assay_error err;
    uint8_t seed[32] = {7};
    struct assay_tx_reveal payload = {.task = 1, .n = 9, .bits = {(const uint8_t *)"ab", 2}};
    (void)state;
    check_ok(assay_secret_key_from_seed(&key, seed, &err), &err);
    check_ok(assay_tx_make(&tx, key, "chain", 0, 9, ASSAY_TX_REVEAL, &payload, &err), &err);
    for (size_t i = 0; i < tx.size; i++) {
        assert_int_equal(assay_tx_decode(&decoded, tx.data, i), ASSAY_CODE_TX_MALFORMED);
    }
    assert_int_equal(assay_tx_decode(&decoded, tx.data, tx.size), ASSAY_CODE_OK);
    check_refused(assay_tx_make(&tx, key, "a b", 0, 9, ASSAY_TX_REVEAL, &payload, &err),
                  ASSAY_EVALUE, &err, "\"a b\"");
    assay_bytes_fini(&tx);
    assay_secret_key_destroy(key);
}

/* Every layout has fields that lie in its structure, and every table and type finds its own. */
static void test_tables(void **state)
{
    static const struct assay_layout *const layouts[] = {
#define ASSAY_ROW(S, FIELDS, name) &S##_layout,
        ASSAY_LAYOUT_LIST(ASSAY_ROW)
#undef ASSAY_ROW
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(layouts); i++) {
        assert_true(layouts[i]->field_count > 0);
        for (size_t j = 0; j < layouts[i]->field_count; j++) {
            assert_true(layouts[i]->fields[j].offset < layouts[i]->struct_bytes);
        }
    }
    assert_null(assay_table_find(0));
    assert_null(assay_table_find(0x11));
    assert_null(assay_tx_type_name(0));
    assert_string_equal(assay_tx_type_name(ASSAY_TX_SETTLE), "settle");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_decode),
                                       cmocka_unit_test(test_prefixes),
                                       cmocka_unit_test(test_tables)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

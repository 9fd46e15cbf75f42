/* UTF-8, quoting, the nearest name, decimals. */
#include "harness/check.h"

#include "base/philox.h"
#include "base/text.h"

#include <stdbool.h>

static void test_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t prefix;
    } rows[] = {
        {"", 0},
        {"plain ASCII of more than eight bytes", 36},
        {"\x01\x7f", 2},
        {"é", 2},
        {"€", 3},
        {"😀", 4},
        {"12345678é1234567€12345678", 28},
        {"\xf4\x8f\xbf\xbf", 4}, /* U+10FFFF */
        {"\xee\x80\x80\xef\xbf\xbf", 6},
        {"\xed\x9f\xbf", 3}, /* U+D7FF */
        {"a\x80", 1},        /* continuation alone */
        {"a\xc3", 1},        /* cut short */
        {"a\xe2\x82", 1},
        {"a\xf0\x9f\x98", 1},
        {"\xc0\x80", 0}, /* overlong */
        {"\xc1\xbf", 0},
        {"\xe0\x9f\xbf", 0},
        {"\xf0\x8f\xbf\xbf", 0},
        {"\xed\xa0\x80", 0},     /* surrogate */
        {"\xf4\x90\x80\x80", 0}, /* above U+10FFFF */
        {"\xf5\x80\x80\x80", 0},
        {"1234567\xff", 7},
        {"12345678\xff", 8},
        {"\xe2\x28\xa1", 0},
        {"\xf0\x9f\x28\x80", 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(assay_text_utf8_prefix(rows[i].text, strlen(rows[i].text)),
                         rows[i].prefix);
    }
    assert_int_equal(assay_text_utf8_prefix("a\0b", 3), 3);
}

/* Encode each code point by RFC 3629's table; every strict prefix of it is refused. */
static void test_utf8_all(void **state)
{
    (void)state;
    for (uint32_t c = 0; c <= 0x10ffff + 0x1000; c++) {
        uint8_t t[4] = {(uint8_t)c};
        size_t n = 1;
        if (c >= 0x10000) {
            n = 4;
            t[0] = (uint8_t)(0xf0 | c >> 18);
            t[1] = (uint8_t)(0x80 | (c >> 12 & 63));
        } else if (c >= 0x800) {
            n = 3;
            t[0] = (uint8_t)(0xe0 | c >> 12);
        } else if (c >= 0x80) {
            n = 2;
            t[0] = (uint8_t)(0xc0 | c >> 6);
        }
        if (n >= 3) t[n - 2] = (uint8_t)(0x80 | (c >> 6 & 63));
        if (n >= 2) t[n - 1] = (uint8_t)(0x80 | (c & 63));
        bool valid = c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
        if (assay_text_utf8_prefix((char *)t, n) != (valid ? n : 0)) fail_msg("U+%04X", c);
        if (n > 1) assert_int_equal(assay_text_utf8_prefix((char *)t, n - 1), 0);
    }
}

static void test_quote(void **state)
{
    (void)state;
    static const struct {
        size_t size;
        const char *text;
        const char *quoted;
    } rows[] = {
        {32, "", "\"\""},
        {32, "top_p", "\"top_p\""},
        {32, "é€😀", "\"é€😀\""},
        {32, "a\tb\n\x7f", "\"a\\x09b\\x0a\\x7f\""},
        {32, "\x1b[31m", "\"\\x1b[31m\""},
        {32,
         "\xc2\x9b"
         "31m",
         "\"\\xc2\\x9b31m\""}, /* the C1 form of ESC [ */
        {32, "\xff\xc3", "\"\\xff\\xc3\""},
        {32, "\xc2", "\"\\xc2\""},
        {32, "\xed\xa0\x80", "\"\\xed\\xa0\\x80\""},
        {8, "12345", "\"12345\""},
        {8, "123456", "\"12…\""},
        {9, "123456", "\"123456\""},
        {8, "ééé", "\"é…\""},
        {9, "ééé", "\"ééé\""},
        {10, "😀😀😀", "\"😀…\""},
        {8, "\x01\x02", "\"…\""},
        {10, "\x01\x02", "\"\\x01…\""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char to[40];
        memset(to, '#', sizeof to);
        const char *quoted = assay_text_quote(to, rows[i].size, rows[i].text, strlen(rows[i].text));
        assert_ptr_equal(quoted, to);
        assert_string_equal(quoted, rows[i].quoted);
        assert_int_equal(to[rows[i].size], '#');
    }
    char to[16];
    assert_string_equal(assay_text_quote(to, sizeof to, "a\0b", 3), "\"a\\x00b\"");
}

static void test_nearest(void **state)
{
    (void)state;
    static const char *const names[] = {"temperature", "top_p", "top_k", "min_p", "seed", NULL};
    static const struct {
        const char *word, *name;
    } rows[] = {
        {"temperature", "temperature"},
        {"temprature", "temperature"}, /* delete */
        {"temperrature", "temperature"},
        {"tempertaure", "temperature"}, /* swap */
        {"tmpratur", "temperature"},    /* 3 = 8/3 + 1 */
        {"top-p", "top_p"},
        {"topk", "top_k"},
        {"sede", "seed"},
        {"sed", "seed"},
        {"see d", "seed"},
        {"s", NULL},
        {"", NULL},
        {"frequency", NULL},
        {"temperatures_of_everything", NULL},
        {"a word of more than sixty-four bytes, which nobody meant to be a name", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *found = assay_text_nearest(rows[i].word, names);
        if (rows[i].name) {
            assert_non_null(found);
            assert_string_equal(found, rows[i].name);
        } else {
            assert_null(found);
        }
    }
    static const char *const none[] = {NULL};
    static const char *const strange[] = {
        "a name of more than sixty-four bytes, which nobody would ever want to type", "", "ab",
        NULL};
    assert_null(assay_text_nearest("a", none));
    assert_string_equal(assay_text_nearest("ba", strange), "ab");
}

static void test_milli(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool valid;
        uint32_t value;
    } rows[] = {
        {"0", true, 0},
        {"1", true, 1000},
        {"0.7", true, 700},
        {"0.07", true, 70},
        {"0.007", true, 7},
        {"12.345", true, 12345},
        {"00.5", true, 500},
        {"0.5000", true, 500},
        {"0.500000000000000000000", true, 500},
        {"4294967.295", true, UINT32_MAX},
        {"4294967.2950", true, UINT32_MAX},
        {"4294967.296", false, 0},
        {"4294968", false, 0},
        {"99999999999999999999999999", false, 0},
        {"0.0007", false, 0},
        {"0.50001", false, 0},
        {"", false, 0},
        {".5", false, 0},
        {"1.", false, 0},
        {"-0.5", false, 0},
        {"+1", false, 0},
        {" 1", false, 0},
        {"1 ", false, 0},
        {"1e2", false, 0},
        {"0x1", false, 0},
        {"0,7", false, 0},
        {"0.7.1", false, 0},
        {"nan", false, 0},
        {"inf", false, 0},
        {"٣", false, 0}, /* a digit, but not an ASCII one */
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint32_t value = 77;
        if (assay_text_milli(rows[i].text, &value) != rows[i].valid) fail_msg("%s", rows[i].text);
        assert_int_equal(value, rows[i].valid ? rows[i].value : 77);
    }
}

static void test_unsigned(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t max;
        bool valid;
        uint64_t value;
    } rows[] = {
        {"0", 0, true, 0},
        {"1", 0, false, 0},
        {"007", 7, true, 7},
        {"8", 7, false, 0},
        {"100", 100, true, 100},
        {"101", 100, false, 0},
        {"18446744073709551615", UINT64_MAX, true, UINT64_MAX},
        {"18446744073709551616", UINT64_MAX, false, 0},
        {"99999999999999999999999", UINT64_MAX, false, 0},
        {"", 9, false, 0},
        {"-1", 9, false, 0},
        {"+1", 9, false, 0},
        {" 1", 9, false, 0},
        {"1x", 9, false, 0},
        {"1.0", 9, false, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint64_t value = 77;
        bool valid = assay_text_unsigned(rows[i].text, rows[i].max, &value);
        if (valid != rows[i].valid) fail_msg("%s", rows[i].text);
        assert_true(value == (rows[i].valid ? rows[i].value : 77));
    }
}

/* FORMAT.md 2.1; the first two are Random123's own known answers (kat_vectors, philox4x32 10). */
static void test_philox(void **state)
{
    (void)state;
    uint32_t zeros[4] = {0};
    assay_philox(zeros, 0, 0);
    static const uint32_t of_zeros[4] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
    assert_memory_equal(zeros, of_zeros, sizeof zeros);
    uint32_t ones[4] = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX};
    assay_philox(ones, UINT32_MAX, UINT32_MAX);
    static const uint32_t of_ones[4] = {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd};
    assert_memory_equal(ones, of_ones, sizeof ones);
    /* W of D = 00 01 … 1f. */
    uint32_t first[4] = {0, 0, 0x0b0a0908, 0x0f0e0d0c};
    assay_philox(first, 0x03020100, 0x07060504);
    assert_true(((uint64_t)first[1] << 32 | first[0]) == 0xaf0f174847d83cf2);
    uint32_t second[4] = {7, 1u << 24 | 3, 0x0b0a0908, 0x0f0e0d0c};
    assay_philox(second, 0x03020100, 0x07060504);
    assert_true(((uint64_t)second[1] << 32 | second[0]) == 0x77f7cfe48dacc47f);
}

static void test_control(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool has;
    } rows[] = {{"", false},       {"caf\xc3\xa9 ~", false}, {"a\n", true},
                {"\x1b[2J", true}, {"\x7f", true},           {"a\tb", true}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(assay_text_has_control(rows[i].text), rows[i].has);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_utf8),    cmocka_unit_test(test_utf8_all),
        cmocka_unit_test(test_quote),   cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_milli),   cmocka_unit_test(test_unsigned),
        cmocka_unit_test(test_control), cmocka_unit_test(test_philox),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

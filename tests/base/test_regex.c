/* Regular expressions: patterns that are refused, matches, texts that are refused, limits. */
#include "harness/check.h"

#include "base/regex.h"

static void test_patterns(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        unsigned groups;
        const char *refused; /* part of the message */
    } rows[] = {
        {"", 0, NULL},
        {"a(b)(?:c)(d)", 2, NULL},
        {"(a", 0, "at offset 2: missing closing parenthesis"},
        {"a**b[", 0, "at offset"},
        {"\\p{Nonsense}", 0, "unknown property"},
        {"\\C", 0, "\\C is disabled"},
        {"\xff", 0, "UTF-8 error"},
        {"(?<=a+)b", 0, "lookbehind"},
        {"x{70000}", 0, "number too big"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct assay_regex *regex = NULL;
        struct assay_error err;
        enum assay_status status = assay_regex_create(&regex, rows[i].pattern, &err);
        if (rows[i].refused) {
            check_refused(status, ASSAY_EFORMAT, &err, rows[i].refused);
            assert_null(regex);
        } else {
            check_ok(status, &err);
            assert_int_equal(assay_regex_groups(regex), rows[i].groups);
        }
        assay_regex_destroy(regex);
    }
}

static void test_matches(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *text;
        size_t from;
        bool found;
        struct assay_match match;
    } rows[] = {
        {"b+", "aabbc", 0, true, {2, 4, 4, 4}},
        {"b+", "aabbc", 3, true, {3, 4, 4, 4}},
        {"b+", "aabbc", 4, false, {0}},
        {"b+", "aabbc", 5, false, {0}},
        {"", "", 0, true, {0, 0, 0, 0}},
        {"$", "ab", 2, true, {2, 2, 2, 2}},
        {"answer is (\\d+)", "the answer is 42.", 0, true, {4, 16, 14, 16}},
        {"a(b)?", "a", 0, true, {0, 1, 1, 1}},
        {"(x)?a(b)", "ab", 0, true, {0, 2, 2, 2}}, /* group 1 took no part, group 2 did */
        {"a()", "ba", 0, true, {1, 2, 2, 2}},
        {".", "é", 0, true, {0, 2, 2, 2}},
        {"\\w+", "-größe-", 0, true, {1, 8, 8, 8}},
        {"(?i)É", "é", 0, true, {0, 2, 2, 2}},
        {"\\p{L}+", "12日本34", 0, true, {2, 8, 8, 8}},
        {"\\d", "٣", 0, true, {0, 2, 2, 2}},
        {"(?<=a)b", "ab", 1, true, {1, 2, 2, 2}}, /* sees what lies before `from` */
        {"^b", "ab", 1, false, {0}},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct assay_regex *regex = NULL;
        struct assay_error err;
        struct assay_match match = {0};
        bool found = !rows[i].found;
        check_ok(assay_regex_create(&regex, rows[i].pattern, &err), &err);
        check_ok(assay_regex_find(regex, rows[i].text, strlen(rows[i].text), rows[i].from, &found,
                                  &match, &err),
                 &err);
        if (found != rows[i].found) fail_msg("row %zu", i);
        assert_memory_equal(&match, &rows[i].match, sizeof match);
        assay_regex_destroy(regex);
    }
}

static void test_texts(void **state)
{
    (void)state;
    struct assay_regex *regex = NULL;
    struct assay_error err;
    struct assay_match match = {9, 9, 9, 9}, before = match;
    bool found = true;
    check_ok(assay_regex_create(&regex, "(?s).b", &err), &err);
    check_ok(assay_regex_find(regex, NULL, 0, 0, &found, &match, &err), &err);
    assert_false(found);
    check_ok(assay_regex_find(regex, "\0b", 2, 0, &found, &match, &err), &err);
    assert_true(found && match.end == 2);
    match = before;
    static const struct {
        const char *text;
        size_t from;
        const char *refused;
    } rows[] = {
        {"ab\xff", 0, "not UTF-8 at offset 2"},
        {"ab\xff", 2, "not UTF-8 at offset 2"},
        {"\xe2\x82", 0, "not UTF-8 at offset 0"},
        {"é", 1, "inside a character"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        check_refused(assay_regex_find(regex, rows[i].text, strlen(rows[i].text), rows[i].from,
                                       &found, &match, &err),
                      ASSAY_EFORMAT, &err, rows[i].refused);
        assert_memory_equal(&match, &before, sizeof match);
    }
    assay_regex_destroy(regex);
}

/* Exponential backtracking ends at the limit, and the regex is usable afterwards. */
static void test_limit(void **state)
{
    (void)state;
    struct assay_regex *regex = NULL;
    struct assay_error err;
    struct assay_match match;
    bool found = false;
    char text[64];
    memset(text, 'a', sizeof text);
    text[40] = 'b';
    check_ok(assay_regex_create(&regex, "(a+)+$", &err), &err);
    check_refused(assay_regex_find(regex, text, 41, 0, &found, &match, &err), ASSAY_EFORMAT, &err,
                  "match limit");
    check_ok(assay_regex_find(regex, text, 40, 0, &found, &match, &err), &err);
    assert_true(found && match.end == 40);
    assay_regex_destroy(regex);
    assay_regex_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_matches),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

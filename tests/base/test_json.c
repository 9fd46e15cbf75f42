/* JSON: what is refused, what is read, what is written. */
#include "harness/check.h"

#include "base/bytes.h"
#include "base/json.h"

#include <math.h>

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t size;
        const char *quoted;
    } rows[] = {
        {"", 0, "1:0: "},
        {"{", 1, "1:1: "},
        {"{\"a\":1,\"a\":2}", 13, "duplicate object key"},
        {"{\"b\":{\"a\":1,\"a\":1}}", 19, "duplicate object key"},
        {"[1,2]\n x", 8, "2:2: end of file expected"},
        {"1 2", 3, "end of file expected"},
        {"{} {}", 5, "end of file expected"},
        {"\"\\u0000\"", 8, "\\u0000 is not allowed"},
        {"{\"\\u0000\":1}", 12, "NUL byte in object key"},
        {"\"a\0b\"", 5, "1:3: a NUL byte"},
        {"1\0", 2, "1:2: a NUL byte"},
        {"[\n\n 1\0]", 6, "3:3: a NUL byte"},
        {"\"\xff\"", 3, "unable to decode byte 0xff"},
        {"\"\xed\xa0\x80\"", 5, "unable to decode byte"},
        {"\"\\ud800\"", 8, "invalid Unicode"},
        {"\"a\nb\"", 5, "unexpected newline"},
        {"[1,]", 4, "1:4: "},
        {"{a:1}", 5, "1:2: "},
        {"01", 2, "1:1: "},
        {"+1", 2, "1:1: "},
        {".5", 2, "1:1: "},
        {"NaN", 3, "1:3: "},
        {"9223372036854775808", 19, "too big integer"},
        {"-9223372036854775809", 20, "too big negative integer"},
        {"1e999", 5, "real number overflow"},
        {"nul", 3, "1:3: "},
        {"// a\n1", 6, "1:1: "},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct assay_error err;
        struct assay_json *json = NULL;
        check_refused(assay_json_parse(&json, rows[i].text, rows[i].size, &err), ASSAY_EFORMAT,
                      &err, rows[i].quoted);
        assert_null(json);
    }
    struct assay_error err;
    struct assay_json *json = NULL;
    check_refused(assay_json_parse(&json, NULL, 0, &err), ASSAY_EFORMAT, &err, "1:0: ");
    char deep[3000];
    memset(deep, '[', sizeof deep);
    check_refused(assay_json_parse(&json, deep, sizeof deep, &err), ASSAY_EFORMAT, &err, "depth");
}

static struct assay_json *parse(const char *text)
{
    struct assay_error err;
    struct assay_json *json = NULL;
    check_ok(assay_json_parse(&json, text, strlen(text), &err), &err);
    return json;
}

static void test_read(void **state)
{
    (void)state;
    struct assay_json *json = parse("{\"null\":null,\"yes\":true,\"no\":false,\"n\":-12,\"r\":0.5,"
                                    "\"t\":\"é\\n\",\"a\":[1,2,3],\"o\":{}}");
    static const struct {
        const char *name;
        enum assay_json_type type;
        const char *type_name;
    } rows[] = {
        {"null", ASSAY_JSON_NULL, "null"},       {"yes", ASSAY_JSON_BOOLEAN, "a boolean"},
        {"no", ASSAY_JSON_BOOLEAN, "a boolean"}, {"n", ASSAY_JSON_INTEGER, "an integer"},
        {"r", ASSAY_JSON_REAL, "a real number"}, {"t", ASSAY_JSON_TEXT, "a text"},
        {"a", ASSAY_JSON_ARRAY, "an array"},     {"o", ASSAY_JSON_OBJECT, "an object"},
    };
    assert_int_equal(assay_json_type(json), ASSAY_JSON_OBJECT);
    assert_int_equal(assay_json_count(json), COUNT_OF(rows));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct assay_json *member = assay_json_member(json, rows[i].name);
        assert_non_null(member);
        assert_int_equal(assay_json_type(member), rows[i].type);
        assert_string_equal(assay_json_type_name(rows[i].type), rows[i].type_name);
        if (rows[i].type != ASSAY_JSON_TEXT) assert_null(assay_json_text(member));
        if (rows[i].type != ASSAY_JSON_INTEGER) assert_int_equal(assay_json_integer(member), 0);
    }
    assert_null(assay_json_member(json, "none"));
    assert_string_equal(assay_json_text(assay_json_member(json, "t")), "é\n");
    assert_int_equal(assay_json_integer(assay_json_member(json, "n")), -12);
    assert_true(assay_json_real(assay_json_member(json, "n")) == -12.0);
    assert_true(assay_json_real(assay_json_member(json, "r")) == 0.5);
    const struct assay_json *array = assay_json_member(json, "a");
    assert_int_equal(assay_json_count(array), 3);
    assert_int_equal(assay_json_integer(assay_json_element(array, 2)), 3);
    assert_null(assay_json_element(array, 3));
    assert_null(assay_json_member(array, "a"));
    assert_null(assay_json_element(json, 0));
    assert_int_equal(assay_json_count(assay_json_member(json, "n")), 0);
    assay_json_destroy(json);
    assay_json_destroy(NULL);
}

static void check_written(const struct assay_json *json, bool canonical, const char *expected)
{
    struct assay_bytes text = {0};
    struct assay_error err;
    check_ok(assay_json_write(json, canonical, &text, &err), &err);
    assert_string_equal((char *)text.data, expected);
    assay_bytes_fini(&text);
}

/* RFC 8785's rules for texts: the two-character escapes, \u00xx in lower case, nothing else. */
static void test_canonical(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {" { \"b\" : 1 , \"a\" : [ ] } ", "{\"a\":[],\"b\":1}"},
        {"{\"b\":{\"z\":1,\"y\":2},\"B\":1,\"aa\":1,\"a\":1,\"\":0}",
         "{\"\":0,\"B\":1,\"a\":1,\"aa\":1,\"b\":{\"y\":2,\"z\":1}}"},
        {"\"\\u001F\\u001f\\u000b\\b\\f\\n\\r\\t\\\"\\\\\\/\"",
         "\"\\u001f\\u001f\\u000b\\b\\f\\n\\r\\t\\\"\\\\/\""},
        {"\"\\\\u001F\\u001E\"", "\"\\\\u001F\\u001e\""}, /* the first is no escape */
        {"\"\\u00e9\\ud83d\\ude00\\u007f\"", "\"é😀\x7f\""},
        {"[9223372036854775807,-9223372036854775808,0]",
         "[9223372036854775807,-9223372036854775808,0]"},
        {"[true,false,null]", "[true,false,null]"},
        {"7", "7"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct assay_json *json = parse(rows[i][0]);
        check_written(json, true, rows[i][1]);
        assay_json_destroy(json);
    }
}

static void test_build(void **state)
{
    (void)state;
    struct assay_json *object = assay_json_new_object();
    struct assay_json *array = assay_json_new_array();
    assert_true(assay_json_add(array, assay_json_new_integer(-1)));
    assert_true(assay_json_add(array, assay_json_new_real(0.25)));
    assert_true(assay_json_add(array, assay_json_new_real((double)NAN)));
    assert_true(assay_json_add(array, assay_json_new_real((double)INFINITY)));
    assert_true(assay_json_add(array, assay_json_new_boolean(true)));
    assert_true(assay_json_add(array, assay_json_new_null()));
    assert_true(assay_json_set(object, "z",
                               assay_json_new_text("a\xff"
                                                   "b\xe2\x82")));
    assert_true(assay_json_set(object, "a", array));
    check_written(object, false,
                  "{\n  \"z\": \"a\uFFFDb\uFFFD\uFFFD\",\n  \"a\": [\n    -1,\n    0.25,\n    "
                  "null,\n    null,\n    true,\n    null\n  ]\n}");
    assert_true(assay_json_set(object, "z", assay_json_new_text("again")));
    check_written(object, true, "{\"a\":[-1,0.25,null,null,true,null],\"z\":\"again\"}");
    assay_json_destroy(object);
}

/* Every double survives being written and read. */
static void test_reals(void **state)
{
    (void)state;
    static const double rows[] = {0.1, -1.0 / 3, 5e-324,   1.7976931348623157e308,
                                  0.0, 1e22,     123456.75};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct assay_error err;
        struct assay_bytes text = {0};
        struct assay_json *json = assay_json_new_real(rows[i]);
        check_ok(assay_json_write(json, false, &text, &err), &err);
        struct assay_json *again = parse((char *)text.data);
        assert_int_equal(assay_json_type(again), ASSAY_JSON_REAL);
        assert_true(assay_json_real(again) == rows[i]);
        assay_json_destroy(again);
        assay_json_destroy(json);
        assay_bytes_fini(&text);
    }
}

/* One child that could not be made is seen at the end, however deep it was to go. */
static void test_missing_child(void **state)
{
    (void)state;
    struct assay_error err;
    struct assay_bytes text = {0};
    struct assay_json *root = assay_json_new_object();
    struct assay_json *list = assay_json_new_array();
    assert_true(assay_json_set(root, "before", assay_json_new_integer(1)));
    assert_true(assay_json_add(list, assay_json_new_object()));
    assert_false(assay_json_add(list, NULL));
    assert_false(assay_json_add(list, assay_json_new_integer(2)));
    assert_false(assay_json_set(root, "list", list)); /* takes it all the same */
    assert_false(assay_json_set(root, "after", assay_json_new_integer(3)));
    check_refused(assay_json_write(root, false, &text, &err), ASSAY_EMEMORY, &err, "no memory");
    assert_int_equal(text.size, 0);
    assay_json_destroy(root);

    root = assay_json_new_object();
    list = assay_json_new_array();
    assert_true(assay_json_set(root, "list", list));
    assert_false(assay_json_add(list, NULL)); /* when its parent has it already */
    check_refused(assay_json_write(root, true, &text, &err), ASSAY_EMEMORY, &err, "no memory");
    assay_json_destroy(root);

    assert_false(assay_json_set(NULL, "x", assay_json_new_integer(1)));
    assert_false(assay_json_add(NULL, assay_json_new_integer(1)));
    struct assay_json *null = assay_json_new_null();
    assert_false(assay_json_set(null, "x", assay_json_new_integer(1)));
    check_written(null, true, "null");
    assay_json_destroy(null);
    check_refused(assay_json_write(NULL, true, &text, &err), ASSAY_EMEMORY, &err, "no memory");
    assay_bytes_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),   cmocka_unit_test(test_read),
        cmocka_unit_test(test_canonical), cmocka_unit_test(test_build),
        cmocka_unit_test(test_reals),     cmocka_unit_test(test_missing_child),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

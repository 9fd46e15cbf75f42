/* Statuses, errors on their way up, assertions, the clock's text. */
#include "harness/check.h"

#include "base/assert.h"
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_rows(void **state)
{
    (void)state;
    assert_string_equal(assay_status_name(ASSAY_EFORMAT), "EFORMAT");
    assert_string_equal(assay_status_meaning(ASSAY_EFORMAT), "malformed input");
    static const struct {
        enum assay_status status;
        int exit_code;
    } rows[] = {
        {ASSAY_OK, 0},
        {ASSAY_EFAILED, 1},
        {ASSAY_EUSAGE, 2},
        {ASSAY_EFORMAT, 3},
        {ASSAY_EVALUE, 3},
        {ASSAY_EUNSUPPORTED, 3},
        {ASSAY_ENOTFOUND, 3},
        {ASSAY_EMISMATCH, 3},
        {ASSAY_EMACHINE, 4},
        {ASSAY_EMEMORY, 4},
        {ASSAY_EIO, 4},
        {ASSAY_ESPACE, 4},
        {ASSAY_EINTERRUPTED, 85},
        {ASSAY_STATUS_COUNT, 4},
        {(enum assay_status)77, 4},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(assay_exit_code(rows[i].status), rows[i].exit_code);
        assert_true(assay_status_name(rows[i].status)[0] == 'E' || rows[i].status == ASSAY_OK);
    }
}

static void test_fail(void **state)
{
    (void)state;
    struct assay_error err;
    assert_int_equal(assay_fail(&err, ASSAY_EVALUE, "top_p %d", 1001), ASSAY_EVALUE);
    assert_int_equal(err.status, ASSAY_EVALUE);
    assert_string_equal(err.text, "top_p 1001");
    assert_int_equal(assay_fail(NULL, ASSAY_EVALUE, "x"), ASSAY_EVALUE);
    /* The arguments may point into the error that is replaced. */
    assay_fail(&err, ASSAY_EIO, "again: %s", err.text);
    assert_string_equal(err.text, "again: top_p 1001");
}

static void test_fail_errno(void **state)
{
    (void)state;
    static const struct {
        int code;
        enum assay_status status;
    } rows[] = {
        {ENOSPC, ASSAY_ESPACE},
        {EDQUOT, ASSAY_ESPACE},
        {EFBIG, ASSAY_ESPACE},
        {ENOENT, ASSAY_ENOTFOUND},
        {ENOTDIR, ASSAY_ENOTFOUND},
        {ELOOP, ASSAY_ENOTFOUND},
        {ENAMETOOLONG, ASSAY_ENOTFOUND},
        {EISDIR, ASSAY_EVALUE},
        {ENOMEM, ASSAY_EMEMORY},
        {EACCES, ASSAY_EIO},
        {EIO, ASSAY_EIO},
        {EPIPE, ASSAY_EIO},
        {99999, ASSAY_EIO},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct assay_error err;
        check_refused(assay_fail_errno(&err, rows[i].code, "a/%s", "b"), rows[i].status, &err,
                      "a/b: ");
        assert_true(strlen(err.text) > strlen("a/b: "));
        assert_int_equal(assay_fail_errno(NULL, rows[i].code, "x"), rows[i].status);
    }
}

static void test_while(void **state)
{
    (void)state;
    struct assay_error err;
    assay_fail(&err, ASSAY_EFORMAT, "offset past end");
    check_refused(assay_while(&err, ASSAY_EFORMAT, "tensor %s", "x"), ASSAY_EFORMAT, &err,
                  "tensor");
    check_refused(assay_while(&err, ASSAY_EFORMAT, "m.gguf"), ASSAY_EFORMAT, &err, "m.gguf");
    assert_string_equal(err.text, "m.gguf: tensor x: offset past end");
    assert_int_equal(assay_while(&err, ASSAY_OK, "nothing"), ASSAY_OK);
    assert_string_equal(err.text, "m.gguf: tensor x: offset past end");
    assert_int_equal(assay_while(NULL, ASSAY_EIO, "x"), ASSAY_EIO);
}

/* An error that grows too long is cut at its end, wherever that falls. */
static void test_cut(void **state)
{
    (void)state;
    char place[700];
    memset(place, 'p', sizeof place);
    place[sizeof place - 1] = '\0';
    struct assay_error err;
    assay_fail(&err, ASSAY_EIO, "%s", place);
    for (int i = 0; i < 3; i++) assay_while(&err, ASSAY_EIO, "%s", place);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    for (size_t length = sizeof err.text - 4; length <= sizeof err.text + 4; length++) {
        assay_fail(&err, ASSAY_EIO, "%*s", (int)length, "x");
        assay_fail_errno(&err, ENOENT, "%*s", (int)length, "x");
        assay_while(&err, ASSAY_EIO, "y");
        assert_int_equal(strlen(err.text), sizeof err.text - 1);
    }
}

static void test_assert(void **state)
{
    (void)state;
    int evaluated = 0;
    ASSAY_ASSERT(++evaluated == 1);
    assert_int_equal(evaluated, 1);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int silence = open("/dev/null", O_WRONLY);
        dup2(silence, STDERR_FILENO);
        signal(SIGABRT, SIG_DFL); /* cmocka and the sanitizers catch it */
        assay_assert_failed("false", "here", 1);
    }
    int how = 0;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGABRT);
}

/* Seconds from `date -u -d TEXT +%s` (GNU coreutils 9.1). */
static void test_clock(void **state)
{
    (void)state;
    static const struct {
        uint64_t seconds;
        const char *text;
    } rows[] = {
        {0, "1970-01-01T00:00:00Z"},          {951782399, "2000-02-28T23:59:59Z"},
        {951868799, "2000-02-29T23:59:59Z"},  {1795491731, "2026-11-24T03:42:11Z"},
        {4102444800, "2100-01-01T00:00:00Z"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[21];
        assay_clock_text(rows[i].seconds * 1000000000u + 999999999u, text);
        assert_string_equal(text, rows[i].text);
    }
    char text[21];
    assay_clock_text(UINT64_MAX, text);
    assert_string_equal(text, "2554-07-21T23:34:33Z");
    uint64_t first = assay_clock_monotonic_ns();
    assert_true(assay_clock_monotonic_ns() >= first);
    assert_true(assay_clock_epoch_ns() > 1700000000u * UINT64_C(1000000000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),       cmocka_unit_test(test_fail),
        cmocka_unit_test(test_fail_errno), cmocka_unit_test(test_while),
        cmocka_unit_test(test_cut),        cmocka_unit_test(test_assert),
        cmocka_unit_test(test_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Other programs: what they say, how they end, what they are not allowed. */
#include "site/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct assay_command_result run(const char *const *argv, const char *input)
{
    struct assay_command_result result = {{0}, {0}, 0};
    struct assay_error err;
    if (assay_command_run(&result, argv, input, &err)) fail_msg("%s", err.text);
    return result;
}

static void streams_and_exit_code(void **state)
{
    (void)state;
    const char *const argv[] = {"sh", "-c", "cat; echo bad >&2; exit 7", NULL};
    struct assay_command_result result = run(argv, "one\ntwo\n");
    assert_string_equal((const char *)result.output.data, "one\ntwo");
    assert_string_equal((const char *)result.errors.data, "bad");
    assert_int_equal(result.exit_code, 7);
    assay_command_fini(&result);
}

static void silence_is_an_empty_text(void **state)
{
    (void)state;
    const char *const argv[] = {"true", NULL};
    struct assay_command_result result = run(argv, NULL);
    assert_string_equal((const char *)result.output.data, "");
    assert_string_equal((const char *)result.errors.data, "");
    assert_int_equal(result.exit_code, 0);
    assay_command_fini(&result);
}

static void input_that_nobody_reads(void **state)
{
    (void)state;
    enum { BYTES = 1 << 20 };
    char *input = malloc(BYTES + 1);
    const char *const argv[] = {"true", NULL};
    assert_non_null(input);
    memset(input, 'x', BYTES);
    input[BYTES] = 0;
    struct assay_command_result result = run(argv, input);
    assert_int_equal(result.exit_code, 0);
    assay_command_fini(&result);
    free(input);
}

static void arguments_meet_no_shell(void **state)
{
    (void)state;
    const char *const argv[] = {"printf", "%s", "$(id); `id` 'x'", NULL};
    struct assay_command_result result = run(argv, NULL);
    assert_string_equal((const char *)result.output.data, "$(id); `id` 'x'");
    assay_command_fini(&result);
}

static void a_signal_ends_it(void **state)
{
    (void)state;
    const char *const argv[] = {"sh", "-c", "kill -9 $$", NULL};
    struct assay_command_result result = run(argv, NULL);
    assert_int_equal(result.exit_code, 128 + 9);
    assay_command_fini(&result);
}

static void refusals(void **state)
{
    (void)state;
    const char *const none[] = {"no-such-program-here", NULL};
    const char *const talker[] = {"sh", "-c", "yes | head -c 3000000", NULL};
    struct assay_command_result result = {{0}, {0}, 0};
    struct assay_error err;
    assert_int_equal(assay_command_run(&result, none, NULL, &err), ASSAY_EMACHINE);
    assert_string_equal(err.text, "there is no program \"no-such-program-here\" in PATH");
    assay_command_fini(&result);
    assert_int_equal(assay_command_run(&result, talker, NULL, &err), ASSAY_EIO);
    assert_string_equal(err.text, "sh says more than 1048576 bytes");
    assay_command_fini(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_and_exit_code),   cmocka_unit_test(silence_is_an_empty_text),
        cmocka_unit_test(input_that_nobody_reads), cmocka_unit_test(arguments_meet_no_shell),
        cmocka_unit_test(a_signal_ends_it),        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

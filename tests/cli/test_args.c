/* Command lines: what is taken and what is refused. */
#include "cli/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

enum { WORDS_MAX = 8 };

static size_t count_of(const char *const *words)
{
    size_t count = 0;
    while (words[count]) count++;
    return count;
}

static void takes(void **state)
{
    static const char *const words[] = {"--batch=3", "--threads", "2",      "--json", "a",
                                        "--quiet",   "--",        "--spec", NULL};
    struct assay_args args = {0};
    (void)state;
    assert_int_equal(assay_args_parse(&args, &assay_cmd_run, words, count_of(words), NULL),
                     ASSAY_OK);
    assert_int_equal(args.batch, 3);
    assert_int_equal(args.threads, 2);
    assert_true(args.json);
    assert_true(args.quiet);
    assert_int_equal(args.operand_count, 2);
    assert_string_equal(args.operands[0], "a");
    assert_string_equal(args.operands[1], "--spec");
}

static void short_help_and_single_dash(void **state)
{
    static const char *const words[] = {"-h", "-", NULL};
    struct assay_args args = {0};
    (void)state;
    assert_int_equal(assay_args_parse(&args, &assay_cmd_run, words, 2, NULL), ASSAY_OK);
    assert_true(args.help);
    assert_string_equal(args.operands[0], "-");
}

static void tells_zero_from_absent(void **state)
{
    static const char *const words[] = {"--bootstrap", "0", "r.h5", NULL};
    struct assay_args args = {0};
    (void)state;
    assert_int_equal(assay_args_parse(&args, &assay_cmd_report, words, count_of(words), NULL),
                     ASSAY_OK);
    assert_true(args.bootstrap.given && args.bootstrap.value == 0);
    assert_false(args.seed.given);
}

/* The command's own refusal comes before it opens the file. */
static void report_refuses(void **state)
{
    static const struct {
        const char *words[WORDS_MAX];
        const char *message;
    } rows[] = {
        {{"--bootstrap", "many"}, "--bootstrap is \"many\": it must be a number from 0 to 1000000"},
        {{"--bootstrap=1e4"}, "--bootstrap is \"1e4\""},
        {{"--bootstrap", "1000001"}, "--bootstrap is \"1000001\""},
        {{"--bootstrap", "-1"}, "--bootstrap is \"-1\""},
        {{"--bootstrap", "99"}, "--bootstrap is \"99\": fewer than 100 resamples"},
        {{"--seed", "0"}, "--seed is \"0\": it must be a number from 1 to 4294967295"},
        {{"--seed", "4294967296"}, "--seed is \"4294967296\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct assay_args args = {0};
        struct assay_error err = {0};
        enum assay_status status = assay_args_parse(&args, &assay_cmd_report, rows[i].words,
                                                    count_of(rows[i].words), &err);
        if (!status) status = assay_cmd_report.run(&args, &err);
        if (status != ASSAY_EUSAGE || !strstr(err.text, rows[i].message)) {
            fail_msg("row %zu: status %d, \"%s\"", i, status, err.text);
        }
    }
}

static void refuses(void **state)
{
    static const struct {
        const char *words[WORDS_MAX];
        const char *message;
    } rows[] = {
        {{"--bach", "3"}, "unknown option \"--bach\"; did you mean --batch?"},
        {{"--zzzzzzzz"}, "unknown option \"--zzzzzzzz\"; see"},
        {{"-b"}, "unknown option \"-b\"; options begin with two dashes"},
        {{"--batch"}, "--batch needs a value: --batch N"},
        {{"--batch", "0"}, "--batch is \"0\": it must be a number from 1 to 1024"},
        {{"--batch", "1025"}, "\"1025\""},
        {{"--batch", "-1"}, "\"-1\""},
        {{"--batch="}, "--batch is \"\""},
        {{"--batch=99999999999999999999999"}, "99999999999999999999999"},
        {{"--json=yes"}, "--json takes no value"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct assay_args args = {0};
        struct assay_error err = {0};
        enum assay_status status =
            assay_args_parse(&args, &assay_cmd_run, rows[i].words, count_of(rows[i].words), &err);
        if (status != ASSAY_EUSAGE || !strstr(err.text, rows[i].message)) {
            fail_msg("row %zu: status %d, \"%s\"", i, status, err.text);
        }
    }
}

/* The first offence is told; the rest of the line is known all the same. */
static void reads_on_behind_an_offence(void **state)
{
    static const char *const words[] = {"--bach", "3", "--batch=0", "s", "--end-file", "e", NULL};
    struct assay_args args = {0};
    struct assay_error err = {0};
    (void)state;
    assert_int_equal(assay_args_parse(&args, &assay_cmd_run, words, count_of(words), &err),
                     ASSAY_EUSAGE);
    assert_non_null(strstr(err.text, "unknown option \"--bach\""));
    assert_string_equal(args.end_file, "e");
    assert_int_equal(args.batch, 0);
}

static void every_command_is_complete(void **state)
{
    (void)state;
    for (size_t i = 0; assay_commands[i]; i++) {
        const struct assay_command *command = assay_commands[i];
        assert_non_null(command->run);
        assert_true(strlen(command->summary) > 10 && strlen(command->details) > 10);
        assert_true(command->operands_min <= command->operands_max);
        bool help = false;
        for (const struct assay_option *option = command->options; option->name; option++) {
            assert_true(option->help && option->offset < sizeof(struct assay_args));
            assert_true((option->kind == ASSAY_OPTION_FLAG) == !option->argument);
            help |= strcmp(option->name, "help") == 0;
        }
        assert_true(help);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes),
        cmocka_unit_test(short_help_and_single_dash),
        cmocka_unit_test(refuses),
        cmocka_unit_test(tells_zero_from_absent),
        cmocka_unit_test(report_refuses),
        cmocka_unit_test(every_command_is_complete),
        cmocka_unit_test(reads_on_behind_an_offence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

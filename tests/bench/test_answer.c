/* Spellings of numbers, thoughts, ends of outputs, both verdicts; rows of a CSV. */
#include "harness/check.h"

#include "bench/benchmark.h"
#include "bench/csv.h"

#include <stdbool.h>

static void numbers(void **state)
{
    static const struct {
        const char *written, *spelt; /* NULL: no number */
    } rows[] = {
        {"29", "29"},
        {"$29.00", "29"},
        {" $ 29.50. ", "29.5"},
        {"1,200", "1200"},
        {"1,234,567.8", "1234567.8"},
        {"-3.", "-3"},
        {"+07", "7"},
        {"-0.00", "0"},
        {"\xe2\x88\x92"
         "5",
         "-5"},
        {"25 %", "25"},
        {"25%.", "25"},
        {".5", "0.5"},
        {"-.5", "-0.5"},
        {"$-4", "-4"},
        {"-$4", "-4"},
        {"\xe2\x82\xac"
         "7",
         "7"},
        {"**18**", "18"},
        {"000", "0"},
        {"10.010", "10.01"},
        {"3,", "3"},
        {"(3)", NULL},
        {"", NULL},
        {".", NULL},
        {"-", NULL},
        {"1,23", NULL},
        {"1,2345", NULL},
        {"1234,567", NULL},
        {"12 apples", NULL},
        {"1.2.3", NULL},
        {"--4", NULL},
        {"1e5", NULL},
        {"3/4", NULL},
        {"four", NULL},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct assay_bytes out = {0};
        struct assay_error err;
        bool valid = false;
        check_ok(
            assay_number_normalise(rows[i].written, strlen(rows[i].written), &out, &valid, &err),
            &err);
        const char *got = valid ? (const char *)out.data : NULL;
        if ((got == NULL) != (rows[i].spelt == NULL) || (got && strcmp(got, rows[i].spelt) != 0)) {
            fail_msg("\"%s\" gives %s", rows[i].written, got ? got : "no number");
        }
        assay_bytes_fini(&out);
    }
}

static const struct assay_rule rules[] = {{"strict", "answer: (.+)", ASSAY_TAKE_FIRST},
                                          {"last", "(-?[0-9]+)", ASSAY_TAKE_LAST}};
static const char data[] = "{\"id\":\"a\",\"question\":\"?\",\"accept\":[\"18\"]}";

static void outputs(void **state)
{
    static const struct {
        const char *text;
        enum assay_finish finish;
        enum assay_outcome outcome;
        enum assay_verdict strict, flexible;
        uint32_t start; /* of the flexible match */
    } rows[] = {
        {"answer: 18", ASSAY_FINISH_END, ASSAY_OUTCOME_COMPLETE, ASSAY_VERDICT_CORRECT,
         ASSAY_VERDICT_CORRECT, 8},
        {"answer: $18.00", ASSAY_FINISH_END, ASSAY_OUTCOME_COMPLETE, ASSAY_VERDICT_CORRECT,
         ASSAY_VERDICT_INCORRECT, 12},
        {"17 and 18", ASSAY_FINISH_LENGTH, ASSAY_OUTCOME_CUT_OFF, ASSAY_VERDICT_NO_ANSWER,
         ASSAY_VERDICT_CORRECT, 7},
        {"answer: many, 17", ASSAY_FINISH_STOP, ASSAY_OUTCOME_COMPLETE, ASSAY_VERDICT_INCORRECT,
         ASSAY_VERDICT_INCORRECT, 14},
        {"<think>answer: 17</think>answer: 18", ASSAY_FINISH_END, ASSAY_OUTCOME_COMPLETE,
         ASSAY_VERDICT_CORRECT, ASSAY_VERDICT_CORRECT, 33},
        {"1 answer: 17</think>answer: 18", ASSAY_FINISH_END, ASSAY_OUTCOME_COMPLETE,
         ASSAY_VERDICT_CORRECT, ASSAY_VERDICT_CORRECT, 28},
        {"1<think>2</think>8, answer: 1<think></think>8", ASSAY_FINISH_END, ASSAY_OUTCOME_COMPLETE,
         ASSAY_VERDICT_CORRECT, ASSAY_VERDICT_CORRECT, 28},
        {"17 <think>answer: 18", ASSAY_FINISH_LENGTH, ASSAY_OUTCOME_UNCLOSED_THOUGHT,
         ASSAY_VERDICT_NO_ANSWER, ASSAY_VERDICT_INCORRECT, 0},
        {"```\nanswer: 18", ASSAY_FINISH_LENGTH, ASSAY_OUTCOME_UNCLOSED_FENCE,
         ASSAY_VERDICT_CORRECT, ASSAY_VERDICT_CORRECT, 12},
        {"```py\nanswer: 18\n ```\n", ASSAY_FINISH_END, ASSAY_OUTCOME_COMPLETE,
         ASSAY_VERDICT_CORRECT, ASSAY_VERDICT_CORRECT, 14},
        {"", ASSAY_FINISH_CONTEXT, ASSAY_OUTCOME_CUT_OFF, ASSAY_VERDICT_NO_ANSWER,
         ASSAY_VERDICT_NO_ANSWER, 0},
        {"answer: 18", ASSAY_FINISH_NONFINITE, ASSAY_OUTCOME_NONFINITE, ASSAY_VERDICT_FAILED,
         ASSAY_VERDICT_FAILED, 0},
    };
    const struct assay_spec spec = {
        .prompt = "{question}", .rules = rules, .rule_count = 2, .scorer = ASSAY_SCORER_NUMBER};
    struct assay_benchmark *benchmark;
    struct assay_judgement judgement = {0};
    struct assay_error err;
    (void)state;
    check_ok(assay_benchmark_parse(&benchmark, "items", data, sizeof data - 1, &spec, &err), &err);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct assay_span text = {rows[i].text, strlen(rows[i].text)};
        check_ok(assay_benchmark_judge(benchmark, 0, text, rows[i].finish, &judgement, &err), &err);
        const struct assay_grade *grade = &judgement.grade;
        if (grade->outcome != rows[i].outcome || judgement.verdict != rows[i].strict ||
            grade->flexible_verdict != rows[i].flexible || grade->flexible.start != rows[i].start) {
            fail_msg("row %zu: outcome %u, strict %u, flexible %u at %u", i, grade->outcome,
                     judgement.verdict, grade->flexible_verdict, grade->flexible.start);
        }
    }
    assay_judgement_fini(&judgement);
    assay_benchmark_close(benchmark);
}

static void csv_rows(void **state)
{
    static const struct {
        const char *text;
        enum assay_status status;
        const char *wanted; /* fields in brackets, a bar behind each row; or the message */
    } rows[] = {
        {"", ASSAY_OK, ""},
        {"a,b\n", ASSAY_OK, "[a][b]|"},
        {"a,b", ASSAY_OK, "[a][b]|"},
        {"a,\r\n\r\n,b\r\n", ASSAY_OK, "[a][]|[][b]|"},
        {"\"a,\"\"b\"\"\n\",c", ASSAY_OK, "[a,\"b\"\n][c]|"},
        {"\"\"\n", ASSAY_OK, "[]|"},
        {"a\rb,c", ASSAY_OK, "[a\rb][c]|"},
        {"a,\"b", ASSAY_EFORMAT, "opens on line 1 is never closed"},
        {"a\n\"b\n\n", ASSAY_EFORMAT, "opens on line 2 is never closed"},
        {"\"a\"b", ASSAY_EFORMAT, "behind a closing quote"},
        {"a\"b\"", ASSAY_EFORMAT, "a quote inside a field"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct assay_csv csv = {.text = rows[i].text, .size = strlen(rows[i].text), .line = 1};
        struct assay_csv_row row = {0};
        struct assay_bytes out = {0};
        struct assay_error err = {0};
        bool found = true;
        enum assay_status status = assay_bytes_append(&out, "", 0, &err);
        while (!status && found) {
            status = assay_csv_next(&csv, &row, &found, &err);
            for (size_t f = 0; !status && found && f < row.count; f++) {
                status = assay_bytes_format(&out, &err, "[%s]", assay_csv_field(&row, f));
            }
            if (!status && found) status = assay_bytes_append(&out, "|", 1, &err);
        }
        assert_int_equal(status, rows[i].status);
        if (status) {
            if (!strstr(err.text, rows[i].wanted)) fail_msg("row %zu: \"%s\"", i, err.text);
        } else {
            assert_string_equal((const char *)out.data, rows[i].wanted);
        }
        assay_bytes_fini(&out);
        assay_bytes_fini(&row.bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),
        cmocka_unit_test(outputs),
        cmocka_unit_test(csv_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Judging: extraction, normalisation, verdict. */
#include "assay/benchmark.h"
#include "base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <string.h>

#include <cmocka.h>

static const char item[] =
    "{\"id\":\"a\",\"question\":\"?\",\"accept\":[\"Paris\",\"-5\",\"caf\xc3\xa9\"]}";

static bool is_text(const struct assay_span *bytes, const char *text)
{
    return bytes->size == strlen(text) &&
           (bytes->size == 0 || !memcmp(bytes->data, text, bytes->size));
}

static void judges(void **state)
{
    static const struct {
        const char *pattern, *text, *answer;
        enum assay_finish finish;
        enum assay_verdict verdict;
    } rows[] = {
        {"^\\s*(.+)", "Paris", "paris", ASSAY_FINISH_END, ASSAY_VERDICT_CORRECT},
        {"^\\s*(.+)", "  \"PARIS.\"  \n", "paris", ASSAY_FINISH_LENGTH, ASSAY_VERDICT_CORRECT},
        {"^\\s*(.+)", "**Paris**!", "paris", ASSAY_FINISH_STOP, ASSAY_VERDICT_CORRECT},
        {"^\\s*(.+)", "\xe2\x80\x9cParis\xe2\x80\x9d", "paris", ASSAY_FINISH_END,
         ASSAY_VERDICT_CORRECT},
        {"^\\s*(.+)", "-5", "-5", ASSAY_FINISH_END, ASSAY_VERDICT_CORRECT},
        {"^\\s*(.+)", "5", "5", ASSAY_FINISH_END, ASSAY_VERDICT_INCORRECT},
        {"^\\s*(.+)", "Caf\xc3\xa9", "caf\xc3\xa9", ASSAY_FINISH_END, ASSAY_VERDICT_CORRECT},
        {"^\\s*(.+)", "Caf\xc3", "caf\xef\xbf\xbd", ASSAY_FINISH_LENGTH, ASSAY_VERDICT_INCORRECT},
        {"^\\s*(.+)", "\xff\xfe", "\xef\xbf\xbd\xef\xbf\xbd", ASSAY_FINISH_END,
         ASSAY_VERDICT_INCORRECT},
        {"^\\s*(.+)", "London", "london", ASSAY_FINISH_END, ASSAY_VERDICT_INCORRECT},
        {"^\\s*(.+)", "", "", ASSAY_FINISH_END, ASSAY_VERDICT_NO_ANSWER},
        {"^\\s*(.+)", " ... ", "", ASSAY_FINISH_END, ASSAY_VERDICT_NO_ANSWER},
        {"answer is (\\w+)", "The answer is Paris, I think", "paris", ASSAY_FINISH_END,
         ASSAY_VERDICT_CORRECT},
        {"answer is (\\w+)", "Paris", "", ASSAY_FINISH_END, ASSAY_VERDICT_NO_ANSWER},
        {"(x)?Paris", "Paris", "", ASSAY_FINISH_END, ASSAY_VERDICT_NO_ANSWER},
        {"^\\s*(.+)", "Paris", "", ASSAY_FINISH_NONFINITE, ASSAY_VERDICT_FAILED},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct assay_rule rule = {"strict", rows[i].pattern, ASSAY_TAKE_FIRST};
        struct assay_spec spec = {.prompt = "{question}", .rules = &rule, .rule_count = 1};
        struct assay_benchmark *benchmark;
        struct assay_judgement judgement = {0};
        struct assay_error err;
        assert_int_equal(
            assay_benchmark_parse(&benchmark, "items", item, sizeof item - 1, &spec, &err),
            ASSAY_OK);
        assert_int_equal(assay_benchmark_judge(
                             benchmark, 0, (struct assay_span){rows[i].text, strlen(rows[i].text)},
                             rows[i].finish, &judgement, &err),
                         ASSAY_OK);
        if (judgement.verdict != rows[i].verdict || !is_text(&judgement.answer, rows[i].answer)) {
            fail_msg("row %zu: verdict %d, answer \"%s\"", i, judgement.verdict,
                     judgement.answer.data);
        }
        assert_int_equal(judgement.score_micro,
                         rows[i].verdict == ASSAY_VERDICT_CORRECT ? ASSAY_SCORE_ONE : 0);
        assay_judgement_fini(&judgement);
        assay_benchmark_close(benchmark);
    }
}

/* A pattern that needs exponential time on an output finds nothing there: neither an endless run
 * nor the end of one. */
static void bounds_costly_pattern(void **state)
{
    (void)state;
    const struct assay_rule rule = {"strict", "^(?:(a+)+)+$", ASSAY_TAKE_FIRST};
    struct assay_spec spec = {.prompt = "{question}", .rules = &rule, .rule_count = 1};
    struct assay_benchmark *benchmark;
    struct assay_judgement judgement = {0};
    struct assay_error err;
    static const char text[] =
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!";
    assert_int_equal(assay_benchmark_parse(&benchmark, "items", item, sizeof item - 1, &spec, &err),
                     ASSAY_OK);
    assert_int_equal(assay_benchmark_judge(benchmark, 0, (struct assay_span){text, sizeof text - 1},
                                           ASSAY_FINISH_END, &judgement, &err),
                     ASSAY_OK);
    assert_int_equal(judgement.verdict, ASSAY_VERDICT_NO_ANSWER);
    assert_int_equal(judgement.score_micro, 0);
    assert_int_equal(judgement.answer.size, 0);
    assay_judgement_fini(&judgement);
    assay_benchmark_close(benchmark);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judges),
        cmocka_unit_test(bounds_costly_pattern),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

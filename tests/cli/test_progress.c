/* When progress is shown, and what it says. */
#include "cli/progress.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const uint64_t second = 1000000000;

static unsigned count_shown(enum assay_progress_form form, uint64_t step_ns, uint64_t end_ns)
{
    struct assay_progress_line line = {.form = form};
    unsigned shown = 0;
    for (uint64_t now = 1; now <= end_ns; now += step_ns) shown += assay_progress_due(&line, now);
    return shown;
}

static void lines_are_rare(void **state)
{
    (void)state;
    assert_int_equal(count_shown(ASSAY_PROGRESS_LINES, second / 100, 4 * second), 0);
    assert_int_equal(count_shown(ASSAY_PROGRESS_LINES, second / 100, 6 * second), 1);
    assert_int_equal(count_shown(ASSAY_PROGRESS_LINES, second / 100, 100 * second), 4);
    assert_int_equal(count_shown(ASSAY_PROGRESS_LINES, 40 * second, 100 * second), 2);
    assert_int_equal(count_shown(ASSAY_PROGRESS_NONE, second, 100 * second), 0);
}

static void a_drawn_line_is_seen_at_once(void **state)
{
    (void)state;
    assert_int_equal(count_shown(ASSAY_PROGRESS_DRAWN, second / 100, second / 10), 1);
    assert_int_equal(count_shown(ASSAY_PROGRESS_DRAWN, second / 100, second), 5);
}

static void what_it_says(void **state)
{
    (void)state;
    char text[ASSAY_PROGRESS_BYTES];
    struct assay_run_progress progress = {.samples_total = 200,
                                          .samples_resumed = 10,
                                          .samples_done = 50,
                                          .correct = 10,
                                          .tokens_per_second = 1234.4,
                                          .eta_seconds = 61};
    assay_progress_text(text, &progress);
    assert_string_equal(text, "50/200 samples   25 %  1234 tok/s  ETA 1:01  score 25.0 %");
    progress.samples_done = 10;
    progress.tokens_per_second = progress.eta_seconds = NAN;
    assay_progress_text(text, &progress);
    assert_string_equal(text, "10/200 samples    5 %");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_rare),
        cmocka_unit_test(a_drawn_line_is_seen_at_once),
        cmocka_unit_test(what_it_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

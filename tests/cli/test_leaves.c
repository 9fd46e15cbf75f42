/* Lists of samples: what they mean, and what is none. */
#include "harness/check.h"

#include "cli/leaves.h"

#include <stdlib.h>

static void lists(void **state)
{
    static const struct {
        const char *text;
        size_t count;
        uint64_t first, last;
    } rows[] = {{"0", 1, 0, 0},   {"7", 1, 7, 7},     {"3,1,2", 3, 1, 3},
                {"5-9", 5, 5, 9}, {"5-5,5", 1, 5, 5}, {"90-99,1,0-2", 13, 0, 99}};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint64_t *list = NULL;
        size_t count;
        struct assay_error err;
        check_ok(assay_leaves_parse(&list, &count, rows[i].text, 100, &err), &err);
        assert_int_equal(count, rows[i].count);
        assert_int_equal(list[0], rows[i].first);
        assert_int_equal(list[count - 1], rows[i].last);
        for (size_t k = 1; k < count; k++) assert_true(list[k - 1] < list[k]);
        free(list);
    }
}

static void refusals(void **state)
{
    static const char *const rows[] = {"",
                                       ",",
                                       "1,",
                                       ",1",
                                       "1,,2",
                                       "a",
                                       "1-",
                                       "-1",
                                       "3-2",
                                       "100",
                                       "+1",
                                       " 1",
                                       "1-2-3",
                                       "0x1",
                                       "99999999999999999999999999",
                                       "0-18446744073709551615"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint64_t *list = NULL;
        size_t count;
        struct assay_error err;
        check_refused(assay_leaves_parse(&list, &count, rows[i], 100, &err), ASSAY_EUSAGE, &err,
                      "--leaf");
        assert_null(list);
    }
    uint64_t *list = NULL;
    size_t count;
    struct assay_error err;
    check_refused(assay_leaves_parse(&list, &count, "0-999999,5", UINT64_MAX, &err), ASSAY_EUSAGE,
                  &err, "1000000 at most");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(lists), cmocka_unit_test(refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* assignment-1 and score-1: what is taken, what is refused, and that writing gives back what was
 * read. */
#include "harness/check.h"

#include "assay/assignment.h"
#include "submit/score.h"

#include <stdio.h>
#include <stdlib.h>

#define H "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define HEAD                                                                                       \
    "{\"benchmark\":\"" H "\",\"chain\":\"lab-1\",\"format\":\"assignment-1\",\"item_count\":5,"
#define TAIL                                                                                       \
    ",\"model\":\"" H "\",\"round\":2,\"round_seed\":\"" H "\",\"sampler\":\"" H                   \
    "\",\"samples_per_item\":32,\"site\":\"" H "\",\"spec\":\"" H "\",\"task\":7}\n"

static void test_assignment(void **state)
{
    static const char text[] = HEAD "\"items\":[0,3,4]" TAIL;
    struct assay_assignment read;
    struct assay_bytes again = {0};
    struct assay_error err;
    (void)state;
    check_ok(assay_assignment_parse(&read, text, sizeof text - 1, &err), &err);
    assert_int_equal(read.task, 7);
    assert_int_equal(read.round, 2);
    assert_int_equal(read.count, 3);
    assert_int_equal(read.items[1], 3);
    assert_int_equal(read.site[1], 0x23);
    check_ok(assay_assignment_write(&read, &again, &err), &err);
    assert_int_equal(again.size, sizeof text - 1);
    assert_memory_equal(again.data, text, again.size);
    assay_bytes_fini(&again);
    assay_assignment_fini(&read);
}

static void test_assignment_refused(void **state)
{
    static const struct {
        const char *text, *quoted;
    } rows[] = {
        {HEAD "\"items\":[]" TAIL, "items"},
        {HEAD "\"items\":7" TAIL, "items"},
        {HEAD "\"items\":[1,1]" TAIL, "element 1"},
        {HEAD "\"items\":[2,1]" TAIL, "element 1"},
        {HEAD "\"items\":[5]" TAIL, "less than 5"},
        {HEAD "\"items\":[-1]" TAIL, "element 0"},
        {HEAD "\"items\":[\"1\"]" TAIL, "element 0"},
        {HEAD "\"items\":[0,1,2,3,4,4]" TAIL, "item_count"},
        {"[]", "format"},
        {"{\"format\":\"receipt-1\"}", "\"receipt-1\""},
        {"{\"format\":\"assignment-1\",\"chain\":\"a b\"}", "chain"},
        {"{\"format\":\"assignment-1\",\"chain\":\"a\"}", "task"},
        {"{\"format\":\"assignment-1\",\"chain\":\"a\",\"task\":-1}", "task"},
        {"{\"format\":\"assignment-1\",\"chain\":\"a\",\"task\":1,\"round\":4294967296}", "round"},
        {"{\"format\":\"assignment-1\",\"chain\":\"a\",\"task\":1,\"round\":0,\"round_seed\":"
         "\"AB\"}",
         "round_seed"},
        {"{", "1:"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct assay_assignment read;
        struct assay_error err;
        check_refused(assay_assignment_parse(&read, rows[i].text, strlen(rows[i].text), &err),
                      ASSAY_EFORMAT, &err, rows[i].quoted);
    }
}

static void test_score(void **state)
{
    static const struct {
        const char *tail, *quoted; /* NULL: taken */
    } rows[] = {
        {"\"n\":9,\"sum\":3,\"bits\":\"0701\"}", NULL},
        {"\"n\":0,\"sum\":0,\"bits\":\"\"}", NULL},
        {"\"n\":9,\"sum\":10,\"bits\":\"0701\"}", "sum"},
        {"\"n\":9,\"sum\":3,\"bits\":\"07\"}", "9 bits"},
        {"\"n\":9,\"sum\":3,\"bits\":\"070G\"}", "9 bits"},
        {"\"n\":9,\"sum\":3}", "bits"},
        {"\"n\":400001,\"sum\":3,\"bits\":\"\"}", "400000"},
        {"\"n\":1.5,\"sum\":3,\"bits\":\"\"}", "\"n\""},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[512];
        struct assay_score score;
        struct assay_error err;
        int size = snprintf(text, sizeof text, "{\"root\":\"" H "\",\"statement\":\"" H "\",%s",
                            rows[i].tail);
        enum assay_status status = assay_score_parse(&score, text, (size_t)size, &err);
        if (rows[i].quoted) {
            check_refused(status, ASSAY_EFORMAT, &err, rows[i].quoted);
        } else {
            check_ok(status, &err);
            assay_score_fini(&score);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_assignment),
                                       cmocka_unit_test(test_assignment_refused),
                                       cmocka_unit_test(test_score)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

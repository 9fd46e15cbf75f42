/* The n-th allocation of an estimate's life fails: the status says so, and nothing leaks. GSL
 * allocates elsewhere and is not reached. */
#include "harness/check.h"

#include "table.h"

static unsigned allocations_left = UINT32_MAX;

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

/* Linked with --wrap: every allocation of our rooms here is a calloc. */
void *__wrap_calloc(size_t count, size_t size)
{
    if (allocations_left == 0) return NULL;
    if (allocations_left != UINT32_MAX) allocations_left--;
    return __real_calloc(count, size);
}

static enum assay_status trial(const struct table *table, const struct assay_results *results,
                               struct assay_error *err)
{
    struct assay_estimate_options options = {.resamples = 20000, .seed = 1};
    struct assay_estimates *estimates;
    struct assay_scores *scores;
    enum assay_status status = assay_scores_create(&scores, results, err);
    if (status) return status;
    assay_scores_destroy(scores);
    status = assay_estimate_create(&estimates, &table->scores, &options, err);
    if (!status) assay_estimate_destroy(estimates);
    return status;
}

static void every_allocation_may_fail(void **state)
{
    const struct assay_profile profile = {.draw = ASSAY_DRAW_IID};
    const struct assay_results results = {.item_count = 9000,
                                          .profile_count = 1,
                                          .stratum_count = 1,
                                          .replicates = 2,
                                          .sets = 1,
                                          .profiles = &profile};
    struct table *table = calloc(1, sizeof *table);
    unsigned failures = 0;
    (void)state;
    assert_non_null(table);
    table_begin(table, 200, 4, 1);
    for (size_t c = 0; c < 800; c++) {
        table_cell(table, c, 1);
        table_add(table, c, c % 7 ? ASSAY_SCORE_ONE : 0);
    }
    for (enum assay_status status = ASSAY_EMEMORY; status; failures++) {
        struct assay_error err = {0};
        allocations_left = failures;
        status = trial(table, &results, &err);
        allocations_left = UINT32_MAX;
        if (!status) break;
        assert_int_equal(status, ASSAY_EMEMORY);
        assert_non_null(strstr(err.text, "no memory for"));
    }
    assert_true(failures >= 6 && failures < 100);
    free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_allocation_may_fail)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Closed forms against numpy, scipy and statsmodels (tests/golden/estimates.txt), to 1e-12. */
#include "harness/check.h"

#include "golden.h"

static const char *where; /* the case, for messages */

/* Relative to the value; a value that is small by cancellation of numbers near 1, to 1e-15. */
static void check(const char *what, const struct assay_estimate *estimate, double got, double want)
{
    if (isnan(want) ? !isnan(got) : !(fabs(got - want) <= 1e-12 * fabs(want) + 1e-15)) {
        fail_msg("%s, %u items, %s: %.17g, but golden is %.17g", where, estimate->items, what, got,
                 want);
    }
}

static void check_interval(const char *what, const struct assay_estimate *estimate,
                           const struct assay_interval *interval, FILE *file)
{
    char method[32];
    double low, high, basis;
    assert_int_equal(fscanf(file, "%31s %lf %lf %lf", method, &low, &high, &basis), 4);
    assert_string_equal(assay_interval_method_name(interval->method), method);
    check(what, estimate, interval->low, low);
    check(what, estimate, interval->high, high);
    if (!isnan(basis)) check(what, estimate, interval->basis, basis);
    assert_int_equal(isnan(basis), assay_interval_basis_name(interval->method) == NULL);
    assert_int_equal(isnan(low), interval->reason != ASSAY_REASON_NONE);
}

static void check_estimate(const struct assay_estimate *estimate, FILE *file)
{
    double score, se_super, se_fixed, sd_run, se_independent;
    uint32_t samples = golden_number(file), items = golden_number(file);
    assert_int_equal(estimate->samples, samples);
    assert_int_equal(estimate->items, items);
    assert_int_equal(estimate->items_left_out, golden_number(file));
    assert_int_equal(estimate->tokens, 3 * samples);
    if (samples) assert_true(estimate->mean_tokens == 3);
    assert_int_equal(
        fscanf(file, "%lf %lf %lf %lf %lf", &score, &se_super, &se_fixed, &sd_run, &se_independent),
        5);
    check("score", estimate, estimate->score, score);
    check("se_super", estimate, estimate->se_super, se_super);
    check("se_fixed", estimate, estimate->se_fixed, se_fixed);
    check("sd_run", estimate, estimate->sd_run, sd_run);
    check("se_independent", estimate, estimate->se_independent, se_independent);
    check_interval("interval_super", estimate, &estimate->interval_super, file);
    check_interval("interval_fixed", estimate, &estimate->interval_fixed, file);
}

static void agrees_with_numpy_and_scipy(void **state)
{
    (void)state;
    struct table *table = calloc(1, sizeof *table);
    struct assay_estimates *estimates = NULL;
    FILE *file = fopen(ASSAY_TESTS "/golden/estimates.txt", "r");
    char word[16], name[32] = "";
    unsigned rows = 0, methods = 0;
    assert_non_null(file);
    assert_non_null(table);
    where = name;
    while (fscanf(file, "%15s", word) == 1) {
        if (strcmp(word, "case") == 0) {
            golden_case(table, name, file);
            assay_estimate_destroy(estimates);
            estimates = table_estimate(table, 0, 1);
        } else if (strcmp(word, "estimate") == 0) {
            const struct assay_estimate *estimate = golden_which(estimates, file);
            check_estimate(estimate, file);
            methods |=
                1u << estimate->interval_super.method | 1u << estimate->interval_fixed.method;
            rows++;
        } else {
            golden_skip_line(file);
        }
    }
    assert_int_equal(rows, 122);
    /* Every method but the two of the bootstrap and "none" has been seen. */
    assert_int_equal(methods, ((1u << ASSAY_INTERVAL_PERCENTILE) - 1) & ~1u);
    assay_estimate_destroy(estimates);
    fclose(file);
    free(table);
}

/* Two items, three profiles, four samples each, as a results file has them. */
static void takes_a_results_file(void **state)
{
    enum { ITEMS = 2, PROFILES = 3, K = 4 };
    const struct assay_profile profiles[PROFILES] = {
        {.draw = ASSAY_DRAW_STRAT}, {.draw = ASSAY_DRAW_IID}, {.draw = ASSAY_DRAW_LHS}};
    const uint32_t strata[ITEMS] = {1, 0};
    struct assay_results results = {.item_count = ITEMS,
                                    .profile_count = PROFILES,
                                    .stratum_count = 2,
                                    .replicates = K,
                                    .sets = 2,
                                    .profiles = profiles,
                                    .item_strata = strata};
    struct assay_scores *scores;
    (void)state;
    assert_int_equal(assay_scores_create(&scores, &results, NULL), ASSAY_OK);
    for (size_t c = 0; c < (size_t)ITEMS * PROFILES; c++) {
        assert_int_equal(scores->cell_offset[c], c * K);
        assert_int_equal(scores->cell_sets[c], 2);
    }
    assert_int_equal(scores->cell_offset[ITEMS * PROFILES], ITEMS * PROFILES * K);
    assert_int_equal(scores->profile_draws[0], ASSAY_DRAW_STRAT);
    assert_int_equal(scores->profile_draws[2], ASSAY_DRAW_LHS);
    assert_ptr_equal(scores->item_strata, strata);
    assay_scores_destroy(scores);
}

static void spread_of(struct table *table, uint32_t profiles, uint32_t k, uint32_t sets,
                      const uint64_t want[ASSAY_SPREAD_COUNT])
{
    for (size_t c = 0; c < 2 * (size_t)profiles; c++) {
        table_cell(table, c, sets);
        for (uint32_t j = 0; j < k; j++) table_add(table, c, j % 2 ? ASSAY_SCORE_ONE : 0);
    }
    struct assay_estimates *estimates = table_estimate(table, 0, 1);
    assert_memory_equal(estimates->all.cells, want, sizeof estimates->all.cells);
    assay_estimate_destroy(estimates);
}

static void tells_where_a_variance_comes_from(void **state)
{
    struct table *table = calloc(1, sizeof *table);
    (void)state;
    assert_non_null(table);
    table_begin(table, 2, 2, 1);
    table->draws[1] = ASSAY_DRAW_LHS;
    spread_of(table, 2, 4, 2, (uint64_t[]){2, 2, 0, 0});
    table_begin(table, 2, 2, 1);
    table->draws[1] = ASSAY_DRAW_LHS;
    spread_of(table, 2, 4, 1, (uint64_t[]){2, 0, 2, 0});
    table_begin(table, 2, 1, 1);
    spread_of(table, 1, 1, 1, (uint64_t[]){0, 0, 0, 2});
    free(table);
}

static void every_value_has_a_name(void **state)
{
    (void)state;
    for (int m = 0; m < ASSAY_INTERVAL_COUNT; m++) {
        assert_true(strlen(assay_interval_method_name((enum assay_interval_method)m)) > 2);
    }
    for (int r = 1; r < ASSAY_REASON_COUNT; r++) {
        assert_true(strlen(assay_reason_text((enum assay_reason)r)) > 8);
    }
    for (int s = 0; s < ASSAY_SPREAD_COUNT; s++) {
        assert_true(strlen(assay_spread_name((enum assay_spread)s)) > 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_numpy_and_scipy),
        cmocka_unit_test(takes_a_results_file),
        cmocka_unit_test(tells_where_a_variance_comes_from),
        cmocka_unit_test(every_value_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

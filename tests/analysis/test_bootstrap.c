/* The bootstrap against scipy.stats.bootstrap, and its reproducibility. */
#include "harness/check.h"

#include "golden.h"

enum { RESAMPLES = 300000, GOLDEN_RESAMPLES = 1000000 };

/* Monte-Carlo error of an endpoint. Of B resamples with normal density f = φ/SE: the quantile at
 * .025 has standard deviation sqrt(.025·.975/B)/f = 2.67·SE/√B; BCa adds z0, whose standard
 * deviation sqrt(.25/B)/φ(0) moves the endpoint's quantile twice as far, 2.51·SE/√B. Together below
 * 3.67·SE/√B, and the two programs' errors add as squares. Five of these; and one step of the grid
 * of resampled means, on which the quantile may fall to either side. */
static double tolerance(double se, double gap)
{
    return 5 * 3.67 * se * sqrt(1.0 / RESAMPLES + 1.0 / GOLDEN_RESAMPLES) + gap + 1e-12;
}

static void check(const char *name, const char *what, double got, double want, double within)
{
    if (!(fabs(got - want) <= within)) {
        fail_msg("%s, %s: %.9g, but scipy says %.9g (tolerance %.2g)", name, what, got, want,
                 within);
    }
}

static void agrees_with_scipy(void **state)
{
    (void)state;
    struct table *table = calloc(1, sizeof *table);
    struct assay_estimates *estimates = NULL;
    FILE *file = fopen(ASSAY_TESTS "/golden/estimates.txt", "r");
    char word[16], name[32] = "";
    unsigned rows = 0;
    assert_non_null(file);
    assert_non_null(table);
    while (fscanf(file, "%15s", word) == 1) {
        double gap, low, high, bca_low, bca_high;
        if (strcmp(word, "case") == 0) {
            golden_case(table, name, file);
            assay_estimate_destroy(estimates);
            estimates = NULL;
        } else if (strcmp(word, "bootstrap") == 0) {
            if (!estimates) estimates = table_estimate(table, RESAMPLES, 7);
            const struct assay_estimate *estimate = golden_which(estimates, file);
            assert_int_equal(
                fscanf(file, "%lf %lf %lf %lf %lf", &gap, &low, &high, &bca_low, &bca_high), 5);
            double within = tolerance(estimate->se_super, gap);
            check(name, "percentile low", estimate->percentile.low, low, within);
            check(name, "percentile high", estimate->percentile.high, high, within);
            check(name, "bca low", estimate->bca.low, bca_low, within);
            check(name, "bca high", estimate->bca.high, bca_high, within);
            rows++;
        } else {
            golden_skip_line(file);
        }
    }
    assert_int_equal(rows, 15);
    assay_estimate_destroy(estimates);
    fclose(file);
    free(table);
}

/* Five items right and five wrong: the resamples are symmetric, so there is no bias to correct. A
 * quarter of them tie with the score; were ties not counted half, z0 would be .3 and BCa's low end
 * one item higher. */
static void counts_ties_half(void **state)
{
    struct table *table = calloc(1, sizeof *table);
    (void)state;
    assert_non_null(table);
    table_begin(table, 10, 1, 1);
    for (size_t i = 0; i < 10; i++) {
        table_cell(table, i, 1);
        table_add(table, i, i % 2 ? ASSAY_SCORE_ONE : 0);
    }
    struct assay_estimates *estimates = table_estimate(table, 10000, 3);
    assert_true(fabs(estimates->all.percentile.low - 0.2) < 1e-12);
    assert_true(fabs(estimates->all.bca.low - 0.2) < 1e-12);
    assert_true(fabs(estimates->all.bca.high - 0.8) < 1e-12);
    assay_estimate_destroy(estimates);
    free(table);
}

/* `values` different item means over `items` items of `values` − 1 samples. */
static void fill(struct table *table, uint32_t items, uint32_t values)
{
    table_begin(table, items, 1, 1);
    for (uint32_t i = 0; i < items; i++) {
        table_cell(table, i, 1);
        for (uint32_t j = 0; j + 1 < values; j++) {
            table_add(table, i, j < i * 7 % values ? ASSAY_SCORE_ONE : 0);
        }
    }
}

static bool same(const struct assay_interval *a, const struct assay_interval *b)
{
    return a->low == b->low && a->high == b->high && a->method == b->method;
}

/* Both ways to draw: by items (few of them for a value) and by values. */
static void repeats_itself_by_seed(void **state)
{
    static const struct {
        uint32_t items, values;
    } rows[] = {{12, 4}, {40, 9}, {200, 2}, {250, 5}};
    struct table *table = calloc(1, sizeof *table);
    (void)state;
    assert_non_null(table);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fill(table, rows[i].items, rows[i].values);
        struct assay_estimates *once = table_estimate(table, 501, 4294967295);
        struct assay_estimates *again = table_estimate(table, 501, 4294967295);
        struct assay_estimates *more = table_estimate(table, 502, 4294967295);
        assert_true(same(&once->all.percentile, &again->all.percentile));
        assert_true(same(&once->all.bca, &again->all.bca));
        /* The only profile and stratum are all there is, and each starts the generator anew. */
        assert_true(same(&once->all.bca, &once->profiles[0].bca));
        assert_true(same(&once->all.bca, &once->strata[0].bca));
        unsigned differs = !same(&once->all.bca, &more->all.bca);
        for (uint32_t seed = 1; seed <= 8; seed++) {
            struct assay_estimates *other = table_estimate(table, 501, seed);
            differs += !same(&once->all.bca, &other->all.bca) ||
                       !same(&once->all.percentile, &other->all.percentile);
            assay_estimate_destroy(other);
        }
        assert_true(differs >= 4); /* a grid of few values may give equal endpoints */
        assay_estimate_destroy(once);
        assay_estimate_destroy(again);
        assay_estimate_destroy(more);
    }
    free(table);
}

static void check_none(const struct table *table, uint32_t resamples, enum assay_reason reason)
{
    struct assay_estimates *estimates = table_estimate(table, resamples, 1);
    assert_int_equal(estimates->all.percentile.reason, reason);
    assert_int_equal(estimates->all.bca.reason, reason);
    assert_int_equal(estimates->all.bca.method, ASSAY_INTERVAL_NONE);
    assert_true(isnan(estimates->all.bca.low) && isnan(estimates->all.percentile.high));
    assay_estimate_destroy(estimates);
}

static void says_why_there_is_none(void **state)
{
    struct table *table = calloc(1, sizeof *table);
    (void)state;
    assert_non_null(table);
    fill(table, 12, 4);
    check_none(table, 0, ASSAY_REASON_SWITCHED_OFF);
    check_none(table, 1, ASSAY_REASON_FEW_RESAMPLES);
    fill(table, 1, 4);
    check_none(table, 1000, ASSAY_REASON_ONE_ITEM);
    fill(table, 3, 1); /* empty cells */
    check_none(table, 1000, ASSAY_REASON_NO_ITEM);
    table_begin(table, 2, 2, 1); /* .1 + .7 and .4 + .4: equal but for rounding */
    static const uint32_t tenths[] = {1, 7, 4, 4};
    for (size_t c = 0; c < 4; c++) {
        table_cell(table, c, 1);
        table_add(table, c, tenths[c] * 100000);
    }
    check_none(table, 1000, ASSAY_REASON_EQUAL_ITEMS);
    free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_scipy),
        cmocka_unit_test(counts_ties_half),
        cmocka_unit_test(repeats_itself_by_seed),
        cmocka_unit_test(says_why_there_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

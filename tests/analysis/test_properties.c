/* What holds for every table: no NaN beside an interval, no interval without width or outside 0 …
 * 1, a reason wherever there is none; over thousands of small random tables. */
#include "harness/check.h"

#include "table.h"

enum { TABLES = 4000, RESAMPLES = 100 };

static uint64_t random_state;

/* 0 … below − 1, from the high bits of a linear congruence (Knuth's MMIX). */
static uint32_t random_below(uint32_t below)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((random_state >> 33) % below);
}

static uint32_t random_score(uint32_t kind)
{
    switch (kind) {
    case 0:
        return 0;
    case 1:
        return ASSAY_SCORE_ONE;
    case 2:
        return random_below(2) * ASSAY_SCORE_ONE;
    case 3:
        return random_below(40) ? ASSAY_SCORE_ONE : 0;
    case 4:
        return random_below(4) * 333333;
    default:
        return random_below(ASSAY_SCORE_ONE + 1);
    }
}

static void fill(struct table *table)
{
    uint32_t profiles = 1 + random_below(3), strata = 1 + random_below(3);
    uint32_t items = 1 + random_below(random_below(8) ? 6 : 40), k_max = 1 + random_below(5);
    uint32_t kind = random_below(6), empty = random_below(3);
    table_begin(table, items, profiles, strata);
    for (uint32_t p = 0; p < profiles; p++) table->draws[p] = (enum assay_draw)random_below(4);
    for (uint32_t i = 0; i < items; i++) {
        table->strata[i] = random_below(strata);
        uint32_t item_kind = random_below(2) ? kind : random_below(6);
        for (size_t c = (size_t)i * profiles; c < (size_t)(i + 1) * profiles; c++) {
            uint32_t k = empty == 0 && random_below(6) == 0 ? 0 : 1 + random_below(k_max);
            table_cell(table, c, k && k % 2 == 0 && random_below(2) ? 2 : 1);
            for (uint32_t j = 0; j < k; j++) table_add(table, c, random_score(item_kind));
        }
    }
}

static void check_interval(const struct assay_estimate *estimate,
                           const struct assay_interval *interval, bool around)
{
    if (interval->reason != ASSAY_REASON_NONE) {
        assert_true(isnan(interval->low) && isnan(interval->high));
        return;
    }
    assert_true(interval->low >= 0 && interval->high <= 1); /* false for NaN */
    assert_true(interval->high - interval->low > 1e-9);
    assert_true(isfinite(interval->basis) && interval->basis >= 0);
    if (around) {
        assert_true(interval->low <= estimate->score && estimate->score <= interval->high);
    }
}

static void check_estimate(const struct assay_estimate *estimate, bool two_samples)
{
    bool some = estimate->items > 0;
    assert_int_equal(!isnan(estimate->score), some);
    assert_int_equal(!isnan(estimate->se_super), estimate->items > 1);
    assert_int_equal(!isnan(estimate->se_fixed), some && two_samples);
    assert_int_equal(estimate->interval_super.reason != ASSAY_REASON_NONE, !some);
    assert_int_equal(estimate->interval_fixed.reason != ASSAY_REASON_NONE, !some || !two_samples);
    check_interval(estimate, &estimate->interval_super, true);
    check_interval(estimate, &estimate->interval_fixed, true);
    check_interval(estimate, &estimate->percentile, false);
    check_interval(estimate, &estimate->bca, false);
    if (!some) return;
    assert_true(estimate->score >= 0 && estimate->score <= 1);
    if (estimate->items > 1) assert_true(estimate->se_super >= 0);
    if (!two_samples) return;
    assert_true(estimate->se_fixed >= 0 && estimate->sd_run >= 0 && estimate->se_independent >= 0);
}

static void every_table_has_sound_intervals(void **state)
{
    struct table *table = calloc(1, sizeof *table);
    unsigned methods = 0;
    (void)state;
    assert_non_null(table);
    for (uint64_t t = 0; t < TABLES; t++) {
        random_state = t;
        fill(table);
        bool two_samples = false;
        size_t cells = (size_t)table->scores.item_count * table->scores.profile_count;
        for (size_t c = 0; c < cells; c++) {
            two_samples |= table->offset[c + 1] - table->offset[c] >= 2;
        }
        struct assay_estimates *estimates = table_estimate(table, RESAMPLES, 1);
        check_estimate(&estimates->all, two_samples);
        for (uint32_t p = 0; p < estimates->profile_count; p++) {
            check_estimate(&estimates->profiles[p], two_samples);
        }
        double squares = 0;
        for (uint32_t s = 0; s < estimates->stratum_count; s++) {
            const struct assay_estimate *stratum = &estimates->strata[s];
            check_estimate(stratum, two_samples);
            if (stratum->items) squares += pow(stratum->items * stratum->se_fixed, 2);
            methods |= 1u << stratum->interval_super.method | 1u << stratum->interval_fixed.method;
        }
        /* Strata are independent parts of F: their squared errors add up to the whole. */
        double whole = pow(estimates->all.items * estimates->all.se_fixed, 2);
        if (estimates->all.items && two_samples) {
            assert_true(fabs(whole - squares) <= 1e-12 * (1 + squares));
        }
        assay_estimate_destroy(estimates);
    }
    assert_int_equal(methods, ((1u << ASSAY_INTERVAL_PERCENTILE) - 1) & ~1u); /* all were met */
    free(table);
}

/* The order of items and which profile is first change nothing but rounding. */
static void order_does_not_matter(void **state)
{
    struct table *table = calloc(2, sizeof *table), *turned = table + 1;
    (void)state;
    assert_non_null(table);
    for (uint64_t t = 0; t < 200; t++) {
        random_state = t + TABLES;
        fill(table);
        uint32_t profiles = table->scores.profile_count, items = table->scores.item_count;
        size_t cells = (size_t)items * profiles;
        table_begin(turned, items, profiles, table->scores.stratum_count);
        for (uint32_t p = 0; p < profiles; p++) turned->draws[p] = table->draws[profiles - 1 - p];
        for (uint32_t i = 0; i < items; i++) turned->strata[i] = table->strata[items - 1 - i];
        for (size_t c = 0; c < cells; c++) {
            size_t from = cells - 1 - c;
            table_cell(turned, c, table->sets[from]);
            for (uint64_t j = table->offset[from]; j < table->offset[from + 1]; j++) {
                table_add(turned, c, table->score[j]);
            }
        }
        struct assay_estimates *a = table_estimate(table, 0, 1);
        struct assay_estimates *b = table_estimate(turned, 0, 1);
        assert_int_equal(a->all.interval_super.method, b->all.interval_super.method);
        assert_int_equal(a->all.interval_fixed.method, b->all.interval_fixed.method);
        if (a->all.items) {
            assert_true(fabs(a->all.score - b->all.score) < 1e-12);
            assert_true(fabs(a->all.interval_super.low - b->all.interval_super.low) < 1e-9);
        }
        if (a->all.interval_fixed.reason == ASSAY_REASON_NONE) {
            assert_true(fabs(a->all.interval_fixed.low - b->all.interval_fixed.low) < 1e-9);
        }
        assay_estimate_destroy(a);
        assay_estimate_destroy(b);
    }
    free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_table_has_sound_intervals),
        cmocka_unit_test(order_does_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

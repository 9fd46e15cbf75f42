/* Estimates against numpy's (tests/golden/estimates.txt), to 1e-12. */
#include "assay/estimate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLES_MAX = 4096, ITEMS_MAX = 64, PROFILES_MAX = 8 };

/* One case, with the storage its columns point into. */
struct fixture {
    struct assay_results results;
    struct assay_profile profiles[PROFILES_MAX];
    uint32_t score[SAMPLES_MAX], strata[ITEMS_MAX];
    uint8_t verdict[SAMPLES_MAX];
    uint64_t offset[SAMPLES_MAX + 1];
};

static enum assay_draw draw_of(const char *name)
{
    for (int draw = 0; draw <= ASSAY_DRAW_LATTICE; draw++) {
        static const char *const names[] = {"iid", "lhs", "strat", "lattice"};
        if (strcmp(names[draw], name) == 0) return (enum assay_draw)draw;
    }
    fail_msg("draw \"%s\"", name);
    return ASSAY_DRAW_IID;
}

static void read_case(struct fixture *fixture, FILE *file, const char *line)
{
    unsigned items, profiles, replicates, sets, strata;
    char draw[16];
    assert_int_equal(sscanf(line, "case %u %u %u %u %15s %u", &items, &profiles, &replicates, &sets,
                            draw, &strata),
                     6);
    fixture->results =
        (struct assay_results){.item_count = items,
                               .profile_count = profiles,
                               .replicates = replicates,
                               .sets = sets,
                               .stratum_count = strata,
                               .sample_count = (uint64_t)items * profiles * replicates,
                               .profiles = fixture->profiles,
                               .score_micro = fixture->score,
                               .verdict = fixture->verdict,
                               .item_strata = fixture->strata,
                               .token_offset = fixture->offset};
    assert_true(fixture->results.sample_count <= SAMPLES_MAX && items <= ITEMS_MAX);
    for (unsigned p = 0; p < profiles; p++) fixture->profiles[p].draw = draw_of(draw);
    size_t at = 0;
    for (unsigned i = 0; i < items; i++) {
        assert_int_equal(fscanf(file, "%u", &fixture->strata[i]), 1);
        for (unsigned j = 0; j < profiles * replicates; j++, at++) {
            assert_int_equal(fscanf(file, "%u", &fixture->score[at]), 1);
            fixture->verdict[at] = fixture->score[at] == ASSAY_SCORE_ONE;
            fixture->offset[at + 1] = fixture->offset[at] + 3;
        }
    }
}

static void check(const char *name, double got, double want)
{
    if (isnan(want) ? !isnan(got) : !(fabs(got - want) <= 1e-12)) {
        fail_msg("%s: %.17g, numpy says %.17g", name, got, want);
    }
}

static void agrees_with_numpy(void **state)
{
    (void)state;
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct assay_estimates *estimates = NULL;
    FILE *file = fopen(ASSAY_TESTS "/golden/estimates.txt", "r");
    char line[4096], kind[16];
    unsigned index, rows = 0;
    double score, se_fixed, se_super;
    assert_non_null(file);
    assert_non_null(fixture);
    while (fgets(line, sizeof line, file)) {
        if (strncmp(line, "case", 4) == 0) {
            read_case(fixture, file, line);
            assay_estimate_destroy(estimates);
            assert_int_equal(assay_estimate_create(&estimates, &fixture->results, NULL), ASSAY_OK);
            continue;
        }
        if (sscanf(line, "%15s %u %lf %lf %lf", kind, &index, &score, &se_fixed, &se_super) != 5) {
            continue;
        }
        const struct assay_estimate *estimate = strcmp(kind, "all") == 0 ? &estimates->all
                                                : strcmp(kind, "profile") == 0
                                                    ? &estimates->profiles[index]
                                                    : &estimates->strata[index];
        check("score", estimate->score, score);
        check("se_fixed", estimate->se_fixed, se_fixed);
        check("se_super", estimate->se_super, se_super);
        assert_true(estimate->mean_tokens == 3);
        rows++;
    }
    assert_int_equal(rows, 38);
    assay_estimate_destroy(estimates);
    fclose(file);
    free(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(agrees_with_numpy)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

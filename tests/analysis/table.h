/* Small tables of scores for the tests, with the storage that they point into. */
#ifndef ASSAY_TESTS_ANALYSIS_TABLE_H
#define ASSAY_TESTS_ANALYSIS_TABLE_H

#include "assay/estimate.h"

#include <stdlib.h>
#include <string.h>

enum {
    SAMPLES_MAX = 4096,
    ITEMS_MAX = 256,
    PROFILES_MAX = 4,
    CELLS_MAX = ITEMS_MAX * PROFILES_MAX
};

struct table {
    struct assay_scores scores;
    enum assay_draw draws[PROFILES_MAX];
    uint32_t score[SAMPLES_MAX], strata[ITEMS_MAX], sets[CELLS_MAX];
    uint8_t verdict[SAMPLES_MAX];
    uint64_t offset[CELLS_MAX + 1], tokens[SAMPLES_MAX + 1];
};

/* An empty table: cells follow by table_cell, items × profiles of them. */
static inline void table_begin(struct table *table, uint32_t items, uint32_t profiles,
                               uint32_t strata)
{
    assert_true(items <= ITEMS_MAX && profiles <= PROFILES_MAX);
    memset(table, 0, sizeof *table);
    table->scores = (struct assay_scores){.item_count = items,
                                          .profile_count = profiles,
                                          .stratum_count = strata,
                                          .item_strata = table->strata,
                                          .profile_draws = table->draws,
                                          .cell_offset = table->offset,
                                          .cell_sets = table->sets,
                                          .score_micro = table->score,
                                          .verdict = table->verdict,
                                          .token_offset = table->tokens};
}

/* The next sample of cell c; three output tokens each. */
static inline void table_add(struct table *table, size_t c, uint32_t score)
{
    uint64_t at = table->offset[c + 1];
    assert_true(at < SAMPLES_MAX);
    table->score[at] = score;
    table->verdict[at] = score == ASSAY_SCORE_ONE;
    table->tokens[at + 1] = table->tokens[at] + 3;
    table->offset[c + 1] = at + 1;
}

static inline void table_cell(struct table *table, size_t c, uint32_t sets)
{
    table->offset[c + 1] = table->offset[c];
    table->sets[c] = sets;
}

static inline struct assay_estimates *table_estimate(const struct table *table, uint32_t resamples,
                                                     uint32_t seed)
{
    struct assay_estimates *estimates;
    struct assay_estimate_options options = {resamples, seed};
    assert_int_equal(assay_estimate_create(&estimates, &table->scores, &options, NULL), ASSAY_OK);
    return estimates;
}

#endif

/* Reads tests/golden/estimates.txt (its form: golden.py) one entry at a time. */
#ifndef ASSAY_TESTS_ANALYSIS_GOLDEN_H
#define ASSAY_TESTS_ANALYSIS_GOLDEN_H

#include "table.h"

#include <stdio.h>

static inline enum assay_draw golden_draw(const char *name)
{
    for (int draw = 0; draw <= ASSAY_DRAW_LATTICE; draw++) {
        static const char *const names[] = {"iid", "lhs", "strat", "lattice"};
        if (strcmp(names[draw], name) == 0) return (enum assay_draw)draw;
    }
    fail_msg("draw \"%s\"", name);
    return ASSAY_DRAW_IID;
}

static inline uint32_t golden_number(FILE *file)
{
    unsigned number;
    assert_int_equal(fscanf(file, "%u", &number), 1);
    return number;
}

/* The rest of a case, its word read. */
static inline void golden_case(struct table *table, char name[32], FILE *file)
{
    char draw[16];
    assert_int_equal(fscanf(file, "%31s", name), 1);
    uint32_t items = golden_number(file), profiles = golden_number(file);
    table_begin(table, items, profiles, golden_number(file));
    for (uint32_t p = 0; p < profiles; p++) {
        assert_int_equal(fscanf(file, "%15s", draw), 1);
        table->draws[p] = golden_draw(draw);
    }
    for (uint32_t i = 0; i < items; i++) {
        table->strata[i] = golden_number(file);
        for (uint32_t p = 0; p < profiles; p++) {
            uint32_t k = golden_number(file);
            size_t c = (size_t)i * profiles + p;
            table_cell(table, c, golden_number(file));
            for (uint32_t j = 0; j < k; j++) table_add(table, c, golden_number(file));
        }
    }
}

/* Which estimate a line is about: "all 0", "profile 2", "stratum 1". */
static inline const struct assay_estimate *golden_which(const struct assay_estimates *estimates,
                                                        FILE *file)
{
    char kind[16];
    assert_int_equal(fscanf(file, "%15s", kind), 1);
    uint32_t index = golden_number(file);
    if (strcmp(kind, "all") == 0) return &estimates->all;
    if (strcmp(kind, "profile") == 0) return &estimates->profiles[index];
    assert_string_equal(kind, "stratum");
    return &estimates->strata[index];
}

static inline void golden_skip_line(FILE *file)
{
    for (int c = fgetc(file); c != '\n' && c != EOF; c = fgetc(file)) continue;
}

#endif

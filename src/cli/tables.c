/* The report as tables for a terminal. */
#include "cli/partial.h"
#include "cli/report.h"

#include "cli/summary.h"
#include "cli/tally.h"
#include "cli/table.h"
#include "crypto/digest.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* Settings of a profile: column name, and the value that switches the setting off. A setting that
 * every profile switches off gets no column. */
enum setting { TEMPERATURE, TOP_P, TOP_K, MIN_P, PENALTY, SETTING_COUNT };
static const struct {
    const char *name;
    uint32_t off;
} settings[] = {[TEMPERATURE] = {"temp", UINT32_MAX},
                [TOP_P] = {"top-p", 1000},
                [TOP_K] = {"top-k", 0},
                [MIN_P] = {"min-p", 0},
                [PENALTY] = {"penalty", 1000}};
static_assert(sizeof settings / sizeof settings[0] == SETTING_COUNT, "one row per setting");

static uint32_t setting_of(const struct assay_profile *profile, unsigned setting)
{
    const uint32_t values[] = {[TEMPERATURE] = profile->temperature_milli,
                               [TOP_P] = profile->top_p_milli,
                               [TOP_K] = profile->top_k,
                               [MIN_P] = profile->min_p_milli,
                               [PENALTY] = profile->repetition_penalty_milli};
    return values[setting];
}

static bool is_used(const struct assay_results *results, unsigned setting)
{
    for (uint32_t p = 0; p < results->profile_count; p++) {
        if (setting_of(&results->profiles[p], setting) != settings[setting].off) return true;
    }
    return false;
}

static void cell_setting(struct assay_table *table, unsigned column, unsigned setting,
                         uint32_t value)
{
    char text[24];
    if (value == settings[setting].off) {
        assay_table_cell(table, column, "–");
    } else if (setting == TOP_K) {
        assay_table_cell(table, column, "%u", value);
    } else { /* thousandths, without idle zeros */
        int length = snprintf(text, sizeof text, "%u.%03u", value / 1000, value % 1000);
        while (text[length - 1] == '0' && text[length - 2] != '.') text[--length] = 0;
        assay_table_cell(table, column, "%s", text);
    }
}

/* A standard error of exactly 0 gets a star; the line below the tables says what it means. */
static void cell_percent(struct assay_table *table, unsigned column, double value, bool is_error)
{
    if (isnan(value)) {
        assay_table_cell(table, column, "n/a");
    } else if (is_error && value == 0) {
        assay_table_cell(table, column, "0.00*");
    } else {
        assay_table_cell(table, column, "%.2f", 100 * value);
    }
}

static void cells_of(struct assay_table *table, unsigned from,
                     const struct assay_estimate *estimate)
{
    const struct assay_interval *interval = &estimate->interval_super;
    assay_table_cell(table, from, "%llu", (unsigned long long)estimate->samples);
    cell_percent(table, from + 1, estimate->score, false);
    cell_percent(table, from + 2, estimate->se_fixed, true);
    cell_percent(table, from + 3, estimate->se_super, true);
    if (interval->reason == ASSAY_REASON_NONE) {
        assay_table_cell(table, from + 4, "%.2f–%.2f", 100 * interval->low, 100 * interval->high);
    } else {
        assay_table_cell(table, from + 4, "n/a");
    }
    if (estimate->samples > 0) {
        assay_table_cell(table, from + 5, "%.1f", estimate->mean_tokens);
    } else {
        assay_table_cell(table, from + 5, "n/a");
    }
}

static void head_numbers(struct assay_table *table, unsigned from)
{
    static const char *const names[] = {"samples", "score %", "± F", "± S", "95 % by S", "tokens"};
    for (unsigned c = 0; c < sizeof names / sizeof names[0]; c++) {
        assay_table_cell(table, from + c, "%s", names[c]);
    }
}

static void print_profiles(struct assay_table *table, const struct assay_results *results,
                           const struct assay_estimates *estimates)
{
    unsigned shown[SETTING_COUNT], count = 0;
    for (unsigned s = 0; s < SETTING_COUNT; s++) {
        if (is_used(results, s)) shown[count++] = s;
    }
    assay_table_row(table);
    assay_table_cell(table, 0, "profile");
    for (unsigned c = 0; c < count; c++) {
        assay_table_cell(table, 1 + c, "%s", settings[shown[c]].name);
    }
    assay_table_cell(table, 1 + count, "draw");
    head_numbers(table, 2 + count);
    for (uint32_t p = 0; p < results->profile_count; p++) {
        const struct assay_profile *profile = &results->profiles[p];
        assay_table_row(table);
        assay_table_cell(table, 0, "%s", profile->name);
        for (unsigned c = 0; c < count; c++) {
            cell_setting(table, 1 + c, shown[c], setting_of(profile, shown[c]));
        }
        assay_table_cell(table, 1 + count, "%s", assay_draw_name(profile->draw));
        cells_of(table, 2 + count, &estimates->profiles[p]);
    }
    assay_table_row(table);
    assay_table_cell(table, 0, "all");
    cells_of(table, 2 + count, &estimates->all);
    assay_table_print(table, stdout, table->rows - 1);
}

static void print_strata(struct assay_table *table, const struct assay_results *results,
                         const struct assay_estimates *estimates)
{
    assay_table_row(table);
    assay_table_cell(table, 0, "stratum");
    assay_table_cell(table, 1, "items");
    head_numbers(table, 2);
    for (uint32_t s = 0; s < results->stratum_count; s++) {
        assay_table_row(table);
        assay_table_cell(table, 0, "%s", results->stratum_names[s]);
        assay_table_cell(table, 1, "%u", estimates->strata[s].items);
        cells_of(table, 2, &estimates->strata[s]);
    }
    assay_table_print(table, stdout, 0);
}

static bool is_starred(const struct assay_estimate *estimates, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (estimates[i].se_fixed == 0 || estimates[i].se_super == 0) return true;
    }
    return false;
}

static enum assay_status print_scores(const struct assay_results *results,
                                      const struct assay_estimates *estimates,
                                      struct assay_error *err)
{
    struct assay_table *tables = calloc(2, sizeof *tables);
    if (!tables) return assay_fail(err, ASSAY_EMEMORY, "no memory for the tables");
    printf("%s · %s\n%u items × %u profiles × %u replicates (%u set%s) = %llu samples\n\n",
           results->spec_name, results->model_name, results->item_count, results->profile_count,
           results->replicates, results->sets, results->sets == 1 ? "" : "s",
           (unsigned long long)results->sample_count);
    print_profiles(&tables[0], results, estimates);
    printf("\n");
    print_strata(&tables[1], results, estimates);
    if (is_starred(&estimates->all, 1) ||
        is_starred(estimates->profiles, estimates->profile_count) ||
        is_starred(estimates->strata, estimates->stratum_count)) {
        printf("\n* these samples show no spread; that is no error of 0: see the intervals\n");
    }
    printf("\n");
    assay_summary_print(estimates);
    free(tables);
    return ASSAY_OK;
}

enum assay_status assay_report_print(const struct assay_results *results,
                                     const struct assay_estimates *estimates,
                                     struct assay_error *err)
{
    char hex[ASSAY_DIGEST_HEX];
    enum assay_status status = print_scores(results, estimates, err);
    if (status) return status;
    const struct assay_tally tally = assay_tally_of(results);
    assay_tally_print(&tally);
    printf("\nrecords digest  %s\nresults file    %s\n",
           assay_digest_hex(&results->records_digest, hex), results->path);
    return ASSAY_OK;
}

enum assay_status assay_report_print_partial(const struct assay_partial *partial,
                                             const struct assay_estimates *estimates,
                                             struct assay_error *err)
{
    enum assay_status status = print_scores(&partial->head, estimates, err);
    if (status) return status;
    printf("\nnot finished    %llu of %llu samples (%.1f %%), %u of %u items complete enough to "
           "count\n                this is the score of those items so far, not of the benchmark\n"
           "journal         %s\n",
           (unsigned long long)partial->samples_done, (unsigned long long)partial->samples_total,
           100 * (double)partial->samples_done / (double)partial->samples_total,
           estimates->all.items, partial->head.item_count, partial->head.path);
    return ASSAY_OK;
}

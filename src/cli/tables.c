/* The report as tables for a terminal. */
#include "cli/report.h"

#include "assay/estimate.h"
#include "cli/table.h"
#include "crypto/digest.h"

#include <stdio.h>
#include <stdlib.h>

enum { COLUMN_SAMPLES = 6, COLUMN_SCORE, COLUMN_FIXED, COLUMN_SUPER, COLUMN_TOKENS };

/* Thousandths as a decimal without idle zeros; the value that switches the setting off as a dash.
 */
static void cell_milli(struct assay_table *table, unsigned column, uint32_t milli, uint32_t off)
{
    char text[24];
    int length = snprintf(text, sizeof text, "%u.%03u", milli / 1000, milli % 1000);
    while (text[length - 1] == '0' && text[length - 2] != '.') text[--length] = 0;
    assay_table_cell(table, column, "%s", milli == off ? "–" : text);
}

static void cell_percent(struct assay_table *table, unsigned column, double value, const char *sign)
{
    if (isnan(value)) {
        assay_table_cell(table, column, "%sn/a", sign);
    } else {
        assay_table_cell(table, column, "%s%.2f", sign, 100 * value);
    }
}

static void cells_of(struct assay_table *table, unsigned from,
                     const struct assay_estimate *estimate)
{
    assay_table_cell(table, from, "%llu", (unsigned long long)estimate->samples);
    cell_percent(table, from + 1, estimate->score, "");
    cell_percent(table, from + 2, estimate->se_fixed, "± ");
    cell_percent(table, from + 3, estimate->se_super, "± ");
    assay_table_cell(table, from + 4, "%.1f", estimate->mean_tokens);
}

static void head(struct assay_table *table, unsigned from, const char *const *names)
{
    static const char *const numbers[] = {"samples", "score %", "F", "S", "tokens"};
    assay_table_row(table);
    for (unsigned c = 0; c < from; c++) assay_table_cell(table, c, "%s", names[c]);
    for (unsigned c = 0; c < 5; c++) assay_table_cell(table, from + c, "%s", numbers[c]);
}

static void print_profiles(struct assay_table *table, const struct assay_results *results,
                           const struct assay_estimates *estimates)
{
    static const char *const names[] = {"profile", "temp", "top-p", "top-k", "penalty", "draw"};
    head(table, COLUMN_SAMPLES, names);
    for (uint32_t p = 0; p < results->profile_count; p++) {
        const struct assay_profile *profile = &results->profiles[p];
        assay_table_row(table);
        assay_table_cell(table, 0, "%s", profile->name);
        cell_milli(table, 1, profile->temperature_milli, UINT32_MAX);
        cell_milli(table, 2, profile->top_p_milli, 1000);
        if (profile->top_k) {
            assay_table_cell(table, 3, "%u", profile->top_k);
        } else {
            assay_table_cell(table, 3, "–");
        }
        cell_milli(table, 4, profile->repetition_penalty_milli, 1000);
        assay_table_cell(table, 5, "%s", assay_draw_name(profile->draw));
        cells_of(table, COLUMN_SAMPLES, &estimates->profiles[p]);
    }
    assay_table_row(table);
    assay_table_cell(table, 0, "all");
    cells_of(table, COLUMN_SAMPLES, &estimates->all);
    assay_table_print(table, stdout, table->rows - 1);
}

static void print_strata(struct assay_table *table, const struct assay_results *results,
                         const struct assay_estimates *estimates)
{
    static const char *const names[] = {"stratum", "items"};
    head(table, 2, names);
    for (uint32_t s = 0; s < results->stratum_count; s++) {
        assay_table_row(table);
        assay_table_cell(table, 0, "%s", results->stratum_names[s]);
        assay_table_cell(table, 1, "%u", estimates->strata[s].items);
        cells_of(table, 2, &estimates->strata[s]);
    }
    assay_table_print(table, stdout, 0);
}

enum assay_status assay_report_print(const struct assay_results *results, struct assay_error *err)
{
    struct assay_estimates *estimates;
    char hex[ASSAY_DIGEST_HEX];
    enum assay_status status = assay_estimate_create(&estimates, results, err);
    if (status) return status;
    struct assay_table *tables = calloc(2, sizeof *tables);
    if (!tables) {
        assay_estimate_destroy(estimates);
        return assay_fail(err, ASSAY_EMEMORY, "no memory for the tables");
    }
    printf("%s · %s\n%u items × %u profiles × %u replicates (%u set%s) = %llu samples\n\n",
           results->spec_name, results->model_name, results->item_count, results->profile_count,
           results->replicates, results->sets, results->sets == 1 ? "" : "s",
           (unsigned long long)results->sample_count);
    print_profiles(&tables[0], results, estimates);
    printf("\n");
    print_strata(&tables[1], results, estimates);
    printf("\nscore %.2f %%  ± %.2f (F: repeated runs of this benchmark)  ± %.2f (S: another "
           "benchmark of this kind); standard errors\n",
           100 * estimates->all.score, 100 * estimates->all.se_fixed,
           100 * estimates->all.se_super);
    printf("records digest  %s\nresults file    %s\n",
           assay_digest_hex(&results->records_digest, hex), results->path);
    free(tables);
    assay_estimate_destroy(estimates);
    return ASSAY_OK;
}

/* The overall score below the tables. Each line that has an interval says how it was made. */
#include "cli/summary.h"

#include <stdio.h>

/* A line's beginning, up to its interval. */
static void print_label(const char *label)
{
    printf("  %-47s", label);
}

static void print_error(const char *label, double error)
{
    printf("  %-38s", label);
    if (isnan(error)) {
        printf("      n/a");
    } else {
        printf("  ± %5.2f", 100 * error);
    }
}

/* An interval, its method, and `more` behind it; or why there is none. */
static void print_interval(const struct assay_interval *interval, const char *more)
{
    if (interval->reason != ASSAY_REASON_NONE) {
        printf("  n/a: %s\n", assay_reason_text(interval->reason));
        return;
    }
    const char *basis = assay_interval_basis_name(interval->method);
    printf("  %5.2f–%-6.2f %s", 100 * interval->low, 100 * interval->high,
           assay_interval_method_name(interval->method));
    if (basis) printf(", %s = %.1f", basis, interval->basis);
    printf("%s\n", more);
}

static void print_bootstrap(const struct assay_estimate *estimate,
                            const struct assay_estimate_options *options)
{
    char more[64];
    snprintf(more, sizeof more, ", %u resamples, seed %u", options->resamples, options->seed);
    print_label("   by bootstrap over the items");
    print_interval(&estimate->bca, more);
    if (estimate->bca.reason != ASSAY_REASON_NONE) return;
    print_label("");
    print_interval(&estimate->percentile, ", the same resamples");
}

static void print_cost(const struct assay_estimate *all)
{
    unsigned long long tokens = all->tokens, samples = all->samples;
    if (isnan(all->sd_run)) {
        printf("\nspent    %llu output tokens on %llu samples\n", tokens, samples);
        return;
    }
    printf("\none run  SD %.2f for %.0f output tokens (each item once in each profile)\n",
           100 * all->sd_run, all->run_tokens);
    printf("spent    F ± %.2f for %llu output tokens (%llu samples)\n", 100 * all->se_fixed, tokens,
           samples);
    if (all->cells[ASSAY_SPREAD_SETS] > 0 && all->se_independent > 0) {
        double ratio = all->se_fixed / all->se_independent;
        printf("         as many independent draws: ± %.2f; variance ratio %.2f\n",
               100 * all->se_independent, ratio * ratio);
    }
}

static void print_notes(const struct assay_estimate *all)
{
    unsigned long long conservative = all->cells[ASSAY_SPREAD_CONSERVATIVE];
    unsigned long long pooled = all->cells[ASSAY_SPREAD_POOLED];
    if (all->items_left_out > 0) {
        printf("%u items without a sample in each profile are left out\n", all->items_left_out);
    }
    if (isnan(all->se_fixed)) return;
    if (conservative > 0) {
        printf("F is conservative: the replicates of %llu cells depend on one another and form one "
               "set\n",
               conservative);
    }
    if (pooled > 0) {
        printf("F: %llu cells of one sample take the pooled variance of the others\n", pooled);
    }
}

void assay_summary_print(const struct assay_estimates *estimates)
{
    const struct assay_estimate *all = &estimates->all;
    if (all->items == 0) {
        printf("score n/a: %s\n", assay_reason_text(ASSAY_REASON_NO_ITEM));
        print_notes(all);
        return;
    }
    printf("score %.2f %%; standard errors, %d %% intervals and how they were made:\n",
           100 * all->score, ASSAY_CONFIDENCE_PERCENT);
    print_error("S: another benchmark of this kind", all->se_super);
    print_interval(&all->interval_super, "");
    print_bootstrap(all, &estimates->options);
    print_error("F: this benchmark again, repeatability", all->se_fixed);
    print_interval(&all->interval_fixed, "");
    print_cost(all);
    print_notes(all);
}

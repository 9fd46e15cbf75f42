/* Scores and their two errors. Sources: Miller, arXiv 2411.00640 (standard errors over items);
 * within-cell variance with the k/(k−1) factor; between-set variance for draws whose replicates are
 * not independent.
 *
 * n items; m_i the mean of item i over its profiles' cell means; s = mean of m_i.
 * S: SE² = Σ(m_i − s)² / (n(n−1)). It already contains the spread within items.
 * F: analysis/fixed.c. Intervals: analysis/interval.c and analysis/bootstrap.c. */
#include "assay/estimate.h"

#include "analysis/bootstrap.h"
#include "analysis/interval.h"
#include "base/arena.h"

#include <gsl/gsl_errno.h>
#include <stdlib.h>

/* Means of millionths that differ by less are equal but for rounding. */
static const double equal_means = 1e-12;

/* Take one item into an estimate; returns its mean. */
static double take_item(struct assay_estimate *estimate, const struct assay_selection *selection,
                        uint32_t item)
{
    const struct assay_scores *scores = selection->cells->scores;
    double sum = 0;
    for (uint32_t p = selection->profile_begin; p < selection->profile_end; p++) {
        const uint64_t *offset = &scores->cell_offset[(size_t)item * scores->profile_count + p];
        sum += assay_selection_cell(selection, item, p)->mean;
        for (uint64_t i = offset[0]; i < offset[1]; i++) {
            estimate->correct += scores->verdict[i] == ASSAY_VERDICT_CORRECT;
        }
        uint64_t tokens = scores->token_offset[offset[1]] - scores->token_offset[offset[0]];
        estimate->tokens += tokens;
        estimate->run_tokens += (double)tokens / (double)(offset[1] - offset[0]);
        estimate->samples += offset[1] - offset[0];
    }
    estimate->items++;
    return sum / (selection->profile_end - selection->profile_begin);
}

/* SE_S, exactly 0 where the means differ by rounding only; NAN with fewer than two. */
static double super_error(const double *means, uint32_t count, double score)
{
    double squares = 0, farthest = 0, n = count;
    if (count < 2) return NAN;
    for (uint32_t i = 0; i < count; i++) {
        double d = means[i] - score;
        squares += d * d;
        farthest = fmax(farthest, fabs(d));
    }
    return farthest > equal_means ? sqrt(squares / (n * (n - 1))) : 0;
}

static void set_fixed(struct assay_estimate *estimate, const struct assay_fixed *fixed)
{
    bool known = fixed->identifiable && fixed->cell_count > 0;
    estimate->se_fixed = known ? sqrt(fixed->score.sum) : NAN;
    estimate->sd_run = known ? sqrt(fixed->run) : NAN;
    estimate->se_independent = known ? sqrt(fixed->independent) : NAN;
    for (unsigned s = 0; s < ASSAY_SPREAD_COUNT; s++) estimate->cells[s] = fixed->cells[s];
    estimate->interval_fixed = assay_interval_fixed(estimate->score, fixed);
}

/* `means` is scratch for item_count values. */
static struct assay_estimate estimate_over(const struct assay_selection *selection,
                                           struct assay_bootstrap *bootstrap, double *means)
{
    struct assay_estimate estimate = {.score = NAN, .mean_tokens = NAN};
    double sum = 0;
    for (uint32_t i = 0; i < selection->cells->scores->item_count; i++) {
        if (!assay_selection_has_stratum(selection, i)) continue;
        if (!assay_selection_takes(selection, i)) {
            estimate.items_left_out++;
            continue;
        }
        uint32_t at = estimate.items;
        means[at] = take_item(&estimate, selection, i);
        sum += means[at];
    }
    if (estimate.items > 0) {
        estimate.score = sum / estimate.items;
        estimate.mean_tokens = (double)estimate.tokens / (double)estimate.samples;
    }
    struct assay_fixed fixed = assay_fixed_of(selection, estimate.items);
    set_fixed(&estimate, &fixed);
    estimate.se_super = super_error(means, estimate.items, estimate.score);
    estimate.interval_super =
        assay_interval_super(estimate.score, estimate.se_super, estimate.items, estimate.samples);
    assay_bootstrap_estimate(bootstrap, &estimate, means);
    return estimate;
}

struct estimates {
    struct assay_estimates public;
    struct assay_arena arena;
};

static enum assay_status fill(struct estimates *estimates, struct assay_bootstrap *bootstrap,
                              const struct assay_scores *scores, struct assay_error *err)
{
    struct assay_arena *arena = &estimates->arena;
    uint32_t profiles = scores->profile_count, strata = scores->stratum_count;
    struct assay_cells cells;
    enum assay_status status = assay_cells_make(&cells, arena, scores, err);
    if (status) return status;
    double *means = assay_arena_take(arena, scores->item_count, sizeof *means);
    struct assay_estimate *by_profile = assay_arena_take(arena, profiles, sizeof *by_profile);
    struct assay_estimate *by_stratum = assay_arena_take(arena, strata, sizeof *by_stratum);
    if (!means || !by_profile || !by_stratum) {
        return assay_fail(err, ASSAY_EMEMORY, "no memory for the estimates");
    }
    struct assay_selection all = {&cells, ASSAY_ALL_STRATA, 0, profiles};
    estimates->public.all = estimate_over(&all, bootstrap, means);
    for (uint32_t p = 0; p < profiles; p++) {
        struct assay_selection one = {&cells, ASSAY_ALL_STRATA, p, p + 1};
        by_profile[p] = estimate_over(&one, bootstrap, means);
    }
    for (uint32_t s = 0; s < strata; s++) {
        struct assay_selection one = {&cells, s, 0, profiles};
        by_stratum[s] = estimate_over(&one, bootstrap, means);
    }
    estimates->public.profiles = by_profile;
    estimates->public.strata = by_stratum;
    estimates->public.profile_count = profiles;
    estimates->public.stratum_count = strata;
    return ASSAY_OK;
}

enum assay_status assay_estimate_create(struct assay_estimates **out,
                                        const struct assay_scores *scores,
                                        const struct assay_estimate_options *options,
                                        struct assay_error *err)
{
    struct assay_bootstrap *bootstrap;
    gsl_set_error_handler_off(); /* its own would abort the program */
    enum assay_status status = assay_bootstrap_create(&bootstrap, scores->item_count, options, err);
    if (status) return status;
    struct estimates *estimates = calloc(1, sizeof *estimates);
    status = estimates ? fill(estimates, bootstrap, scores, err)
                       : assay_fail(err, ASSAY_EMEMORY, "no memory for the estimates");
    assay_bootstrap_destroy(bootstrap);
    if (status) {
        if (estimates) assay_estimate_destroy(&estimates->public);
        return status;
    }
    estimates->public.options = *options;
    *out = &estimates->public;
    return ASSAY_OK;
}

void assay_estimate_destroy(struct assay_estimates *estimates)
{
    if (!estimates) return;
    struct estimates *owner = (struct estimates *)estimates; /* its first member */
    assay_arena_fini(&owner->arena);
    free(owner);
}

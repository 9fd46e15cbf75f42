/* Scores and their two errors, closed forms only. Sources: Miller, arXiv 2411.00640 (standard
 * errors over items); within-cell variance with the k/(k−1) factor; between-set variance for draws
 * whose replicates are not independent.
 *
 * n items; m_i the mean of item i over its samples; s = mean of m_i.
 * S: SE² = Σ(m_i − s)² / (n(n−1)). It already contains the spread within items.
 * F: SE² = Σ_i Σ_p V_ip / (P² n²), V_ip the variance of the mean of cell (item i, profile p), P
 * profiles. iid draws: V = v/k, v the sample variance of the cell's k scores. Other draws with R ≥
 * 2 independent sets: V = (variance of the R set means)/R. Other draws with one set: the iid form,
 * which is conservative. */
#include "assay/estimate.h"

#include "base/arena.h"

#include <stdlib.h>

#define ALL_STRATA UINT32_MAX

/* Which samples an estimate is over. */
struct selection {
    uint32_t stratum;                    /* or ALL_STRATA */
    uint32_t profile_begin, profile_end; /* of the spec's profiles */
};

/* Mean and variance of the mean of one (item, profile) cell: `count` consecutive samples from
 * `first`. */
struct cell {
    double mean, variance; /* variance of the mean; NAN where it cannot be known */
};

static double score_of(const struct assay_results *results, uint64_t sample)
{
    return (double)results->score_micro[sample] / ASSAY_SCORE_ONE;
}

static double mean_of(const struct assay_results *results, uint64_t first, uint32_t count)
{
    double sum = 0;
    for (uint32_t i = 0; i < count; i++) sum += score_of(results, first + i);
    return sum / count;
}

/* Variance of the mean of `groups` means of `each` consecutive samples. */
static double variance_of_mean(const struct assay_results *results, uint64_t first, uint32_t groups,
                               uint32_t each, double mean)
{
    double sum = 0;
    if (groups < 2) return NAN;
    for (uint32_t g = 0; g < groups; g++) {
        double d = mean_of(results, first + (uint64_t)g * each, each) - mean;
        sum += d * d;
    }
    return sum / (groups - 1) / groups;
}

static struct cell cell_of(const struct assay_results *results, uint32_t item, uint32_t profile)
{
    uint32_t k = results->replicates;
    uint64_t first = ((uint64_t)item * results->profile_count + profile) * k;
    bool sets = results->profiles[profile].draw != ASSAY_DRAW_IID && results->sets > 1;
    double mean = mean_of(results, first, k);
    uint32_t groups = sets ? results->sets : k;
    return (struct cell){mean, variance_of_mean(results, first, groups, k / groups, mean)};
}

/* Take one item into an estimate; returns its mean and adds the variance of that mean to *fixed. */
static double take_item(struct assay_estimate *estimate, const struct assay_results *results,
                        uint32_t item, const struct selection *selection, double *fixed)
{
    uint32_t k = results->replicates;
    double mean = 0, profiles = selection->profile_end - selection->profile_begin;
    for (uint32_t p = selection->profile_begin; p < selection->profile_end; p++) {
        struct cell cell = cell_of(results, item, p);
        uint64_t first = ((uint64_t)item * results->profile_count + p) * k;
        mean += cell.mean / profiles;
        *fixed += cell.variance / (profiles * profiles);
        for (uint64_t i = first; i < first + k; i++) {
            estimate->correct += results->verdict[i] == ASSAY_VERDICT_CORRECT;
        }
        estimate->mean_tokens +=
            (double)(results->token_offset[first + k] - results->token_offset[first]);
        estimate->samples += k;
    }
    estimate->items++;
    return mean;
}

/* `means` is scratch for item_count values. */
static struct assay_estimate estimate_over(const struct assay_results *results,
                                           const struct selection *selection, double *means)
{
    struct assay_estimate estimate = {.score = NAN, .se_fixed = NAN, .se_super = NAN};
    double sum = 0, fixed = 0, squares = 0;
    for (uint32_t i = 0; i < results->item_count; i++) {
        if (selection->stratum != ALL_STRATA && results->item_strata[i] != selection->stratum) {
            continue;
        }
        uint32_t at = estimate.items;
        means[at] = take_item(&estimate, results, i, selection, &fixed);
        sum += means[at];
    }
    double n = estimate.items;
    if (estimate.items == 0) return estimate;
    estimate.score = sum / n;
    estimate.se_fixed = sqrt(fixed) / n;
    estimate.mean_tokens /= (double)estimate.samples;
    for (uint32_t i = 0; i < estimate.items; i++) {
        squares += (means[i] - estimate.score) * (means[i] - estimate.score);
    }
    if (estimate.items > 1) estimate.se_super = sqrt(squares / (n * (n - 1)));
    return estimate;
}

struct estimates {
    struct assay_estimates public;
    struct assay_arena arena;
};

enum assay_status assay_estimate_create(struct assay_estimates **out,
                                        const struct assay_results *results,
                                        struct assay_error *err)
{
    struct estimates *estimates = calloc(1, sizeof *estimates);
    if (!estimates) return assay_fail(err, ASSAY_EMEMORY, "no memory for the estimates");
    struct assay_arena *arena = &estimates->arena;
    uint32_t profiles = results->profile_count, strata = results->stratum_count;
    double *means = assay_arena_take(arena, results->item_count, sizeof *means);
    struct assay_estimate *by_profile = assay_arena_take(arena, profiles, sizeof *by_profile);
    struct assay_estimate *by_stratum = assay_arena_take(arena, strata, sizeof *by_stratum);
    if (!means || !by_profile || !by_stratum) {
        assay_estimate_destroy(&estimates->public);
        return assay_fail(err, ASSAY_EMEMORY, "no memory for the estimates");
    }
    for (uint32_t p = 0; p < profiles; p++) {
        by_profile[p] = estimate_over(results, &(struct selection){ALL_STRATA, p, p + 1}, means);
    }
    for (uint32_t s = 0; s < strata; s++) {
        by_stratum[s] = estimate_over(results, &(struct selection){s, 0, profiles}, means);
    }
    estimates->public = (struct assay_estimates){
        .all = estimate_over(results, &(struct selection){ALL_STRATA, 0, profiles}, means),
        .profiles = by_profile,
        .strata = by_stratum,
        .profile_count = profiles,
        .stratum_count = strata};
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

/* Intervals of 95 %. Sources: Wilson (1927) with an effective sample size n = s(1−s)/SE_S², which
 * for 0/1 scores and one sample an item is n itself; Clopper and Pearson (1934) with a real-valued
 * count s·n; Satterthwaite (1946); the rule of three, that is: k equal looks at a cell leave its
 * chance of another score at 1 − 0.05^(1/k) ≤ −ln(0.05)/k. */
#include "analysis/interval.h"

#include "base/assert.h"

#include <gsl/gsl_cdf.h>

static const double outside = (100 - ASSAY_CONFIDENCE_PERCENT) / 100.0;
static const double tail = (100 - ASSAY_CONFIDENCE_PERCENT) / 200.0;

struct assay_interval assay_interval_none(enum assay_interval_method method,
                                          enum assay_reason reason)
{
    return (struct assay_interval){.method = method, .reason = reason, .low = NAN, .high = NAN};
}

static struct assay_interval make(enum assay_interval_method method, double basis, double low,
                                  double high)
{
    ASSAY_ASSERT(low < high); /* false for NaN too */
    return (struct assay_interval){
        .method = method, .low = fmax(low, 0), .high = fmin(high, 1), .basis = basis};
}

static struct assay_interval wilson(enum assay_interval_method method, double s, double n)
{
    double z = gsl_cdf_ugaussian_Qinv(tail), z2 = z * z / n;
    double middle = (s + z2 / 2) / (1 + z2);
    double half = z * sqrt(s * (1 - s) / n + z2 / (4 * n)) / (1 + z2);
    return make(method, n, middle - half, middle + half);
}

/* With a count so near 0 or n that its quantile underflows (below 1e-300 from 0 or 1), GSL's beta
 * quantile is NaN; the bound is then 0 or 1 itself. */
static struct assay_interval clopper_pearson(double s, double n)
{
    double x = s * n;
    double low = s > 0 ? gsl_cdf_beta_Pinv(tail, x, n - x + 1) : 0;
    double high = s < 1 ? gsl_cdf_beta_Qinv(tail, x + 1, n - x) : 1;
    return make(ASSAY_INTERVAL_CLOPPER_PEARSON, n, low > 0 ? low : 0, high < 1 ? high : 1);
}

struct assay_interval assay_interval_super(double score, double se, uint32_t items,
                                           uint64_t samples)
{
    if (items == 0) {
        return assay_interval_none(ASSAY_INTERVAL_NOT_IDENTIFIABLE, ASSAY_REASON_NO_ITEM);
    }
    if (items == 1 || score <= 0 || score >= 1 || !(se > 0)) return clopper_pearson(score, items);
    if (samples == items) return wilson(ASSAY_INTERVAL_WILSON, score, items);
    double n_eff = fmin(score * (1 - score) / (se * se), (double)samples);
    return wilson(ASSAY_INTERVAL_WILSON_N_EFF, score, n_eff);
}

static struct assay_interval student(enum assay_interval_method method, double score,
                                     const struct assay_variance *variance)
{
    double df = variance->sum * variance->sum / variance->squares_over_df;
    double half = gsl_cdf_tdist_Qinv(tail, df) * sqrt(variance->sum);
    return make(method, df, score - half, score + half);
}

/* All looks at every cell equal: Σ over the cells of their deviation stays below −ln(0.05)/looks,
 * whichever way it goes. */
static struct assay_interval rule_of_three(double score, const struct assay_fixed *fixed)
{
    double looks = fixed->looks_min;
    double reach = -log(outside) / (looks * (double)fixed->cell_count);
    return make(ASSAY_INTERVAL_RULE_OF_THREE, looks, score - (fixed->some_above ? reach : 0),
                score + (fixed->some_below ? reach : 0));
}

struct assay_interval assay_interval_fixed(double score, const struct assay_fixed *fixed)
{
    if (fixed->cell_count == 0) {
        return assay_interval_none(ASSAY_INTERVAL_NOT_IDENTIFIABLE, ASSAY_REASON_NO_ITEM);
    }
    if (!fixed->identifiable) {
        return assay_interval_none(ASSAY_INTERVAL_NOT_IDENTIFIABLE, ASSAY_REASON_ONE_SAMPLE);
    }
    if (fixed->score.sum > 0) {
        return student(ASSAY_INTERVAL_T_SATTERTHWAITE, score, &fixed->score);
    }
    /* All set means equal, yet scores within the sets differ: chance, not certainty. */
    if (fixed->replicates.sum > 0) {
        return student(ASSAY_INTERVAL_T_REPLICATES, score, &fixed->replicates);
    }
    return rule_of_three(score, fixed);
}

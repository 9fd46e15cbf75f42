/* Estimates: scores with their two errors and their intervals. Pure functions of the table of
 * scores, the number of resamples and the seed: same input, same bits.
 *
 * F: this fixed benchmark; what repeated runs would give. S: another benchmark of this kind.
 * Nothing here is ever an interval of no width or a NaN beside an interval: where a number cannot
 * be known, the standard error is NAN, the interval is absent and says why. */
#ifndef ASSAY_ESTIMATE_H
#define ASSAY_ESTIMATE_H

#include "assay/scores.h"

#include <math.h>
#include <stdbool.h>

enum { ASSAY_CONFIDENCE_PERCENT = 95 }; /* of every interval, two-sided */

/* How an interval was made: name in a report, name of its `basis` there (NULL: it has none). */
#define ASSAY_INTERVAL_LIST(X)                                                                     \
    X(NONE, "none", NULL)                                                                          \
    X(NOT_IDENTIFIABLE, "not-identifiable", NULL)                                                  \
    X(WILSON, "wilson", "n")                                                                       \
    X(WILSON_N_EFF, "wilson-n-eff", "n")                                                           \
    X(CLOPPER_PEARSON, "clopper-pearson", "n")                                                     \
    X(T_SATTERTHWAITE, "t-satterthwaite", "df")                                                    \
    X(T_REPLICATES, "t-replicates", "df")                                                          \
    X(RULE_OF_THREE, "rule-of-three", "looks")                                                     \
    X(PERCENTILE, "percentile", NULL)                                                              \
    X(BCA, "bca", NULL)

/* Why there is no interval. */
#define ASSAY_REASON_LIST(X)                                                                       \
    X(NONE, "")                                                                                    \
    X(NO_ITEM, "no item has a sample in every profile")                                            \
    X(ONE_ITEM, "there is only one item")                                                          \
    X(ONE_SAMPLE, "no item has two samples in the same profile")                                   \
    X(EQUAL_ITEMS, "all items have the same mean, so resampling them shows no spread")             \
    X(SWITCHED_OFF, "the bootstrap is switched off")                                               \
    X(FEW_RESAMPLES, "too few resamples")

/* Where the variance of a cell's mean comes from. */
#define ASSAY_SPREAD_LIST(X)                                                                       \
    X(REPLICATES, "replicates")     /* independent samples of the cell */                          \
    X(SETS, "sets")                 /* independent sets of dependent samples */                    \
    X(CONSERVATIVE, "conservative") /* dependent samples taken as independent: too large */        \
    X(POOLED, "pooled")             /* one sample: the pooled variance of other cells */

enum assay_interval_method {
#define ASSAY_INTERVAL_ROW(name, text, basis) ASSAY_INTERVAL_##name,
    ASSAY_INTERVAL_LIST(ASSAY_INTERVAL_ROW)
#undef ASSAY_INTERVAL_ROW
        ASSAY_INTERVAL_COUNT
};
enum assay_reason {
#define ASSAY_REASON_ROW(name, text) ASSAY_REASON_##name,
    ASSAY_REASON_LIST(ASSAY_REASON_ROW)
#undef ASSAY_REASON_ROW
        ASSAY_REASON_COUNT
};
enum assay_spread {
#define ASSAY_SPREAD_ROW(name, text) ASSAY_SPREAD_##name,
    ASSAY_SPREAD_LIST(ASSAY_SPREAD_ROW)
#undef ASSAY_SPREAD_ROW
        ASSAY_SPREAD_COUNT
};

/* Either an interval, 0 ≤ low < high ≤ 1 around the score, or a reason. */
struct assay_interval {
    enum assay_interval_method method;
    enum assay_reason reason; /* NONE exactly where there is an interval */
    double low, high;         /* NAN where there is none */
    double basis;             /* sample size n, degrees of freedom, or looks at each cell */
};

struct assay_estimate {
    uint64_t samples, correct, tokens; /* of the items taken; tokens are output tokens */
    uint32_t items;                    /* taken: a sample in each of the profiles */
    uint32_t items_left_out;
    double score;       /* mean over items of the mean over profiles of the cell's mean, 0 … 1 */
    double se_fixed;    /* F; NAN where not identifiable (one sample a cell) */
    double se_super;    /* S; NAN with fewer than two items */
    double mean_tokens; /* of a sample */
    double run_tokens;  /* of one run: each item once in each profile */
    double sd_run;      /* of one run: each item once in each profile; NAN as se_fixed */
    double se_independent; /* F had the same samples been independent draws; NAN as se_fixed */
    uint64_t cells[ASSAY_SPREAD_COUNT]; /* by where their variance comes from */
    struct assay_interval interval_fixed, interval_super, percentile, bca;
};

enum {
    ASSAY_BOOTSTRAP_DEFAULT = 10000,
    ASSAY_BOOTSTRAP_MIN = 100,
    ASSAY_BOOTSTRAP_MAX = 1000000,
    ASSAY_BOOTSTRAP_SEED_DEFAULT = 1
};
#define ASSAY_BOOTSTRAP_GENERATOR "mt19937" /* of GSL; started anew for each estimate */

struct assay_estimate_options {
    uint32_t resamples; /* 0: no bootstrap */
    uint32_t seed;      /* from 1: GSL's generator takes 0 for 4357 */
};

struct assay_estimates {
    struct assay_estimate_options options;
    struct assay_estimate all;
    const struct assay_estimate *profiles; /* profile_count */
    const struct assay_estimate *strata;   /* stratum_count */
    uint32_t profile_count, stratum_count;
};

ASSAY_MUST_CHECK enum assay_status
assay_estimate_create(struct assay_estimates **out, const struct assay_scores *scores,
                      const struct assay_estimate_options *options, struct assay_error *err);
void assay_estimate_destroy(struct assay_estimates *estimates); /* NULL is fine */

/* Names of the tables above; asserts that the value is one of theirs. */
const char *assay_interval_method_name(enum assay_interval_method method);
const char *assay_interval_basis_name(enum assay_interval_method method); /* or NULL */
const char *assay_reason_text(enum assay_reason reason);
const char *assay_spread_name(enum assay_spread spread);

#endif

/* Choice by log-likelihood (FORMAT.md 3.4): each option of an item is scored behind the same
 * prompt, and the likeliest one is the answer. */
#ifndef ASSAY_CHOICE_H
#define ASSAY_CHOICE_H

#include "assay/record.h"
#include "assay/spec.h"

/* What the log-probabilities of one item's options say. */
struct assay_choice {
    uint32_t chosen;      /* largest sum; the first of equals */
    uint32_t chosen_norm; /* largest sum per byte of the option's text */
    double p_correct;     /* share of the right option in Σ exp(sum) */
    bool gold_greedy;     /* every token of the right option was the likeliest */
};

/* Σ log-probability of an option's tokens, in f64, ascending. */
double assay_choice_sum(const float *log_probs, size_t count);
/* `log_probs`: of all options' tokens, end to end. 1 ≤ count, gold < count, no option has 0 bytes
 * (asserted). */
struct assay_choice assay_choice_of(const struct assay_option_part *options, size_t count,
                                    uint32_t gold, const float *log_probs);
/* The option that is the answer by this score. */
static inline uint32_t assay_choice_answer(const struct assay_choice *choice,
                                           enum assay_choice_score score)
{
    return score == ASSAY_SCORE_ACC_NORM ? choice->chosen_norm : choice->chosen;
}

#endif

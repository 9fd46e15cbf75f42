/* Which option is the likeliest. Sums are in f64 and in order, so that they are the same bits
 * wherever the log-probabilities are. */
#include "assay/choice.h"

#include "base/assert.h"
#include "base/exact.h"

#include <math.h>

double assay_choice_sum(const float *log_probs, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += (double)log_probs[i];
    return sum;
}

/* exp(sum − max), 0 where that is nothing beside 1. */
static double share(double sum, double max)
{
    double below = sum - max; /* NaN where both are −inf */
    return below > -700.0 ? assay_exp64(below) : 0.0;
}

struct assay_choice assay_choice_of(const struct assay_option_part *options, size_t count,
                                    uint32_t gold, const float *log_probs)
{
    struct assay_choice out = {.chosen = 0};
    double best = -INFINITY, best_norm = -INFINITY, total = 0, right = 0;
    ASSAY_ASSERT(gold < count);
    const float *at = log_probs;
    for (size_t i = 0; i < count; at += options[i++].tokens) {
        ASSAY_ASSERT(options[i].bytes > 0);
        double sum = assay_choice_sum(at, options[i].tokens);
        double norm = sum / (double)options[i].bytes;
        if (sum > best) {
            best = sum;
            out.chosen = (uint32_t)i;
        }
        if (norm > best_norm) {
            best_norm = norm;
            out.chosen_norm = (uint32_t)i;
        }
    }
    at = log_probs;
    for (size_t i = 0; i < count; at += options[i++].tokens) {
        double part = share(assay_choice_sum(at, options[i].tokens), best);
        total += part;
        if (i == gold) right = part;
    }
    out.p_correct = total > 0 ? right / total : 0;
    out.gold_greedy = options[gold].greedy;
    return out;
}

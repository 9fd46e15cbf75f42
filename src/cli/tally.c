/* How the outputs of a run ended. */
#include "cli/tally.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

struct assay_tally assay_tally_of(const struct assay_results *results)
{
    struct assay_tally tally = {.samples = results->sample_count};
    for (uint64_t s = 0; s < results->sample_count; s++) {
        tally.outcomes[results->outcome[s]]++;
        tally.correct += results->verdict[s] == ASSAY_VERDICT_CORRECT;
        tally.no_answer += results->verdict[s] == ASSAY_VERDICT_NO_ANSWER;
        tally.flexible_correct += results->flexible_verdict[s] == ASSAY_VERDICT_CORRECT;
    }
    return tally;
}

static double percent(uint64_t part, uint64_t whole)
{
    return whole ? 100.0 * (double)part / (double)whole : 0;
}

void assay_tally_print(const struct assay_tally *tally)
{
    const char *before = "outputs  ";
    for (unsigned o = 0; o < ASSAY_OUTCOME_COUNT; o++) {
        if (tally->outcomes[o] == 0 || tally->outcomes[ASSAY_OUTCOME_COMPLETE] == tally->samples) {
            continue;
        }
        printf("%s%" PRIu64 " %s (%.2f %%)", before, tally->outcomes[o],
               assay_outcome_name((enum assay_outcome)o),
               percent(tally->outcomes[o], tally->samples));
        before = ", ";
    }
    if (before[0] == ',') printf("\n");
    if (tally->no_answer > 0) {
        printf("answers  none found in %" PRIu64 " outputs (%.2f %%)\n", tally->no_answer,
               percent(tally->no_answer, tally->samples));
    }
}

const uint32_t assay_tally_ks[] = {1, 2, 5, 10, 20, 50, 100, 0};

bool assay_tally_has_programs(const struct assay_results *results)
{
    for (uint64_t s = 0; s < results->sample_count; s++) {
        if (results->run[s] != ASSAY_NO_RUN) return true;
    }
    return false;
}

void assay_tally_print_pass(const struct assay_results *results, const struct assay_scores *scores)
{
    const char *before = "pass@k   ";
    if (!assay_tally_has_programs(results)) return;
    for (const uint32_t *k = assay_tally_ks; *k && *k <= results->replicates; k++) {
        struct assay_pass pass = assay_pass_at(scores, *k);
        if (pass.dependent) {
            printf("%smore than one: not from replicates that depend on one another; use draw: iid",
                   before);
            break;
        }
        if (isnan(pass.value)) continue;
        printf("%s%u: %.2f %%", before, *k, 100 * pass.value);
        if (!isnan(pass.se)) printf(" ± %.2f", 100 * pass.se);
        before = ", ";
    }
    printf("\n");
}

/* How the outputs of a run ended. */
#include "cli/tally.h"

#include <inttypes.h>
#include <stdio.h>

struct assay_tally assay_tally_of(const struct assay_results *results)
{
    struct assay_tally tally = {.samples = results->sample_count};
    for (uint64_t s = 0; s < results->sample_count; s++) {
        const struct assay_grade *grade = &results->grades[s];
        tally.outcomes[grade->outcome]++;
        tally.correct += results->verdict[s] == ASSAY_VERDICT_CORRECT;
        tally.no_answer += results->verdict[s] == ASSAY_VERDICT_NO_ANSWER;
        tally.flexible_correct += grade->flexible_verdict == ASSAY_VERDICT_CORRECT;
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
    if (tally->flexible_correct != tally->correct) {
        printf("flexible %.2f %% correct by the flexible rules, %.2f %% by the strict one\n",
               percent(tally->flexible_correct, tally->samples),
               percent(tally->correct, tally->samples));
    }
}

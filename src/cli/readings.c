/* Other scores of the samples that a results file holds, each with its errors. */
#include "cli/readings.h"

#include "assay/choice.h"
#include "cli/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* In the order of their columns. */
static const char *const choices[] = {"acc", "acc_norm", "p_correct"};
static const char *const rules[] = {"strict", "flexible"};

static bool rules_differ(const struct assay_results *results)
{
    for (uint64_t s = 0; s < results->sample_count; s++) {
        if (results->flexible_verdict[s] != results->verdict[s]) return true;
    }
    return false;
}

static struct assay_choice choice_of(const struct assay_results_sample *sample)
{
    const struct assay_circumstances *circumstances = &sample->circumstances;
    struct assay_option_part options[ASSAY_OPTIONS_MAX];
    size_t count = circumstances->options.size / ASSAY_OPTION_BYTES;
    for (size_t i = 0; i < count; i++) options[i] = assay_option_get(circumstances->options, i);
    return assay_choice_of(options, count, circumstances->gold, sample->record.log_probs);
}

/* Without a finite likelihood every score is 0, as the columns are. */
static void score_choice(uint32_t *const *columns, uint64_t s,
                         const struct assay_results_sample *sample)
{
    if (sample->record.finish == ASSAY_FINISH_NONFINITE) return;
    struct assay_choice choice = choice_of(sample);
    uint32_t gold = sample->circumstances.gold;
    if (choice.chosen == gold) columns[0][s] = ASSAY_SCORE_ONE;
    if (choice.chosen_norm == gold) columns[1][s] = ASSAY_SCORE_ONE;
    columns[2][s] = (uint32_t)lround(choice.p_correct * ASSAY_SCORE_ONE);
}

/* Fill the columns and name them. *count: 0 where there is but one way. */
static enum assay_status score(uint32_t *const *columns, const char *const **names, size_t *count,
                               struct assay_results *results, struct assay_error *err)
{
    struct assay_results_sample sample;
    enum assay_status status = ASSAY_OK;
    *count = 0;
    if (results->sample_count > 0) status = assay_results_sample(results, 0, &sample, err);
    if (status || results->sample_count == 0) return status;
    if (sample.circumstances.options.size > 0) {
        for (uint64_t s = 0; s < results->sample_count && !results->sealed && !status; s++) {
            status = assay_results_sample(results, s, &sample, err);
            if (!status) score_choice(columns, s, &sample);
        }
        *names = choices;
        *count = results->sealed ? 0 : sizeof choices / sizeof choices[0];
    } else if (rules_differ(results)) {
        for (uint64_t s = 0; s < results->sample_count; s++) {
            columns[0][s] = results->score_micro[s];
            bool right = results->flexible_verdict[s] == ASSAY_VERDICT_CORRECT;
            columns[1][s] = right ? ASSAY_SCORE_ONE : 0;
        }
        *names = rules;
        *count = sizeof rules / sizeof rules[0];
    }
    return status;
}

static enum assay_status estimate(struct assay_reading *out, const char *name,
                                  const uint32_t *column, const struct assay_results *results,
                                  const struct assay_scores *scores,
                                  const struct assay_estimate_options *options,
                                  struct assay_error *err)
{
    struct assay_scores other = *scores;
    struct assay_estimates *estimates;
    other.score_micro = column;
    enum assay_status status = assay_estimate_create(&estimates, &other, options, err);
    if (status) return status;
    size_t size = results->sample_count * sizeof *column;
    *out = (struct assay_reading){.name = name,
                                  .is_score = memcmp(column, results->score_micro, size) == 0,
                                  .all = estimates->all};
    assay_estimate_destroy(estimates);
    return ASSAY_OK;
}

enum assay_status assay_readings_make(struct assay_readings *out, struct assay_results *results,
                                      const struct assay_scores *scores,
                                      const struct assay_estimate_options *options,
                                      struct assay_error *err)
{
    const char *const *names = NULL;
    uint32_t *columns[ASSAY_READINGS_MAX];
    size_t samples = results->sample_count;
    *out = (struct assay_readings){0};
    uint32_t *memory = calloc(samples * ASSAY_READINGS_MAX + 1, sizeof *memory);
    if (!memory) return assay_fail(err, ASSAY_EMEMORY, "no memory for other scores");
    for (size_t i = 0; i < ASSAY_READINGS_MAX; i++) columns[i] = memory + i * samples;
    enum assay_status status = score(columns, &names, &out->count, results, err);
    for (size_t i = 0; i < out->count && !status; i++) {
        status = estimate(&out->rows[i], names[i], columns[i], results, scores, options, err);
    }
    free(memory);
    return status;
}

static void cell_percent(struct assay_table *table, unsigned column, double value)
{
    if (isnan(value)) {
        assay_table_cell(table, column, "n/a");
    } else {
        assay_table_cell(table, column, "%.2f", 100 * value);
    }
}

void assay_readings_print(const struct assay_readings *readings)
{
    static const char *const head[] = {"scored by", "score %", "± F", "± S", "95 % by S", ""};
    if (readings->count == 0) return;
    struct assay_table *table = calloc(1, sizeof *table);
    if (!table) return; /* the score itself was told */
    assay_table_row(table);
    for (unsigned c = 0; c < sizeof head / sizeof head[0]; c++) {
        assay_table_cell(table, c, "%s", head[c]);
    }
    for (size_t i = 0; i < readings->count; i++) {
        const struct assay_reading *row = &readings->rows[i];
        const struct assay_interval *interval = &row->all.interval_super;
        assay_table_row(table);
        assay_table_cell(table, 0, "%s", row->name);
        cell_percent(table, 1, row->all.score);
        cell_percent(table, 2, row->all.se_fixed);
        cell_percent(table, 3, row->all.se_super);
        if (interval->reason == ASSAY_REASON_NONE) {
            assay_table_cell(table, 4, "%.2f–%.2f", 100 * interval->low, 100 * interval->high);
        } else {
            assay_table_cell(table, 4, "n/a");
        }
        assay_table_cell(table, 5, "%s", row->is_score ? "the score" : "");
    }
    printf("\n");
    assay_table_print(table, stdout, 0);
    free(table);
}

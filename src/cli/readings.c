/* Other scores of the samples that a results file holds, each with its errors. */
#include "cli/readings.h"

#include "assay/choice.h"
#include "cli/table.h"

#include <math.h>
#include <stdlib.h>

/* score_micro of each sample. */
typedef void fill(uint32_t *to, const struct assay_results *results);

static struct assay_choice choice_of(const struct assay_results *results, uint64_t s)
{
    struct assay_option_part options[ASSAY_OPTIONS_MAX];
    uint64_t first = results->option_offset[s];
    size_t count = (size_t)(results->option_offset[s + 1] - first);
    for (size_t i = 0; i < count; i++) {
        options[i] = (struct assay_option_part){.tokens = results->option_tokens[first + i],
                                                .bytes = results->option_bytes[first + i],
                                                .greedy = results->option_greedy[first + i] != 0};
    }
    return assay_choice_of(options, count, results->gold[s],
                           results->log_probs + results->token_offset[s]);
}

static bool is_scored(const struct assay_results *results, uint64_t s)
{
    return results->finish[s] != ASSAY_FINISH_NONFINITE;
}

static void fill_picks(uint32_t *to, const struct assay_results *results,
                       enum assay_choice_score score)
{
    for (uint64_t s = 0; s < results->sample_count; s++) {
        to[s] = 0;
        if (!is_scored(results, s)) continue;
        struct assay_choice choice = choice_of(results, s);
        if (assay_choice_answer(&choice, score) == results->gold[s]) to[s] = ASSAY_SCORE_ONE;
    }
}

static void fill_acc(uint32_t *to, const struct assay_results *results)
{
    fill_picks(to, results, ASSAY_SCORE_ACC);
}

static void fill_acc_norm(uint32_t *to, const struct assay_results *results)
{
    fill_picks(to, results, ASSAY_SCORE_ACC_NORM);
}

static void fill_p_correct(uint32_t *to, const struct assay_results *results)
{
    for (uint64_t s = 0; s < results->sample_count; s++) {
        to[s] = is_scored(results, s)
                    ? (uint32_t)lround(choice_of(results, s).p_correct * ASSAY_SCORE_ONE)
                    : 0;
    }
}

static void fill_strict(uint32_t *to, const struct assay_results *results)
{
    for (uint64_t s = 0; s < results->sample_count; s++) to[s] = results->score_micro[s];
}

static void fill_flexible(uint32_t *to, const struct assay_results *results)
{
    for (uint64_t s = 0; s < results->sample_count; s++) {
        bool right = results->grades[s].flexible_verdict == ASSAY_VERDICT_CORRECT;
        to[s] = right ? ASSAY_SCORE_ONE : 0;
    }
}

static const struct kind {
    const char *name;
    fill *fill;
} choices[] = {{"acc", fill_acc}, {"acc_norm", fill_acc_norm}, {"p_correct", fill_p_correct}},
  rules[] = {{"strict", fill_strict}, {"flexible", fill_flexible}};

static bool rules_differ(const struct assay_results *results)
{
    for (uint64_t s = 0; s < results->sample_count; s++) {
        if (results->grades[s].flexible_verdict != results->verdict[s]) return true;
    }
    return false;
}

static const struct kind *kinds_of(const struct assay_results *results, size_t *count)
{
    bool is_choice = results->option_offset[results->sample_count] > 0;
    *count = is_choice ? sizeof choices / sizeof choices[0] : sizeof rules / sizeof rules[0];
    if (is_choice ? results->sealed : !rules_differ(results)) *count = 0;
    return is_choice ? choices : rules;
}

static enum assay_status read_as(struct assay_reading *out, const struct kind *kind,
                                 const struct assay_results *results,
                                 const struct assay_scores *scores, uint32_t *column,
                                 const struct assay_estimate_options *options,
                                 struct assay_error *err)
{
    struct assay_scores other = *scores;
    struct assay_estimates *estimates;
    kind->fill(column, results);
    other.score_micro = column;
    enum assay_status status = assay_estimate_create(&estimates, &other, options, err);
    if (status) return status;
    *out = (struct assay_reading){.name = kind->name, .is_score = true, .all = estimates->all};
    for (uint64_t s = 0; s < results->sample_count; s++) {
        if (column[s] != results->score_micro[s]) out->is_score = false;
    }
    assay_estimate_destroy(estimates);
    return ASSAY_OK;
}

enum assay_status assay_readings_make(struct assay_readings *out,
                                      const struct assay_results *results,
                                      const struct assay_scores *scores,
                                      const struct assay_estimate_options *options,
                                      struct assay_error *err)
{
    enum assay_status status = ASSAY_OK;
    size_t count;
    const struct kind *kinds = kinds_of(results, &count);
    *out = (struct assay_readings){.count = count};
    if (count == 0) return ASSAY_OK;
    uint32_t *column = calloc(results->sample_count, sizeof *column);
    if (!column) return assay_fail(err, ASSAY_EMEMORY, "no memory for other scores");
    for (size_t i = 0; i < count && !status; i++) {
        status = read_as(&out->rows[i], &kinds[i], results, scores, column, options, err);
    }
    free(column);
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

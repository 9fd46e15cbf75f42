/* Items of kind choice: out as forced samples, back as one record each. */
#include "run/choice.h"

#include "base/assert.h"
#include "base/bytes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t assay_choice_requests(const struct assay_job *job, uint64_t sample, uint32_t item,
                             struct assay_sample_request *to)
{
    const struct assay_job_options *options = &job->options;
    const struct assay_profile *profile = &job->spec->profiles[0];
    struct assay_digest key = assay_job_group_key(job, item, profile);
    size_t count = options->first[item + 1] - options->first[item];
    for (size_t i = 0; i < count; i++) {
        size_t at = options->first[item] + i;
        to[i] = (struct assay_sample_request){
            .tag = assay_choice_tag(sample, (uint32_t)i),
            .forced = options->tokens + options->offset[at],
            .forced_count = (size_t)(options->offset[at + 1] - options->offset[at]),
            .profile = profile,
            .replicates = 1,
            .sets = 1,
            .group_key = key};
    }
    return count;
}

/* --- the table */

void assay_choice_table_fini(struct assay_choice_table *table)
{
    for (size_t i = 0; i < table->count; i++) free(table->items[i].log_probs);
    free(table->items);
    *table = (struct assay_choice_table){0};
}

static size_t tokens_before(const struct assay_job *job, uint32_t item, uint32_t option)
{
    const struct assay_job_options *options = &job->options;
    uint32_t first = options->first[item];
    return (size_t)(options->offset[first + option] - options->offset[first]);
}

static enum assay_status begin(struct assay_choice_table *table, const struct assay_job *job,
                               uint64_t sample, struct assay_choice_item **out,
                               struct assay_error *err)
{
    const struct assay_job_options *options = &job->options;
    uint32_t item = assay_plan_cell(&job->plan, sample).item_index;
    uint32_t first = options->first[item], count = options->first[item + 1] - first;
    if (table->count == table->capacity) {
        size_t capacity = table->capacity ? 2 * table->capacity : 64;
        struct assay_choice_item *items = realloc(table->items, capacity * sizeof *items);
        if (!items) return assay_fail(err, ASSAY_EMEMORY, "no memory for %zu items", capacity);
        table->items = items;
        table->capacity = capacity;
    }
    float *log_probs = calloc(tokens_before(job, item, count), sizeof *log_probs);
    if (!log_probs) return assay_fail(err, ASSAY_EMEMORY, "no memory for an item's options");
    struct assay_choice_item *made = &table->items[table->count++];
    *made = (struct assay_choice_item){.sample = sample,
                                       .item = item,
                                       .option_count = count,
                                       .left = count,
                                       .log_probs = log_probs};
    for (uint32_t i = 0; i < count; i++) {
        made->options[i].tokens =
            (uint32_t)(options->offset[first + i + 1] - options->offset[first + i]);
        made->options[i].bytes = options->lengths[first + i];
    }
    *out = made;
    return ASSAY_OK;
}

static struct assay_choice_item *find(const struct assay_choice_table *table, uint64_t sample)
{
    for (size_t i = 0; i < table->count; i++) {
        if (table->items[i].sample == sample) return &table->items[i];
    }
    return NULL;
}

static void keep(struct assay_choice_item *item, const struct assay_job *job, uint32_t option,
                 const struct assay_sample *sample)
{
    struct assay_option_part *part = &item->options[option];
    memcpy(item->log_probs + tokens_before(job, item->item, option), sample->log_probs,
           sample->token_count * sizeof *item->log_probs);
    item->scored[option] = sample->token_count;
    part->greedy = sample->token_count == part->tokens;
    for (size_t i = 0; i < sample->token_count; i++) part->greedy &= sample->greedy[i] != 0;
    item->cell_key = sample->cell_key;
    item->prompt_shared = item->prompt_shared || sample->prompt_shared;
    if (sample->batch_rows > item->batch_rows) item->batch_rows = sample->batch_rows;
    /* From the first option's begin to the last one's end. */
    uint64_t begin = sample->start_ns, end = sample->start_ns + sample->duration_ns;
    if (item->left < item->option_count) {
        uint64_t old_end = item->start_ns + item->duration_ns;
        if (item->start_ns < begin) begin = item->start_ns;
        if (old_end > end) end = old_end;
    }
    item->start_ns = begin;
    item->duration_ns = end - begin;
    item->left--;
}

enum assay_status assay_choice_take(struct assay_choice_table *table, const struct assay_job *job,
                                    const struct assay_sample *sample,
                                    struct assay_choice_item **out, struct assay_error *err)
{
    uint64_t index = sample->tag / ASSAY_OPTIONS_MAX;
    struct assay_choice_item *item = find(table, index);
    *out = NULL;
    if (!item) {
        enum assay_status status = begin(table, job, index, &item, err);
        if (status) return status;
    }
    keep(item, job, (uint32_t)(sample->tag % ASSAY_OPTIONS_MAX), sample);
    if (item->left == 0) *out = item;
    return ASSAY_OK;
}

void assay_choice_drop(struct assay_choice_table *table, struct assay_choice_item *item)
{
    free(item->log_probs);
    *item = table->items[--table->count];
}

/* --- the record */

struct assay_span assay_choice_encode(const struct assay_choice_item *item,
                                      uint8_t to[ASSAY_OPTIONS_MAX * ASSAY_OPTION_BYTES])
{
    for (uint32_t i = 0; i < item->option_count; i++) {
        assay_option_put(to + i * ASSAY_OPTION_BYTES, &item->options[i]);
    }
    return (struct assay_span){(const char *)to, (size_t)item->option_count * ASSAY_OPTION_BYTES};
}

/* The tokens up to the first that has no probability; false if all have one. */
static bool breaks_off(const struct assay_job *job, const struct assay_choice_item *item,
                       size_t *count)
{
    for (uint32_t i = 0; i < item->option_count; i++) {
        if (item->scored[i] == item->options[i].tokens) continue;
        *count = tokens_before(job, item->item, i) + item->scored[i];
        return true;
    }
    *count = tokens_before(job, item->item, item->option_count);
    return false;
}

struct assay_choice_result assay_choice_result(const struct assay_job *job,
                                               const struct assay_choice_item *item)
{
    const struct assay_job_options *options = &job->options;
    uint32_t gold = assay_benchmark_item(job->benchmark, item->item)->gold;
    struct assay_choice_result out = {.tokens = options->tokens +
                                                options->offset[options->first[item->item]],
                                      .log_probs = item->log_probs,
                                      .gold = gold,
                                      .outcome = ASSAY_OUTCOME_NONFINITE,
                                      .finish = ASSAY_FINISH_NONFINITE,
                                      .verdict = ASSAY_VERDICT_FAILED};
    if (breaks_off(job, item, &out.token_count)) return out;
    out.choice = assay_choice_of(item->options, item->option_count, gold, item->log_probs);
    uint32_t answer = assay_choice_answer(&out.choice, job->spec->choice_score);
    out.finish = ASSAY_FINISH_END;
    out.outcome = ASSAY_OUTCOME_COMPLETE;
    out.verdict = answer == gold ? ASSAY_VERDICT_CORRECT : ASSAY_VERDICT_INCORRECT;
    out.score_micro = answer == gold ? ASSAY_SCORE_ONE : 0;
    snprintf(out.answer, sizeof out.answer, "%" PRIu32, answer);
    return out;
}

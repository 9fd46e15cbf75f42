/* The queue between engine and sandbox. A sample's own storage is lent only until the next one is
 * taken, so that what waits is copied whole. */
#include "run/grader.h"

#include "base/bytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A sample that waits, with its item, tokens, log-probabilities and text behind it. */
struct waiting {
    struct assay_sample sample;
    uint32_t item;
    struct waiting *next;
};

struct assay_grader {
    const struct assay_benchmark *benchmark;
    struct assay_sandbox *sandbox;
    struct waiting *first, *given; /* those that wait; the one that is lent */
    struct assay_sandbox_result result;
    struct assay_bytes program;
    char facts[1024];
};

enum assay_status assay_grader_open(struct assay_grader **out,
                                    const struct assay_benchmark *benchmark,
                                    struct assay_error *err)
{
    const struct assay_sandbox_options options = {.workers = 1};
    struct assay_grader *grader = calloc(1, sizeof *grader);
    if (!grader) return assay_fail(err, ASSAY_EMEMORY, "no memory to grade programs");
    grader->benchmark = benchmark;
    enum assay_status status = assay_sandbox_open(&grader->sandbox, &options, err);
    if (status) {
        free(grader);
        return assay_while(err, status, "sandbox");
    }
    const struct assay_sandbox_facts facts = assay_sandbox_facts(grader->sandbox);
    snprintf(grader->facts, sizeof grader->facts, "%s, %s, %s%s%s", facts.interpreter,
             facts.version, facts.layers, facts.degradation[0] ? "; degraded: " : "",
             facts.degradation);
    *out = grader;
    return ASSAY_OK;
}

const char *assay_grader_facts(const struct assay_grader *grader)
{
    return grader->facts;
}

/* One piece of memory: struct, tokens, log-probabilities, text. */
static struct waiting *copy_sample(const struct assay_sample *sample)
{
    size_t tokens = sample->token_count * sizeof *sample->tokens;
    size_t log_probs = sample->token_count * sizeof *sample->log_probs;
    struct waiting *waiting = malloc(sizeof *waiting + tokens + log_probs + sample->text.size + 1);
    if (!waiting) return NULL;
    char *at = (char *)(waiting + 1);
    *waiting = (struct waiting){.sample = *sample};
    if (tokens) memcpy(at, sample->tokens, tokens);
    waiting->sample.tokens = (const uint32_t *)(const void *)at;
    at += tokens;
    if (log_probs) memcpy(at, sample->log_probs, log_probs);
    waiting->sample.log_probs = (const float *)(const void *)at;
    at += log_probs;
    if (sample->text.size) memcpy(at, sample->text.data, sample->text.size);
    waiting->sample.text.data = at;
    return waiting;
}

static enum assay_status submit(struct assay_grader *grader, uint64_t tag, uint32_t item,
                                struct assay_span text, struct assay_error *err)
{
    const char *entry = assay_benchmark_item(grader->benchmark, item)->entry_point;
    size_t test_at = 0;
    assay_bytes_clear(&grader->program);
    enum assay_status status =
        assay_benchmark_program(grader->benchmark, item, text, &grader->program, &test_at, err);
    if (status) return status;
    const struct assay_sandbox_program program = {.tag = tag,
                                                  .text = (const char *)grader->program.data,
                                                  .size = grader->program.size,
                                                  .test_at = test_at,
                                                  .entry = entry[0] ? entry : NULL};
    return assay_sandbox_submit(grader->sandbox, &program, err);
}

enum assay_status assay_grader_submit(struct assay_grader *grader, uint32_t item,
                                      const struct assay_sample *sample, struct assay_error *err)
{
    struct waiting *waiting = copy_sample(sample);
    if (!waiting) return assay_fail(err, ASSAY_EMEMORY, "no memory for a sample that waits");
    enum assay_status status = submit(grader, sample->tag, item, sample->text, err);
    if (status) {
        free(waiting);
        return status;
    }
    waiting->item = item;
    waiting->next = grader->first;
    grader->first = waiting;
    return ASSAY_OK;
}

/* The outcome was judged; the verdict is the sandbox's. */
static void apply(const struct assay_sandbox_result *result, struct assay_judgement *judgement)
{
    bool pass = result->verdict == ASSAY_SANDBOX_PASS;
    judgement->verdict = pass ? ASSAY_VERDICT_CORRECT : ASSAY_VERDICT_INCORRECT;
    judgement->score_micro = pass ? ASSAY_SCORE_ONE : 0;
    judgement->grade.flexible_verdict = (uint8_t)judgement->verdict;
    judgement->grade.run = (uint8_t)result->verdict;
    judgement->grade.run_retried = result->retried;
    judgement->grade.run_cpu_ns = result->cpu_ns;
    judgement->grade.run_wall_ns = result->wall_ns;
    judgement->grade.run_peak_bytes = result->peak_bytes;
    judgement->grade.run_detail = (struct assay_span){result->detail, strlen(result->detail)};
}

static struct waiting *find(struct assay_grader *grader, uint64_t tag)
{
    struct waiting **link = &grader->first;
    while (*link && (*link)->sample.tag != tag) link = &(*link)->next;
    struct waiting *found = *link;
    if (found) *link = found->next;
    return found;
}

enum assay_status assay_grader_take(struct assay_grader *grader, int wait_ms,
                                    struct assay_sample *sample, struct assay_judgement *judgement,
                                    bool *taken, struct assay_error *err)
{
    free(grader->given);
    grader->given = NULL;
    enum assay_status status =
        assay_sandbox_take(grader->sandbox, wait_ms, &grader->result, taken, err);
    if (status || !*taken) return status;
    struct waiting *waiting = find(grader, grader->result.tag);
    if (!waiting) return assay_fail(err, ASSAY_EFORMAT, "the sandbox graded what nobody sent");
    grader->given = waiting;
    *sample = waiting->sample;
    status = assay_benchmark_judge(grader->benchmark, waiting->item, sample->text, sample->finish,
                                   judgement, err);
    if (!status) apply(&grader->result, judgement);
    return status;
}

size_t assay_grader_waiting(const struct assay_grader *grader)
{
    return assay_sandbox_pending(grader->sandbox);
}

enum assay_status assay_grader_judge(struct assay_grader *grader, uint32_t item,
                                     struct assay_span text, enum assay_finish finish,
                                     struct assay_judgement *judgement, struct assay_error *err)
{
    bool taken = false;
    enum assay_status status =
        assay_benchmark_judge(grader->benchmark, item, text, finish, judgement, err);
    if (status || finish == ASSAY_FINISH_NONFINITE) return status;
    status = submit(grader, 0, item, text, err);
    if (!status) status = assay_sandbox_take(grader->sandbox, -1, &grader->result, &taken, err);
    if (!status) apply(&grader->result, judgement);
    return status;
}

void assay_grader_close(struct assay_grader *grader)
{
    if (!grader) return;
    assay_sandbox_close(grader->sandbox);
    while (grader->first) {
        struct waiting *next = grader->first->next;
        free(grader->first);
        grader->first = next;
    }
    free(grader->given);
    assay_bytes_fini(&grader->program);
    free(grader);
}

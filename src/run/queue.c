/* Guided self-scheduling over a shared counter. A rank keeps about two batches around while there
 * is plenty, whole items at a time, since the groups of an item share its prompt; towards the end
 * no more than half of its share of what is left, group by group. */
#include "run/queue.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "run/choice.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { POLL_PAUSE_NS = 200000 };

static const uint64_t news_interval_ns = 250000000; /* totals are at most this old */
static const uint64_t shut = UINT64_C(1) << 62;     /* more than any number of groups */

static bool lacks(const struct assay_journal *journal, uint64_t first, uint32_t replicates)
{
    for (uint32_t r = 0; r < replicates; r++) {
        if (!assay_journal_has(journal, first + r)) return true;
    }
    return false;
}

enum assay_status assay_queue_init(struct assay_queue *queue, const struct assay_job *job,
                                   const struct assay_journal *journal, struct assay_comm *comm,
                                   uint32_t batch, struct assay_error *err)
{
    const struct assay_plan *plan = &job->plan;
    *queue =
        (struct assay_queue){.job = job, .journal = journal, .comm = comm, .hold_max = 2 * batch};
    bool choice = assay_job_is_choice(job);
    queue->samples = calloc(choice ? ASSAY_OPTIONS_MAX : plan->replicates, sizeof *queue->samples);
    queue->groups = calloc((size_t)plan->group_count, sizeof *queue->groups);
    if (!queue->samples || !queue->groups) {
        assay_queue_fini(queue);
        return assay_fail(err, ASSAY_EMEMORY, "no memory for the work queue");
    }
    for (uint64_t g = 0; g < plan->group_count; g++) {
        if (lacks(journal, g * plan->replicates, plan->replicates)) {
            queue->groups[queue->group_count++] = g;
        }
    }
    queue->left = queue->group_count;
    return ASSAY_OK;
}

void assay_queue_fini(struct assay_queue *queue)
{
    free(queue->groups);
    free(queue->samples);
    queue->groups = NULL;
    queue->samples = NULL;
}

uint64_t assay_queue_limit(uint64_t hold_max, uint64_t group, uint64_t left, uint32_t ranks,
                           uint64_t mine, uint64_t total)
{
    if (ranks == 1) return hold_max;
    /* Before anybody is known to be fast, all are taken to be alike. */
    double share = 1.0 / ranks;
    if (total > 64 * (uint64_t)ranks * group) share = (double)mine / (double)total;
    double limit = 0.5 * share * (double)left;
    if (limit > (double)hold_max) limit = (double)hold_max;
    return limit < (double)group ? group : (uint64_t)limit;
}

static uint64_t samples_here(const struct assay_queue *queue)
{
    uint64_t groups = queue->now.end - queue->now.begin + queue->ahead.end - queue->ahead.begin;
    return groups * queue->job->plan.replicates;
}

static uint64_t limit_now(const struct assay_queue *queue)
{
    uint32_t replicates = queue->job->plan.replicates;
    return assay_queue_limit(
        queue->hold_max, replicates, queue->left * replicates, assay_comm_facts(queue->comm)->ranks,
        queue->mine.words[ASSAY_BOARD_TOKENS], queue->total.words[ASSAY_BOARD_TOKENS]);
}

/* Groups to ask for: whole items where that many are wanted, none where there are enough. */
static uint64_t groups_wanted(const struct assay_queue *queue, uint64_t held)
{
    const struct assay_plan *plan = &queue->job->plan;
    uint64_t limit = limit_now(queue), have = held + samples_here(queue);
    if (queue->closed || queue->left == 0 || have >= limit) return 0;
    uint64_t groups = (limit - have) / plan->replicates, item = plan->profile_count;
    if (groups >= item) return groups / item * item;
    /* Less than an item is wanted: wait until it is one, unless the end is near. */
    if (limit >= 2 * item * plan->replicates) return 0;
    return groups > 0 ? groups : have == 0;
}

static enum assay_status ask(struct assay_queue *queue, uint64_t groups, struct assay_error *err)
{
    struct assay_board add;
    for (size_t i = 0; i < ASSAY_BOARD_WORDS; i++) {
        add.words[i] = queue->mine.words[i] - queue->told.words[i];
    }
    add.words[ASSAY_BOARD_NEXT] = groups;
    queue->told = queue->mine;
    queue->sent = add;
    queue->asked = groups;
    queue->exchanging = true;
    return assay_comm_exchange(queue->comm, &add, err);
}

/* What the board said before this rank added to it. */
static void take(struct assay_queue *queue, const struct assay_board *before)
{
    uint64_t count = queue->group_count, next = before->words[ASSAY_BOARD_NEXT];
    uint64_t begin = next < count ? next : count;
    uint64_t end = queue->asked < count - begin ? begin + queue->asked : count;
    queue->closed = queue->closed || next >= shut;
    if (queue->asked > 0) queue->ahead = (struct assay_shard){begin, end};
    if (queue->closed) queue->now = queue->ahead = (struct assay_shard){0, 0};
    queue->left = queue->closed ? 0 : count - (queue->asked > 0 ? end : begin);
    for (size_t i = 0; i < ASSAY_BOARD_WORDS; i++) {
        queue->total.words[i] = before->words[i] + queue->sent.words[i];
    }
    queue->exchanging = false;
    queue->exchanged_ns = assay_clock_monotonic_ns();
}

static enum assay_status test(struct assay_queue *queue, struct assay_error *err)
{
    struct assay_board before;
    bool done;
    enum assay_status status = assay_comm_exchange_test(queue->comm, &before, &done, err);
    if (!status && done) take(queue, &before);
    return status;
}

enum assay_status assay_queue_poll(struct assay_queue *queue, uint64_t held,
                                   struct assay_error *err)
{
    assay_comm_progress(queue->comm);
    enum assay_status status = queue->exchanging ? test(queue, err) : ASSAY_OK;
    if (status || queue->exchanging) return status;
    if (queue->now.begin == queue->now.end) {
        queue->now = queue->ahead;
        queue->ahead = (struct assay_shard){0, 0};
    }
    bool room = queue->ahead.begin == queue->ahead.end;
    uint64_t groups = room ? groups_wanted(queue, held) : 0;
    bool old = assay_clock_monotonic_ns() - queue->exchanged_ns > news_interval_ns;
    if (groups > 0 || old) status = ask(queue, groups, err);
    /* On one rank, and in shared memory, the answer is there already. */
    if (!status && queue->exchanging) status = test(queue, err);
    if (status || queue->exchanging || queue->now.begin < queue->now.end) return status;
    queue->now = queue->ahead;
    queue->ahead = (struct assay_shard){0, 0};
    return ASSAY_OK;
}

bool assay_queue_wants(const struct assay_queue *queue, uint64_t held)
{
    return held < queue->hold_max;
}

bool assay_queue_empty(const struct assay_queue *queue)
{
    return !queue->exchanging && queue->left == 0 && samples_here(queue) == 0;
}

/* Fill the samples of a group that the journal lacks; returns how many. */
static size_t fill(struct assay_queue *queue, uint64_t first, const struct assay_cell *cell)
{
    const struct assay_job *job = queue->job;
    const struct assay_profile *profile = &job->spec->profiles[cell->profile_index];
    struct assay_digest key = assay_job_group_key(job, cell->item_index, profile);
    size_t count = 0;
    if (assay_job_is_choice(job)) {
        return assay_choice_requests(job, first, cell->item_index, queue->samples);
    }
    for (uint32_t r = 0; r < job->plan.replicates; r++) {
        if (assay_journal_has(queue->journal, first + r)) continue;
        queue->samples[count++] = (struct assay_sample_request){.tag = first + r,
                                                                .profile = profile,
                                                                .replicates = job->plan.replicates,
                                                                .sets = job->spec->sets,
                                                                .replicate = r,
                                                                .group_key = key};
    }
    return count;
}

bool assay_queue_next(struct assay_queue *queue, struct assay_request *out)
{
    const struct assay_job *job = queue->job;
    if (queue->now.begin == queue->now.end) return false;
    uint64_t first = queue->groups[queue->now.begin++] * job->plan.replicates;
    struct assay_cell cell = assay_plan_cell(&job->plan, first);
    size_t count = fill(queue, first, &cell);
    ASSAY_ASSERT(count > 0); /* nobody else computes what is on the list */
    *out =
        (struct assay_request){.tag = first,
                               .prompt = job->prompt_tokens + job->prompt_offset[cell.item_index],
                               .prompt_count = job->prompt_counts[cell.item_index],
                               .max_tokens = job->spec->max_tokens,
                               .stops = job->spec->stops,
                               .stop_count = job->spec->stop_count,
                               .sample_count = count,
                               .samples = queue->samples};
    return true;
}

void assay_queue_count(struct assay_queue *queue, bool correct, uint64_t tokens)
{
    queue->mine.words[ASSAY_BOARD_SAMPLES]++;
    queue->mine.words[ASSAY_BOARD_CORRECT] += correct;
    queue->mine.words[ASSAY_BOARD_TOKENS] += tokens;
}

static enum assay_status wait_for_board(struct assay_queue *queue, struct assay_error *err)
{
    const struct timespec pause = {0, POLL_PAUSE_NS};
    enum assay_status status = ASSAY_OK;
    while (!status && queue->exchanging) {
        status = test(queue, err);
        if (queue->exchanging) nanosleep(&pause, NULL);
    }
    return status;
}

void assay_queue_shut(struct assay_queue *queue)
{
    queue->closed = true;
    queue->left = 0;
    queue->now = queue->ahead = (struct assay_shard){0, 0};
    if (wait_for_board(queue, NULL) != ASSAY_OK) return;
    if (ask(queue, shut, NULL) != ASSAY_OK) return;
    (void)!wait_for_board(queue, NULL);
}

enum assay_status assay_queue_finish(struct assay_queue *queue, struct assay_error *err)
{
    enum assay_status status = wait_for_board(queue, err);
    if (!status) status = ask(queue, 0, err);
    return status ? status : wait_for_board(queue, err);
}

/* The work queue of one process. */
#include "run/queue.h"

#include "base/bytes.h"

#include <stdlib.h>
#include <string.h>

enum assay_status assay_queue_init(struct assay_queue *queue, const struct assay_job *job,
                                   const struct assay_journal *journal, struct assay_error *err)
{
    *queue = (struct assay_queue){.job = job, .journal = journal};
    queue->samples = calloc(job->plan.replicates, sizeof *queue->samples);
    if (!queue->samples) return assay_fail(err, ASSAY_EMEMORY, "no memory for the work queue");
    return ASSAY_OK;
}

void assay_queue_fini(struct assay_queue *queue)
{
    free(queue->samples);
}

static struct assay_digest group_key(const struct assay_job *job, uint32_t item,
                                     const struct assay_profile *profile)
{
    uint8_t seed[8];
    const char *id = assay_benchmark_item(job->benchmark, item)->id;
    assay_put_le64(seed, job->spec->seed);
    return assay_group_key(seed, sizeof seed, job->plan.site, job->plan.site_bytes,
                           (struct assay_span){id, strlen(id)},
                           (struct assay_span){profile->name, strlen(profile->name)});
}

/* Fill the samples of a group that the journal lacks; returns how many. */
static size_t fill(struct assay_queue *queue, uint64_t first, const struct assay_cell *cell)
{
    const struct assay_job *job = queue->job;
    const struct assay_profile *profile = &job->spec->profiles[cell->profile_index];
    struct assay_digest key = group_key(job, cell->item_index, profile);
    size_t count = 0;
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
    while (queue->next_group < job->plan.group_count) {
        uint64_t first = queue->next_group++ * job->plan.replicates;
        struct assay_cell cell = assay_plan_cell(&job->plan, first);
        size_t count = fill(queue, first, &cell);
        if (count == 0) continue;
        *out = (struct assay_request){.tag = first,
                                      .prompt =
                                          job->prompt_tokens + job->prompt_offset[cell.item_index],
                                      .prompt_count = job->prompt_counts[cell.item_index],
                                      .max_tokens = job->spec->max_tokens,
                                      .stops = job->spec->stops,
                                      .stop_count = job->spec->stop_count,
                                      .sample_count = count,
                                      .samples = queue->samples};
        return true;
    }
    return false;
}

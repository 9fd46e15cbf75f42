/* The work queue: whole groups (item, profile, all replicates that are missing), in the plan's
 * order, so that groups which share a prompt come one after another. */
#ifndef ASSAY_RUN_QUEUE_H
#define ASSAY_RUN_QUEUE_H

#include "assay/run.h"

struct assay_queue {
    const struct assay_job *job;         /* borrowed */
    const struct assay_journal *journal; /* borrowed: what it has is not handed out */
    uint64_t next_group;
    struct assay_sample_request *samples; /* room for the replicates of a group */
};

ASSAY_MUST_CHECK enum assay_status assay_queue_init(struct assay_queue *queue,
                                                    const struct assay_job *job,
                                                    const struct assay_journal *journal,
                                                    struct assay_error *err);
void assay_queue_fini(struct assay_queue *queue);
/* The next group with something to do, ready for assay_session_submit; lent until the next call.
 * False when none is left. Sample tags are sample indices. */
bool assay_queue_next(struct assay_queue *queue, struct assay_request *out);

#endif

/* The work queue: whole groups (item, profile, all replicates that are missing), in the plan's
 * order, so that groups which share a prompt come one after another. The ranks take shards of it
 * from the board; how much a rank takes follows from what is left and from its own share of the
 * speed, so that all end together. */
#ifndef ASSAY_RUN_QUEUE_H
#define ASSAY_RUN_QUEUE_H

#include "assay/comm.h"
#include "assay/run.h"

/* Groups begin … end − 1 of the list. */
struct assay_shard {
    uint64_t begin, end;
};

struct assay_queue {
    const struct assay_job *job;         /* borrowed */
    const struct assay_journal *journal; /* borrowed: what it has is not handed out */
    struct assay_comm *comm;             /* borrowed */
    uint64_t *groups;                    /* group_count: those that lack samples */
    uint64_t group_count;
    uint32_t hold_max;                    /* samples that a rank wants to have around */
    struct assay_sample_request *samples; /* room for the replicates of a group */

    struct assay_shard now, ahead; /* being handed out, and taken in advance */
    uint64_t left;                 /* groups that nobody had taken at the last exchange */
    uint64_t asked;                /* groups asked for in the exchange under way */
    bool exchanging, closed;
    uint64_t exchanged_ns;               /* when the last one ended */
    struct assay_board mine, told, sent; /* this rank's; as the board knows it; by the last ask */
    struct assay_board total;            /* of all ranks, after the last exchange */
};

/* `batch`: samples that the rank computes together. All ranks have the same journal before them. */
ASSAY_MUST_CHECK enum assay_status assay_queue_init(struct assay_queue *queue,
                                                    const struct assay_job *job,
                                                    const struct assay_journal *journal,
                                                    struct assay_comm *comm, uint32_t batch,
                                                    struct assay_error *err);
void assay_queue_fini(struct assay_queue *queue);

/* Between steps: let the board's exchange go on; ask for more where `held` samples (in the session)
 * and what lies here are too few. */
ASSAY_MUST_CHECK enum assay_status assay_queue_poll(struct assay_queue *queue, uint64_t held,
                                                    struct assay_error *err);
/* The next group, ready for assay_session_submit; lent until the next call. False when none is here
 * now. Sample tags are sample indices; of kind choice those of run/choice.h. */
bool assay_queue_next(struct assay_queue *queue, struct assay_request *out);
/* Whether a session that holds `held` samples should get another group. */
bool assay_queue_wants(const struct assay_queue *queue, uint64_t held);
/* Nothing is here, nothing is asked for, and nothing is left to ask for. */
bool assay_queue_empty(const struct assay_queue *queue);
/* A sample is done. */
void assay_queue_count(struct assay_queue *queue, bool correct, uint64_t tokens);
/* Take everything that is left, so that no rank gets more: this one cannot go on. */
void assay_queue_shut(struct assay_queue *queue);
/* Publish this rank's last counts; waits for the board. */
ASSAY_MUST_CHECK enum assay_status assay_queue_finish(struct assay_queue *queue,
                                                      struct assay_error *err);

/* How many samples a rank of `ranks` should have around when `left` are taken by nobody and the
 * rank does `mine` of `total` tokens. At least `group`; pure, for the test. */
uint64_t assay_queue_limit(uint64_t hold_max, uint64_t group, uint64_t left, uint32_t ranks,
                           uint64_t mine, uint64_t total);

#endif

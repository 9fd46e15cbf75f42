/* The ranks of a run. Under mpirun or srun they are MPI's; without a launcher there is one rank and
 * MPI is never started. Every call but those of the board is collective: all ranks make it, in the
 * same order. Waiting ranks sleep, so that they leave the processors to those that compute. */
#ifndef ASSAY_COMM_H
#define ASSAY_COMM_H

#include "assay/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct assay_comm;

struct assay_comm_facts {
    uint32_t rank, ranks;
    uint32_t local_rank, local_ranks; /* among the ranks of this host */
    const char *launcher;             /* "none", "mpirun", "srun", "pmi" */
    const char *job;                  /* the batch system's number of the job, or "" */
};

/* `ranks`: how many the user promised, 0 for as many as the launcher did. EMISMATCH when the world
 * has another size: ranks that do not find each other would each compute everything. */
ASSAY_MUST_CHECK enum assay_status assay_comm_open(struct assay_comm **out, uint32_t ranks,
                                                   struct assay_error *err);
void assay_comm_close(struct assay_comm *comm); /* NULL is fine */
const struct assay_comm_facts *assay_comm_facts(const struct assay_comm *comm);

/* All ranks return the worst status of all (the one with the highest number). Rank 0's error is
 * then that of the lowest rank that has it, with its rank and host in front; the others' is empty,
 * so that one message is printed. */
ASSAY_MUST_CHECK enum assay_status
assay_comm_agree(struct assay_comm *comm, enum assay_status status, struct assay_error *err);
/* Rank 0's bytes to all. */
ASSAY_MUST_CHECK enum assay_status assay_comm_broadcast(struct assay_comm *comm, void *data,
                                                        size_t bytes, struct assay_error *err);
/* `bytes` of each rank to rank 0, where `all` has room for ranks × bytes. */
ASSAY_MUST_CHECK enum assay_status assay_comm_gather(struct assay_comm *comm, const void *mine,
                                                     size_t bytes, void *all,
                                                     struct assay_error *err);
/* `bytes` of each rank of this host to all of them, in the order of local ranks. */
ASSAY_MUST_CHECK enum assay_status assay_comm_share_local(struct assay_comm *comm, const void *mine,
                                                          size_t bytes, void *all,
                                                          struct assay_error *err);

/* --- the board: counters at rank 0 that every rank adds to and reads without anybody's help (one
 * one-sided operation), while all compute. */
enum assay_board_word {
    ASSAY_BOARD_NEXT, /* shards handed out */
    ASSAY_BOARD_SAMPLES,
    ASSAY_BOARD_CORRECT,
    ASSAY_BOARD_TOKENS,
    ASSAY_BOARD_WORDS
};
struct assay_board {
    uint64_t words[ASSAY_BOARD_WORDS];
};
/* Add to every word; at most one exchange is under way. */
ASSAY_MUST_CHECK enum assay_status assay_comm_exchange(struct assay_comm *comm,
                                                       const struct assay_board *add,
                                                       struct assay_error *err);
/* Let others' exchanges pass: rank 0 calls it often, between the steps of its computation. */
void assay_comm_progress(struct assay_comm *comm);
/* *done when it has ended; *before is then what stood on the board before it. Never waits. */
ASSAY_MUST_CHECK enum assay_status assay_comm_exchange_test(struct assay_comm *comm,
                                                            struct assay_board *before, bool *done,
                                                            struct assay_error *err);

/* A meeting: begin once, then test until *done: all ranks have begun. Never waits. */
ASSAY_MUST_CHECK enum assay_status assay_comm_meet(struct assay_comm *comm,
                                                   struct assay_error *err);
ASSAY_MUST_CHECK enum assay_status assay_comm_meet_test(struct assay_comm *comm, bool *done,
                                                        struct assay_error *err);

#endif

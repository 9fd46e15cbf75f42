/* The inside of comm: two ways to be a rank, one table of operations. */
#ifndef ASSAY_RUN_COMM_H
#define ASSAY_RUN_COMM_H

#include "assay/comm.h"

/* As in assay/comm.h. */
struct assay_comm_operations {
    void (*close)(struct assay_comm *comm);
    enum assay_status (*broadcast)(struct assay_comm *comm, void *data, size_t bytes,
                                   struct assay_error *err);
    enum assay_status (*gather)(struct assay_comm *comm, const void *mine, size_t bytes, void *all,
                                struct assay_error *err);
    enum assay_status (*share_local)(struct assay_comm *comm, const void *mine, size_t bytes,
                                     void *all, struct assay_error *err);
    void (*progress)(struct assay_comm *comm);
    enum assay_status (*exchange)(struct assay_comm *comm, const struct assay_board *add,
                                  struct assay_error *err);
    enum assay_status (*exchange_test)(struct assay_comm *comm, struct assay_board *before,
                                       bool *done, struct assay_error *err);
    enum assay_status (*meet)(struct assay_comm *comm, struct assay_error *err);
    enum assay_status (*meet_test)(struct assay_comm *comm, bool *done, struct assay_error *err);
};

struct assay_comm {
    const struct assay_comm_operations *operations;
    struct assay_comm_facts facts;
    struct assay_vote *votes; /* at rank 0: room for one of each rank */
    bool told;                /* an error was agreed on: it says already whose it is */
};

/* What the environment says of who started this process. */
struct assay_launch {
    const char *launcher;
    const char *job;
    uint32_t ranks; /* promised; 0: not told */
    bool mpi;       /* whether there is somebody to connect to */
    bool lonely;    /* ranks that the launcher gave no way to find each other */
};
struct assay_launch assay_launch_read(void);

ASSAY_MUST_CHECK enum assay_status assay_comm_self_open(struct assay_comm **out,
                                                        struct assay_error *err);
ASSAY_MUST_CHECK enum assay_status assay_comm_mpi_open(struct assay_comm **out,
                                                       struct assay_error *err);

#endif

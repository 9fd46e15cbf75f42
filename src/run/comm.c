/* What is the same for one rank and for many: opening, and agreeing. */
#include "run/comm.h"

#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A rank's vote, as it travels. */
struct assay_vote {
    uint32_t status;
    char host[64];
    char text[sizeof((struct assay_error *)0)->text];
};

struct verdict {
    uint32_t status, rank;
};

static enum assay_status check_size(const struct assay_comm *comm,
                                    const struct assay_launch *launch, uint32_t ranks,
                                    struct assay_error *err)
{
    uint32_t promised = ranks ? ranks : launch->ranks;
    if (promised == 0 || promised == comm->facts.ranks) return ASSAY_OK;
    if (ranks) {
        return assay_fail(err, ASSAY_EMISMATCH, "--ranks %u, but %u rank%s started (launcher: %s)",
                          ranks, comm->facts.ranks, comm->facts.ranks == 1 ? " was" : "s were",
                          launch->launcher);
    }
    if (!launch->mpi) {
        return assay_fail(
            err, ASSAY_EMISMATCH,
            "job %s was granted %u tasks, but this program was started once; start it "
            "with srun or mpirun, or say --ranks 1",
            launch->job, promised);
    }
    return assay_fail(err, ASSAY_EMISMATCH,
                      "%s promised %u ranks, but MPI connects %u: each would compute everything. "
                      "Is the launcher of the Open MPI that this program was built with (srun: "
                      "--mpi=pmix)?",
                      launch->launcher, promised, comm->facts.ranks);
}

enum assay_status assay_comm_open(struct assay_comm **out, uint32_t ranks, struct assay_error *err)
{
    struct assay_launch launch = assay_launch_read();
    struct assay_comm *comm;
    if (launch.lonely) { /* Open MPI would abort with a page of text */
        return assay_fail(err, ASSAY_EMISMATCH,
                          "%s started %u tasks that cannot find each other (no PMIX_RANK in the "
                          "environment): start them with srun --mpi=pmix",
                          launch.launcher, launch.ranks);
    }
    enum assay_status status =
        launch.mpi ? assay_comm_mpi_open(&comm, err) : assay_comm_self_open(&comm, err);
    if (status) return status;
    comm->facts.launcher = launch.launcher;
    comm->facts.job = launch.job;
    status = check_size(comm, &launch, ranks, err);
    if (status) {
        assay_comm_close(comm);
        return status;
    }
    if (comm->facts.rank == 0) {
        comm->votes = calloc(comm->facts.ranks, sizeof *comm->votes);
        ASSAY_ASSERT(comm->votes); /* alone it could not leave: the others wait for it */
    }
    *out = comm;
    return ASSAY_OK;
}

void assay_comm_close(struct assay_comm *comm)
{
    if (!comm) return;
    free(comm->votes);
    comm->operations->close(comm);
}

const struct assay_comm_facts *assay_comm_facts(const struct assay_comm *comm)
{
    return &comm->facts;
}

static struct verdict worst_of(const struct assay_vote *votes, uint32_t ranks)
{
    struct verdict verdict = {ASSAY_OK, 0};
    for (uint32_t r = 0; r < ranks; r++) {
        if (votes[r].status > verdict.status) verdict = (struct verdict){votes[r].status, r};
    }
    return verdict;
}

static void tell(struct assay_comm *comm, const struct verdict *verdict, struct assay_error *err)
{
    if (!err) return;
    if (comm->facts.rank != 0) {
        err->text[0] = '\0';
        return;
    }
    const struct assay_vote *vote = &comm->votes[verdict->rank];
    enum assay_status status = (enum assay_status)verdict->status;
    (void)assay_fail(err, status, "%.900s", vote->text);
    if (!comm->told) (void)assay_while(err, status, "rank %u on %s", verdict->rank, vote->host);
    comm->told = true;
}

enum assay_status assay_comm_agree(struct assay_comm *comm, enum assay_status status,
                                   struct assay_error *err)
{
    if (comm->facts.ranks == 1) return status;
    struct assay_vote mine = {.status = (uint32_t)status};
    struct verdict verdict = {ASSAY_OK, 0};
    gethostname(mine.host, sizeof mine.host - 1);
    if (status && err) snprintf(mine.text, sizeof mine.text, "%s", err->text);
    enum assay_status failed = assay_comm_gather(comm, &mine, sizeof mine, comm->votes, err);
    if (!failed && comm->votes) verdict = worst_of(comm->votes, comm->facts.ranks);
    if (!failed) failed = assay_comm_broadcast(comm, &verdict, sizeof verdict, err);
    if (failed) return failed;
    if (verdict.status != ASSAY_OK) tell(comm, &verdict, err);
    return (enum assay_status)verdict.status;
}

enum assay_status assay_comm_broadcast(struct assay_comm *comm, void *data, size_t bytes,
                                       struct assay_error *err)
{
    return comm->operations->broadcast(comm, data, bytes, err);
}

enum assay_status assay_comm_gather(struct assay_comm *comm, const void *mine, size_t bytes,
                                    void *all, struct assay_error *err)
{
    return comm->operations->gather(comm, mine, bytes, all, err);
}

enum assay_status assay_comm_share_local(struct assay_comm *comm, const void *mine, size_t bytes,
                                         void *all, struct assay_error *err)
{
    return comm->operations->share_local(comm, mine, bytes, all, err);
}

void assay_comm_progress(struct assay_comm *comm)
{
    comm->operations->progress(comm);
}

enum assay_status assay_comm_exchange(struct assay_comm *comm, const struct assay_board *add,
                                      struct assay_error *err)
{
    return comm->operations->exchange(comm, add, err);
}

enum assay_status assay_comm_exchange_test(struct assay_comm *comm, struct assay_board *before,
                                           bool *done, struct assay_error *err)
{
    return comm->operations->exchange_test(comm, before, done, err);
}

enum assay_status assay_comm_meet(struct assay_comm *comm, struct assay_error *err)
{
    return comm->operations->meet(comm, err);
}

enum assay_status assay_comm_meet_test(struct assay_comm *comm, bool *done, struct assay_error *err)
{
    return comm->operations->meet_test(comm, done, err);
}

/* Ranks by MPI; the only file that sees <mpi.h>. Collectives are started without blocking and
 * polled with growing sleeps: Open MPI's own waiting spins, and would take the processor from a
 * rank that still computes. The board is a window at rank 0 under passive-target access; one
 * MPI_Rget_accumulate takes shards, adds progress and reads both, and runs over shared memory as
 * over TCP. */
#include "run/comm.h"

#include "base/assert.h"

#include <limits.h>
#include <mpi.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SLEEP_NS_MIN = 20000, SLEEP_NS_MAX = 2000000 };

struct ranks {
    struct assay_comm comm; /* first: a comm is cast to its ranks */
    MPI_Comm world, local;
    MPI_Win window;
    MPI_Request exchange, meeting;
    struct assay_board add, before;
    bool exchanging, meeting_begun;
};

static enum assay_status check(int code, const char *what, struct assay_error *err)
{
    char text[MPI_MAX_ERROR_STRING] = "";
    int length = 0;
    if (code == MPI_SUCCESS) return ASSAY_OK;
    MPI_Error_string(code, text, &length);
    return assay_fail(err, ASSAY_EIO, "%s: %s", what, text);
}

/* Whatever has begun, until it has ended. */
static enum assay_status wait_for(MPI_Request *request, const char *what, struct assay_error *err)
{
    struct timespec pause = {0, SLEEP_NS_MIN};
    for (;;) {
        int done = 0;
        enum assay_status status = check(MPI_Test(request, &done, MPI_STATUS_IGNORE), what, err);
        if (status || done) return status;
        nanosleep(&pause, NULL);
        if (pause.tv_nsec < SLEEP_NS_MAX) pause.tv_nsec *= 2;
    }
}

static void ranks_close(struct assay_comm *comm)
{
    struct ranks *ranks = (struct ranks *)comm;
    if (ranks->window != MPI_WIN_NULL) {
        MPI_Win_unlock_all(ranks->window);
        MPI_Win_free(&ranks->window);
    }
    if (ranks->local != MPI_COMM_NULL) MPI_Comm_free(&ranks->local);
    if (ranks->world != MPI_COMM_NULL) MPI_Comm_free(&ranks->world);
    MPI_Finalize();
    free(ranks);
}

static enum assay_status ranks_broadcast(struct assay_comm *comm, void *data, size_t bytes,
                                         struct assay_error *err)
{
    struct ranks *ranks = (struct ranks *)comm;
    char *at = data;
    enum assay_status status = ASSAY_OK;
    while (bytes > 0 && !status) {
        MPI_Request request;
        int now = bytes > INT_MAX ? INT_MAX : (int)bytes;
        status = check(MPI_Ibcast(at, now, MPI_BYTE, 0, ranks->world, &request), "MPI_Ibcast", err);
        if (!status) status = wait_for(&request, "MPI_Ibcast", err);
        at += now;
        bytes -= (size_t)now;
    }
    return status;
}

static enum assay_status ranks_gather(struct assay_comm *comm, const void *mine, size_t bytes,
                                      void *all, struct assay_error *err)
{
    struct ranks *ranks = (struct ranks *)comm;
    MPI_Request request;
    ASSAY_ASSERT(bytes <= INT_MAX);
    enum assay_status status = check(MPI_Igather(mine, (int)bytes, MPI_BYTE, all, (int)bytes,
                                                 MPI_BYTE, 0, ranks->world, &request),
                                     "MPI_Igather", err);
    return status ? status : wait_for(&request, "MPI_Igather", err);
}

static enum assay_status ranks_share_local(struct assay_comm *comm, const void *mine, size_t bytes,
                                           void *all, struct assay_error *err)
{
    struct ranks *ranks = (struct ranks *)comm;
    MPI_Request request;
    ASSAY_ASSERT(bytes <= INT_MAX);
    enum assay_status status = check(MPI_Iallgather(mine, (int)bytes, MPI_BYTE, all, (int)bytes,
                                                    MPI_BYTE, ranks->local, &request),
                                     "MPI_Iallgather", err);
    return status ? status : wait_for(&request, "MPI_Iallgather", err);
}

/* A window without hardware behind it moves only while its owner is inside MPI, and a test of a
 * request that has ended already does not go there: with TCP, a rank 0 that never probed kept the
 * others waiting for all of the work. */
static void ranks_progress(struct assay_comm *comm)
{
    struct ranks *ranks = (struct ranks *)comm;
    int flag;
    MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, ranks->world, &flag, MPI_STATUS_IGNORE);
}

static enum assay_status ranks_exchange(struct assay_comm *comm, const struct assay_board *add,
                                        struct assay_error *err)
{
    struct ranks *ranks = (struct ranks *)comm;
    ASSAY_ASSERT(!ranks->exchanging);
    ranks->add = *add;
    ranks->exchanging = true;
    return check(MPI_Rget_accumulate(ranks->add.words, ASSAY_BOARD_WORDS, MPI_UINT64_T,
                                     ranks->before.words, ASSAY_BOARD_WORDS, MPI_UINT64_T, 0, 0,
                                     ASSAY_BOARD_WORDS, MPI_UINT64_T, MPI_SUM, ranks->window,
                                     &ranks->exchange),
                 "MPI_Rget_accumulate", err);
}

static enum assay_status ranks_exchange_test(struct assay_comm *comm, struct assay_board *before,
                                             bool *done, struct assay_error *err)
{
    struct ranks *ranks = (struct ranks *)comm;
    int flag = 0;
    ASSAY_ASSERT(ranks->exchanging);
    *done = false;
    enum assay_status status =
        check(MPI_Test(&ranks->exchange, &flag, MPI_STATUS_IGNORE), "the board", err);
    if (status || !flag) return status;
    ranks->exchanging = false;
    *before = ranks->before;
    *done = true;
    return ASSAY_OK;
}

static enum assay_status ranks_meet(struct assay_comm *comm, struct assay_error *err)
{
    struct ranks *ranks = (struct ranks *)comm;
    ASSAY_ASSERT(!ranks->meeting_begun);
    ranks->meeting_begun = true;
    return check(MPI_Ibarrier(ranks->world, &ranks->meeting), "MPI_Ibarrier", err);
}

static enum assay_status ranks_meet_test(struct assay_comm *comm, bool *done,
                                         struct assay_error *err)
{
    struct ranks *ranks = (struct ranks *)comm;
    int flag = 0;
    ASSAY_ASSERT(ranks->meeting_begun);
    enum assay_status status =
        check(MPI_Test(&ranks->meeting, &flag, MPI_STATUS_IGNORE), "MPI_Ibarrier", err);
    *done = flag != 0;
    if (*done) ranks->meeting_begun = false;
    return status;
}

static const struct assay_comm_operations operations = {
    .close = ranks_close,
    .broadcast = ranks_broadcast,
    .gather = ranks_gather,
    .share_local = ranks_share_local,
    .progress = ranks_progress,
    .exchange = ranks_exchange,
    .exchange_test = ranks_exchange_test,
    .meet = ranks_meet,
    .meet_test = ranks_meet_test,
};

/* Rank 0 holds the words, the others nothing. */
static enum assay_status open_window(struct ranks *ranks, struct assay_error *err)
{
    uint64_t *words = NULL;
    MPI_Aint bytes = ranks->comm.facts.rank == 0 ? (MPI_Aint)sizeof(struct assay_board) : 0;
    enum assay_status status = check(MPI_Win_allocate(bytes, sizeof(uint64_t), MPI_INFO_NULL,
                                                      ranks->world, &words, &ranks->window),
                                     "MPI_Win_allocate", err);
    if (status) return status;
    MPI_Win_set_errhandler(ranks->window, MPI_ERRORS_RETURN);
    if (bytes > 0) memset(words, 0, sizeof(struct assay_board));
    MPI_Barrier(ranks->world); /* nobody adds before the zeros are there */
    return check(MPI_Win_lock_all(MPI_MODE_NOCHECK, ranks->window), "MPI_Win_lock_all", err);
}

static enum assay_status connect_ranks(struct ranks *ranks, struct assay_error *err)
{
    int rank, size, local_rank, local_size;
    enum assay_status status =
        check(MPI_Comm_dup(MPI_COMM_WORLD, &ranks->world), "MPI_Comm_dup", err);
    if (status) return status;
    MPI_Comm_set_errhandler(ranks->world, MPI_ERRORS_RETURN);
    MPI_Comm_rank(ranks->world, &rank);
    MPI_Comm_size(ranks->world, &size);
    status = check(
        MPI_Comm_split_type(ranks->world, MPI_COMM_TYPE_SHARED, rank, MPI_INFO_NULL, &ranks->local),
        "MPI_Comm_split_type", err);
    if (status) return status;
    MPI_Comm_rank(ranks->local, &local_rank);
    MPI_Comm_size(ranks->local, &local_size);
    ranks->comm.facts = (struct assay_comm_facts){.rank = (uint32_t)rank,
                                                  .ranks = (uint32_t)size,
                                                  .local_rank = (uint32_t)local_rank,
                                                  .local_ranks = (uint32_t)local_size};
    return open_window(ranks, err);
}

enum assay_status assay_comm_mpi_open(struct assay_comm **out, struct assay_error *err)
{
    int provided;
    struct ranks *ranks = calloc(1, sizeof *ranks);
    if (!ranks) return assay_fail(err, ASSAY_EMEMORY, "no memory for the ranks");
    *ranks = (struct ranks){.comm.operations = &operations,
                            .world = MPI_COMM_NULL,
                            .local = MPI_COMM_NULL,
                            .window = MPI_WIN_NULL};
    /* Open MPI 4 chooses one-sided operations by RDMA between hosts that have only TCP, and then
     * cannot make a window. Whoever sets it knows better. */
    (void)setenv("OMPI_MCA_osc", "^rdma", 0);
    enum assay_status status =
        check(MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided), "MPI_Init_thread", err);
    if (status) {
        free(ranks);
        return status;
    }
    status = connect_ranks(ranks, err);
    if (status) {
        ranks_close(&ranks->comm);
        return status;
    }
    *out = &ranks->comm;
    return ASSAY_OK;
}

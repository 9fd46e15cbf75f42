/* One rank: no MPI is started, and everything is there at once. */
#include "run/comm.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

struct self {
    struct assay_comm comm; /* first: a comm is cast to its self */
    struct assay_board board, before;
    bool exchanging;
};

static void self_close(struct assay_comm *comm)
{
    free(comm);
}

static enum assay_status self_broadcast(struct assay_comm *comm, void *data, size_t bytes,
                                        struct assay_error *err)
{
    (void)comm;
    (void)data;
    (void)bytes;
    (void)err;
    return ASSAY_OK;
}

static enum assay_status self_gather(struct assay_comm *comm, const void *mine, size_t bytes,
                                     void *all, struct assay_error *err)
{
    (void)comm;
    (void)err;
    memmove(all, mine, bytes);
    return ASSAY_OK;
}

static void self_progress(struct assay_comm *comm)
{
    (void)comm;
}

static enum assay_status self_exchange(struct assay_comm *comm, const struct assay_board *add,
                                       struct assay_error *err)
{
    struct self *self = (struct self *)comm;
    (void)err;
    ASSAY_ASSERT(!self->exchanging);
    self->before = self->board;
    for (size_t i = 0; i < ASSAY_BOARD_WORDS; i++) self->board.words[i] += add->words[i];
    self->exchanging = true;
    return ASSAY_OK;
}

static enum assay_status self_exchange_test(struct assay_comm *comm, struct assay_board *before,
                                            bool *done, struct assay_error *err)
{
    struct self *self = (struct self *)comm;
    (void)err;
    ASSAY_ASSERT(self->exchanging);
    self->exchanging = false;
    *before = self->before;
    *done = true;
    return ASSAY_OK;
}

static enum assay_status self_meet(struct assay_comm *comm, struct assay_error *err)
{
    (void)comm;
    (void)err;
    return ASSAY_OK;
}

static enum assay_status self_meet_test(struct assay_comm *comm, bool *done,
                                        struct assay_error *err)
{
    (void)comm;
    (void)err;
    *done = true;
    return ASSAY_OK;
}

static const struct assay_comm_operations operations = {
    .close = self_close,
    .broadcast = self_broadcast,
    .gather = self_gather,
    .share_local = self_gather,
    .progress = self_progress,
    .exchange = self_exchange,
    .exchange_test = self_exchange_test,
    .meet = self_meet,
    .meet_test = self_meet_test,
};

enum assay_status assay_comm_self_open(struct assay_comm **out, struct assay_error *err)
{
    struct self *self = calloc(1, sizeof *self);
    if (!self) return assay_fail(err, ASSAY_EMEMORY, "no memory for the ranks");
    self->comm.operations = &operations;
    self->comm.facts = (struct assay_comm_facts){.ranks = 1, .local_ranks = 1};
    *out = &self->comm;
    return ASSAY_OK;
}

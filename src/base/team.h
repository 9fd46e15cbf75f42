/* A team of threads that runs one function on all of them and waits: fork and join, in
 * microseconds. Own threads rather than OpenMP: the thread sanitizer sees them, each thread's
 * floating-point mode is checked before it computes, and an idle team sleeps after a short spin
 * instead of burning the core that another rank needs. */
#ifndef ASSAY_BASE_TEAM_H
#define ASSAY_BASE_TEAM_H

#include "assay/status.h"

#include <stddef.h>

struct assay_team;

/* Where the team's threads run, for a caller that binds them to its part of the machine. */
struct assay_team_place {
    /* Called once on each thread, the owner's included, before its first work; NULL: nothing. */
    void (*bind)(void *context, unsigned thread);
    void *context;       /* alive until assay_team_open has returned */
    unsigned processors; /* that the team has for itself; 0: what the opening thread may run on */
};

/* `place` may be NULL: nothing is bound. Every thread is bound when this returns. */
ASSAY_MUST_CHECK enum assay_status assay_team_open(struct assay_team **out, unsigned threads,
                                                   const struct assay_team_place *place,
                                                   struct assay_error *err);
void assay_team_close(struct assay_team *team); /* NULL is fine */
unsigned assay_team_threads(const struct assay_team *team);

/* Runs work(context, thread, threads) on every thread, the caller's included (thread 0), and
 * returns when all have ended. Only the thread that opened the team may call it; not from inside
 * work. */
typedef void assay_team_work(void *context, unsigned thread, unsigned threads);
void assay_team_run(struct assay_team *team, assay_team_work *work, void *context);

/* The part of 0 … count−1 that belongs to a thread, in multiples of `grain`: *begin ≤ i < *end. */
void assay_team_share(size_t count, size_t grain, unsigned thread, unsigned threads, size_t *begin,
                      size_t *end);

#endif

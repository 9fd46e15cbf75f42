/* A team of threads. A run opens the gate `start`; the last thread to end its part opens `finish`.
 * Whoever waits at a gate first spins, because the next operation of a forward pass is microseconds
 * away, and then sleeps. Sleepers announce themselves before they look a last time, openers look
 * for sleepers after they have opened: both in sequentially consistent order, so no wake-up is
 * lost. */
#define _GNU_SOURCE /* sched_getaffinity */
#include "base/team.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/exact.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS_MAX = 4096, SPIN_NS = 30000, SPINS_PER_CLOCK = 16, CACHE_LINE = 64 };

struct gate {
    _Alignas(CACHE_LINE) atomic_uint openings; /* how often it was opened */
    atomic_uint sleepers;
    pthread_mutex_t mutex;
    pthread_cond_t opened;
};

struct member {
    struct assay_team *team;
    unsigned thread;
    pthread_t id;
};

struct assay_team {
    struct gate start, finish;
    _Alignas(CACHE_LINE) atomic_uint pending; /* threads that have not ended their part */
    unsigned threads;
    unsigned started; /* threads besides the owner's */
    uint64_t spin_ns; /* 0 where there are more threads than processors for them */
    pthread_t owner;
    bool running;
    assay_team_work *work; /* NULL ends the threads */
    void *context;
    struct member *members; /* [threads]; [0] is the owner */
};

static void gate_init(struct gate *gate)
{
    atomic_init(&gate->openings, 0);
    atomic_init(&gate->sleepers, 0);
    ASSAY_ASSERT(pthread_mutex_init(&gate->mutex, NULL) == 0);
    ASSAY_ASSERT(pthread_cond_init(&gate->opened, NULL) == 0);
}

static void gate_fini(struct gate *gate)
{
    pthread_cond_destroy(&gate->opened);
    pthread_mutex_destroy(&gate->mutex);
}

static void gate_open(struct gate *gate)
{
    atomic_fetch_add(&gate->openings, 1);
    if (atomic_load(&gate->sleepers) == 0) return;
    pthread_mutex_lock(&gate->mutex);
    pthread_cond_broadcast(&gate->opened);
    pthread_mutex_unlock(&gate->mutex);
}

static void pause_briefly(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb");
#endif
}

/* Yielding lets in who is waited for when both share a processor: on a busy machine a fork and join
 * took 65 µs without it and 3 µs with it, on an idle one 0.3 µs either way. */
static bool gate_spin(struct gate *gate, unsigned passed, uint64_t spin_ns)
{
    uint64_t end = spin_ns > 0 ? assay_clock_monotonic_ns() + spin_ns : 0;
    do {
        for (int i = 0; i < SPINS_PER_CLOCK; i++) {
            if (atomic_load(&gate->openings) != passed) return true;
            pause_briefly();
        }
        if (spin_ns > 0) sched_yield();
    } while (spin_ns > 0 && assay_clock_monotonic_ns() < end);
    return false;
}

/* Wait for the opening that follows the `passed`-th. */
static void gate_wait(struct gate *gate, unsigned passed, uint64_t spin_ns)
{
    if (gate_spin(gate, passed, spin_ns)) return;
    pthread_mutex_lock(&gate->mutex);
    atomic_fetch_add(&gate->sleepers, 1);
    while (atomic_load(&gate->openings) == passed) pthread_cond_wait(&gate->opened, &gate->mutex);
    atomic_fetch_sub(&gate->sleepers, 1);
    pthread_mutex_unlock(&gate->mutex);
}

static void *member_main(void *argument)
{
    const struct member *member = argument;
    struct assay_team *team = member->team;
    assay_float_mode_set();
    for (unsigned passed = 0;; passed++) {
        gate_wait(&team->start, passed, team->spin_ns);
        if (!team->work) return NULL;
        ASSAY_ASSERT(assay_float_mode_check() == 0);
        team->work(team->context, member->thread, team->threads);
        if (atomic_fetch_sub(&team->pending, 1) == 1) gate_open(&team->finish);
    }
}

/* Members take no signals: those that ask the program to end belong to its first thread. */
static enum assay_status start_members(struct assay_team *team, struct assay_error *err)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = 0;
    while (code == 0 && team->started + 1 < team->threads) {
        struct member *member = &team->members[team->started + 1];
        *member = (struct member){.team = team, .thread = team->started + 1};
        code = pthread_create(&member->id, NULL, member_main, member);
        if (code == 0) team->started++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (code == 0) return ASSAY_OK;
    return assay_fail_errno(err, code, "starting thread %u of %u", team->started + 1,
                            team->threads);
}

/* Processors that this process may run on: a rank is bound to its part of the machine. 1 where that
 * cannot be told, so that nobody spins in vain. */
static unsigned processors_allowed(void)
{
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return 1;
    return (unsigned)CPU_COUNT(&allowed);
}

struct binding {
    void (*bind)(void *context, unsigned thread);
    void *context;
};

static void bind_thread(void *context, unsigned thread, unsigned threads)
{
    const struct binding *binding = context;
    (void)threads;
    binding->bind(binding->context, thread);
}

static unsigned processors_of(const struct assay_team_place *place)
{
    return place && place->processors > 0 ? place->processors : processors_allowed();
}

enum assay_status assay_team_open(struct assay_team **out, unsigned threads,
                                  const struct assay_team_place *place, struct assay_error *err)
{
    if (threads < 1 || threads > THREADS_MAX) {
        return assay_fail(err, ASSAY_EVALUE, "%u threads: must be 1 to %d", threads, THREADS_MAX);
    }
    struct assay_team *team = aligned_alloc(CACHE_LINE, sizeof *team);
    struct member *members = calloc(threads, sizeof *members);
    if (!team || !members) {
        free(members);
        free(team);
        return assay_fail(err, ASSAY_EMEMORY, "no memory for a team of %u threads", threads);
    }
    memset(team, 0, sizeof *team);
    gate_init(&team->start);
    gate_init(&team->finish);
    atomic_init(&team->pending, 0);
    team->spin_ns = threads <= processors_of(place) ? SPIN_NS : 0;
    team->threads = threads;
    team->owner = pthread_self();
    team->members = members;
    assay_float_mode_set();
    enum assay_status status = start_members(team, err);
    if (status) {
        assay_team_close(team);
        return status;
    }
    if (place && place->bind) {
        struct binding binding = {place->bind, place->context};
        assay_team_run(team, bind_thread, &binding);
    }
    *out = team;
    return ASSAY_OK;
}

void assay_team_close(struct assay_team *team)
{
    if (!team) return;
    team->work = NULL;
    gate_open(&team->start);
    for (unsigned i = 1; i <= team->started; i++) pthread_join(team->members[i].id, NULL);
    gate_fini(&team->finish);
    gate_fini(&team->start);
    free(team->members);
    free(team);
}

unsigned assay_team_threads(const struct assay_team *team)
{
    return team->threads;
}

void assay_team_run(struct assay_team *team, assay_team_work *work, void *context)
{
    ASSAY_ASSERT(work && !team->running && pthread_equal(team->owner, pthread_self()));
    ASSAY_ASSERT(assay_float_mode_check() == 0);
    team->running = true;
    if (team->threads > 1) {
        unsigned passed = atomic_load(&team->finish.openings);
        team->work = work;
        team->context = context;
        atomic_store(&team->pending, team->threads - 1);
        gate_open(&team->start);
        work(context, 0, team->threads);
        gate_wait(&team->finish, passed, team->spin_ns);
    } else {
        work(context, 0, 1);
    }
    team->running = false;
}

void assay_team_share(size_t count, size_t grain, unsigned thread, unsigned threads, size_t *begin,
                      size_t *end)
{
    ASSAY_ASSERT(grain > 0 && thread < threads);
    size_t grains = count / grain + (count % grain != 0);
    size_t each = grains / threads, more = grains % threads;
    size_t first = thread * each + (thread < more ? thread : more);
    size_t last = first + each + (thread < more ? 1 : 0);
    *begin = first * grain < count ? first * grain : count;
    *end = last < grains ? last * grain : count;
}

/* A team: every thread works once in each run, runs are seen in order, idle teams wake up. */
#include "harness/check.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/exact.h"
#include "base/team.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <time.h>

enum { THREADS_MAX = 8 };

struct tally {
    unsigned calls[THREADS_MAX]; /* by thread */
    unsigned wrong;
    unsigned round;
    unsigned threads;
    uint64_t shared[4096]; /* each thread writes its part and reads the others' in the next run */
};

static void write_part(void *context, unsigned thread, unsigned threads)
{
    struct tally *tally = context;
    size_t begin, end;
    assay_team_share(COUNT_OF(tally->shared), 16, thread, threads, &begin, &end);
    for (size_t i = begin; i < end; i++) tally->shared[i] = tally->round * 10000u + i;
    tally->calls[thread]++;
}

static void read_other_part(void *context, unsigned thread, unsigned threads)
{
    struct tally *tally = context;
    size_t begin, end;
    unsigned other = (thread + 1) % threads;
    assay_team_share(COUNT_OF(tally->shared), 16, other, threads, &begin, &end);
    bool right = threads == tally->threads && assay_float_mode_check() == 0;
    for (size_t i = begin; i < end; i++) {
        right = right && tally->shared[i] == tally->round * 10000u + i;
    }
    tally->calls[thread] += right ? 1 : 1000000;
}

static void test_runs(void **state)
{
    (void)state;
    for (unsigned threads = 1; threads <= THREADS_MAX; threads++) {
        enum { ROUNDS = 300 };
        static struct tally tally;
        memset(&tally, 0, sizeof tally);
        tally.threads = threads;
        struct assay_team *team = NULL;
        struct assay_error err;
        check_ok(assay_team_open(&team, threads, NULL, &err), &err);
        assert_int_equal(assay_team_threads(team), threads);
        for (unsigned round = 0; round < ROUNDS; round++) {
            tally.round = round;
            assay_team_run(team, write_part, &tally);
            assay_team_run(team, read_other_part, &tally);
            if (round % 100 == 99) { /* long enough that the others fall asleep */
                nanosleep(&(struct timespec){0, 2000000}, NULL);
            }
        }
        assay_team_close(team);
        for (unsigned i = 0; i < threads; i++) assert_int_equal(tally.calls[i], 2 * ROUNDS);
    }
}

/* The owner ends long before the others, and the others long before the owner. */
static void sleep_unequally(void *context, unsigned thread, unsigned threads)
{
    struct tally *tally = context;
    (void)threads;
    if ((thread == 0) == (tally->round % 2 == 0)) {
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    tally->calls[thread]++;
}

static void test_unequal(void **state)
{
    (void)state;
    static struct tally tally;
    memset(&tally, 0, sizeof tally);
    struct assay_team *team = NULL;
    struct assay_error err;
    check_ok(assay_team_open(&team, 3, NULL, &err), &err);
    for (tally.round = 0; tally.round < 40; tally.round++) {
        assay_team_run(team, sleep_unequally, &tally);
        for (unsigned i = 0; i < 3; i++) assert_int_equal(tally.calls[i], tally.round + 1);
    }
    assay_team_close(team);
}

static void test_open(void **state)
{
    (void)state;
    struct assay_team *team = NULL;
    struct assay_error err;
    check_refused(assay_team_open(&team, 0, NULL, &err), ASSAY_EVALUE, &err, "0 threads");
    check_refused(assay_team_open(&team, 5000, NULL, &err), ASSAY_EVALUE, &err, "5000 threads");
    assert_null(team);
    assay_team_close(NULL);
    for (int i = 0; i < 50; i++) { /* opened and closed without a run */
        check_ok(assay_team_open(&team, 4, NULL, &err), &err);
        assay_team_close(team);
    }
}

/* Linked with --wrap: the n-th thread is refused. */
static unsigned threads_left = UINT32_MAX;

int __real_pthread_create(pthread_t *id, const pthread_attr_t *attributes, void *(*start)(void *),
                          void *argument);
int __wrap_pthread_create(pthread_t *id, const pthread_attr_t *attributes, void *(*start)(void *),
                          void *argument);

int __wrap_pthread_create(pthread_t *id, const pthread_attr_t *attributes, void *(*start)(void *),
                          void *argument)
{
    if (threads_left == 0) return EAGAIN;
    if (threads_left != UINT32_MAX) threads_left--;
    return __real_pthread_create(id, attributes, start, argument);
}

static void test_open_fails(void **state)
{
    (void)state;
    for (unsigned allowed = 0; allowed < 3; allowed++) {
        static const char *const quoted[] = {"thread 1 of 4: ", "thread 2 of 4", "thread 3 of 4"};
        struct assay_team *team = NULL;
        struct assay_error err;
        threads_left = allowed;
        enum assay_status status = assay_team_open(&team, 4, NULL, &err);
        threads_left = UINT32_MAX;
        check_refused(status, ASSAY_EIO, &err, quoted[allowed]);
        assert_null(team);
    }
}

/* Members keep their own mode, whatever the owner's was when they were started. */
static void check_mode(void *context, unsigned thread, unsigned threads)
{
    (void)threads;
    ((int *)context)[thread] = assay_float_mode_check();
}

static void test_mode(void **state)
{
    (void)state;
    struct assay_team *team = NULL;
    struct assay_error err;
    int modes[2] = {7, 7};
#if defined(__x86_64__)
    __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8040u);
#endif
    check_ok(assay_team_open(&team, 2, NULL, &err), &err);
    assay_team_run(team, check_mode, modes);
    assert_true(modes[0] == 0 && modes[1] == 0);
    assay_team_close(team);
}

/* The parts cover 0 … count−1 once, begin at multiples of the grain, and differ by a grain. */
static void test_share(void **state)
{
    (void)state;
    static const size_t counts[] = {0, 1, 31, 32, 33, 100, 4096, SIZE_MAX};
    static const size_t grains[] = {1, 7, 32, 5000};
    for (size_t c = 0; c < COUNT_OF(counts); c++) {
        for (size_t g = 0; g < COUNT_OF(grains); g++) {
            for (unsigned threads = 1; threads <= 65; threads += 4) {
                size_t expected = 0, smallest = SIZE_MAX, largest = 0;
                for (unsigned thread = 0; thread < threads; thread++) {
                    size_t begin, end;
                    assay_team_share(counts[c], grains[g], thread, threads, &begin, &end);
                    assert_true(begin == expected && end >= begin && end <= counts[c]);
                    assert_true(begin % grains[g] == 0 || begin == counts[c]);
                    size_t shares = (end - begin) / grains[g] + ((end - begin) % grains[g] != 0);
                    if (shares < smallest) smallest = shares;
                    if (shares > largest) largest = shares;
                    expected = end;
                }
                assert_true(expected == counts[c] && largest - smallest <= 1);
            }
        }
    }
}

struct places {
    unsigned calls[THREADS_MAX];
    pthread_t ids[THREADS_MAX];
};

static void note_place(void *context, unsigned thread)
{
    struct places *places = context;
    places->calls[thread]++;
    places->ids[thread] = pthread_self();
}

static void look_at_place(void *context, unsigned thread, unsigned threads)
{
    const struct places *places = context;
    (void)threads;
    ASSAY_ASSERT(places->calls[thread] == 1);
    ASSAY_ASSERT(pthread_equal(places->ids[thread], pthread_self()));
}

/* Every thread is bound once, by itself, before its first work; `processors` alone binds nothing.
 */
static void test_place(void **state)
{
    (void)state;
    for (unsigned threads = 1; threads <= THREADS_MAX; threads++) {
        struct places places = {0};
        struct assay_team_place place = {note_place, &places, threads % 3};
        struct assay_team *team = NULL;
        struct assay_error err;
        check_ok(assay_team_open(&team, threads, &place, &err), &err);
        for (unsigned i = 0; i < THREADS_MAX; i++) {
            assert_int_equal(places.calls[i], i < threads ? 1 : 0);
        }
        assay_team_run(team, look_at_place, &places);
        assay_team_close(team);
        place.bind = NULL;
        check_ok(assay_team_open(&team, threads, &place, &err), &err);
        assay_team_close(team);
        assert_int_equal(places.calls[0], 1);
    }
}

static void do_nothing(void *context, unsigned thread, unsigned threads)
{
    (void)context;
    (void)thread;
    (void)threads;
}

/* Shown, not judged: the machine may be busy. */
static void test_cost(void **state)
{
    (void)state;
    struct assay_team *team = NULL;
    struct assay_error err;
    enum { RUNS = 20000 };
    check_ok(assay_team_open(&team, 2, NULL, &err), &err);
    uint64_t start = assay_clock_monotonic_ns();
    for (int i = 0; i < RUNS; i++) assay_team_run(team, do_nothing, NULL);
    uint64_t ns = (assay_clock_monotonic_ns() - start) / RUNS;
    assay_team_close(team);
    print_message("fork and join of 2 threads: %llu ns\n", (unsigned long long)ns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_runs),  cmocka_unit_test(test_unequal),
        cmocka_unit_test(test_open),  cmocka_unit_test(test_open_fails),
        cmocka_unit_test(test_mode),  cmocka_unit_test(test_share),
        cmocka_unit_test(test_place), cmocka_unit_test(test_cost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A writer killed at any moment loses nothing that it had acknowledged. The child appends without
 * computing anything, syncs now and then, and tells the parent after each sync how many samples are
 * acknowledged; the parent kills it with SIGKILL and opens what is left. */
#include "harness/check.h"
#include "harness/folder.h"

#include "base/clock.h"
#include "store/journal.h"

#include "fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { KILLS = 40, SYNC_EVERY = 5 };

static const struct assay_journal_options batched = {
    .rank = 0, .sync_records = 1000000, .sync_ns = UINT64_MAX, .process = &fixture_plain};

/* The file may be cut shorter between kills: `long_text` makes a frame of several pages. */
static _Noreturn void write_until_killed(const char *path, const struct assay_plan *plan, int pipe)
{
    static char long_text[20000];
    struct assay_journal *journal;
    struct assay_journal_recovery recovery;
    struct fixture_sample sample;
    memset(long_text, 'x', sizeof long_text);
    if (assay_journal_open(&journal, path, plan, &batched, &recovery, NULL)) _exit(1);
    uint64_t done = recovery.samples;
    if (write(pipe, &done, sizeof done) != sizeof done) _exit(2);
    for (uint64_t i = done; i < plan->sample_count; i++) {
        fixture_fill(&sample, plan, i, 1);
        sample.circumstances.text = (struct assay_span){long_text, (size_t)(i * 7919 % 20000)};
        if (assay_journal_append(journal, i, &sample.record, &sample.circumstances, NULL)) _exit(3);
        if (i % SYNC_EVERY != 0) continue;
        if (assay_journal_sync(journal, NULL)) _exit(4);
        done = i + 1;
        if (write(pipe, &done, sizeof done) != sizeof done) _exit(5);
    }
    for (;;) pause(); /* all are written: the parent was long in coming */
}

static uint64_t run_and_kill(const char *path, const struct assay_plan *plan, unsigned wait_us)
{
    uint64_t acknowledged = 0, told;
    int pipe_ends[2];
    assert_int_equal(pipe(pipe_ends), 0);
    pid_t child = fork();
    if (child == 0) write_until_killed(path, plan, pipe_ends[1]);
    close(pipe_ends[1]);
    /* Its first word says that it has opened the journal; from then on any moment will do. */
    assert_int_equal(read(pipe_ends[0], &acknowledged, sizeof acknowledged), sizeof acknowledged);
    nanosleep(&(struct timespec){.tv_nsec = (long)wait_us * 1000}, NULL);
    kill(child, SIGKILL);
    while (read(pipe_ends[0], &told, sizeof told) == sizeof told) acknowledged = told;
    close(pipe_ends[0]);
    int how = 0;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
    return acknowledged;
}

static void test_kills(void **state)
{
    (void)state;
    struct folder folder = folder_make();
    struct fixture fixture = fixture_make_sized(1, 100000);
    char path[FOLDER_PATH_BYTES];
    struct assay_error err;
    uint64_t kept = 0, torn = 0, random = assay_clock_epoch_ns();
    folder_path(&folder, "r.journal", path);
    for (unsigned i = 0; i < KILLS; i++) {
        struct assay_journal *journal;
        struct assay_journal_recovery recovery;
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
        uint64_t acknowledged = run_and_kill(path, &fixture.plan, (unsigned)(random >> 51));
        check_ok(assay_journal_open(&journal, path, &fixture.plan, &batched, &recovery, &err),
                 &err);
        assert_true(recovery.samples >= acknowledged);
        for (uint64_t s = 0; s < recovery.samples; s++) assert_true(assay_journal_has(journal, s));
        torn += recovery.torn_bytes > 0;
        kept = recovery.samples;
        check_ok(assay_journal_close(journal, &err), &err);
    }
    print_message("%d kills, %llu samples kept, 0 acknowledged lost, %llu torn tails cut\n", KILLS,
                  (unsigned long long)kept, (unsigned long long)torn);
    check_ok(assay_journal_remove(path, &err), &err);
    fixture_drop(&fixture);
    folder_remove(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_kills)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The n-th system call under the journal made to fail. Linked with --wrap for each of them. */
#include "harness/check.h"
#include "harness/folder.h"

#include "store/journal.h"

#include "fixture.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/types.h>

/* Calls of one kind: the `fail_at`-th from now on fails (0: none), a write after writing half. */
struct failing {
    unsigned fail_at, calls;
    int number;
    bool keep_failing;
};
static struct failing writing, syncing, cutting, locking;

static bool fails(struct failing *failing)
{
    failing->calls++;
    bool now =
        failing->fail_at != 0 && (failing->calls == failing->fail_at ||
                                  (failing->keep_failing && failing->calls > failing->fail_at));
    if (now) errno = failing->number;
    return now;
}

static void arm(struct failing *failing, unsigned fail_at, int number)
{
    *failing = (struct failing){.fail_at = fail_at, .number = number};
}

ssize_t __real_write(int fd, const void *data, size_t size);
ssize_t __wrap_write(int fd, const void *data, size_t size);
ssize_t __wrap_write(int fd, const void *data, size_t size)
{
    if (fails(&writing)) return -1;
    /* The call before it is short, as on a disk that fills up in the middle of a frame. */
    if (writing.fail_at == writing.calls + 1 && size > 1) size /= 2;
    return __real_write(fd, data, size);
}

int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __wrap_fdatasync(int fd)
{
    return fails(&syncing) ? -1 : __real_fdatasync(fd);
}

int __real_ftruncate(int fd, off_t size);
int __wrap_ftruncate(int fd, off_t size);
int __wrap_ftruncate(int fd, off_t size)
{
    return fails(&cutting) ? -1 : __real_ftruncate(fd, size);
}

int __real_flock(int fd, int operation);
int __wrap_flock(int fd, int operation);
int __wrap_flock(int fd, int operation)
{
    return fails(&locking) ? -1 : __real_flock(fd, operation);
}

struct place {
    struct folder folder;
    struct fixture fixture;
    char path[FOLDER_PATH_BYTES];
};

static struct place place_make(void)
{
    struct place place = {.folder = folder_make(), .fixture = fixture_make(1)};
    folder_path(&place.folder, "r.journal", place.path);
    return place;
}

static void place_drop(struct place *place)
{
    struct assay_error err;
    check_ok(assay_journal_remove(place->path, &err), &err);
    fixture_drop(&place->fixture);
    folder_remove(&place->folder);
}

static struct assay_journal *open_journal(const struct place *place, uint32_t sync_records,
                                          uint64_t sync_ns, struct assay_journal_recovery *recovery)
{
    const struct assay_journal_options options = {
        .sync_records = sync_records, .sync_ns = sync_ns, .process = &fixture_plain};
    struct assay_journal *journal = NULL;
    struct assay_error err;
    check_ok(
        assay_journal_open(&journal, place->path, &place->fixture.plan, &options, recovery, &err),
        &err);
    return journal;
}

static enum assay_status append(const struct place *place, struct assay_journal *journal,
                                uint64_t index, struct assay_error *err)
{
    return fixture_append(journal, &place->fixture.plan, index, err);
}

static void expect_samples(const struct place *place, uint64_t samples, bool torn)
{
    struct assay_journal_recovery recovery;
    struct assay_error err;
    struct assay_journal *journal = open_journal(place, 1, 0, &recovery);
    assert_int_equal(recovery.samples, samples);
    assert_int_equal(recovery.torn_bytes > 0, torn);
    check_ok(assay_journal_close(journal, &err), &err);
}

/* A disk that fills up in the middle of a frame: ESPACE, the file ends with a whole frame, and with
 * space again the same journal goes on. */
static void test_no_space(void **state)
{
    (void)state;
    for (unsigned when = 1; when <= 4; when++) {
        struct place place = place_make();
        struct assay_journal_recovery recovery;
        struct assay_error err;
        struct assay_journal *journal = open_journal(&place, 1, 0, &recovery);
        arm(&writing, when, ENOSPC);
        uint64_t i = 0;
        enum assay_status status = ASSAY_OK;
        while (!(status = append(&place, journal, i, &err))) i++;
        check_refused(status, ASSAY_ESPACE, &err, "rank-0000.log");
        assert_false(assay_journal_has(journal, i));
        arm(&writing, 0, 0);
        check_ok(append(&place, journal, i, &err), &err);
        check_ok(assay_journal_close(journal, &err), &err);
        expect_samples(&place, i + 1, false);
        place_drop(&place);
    }
}

/* Not even the cut succeeds: nothing more is written before it does, and recovery does it too. */
static void test_no_cut(void **state)
{
    (void)state;
    struct place place = place_make();
    struct assay_journal_recovery recovery;
    struct assay_error err;
    struct assay_journal *journal = open_journal(&place, 1, 0, &recovery);
    check_ok(append(&place, journal, 0, &err), &err);
    arm(&writing, 2, EDQUOT);
    arm(&cutting, 1, EIO);
    cutting.keep_failing = true;
    check_refused(append(&place, journal, 1, &err), ASSAY_ESPACE, &err, "rank-0000.log");
    arm(&writing, 0, 0);
    check_refused(append(&place, journal, 1, &err), ASSAY_EIO, &err, "cutting a torn frame");
    assert_int_equal(writing.calls, 0);
    check_ok(assay_journal_close(journal, &err), &err);
    arm(&cutting, 0, 0);
    expect_samples(&place, 1, true);
    place_drop(&place);
}

/* After a failed fdatasync nothing is believed any more; what was acknowledged before it stays. */
static void test_no_sync(void **state)
{
    (void)state;
    struct place place = place_make();
    struct assay_journal_recovery recovery;
    struct assay_error err;
    struct assay_journal *journal = open_journal(&place, 2, UINT64_MAX, &recovery);
    check_ok(append(&place, journal, 0, &err), &err);
    check_ok(append(&place, journal, 1, &err), &err);
    arm(&syncing, 1, ENOSPC);
    check_ok(append(&place, journal, 2, &err), &err);
    check_refused(append(&place, journal, 3, &err), ASSAY_ESPACE, &err, "making 2 samples durable");
    check_refused(append(&place, journal, 4, &err), ASSAY_EIO, &err, "an earlier sync failed");
    check_refused(assay_journal_sync(journal, &err), ASSAY_EIO, &err, "an earlier sync failed");
    check_refused(assay_journal_close(journal, &err), ASSAY_EIO, &err, "an earlier sync failed");
    arm(&syncing, 0, 0);
    expect_samples(&place, 4, false); /* here the kernel had them all the same */
    place_drop(&place);
}

/* Syncs by count, by time, at will, and at the end. */
static void test_sync_policy(void **state)
{
    (void)state;
    struct place place = place_make();
    struct assay_journal_recovery recovery;
    struct assay_error err;
    struct assay_journal *journal = open_journal(&place, 3, UINT64_MAX, &recovery);
    arm(&syncing, 0, 0);
    for (uint64_t i = 0; i < 7; i++) check_ok(append(&place, journal, i, &err), &err);
    assert_int_equal(syncing.calls, 2);
    check_ok(assay_journal_sync(journal, &err), &err);
    assert_int_equal(syncing.calls, 3);
    check_ok(assay_journal_sync(journal, &err), &err); /* nothing new */
    assert_int_equal(syncing.calls, 3);
    check_ok(append(&place, journal, 7, &err), &err);
    check_ok(assay_journal_close(journal, &err), &err);
    assert_int_equal(syncing.calls, 4);

    journal = open_journal(&place, UINT32_MAX, 0, &recovery);
    arm(&syncing, 0, 0);
    check_ok(append(&place, journal, 8, &err), &err);
    assert_int_equal(syncing.calls, 1);
    check_ok(assay_journal_close(journal, &err), &err);
    place_drop(&place);
}

/* The header torn by a full disk; the next run begins the file again. */
static void test_no_header(void **state)
{
    (void)state;
    struct place place = place_make();
    struct assay_journal *journal;
    struct assay_journal_recovery recovery;
    const struct assay_journal_options options = {.sync_records = 1, .process = &fixture_plain};
    struct assay_error err;
    arm(&writing, 2, ENOSPC);
    check_refused(
        assay_journal_open(&journal, place.path, &place.fixture.plan, &options, &recovery, &err),
        ASSAY_ESPACE, &err, "rank-0000.log");
    arm(&writing, 0, 0);
    expect_samples(&place, 0, true);
    expect_samples(&place, 0, false);
    place_drop(&place);
}

/* A file system without locks is used all the same, and says so. */
static void test_no_locks(void **state)
{
    (void)state;
    static const int numbers[] = {ENOSYS, ENOLCK, EOPNOTSUPP};
    struct place place = place_make();
    struct assay_journal *journal;
    struct assay_journal_recovery recovery;
    const struct assay_journal_options options = {.sync_records = 1, .process = &fixture_plain};
    struct assay_error err;
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        arm(&locking, 1, numbers[i]);
        journal = open_journal(&place, 1, 0, &recovery);
        assert_false(recovery.locked);
        check_ok(assay_journal_close(journal, &err), &err);
    }
    arm(&locking, 1, EIO);
    check_refused(
        assay_journal_open(&journal, place.path, &place.fixture.plan, &options, &recovery, &err),
        ASSAY_EIO, &err, "locking");
    place_drop(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_space),  cmocka_unit_test(test_no_cut),
        cmocka_unit_test(test_no_sync),   cmocka_unit_test(test_sync_policy),
        cmocka_unit_test(test_no_header), cmocka_unit_test(test_no_locks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The n-th system call under the sign-once log and a new key file made to fail. Linked with --wrap
 * for each of them. */
#include "harness/check.h"
#include "harness/folder.h"

#include "attest/once.h"
#include "base/bytes.h"
#include "base/file.h"
#include "crypto/digest.h"
#include "crypto/private_file.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/types.h>

/* The `fail_at`-th call from now on fails (0: none); a write before it is short. */
struct failing {
    unsigned fail_at, calls;
    int number;
};
static struct failing writing, syncing, cutting, locking;

static bool fails(struct failing *failing)
{
    failing->calls++;
    if (failing->fail_at == 0 || failing->calls != failing->fail_at) return false;
    errno = failing->number;
    return true;
}

ssize_t __real_write(int fd, const void *data, size_t size);
ssize_t __wrap_write(int fd, const void *data, size_t size);
ssize_t __wrap_write(int fd, const void *data, size_t size)
{
    if (fails(&writing)) return -1;
    if (writing.fail_at == writing.calls + 1 && size > 1) size /= 2;
    return __real_write(fd, data, size);
}

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    return fails(&syncing) ? -1 : __real_fsync(fd);
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

static void arm(struct failing *failing, unsigned fail_at, int number)
{
    writing = syncing = cutting = locking = (struct failing){0, 0, 0};
    *failing = (struct failing){fail_at, 0, number};
}

static struct assay_once_entry entry(uint8_t root)
{
    struct assay_once_entry made = {"c", "t", 1, {{root}}};
    return made;
}

/* Whatever failed: no signature was allowed, the round's root can be entered afterwards, and a
 * second one cannot. */
static void test_enter(void **state)
{
    (void)state;
    static const struct {
        struct failing *call;
        unsigned fail_at;
        int number;
        enum assay_status status;
    } rows[] = {
        {&locking, 1, ENOLCK, ASSAY_EIO},    {&writing, 1, ENOSPC, ASSAY_ESPACE},
        {&writing, 2, ENOSPC, ASSAY_ESPACE}, {&writing, 2, EIO, ASSAY_EIO},
        {&syncing, 1, EIO, ASSAY_EIO},       {&syncing, 2, EIO, ASSAY_EIO},
    };
    struct assay_once_entry first = entry(1), second = entry(2);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct folder folder = folder_make();
        char path[FOLDER_PATH_BYTES];
        struct assay_error err;
        folder_path(&folder, "key.log", path);
        arm(rows[i].call, rows[i].fail_at, rows[i].number);
        check_refused(assay_once_enter(path, &first, &err), rows[i].status, &err, "");
        arm(&writing, 0, 0);
        check_ok(assay_once_enter(path, &first, &err), &err);
        check_refused(assay_once_enter(path, &second, &err), ASSAY_EFAILED, &err, "two roots");
        folder_remove(&folder);
    }
}

/* A root whose line is whole but was never synced holds the round, too. */
static void test_synced_too_late(void **state)
{
    (void)state;
    struct folder folder = folder_make();
    char path[FOLDER_PATH_BYTES];
    struct assay_error err;
    struct assay_once_entry first = entry(1), second = entry(2);
    folder_path(&folder, "key.log", path);
    arm(&syncing, 1, EIO);
    check_refused(assay_once_enter(path, &first, &err), ASSAY_EIO, &err, path);
    arm(&writing, 0, 0);
    check_refused(assay_once_enter(path, &second, &err), ASSAY_EFAILED, &err, "two roots");
    arm(&syncing, 1, EIO);
    check_refused(assay_once_enter(path, &first, &err), ASSAY_EIO, &err, path);
    arm(&writing, 0, 0);
    check_ok(assay_once_enter(path, &first, &err), &err);
    folder_remove(&folder);
}

/* A torn line that cannot be cut stops all signing. */
static void test_cut(void **state)
{
    (void)state;
    struct folder folder = folder_make();
    char path[FOLDER_PATH_BYTES];
    struct assay_error err;
    struct assay_once_entry first = entry(1);
    folder_path(&folder, "key.log", path);
    arm(&writing, 2, ENOSPC);
    check_refused(assay_once_enter(path, &first, &err), ASSAY_ESPACE, &err, path);
    arm(&cutting, 1, EIO);
    check_refused(assay_once_enter(path, &first, &err), ASSAY_EIO, &err, "cutting");
    arm(&writing, 0, 0);
    check_ok(assay_once_enter(path, &first, &err), &err);
    folder_remove(&folder);
}

/* A key file is whole or not there. */
static void test_create(void **state)
{
    (void)state;
    struct folder folder = folder_make();
    char path[FOLDER_PATH_BYTES];
    struct assay_error err;
    folder_path(&folder, "key", path);
    for (unsigned fail_at = 1; fail_at <= 2; fail_at++) {
        arm(&writing, fail_at, ENOSPC);
        check_refused(assay_private_create(path, "secret", 6, &err), ASSAY_ESPACE, &err, path);
        assert_int_equal(folder_count(&folder), 0);
        arm(&syncing, fail_at, EIO);
        check_refused(assay_private_create(path, "secret", 6, &err), ASSAY_EIO, &err, folder.path);
        assert_int_equal(folder_count(&folder), 0);
    }
    arm(&writing, 0, 0);
    check_ok(assay_private_create(path, "secret", 6, &err), &err);
    folder_remove(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_enter),
        cmocka_unit_test(test_synced_too_late),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_create),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

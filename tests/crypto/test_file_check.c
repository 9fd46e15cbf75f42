/* A digest compared beside other work. */
#include "harness/check.h"
#include "harness/folder.h"

#include "base/clock.h"
#include "base/file.h"
#include "crypto/digest.h"
#include "crypto/file_check.h"

#include <stdio.h>
#include <unistd.h>

static void test_outcomes(void **state)
{
    struct folder folder = folder_make();
    struct assay_error err;
    struct assay_file_check *check;
    char path[300];
    (void)state;
    snprintf(path, sizeof path, "%s/file", folder.path);
    check_ok(assay_file_write(path, "abc", 3, &err), &err);
    struct assay_digest declared = assay_sha256_of("abc", 3);
    check_ok(assay_file_check_begin(&check, path, &declared, &err), &err);
    check_ok(assay_file_check_wait(check, &err), &err);
    check_ok(assay_file_check_wait(check, &err), &err);
    assay_file_check_end(check);

    declared.bytes[0] ^= 1;
    check_ok(assay_file_check_begin(&check, path, &declared, &err), &err);
    check_refused(assay_file_check_wait(check, &err), ASSAY_EMISMATCH, &err,
                  "/file has sha256 ba7816bf8f01cfea");
    check_refused(assay_file_check_wait(check, &err), ASSAY_EMISMATCH, &err,
                  "but the spec declares bb7816bf8f01cfea");
    assay_file_check_end(check);

    check_ok(assay_file_check_begin(&check, "/no/such/file", &declared, &err), &err);
    check_refused(assay_file_check_wait(check, &err), ASSAY_ENOTFOUND, &err, "/no/such/file");
    assay_file_check_end(check);
    assay_file_check_end(NULL);
    folder_remove(&folder);
}

/* A terabyte of zeros would take an hour. */
static void test_given_up(void **state)
{
    struct folder folder = folder_make();
    struct assay_error err;
    struct assay_file_check *check;
    const struct assay_digest declared = {{0}};
    char path[300];
    (void)state;
    snprintf(path, sizeof path, "%s/large", folder.path);
    check_ok(assay_file_write(path, "", 0, &err), &err);
    assert_int_equal(truncate(path, (off_t)1 << 40), 0);
    check_ok(assay_file_check_begin(&check, path, &declared, &err), &err);
    uint64_t start = assay_clock_monotonic_ns();
    assay_file_check_end(check);
    assert_true(assay_clock_monotonic_ns() - start < 60000000000u);
    folder_remove(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_outcomes),
                                       cmocka_unit_test(test_given_up)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

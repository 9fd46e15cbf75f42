/* Files: what is read, mapped and written, and what happens when it cannot be. */
#include "harness/check.h"
#include "harness/folder.h"

#include "base/bytes.h"
#include "base/draft.h"
#include "base/file.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

static void check_content(const char *path, const char *expected)
{
    struct assay_bytes bytes = {0};
    struct assay_error err;
    check_ok(assay_file_read(path, 1 << 20, &bytes, &err), &err);
    assert_string_equal((char *)bytes.data, expected);
    assay_bytes_fini(&bytes);
}

static void test_read(void **state)
{
    (void)state;
    struct folder folder = folder_make();
    struct assay_error err;
    struct assay_bytes bytes = {0};
    char path[FOLDER_PATH_BYTES];
    folder_path(&folder, "five", path);
    check_ok(assay_file_write(path, "12345", 5, &err), &err);
    check_ok(assay_bytes_append(&bytes, "before ", 7, &err), &err);
    check_refused(assay_file_read(path, 4, &bytes, &err), ASSAY_EVALUE, &err, path);
    assert_string_equal((char *)bytes.data, "before ");
    check_ok(assay_file_read(path, 5, &bytes, &err), &err);
    assert_string_equal((char *)bytes.data, "before 12345");

    check_refused(assay_file_read(folder.path, 99, &bytes, &err), ASSAY_EFORMAT, &err, "regular");
    folder_path(&folder, "pipe", path);
    assert_int_equal(mkfifo(path, 0600), 0); /* nobody writes: opening it must not wait */
    check_refused(assay_file_read(path, 99, &bytes, &err), ASSAY_EFORMAT, &err, "regular");
    folder_path(&folder, "none", path);
    check_refused(assay_file_read(path, 99, &bytes, &err), ASSAY_ENOTFOUND, &err, path);
    assert_string_equal((char *)bytes.data, "before 12345");
    folder_path(&folder, "empty", path);
    check_ok(assay_file_write(path, NULL, 0, &err), &err);
    check_content(path, "");
    assay_bytes_fini(&bytes);
    folder_remove(&folder);
}

/* A file that says it has no bytes and has some, as those of /proc do, has the same limit. */
static void test_read_growing(void **state)
{
    (void)state;
    struct assay_bytes bytes = {0};
    struct assay_error err;
    check_refused(assay_file_read("/proc/self/status", 10, &bytes, &err), ASSAY_EVALUE, &err,
                  "larger than 10 bytes");
    check_ok(assay_file_read("/proc/self/status", 1 << 20, &bytes, &err), &err);
    assert_true(bytes.size > 10);
    assay_bytes_fini(&bytes);
}

static void test_map(void **state)
{
    (void)state;
    struct folder folder = folder_make();
    struct assay_error err;
    struct assay_mapping mapping = {0};
    char path[FOLDER_PATH_BYTES];
    folder_path(&folder, "mapped", path);
    check_ok(assay_file_write(path, "abc", 3, &err), &err);
    check_ok(assay_file_map(&mapping, path, &err), &err);
    assert_int_equal(mapping.size, 3);
    assert_memory_equal(mapping.data, "abc", 3);
    check_ok(assay_file_write(path, "replaced", 8, &err), &err);
    assert_memory_equal(mapping.data, "abc", 3); /* the old file lives as long as its mapping */
    assay_file_unmap(&mapping);
    assert_null(mapping.data);
    assay_file_unmap(&mapping);

    check_ok(assay_file_write(path, "", 0, &err), &err);
    check_ok(assay_file_map(&mapping, path, &err), &err);
    assert_true(!mapping.data && mapping.size == 0);
    check_refused(assay_file_map(&mapping, folder.path, &err), ASSAY_EFORMAT, &err, "regular");
    check_refused(assay_file_map(&mapping, "none/x", &err), ASSAY_ENOTFOUND, &err, "none/x");
    folder_remove(&folder);
}

static void test_write_all(void **state)
{
    (void)state;
    struct assay_error err;
    int full = open("/dev/full", O_WRONLY);
    assert_true(full >= 0);
    check_refused(assay_file_write_all(full, "x", 1, "a.log", &err), ASSAY_ESPACE, &err, "a.log: ");
    check_ok(assay_file_write_all(full, NULL, 0, "a.log", &err), &err);
    close(full);
    check_refused(assay_file_write_all(full, "x", 1, "a.log", &err), ASSAY_EIO, &err, "a.log: ");
    /* A pipe takes its capacity at a time: short writes. */
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    static uint8_t block[300000];
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        _exit(assay_file_write_all(ends[1], block, sizeof block, "pipe", NULL) != ASSAY_OK);
    }
    close(ends[1]);
    size_t total = 0;
    uint8_t buffer[1000];
    for (ssize_t got; (got = read(ends[0], buffer, sizeof buffer)) > 0;) total += (size_t)got;
    assert_int_equal(total, sizeof block);
    close(ends[0]);
}

/* A write that fails half way leaves the old file and nothing beside it. */
static void test_write_fails(void **state)
{
    (void)state;
    struct folder folder = folder_make();
    struct assay_error err;
    char path[FOLDER_PATH_BYTES];
    static uint8_t block[100000];
    folder_path(&folder, "kept", path);
    check_ok(assay_file_write(path, "old", 3, &err), &err);

    struct rlimit before, limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = (struct rlimit){5000, before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    enum assay_status status = assay_file_write(path, block, sizeof block, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_DFL);
    check_refused(status, ASSAY_ESPACE, &err, path);
    check_content(path, "old");
    assert_int_equal(folder_count(&folder), 1);

    check_refused(assay_file_write("none/x", "", 0, &err), ASSAY_ENOTFOUND, &err, "none/x");
    assert_int_equal(folder_count(&folder), 1);
    folder_remove(&folder);
}

static void test_publish(void **state)
{
    (void)state;
    struct folder folder = folder_make();
    struct assay_error err;
    char from[FOLDER_PATH_BYTES], to[FOLDER_PATH_BYTES];
    folder_path(&folder, "from", from);
    folder_path(&folder, "to", to);
    check_refused(assay_file_publish(from, to, &err), ASSAY_ENOTFOUND, &err, from);
    check_ok(assay_file_write(from, "new", 3, &err), &err);
    check_refused(assay_file_publish(from, "none/x", &err), ASSAY_ENOTFOUND, &err, "none/x");
    assert_true(assay_file_exists(from));
    check_ok(assay_file_publish(from, to, &err), &err);
    assert_false(assay_file_exists(from));
    check_content(to, "new");
    check_content(to, "new");
    /* In the working directory there is no slash in the name. */
    check_ok(assay_file_write("test-file-here", "x", 1, &err), &err);
    unlink("test-file-here");
    folder_remove(&folder);
}

/* Nothing is seen before the end; what was there stays until then, and for good when it fails. */
static void test_draft(void **state)
{
    (void)state;
    struct folder folder = folder_make();
    struct assay_error err;
    struct assay_draft draft = {0};
    char path[FOLDER_PATH_BYTES], link[FOLDER_PATH_BYTES];
    static char block[1 << 20];
    memset(block, 'b', sizeof block);
    folder_path(&folder, "to", path);
    folder_path(&folder, "link", link);
    check_ok(assay_file_write(path, "old", 3, &err), &err);
    check_ok(assay_draft_begin(&draft, path, &err), &err);
    /* Pieces smaller than a block, as large, and larger. */
    for (int i = 0; i < 1000; i++) check_ok(assay_draft_append(&draft, "abc", 3, &err), &err);
    check_ok(assay_draft_append(&draft, block, sizeof block / 4, &err), &err);
    check_ok(assay_draft_append(&draft, block, sizeof block, &err), &err);
    check_ok(assay_draft_append(&draft, "", 0, &err), &err);
    check_ok(assay_draft_append(&draft, "end", 3, &err), &err);
    check_content(path, "old");
    assert_int_equal(folder_count(&folder), 2);
    check_ok(assay_draft_finish(&draft, &err), &err);
    assay_draft_drop(&draft);
    assert_int_equal(folder_count(&folder), 1);
    struct assay_bytes text = {0};
    check_ok(assay_file_read(path, 2 * sizeof block, &text, &err), &err);
    assert_int_equal(text.size, 3000 + sizeof block / 4 + sizeof block + 3);
    assert_memory_equal(text.data + 2997, "abcb", 4);
    assert_memory_equal(text.data + text.size - 4, "bend", 4);
    assay_bytes_fini(&text);
    /* Dropped: as if it had never been. */
    check_ok(assay_draft_begin(&draft, path, &err), &err);
    check_ok(assay_draft_append(&draft, block, sizeof block, &err), &err);
    assay_draft_drop(&draft);
    assert_int_equal(folder_count(&folder), 1);
    /* Through a link to what it leads to. */
    assert_int_equal(symlink("to", link), 0);
    check_ok(assay_file_write(link, "new", 3, &err), &err);
    check_content(path, "new");
    assert_int_equal(readlink(link, block, sizeof block), 2);
    folder_remove(&folder);
}

/* What is no file: a folder, a pipe, a device that is full. */
static void test_draft_of_no_file(void **state)
{
    (void)state;
    struct folder folder = folder_make();
    struct assay_error err;
    char pipe_path[FOLDER_PATH_BYTES], got[8] = "";
    folder_path(&folder, "pipe", pipe_path);
    check_refused(assay_file_write(folder.path, "x", 1, &err), ASSAY_EVALUE, &err, folder.path);
    assert_int_equal(folder_count(&folder), 0);
    assert_int_equal(mkfifo(pipe_path, 0600), 0);
    check_refused(assay_file_write(pipe_path, "x", 1, &err), ASSAY_EIO, &err, pipe_path);
    int fd = open(pipe_path, O_RDONLY | O_NONBLOCK);
    assert_true(fd >= 0);
    check_ok(assay_file_write(pipe_path, "piped", 5, &err), &err);
    assert_int_equal(read(fd, got, sizeof got), 5);
    assert_string_equal(got, "piped");
    close(fd);
    assert_int_equal(folder_count(&folder), 1);
    check_refused(assay_file_write("/dev/full", "x", 1, &err), ASSAY_ESPACE, &err, "/dev/full");
    assert_true(assay_file_exists("/dev/full"));
    folder_remove(&folder);
}

static void test_beside(void **state)
{
    (void)state;
    static const struct {
        const char *path, *name, *expected;
    } rows[] = {
        {"jobs/a.yaml", "items.jsonl", "jobs/items.jsonl"},
        {"a.yaml", "items.jsonl", "items.jsonl"},
        {"/a.yaml", "items.jsonl", "/items.jsonl"},
        {"a/b/c", "../d", "a/b/../d"},
        {"a/b/", "c", "a/b/c"},
        {"a/b", "/c/d", "/c/d"},
        {"", "c", "c"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct assay_bytes bytes = {0};
        struct assay_error err;
        check_ok(assay_file_beside(rows[i].path, rows[i].name, &bytes, &err), &err);
        assert_string_equal((char *)bytes.data, rows[i].expected);
        assay_bytes_fini(&bytes);
    }
}

/* The check value of CRC-32/ISO-HDLC (reveng's catalogue) and Python's zlib.crc32. */
static void test_crc(void **state)
{
    (void)state;
    assert_int_equal(assay_crc32(0, "123456789", 9), 0xcbf43926);
    assert_int_equal(assay_crc32(assay_crc32(0, "1234", 4), "56789", 5), 0xcbf43926);
    assert_int_equal(assay_crc32(0, "", 0), 0);
    assert_int_equal(assay_crc32(5, NULL, 0), 5);
    assert_int_equal(assay_crc32(0, "\0", 1), 0xd202ef8d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),        cmocka_unit_test(test_read_growing),
        cmocka_unit_test(test_map),         cmocka_unit_test(test_write_all),
        cmocka_unit_test(test_write_fails), cmocka_unit_test(test_publish),
        cmocka_unit_test(test_draft),       cmocka_unit_test(test_draft_of_no_file),
        cmocka_unit_test(test_beside),      cmocka_unit_test(test_crc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

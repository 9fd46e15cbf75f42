/* The sign-once log: one root for each round, whatever happens to the file. */
#include "harness/check.h"
#include "harness/folder.h"

#include "attest/once.h"
#include "base/bytes.h"
#include "base/file.h"
#include "crypto/digest.h"

#include <sys/stat.h>
#include <sys/wait.h>

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static struct assay_once_entry entry(const char *chain, const char *task, uint64_t round,
                                     const char *root)
{
    struct assay_once_entry made = {chain, task, round, {{0}}};
    assert_true(assay_digest_parse(root, &made.root));
    return made;
}

static void test_search(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum assay_status status;
        bool known;
        const char *quoted;
    } rows[] = {
        /* asked for: c t 1, root A */
        {"", ASSAY_OK, false, ""},
        {"c t 1 " A "\n", ASSAY_OK, true, ""},
        {"c t 1 " B "\n", ASSAY_EFAILED, false,
         "two roots for one round: chain c, task t, round 1"},
        {"c t 2 " B "\n", ASSAY_OK, false, ""},
        {"c u 1 " B "\n", ASSAY_OK, false, ""},
        {"d t 1 " B "\n", ASSAY_OK, false, ""},
        {"c t 1 " A "\nc t 1 " B "\n", ASSAY_EFAILED, true, B},
        {"c t 1 " A "\nc t 1 " A "\n", ASSAY_OK, true, ""},
        {"c t 1 " A "\n\n", ASSAY_EFORMAT, true, "line 2"},
        {"c t 1 " A " \n", ASSAY_EFORMAT, false, "line 1"},
        {"c t 1\n", ASSAY_EFORMAT, false, "line 1"},
        {"c t -1 " A "\n", ASSAY_EFORMAT, false, "line 1"},
        {"c/d t 1 " A "\n", ASSAY_EFORMAT, false, "line 1"},
        {"c t 1 " A "0\n", ASSAY_EFORMAT, false, "line 1"},
        {"c t 1 " A "\nx", ASSAY_EFORMAT, true, "line 2"},
    };
    struct assay_once_entry asked = entry("c", "t", 1, A);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct assay_error err = {ASSAY_OK, ""};
        bool known = false;
        enum assay_status status =
            assay_once_search(rows[i].text, strlen(rows[i].text), &asked, &known, &err);
        if (rows[i].status) {
            check_refused(status, rows[i].status, &err, rows[i].quoted);
        } else {
            check_ok(status, &err);
            assert_int_equal(known, rows[i].known);
        }
    }
}

static void check_text(const char *path, const char *expected)
{
    struct assay_bytes text = {0};
    struct assay_error err;
    check_ok(assay_file_read(path, 1 << 20, &text, &err), &err);
    assert_string_equal(text.data ? (const char *)text.data : "", expected);
    assay_bytes_fini(&text);
}

static void test_enter(void **state)
{
    (void)state;
    struct folder folder = folder_make();
    char path[FOLDER_PATH_BYTES], link[FOLDER_PATH_BYTES];
    struct assay_error err;
    struct stat info;
    struct assay_once_entry first = entry("c", "t", 1, A), second = entry("c", "t", 1, B),
                            next = entry("c", "t", 2, B);
    folder_path(&folder, "key.log", path);
    folder_path(&folder, "link", link);
    check_ok(assay_once_enter(path, &first, &err), &err);
    check_ok(assay_once_enter(path, &first, &err), &err);
    check_refused(assay_once_enter(path, &second, &err), ASSAY_EFAILED, &err,
                  "two roots for one round");
    check_ok(assay_once_enter(path, &next, &err), &err);
    check_text(path, "c t 1 " A "\nc t 2 " B "\n");
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0600);

    /* A torn line never led to a signature. */
    assert_int_equal(truncate(path, 80), 0);
    check_ok(assay_once_enter(path, &first, &err), &err);
    check_text(path, "c t 1 " A "\n");
    assert_int_equal(chmod(path, 0644), 0);
    check_refused(assay_once_enter(path, &first, &err), ASSAY_EVALUE, &err, "0644");
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(symlink("key.log", link), 0);
    check_refused(assay_once_enter(link, &first, &err), ASSAY_EVALUE, &err, "symbolic link");
    check_refused(assay_once_enter("none/log", &first, &err), ASSAY_ENOTFOUND, &err, "none/log");
    folder_remove(&folder);
}

/* Eight processes race for one round, each with a root of its own: one of them gets it. */
static void test_race(void **state)
{
    (void)state;
    enum { RACERS = 8 };
    struct folder folder = folder_make();
    char path[FOLDER_PATH_BYTES];
    pid_t children[RACERS];
    int winners = 0;
    folder_path(&folder, "key.log", path);
    for (int i = 0; i < RACERS; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            struct assay_error err;
            char root[ASSAY_DIGEST_HEX] = A;
            root[0] = (char)('0' + i);
            struct assay_once_entry mine = entry("c", "t", 1, root);
            _exit(assay_once_enter(path, &mine, &err) == ASSAY_OK ? 0 : 1);
        }
    }
    for (int i = 0; i < RACERS; i++) {
        int result;
        assert_int_equal(waitpid(children[i], &result, 0), children[i]);
        assert_true(WIFEXITED(result));
        winners += WEXITSTATUS(result) == 0;
    }
    assert_int_equal(winners, 1);
    folder_remove(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_search),
        cmocka_unit_test(test_enter),
        cmocka_unit_test(test_race),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The file of packed weights: the same bits with and without, made once, never believed. */
#include "harness/check.h"
#include "harness/folder.h"
#include "harness/gguf_image.h"

#include "assay/backend.h"
#include "assay/session.h"
#include "backend/backend.h"
#include "base/bytes.h"
#include "base/file.h"
#include "crypto/digest.h"
#include "model/model_parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TOKENS = 9 };

struct fixture {
    struct folder folder;
    struct assay_bytes image;
    struct assay_model *model;
    const struct assay_backend *backend;
    char path[300]; /* of the file, without and with the layout */
    char file[320], part[330];
    struct assay_panel_cache cache;
    struct assay_digest wanted; /* of the logits */
};

static enum assay_status logits_digest(const struct fixture *fixture,
                                       const struct assay_panel_cache *cache,
                                       struct assay_digest *out, struct assay_error *err)
{
    static const uint32_t tokens[TOKENS] = {1, 7, 3, 200, 5, 5, 90, 11, 2};
    struct assay_session_options options = {.backend = fixture->backend,
                                            .batch = 1,
                                            .threads = 2,
                                            .prefill_rows = 4,
                                            .context = 64,
                                            .cache = cache};
    struct assay_session *session = NULL;
    enum assay_status status = assay_session_open(&session, fixture->model, &options, err);
    if (status) return status;
    size_t count = (size_t)assay_model_hyper(fixture->model)->vocab * TOKENS;
    float *logits = calloc(count, sizeof *logits);
    assert_non_null(logits);
    status = assay_session_logits(session, tokens, TOKENS, logits, err);
    *out = assay_sha256_of(logits, count * sizeof *logits);
    free(logits);
    assay_session_close(session);
    return status;
}

static void open_fixture(struct fixture *fixture)
{
    struct assay_error err;
    const struct assay_test_gguf_options options = {
        .dtype = ASSAY_DTYPE_Q4_1, .embedding_dtype = ASSAY_DTYPE_Q8_0, .width = 128};
    *fixture = (struct fixture){.image = {0}};
    fixture->folder = folder_make();
    check_ok(assay_test_gguf(&fixture->image, &options, &err), &err);
    check_ok(assay_model_parse(&fixture->model, fixture->image.data, fixture->image.size, &err),
             &err);
    check_ok(assay_backend_find(&fixture->backend, "auto", &err), &err);
    snprintf(fixture->path, sizeof fixture->path, "%s/m.gguf", fixture->folder.path);
    const char *layout = fixture->backend->layout ? fixture->backend->layout : "none";
    snprintf(fixture->file, sizeof fixture->file, "%s.%s", fixture->path, layout);
    snprintf(fixture->part, sizeof fixture->part, "%s.part", fixture->file);
    fixture->cache.path = fixture->path;
    fixture->cache.model = assay_sha256_of(fixture->image.data, fixture->image.size);
    check_ok(logits_digest(fixture, NULL, &fixture->wanted, &err), &err);
}

static void close_fixture(struct fixture *fixture)
{
    assay_model_close(fixture->model);
    assay_bytes_fini(&fixture->image);
    folder_remove(&fixture->folder);
}

/* A machine on which every product reads the tensors has nothing to keep. */
static bool has_layout(const struct fixture *fixture)
{
    if (fixture->backend->layout) return true;
    assert_false(assay_file_exists(fixture->file));
    return false;
}

static void check_same(const struct fixture *fixture)
{
    struct assay_digest digest;
    struct assay_error err;
    check_ok(logits_digest(fixture, &fixture->cache, &digest, &err), &err);
    assert_memory_equal(digest.bytes, fixture->wanted.bytes, sizeof digest.bytes);
    assert_false(assay_file_exists(fixture->part));
}

static ino_t inode(const struct fixture *fixture)
{
    struct stat facts;
    assert_int_equal(stat(fixture->file, &facts), 0);
    return facts.st_ino;
}

static void test_made_once(void **state)
{
    struct fixture fixture;
    (void)state;
    open_fixture(&fixture);
    if (has_layout(&fixture)) {
        check_same(&fixture);
        ino_t first = inode(&fixture);
        check_same(&fixture);
        assert_int_equal(inode(&fixture), first);
    }
    close_fixture(&fixture);
}

static void change_byte(const char *path, long at)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, at, at < 0 ? SEEK_END : SEEK_SET), 0);
    int byte = fgetc(file);
    assert_int_equal(fseek(file, -1, SEEK_CUR), 0);
    assert_int_not_equal(fputc(byte ^ 1, file), EOF);
    assert_int_equal(fclose(file), 0);
}

/* A file that is not what it should be is made anew: magic, layout, model, size, digest, content.
 */
static void test_never_believed(void **state)
{
    static const long changed[] = {0, 16, 32, 64, 72, 4096, -1};
    struct fixture fixture;
    (void)state;
    open_fixture(&fixture);
    for (size_t i = 0; has_layout(&fixture) && i < COUNT_OF(changed); i++) {
        check_same(&fixture);
        ino_t before = inode(&fixture);
        change_byte(fixture.file, changed[i]);
        check_same(&fixture);
        assert_int_not_equal(inode(&fixture), before);
    }
    if (has_layout(&fixture)) {
        assert_int_equal(truncate(fixture.file, 5000), 0);
        check_same(&fixture);
        ino_t before = inode(&fixture);
        fixture.cache.model.bytes[3] ^= 1; /* another model under the same name */
        check_same(&fixture);
        assert_int_not_equal(inode(&fixture), before);
    }
    close_fixture(&fixture);
}

/* Several processes at once; one of them was killed at its work before. */
static void test_at_once(void **state)
{
    enum { PROCESSES = 6 };
    struct fixture fixture;
    (void)state;
    open_fixture(&fixture);
    struct assay_error err;
    if (has_layout(&fixture)) {
        check_ok(assay_file_write(fixture.part, "left behind", 11, &err), &err);
    }
    for (int i = 0; i < PROCESSES; i++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid > 0) continue;
        struct assay_digest digest;
        enum assay_status status = logits_digest(&fixture, &fixture.cache, &digest, &err);
        _exit(status || memcmp(digest.bytes, fixture.wanted.bytes, sizeof digest.bytes) != 0);
    }
    for (int i = 0; i < PROCESSES; i++) {
        int code;
        assert_true(wait(&code) > 0);
        assert_int_equal(code, 0);
    }
    check_same(&fixture);
    close_fixture(&fixture);
}

/* Where it cannot be kept it is gone without. */
static void test_gone_without(void **state)
{
    struct fixture fixture;
    (void)state;
    open_fixture(&fixture);
    fixture.cache.path = "/proc/no/such/place";
    check_same(&fixture);
    close_fixture(&fixture);
}

static enum assay_status refuse(const void *context, struct assay_error *err)
{
    return assay_fail(err, ASSAY_EMISMATCH, "another model than %s", (const char *)context);
}

/* What turns out to be another model, or has a scale that is no number, leaves no file. */
static void test_refused(void **state)
{
    struct fixture fixture;
    struct assay_digest digest;
    struct assay_error err;
    (void)state;
    open_fixture(&fixture);
    fixture.cache.confirm = refuse;
    fixture.cache.context = "declared";
    if (has_layout(&fixture)) {
        check_refused(logits_digest(&fixture, &fixture.cache, &digest, &err), ASSAY_EMISMATCH, &err,
                      "another model than declared");
    }
    assert_false(assay_file_exists(fixture.file));
    assert_false(assay_file_exists(fixture.part));
    fixture.cache.confirm = NULL;
    uint8_t *scale = (uint8_t *)(uintptr_t)assay_model_tensors(fixture.model)->layers[1].down.data;
    scale[0] = scale[1] = 0xff; /* an f16 NaN */
    check_refused(logits_digest(&fixture, &fixture.cache, &digest, &err), ASSAY_EFORMAT, &err,
                  "blk.1.ffn_down.weight");
    assert_false(assay_file_exists(fixture.file));
    assert_false(assay_file_exists(fixture.part));
    close_fixture(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_made_once), cmocka_unit_test(test_never_believed),
        cmocka_unit_test(test_at_once),   cmocka_unit_test(test_gone_without),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

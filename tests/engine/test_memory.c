/* What assay_session_plan says, against what assay_session_open allocates. */
#include "harness/check.h"
#include "harness/gguf_image.h"

#include "assay/backend.h"
#include "assay/session.h"
#include "model/model_parse.h"

#include <stdlib.h>
#include <sys/mman.h>

/* Linked with --wrap: what the rooms under test allocate is counted, not what they free. */
static uint64_t taken;
static uint64_t allocations;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__real_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);

static void count(size_t size)
{
    taken += size;
    allocations++;
}

void *__wrap_malloc(size_t size)
{
    count(size);
    return __real_malloc(size);
}

void *__wrap_calloc(size_t number, size_t size)
{
    count(number * size);
    return __real_calloc(number, size);
}

/* In a session only buffers that are empty as yet. */
void *__wrap_realloc(void *memory, size_t size)
{
    count(size);
    return __real_realloc(memory, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    count(size);
    return __real_aligned_alloc(alignment, size);
}

/* Large blocks: 4 MiB of it only align them and are never touched. */
void *__wrap_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
    count(size - (4 << 20));
    return __real_mmap(at, size, protection, flags, fd, offset);
}

static const struct row {
    struct assay_test_gguf_options model;
    const char *backend;
    uint32_t batch, threads, prefill_rows, context;
} rows[] = {
    {{.dtype = ASSAY_DTYPE_Q4_1, .width = 256, .ffn_width = 512, .layers = 4}, "ref", 1, 1, 1, 64},
    {{.dtype = ASSAY_DTYPE_Q4_1, .width = 256, .ffn_width = 512, .layers = 4}, "auto", 1, 1, 1, 65},
    {{.dtype = ASSAY_DTYPE_Q4_1, .width = 256}, "auto", 64, 2, 128, 500},
    {{.dtype = ASSAY_DTYPE_F16, .width = 512, .ffn_width = 2048}, "auto", 2, 2, 16, 100},
    {{.dtype = ASSAY_DTYPE_Q8_0, .vocab = 20000}, "auto", 8, 4, 512, 512},
    {{.architecture = "gemma3",
      .dtype = ASSAY_DTYPE_Q6_K,
      .width = 256,
      .ffn_width = 512,
      .layers = 7,
      .head_dim = 128},
     "auto",
     4,
     2,
     64,
     400},
    {{.dtype = ASSAY_DTYPE_F32, .vocab = 20000, .output = true}, "ref", 8, 1, 512, 512},
};

static void open_row(const struct row *row, struct assay_bytes *image, struct assay_model **model,
                     struct assay_session_options *options)
{
    struct assay_error err;
    check_ok(assay_test_gguf(image, &row->model, &err), &err);
    check_ok(assay_model_parse(model, image->data, image->size, &err), &err);
    *options = (struct assay_session_options){.batch = row->batch,
                                              .threads = row->threads,
                                              .prefill_rows = row->prefill_rows,
                                              .context = row->context};
    check_ok(assay_backend_find(&options->backend, row->backend, &err), &err);
}

static void test_plan(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct assay_bytes image = {0};
        struct assay_model *model = NULL;
        struct assay_session *session = NULL;
        struct assay_session_memory memory;
        struct assay_session_options options;
        struct assay_error err;
        open_row(&rows[i], &image, &model, &options);
        allocations = 0;
        check_ok(assay_session_plan(&memory, model, &options, &err), &err);
        assert_int_equal(allocations, 0);
        assert_int_equal(memory.file_bytes, image.size);
        assert_int_equal(memory.total_bytes,
                         memory.weight_bytes + memory.cache_bytes + memory.work_bytes);
        taken = 0;
        check_ok(assay_session_open(&session, model, &options, &err), &err);
        print_message("%zu: planned %llu, taken %llu\n", i, (unsigned long long)memory.total_bytes,
                      (unsigned long long)taken);
        assert_in_range(memory.total_bytes, taken - taken / 20, taken + taken / 20);
        assay_session_close(session);
        assay_model_close(model);
        assay_bytes_fini(&image);
    }
}

/* The batch that fits is the largest one: its plan is within the budget, the next one's is not. */
static void test_batch_that_fits(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct assay_bytes image = {0};
        struct assay_model *model = NULL;
        struct assay_session_memory memory;
        struct assay_session_options options;
        struct assay_error err;
        open_row(&rows[i], &image, &model, &options);
        for (uint32_t batch = 1; batch <= 1024; batch = 2 * batch + 1) {
            options.batch = batch;
            check_ok(assay_session_plan(&memory, model, &options, &err), &err);
            options.batch = 77;
            assert_int_equal(assay_session_batch_that_fits(model, &options, memory.total_bytes),
                             batch);
            assert_int_equal(assay_session_batch_that_fits(model, &options, memory.total_bytes - 1),
                             batch - 1);
        }
        assert_int_equal(assay_session_batch_that_fits(model, &options, UINT64_MAX), 1024);
        assert_int_equal(assay_session_batch_that_fits(model, &options, 0), 0);
        options.context = 1 << 20;
        assert_int_equal(assay_session_batch_that_fits(model, &options, UINT64_MAX), 0);
        assay_model_close(model);
        assay_bytes_fini(&image);
    }
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        uint32_t batch, threads, prefill_rows, context;
        const char *quoted;
    } refused[] = {{0, 1, 1, 64, "batch 0: must be 1 to 1024"},
                   {1025, 1, 1, 64, "batch 1025"},
                   {1, 257, 1, 64, "threads 257"},
                   {1, 1, 4097, 64, "prefill rows 4097"},
                   {1, 1, 1, 513, "context 513: must be 1 to 512"}};
    struct assay_bytes image = {0};
    struct assay_model *model = NULL;
    struct assay_session_options options;
    struct assay_error err;
    open_row(&rows[0], &image, &model, &options);
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        struct assay_session_memory memory;
        struct assay_session *session = NULL;
        options.batch = refused[i].batch;
        options.threads = refused[i].threads;
        options.prefill_rows = refused[i].prefill_rows;
        options.context = refused[i].context;
        check_refused(assay_session_plan(&memory, model, &options, &err), ASSAY_EVALUE, &err,
                      refused[i].quoted);
        check_refused(assay_session_open(&session, model, &options, &err), ASSAY_EVALUE, &err,
                      refused[i].quoted);
    }
    assay_model_close(model);
    assay_bytes_fini(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_plan),
                                       cmocka_unit_test(test_batch_that_fits),
                                       cmocka_unit_test(test_refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

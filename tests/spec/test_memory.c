/* The n-th allocation of a spec's life fails: the status says so, nothing leaks, nothing is left
 * half done. libyaml and jansson allocate elsewhere and are not reached. */
#include "harness/check.h"

#include "assay/spec.h"
#include "base/bytes.h"
#include "spec/spec_help.h"
#include "spec_text.h"

#include <stdbool.h>
#include <stdlib.h>

/* Linked with --wrap: the allocations of our rooms come through here. */
static unsigned allocations_left = UINT32_MAX;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);

static bool may_allocate(void)
{
    if (allocations_left == 0) return false;
    if (allocations_left != UINT32_MAX) allocations_left--;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return may_allocate() ? __real_malloc(size) : NULL;
}

void *__wrap_calloc(size_t count, size_t size)
{
    return may_allocate() ? __real_calloc(count, size) : NULL;
}

void *__wrap_realloc(void *memory, size_t size)
{
    return may_allocate() ? __real_realloc(memory, size) : NULL;
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return may_allocate() ? __real_aligned_alloc(alignment, size) : NULL;
}

typedef enum assay_status trial(struct assay_error *err);

/* A spec with a long text in the tree and in the values, so that the arenas grow. */
static enum assay_status parse_and_seal(struct assay_error *err)
{
    static char text[SPEC_TEXT_BYTES + 100000];
    static const char head[] = "  system: ";
    static char line[90000];
    memset(line, 'x', sizeof line - 1);
    memcpy(line, head, sizeof head - 1);
    size_t size = spec_text(text, 12, NULL);
    char *at = strstr(text, "  user:");
    memmove(at + sizeof line, at, size - (size_t)(at - text));
    memcpy(at, line, sizeof line - 1);
    at[sizeof line - 1] = '\n';
    size += sizeof line;

    struct assay_spec *spec = NULL;
    enum assay_status status = assay_spec_parse(&spec, text, size, err);
    assert_int_equal(status == ASSAY_OK, spec != NULL);
    if (status) return status;
    status = assay_spec_seal(spec, err);
    assert_int_equal(status == ASSAY_OK, spec->canonical != NULL);
    assay_spec_destroy(spec);
    return status;
}

static enum assay_status search(struct assay_error *err)
{
    char text[SPEC_TEXT_BYTES];
    size_t size = spec_text(text, 0, NULL);
    struct assay_spec *spec = NULL;
    enum assay_status status = assay_spec_parse(&spec, text, size, err);
    if (status) return status;
    status = assay_spec_resolve(spec, "nowhere/x.yaml", "nowhere", NULL, err);
    assert_null(spec->model.file);
    assay_spec_destroy(spec);
    return status == ASSAY_ENOTFOUND ? ASSAY_OK : status;
}

static enum assay_status help(struct assay_error *err)
{
    struct assay_bytes out = {0};
    enum assay_status status = assay_spec_help(&out, err);
    assay_bytes_fini(&out);
    return status;
}

static void every_allocation_fails_once(void **state)
{
    (void)state;
    static const struct {
        trial *run;
        unsigned allocations_min; /* so that we notice when --wrap no longer reaches them */
    } rows[] = {{parse_and_seal, 10}, {search, 5}, {help, 2}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (unsigned n = 0;; n++) {
            struct assay_error err = {0};
            assert_true(n < 1000);
            allocations_left = n;
            enum assay_status status = rows[i].run(&err);
            bool reached = allocations_left == 0;
            allocations_left = UINT32_MAX;
            if (status == ASSAY_OK && !reached) {
                assert_true(n > rows[i].allocations_min);
                break;
            }
            if (status != ASSAY_OK) check_refused(status, ASSAY_EMEMORY, &err, "memory");
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_fails_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

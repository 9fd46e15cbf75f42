/* Opening and using a model when the n-th allocation fails. */
#include "patch.h"

#include "model/model_parse.h"

#include <stdlib.h>

/* Linked with --wrap: the allocations of the rooms under test come through here. */
static unsigned allocations_left = UINT32_MAX;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);

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

static enum assay_status open_and_use(const struct assay_bytes *bytes, struct assay_error *err)
{
    static const char text[] = "<|im_start|>user\nthe hello the the hell 12 of it";
    struct assay_model *model = NULL;
    struct assay_bytes prompt = {0}, tokens = {0};
    enum assay_status status = assay_model_parse(&model, bytes->data, bytes->size, err);
    if (!status)
        status = assay_chat_render(model, ASSAY_CHAT_MODEL,
                                   &(struct assay_chat_talk){.user = "hello"}, &prompt, err);
    if (!status) {
        status = assay_tokenizer_encode(assay_model_tokenizer(model), text, sizeof text - 1, true,
                                        &tokens, err);
        if (status) assert_int_equal(tokens.size, 0);
    }
    assay_bytes_fini(&tokens);
    assay_bytes_fini(&prompt);
    assay_model_close(model);
    return status;
}

static void test_allocations(void **state)
{
    (void)state;
    const struct assay_test_gguf_options options = {.layers = 1, .rope_factors = true};
    struct assay_bytes bytes = patch_image(&options);
    enum assay_status status = ASSAY_EMEMORY;
    unsigned count = 0;
    for (; status == ASSAY_EMEMORY && count < 1000; count++) {
        struct assay_error err = {0};
        allocations_left = count;
        status = open_and_use(&bytes, &err);
        allocations_left = UINT32_MAX;
        if (status) check_refused(status, ASSAY_EMEMORY, &err, "memory");
    }
    assert_int_equal(status, ASSAY_OK);
    assert_true(count > 10);
    assay_bytes_fini(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_allocations)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Damaged files: whatever is cut off or changed, the parser gives a status and reads nothing
 * outside of its bytes. Where a damaged file is still a model, it can be used. */
#include "harness/model_use.h"

#include "patch.h"

#include <stdlib.h>

/* In memory of exactly this size, so that a sanitizer sees the first read behind it. */
static enum assay_status parse_copy(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    assert_non_null(copy);
    memcpy(copy, data, size);
    struct assay_model *model = NULL;
    struct assay_error err = {0};
    enum assay_status status = assay_model_parse(&model, copy, size, &err);
    if (status) {
        assert_null(model);
        assert_true(err.text[0] != 0);
        assert_true(status == ASSAY_EFORMAT || status == ASSAY_EUNSUPPORTED);
    } else {
        model_use(model);
    }
    assay_model_close(model);
    free(copy);
    return status;
}

static const struct assay_test_gguf_options options = {
    .layers = 1, .width = 32, .ffn_width = 32, .heads = 2, .dtype = ASSAY_DTYPE_Q8_0};

static void test_truncated(void **state)
{
    (void)state;
    struct assay_bytes bytes = patch_image(&options);
    assert_int_equal(parse_copy(bytes.data, bytes.size), ASSAY_OK);
    for (size_t size = 0; size < bytes.size; size += 97) {
        assert_int_equal(parse_copy(bytes.data, size), ASSAY_EFORMAT);
    }
    for (size_t size = 0; size < 64; size++) {
        assert_int_equal(parse_copy(bytes.data, size), ASSAY_EFORMAT);
    }
    assay_bytes_fini(&bytes);
}

static void test_oversized(void **state)
{
    (void)state;
    struct assay_bytes bytes = patch_image(&options);
    struct assay_error err;
    check_ok(assay_bytes_append(&bytes, "x", 1, &err), &err);
    assert_int_equal(parse_copy(bytes.data, bytes.size), ASSAY_EFORMAT);
    assay_bytes_fini(&bytes);
}

/* All bytes in front of the first tensor's data. */
static size_t header_size(const struct assay_bytes *bytes)
{
    struct assay_model *model = NULL;
    struct assay_error err;
    check_ok(assay_model_parse(&model, bytes->data, bytes->size, &err), &err);
    size_t size = (size_t)(assay_model_tensors(model)->embedding.data - bytes->data);
    assay_model_close(model);
    return size;
}

static void test_flipped(void **state)
{
    (void)state;
    static const uint8_t flips[] = {0xff, 0x01, 0x80};
    struct assay_bytes bytes = patch_image(&options);
    size_t header = header_size(&bytes), refused = 0;
    assert_true(header > 4096);
    for (size_t i = 0; i < header; i++) {
        for (size_t k = 0; k < COUNT_OF(flips); k++) {
            bytes.data[i] ^= flips[k];
            refused += parse_copy(bytes.data, bytes.size) != ASSAY_OK;
            bytes.data[i] ^= flips[k];
        }
    }
    /* Most of a header are lengths, counts and names; its texts and flags may be any. */
    assert_true(refused > header);
    assay_bytes_fini(&bytes);
}

/* Every field of eight bytes in turn gets values that overflow. */
static void test_overflowing(void **state)
{
    (void)state;
    static const uint64_t values[] = {UINT64_MAX, INT64_MAX, UINT32_MAX, (uint64_t)1 << 61, 0};
    struct assay_bytes bytes = patch_image(&options);
    size_t header = header_size(&bytes);
    for (size_t i = 0; i + 8 <= header; i += 3) {
        uint8_t kept[8];
        memcpy(kept, bytes.data + i, 8);
        for (size_t k = 0; k < COUNT_OF(values); k++) {
            assay_put_le64(bytes.data + i, values[k]);
            (void)parse_copy(bytes.data, bytes.size);
        }
        memcpy(bytes.data + i, kept, 8);
    }
    assay_bytes_fini(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_oversized),
        cmocka_unit_test(test_flipped),
        cmocka_unit_test(test_overflowing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

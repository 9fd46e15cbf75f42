/* Changing a finished GGUF image in place, for tests of refusals. */
#ifndef ASSAY_TESTS_MODEL_PATCH_H
#define ASSAY_TESTS_MODEL_PATCH_H

#include "harness/check.h"
#include "harness/gguf_image.h"

/* Where `text` stands behind its own LE64 length: a key, a name, or a value. */
static inline uint8_t *patch_find(struct assay_bytes *bytes, const char *text)
{
    size_t size = strlen(text);
    uint8_t length[8];
    assay_put_le64(length, size);
    for (size_t i = 0; i + 8 + size <= bytes->size; i++) {
        if (memcmp(bytes->data + i, length, 8) == 0 &&
            memcmp(bytes->data + i + 8, text, size) == 0) {
            return bytes->data + i + 8;
        }
    }
    fail_msg("the image has no \"%s\"", text);
    return NULL;
}

/* Another text of the same length. */
static inline void patch_text(struct assay_bytes *bytes, const char *from, const char *to)
{
    assert_int_equal(strlen(from), strlen(to));
    memcpy(patch_find(bytes, from), to, strlen(to));
}

/* The four bytes of a key's u32, i32 or f32. */
static inline void patch_u32(struct assay_bytes *bytes, const char *key, uint32_t value)
{
    assay_put_le32(patch_find(bytes, key) + strlen(key) + 4, value);
}

static inline struct assay_bytes patch_image(const struct assay_test_gguf_options *options)
{
    struct assay_bytes bytes = {0};
    struct assay_error err = {0};
    check_ok(assay_test_gguf(&bytes, options, &err), &err);
    return bytes;
}

#endif

/* Writer of GGUF files (the format: gguf.md of ggml). The tiny model is in gguf_model.c. */
#include "harness/gguf_image.h"

#include <string.h>

static void append(struct assay_gguf_image *image, struct assay_bytes *to, const void *data,
                   size_t size)
{
    if (image->status || size == 0) return;
    image->status = assay_bytes_append(to, data, size, NULL);
}

static void append_u32(struct assay_gguf_image *image, struct assay_bytes *to, uint32_t value)
{
    uint8_t bytes[4];
    assay_put_le32(bytes, value);
    append(image, to, bytes, sizeof bytes);
}

static void append_u64(struct assay_gguf_image *image, struct assay_bytes *to, uint64_t value)
{
    uint8_t bytes[8];
    assay_put_le64(bytes, value);
    append(image, to, bytes, sizeof bytes);
}

static void append_text(struct assay_gguf_image *image, struct assay_bytes *to, const char *text)
{
    append_u64(image, to, strlen(text));
    append(image, to, text, strlen(text));
}

static void append_padding(struct assay_gguf_image *image, struct assay_bytes *to, size_t from)
{
    size_t alignment = image->alignment ? image->alignment : 32;
    static const uint8_t zero[1];
    while (!image->status && (to->size - from) % alignment != 0) append(image, to, zero, 1);
}

void assay_gguf_image_fini(struct assay_gguf_image *image)
{
    assay_bytes_fini(&image->keys);
    assay_bytes_fini(&image->tensors);
    assay_bytes_fini(&image->data);
}

void assay_gguf_image_raw(struct assay_gguf_image *image, const char *key, uint32_t type,
                          const void *value, size_t size)
{
    append_text(image, &image->keys, key);
    append_u32(image, &image->keys, type);
    append(image, &image->keys, value, size);
    image->key_count++;
}

void assay_gguf_image_u32(struct assay_gguf_image *image, const char *key, uint32_t value)
{
    uint8_t bytes[4];
    assay_put_le32(bytes, value);
    assay_gguf_image_raw(image, key, GGUF_U32, bytes, sizeof bytes);
}

void assay_gguf_image_f32(struct assay_gguf_image *image, const char *key, float value)
{
    uint32_t bits;
    uint8_t bytes[4];
    memcpy(&bits, &value, sizeof bits);
    assay_put_le32(bytes, bits);
    assay_gguf_image_raw(image, key, GGUF_F32, bytes, sizeof bytes);
}

void assay_gguf_image_bool(struct assay_gguf_image *image, const char *key, bool value)
{
    uint8_t byte = value;
    assay_gguf_image_raw(image, key, GGUF_BOOL, &byte, 1);
}

void assay_gguf_image_text(struct assay_gguf_image *image, const char *key, const char *value)
{
    assay_gguf_image_raw(image, key, GGUF_TEXT, NULL, 0);
    append_text(image, &image->keys, value);
}

static void begin_array(struct assay_gguf_image *image, const char *key, uint32_t type,
                        size_t count)
{
    assay_gguf_image_raw(image, key, GGUF_ARRAY, NULL, 0);
    append_u32(image, &image->keys, type);
    append_u64(image, &image->keys, count);
}

void assay_gguf_image_texts(struct assay_gguf_image *image, const char *key,
                            const char *const *values, size_t count)
{
    begin_array(image, key, GGUF_TEXT, count);
    for (size_t i = 0; i < count; i++) append_text(image, &image->keys, values[i]);
}

void assay_gguf_image_i32s(struct assay_gguf_image *image, const char *key, const int32_t *values,
                           size_t count)
{
    begin_array(image, key, GGUF_I32, count);
    for (size_t i = 0; i < count; i++) append_u32(image, &image->keys, (uint32_t)values[i]);
}

void assay_gguf_image_tensor_at(struct assay_gguf_image *image, const char *name, uint32_t type,
                                const uint64_t *dims, uint32_t dim_count, uint64_t offset,
                                const void *data, size_t size)
{
    append_text(image, &image->tensors, name);
    append_u32(image, &image->tensors, dim_count);
    for (uint32_t i = 0; i < dim_count; i++) append_u64(image, &image->tensors, dims[i]);
    append_u32(image, &image->tensors, type);
    append_u64(image, &image->tensors, offset);
    append(image, &image->data, data, size);
    append_padding(image, &image->data, 0);
    image->tensor_count++;
}

void assay_gguf_image_tensor(struct assay_gguf_image *image, const char *name, uint32_t type,
                             const uint64_t *dims, uint32_t dim_count, const void *data,
                             size_t size)
{
    assay_gguf_image_tensor_at(image, name, type, dims, dim_count, image->data.size, data, size);
}

enum assay_status assay_gguf_image_finish(const struct assay_gguf_image *image,
                                          struct assay_bytes *out, struct assay_error *err)
{
    struct assay_gguf_image sink = {.alignment = image->alignment, .status = image->status};
    size_t from = out->size;
    append(&sink, out, "GGUF", 4);
    append_u32(&sink, out, image->version ? image->version : 3);
    append_u64(&sink, out, image->tensor_count);
    append_u64(&sink, out, image->key_count);
    append(&sink, out, image->keys.data, image->keys.size);
    append(&sink, out, image->tensors.data, image->tensors.size);
    append_padding(&sink, out, from);
    append(&sink, out, image->data.data, image->data.size);
    if (sink.status) return assay_fail(err, sink.status, "GGUF image: out of memory");
    return ASSAY_OK;
}
